#include "sheaf/graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/graph_selection.h"
#include "api/internal/graph_state.h"
#include "document/collection_codec.h"
#include "document/json_codec.h"
#include "graph/project.h"
#include "pager/coding.h"
#include "pager/status_macros.h"
#include "sheaf/where.h"

namespace sheaf {

using document::NameTable;
using graph::ListKey;
using graph::NameId;
using graph::StepSelection;
using graph::VertexView;
using internal::CheckHandle, internal::GraphState;
using SchemaRef = std::shared_ptr<const document::Schema>;

namespace {

absl::Status NoVertex(const GraphState& state, VertexId vertex) {
  return absl::NotFoundError(absl::StrCat(state.tree->name, ": no vertex ", vertex));
}

std::string Describe(const EdgeId& edge) {
  return absl::StrCat("edge ", edge.from, " -", edge.type, "-> ", edge.to, " (",
                      edge.ordinal, ")");
}

// Without the field that is the graph's.
absl::StatusOr<std::string> PropertiesToJson(const DocumentView& document,
                                             std::string_view own) {
  std::string json;
  if (!document.Field(own).has_value()) {
    SHEAF_RETURN_IF_ERROR(document::AppendJson(document, &json));
    return json;
  }
  document::ObjectCursor last = document.fields();
  for (document::ObjectCursor next = last; next.Valid(); next.Next()) last = next;
  if (last.Valid() && last.name() == own) {
    // As it is written: behind all others.
    SHEAF_RETURN_IF_ERROR(document::AppendJson(last.value(), &json));
    const size_t own_bytes = json.size() + own.size() + 3;  // with quotes and colon
    json.clear();
    SHEAF_RETURN_IF_ERROR(document::AppendJson(document, &json));
    json.resize(json.size() - own_bytes - 1);
    if (json.back() == ',') json.pop_back();
    json.push_back('}');
    return json;
  }
  NameTable names;
  document::Writer writer(&names);
  writer.BeginObject();
  for (document::ObjectCursor c = document.fields(); c.Valid(); c.Next()) {
    if (c.name() == own) continue;
    writer.CopyName(c);
    writer.Copy(c.value());
  }
  writer.End();
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes, writer.Finish());
  SHEAF_RETURN_IF_ERROR(document::AppendJson(document::RootOf(bytes, names), &json));
  return json;
}

absl::StatusOr<std::string> ReadProperties(const GraphState& state, GraphState::Part part,
                                           const DocumentKey& key) {
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader documents, state.Documents(part));
  absl::StatusOr<std::string> json = std::string("{}");
  SHEAF_RETURN_IF_ERROR(documents
                            .Visit(key,
                                   [&](const DocumentView& document) {
                                     json = PropertiesToJson(document,
                                                             GraphState::OwnField(part));
                                   })
                            .status());
  return json;
}

}  // namespace

GraphReader::GraphReader(std::shared_ptr<GraphState> state) : state_(std::move(state)) {}

const std::string& GraphReader::name() const {
  static const std::string kNone;
  return state_ == nullptr ? kNone : state_->tree->name;
}

// --- Counts -------------------------------------------------------------------

absl::StatusOr<uint64_t> GraphReader::vertex_count() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->reader.vertex_count();
}

absl::StatusOr<uint64_t> GraphReader::vertex_count_with_expired() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->tree->root().entries;
}

absl::StatusOr<absl::Time> GraphReader::ExpiresAt(VertexId vertex) const {
  SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(vertex));
  if (!there) return NoVertex(*state_, vertex);
  SHEAF_ASSIGN_OR_RETURN(const auto at,
                         state_->ExpiresAt(GraphState::kVertices,
                                           DocumentKey(static_cast<int64_t>(vertex))));
  return at.value_or(absl::InfiniteFuture());
}

absl::StatusOr<absl::Time> GraphReader::EdgeExpiresAt(const EdgeId& edge) const {
  SHEAF_RETURN_IF_ERROR(GetEdge(edge).status());
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  const uint32_t type = *names->names().Find(edge.type);
  SHEAF_ASSIGN_OR_RETURN(
      const auto at, state_->ExpiresAt(GraphState::kEdges,
                                       DocumentKey::Bytes(graph::EncodeEdgeKey(
                                           {edge.from, type, edge.to, edge.ordinal}))));
  return at.value_or(absl::InfiniteFuture());
}

