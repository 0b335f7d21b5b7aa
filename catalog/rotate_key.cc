// Store::Rekey and Store::RotateFileKey.
//
// A rotation begins where there is no log: a checkpoint takes in what it had, it is
// removed, and one superblock, written and synced, has the new file key, the one before
// and the stamp from which births mean the new one. Every page older than that is then
// moved, which seals it anew. Parents are never older than their children, and nothing
// becomes older, so one pass is enough; the pages of the last checkpoint are looked
// through before the old key is forgotten.
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "catalog/store.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using btree::Relocation;
using pager::PageRef;
using pager::Stamp;

namespace {

pager::ScryptCost ScryptCostOf(const Options& options) {
  return {options.scrypt_log2_n, options.scrypt_r, options.scrypt_p};
}

}  // namespace

absl::Status Store::Rekey(const EncryptionKey& user_key) {
  SHEAF_RETURN_IF_ERROR(CheckWritable());
  SHEAF_ASSIGN_OR_RETURN(const EncryptionKey key, user_key.Resolved());
  absl::MutexLock lock(&checkpoint_mu_);
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  return pager_->Rekey(key, ScryptCostOf(options_));
}

absl::StatusOr<Stamp> Store::BeginKeyRotation(const EncryptionKey& key) {
  SHEAF_RETURN_IF_ERROR(queue_.Enter(absl::InfiniteDuration()));
  absl::Cleanup leave = [this] { queue_.Leave(); };
  // Commits that gave up their turn still wait for the log.
  while (ending_.load() > 0) absl::SleepFor(absl::Microseconds(100));
  absl::MutexLock lock(&checkpoint_mu_);
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  SHEAF_RETURN_IF_ERROR(pager_->Rekey(key, ScryptCostOf(options_)));
  if (const Stamp since = pager_->superblock().key_since; since != 0)
    return since;  // one had begun
  SHEAF_RETURN_IF_ERROR(RetireLog());
  const Stamp since = next_stamp_.load() + 1;
  SHEAF_RETURN_IF_ERROR(pager_->BeginKeyRotation(key, ScryptCostOf(options_), since));
  return since;
}

absl::Status Store::EndKeyRotation() {
  absl::MutexLock lock(&checkpoint_mu_);
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  SHEAF_RETURN_IF_ERROR(CheckpointLocked(Reason::kOrdinary));
  const pager::Superblock& durable = pager_->superblock();
  bool old = false;
  const auto look = [&](const PageRef& ref) {
    old = old || ref.birth < durable.key_since;
    return absl::OkStatus();
  };
  SHEAF_RETURN_IF_ERROR(pager_->WalkNew(durable.catalog_root, 0, look));
  for (const PageRef& ref : pager_->allocator().MapPages()) (void)look(ref);
  if (old)
    return absl::InternalError(
        "pages are left that the old file key sealed; it stays in the file, which is "
        "whole");
  return pager_->EndKeyRotation();
}

absl::Status Store::ReleaseFreeSpace() {
  SHEAF_RETURN_IF_ERROR(queue_.Enter(absl::InfiniteDuration()));
  absl::Cleanup leave = [this] { queue_.Leave(); };
  absl::MutexLock lock(&checkpoint_mu_);
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  return pager_->ReleaseFreeSpace(absl::InfiniteDuration());
}

absl::Status Store::RotateFileKey(const EncryptionKey& user_key,
                                  const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckWritable());
  SHEAF_ASSIGN_OR_RETURN(const EncryptionKey key, user_key.Resolved());
  SHEAF_ASSIGN_OR_RETURN(const Stamp since, BeginKeyRotation(key));
  const auto is_old = [since](const PageRef& ref) { return ref.birth < since; };
  SHEAF_ASSIGN_OR_RETURN(const pager::PageAllocator::Stats pages,
                         pager_->allocator().stats());
  SHEAF_RETURN_IF_ERROR(pager_->allocator().MoveMapPages(is_old));
  SHEAF_RETURN_IF_ERROR(RelocateAll(
      [&](const PageRef& ref) {
        return is_old(ref) ? Relocation::Fate::kMoves : Relocation::Fate::kStays;
      },
      [&](uint64_t moved) {
        return Tick(progress, "the key rotation", {moved, pages.live, "pages sealed"});
      },
      [] {}));
  SHEAF_RETURN_IF_ERROR(EndKeyRotation());
  SHEAF_RETURN_IF_ERROR(Trim());
  return ReleaseFreeSpace();  // nothing is left of what the old key opens
}

}  // namespace sheaf::catalog
