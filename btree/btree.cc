#include "btree/btree.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "btree/large_value.h"
#include "btree/separator.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using pager::kPageBytes;
using pager::PageDamaged;
using pager::PageKind;
using pager::PinnedPage;

namespace {

// Below this a page is merged with a neighbour or takes entries from it.
constexpr uint32_t kLowPermille = 400;

absl::Status OutsideItsBounds(const PageRef& ref) {
  return PageDamaged(ref.id, "holds keys outside the bounds its parent sets");
}

absl::Status NotWhatItsParentSays(const PageRef& ref) {
  return PageDamaged(ref.id, "is not the kind or level of page its parent says");
}

// Is it a node, of this level? A negative level: of any.
absl::Status CheckNode(const char* page, const PageRef& ref, int level) {
  const PageKind kind = pager::PageKindOf(page);
  if (kind != PageKind::kLeaf && kind != PageKind::kInner)
    return NotWhatItsParentSays(ref);
  if (level >= 0 && static_cast<int>(NodeView(page).level()) != level)
    return NotWhatItsParentSays(ref);
  return absl::OkStatus();
}

}  // namespace

// --- Paths ------------------------------------------------------------------

absl::StatusOr<Node> BTree::NewNode(uint32_t level, uint32_t pages, PageRef* ref) {
  SHEAF_ASSIGN_OR_RETURN(
      char* page,
      writer_.New(level == 0 ? PageKind::kLeaf : PageKind::kInner, pages, ref));
  Node(page).SetTree(tree_);
  return Node(page);
}

absl::Status BTree::MakeRootLeaf() {
  SHEAF_ASSIGN_OR_RETURN(Node leaf, NewNode(0, 1, &root_.page));
  root_.page.leaf_refs = values_ == Values::kRefs;
  leaf.Init(0, values_, {});
  return absl::OkStatus();
}

// Reads the way to the leaf of `key` into path_, or to its ancestor of level `lowest` if
// there is one. Its pages stay where they are while the guard lives.
absl::Status BTree::Descend(std::string_view key, Guard* guard, uint32_t lowest) {
  finger_.set = false;
  for (;;) {
    guard->reset();
    writer_.Enter(guard);
    path_.clear();
    PageRef ref = root_.page;
    const char* page = writer_.Peek(ref);
    for (int level = -1; page != nullptr; page = writer_.Peek(ref)) {
      if (pager::BirthOf(page) != ref.birth) return pager::BirthDiffers(page, ref);
      SHEAF_RETURN_IF_ERROR(CheckNode(page, ref, level < 0 ? level : level - 1));
      const NodeView node(page);
      if (node.values() != values_)
        return PageDamaged(ref.id, "flags are those of another kind of tree");
      level = static_cast<int>(node.level());
      const uint32_t index = level == 0 ? 0 : node.ChildIndex(key);
      path_.push_back({ref, page, index});
      if (level <= static_cast<int>(lowest)) {
        writer_.slot()->CountLookups(path_.size());
        return absl::OkStatus();
      }
      ref = node.ChildPage(index);
      writer_.pager().buffer().Prefetch(ref.id);
    }
    guard->reset();
    SHEAF_RETURN_IF_ERROR(writer_.Load(ref));
  }
}

// The same, and all of it becomes the transaction's own.
absl::Status BTree::DescendToChange(std::string_view key) {
  Guard guard;
  SHEAF_RETURN_IF_ERROR(Descend(key, &guard));
  return MakePathWritable(key, &guard);
}

absl::StatusOr<char*> BTree::CopyPage(const char* old, PageRef* ref) {
  const NodeView from(old);
  PageRef copy;
  SHEAF_ASSIGN_OR_RETURN(char* page,
                         writer_.New(pager::PageKindOf(old), ref->pages, &copy));
  const size_t head = from.slots_at() + from.count() * NodeView::kSlotSize;
  page[PageHeader::kLevel] = old[PageHeader::kLevel];
  page[PageHeader::kFlags] = old[PageHeader::kFlags];
  std::memcpy(page + PageHeader::kKindFields, old + PageHeader::kKindFields,
              head - PageHeader::kKindFields);
  const size_t heap = from.end() - from.heap_bytes();
  std::memcpy(page + heap, old + heap, from.heap_bytes());
  copy.leaf_refs = ref->leaf_refs;
  writer_.GiveUp(*ref);
  *ref = copy;
  return page;
}

