// What BlobStore and its readers and writers stand for. Not installed for use.
#ifndef API_INTERNAL_BLOB_STATE_H_
#define API_INTERNAL_BLOB_STATE_H_
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/internal/handles.h"
#include "blob/contents.h"
#include "sheaf/blob_store.h"
#include "sheaf/collection.h"

namespace sheaf::internal {

// --- Records -------------------------------------------------------------------
// The document about a blob:
//   number     what the blob was given, int         size, stored   bytes, int
//   created    timestamp                            modified       timestamp
//   type, name, namespace                           text; not there where empty
//   tags       array of texts                       owner          {tree: int, key: bytes,
//                                                                   keep: only if true}
//   links      array of {relation, to, context}     metadata       object
//   sha256     bytes                                zstd           int, the level
// A key of links is a number or a text, or else the bytes of the key as it is encoded; the
// owner's is that of the entry in its tree.

// kInvalidArgument says which attribute no record can hold.
absl::Status CheckAttributes(const BlobAttributes& attributes);
absl::Status CheckLink(const BlobLink& link);
struct OwnerEntry {
  catalog::TreeId tree = 0;
  std::string key;
  bool keep = false;
};
// The owner is `owner`, not that of the attributes.
absl::Status WriteRecord(const BlobInfo& info, const std::optional<OwnerEntry>& owner,
                         document::Writer* w);
// Into the collection of records. After an error only Rollback is possible.
absl::Status PutRecord(document::CollectionWriter* records, std::string_view encoded,
                       const BlobInfo& info, const std::optional<OwnerEntry>& owner,
                       const catalog::ExpiryChange& expiry);
// All but the owner of the attributes, which becomes `*owner`. kDataLoss.
absl::StatusOr<BlobInfo> ParseRecord(const DocumentKey& key, const DocumentView& record,
                                     std::optional<OwnerEntry>* owner);
// A filter on records; for the owner see above.
absl::StatusOr<std::string> FilterOf(const BlobQuery& query,
                                     const std::optional<OwnerEntry>& owner);
// Of records that point to this blob.
absl::StatusOr<std::string> FilterOfLinks(const DocumentKey& to,
                                          std::optional<BlobRelation> relation);

// Those of the records.
std::vector<IndexDefinition> RecordIndexes();

struct BlobState {
  // Of a store that is there. kDataLoss: not all of its trees are.
  static absl::StatusOr<std::shared_ptr<BlobState>> Of(std::shared_ptr<TableState> tree);
  // kAlreadyExists.
  static absl::Status Create(const std::shared_ptr<TransactionState>& txn,
                             std::string_view name);
  static absl::Status Drop(TransactionState* txn, catalog::TreeId store);
  // Each blob has one content and one record, and the other way; one that goes with its
  // owner is attached to it, and nothing else is.
  static absl::Status CheckAll(const ReadTransaction& txn,
                               absl::FunctionRef<void(const std::string& what)> problem,
                               absl::FunctionRef<absl::Status(uint64_t)> tick);
  explicit BlobState(std::shared_ptr<TableState> tree, Collection records);

  absl::Status Live() const { return tree->Live(); }
  absl::StatusOr<std::string> KeyOf(const DocumentKey& key) const;  // kInvalidArgument
  absl::Status NoSuchBlob(const DocumentKey& key) const;
  absl::StatusOr<std::optional<BlobInfo>> FindInfo(const DocumentKey& key) const;
  absl::StatusOr<BlobInfo> InfoOf(const DocumentKey& key,
                                  const DocumentView& record) const;
  absl::StatusOr<std::string> FilterOf(const BlobQuery& query) const;
  // kNotFound: there is no such collection, graph or table, or (with kMustBeThere) no such
  // entry of it. kInvalidArgument: it has no such keys.
  enum class Owner { kMustBeThere, kAny };
  absl::StatusOr<OwnerEntry> Resolve(const BlobOwner& owner, Owner how) const;
  absl::StatusOr<BlobOwner> OwnerOf(const OwnerEntry& entry) const;
  // Puts content and record together. `before` is that of the blob until now, if there is
  // one; `keeps_expiry`: a part of it changes.
  absl::Status Store(const DocumentKey& key, std::string_view encoded,
                     const BlobAttributes& attributes,
                     const std::optional<BlobInfo>& before, bool keeps_expiry,
                     const blobs::ContentWriter::Finished& content);
  // Over a range inside the content.
  absl::Status Overwrite(BlobInfo info, std::string_view encoded, uint64_t offset,
                         std::string_view bytes);
  // Of a blob that is there.
  absl::Status PutRecord(BlobInfo info);
  absl::StatusOr<bool> Delete(const DocumentKey& key);
  absl::Status DetachFromOwner(const std::optional<BlobInfo>& info);
  absl::Time Now() const;  // of the transaction
  // What a content of these attributes is written with.
  absl::StatusOr<blobs::ContentOptions> OptionsOf(const BlobAttributes& attributes) const;

  // Puts the record, and keeps its attachment to its owner in step. `before`: the blob's
  // record until now, if there is one. Not set: what expires does as before.
  absl::Status WriteRecord(const BlobInfo& info, const std::optional<BlobInfo>& before,
                           const std::optional<Expiry>& expiry, bool keeps_expiry);
  // Of a blob that has expired: takes it away, so that another can come.
  absl::Status RemoveHidden(const DocumentKey& key, std::string_view encoded);
  absl::StatusOr<bool> IsHidden(std::string_view encoded) const;
  // Those that expired first; tells the hook.
  absl::StatusOr<uint64_t> RemoveExpired(
      uint64_t max, const std::function<void(const ExpiredRecord&)>& hook);

  const std::shared_ptr<TableState> tree;  // the contents
  blobs::Contents contents;
  Collection records;  // of a reader, for reading only
};

// Has blobs deleted with their owners, whoever deletes these. `writer_of` is good as long as
// the transaction.
using WriterOfFn = std::function<document::CollectionWriter*(catalog::OpenTree*)>;
void DeleteBlobsWithOwners(catalog::WriteTxn* write, WriterOfFn writer_of);
// The same of a transaction without handles.
void DeleteBlobsWithOwners(catalog::WriteTxn* write, document::SchemaCache* schemas);

// What a BlobWriter writes to; the transaction knows it, and ends it.
struct BlobStream {
  std::shared_ptr<BlobState> state;
  DocumentKey key = 0;
  std::string encoded;
  BlobAttributes attributes;
  bool continues = false;                         // what there is
  std::unique_ptr<blobs::ContentWriter> content;  // null: it has ended
  uint64_t epoch = 0;  // of the transaction's pages when it began
  uint64_t size = 0;

  absl::Status CheckOpen() const;
};

}  // namespace sheaf::internal
#endif  // API_INTERNAL_BLOB_STATE_H_
