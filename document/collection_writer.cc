#include "document/collection_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "document/collection_codec.h"
#include "pager/status_macros.h"

namespace sheaf::document {

using btree::BTree;
using catalog::OpenTree;

namespace {

// Entries that are added to an empty index at once are written past the log from here on.
constexpr size_t kBulkBytes = 4 << 20;
constexpr uint32_t kSchemaRowsSalvaged = 100'000;
constexpr uint64_t kRebuildBytes = 128 << 20;  // in memory at once
constexpr size_t kRemovedAtOnce = 10'000;      // keys of documents that have expired

absl::Status NoIndex(std::string_view name) {
  return absl::NotFoundError(absl::StrCat("no index ", std::string(name)));
}

absl::Status Violation(const Index& index, const IndexEntry& entry) {
  return absl::AlreadyExistsError(absl::StrCat("unique index ", index.definition.name,
                                               ": another document has ",
                                               DescribeValues(index, entry.values)));
}

// What is in `a` and not in `b`.
void Difference(const std::vector<IndexEntry>& a, const std::vector<IndexEntry>& b,
                std::vector<IndexEntry>* out) {
  out->clear();
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(*out));
}

}  // namespace

// --- Schema -------------------------------------------------------------------

void CollectionWriter::Forget() {
  ++generation_;
  schema_.reset();
  trees_.clear();
  changes_.clear();
}

absl::StatusOr<std::shared_ptr<Schema>> CollectionWriter::schema() {
  SHEAF_RETURN_IF_ERROR(Load());
  return schema_;
}

absl::Status CollectionWriter::Load() {
  if (schema_ != nullptr) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(tree_.CheckAlive());
  const catalog::TreeView tree = view();
  std::shared_ptr<const Schema> base;
  if (*tree_.changes() == 0 && tree.root().entries > 0) {
    SHEAF_ASSIGN_OR_RETURN(base, cache_.Get(tree));
  } else {
    base = cache_.Peek(tree.record().id);
  }
  SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, CountSchemaRows(tree));
  if (base != nullptr && base->rows() > rows) base = nullptr;
  auto schema = std::make_shared<Schema>(std::move(base));
  SHEAF_RETURN_IF_ERROR(schema->Load(tree, rows));
  if (watcher_ != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(is_watched_, watcher_->Watches());
  }
  schema_ = std::move(schema);
  return absl::OkStatus();
}

// Rows number names, so those that are waiting come first.
absl::Status CollectionWriter::AddRow(const std::string& row) {
  SHEAF_RETURN_IF_ERROR(StoreNames());
  return PutRow(row);
}

absl::Status CollectionWriter::PutRow(const std::string& row) {
  const std::string key = SchemaKey(schema_->rows());
  // What could not be read again must not be written.
  SHEAF_RETURN_IF_ERROR(schema_->TakeRow(row));
  bool existed = false;
  absl::Status put = tree_.Put(key, row, BTree::PutMode::kInsertOnly, &existed);
  if (put.ok() && existed)
    put = absl::DataLossError("collection schema: a row is there already");
  if (!put.ok()) schema_.reset();
  return put;
}

absl::Status CollectionWriter::StoreNames() {
  while (schema_ != nullptr && schema_->has_new_names())
    SHEAF_RETURN_IF_ERROR(
        PutRow(EncodeNameRow(schema_->names().NameOf(schema_->rows()))));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> CollectionWriter::size() const {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, CountSchemaRows(view()));
  return tree_.root().entries - rows;
}

// --- Documents ----------------------------------------------------------------

absl::StatusOr<std::optional<View>> CollectionWriter::Read(std::string_view key) {
  btree::Found found;
  const catalog::TreeView tree = view();
  SHEAF_RETURN_IF_ERROR(tree.reader().Find(key, &found));
  if (!found.found) return std::optional<View>();
  std::string_view stored;
  SHEAF_RETURN_IF_ERROR(tree.ValueOf(found, &before_, &stored));
  // Where it lies changes with the first put.
  if (stored.data() != before_.data()) before_.assign(stored);
  View document;
  SHEAF_RETURN_IF_ERROR(
      OpenDocument(before_, schema_->names(), &text_names_, &before_of_text_, &document));
  return std::optional<View>(document);
}

