// LinkPlanner: which links vectors that await linking should get, found in a snapshot: the
// expensive part of linking, which keeps nobody waiting. GraphEditor makes them.
//
// Thread-compatible: one a thread, and its own snapshot.
#ifndef VECTOR_LINK_PLANNER_H_
#define VECTOR_LINK_PLANNER_H_
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "vector/code_space.h"
#include "vector/graph_search.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

// What is to become of one slot.
struct LinkPlan {
  Slot slot = 0;
  Stamp stamp = 0;                        // 0: its vector is gone
  std::string vector, code;               // empty: it is not that of this stamp any more
  std::vector<std::vector<Near>> wanted;  // by level
};

// Reads the vectors of a batch and encodes them, where they are still what it says.
absl::Status ReadVectors(const VectorReader& reader, absl::Span<LinkPlan> batch);

// Puts each beside one near to it: searches for them meet the same nodes, which are in the
// processor's cache then. Requires: ReadVectors.
void OrderByNearness(const Layout& layout, absl::Span<LinkPlan> batch);

class LinkPlanner {
 public:
  // `batch`: the slots of all that are planned here or were before and are not linked yet: the
  // nodes that they have go.
  LinkPlanner(const VectorReader* reader, const SlotSet* batch)
      : reader_(*reader),
        layout_(reader->layout()),
        space_(layout_),
        leaving_(*batch),
        search_(reader) {}

  // Finds links for batch[i], also to those that come before it in the batch. Requires:
  // ReadVectors for all of it.
  absl::Status Plan(absl::Span<LinkPlan> batch, size_t i);

 private:
  // Of near ones, nearest first, of which those of the batch go by their place in it:
  // kSlotEnd and up.
  absl::Status Choose(absl::Span<const Near> near, absl::Span<const LinkPlan> batch,
                      std::vector<Near>* chosen);

  const VectorReader& reader_;
  const Layout& layout_;
  const CodeSpace space_;
  const SlotSet& leaving_;
  GraphSearch search_;
  std::vector<Near> near_;
  std::vector<Slot> slots_;
  std::vector<size_t> places_;
  std::string codes_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_LINK_PLANNER_H_
