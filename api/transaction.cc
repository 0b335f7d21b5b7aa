#include "sheaf/transaction.h"

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "api/internal/blob_state.h"
#include "api/internal/graph_state.h"
#include "api/internal/handles.h"
#include "api/internal/vector_fields.h"
#include "api/internal/vector_state.h"
#include "catalog/measure.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf {

using internal::TableState;
using internal::TransactionState;

namespace internal {
namespace {

const char* KindName(catalog::TreeKind kind) {
  switch (kind) {
    case catalog::TreeKind::kTable:
      return "table";
    case catalog::TreeKind::kCollection:
      return "collection";
    case catalog::TreeKind::kGraph:
      return "graph";
    case catalog::TreeKind::kVectors:
      return "vector index";
    case catalog::TreeKind::kBlobs:
      return "blob store";
    default:
      return "part of another";
  }
}

}  // namespace

absl::Status CheckKind(const catalog::TreeRecord& record, catalog::TreeKind wanted) {
  if (record.kind == wanted) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      record.name, ": is a ", KindName(record.kind), ", not a ", KindName(wanted)));
}

absl::StatusOr<std::shared_ptr<TableState>> OpenForReading(
    const std::shared_ptr<TransactionState>& txn, std::string_view name,
    catalog::TreeKind kind) {
  SHEAF_RETURN_IF_ERROR(txn->Live());
  SHEAF_ASSIGN_OR_RETURN(std::optional<catalog::TreeRecord> record,
                         txn->snapshot->FindTree(name));
  if (!record.has_value())
    return absl::NotFoundError(
        absl::StrCat(std::string(name), ": no such ", KindName(kind)));
  SHEAF_RETURN_IF_ERROR(CheckKind(*record, kind));
  auto state = std::make_shared<TableState>();
  state->txn = txn;
  state->name = std::string(name);
  state->record = *std::move(record);
  return state;
}

std::shared_ptr<CollectionState> CollectionState::Of(std::shared_ptr<TableState> tree) {
  auto state = std::make_shared<CollectionState>();
  state->tree = tree;
  if (tree->open != nullptr) state->writer = tree->txn->WriterOf(tree->open);
  state->table = Table(std::move(tree));
  return state;
}

}  // namespace internal

namespace {

using internal::BlobState;
using internal::CheckKind;
using internal::CollectionState;
using internal::GraphState;
using internal::OpenForReading;
using internal::VectorState;

// Trees that hold values which users compress: the tree itself, or a graph's properties.
std::vector<std::string> CompressedTrees(const catalog::TreeRecord& record) {
  if (record.kind == catalog::TreeKind::kVectors)
    return {vectors::MetadataName(record.id)};
  if (record.kind == catalog::TreeKind::kBlobs) return {blobs::RecordsName(record.id)};
  if (record.kind != catalog::TreeKind::kGraph) return {record.name};
  return {graph::VertexDocumentsName(record.id), graph::EdgeDocumentsName(record.id)};
}

const catalog::TreeRecord* FindRecord(const std::vector<catalog::TreeRecord>& records,
                                      const std::string& name) {
  const auto it = std::find_if(records.begin(), records.end(),
                               [&](const auto& record) { return record.name == name; });
  return it == records.end() ? nullptr : &*it;
}

// `view`: of the tree of a record.
using ViewFn = absl::FunctionRef<absl::StatusOr<catalog::TreeView>(
    const catalog::TreeRecord& record)>;
absl::StatusOr<std::vector<TreeInfo>> ToInfos(
    const std::vector<catalog::TreeRecord>& records, ViewFn view) {
  std::vector<TreeInfo> infos;
  infos.reserve(records.size());
  for (const catalog::TreeRecord& r : records) {
    if (catalog::IsPart(r.kind)) continue;
    // Vertices and blobs expire with their documents, and blobs are counted by them.
    const catalog::TreeRecord* of = &r;
    if (r.kind == catalog::TreeKind::kGraph)
      of = FindRecord(records, graph::VertexDocumentsName(r.id));
    else if (r.kind == catalog::TreeKind::kBlobs)
      of = FindRecord(records, blobs::RecordsName(r.id));
    uint64_t entries = r.root.entries;
    if (r.kind == catalog::TreeKind::kBlobs && of != nullptr) entries = of->root.entries;
    if (of != nullptr && (r.kind == catalog::TreeKind::kCollection ||
                          r.kind == catalog::TreeKind::kBlobs)) {
      SHEAF_ASSIGN_OR_RETURN(const catalog::TreeView tree, view(*of));
      SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, document::CountSchemaRows(tree));
      entries -= rows;
    }
    if (r.kind == catalog::TreeKind::kVectors) {
      SHEAF_ASSIGN_OR_RETURN(const vectors::Layout layout,
                             vectors::ParseOptionsText(r.value_type));
      entries /= layout.vector_records;
    }
    uint64_t expired = 0;
    if (of != nullptr && of->expires) {
      SHEAF_ASSIGN_OR_RETURN(const catalog::TreeView tree, view(*of));
      SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree.expiries());
      SHEAF_ASSIGN_OR_RETURN(expired, expiries->Hidden());
      entries -= expired;
    }
    const std::string values = CompressedTrees(r).front();
    const auto with =
        std::find_if(records.begin(), records.end(),
                     [&](const auto& other) { return other.name == values; });
    const bool is_typed = r.kind == catalog::TreeKind::kTable;
    infos.push_back({r.name, static_cast<TreeKind>(r.kind), entries,
                     is_typed ? r.key_type : "", is_typed ? r.value_type : "",
                     with == records.end() ? Compression() : with->compression.wanted,
                     expired});
  }
  return infos;
}

