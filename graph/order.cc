#include "graph/order.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::WorkMeter;

absl::Status CheckDirected(const GraphProjection& graph) {
  if (graph.is_directed()) return absl::OkStatus();
  return absl::InvalidArgumentError("an undirected graph has no topological order");
}

// Kahn's algorithm. In-degrees count tails, not edges, so that they fit 32 bits: of
// parallel edges, which stand side by side, the first counts.
class Kahn {
 public:
  static uint64_t BytesOf(const GraphProjection& graph, ReadyOrder order) {
    return graph.vertex_count() * uint64_t{order == ReadyOrder::kSmallest ? 12u : 8u};
  }
  Kahn(const GraphProjection& graph, ReadyOrder order)
      : graph_(&graph), order_(order), waits_for_(graph.vertex_count(), 0) {}

  absl::Status Count(WorkMeter* meter) {
    const VertexIndex n = graph_->vertex_count();
    ready_.reserve(n);
    for (VertexIndex v = 0; v < n; ++v) {
      VertexIndex last = kNoVertex;
      for (VertexIndex tail : graph_->In(v)) {
        waits_for_[v] += tail != last;
        last = tail;
      }
      if (waits_for_[v] == 0) Push(v);
      SHEAF_RETURN_IF_ERROR(meter->Add(graph_->In(v).size() + 1));
    }
    return absl::OkStatus();
  }

  // Takes the next one, kNoVertex when none is ready; reached(from, to, edge) for each of
  // its edges, parallel ones too.
  template <class Reached>
  VertexIndex Take(const Reached& reached) {
    if (begin_ == ready_.size()) return kNoVertex;
    const VertexIndex v = Pop();
    ++taken_;
    const absl::Span<const VertexIndex> heads = graph_->Out(v);
    VertexIndex last = kNoVertex;
    for (size_t i = 0; i < heads.size(); ++i) {
      const VertexIndex w = heads[i];
      reached(v, w, i);
      if (w != last && --waits_for_[w] == 0) Push(w);
      last = w;
    }
    return v;
  }
  VertexIndex Take() {
    return Take([](VertexIndex, VertexIndex, size_t) {});
  }
  bool TookAll() const { return taken_ == graph_->vertex_count(); }
  // With kFirstReady what was taken stays in front of what is ready.
  std::vector<VertexIndex> TakeOrder() { return std::move(ready_); }

  // Requires: none is ready, some are left. Each that is left has a tail that is left, so
  // going from tail to tail comes back somewhere.
  std::vector<VertexIndex> Cycle() {
    const auto left = [&](VertexIndex v) { return waits_for_[v] != 0; };
    VertexIndex v = 0;
    while (!left(v)) ++v;
    std::vector<VertexIndex> walk;
    std::vector<bool> seen(graph_->vertex_count());
    while (!seen[v]) {
      seen[v] = true;
      walk.push_back(v);
      const absl::Span<const VertexIndex> tails = graph_->In(v);
      v = *std::find_if(tails.begin(), tails.end(), left);
    }
    walk.erase(walk.begin(), std::find(walk.begin(), walk.end(), v));
    std::reverse(walk.begin(), walk.end());
    return walk;
  }

 private:
  void Push(VertexIndex v) {
    ready_.push_back(v);
    if (order_ == ReadyOrder::kSmallest)
      std::push_heap(ready_.begin(), ready_.end(), std::greater<>());
  }
  VertexIndex Pop() {
    if (order_ == ReadyOrder::kFirstReady) return ready_[begin_++];
    std::pop_heap(ready_.begin(), ready_.end(), std::greater<>());
    const VertexIndex v = ready_.back();
    ready_.pop_back();
    return v;
  }

  const GraphProjection* graph_;
  ReadyOrder order_;
  std::vector<VertexIndex> waits_for_;  // by vertex: tails that were not taken
  std::vector<VertexIndex> ready_;      // from begin_ on, or a heap
  size_t begin_ = 0;
  VertexIndex taken_ = 0;
};

// Names its first vertices by their ids.
absl::Status CycleError(const GraphProjection& graph,
                        const std::vector<VertexIndex>& cycle) {
  constexpr size_t kShown = 10;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, cycle.size()); ++i)
    absl::StrAppend(&text, graph.id(cycle[i]), " -> ");
  if (cycle.size() > kShown) absl::StrAppend(&text, "... -> ");
  return absl::FailedPreconditionError(absl::StrCat(
      "the graph has a cycle of ", cycle.size(), " edges: ", text, graph.id(cycle[0])));
}

// Calls taken(v) in order, after reached for each edge to v.
template <class Reached, class Taken>
absl::Status ForEachInOrder(const GraphProjection& graph, Kahn* kahn, WorkMeter* meter,
                            const Reached& reached, const Taken& taken,
                            std::vector<VertexIndex>* cycle = nullptr) {
  SHEAF_RETURN_IF_ERROR(meter->Begin(
      "edges and vertices", 2 * (graph::OutEntries(graph) + graph.vertex_count())));
  SHEAF_RETURN_IF_ERROR(kahn->Count(meter));
  for (VertexIndex v; (v = kahn->Take(reached)) != kNoVertex;) {
    taken(v);
    SHEAF_RETURN_IF_ERROR(meter->Add(graph.Out(v).size() + 1));
  }
  if (kahn->TookAll()) return absl::OkStatus();
  std::vector<VertexIndex> found = kahn->Cycle();
  absl::Status status = CycleError(graph, found);
  if (cycle != nullptr) *cycle = std::move(found);
  return status;
}

}  // namespace