absl::StatusOr<Expiry> GraphReader::DefaultExpiry() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->DefaultExpiry(GraphState::kVertices);
}
absl::StatusOr<Expiry> GraphReader::DefaultEdgeExpiry() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->DefaultExpiry(GraphState::kEdges);
}

absl::StatusOr<std::vector<NameCount>> GraphReader::EdgeTypes() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  std::vector<NameCount> types;
  for (uint32_t id = 0; id < names->names().size(); ++id) {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t count, state_->reader.EdgeCount(id));
    if (count > 0) types.push_back({std::string(names->names().NameOf(id)), count});
  }
  std::sort(types.begin(), types.end(),
            [](const NameCount& a, const NameCount& b) { return a.name < b.name; });
  return types;
}

absl::StatusOr<uint64_t> GraphReader::edge_count() const {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<NameCount> types, EdgeTypes());
  uint64_t count = 0;
  for (const NameCount& type : types) count += type.count;
  return count;
}

absl::StatusOr<std::vector<NameCount>> GraphReader::Labels() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader documents,
                         state_->Documents(GraphState::kVertices));
  std::vector<NameCount> labels;
  for (uint32_t id = 0; id < names->names().size(); ++id) {
    const std::string name(names->names().NameOf(id));
    SHEAF_ASSIGN_OR_RETURN(const uint64_t count,
                           documents.Count(Where(kLabelsField) == name));
    if (count > 0) labels.push_back({name, count});
  }
  std::sort(labels.begin(), labels.end(),
            [](const NameCount& a, const NameCount& b) { return a.name < b.name; });
  return labels;
}

// --- Vertices and edges -------------------------------------------------------

absl::StatusOr<bool> GraphReader::Contains(VertexId vertex) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                         state_->reader.Find(vertex, &found));
  return view.has_value();
}

absl::StatusOr<std::optional<Vertex>> GraphReader::Find(VertexId id) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  Vertex vertex{.id = id, .labels = {}, .properties = {}};
  {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           state_->reader.Find(id, &found));
    if (!view.has_value()) return std::optional<Vertex>();
    SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
    for (const NameId label : view->labels()) {
      SHEAF_ASSIGN_OR_RETURN(const std::string_view name,
                             state_->NameOf(names->names(), label));
      vertex.labels.emplace_back(name);
    }
  }
  SHEAF_ASSIGN_OR_RETURN(vertex.properties,
                         ReadProperties(*state_, GraphState::kVertices,
                                        DocumentKey(static_cast<int64_t>(id))));
  return std::optional<Vertex>(std::move(vertex));
}

absl::StatusOr<Vertex> GraphReader::Get(VertexId id) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<Vertex> vertex, Find(id));
  if (vertex.has_value()) return *std::move(vertex);
  return NoVertex(*state_, id);
}

absl::StatusOr<std::optional<Edge>> GraphReader::FindEdge(const EdgeId& id) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  const std::optional<uint32_t> type = names->names().Find(id.type);
  if (!type.has_value()) return std::optional<Edge>();
  std::optional<graph::AdjacentEdge> there;
  {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           state_->reader.Find(id.from, &found));
    if (!view.has_value()) return std::optional<Edge>();
    SHEAF_ASSIGN_OR_RETURN(
        there, state_->reader.FindEdge(*view, {*type, false}, id.to, id.ordinal));
  }
  if (!there.has_value()) return std::optional<Edge>();
  Edge edge{.id = id, .weight = there->weight, .properties = "{}"};
  if (there->has_properties) {
    SHEAF_ASSIGN_OR_RETURN(edge.properties,
                           ReadProperties(*state_, GraphState::kEdges,
                                          DocumentKey::Bytes(graph::EncodeEdgeKey(
                                              {id.from, *type, id.to, id.ordinal}))));
  }
  return std::optional<Edge>(std::move(edge));
}

absl::StatusOr<Edge> GraphReader::GetEdge(const EdgeId& id) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<Edge> edge, FindEdge(id));
  if (edge.has_value()) return *std::move(edge);
  return absl::NotFoundError(absl::StrCat(name(), ": no ", Describe(id)));
}

