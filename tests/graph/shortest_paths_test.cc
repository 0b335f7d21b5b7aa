// Proves that the searches find shortest paths: on hundreds of small random graphs, with
// loops and parallel edges, each direction, against Floyd-Warshall and all simple paths;
// every path found is also gone edge by edge. On the examples of LDBC Graphalytics
// against published distances; on greater graphs, where breadth-first search turns round,
// against a plain one. Weights and vertices that will not do are refused by name.
#include "graph/shortest_paths.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/graph_cases.h"

namespace sheaf {
namespace {

using test::CaseOf;
using test::GraphCase;
using test::kFar;
using test::Matrix;
using test::RandomCase;

constexpr Direction kDirections[] = {Direction::kOut, Direction::kIn, Direction::kBoth};
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// fn(case, direction, source) for many.
template <typename Fn>
void ForManyCases(size_t vertices_max, double weight_min, Fn fn) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const GraphCase random = RandomCase(seed, vertices_max, weight_min);
    SCOPED_TRACE(random.name);
    for (const Direction direction : kDirections)
      for (VertexIndex source = 0; source < std::min<size_t>(random.n(), 4); ++source)
        fn(random, direction, source);
    if (testing::Test::HasFatalFailure()) return;
  }
}

double DepthOf(uint32_t depth) { return depth == kUnreachedDepth ? kFar : depth; }

TEST(ShortestPaths, BfsDepthsAndParents) {
  ForManyCases(14, 1, [](const GraphCase& of, Direction direction, VertexIndex source) {
    const Matrix distances = of.Distances(direction, false);
    const Matrix steps = of.Lightest(direction, false);
    const BfsTree tree = *BfsWithParents(of.graph, source, {.direction = direction});
    EXPECT_EQ(BfsDepths(of.graph, source, {.direction = direction})->depths, tree.depths);
    for (VertexIndex v = 0; v < of.n(); ++v) {
      ASSERT_EQ(DepthOf(tree.depths[v]), distances[source][v]);
      VertexIndex parent = kNoVertex;
      if (v != source && tree.depths[v] != kUnreachedDepth)
        for (VertexIndex u = 0; u < of.n() && parent == kNoVertex; ++u)
          if (steps[u][v] == 1 && distances[source][u] + 1 == distances[source][v])
            parent = u;
      ASSERT_EQ(tree.parents[v], parent);
    }
  });
}

TEST(ShortestPaths, BfsStopsAtTheDepth) {
  ForManyCases(14, 1, [](const GraphCase& of, Direction direction, VertexIndex source) {
    const Matrix distances = of.Distances(direction, false);
    for (const uint32_t depth_max : {0u, 1u, 2u, 3u}) {
      const BfsOptions options{.direction = direction, .depth_max = depth_max};
      const BfsTree tree = *BfsDepths(of.graph, source, options);
      for (VertexIndex v = 0; v < of.n(); ++v) {
        const double distance = distances[source][v];
        const bool is_near = distance <= depth_max;
        ASSERT_EQ(DepthOf(tree.depths[v]), is_near ? distance : kFar);
        ASSERT_EQ(*CanReach(of.graph, source, v, options), is_near);
      }
    }
  });
}

// A plain search, on graphs whose frontiers are great enough for the other way.
TEST(ShortestPaths, BfsOfGreaterGraphs) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const GraphCase random = test::RmatCase(12, 30000 * (1 + seed), seed % 2 == 0, seed);
    for (const Direction direction : kDirections) {
      std::vector<std::vector<VertexIndex>> next(random.n());
      for (const test::Edge& e : random.Steps(direction)) next[e.from].push_back(e.to);
      for (const VertexIndex source : {0u, 100u, 4095u}) {
        std::vector<uint32_t> depths(random.n(), kUnreachedDepth);
        std::vector<VertexIndex> queue = {source};
        depths[source] = 0;
        for (size_t i = 0; i < queue.size(); ++i)
          for (const VertexIndex u : next[queue[i]])
            if (depths[u] == kUnreachedDepth) {
              depths[u] = depths[queue[i]] + 1;
              queue.push_back(u);
            }
        EXPECT_EQ(BfsDepths(random.graph, source, {.direction = direction})->depths,
                  depths);
      }
    }
  }
}

