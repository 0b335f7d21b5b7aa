#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/dense_node.h"
#include "btree/tree_reader.h"
#include "pager/status_macros.h"

namespace sheaf::btree {
namespace {

using pager::PageId;
using pager::PinnedPage;

class Checker {
 public:
  Checker(pager::Pager* pager, Values values, uint32_t tree,
          absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page,
          absl::FunctionRef<void(PageId, const std::string&)> on_problem)
      : pager_(*pager),
        values_(values),
        tree_(tree),
        on_page_(on_page),
        on_problem_(on_problem) {}

  // Keys of the subtree must lie in [low, high); null: no bound.
  // Returns how many entries there are.
  absl::StatusOr<uint64_t> Visit(const PageRef& ref, int level, const std::string* low,
                                 const std::string* high) {
    SHEAF_ASSIGN_OR_RETURN(const Seen seen, on_page_(ref));
    if (seen == Seen::kBefore) return 0;
    ++result.pages;
    std::vector<std::pair<std::string, ChildRef>> children;
    uint64_t entries = 0;
    {
      absl::StatusOr<const char*> page = pager_.buffer().Pin(ref);
      if (!page.ok()) {
        if (!absl::IsDataLoss(page.status())) return page.status();
        on_problem_(ref.id, std::string(page.status().message()));
        return 0;
      }
      PinnedPage pin(&pager_.buffer(), ref.id, *page);
      const NodeView node(*page);
      if (const absl::Status valid = ValidateAsNode(node, level); !valid.ok()) {
        on_problem_(ref.id, std::string(valid.message()));
        return 0;
      }
      CheckKeys(node, ref, low, high);
      if (node.is_leaf()) {
        SHEAF_RETURN_IF_ERROR(CheckValues(node, ref));
        entries = node.count();
      } else {
        for (uint32_t i = 0; i < node.count(); ++i)
          children.emplace_back(node.Key(i), node.Child(i));
        level = static_cast<int>(node.level());
      }
    }
    for (size_t i = 0; i < children.size(); ++i) {
      const ChildRef& child = children[i].second;
      const std::string* child_low = i == 0 ? low : &children[i].first;
      const std::string* child_high =
          i + 1 < children.size() ? &children[i + 1].first : high;
      if (child.page.leaf_refs && !ref.leaf_refs)
        on_problem_(ref.id,
                    absl::StrCat("slot ", i, " holds references its parent denies"));
      SHEAF_ASSIGN_OR_RETURN(const uint64_t below,
                             Visit(child.page, level - 1, child_low, child_high));
      if (below != child.entries)
        on_problem_(ref.id, absl::StrCat("slot ", i, " says ", child.entries,
                                         " entries, there are ", below));
      entries += below;
    }
    return entries;
  }

  TreeCheck result;

 private:
  absl::Status ValidateAsNode(const NodeView& node, int level) const {
    const pager::PageKind kind = pager::PageKindOf(node.page());
    if (kind != pager::PageKind::kLeaf && kind != pager::PageKind::kInner)
      return absl::DataLossError("is not a page of a tree");
    SHEAF_RETURN_IF_ERROR(ValidateNode(node.page()));
    if (node.values() != values_)
      return absl::DataLossError("flags are those of another kind of tree");
    if (node.tree() != tree_)
      return absl::DataLossError(
          absl::StrCat("is marked as a page of tree ", node.tree(), ", not ", tree_));
    if (level >= 0 && node.level() != static_cast<uint32_t>(level))
      return absl::DataLossError(
          absl::StrCat("level is ", node.level(), ", its parent expects ", level));
    return absl::OkStatus();
  }

  void CheckKeys(const NodeView& node, const PageRef& ref, const std::string* low,
                 const std::string* high) {
    std::string before, key;
    for (uint32_t i = node.is_leaf() ? 0 : 1; i < node.count(); ++i) {
      node.KeyTo(i, &key);
      const bool first = i == (node.is_leaf() ? 0u : 1u);
      if (!first && key <= before)
        on_problem_(ref.id, absl::StrCat("slot ", i, " is not above the one before it"));
      if ((low != nullptr && key < *low) || (high != nullptr && key >= *high))
        on_problem_(ref.id,
                    absl::StrCat("slot ", i, " lies outside its parent's bounds"));
      before.swap(key);
    }
  }