absl::StatusOr<OpenTree*> CollectionWriter::TreeOf(const Index& index) {
  for (const auto& [row, tree] : trees_)
    if (row == index.row) return tree;
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, txn_.FindTree(index.tree));
  if (tree == nullptr || tree->record().kind != catalog::TreeKind::kIndex)
    return LostTree(index);
  trees_.emplace_back(index.row, tree);
  return tree;
}

absl::StatusOr<catalog::TreeView> CollectionWriter::ViewOf(const Index& index) {
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, TreeOf(index));
  return catalog::TreeView(&txn_, tree);
}

absl::Status CollectionWriter::CheckUnique(const Change& change, std::string_view key) {
  for (const IndexEntry& entry : change.added) {
    btree::Found found;
    const catalog::TreeView tree(&txn_, change.tree);
    SHEAF_RETURN_IF_ERROR(tree.reader().Find(entry.values, &found));
    if (!found.found) continue;
    std::string buffer;
    std::string_view value;
    SHEAF_RETURN_IF_ERROR(tree.ValueOf(found, &buffer, &value));
    SHEAF_ASSIGN_OR_RETURN(const EntryView there,
                           DecodeEntry(*change.index, entry.values, value));
    if (there.document_key != key) return Violation(*change.index, entry);
  }
  return absl::OkStatus();
}

absl::Status CollectionWriter::PlanChanges(std::string_view key,
                                           const std::optional<View>& before,
                                           const std::optional<View>& after) {
  planned_ = schema_->index_list();
  changes_.resize(planned_->size());
  size_t used = 0;
  for (const Index& index : *planned_) {
    if (index.state == IndexState::kFailed) continue;
    Change& change = changes_[used++];
    change.index = &index;
    SHEAF_ASSIGN_OR_RETURN(change.tree, TreeOf(index));
    change.before.entries.clear();
    change.after.entries.clear();
    change.after.through_arrays = false;
    if (before.has_value()) {
      const absl::Status had = EntriesOf(index, *before, &change.before);
      // What an index that is being built could not take is not in it.
      if (!had.ok() && index.state == IndexState::kReady) return had;
      if (!had.ok()) change.before.entries.clear();
    }
    if (after.has_value()) SHEAF_RETURN_IF_ERROR(EntriesOf(index, *after, &change.after));
    Difference(change.after.entries, change.before.entries, &change.added);
    Difference(change.before.entries, change.after.entries, &change.removed);
    if (index.definition.unique) SHEAF_RETURN_IF_ERROR(CheckUnique(change, key));
  }
  changes_.resize(used);
  return absl::OkStatus();
}

absl::Status CollectionWriter::NoteFacts(uint32_t row, const IndexEntries& entries) {
  const auto index_of = [&]() -> const Index& {
    return *std::find_if(schema_->indexes().begin(), schema_->indexes().end(),
                         [row](const Index& index) { return index.row == row; });
  };
  if (entries.through_arrays && !index_of().through_arrays)
    SHEAF_RETURN_IF_ERROR(AddRow(EncodeFactRow(row, Fact::kThroughArrays)));
  const bool cut = std::any_of(
      entries.entries.begin(), entries.entries.end(),
      [](const IndexEntry& entry) { return (entry.flags & kValuesCut) != 0; });
  if (cut && !index_of().cut)
    SHEAF_RETURN_IF_ERROR(AddRow(EncodeFactRow(row, Fact::kCut)));
  return absl::OkStatus();
}

