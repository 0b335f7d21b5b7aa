#include "bench/vectors/report.h"

#include <stdlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sheaf::bench::vectors {
namespace {

enum class Better { kHigher = 1, kLower = 2, kNeither = 3 };
struct Row {
  const char* name;
  const char* unit;
  Better better = Better::kHigher;
};

constexpr const char* kPeers[] = {"hnswlib", "faiss", "sq8"};
constexpr const char* kIndexes[] = {"sheaf", "hnswlib", "faiss", "sq8", "brute"};

// Queries: per cent of recall, threads. Filters: per cent of the vectors, at a recall of
// 0.95.
constexpr Row kRows[] = {
    {"queries_90_1", "queries/s"},
    {"queries_95_1", "queries/s"},
    {"queries_99_1", "queries/s"},
    {"queries_90_2", "queries/s"},
    {"queries_95_2", "queries/s"},
    {"queries_99_2", "queries/s"},
    {"breadth_95", "ef", Better::kNeither},
    {"first_query", "ms", Better::kLower},
    {"build", "vectors/s"},
    {"puts", "vectors/s"},
    {"build_to_file", "vectors/s"},
    {"insert", "vectors/s"},
    {"link_1", "vectors/s"},
    {"link_2", "vectors/s"},
    {"filter_50", "queries/s"},
    {"filter_10", "queries/s"},
    {"filter_1", "queries/s"},
    {"filter_0.1", "queries/s"},
    {"filter_json_50", "queries/s"},
    {"filter_json_10", "queries/s"},
    {"filter_json_1", "queries/s"},
    {"filter_json_0.1", "queries/s"},
    {"select_50", "ms", Better::kLower},
    {"select_10", "ms", Better::kLower},
    {"select_1", "ms", Better::kLower},
    {"select_0.1", "ms", Better::kLower},
    {"quarter_cache", "of all"},
    {"disk_bytes", "a vector", Better::kLower},
    {"memory", "a vector", Better::kLower},
    {"memory_all", "a vector", Better::kLower},
};

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

// 0: there is none.
double MedianOf(const Results& results, const std::string& row,
                const std::string& index) {
  const auto figures = results.find(row);
  if (figures == results.end() || !figures->second.contains(index)) return 0;
  return Median(figures->second.at(index));
}

std::string FormatFigure(double value) {
  if (value == 0) return "-";
  if (value >= 1e6) return absl::StrFormat("%.2f M", value / 1e6);
  if (value >= 1e4) return absl::StrFormat("%.1f k", value / 1e3);
  return absl::StrFormat(value >= 100 ? "%.0f" : "%.2f", value);
}

// By peer; of filters to the quicker one, "best".
std::vector<std::pair<std::string, double>> RatiosOf(const Results& results,
                                                     const Row& row) {
  std::vector<std::pair<std::string, double>> ratios;
  const double ours = MedianOf(results, row.name, "sheaf");
  const auto add = [&](const char* peer, double theirs) {
    if (ours == 0 || theirs == 0 || row.better == Better::kNeither) return;
    ratios.emplace_back(peer,
                        row.better == Better::kHigher ? ours / theirs : theirs / ours);
  };
  const double brute = MedianOf(results, row.name, "brute");
  if (brute != 0) {
    add("best", std::max(brute, MedianOf(results, row.name, "hnswlib")));
    return ratios;
  }
  for (const char* const peer : kPeers) add(peer, MedianOf(results, row.name, peer));
  return ratios;
}

}  // namespace

std::string DescribeRun(const Settings& settings) {
  std::string text = absl::StrFormat(
      "M 16, ef_construction 200, %d neighbours; seed %d; %d repeats, medians; builds "
      "once\n",
      kNeighbours, settings.data.seed, settings.repeats);
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5)
    absl::StrAppendFormat(&text, "WARNING: load average %.1f: others use this machine\n",
                          load);
  return text;
}

std::string FormatTable(const Dataset& data, const Results& results) {
  std::string table = absl::StrFormat(
      "\n%s: %d vectors of %d components, %s; %d added later; %d queries\n%-16s %-9s",
      data.name, data.indexed.size(), data.indexed.dimensions,
      data.metric == Metric::kL2 ? "L2" : "cosine", data.late.size(), data.queries.size(),
      "workload", "unit");
  for (const char* const index : kIndexes) absl::StrAppendFormat(&table, " %9s", index);
  absl::StrAppend(&table, "  ratio\n");
  for (const Row& row : kRows) {
    if (!results.contains(row.name)) continue;
    absl::StrAppendFormat(&table, "%-16s %-9s", row.name, row.unit);
    for (const char* const index : kIndexes)
      absl::StrAppendFormat(&table, " %9s",
                            FormatFigure(MedianOf(results, row.name, index)));
    for (const auto& [peer, ratio] : RatiosOf(results, row))
      absl::StrAppendFormat(&table, "  %s %.2f", peer, ratio);
    absl::StrAppend(&table, "\n");
  }
  return table;
}

nlohmann::ordered_json JsonOfRun(const Settings& settings) {
  nlohmann::ordered_json json;
  json["run"] = {{"seed", settings.data.seed},
                 {"m", kLinks},
                 {"ef_construction", kBreadthOfConstruction},
                 {"neighbours", kNeighbours}};
  json["rows"] = nlohmann::ordered_json::array();
  return json;
}

void AddToJson(const Dataset& data, const Results& results,
               nlohmann::ordered_json* json) {
  (*json)["data"][data.name] = {{"vectors", data.indexed.size()},
                                {"late", data.late.size()},
                                {"dimensions", data.indexed.dimensions}};
  for (const Row& row : kRows) {
    if (!results.contains(row.name)) continue;
    for (const auto& [index, repeats] : results.at(row.name))
      (*json)["rows"].push_back({{"data", data.name},
                                 {"workload", row.name},
                                 {"engine", index},
                                 {"value", Median(repeats)},
                                 {"unit", row.unit},
                                 {"repeats", repeats}});
    for (const auto& [peer, ratio] : RatiosOf(results, row))
      (*json)["ratios"][data.name][row.name][peer] = ratio;
  }
}

}  // namespace sheaf::bench::vectors
