#include "api/internal/blob_state.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "btree/dense_reader.h"
#include "catalog/attachments.h"
#include "pager/status_macros.h"

namespace sheaf::internal {

using blobs::ContentWriter;

namespace {

constexpr size_t kCopyBytes = size_t{256} << 10;

// The table of the records, for reading or writing as that of the contents is.
absl::StatusOr<std::shared_ptr<TableState>> RecordsOf(const TableState& tree) {
  auto table = std::make_shared<TableState>();
  table->txn = tree.txn;
  table->name = absl::StrCat(tree.name, " (records)");
  const catalog::TreeId id =
      tree.open != nullptr ? tree.open->record().id : tree.record.id;
  const std::string name = blobs::RecordsName(id);
  bool found = false;
  if (tree.open != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(table->open, tree.txn->write->FindTree(name));
    found = table->open != nullptr;
  } else {
    SHEAF_ASSIGN_OR_RETURN(std::optional<catalog::TreeRecord> record,
                           tree.txn->snapshot->FindTree(name));
    found = record.has_value();
    if (found) table->record = *std::move(record);
  }
  if (found) return table;
  return absl::DataLossError(
      absl::StrCat(tree.name, ": the records of its blobs are lost"));
}

blobs::Contents ContentsOf(const TableState& tree) {
  if (tree.open != nullptr) return {tree.txn->write.get(), tree.open};
  return blobs::Contents(
      catalog::TreeView(tree.txn->rep->store.get(), &*tree.txn->snapshot, tree.record));
}

IndexDefinition IndexOn(std::string_view name, std::vector<IndexField> fields,
                        bool unique = false) {
  IndexDefinition definition;
  definition.name = std::string(name);
  definition.fields = std::move(fields);
  definition.unique = unique;
  definition.sparse = !unique;
  return definition;
}

}  // namespace

std::vector<IndexDefinition> RecordIndexes() {
  return {IndexOn("number", {{"number"}}, true),
          IndexOn("created", {{"created"}}),
          IndexOn("tags", {{"tags"}}),
          IndexOn("namespace", {{"namespace"}}),
          IndexOn("owner", {{"owner.tree"}, {"owner.key"}}),
          IndexOn("links", {{"links.to"}})};
}

BlobState::BlobState(std::shared_ptr<TableState> tree, Collection records)
    : tree(std::move(tree)),
      contents(ContentsOf(*this->tree)),
      records(std::move(records)) {}

absl::StatusOr<std::shared_ptr<BlobState>> BlobState::Of(
    std::shared_ptr<TableState> tree) {
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<TableState> records, RecordsOf(*tree));
  return std::make_shared<BlobState>(std::move(tree),
                                     Collection(CollectionState::Of(std::move(records))));
}

absl::Status BlobState::Create(const std::shared_ptr<TransactionState>& txn,
                               std::string_view name) {
  catalog::WriteTxn& write = *txn->write;
  auto tree = std::make_shared<TableState>();
  tree->txn = txn;
  tree->name = std::string(name);
  SHEAF_ASSIGN_OR_RETURN(tree->open,
                         write.CreateTree(name, catalog::TreeKind::kBlobs, {}, {}));
  SHEAF_RETURN_IF_ERROR(write
                            .CreateTree(blobs::RecordsName(tree->open->record().id),
                                        catalog::TreeKind::kPartCollection, {}, {})
                            .status());
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<BlobState> state, Of(std::move(tree)));
  for (const IndexDefinition& index : RecordIndexes())
    SHEAF_RETURN_IF_ERROR(write.Fail(state->records.CreateIndex(index)));
  return absl::OkStatus();
}

absl::Status BlobState::Drop(TransactionState* txn, catalog::TreeId store) {
  const std::string name = blobs::RecordsName(store);
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const records, txn->write->FindTree(name));
  if (records == nullptr) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(txn->WriterOf(records)->DropAllIndexes());
  return txn->write->DropTree(name);
}

