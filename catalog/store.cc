#include "catalog/store.h"

#include <time.h>

#include <random>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "catalog/expiry.h"
#include "catalog/observer.h"
#include "catalog/replayer.h"
#include "catalog/write_txn.h"
#include "pager/assert.h"
#include "pager/file_errors.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using btree::Found;
using btree::TreeReader;
using pager::LogPosition;
using pager::PageRef;
using pager::Stamp;

namespace {

// kNone commits are handed to the system when this much has come together.
constexpr uint64_t kUnwrittenMax = uint64_t{256} << 10;
// A crash may have left pages of transactions that no log tells of. No stamp they
// can have used is used again.
constexpr Stamp kStampsSkippedAfterCrash = Stamp{1} << 26;
// Recovery gathers operations in this share of the cache budget, beside it.
constexpr uint64_t kReplayShare = 8;
// A log this many times longer than wished makes the committer write the
// checkpoint itself.
constexpr uint64_t kLogPatience = 4;
// For holes in place of short runs of free pages, while somebody waits for Close.
constexpr absl::Duration kCloseHolesMax = absl::Milliseconds(200);

uint64_t RandomId() {
  std::random_device random;
  uint64_t id = 0;
  while (id == 0) id = uint64_t{random()} << 32 | random();
  return id;
}

}  // namespace

int64_t CoarseNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);  // a few nanoseconds
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// --- Snapshot ---------------------------------------------------------------

Snapshot::Snapshot(Store* store) : store_(store) {
  context_.pager = &store->pager();
  context_.slot = store->pager().buffer().slots().Acquire();
  context_.slot->since_ns.store(CoarseNow(), std::memory_order_relaxed);
  version_ = store->versions().Acquire(context_.slot);
}

Snapshot::~Snapshot() { (void)End(); }

int64_t Snapshot::now() const {
  if (!now_.has_value()) now_ = store_->Now();
  return *now_;
}

absl::StatusOr<Expiries*> Snapshot::FindExpiries(const TreeRecord& tree) const {
  std::unique_ptr<Expiries>& there = expiries_[tree.id];
  if (there != nullptr) return there.get();
  SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> part, FindTree(ExpiryName(tree.id)));
  if (!part.has_value()) return LostExpiries(tree);
  there = std::make_unique<Expiries>(TreeView(store_, this, *std::move(part)), now());
  return there.get();
}

bool Snapshot::End() {
  Store* const store = std::exchange(store_, nullptr);
  return store != nullptr && store->pager().buffer().slots().Release(context_.slot);
}

namespace {

// The first few trees; fewer when something is wrong, which whoever asks is told.
std::vector<TreeRecord> FirstTrees(pager::Pager* pager, const btree::TreeRoot& root) {
  std::vector<TreeRecord> trees;
  if (!root.page) return trees;
  btree::ReadContext context;
  context.pager = pager;
  context.slot = pager->buffer().slots().Acquire();
  absl::Cleanup release = [&] { pager->buffer().slots().Release(context.slot); };
  btree::TreeCursor names(context, &root, nullptr);
  for (names.Seek("n"); names.Valid() && names.key()[0] == 'n'; names.Next()) {
    auto record = FindInCatalog(context, root, names.key().substr(1));
    if (!record.ok() || !record->has_value()) break;
    trees.push_back(**std::move(record));
    if (trees.size() == kRecentMax) break;
  }
  return trees;
}

}  // namespace

absl::StatusOr<std::optional<TreeRecord>> Snapshot::FindTree(
    std::string_view name) const {
  for (const TreeRecord& record : version_->recent)
    if (record.name == name) return record;
  return FindInCatalog(context_, version_->catalog, name);
}

absl::StatusOr<std::vector<TreeRecord>> Snapshot::ListTrees() const {
  std::vector<TreeRecord> records;
  btree::TreeCursor names(context_, &version_->catalog, nullptr);
  for (names.Seek("n"); names.Valid() && names.key()[0] == 'n'; names.Next()) {
    SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> record,
                           FindTree(names.key().substr(1)));
    if (record.has_value()) records.push_back(*std::move(record));
  }
  SHEAF_RETURN_IF_ERROR(names.status());
  return records;
}

// --- Open and close ---------------------------------------------------------

