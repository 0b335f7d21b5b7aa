// Topological orders against what they promise on random graphs (every edge forward; the
// smallest or the first of those that are ready, chosen by a search over all vertices),
// the cycle that is handed out against the edges, levels and longest paths against all
// paths there are; a million vertices in a row, and every way to stop.
#include "graph/order.h"

#include <algorithm>

#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

bool IsCycle(const std::vector<std::vector<int>>& m, const Vertices& cycle) {
  for (size_t i = 0; i < cycle.size(); ++i) {
    if (m[cycle[i]][cycle[(i + 1) % cycle.size()]] == 0) return false;
    if (std::count(cycle.begin(), cycle.end(), cycle[i]) != 1) return false;
  }
  return !cycle.empty();
}

bool HasCycleByMatrix(const std::vector<std::vector<int>>& m) {
  const auto reach = ReachOf(m);
  for (size_t u = 0; u < m.size(); ++u)
    for (size_t v = 0; v < m.size(); ++v)
      if (m[u][v] > 0 && reach[v][u]) return true;
  return false;
}

// The order by its words: `ready` in the order in which they became so.
Vertices OrderByHand(const std::vector<std::vector<int>>& m, ReadyOrder order) {
  const auto n = static_cast<VertexIndex>(m.size());
  Vertices ready, result;
  std::vector<bool> was_ready(n);
  const auto look = [&] {
    for (VertexIndex v = 0; v < n; ++v) {
      bool waits = was_ready[v];
      for (VertexIndex u = 0; u < n; ++u)
        waits |= m[u][v] > 0 && std::count(result.begin(), result.end(), u) == 0;
      if (waits) continue;
      was_ready[v] = true;
      ready.push_back(v);
    }
  };
  for (look(); !ready.empty(); look()) {
    const auto next = order == ReadyOrder::kSmallest
                          ? std::min_element(ready.begin(), ready.end())
                          : ready.begin();
    result.push_back(*next);
    ready.erase(next);
  }
  return result;
}

Vertices CursorOrder(const GraphProjection& graph, ReadyOrder order,
                     absl::Status* status) {
  auto cursor = TopologicalCursor::Of(graph, order);
  EXPECT_TRUE(cursor.ok()) << cursor.status();
  Vertices result;
  while (cursor->Next()) result.push_back(cursor->vertex());
  EXPECT_FALSE(cursor->Next());
  *status = cursor->status();
  return result;
}

TEST(Order, SortsOrShowsACycle) {
  int sorted = 0, cyclic = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const SmallGraph g = RandomGraph(seed * 2, 9, seed % 3 == 0);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto m = g.Matrix();
    for (ReadyOrder order : {ReadyOrder::kFirstReady, ReadyOrder::kSmallest}) {
      Vertices cycle;
      const auto found = TopologicalSort(g.graph, order, {}, &cycle);
      const Vertices expected = OrderByHand(m, order);
      absl::Status status;
      ASSERT_EQ(CursorOrder(g.graph, order, &status), expected);
      ASSERT_EQ(found.ok(), !HasCycleByMatrix(m));
      ASSERT_EQ(status, found.status());
      if (found.ok()) {
        ASSERT_EQ(*found, expected);
        ++sorted;
      } else {
        ASSERT_EQ(found.status().code(), absl::StatusCode::kFailedPrecondition);
        ASSERT_TRUE(IsCycle(m, cycle)) << found.status();
        ++cyclic;
      }
    }
  }
  EXPECT_GT(sorted, 500);
  EXPECT_GT(cyclic, 500);
}

// All paths that begin at `v`.
void ForEachPath(const SmallGraph& g, Vertices* path, double weight,
                 const std::function<void(const Vertices&, double)>& fn) {
  fn(*path, weight);
  for (const Edge& e : g.edges) {
    if (e.from != path->back()) continue;
    path->push_back(e.to);
    ForEachPath(g, path, weight + (g.weighted ? e.weight : 1), fn);
    path->pop_back();
  }
}

