// Traversals and paths over pages against searches of lists in memory: on small random
// graphs with parallel edges, loops, far ids, labels and properties, with lists long enough
// for blocks, inside a write transaction and beside one; every bound, every refusal.
#include "sheaf/graph_traversal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <limits>
#include <queue>

#include "sheaf/shortest_paths.h"
#include "tests/api/api_fixture.h"
#include "tests/api/graph_model.h"
#include "tests/support/sanitizers.h"

namespace sheaf::test {
namespace {

using Ids = std::vector<VertexId>;
using Depths = std::map<VertexId, uint32_t>;

Depths DepthsOf(const Model& model, const Ids& starts, const ModelSelection& s,
                uint32_t depth_max) {
  Depths depths;
  std::deque<VertexId> queue;
  for (const VertexId start : starts)
    if (depths.emplace(start, 0).second) queue.push_back(start);
  for (; !queue.empty(); queue.pop_front()) {
    const VertexId v = queue.front();
    if (depths[v] == depth_max) continue;
    for (const Model::Step& step : model.StepsFrom(v, s))
      if (s.Takes(model.vertices.at(step.to)) &&
          depths.emplace(step.to, depths[v] + 1).second)
        queue.push_back(step.to);
  }
  return depths;
}

// The edge leads from `a` to `b` as the selection goes.
void ExpectStep(const Model& model, VertexId a, const EdgeId& id, VertexId b,
                const ModelSelection& s) {
  const ModelEdge* const edge = model.Find(id);
  ASSERT_NE(edge, nullptr);
  EXPECT_TRUE(s.Takes(*edge));
  EXPECT_TRUE((s.direction != Direction::kIn && id.from == a && id.to == b) ||
              (s.direction != Direction::kOut && id.from == b && id.to == a));
}

void CheckBreadthFirst(const GraphReader& g, const Model& model, const Ids& starts,
                       const ModelSelection& s, uint32_t depth_min, uint32_t depth_max,
                       bool keep_paths) {
  const Depths all = DepthsOf(model, starts, s, depth_max);
  const TraversalOptions options{.edges = s.edges(),
                                 .vertices = s.vertices(),
                                 .depth_min = depth_min,
                                 .depth_max = depth_max,
                                 .keep_paths = keep_paths};
  TraversalCursor cursor = *Traverse(g, starts, options);
  Depths seen;
  uint32_t last = 0;
  while (cursor.Next()) {
    const VertexId v = cursor.vertex();
    EXPECT_TRUE(seen.emplace(v, cursor.depth()).second) << v;
    EXPECT_GE(cursor.depth(), last);
    last = cursor.depth();
    if (!keep_paths) continue;
    const Ids path = cursor.PathHere();
    ASSERT_EQ(path.size(), last + 1);
    EXPECT_EQ(path.back(), v);
    for (uint32_t i = 0; i < path.size(); ++i) EXPECT_EQ(all.at(path[i]), i);
    EXPECT_EQ(cursor.parent().has_value(), last > 0);
    EXPECT_EQ(cursor.edge()->has_value(), last > 0);
    if (last > 0) {
      EXPECT_EQ(*cursor.parent(), path[last - 1]);
      ExpectStep(model, *cursor.parent(), **cursor.edge(), v, s);
    }
  }
  EXPECT_TRUE(cursor.status().ok()) << cursor.status();
  EXPECT_TRUE(cursor.complete());
  EXPECT_FALSE(cursor.Next());
  Depths expected = all;
  std::erase_if(expected, [&](const auto& entry) { return entry.second < depth_min; });
  EXPECT_EQ(seen, expected);
  Ids reached = *Reach(g, starts, options);
  EXPECT_EQ(*CountReached(g, starts, options), reached.size());
  EXPECT_TRUE(std::is_sorted(reached.begin(), reached.end(), [&](VertexId a, VertexId b) {
    return all.at(a) < all.at(b);
  }));
  EXPECT_EQ(std::set<VertexId>(reached.begin(), reached.end()).size(), reached.size());
  EXPECT_EQ(reached.size(), expected.size());
}

struct Preorder {
  const GraphReader& graph;
  const Model& model;
  const ModelSelection& s;
  uint32_t depth_max;
  Ids order;
  std::vector<uint32_t> depths;
  std::set<VertexId> visited;

