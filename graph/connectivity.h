// What holds a graph together, directions ignored: bridges, articulation points, blocks,
// 2-edge-connected components. Installed as <sheaf/connectivity.h>.
//
// Parallel edges are no bridges, nor are two edges of opposite directions; loops change
// nothing.
//
// Time O(n + m), blocks O(n log n + m); memory 28 to 44 bytes a vertex. Source: J.
// Hopcroft and R. Tarjan, Efficient algorithms for graph manipulation, 1973, without
// recursion.
//
// Errors of all: kResourceExhausted (memory), kCancelled, kDeadlineExceeded.
#ifndef SHEAF_CONNECTIVITY_H_
#define SHEAF_CONNECTIVITY_H_
#include <vector>

#include "absl/status/statusor.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"
#include "sheaf/vertex_lists.h"

namespace sheaf {

// Edges without which their ends hang together no more; ascending by their ends. As they
// stand in the graph, those of an undirected one from the smaller end.
absl::StatusOr<std::vector<GraphProjection::Edge>> Bridges(
    const GraphProjection& graph, const AlgorithmOptions& options = {});

// Vertices without which some of their neighbours hang together no more; ascending.
absl::StatusOr<std::vector<VertexIndex>> ArticulationPoints(
    const GraphProjection& graph, const AlgorithmOptions& options = {});

// Blocks (biconnected components): the vertices of each, ascending. Two blocks share one
// vertex at most, an articulation point; each edge that is no loop lies in the one block
// that has both its ends. A vertex with no edge to another is in none.
absl::StatusOr<VertexLists> BiconnectedComponents(const GraphProjection& graph,
                                                  const AlgorithmOptions& options = {});

// What is left together when all bridges are taken away. Components are numbered in the
// order of their smallest vertices.
struct TwoEdgeComponents {
  std::vector<VertexIndex> component_of;  // by vertex
  VertexIndex count = 0;
};
absl::StatusOr<TwoEdgeComponents> FindTwoEdgeComponents(
    const GraphProjection& graph, const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_CONNECTIVITY_H_