absl::Status GraphReader::ForEachVertex(VertexId from,
                                        absl::FunctionRef<bool(VertexId)> fn) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  // Some at a time, so that `fn` may change the graph.
  constexpr size_t kIdsAtOnce = 256;
  std::vector<VertexId> ids;
  do {
    ids.clear();
    btree::DenseCursor cursor(state_->reader.graph().context(),
                              &state_->reader.graph().root());
    for (bool valid = cursor.Seek(from); valid && ids.size() < kIdsAtOnce;
         valid = cursor.Next())
      ids.push_back(cursor.key());
    SHEAF_RETURN_IF_ERROR(cursor.status());
    const size_t seen = ids.size();
    const VertexId last = ids.empty() ? 0 : ids.back();
    std::erase_if(ids, [&](VertexId id) { return state_->reader.IsGone(id); });
    for (const VertexId id : ids)
      if (!fn(id)) return absl::OkStatus();
    if (seen < kIdsAtOnce) break;
    from = last + 1;
    SHEAF_RETURN_IF_ERROR(state_->Live());
  } while (true);
  return absl::OkStatus();
}

namespace {

// Calls `fn(list, edge)` for what is selected.
absl::Status VisitSelected(
    const GraphState& state, VertexId vertex, const StepSelection& selected,
    absl::FunctionRef<bool(const ListKey&, const graph::AdjacentEdge&)> fn) {
  const auto matches = [&](const ListKey& list, const graph::AdjacentEdge& edge) {
    return selected.edge_test == nullptr
               ? absl::StatusOr<bool>(true)
               : selected.edge_test(graph::EdgeOf(vertex, list, edge),
                                    edge.has_properties);
  };
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                         state.reader.Find(vertex, &found));
  if (!view.has_value()) return NoVertex(state, vertex);
  std::vector<graph::AdjacentEdge> edges;
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(
      state.reader.VisitEdges(*view, selected.direction, std::nullopt,
                              [&](const ListKey& list, const graph::AdjacencyView& some) {
                                if (!selected.Takes(list)) return true;
                                some.DecodeEdges(&edges);
                                for (const graph::AdjacentEdge& edge : edges) {
                                  const absl::StatusOr<bool> taken = matches(list, edge);
                                  status = taken.status();
                                  if (!taken.ok() || (*taken && !fn(list, edge)))
                                    return false;
                                }
                                return true;
                              }));
  return status;
}

}  // namespace

absl::Status GraphReader::ForEachEdge(VertexId vertex, const EdgeSelection& selection,
                                      absl::FunctionRef<bool(const EdgeView&)> fn) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  SHEAF_ASSIGN_OR_RETURN(const StepSelection selected,
                         internal::SelectEdges(state_, selection));
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(VisitSelected(
      *state_, vertex, selected, [&](const ListKey& list, const auto& edge) {
        const auto type = state_->NameOf(names->names(), list.type);
        status = type.status();
        return type.ok() && fn({vertex, edge.neighbour, !list.in, *type, edge.weight,
                                edge.ordinal, edge.has_properties});
      }));
  return status;
}

absl::StatusOr<std::vector<VertexId>> GraphReader::Neighbors(
    VertexId vertex, const EdgeSelection& selection) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const StepSelection selected,
                         internal::SelectEdges(state_, selection));
  std::vector<VertexId> neighbors;
  if (selected.edge_test != nullptr) {
    SHEAF_RETURN_IF_ERROR(
        VisitSelected(*state_, vertex, selected, [&](const ListKey&, const auto& edge) {
          neighbors.push_back(edge.neighbour);
          return true;
        }));
    return neighbors;
  }
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                         state_->reader.Find(vertex, &found));
  if (!view.has_value()) return NoVertex(*state_, vertex);
  SHEAF_RETURN_IF_ERROR(state_->reader.VisitEdges(
      *view, selected.direction, std::nullopt,
      [&](const ListKey& list, const graph::AdjacencyView& some) {
        if (!selected.Takes(list)) return true;
        const size_t before = neighbors.size();
        neighbors.resize(before + some.count() + graph::kDecodeRoom);
        some.Decode(neighbors.data() + before);
        neighbors.resize(before + some.count());
        return true;
      }));
  return neighbors;
}

