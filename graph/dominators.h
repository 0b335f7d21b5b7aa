// Dominators: what every path from a root to a vertex goes through. Installed as
// <sheaf/dominators.h>.
//
// a dominates b when every path from the root to b contains a; a vertex dominates itself.
// The nearest of the others is the immediate dominator; they make a tree. Post-dominators
// are the same backwards: what every path from a vertex to an exit goes through.
//
// Time O(m log n), memory 76 bytes a vertex. Source: T. Lengauer and R. Tarjan, A fast
// algorithm for finding dominators in a flowgraph, 1979, the simple version, without
// recursion.
//
// Errors of all: kInvalidArgument (the root is no vertex), kResourceExhausted (memory),
// kCancelled, kDeadlineExceeded.
#ifndef SHEAF_DOMINATORS_H_
#define SHEAF_DOMINATORS_H_
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"
#include "sheaf/vertex_lists.h"

namespace sheaf {

struct DominatorTree {
  VertexIndex root = kNoVertex;
  Direction direction = Direction::kOut;  // kIn: of post-dominators
  // By vertex; kNoVertex: of the root and of what it does not reach.
  std::vector<VertexIndex> immediate;
  // What v dominates are the vertices whose begin is in [begin[v], end[v]).
  std::vector<uint32_t> begin, end;

  // O(1); false when the root does not reach both. Requires: vertices of the graph.
  bool Dominates(VertexIndex a, VertexIndex b) const {
    return begin[a] <= begin[b] && begin[b] < end[a];
  }
  bool IsReached(VertexIndex v) const { return begin[v] != kNoVertex; }
  // Itself with it; 0 for what is not reached.
  uint32_t DominatedCount(VertexIndex v) const {
    return IsReached(v) ? end[v] - begin[v] : 0;
  }
};
absl::StatusOr<DominatorTree> Dominators(const GraphProjection& graph, VertexIndex root,
                                         const AlgorithmOptions& options = {});
absl::StatusOr<DominatorTree> PostDominators(const GraphProjection& graph,
                                             VertexIndex exit,
                                             const AlgorithmOptions& options = {});

// Of each vertex v where its dominance ends: the vertices that it does not dominate, or
// that are v, with an edge from one that it dominates; ascending. O(m + result), which may
// come to n * n; memory: the result and 20 bytes a vertex. kInvalidArgument: a tree of
// another graph. Source: K. Cooper, T. Harvey and K. Kennedy, A simple, fast dominance algorithm, 2001.
absl::StatusOr<VertexLists> DominanceFrontiers(const GraphProjection& graph,
                                               const DominatorTree& tree,
                                               const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_DOMINATORS_H_
