// ReadTransaction, WriteTransaction, WriteBatch, Savepoint.
//
// A read transaction is a snapshot: O(1) to begin, never waits, never blocks a
// writer, sees what was committed when it began. Pages it can still reach are
// kept, so end it when done. A write transaction sees its own changes; at most
// one exists at a time and the others wait in the order they came.
//
// Thread-compatible: one transaction is used by one thread at a time; a write
// transaction may be handed to another thread, not shared.
#ifndef SHEAF_TRANSACTION_H_
#define SHEAF_TRANSACTION_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sheaf/blob_store.h"
#include "sheaf/collection.h"
#include "sheaf/expiry.h"
#include "sheaf/graph.h"
#include "sheaf/options.h"
#include "sheaf/table.h"
#include "sheaf/vector_index.h"

namespace sheaf {

namespace internal {
struct BatchMerges;
struct TransactionState;
class IndexBuild;
}  // namespace internal

enum class TreeKind : uint8_t {
  kTable = 1,
  kCollection = 2,
  kGraph = 4,
  kVectors = 7,
  kBlobs = 11,
};

struct TreeInfo {
  std::string name;
  TreeKind kind = TreeKind::kTable;
  uint64_t entry_count = 0;
  std::string key_type, value_type;  // of a typed table; empty otherwise
  Compression compression;           // of values that are put from now on
  // Beside entry_count: that have expired and are still there (expiry.h).
  uint64_t expired_count = 0;
};

// What a table or collection is made with. One that is there stays as it is.
struct TreeOptions {
  std::optional<Compression> compression;  // not set: what Options say
};

// What one table or collection is made of.
struct TreeStats {
  uint64_t entries = 0;  // those that have expired and are still there included
  uint64_t expired = 0;  // of these
  uint32_t height = 0;   // levels; 0: it is empty
  // Of 4 KiB: in leaves, above them, and in values of more than about 1 KB.
  uint64_t leaf_pages = 0, inner_pages = 0, value_pages = 0;
  uint64_t unused_bytes = 0;  // of leaves and what is above them
  uint64_t large_values = 0;  // that have pages of their own

  Compression compression;    // of values that are put from now on
  uint64_t values_as_is = 0;  // that did not shrink, or were put without compression
  uint64_t values_with_dictionary = 0;
  uint64_t value_bytes = 0, stored_bytes = 0;  // before and after; without keys and pages
  uint64_t dictionaries = 0, dictionary_bytes = 0;
};

class ReadTransaction {
 public:
  ReadTransaction(ReadTransaction&&) noexcept;
  ReadTransaction& operator=(ReadTransaction&&) noexcept;
  ~ReadTransaction();

  // kNotFound when there is none of that name, kFailedPrecondition when the name
  // belongs to another kind.
  absl::StatusOr<TableReader> table(std::string_view name) const;
  absl::StatusOr<CollectionReader> collection(std::string_view name) const;
  absl::StatusOr<GraphReader> graph(std::string_view name) const;
  absl::StatusOr<VectorIndexReader> vectors(std::string_view name) const;
  absl::StatusOr<BlobStoreReader> blobs(std::string_view name) const;
  absl::StatusOr<std::vector<TreeInfo>> List() const;  // by name
  // For TypedTable: kFailedPrecondition names both types when they differ.
  absl::StatusOr<TableReader> typed_table(std::string_view name,
                                          std::string_view key_type,
                                          std::string_view value_type) const;

  // Looks at every entry, and opens none. kNotFound.
  absl::StatusOr<TreeStats> Measure(std::string_view name,
                                    const Progress& progress = {}) const;

  // What expires, and how much of it has: of each that has, or had, such records. O(their
  // number).
  absl::StatusOr<std::vector<ExpiryStats>> ListExpiring() const;

  uint64_t version() const;  // the commit this snapshot shows
  void End();                // idempotent; also by destruction

 private:
  friend class Database;
  explicit ReadTransaction(std::shared_ptr<internal::TransactionState> state);
  std::shared_ptr<internal::TransactionState> state_;
};

// A point inside a write transaction to which it can return. Nested: rolling back
// to one forgets those set after it, releasing one forgets it and those. O(1) to set.
class Savepoint {
 public:
  Savepoint() = default;

