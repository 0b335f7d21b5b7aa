// The report: medians, Sheaf against its peers, and the bars it must reach; the
// same figures as JSON for programs.
#ifndef BENCH_REPORT_H_
#define BENCH_REPORT_H_
#include <string>

#include "bench/harness.h"

namespace sheaf::bench {

// Processor, cores, kernel, seed, sizes, commit, and a line for each engine.
std::string DescribeRun(const Settings& settings);

// One line for each workload that was measured.
std::string FormatTable(const Settings& settings, const Results& results);

// {"run": {…}, "rows": [{"workload", "engine", "value", "unit", "repeats"},
// …]}; `value` is the median of `repeats`.
std::string FormatJson(const Settings& settings, const Results& results);

}  // namespace sheaf::bench
#endif  // BENCH_REPORT_H_
