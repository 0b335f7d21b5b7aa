// The table of a data set and its JSON: rows of data, workload, engine, value, unit,
// repeats.
#ifndef BENCH_VECTORS_REPORT_H_
#define BENCH_VECTORS_REPORT_H_
#include <string>

#include <nlohmann/json.hpp>

#include "bench/vectors/runner.h"

namespace sheaf::bench::vectors {

std::string DescribeRun(const Settings& settings);
// Medians; ratios above 1: Sheaf is quicker, or smaller.
std::string FormatTable(const Dataset& data, const Results& results);
nlohmann::ordered_json JsonOfRun(const Settings& settings);
// Adds what JsonOfRun left open.
void AddToJson(const Dataset& data, const Results& results, nlohmann::ordered_json* json);

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_REPORT_H_
