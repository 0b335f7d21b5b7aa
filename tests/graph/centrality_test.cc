// Proves that the measures of centrality are what their definitions say: on hundreds of
// small random graphs, with loops and parallel edges, against sums over all pairs, all
// paths and dense matrices; on the karate club against published values, and PageRank on
// the examples of LDBC Graphalytics. Arguments out of their bounds are refused.
#include "graph/centrality.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/support/graph_cases.h"

namespace sheaf {
namespace {

using test::CaseOf;
using test::GraphCase;
using test::kFar;
using test::Matrix;
using test::RandomCase;

constexpr Direction kDirections[] = {Direction::kOut, Direction::kIn, Direction::kBoth};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void ExpectNear(const std::vector<double>& got, const std::vector<double>& expected,
                double error, const std::string& where) {
  ASSERT_EQ(got.size(), expected.size()) << where;
  for (size_t v = 0; v < got.size(); ++v)
    ASSERT_NEAR(got[v], expected[v], error) << where << ", vertex " << v;
}

TEST(Centrality, DegreesCountEdges) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const GraphCase random = RandomCase(seed, 10);
    for (const Direction direction : kDirections) {
      std::vector<uint64_t> expected(random.n());
      for (const test::Edge& e : random.Steps(direction)) ++expected[e.from];
      EXPECT_EQ(*Degrees(random.graph, direction), expected) << random.name;
    }
  }
}

std::vector<double> ClosenessByDefinition(const GraphCase& of, Direction direction,
                                          bool weighted) {
  const Matrix distances = of.Distances(direction, weighted);
  std::vector<double> closeness(of.n());
  for (size_t v = 0; v < of.n(); ++v) {
    double sum = 0, others = 0;
    for (size_t u = 0; u < of.n(); ++u) {
      if (u == v || distances[v][u] == kFar) continue;
      sum += distances[v][u];
      ++others;
    }
    if (sum > 0) closeness[v] = others / static_cast<double>(of.n() - 1) * (others / sum);
  }
  return closeness;
}

TEST(Centrality, ClosenessIsTheInverseMeanDistance) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const GraphCase random = RandomCase(seed, 12, 0);
    for (const Direction direction : kDirections)
      for (const bool weighted : {false, true}) {
        const auto got =
            Closeness(random.graph, {.direction = direction, .weighted = weighted});
        ASSERT_TRUE(got.ok()) << got.status();
        ExpectNear(*got, ClosenessByDefinition(random, direction, weighted), 1e-12,
                   random.name);
      }
  }
}

// A sample of k sources estimates from the distances to those k alone.
TEST(Centrality, SampledClosenessUsesDistancesToTheSample) {
  const GraphCase graph = test::RmatCase(8, 1500, true);
  const auto n = static_cast<uint32_t>(graph.n());
  const std::vector<double> exact = *Closeness(graph.graph);
  for (const bool weighted : {false, true}) {
    const ClosenessOptions options{.weighted = weighted, .sample = {.count = n - 1}};
    const std::vector<double> got = *Closeness(graph.graph, options);
    ExpectNear(got, *Closeness(graph.graph, {.weighted = weighted}), 0.01, "n - 1");
  }
  const std::vector<double> one = *Closeness(graph.graph, {.sample = {64, 7}});
  EXPECT_EQ(one, *Closeness(graph.graph, {.sample = {64, 7}}));
  EXPECT_NE(one, *Closeness(graph.graph, {.sample = {64, 8}}));
  ExpectNear(one, exact, 0.15, "64");
  EXPECT_EQ(*Closeness(graph.graph, {.sample = {n, 7}}), exact);
}

