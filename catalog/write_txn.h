// WriteTxn: the running write transaction. Trees are opened by name, changed
// through OpenTree, and put back into the catalog at savepoints and at commit.
//
// After an operation failed half way (anything but a refused argument) only
// Rollback is possible; Commit then rolls back and returns that first error.
//
// Single-writer.
#ifndef CATALOG_WRITE_TXN_H_
#define CATALOG_WRITE_TXN_H_
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "btree/btree.h"
#include "catalog/any_tree.h"
#include "catalog/compression.h"
#include "catalog/store.h"

namespace sheaf::catalog {

class Expiries;
struct ExpiryChange;
class WriteTxn;

// A tree as the transaction sees it. Lives as long as the transaction.
class OpenTree {
 public:
  ~OpenTree();
  // Each first checks that the tree still exists: kFailedPrecondition after a
  // drop or a rollback to before its creation.
  absl::Status Put(std::string_view key, std::string_view value,
                   btree::BTree::PutMode mode, bool* existed);
  // `stored`: as it is to stand in the tree, encoded where its values are.
  absl::Status PutStored(std::string_view key, std::string_view stored,
                         btree::BTree::PutMode mode, bool* existed);
  // Puts a value that a stream of this transaction made (btree/large_writer.h), as it is:
  // not encoded. It is not logged: the transaction commits with a checkpoint. Requires: the
  // tree is ordered, its values plain.
  absl::Status PutLarge(std::string_view key, const btree::LargeRef& value,
                        btree::BTree::OldValue old);
  // What a put needs, so that it will not fail for want of it.
  absl::Status PrepareToPut();
  absl::StatusOr<bool> Delete(std::string_view key);
  // The same, but not logged: a crash before the next checkpoint takes it back.
  absl::StatusOr<bool> DeleteUnlogged(std::string_view key);
  absl::StatusOr<uint64_t> DeleteRange(std::string_view from, const std::string* to);
  absl::Status BulkLoad(btree::BTree::NextFn next,
                        absl::FunctionRef<absl::Status(uint64_t)> tick);
  absl::Status BulkLoadStored(btree::BTree::NextFn next,
                              absl::FunctionRef<absl::Status(uint64_t)> tick);
  // Builds the tree anew, beside the old one, from entries in ascending order, which may be
  // read from the old one meanwhile; other trees may be changed. `tick` is called now and
  // then and once behind the last entry: whatever error it returns, and kInvalidArgument
  // for a wrong order, leave the tree as it was. Committed by a checkpoint.
  absl::Status ReplaceStored(btree::BTree::NextFn next,
                             absl::FunctionRef<absl::Status(uint64_t)> tick);
  absl::Status SetCounter(uint64_t counter);

  // When its entries expire; null: none does. Good until the next rollback to a savepoint.
  absl::StatusOr<Expiries*> expiries() {
    return record_.expires ? FindExpiries() : nullptr;
  }
  // The same; made where there is none.
  absl::StatusOr<Expiries*> MakeExpiries();
  // A put, and what it does to the expiry of its entry. What is refused changes nothing.
  absl::Status PutExpiring(std::string_view key, std::string_view value,
                           const ExpiryChange& change);
  // Is the key one that may expire, if it is to? kInvalidArgument.
  absl::Status CheckExpiry(std::string_view key, const ExpiryChange& change);
  // To be called after a put of `key`.
  absl::Status ChangeExpiry(std::string_view key, const ExpiryChange& change);
  // To be called after entries were deleted.
  absl::Status ClearExpiry(std::string_view key);

  // How values are compressed from now on. kFailedPrecondition when there are some that
  // are not encoded, which takes Recompress.
  absl::Status SetCompression(const Compression& wanted);
  // The same, and of the values that are there; `tick` is told how many. A dictionary is
  // trained anew, from values of the whole tree, and older ones go. The tree is built
  // beside the old one; a cancelled call leaves it as it was.
  absl::Status Recompress(const Compression& wanted,
                          absl::FunctionRef<absl::Status(uint64_t)> tick);
  // What was stored, opened; into `*buffer` if need be.
  absl::Status Open(std::string_view stored, std::string* buffer, std::string_view* out);
  // The same of an encoded value, whatever those of the tree are.
  absl::Status OpenEncoded(std::string_view stored, std::string* buffer,
                           std::string_view* out);
  // As they come from a log or another file. kDataLoss: no dictionary.
  absl::Status StoreCompression(const TreeCompression& compression);
  absl::Status AddDictionary(uint32_t version, std::string_view bytes);

  absl::Status CheckAlive() const;
  const TreeRecord& record() const { return record_; }
  const btree::TreeRoot& root() const { return tree_.root(); }
  const uint64_t* changes() const { return tree_.changes(); }

 private:
  friend class WriteTxn;
  OpenTree(WriteTxn* txn, TreeRecord record);
  class EncodedSource;

  // As WriteTxn's; null for a derived tree as well.
  std::string* LogFor(uint64_t bytes);
  absl::StatusOr<bool> DeleteEntry(std::string_view key);
  absl::StatusOr<Expiries*> FindExpiries();