// Copies the page unless it is the transaction's own; `*ref` then names the copy.
absl::StatusOr<char*> BTree::MakeWritable(PageRef* ref, int level) {
  if (char* own = writer_.InPlace(*ref)) return own;
  SHEAF_ASSIGN_OR_RETURN(const char* old, writer_.Read(*ref));
  SHEAF_RETURN_IF_ERROR(CheckNode(old, *ref, level));
  return CopyPage(old, ref);
}

// Makes the way to `key` that Descend found the transaction's own. Ends the guard.
absl::Status BTree::MakePathWritable(std::string_view key, Guard* guard) {
  if (!writer_.prepared()) [[unlikely]] {  // once in a database's life, and not quick
    guard->reset();
    SHEAF_RETURN_IF_ERROR(writer_.Prepare());
    SHEAF_RETURN_IF_ERROR(Descend(key, guard));
  }
  for (size_t d = 0; d < path_.size(); ++d) {
    Step& step = path_[d];
    if (char* own = writer_.InPlace(step.ref)) {
      step.page = own;
      continue;
    }
    SHEAF_ASSIGN_OR_RETURN(step.page, CopyPage(step.page, &step.ref));
    if (d == 0)
      root_.page = step.ref;
    else
      Node(PageAt(d - 1)).SetChildPage(path_[d - 1].index, step.ref);
  }
  guard->reset();
  ++changes_;
  return absl::OkStatus();
}

void BTree::AddEntriesOnPath(int64_t delta) {
  root_.entries += static_cast<uint64_t>(delta);
  for (size_t d = 0; d + 1 < path_.size(); ++d)
    Node(PageAt(d)).AddEntries(path_[d].index, delta);
}

// The leaf of path_ now holds a reference: its ancestors' references say so.
void BTree::MarkLeafRefs() {
  for (size_t d = path_.size(); d-- > 0;) {
    if (path_[d].ref.leaf_refs) continue;
    path_[d].ref.leaf_refs = true;
    if (d == 0)
      root_.page.leaf_refs = true;
    else
      Node(PageAt(d - 1)).SetChildPage(path_[d - 1].index, path_[d].ref);
  }
}

bool BTree::OnRightEdge(size_t depth) const {
  for (size_t d = 0; d < depth; ++d)
    if (path_[d].index + 1 != NodeView(path_[d].page).count()) return false;
  return true;
}

// --- Put and delete ---------------------------------------------------------

absl::Status BTree::Put(std::string_view key, std::string_view value, PutMode mode,
                        bool* existed) {
  SHEAF_ASSERT(!key.empty() && key.size() <= kKeyMax);
  if (value.size() + std::min<size_t>(key.size(), kInlineMax / 2) <= kInlineMax) {
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
    return PutEntry({key, value, false}, mode, existed);
  }
  SHEAF_ASSIGN_OR_RETURN(const LargeRef large, WriteLarge(&writer_, value));
  SHEAF_RETURN_IF_ERROR(PutLargeEntry(key, large, mode, existed, OldValue::kGiveUp));
  return *existed && mode == PutMode::kInsertOnly ? GiveUpLarge(&writer_, large)
                                                  : absl::OkStatus();
}

absl::Status BTree::PutLarge(std::string_view key, const LargeRef& value, OldValue old) {
  bool existed = false;
  return PutLargeEntry(key, value, PutMode::kUpsert, &existed, old);
}

absl::Status BTree::PutLargeEntry(std::string_view key, const LargeRef& value,
                                  PutMode mode, bool* existed, OldValue old) {
  const EncodedLarge encoded(value);
  SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
  SHEAF_RETURN_IF_ERROR(PutEntry({key, encoded.view(), true}, mode, existed, old));
  if (*existed && mode == PutMode::kInsertOnly) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
  SHEAF_RETURN_IF_ERROR(DescendToChange(key));
  MarkLeafRefs();
  return absl::OkStatus();
}

absl::Status BTree::GiveUpLargeAt(const NodeView& leaf, uint32_t index) {
  const NodeView::LeafValue old = leaf.Value(index);
  if (!old.is_large) return absl::OkStatus();
  return GiveUpLarge(&writer_, DecodeLargeRef(old.bytes));
}