// While a unique index is built the entry of a document that it has not come to may be
// another's.
absl::StatusOr<bool> CollectionWriter::IsOwn(const Change& change,
                                             const StoredEntry& stored) {
  if (!change.index->definition.unique || change.index->state == IndexState::kReady)
    return true;
  btree::Found found;
  std::string buffer;
  std::string_view value;
  const catalog::TreeView tree(&txn_, change.tree);
  SHEAF_RETURN_IF_ERROR(tree.reader().Find(stored.key, &found));
  if (!found.found) return false;
  SHEAF_RETURN_IF_ERROR(tree.ValueOf(found, &buffer, &value));
  return value == stored.value;
}

absl::Status CollectionWriter::ApplyChanges(std::string_view key) {
  for (const Change& change : changes_) {
    for (const IndexEntry& entry : change.removed) {
      const StoredEntry stored = EncodeEntry(*change.index, entry, key);
      SHEAF_ASSIGN_OR_RETURN(const bool is_own, IsOwn(change, stored));
      if (is_own) SHEAF_RETURN_IF_ERROR(change.tree->Delete(stored.key).status());
    }
    for (const IndexEntry& entry : change.added) {
      const StoredEntry stored = EncodeEntry(*change.index, entry, key);
      bool existed = false;
      SHEAF_RETURN_IF_ERROR(
          change.tree->Put(stored.key, stored.value, BTree::PutMode::kUpsert, &existed));
    }
  }
  for (const Change& change : changes_)
    SHEAF_RETURN_IF_ERROR(NoteFacts(change.index->row, change.after));
  return absl::OkStatus();
}

absl::StatusOr<bool> CollectionWriter::IsHidden(std::string_view key) {
  if (!tree_.record().expires) return false;
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree_.expiries());
  return expiries->IsHidden(key);
}

absl::Status CollectionWriter::MakeRoom(std::string_view key, const View& after) {
  if (!HasOwnExpiries()) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree_.expiries());
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, expiries->Hidden());
  if (hidden == 0) return absl::OkStatus();
  std::vector<std::string> in_the_way;
  for (const Index& index : schema_->indexes()) {
    if (!index.definition.unique || index.state == IndexState::kFailed) continue;
    SHEAF_ASSIGN_OR_RETURN(const catalog::TreeView tree, ViewOf(index));
    IndexEntries entries;
    SHEAF_RETURN_IF_ERROR(EntriesOf(index, after, &entries));
    for (const IndexEntry& entry : entries.entries) {
      btree::Found found;
      std::string buffer;
      std::string_view value;
      SHEAF_RETURN_IF_ERROR(tree.reader().Find(entry.values, &found));
      if (!found.found) continue;
      SHEAF_RETURN_IF_ERROR(tree.ValueOf(found, &buffer, &value));
      SHEAF_ASSIGN_OR_RETURN(const EntryView there,
                             DecodeEntry(index, entry.values, value));
      SHEAF_ASSIGN_OR_RETURN(const bool expired, expiries->IsHidden(there.document_key));
      if (expired && there.document_key != key)
        in_the_way.emplace_back(there.document_key);
    }
  }
  for (const std::string& other : in_the_way) {
    SHEAF_RETURN_IF_ERROR(DeleteThere(other).status());
    SHEAF_RETURN_IF_ERROR(tree_.ClearExpiry(other));
  }
  return absl::OkStatus();
}

absl::Status CollectionWriter::Put(std::string_view key, std::string_view document,
                                   BTree::PutMode mode, bool* existed,
                                   const catalog::ExpiryChange& expiry) {
  SHEAF_RETURN_IF_ERROR(Load());
  *existed = false;
  SHEAF_RETURN_IF_ERROR(tree_.CheckExpiry(key, expiry));
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, IsHidden(key));
  if (hidden) mode = BTree::PutMode::kUpsert;  // nobody sees what is there
  if (schema_->indexes().empty() && !is_watched_) {
    if (mode == BTree::PutMode::kInsertOnly && schema_->has_new_names()) {
      btree::Found found;
      SHEAF_RETURN_IF_ERROR(view().reader().Find(key, &found));
      *existed = found.found;
      if (found.found) return absl::OkStatus();
    }
    SHEAF_RETURN_IF_ERROR(StoreNames());
    SHEAF_RETURN_IF_ERROR(tree_.Put(key, document, mode, existed));
    if (*existed && mode == BTree::PutMode::kInsertOnly) return absl::OkStatus();
  } else {
    const View after = RootOf(document, schema_->names());
    SHEAF_RETURN_IF_ERROR(MakeRoom(key, after));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<View> before, Read(key));
    *existed = before.has_value();
    if (*existed && mode == BTree::PutMode::kInsertOnly) return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(PlanChanges(key, before, after));
    if (is_watched_) SHEAF_RETURN_IF_ERROR(watcher_->BeforePut(key, after));
    SHEAF_RETURN_IF_ERROR(PutPlanned(key, document));
  }
  *existed = *existed && !hidden;
  return tree_.ChangeExpiry(key, expiry);
}

