#include "api/internal/graph_state.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/vector_fields.h"
#include "pager/status_macros.h"

namespace sheaf {

using document::NameTable;
using graph::NameId;
using SchemaRef = std::shared_ptr<const document::Schema>;

static_assert(kVertexIdEnd == btree::kDenseKeyEnd);

namespace internal {

namespace {

std::string NameOfPart(GraphState::Part part) {
  return part == GraphState::kVertices ? "vertices" : "edges";
}

absl::Status LostPart(const std::string& graph, const std::string& part) {
  return absl::DataLossError(absl::StrCat(graph, ": its ", part, " are lost"));
}

}  // namespace

GraphState::GraphState(std::shared_ptr<TableState> tree, catalog::TreeRecord parts_record)
    : tree(std::move(tree)),
      vertices(this->tree->txn->rep->store.get(), &*this->tree->txn->snapshot,
               &this->tree->record),
      parts(this->tree->txn->rep->store.get(), &*this->tree->txn->snapshot,
            std::move(parts_record)),
      reader(&vertices, &parts) {}

GraphState::GraphState(std::shared_ptr<TableState> tree,
                       document::CollectionWriter* names_writer)
    : tree(std::move(tree)),
      names_writer(names_writer),
      vertices(this->tree->txn->write.get(), this->tree->open),
      parts(names_writer->view()),
      reader(&vertices, &parts),
      writer(std::make_unique<graph::GraphWriter>(this->tree->txn->write.get(),
                                                  this->tree->open, names_writer)) {}

absl::StatusOr<std::shared_ptr<GraphState>> GraphState::Of(
    std::shared_ptr<TableState> tree) {
  TransactionState* const txn = tree->txn.get();
  if (tree->open != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(
        catalog::OpenTree* const parts,
        txn->write->FindTree(graph::PartsName(tree->open->record().id)));
    if (parts == nullptr) return LostPart(tree->name, "names");
    return std::make_shared<GraphState>(std::move(tree), txn->WriterOf(parts));
  }
  SHEAF_ASSIGN_OR_RETURN(std::optional<catalog::TreeRecord> parts,
                         txn->snapshot->FindTree(graph::PartsName(tree->record.id)));
  if (!parts.has_value()) return LostPart(tree->name, "names");
  return std::make_shared<GraphState>(std::move(tree), *std::move(parts));
}

absl::Status GraphState::Create(catalog::WriteTxn* write, document::SchemaCache* schemas,
                                catalog::TreeId graph, const Compression& compression) {
  const auto create = [&](const std::string& name, catalog::TreeKind kind)
      -> absl::StatusOr<catalog::OpenTree*> {  // null: it is there
    SHEAF_ASSIGN_OR_RETURN(const catalog::OpenTree* const there, write->FindTree(name));
    if (there != nullptr) return nullptr;
    return write->CreateTree(name, kind, {}, {});
  };
  SHEAF_RETURN_IF_ERROR(
      create(graph::PartsName(graph), catalog::TreeKind::kGraphPart).status());
  for (const Part part : {kVertices, kEdges}) {
    SHEAF_ASSIGN_OR_RETURN(
        catalog::OpenTree* const documents,
        create(DocumentsName(graph, part), catalog::TreeKind::kPartCollection));
    if (documents == nullptr) continue;
    SHEAF_RETURN_IF_ERROR(documents->SetCompression(compression));
    if (part != kVertices) continue;
    IndexDefinition labels;
    labels.name = std::string(kLabelsField);
    labels.fields = {{std::string(kLabelsField)}};
    document::CollectionWriter writer(write, documents, schemas);
    SHEAF_RETURN_IF_ERROR(writer.BeginIndex(labels));
    std::string after;
    uint64_t done = 0;
    SHEAF_RETURN_IF_ERROR(writer.ContinueIndex(labels.name, 1, &after, &done).status());
  }
  return absl::OkStatus();
}

absl::Status GraphState::Drop(TransactionState* txn, catalog::TreeId graph) {
  for (const Part part : {kVertices, kEdges}) {
    const std::string name = DocumentsName(graph, part);
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const tree, txn->write->FindTree(name));
    if (tree == nullptr) continue;
    SHEAF_RETURN_IF_ERROR(VectorFields::DropAll(txn, tree->record().id));
    SHEAF_RETURN_IF_ERROR(txn->WriterOf(tree)->DropAllIndexes());
    SHEAF_RETURN_IF_ERROR(txn->write->DropTree(name));
  }
  const std::string parts = graph::PartsName(graph);
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const tree, txn->write->FindTree(parts));
  return tree == nullptr ? absl::OkStatus() : txn->write->DropTree(parts);
}

absl::StatusOr<std::shared_ptr<GraphState>> GraphState::StateOf(
    const GraphReader& graph) {
  if (graph.state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(graph.state_->Live());
  return graph.state_;
}

absl::StatusOr<std::shared_ptr<CollectionState>> GraphState::DocumentsState(
    Part part) const {
  SHEAF_ASSIGN_OR_RETURN(const Collection documents, Documents(part));
  return documents.state_;
}

absl::StatusOr<SchemaRef> GraphState::Names() const {
  if (names_writer != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(SchemaRef written, names_writer->schema());
    return written;
  }
  if (names == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(names, tree->txn->rep->schemas.Get(parts));
  }
  return names;
}

absl::StatusOr<std::string_view> GraphState::NameOf(const NameTable& table,
                                                    NameId id) const {
  if (id < table.size()) return table.NameOf(id);
  return absl::DataLossError(
      absl::StrCat(tree->name, ": label or type ", id, " has no name"));
}

absl::Status GraphState::ForgetNewNames() const {
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                         names_writer->schema());
  schema->ForgetNewNames();
  return absl::OkStatus();
}

absl::StatusOr<Collection> GraphState::Documents(Part part) const {
  std::optional<Collection>& opened = documents_[part];
  if (opened.has_value()) return *opened;
  const std::string name = DocumentsName(id(), part);
  auto table = std::make_shared<TableState>();
  if (tree->open != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(table->open, tree->txn->write->FindTree(name));
    if (table->open == nullptr) return LostPart(tree->name, NameOfPart(part));
    table->txn = tree->txn;
  } else {
    const absl::StatusOr<std::shared_ptr<TableState>> found =
        OpenForReading(tree->txn, name, catalog::TreeKind::kPartCollection);
    if (absl::IsNotFound(found.status())) return LostPart(tree->name, NameOfPart(part));
    SHEAF_RETURN_IF_ERROR(found.status());
    table = *found;
  }
  table->name = absl::StrCat(tree->name, " (", NameOfPart(part), ")");
  return opened.emplace(Collection(CollectionState::Of(std::move(table))));
}

}  // namespace internal
}  // namespace sheaf
