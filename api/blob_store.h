// BlobStoreReader, BlobStore, BlobReader, BlobWriter: bytes by key, of any size, with what
// is known about them.
//
//   SHEAF_ASSIGN_OR_RETURN(BlobStore files, txn.blobs("files"));
//   SHEAF_RETURN_IF_ERROR(files.Put("cat.png", bytes, {.content_type = "image/png"}));
//   …
//   SHEAF_ASSIGN_OR_RETURN(BlobReader cat, read_files.Open("cat.png"));
//   SHEAF_ASSIGN_OR_RETURN(uint64_t n, cat.ReadAt(1 << 20, buffer));
//
// A key is that of a document (document_key.h). A content has up to 120 GB. One of up to 1
// MiB is written as any value is, through the log; a longer one goes to the file once, as it
// comes, and the transaction commits with a checkpoint. A range is read without the rest of
// it: of a long one pages of 4 KiB, each with its checksum.
//
// About each blob there is a record: what is put with it, a number (later ones are larger,
// none is given twice), when it was made and changed, and links. Records are documents: a
// BlobQuery has a filter of <sheaf/query.h>.
//
// Handles belong to their transaction, as for tables; so do readers and writers. Of a write
// transaction a reader reads what the blob has now. Thread-compatible.
#ifndef SHEAF_BLOB_STORE_H_
#define SHEAF_BLOB_STORE_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sheaf/document_key.h"
#include "sheaf/expiry.h"
#include "sheaf/options.h"

namespace sheaf {

namespace internal {
struct BlobState;
struct BlobStream;
}  // namespace internal

inline constexpr uint64_t kBlobBytesMax = uint64_t{5456} * 5456 * 4032;
inline constexpr size_t kBlobTextBytesMax = 255;  // of a name, a namespace, a tag, …
inline constexpr size_t kBlobTagsMax = 100;

// Why one blob points to another.
enum class BlobRelation : uint8_t {
  kDerived = 1,  // was made from it
  kSimilar = 2,
  kContradicts = 3,
  kSupports = 4,
  kSupersedes = 5,  // takes its place
};
std::string_view ToString(BlobRelation relation);
absl::StatusOr<BlobRelation> ParseBlobRelation(
    std::string_view text);  // kInvalidArgument

struct BlobLink {
  BlobRelation relation = BlobRelation::kDerived;
  DocumentKey to = 0;
  std::string context;  // up to 255 bytes
  friend bool operator==(const BlobLink&, const BlobLink&) = default;
};

// What a blob belongs to: a document, a vertex, or an entry of a table, which must be there.
// When that is deleted, expires or is dropped with all others, so is the blob, in the same
// transaction.
struct BlobOwner {
  std::string of;  // the collection, graph or table; the table's key is a text or bytes
  DocumentKey key = 0;
  bool keep = false;  // the blob stays when its owner goes
  friend bool operator==(const BlobOwner&, const BlobOwner&) = default;
};

// What is put with a content.
struct BlobAttributes {
  std::string content_type;  // "image/png"
  std::string name;          // as people call it
  std::string name_space;    // a part of the store, "" being one as well
  std::vector<std::string> tags;
  std::optional<BlobOwner> owner;
  std::string metadata;  // a JSON object; empty: none
  // Of Put and NewWriter only. Not set: the store's default, mostly never.
  std::optional<Expiry> expiry;
  // Compressed in frames of 64 KiB, so that ranges are read without the rest all the same;
  // 1 to 19, 0: not. Such a content is not shared with others, and is written anew when a
  // part of it changes.
  int zstd_level = 0;
};

struct BlobInfo {
  DocumentKey key = 0;
  uint64_t size = 0;
  uint64_t stored_size = 0;  // less than size where it is compressed
  uint64_t number = 0;
  absl::Time created, modified;
  BlobAttributes attributes;
  std::vector<BlobLink> links;
  std::string sha256;  // 32 bytes, of one that is, or may be, shared; empty otherwise
  absl::Time expires_at = absl::InfiniteFuture();
};

struct BlobQuery {
  // All of those that are set.
  std::optional<std::string> name_space;
  std::string tag;
  std::optional<BlobOwner> owner;                      // whether it keeps them or not
  std::optional<absl::Time> created_from, created_to;  // half-open
  std::optional<uint64_t> number_from;
  // A filter on records; their fields: _id, number, size, stored, created, modified, type,
  // name, namespace, tags, links.relation, metadata.…
  std::string filter;
  std::string sort;  // {"size": -1}; empty: by number
  uint64_t skip = 0;
  std::optional<uint64_t> limit;
  Progress progress;
};

struct BlobStats {
  uint64_t blobs = 0;
  uint64_t content_bytes = 0;  // of all blobs, each counted
  uint64_t stored_bytes = 0;   // shared contents once, compressed ones as they are
  uint64_t shared_blobs = 0, shared_contents = 0;
  uint64_t compressed_blobs = 0;
};

// Reads one content, from anywhere. Keeps a page or two in memory.
class BlobReader {
 public:
  BlobReader(BlobReader&&) noexcept;
  BlobReader& operator=(BlobReader&&) noexcept;
  ~BlobReader();

