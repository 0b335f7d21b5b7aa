#include "sheaf/graph_loader.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/internal/graph_documents.h"
#include "api/internal/graph_state.h"
#include "catalog/tick.h"
#include "document/json_codec.h"
#include "document/sorter.h"
#include "document/spill.h"
#include "graph/bulk_load.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf {

using document::NameTable;
using document::Sorter;
using graph::NameId;
using internal::GraphState;
using internal::TransactionState;
using SchemaRef = std::shared_ptr<const document::Schema>;

namespace {

constexpr uint64_t kDocumentsATick = 1024;

void AppendBigEndian(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(value >> shift));
}
uint64_t TakeBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

document::SpillFile SpillBeside(catalog::Store* store) {
  return [store] {
    return document::OpenSpillFile(store->file_system(), store->pager().path());
  };
}

document::SorterOptions ForDocuments(const GraphLoaderOptions& options, bool seal) {
  return {.memory_bytes_max = options.memory_bytes_max / 4,
          .spill_bytes_max = UINT64_MAX,
          .seal_spill = seal,
          .limit = std::nullopt};
}

graph::GraphLoaderOptions ForEdges(const GraphLoaderOptions& options, bool seal) {
  graph::GraphLoaderOptions out;
  out.memory_bytes_max = options.memory_bytes_max / 2;
  out.seal_spill = seal;
  out.unknown_end = options.create_vertices
                        ? graph::GraphLoaderOptions::UnknownEnd::kCreate
                        : graph::GraphLoaderOptions::UnknownEnd::kRefuse;
  out.position_name = options.position_name;
  out.progress = options.progress;
  return out;
}

}  // namespace

// Properties wait in two sorters: those of vertices under the id, those of edges under
// what the tree of edges has them by, with a number in place of the ordinal, which is not
// known before. The graph tells ordinals in the same order.
struct GraphLoader::Rep {
  Rep(std::shared_ptr<GraphState> state, const GraphLoaderOptions& options, bool seal)
      : state(std::move(state)),
        options(options),
        loader(txn().write.get(), this->state->tree->open, this->state->names_writer,
               SpillBeside(store()), ForEdges(options, seal)),
        vertex_documents(ForDocuments(options, seal), SpillBeside(store())),
        edge_documents(ForDocuments(options, seal), SpillBeside(store())),
        next_id(this->state->tree->open->record().counter) {}

  TransactionState& txn() const { return *state->tree->txn; }
  catalog::Store* store() const { return txn().rep->store.get(); }
  absl::Status At(const absl::Status& status) const {
    return status.ok() ? status : internal::At(state->tree->name, status);
  }

  absl::Status Live() const;
  absl::StatusOr<std::string> ToBinary(std::string_view json, GraphState::Part part);
  absl::Status AddVertex(VertexId id, absl::Span<const std::string_view> labels,
                         const DocumentView& properties);
  absl::Status AddEdge(VertexId from, std::string_view type, VertexId to, double weight,
                       const DocumentView& properties);
  absl::StatusOr<NameId> TypeOf(std::string_view type);
  // Whether what is added expires, which is then stored with properties or without.
  absl::StatusOr<bool> Expires(GraphState::Part part);
  absl::Status Finish();
  absl::Status StoreAll();
  absl::Status StoreVertexDocuments();
  absl::Status StoreEdgeDocument(const graph::EdgeKey& edge, Collection* documents);

  const std::shared_ptr<GraphState> state;
  const GraphLoaderOptions options;
  graph::GraphLoader loader;
  Sorter vertex_documents, edge_documents;
  std::shared_ptr<NameTable> names = std::make_shared<NameTable>();  // of what waits
  VertexId next_id;
  std::optional<uint64_t> position;  // else that of `count`
  uint64_t count = 0;                // of vertices and edges
  std::string type_name;             // of the last edge
  NameId type = 0;
  std::optional<bool> expires[2];  // by part, once asked
  bool is_finished = false;
  GraphLoaderCounts counts;
};

GraphLoader::GraphLoader(const Graph& graph, const GraphLoaderOptions& options) {
  if (graph.state_ == nullptr || !graph.state_->Live().ok()) return;
  const bool seal =
      graph.state_->tree->txn->rep->store->pager().codec().keys() != nullptr;
  rep_ = std::make_unique<Rep>(graph.state_, options, seal);
}
GraphLoader::~GraphLoader() = default;

