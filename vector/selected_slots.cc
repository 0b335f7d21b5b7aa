#include "vector/selected_slots.h"

#include <cstring>
#include <utility>

#include "pager/status_macros.h"

namespace sheaf::vectors {

absl::StatusOr<const SelectedSlots::Vectors*> SelectedSlots::CopiedVectors(
    const VectorReader& reader) const {
  if (vectors_.has_value()) return &*vectors_;
  if (!VectorsFit(reader.layout()) || !std::exchange(was_asked_, true)) return nullptr;
  const size_t bytes = reader.layout().vector_bytes;
  const size_t count = slots().size();
  const size_t lines = LinesOf(reader.layout());
  Vectors copy{.lines = std::vector<Vectors::Line>(count * lines),
               .lines_of_each = lines,
               .norms = std::vector<float>(count),
               .keys = std::vector<std::string>(count)};
  SHEAF_RETURN_IF_ERROR(
      reader.ForVectors(slots(), [&](size_t i, const StoredVector& vector) {
        copy.there.push_back(static_cast<uint32_t>(i));
        std::memcpy(copy.lines[i * lines].bytes, vector.vector, bytes);
        copy.norms[i] = vector.norm;
        copy.keys[i] = vector.key;
      }));
  return &vectors_.emplace(std::move(copy));
}

absl::StatusOr<const SelectedSlots::Codes*> SelectedSlots::CopiedCodes(
    const VectorReader& reader) const {
  const size_t code_bytes = reader.layout().code_bytes;
  const std::vector<Slot>& all = slots();
  if (codes_.has_value()) return &*codes_;
  if (VectorsFit(reader.layout()) || !std::exchange(was_asked_, true) ||
      all.size() > kCopiedBytesMax / code_bytes)
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