absl::StatusOr<std::string> BlobState::KeyOf(const DocumentKey& key) const {
  absl::StatusOr<std::string> encoded = EncodeKey(key);
  if (!encoded.ok()) return At(tree->name, encoded.status());
  return encoded;
}

absl::Status BlobState::NoSuchBlob(const DocumentKey& key) const {
  return absl::NotFoundError(
      absl::StrCat(tree->name, ": no blob with key ", key.ToString()));
}

absl::StatusOr<BlobInfo> BlobState::InfoOf(const DocumentKey& key,
                                           const DocumentView& record) const {
  std::optional<OwnerEntry> owner;
  absl::StatusOr<BlobInfo> info = ParseRecord(key, record, &owner);
  if (!info.ok()) return At(tree->name, info.status());
  if (owner.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(info->attributes.owner, OwnerOf(*owner));
  }
  if (records.state_->tree->tree().expires) {
    SHEAF_ASSIGN_OR_RETURN(info->expires_at, records.ExpiresAt(key));
  }
  return info;
}

absl::StatusOr<std::optional<BlobInfo>> BlobState::FindInfo(
    const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Document> record, records.FindDocument(key));
  if (!record.has_value()) return std::optional<BlobInfo>();
  SHEAF_ASSIGN_OR_RETURN(BlobInfo info, InfoOf(key, record->root()));
  return std::optional(std::move(info));
}

// --- Owners -----------------------------------------------------------------------

namespace {

absl::StatusOr<std::optional<catalog::TreeRecord>> TreeNamed(const TableState& of,
                                                             std::string_view name) {
  const TransactionState& txn = *of.txn;
  if (txn.write == nullptr) return txn.snapshot->FindTree(name);
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const open, txn.write->FindTree(name));
  return open == nullptr ? std::nullopt : std::optional(open->record());
}

absl::StatusOr<std::optional<catalog::TreeRecord>> TreeOfId(const TableState& of,
                                                            catalog::TreeId id) {
  const TransactionState& txn = *of.txn;
  if (txn.write == nullptr)
    return catalog::FindInCatalog(txn.snapshot->context(),
                                  txn.snapshot->version().catalog, id);
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const open, txn.write->FindTree(id));
  return open == nullptr ? std::nullopt : std::optional(open->record());
}

// What the entry of an owner is found by in its tree.
absl::StatusOr<std::string> EntryKey(const catalog::TreeRecord& tree,
                                     const DocumentKey& key) {
  switch (tree.kind) {
    case catalog::TreeKind::kCollection:
      return EncodeKey(key);
    case catalog::TreeKind::kGraph:
      if (key.is_number() && key.number() >= 0)
        return catalog::EncodeDenseKey(static_cast<uint64_t>(key.number()));
      return absl::InvalidArgumentError(absl::StrCat(
          "owner: ", key.ToString(), " is the number of no vertex of ", tree.name));
    case catalog::TreeKind::kTable:
      if (key.is_text() && !key.text().empty()) return key.text();
      if (key.is_bytes() && !key.bytes().empty()) return key.bytes();
      return absl::InvalidArgumentError(
          absl::StrCat("owner: ", key.ToString(), " is no key of the table ", tree.name,
                       ", whose keys are texts or bytes"));
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("owner: ", tree.name, " is no collection, graph or table"));
  }
}

