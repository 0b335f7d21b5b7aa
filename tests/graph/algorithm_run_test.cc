// Proves what every whole-graph algorithm owes its options: that it ends when progress
// says no, at the first report and at a later one, or when the deadline has passed; that
// it says so when its memory will not do; that it refuses no threads; and that its answer
// is the same, bit by bit, for one thread and for several. Each is a row of a table.
#include "graph/algorithm_run.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <numeric>

#include "graph/centrality.h"
#include "graph/community.h"
#include "graph/components.h"
#include "graph/shortest_paths.h"
#include "tests/support/graph_cases.h"

namespace sheaf {
namespace {

using test::GraphCase;

// The bytes of an answer.
template <typename T>
std::string Bytes(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
std::string Bytes(const Scores& scores) { return Bytes(scores.scores); }
std::string Bytes(const HitsScores& s) { return Bytes(s.hubs) + Bytes(s.authorities); }
std::string Bytes(const Triangles& triangles) { return Bytes(triangles.per_vertex); }
std::string Bytes(const BfsTree& tree) {
  return Bytes(tree.depths) + Bytes(tree.parents);
}
std::string Bytes(const PathTree& tree) {
  return Bytes(tree.distances) + Bytes(tree.parents);
}
std::string Bytes(const Communities& c) { return Bytes(c.levels.back().labels); }
std::string Bytes(double value) { return Bytes(std::vector<double>{value}); }
std::string Bytes(bool value) { return value ? "yes" : "no"; }
std::string Bytes(const GraphPath& path) { return Bytes(path.vertices); }
std::string Bytes(const std::optional<GraphPath>& path) {
  return path.has_value() ? Bytes(*path) : "none";
}
std::string Bytes(const ManyPaths& many) {
  std::string bytes;
  for (const GraphPath& path : many.paths) bytes += Bytes(path);
  return bytes;
}

struct Row {
  std::string name;
  std::function<absl::StatusOr<std::string>(const GraphProjection&,
                                            const AlgorithmOptions&)>
      run;
};

template <typename Fn>
Row RowOf(std::string name, Fn fn) {
  return {std::move(name),
          [fn](const GraphProjection& graph,
               const AlgorithmOptions& options) -> absl::StatusOr<std::string> {
            const auto answer = fn(graph, options);
            if (!answer.ok()) return answer.status();
            return Bytes(*answer);
          }};
}

#define ROW(call) \
  RowOf(#call, [](const GraphProjection& g, const AlgorithmOptions& o) { return call; })

double Zero(VertexIndex) { return 0; }

std::vector<VertexIndex> Each(const GraphProjection& graph) {
  std::vector<VertexIndex> labels(graph.vertex_count());
  std::iota(labels.begin(), labels.end(), 0);
  return labels;
}

const std::vector<Row>& Rows() {
  static const auto* const rows = new std::vector<Row>{
      ROW(Degrees(g, Direction::kBoth, o)),
      ROW(Closeness(g, {.sample = {16, 1}}, o)),
      ROW(Closeness(g, {.weighted = true, .sample = {16, 1}}, o)),
      ROW(Betweenness(g, {.sample = {16, 1}}, o)),
      ROW(Betweenness(g, {.weighted = true, .sample = {16, 1}}, o)),
      ROW(PageRank(g, {}, o)),
      ROW(PersonalizedPageRank(g, {{0, 1}, {7, 2}}, {}, o)),
      ROW(EigenvectorCentrality(g, {}, o)),
      ROW(EigenvectorCentrality(g, {.weighted = true}, o)),
      ROW(Hits(g, {}, o)),
      ROW(LabelPropagation(g, 10, o)),
      ROW(Modularity(g, Each(g), {}, o)),
      ROW(Louvain(g, {}, o)),
      ROW(WeakComponents(g, o)),
      ROW(CoreNumbers(g, o)),
      ROW(CountTriangles(g, o)),
      ROW(LocalClustering(g, o)),
      ROW(Transitivity(g, o)),
      ROW(BfsDepths(g, 0, {}, o)),
      ROW(BfsWithParents(g, 0, {}, o)),
      ROW(FewestHops(g, 0, 300, {}, o)),
      ROW(CanReach(g, 0, 300, {}, o)),
      ROW(Dijkstra(g, 0, Direction::kOut, o)),
      ROW(BellmanFord(g, 0, Direction::kOut, o)),
      ROW(LightestPath(g, 0, 300, Direction::kOut, o)),
      ROW(AStar(g, 0, 300, Zero, Direction::kOut, o)),
      ROW(AllShortestPaths(g, 0, 300, {}, o)),
      ROW(ShortestLooplessPaths(g, 0, 300, {.paths_max = 10}, o)),
  };
  return *rows;
}

const GraphCase& Graph(bool is_directed) {
  static const GraphCase* const directed =
      new GraphCase(test::RmatCase(14, 200'000, true));
  static const GraphCase* const undirected =
      new GraphCase(test::RmatCase(14, 200'000, false));
  return is_directed ? *directed : *undirected;
}

TEST(AlgorithmRun, AnswersDoNotDependOnThreads) {
  for (const bool is_directed : {true, false})
    for (const Row& row : Rows()) {
      const auto one = row.run(Graph(is_directed).graph, {.threads = 1});
      ASSERT_TRUE(one.ok()) << row.name << one.status();
      EXPECT_FALSE(one->empty()) << row.name;
      for (const int threads : {2, 5}) {
        const auto several = row.run(Graph(is_directed).graph, {.threads = threads});
        ASSERT_TRUE(several.ok()) << row.name << several.status();
        EXPECT_EQ(*several == *one, true) << row.name << ", " << threads << " threads";
      }
    }
}

TEST(AlgorithmRun, ExactOnesDoNotDependOnThreadsEither) {
  const GraphCase graph = test::RmatCase(9, 4000, true);
  for (const Row& row :
       {ROW(Closeness(g, {}, o)), ROW(Closeness(g, {.weighted = true}, o)),
        ROW(Betweenness(g, {}, o)), ROW(Betweenness(g, {.weighted = true}, o))}) {
    const auto one = row.run(graph.graph, {.threads = 1});
    ASSERT_TRUE(one.ok()) << row.name << one.status();
    EXPECT_EQ(*one == *row.run(graph.graph, {.threads = 3}), true) << row.name;
  }
}

TEST(AlgorithmRun, EndsWhenProgressSaysNo) {
  for (const Row& row : Rows()) {
    int reports = 0;
    AlgorithmOptions options;
    options.progress.report = [&](const Progress::State& state) {
      EXPECT_STRNE(state.what, "");
      ++reports;
      return false;
    };
    EXPECT_EQ(row.run(Graph(true).graph, options).status().code(),
              absl::StatusCode::kCancelled)
        << row.name;
    EXPECT_EQ(reports, 1) << row.name;
  }
}

// Each report is on the calling thread, what is done never falls, and the next to last
// that there are ends the call as well as the first.
TEST(AlgorithmRun, EndsAtALaterReport) {
  int later = 0;
  for (const Row& row : Rows()) {
    int reports = 0;
    uint64_t done = 0;
    const std::thread::id caller = std::this_thread::get_id();
    AlgorithmOptions options;
    options.progress.report = [&](const Progress::State& state) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_GE(state.done, done) << row.name;
      EXPECT_TRUE(state.total == 0 || state.done <= state.total) << row.name;
      done = state.done;
      ++reports;
      return true;
    };
    options.threads = 1;
    ASSERT_TRUE(row.run(Graph(true).graph, options).ok()) << row.name;
    if (reports < 2) continue;
    ++later;
    for (const int threads : {1, 2}) {
      int left = threads == 1 ? reports - 1 : 1;
      options.threads = threads;
      options.progress.report = [&](const Progress::State&) { return left-- > 0; };
      EXPECT_EQ(row.run(Graph(true).graph, options).status().code(),
                absl::StatusCode::kCancelled)
          << row.name;
    }
  }
  EXPECT_GE(later, 20);
}

TEST(AlgorithmRun, EndsAtTheDeadline) {
  for (const Row& row : Rows()) {
    AlgorithmOptions options;
    options.progress.deadline = absl::Now() - absl::Seconds(1);
    const absl::Status status = row.run(Graph(true).graph, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << row.name;
    EXPECT_EQ(status.message().substr(0, 3), row.name.substr(0, 3));
  }
}

TEST(AlgorithmRun, SaysWhenMemoryWillNotDo) {
  for (const Row& row : Rows()) {
    const absl::Status status =
        row.run(Graph(true).graph, {.memory_bytes_max = 1000}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << row.name;
    EXPECT_NE(status.message().find("memory_bytes_max is 1000"), std::string::npos)
        << status;
  }
}

// Paths are memory too: bounded as they come.
TEST(AlgorithmRun, CountsPathsAsMemory) {
  std::vector<test::Edge> edges;
  for (VertexIndex i = 0; i < 20; ++i)
    for (const VertexIndex side : {1u, 2u}) {
      edges.push_back({3 * i, 3 * i + side});
      edges.push_back({3 * i + side, 3 * i + 3});
    }
  const GraphCase graph = test::CaseOf(61, edges, true);
  const ManyPathsOptions many{.paths_max = 1'000'000};
  EXPECT_EQ(AllShortestPaths(graph.graph, 0, 60, many, {.memory_bytes_max = 100'000})
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ShortestLooplessPaths(graph.graph, 0, 60, many, {.memory_bytes_max = 100'000})
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(AllShortestPaths(graph.graph, 0, 60, {.paths_max = 1000})->paths.size(),
            1000u);
}

// Threads that there is no memory for are not used.
TEST(AlgorithmRun, FewerThreadsForLessMemory) {
  const AlgorithmOptions options{.memory_bytes_max = 1000, .threads = 8};
  graph::AlgorithmRun three(options, "Test");
  ASSERT_TRUE(three.Begin(100, 300).ok());
  EXPECT_EQ(three.threads(), 3u);
  graph::AlgorithmRun none(options, "Test");
  EXPECT_EQ(none.Begin(800, 300).code(), absl::StatusCode::kResourceExhausted);
}

TEST(AlgorithmRun, RefusesNoThreads) {
  for (const Row& row : Rows())
    for (const int threads : {0, -1})
      EXPECT_EQ(row.run(Graph(true).graph, {.threads = threads}).status().code(),
                absl::StatusCode::kInvalidArgument)
          << row.name;
}

// The first error of a chunk ends the run; the others do not go on, and that they were
// stopped is not what the caller hears.
TEST(AlgorithmRun, ErrorsOfChunksComeOut) {
  const AlgorithmOptions options{.threads = 4};
  for (int i = 0; i < 100; ++i) {
    graph::AlgorithmRun run(options, "Test");
    ASSERT_TRUE(run.Begin(0).ok());
    std::atomic<int> called = 0;
    const absl::Status status =
        graph::ForEachChunk(&run, 1000, [&](size_t chunk, size_t, graph::Meter& meter) {
          ++called;
          if (chunk == 5) return absl::OutOfRangeError("five");
          return meter.Work(graph::AlgorithmRun::kWorkPerTick);
        });
    EXPECT_EQ(status.message(), "five");
    EXPECT_GE(called, 6);
  }
}

}  // namespace
}  // namespace sheaf
