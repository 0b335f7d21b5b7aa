// Simple paths against a search that tries everything, on random graphs: each once, with
// every bound on the length, in every direction, with and without a filter; bounds on
// count and work; a million vertices in a row, and every way to stop.
#include "graph/paths.h"

#include <algorithm>
#include <set>

#include "absl/time/clock.h"
#include "tests/graph/small_graphs.h"

namespace sheaf::graph {
namespace {

using Matrix = std::vector<std::vector<int>>;

void Extend(const Matrix& m, VertexIndex to,
            const std::function<bool(VertexIndex)>& admits, Vertices* path,
            std::set<Vertices>* found) {
  for (VertexIndex w = 0; w < m.size(); ++w) {
    if (m[path->back()][w] == 0) continue;
    if (std::count(path->begin(), path->end(), w) != 0) continue;
    path->push_back(w);
    if (w == to) {
      found->insert(*path);
    } else if (admits == nullptr || admits(w)) {
      Extend(m, to, admits, path, found);
    }
    path->pop_back();
  }
}

std::vector<Vertices> Collect(const GraphProjection& graph, VertexIndex from,
                              VertexIndex to, const SimplePathBounds& bounds,
                              absl::Status* status) {
  auto cursor = SimplePathCursor::Of(graph, from, to, bounds);
  EXPECT_TRUE(cursor.ok()) << cursor.status();
  std::vector<Vertices> result;
  while (cursor->Next())
    result.emplace_back(cursor->path().begin(), cursor->path().end());
  EXPECT_FALSE(cursor->Next());
  *status = cursor->status();
  return result;
}

TEST(Paths, AllAreFoundOnceAndNoOthers) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const SmallGraph g = RandomGraph(seed, seed % 10 == 0 ? 9 : 7);
    if (g.n < 2) continue;
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    const auto direction = static_cast<Direction>(seed / 4 % 3 + 1);
    Matrix m = direction == Direction::kBoth ? g.Symmetric() : g.Matrix();
    if (direction == Direction::kIn)
      for (VertexIndex u = 0; u < g.n; ++u)
        for (VertexIndex v = 0; v < u; ++v) std::swap(m[u][v], m[v][u]);
    SimplePathBounds bounds = {.direction = direction};
    std::vector<int> asked(g.n, 0);
    if (seed % 5 == 0)
      bounds.admits = [&](VertexIndex v) {
        ++asked[v];
        return (v + seed / 5) % 4 != 0;
      };
    std::set<Vertices> all;
    Vertices path = {0};
    Extend(m, 1, bounds.admits, &path, &all);
    for (uint32_t edges_max = 0; edges_max <= g.n + 1; ++edges_max) {
      bounds.edges_max = edges_max;
      std::set<Vertices> expected;
      for (const Vertices& p : all)
        if (p.size() <= edges_max + 1) expected.insert(p);
      std::fill(asked.begin(), asked.end(), 0);
      absl::Status status;
      const auto found = Collect(g.graph, 0, 1, bounds, &status);
      ASSERT_TRUE(status.ok()) << status;
      ASSERT_EQ(std::set<Vertices>(found.begin(), found.end()), expected) << edges_max;
      ASSERT_EQ(found.size(), expected.size());
      // Out and In are each ascending, so with one of them paths come in their order.
      if (direction != Direction::kBoth) {
        ASSERT_TRUE(std::is_sorted(found.begin(), found.end()));
      }
      for (VertexIndex v = 0; v < g.n; ++v) ASSERT_LE(asked[v], v < 2 ? 0 : 1);
    }
  }
}

TEST(Paths, ShortOnesOfLargerGraphs) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    SmallGraph g = {.n = 24,
                    .kind = seed % 2 == 0 ? Edges::kDirected : Edges::kUndirected};
    for (VertexIndex i = 0; i < (g.directed() ? 60 : 36); ++i)
      g.edges.push_back({static_cast<VertexIndex>(random() % g.n),
                         static_cast<VertexIndex>(random() % g.n)});
    g.graph = GraphOf(g.n, g.edges, g.kind);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", g.ToString()));
    std::set<Vertices> all;
    Vertices path = {0};
    Extend(g.Matrix(), 1, nullptr, &path, &all);
    for (uint32_t edges_max : {6u, 8u, 10u, 13u}) {
      std::set<Vertices> expected;
      for (const Vertices& p : all)
        if (p.size() <= edges_max + 1) expected.insert(p);
      absl::Status status;
      const auto found = Collect(g.graph, 0, 1, {.edges_max = edges_max}, &status);
      ASSERT_EQ(std::set<Vertices>(found.begin(), found.end()), expected) << edges_max;
      ASSERT_EQ(found.size(), expected.size());
    }
  }
}