absl::Status CollectionWriter::PutPlanned(std::string_view key,
                                          std::string_view document) {
  SHEAF_RETURN_IF_ERROR(StoreNames());
  bool there = false;
  SHEAF_RETURN_IF_ERROR(tree_.Put(key, document, BTree::PutMode::kUpsert, &there));
  return ApplyChanges(key);
}

absl::StatusOr<bool> CollectionWriter::Delete(std::string_view key) {
  SHEAF_RETURN_IF_ERROR(Load());
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, IsHidden(key));
  if (hidden) return false;  // whoever removes what has expired is told of it
  SHEAF_ASSIGN_OR_RETURN(const bool existed, DeleteThere(key));
  if (existed) SHEAF_RETURN_IF_ERROR(tree_.ClearExpiry(key));
  return existed;
}

absl::StatusOr<bool> CollectionWriter::DeleteThere(std::string_view key) {
  if (schema_->indexes().empty() && !is_watched_) return tree_.Delete(key);
  SHEAF_ASSIGN_OR_RETURN(const std::optional<View> before, Read(key));
  if (!before.has_value()) return false;
  SHEAF_RETURN_IF_ERROR(PlanChanges(key, before, std::nullopt));
  if (is_watched_) SHEAF_RETURN_IF_ERROR(watcher_->BeforeDelete(key));
  SHEAF_RETURN_IF_ERROR(tree_.Delete(key).status());
  SHEAF_RETURN_IF_ERROR(ApplyChanges(key));
  return true;
}

absl::Status CollectionWriter::DeleteExpired(absl::Span<const std::string> keys) {
  SHEAF_RETURN_IF_ERROR(Load());
  if (schema_->indexes().empty() && !is_watched_)
    return catalog::DeleteKeys(&txn_, &tree_, keys);
  for (const std::string& key : keys) SHEAF_RETURN_IF_ERROR(DeleteThere(key).status());
  return absl::OkStatus();
}

// So that a unique index can be built of what is left.
absl::Status CollectionWriter::RemoveAllExpired() {
  if (!HasOwnExpiries()) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree_.expiries());
  for (;;) {
    std::vector<std::string> keys;
    SHEAF_RETURN_IF_ERROR(expiries->ForEachHidden([&](std::string_view key) {
      keys.emplace_back(key);
      return keys.size() < kRemovedAtOnce;
    }));
    if (keys.empty()) return absl::OkStatus();
    const std::vector<std::string> by_time = keys;
    std::sort(keys.begin(), keys.end());
    SHEAF_RETURN_IF_ERROR(DeleteExpired(keys));
    SHEAF_RETURN_IF_ERROR(expiries->ClearFirst(by_time));
  }
}

// --- Indexes ------------------------------------------------------------------

absl::StatusOr<uint32_t> CollectionWriter::RowOf(std::string_view name) {
  SHEAF_RETURN_IF_ERROR(Load());
  const Index* const index = schema_->FindIndex(name);
  if (index == nullptr) return NoIndex(name);
  return index->row;
}

