// What the public handles stand for. Not installed for use; no header of an
// application includes it.
#ifndef API_INTERNAL_HANDLES_H_
#define API_INTERNAL_HANDLES_H_
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "api/internal/background_linker.h"
#include "api/internal/background_reaper.h"
#include "btree/tree_reader.h"
#include "catalog/combiner.h"
#include "catalog/expiry.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"
#include "document/collection_writer.h"
#include "document/query.h"
#include "document/schema.h"
#include "graph/overlay.h"
#include "pager/file.h"
#include "pager/page_codec.h"
#include "pager/status_macros.h"
#include "sheaf/database.h"
#include "sheaf/expiry.h"
#include "vector/index.h"

namespace sheaf {

struct Database::Rep {
  std::unique_ptr<pager::FileSystem> owned_fs;  // of a database in memory
  std::unique_ptr<catalog::Store> store;
  std::unique_ptr<catalog::Combiner> combiner;
  document::SchemaCache schemas;
  vectors::Directories directories;
  internal::BackgroundLinker linker;
  internal::BackgroundReaper reaper;
  absl::Mutex linking_mu;  // outermost: who links vectors
  absl::Mutex building_mu;
  // Indexes that a call builds: the collection's tree, name.
  std::set<std::pair<catalog::TreeId, std::string>> building ABSL_GUARDED_BY(building_mu);
  // Write transactions alive, read transactions that outlived the Database, and one
  // for the Database. The last to go deletes this, and looks at nothing else to know
  // it: another might be faster. Living readers are counted by their slots, so that
  // they do not fight for this line.
  std::atomic<int64_t> owners{1};
  std::atomic<bool> orphaned{false};
  std::atomic<bool> closed{false};
  absl::Mutex close_mu;  // outermost: who closes

