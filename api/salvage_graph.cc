#include "api/internal/salvage_graph.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/graph_state.h"
#include "catalog/write_txn.h"
#include "document/collection_codec.h"
#include "graph/check.h"
#include "pager/status_macros.h"

namespace sheaf::internal {
namespace {

using graph::AdjacentEdge;
using graph::EdgeKey;
using graph::NameId;
using graph::VertexView;

class GraphRepair {
 public:
  GraphRepair(catalog::WriteTxn* txn, const catalog::TreeRecord& record,
              std::vector<std::string>* notes)
      : txn_(*txn), record_(record), notes_(*notes) {}

  absl::Status Run() {
    SHEAF_RETURN_IF_ERROR(GraphState::Create(&txn_, &cache_, record_.id, {}));
    SHEAF_ASSIGN_OR_RETURN(graph_, txn_.FindTree(record_.id));
    SHEAF_ASSIGN_OR_RETURN(names_, Writer(graph::PartsName(record_.id)));
    SHEAF_ASSIGN_OR_RETURN(vertices_, Writer(graph::VertexDocumentsName(record_.id)));
    SHEAF_ASSIGN_OR_RETURN(edges_, Writer(graph::EdgeDocumentsName(record_.id)));
    SHEAF_RETURN_IF_ERROR(names_->RepairSchema());
    SHEAF_RETURN_IF_ERROR(CollectRecords());
    SHEAF_RETURN_IF_ERROR(NameAll());
    SHEAF_RETURN_IF_ERROR(CollectVertexDocuments());
    SHEAF_RETURN_IF_ERROR(CollectEdgeDocuments());
    return Rewrite();
  }

 private:
  struct FoundEdge {
    EdgeKey key;
    double weight = 1;
    bool has_properties = false;

    auto Order() const { return std::tie(key.from, key.type, key.to, key.ordinal); }
  };

  absl::StatusOr<std::unique_ptr<document::CollectionWriter>> Writer(
      const std::string& name) {
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const tree, txn_.FindTree(name));
    return std::make_unique<document::CollectionWriter>(&txn_, tree, &cache_);
  }

  // What the records and the blocks of edges tell.
  absl::Status CollectRecords() {
    const catalog::TreeView graph(&txn_, graph_), parts = names_->view();
    const graph::GraphReader reader(&graph, &parts);
    btree::DenseCursor cursor(graph.context(), &graph.root());
    std::vector<AdjacentEdge> some;
    for (bool valid = cursor.Seek(0); valid; valid = cursor.Next()) {
      const VertexView vertex(cursor.key(), cursor.record());
      const auto labels = vertex.labels();
      recorded_.push_back(vertex.id());
      labels_[vertex.id()].assign(labels.begin(), labels.end());
      for (const NameId label : labels) names_end_ = std::max(names_end_, label + 1);
      vertex.ForEachList([&](const VertexView::List& list) {
        names_end_ = std::max(names_end_, list.key.type + 1);
        // Blocks that are lost or damaged: what the other ends know has to do.
        reader
            .VisitList(vertex.id(), list,
                       [&](const graph::ListKey& key, const graph::AdjacencyView& view) {
                         view.DecodeEdges(&some);
                         for (const AdjacentEdge& edge : some)
                           found_.push_back(
                               {graph::EdgeOf(vertex.id(), key, edge), edge.weight});
                         return true;
                       })
            .IgnoreError();
      });
    }
    return cursor.status();
  }

  // Names whose rows are lost with all behind them.
  absl::Status NameAll() {
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                           names_->schema());
    for (uint32_t id = schema->names().size(); id < names_end_; ++id)
      if (!schema->names().Intern(absl::StrCat("lost-", id)).has_value())
        return absl::DataLossError(absl::StrCat(record_.name, ": label or type ", id));
    return names_->StoreNames();
  }

  absl::StatusOr<NameId> NameOf(std::string_view name) {
    graph::GraphWriter writer(&txn_, graph_, names_.get());
    return writer.NameOf(name);
  }

