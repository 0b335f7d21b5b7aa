#include "catalog/write_txn.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/expiry.h"
#include "catalog/observer.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using btree::BTree;
using btree::Found;
using btree::TreeReader;

namespace {

// Log buffers up to this size are kept for the next transaction.
constexpr size_t kLogBufferKeep = size_t{1} << 20;

absl::Status CheckKey(const TreeRecord& tree, std::string_view key) {
  if (IsDense(tree.kind)) return AnyTree::CheckDenseKey(key);
  if (!key.empty() && key.size() <= btree::kKeyMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("key of ", key.size(), " bytes: 1 to ",
                                                 btree::kKeyMax, " are allowed"));
}

}  // namespace

// --- OpenTree ---------------------------------------------------------------

OpenTree::OpenTree(WriteTxn* txn, TreeRecord record)
    : txn_(*txn), record_(std::move(record)), tree_(&txn->writer_, record_) {}

OpenTree::~OpenTree() = default;

absl::Status OpenTree::CheckAlive() const {
  if (alive_ && txn_.active_) return txn_.broken_;
  return absl::FailedPreconditionError(
      absl::StrCat(record_.name, ": ",
                   txn_.active_ ? "was dropped, or its creation rolled back"
                                : "the transaction has ended"));
}

absl::Status OpenTree::PutStored(std::string_view key, std::string_view value,
                                 BTree::PutMode mode, bool* existed) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  SHEAF_RETURN_IF_ERROR(CheckKey(record_, key));
  if (IsDense(record_.kind)) SHEAF_RETURN_IF_ERROR(AnyTree::CheckRecord(value));
  if (value.size() > btree::kValueSizeMax)
    return absl::InvalidArgumentError(absl::StrCat(
        "value of ", value.size(), " bytes: ", btree::kValueSizeMax, " are allowed"));
  SHEAF_RETURN_IF_ERROR(txn_.Broken(tree_.Put(key, value, mode, existed)));
  if (*existed && mode == BTree::PutMode::kInsertOnly) return absl::OkStatus();
  changed_ = txn_.changed_ = true;
  if (std::string* log = LogFor(key.size() + value.size()))
    AppendPut(log, record_.id, key, value);
  return absl::OkStatus();
}

absl::Status OpenTree::PutLarge(std::string_view key, const btree::LargeRef& value,
                                BTree::OldValue old) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  SHEAF_RETURN_IF_ERROR(CheckKey(record_, key));
  SHEAF_ASSERT(!IsDense(record_.kind) && !record_.compression.encoded);
  SHEAF_RETURN_IF_ERROR(txn_.Broken(tree_.PutLarge(key, value, old)));
  changed_ = txn_.changed_ = true;
  if (txn_.logging_) txn_.by_checkpoint_ = true;
  return absl::OkStatus();
}

std::string* OpenTree::LogFor(uint64_t bytes) {
  if (!IsDerived(record_.kind)) return txn_.LogFor(bytes);
  txn_.relocated_ = true;
  return nullptr;
}

absl::StatusOr<bool> OpenTree::DeleteEntry(std::string_view key) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  SHEAF_RETURN_IF_ERROR(CheckKey(record_, key));
  absl::StatusOr<bool> existed = tree_.Delete(key);
  if (!existed.ok()) return txn_.Broken(existed.status());
  if (*existed) changed_ = txn_.changed_ = true;
  return existed;
}

absl::StatusOr<bool> OpenTree::Delete(std::string_view key) {
  SHEAF_ASSIGN_OR_RETURN(const bool existed, DeleteEntry(key));
  if (!existed) return false;
  if (std::string* log = LogFor(key.size())) AppendDelete(log, record_.id, key);
  return true;
}

absl::StatusOr<bool> OpenTree::DeleteUnlogged(std::string_view key) {
  SHEAF_ASSIGN_OR_RETURN(const bool existed, DeleteEntry(key));
  txn_.relocated_ |= existed;
  return existed;
}

absl::StatusOr<uint64_t> OpenTree::DeleteRange(std::string_view from,
                                               const std::string* to) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  if (IsDense(record_.kind))
    return absl::InvalidArgumentError(
        absl::StrCat(record_.name, ": a dense tree has no ranges to delete"));
  absl::StatusOr<uint64_t> gone = tree_.DeleteRange(from, to);
  if (!gone.ok()) return txn_.Broken(gone.status());
  if (*gone == 0) return 0;
  changed_ = txn_.changed_ = true;
  if (std::string* log = LogFor(from.size() + (to == nullptr ? 0 : to->size())))
    AppendDeleteRange(log, record_.id, from, to);
  return *gone;
}

