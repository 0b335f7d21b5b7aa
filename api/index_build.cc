// Database::CreateIndex and its kin: an index built beside readers and writers.
//
// From its declaration on every writer keeps its entries for what it changes. The builder
// adds those of all documents, in order, in short transactions of its own: where a writer
// was there before, the entry is there already. What a crash leaves is declared and not
// ready; no query uses it, and the next call begins anew.
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/graph_state.h"
#include "api/internal/handles.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace internal {

constexpr uint64_t kBytesAtOnce = 256 << 10;  // of entries in a transaction: some ms

class IndexBuild {
 public:
  // `part`: of the graph of that name; none: it is a collection.
  static absl::Status Build(Database* db, std::string_view name,
                            std::optional<GraphState::Part> part,
                            const IndexDefinition& definition, const Progress& progress) {
    if (db->rep().closed.load())
      return absl::FailedPreconditionError("the database is closed");
    const absl::Status built = IndexBuild(db, name, part, definition).Run(progress);
    return built.ok() ? built : At(std::string(name), built);
  }

  ~IndexBuild() {
    if (!registered_) return;
    const absl::MutexLock lock(&db_.rep().building_mu);
    db_.rep().building.erase(id_);
  }

  IndexBuild(const IndexBuild&) = delete;
  IndexBuild& operator=(const IndexBuild&) = delete;

 private:
  IndexBuild(Database* db, std::string_view name, std::optional<GraphState::Part> part,
             IndexDefinition definition)
      : db_(*db), name_(name), part_(part), definition_(std::move(definition)) {}

  absl::Status Run(const Progress& progress) {
    SHEAF_RETURN_IF_ERROR(definition_.Complete());
    {
      SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_.BeginWrite());
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

  // Made if it is not there.
  absl::StatusOr<catalog::OpenTree*> OpenTarget(WriteTransaction* txn) {
    if (!part_.has_value()) {
      SHEAF_RETURN_IF_ERROR(txn->collection(name_).status());
      return txn->state_->write->FindTree(name_);
    }
    SHEAF_ASSIGN_OR_RETURN(const Graph graph, txn->graph(name_));
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<GraphState> state,
                           GraphState::StateOf(graph));
    SHEAF_ASSIGN_OR_RETURN(const auto documents, state->DocumentsState(*part_));
    return documents->tree->open;
  }

  static absl::Status Gone(const char* what) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " was dropped while the index was built"));
  }

  // By what others can not give to another: a name may be.
  absl::StatusOr<document::CollectionWriter*> Find(WriteTransaction* txn) {
    TransactionState& state = *txn->state_;
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, state.write->FindTree(id_.first));
    if (tree == nullptr) return Gone(part_.has_value() ? "the graph" : "the collection");
    if (part_.has_value()) {
      const auto graph = graph::GraphOfPart(tree->record().name);
      SHEAF_RETURN_IF_ERROR(GraphState::RemoveExpired(txn->state_, graph.value_or(0)));
    }
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
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, OpenTarget(txn));
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
  const std::string name_;
  const std::optional<GraphState::Part> part_;
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
  return internal::IndexBuild::Build(this, collection, std::nullopt, definition,
                                     progress);
}
absl::Status Database::CreateVertexIndex(std::string_view graph,
                                         const IndexDefinition& definition,
                                         const Progress& progress) {
  return internal::IndexBuild::Build(this, graph, internal::GraphState::kVertices,
                                     definition, progress);
}
absl::Status Database::CreateEdgeIndex(std::string_view graph,
                                       const IndexDefinition& definition,
                                       const Progress& progress) {
  return internal::IndexBuild::Build(this, graph, internal::GraphState::kEdges,
                                     definition, progress);
}

}  // namespace sheaf