// That each step is there, and that they weigh what is said.
void ExpectIsPath(const GraphPath& path, const Matrix& steps, VertexIndex from,
                  VertexIndex to) {
  ASSERT_FALSE(path.vertices.empty());
  EXPECT_EQ(path.vertices.front(), from);
  EXPECT_EQ(path.vertices.back(), to);
  double weight = 0;
  for (size_t i = 1; i < path.vertices.size(); ++i)
    weight += steps[path.vertices[i - 1]][path.vertices[i]];
  EXPECT_EQ(weight, path.weight);
}

TEST(ShortestPaths, FewestHopsFromBothEnds) {
  ForManyCases(12, 1, [](const GraphCase& of, Direction direction, VertexIndex source) {
    const Matrix distances = of.Distances(direction, false);
    const Matrix steps = of.Lightest(direction, false);
    for (VertexIndex to = 0; to < of.n(); ++to) {
      const std::optional<GraphPath> path =
          *FewestHops(of.graph, source, to, {.direction = direction});
      ASSERT_EQ(path.has_value() ? path->weight : kFar, distances[source][to]);
      if (path.has_value()) ExpectIsPath(*path, steps, source, to);
    }
  });
}

void ExpectIsTree(const GraphCase& of, Direction direction, VertexIndex source,
                  const PathTree& tree) {
  const Matrix distances = of.Distances(direction, true);
  const Matrix steps = of.Lightest(direction, true);
  ASSERT_EQ(tree.distances, distances[source]);
  for (VertexIndex v = 0; v < of.n(); ++v) {
    const std::vector<VertexIndex> path = PathTo(tree.parents, source, v);
    if (distances[source][v] == kFar)
      ASSERT_TRUE(path.empty());
    else
      ExpectIsPath({path, tree.distances[v]}, steps, source, v);
  }
}

TEST(ShortestPaths, DijkstraFindsAllDistances) {
  ForManyCases(12, 0, [](const GraphCase& of, Direction direction, VertexIndex source) {
    ExpectIsTree(of, direction, source, *Dijkstra(of.graph, source, direction));
  });
}

TEST(ShortestPaths, LightestPathAndAStar) {
  ForManyCases(10, 0, [](const GraphCase& of, Direction direction, VertexIndex source) {
    const Matrix distances = of.Distances(direction, true);
    const Matrix steps = of.Lightest(direction, true);
    for (VertexIndex to = 0; to < of.n(); ++to) {
      const auto check = [&](const absl::StatusOr<std::optional<GraphPath>>& path) {
        ASSERT_TRUE(path.ok()) << path.status();
        ASSERT_EQ(path->has_value() ? (*path)->weight : kFar, distances[source][to]);
        if (path->has_value()) ExpectIsPath(**path, steps, source, to);
      };
      check(LightestPath(of.graph, source, to, direction));
      // Bounds: none, all there is, and what drops by more than edges weigh.
      check(AStar(
          of.graph, source, to, [](VertexIndex) { return 0.0; }, direction));
      check(AStar(
          of.graph, source, to, [&](VertexIndex v) { return distances[v][to]; },
          direction));
      check(AStar(
          of.graph, source, to,
          [&](VertexIndex v) { return v % 2 == 0 ? 0 : distances[v][to]; }, direction));
    }
  });
}

// 100 by 100 squares: the bound leads straight there.
TEST(ShortestPaths, AStarLooksAtLessThanDijkstra) {
  constexpr VertexIndex kSide = 100;
  std::vector<test::Edge> edges;
  for (VertexIndex y = 0; y < kSide; ++y)
    for (VertexIndex x = 0; x < kSide; ++x) {
      if (x + 1 < kSide) edges.push_back({y * kSide + x, y * kSide + x + 1});
      if (y + 1 < kSide) edges.push_back({y * kSide + x, (y + 1) * kSide + x});
    }
  const GraphCase grid = CaseOf(kSide * kSide, edges, false);
  const VertexIndex to = 50 * kSide + 60;
  int asked = 0;
  const auto bound = [&](VertexIndex v) {
    ++asked;
    return std::abs(static_cast<double>(v % kSide) - 60) +
           std::abs(static_cast<double>(v / kSide) - 50);
  };
  EXPECT_EQ((*AStar(grid.graph, 50 * kSide + 30, to, bound))->weight, 30);
  EXPECT_LT(asked, 150);
}

