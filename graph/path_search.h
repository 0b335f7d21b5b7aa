// Shortest paths between two vertices, over the pages of a graph: for a few pairs in a
// graph of any size. (For many, and for several paths, of a projection:
// graph/shortest_paths.h.)
//
// The selection's labels and properties are asked of the vertices between the two ends.
// Of parallel edges the first that is selected, or the lightest, is taken.
//
// Functions: any number of threads, each with its own reader.
#ifndef GRAPH_PATH_SEARCH_H_
#define GRAPH_PATH_SEARCH_H_
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph_reader.h"
#include "graph/selection.h"
#include "graph/work_meter.h"

namespace sheaf::graph {

struct FoundPath {
  std::vector<VertexId> vertices;
  std::vector<EdgeKey> edges;  // one fewer
  double weight = 0;           // of the edges together
};

// A path of fewest edges: both ends search, always the one with the smaller frontier
// (Pohl 1971). None: there is none of at most `depth_max` edges. kNotFound: an end.
// About 30 bytes a vertex met.
absl::StatusOr<std::optional<FoundPath>> FewestEdges(const GraphReader& graph,
                                                     VertexId from, VertexId to,
                                                     const StepSelection& selection,
                                                     uint32_t depth_max,
                                                     const AlgorithmOptions& options);

struct LeastWeightSearch {
  // Of the weight from a vertex to the end, at most what it is; infinity: no path leads
  // there. Null: 0.
  std::function<double(VertexId)> lower_bound;
  std::function<std::string(const EdgeKey&)> describe;  // for messages
};
// A lightest path (Dijkstra 1959; Hart, Nilsson, Raphael 1968). kInvalidArgument names an
// edge met that weighs less than 0, or says that the lower bound is below 0 or no number.
// About 120 bytes a vertex met.
absl::StatusOr<std::optional<FoundPath>> LeastWeight(const GraphReader& graph,
                                                     VertexId from, VertexId to,
                                                     const StepSelection& selection,
                                                     const LeastWeightSearch& search,
                                                     const AlgorithmOptions& options);

}  // namespace sheaf::graph
#endif  // GRAPH_PATH_SEARCH_H_
