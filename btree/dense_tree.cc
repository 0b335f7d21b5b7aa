#include "btree/dense_tree.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using pager::kPageBytes;
using pager::PageDamaged;
using pager::PageHeader;
using pager::PageKind;

namespace {

// Below this share of its page a leaf is merged with a neighbour, if both fit a page with
// some room left.
constexpr uint32_t kLowBytes = kPageBytes * 2 / 5, kMergedBytesMax = kPageBytes * 9 / 10;
// A leaf that must grow gets a part of its size for more growth.
constexpr uint64_t kSpareDivisor = 8;

uint64_t LeafBytes(uint64_t groups, uint64_t record_bytes) {
  return DenseView::kPayload + groups * DenseLeafView::kGroupBytes + record_bytes;
}
uint64_t PagesFor(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

}  // namespace

// --- Pages --------------------------------------------------------------------

absl::StatusOr<DenseIndex> DenseTree::NewIndex(uint32_t level, uint64_t first_group,
                                               PageRef* ref) {
  SHEAF_ASSIGN_OR_RETURN(char* page, writer_.New(PageKind::kDenseIndex, 1, ref));
  DenseIndex index(page);
  index.Init(level, first_group, tree_, records_);
  return index;
}

absl::StatusOr<DenseLeaf> DenseTree::NewLeaf(uint64_t first_group, uint32_t groups,
                                             uint64_t bytes, PageRef* ref) {
  const uint64_t pages = PagesFor(LeafBytes(groups, bytes));
  SHEAF_ASSERT(pages <= pager::kNodePagesMax && (pages == 1 || groups == 1));
  SHEAF_ASSIGN_OR_RETURN(
      char* page, writer_.New(PageKind::kDenseLeaf, static_cast<uint32_t>(pages), ref));
  DenseLeaf leaf(page);
  leaf.Init(first_group, groups, tree_, records_);
  return leaf;
}

// Of this level; of any when it is negative. Stays until the next Reserve.
absl::StatusOr<DenseIndexView> DenseTree::ReadIndex(const PageRef& ref, int level) {
  SHEAF_ASSIGN_OR_RETURN(const char* page, writer_.Read(ref));
  if (pager::PageKindOf(page) != PageKind::kDenseIndex ||
      (level >= 0 && static_cast<int>(pager::LevelOf(page)) != level))
    return PageDamaged(ref.id, "is not the index page that its parent says");
  return DenseIndexView(page);
}

// Of entry `index` of the last page of path_.
absl::StatusOr<DenseLeafView> DenseTree::ReadLeaf(uint32_t index) {
  const PageRef ref = Last().Child(index);
  SHEAF_ASSIGN_OR_RETURN(const char* page, writer_.Read(ref));
  const DenseLeafView leaf(page);
  if (pager::PageKindOf(page) != PageKind::kDenseLeaf ||
      !leaf.Covers(Last().GroupAt(index)) || leaf.first_group() < Last().first_group())
    return PageDamaged(ref.id, "is not the dense leaf that its parent says");
  // SetRun relies on it.
  const uint32_t begin = EntryOf(leaf.first_group());
  for (uint32_t i = begin; i < begin + leaf.groups(); ++i)
    if (!(Last().Child(i) == ref))
      return PageDamaged(ref.id, "holds groups that its parent says are elsewhere");
  return leaf;
}

absl::StatusOr<bool> DenseTree::Descend(uint64_t* group) {
  while (root_.page) {
    path_.clear();
    PageRef ref = root_.page;
    for (int level = -1; level != 0;) {
      SHEAF_ASSIGN_OR_RETURN(const DenseIndexView index, ReadIndex(ref, level));
      if (!index.Covers(*group)) {
        if (level < 0) return false;
        return PageDamaged(ref.id, "is for other keys than its parent says");
      }
      level = static_cast<int>(index.level()) - 1;
      const uint32_t wanted = index.IndexOf(*group), i = index.NextChild(wanted);
      if (i == kDenseFanout) {  // go on behind this page
        *group = index.first_group() + kGroupsBelow[index.level() + 1];
        break;
      }
      if (i > wanted) *group = index.GroupAt(i);
      path_.push_back({ref, index.page(), i});
      if (level == 0) return true;
      ref = index.Child(i);
    }
  }
  return false;
}

absl::Status DenseTree::GrowRootTo(uint64_t group) {
  uint32_t level = 1;
  if (!root_.page) {
    while (group >= kGroupsBelow[level + 1]) ++level;
    return NewIndex(level, 0, &root_.page).status();
  }
  for (;;) {
    SHEAF_ASSIGN_OR_RETURN(const DenseIndexView root, ReadIndex(root_.page, -1));
    if (root.first_group() != 0)
      return PageDamaged(root_.page.id, "first_group of a root is not zero");
    if (group < kGroupsBelow[root.level() + 1]) return absl::OkStatus();
    PageRef ref;
    SHEAF_ASSIGN_OR_RETURN(DenseIndex top, NewIndex(root.level() + 1, 0, &ref));
    top.SetChildren(0, 1, root_.page);
    root_.page = ref;
  }
}

absl::Status DenseTree::DescendToChange(uint64_t group) {
  path_.clear();
  PageRef ref = root_.page;
  for (int level = -1;;) {
    SHEAF_ASSIGN_OR_RETURN(const DenseIndexView old, ReadIndex(ref, level));
    if (!old.Covers(group))
      return PageDamaged(ref.id, "is for other keys than its parent says");
    char* page = writer_.InPlace(ref);
    if (page == nullptr) {
      const PageRef before = ref;
      SHEAF_ASSIGN_OR_RETURN(DenseIndex copy,
                             NewIndex(old.level(), old.first_group(), &ref));
      page = const_cast<char*>(copy.page());
      std::memcpy(page + DenseView::kPayload, old.page() + DenseView::kPayload,
                  kPageBytes - DenseView::kPayload);
      writer_.GiveUp(before);
      if (path_.empty())
        root_.page = ref;
      else
        Last().SetChildren(path_.back().index, path_.back().index + 1, ref);
    }
    DenseIndex index(page);
    const uint32_t i = index.IndexOf(group);
    path_.push_back({ref, page, i});
    level = static_cast<int>(index.level()) - 1;
    if (level == 0) return absl::OkStatus();
    ref = index.Child(i);
    if (ref) continue;
    SHEAF_RETURN_IF_ERROR(
        NewIndex(static_cast<uint32_t>(level), index.GroupAt(i), &ref).status());
    index.SetChildren(i, i + 1, ref);
  }
}

absl::StatusOr<DenseLeaf> DenseTree::WritableLeaf() {
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView old, ReadLeaf(path_.back().index));
  const PageRef before = Last().Child(path_.back().index);
  if (char* own = writer_.InPlace(before)) return DenseLeaf(own);
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(char* page,
                         writer_.New(PageKind::kDenseLeaf, before.pages, &ref));
  page[PageHeader::kLevel] = 0;
  page[PageHeader::kFlags] = static_cast<char>(records_);
  std::memcpy(page + PageHeader::kKindFields, old.page() + PageHeader::kKindFields,
              old.slots_end() - PageHeader::kKindFields);
  const size_t heap = old.end() - old.heap_bytes();
  std::memcpy(page + heap, old.page() + heap, old.heap_bytes());
  writer_.GiveUp(before);
  SetRun(old, ref);
  return DenseLeaf(page);
}

