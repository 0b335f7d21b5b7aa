// SQLite as its users run it.
//   table               (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID: one B-tree
//   journal_mode        WAL, folded every 64 MiB instead of every 4
//   cache_size          as given, per connection; mmap_size 64 GiB, so that
//                       unchanged pages are read in place
//   kSync               synchronous FULL: the WAL is synced at every commit
//   kProcess            synchronous NORMAL: written, synced at checkpoints
//   kNone               synchronous OFF
// One connection and one set of prepared statements a session. Writers of one
// process take a mutex first: SQLite's own busy handler sleeps.
#include <sqlite3.h>

#include <mutex>
#include <string>

#include "bench/engine.h"

namespace sheaf::bench {
namespace {

constexpr uint64_t kWalBytes = uint64_t{64} << 20;
constexpr uint64_t kPageBytes = 4096;
// Readers may meet a writer that starts its log anew.
constexpr int kBusyMs = 10'000;

void Check(sqlite3* db, int code, std::string_view what) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) [[unlikely]] {
    Fail("sqlite", std::string(what) + ": " + sqlite3_errmsg(db) + ", code " +
                       std::to_string(sqlite3_extended_errcode(db)));
  }
}

void Execute(sqlite3* db, const std::string& sql) {
  Check(db, sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), sql);
}

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    Check(db_,
          sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt_, nullptr),
          sql);
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(stmt_); }

  // The bytes must stay until Reset().
  void Bind(int index, std::string_view bytes) {
    Check(db_,
          sqlite3_bind_blob(stmt_, index, bytes.data(), int(bytes.size()), SQLITE_STATIC),
          "bind");
  }
  void Bind(int index, int64_t number) {
    Check(db_, sqlite3_bind_int64(stmt_, index, number), "bind");
  }
  bool Step() {
    const int code = sqlite3_step(stmt_);
    Check(db_, code, "step");
    return code == SQLITE_ROW;
  }
  std::string_view Column(int index) {
    const void* data = sqlite3_column_blob(stmt_, index);
    return {static_cast<const char*>(data), size_t(sqlite3_column_bytes(stmt_, index))};
  }
  void Reset() { sqlite3_reset(stmt_); }
  void Run() {
    Step();
    Reset();
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* stmt_ = nullptr;
};

class Connection {
 public:
  explicit Connection(const EngineOptions& options) {
    const std::string path = options.dir + "/bench.sqlite";
    Check(db_,
          sqlite3_open_v2(
              path.c_str(), &db_,
              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr),
          "open");
    Check(db_, sqlite3_busy_timeout(db_, kBusyMs), "busy timeout");
    Execute(db_, "PRAGMA page_size=" + std::to_string(kPageBytes));
    Execute(db_, "PRAGMA journal_mode=WAL");
    Execute(db_, "PRAGMA mmap_size=" + std::to_string(uint64_t{64} << 30));
    Execute(db_, "PRAGMA cache_size=-" + std::to_string(options.cache_bytes_max >> 10));
    // The recovery workload wants the log unfolded.
    const uint64_t wal_pages = kWalBytes / kPageBytes;
    Execute(db_, "PRAGMA wal_autocheckpoint=" +
                     std::to_string(options.log_bytes_min ? 0 : wal_pages));
    SetDurability(options.durability);
    Execute(db_,
            "CREATE TABLE IF NOT EXISTS t(k BLOB PRIMARY KEY, v BLOB) WITHOUT "
            "ROWID");
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { Check(db_, sqlite3_close(db_), "close"); }

  void SetDurability(Durability durability) {
    const char* level = durability == Durability::kSync      ? "FULL"
                        : durability == Durability::kProcess ? "NORMAL"
                                                             : "OFF";
    Execute(db_, std::string("PRAGMA synchronous=") + level);
  }
  sqlite3* get() { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

class SqliteSession final : public Session {
 public:
  SqliteSession(const EngineOptions& options, std::mutex* writer)
      : connection_(options),
        writer_(writer),
        begin_read_(connection_.get(), "BEGIN"),
        begin_write_(connection_.get(), "BEGIN IMMEDIATE"),
        commit_(connection_.get(), "COMMIT"),
        get_(connection_.get(), "SELECT v FROM t WHERE k=?1"),
        scan_(connection_.get(), "SELECT k,v FROM t WHERE k>=?1 ORDER BY k LIMIT ?2"),
        put_(connection_.get(),
             "INSERT INTO t VALUES(?1,?2) ON CONFLICT(k) DO UPDATE SET "
             "v=excluded.v"),
        delete_(connection_.get(), "DELETE FROM t WHERE k=?1") {}

  void BeginSnapshot() override {
    get_.Reset();
    begin_read_.Run();
  }
  void EndSnapshot() override {
    get_.Reset();
    commit_.Run();
  }

  // Left unreset so that the bytes stay valid until the next call.
  std::optional<std::string_view> Get(std::string_view key) override {
    get_.Reset();
    get_.Bind(1, key);
    if (!get_.Step()) return std::nullopt;
    return get_.Column(0);
  }

  Touched ScanFrom(std::string_view key, uint64_t limit) override {
    get_.Reset();
    scan_.Bind(1, key);
    scan_.Bind(2, int64_t(limit));
    Touched touched;
    while (scan_.Step()) touched.Entry(scan_.Column(0), scan_.Column(1));
    scan_.Reset();
    return touched;
  }
  Touched ScanAll() override { return ScanFrom("", INT64_MAX); }

  void BeginBatch(WriteOrder) override {
    get_.Reset();
    writer_->lock();
    begin_write_.Run();
  }
  void Put(std::string_view key, std::string_view value) override {
    put_.Bind(1, key);
    put_.Bind(2, value);
    put_.Run();
  }
  void Delete(std::string_view key) override {
    delete_.Bind(1, key);
    delete_.Run();
  }
  void CommitBatch() override {
    commit_.Run();
    writer_->unlock();
  }
  void PutCommit(std::string_view key, std::string_view value) override {
    get_.Reset();
    std::lock_guard<std::mutex> lock(*writer_);
    Put(key, value);
  }

 private:
  Connection connection_;
  std::mutex* writer_;
  Statement begin_read_, begin_write_, commit_, get_, scan_, put_, delete_;
};

class SqliteEngine final : public Engine {
 public:
  void Open(const EngineOptions& options) override {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    options_ = options;
    connection_ = std::make_unique<Connection>(options_);
  }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<SqliteSession>(options_, &writer_);
  }
  // A commit at FULL syncs the whole WAL.
  void Sync() override {
    std::lock_guard<std::mutex> lock(writer_);
    connection_->SetDurability(Durability::kSync);
    Execute(connection_->get(), "PRAGMA user_version=1");
    connection_->SetDurability(options_.durability);
  }
  void Settle() override {
    Execute(connection_->get(), "PRAGMA wal_checkpoint(TRUNCATE)");
  }
  void Close() override { connection_.reset(); }
  std::string Describe() const override {
    return std::string("SQLite ") + sqlite3_libversion() +
           "; WAL of 64 MiB, WITHOUT ROWID, mmap, prepared statements, writer "
           "mutex";
  }

 private:
  EngineOptions options_;
  std::mutex writer_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<Engine> NewSqliteEngine() { return std::make_unique<SqliteEngine>(); }

}  // namespace sheaf::bench
