#include "btree/dense_directory.h"

#include <algorithm>
#include <bit>

namespace sheaf::btree {

uint64_t DenseDirectory::EntryFor(const PageRef& ref, const char* page,
                                  uint64_t group) const {
  if (page == nullptr || pager::BirthOf(page) != ref.birth ||
      pager::PageKindOf(page) != pager::PageKind::kDenseLeaf ||
      !DenseLeafView(page).Covers(group))
    return 0;
  const DenseLeafView leaf(page);
  const uint32_t slot = leaf.SlotOf(group << kGroupBits);
  const char* const end =
      leaf.Record(slot).data() + record_bytes_;  // of the first, if it is there
  bool is_regular = true;
  for (uint32_t i = 0; i < in_group_; ++i) {
    const std::string_view record = leaf.Record(slot + i);
    is_regular &=
        record.size() == record_bytes_ && record.data() + (i + 1) * record_bytes_ == end;
  }
  const uint64_t place = is_regular ? static_cast<uint64_t>(end - page) : slot;
  return ref.id | place << kEndShift | uint64_t{is_regular} << kRegularShift;
}

// Pages of versions that nobody holds any more are used again: a leaf made after the root of an
// earlier version is not of that, wherever it lies. Of one that a later version has elsewhere
// the place is not used while this one is held.
void DenseDirectory::TakeOver(uint64_t group, const char* entry) const {
  if (before_ == nullptr || entries_->IsTakenOver(group)) return;
  const uint64_t first = group - group % kDenseFanout;
  const uint64_t end = std::min<uint64_t>(first + kDenseFanout, entries_->groups);
  entry -= (group - first) * PageRef::kEncodedSize;
  for (uint64_t at = first; at < end; ++at, entry += PageRef::kEncodedSize) {
    const PageRef ref = pager::DecodePageRef(entry);
    const uint64_t known = before_->Of(at);
    if (known != 0 && (known & kIdMask) == ref.id && ref.birth <= before_->birth)
      entries_->Set(at, known);
  }
  entries_->SetTakenOver(group);
}

void DenseDirectory::Learn(const ReadContext& context, absl::Span<const uint32_t> numbers,
                           uint32_t which, uint64_t* learned) const {
  pager::BufferManager& buffer = context.pager->buffer();
  const DenseReader reader(context, root_);
  PageRef refs[kLanes];
  uint32_t to_look_at = 0;
  for (uint32_t left = which; left != 0; left &= left - 1) {
    const int k = std::countr_zero(left);
    const uint32_t group = GroupOf(numbers[k]);
    const char* entry = nullptr;
    PageRef missing;
    // What fails is told of by a look-up by itself.
    if (group >= entries_->groups || !reader.FollowTo(group, &entry, &missing).ok() ||
        entry == nullptr)
      continue;
    refs[k] = pager::DecodePageRef(entry);
    if (!refs[k]) continue;
    TakeOver(group, entry);
    learned[k] = entries_->Of(group);
    to_look_at |= uint32_t{learned[k] == 0} << k;
    buffer.PrefetchState(refs[k].id);
  }
  for (uint32_t left = to_look_at; left != 0; left &= left - 1)
    pager::PrefetchLines(buffer.AddressHint(refs[std::countr_zero(left)].id),
                         DenseView::kPayload + in_group_ * DenseLeafView::kSlotSize);
  for (uint32_t left = to_look_at; left != 0; left &= left - 1) {
    const int k = std::countr_zero(left);
    const uint32_t group = GroupOf(numbers[k]);
    learned[k] = EntryFor(refs[k], buffer.Peek(refs[k].id), group);
    if (learned[k] != 0) entries_->Set(group, learned[k]);
  }
}

}  // namespace sheaf::btree
