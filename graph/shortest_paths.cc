// One path, or a tree of them, by weights. By hops: hops.cc; several: many_paths.cc.
#include "graph/shortest_paths.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "graph/algorithm_run.h"
#include "graph/neighbors.h"
#include "graph/weight_search.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::AlgorithmRun;
using graph::Meter;
using graph::VertexHeap;
using graph::WeightSearch;

std::vector<VertexIndex> PathTo(const std::vector<VertexIndex>& parents,
                                VertexIndex source, VertexIndex to) {
  if (to >= parents.size() || (to != source && parents[to] == kNoVertex)) return {};
  std::vector<VertexIndex> path = {to};
  // A tree has no path longer than its vertices: what is none must not go on for ever.
  while (path.back() != source && path.size() <= parents.size()) {
    const VertexIndex parent = parents[path.back()];
    if (parent >= parents.size()) return {};
    path.push_back(parent);
  }
  if (path.back() != source) return {};
  std::reverse(path.begin(), path.end());
  return path;
}

absl::StatusOr<PathTree> Dijkstra(const GraphProjection& graph, VertexIndex source,
                                  Direction direction, const AlgorithmOptions& options) {
  AlgorithmRun run(options, "Dijkstra");
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run.call(), graph, source));
  SHEAF_RETURN_IF_ERROR(run.Begin(graph.vertex_count() * WeightSearch::kBytesPerVertex));
  WeightSearch search(&graph, direction, graph.is_weighted(), run.call());
  Meter meter(&run);
  SHEAF_RETURN_IF_ERROR(
      search.Run(source, kNoVertex, WeightSearch::Zero::kAllowed, meter));
  return PathTree{search.TakeDistances(), search.TakeParents()};
}

absl::StatusOr<std::optional<GraphPath>> LightestPath(const GraphProjection& graph,
                                                      VertexIndex from, VertexIndex to,
                                                      Direction direction,
                                                      const AlgorithmOptions& options) {
  AlgorithmRun run(options, "LightestPath");
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run.call(), graph, from));
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run.call(), graph, to));
  SHEAF_RETURN_IF_ERROR(run.Begin(graph.vertex_count() * WeightSearch::kBytesPerVertex));
  WeightSearch search(&graph, direction, graph.is_weighted(), run.call());
  Meter meter(&run);
  SHEAF_RETURN_IF_ERROR(search.Run(from, to, WeightSearch::Zero::kAllowed, meter));
  if (search.distances()[to] == kUnreachable) return std::nullopt;
  return GraphPath{PathTo(search.parents(), from, to), search.distances()[to]};
}

namespace {

// Bellman-Ford by a queue of the vertices whose distances fell.
class QueueSearch {
 public:
  static constexpr uint64_t kBytesPerVertex = 8 + 4 + 4 + 4 + 4 + 1;

  QueueSearch(const GraphProjection* graph, Direction direction)
      : graph_(*graph),
        direction_(direction),
        distances_(graph->vertex_count(), kUnreachable),
        parents_(graph->vertex_count(), kNoVertex),
        is_queued_(graph->vertex_count()),
        marks_(graph->vertex_count()) {}

  absl::Status Run(VertexIndex source, Meter& meter) {
    distances_[source] = 0;
    std::vector<VertexIndex> next;
    queue_.push_back(source);
    uint64_t lowered = 0;
    while (!queue_.empty()) {
      for (const VertexIndex v : queue_) {
        is_queued_[v] = 0;
        const double distance = distances_[v];
        graph::ForEachEdge(graph_, v, direction_, graph_.is_weighted(),
                           [&](VertexIndex u, double weight) {
                             // The source may get a parent: then there is a circle.
                             if (!(distance + weight < distances_[u])) return;
                             distances_[u] = distance + weight;
                             parents_[u] = v;
                             ++lowered;
                             if (is_queued_[u]) return;
                             is_queued_[u] = 1;
                             next.push_back(u);
                           });
        SHEAF_RETURN_IF_ERROR(meter.Work(graph::DegreeOf(graph_, v, direction_) + 1));
      }
      queue_.swap(next);
      next.clear();
      // As much work as the lowering was, so the bound is not touched.
      if (lowered >= graph_.vertex_count()) {
        lowered = 0;
        SHEAF_RETURN_IF_ERROR(CheckNoCircle(meter));
      }
    }
    return absl::OkStatus();
  }

  PathTree Take() { return {std::move(distances_), std::move(parents_)}; }

 private:
  // Parents make a circle just when some circle weighs less than 0.
  absl::Status CheckNoCircle(Meter& meter) {
    std::fill(marks_.begin(), marks_.end(), kNoVertex);
    for (VertexIndex start = 0; start < graph_.vertex_count(); ++start) {
      VertexIndex v = start;
      while (v != kNoVertex && marks_[v] == kNoVertex) {
        marks_[v] = start;
        v = parents_[v];
      }
      if (v != kNoVertex && marks_[v] == start) return CircleAt(v);
    }
    return meter.Work(graph_.vertex_count());
  }