absl::Status CheckTypes(const catalog::TreeRecord& record, std::string_view key_type,
                        std::string_view value_type) {
  if (record.key_type == key_type && record.value_type == value_type)
    return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      record.name, ": holds (", record.key_type, ", ", record.value_type,
      "), opened as (", std::string(key_type), ", ", std::string(value_type), ")"));
}

absl::StatusOr<std::shared_ptr<TableState>> OpenForWriting(
    const std::shared_ptr<TransactionState>& txn, std::string_view name,
    catalog::TreeKind kind, std::string_view key_type, std::string_view value_type,
    const TreeOptions& options) {
  SHEAF_RETURN_IF_ERROR(txn->Live());
  SHEAF_RETURN_IF_ERROR(catalog::CheckTreeName(name));
  const Compression compression =
      options.compression.value_or(txn->rep->store->options().compression);
  SHEAF_RETURN_IF_ERROR(catalog::CheckCompression(compression));
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * open, txn->write->FindTree(name));
  if (open == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(open,
                           txn->write->CreateTree(name, kind, key_type, value_type));
    if (kind == catalog::TreeKind::kGraph)
      SHEAF_RETURN_IF_ERROR(GraphState::Create(txn->write.get(), &txn->rep->schemas,
                                               open->record().id, compression));
    else
      SHEAF_RETURN_IF_ERROR(open->SetCompression(compression));
  }
  SHEAF_RETURN_IF_ERROR(CheckKind(open->record(), kind));
  auto state = std::make_shared<TableState>();
  state->txn = txn;
  state->name = std::string(name);
  state->open = open;
  return state;
}

}  // namespace

void TransactionState::End() {
  if (rep == nullptr) return;
  Database::Rep* const ended = std::exchange(rep, nullptr);
  // The WriteTxn itself stays: handles point into it and ask it whether it lives.
  EndStreams();
  if (write != nullptr) write->Rollback();
  const bool owns = write != nullptr || snapshot->End();
  snapshot.reset();
  if (owns) ended->Drop();
}

document::CollectionWriter* TransactionState::WriterOf(catalog::OpenTree* tree) {
  std::unique_ptr<document::CollectionWriter>& writer = collections[tree->record().id];
  if (writer != nullptr) return writer.get();
  writer = std::make_unique<document::CollectionWriter>(write.get(), tree, &rep->schemas);
  writer->set_watcher(std::make_unique<internal::VectorFields>(this, tree));
  return writer.get();
}

// --- ReadTransaction --------------------------------------------------------

ReadTransaction::ReadTransaction(std::shared_ptr<TransactionState> state)
    : state_(std::move(state)) {}
