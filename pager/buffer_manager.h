// BufferManager: page id -> memory, without a hash table and without a lock.
//
// Each base page of the file has a state word, found by arithmetic (after vmcache:
// Leis et al., SIGMOD 2023). It says whether the page is in memory, and in which frame.
// Frames of one base page lie side by side in huge pages of the processor and go from
// page to page without the system's help; a larger node gets a place of its own, whose
// memory is given back with it. Only address space is reserved beforehand.
//
// State word of a node (at its first base page):
//
//   bits 0-19   pins
//   bit 20      kResident  the bytes are there and may be read
//   bit 21      kLocked    somebody loads or evicts it
//   bit 22      kMarked    not used since the clock hand last passed
//   bit 23      kDirty     the bytes are not in the file yet
//   bit 24      kWriting   somebody writes them to the file now
//   bit 25      kDoomed    nobody will read it: it leaves memory once it is in the file
//   bit 26      kInterior  not the first base page of its node: never a node's id
//   bit 27      kChecked   whoever reads the values has found all of them well formed
//   bits 32-63  place      of its memory, in base pages from memory_
//
//   from            to              by
//   0               kLocked         Load, NewPage (compare-and-swap)
//   kLocked         kResident       the same, when the bytes are there
//   kResident       | kMarked       the clock hand
//   | kMarked       kResident       a reader that finds it marked
//   | kMarked, no pins, clean, no operation older than the mark
//                   kLocked, then 0 the clock hand
//   | kDirty        | kWriting, then clean: WriteOut
//   kResident, no pins
//                   kLocked, then 0 Free; Retire, WriteOut of one that is doomed
//
// How a page stays where it is while it is read: for the length of one operation
// through an EpochGuard, for longer by a pin. Whoever loads pages or makes room
// must not hold an EpochGuard. Pages of the running write transaction (birth >=
// private_floor) are written out by its own thread only; so that the others find
// room, it keeps a quarter of the budget free of them.
//
// The budget is hard: `bytes_max` covers every byte of page memory, clean, dirty
// and waiting for the next page. Thread-safe but for what says "writer only". Lock
// order: evict_mu_ before frames_mu_; both are innermost but for File.
#ifndef PAGER_BUFFER_MANAGER_H_
#define PAGER_BUFFER_MANAGER_H_
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pager/file.h"
#include "pager/mutex.h"
#include "pager/page.h"
#include "pager/page_codec.h"
#include "pager/reader_slots.h"

namespace sheaf::pager {

struct BufferStats {
  uint64_t bytes_max = 0, bytes_used = 0, bytes_dirty = 0;
  uint64_t lookups = 0;  // of pages; those that are no misses are hits
  uint64_t misses = 0, evictions = 0, pages_written = 0;
};

class BufferManager {
 public:
  static constexpr uint64_t kBytesMin = uint64_t{1} << 20;

  // `file`, `ops` and `codec` outlive it. Null: pages are plain.
  BufferManager(File* file, const PageOps* ops, uint64_t bytes_max,
                const PageCodec* codec = nullptr);
  ~BufferManager();
  // The checksum of one in `n` pages that are read is verified; of encrypted ones, which
  // are authenticated, none. Before anybody else uses it.
  void set_verify_one_in(uint32_t n) { verify_one_in_ = n; }
  BufferManager(const BufferManager&) = delete;
  BufferManager& operator=(const BufferManager&) = delete;

  // The bytes of a resident page; null when it must be loaded first. Requires:
  // an EpochGuard of the caller, or a pin, or its own private page.
  const char* Peek(PageId id) {
    std::atomic<uint64_t>* state = StateOrNull(id);
    if (state == nullptr) [[unlikely]]
      return nullptr;
    uint64_t word = state->load(std::memory_order_acquire);
    if ((word & (kResident | kLocked | kMarked)) != kResident) [[unlikely]] {
      word = Unmark(state);
      if (word == 0) return nullptr;
    }
    return Address(word);
  }

