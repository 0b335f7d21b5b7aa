// sheaf_vectors_bench: vector indexes beside hnswlib and FAISS, with floats and with
// bytes (sq8). One run, interleaved; medians and ratios (above 1: Sheaf is quicker, or
// smaller).
//
//   sheaf_vectors_bench [--count=1000000] [--words=FILE] [--only=clustered,words,wide]
//                       [--indexes=sheaf,hnswlib,faiss,sq8] [--seed=1] [--repeats=3]
//                       [--seconds=0.5] [--dir=PATH] [--json=FILE]
//
// The data sets are dataset.h's; each index's file says how it is used. `count` bounds
// the vectors of each data set; `words` is what wordnet_to_vectors prints, without which
// that data set is left out. --only=clustered --count=20000 --seconds=0.02 --repeats=1
// takes about a minute, of which the most is building four graphs.
//
//   queries_95_2     at a recall of 0.95 for 10 neighbours, 2 threads; the breadth of
//                    search that it takes is found for each index, and rates between
//                    breadths are interpolated
//   first_query      of an index that was closed, with its opening; its file is in the
//                    kernel's cache
//   build            by two threads; of Sheaf OptimizeVectors, to the checkpoint at its
//                    end
//   puts             before that: vectors in durable transactions of 10,000
//   build_to_file    both; of peers with writing the file
//   insert           into what is built; of Sheaf found from its commit on, transactions
//                    of 100, each on the device
//   link_1, link_2   then: linked by so many threads; of peers the insert itself
//   filter_10        that a tenth of the vectors pass, at a recall of 0.95, always 10
//                    found; of Sheaf among a set that was selected once (select_10) and
//                    has copied what it compares with by then, where that is little, or
//                    in filter_json_10 by metadata, asked in each search; the peers are
//                    hnswlib, whose finds are filtered, and a loop over the ids that
//                    match (brute)
//   quarter_cache    of queries/s with all in the cache, with a cache of a quarter of the
//                    file, which the kernel still holds
//   memory           growth of the process's resident memory from before opening to after
//                    the queries, less what the page cache with its budget holds;
//                    memory_all with that, of the pages that the queries touched
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "bench/engine.h"  // Fail
#include "bench/vectors/report.h"
#include "bench/vectors/runner.h"

namespace sheaf::bench {

void Fail(std::string_view where, std::string_view what) {
  fprintf(stderr, "sheaf_vectors_bench: %.*s: %.*s\n", int(where.size()), where.data(),
          int(what.size()), what.data());
  fflush(stderr);
  _exit(1);
}

namespace vectors {
namespace {

// Of names with commas; those that are `known`. False: another is among them.
template <class Names>
bool ParseNames(const std::string& value, const Names& known,
                std::vector<std::string>* out) {
  const std::vector<std::string> names = absl::StrSplit(value, ',');
  for (const std::string& name : names)
    if (std::find(std::begin(known), std::end(known), name) == std::end(known))
      return false;
  *out = names;
  return true;
}

bool Parse(std::string_view argument, Settings* settings) {
  const size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = argument.substr(0, equals);
  const std::string value(argument.substr(equals + 1));
  if (name == "--dir") settings->dir = value;
  if (name == "--json") settings->json = value;
  if (name == "--words") settings->data.words = value;
  for (const char* text : {"--dir", "--json", "--words"})
    if (name == text) return !value.empty();
  if (name == "--only") return ParseNames(value, kDatasets, &settings->only);
  if (name == "--indexes")
    return ParseNames(value, Settings().indexes, &settings->indexes);
  if (name == "--seconds") return absl::SimpleAtod(value, &settings->seconds);
  if (name == "--seed") return absl::SimpleAtoi(value, &settings->data.seed);
  if (name == "--repeats")
    return absl::SimpleAtoi(value, &settings->repeats) && settings->repeats > 0;
  return name == "--count" && absl::SimpleAtoi(value, &settings->data.count) &&
         settings->data.count >= kBounds && settings->data.count <= 100'000'000;
}

bool Wants(const Settings& settings, const std::string& name) {
  if (name == "words" && settings.data.words.empty()) return false;
  return settings.only.empty() || std::find(settings.only.begin(), settings.only.end(),
                                            name) != settings.only.end();
}

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    if (Parse(argv[i], &settings)) continue;
    fprintf(stderr, "unknown argument %s\n", argv[i]);
    return 2;
  }
  printf("%s", DescribeRun(settings).c_str());
  nlohmann::ordered_json json = JsonOfRun(settings);
  int failure_count = 0;
  for (const std::string name : kDatasets) {
    if (!Wants(settings, name)) continue;
    const Dataset data = MakeDataset(name, settings.data);
    Runner runner(settings, data);
    const Results results = runner.Run();
    failure_count += runner.failure_count();
    printf("%s", FormatTable(data, results).c_str());
    fflush(stdout);
    AddToJson(data, results, &json);
    if (!settings.json.empty()) std::ofstream(settings.json) << json.dump(1) << "\n";
  }
  return failure_count == 0 ? 0 : 1;
}

}  // namespace
}  // namespace vectors
}  // namespace sheaf::bench

int main(int argc, char** argv) { return sheaf::bench::vectors::Main(argc, argv); }
