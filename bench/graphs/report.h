// The table of a run and its JSON: rows of workload, engine, value, unit, repeats.
#ifndef BENCH_GRAPHS_REPORT_H_
#define BENCH_GRAPHS_REPORT_H_
#include <string>

#include "bench/graphs/runner.h"

namespace sheaf::bench::graphs {

std::string DescribeRun(const Settings& settings, const Dataset& data);
// Medians; ratios above 1: Sheaf is quicker, or smaller, or below the limit.
std::string FormatTable(const Results& results);
std::string FormatJson(const Settings& settings, const Dataset& data,
                       const Results& results);

}  // namespace sheaf::bench::graphs
#endif  // BENCH_GRAPHS_REPORT_H_