absl::Status CollectionWriter::BeginIndex(IndexDefinition definition) {
  SHEAF_RETURN_IF_ERROR(definition.Complete());
  // As it will be read again.
  SHEAF_RETURN_IF_ERROR(IndexDefinition::Parse(definition.ToJson()).status());
  SHEAF_RETURN_IF_ERROR(Load());
  if (const Index* there = schema_->FindIndex(definition.name)) {
    if (there->definition == definition) return absl::OkStatus();
    return absl::AlreadyExistsError(
        absl::StrCat("index ", definition.name,
                     ": there is one of that name: ", there->definition.ToJson()));
  }
  if (schema_->indexes().size() >= kIndexesMax)
    return absl::ResourceExhaustedError(
        absl::StrCat("a collection has at most ", kIndexesMax, " indexes"));
  Index index;
  index.definition = std::move(definition);
  const std::string prefix =
      absl::StrCat(std::string(catalog::kPartNamePrefix), tree_.record().id, ".");
  // A copy of a database may have numbered its trees anew, and kept their names.
  for (uint64_t n = schema_->rows();; ++n) {
    index.tree = absl::StrCat(prefix, n);
    SHEAF_ASSIGN_OR_RETURN(OpenTree * taken, txn_.FindTree(index.tree));
    if (taken == nullptr) break;
  }
  SHEAF_RETURN_IF_ERROR(
      txn_.CreateTree(index.tree, catalog::TreeKind::kIndex, {}, {}).status());
  const absl::Status added = AddRow(EncodeIndexRow(index));
  if (!added.ok()) SHEAF_RETURN_IF_ERROR(txn_.DropTree(index.tree));
  return added;
}

absl::Status CollectionWriter::AddEntries(const Index& index,
                                          std::vector<StoredEntry>* entries) {
  std::sort(entries->begin(), entries->end(),
            [](const StoredEntry& a, const StoredEntry& b) { return a.key < b.key; });
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, TreeOf(index));
  size_t bytes = 0;
  for (auto it = entries->begin(); it != entries->end(); ++it) {
    bytes += it->key.size() + it->value.size();
    if (it != entries->begin() && it->key == (it - 1)->key)
      return Violation(index, {it->key, 0});  // no other has a key twice
  }
  if (bytes >= kBulkBytes && tree->root().entries == 0) {
    auto it = entries->begin();
    return tree->BulkLoad(
        [&](std::string_view* key, std::string_view* value) {
          if (it == entries->end()) return false;
          *key = it->key, *value = it->value;
          ++it;
          return true;
        },
        [](uint64_t) { return absl::OkStatus(); });
  }
  for (const StoredEntry& entry : *entries) {
    bool existed = false;
    SHEAF_RETURN_IF_ERROR(
        tree->Put(entry.key, entry.value, BTree::PutMode::kInsertOnly, &existed));
    if (!existed || !index.definition.unique) continue;
    const catalog::TreeView entry_view(&txn_, tree);
    btree::Found found;
    std::string buffer;
    std::string_view value;
    SHEAF_RETURN_IF_ERROR(entry_view.reader().Find(entry.key, &found));
    SHEAF_RETURN_IF_ERROR(entry_view.ValueOf(found, &buffer, &value));
    if (value != entry.value) return Violation(index, {entry.key, 0});
  }
  return absl::OkStatus();
}

