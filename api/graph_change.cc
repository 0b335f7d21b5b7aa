// What of Graph changes it. Properties are written first where they can be refused: what
// follows then is not.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/internal/graph_documents.h"
#include "api/internal/graph_state.h"
#include "catalog/tick.h"
#include "document/update.h"
#include "pager/status_macros.h"

namespace sheaf {

using document::NameTable;
using graph::NameId;
using graph::VertexView;
using internal::CheckHandle, internal::GraphState;
using SchemaRef = std::shared_ptr<const document::Schema>;

namespace {

constexpr uint64_t kVerticesATick = 1024;

absl::Status At(const GraphState& state, const absl::Status& status) {
  return status.ok() ? status : internal::At(state.tree->name, status);
}

DocumentKey KeyOf(VertexId vertex) { return DocumentKey(static_cast<int64_t>(vertex)); }
DocumentKey KeyOf(const graph::EdgeKey& edge) {
  return DocumentKey::Bytes(graph::EncodeEdgeKey(edge));
}

absl::StatusOr<Document> ParseProperties(std::string_view json, GraphState::Part part) {
  SHEAF_ASSIGN_OR_RETURN(Document properties, Document::FromJson(json));
  SHEAF_RETURN_IF_ERROR(internal::CheckProperties(properties.root(), part));
  return properties;
}

// What is stored for `properties`. None: there is nothing to be stored.
absl::StatusOr<std::optional<Document>> WithLabels(
    const DocumentView& properties, absl::Span<const std::string_view> labels) {
  DocumentBuilder builder;
  const bool is_stored =
      internal::WriteWithLabels(properties, labels, builder.operator->());
  SHEAF_ASSIGN_OR_RETURN(Document built, builder.Build());
  return is_stored ? std::optional(std::move(built)) : std::nullopt;
}

absl::StatusOr<std::optional<Document>> WithType(const DocumentView& properties,
                                                 std::string_view type) {
  DocumentBuilder builder;
  const bool is_stored = internal::WriteWithType(properties, type, builder.operator->());
  SHEAF_ASSIGN_OR_RETURN(Document built, builder.Build());
  return is_stored ? std::optional(std::move(built)) : std::nullopt;
}

absl::Status Forget(const GraphState& state, GraphState::Part part,
                    const DocumentKey& key) {
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state.Documents(part));
  return documents.Delete(key).status();
}

// What a vertex has that has nothing, and expires.
Document Nothing() { return *Document::FromJson("{}"); }
absl::StatusOr<Document> NothingOfType(std::string_view type) {
  DocumentBuilder builder;
  (void)internal::WriteWithType(Nothing().root(), type, builder.operator->());
  return builder.Build();
}

enum class Of { kStored, kNew };

// Of the document that is there, or {}, by an update that leaves the graph's field alone.
// `of`: is it of a vertex that is about to be added?
absl::StatusOr<Document> Updated(const GraphState& state, GraphState::Part part,
                                 const DocumentKey& key, std::string_view update,
                                 Of of = Of::kStored) {
  SHEAF_ASSIGN_OR_RETURN(
      const document::Update parsed,
      document::Update::Parse(update,
                              state.tree->txn->rep->store->options().merge_functions));
  SHEAF_ASSIGN_OR_RETURN(const Collection documents, state.Documents(part));
  SHEAF_ASSIGN_OR_RETURN(std::optional<Document> old, documents.FindDocument(key));
  if (!old.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(old, Document::FromJson("{}"));
  }
  auto names = std::make_shared<NameTable>();
  const int64_t now = absl::ToUnixMicros(absl::Now());
  SHEAF_ASSIGN_OR_RETURN(std::string bytes,
                         of == Of::kNew ? parsed.ApplyToNew(old->root(), names.get(), now)
                                        : parsed.Apply(old->root(), names.get(), now));
  Document updated(std::move(bytes), std::move(names));
  const std::string own(GraphState::OwnField(part));
  const std::optional<DocumentView> before = old->root().Field(own);
  const std::optional<DocumentView> after = updated.root().Field(own);
  bool is_same = before.has_value() == after.has_value();
  if (is_same && before.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(const std::string was, ToJson(*before));
    SHEAF_ASSIGN_OR_RETURN(const std::string is, ToJson(*after));
    is_same = was == is;
  }
  if (is_same) return updated;
  return absl::InvalidArgumentError(
      absl::StrCat("the field ", own, " is the graph's own; the update changes it"));
}

absl::StatusOr<std::vector<NameId>> NumbersOf(const GraphState& state,
                                              absl::Span<const std::string_view> names) {
  std::vector<NameId> numbers;
  for (const std::string_view name : names) {
    SHEAF_ASSIGN_OR_RETURN(const NameId number, state.writer->NameOf(name));
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end())
      numbers.push_back(number);
  }
  if (numbers.size() > graph::kLabelsMax)
    return absl::InvalidArgumentError(absl::StrCat(
        numbers.size(), " labels of one vertex; ", graph::kLabelsMax, " are allowed"));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// What a vertex has by its record: labels, in their order there. kNotFound.
absl::StatusOr<std::vector<NameId>> LabelsOf(const GraphState& state, VertexId vertex) {
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                         state.writer->reader().Find(vertex, &found));
  if (!view.has_value()) return absl::NotFoundError(absl::StrCat("no vertex ", vertex));
  const auto labels = view->labels();
  return std::vector<NameId>(labels.begin(), labels.end());
}

