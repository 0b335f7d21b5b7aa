// Schema: what a collection knows beside its documents: the names of fields, the indexes.
//
// It lies in the collection's own tree, in rows below all documents, so that whatever
// carries the tree carries it, and a document and its names are written together:
//
//   key    01, row number (4, big-endian): from 0 on, without a gap
//   value  kind (1), and by kind
//     01 name    UTF-8, at most 64 bytes; its number is that of the row
//     02 index   varint size and name of the tree that holds it, its definition as JSON
//     03 fact    varint row of the index, Fact (1): what has become of it
//     04 lost    salvage did not find the row
//
// Rows are only added. So a schema is told apart by the number of its rows, and one that
// is known is brought up to date by reading the rows behind it.
//
// Immutable once shared.
#ifndef DOCUMENT_SCHEMA_H_
#define DOCUMENT_SCHEMA_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "catalog/tree_view.h"
#include "document/filter.h"
#include "document/index.h"
#include "document/names.h"
#include "document/path.h"

namespace sheaf::document {

enum class Fact : uint8_t {
  kReady = 1,
  kFailed = 2,
  kDropped = 3,
  kThroughArrays = 4,  // a value was reached through an array
  kCut = 5,            // an entry's values were too long for a key
  kDisabled = 6,       // queries pass it over
  kEnabled = 7,        // no longer
};

struct Index {
  IndexDefinition definition;
  Filter filter;  // parsed
  std::vector<Path> paths;
  std::string tree;  // its name
  uint32_t row = 0;
  IndexState state = IndexState::kBuilding;
  bool through_arrays = false, cut = false, disabled = false;
};

class Schema {
 public:
  Schema() = default;
  // All that `base` knows; it is kept.
  explicit Schema(std::shared_ptr<const Schema> base);
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  NameTable& names() { return names_; }
  const NameTable& names() const { return names_; }
  // Of now: what holds on to it sees no later ones.
  using Indexes = std::shared_ptr<const std::vector<Index>>;
  const Indexes& index_list() const { return indexes_; }
  const std::vector<Index>& indexes() const { return *indexes_; }
  const Index* FindIndex(std::string_view name) const;
  uint32_t rows() const { return rows_; }
  // Names behind the rows: not stored yet.
  bool has_new_names() const { return rows_ < names_.size(); }
  void ForgetNewNames() { names_.Truncate(rows_); }

  // Takes the next row. kDataLoss. Requires: new names come first, in order.
  absl::Status TakeRow(std::string_view value);
  // Reads the rows of `tree` from rows() to `end`.
  absl::Status Load(const catalog::TreeView& tree, uint32_t end);
  // Everything in memory of its own, and nothing kept.
  std::shared_ptr<const Schema> Flatten() const;

 private:
  void BindIndexes();
  absl::Status TakeIndex(std::string_view row);
  absl::Status TakeFact(std::string_view row);

  std::shared_ptr<const Schema> base_;
  NameTable names_;
  Indexes indexes_ = std::make_shared<const std::vector<Index>>();
  uint32_t rows_ = 0;
};

absl::Status LostTree(const Index& index);  // kDataLoss

std::string EncodeNameRow(std::string_view name);
std::string EncodeIndexRow(const Index& index);
std::string EncodeFactRow(uint32_t index_row, Fact fact);
std::string EncodeLostRow();

std::string SchemaKey(uint32_t row);
inline constexpr std::string_view kSchemaKeys = "\x01", kSchemaKeysEnd = "\x02";
// Behind the last row of a tree's schema, whether all are there or not. kDataLoss.
absl::StatusOr<uint32_t> EndOfSchemaRows(const catalog::TreeView& tree);
// Rows of a tree's schema. kDataLoss.
absl::StatusOr<uint32_t> CountSchemaRows(const catalog::TreeView& tree);

// Schemas of committed versions, by tree. Thread-safe.
class SchemaCache {
 public:
  // Of a view whose tree has no change that is not committed.
  absl::StatusOr<std::shared_ptr<const Schema>> Get(const catalog::TreeView& tree)
      ABSL_LOCKS_EXCLUDED(mu_);
  // A view that may have such. None: nothing is known of it.
  std::shared_ptr<const Schema> Peek(catalog::TreeId tree) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Mutex mu_;
  absl::flat_hash_map<catalog::TreeId, std::shared_ptr<const Schema>> schemas_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace sheaf::document
#endif  // DOCUMENT_SCHEMA_H_
