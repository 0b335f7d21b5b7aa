// The neighbours of a vertex of a projection in a direction, and what is counted of them.
// Inlined into the innermost loops of the algorithms.
//
// In an undirected projection the direction does not matter. kBoth in a directed one is
// Out, then In: not in order, and a neighbour stands in it once for each edge.
#ifndef GRAPH_NEIGHBORS_H_
#define GRAPH_NEIGHBORS_H_
#include <algorithm>
#include <cstdint>

#include "absl/types/span.h"
#include "graph/direction.h"
#include "graph/graph_projection.h"

namespace sheaf::graph {

inline bool GoesOut(const GraphProjection& graph, Direction direction) {
  return direction != Direction::kIn || !graph.is_directed();
}
inline bool GoesIn(const GraphProjection& graph, Direction direction) {
  return direction != Direction::kOut && graph.is_directed();
}
inline Direction Reverse(Direction direction) {
  if (direction == Direction::kBoth) return direction;
  return direction == Direction::kOut ? Direction::kIn : Direction::kOut;
}

inline uint64_t DegreeOf(const GraphProjection& graph, VertexIndex v,
                         Direction direction) {
  return (GoesOut(graph, direction) ? graph.Out(v).size() : 0) +
         (GoesIn(graph, direction) ? graph.In(v).size() : 0);
}

// All entries of rows that `direction` reads.
inline uint64_t EntriesOf(const GraphProjection& graph, Direction direction) {
  const VertexIndex n = graph.vertex_count();
  if (n == 0) return 0;
  return (GoesOut(graph, direction) ? graph.OutBegin(n - 1) + graph.Out(n - 1).size()
                                    : 0) +
         (GoesIn(graph, direction) ? graph.InBegin(n - 1) + graph.In(n - 1).size() : 0);
}

// fn(neighbour).
template <typename Fn>
void ForEachNeighbor(const GraphProjection& graph, VertexIndex v, Direction direction,
                     Fn fn) {
  if (GoesOut(graph, direction))
    for (const VertexIndex u : graph.Out(v)) fn(u);
  if (GoesIn(graph, direction))
    for (const VertexIndex u : graph.In(v)) fn(u);
}

// Whether is_it(neighbour) holds for one; looks at none after it.
template <typename Fn>
bool AnyNeighbor(const GraphProjection& graph, VertexIndex v, Direction direction,
                 Fn is_it) {
  if (GoesOut(graph, direction))
    for (const VertexIndex u : graph.Out(v))
      if (is_it(u)) return true;
  if (GoesIn(graph, direction))
    for (const VertexIndex u : graph.In(v))
      if (is_it(u)) return true;
  return false;
}

// fn(neighbour, weight); 1 unless `weighted`. Requires: then the projection is.
template <typename Fn>
void ForEachEdge(const GraphProjection& graph, VertexIndex v, Direction direction,
                 bool weighted, Fn fn) {
  const auto row = [&](absl::Span<const VertexIndex> ends,
                       absl::Span<const double> weights) {
    for (size_t i = 0; i < ends.size(); ++i)
      fn(ends[i], weights.empty() ? 1.0 : weights[i]);
  };
  if (GoesOut(graph, direction))
    row(graph.Out(v), weighted ? graph.OutWeights(v) : absl::Span<const double>());
  if (GoesIn(graph, direction))
    row(graph.In(v), weighted ? graph.InWeights(v) : absl::Span<const double>());
}

// fn(neighbour, edges) for each vertex joined with v by an edge either way, v itself left
// out, each once, ascending: the simple undirected reading. `edges` is 2 when an edge
// goes each way, as in an undirected projection it always does; else 1.
template <typename Fn>
void ForEachDistinctNeighbor(const GraphProjection& graph, VertexIndex v, Fn fn) {
  const absl::Span<const VertexIndex> out = graph.Out(v);
  const absl::Span<const VertexIndex> in =
      graph.is_directed() ? graph.In(v) : absl::Span<const VertexIndex>();
  size_t i = 0, j = 0;
  while (i < out.size() || j < in.size()) {
    const VertexIndex a = i < out.size() ? out[i] : kNoVertex;
    const VertexIndex b = j < in.size() ? in[j] : kNoVertex;
    const VertexIndex u = std::min(a, b);
    if (u != v) fn(u, a == b || !graph.is_directed() ? 2 : 1);
    while (i < out.size() && out[i] == u) ++i;
    while (j < in.size() && in[j] == u) ++j;
  }
}

}  // namespace sheaf::graph
#endif  // GRAPH_NEIGHBORS_H_