absl::StatusOr<std::vector<std::string_view>> NamesOf(const GraphState& state,
                                                      const NameTable& table,
                                                      absl::Span<const NameId> numbers) {
  std::vector<std::string_view> names;
  for (const NameId number : numbers) {
    SHEAF_ASSIGN_OR_RETURN(names.emplace_back(), state.NameOf(table, number));
  }
  return names;
}

// What is stored of a vertex that has these labels. None: nothing.
absl::StatusOr<std::optional<Document>> DocumentOf(const GraphState& state,
                                                   const DocumentView& properties,
                                                   absl::Span<const NameId> labels) {
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state.Names());
  SHEAF_ASSIGN_OR_RETURN(const std::vector<std::string_view> label_names,
                         NamesOf(state, names->names(), labels));
  return WithLabels(properties, label_names);
}

// Properties of a vertex that is there.
absl::Status StoreProperties(const GraphState& state, VertexId vertex,
                             const DocumentView& properties,
                             absl::Span<const NameId> labels) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Document> document,
                         DocumentOf(state, properties, labels));
  return state.Store(GraphState::kVertices, KeyOf(vertex), document, Nothing());
}

absl::Status CheckWeight(double weight) {
  if (std::isfinite(weight)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the weight ", weight, " is not a finite number"));
}

}  // namespace

// --- Vertices -----------------------------------------------------------------

absl::StatusOr<VertexId> Graph::AddVertex(absl::Span<const std::string_view> labels,
                                          std::string_view properties) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const VertexId vertex = state_->tree->open->record().counter;
  SHEAF_RETURN_IF_ERROR(AddVertexAs(vertex, labels, properties));
  return vertex;
}

absl::Status Graph::AddVertexAs(VertexId id, absl::Span<const std::string_view> labels,
                                std::string_view properties) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  if (id >= kVertexIdEnd)
    return absl::InvalidArgumentError(
        absl::StrCat(name(), ": the vertex id ", id, " is not below 2^53"));
  const auto add = [&]() -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(id));
    if (there)
      return absl::AlreadyExistsError(absl::StrCat("vertex ", id, " exists already"));
    SHEAF_ASSIGN_OR_RETURN(const bool expires,
                           state_->HasDefaultExpiry(GraphState::kVertices));
    std::optional<Document> parsed, document;
    if (properties != "{}") {
      SHEAF_ASSIGN_OR_RETURN(parsed, ParseProperties(properties, GraphState::kVertices));
    }
    SHEAF_ASSIGN_OR_RETURN(const std::vector<NameId> numbers, NumbersOf(*state_, labels));
    if (parsed.has_value() || !numbers.empty()) {
      if (!parsed.has_value()) parsed = Nothing();
      SHEAF_ASSIGN_OR_RETURN(document, DocumentOf(*state_, parsed->root(), numbers));
    }
    if (!document.has_value() && expires) document = Nothing();
    if (document.has_value()) {
      SHEAF_ASSIGN_OR_RETURN(Collection documents,
                             state_->Documents(GraphState::kVertices));
      SHEAF_RETURN_IF_ERROR(documents.Put(KeyOf(id), *document));
    }
    return state_->writer->AddVertexAs(id, numbers);
  };
  const absl::Status added = add();
  if (!added.ok()) SHEAF_RETURN_IF_ERROR(state_->ForgetNewNames());
  return At(*state_, added);
}