  void Enter(VertexId v, uint32_t depth) {
    order.push_back(v);
    depths.push_back(depth);
    if (depth == depth_max) return;
    Ids next;
    ASSERT_TRUE(graph
                    .ForEachEdge(v, s.edges(),
                                 [&](const EdgeView& edge) {
                                   next.push_back(edge.neighbour);
                                   return true;
                                 })
                    .ok());
    for (const VertexId to : next)
      if (visited.insert(to).second && s.Takes(model.vertices.at(to)))
        Enter(to, depth + 1);
  }
};

void CheckDepthFirst(const GraphReader& g, const Model& model, const Ids& starts,
                     const ModelSelection& s, uint32_t depth_min, uint32_t depth_max) {
  Preorder expected{g, model, s, depth_max, {}, {}, {}};
  for (const VertexId start : starts)
    if (expected.visited.insert(start).second) expected.Enter(start, 0);
  const TraversalOptions options{.order = TraversalOrder::kDepthFirst,
                                 .edges = s.edges(),
                                 .vertices = s.vertices(),
                                 .depth_min = depth_min,
                                 .depth_max = depth_max};
  TraversalCursor cursor = *Traverse(g, starts, options);
  Ids order;
  for (size_t i = 0; i < expected.order.size(); ++i) {
    if (expected.depths[i] < depth_min) continue;
    ASSERT_TRUE(cursor.Next()) << cursor.status();
    EXPECT_EQ(cursor.vertex(), expected.order[i]);
    EXPECT_EQ(cursor.depth(), expected.depths[i]);
    EXPECT_EQ(cursor.PathHere().size(), cursor.depth() + 1);
    if (cursor.parent().has_value())
      ExpectStep(model, *cursor.parent(), **cursor.edge(), cursor.vertex(), s);
    order.push_back(cursor.vertex());
  }
  EXPECT_FALSE(cursor.Next());
  EXPECT_TRUE(cursor.status().ok()) << cursor.status();
  EXPECT_EQ(*Reach(g, starts, options), order);
}

// --- Paths

void ExpectRoute(const Model& model, const GraphRoute& route, VertexId from, VertexId to,
                 const ModelSelection& s) {
  ASSERT_EQ(route.edges.size() + 1, route.vertices.size());
  EXPECT_EQ(route.vertices.front(), from);
  EXPECT_EQ(route.vertices.back(), to);
  double weight = 0;
  for (size_t i = 0; i < route.edges.size(); ++i) {
    ExpectStep(model, route.vertices[i], route.edges[i], route.vertices[i + 1], s);
    EXPECT_TRUE(i == 0 || s.Takes(model.vertices.at(route.vertices[i])));
    const ModelEdge* const edge = model.Find(route.edges[i]);
    if (edge != nullptr) weight += edge->weight;
  }
  EXPECT_EQ(route.weight, weight);
}

// From each vertex to `to`; ends are not asked.
std::map<VertexId, double> DistancesTo(const Model& model, VertexId from, VertexId to,
                                       const ModelSelection& s, bool weighted) {
  std::map<VertexId, double> distances;
  for (const auto& [v, vertex] : model.vertices)
    distances[v] = v == to ? 0 : kUnreachable;
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [v, vertex] : model.vertices) {
      if (v != from && v != to && !s.Takes(vertex)) continue;
      for (const Model::Step& step : model.StepsFrom(v, s)) {
        const double way = distances[step.to] + (weighted ? step.edge->weight : 1);
        if (way >= distances[v]) continue;
        distances[v] = way;
        changed = true;
      }
    }
  }
  return distances;
}

