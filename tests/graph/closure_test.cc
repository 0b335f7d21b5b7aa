// Closure, counts, reduction and reachable sets against the matrix of what reaches what,
// on random graphs, with memory for one word of a row and for all; that of a reduction no
// edge can be taken; rows longer than a word; a million vertices, and every way to stop.
#include "graph/closure.h"

#include <algorithm>
#include <set>

#include "graph/strong_components.h"
#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

std::vector<std::vector<int>> MatrixOf(const GraphProjection& graph) {
  const VertexIndex n = graph.vertex_count();
  std::vector<std::vector<int>> m(n, std::vector<int>(n, 0));
  for (VertexIndex v = 0; v < n; ++v)
    for (VertexIndex w : graph.Out(v)) ++m[v][w];
  return m;
}

void ExpectClosure(const SmallGraph& g) {
  const auto reach = ReachOf(g.Matrix());
  const auto closure = TransitiveClosure::Of(g.graph);
  ASSERT_TRUE(closure.ok()) << closure.status();
  const auto counts = ReachableCounts(g.graph);
  ASSERT_TRUE(counts.ok()) << counts.status();
  ASSERT_EQ(counts->size(), g.n);
  uint64_t pairs = 0;
  for (VertexIndex u = 0; u < g.n; ++u) {
    Vertices expected;
    for (VertexIndex v = 0; v < g.n; ++v) {
      ASSERT_EQ(closure->Reaches(u, v), reach[u][v]) << u << " " << v;
      if (reach[u][v]) expected.push_back(v);
    }
    ASSERT_EQ(closure->Reachable(u), expected);
    ASSERT_EQ(closure->ReachableCount(u), expected.size());
    ASSERT_EQ((*counts)[u], expected.size());
    pairs += expected.size();
  }
  ASSERT_EQ(closure->pair_count(), pairs);
}

TEST(Closure, IsWhatReachesWhat) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const SmallGraph g = RandomGraph(seed, 10);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    ExpectClosure(g);
    if (HasFatalFailure()) return;
  }
}

TEST(Closure, RowsOfSeveralWords) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const SmallGraph g = RandomGraph(seed, 330, seed % 3 == 0);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ", n = ", g.n));
    ExpectClosure(g);
    if (HasFatalFailure()) return;
  }
}

// Sparse graphs of several hundred components, with as little memory as does: the passes
// over the columns are many then.
TEST(Closure, CountsAndReductionDoNotDependOnTheMemory) {
  int tried = 0;
  for (uint64_t seed = 0; seed < 40; seed += 2) {
    std::mt19937_64 random(seed);
    std::vector<Edge> edges;
    for (int i = 0; i < 500; ++i) {
      edges.push_back({static_cast<VertexIndex>(random() % 400),
                       static_cast<VertexIndex>(random() % 400)});
      if (i % 7 != 0 && edges.back().from > edges.back().to)
        std::swap(edges.back().from, edges.back().to);
    }
    const GraphProjection graph = GraphOf(400, edges);
    const auto reach = ReachOf(MatrixOf(graph));
    AlgorithmOptions little;
    absl::StatusOr<std::vector<uint64_t>> counts = ReachableCounts(graph, little);
    for (little.memory_bytes_max = 30000; !ReachableCounts(graph, little).ok();)
      little.memory_bytes_max += 500;
    EXPECT_EQ(*ReachableCounts(graph, little), *counts);
    for (VertexIndex v = 0; v < 400; ++v)
      ASSERT_EQ((*counts)[v], std::count(reach[v].begin(), reach[v].end(), true));
    for (; !TransitiveReduction(graph, little).ok();) little.memory_bytes_max += 500;
    EXPECT_EQ(MatrixOf(*TransitiveReduction(graph, little)),
              MatrixOf(*TransitiveReduction(graph)));
    tried += FindStrongComponents(graph)->count > 130;
  }
  EXPECT_GT(tried, 10);
}

// The same is reached; of a graph without cycles by edges of which each is needed; of
// others by one cycle a component and, between them, by edges of the graph.
TEST(Closure, ReductionReachesTheSameByTheFewestEdges) {
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const SmallGraph g = RandomGraph(seed * 2, 9, seed % 2 == 0);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto reduced = TransitiveReduction(g.graph);
    ASSERT_TRUE(reduced.ok()) << reduced.status();
    ASSERT_EQ(reduced->vertex_count(), g.n);
    const auto before = g.Matrix(), m = MatrixOf(*reduced);
    const auto reach = ReachOf(before);
    ASSERT_EQ(ReachOf(m), reach);
    for (VertexIndex u = 0; u < g.n; ++u) {
      ASSERT_EQ(reduced->id(u), g.graph.id(u));
      for (VertexIndex v = 0; v < g.n; ++v) {
        ASSERT_LE(m[u][v], 1);
        if (m[u][v] == 0) continue;
        ASSERT_NE(u, v);
        if (!reach[v][u]) {
          ASSERT_GT(before[u][v], 0);
        }
        auto without = m;
        without[u][v] = 0;
        ASSERT_NE(ReachOf(without), reach) << u << " " << v;
      }
    }
  }
}