  absl::Status CircleAt(VertexIndex v) const {
    std::vector<VertexIndex> circle = {v};
    for (VertexIndex u = parents_[v]; u != v; u = parents_[u]) circle.push_back(u);
    // Parents lead back along `direction_`; the circle is named as its edges go.
    if (direction_ != Direction::kIn || !graph_.is_directed())
      std::reverse(circle.begin(), circle.end());
    constexpr size_t kNamedMax = 100;
    std::string names;
    for (size_t i = 0; i < std::min(circle.size(), kNamedMax); ++i)
      absl::StrAppend(&names, graph_.id(circle[i]), ", ");
    if (circle.size() > kNamedMax) absl::StrAppend(&names, "..., ");
    return absl::FailedPreconditionError(
        absl::StrCat("BellmanFord: a circle of ", circle.size(),
                     " edges weighs less than 0: ", names, graph_.id(circle.front())));
  }

  const GraphProjection& graph_;
  const Direction direction_;
  std::vector<double> distances_;
  std::vector<VertexIndex> parents_, queue_;
  std::vector<uint8_t> is_queued_;
  std::vector<VertexIndex> marks_;
};

}  // namespace

absl::StatusOr<PathTree> BellmanFord(const GraphProjection& graph, VertexIndex source,
                                     Direction direction,
                                     const AlgorithmOptions& options) {
  AlgorithmRun run(options, "BellmanFord");
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run.call(), graph, source));
  SHEAF_RETURN_IF_ERROR(run.Begin(graph.vertex_count() * QueueSearch::kBytesPerVertex));
  QueueSearch search(&graph, direction);
  Meter meter(&run);
  SHEAF_RETURN_IF_ERROR(search.Run(source, meter));
  return search.Take();
}

namespace {

class BoundedSearch {
 public:
  static constexpr uint64_t kBytesPerVertex = 8 + 8 + 4 + VertexHeap::kBytesPerVertex + 4;

  BoundedSearch(const GraphProjection* graph, Direction direction,
                absl::FunctionRef<double(VertexIndex)> lower_bound)
      : graph_(*graph),
        direction_(direction),
        lower_bound_(lower_bound),
        distances_(graph->vertex_count(), kUnreachable),
        bounds_(graph->vertex_count(), -1),
        parents_(graph->vertex_count(), kNoVertex),
        heap_(graph->vertex_count()) {}

  absl::StatusOr<std::optional<GraphPath>> Run(VertexIndex from, VertexIndex to,
                                               Meter& meter) {
    SHEAF_RETURN_IF_ERROR(Reach(from, kNoVertex, 0));
    while (!heap_.empty()) {
      const VertexIndex v = heap_.Pop().vertex;
      if (v == to) return GraphPath{PathTo(parents_, from, to), distances_[to]};
      const double distance = distances_[v];
      absl::Status status;
      graph::ForEachEdge(
          graph_, v, direction_, graph_.is_weighted(), [&](VertexIndex u, double weight) {
            if (!status.ok()) return;
            if (weight < 0)
              status = graph::BadWeight("AStar", graph_, direction_, v, u, weight);
            else if (distance + weight < distances_[u])
              status = Reach(u, v, distance + weight);
          });
      SHEAF_RETURN_IF_ERROR(status);
      SHEAF_RETURN_IF_ERROR(meter.Work(graph::DegreeOf(graph_, v, direction_) + 1));
    }
    return std::nullopt;
  }

 private:
  // On a shorter way than before.
  absl::Status Reach(VertexIndex v, VertexIndex parent, double distance) {
    distances_[v] = distance;
    parents_[v] = parent;
    if (bounds_[v] < 0) {
      bounds_[v] = lower_bound_(v);
      if (!(bounds_[v] >= 0))
        return absl::InvalidArgumentError(
            absl::StrCat("AStar: the lower bound of ", graph_.id(v), " is ", bounds_[v]));
    }
    if (bounds_[v] != kUnreachable) heap_.PushOrLower(v, distance + bounds_[v]);
    return absl::OkStatus();
  }

  const GraphProjection& graph_;
  const Direction direction_;
  const absl::FunctionRef<double(VertexIndex)> lower_bound_;
  std::vector<double> distances_, bounds_;
  std::vector<VertexIndex> parents_;
  VertexHeap heap_;
};

}  // namespace

absl::StatusOr<std::optional<GraphPath>> AStar(
    const GraphProjection& graph, VertexIndex from, VertexIndex to,
    absl::FunctionRef<double(VertexIndex)> lower_bound, Direction direction,
    const AlgorithmOptions& options) {
  AlgorithmRun run(options, "AStar");
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run.call(), graph, from));
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run.call(), graph, to));
  SHEAF_RETURN_IF_ERROR(run.Begin(graph.vertex_count() * BoundedSearch::kBytesPerVertex));
  BoundedSearch search(&graph, direction, lower_bound);
  Meter meter(&run);
  return search.Run(from, to, meter);
}

}  // namespace sheaf
