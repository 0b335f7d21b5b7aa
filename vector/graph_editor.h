// GraphEditor: changes the graph of an index: nodes and their links, which it keeps in memory
// until Flush.
//
// Links are mutual: whatever drops one drops it at both ends. A node with more than its room
// drops, of those that a nearer neighbour is nearer to (Malkov and Yashunin, algorithm 4),
// the farthest, and with it none that would be left with few links or cut off: it and the
// node must have a neighbour in common. Where a node goes, those it had linked are linked
// with each other as far as that rule lets them, and at any rate hang together still. So
// every node can be reached from every other on level 0.
//
// After an error its transaction can only be rolled back. Thread-compatible.
#ifndef VECTOR_GRAPH_EDITOR_H_
#define VECTOR_GRAPH_EDITOR_H_
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "catalog/write_txn.h"
#include "vector/candidates.h"
#include "vector/code_space.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

// Of `candidates`, nearest first, those that are not nearer to one chosen before than to the
// centre; at most `count`. `distance(i, j)`: between two of them.
template <class DistanceFn>
std::vector<size_t> ChooseLinks(absl::Span<const Near> candidates, size_t count,
                                DistanceFn&& distance) {
  std::vector<size_t> chosen;
  for (size_t i = 0; i < candidates.size() && chosen.size() < count; ++i) {
    bool is_apart = true;
    for (size_t k = 0; k < chosen.size() && is_apart; ++k)
      is_apart = distance(chosen[k], i) >= candidates[i].distance;
    if (is_apart) chosen.push_back(i);
  }
  return chosen;
}

class GraphEditor {
 public:
  // `reader`: of the write transaction that the trees are open in, or of any version in which
  // nodes and levels have the same roots. All outlive this.
  GraphEditor(const VectorReader* reader, catalog::OpenTree* nodes,
              catalog::OpenTree* levels)
      : reader_(*reader),
        layout_(reader->layout()),
        space_(layout_),
        nodes_(*nodes),
        levels_(*levels),
        entry_(reader->entry()) {}

  // A node with links to some of those wanted, by level; which there are not are left out.
  // Requires: the slot has none; `code` is as layout has it.
  absl::Status Insert(Slot slot, Stamp stamp, std::string_view code,
                      absl::Span<const std::vector<Near>> wanted);
  // False: there is none.
  absl::StatusOr<bool> Remove(Slot slot);
  absl::Status Flush();

 private:
  static constexpr size_t kMemoryAtFirst = 64 << 10;
  using Links = std::pmr::vector<Slot>;
  // In memory_, as all that belongs to it.
  struct Node {
    Slot slot;
    Stamp stamp = 0;
    bool is_there = false, is_changed = false;
    size_t stored_levels = 0;  // above 0, in the tree
    std::string_view code;
    std::pmr::vector<Links> links;  // by level; none: they were not read
  };

  // The nodes of slots, which are read from memory together. Of most that are looked at only
  // the codes are wanted: links are there after ReadLinks.
  absl::Status Load(absl::Span<const Slot> slots, std::vector<Node*>* nodes);
  absl::Status ReadLinks(absl::Span<Node* const> nodes);
  absl::StatusOr<Node*> Find(Slot slot);  // null: there is none; with links
  absl::StatusOr<Node*> Get(Slot slot);   // kDataLoss
  float Between(const Node& a, const Node& b) const {
    return space_.Between(a.code.data(), b.code.data());
  }
  static bool Has(const Node& node, size_t level, Slot slot);
  // Reads its links; kDataLoss: it has none to `other`.
  absl::Status ReadMutual(Node* node, const Node& other, size_t level);
  static bool ShareNeighbour(const Node& a, const Node& b, size_t level);
  void Link(Node* a, Node* b, size_t level);
  void Unlink(Node* a, Node* b, size_t level);
  // False: `b` had no room, and none could be made.
  absl::StatusOr<bool> Connect(Node* a, Node* b, size_t level, bool at_any_price);
  // What `b` is to drop in favour of `a`. Null: nothing, or `a` itself.
  absl::StatusOr<Node*> ChooseToDrop(Node* a, Node* b, size_t level, bool at_any_price);
  absl::Status Bridge(absl::Span<Node* const> left, size_t level);
  absl::Status MoveEntry(const Node& gone);
  std::string_view Kept(std::string_view bytes);
  absl::Status Store(Node* node);

  const VectorReader& reader_;
  const Layout& layout_;
  const CodeSpace space_;
  catalog::OpenTree &nodes_, &levels_;
  std::optional<EntryPoint> entry_;
  // Given back at once: nodes are many, and none goes before Flush.
  std::pmr::monotonic_buffer_resource memory_{kMemoryAtFirst};
  absl::flat_hash_map<Slot, Node*> known_;
  std::vector<Node*> loaded_;  // by the last Load of those that keep none
  std::string record_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_GRAPH_EDITOR_H_
