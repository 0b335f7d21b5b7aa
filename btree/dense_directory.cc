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
  const char* end = nullptr;
  for (uint32_t i = 0; i < in_group_; ++i) {
    const std::string_view record = leaf.Record(slot + i);
    if (record.size() != record_bytes_) return 0;
    if (i == 0) end = record.data() + record_bytes_;
    if (record.data() + (i + 1) * record_bytes_ != end) return 0;
  }
  const uint64_t learned = ref.id | static_cast<uint64_t>(end - page) << kEndShift |
                           uint64_t{1} << kRegularShift;
  entries_[group].store(learned, std::memory_order_relaxed);
  return learned;
}

}  // namespace sheaf::btree
