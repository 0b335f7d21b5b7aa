// Cycles on random graphs: the one that is found against the edges, the basis by its size,
// its edges and its independence (the rank of a matrix of bits), all elementary cycles
// against a search that tries everything, with every bound on the length; a million
// vertices in a row, and every way to stop.
#include "graph/cycles.h"

#include <algorithm>
#include <set>

#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

using Matrix = std::vector<std::vector<int>>;

// A list of vertices that is an elementary cycle of the graph.
bool IsCycle(const Matrix& m, bool directed, absl::Span<const VertexIndex> cycle) {
  for (size_t i = 0; i < cycle.size(); ++i) {
    if (m[cycle[i]][cycle[(i + 1) % cycle.size()]] == 0) return false;
    if (std::count(cycle.begin(), cycle.end(), cycle[i]) != 1) return false;
  }
  if (!directed && cycle.size() == 2 && m[cycle[0]][cycle[1]] < 2) return false;
  return !cycle.empty();
}

// Tries every path from each vertex through larger ones.
void Extend(const Matrix& m, bool directed, size_t length_max, Vertices* path,
            std::set<Vertices>* found) {
  if (m[path->back()][path->front()] > 0 && IsCycle(m, directed, *path) &&
      (directed || path->size() < 3 || (*path)[1] < path->back()))
    found->insert(*path);
  if (path->size() == length_max) return;
  for (VertexIndex w = path->front() + 1; w < m.size(); ++w) {
    if (m[path->back()][w] == 0) continue;
    if (std::count(path->begin(), path->end(), w) != 0) continue;
    path->push_back(w);
    Extend(m, directed, length_max, path, found);
    path->pop_back();
  }
}
std::set<Vertices> AllCycles(const SmallGraph& g, size_t length_max = 100) {
  std::set<Vertices> found;
  const Matrix m = g.Matrix();
  for (VertexIndex v = 0; v < g.n; ++v) {
    Vertices path = {v};
    Extend(m, g.directed(), length_max, &path, &found);
  }
  return found;
}

std::vector<Vertices> Collect(const GraphProjection& graph, const CycleBounds& bounds,
                              absl::Status* status) {
  auto cursor = CycleCursor::Of(graph, bounds);
  EXPECT_TRUE(cursor.ok()) << cursor.status();
  std::vector<Vertices> result;
  while (cursor->Next())
    result.emplace_back(cursor->cycle().begin(), cursor->cycle().end());
  EXPECT_FALSE(cursor->Next());
  *status = cursor->status();
  return result;
}

TEST(Cycles, OneIsFoundWhereThereIsAny) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const SmallGraph g = RandomGraph(seed, 7);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto cycle = FindCycle(g.graph);
    ASSERT_TRUE(cycle.ok());
    const bool has = !AllCycles(g).empty();
    ASSERT_EQ(!cycle->empty(), has);
    ASSERT_EQ(*HasCycle(g.graph), has);
    if (has) {
      ASSERT_TRUE(IsCycle(g.Matrix(), g.directed(), *cycle));
    }
  }
}

TEST(Cycles, AllAreFoundOnceAndNoOthers) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const SmallGraph g = RandomGraph(seed, seed % 10 == 0 ? 9 : 7);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const std::set<Vertices> all = AllCycles(g);
    for (uint32_t length_max = 0; length_max <= g.n + 1; ++length_max) {
      absl::Status status;
      const auto found = Collect(g.graph, {.length_max = length_max}, &status);
      ASSERT_TRUE(status.ok()) << status;
      std::set<Vertices> expected;
      for (const Vertices& c : all)
        if (c.size() <= length_max) expected.insert(c);
      ASSERT_EQ(std::set<Vertices>(found.begin(), found.end()), expected) << length_max;
      ASSERT_EQ(found.size(), expected.size());
    }
  }
}

