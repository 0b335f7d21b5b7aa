// Minimum spanning forests. Installed as <sheaf/spanning_tree.h>.
#ifndef SHEAF_SPANNING_TREE_H_
#define SHEAF_SPANNING_TREE_H_
#include <vector>

#include "absl/status/statusor.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

struct SpanningForest {
  // As they stand in the graph, those of an undirected one from the smaller end;
  // ascending by weight, then by their ends.
  std::vector<GraphProjection::Edge> edges;
  double weight = 0;           // of all
  VertexIndex tree_count = 0;  // a vertex alone is one
};
// Edges of the least weight that join everything that hangs together, directions ignored;
// weights may be negative, in a graph that is not weighted each is 1. Of edges of the same
// weight those with the smaller ends are taken, as Kruskal's algorithm (1956) would.
//
// Time O(m log n), in passes over the edges of which each leaves half the trees at most;
// memory 36 bytes a vertex. Source: O. Boruvka, 1926.
//
// kResourceExhausted (memory), kCancelled, kDeadlineExceeded.
absl::StatusOr<SpanningForest> MinimumSpanningForest(
    const GraphProjection& graph, const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_SPANNING_TREE_H_
