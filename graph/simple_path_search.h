// SimplePathSearch: all paths without repeated vertices from a vertex to another, or back
// to itself, one at a time. Simple paths and elementary circuits stand on it.
//
// Source: D. Johnson, Finding all the elementary circuits of a directed graph, 1975, which
// does not enter again a vertex that led nowhere until something on the path that was in
// its way has left it; with a bound on the length as in A. Gupta and T. Suzumura, Finding
// all bounded-length simple cycles in a directed graph, 2021: what is remembered of a
// vertex is the largest place on the path at which entering it may be worth it (its lock).
// Between two paths lies O(n + m) work, with a bound on the length k O(k (n + m)).
//
// Parallel edges make no further paths. Thread-compatible.
#ifndef GRAPH_SIMPLE_PATH_SEARCH_H_
#define GRAPH_SIMPLE_PATH_SEARCH_H_
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graph/depth_first.h"
#include "graph/work_meter.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"

namespace sheaf::graph {

class SimplePathSearch {
 public:
  static uint64_t BytesOf(const GraphProjection& graph) {
    return uint64_t{graph.vertex_count()} *
           (2 * sizeof(VertexIndex) + sizeof(uint32_t) + sizeof(Frame) + sizeof(Freed));
  }
  // Of `work_max` edges looked at at most: kResourceExhausted. `meter` outlives it.
  SimplePathSearch(const GraphProjection& graph, Direction direction, uint32_t edges_max,
                   uint64_t work_max, WorkMeter* meter);

  // Only vertices of one group are entered, that of the search. kNoVertex: of none.
  void SetGroup(VertexIndex v, VertexIndex group) { group_[v] = group; }
  VertexIndex group(VertexIndex v) const { return group_[v]; }
  // Forgets what was learnt of v. `distance`: edges to the end at least, 1 or more.
  void Reset(VertexIndex v, uint32_t distance = 1);
  // v is entered nowhere, until it is Reset.
  void Bar(VertexIndex v) { locks_[v] = kNowhere; }
  bool IsBarred(VertexIndex v) const { return locks_[v] == kNowhere; }

  // From `from`, which was Reset like all of the group, to `to`. The same: circuits, those
  // of undirected graphs in one of their two directions.
  void Start(VertexIndex from, VertexIndex to, VertexIndex group);
  // False at the end.
  absl::StatusOr<bool> Next();
  // Both ends included, of a circuit the one.
  absl::Span<const VertexIndex> path() const { return path_; }
  // Whether edges_max says anything.
  bool is_bounded() const { return edges_max_ < graph_->vertex_count(); }
  // Edges looked at so far.
  uint64_t work() const { return work_max_ - work_left_; }

 private:
  struct Frame {
    uint64_t next;          // neighbour
    uint32_t edges_to_end;  // of the shortest path found through here
  };
  struct Freed {
    VertexIndex vertex;
    uint32_t edges_to_end;
  };
  // Values of locks: 0 stands on the path, 1 is worth entering nowhere.
  static constexpr uint32_t kOnPath = 0, kNowhere = 1, kAnywhere = 0xffffffff;

  void Enter(VertexIndex v);
  absl::Status Leave();
  // `v` was left and has a way to the end: so have those that lead to it.
  absl::Status Free(VertexIndex v, uint32_t edges_to_end);
  // Whether the path up to here, and back by neighbour i, is to be shown.
  bool IsShown(const Neighbors& neighbors, uint64_t i) const;
  absl::Status Work(uint64_t edges);

  const GraphProjection* graph_;
  Direction direction_, backward_;
  uint32_t edges_max_;
  uint64_t work_left_, work_max_;
  WorkMeter* meter_;
  VertexIndex to_ = kNoVertex, group_now_ = 0;
  std::vector<VertexIndex> group_;
  std::vector<uint32_t> locks_;
  std::vector<VertexIndex> path_;
  std::vector<Frame> frames_;
  std::vector<Freed> freed_;
};

}  // namespace sheaf::graph
#endif  // GRAPH_SIMPLE_PATH_SEARCH_H_