 private:
  friend class WriteTransaction;
  uint64_t id_ = 0;
};

class WriteTransaction {
 public:
  WriteTransaction(WriteTransaction&&) noexcept;
  WriteTransaction& operator=(WriteTransaction&&) noexcept;
  ~WriteTransaction();  // rolls back what was not committed

  // Created on first use. kFailedPrecondition when the name belongs to another
  // kind. Names are 1 to 255 bytes of UTF-8 without control characters.
  absl::StatusOr<Table> table(std::string_view name, const TreeOptions& options = {});
  absl::StatusOr<Collection> collection(std::string_view name,
                                        const TreeOptions& options = {});
  absl::StatusOr<Graph> graph(std::string_view name, const TreeOptions& options = {});
  // kFailedPrecondition: it is there with other options, and says which; `ef_search` may
  // differ, and the one it was made with stays.
  absl::StatusOr<VectorIndex> vectors(std::string_view name,
                                      const VectorOptions& vector_options,
                                      const TreeOptions& options = {});
  absl::StatusOr<VectorIndex> vectors(std::string_view name);  // kNotFound
  absl::StatusOr<BlobStore> blobs(std::string_view name);
  absl::StatusOr<std::vector<TreeInfo>> List() const;
  absl::StatusOr<Table> typed_table(std::string_view name, std::string_view key_type,
                                    std::string_view value_type,
                                    const TreeOptions& options = {});
  absl::Status Rename(std::string_view from, std::string_view to);
  absl::Status Drop(std::string_view name);  // kNotFound

  // How values are compressed that are put from now on; those that are there stay as they
  // are, and readable. kNotFound. kFailedPrecondition when it holds values and was made
  // without compression: Recompress it.
  absl::Status SetCompression(std::string_view name, const Compression& compression);
  // The same, and every value that is there; a dictionary is trained anew, from values of
  // all of it. Builds it anew beside the old one, which takes as much space until the
  // next checkpoint; the transaction commits with one. A cancelled call changes nothing.
  absl::Status Recompress(std::string_view name, const Compression& compression,
                          const Progress& progress = {});

  absl::StatusOr<Savepoint> SetSavepoint();
  // kFailedPrecondition when the savepoint is gone. It can be used again.
  absl::Status RollbackTo(Savepoint savepoint);
  absl::Status Release(Savepoint savepoint);

  // Ends the transaction whatever it returns. An error means that nothing of it
  // is visible now; whether a kFull commit that failed in the sync is found after
  // the next open is unknown, and the database accepts no more writes.
  absl::Status Commit();
  void Rollback();  // idempotent

 private:
  friend class Database;
  friend class internal::IndexBuild;
  explicit WriteTransaction(std::shared_ptr<internal::TransactionState> state);
  std::shared_ptr<internal::TransactionState> state_;
};

// Puts, deletes and merges to be applied together, in their order. Batches that several
// threads apply at the same time are combined into one commit and one sync.
class WriteBatch {
 public:
  void Put(std::string_view table, std::string_view key, std::string_view value);
  void Put(std::string_view table, std::string_view key, std::string_view value,
           const Expiry& expiry);
  void Delete(std::string_view table, std::string_view key);
  // As Table::Merge and MergeWith, when the batch is applied: counters of many threads
  // share commits. One that cannot be done fails the whole batch, and no other.
  void Merge(std::string_view table, std::string_view key, MergeOperator op,
             std::string_view operand);
  void MergeWith(std::string_view table, std::string_view key, std::string_view function,
                 std::string_view operand);
  // The batch is applied only if the value is then `expected`; none: if there is none.
  // Otherwise Apply returns kAborted and nothing has changed.
  void Require(std::string_view table, std::string_view key,
               std::optional<std::string_view> expected);
  void Clear();
  bool empty() const { return ops_.empty(); }

 private:
  friend class Database;
  friend struct internal::BatchMerges;
  struct Op {
    std::string table, key, value;  // of a merge the operand
    bool is_delete;
    uint64_t value_size;  // a value too large to be put is not copied
    enum class Merging : uint8_t { kNone, kByOperator, kByFunction, kRequired };
    Merging merging = Merging::kNone;
    MergeOperator merge_operator{};
    std::string function{};
    bool expects_none = false;  // of one that is required
    std::optional<Expiry> expiry;
  };
  std::vector<Op> ops_;
  bool merges_ = false;  // one of them
};

}  // namespace sheaf
#endif  // SHEAF_TRANSACTION_H_
