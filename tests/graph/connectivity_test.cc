// Bridges, articulation points, blocks and 2-edge-connected components against their
// definitions on random graphs: take an edge or a vertex away and see what hangs together
// still; a million vertices in a row, and every way to stop.
#include "graph/connectivity.h"

#include <algorithm>
#include <set>

#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

using Matrix = std::vector<std::vector<int>>;

Matrix WithoutEdge(Matrix m, VertexIndex u, VertexIndex v) {
  --m[u][v];
  --m[v][u];
  return m;
}

// An edge alone between two vertices that nothing else joins.
bool IsBridge(const Matrix& m, VertexIndex u, VertexIndex v) {
  return u != v && m[u][v] == 1 && !ReachOf(WithoutEdge(m, u, v))[u][v];
}

bool IsArticulationPoint(const Matrix& m, VertexIndex v) {
  const auto with = ReachOf(m), without = ReachOf(m, v);
  for (VertexIndex a = 0; a < m.size(); ++a)
    for (VertexIndex b = 0; b < m.size(); ++b)
      if (a != v && b != v && with[a][b] && !without[a][b]) return true;
  return false;
}

TEST(Connectivity, BridgesAndPointsHoldSomethingTogether) {
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const SmallGraph g = RandomGraph(seed, 10);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const Matrix m = g.Symmetric();
    std::vector<Edge> expected;
    for (const Edge& e : g.edges)
      if (IsBridge(m, e.from, e.to)) expected.push_back(e);
    if (!g.directed())
      for (Edge& e : expected)
        if (e.from > e.to) std::swap(e.from, e.to);
    std::sort(expected.begin(), expected.end(), [](const Edge& a, const Edge& b) {
      return std::pair(a.from, a.to) < std::pair(b.from, b.to);
    });
    const auto bridges = Bridges(g.graph);
    ASSERT_TRUE(bridges.ok());
    ASSERT_EQ(bridges->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ((*bridges)[i].from, expected[i].from);
      ASSERT_EQ((*bridges)[i].to, expected[i].to);
      ASSERT_EQ((*bridges)[i].weight, expected[i].weight);
    }
    Vertices points;
    for (VertexIndex v = 0; v < g.n; ++v)
      if (IsArticulationPoint(m, v)) points.push_back(v);
    ASSERT_EQ(*ArticulationPoints(g.graph), points);
  }
}

TEST(Connectivity, TwoEdgeComponentsHangTogetherWithoutBridges) {
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const SmallGraph g = RandomGraph(seed, 10);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const Matrix m = g.Symmetric();
    Matrix left = m;
    for (VertexIndex u = 0; u < g.n; ++u)
      for (VertexIndex v = 0; v < u; ++v)
        if (IsBridge(m, u, v)) left = WithoutEdge(left, u, v);
    const auto reach = ReachOf(left);
    const auto found = FindTwoEdgeComponents(g.graph);
    ASSERT_TRUE(found.ok());
    VertexIndex count = 0;
    for (VertexIndex u = 0; u < g.n; ++u) {
      for (VertexIndex v = 0; v < g.n; ++v)
        ASSERT_EQ(found->component_of[u] == found->component_of[v], reach[u][v]);
      ASSERT_LE(found->component_of[u], count);  // by their smallest vertices
      count = std::max(count, found->component_of[u] + 1);
    }
    ASSERT_EQ(found->count, count);
  }
}

// Whether a set of vertices is connected and without an articulation point of its own.
bool IsBiconnected(const Matrix& m, uint32_t set) {
  Matrix part(m.size(), std::vector<int>(m.size(), 0));
  VertexIndex first = kNoVertex;
  for (VertexIndex u = 0; u < m.size(); ++u) {
    if ((set >> u & 1) == 0) continue;
    if (first == kNoVertex) first = u;
    for (VertexIndex v = 0; v < m.size(); ++v)
      if (set >> v & 1) part[u][v] = m[u][v];
  }
  const auto reach = ReachOf(part);
  for (VertexIndex u = 0; u < m.size(); ++u)
    if ((set >> u & 1) != 0 && (!reach[first][u] || IsArticulationPoint(part, u)))
      return false;
  return true;
}