Store::Store(Options options, bool in_memory)
    : options_(std::move(options)), in_memory_(in_memory) {}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(pager::FileSystem* fs,
                                                   const std::string& path,
                                                   const Options& options, bool in_memory,
                                                   const pager::CopiedKeys& keys) {
  std::unique_ptr<Store> store(new Store(options, in_memory));
  store->fs_ = fs;
  pager::PagerOptions pager_options;
  pager_options.read_only = options.read_only;
  pager_options.create_if_missing = options.create_if_missing;
  pager_options.error_if_exists = options.error_if_exists;
  pager_options.cache_bytes_max = options.cache_bytes_max;
  pager_options.verify_one_in = options.verify_one_in;
  pager_options.key = options.key;
  pager_options.keys = keys;
  pager_options.scrypt_cost = {options.scrypt_log2_n, options.scrypt_r, options.scrypt_p};
  absl::StatusOr<std::unique_ptr<pager::Pager>> pager =
      pager::Pager::Open(fs, path, pager_options, &btree::TreePageOps());
  if (!pager.ok()) {
    store->closed_ = true;
    return pager.status();
  }
  store->pager_ = *std::move(pager);
  if (options.observer != nullptr)
    store->pager_->buffer().set_on_damage(
        [o = options.observer](pager::PageId page, const absl::Status& error) {
          o->OnDamage({page, error});
        });
  store->versions_ = std::make_unique<VersionSet>(store->pager_.get());
  store->writer_ = std::make_unique<pager::PageWriter>(store->pager_.get());
  const absl::Status recovered = store->Recover();
  if (!recovered.ok()) {
    store->closed_ = true;  // leave everything as it was found
    return absl::Status(recovered.code(),
                        absl::StrCat(store->pager_->path(), ": ", recovered.message()));
  }
  if (in_memory || options.read_only) return store;
  store->writer_->set_before_first_page([s = store.get()] { return s->EnsureLog(); });
  if (options.background_checkpoints)
    store->background_ = std::thread([s = store.get()] { s->RunBackground(); });
  return store;
}

pager::LogIdentity Store::Identity() const {
  return {pager_->superblock().database_id, log_id_, pager_->codec().keys()};
}

absl::Status Store::Recover() {
  const pager::Superblock& superblock = pager_->superblock();
  next_stamp_ = superblock.next_stamp;
  log_id_ = superblock.log_id;
  Version first;
  first.number = superblock.version;
  first.next_tree_id = superblock.next_tree_id;
  first.log = superblock.log;
  first.catalog.page = superblock.catalog_root;
  if (first.catalog.page) {
    PageRef root = first.catalog.page;
    SHEAF_ASSIGN_OR_RETURN(const char* page, pager_->buffer().Pin(root));
    pager::PinnedPage pin(&pager_->buffer(), root.id, page);
    if (pager::PageKindOf(page) != pager::PageKind::kLeaf &&
        pager::PageKindOf(page) != pager::PageKind::kInner)
      return pager::PageDamaged(root.id, "the catalog's root is not a tree page");
    if (!btree::NodeView(page).values_are_refs())
      return pager::PageDamaged(root.id, "the catalog's root is that of a table");
    first.catalog.entries = btree::NodeView(page).EntriesBelow();
  }
  first.recent = FirstTrees(pager_.get(), first.catalog);
  versions_->Start(first);
  checkpoint_lsn_ = first.log.lsn;
  if (options_.read_only) pager_->buffer().set_never_write();
  if (log_id_ == 0) {
    if (options_.read_only || in_memory_) return absl::OkStatus();
    // A log that no superblock names belongs to nothing.
    SHEAF_ASSIGN_OR_RETURN(const bool stray, fs_->Exists(LogPath()));
    return stray ? fs_->Delete(LogPath()) : absl::OkStatus();
  }
  next_stamp_ += kStampsSkippedAfterCrash;
  // Durable before any page is made, since this recovery may crash, too; but not
  // before the log was found good.
  bool skipped = options_.read_only;
  const auto skip_stamps = [&, next = next_stamp_.load() + 1] {
    return std::exchange(skipped, true) ? absl::OkStatus() : pager_->SkipStamps(next);
  };
  SHEAF_RETURN_IF_ERROR(queue_.Enter(absl::InfiniteDuration()));
  WriteTxn txn(this, WriteTxn::Logging::kOff);
  Replayer replayer(&txn, options_.cache_bytes_max / kReplayShare);
  absl::StatusOr<std::unique_ptr<pager::Log>> log = pager::Log::Recover(
      fs_, LogPath(), Identity(), first.log,
      options_.read_only ? pager::Log::Access::kReadOnly : pager::Log::Access::kReadWrite,
      kGroupBytesMax,
      [&](pager::TxnId, std::string_view group, LogPosition) -> absl::Status {
        SHEAF_RETURN_IF_ERROR(skip_stamps());
        ++replayed_;
        return replayer.Apply(group);
      });
  if (absl::IsNotFound(log.status()))
    return absl::DataLossError(
        absl::StrCat(LogPath(),
                     " is missing: the database was not closed cleanly and its newest "
                     "commits are in that file; put it back beside the database"));
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  SHEAF_RETURN_IF_ERROR(skip_stamps());
  SHEAF_RETURN_IF_ERROR(replayer.Finish());
  SHEAF_RETURN_IF_ERROR(txn.StoreRecords());
  Version next = txn.NextVersion();
  next.log = log_->end();
  versions_->Append(next, writer_->Commit());
  versions_->ShowThrough(next.log.lsn, next.number);
  txn.EndTurn();
  return absl::OkStatus();
}

