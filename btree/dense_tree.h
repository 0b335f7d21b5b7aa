// DenseTree: changes a tree whose keys are the numbers 0, 1, 2, …, for the running write
// transaction. Its pages: dense_node.h.
//
// An index page is an array, so a record is two or three array reads away, and one page is
// where it lies: no search. Where keys leave gaps, pages of the index are missing or leaves
// are few; a tree of keys far apart takes a leaf a key.
//
// Every page on the way to a change is copied once a transaction (PageWriter). A full leaf
// is split between two groups, so that both are about as full, or, where keys are appended,
// the left one stays as it is. One of a single group grows instead, up to 16 base pages. A
// leaf that is less than 40 % full is merged with a neighbour that has the room.
//
// When an operation fails with anything but kInvalidArgument the tree may be half
// changed: the transaction can only be rolled back.
//
// Single-writer.
#ifndef BTREE_DENSE_TREE_H_
#define BTREE_DENSE_TREE_H_
#include <cstdint>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "btree/btree.h"
#include "btree/dense_node.h"
#include "pager/page_writer.h"

namespace sheaf::btree {

class DenseTree {
 public:
  // `tree`: what its pages are marked with.
  DenseTree(pager::PageWriter* writer, const TreeRoot& root, DenseRecords records,
            uint32_t tree)
      : writer_(*writer), root_(root), records_(records), tree_(tree) {}

  // Sets `*existed`. kInvalidArgument: a key of kDenseKeyEnd or more, a record of no byte
  // or over kDenseRecordMax.
  absl::Status Put(DenseKey key, std::string_view record, bool* existed);
  absl::StatusOr<bool> Delete(DenseKey key);
  absl::StatusOr<bool> Contains(DenseKey key);
  absl::Status Clear();

  // Builds the tree from records in ascending order. Requires: it is empty. Errors and
  // `tick` as in BTree::BulkLoad.
  using NextFn = absl::FunctionRef<bool(DenseKey*, std::string_view*)>;
  absl::Status BulkLoad(NextFn next, absl::FunctionRef<absl::Status(uint64_t)> tick);

  // As BTree::Relocate.
  absl::StatusOr<bool> Relocate(DenseKey* from, Relocation* relocation);

  const TreeRoot& root() const { return root_; }
  // For cursors: grows with each change.
  const uint64_t* changes() const { return &changes_; }
  void Reset(const TreeRoot& root) {
    root_ = root;
    ++changes_;
  }

 private:
  struct Step {
    PageRef ref;
    const char* page = nullptr;
    uint32_t index = 0;  // of the entry that is followed
  };

  absl::StatusOr<DenseIndex> NewIndex(uint32_t level, uint64_t first_group, PageRef* ref);
  // With room for records of so many bytes.
  absl::StatusOr<DenseLeaf> NewLeaf(uint64_t first_group, uint32_t groups, uint64_t bytes,
                                    PageRef* ref);
  absl::StatusOr<DenseIndexView> ReadIndex(const PageRef& ref, int level);
  absl::StatusOr<DenseLeafView> ReadLeaf(uint32_t index);
  // Reads the way to the first leaf at or behind `*group`, which becomes its first group
  // or stays what it is, if it lies inside. False: there is none.
  absl::StatusOr<bool> Descend(uint64_t* group);
  // Makes the way to the group, of pages that are the transaction's own.
  absl::Status DescendToChange(uint64_t group);
  absl::Status GrowRootTo(uint64_t group);
  absl::StatusOr<DenseLeaf> WritableLeaf();
  DenseIndex Last() { return DenseIndex(const_cast<char*>(path_.back().page)); }
  uint32_t EntryOf(uint64_t group) {
    return static_cast<uint32_t>(group - Last().first_group());
  }
  void SetRun(const DenseLeafView& leaf, const PageRef& ref) {
    const uint32_t begin = EntryOf(leaf.first_group());
    Last().SetChildren(begin, begin + leaf.groups(), ref);
  }

  // These change the leaf that path_ leads to.
  absl::Status Resize(uint64_t bytes);
  absl::Status Split(DenseKey key);
  absl::Status Settle();
  absl::StatusOr<bool> Merge(uint32_t left, uint32_t right);
  absl::Status DropLeaf();

  absl::Status DropSubtree(const PageRef& ref, int level);

  pager::PageWriter& writer_;
  TreeRoot root_;
  const DenseRecords records_;
  const uint32_t tree_;
  uint64_t changes_ = 0;
  absl::InlinedVector<Step, 4> path_;
};

}  // namespace sheaf::btree
#endif  // BTREE_DENSE_TREE_H_