void CheckPaths(const GraphReader& g, const Model& model, VertexId from, VertexId to,
                const ModelSelection& s) {
  const PathOptions options{.edges = s.edges(), .vertices = s.vertices()};
  const double hops = DistancesTo(model, from, to, s, false).at(from);
  const auto shortest = *ShortestPath(g, from, to, options);
  ASSERT_EQ(shortest.has_value(), hops != kUnreachable);
  EXPECT_EQ(*HasPath(g, from, to, options), shortest.has_value());
  if (shortest.has_value()) {
    EXPECT_EQ(static_cast<double>(shortest->edges.size()), hops);
    ExpectRoute(model, *shortest, from, to, s);
    const auto depth = static_cast<uint32_t>(hops);
    EXPECT_TRUE(*HasPath(g, from, to, options, depth));
    EXPECT_FALSE(depth > 0 && *HasPath(g, from, to, options, depth - 1));
  }
  const auto weights = DistancesTo(model, from, to, s, true);
  const auto lightest = *LightestPath(g, from, to, options);
  ASSERT_EQ(lightest.has_value(), shortest.has_value());
  const auto bound = [&](VertexId v) { return weights.at(v); };
  const auto led = *AStar(g, from, to, bound, options);
  ASSERT_EQ(led.has_value(), shortest.has_value());
  if (!lightest.has_value()) return;
  EXPECT_EQ(lightest->weight, weights.at(from));
  EXPECT_EQ(led->weight, weights.at(from));
  ExpectRoute(model, *lightest, from, to, s);
  ExpectRoute(model, *led, from, to, s);
}

void CheckChain(const GraphReader& g, const Model& model, const Ids& starts,
                const std::vector<ModelSelection>& selections) {
  std::set<VertexId> at(starts.begin(), starts.end());
  std::vector<ChainStep> steps;
  for (const ModelSelection& s : selections) {
    std::set<VertexId> next;
    for (const VertexId v : at)
      for (const Model::Step& step : model.StepsFrom(v, s))
        if (s.Takes(model.vertices.at(step.to))) next.insert(step.to);
    at = std::move(next);
    steps.push_back({s.edges(), s.vertices()});
  }
  Ids ends = *Chain(g, starts, steps);
  std::sort(ends.begin(), ends.end());
  EXPECT_EQ(ends, Ids(at.begin(), at.end()));
}

class GraphTraversalTest : public ApiTest {
 protected:
  void CheckAll(const GraphReader& g, ModelGraph* random, const Model& model) {
    const auto any = [&] {
      auto it = model.vertices.begin();
      std::advance(it, random->Random(static_cast<uint32_t>(model.vertices.size())));
      return it->first;
    };
    for (int i = 0; i < 3; ++i) {
      const ModelSelection s = random->AnySelection();
      Ids starts = {any()};
      while (random->Random(3) == 0) starts.push_back(any());
      const uint32_t depth_min = random->Random(3);
      const uint32_t depth_max =
          random->Random(2) == 0 ? kAnyDepth : depth_min + random->Random(3);
      CheckBreadthFirst(g, model, starts, s, depth_min, depth_max,
                        random->Random(2) == 0);
      CheckDepthFirst(g, model, starts, s, depth_min, depth_max);
      CheckPaths(g, model, any(), any(), s);
      CheckChain(g, model, starts, {s, random->AnySelection()});
    }
  }
  // A hub with so many edges each way that they are in blocks.
  static void AddHub(ModelGraph* graph) {
    const VertexId hub = VertexId{1} << 50;
    graph->AddVertex(hub);
    graph->AddVertex(hub + 1);
    for (int i = 0; i < 3; ++i) graph->AddEdge(hub, hub);
    for (int i = 0; i < 1200; ++i) {
      graph->AddEdge(hub, graph->Any());
      graph->AddEdge(i % 2 == 0 ? graph->Any() : hub + 1, hub);
    }
    for (int i = 0; i < 1200; ++i) graph->AddEdge(hub, hub + 1);
  }
};

TEST_F(GraphTraversalTest, AgreesWithListsInMemory) {
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    const std::string name = absl::StrCat("g", seed);
    WriteTransaction txn = Begin(Durability::kNone);
    ModelGraph graph(*txn.graph(name), seed);
    graph.Fill(2 + graph.Random(14), graph.Random(40));
    CheckAll(graph.graph(), &graph, graph.model());  // not committed
    ASSERT_TRUE(txn.Commit().ok());
    const Model before = graph.model();
    const ReadTransaction read = db_->BeginRead();
    CheckAll(*read.graph(name), &graph, before);
    if (HasFailure()) return;
  }
}