// Weights below 0, made from potentials so that no circle weighs less than 0.
TEST(ShortestPaths, BellmanFordTakesWeightsBelowZero) {
  for (uint64_t seed = 0; seed < 800; seed += 2) {
    GraphCase random = RandomCase(seed, 12, 0);
    SCOPED_TRACE(random.name);
    for (test::Edge& e : random.edges)
      e.weight += static_cast<double>(e.from * 7 % 5) - static_cast<double>(e.to * 7 % 5);
    random = CaseOf(random.n(), random.edges, true, true);
    for (const Direction direction : {Direction::kOut, Direction::kIn})
      for (VertexIndex source = 0; source < random.n(); ++source) {
        const auto tree = BellmanFord(random.graph, source, direction);
        ASSERT_TRUE(tree.ok()) << tree.status();
        ExpectIsTree(random, direction, source, *tree);
      }
  }
}

// With any weights: an error just when such a circle can be reached.
TEST(ShortestPaths, BellmanFordFindsCircles) {
  int circles = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    const GraphCase random = RandomCase(seed, 10, -1, 5);
    SCOPED_TRACE(random.name);
    for (const Direction direction : kDirections)
      for (VertexIndex source = 0; source < std::min<size_t>(random.n(), 3); ++source) {
        // Walks of up to 2 n edges: one that still gets shorter goes round a circle.
        std::vector<double> distances(random.n(), kFar), middle;
        distances[source] = 0;
        for (size_t i = 0; i < 2 * random.n(); ++i) {
          if (i == random.n()) middle = distances;
          for (const test::Edge& e : random.Steps(direction))
            distances[e.to] = std::min(distances[e.to], distances[e.from] + e.weight);
        }
        const auto tree = BellmanFord(random.graph, source, direction);
        ASSERT_EQ(tree.ok(), distances == middle) << tree.status();
        if (tree.ok()) {
          ASSERT_EQ(tree->distances, distances);
          continue;
        }
        ++circles;
        EXPECT_EQ(tree.status().code(), absl::StatusCode::kFailedPrecondition);
      }
  }
  EXPECT_GT(circles, 100);
}