// Blocks are the largest sets of two vertices or more that no vertex falls apart without.
TEST(Connectivity, BlocksAreTheLargestBiconnectedSets) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const SmallGraph g = RandomGraph(seed, 7);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const Matrix m = g.Symmetric();
    std::set<uint32_t> expected;
    for (uint32_t set = (1u << g.n) - 1; set > 0; --set) {
      if ((set & (set - 1)) == 0 || !IsBiconnected(m, set)) continue;
      if (std::none_of(expected.begin(), expected.end(),
                       [&](uint32_t other) { return (set & other) == set; }))
        expected.insert(set);
    }
    const auto blocks = BiconnectedComponents(g.graph);
    ASSERT_TRUE(blocks.ok());
    std::set<uint32_t> found;
    for (uint64_t i = 0; i < blocks->size(); ++i) {
      const auto block = (*blocks)[i];
      ASSERT_TRUE(std::is_sorted(block.begin(), block.end()));
      uint32_t set = 0;
      for (VertexIndex v : block) set |= 1u << v;
      found.insert(set);
    }
    ASSERT_EQ(found, expected);
    ASSERT_EQ(blocks->size(), expected.size());
  }
}

// Two triangles that share vertex 2, and 5 on a bridge from 4.
TEST(Connectivity, KnownAnswer) {
  const GraphProjection graph = GraphOf(
      7, {{0, 1}, {1, 2}, {2, 0}, {2, 3}, {3, 4}, {4, 2}, {5, 4}}, Edges::kDirected);
  ASSERT_EQ(Bridges(graph)->size(), 1u);
  EXPECT_EQ(Bridges(graph)->front().from, 5u);
  EXPECT_EQ(*ArticulationPoints(graph), (Vertices{2, 4}));
  EXPECT_EQ(BiconnectedComponents(graph)->size(), 3u);
  EXPECT_EQ(FindTwoEdgeComponents(graph)->component_of, (Vertices{0, 0, 0, 0, 0, 1, 2}));
  EXPECT_EQ(Bridges(GraphOf(2, {{0, 1}, {1, 0}}))->size(), 0u);
  EXPECT_EQ(Bridges(GraphProjection())->size(), 0u);
  EXPECT_EQ(BiconnectedComponents(GraphOf(1, {{0, 0}}))->size(), 0u);
  EXPECT_EQ(FindTwoEdgeComponents(GraphOf(1, {}))->count, 1u);
}

TEST(Connectivity, AMillionVerticesInARow) {
  const GraphProjection path = Path(kMany), ring = Ring(kMany, Edges::kUndirected);
  EXPECT_EQ(Bridges(path)->size(), kMany - 1);
  EXPECT_EQ(ArticulationPoints(path)->size(), kMany - 2);
  EXPECT_EQ(BiconnectedComponents(path)->size(), kMany - 1);
  EXPECT_EQ(FindTwoEdgeComponents(path)->count, kMany);
  EXPECT_EQ(Bridges(ring)->size(), 0u);
  EXPECT_EQ(ArticulationPoints(ring)->size(), 0u);
  EXPECT_EQ(BiconnectedComponents(ring)->size(), 1u);
  EXPECT_EQ(FindTwoEdgeComponents(ring)->count, 1u);
}

TEST(Connectivity, Stop) {
  const GraphProjection path = Path(kMany);
  ExpectStops([&](const AlgorithmOptions& o) { return Bridges(path, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return ArticulationPoints(path, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return BiconnectedComponents(path, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return FindTwoEdgeComponents(path, o).status(); });
}

}  // namespace
}  // namespace sheaf::graph