std::vector<double> BetweennessByDefinition(const GraphCase& of, bool weighted) {
  std::vector<double> sums(of.n());
  for (VertexIndex s = 0; s < of.n(); ++s)
    for (VertexIndex t = 0; t < of.n(); ++t) {
      if (s == t) continue;
      std::vector<GraphCase::Path> paths =
          of.SimplePaths(Direction::kOut, weighted, s, t);
      std::erase_if(paths, [shortest = paths.empty() ? 0 : paths[0].first](
                               const auto& path) { return path.first > shortest; });
      for (const auto& [weight, path] : paths)
        for (const VertexIndex v : path)
          if (v != s && v != t) sums[v] += 1.0 / static_cast<double>(paths.size());
    }
  if (!of.is_directed)
    for (double& sum : sums) sum /= 2;
  return sums;
}

TEST(Centrality, BetweennessIsThePartOfShortestPaths) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const GraphCase random = RandomCase(seed, 7);
    for (const bool weighted : {false, true}) {
      const auto got = Betweenness(random.graph, {.weighted = weighted});
      ASSERT_TRUE(got.ok()) << got.status();
      ExpectNear(*got, BetweennessByDefinition(random, weighted), 1e-9, random.name);
    }
  }
}

TEST(Centrality, SampledBetweennessIsScaledUp) {
  const GraphCase graph = test::RmatCase(8, 1500, false);
  const auto n = static_cast<uint32_t>(graph.n());
  const std::vector<double> exact = *Betweenness(graph.graph);
  EXPECT_EQ(*Betweenness(graph.graph, {.sample = {n + 5, 3}}), exact);
  const std::vector<double> sampled = *Betweenness(graph.graph, {.sample = {128, 3}});
  EXPECT_EQ(sampled, *Betweenness(graph.graph, {.sample = {128, 3}}));
  EXPECT_NE(sampled, *Betweenness(graph.graph, {.sample = {128, 4}}));
  const double all = std::accumulate(exact.begin(), exact.end(), 0.0);
  EXPECT_NEAR(std::accumulate(sampled.begin(), sampled.end(), 0.0) / all, 1, 0.2);
  // Over many seeds the mean of samples of one comes near the exact sums.
  const GraphCase club = test::KarateClub();
  std::vector<double> mean(34);
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const std::vector<double> one = *Betweenness(club.graph, {.sample = {1, seed}});
    for (size_t v = 0; v < 34; ++v) mean[v] += one[v] / 4000;
  }
  const std::vector<double> of_club = *Betweenness(club.graph);
  for (size_t v = 0; v < 34; ++v)
    EXPECT_NEAR(mean[v], of_club[v], 0.1 * of_club[v] + 0.5) << v;
}

// 1100 squares in a row, corner to corner: 2^1100 paths from end to end.
TEST(Centrality, TooManyPathsAreAnError) {
  std::vector<test::Edge> edges;
  for (VertexIndex i = 0; i < 1100; ++i)
    for (const VertexIndex side : {1u, 2u}) {
      edges.push_back({3 * i, 3 * i + side});
      edges.push_back({3 * i + side, 3 * i + 3});
    }
  const GraphCase graph = CaseOf(3301, edges, true);
  EXPECT_EQ(Betweenness(graph.graph).status().code(), absl::StatusCode::kOutOfRange);
}

// The definition, with a dense matrix; jumps to `jumps`, in all 1.
std::vector<double> PageRankByDefinition(const GraphCase& of, double damping,
                                         int iterations,
                                         const std::vector<double>& jumps) {
  const std::vector<test::Edge> steps = of.Steps(Direction::kOut);
  std::vector<double> degrees(of.n());
  for (const test::Edge& e : steps) ++degrees[e.from];
  std::vector<double> ranks = jumps;
  for (int i = 0; i < iterations; ++i) {
    double dangling = 0;
    for (size_t v = 0; v < of.n(); ++v)
      if (degrees[v] == 0) dangling += ranks[v];
    std::vector<double> next(of.n());
    for (size_t v = 0; v < of.n(); ++v)
      next[v] = (1 - damping) * jumps[v] + damping * dangling * jumps[v];
    for (const test::Edge& e : steps)
      next[e.to] += damping * ranks[e.from] / degrees[e.from];
    ranks = next;
  }
  return ranks;
}

