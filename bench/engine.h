// Engine: what the benchmark asks of an embedded ordered store, ours and the
// peers. One virtual call an operation, the same for everybody.
//
// Errors are fatal: an engine that fails calls Fail() and its process ends, for
// a figure beside an error would mean nothing. Every engine runs in a process
// of its own (child.h), which the harness may end with SIGKILL at any moment.
//
// Engine is thread-compatible, except that Session objects of one engine may
// be used at the same time, each by one thread. Sessions end before Close().
#ifndef BENCH_ENGINE_H_
#define BENCH_ENGINE_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace sheaf::bench {

// What a commit promises when it returns.
enum class Durability {
  kSync = 1,     // survives a power cut
  kProcess = 2,  // survives kill -9: handed to the operating system
  kNone = 3,     // may be lost until Sync()
};

enum class WriteOrder {
  kRandom = 1,
  kAscending = 2,  // every key is greater than all keys in the table
};

struct EngineOptions {
  std::string dir;  // exists; empty, or what this engine left there
  uint64_t cache_bytes_max = 0;
  Durability durability = Durability::kProcess;  // of every commit
  // So much log may pile up before it is folded into the tables; 0 leaves it
  // to the engine. Only the recovery workload asks for it.
  uint64_t log_bytes_min = 0;
};

// Proof that entries were looked at: how many, and the sum of their sizes and
// of their first bytes.
struct Touched {
  uint64_t entries = 0;
  uint64_t sum = 0;

  void Value(std::string_view value) {
    ++entries;
    sum += value.size() + (value.empty() ? 0 : uint8_t(value[0]));
  }
  void Entry(std::string_view key, std::string_view value) {
    sum += key.size() + (key.empty() ? 0 : uint8_t(key[0]));
    Value(value);
  }
};

// One thread's way into an open engine. Keeps whatever a sensible user of that
// engine would keep: a renewed read transaction, cursors, prepared statements.
class Session {
 public:
  virtual ~Session() = default;

  // Between the two calls reads may share one view. Outside of them each read
  // sees every commit that returned before it. Requires: no batch is open.
  virtual void BeginSnapshot() = 0;
  virtual void EndSnapshot() = 0;

  // The bytes are valid until the next call on this session.
  virtual std::optional<std::string_view> Get(std::string_view key) = 0;
  // Looks up all keys; counts and touches those that are there.
  virtual Touched MultiGet(absl::Span<const std::string_view> keys);
  // Touches up to `limit` entries from the first key >= `key` on.
  virtual Touched ScanFrom(std::string_view key, uint64_t limit) = 0;
  virtual Touched ScanAll() = 0;

  // One transaction of puts and deletes.
  virtual void BeginBatch(WriteOrder order) = 0;
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;
  virtual void CommitBatch() = 0;
  // A transaction of its own.
  virtual void PutCommit(std::string_view key, std::string_view value) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual void Open(const EngineOptions& options) = 0;
  virtual std::unique_ptr<Session> NewSession() = 0;
  // Makes everything that was committed durable.
  virtual void Sync() = 0;
  // Brings the files to where they are best read: compacts, folds the log.
  virtual void Settle() = 0;
  virtual void Close() = 0;
  // One line for the report: version and the options that matter.
  virtual std::string Describe() const = 0;
};

// In the order of the report, "sheaf" first.
std::vector<std::string> EngineNames();
// Requires: `name` is one of EngineNames().
std::unique_ptr<Engine> NewEngine(std::string_view name);

std::unique_ptr<Engine> NewSheafEngine();
std::unique_ptr<Engine> NewLmdbEngine();
std::unique_ptr<Engine> NewLmdbMapEngine();
std::unique_ptr<Engine> NewRocksdbEngine();
std::unique_ptr<Engine> NewLeveldbEngine();
std::unique_ptr<Engine> NewWiredtigerEngine();
std::unique_ptr<Engine> NewSqliteEngine();

// Prints both and ends the process at once.
[[noreturn]] void Fail(std::string_view where, std::string_view what);

inline void Require(bool ok, std::string_view where, std::string_view what) {
  if (!ok) [[unlikely]]
    Fail(where, what);
}

}  // namespace sheaf::bench
#endif  // BENCH_ENGINE_H_
