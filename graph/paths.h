// All simple paths between two vertices (no vertex twice), one at a time: there may be
// exponentially many. Installed as <sheaf/paths.h>.
//
//   SHEAF_ASSIGN_OR_RETURN(SimplePathCursor c,
//                          SimplePathCursor::Of(graph, from, to, {.edges_max = 6}));
//   while (c.Next()) Use(c.path());
//   SHEAF_RETURN_IF_ERROR(c.status());
//
// Vertices from which `to` cannot be reached, or not within edges_max, are never entered;
// between two paths lies O(n + m) work, with edges_max = k O(k (n + m)). Depth first, the
// smaller neighbour first; parallel edges make no further paths. Source: D. Johnson, 1975,
// with edges_max A. Gupta and T. Suzumura, 2021 (both of cycles: a path is one that an
// edge from its end to its beginning closes).
#ifndef SHEAF_PATHS_H_
#define SHEAF_PATHS_H_
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

struct SimplePathBounds {
  uint32_t edges_max = std::numeric_limits<uint32_t>::max();  // of a path
  uint64_t count_max = std::numeric_limits<uint64_t>::max();
  // Edges looked at, in all; more is kResourceExhausted.
  uint64_t work_max = std::numeric_limits<uint64_t>::max();
  // kBoth ignores directions.
  Direction direction = Direction::kOut;
  // False: no path goes through the vertex. Asked by Of, of each vertex at most once, not
  // of the ends.
  std::function<bool(VertexIndex)> admits;
};

// The graph outlives it. Memory: 36 bytes a vertex. Thread-compatible.
class SimplePathCursor {
 public:
  // Looks back from `to` first: O(n + m). kInvalidArgument: an end that is no vertex, or
  // both the same (cycles: <sheaf/cycles.h>); kResourceExhausted (memory), kCancelled,
  // kDeadlineExceeded.
  static absl::StatusOr<SimplePathCursor> Of(const GraphProjection& graph,
                                             VertexIndex from, VertexIndex to,
                                             const SimplePathBounds& bounds = {},
                                             const AlgorithmOptions& options = {});
  SimplePathCursor(SimplePathCursor&&) noexcept;
  SimplePathCursor& operator=(SimplePathCursor&&) noexcept;
  ~SimplePathCursor();

  // False at the end, after count_max paths and after an error.
  bool Next();
  // kResourceExhausted (work_max), kCancelled, kDeadlineExceeded.
  absl::Status status() const;
  // Both ends included. Until the next call.
  absl::Span<const VertexIndex> path() const;

 private:
  struct State;
  explicit SimplePathCursor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sheaf
#endif  // SHEAF_PATHS_H_
