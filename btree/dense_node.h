// The pages of a DenseTree: records of a few bytes to a few kilobytes under the numbers 0,
// 1, 2, …, reached by arithmetic. Keys are taken in groups of 8, so that a reference is
// shared and a leaf can begin anywhere among groups.
//
// Format version 1. Integers are little-endian; `end` is the size of the node. The fields
// of the kind in the page header:
//
//   offset  size  field
//       52     2  groups       leaf: of which it holds the keys, g >= 1; index: zero
//       54     2  heap_bytes   leaf: records lie in [end - heap_bytes, end); index: zero
//       56     2  dead_bytes   leaf: of these, bytes of no record; index: zero
//       58     1  group_bits   3
//       59     1  reserved     zero
//       60     4  tree         as in btree/node.h
//
// Page flags: what the records are, DenseRecords.
//
// Both kinds begin with:
//
//       64     8  first_group  the lowest that the page is for
//
//   index page of level n (one base page), behind it:
//       72  12*335  references, the i-th to the page for the groups from
//                   first_group + i * 335^(n-1) on: at level 1 the leaf that holds the
//                   group, else an index page of level n - 1. Of no page: no such keys
//
//   leaf (1 to 16 base pages), behind it:
//       72   4*8*g  slots, one a key: offset of the record (2), its size (2); both zero:
//                   no such key
//        .       .  gap        zero in the file
//        .       .  heap       records, added downward from `end`
//
// Always: a leaf is referred to by the entries of all its groups, which lie side by side in
// one index page. Records are of 1 to 4,000 bytes and do not overlap. A leaf of several
// base pages has one group. first_group of an index page of level n is a multiple of
// 335^n; that of the root is 0.
//
// Not thread-safe; a page that others may see is not changed.
#ifndef BTREE_DENSE_NODE_H_
#define BTREE_DENSE_NODE_H_
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "pager/coding.h"
#include "pager/page.h"

