#include "sheaf/document.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
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

std::optional<DocumentView> Document::Find(std::string_view path) const {
  std::optional<DocumentView> here = root();
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(path.data(), path.size()), '.')) {
    uint64_t index = 0;
    if (here->kind() == DocumentKind::kObject)
      here = here->Field({part.data(), part.size()});
    else if (here->kind() == DocumentKind::kArray && absl::SimpleAtoi(part, &index))
      here = here->Element(index);
    else
      return std::nullopt;
    if (!here.has_value()) return std::nullopt;
  }
  return here;
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
