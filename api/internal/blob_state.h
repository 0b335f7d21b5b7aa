// What BlobStore and its readers and writers stand for. Not installed for use.
#ifndef API_INTERNAL_BLOB_STATE_H_
#define API_INTERNAL_BLOB_STATE_H_
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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
//   tags       array of texts                       owner          {of, key}
//   links      array of {relation, to, context}     metadata       object
//   sha256     bytes                                zstd           int, the level
// A key in it is a number or a text, or else the bytes of the key as it is encoded.

// kInvalidArgument says which attribute no record can hold.
absl::Status CheckAttributes(const BlobAttributes& attributes);
absl::Status CheckLink(const BlobLink& link);
absl::StatusOr<Document> RecordOf(const BlobInfo& info);
absl::StatusOr<BlobInfo> ParseRecord(const DocumentKey& key,
                                     const DocumentView& record);  // kDataLoss
// A filter on records. kInvalidArgument: the owner's key is none.
absl::StatusOr<std::string> FilterOf(const BlobQuery& query);
// Of records that point to this blob.
absl::StatusOr<std::string> FilterOfLinks(const DocumentKey& to,
                                          std::optional<BlobRelation> relation);

struct BlobState {
  // Of a store that is there. kDataLoss: not all of its trees are.
  static absl::StatusOr<std::shared_ptr<BlobState>> Of(std::shared_ptr<TableState> tree);
  // kAlreadyExists.
  static absl::Status Create(const std::shared_ptr<TransactionState>& txn,
                             std::string_view name);
  static absl::Status Drop(TransactionState* txn, catalog::TreeId store);
  // Each blob has one content and one record, and the other way.
  static absl::Status CheckAll(const ReadTransaction& txn,
                               absl::FunctionRef<void(const std::string& what)> problem,
                               absl::FunctionRef<absl::Status(uint64_t)> tick);
  explicit BlobState(std::shared_ptr<TableState> tree, Collection records);

  absl::Status Live() const { return tree->Live(); }
  absl::Status Check(absl::FunctionRef<void(const std::string& what)> problem,
                     absl::FunctionRef<absl::Status(uint64_t)> tick) const;
  absl::StatusOr<std::string> KeyOf(const DocumentKey& key) const;  // kInvalidArgument
  absl::Status NoSuchBlob(const DocumentKey& key) const;
  absl::StatusOr<std::optional<BlobInfo>> FindInfo(const DocumentKey& key) const;
  // Puts content and record together. `info` is that of the blob before, if there was one.
  absl::Status Store(const DocumentKey& key, std::string_view encoded,
                     const BlobAttributes& attributes, std::optional<BlobInfo> info,
                     const blobs::ContentWriter::Finished& content);
  // Over a range inside the content.
  absl::Status Overwrite(BlobInfo info, std::string_view encoded, uint64_t offset,
                         std::string_view bytes);
  absl::Status PutRecord(BlobInfo info);
  // What a content of these attributes is written with.
  absl::StatusOr<blobs::ContentOptions> OptionsOf(const BlobAttributes& attributes) const;

  const std::shared_ptr<TableState> tree;  // the contents
  blobs::Contents contents;
  Collection records;  // of a reader, for reading only
};

// What a BlobWriter writes to; the transaction knows it, and ends it.
struct BlobStream {
  std::shared_ptr<BlobState> state;
  DocumentKey key = 0;
  std::string encoded;
  BlobAttributes attributes;
  std::unique_ptr<blobs::ContentWriter> content;  // null: it has ended
  uint64_t epoch = 0;  // of the transaction's pages when it began
  uint64_t size = 0;

  absl::Status CheckOpen() const;
};

}  // namespace sheaf::internal
#endif  // API_INTERNAL_BLOB_STATE_H_
