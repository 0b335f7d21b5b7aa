// CollectionReader, Collection: JSON documents by key.
//
// A key is a 64-bit integer, a string (1 to 1,000 bytes of UTF-8), a UUID, or bytes (1 to
// 1,000); they sort in this order. A document is any JSON value up to 64 MiB, nested at
// most 1,000 deep, and more (document.h): integers of 64 bits come back as they were,
// other numbers as the shortest text that means the same double; numbers that neither
// holds are refused. Field names are kept once a collection.
//
// Indexes (index.h) are kept up in the transaction that changes a document. An entry that
// a unique index has already refuses the document, and changes nothing.
//
// Handles belong to their transaction, as for tables. Thread-compatible.
#ifndef SHEAF_COLLECTION_H_
#define SHEAF_COLLECTION_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/document.h"
#include "sheaf/document_key.h"
#include "sheaf/expiry.h"
#include "sheaf/index.h"
#include "sheaf/query.h"
#include "sheaf/table.h"
#include "sheaf/vector_options.h"

namespace sheaf {

namespace internal {
struct BlobState;
class ImportWriter;
struct CollectionState;
struct GraphState;
struct VectorState;
class VectorFields;
}  // namespace internal

// Bounds of a scan. `prefix` is for string keys and excludes the others.
struct DocumentRange {
  std::optional<DocumentKey> from;  // included
  std::optional<DocumentKey> to;    // excluded
  std::optional<std::string> prefix;
  bool reverse = false;
};

class CollectionReader {
 public:
  CollectionReader() = default;

  // As JSON.
  absl::StatusOr<std::string> Get(const DocumentKey& key) const;  // kNotFound
  absl::StatusOr<std::optional<std::string>> Find(const DocumentKey& key) const;
  // Where it lies, in a read transaction: nothing is decoded that is not looked at.
  absl::StatusOr<Document> GetDocument(const DocumentKey& key) const;  // kNotFound
  absl::StatusOr<std::optional<Document>> FindDocument(const DocumentKey& key) const;
  absl::StatusOr<bool> Contains(const DocumentKey& key) const;
  absl::StatusOr<uint64_t> size() const;               // O(log n)
  absl::StatusOr<uint64_t> size_with_expired() const;  // and what is still there
  // When it expires; InfiniteFuture: never. kNotFound: also when it has.
  absl::StatusOr<absl::Time> ExpiresAt(const DocumentKey& key) const;
  absl::StatusOr<Expiry> DefaultExpiry() const;

  // In key order, until `fn` returns false. The views live during the call.
  using JsonFn = absl::FunctionRef<bool(const DocumentKey& key, std::string_view json)>;
  absl::Status ForEach(const DocumentRange& range, JsonFn fn) const;
  using DocumentFn =
      absl::FunctionRef<bool(const DocumentKey& key, const DocumentView& document)>;
  absl::Status ForEachDocument(const DocumentRange& range, DocumentFn fn) const;

  // Calls `fn` with the document where it lies, which is good until it returns: the
  // cheapest way to a field. False: there is none.
  absl::StatusOr<bool> Visit(const DocumentKey& key,
                             absl::FunctionRef<void(const DocumentView&)> fn) const;
  // Of many keys at once, which is quicker than one after the other: what they need comes
  // from memory together. Calls `fn(i, document)` for each keys[i] that there is, in order.
  absl::Status VisitMany(
      absl::Span<const DocumentKey> keys,
      absl::FunctionRef<void(size_t i, const DocumentView& document)> fn) const;

  // The key of the document that has these values in a unique index, one for each of its
  // fields; cheaper than a query. kInvalidArgument: there is no such index, it is not
  // unique, or has more fields or fewer. kFailedPrecondition: it is not ready, or disabled.
  absl::StatusOr<std::optional<DocumentKey>> FindUnique(
      std::string_view index, std::initializer_list<IndexValue> values) const;
  // Calls `fn` with that key and the document where it lies, which is good until it
  // returns. False: there is none. Errors as of FindUnique.
  absl::StatusOr<bool> VisitUnique(
      std::string_view index, std::initializer_list<IndexValue> values,
      absl::FunctionRef<void(const DocumentKey& key, const DocumentView& document)> fn)
      const;