absl::Status BTree::PutEntry(const LeafEntry& entry, PutMode mode, bool* existed,
                             OldValue old) {
  *existed = false;
  shifted_ = false;
  if (!root_.page) SHEAF_RETURN_IF_ERROR(MakeRootLeaf());
  for (;;) {
    const bool on_finger = OnFinger(entry.key);
    Guard guard;
    if (!on_finger) SHEAF_RETURN_IF_ERROR(Descend(entry.key, &guard));
    const NodeView::Position at = NodeView(path_.back().page).LowerBound(entry.key);
    if (at.exact && mode == PutMode::kInsertOnly) {
      *existed = true;
      return absl::OkStatus();
    }
    if (on_finger)
      finger_.changes = ++changes_;
    else
      SHEAF_RETURN_IF_ERROR(MakePathWritable(entry.key, &guard));
    Node leaf(PageAt(path_.size() - 1));
    if (at.exact) {
      *existed = true;
      if (old == OldValue::kGiveUp) SHEAF_RETURN_IF_ERROR(GiveUpLargeAt(leaf, at.index));
      if (leaf.Replace(at.index, entry)) {
        SetFinger();
        return absl::OkStatus();
      }
      // It needs more room than the leaf has: from here on it is an insertion.
      leaf.Remove(at.index);
      AddEntriesOnPath(-1);
    }
    if (leaf.Insert(at.index, entry)) {
      AddEntriesOnPath(1);
      SetFinger();
      return absl::OkStatus();
    }
    finger_.set = false;
    SHEAF_RETURN_IF_ERROR(MakeSpace(path_.size() - 1, at.index, entry.key));
  }
}

bool BTree::OnFinger(std::string_view key) const {
  return finger_.set && finger_.changes == changes_ &&
         finger_.generation == writer_.generation() &&
         (!finger_.has_low || key >= finger_.low) &&
         (!finger_.has_high || key < finger_.high);
}

// Called when path_ led to a change. The bounds are worth their cost only when
// puts come to one leaf in a row.
void BTree::SetFinger() {
  const pager::PageId leaf = path_.back().ref.id;
  if (finger_.set && finger_.changes == changes_ && leaf == last_leaf_) return;
  finger_.set = leaf == last_leaf_;
  last_leaf_ = leaf;
  if (!finger_.set) return;
  finger_.generation = writer_.generation();
  finger_.changes = changes_;
  finger_.has_low = finger_.has_high = false;
  for (size_t d = path_.size() - 1; d-- > 0;) {
    const NodeView node(path_[d].page);
    const uint32_t index = path_[d].index;
    if (!finger_.has_low && index > 0) {
      node.KeyTo(index, &finger_.low);
      finger_.has_low = true;
    }
    if (!finger_.has_high && index + 1 < node.count()) {
      node.KeyTo(index + 1, &finger_.high);
      finger_.has_high = true;
    }
  }
}

absl::StatusOr<bool> BTree::Delete(std::string_view key) {
  if (!root_.page) return false;
  SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
  Guard guard;
  SHEAF_RETURN_IF_ERROR(Descend(key, &guard));
  const NodeView::Position at = NodeView(path_.back().page).LowerBound(key);
  if (!at.exact) return false;
  SHEAF_RETURN_IF_ERROR(MakePathWritable(key, &guard));
  Node leaf(PageAt(path_.size() - 1));
  SHEAF_RETURN_IF_ERROR(GiveUpLargeAt(leaf, at.index));
  leaf.Remove(at.index);
  AddEntriesOnPath(-1);
  SHEAF_RETURN_IF_ERROR(FixUnderflow(path_.size() - 1));
  return true;
}

absl::Status BTree::Clear() {
  if (!root_.page) return absl::OkStatus();
  uint32_t level;
  {
    SHEAF_ASSIGN_OR_RETURN(const char* page, writer_.pager().buffer().Pin(root_.page));
    PinnedPage pin(&writer_.pager().buffer(), root_.page.id, page);
    SHEAF_RETURN_IF_ERROR(CheckNode(page, root_.page, -1));
    level = NodeView(page).level();
  }
  PageRef root = root_.page;
  root.leaf_refs = true;  // look at it: nobody keeps the root's own flag
  SHEAF_RETURN_IF_ERROR(DropSubtree(root, level));
  root_ = TreeRoot{};
  ++changes_;
  return absl::OkStatus();
}

// --- Split ------------------------------------------------------------------