TEST(Centrality, PageRankGoesByTheDefinition) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const GraphCase random = RandomCase(seed, 12);
    const double damping = static_cast<double>(seed % 11) / 10;
    const int rounds = static_cast<int>(seed % 7);
    const auto got = PageRank(random.graph, {.damping = damping, .iterations = rounds});
    ASSERT_TRUE(got.ok()) << got.status();
    const std::vector<double> even(random.n(), 1 / static_cast<double>(random.n()));
    ExpectNear(got->scores, PageRankByDefinition(random, damping, rounds, even), 1e-14,
               random.name);
    EXPECT_EQ(got->iterations, random.n() == 0 ? 0 : rounds);
  }
}

TEST(Centrality, PersonalizedPageRankJumpsToTheSeeds) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const GraphCase random = RandomCase(seed, 12);
    if (random.n() == 0) continue;
    std::mt19937_64 bits(seed);
    std::vector<WeightedVertex> seeds;
    std::vector<double> jumps(random.n());
    double total = 0;
    for (int i = 0; i < 3; ++i) {
      const auto v = static_cast<VertexIndex>(bits() % random.n());
      const double weight = static_cast<double>(bits() % 4) + (i == 0);
      seeds.push_back({v, weight});
      jumps[v] += weight;
      total += weight;
    }
    for (double& jump : jumps) jump /= total;
    const auto got = PersonalizedPageRank(random.graph, seeds, {.iterations = 5});
    ASSERT_TRUE(got.ok()) << got.status();
    ExpectNear(got->scores, PageRankByDefinition(random, 0.85, 5, jumps), 1e-14,
               random.name);
  }
}

TEST(Centrality, PageRankOfLdbcExamples) {
  ExpectNear(PageRank(test::LdbcDirected().graph, {.iterations = 2})->scores,
             {1.477629166666667e-01, 4.753375000000000e-02, 1.550469444444444e-01,
              1.597573611111111e-01, 1.462400000000000e-01, 4.753375000000000e-02,
              4.753375000000000e-02, 1.135740277777778e-01, 4.753375000000000e-02,
              8.748375000000001e-02},
             1e-15, "directed");
  ExpectNear(PageRank(test::LdbcUndirected().graph, {.iterations = 2})->scores,
             {9.084490740740739e-02, 1.424089506172839e-01, 9.084490740740739e-02,
              1.249891975308642e-01, 1.686172839506173e-01, 9.749537037037037e-02,
              1.249891975308642e-01, 9.749537037037037e-02, 6.231481481481481e-02},
             1e-15, "undirected");
}

TEST(Centrality, PageRankStopsAtTheTolerance) {
  const GraphCase club = test::KarateClub();
  const Scores scores = *PageRank(club.graph, {.iterations = 1000, .tolerance = 1e-10});
  EXPECT_TRUE(scores.converged);
  EXPECT_LE(scores.change, 1e-10);
  EXPECT_LT(scores.iterations, 200);
  EXPECT_FALSE(PageRank(club.graph, {.iterations = 3, .tolerance = 1e-10})->converged);
  EXPECT_NEAR(std::accumulate(scores.scores.begin(), scores.scores.end(), 0.0), 1, 1e-12);
}