ReadTransaction::ReadTransaction(ReadTransaction&&) noexcept = default;
ReadTransaction& ReadTransaction::operator=(ReadTransaction&& other) noexcept {
  if (this != &other) {
    End();
    state_ = std::move(other.state_);
  }
  return *this;
}
ReadTransaction::~ReadTransaction() { End(); }

void ReadTransaction::End() {
  if (state_ != nullptr) state_->End();
}

absl::StatusOr<TableReader> ReadTransaction::table(std::string_view name) const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<TableState> table,
                         OpenForReading(state_, name, catalog::TreeKind::kTable));
  return TableReader(std::move(table));
}

absl::StatusOr<TableReader> ReadTransaction::typed_table(
    std::string_view name, std::string_view key_type, std::string_view value_type) const {
  SHEAF_ASSIGN_OR_RETURN(TableReader reader, table(name));
  SHEAF_RETURN_IF_ERROR(CheckTypes(reader.state_->record, key_type, value_type));
  return reader;
}

absl::StatusOr<CollectionReader> ReadTransaction::collection(
    std::string_view name) const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<TableState> table,
                         OpenForReading(state_, name, catalog::TreeKind::kCollection));
  return CollectionReader(CollectionState::Of(std::move(table)));
}

absl::StatusOr<GraphReader> ReadTransaction::graph(std::string_view name) const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<TableState> tree,
                         OpenForReading(state_, name, catalog::TreeKind::kGraph));
  const bool expires = tree->record.expires;
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<GraphState> graph,
                         GraphState::Of(std::move(tree)));
  if (expires) SHEAF_RETURN_IF_ERROR(graph->HideExpired());
  return GraphReader(std::move(graph));
}

absl::StatusOr<VectorIndexReader> ReadTransaction::vectors(std::string_view name) const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<TableState> tree,
                         OpenForReading(state_, name, catalog::TreeKind::kVectors));
  absl::StatusOr<std::shared_ptr<VectorState>> index = VectorState::Of(std::move(tree));
  if (!index.ok()) return internal::At(std::string(name), index.status());
  return VectorIndexReader(*std::move(index));
}

absl::StatusOr<BlobStoreReader> ReadTransaction::blobs(std::string_view name) const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<TableState> tree,
                         OpenForReading(state_, name, catalog::TreeKind::kBlobs));
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<BlobState> store,
                         BlobState::Of(std::move(tree)));
  return BlobStoreReader(std::move(store));
}

absl::StatusOr<std::vector<TreeInfo>> ReadTransaction::List() const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  SHEAF_ASSIGN_OR_RETURN(const std::vector<catalog::TreeRecord> records,
                         state_->snapshot->ListTrees());
  return ToInfos(records, [this](const catalog::TreeRecord& record) {
    return catalog::TreeView(state_->rep->store.get(), &*state_->snapshot, &record);
  });
}

namespace {

void Add(const catalog::TreeMeasure& m, TreeStats* stats) {
  stats->height = std::max(stats->height, m.height);
  stats->leaf_pages += m.leaf_pages;
  stats->inner_pages += m.inner_pages;
  stats->value_pages += m.value_pages;
  stats->unused_bytes += m.unused_bytes;
  stats->large_values += m.large_values;
  stats->values_as_is += m.as_is;
  stats->values_with_dictionary += m.with_dictionary;
  stats->value_bytes += m.value_bytes;
  stats->stored_bytes += m.stored_bytes;
  stats->dictionaries += m.dictionaries;
  stats->dictionary_bytes += m.dictionary_bytes;
}

}  // namespace

