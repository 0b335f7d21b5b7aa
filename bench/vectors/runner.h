// Runner: directories, processes and the order of measurements. Builds are in the first
// repeat only; then a repeat takes one group of workloads after the other (queries,
// inserts, filters) and, for each, the indexes in an order that rotates from repeat to
// repeat; every index is opened in a child process of its own, from what its build wrote.
#ifndef BENCH_VECTORS_RUNNER_H_
#define BENCH_VECTORS_RUNNER_H_
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/vectors/index.h"

namespace sheaf::bench::vectors {

struct Settings {
  DatasetOptions data;
  std::vector<std::string> only;  // data sets; empty: all that there are
  std::vector<std::string> indexes = {"sheaf", "hnswlib", "faiss", "sq8"};
  int repeats = 3;
  double seconds = 0.5;  // of each search that is measured, at least
  std::string dir = "vectors-bench", json;
};

// Figures of all repeats: [row][index].
using Results = std::map<std::string, std::map<std::string, std::vector<double>>>;

class Runner {
 public:
  // Creates settings.dir if need be. What it puts there it removes.
  Runner(const Settings& settings, const Dataset& data);
  ~Runner();

  Results Run();
  // Measurements without a figure; stderr says which.
  int failure_count() const { return failure_count_; }

 private:
  using Body = std::function<void(const IndexOptions& options, Figures& figures)>;
  // The bodies of a group by index. Of none the index takes no part.
  void RunGroup(int repeat, std::vector<std::string> indexes,
                const std::function<Body(const std::string& index)>& body_of);
  void Measure(const std::string& index, const Body& body);
  void Record(const std::string& index, const Figures& figures);
  std::string DirOf(const std::string& index) const;

  const Settings settings_;
  const Dataset& data_;
  Results results_;
  int failure_count_ = 0;
};

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_RUNNER_H_
