#include "sheaf/database.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "api/internal/batch_merges.h"
#include "api/internal/blob_state.h"
#include "api/internal/build_file.h"
#include "api/internal/expired.h"
#include "api/internal/handles.h"
#include "api/internal/vector_state.h"
#include "catalog/tick.h"
#include "catalog/tree_view.h"
#include "document/check.h"
#include "graph/check.h"
#include "graph/graph_reader.h"
#include "pager/status_macros.h"
#include "vector/check.h"

namespace sheaf {

using internal::TransactionState;

namespace {

constexpr size_t kReadersMax = 100;  // in DatabaseStats
constexpr char kMemoryPath[] = "/memory.sheaf";

absl::Status CheckRange(const char* option, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Options::", option, " is ", value, "; ",
                                                 low, " to ", high, " are allowed"));
}

absl::Status CheckDurability(const char* what, Durability durability) {
  if (durability >= Durability::kFull && durability <= Durability::kNone)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is ", static_cast<int>(durability), ", which is unknown"));
}

absl::Status CheckOptions(const Options& options) {
  SHEAF_RETURN_IF_ERROR(CheckRange("cache_bytes_max", options.cache_bytes_max,
                                   uint64_t{1} << 20, uint64_t{1} << 44));
  SHEAF_RETURN_IF_ERROR(CheckRange("verify_one_in", options.verify_one_in, 1, 1'000'000));
  SHEAF_RETURN_IF_ERROR(CheckRange("log_bytes_max", options.log_bytes_max,
                                   uint64_t{1} << 20, uint64_t{64} << 30));
  SHEAF_RETURN_IF_ERROR(CheckRange("transaction_log_bytes_max",
                                   options.transaction_log_bytes_max, uint64_t{64} << 10,
                                   uint64_t{256} << 20));
  if (options.read_only && options.error_if_exists)
    return absl::InvalidArgumentError(
        "Options::error_if_exists makes no sense with read_only");
  SHEAF_RETURN_IF_ERROR(catalog::CheckCompression(options.compression));
  SHEAF_RETURN_IF_ERROR(CheckMergeFunctions(options.merge_functions));
  return CheckDurability("Options::durability", options.durability);
}

}  // namespace

Database::Database(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const Options& options) {
  SHEAF_RETURN_IF_ERROR(CheckOptions(options));
  if (path.empty()) return absl::InvalidArgumentError("path: is empty");
  pager::FileSystem* fs = internal::FileSystemOf(options.file_system);
  auto rep = std::make_unique<Rep>();
  graph::RegisterRecords();
  SHEAF_ASSIGN_OR_RETURN(rep->store, catalog::Store::Open(fs, path, options, false));
  rep->combiner = std::make_unique<catalog::Combiner>(rep->store.get());
  internal::NoteExpiring(rep.get());
  return std::unique_ptr<Database>(new Database(std::move(rep)));
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenInMemory(const Options& options) {
  SHEAF_RETURN_IF_ERROR(CheckOptions(options));
  if (options.read_only)
    return absl::InvalidArgumentError("Options::read_only: a database in memory is new");
  auto rep = std::make_unique<Rep>();
  rep->owned_fs = pager::NewMemoryFileSystem();
  graph::RegisterRecords();
  SHEAF_ASSIGN_OR_RETURN(
      rep->store, catalog::Store::Open(rep->owned_fs.get(), kMemoryPath, options, true));
  rep->combiner = std::make_unique<catalog::Combiner>(rep->store.get());
  return std::unique_ptr<Database>(new Database(std::move(rep)));
}

Database::~Database() {
  if (rep_ == nullptr) return;
  // Transactions that are still open keep what they stand on; their calls fail,
  // and the last of them takes it down.
  Rep* const rep = rep_.release();
  rep->reaper.Stop();
  rep->orphaned.store(true);
  rep->linker.Stop();
  rep->store->pager().buffer().slots().Orphan([rep] { rep->Add(); },
                                              [rep] { rep->Drop(); });
  rep->Drop();
}

absl::Status Database::Close() {
  absl::MutexLock lock(&rep_->close_mu);
  if (rep_->closed.load()) return absl::OkStatus();
  rep_->reaper.Stop();  // its transactions are not the caller's
  absl::Cleanup goes_on = [this] {
    if (!rep_->closed.load()) internal::NoteExpiring(rep_.get());
  };
  int64_t open = rep_->owners.load() - 1;
  rep_->store->pager().buffer().slots().ForEach([&](const pager::ReaderSlot& slot) {
    open += slot.state.load() == pager::ReaderSlot::kOutlives ? 1 : 0;
  });
  if (open > 0)
    return absl::FailedPreconditionError(
        absl::StrCat(open, " transactions are still open: end them first"));
  rep_->linker.Stop();
  const absl::Status status = rep_->store->Close();
  // Otherwise a batch or a check was still running: not closed at all.
  if (!absl::IsFailedPrecondition(status)) rep_->closed = true;
  if (status.ok()) rep_->store->pager().file().Unlock();
  return status;
}

ReadTransaction Database::BeginRead() {
  auto state = std::make_shared<TransactionState>();
  if (!rep_->closed.load(std::memory_order_relaxed)) {
    state->rep = rep_.get();
    state->snapshot.emplace(rep_->store.get());
    state->snapshot->MayOutliveStore();
  }
  return ReadTransaction(std::move(state));
}

absl::StatusOr<WriteTransaction> Database::BeginWrite(const WriteOptions& options) {
  catalog::Store& store = *rep_->store;
  const Durability durability = options.durability == Durability{}
                                    ? store.options().durability
                                    : options.durability;
  SHEAF_RETURN_IF_ERROR(CheckDurability("WriteOptions::durability", durability));
  const absl::Duration wait_max = options.wait_max < absl::ZeroDuration()
                                      ? store.options().write_wait_max
                                      : options.wait_max;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<catalog::WriteTxn> txn,
                         store.BeginWrite(wait_max));
  auto state = std::make_shared<TransactionState>();
  rep_->Add();
  state->rep = rep_.get();
  state->write = std::move(txn);
  state->durability = durability;
  return WriteTransaction(std::move(state));
}