absl::StatusOr<TreeStats> ReadTransaction::Measure(std::string_view name,
                                                   const Progress& progress) const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  SHEAF_ASSIGN_OR_RETURN(const std::optional<catalog::TreeRecord> record,
                         state_->snapshot->FindTree(name));
  if (!record.has_value() || catalog::IsPart(record->kind))
    return absl::NotFoundError(
        absl::StrCat(std::string(name),
                     ": no such table, collection, graph, vector index or blob store"));
  TreeStats stats;
  const auto measure = [&](const catalog::TreeRecord& tree) -> absl::Status {
    const absl::StatusOr<catalog::TreeMeasure> m =
        catalog::MeasureTree(*state_->snapshot, tree, progress);
    if (!m.ok()) return internal::At(std::string(name), m.status());
    Add(*m, &stats);
    if (tree.id == record->id) stats.entries = m->entries;
    return absl::OkStatus();
  };
  SHEAF_RETURN_IF_ERROR(measure(*record));
  stats.compression = record->compression.wanted;
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries,
                         state_->snapshot->ExpiriesOf(*record));
  if (expiries != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(stats.expired, expiries->Hidden());
  }
  if (record->kind == catalog::TreeKind::kCollection) {
    SHEAF_ASSIGN_OR_RETURN(const uint32_t schema_rows,
                           document::CountSchemaRows(catalog::TreeView(
                               state_->rep->store.get(), &*state_->snapshot, &*record)));
    stats.entries -= schema_rows;
  }
  std::vector<std::string> parts;
  if (record->kind == catalog::TreeKind::kGraph) {
    parts = CompressedTrees(*record);
    parts.push_back(graph::PartsName(record->id));
  } else if (record->kind == catalog::TreeKind::kBlobs) {
    parts = CompressedTrees(*record);
  } else if (record->kind == catalog::TreeKind::kVectors) {
    parts = {vectors::MetadataName(record->id), vectors::KeysName(record->id),
             vectors::NodesName(record->id), vectors::LevelsName(record->id)};
    SHEAF_ASSIGN_OR_RETURN(const vectors::Layout layout,
                           vectors::ParseOptionsText(record->value_type));
    stats.entries /= layout.vector_records;
  }
  for (const std::string& part : parts) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<catalog::TreeRecord> tree,
                           state_->snapshot->FindTree(part));
    if (!tree.has_value()) continue;
    SHEAF_RETURN_IF_ERROR(measure(*tree));
    if (part == parts.front()) stats.compression = tree->compression.wanted;
  }
  return stats;
}

uint64_t ReadTransaction::version() const {
  return state_ != nullptr && state_->snapshot.has_value()
             ? state_->snapshot->version().number
             : 0;
}

// --- WriteTransaction -------------------------------------------------------

WriteTransaction::WriteTransaction(std::shared_ptr<TransactionState> state)
    : state_(std::move(state)) {}
WriteTransaction::WriteTransaction(WriteTransaction&&) noexcept = default;
WriteTransaction& WriteTransaction::operator=(WriteTransaction&& other) noexcept {
  if (this != &other) {
    Rollback();
    state_ = std::move(other.state_);
  }
  return *this;
}
WriteTransaction::~WriteTransaction() { Rollback(); }

void WriteTransaction::Rollback() {
  if (state_ != nullptr) state_->End();
}

absl::Status WriteTransaction::Commit() {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  state_->EndStreams();
  const absl::Status status = state_->write->Commit(state_->durability);
  if (status.ok()) {
    for (const catalog::TreeId index : state_->vectors_changed) state_->rep->Link(index);
    state_->rep->NoteExpiry(state_->write->first_expiry());
  }
  state_->End();
  return status;
}

absl::StatusOr<Table> WriteTransaction::table(std::string_view name,
                                              const TreeOptions& options) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(
      std::shared_ptr<TableState> table,
      OpenForWriting(state_, name, catalog::TreeKind::kTable, {}, {}, options));
  return Table(std::move(table));
}

absl::StatusOr<Table> WriteTransaction::typed_table(std::string_view name,
                                                    std::string_view key_type,
                                                    std::string_view value_type,
                                                    const TreeOptions& options) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<TableState> table,
                         OpenForWriting(state_, name, catalog::TreeKind::kTable, key_type,
                                        value_type, options));
  SHEAF_RETURN_IF_ERROR(CheckTypes(table->open->record(), key_type, value_type));
  return Table(std::move(table));
}

absl::StatusOr<Collection> WriteTransaction::collection(std::string_view name,
                                                        const TreeOptions& options) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(
      std::shared_ptr<TableState> table,
      OpenForWriting(state_, name, catalog::TreeKind::kCollection, {}, {}, options));
  return Collection(CollectionState::Of(std::move(table)));
}

