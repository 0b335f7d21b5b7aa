// BTree::Relocate: see btree.h.
//
// A page moves by being copied like any page that changes, so every version still sees
// what it saw. Leaves that stay are not read, unless they may hold large values.
#include <utility>

#include "btree/btree.h"
#include "btree/large_value.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

// Where the keys behind those of path_[steps - 1] begin; none at the tree's end.
std::optional<std::string> BTree::KeyBehind(size_t steps) const {
  for (size_t d = steps - 1; d-- > 0;) {
    const NodeView node(path_[d].page);
    if (path_[d].index + 1 < node.count()) return node.Key(path_[d].index + 1);
  }
  return std::nullopt;
}

absl::StatusOr<bool> BTree::HoldsLargeToMove(const PageRef& leaf,
                                             Relocation* relocation) {
  pager::Pager& pager = writer_.pager();
  SHEAF_ASSIGN_OR_RETURN(const char* page, pager.buffer().Pin(leaf));
  pager::PinnedPage pin(&pager.buffer(), leaf.id, page);
  if (pager::PageKindOf(page) != pager::PageKind::kLeaf)
    return pager::PageDamaged(leaf.id, "is not the leaf that its parent says");
  const NodeView node(page);
  bool found = false;
  for (uint32_t i = 0; i < node.count() && !found; ++i) {
    const NodeView::LeafValue value = node.Value(i);
    if (!value.is_large) continue;
    SHEAF_RETURN_IF_ERROR(
        WalkLarge(&pager, DecodeLargeRef(value.bytes), [&](const PageRef& ref) {
          found = found || relocation->Moves(ref);
          return absl::OkStatus();
        }));
  }
  return found;
}

// Looks among the leaves under one parent, from that of `from` on: a key of the first in
// which, or on whose way, something moves. `*behind`: where the leaves behind this parent
// begin.
absl::StatusOr<std::optional<std::string>> BTree::FindToMove(
    std::string_view from, std::optional<std::string>* behind, Relocation* relocation) {
  struct Leaf {
    PageRef ref;
    std::string key;
    bool moves;
  };
  std::vector<Leaf> leaves;  // those that move, or may hold what does
  const auto look_at = [&](const PageRef& ref, std::string key) {
    const bool moves = relocation->Moves(ref);
    if (moves || (ref.leaf_refs && values_ != Values::kRefs))
      leaves.push_back({ref, std::move(key), moves});
    return moves;
  };
  {
    Guard guard;
    SHEAF_RETURN_IF_ERROR(Descend(from, &guard, /*lowest=*/1));
    *behind = KeyBehind(path_.size());
    const Step& last = path_.back();
    const NodeView node(last.page);
    for (const Step& step : path_)
      if (!(node.is_leaf() && step.ref == last.ref) && relocation->Moves(step.ref))
        return std::string(from);
    if (node.is_leaf()) look_at(last.ref, std::string(from));
    for (uint32_t i = last.index; !node.is_leaf() && i < node.count(); ++i)
      if (look_at(node.ChildPage(i), i == last.index ? std::string(from) : node.Key(i)))
        break;
  }
  for (Leaf& leaf : leaves) {
    if (!leaf.moves) {
      SHEAF_ASSIGN_OR_RETURN(leaf.moves, HoldsLargeToMove(leaf.ref, relocation));
    }
    if (leaf.moves) return std::move(leaf.key);
  }
  return std::nullopt;
}

// Copies the leaf of `key`, its ancestors, and those pages of its large values that move.
absl::Status BTree::MoveLeaf(std::string_view key, Relocation* relocation) {
  SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
  SHEAF_RETURN_IF_ERROR(DescendToChange(key));
  for (uint32_t i = 0; i < NodeView(path_.back().page).count(); ++i) {
    const NodeView::LeafValue value = NodeView(path_.back().page).Value(i);
    if (values_ == Values::kRefs || !value.is_large) continue;
    const LargeRef large = DecodeLargeRef(value.bytes);
    SHEAF_ASSIGN_OR_RETURN(const LargeRef moved,
                           MoveLarge(&writer_, large, [&](const PageRef& ref) {
                             return relocation->Moves(ref);
                           }));
    if (moved.page == large.page) continue;
    // Copying them may have written the leaf out.
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
    SHEAF_RETURN_IF_ERROR(DescendToChange(key));
    EncodeLargeRef(const_cast<char*>(NodeView(path_.back().page).Value(i).bytes.data()),
                   moved);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> BTree::Relocate(std::string* from, Relocation* relocation) {
  while (root_.page) {
    if (relocation->pages >= relocation->pages_max) return false;
    std::optional<std::string> behind;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string> key,
                           FindToMove(*from, &behind, relocation));
    if (relocation->no_room) return false;
    if (key.has_value()) {
      const uint64_t before = writer_.pages_given_up();
      SHEAF_RETURN_IF_ERROR(MoveLeaf(*key, relocation));
      relocation->pages += writer_.base_pages_given_up(before);
      if (relocation->no_room) return false;
      behind = KeyBehind(path_.size());
    }
    if (!behind.has_value()) return true;
    if (*behind <= *from && !from->empty())
      return pager::PageDamaged(root_.page.id, "holds keys in the wrong order");
    *from = *std::move(behind);
  }
  return true;
}

}  // namespace sheaf::btree
