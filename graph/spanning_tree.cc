#include "graph/spanning_tree.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::WorkMeter;

bool IsBefore(const GraphProjection::Edge& a, const GraphProjection::Edge& b) {
  return std::tie(a.weight, a.from, a.to) < std::tie(b.weight, b.from, b.to);
}

// Trees by their names, which are vertices; between passes trees_[v] is the name of v's
// tree itself, within one what it was joined to.
class Boruvka {
 public:
  static uint64_t BytesOf(const GraphProjection& graph) {
    return graph.vertex_count() *
           uint64_t{2 * sizeof(GraphProjection::Edge) + sizeof(VertexIndex)};
  }
  explicit Boruvka(const GraphProjection& graph)
      : graph_(&graph), trees_(graph.vertex_count()), best_(graph.vertex_count()) {
    std::iota(trees_.begin(), trees_.end(), VertexIndex{0});
  }

  absl::Status Run(WorkMeter* meter, SpanningForest* forest) {
    forest->tree_count = graph_->vertex_count();
    forest->edges.reserve(graph_->vertex_count());
    for (bool joined = true; joined;) {
      SHEAF_RETURN_IF_ERROR(
          meter->Begin("edges and vertices, a pass",
                       graph::OutEntries(*graph_) + graph_->vertex_count()));
      std::fill(best_.begin(), best_.end(), GraphProjection::Edge{.from = kNoVertex});
      SHEAF_RETURN_IF_ERROR(FindBest(meter));
      joined = Join(forest);
    }
    return absl::OkStatus();
  }

 private:
  // Of each tree the first of the lightest edges that leave it. Edges come in the order of
  // their ends, so one that is not lighter is later.
  absl::Status FindBest(WorkMeter* meter) {
    const bool directed = graph_->is_directed(), weighted = graph_->is_weighted();
    for (VertexIndex v = 0; v < graph_->vertex_count(); ++v) {
      const absl::Span<const VertexIndex> heads = graph_->Out(v);
      const double* weights = weighted ? graph_->OutWeights(v).data() : nullptr;
      const VertexIndex tree = trees_[v];
      for (size_t i = 0; i < heads.size(); ++i) {
        const VertexIndex w = heads[i];
        if (trees_[w] == tree || (!directed && w < v)) continue;
        const double weight = weighted ? weights[i] : 1;
        for (VertexIndex t : {tree, trees_[w]})
          if (best_[t].from == kNoVertex || weight < best_[t].weight)
            best_[t] = {.from = v, .to = w, .weight = weight};
      }
      SHEAF_RETURN_IF_ERROR(meter->Add(heads.size() + 1));
    }
    return absl::OkStatus();
  }
  bool Join(SpanningForest* forest) {
    const size_t before = forest->edges.size();
    for (const GraphProjection::Edge& e : best_) {
      if (e.from == kNoVertex) continue;
      const VertexIndex a = Root(e.from), b = Root(e.to);
      if (a == b) continue;  // both chose it
      trees_[std::max(a, b)] = std::min(a, b);
      forest->edges.push_back(e);
      --forest->tree_count;
    }
    for (VertexIndex v = 0; v < trees_.size(); ++v) trees_[v] = Root(v);
    return forest->edges.size() > before;
  }
  // Halves the way, for the next time.
  VertexIndex Root(VertexIndex v) {
    while (trees_[v] != v) v = trees_[v] = trees_[trees_[v]];
    return v;
  }

  const GraphProjection* graph_;
  std::vector<VertexIndex> trees_;
  std::vector<GraphProjection::Edge> best_;  // by tree; from kNoVertex: none
};

}  // namespace

absl::StatusOr<SpanningForest> MinimumSpanningForest(const GraphProjection& graph,
                                                     const AlgorithmOptions& options) {
  WorkMeter meter(options, "the spanning forest");
  SHEAF_RETURN_IF_ERROR(meter.Take(Boruvka::BytesOf(graph)));
  Boruvka boruvka(graph);
  SpanningForest forest;
  SHEAF_RETURN_IF_ERROR(boruvka.Run(&meter, &forest));
  std::sort(forest.edges.begin(), forest.edges.end(), IsBefore);
  for (const GraphProjection::Edge& e : forest.edges) forest.weight += e.weight;
  return forest;
}

}  // namespace sheaf
