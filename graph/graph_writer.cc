#include "graph/graph_writer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/selection.h"
#include "pager/status_macros.h"

namespace sheaf::graph {

using btree::BTree;

namespace {

// A large list of so few edges comes back into the record.
constexpr uint64_t kSmallCount = 64;

// Even if all of its lists are large a record must fit its tree.
absl::Status CheckRoom(VertexId vertex, VertexRecord* record, const ListKey& key) {
  bool found = false;
  record->Find(key, &found);
  if (found || record->lists.size() < kListsMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("vertex ", vertex, " has edges of ", kListsMax,
                   " types and directions; more are not allowed"));
}

absl::StatusOr<absl::InlinedVector<NameId, 4>> SortedLabels(
    absl::Span<const NameId> labels) {
  absl::InlinedVector<NameId, 4> sorted(labels.begin(), labels.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  if (sorted.size() > kLabelsMax)
    return absl::InvalidArgumentError(absl::StrCat(
        sorted.size(), " labels of one vertex; ", kLabelsMax, " are allowed"));
  return sorted;
}

}  // namespace

// --- Names and records --------------------------------------------------------

absl::StatusOr<NameId> GraphWriter::NameOf(std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<document::Schema> schema, parts_.schema());
  if (!name.empty())
    if (const std::optional<uint32_t> id = schema->names().Intern(name)) return *id;
  return absl::InvalidArgumentError(
      absl::StrCat("the label or type ", std::string(name.substr(0, 80)),
                   name.empty() ? ": is empty"
                   : name.size() > document::NameTable::kNameBytesMax
                       ? ": is longer than 64 bytes"
                       : ": is one too many: a graph has at most 4,096"));
}

absl::StatusOr<std::optional<VertexRecord>> GraphWriter::Read(VertexId vertex) {
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                         reader_.Find(vertex, &found));
  if (!view.has_value()) return std::optional<VertexRecord>();
  return std::optional<VertexRecord>(VertexRecord(*view));
}

absl::StatusOr<VertexRecord> GraphWriter::ReadEnd(VertexId vertex) {
  SHEAF_ASSIGN_OR_RETURN(std::optional<VertexRecord> record, Read(vertex));
  if (!record.has_value()) return NoVertex(vertex);
  return *std::move(record);
}

absl::Status GraphWriter::Store(VertexId vertex, const VertexRecord& record) {
  SHEAF_RETURN_IF_ERROR(parts_.StoreNames());
  bool existed = false;
  return graph_.PutStored(catalog::EncodeDenseKey(vertex), record.Encode(),
                          BTree::PutMode::kUpsert, &existed);
}

absl::Status GraphWriter::AddToCount(NameId type, int64_t delta) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t before, reader_.EdgeCount(type));
  char bytes[sizeof(uint64_t)];
  pager::EncodeFixed64(bytes, before + static_cast<uint64_t>(delta));
  return PutBlock(CountKey(type), {bytes, sizeof bytes});
}

// --- Vertices -----------------------------------------------------------------

absl::StatusOr<VertexId> GraphWriter::AddVertex(absl::Span<const NameId> labels) {
  const VertexId vertex = graph_.record().counter;
  SHEAF_RETURN_IF_ERROR(AddVertexAs(vertex, labels));
  return vertex;
}

absl::Status GraphWriter::AddVertexAs(VertexId vertex, absl::Span<const NameId> labels) {
  VertexRecord record;
  SHEAF_ASSIGN_OR_RETURN(record.labels, SortedLabels(labels));
  SHEAF_RETURN_IF_ERROR(parts_.StoreNames());
  bool existed = false;
  SHEAF_RETURN_IF_ERROR(graph_.PutStored(catalog::EncodeDenseKey(vertex), record.Encode(),
                                         BTree::PutMode::kInsertOnly, &existed));
  if (existed)
    return absl::AlreadyExistsError(absl::StrCat("vertex ", vertex, " exists already"));
  return vertex < graph_.record().counter ? absl::OkStatus()
                                          : graph_.SetCounter(vertex + 1);
}

absl::Status GraphWriter::SetLabels(VertexId vertex, absl::Span<const NameId> labels) {
  SHEAF_ASSIGN_OR_RETURN(VertexRecord record, ReadEnd(vertex));
  SHEAF_ASSIGN_OR_RETURN(record.labels, SortedLabels(labels));
  return Store(vertex, record);
}

