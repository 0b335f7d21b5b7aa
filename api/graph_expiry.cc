// What of graphs has to do with expiry: see api/internal/graph_state.h.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/graph_state.h"
#include "api/internal/handles.h"
#include "catalog/expiry.h"
#include "graph/overlay.h"
#include "pager/status_macros.h"

namespace sheaf::internal {

using catalog::Expiries;
using graph::EdgeKey;

namespace {

absl::Status WrongKey() {
  return absl::DataLossError("a row of expiries is of no vertex and of no edge");
}

absl::StatusOr<VertexId> VertexOf(std::string_view encoded) {
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, DecodeKey(encoded));
  if (!key.is_number() || key.number() < 0) return WrongKey();
  return static_cast<VertexId>(key.number());
}

absl::StatusOr<EdgeKey> EdgeOfKey(std::string_view encoded) {
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, DecodeKey(encoded));
  if (!key.is_bytes()) return WrongKey();
  const std::optional<EdgeKey> edge = graph::DecodeEdgeKey(key.bytes());
  if (!edge.has_value()) return WrongKey();
  return *edge;
}

// Calls `fn(key)` for each that has expired.
template <class Fn>
absl::Status ForEachHidden(const Expiries* expiries, Fn fn) {
  if (expiries == nullptr) return absl::OkStatus();
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(expiries->ForEachHidden([&](std::string_view key) {
    status = fn(key);
    return status.ok();
  }));
  return status;
}

}  // namespace

absl::StatusOr<Expiries*> GraphState::ExpiriesOf(Part part) const {
  SHEAF_ASSIGN_OR_RETURN(const Collection documents, Documents(part));
  return documents.state_->tree->Expiries();
}

absl::Status GraphState::HideExpired() {
  const auto [it, is_new] = tree->txn->overlays.try_emplace(id());
  if (is_new) {
    SHEAF_ASSIGN_OR_RETURN(const Expiries* const of_vertices, ExpiriesOf(kVertices));
    SHEAF_ASSIGN_OR_RETURN(Expiries* const of_edges, ExpiriesOf(kEdges));
    std::vector<VertexId> gone;
    std::vector<EdgeKey> edges, with_vertices;
    SHEAF_RETURN_IF_ERROR(ForEachHidden(of_vertices, [&](std::string_view key) {
      const absl::StatusOr<VertexId> vertex = VertexOf(key);
      if (vertex.ok()) gone.push_back(*vertex);
      return vertex.status();
    }));
    SHEAF_RETURN_IF_ERROR(ForEachHidden(of_edges, [&](std::string_view key) {
      const absl::StatusOr<EdgeKey> edge = EdgeOfKey(key);
      if (edge.ok()) edges.push_back(*edge);
      return edge.status();
    }));
    if (!gone.empty() || !edges.empty()) {
      SHEAF_ASSIGN_OR_RETURN(it->second,
                             graph::Overlay::Make(reader, gone, edges, &with_vertices));
    }
    std::vector<std::string> keys;
    for (const EdgeKey& edge : with_vertices) {
      SHEAF_ASSIGN_OR_RETURN(std::string key,
                             EncodeKey(DocumentKey::Bytes(graph::EncodeEdgeKey(edge))));
      SHEAF_ASSIGN_OR_RETURN(const bool by_itself, of_edges->IsHidden(key));
      if (!by_itself) keys.push_back(std::move(key));
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    if (!keys.empty()) of_edges->Hide(std::move(keys));
  }
  reader.set_overlay(it->second.get());
  return absl::OkStatus();
}

absl::Status GraphState::RemoveOne(Part part, const DocumentKey& key,
                                   const ExpiredFn& hook) const {
  const auto tell = [&](const std::string& text) {
    if (hook) hook({tree->name, TreeKind::kGraph, text});
  };
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, EncodeKey(key));
  if (part == kVertices) {
    SHEAF_ASSIGN_OR_RETURN(const VertexId vertex, VertexOf(encoded));
    tell(absl::StrCat(vertex));
    // A handle of its own, since this one may be going.
    Graph graph(std::const_pointer_cast<GraphState>(shared_from_this()));
    return graph.DeleteVertex(vertex).status();
  }
  SHEAF_ASSIGN_OR_RETURN(const EdgeKey edge, EdgeOfKey(encoded));
  SHEAF_ASSIGN_OR_RETURN(const auto table, Names());
  SHEAF_ASSIGN_OR_RETURN(const std::string_view type, NameOf(table->names(), edge.type));
  tell(absl::StrCat(edge.from, " ", std::string(type), " ", edge.to, " ", edge.ordinal));
  SHEAF_ASSIGN_OR_RETURN(Collection documents, Documents(kEdges));
  SHEAF_RETURN_IF_ERROR(documents.Delete(key).status());
  return writer->DeleteEdge(edge).status();
}

