// Store: transactions on trees. One version of the catalog is one version of the
// database: a snapshot is a version, a commit makes the next one.
//
// How a commit goes: the transaction has changed private copies of pages and
// collected its operations. Commit writes the roots of the changed trees into the
// catalog, appends the operations to the log as one group, makes the new version
// the newest, lets the next writer begin, and then waits for the log as its
// durability asks. Readers are shown the version once that is done, so with kFull
// nobody sees what a power cut could take back (unless a later kProcess or kNone
// commit shows it together with its own).
//
// A transaction that outgrows the log's share writes its pages instead and
// commits with a checkpoint, holding the writer's turn until that is durable.
//
// Recovery replays the log on top of the last checkpoint as one transaction
// without a log; the log stays until the next checkpoint.
//
// Lock order, outermost first: writer queue, checkpoint_mu_, VersionSet, then the
// pager's. Thread-safe.
#ifndef CATALOG_STORE_H_
#define CATALOG_STORE_H_
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "btree/btree.h"
#include "catalog/compression.h"
#include "catalog/options.h"
#include "catalog/page_scan.h"
#include "catalog/tree_record.h"
#include "catalog/version_set.h"
#include "catalog/writer_queue.h"
#include "pager/fork_count.h"
#include "pager/histogram.h"
#include "pager/log.h"
#include "pager/page_writer.h"
#include "pager/pager.h"

namespace sheaf::catalog {

class Expiries;
class Store;
class WriteTxn;

// The clock of ReaderSlot::since_ns.
int64_t CoarseNow();

// A version held for reading. Movable; ends by destruction. One thread at a time.
class Snapshot {
 public:
  explicit Snapshot(Store* store);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  const Version& version() const { return *version_; }
  const btree::ReadContext& context() const { return context_; }
  absl::StatusOr<std::optional<TreeRecord>> FindTree(std::string_view name) const;
  absl::StatusOr<std::vector<TreeRecord>> ListTrees() const;  // by name

  // Of all it shows: microseconds since 1970, read when first asked for.
  int64_t now() const;
  // Nothing has expired for it. Requires: nobody has asked yet.
  void ShowExpired() { now_ = -1; }
  // Of a tree of this version; null: it has none. Lives as long as the snapshot.
  absl::StatusOr<Expiries*> ExpiriesOf(const TreeRecord& tree) const {
    return tree.expires ? FindExpiries(tree) : nullptr;
  }

  // The store may be given up before this ends; End then returns true, and the store
  // is still there.
  void MayOutliveStore() {
    context_.slot->state.store(pager::ReaderSlot::kOutlives, std::memory_order_release);
  }
  // What its context reads may go now. The first call counts.
  bool End();

 private:
  absl::StatusOr<Expiries*> FindExpiries(const TreeRecord& tree) const;

  Store* store_;
  btree::ReadContext context_;
  const Version* version_;
  mutable std::optional<int64_t> now_;
  mutable std::map<TreeId, std::unique_ptr<Expiries>> expiries_;
};

struct StoreStats {
  uint64_t commits = 0, rollbacks = 0, checkpoints = 0, replayed_commits = 0;
  Version newest;
  pager::Stamp checkpoint_version = 0;
  VersionSet::Readers readers;
  uint64_t pages_waiting = 0;
  pager::LogStats log;
  pager::BufferStats buffer;
  pager::PageAllocator::Stats pages;
  pager::Histogram::Summary commit, checkpoint, log_sync, write_wait;
};

struct CompactResult {
  uint64_t bytes_before = 0, bytes_after = 0;  // of the file
  uint64_t pages_moved = 0;
  // Pages that open read transactions keep where they are.
  uint64_t pages_held = 0, readers = 0;
};

struct CheckProblem {
  pager::PageId page = 0;
  std::string what;
};
struct CheckResult {
  std::vector<CheckProblem> problems;  // the first 1,000
  uint64_t pages = 0, trees = 0, entries = 0;
};

class Store {
 public:
  // `keys`: what a new file is encrypted by; without them as the options say.
  static absl::StatusOr<std::unique_ptr<Store>> Open(pager::FileSystem* fs,
                                                     const std::string& path,
                                                     const Options& options,
                                                     bool in_memory,
                                                     const pager::CopiedKeys& keys = {});
  // Closes it, ignoring the result. Requires: no transaction is open.
  ~Store();

  // Waits for its turn. The transaction ends by Commit, Rollback or destruction.
  absl::StatusOr<std::unique_ptr<WriteTxn>> BeginWrite(absl::Duration wait_max);

  absl::Status Checkpoint();

  // Moves pages down and shortens the file, beside readers and writers, in steps of a few
  // megabytes; takes no more space meanwhile. What a crash, an error or a cancellation
  // leaves is whole, and as short as it got.
  absl::StatusOr<CompactResult> Compact(const Progress& progress);

  // The file opens by `key` from now on, and not by the one before. Touches no page.
  absl::Status Rekey(const EncryptionKey& key);
  // The same, and the pages are sealed anew under another file key, beside readers and
  // writers, in steps. What a crash, an error or a cancellation leaves is whole and opens
  // by `key`; called again it goes on.
  absl::Status RotateFileKey(const EncryptionKey& key, const Progress& progress);

  // A checkpoint, then the log is removed. kFailedPrecondition while a write
  // transaction or a snapshot is open.
  absl::Status Close();

