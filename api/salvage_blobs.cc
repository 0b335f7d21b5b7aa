#include "api/internal/salvage_blobs.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "api/internal/blob_state.h"
#include "catalog/attachments.h"
#include "catalog/write_txn.h"
#include "document/collection_codec.h"
#include "document/collection_writer.h"
#include "pager/status_macros.h"

namespace sheaf::internal {
namespace {

using catalog::OpenTree;
using catalog::TreeKind;
using catalog::TreeRecord;
using catalog::WriteTxn;

// The level a compressed content had is known by its record alone.
constexpr int kZstdLevelOfLost = 3;

class BlobRepair {
 public:
  BlobRepair(WriteTxn* txn, OpenTree* store, std::vector<std::string>* notes)
      : txn_(*txn), store_(*store), notes_(*notes), contents_(txn, store) {}

  absl::Status Run();

 private:
  struct Blob {
    BlobInfo info;
    std::optional<OwnerEntry> owner;
    bool is_changed = false;
  };

  absl::Status OpenRecords();
  absl::Status ReadRecords();
  absl::StatusOr<bool> Take(std::string_view encoded, std::string_view stored);
  absl::Status AddRecords();
  absl::Status PutRecord(Blob* blob, catalog::ExpiryChange expiry);
  absl::Status BuildIndexes();
  absl::Status AttachAll();
  uint64_t NewNumber() { return ++last_number_; }
  void Note(uint64_t count, std::string_view what) {
    if (count > 0)
      notes_.push_back(
          absl::StrCat(store_.record().name, ": ", count, std::string(what)));
  }

  WriteTxn& txn_;
  OpenTree& store_;
  std::vector<std::string>& notes_;
  blobs::Contents contents_;
  document::SchemaCache cache_;
  std::unique_ptr<document::CollectionWriter> records_;
  document::NameTable text_names_;
  std::vector<std::string> lost_;  // keys of records without content, or not to be read
  std::vector<Blob> changed_;
  std::vector<std::pair<OwnerEntry, catalog::Attachment>> attached_;
  std::set<uint64_t> numbers_;
  uint64_t last_number_ = 0;
};

absl::Status BlobRepair::OpenRecords() {
  const std::string name = blobs::RecordsName(store_.record().id);
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, txn_.FindTree(name));
  if (tree == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(tree,
                           txn_.CreateTree(name, TreeKind::kPartCollection, {}, {}));
  }
  records_ = std::make_unique<document::CollectionWriter>(&txn_, tree, &cache_);
  return records_->DropAllIndexes();  // what is put right below may not fit them
}

// False: the record says nothing of use, or nothing that is there.
absl::StatusOr<bool> BlobRepair::Take(std::string_view encoded, std::string_view stored) {
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                         records_->schema());
  std::string buffer;
  DocumentView record;
  const absl::StatusOr<DocumentKey> key = DecodeKey(encoded);
  if (!key.ok() ||
      !document::OpenDocument(stored, schema->names(), &text_names_, &buffer, &record)
           .ok())
    return false;
  Blob blob;
  absl::StatusOr<BlobInfo> info = ParseRecord(*key, record, &blob.owner);
  if (!info.ok()) return false;
  blob.info = *std::move(info);
  SHEAF_ASSIGN_OR_RETURN(const auto content, contents_.Open(encoded));
  if (content == nullptr) return false;
  // One of the two may come from an older page.
  if (content->size() != blob.info.size ||
      content->stored_size() != blob.info.stored_size) {
    blob.info.size = content->size();
    blob.info.stored_size = content->stored_size();
    blob.info.sha256.clear();
    blob.is_changed = true;
  }
  if (!numbers_.insert(blob.info.number).second) {
    blob.info.number = 0;  // gets another when all are known
    blob.is_changed = true;
  }
  last_number_ = std::max(last_number_, blob.info.number);
  if (blob.is_changed)
    changed_.push_back(std::move(blob));
  else if (blob.owner.has_value() && !blob.owner->keep)
    attached_.push_back({*std::move(blob.owner),
                         {store_.record().id, blob.info.number, std::string(encoded)}});
  return true;
}

absl::Status BlobRepair::ReadRecords() {
  last_number_ = store_.record().counter;
  const catalog::TreeView view = records_->view();
  std::string buffer;
  btree::TreeCursor cursor = view.NewCursor();
  for (cursor.Seek(document::kSchemaKeysEnd); cursor.Valid(); cursor.Next()) {
    std::string_view value;
    bool is_good = view.ValueAt(cursor, &buffer, &value).ok();
    if (is_good) {
      SHEAF_ASSIGN_OR_RETURN(is_good, Take(cursor.key(), value));
    }
    if (!is_good) lost_.emplace_back(cursor.key());
  }
  return cursor.status();
}

