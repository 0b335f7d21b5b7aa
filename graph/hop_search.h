// HopSearch: breadth-first search over a projection, again and again in the same memory.
//
// While the frontier is small, its edges are followed; when most edges leave it, the
// vertices not reached look for a neighbour in it instead and stop at the first
// (direction-optimising: Beamer, Asanović, Patterson 2012). On graphs of few hops that
// looks at a tenth of the edges.
//
// Thread-compatible.
#ifndef GRAPH_HOP_SEARCH_H_
#define GRAPH_HOP_SEARCH_H_
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "graph/algorithm_run.h"
#include "graph/direction.h"
#include "graph/graph_projection.h"

namespace sheaf::graph {

class HopSearch {
 public:
  static constexpr uint64_t kBytesPerVertex = 2 * sizeof(uint32_t) + 1;
  static constexpr uint32_t kUnreached = 0xffffffff;

  // `graph` outlives it.
  HopSearch(const GraphProjection* graph, Direction direction);

  // Requires: `source` is a vertex. O(n + m).
  absl::Status Run(VertexIndex source, uint32_t depth_max, Meter& meter);

  // Of the last Run: hops from the source; kUnreached.
  const std::vector<uint32_t>& depths() const { return depths_; }
  std::vector<uint32_t> TakeDepths() { return std::move(depths_); }
  uint64_t reached() const { return reached_; }  // the source too
  uint64_t depth_sum() const { return depth_sum_; }

 private:
  absl::Status TopDown(uint32_t depth, Meter& meter);
  absl::Status BottomUp(uint32_t depth, Meter& meter);
  void FrontierToBits();
  void FrontierToQueue(uint32_t depth);

  const GraphProjection* graph_;
  const Direction direction_;
  const uint64_t entries_;
  std::vector<uint32_t> depths_;
  // The frontier: queue_[begin_, end_), or bits.
  std::vector<VertexIndex> queue_;
  size_t begin_ = 0, end_ = 0;
  std::vector<uint64_t> bits_, next_bits_;
  uint64_t found_ = 0;          // in the last step
  uint64_t found_entries_ = 0;  // edges that leave them; of TopDown
  uint64_t reached_ = 0, depth_sum_ = 0;
};

}  // namespace sheaf::graph
#endif  // GRAPH_HOP_SEARCH_H_