  absl::Status CheckValues(const NodeView& node, const PageRef& ref) {
    for (uint32_t i = 0; i < node.count(); ++i) {
      const NodeView::LeafValue value = node.Value(i);
      if (!value.is_large) continue;
      if (!ref.leaf_refs)
        on_problem_(ref.id,
                    absl::StrCat("slot ", i, " refers to pages its parent denies"));
      const absl::Status status = CheckLarge(DecodeLargeRef(value.bytes));
      if (absl::IsDataLoss(status))
        on_problem_(ref.id, std::string(status.message()));
      else if (!status.ok())
        return status;
    }
    return absl::OkStatus();
  }

  absl::Status CheckLarge(const LargeRef& large) {
    std::vector<PageRef> pages;
    SHEAF_RETURN_IF_ERROR(WalkLarge(&pager_, large, [&](const PageRef& page) {
      pages.push_back(page);
      return absl::OkStatus();
    }));
    for (const PageRef& page : pages) {
      SHEAF_RETURN_IF_ERROR(on_page_(page).status());
      ++result.pages;
      SHEAF_RETURN_IF_ERROR(pager_.buffer().Load(page));
    }
    return CheckChunks(&pager_, large);
  }

  pager::Pager& pager_;
  const Values values_;
  const uint32_t tree_;
  absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page_;
  absl::FunctionRef<void(PageId, const std::string&)> on_problem_;
};

}  // namespace

absl::StatusOr<TreeCheck> CheckTree(
    pager::Pager* pager, const TreeRoot& root, Values values, uint32_t tree,
    absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page,
    absl::FunctionRef<void(PageId, const std::string&)> on_problem) {
  Checker checker(pager, values, tree, on_page, on_problem);
  if (!root.page) {
    if (root.entries != 0) on_problem(0, "an empty tree says it has entries");
    return checker.result;
  }
  PageRef top = root.page;
  top.leaf_refs = true;
  SHEAF_ASSIGN_OR_RETURN(checker.result.entries,
                         checker.Visit(top, -1, nullptr, nullptr));
  if (checker.result.entries != root.entries)
    on_problem(root.page.id, absl::StrCat("the tree has ", checker.result.entries,
                                          " entries, its record says ", root.entries));
  return checker.result;
}

const pager::PageOps& TreePageOps() {
  static const pager::PageOps* const kOps = [] {
    auto* ops = new pager::PageOps;
    const pager::PageKindOps node{"leaf", ValidateNode, ForEachNodeRef, ClearUnusedInNode,
                                  DescribeNode};
    ops->kinds[static_cast<size_t>(pager::PageKind::kLeaf)] = node;
    pager::PageKindOps& inner = ops->kinds[static_cast<size_t>(pager::PageKind::kInner)];
    inner = node;
    inner.name = "inner";
    ops->kinds[static_cast<size_t>(pager::PageKind::kValue)] = {
        "value", ValidateValuePage, nullptr, nullptr, DescribeValuePage};
    ops->kinds[static_cast<size_t>(pager::PageKind::kValueIndex)] = {
        "value index", ValidateValueIndex, ForEachValueIndexRef, nullptr,
        DescribeValuePage};
    ops->kinds[static_cast<size_t>(pager::PageKind::kDenseIndex)] = {
        "dense index", ValidateDenseIndex, ForEachDenseRef, nullptr, DescribeDense};
    ops->kinds[static_cast<size_t>(pager::PageKind::kDenseLeaf)] = {
        "dense leaf", ValidateDenseLeaf, nullptr, ClearUnusedInDenseLeaf, DescribeDense};
    return ops;
  }();
  return *kOps;
}

}  // namespace sheaf::btree
