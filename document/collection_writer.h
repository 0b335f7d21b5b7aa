// CollectionWriter: the documents of one collection in a write transaction, with their
// names and indexes.
//
// What is refused (an entry that a unique index has already, arguments) changes nothing.
// Belongs to its transaction and ends with it. Thread-compatible.
#ifndef DOCUMENT_COLLECTION_WRITER_H_
#define DOCUMENT_COLLECTION_WRITER_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "catalog/expiry.h"
#include "catalog/write_txn.h"
#include "document/document_watcher.h"
#include "document/index_entry.h"
#include "document/schema.h"

namespace sheaf::document {

class CollectionWriter {
 public:
  CollectionWriter(catalog::WriteTxn* txn, catalog::OpenTree* tree, SchemaCache* cache)
      : txn_(*txn), tree_(*tree), cache_(*cache) {}
  CollectionWriter(const CollectionWriter&) = delete;
  CollectionWriter& operator=(const CollectionWriter&) = delete;

  void set_watcher(std::unique_ptr<DocumentWatcher> watcher) {
    watcher_ = std::move(watcher);
  }
  // To be called when the transaction went back to a savepoint: what was read may be gone.
  void Forget();
  // Another one: names and indexes that were known before it may not be those of now.
  uint64_t generation() const { return generation_; }

  // What documents of the collection are to be written and read with. New names are kept
  // once a document that has them is put.
  absl::StatusOr<std::shared_ptr<Schema>> schema();
  // Of new names, which Put does unasked.
  absl::Status StoreNames();
  catalog::TreeView view() const { return {&txn_, &tree_}; }
  absl::StatusOr<catalog::TreeView> ViewOf(const Index& index);
  catalog::OpenTree& tree() { return tree_; }
  absl::StatusOr<uint64_t> size() const;

  // `document`: encoding 2, of this schema's names. kAlreadyExists names the index and the
  // values; with kInsertOnly, `*existed` tells that the key was there, and all stays as it
  // was.
  absl::Status Put(std::string_view key, std::string_view document,
                   btree::BTree::PutMode mode, bool* existed,
                   const catalog::ExpiryChange& expiry = {});
  absl::StatusOr<bool> Delete(std::string_view key);
  // The same of what has expired, which nobody sees any more. Expiries stay. `keys` are
  // ascending.
  absl::Status DeleteExpired(absl::Span<const std::string> keys);

  // Of a salvaged tree: puts something in the place of rows that are lost.
  absl::Status RepairSchema();

  // --- Indexes ---
  // kAlreadyExists when there is one of that name that differs; the same: nothing is done.
  // BeginIndex only declares it; documents are added by ContinueIndex, in this transaction
  // or in later ones.
  absl::Status BeginIndex(IndexDefinition definition);
  // Adds entries of documents behind `*after` (at first empty), about `bytes_max` bytes of
  // them, and moves it; true: that were the last, and the index is ready. kAlreadyExists:
  // it is unique, and two documents have the same values.
  absl::StatusOr<bool> ContinueIndex(std::string_view name, uint64_t bytes_max,
                                     std::string* after, uint64_t* documents);
  // Its entries anew, from the documents.
  absl::Status RebuildIndex(std::string_view name);
  absl::Status FailIndex(std::string_view name);  // what could not be built
  absl::Status DropIndex(std::string_view name);  // kNotFound
  // Whether queries pass it over. kNotFound.
  absl::Status DisableIndex(std::string_view name);
  absl::Status EnableIndex(std::string_view name);
  absl::StatusOr<std::vector<IndexInfo>> ListIndexes();
  absl::Status DropAllIndexes();

 private:
  struct Change {
    const Index* index;
    catalog::OpenTree* tree;
    IndexEntries before, after;
    std::vector<IndexEntry> added, removed;
  };
  absl::Status Load();
  absl::Status AddRow(const std::string& row);
  absl::Status PutRow(const std::string& row);
  absl::StatusOr<catalog::OpenTree*> TreeOf(const Index& index);
  // Good until the next call.
  absl::StatusOr<std::optional<View>> Read(std::string_view key);
  absl::Status PlanChanges(std::string_view key, const std::optional<View>& before,
                           const std::optional<View>& after);
  absl::Status CheckUnique(const Change& change, std::string_view key);
  absl::StatusOr<bool> IsHidden(std::string_view key);
  absl::Status PutPlanned(std::string_view key, std::string_view document);
  absl::StatusOr<bool> DeleteThere(std::string_view key);
  // Removes documents that have expired and have what a unique index is to get.
  absl::Status MakeRoom(std::string_view key, const View& after);
  absl::Status RemoveAllExpired();
  absl::StatusOr<bool> IsOwn(const Change& change, const StoredEntry& stored);
  absl::Status ApplyChanges(std::string_view key);
  absl::Status NoteFacts(uint32_t row, const IndexEntries& entries);
  absl::StatusOr<bool> AddSome(const Index& index, uint64_t bytes_max, std::string* after,
                               uint64_t* documents);
  absl::Status AddEntries(const Index& index, std::vector<StoredEntry>* entries);
  absl::StatusOr<uint32_t> RowOf(std::string_view name);

  catalog::WriteTxn& txn_;
  catalog::OpenTree& tree_;
  SchemaCache& cache_;
  uint64_t generation_ = 0;
  std::shared_ptr<Schema> schema_;                              // null: not read yet
  std::vector<std::pair<uint32_t, catalog::OpenTree*>> trees_;  // by row of the index
  Schema::Indexes planned_;                                     // what changes_ are of
  std::vector<Change> changes_;
  std::unique_ptr<DocumentWatcher> watcher_;
  bool is_watched_ = false;  // once the schema is read
  std::string before_, before_of_text_;
  NameTable text_names_;  // of documents that are still JSON text
};

}  // namespace sheaf::document
#endif  // DOCUMENT_COLLECTION_WRITER_H_