// --- Put and delete -----------------------------------------------------------

absl::Status DenseTree::Put(DenseKey key, std::string_view record, bool* existed) {
  *existed = false;
  if (key >= kDenseKeyEnd)
    return absl::InvalidArgumentError(
        absl::StrCat("number ", key, " of a record: less than 2^53 are allowed"));
  if (record.empty() || record.size() > kDenseRecordMax)
    return absl::InvalidArgumentError(absl::StrCat(
        "record of ", record.size(), " bytes: 1 to ", kDenseRecordMax, " are allowed"));
  const uint64_t group = key >> kGroupBits;
  SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
  SHEAF_RETURN_IF_ERROR(GrowRootTo(group));
  SHEAF_RETURN_IF_ERROR(DescendToChange(group));
  ++changes_;
  for (;;) {
    if (!Last().Child(path_.back().index)) {
      PageRef ref;
      SHEAF_ASSIGN_OR_RETURN(DenseLeaf leaf, NewLeaf(group, 1, record.size(), &ref));
      const bool set = leaf.Set(leaf.SlotOf(key), record);
      SHEAF_ASSERT(set);
      SetRun(leaf, ref);
      root_.entries += !*existed;
      return Settle();
    }
    SHEAF_ASSIGN_OR_RETURN(DenseLeaf leaf, WritableLeaf());
    const uint32_t slot = leaf.SlotOf(key);
    const size_t before = leaf.Record(slot).size();
    *existed = *existed || before > 0;
    if (leaf.Set(slot, record)) {
      root_.entries += !*existed;
      return record.size() < before ? Settle() : absl::OkStatus();
    }
    SHEAF_RETURN_IF_ERROR(leaf.groups() > 1
                              ? Split(key)
                              : Resize(leaf.live_bytes() - before + record.size()));
  }
}

