#include "btree/dense_directory.h"

namespace sheaf::btree {

uint64_t DenseDirectory::Learn(const ReadContext& context, uint64_t group) const {
  if (group >= groups_) return 0;
  const char* entry = nullptr;
  PageRef missing;
  const absl::Status status =
      DenseReader(context, root_).FollowTo(group, &entry, &missing);
  if (!status.ok() || entry == nullptr) return 0;  // which a look-up by itself tells of
  const PageRef ref = pager::DecodePageRef(entry);
  const char* const page = ref ? context.pager->buffer().Peek(ref.id) : nullptr;
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
  const uint64_t learned =
      ref.id | place << kEndShift | uint64_t{is_regular} << kRegularShift;
  entries_[group].store(learned, std::memory_order_relaxed);
  return learned;
}

}  // namespace sheaf::btree
