// Harness: directories, processes and the order of measurements.
//
// A repeat loads every engine once (random order) and keeps those databases;
// then it takes one workload after the other and, for each, the engines in an
// order that rotates from repeat to repeat, so that a noisy minute of the
// machine hits all engines. Workloads that change data run on a copy. Before
// each one the dirty pages of earlier ones are written out.
#ifndef BENCH_HARNESS_H_
#define BENCH_HARNESS_H_
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bench/child.h"
#include "bench/dataset.h"
#include "bench/workloads.h"

namespace sheaf::bench {

struct Settings {
  uint64_t entry_count = 1'000'000;
  uint64_t cache_bytes_max = uint64_t{256} << 20;
  uint64_t seed = 1;
  int repeats = 3;
  double seconds = 2;
  std::string dir = "/tmp/sheaf-bench";
  std::vector<std::string> engines;  // in the order of the report
  std::set<std::string> workloads;   // empty: all
};

// Figures of all repeats: [workload][engine].
using Results = std::map<std::string, std::map<std::string, std::vector<double>>>;

// What the harness measures beside Workloads().
inline constexpr std::string_view kLoadRandom = "load_random";
inline constexpr std::string_view kDiskBytes = "disk_bytes";
inline constexpr std::string_view kPeakMemory = "peak_memory";
inline constexpr std::string_view kOpenClean = "open_clean";
inline constexpr std::string_view kOpenKilled = "open_killed";

// All names that Settings::workloads may hold.
std::vector<std::string> WorkloadNames();

class Harness {
 public:
  // Creates settings.dir if need be. What it puts there it removes.
  explicit Harness(Settings settings);
  ~Harness();

  Results Run();
  // Measurements that ended without a figure; stderr says why.
  int failure_count() const { return failure_count_; }

 private:
  bool Wants(std::string_view workload) const;
  std::vector<std::string> RotatedEngines(int repeat) const;
  void RunRepeat(int repeat);
  // False when there is no loaded database to go on with.
  bool RunLoad(const std::string& engine);
  void RunLoaded(const std::string& engine, const std::vector<Workload>& workloads);
  void RunAlone(const std::string& engine, const Workload& workload);
  void RunOpenClean(const std::string& engine);
  void RunOpenKilled(const std::string& engine);
  double MeasureOpen(const std::string& engine, const EngineOptions& options,
                     uint64_t first_id, uint64_t count) const;

  EngineOptions OptionsIn(const std::string& dir, Durability durability) const;
  std::string LoadedDir(const std::string& engine) const;
  // An empty directory, or a copy of the loaded database.
  std::string FreshDir(const std::string& engine, Base base) const;
  bool Record(const std::string& engine, const Figures& figures);

  const Settings settings_;
  const Dataset data_;
  const unsigned child_seconds_max_;
  Results results_;
  int failure_count_ = 0;
};

}  // namespace sheaf::bench
#endif  // BENCH_HARNESS_H_