// The superblock names the log before the first page of a new stamp is made, and the
// first commit written.
absl::Status Store::EnsureLog() {
  if (log_ != nullptr || in_memory_) return absl::OkStatus();
  absl::MutexLock lock(&checkpoint_mu_);  // for those who look without the turn
  const uint64_t log_id = RandomId();
  const LogPosition start = versions_->newest().log;
  absl::StatusOr<std::unique_ptr<pager::Log>> log = pager::Log::Create(
      fs_, LogPath(), {pager_->superblock().database_id, log_id, pager_->codec().keys()},
      start);
  if (!log.ok()) {
    (void)fs_->Delete(LogPath());  // half of it may be there, and nobody will need it
    return log.status();
  }
  log_id_ = log_id;
  SHEAF_RETURN_IF_ERROR(pager_->WriteLogId(log_id_, start));
  log_ = *std::move(log);
  return absl::OkStatus();
}

// The latest that anybody read: so no record that has expired is seen again.
int64_t Store::Now() {
  const absl::Time now = options_.clock ? options_.clock() : absl::Now();
  const int64_t read = absl::ToUnixMicros(now);
  int64_t latest = latest_now_.load(std::memory_order_relaxed);
  while (latest < read) {
    if (latest_now_.compare_exchange_weak(latest, read)) return read;
  }
  return latest;
}

absl::Status Store::CheckProcess() const {
  if (in_memory_ || pager::ForkCount() == forks_) [[likely]]
    return absl::OkStatus();
  return pager::OpenedBeforeFork(pager_->path());
}

Store::~Store() {
  if (background_.joinable() && pager::ForkCount() != forks_) background_.detach();
  (void)Close();
  if (background_.joinable()) {
    {
      absl::MutexLock lock(&background_mu_);
      stop_ = true;
    }
    background_.join();
  }
}

absl::Status Store::Close() {
  if (closed_) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(CheckProcess());
  // With the turn in hand nobody begins to write, and nobody else closes.
  if (!queue_.Enter(absl::ZeroDuration()).ok())
    return absl::FailedPreconditionError("a write transaction is still open");
  absl::Cleanup leave = [this] { queue_.Leave(); };
  if (closed_) return absl::OkStatus();
  if (ending_.load() > 0)
    return absl::FailedPreconditionError("a commit is still running");
  if (const uint64_t open = versions_->readers().open; open > 0)
    return absl::FailedPreconditionError(
        absl::StrCat(open, " read transactions are still open"));
  closed_ = true;
  {
    absl::MutexLock lock(&background_mu_);
    stop_ = true;
  }
  if (background_.joinable()) background_.join();
  if (options_.read_only || in_memory_) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(error());
  absl::MutexLock lock(&checkpoint_mu_);         // also ends what writes superblocks
  if (log_ == nullptr) return absl::OkStatus();  // nothing was written
  SHEAF_RETURN_IF_ERROR(RetireLog());
  return pager_->ReleaseFreeSpace(kCloseHolesMax);
}

absl::Status Store::RetireLog() {
  SHEAF_RETURN_IF_ERROR(CheckpointLocked(Reason::kOrdinary));
  SHEAF_RETURN_IF_ERROR(CheckpointLocked(Reason::kClose));
  if (log_ == nullptr) return absl::OkStatus();
  // Whatever becomes of the file: the superblock says that there is none, and the next
  // commit needs another.
  log_id_ = 0;
  writer_->set_before_first_page([this] { return EnsureLog(); });
  return pager::Log::Remove(fs_, LogPath(), std::move(log_));
}

