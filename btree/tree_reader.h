// TreeReader: look-ups in one version of a B-tree. Cursor: a position in it.
//
// A tree is its root reference; versions share pages. Reading takes no lock: the
// caller's slot keeps pages in memory for the length of one operation, and the
// version the caller holds keeps them from being reused.
//
// Thread-compatible: one slot, one thread.
#ifndef BTREE_TREE_READER_H_
#define BTREE_TREE_READER_H_
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/large_value.h"
#include "btree/node.h"
#include "pager/buffer_manager.h"
#include "pager/pager.h"

namespace sheaf::btree {

inline constexpr int kHeightMax = 17;

struct TreeRoot {
  PageRef page;  // none: the tree is empty
  uint64_t entries = 0;
};

// What a look-up found. The bytes, and a large value's tail, are in `pin`'s page.
struct Found {
  bool found = false;
  bool is_large = false;
  std::string_view bytes;  // of a small value
  LargeRef large;
  pager::PinnedPage pin;  // the leaf; empty when nothing was found

  uint64_t size() const { return is_large ? large.size() : bytes.size(); }
};

// Who reads: the memory, and the slot that protects what is looked at.
struct ReadContext {
  pager::Pager* pager = nullptr;
  pager::ReaderSlot* slot = nullptr;
  pager::PageWriter* writer = nullptr;  // set when the running transaction reads

  // Loads a page that was not in memory. Requires: no EpochGuard held.
  absl::Status Load(const PageRef& ref) const;
};

class TreeReader {
 public:
  TreeReader(const ReadContext& context, const TreeRoot& root)
      : context_(context), root_(root) {}

  absl::Status Find(std::string_view key, Found* out) const;
  // All at once, memory accesses interleaved. Requires: out.size() == keys.size().
  absl::Status FindMany(absl::Span<const std::string_view> keys,
                        absl::Span<Found> out) const;

  // Entries with keys below `key`.
  absl::StatusOr<uint64_t> Rank(std::string_view key) const;
  // The key with `rank` smaller ones. kOutOfRange.
  absl::StatusOr<std::string> KeyAt(uint64_t rank) const;

  const TreeRoot& root() const { return root_; }

 private:
  friend class TreeCursor;
  static constexpr size_t kLanes = 16;

  // Follows `step(node)` down to a leaf. Runs `at_leaf` there, in the guard.
  template <class Step, class AtLeaf>
  absl::Status Descend(Step step, AtLeaf at_leaf) const;
  absl::Status FindLanes(absl::Span<const std::string_view> keys,
                         absl::Span<Found> out) const;
  void Take(const NodeView& leaf, const PageRef& ref, std::string_view key,
            Found* out) const;

  const ReadContext& context_;
  const TreeRoot& root_;
};

class TreeCursor {
 public:
  // `root` and `changes` are looked at again at each move: the owner changes them
  // when its transaction writes. `changes` may be null when nobody does.
  TreeCursor(const ReadContext& context, const TreeRoot* root, const uint64_t* changes);
  // The tree has not changed since the cursor came to where it stands.
  bool Fresh() const { return changes_ == nullptr || *changes_ == seen_; }

  bool SeekFirst();
  bool SeekLast();
  bool Seek(std::string_view key);
  bool SeekAtOrBefore(std::string_view key);
  bool Next();
  bool Prev();

  bool Valid() const { return valid_; }
  const absl::Status& status() const { return status_; }
  void Fail(absl::Status status);

  std::string_view key();
  NodeView::LeafValue value() const { return NodeView(leaf_.data()).Value(index_); }
  PageRef leaf_ref() const { return path_[depth_].ref; }
  NodeView leaf() const { return NodeView(leaf_.data()); }
  // It is of a version; those of a running transaction may change.
  bool LeafStays() const { return context_.writer == nullptr; }
  // BufferManager::IsChecked of it.
  bool LeafIsChecked() const {
    return LeafStays() && context_.pager->buffer().IsChecked(leaf_.id());
  }
  // Requires: LeafStays().
  void MarkLeafChecked() { context_.pager->buffer().MarkChecked(leaf_.id()); }

 private:
  struct Step {
    PageRef ref;
    uint32_t index = 0;
  };
  enum class Edge { kLow, kHigh };

  bool Position(std::string_view key, bool* exact);
  bool Enter(uint32_t depth, Edge edge);
  void BeginPrefetch(const NodeView& parent, uint32_t index, int direction);
  void PrefetchSome();
  bool BeginScan(int direction);
  bool MoveLeaf(int direction);
  bool NoteLeaf(int direction);
  bool Settle();
  // Runs `fn(page)` under the guard with the page in memory.
  template <class Fn>
  bool WithPage(const PageRef& ref, Fn fn);
  bool TakeLeaf(const PageRef& ref);

  const ReadContext& context_;
  const TreeRoot* root_;
  const uint64_t* changes_;
  uint64_t seen_ = 0;
  Step path_[kHeightMax];
  uint32_t depth_ = 0;  // of the leaf
  uint32_t level_of_parent_ = 0;
  pager::PinnedPage leaf_;
  uint32_t index_ = 0, count_ = 0;
  uint64_t leaves_ = 0;  // entered since the last seek, in one direction
  int direction_ = 0;
  const char* ahead_ = nullptr;  // the leaf being prefetched; may be anything by now
  size_t ahead_at_ = 0;          // how far
  bool scanning_ = false;        // moved since the last seek
  bool valid_ = false;
  bool have_key_ = false;
  bool have_prefix_ = false;  // key_ begins with that of the leaf
  std::string key_;
  absl::Status status_;
};

// Compares every page of a tree with its parent and its neighbours. Calls
// `on_page` for each page it holds, large values included, and `on_problem` for
// each thing that is wrong; goes on where it can. `on_page` says whether to look
// into the page: not into one that was seen before, or a page that many refer to
// would be visited by as many ways as lead there.
struct TreeCheck {
  uint64_t entries = 0, pages = 0;
};
enum class Seen { kFirstTime, kBefore };
absl::StatusOr<TreeCheck> CheckTree(
    pager::Pager* pager, const TreeRoot& root, Values values, uint32_t tree,
    absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page,
    absl::FunctionRef<void(pager::PageId, const std::string&)> on_problem);

// The kinds of page that trees are made of.
const pager::PageOps& TreePageOps();

}  // namespace sheaf::btree
#endif  // BTREE_TREE_READER_H_
