// Minimum spanning forests against Kruskal's algorithm by hand, edge by edge: the same
// edges in the same order, also where many weigh the same; a million vertices in a row,
// and every way to stop.
#include "graph/spanning_tree.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

TEST(SpanningTree, IsKruskals) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    SmallGraph g = RandomGraph(seed, seed % 20 == 0 ? 60 : 10);
    for (Edge& e : g.edges) e.weight -= g.weighted ? 2 : 0;
    g.graph = GraphOf(g.n, g.edges, g.kind, g.weighted);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    std::vector<Edge> edges = g.edges;
    for (Edge& e : edges)
      if (!g.directed() && e.from > e.to) std::swap(e.from, e.to);
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
      return std::tie(a.weight, a.from, a.to) < std::tie(b.weight, b.from, b.to);
    });
    Vertices trees(g.n);
    std::iota(trees.begin(), trees.end(), VertexIndex{0});
    const auto forest = MinimumSpanningForest(g.graph);
    ASSERT_TRUE(forest.ok());
    size_t taken = 0;
    double weight = 0;
    for (const Edge& e : edges) {
      const VertexIndex from = trees[e.from], to = trees[e.to];
      if (from == to) continue;
      for (VertexIndex& tree : trees) tree = tree == from ? to : tree;
      ASSERT_LT(taken, forest->edges.size());
      const Edge& found = forest->edges[taken++];
      ASSERT_EQ(std::tie(found.weight, found.from, found.to),
                std::tie(e.weight, e.from, e.to));
      weight += e.weight;
    }
    ASSERT_EQ(taken, forest->edges.size());
    ASSERT_EQ(forest->tree_count, g.n - taken);
    ASSERT_EQ(forest->weight, weight);
  }
}

TEST(SpanningTree, KnownAnswers) {
  EXPECT_EQ(MinimumSpanningForest(GraphProjection())->tree_count, 0u);
  EXPECT_EQ(MinimumSpanningForest(GraphOf(1, {{0, 0}}))->tree_count, 1u);
  const auto square = MinimumSpanningForest(
      GraphOf(4, {{0, 1, 4}, {1, 2, 1}, {2, 3, 2}, {3, 0, 3}, {0, 2, 3}},
              Edges::kDirected, true));
  EXPECT_EQ(square->weight, 6);
  EXPECT_EQ(square->edges.back().from, 0u);  // 0-2 comes before 3-0
}

TEST(SpanningTree, AMillionVerticesInARow) {
  EXPECT_EQ(MinimumSpanningForest(Path(kMany))->weight, kMany - 1);
  const auto ring = MinimumSpanningForest(Ring(kMany, Edges::kUndirected));
  EXPECT_EQ(ring->tree_count, 1u);
  EXPECT_EQ(ring->edges.back().from, kMany - 3);  // the last of all is left out
}

TEST(SpanningTree, Stop) {
  const GraphProjection path = Path(kMany);
  ExpectStops(
      [&](const AlgorithmOptions& o) { return MinimumSpanningForest(path, o).status(); });
}

}  // namespace
}  // namespace sheaf::graph
