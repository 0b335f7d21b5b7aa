// CollectionReader, Collection: JSON documents by key.
//
// A key is a string (1 to 1,000 bytes of UTF-8) or a 64-bit integer; integers
// sort before strings. A document is any JSON value up to 64 MiB, nested at most
// 1,000 deep; it is checked, stripped of white space and kept without loss.
// Indexes, queries and updates by operator come with the document engine and
// read what is stored today.
//
// Handles belong to their transaction, as for tables. Thread-compatible.
#ifndef SHEAF_COLLECTION_H_
#define SHEAF_COLLECTION_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "sheaf/table.h"

namespace sheaf {

class DocumentKey {
 public:
  DocumentKey(int64_t number) : key_(number) {}
  DocumentKey(int number) : key_(int64_t{number}) {}
  DocumentKey(std::string text) : key_(std::move(text)) {}
  DocumentKey(std::string_view text) : key_(std::string(text)) {}
  DocumentKey(const char* text) : key_(std::string(text)) {}

  bool is_number() const { return std::holds_alternative<int64_t>(key_); }
  int64_t number() const { return std::get<int64_t>(key_); }
  const std::string& text() const { return std::get<std::string>(key_); }
  std::string ToString() const;  // as a person reads it
  friend bool operator==(const DocumentKey&, const DocumentKey&) = default;

 private:
  std::variant<int64_t, std::string> key_;
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

  absl::StatusOr<std::string> Get(const DocumentKey& key) const;  // kNotFound
  absl::StatusOr<std::optional<std::string>> Find(const DocumentKey& key) const;
  absl::StatusOr<bool> Contains(const DocumentKey& key) const;
  absl::StatusOr<uint64_t> size() const;  // O(1)

  // In key order, until `fn` returns false. The view lives during the call.
  using DocumentFn =
      absl::FunctionRef<bool(const DocumentKey& key, std::string_view json)>;
  absl::Status ForEach(const DocumentRange& range, DocumentFn fn) const;

  const std::string& name() const { return table_.name(); }

 protected:
  friend class ReadTransaction;
  friend class WriteTransaction;
  explicit CollectionReader(Table table) : table_(std::move(table)) {}
  Table table_;
};

class Collection : public CollectionReader {
 public:
  Collection() = default;

  // kInvalidArgument names the byte at which `json` stops being JSON.
  absl::Status Put(const DocumentKey& key, std::string_view json);      // upsert
  absl::Status Insert(const DocumentKey& key, std::string_view json);   // kAlreadyExists
  absl::Status Replace(const DocumentKey& key, std::string_view json);  // kNotFound
  // Chooses the key: one more than the largest integer key ever used here.
  absl::StatusOr<int64_t> Append(std::string_view json);
  absl::StatusOr<bool> Delete(const DocumentKey& key);

 private:
  friend class WriteTransaction;
  using CollectionReader::CollectionReader;
  absl::Status NoteNumber(const DocumentKey& key);
};

}  // namespace sheaf
#endif  // SHEAF_COLLECTION_H_
