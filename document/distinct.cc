#include "document/distinct.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "document/canonical.h"
#include "document/compare.h"

namespace sheaf::document {

absl::Status Distinct::Add(const View& document) {
  if (document.is_damaged()) return absl::DataLossError("a stored document is damaged");
  absl::Status status;
  path_.ForEach(document, ArrayEnd::kElements, [&](const View* value) {
    if (value != nullptr) status = AddValue(*value);
    return !status.ok();
  });
  return status;
}

absl::Status Distinct::AddValue(const View& value) {
  if (value.is_damaged()) return absl::DataLossError("a stored document is damaged");
  const std::string_view canonical = Canonical(value, &scratch_);
  if (seen_.contains(canonical)) return absl::OkStatus();
  const std::string_view copy = arena_.Copy(canonical);
  seen_.insert(copy);
  const std::string_view bytes =
      canonical.data() == value.bytes().data() ? copy : arena_.Copy(value.bytes());
  values_.push_back(View::At(bytes.data(), bytes.data() + bytes.size(), value.names()));
  const size_t memory = arena_.bytes() + values_.capacity() * sizeof(View) +
                        seen_.capacity() * (sizeof(std::string_view) + 1);
  if (memory <= memory_bytes_max_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "distinct: ", path_.text(), ": ", values_.size(), " values need more than ",
      memory_bytes_max_, " bytes (memory_bytes_max); name fewer documents"));
}

absl::Span<const View> Distinct::Finish() {
  std::sort(values_.begin(), values_.end(),
            [](const View& a, const View& b) { return Compare(a, b) < 0; });
  return values_;
}

}  // namespace sheaf::document