bool IsPlainText(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

absl::StatusOr<OwnerEntry> BlobState::Resolve(const BlobOwner& owner, Owner how) const {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<catalog::TreeRecord> found,
                         TreeNamed(*tree, owner.of));
  if (!found.has_value() || catalog::IsPart(found->kind))
    return absl::NotFoundError(absl::StrCat(
        tree->name, ": owner: there is no collection, graph or table ", owner.of));
  absl::StatusOr<std::string> key = EntryKey(*found, owner.key);
  if (!key.ok()) return At(tree->name, key.status());
  OwnerEntry entry{found->id, *std::move(key), owner.keep};
  if (how == Owner::kAny) return entry;
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const open,
                         tree->txn->write->FindTree(found->id));
  const catalog::TreeView view(tree->txn->write.get(), open);
  btree::Found at;
  if (found->kind == catalog::TreeKind::kGraph)
    SHEAF_RETURN_IF_ERROR(btree::DenseReader(view.context(), view.root())
                              .Find(*catalog::DecodeDenseKey(entry.key), &at));
  else
    SHEAF_RETURN_IF_ERROR(view.reader().Find(entry.key, &at));
  bool is_there = at.found;
  if (is_there && found->expires) {
    SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, open->expiries());
    SHEAF_ASSIGN_OR_RETURN(const bool hidden, expiries->IsHidden(entry.key));
    is_there = !hidden;
  }
  if (is_there) return entry;
  return absl::NotFoundError(
      absl::StrCat(tree->name, ": owner: ", owner.of, " has no ", owner.key.ToString()));
}

absl::StatusOr<BlobOwner> BlobState::OwnerOf(const OwnerEntry& entry) const {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<catalog::TreeRecord> found,
                         TreeOfId(*tree, entry.tree));
  BlobOwner owner;
  owner.keep = entry.keep;
  if (!found.has_value()) {
    owner.of = absl::StrCat("dropped:", entry.tree);
    owner.key = DocumentKey::Bytes(entry.key);
    return owner;
  }
  owner.of = found->name;
  if (found->kind == catalog::TreeKind::kCollection) {
    SHEAF_ASSIGN_OR_RETURN(owner.key, DecodeKey(entry.key));
  } else if (found->kind == catalog::TreeKind::kGraph) {
    owner.key = static_cast<int64_t>(catalog::DecodeDenseKey(entry.key).value_or(0));
  } else {
    owner.key =
        IsPlainText(entry.key) ? DocumentKey(entry.key) : DocumentKey::Bytes(entry.key);
  }
  return owner;
}

absl::StatusOr<std::string> BlobState::FilterOf(const BlobQuery& query) const {
  std::optional<OwnerEntry> owner;
  if (query.owner.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(owner, Resolve(*query.owner, Owner::kAny));
  }
  return internal::FilterOf(query, owner);
}

void DeleteBlobsWithOwners(catalog::WriteTxn* write, WriterOfFn writer_of) {
  write->set_on_detached([write, writer_of = std::move(writer_of)](
                             const catalog::Attachment& blob) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const store, write->FindTree(blob.holder));
    if (store == nullptr) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const records,
                           write->FindTree(blobs::RecordsName(blob.holder)));
    if (records == nullptr)
      return absl::DataLossError(
          absl::StrCat(store->record().name, ": the records of its blobs are lost"));
    SHEAF_RETURN_IF_ERROR(records->ClearExpiry(blob.item));
    SHEAF_RETURN_IF_ERROR(writer_of(records)->Delete(blob.item).status());
    return blobs::Contents(write, store).Delete(blob.item).status();
  });
}

void DeleteBlobsWithOwners(catalog::WriteTxn* write, document::SchemaCache* schemas) {
  using Writers = std::map<catalog::TreeId, std::unique_ptr<document::CollectionWriter>>;
  DeleteBlobsWithOwners(write, [write, schemas, writers = std::make_shared<Writers>()](
                                   catalog::OpenTree* records) {
    std::unique_ptr<document::CollectionWriter>& writer =
        (*writers)[records->record().id];
    if (writer == nullptr)
      writer = std::make_unique<document::CollectionWriter>(write, records, schemas);
    return writer.get();
  });
}

// --- Changes ----------------------------------------------------------------------

absl::StatusOr<blobs::ContentOptions> BlobState::OptionsOf(
    const BlobAttributes& attributes) const {
  blobs::ContentOptions options;
  options.zstd_level = attributes.zstd_level;
  if (options.zstd_level == 0) {
    SHEAF_ASSIGN_OR_RETURN(options.digest, contents.IsShared(attributes.name_space));
  }
  return options;
}