TEST(Closure, ReductionOfKnownGraphs) {
  const auto triangle = TransitiveReduction(GraphOf(3, {{0, 1}, {1, 2}, {0, 2}}));
  EXPECT_EQ(MatrixOf(*triangle), MatrixOf(Path(3)));
  // A component {0, 2, 3} of other edges, before 1: its cycle goes by their order.
  const auto general = TransitiveReduction(
      GraphOf(4, {{3, 2}, {2, 0}, {0, 3}, {2, 3}, {3, 1}, {2, 1}, {1, 1}}));
  EXPECT_EQ(MatrixOf(*general), MatrixOf(GraphOf(4, {{0, 2}, {2, 3}, {3, 0}, {2, 1}})));
  EXPECT_EQ(TransitiveReduction(GraphProjection())->edge_count(), 0u);
  EXPECT_EQ(TransitiveReduction(GraphOf(2, {}, Edges::kUndirected)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Closure, ReachableFromSourcesWithinADepth) {
  for (uint64_t seed = 0; seed < 600; ++seed) {
    const SmallGraph g = RandomGraph(seed, 9);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    for (Direction direction : {Direction::kOut, Direction::kIn, Direction::kBoth}) {
      auto m = direction == Direction::kBoth ? g.Symmetric() : g.Matrix();
      if (direction == Direction::kIn)
        for (VertexIndex u = 0; u < g.n; ++u)
          for (VertexIndex v = 0; v < u; ++v) std::swap(m[u][v], m[v][u]);
      std::set<VertexIndex> reached;
      if (g.n > 0) reached = {seed % 5 == 0 ? g.n / 2 : 0, g.n - 1};
      const Vertices sources(reached.rbegin(), reached.rend());
      for (uint32_t depth = 0; depth <= g.n; ++depth) {
        Vertices others;
        for (VertexIndex v = 0; v < g.n; ++v)
          if (reached.count(v) == 0) others.push_back(v);
        ASSERT_EQ(*ReachableFrom(g.graph, sources, direction, depth),
                  Vertices(reached.begin(), reached.end()));
        ASSERT_EQ(*UnreachableFrom(g.graph, sources, direction, depth), others);
        const std::set<VertexIndex> last = reached;
        for (VertexIndex u : last)
          for (VertexIndex v = 0; v < g.n; ++v)
            if (m[u][v] > 0) reached.insert(v);
      }
      ASSERT_EQ(*ReachableFrom(g.graph, sources, direction),
                Vertices(reached.begin(), reached.end()));
    }
  }
  EXPECT_EQ(ReachableFrom(GraphOf(2, {}), {0, 2}).status(),
            absl::InvalidArgumentError("a source is vertex 2, but there are 2 vertices"));
  EXPECT_EQ(UnreachableFrom(GraphProjection(), {0}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Closure, AMillionVerticesInARow) {
  const GraphProjection path = Path(kMany), ring = Ring(kMany);
  const auto too_large = TransitiveClosure::Of(path);
  EXPECT_EQ(too_large.status().code(), absl::StatusCode::kResourceExhausted);
  const auto closure = TransitiveClosure::Of(ring);
  ASSERT_TRUE(closure.ok());
  EXPECT_TRUE(closure->Reaches(kMany - 1, 1));
  EXPECT_EQ(closure->pair_count(), uint64_t{kMany} * kMany);
  EXPECT_EQ(ReachableCounts(ring)->front(), kMany);
  EXPECT_EQ(TransitiveReduction(ring)->edge_count(), kMany);
  EXPECT_EQ(ReachableFrom(path, {kMany / 2})->size(), kMany / 2);
  EXPECT_EQ(ReachableFrom(path, {7}, Direction::kIn, 3)->size(), 4u);
  EXPECT_EQ(*ReachableCounts(Path(20000)), [] {
    std::vector<uint64_t> counts;
    for (uint64_t v = 20000; v > 0; --v) counts.push_back(v);
    return counts;
  }());
}

TEST(Closure, Stop) {
  const GraphProjection path = Path(20000), million = Path(kMany);
  ExpectStops(
      [&](const AlgorithmOptions& o) { return TransitiveClosure::Of(path, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return ReachableCounts(path, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return TransitiveReduction(path, o).status(); });
  ExpectStops([&](const AlgorithmOptions& o) {
    return ReachableFrom(million, {0}, Direction::kOut, kMany, o).status();
  });
  ExpectStops([&](const AlgorithmOptions& o) {
    return UnreachableFrom(million, {0}, Direction::kOut, kMany, o).status();
  });
}

}  // namespace
}  // namespace sheaf::graph