// As networkx 3.6 has them.
TEST(Centrality, KarateClub) {
  const GraphCase club = test::KarateClub();
  const std::vector<double> closeness = *Closeness(club.graph);
  const std::vector<double> betweenness = *Betweenness(club.graph);
  const Scores rank = *PageRank(club.graph, {.iterations = 1000, .tolerance = 1e-13});
  const Scores eigen = *EigenvectorCentrality(club.graph, {1000, 1e-12});
  EXPECT_TRUE(eigen.converged);
  struct Row {
    size_t v;
    double betweenness, closeness, rank, eigen;
  };
  for (const Row& row :
       {Row{0, 231.0714285714286, 0.5689655172413793, 0.09699728538837384,
            0.35549144452379006},
        Row{1, 28.478571428571424, 0.4852941176470588, 0.05287692406116842,
            0.2659599195519518},
        Row{2, 75.85079365079366, 0.559322033898305, 0.05707850948846014,
            0.3171925044861683},
        Row{11, 0, 0.36666666666666664, 0.009564745492141207, 0.052855697493365286},
        Row{32, 76.69047619047619, 0.515625, 0.07169322600569639, 0.30864421979169876},
        Row{33, 160.5515873015873, 0.55, 0.10091918233255162, 0.3733634702922271}}) {
    EXPECT_NEAR(betweenness[row.v], row.betweenness, 1e-10);
    EXPECT_NEAR(closeness[row.v], row.closeness, 1e-14);
    EXPECT_NEAR(rank.scores[row.v], row.rank, 1e-11);
    EXPECT_NEAR(eigen.scores[row.v], row.eigen, 1e-10);
  }
}

double Length(const std::vector<double>& x) {
  return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

// to[v] = sum of weight * from[u] over steps u -> v.
std::vector<double> Product(const GraphCase& of, Direction direction, bool weighted,
                            const std::vector<double>& from) {
  std::vector<double> to(of.n());
  for (const test::Edge& e : of.Steps(direction))
    to[e.to] += (weighted ? e.weight : 1) * from[e.from];
  return to;
}

// What converged is an eigenvector: the matrix makes it longer and does not turn it. That
// the eigenvalue is the greatest: no vector grows more, by long repetition.
TEST(Centrality, EigenvectorIsOne) {
  int converged = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const GraphCase random = RandomCase(seed, 10);
    const bool weighted = seed % 3 == 0;
    const auto got = EigenvectorCentrality(
        random.graph, {.iterations_max = 5000, .tolerance = 1e-13, .weighted = weighted});
    ASSERT_TRUE(got.ok()) << got.status();
    ASSERT_EQ(got->scores.size(), random.n());
    if (random.n() == 0) continue;
    EXPECT_NEAR(Length(got->scores), 1, 1e-12) << random.name;
    if (!got->converged) continue;
    ++converged;
    const std::vector<double> product =
        Product(random, Direction::kOut, weighted, got->scores);
    const double value = Length(product);
    for (size_t v = 0; v < random.n(); ++v)
      ASSERT_NEAR(product[v], value * got->scores[v], 1e-7) << random.name;
    std::vector<double> other(random.n(), 1);
    double growth = 0;
    for (int i = 0; i < 400; ++i) {  // with I added: no swinging
      std::vector<double> next = Product(random, Direction::kOut, weighted, other);
      for (size_t v = 0; v < random.n(); ++v) next[v] += other[v];
      growth = Length(next) / Length(other);
      const double length = Length(next);
      for (double& x : next) x /= length;
      other = next;
    }
    EXPECT_NEAR(value + 1, growth, 0.05) << random.name;
  }
  EXPECT_GT(converged, 150);
}

TEST(Centrality, EigenvectorSaysWhenItDidNotConverge) {
  const GraphCase path = CaseOf(3, {{0, 1}, {1, 2}}, true);
  const Scores scores = *EigenvectorCentrality(path.graph);
  EXPECT_FALSE(scores.converged);
  EXPECT_EQ(scores.iterations, 100);
}

TEST(Centrality, HitsFollowEachOther) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const GraphCase random = RandomCase(seed, 10);
    const bool weighted = seed % 3 == 0;
    const int rounds = 1 + static_cast<int>(seed % 5);
    const auto got = Hits(
        random.graph, {.iterations_max = rounds, .tolerance = 0, .weighted = weighted});
    ASSERT_TRUE(got.ok()) << got.status();
    std::vector<double> hubs(random.n(), 1), authorities(random.n());
    const auto scaled = [](std::vector<double> x) {
      const double length = Length(x);
      for (double& value : x) value = length > 0 ? value / length : 0;
      return x;
    };
    for (int i = 0; i < rounds; ++i) {
      authorities = scaled(Product(random, Direction::kOut, weighted, hubs));
      hubs = scaled(Product(random, Direction::kIn, weighted, authorities));
    }
    ExpectNear(got->hubs, hubs, 1e-12, random.name);
    ExpectNear(got->authorities, authorities, 1e-12, random.name);
  }
  EXPECT_TRUE(Hits(test::KarateClub().graph)->converged);
}