absl::StatusOr<bool> BlobState::IsHidden(std::string_view encoded) const {
  return records.state_->tree->IsHidden(encoded);
}

absl::Status BlobState::RemoveHidden(const DocumentKey& key, std::string_view encoded) {
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, IsHidden(encoded));
  if (!hidden) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(records.state_->tree->open->ClearExpiry(encoded));
  return Delete(key).status();
}

absl::StatusOr<uint64_t> BlobState::RemoveExpired(
    uint64_t max, const std::function<void(const ExpiredRecord&)>& hook) {
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries,
                         records.state_->tree->Expiries());
  if (expiries == nullptr) return 0;
  std::vector<std::string> keys;
  SHEAF_RETURN_IF_ERROR(expiries->ForEachHidden([&](std::string_view key) {
    keys.emplace_back(key);
    return keys.size() < max;
  }));
  // Without expiries they are deleted like others.
  SHEAF_RETURN_IF_ERROR(expiries->ClearFirst(keys));
  for (const std::string& encoded : keys) {
    SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, DecodeKey(encoded));
    if (hook) hook({tree->name, TreeKind::kBlobs, key.ToString()});
    SHEAF_RETURN_IF_ERROR(Delete(key).status());
  }
  return keys.size();
}

absl::Status BlobState::Store(const DocumentKey& key, std::string_view encoded,
                              const BlobAttributes& attributes,
                              const std::optional<BlobInfo>& before, bool keeps_expiry,
                              const ContentWriter::Finished& content) {
  BlobInfo info = before.value_or(BlobInfo());
  info.key = key;
  info.modified = Now();
  if (!before.has_value()) {
    SHEAF_RETURN_IF_ERROR(RemoveHidden(key, encoded));
    info.created = info.modified;
    info.number = tree->open->record().counter + 1;
    SHEAF_RETURN_IF_ERROR(tree->open->SetCounter(info.number));
  }
  info.attributes = attributes;
  info.size = content.size;
  info.stored_size = content.stored_size;
  info.sha256.clear();
  if (content.digest.has_value())
    info.sha256.assign(content.digest->data(), content.digest->size());
  SHEAF_RETURN_IF_ERROR(WriteRecord(info, before, attributes.expiry, keeps_expiry));
  return contents.Put(encoded, !before.has_value(), content, content.digest.has_value());
}

absl::Time BlobState::Now() const {
  return absl::FromUnixMicros(tree->txn->write->now());
}

absl::Status PutRecord(document::CollectionWriter* records, std::string_view encoded,
                       const BlobInfo& info, const std::optional<OwnerEntry>& owner,
                       const catalog::ExpiryChange& expiry) {
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                         records->schema());
  document::Writer writer(&schema->names());
  SHEAF_RETURN_IF_ERROR(WriteRecord(info, owner, &writer));
  SHEAF_ASSIGN_OR_RETURN(const std::string record, writer.Finish());
  bool existed = false;
  return records->Put(encoded, record, btree::BTree::PutMode::kUpsert, &existed, expiry);
}

absl::Status BlobState::WriteRecord(const BlobInfo& info,
                                    const std::optional<BlobInfo>& before,
                                    const std::optional<Expiry>& expiry,
                                    bool keeps_expiry) {
  const std::optional<BlobOwner>& owner = info.attributes.owner;
  std::optional<BlobOwner> old;
  if (before.has_value()) old = before->attributes.owner;
  std::optional<OwnerEntry> entry;
  if (owner.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(
        entry, Resolve(*owner, owner == old ? Owner::kAny : Owner::kMustBeThere));
  }
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, KeyOf(info.key));
  catalog::ExpiryChange change;
  if (keeps_expiry) {
    change = catalog::ExpiryChange::Keep();
  } else if (expiry.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(change, records.state_->tree->ToChange(*expiry));
  }
  SHEAF_RETURN_IF_ERROR(
      internal::PutRecord(records.state_->writer, encoded, info, entry, change));
  if (owner == old) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(DetachFromOwner(before));
  if (!entry.has_value() || entry->keep) return absl::OkStatus();
  return catalog::Attach(tree->txn->write.get(), entry->tree, entry->key,
                         {tree->open->record().id, info.number, encoded});
}