TEST_F(GraphTraversalTest, SeesItsOwnChangesAndSnapshotsDoNot) {
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const std::string name = absl::StrCat("g", seed);
    Model before;
    {
      WriteTransaction txn = Begin(Durability::kNone);
      ModelGraph graph(*txn.graph(name), seed);
      graph.Fill(12, 40);
      before = graph.model();
      ASSERT_TRUE(txn.Commit().ok());
    }
    const ReadTransaction read = db_->BeginRead();
    WriteTransaction txn = Begin(Durability::kNone);
    ModelGraph replay(*txn.graph("other"), seed);  // the same again, then changed
    replay.Fill(12, 40);
    replay.DeleteSome();
    for (int i = 0; i < 10; ++i) replay.AddEdge(replay.Any(), replay.Any());
    CheckAll(replay.graph(), &replay, replay.model());
    Graph changed = *txn.graph(name);
    for (const auto& [v, vertex] : before.vertices)
      EXPECT_TRUE(v % 2 != 0 || *changed.DeleteVertex(v));
    CheckAll(*read.graph(name), &replay, before);
    txn.Rollback();
    if (HasFailure()) return;
  }
}

TEST_F(GraphTraversalTest, AgreesWhereListsAreInBlocks) {
  constexpr uint32_t kSeeds = test::kAddressSanitizer ? 1 : 3;
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    WriteTransaction txn = Begin(Durability::kNone);
    ModelGraph graph(*txn.graph(absl::StrCat("g", seed)), seed);
    graph.Fill(60, 100);
    AddHub(&graph);
    for (int i = 0; i < 4; ++i) CheckAll(graph.graph(), &graph, graph.model());
    const Ids hub = {VertexId{1} << 50};
    const ModelSelection all{.direction = Direction::kBoth};
    CheckBreadthFirst(graph.graph(), graph.model(), hub, all, 0, kAnyDepth, true);
    CheckBreadthFirst(graph.graph(), graph.model(), hub, all, 1, 1, false);
    CheckDepthFirst(graph.graph(), graph.model(), hub, all, 0, kAnyDepth);
    CheckPaths(graph.graph(), graph.model(), hub[0], hub[0] + 1, all);
    CheckPaths(graph.graph(), graph.model(), hub[0] + 1, graph.Any(), all);
    ASSERT_TRUE(txn.Commit().ok());
  }
}

// --- Bounds and refusals

class GraphTraversalBoundsTest : public ApiTest {
 protected:
  // 0 -> 1 -> … -> 99, and 0 -> 1,000 more.
  void SetUp() override {
    WriteTransaction txn = Begin();
    Graph g = *txn.graph("g");
    for (VertexId v = 0; v < 1100; ++v) ASSERT_TRUE(g.AddVertexAs(v, {}).ok());
    for (VertexId v = 0; v < 99; ++v) ASSERT_TRUE(g.AddEdge(v, "T", v + 1).ok());
    for (VertexId v = 100; v < 1100; ++v) ASSERT_TRUE(g.AddEdge(0, "T", v).ok());
    ASSERT_TRUE(txn.Commit().ok());
    read_.emplace(db_->BeginRead());
    graph_ = *read_->graph("g");
  }
  void TearDown() override { read_.reset(); }
  std::optional<ReadTransaction> read_;
  GraphReader graph_;
};

TEST_F(GraphTraversalBoundsTest, CountOfVertices) {
  for (const TraversalOrder order :
       {TraversalOrder::kBreadthFirst, TraversalOrder::kDepthFirst}) {
    for (const uint64_t most : {uint64_t{0}, uint64_t{1}, uint64_t{700}, uint64_t{1099},
                                uint64_t{1100}, uint64_t{5000}}) {
      const TraversalOptions options{.order = order, .vertices_max = most};
      TraversalCursor c = *Traverse(graph_, 0, options);
      uint64_t count = 0;
      while (c.Next()) ++count;
      EXPECT_TRUE(c.status().ok());
      EXPECT_EQ(count, std::min<uint64_t>(most, 1100));
      EXPECT_EQ(c.complete(), most > 1100) << most;
      EXPECT_FALSE(c.Next());
      const auto all = Reach(graph_, {0}, options);
      EXPECT_EQ(all.ok(), most >= 1100);
      EXPECT_EQ(all.status().message(),
                all.ok() ? ""
                         : absl::StrCat("g: more than ", most,
                                        " vertices are reached; vertices_max"));
    }
  }
}

