// TraversalCursor, Reach, ShortestPath: goes from vertex to vertex over the pages of a
// graph, of any size, and reads no more of it than it comes to.
//
//   SHEAF_ASSIGN_OR_RETURN(sheaf::TraversalCursor c,
//                          sheaf::Traverse(people, ann, {.edges = {.types = {"KNOWS"}},
//                                                        .depth_max = 3}));
//   while (c.Next()) Use(c.vertex(), c.depth());
//   SHEAF_RETURN_IF_ERROR(c.status());   // an error ends the loop: look
//
// All of them: kNotFound "people: no vertex 7", kInvalidArgument: a filter;
// kResourceExhausted when memory_bytes_max does not do, kDeadlineExceeded, kCancelled. A
// type or label that the graph does not know has no edges or vertices. Vertices and edges
// that the selections leave out are not there, except that where a search begins, and
// where a path ends, is asked for no labels and no properties.
//
// Cursors belong to the transaction of the graph. In a write transaction the graph may be
// changed while one is read: edges are seen as they are when their vertex is reached. When
// it went back to a savepoint, Next is false and status() kFailedPrecondition.
// Thread-compatible.
//
// Algorithms over all of a graph, several paths, all paths: <sheaf/graph_projection.h>.
#ifndef SHEAF_GRAPH_TRAVERSAL_H_
#define SHEAF_GRAPH_TRAVERSAL_H_
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/graph.h"
#include "sheaf/options.h"

namespace sheaf {

namespace internal {
struct TraversalState;
}

// Which vertices are meant.
struct VertexSelection {
  std::vector<std::string> labels;  // one of them; empty: all
  std::string filter;               // of their properties, as EdgeSelection::filter
};

enum class TraversalOrder : uint8_t {
  kBreadthFirst = 1,  // by depth; vertices of one depth in any order
  // Preorder; the edges of a vertex as ForEachEdge gives them. With a depth_max a vertex
  // that is first met so deep is not gone on from, though a shorter way may lead to it.
  kDepthFirst = 2,
};

struct TraversalLimits {
  uint64_t memory_bytes_max = uint64_t{1} << 30;
  Progress progress;
};

struct TraversalOptions {
  TraversalOrder order = TraversalOrder::kBreadthFirst;
  EdgeSelection edges;
  VertexSelection vertices;
  uint32_t depth_min = 0;  // nearer ones are passed through
  uint32_t depth_max = std::numeric_limits<uint32_t>::max();
  // So many are returned; that it ended so, complete() says.
  uint64_t vertices_max = std::numeric_limits<uint64_t>::max();
  bool keep_paths = false;  // 24 bytes a vertex more; depth-first has them always
  uint64_t memory_bytes_max = uint64_t{1} << 30;
  Progress progress;
};

// Each vertex once.
class TraversalCursor {
 public:
  TraversalCursor(TraversalCursor&&) noexcept;
  TraversalCursor& operator=(TraversalCursor&&) noexcept;
  ~TraversalCursor();

  // False at the end and after an error.
  bool Next();
  absl::Status status() const;
  // False: vertices_max ended it, and there may be more.
  bool complete() const;

  VertexId vertex() const;
  uint32_t depth() const;  // edges from a start
  // From where and by which edge it was reached; none at a start.
  // Requires, as PathHere: keep_paths, or depth-first.
  std::optional<VertexId> parent() const;
  absl::StatusOr<std::optional<EdgeId>> edge() const;
  std::vector<VertexId> PathHere() const;  // from a start to vertex()

 private:
  friend absl::StatusOr<TraversalCursor> Traverse(const GraphReader& graph,
                                                  absl::Span<const VertexId> starts,
                                                  const TraversalOptions& options);
  explicit TraversalCursor(std::unique_ptr<internal::TraversalState> state);
  std::unique_ptr<internal::TraversalState> state_;
};

absl::StatusOr<TraversalCursor> Traverse(const GraphReader& graph,
                                         absl::Span<const VertexId> starts,
                                         const TraversalOptions& options = {});
absl::StatusOr<TraversalCursor> Traverse(const GraphReader& graph, VertexId start,
                                         const TraversalOptions& options = {});

// What a cursor would return, all at once: faster. kResourceExhausted: there are more than
// vertices_max.
absl::StatusOr<std::vector<VertexId>> Reach(const GraphReader& graph,
                                            absl::Span<const VertexId> starts,
                                            const TraversalOptions& options = {});
absl::StatusOr<uint64_t> CountReached(const GraphReader& graph,
                                      absl::Span<const VertexId> starts,
                                      const TraversalOptions& options = {});
// The vertices `hops` edges away from one, and not nearer.
absl::StatusOr<std::vector<VertexId>> KHop(const GraphReader& graph, VertexId start,
                                           uint32_t hops,
                                           const EdgeSelection& edges = {});

// One step of a chain.
struct ChainStep {
  EdgeSelection edges;
  VertexSelection vertices;  // where it leads to
};
// The vertices that are reached by an edge of each step, one step after the other, each
// once: whom the friends of Ann work for is {{KNOWS}, {WORKS_FOR}}. A chain may come back
// to where it was. Starts count once. Of no steps the starts.
absl::StatusOr<std::vector<VertexId>> Chain(const GraphReader& graph,
                                            absl::Span<const VertexId> starts,
                                            absl::Span<const ChainStep> steps,
                                            const TraversalLimits& limits = {});

struct PathOptions {
  EdgeSelection edges;
  VertexSelection vertices;  // between the ends
  uint64_t memory_bytes_max = uint64_t{1} << 30;
  Progress progress;
};

struct GraphRoute {
  std::vector<VertexId> vertices;  // from the first to the last
  std::vector<EdgeId> edges;       // one fewer
  double weight = 0;               // of the edges together
};

inline constexpr uint32_t kAnyDepth = std::numeric_limits<uint32_t>::max();

// A path of fewest edges; none: there is none of at most `depth_max`. Searches from both
// ends, so that one of d edges costs about two searches of d / 2.
absl::StatusOr<std::optional<GraphRoute>> ShortestPath(const GraphReader& graph,
                                                       VertexId from, VertexId to,
                                                       const PathOptions& options = {},
                                                       uint32_t depth_max = kAnyDepth);
absl::StatusOr<bool> HasPath(const GraphReader& graph, VertexId from, VertexId to,
                             const PathOptions& options = {},
                             uint32_t depth_max = kAnyDepth);
// A lightest path, by the weights of edges; none: there is none. kInvalidArgument names an
// edge met that weighs less than 0.
absl::StatusOr<std::optional<GraphRoute>> LightestPath(const GraphReader& graph,
                                                       VertexId from, VertexId to,
                                                       const PathOptions& options = {});
// The same, led by a lower bound of what is left to `to` (A*). It is asked once for each
// vertex met; infinity says that no path leads on. Where it is more than what is left, the
// path may not be the lightest; kInvalidArgument when it is below 0 or not a number.
absl::StatusOr<std::optional<GraphRoute>> AStar(
    const GraphReader& graph, VertexId from, VertexId to,
    absl::FunctionRef<double(VertexId)> lower_bound, const PathOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_GRAPH_TRAVERSAL_H_