// Makes room for an entry at slot `at` of the page at `depth`, or for a later try.
absl::Status BTree::MakeSpace(size_t depth, uint32_t at, std::string_view key) {
  const bool appends = OnRightEdge(depth) && at == NodeView(path_[depth].page).count();
  if (depth > 0 && !appends && !shifted_) {
    SHEAF_ASSIGN_OR_RETURN(shifted_, ShiftToNeighbour(depth));
    if (shifted_) return absl::OkStatus();
  }
  return Split(depth, at, key);
}

absl::Status BTree::GrowRoot() {
  const NodeView old(path_[0].page);
  const uint32_t level = old.level() + 1;
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(Node root, NewNode(level, 1, &ref));
  root.Init(level, old.values(), {});
  ref.leaf_refs = path_[0].ref.leaf_refs;
  const bool inserted = root.InsertChild(0, {}, {path_[0].ref, root_.entries});
  SHEAF_ASSERT(inserted);
  root_.page = ref;
  path_.insert(path_.begin(), Step{ref, root.page(), 0});
  return absl::OkStatus();
}

absl::Status BTree::Split(size_t depth, uint32_t at, std::string_view key) {
  if (depth == 0) {
    SHEAF_RETURN_IF_ERROR(GrowRoot());
    depth = 1;
  }
  Node node(PageAt(depth));
  Node parent(PageAt(depth - 1));
  const uint32_t n = node.count();
  const bool leaf = node.is_leaf();
  const bool appends = OnRightEdge(depth) && at == n;
  if (n < 2 && !(leaf && appends))
    return PageDamaged(path_[depth].ref.id, "one entry leaves no room for another");
  uint32_t p = appends ? (leaf ? n : n - 1) : MiddleSlot(node);
  p = std::clamp<uint32_t>(p, 1, leaf && appends ? n : n - 1);
  std::string separator;
  if (!leaf)
    node.KeyTo(p, &separator);
  else
    separator =
        ShortestSeparator(node.Key(p - 1), p == n ? std::string(key) : node.Key(p));
  const uint32_t index = path_[depth - 1].index;
  if ((index > 0 && separator <= parent.Key(index)) ||
      (index + 1 < parent.count() && separator >= parent.Key(index + 1)))
    return OutsideItsBounds(path_[depth].ref);
  if (!parent.PrepareChild(separator))
    return Split(depth - 1, path_[depth - 1].index + 1, separator);

  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(Node right, NewNode(node.level(), path_[depth].ref.pages, &ref));
  ref.leaf_refs = path_[depth].ref.leaf_refs;
  // A run of ascending keys goes on as it was.
  right.Init(node.level(), node.values(),
             leaf && p == n ? key.substr(0, CommonPrefix(node.prefix(), key))
                            : BestPrefix(node, p, n));
  right.AppendFrom(node, p, n, {});
  if (p < n) {
    node.RemoveRange(p, n);
    node.LengthenPrefix();
  }
  parent.SetChild(index, {path_[depth].ref, node.EntriesBelow()});
  const bool inserted =
      parent.InsertChild(index + 1, separator, {ref, right.EntriesBelow()});
  SHEAF_ASSERT(inserted);
  // Its prefix is renewed when it is full, which a root may never be.
  if (std::has_single_bit(parent.count())) parent.LengthenPrefix();
  return absl::OkStatus();
}

// --- Neighbours -------------------------------------------------------------

absl::StatusOr<char*> BTree::WritableChild(Node* parent, uint32_t index, PageRef* ref) {
  *ref = parent->ChildPage(index);
  const PageRef before = *ref;
  SHEAF_ASSIGN_OR_RETURN(char* page,
                         MakeWritable(ref, static_cast<int>(parent->level()) - 1));
  if (*ref != before) parent->SetChildPage(index, *ref);
  return page;
}

// Are two neighbours of one size, and their keys in order and inside the bounds
// that the parent sets? Then any slot will do to cut them at.
absl::Status BTree::CheckPair(const NodeView& parent, uint32_t left_index,
                              const PageRef& left_ref, const NodeView& left,
                              const NodeView& right) {
  if (left.end() != right.end())
    return PageDamaged(left_ref.id, "its neighbour is of another size");
  const uint32_t first = left.is_leaf() ? 0 : 1;
  const std::string separator = parent.Key(left_index + 1);
  const bool has_low = left_index > 0, has_high = left_index + 2 < parent.count();
  bool inside = true;
  if (left.count() > first) {
    inside = left.Key(left.count() - 1) < separator &&
             (!has_low || left.Key(first) >= parent.Key(left_index));
  }
  if (right.count() > first) {
    const std::string low = right.Key(first);
    inside = inside && (first == 0 ? low >= separator : low > separator) &&
             (!has_high || right.Key(right.count() - 1) < parent.Key(left_index + 2));
  }
  return inside ? absl::OkStatus() : OutsideItsBounds(left_ref);
}

