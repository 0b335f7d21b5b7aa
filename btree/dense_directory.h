// DenseDirectory: where the records of one version of a DenseTree lie, learned as they are
// asked for, so that a record is one array read away however high the tree is.
//
// For trees of records of one size, the first so many of each group, that are looked up at
// random in a version that nobody changes. It takes 8 bytes a group, of which only those that
// were asked for are touched.
//
// Thread-safe. Whoever reads holds a version in which the tree has the same root.
#ifndef BTREE_DENSE_DIRECTORY_H_
#define BTREE_DENSE_DIRECTORY_H_
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "btree/dense_reader.h"
#include "pager/prefetch.h"

namespace sheaf::btree {

class DenseDirectory {
 public:
  // For the records 0 to `count`, of which record n has the key n / in_group * kGroupKeys +
  // n % in_group; `root` as it stays.
  DenseDirectory(const TreeRoot& root, uint32_t count, uint32_t in_group,
                 uint32_t record_bytes)
      : root_(root),
        groups_(count / in_group + 1),
        in_group_(in_group),
        record_bytes_(record_bytes),
        inverse_(((uint64_t{1} << kInverseShift) + in_group - 1) / in_group),
        entries_(static_cast<std::atomic<uint64_t>*>(
            std::calloc(groups_, sizeof(std::atomic<uint64_t>)))) {}

  bool IsOf(const TreeRoot& root) const { return root.page == root_.page; }
  bool ok() const { return entries_ != nullptr; }

  // Calls `fn(first, records)` with the records of several of these numbers, which are below
  // 2^30: those from the first on, null where there is none, good during the call, in which
  // the slot must not be used. The part of each that `fn` reads comes from memory together.
  struct Part {
    uint32_t begin, bytes;
  };
  template <class Fn>
  absl::Status Visit(const ReadContext& context, absl::Span<const uint32_t> numbers,
                     Part part, Fn&& fn) const;

 private:
  static constexpr size_t kLanes = DenseReader::kLanes;
  static constexpr uint32_t kInverseShift = 34;
  // An entry: the page; then, of a regular group, where in it the first record ends, before
  // which the others stand one after the other, all there; of any other, the slot of its
  // first record.
  static constexpr uint32_t kEndShift = 43, kRegularShift = 63;
  static constexpr uint64_t kIdMask = (uint64_t{1} << kEndShift) - 1;
  static constexpr uint32_t kEndMask = (1 << 18) - 1;

  struct Freer {
    void operator()(std::atomic<uint64_t>* p) const { std::free(p); }
  };

  uint32_t GroupOf(uint32_t n) const {
    return static_cast<uint32_t>(n * inverse_ >> kInverseShift);
  }
  // 0: a page on the way is not in memory, or there is no such leaf.
  uint64_t Learn(const ReadContext& context, uint64_t group) const;
  static bool IsRegular(uint64_t entry) { return entry >> kRegularShift != 0; }
  static uint32_t PlaceOf(uint64_t entry) {
    return static_cast<uint32_t>(entry >> kEndShift) & kEndMask;
  }
  // Of a record in its page, or, where the group is not regular, of its slot.
  uint32_t OffsetOf(uint64_t entry, uint32_t n, uint32_t group) const {
    const uint32_t i = n - group * in_group_;
    if (IsRegular(entry)) return PlaceOf(entry) - (i + 1) * record_bytes_;
    return static_cast<uint32_t>(DenseView::kPayload) +
           (PlaceOf(entry) + i) * DenseLeafView::kSlotSize;
  }
  // Null: there is none of that size.
  const char* RecordAt(const char* page, uint64_t entry, uint32_t offset) const {
    if (IsRegular(entry)) return page + offset;
    const uint32_t slot =
        (offset - static_cast<uint32_t>(DenseView::kPayload)) / DenseLeafView::kSlotSize;
    const std::string_view record = DenseLeafView(page).Record(slot);
    return record.size() == record_bytes_ ? record.data() : nullptr;
  }

  const TreeRoot root_;
  const uint32_t groups_, in_group_, record_bytes_;
  const uint64_t inverse_;
  const std::unique_ptr<std::atomic<uint64_t>[], Freer> entries_;
};

template <class Fn>
absl::Status DenseDirectory::Visit(const ReadContext& context,
                                   absl::Span<const uint32_t> numbers, Part part,
                                   Fn&& fn) const {
  pager::BufferManager& buffer = context.pager->buffer();
  for (size_t at = 0; at < numbers.size(); at += kLanes) {
    const absl::Span<const uint32_t> batch = numbers.subspan(at, kLanes);
    struct Lane {
      uint64_t entry;
      uint32_t offset;
    } lanes[kLanes];
    const char* records[kLanes];
    uint32_t singly = 0;  // bits
    {
      const pager::EpochGuard guard(buffer, context.slot);
      context.slot->CountLookups(batch.size());
      for (size_t k = 0; k < batch.size(); ++k) {
        const uint32_t group = GroupOf(batch[k]);
        Lane& lane = lanes[k];
        lane.entry =
            group < groups_ ? entries_[group].load(std::memory_order_relaxed) : 0;
        if (lane.entry == 0) lane.entry = Learn(context, group);
        lane.offset = OffsetOf(lane.entry, batch[k], group);
        if (lane.entry != 0) buffer.PrefetchState(lane.entry & kIdMask);
      }
      for (size_t k = 0; k < batch.size(); ++k) {
        if (lanes[k].entry == 0) continue;
        const char* const record =
            buffer.AddressHint(lanes[k].entry & kIdMask) + lanes[k].offset;
        pager::PrefetchLines(record + part.begin, part.bytes);
      }
      for (size_t k = 0; k < batch.size(); ++k) {
        // The page was looked at when its entry was learned, and is verified when it is
        // loaded again.
        const char* const page =
            lanes[k].entry == 0 ? nullptr : buffer.Peek(lanes[k].entry & kIdMask);
        records[k] =
            page == nullptr ? nullptr : RecordAt(page, lanes[k].entry, lanes[k].offset);
        if (records[k] == nullptr) singly |= 1u << k;
      }
      fn(at, absl::MakeConstSpan(records, batch.size()));
    }
    if (singly == 0) continue;
    const DenseReader reader(context, root_);
    absl::Status malformed;
    for (size_t k = 0; k < batch.size(); ++k) {
      if ((singly >> k & 1) == 0) continue;
      const DenseKey key = DenseKey{GroupOf(batch[k])} * kGroupKeys + batch[k] -
                           GroupOf(batch[k]) * in_group_;
      SHEAF_RETURN_IF_ERROR(reader.Visit(
          absl::MakeConstSpan(&key, 1), [&](size_t, std::string_view record) {
            const char* const data = record.data();
            if (record.size() == record_bytes_)
              fn(at + k, absl::MakeConstSpan(&data, 1));
            else
              malformed = absl::DataLossError(
                  absl::StrCat("record ", batch[k], " has ", record.size(),
                               " bytes in place of ", record_bytes_));
          }));
    }
    SHEAF_RETURN_IF_ERROR(malformed);
  }
  return absl::OkStatus();
}

}  // namespace sheaf::btree
#endif  // BTREE_DENSE_DIRECTORY_H_
