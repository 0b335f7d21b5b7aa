// WeightSearch: Dijkstra's search over a projection, again and again in the same memory.
// VertexHeap: the queue of such searches, a 4-ary heap that can lower a key, so that it
// never holds a vertex twice and its memory is known beforehand.
//
// Thread-compatible.
#ifndef GRAPH_WEIGHT_SEARCH_H_
#define GRAPH_WEIGHT_SEARCH_H_
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "graph/algorithm_run.h"
#include "graph/direction.h"
#include "graph/graph_projection.h"

namespace sheaf::graph {

class VertexHeap {
 public:
  static constexpr uint64_t kBytesPerVertex = 4 + 16;
  struct Entry {
    double key;
    VertexIndex vertex;
  };

  explicit VertexHeap(VertexIndex vertices) : places_(vertices, kNoVertex) {
    entries_.reserve(vertices);
  }

  bool empty() const { return entries_.empty(); }
  // Adds `v`, or lowers its key; a key that is not lower is ignored. O(log n).
  void PushOrLower(VertexIndex v, double key);
  // The smallest key, and of several the smallest vertex. Requires: !empty(). O(log n).
  Entry Pop();
  void Clear();

 private:
  static bool Before(const Entry& a, const Entry& b) {
    return a.key < b.key || (a.key == b.key && a.vertex < b.vertex);
  }
  void Put(size_t place, Entry entry) {
    entries_[place] = entry;
    places_[entry.vertex] = static_cast<VertexIndex>(place);
  }

  std::vector<Entry> entries_;
  std::vector<VertexIndex> places_;  // in entries_; kNoVertex: not in it
};

class WeightSearch {
 public:
  static constexpr double kUnreachable = std::numeric_limits<double>::infinity();
  static constexpr uint64_t kBytesPerVertex = 8 + 4 + 4 + VertexHeap::kBytesPerVertex;

  // `graph` outlives it; `call` is for messages. An edge weighs 1 unless `weighted`.
  WeightSearch(const GraphProjection* graph, Direction direction, bool weighted,
               const char* call);

  // What an edge may weigh: betweenness and the like count paths, and there would be
  // endlessly many around a circle that weighs nothing.
  enum class Zero { kAllowed, kForbidden };
  // From `source` until all vertices are settled, or all as near as `target`.
  // kInvalidArgument names an edge met that weighs less than it may. O((n + m) log n).
  absl::Status Run(VertexIndex source, VertexIndex target, Zero zero, Meter& meter);

  // Of the last Run. Distances and parents of vertices not in order() mean nothing after
  // a Run with a target.
  const std::vector<double>& distances() const { return distances_; }
  const std::vector<VertexIndex>& parents() const { return parents_; }
  // As they were settled: ascending distances.
  const std::vector<VertexIndex>& order() const { return order_; }

  std::vector<double> TakeDistances() { return std::move(distances_); }
  std::vector<VertexIndex> TakeParents() { return std::move(parents_); }

 private:
  const GraphProjection* graph_;
  const Direction direction_;
  const bool weighted_;
  const char* const call_;
  std::vector<double> distances_;
  std::vector<VertexIndex> parents_, order_;
  VertexHeap heap_;
};

// kInvalidArgument, naming the edge between `v` and `u`, whichever way `direction` went.
absl::Status BadWeight(const char* call, const GraphProjection& graph,
                       Direction direction, VertexIndex v, VertexIndex u, double weight);

}  // namespace sheaf::graph
#endif  // GRAPH_WEIGHT_SEARCH_H_