absl::StatusOr<bool> DenseTree::Contains(DenseKey key) {
  if (key >= kDenseKeyEnd) return false;
  SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
  uint64_t group = key >> kGroupBits;
  SHEAF_ASSIGN_OR_RETURN(const bool leads, Descend(&group));
  if (!leads || group != key >> kGroupBits) return false;
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView leaf, ReadLeaf(path_.back().index));
  return !leaf.Record(leaf.SlotOf(key)).empty();
}

absl::StatusOr<bool> DenseTree::Delete(DenseKey key) {
  SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(key));
  if (!there) return false;
  SHEAF_RETURN_IF_ERROR(DescendToChange(key >> kGroupBits));
  SHEAF_ASSIGN_OR_RETURN(DenseLeaf leaf, WritableLeaf());
  leaf.Remove(leaf.SlotOf(key));
  ++changes_;
  if (root_.entries == 0) return PageDamaged(root_.page.id, "count of records is wrong");
  --root_.entries;
  SHEAF_RETURN_IF_ERROR(Settle());
  return true;
}

// --- Split and merge ----------------------------------------------------------

// Room for records of so many bytes in all, and for some more if they are many.
absl::Status DenseTree::Resize(uint64_t bytes) {
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView old, ReadLeaf(path_.back().index));
  const PageRef before = Last().Child(path_.back().index);
  const uint64_t most = pager::kNodePagesMax * kPageBytes - LeafBytes(1, 0);
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(DenseLeaf leaf,
                         NewLeaf(old.first_group(), old.groups(),
                                 std::min(bytes + bytes / kSpareDivisor, most), &ref));
  leaf.TakeFrom(old, old.first_group(), old.first_group() + old.groups());
  SetRun(leaf, ref);
  writer_.GiveUp(before);
  return absl::OkStatus();
}

// Between two groups, of which one may have no records yet and then no leaf. Requires: it
// has more than one.
absl::Status DenseTree::Split(DenseKey key) {
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView old, ReadLeaf(path_.back().index));
  const PageRef before = Last().Child(path_.back().index);
  const uint64_t first = old.first_group(), end = first + old.groups();
  const uint32_t slot = old.SlotOf(key);
  uint64_t middle;
  if (key >> kGroupBits == end - 1 && old.NextRecord(slot) == old.slot_count()) {
    middle = end - 1;  // keys are appended
  } else if (key >> kGroupBits == first && old.NextRecord(0) > slot) {
    middle = first + 1;  // or come in descending order
  } else {
    uint64_t left = 0;
    const uint64_t half = (old.live_bytes() + old.slot_count() * old.kSlotSize) / 2;
    for (middle = first; middle + 1 < end && (middle == first || left < half); ++middle) {
      left += old.kGroupBytes;
      for (uint32_t i = 0; i < kGroupKeys; ++i)
        left += old.Record(old.SlotOf((middle << kGroupBits) + i)).size();
    }
  }
  for (const auto& [from, to] : {std::pair(first, middle), std::pair(middle, end)}) {
    if (old.NextRecord(old.SlotOf(from << kGroupBits)) >= old.SlotOf(to << kGroupBits)) {
      Last().SetChildren(EntryOf(from), EntryOf(to), {});
      continue;
    }
    PageRef ref;
    SHEAF_ASSIGN_OR_RETURN(DenseLeaf part,
                           NewLeaf(from, static_cast<uint32_t>(to - from), 0, &ref));
    part.TakeFrom(old, from, to);
    SetRun(part, ref);
  }
  writer_.GiveUp(before);
  return absl::OkStatus();
}

// After it has become smaller: fewer pages, or one with a neighbour, or none.
absl::Status DenseTree::Settle() {
  const uint32_t index = path_.back().index;
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView leaf, ReadLeaf(index));
  const uint64_t live = leaf.live_bytes();
  if (live == 0) return DropLeaf();
  if (Last().Child(index).pages > 1) {
    // As much again as it would get, or it would go to and fro.
    const bool shrinks = PagesFor(LeafBytes(1, live + 2 * live / kSpareDivisor)) <
                         Last().Child(index).pages;
    return shrinks ? Resize(live) : absl::OkStatus();
  }
  if (LeafBytes(leaf.groups(), live) >= kLowBytes) return absl::OkStatus();
  const uint32_t begin = EntryOf(leaf.first_group()), end = begin + leaf.groups();
  for (uint32_t i = begin; i-- > 0;) {
    if (!Last().Child(i)) continue;
    SHEAF_ASSIGN_OR_RETURN(const bool merged, Merge(i, begin));
    if (merged) return absl::OkStatus();
    break;
  }
  const uint32_t next = Last().NextChild(end);
  return next < kDenseFanout ? Merge(begin, next).status() : absl::OkStatus();
}

