#include "btree/dense_node.h"

#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/cell_bytes.h"
#include "btree/node.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using pager::DecodeFixed16;
using pager::kPageBytes;
using pager::PageHeader;
using pager::PageKind;
using pager::PageRef;

namespace {

// Big enough for the largest leaf, without its page header.
constexpr size_t kHeapMax = pager::kNodePagesMax * kPageBytes - DenseView::kPayload;

void InitDense(char* page, uint32_t level, uint64_t first_group, uint32_t groups,
               uint32_t tree, DenseRecords records) {
  page[PageHeader::kLevel] = static_cast<char>(level);
  page[PageHeader::kFlags] = static_cast<char>(records);
  pager::EncodeFixed16(page + DenseView::kGroups, static_cast<uint16_t>(groups));
  pager::EncodeFixed16(page + DenseView::kHeapBytes, 0);
  pager::EncodeFixed16(page + DenseView::kDeadBytes, 0);
  page[DenseView::kBits] = static_cast<char>(kGroupBits);
  page[DenseView::kReserved] = 0;
  pager::EncodeFixed32(page + DenseView::kTree, tree);
  pager::EncodeFixed64(page + DenseView::kFirstGroup, first_group);
}

std::atomic<RecordCheck> record_checks[kDenseRecordsCount] = {};

absl::Status DenseDamaged(const char* page, const std::string& what) {
  return pager::PageDamaged(pager::PageIdOf(page), what);
}

}  // namespace

void SetRecordCheck(DenseRecords records, RecordCheck check) {
  record_checks[static_cast<size_t>(records)].store(check, std::memory_order_release);
}

uint32_t DenseIndexView::EndOfRun(uint32_t i) const {
  const char* const run = EntryAt(i);
  do ++i;
  while (i < kDenseFanout && std::memcmp(EntryAt(i), run, PageRef::kEncodedSize) == 0);
  return i;
}

uint32_t DenseIndexView::NextChild(uint32_t i) const {
  while (i < kDenseFanout && pager::DecodeFixed48(EntryAt(i)) == 0) ++i;
  return i;
}

void DenseIndex::Init(uint32_t level, uint64_t first_group, uint32_t tree,
                      DenseRecords records) {
  char* const page = const_cast<char*>(page_);
  InitDense(page, level, first_group, 0, tree, records);
  std::memset(page + kPayload, 0, kPageBytes - kPayload);
}

void DenseIndex::SetChildren(uint32_t begin, uint32_t end, const PageRef& ref) {
  for (uint32_t i = begin; i < end; ++i)
    pager::EncodePageRef(const_cast<char*>(EntryAt(i)), ref);
}

uint32_t DenseLeafView::NextRecord(uint32_t slot) const {
  while (slot < slot_count() && DecodeFixed16(SlotAt(slot)) == 0) ++slot;
  return slot;
}

uint32_t DenseLeafView::CountRecords() const {
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < slot_count(); ++slot)
    count += DecodeFixed16(SlotAt(slot)) != 0;
  return count;
}

void DenseLeaf::Init(uint64_t first_group, uint32_t groups, uint32_t tree,
                     DenseRecords records) {
  InitDense(data(), 0, first_group, groups, tree, records);
  std::memset(data() + kPayload, 0, slot_count() * kSlotSize);
}

bool DenseLeaf::Set(uint32_t slot, std::string_view record) {
  SHEAF_ASSERT(slot < slot_count());
  SHEAF_ASSERT(!record.empty() && record.size() <= kDenseRecordMax);
  const std::string_view old = Record(slot);
  char* const at = data() + (SlotAt(slot) - page_);
  if (record.size() <= old.size()) {  // its place does
    std::memcpy(data() + (old.data() - page_), record.data(), record.size());
    pager::EncodeFixed16(at + 2, static_cast<uint16_t>(record.size()));
    Set16(kDeadBytes, dead_bytes() + static_cast<uint32_t>(old.size() - record.size()));
    return true;
  }
  if (record.size() > free_bytes() + old.size()) return false;
  Remove(slot);
  if (record.size() > gap()) Compact();
  const uint32_t heap = heap_bytes() + static_cast<uint32_t>(record.size());
  const uint32_t offset = end() - heap;
  std::memcpy(data() + offset, record.data(), record.size());
  pager::EncodeFixed16(at, static_cast<uint16_t>(offset));
  pager::EncodeFixed16(at + 2, static_cast<uint16_t>(record.size()));
  Set16(kHeapBytes, heap);
  return true;
}

