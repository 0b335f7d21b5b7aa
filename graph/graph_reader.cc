#include "graph/graph_reader.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

void AppendBigEndian(std::string* out, uint64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) out->push_back(static_cast<char>(value >> 8 * i));
}

absl::Status NoBlock(VertexId vertex) {
  return absl::DataLossError(
      absl::StrCat("vertex ", vertex, ": a block of its edges is missing"));
}

uint64_t BigEndianAt(std::string_view key, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i)
    value = value << 8 | static_cast<uint8_t>(key[at + i]);
  return value;
}

bool AllBlocksAreValid(const btree::NodeView& leaf) {
  std::string key;
  for (uint32_t i = 0; i < leaf.count(); ++i) {
    leaf.KeyTo(i, &key);
    if (!key.starts_with(kBlockKeys)) continue;
    const btree::NodeView::LeafValue value = leaf.Value(i);
    if (key.size() < 1 + sizeof(VertexId) || value.is_large ||
        !ValidateAdjacency(value.bytes, BigEndianAt(key, 1, sizeof(VertexId))).ok())
      return false;
  }
  return true;
}

// Validates the block at which the cursor stands: all of its page once while that is in
// memory, since decoding a block takes as long as reading it.
absl::Status CheckBlock(btree::TreeCursor* cursor, VertexId vertex) {
  if (cursor->LeafIsChecked()) return absl::OkStatus();
  if (cursor->value().is_large) return NoBlock(vertex);
  SHEAF_RETURN_IF_ERROR(ValidateAdjacency(cursor->value().bytes, vertex));
  if (cursor->LeafStays() && AllBlocksAreValid(cursor->leaf())) cursor->MarkLeafChecked();
  return absl::OkStatus();
}

std::string PartName(catalog::TreeId graph, const char* part) {
  return absl::StrCat(std::string(catalog::kPartNamePrefix), graph, ".", part);
}

}  // namespace

std::string EncodeEdgeKey(const EdgeKey& edge) {
  std::string key;
  AppendBigEndian(&key, edge.from, 8);
  AppendBigEndian(&key, edge.type, 4);
  AppendBigEndian(&key, edge.to, 8);
  AppendBigEndian(&key, edge.ordinal, 4);
  return key;
}

std::optional<EdgeKey> DecodeEdgeKey(std::string_view key) {
  if (key.size() != 24) return std::nullopt;
  return EdgeKey{BigEndianAt(key, 0, 8), static_cast<NameId>(BigEndianAt(key, 8, 4)),
                 BigEndianAt(key, 12, 8), static_cast<uint32_t>(BigEndianAt(key, 20, 4))};
}

std::string PartsName(catalog::TreeId graph) { return PartName(graph, "parts"); }
std::string VertexDocumentsName(catalog::TreeId graph) {
  return PartName(graph, "vertices");
}
std::string EdgeDocumentsName(catalog::TreeId graph) { return PartName(graph, "edges"); }

std::optional<catalog::TreeId> GraphOfPart(std::string_view name) {
  catalog::TreeId id = 0;
  if (!name.starts_with(catalog::kPartNamePrefix)) return std::nullopt;
  name.remove_prefix(catalog::kPartNamePrefix.size());
  const size_t dot = name.find('.');
  if (dot == name.npos || !absl::SimpleAtoi({name.data(), dot}, &id)) return std::nullopt;
  return id;
}

std::string CountKey(NameId type) {
  std::string key = "\x02";
  AppendBigEndian(&key, type, 4);
  return key;
}

std::string VertexPrefix(VertexId vertex) {
  std::string key = "\x03";
  AppendBigEndian(&key, vertex, 8);
  return key;
}

std::string ListPrefix(VertexId vertex, const ListKey& list) {
  std::string key = VertexPrefix(vertex);
  key.push_back(list.in ? '\1' : '\0');
  AppendBigEndian(&key, list.type, 4);
  return key;
}

std::string BlockKey(VertexId vertex, const ListKey& list, VertexId neighbour,
                     uint32_t ordinal) {
  std::string key = ListPrefix(vertex, list);
  AppendBigEndian(&key, neighbour, 8);
  AppendBigEndian(&key, ordinal, 4);
  return key;
}

std::pair<VertexId, uint32_t> PlaceOfBlockKey(std::string_view key) {
  return {BigEndianAt(key, key.size() - 12, 8),
          static_cast<uint32_t>(BigEndianAt(key, key.size() - 4, 4))};
}

void RegisterRecords() {
  btree::SetRecordCheck(btree::DenseRecords::kVertices, ValidateVertexRecord);
}

absl::StatusOr<std::optional<VertexView>> GraphReader::Find(VertexId vertex,
                                                            btree::Found* found) const {
  const btree::DenseReader reader(graph_.context(), graph_.root());
  SHEAF_RETURN_IF_ERROR(reader.Find(vertex, found));
  if (!found->found) return std::optional<VertexView>();
  const std::string_view record = Shown(vertex, found->bytes);
  if (record.empty()) return std::optional<VertexView>();
  return std::optional<VertexView>(VertexView(vertex, record));
}

absl::StatusOr<uint64_t> GraphReader::EdgeCount(NameId type) const {
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(parts_.reader().Find(CountKey(type), &found));
  if (!found.found) return 0;
  if (found.is_large || found.bytes.size() != sizeof(uint64_t))
    return absl::DataLossError(
        absl::StrCat("graph: the number of edges of type ", type, " is malformed"));
  const uint64_t count = pager::DecodeFixed64(found.bytes.data());
  return overlay_ == nullptr ? count : count - overlay_->EdgesGone(type);
}

