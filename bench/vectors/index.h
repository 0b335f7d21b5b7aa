// Index: what the benchmark asks of something that finds near vectors, ours and the
// peers. The same calls for everybody, and errors are fatal, as in bench/engine.h.
//
// All have 16 links a node and a construction breadth of 200. Vectors are known by their
// places: those of Dataset::late follow the indexed.
//
// An index lives in a child process of its own. Thread-compatible.
#ifndef BENCH_VECTORS_INDEX_H_
#define BENCH_VECTORS_INDEX_H_
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/child.h"  // Figures
#include "bench/vectors/dataset.h"

namespace sheaf::bench::vectors {

inline constexpr uint32_t kLinks = 16, kBreadthOfConstruction = 200;

struct IndexOptions {
  std::string dir;  // of this index alone: exists
  const Dataset* data = nullptr;
  double seconds = 1;  // see CallsPerSecond
};

// kNeighbours ids a query, kNone where fewer were found.
using Found = std::vector<uint32_t>;

// Closed by its destructor.
class Index {
 public:
  virtual ~Index() = default;
  // Makes it of the indexed vectors and writes it to options.dir. Rows "build" and
  // "build_to_file".
  virtual void Build(int threads, Figures& figures) = 0;
  // What Build wrote.
  virtual void Open() = 0;
  // The rest: of an open one.
  virtual void Search(const Vectors& queries, uint32_t breadth, int threads,
                      Found* found) = 0;
  // Of Dataset::late those from `begin` to `end`.
  virtual void Add(size_t begin, size_t end, int threads) = 0;
  // Of the memory it takes, what is a cache with a budget.
  virtual uint64_t CacheBytes() const { return 0; }
};

std::unique_ptr<Index> NewSheafIndex(const IndexOptions& options);
std::unique_ptr<Index> NewHnswlibIndex(const IndexOptions& options);
enum class FaissKind { kFlat = 1, kBytes = 2 };  // IndexHNSWFlat, IndexHNSWSQ
std::unique_ptr<Index> NewFaissIndex(const IndexOptions& options, FaissKind kind);

// Of the index that Build wrote, which they leave as it was.
void MeasureSheafCache(const IndexOptions& options, uint32_t breadth, Figures& figures);
void MeasureSheafInserts(const IndexOptions& options, Figures& figures);
void MeasureSheafFilters(const IndexOptions& options, Figures& figures);
void MeasureHnswlibFilters(const IndexOptions& options, Figures& figures);
void MeasureBruteFilters(const IndexOptions& options, Figures& figures);

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_INDEX_H_
