// Removing what has expired: see expiry.h.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/internal/blob_state.h"
#include "api/internal/expired.h"
#include "api/internal/graph_state.h"
#include "api/internal/handles.h"
#include "api/internal/vector_state.h"
#include "catalog/expiry.h"
#include "catalog/tick.h"
#include "document/collection_codec.h"
#include "pager/status_macros.h"

namespace sheaf {

using catalog::Expiries;
using catalog::OpenTree;
using internal::Removed;
using internal::TransactionState;

namespace internal {
namespace {

constexpr uint64_t kRecordsABatchMax = 1'000'000;

void TellOf(const std::vector<std::string>& keys, const catalog::TreeRecord& record,
            const std::function<void(const ExpiredRecord&)>& hook) {
  if (!hook) return;
  for (const std::string& key : keys) {
    std::string text = key;
    if (record.kind != catalog::TreeKind::kTable) {
      const absl::StatusOr<DocumentKey> decoded = DecodeKey(key);
      if (decoded.ok()) text = decoded->ToString();
    }
    hook({record.name, static_cast<TreeKind>(record.kind), text});
  }
}

// As a writer of the application begins.
absl::StatusOr<std::shared_ptr<TransactionState>> BeginOwn(Database::Rep* rep,
                                                           Durability durability,
                                                           absl::Duration wait_max) {
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<catalog::WriteTxn> txn,
                         rep->store->BeginWrite(wait_max));
  auto state = std::make_shared<TransactionState>();
  rep->Add();
  state->rep = rep;
  state->write = std::move(txn);
  DeleteBlobsWithOwners(state->write.get(), [s = state.get()](catalog::OpenTree* tree) {
    return s->WriterOf(tree);
  });
  state->durability = durability;
  return state;
}

// Removes entries, of which `keys` are those that expired first.
absl::Status Remove(const std::shared_ptr<TransactionState>& txn, OpenTree* tree,
                    const std::vector<std::string>& keys) {
  std::vector<std::string> sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  switch (tree->record().kind) {
    case catalog::TreeKind::kTable:
      SHEAF_RETURN_IF_ERROR(catalog::DeleteKeys(txn->write.get(), tree, sorted));
      break;
    case catalog::TreeKind::kCollection:
      SHEAF_RETURN_IF_ERROR(txn->WriterOf(tree)->DeleteExpired(sorted));
      break;
    case catalog::TreeKind::kVectors: {
      auto handle = std::make_shared<TableState>();
      handle->txn = txn;
      handle->name = tree->record().name;
      handle->open = tree;
      SHEAF_ASSIGN_OR_RETURN(const auto index, VectorState::Of(std::move(handle)));
      for (const std::string& key : sorted)
        SHEAF_RETURN_IF_ERROR(index->Remove(key).status());
      break;
    }
    default:
      return absl::UnimplementedError(
          absl::StrCat(tree->record().name, ": records of its kind do not expire"));
  }
  SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, tree->expiries());
  return expiries->ClearFirst(keys);
}

// Of the graph, or the blobs, that the documents belong to.
absl::StatusOr<Removed> RemoveWithDocuments(const std::shared_ptr<TransactionState>& txn,
                                            const catalog::TreeRecord& documents,
                                            uint64_t max) {
  const std::optional<catalog::TreeId> id = graph::GraphOfPart(documents.name);
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const open, txn->write->FindTree(id.value_or(0)));
  if (open != nullptr && open->record().kind == catalog::TreeKind::kBlobs) {
    auto handle = std::make_shared<TableState>();
    handle->txn = txn;
    handle->name = open->record().name;
    handle->open = open;
    SHEAF_ASSIGN_OR_RETURN(const auto store, BlobState::Of(std::move(handle)));
    SHEAF_ASSIGN_OR_RETURN(
        const uint64_t blobs,
        store->RemoveExpired(max, txn->rep->store->options().on_expired));
    return Removed{blobs, catalog::TreeKind::kBlobs};
  }
  if (open == nullptr || open->record().kind != catalog::TreeKind::kGraph)
    return absl::DataLossError("documents that expire, of nothing");
  auto handle = std::make_shared<TableState>();
  handle->txn = txn;
  handle->name = open->record().name;
  handle->open = open;
  SHEAF_ASSIGN_OR_RETURN(const auto graph, GraphState::Of(std::move(handle)));
  SHEAF_ASSIGN_OR_RETURN(
      const uint64_t parts,
      graph->RemoveExpired(max, txn->rep->store->options().on_expired));
  return Removed{parts, catalog::TreeKind::kGraph};
}

}  // namespace