void DenseLeaf::Remove(uint32_t slot) {
  SHEAF_ASSERT(slot < slot_count());
  Set16(kDeadBytes, dead_bytes() + static_cast<uint32_t>(Record(slot).size()));
  std::memset(data() + (SlotAt(slot) - page_), 0, kSlotSize);
}

void DenseLeaf::TakeFrom(const DenseLeafView& from, uint64_t begin, uint64_t end) {
  SHEAF_ASSERT(from.page() != page_);
  for (DenseKey key = begin << kGroupBits; key < end << kGroupBits; ++key) {
    const std::string_view record = from.Record(from.SlotOf(key));
    if (record.empty()) continue;
    const bool taken = Set(SlotOf(key), record);
    SHEAF_ASSERT(taken);
  }
}

void DenseLeaf::Compact() {
  char heap[kHeapMax];
  uint32_t bytes = 0;
  for (uint32_t slot = 0; slot < slot_count(); ++slot) {
    const std::string_view record = Record(slot);
    if (record.empty()) continue;
    bytes += static_cast<uint32_t>(record.size());
    std::memcpy(heap + kHeapMax - bytes, record.data(), record.size());
    pager::EncodeFixed16(data() + (SlotAt(slot) - page_),
                         static_cast<uint16_t>(end() - bytes));
  }
  SHEAF_ASSERT(bytes == live_bytes());
  std::memcpy(data() + end() - bytes, heap + kHeapMax - bytes, bytes);
  Set16(kHeapBytes, bytes);
  Set16(kDeadBytes, 0);
}

