// Small random graphs, and large simple ones, for the tests of graph algorithms; and what
// every algorithm has to do when it is stopped.
#ifndef TESTS_GRAPH_SMALL_GRAPHS_H_
#define TESTS_GRAPH_SMALL_GRAPHS_H_
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "graph/algorithm_options.h"
#include "graph/graph_projection.h"
#include "tests/support/sanitizers.h"

namespace sheaf::graph {

using Edge = GraphProjection::Edge;
using Edges = GraphProjection::Edges;
using Vertices = std::vector<VertexIndex>;

// Vertices in a row, of which a function that called itself for each would overflow the stack.
constexpr VertexIndex kMany = test::kAddressSanitizer ? 200'000 : 1'000'000;

// Vertex v has the id 10 v + 3.
inline GraphProjection GraphOf(VertexIndex n, const std::vector<Edge>& edges,
                               Edges kind = Edges::kDirected, bool weighted = false) {
  std::vector<VertexId> ids(n);
  for (VertexIndex v = 0; v < n; ++v) ids[v] = uint64_t{10} * v + 3;
  auto graph = GraphProjection::Of(std::move(ids), edges, kind, weighted);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

struct SmallGraph {
  VertexIndex n = 0;
  std::vector<Edge> edges;
  Edges kind = Edges::kDirected;
  bool weighted = false;
  GraphProjection graph;

  bool directed() const { return kind == Edges::kDirected; }
  std::string ToString() const {
    std::string text = absl::StrCat(directed() ? "directed" : "undirected", ", n = ", n);
    for (const Edge& e : edges) {
      absl::StrAppend(&text, ", ", e.from, "-", e.to);
      if (weighted) absl::StrAppend(&text, ":", e.weight);
    }
    return text;
  }
  // How many edges lead from one to the other.
  std::vector<std::vector<int>> Matrix() const {
    std::vector<std::vector<int>> m(n, std::vector<int>(n, 0));
    for (const Edge& e : edges) {
      ++m[e.from][e.to];
      if (!directed() && e.from != e.to) ++m[e.to][e.from];
    }
    return m;
  }
  // The same with directions ignored; a loop once.
  std::vector<std::vector<int>> Symmetric() const {
    SmallGraph other = *this;
    other.kind = Edges::kUndirected;
    return other.Matrix();
  }
};

// From none to `n_max` vertices, sparse to dense, with loops, parallel edges and isolated
// vertices; half of the seeds are undirected, half weighted, by small whole numbers of
// which many are the same. Acyclic: edges lead from smaller to larger vertices, shuffled.
inline SmallGraph RandomGraph(uint64_t seed, VertexIndex n_max, bool acyclic = false) {
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15 + 1);
  SmallGraph g;
  g.n = static_cast<VertexIndex>(random() % (n_max + 1));
  g.kind = seed % 2 == 0 || acyclic ? Edges::kDirected : Edges::kUndirected;
  g.weighted = seed / 2 % 2 == 0;
  Vertices names(g.n);
  for (VertexIndex v = 0; v < g.n; ++v) names[v] = v;
  std::shuffle(names.begin(), names.end(), random);
  const uint64_t count = g.n == 0 ? 0 : random() % (uint64_t{3} * g.n);
  for (uint64_t i = 0; i < count; ++i) {
    auto a = static_cast<VertexIndex>(random() % g.n);
    auto b = static_cast<VertexIndex>(random() % g.n);
    if (a == b && (acyclic || random() % 2 != 0)) continue;
    if (acyclic && a > b) std::swap(a, b);
    Edge e = {.from = names[a], .to = names[b]};
    if (g.weighted) e.weight = static_cast<double>(random() % 6);
    g.edges.push_back(e);
    if (random() % 8 == 0) g.edges.push_back(e);
  }
  g.graph = GraphOf(g.n, g.edges, g.kind, g.weighted);
  return g;
}

// reach[u][v]: a path leads from u to v, of no edges too. `gone`: not through this one.
inline std::vector<std::vector<bool>> ReachOf(const std::vector<std::vector<int>>& m,
                                              VertexIndex gone = kNoVertex) {
  const size_t n = m.size();
  std::vector<std::vector<bool>> reach(n, std::vector<bool>(n));
  for (size_t u = 0; u < n; ++u)
    for (size_t v = 0; v < n; ++v)
      reach[u][v] = u != gone && v != gone && (u == v || m[u][v] > 0);
  for (size_t k = 0; k < n; ++k)
    for (size_t u = 0; u < n; ++u) {
      if (!reach[u][k]) continue;
      for (size_t v = 0; v < n; ++v)
        if (reach[k][v]) reach[u][v] = true;
    }
  return reach;
}

inline GraphProjection Path(VertexIndex n, Edges kind = Edges::kDirected) {
  std::vector<Edge> edges;
  for (VertexIndex v = 1; v < n; ++v) edges.push_back({.from = v - 1, .to = v});
  return GraphOf(n, edges, kind);
}
inline GraphProjection Ring(VertexIndex n, Edges kind = Edges::kDirected) {
  std::vector<Edge> edges;
  for (VertexIndex v = 0; v < n; ++v) edges.push_back({.from = v, .to = (v + 1) % n});
  return GraphOf(n, edges, kind);
}

// A call on a graph of a million vertices, which is stopped in every way: before it begins
// and on the way, by the report, the deadline and the memory.
inline void ExpectStops(
    const std::function<absl::Status(const AlgorithmOptions&)>& call) {
  AlgorithmOptions options;
  int reports = 0;
  options.progress.report = [&](const Progress::State& state) {
    ++reports;
    EXPECT_STRNE(state.what, "");
    if (state.total != 0) {
      EXPECT_LE(state.done, state.total);
    }
    return true;
  };
  EXPECT_TRUE(call(options).ok()) << call(options);
  EXPECT_GE(reports, 20);
  for (int stop_at : {1, 2, reports / 4}) {
    reports = 0;
    options.progress.report = [&](const Progress::State&) { return ++reports < stop_at; };
    EXPECT_EQ(call(options).code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(reports, stop_at);
  }
  options.progress = {.deadline = absl::InfinitePast()};
  EXPECT_EQ(call(options).code(), absl::StatusCode::kDeadlineExceeded);
  options.progress = {};
  for (uint64_t bytes : {0, 1000, 1000000}) {
    options.memory_bytes_max = bytes;
    const absl::Status status = call(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_NE(status.message().find(absl::StrCat(bytes, " are allowed")),
              std::string::npos)
        << status;
  }
}

}  // namespace sheaf::graph
#endif  // TESTS_GRAPH_SMALL_GRAPHS_H_