absl::StatusOr<bool> GraphWriter::DeleteVertex(
    VertexId vertex, absl::FunctionRef<absl::Status(const EdgeKey&)> on_edge) {
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                         reader_.Find(vertex, &found));
  if (!view.has_value()) return false;
  struct Edge {
    ListKey list;
    AdjacentEdge end;
  };
  std::vector<Edge> edges;
  std::vector<AdjacentEdge> piece;
  bool has_blocks = false;
  SHEAF_RETURN_IF_ERROR(
      reader_.VisitEdges(*view, Direction::kBoth, std::nullopt,
                         [&](const ListKey& list, const AdjacencyView& some) {
                           has_blocks = has_blocks || list.large;
                           some.DecodeEdges(&piece);
                           for (const AdjacentEdge& end : piece)
                             edges.push_back({list, end});
                           return true;
                         }));
  found.pin.Reset();
  std::map<NameId, int64_t> counts;
  for (const auto& [list, end] : edges) {
    const bool loop = end.neighbour == vertex;
    if (loop && list.in) continue;  // seen going out
    --counts[list.type];
    if (end.has_properties) SHEAF_RETURN_IF_ERROR(on_edge(EdgeOf(vertex, list, end)));
    if (loop) continue;
    SHEAF_ASSIGN_OR_RETURN(VertexRecord other, ReadEnd(end.neighbour));
    SHEAF_RETURN_IF_ERROR(
        EraseFrom(end.neighbour, &other, {list.type, !list.in}, vertex, end.ordinal)
            .status());
    SHEAF_RETURN_IF_ERROR(Store(end.neighbour, other));
  }
  if (has_blocks) {
    const std::string behind = VertexPrefix(vertex + 1);
    SHEAF_RETURN_IF_ERROR(
        parts_.tree().DeleteRange(VertexPrefix(vertex), &behind).status());
  }
  for (const auto& [type, delta] : counts) SHEAF_RETURN_IF_ERROR(AddToCount(type, delta));
  return graph_.Delete(catalog::EncodeDenseKey(vertex));
}

// --- Edges --------------------------------------------------------------------

absl::StatusOr<uint32_t> GraphWriter::NextOrdinal(VertexId vertex, VertexRecord* record,
                                                  const ListKey& key,
                                                  VertexId neighbour) {
  bool found = false;
  const auto list = record->Find(key, &found);
  if (!found) return 0;
  uint64_t next = 0;
  if (list->key.large) {
    SHEAF_ASSIGN_OR_RETURN(next,
                           reader_.OrdinalEnd(vertex, list->key, neighbour, UINT32_MAX));
  } else {
    const AdjacencyView view(list->bytes, vertex);
    const uint32_t end = view.LowerBound(neighbour + 1);
    if (end > view.LowerBound(neighbour)) next = uint64_t{view.ordinal(end - 1)} + 1;
  }
  if (next > UINT32_MAX)
    return absl::ResourceExhaustedError(absl::StrCat("the edges from ", vertex, " to ",
                                                     neighbour, " have no ordinal left"));
  return static_cast<uint32_t>(next);
}

absl::StatusOr<uint32_t> GraphWriter::AddEdge(VertexId from, NameId type, VertexId to,
                                              double weight, bool has_properties) {
  SHEAF_ASSIGN_OR_RETURN(VertexRecord source, ReadEnd(from));
  SHEAF_ASSIGN_OR_RETURN(const uint32_t ordinal,
                         NextOrdinal(from, &source, {type, false}, to));
  SHEAF_RETURN_IF_ERROR(
      Insert({from, type, to, ordinal}, weight, has_properties, &source));
  return ordinal;
}

absl::StatusOr<bool> GraphWriter::PutEdge(const EdgeKey& key, double weight,
                                          bool has_properties) {
  SHEAF_ASSIGN_OR_RETURN(VertexRecord source, ReadEnd(key.from));
  const std::string record = source.Encode();
  SHEAF_ASSIGN_OR_RETURN(const std::optional<AdjacentEdge> there,
                         reader_.FindEdge(VertexView(key.from, record), {key.type, false},
                                          key.to, key.ordinal));
  if (there.has_value()) return false;
  SHEAF_RETURN_IF_ERROR(Insert(key, weight, has_properties, &source));
  return true;
}

absl::Status GraphWriter::Insert(const EdgeKey& key, double weight, bool has_properties,
                                 VertexRecord* source) {
  std::optional<VertexRecord> other;
  if (key.to != key.from) {
    SHEAF_ASSIGN_OR_RETURN(other, ReadEnd(key.to));
  }
  VertexRecord* const target = other.has_value() ? &*other : source;
  const ListKey out{key.type, false}, in{key.type, true};
  SHEAF_RETURN_IF_ERROR(CheckRoom(key.from, source, out));
  SHEAF_RETURN_IF_ERROR(CheckRoom(key.to, target, in));
  SHEAF_RETURN_IF_ERROR(
      InsertInto(key.from, source, out, {key.to, weight, key.ordinal, has_properties}));
  SHEAF_RETURN_IF_ERROR(
      InsertInto(key.to, target, in, {key.from, weight, key.ordinal, has_properties}));
  SHEAF_RETURN_IF_ERROR(Store(key.from, *source));
  if (other.has_value()) SHEAF_RETURN_IF_ERROR(Store(key.to, *other));
  return AddToCount(key.type, 1);
}

