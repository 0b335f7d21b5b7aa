// Sheaf with its default options and the given cache.
//   kSync               Durability::kFull
//   kProcess, kNone     the same names
// Bulk work goes through a write transaction, a single put through Apply(),
// which combines the puts of several threads into one commit.
#include <sheaf/sheaf.h>

#include <array>
#include <string>
#include <utility>

#include "bench/engine.h"

namespace sheaf::bench {
namespace {

constexpr char kTable[] = "t";
constexpr size_t kMultiGetMax = 64;

void Check(const absl::Status& status, std::string_view what) {
  if (!status.ok()) [[unlikely]] {
    Fail("sheaf", std::string(what) + ": " + status.ToString());
  }
}

template <typename T>
T Take(absl::StatusOr<T> result, std::string_view what) {
  Check(result.status(), what);
  return *std::move(result);
}

sheaf::Durability ToSheaf(Durability durability) {
  switch (durability) {
    case Durability::kSync:
      return sheaf::Durability::kFull;
    case Durability::kProcess:
      return sheaf::Durability::kProcess;
    case Durability::kNone:
      return sheaf::Durability::kNone;
  }
  Fail("sheaf", "unknown durability");
}

class SheafSession final : public Session {
 public:
  explicit SheafSession(Database* db) : db_(db) {}

  void BeginSnapshot() override {
    BeginRead();
    in_snapshot_ = true;
  }
  void EndSnapshot() override {
    in_snapshot_ = false;
    EndRead();
  }

  std::optional<std::string_view> Get(std::string_view key) override {
    if (!in_snapshot_) BeginRead();
    auto found = Take(table_.Find(key), "find");
    if (!found.has_value()) return std::nullopt;
    value_ = *std::move(found);
    return value_.view();
  }

  Touched MultiGet(absl::Span<const std::string_view> keys) override {
    Require(keys.size() <= kMultiGetMax, "sheaf", "too many keys");
    if (!in_snapshot_) BeginRead();
    const auto values = absl::MakeSpan(values_).subspan(0, keys.size());
    Check(table_.MultiGet(keys, values), "multi-get");
    Touched touched;
    for (std::optional<Value>& value : values) {
      if (value.has_value()) touched.Value(value->view());
      value.reset();
    }
    return touched;
  }

  Touched ScanFrom(std::string_view key, uint64_t limit) override {
    if (!in_snapshot_) BeginRead();
    if (!cursor_.has_value()) cursor_.emplace(table_.NewCursor());
    cursor_->Seek(key);
    return Scan(limit);
  }
  Touched ScanAll() override {
    if (!in_snapshot_) BeginRead();
    if (!cursor_.has_value()) cursor_.emplace(table_.NewCursor());
    cursor_->SeekFirst();
    return Scan(UINT64_MAX);
  }

  void BeginBatch(WriteOrder) override {
    EndRead();
    write_.emplace(Take(db_->BeginWrite(), "begin"));
    write_table_ = Take(write_->table(kTable), "table");
  }
  void Put(std::string_view key, std::string_view value) override {
    Check(write_table_.Put(key, value), "put");
  }
  void Delete(std::string_view key) override {
    Check(write_table_.Delete(key).status(), "delete");
  }
  void CommitBatch() override {
    Check(write_->Commit(), "commit");
    write_.reset();
  }
  void PutCommit(std::string_view key, std::string_view value) override {
    EndRead();
    batch_.Clear();
    batch_.Put(kTable, key, value);
    Check(db_->Apply(batch_), "apply");
  }

 private:
  void BeginRead() {
    EndRead();
    read_.emplace(db_->BeginRead());
    table_ = Take(read_->table(kTable), "table");
  }
  void EndRead() {
    value_ = Value();
    cursor_.reset();
    read_.reset();
  }
  Touched Scan(uint64_t limit) {
    Touched touched;
    for (; touched.entries < limit && cursor_->Valid(); cursor_->Next()) {
      touched.Entry(cursor_->key(), cursor_->value());
    }
    Check(cursor_->status(), "scan");
    return touched;
  }

  Database* db_;
  // Destroyed in reverse: what a transaction lends before the transaction.
  std::optional<ReadTransaction> read_;
  TableReader table_;
  std::optional<Cursor> cursor_;
  Value value_;
  std::array<std::optional<Value>, kMultiGetMax> values_;
  std::optional<WriteTransaction> write_;
  Table write_table_;
  WriteBatch batch_;
  bool in_snapshot_ = false;
};

class SheafEngine final : public Engine {
 public:
  void Open(const EngineOptions& options) override {
    Options sheaf_options;
    sheaf_options.cache_bytes_max = options.cache_bytes_max;
    sheaf_options.durability = ToSheaf(options.durability);
    if (options.log_bytes_min != 0) {
      sheaf_options.log_bytes_max = 2 * options.log_bytes_min;
    }
    db_ = Take(Database::Open(options.dir + "/bench.sheaf", sheaf_options), "open");
    // Readers find a table, also before the first put.
    const auto create = [](WriteTransaction& txn) { return txn.table(kTable).status(); };
    Check(db_->Write(create), "create");
  }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<SheafSession>(db_.get());
  }
  // A synced commit: the log is synced up to and including it.
  void Sync() override {
    WriteOptions synced;
    synced.durability = sheaf::Durability::kFull;
    const auto nothing = [](WriteTransaction&) { return absl::OkStatus(); };
    Check(db_->Write(nothing, synced), "sync");
  }
  void Settle() override { Check(db_->Checkpoint(), "checkpoint"); }
  void Close() override {
    Check(db_->Close(), "close");
    db_.reset();
  }
  std::string Describe() const override { return "Sheaf with default options"; }

 private:
  std::unique_ptr<Database> db_;
};

}  // namespace

std::unique_ptr<Engine> NewSheafEngine() { return std::make_unique<SheafEngine>(); }

}  // namespace sheaf::bench