// Moves entries between two neighbours so that both are about equally full. False
// when the parent has no room for the new separator; nothing is changed then.
bool BTree::Balance(Node* parent, uint32_t left_index, char* left_page,
                    char* right_page) {
  Node left(left_page), right(right_page);
  const std::string old_separator = parent->Key(left_index + 1);
  NodePair pair(left, right, old_separator);
  const uint32_t p = pair.MiddleSlot();
  if (p == 0 || p == pair.count() || p == left.count()) return false;
  const std::string separator = pair.SeparatorAt(p);
  if (!pair.Fits(p)) return false;
  const ChildRef right_child = parent->Child(left_index + 1);
  const ChildRef left_child = parent->Child(left_index);
  parent->Remove(left_index + 1);
  if (!parent->PrepareChild(separator)) {
    const bool restored = parent->InsertChild(left_index + 1, old_separator, right_child);
    SHEAF_ASSERT(restored);
    return false;
  }
  pair.MoveTo(p);
  const bool inserted = parent->InsertChild(left_index + 1, separator,
                                            {right_child.page, right.EntriesBelow()});
  SHEAF_ASSERT(inserted);
  parent->SetChild(left_index, {left_child.page, left.EntriesBelow()});
  return true;
}

// Gives entries of a full page to a neighbour that is at most four fifths full.
absl::StatusOr<bool> BTree::ShiftToNeighbour(size_t depth) {
  constexpr uint32_t kRoomyPermille = 800;
  Node parent(PageAt(depth - 1));
  const uint32_t index = path_[depth - 1].index;
  for (const int side : {-1, 1}) {
    if (side < 0 ? index == 0 : index + 1 == parent.count()) continue;
    const uint32_t other = index + static_cast<uint32_t>(side);
    SHEAF_ASSIGN_OR_RETURN(const char* seen, writer_.Read(parent.ChildPage(other)));
    SHEAF_RETURN_IF_ERROR(
        CheckNode(seen, parent.ChildPage(other), static_cast<int>(parent.level()) - 1));
    if (NodeView(seen).FillPermille() > kRoomyPermille) continue;
    PageRef ref;
    SHEAF_ASSIGN_OR_RETURN(char* page, WritableChild(&parent, other, &ref));
    char* const self = PageAt(depth);
    const bool leaf_refs = ref.leaf_refs || path_[depth].ref.leaf_refs;
    char* const left = side < 0 ? page : self;
    char* const right = side < 0 ? self : page;
    SHEAF_RETURN_IF_ERROR(CheckPair(parent, std::min(index, other),
                                    side < 0 ? ref : path_[depth].ref, NodeView(left),
                                    NodeView(right)));
    if (!Balance(&parent, std::min(index, other), left, right)) continue;
    for (const uint32_t i : {index, other}) {
      PageRef r = parent.ChildPage(i);
      r.leaf_refs = leaf_refs;
      parent.SetChildPage(i, r);
    }
    return true;
  }
  return false;
}

absl::Status BTree::CollapseRoot() {
  for (int level = -1;; --level) {
    SHEAF_ASSIGN_OR_RETURN(const char* page, writer_.Read(root_.page));
    SHEAF_RETURN_IF_ERROR(CheckNode(page, root_.page, level));
    const NodeView root(page);
    level = static_cast<int>(root.level());
    if (root.is_leaf() ? root.count() > 0 : root.count() > 1) return absl::OkStatus();
    const PageRef old = root_.page;
    root_.page = root.is_leaf() ? PageRef{} : root.ChildPage(0);
    writer_.GiveUp(old);
    if (!root_.page) return absl::OkStatus();
  }
}