absl::Status OpenTree::BulkLoadStored(BTree::NextFn next,
                                      absl::FunctionRef<absl::Status(uint64_t)> tick) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  if (root().page)
    return absl::FailedPreconditionError(
        absl::StrCat(record_.name, ": only an empty table can be loaded in bulk"));
  const absl::Status status = tree_.BulkLoad(next, tick);
  changed_ = txn_.changed_ = true;
  if (txn_.logging_) txn_.by_checkpoint_ = true;
  // A refused order or a cancelled load leaves the tree empty, not half changed.
  if (absl::IsInvalidArgument(status) || absl::IsCancelled(status) ||
      absl::IsDeadlineExceeded(status))
    return status;
  return txn_.Broken(status);
}

absl::Status OpenTree::ReplaceStored(BTree::NextFn next,
                                     absl::FunctionRef<absl::Status(uint64_t)> tick) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  if (txn_.logging_) txn_.by_checkpoint_ = true;
  TreeRecord empty = record_;
  empty.root = {};
  AnyTree built(&txn_.writer_, empty);
  absl::Status refused;
  const auto checked = [&](uint64_t entries) { return refused = tick(entries); };
  absl::Status status = built.BulkLoad(next, checked);
  if (status.ok()) {
    status = checked(built.root().entries);
    if (!status.ok()) SHEAF_RETURN_IF_ERROR(txn_.Broken(built.Clear()));
  }
  if (!status.ok() && (status == refused || absl::IsInvalidArgument(status)))
    return status;  // and nothing has changed
  SHEAF_RETURN_IF_ERROR(txn_.Broken(status));
  SHEAF_RETURN_IF_ERROR(txn_.Broken(tree_.Clear()));
  tree_.Reset(built.root(), record_.values());
  changed_ = txn_.changed_ = true;
  return absl::OkStatus();
}

absl::Status OpenTree::SetCounter(uint64_t counter) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  record_.counter = counter;
  changed_ = txn_.changed_ = true;
  if (std::string* log = LogFor(sizeof counter)) AppendCounter(log, record_.id, counter);
  return absl::OkStatus();
}

// --- WriteTxn ---------------------------------------------------------------

WriteTxn::WriteTxn(Store* store, Logging logging)
    : store_(*store),
      writer_(*store->writer_),
      base_(store->versions_->newest()),
      catalog_(&writer_, base_.catalog, btree::Values::kRefs),
      next_tree_id_(base_.next_tree_id),
      logging_(logging == Logging::kOn) {
  const pager::Stamp stamp = store->NextStamp();
  writer_.Begin(stamp);
  pager::BufferManager& buffer = store->pager_->buffer();
  buffer.set_private_floor(stamp);
  context_ = {store->pager_.get(), writer_.slot(), &writer_};
  log_.swap(store->log_buffer_);
  log_.clear();
}

WriteTxn::~WriteTxn() { Rollback(); }

absl::Status WriteTxn::Broken(absl::Status status) {
  if (!status.ok() && broken_.ok()) broken_ = status;
  return status;
}

std::string* WriteTxn::LogFor(uint64_t bytes) {
  if (!logging_ || by_checkpoint_) return nullptr;
  if (log_.size() + bytes <= store_.options_.transaction_log_bytes_max) return &log_;
  by_checkpoint_ = true;
  log_ = std::string();
  return nullptr;
}

OpenTree* WriteTxn::Adopt(TreeRecord record) {
  const TreeId id = record.id;
  std::unique_ptr<OpenTree>& slot = open_[id];
  slot.reset(new OpenTree(this, std::move(record)));
  return slot.get();
}

absl::StatusOr<OpenTree*> WriteTxn::OpenById(TreeId id) {
  if (const auto it = open_.find(id); it != open_.end())
    return it->second->alive_ ? it->second.get() : nullptr;
  SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> record,
                         FindInCatalog(context_, catalog_.root(), id));
  return record.has_value() ? Adopt(*std::move(record)) : nullptr;
}

absl::StatusOr<OpenTree*> WriteTxn::FindTree(std::string_view name) {
  SHEAF_RETURN_IF_ERROR(broken_);
  for (const auto& [id, tree] : open_)
    if (tree->alive_ && tree->record_.name == name) return tree.get();
  if (OpenTree* recent = FindRecent(name)) return recent;
  SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> record,
                         FindInCatalog(context_, catalog_.root(), name));
  if (!record.has_value()) return nullptr;
  return OpenById(record->id);
}

