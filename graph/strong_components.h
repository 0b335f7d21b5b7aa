// Strongly connected components: sets of vertices, as large as possible, of which each
// reaches each; and the acyclic graph of them. Installed as <sheaf/strong_components.h>.
//
// Components are numbered in topological order: an edge between two goes from the smaller
// number to the larger. The numbers depend on the graph alone. Components of an undirected
// graph are those that hang together.
//
// Time O(n + m). Source: R. Tarjan, Depth-first search and linear graph algorithms, 1972,
// with one number a vertex (D. Pearce, 2016), without recursion.
//
// Errors of all: kResourceExhausted (memory), kCancelled, kDeadlineExceeded.
#ifndef SHEAF_STRONG_COMPONENTS_H_
#define SHEAF_STRONG_COMPONENTS_H_
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"
#include "sheaf/vertex_lists.h"

namespace sheaf {

struct StrongComponents {
  std::vector<VertexIndex> component_of;  // by vertex
  VertexIndex count = 0;
};
// Memory: 28 bytes a vertex.
absl::StatusOr<StrongComponents> FindStrongComponents(
    const GraphProjection& graph, const AlgorithmOptions& options = {});

// Vertex c of `graph`, with id c, stands for component c. Between two components there is
// one edge where there was any, loops are left out.
struct Condensation {
  GraphProjection graph;  // directed, not weighted, without cycles
  std::vector<VertexIndex> component_of;
  VertexLists members;  // of each component, ascending
};
// Memory: 40 bytes a vertex, 80 a component, 56 an edge between components.
absl::StatusOr<Condensation> Condense(const GraphProjection& graph,
                                      const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_STRONG_COMPONENTS_H_