absl::Status Database::Read(absl::FunctionRef<absl::Status(ReadTransaction&)> fn) {
  ReadTransaction txn = BeginRead();
  return fn(txn);
}

absl::Status Database::Write(absl::FunctionRef<absl::Status(WriteTransaction&)> fn,
                             const WriteOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, BeginWrite(options));
  SHEAF_RETURN_IF_ERROR(fn(txn));
  return txn.Commit();
}

namespace {

// Of a WriteBatch.
template <class Op>
absl::Status CheckOp(const Op& op) {
  SHEAF_RETURN_IF_ERROR(catalog::CheckTreeName(op.table));
  if (op.key.empty() || op.key.size() > kKeyBytesMax)
    return absl::InvalidArgumentError(absl::StrCat(
        "key of ", op.key.size(), " bytes: 1 to ", kKeyBytesMax, " are allowed"));
  if (op.value_size > kValueBytesMax)
    return absl::InvalidArgumentError(absl::StrCat(
        "value of ", op.value_size, " bytes: ", kValueBytesMax, " are allowed"));
  if (!op.expiry.has_value()) return absl::OkStatus();
  catalog::ExpiryChange change;
  SHEAF_RETURN_IF_ERROR(internal::ToExpiryChange(*op.expiry, 0, &change));
  return catalog::CheckExpiringKey(op.key);
}

// `value`: what is put; none: the key is deleted. What merges keeps its time to expire.
template <class Op>
absl::Status ApplyOp(const Op& op, std::optional<std::string_view> value,
                     catalog::WriteTxn* txn, catalog::OpenTree* tree) {
  if (!value.has_value()) {
    SHEAF_RETURN_IF_ERROR(tree->Delete(op.key).status());
    return tree->ClearExpiry(op.key);
  }
  catalog::ExpiryChange change;
  if (op.merging != Op::Merging::kNone && tree->record().expires) {
    btree::Found old;
    SHEAF_RETURN_IF_ERROR(catalog::TreeView(txn, tree).reader().Find(op.key, &old));
    if (old.found) change = catalog::ExpiryChange::Keep();
  }
  if (op.expiry.has_value())
    SHEAF_RETURN_IF_ERROR(internal::ToExpiryChange(*op.expiry, txn->now(), &change));
  return tree->PutExpiring(op.key, *value, change);
}

}  // namespace