  pager::CopiedKeys KeysForCopy() ABSL_LOCKS_EXCLUDED(checkpoint_mu_);
  // Looks at every page of a slice of the file (one chunk of the page map, 126 MiB; with
  // slice 0 at the superblocks, too). `damage` hears of each that is not intact.
  absl::Status ScrubSlice(uint64_t slice, uint64_t bytes_per_second,
                          PageScan::DamageFn damage,
                          absl::FunctionRef<absl::Status(uint64_t)> tick);
  uint64_t ScrubSlices() const;
  // Of all that was committed. kFailedPrecondition when part of that is in a log and the
  // database was opened read-only.
  absl::StatusOr<std::unique_ptr<PageScan>> BeginScan(const ScanOptions& options = {});

  StoreStats stats();
  // kPages looks at the pages of the last checkpoint, and writes none.
  absl::StatusOr<CheckResult> Check(CheckLevel level, const Progress& progress);
  // OK until the first failed write or sync.
  absl::Status error() const { return pager_->error(); }

  pager::Pager& pager() { return *pager_; }
  pager::FileSystem* file_system() const { return fs_; }
  VersionSet& versions() { return *versions_; }
  DictionaryCache& dictionaries() { return dictionaries_; }
  const Options& options() const { return options_; }
  // Microseconds since 1970; never less than before.
  int64_t Now();
  bool read_only() const { return options_.read_only; }

 private:
  friend class WriteTxn;
  Store(Options options, bool in_memory);

  absl::Status Recover();
  absl::Status EnsureLog();
  // A forked child must neither write nor wait for threads it does not have.
  absl::Status CheckProcess() const;
  std::string LogPath() const { return pager_->path() + "-log"; }
  pager::LogIdentity Identity() const;
  // kTrim: also cuts free pages off the end of the file. Requires: the writer's turn.
  // kClose: that, and says that there is no log.
  enum class Reason { kOrdinary, kTrim, kClose };
  absl::Status CheckpointLocked(Reason reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mu_);
  // The ways a commit becomes durable: see the class comment.
  absl::Status CommitLogged(WriteTxn* txn, Durability durability);
  absl::Status CommitVersionByCheckpoint(WriteTxn* txn);
  void AfterCommit(pager::Lsn end);
  // Records it, and tells the observer of a slow one.
  void Took(std::string_view what, absl::Duration took, pager::Histogram* histogram);
  // One pass of Compact: moves what lies at or behind `target`.
  absl::Status MoveBelow(pager::PageId target, const Progress& progress,
                         CompactResult* result);
  using Fate = absl::FunctionRef<btree::Relocation::Fate(const pager::PageRef&)>;
  // Moves pages in transactions of their own. `no_room`: called when one found none since
  // the last checkpoint, and knows what to do next.
  absl::Status RelocateAll(Fate fate, absl::FunctionRef<absl::Status(uint64_t)> tick,
                           absl::FunctionRef<void()> no_room);
  absl::Status Trim() ABSL_LOCKS_EXCLUDED(checkpoint_mu_);
  absl::Status CheckWritable() const;
  absl::Status ScrubSuperblocks(PageScan::DamageFn damage)
      ABSL_LOCKS_EXCLUDED(checkpoint_mu_);
  absl::StatusOr<CheckResult> CheckQuick();
  absl::StatusOr<CheckResult> CheckPages(const Progress& progress);
  absl::StatusOr<CheckResult> CheckFull(const Progress& progress);
  absl::StatusOr<pager::Stamp> BeginKeyRotation(const EncryptionKey& key)
      ABSL_LOCKS_EXCLUDED(checkpoint_mu_);
  absl::Status EndKeyRotation() ABSL_LOCKS_EXCLUDED(checkpoint_mu_);
  absl::Status ReleaseFreeSpace() ABSL_LOCKS_EXCLUDED(checkpoint_mu_);
  // Puts all that is in the log into the file and removes it; the next commit makes
  // another. Requires: the writer's turn.
  absl::Status RetireLog() ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mu_);
  void RunBackground();
  pager::Stamp NextStamp() { return next_stamp_.fetch_add(1) + 1; }

  absl::Mutex checkpoint_mu_;
  Options options_;
  const bool in_memory_;
  const uint64_t forks_ = pager::ForkCount();
  pager::FileSystem* fs_ = nullptr;
  std::unique_ptr<pager::Pager> pager_;
  std::unique_ptr<VersionSet> versions_;
  std::unique_ptr<pager::Log> log_;  // null: none yet, or in memory
  uint64_t log_id_ = 0;
  std::unique_ptr<pager::PageWriter> writer_;  // of whoever has the turn
  WriterQueue queue_;
  DictionaryCache dictionaries_;
  std::atomic<pager::Stamp> next_stamp_{0};  // the last one used
  std::atomic<pager::Lsn> checkpoint_lsn_{0};
  std::atomic<int64_t> latest_now_{0};
  std::atomic<uint64_t> commits_{0}, rollbacks_{0}, checkpoints_{0};
  pager::Histogram commit_latency_, checkpoint_latency_, write_wait_;
  uint64_t reported_written_ ABSL_GUARDED_BY(checkpoint_mu_) = 0;
  uint64_t replayed_ = 0;
  uint64_t unwritten_log_bytes_ = 0;  // of kNone commits; under the writer's turn
  std::string log_buffer_;            // kept from transaction to transaction
  std::atomic<bool> closed_{false};
  std::atomic<int> ending_{0};  // commits that gave up their turn and need the log

  absl::Mutex background_mu_;
  bool want_checkpoint_ ABSL_GUARDED_BY(background_mu_) = false;
  bool stop_ ABSL_GUARDED_BY(background_mu_) = false;
  std::thread background_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_STORE_H_
