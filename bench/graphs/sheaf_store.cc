// Sheaf with its default options and the given cache: commits are Durability::kFull. Loads
// go through GraphLoader; neighbours come as Neighbors gives them, or, for "many", as
// ForEachNeighbors does, where peers are asked one by one; searches are CountReached
// and ShortestPath, which read the pages. Algorithms run on a projection.
#include <sheaf/centrality.h>
#include <sheaf/components.h>
#include <sheaf/sheaf.h>
#include <sheaf/shortest_paths.h>

#include <optional>

#include "bench/engine.h"  // Fail
#include "bench/graphs/store.h"

namespace sheaf::bench::graphs {
namespace {

constexpr char kGraph[] = "g", kType[] = "E";

void Check(const absl::Status& status) {
  if (!status.ok()) [[unlikely]]
    Fail("sheaf", status.ToString());
}
template <class T>
T Take(absl::StatusOr<T> value) {
  Check(value.status());
  return *std::move(value);
}

std::unique_ptr<Database> Open(const StoreOptions& options, const char* name) {
  sheaf::Options sheaf_options;
  sheaf_options.cache_bytes_max = options.cache_bytes_max;
  return Take(Database::Open(options.dir + "/" + name, sheaf_options));
}

class SheafStore final : public Store {
 public:
  explicit SheafStore(const StoreOptions& options)
      : db_(Open(options, "graph.sheaf")), vertex_count_(options.data->vertex_count) {}
  ~SheafStore() override {
    graph_ = GraphReader();
    read_.reset();
    Check(db_->Close());
  }

  void Load(absl::Span<const Edge> edges) override {
    Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Graph graph, txn.graph(kGraph));
      GraphLoader loader(graph, {.create_vertices = true});
      for (const Edge& edge : edges)
        SHEAF_RETURN_IF_ERROR(loader.AddEdge(edge.from, kType, edge.to));
      return loader.Finish();
    }));
  }
  void AddEdges(absl::Span<const Edge> edges) override {
    Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Graph graph, txn.graph(kGraph));
      for (const Edge& edge : edges)
        SHEAF_RETURN_IF_ERROR(graph.AddEdge(edge.from, kType, edge.to).status());
      return absl::OkStatus();
    }));
  }

  void BeginReading() override {
    read_.emplace(db_->BeginRead());
    graph_ = Take(read_->graph(kGraph));
    for (uint32_t v = 0; v < vertex_count_; ++v) Neighbours(v);
  }
  Found Neighbours(uint32_t vertex) override {
    Found found;
    const std::vector<VertexId> all = Take(graph_.Neighbors(vertex));
    found.count = all.size();
    for (const VertexId id : all) found.sum += id;
    return found;
  }
  Found NeighboursOfMany(absl::Span<const uint32_t> vertices) override {
    Found found;
    const std::vector<VertexId> ids(vertices.begin(), vertices.end());
    Check(graph_.ForEachNeighbors(ids, [&](size_t, absl::Span<const VertexId> some) {
      found.count += some.size();
      for (const VertexId id : some) found.sum += id;
      return true;
    }));
    return found;
  }
  uint64_t Reach(uint32_t start, uint32_t hops) override {
    const VertexId id = start;
    return Take(CountReached(graph_, {&id, 1}, {.depth_max = hops}));
  }
  uint32_t Hops(uint32_t from, uint32_t to) override {
    const std::optional<GraphRoute> route = Take(ShortestPath(graph_, from, to));
    return route.has_value() ? uint32_t(route->edges.size()) : kAnyHops;
  }
  GraphProjection Project() { return Take(graph_.Project()); }

 private:
  std::unique_ptr<Database> db_;
  const uint32_t vertex_count_;
  std::optional<ReadTransaction> read_;
  GraphReader graph_;
};

class SheafWordStore final : public WordStore {
 public:
  explicit SheafWordStore(const StoreOptions& options)
      : db_(Open(options, "words.sheaf")) {}