  // By a filter: see <sheaf/query.h>. kInvalidArgument says what is wrong with the filter
  // or an option, kFailedPrecondition that QueryOptions::index cannot be used for it.
  absl::StatusOr<DocumentCursor> Query(std::string_view filter,
                                       const QueryOptions& options = {}) const;
  // Reads no document where an index, or nothing, says it all.
  absl::StatusOr<uint64_t> Count(std::string_view filter,
                                 const QueryOptions& options = {}) const;
  // The values that a path has, each once, in their order; of arrays the elements.
  using ValueFn = absl::FunctionRef<void(const DocumentView& value)>;
  absl::Status Distinct(std::string_view path, std::string_view filter, ValueFn fn,
                        const QueryOptions& options = {}) const;
  // Sums over groups, in MongoDB's language; groups come in the order of their "_id":
  //   {"_id": "$author", "books": {"$sum": 1}, "pages": {"$avg": "$pages"}}
  absl::Status Group(std::string_view groups, std::string_view filter, ValueFn fn,
                     const QueryOptions& options = {}) const;

  absl::StatusOr<std::vector<IndexInfo>> Indexes() const;

  const std::string& name() const;

 protected:
  friend class ReadTransaction;
  friend class WriteTransaction;
  friend class internal::ImportWriter;
  friend struct internal::BlobState;
  friend struct internal::GraphState;
  friend struct internal::VectorState;
  friend class internal::VectorFields;
  explicit CollectionReader(std::shared_ptr<internal::CollectionState> state);
  absl::StatusOr<bool> VisitEncoded(
      std::string_view key, absl::FunctionRef<void(const DocumentView&)> fn) const;
  // As it is encoded, also that of a document that has expired; empty: there is none.
  absl::StatusOr<std::string> KeyInUnique(std::string_view index,
                                          std::initializer_list<IndexValue> values) const;
  std::shared_ptr<internal::CollectionState> state_;
};

class Collection : public CollectionReader {
 public:
  Collection() = default;

  // JSON: kInvalidArgument names the byte at which it stops being JSON.
  // Put is an upsert; Insert: kAlreadyExists; Replace: kNotFound. `expiry`: expiry.h; not
  // given: the collection's default, mostly none.
  absl::Status Put(const DocumentKey& key, std::string_view json,
                   const std::optional<Expiry>& expiry = {});
  absl::Status Insert(const DocumentKey& key, std::string_view json,
                      const std::optional<Expiry>& expiry = {});
  absl::Status Replace(const DocumentKey& key, std::string_view json,
                       const std::optional<Expiry>& expiry = {});
  absl::Status Put(const DocumentKey& key, const Document& document,
                   const std::optional<Expiry>& expiry = {});
  absl::Status Insert(const DocumentKey& key, const Document& document,
                      const std::optional<Expiry>& expiry = {});
  absl::Status Replace(const DocumentKey& key, const Document& document,
                       const std::optional<Expiry>& expiry = {});
  // Chooses the key: one more than the largest integer key ever used here.
  absl::StatusOr<int64_t> Append(std::string_view json);
  absl::StatusOr<int64_t> Append(const Document& document);
  // Chooses the key: Uuid::Next().
  absl::StatusOr<Uuid> Add(std::string_view json);
  absl::StatusOr<Uuid> Add(const Document& document);
  absl::StatusOr<bool> Delete(const DocumentKey& key);
  absl::Status SetExpiry(const DocumentKey& key, const Expiry& expiry);  // kNotFound
  // Begins a sliding expiry anew. False: there is no such document, or its does not slide.
  absl::StatusOr<bool> Touch(const DocumentKey& key);
  // Of documents to come: After, Sliding or Never.
  absl::Status SetDefaultExpiry(const Expiry& expiry);

  // Changes a document by MongoDB's update operators: {"$set": {"a.b": 1}, "$inc": {…}};
  // there are $set $unset $inc $mul $min $max $bit $push $addToSet $pull $pullAll $pop
  // $rename $currentDate $setOnInsert, and $merge, which docs/merge.md explains. False: there
  // is none of that key, or nothing to change.
  // kInvalidArgument: the update is wrong; kFailedPrecondition: it does not fit the
  // document; both say where.
  absl::StatusOr<bool> Update(const DocumentKey& key, std::string_view update);
  // The same; where there is no document it is made from {}.
  absl::Status Upsert(const DocumentKey& key, std::string_view update);
  // By what `fn` makes of it; null: deleted, or not made. An error of `fn` changes nothing.
  using ModifyFn = absl::FunctionRef<absl::StatusOr<std::optional<Document>>(
      const std::optional<Document>& old)>;
  absl::Status Modify(const DocumentKey& key, ModifyFn fn);
  // RFC 6902 and RFC 7396. kNotFound.
  absl::Status Patch(const DocumentKey& key, std::string_view json_patch);
  absl::Status MergePatch(const DocumentKey& key, std::string_view merge_patch);

