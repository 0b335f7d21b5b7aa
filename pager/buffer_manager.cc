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

// Frames beyond the budget's, for pages a running operation may add above it.
constexpr uint64_t kFramesSlack = 8192;
// Memory that is used beyond this comes in huge pages; a small database takes little.
constexpr size_t kSmallMemory = size_t{16} << 20;
constexpr size_t kHugePageBytes = size_t{2} << 20;
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

BufferManager::BufferManager(File* file, const PageOps* ops, uint64_t bytes_max,
                             const PageCodec* codec)
    : file_(file),
      ops_(ops),
      codec_(codec != nullptr ? codec : &PlainCodec()),
      pages_max_(std::max(bytes_max, kBytesMin) / kPageBytes),
      singles_max_(pages_max_ + kFramesSlack),
      frames_max_(singles_max_ + singles_max_ / 2) {  // a large node has two or more
  // Memory is used as far as there are pages, not as far as the budget allows.
  segments_ = static_cast<Segment*>(ReserveMemory(kSegmentsMax * sizeof(Segment)));
  frames_ = static_cast<Frame*>(ReserveMemory(frames_max_ * sizeof(Frame)));
  SHEAF_ASSERT(segments_ != nullptr && frames_ != nullptr);
  memory_bytes_ = PlaceOf(frames_max_) * kPageBytes + kHugePageBytes;
  reserved_ = ReserveMemory(memory_bytes_);
  if (reserved_ == nullptr) return;  // EnsureSegment tells
  const auto begin = reinterpret_cast<uintptr_t>(reserved_);
  memory_ = static_cast<char*>(reserved_) + (kHugePageBytes - begin % kHugePageBytes);
  AdviseHugePages(memory_, PlaceOf(frames_max_) * kPageBytes, false);
  const size_t singles_bytes = singles_max_ * kPageBytes;
  if (singles_bytes > kSmallMemory)
    AdviseHugePages(memory_ + kSmallMemory, singles_bytes - kSmallMemory, true);
}

BufferManager::~BufferManager() {
  for (size_t i = 0; i < kSegmentsMax && segments_[i].load() != nullptr; ++i)
    munmap(segments_[i].load(), sizeof(uint64_t) << kSegmentShift);
  munmap(segments_, kSegmentsMax * sizeof(Segment));
  munmap(frames_, frames_max_ * sizeof(Frame));
  if (reserved_ != nullptr) munmap(reserved_, memory_bytes_);
}

absl::Status BufferManager::EnsureSegment(PageId id) {
  if (StateOrNull(id) != nullptr) [[likely]]
    return absl::OkStatus();
  if (memory_ == nullptr)
    return absl::ResourceExhaustedError(
        absl::StrCat("no address space for a cache of ", pages_max_ * kPageBytes,
                     " bytes: look at `ulimit -v` and vm.overcommit_memory, or set "
                     "Options::cache_bytes_max lower"));
  MutexLock lock(&segments_mu_);
  // All segments up to this one, so that the destructor finds them in a row.
  for (size_t i = 0; i <= id >> kSegmentShift; ++i) {
    if (segments_[i].load(std::memory_order_relaxed) != nullptr) continue;
    void* const states = ReserveMemory(sizeof(uint64_t) << kSegmentShift);
    if (states == nullptr)
      return absl::ResourceExhaustedError(
          "no address space for more pages: look at `ulimit -v` and "
          "vm.overcommit_memory");
    segments_[i].store(static_cast<std::atomic<uint64_t>*>(states),
                       std::memory_order_release);
  }
  return absl::OkStatus();
}

uint64_t BufferManager::Unmark(std::atomic<uint64_t>* state) {
  uint64_t word = state->load(std::memory_order_acquire);
  while ((word & (kResident | kLocked)) == kResident) {
    if ((word & kMarked) == 0) return word;
    if (state->compare_exchange_weak(word, word & ~kMarked, std::memory_order_acq_rel))
      return word & ~kMarked;
  }
  return 0;
}

