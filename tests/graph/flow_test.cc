// Flows against all cuts there are on random graphs: the value is that of the smallest,
// the flow keeps to capacities and to what comes in goes out, the cut separates, its side
// is the smallest; vertex cuts against all sets of vertices. Capacities that are no whole
// numbers; bad arguments; a million vertices in a row, and every way to stop.
#include "graph/flow.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

double CapacityOf(const SmallGraph& g, const Edge& e) {
  return g.weighted ? e.weight : 1;
}

// What leads out of a set of vertices.
double CutOf(const SmallGraph& g, uint32_t set) {
  double sum = 0;
  for (const Edge& e : g.edges) {
    const bool from = (set >> e.from & 1) != 0, to = (set >> e.to & 1) != 0;
    if ((from && !to) || (!g.directed() && to && !from)) sum += CapacityOf(g, e);
  }
  return sum;
}

// The capacity of the smallest cut, and what is in the source's side of all of those.
std::pair<double, uint32_t> SmallestCut(const SmallGraph& g, VertexIndex source,
                                        VertexIndex target) {
  double smallest = std::numeric_limits<double>::infinity();
  uint32_t side = 0;
  for (uint32_t set = 0; set < 1u << g.n; ++set) {
    if ((set >> source & 1) == 0 || (set >> target & 1) != 0) continue;
    const double cut = CutOf(g, set);
    side = cut < smallest ? set : cut == smallest ? side & set : side;
    smallest = std::min(smallest, cut);
  }
  return {smallest, side};
}

// What goes out of each vertex less what comes in.
void ExpectFlow(const GraphProjection& graph, const Flow& flow, VertexIndex source,
                VertexIndex target, double error) {
  std::vector<double> balance(graph.vertex_count(), 0);
  ASSERT_EQ(flow.of_edge.size(), graph.OutBegin(graph.vertex_count()));
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v) {
    for (size_t i = 0; i < graph.Out(v).size(); ++i) {
      const double f = flow.of_edge[graph.OutBegin(v) + i];
      ASSERT_GE(f, 0);
      ASSERT_LE(f, (graph.is_weighted() ? graph.OutWeights(v)[i] : 1) + error);
      balance[v] += f;
      balance[graph.Out(v)[i]] -= f;
    }
  }
  balance[source] -= flow.value;
  balance[target] += flow.value;
  for (double b : balance) ASSERT_NEAR(b, 0, error);
}

void ExpectCut(const SmallGraph& g, const EdgeCut& cut, uint32_t side) {
  uint32_t found = 0;
  for (VertexIndex v : cut.source_side) found |= 1u << v;
  ASSERT_EQ(found, side);
  ASSERT_TRUE(std::is_sorted(cut.source_side.begin(), cut.source_side.end()));
  double sum = 0;
  size_t count = 0;
  for (const Edge& e : cut.edges) {
    ASSERT_TRUE((side >> e.from & 1) != 0 && (side >> e.to & 1) == 0);
    sum += e.weight;
  }
  for (const Edge& e : g.edges) {
    const bool from = (side >> e.from & 1) != 0, to = (side >> e.to & 1) != 0;
    count += (from && !to) || (!g.directed() && to && !from);
  }
  ASSERT_EQ(cut.edges.size(), count);
  ASSERT_EQ(sum, cut.capacity);
}

TEST(Flow, IsTheSmallestCut) {
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const SmallGraph g = RandomGraph(seed, 9);
    if (g.n < 2) continue;
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const VertexIndex source = static_cast<VertexIndex>(seed / 3 % g.n);
    const VertexIndex target = (source + 1) % g.n;
    const auto [smallest, side] = SmallestCut(g, source, target);
    const auto flow = MaxFlow(g.graph, source, target);
    ASSERT_TRUE(flow.ok()) << flow.status();
    ASSERT_EQ(flow->value, smallest);
    ExpectFlow(g.graph, *flow, source, target, 0);
    const auto cut = MinCut(g.graph, source, target);
    ASSERT_TRUE(cut.ok()) << cut.status();
    ASSERT_EQ(cut->capacity, smallest);
    ExpectCut(g, *cut, side);
    if (HasFatalFailure()) return;
  }
}

// Thirds and powers of ten: sums round, the search ends, and the cut is still one.
TEST(Flow, CapacitiesThatAreNotWhole) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SmallGraph g = RandomGraph(seed, 9);
    if (g.n < 2) continue;
    std::mt19937_64 random(seed);
    g.weighted = true;
    for (Edge& e : g.edges)
      e.weight = static_cast<double>(random() % 1000) / 3 *
                 std::pow(10, static_cast<double>(random() % (seed % 2 == 0 ? 3 : 30)));
    g.graph = GraphOf(g.n, g.edges, g.kind, true);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const double smallest = SmallestCut(g, 0, 1).first;
    double largest = 1;
    for (const Edge& e : g.edges) largest = std::max(largest, e.weight);
    const auto flow = MaxFlow(g.graph, 0, 1);
    ASSERT_TRUE(flow.ok());
    ASSERT_NEAR(flow->value, smallest, smallest * 1e-13);
    ExpectFlow(g.graph, *flow, 0, 1, largest * 1e-12);
    ASSERT_NEAR(MinCut(g.graph, 0, 1)->capacity, smallest, smallest * 1e-13);
    if (HasFatalFailure()) return;
  }
}

