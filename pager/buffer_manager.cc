#include "pager/buffer_manager.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pager/assert.h"
#include "pager/page_memory.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

// Entries beyond the budget's, for pages a running operation may add above it.
constexpr uint64_t kFramesSlack = 8192;
// Pages the clock gives up at once, so that its lock is taken rarely.
constexpr uint64_t kEvictBatch = 32;
constexpr size_t kWriteBatch = 256;
constexpr size_t kWriteRunBytesMax = size_t{256} << 10;
constexpr int kSweepsMax = 400;
// How long to wait for operations in flight: their threads may not get to run.
constexpr absl::Duration kOperationWaitMax = absl::Seconds(10);

// The range of one page's memory; joins the one before it where they touch.
void AddRange(char* begin, size_t bytes, std::vector<iovec>* ranges) {
  if (!ranges->empty() &&
      static_cast<char*>(ranges->back().iov_base) + ranges->back().iov_len == begin)
    ranges->back().iov_len += bytes;
  else
    ranges->push_back({begin, bytes});
}

}  // namespace

BufferManager::BufferManager(File* file, const PageOps* ops, uint64_t bytes_max)
    : file_(file),
      ops_(ops),
      pages_max_(std::max(bytes_max, kBytesMin) / kPageBytes),
      frames_max_(pages_max_ + kFramesSlack) {
  segments_ = static_cast<Segment*>(ReserveMemory(kSegmentsMax * sizeof(Segment)));
  // Memory is used as far as there are pages, not as far as the budget allows.
  frames_ = static_cast<Frame*>(ReserveMemory(frames_max_ * sizeof(Frame)));
  SHEAF_ASSERT(segments_ != nullptr && frames_ != nullptr);
}

BufferManager::~BufferManager() {
  for (size_t i = 0; i < kSegmentsMax && segments_[i].base.load() != nullptr; ++i) {
    munmap(segments_[i].base.load(), kPageBytes << kSegmentShift);
    munmap(segments_[i].state.load(), sizeof(uint64_t) << kSegmentShift);
  }
  munmap(segments_, kSegmentsMax * sizeof(Segment));
  munmap(frames_, frames_max_ * sizeof(Frame));
}

absl::Status BufferManager::EnsureSegment(PageId id) {
  Segment& segment = segments_[id >> kSegmentShift];
  if (segment.state.load(std::memory_order_acquire) != nullptr) return absl::OkStatus();
  MutexLock lock(&frames_mu_);
  // All segments up to this one, so that the destructor finds them in a row.
  for (size_t i = 0; i <= id >> kSegmentShift; ++i) {
    Segment& s = segments_[i];
    if (s.state.load(std::memory_order_relaxed) != nullptr) continue;
    void* base = ReserveMemory(kPageBytes << kSegmentShift);
    void* state =
        base == nullptr ? nullptr : ReserveMemory(sizeof(uint64_t) << kSegmentShift);
    if (state == nullptr) {
      if (base != nullptr) munmap(base, kPageBytes << kSegmentShift);
      return absl::ResourceExhaustedError(
          "no address space for 16 GiB more of pages: look at `ulimit -v` and "
          "vm.overcommit_memory");
    }
    AdviseHugePages(base, kPageBytes << kSegmentShift, huge_.load());
    s.base.store(static_cast<char*>(base), std::memory_order_relaxed);
    s.state.store(static_cast<std::atomic<uint64_t>*>(state), std::memory_order_release);
  }
  return absl::OkStatus();
}

// Random reads of a table in memory are a fifth faster with huge pages, and its pages
// come at a fifth of the cost. But with more pages in the file than the budget holds
// they would make the budget a fiction: 4 KiB in, 2 MiB taken.
void BufferManager::SwitchHuge(bool huge) {
  MutexLock lock(&frames_mu_);
  huge_.store(huge);
  for (size_t i = 0; i < kSegmentsMax && segments_[i].base.load() != nullptr; ++i)
    AdviseHugePages(segments_[i].base.load(), kPageBytes << kSegmentShift, huge);
}

bool BufferManager::Unmark(std::atomic<uint64_t>* state) {
  uint64_t word = state->load(std::memory_order_acquire);
  while ((word & (kResident | kLocked | kFreed)) == kResident) {
    if ((word & kMarked) == 0) return true;
    if (state->compare_exchange_weak(word, word & ~kMarked, std::memory_order_acq_rel))
      return true;
  }
  return false;
}