TEST_F(GraphTraversalBoundsTest, Memory) {
  for (const TraversalOrder order :
       {TraversalOrder::kBreadthFirst, TraversalOrder::kDepthFirst}) {
    TraversalCursor c = *Traverse(graph_, 0, {.order = order, .memory_bytes_max = 1000});
    while (c.Next()) continue;
    EXPECT_EQ(c.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(c.status().message().substr(0, 3), "g: ");
    EXPECT_FALSE(c.Next());
  }
  EXPECT_EQ(Reach(graph_, {0}, {.memory_bytes_max = 1000}).status().code(),
            absl::StatusCode::kResourceExhausted);
  const PathOptions little{.memory_bytes_max = 1000};
  EXPECT_EQ(ShortestPath(graph_, 0, 99, little).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(LightestPath(graph_, 0, 99, little).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(GraphTraversalBoundsTest, ProgressEndsIt) {
  Progress late;
  late.deadline = absl::InfinitePast();
  Progress cancelled;
  cancelled.report = [](const Progress::State&) { return false; };
  const auto expect = [&](const Progress& progress, absl::StatusCode code) {
    for (const TraversalOrder order :
         {TraversalOrder::kBreadthFirst, TraversalOrder::kDepthFirst})
      EXPECT_EQ(
          Traverse(graph_, 0, {.order = order, .progress = progress}).status().code(),
          code);
    EXPECT_EQ(ShortestPath(graph_, 0, 5, {.progress = progress}).status().code(), code);
    EXPECT_EQ(LightestPath(graph_, 0, 5, {.progress = progress}).status().code(), code);
    EXPECT_EQ(Chain(graph_, {0}, {}, {.progress = progress}).status().code(), code);
  };
  expect(late, absl::StatusCode::kDeadlineExceeded);
  expect(cancelled, absl::StatusCode::kCancelled);
}

TEST_F(GraphTraversalBoundsTest, IsHeardOnTheWay) {
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("g");
  for (VertexId v = 100; v < 400; ++v)
    for (VertexId w = 100; w < 200; ++w) ASSERT_TRUE(g.AddEdge(v, "T", w).ok());
  int heard = 0;
  Progress second;
  second.report = [&](const Progress::State& state) {
    EXPECT_STREQ(std::string(state.what).c_str(), "edges followed");
    return ++heard < 3;
  };
  for (const TraversalOrder order :
       {TraversalOrder::kBreadthFirst, TraversalOrder::kDepthFirst}) {
    heard = 0;
    EXPECT_EQ(Reach(g, {0}, {.order = order, .progress = second}).status().code(),
              absl::StatusCode::kCancelled);
    EXPECT_EQ(heard, 3);
  }
  heard = 0;
  EXPECT_EQ(LightestPath(g, 0, 99, {.progress = second}).status().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(GraphTraversalBoundsTest, Refusals) {
  const auto message = [](const absl::Status& status) {
    return std::string(status.message());
  };
  for (const absl::Status& status :
       {Traverse(graph_, 7000).status(), Reach(graph_, {0, 7000}).status(),
        KHop(graph_, 7000, 2).status(), Chain(graph_, {7000}, {}).status(),
        Traverse(graph_, 7000, {.order = TraversalOrder::kDepthFirst}).status(),
        ShortestPath(graph_, 0, 7000).status(), HasPath(graph_, 7000, 0).status(),
        LightestPath(graph_, 7000, 0).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(message(status), "g: no vertex 7000");
  }
  EXPECT_EQ(Traverse(graph_, ~VertexId{0}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Traverse(graph_, kVertexIdEnd).status().code(), absl::StatusCode::kNotFound);
  const std::string bad = R"({"a":{"$gtx":1}})";
  EXPECT_EQ(Traverse(graph_, 0, {.edges = {.filter = bad}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Traverse(graph_, 0, {.vertices = {.filter = bad}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ShortestPath(graph_, 0, 1, {.vertices = {.filter = bad}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(message(AStar(graph_, 0, 99, [&](VertexId) { return nan; }).status()),
            "g: the lower bound of vertex 0 is nan");
  EXPECT_EQ(
      message(
          AStar(graph_, 0, 99, [](VertexId v) { return v == 1 ? -1.0 : 0; }).status()),
      "g: the lower bound of vertex 1 is -1");
  EXPECT_FALSE(AStar(graph_, 0, 99, [](VertexId v) {
                 return v == 50 ? kUnreachable : 0;
               })->has_value());
  EXPECT_EQ(Traverse(GraphReader(), 0).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(GraphTraversalBoundsTest, NegativeWeights) {
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("g");
  ASSERT_TRUE(g.AddEdge(50, "back", 40, -0.5).ok());
  const absl::Status status = LightestPath(g, 0, 99).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "g: edge 50 -back-> 40 (0) weighs -0.5, which is less than 0");
  EXPECT_TRUE(LightestPath(g, 0, 99, {.edges = {.types = {"T"}}}).ok());
  EXPECT_TRUE(LightestPath(g, 0, 50)->has_value());  // it is not met
}

TEST_F(GraphTraversalBoundsTest, KHopIsWhatIsNotNearer) {
  EXPECT_EQ(*KHop(graph_, 0, 0), (Ids{0}));
  EXPECT_EQ(KHop(graph_, 0, 1)->size(), 1001u);
  EXPECT_EQ(*KHop(graph_, 0, 2), (Ids{2}));
  EXPECT_EQ(*KHop(graph_, 0, 100), Ids());
  EXPECT_EQ(*KHop(graph_, 5, 1, {.direction = Direction::kIn}), (Ids{4}));
}

TEST_F(GraphTraversalBoundsTest, FiltersMayAskForIds) {
  const Ids some = *Reach(graph_, {0}, {.vertices = {.filter = R"({"_id":{"$lt":50}})"}});
  EXPECT_EQ(some.size(), 50u);
}

TEST_F(GraphTraversalBoundsTest, CursorsEndWithTheirTransaction) {
  TraversalCursor c = *Traverse(graph_, 0);
  EXPECT_TRUE(c.Next());
  read_->End();
  EXPECT_FALSE(c.Next());
  EXPECT_EQ(c.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Traverse(graph_, 0).status().code(), absl::StatusCode::kFailedPrecondition);

  WriteTransaction txn = Begin();
  Graph g = *txn.graph("g");
  const Savepoint before = *txn.SetSavepoint();
  ASSERT_TRUE(g.AddEdge(0, "new", 5).ok());
  TraversalCursor in_txn = *Traverse(g, 0);
  EXPECT_TRUE(in_txn.Next());
  // What is behind the frontier may change; what was deleted has no edges.
  ASSERT_TRUE(*g.DeleteVertex(50));
  uint64_t count = 1;
  while (in_txn.Next()) ++count;
  EXPECT_TRUE(in_txn.status().ok());
  EXPECT_LE(count, 1100u);
  TraversalCursor gone = *Traverse(g, 0);
  EXPECT_TRUE(gone.Next());
  ASSERT_TRUE(txn.RollbackTo(before).ok());
  EXPECT_FALSE(gone.Next());
  EXPECT_EQ(gone.status().code(), absl::StatusCode::kFailedPrecondition);
}

// Far more than are kept in the table of a VisitedSet; far ids stay there.
TEST_F(GraphTraversalBoundsTest, ManyVerticesNearAndFar) {
  WriteTransaction txn = Begin(Durability::kNone);
  Graph g = *txn.graph("many");
  constexpr VertexId kFar = VertexId{1} << 52;
  Ids ids;
  for (VertexId v = 0; v < 6000; ++v) ids.push_back(v % 5 == 0 ? kFar + v * 1000003 : v);
  for (const VertexId id : ids) ASSERT_TRUE(g.AddVertexAs(id, {}).ok());
  for (size_t i = 1; i < ids.size(); ++i)
    ASSERT_TRUE(g.AddEdge(ids[i / 7], "T", ids[i]).ok());
  for (size_t i = 0; i < ids.size(); i += 3)
    ASSERT_TRUE(g.AddEdge(ids[i], "T", ids[(i * 31) % ids.size()]).ok());
  EXPECT_EQ(*CountReached(g, {0 + ids[0]}), ids.size());
  EXPECT_EQ(*CountReached(g, {ids[0]}, {.order = TraversalOrder::kDepthFirst}),
            ids.size());
}

}  // namespace
}  // namespace sheaf::test
