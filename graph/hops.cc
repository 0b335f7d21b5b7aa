// The part of shortest_paths.h that counts hops.
#include <algorithm>
#include <array>

#include "graph/algorithm_run.h"
#include "graph/hop_search.h"
#include "graph/neighbors.h"
#include "graph/shortest_paths.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::AlgorithmRun;
using graph::HopSearch;
using graph::Meter;

static_assert(kUnreachedDepth == HopSearch::kUnreached);

namespace {

absl::StatusOr<BfsTree> RunBfs(const GraphProjection& graph, VertexIndex source,
                               const BfsOptions& bfs, AlgorithmRun* run,
                               uint64_t bytes_a_vertex) {
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run->call(), graph, source));
  SHEAF_RETURN_IF_ERROR(run->Begin(graph.vertex_count() * bytes_a_vertex));
  HopSearch search(&graph, bfs.direction);
  Meter meter(run);
  SHEAF_RETURN_IF_ERROR(search.Run(source, bfs.depth_max, meter));
  return BfsTree{.depths = search.TakeDepths()};
}

}  // namespace

absl::StatusOr<BfsTree> BfsDepths(const GraphProjection& graph, VertexIndex source,
                                  const BfsOptions& bfs,
                                  const AlgorithmOptions& options) {
  AlgorithmRun run(options, "BfsDepths");
  return RunBfs(graph, source, bfs, &run, HopSearch::kBytesPerVertex);
}

absl::StatusOr<BfsTree> BfsWithParents(const GraphProjection& graph, VertexIndex source,
                                       const BfsOptions& bfs,
                                       const AlgorithmOptions& options) {
  AlgorithmRun run(options, "BfsWithParents");
  SHEAF_ASSIGN_OR_RETURN(
      BfsTree tree,
      RunBfs(graph, source, bfs, &run, HopSearch::kBytesPerVertex + sizeof(VertexIndex)));
  // Rows ascend, so the first that fits is the smallest of its direction.
  const Direction back = graph::Reverse(bfs.direction);
  tree.parents.assign(graph.vertex_count(), kNoVertex);
  Meter meter(&run);
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v) {
    if (v % 4096 == 0) SHEAF_RETURN_IF_ERROR(meter.Work(4096));
    const uint32_t depth = tree.depths[v];
    if (depth == 0 || depth == kUnreachedDepth) continue;
    VertexIndex& parent = tree.parents[v];
    const auto smaller = [&](absl::Span<const VertexIndex> row) {
      for (const VertexIndex u : row)
        if (tree.depths[u] == depth - 1) {
          parent = std::min(parent, u);
          return;
        }
    };
    if (graph::GoesOut(graph, back)) smaller(graph.Out(v));
    if (graph::GoesIn(graph, back)) smaller(graph.In(v));
  }
  return tree;
}

namespace {

// One end of a search from both.
class HalfSearch {
 public:
  static constexpr uint64_t kBytesPerVertex = 2 * sizeof(VertexIndex);

  HalfSearch(const GraphProjection* graph, Direction direction, VertexIndex source)
      : graph_(*graph),
        direction_(direction),
        parents_(graph->vertex_count(), kNoVertex) {
    parents_[source] = source;
    queue_.push_back(source);
    edges_ = graph::DegreeOf(graph_, source, direction_);
  }

  // Of the frontier.
  bool empty() const { return begin_ == queue_.size(); }
  uint64_t edges() const { return edges_; }
  bool Has(VertexIndex v) const { return parents_[v] != kNoVertex; }
  VertexIndex parent(VertexIndex v) const { return parents_[v]; }

  // One hop further; stops at a vertex that `other` has, and `meeting` is it.
  absl::Status Step(const HalfSearch& other, VertexIndex* meeting, Meter& meter) {
    const size_t end = queue_.size();
    edges_ = 0;
    for (; begin_ < end; ++begin_) {
      const VertexIndex v = queue_[begin_];
      const bool met = graph::AnyNeighbor(graph_, v, direction_, [&](VertexIndex u) {
        if (Has(u)) return false;
        parents_[u] = v;
        queue_.push_back(u);
        edges_ += graph::DegreeOf(graph_, u, direction_);
        return other.Has(u);
      });
      if (met) {
        *meeting = queue_.back();
        return absl::OkStatus();
      }
      SHEAF_RETURN_IF_ERROR(meter.Work(graph::DegreeOf(graph_, v, direction_) + 1));
    }
    return absl::OkStatus();
  }

 private:
  const GraphProjection& graph_;
  const Direction direction_;
  std::vector<VertexIndex> parents_, queue_;
  size_t begin_ = 0;
  uint64_t edges_ = 0;
};

absl::StatusOr<std::optional<GraphPath>> SearchFromBothEnds(const GraphProjection& graph,
                                                            VertexIndex from,
                                                            VertexIndex to,
                                                            const BfsOptions& bfs,
                                                            AlgorithmRun* run) {
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run->call(), graph, from));
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(run->call(), graph, to));
  SHEAF_RETURN_IF_ERROR(
      run->Begin(graph.vertex_count() * 2 * HalfSearch::kBytesPerVertex));
  if (from == to) return GraphPath{.vertices = {from}};
  HalfSearch forward(&graph, bfs.direction, from);
  HalfSearch backward(&graph, graph::Reverse(bfs.direction), to);
  Meter meter(run);
  // A whole level a step: the two balls touch first when their radii make the distance.
  VertexIndex meeting = kNoVertex;
  for (uint32_t depth = 0; depth < bfs.depth_max && meeting == kNoVertex; ++depth) {
    if (forward.empty() || backward.empty()) return std::nullopt;
    const bool ahead = forward.edges() <= backward.edges();
    HalfSearch& one = ahead ? forward : backward;
    HalfSearch& other = ahead ? backward : forward;
    SHEAF_RETURN_IF_ERROR(one.Step(other, &meeting, meter));
  }
  if (meeting == kNoVertex) return std::nullopt;
  GraphPath path;
  for (VertexIndex v = meeting;; v = forward.parent(v)) {
    path.vertices.push_back(v);
    if (v == from) break;
  }
  std::reverse(path.vertices.begin(), path.vertices.end());
  for (VertexIndex v = meeting; v != to;) {
    v = backward.parent(v);
    path.vertices.push_back(v);
  }
  path.weight = static_cast<double>(path.vertices.size() - 1);
  return path;
}

}  // namespace

absl::StatusOr<std::optional<GraphPath>> FewestHops(const GraphProjection& graph,
                                                    VertexIndex from, VertexIndex to,
                                                    const BfsOptions& bfs,
                                                    const AlgorithmOptions& options) {
  AlgorithmRun run(options, "FewestHops");
  return SearchFromBothEnds(graph, from, to, bfs, &run);
}

absl::StatusOr<bool> CanReach(const GraphProjection& graph, VertexIndex from,
                              VertexIndex to, const BfsOptions& bfs,
                              const AlgorithmOptions& options) {
  AlgorithmRun run(options, "CanReach");
  SHEAF_ASSIGN_OR_RETURN(const std::optional<GraphPath> path,
                         SearchFromBothEnds(graph, from, to, bfs, &run));
  return path.has_value();
}

}  // namespace sheaf