// Mends the page at `depth` when it is below 40 %, then those above it.
absl::Status BTree::FixUnderflow(size_t depth) {
  for (; depth > 0; --depth) {
    if (NodeView(path_[depth].page).FillPermille() >= kLowPermille)
      return absl::OkStatus();
    Node parent(PageAt(depth - 1));
    if (parent.count() < 2) continue;
    const uint32_t index = path_[depth - 1].index;
    const uint32_t left_index = index + 1 < parent.count() ? index : index - 1;
    PageRef left_ref, right_ref;
    SHEAF_ASSIGN_OR_RETURN(char* left, WritableChild(&parent, left_index, &left_ref));
    SHEAF_ASSIGN_OR_RETURN(char* right,
                           WritableChild(&parent, left_index + 1, &right_ref));
    SHEAF_RETURN_IF_ERROR(
        CheckPair(parent, left_index, left_ref, NodeView(left), NodeView(right)));
    const NodePair pair(Node(left), Node(right), parent.Key(left_index + 1));
    if (pair.FitsInOne()) {
      SHEAF_RETURN_IF_ERROR(Merge(depth, left_index, left, left_ref, right, right_ref));
      continue;
    }
    Balance(&parent, left_index, left, right);
    const bool leaf_refs = left_ref.leaf_refs || right_ref.leaf_refs;
    for (const uint32_t i : {left_index, left_index + 1}) {
      PageRef r = parent.ChildPage(i);
      r.leaf_refs = leaf_refs;
      parent.SetChildPage(i, r);
    }
    return absl::OkStatus();
  }
  return CollapseRoot();
}

absl::Status BTree::Merge(size_t depth, uint32_t left_index, char* left,
                          const PageRef& left_ref, const char* right,
                          const PageRef& right_ref) {
  Node parent(PageAt(depth - 1));
  const std::string separator = parent.Key(left_index + 1);
  NodePair(Node(left), Node(const_cast<char*>(right)), separator).MoveAllLeft();
  PageRef merged = left_ref;
  merged.leaf_refs = left_ref.leaf_refs || right_ref.leaf_refs;
  parent.Remove(left_index + 1);
  parent.SetChild(left_index, {merged, NodeView(left).EntriesBelow()});
  writer_.GiveUp(right_ref);
  path_[depth - 1].index = left_index;
  path_[depth] = {merged, left, path_[depth].index};
  return absl::OkStatus();
}

// --- Delete a range ---------------------------------------------------------

absl::StatusOr<uint64_t> BTree::DeleteRange(std::string_view from,
                                            const std::string* to) {
  if (!root_.page || (to != nullptr && from >= *to)) return 0;
  SHEAF_ASSIGN_OR_RETURN(const bool nothing, NothingIn(from, to));
  if (nothing) return 0;
  bool empty = false;
  SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
  ++changes_;
  SHEAF_ASSIGN_OR_RETURN(const uint64_t gone,
                         DeleteInside(&root_.page, -1, from, to, &empty));
  root_.entries -= gone;
  if (empty) root_ = TreeRoot{};
  if (!root_.page) return gone;
  // The pages on both borders may be nearly empty now.
  SHEAF_RETURN_IF_ERROR(FixPathTo(from));
  if (to != nullptr) SHEAF_RETURN_IF_ERROR(FixPathTo(*to));
  return gone;
}

absl::StatusOr<bool> BTree::NothingIn(std::string_view from, const std::string* to) {
  pager::ReaderSlots& slots = writer_.pager().buffer().slots();
  const ReadContext context{&writer_.pager(), slots.Acquire(), &writer_};
  absl::Cleanup release = [&] { slots.Release(context.slot); };
  TreeCursor cursor(context, &root_, nullptr);
  if (!cursor.Seek(from))
    return cursor.status().ok() ? absl::StatusOr<bool>(true) : cursor.status();
  return to != nullptr && cursor.key() >= *to;
}

// Mends the low pages on the way to `key`, lowest first.
absl::Status BTree::FixPathTo(std::string_view key) {
  for (int round = 0; round < kHeightMax && root_.page; ++round) {
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
    SHEAF_RETURN_IF_ERROR(DescendToChange(key));
    size_t depth = path_.size() - 1;
    while (depth > 0 && (NodeView(path_[depth].page).FillPermille() >= kLowPermille ||
                         NodeView(path_[depth - 1].page).count() < 2))
      --depth;
    if (depth == 0) break;
    SHEAF_RETURN_IF_ERROR(FixUnderflow(depth));
  }
  return root_.page ? CollapseRoot() : absl::OkStatus();
}

