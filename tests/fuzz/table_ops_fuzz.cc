// A sequence of calls against a sorted map (RELIABILITY R8, R10): what is read,
// counted and found after rollbacks, clean closes and crashes is what the map says,
// and Check() is clean at the end.
//
// Each operation is a few bytes of the input: what to do, to which key, with how
// large a value. A crash keeps what was handed to the system: every commit but the
// newest of those that asked for no durability.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

using Model = std::map<std::string, std::string>;

constexpr char kPath[] = "/fuzz.sheaf";

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}
void Require(bool fact, const char* what) {
  if (!fact) Fail(what);
}
void RequireOk(const absl::Status& status, const char* what) {
  if (!status.ok()) Fail(absl::StrCat(what, ": ", status.ToString()));
}

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return byte;
  }
  std::string Key() {
    const uint8_t b = Byte();
    std::string key = absl::StrCat(b % 64);
    if (b >= 200) key.insert(0, 40, 'p');
    if (b >= 250) key.append(1024 - key.size(), 'L');
    return key;
  }
  std::string Value() {
    const uint8_t b = Byte();
    const size_t size = b < 200   ? b
                        : b < 240 ? (b - 199u) * 120
                        : b < 254 ? (b - 239u) * 6000
                                  : 0;
    return std::string(size, static_cast<char>('a' + b % 26));
  }

 private:
  std::string_view bytes_;
};

class Driver {
 public:
  Driver() { Open(); }

  void Run(Input input) {
    for (int steps = 0; !input.empty() && steps < 1500; ++steps) Step(&input);
    EndTransaction(false);
    Compare();
    Check();
    Reopen(false);
    Compare();
    Check();
  }

 private:
  void Open() {
    Options options;
    options.file_system = fs_.get();
    options.background_checkpoints = false;
    options.cache_bytes_max = 1 << 20;
    options.log_bytes_max = 1 << 20;
    options.transaction_log_bytes_max = 64 << 10;
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(kPath, options);
    RequireOk(db.status(), "open");
    db_ = *std::move(db);
  }

  void Step(Input* in) {
    switch (in->Byte() % 20) {
      case 0:
        return EndTransaction(false);
      case 1:
        return EndTransaction(true);
      case 2:
        return Commit(static_cast<Durability>(1 + in->Byte() % 3));
      case 3:
        EndTransaction(false);
        RequireOk(db_->Checkpoint(), "checkpoint");
        unsure_.clear();
        return;
      case 4:
        EndTransaction(in->Byte() % 2 == 0);
        return Reopen(in->Byte() % 2 == 0);
      case 5:
        return SetSavepoint();
      case 6:
        return RollBackToSavepoint();
      case 7:
        return DeleteRange(in);
      case 8:
        return Look(in);
      case 9:
        return Delete(in->Key());
      case 10: {
        const uint8_t how = in->Byte();
        const std::string key = in->Key(), value = in->Value();
        return Merge(how, key, value);
      }
      case 11:
        return Pop(in->Byte() % 2 == 0);
      case 12:
        return Run30(in);
      case 13:
        return Insert(in->Key(), in->Value());
      case 14:
        if (in->Byte() % 8 == 0) return Drop();
        return;
      case 15:
        return Compress(in->Byte());
      default: {
        const std::string key = in->Key(), value = in->Value();
        RequireOk(table().Put(key, value), "put");
        model_[key] = value;
      }
    }
  }

  Table& table() {
    if (!txn_.has_value()) {
      WriteOptions options;
      options.durability = durability_;
      absl::StatusOr<WriteTransaction> txn = db_->BeginWrite(options);
      RequireOk(txn.status(), "begin");
      txn_.emplace(*std::move(txn));
      savepoint_.reset();
      absl::StatusOr<Table> table = txn_->table("t");
      RequireOk(table.status(), "table");
      table_ = *table;
    }
    return table_;
  }

