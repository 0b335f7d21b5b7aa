// BTree: changes a tree for the running write transaction.
//
// Every page on the way to a change is copied once a transaction (PageWriter);
// other versions keep what they see. Parents keep, besides the reference, the
// number of entries below each child, so that ranks and counts cost O(height).
//
// A full leaf is split in two; where the insertion continues an ascending run at
// the end of the tree, the left page stays full. A leaf that has a neighbour with
// room gives entries to it instead. A page below 40 % is merged with a neighbour
// or takes entries from it.
//
// When an operation fails with anything but kInvalidArgument the tree may be half
// changed: the transaction can only be rolled back.
//
// Relocate moves pages to other places in the file without changing what the tree
// holds: compaction, and a new file key.
//
// Single-writer.
#ifndef BTREE_BTREE_H_
#define BTREE_BTREE_H_
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "btree/node.h"
#include "btree/tree_reader.h"
#include "pager/page_writer.h"

namespace sheaf::btree {

// A value that leaves room for three more entries in its leaf is kept there.
inline constexpr uint64_t kInlineMax = (pager::kPageBytes - PageHeader::kSize) / 4 - 24;
// Most pages one operation makes: a copy and a split on each level.
inline constexpr uint64_t kPagesAnOperation = 3 * kHeightMax;

// Which pages are to move, and how far it has come.
struct Relocation {
  enum class Fate { kStays, kMoves, kNoRoom };  // kNoRoom: it would move, were there any
  absl::FunctionRef<Fate(const PageRef&)> fate;
  uint64_t pages_max;    // base pages to be moved before it pauses; a large value goes
                         // whole
  uint64_t pages = 0;    // copied, those on the way to what moves among them
  bool no_room = false;  // and so it pauses

  bool Moves(const PageRef& ref) {
    const Fate f = fate(ref);
    no_room = no_room || f == Fate::kNoRoom;
    return f == Fate::kMoves;
  }
};

class BTree {
 public:
  // `tree`: what its pages are marked with.
  BTree(pager::PageWriter* writer, const TreeRoot& root, Values values, uint32_t tree = 0)
      : writer_(*writer), root_(root), values_(values), tree_(tree) {}

  enum class PutMode { kUpsert, kInsertOnly };
  // Sets `*existed`; with kInsertOnly an existing entry stays as it is.
  // Requires: 1 <= key.size() <= kKeyMax, value.size() <= kValueSizeMax.
  absl::Status Put(std::string_view key, std::string_view value, PutMode mode,
                   bool* existed);
  // Puts a value that has pages of its own already (large_writer.h). `old`: whether the
  // pages of the value that it replaces are given up, or it has taken them over.
  enum class OldValue { kGiveUp, kTakenOver };
  absl::Status PutLarge(std::string_view key, const LargeRef& value, OldValue old);
  absl::StatusOr<bool> Delete(std::string_view key);
  // Deletes from <= key < to; an empty `to` is the end. Returns how many. Pages
  // that lie wholly inside are dropped without being read.
  absl::StatusOr<uint64_t> DeleteRange(std::string_view from, const std::string* to);
  absl::Status Clear();

  // Builds the tree from entries in ascending order. Requires: it is empty.
  // kInvalidArgument when the order is wrong; the tree is then empty again.
  // `tick` is called now and then and may end the load by its error.
  using NextFn = absl::FunctionRef<bool(std::string_view*, std::string_view*)>;
  absl::Status BulkLoad(NextFn next, absl::FunctionRef<absl::Status(uint64_t)> tick);

  // Moves pages, in the order of their keys, beginning with the leaf of `*from`, where
  // it goes on after a pause. True when the end was reached.
  absl::StatusOr<bool> Relocate(std::string* from, Relocation* relocation);

  const TreeRoot& root() const { return root_; }
  // For cursors: grows with each change.
  const uint64_t* changes() const { return &changes_; }
  // After a rollback to a savepoint, or in place of another tree.
  void Reset(const TreeRoot& root, Values values) {
    root_ = root;
    values_ = values;
    ++changes_;
  }

