#include "graph/check.h"

#include <bit>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/tree_view.h"
#include "document/check.h"
#include "document/collection_codec.h"
#include "document/schema.h"
#include "graph/graph_reader.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

using catalog::TreeKind;
using catalog::TreeRecord;
using catalog::TreeView;
using document::IsProblem;
using ProblemFn = absl::FunctionRef<void(const std::string&)>;
using TickFn = absl::FunctionRef<absl::Status(uint64_t)>;

constexpr uint64_t kVerticesATick = 1024;

// Sums over both ends of all edges are the same only if the ends are (but for a chance of
// 2^-64).
uint64_t Mix(uint64_t h, uint64_t value) {
  h = (h ^ value) * 0x9e3779b97f4a7c15;
  return (h ^ (h >> 32)) * 0xd6e8feb86659fd93;
}
uint64_t HashOf(const EdgeKey& key, const AdjacentEdge& edge) {
  uint64_t h = Mix(key.from, key.to);
  h = Mix(h, uint64_t{key.type} << 32 | key.ordinal);
  return Mix(h, std::bit_cast<uint64_t>(edge.weight) + (edge.has_properties ? 1 : 0));
}

// Documents in the order of their keys, which is that of the vertices and edges.
class Documents {
 public:
  Documents(catalog::Store* store, const catalog::Snapshot* snapshot, TreeRecord record)
      : tree_(store, snapshot, std::move(record)), cursor_(tree_.NewCursor()) {}

  absl::Status Begin() {
    SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, document::CountSchemaRows(tree_));
    SHEAF_RETURN_IF_ERROR(schema_.Load(tree_, rows));
    cursor_.Seek(document::kSchemaKeysEnd);
    return cursor_.status();
  }
  // Goes to the document of `key`, calling `other` for those before it. False: it has none.
  absl::StatusOr<bool> SkipTo(std::string_view key, absl::FunctionRef<void()> other) {
    while (cursor_.Valid() && cursor_.key() < key) {
      other();
      cursor_.Next();
    }
    SHEAF_RETURN_IF_ERROR(cursor_.status());
    return cursor_.Valid() && cursor_.key() == key;
  }
  absl::Status SkipAll(absl::FunctionRef<void()> other) {
    for (; cursor_.Valid(); cursor_.Next()) other();
    return cursor_.status();
  }
  // Of where SkipTo went; then goes on.
  absl::StatusOr<document::View> Take() {
    std::string_view value;
    document::View document;
    SHEAF_RETURN_IF_ERROR(tree_.ValueAt(cursor_, &buffer_, &value));
    SHEAF_RETURN_IF_ERROR(
        document::OpenDocument(value, schema_.names(), &text_names_, &text_, &document));
    copy_.assign(value);
    if (document.names() == &schema_.names())
      document = document::RootOf(copy_, schema_.names());
    cursor_.Next();
    return document;
  }

 private:
  TreeView tree_;
  btree::TreeCursor cursor_;
  document::Schema schema_;
  document::NameTable text_names_;
  std::string buffer_, text_, copy_;
};

class GraphChecker {
 public:
  GraphChecker(catalog::Store* store, const catalog::Snapshot& snapshot,
               const TreeRecord& record, ProblemFn problem)
      : store_(*store),
        snapshot_(snapshot),
        record_(record),
        vertices_(store, &snapshot, &record_),
        problem_(problem) {}

  absl::Status Run(uint64_t* vertices, TickFn tick) {
    SHEAF_ASSIGN_OR_RETURN(const bool complete, OpenParts());
    if (!complete) return absl::OkStatus();
    btree::DenseCursor cursor(vertices_.context(), &vertices_.root());
    for (bool valid = cursor.Seek(0); valid; valid = cursor.Next()) {
      SHEAF_RETURN_IF_ERROR(CheckVertex(VertexView(cursor.key(), cursor.record())));
      if (++*vertices % kVerticesATick == 0) SHEAF_RETURN_IF_ERROR(tick(*vertices));
    }
    SHEAF_RETURN_IF_ERROR(cursor.status());
    SHEAF_RETURN_IF_ERROR(
        vertex_documents_->SkipAll([&] { Problem("properties of no vertex"); }));
    SHEAF_RETURN_IF_ERROR(
        edge_documents_->SkipAll([&] { Problem("properties of no edge"); }));
    SHEAF_RETURN_IF_ERROR(CheckCounts());
    if (out_sum_ != in_sum_) SHEAF_RETURN_IF_ERROR(FindDisagreements());
    return absl::OkStatus();
  }