absl::Status GraphLoader::Rep::Live() const {
  SHEAF_RETURN_IF_ERROR(state->Live());
  if (!is_finished) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(state->tree->name, ": the load is finished"));
}

// --- Collecting ---------------------------------------------------------------

absl::StatusOr<std::string> GraphLoader::Rep::ToBinary(std::string_view json,
                                                       GraphState::Part part) {
  SHEAF_ASSIGN_OR_RETURN(std::string bytes, document::JsonToBinary(json, names.get()));
  SHEAF_RETURN_IF_ERROR(internal::CheckProperties(document::RootOf(bytes, *names), part));
  return bytes;
}

absl::Status GraphLoader::Rep::AddVertex(VertexId id,
                                         absl::Span<const std::string_view> labels,
                                         const DocumentView& properties) {
  std::vector<NameId> numbers;
  for (const std::string_view label : labels) {
    SHEAF_ASSIGN_OR_RETURN(numbers.emplace_back(), state->writer->NameOf(label));
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef known, state->Names());
  std::vector<std::string_view> sorted;
  for (const NameId number : numbers) sorted.push_back(known->names().NameOf(number));
  document::Writer writer(names.get());
  const bool is_stored = internal::WriteWithLabels(properties, sorted, &writer);
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes, writer.Finish());
  SHEAF_RETURN_IF_ERROR(loader.AddVertex(id, numbers, position.value_or(count)));
  ++count;
  next_id = std::max(next_id, id + 1);
  SHEAF_ASSIGN_OR_RETURN(const bool expires, Expires(GraphState::kVertices));
  if (!is_stored && !expires) return absl::OkStatus();
  std::string key;
  AppendBigEndian(id, &key);
  return vertex_documents.Add(key, bytes);
}

absl::StatusOr<bool> GraphLoader::Rep::Expires(GraphState::Part part) {
  std::optional<bool>& known = expires[part];
  if (!known.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(known, state->HasDefaultExpiry(part));
  }
  return *known;
}

absl::StatusOr<NameId> GraphLoader::Rep::TypeOf(std::string_view name) {
  if (name == type_name && !name.empty()) return type;
  SHEAF_ASSIGN_OR_RETURN(type, state->writer->NameOf(name));
  type_name = name;
  return type;
}

absl::Status GraphLoader::Rep::AddEdge(VertexId from, std::string_view type_of,
                                       VertexId to, double weight,
                                       const DocumentView& properties) {
  SHEAF_ASSIGN_OR_RETURN(const NameId number, TypeOf(type_of));
  SHEAF_ASSIGN_OR_RETURN(const bool expires, Expires(GraphState::kEdges));
  const bool has_properties = properties.fields().Valid() || expires;
  std::string bytes;
  if (has_properties) {
    document::Writer writer(names.get());
    internal::WriteWithType(properties, type_of, &writer);
    SHEAF_ASSIGN_OR_RETURN(bytes, writer.Finish());
  }
  SHEAF_RETURN_IF_ERROR(
      loader.AddEdge(from, number, to, weight, has_properties, position.value_or(count)));
  const uint64_t this_one = count++;
  if (options.create_vertices) next_id = std::max({next_id, from + 1, to + 1});
  if (!has_properties) return absl::OkStatus();
  std::string key = graph::EncodeEdgeKey({from, number, to, 0});
  AppendBigEndian(this_one, &key);
  return edge_documents.Add(key, bytes);
}

absl::Status GraphLoader::AddVertex(VertexId id,
                                    absl::Span<const std::string_view> labels,
                                    std::string_view properties) {
  if (rep_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(rep_->Live());
  const auto add = [&]() -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                           rep_->ToBinary(properties, GraphState::kVertices));
    return rep_->AddVertex(id, labels, document::RootOf(bytes, *rep_->names));
  };
  return rep_->At(add());
}

absl::Status GraphLoader::AddVertex(VertexId id,
                                    absl::Span<const std::string_view> labels,
                                    const DocumentView& properties) {
  if (rep_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(rep_->Live());
  const absl::Status checked =
      internal::CheckProperties(properties, GraphState::kVertices);
  return rep_->At(checked.ok() ? rep_->AddVertex(id, labels, properties) : checked);
}

absl::Status GraphLoader::AddEdge(VertexId from, std::string_view type, VertexId to,
                                  double weight, std::string_view properties) {
  if (rep_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(rep_->Live());
  if (properties == "{}")
    return rep_->At(rep_->AddEdge(from, type, to, weight, DocumentView()));
  const auto add = [&]() -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                           rep_->ToBinary(properties, GraphState::kEdges));
    return rep_->AddEdge(from, type, to, weight, document::RootOf(bytes, *rep_->names));
  };
  return rep_->At(add());
}

