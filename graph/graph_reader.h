// GraphReader: the vertices and edges of one graph, as a transaction sees them.
//
// A graph is two trees. Its own, a dense one, holds a record a vertex (vertex_record.h). A
// second one holds its parts:
//
//   key                             value
//   01 …                            names of labels and types (document/schema.h)
//   02, type (4)                    edges of that type (8, little-endian)
//   03, vertex (8), 0: out / 1: in  a block of a large list: adjacency.h. The key says the
//   (1), type (4), neighbour (8),   least edge that belongs into it; that of the first
//   ordinal (4)                     block of a list is 0, 0
//
// Numbers in keys are big-endian. Its name is the graph's tree's id (PartsName).
//
// Belongs to its transaction and ends with it. Thread-compatible.
#ifndef GRAPH_GRAPH_READER_H_
#define GRAPH_GRAPH_READER_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/dense_reader.h"
#include "catalog/tree_view.h"
#include "graph/adjacency.h"
#include "graph/direction.h"
#include "graph/overlay.h"
#include "graph/vertex_record.h"

namespace sheaf::graph {

// An edge, wherever it is looked at from.
struct EdgeKey {
  VertexId from = 0;
  NameId type = 0;
  VertexId to = 0;
  uint32_t ordinal = 0;
};

inline EdgeKey EdgeOf(VertexId vertex, const ListKey& list, const AdjacentEdge& edge) {
  return list.in ? EdgeKey{edge.neighbour, list.type, vertex, edge.ordinal}
                 : EdgeKey{vertex, list.type, edge.neighbour, edge.ordinal};
}

// The key of an edge's properties: from (8), type (4), to (8), ordinal (4), big-endian.
std::string EncodeEdgeKey(const EdgeKey& edge);
std::optional<EdgeKey> DecodeEdgeKey(std::string_view key);

// What the trees of a graph are called besides that of its vertices.
std::string PartsName(catalog::TreeId graph);
std::string VertexDocumentsName(catalog::TreeId graph);
std::string EdgeDocumentsName(catalog::TreeId graph);
std::optional<catalog::TreeId> GraphOfPart(std::string_view name);

inline constexpr std::string_view kBlockKeys =
    "\x03";  // what the keys of blocks begin with

std::string CountKey(NameId type);
// Of a block; without neighbour and ordinal what the keys of all of a list begin with, and
// of a vertex without more what those of all its lists do.
std::string VertexPrefix(VertexId vertex);
std::string ListPrefix(VertexId vertex, const ListKey& list);
std::string BlockKey(VertexId vertex, const ListKey& list, VertexId neighbour,
                     uint32_t ordinal);
// Neighbour and ordinal in the key of a block.
std::pair<VertexId, uint32_t> PlaceOfBlockKey(std::string_view key);
// Makes sure that records are looked at when their pages are read. Before any file with a
// graph is opened; again does no harm.
void RegisterRecords();

// Calls `fn(list, edges)` for each block of a large list, ascending, which `cursor`, over the
// tree of parts, goes through. False: `fn` ended it. kDataLoss: there is none.
using PieceFn = absl::FunctionRef<bool(const ListKey&, const AdjacencyView&)>;
absl::StatusOr<bool> VisitBlocks(btree::TreeCursor cursor, VertexId vertex,
                                 const ListKey& list, PieceFn fn);

class GraphReader {
 public:
  // Both outlive it.
  GraphReader(const catalog::TreeView* graph, const catalog::TreeView* parts)
      : graph_(*graph), parts_(*parts) {}
  // Without what `overlay` hides, which outlives it; null: all.
  void set_overlay(const Overlay* overlay) { overlay_ = overlay; }

  // Of records in the file: good while `found` keeps the page.
  absl::StatusOr<std::optional<VertexView>> Find(VertexId vertex,
                                                 btree::Found* found) const;
  // Calls `fn(i, record)` as btree::DenseReader::Visit does.
  template <class Fn>
  absl::Status VisitRecords(absl::Span<const VertexId> vertices, Fn&& fn) const {
    const btree::DenseReader reader(graph_.context(), graph_.root());
    if (overlay_ == nullptr) [[likely]]
      return reader.Visit(vertices, fn);
    return reader.Visit(vertices, [&](size_t i, std::string_view record) {
      record = Shown(vertices[i], record);
      if (!record.empty()) fn(i, record);
    });
  }
  // What is to be seen of a record; empty: nothing.
  std::string_view Shown(VertexId vertex, std::string_view record) const {
    return overlay_ == nullptr ? record : overlay_->Shown(vertex, record);
  }
  bool IsGone(VertexId vertex) const {
    return overlay_ != nullptr && overlay_->IsGone(vertex);
  }
  uint64_t vertex_count() const {
    return graph_.root().entries - (overlay_ == nullptr ? 0 : overlay_->vertices_gone());
  }
  absl::StatusOr<uint64_t> EdgeCount(NameId type) const;

  // Calls `fn(key, edges)` for each piece of the vertex's lists: one of a small list, a few
  // hundred edges of a large one, ascending. False ends it. The views are good in the call.
  using PieceFn = graph::PieceFn;
  absl::Status VisitEdges(const VertexView& vertex, Direction direction,
                          std::optional<NameId> type, PieceFn fn) const;
  // The same of one list of a vertex. False: `fn` ended it.
  absl::StatusOr<bool> VisitList(VertexId vertex, const VertexView::List& list,
                                 PieceFn fn) const;
  // The edge, if it is there.
  absl::StatusOr<std::optional<AdjacentEdge>> FindEdge(const VertexView& vertex,
                                                       const ListKey& list,
                                                       VertexId neighbour,
                                                       uint32_t ordinal) const;
  // Calls `fn(edge)` for each edge of a list of the vertex to `neighbour`, by ordinal. O(log
  // of the list).
  absl::Status VisitEdgesTo(const VertexView& vertex, const VertexView::List& list,
                            VertexId neighbour,
                            absl::FunctionRef<void(const AdjacentEdge&)> fn) const;
  // One more than the highest ordinal of the edges to `neighbour` in blocks of a large list,
  // in that of `place` or before it; 0: there is none.
  absl::StatusOr<uint64_t> OrdinalEnd(VertexId vertex, const ListKey& list,
                                      VertexId neighbour, uint32_t place) const;
  // The block of a large list into which the edge belongs. kDataLoss: there is none.
  absl::Status FindBlock(VertexId vertex, const ListKey& list, VertexId neighbour,
                         uint32_t ordinal, std::string* key, std::string* block) const;

  const catalog::TreeView& graph() const { return graph_; }
  const catalog::TreeView& parts() const { return parts_; }

 private:
  const catalog::TreeView& graph_;
  const catalog::TreeView& parts_;
  const Overlay* overlay_ = nullptr;
};

}  // namespace sheaf::graph
#endif  // GRAPH_GRAPH_READER_H_