absl::Status Graph::ChangeLabels(VertexId vertex,
                                 absl::FunctionRef<void(std::vector<uint32_t>*)> change) {
  SHEAF_ASSIGN_OR_RETURN(std::vector<NameId> labels, LabelsOf(*state_, vertex));
  const std::vector<NameId> before = labels;
  change(&labels);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  if (labels == before) return absl::OkStatus();
  if (labels.size() > graph::kLabelsMax)
    return absl::InvalidArgumentError(absl::StrCat(
        labels.size(), " labels of one vertex; ", graph::kLabelsMax, " are allowed"));
  SHEAF_ASSIGN_OR_RETURN(const Collection documents,
                         state_->Documents(GraphState::kVertices));
  SHEAF_ASSIGN_OR_RETURN(std::optional<Document> old,
                         documents.FindDocument(KeyOf(vertex)));
  if (!old.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(old, Document::FromJson("{}"));
  }
  SHEAF_RETURN_IF_ERROR(StoreProperties(*state_, vertex, old->root(), labels));
  return state_->writer->SetLabels(vertex, labels);
}

absl::Status Graph::SetLabels(VertexId vertex,
                              absl::Span<const std::string_view> labels) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const auto set = [&]() -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const std::vector<NameId> numbers, NumbersOf(*state_, labels));
    return ChangeLabels(vertex, [&](std::vector<uint32_t>* now) { *now = numbers; });
  };
  const absl::Status done = set();
  if (!done.ok()) SHEAF_RETURN_IF_ERROR(state_->ForgetNewNames());
  return At(*state_, done);
}

absl::Status Graph::AddLabel(VertexId vertex, std::string_view label) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const auto add = [&]() -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const NameId number, state_->writer->NameOf(label));
    return ChangeLabels(vertex,
                        [&](std::vector<uint32_t>* now) { now->push_back(number); });
  };
  const absl::Status done = add();
  if (!done.ok()) SHEAF_RETURN_IF_ERROR(state_->ForgetNewNames());
  return At(*state_, done);
}

absl::StatusOr<bool> Graph::RemoveLabel(VertexId vertex, std::string_view label) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  const std::optional<uint32_t> number = names->names().Find(label);
  bool had = false;
  const absl::Status done = ChangeLabels(vertex, [&](std::vector<uint32_t>* now) {
    had = number.has_value() && std::erase(*now, *number) > 0;
  });
  if (!done.ok()) return At(*state_, done);
  return had;
}

absl::Status Graph::SetProperties(VertexId vertex, std::string_view properties) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const auto set = [&]() -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const std::vector<NameId> labels, LabelsOf(*state_, vertex));
    SHEAF_ASSIGN_OR_RETURN(const Document parsed,
                           ParseProperties(properties, GraphState::kVertices));
    return StoreProperties(*state_, vertex, parsed.root(), labels);
  };
  return At(*state_, set());
}

absl::Status Graph::UpdateProperties(VertexId vertex, std::string_view update) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const auto change = [&]() -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const std::vector<NameId> labels, LabelsOf(*state_, vertex));
    SHEAF_ASSIGN_OR_RETURN(const Document updated, Updated(*state_, GraphState::kVertices,
                                                           KeyOf(vertex), update));
    return StoreProperties(*state_, vertex, updated.root(), labels);
  };
  return At(*state_, change());
}

absl::Status Graph::MergeVertex(VertexId vertex, std::string_view update) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(vertex));
  if (there) return UpdateProperties(vertex, update);
  const auto properties = [&]() -> absl::StatusOr<std::string> {
    SHEAF_ASSIGN_OR_RETURN(const Document made, Updated(*state_, GraphState::kVertices,
                                                        KeyOf(vertex), update, Of::kNew));
    return made.ToJson();
  };
  const absl::StatusOr<std::string> json = properties();
  if (!json.ok()) return At(*state_, json.status());
  return AddVertexAs(vertex, {}, *json);
}