// Graphs that are large beside the bound, so that components are not split after each
// root.
TEST(Cycles, ShortOnesOfLargerGraphs) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    SmallGraph g = {.n = 150,
                    .kind = seed % 2 == 0 ? Edges::kDirected : Edges::kUndirected};
    for (VertexIndex i = 0; i < 200 + seed % 3 * 100; ++i)
      g.edges.push_back({static_cast<VertexIndex>(random() % g.n),
                         static_cast<VertexIndex>(random() % g.n)});
    g.graph = GraphOf(g.n, g.edges, g.kind);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto length_max = static_cast<uint32_t>(1 + seed % 6);
    const std::set<Vertices> expected = AllCycles(g, length_max);
    absl::Status status;
    const auto found = Collect(g.graph, {.length_max = length_max}, &status);
    ASSERT_EQ(std::set<Vertices>(found.begin(), found.end()), expected);
    ASSERT_EQ(found.size(), expected.size());
  }
}

TEST(Cycles, CountAndWorkAreBounded) {
  // All edges between 30 vertices: nobody could wait for all its cycles.
  std::vector<Edge> edges;
  for (VertexIndex u = 0; u < 30; ++u)
    for (VertexIndex v = 0; v < 30; ++v)
      if (u != v) edges.push_back({u, v});
  const GraphProjection graph = GraphOf(30, edges);
  absl::Status status;
  EXPECT_EQ(Collect(graph, {.count_max = 1000}, &status).size(), 1000u);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(Collect(graph, {.count_max = 0}, &status).size(), 0u);
  EXPECT_EQ(Collect(graph, {.length_max = 2}, &status).size(), 30u * 29 / 2);
  EXPECT_EQ(Collect(graph, {.length_max = 3}, &status).size(),
            30u * 29 / 2 + 30u * 29 * 28 / 3);
  EXPECT_GT(Collect(graph, {.work_max = 100000}, &status).size(), 1000u);
  EXPECT_EQ(status,
            absl::ResourceExhaustedError("more than 100000 edges were looked at"));
  int reports = 0;
  auto cursor = CycleCursor::Of(
      graph, {}, {.progress = {.report = [&](const auto&) { return ++reports < 100; }}});
  while (cursor->Next()) {
  }
  EXPECT_EQ(cursor->status().code(), absl::StatusCode::kCancelled);
}

// Johnson's bound on the work between two cycles: where a search without memory would try
// every path through a ladder of 40 steps that leads nowhere, 2^40.
TEST(Cycles, WhatLeadsNowhereIsTriedOnce) {
  std::vector<Edge> edges = {{0, 1}, {1, 0}, {1, 2}};
  for (VertexIndex v = 2; v < 82; v += 2)
    for (VertexIndex from : {v, v + 1})
      for (VertexIndex to : {v + 2, v + 3}) edges.push_back({from, to});
  edges.push_back({82, 1});  // 1 is on the path, so this is no way back
  edges.push_back({83, 1});
  absl::Status status;
  const auto found =
      Collect(GraphOf(84, edges), {.count_max = 3, .work_max = 3000}, &status);
  EXPECT_EQ(found.size(), 3u) << status;
  EXPECT_EQ(found[0], (Vertices{0, 1}));
}

// Adds edge sets up modulo 2.
size_t RankOf(std::vector<std::vector<bool>> rows) {
  size_t rank = 0;
  const size_t width = rows.empty() ? 0 : rows[0].size();
  for (size_t bit = 0; bit < width; ++bit) {
    size_t pivot = rank;
    while (pivot < rows.size() && !rows[pivot][bit]) ++pivot;
    if (pivot == rows.size()) continue;
    std::swap(rows[pivot], rows[rank]);
    for (size_t r = 0; r < rows.size(); ++r)
      if (r != rank && rows[r][bit])
        for (size_t i = 0; i < width; ++i) rows[r][i] = rows[r][i] != rows[rank][i];
    ++rank;
  }
  return rank;
}

