#include "vector/selected_slots.h"

#include <cstring>
#include <utility>

#include "pager/status_macros.h"

namespace sheaf::vectors {
namespace {

constexpr size_t kReadAtOnce = 1024;  // between ticks

}  // namespace

absl::Status SelectedSlots::Copy(const VectorReader& reader, TickFn tick) const {
  if (was_copied_ || !std::exchange(was_asked_, true)) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(CopyVectors(reader, tick));
  if (!vectors_.has_value()) SHEAF_RETURN_IF_ERROR(CopyCodes(reader, tick));
  was_copied_ = true;
  return absl::OkStatus();
}

absl::Status SelectedSlots::CopyVectors(const VectorReader& reader, TickFn tick) const {
  using Line = Vectors::Line;
  const size_t bytes = reader.layout().vector_bytes;
  const size_t lines = (bytes + sizeof(Line) - 1) / sizeof(Line);
  const size_t of_each =
      lines * sizeof(Line) + sizeof(uint32_t) + sizeof(float) + sizeof(Vectors::Key);
  const size_t count = slots().size();
  if (count > kCopiedBytesMax / of_each) return absl::OkStatus();
  const size_t key_bytes_max = kCopiedBytesMax - count * of_each;
  Vectors copy{.lines = std::vector<Line>(count * lines),
               .lines_of_each = lines,
               .norms = std::vector<float>(count),
               .keys = std::vector<Vectors::Key>(count)};
  copy.there.reserve(count);
  bool fits = true;
  for (size_t at = 0; at < count && fits; at += kReadAtOnce) {
    SHEAF_RETURN_IF_ERROR(tick());
    const absl::Status read = reader.ForVectors(
        absl::MakeConstSpan(slots()).subspan(at, kReadAtOnce),
        [&](size_t k, const StoredVector& vector) {
          const size_t i = at + k;
          fits &= copy.key_bytes.size() + vector.key.size() <= key_bytes_max;
          if (!fits) return;
          copy.there.push_back(static_cast<uint32_t>(i));
          std::memcpy(copy.lines[i * lines].bytes, vector.vector, bytes);
          copy.norms[i] = vector.norm;
          copy.keys[i] = {static_cast<uint32_t>(copy.key_bytes.size()),
                          static_cast<uint32_t>(vector.key.size())};
          copy.key_bytes.append(vector.key);
        });
    fits &= read.ok();
  }
  copy.key_bytes.shrink_to_fit();
  if (fits) vectors_ = std::move(copy);
  return absl::OkStatus();
}

absl::Status SelectedSlots::CopyCodes(const VectorReader& reader, TickFn tick) const {
  const size_t code_bytes = reader.layout().code_bytes;
  const size_t count = slots().size();
  if (reader.layout().code != Code::kByte || reader.node_count() == 0 ||
      count > kCopiedBytesMax / (code_bytes + sizeof(Slot)))
    return absl::OkStatus();
  Codes copy;
  copy.slots.reserve(count);
  copy.codes.reserve(count * code_bytes);
  for (size_t at = 0; at < count; at += kReadAtOnce) {
    SHEAF_RETURN_IF_ERROR(tick());
    const absl::Span<const Slot> some =
        absl::MakeConstSpan(slots()).subspan(at, kReadAtOnce);
    const absl::Status read = reader.ForCodes(
        some, [&](absl::Span<const size_t> indexes, absl::Span<const char* const> codes) {
          for (const size_t i : indexes) copy.slots.push_back(some[i]);
          for (const char* const code : codes)
            copy.codes.insert(copy.codes.end(), code, code + code_bytes);
        });
    if (!read.ok()) return absl::OkStatus();
  }
  codes_ = std::move(copy);
  return absl::OkStatus();
}

}  // namespace sheaf::vectors
