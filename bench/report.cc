#include "bench/report.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace sheaf::bench {
namespace {

constexpr char kUs[] = "sheaf";

enum class Better { kHigher = 1, kLower = 2 };

// What our figure is compared with.
enum class Against {
  kNothing = 1,
  kBestPeer = 2,  // in `reference`, or the workload itself
  kSqlite = 3,
  kConstant = 4,    // the factor is a limit in the workload's unit
  kCacheBudget = 5  // the factor is MiB above it
};

struct Bar {
  std::string_view workload;
  std::string_view unit;
  Better better = Better::kHigher;
  Against against = Against::kBestPeer;
  double factor = 1;
  double factor_large = 0;          // from kLargeEntries on; 0: the same
  std::string_view reference = {};  // another workload of the peers
};

constexpr double kIdleLoadMax = 0.5;
constexpr uint64_t kLargeEntries = 5'000'000;
constexpr Better kHigher = Better::kHigher;
constexpr Better kLower = Better::kLower;

// "Speed to reach" of the storage core's issue, in the order of the report.
constexpr Bar kBars[] = {
    {"load_ascending", "entries/s"},
    {"load_random", "entries/s", kHigher, Against::kBestPeer, 1.2},
    {"point_read_1", "reads/s", kHigher, Against::kBestPeer, 1.5, 1.2},
    {"point_read_2", "reads/s", kHigher, Against::kBestPeer, 1.5, 1.2},
    {"multi_get_16", "keys/s", kHigher, Against::kBestPeer, 3, 0, "point_read_1"},
    {"absent_get", "reads/s"},
    {"full_scan", "entries/s"},
    {"seek_scan_50", "scans/s", kHigher, Against::kBestPeer, 1.2},
    {"update_batches", "entries/s"},
    {"delete_batches", "entries/s", kHigher, Against::kBestPeer, 0.9},
    {"put_process", "commits/s", kHigher, Against::kBestPeer, 1.2},
    {"put_durable_1", "commits/s", kHigher, Against::kBestPeer, 1.3},
    {"put_durable_1_p50", "us", kLower, Against::kNothing},
    {"put_durable_1_p99", "us", kLower, Against::kNothing},
    {"put_durable_8", "commits/s", kHigher, Against::kBestPeer, 1.2},
    {"put_durable_8_p50", "us", kLower, Against::kNothing},
    {"put_durable_8_p99", "us", kLower, Against::kNothing},
    {"ycsb_a", "ops/s", kHigher, Against::kBestPeer, 1.2},
    {"ycsb_b", "ops/s", kHigher, Against::kBestPeer, 1.2},
    {"ycsb_c", "ops/s", kHigher, Against::kBestPeer, 1.2},
    {"ycsb_e", "ops/s", kHigher, Against::kBestPeer, 1.2},
    {"ycsb_f", "ops/s", kHigher, Against::kBestPeer, 1.2},
    {kDiskBytes, "MB", kLower, Against::kSqlite, 1.2},
    {kOpenClean, "ms", kLower, Against::kConstant, 2},
    {kOpenKilled, "ms", kLower, Against::kConstant, 300},
    {kPeakMemory, "MiB", kLower, Against::kCacheBudget, 32},
    {"settle_seconds", "s", kLower, Against::kNothing},
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

std::optional<double> MedianOf(const Results& results, std::string_view workload,
                               const std::string& engine) {
  const auto row = results.find(std::string(workload));
  if (row == results.end()) return std::nullopt;
  const auto figures = row->second.find(engine);
  if (figures == row->second.end()) return std::nullopt;
  return Median(figures->second);
}

std::optional<double> BestPeer(const Settings& settings, const Results& results,
                               std::string_view workload, Better better) {
  std::optional<double> best;
  for (const std::string& engine : settings.engines) {
    if (engine == kUs) continue;
    const auto value = MedianOf(results, workload, engine);
    if (!value) continue;
    if (!best || (better == Better::kHigher ? *value > *best : *value < *best)) {
      best = value;
    }
  }
  return best;
}

std::optional<double> Reference(const Settings& settings, const Results& results,
                                const Bar& bar) {
  switch (bar.against) {
    case Against::kSqlite:
      return MedianOf(results, bar.workload, "sqlite");
    case Against::kConstant:
      return bar.factor;
    case Against::kCacheBudget:
      return double(settings.cache_bytes_max >> 20) + bar.factor;
    case Against::kNothing:
    case Against::kBestPeer:
      break;
  }
  return BestPeer(settings, results, bar.reference.empty() ? bar.workload : bar.reference,
                  bar.better);
}

double Factor(const Settings& settings, const Bar& bar) {
  const bool is_large = settings.entry_count >= kLargeEntries;
  return is_large && bar.factor_large != 0 ? bar.factor_large : bar.factor;
}

// Four digits at most: "1.12 M", "763 k", "0.21".
std::string FormatFigure(double value) {
  if (value >= 1e6) return absl::StrFormat("%.2f M", value / 1e6);
  if (value >= 1e4) return absl::StrFormat("%.0f k", value / 1e3);
  if (value >= 1e3) return absl::StrFormat("%.1f k", value / 1e3);
  if (value >= 100) return absl::StrFormat("%.0f", value);
  if (value >= 10) return absl::StrFormat("%.1f", value);
  return absl::StrFormat("%.2f", value);
}

std::string FormatBar(const Settings& settings, const Bar& bar) {
  const double factor = Factor(settings, bar);
  switch (bar.against) {
    case Against::kNothing:
      return "";
    case Against::kBestPeer:
      return absl::StrFormat(">= %.1f%s", factor,
                             bar.reference.empty() ? "" : " x reads");
    case Against::kSqlite:
      return absl::StrFormat("<= %.1f x sqlite", factor);
    case Against::kConstant:
      return absl::StrFormat("<= %.0f %s", factor, std::string(bar.unit));
    case Against::kCacheBudget:
      return absl::StrFormat("<= cache + %.0f", factor);
  }
  return "";
}

// The columns "ratio", "bar" and "verdict".
std::string FormatVerdict(const Settings& settings, const Results& results,
                          const Bar& bar) {
  const auto ours = MedianOf(results, bar.workload, kUs);
  const auto reference = Reference(settings, results, bar);
  std::string ratio, verdict;
  if (ours && reference) {
    const bool is_limit =
        bar.against == Against::kConstant || bar.against == Against::kCacheBudget;
    const double limit = is_limit ? *reference : *reference * Factor(settings, bar);
    const bool passes = bar.better == Better::kHigher ? *ours >= limit : *ours <= limit;
    ratio = absl::StrFormat("%.2f", *ours / *reference);
    if (bar.against != Against::kNothing) verdict = passes ? "pass" : "FAIL";
  }
  return absl::StrFormat("%7s  %-15s %s", ratio, FormatBar(settings, bar), verdict);
}

std::string ProcessorName() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos) {
      return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
  }
  return "unknown processor";
}

