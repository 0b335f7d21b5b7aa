#include "sheaf/document.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "document/json_codec.h"
#include "pager/status_macros.h"

namespace sheaf {

using document::NameTable;

Document::Document(Value bytes, std::shared_ptr<const NameTable> names)
    : value_(std::make_shared<const Value>(std::move(bytes))), names_(std::move(names)) {}
Document::Document(std::string bytes, std::shared_ptr<const NameTable> names)
    : string_(std::make_shared<const std::string>(std::move(bytes))),
      names_(std::move(names)) {}

absl::StatusOr<Document> Document::FromJson(std::string_view json) {
  auto names = std::make_shared<NameTable>();
  SHEAF_ASSIGN_OR_RETURN(std::string bytes, document::JsonToBinary(json, names.get()));
  return Document(std::move(bytes), std::move(names));
}

absl::StatusOr<std::string> ToJson(const DocumentView& value) {
  std::string json;
  SHEAF_RETURN_IF_ERROR(document::AppendJson(value, &json));
  return json;
}

absl::StatusOr<std::string> Document::ToJson() const { return sheaf::ToJson(root()); }

DocumentView Document::root() const {
  static constexpr char kNull[] = {0};
  if (value_ != nullptr) return document::RootOf(value_->view(), *names_);
  if (string_ != nullptr) return document::RootOf(*string_, *names_);
  return DocumentView::At(kNull, kNull + 1, nullptr);
}

std::optional<DocumentView> FindPath(const DocumentView& value, std::string_view path) {
  std::optional<DocumentView> here = value;
  while (true) {
    const size_t dot = std::min(path.find('.'), path.size());
    const std::string_view part = path.substr(0, dot);
    uint64_t index = 0;
    if (here->kind() == DocumentKind::kObject)
      here = here->Field(part);
    else if (here->kind() == DocumentKind::kArray &&
             absl::SimpleAtoi({part.data(), part.size()}, &index))
      here = here->Element(index);
    else
      return std::nullopt;
    if (!here.has_value() || dot == path.size()) return here;
    path.remove_prefix(dot + 1);
  }
}

DocumentBuilder::DocumentBuilder() : names_(std::make_shared<NameTable>()) {
  writer_.emplace(names_.get());
}

absl::StatusOr<Document> DocumentBuilder::Build() {
  absl::StatusOr<std::string> bytes = writer_->Finish();
  const std::shared_ptr<NameTable> names =
      std::exchange(names_, std::make_shared<NameTable>());
  writer_.emplace(names_.get());
  if (!bytes.ok()) return bytes.status();
  return Document(*std::move(bytes), names);
}

}  // namespace sheaf
