// Dominators against their definition on random graphs: a dominates b when without a the
// root does not reach b; immediate ones and frontiers follow from that. Post-dominators are
// those of the graph turned round. A graph on which the tree changes late; a million
// vertices in a row, and every way to stop.
#include "graph/dominators.h"

#include <algorithm>

#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

using Matrix = std::vector<std::vector<int>>;

// dominates[a][b], of what the root reaches.
std::vector<std::vector<bool>> ByDefinition(const Matrix& m, VertexIndex root) {
  const auto n = static_cast<VertexIndex>(m.size());
  const auto with = ReachOf(m);
  std::vector<std::vector<bool>> dominates(n, std::vector<bool>(n));
  for (VertexIndex a = 0; a < n; ++a) {
    const auto without = ReachOf(m, a);
    for (VertexIndex b = 0; b < n; ++b)
      dominates[a][b] = with[root][b] && !without[root][b];
  }
  return dominates;
}

void ExpectTree(const Matrix& m, const DominatorTree& tree) {
  const auto n = static_cast<VertexIndex>(m.size());
  const auto dominates = ByDefinition(m, tree.root);
  const auto strictly = [&](VertexIndex a, VertexIndex b) {
    return a != b && dominates[a][b];
  };
  for (VertexIndex b = 0; b < n; ++b) {
    ASSERT_EQ(tree.IsReached(b), dominates[tree.root][b]);
    uint32_t count = 0;
    VertexIndex immediate = kNoVertex;
    for (VertexIndex a = 0; a < n; ++a) {
      ASSERT_EQ(tree.Dominates(a, b), dominates[a][b]) << a << " " << b;
      count += dominates[b][a];
      // Of those above b the one that all others are above of.
      bool nearest = strictly(a, b);
      for (VertexIndex c = 0; c < n; ++c)
        if (strictly(c, b) && !dominates[c][a]) nearest = false;
      if (nearest) immediate = a;
    }
    ASSERT_EQ(tree.immediate[b], immediate);
    ASSERT_EQ(tree.DominatedCount(b), count);
  }
}

void ExpectFrontiers(const Matrix& m, const SmallGraph& g, const DominatorTree& tree) {
  const auto found = DominanceFrontiers(g.graph, tree);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), g.n);
  const auto dominates = ByDefinition(m, tree.root);
  for (VertexIndex v = 0; v < g.n; ++v) {
    Vertices expected;
    for (VertexIndex b = 0; b < g.n; ++b) {
      bool is_in = false;
      for (VertexIndex tail = 0; tail < g.n; ++tail)
        is_in |= m[tail][b] > 0 && dominates[v][tail];
      if (is_in && (v == b || !dominates[v][b])) expected.push_back(b);
    }
    const auto list = (*found)[v];
    ASSERT_EQ(Vertices(list.begin(), list.end()), expected) << v;
  }
}

TEST(Dominators, AreWhatEveryPathGoesThrough) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const SmallGraph g = RandomGraph(seed, seed % 10 == 0 ? 20 : 9);
    if (g.n == 0) continue;
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const VertexIndex root = static_cast<VertexIndex>(seed / 7 % g.n);
    const Matrix m = g.Matrix();
    const auto tree = Dominators(g.graph, root);
    ASSERT_TRUE(tree.ok()) << tree.status();
    ExpectTree(m, *tree);
    ExpectFrontiers(m, g, *tree);
    Matrix back = m;
    for (VertexIndex u = 0; u < g.n; ++u)
      for (VertexIndex v = 0; v < g.n; ++v) back[u][v] = m[v][u];
    const auto post = PostDominators(g.graph, root);
    ASSERT_TRUE(post.ok()) << post.status();
    ExpectTree(back, *post);
    ExpectFrontiers(back, g, *post);
    if (HasFatalFailure()) return;
  }
}

// The graph of Lengauer and Tarjan's paper, R = 0, A to L = 1 to 12.
TEST(Dominators, TheExampleOfThePaper) {
  enum : VertexIndex { R, A, B, C, D, E, F, G, H, I, J, K, L };
  const GraphProjection graph =
      GraphOf(13, {{R, A}, {R, B}, {R, C}, {A, D}, {B, A}, {B, D}, {B, E},
                   {C, F}, {C, G}, {D, L}, {E, H}, {F, I}, {G, I}, {G, J},
                   {H, E}, {H, K}, {I, K}, {J, I}, {K, I}, {K, R}, {L, H}});
  const auto tree = Dominators(graph, R);
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(tree->immediate, (Vertices{kNoVertex, R, R, R, R, R, C, C, R, R, G, R, D}));
}

TEST(Dominators, BadArguments) {
  EXPECT_EQ(Dominators(GraphOf(2, {}), 2).status(),
            absl::InvalidArgumentError("the root is vertex 2, but there are 2 vertices"));
  EXPECT_EQ(PostDominators(GraphProjection(), 0).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      DominanceFrontiers(GraphOf(3, {}), *Dominators(GraphOf(2, {}), 0)).status().code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Dominators(GraphOf(1, {}), 0)->DominatedCount(0), 1u);
}

TEST(Dominators, AMillionVerticesInARow) {
  const auto tree = Dominators(Path(kMany), 0);
  ASSERT_TRUE(tree.ok());
  for (VertexIndex v = 1; v < kMany; ++v) ASSERT_EQ(tree->immediate[v], v - 1);
  EXPECT_TRUE(tree->Dominates(3, kMany - 1));
  const GraphProjection ring = Ring(kMany);
  const auto post = PostDominators(ring, 0);
  EXPECT_EQ(post->immediate[kMany - 1], 0u);
  EXPECT_EQ(post->immediate[1], 2u);
  EXPECT_EQ(DominanceFrontiers(ring, *post)->items.size(), kMany);  // 0 for each
  // Edges back from every vertex to the one before, and from the first to the last.
  std::vector<Edge> edges = {{0, kMany - 1}};
  for (VertexIndex v = 1; v < kMany; ++v) {
    edges.push_back({v - 1, v});
    edges.push_back({v, v - 1});
  }
  const auto both = Dominators(GraphOf(kMany, edges), 0);
  EXPECT_EQ(both->immediate[kMany / 2], 0u);
  EXPECT_EQ(both->DominatedCount(1), 1u);
}

TEST(Dominators, Stop) {
  const GraphProjection path = Path(kMany), ring = Ring(kMany);
  ExpectStops([&](const AlgorithmOptions& o) { return Dominators(path, 0, o).status(); });
  ExpectStops([&](const AlgorithmOptions& o) {
    return PostDominators(path, kMany - 1, o).status();
  });
  const auto tree = Dominators(ring, 0);
  ExpectStops([&](const AlgorithmOptions& o) {
    return DominanceFrontiers(ring, *tree, o).status();
  });
  // A ladder down whose rungs all lead back: more frontiers than are allowed.
  std::vector<Edge> edges;
  for (VertexIndex v = 1; v < 3000; ++v)
    for (VertexIndex to : {v, v / 2}) edges.push_back({v == to ? v - 1 : v, to});
  const GraphProjection ladder = GraphOf(3000, edges);
  AlgorithmOptions little;
  little.memory_bytes_max = 1000000;
  EXPECT_EQ(DominanceFrontiers(ladder, *Dominators(ladder, 0), little).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sheaf::graph