absl::Status Database::Apply(const WriteBatch& batch, const WriteOptions& options) {
  internal::BatchMerges merges;
  return Apply(batch, options, &merges);
}

absl::Status Database::Apply(const WriteBatch& batch, const WriteOptions& options,
                             internal::BatchMerges* merges) {
  catalog::Store& store = *rep_->store;
  const Durability durability = options.durability == Durability{}
                                    ? store.options().durability
                                    : options.durability;
  SHEAF_RETURN_IF_ERROR(CheckDurability("WriteOptions::durability", durability));
  for (const WriteBatch::Op& op : batch.ops_) SHEAF_RETURN_IF_ERROR(CheckOp(op));
  const bool new_ones_compress =
      store.options().compression.kind != CompressionKind::kNone;
  int64_t first_expiry = INT64_MAX;
  const auto work = [&](catalog::WriteTxn& txn) -> absl::Status {
    // First everything that can be refused, then the changes.
    for (const WriteBatch::Op& op : batch.ops_) {
      SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, txn.FindTree(op.table));
      if (tree != nullptr && tree->record().kind != catalog::TreeKind::kTable)
        return absl::FailedPreconditionError(
            absl::StrCat(op.table, ": is a collection, not a table"));
      const bool compresses =
          tree == nullptr ? new_ones_compress : tree->record().compression.encoded;
      if (compresses) SHEAF_RETURN_IF_ERROR(catalog::CheckEncodable(op.value_size));
      if (tree != nullptr) SHEAF_RETURN_IF_ERROR(tree->PrepareToPut());
      if (tree != nullptr && !op.is_delete)
        SHEAF_RETURN_IF_ERROR(
            tree->CheckExpiry(op.key, catalog::ExpiryChange::Default()));
    }
    if (batch.merges_)
      SHEAF_RETURN_IF_ERROR(merges->Compute(&txn, store.options(), batch));
    for (size_t i = 0; i < batch.ops_.size(); ++i) {
      if (!internal::BatchMerges::Changes(batch, i)) continue;
      const WriteBatch::Op& op = batch.ops_[i];
      const std::optional<std::string_view> value = merges->ValueOf(batch, i);
      SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, txn.FindTree(op.table));
      if (tree == nullptr && !value.has_value()) continue;  // nothing to delete
      if (tree == nullptr) {
        SHEAF_ASSIGN_OR_RETURN(
            tree, txn.CreateTree(op.table, catalog::TreeKind::kTable, {}, {}));
        SHEAF_RETURN_IF_ERROR(tree->SetCompression(store.options().compression));
      }
      SHEAF_RETURN_IF_ERROR(ApplyOp(op, value, &txn, tree));
    }
    first_expiry = txn.first_expiry();
    return absl::OkStatus();
  };
  const absl::Duration wait_max = options.wait_max < absl::ZeroDuration()
                                      ? store.options().write_wait_max
                                      : options.wait_max;
  SHEAF_RETURN_IF_ERROR(rep_->combiner->Run(work, durability, wait_max));
  rep_->NoteExpiry(first_expiry);
  return absl::OkStatus();
}

absl::Status Database::Checkpoint() { return rep_->store->Checkpoint(); }

namespace {

LatencyStats ToLatency(const pager::Histogram::Summary& s) {
  return {s.count, s.mean, s.p50, s.p90, s.p99, s.max};
}

}  // namespace

