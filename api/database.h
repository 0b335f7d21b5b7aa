// Database: one file, opened by one writing process (or any number of read-only
// ones) at a time.
//
// Beside `path` there may be `path-log` while a writer has it open or after a
// crash; together they are the database. A clean close leaves one file.
//
// Thread-safe. Destroy or Close it after all transactions ended: Close refuses
// with kFailedPrecondition while some are open, the destructor ends them.
#ifndef SHEAF_DATABASE_H_
#define SHEAF_DATABASE_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sheaf/options.h"
#include "sheaf/transaction.h"

namespace sheaf {

// How long something took, since the database was opened.
struct LatencyStats {
  uint64_t count = 0;
  absl::Duration mean, p50, p90, p99, max;  // at most a quarter too high
};

struct ReaderStats {
  uint64_t version = 0;     // that it sees
  absl::Duration age;       // since it began
  uint64_t pages_held = 0;  // that cannot be reused before it, and older ones, end
};

struct DatabaseStats {
  uint64_t format_version = 0;
  uint64_t file_bytes = 0;  // of the database file
  uint64_t page_bytes = 4096;
  uint64_t pages_total = 0;    // file_bytes / page_bytes, as far as used
  uint64_t pages_live = 0;     // reachable from the newest commit
  uint64_t pages_free = 0;     // reusable now
  uint64_t pages_waiting = 0;  // free once open readers end or a checkpoint is done
  uint64_t pages_held = 0;     // of these: by open readers
  uint64_t pages_map = 0;      // of the live ones: the page map and the superblocks
  uint64_t log_file_bytes = 0, log_live_bytes = 0;
  uint64_t version = 0;             // newest commit
  uint64_t checkpoint_version = 0;  // newest commit inside the file itself
  uint64_t commits = 0, rollbacks = 0, log_syncs = 0, checkpoints = 0;  // since open
  uint64_t replayed_commits = 0;  // taken from the log when it was opened
  uint64_t cache_bytes_max = 0, cache_bytes_used = 0, cache_bytes_dirty = 0;
  uint64_t cache_hits = 0, cache_misses = 0, cache_evictions = 0, pages_written = 0;
  uint64_t readers_open = 0;
  uint64_t oldest_reader_version = 0;  // 0 when none is open
  std::vector<ReaderStats> readers;    // the oldest first; up to 100
  uint64_t trees = 0, entries = 0;
  LatencyStats commit, checkpoint, log_sync, write_wait;
};

struct CompactReport {
  uint64_t bytes_before = 0, bytes_after = 0;  // of the file
  uint64_t pages_moved = 0;
  uint64_t pages_held = 0;  // by readers_open read transactions: what they see stays
  uint64_t readers_open = 0;
};

struct BackupOptions {
  bool overwrite = false;  // a file of that name; otherwise kAlreadyExists
  // Rebuilds every tree: as small as can be, and slower; takes 64 MiB beside the cache. Otherwise pages are copied as
  // they lie in the file, free ones as holes.
  bool compact = false;
  // The copy opens by this key. Not given: by the same. A compact copy may also be
  // encrypted where the database is not, and the other way round (a key that is none).
  std::optional<EncryptionKey> key;
  uint64_t bytes_per_second_max = 0;  // 0: no limit. Not for compact copies.
};

struct BackupReport {
  uint64_t bytes = 0;    // of the copy
  uint64_t pages = 0;    // copied; a compact copy does not count them
  uint64_t version = 0;  // that it holds
};

// Takes the bytes of a stream in order. An error ends the call.
using ByteSink = absl::FunctionRef<absl::Status(std::string_view)>;

struct CheckFinding {
  uint64_t page = 0;  // 0: not about one page
  std::string what;
};

struct CheckReport {
  std::vector<CheckFinding> findings;  // the first 1,000
  uint64_t pages_checked = 0, trees_checked = 0, entries_checked = 0;
  bool ok() const { return findings.empty(); }
};

// What a page of a file says about itself, read without opening the database:
// also of one too damaged to open.
struct PageDescription {
  uint64_t page = 0;
  std::string kind;  // "superblock", "leaf", "inner", "value", "map", …
  bool intact = false;
  std::string problem;  // why not
  std::string json;     // all fields, one JSON object
};

class Database {
 public:
  // kNotFound, kAlreadyExists, kUnavailable (names the process that holds it),
  // kDataLoss (names page and field), kInvalidArgument (not a Sheaf file, or an
  // option out of range: names it), kUnimplemented (format newer than this
  // library), kPermissionDenied.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const Options& options = {});
  static absl::StatusOr<std::unique_ptr<Database>> OpenInMemory(
      const Options& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // After Close the transaction's calls fail; BeginRead itself never does.
  ReadTransaction BeginRead();
  // Waits for its turn; kDeadlineExceeded after the bound, kResourceExhausted or
  // the first I/O error when the database accepts no writes.
  absl::StatusOr<WriteTransaction> BeginWrite(const WriteOptions& options = {});

  absl::Status Read(absl::FunctionRef<absl::Status(ReadTransaction&)> fn);
  // Commits when `fn` returns OK, rolls back and returns its error otherwise.
  // An exception thrown by `fn` rolls back and goes on to the caller.
  absl::Status Write(absl::FunctionRef<absl::Status(WriteTransaction&)> fn,
                     const WriteOptions& options = {});
  // As one transaction of its own or with others: see WriteBatch. A batch with a
  // wrong operation fails alone.
  absl::Status Apply(const WriteBatch& batch, const WriteOptions& options = {});
  // One merge in a batch of its own, combined with others' in the same way; what it came
  // to. The table is created on first use. Errors as Table::Increment's and Apply's.
  absl::StatusOr<int64_t> Increment(std::string_view table, std::string_view key,
                                    int64_t by = 1, const WriteOptions& options = {});
  absl::StatusOr<bool> CompareAndSet(std::string_view table, std::string_view key,
                                     std::optional<std::string_view> expected,
                                     std::optional<std::string_view> desired,
                                     const WriteOptions& options = {});

  // Builds it beside readers and writers, in short transactions; nothing is done when it is
  // there already. kAlreadyExists: another of that name, or, of a unique one, two documents
  // that have the same values. A call that fails or is cancelled leaves none; after a crash
  // it is there in state kBuilding, and the next call begins anew.
  absl::Status CreateIndex(std::string_view collection, const IndexDefinition& definition,
                           const Progress& progress = {});
  // The same of properties in a graph: see Graph::CreateVertexIndex.
  absl::Status CreateVertexIndex(std::string_view graph,
                                 const IndexDefinition& definition,
                                 const Progress& progress = {});
  absl::Status CreateEdgeIndex(std::string_view graph, const IndexDefinition& definition,
                               const Progress& progress = {});

  // Brings the graph of a vector index up to its vectors, beside readers and writers, and
  // writes a checkpoint, so that no crash takes that back. Cancelled, what is linked stays
  // so, but nothing is built anew. kNotFound.
  absl::StatusOr<VectorOptimizeReport> OptimizeVectors(
      std::string_view name, const VectorOptimizeOptions& options = {},
      const Progress& progress = {});

  // Removes records that have expired (expiry.h), in transactions of `options.batch`, which
  // cost in proportion to them. A cancelled call keeps what it did. kInvalidArgument.
  absl::StatusOr<ExpireResult> Expire(const ExpireOptions& options = {},
                                      const Progress& progress = {});

  absl::Status Checkpoint();
  DatabaseStats stats() const;
  // Reads every page and compares every structure with every other. Changes
  // nothing; runs beside readers and writers on a snapshot of its own. Less with a lower
  // level.
  absl::StatusOr<CheckReport> Check(const Progress& progress = {}) {
    return Check(CheckLevel::kFull, progress);
  }
  absl::StatusOr<CheckReport> Check(CheckLevel level, const Progress& progress = {});

  // Copies the database to a file (see backup.h), beside readers and writers, which wait
  // for nothing but the checkpoint at its beginning. Pages are verified on the way:
  // kDataLoss names the first that is damaged.
  absl::StatusOr<BackupReport> Backup(const std::string& path,
                                      const BackupOptions& options = {},
                                      const Progress& progress = {});
  // The same bytes, in order. A compact copy is a file first: kInvalidArgument.
  absl::StatusOr<BackupReport> BackupTo(ByteSink sink, const BackupOptions& options = {},
                                        const Progress& progress = {});

  // Makes the file as short as what it holds, beside readers and writers, in steps of a
  // few megabytes (a large value is moved in one); the only space it takes is what is free. Cancelled, or after a crash,
  // the database is whole and the file as short as it got. Pages that open readers hold
  // stay: the report says how many.
  absl::StatusOr<CompactReport> Compact(const Progress& progress = {});

  // The database opens by `key` from now on, and not by the key before. At once: what is
  // in the file is sealed by a key of its own, which the user's key wraps. Whoever copied
  // the file before, and knows the old key, can read that copy; see RotateFileKey.
  // kFailedPrecondition when it is not encrypted. Options::scrypt_* as at opening.
  absl::Status Rekey(const EncryptionKey& key);
  // The same, and every page is sealed anew under another file key, beside readers and
  // writers. At its first report of progress the new key is in force. After a crash or a
  // cancellation the database is whole, and the next call goes on; if it ended before that
  // first report the key is still the old one. The places of old pages are given back to
  // the file system, where that can. Writes every page about once.
  absl::Status RotateFileKey(const EncryptionKey& key, const Progress& progress = {});

  // Waits for the last commit, writes a checkpoint, removes the log and gives the lock
  // up: the file can be opened again, also while this object still lives.
  absl::Status Close();

  static absl::StatusOr<PageDescription> DescribePage(const std::string& path,
                                                      uint64_t page,
                                                      const Options& options = {});

  struct Rep;  // for the library
  Rep& rep() { return *rep_; }

 private:
  explicit Database(std::unique_ptr<Rep> rep);
  absl::Status Apply(const WriteBatch& batch, const WriteOptions& options,
                     internal::BatchMerges* merges);
  std::unique_ptr<Rep> rep_;
};

}  // namespace sheaf
#endif  // SHEAF_DATABASE_H_
