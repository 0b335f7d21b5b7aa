// Sweep: searches of growing breadth, and how many there are a second at a wanted recall:
// between the broadest search that finds less and the next one the time of a query is
// taken to grow with recall.
#ifndef BENCH_VECTORS_SWEEP_H_
#define BENCH_VECTORS_SWEEP_H_
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "bench/vectors/index.h"

namespace sheaf::bench::vectors {

double Now();  // seconds of a clock that only goes forward
// Calls `fn` once to warm up, then again until `seconds` are over. A first call that
// takes more than twice that is the measurement.
double CallsPerSecond(double seconds, absl::FunctionRef<void()> fn);

// "50", "10", "1" and "0.1": per cent, of row names.
std::string FilterName(const Truth& truth);

class Sweep {
 public:
  // Searches for all queries of `truth` once.
  using SearchFn = std::function<void(uint32_t breadth, int threads, Found* found)>;
  enum class Full {
    kAny = 1,
    kRequired = 2
  };  // fewer than kNeighbours found are an error

  // Grows the breadth until `recall_max` is found, or growing it finds no more.
  Sweep(const IndexOptions& options, const Truth& truth, double recall_max, Full full,
        SearchFn search);

  // Queries a second; none: it was not found.
  std::optional<double> RateAt(double recall, int threads);
  // The least that finds it.
  std::optional<uint32_t> BreadthAt(double recall) const;

 private:
  struct Point {
    uint32_t breadth;
    double recall;
  };
  std::optional<size_t> PointAt(double recall) const;
  double SecondsOf(size_t point, int threads);

  const double seconds_;
  const size_t query_count_;
  const SearchFn search_;
  std::vector<Point> points_;
  std::map<std::pair<size_t, int>, double> seconds_of_;  // a query
};

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_SWEEP_H_