absl::Status BlobState::DetachFromOwner(const std::optional<BlobInfo>& info) {
  if (!info.has_value() || !info->attributes.owner.has_value() ||
      info->attributes.owner->keep)
    return absl::OkStatus();
  const absl::StatusOr<OwnerEntry> entry = Resolve(*info->attributes.owner, Owner::kAny);
  if (absl::IsNotFound(entry.status())) return absl::OkStatus();  // it was dropped
  SHEAF_RETURN_IF_ERROR(entry.status());
  return catalog::Detach(tree->txn->write.get(), entry->tree, entry->key,
                         tree->open->record().id, info->number);
}

absl::StatusOr<bool> BlobState::Delete(const DocumentKey& key) {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, KeyOf(key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<BlobInfo> info, FindInfo(key));
  if (!info.has_value()) return false;
  catalog::WriteTxn& write = *tree->txn->write;
  SHEAF_RETURN_IF_ERROR(write.Fail(DetachFromOwner(info)));
  SHEAF_RETURN_IF_ERROR(write.Fail(records.Delete(key).status()));
  SHEAF_RETURN_IF_ERROR(contents.Delete(encoded).status());
  return true;
}

absl::Status BlobState::PutRecord(BlobInfo info) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<BlobInfo> before, FindInfo(info.key));
  info.modified = Now();
  return WriteRecord(info, before, std::nullopt, true);
}

absl::Status BlobState::Overwrite(BlobInfo info, std::string_view encoded,
                                  uint64_t offset, std::string_view bytes) {
  SHEAF_ASSIGN_OR_RETURN(const bool done, contents.Overwrite(encoded, offset, bytes));
  if (done) {
    info.sha256.clear();
    return tree->txn->write->Fail(PutRecord(std::move(info)));
  }
  SHEAF_ASSIGN_OR_RETURN(const blobs::ContentOptions options, OptionsOf(info.attributes));
  ContentWriter writer(tree->txn->write->page_writer(), options);
  {
    SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<blobs::ContentReader> reader,
                           contents.Open(encoded));
    if (reader == nullptr || reader->size() != info.size)
      return absl::DataLossError(absl::StrCat(tree->name, ": the content of blob ",
                                              info.key.ToString(), " is lost"));
    std::string piece;
    for (uint64_t at = 0; at < info.size; at += piece.size()) {
      piece.resize(std::min<uint64_t>(kCopyBytes, info.size - at));
      SHEAF_RETURN_IF_ERROR(reader->Read(at, absl::MakeSpan(piece.data(), piece.size())));
      const uint64_t from = std::max(at, offset);
      const uint64_t to = std::min(at + piece.size(), offset + bytes.size());
      if (from < to)
        piece.replace(from - at, to - from, bytes.substr(from - offset, to - from));
      SHEAF_RETURN_IF_ERROR(writer.Append(piece));
    }
  }
  SHEAF_ASSIGN_OR_RETURN(const ContentWriter::Finished content, writer.Finish());
  return tree->txn->write->Fail(
      Store(info.key, encoded, info.attributes, info, true, content));
}

// --- Streams --------------------------------------------------------------------

absl::Status BlobStream::CheckOpen() const {
  SHEAF_RETURN_IF_ERROR(state->Live());
  if (content == nullptr)
    return absl::FailedPreconditionError("the blob's writer has ended");
  if (state->tree->txn->write->page_writer()->epoch() != epoch)
    return absl::FailedPreconditionError(
        "the blob's writer began before a rollback to a savepoint, which ended it");
  return absl::OkStatus();
}

void TransactionState::EndStreams() {
  for (const auto& [key, stream] : streams)
    if (const std::shared_ptr<BlobStream> open = stream.lock()) open->content = nullptr;
  streams.clear();
}

}  // namespace sheaf::internal