absl::Status GraphLoader::AddEdge(VertexId from, std::string_view type, VertexId to,
                                  double weight, const DocumentView& properties) {
  if (rep_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(rep_->Live());
  const absl::Status checked = internal::CheckProperties(properties, GraphState::kEdges);
  return rep_->At(checked.ok() ? rep_->AddEdge(from, type, to, weight, properties)
                               : checked);
}

VertexId GraphLoader::next_id() const { return rep_ == nullptr ? 0 : rep_->next_id; }
void GraphLoader::set_position(uint64_t position) {
  if (rep_ != nullptr) rep_->position = position;
}
const GraphLoaderCounts& GraphLoader::counts() const {
  static const GraphLoaderCounts kNone;
  return rep_ == nullptr ? kNone : rep_->counts;
}

// --- Writing ------------------------------------------------------------------

absl::Status GraphLoader::Finish() {
  if (rep_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(rep_->Live());
  rep_->is_finished = true;
  return rep_->At(rep_->Finish());
}

absl::Status GraphLoader::Rep::Finish() {
  catalog::WriteTxn* const write = txn().write.get();
  SHEAF_ASSIGN_OR_RETURN(const uint64_t savepoint, write->SetSavepoint());
  const absl::Status stored = StoreAll();
  if (!stored.ok()) {
    for (const auto& [id, writer] : txn().collections) writer->Forget();
    SHEAF_RETURN_IF_ERROR(write->RollbackTo(savepoint));
  }
  SHEAF_RETURN_IF_ERROR(write->Release(savepoint));
  SHEAF_RETURN_IF_ERROR(stored);
  const graph::GraphLoaderCounts& of = loader.counts();
  counts = {of.vertices, of.edges, of.created};
  return absl::OkStatus();
}

absl::Status GraphLoader::Rep::StoreAll() {
  SHEAF_RETURN_IF_ERROR(vertex_documents.Finish());
  SHEAF_RETURN_IF_ERROR(edge_documents.Finish());
  SHEAF_RETURN_IF_ERROR(StoreVertexDocuments());
  SHEAF_ASSIGN_OR_RETURN(Collection of_vertices, state->Documents(GraphState::kVertices));
  SHEAF_ASSIGN_OR_RETURN(Collection of_edges, state->Documents(GraphState::kEdges));
  SHEAF_ASSIGN_OR_RETURN(const bool created_expire, Expires(GraphState::kVertices));
  SHEAF_ASSIGN_OR_RETURN(const Document nothing, Document::FromJson("{}"));
  return loader.Finish(
      [&](const graph::EdgeKey& edge) { return StoreEdgeDocument(edge, &of_edges); },
      [&](VertexId vertex) {
        return created_expire
                   ? of_vertices.Put(DocumentKey(static_cast<int64_t>(vertex)), nothing)
                   : absl::OkStatus();
      });
}

// Whether there is such a vertex already is found out behind this.
absl::Status GraphLoader::Rep::StoreVertexDocuments() {
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state->Documents(GraphState::kVertices));
  for (uint64_t n = 0;; ++n) {
    if (n % kDocumentsATick == 0)
      SHEAF_RETURN_IF_ERROR(catalog::Tick(options.progress, "the load",
                                          {n, 0, "properties of vertices written"}));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Sorter::Row> row, vertex_documents.Next());
    if (!row.has_value()) return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(
        documents.Put(DocumentKey(static_cast<int64_t>(TakeBigEndian(row->key))),
                      Document(std::string(row->payload), names)));
  }
}

absl::Status GraphLoader::Rep::StoreEdgeDocument(const graph::EdgeKey& edge,
                                                 Collection* documents) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Sorter::Row> row, edge_documents.Next());
  const std::string key = graph::EncodeEdgeKey(edge);
  constexpr size_t kSame = 20;  // all but the ordinal
  if (!row.has_value() || row->key.substr(0, kSame) != key.substr(0, kSame))
    return absl::InternalError("edges and their properties are not in the same order");
  return documents->Put(DocumentKey::Bytes(key),
                        Document(std::string(row->payload), names));
}

}  // namespace sheaf
