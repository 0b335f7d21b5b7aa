// sheaf_graphs_bench: graphs beside LMDB as an adjacency store (lists read by page, and by
// cursor), SQLite with recursive queries, and plain rows in memory, which are the limit.
// One run, interleaved; medians and ratios (above 1: Sheaf is quicker, or smaller).
//
//   sheaf_graphs_bench [--scale=20] [--edges=16000000] [--seed=1] [--repeats=3]
//                      [--cache=256] [--dir=PATH] [--json=FILE] [--documents=FILE]
//                      [--only=WORKLOAD] [--seconds=1]
//
// The graph is dataset.h's; each store's file says how it is used. Everybody keeps both
// directions and must find the same, or the run fails. `documents` is what wordnet_to_jsonl
// prints, for vertices with properties. `only` takes the first letters of workloads; loads
// are always made. --cache is in MiB. --scale=14 --edges=200000
// --seconds=0.05 is over in seconds.
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/numbers.h"
#include "bench/engine.h"  // Fail
#include "bench/graphs/report.h"
#include "bench/graphs/runner.h"

namespace sheaf::bench {

void Fail(std::string_view where, std::string_view what) {
  fprintf(stderr, "sheaf_graphs_bench: %.*s: %.*s\n", int(where.size()), where.data(),
          int(what.size()), what.data());
  fflush(stderr);
  _exit(1);
}

namespace graphs {
namespace {

bool Parse(std::string_view argument, Settings* settings) {
  const size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = argument.substr(0, equals);
  const std::string value(argument.substr(equals + 1));
  if (name == "--dir") settings->dir = value;
  if (name == "--json") settings->json = value;
  if (name == "--documents") settings->data.words = value;
  if (name == "--only") settings->only = value;
  for (const char* text : {"--dir", "--json", "--documents", "--only"})
    if (name == text) return !value.empty();
  if (name == "--edges") return absl::SimpleAtoi(value, &settings->data.edge_count);
  if (name == "--seconds") return absl::SimpleAtod(value, &settings->seconds);
  if (name == "--seed") return absl::SimpleAtoi(value, &settings->data.seed);
  if (name == "--repeats")
    return absl::SimpleAtoi(value, &settings->repeats) && settings->repeats > 0;
  if (name == "--scale")
    return absl::SimpleAtoi(value, &settings->data.scale) && settings->data.scale >= 8 &&
           settings->data.scale <= 30;
  if (name != "--cache") return false;
  const bool ok = absl::SimpleAtoi(value, &settings->cache_bytes_max);
  settings->cache_bytes_max <<= 20;
  return ok;
}

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    if (Parse(argv[i], &settings)) continue;
    fprintf(stderr, "unknown argument %s\n", argv[i]);
    return 2;
  }
  const Dataset data = MakeDataset(settings.data);
  printf("%s", DescribeRun(settings, data).c_str());
  fflush(stdout);
  Runner runner(settings, data);
  const Results results = runner.Run();
  printf("%s", FormatTable(results).c_str());
  if (!settings.json.empty())
    std::ofstream(settings.json) << FormatJson(settings, data, results);
  return runner.failure_count() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace graphs
}  // namespace sheaf::bench

int main(int argc, char** argv) { return sheaf::bench::graphs::Main(argc, argv); }