absl::StatusOr<bool> Graph::DeleteVertex(VertexId vertex) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  std::optional<Collection> edges;
  const auto forget = [&](const graph::EdgeKey& edge) -> absl::Status {
    if (!edges.has_value()) {
      SHEAF_ASSIGN_OR_RETURN(edges, state_->Documents(GraphState::kEdges));
    }
    return edges->Delete(KeyOf(edge)).status();
  };
  SHEAF_ASSIGN_OR_RETURN(const bool there, state_->writer->DeleteVertex(vertex, forget));
  if (!there) return false;
  SHEAF_RETURN_IF_ERROR(Forget(*state_, GraphState::kVertices, KeyOf(vertex)));
  return true;
}

// --- Edges --------------------------------------------------------------------

absl::StatusOr<EdgeId> Graph::AddEdge(VertexId from, std::string_view type, VertexId to,
                                      double weight, std::string_view properties) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const auto add = [&]() -> absl::StatusOr<uint32_t> {
    SHEAF_RETURN_IF_ERROR(CheckWeight(weight));
    std::optional<Document> document;
    if (properties != "{}") {
      SHEAF_ASSIGN_OR_RETURN(const Document parsed,
                             ParseProperties(properties, GraphState::kEdges));
      SHEAF_ASSIGN_OR_RETURN(document, WithType(parsed.root(), type));
    }
    SHEAF_ASSIGN_OR_RETURN(const bool expires,
                           state_->HasDefaultExpiry(GraphState::kEdges));
    if (!document.has_value() && expires) {
      SHEAF_ASSIGN_OR_RETURN(document, NothingOfType(type));
    }
    std::optional<Collection> documents;
    if (document.has_value()) {
      SHEAF_ASSIGN_OR_RETURN(documents, state_->Documents(GraphState::kEdges));
    }
    SHEAF_ASSIGN_OR_RETURN(const NameId number, state_->writer->NameOf(type));
    SHEAF_ASSIGN_OR_RETURN(
        const uint32_t ordinal,
        state_->writer->AddEdge(from, number, to, weight, document.has_value()));
    if (!document.has_value()) return ordinal;
    const graph::EdgeKey key{from, number, to, ordinal};
    const absl::Status stored = documents->Put(KeyOf(key), *document);
    if (stored.ok()) return ordinal;
    SHEAF_RETURN_IF_ERROR(state_->writer->DeleteEdge(key).status());
    return stored;
  };
  const absl::StatusOr<uint32_t> ordinal = add();
  if (ordinal.ok()) return EdgeId{from, std::string(type), to, *ordinal};
  SHEAF_RETURN_IF_ERROR(state_->ForgetNewNames());
  return At(*state_, ordinal.status());
}

absl::StatusOr<Graph::StoredEdge> Graph::FindStored(const EdgeId& edge) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef names, state_->Names());
  const std::optional<uint32_t> type = names->names().Find(edge.type);
  std::optional<graph::AdjacentEdge> there;
  if (type.has_value()) {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           state_->writer->reader().Find(edge.from, &found));
    if (view.has_value()) {
      SHEAF_ASSIGN_OR_RETURN(there, state_->writer->reader().FindEdge(
                                        *view, {*type, false}, edge.to, edge.ordinal));
    }
  }
  if (there.has_value()) return StoredEdge{*type, there->weight, there->has_properties};
  return absl::NotFoundError(absl::StrCat(name(), ": no edge ", edge.from, " -",
                                          edge.type, "-> ", edge.to, " (", edge.ordinal,
                                          ")"));
}

absl::Status Graph::SetWeight(const EdgeId& edge, double weight) {
  SHEAF_ASSIGN_OR_RETURN(const StoredEdge stored, FindStored(edge));
  const absl::Status checked = CheckWeight(weight);
  if (!checked.ok()) return At(*state_, checked);
  return state_->writer
      ->SetEdge({edge.from, stored.type, edge.to, edge.ordinal}, weight,
                stored.has_properties)
      .status();
}

