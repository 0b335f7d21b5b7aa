// Store: what the benchmark asks of something that keeps a graph; WordStore: of something
// that keeps vertices with properties. The same calls for everybody, and errors are fatal,
// as in bench/engine.h.
//
// A store lives in a child process of its own. Thread-compatible.
#ifndef BENCH_GRAPHS_STORE_H_
#define BENCH_GRAPHS_STORE_H_
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "bench/child.h"  // Figures
#include "bench/graphs/dataset.h"
#include "bench/graphs/searches.h"  // kAnyHops

namespace sheaf::bench::graphs {

struct StoreOptions {
  std::string dir;  // of this store alone: exists
  uint64_t cache_bytes_max = 0;
  const Dataset* data = nullptr;
  double seconds = 1;  // see CallsPerSecond
};

// Proof that neighbours were looked at.
struct Found {
  uint64_t count = 0, sum = 0;
};

// Opened by its constructor, closed by its destructor; then the files are complete.
class Store {
 public:
  virtual ~Store() = default;
  // In any order, into an empty store, both directions; on the device when it returns.
  virtual void Load(absl::Span<const Edge> edges) = 0;
  // One transaction; on the device when it returns. Requires: they are new.
  virtual void AddEdges(absl::Span<const Edge> edges) = 0;

  // From here on reads, of one snapshot, with all pages in memory.
  virtual void BeginReading() = 0;
  virtual Found Neighbours(uint32_t vertex) = 0;  // by edges out
  virtual Found NeighboursOfMany(absl::Span<const uint32_t> vertices) {
    Found found;
    for (const uint32_t vertex : vertices) {
      const Found some = Neighbours(vertex);
      found.count += some.count, found.sum += some.sum;
    }
    return found;
  }
  virtual uint64_t Reach(uint32_t start, uint32_t hops) = 0;  // vertices, start too
  virtual uint32_t Hops(uint32_t from, uint32_t to) = 0;      // of a shortest path
};

class WordStore {
 public:
  virtual ~WordStore() = default;
  virtual void Load(absl::Span<const Word> words) = 0;  // ids: their places
  virtual void BeginReading() = 0;
  virtual uint64_t GetJson(uint32_t vertex) = 0;   // as a string; how long it is
  virtual uint64_t GetGloss(uint32_t vertex) = 0;  // how long this one property is
  virtual uint64_t GetGlosses(absl::Span<const uint32_t> vertices) {  // together
    uint64_t size = 0;
    for (const uint32_t vertex : vertices) size += GetGloss(vertex);
    return size;
  }
};

std::unique_ptr<Store> NewSheafStore(const StoreOptions& options);
enum class LmdbReads { kMultiple = 1, kCursor = 2 };
std::unique_ptr<Store> NewLmdbStore(const StoreOptions& options, LmdbReads reads);
std::unique_ptr<Store> NewSqliteStore(const StoreOptions& options);
std::unique_ptr<Store> NewCsrStore(const StoreOptions& options);  // reads only

std::unique_ptr<WordStore> NewSheafWordStore(const StoreOptions& options);
std::unique_ptr<WordStore> NewLmdbWordStore(const StoreOptions& options);
std::unique_ptr<WordStore> NewSqliteWordStore(const StoreOptions& options);

// Rows of whole-graph algorithms into `figures`, "check:…" and "near:…" beside them.
void MeasureSheafAlgorithms(const StoreOptions& options, Figures& figures);
void MeasureCsrAlgorithms(const StoreOptions& options, Figures& figures);

double Now();  // seconds of a clock that only goes forward
// Calls `fn` once to warm up, then again until `seconds` are over. A first call that takes
// more than twice that is the measurement.
double CallsPerSecond(double seconds, absl::FunctionRef<void()> fn);

}  // namespace sheaf::bench::graphs
#endif  // BENCH_GRAPHS_STORE_H_
