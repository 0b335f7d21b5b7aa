// DenseDirectory: where the records of one version of a DenseTree lie, learned as they are
// asked for, so that a record is one array read away however high the tree is.
//
// For trees of records of one size, the first so many of each group, that are looked up at
// random in a version that nobody changes. It takes 8 bytes a group, touched as far as they
// were asked for or beside such in an index page, and as many for another version's.
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
  // n % in_group; `root` as it stays. `before`: none, or of any version of the same tree, in
  // groups of as many; what is still where that learned it is not looked at again.
  DenseDirectory(const TreeRoot& root, uint32_t count, uint32_t in_group,
                 uint32_t record_bytes, const DenseDirectory* before = nullptr)
      : root_(root),
        in_group_(in_group),
        record_bytes_(record_bytes),
        inverse_(((uint64_t{1} << kInverseShift) + in_group - 1) / in_group),
        entries_(std::make_shared<const Entries>(root.page.birth, count / in_group + 1)),
        before_(before == nullptr ? nullptr : before->entries_) {}

  bool IsOf(const TreeRoot& root) const { return root.page == root_.page; }
  bool ok() const { return entries_->at != nullptr; }

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

  // One a group; behind them one an index page: whether what another version had learned of
  // its groups is among them.
  struct Entries {
    Entries(pager::Stamp birth_of_root, uint32_t count)
        : birth(birth_of_root),
          groups(count),
          at(static_cast<std::atomic<uint64_t>*>(std::calloc(
              count + count / kDenseFanout + 1, sizeof(std::atomic<uint64_t>)))) {}
    ~Entries() { std::free(at); }
    Entries(const Entries&) = delete;
    Entries& operator=(const Entries&) = delete;

    // 0: unknown, or there is no such group.
    uint64_t Of(uint64_t group) const {
      return group < groups ? at[group].load(std::memory_order_relaxed) : 0;
    }
    void Set(uint64_t group, uint64_t entry) const {
      at[group].store(entry, std::memory_order_relaxed);
    }
    bool IsTakenOver(uint64_t group) const {
      return at[groups + group / kDenseFanout].load(std::memory_order_relaxed) != 0;
    }
    void SetTakenOver(uint64_t group) const { Set(groups + group / kDenseFanout, 1); }

    const pager::Stamp birth;  // of the root
    const uint32_t groups;
    std::atomic<uint64_t>* const at;
  };

  uint32_t GroupOf(uint32_t n) const {
    return static_cast<uint32_t>(n * inverse_ >> kInverseShift);
  }
  // Of those of the numbers, at most kLanes, that have a bit in `which`: their leaves come from
  // memory together. 0: a page on the way is not there, or there is no such leaf.
  void Learn(const ReadContext& context, absl::Span<const uint32_t> numbers,
             uint32_t which, uint64_t* learned) const;
  uint64_t EntryFor(const PageRef& ref, const char* page, uint64_t group) const;
  // For all groups of an index page, of which `entry` is the one of `group`.
  void TakeOver(uint64_t group, const char* entry) const;
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
  const uint32_t in_group_, record_bytes_;
  const uint64_t inverse_;
  const std::shared_ptr<const Entries> entries_;
  const std::shared_ptr<const Entries> before_;
};

template <class Fn>
absl::Status DenseDirectory::Visit(const ReadContext& context,
                                   absl::Span<const uint32_t> numbers, Part part,
                                   Fn&& fn) const {
  pager::BufferManager& buffer = context.pager->buffer();
  for (size_t at = 0; at < numbers.size(); at += kLanes) {
    const absl::Span<const uint32_t> batch = numbers.subspan(at, kLanes);
    uint64_t entries[kLanes];
    uint32_t offsets[kLanes];
    const char* records[kLanes];
    uint32_t unknown = 0, singly = 0;  // bits
    {
      const pager::EpochGuard guard(buffer, context.slot);
      context.slot->CountLookups(batch.size());
      for (size_t k = 0; k < batch.size(); ++k) {
        entries[k] = entries_->Of(GroupOf(batch[k]));
        unknown |= uint32_t{entries[k] == 0} << k;
      }
      if (unknown != 0) Learn(context, batch, unknown, entries);
      for (size_t k = 0; k < batch.size(); ++k) {
        offsets[k] = OffsetOf(entries[k], batch[k], GroupOf(batch[k]));
        if (entries[k] != 0) buffer.PrefetchState(entries[k] & kIdMask);
      }
      for (size_t k = 0; k < batch.size(); ++k) {
        if (entries[k] == 0) continue;
        const char* const record = buffer.AddressHint(entries[k] & kIdMask) + offsets[k];
        pager::PrefetchLines(record + part.begin, part.bytes);
      }
      for (size_t k = 0; k < batch.size(); ++k) {
        // The page was looked at when its entry was learned, and is verified when it is
        // loaded again.
        const char* const page =
            entries[k] == 0 ? nullptr : buffer.Peek(entries[k] & kIdMask);
        records[k] = page == nullptr ? nullptr : RecordAt(page, entries[k], offsets[k]);
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