TEST(Centrality, RefusesBadArguments) {
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const GraphCase plain = CaseOf(3, {{0, 1}, {1, 2}}, true);
  const GraphCase negative = CaseOf(3, {{0, 1, -1}, {1, 2, 1}}, true, true);
  const GraphCase zero = CaseOf(3, {{0, 1, 0}, {1, 2, 1}}, true, true);
  const GraphProjection& g = plain.graph;
  for (const double damping : {-0.1, 1.1, kNan, kFar})
    EXPECT_EQ(PageRank(g, {.damping = damping}).status().code(), invalid);
  EXPECT_EQ(PageRank(g, {.iterations = -1}).status().code(), invalid);
  EXPECT_EQ(PageRank(g, {.tolerance = kNan}).status().code(), invalid);
  EXPECT_EQ(PersonalizedPageRank(g, {}).status().code(), invalid);
  EXPECT_EQ(PersonalizedPageRank(g, {{3, 1}}).status().code(), invalid);
  for (const double weight : {0.0, -1.0, kNan, kFar})
    EXPECT_EQ(PersonalizedPageRank(g, {{0, weight}}).status().code(), invalid);
  EXPECT_EQ(PersonalizedPageRank(CaseOf(0, {}, true).graph, {}).status().code(), invalid);
  EXPECT_EQ(Closeness(g, {.weighted = true}).status().code(), invalid);
  EXPECT_EQ(Betweenness(g, {.weighted = true}).status().code(), invalid);
  EXPECT_EQ(EigenvectorCentrality(g, {.weighted = true}).status().code(), invalid);
  EXPECT_EQ(Hits(g, {.weighted = true}).status().code(), invalid);
  EXPECT_EQ(Hits(g, {.iterations_max = -1}).status().code(), invalid);
  EXPECT_EQ(EigenvectorCentrality(g, {.tolerance = kNan}).status().code(), invalid);
  EXPECT_EQ(Betweenness(zero.graph, {.weighted = true}).status().code(), invalid);
  for (const absl::Status& status :
       {Closeness(negative.graph, {.weighted = true}).status(),
        Betweenness(negative.graph, {.weighted = true}).status(),
        EigenvectorCentrality(negative.graph, {.weighted = true}).status(),
        Hits(negative.graph, {.weighted = true}).status()}) {
    EXPECT_EQ(status.code(), invalid);
    EXPECT_NE(status.message().find("from 1 to 2 weighs -1"), std::string::npos)
        << status;
  }
}

TEST(Centrality, NoVerticesAndOne) {
  const GraphCase none = CaseOf(0, {}, true);
  EXPECT_TRUE(Degrees(none.graph, Direction::kBoth)->empty());
  EXPECT_TRUE(Closeness(none.graph)->empty());
  EXPECT_TRUE(Betweenness(none.graph)->empty());
  EXPECT_TRUE(PageRank(none.graph)->scores.empty());
  EXPECT_TRUE(EigenvectorCentrality(none.graph)->scores.empty());
  EXPECT_TRUE(Hits(none.graph)->hubs.empty());
  const GraphCase one = CaseOf(1, {}, false);
  EXPECT_EQ(*Closeness(one.graph), std::vector<double>{0});
  EXPECT_EQ(*Betweenness(one.graph), std::vector<double>{0});
  EXPECT_EQ(PageRank(one.graph)->scores, std::vector<double>{1});
  EXPECT_EQ(EigenvectorCentrality(one.graph)->scores, std::vector<double>{1});
  EXPECT_EQ(Hits(one.graph)->authorities, std::vector<double>{0});
}

}  // namespace
}  // namespace sheaf
