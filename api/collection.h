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
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/document.h"
#include "sheaf/index.h"
#include "sheaf/table.h"

namespace sheaf {

namespace internal {
struct CollectionState;
}

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  // Of version 7 (RFC 9562): later ones are larger, also those of one millisecond.
  static Uuid Next();
  // 018f4e1c-…: 32 hexadecimal digits, dashes where they belong or none. kInvalidArgument.
  static absl::StatusOr<Uuid> Parse(std::string_view text);
  std::string ToString() const;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

class DocumentKey {
 public:
  DocumentKey(int64_t number) : key_(number) {}
  DocumentKey(int number) : key_(int64_t{number}) {}
  DocumentKey(std::string text) : key_(std::move(text)) {}
  DocumentKey(std::string_view text) : key_(std::string(text)) {}
  DocumentKey(const char* text) : key_(std::string(text)) {}
  DocumentKey(const Uuid& uuid) : key_(uuid) {}
  static DocumentKey Bytes(std::string_view bytes);

  bool is_number() const { return std::holds_alternative<int64_t>(key_); }
  bool is_text() const { return std::holds_alternative<std::string>(key_); }
  bool is_uuid() const { return std::holds_alternative<Uuid>(key_); }
  bool is_bytes() const { return std::holds_alternative<ByteString>(key_); }
  int64_t number() const { return std::get<int64_t>(key_); }
  const std::string& text() const { return std::get<std::string>(key_); }
  const Uuid& uuid() const { return std::get<Uuid>(key_); }
  const std::string& bytes() const { return std::get<ByteString>(key_).bytes; }
  std::string ToString() const;  // as a person reads it; bytes in hexadecimal
  friend bool operator==(const DocumentKey&, const DocumentKey&) = default;

 private:
  struct ByteString {
    std::string bytes;
    friend bool operator==(const ByteString&, const ByteString&) = default;
  };
  std::variant<int64_t, std::string, Uuid, ByteString> key_;
};

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
  absl::StatusOr<uint64_t> size() const;  // O(log n)

  // In key order, until `fn` returns false. The views live during the call.
  using JsonFn = absl::FunctionRef<bool(const DocumentKey& key, std::string_view json)>;
  absl::Status ForEach(const DocumentRange& range, JsonFn fn) const;
  using DocumentFn =
      absl::FunctionRef<bool(const DocumentKey& key, const DocumentView& document)>;
  absl::Status ForEachDocument(const DocumentRange& range, DocumentFn fn) const;

  absl::StatusOr<std::vector<IndexInfo>> Indexes() const;

  const std::string& name() const;

 protected:
  friend class ReadTransaction;
  friend class WriteTransaction;
  explicit CollectionReader(std::shared_ptr<internal::CollectionState> state);
  std::shared_ptr<internal::CollectionState> state_;
};

class Collection : public CollectionReader {
 public:
  Collection() = default;

  // JSON: kInvalidArgument names the byte at which it stops being JSON.
  absl::Status Put(const DocumentKey& key, std::string_view json);      // upsert
  absl::Status Insert(const DocumentKey& key, std::string_view json);   // kAlreadyExists
  absl::Status Replace(const DocumentKey& key, std::string_view json);  // kNotFound
  absl::Status Put(const DocumentKey& key, const Document& document);
  absl::Status Insert(const DocumentKey& key, const Document& document);
  absl::Status Replace(const DocumentKey& key, const Document& document);
  // Chooses the key: one more than the largest integer key ever used here.
  absl::StatusOr<int64_t> Append(std::string_view json);
  absl::StatusOr<int64_t> Append(const Document& document);
  // Chooses the key: Uuid::Next().
  absl::StatusOr<Uuid> Add(std::string_view json);
  absl::StatusOr<Uuid> Add(const Document& document);
  absl::StatusOr<bool> Delete(const DocumentKey& key);

  // Builds it in this transaction, which other writers wait for; Database::CreateIndex
  // does it beside them. Nothing is done when it is there already. kAlreadyExists: another
  // of that name, or, of a unique one, two documents that have the same values. A
  // cancelled call leaves none.
  absl::Status CreateIndex(const IndexDefinition& definition,
                           const Progress& progress = {});
  absl::Status DropIndex(std::string_view name);  // kNotFound

 private:
  friend class WriteTransaction;
  friend class Database;
  using CollectionReader::CollectionReader;
  enum class Mode { kUpsert, kInsert, kReplace };
  template <class Source>
  absl::Status Write(const DocumentKey& key, const Source& source, Mode mode);
  template <class Source>
  absl::StatusOr<int64_t> AppendFrom(const Source& source);
  absl::Status NoteNumber(const DocumentKey& key);
};

}  // namespace sheaf
#endif  // SHEAF_COLLECTION_H_