namespace {

absl::Status ValidateDense(const char* page) {
  if (static_cast<uint8_t>(page[PageHeader::kFlags]) >= kDenseRecordsCount ||
      page[DenseView::kReserved] != 0)
    return DenseDamaged(page, "flags or reserved is impossible");
  if (page[DenseView::kBits] != static_cast<char>(kGroupBits))
    return DenseDamaged(page,
                        absl::StrCat("group_bits is ", int{page[DenseView::kBits]}));
  if (DenseView(page).first_group() >= kDenseKeyEnd >> kGroupBits)
    return DenseDamaged(page, "first_group is impossible");
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateDenseIndex(const char* page) {
  const DenseIndexView index(page);
  if (index.level() < 1 || index.level() > uint32_t{kDenseLevelMax})
    return DenseDamaged(page, absl::StrCat("level is ", index.level()));
  if (pager::PagesOf(page) != 1) return DenseDamaged(page, "is not one base page");
  SHEAF_RETURN_IF_ERROR(ValidateDense(page));
  if (DecodeFixed16(page + DenseView::kGroups) != 0 ||
      DecodeFixed16(page + DenseView::kHeapBytes) != 0 ||
      DecodeFixed16(page + DenseView::kDeadBytes) != 0)
    return DenseDamaged(page, "has fields that only a leaf has");
  if (index.first_group() % kGroupsBelow[index.level() + 1] != 0)
    return DenseDamaged(page, absl::StrCat("first_group is ", index.first_group()));
  for (uint32_t i = index.NextChild(0); i < kDenseFanout; i = index.NextChild(i + 1))
    SHEAF_RETURN_IF_ERROR(ValidateRef(page, i, index.Child(i)));
  return absl::OkStatus();
}

absl::Status ValidateDenseLeaf(const char* page) {
  const DenseLeafView leaf(page);
  if (leaf.level() != 0)
    return DenseDamaged(page, absl::StrCat("level is ", leaf.level()));
  SHEAF_RETURN_IF_ERROR(ValidateDense(page));
  const uint32_t groups = leaf.groups();
  if (groups == 0 || groups > kDenseFanout ||
      leaf.first_group() % kDenseFanout + groups > kDenseFanout)
    return DenseDamaged(page, absl::StrCat("groups is ", groups));
  if (groups > 1 && pager::PagesOf(page) > 1)
    return DenseDamaged(page, "has several groups and several base pages");
  if (leaf.slots_end() + leaf.heap_bytes() > leaf.end())
    return DenseDamaged(page, "heap_bytes reaches into the slots");
  const RecordCheck check =
      record_checks[static_cast<size_t>(leaf.records())].load(std::memory_order_acquire);
  uint32_t bytes = leaf.dead_bytes();
  CellBytes cells(leaf.end());
  for (uint32_t slot = 0; slot < leaf.slot_count(); ++slot) {
    const uint32_t offset = DecodeFixed16(leaf.SlotAt(slot)),
                   size = DecodeFixed16(leaf.SlotAt(slot) + 2);
    if (offset == 0 && size == 0) continue;
    if (size == 0 || size > kDenseRecordMax || offset < leaf.end() - leaf.heap_bytes() ||
        offset + size > leaf.end())
      return DenseDamaged(page, absl::StrCat("slot ", slot, " lies outside the heap"));
    if (!cells.Add(offset, offset + size))
      return DenseDamaged(page, absl::StrCat("slot ", slot, " overlaps another"));
    bytes += size;
    if (check == nullptr) continue;
    const absl::Status record = check(leaf.first_key() + slot, leaf.Record(slot));
    if (!record.ok()) return DenseDamaged(page, std::string(record.message()));
  }
  if (bytes != leaf.heap_bytes())
    return DenseDamaged(page, absl::StrCat("records and dead_bytes take ", bytes,
                                           ", heap_bytes is ", leaf.heap_bytes()));
  return absl::OkStatus();
}

void ForEachDenseRef(const char* page, absl::FunctionRef<void(const PageRef&)> fn) {
  const DenseIndexView index(page);
  for (uint32_t i = index.NextChild(0); i < kDenseFanout;
       i = index.NextChild(index.EndOfRun(i)))
    fn(index.Child(i));
}

void ClearUnusedInDenseLeaf(char* page) {
  const DenseLeafView leaf(page);
  std::memset(page + leaf.slots_end(), 0, leaf.gap());
}

std::string DescribeDense(const char* page) {
  const DenseView view(page);
  std::string out =
      absl::StrCat("\"tree\":", view.tree(), ",\"first_group\":", view.first_group());
  if (view.level() > 0) {
    const DenseIndexView index(page);
    absl::StrAppend(&out, ",\"children\":[");
    const char* comma = "";
    for (uint32_t i = index.NextChild(0); i < kDenseFanout;
         i = index.NextChild(index.EndOfRun(i))) {
      absl::StrAppend(&out, comma, "{\"first_group\":", index.GroupAt(i),
                      ",\"page\":", index.Child(i).id, "}");
      comma = ",";
    }
    return absl::StrCat(out, "]");
  }
  const DenseLeafView leaf(page);
  absl::StrAppend(&out, ",\"groups\":", leaf.groups(),
                  ",\"heap_bytes\":", leaf.heap_bytes(),
                  ",\"dead_bytes\":", leaf.dead_bytes(), ",\"records\":[");
  const char* comma = "";
  for (uint32_t slot = leaf.NextRecord(0); slot < leaf.slot_count();
       slot = leaf.NextRecord(slot + 1)) {
    absl::StrAppend(&out, comma, "{\"key\":", leaf.first_key() + slot,
                    ",\"size\":", leaf.Record(slot).size(), "}");
    comma = ",";
  }
  return absl::StrCat(out, "]");
}

}  // namespace sheaf::btree
