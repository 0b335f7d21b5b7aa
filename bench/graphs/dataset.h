// Dataset: the graph that everybody loads, and what is asked of it, the same for the same
// seed. Made once, before the first child process is forked, and read by all of them.
//
// R-MAT (Chakrabarti, Zhan, Faloutsos 2004) with a, b, c = 0.57, 0.19, 0.19: distinct edges
// in random order. Ids are permuted; those that no edge came to are left out and the others
// numbered anew, so that ids are 0 to vertices - 1 for everyone.
#ifndef BENCH_GRAPHS_DATASET_H_
#define BENCH_GRAPHS_DATASET_H_
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace sheaf::bench::graphs {

struct Edge {
  uint32_t from = 0, to = 0;
  friend auto operator<=>(const Edge&, const Edge&) = default;
};

// Compressed sparse rows of one direction, each row ascending.
struct Rows {
  std::vector<uint64_t> offsets;  // one more than vertices
  std::vector<uint32_t> ends;

  absl::Span<const uint32_t> Of(uint32_t v) const {
    return {ends.data() + offsets[v], offsets[v + 1] - offsets[v]};
  }
};

// A synset of WordNet.
struct Word {
  std::string json;  // {"synset", "words", "gloss"}
  std::string label;
  std::vector<std::pair<std::string, uint32_t>> pointers;  // type, to
};

struct DatasetOptions {
  int scale = 20;
  uint64_t edge_count = 16'000'000;
  uint64_t seed = 1;
  std::string words;  // what wordnet_to_jsonl prints; empty: none
};

struct Dataset {
  uint32_t vertex_count = 0;
  std::vector<Edge> edges;
  Rows out, in;

  std::vector<uint32_t> looked_up;              // any vertices
  std::vector<uint32_t> hop_starts;             // with edges out
  std::vector<uint32_t> bfs_starts;             // that reach a tenth of all
  std::vector<Edge> pairs;                      // a path leads from one to the other
  std::vector<std::vector<Edge>> transactions;  // new edges, 1,000 each
  std::vector<Word> words;
};

// How many of them SQLite is asked: see the rows "…_few".
inline constexpr size_t kFewHops = 3, kFewSearches = 1, kFewPairs = 2;

Dataset MakeDataset(const DatasetOptions& options);

}  // namespace sheaf::bench::graphs
#endif  // BENCH_GRAPHS_DATASET_H_