TEST(Order, LevelsAndLongestPathsAreThoseOfAllPaths) {
  for (uint64_t seed = 0; seed < 600; ++seed) {
    SmallGraph g = RandomGraph(seed, 7, true);
    if (seed % 5 == 0)
      for (Edge& e : g.edges) e.weight -= 2;
    g.graph = GraphOf(g.n, g.edges, g.kind, g.weighted);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    std::vector<uint32_t> levels(g.n, 0);
    std::vector<double> weights(g.n, 0);
    for (VertexIndex v = 0; v < g.n; ++v) {
      Vertices path = {v};
      ForEachPath(g, &path, 0, [&](const Vertices& p, double weight) {
        levels[p.back()] =
            std::max(levels[p.back()], static_cast<uint32_t>(p.size() - 1));
        weights[p.back()] = std::max(weights[p.back()], weight);
      });
    }
    ASSERT_EQ(*Levels(g.graph), levels);
    const auto longest = FindLongestPath(g.graph);
    ASSERT_TRUE(longest.ok());
    ASSERT_EQ(longest->weight_to, weights);
    ASSERT_EQ(longest->vertices.empty(), g.n == 0);
    if (g.n == 0) continue;
    ASSERT_EQ(longest->weight, *std::max_element(weights.begin(), weights.end()));
    Vertices start = {longest->vertices[0]};
    double of_these = -1e9;
    ForEachPath(g, &start, 0, [&](const Vertices& p, double weight) {
      if (p == longest->vertices) of_these = std::max(of_these, weight);
    });
    ASSERT_EQ(of_these, longest->weight);
  }
}

TEST(Order, KnownAnswersAndMessages) {
  const GraphProjection graph = GraphOf(5, {{4, 0}, {3, 1}, {1, 0}, {1, 0}});
  EXPECT_EQ(*TopologicalSort(graph), (Vertices{2, 3, 4, 1, 0}));
  EXPECT_EQ(*TopologicalSort(graph, ReadyOrder::kSmallest), (Vertices{2, 3, 1, 4, 0}));
  EXPECT_EQ(TopologicalSort(GraphProjection())->size(), 0u);
  const auto cyclic = TopologicalSort(GraphOf(3, {{0, 1}, {1, 2}, {2, 1}}));
  EXPECT_EQ(cyclic.status(), absl::FailedPreconditionError(
                                 "the graph has a cycle of 2 edges: 23 -> 13 -> 23"));
  EXPECT_EQ(Levels(GraphOf(1, {{0, 0}})).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const GraphProjection undirected = GraphOf(2, {}, Edges::kUndirected);
  EXPECT_EQ(TopologicalSort(undirected).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TopologicalCursor::Of(undirected).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Levels(undirected).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindLongestPath(undirected).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Order, AMillionVerticesInARow) {
  const GraphProjection path = Path(kMany);
  EXPECT_EQ(TopologicalSort(path)->back(), kMany - 1);
  EXPECT_EQ(Levels(path)->back(), kMany - 1);
  EXPECT_EQ(FindLongestPath(path)->weight, kMany - 1);
  Vertices cycle;
  const auto ring = TopologicalSort(Ring(kMany), ReadyOrder::kSmallest, {}, &cycle);
  EXPECT_EQ(ring.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cycle.size(), kMany);
  EXPECT_LT(ring.status().message().size(), 300u);
}

TEST(Order, Stop) {
  const GraphProjection path = Path(kMany);
  ExpectStops([&](const AlgorithmOptions& o) { return Levels(path, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return FindLongestPath(path, o).status(); });
  for (ReadyOrder order : {ReadyOrder::kFirstReady, ReadyOrder::kSmallest}) {
    ExpectStops([&](const AlgorithmOptions& o) {
      return TopologicalSort(path, order, o).status();
    });
    ExpectStops([&](const AlgorithmOptions& o) {
      auto cursor = TopologicalCursor::Of(path, order, o);
      if (!cursor.ok()) return cursor.status();
      while (cursor->Next()) {
      }
      return cursor->status();
    });
  }
}

}  // namespace
}  // namespace sheaf::graph