absl::StatusOr<uint64_t> GraphState::RemoveExpiredOf(Part part, uint64_t max,
                                                     const ExpiredFn& hook) const {
  SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, ExpiriesOf(part));
  if (expiries == nullptr) return 0;
  std::vector<std::string> keys;
  SHEAF_RETURN_IF_ERROR(expiries->ForEachHidden([&](std::string_view key) {
    keys.emplace_back(key);
    return keys.size() < max;
  }));
  // Without expiries they are deleted like others.
  SHEAF_RETURN_IF_ERROR(expiries->ClearFirst(keys));
  for (const std::string& encoded : keys) {
    SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, DecodeKey(encoded));
    SHEAF_RETURN_IF_ERROR(RemoveOne(part, key, hook));
  }
  return keys.size();
}

absl::StatusOr<uint64_t> GraphState::RemoveExpired(uint64_t max,
                                                   const ExpiredFn& hook) const {
  // Edges first: a vertex that goes takes edges with it that have expired, too.
  SHEAF_ASSIGN_OR_RETURN(const uint64_t edges, RemoveExpiredOf(kEdges, max, hook));
  if (edges == max) return edges;
  SHEAF_ASSIGN_OR_RETURN(const uint64_t vertices,
                         RemoveExpiredOf(kVertices, max - edges, hook));
  return edges + vertices;
}

absl::Status GraphState::RemoveExpired(const std::shared_ptr<TransactionState>& txn,
                                       catalog::TreeId graph) {
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const open, txn->write->FindTree(graph));
  if (open == nullptr || !open->record().expires) return absl::OkStatus();
  auto handle = std::make_shared<TableState>();
  handle->txn = txn;
  handle->name = open->record().name;
  handle->open = open;
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<GraphState> state, Of(std::move(handle)));
  const ExpiredFn& hook = txn->rep->store->options().on_expired;
  return state->RemoveExpired(UINT64_MAX, hook).status();
}

absl::StatusOr<std::optional<absl::Time>> GraphState::ExpiresAt(
    Part part, const DocumentKey& key) const {
  if (!tree->tree().expires) return std::optional<absl::Time>();
  SHEAF_ASSIGN_OR_RETURN(const Expiries* const expiries, ExpiriesOf(part));
  if (expiries == nullptr) return std::optional<absl::Time>();
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, EncodeKey(key));
  SHEAF_ASSIGN_OR_RETURN(const auto expiry, expiries->Find(encoded));
  if (!expiry.has_value()) return std::optional<absl::Time>();
  return std::optional<absl::Time>(absl::FromUnixMicros(expiry->at));
}

absl::Status GraphState::MakeExpiries() const {
  SHEAF_RETURN_IF_ERROR(tree->open->MakeExpiries().status());
  for (const Part part : {kVertices, kEdges}) {
    SHEAF_ASSIGN_OR_RETURN(const Collection documents, Documents(part));
    SHEAF_RETURN_IF_ERROR(documents.state_->tree->open->MakeExpiries().status());
  }
  return absl::OkStatus();
}

absl::StatusOr<Expiry> GraphState::DefaultExpiry(Part part) const {
  if (!tree->tree().expires) return Expiry::Never();
  SHEAF_ASSIGN_OR_RETURN(const Collection documents, Documents(part));
  return documents.DefaultExpiry();
}

absl::Status GraphState::SetDefaultExpiry(Part part, const Expiry& expiry) const {
  // Of a damaged file one may be lost: then nothing changes.
  for (const Part each : {kVertices, kEdges})
    SHEAF_RETURN_IF_ERROR(Documents(each).status());
  SHEAF_ASSIGN_OR_RETURN(Collection documents, Documents(part));
  SHEAF_RETURN_IF_ERROR(documents.SetDefaultExpiry(expiry));
  const bool has_some = expiry.kind() != Expiry::Kind::kNever;
  return has_some && !tree->tree().expires ? MakeExpiries() : absl::OkStatus();
}

absl::StatusOr<bool> GraphState::HasDefaultExpiry(Part part) const {
  SHEAF_ASSIGN_OR_RETURN(const Expiry usual, DefaultExpiry(part));
  return usual.kind() != Expiry::Kind::kNever;
}

absl::Status GraphState::ChangeExpiry(Part part, const DocumentKey& key,
                                      const catalog::ExpiryChange& change) const {
  if (!tree->tree().expires) {
    if (change.kind != catalog::ExpiryChange::Kind::kSet) return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(MakeExpiries());
  }
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, EncodeKey(key));
  SHEAF_ASSIGN_OR_RETURN(const Collection documents, Documents(part));
  return documents.state_->tree->open->ChangeExpiry(encoded, change);
}

absl::StatusOr<bool> GraphState::Touch(Part part, const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(Collection documents, Documents(part));
  return documents.Touch(key);
}

absl::Status GraphState::Store(Part part, const DocumentKey& key,
                               const std::optional<Document>& document,
                               const Document& empty) const {
  SHEAF_ASSIGN_OR_RETURN(Collection documents, Documents(part));
  if (document.has_value()) return documents.PutKeepingExpiry(key, *document);
  SHEAF_ASSIGN_OR_RETURN(const auto at, ExpiresAt(part, key));
  return at.has_value() ? documents.PutKeepingExpiry(key, empty)
                        : documents.Delete(key).status();
}

}  // namespace sheaf::internal