absl::StatusOr<bool> GraphWriter::SetEdge(const EdgeKey& key, double weight,
                                          bool has_properties) {
  const ListKey out{key.type, false}, in{key.type, true};
  SHEAF_ASSIGN_OR_RETURN(std::optional<VertexRecord> source, Read(key.from));
  if (!source.has_value()) return false;
  // An edge that is inserted where it is, is replaced.
  SHEAF_ASSIGN_OR_RETURN(const bool there,
                         EraseFrom(key.from, &*source, out, key.to, key.ordinal));
  if (!there) return false;
  SHEAF_RETURN_IF_ERROR(
      InsertInto(key.from, &*source, out, {key.to, weight, key.ordinal, has_properties}));
  std::optional<VertexRecord> target;
  if (key.to != key.from) {
    SHEAF_ASSIGN_OR_RETURN(target, ReadEnd(key.to));
  }
  VertexRecord* const end = target.has_value() ? &*target : &*source;
  SHEAF_RETURN_IF_ERROR(EraseFrom(key.to, end, in, key.from, key.ordinal).status());
  SHEAF_RETURN_IF_ERROR(
      InsertInto(key.to, end, in, {key.from, weight, key.ordinal, has_properties}));
  SHEAF_RETURN_IF_ERROR(Store(key.from, *source));
  if (target.has_value()) SHEAF_RETURN_IF_ERROR(Store(key.to, *target));
  return true;
}

absl::StatusOr<bool> GraphWriter::DeleteEdge(const EdgeKey& key) {
  SHEAF_ASSIGN_OR_RETURN(std::optional<VertexRecord> source, Read(key.from));
  if (!source.has_value()) return false;
  SHEAF_ASSIGN_OR_RETURN(
      const bool there,
      EraseFrom(key.from, &*source, {key.type, false}, key.to, key.ordinal));
  if (!there) return false;
  std::optional<VertexRecord> target;
  if (key.to != key.from) {
    SHEAF_ASSIGN_OR_RETURN(target, ReadEnd(key.to));
  }
  SHEAF_RETURN_IF_ERROR(EraseFrom(key.to, target.has_value() ? &*target : &*source,
                                  {key.type, true}, key.from, key.ordinal)
                            .status());
  SHEAF_RETURN_IF_ERROR(Store(key.from, *source));
  if (target.has_value()) SHEAF_RETURN_IF_ERROR(Store(key.to, *target));
  SHEAF_RETURN_IF_ERROR(AddToCount(key.type, -1));
  return true;
}

// --- Lists --------------------------------------------------------------------

absl::Status GraphWriter::PutBlock(const std::string& key, std::string_view block) {
  bool existed = false;
  return parts_.Put(key, block, BTree::PutMode::kUpsert, &existed);
}

// Two, where it has become too long.
absl::Status GraphWriter::StoreBlock(VertexId vertex, const ListKey& list,
                                     const std::string& key, const std::string& block) {
  if (block.size() <= kBlockBytesMax) return PutBlock(key, block);
  std::string lower, upper;
  const AdjacentEdge first = AdjacencySplit(AdjacencyView(block, vertex), &lower, &upper);
  SHEAF_RETURN_IF_ERROR(StoreBlock(vertex, list, key, lower));
  return StoreBlock(vertex, list, BlockKey(vertex, list, first.neighbour, first.ordinal),
                    upper);
}

absl::Status GraphWriter::MakeLarge(VertexId vertex, VertexRecord::List* list) {
  list->key.large = true;
  const std::string all =
      std::exchange(list->bytes, EncodeCount(AdjacencyView(list->bytes, vertex).count()));
  return StoreBlock(vertex, list->key, BlockKey(vertex, list->key, 0, 0), all);
}

