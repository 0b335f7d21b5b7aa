// What Graph and GraphReader stand for. Not installed for use.
#ifndef API_INTERNAL_GRAPH_STATE_H_
#define API_INTERNAL_GRAPH_STATE_H_
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/internal/handles.h"
#include "catalog/tree_view.h"
#include "graph/check.h"
#include "graph/graph_reader.h"
#include "graph/graph_writer.h"
#include "sheaf/graph.h"

namespace sheaf {

using graph::kLabelsField, graph::kTypeField;

namespace internal {

struct GraphState : std::enable_shared_from_this<GraphState> {
  enum Part { kVertices = 0, kEdges = 1 };
  static std::string_view OwnField(Part part) {
    return part == kVertices ? kLabelsField : kTypeField;
  }

  // Of a graph that is there, for reading or writing as `tree` is. kDataLoss: not all of
  // its trees are.
  static absl::StatusOr<std::shared_ptr<GraphState>> Of(std::shared_ptr<TableState> tree);
  // Makes all but the tree of the vertices, as far as it is not there.
  static absl::Status Create(catalog::WriteTxn* write, document::SchemaCache* schemas,
                             catalog::TreeId graph, const Compression& compression);
  // All but the tree of the vertices, with their indexes.
  static absl::Status Drop(TransactionState* txn, catalog::TreeId graph);
  GraphState(std::shared_ptr<TableState> tree, catalog::TreeRecord parts_record);
  GraphState(std::shared_ptr<TableState> tree, document::CollectionWriter* names_writer);
  GraphState(const GraphState&) = delete;
  GraphState& operator=(const GraphState&) = delete;

  // What a handle stands for. kFailedPrecondition: nothing, or its transaction has ended.
  static absl::StatusOr<std::shared_ptr<GraphState>> StateOf(const GraphReader& graph);
  // Of the documents of vertices or edges, for who reads below CollectionReader.
  absl::StatusOr<std::shared_ptr<CollectionState>> DocumentsState(Part part) const;

  // --- What expires ---
  // A vertex or edge that expires has a document, if an empty one, and expires by its key.
  // The graph's own tree has expiries that are always empty, to tell that there may be some.
  // Of a reader: leaves out what has expired.
  absl::Status HideExpired();
  // Of a writer: removes up to `max` of what has expired, told of to `hook`, those that
  // expired first of each part. How many.
  using ExpiredFn = std::function<void(const ExpiredRecord&)>;
  absl::StatusOr<uint64_t> RemoveExpired(uint64_t max, const ExpiredFn& hook) const;
  // The same, of a transaction that was begun or went back to a savepoint, and all.
  static absl::Status RemoveExpired(const std::shared_ptr<TransactionState>& txn,
                                    catalog::TreeId graph);
  absl::StatusOr<catalog::Expiries*> ExpiriesOf(Part part) const;
  absl::StatusOr<std::optional<absl::Time>> ExpiresAt(Part part,
                                                      const DocumentKey& key) const;
  // Requires: the document is there; what is to go at once is not.
  absl::Status ChangeExpiry(Part part, const DocumentKey& key,
                            const catalog::ExpiryChange& change) const;
  absl::StatusOr<bool> Touch(Part part, const DocumentKey& key) const;
  // Of vertices or edges to come: those that are added without properties have an empty
  // document then.
  absl::StatusOr<Expiry> DefaultExpiry(Part part) const;
  absl::Status SetDefaultExpiry(Part part, const Expiry& expiry) const;
  absl::StatusOr<bool> HasDefaultExpiry(Part part) const;
  // In the place of the document; null: one that is empty if it expires, or none.
  absl::Status Store(Part part, const DocumentKey& key,
                     const std::optional<Document>& document,
                     const Document& empty) const;

  absl::Status Live() const { return tree->Live(); }
  // Changes when a writer goes back to a savepoint.
  uint64_t Generation() const {
    return names_writer == nullptr ? 0 : names_writer->generation();
  }
  absl::StatusOr<std::shared_ptr<const document::Schema>> Names() const;
  // kDataLoss: a number that no name has.
  absl::StatusOr<std::string_view> NameOf(const document::NameTable& table,
                                          graph::NameId id) const;
  // Forgets names of a call that failed. Requires: a writer.
  absl::Status ForgetNewNames() const;
  // The properties of vertices or edges. Of a reader, for reading only.
  absl::StatusOr<Collection> Documents(Part part) const;
  static std::string DocumentsName(catalog::TreeId graph, Part part) {
    return part == kVertices ? graph::VertexDocumentsName(graph)
                             : graph::EdgeDocumentsName(graph);
  }
  catalog::TreeId id() const {
    return tree->open != nullptr ? tree->open->record().id : tree->record.id;
  }

  const std::shared_ptr<TableState> tree;  // the vertices
  document::CollectionWriter* const names_writer = nullptr;
  const catalog::TreeView vertices, parts;
  graph::GraphReader reader;
  const std::unique_ptr<graph::GraphWriter> writer;       // of a writer
  mutable std::shared_ptr<const document::Schema> names;  // of a reader, once read

 private:
  absl::StatusOr<uint64_t> RemoveExpiredOf(Part part, uint64_t max,
                                           const ExpiredFn& hook) const;
  absl::Status MakeExpiries() const;
  absl::Status RemoveOne(Part part, const DocumentKey& key, const ExpiredFn& hook) const;
  mutable std::optional<Collection> documents_[2];  // that were opened
};

}  // namespace internal
}  // namespace sheaf
#endif  // API_INTERNAL_GRAPH_STATE_H_
