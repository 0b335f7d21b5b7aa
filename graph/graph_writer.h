// GraphWriter: the vertices and edges of one graph in a write transaction. Properties are
// documents beside it, which whoever calls keeps in step (api/graph.cc).
//
// What is refused (kInvalidArgument, kNotFound, kFailedPrecondition) changes nothing.
// Belongs to its transaction and ends with it. Thread-compatible.
#ifndef GRAPH_GRAPH_WRITER_H_
#define GRAPH_GRAPH_WRITER_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "catalog/write_txn.h"
#include "document/collection_writer.h"
#include "graph/graph_reader.h"
#include "graph/vertex_record.h"

namespace sheaf::graph {

class GraphWriter {
 public:
  // All outlive it. `parts`: of the tree of parts, whose names are those of labels and types.
  GraphWriter(catalog::WriteTxn* txn, catalog::OpenTree* graph,
              document::CollectionWriter* parts)
      : graph_(*graph),
        parts_(*parts),
        graph_view_(txn, graph),
        parts_view_(parts->view()),
        reader_(&graph_view_, &parts_view_) {}

  const GraphReader& reader() const { return reader_; }

  // The number of a name; a new one if need be. kInvalidArgument: over 64 bytes, or there
  // are 4,096 others.
  absl::StatusOr<NameId> NameOf(std::string_view name);

  // Labels: any order. kInvalidArgument: over kLabelsMax.
  absl::StatusOr<VertexId> AddVertex(absl::Span<const NameId> labels);
  // Under a number of the caller's. kAlreadyExists.
  absl::Status AddVertexAs(VertexId vertex, absl::Span<const NameId> labels);
  absl::Status SetLabels(VertexId vertex, absl::Span<const NameId> labels);  // kNotFound
  // With its edges; `on_edge` hears of each that has properties. False: there is none.
  absl::StatusOr<bool> DeleteVertex(
      VertexId vertex, absl::FunctionRef<absl::Status(const EdgeKey&)> on_edge);

  // Returns the ordinal: one more than the highest of the edges of this type from `from` to
  // `to`. kNotFound: names the vertex that is missing.
  absl::StatusOr<uint32_t> AddEdge(VertexId from, NameId type, VertexId to, double weight,
                                   bool has_properties);
  // With the ordinal of the caller. False: it is there already. kNotFound.
  absl::StatusOr<bool> PutEdge(const EdgeKey& key, double weight, bool has_properties);
  // Replaces weight and mark. False: there is no such edge.
  absl::StatusOr<bool> SetEdge(const EdgeKey& key, double weight, bool has_properties);
  absl::StatusOr<bool> DeleteEdge(const EdgeKey& key);

 private:
  absl::StatusOr<std::optional<VertexRecord>> Read(VertexId vertex);
  absl::StatusOr<VertexRecord> ReadEnd(VertexId vertex);  // kNotFound
  absl::Status Store(VertexId vertex, const VertexRecord& record);
  absl::Status AddToCount(NameId type, int64_t delta);
  absl::StatusOr<uint32_t> NextOrdinal(VertexId vertex, VertexRecord* record,
                                       const ListKey& key, VertexId neighbour);

  // An edge that is not there. `source`: the record of key.from.
  absl::Status Insert(const EdgeKey& key, double weight, bool has_properties,
                      VertexRecord* source);
  // Of the list in `record`, which is stored afterwards.
  absl::Status InsertInto(VertexId vertex, VertexRecord* record, const ListKey& key,
                          const AdjacentEdge& edge);
  absl::StatusOr<bool> EraseFrom(VertexId vertex, VertexRecord* record,
                                 const ListKey& key, VertexId neighbour,
                                 uint32_t ordinal);
  // After a change of `list`: makes it, and others if need be, large.
  absl::Status Shrink(VertexId vertex, VertexRecord* record, VertexRecord::List* list);
  // Of the one that has the most bytes inline. False: none has.
  absl::StatusOr<bool> MakeLargestLarge(VertexId vertex, VertexRecord* record);
  absl::Status MakeLarge(VertexId vertex, VertexRecord::List* list);
  absl::Status MakeSmall(VertexId vertex, VertexRecord::List* list);
  absl::Status PutBlock(const std::string& key, std::string_view block);
  absl::Status StoreBlock(VertexId vertex, const ListKey& list, const std::string& key,
                          const std::string& block);

  catalog::OpenTree& graph_;
  document::CollectionWriter& parts_;
  const catalog::TreeView graph_view_, parts_view_;
  const GraphReader reader_;
};

}  // namespace sheaf::graph
#endif  // GRAPH_GRAPH_WRITER_H_