  // Puts `desired`, or deletes where that is none, if the document is equal to `expected`,
  // or if there is none where that is none. False: it is not, and nothing changed. Equal as
  // filters have it: 1 equals 1.0, and the order of fields counts.
  absl::StatusOr<bool> CompareAndSet(const DocumentKey& key,
                                     std::optional<std::string_view> expected,
                                     std::optional<std::string_view> desired);
  // Update, if the document matches `filter`, which may be of a version or any field. False:
  // there is none of that key, or it does not match.
  absl::StatusOr<bool> UpdateIf(const DocumentKey& key, std::string_view filter,
                                std::string_view update);

  // All that match; what a failing one had changed before it is the caller's to roll back
  // (Savepoint). Options: limit, sort, index, memory, progress.
  struct ChangeCounts {
    uint64_t matched = 0, changed = 0;
  };
  absl::StatusOr<ChangeCounts> UpdateWhere(std::string_view filter,
                                           std::string_view update,
                                           const QueryOptions& options = {});
  absl::StatusOr<uint64_t> DeleteWhere(std::string_view filter,
                                       const QueryOptions& options = {});

  // Builds it in this transaction, which other writers wait for; Database::CreateIndex
  // does it beside them. Nothing is done when it is there already. kAlreadyExists: another
  // of that name, or, of a unique one, two documents that have the same values. A
  // cancelled call leaves none.
  absl::Status CreateIndex(const IndexDefinition& definition,
                           const Progress& progress = {});
  // Makes a vector index of that name (Transaction::vectors reads it) of what documents have
  // at `path`: a vector or an array of numbers, or nothing. A document whose field is neither
  // is refused from then on. Its matches have the documents' keys, and its filters are of the
  // documents. Dropped by its name, or with the collection. kAlreadyExists;
  // kInvalidArgument: names a document that has no such vector there.
  absl::Status CreateVectorIndex(std::string_view name, std::string_view path,
                                 const VectorOptions& options,
                                 const Progress& progress = {});
  absl::Status DropIndex(std::string_view name);     // kNotFound
  absl::Status RebuildIndex(std::string_view name);  // from the documents; kNotFound
  // A disabled index is kept up, and if it is unique keeps refusing, but no query uses it:
  // whether it is missed shows before it is dropped. It stays so, also when it is rebuilt,
  // until it is enabled. kNotFound.
  absl::Status DisableIndex(std::string_view name);
  absl::Status EnableIndex(std::string_view name);

 private:
  friend class WriteTransaction;
  friend class Database;
  friend class internal::ImportWriter;
  friend struct internal::BlobState;
  friend struct internal::GraphState;
  friend struct internal::VectorState;
  friend class internal::VectorFields;
  using CollectionReader::CollectionReader;
  enum class Mode { kUpsert, kInsert, kReplace };
  template <class Source>
  absl::Status Write(const DocumentKey& key, const Source& source, Mode mode,
                     const catalog::ExpiryChange& expiry);
  template <class Source>
  absl::Status WriteExpiring(const DocumentKey& key, const Source& source, Mode mode,
                             const std::optional<Expiry>& expiry);
  absl::Status PutKeepingExpiry(const DocumentKey& key, const Document& document);
  template <class Source>
  absl::StatusOr<int64_t> AppendFrom(const Source& source);
  // Bytes of the names that the collection has. Without a key: Append.
  absl::Status PutEncoded(const std::optional<DocumentKey>& key, std::string_view bytes);
  // A new document of this collection's names, in the place of `old` if there is one.
  using RewriteFn = absl::FunctionRef<absl::StatusOr<std::optional<std::string>>(
      const std::optional<DocumentView>& old, document::NameTable* names)>;
  absl::StatusOr<bool> Rewrite(const DocumentKey& key, RewriteFn fn);
  absl::StatusOr<std::vector<DocumentKey>> KeysWhere(std::string_view filter,
                                                     const QueryOptions& options);
  absl::Status NoteNumber(const DocumentKey& key);
};

}  // namespace sheaf
#endif  // SHEAF_COLLECTION_H_
