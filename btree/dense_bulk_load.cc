// DenseTree::BulkLoad: leaves one after the other, and of each level of the index the page
// that they go into.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/dense_tree.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::btree {
namespace {

constexpr uint64_t kRecordsATick = 1024;

class DenseBuilder {
 public:
  DenseBuilder(pager::PageWriter* writer, DenseRecords records, uint32_t tree)
      : writer_(*writer), records_(records), tree_(tree) {}

  // Requires: the key is above those before it.
  absl::Status Add(DenseKey key, std::string_view record) {
    const uint64_t group = key >> kGroupBits;
    if (!group_.empty() && group != group_.front().key >> kGroupBits)
      SHEAF_RETURN_IF_ERROR(FinishGroup());
    group_.push_back({key, arena_.size(), record.size()});
    arena_.append(record);
    ++entries_;
    return absl::OkStatus();
  }

  absl::StatusOr<TreeRoot> Done() {
    if (entries_ == 0) return TreeRoot{};
    SHEAF_RETURN_IF_ERROR(FinishGroup());
    SHEAF_RETURN_IF_ERROR(EmitLeaf());
    PageRef top;
    for (size_t level = 1; level <= index_.size(); ++level) {
      SHEAF_ASSIGN_OR_RETURN(top, EmitIndex(level));
      if (level < index_.size()) {
        SHEAF_RETURN_IF_ERROR(SetChildren(level + 1, Page(level).first_group(), 1, top));
      }
    }
    return TreeRoot{top, entries_};
  }

  uint64_t entries() const { return entries_; }

 private:
  struct Entry {
    DenseKey key;
    size_t at, size;  // in arena_
  };

  // The group joins the leaf's if that has room for all of it.
  absl::Status FinishGroup() {
    const uint64_t group = group_.front().key >> kGroupBits;
    uint64_t bytes = 0;
    for (const Entry& e : group_) bytes += e.size;
    if (!leaf_.empty()) {
      const uint64_t first = leaf_.front().key >> kGroupBits;
      const uint64_t all = DenseView::kPayload +
                           (group - first + 1) * DenseLeafView::kGroupBytes +
                           leaf_bytes_ + bytes;
      if (all > pager::kPageBytes || group / kDenseFanout != first / kDenseFanout)
        SHEAF_RETURN_IF_ERROR(EmitLeaf());
    }
    leaf_.insert(leaf_.end(), group_.begin(), group_.end());
    leaf_bytes_ += bytes;
    group_.clear();
    return absl::OkStatus();
  }

  // What is left of the arena afterwards is the group's, which is empty or comes next.
  absl::Status EmitLeaf() {
    const uint64_t first = leaf_.front().key >> kGroupBits;
    const auto groups =
        static_cast<uint32_t>((leaf_.back().key >> kGroupBits) - first + 1);
    const uint64_t bytes =
        DenseView::kPayload + uint64_t{groups} * DenseLeafView::kGroupBytes + leaf_bytes_;
    const auto pages =
        static_cast<uint32_t>((bytes + pager::kPageBytes - 1) / pager::kPageBytes);
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(pages));
    PageRef ref;
    SHEAF_ASSIGN_OR_RETURN(char* page,
                           writer_.New(pager::PageKind::kDenseLeaf, pages, &ref));
    DenseLeaf leaf(page);
    leaf.Init(first, groups, tree_, records_);
    for (const Entry& e : leaf_) {
      const bool set =
          leaf.Set(leaf.SlotOf(e.key), std::string_view(arena_).substr(e.at, e.size));
      SHEAF_ASSERT(set);
    }
    const size_t taken = leaf_.back().at + leaf_.back().size;
    arena_.erase(0, taken);
    for (Entry& e : group_) e.at -= taken;
    leaf_.clear();
    leaf_bytes_ = 0;
    return SetChildren(1, first, groups, ref);
  }

  DenseIndex Page(size_t level) { return DenseIndex(index_[level - 1].get()); }

  void AddLevel() {
    index_.push_back(std::make_unique<char[]>(pager::kPageBytes));
    Restart(index_.size(), 0);
  }

  // The page of this level that is for the group, empty.
  void Restart(size_t level, uint64_t group) {
    char* const page = index_[level - 1].get();
    const uint64_t below = kGroupsBelow[level + 1];
    pager::InitPageHeader(page, pager::PageKind::kDenseIndex, 1, 0, 0);
    DenseIndex(page).Init(static_cast<uint32_t>(level), group / below * below, tree_,
                          records_);
  }

  absl::StatusOr<PageRef> EmitIndex(size_t level) {
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(1));
    PageRef ref;
    SHEAF_ASSIGN_OR_RETURN(char* page,
                           writer_.New(pager::PageKind::kDenseIndex, 1, &ref));
    const DenseIndex from = Page(level);
    DenseIndex to(page);
    to.Init(from.level(), from.first_group(), tree_, records_);
    std::memcpy(page + DenseView::kPayload, from.page() + DenseView::kPayload,
                pager::kPageBytes - DenseView::kPayload);
    return ref;
  }

  absl::Status SetChildren(size_t level, uint64_t group, uint32_t count,
                           const PageRef& ref) {
    if (level > index_.size()) AddLevel();
    if (!Page(level).Covers(group)) {  // what is not for the group is complete
      if (level == index_.size()) AddLevel();
      if (Page(level).NextChild(0) < kDenseFanout) {
        SHEAF_ASSIGN_OR_RETURN(const PageRef full, EmitIndex(level));
        SHEAF_RETURN_IF_ERROR(SetChildren(level + 1, Page(level).first_group(), 1, full));
      }
      Restart(level, group);
    }
    const uint32_t i = Page(level).IndexOf(group);
    Page(level).SetChildren(i, i + count, ref);
    return absl::OkStatus();
  }

  pager::PageWriter& writer_;
  const DenseRecords records_;
  const uint32_t tree_;
  std::vector<Entry> group_, leaf_;  // being collected; the leaf's come first
  std::string arena_;
  uint64_t leaf_bytes_ = 0, entries_ = 0;
  std::vector<std::unique_ptr<char[]>> index_;  // of level 1 and up
};

}  // namespace

absl::Status DenseTree::BulkLoad(NextFn next,
                                 absl::FunctionRef<absl::Status(uint64_t)> tick) {
  SHEAF_ASSERT(!root_.page);
  DenseBuilder builder(&writer_, records_, tree_);
  DenseKey key = 0, last = 0;
  std::string_view record;
  absl::Status status;
  for (; status.ok() && next(&key, &record); last = key) {
    const uint64_t n = builder.entries();
    if (key >= kDenseKeyEnd || (n > 0 && key <= last))
      status = absl::InvalidArgumentError(
          absl::StrCat("record ", n, ": number ", key,
                       " is not above the one before it, or not below 2^53"));
    else if (record.empty() || record.size() > kDenseRecordMax)
      status = absl::InvalidArgumentError(absl::StrCat("record ", n, " has ",
                                                       record.size(), " bytes: 1 to ",
                                                       kDenseRecordMax, " are allowed"));
    else
      status = builder.Add(key, record);
    if (status.ok() && builder.entries() % kRecordsATick == 0)
      status = tick(builder.entries());
  }
  absl::StatusOr<TreeRoot> root = builder.Done();
  if (!root.ok()) return root.status();
  root_ = *root;
  ++changes_;
  if (status.ok()) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(Clear());
  return status;
}

}  // namespace sheaf::btree
