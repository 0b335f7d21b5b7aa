#include "graph/strong_components.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "graph/depth_first.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::StrongSearch;
using graph::WorkMeter;

// By counting.
VertexLists MembersOf(const StrongComponents& components) {
  VertexLists lists;
  lists.offsets.assign(size_t{components.count} + 1, 0);
  for (VertexIndex c : components.component_of) ++lists.offsets[size_t{c} + 1];
  std::partial_sum(lists.offsets.begin(), lists.offsets.end(), lists.offsets.begin());
  std::vector<uint64_t> next(lists.offsets.begin(), lists.offsets.end() - 1);
  lists.items.resize(components.component_of.size());
  for (VertexIndex v = 0; v < components.component_of.size(); ++v)
    lists.items[next[components.component_of[v]]++] = v;
  return lists;
}

// Edges between components, each once.
absl::StatusOr<std::vector<GraphProjection::Edge>> EdgesBetween(
    const GraphProjection& graph, const Condensation& c, WorkMeter* meter) {
  std::vector<GraphProjection::Edge> edges;
  // Of each component the last one that has an edge to it.
  std::vector<VertexIndex> last(c.members.size(), kNoVertex);
  uint64_t taken = 0;
  for (VertexIndex from = 0; from < c.members.size(); ++from) {
    for (VertexIndex v : c.members[from]) {
      SHEAF_RETURN_IF_ERROR(meter->Add(graph.Out(v).size() + 1));
      for (VertexIndex w : graph.Out(v)) {
        const VertexIndex to = c.component_of[w];
        if (to == from || last[to] == from) continue;
        last[to] = from;
        edges.push_back({.from = from, .to = to});
      }
    }
    if (edges.size() > taken) {  // a list that grows by doubling, then the rows
      SHEAF_RETURN_IF_ERROR(
          meter->Take((edges.size() - taken) * (3 * sizeof(GraphProjection::Edge) + 8)));
      taken = edges.size();
    }
  }
  return edges;
}

}  // namespace

absl::StatusOr<StrongComponents> FindStrongComponents(const GraphProjection& graph,
                                                      const AlgorithmOptions& options) {
  const VertexIndex n = graph.vertex_count();
  WorkMeter meter(options, "the strong components");
  SHEAF_RETURN_IF_ERROR(meter.Take(StrongSearch::BytesOf(graph) + n * uint64_t{4}));
  SHEAF_RETURN_IF_ERROR(
      meter.Begin("edges and vertices", graph::OutEntries(graph) + n * uint64_t{2}));
  StrongComponents result;
  result.component_of.resize(n);
  StrongSearch search(graph);
  const auto done = [&](absl::Span<const VertexIndex> component) {
    for (VertexIndex v : component) result.component_of[v] = result.count;
    ++result.count;
  };
  for (VertexIndex v = 0; v < n; ++v)
    SHEAF_RETURN_IF_ERROR(search.From(
        v, [](VertexIndex) { return true; }, done, &meter));
  // They came in the reverse order.
  for (VertexIndex& c : result.component_of) c = result.count - 1 - c;
  return result;
}

absl::StatusOr<Condensation> Condense(const GraphProjection& graph,
                                      const AlgorithmOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(StrongComponents components,
                         FindStrongComponents(graph, options));
  const uint64_t n = graph.vertex_count();
  WorkMeter meter(options, "the condensation");
  SHEAF_RETURN_IF_ERROR(meter.Take(n * 8 + components.count * uint64_t{80}));
  SHEAF_RETURN_IF_ERROR(
      meter.Begin("edges between components", graph::OutEntries(graph) + n));
  Condensation result;
  result.members = MembersOf(components);
  result.component_of = std::move(components.component_of);
  SHEAF_ASSIGN_OR_RETURN(const std::vector<GraphProjection::Edge> edges,
                         EdgesBetween(graph, result, &meter));
  std::vector<VertexId> ids(components.count);
  std::iota(ids.begin(), ids.end(), VertexId{0});
  SHEAF_ASSIGN_OR_RETURN(
      result.graph,
      GraphProjection::Of(std::move(ids), edges, GraphProjection::Edges::kDirected));
  return result;
}

}  // namespace sheaf
