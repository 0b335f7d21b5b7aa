#include "graph/selection.h"

#include "absl/strings/str_cat.h"

namespace sheaf::graph {

absl::StatusOr<bool> TakesVertex(const GraphReader& graph, const StepSelection& selection,
                                 VertexId vertex) {
  {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           graph.Find(vertex, &found));
    if (!view.has_value() || !selection.TakesLabelsOf(*view)) return false;
  }
  return selection.vertex_test == nullptr ? absl::StatusOr<bool>(true)
                                          : selection.vertex_test(vertex);
}

absl::Status NoVertex(VertexId vertex) {
  return absl::NotFoundError(absl::StrCat("no vertex ", vertex));
}

absl::Status CheckVertices(const GraphReader& graph,
                           absl::Span<const VertexId> vertices) {
  std::vector<bool> is_there(vertices.size());
  SHEAF_RETURN_IF_ERROR(graph.VisitRecords(
      vertices, [&](size_t i, std::string_view) { is_there[i] = true; }));
  const auto missing = std::find(is_there.begin(), is_there.end(), false);
  if (missing == is_there.end()) return absl::OkStatus();
  return NoVertex(vertices[static_cast<size_t>(missing - is_there.begin())]);
}

}  // namespace sheaf::graph
