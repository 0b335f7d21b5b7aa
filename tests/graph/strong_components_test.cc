// Strongly connected components against their definition (two vertices are in one when
// each reaches the other, by a matrix) on random graphs, their numbers against the order
// that the header promises, the condensation against the pairs of components that edges
// join; a million vertices in a row, and every way to stop.
#include "graph/strong_components.h"

#include <set>

#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

TEST(StrongComponents, AreThoseThatReachEachOtherInTopologicalOrder) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const SmallGraph g = RandomGraph(seed, 10);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto found = FindStrongComponents(g.graph);
    ASSERT_TRUE(found.ok()) << found.status();
    const auto reach = ReachOf(g.Matrix());
    std::set<VertexIndex> numbers;
    for (VertexIndex u = 0; u < g.n; ++u) {
      numbers.insert(found->component_of[u]);
      for (VertexIndex v = 0; v < g.n; ++v) {
        ASSERT_EQ(found->component_of[u] == found->component_of[v],
                  reach[u][v] && reach[v][u]);
        if (reach[u][v]) {
          ASSERT_LE(found->component_of[u], found->component_of[v]);
        }
      }
    }
    ASSERT_EQ(numbers.size(), found->count);
    if (g.n > 0) {
      ASSERT_EQ(*numbers.rbegin(), found->count - 1);
    }
  }
}

TEST(StrongComponents, CondensationHasEachEdgeBetweenComponentsOnce) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const SmallGraph g = RandomGraph(seed, 10);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto c = Condense(g.graph);
    ASSERT_TRUE(c.ok()) << c.status();
    std::set<std::pair<VertexIndex, VertexIndex>> expected, edges;
    for (const Edge& e : g.edges) {
      const VertexIndex from = c->component_of[e.from], to = c->component_of[e.to];
      if (from != to) expected.emplace(from, to);
    }
    ASSERT_EQ(c->graph.edge_count(), expected.size());
    ASSERT_EQ(c->members.size(), c->graph.vertex_count());
    size_t members = 0;
    for (VertexIndex v = 0; v < c->graph.vertex_count(); ++v) {
      ASSERT_EQ(c->graph.id(v), v);
      for (VertexIndex w : c->graph.Out(v)) edges.emplace(v, w);
      const auto list = c->members[v];
      ASSERT_TRUE(std::is_sorted(list.begin(), list.end()));
      for (VertexIndex m : list) ASSERT_EQ(c->component_of[m], v);
      members += list.size();
    }
    ASSERT_EQ(edges, expected);
    ASSERT_EQ(members, g.n);
  }
}

// 1 -> 0 -> 2 -> 0, 2 -> 3: the component {0, 2} stands between 1 and 3.
TEST(StrongComponents, KnownAnswer) {
  const auto found = FindStrongComponents(GraphOf(4, {{1, 0}, {0, 2}, {2, 0}, {2, 3}}));
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->component_of, (Vertices{1, 0, 1, 2}));
  EXPECT_EQ(FindStrongComponents(GraphProjection())->count, 0u);
  EXPECT_EQ(FindStrongComponents(GraphOf(1, {}))->count, 1u);
  EXPECT_EQ(Condense(GraphProjection())->members.size(), 0u);
}

TEST(StrongComponents, AMillionVerticesInARow) {
  const auto path = FindStrongComponents(Path(kMany));
  ASSERT_TRUE(path.ok());
  ASSERT_EQ(path->count, kMany);
  for (VertexIndex v = 0; v < kMany; ++v) ASSERT_EQ(path->component_of[v], v);
  EXPECT_EQ(FindStrongComponents(Ring(kMany))->count, 1u);
  EXPECT_EQ(FindStrongComponents(Path(kMany, Edges::kUndirected))->count, 1u);
  EXPECT_EQ(Condense(Path(kMany))->graph.edge_count(), kMany - 1);
}

TEST(StrongComponents, Stop) {
  const GraphProjection path = Path(kMany);
  ExpectStops([&](const AlgorithmOptions& options) {
    return FindStrongComponents(path, options).status();
  });
  ExpectStops(
      [&](const AlgorithmOptions& options) { return Condense(path, options).status(); });
}

}  // namespace
}  // namespace sheaf::graph
