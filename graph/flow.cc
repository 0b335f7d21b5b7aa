#include "graph/flow.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/residual_network.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::ResidualNetwork;
using graph::WorkMeter;

absl::Status CheckEnds(const GraphProjection& graph, VertexIndex source,
                       VertexIndex target) {
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(graph, source, "the source"));
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(graph, target, "the target"));
  if (source == target)
    return absl::InvalidArgumentError(
        absl::StrCat("source and target are both vertex ", source));
  return absl::OkStatus();
}

absl::Status CheckCapacities(const GraphProjection& graph) {
  if (!graph.is_weighted()) return absl::OkStatus();
  double sum = 0;
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v) {
    const absl::Span<const double> capacities = graph.OutWeights(v);
    for (size_t i = 0; i < capacities.size(); ++i) {
      if (capacities[i] < 0)
        return absl::InvalidArgumentError(
            absl::StrCat("the edge from ", graph.id(v), " to ", graph.id(graph.Out(v)[i]),
                         " has the negative capacity ", capacities[i]));
      sum += capacities[i];
    }
  }
  if (!std::isfinite(2 * sum))
    return absl::InvalidArgumentError("the capacities add up to too large a number");
  return absl::OkStatus();
}

absl::Status TakeNetwork(uint64_t nodes, uint64_t arcs, WorkMeter* meter) {
  if (arcs > ResidualNetwork::kArcsMax || nodes >= kNoVertex)
    return absl::ResourceExhaustedError(
        absl::StrCat("a flow network of ", arcs, " arcs and ", nodes, " nodes; at most ",
                     ResidualNetwork::kArcsMax, " have numbers"));
  return meter->Take(ResidualNetwork::BytesOf(nodes, arcs));
}

// fn(v, i, j): the i-th edge of Out(v), with head w, is the j-th of In(w). Both rows are
// in the same order (ends, then weights), so each row's places come one after the other.
template <class Fn>
absl::Status ForEachPlace(const GraphProjection& graph, WorkMeter* meter, const Fn& fn) {
  std::vector<uint32_t> next(graph.vertex_count(), 0);
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v) {
    const absl::Span<const VertexIndex> heads = graph.Out(v);
    for (size_t i = 0; i < heads.size(); ++i) fn(v, i, next[heads[i]]++);
    SHEAF_RETURN_IF_ERROR(meter->Add(heads.size() + 1));
  }
  return absl::OkStatus();
}

// The network of a graph and the flow in it. Directed: in the row of v first the arcs of
// Out(v), then the mates of those that come from In(v). Undirected: those of Out(v), of
// which each has its mate in the row of its head.
class EdgeNetwork {
 public:
  EdgeNetwork(const GraphProjection& graph, WorkMeter* meter)
      : graph_(&graph), network_(RowBegins(graph), meter), meter_(meter) {}

  static absl::Status Check(const GraphProjection& graph, VertexIndex source,
                            VertexIndex target, WorkMeter* meter) {
    SHEAF_RETURN_IF_ERROR(CheckEnds(graph, source, target));
    SHEAF_RETURN_IF_ERROR(
        TakeNetwork(graph.vertex_count(), graph::AllEntries(graph), meter));
    SHEAF_RETURN_IF_ERROR(meter->Begin("arcs", 0));
    return CheckCapacities(graph);
  }
  // Requires: Check.
  absl::StatusOr<double> Maximize(VertexIndex source, VertexIndex target) {
    SHEAF_RETURN_IF_ERROR(
        ForEachPlace(*graph_, meter_, [&](VertexIndex v, size_t i, uint32_t j) {
          const VertexIndex w = graph_->Out(v)[i];
          const uint64_t arc = ArcOf(v, i);
          uint64_t mate = network_.RowBegin(w) + j;
          if (graph_->is_directed()) mate += graph_->Out(w).size();
          network_.SetHead(arc, w);
          network_.SetHead(mate, v);
          network_.SetMates(arc, mate);
          network_.SetResidual(arc, graph_->is_weighted() ? graph_->OutWeights(v)[i] : 1);
        }));
    return network_.Maximize(source, target);
  }
  double FlowOf(VertexIndex v, size_t i) const {
    const auto arc = static_cast<ResidualNetwork::Arc>(ArcOf(v, i));
    if (graph_->is_directed()) return network_.mate_residual(arc);
    return std::max(0.0, (network_.mate_residual(arc) - network_.residual(arc)) / 2);
  }
  absl::StatusOr<std::vector<bool>> ReachedFrom(VertexIndex source) {
    return network_.ReachedFrom(source);
  }

 private:
  static std::vector<uint64_t> RowBegins(const GraphProjection& graph) {
    std::vector<uint64_t> begins(graph.vertex_count() + size_t{1});
    for (VertexIndex v = 0; v <= graph.vertex_count(); ++v)
      begins[v] = graph.OutBegin(v) + (graph.is_directed() ? graph.InBegin(v) : 0);
    return begins;
  }
  uint64_t ArcOf(VertexIndex v, size_t i) const { return network_.RowBegin(v) + i; }

  const GraphProjection* graph_;
  ResidualNetwork network_;
  WorkMeter* meter_;
};

}  // namespace