// Deletes the range from the subtree at `*ref`, which becomes a copy. `*empty`:
// nothing is left and the page itself was given up.
absl::StatusOr<uint64_t> BTree::DeleteInside(PageRef* ref, int level,
                                             std::string_view from, const std::string* to,
                                             bool* empty) {
  SHEAF_ASSIGN_OR_RETURN(char* page, MakeWritable(ref, level));
  Node node(page);
  uint64_t gone = 0;
  if (node.is_leaf()) {
    SHEAF_ASSIGN_OR_RETURN(gone, DeleteInLeaf(node, from, to));
  } else {
    SHEAF_ASSIGN_OR_RETURN(gone, DeleteInInner(node, from, to));
  }
  *empty = node.count() == 0;
  if (*empty) writer_.GiveUp(*ref);
  return gone;
}

absl::StatusOr<uint64_t> BTree::DeleteInLeaf(Node leaf, std::string_view from,
                                             const std::string* to) {
  const uint32_t begin = leaf.LowerBound(from).index;
  const uint32_t end = to == nullptr ? leaf.count() : leaf.LowerBound(*to).index;
  if (begin >= end) return 0;
  for (uint32_t i = begin; i < end; ++i) SHEAF_RETURN_IF_ERROR(GiveUpLargeAt(leaf, i));
  leaf.RemoveRange(begin, end);
  return end - begin;
}

absl::StatusOr<uint64_t> BTree::DeleteInInner(Node node, std::string_view from,
                                              const std::string* to) {
  const uint32_t first = node.ChildIndex(from);
  const uint32_t last = to == nullptr ? node.count() - 1 : node.ChildIndex(*to);
  uint64_t gone = 0;
  // Children strictly between the borders go whole.
  for (uint32_t i = first + 1; i < last; ++i) {
    gone += node.Child(i).entries;
    SHEAF_RETURN_IF_ERROR(DropSubtree(node.ChildPage(i), node.level() - 1));
  }
  std::vector<uint32_t> empties;
  for (uint32_t i = first; i <= last; i = i == first && last > first ? last : last + 1) {
    ChildRef child = node.Child(i);
    bool empty = false;
    SHEAF_ASSIGN_OR_RETURN(
        const uint64_t below,
        DeleteInside(&child.page, static_cast<int>(node.level()) - 1, from, to, &empty));
    child.entries -= below;
    gone += below;
    node.SetChild(i, child);
    if (empty) empties.push_back(i);
  }
  const bool first_empty = !empties.empty() && empties.front() == first;
  const bool last_empty = !empties.empty() && empties.back() == last;
  node.RemoveRange(first_empty ? first : first + 1,
                   std::max(first + 1, last_empty ? last + 1 : last));
  return gone;
}

// Gives up every page of a subtree. Leaves are not read unless they may hold
// large values.
absl::Status BTree::DropSubtree(const PageRef& ref, uint32_t level) {
  const pager::PageId end = writer_.pager().allocator().page_end();
  if (ref.id + ref.pages > end)
    return PageDamaged(ref.id, "part of a tree, but behind the end of the file");
  // A page that two parents share would be visited again and again.
  if (writer_.pages_given_up() > end) return PageDamaged(ref.id, "belongs to two owners");
  if (level > 0 || ref.leaf_refs) {
    std::vector<PageRef> children;
    std::vector<LargeRef> large;
    {
      pager::BufferManager& buffer = writer_.pager().buffer();
      absl::StatusOr<const char*> page = buffer.Pin(ref);
      if (!page.ok()) return page.status();
      PinnedPage pin(&buffer, ref.id, *page);
      SHEAF_RETURN_IF_ERROR(CheckNode(*page, ref, static_cast<int>(level)));
      const NodeView node(*page);
      for (uint32_t i = 0; i < node.count(); ++i) {
        if (level > 0) {
          children.push_back(node.ChildPage(i));
        } else if (const NodeView::LeafValue v = node.Value(i); v.is_large) {
          large.push_back(DecodeLargeRef(v.bytes));
        }
      }
    }
    for (const LargeRef& l : large) SHEAF_RETURN_IF_ERROR(GiveUpLarge(&writer_, l));
    for (const PageRef& child : children)
      SHEAF_RETURN_IF_ERROR(DropSubtree(child, level - 1));
  }
  writer_.GiveUp(ref);
  return absl::OkStatus();
}

}  // namespace sheaf::btree