  // Of vectors, by and by.
  void Link(catalog::TreeId index) {
    const Options& options = store->options();
    if (options.background_linking && !options.read_only)
      linker.Wake(store.get(), &directories, &linking_mu, index);
  }
  // Something was written that expires at that instant.
  void NoteExpiry(int64_t at) {
    const Options& options = store->options();
    if (at != INT64_MAX && options.background_expiry && !options.read_only)
      reaper.Wake(this, at);
  }
  void Add() { owners.fetch_add(1, std::memory_order_relaxed); }
  void Drop() {
    if (owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
};

namespace internal {

struct BlobStream;

// Shared by a transaction and its handles; `rep` is null once it has ended.
struct TransactionState {
  Database::Rep* rep = nullptr;
  std::optional<catalog::Snapshot> snapshot;
  std::unique_ptr<catalog::WriteTxn> write;
  // Of collections that were opened for writing.
  std::map<catalog::TreeId, std::unique_ptr<document::CollectionWriter>> collections;
  std::set<catalog::TreeId> vectors_changed;  // indexes
  // Of blobs that are being written: the store, the encoded key.
  std::map<std::pair<catalog::TreeId, std::string>, std::weak_ptr<BlobStream>> streams;
  // Of a reader: what hides parts of graphs; null: nothing does.
  std::map<catalog::TreeId, std::shared_ptr<const graph::Overlay>> overlays;
  // Of a writer: graphs that were opened, out of which goes what has expired.
  std::set<catalog::TreeId> graphs;
  Durability durability = Durability::kFull;

  ~TransactionState() { End(); }
  void End();
  bool IsLive() const {
    return rep != nullptr && !rep->orphaned.load(std::memory_order_relaxed);
  }
  absl::Status Live() const {
    if (IsLive()) [[likely]]
      return absl::OkStatus();
    return rep == nullptr ? Ended() : Orphaned();
  }
  document::CollectionWriter* WriterOf(catalog::OpenTree* tree);
  // Those that were not finished; before the transaction ends.
  void EndStreams();
  static absl::Status Ended();
  static absl::Status Orphaned();
  const btree::ReadContext& context() const {
    return write != nullptr ? write->context() : snapshot->context();
  }
};

struct TableState {
  std::shared_ptr<TransactionState> txn;
  std::string name;
  catalog::TreeRecord record;           // of a reader
  catalog::OpenTree* open = nullptr;    // of a writer; owned by the transaction
  mutable catalog::ValueOpener opener;  // of a reader

  absl::Status Live() const {
    absl::Status status = txn->Live();
    if (status.ok() && open != nullptr) return open->CheckAlive();
    return status;
  }
  const btree::TreeRoot& root() const {
    return open != nullptr ? open->root() : record.root;
  }
  btree::TreeReader reader() const { return {txn->context(), root()}; }
  const catalog::TreeRecord& tree() const {
    return open != nullptr ? open->record() : record;
  }
  bool encoded() const { return tree().compression.encoded; }
  // When entries expire; null: none does. Not to be kept.
  absl::StatusOr<catalog::Expiries*> Expiries() const {
    return open != nullptr ? open->expiries() : txn->snapshot->ExpiriesOf(record);
  }
  // False when there is no such entry, or it has expired.
  absl::StatusOr<bool> Find(std::string_view key, btree::Found* found) const;
  // Of several; as many places. What has expired is not found.
  absl::Status FindMany(absl::Span<const std::string_view> keys,
                        absl::Span<btree::Found> found) const;
  // Has the entry expired that is there?
  absl::StatusOr<bool> IsHidden(std::string_view key) const {
    if (!tree().expires) [[likely]]
      return false;
    SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, Expiries());
    return expiries->IsHidden(key);
  }
  // How many such entries are in the range.
  absl::StatusOr<uint64_t> HiddenIn(std::string_view from, const std::string* to) const;
  // What somebody asks for; of a writer.
  absl::StatusOr<catalog::ExpiryChange> ToChange(const Expiry& expiry) const;
  // What an encoded value stands for: in `stored` or in `*buffer`.
  absl::Status OpenStored(std::string_view stored, std::string* buffer,
                          std::string_view* out) const;
  absl::StatusOr<Value> ToValue(btree::Found* found) const;
};

// Of a tree whose entries expire.
absl::StatusOr<Expiry> DefaultExpiryOf(const TableState& tree);
absl::Status SetDefaultExpiryOf(const TableState& tree, const Expiry& expiry);

// kFailedPrecondition: a handle of nothing, or one whose transaction has ended.
template <class State>
absl::Status CheckHandle(const State* state) {
  return state == nullptr ? TransactionState::Ended() : state->Live();
}

// kNotFound, kFailedPrecondition: it is of another kind.
absl::StatusOr<std::shared_ptr<TableState>> OpenForReading(
    const std::shared_ptr<TransactionState>& txn, std::string_view name,
    catalog::TreeKind kind);
absl::Status CheckKind(const catalog::TreeRecord& record, catalog::TreeKind wanted);

struct CollectionState {
  // Of a tree that is open for reading or for writing.
  static std::shared_ptr<CollectionState> Of(std::shared_ptr<TableState> tree);

  std::shared_ptr<TableState> tree;
  Table table;                                             // of `tree`
  document::CollectionWriter* writer = nullptr;            // of a writer
  mutable std::shared_ptr<const document::Schema> schema;  // of a reader, once read

  // Trees of indexes that were opened, by row.
  mutable std::map<uint32_t, catalog::TreeView> index_views;

  absl::StatusOr<std::shared_ptr<const document::Schema>> Schema() const;
  // Good until the next call of a writer's, or its end.
  absl::StatusOr<const catalog::TreeView*> OpenIndex(const document::Index& index) const;
  uint64_t Generation() const { return writer == nullptr ? 0 : writer->generation(); }
  // For a query, which must end before this.
  absl::StatusOr<document::Source> Source() const;
};

absl::StatusOr<std::string> EncodeKey(const DocumentKey& key);  // kInvalidArgument
absl::StatusOr<DocumentKey> DecodeKey(std::string_view bytes);  // kDataLoss
// What a value of a document is as a key; none: it can be none.
std::optional<DocumentKey> KeyOf(const DocumentView& value);

struct CursorState {
  std::shared_ptr<TableState> table;
  std::optional<btree::TreeCursor> cursor;
  absl::Status status;     // of a cursor that never was
  std::string value_copy;  // of a large or compressed value, or one whose table changed
  std::optional<uint64_t> copied_at;  // that is good for as many changes of the table

  uint64_t Changes() const {
    return table->open != nullptr ? *table->open->changes() : 0;
  }
  void NoteCopy() { copied_at = Changes(); }
  bool HasCopy() const { return copied_at.has_value() && *copied_at == Changes(); }

  bool Live();
  enum class Direction { kUp, kDown };
  // Goes on to what is not hidden; `moved`: it stands on an entry.
  bool Skip(bool moved, Direction direction) {
    return moved && (!table->tree().expires || SkipHidden(direction));
  }
  bool SkipHidden(Direction direction);
  std::string_view OpenHere(std::string_view stored);
};

// What the bytes of a page say, be they ever so damaged. `sealed`: and the codec has no
// key to them.
PageDescription Describe(uint64_t page, std::string bytes, const pager::PageCodec& codec,
                         bool sealed);

// Adds the name of the table to a message about it.
absl::Status At(const std::string& name, const absl::Status& status);

}  // namespace internal
}  // namespace sheaf
#endif  // API_INTERNAL_HANDLES_H_