namespace sheaf::btree {

using DenseKey = uint64_t;
inline constexpr uint32_t kGroupBits = 3, kGroupKeys = 1 << kGroupBits;
inline constexpr uint32_t kDenseFanout = 335;
inline constexpr int kDenseLevelMax = 6;
// 335^6 groups hold more.
inline constexpr DenseKey kDenseKeyEnd = DenseKey{1} << 53;
inline constexpr size_t kDenseRecordMax = 4000;

// How many groups are below one entry of an index page, by its level.
inline constexpr uint64_t kGroupsBelow[kDenseLevelMax + 2] = {0,
                                                              1,
                                                              335,
                                                              112'225,
                                                              37'595'375,
                                                              12'594'450'625,
                                                              4'219'140'959'375,
                                                              1'413'412'221'390'625};
static_assert(kGroupsBelow[kDenseLevelMax + 1] > kDenseKeyEnd >> kGroupBits);

// What the records of a tree are. They are looked into when a leaf is read from the file, so
// that nobody need doubt them later.
enum class DenseRecords : uint8_t { kBytes = 0, kVertices = 1 };
inline constexpr size_t kDenseRecordsCount = 2;
// By `check`; kDataLoss. Where none was set records are not looked into. Thread-safe.
using RecordCheck = absl::Status (*)(DenseKey key, std::string_view record);
void SetRecordCheck(DenseRecords records, RecordCheck check);

// What both kinds have. A view: costs nothing, owns nothing.
class DenseView {
 public:
  explicit DenseView(const char* page) : page_(page) {}

  const char* page() const { return page_; }
  uint32_t level() const { return pager::LevelOf(page_); }
  uint32_t end() const { return pager::PagesOf(page_) * pager::kPageBytes; }
  uint32_t tree() const { return pager::DecodeFixed32(page_ + kTree); }
  uint64_t first_group() const { return pager::DecodeFixed64(page_ + kFirstGroup); }
  DenseRecords records() const {
    return static_cast<DenseRecords>(page_[pager::PageHeader::kFlags]);
  }

  static constexpr size_t kGroups = 52, kHeapBytes = 54, kDeadBytes = 56, kBits = 58,
                          kReserved = 59, kTree = 60, kFirstGroup = 64, kPayload = 72;

 protected:
  const char* page_;
};

class DenseIndexView : public DenseView {
 public:
  using DenseView::DenseView;

  // Requires: `group` is one that the page is for.
  uint32_t IndexOf(uint64_t group) const {
    const uint64_t behind = group - first_group();  // most pages are of level 1
    return static_cast<uint32_t>(level() == 1 ? behind : behind / kGroupsBelow[level()]);
  }
  uint64_t GroupAt(uint32_t i) const { return first_group() + i * kGroupsBelow[level()]; }
  bool Covers(uint64_t group) const {
    return group - first_group() < kGroupsBelow[level() + 1];
  }
  const char* EntryAt(uint32_t i) const {
    return page_ + kPayload + i * pager::PageRef::kEncodedSize;
  }
  pager::PageRef Child(uint32_t i) const { return pager::DecodePageRef(EntryAt(i)); }
  // The first entry from `i` on that differs from it.
  uint32_t EndOfRun(uint32_t i) const;
  // The first that refers to a page, from `i` on; kDenseFanout if there is none.
  uint32_t NextChild(uint32_t i) const;
};

class DenseLeafView : public DenseView {
 public:
  using DenseView::DenseView;

  uint32_t groups() const { return pager::DecodeFixed16(page_ + kGroups); }
  uint32_t slot_count() const { return groups() * kGroupKeys; }
  DenseKey first_key() const { return first_group() << kGroupBits; }
  bool Covers(uint64_t group) const { return group - first_group() < groups(); }
  uint32_t SlotOf(DenseKey key) const { return static_cast<uint32_t>(key - first_key()); }

  // Empty: there is none.
  std::string_view Record(uint32_t slot) const {
    const char* at = SlotAt(slot);
    return {page_ + pager::DecodeFixed16(at), pager::DecodeFixed16(at + 2)};
  }
  const char* SlotAt(uint32_t slot) const { return page_ + kPayload + slot * kSlotSize; }
  // The first slot from `slot` on that has a record; slot_count() if there is none.
  uint32_t NextRecord(uint32_t slot) const;
  uint32_t CountRecords() const;

  uint32_t heap_bytes() const { return pager::DecodeFixed16(page_ + kHeapBytes); }
  uint32_t dead_bytes() const { return pager::DecodeFixed16(page_ + kDeadBytes); }
  uint32_t live_bytes() const { return heap_bytes() - dead_bytes(); }
  uint32_t slots_end() const {
    return static_cast<uint32_t>(kPayload + slot_count() * kSlotSize);
  }
  uint32_t gap() const { return end() - heap_bytes() - slots_end(); }
  uint32_t free_bytes() const { return gap() + dead_bytes(); }

  static constexpr uint32_t kSlotSize = 4;
  static constexpr uint32_t kGroupBytes = kGroupKeys * kSlotSize;
};

// The most that 8 records and their slots take fits the largest leaf.
static_assert(DenseView::kPayload + DenseLeafView::kGroupBytes +
                  kGroupKeys * kDenseRecordMax <=
              pager::kNodePagesMax * pager::kPageBytes);
static_assert(DenseView::kPayload + kDenseFanout * pager::PageRef::kEncodedSize <=
              pager::kPageBytes);

class DenseIndex : public DenseIndexView {
 public:
  explicit DenseIndex(char* page) : DenseIndexView(page) {}

  // An empty one. Requires: the page header is set.
  void Init(uint32_t level, uint64_t first_group, uint32_t tree, DenseRecords records);
  void SetChildren(uint32_t begin, uint32_t end, const pager::PageRef& ref);
};

class DenseLeaf : public DenseLeafView {
 public:
  explicit DenseLeaf(char* page) : DenseLeafView(page) {}

  // An empty one. Requires: the page header is set.
  void Init(uint64_t first_group, uint32_t groups, uint32_t tree, DenseRecords records);
  // False, and nothing is changed, when there is no room. Requires: 1 <= record.size() <=
  // kDenseRecordMax; the record does not lie in this page.
  bool Set(uint32_t slot, std::string_view record);
  void Remove(uint32_t slot);
  // Adds the records of groups [begin, end) of `from`. Requires: they are among this one's;
  // room.
  void TakeFrom(const DenseLeafView& from, uint64_t begin, uint64_t end);

 private:
  char* data() { return const_cast<char*>(page_); }
  void Set16(size_t at, uint32_t value) {
    pager::EncodeFixed16(data() + at, static_cast<uint16_t>(value));
  }
  void Compact();
};

// For PageKindOps. Everything in the page is bounded afterwards.
absl::Status ValidateDenseIndex(const char* page);
absl::Status ValidateDenseLeaf(const char* page);
void ForEachDenseRef(const char* page, absl::FunctionRef<void(const pager::PageRef&)> fn);
void ClearUnusedInDenseLeaf(char* page);
std::string DescribeDense(const char* page);

}  // namespace sheaf::btree
#endif  // BTREE_DENSE_NODE_H_