  void Merge(uint8_t how, const std::string& key, const std::string& value) {
    constexpr size_t kBytesMax = 300'000;
    const auto it = model_.find(key);
    const bool there = it != model_.end();
    if (how % 3 == 0 && (!there || it->second.size() < kBytesMax)) {
      RequireOk(table().Merge(key, MergeOperator::kAppend, value), "append");
      model_[key] += value;
    } else if (how % 3 == 1) {
      RequireOk(table().Merge(key, MergeOperator::kMaxBytes, value), "max");
      if (!there || it->second < value) model_[key] = value;
    } else {
      const absl::StatusOr<bool> set = table().CompareAndSet(
          key, there ? std::optional<std::string_view>(it->second) : std::nullopt,
          how % 2 == 0 ? std::optional<std::string_view>(value) : std::nullopt);
      RequireOk(set.status(), "compare and set");
      Require(*set, "what is there is not what is there");
      if (how % 2 == 0)
        model_[key] = value;
      else
        model_.erase(key);
    }
  }

  void Commit(Durability durability) {
    EndTransaction(false);
    durability_ = durability;
  }
  void EndTransaction(bool roll_back) {
    if (!txn_.has_value()) return;
    if (roll_back) {
      txn_->Rollback();
      model_ = committed_;
    } else {
      RequireOk(txn_->Commit(), "commit");
      if (durability_ != Durability::kNone)
        unsure_.clear();
      else
        unsure_.push_back(committed_);
      committed_ = model_;
    }
    txn_.reset();
  }

  void Reopen(bool crash) {
    if (!crash) {
      RequireOk(db_->Close(), "close");
      unsure_.clear();
      db_.reset();
      return Open();
    }
    std::unique_ptr<pager::FileSystem> after = pager::NewMemoryFileSystem();
    for (const char* name : {kPath, "/fuzz.sheaf-log"}) Copy(name, after.get());
    db_.reset();  // what it writes now is not part of what the crash left
    fs_ = std::move(after);
    Open();
    const Model found = Content();
    if (found != committed_) {
      Require(std::find(unsure_.begin(), unsure_.end(), found) != unsure_.end(),
              "after a crash: the state after no commit, or one that is too old");
      committed_ = found;
    }
    model_ = committed_;
    unsure_.clear();
  }
  void Copy(const char* name, pager::FileSystem* to) {
    absl::StatusOr<std::unique_ptr<pager::File>> from =
        fs_->Open(name, pager::OpenMode::kReadOnly);
    if (!from.ok()) return;
    std::string bytes((*from)->Size().value(), '\0');
    RequireOk((*from)->Read(0, absl::MakeSpan(bytes.data(), bytes.size())), "read");
    RequireOk((*to->Open(name, pager::OpenMode::kCreateNew))->Write(0, bytes), "write");
  }

  void SetSavepoint() {
    table();
    absl::StatusOr<Savepoint> savepoint = txn_->SetSavepoint();
    RequireOk(savepoint.status(), "savepoint");
    savepoint_ = *savepoint;
    at_savepoint_ = model_;
  }
  void RollBackToSavepoint() {
    if (!txn_.has_value() || !savepoint_.has_value()) return;
    RequireOk(txn_->RollbackTo(*savepoint_), "rollback to savepoint");
    model_ = at_savepoint_;
    absl::StatusOr<Table> table = txn_->table("t");
    RequireOk(table.status(), "table");
    table_ = *table;
  }