// 5 is entered behind 4 first, where its way by 2 is blocked and the one by 6 too long;
// behind 2 it is not.
TEST(Paths, WhatWasTooFarIsTriedAgainWhereItIsNearer) {
  const GraphProjection graph = GraphOf(
      8,
      {{0, 2}, {2, 3}, {3, 4}, {4, 5}, {2, 5}, {5, 2}, {2, 1}, {5, 6}, {6, 7}, {7, 1}});
  absl::Status status;
  EXPECT_EQ(Collect(graph, 0, 1, {.edges_max = 6}, &status),
            (std::vector<Vertices>{{0, 2, 1}, {0, 2, 5, 6, 7, 1}}));
  EXPECT_EQ(Collect(graph, 0, 1, {.edges_max = 7}, &status).size(), 3u);
}

// A ladder of 40 steps, from 2 to 82: 2^40 paths.
GraphProjection Ladder(std::vector<Edge> edges) {
  for (VertexIndex v = 2; v < 82; v += 2)
    for (VertexIndex from : {v, v + 1})
      for (VertexIndex to : {v + 2, v + 3}) edges.push_back({from, to});
  return GraphOf(85, edges);
}

TEST(Paths, CountAndWorkAreBounded) {
  absl::Status status;
  const GraphProjection ladder = Ladder({{0, 2}, {82, 1}});
  EXPECT_EQ(Collect(ladder, 0, 1, {.count_max = 1000}, &status).size(), 1000u);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(Collect(ladder, 0, 1, {.edges_max = 41}, &status).size(), 0u);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(Collect(ladder, 0, 1, {.count_max = 0}, &status).size(), 0u);
  EXPECT_GT(Collect(ladder, 0, 1, {.work_max = 100000}, &status).size(), 100u);
  EXPECT_EQ(status,
            absl::ResourceExhaustedError("more than 100000 edges were looked at"));
  int reports = 0;
  auto cursor = SimplePathCursor::Of(
      ladder, 0, 1, {},
      {.progress = {.report = [&](const auto&) { return ++reports < 100; }}});
  while (cursor->Next()) {
  }
  EXPECT_EQ(cursor->status().code(), absl::StatusCode::kCancelled);
  cursor = SimplePathCursor::Of(
      ladder, 0, 1, {}, {.progress = {.deadline = absl::Now() + absl::Milliseconds(20)}});
  ASSERT_TRUE(cursor.ok());
  while (cursor->Next()) {
  }
  EXPECT_EQ(cursor->status().code(), absl::StatusCode::kDeadlineExceeded);
}

// From 84 to the end or into the ladder, out of which only 84 leads: a search without
// memory would try all its paths.
TEST(Paths, WhatLeadsNowhereIsTriedOnce) {
  absl::Status status;
  const GraphProjection ladder = Ladder({{0, 84}, {84, 1}, {84, 2}, {82, 84}});
  for (uint32_t edges_max : {60u, 1000u}) {
    const auto found =
        Collect(ladder, 0, 1, {.edges_max = edges_max, .work_max = 1000}, &status);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(found, (std::vector<Vertices>{{0, 84, 1}}));
  }
}

TEST(Paths, BadArguments) {
  const GraphProjection graph = GraphOf(3, {{0, 1}});
  for (auto [from, to] : {std::pair<VertexIndex, VertexIndex>{0, 0}, {0, 3}, {3, 0}})
    EXPECT_EQ(SimplePathCursor::Of(graph, from, to).status().code(),
              absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SimplePathCursor::Of(GraphProjection(), 0, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Paths, AMillionVerticesInARow) {
  absl::Status status;
  for (Edges kind : {Edges::kDirected, Edges::kUndirected}) {
    const GraphProjection path = Path(kMany, kind), ring = Ring(kMany, kind);
    const VertexIndex last = kMany - 1;
    const auto found = Collect(path, 0, last, {}, &status);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].size(), kMany);
    EXPECT_EQ(Collect(path, 0, last, {.edges_max = last}, &status).size(), 1u);
    EXPECT_EQ(Collect(path, 0, last, {.edges_max = last - 1}, &status).size(), 0u);
    EXPECT_EQ(Collect(ring, 5, 4, {}, &status).size(), kind == Edges::kDirected ? 1 : 2);
  }
}

TEST(Paths, Stop) {
  const GraphProjection path = Path(kMany);
  ExpectStops([&](const AlgorithmOptions& o) {
    auto cursor = SimplePathCursor::Of(path, 0, kMany - 1, {}, o);
    if (!cursor.ok()) return cursor.status();
    while (cursor->Next()) {
    }
    return cursor->status();
  });
}

}  // namespace
}  // namespace sheaf::graph
