// The workloads, each as a function of an open engine. Where they start from
// and which process they run in is harness.h's business; what they must reach
// is report.cc's.
#ifndef BENCH_WORKLOADS_H_
#define BENCH_WORKLOADS_H_
#include <span>
#include <string_view>

#include "bench/child.h"  // Figures
#include "bench/dataset.h"
#include "bench/engine.h"

namespace sheaf::bench {

inline constexpr uint64_t kBatchEntries = 1000;

struct Context {
  Engine& engine;
  const Dataset& data;
  double seconds;    // bound of the timed part
  Figures& figures;  // for figures beside the main one
};

enum class Base {
  kEmpty = 1,   // a new database
  kLoaded = 2,  // the random-order load, settled and warm; only read
  kCopy = 3,    // a copy of it, warm; changed
};

struct Workload {
  std::string_view name;
  Base base;
  Durability durability;
  double (*measure)(Context&);  // in the unit that the report gives the name
};

std::span<const Workload> Workloads();

// Puts all entries in transactions of kBatchEntries, then syncs. Entries a
// second, the sync included.
double LoadRandom(Context& context);

// Fills the engine's caches: one full scan, then random reads.
void Warm(Context& context);

// Fails unless `count` entries from `first_id` on are there with their bytes;
// looks at a thousand of them.
void VerifySample(Context& context, uint64_t first_id, uint64_t count);

double SecondsNow();  // monotonic

}  // namespace sheaf::bench
#endif  // BENCH_WORKLOADS_H_
