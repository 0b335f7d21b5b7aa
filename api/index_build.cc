// Database::CreateIndex: an index built beside readers and writers.
//
// From its declaration on every writer keeps its entries for what it changes. The builder
// adds those of all documents, in order, in short transactions of its own: where a writer
// was there before, the entry is there already. What a crash leaves is declared and not
// ready; no query uses it, and the next call begins anew.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace internal {

constexpr uint64_t kBytesAtOnce = 256 << 10;  // of entries in a transaction: some ms

class IndexBuild {
 public:
  IndexBuild(Database* db, std::string collection, IndexDefinition definition)
      : db_(*db),
        collection_(std::move(collection)),
        definition_(std::move(definition)) {}

  ~IndexBuild() {
    if (!registered_) return;
    const absl::MutexLock lock(&db_.rep().building_mu);
    db_.rep().building.erase(id_);
  }

  absl::Status Run(const Progress& progress) {
    SHEAF_RETURN_IF_ERROR(definition_.Complete());
    {
      SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_.BeginWrite());
      SHEAF_RETURN_IF_ERROR(txn.collection(collection_).status());
      SHEAF_ASSIGN_OR_RETURN(const bool is_ready, Begin(&txn));
      SHEAF_RETURN_IF_ERROR(txn.Commit());
      if (is_ready) return absl::OkStatus();
    }
    absl::Status built;
    for (bool is_end = false; built.ok() && !is_end;) {
      const absl::StatusOr<bool> some = Continue();
      built = some.status();
      is_end = some.ok() && *some;
      if (built.ok() && !is_end)
        built =
            catalog::Tick(progress, "the index", {done_, total_, "documents indexed"});
    }
    if (!built.ok()) SHEAF_RETURN_IF_ERROR(GiveUp());
    return built;
  }

 private:
  static absl::Status Gone(const char* what) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " was dropped while the index was built"));
  }

  // By what others can not give to another: a name may be.
  absl::StatusOr<document::CollectionWriter*> Find(WriteTransaction* txn) {
    TransactionState& state = *txn->state_;
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, state.write->FindTree(id_.first));
    if (tree == nullptr) return Gone("the collection");
    document::CollectionWriter* const writer = state.WriterOf(tree);
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                           writer->schema());
    const document::Index* const index = schema->FindIndex(definition_.name);
    if (index == nullptr || index->row != row_) return Gone("the index");
    return writer;
  }

  // Declares it. True: it is there already, and ready.
  absl::StatusOr<bool> Begin(WriteTransaction* txn) {
    TransactionState& state = *txn->state_;
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, state.write->FindTree(collection_));
    document::CollectionWriter* const writer = state.WriterOf(tree);
    id_ = {tree->record().id, definition_.name};
    {
      const absl::MutexLock lock(&db_.rep().building_mu);
      registered_ = db_.rep().building.insert(id_).second;
    }
    if (!registered_)
      return absl::FailedPreconditionError(
          absl::StrCat("index ", definition_.name, ": it is being built"));
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                           writer->schema());
    const document::Index* const there = schema->FindIndex(definition_.name);
    const bool is_same = there != nullptr && there->definition == definition_;
    if (is_same && there->state == IndexState::kReady) return true;
    const bool was_disabled = is_same && there->disabled;
    if (is_same) SHEAF_RETURN_IF_ERROR(writer->DropIndex(definition_.name));
    SHEAF_RETURN_IF_ERROR(writer->BeginIndex(definition_));
    if (was_disabled) SHEAF_RETURN_IF_ERROR(writer->DisableIndex(definition_.name));
    row_ = schema->FindIndex(definition_.name)->row;
    SHEAF_ASSIGN_OR_RETURN(total_, writer->size());
    return false;
  }

  absl::StatusOr<bool> Continue() {
    // A crash before the last transaction is durable only costs the work.
    WriteOptions quick;
    quick.durability = Durability::kNone;
    SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_.BeginWrite(quick));
    SHEAF_ASSIGN_OR_RETURN(document::CollectionWriter * writer, Find(&txn));
    SHEAF_ASSIGN_OR_RETURN(
        const bool is_end,
        writer->ContinueIndex(definition_.name, kBytesAtOnce, &after_, &done_));
    if (is_end) txn.state_->durability = db_.rep().store->options().durability;
    SHEAF_RETURN_IF_ERROR(txn.Commit());
    return is_end;
  }

  absl::Status GiveUp() {
    SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_.BeginWrite());
    const absl::StatusOr<document::CollectionWriter*> writer = Find(&txn);
    if (!writer.ok()) return absl::OkStatus();  // it went with its collection
    const absl::Status dropped = (*writer)->DropIndex(definition_.name);
    return dropped.ok() ? txn.Commit() : absl::OkStatus();
  }

  Database& db_;
  const std::string collection_;
  IndexDefinition definition_;
  std::pair<catalog::TreeId, std::string> id_;
  uint32_t row_ = 0;  // of the index
  bool registered_ = false;
  std::string after_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace internal

absl::Status Database::CreateIndex(std::string_view collection,
                                   const IndexDefinition& definition,
                                   const Progress& progress) {
  if (rep_->closed.load()) return absl::FailedPreconditionError("the database is closed");
  internal::IndexBuild build(this, std::string(collection), definition);
  const absl::Status built = build.Run(progress);
  return built.ok() ? built : internal::At(std::string(collection), built);
}

}  // namespace sheaf