absl::Status Graph::StoreEdgeProperties(const EdgeId& edge, const StoredEdge& stored,
                                        const Document& properties) {
  const graph::EdgeKey key{edge.from, stored.type, edge.to, edge.ordinal};
  SHEAF_ASSIGN_OR_RETURN(std::optional<Document> document,
                         WithType(properties.root(), edge.type));
  SHEAF_ASSIGN_OR_RETURN(const Document empty, NothingOfType(edge.type));
  if (!document.has_value() && stored.has_properties) {
    SHEAF_ASSIGN_OR_RETURN(const auto at,
                           state_->ExpiresAt(GraphState::kEdges, KeyOf(key)));
    if (at.has_value()) document = empty;
  }
  if (document.has_value() || stored.has_properties)
    SHEAF_RETURN_IF_ERROR(state_->Store(GraphState::kEdges, KeyOf(key), document, empty));
  if (document.has_value() == stored.has_properties) return absl::OkStatus();
  return state_->writer->SetEdge(key, stored.weight, document.has_value()).status();
}

absl::Status Graph::SetEdgeProperties(const EdgeId& edge, std::string_view properties) {
  SHEAF_ASSIGN_OR_RETURN(const StoredEdge stored, FindStored(edge));
  const absl::StatusOr<Document> parsed = ParseProperties(properties, GraphState::kEdges);
  if (!parsed.ok()) return At(*state_, parsed.status());
  return At(*state_, StoreEdgeProperties(edge, stored, *parsed));
}

absl::Status Graph::UpdateEdgeProperties(const EdgeId& edge, std::string_view update) {
  SHEAF_ASSIGN_OR_RETURN(const StoredEdge stored, FindStored(edge));
  const absl::StatusOr<Document> updated = Updated(
      *state_, GraphState::kEdges,
      KeyOf(graph::EdgeKey{edge.from, stored.type, edge.to, edge.ordinal}), update);
  if (!updated.ok()) return At(*state_, updated.status());
  return At(*state_, StoreEdgeProperties(edge, stored, *updated));
}

absl::StatusOr<bool> Graph::DeleteEdge(const EdgeId& edge) {
  const absl::StatusOr<StoredEdge> stored = FindStored(edge);
  if (absl::IsNotFound(stored.status())) return false;
  SHEAF_RETURN_IF_ERROR(stored.status());
  const graph::EdgeKey key{edge.from, stored->type, edge.to, edge.ordinal};
  if (stored->has_properties)
    SHEAF_RETURN_IF_ERROR(Forget(*state_, GraphState::kEdges, KeyOf(key)));
  return state_->writer->DeleteEdge(key);
}

// --- Expiry -------------------------------------------------------------------

absl::Status Graph::SetExpiry(VertexId vertex, const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const catalog::ExpiryChange change,
                         state_->tree->ToChange(expiry));
  const absl::Status there = LabelsOf(*state_, vertex).status();
  if (!there.ok()) return At(*state_, there);
  if (change.IsPast(state_->tree->txn->write->now()))
    return DeleteVertex(vertex).status();
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Documents(GraphState::kVertices));
  SHEAF_ASSIGN_OR_RETURN(const bool has_document, documents.Contains(KeyOf(vertex)));
  if (!has_document && change.kind == catalog::ExpiryChange::Kind::kSet)
    SHEAF_RETURN_IF_ERROR(documents.Put(KeyOf(vertex), Nothing()));
  return state_->ChangeExpiry(GraphState::kVertices, KeyOf(vertex), change);
}

absl::Status Graph::SetEdgeExpiry(const EdgeId& edge, const Expiry& expiry) {
  SHEAF_ASSIGN_OR_RETURN(const StoredEdge stored, FindStored(edge));
  SHEAF_ASSIGN_OR_RETURN(const catalog::ExpiryChange change,
                         state_->tree->ToChange(expiry));
  if (change.IsPast(state_->tree->txn->write->now())) return DeleteEdge(edge).status();
  const graph::EdgeKey key{edge.from, stored.type, edge.to, edge.ordinal};
  if (!stored.has_properties) {
    if (change.kind != catalog::ExpiryChange::Kind::kSet) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(const Document empty, NothingOfType(edge.type));
    SHEAF_RETURN_IF_ERROR(state_->Store(GraphState::kEdges, KeyOf(key), empty, empty));
    SHEAF_RETURN_IF_ERROR(state_->writer->SetEdge(key, stored.weight, true).status());
  }
  return state_->ChangeExpiry(GraphState::kEdges, KeyOf(key), change);
}