absl::Status GraphWriter::MakeSmall(VertexId vertex, VertexRecord::List* list) {
  std::vector<AdjacentEdge> all, piece;
  VertexRecord only;
  only.lists = {*list};
  const std::string record = only.Encode();
  SHEAF_RETURN_IF_ERROR(
      reader_.VisitEdges(VertexView(vertex, record), Direction::kBoth, std::nullopt,
                         [&](const ListKey&, const AdjacencyView& some) {
                           some.DecodeEdges(&piece);
                           all.insert(all.end(), piece.begin(), piece.end());
                           return true;
                         }));
  const std::string begin = ListPrefix(vertex, list->key);
  ListKey next = list->key;
  ++next.type;
  const std::string end = ListPrefix(vertex, next);
  SHEAF_RETURN_IF_ERROR(parts_.tree().DeleteRange(begin, &end).status());
  list->key.large = false;
  list->bytes.clear();
  EncodeAdjacency(all, vertex, &list->bytes);
  return absl::OkStatus();
}

absl::StatusOr<bool> GraphWriter::MakeLargestLarge(VertexId vertex,
                                                   VertexRecord* record) {
  VertexRecord::List* largest = nullptr;
  for (VertexRecord::List& list : record->lists)
    if (!list.key.large &&
        (largest == nullptr || list.bytes.size() > largest->bytes.size()))
      largest = &list;
  if (largest == nullptr) return false;
  SHEAF_RETURN_IF_ERROR(MakeLarge(vertex, largest));
  return true;
}

absl::Status GraphWriter::Shrink(VertexId vertex, VertexRecord* record,
                                 VertexRecord::List* list) {
  if (!list->key.large && list->bytes.size() > kListBytesMax)
    SHEAF_RETURN_IF_ERROR(MakeLarge(vertex, list));
  while (record->bytes_max() > kRecordBytesMax) {
    SHEAF_ASSIGN_OR_RETURN(const bool done, MakeLargestLarge(vertex, record));
    if (!done) break;
  }
  return absl::OkStatus();
}

absl::Status GraphWriter::InsertInto(VertexId vertex, VertexRecord* record,
                                     const ListKey& key, const AdjacentEdge& edge) {
  bool found = false;
  auto list = record->Find(key, &found);
  if (!found) {
    list = record->lists.insert(list, {key, {}});
    EncodeAdjacency({&edge, 1}, vertex, &list->bytes);
  } else if (list->key.large) {
    std::string block_key, block, changed;
    SHEAF_RETURN_IF_ERROR(reader_.FindBlock(vertex, list->key, edge.neighbour,
                                            edge.ordinal, &block_key, &block));
    AdjacencyInsert(AdjacencyView(block, vertex), edge, &changed);
    SHEAF_RETURN_IF_ERROR(StoreBlock(vertex, list->key, block_key, changed));
    list->bytes = EncodeCount(VertexView::List{list->key, list->bytes}.count() + 1);
  } else {
    std::string changed;
    AdjacencyInsert(AdjacencyView(list->bytes, vertex), edge, &changed);
    list->bytes = std::move(changed);
  }
  return Shrink(vertex, record, &*list);
}

absl::StatusOr<bool> GraphWriter::EraseFrom(VertexId vertex, VertexRecord* record,
                                            const ListKey& key, VertexId neighbour,
                                            uint32_t ordinal) {
  bool found = false;
  const auto list = record->Find(key, &found);
  if (!found) return false;
  std::string changed;
  if (!list->key.large) {
    if (!AdjacencyErase(AdjacencyView(list->bytes, vertex), neighbour, ordinal, &changed))
      return false;
    list->bytes = std::move(changed);
    // Ordinals that were counted may have to be written now: it can be longer.
    if (AdjacencyView(list->bytes, vertex).empty())
      record->lists.erase(list);
    else
      SHEAF_RETURN_IF_ERROR(Shrink(vertex, record, &*list));
    return true;
  }
  std::string block_key, block;
  SHEAF_RETURN_IF_ERROR(
      reader_.FindBlock(vertex, list->key, neighbour, ordinal, &block_key, &block));
  if (!AdjacencyErase(AdjacencyView(block, vertex), neighbour, ordinal, &changed))
    return false;
  // That of the first block stays, whatever it holds: others are found by it.
  const bool is_first = block_key == BlockKey(vertex, list->key, 0, 0);
  if (AdjacencyView(changed, vertex).empty() && !is_first)
    SHEAF_RETURN_IF_ERROR(parts_.tree().Delete(block_key).status());
  else
    SHEAF_RETURN_IF_ERROR(StoreBlock(vertex, list->key, block_key, changed));
  const uint64_t count = VertexView::List{list->key, list->bytes}.count() - 1;
  list->bytes = EncodeCount(count);
  if (count > kSmallCount) return true;
  SHEAF_RETURN_IF_ERROR(MakeSmall(vertex, &*list));
  SHEAF_RETURN_IF_ERROR(Shrink(vertex, record, &*list));  // with weights it may not fit
  return true;
}

}  // namespace sheaf::graph