bool BufferManager::TryPin(PageId id) {
  std::atomic<uint64_t>* state = StateOrNull(id);
  if (state == nullptr) return false;
  uint64_t word = state->load(std::memory_order_acquire);
  while ((word & (kResident | kLocked | kFreed)) == kResident) {
    SHEAF_ASSERT((word & kPinMask) < kPinMask);
    if (state->compare_exchange_weak(word, (word & ~kMarked) + 1,
                                     std::memory_order_acq_rel))
      return true;
  }
  return false;
}

absl::StatusOr<const char*> BufferManager::Pin(const PageRef& ref) {
  for (;;) {
    if (TryPin(ref.id)) {
      const char* page = Address(ref.id);
      if (BirthOf(page) == ref.birth && PagesOf(page) == ref.pages) return page;
      Unpin(ref.id);
      return PageDamaged(ref.id, absl::StrCat("birth is ", BirthOf(page), ", expected ",
                                              ref.birth, ": two references disagree"));
    }
    SHEAF_RETURN_IF_ERROR(Load(ref));
  }
}

absl::Status BufferManager::Load(const PageRef& ref) {
  if (ref.id + ref.pages > page_end_.load() || ref.id < 2)
    return PageDamaged(ref.id, absl::StrCat("a reference leads outside the file's ",
                                            page_end_.load(), " pages"));
  if ((ref.id & kSegmentMask) + ref.pages > kSegmentMask + 1)
    return PageDamaged(ref.id, "a node that no allocation could have made");
  SHEAF_RETURN_IF_ERROR(EnsureSegment(ref.id));
  std::atomic<uint64_t>& state = State(ref.id);
  for (;;) {
    uint64_t word = state.load(std::memory_order_acquire);
    if ((word & (kInterior | kFreed)) != 0 && (word & kLocked) == 0)
      return PageDamaged(ref.id, "referred to, but it is free or inside another page");
    if ((word & (kResident | kLocked)) == kResident) {
      Unmark(&state);
      return absl::OkStatus();
    }
    if (word == 0 && state.compare_exchange_strong(word, kLocked)) break;
    sched_yield();
  }
  misses_.fetch_add(1, std::memory_order_relaxed);
  absl::Status status = Acquire(ref.pages);
  if (!status.ok()) {
    state.store(0, std::memory_order_release);
    return status;
  }
  if (!ClaimInterior(ref)) {
    status = PageDamaged(ref.id, "overlaps another page in use");
  } else {
    status = FillFromFile(ref);
    if (!status.ok()) ClearInterior(ref.id, ref.pages);
  }
  if (!status.ok()) {
    // Not the interior: it may be somebody else's memory.
    used_.fetch_sub(ref.pages, std::memory_order_relaxed);
    state.store(0, std::memory_order_release);
    return status;
  }
  const uint64_t frame = TakeFrame(ref);
  state.store(kResident | frame << kFrameShift, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status BufferManager::FillFromFile(const PageRef& ref) {
  char* page = Address(ref.id);
  const size_t bytes = ref.pages * kPageBytes;
  absl::Status status = file_->Read(ref.id * kPageBytes, absl::MakeSpan(page, bytes));
  if (absl::IsOutOfRange(status))
    status = PageDamaged(ref.id, "lies behind the end of the file, which was cut off");
  if (status.ok()) status = VerifyPage(page, bytes, ref);
  if (status.ok()) {
    const PageKindOps& ops = ops_->kinds[static_cast<size_t>(PageKindOf(page))];
    status = ops.validate == nullptr
                 ? PageDamaged(ref.id, "is not of a kind that a tree refers to")
                 : ops.validate(page);
  }
  const iovec range{page, bytes};
  if (!status.ok()) ReleaseMemory({&range, 1});
  return status;
}

bool BufferManager::ClaimInterior(const PageRef& ref) {
  for (uint32_t i = 1; i < ref.pages; ++i) {
    uint64_t expected = 0;
    if (!State(ref.id + i).compare_exchange_strong(expected, kInterior)) {
      ClearInterior(ref.id, i);
      return false;
    }
  }
  return true;
}

void BufferManager::ClearInterior(PageId id, uint32_t pages) {
  for (uint32_t i = 1; i < pages; ++i) State(id + i).store(0, std::memory_order_release);
}

uint64_t BufferManager::TakeFrame(const PageRef& ref) {
  uint64_t index;
  {
    MutexLock lock(&frames_mu_);
    if (!free_frames_.empty()) {
      index = free_frames_.back();
      free_frames_.pop_back();
    } else {
      index = frames_end_.load(std::memory_order_relaxed);
      SHEAF_ASSERT(index < frames_max_);
      frames_end_.store(index + 1, std::memory_order_release);
    }
  }
  Frame& frame = frames_[index];
  frame.birth.store(ref.birth, std::memory_order_relaxed);
  frame.pages.store(ref.pages, std::memory_order_relaxed);
  frame.id.store(ref.id, std::memory_order_release);
  return index;
}

// --- Budget and clock -------------------------------------------------------

absl::Status BufferManager::Acquire(uint64_t pages) {
  if (used_.fetch_add(pages, std::memory_order_relaxed) + pages <= pages_max_)
    return absl::OkStatus();
  used_.fetch_sub(pages, std::memory_order_relaxed);
  return MakeRoom(pages, Spill::kPublished);
}

absl::Status BufferManager::Reserve(uint64_t pages) {
  if (dirty_.load(std::memory_order_relaxed) > pages_max_ - pages_max_ / 4)
    SHEAF_RETURN_IF_ERROR(SpillToLimit());
  if (used_.load(std::memory_order_relaxed) + pages <= pages_max_)
    return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(MakeRoom(pages, Spill::kAll));
  used_.fetch_sub(pages, std::memory_order_relaxed);
  return absl::OkStatus();
}

uint64_t BufferManager::OldestActiveEpoch() const {
  uint64_t oldest = UINT64_MAX;
  slots_.ForEach([&](const ReaderSlot& slot) {
    const uint64_t e = slot.epoch.load(std::memory_order_seq_cst);
    if (e != 0) oldest = std::min(oldest, e);
  });
  return oldest;
}

absl::Status BufferManager::MakeRoom(uint64_t pages, Spill spill) {
  int idle_sweeps = 0;
  const absl::Time deadline = absl::Now() + kOperationWaitMax;
  for (;;) {
    Sweep sweep;
    SHEAF_ASSIGN_OR_RETURN(const bool made, TryMakeRoom(pages, spill, &sweep));
    if (made) return absl::OkStatus();
    if (sweep.evicted > 0) {
      idle_sweeps = 0;
      continue;
    }
    // Operations in flight end as soon as their threads get to run, so they are
    // given time for it, without the lock: the writer may have pages to write.
    const bool waits = sweep.waits && absl::Now() < deadline;
    if (waits && idle_sweeps > 3)
      absl::SleepFor(absl::Microseconds(200));
    else if (idle_sweeps > 3)
      sched_yield();
    if (++idle_sweeps >= kSweepsMax && !waits)
      return absl::ResourceExhaustedError(absl::StrCat(
          "the cache budget of ", pages_max_ * kPageBytes,
          " bytes is full of pages that cannot be evicted: end cursors and values "
          "that are still open, or set Options::cache_bytes_max higher"));
  }
}

absl::StatusOr<bool> BufferManager::TryMakeRoom(uint64_t pages, Spill spill,
                                                Sweep* sweep) {
  MutexLock lock(&evict_mu_);
  uint64_t used = used_.load();
  if (used + pages > pages_max_) {
    SweepOnce(used + pages - pages_max_ + std::min(kEvictBatch, pages_max_ / 16), spill,
              sweep);
    const uint64_t before = used_.load();
    if (!sweep->dirty.empty()) SHEAF_RETURN_IF_ERROR(WriteAndEvict(sweep->dirty));
    used = used_.load();
    if (used < before) sweep->evicted += before - used;
  }
  if (used + pages > pages_max_) return false;
  used_.fetch_add(pages);
  return true;
}

// Writes the writer's pages out, in turn, until others could make them all room.
// They stay in memory.
absl::Status BufferManager::SpillToLimit() {
  if (never_write_) return absl::OkStatus();
  MutexLock lock(&evict_mu_);
  const uint64_t limit = pages_max_ - pages_max_ / 4;
  const uint64_t want = limit - std::min(kEvictBatch, pages_max_ / 16);
  const uint64_t end = frames_end_.load(std::memory_order_acquire);
  std::vector<PageRef> dirty;
  for (uint64_t step = 0, left = dirty_.load(); step < end && left > want; ++step) {
    if (spill_hand_ >= end) spill_hand_ = 0;
    Frame& frame = frames_[spill_hand_++];
    const PageId id = frame.id.load(std::memory_order_acquire);
    if (id == 0 || (State(id).load(std::memory_order_acquire) & kDirty) == 0) continue;
    dirty.push_back({id, frame.birth.load(std::memory_order_relaxed),
                     frame.pages.load(std::memory_order_relaxed)});
    left -= std::min<uint64_t>(left, dirty.back().pages);
  }
  return WriteOut(dirty);
}

void BufferManager::SweepOnce(uint64_t want, Spill spill, Sweep* sweep) {
  const uint64_t end = frames_end_.load(std::memory_order_acquire);
  const uint64_t oldest = OldestActiveEpoch();
  std::vector<Victim> victims;
  uint64_t found = VisitRetired(want, oldest, &victims);
  for (uint64_t step = 0; step < end && found < want && sweep->dirty.size() < kWriteBatch;
       ++step) {
    if (hand_ >= end) hand_ = 0;
    found += VisitFrame(hand_++, oldest, spill, sweep, &victims);
  }
  Evict(absl::MakeSpan(victims));
  sweep->evicted += found;
  epoch_.fetch_add(1, std::memory_order_seq_cst);
}

// Those nobody will ask for go first: marked when first seen, taken when seen again.
uint64_t BufferManager::VisitRetired(uint64_t want, uint64_t oldest,
                                     std::vector<Victim>* victims) {
  std::vector<PageRef> seen;
  {
    MutexLock lock(&frames_mu_);
    seen.swap(retired_);
  }
  doomed_.insert(doomed_.end(), seen.begin(), seen.end());
  Sweep ignored;
  uint64_t found = 0;
  for (size_t left = std::min(doomed_.size(), 4 * kEvictBatch + seen.size());
       left > 0 && found < want; --left) {
    const PageRef ref = doomed_.front();
    doomed_.pop_front();
    const uint64_t word = State(ref.id).load(std::memory_order_acquire);
    const uint64_t index = word >> kFrameShift;
    if ((word & (kResident | kFreed | kLocked)) != kResident ||
        frames_[index].birth.load(std::memory_order_relaxed) != ref.birth)
      continue;
    const uint64_t taken = VisitFrame(index, oldest, Spill::kNone, &ignored, victims);
    if (taken == 0) doomed_.push_back(ref);
    found += taken;
  }
  return found;
}

void BufferManager::Retire(absl::Span<const PageRef> pages) {
  MutexLock lock(&frames_mu_);
  if (retired_.size() > frames_max_) retired_.clear();  // nobody needs room
  retired_.insert(retired_.end(), pages.begin(), pages.end());
}

uint64_t BufferManager::VisitFrame(uint64_t index, uint64_t oldest, Spill spill,
                                   Sweep* sweep, std::vector<Victim>* victims) {
  Frame& frame = frames_[index];
  const PageId id = frame.id.load(std::memory_order_acquire);
  if (id == 0) return 0;
  uint64_t word = State(id).load(std::memory_order_seq_cst);
  if ((word & kResident) == 0 || (word & (kLocked | kWriting | kPinMask)) != 0) return 0;
  if (word >> kFrameShift != index) return 0;
  if ((word & kFreed) != 0) return LockVictim(index, id, word, victims);
  if ((word & kMarked) == 0) {
    // Before the mark: whoever sees it unmarked began no later than this epoch.
    frame.marked_at = epoch_.load(std::memory_order_seq_cst);
    State(id).compare_exchange_strong(word, word | kMarked, std::memory_order_seq_cst);
    return 0;
  }
  if ((word & kDirty) != 0) {
    const PageRef ref{id, frame.birth.load(std::memory_order_relaxed),
                      frame.pages.load(std::memory_order_relaxed)};
    // The floor is looked at after the page: a writer that began since the sweep
    // did has set it before it made one.
    const bool may = spill == Spill::kAll ||
                     (spill == Spill::kPublished && ref.birth < private_floor_.load());
    if (may && !never_write_) sweep->dirty.push_back(ref);
    return 0;
  }
  if (oldest > frame.marked_at) return LockVictim(index, id, word, victims);
  sweep->waits = true;
  return 0;
}

uint64_t BufferManager::LockVictim(uint64_t index, PageId id, uint64_t word,
                                   std::vector<Victim>* victims) {
  if (!State(id).compare_exchange_strong(word, kLocked, std::memory_order_seq_cst))
    return 0;
  const uint32_t pages = frames_[index].pages.load(std::memory_order_relaxed);
  if ((word & kDirty) != 0) dirty_.fetch_sub(pages, std::memory_order_relaxed);
  victims->push_back({index, id, pages});
  return pages;
}

void BufferManager::Evict(absl::Span<Victim> victims) {
  if (victims.empty()) return;
  std::sort(victims.begin(), victims.end(),
            [](const Victim& a, const Victim& b) { return a.id < b.id; });
  std::vector<iovec> ranges;
  for (const Victim& v : victims) AddRange(Address(v.id), v.pages * kPageBytes, &ranges);
  ReleaseMemory(ranges);
  uint64_t pages = 0;
  for (const Victim& v : victims) {
    ClearInterior(v.id, v.pages);
    frames_[v.frame].id.store(0, std::memory_order_relaxed);
    pages += v.pages;
  }
  {
    MutexLock lock(&frames_mu_);
    for (const Victim& v : victims) free_frames_.push_back(v.frame);
  }
  used_.fetch_sub(pages, std::memory_order_relaxed);
  evictions_.fetch_add(victims.size(), std::memory_order_relaxed);
  for (const Victim& v : victims) State(v.id).store(0, std::memory_order_release);
}

absl::Status BufferManager::WriteAndEvict(absl::Span<const PageRef> dirty) {
  std::vector<PageRef> sorted(dirty.begin(), dirty.end());
  SHEAF_RETURN_IF_ERROR(WriteOut(sorted));
  const uint64_t oldest = OldestActiveEpoch();
  std::vector<Victim> victims;
  for (const PageRef& ref : sorted) {
    const uint64_t word = State(ref.id).load(std::memory_order_seq_cst);
    if ((word & (kResident | kMarked)) != (kResident | kMarked)) continue;
    if ((word & (kLocked | kWriting | kDirty | kFreed | kPinMask)) != 0) continue;
    const uint64_t index = word >> kFrameShift;
    if (oldest > frames_[index].marked_at) LockVictim(index, ref.id, word, &victims);
  }
  Evict(absl::MakeSpan(victims));
  return absl::OkStatus();
}

// --- The writer's pages -----------------------------------------------------

absl::StatusOr<char*> BufferManager::NewPage(PageKind kind, const PageRef& ref) {
  SHEAF_RETURN_IF_ERROR(EnsureSegment(ref.id + ref.pages - 1));
  std::atomic<uint64_t>& state = State(ref.id);
  char* page = Address(ref.id);
  uint64_t word = state.load(std::memory_order_acquire);
  for (;;) {
    if ((word & (kResident | kFreed | kLocked)) == (kResident | kFreed)) {
      if (state.compare_exchange_weak(word, kLocked | word)) break;  // memory is there
    } else if (word == 0) {
      if (state.compare_exchange_weak(word, kLocked)) break;
    } else if ((word & kLocked) != 0) {  // the clock takes a freed page away
      sched_yield();
      word = state.load(std::memory_order_acquire);
    } else {
      return PageDamaged(ref.id, "free by the page map, but part of a tree");
    }
  }
  uint64_t frame = word >> kFrameShift;
  if (word == 0) {
    if (!ClaimInterior(ref)) {
      state.store(0, std::memory_order_release);
      return PageDamaged(ref.id, "free by the page map, but inside another page");
    }
    used_.fetch_add(ref.pages, std::memory_order_relaxed);
    frame = TakeFrame(ref);
  } else {
    SHEAF_ASSERT(ref.pages == frames_[frame].pages.load(std::memory_order_relaxed));
    frames_[frame].birth.store(ref.birth, std::memory_order_relaxed);
  }
  dirty_.fetch_add(ref.pages, std::memory_order_relaxed);
  InitPageHeader(page, kind, ref.pages, ref.id, ref.birth);
  state.store(kResident | kDirty | frame << kFrameShift, std::memory_order_release);
  return page;
}

void BufferManager::Prefault(absl::Span<const PageId> pages) {
  std::vector<PageId> claimed;
  std::vector<iovec> ranges;
  for (const PageId id : pages) {
    std::atomic<uint64_t>* state = StateOrNull(id);
    uint64_t expected = 0;
    if (state == nullptr || !state->compare_exchange_strong(expected, kLocked)) continue;
    claimed.push_back(id);
    AddRange(Address(id), kPageBytes, &ranges);
  }
  PopulateMemory(ranges);
  used_.fetch_add(claimed.size(), std::memory_order_relaxed);
  for (const PageId id : claimed)
    State(id).store(kResident | kFreed | TakeFrame({id, 0, 1}) << kFrameShift,
                    std::memory_order_release);
}

char* BufferManager::WritablePage(const PageRef& ref, Stamp oldest_birth) {
  if (ref.birth < oldest_birth) return nullptr;
  const std::atomic<uint64_t>* state = StateOrNull(ref.id);
  if (state == nullptr) return nullptr;
  const uint64_t word = state->load(std::memory_order_acquire);
  if ((word & (kResident | kDirty | kWriting)) != (kResident | kDirty)) return nullptr;
  return Address(ref.id);
}

bool BufferManager::Free(PageId id, uint32_t pages) {
  std::atomic<uint64_t>* state = StateOrNull(id);
  if (state == nullptr) return true;  // never touched since open
  uint64_t word = state->load(std::memory_order_acquire);
  for (;;) {
    if (word == 0) return true;
    if ((word & kPinMask) != 0) return false;
    if ((word & kLocked) != 0) {
      sched_yield();
      word = state->load(std::memory_order_acquire);
      continue;
    }
    SHEAF_ASSERT((word & kFreed) == 0);
    const uint64_t freed = (word & ~(kDirty | kMarked)) | kFreed;
    if (state->compare_exchange_weak(word, freed, std::memory_order_acq_rel)) break;
  }
  if ((word & kDirty) != 0) dirty_.fetch_sub(pages, std::memory_order_relaxed);
  if (pages > 1) DropRange(id, pages);
  return true;
}

void BufferManager::DropRange(PageId first, uint32_t pages) {
  for (PageId id = first; id < first + pages; ++id) {
    std::atomic<uint64_t>* state = StateOrNull(id);
    if (state == nullptr) continue;
    uint64_t word = state->load(std::memory_order_acquire);
    while (word != 0 && (word & kInterior) == 0) {
      if ((word & kLocked) == 0) {
        // In use in spite of the page map: NewPage will say so.
        if ((word & kFreed) == 0) break;
        std::vector<Victim> victim;
        LockVictim(word >> kFrameShift, id, word, &victim);
        Evict(absl::MakeSpan(victim));
        if (!victim.empty()) break;
      }
      sched_yield();
      word = state->load(std::memory_order_acquire);
    }
  }
}

// --- Writing out ------------------------------------------------------------

// Pins the page and claims its write. Never waits: two threads that wait for each
// other's pages while they hold their own would do so for ever.
BufferManager::Claim BufferManager::BeginWriteOut(const PageRef& ref) {
  std::atomic<uint64_t>* state = StateOrNull(ref.id);
  if (state == nullptr) return Claim::kNothingToDo;
  uint64_t word = state->load(std::memory_order_acquire);
  do {
    if ((word & kDirty) == 0 || (word & kFreed) != 0) return Claim::kNothingToDo;
    if ((word & (kWriting | kLocked)) != 0) return Claim::kBusy;
  } while (!state->compare_exchange_weak(word, (word | kWriting) + 1,
                                         std::memory_order_acq_rel));
  if (BirthOf(Address(ref.id)) == ref.birth) return Claim::kMine;
  state->fetch_and(~kWriting, std::memory_order_release);
  Unpin(ref.id);
  return Claim::kNothingToDo;
}

absl::Status BufferManager::WriteOut(absl::Span<const PageRef> pages) {
  std::vector<PageRef> todo(pages.begin(), pages.end());
  std::sort(todo.begin(), todo.end(),
            [](const PageRef& a, const PageRef& b) { return a.id < b.id; });
  std::vector<PageRef> busy;
  // In batches, so that few pages are pinned at a time.
  for (size_t at = 0; at < todo.size(); at += kWriteBatch)
    SHEAF_RETURN_IF_ERROR(
        WriteBatchOut(absl::MakeSpan(todo).subspan(at, kWriteBatch), &busy));
  // What another thread was writing is done when that thread is, or ours again.
  while (!busy.empty()) {
    sched_yield();
    todo.swap(busy);
    busy.clear();
    SHEAF_RETURN_IF_ERROR(WriteBatchOut(todo, &busy));
  }
  return absl::OkStatus();
}

absl::Status BufferManager::WriteBatchOut(absl::Span<const PageRef> pages,
                                          std::vector<PageRef>* busy) {
  std::vector<PageRef> claimed;
  for (const PageRef& ref : pages) {
    const Claim claim = BeginWriteOut(ref);
    if (claim == Claim::kMine)
      claimed.push_back(ref);
    else if (claim == Claim::kBusy)
      busy->push_back(ref);
  }
  std::vector<char> bounce;
  absl::Status status;
  for (size_t begin = 0; begin < claimed.size();) {
    size_t end = begin + 1;
    size_t bytes = claimed[begin].pages * kPageBytes;
    while (end < claimed.size() && bytes < kWriteRunBytesMax &&
           claimed[end].id == claimed[end - 1].id + claimed[end - 1].pages)
      bytes += claimed[end++].pages * kPageBytes;
    const auto run = absl::MakeSpan(claimed).subspan(begin, end - begin);
    if (status.ok()) {
      status = WriteRun(run, &bounce);
      if (!status.ok() && on_write_error_) on_write_error_(status);
    }
    EndWriteOut(run, status.ok());
    begin = end;
  }
  return status;
}

void BufferManager::EndWriteOut(absl::Span<const PageRef> run, bool written) {
  for (const PageRef& ref : run) {
    State(ref.id).fetch_and(~(written ? kWriting | kDirty : kWriting),
                            std::memory_order_acq_rel);
    if (written) {
      dirty_.fetch_sub(ref.pages, std::memory_order_relaxed);
      written_.fetch_add(ref.pages, std::memory_order_relaxed);
    }
    Unpin(ref.id);
  }
}

// Readers may be looking at these pages, so the checksum goes into a copy.
absl::Status BufferManager::WriteRun(absl::Span<const PageRef> run,
                                     std::vector<char>* bounce) {
  size_t bytes = 0;
  for (const PageRef& ref : run) bytes += ref.pages * kPageBytes;
  if (bounce->size() < bytes) bounce->resize(bytes);
  char* out = bounce->data();
  for (const PageRef& ref : run) {
    const size_t size = ref.pages * kPageBytes;
    std::memcpy(out, Address(ref.id), size);
    const PageKindOps& ops = ops_->kinds[static_cast<size_t>(PageKindOf(out))];
    if (ops.clear_unused != nullptr) ops.clear_unused(out);
    SealPage(out, size);
    out += size;
  }
  return file_->Write(run[0].id * kPageBytes, std::string_view(bounce->data(), bytes));
}

bool BufferManager::AnyPinned() const {
  const uint64_t end = frames_end_.load(std::memory_order_acquire);
  for (uint64_t i = 0; i < end; ++i) {
    const PageId id = frames_[i].id.load(std::memory_order_acquire);
    if (id != 0 && (State(id).load(std::memory_order_acquire) & kPinMask) != 0)
      return true;
  }
  return false;
}

BufferStats BufferManager::stats() const {
  BufferStats s;
  s.bytes_max = pages_max_ * kPageBytes;
  s.bytes_used = used_.load() * kPageBytes;
  s.bytes_dirty = dirty_.load() * kPageBytes;
  s.misses = misses_.load();
  s.evictions = evictions_.load();
  s.pages_written = written_.load();
  return s;
}

absl::Status BufferManager::Check() const {
  uint64_t used = 0, dirty = 0;
  for (uint64_t i = 0; i < frames_end_.load(); ++i) {
    const PageId id = frames_[i].id.load();
    if (id == 0) continue;
    const uint64_t word = State(id).load();
    if ((word & kResident) == 0 || word >> kFrameShift != i)
      return absl::InternalError(
          absl::StrCat("frame ", i, ": page ", id, " does not know its frame"));
    if ((word & (kLocked | kWriting)) != 0)
      return absl::InternalError(absl::StrCat("page ", id, " was left locked"));
    used += frames_[i].pages.load();
    if ((word & kDirty) != 0) dirty += frames_[i].pages.load();
  }
  if (used != used_.load() || dirty != dirty_.load())
    return absl::InternalError(absl::StrCat("counted ", used, " pages, ", dirty,
                                            " dirty; the counters say ", used_.load(),
                                            " and ", dirty_.load()));
  return absl::OkStatus();
}

}  // namespace sheaf::pager