absl::Status Store::CheckWritable() const {
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  if (options_.read_only)
    return absl::FailedPreconditionError("the database was opened read-only");
  SHEAF_RETURN_IF_ERROR(CheckProcess());
  return error();
}

// --- Transactions -----------------------------------------------------------

absl::StatusOr<std::unique_ptr<WriteTxn>> Store::BeginWrite(absl::Duration wait_max) {
  SHEAF_RETURN_IF_ERROR(CheckWritable());
  const absl::Time begin = absl::Now();
  SHEAF_RETURN_IF_ERROR(queue_.Enter(wait_max));
  Took("waiting for the writer's turn", absl::Now() - begin, &write_wait_);
  absl::Status status = error();
  if (closed_) status = absl::FailedPreconditionError("the database is closed");
  if (!status.ok()) {
    queue_.Leave();
    return status;
  }
  return std::unique_ptr<WriteTxn>(new WriteTxn(this, WriteTxn::Logging::kOn));
}

absl::Status Store::CommitLogged(WriteTxn* txn, Durability durability) {
  LogPosition end = txn->base_.log;
  Stamp number = txn->base_.number;
  uint64_t unwritten = unwritten_log_bytes_;
  // A transaction whose changes were all rolled back has nothing to log.
  if (txn->changed_ && (log_ == nullptr || !txn->log_.empty() || txn->relocated_)) {
    Version next = txn->NextVersion();
    number = next.number;
    if (log_ != nullptr && !txn->log_.empty()) {
      next.log = end = log_->Append(next.number, txn->log_);
      unwritten += txn->log_.size();
    }
    versions_->Append(next, writer_->Commit());
  } else {
    writer_->Rollback();  // it may have made pages all the same
  }
  const bool writes = durability != Durability::kNone || unwritten > kUnwrittenMax;
  unwritten_log_bytes_ = writes ? 0 : unwritten;
  ending_.fetch_add(1);
  absl::Cleanup ended = [this] { ending_.fetch_sub(1); };
  pager::Log* const log = log_.get();  // stays while `ending_` counts this
  txn->EndTurn();
  absl::Status status;
  if (log != nullptr && durability == Durability::kFull)
    status = log->SyncThrough(end.lsn);
  else if (log != nullptr && writes)
    status = log->Write();
  if (!status.ok()) return pager_->Poison(status);
  versions_->ShowThrough(end.lsn, number);
  commits_.fetch_add(1);
  AfterCommit(end.lsn);
  return absl::OkStatus();
}

absl::Status Store::CommitVersionByCheckpoint(WriteTxn* txn) {
  absl::MutexLock lock(&checkpoint_mu_);
  Version next = txn->NextVersion();
  next.log = log_->end();
  versions_->Append(next, writer_->Commit());
  // Were it to fail, later commits would stand on what no log tells of.
  SHEAF_RETURN_IF_ERROR(pager_->Poison(CheckpointLocked(Reason::kOrdinary)));
  versions_->ShowThrough(next.log.lsn, next.number);
  return absl::OkStatus();
}

void Store::Took(std::string_view what, absl::Duration took,
                 pager::Histogram* histogram) {
  histogram->Record(took);
  if (options_.observer != nullptr && took >= options_.slow_operation_min)
    options_.observer->OnSlow({what, took});
}

void Store::AfterCommit(pager::Lsn end) {
  if (in_memory_) return;
  // A checkpoint may have passed this commit while it waited for its sync.
  const pager::Lsn begin = checkpoint_lsn_.load();
  const uint64_t live = end > begin ? end - begin : 0;
  const bool due = live > options_.log_bytes_max;
  if (!due && (!options_.background_checkpoints || !pager_->buffer().MostlyDirty()))
    return;
  if (!options_.background_checkpoints || live > kLogPatience * options_.log_bytes_max) {
    (void)Checkpoint();  // an error poisons: the next write tells
    return;
  }
  absl::MutexLock lock(&background_mu_);
  want_checkpoint_ = true;
}

// --- Checkpoint -------------------------------------------------------------

absl::Status Store::Checkpoint() {
  if (options_.read_only)
    return absl::FailedPreconditionError("the database was opened read-only");
  SHEAF_RETURN_IF_ERROR(CheckProcess());
  absl::MutexLock lock(&checkpoint_mu_);
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  return CheckpointLocked(Reason::kOrdinary);
}

