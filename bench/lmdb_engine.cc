// LMDB as its users run it.
//   kSync               the default: data synced, then the meta page
//   kProcess, kNone     MDB_NOSYNC: every commit is in the page cache, so it
//                       outlives the process and not a power cut
//   MDB_NOMEMINIT       no zeroing of pages that are about to be filled
//   MDB_NOTLS           a read transaction belongs to its session
//   MDB_APPEND          for ascending loads
// Twice in the report. "lmdb_map" adds MDB_WRITEMAP: unsynced commits are then
// stores into the mapping (two to four times as fast; they outlive the process
// too), at the price that a stray pointer of the application can damage the
// file. It is slower in ascending loads and synced commits.
// The cache is the kernel's; LMDB has no setting for it.
#include <lmdb.h>

#include "bench/engine.h"

namespace sheaf::bench {
namespace {

// Address space, not memory: LMDB cannot grow past it.
constexpr size_t kMapBytes = size_t{64} << 30;

void Check(int code, std::string_view what) {
  if (code != MDB_SUCCESS) [[unlikely]] {
    Fail("lmdb", std::string(what) + ": " + mdb_strerror(code));
  }
}

MDB_val ToVal(std::string_view bytes) {
  return MDB_val{bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view ToView(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

class LmdbSession final : public Session {
 public:
  LmdbSession(MDB_env* env, MDB_dbi dbi) : env_(env), dbi_(dbi) {
    Check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &read_), "begin read");
    Check(mdb_cursor_open(read_, dbi_, &cursor_), "cursor");
    mdb_txn_reset(read_);
  }
  ~LmdbSession() override {
    mdb_cursor_close(cursor_);
    mdb_txn_abort(read_);
  }

  void BeginSnapshot() override {
    Renew();
    in_snapshot_ = true;
  }
  void EndSnapshot() override {
    in_snapshot_ = false;
    Reset();
  }

  std::optional<std::string_view> Get(std::string_view key) override {
    if (!in_snapshot_) Renew();
    MDB_val k = ToVal(key), v;
    const int code = mdb_get(read_, dbi_, &k, &v);
    if (code == MDB_NOTFOUND) return std::nullopt;
    Check(code, "get");
    return ToView(v);
  }

  Touched ScanFrom(std::string_view key, uint64_t limit) override {
    PrepareCursor();
    MDB_val k = ToVal(key);
    return Scan(k, MDB_SET_RANGE, limit);
  }
  Touched ScanAll() override {
    PrepareCursor();
    MDB_val k{};
    return Scan(k, MDB_FIRST, UINT64_MAX);
  }

  void BeginBatch(WriteOrder order) override {
    Reset();
    Check(mdb_txn_begin(env_, nullptr, 0, &write_), "begin write");
    put_flags_ = order == WriteOrder::kAscending ? MDB_APPEND : 0;
  }
  void Put(std::string_view key, std::string_view value) override {
    MDB_val k = ToVal(key), v = ToVal(value);
    Check(mdb_put(write_, dbi_, &k, &v, put_flags_), "put");
  }
  void Delete(std::string_view key) override {
    MDB_val k = ToVal(key);
    const int code = mdb_del(write_, dbi_, &k, nullptr);
    if (code != MDB_NOTFOUND) Check(code, "delete");
  }
  void CommitBatch() override {
    Check(mdb_txn_commit(write_), "commit");
    write_ = nullptr;
  }
  void PutCommit(std::string_view key, std::string_view value) override {
    BeginBatch(WriteOrder::kRandom);
    Put(key, value);
    CommitBatch();
  }

 private:
  void Renew() {
    if (read_open_) mdb_txn_reset(read_);
    Check(mdb_txn_renew(read_), "renew");
    read_open_ = true;
    cursor_stale_ = true;
  }
  // An idle session must not keep the writer from reusing pages.
  void Reset() {
    if (read_open_) mdb_txn_reset(read_);
    read_open_ = false;
  }
  void PrepareCursor() {
    if (!in_snapshot_) Renew();
    if (cursor_stale_) Check(mdb_cursor_renew(read_, cursor_), "cursor");
    cursor_stale_ = false;
  }
  Touched Scan(MDB_val key, MDB_cursor_op first, uint64_t limit) {
    Touched touched;
    MDB_val value;
    int code = mdb_cursor_get(cursor_, &key, &value, first);
    while (code == MDB_SUCCESS) {
      touched.Entry(ToView(key), ToView(value));
      if (touched.entries == limit) return touched;
      code = mdb_cursor_get(cursor_, &key, &value, MDB_NEXT);
    }
    if (code != MDB_NOTFOUND) Check(code, "scan");
    return touched;
  }

  MDB_env* env_;
  MDB_dbi dbi_;
  MDB_txn* read_ = nullptr;
  MDB_txn* write_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
  unsigned put_flags_ = 0;
  bool in_snapshot_ = false;
  bool read_open_ = false;
  bool cursor_stale_ = true;
};

enum class MapUse { kReadOnly = 1, kWritable = 2 };

class LmdbEngine final : public Engine {
 public:
  explicit LmdbEngine(MapUse map_use) : map_use_(map_use) {}

  void Open(const EngineOptions& options) override {
    unsigned flags = MDB_NOTLS | MDB_NOMEMINIT;
    if (options.durability != Durability::kSync) flags |= MDB_NOSYNC;
    if (map_use_ == MapUse::kWritable) flags |= MDB_WRITEMAP;
    Check(mdb_env_create(&env_), "create");
    Check(mdb_env_set_mapsize(env_, kMapBytes), "map size");
    Check(mdb_env_open(env_, options.dir.c_str(), flags, 0644), "open");
    MDB_txn* txn = nullptr;
    Check(mdb_txn_begin(env_, nullptr, 0, &txn), "begin");
    Check(mdb_dbi_open(txn, nullptr, 0, &dbi_), "main table");
    Check(mdb_txn_commit(txn), "commit");
  }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LmdbSession>(env_, dbi_);
  }
  void Sync() override { Check(mdb_env_sync(env_, /*force=*/1), "sync"); }
  void Settle() override { Sync(); }
  void Close() override {
    // With MDB_NOSYNC closing alone would leave it to the kernel.
    Sync();
    mdb_env_close(env_);
    env_ = nullptr;
  }
  std::string Describe() const override {
    return std::string(mdb_version(nullptr, nullptr, nullptr)) +
           (map_use_ == MapUse::kWritable ? "; WRITEMAP" : ";") +
           " NOTLS NOMEMINIT, NOSYNC unless durable, APPEND when ascending";
  }

 private:
  const MapUse map_use_;
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

std::unique_ptr<Engine> NewLmdbEngine() {
  return std::make_unique<LmdbEngine>(MapUse::kReadOnly);
}

std::unique_ptr<Engine> NewLmdbMapEngine() {
  return std::make_unique<LmdbEngine>(MapUse::kWritable);
}

}  // namespace sheaf::bench
