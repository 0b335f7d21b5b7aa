#include "bench/graphs/dataset.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <random>

#include <nlohmann/json.hpp>

#include "bench/engine.h"  // Require
#include "bench/graphs/searches.h"

namespace sheaf::bench::graphs {
namespace {

using Random = std::mt19937_64;

// One quadrant a level, from 16 random bits.
Edge RmatEdge(int scale, Random& random) {
  constexpr uint64_t kA = 37'356, kB = kA + 12'452, kC = kB + 12'452;  // of 65,536
  Edge edge;
  uint64_t bits = 0;
  for (int level = 0; level < scale; ++level, bits >>= 16) {
    if (level % 4 == 0) bits = random();
    const uint64_t r = bits & 0xffff;
    edge.from = edge.from << 1 | uint32_t(r >= kB);
    edge.to = edge.to << 1 | uint32_t((r >= kA && r < kB) || r >= kC);
  }
  return edge;
}

std::vector<Edge> DistinctEdges(const DatasetOptions& options, Random& random) {
  const uint64_t ids = uint64_t{1} << options.scale;
  Require(options.edge_count < ids * ids / 16, "--edges", "too many for --scale");
  std::vector<Edge> edges;
  while (edges.size() < options.edge_count) {
    const uint64_t missing = options.edge_count - edges.size();
    for (uint64_t i = 0; i < missing + missing / 16 + 16; ++i)
      edges.push_back(RmatEdge(options.scale, random));
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  }
  std::shuffle(edges.begin(), edges.end(), random);
  edges.resize(options.edge_count);
  edges.shrink_to_fit();
  return edges;
}

// Permutes the ids and leaves out those without edges. Returns how many are left.
uint32_t Renumber(int scale, Random& random, std::vector<Edge>* edges) {
  constexpr uint32_t kNone = 0xffffffff;
  std::vector<uint32_t> order(size_t{1} << scale), number(order.size(), kNone);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  for (const Edge& edge : *edges) number[edge.from] = number[edge.to] = 0;
  uint32_t count = 0;
  for (const uint32_t id : order)
    if (number[id] != kNone) number[id] = count++;
  for (Edge& edge : *edges) edge = {number[edge.from], number[edge.to]};
  return count;
}

Rows RowsOf(const std::vector<Edge>& edges, uint32_t vertices, uint32_t Edge::*row,
            uint32_t Edge::*end) {
  Rows rows;
  rows.offsets.assign(vertices + 1, 0);
  rows.ends.resize(edges.size());
  for (const Edge& edge : edges) ++rows.offsets[edge.*row + 1];
  std::partial_sum(rows.offsets.begin(), rows.offsets.end(), rows.offsets.begin());
  std::vector<uint64_t> next(rows.offsets.begin(), rows.offsets.end() - 1);
  for (const Edge& edge : edges) rows.ends[next[edge.*row]++] = edge.*end;
  for (uint32_t v = 0; v < vertices; ++v)
    std::sort(rows.ends.begin() + rows.offsets[v],
              rows.ends.begin() + rows.offsets[v + 1]);
  return rows;
}

void ChooseQuestions(Random& random, Dataset* data) {
  const auto vertex = [&] { return uint32_t(random() % data->vertex_count); };
  const auto vertex_with_edges = [&] {
    uint32_t v = vertex();
    while (data->out.Of(v).empty()) v = vertex();
    return v;
  };
  const CsrLists lists(data->out, data->in);
  Searcher searcher(lists, data->vertex_count);
  for (int i = 0; i < 200'000; ++i) data->looked_up.push_back(vertex());
  for (int i = 0; i < 100; ++i) data->hop_starts.push_back(vertex_with_edges());
  while (data->bfs_starts.size() < 3) {
    const uint32_t v = vertex_with_edges();
    if (searcher.Reach(v, kAnyHops) > data->vertex_count / 10)
      data->bfs_starts.push_back(v);
  }
  while (data->pairs.size() < 50) {
    const Edge pair{vertex_with_edges(), vertex()};
    if (pair.from != pair.to && searcher.Hops(pair.from, pair.to) != kAnyHops)
      data->pairs.push_back(pair);
  }
}

void ChooseTransactions(Random& random, Dataset* data) {
  std::vector<Edge> all;
  while (all.size() < 50'000) {
    const Edge edge{uint32_t(random() % data->vertex_count),
                    uint32_t(random() % data->vertex_count)};
    const auto row = data->out.Of(edge.from);
    if (std::binary_search(row.begin(), row.end(), edge.to)) continue;
    all.push_back(edge);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::shuffle(all.begin(), all.end(), random);
  for (size_t at = 0; at + 1000 <= all.size(); at += 1000)
    data->transactions.emplace_back(all.begin() + at, all.begin() + at + 1000);
}

std::vector<Word> ReadWords(const std::string& path) {
  std::ifstream in(path);
  Require(in.good(), path, "cannot be read");
  std::vector<Word> words;
  std::vector<nlohmann::ordered_json> synsets;
  std::map<std::string, uint32_t> number_of;
  for (std::string line; std::getline(in, line);) {
    synsets.push_back(nlohmann::ordered_json::parse(line));
    number_of.emplace(synsets.back()["id"], synsets.size() - 1);
  }
  for (const auto& synset : synsets) {
    Word word{.json = nlohmann::ordered_json{{"synset", synset["id"]},
                                             {"words", synset["words"]},
                                             {"gloss", synset["gloss"]}}
                          .dump(),
              .label = synset["pos"]};
    for (const auto& pointer : synset["pointers"])
      word.pointers.emplace_back(pointer["type"], number_of.at(pointer["to"]));
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace

Dataset MakeDataset(const DatasetOptions& options) {
  Random random(options.seed);
  Dataset data;
  data.edges = DistinctEdges(options, random);
  data.vertex_count = Renumber(options.scale, random, &data.edges);
  data.out = RowsOf(data.edges, data.vertex_count, &Edge::from, &Edge::to);
  data.in = RowsOf(data.edges, data.vertex_count, &Edge::to, &Edge::from);
  ChooseQuestions(random, &data);
  ChooseTransactions(random, &data);
  if (!options.words.empty()) data.words = ReadWords(options.words);
  return data;
}

}  // namespace sheaf::bench::graphs