TEST(ShortestPaths, BellmanFordNamesTheCircle) {
  const GraphCase graph =
      CaseOf(5, {{0, 1, 1}, {1, 2, 1}, {2, 3, -3}, {3, 1, 1}, {3, 4, 1}}, true, true);
  const absl::Status out = BellmanFord(graph.graph, 0).status();
  EXPECT_NE(out.message().find("a circle of 3 edges"), std::string::npos) << out;
  const std::string text(out.message());
  EXPECT_TRUE(text.find("2, 3, 4, 2") != std::string::npos ||
              text.find("3, 4, 2, 3") != std::string::npos ||
              text.find("4, 2, 3, 4") != std::string::npos)
      << out;
  const std::string in(BellmanFord(graph.graph, 4, Direction::kIn).status().message());
  EXPECT_TRUE(in.find("2, 3, 4, 2") != std::string::npos ||
              in.find("3, 4, 2, 3") != std::string::npos ||
              in.find("4, 2, 3, 4") != std::string::npos)
      << in;
  const GraphCase loop = CaseOf(1, {{0, 0, -1}}, true, true);
  EXPECT_EQ(BellmanFord(loop.graph, 0).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

std::vector<GraphPath> AsGraphPaths(const std::vector<GraphCase::Path>& paths) {
  std::vector<GraphPath> result;
  for (const auto& [weight, vertices] : paths) result.push_back({vertices, weight});
  return result;
}

TEST(ShortestPaths, AllShortestPaths) {
  ForManyCases(7, 1, [](const GraphCase& of, Direction direction, VertexIndex source) {
    for (const bool weighted : {false, true})
      for (VertexIndex to = 0; to < of.n(); ++to) {
        auto paths = of.SimplePaths(direction, weighted, source, to);
        std::erase_if(paths, [shortest = paths.empty() ? 0 : paths[0].first](
                                 const auto& path) { return path.first > shortest; });
        std::vector<GraphPath> expected = AsGraphPaths(paths);
        ManyPathsOptions options{.direction = direction, .weighted = weighted};
        ManyPaths got = *AllShortestPaths(of.graph, source, to, options);
        ASSERT_EQ(got.paths, expected);
        ASSERT_TRUE(got.complete);
        if (expected.empty()) continue;
        options.weight_max = expected[0].weight - 0.5;
        ASSERT_TRUE(AllShortestPaths(of.graph, source, to, options)->paths.empty());
        options.weight_max = expected[0].weight;
        options.paths_max = 2;
        got = *AllShortestPaths(of.graph, source, to, options);
        ASSERT_EQ(got.complete, expected.size() <= 2);
        expected.resize(std::min<size_t>(expected.size(), 2));
        ASSERT_EQ(got.paths, expected);
      }
  });
}

// Of equally long paths any may be among those found; so weights are compared, and that
// the paths are different simple ones that there are.
TEST(ShortestPaths, LooplessPathsAreTheShortestOfAll) {
  ForManyCases(7, 0, [](const GraphCase& of, Direction direction, VertexIndex source) {
    if (source > 1) return;
    for (const bool weighted : {false, true})
      for (VertexIndex to = 0; to < of.n(); ++to) {
        const std::vector<GraphPath> all =
            AsGraphPaths(of.SimplePaths(direction, weighted, source, to));
        for (const size_t k : {size_t{1}, size_t{3}, size_t{10}, size_t{2000}}) {
          ManyPathsOptions options{
              .direction = direction, .weighted = weighted, .paths_max = k};
          const ManyPaths got = *ShortestLooplessPaths(of.graph, source, to, options);
          ASSERT_EQ(got.paths.size(), std::min(k, all.size()));
          ASSERT_EQ(got.complete, all.size() <= k);
          std::set<std::vector<VertexIndex>> seen;
          for (size_t i = 0; i < got.paths.size(); ++i) {
            ASSERT_EQ(got.paths[i].weight, all[i].weight) << i;
            ASSERT_TRUE(seen.insert(got.paths[i].vertices).second);
            ASSERT_NE(std::find(all.begin(), all.end(), got.paths[i]), all.end());
          }
          if (k == 2000 && !all.empty()) {
            options.weight_max = all[all.size() / 2].weight;
            const ManyPaths some = *ShortestLooplessPaths(of.graph, source, to, options);
            ASSERT_EQ(some.paths.size(),
                      static_cast<size_t>(std::count_if(
                          all.begin(), all.end(), [&](const GraphPath& path) {
                            return path.weight <= options.weight_max;
                          })));
            ASSERT_TRUE(some.complete);
          }
        }
      }
  });
}

TEST(ShortestPaths, LdbcExamples) {
  const uint32_t far = kUnreachedDepth;
  EXPECT_EQ(BfsDepths(test::LdbcDirected().graph, 0)->depths,
            (std::vector<uint32_t>{0, far, 1, 2, 1, far, far, 2, far, 2}));
  EXPECT_EQ(BfsDepths(test::LdbcUndirected().graph, 0)->depths,
            (std::vector<uint32_t>{0, 1, 1, 2, 3, 4, 2, 4, 4}));
  const auto near = [](const std::vector<double>& got, std::vector<double> expected) {
    ASSERT_EQ(got.size(), expected.size());
    for (size_t v = 0; v < got.size(); ++v)
      EXPECT_TRUE(got[v] == expected[v] || std::abs(got[v] - expected[v]) < 1e-14) << v;
  };
  near(Dijkstra(test::LdbcDirected().graph, 0)->distances,
       {0, kFar, 0.5, 0.83, 0.3, kFar, kFar, 0.4, kFar, 1.02});
  near(BellmanFord(test::LdbcUndirected().graph, 0)->distances,
       {0, 0.82, 0.69, 1.26, 1.78, 2.31, 1.14, 2.01, 2.41});
}

TEST(ShortestPaths, RefusesBadArguments) {
  const GraphCase plain = CaseOf(3, {{0, 1}, {1, 2}}, true);
  const GraphProjection& g = plain.graph;
  const auto zero = [](VertexIndex) { return 0.0; };
  for (const VertexIndex bad : {VertexIndex{3}, kNoVertex}) {
    for (const absl::Status& status :
         {BfsDepths(g, bad).status(), BfsWithParents(g, bad).status(),
          FewestHops(g, 0, bad).status(), FewestHops(g, bad, 0).status(),
          CanReach(g, bad, 0).status(), CanReach(g, 0, bad).status(),
          Dijkstra(g, bad).status(), BellmanFord(g, bad).status(),
          LightestPath(g, bad, 0).status(), LightestPath(g, 0, bad).status(),
          AStar(g, bad, 0, zero).status(), AStar(g, 0, bad, zero).status(),
          AllShortestPaths(g, 0, bad).status(), AllShortestPaths(g, bad, 0).status(),
          ShortestLooplessPaths(g, 0, bad).status(),
          ShortestLooplessPaths(g, bad, 0).status()})
      EXPECT_EQ(status.code(), kInvalid) << status;
    EXPECT_TRUE(PathTo({kNoVertex, 0, 1}, 0, bad).empty());
  }
  EXPECT_TRUE(PathTo({1, 0, 1}, 2, 0).empty());  // no tree: round and round
  EXPECT_EQ(AllShortestPaths(g, 0, 2, {.weighted = true}).status().code(), kInvalid);
  EXPECT_EQ(AllShortestPaths(g, 0, 2, {.paths_max = 0}).status().code(), kInvalid);
  EXPECT_EQ(ShortestLooplessPaths(g, 0, 2, {.weight_max = std::nan("")}).status().code(),
            kInvalid);
  for (const double bound : {-1.0, std::nan("")})
    EXPECT_EQ(AStar(g, 0, 2, [=](VertexIndex) { return bound; }).status().code(),
              kInvalid);
}

TEST(ShortestPaths, NamesTheEdgeThatWeighsTooLittle) {
  const GraphCase graph = CaseOf(4, {{0, 1, 1}, {1, 2, -2}, {2, 3, 1}}, true, true);
  const GraphProjection& g = graph.graph;
  for (const absl::Status& status :
       {Dijkstra(g, 0).status(), Dijkstra(g, 3, Direction::kIn).status(),
        LightestPath(g, 0, 3).status(),
        AStar(g, 0, 3, [](VertexIndex) { return 0.0; }).status(),
        AllShortestPaths(g, 0, 3, {.weighted = true}).status(),
        ShortestLooplessPaths(g, 0, 3, {.weighted = true}).status()}) {
    EXPECT_EQ(status.code(), kInvalid);
    EXPECT_NE(status.message().find("from 2 to 3 weighs -2"), std::string::npos)
        << status;
  }
  EXPECT_TRUE(Dijkstra(g, 2).ok());  // it is not met from there
  const GraphCase zero = CaseOf(2, {{0, 1, 0}}, true, true);
  EXPECT_EQ(AllShortestPaths(zero.graph, 0, 1, {.weighted = true}).status().code(),
            kInvalid);
}

// Without weights each edge weighs 1.
TEST(ShortestPaths, WeightsOfOneWithoutWeights) {
  const GraphCase graph = CaseOf(3, {{0, 1, 5}, {1, 2, 5}}, true, false);
  EXPECT_EQ(Dijkstra(graph.graph, 0)->distances, (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(BellmanFord(graph.graph, 0)->distances, (std::vector<double>{0, 1, 2}));
  EXPECT_EQ((*LightestPath(graph.graph, 0, 2))->weight, 2);
}

}  // namespace
}  // namespace sheaf