absl::StatusOr<Graph> WriteTransaction::graph(std::string_view name,
                                              const TreeOptions& options) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(
      std::shared_ptr<TableState> tree,
      OpenForWriting(state_, name, catalog::TreeKind::kGraph, {}, {}, options));
  const catalog::TreeRecord& record = tree->open->record();
  state_->graphs.insert(record.id);
  if (record.expires) SHEAF_RETURN_IF_ERROR(GraphState::RemoveExpired(state_, record.id));
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<GraphState> graph,
                         GraphState::Of(std::move(tree)));
  return Graph(std::move(graph));
}

absl::StatusOr<VectorIndex> WriteTransaction::vectors(std::string_view name,
                                                      const VectorOptions& wanted,
                                                      const TreeOptions& options) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  SHEAF_RETURN_IF_ERROR(vectors::CheckOptions(wanted));
  SHEAF_ASSIGN_OR_RETURN(const catalog::OpenTree* const there,
                         state_->write->FindTree(name));
  if (there == nullptr) {
    SHEAF_RETURN_IF_ERROR(catalog::CheckTreeName(name));
    const Compression compression =
        options.compression.value_or(state_->rep->store->options().compression);
    SHEAF_RETURN_IF_ERROR(catalog::CheckCompression(compression));
    SHEAF_RETURN_IF_ERROR(
        VectorState::Create(state_->write.get(), name, wanted, compression).status());
  }
  SHEAF_ASSIGN_OR_RETURN(VectorIndex index, vectors(name));
  VectorOptions same = vectors::Layout(wanted).options;
  same.ef_search = index.options().ef_search;
  if (same == index.options()) return index;
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(name), ": is there with other options: ",
                   vectors::OptionsText(vectors::Layout(index.options())),
                   ", opened with ", vectors::OptionsText(vectors::Layout(same))));
}

absl::StatusOr<VectorIndex> WriteTransaction::vectors(std::string_view name) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const open, state_->write->FindTree(name));
  if (open == nullptr || catalog::IsPart(open->record().kind))
    return absl::NotFoundError(absl::StrCat(std::string(name), ": no such vector index"));
  SHEAF_RETURN_IF_ERROR(CheckKind(open->record(), catalog::TreeKind::kVectors));
  auto tree = std::make_shared<TableState>();
  tree->txn = state_;
  tree->name = std::string(name);
  tree->open = open;
  absl::StatusOr<std::shared_ptr<VectorState>> index = VectorState::Of(std::move(tree));
  if (!index.ok()) return internal::At(std::string(name), index.status());
  return VectorIndex(*std::move(index));
}

absl::StatusOr<BlobStore> WriteTransaction::blobs(std::string_view name) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * open, state_->write->FindTree(name));
  if (open == nullptr) {
    SHEAF_RETURN_IF_ERROR(BlobState::Create(state_, name));
    SHEAF_ASSIGN_OR_RETURN(open, state_->write->FindTree(name));
  }
  SHEAF_RETURN_IF_ERROR(CheckKind(open->record(), catalog::TreeKind::kBlobs));
  auto tree = std::make_shared<TableState>();
  tree->txn = state_;
  tree->name = std::string(name);
  tree->open = open;
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<BlobState> store,
                         BlobState::Of(std::move(tree)));
  return BlobStore(std::move(store));
}

absl::StatusOr<std::vector<TreeInfo>> WriteTransaction::List() const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  SHEAF_ASSIGN_OR_RETURN(const std::vector<catalog::TreeRecord> records,
                         state_->write->ListTrees());
  const auto view =
      [this](const catalog::TreeRecord& r) -> absl::StatusOr<catalog::TreeView> {
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * open, state_->write->FindTree(r.name));
    return catalog::TreeView(state_->write.get(), open);
  };
  return ToInfos(records, view);
}

namespace {

absl::Status LostPart(std::string_view graph) {
  return absl::DataLossError(
      absl::StrCat(std::string(graph), ": properties of the graph are lost"));
}

absl::StatusOr<catalog::OpenTree*> FindToChange(TransactionState* txn,
                                                std::string_view name) {
  if (txn == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(txn->Live());
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, txn->write->FindTree(name));
  if (tree != nullptr && !catalog::IsPart(tree->record().kind)) return tree;
  return absl::NotFoundError(
      absl::StrCat(std::string(name),
                   ": no such table, collection, graph, vector index or blob store"));
}

}  // namespace

