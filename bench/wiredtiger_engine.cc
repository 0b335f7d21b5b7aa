// WiredTiger as its users run it.
//   table               B-tree file, raw byte keys and values, default pages
//   cache_size          as given; up to two eviction threads
//   log                 on, 100 MB files; a checkpoint a minute, as in MongoDB
//   compression         none, as for every engine here
//   kSync               transaction_sync method fsync
//   kProcess            method none: log records written at every commit
//   kNone               records stay in the log buffer until it is full
// Cursors are kept open. Settle() makes a checkpoint.
#include <wiredtiger.h>

#include <string>

#include "bench/engine.h"

namespace sheaf::bench {
namespace {

constexpr char kTable[] = "table:t";

void Check(int code, std::string_view what) {
  if (code != 0) [[unlikely]] {
    Fail("wiredtiger", std::string(what) + ": " + wiredtiger_strerror(code));
  }
}

WT_ITEM ToItem(std::string_view bytes) {
  WT_ITEM item{};
  item.data = bytes.data();
  item.size = bytes.size();
  return item;
}

std::string_view ToView(const WT_ITEM& item) {
  return {static_cast<const char*>(item.data), item.size};
}

class WiredtigerSession final : public Session {
 public:
  explicit WiredtigerSession(WT_CONNECTION* connection) {
    Check(connection->open_session(connection, nullptr, nullptr, &session_), "session");
    Check(session_->open_cursor(session_, kTable, nullptr, nullptr, &cursor_), "cursor");
  }
  ~WiredtigerSession() override {
    Check(session_->close(session_, nullptr), "close session");
  }

  void BeginSnapshot() override {
    Check(session_->begin_transaction(session_, "isolation=snapshot"), "begin");
  }
  void EndSnapshot() override {
    Check(session_->rollback_transaction(session_, nullptr), "end snapshot");
  }

  std::optional<std::string_view> Get(std::string_view key) override {
    SetKey(key);
    const int code = cursor_->search(cursor_);
    if (code == WT_NOTFOUND) return std::nullopt;
    Check(code, "get");
    WT_ITEM value;
    Check(cursor_->get_value(cursor_, &value), "value");
    return ToView(value);
  }

  Touched ScanFrom(std::string_view key, uint64_t limit) override {
    SetKey(key);
    int exact = 0;
    int code = cursor_->search_near(cursor_, &exact);
    if (code == 0 && exact < 0) code = cursor_->next(cursor_);
    return Scan(code, limit);
  }
  Touched ScanAll() override {
    Check(cursor_->reset(cursor_), "reset");
    return Scan(cursor_->next(cursor_), UINT64_MAX);
  }

  void BeginBatch(WriteOrder) override {
    Check(cursor_->reset(cursor_), "reset");
    Check(session_->begin_transaction(session_, nullptr), "begin");
  }
  void Put(std::string_view key, std::string_view value) override {
    Check(Insert(key, value), "put");
  }
  void Delete(std::string_view key) override {
    SetKey(key);
    const int code = cursor_->remove(cursor_);
    if (code != WT_NOTFOUND) Check(code, "delete");
  }
  void CommitBatch() override {
    Check(session_->commit_transaction(session_, nullptr), "commit");
  }
  void PutCommit(std::string_view key, std::string_view value) override {
    int code;
    do {
      code = Insert(key, value);
    } while (code == WT_ROLLBACK);  // two threads met at one key
    Check(code, "put");
  }

 private:
  void SetKey(std::string_view key) {
    const WT_ITEM item = ToItem(key);
    cursor_->set_key(cursor_, &item);
  }
  int Insert(std::string_view key, std::string_view value) {
    SetKey(key);
    const WT_ITEM item = ToItem(value);
    cursor_->set_value(cursor_, &item);
    return cursor_->insert(cursor_);
  }
  Touched Scan(int code, uint64_t limit) {
    Touched touched;
    WT_ITEM key, value;
    while (code == 0) {
      Check(cursor_->get_key(cursor_, &key), "key");
      Check(cursor_->get_value(cursor_, &value), "value");
      touched.Entry(ToView(key), ToView(value));
      if (touched.entries == limit) return touched;
      code = cursor_->next(cursor_);
    }
    if (code != WT_NOTFOUND) Check(code, "scan");
    return touched;
  }

  WT_SESSION* session_ = nullptr;
  WT_CURSOR* cursor_ = nullptr;
};

std::string ToConfig(const EngineOptions& options) {
  std::string config = "create,cache_size=" + std::to_string(options.cache_bytes_max) +
                       ",eviction=(threads_max=2),log=(enabled=true)";
  if (options.log_bytes_min == 0) config += ",checkpoint=(wait=60)";
  switch (options.durability) {
    case Durability::kSync:
      return config + ",transaction_sync=(enabled=true,method=fsync)";
    case Durability::kProcess:
      return config + ",transaction_sync=(enabled=true,method=none)";
    case Durability::kNone:
      return config + ",transaction_sync=(enabled=false)";
  }
  Fail("wiredtiger", "unknown durability");
}

class WiredtigerEngine final : public Engine {
 public:
  void Open(const EngineOptions& options) override {
    const std::string config = ToConfig(options);
    Check(wiredtiger_open(options.dir.c_str(), nullptr, config.c_str(), &connection_),
          "open");
    Check(connection_->open_session(connection_, nullptr, nullptr, &session_), "session");
    Check(session_->create(session_, kTable, "key_format=u,value_format=u"), "create");
  }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<WiredtigerSession>(connection_);
  }
  void Sync() override { Check(session_->log_flush(session_, "sync=on"), "sync"); }
  void Settle() override { Check(session_->checkpoint(session_, nullptr), "checkpoint"); }
  void Close() override {
    Check(connection_->close(connection_, "leak_memory=true"), "close");
    connection_ = nullptr;
    session_ = nullptr;
  }
  std::string Describe() const override {
    return std::string(wiredtiger_version(nullptr, nullptr, nullptr)) +
           "; log on, checkpoint a minute, 2 eviction threads, no compression";
  }

 private:
  WT_CONNECTION* connection_ = nullptr;
  WT_SESSION* session_ = nullptr;
};

}  // namespace

std::unique_ptr<Engine> NewWiredtigerEngine() {
  return std::make_unique<WiredtigerEngine>();
}

}  // namespace sheaf::bench
