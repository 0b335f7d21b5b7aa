// VersionSet: the versions of the database that somebody still needs, and which
// pages wait for which of them.
//
// A page born at b and given up by version d belongs to every version v with
// b <= v < d. It may be reused when none of these is needed: by a reader, as the
// last durable checkpoint, as the one being written, or as a commit not shown to
// readers yet. A given-up page waits in the list of the newest needed version
// before d; when that version goes, the page moves to the one before it if it was
// born by then, and is free otherwise. So nobody ever searches for free pages.
//
// Readers take the newest version through a hazard pointer in their slot, without
// a lock. Everything else is under mu_. Lock order: mu_ before PageAllocator's.
#ifndef CATALOG_VERSION_SET_H_
#define CATALOG_VERSION_SET_H_
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "btree/tree_reader.h"
#include "catalog/tree_record.h"
#include "pager/log.h"
#include "pager/mutex.h"
#include "pager/page.h"
#include "pager/pager.h"

namespace sheaf::catalog {

// One state of the database: what a commit made. Immutable once shown.
struct Version {
  pager::Stamp number = 0;
  btree::TreeRoot catalog;
  uint64_t next_tree_id = 1;
  pager::LogPosition log;  // where the log goes on after this commit
  // Trees that were opened lately, as the catalog has them: most readers want one of
  // these, and need not look it up.
  std::vector<TreeRecord> recent;
};
inline constexpr size_t kRecentMax = 16;

class VersionSet {
 public:
  explicit VersionSet(pager::Pager* pager) : pager_(*pager) {}

  // The version found in the file: durable, and shown.
  void Start(const Version& first) ABSL_LOCKS_EXCLUDED(mu_);

  // The newest version shown, protected by the slot until the slot is released.
  const Version* Acquire(pager::ReaderSlot* slot) const;

  // The newest commit, shown or not. Requires: the writer's lock is held, or the
  // caller can live with an older one.
  Version newest() const ABSL_LOCKS_EXCLUDED(mu_);
  Version shown() const ABSL_LOCKS_EXCLUDED(mu_);

  // A commit: `given_up` are pages of the version before that `next` lacks.
  void Append(const Version& next, absl::Span<const pager::PageRef> given_up)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Shows readers version `number` and those whose log ends before `lsn`, its end.
  // (A later commit by checkpoint ends there, too, but may not be durable yet.)
  void ShowThrough(pager::Lsn lsn, pager::Stamp number) ABSL_LOCKS_EXCLUDED(mu_);

  // Keeps the newest version until EndCheckpoint. `*died`: pages of the last
  // checkpoint it lacks, until then.
  Version BeginCheckpoint(absl::Span<const pager::PageRef>* died)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Durable: pages only the checkpoint before it needed are free. Otherwise the
  // attempt is forgotten.
  enum class Outcome { kDurable, kFailed };
  void EndCheckpoint(Outcome outcome) ABSL_LOCKS_EXCLUDED(mu_);

  // Frees what nobody needs any more. Called after commits and by those who look.
  void Reap() ABSL_LOCKS_EXCLUDED(mu_);

  // The version of the last checkpoint, protected by the slot until it is released.
  const Version* AcquireDurable(pager::ReaderSlot* slot) const ABSL_LOCKS_EXCLUDED(mu_) {
    pager::MutexLock lock(&mu_);
    slot->version.store(durable_, std::memory_order_seq_cst);
    return durable_;
  }
  uint64_t pages_waiting() const ABSL_LOCKS_EXCLUDED(mu_);
  struct Reader {
    pager::Stamp version = 0;
    int64_t since_ns = 0;     // as in its slot
    uint64_t pages_held = 0;  // base pages that only readers of this version, or of older
                              // ones, keep from being reused
  };
  struct Readers {
    uint64_t open = 0;
    pager::Stamp oldest = 0;
    std::vector<Reader> each;  // by version
  };
  Readers readers() const ABSL_LOCKS_EXCLUDED(mu_);
  // Every page that waits, for the check of the whole.
  std::vector<pager::PageRef> Waiting() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry : Version {
    std::vector<pager::PageRef> waiting;
    int holds = 0;  // durable, being written, not shown yet
  };
  void ReapLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsHazard(const Entry* entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsRead(const Entry* entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RemoveAt(size_t index, std::vector<pager::PageRef>* free)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  pager::Pager& pager_;
  std::atomic<const Entry*> shown_{nullptr};
  mutable pager::Mutex mu_;
  std::vector<std::unique_ptr<Entry>> entries_ ABSL_GUARDED_BY(mu_);  // ascending
  std::vector<std::unique_ptr<Entry>> spare_ ABSL_GUARDED_BY(mu_);
  Entry* durable_ ABSL_GUARDED_BY(mu_) = nullptr;
  Entry* writing_ ABSL_GUARDED_BY(mu_) = nullptr;
  // Pages given up that the last checkpoint has, or the one being written: before that
  // one began, and since. Not looked at by others while it is written.
  std::vector<pager::PageRef> deaths_before_ ABSL_GUARDED_BY(mu_);
  std::vector<pager::PageRef> deaths_ ABSL_GUARDED_BY(mu_);
  std::vector<const void*> hazards_ ABSL_GUARDED_BY(mu_);
  std::vector<pager::PageRef> free_now_ ABSL_GUARDED_BY(mu_);
  std::vector<pager::PageRef> retired_now_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sheaf::catalog
#endif  // CATALOG_VERSION_SET_H_