TEST(Flow, VertexCutIsTheSmallestSet) {
  int found_some = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const SmallGraph g = RandomGraph(seed, 9);
    if (g.n < 2) continue;
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const VertexIndex source = static_cast<VertexIndex>(seed / 3 % g.n);
    const VertexIndex target = (source + 1) % g.n;
    const auto m = g.Matrix();
    const auto cut = MinVertexCut(g.graph, source, target);
    if (m[source][target] > 0) {
      ASSERT_EQ(cut.status().code(), absl::StatusCode::kFailedPrecondition);
      continue;
    }
    ASSERT_TRUE(cut.ok()) << cut.status();
    const auto separates = [&](uint32_t set) {
      auto left = m;
      for (VertexIndex u = 0; u < g.n; ++u)
        for (VertexIndex v = 0; v < g.n; ++v)
          if ((set >> u & 1) != 0 || (set >> v & 1) != 0) left[u][v] = 0;
      return !ReachOf(left)[source][target];
    };
    int fewest = 32;
    for (uint32_t set = 0; set < 1u << g.n; ++set)
      if ((set >> source & 1) == 0 && (set >> target & 1) == 0 &&
          std::popcount(set) < fewest && separates(set))
        fewest = std::popcount(set);
    uint32_t set = 0;
    for (VertexIndex v : *cut) set |= 1u << v;
    ASSERT_EQ(set & (1u << source | 1u << target), 0u);
    ASSERT_TRUE(separates(set));
    ASSERT_EQ(cut->size(), static_cast<size_t>(fewest));
    ASSERT_TRUE(std::is_sorted(cut->begin(), cut->end()));
    found_some += fewest > 1;
  }
  EXPECT_GT(found_some, 50);
}

// Cormen, Leiserson, Rivest and Stein, figure 26.1.
TEST(Flow, KnownAnswer) {
  const GraphProjection graph = GraphOf(6,
                                        {{0, 1, 16},
                                         {0, 2, 13},
                                         {1, 3, 12},
                                         {2, 1, 4},
                                         {2, 4, 14},
                                         {3, 2, 9},
                                         {3, 5, 20},
                                         {4, 3, 7},
                                         {4, 5, 4}},
                                        Edges::kDirected, true);
  EXPECT_EQ(MaxFlow(graph, 0, 5)->value, 23);
  EXPECT_EQ(MinCut(graph, 0, 5)->source_side, (Vertices{0, 1, 2, 4}));
  EXPECT_EQ(*MinVertexCut(graph, 0, 5), (Vertices{1, 2}));
  EXPECT_EQ(MaxFlow(graph, 5, 0)->value, 0);
}

TEST(Flow, BadArguments) {
  const GraphProjection graph =
      GraphOf(3, {{0, 1, 2}, {1, 2, -1}}, Edges::kDirected, true);
  EXPECT_EQ(
      MaxFlow(graph, 0, 1).status(),
      absl::InvalidArgumentError("the edge from 13 to 23 has the negative capacity -1"));
  for (VertexIndex target : {VertexIndex{0}, VertexIndex{3}, kNoVertex}) {
    EXPECT_EQ(MaxFlow(graph, 0, target).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(MinCut(graph, target, 0).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(MinVertexCut(graph, target, 0).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(MaxFlow(GraphProjection(), 0, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  const double huge = std::numeric_limits<double>::max();
  EXPECT_EQ(
      MaxFlow(GraphOf(2, {{0, 1, huge}}, Edges::kDirected, true), 0, 1).status().code(),
      absl::StatusCode::kInvalidArgument);
  // What is no number comes into no projection.
  EXPECT_EQ(
      GraphProjection::Of({1, 2}, {{Edge{0, 1, std::nan("")}}}, Edges::kDirected, true)
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

TEST(Flow, AMillionVerticesInARow) {
  for (Edges kind : {Edges::kDirected, Edges::kUndirected}) {
    const GraphProjection path = Path(kMany, kind), ring = Ring(kMany, kind);
    EXPECT_EQ(MaxFlow(path, 0, kMany - 1)->value, 1);
    EXPECT_EQ(MinCut(path, 0, kMany - 1)->source_side.size(), 1u);
    EXPECT_EQ(MinVertexCut(path, 0, kMany - 1)->size(), 1u);
    const double ways = kind == Edges::kDirected ? 1 : 2;
    EXPECT_EQ(MaxFlow(ring, 0, kMany / 2)->value, ways);
    EXPECT_EQ(MinVertexCut(ring, 0, kMany / 2)->size(), ways);
  }
}

TEST(Flow, Stop) {
  const GraphProjection path = Path(kMany);
  const VertexIndex last = kMany - 1;
  ExpectStops(
      [&](const AlgorithmOptions& o) { return MaxFlow(path, 0, last, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return MinCut(path, 0, last, o).status(); });
  ExpectStops(
      [&](const AlgorithmOptions& o) { return MinVertexCut(path, 0, last, o).status(); });
}

}  // namespace
}  // namespace sheaf::graph