absl::StatusOr<Flow> MaxFlow(const GraphProjection& graph, VertexIndex source,
                             VertexIndex target, const AlgorithmOptions& options) {
  WorkMeter meter(options, "the flow");
  SHEAF_RETURN_IF_ERROR(meter.Take(graph::OutEntries(graph) * sizeof(double)));
  SHEAF_RETURN_IF_ERROR(EdgeNetwork::Check(graph, source, target, &meter));
  EdgeNetwork network(graph, &meter);
  Flow flow;
  SHEAF_ASSIGN_OR_RETURN(flow.value, network.Maximize(source, target));
  flow.of_edge.reserve(graph::OutEntries(graph));
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v)
    for (size_t i = 0; i < graph.Out(v).size(); ++i)
      flow.of_edge.push_back(network.FlowOf(v, i));
  return flow;
}

absl::StatusOr<EdgeCut> MinCut(const GraphProjection& graph, VertexIndex source,
                               VertexIndex target, const AlgorithmOptions& options) {
  WorkMeter meter(options, "the cut");
  SHEAF_RETURN_IF_ERROR(EdgeNetwork::Check(graph, source, target, &meter));
  EdgeNetwork network(graph, &meter);
  SHEAF_RETURN_IF_ERROR(network.Maximize(source, target).status());
  SHEAF_ASSIGN_OR_RETURN(const std::vector<bool> reached, network.ReachedFrom(source));
  EdgeCut cut;
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v) {
    if (!reached[v]) continue;
    SHEAF_RETURN_IF_ERROR(meter.Take(3 * sizeof(VertexIndex)));
    cut.source_side.push_back(v);
    for (size_t i = 0; i < graph.Out(v).size(); ++i) {
      const VertexIndex w = graph.Out(v)[i];
      if (reached[w]) continue;
      SHEAF_RETURN_IF_ERROR(meter.Take(3 * sizeof(GraphProjection::Edge)));
      const double capacity = graph.is_weighted() ? graph.OutWeights(v)[i] : 1;
      cut.edges.push_back({.from = v, .to = w, .weight = capacity});
      cut.capacity += capacity;
    }
  }
  return cut;
}

namespace {

// Each vertex v becomes an entrance 2 v and an exit 2 v + 1 with an arc between that
// carries 1, of source and target as much as they like. In the row of an entrance: that
// arc, the mates of In(v); of an exit: its mate, Out(v).
ResidualNetwork SplitVertices(const GraphProjection& graph, VertexIndex source,
                              VertexIndex target, WorkMeter* meter) {
  const uint64_t n = graph.vertex_count();
  const double plenty = static_cast<double>(n) + 1;
  std::vector<uint64_t> begins(2 * n + 1, 0);
  for (VertexIndex v = 0; v < n; ++v) {
    const uint64_t entrance = uint64_t{2} * v;
    begins[entrance + 1] = begins[entrance] + 1 + graph.In(v).size();
    begins[entrance + 2] = begins[entrance + 1] + 1 + graph.Out(v).size();
  }
  ResidualNetwork network(std::move(begins), meter);
  for (VertexIndex v = 0; v < n; ++v) {
    const uint64_t through = network.RowBegin(2 * v), mate = network.RowBegin(2 * v + 1);
    network.SetHead(through, 2 * v + 1);
    network.SetHead(mate, 2 * v);
    network.SetMates(through, mate);
    network.SetResidual(through, v == source || v == target ? plenty : 1);
  }
  return network;
}

}  // namespace

absl::StatusOr<std::vector<VertexIndex>> MinVertexCut(const GraphProjection& graph,
                                                      VertexIndex source,
                                                      VertexIndex target,
                                                      const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(CheckEnds(graph, source, target));
  const absl::Span<const VertexIndex> heads = graph.Out(source);
  if (std::binary_search(heads.begin(), heads.end(), target))
    return absl::FailedPreconditionError(
        absl::StrCat("an edge leads from ", graph.id(source), " to ", graph.id(target),
                     ": no vertices separate them"));
  const uint64_t n = graph.vertex_count();
  WorkMeter meter(options, "the vertex cut");
  SHEAF_RETURN_IF_ERROR(TakeNetwork(2 * n, 2 * (graph::OutEntries(graph) + n), &meter));
  SHEAF_RETURN_IF_ERROR(meter.Begin("arcs", 0));
  ResidualNetwork network = SplitVertices(graph, source, target, &meter);
  SHEAF_RETURN_IF_ERROR(
      ForEachPlace(graph, &meter, [&](VertexIndex v, size_t i, uint32_t j) {
        const VertexIndex w = graph.Out(v)[i];
        const uint64_t arc = network.RowBegin(2 * v + 1) + 1 + i;
        const uint64_t mate = network.RowBegin(2 * w) + 1 + j;
        network.SetHead(arc, 2 * w);
        network.SetHead(mate, 2 * v + 1);
        network.SetMates(arc, mate);
        network.SetResidual(arc, static_cast<double>(n) + 1);
      }));
  SHEAF_RETURN_IF_ERROR(network.Maximize(2 * source + 1, 2 * target).status());
  SHEAF_ASSIGN_OR_RETURN(const std::vector<bool> reached,
                         network.ReachedFrom(2 * source + 1));
  std::vector<VertexIndex> cut;
  for (VertexIndex v = 0; v < n; ++v)
    if (reached[2 * v] && !reached[2 * v + 1]) cut.push_back(v);
  return cut;
}

}  // namespace sheaf
