// Small graphs to try algorithms on, with what the definitions say of them, made from the
// list of edges and by ways that are too slow to be wrong.
#ifndef TESTS_SUPPORT_GRAPH_CASES_H_
#define TESTS_SUPPORT_GRAPH_CASES_H_
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/direction.h"
#include "graph/graph_projection.h"

namespace sheaf::test {

using Edge = GraphProjection::Edge;
inline constexpr double kFar = std::numeric_limits<double>::infinity();
using Matrix = std::vector<std::vector<double>>;

struct GraphCase {
  std::vector<VertexId> ids;
  std::vector<Edge> edges;
  bool is_directed = true;
  GraphProjection graph;
  std::string name;

  size_t n() const { return ids.size(); }

  // The steps that `direction` allows: one for each edge, two where it can be gone both
  // ways (a loop has but one way in an undirected graph).
  std::vector<Edge> Steps(Direction direction) const {
    std::vector<Edge> steps;
    for (const Edge& e : edges) {
      const bool both = !is_directed || direction == Direction::kBoth;
      if (both || direction == Direction::kOut) steps.push_back(e);
      if ((both && (e.from != e.to || is_directed)) || direction == Direction::kIn)
        if (is_directed || e.from != e.to) steps.push_back({e.to, e.from, e.weight});
    }
    return steps;
  }
  // The lightest step between two vertices; kFar without one. Loops are left out.
  Matrix Lightest(Direction direction, bool weighted) const {
    Matrix lightest(n(), std::vector<double>(n(), kFar));
    for (const Edge& e : Steps(direction))
      if (e.from != e.to)
        lightest[e.from][e.to] =
            std::min(lightest[e.from][e.to], weighted ? e.weight : 1.0);
    return lightest;
  }
  // How far each is from each (Floyd, Warshall).
  Matrix Distances(Direction direction, bool weighted) const {
    Matrix d = Lightest(direction, weighted);
    for (size_t v = 0; v < n(); ++v) d[v][v] = 0;
    for (size_t k = 0; k < n(); ++k)
      for (size_t i = 0; i < n(); ++i)
        for (size_t j = 0; j < n(); ++j) d[i][j] = std::min(d[i][j], d[i][k] + d[k][j]);
    return d;
  }
  // All paths that meet no vertex twice, the shortest first, then by vertices.
  using Path = std::pair<double, std::vector<VertexIndex>>;
  std::vector<Path> SimplePaths(Direction direction, bool weighted, VertexIndex from,
                                VertexIndex to) const {
    const Matrix step = Lightest(direction, weighted);
    std::vector<Path> paths;
    std::vector<VertexIndex> path = {from};
    std::vector<bool> on_path(n());
    on_path[from] = true;
    const std::function<void(double)> go = [&](double weight) {
      const VertexIndex v = path.back();
      if (v == to) {
        paths.emplace_back(weight, path);
        return;
      }
      for (VertexIndex u = 0; u < n(); ++u) {
        if (on_path[u] || step[v][u] == kFar) continue;
        on_path[u] = true;
        path.push_back(u);
        go(weight + step[v][u]);
        path.pop_back();
        on_path[u] = false;
      }
    };
    go(0);
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  // Whether there is a loopless edge between them, whichever way.
  bool Joined(VertexIndex a, VertexIndex b) const {
    return a != b && std::any_of(edges.begin(), edges.end(), [&](const Edge& e) {
             return (e.from == a && e.to == b) || (e.from == b && e.to == a);
           });
  }
};

inline GraphCase CaseOf(size_t n, std::vector<Edge> edges, bool is_directed,
                        bool weighted = false) {
  GraphCase made;
  for (size_t i = 0; i < n; ++i) made.ids.push_back(i + 1);
  made.edges = std::move(edges);
  made.is_directed = is_directed;
  absl::StatusOr<GraphProjection> graph =
      GraphProjection::Of(made.ids, made.edges,
                          is_directed ? GraphProjection::Edges::kDirected
                                      : GraphProjection::Edges::kUndirected,
                          weighted);
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (graph.ok()) made.graph = *std::move(graph);
  return made;
}

// Up to `vertices_max` vertices, none to many edges, loops and parallel ones among them.
// Weights are whole, so that sums of them are exact. Even seeds are directed.
inline GraphCase RandomCase(uint64_t seed, size_t vertices_max, double weight_min = 1,
                            double weight_max = 4) {
  std::mt19937_64 random(seed);
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  const size_t n = below(vertices_max + 1);
  const size_t m = n == 0 ? 0 : below(1 + n * (1 + below(4)));
  std::vector<Edge> edges;
  for (size_t i = 0; i < m; ++i)
    edges.push_back(
        {static_cast<VertexIndex>(below(n)), static_cast<VertexIndex>(below(n)),
         weight_min + static_cast<double>(
                          below(static_cast<size_t>(weight_max - weight_min) + 1))});
  GraphCase made = CaseOf(n, std::move(edges), seed % 2 == 0, true);
  made.name = "seed " + std::to_string(seed) + ", " + std::to_string(n) + " vertices, " +
              std::to_string(m) + (made.is_directed ? " directed" : " undirected") +
              " edges";
  return made;
}

// The members of Zachary's karate club (1977), undirected.
inline GraphCase KarateClub() {
  return CaseOf(
      34, {{0, 1},   {0, 2},   {0, 3},   {0, 4},   {0, 5},   {0, 6},   {0, 7},   {0, 8},
           {0, 10},  {0, 11},  {0, 12},  {0, 13},  {0, 17},  {0, 19},  {0, 21},  {0, 31},
           {1, 2},   {1, 3},   {1, 7},   {1, 13},  {1, 17},  {1, 19},  {1, 21},  {1, 30},
           {2, 3},   {2, 7},   {2, 8},   {2, 9},   {2, 13},  {2, 27},  {2, 28},  {2, 32},
           {3, 7},   {3, 12},  {3, 13},  {4, 6},   {4, 10},  {5, 6},   {5, 10},  {5, 16},
           {6, 16},  {8, 30},  {8, 32},  {8, 33},  {9, 33},  {13, 33}, {14, 32}, {14, 33},
           {15, 32}, {15, 33}, {18, 32}, {18, 33}, {19, 33}, {20, 32}, {20, 33}, {22, 32},
           {22, 33}, {23, 25}, {23, 27}, {23, 29}, {23, 32}, {23, 33}, {24, 25}, {24, 27},
           {24, 31}, {25, 31}, {26, 29}, {26, 33}, {27, 33}, {28, 31}, {28, 33}, {29, 32},
           {29, 33}, {30, 32}, {30, 33}, {31, 32}, {31, 33}, {32, 33}},
      false);
}

// The two example graphs of LDBC Graphalytics, whose answers are published with them.
inline GraphCase LdbcDirected() {
  return CaseOf(10,
                {{0, 2, 0.5},
                 {0, 4, 0.3},
                 {1, 3, 0.1},
                 {1, 4, 0.3},
                 {1, 9, 0.12},
                 {2, 0, 0.53},
                 {2, 4, 0.62},
                 {2, 7, 0.21},
                 {2, 9, 0.52},
                 {4, 2, 0.69},
                 {4, 3, 0.53},
                 {4, 7, 0.1},
                 {5, 2, 0.23},
                 {5, 3, 0.39},
                 {6, 3, 0.83},
                 {7, 0, 0.39},
                 {8, 3, 0.69}},
                true, true);
}
inline GraphCase LdbcUndirected() {  // its ids are 2 to 10; here they are 1 to 9
  return CaseOf(9,
                {{0, 1, 0.9},
                 {0, 2, 0.69},
                 {1, 2, 0.13},
                 {1, 3, 0.5},
                 {1, 6, 0.32},
                 {3, 4, 0.63},
                 {3, 6, 0.12},
                 {4, 5, 0.53},
                 {4, 6, 0.64},
                 {4, 7, 0.23},
                 {4, 8, 0.63},
                 {5, 7, 0.36}},
                false, true);
}

// 2^scale vertices with a few great hubs and many of small degree (R-MAT: Chakrabarti,
// Zhan, Faloutsos 2004).
inline GraphCase RmatCase(int scale, size_t edge_count, bool is_directed,
                          uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::vector<Edge> edges;
  for (size_t i = 0; i < edge_count; ++i) {
    VertexIndex from = 0, to = 0;
    for (int bit = 0; bit < scale; ++bit) {
      const uint64_t r = random() % 100;
      from = 2 * from + (r >= 76);
      to = 2 * to + ((r >= 57 && r < 76) || r >= 95);
    }
    edges.push_back({from, to, static_cast<double>(random() % 1000) / 64 + 0.5});
  }
  return CaseOf(size_t{1} << scale, std::move(edges), is_directed, true);
}

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_GRAPH_CASES_H_