DatabaseStats Database::stats() const {
  DatabaseStats out;
  out.format_version = pager::kFormatVersion;
  if (rep_->closed.load()) return out;
  catalog::Store& store = *rep_->store;
  const catalog::StoreStats s = store.stats();
  if (absl::StatusOr<uint64_t> size = store.pager().file().Size(); size.ok())
    out.file_bytes = *size;
  out.pages_total = s.pages.page_end;
  out.pages_free = s.pages.free;
  out.pages_waiting = s.pages_waiting;
  const uint64_t not_live = out.pages_free + out.pages_waiting;
  out.pages_live = out.pages_total > not_live ? out.pages_total - not_live : 0;
  out.log_file_bytes = s.log.file_bytes;
  out.log_live_bytes = s.log.live_bytes;
  out.version = s.newest.number;
  out.checkpoint_version = s.checkpoint_version;
  out.commits = s.commits;
  out.rollbacks = s.rollbacks;
  out.log_syncs = s.log.syncs;
  out.checkpoints = s.checkpoints;
  out.replayed_commits = s.replayed_commits;
  out.cache_bytes_max = s.buffer.bytes_max;
  out.cache_bytes_used = s.buffer.bytes_used;
  out.cache_bytes_dirty = s.buffer.bytes_dirty;
  out.cache_hits = s.buffer.lookups - std::min(s.buffer.lookups, s.buffer.misses);
  out.cache_misses = s.buffer.misses;
  out.cache_evictions = s.buffer.evictions;
  out.pages_written = s.buffer.pages_written;
  out.readers_open = s.readers.open;
  out.oldest_reader_version = s.readers.oldest;
  const int64_t now = catalog::CoarseNow();
  uint64_t last = 0;
  for (const catalog::VersionSet::Reader& reader : s.readers.each) {
    if (reader.version != last) out.pages_held += reader.pages_held;
    last = reader.version;
    if (out.readers.size() < kReadersMax)
      out.readers.push_back(
          {reader.version, absl::Nanoseconds(now - reader.since_ns), reader.pages_held});
  }
  out.pages_map = s.pages.map + pager::PageAllocator::kFirstPage;
  out.commit = ToLatency(s.commit);
  out.checkpoint = ToLatency(s.checkpoint);
  out.log_sync = ToLatency(s.log_sync);
  out.write_wait = ToLatency(s.write_wait);
  catalog::Snapshot snapshot(&store);
  if (absl::StatusOr<std::vector<catalog::TreeRecord>> trees = snapshot.ListTrees();
      trees.ok()) {
    out.trees = trees->size();
    for (const catalog::TreeRecord& t : *trees) out.entries += t.root.entries;
  }
  return out;
}

absl::StatusOr<CompactReport> Database::Compact(const Progress& progress) {
  SHEAF_ASSIGN_OR_RETURN(const catalog::CompactResult result,
                         rep_->store->Compact(progress));
  return CompactReport{.bytes_before = result.bytes_before,
                       .bytes_after = result.bytes_after,
                       .pages_moved = result.pages_moved,
                       .pages_held = result.pages_held,
                       .readers_open = result.readers};
}

absl::Status Database::Rekey(const EncryptionKey& key) { return rep_->store->Rekey(key); }

absl::Status Database::RotateFileKey(const EncryptionKey& key, const Progress& progress) {
  return rep_->store->RotateFileKey(key, progress);
}

constexpr size_t kFindingsMax = 1000;

absl::StatusOr<CheckReport> Database::Check(CheckLevel level, const Progress& progress) {
  if (rep_->closed.load()) return absl::FailedPreconditionError("the database is closed");
  SHEAF_ASSIGN_OR_RETURN(const catalog::CheckResult result,
                         rep_->store->Check(level, progress));
  CheckReport report;
  for (const catalog::CheckProblem& p : result.problems)
    report.findings.push_back({p.page, p.what});
  report.pages_checked = result.pages;
  report.trees_checked = result.trees;
  report.entries_checked = result.entries;
  // What is damaged below cannot be compared.
  if (level != CheckLevel::kFull || !report.ok()) return report;
  catalog::Snapshot snapshot(rep_->store.get());
  snapshot.ShowExpired();  // it is to be whole as well
  const auto problem = [&](const std::string& what) {
    if (report.findings.size() < kFindingsMax) report.findings.push_back({0, what});
  };
  SHEAF_RETURN_IF_ERROR(document::CheckCollections(
      rep_->store.get(), snapshot, problem, [&](uint64_t done) {
        return catalog::Tick(progress, "the check", {done, 0, "documents compared"});
      }));
  SHEAF_RETURN_IF_ERROR(
      graph::CheckGraphs(rep_->store.get(), snapshot, problem, [&](uint64_t done) {
        return catalog::Tick(progress, "the check", {done, 0, "vertices compared"});
      }));
  SHEAF_RETURN_IF_ERROR(
      vectors::CheckVectors(rep_->store.get(), snapshot, problem, [&](uint64_t done) {
        return catalog::Tick(progress, "the check", {done, 0, "vectors compared"});
      }));
  SHEAF_RETURN_IF_ERROR(
      internal::CheckExpired(snapshot, rep_->store.get(), progress, problem));
  const ReadTransaction txn = BeginRead();
  if (txn.state_->snapshot.has_value()) txn.state_->snapshot->ShowExpired();
  SHEAF_RETURN_IF_ERROR(internal::VectorState::CheckMetadata(txn, problem));
  SHEAF_RETURN_IF_ERROR(internal::BlobState::CheckAll(txn, problem, [&](uint64_t done) {
    return catalog::Tick(progress, "the check", {done, 0, "blobs compared"});
  }));
  return report;
}

