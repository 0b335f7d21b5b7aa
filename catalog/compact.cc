// Store::Compact: the file becomes as short as what it holds.
//
// A pass takes as its target the end that the file would have without a free page, and
// moves every page that lies behind it to a free place before it: each once, in
// transactions of a few megabytes, which change no content and so are not logged.
// Pages on the way to a moved one are copied, too, so places run short now and then;
// a checkpoint frees those that were given up. What finds no place (a large node among
// small holes) stays where it is, and the file ends behind it.
#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/observer.h"
#include "catalog/store.h"
#include "catalog/tick.h"
#include "catalog/write_txn.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using btree::Relocation;
using pager::kPageBytes;
using pager::PageId;
using pager::PageRef;

namespace {

constexpr uint64_t kStepPages = 1024;
// So many pages are moved between two checkpoints; the places they left are held meanwhile.
constexpr uint64_t kCheckpointPages = 16 * kStepPages;
// A file this little longer than it needs to be is left alone: a 64th, and 4 pages.
constexpr uint64_t kSlackShare = 64, kSlackPages = 4;
constexpr int kPassesMax = 4;
// Copying the way to a page may take the very places that it was to have: so many
// checkpoints later it stays where it is.
constexpr int kStuckMax = 8;

}  // namespace

absl::Status Store::RelocateAll(Fate fate, absl::FunctionRef<absl::Status(uint64_t)> tick,
                                absl::FunctionRef<void()> no_room) {
  WriteTxn::RelocationPlace place, stuck;
  uint64_t moved = 0, since_checkpoint = 0;
  int rounds_stuck = 0;  // at one place, with a checkpoint between them
  for (bool all = false; !all;) {
    SHEAF_RETURN_IF_ERROR(tick(moved));
    Relocation step{.fate = fate, .pages_max = kStepPages};
    {
      SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn,
                             BeginWrite(absl::InfiniteDuration()));
      SHEAF_ASSIGN_OR_RETURN(all, txn->Relocate(&place, &step));
      // Readers may be shown it only with the commits that it stands on.
      SHEAF_RETURN_IF_ERROR(txn->Commit(Durability::kFull));
    }
    moved += step.pages;
    since_checkpoint += step.pages;
    if (step.no_room) rounds_stuck = place == stuck ? rounds_stuck + 1 : 0;
    if (step.no_room && (since_checkpoint == 0 || rounds_stuck > kStuckMax)) no_room();
    if (step.no_room) stuck = place;
    if (step.no_room || since_checkpoint >= kCheckpointPages) {
      SHEAF_RETURN_IF_ERROR(Checkpoint());
      versions_->Reap();
      since_checkpoint = 0;
    }
  }
  return tick(moved);
}

absl::Status Store::Trim() {
  SHEAF_RETURN_IF_ERROR(queue_.Enter(absl::InfiniteDuration()));
  absl::Cleanup leave = [this] { queue_.Leave(); };
  absl::MutexLock lock(&checkpoint_mu_);
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  // The first frees what the checkpoint before it had; the second can do without.
  SHEAF_RETURN_IF_ERROR(CheckpointLocked(Reason::kOrdinary));
  versions_->Reap();
  return CheckpointLocked(Reason::kTrim);
}

absl::Status Store::MoveBelow(PageId target, const Progress& progress,
                              CompactResult* result) {
  pager::PageAllocator& allocator = pager_->allocator();
  allocator.SetCeiling(target);
  absl::Cleanup no_ceiling = [&] { allocator.SetCeiling(pager::kPageIdEnd); };
  absl::Status failed;
  uint32_t hopeless = pager::kNodePagesMax + 1, wanted = 0;  // sizes without a place
  const auto fate = [&](const PageRef& ref) {
    if (ref.id + ref.pages <= target || ref.pages >= hopeless)
      return Relocation::Fate::kStays;
    const absl::StatusOr<bool> room = allocator.HasRunBelow(ref.pages, target);
    if (!room.ok()) failed = room.status();
    if (room.ok() && *room) return Relocation::Fate::kMoves;
    wanted = ref.pages;
    return Relocation::Fate::kNoRoom;
  };
  const uint64_t moved_before = result->pages_moved;
  const uint64_t end = allocator.page_end();
  const auto tick = [&](uint64_t moved) -> absl::Status {
    result->pages_moved = moved_before + moved;
    SHEAF_RETURN_IF_ERROR(failed);
    return Tick(progress, "compaction",
                {moved, end - std::min(end, target), "pages moved"});
  };
  SHEAF_RETURN_IF_ERROR(
      allocator.MoveMapPages([&](const PageRef& ref) { return ref.id >= target; }));
  return RelocateAll(fate, tick, [&] { hopeless = wanted; });
}

absl::StatusOr<CompactResult> Store::Compact(const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckWritable());
  if (in_memory_)
    return absl::FailedPreconditionError("the database is in memory: it has no file");
  const absl::Time begin = absl::Now();
  CompactResult result;
  SHEAF_ASSIGN_OR_RETURN(result.bytes_before, pager_->file().Size());
  uint64_t end_before = pager::kPageIdEnd;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    SHEAF_RETURN_IF_ERROR(Trim());
    SHEAF_ASSIGN_OR_RETURN(const pager::PageAllocator::Stats pages,
                           pager_->allocator().stats());
    const uint64_t used = pages.page_end - std::min(pages.free, pages.page_end);
    const uint64_t slack = std::max(used / kSlackShare, kSlackPages);
    if (pages.free <= slack || pages.page_end >= end_before) break;
    end_before = pages.page_end;
    SHEAF_RETURN_IF_ERROR(MoveBelow(used + slack / 2, progress, &result));
  }
  SHEAF_RETURN_IF_ERROR(Trim());
  SHEAF_ASSIGN_OR_RETURN(result.bytes_after, pager_->file().Size());
  result.pages_held = versions_->pages_waiting();
  result.readers = versions_->readers().open;
  if (options_.observer != nullptr)
    options_.observer->OnCompact({result.bytes_before, result.bytes_after,
                                  result.pages_moved, absl::Now() - begin});
  return result;
}

}  // namespace sheaf::catalog
