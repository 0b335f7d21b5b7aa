// What salvage does with vector indexes: a vector's record has all that is needed to make
// the rest anew.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/internal/salvage_vectors.h"
#include "api/internal/vector_fields.h"
#include "document/collection_codec.h"
#include "document/collection_writer.h"
#include "pager/status_macros.h"
#include "vector/check.h"
#include "vector/repair.h"

namespace sheaf::internal {
namespace {

using catalog::OpenTree;
using catalog::TreeId;
using catalog::TreeKind;
using catalog::TreeRecord;
using catalog::WriteTxn;

class VectorRepair {
 public:
  VectorRepair(WriteTxn* txn, std::vector<std::string>* notes)
      : txn_(*txn), notes_(*notes) {}

  // Requires: it is not sound.
  absl::Status Mend(const TreeRecord& record);
  // With its parts; it belongs to a collection that is lost, or its options are.
  absl::Status LeaveOut(const TreeRecord& record, const std::string& why);
  absl::Status DropIfThere(const std::string& name);
  // Of slots that have no vector.
  absl::Status DropMetadata(const TreeRecord& record);

 private:
  WriteTxn& txn_;
  std::vector<std::string>& notes_;
};

absl::Status VectorRepair::DropIfThere(const std::string& name) {
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const tree, txn_.FindTree(name));
  if (tree == nullptr) return absl::OkStatus();
  if (catalog::IsCollection(tree->record().kind)) {
    document::SchemaCache cache;
    SHEAF_RETURN_IF_ERROR(
        document::CollectionWriter(&txn_, tree, &cache).DropAllIndexes());
  }
  return txn_.DropTree(name);
}

absl::Status VectorRepair::LeaveOut(const TreeRecord& record, const std::string& why) {
  for (const std::string& part :
       {vectors::KeysName(record.id), vectors::NodesName(record.id),
        vectors::LevelsName(record.id), vectors::MetadataName(record.id), record.name})
    SHEAF_RETURN_IF_ERROR(DropIfThere(part));
  notes_.push_back(absl::StrCat(record.name, ": the vector index was left out: ", why));
  return absl::OkStatus();
}

absl::Status VectorRepair::DropMetadata(const TreeRecord& record) {
  const std::string name = vectors::MetadataName(record.id);
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, txn_.FindTree(name));
  if (tree == nullptr)
    return txn_.CreateTree(name, TreeKind::kPartCollection, {}, {}).status();
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const vectors, txn_.FindTree(record.id));
  SHEAF_ASSIGN_OR_RETURN(const auto writer, vectors::OpenIndex(&txn_, vectors));
  std::vector<std::string> orphans;
  const catalog::TreeView view(&txn_, tree);
  btree::TreeCursor rows = view.NewCursor();
  for (rows.SeekFirst(); rows.Valid(); rows.Next()) {
    const absl::StatusOr<document::CollectionKey> key =
        document::DecodeCollectionKey(rows.key());
    if (!key.ok()) continue;  // a row of the schema
    const auto* number = std::get_if<int64_t>(&*key);
    bool is_there = false;
    if (number != nullptr && *number >= 0 && *number < vectors::kSlotEnd) {
      const auto slot = static_cast<vectors::Slot>(*number);
      SHEAF_RETURN_IF_ERROR(writer->reader().ForVectors(
          {&slot, 1}, [&](size_t, const vectors::StoredVector&) { is_there = true; }));
    }
    if (!is_there) orphans.emplace_back(rows.key());
  }
  SHEAF_RETURN_IF_ERROR(rows.status());
  document::SchemaCache cache;
  document::CollectionWriter documents(&txn_, tree, &cache);
  for (const std::string& key : orphans)
    SHEAF_RETURN_IF_ERROR(documents.Delete(key).status());
  return absl::OkStatus();
}

absl::Status VectorRepair::Mend(const TreeRecord& record) {
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const vectors, txn_.FindTree(record.id));
  const absl::StatusOr<vectors::RepairCounts> counts =
      vectors::RepairIndex(&txn_, vectors);
  if (absl::IsDataLoss(counts.status()) || absl::IsUnimplemented(counts.status()))
    return LeaveOut(record, std::string(counts.status().message()));
  SHEAF_RETURN_IF_ERROR(counts.status());
  notes_.push_back(absl::StrCat(record.name, ": ", counts->kept,
                                " vectors of the index were put together again, ",
                                counts->dropped, " were not whole"));
  return DropMetadata(record);
}

}  // namespace

absl::Status RepairVectors(catalog::Store* store, std::vector<std::string>* notes) {
  std::vector<std::string> problems;
  {
    const catalog::Snapshot snapshot(store);
    SHEAF_RETURN_IF_ERROR(vectors::CheckVectors(
        store, snapshot, [&](const std::string& what) { problems.push_back(what); },
        [](uint64_t) { return absl::OkStatus(); }));
  }
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTxn> txn,
                         store->BeginWrite(absl::InfiniteDuration()));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeRecord> trees, txn->ListTrees());
  VectorRepair repair(txn.get(), notes);
  std::set<std::string> parts;  // that belong to something
  bool has_changed = false;
  for (const TreeRecord& record : trees) {
    if (catalog::IsCollection(record.kind)) parts.insert(vectors::FieldsName(record.id));
    if (record.kind != TreeKind::kVectors) continue;
    has_changed = true;
    const bool is_broken = std::any_of(
        problems.begin(), problems.end(),
        [&](const std::string& what) { return what.starts_with(record.name + ": "); });
    if (VectorFields::OwnerOf(record).has_value()) {
      // Documents are what counts, and whatever they lost the index would still have.
      SHEAF_RETURN_IF_ERROR(repair.LeaveOut(
          record, "the documents have its vectors; make it anew of them"));
      continue;
    }
    SHEAF_RETURN_IF_ERROR(is_broken ? repair.Mend(record) : repair.DropMetadata(record));
    for (const std::string& name :
         {vectors::KeysName(record.id), vectors::NodesName(record.id),
          vectors::LevelsName(record.id)})
      parts.insert(name);
  }
  for (const TreeRecord& record : trees) {
    if (record.kind != TreeKind::kVectorPart && record.kind != TreeKind::kVectorNodes)
      continue;
    const bool is_fields = record.name.ends_with(".fields");
    if (parts.contains(record.name) && !is_fields) continue;
    has_changed = true;
    SHEAF_RETURN_IF_ERROR(repair.DropIfThere(record.name));
    if (!is_fields) notes->push_back("a part of a vector index was left out");
  }
  return has_changed ? txn->Commit(Durability::kFull) : absl::OkStatus();
}

}  // namespace sheaf::internal