// Entries of documents behind `*after`, about `bytes_max` of them; true: of the last, too.
absl::StatusOr<bool> CollectionWriter::AddSome(const Index& index, uint64_t bytes_max,
                                               std::string* after, uint64_t* documents) {
  if (index.definition.unique) SHEAF_RETURN_IF_ERROR(RemoveAllExpired());
  std::vector<StoredEntry> stored;
  IndexEntries entries, facts;
  std::string buffer, text;
  uint64_t bytes = 0;
  const catalog::TreeView tree = view();
  btree::TreeCursor cursor = tree.NewCursor();
  if (after->empty())
    cursor.Seek(kSchemaKeysEnd);
  else if (cursor.Seek(*after) && cursor.key() == *after)
    cursor.Next();
  for (; cursor.Valid() && bytes < bytes_max; cursor.Next(), ++*documents) {
    std::string_view value;
    View document;
    SHEAF_RETURN_IF_ERROR(tree.ValueAt(cursor, &buffer, &value));
    SHEAF_RETURN_IF_ERROR(
        OpenDocument(value, schema_->names(), &text_names_, &text, &document));
    SHEAF_RETURN_IF_ERROR(EntriesOf(index, document, &entries));
    after->assign(cursor.key());
    bytes += value.size() / 16 + 16;  // it was read
    facts.through_arrays |= entries.through_arrays;
    for (const IndexEntry& entry : entries.entries) {
      if ((entry.flags & kValuesCut) != 0 && facts.entries.empty())
        facts.entries.push_back(entry);
      stored.push_back(EncodeEntry(index, entry, *after));
      bytes +=
          stored.back().key.size() + stored.back().value.size() + sizeof(StoredEntry);
    }
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  const bool is_end = !cursor.Valid();
  SHEAF_RETURN_IF_ERROR(AddEntries(index, &stored));
  SHEAF_RETURN_IF_ERROR(NoteFacts(index.row, facts));
  return is_end;
}

absl::StatusOr<bool> CollectionWriter::ContinueIndex(std::string_view name,
                                                     uint64_t bytes_max,
                                                     std::string* after,
                                                     uint64_t* documents) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t row, RowOf(name));
  const Schema::Indexes indexes = schema_->index_list();
  const Index& index = *schema_->FindIndex(name);
  if (index.state == IndexState::kReady) return true;
  if (index.state == IndexState::kFailed)
    return absl::FailedPreconditionError(
        absl::StrCat("index ", index.definition.name, ": could not be built; drop it"));
  SHEAF_ASSIGN_OR_RETURN(const bool is_end, AddSome(index, bytes_max, after, documents));
  if (is_end) SHEAF_RETURN_IF_ERROR(AddRow(EncodeFactRow(row, Fact::kReady)));
  return is_end;
}

absl::Status CollectionWriter::RebuildIndex(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t row, RowOf(name));
  const Schema::Indexes indexes = schema_->index_list();
  const Index& index = *schema_->FindIndex(name);
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, txn_.FindTree(index.tree));
  if (tree != nullptr && tree->record().kind != catalog::TreeKind::kIndex)
    return LostTree(index);
  if (tree != nullptr)
    SHEAF_RETURN_IF_ERROR(tree->DeleteRange({}, nullptr).status());
  else
    SHEAF_RETURN_IF_ERROR(
        txn_.CreateTree(index.tree, catalog::TreeKind::kIndex, {}, {}).status());
  std::string after;
  uint64_t documents = 0;
  for (bool is_end = false; !is_end;) {
    const absl::StatusOr<bool> some = AddSome(index, kRebuildBytes, &after, &documents);
    if (!some.ok()) {
      // Half of it is worse than none.
      SHEAF_RETURN_IF_ERROR(FailIndex(name));
      return some.status();
    }
    is_end = *some;
  }
  if (index.state == IndexState::kReady) return absl::OkStatus();
  return AddRow(EncodeFactRow(row, Fact::kReady));
}

