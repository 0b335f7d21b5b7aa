// Shortest paths in a graph: by hops and by weights, from one vertex to all or to one,
// one or several. Distances and depths have one entry a vertex, by its number in the
// projection.
//
// A weight is that of the projection, or 1 an edge where it has none. Of parallel edges
// the lightest counts: a path is its vertices. Where shortest paths are equally long,
// which of them is found is not said, but it is the same one always.
//
// All of them: kInvalidArgument for a vertex that is none, kResourceExhausted when
// AlgorithmOptions::memory_bytes_max does not do, kCancelled, kDeadlineExceeded. One
// thread each. n vertices, m edges.
//
// Functions: any number of threads.
#ifndef SHEAF_SHORTEST_PATHS_H_
#define SHEAF_SHORTEST_PATHS_H_
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

inline constexpr uint32_t kUnreachedDepth = 0xffffffff;
inline constexpr double kUnreachable = std::numeric_limits<double>::infinity();

// By hops.

struct BfsOptions {
  Direction direction = Direction::kOut;
  uint32_t depth_max = kUnreachedDepth - 1;  // what is further away is not reached
};
struct BfsTree {
  std::vector<uint32_t> depths;  // hops from the source; kUnreachedDepth
  // The smallest vertex one hop nearer that has the edge; kNoVertex for the source and
  // what is not reached. Empty in the answer of BfsDepths.
  std::vector<VertexIndex> parents;
};
// Breadth-first search, following edges from a small frontier and looking for it from the
// other side when it is great (Beamer, Asanović, Patterson 2012). The depths are those of
// LDBC Graphalytics. O(n + m); 9 bytes a vertex, parents 4 more.
absl::StatusOr<BfsTree> BfsDepths(const GraphProjection& graph, VertexIndex source,
                                  const BfsOptions& bfs = {},
                                  const AlgorithmOptions& options = {});
absl::StatusOr<BfsTree> BfsWithParents(const GraphProjection& graph, VertexIndex source,
                                       const BfsOptions& bfs = {},
                                       const AlgorithmOptions& options = {});

struct GraphPath {
  std::vector<VertexIndex> vertices;  // from the first to the last
  double weight = 0;                  // of its edges together; by hops, how many they are
  friend bool operator==(const GraphPath&, const GraphPath&) = default;
};

// A path of fewest edges, or none within depth_max. Searches from both ends, always from
// the smaller frontier, so that a path of d hops costs about two searches of d / 2
// (Pohl 1971). 16 bytes a vertex.
absl::StatusOr<std::optional<GraphPath>> FewestHops(const GraphProjection& graph,
                                                    VertexIndex from, VertexIndex to,
                                                    const BfsOptions& bfs = {},
                                                    const AlgorithmOptions& options = {});
// Whether there is one.
absl::StatusOr<bool> CanReach(const GraphProjection& graph, VertexIndex from,
                              VertexIndex to, const BfsOptions& bfs = {},
                              const AlgorithmOptions& options = {});

// By weights.

struct PathTree {
  std::vector<double> distances;     // from the source; kUnreachable
  std::vector<VertexIndex> parents;  // kNoVertex for the source and what is not reached
};
// The path to `to` by parents of a tree; empty: it was not reached. O(its length).
std::vector<VertexIndex> PathTo(const std::vector<VertexIndex>& parents,
                                VertexIndex source, VertexIndex to);

// Dijkstra 1959, on a 4-ary heap. kInvalidArgument names an edge met that weighs less
// than 0. O((n + m) log n); 36 bytes a vertex.
absl::StatusOr<PathTree> Dijkstra(const GraphProjection& graph, VertexIndex source,
                                  Direction direction = Direction::kOut,
                                  const AlgorithmOptions& options = {});

// With weights below 0 (Bellman 1958, Ford 1956; by a queue, Moore 1959). A circle that
// can be reached and weighs less than 0 is kFailedPrecondition, and its vertices are in
// the message; so an edge below 0 that goes both ways is one. It is looked for as the
// search goes on (Cherkassky, Goldberg 1999). O(n m), mostly far less; 25 bytes a vertex.
absl::StatusOr<PathTree> BellmanFord(const GraphProjection& graph, VertexIndex source,
                                     Direction direction = Direction::kOut,
                                     const AlgorithmOptions& options = {});

// A lightest path, or none. Dijkstra's search as far as `to`; as Dijkstra.
absl::StatusOr<std::optional<GraphPath>> LightestPath(
    const GraphProjection& graph, VertexIndex from, VertexIndex to,
    Direction direction = Direction::kOut, const AlgorithmOptions& options = {});

// The same with a lower bound of what is left to `to`, which leads the search there
// (Hart, Nilsson, Raphael 1968). It is asked once for each vertex met; kUnreachable says
// that no path leads on. Where it is more than what is left, the path may not be the
// lightest; kInvalidArgument when it is below 0 or not a number. When it drops along an
// edge by more than the edge weighs, vertices are searched again, at worst exponentially
// often. 44 bytes a vertex.
absl::StatusOr<std::optional<GraphPath>> AStar(
    const GraphProjection& graph, VertexIndex from, VertexIndex to,
    absl::FunctionRef<double(VertexIndex)> lower_bound,
    Direction direction = Direction::kOut, const AlgorithmOptions& options = {});

// Several.

struct ManyPathsOptions {
  Direction direction = Direction::kOut;
  bool weighted = false;  // else each edge is 1 long
  size_t paths_max = 100;
  double weight_max = kUnreachable;  // longer ones are not looked for
};
struct ManyPaths {
  std::vector<GraphPath> paths;
  bool complete = true;  // false: paths_max were found and there are more
};
// All shortest paths between two vertices, as far as paths_max, in the order of their
// vertices. From a vertex to itself: the one without edges. Weights must be above 0. One
// search, then the lengths of the paths.
absl::StatusOr<ManyPaths> AllShortestPaths(const GraphProjection& graph, VertexIndex from,
                                           VertexIndex to,
                                           const ManyPathsOptions& many = {},
                                           const AlgorithmOptions& options = {});

// The paths_max shortest paths that meet no vertex twice, the shortest first, of equally
// long ones by their vertices as far as both are known (Yen 1971, with Lawler's 1972 way
// of not finding one twice; the searches are led by the distances to `to`). Weights must
// not be below 0. O(k n (m + n log n)), mostly far less; 48 bytes a vertex, and the
// paths.
absl::StatusOr<ManyPaths> ShortestLooplessPaths(const GraphProjection& graph,
                                                VertexIndex from, VertexIndex to,
                                                const ManyPathsOptions& many = {},
                                                const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_SHORTEST_PATHS_H_