  void DeleteRange(Input* in) {
    KeyRange range;
    range.from = in->Key();
    if (in->Byte() % 8 != 0) range.to = in->Key();
    const absl::StatusOr<uint64_t> gone = table().DeleteRange(range);
    RequireOk(gone.status(), "delete range");
    const auto from = model_.lower_bound(*range.from);
    const auto to = range.to.has_value() ? model_.lower_bound(*range.to) : model_.end();
    if (range.to.has_value() && *range.to <= *range.from)
      return Require(*gone == 0, "an empty range held something");
    Require(*gone == static_cast<uint64_t>(std::distance(from, to)),
            "deleted too many or few");
    model_.erase(from, to);
  }
  void Delete(const std::string& key) {
    const absl::StatusOr<bool> existed = table().Delete(key);
    RequireOk(existed.status(), "delete");
    Require(*existed == (model_.erase(key) == 1), "delete says otherwise");
  }
  void Insert(const std::string& key, const std::string& value) {
    const absl::Status status = table().Insert(key, value);
    const bool fresh = model_.emplace(key, value).second;
    Require(fresh ? status.ok() : absl::IsAlreadyExists(status), "insert says otherwise");
  }
  void Pop(bool first) {
    absl::StatusOr<std::optional<Table::Entry>> entry =
        first ? table().PopFirst() : table().PopLast();
    RequireOk(entry.status(), "pop");
    Require(entry->has_value() == !model_.empty(), "pop says otherwise");
    if (model_.empty()) return;
    const auto it = first ? model_.begin() : std::prev(model_.end());
    Require((*entry)->key == it->first && (*entry)->value == it->second,
            "popped another");
    model_.erase(it);
  }
  void Run30(Input* in) {
    const std::string base = in->Key().substr(0, 1000);
    const std::string value = in->Value().substr(0, 500);
    for (int i = 0; i < 30; ++i) {
      const std::string key = absl::StrCat(base, "/", 100 + i);
      RequireOk(table().Put(key, value), "put");
      model_[key] = value;
    }
  }
  void Compress(uint8_t b) {
    static constexpr Compression kKinds[] = {
        {},
        {CompressionKind::kLz4},
        {CompressionKind::kZstd},
        {CompressionKind::kLz4, 3, true, 10},
        {CompressionKind::kZstd, 1, true, 20},
    };
    const Compression& kind = kKinds[b % 5];
    if (++compressions_ > 12) return;  // training takes milliseconds
    table();
    if (b >= 128) return RequireOk(txn_->Recompress("t", kind), "recompress");
    const absl::Status set = txn_->SetCompression("t", kind);
    Require(set.ok() || (!model_.empty() && absl::IsFailedPrecondition(set)),
            "compression cannot be set");
  }
  void Drop() {
    table();
    RequireOk(txn_->Drop("t"), "drop");
    model_.clear();
    absl::StatusOr<Table> table = txn_->table("t");
    RequireOk(table.status(), "table");
    table_ = *table;
    savepoint_.reset();
  }

  void Look(Input* in) {
    const std::string key = in->Key();
    const absl::StatusOr<std::optional<Value>> value = table().Find(key);
    RequireOk(value.status(), "find");
    const auto it = model_.find(key);
    Require(value->has_value() == (it != model_.end()), "found otherwise");
    if (value->has_value())
      Require(static_cast<const Value&>(**value).view() == it->second, "another value");
    KeyRange range;
    range.from = key;
    const absl::StatusOr<uint64_t> count = table().Count(range);
    RequireOk(count.status(), "count");
    Require(*count == static_cast<uint64_t>(
                          std::distance(model_.lower_bound(key), model_.end())),
            "counted otherwise");
  }

  Model Content() {
    Model content;
    ReadTransaction read = db_->BeginRead();
    absl::StatusOr<TableReader> table = read.table("t");
    if (absl::IsNotFound(table.status())) return content;
    RequireOk(table.status(), "table");
    RequireOk(table->ForEach(KeyRange::All(),
                             [&](std::string_view key, std::string_view value) {
                               content.emplace_hint(content.end(), key, value);
                               return true;
                             }),
              "walk");
    return content;
  }
  void Compare() { Require(Content() == committed_, "the table differs from the map"); }
  void Check() {
    const absl::StatusOr<CheckReport> report = db_->Check();
    RequireOk(report.status(), "check");
    for (const CheckFinding& f : report->findings)
      Fail(absl::StrCat("page ", f.page, ": ", f.what));
    Require(report->entries_checked == committed_.size(), "Check counted otherwise");
  }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::unique_ptr<Database> db_;
  std::optional<WriteTransaction> txn_;
  Table table_;
  Durability durability_ = Durability::kProcess;
  std::optional<Savepoint> savepoint_;
  Model model_, committed_, at_savepoint_;
  int compressions_ = 0;
  std::vector<Model> unsure_;  // states a crash may fall back to
};

}  // namespace
}  // namespace sheaf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 8192) return 0;
  sheaf::Driver().Run(sheaf::Input({reinterpret_cast<const char*>(data), size}));
  return 0;
}
