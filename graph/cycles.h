// Cycles: whether there is one, one, a basis of all, all. Installed as <sheaf/cycles.h>.
//
// A cycle is the list of its vertices, the last of which has an edge to the first. A loop
// is a cycle of one vertex; in an undirected graph two parallel edges are one of two.
//
// Errors of all: kResourceExhausted (memory), kCancelled, kDeadlineExceeded.
#ifndef SHEAF_CYCLES_H_
#define SHEAF_CYCLES_H_
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"
#include "sheaf/vertex_lists.h"

namespace sheaf {

// The first that a depth-first search meets; empty: there is none. O(n + m), and as soon
// as one is found. Memory: 17 bytes a vertex.
absl::StatusOr<std::vector<VertexIndex>> FindCycle(const GraphProjection& graph,
                                                   const AlgorithmOptions& options = {});
absl::StatusOr<bool> HasCycle(const GraphProjection& graph,
                              const AlgorithmOptions& options = {});

// Directions ignored: m - n + (components) cycles, of which each set of edges that comes
// to each vertex an even number of times is the sum (symmetric difference). Two edges of
// opposite directions count as parallel. Each cycle is one edge and the ways of its ends
// in a spanning tree. Source: K. Paton, An algorithm for finding a fundamental set of
// cycles of a graph, 1969; the tree is breadth first here, which makes them short.
//
// O(n + m + length of all), which may come to n * m; the memory for it, 12 bytes a vertex
// of a cycle and 24 a cycle, is asked for as it grows.
absl::StatusOr<VertexLists> CycleBasis(const GraphProjection& graph,
                                       const AlgorithmOptions& options = {});

struct CycleBounds {
  uint32_t length_max = std::numeric_limits<uint32_t>::max();  // edges
  uint64_t count_max = std::numeric_limits<uint64_t>::max();
  // Edges looked at, in all; more is kResourceExhausted.
  uint64_t work_max = std::numeric_limits<uint64_t>::max();
};

// The elementary cycles (no vertex twice), one at a time: there may be exponentially many.
// Each begins with its smallest vertex; parallel edges make no further ones; those of
// undirected graphs come in one of their two directions. The order depends on the graph
// alone. Source: D. Johnson, Finding all the elementary circuits of a directed graph, 1975;
// with length_max A. Gupta and T. Suzumura, 2021.
//
// Between two lies O(n + m) work. With length_max many vertices may have to be tried that
// lie on no cycle so short, but of each only what is near is looked at.
//
//   SHEAF_ASSIGN_OR_RETURN(CycleCursor c, CycleCursor::Of(graph, {.length_max = 5}));
//   while (c.Next()) Use(c.cycle());
//   SHEAF_RETURN_IF_ERROR(c.status());
//
// The graph outlives it. Memory: 92 bytes a vertex. Thread-compatible.
class CycleCursor {
 public:
  static absl::StatusOr<CycleCursor> Of(const GraphProjection& graph,
                                        const CycleBounds& bounds = {},
                                        const AlgorithmOptions& options = {});
  CycleCursor(CycleCursor&&) noexcept;
  CycleCursor& operator=(CycleCursor&&) noexcept;
  ~CycleCursor();

  // False at the end, after count_max cycles and after an error.
  bool Next();
  absl::Status status() const;
  absl::Span<const VertexIndex> cycle() const;  // until the next call

 private:
  struct State;
  explicit CycleCursor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sheaf
#endif  // SHEAF_CYCLES_H_
