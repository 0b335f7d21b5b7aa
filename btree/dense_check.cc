#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/dense_reader.h"

namespace sheaf::btree {
namespace {

using pager::PageId;
using pager::PageKind;

class DenseChecker {
 public:
  DenseChecker(pager::Pager* pager, DenseRecords records, uint32_t tree,
               absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page,
               absl::FunctionRef<void(PageId, const std::string&)> on_problem)
      : pager_(*pager),
        records_(records),
        tree_(tree),
        on_page_(on_page),
        on_problem_(on_problem) {}

  // The page is for the groups of [begin, end). A negative level: of any.
  absl::Status Visit(const PageRef& ref, int level, uint64_t begin, uint64_t end) {
    SHEAF_ASSIGN_OR_RETURN(const Seen seen, on_page_(ref));
    if (seen == Seen::kBefore) return absl::OkStatus();
    ++result.pages;
    struct Child {
      PageRef ref;
      uint64_t begin, end;
    };
    std::vector<Child> children;
    {
      const absl::StatusOr<const char*> page = pager_.buffer().Pin(ref);
      if (!page.ok()) return Report(ref, page.status());
      const pager::PinnedPage pin(&pager_.buffer(), ref.id, *page);
      if (const absl::Status valid = ValidateAs(*page, level); !valid.ok())
        return Report(ref, valid);
      const DenseView view(*page);
      if (level < 0) end = kGroupsBelow[view.level() + 1];
      level = static_cast<int>(view.level());
      if (level == 0) return CheckLeaf(DenseLeafView(*page), ref, begin, end);
      if (view.first_group() != begin || kGroupsBelow[level + 1] != end - begin)
        on_problem_(ref.id, absl::StrCat("is for the groups from ", view.first_group(),
                                         " on, its parent says ", begin));
      const DenseIndexView index(*page);
      for (uint32_t i = index.NextChild(0); i < kDenseFanout;) {
        const uint32_t after = level == 1 ? index.EndOfRun(i) : i + 1;
        children.push_back({index.Child(i), index.GroupAt(i),
                            index.GroupAt(i) + (after - i) * kGroupsBelow[level]});
        i = index.NextChild(after);
      }
    }
    if (children.empty()) on_problem_(ref.id, "is an index page of no pages");
    for (const Child& child : children)
      SHEAF_RETURN_IF_ERROR(Visit(child.ref, level - 1, child.begin, child.end));
    return absl::OkStatus();
  }

  TreeCheck result;

 private:
  absl::Status Report(const PageRef& ref, const absl::Status& status) {
    if (!absl::IsDataLoss(status)) return status;
    on_problem_(ref.id, std::string(status.message()));
    return absl::OkStatus();
  }

  absl::Status ValidateAs(const char* page, int level) const {
    const PageKind kind = pager::PageKindOf(page);
    if (kind != PageKind::kDenseIndex && kind != PageKind::kDenseLeaf)
      return absl::DataLossError("is not a page of a dense tree");
    SHEAF_RETURN_IF_ERROR(kind == PageKind::kDenseLeaf ? ValidateDenseLeaf(page)
                                                       : ValidateDenseIndex(page));
    const DenseView view(page);
    if (level < 0 && kind == PageKind::kDenseLeaf)
      return absl::DataLossError("is a leaf, but the root of a dense tree");
    if (level >= 0 && static_cast<int>(view.level()) != level)
      return absl::DataLossError(
          absl::StrCat("level is ", view.level(), ", its parent expects ", level));
    if (view.records() != records_)
      return absl::DataLossError("flags are those of another kind of tree");
    if (view.tree() != tree_)
      return absl::DataLossError(
          absl::StrCat("is marked as a page of tree ", view.tree(), ", not ", tree_));
    return absl::OkStatus();
  }

  absl::Status CheckLeaf(const DenseLeafView& leaf, const PageRef& ref, uint64_t begin,
                         uint64_t end) {
    if (leaf.first_group() != begin || leaf.groups() != end - begin)
      on_problem_(ref.id, absl::StrCat("holds ", leaf.groups(), " groups from ",
                                       leaf.first_group(), " on, its parent says ",
                                       end - begin, " from ", begin, " on"));
    const uint32_t records = leaf.CountRecords();
    if (records == 0) on_problem_(ref.id, "is a leaf of no records");
    result.entries += records;
    return absl::OkStatus();
  }

  pager::Pager& pager_;
  const DenseRecords records_;
  const uint32_t tree_;
  absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page_;
  absl::FunctionRef<void(PageId, const std::string&)> on_problem_;
};

}  // namespace

absl::StatusOr<TreeCheck> CheckDenseTree(
    pager::Pager* pager, const TreeRoot& root, DenseRecords records, uint32_t tree,
    absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page,
    absl::FunctionRef<void(PageId, const std::string&)> on_problem) {
  DenseChecker checker(pager, records, tree, on_page, on_problem);
  if (root.page) SHEAF_RETURN_IF_ERROR(checker.Visit(root.page, -1, 0, 0));
  if (checker.result.entries != root.entries)
    on_problem(root.page.id, absl::StrCat("the tree has ", checker.result.entries,
                                          " records, its entry says ", root.entries));
  return checker.result;
}

}  // namespace sheaf::btree