absl::StatusOr<Removed> RemoveExpired(Database::Rep* rep, catalog::TreeId owner,
                                      uint64_t max, Durability durability,
                                      absl::Duration wait_max) {
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<TransactionState> txn,
                         BeginOwn(rep, durability, wait_max));
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const tree, txn->write->FindTree(owner));
  if (tree == nullptr) return Removed{};
  SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, tree->expiries());
  if (expiries == nullptr) return Removed{};
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, expiries->Hidden());
  if (hidden == 0) return Removed{};
  Removed removed{0, tree->record().kind};
  if (removed.kind == catalog::TreeKind::kPartCollection) {
    SHEAF_ASSIGN_OR_RETURN(removed, RemoveWithDocuments(txn, tree->record(), max));
  } else {
    std::vector<std::string> keys;
    SHEAF_RETURN_IF_ERROR(expiries->ForEachHidden([&](std::string_view key) {
      keys.emplace_back(key);
      return keys.size() < max;
    }));
    TellOf(keys, tree->record(), rep->store->options().on_expired);
    SHEAF_RETURN_IF_ERROR(Remove(txn, tree, keys));
    removed.records = keys.size();
  }
  SHEAF_RETURN_IF_ERROR(txn->write->Commit(durability));
  for (const catalog::TreeId index : txn->vectors_changed) rep->Link(index);
  return removed;
}

absl::StatusOr<Remaining> LookForExpired(catalog::Store* store) {
  const catalog::Snapshot snapshot(store);
  SHEAF_ASSIGN_OR_RETURN(
      const std::vector<catalog::TreeId> owners,
      catalog::ListExpiring(snapshot.context(), snapshot.version().catalog));
  Remaining remaining;
  for (const catalog::TreeId owner : owners) {
    catalog::TreeRecord record;
    record.id = owner;
    record.expires = true;
    SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, snapshot.ExpiriesOf(record));
    SHEAF_ASSIGN_OR_RETURN(const uint64_t expired, expiries->Hidden());
    SHEAF_ASSIGN_OR_RETURN(const std::optional<int64_t> next, expiries->NextInstant());
    remaining.expired += expired;
    if (next.has_value()) remaining.next = std::min(remaining.next, *next);
  }
  return remaining;
}

void NoteExpiring(Database::Rep* rep) {
  const Options& options = rep->store->options();
  if (!options.background_expiry || options.read_only) return;
  const absl::StatusOr<Remaining> remaining = LookForExpired(rep->store.get());
  rep->NoteExpiry(remaining.ok() ? remaining->next : 0);
}

absl::Status CheckExpired(const catalog::Snapshot& snapshot, catalog::Store* store,
                          const Progress& progress,
                          absl::FunctionRef<void(const std::string& what)> problem) {
  SHEAF_ASSIGN_OR_RETURN(
      const std::vector<catalog::TreeId> owners,
      catalog::ListExpiring(snapshot.context(), snapshot.version().catalog));
  for (const catalog::TreeId id : owners) {
    const std::string name = catalog::ExpiryName(id);
    SHEAF_ASSIGN_OR_RETURN(const auto rows, snapshot.FindTree(name));
    SHEAF_ASSIGN_OR_RETURN(
        const auto owner,
        catalog::FindInCatalog(snapshot.context(), snapshot.version().catalog, id));
    if (!rows.has_value() || !owner.has_value() || !owner->expires ||
        rows->kind != catalog::TreeKind::kExpiry) {
      problem(absl::StrCat("expiries of tree ", id, ", which does not know of them"));
      continue;
    }
    const catalog::TreeView entries(store, &snapshot, &*owner);
    std::unique_ptr<vectors::VectorReader> index;
    if (owner->kind == catalog::TreeKind::kVectors) {
      vectors::Directories directories;
      auto opened = vectors::OpenIndex(store, &snapshot, *owner, &directories);
      if (absl::IsDataLoss(opened.status())) continue;  // which was found already
      SHEAF_RETURN_IF_ERROR(opened.status());
      index = *std::move(opened);
    }
    const auto has_entry = [&](std::string_view key) -> absl::StatusOr<bool> {
      if (index != nullptr) {
        SHEAF_ASSIGN_OR_RETURN(const auto slot, index->FindSlot(key));
        return slot.has_value();
      }
      btree::Found found;
      SHEAF_RETURN_IF_ERROR(entries.reader().Find(key, &found));
      return found.found;
    };
    SHEAF_RETURN_IF_ERROR(catalog::CheckExpiries(
        catalog::TreeView(store, &snapshot, &*rows), has_entry,
        [&](const std::string& what) { problem(absl::StrCat(owner->name, ": ", what)); },
        [&](uint64_t done) {
          return catalog::Tick(progress, "the check", {done, 0, "expiries compared"});
        }));
  }
  return absl::OkStatus();
}

}  // namespace internal