  // Deletes documents of which `fn(key, document)` says false.
  template <class Fn>
  absl::Status KeepDocuments(document::CollectionWriter* documents, Fn&& fn) {
    const catalog::TreeView view = documents->view();
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                           documents->schema());
    document::NameTable text_names;
    std::vector<std::string> deleted;
    std::string buffer, text;
    btree::TreeCursor cursor = view.NewCursor();
    for (cursor.Seek(document::kSchemaKeysEnd); cursor.Valid(); cursor.Next()) {
      std::string_view value;
      DocumentView document;
      absl::Status opened = view.ValueAt(cursor, &buffer, &value);
      if (opened.ok())
        opened =
            document::OpenDocument(value, schema->names(), &text_names, &text, &document);
      const absl::StatusOr<document::CollectionKey> key =
          document::DecodeCollectionKey(cursor.key());
      if (!opened.ok() || !key.ok() || !fn(*key, document))
        deleted.emplace_back(cursor.key());
    }
    SHEAF_RETURN_IF_ERROR(cursor.status());
    for (const std::string& key : deleted)
      SHEAF_RETURN_IF_ERROR(documents->Delete(key).status());
    return absl::OkStatus();
  }

  // Vertices are labelled as their properties say.
  absl::Status CollectVertexDocuments() {
    std::set<VertexId> documented;
    absl::Status status;
    const auto take = [&](const document::CollectionKey& key, const DocumentView& root) {
      const int64_t* const number = std::get_if<int64_t>(&key);
      if (number == nullptr || *number < 0 ||
          static_cast<uint64_t>(*number) >= kVertexIdEnd ||
          root.kind() != DocumentKind::kObject)
        return false;
      std::vector<NameId>& labels = labels_[static_cast<VertexId>(*number)];
      labels.clear();
      documented.insert(static_cast<VertexId>(*number));
      const std::optional<DocumentView> field = root.Field(kLabelsField);
      if (!field.has_value() || field->kind() != DocumentKind::kArray) return true;
      for (auto c = field->elements(); c.Valid(); c.Next()) {
        if (c.value().kind() != DocumentKind::kString) continue;
        const absl::StatusOr<NameId> label = NameOf(c.value().string_value());
        status.Update(label.status());
        if (label.ok()) labels.push_back(*label);
      }
      return true;
    };
    SHEAF_RETURN_IF_ERROR(KeepDocuments(vertices_.get(), take));
    SHEAF_RETURN_IF_ERROR(status);
    for (const auto& [id, labels] : labels_)
      if (!labels.empty() && !documented.contains(id))
        SHEAF_RETURN_IF_ERROR(PutLabels(id, labels));
    return absl::OkStatus();
  }

  absl::Status PutLabels(VertexId id, const std::vector<NameId>& labels) {
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> names,
                           names_->schema());
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema,
                           vertices_->schema());
    document::Writer writer(&schema->names());
    writer.BeginObject();
    writer.Name(kLabelsField), writer.BeginArray();
    for (const NameId label : labels) writer.String(names->names().NameOf(label));
    writer.End();
    writer.End();
    SHEAF_ASSIGN_OR_RETURN(const std::string document, writer.Finish());
    bool existed = false;
    return vertices_->Put(document::EncodeNumberKey(static_cast<int64_t>(id)), document,
                          btree::BTree::PutMode::kUpsert, &existed);
  }

  bool HasEnds(const EdgeKey& edge) const {
    return labels_.contains(edge.from) && labels_.contains(edge.to);
  }

  absl::Status CollectEdgeDocuments() {
    std::erase_if(found_, [&](const FoundEdge& edge) { return !HasEnds(edge.key); });
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> names,
                           names_->schema());
    uint64_t lost = 0;
    const auto take = [&](const document::CollectionKey& key, const DocumentView& root) {
      const auto* const bytes = std::get_if<document::BytesKey>(&key);
      std::optional<EdgeKey> edge;
      if (bytes != nullptr) edge = graph::DecodeEdgeKey(bytes->bytes);
      std::optional<DocumentView> type;
      if (root.kind() == DocumentKind::kObject) type = root.Field(kTypeField);
      if (!edge.has_value() || !HasEnds(*edge) || edge->type >= names->names().size() ||
          !type.has_value() || type->kind() != DocumentKind::kString ||
          type->string_value() != names->names().NameOf(edge->type)) {
        ++lost;
        return false;
      }
      // Last of those of its key: what the ends know of it has the weight.
      found_.push_back({*edge, 1, true});
      return true;
    };
    SHEAF_RETURN_IF_ERROR(KeepDocuments(edges_.get(), take));
    if (lost > 0)
      notes_.push_back(absl::StrCat(record_.name, ": the properties of ", lost,
                                    " edges were left out: what they are of is lost"));
    return absl::OkStatus();
  }

  absl::Status Rewrite() {
    const auto order = [](const FoundEdge& a, const FoundEdge& b) {
      return a.Order() < b.Order();
    };
    std::stable_sort(found_.begin(), found_.end(), order);
    for (const VertexId id : recorded_)
      SHEAF_RETURN_IF_ERROR(graph_->Delete(catalog::EncodeDenseKey(id)).status());
    catalog::OpenTree& parts = names_->tree();
    const std::string behind_names(document::kSchemaKeysEnd);
    SHEAF_RETURN_IF_ERROR(parts.DeleteRange(behind_names, nullptr).status());
    graph::GraphWriter writer(&txn_, graph_, names_.get());
    for (auto& [id, labels] : labels_)
      SHEAF_RETURN_IF_ERROR(writer.AddVertexAs(id, labels));
    for (size_t i = 0; i < found_.size();) {
      FoundEdge edge = found_[i];
      for (; i < found_.size() && found_[i].Order() == edge.Order(); ++i)
        edge.has_properties |= found_[i].has_properties;
      SHEAF_RETURN_IF_ERROR(
          writer.PutEdge(edge.key, edge.weight, edge.has_properties).status());
    }
    return absl::OkStatus();
  }

  catalog::WriteTxn& txn_;
  const catalog::TreeRecord& record_;
  std::vector<std::string>& notes_;
  document::SchemaCache cache_;
  catalog::OpenTree* graph_ = nullptr;
  std::unique_ptr<document::CollectionWriter> names_, vertices_, edges_;
  NameId names_end_ = 0;            // behind the last that is used
  std::vector<VertexId> recorded_;  // vertices whose records are there
  std::map<VertexId, std::vector<NameId>> labels_;
  std::vector<FoundEdge> found_;
};

}  // namespace