  // Hints that the page's header and slots will be read soon.
  static constexpr size_t kPrefetchBytes = 384;
  void Prefetch(PageId id) const {
    const char* page = AddressHint(id);
#pragma GCC unroll 8
    for (size_t at = 0; at < kPrefetchBytes; at += 64) __builtin_prefetch(page + at);
  }
  // Before it, of several pages.
  void PrefetchState(PageId id) const { __builtin_prefetch(StateOrNull(id)); }
  // Where the page is if it is in memory, anywhere otherwise; for prefetching only.
  const char* AddressHint(PageId id) const {
    const std::atomic<uint64_t>* state = StateOrNull(id);
    return state == nullptr ? memory_ : Address(state->load(std::memory_order_relaxed));
  }
  // Brings the page into memory and verifies it. Requires: no EpochGuard held.
  // kDataLoss, kResourceExhausted when nothing can be evicted.
  absl::Status Load(const PageRef& ref);

  // Load, and keep it there until Unpin.
  absl::StatusOr<const char*> Pin(const PageRef& ref);
  // False when the page is not resident.
  bool TryPin(PageId id);
  void Unpin(PageId id) {
    const uint64_t before = State(id).fetch_sub(1, std::memory_order_release);
    SHEAF_ASSERT((before & kPinMask) != 0);
  }
  // Brings pages that lie side by side, nodes of one base page each, into memory with one
  // read, and verifies them: as many of the first as are not there and find room that
  // nobody uses, since nothing is evicted for them. Says how many. Requires: as for Load.
  absl::StatusOr<uint64_t> LoadRun(absl::Span<const PageRef> run);
  // Reads pages that lie side by side, nodes of one base page each, from the file into
  // `out`, and verifies them; memory keeps none. Requires: none is dirty.
  absl::Status ReadPast(absl::Span<const PageRef> run, absl::Span<char> out);
  // For whoever looks into values before believing them: that was done for all of this page
  // since it came into memory. Requires: a pin; the page is of a version, and does not change.
  bool IsChecked(PageId id) const {
    return (State(id).load(std::memory_order_relaxed) & kChecked) != 0;
  }
  void MarkChecked(PageId id) { State(id).fetch_or(kChecked, std::memory_order_relaxed); }
  bool AnyPinned() const;
  bool IsResident(PageId id) const {
    const std::atomic<uint64_t>* state = StateOrNull(id);
    return state != nullptr && (state->load(std::memory_order_acquire) & kResident) != 0;
  }
  bool IsPinned(PageId id) {
    std::atomic<uint64_t>* state = StateOrNull(id);
    return state != nullptr && (state->load(std::memory_order_acquire) & kPinMask) != 0;
  }

  // Writer only. Memory for a page that was just allocated: dirty, header set,
  // the rest not. Never evicts, so pointers the caller holds stay good; call
  // Reserve before the operation. kDataLoss when the page is in use: the page map
  // of the file is wrong.
  absl::StatusOr<char*> NewPage(PageKind kind, const PageRef& ref);
  // Writer only. The page when it can be changed in place: dirty, never written,
  // of this birth. Otherwise null.
  char* WritablePage(const PageRef& ref, Stamp oldest_birth);
  // Writer only, holding no pointers: makes room for `pages` base pages, writing
  // out its own pages when it must.
  absl::Status Reserve(uint64_t pages);
  bool HasRoom(uint64_t pages) const { return used() + pages <= pages_max_; }
  // All pages of this birth or later belong to the running writer.
  void set_private_floor(Stamp floor) {
    private_floor_.store(floor, std::memory_order_release);
    private_made_ = 0;
  }
  // Read-only: what recovery made dirty stays in memory.
  void set_never_write() { never_write_ = true; }
  // Called with each write that failed, whoever needed it.
  void set_on_write_error(std::function<void(const absl::Status&)> fn) {
    on_write_error_ = std::move(fn);
  }
  // Told of pages that were read and were not intact, before the reader is.
  void set_on_damage(std::function<void(PageId, const absl::Status&)> fn) {
    on_damage_ = std::move(fn);
  }
  // Three quarters of the budget wait to be written.
  bool MostlyDirty() const { return dirty() > three_quarters(); }

