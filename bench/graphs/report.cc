#include "bench/graphs/report.h"

#include <stdlib.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sheaf::bench::graphs {
namespace {

// How far ahead of a peer, or of the "limit", Sheaf should be. No peer: no more bars.
struct Bar {
  const char* peer = nullptr;
  double factor = 0;
};
enum class Better { kHigher = 1, kLower = 2 };
struct Row {
  const char* name;
  const char* unit;
  Better better = Better::kHigher;
  Bar bars[3] = {};
};

constexpr Better kHigher = Better::kHigher, kLower = Better::kLower;
constexpr const char* kStores[] = {"sheaf", "lmdb", "cursor", "sqlite", "csr"};

// "_few": what SQLite is asked, too. "_1", "_2": threads of Sheaf; rows in memory have one.
constexpr Row kRows[] = {
    {"load", "edges/s", kHigher, {{"lmdb", 1.5}, {"sqlite", 5}}},
    {"transactions", "edges/s", kHigher, {{"lmdb", 2}}},
    {"neighbours", "edges/s", kHigher, {{"lmdb", 1.5}, {"cursor", 5}}},
    {"neighbours_many", "edges/s", kHigher, {{"lmdb", 1.5}, {"cursor", 5}}},
    {"vertex_json", "reads/s", kHigher, {{"lmdb", 1.5}}},
    {"vertex_property", "reads/s", kHigher, {{"lmdb", 1.5}}},
    {"vertex_properties", "reads/s", kHigher, {{"lmdb", 1.5}}},
    {"two_hops", "queries/s", kHigher, {{"lmdb", 0.9}, {"csr", 0.3}}},
    {"two_hops_few", "queries/s", kHigher, {{"sqlite", 20}}},
    {"three_hops", "queries/s", kHigher, {{"lmdb", 0.9}, {"csr", 0.3}}},
    {"bfs", "queries/s", kHigher, {{"lmdb", 4}, {"csr", 0.3}}},
    {"bfs_few", "queries/s", kHigher, {{"sqlite", 20}}},
    {"path", "queries/s"},
    {"path_few", "queries/s", kHigher, {{"sqlite", 20}}},
    {"projection", "edges/s", kHigher, {{"limit", 1}}},
    {"projected_bfs", "queries/s", kHigher, {{"csr", 0.9}}},
    {"pagerank_1", "edges/s", kHigher, {{"csr", 0.9}}},
    {"pagerank_2", "edges/s", kHigher, {{"csr", 0.9}}},
    {"wcc_1", "edges/s", kHigher, {{"csr", 0.9}}},
    {"wcc_2", "edges/s", kHigher, {{"csr", 0.9}}},
    {"disk_bytes", "per edge", kLower, {{"limit", 1}}},
    {"memory_load", "MiB", kLower, {{"limit", 1}}},
    {"memory_reads", "MiB", kLower, {{"limit", 1}}},
    {"memory_algorithms", "MiB", kLower, {{"limit", 1}}},
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
                const std::string& store) {
  const auto figures = results.find(row);
  if (figures == results.end() || !figures->second.contains(store)) return 0;
  return Median(figures->second.at(store));
}

std::string FormatFigure(double value) {
  if (value == 0) return "-";
  if (value >= 1e6) return absl::StrFormat("%.2f M", value / 1e6);
  if (value >= 1e3) return absl::StrFormat("%.1f k", value / 1e3);
  return absl::StrFormat(value >= 100 ? "%.0f" : "%.2f", value);
}

double Ratio(const Results& results, const Row& row, const char* peer) {
  const double ours = MedianOf(results, row.name, "sheaf");
  const double theirs = MedianOf(results, row.name, peer);
  if (ours == 0 || theirs == 0) return 0;
  return row.better == kHigher ? ours / theirs : theirs / ours;
}

std::string FormatBars(const Results& results, const Row& row) {
  std::string text;
  for (const Bar& bar : row.bars) {
    if (bar.peer == nullptr) break;
    const double ratio = Ratio(results, row, bar.peer);
    if (ratio == 0) continue;
    absl::StrAppendFormat(&text, "  %s %.2f (%g)%s", bar.peer, ratio, bar.factor,
                          ratio >= bar.factor ? "" : " FAIL");
  }
  return text;
}

}  // namespace

std::string DescribeRun(const Settings& settings, const Dataset& data) {
  std::string text = absl::StrFormat(
      "R-MAT of 2^%d ids, seed %d: %d vertices, %d edges; %d words of WordNet; cache %d "
      "MiB; %d repeats, medians; SQLite once\n",
      settings.data.scale, settings.data.seed, data.vertex_count, data.edges.size(),
      data.words.size(), settings.cache_bytes_max >> 20, settings.repeats);
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5)
    absl::StrAppendFormat(&text, "WARNING: load average %.1f: others use this machine\n",
                          load);
  return text;
}

std::string FormatTable(const Results& results) {
  std::string table = absl::StrFormat("%-18s %-9s", "workload", "unit");
  for (const char* store : kStores) absl::StrAppendFormat(&table, " %10s", store);
  absl::StrAppend(&table, "  ratio (bar)\n");
  for (const Row& row : kRows) {
    if (!results.contains(row.name)) continue;
    absl::StrAppendFormat(&table, "%-18s %-9s", row.name, row.unit);
    for (const char* store : kStores)
      absl::StrAppendFormat(&table, " %10s",
                            FormatFigure(MedianOf(results, row.name, store)));
    absl::StrAppend(&table, FormatBars(results, row), "\n");
  }
  return table;
}

std::string FormatJson(const Settings& settings, const Dataset& data,
                       const Results& results) {
  nlohmann::ordered_json json;
  json["run"] = {
      {"scale", settings.data.scale},  {"seed", settings.data.seed},
      {"vertices", data.vertex_count}, {"edges", data.edges.size()},
      {"words", data.words.size()},    {"cache_bytes_max", settings.cache_bytes_max}};
  json["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : kRows) {
    if (!results.contains(row.name)) continue;
    for (const auto& [store, repeats] : results.at(row.name))
      json["rows"].push_back({{"workload", row.name},
                              {"engine", store},
                              {"value", Median(repeats)},
                              {"unit", row.unit},
                              {"repeats", repeats}});
    for (const Bar& bar : row.bars) {
      if (bar.peer == nullptr) break;
      json["ratios"][row.name][bar.peer] = Ratio(results, row, bar.peer);
    }
  }
  return json.dump(1) + "\n";
}

}  // namespace sheaf::bench::graphs
