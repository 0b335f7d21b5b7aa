// Proves that components, cores, triangles and clustering are what their definitions say:
// on hundreds of small random graphs, with loops and parallel edges, against flooding,
// peeling and all triples; on the karate club and the examples of LDBC Graphalytics
// against published values.
#include "graph/components.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/graph_cases.h"

namespace sheaf {
namespace {

using test::CaseOf;
using test::GraphCase;
using test::RandomCase;

std::vector<VertexIndex> ComponentsByFlooding(const GraphCase& of) {
  std::vector<VertexIndex> labels(of.n());
  std::iota(labels.begin(), labels.end(), 0);
  for (bool changed = true; changed;) {
    changed = false;
    for (const test::Edge& e : of.edges) {
      changed |= labels[e.from] != labels[e.to];
      labels[e.from] = labels[e.to] = std::min(labels[e.from], labels[e.to]);
    }
  }
  return labels;
}

TEST(Components, LabelsAreTheSmallestVertices) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const GraphCase random = RandomCase(seed, 20);
    EXPECT_EQ(*WeakComponents(random.graph), ComponentsByFlooding(random)) << random.name;
  }
}

// Enough vertices that a part of them is a sample, and several components of many.
TEST(Components, LabelsOfGreaterGraphs) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const GraphCase random =
        test::RmatCase(13, seed < 3 ? 6000 : 40000, seed % 2 == 0, seed);
    EXPECT_EQ(*WeakComponents(random.graph), ComponentsByFlooding(random)) << seed;
  }
}

TEST(Components, SizesAreCounted) {
  EXPECT_EQ(*SizesOf({0, 1, 0, 3, 3, 5, 0}),
            (std::vector<LabelSize>{{0, 3}, {3, 2}, {1, 1}, {5, 1}}));
  EXPECT_TRUE(SizesOf({})->empty());
  EXPECT_EQ(SizesOf({0, 2}).status().code(), absl::StatusCode::kInvalidArgument);
}

std::vector<uint32_t> CoresByPeeling(const GraphCase& of) {
  std::vector<uint32_t> cores(of.n());
  for (uint32_t k = 1; k <= of.n(); ++k) {
    std::vector<bool> in(of.n(), true);
    for (bool changed = true; changed;) {
      changed = false;
      for (VertexIndex v = 0; v < of.n(); ++v) {
        uint32_t degree = 0;
        for (VertexIndex u = 0; u < of.n(); ++u) degree += in[u] && of.Joined(u, v);
        if (in[v] && degree < k) changed = !(in[v] = false);
      }
    }
    for (VertexIndex v = 0; v < of.n(); ++v)
      if (in[v]) cores[v] = k;
  }
  return cores;
}

TEST(Components, CoresAreWhatPeelingLeaves) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const GraphCase random = RandomCase(seed, 12);
    EXPECT_EQ(*CoreNumbers(random.graph), CoresByPeeling(random)) << random.name;
  }
}

TEST(Components, TrianglesAreTriples) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const GraphCase random = RandomCase(seed, 12);
    Triangles expected{.per_vertex = std::vector<uint64_t>(random.n())};
    for (VertexIndex a = 0; a < random.n(); ++a)
      for (VertexIndex b = a + 1; b < random.n(); ++b)
        for (VertexIndex c = b + 1; c < random.n(); ++c) {
          if (!random.Joined(a, b) || !random.Joined(b, c) || !random.Joined(a, c))
            continue;
          ++expected.total;
          for (const VertexIndex v : {a, b, c}) ++expected.per_vertex[v];
        }
    const Triangles got = *CountTriangles(random.graph);
    EXPECT_EQ(got.total, expected.total) << random.name;
    EXPECT_EQ(got.per_vertex, expected.per_vertex) << random.name;
  }
}

// By the definition of LDBC Graphalytics.
TEST(Components, ClusteringIsThePartOfPairsOfNeighbours) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const GraphCase random = RandomCase(seed, 12);
    const test::Matrix step = random.Lightest(Direction::kOut, false);
    const std::vector<double> got = *LocalClustering(random.graph);
    double closed = 0, paths = 0;
    for (VertexIndex v = 0; v < random.n(); ++v) {
      double edges = 0, pairs = 0, joined = 0;
      for (VertexIndex u = 0; u < random.n(); ++u)
        for (VertexIndex w = 0; w < random.n(); ++w) {
          if (u == w || !random.Joined(u, v) || !random.Joined(w, v)) continue;
          ++pairs;
          edges += step[u][w] == 1;
          joined += random.Joined(u, w);
        }
      EXPECT_DOUBLE_EQ(got[v], pairs == 0 ? 0 : edges / pairs) << random.name << " " << v;
      closed += joined / 2;
      paths += pairs / 2;
    }
    EXPECT_DOUBLE_EQ(*Transitivity(random.graph), paths == 0 ? 0 : closed / paths)
        << random.name;
  }
}

TEST(Components, LdbcExamples) {
  const auto near = [](const std::vector<double>& got, std::vector<double> expected) {
    ASSERT_EQ(got.size(), expected.size());
    for (size_t v = 0; v < got.size(); ++v) EXPECT_NEAR(got[v], expected[v], 1e-15) << v;
  };
  near(*LocalClustering(test::LdbcDirected().graph),
       {2.0 / 3, 1.0 / 6, 0.15, 0.05, 0.25, 0, 0, 5.0 / 6, 0, 0});
  near(*LocalClustering(test::LdbcUndirected().graph),
       {1, 1.0 / 3, 1, 2.0 / 3, 0.2, 1, 2.0 / 3, 1, 0});
  EXPECT_EQ(*WeakComponents(test::LdbcDirected().graph), std::vector<VertexIndex>(10, 0));
}

// As networkx 3.6 has them.
TEST(Components, KarateClub) {
  const GraphCase club = test::KarateClub();
  const Triangles triangles = *CountTriangles(club.graph);
  EXPECT_EQ(triangles.total, 45u);
  EXPECT_EQ(triangles.per_vertex[0], 18u);
  EXPECT_EQ(triangles.per_vertex[33], 15u);
  EXPECT_NEAR(*Transitivity(club.graph), 0.2556818181818182, 1e-15);
  const std::vector<double> local = *LocalClustering(club.graph);
  EXPECT_NEAR(std::accumulate(local.begin(), local.end(), 0.0) / 34, 0.5706384782076823,
              1e-14);
  const std::vector<uint32_t> cores = *CoreNumbers(club.graph);
  EXPECT_EQ(cores[0], 4u);
  EXPECT_EQ(cores[11], 1u);
  EXPECT_EQ(*std::max_element(cores.begin(), cores.end()), 4u);
}

TEST(Components, NoVerticesAndOne) {
  const GraphCase none = CaseOf(0, {}, true);
  EXPECT_TRUE(WeakComponents(none.graph)->empty());
  EXPECT_TRUE(CoreNumbers(none.graph)->empty());
  EXPECT_EQ(CountTriangles(none.graph)->total, 0u);
  EXPECT_TRUE(LocalClustering(none.graph)->empty());
  EXPECT_EQ(*Transitivity(none.graph), 0);
  const GraphCase one = CaseOf(1, {{0, 0}}, false);
  EXPECT_EQ(*WeakComponents(one.graph), std::vector<VertexIndex>{0});
  EXPECT_EQ(*CoreNumbers(one.graph), std::vector<uint32_t>{0});
}

}  // namespace
}  // namespace sheaf
