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
#include <vector>

#include "absl/status/statusor.h"
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
    std::vector<uint32_t> there;  // which slots have one
    std::vector<Line> lines;      // each begins with one of its own
    size_t lines_of_each = 0;
    std::vector<float> norms;
    std::vector<std::string> keys;

    const char* At(size_t i) const { return lines[i * lines_of_each].bytes; }
  };
  struct Codes {
    std::vector<Slot> slots;  // those that have a node
    std::vector<char> codes;  // theirs, one behind the other
  };
  static constexpr size_t kCopiedBytesMax = size_t{2} << 20;
  // From the second call on, if they take no more; codes, if vectors take more. Null: read
  // them from their pages. Requires: the same reader in every call, of what does not change.
  absl::StatusOr<const Vectors*> CopiedVectors(const VectorReader& reader) const;
  absl::StatusOr<const Codes*> CopiedCodes(const VectorReader& reader) const;

 private:
  static size_t LinesOf(const Layout& layout) {
    return (layout.vector_bytes + sizeof(Vectors::Line) - 1) / sizeof(Vectors::Line);
  }
  bool VectorsFit(const Layout& layout) const {
    const size_t bytes = LinesOf(layout) * sizeof(Vectors::Line) + sizeof(std::string);
    return slots().size() <= kCopiedBytesMax / bytes;
  }

  SlotSet set_;
  mutable bool was_asked_ = false;
  mutable std::optional<Vectors> vectors_;
  mutable std::optional<Codes> codes_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_SELECTED_SLOTS_H_