// Of two leaves and the gap between them. False: they are too much for a page.
absl::StatusOr<bool> DenseTree::Merge(uint32_t left, uint32_t right) {
  const PageRef refs[] = {Last().Child(left), Last().Child(right)};
  if (refs[0].pages > 1 || refs[1].pages > 1) return false;
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView a, ReadLeaf(left));
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView b, ReadLeaf(right));
  const uint64_t end = b.first_group() + b.groups(), groups = end - a.first_group(),
                 bytes = uint64_t{a.live_bytes()} + b.live_bytes();
  if (LeafBytes(groups, bytes) > kMergedBytesMax) return false;
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(
      DenseLeaf both,
      NewLeaf(a.first_group(), static_cast<uint32_t>(groups), bytes, &ref));
  both.TakeFrom(a, a.first_group(), a.first_group() + a.groups());
  both.TakeFrom(b, b.first_group(), end);
  SetRun(both, ref);
  for (const PageRef& before : refs) writer_.GiveUp(before);
  return true;
}

// It is empty. So may be pages above it then.
absl::Status DenseTree::DropLeaf() {
  SHEAF_ASSIGN_OR_RETURN(const DenseLeafView leaf, ReadLeaf(path_.back().index));
  const PageRef before = Last().Child(path_.back().index);
  SetRun(leaf, {});
  writer_.GiveUp(before);
  while (!path_.empty() && Last().NextChild(0) == kDenseFanout) {
    writer_.GiveUp(path_.back().ref);
    path_.pop_back();
    if (path_.empty())
      root_.page = {};
    else
      Last().SetChildren(path_.back().index, path_.back().index + 1, {});
  }
  for (;;) {  // a root with nothing but its first child is none
    if (!root_.page) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(const DenseIndexView root, ReadIndex(root_.page, -1));
    if (root.level() == 1 || root.NextChild(0) != 0 || root.NextChild(1) < kDenseFanout)
      return absl::OkStatus();
    const PageRef child = root.Child(0);
    writer_.GiveUp(root_.page);
    root_.page = child;
  }
}

// --- All of it ----------------------------------------------------------------

absl::Status DenseTree::Clear() {
  if (!root_.page) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(DropSubtree(root_.page, -1));
  root_ = TreeRoot{};
  ++changes_;
  return absl::OkStatus();
}

// Leaves are not read.
absl::Status DenseTree::DropSubtree(const PageRef& ref, int level) {
  const pager::PageId end = writer_.pager().allocator().page_end();
  if (ref.id + ref.pages > end)
    return PageDamaged(ref.id, "part of a tree, but behind the end of the file");
  // A page that two parents share would be visited again and again.
  if (writer_.pages_given_up() > end) return PageDamaged(ref.id, "belongs to two owners");
  if (level != 0) {
    std::vector<PageRef> children;
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(1));  // lets go of pages read before
    SHEAF_ASSIGN_OR_RETURN(const DenseIndexView index, ReadIndex(ref, level));
    level = static_cast<int>(index.level());
    ForEachDenseRef(index.page(), [&](const PageRef& c) { children.push_back(c); });
    for (const PageRef& child : children)
      SHEAF_RETURN_IF_ERROR(DropSubtree(child, level - 1));
  }
  writer_.GiveUp(ref);
  return absl::OkStatus();
}

absl::StatusOr<bool> DenseTree::Relocate(DenseKey* from, Relocation* relocation) {
  for (uint64_t group = *from >> kGroupBits;; *from = group << kGroupBits) {
    if (relocation->pages >= relocation->pages_max) return false;
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(kPagesAnOperation));
    SHEAF_ASSIGN_OR_RETURN(const bool more, Descend(&group));
    if (!more) return true;
    bool way_moves = false;
    for (const Step& step : path_) way_moves |= relocation->Moves(step.ref);
    // The first leaf of this index page that moves.
    uint32_t i = path_.back().index;
    while (i < kDenseFanout && !relocation->Moves(Last().Child(i)))
      i = Last().NextChild(Last().EndOfRun(i));
    if (relocation->no_room) return false;
    if (way_moves || i < kDenseFanout) {
      const uint64_t before = writer_.pages_given_up();
      if (i < kDenseFanout) group = Last().GroupAt(i);
      SHEAF_RETURN_IF_ERROR(DescendToChange(group));
      if (i < kDenseFanout) SHEAF_RETURN_IF_ERROR(WritableLeaf().status());
      relocation->pages += writer_.base_pages_given_up(before);
      ++changes_;
    }
    // Behind that leaf, or behind the page.
    const uint32_t next = i < kDenseFanout ? Last().EndOfRun(i) : kDenseFanout;
    group = Last().first_group() + next;
  }
}

}  // namespace sheaf::btree
