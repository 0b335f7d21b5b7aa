// What of Collection changes a document if it is what the caller takes it to be.
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "document/compare.h"
#include "document/filter.h"
#include "document/json_codec.h"
#include "pager/status_macros.h"
#include "sheaf/collection.h"

namespace sheaf {

absl::StatusOr<bool> Collection::CompareAndSet(const DocumentKey& key,
                                               std::optional<std::string_view> expected,
                                               std::optional<std::string_view> desired) {
  if (state_ == nullptr) return internal::TransactionState::Ended();
  document::NameTable names;
  std::string wanted;
  if (expected.has_value()) {
    const absl::StatusOr<std::string> parsed = document::JsonToBinary(*expected, &names);
    if (!parsed.ok())
      return internal::At(absl::StrCat(name(), ": ", key.ToString(), ": expected"),
                          parsed.status());
    wanted = *parsed;
  }
  bool is_equal = false;
  SHEAF_ASSIGN_OR_RETURN(const bool there, Visit(key, [&](const DocumentView& document) {
                           is_equal = expected.has_value() &&
                                      document::Compare(
                                          document, document::RootOf(wanted, names)) == 0;
                         }));
  if (there ? !is_equal : expected.has_value()) return false;
  if (desired.has_value()) {
    SHEAF_RETURN_IF_ERROR(Put(key, *desired));
  } else if (there) {
    SHEAF_RETURN_IF_ERROR(Delete(key).status());
  }
  return true;
}

absl::StatusOr<bool> Collection::UpdateIf(const DocumentKey& key, std::string_view filter,
                                          std::string_view update) {
  SHEAF_ASSIGN_OR_RETURN(const document::Filter parsed, document::Filter::Parse(filter));
  if (parsed.UsesKey())
    return absl::InvalidArgumentError(
        absl::StrCat(name(), ": filter: ", std::string(document::kKeyPath),
                     " is given by the key already: leave it out, or use UpdateWhere"));
  bool matches = false;
  SHEAF_RETURN_IF_ERROR(Visit(key, [&](const DocumentView& document) {
                          matches = parsed.Matches(document);
                        }).status());
  if (!matches) return false;
  SHEAF_RETURN_IF_ERROR(Update(key, update).status());
  return true;
}

}  // namespace sheaf