  void Load(absl::Span<const Word> words) override {
    Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Graph graph, txn.graph(kGraph));
      GraphLoader loader(graph);
      for (size_t i = 0; i < words.size(); ++i)
        SHEAF_RETURN_IF_ERROR(loader.AddVertex(i, {words[i].label}, words[i].json));
      for (size_t i = 0; i < words.size(); ++i)
        for (const auto& [type, to] : words[i].pointers)
          SHEAF_RETURN_IF_ERROR(loader.AddEdge(i, type, to));
      return loader.Finish();
    }));
  }
  void BeginReading() override {
    read_.emplace(db_->BeginRead());
    graph_ = Take(read_->graph(kGraph));
    vertices_ = Take(graph_.vertices());
  }
  uint64_t GetJson(uint32_t vertex) override {
    return Take(graph_.Get(vertex)).properties.size();
  }
  uint64_t GetGloss(uint32_t vertex) override {
    uint64_t size = 0;
    Take(vertices_.Visit(static_cast<int64_t>(vertex), [&](const DocumentView& document) {
      size = document.Field("gloss")->string_value().size();
    }));
    return size;
  }
  uint64_t GetGlosses(absl::Span<const uint32_t> vertices) override {
    uint64_t size = 0;
    std::vector<DocumentKey> keys;
    for (const uint32_t vertex : vertices) keys.push_back(int64_t{vertex});
    Check(vertices_.VisitMany(keys, [&](size_t, const DocumentView& document) {
      size += document.Field("gloss")->string_value().size();
    }));
    return size;
  }

 private:
  std::unique_ptr<Database> db_;
  std::optional<ReadTransaction> read_;
  GraphReader graph_;
  CollectionReader vertices_;
};

void MeasureBfs(const StoreOptions& options, const GraphProjection& graph,
                Figures& figures) {
  const std::vector<uint32_t>& starts = options.data->bfs_starts;
  double found = 0;
  for (const uint32_t start : starts)
    for (const uint32_t depth : Take(BfsDepths(graph, start)).depths)
      if (depth != kUnreachedDepth) found += 1 + depth;
  const double per_second = CallsPerSecond(options.seconds, [&] {
    for (const uint32_t start : starts) Take(BfsDepths(graph, start));
  });
  figures["projected_bfs"] = double(starts.size()) * per_second;
  figures["check:projected_bfs"] = found;
}

void MeasureIterations(const StoreOptions& options, const GraphProjection& graph,
                       int threads, Figures& figures) {
  const std::string suffix = "_" + std::to_string(threads);
  const auto edges = double(graph.edge_count());
  Scores ranks;
  std::vector<VertexIndex> labels;
  const double ranks_per_second = CallsPerSecond(
      options.seconds, [&] { ranks = Take(PageRank(graph, {}, {.threads = threads})); });
  const double labels_per_second = CallsPerSecond(options.seconds, [&] {
    labels = Take(WeakComponents(graph, {.threads = threads}));
  });
  figures["pagerank" + suffix] = 20 * edges * ranks_per_second;
  figures["wcc" + suffix] = edges * labels_per_second;
  double sum = 0, total = 0;
  for (size_t v = 0; v < labels.size(); ++v)
    sum += ranks.scores[v] * double(v % 1000), total += labels[v];
  figures["near:pagerank" + suffix] = sum;
  figures["check:wcc" + suffix] = total;
}

}  // namespace

std::unique_ptr<Store> NewSheafStore(const StoreOptions& options) {
  return std::make_unique<SheafStore>(options);
}
std::unique_ptr<WordStore> NewSheafWordStore(const StoreOptions& options) {
  return std::make_unique<SheafWordStore>(options);
}

void MeasureSheafAlgorithms(const StoreOptions& options, Figures& figures) {
  SheafStore store(options);
  store.BeginReading();
  ResetPeakMemory();
  const uint64_t before = ResidentBytes();
  GraphProjection graph;
  const double per_second = CallsPerSecond(options.seconds, [&] {
    graph = GraphProjection();
    graph = store.Project();
  });
  figures["projection"] = double(graph.edge_count()) * per_second;
  figures["limit:projection"] = 50e6;
  Require(graph.edge_count() == options.data->edges.size(), "projection", "edges");
  MeasureBfs(options, graph, figures);
  for (const int threads : {1, 2}) MeasureIterations(options, graph, threads, figures);
  figures["memory_algorithms"] = double(PeakResidentBytes() - before) / (1 << 20);
  // Beside the projection: what the algorithms say they take, at most 16 bytes a vertex
  // and what is counted here.
  figures["limit:memory_algorithms"] =
      double(graph.bytes() + uint64_t{64} * graph.vertex_count()) / (1 << 20) + 16;
}

}  // namespace sheaf::bench::graphs