  // The page belongs to no tree any more. False when somebody pins it still:
  // its id must not be given to anybody yet.
  bool Free(PageId id);
  // The same for many; those that are pinned go to `*pinned`.
  void FreeAll(absl::Span<const PageRef> pages, std::vector<PageRef>* pinned);
  // Only a version that is kept for its checkpoint has these pages: nobody will read
  // them. They leave memory as soon as they are in the file.
  void Retire(absl::Span<const PageRef> pages);

  // Writes those of the pages that are dirty to the file. Does not sync.
  absl::Status WriteOut(absl::Span<const PageRef> pages);

  ReaderSlots& slots() { return slots_; }
  uint64_t EnterEpoch() const { return epoch_.load(std::memory_order_acquire); }
  // Base pages the file has.
  void set_page_end(PageId end) { page_end_.store(end, std::memory_order_relaxed); }
  PageId page_end() const { return page_end_.load(std::memory_order_relaxed); }
  BufferStats stats() const;
  // Compares states, clock and counters. Requires: nobody else uses it.
  absl::Status Check() const;

 private:
  static constexpr uint64_t kPinMask = (1 << 20) - 1;
  static constexpr uint64_t kResident = 1 << 20, kLocked = 1 << 21, kMarked = 1 << 22,
                            kDirty = 1 << 23, kWriting = 1 << 24, kDoomed = 1 << 25,
                            kInterior = 1 << 26, kChecked = 1 << 27;
  static constexpr int kPlaceShift = 32;
  static constexpr int kSegmentShift = 22;  // 2^22 pages: 16 GiB
  static constexpr uint64_t kSegmentMask = (uint64_t{1} << kSegmentShift) - 1;
  static constexpr size_t kSegmentsMax = size_t{1} << (40 - kSegmentShift);

  using Segment = std::atomic<std::atomic<uint64_t>*>;  // state words
  struct Frame {
    std::atomic<PageId> id{0};
    std::atomic<Stamp> birth{0};
    std::atomic<uint32_t> pages{0};
    uint64_t marked_at = 0;  // under evict_mu_
  };

