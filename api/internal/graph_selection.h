// What the selections of edges and vertices of an application mean in a graph. Not
// installed for use.
#ifndef API_INTERNAL_GRAPH_SELECTION_H_
#define API_INTERNAL_GRAPH_SELECTION_H_
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/internal/graph_state.h"
#include "graph/selection.h"
#include "sheaf/graph.h"

namespace sheaf::internal {

using GraphStateRef = std::shared_ptr<GraphState>;

// Whether the properties match: of an edge, of a vertex, whose "_id" is its number. Those
// of one without any are {}. kInvalidArgument: the filter. Both keep the graph.
absl::StatusOr<graph::EdgeTest> EdgePropertiesTest(const GraphStateRef& graph,
                                                   const std::string& filter);
absl::StatusOr<graph::VertexTest> VertexPropertiesTest(const GraphStateRef& graph,
                                                       const std::string& filter);

// Types and labels that the graph does not know have none. kInvalidArgument: the filter.
absl::StatusOr<graph::StepSelection> SelectEdges(const GraphStateRef& graph,
                                                 const EdgeSelection& selection);
absl::StatusOr<std::vector<graph::NameId>> NumbersOf(
    const GraphState& graph, const std::vector<std::string>& names);

absl::StatusOr<EdgeId> EdgeIdOf(const GraphState& graph, const graph::EdgeKey& edge);

// Whether a cursor may go on that was made when the graph was of this generation.
absl::Status CheckGoesOn(const GraphState& graph, uint64_t generation);

}  // namespace sheaf::internal
#endif  // API_INTERNAL_GRAPH_SELECTION_H_