absl::StatusOr<std::vector<VertexIndex>> TopologicalSort(
    const GraphProjection& graph, ReadyOrder order, const AlgorithmOptions& options,
    std::vector<VertexIndex>* cycle) {
  SHEAF_RETURN_IF_ERROR(CheckDirected(graph));
  WorkMeter meter(options, "the topological sort");
  SHEAF_RETURN_IF_ERROR(meter.Take(Kahn::BytesOf(graph, order)));
  Kahn kahn(graph, order);
  std::vector<VertexIndex> sorted;
  if (order == ReadyOrder::kSmallest) sorted.reserve(graph.vertex_count());
  SHEAF_RETURN_IF_ERROR(ForEachInOrder(
      graph, &kahn, &meter, [](VertexIndex, VertexIndex, size_t) {},
      [&](VertexIndex v) {
        if (order == ReadyOrder::kSmallest) sorted.push_back(v);
      },
      cycle));
  return order == ReadyOrder::kSmallest ? std::move(sorted) : kahn.TakeOrder();
}

struct TopologicalCursor::State {
  State(const GraphProjection& g, ReadyOrder order, const AlgorithmOptions& o)
      : graph(&g), options(o), kahn(g, order) {}

  const GraphProjection* graph;
  AlgorithmOptions options;
  WorkMeter meter{options, "the topological sort"};
  Kahn kahn;
  VertexIndex vertex = kNoVertex;
  absl::Status status;
};

TopologicalCursor::TopologicalCursor(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
TopologicalCursor::TopologicalCursor(TopologicalCursor&&) noexcept = default;
TopologicalCursor& TopologicalCursor::operator=(TopologicalCursor&&) noexcept = default;
TopologicalCursor::~TopologicalCursor() = default;

absl::StatusOr<TopologicalCursor> TopologicalCursor::Of(const GraphProjection& graph,
                                                        ReadyOrder order,
                                                        const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(CheckDirected(graph));
  {
    WorkMeter memory(options, "the topological sort");
    SHEAF_RETURN_IF_ERROR(memory.Take(Kahn::BytesOf(graph, order)));
  }
  auto state = std::make_unique<State>(graph, order, options);
  SHEAF_RETURN_IF_ERROR(state->meter.Begin(
      "edges and vertices", 2 * (graph::OutEntries(graph) + graph.vertex_count())));
  SHEAF_RETURN_IF_ERROR(state->kahn.Count(&state->meter));
  return TopologicalCursor(std::move(state));
}

bool TopologicalCursor::Next() {
  State& s = *state_;
  if (!s.status.ok()) return false;
  const VertexIndex v = s.kahn.Take();
  if (v == kNoVertex) {
    if (!s.kahn.TookAll()) s.status = CycleError(*s.graph, s.kahn.Cycle());
    return false;
  }
  s.vertex = v;
  s.status = s.meter.Add(s.graph->Out(v).size() + 1);
  return s.status.ok();
}

absl::Status TopologicalCursor::status() const { return state_->status; }
VertexIndex TopologicalCursor::vertex() const { return state_->vertex; }

absl::StatusOr<std::vector<uint32_t>> Levels(const GraphProjection& graph,
                                             const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(CheckDirected(graph));
  WorkMeter meter(options, "the levels");
  SHEAF_RETURN_IF_ERROR(meter.Take(Kahn::BytesOf(graph, ReadyOrder::kFirstReady) +
                                   graph.vertex_count() * sizeof(uint32_t)));
  Kahn kahn(graph, ReadyOrder::kFirstReady);
  std::vector<uint32_t> levels(graph.vertex_count(), 0);
  SHEAF_RETURN_IF_ERROR(ForEachInOrder(
      graph, &kahn, &meter,
      [&](VertexIndex from, VertexIndex to, size_t) {
        levels[to] = std::max(levels[to], levels[from] + 1);
      },
      [](VertexIndex) {}));
  return levels;
}

absl::StatusOr<LongestPath> FindLongestPath(const GraphProjection& graph,
                                            const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(CheckDirected(graph));
  const VertexIndex n = graph.vertex_count();
  WorkMeter meter(options, "the longest path");
  SHEAF_RETURN_IF_ERROR(
      meter.Take(Kahn::BytesOf(graph, ReadyOrder::kFirstReady) + n * uint64_t{16}));
  Kahn kahn(graph, ReadyOrder::kFirstReady);
  LongestPath result;
  result.weight_to.assign(n, 0);
  std::vector<VertexIndex> before(n, kNoVertex);
  VertexIndex last = kNoVertex;
  SHEAF_RETURN_IF_ERROR(ForEachInOrder(
      graph, &kahn, &meter,
      [&](VertexIndex from, VertexIndex to, size_t edge) {
        const double weight = result.weight_to[from] +
                              (graph.is_weighted() ? graph.OutWeights(from)[edge] : 1);
        if (weight <= result.weight_to[to]) return;
        result.weight_to[to] = weight;
        before[to] = from;
      },
      [&](VertexIndex v) {
        if (last == kNoVertex || result.weight_to[v] > result.weight_to[last]) last = v;
      }));
  if (last != kNoVertex) result.weight = result.weight_to[last];
  size_t length = 0;
  for (VertexIndex v = last; v != kNoVertex; v = before[v]) ++length;
  result.vertices.reserve(length);
  for (VertexIndex v = last; v != kNoVertex; v = before[v]) result.vertices.push_back(v);
  std::reverse(result.vertices.begin(), result.vertices.end());
  return result;
}

}  // namespace sheaf
