#include "sheaf/salvage.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "api/internal/build_file.h"
#include "api/internal/salvage_blobs.h"
#include "api/internal/salvage_graph.h"
#include "api/internal/salvage_vectors.h"
#include "catalog/expiry.h"
#include "catalog/salvage.h"
#include "catalog/write_txn.h"
#include "document/collection_codec.h"
#include "document/collection_writer.h"
#include "pager/status_macros.h"
#include "vector/index.h"

namespace sheaf {

namespace {

// A collection's counter may come from an older catalog than its documents: its next
// integer key must be none that is there.
absl::Status RaiseCounter(catalog::WriteTxn* txn, catalog::OpenTree* tree) {
  btree::TreeCursor cursor(txn->context(), &tree->root(), nullptr);
  // Texts come behind all numbers.
  if (!cursor.SeekAtOrBefore(document::EncodeTextKeyPrefix(""))) return cursor.status();
  const absl::StatusOr<document::CollectionKey> last =
      document::DecodeCollectionKey(cursor.key());
  const int64_t* const number = last.ok() ? std::get_if<int64_t>(&*last) : nullptr;
  if (number == nullptr) return absl::OkStatus();
  const uint64_t counter = static_cast<uint64_t>(*number) + (uint64_t{1} << 63);
  return counter <= tree->record().counter ? absl::OkStatus() : tree->SetCounter(counter);
}

// Indexes were copied as they were found, which says nothing of the documents that were.
absl::Status RebuildIndexes(document::CollectionWriter* writer, const std::string& name,
                            std::vector<std::string>* notes) {
  SHEAF_RETURN_IF_ERROR(writer->RepairSchema());
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                         writer->schema());
  std::vector<std::string> indexes;
  for (const document::Index& index : schema->indexes())
    if (index.state != IndexState::kFailed) indexes.push_back(index.definition.name);
  for (const std::string& index : indexes) {
    const absl::Status built = writer->RebuildIndex(index);
    if (built.ok()) continue;
    // The disk may be full; what the documents are is no reason to give them up.
    if (absl::IsResourceExhausted(built) || absl::IsInternal(built)) return built;
    notes->push_back(
        absl::StrCat(name, ": index ", index, " could not be built: ", built.message()));
  }
  return absl::OkStatus();
}

// Does an owner of expiries have an entry of that key? Of a vector index when it is whole.
absl::StatusOr<bool> HasEntry(catalog::WriteTxn* txn, catalog::OpenTree* owner,
                              std::string_view key) {
  if (owner->record().kind == catalog::TreeKind::kVectors) {
    SHEAF_ASSIGN_OR_RETURN(const auto index, vectors::OpenIndex(txn, owner));
    SHEAF_ASSIGN_OR_RETURN(const auto slot, index->reader().FindSlot(key));
    return slot.has_value();
  }
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(catalog::TreeView(txn, owner).reader().Find(key, &found));
  return found.found;
}

// When entries expire that were found. Of vectors and graphs it has to wait for their repair.
enum class Owners { kOrdered, kOthers };
absl::Status RepairExpiring(catalog::Store* store, Owners owners,
                            std::vector<std::string>* notes) {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<catalog::WriteTxn> txn,
                         store->BeginWrite(absl::InfiniteDuration()));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<catalog::TreeRecord> trees, txn->ListTrees());
  for (const catalog::TreeRecord& record : trees) {
    if (record.kind != catalog::TreeKind::kExpiry) continue;
    const std::optional<catalog::TreeId> id = catalog::OwnerOfExpiries(record.name);
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const owner, txn->FindTree(id.value_or(0)));
    if (owner == nullptr || !owner->record().expires) {
      SHEAF_RETURN_IF_ERROR(txn->DropTree(record.name));
      notes->push_back("expiries were left out: what they were of is lost");
      continue;
    }
    const bool waits = catalog::IsDense(owner->record().kind) ||
                       owner->record().kind == catalog::TreeKind::kPartCollection;
    if (waits != (owners == Owners::kOthers)) continue;
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const rows, txn->FindTree(record.id));
    SHEAF_RETURN_IF_ERROR(catalog::RepairExpiries(
        txn.get(), rows,
        [&](std::string_view key) { return HasEntry(txn.get(), owner, key); }));
  }
  return txn->Commit(Durability::kFull);
}

