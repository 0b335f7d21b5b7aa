// SelectedSlots: slots that searches of one snapshot choose among, and, once several did, a
// copy of their codes: where few are left to compare with, most of the time goes into reading
// each from a page of its own.
//
// Thread-compatible, the copy included.
#ifndef VECTOR_SELECTED_SLOTS_H_
#define VECTOR_SELECTED_SLOTS_H_
#include <cstddef>
#include <optional>
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

  struct Codes {
    std::vector<Slot> slots;  // those that have a node
    std::vector<char> codes;  // theirs, one behind the other
  };
  static constexpr size_t kCopiedBytesMax = size_t{2} << 20;
  // From the second call on, if they take no more. Null: read them from their pages.
  // Requires: the same reader in every call, of what does not change.
  absl::StatusOr<const Codes*> CopiedCodes(const VectorReader& reader) const;

 private:
  SlotSet set_;
  mutable bool was_asked_ = false;
  mutable std::optional<Codes> codes_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_SELECTED_SLOTS_H_