absl::Status Store::CheckpointLocked(Reason reason) {
  if (in_memory_) return absl::OkStatus();
  const absl::Time begin = absl::Now();
  pager::CheckpointRequest request;
  const Version v = versions_->BeginCheckpoint(&request.died);
  VersionSet::Outcome outcome = VersionSet::Outcome::kFailed;
  absl::Cleanup end = [&] { versions_->EndCheckpoint(outcome); };
  const bool closing = reason == Reason::kClose;
  if (v.number == pager_->superblock().version && reason == Reason::kOrdinary)
    return absl::OkStatus();
  // The log that goes on from here must be whole up to here.
  if (log_ != nullptr)
    SHEAF_RETURN_IF_ERROR(pager_->Poison(log_->SyncThrough(v.log.lsn)));
  request.catalog_root = v.catalog.page;
  request.version = v.number;
  request.next_stamp = next_stamp_.load() + 1;
  request.next_tree_id = v.next_tree_id;
  request.log = v.log;
  if (closing) request.log.chain = 0;
  request.log_id = closing ? 0 : log_id_;
  request.trim_end = reason != Reason::kOrdinary;
  SHEAF_RETURN_IF_ERROR(pager_->WriteCheckpoint(request));
  outcome = VersionSet::Outcome::kDurable;
  checkpoints_.fetch_add(1);
  checkpoint_lsn_ = v.log.lsn;
  const absl::Duration took = absl::Now() - begin;
  Took("checkpoint", took, &checkpoint_latency_);
  if (options_.observer != nullptr) {
    const uint64_t written = pager_->buffer().stats().pages_written;
    options_.observer->OnCheckpoint(
        {v.number, written - std::exchange(reported_written_, written), took});
  }
  if (closing) return pager_->Poison(pager_->file().Sync());
  if (log_ != nullptr)
    SHEAF_RETURN_IF_ERROR(pager_->Poison(log_->Release(v.log, options_.log_bytes_max)));
  return absl::OkStatus();
}

pager::CopiedKeys Store::KeysForCopy() {
  absl::MutexLock lock(&checkpoint_mu_);
  return pager_->KeysForCopy();
}

absl::StatusOr<std::unique_ptr<PageScan>> Store::BeginScan(const ScanOptions& options) {
  if (in_memory_)
    return absl::FailedPreconditionError("the database is in memory: it has no file");
  absl::MutexLock lock(&checkpoint_mu_);
  if (closed_) return absl::FailedPreconditionError("the database is closed");
  if (!options.checkpoints) return PageScan::Begin(this, options);
  if (!options_.read_only)
    SHEAF_RETURN_IF_ERROR(CheckpointLocked(Reason::kOrdinary));
  else if (log_id_ != 0)
    return absl::FailedPreconditionError(
        "it was not closed cleanly, its newest commits are in the log: open it for "
        "writing first");
  return PageScan::Begin(this, options);
}

void Store::RunBackground() {
  for (;;) {
    {
      absl::MutexLock lock(&background_mu_);
      const auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(background_mu_) {
        return stop_ || want_checkpoint_;
      };
      background_mu_.Await(absl::Condition(&due));
      if (stop_) return;
      want_checkpoint_ = false;
    }
    if (!Checkpoint().ok() && !error().ok()) return;
  }
}

StoreStats Store::stats() {
  StoreStats s;
  s.commits = commits_.load();
  s.rollbacks = rollbacks_.load();
  s.checkpoints = checkpoints_.load();
  s.replayed_commits = replayed_;
  versions_->Reap();
  s.newest = versions_->shown();
  s.readers = versions_->readers();
  s.pages_waiting = versions_->pages_waiting();
  s.buffer = pager_->buffer().stats();
  s.commit = commit_latency_.Summarize();
  s.checkpoint = checkpoint_latency_.Summarize();
  s.write_wait = write_wait_.Summarize();
  absl::StatusOr<pager::PageAllocator::Stats> pages = pager_->allocator().stats();
  if (pages.ok()) s.pages = *pages;
  absl::MutexLock lock(&checkpoint_mu_);
  s.checkpoint_version = pager_->superblock().version;
  if (log_ != nullptr) {
    s.log = log_->stats();
    s.log_sync = log_->sync_latency().Summarize();
  }
  return s;
}

}  // namespace sheaf::catalog