absl::StatusOr<OpenTree*> WriteTxn::FindTree(TreeId id) {
  SHEAF_RETURN_IF_ERROR(broken_);
  return OpenById(id);
}

// The record that the commit before this transaction left behind, unless this
// transaction knows the tree already: then only the catalog is right.
OpenTree* WriteTxn::FindRecent(std::string_view name) {
  for (const TreeRecord& record : base_.recent)
    if (record.name == name && open_.count(record.id) == 0) return Adopt(record);
  return nullptr;
}

absl::StatusOr<OpenTree*> WriteTxn::CreateTree(std::string_view name, TreeKind kind,
                                               std::string_view key_type,
                                               std::string_view value_type,
                                               TreeId id_min) {
  SHEAF_RETURN_IF_ERROR(CheckTreeName(name, kind));
  for (const auto& [what, type] :
       {std::pair("key_type", key_type), std::pair("value_type", value_type)}) {
    if (type.size() > kTypeNameMax)
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": has ", type.size(), " bytes; up to ", kTypeNameMax, " are allowed"));
  }
  SHEAF_ASSIGN_OR_RETURN(OpenTree * there, FindTree(name));
  if (there != nullptr)
    return absl::AlreadyExistsError(absl::StrCat(std::string(name), ": exists already"));
  TreeRecord record;
  record.id = std::max(next_tree_id_, id_min);
  next_tree_id_ = record.id + 1;
  record.kind = kind;
  record.name = std::string(name);
  record.key_type = std::string(key_type);
  record.value_type = std::string(value_type);
  bool existed = false;
  SHEAF_RETURN_IF_ERROR(Broken(catalog_.Put(NameKey(name), EncodeNameEntry(record.id),
                                            BTree::PutMode::kUpsert, &existed)));
  if (std::string* log = LogFor(name.size())) AppendCreate(log, record);
  OpenTree* tree = Adopt(std::move(record));
  tree->changed_ = changed_ = true;
  SHEAF_RETURN_IF_ERROR(TellOwner(tree->record_, true));
  return tree;
}

absl::Status WriteTxn::RenameTree(std::string_view from, std::string_view to) {
  SHEAF_RETURN_IF_ERROR(CheckTreeName(to));
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, FindTree(from));
  if (tree == nullptr)
    return absl::NotFoundError(absl::StrCat(std::string(from), ": no such table"));
  if (from == to) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(OpenTree * there, FindTree(to));
  if (there != nullptr)
    return absl::AlreadyExistsError(absl::StrCat(std::string(to), ": exists already"));
  bool existed = false;
  SHEAF_RETURN_IF_ERROR(Broken(catalog_.Delete(NameKey(from)).status()));
  SHEAF_RETURN_IF_ERROR(
      Broken(catalog_.Put(NameKey(to), EncodeNameEntry(tree->record_.id),
                          BTree::PutMode::kUpsert, &existed)));
  tree->record_.name = std::string(to);
  tree->changed_ = changed_ = true;
  if (std::string* log = LogFor(to.size())) AppendRename(log, tree->record_.id, to);
  return absl::OkStatus();
}

absl::Status WriteTxn::DropOpenTree(OpenTree* tree) {
  const TreeId id = tree->record_.id;
  SHEAF_RETURN_IF_ERROR(Broken(tree->tree_.Clear()));
  SHEAF_RETURN_IF_ERROR(Broken(catalog_.Delete(NameKey(tree->record_.name)).status()));
  SHEAF_RETURN_IF_ERROR(Broken(catalog_.Delete(TreeKey(id)).status()));
  SHEAF_RETURN_IF_ERROR(Broken(DeleteDictionaries(tree->record_, 0)));
  SHEAF_RETURN_IF_ERROR(TellOwner(tree->record_, false));
  tree->alive_ = false;
  tree->changed_ = false;
  changed_ = true;
  if (std::string* log = LogFor(sizeof id)) AppendDrop(log, id);
  return absl::OkStatus();
}

absl::Status WriteTxn::TellOwner(const TreeRecord& record, bool expires) {
  if (record.kind != TreeKind::kExpiry) return absl::OkStatus();
  const std::optional<TreeId> id = OwnerOfExpiries(record.name);
  if (!id.has_value()) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(OpenTree * owner, OpenById(*id));
  // A salvaged file may have lost it.
  if (owner == nullptr || owner->record_.expires == expires) return absl::OkStatus();
  owner->record_.expires = expires;
  owner->expiries_.reset();
  owner->changed_ = changed_ = true;
  return absl::OkStatus();
}

int64_t WriteTxn::now() {
  if (!now_.has_value()) now_ = store_.Now();
  return *now_;
}