  uint64_t size() const;
  uint64_t position() const;
  // kOutOfRange: behind the end.
  absl::Status Seek(uint64_t position);
  // Fills `out` from the position on as far as there is something, and moves on. Returns
  // how much; 0: the end.
  absl::StatusOr<uint64_t> Read(absl::Span<char> out);
  // The same from `offset`; does not move. kOutOfRange: it lies behind the end.
  absl::StatusOr<uint64_t> ReadAt(uint64_t offset, absl::Span<char> out);

 private:
  friend class BlobStoreReader;
  struct Rep;
  explicit BlobReader(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

// Writes one content, as it comes. Nothing of it is seen before Finish; one that is not
// finished leaves nothing, nor one whose transaction went back to a savepoint meanwhile.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) noexcept;
  BlobWriter& operator=(BlobWriter&&) noexcept;
  ~BlobWriter();  // aborts

  // kResourceExhausted: the disk is full; kFailedPrecondition: a rollback to a savepoint, or
  // the end of the transaction, has ended it. After an error only Abort is possible.
  absl::Status Append(std::string_view bytes);
  uint64_t size() const;  // so far
  // The blob has the content, in the place of any before. Once.
  absl::Status Finish();
  void Abort();

 private:
  friend class BlobStore;
  explicit BlobWriter(std::shared_ptr<internal::BlobStream> stream);
  std::shared_ptr<internal::BlobStream> stream_;
};

class BlobStoreReader {
 public:
  BlobStoreReader() = default;

  const std::string& name() const;
  absl::StatusOr<uint64_t> size() const;               // how many blobs
  absl::StatusOr<uint64_t> size_with_expired() const;  // and what is still there
  absl::StatusOr<Expiry> DefaultExpiry() const;
  absl::StatusOr<bool> Contains(const DocumentKey& key) const;

  absl::StatusOr<BlobReader> Open(const DocumentKey& key) const;  // kNotFound
  // All of it. kNotFound.
  absl::StatusOr<std::string> Get(const DocumentKey& key) const;
  // Fills `out` as far as there is something. kNotFound; kOutOfRange: `offset` lies behind
  // the end.
  absl::StatusOr<uint64_t> ReadRange(const DocumentKey& key, uint64_t offset,
                                     absl::Span<char> out) const;

  absl::StatusOr<BlobInfo> Info(const DocumentKey& key) const;   // kNotFound
  absl::StatusOr<BlobInfo> InfoByNumber(uint64_t number) const;  // kNotFound
  // Until `fn` returns false. kInvalidArgument says what is wrong with the filter.
  using InfoFn = absl::FunctionRef<bool(const BlobInfo& info)>;
  absl::Status ForEach(const BlobQuery& query, InfoFn fn) const;
  absl::StatusOr<uint64_t> Count(const BlobQuery& query) const;

