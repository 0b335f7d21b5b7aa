// sheaf_bench: Sheaf beside LMDB, RocksDB, LevelDB, WiredTiger and SQLite.
// README.md says what is measured and how.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "bench/harness.h"
#include "bench/report.h"

namespace sheaf::bench {
namespace {

constexpr char kUsage[] =
    R"(usage: sheaf_bench [--n=1000000] [--cache-mb=256] [--repeats=3] [--seconds=2]
                   [--engines=sheaf,lmdb,...] [--workloads=point_read_1,...]
                   [--seed=1] [--dir=/tmp/sheaf-bench] [--json=FILE]
)";

[[noreturn]] void FailUsage(const std::string& what) {
  std::fprintf(stderr, "sheaf_bench: %s\n%s", what.c_str(), kUsage);
  std::exit(2);
}

uint64_t ParseNumber(const std::string& text, uint64_t min, uint64_t max) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < min || number > max) {
    FailUsage("not a number from " + std::to_string(min) + " to " + std::to_string(max) +
              ": " + text);
  }
  return number;
}

double ParseSeconds(const std::string& text) {
  double seconds = 0;
  if (!absl::SimpleAtod(text, &seconds) || !(seconds > 0 && seconds <= 3600)) {
    FailUsage("not a time in seconds: " + text);
  }
  return seconds;
}

// A name that nobody knows would silently measure nothing.
std::vector<std::string> ParseNames(const std::string& text,
                                    const std::vector<std::string>& known) {
  std::vector<std::string> names = absl::StrSplit(text, ',', absl::SkipEmpty());
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      FailUsage("unknown: " + name + "; known: " + absl::StrJoin(known, ","));
    }
  }
  return names;
}

struct Flags {
  Settings settings;
  std::string json_path;
};

Flags ParseFlags(int argc, char** argv) {
  Flags flags;
  Settings& settings = flags.settings;
  settings.engines = EngineNames();
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  const std::map<std::string, std::function<void(const std::string&)>> setters = {
      {"--n",
       [&](const std::string& text) {
         settings.entry_count = ParseNumber(text, 1'000, 1'000'000'000);
       }},
      {"--cache-mb",
       [&](const std::string& text) {
         settings.cache_bytes_max = ParseNumber(text, 8, 1 << 20) << 20;
       }},
      {"--repeats",
       [&](const std::string& text) {
         settings.repeats = int(ParseNumber(text, 1, 1'000));
       }},
      {"--seconds",
       [&](const std::string& text) { settings.seconds = ParseSeconds(text); }},
      {"--engines",
       [&](const std::string& text) {
         settings.engines = ParseNames(text, EngineNames());
       }},
      {"--workloads",
       [&](const std::string& text) {
         const auto names = ParseNames(text, WorkloadNames());
         settings.workloads = {names.begin(), names.end()};
       }},
      {"--seed",
       [&](const std::string& text) { settings.seed = ParseNumber(text, 0, kMax); }},
      {"--dir", [&](const std::string& text) { settings.dir = text; }},
      {"--json", [&](const std::string& text) { flags.json_path = text; }},
  };
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i], value;
    if (name == "--help") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    }
    const size_t equals = name.find('=');
    const auto setter = setters.find(name.substr(0, equals));
    if (setter == setters.end()) FailUsage("unknown argument: " + name);
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    if (value.empty()) FailUsage(name + " needs a value");
    setter->second(value);
  }
  if (settings.engines.empty()) FailUsage("no engine");
  return flags;
}

int Main(int argc, char** argv) {
  const Flags flags = ParseFlags(argc, argv);
  const Settings& settings = flags.settings;
  Harness harness(settings);
  std::fputs(DescribeRun(settings).c_str(), stdout);
  std::fflush(stdout);
  const Results results = harness.Run();
  std::fputs(("\n" + FormatTable(settings, results)).c_str(), stdout);
  if (!flags.json_path.empty()) {
    std::ofstream json(flags.json_path);
    json << FormatJson(settings, results) << std::flush;
    if (!json.good()) FailUsage("cannot write " + flags.json_path);
  }
  if (harness.failure_count() == 0) return 0;
  std::fprintf(stderr, "sheaf_bench: %d measurements failed\n", harness.failure_count());
  return 1;
}

}  // namespace
}  // namespace sheaf::bench

int main(int argc, char** argv) { return sheaf::bench::Main(argc, argv); }