// From version `first` on.
absl::Status WriteTxn::DeleteDictionaries(const TreeRecord& tree, uint32_t first) {
  if (tree.compression.dictionaries < first || tree.compression.dictionaries == 0)
    return absl::OkStatus();
  const std::string behind = DictionaryPrefix(tree.id + 1);
  return catalog_.DeleteRange(DictionaryKey(tree.id, first, 0), &behind).status();
}

absl::Status WriteTxn::DropTree(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, FindTree(name));
  if (tree == nullptr)
    return absl::NotFoundError(absl::StrCat(std::string(name), ": no such table"));
  if (tree->record_.expires) {
    SHEAF_ASSIGN_OR_RETURN(OpenTree * part, FindTree(ExpiryName(tree->record_.id)));
    if (part != nullptr) SHEAF_RETURN_IF_ERROR(DropOpenTree(part));
  }
  return DropOpenTree(tree);
}

absl::StatusOr<std::vector<TreeRecord>> WriteTxn::ListTrees() {
  SHEAF_RETURN_IF_ERROR(StoreRecords());
  std::vector<TreeRecord> records;
  btree::TreeCursor cursor(context_, &catalog_.root(), nullptr);
  for (cursor.Seek(kFirstTreeKey); cursor.Valid() && cursor.key()[0] == 'i';
       cursor.Next()) {
    SHEAF_ASSIGN_OR_RETURN(TreeRecord record,
                           DecodeTreeRecord(cursor.key(), cursor.value().bytes));
    records.push_back(std::move(record));
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  std::sort(records.begin(), records.end(),
            [](const TreeRecord& a, const TreeRecord& b) { return a.name < b.name; });
  return records;
}

// Puts the records of changed trees into the catalog.
absl::Status WriteTxn::StoreRecords() {
  SHEAF_RETURN_IF_ERROR(broken_);
  for (const auto& [id, tree] : open_) {
    // A tree that says it did not change has the pages that its record has.
    SHEAF_ASSERT(tree->changed_ || !tree->alive_ ||
                 tree->record_.root.page == tree->tree_.root().page);
    if (!tree->changed_) continue;
    tree->record_.root = tree->tree_.root();
    bool existed = false;
    SHEAF_RETURN_IF_ERROR(
        Broken(catalog_.Put(TreeKey(id), EncodeTreeRecord(tree->record_),
                            BTree::PutMode::kUpsert, &existed)));
    tree->changed_ = false;
  }
  return absl::OkStatus();
}

// The first tree whose id is at least `id`.
absl::StatusOr<std::optional<TreeRecord>> WriteTxn::NextTree(TreeId id) {
  btree::TreeCursor cursor(context_, &catalog_.root(), nullptr);
  if (!cursor.Seek(TreeKey(id)) || cursor.key()[0] != 'i') {
    SHEAF_RETURN_IF_ERROR(cursor.status());
    return std::nullopt;
  }
  return DecodeTreeRecord(cursor.key(), cursor.value().bytes);
}

absl::StatusOr<bool> WriteTxn::Relocate(RelocationPlace* place,
                                        btree::Relocation* relocation) {
  SHEAF_RETURN_IF_ERROR(broken_);
  // The version that comes of it needs a log beside it, even where no page moves.
  SHEAF_RETURN_IF_ERROR(writer_.Prepare());
  changed_ = relocated_ = true;
  while (!place->in_catalog) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<TreeRecord> next, NextTree(place->tree));
    if (!next.has_value()) {
      *place = {.in_catalog = true};
      break;
    }
    SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, OpenById(next->id));
    if (tree == nullptr || next->id < place->tree || next->id >= next_tree_id_)
      return Broken(absl::DataLossError(
          absl::StrCat("catalog: tree ", next->id, " is where it cannot be")));
    if (next->id != place->tree) *place = {.tree = next->id};  // it was dropped
    absl::StatusOr<bool> all = tree->tree_.Relocate(&place->key, relocation);
    if (!all.ok()) return Broken(all.status());
    if (tree->root().page != tree->record_.root.page) tree->changed_ = true;
    if (!*all) return false;
    *place = {.tree = place->tree + 1};
  }
  SHEAF_RETURN_IF_ERROR(StoreRecords());
  absl::StatusOr<bool> all = catalog_.Relocate(&place->key, relocation);
  return all.ok() ? all : Broken(all.status());
}

// --- Savepoints -------------------------------------------------------------

