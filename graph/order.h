// Orders of directed acyclic graphs: topological sort, levels, the longest path.
// Installed as <sheaf/order.h>.
//
// Time O(n + m) unless said otherwise, memory 8 to 32 bytes a vertex. Source: A. B. Kahn,
// Topological sorting of large networks, 1962.
//
// Errors of all: kInvalidArgument (the graph is undirected), kFailedPrecondition (it has a
// cycle: the message shows one, of long ones the beginning), kResourceExhausted (memory),
// kCancelled, kDeadlineExceeded. A loop is a cycle.
#ifndef SHEAF_ORDER_H_
#define SHEAF_ORDER_H_
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

// Which of the vertices comes next that nothing is left before.
enum class ReadyOrder : uint8_t {
  kFirstReady = 1,  // that was ready first: first in, first out; of two the smaller
  kSmallest = 2,    // the smallest: takes O(n log n + m)
};

// All vertices, each before those that it has edges to. With a cycle: the vertices of one
// in `*cycle`, unless that is null; the last has an edge to the first.
absl::StatusOr<std::vector<VertexIndex>> TopologicalSort(
    const GraphProjection& graph, ReadyOrder order = ReadyOrder::kFirstReady,
    const AlgorithmOptions& options = {}, std::vector<VertexIndex>* cycle = nullptr);

// The same, a vertex at a time. The graph outlives it. Thread-compatible.
//
//   SHEAF_ASSIGN_OR_RETURN(TopologicalCursor c, TopologicalCursor::Of(graph));
//   while (c.Next()) Use(c.vertex());
//   SHEAF_RETURN_IF_ERROR(c.status());  // also that there is a cycle
class TopologicalCursor {
 public:
  // Counts the edges that come to each vertex: O(n + m).
  static absl::StatusOr<TopologicalCursor> Of(const GraphProjection& graph,
                                              ReadyOrder order = ReadyOrder::kFirstReady,
                                              const AlgorithmOptions& options = {});
  TopologicalCursor(TopologicalCursor&&) noexcept;
  TopologicalCursor& operator=(TopologicalCursor&&) noexcept;
  ~TopologicalCursor();

  // False at the end and after an error. What stands on a cycle or behind one does not
  // come: status() says so at the end.
  bool Next();
  absl::Status status() const;
  VertexIndex vertex() const;

 private:
  struct State;
  explicit TopologicalCursor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Of each vertex the number of edges of the longest path that ends at it: 0 where no edge
// comes to. Vertices of one level have no edges between them.
absl::StatusOr<std::vector<uint32_t>> Levels(const GraphProjection& graph,
                                             const AlgorithmOptions& options = {});

// The path of the largest weight, which may begin and end anywhere: the critical path.
// Of a graph that is not weighted each edge weighs 1.
struct LongestPath {
  std::vector<VertexIndex> vertices;  // one alone weighs 0; none of the empty graph
  double weight = 0;
  // Of each vertex the largest weight of a path that ends at it, 0 or more.
  std::vector<double> weight_to;
};
// Of several, the one that is found first when vertices come in topological order.
absl::StatusOr<LongestPath> FindLongestPath(const GraphProjection& graph,
                                            const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_ORDER_H_