absl::Status RepairGraphs(catalog::Store* store, std::vector<std::string>* notes) {
  std::vector<std::string> problems;
  {
    const catalog::Snapshot snapshot(store);
    SHEAF_RETURN_IF_ERROR(graph::CheckGraphs(
        store, snapshot, [&](const std::string& what) { problems.push_back(what); },
        [](uint64_t) { return absl::OkStatus(); }));
  }
  if (problems.empty()) return absl::OkStatus();
  const auto is_broken = [&](const catalog::TreeRecord& record) {
    return std::any_of(problems.begin(), problems.end(), [&](const std::string& what) {
      return what.starts_with(record.name + ": ");
    });
  };
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<catalog::WriteTxn> txn,
                         store->BeginWrite(absl::InfiniteDuration()));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<catalog::TreeRecord> trees, txn->ListTrees());
  std::set<catalog::TreeId> graphs;  // and what else has documents as a part
  for (const catalog::TreeRecord& record : trees) {
    if (record.kind == catalog::TreeKind::kVectors ||
        record.kind == catalog::TreeKind::kBlobs)
      graphs.insert(record.id);
    if (record.kind != catalog::TreeKind::kGraph) continue;
    graphs.insert(record.id);
    if (!is_broken(record)) continue;
    SHEAF_RETURN_IF_ERROR(GraphRepair(txn.get(), record, notes).Run());
    notes->push_back(
        absl::StrCat(record.name, ": what was read of its parts was put together again"));
  }
  for (const catalog::TreeRecord& record : trees) {
    const std::optional<catalog::TreeId> graph = graph::GraphOfPart(record.name);
    if ((record.kind != catalog::TreeKind::kGraphPart &&
         record.kind != catalog::TreeKind::kPartCollection) ||
        (graph.has_value() && graphs.contains(*graph)))
      continue;
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const tree, txn->FindTree(record.id));
    if (catalog::IsCollection(record.kind)) {
      document::SchemaCache cache;
      SHEAF_RETURN_IF_ERROR(
          document::CollectionWriter(txn.get(), tree, &cache).DropAllIndexes());
    }
    SHEAF_RETURN_IF_ERROR(txn->DropTree(record.name));
    notes->push_back("a part of a graph was left out: the graph is lost");
  }
  return txn->Commit(Durability::kFull);
}

}  // namespace sheaf::internal