absl::Status GraphReader::ForEachNeighbors(absl::Span<const VertexId> vertices,
                                           NeighborsFn fn,
                                           const EdgeSelection& selection) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const StepSelection selected,
                         internal::SelectEdges(state_, selection));
  std::vector<VertexId> neighbors;
  if (selected.edge_test != nullptr) {
    for (size_t i = 0; i < vertices.size(); ++i) {
      neighbors.clear();
      const absl::Status visited = VisitSelected(*state_, vertices[i], selected,
                                                 [&](const ListKey&, const auto& edge) {
                                                   neighbors.push_back(edge.neighbour);
                                                   return true;
                                                 });
      if (!visited.ok() && !absl::IsNotFound(visited)) return visited;
      if (!neighbors.empty() && !fn(i, neighbors)) break;
    }
    return absl::OkStatus();
  }
  bool goes_on = true;
  graph::DecodeBuffer decoded;
  std::vector<graph::LargeList> large;
  const absl::Status visited = graph::VisitPieces(
      state_->reader, selected, vertices, &large,
      [&](size_t i, const ListKey&, const graph::AdjacencyView& some) -> absl::Status {
        goes_on = fn(i, decoded.Decode(some));
        return goes_on ? absl::OkStatus() : absl::CancelledError();
      });
  return goes_on ? visited : absl::OkStatus();
}

absl::StatusOr<uint64_t> GraphReader::Degree(VertexId vertex,
                                             const EdgeSelection& selection) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const StepSelection selected,
                         internal::SelectEdges(state_, selection));
  uint64_t degree = 0;
  if (selected.edge_test != nullptr) {
    SHEAF_RETURN_IF_ERROR(
        VisitSelected(*state_, vertex, selected,
                      [&](const ListKey&, const auto&) { return ++degree > 0; }));
    return degree;
  }
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                         state_->reader.Find(vertex, &found));
  if (!view.has_value()) return NoVertex(*state_, vertex);
  view->ForEachList([&](const VertexView::List& list) {
    if (selected.Takes(list.key)) degree += list.count();
  });
  return degree;
}

// --- Properties as collections ------------------------------------------------

absl::StatusOr<CollectionReader> GraphReader::vertices() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->Documents(GraphState::kVertices);
}

absl::StatusOr<CollectionReader> GraphReader::edges() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->Documents(GraphState::kEdges);
}

absl::StatusOr<DocumentKey> GraphReader::EdgeKey(const EdgeId& edge) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  const std::optional<uint32_t> type = names->names().Find(edge.type);
  if (!type.has_value())
    return absl::InvalidArgumentError(
        absl::StrCat(name(), ": no edges of type ", edge.type));
  return DocumentKey::Bytes(
      graph::EncodeEdgeKey({edge.from, *type, edge.to, edge.ordinal}));
}

absl::StatusOr<EdgeId> GraphReader::EdgeOf(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  std::optional<graph::EdgeKey> edge;
  if (key.is_bytes()) edge = graph::DecodeEdgeKey(key.bytes());
  if (!edge.has_value())
    return absl::InvalidArgumentError(
        absl::StrCat(name(), ": ", key.ToString(), " is no key of an edge"));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  SHEAF_ASSIGN_OR_RETURN(const std::string_view type,
                         state_->NameOf(names->names(), edge->type));
  return EdgeId{edge->from, std::string(type), edge->to, edge->ordinal};
}

// --- All of it ----------------------------------------------------------------

absl::StatusOr<GraphProjection> GraphReader::Project(
    const ProjectionSelection& selection, const AlgorithmOptions& options) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  graph::ProjectionOptions project{.labels = {},
                                   .types = {},
                                   .edges = selection.edges,
                                   .weighted = selection.weighted,
                                   .run = options};
  constexpr NameId kNoName = 0xffffffff;  // which no vertex and no edge has
  for (const std::string& label : selection.labels)
    project.labels.push_back(names->names().Find(label).value_or(kNoName));
  for (const std::string& type : selection.types)
    project.types.push_back(names->names().Find(type).value_or(kNoName));
  absl::StatusOr<GraphProjection> made = graph::Project(state_->reader, project);
  if (!made.ok()) return internal::At(name(), made.status());
  return made;
}

}  // namespace sheaf
