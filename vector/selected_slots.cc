#include "vector/selected_slots.h"

#include <utility>

#include "pager/status_macros.h"

namespace sheaf::vectors {

absl::StatusOr<const SelectedSlots::Codes*> SelectedSlots::CopiedCodes(
    const VectorReader& reader) const {
  const size_t code_bytes = reader.layout().code_bytes;
  const std::vector<Slot>& all = slots();
  if (codes_.has_value()) return &*codes_;
  if (!std::exchange(was_asked_, true) || all.size() > kCopiedBytesMax / code_bytes)
    return nullptr;
  Codes copy;
  copy.slots.reserve(all.size());
  copy.codes.reserve(all.size() * code_bytes);
  SHEAF_RETURN_IF_ERROR(reader.ForCodes(
      all, [&](absl::Span<const size_t> indexes, absl::Span<const char* const> codes) {
        for (const size_t i : indexes) copy.slots.push_back(all[i]);
        for (const char* const code : codes)
          copy.codes.insert(copy.codes.end(), code, code + code_bytes);
      }));
  return &codes_.emplace(std::move(copy));
}

}  // namespace sheaf::vectors