  // Blobs that point to this one, by that relation or by any. By number.
  absl::StatusOr<std::vector<BlobInfo>> PointingTo(
      const DocumentKey& key, std::optional<BlobRelation> relation = {}) const;
  // From the blob along the first link of that relation of each, as far as it goes: what it
  // was derived from, and that. Ends where a link leads to no blob, or back.
  absl::StatusOr<std::vector<DocumentKey>> Chain(
      const DocumentKey& key, BlobRelation relation = BlobRelation::kDerived) const;
  // The keys on a shortest way along links from one blob to the other, both included; empty:
  // there is none. kResourceExhausted: more than `blobs_max` were looked at.
  absl::StatusOr<std::vector<DocumentKey>> Path(const DocumentKey& from,
                                                const DocumentKey& to,
                                                uint64_t blobs_max = 100'000) const;

  // Whether contents of the namespace are shared: see BlobStore::SetShared.
  absl::StatusOr<bool> IsShared(std::string_view name_space) const;
  // Looks at the row of every content.
  absl::StatusOr<BlobStats> Stats(const Progress& progress = {}) const;

 protected:
  friend class ReadTransaction;
  friend class WriteTransaction;
  friend struct internal::BlobState;
  explicit BlobStoreReader(std::shared_ptr<internal::BlobState> state);
  std::shared_ptr<internal::BlobState> state_;
};

class BlobStore : public BlobStoreReader {
 public:
  BlobStore() = default;

  // Instead of a blob of that key, if there is one; its number, creation and links stay.
  // kInvalidArgument says which attribute is wrong, kNotFound that its owner is not there.
  absl::Status Put(const DocumentKey& key, std::string_view bytes,
                   const BlobAttributes& attributes = {});
  // The same as it comes. kFailedPrecondition: another writer has the key at work.
  absl::StatusOr<BlobWriter> NewWriter(const DocumentKey& key,
                                       const BlobAttributes& attributes = {});
  // Behind what there is; kNotFound. Of a long content that is neither shared nor compressed
  // no byte is copied. Readers keep what they had opened.
  absl::StatusOr<BlobWriter> Continue(const DocumentKey& key);
  absl::Status Append(const DocumentKey& key, std::string_view bytes);
  // Over a range; it may go on behind the end, but begin there at the latest: kOutOfRange.
  // Of a long content as above the pages are copied that the range touches.
  absl::Status Overwrite(const DocumentKey& key, uint64_t offset, std::string_view bytes);
  absl::StatusOr<bool> Delete(const DocumentKey& key);

  // See expiry.h; what changes a part of a blob keeps when it expires. kNotFound.
  absl::Status SetExpiry(const DocumentKey& key, const Expiry& expiry);
  // Begins a sliding expiry anew. False: there is no such blob, or its does not slide.
  absl::StatusOr<bool> Touch(const DocumentKey& key);
  absl::Status SetDefaultExpiry(const Expiry& expiry);

  // But for zstd_level and expiry, which stay. kNotFound.
  absl::Status SetAttributes(const DocumentKey& key, const BlobAttributes& attributes);
  // One of each relation and blob; kNotFound: the first is not there. (The other may come
  // later, and may go.)
  absl::Status Link(const DocumentKey& key, const BlobLink& link);
  absl::StatusOr<bool> Unlink(const DocumentKey& key, BlobRelation relation,
                              const DocumentKey& to);

  // Equal contents of at least 4 KiB that are put into the namespace from now on are stored
  // once, found by their SHA-256; blobs that are there stay as they are.
  absl::Status SetShared(std::string_view name_space, bool shared);

 private:
  friend class WriteTransaction;
  using BlobStoreReader::BlobStoreReader;
};

}  // namespace sheaf
#endif  // SHEAF_BLOB_STORE_H_