absl::StatusOr<uint64_t> WriteTxn::SetSavepoint() {
  SHEAF_RETURN_IF_ERROR(StoreRecords());
  // Named by a stamp, so that no transaction takes another's for its own.
  const pager::Stamp stamp = store_.NextStamp();
  savepoints_.push_back(
      {stamp, catalog_.root(), writer_.SetMark(), log_.size(), by_checkpoint_});
  writer_.NewStamp(stamp);
  return stamp;
}

absl::Status WriteTxn::RollbackTo(uint64_t id) {
  const auto it = std::find_if(savepoints_.begin(), savepoints_.end(),
                               [id](const SavepointState& s) { return s.id == id; });
  if (it == savepoints_.end())
    return absl::FailedPreconditionError(
        "this savepoint was released or rolled back over");
  if (!broken_.ok()) return broken_;
  savepoints_.erase(it + 1, savepoints_.end());
  const SavepointState& s = savepoints_.back();
  writer_.RollbackTo(s.mark);
  writer_.NewStamp(store_.NextStamp());
  catalog_.Reset(s.catalog, btree::Values::kRefs);
  // next_tree_id_ stays: handles of trees that are no more must not find others.
  // Once it outgrew the log its operations are gone: it stays so.
  if (!by_checkpoint_) log_.resize(s.log_bytes);
  for (const auto& [tree_id, tree] : open_) {
    absl::StatusOr<std::optional<TreeRecord>> record =
        FindInCatalog(context_, catalog_.root(), tree_id);
    if (!record.ok()) return Broken(record.status());
    tree->alive_ = record->has_value();
    tree->changed_ = false;
    if (tree->alive_) tree->record_ = **std::move(record);
    tree->tree_.Reset(tree->alive_ ? tree->record_.root : btree::TreeRoot{},
                      tree->record_.values());
    tree->ForgetDictionaries();
    tree->expiries_.reset();
  }
  return absl::OkStatus();
}

absl::Status WriteTxn::Release(uint64_t id) {
  const auto it = std::find_if(savepoints_.begin(), savepoints_.end(),
                               [id](const SavepointState& s) { return s.id == id; });
  if (it == savepoints_.end())
    return absl::FailedPreconditionError(
        "this savepoint was released or rolled back over");
  savepoints_.erase(it, savepoints_.end());
  return absl::OkStatus();
}

// --- End --------------------------------------------------------------------

void WriteTxn::EndTurn() {
  active_ = false;
  pager::BufferManager& buffer = store_.pager_->buffer();
  buffer.set_private_floor(pager::kStampEnd);
  if (log_.capacity() <= kLogBufferKeep) store_.log_buffer_.swap(log_);
  store_.queue_.Leave();
}

void WriteTxn::Rollback() {
  if (!active_) return;
  writer_.Rollback();
  store_.rollbacks_.fetch_add(1);
  EndTurn();
  if (Observer* observer = store_.options_.observer) observer->OnRollback({base_.number});
}

Version WriteTxn::NextVersion() {
  Version next;
  next.number = writer_.stamp();
  next.catalog = catalog_.root();
  next.next_tree_id = next_tree_id_;
  next.log = base_.log;
  for (const auto& [id, tree] : open_)
    if (tree->alive_ && next.recent.size() < kRecentMax)
      next.recent.push_back(tree->record_);
  for (const TreeRecord& record : base_.recent)
    if (!open_.contains(record.id) && next.recent.size() < kRecentMax)
      next.recent.push_back(record);
  return next;
}

absl::Status WriteTxn::Commit(Durability durability) {
  if (!active_) return absl::FailedPreconditionError("the transaction has ended");
  const absl::Time begin = absl::Now();
  absl::Status status = store_.CheckProcess();
  if (status.ok()) status = StoreRecords();
  if (status.ok()) status = store_.error();
  if (!status.ok()) {
    Rollback();
    return status;
  }
  const uint64_t log_bytes = log_.size();
  const pager::Stamp version = writer_.stamp();
  status = by_checkpoint_ && !store_.in_memory_ && changed_
               ? CommitByCheckpoint()
               : store_.CommitLogged(this, durability);
  const absl::Duration took = absl::Now() - begin;
  store_.Took("commit", took, &store_.commit_latency_);
  if (store_.options_.observer != nullptr && status.ok())
    store_.options_.observer->OnCommit({version, log_bytes, took});
  return status;
}

// Holds the turn until the checkpoint is durable: a later commit in the log would
// otherwise stand on one that is not.
absl::Status WriteTxn::CommitByCheckpoint() {
  absl::Status status = store_.CommitVersionByCheckpoint(this);
  if (status.ok()) store_.commits_.fetch_add(1);
  EndTurn();
  return status;
}

}  // namespace sheaf::catalog