 private:
  void Problem(const std::string& what) {
    problem_(absl::StrCat(record_.name, ": ", what));
  }
  absl::Status Problem(const absl::Status& status) {
    if (!IsProblem(status)) return status;
    Problem(std::string(status.message()));
    return absl::OkStatus();
  }

  absl::StatusOr<bool> OpenParts() {
    const auto find = [&](const std::string& name, TreeKind kind,
                          const char* what) -> absl::StatusOr<std::optional<TreeRecord>> {
      SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> found, snapshot_.FindTree(name));
      if (found.has_value() && found->kind == kind) return found;
      Problem(absl::StrCat("its ", what, " are lost"));
      return std::optional<TreeRecord>();
    };
    SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> parts,
                           find(PartsName(record_.id), TreeKind::kGraphPart, "names"));
    SHEAF_ASSIGN_OR_RETURN(
        std::optional<TreeRecord> vertices,
        find(VertexDocumentsName(record_.id), TreeKind::kPartCollection, "vertices"));
    SHEAF_ASSIGN_OR_RETURN(
        std::optional<TreeRecord> edges,
        find(EdgeDocumentsName(record_.id), TreeKind::kPartCollection, "edges"));
    if (!parts || !vertices || !edges) return false;
    parts_.emplace(&store_, &snapshot_, *std::move(parts));
    reader_.emplace(&vertices_, &*parts_);
    vertex_documents_.emplace(&store_, &snapshot_, *std::move(vertices));
    edge_documents_.emplace(&store_, &snapshot_, *std::move(edges));
    for (const absl::Status& status :
         {LoadNames(), vertex_documents_->Begin(), edge_documents_->Begin()}) {
      if (status.ok()) continue;
      SHEAF_RETURN_IF_ERROR(Problem(status));
      return false;
    }
    return true;
  }

  absl::Status LoadNames() {
    SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, document::CountSchemaRows(*parts_));
    return names_.Load(*parts_, rows);
  }

  bool HasName(NameId id) const { return id < names_.names().size(); }

  absl::Status CheckVertex(const VertexView& vertex) {
    const auto labels = vertex.labels();
    for (const NameId label : labels)
      if (!HasName(label))
        Problem(absl::StrCat("vertex ", vertex.id(), ": label ", label, " has no name"));
    SHEAF_RETURN_IF_ERROR(Problem(CheckVertexDocument(vertex.id(), labels)));
    absl::Status status;
    vertex.ForEachList([&](const VertexView::List& list) {
      if (status.ok()) status = Problem(CheckList(vertex, list));
    });
    return status;
  }

  absl::Status CheckVertexDocument(VertexId id, absl::Span<const NameId> labels) {
    SHEAF_ASSIGN_OR_RETURN(
        const bool there,
        vertex_documents_->SkipTo(document::EncodeNumberKey(static_cast<int64_t>(id)),
                                  [&] { Problem("properties of no vertex"); }));
    size_t matching = 0;
    bool is_array = false;
    if (there) {
      SHEAF_ASSIGN_OR_RETURN(const document::View document, vertex_documents_->Take());
      if (document.kind() != document::Kind::kObject)
        return absl::DataLossError(
            absl::StrCat("vertex ", id, ": its properties are no object"));
      if (const auto field = document.Field(kLabelsField)) {
        is_array = field->kind() == document::Kind::kArray;
        size_t at = 0;
        for (auto c = field->elements(); is_array && c.Valid(); c.Next(), ++at)
          if (at < labels.size() && HasName(labels[at]) &&
              c.value().kind() == document::Kind::kString &&
              c.value().string_value() == names_.names().NameOf(labels[at]))
            ++matching;
        if (at != labels.size()) matching = labels.size() + 1;
      }
    }
    if (matching == labels.size() && (is_array || labels.empty()))
      return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("vertex ", id, ": its labels and its properties disagree"));
  }

  absl::Status CheckList(const VertexView& vertex, const VertexView::List& list) {
    const NameId type = list.key.type;
    if (!HasName(type))
      Problem(absl::StrCat("vertex ", vertex.id(), ": type ", type, " has no name"));
    uint64_t count = 0;
    std::optional<std::pair<VertexId, uint32_t>> last;
    const std::string place = absl::StrCat(
        "vertex ", vertex.id(), ", ", list.key.in ? "in" : "out", ", type ", type, ": ");
    absl::Status status;
    const auto check = [&](const ListKey& key, const AdjacencyView& some) {
      blocks_ += key.large ? 1 : 0;
      some.DecodeEdges(&edges_);
      count += edges_.size();
      for (const AdjacentEdge& edge : edges_) {
        const std::pair<VertexId, uint32_t> at(edge.neighbour, edge.ordinal);
        if (last.has_value() && at <= *last) Problem(place + "blocks overlap");
        last = at;
        const EdgeKey named = EdgeOf(vertex.id(), key, edge);
        (key.in ? in_sum_ : out_sum_) += HashOf(named, edge);
        if (!key.in && edge.has_properties) status = CheckEdgeDocument(named);
        if (!status.ok()) return false;
      }
      return true;
    };
    SHEAF_RETURN_IF_ERROR(reader_->VisitList(vertex.id(), list, check).status());
    SHEAF_RETURN_IF_ERROR(status);
    if (count != list.count())
      Problem(absl::StrCat(place, count, " edges, ", list.count(), " noted"));
    if (!list.key.in) counts_[type] += count;
    return absl::OkStatus();
  }

  absl::Status CheckEdgeDocument(const EdgeKey& edge) {
    SHEAF_ASSIGN_OR_RETURN(const std::string key,
                           document::EncodeBytesKey(EncodeEdgeKey(edge)));
    SHEAF_ASSIGN_OR_RETURN(const bool there, edge_documents_->SkipTo(key, [&] {
      Problem("properties of no edge");
    }));
    const std::string place =
        absl::StrCat("edge ", edge.from, " -> ", edge.to, ", type ", edge.type, ": ");
    if (!there) {
      Problem(place + "its properties are missing");
      return absl::OkStatus();
    }
    SHEAF_ASSIGN_OR_RETURN(const document::View document, edge_documents_->Take());
    std::optional<document::View> type;
    if (document.kind() == document::Kind::kObject) type = document.Field(kTypeField);
    if (!type || type->kind() != document::Kind::kString || !HasName(edge.type) ||
        type->string_value() != names_.names().NameOf(edge.type))
      Problem(place + "its type and its properties disagree");
    return absl::OkStatus();
  }

  absl::Status CheckCounts() {
    for (NameId type = 0; type < names_.names().size(); ++type) {
      const absl::StatusOr<uint64_t> noted = reader_->EdgeCount(type);
      if (!noted.ok()) {
        SHEAF_RETURN_IF_ERROR(Problem(noted.status()));
        continue;
      }
      const auto it = counts_.find(type);
      const uint64_t count = it == counts_.end() ? 0 : it->second;
      if (count != *noted)
        Problem(
            absl::StrCat("type ", type, ": has ", count, " edges, ", *noted, " noted"));
    }
    uint64_t blocks = 0;
    btree::TreeCursor cursor = parts_->NewCursor();
    for (cursor.Seek(kBlockKeys); cursor.Valid(); cursor.Next()) ++blocks;
    SHEAF_RETURN_IF_ERROR(cursor.status());
    if (blocks != blocks_)
      Problem(absl::StrCat(blocks, " blocks of edges, ", blocks_, " of vertices"));
    return absl::OkStatus();
  }

  // Looks for the other end of each edge.
  absl::Status FindDisagreements() {
    btree::DenseCursor cursor(vertices_.context(), &vertices_.root());
    uint64_t found = 0;
    std::vector<AdjacentEdge> edges;
    for (bool valid = cursor.Seek(0); valid; valid = cursor.Next()) {
      const VertexView vertex(cursor.key(), cursor.record());
      absl::Status status;
      SHEAF_RETURN_IF_ERROR(Problem(reader_->VisitEdges(
          vertex, Direction::kBoth, std::nullopt,
          [&](const ListKey& list, const AdjacencyView& some) {
            some.DecodeEdges(&edges);
            for (const AdjacentEdge& edge : edges) {
              const absl::StatusOr<bool> same = HasOtherEnd(vertex.id(), list, edge);
              status = same.status();
              if (!same.ok()) return false;
              if (*same) continue;
              ++found;
              const EdgeKey key = EdgeOf(vertex.id(), list, edge);
              Problem(absl::StrCat("edge ", key.from, " -> ", key.to, ", type ", key.type,
                                   " (", key.ordinal, "): its ends disagree"));
            }
            return true;
          })));
      SHEAF_RETURN_IF_ERROR(status);
    }
    if (found == 0) Problem("edges and their ends disagree");
    return cursor.status();
  }

  absl::StatusOr<bool> HasOtherEnd(VertexId vertex, const ListKey& list,
                                   const AdjacentEdge& edge) {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> other,
                           reader_->Find(edge.neighbour, &found));
    if (!other.has_value()) return false;
    const absl::StatusOr<std::optional<AdjacentEdge>> there =
        reader_->FindEdge(*other, {list.type, !list.in}, vertex, edge.ordinal);
    if (!there.ok())
      return IsProblem(there.status()) ? false : absl::StatusOr<bool>(there.status());
    if (!there->has_value()) return false;
    AdjacentEdge mirrored = **there;
    mirrored.neighbour = edge.neighbour;
    return SameEdge(mirrored, edge);
  }

  catalog::Store& store_;
  const catalog::Snapshot& snapshot_;
  const TreeRecord& record_;
  const TreeView vertices_;
  ProblemFn problem_;
  std::optional<TreeView> parts_;
  std::optional<GraphReader> reader_;
  document::Schema names_;
  std::optional<Documents> vertex_documents_, edge_documents_;
  uint64_t out_sum_ = 0, in_sum_ = 0, blocks_ = 0;
  std::map<NameId, uint64_t> counts_;  // by type
  std::vector<AdjacentEdge> edges_;
};

}  // namespace

absl::Status CheckGraphs(catalog::Store* store, const catalog::Snapshot& snapshot,
                         ProblemFn problem, TickFn tick) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeRecord> records, snapshot.ListTrees());
  uint64_t vertices = 0;
  for (const TreeRecord& record : records) {
    if (record.kind != TreeKind::kGraph) continue;
    GraphChecker checker(store, snapshot, record, problem);
    SHEAF_RETURN_IF_ERROR(checker.Run(&vertices, tick));
  }
  for (const TreeRecord& record : records) {
    if (record.kind != TreeKind::kGraphPart && record.kind != TreeKind::kPartCollection)
      continue;
    const std::optional<catalog::TreeId> graph = GraphOfPart(record.name);
    bool is_there = false;
    for (const TreeRecord& other : records)
      is_there |= graph == other.id &&
                  (other.kind == TreeKind::kGraph || other.kind == TreeKind::kVectors ||
                   other.kind == TreeKind::kBlobs);
    if (!is_there) problem(absl::StrCat("tree ", record.id, ": a part of nothing"));
  }
  return absl::OkStatus();
}

}  // namespace sheaf::graph