absl::Status RepairCollections(catalog::Store* store, std::vector<std::string>* notes) {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<catalog::WriteTxn> txn,
                         store->BeginWrite(absl::InfiniteDuration()));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<catalog::TreeRecord> trees, txn->ListTrees());
  document::SchemaCache cache;
  std::set<std::string> orphans;  // indexes that no collection names any more
  for (const catalog::TreeRecord& record : trees)
    if (record.kind == catalog::TreeKind::kIndex) orphans.insert(record.name);
  for (const catalog::TreeRecord& record : trees) {
    if (!catalog::IsCollection(record.kind)) continue;
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree * tree, txn->FindTree(record.name));
    SHEAF_RETURN_IF_ERROR(RaiseCounter(txn.get(), tree));
    document::CollectionWriter writer(txn.get(), tree, &cache);
    SHEAF_RETURN_IF_ERROR(RebuildIndexes(&writer, record.name, notes));
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                           writer.schema());
    for (const document::Index& index : schema->indexes()) orphans.erase(index.tree);
  }
  for (const std::string& orphan : orphans) {
    SHEAF_RETURN_IF_ERROR(txn->DropTree(orphan));
    notes->push_back("an index was left out: what it was of is lost");
  }
  return txn->Commit(Durability::kFull);
}

}  // namespace

absl::StatusOr<SalvageReport> Salvage(const std::string& from, const std::string& to,
                                      const SalvageOptions& options,
                                      const Progress& progress) {
  pager::FileSystem* const fs = internal::FileSystemOf(options.file_system);
  SHEAF_ASSIGN_OR_RETURN(const std::string source, fs->Canonical(from));
  SHEAF_ASSIGN_OR_RETURN(const std::string target, internal::CheckDestination(fs, to));
  if (source == target)
    return absl::InvalidArgumentError(absl::StrCat(to, ": is the damaged file itself"));
  SHEAF_ASSIGN_OR_RETURN(const EncryptionKey key, options.key.Resolved());
  Options create;
  create.key = key;
  catalog::SalvageResult found;
  const auto fill = [&](catalog::Store* store) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(found, catalog::Salvage(fs, source, key, store, progress));
    SHEAF_RETURN_IF_ERROR(RepairExpiring(store, Owners::kOrdered, &found.notes));
    SHEAF_RETURN_IF_ERROR(RepairCollections(store, &found.notes));
    SHEAF_RETURN_IF_ERROR(internal::RepairVectors(store, &found.notes));
    SHEAF_RETURN_IF_ERROR(internal::RepairGraphs(store, &found.notes));
    SHEAF_RETURN_IF_ERROR(internal::RepairBlobs(store, &found.notes));
    return RepairExpiring(store, Owners::kOthers, &found.notes);
  };
  SHEAF_RETURN_IF_ERROR(
      internal::BuildFile(fs, target, options.overwrite, create, {}, fill).status());
  SalvageReport report;
  report.pages_damaged = found.pages_damaged;
  report.commits_replayed = found.commits_replayed;
  report.notes = std::move(found.notes);
  for (catalog::SalvagedTree& tree : found.trees) {
    if (catalog::IsPart(tree.kind)) continue;
    SalvageReport::Tree& out = report.trees.emplace_back();
    out.name = std::move(tree.name);
    out.kind = static_cast<TreeKind>(tree.kind);
    out.entries = tree.entries;
    out.lost = tree.lost;
    out.adopted = tree.adopted;
    for (auto& [low, high] : tree.gaps)
      out.gaps.push_back({std::move(low), std::move(high)});
  }
  return report;
}

}  // namespace sheaf
