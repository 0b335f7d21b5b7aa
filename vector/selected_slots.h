// SelectedSlots: slots that searches of one snapshot choose among, and, once several did, a
// copy of what these compare with: where few are left, most of the time goes into reading
// each from a page of its own. It is the vectors, which then are ranked at once; of more the
// codes.
//
// Thread-compatible, the copy included.
#ifndef VECTOR_SELECTED_SLOTS_H_
#define VECTOR_SELECTED_SLOTS_H_
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "vector/candidates.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

class SelectedSlots {
 public:
  explicit SelectedSlots(absl::Span<const Slot> ascending) {
    if (!ascending.empty()) set_.Reset(ascending.back() + 1);
    set_.InsertAll(ascending, nullptr);
  }

  const std::vector<Slot>& slots() const { return set_.slots(); }  // ascending
  bool Has(Slot slot) const { return set_.Contains(slot); }

  struct Vectors {  // by the index of their slot
    struct alignas(64) Line {
      char bytes[64];
    };
    struct Key {
      uint32_t at = 0, size = 0;  // in key_bytes
    };
    std::vector<uint32_t> there;  // which slots have one
    std::vector<Line> lines;      // each begins with one of its own
    size_t lines_of_each = 0;
    std::vector<float> norms;
    std::vector<Key> keys;
    std::string key_bytes;

    const char* At(size_t i) const { return lines[i * lines_of_each].bytes; }
    std::string_view KeyAt(size_t i) const {
      return std::string_view(key_bytes).substr(keys[i].at, keys[i].size);
    }
  };
  struct Codes {
    std::vector<Slot> slots;  // those that have a node
    std::vector<char> codes;  // theirs, one behind the other
  };
  // A copy takes no more.
  static constexpr size_t kCopiedBytesMax = size_t{2} << 20;

  // From the second call on there is a copy, unless it were too large or something in it
  // cannot be read, of which whoever needs it learns. Only `tick`, called now and then, fails
  // this. Requires: the same reader in every call, of what does not change.
  using TickFn = absl::FunctionRef<absl::Status()>;
  absl::Status Copy(const VectorReader& reader, TickFn tick) const;
  // Null: not copied. Where there are vectors, there are no codes.
  const Vectors* vectors() const { return vectors_.has_value() ? &*vectors_ : nullptr; }
  const Codes* codes() const { return codes_.has_value() ? &*codes_ : nullptr; }

 private:
  absl::Status CopyVectors(const VectorReader& reader, TickFn tick) const;
  absl::Status CopyCodes(const VectorReader& reader, TickFn tick) const;

  SlotSet set_;
  mutable bool was_asked_ = false, was_copied_ = false;
  mutable std::optional<Vectors> vectors_;
  mutable std::optional<Codes> codes_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_SELECTED_SLOTS_H_
