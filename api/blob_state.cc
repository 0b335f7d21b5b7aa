#include "api/internal/blob_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
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
  for (const IndexDefinition& index :
       {IndexOn("number", {{"number"}}, true), IndexOn("created", {{"created"}}),
        IndexOn("tags", {{"tags"}}), IndexOn("namespace", {{"namespace"}}),
        IndexOn("owner", {{"owner.of"}, {"owner.key"}}),
        IndexOn("links", {{"links.to"}})})
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

absl::StatusOr<std::optional<BlobInfo>> BlobState::FindInfo(
    const DocumentKey& key) const {
  absl::StatusOr<BlobInfo> info = BlobInfo();
  SHEAF_ASSIGN_OR_RETURN(const bool found,
                         records.Visit(key, [&](const DocumentView& record) {
                           info = ParseRecord(key, record);
                         }));
  if (!found) return std::optional<BlobInfo>();
  if (!info.ok()) return At(tree->name, info.status());
  return std::optional(*std::move(info));
}

absl::StatusOr<blobs::ContentOptions> BlobState::OptionsOf(
    const BlobAttributes& attributes) const {
  blobs::ContentOptions options;
  options.zstd_level = attributes.zstd_level;
  if (options.zstd_level == 0) {
    SHEAF_ASSIGN_OR_RETURN(options.digest, contents.IsShared(attributes.name_space));
  }
  return options;
}

absl::Status BlobState::Store(const DocumentKey& key, std::string_view encoded,
                              const BlobAttributes& attributes,
                              std::optional<BlobInfo> info,
                              const ContentWriter::Finished& content) {
  const absl::Time now = absl::Now();
  const bool is_new = !info.has_value();
  if (is_new) {
    info.emplace();
    info->created = now;
    info->number = tree->open->record().counter + 1;
    SHEAF_RETURN_IF_ERROR(tree->open->SetCounter(info->number));
  }
  info->attributes = attributes;
  info->modified = now;
  info->size = content.size;
  info->stored_size = content.stored_size;
  info->sha256.clear();
  if (content.digest.has_value())
    info->sha256.assign(content.digest->data(), content.digest->size());
  SHEAF_ASSIGN_OR_RETURN(const Document record, RecordOf(*info));
  SHEAF_RETURN_IF_ERROR(records.Put(key, record));
  return contents.Put(encoded, content, content.digest.has_value());
}

absl::Status BlobState::PutRecord(BlobInfo info) {
  info.modified = absl::Now();
  SHEAF_ASSIGN_OR_RETURN(const Document record, RecordOf(info));
  return records.Put(info.key, record);
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
  const DocumentKey key = info.key;
  const BlobAttributes attributes = info.attributes;
  return tree->txn->write->Fail(
      Store(key, encoded, attributes, std::move(info), content));
}

absl::Status BlobState::Check(absl::FunctionRef<void(const std::string& what)> problem,
                              absl::FunctionRef<absl::Status(uint64_t)> tick) const {
  const auto report = [&](const std::string& what) {
    problem(absl::StrCat(tree->name, ": ", what));
  };
  SHEAF_RETURN_IF_ERROR(contents.Check(report, tick));
  uint64_t count = 0;
  absl::Status status;
  const auto look = [&](const DocumentKey& key, const DocumentView& record) {
    ++count;
    const absl::StatusOr<BlobInfo> info = ParseRecord(key, record);
    const absl::StatusOr<std::string> encoded = EncodeKey(key);
    if (!info.ok() || !encoded.ok()) {
      report(std::string((info.ok() ? encoded.status() : info.status()).message()));
      return true;
    }
    const absl::StatusOr<std::unique_ptr<blobs::ContentReader>> content =
        contents.Open(*encoded);
    if (absl::IsDataLoss(content.status()))
      report(std::string(content.status().message()));
    else if (!content.ok())
      status = content.status();
    else if (*content == nullptr)
      report(absl::StrCat("blob ", key.ToString(), " has no content"));
    else if ((*content)->size() != info->size ||
             (*content)->stored_size() != info->stored_size)
      report(absl::StrCat("blob ", key.ToString(), " has ", (*content)->size(),
                          " bytes, its record says ", info->size));
    if (info->number > tree->record.counter)
      report(absl::StrCat("blob ", key.ToString(), " has a number not given yet"));
    return status.ok();
  };
  SHEAF_RETURN_IF_ERROR(records.ForEachDocument({}, look));
  SHEAF_RETURN_IF_ERROR(status);
  uint64_t contents_count = 0;
  SHEAF_RETURN_IF_ERROR(contents.ForEachKey([&](std::string_view, blobs::Row) {
    ++contents_count;
    return absl::OkStatus();
  }));
  if (contents_count != count)
    report(absl::StrCat("has ", contents_count, " contents and ", count, " records"));
  return absl::OkStatus();
}

absl::Status BlobState::CheckAll(const ReadTransaction& txn,
                                 absl::FunctionRef<void(const std::string& what)> problem,
                                 absl::FunctionRef<absl::Status(uint64_t)> tick) {
  const absl::StatusOr<std::vector<TreeInfo>> trees = txn.List();
  if (absl::IsDataLoss(trees.status())) return absl::OkStatus();  // found already
  SHEAF_RETURN_IF_ERROR(trees.status());
  for (const TreeInfo& tree : *trees) {
    if (tree.kind != TreeKind::kBlobs) continue;
    const absl::StatusOr<BlobStoreReader> store = txn.blobs(tree.name);
    const absl::Status status =
        store.ok() ? store->state_->Check(problem, tick) : store.status();
    if (absl::IsDataLoss(status))
      problem(std::string(status.message()));
    else
      SHEAF_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
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