bool BufferManager::TryPin(PageId id) {
  std::atomic<uint64_t>* state = StateOrNull(id);
  if (state == nullptr) return false;
  uint64_t word = state->load(std::memory_order_acquire);
  while ((word & (kResident | kLocked)) == kResident) {
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
      const char* page = Address(State(ref.id).load(std::memory_order_relaxed));
      if (BirthOf(page) == ref.birth && PagesOf(page) == ref.pages) return page;
      Unpin(ref.id);
      return BirthDiffers(page, ref);
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
    if ((word & kInterior) != 0)
      return PageDamaged(ref.id, "referred to, but it is inside another page");
    if ((word & (kResident | kLocked)) == kResident) {
      Unmark(&state);
      return absl::OkStatus();
    }
    if (word == 0 && state.compare_exchange_strong(word, kLocked)) break;
    sched_yield();
  }
  misses_.fetch_add(1, std::memory_order_relaxed);
  absl::Status status = Acquire(ref.pages);
  if (status.ok() && !ClaimInterior(ref)) {
    Count(-int64_t{ref.pages}, 0);
    status = PageDamaged(ref.id, "overlaps another page in use");
  }
  if (!status.ok()) {
    state.store(0, std::memory_order_release);
    return status;
  }
  const uint64_t word = TakeFrame(ref);
  status = FillFromFile(Address(word), ref);
  if (absl::IsDataLoss(status) && on_damage_) on_damage_(ref.id, status);
  if (!status.ok()) {
    Victim victim{FrameOf(word), ref.id, ref.pages, false};
    GiveBack({&victim, 1});
    return status;
  }
  state.store(kResident | word, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status BufferManager::FillFromFile(char* page, const PageRef& ref) {
  using Checksum = PageCodec::Checksum;
  const auto read = [&](Checksum checksum) {
    const size_t bytes = ref.pages * kPageBytes;
    absl::Status status = file_->Read(ref.id * kPageBytes, absl::MakeSpan(page, bytes));
    if (absl::IsOutOfRange(status))
      status = PageDamaged(ref.id, "lies behind the end of the file, which was cut off");
    return status.ok() ? codec_->Open(page, bytes, ref, checksum) : status;
  };
  const bool verifies = codec_->keys() == nullptr &&
                        misses_.load(std::memory_order_relaxed) % verify_one_in_ == 0;
  const absl::Status opened = read(verifies ? Checksum::kVerify : Checksum::kSkip);
  // Once more, to tell what is wrong with it.
  if (absl::IsDataLoss(opened) && !verifies)
    SHEAF_RETURN_IF_ERROR(read(Checksum::kVerify));
  else
    SHEAF_RETURN_IF_ERROR(opened);
  const PageKindOps& ops = ops_->kinds[static_cast<size_t>(PageKindOf(page))];
  return ops.validate == nullptr
             ? PageDamaged(ref.id, "is not of a kind that a tree refers to")
             : ops.validate(page);
}

absl::Status BufferManager::CheckRun(absl::Span<const PageRef> run) const {
  if (run[0].id >= 2 && run[0].id + run.size() <= page_end_.load())
    return absl::OkStatus();
  return PageDamaged(run[0].id, absl::StrCat("a reference leads outside the file's ",
                                             page_end_.load(), " pages"));
}

// One page that came with others: `*at_work`.
absl::Status BufferManager::OpenOfRun(char* page, const PageRef& ref, PageId* at_work) {
  *at_work = ref.id;
  SHEAF_RETURN_IF_ERROR(codec_->Open(page, kPageBytes, ref));
  const PageKindOps& ops = ops_->kinds[static_cast<size_t>(PageKindOf(page))];
  return ops.validate == nullptr
             ? PageDamaged(ref.id, "is not of a kind that a tree refers to")
             : ops.validate(page);
}

// How many pages were locked for this thread, which are the first.
uint64_t BufferManager::LockRun(absl::Span<const PageRef> run) {
  const auto wanted = static_cast<int64_t>(run.size());
  const uint64_t limit = pages_max_ - pages_max_ / 16;  // the next load evicts nothing
  if (Count(wanted, 0) + run.size() > limit) {
    Count(-wanted, 0);
    return 0;
  }
  uint64_t n = 0;
  for (uint64_t none = 0; n < run.size(); ++n, none = 0)
    if (!State(run[n].id).compare_exchange_strong(none, kLocked)) break;
  Count(static_cast<int64_t>(n) - wanted, 0);
  return n;
}

absl::StatusOr<uint64_t> BufferManager::LoadRun(absl::Span<const PageRef> run) {
  SHEAF_RETURN_IF_ERROR(CheckRun(run));
  SHEAF_RETURN_IF_ERROR(EnsureSegment(run.front().id));
  SHEAF_RETURN_IF_ERROR(EnsureSegment(run.back().id));
  const uint64_t n = LockRun(run);
  if (n == 0) return 0;
  std::vector<uint64_t> words;
  std::vector<absl::Span<char>> parts;
  for (const PageRef& ref : run.first(n)) {
    words.push_back(TakeFrame(ref));
    parts.emplace_back(Address(words.back()), kPageBytes);
  }
  misses_.fetch_add(n, std::memory_order_relaxed);
  absl::Status status = file_->ReadScatter(run[0].id * kPageBytes, parts);
  if (absl::IsOutOfRange(status))
    status = PageDamaged(run[0].id, "lies behind the end of the file, which was cut off");
  PageId at_work = run[0].id;
  for (size_t i = 0; i < n && status.ok(); ++i)
    status = OpenOfRun(parts[i].data(), run[i], &at_work);
  if (status.ok()) {
    for (size_t i = 0; i < n; ++i)
      State(run[i].id).store(kResident | words[i], std::memory_order_release);
    return n;
  }
  if (absl::IsDataLoss(status) && on_damage_) on_damage_(at_work, status);
  std::vector<Victim> victims;
  for (size_t i = 0; i < n; ++i)
    victims.push_back({FrameOf(words[i]), run[i].id, 1, false});
  GiveBack(absl::MakeSpan(victims));
  return status;
}

absl::Status BufferManager::ReadPast(absl::Span<const PageRef> run,
                                     absl::Span<char> out) {
  SHEAF_RETURN_IF_ERROR(CheckRun(run));
  absl::Status status = file_->Read(run[0].id * kPageBytes, out);
  if (absl::IsOutOfRange(status))
    status = PageDamaged(run[0].id, "lies behind the end of the file, which was cut off");
  misses_.fetch_add(run.size(), std::memory_order_relaxed);
  PageId at_work = run[0].id;
  for (size_t i = 0; status.ok() && i < run.size(); ++i)
    status = OpenOfRun(out.data() + i * kPageBytes, run[i], &at_work);
  if (absl::IsDataLoss(status) && on_damage_) on_damage_(at_work, status);
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

// --- Frames -----------------------------------------------------------------

uint64_t BufferManager::TakeSingle() {
  for (std::vector<uint32_t>* list : {&free_singles_, &bare_singles_}) {
    if (list->empty()) continue;
    const uint64_t frame = list->back();
    list->pop_back();
    return frame;
  }
  const uint64_t frame = singles_end_.load(std::memory_order_relaxed);
  SHEAF_ASSERT(frame < singles_max_);
  singles_end_.store(frame + 1, std::memory_order_release);
  return frame;
}

uint64_t BufferManager::TakeLarge(uint32_t pages) {
  large_pages_ += pages;
  if (!free_larges_.empty()) {
    const uint64_t frame = free_larges_.back();
    free_larges_.pop_back();
    return frame;
  }
  const uint64_t frame = singles_max_ + larges_end_.load(std::memory_order_relaxed);
  SHEAF_ASSERT(frame < frames_max_);
  larges_end_.store(frame - singles_max_ + 1, std::memory_order_release);
  return frame;
}

uint64_t BufferManager::TakeFrame(const PageRef& ref) {
  uint64_t frame;
  std::vector<uint32_t> bare;
  {
    SpinLock lock(&frames_mu_);
    frame = ref.pages == 1 ? TakeSingle() : TakeLarge(ref.pages);
    if (ref.pages > 1) bare = TakeExcess();
  }
  if (!bare.empty()) {
    std::vector<iovec> ranges;
    for (const uint32_t f : bare) AddRange(memory_ + f * kPageBytes, kPageBytes, &ranges);
    ReleaseMemory(ranges);
    SpinLock lock(&frames_mu_);
    bare_singles_.insert(bare_singles_.end(), bare.begin(), bare.end());
  }
  Frame& f = frames_[frame];
  f.birth.store(ref.birth, std::memory_order_relaxed);
  f.pages.store(ref.pages, std::memory_order_relaxed);
  f.id.store(ref.id, std::memory_order_release);
  return PlaceOf(frame) << kPlaceShift;
}

// Free frames whose memory the large ones have taken from the budget: the coldest.
std::vector<uint32_t> BufferManager::TakeExcess() {
  const uint64_t backed = singles_end_.load() - bare_singles_.size() + large_pages_;
  if (backed <= pages_max_ || free_singles_.empty()) return {};
  const uint64_t wanted = backed - pages_max_ + kEvictBatch;
  const auto end = free_singles_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(
                                               wanted, free_singles_.size()));
  std::vector<uint32_t> excess(free_singles_.begin(), end);
  free_singles_.erase(free_singles_.begin(), end);
  std::sort(excess.begin(), excess.end());
  return excess;
}

void BufferManager::GiveBack(absl::Span<Victim> victims) {
  if (victims.empty()) return;
  std::vector<iovec> ranges;
  int64_t pages = 0, dirty = 0;
  uint64_t large_pages = 0;
  for (const Victim& v : victims) {
    frames_[v.frame].id.store(0, std::memory_order_relaxed);
    pages += v.pages;
    if (v.dirty) dirty += v.pages;
    if (v.pages == 1) continue;
    large_pages += v.pages;
    ClearInterior(v.id, v.pages);
    AddRange(memory_ + PlaceOf(v.frame) * kPageBytes, v.pages * kPageBytes, &ranges);
  }
  if (!ranges.empty()) ReleaseMemory(ranges);
  {
    SpinLock lock(&frames_mu_);
    for (const Victim& v : victims)
      (v.pages == 1 ? free_singles_ : free_larges_)
          .push_back(static_cast<uint32_t>(v.frame));
    large_pages_ -= large_pages;
  }
  Count(-pages, -dirty);
  for (const Victim& v : victims) State(v.id).store(0, std::memory_order_release);
}

// --- Budget and clock -------------------------------------------------------

absl::Status BufferManager::Acquire(uint64_t pages) {
  const auto count = static_cast<int64_t>(pages);
  if (Count(count, 0) + pages <= pages_max_) return absl::OkStatus();
  Count(-count, 0);
  return MakeRoom(pages, Spill::kPublished);
}

absl::Status BufferManager::Reserve(uint64_t pages) {
  if (private_made_ > three_quarters()) SHEAF_RETURN_IF_ERROR(SpillToLimit());
  if (HasRoom(pages)) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(MakeRoom(pages, Spill::kAll));
  Count(-static_cast<int64_t>(pages), 0);
  return absl::OkStatus();
}

// No newer than now: what is marked from now on must wait for another sweep.
uint64_t BufferManager::OldestActiveEpoch() const {
  uint64_t oldest = epoch_.load(std::memory_order_seq_cst);
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
  uint64_t now = used();
  if (now + pages > pages_max_) {
    SweepOnce(now + pages - pages_max_ + std::min(kEvictBatch, pages_max_ / 16), spill,
              sweep);
    const uint64_t before = used();
    if (!sweep->dirty.empty()) SHEAF_RETURN_IF_ERROR(WriteAndEvict(sweep->dirty));
    now = used();
    if (now < before) sweep->evicted += before - now;
  }
  if (now + pages > pages_max_) return false;
  Count(static_cast<int64_t>(pages), 0);
  return true;
}

// Writes the writer's pages out, in turn, until others could make them all room.
// They stay in memory.
absl::Status BufferManager::SpillToLimit() {
  if (never_write_) return absl::OkStatus();
  MutexLock lock(&evict_mu_);
  const uint64_t want = three_quarters() - std::min(kEvictBatch, pages_max_ / 16);
  const uint64_t end = ClockSize();
  std::vector<PageRef> spilled;
  for (uint64_t step = 0; step < end && private_made_ > want; ++step) {
    Frame& frame = frames_[std::exchange(spill_hand_, NextFrame(spill_hand_))];
    const PageRef ref{frame.id.load(std::memory_order_acquire),
                      frame.birth.load(std::memory_order_relaxed),
                      frame.pages.load(std::memory_order_relaxed)};
    if (ref.id == 0 || ref.birth < private_floor_.load(std::memory_order_relaxed) ||
        (State(ref.id).load(std::memory_order_acquire) & kDirty) == 0)
      continue;
    spilled.push_back(ref);
    private_made_ -= std::min<uint64_t>(private_made_, ref.pages);
  }
  private_made_ = std::min(private_made_, want);  // some were freed since
  return WriteOut(spilled);
}

void BufferManager::SweepOnce(uint64_t want, Spill spill, Sweep* sweep) {
  const uint64_t end = ClockSize();
  const uint64_t oldest = OldestActiveEpoch();
  Victims victims;
  uint64_t found = 0;
  for (uint64_t step = 0; step < end && found < want && sweep->dirty.size() < kWriteBatch;
       ++step) {
    found += VisitFrame(std::exchange(hand_, NextFrame(hand_)), oldest, spill, sweep,
                        &victims);
  }
  Evict(absl::MakeSpan(victims));
  sweep->evicted += found;
  epoch_.fetch_add(1, std::memory_order_seq_cst);
}

uint64_t BufferManager::VisitFrame(uint64_t index, uint64_t oldest, Spill spill,
                                   Sweep* sweep, Victims* victims) {
  Frame& frame = frames_[index];
  const PageId id = frame.id.load(std::memory_order_acquire);
  if (id == 0) return 0;
  uint64_t word = State(id).load(std::memory_order_seq_cst);
  if ((word & kResident) == 0 || (word & (kLocked | kWriting | kPinMask)) != 0) return 0;
  if (FrameOf(word) != index) return 0;
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

uint64_t BufferManager::LockVictim(uint64_t frame, PageId id, uint64_t word,
                                   Victims* victims) {
  if (!State(id).compare_exchange_strong(word, kLocked, std::memory_order_seq_cst))
    return 0;
  const uint32_t pages = frames_[frame].pages.load(std::memory_order_relaxed);
  victims->push_back({frame, id, pages, (word & kDirty) != 0});
  return pages;
}

void BufferManager::Evict(absl::Span<Victim> victims) {
  evictions_.fetch_add(victims.size(), std::memory_order_relaxed);
  GiveBack(victims);
}

// Nobody reads them, so there is no operation to wait for.
void BufferManager::Retire(absl::Span<const PageRef> pages) {
  Victims victims;
  for (const PageRef& ref : pages) {
    std::atomic<uint64_t>* state = StateOrNull(ref.id);
    if (state == nullptr) continue;
    uint64_t word = state->load(std::memory_order_acquire);
    const uint64_t frame = FrameOf(word);
    // While it is somebody's page it stays in its frame, but for the clock.
    if ((word & (kResident | kLocked)) != kResident ||
        frames_[frame].birth.load(std::memory_order_relaxed) != ref.birth)
      continue;
    while (
        (word & (kDirty | kWriting)) != 0 &&
        !state->compare_exchange_weak(word, word | kDoomed, std::memory_order_acq_rel)) {
    }
    if ((word & (kResident | kLocked | kDirty | kWriting | kPinMask)) == kResident)
      LockVictim(frame, ref.id, word, &victims);
  }
  Evict(absl::MakeSpan(victims));
}

absl::Status BufferManager::WriteAndEvict(absl::Span<const PageRef> dirty) {
  std::vector<PageRef> sorted(dirty.begin(), dirty.end());
  SHEAF_RETURN_IF_ERROR(WriteOut(sorted));
  const uint64_t oldest = OldestActiveEpoch();
  Victims victims;
  for (const PageRef& ref : sorted) {
    const uint64_t word = State(ref.id).load(std::memory_order_seq_cst);
    if ((word & (kResident | kMarked)) != (kResident | kMarked)) continue;
    if ((word & (kLocked | kWriting | kDirty | kPinMask)) != 0) continue;
    const uint64_t frame = FrameOf(word);
    if (oldest > frames_[frame].marked_at) LockVictim(frame, ref.id, word, &victims);
  }
  Evict(absl::MakeSpan(victims));
  return absl::OkStatus();
}

// --- The writer's pages -----------------------------------------------------

absl::StatusOr<char*> BufferManager::NewPage(PageKind kind, const PageRef& ref) {
  SHEAF_RETURN_IF_ERROR(EnsureSegment(ref.id + ref.pages - 1));
  std::atomic<uint64_t>& state = State(ref.id);
  uint64_t word = 0;
  while (!state.compare_exchange_weak(word, kLocked)) {
    if ((word & kLocked) == 0 && word != 0)
      return PageDamaged(ref.id, "free by the page map, but part of a tree");
    if (word != 0) sched_yield();  // somebody looks whether he may have it
    word = 0;
  }
  if (!ClaimInterior(ref)) {
    state.store(0, std::memory_order_release);
    return PageDamaged(ref.id, "free by the page map, but inside another page");
  }
  Count(ref.pages, ref.pages);
  private_made_ += ref.pages;
  word = TakeFrame(ref);
  char* const page = Address(word);
  InitPageHeader(page, kind, ref.pages, ref.id, ref.birth);
  state.store(kResident | kDirty | word, std::memory_order_release);
  return page;
}

char* BufferManager::WritablePage(const PageRef& ref, Stamp oldest_birth) {
  if (ref.birth < oldest_birth) return nullptr;
  const std::atomic<uint64_t>* state = StateOrNull(ref.id);
  if (state == nullptr) return nullptr;
  const uint64_t word = state->load(std::memory_order_acquire);
  if ((word & (kResident | kDirty | kWriting)) != (kResident | kDirty)) return nullptr;
  return Address(word);
}

bool BufferManager::LockFreed(PageId id, Victims* victims) {
  std::atomic<uint64_t>* state = StateOrNull(id);
  if (state == nullptr) return true;  // never touched since open
  for (;;) {
    const uint64_t word = state->load(std::memory_order_acquire);
    if (word == 0) return true;
    if ((word & kPinMask) != 0) return false;
    if ((word & kLocked) != 0)
      sched_yield();  // the clock takes it
    else if (LockVictim(FrameOf(word), id, word, victims) > 0)
      return true;
  }
}

bool BufferManager::Free(PageId id) {
  Victims victims;
  const bool freed = LockFreed(id, &victims);
  GiveBack(absl::MakeSpan(victims));
  return freed;
}

void BufferManager::FreeAll(absl::Span<const PageRef> pages,
                            std::vector<PageRef>* pinned) {
  Victims victims;
  for (const PageRef& ref : pages)
    if (!LockFreed(ref.id, &victims)) pinned->push_back(ref);
  GiveBack(absl::MakeSpan(victims));
}

// --- Writing out ------------------------------------------------------------

// Pins the page and claims its write. Never waits: two threads that wait for each
// other's pages while they hold their own would do so for ever.
BufferManager::Claim BufferManager::BeginWriteOut(const PageRef& ref) {
  std::atomic<uint64_t>* state = StateOrNull(ref.id);
  if (state == nullptr) return Claim::kNothingToDo;
  uint64_t word = state->load(std::memory_order_acquire);
  do {
    if ((word & kDirty) == 0) return Claim::kNothingToDo;
    if ((word & (kWriting | kLocked)) != 0) return Claim::kBusy;
  } while (!state->compare_exchange_weak(word, (word | kWriting) + 1,
                                         std::memory_order_acq_rel));
  if (BirthOf(Address(word)) == ref.birth) return Claim::kMine;
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
  Victims doomed;
  for (const PageRef& ref : run) {
    std::atomic<uint64_t>& state = State(ref.id);
    state.fetch_and(~(written ? kWriting | kDirty : kWriting), std::memory_order_acq_rel);
    if (written) {
      Count(0, -int64_t{ref.pages});
      written_.fetch_add(ref.pages, std::memory_order_relaxed);
    }
    const uint64_t word = state.fetch_sub(1, std::memory_order_acq_rel) - 1;  // our pin
    if ((word & (kDoomed | kDirty | kLocked | kPinMask)) == kDoomed)
      LockVictim(FrameOf(word), ref.id, word, &doomed);
  }
  Evict(absl::MakeSpan(doomed));
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
    std::memcpy(out, Address(State(ref.id).load(std::memory_order_relaxed)), size);
    const PageKindOps& ops = ops_->kinds[static_cast<size_t>(PageKindOf(out))];
    if (ops.clear_unused != nullptr) ops.clear_unused(out);
    SHEAF_RETURN_IF_ERROR(codec_->Seal(out, size));
    out += size;
  }
  return file_->Write(run[0].id * kPageBytes, std::string_view(bounce->data(), bytes));
}

bool BufferManager::AnyPinned() const {
  uint64_t frame = 0;
  for (uint64_t step = ClockSize(); step > 0; --step, frame = NextFrame(frame)) {
    const PageId id = frames_[frame].id.load(std::memory_order_acquire);
    if (id != 0 && (State(id).load(std::memory_order_acquire) & kPinMask) != 0)
      return true;
  }
  return false;
}

BufferStats BufferManager::stats() const {
  BufferStats s;
  s.bytes_max = pages_max_ * kPageBytes;
  s.bytes_used = used() * kPageBytes;
  s.bytes_dirty = dirty() * kPageBytes;
  s.misses = misses_.load();
  slots_.ForEach([&](const ReaderSlot& slot) {
    s.lookups += slot.lookups.load(std::memory_order_relaxed);
  });
  s.evictions = evictions_.load();
  s.pages_written = written_.load();
  return s;
}

absl::Status BufferManager::Check() const {
  uint64_t pages_used = 0, pages_dirty = 0, large = 0, free = 0;
  uint64_t frame = singles_end_.load() == 0 ? singles_max_ : 0;
  for (uint64_t step = ClockSize(); step > 0; --step, frame = NextFrame(frame)) {
    const PageId id = frames_[frame].id.load();
    if (id == 0) {
      ++free;
      continue;
    }
    const uint64_t word = State(id).load();
    if ((word & kResident) == 0 || FrameOf(word) != frame)
      return absl::InternalError(
          absl::StrCat("frame ", frame, ": page ", id, " does not know its frame"));
    if ((word & (kLocked | kWriting)) != 0)
      return absl::InternalError(absl::StrCat("page ", id, " was left locked"));
    const uint32_t pages = frames_[frame].pages.load();
    pages_used += pages;
    if (frame >= singles_max_) large += pages;
    if ((word & kDirty) != 0) pages_dirty += pages;
  }
  if (pages_used != used() || pages_dirty != dirty())
    return absl::InternalError(absl::StrCat("counted ", pages_used, " pages, ",
                                            pages_dirty, " dirty; the counters say ",
                                            used(), " and ", dirty()));
  SpinLock lock(&frames_mu_);
  const uint64_t listed =
      free_singles_.size() + bare_singles_.size() + free_larges_.size();
  if (free != listed || large != large_pages_)
    return absl::InternalError(absl::StrCat("counted ", free, " free frames and ", large,
                                            " pages in large ones; listed are ", listed,
                                            " and ", large_pages_));
  return absl::OkStatus();
}

}  // namespace sheaf::pager
