// How much flows from one vertex to another, and what separates them. Installed as
// <sheaf/flow.h>.
//
// The capacity of an edge is its weight, 0 or more; of a graph that is not weighted, 1. An
// edge of an undirected graph carries that much in one direction or the other. Parallel
// edges add up.
//
// Capacities are doubles. Sums are exact as long as all are whole and add up to less than
// 2^52; otherwise they are rounded as additions are. The search ends all the same, since
// each step fills an edge exactly.
//
// Time O(n^2 m) at the worst, with all capacities 1 O(m^1.5), mostly a few passes over
// the edges. Memory: 40 bytes an edge and 32 a vertex. Source: E. Dinic (Dinitz),
// Algorithm for solution of a problem of maximum flow in networks, 1970.
//
// Errors of all: kInvalidArgument (an end that is no vertex, both the same, a negative
// capacity, capacities that do not add up to a finite number), kResourceExhausted (memory;
// 2^31 edges or more), kCancelled, kDeadlineExceeded.
#ifndef SHEAF_FLOW_H_
#define SHEAF_FLOW_H_
#include <vector>

#include "absl/status/statusor.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

struct Flow {
  double value = 0;
  // By the numbers of edges: graph.OutBegin(v) + i is the i-th of Out(v). An edge of an
  // undirected graph has two, the one in whose direction it flows holds what does, the
  // other 0.
  std::vector<double> of_edge;
};
// The largest flow; of several the one depends on the graph alone.
absl::StatusOr<Flow> MaxFlow(const GraphProjection& graph, VertexIndex source,
                             VertexIndex target, const AlgorithmOptions& options = {});

// Edges of the least capacity in all without which the source does not reach the target.
struct EdgeCut {
  double capacity = 0;                       // the value of the largest flow
  std::vector<GraphProjection::Edge> edges;  // from the source's side; ascending
  std::vector<VertexIndex> source_side;      // ascending; the smallest of all such
};
absl::StatusOr<EdgeCut> MinCut(const GraphProjection& graph, VertexIndex source,
                               VertexIndex target, const AlgorithmOptions& options = {});

// The fewest vertices, neither source nor target, without which the source does not reach
// the target; ascending; of several such sets the nearest to the source. As many as there
// are paths from one to the other with no other vertex in common (Menger). Weights do not
// matter. O(m * sqrt(n)); memory: 32 bytes an edge, of an undirected graph 64, and 100 a
// vertex. kFailedPrecondition: an edge leads from source to target.
absl::StatusOr<std::vector<VertexIndex>> MinVertexCut(
    const GraphProjection& graph, VertexIndex source, VertexIndex target,
    const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_FLOW_H_