  std::atomic<uint64_t>* StateOrNull(PageId id) const {
    std::atomic<uint64_t>* states =
        segments_[id >> kSegmentShift].load(std::memory_order_acquire);
    return states == nullptr ? nullptr : states + (id & kSegmentMask);
  }
  std::atomic<uint64_t>& State(PageId id) const { return *StateOrNull(id); }
  char* Address(uint64_t word) const {
    return memory_ + (word >> kPlaceShift) * kPageBytes;
  }
  // Frames [0, singles_max_) are of one base page; behind them each has room for the
  // largest node.
  uint64_t PlaceOf(uint64_t frame) const {
    return frame < singles_max_ ? frame
                                : singles_max_ + (frame - singles_max_) * kNodePagesMax;
  }
  uint64_t FrameOf(uint64_t word) const {
    const uint64_t place = word >> kPlaceShift;
    return place < singles_max_ ? place
                                : singles_max_ + (place - singles_max_) / kNodePagesMax;
  }
  // The word without its mark; 0 when the page is not in memory.
  static uint64_t Unmark(std::atomic<uint64_t>* state);
  absl::Status EnsureSegment(PageId id) ABSL_LOCKS_EXCLUDED(segments_mu_);
  absl::Status FillFromFile(char* page, const PageRef& ref);
  absl::Status CheckRun(absl::Span<const PageRef> run) const;
  absl::Status OpenOfRun(char* page, const PageRef& ref, PageId* at_work);
  uint64_t LockRun(absl::Span<const PageRef> run);
  // Returns the state word of a node that lies there: its place and nothing else.
  uint64_t TakeFrame(const PageRef& ref) ABSL_LOCKS_EXCLUDED(frames_mu_);
  uint64_t TakeSingle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(frames_mu_);
  uint64_t TakeLarge(uint32_t pages) ABSL_EXCLUSIVE_LOCKS_REQUIRED(frames_mu_);
  std::vector<uint32_t> TakeExcess() ABSL_EXCLUSIVE_LOCKS_REQUIRED(frames_mu_);
  // Which dirty pages may be written out: all is for the writer's thread.
  enum class Spill { kNone, kPublished, kAll };
  struct Sweep {
    uint64_t evicted = 0;
    std::vector<PageRef> dirty;  // worth writing
    bool waits = false;          // for operations that end soon
  };
  absl::Status MakeRoom(uint64_t pages, Spill spill) ABSL_LOCKS_EXCLUDED(evict_mu_);
  // True when there was room and it was taken. Adds to `*sweep`.
  absl::StatusOr<bool> TryMakeRoom(uint64_t pages, Spill spill, Sweep* sweep)
      ABSL_LOCKS_EXCLUDED(evict_mu_);
  absl::Status SpillToLimit() ABSL_LOCKS_EXCLUDED(evict_mu_);
  absl::Status WriteAndEvict(absl::Span<const PageRef> dirty)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(evict_mu_);
  void SweepOnce(uint64_t want, Spill spill, Sweep* sweep)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(evict_mu_);
  // A page that the clock has locked, and whose memory it gives back.
  struct Victim {
    uint64_t frame;
    PageId id;
    uint32_t pages;
    bool dirty;
  };
  using Victims = absl::InlinedVector<Victim, 8>;
  // These return the base pages they added to `*victims`.
  uint64_t VisitFrame(uint64_t frame, uint64_t oldest, Spill spill, Sweep* sweep,
                      Victims* victims) ABSL_EXCLUSIVE_LOCKS_REQUIRED(evict_mu_);
  uint64_t LockVictim(uint64_t frame, PageId id, uint64_t word, Victims* victims);
  // Locks a page that belongs to nobody, if it is in memory. False when it is pinned.
  bool LockFreed(PageId id, Victims* victims);
  // Requires: their state words are kLocked.
  void GiveBack(absl::Span<Victim> victims) ABSL_LOCKS_EXCLUDED(frames_mu_);
  void Evict(absl::Span<Victim> victims) ABSL_LOCKS_EXCLUDED(frames_mu_);
  // The clock's hand is a frame; it goes over those ever used.
  uint64_t ClockSize() const { return singles_end_.load() + larges_end_.load(); }
  uint64_t NextFrame(uint64_t frame) const {
    ++frame;
    if (frame < singles_max_ && frame >= singles_end_.load()) frame = singles_max_;
    return frame >= singles_max_ + larges_end_.load() ? 0 : frame;
  }
  uint64_t three_quarters() const { return pages_max_ - pages_max_ / 4; }
  uint64_t used() const { return counts_.load() & 0xffffffff; }
  uint64_t dirty() const { return counts_.load() >> 32; }
  // Returns how many were used before.
  uint64_t Count(int64_t used, int64_t dirty) {
    return counts_.fetch_add(static_cast<uint64_t>(used) +
                             (static_cast<uint64_t>(dirty) << 32)) &
           0xffffffff;
  }
  bool ClaimInterior(const PageRef& ref);
  void ClearInterior(PageId id, uint32_t pages);
  absl::Status Acquire(uint64_t pages);
  uint64_t OldestActiveEpoch() const;
  enum class Claim { kMine, kBusy, kNothingToDo };
  Claim BeginWriteOut(const PageRef& ref);
  absl::Status WriteBatchOut(absl::Span<const PageRef> pages, std::vector<PageRef>* busy);
  void EndWriteOut(absl::Span<const PageRef> run, bool written);
  absl::Status WriteRun(absl::Span<const PageRef> run, std::vector<char>* bounce);