absl::Status BlobRepair::PutRecord(Blob* blob, catalog::ExpiryChange expiry) {
  if (blob->info.number == 0) blob->info.number = NewNumber();
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, EncodeKey(blob->info.key));
  SHEAF_RETURN_IF_ERROR(
      internal::PutRecord(records_.get(), encoded, blob->info, blob->owner, expiry));
  if (blob->owner.has_value() && !blob->owner->keep)
    attached_.push_back({*blob->owner, {store_.record().id, blob->info.number, encoded}});
  return absl::OkStatus();
}

// For contents that have none.
absl::Status BlobRepair::AddRecords() {
  std::vector<Blob> added;
  std::vector<std::string> unusable;  // keys that nobody can ask for
  SHEAF_RETURN_IF_ERROR(
      contents_.ForEachKey([&](std::string_view encoded, blobs::Row row) -> absl::Status {
        btree::Found found;
        SHEAF_RETURN_IF_ERROR(records_->view().reader().Find(encoded, &found));
        if (found.found) return absl::OkStatus();
        absl::StatusOr<DocumentKey> key = DecodeKey(encoded);
        if (!key.ok()) {
          unusable.emplace_back(encoded);
          return absl::OkStatus();
        }
        Blob blob;
        blob.info.key = *std::move(key);
        SHEAF_ASSIGN_OR_RETURN(const auto content, contents_.Open(encoded));
        blob.info.size = content->size();
        blob.info.stored_size = content->stored_size();
        blob.info.created = blob.info.modified = absl::FromUnixMicros(txn_.now());
        if (row == blobs::Row::kCompressed)
          blob.info.attributes.zstd_level = kZstdLevelOfLost;
        added.push_back(std::move(blob));
        return absl::OkStatus();
      }));
  for (const std::string& key : unusable)
    SHEAF_RETURN_IF_ERROR(contents_.Delete(key).status());
  for (Blob& blob : added)
    SHEAF_RETURN_IF_ERROR(PutRecord(&blob, catalog::ExpiryChange::Default()));
  Note(added.size(), " blobs are there without what was known about them");
  return absl::OkStatus();
}

absl::Status BlobRepair::BuildIndexes() {
  for (IndexDefinition& index : RecordIndexes()) {
    SHEAF_RETURN_IF_ERROR(index.Complete());
    const std::string name = index.name;
    SHEAF_RETURN_IF_ERROR(records_->BeginIndex(std::move(index)));
    SHEAF_RETURN_IF_ERROR(records_->RebuildIndex(name));
  }
  return absl::OkStatus();
}

absl::Status BlobRepair::AttachAll() {
  for (const auto& [owner, attachment] : attached_)
    SHEAF_RETURN_IF_ERROR(catalog::Attach(&txn_, owner.tree, owner.key, attachment));
  return absl::OkStatus();
}

absl::Status BlobRepair::Run() {
  SHEAF_RETURN_IF_ERROR(OpenRecords());
  SHEAF_RETURN_IF_ERROR(contents_.Repair());
  SHEAF_RETURN_IF_ERROR(ReadRecords());
  for (const std::string& key : lost_)
    SHEAF_RETURN_IF_ERROR(records_->Delete(key).status());
  Note(lost_.size(),
       " records of blobs were left out: the contents are lost, or they say "
       "nothing of them");
  for (Blob& blob : changed_)
    SHEAF_RETURN_IF_ERROR(PutRecord(&blob, catalog::ExpiryChange::Keep()));
  SHEAF_RETURN_IF_ERROR(AddRecords());
  SHEAF_RETURN_IF_ERROR(store_.SetCounter(last_number_));
  SHEAF_RETURN_IF_ERROR(BuildIndexes());
  return AttachAll();
}

}  // namespace

absl::Status RepairBlobs(catalog::Store* store, std::vector<std::string>* notes) {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTxn> txn,
                         store->BeginWrite(absl::InfiniteDuration()));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeRecord> trees, txn->ListTrees());
  const auto of_kind = [](TreeKind kind) {
    return [kind](const TreeRecord& record) { return record.kind == kind; };
  };
  const bool has_attachments =
      std::any_of(trees.begin(), trees.end(), of_kind(TreeKind::kAttachments));
  if (!has_attachments &&
      std::none_of(trees.begin(), trees.end(), of_kind(TreeKind::kBlobs)))
    return absl::OkStatus();
  // They are made anew of what records say.
  if (has_attachments) SHEAF_RETURN_IF_ERROR(txn->DropTree(catalog::kAttachmentsName));
  for (const TreeRecord& record : trees) {
    if (record.kind != TreeKind::kBlobs) continue;
    SHEAF_ASSIGN_OR_RETURN(OpenTree* const tree, txn->FindTree(record.id));
    SHEAF_RETURN_IF_ERROR(BlobRepair(txn.get(), tree, notes).Run());
  }
  return txn->Commit(Durability::kFull);
}

}  // namespace sheaf::internal
