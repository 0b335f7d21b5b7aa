#include "sheaf/transaction.h"

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "catalog/measure.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf {

using internal::TableState;
using internal::TransactionState;

namespace {

TreeInfo ToInfo(const catalog::TreeRecord& record, uint64_t entries) {
  return {record.name,       static_cast<TreeKind>(record.kind), entries, record.key_type,
          record.value_type, record.compression.wanted};
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
    uint64_t entries = r.root.entries;
    if (r.kind == catalog::TreeKind::kCollection) {
      SHEAF_ASSIGN_OR_RETURN(const catalog::TreeView tree, view(r));
      SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, document::CountSchemaRows(tree));
      entries -= rows;
    }
    infos.push_back(ToInfo(r, entries));
  }
  return infos;
}

const char* KindName(catalog::TreeKind kind) {
  switch (kind) {
    case catalog::TreeKind::kTable:
      return "table";
    case catalog::TreeKind::kCollection:
      return "collection";
    case catalog::TreeKind::kGraph:
      return "graph";
    default:
      return "part of another";
  }
}

absl::Status CheckKind(const catalog::TreeRecord& record, catalog::TreeKind wanted) {
  if (record.kind == wanted) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      record.name, ": is a ", KindName(record.kind), ", not a ", KindName(wanted)));
}

absl::Status CheckTypes(const catalog::TreeRecord& record, std::string_view key_type,
                        std::string_view value_type) {
  if (record.key_type == key_type && record.value_type == value_type)
    return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      record.name, ": holds (", record.key_type, ", ", record.value_type,
      "), opened as (", std::string(key_type), ", ", std::string(value_type), ")"));
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
  if (write != nullptr) write->Rollback();
  const bool owns = write != nullptr || snapshot->End();
  snapshot.reset();
  if (owns) ended->Drop();
}

document::CollectionWriter* TransactionState::WriterOf(catalog::OpenTree* tree) {
  std::unique_ptr<document::CollectionWriter>& writer = collections[tree->record().id];
  if (writer == nullptr)
    writer =
        std::make_unique<document::CollectionWriter>(write.get(), tree, &rep->schemas);
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
  auto state = std::make_shared<internal::CollectionState>();
  state->tree = table;
  state->table = Table(std::move(table));
  return CollectionReader(std::move(state));
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

absl::StatusOr<TreeStats> ReadTransaction::Measure(std::string_view name,
                                                   const Progress& progress) const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  SHEAF_ASSIGN_OR_RETURN(const std::optional<catalog::TreeRecord> record,
                         state_->snapshot->FindTree(name));
  if (!record.has_value())
    return absl::NotFoundError(
        absl::StrCat(std::string(name), ": no such table or collection"));
  const absl::StatusOr<catalog::TreeMeasure> m =
      catalog::MeasureTree(*state_->snapshot, *record, progress);
  if (!m.ok()) return internal::At(std::string(name), m.status());
  uint32_t schema_rows = 0;
  if (record->kind == catalog::TreeKind::kCollection) {
    SHEAF_ASSIGN_OR_RETURN(schema_rows,
                           document::CountSchemaRows(catalog::TreeView(
                               state_->rep->store.get(), &*state_->snapshot, &*record)));
  }
  return TreeStats{.entries = m->entries - schema_rows,
                   .height = m->height,
                   .leaf_pages = m->leaf_pages,
                   .inner_pages = m->inner_pages,
                   .value_pages = m->value_pages,
                   .unused_bytes = m->unused_bytes,
                   .large_values = m->large_values,
                   .compression = record->compression.wanted,
                   .values_as_is = m->as_is,
                   .values_with_dictionary = m->with_dictionary,
                   .value_bytes = m->value_bytes,
                   .stored_bytes = m->stored_bytes,
                   .dictionaries = m->dictionaries,
                   .dictionary_bytes = m->dictionary_bytes};
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
  const absl::Status status = state_->write->Commit(state_->durability);
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
  auto state = std::make_shared<internal::CollectionState>();
  state->tree = table;
  state->table = Table(std::move(table));
  state->writer = state_->WriterOf(state->tree->open);
  return Collection(std::move(state));
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

absl::StatusOr<catalog::OpenTree*> FindToChange(TransactionState* txn,
                                                std::string_view name) {
  if (txn == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(txn->Live());
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, txn->write->FindTree(name));
  if (tree != nullptr && !catalog::IsPart(tree->record().kind)) return tree;
  return absl::NotFoundError(
      absl::StrCat(std::string(name), ": no such table or collection"));
}

}  // namespace

absl::Status WriteTransaction::Rename(std::string_view from, std::string_view to) {
  SHEAF_RETURN_IF_ERROR(FindToChange(state_.get(), from).status());
  return state_->write->RenameTree(from, to);
}

absl::Status WriteTransaction::Drop(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, FindToChange(state_.get(), name));
  if (tree->record().kind == catalog::TreeKind::kCollection)
    SHEAF_RETURN_IF_ERROR(state_->WriterOf(tree)->DropAllIndexes());
  return state_->write->DropTree(name);
}

absl::Status WriteTransaction::SetCompression(std::string_view name,
                                              const Compression& compression) {
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, FindToChange(state_.get(), name));
  return tree->SetCompression(compression);
}

absl::Status WriteTransaction::Recompress(std::string_view name,
                                          const Compression& compression,
                                          const Progress& progress) {
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, FindToChange(state_.get(), name));
  const uint64_t total = tree->root().entries;
  return tree->Recompress(compression, [&](uint64_t done) {
    return catalog::Tick(progress, "the recompression", {done, total, "entries encoded"});
  });
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
  return state_->write->RollbackTo(savepoint.id_);
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
void WriteBatch::Delete(std::string_view table, std::string_view key) {
  ops_.push_back({std::string(table), std::string(key), {}, true, 0});
}
void WriteBatch::Clear() { ops_.clear(); }

}  // namespace sheaf