TEST(Cycles, BasisHasTheRightSizeAndIsIndependent) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const SmallGraph g = RandomGraph(seed, 10);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto basis = CycleBasis(g.graph);
    ASSERT_TRUE(basis.ok());
    const Matrix m = g.Symmetric();
    const auto reach = ReachOf(m);
    size_t components = 0;
    for (VertexIndex v = 0; v < g.n; ++v)
      components +=
          std::find(reach[v].begin(), reach[v].end(), true) - reach[v].begin() == v;
    ASSERT_EQ(basis->size(), g.edges.size() + components - g.n);
    // Parallel edges make the same list several times: one edge less than there are.
    std::set<std::vector<bool>> rows;
    size_t same = 0;
    for (uint64_t i = 0; i < basis->size(); ++i) {
      const auto cycle = (*basis)[i];
      ASSERT_TRUE(IsCycle(m, false, cycle));
      if (cycle.size() == 2) {
        ++same;
        continue;
      }
      std::vector<bool> row(size_t{g.n} * g.n);
      for (size_t j = 0; j < cycle.size(); ++j) {
        const VertexIndex a = cycle[j], b = cycle[(j + 1) % cycle.size()];
        row[size_t{std::min(a, b)} * g.n + std::max(a, b)] = true;
      }
      same += !rows.insert(row).second;
    }
    ASSERT_EQ(RankOf({rows.begin(), rows.end()}), rows.size());
    size_t parallel = 0;
    for (VertexIndex u = 0; u < g.n; ++u)
      for (VertexIndex v = u; v < g.n; ++v) parallel += std::max(0, m[u][v] - 1);
    ASSERT_EQ(same, parallel);
  }
}

TEST(Cycles, AMillionVerticesInARow) {
  EXPECT_TRUE(FindCycle(Path(kMany))->empty());
  EXPECT_TRUE(FindCycle(Path(kMany, Edges::kUndirected))->empty());
  EXPECT_EQ(CycleBasis(Path(kMany))->size(), 0u);
  absl::Status status;
  for (Edges kind : {Edges::kDirected, Edges::kUndirected}) {
    const GraphProjection ring = Ring(kMany, kind);
    EXPECT_EQ(FindCycle(ring)->size(), kMany);
    EXPECT_EQ(CycleBasis(ring)->items.size(), kMany);
    const auto all = Collect(ring, {}, &status);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].size(), kMany);
    EXPECT_EQ(Collect(ring, {.length_max = kMany - 1}, &status).size(), 0u);
    EXPECT_EQ(Collect(Path(kMany, kind), {}, &status).size(), 0u);
  }
  std::vector<Edge> back;
  for (VertexIndex v = 0; v < kMany; ++v) back.push_back({(v + 1) % kMany, v});
  EXPECT_EQ(Collect(GraphOf(kMany, back), {.length_max = kMany - 1}, &status).size(), 0u);
  std::vector<Edge> pairs;
  for (VertexIndex v = 0; v < kMany; v += 2) {
    pairs.push_back({v, v + 1});
    pairs.push_back({v + 1, v});
  }
  EXPECT_EQ(Collect(GraphOf(kMany, pairs), {}, &status).size(), kMany / 2);
}

TEST(Cycles, Stop) {
  const GraphProjection path = Path(kMany), ring = Ring(kMany);
  ExpectStops([&](const AlgorithmOptions& o) { return FindCycle(path, o).status(); });
  ExpectStops([&](const AlgorithmOptions& o) { return HasCycle(path, o).status(); });
  ExpectStops([&](const AlgorithmOptions& o) { return CycleBasis(ring, o).status(); });
  ExpectStops([&](const AlgorithmOptions& o) {
    auto cursor = CycleCursor::Of(ring, {}, o);
    if (!cursor.ok()) return cursor.status();
    while (cursor->Next()) {
    }
    return cursor->status();
  });
  // Enough for the search, not for what it finds.
  AlgorithmOptions little;
  little.memory_bytes_max = 13 * kMany + 1000;
  EXPECT_EQ(CycleBasis(ring, little).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sheaf::graph
