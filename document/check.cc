#include "document/check.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/tree_view.h"
#include "document/collection_codec.h"
#include "document/index_entry.h"
#include "document/schema.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

using catalog::TreeKind;
using catalog::TreeRecord;
using catalog::TreeView;
using ProblemFn = absl::FunctionRef<void(const std::string&)>;
using TickFn = absl::FunctionRef<absl::Status(uint64_t)>;

constexpr uint64_t kDocumentsATick = 1024;

struct CheckedIndex {
  const Index* index = nullptr;
  TreeRecord record;
  uint64_t wanted = 0;  // entries of all documents
};

class CollectionChecker {
 public:
  CollectionChecker(catalog::Store* store, const catalog::Snapshot& snapshot,
                    const TreeRecord& record, ProblemFn problem)
      : store_(*store),
        snapshot_(snapshot),
        record_(record),
        tree_(store, &snapshot, &record_),
        problem_(problem) {}

  absl::Status Run(std::set<std::string>* index_trees, uint64_t* documents, TickFn tick) {
    if (absl::Status loaded = LoadSchema(); !loaded.ok()) return Problem(loaded);
    for (const Index& index : schema_.indexes())
      SHEAF_RETURN_IF_ERROR(OpenIndex(index, index_trees));
    btree::TreeCursor cursor = tree_.NewCursor();
    for (cursor.Seek(kSchemaKeysEnd); cursor.Valid(); cursor.Next()) {
      SHEAF_RETURN_IF_ERROR(CheckDocument(&cursor));
      if (++*documents % kDocumentsATick == 0) SHEAF_RETURN_IF_ERROR(tick(*documents));
    }
    SHEAF_RETURN_IF_ERROR(cursor.status());
    for (const CheckedIndex& checked : indexes_) {
      if (checked.wanted == checked.record.root.entries) continue;
      Problem(absl::StrCat("index ", checked.index->definition.name, ": has ",
                           checked.record.root.entries, " entries, the documents ",
                           checked.wanted));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status LoadSchema() {
    SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, CountSchemaRows(tree_));
    return schema_.Load(tree_, rows);
  }

  void Problem(const std::string& what) {
    // The names of parts begin with a control character.
    problem_(absl::StrCat(record_.name.substr(catalog::IsPart(record_.kind) ? 1 : 0),
                          ": ", what));
  }
  absl::Status Problem(const absl::Status& status) {
    if (!IsProblem(status)) return status;
    Problem(std::string(status.message()));
    return absl::OkStatus();
  }

  absl::Status OpenIndex(const Index& index, std::set<std::string>* index_trees) {
    SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> record,
                           snapshot_.FindTree(index.tree));
    if (!record.has_value() || record->kind != TreeKind::kIndex) {
      Problem(absl::StrCat("index ", index.definition.name, ": its tree is lost"));
      return absl::OkStatus();
    }
    if (!index_trees->insert(index.tree).second)
      Problem(absl::StrCat("index ", index.definition.name, ": its tree is another's"));
    if (index.state == IndexState::kReady)
      indexes_.push_back({&index, *std::move(record), 0});
    return absl::OkStatus();
  }

  absl::Status CheckDocument(btree::TreeCursor* cursor) {
    const std::string key(cursor->key());
    std::string_view value;
    View document;
    absl::Status status = DecodeCollectionKey(key).status();
    if (status.ok()) status = tree_.ValueAt(*cursor, &buffer_, &value);
    if (status.ok())
      status = OpenDocument(value, schema_.names(), &text_names_, &text_, &document);
    if (status.ok() && document.names() == &schema_.names())
      status = Validate(value, schema_.names());
    if (!status.ok()) return Problem(status);
    for (CheckedIndex& checked : indexes_)
      SHEAF_RETURN_IF_ERROR(CheckEntries(&checked, key, document));
    return absl::OkStatus();
  }

  absl::Status CheckEntries(CheckedIndex* checked, const std::string& key,
                            const View& document) {
    const Index& index = *checked->index;
    const absl::Status status = EntriesOf(index, document, &entries_);
    if (!status.ok()) return Problem(status);
    if (entries_.through_arrays && !index.through_arrays)
      Problem(absl::StrCat("index ", index.definition.name,
                           ": does not know that a path leads through an array"));
    checked->wanted += entries_.entries.size();
    const TreeView tree(&store_, &snapshot_, &checked->record);
    for (const IndexEntry& entry : entries_.entries) {
      const StoredEntry stored = EncodeEntry(index, entry, key);
      btree::Found found;
      SHEAF_RETURN_IF_ERROR(tree.reader().Find(stored.key, &found));
      std::string_view value;
      if (found.found) SHEAF_RETURN_IF_ERROR(tree.ValueOf(found, &buffer_, &value));
      if (found.found && value == stored.value) continue;
      Problem(absl::StrCat("index ", index.definition.name, ": the entry ",
                           DescribeValues(index, entry.values), " of a document is ",
                           found.found ? "another" : "missing"));
    }
    return absl::OkStatus();
  }

  catalog::Store& store_;
  const catalog::Snapshot& snapshot_;
  const TreeRecord& record_;
  const TreeView tree_;
  ProblemFn problem_;
  Schema schema_;
  NameTable text_names_;
  std::vector<CheckedIndex> indexes_;
  std::string buffer_, text_;
  IndexEntries entries_;
};

}  // namespace

absl::Status CheckCollections(catalog::Store* store, const catalog::Snapshot& snapshot,
                              ProblemFn problem, TickFn tick) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeRecord> records, snapshot.ListTrees());
  std::set<std::string> index_trees;
  uint64_t documents = 0;
  for (const TreeRecord& record : records) {
    if (!catalog::IsCollection(record.kind)) continue;
    CollectionChecker checker(store, snapshot, record, problem);
    SHEAF_RETURN_IF_ERROR(checker.Run(&index_trees, &documents, tick));
  }
  for (const TreeRecord& record : records)
    if (record.kind == TreeKind::kIndex && !index_trees.contains(record.name))
      problem(absl::StrCat("tree ", record.id, ": an index that no collection has"));
  return absl::OkStatus();
}

}  // namespace sheaf::document
