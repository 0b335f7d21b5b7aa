// Runner: directories, processes and the order of measurements. A repeat takes one group of
// workloads after the other (load, reads, algorithms, words, transactions) and, for each,
// the stores in an order that rotates from repeat to repeat; every store is opened in a
// child process of its own. SQLite, which takes longer than all others together, is in the
// first repeat only.
//
// Figures are rates, except for what is said in report.h; "check:ROW" is what all stores
// must agree on, "near:ROW" the same but for rounding, "limit:ROW" the bar of the run.
#ifndef BENCH_GRAPHS_RUNNER_H_
#define BENCH_GRAPHS_RUNNER_H_
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/graphs/store.h"

namespace sheaf::bench::graphs {

struct Settings {
  DatasetOptions data;
  int repeats = 3;
  uint64_t cache_bytes_max = uint64_t{256} << 20;
  double seconds = 1;  // of each workload that only reads, at least
  std::string dir = "graphs-bench", json, only;
};

// Figures of all repeats: [row][store].
using Results = std::map<std::string, std::map<std::string, std::vector<double>>>;

class Runner {
 public:
  // Creates settings.dir if need be. What it puts there it removes.
  Runner(const Settings& settings, const Dataset& data);
  ~Runner();

  Results Run();
  // Measurements without a figure, and answers that differ; stderr says which.
  int failure_count() const { return failure_count_; }

 private:
  using Body = std::function<void(const StoreOptions& options, Figures& figures)>;

  void RunRepeat(int repeat);
  void RunGroup(int repeat, std::vector<std::string> stores,
                const std::function<void(const std::string& store)>& run);
  void Measure(const std::string& store, const std::string& dir, const Body& body);
  void Record(const std::string& store, const Figures& figures);
  void Load(const std::string& store);
  bool Wants(const std::string& row) const;

  void MeasureNeighbours(const std::string& row, absl::FunctionRef<Found()> look_up,
                         Figures& figures) const;
  void MeasureReads(Store& store, bool is_sqlite, bool is_sheaf, Figures& figures) const;
  void MeasureReach(const std::string& row, absl::Span<const uint32_t> starts,
                    uint32_t hops, Store& store, Figures& figures) const;
  void MeasurePaths(const std::string& row, absl::Span<const Edge> pairs, Store& store,
                    Figures& figures) const;
  void MeasureWords(WordStore& store, Figures& figures) const;
  void MeasureTransactions(Store& store, Figures& figures) const;

  const Settings settings_;
  const Dataset& data_;
  Results results_;
  std::map<std::string, std::pair<std::string, double>> agreed_;  // who said it, what
  int failure_count_ = 0;
};

}  // namespace sheaf::bench::graphs
#endif  // BENCH_GRAPHS_RUNNER_H_