  File* const file_;
  const PageOps* const ops_;
  const PageCodec* const codec_;
  const uint64_t pages_max_;
  Segment* segments_ = nullptr;  // kSegmentsMax entries, memory used as touched
  std::atomic<PageId> page_end_{0};
  std::atomic<Stamp> private_floor_{kStampEnd};
  uint64_t private_made_ = 0;  // base pages the writer made and did not write out
  bool never_write_ = false;
  std::function<void(const absl::Status&)> on_write_error_;
  std::function<void(PageId, const absl::Status&)> on_damage_;
  std::atomic<uint64_t> epoch_{1};
  ReaderSlots slots_;

  std::atomic<uint64_t> counts_{0};  // base pages: dirty << 32 | used
  uint32_t verify_one_in_ = 1;
  std::atomic<uint64_t> misses_{0}, evictions_{0}, written_{0};

  Mutex evict_mu_;
  uint64_t hand_ ABSL_GUARDED_BY(evict_mu_) = 0;
  uint64_t spill_hand_ ABSL_GUARDED_BY(evict_mu_) = 0;
  mutable SpinMutex frames_mu_;
  Mutex segments_mu_;         // who adds one
  void* reserved_ = nullptr;  // memory_bytes_ of address space; memory_ is in it
  uint64_t memory_bytes_ = 0;
  char* memory_ = nullptr;
  Frame* frames_ = nullptr;  // frames_max_ entries
  const uint64_t singles_max_, frames_max_;
  std::atomic<uint64_t> singles_end_{0}, larges_end_{0};  // ever used, of each sort
  // Free frames: the last one used is the first one taken, while the processor's caches
  // have it. Those in `bare_` have no memory.
  std::vector<uint32_t> free_singles_ ABSL_GUARDED_BY(frames_mu_);
  std::vector<uint32_t> bare_singles_ ABSL_GUARDED_BY(frames_mu_);
  std::vector<uint32_t> free_larges_ ABSL_GUARDED_BY(frames_mu_);
  uint64_t large_pages_ ABSL_GUARDED_BY(frames_mu_) = 0;  // in large frames in use
};

// While one lives, pages that Peek returned stay in memory. One operation long.
class EpochGuard {
 public:
  EpochGuard(BufferManager& buffer, ReaderSlot* slot) : slot_(slot) {
    SHEAF_ASSERT(slot_->epoch.load(std::memory_order_relaxed) == 0);
    // A full barrier: the clock hand must see this before we look at any state.
    slot_->epoch.exchange(buffer.EnterEpoch(), std::memory_order_seq_cst);
  }
  ~EpochGuard() { slot_->epoch.store(0, std::memory_order_release); }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

 private:
  ReaderSlot* slot_;
};

// A pinned page.
class PinnedPage {
 public:
  PinnedPage() = default;
  PinnedPage(BufferManager* buffer, PageId id, const char* data)
      : buffer_(buffer), id_(id), data_(data) {}
  PinnedPage(PinnedPage&& other) noexcept { *this = std::move(other); }
  PinnedPage& operator=(PinnedPage&& other) noexcept {
    Reset();
    buffer_ = other.buffer_, id_ = other.id_, data_ = other.data_;
    other.buffer_ = nullptr, other.data_ = nullptr;
    return *this;
  }
  ~PinnedPage() { Reset(); }
  void Reset() {
    if (buffer_ != nullptr) buffer_->Unpin(id_);
    buffer_ = nullptr, data_ = nullptr;
  }
  // Gives the pin to the caller, who must Unpin.
  PageId Release() {
    buffer_ = nullptr;
    return id_;
  }
  const char* data() const { return data_; }
  PageId id() const { return id_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  BufferManager* buffer_ = nullptr;
  PageId id_ = 0;
  const char* data_ = nullptr;
};

}  // namespace sheaf::pager
#endif  // PAGER_BUFFER_MANAGER_H_
