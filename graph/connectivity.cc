#include "graph/connectivity.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "graph/depth_first.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::LowpointSearch;
using graph::WorkMeter;

// Runs the search over all of the graph. enter(v), leave(v, parent) as it says.
template <class Enter, class Leave>
absl::Status Search(const GraphProjection& graph, LowpointSearch* search,
                    WorkMeter* meter, const Enter& enter, const Leave& leave) {
  SHEAF_RETURN_IF_ERROR(meter->Begin("edges and vertices",
                                     graph::AllEntries(graph) + graph.vertex_count()));
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v)
    SHEAF_RETURN_IF_ERROR(search->From(
        v, [](VertexIndex) { return true; }, enter, leave, meter));
  return absl::OkStatus();
}

absl::Status TakeMemory(const GraphProjection& graph, uint64_t bytes_a_vertex,
                        WorkMeter* meter) {
  return meter->Take(LowpointSearch::BytesOf(graph) +
                     graph.vertex_count() * bytes_a_vertex);
}

// The one edge between two vertices, as it stands in the graph.
GraphProjection::Edge EdgeBetween(const GraphProjection& graph, VertexIndex a,
                                  VertexIndex b) {
  if (a > b) std::swap(a, b);
  const auto place = [&](VertexIndex from, VertexIndex to) {
    const absl::Span<const VertexIndex> heads = graph.Out(from);
    const auto at = std::lower_bound(heads.begin(), heads.end(), to);
    return at != heads.end() && *at == to ? at - heads.begin() : -1;
  };
  if (place(a, b) < 0) std::swap(a, b);
  GraphProjection::Edge edge = {.from = a, .to = b};
  if (graph.is_weighted())
    edge.weight = graph.OutWeights(a)[static_cast<size_t>(place(a, b))];
  return edge;
}

}  // namespace

absl::StatusOr<std::vector<GraphProjection::Edge>> Bridges(
    const GraphProjection& graph, const AlgorithmOptions& options) {
  WorkMeter meter(options, "the bridges");
  SHEAF_RETURN_IF_ERROR(TakeMemory(graph, sizeof(GraphProjection::Edge), &meter));
  LowpointSearch search(graph);
  std::vector<GraphProjection::Edge> bridges;
  bridges.reserve(graph.vertex_count());
  SHEAF_RETURN_IF_ERROR(Search(
      graph, &search, &meter, [](VertexIndex) {},
      [&](VertexIndex v, VertexIndex parent) {
        if (parent != kNoVertex && search.low(v) > search.number(parent))
          bridges.push_back(EdgeBetween(graph, parent, v));
      }));
  std::sort(bridges.begin(), bridges.end(), [](const auto& a, const auto& b) {
    return std::tie(a.from, a.to) < std::tie(b.from, b.to);
  });
  return bridges;
}

absl::StatusOr<std::vector<VertexIndex>> ArticulationPoints(
    const GraphProjection& graph, const AlgorithmOptions& options) {
  WorkMeter meter(options, "the articulation points");
  SHEAF_RETURN_IF_ERROR(TakeMemory(graph, sizeof(VertexIndex) + 1, &meter));
  LowpointSearch search(graph);
  std::vector<bool> is_point(graph.vertex_count());
  VertexIndex root = kNoVertex, root_children = 0;
  SHEAF_RETURN_IF_ERROR(Search(
      graph, &search, &meter,
      [&](VertexIndex v) {
        if (root != kNoVertex) return;
        root = v;
        root_children = 0;
      },
      [&](VertexIndex v, VertexIndex parent) {
        if (parent == root) {
          ++root_children;
        } else if (parent != kNoVertex && search.low(v) >= search.number(parent)) {
          is_point[parent] = true;
        }
        if (parent != kNoVertex) return;
        is_point[v] = root_children > 1;
        root = kNoVertex;
      }));
  std::vector<VertexIndex> points;
  points.reserve(static_cast<size_t>(std::count(is_point.begin(), is_point.end(), true)));
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v)
    if (is_point[v]) points.push_back(v);
  return points;
}

absl::StatusOr<VertexLists> BiconnectedComponents(const GraphProjection& graph,
                                                  const AlgorithmOptions& options) {
  const size_t n = graph.vertex_count();
  WorkMeter meter(options, "the biconnected components");
  // The stack, and the lists: less than 2 n vertices in less than n blocks.
  SHEAF_RETURN_IF_ERROR(TakeMemory(graph, 4 + 8 + 8, &meter));
  LowpointSearch search(graph);
  VertexLists blocks;
  std::vector<VertexIndex> stack;
  stack.reserve(n);
  blocks.items.reserve(2 * n);
  blocks.offsets.reserve(n + 1);
  SHEAF_RETURN_IF_ERROR(Search(
      graph, &search, &meter, [&](VertexIndex v) { stack.push_back(v); },
      [&](VertexIndex v, VertexIndex parent) {
        if (parent == kNoVertex) return stack.clear();
        if (search.low(v) < search.number(parent)) return;
        const size_t begin = blocks.items.size();
        VertexIndex w;
        do {
          w = stack.back();
          stack.pop_back();
          blocks.items.push_back(w);
        } while (w != v);
        blocks.items.push_back(parent);
        std::sort(blocks.items.begin() + static_cast<ptrdiff_t>(begin),
                  blocks.items.end());
        blocks.EndList();
      }));
  return blocks;
}

absl::StatusOr<TwoEdgeComponents> FindTwoEdgeComponents(const GraphProjection& graph,
                                                        const AlgorithmOptions& options) {
  WorkMeter meter(options, "the 2-edge-connected components");
  SHEAF_RETURN_IF_ERROR(TakeMemory(graph, 8 + 4, &meter));
  LowpointSearch search(graph);
  TwoEdgeComponents result;
  result.component_of.assign(graph.vertex_count(), kNoVertex);
  std::vector<VertexIndex> stack;
  stack.reserve(graph.vertex_count());
  SHEAF_RETURN_IF_ERROR(Search(
      graph, &search, &meter, [&](VertexIndex v) { stack.push_back(v); },
      [&](VertexIndex v, VertexIndex) {
        if (search.low(v) != search.number(v)) return;
        VertexIndex w;
        do {
          w = stack.back();
          stack.pop_back();
          result.component_of[w] = v;
        } while (w != v);
      }));
  // So far a component is called by the vertex at its top.
  std::vector<VertexIndex> numbers(graph.vertex_count(), kNoVertex);
  for (VertexIndex& c : result.component_of) {
    if (numbers[c] == kNoVertex) numbers[c] = result.count++;
    c = numbers[c];
  }
  return result;
}

}  // namespace sheaf