absl::StatusOr<ExpireResult> Database::Expire(const ExpireOptions& options,
                                              const Progress& progress) {
  catalog::Store& store = *rep_->store;
  if (rep_->closed.load()) return absl::FailedPreconditionError("the database is closed");
  if (options.batch == 0 || options.batch > internal::kRecordsABatchMax)
    return absl::InvalidArgumentError(
        absl::StrCat("ExpireOptions::batch is ", options.batch, "; 1 to ",
                     internal::kRecordsABatchMax, " are allowed"));
  std::vector<catalog::TreeId> owners;
  {
    const catalog::Snapshot snapshot(&store);
    SHEAF_ASSIGN_OR_RETURN(
        owners, catalog::ListExpiring(snapshot.context(), snapshot.version().catalog));
  }
  ExpireResult result;
  for (const catalog::TreeId owner : owners) {
    while (result.removed_total < options.records_max) {
      SHEAF_RETURN_IF_ERROR(catalog::Tick(progress, "the removal",
                                          {result.removed_total, 0, "records removed"}));
      SHEAF_ASSIGN_OR_RETURN(
          const Removed removed,
          internal::RemoveExpired(
              rep_.get(), owner,
              std::min(options.batch, options.records_max - result.removed_total),
              store.options().durability, options.wait_max));
      if (removed.records == 0) break;
      result.removed[static_cast<TreeKind>(removed.kind)] += removed.records;
      result.removed_total += removed.records;
    }
  }
  SHEAF_ASSIGN_OR_RETURN(const internal::Remaining remaining,
                         internal::LookForExpired(&store));
  result.remaining = remaining.expired;
  if (remaining.next != INT64_MAX) result.next = absl::FromUnixMicros(remaining.next);
  return result;
}

namespace {

absl::Status AddStats(const catalog::Snapshot& snapshot,
                      const catalog::TreeRecord& record, ExpiryStats* stats) {
  SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, snapshot.ExpiriesOf(record));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t expiring, expiries->Count());
  SHEAF_ASSIGN_OR_RETURN(const uint64_t expired, expiries->Hidden());
  SHEAF_ASSIGN_OR_RETURN(const std::optional<int64_t> next,
                         expiries->NextInstantToCome());
  SHEAF_ASSIGN_OR_RETURN(const auto usual, expiries->Default());
  stats->expiring += expiring;
  stats->expired += expired;
  if (next.has_value()) stats->next = std::min(stats->next, absl::FromUnixMicros(*next));
  if (!usual.has_value()) return absl::OkStatus();
  const absl::Duration after = absl::Microseconds(usual->after);
  stats->usual = usual->slides ? Expiry::Sliding(after) : Expiry::After(after);
  return absl::OkStatus();
}

// Where the instants of its records are.
std::vector<std::string> TreesThatExpire(const catalog::TreeRecord& record) {
  if (record.kind == catalog::TreeKind::kGraph)
    return {graph::VertexDocumentsName(record.id), graph::EdgeDocumentsName(record.id)};
  if (record.kind == catalog::TreeKind::kBlobs) return {blobs::RecordsName(record.id)};
  return {record.name};
}

}  // namespace

absl::StatusOr<std::vector<ExpiryStats>> ReadTransaction::ListExpiring() const {
  if (state_ == nullptr) return TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->Live());
  const catalog::Snapshot& snapshot = *state_->snapshot;
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeInfo> infos, List());
  std::vector<ExpiryStats> all;
  for (const TreeInfo& info : infos) {
    SHEAF_ASSIGN_OR_RETURN(const auto record, snapshot.FindTree(info.name));
    if (!record.has_value()) continue;
    ExpiryStats stats;
    stats.name = info.name;
    stats.kind = info.kind;
    stats.visible = info.entry_count;
    bool expires = false;
    for (const std::string& name : TreesThatExpire(*record)) {
      SHEAF_ASSIGN_OR_RETURN(const auto tree, snapshot.FindTree(name));
      if (!tree.has_value() || !tree->expires) continue;
      expires = true;
      SHEAF_RETURN_IF_ERROR(AddStats(snapshot, *tree, &stats));
    }
    if (expires) all.push_back(std::move(stats));
  }
  return all;
}

}  // namespace sheaf