 private:
  struct Step {
    PageRef ref;
    const char* page = nullptr;
    uint32_t index = 0;
  };

  absl::Status MakeRootLeaf();
  absl::StatusOr<Node> NewNode(uint32_t level, uint32_t pages, PageRef* ref);
  // Not held over an operation that loads pages.
  using Guard = std::optional<pager::EpochGuard>;
  absl::Status Descend(std::string_view key, Guard* guard, uint32_t lowest = 0);
  absl::Status MakePathWritable(std::string_view key, Guard* guard);
  absl::Status DescendToChange(std::string_view key);
  absl::StatusOr<char*> CopyPage(const char* old, PageRef* ref);
  absl::StatusOr<char*> MakeWritable(PageRef* ref, int level);
  char* PageAt(size_t depth) { return const_cast<char*>(path_[depth].page); }
  void AddEntriesOnPath(int64_t delta);
  void MarkLeafRefs();

  absl::Status PutLargeEntry(std::string_view key, const LargeRef& value, PutMode mode,
                             bool* existed, OldValue old);
  absl::Status PutEntry(const LeafEntry& entry, PutMode mode, bool* existed,
                        OldValue old = OldValue::kGiveUp);
  absl::Status GiveUpLargeAt(const NodeView& leaf, uint32_t index);
  bool OnRightEdge(size_t depth) const;

  absl::Status MakeSpace(size_t depth, uint32_t at, std::string_view key);
  absl::Status GrowRoot();
  absl::Status Split(size_t depth, uint32_t at, std::string_view key);
  absl::StatusOr<bool> ShiftToNeighbour(size_t depth);
  absl::Status FixUnderflow(size_t depth);
  absl::Status CollapseRoot();
  absl::StatusOr<char*> WritableChild(Node* parent, uint32_t index, PageRef* ref);
  static absl::Status CheckPair(const NodeView& parent, uint32_t left_index,
                                const PageRef& left_ref, const NodeView& left,
                                const NodeView& right);
  bool Balance(Node* parent, uint32_t left_index, char* left, char* right);
  absl::Status Merge(size_t depth, uint32_t left_index, char* left,
                     const PageRef& left_ref, const char* right,
                     const PageRef& right_ref);

  absl::StatusOr<uint64_t> DeleteInside(PageRef* ref, int level, std::string_view from,
                                        const std::string* to, bool* empty);
  absl::StatusOr<uint64_t> DeleteInLeaf(Node leaf, std::string_view from,
                                        const std::string* to);
  absl::StatusOr<uint64_t> DeleteInInner(Node node, std::string_view from,
                                         const std::string* to);
  absl::Status DropSubtree(const PageRef& ref, uint32_t level);
  absl::StatusOr<bool> NothingIn(std::string_view from, const std::string* to);
  absl::Status FixPathTo(std::string_view key);

  std::optional<std::string> KeyBehind(size_t steps) const;
  absl::StatusOr<std::optional<std::string>> FindToMove(
      std::string_view from, std::optional<std::string>* behind, Relocation* relocation);
  absl::StatusOr<bool> HoldsLargeToMove(const PageRef& leaf, Relocation* relocation);
  absl::Status MoveLeaf(std::string_view key, Relocation* relocation);

  pager::PageWriter& writer_;
  TreeRoot root_;
  Values values_;
  const uint32_t tree_;
  uint64_t changes_ = 0;
  absl::InlinedVector<Step, 5> path_;
  // The finger: where the last put went. While keys go to the same leaf, path_ is
  // still the way there, and all of it can be changed in place.
  struct Finger {
    bool set = false;
    uint64_t generation = 0, changes = 0;  // path_ is as it was when these are
    bool has_low = false, has_high = false;
    std::string low, high;  // low <= keys of the leaf < high
  };
  bool OnFinger(std::string_view key) const;
  void SetFinger();
  Finger finger_;
  pager::PageId last_leaf_ = 0;
  // Entries went to a neighbour during this put. Once only: two neighbours could
  // pass the same entries to and fro.
  bool shifted_ = false;
};

}  // namespace sheaf::btree
#endif  // BTREE_BTREE_H_