absl::Status WriteTransaction::Rename(std::string_view from, std::string_view to) {
  SHEAF_RETURN_IF_ERROR(FindToChange(state_.get(), from).status());
  return state_->write->RenameTree(from, to);
}

absl::Status WriteTransaction::Drop(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, FindToChange(state_.get(), name));
  if (tree->record().kind == catalog::TreeKind::kCollection) {
    SHEAF_RETURN_IF_ERROR(
        internal::VectorFields::DropAll(state_.get(), tree->record().id));
    SHEAF_RETURN_IF_ERROR(state_->WriterOf(tree)->DropAllIndexes());
  }
  if (tree->record().kind == catalog::TreeKind::kVectors) {
    SHEAF_RETURN_IF_ERROR(internal::VectorFields::Forget(state_.get(), tree->record()));
    SHEAF_RETURN_IF_ERROR(VectorState::Drop(state_.get(), tree->record().id));
  }
  if (tree->record().kind == catalog::TreeKind::kBlobs)
    SHEAF_RETURN_IF_ERROR(internal::BlobState::Drop(state_.get(), tree->record().id));
  if (tree->record().kind == catalog::TreeKind::kGraph)
    SHEAF_RETURN_IF_ERROR(GraphState::Drop(state_.get(), tree->record().id));
  return state_->write->DropTree(name);
}

absl::Status WriteTransaction::SetCompression(std::string_view name,
                                              const Compression& compression) {
  SHEAF_ASSIGN_OR_RETURN(const catalog::OpenTree* const tree,
                         FindToChange(state_.get(), name));
  for (const std::string& values : CompressedTrees(tree->record())) {
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const open,
                           state_->write->FindTree(values));
    if (open == nullptr) return LostPart(name);
    SHEAF_RETURN_IF_ERROR(open->SetCompression(compression));
  }
  return absl::OkStatus();
}

absl::Status WriteTransaction::Recompress(std::string_view name,
                                          const Compression& compression,
                                          const Progress& progress) {
  SHEAF_ASSIGN_OR_RETURN(const catalog::OpenTree* const tree,
                         FindToChange(state_.get(), name));
  for (const std::string& values : CompressedTrees(tree->record())) {
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const open,
                           state_->write->FindTree(values));
    if (open == nullptr) return LostPart(name);
    const uint64_t total = open->root().entries;
    SHEAF_RETURN_IF_ERROR(open->Recompress(compression, [&](uint64_t done) {
      return catalog::Tick(progress, "the recompression",
                           {done, total, "entries encoded"});
    }));
  }
  return absl::OkStatus();
}

absl::StatusOr<Savepoint> WriteTransaction::SetSavepoint() {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  Savepoint savepoint;
  SHEAF_ASSIGN_OR_RETURN(savepoint.id_, state_->write->SetSavepoint());
  return savepoint;
}

absl::Status WriteTransaction::RollbackTo(Savepoint savepoint) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  for (const auto& [id, writer] : state_->collections) writer->Forget();
  SHEAF_RETURN_IF_ERROR(state_->write->RollbackTo(savepoint.id_));
  // What had expired and was removed since is there again.
  for (const catalog::TreeId graph : state_->graphs)
    SHEAF_RETURN_IF_ERROR(GraphState::RemoveExpired(state_, graph));
  return absl::OkStatus();
}

absl::Status WriteTransaction::Release(Savepoint savepoint) {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  return state_->write->Release(savepoint.id_);
}

// --- WriteBatch -------------------------------------------------------------

void WriteBatch::Put(std::string_view table, std::string_view key,
                     std::string_view value) {
  const bool too_large = value.size() > kValueBytesMax;
  ops_.push_back({std::string(table), std::string(key),
                  too_large ? std::string() : std::string(value), false, value.size()});
}
void WriteBatch::Put(std::string_view table, std::string_view key, std::string_view value,
                     const Expiry& expiry) {
  Put(table, key, value);
  ops_.back().expiry = expiry;
}
void WriteBatch::Delete(std::string_view table, std::string_view key) {
  ops_.push_back({std::string(table), std::string(key), {}, true, 0});
}
void WriteBatch::Clear() {
  ops_.clear();
  merges_ = false;
}

}  // namespace sheaf