namespace {

// Behind the greatest number of a name in `value`. Requires: it knows of all numbers.
uint32_t EndOfNames(const View& value) {
  uint32_t end = 0;
  if (value.kind() == Kind::kArray)
    for (ArrayCursor c = value.elements(); c.Valid(); c.Next())
      end = std::max(end, EndOfNames(c.value()));
  if (value.kind() == Kind::kObject)
    for (ObjectCursor c = value.fields(); c.Valid(); c.Next())
      end = std::max(
          {end, EndOfNames(c.value()), c.name_id().has_value() ? *c.name_id() + 1 : 0});
  return end;
}

// Of all documents.
absl::StatusOr<uint32_t> EndOfNamesUsed(const catalog::TreeView& tree) {
  if (!IsCollection(tree.record().kind)) return 0;
  NameTable all, text_names;
  while (all.size() < NameTable::kNamesMax) all.Skip();
  std::string buffer, text;
  uint32_t end = 0;
  btree::TreeCursor cursor = tree.NewCursor();
  for (cursor.Seek(kSchemaKeysEnd); cursor.Valid(); cursor.Next()) {
    std::string_view value;
    View document;
    if (!tree.ValueAt(cursor, &buffer, &value).ok() || !IsBinary(value) ||
        !OpenDocument(value, all, &text_names, &text, &document).ok())
      continue;
    end = std::max(end, EndOfNames(document));
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  return end;
}

}  // namespace

absl::Status CollectionWriter::RepairSchema() {
  Forget();
  const catalog::TreeView tree = view();
  // What claims to be behind more rows than anybody has made is none of them.
  const std::string behind = SchemaKey(kSchemaRowsSalvaged), end(kSchemaKeysEnd);
  SHEAF_RETURN_IF_ERROR(tree_.DeleteRange(behind, &end).status());
  SHEAF_ASSIGN_OR_RETURN(uint32_t rows, EndOfSchemaRows(tree));
  SHEAF_ASSIGN_OR_RETURN(const uint32_t names, EndOfNamesUsed(tree));
  rows = std::max(rows, names);
  auto schema = std::make_shared<Schema>();
  while (schema->rows() < rows) {
    if (schema->Load(tree, schema->rows() + 1).ok()) continue;
    bool existed = false;
    SHEAF_RETURN_IF_ERROR(tree_.Put(SchemaKey(schema->rows()), EncodeLostRow(),
                                    BTree::PutMode::kUpsert, &existed));
    SHEAF_RETURN_IF_ERROR(schema->TakeRow(EncodeLostRow()));
  }
  return absl::OkStatus();
}

absl::Status CollectionWriter::FailIndex(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t row, RowOf(name));
  const absl::StatusOr<OpenTree*> tree = TreeOf(*schema_->FindIndex(name));
  if (tree.ok()) SHEAF_RETURN_IF_ERROR((*tree)->DeleteRange({}, nullptr).status());
  return AddRow(EncodeFactRow(row, Fact::kFailed));
}

absl::Status CollectionWriter::DropIndex(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t row, RowOf(name));
  const std::string tree = schema_->FindIndex(name)->tree;
  std::erase_if(trees_, [row](const auto& open) { return open.first == row; });
  changes_.clear();
  // A salvaged file has lost it.
  SHEAF_ASSIGN_OR_RETURN(OpenTree * there, txn_.FindTree(tree));
  if (there != nullptr && there->record().kind == catalog::TreeKind::kIndex)
    SHEAF_RETURN_IF_ERROR(txn_.DropTree(tree));
  return AddRow(EncodeFactRow(row, Fact::kDropped));
}

absl::Status CollectionWriter::DisableIndex(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t row, RowOf(name));
  if (schema_->FindIndex(name)->disabled) return absl::OkStatus();
  return AddRow(EncodeFactRow(row, Fact::kDisabled));
}

absl::Status CollectionWriter::EnableIndex(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t row, RowOf(name));
  if (!schema_->FindIndex(name)->disabled) return absl::OkStatus();
  return AddRow(EncodeFactRow(row, Fact::kEnabled));
}

absl::Status CollectionWriter::DropAllIndexes() {
  SHEAF_RETURN_IF_ERROR(Load());
  while (!schema_->indexes().empty())
    SHEAF_RETURN_IF_ERROR(DropIndex(std::string(schema_->indexes()[0].definition.name)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<IndexInfo>> CollectionWriter::ListIndexes() {
  SHEAF_RETURN_IF_ERROR(Load());
  std::vector<IndexInfo> infos;
  for (const Index& index : schema_->indexes()) {
    SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, TreeOf(index));
    infos.push_back({index.definition, index.state, tree->root().entries,
                     index.through_arrays, index.disabled});
  }
  return infos;
}

}  // namespace sheaf::document