absl::StatusOr<bool> Graph::Touch(VertexId vertex) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->Touch(GraphState::kVertices, KeyOf(vertex));
}

absl::StatusOr<bool> Graph::TouchEdge(const EdgeId& edge) {
  const absl::StatusOr<StoredEdge> stored = FindStored(edge);
  if (absl::IsNotFound(stored.status())) return false;
  SHEAF_RETURN_IF_ERROR(stored.status());
  return state_->Touch(GraphState::kEdges, KeyOf(graph::EdgeKey{edge.from, stored->type,
                                                                edge.to, edge.ordinal}));
}

absl::Status Graph::SetDefaultExpiry(const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return At(*state_, state_->SetDefaultExpiry(GraphState::kVertices, expiry));
}
absl::Status Graph::SetDefaultEdgeExpiry(const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return At(*state_, state_->SetDefaultExpiry(GraphState::kEdges, expiry));
}

// --- Indexes ------------------------------------------------------------------

absl::Status Graph::CreateVertexIndex(const IndexDefinition& definition,
                                      const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Documents(GraphState::kVertices));
  return documents.CreateIndex(definition, progress);
}
absl::Status Graph::CreateEdgeIndex(const IndexDefinition& definition,
                                    const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Documents(GraphState::kEdges));
  return documents.CreateIndex(definition, progress);
}
absl::Status Graph::CreateVectorIndex(std::string_view name, std::string_view path,
                                      const VectorOptions& options,
                                      const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Documents(GraphState::kVertices));
  return documents.CreateVectorIndex(name, path, options, progress);
}

absl::Status Graph::DropVertexIndex(std::string_view index) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  if (index == kLabelsField)
    return absl::InvalidArgumentError(
        absl::StrCat(name(), ": the index ", std::string(index), " is the graph's own"));
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Documents(GraphState::kVertices));
  return documents.DropIndex(index);
}
absl::Status Graph::DropEdgeIndex(std::string_view index) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Documents(GraphState::kEdges));
  return documents.DropIndex(index);
}

// --- Results of algorithms ----------------------------------------------------

template <class T>
absl::Status Graph::WriteValues(const GraphProjection& projection,
                                std::string_view property, absl::Span<const T> values,
                                const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  if (values.size() != projection.vertex_count())
    return absl::InvalidArgumentError(
        absl::StrCat(name(), ": ", values.size(), " values for ",
                     projection.vertex_count(), " vertices"));
  for (VertexIndex v = 0; v < projection.vertex_count(); ++v) {
    if (v % kVerticesATick == 0)
      SHEAF_RETURN_IF_ERROR(catalog::Tick(
          progress, "writing back", {v, projection.vertex_count(), "vertices written"}));
    DocumentBuilder update;
    update->BeginObject(), update->Name("$set"), update->BeginObject();
    update->Name(property);
    if constexpr (std::is_integral_v<T>)
      update->Uint(values[v]);
    else
      update->Double(values[v]);
    update->End(), update->End();
    SHEAF_ASSIGN_OR_RETURN(const Document built, update.Build());
    SHEAF_ASSIGN_OR_RETURN(const std::string json, built.ToJson());
    SHEAF_RETURN_IF_ERROR(UpdateProperties(projection.id(v), json));
  }
  return absl::OkStatus();
}

absl::Status Graph::WriteBack(const GraphProjection& projection,
                              std::string_view property, absl::Span<const double> values,
                              const Progress& progress) {
  return WriteValues(projection, property, values, progress);
}
absl::Status Graph::WriteBack(const GraphProjection& projection,
                              std::string_view property,
                              absl::Span<const uint32_t> values,
                              const Progress& progress) {
  return WriteValues(projection, property, values, progress);
}

absl::Status Graph::WriteBack(const GraphProjection& projection,
                              std::string_view property,
                              absl::Span<const uint64_t> values,
                              const Progress& progress) {
  return WriteValues(projection, property, values, progress);
}

}  // namespace sheaf
