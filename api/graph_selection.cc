#include "api/internal/graph_selection.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "document/filter.h"
#include "pager/status_macros.h"

namespace sheaf::internal {

using document::NameTable;

namespace {

// Documents of vertices or edges, asked one at a time.
class PropertiesTest {
 public:
  PropertiesTest(GraphStateRef graph, GraphState::Part part, document::Filter filter)
      : graph_(std::move(graph)), part_(part), filter_(std::move(filter)) {
    document::Writer writer(&no_names_);
    writer.BeginObject(), writer.End();
    empty_ = *writer.Finish();
  }

  bool TakesNone(const document::View* key) const {
    return filter_.Matches(document::RootOf(empty_, no_names_), key);
  }

  // False in `*there`: there is no document.
  absl::StatusOr<bool> Takes(const DocumentKey& key, const document::View* key_view,
                             bool* there) {
    if (!documents_.has_value()) {
      SHEAF_ASSIGN_OR_RETURN(documents_, graph_->Documents(part_));
    }
    bool takes = false;
    SHEAF_ASSIGN_OR_RETURN(*there,
                           documents_->Visit(key, [&](const DocumentView& document) {
                             takes = filter_.Matches(document, key_view);
                           }));
    return takes;
  }

  absl::StatusOr<bool> TakesEdge(const graph::EdgeKey& edge, bool has_properties) {
    if (!has_properties) return TakesNone(nullptr);
    bool there = false;
    SHEAF_ASSIGN_OR_RETURN(
        const bool takes,
        Takes(DocumentKey::Bytes(graph::EncodeEdgeKey(edge)), nullptr, &there));
    if (there) return takes;
    return absl::DataLossError(absl::StrCat(graph_->tree->name,
                                            ": the properties of an edge from ",
                                            edge.from, " to ", edge.to, " are missing"));
  }

  absl::StatusOr<bool> TakesVertex(VertexId vertex) {
    const auto id = static_cast<int64_t>(vertex);
    document::View key;
    if (filter_.UsesKey()) {
      document::Writer writer(&no_names_);
      writer.Int(id);
      key_ = *writer.Finish();
      key = document::RootOf(key_, no_names_);
    }
    const document::View* const key_view = filter_.UsesKey() ? &key : nullptr;
    bool there = false;
    SHEAF_ASSIGN_OR_RETURN(const bool takes, Takes(DocumentKey(id), key_view, &there));
    return there ? takes : TakesNone(key_view);
  }

 private:
  const GraphStateRef graph_;
  const GraphState::Part part_;
  const document::Filter filter_;
  NameTable no_names_;
  std::string empty_, key_;
  std::optional<CollectionReader> documents_;
};

absl::StatusOr<std::shared_ptr<PropertiesTest>> MakeTest(const GraphStateRef& graph,
                                                         GraphState::Part part,
                                                         const std::string& filter) {
  SHEAF_ASSIGN_OR_RETURN(document::Filter parsed, document::Filter::Parse(filter));
  return std::make_shared<PropertiesTest>(graph, part, std::move(parsed));
}

}  // namespace

absl::StatusOr<graph::EdgeTest> EdgePropertiesTest(const GraphStateRef& graph,
                                                   const std::string& filter) {
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<PropertiesTest> test,
                         MakeTest(graph, GraphState::kEdges, filter));
  return graph::EdgeTest(
      [test = std::move(test)](const graph::EdgeKey& edge, bool has_properties) {
        return test->TakesEdge(edge, has_properties);
      });
}

absl::StatusOr<graph::VertexTest> VertexPropertiesTest(const GraphStateRef& graph,
                                                       const std::string& filter) {
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<PropertiesTest> test,
                         MakeTest(graph, GraphState::kVertices, filter));
  return graph::VertexTest(
      [test = std::move(test)](VertexId vertex) { return test->TakesVertex(vertex); });
}

absl::StatusOr<std::vector<graph::NameId>> NumbersOf(
    const GraphState& graph, const std::vector<std::string>& names) {
  std::vector<graph::NameId> numbers;
  if (names.empty()) return numbers;
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<const document::Schema> known,
                         graph.Names());
  for (const std::string& name : names)
    if (const std::optional<uint32_t> id = known->names().Find(name))
      numbers.push_back(*id);
  return numbers;
}

absl::StatusOr<graph::StepSelection> SelectEdges(const GraphStateRef& graph,
                                                 const EdgeSelection& selection) {
  graph::StepSelection selected;
  selected.direction = selection.direction;
  selected.any_type = selection.types.empty();
  SHEAF_ASSIGN_OR_RETURN(selected.types, NumbersOf(*graph, selection.types));
  if (!selection.filter.empty()) {
    SHEAF_ASSIGN_OR_RETURN(selected.edge_test,
                           EdgePropertiesTest(graph, selection.filter));
  }
  return selected;
}

absl::StatusOr<EdgeId> EdgeIdOf(const GraphState& graph, const graph::EdgeKey& edge) {
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<const document::Schema> known,
                         graph.Names());
  SHEAF_ASSIGN_OR_RETURN(const std::string_view type,
                         graph.NameOf(known->names(), edge.type));
  return EdgeId{edge.from, std::string(type), edge.to, edge.ordinal};
}

absl::Status CheckGoesOn(const GraphState& graph, uint64_t generation) {
  SHEAF_RETURN_IF_ERROR(graph.Live());
  if (generation == graph.Generation()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      graph.tree->name, ": the transaction went back to a savepoint; begin anew"));
}

}  // namespace sheaf::internal