  // compressed_tree.cc
  absl::StatusOr<DictionaryRef> Dictionary(uint32_t version);
  absl::Status Encode(std::string_view value, std::string* stored);
  bool TrainingIsDue() const;
  absl::StatusOr<std::string> Train(const Samples& samples, TreeCompression* next);
  absl::Status TrainFrom(const Samples& samples);
  absl::Status TrainFromEntries();
  absl::Status EncodeAgain();
  absl::StatusOr<bool> ReadShort(const btree::NodeView::LeafValue& v, uint64_t bytes_max,
                                 std::string* buffer, std::string_view* value);
  absl::Status TakeSamples(Samples* samples);
  absl::Status Rebuild(const TreeCompression& next, const pager::Dictionary* dictionary,
                       btree::BTree* rebuilt,
                       absl::FunctionRef<absl::Status(uint64_t)> tick);
  absl::Status Replace(const TreeCompression& next, const DictionaryRef& made,
                       const btree::TreeRoot& root);
  void ForgetDictionaries();

  WriteTxn& txn_;
  TreeRecord record_;
  AnyTree tree_;
  bool alive_ = true;
  bool changed_ = false;  // since it was put into the catalog
  // Those that no committed version has yet, the one for new values, and for opening.
  std::vector<DictionaryRef> made_;
  DictionaryRef current_;
  ValueOpener opener_;
  std::string stored_, large_;
  std::unique_ptr<Expiries> expiries_;  // once asked for
};

class WriteTxn {
 public:
  ~WriteTxn();
  WriteTxn(const WriteTxn&) = delete;
  WriteTxn& operator=(const WriteTxn&) = delete;

  // Null when there is none of that name.
  absl::StatusOr<OpenTree*> FindTree(std::string_view name);
  absl::StatusOr<OpenTree*> FindTree(TreeId id);
  // kAlreadyExists. Its id is `id_min` or, where that was given out, more.
  absl::StatusOr<OpenTree*> CreateTree(std::string_view name, TreeKind kind,
                                       std::string_view key_type,
                                       std::string_view value_type, TreeId id_min = 1);
  absl::Status RenameTree(std::string_view from, std::string_view to);
  absl::Status DropTree(std::string_view name);
  absl::StatusOr<std::vector<TreeRecord>> ListTrees();

  absl::StatusOr<uint64_t> SetSavepoint();
  absl::Status RollbackTo(uint64_t savepoint);
  absl::Status Release(uint64_t savepoint);

  // Both end the transaction. Where Commit has to wait for the log, others may
  // begin meanwhile.
  absl::Status Commit(Durability durability);
  void Rollback();
  bool active() const { return active_; }

  // Moves pages of all trees, and of the catalog last: BTree::Relocate. Nothing that
  // anybody can see changes, so nothing is logged.
  struct RelocationPlace {
    TreeId tree = 1;  // this one is next
    bool in_catalog = false;
    std::string key;
    friend bool operator==(const RelocationPlace&, const RelocationPlace&) = default;
  };
  absl::StatusOr<bool> Relocate(RelocationPlace* place, btree::Relocation* relocation);

  // For streams into values.
  pager::PageWriter* page_writer() { return &writer_; }
  // Of who changes several trees or rows at once: an error half way, after which only
  // Rollback is possible. Returns it.
  absl::Status Fail(absl::Status status) { return Broken(std::move(status)); }

  const btree::ReadContext& context() const { return context_; }
  pager::Stamp base_version() const { return base_.number; }

  // As a snapshot's.
  int64_t now();
  // The first instant at which something expires that this transaction wrote.
  int64_t first_expiry() const { return first_expiry_; }
  void NoteExpiry(int64_t at) { first_expiry_ = std::min(first_expiry_, at); }

 private:
  friend class Store;
  friend class Replayer;
  friend class OpenTree;
  enum class Logging { kOn, kOff };
  WriteTxn(Store* store, Logging logging);

  struct SavepointState {
    uint64_t id;
    btree::TreeRoot catalog;
    pager::PageWriter::Mark mark;
    size_t log_bytes;
    bool by_checkpoint;
  };

  absl::StatusOr<OpenTree*> OpenById(TreeId id);
  OpenTree* Adopt(TreeRecord record);
  OpenTree* FindRecent(std::string_view name);
  absl::Status StoreRecords();
  absl::StatusOr<std::optional<TreeRecord>> NextTree(TreeId id);
  absl::Status DropOpenTree(OpenTree* tree);
  // Tells the owner of a tree of expiries that it has one, or has none any more.
  absl::Status TellOwner(const TreeRecord& record, bool expires);
  absl::Status DeleteDictionaries(const TreeRecord& tree, uint32_t first);
  // Remembers the first failure of an operation that may have done half its work.
  absl::Status Broken(absl::Status status);
  // Where an operation of about `bytes` is logged; null when it is not: a transaction
  // that outgrows the log is no longer logged, and its commit writes a checkpoint.
  std::string* LogFor(uint64_t bytes);
  absl::Status CommitByCheckpoint();
  Version NextVersion();
  void EndTurn();

  Store& store_;
  pager::PageWriter& writer_;
  btree::ReadContext context_;
  const Version base_;
  btree::BTree catalog_;
  uint64_t next_tree_id_;
  std::map<TreeId, std::unique_ptr<OpenTree>> open_;
  std::vector<SavepointState> savepoints_;
  std::string log_;
  const bool logging_;
  bool by_checkpoint_ = false;  // outgrew the log, or loaded in bulk
  bool changed_ = false;
  bool relocated_ = false;  // changed pages that no log need tell of
  bool active_ = true;
  absl::Status broken_;
  std::optional<int64_t> now_;
  int64_t first_expiry_ = INT64_MAX;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_WRITE_TXN_H_