absl::StatusOr<PageDescription> Database::DescribePage(const std::string& path,
                                                       uint64_t page,
                                                       const Options& options) {
  pager::FileSystem* fs = internal::FileSystemOf(options.file_system);
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<pager::File> file,
                         fs->Open(path, pager::OpenMode::kReadOnly));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (page >= size / pager::kPageBytes)
    return absl::OutOfRangeError(
        absl::StrCat(path, ": page ", page, " of ", size / pager::kPageBytes));
  std::string bytes(pager::kPageBytes, '\0');
  const uint64_t offset = page * pager::kPageBytes;
  SHEAF_RETURN_IF_ERROR(file->Read(offset, absl::MakeSpan(bytes.data(), bytes.size())));
  const uint32_t pages = pager::PagesOf(bytes.data());
  if (pages > 1 && pages <= pager::kNodePagesMax &&
      page + pages <= size / pager::kPageBytes) {
    bytes.resize(pages * pager::kPageBytes);
    SHEAF_RETURN_IF_ERROR(file->Read(offset, absl::MakeSpan(bytes.data(), bytes.size())));
  }
  pager::PageCodec codec;
  absl::StatusOr<std::unique_ptr<pager::FileKeys>> keys =
      pager::Pager::FindKeys(*file, options.key);
  if (!keys.ok())
    return absl::Status(keys.status().code(),
                        absl::StrCat(path, ": ", keys.status().message()));
  codec.set_keys(*std::move(keys));
  const bool sealed = codec.keys() == nullptr && pager::Pager::IsEncrypted(*file);
  return internal::Describe(page, std::move(bytes), codec, sealed);
}

namespace internal {

PageDescription Describe(uint64_t page, std::string bytes, const pager::PageCodec& codec,
                         bool sealed) {
  PageDescription out;
  out.page = page;
  char* const data = bytes.data();
  const pager::PageOps& ops = btree::TreePageOps();
  const auto kind = static_cast<uint8_t>(data[pager::PageHeader::kKind]);
  static constexpr const char* kNames[pager::kPageKindCount] = {
      "unknown",     "superblock", "leaf",      "inner",       "value",
      "value index", "map",        "map index", "dense index", "dense leaf"};
  out.kind = kind < pager::kPageKindCount ? kNames[kind] : kNames[0];
  if (bytes.find_first_not_of('\0') == std::string::npos) out.kind = "blank";
  // As many pages as were read, whatever it says: nothing behind them is looked at.
  const auto pages = static_cast<uint32_t>(bytes.size() / pager::kPageBytes);
  absl::Status status =
      page <= 1
          ? pager::DecodeSuperblock(data, page, codec.keys()).status()
          : codec.Open(data, bytes.size(), {page, pager::BirthOf(data), pages, false});
  if (status.ok() && page > 1 && sealed)
    status = absl::PermissionDeniedError(
        "it is sealed, and its checksum is right: to see "
        "more of it takes the key");
  if (status.ok() && page > 1 && ops.kinds[kind].validate != nullptr)
    status = ops.kinds[kind].validate(data);
  out.intact = status.ok() || absl::IsPermissionDenied(status);
  out.problem = std::string(status.message());
  out.json = status.ok() ? pager::Pager::DescribePage(data, ops, codec.keys())
                         : absl::StrCat("{\"page\":", page, ",\"kind\":", kind, "}");
  return out;
}

}  // namespace internal
}  // namespace sheaf