absl::StatusOr<bool> VisitBlocks(btree::TreeCursor cursor, VertexId vertex,
                                 const ListKey& list, PieceFn fn) {
  const std::string prefix = ListPrefix(vertex, list);
  bool any = false;
  for (cursor.Seek(prefix); cursor.Valid() && cursor.key().starts_with(prefix);
       cursor.Next()) {
    SHEAF_RETURN_IF_ERROR(CheckBlock(&cursor, vertex));
    any = true;
    if (!fn(list, AdjacencyView(cursor.value().bytes, vertex))) return false;
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  if (!any) return NoBlock(vertex);
  return true;
}

absl::StatusOr<bool> GraphReader::VisitList(VertexId vertex, const VertexView::List& list,
                                            PieceFn fn) const {
  if (list.key.large) return VisitBlocks(parts_.NewCursor(), vertex, list.key, fn);
  return fn(list.key, AdjacencyView(list.bytes, vertex));
}

absl::Status GraphReader::VisitEdges(const VertexView& vertex, Direction direction,
                                     std::optional<NameId> type, PieceFn fn) const {
  bool goes_on = true;
  absl::Status status;
  vertex.ForEachList([&](const VertexView::List& list) {
    if (!goes_on || !Includes(direction, list.key.in)) return;
    if (type.has_value() && *type != list.key.type) return;
    const absl::StatusOr<bool> all = VisitList(vertex.id(), list, fn);
    status = all.status();
    goes_on = all.ok() && *all;
  });
  return status;
}

absl::Status GraphReader::FindBlock(VertexId vertex, const ListKey& list,
                                    VertexId neighbour, uint32_t ordinal,
                                    std::string* key, std::string* block) const {
  btree::TreeCursor cursor = parts_.NewCursor();
  cursor.SeekAtOrBefore(BlockKey(vertex, list, neighbour, ordinal));
  SHEAF_RETURN_IF_ERROR(cursor.status());
  if (!cursor.Valid() || !cursor.key().starts_with(ListPrefix(vertex, list)))
    return NoBlock(vertex);
  SHEAF_RETURN_IF_ERROR(CheckBlock(&cursor, vertex));
  key->assign(cursor.key());
  block->assign(cursor.value().bytes);
  return absl::OkStatus();
}

absl::Status GraphReader::VisitEdgesTo(
    const VertexView& vertex, const VertexView::List& list, VertexId neighbour,
    absl::FunctionRef<void(const AdjacentEdge&)> fn) const {
  // Whether more may follow in the next block.
  const auto take = [&](const AdjacencyView& some) {
    uint32_t at = some.LowerBound(neighbour);
    const uint32_t end = some.LowerBound(neighbour + 1);
    for (; at < end; ++at)
      fn({neighbour, some.weight(at), some.ordinal(at), some.has_properties(at)});
    return end == some.count();
  };
  if (!list.key.large) {
    take(AdjacencyView(list.bytes, vertex.id()));
    return absl::OkStatus();
  }
  const std::string prefix = ListPrefix(vertex.id(), list.key);
  btree::TreeCursor cursor = parts_.NewCursor();
  cursor.SeekAtOrBefore(BlockKey(vertex.id(), list.key, neighbour, 0));
  bool goes_on = true;
  for (; goes_on && cursor.Valid() && cursor.key().starts_with(prefix); cursor.Next()) {
    SHEAF_RETURN_IF_ERROR(CheckBlock(&cursor, vertex.id()));
    goes_on = take(AdjacencyView(cursor.value().bytes, vertex.id()));
  }
  return cursor.status();
}

// Where the edges by which a block begins are gone, those that have the highest ordinals may
// be in blocks before it.
absl::StatusOr<uint64_t> GraphReader::OrdinalEnd(VertexId vertex, const ListKey& list,
                                                 VertexId neighbour,
                                                 uint32_t place) const {
  std::string key, block;
  while (true) {
    SHEAF_RETURN_IF_ERROR(FindBlock(vertex, list, neighbour, place, &key, &block));
    const AdjacencyView view(block, vertex);
    const uint32_t end = view.LowerBound(neighbour + 1);
    if (end > view.LowerBound(neighbour)) return uint64_t{view.ordinal(end - 1)} + 1;
    const auto [first, ordinal] = PlaceOfBlockKey(key);
    if (first != neighbour || ordinal == 0) return 0;
    place = ordinal - 1;
  }
}

absl::StatusOr<std::optional<AdjacentEdge>> GraphReader::FindEdge(
    const VertexView& vertex, const ListKey& wanted, VertexId neighbour,
    uint32_t ordinal) const {
  const std::optional<VertexView::List> list = vertex.FindList(wanted);
  if (!list.has_value()) return std::optional<AdjacentEdge>();
  std::string key, block;
  std::string_view bytes = list->bytes;
  if (list->key.large) {
    SHEAF_RETURN_IF_ERROR(
        FindBlock(vertex.id(), list->key, neighbour, ordinal, &key, &block));
    bytes = block;
  }
  const AdjacencyView view(bytes, vertex.id());
  const std::optional<uint32_t> at = view.Find(neighbour, ordinal);
  if (!at.has_value()) return std::optional<AdjacentEdge>();
  return std::optional<AdjacentEdge>(
      {neighbour, view.weight(*at), ordinal, view.has_properties(*at)});
}

}  // namespace sheaf::graph