// SHEAF_COMMIT, or what git says; empty without either.
std::string Commit() {
  if (const char* commit = std::getenv("SHEAF_COMMIT")) return commit;
  FILE* git = popen("git rev-parse --short HEAD 2>/dev/null", "r");
  if (git == nullptr) return "";
  char line[64] = "";
  const bool has_line = std::fgets(line, sizeof(line), git) != nullptr;
  const bool succeeded = pclose(git) == 0;
  if (!has_line || !succeeded) return "";
  return std::string(absl::StripAsciiWhitespace(line));
}

std::string Kernel() {
  utsname name{};
  uname(&name);
  return absl::StrCat(name.sysname, " ", name.release, " ", name.machine);
}

// Where syncing is free, durable figures say nothing.
bool IsMemoryFileSystem(const std::string& dir) {
  struct statfs info {};
  return statfs(dir.c_str(), &info) == 0 && info.f_type == TMPFS_MAGIC;
}

std::string Quote(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += absl::ascii_iscntrl(c) ? ' ' : c;
  }
  return quoted + "\"";
}

}  // namespace

std::string DescribeRun(const Settings& settings) {
  std::string text = absl::StrFormat(
      "%s, %d cores, %s; system pages of %d bytes\n"
      "commit %s; seed %d; %d entries of %d + %d bytes; cache %d MiB; "
      "%d repeats of %g s, medians\n",
      ProcessorName(), std::thread::hardware_concurrency(), Kernel(),
      sysconf(_SC_PAGESIZE), Commit(), settings.seed, settings.entry_count, kKeyBytes,
      kValueBytes, settings.cache_bytes_max >> 20, settings.repeats, settings.seconds);
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > kIdleLoadMax) {
    absl::StrAppendFormat(&text, "WARNING: load average %.1f: others use this machine\n",
                          load);
  }
  if (IsMemoryFileSystem(settings.dir)) {
    absl::StrAppend(&text, "WARNING: ", settings.dir,
                    " is in memory: syncs cost nothing there\n");
  }
  for (const std::string& engine : settings.engines) {
    absl::StrAppendFormat(&text, "%-11s %s\n", engine, NewEngine(engine)->Describe());
  }
  return text;
}

std::string FormatTable(const Settings& settings, const Results& results) {
  std::string table = absl::StrFormat("%-18s %-9s", "workload", "unit");
  for (const std::string& engine : settings.engines) {
    absl::StrAppendFormat(&table, " %10s", engine);
  }
  absl::StrAppend(&table, "   ratio  bar             verdict\n");
  for (const Bar& bar : kBars) {
    if (!results.contains(std::string(bar.workload))) continue;
    absl::StrAppendFormat(&table, "%-18s %-9s", std::string(bar.workload),
                          std::string(bar.unit));
    for (const std::string& engine : settings.engines) {
      const auto value = MedianOf(results, bar.workload, engine);
      absl::StrAppendFormat(&table, " %10s", value ? FormatFigure(*value) : "-");
    }
    absl::StrAppend(&table, " ", FormatVerdict(settings, results, bar), "\n");
  }
  return table;
}

std::string FormatJson(const Settings& settings, const Results& results) {
  std::string json = absl::StrFormat(
      "{\"run\": {\"processor\": %s, \"cores\": %d, \"kernel\": %s, "
      "\"commit\": %s, \"seed\": %d, \"entries\": %d, \"cache_bytes_max\": %d, "
      "\"seconds\": %g},\n \"rows\": [",
      Quote(ProcessorName()), std::thread::hardware_concurrency(), Quote(Kernel()),
      Quote(Commit()), settings.seed, settings.entry_count, settings.cache_bytes_max,
      settings.seconds);
  const auto append = [](std::string* out, double value) {
    absl::StrAppendFormat(out, "%.10g", value);
  };
  const char* separator = "\n";
  for (const Bar& bar : kBars) {
    for (const std::string& engine : settings.engines) {
      const auto value = MedianOf(results, bar.workload, engine);
      if (!value) continue;
      const std::vector<double>& repeats =
          results.at(std::string(bar.workload)).at(engine);
      absl::StrAppendFormat(
          &json,
          "%s  {\"workload\": %s, \"engine\": %s, \"value\": %.10g, \"unit\": "
          "%s, \"repeats\": [%s]}",
          separator, Quote(std::string(bar.workload)), Quote(engine), *value,
          Quote(std::string(bar.unit)), absl::StrJoin(repeats, ", ", append));
      separator = ",\n";
    }
  }
  return json + "\n ]}\n";
}

}  // namespace sheaf::bench
