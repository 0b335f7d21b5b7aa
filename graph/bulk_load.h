// GraphLoader: adds many vertices and edges to a graph in one write transaction, in any
// order and within a bound of memory.
//
// Nothing changes until Finish. It brings vertices and half-edges into the order of the
// trees (half_edge_sorter.h) and goes through the graph once: the tree of the vertices is
// built anew beside the old one, which it takes the place of, and the transaction then
// commits by a checkpoint. Where little comes to much, the records of the vertices that
// get edges are changed instead, each once.
//
//   AddVertex, AddEdge… Finish. After an error there is only the destructor.
//
// Properties are documents beside the graph, which whoever calls keeps in step.
// Belongs to its transaction and ends with it. Thread-compatible.
#ifndef GRAPH_BULK_LOAD_H_
#define GRAPH_BULK_LOAD_H_
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/dense_reader.h"
#include "catalog/options.h"
#include "catalog/write_txn.h"
#include "document/collection_writer.h"
#include "graph/half_edge_sorter.h"
#include "graph/list_merger.h"

namespace sheaf::graph {

struct GraphLoaderOptions {
  size_t memory_bytes_max = size_t{256} << 20;  // of what is sorted
  uint64_t spill_bytes_max = UINT64_MAX;        // 24 or 32 bytes for each end of an edge
  bool seal_spill = false;                      // of a database that is encrypted
  // Of an edge whose end is no vertex: kNotFound, or it becomes one, without labels.
  enum class UnknownEnd { kRefuse, kCreate } unknown_end = UnknownEnd::kRefuse;
  enum class Way { kBest, kInPlace, kAnew } way = Way::kBest;
  // What positions count, for messages: "edge 7: no vertex 12".
  std::string position_name = "edge";
  Progress progress;
};

struct GraphLoaderCounts {
  uint64_t vertices = 0, edges = 0;  // that were added
  uint64_t created = 0;              // of the vertices: ends of edges
  uint64_t spilled_bytes = 0;
};

class GraphLoader {
 public:
  // All outlive it. `parts`: as for GraphWriter. `open`: makes the temporary file.
  GraphLoader(catalog::WriteTxn* txn, catalog::OpenTree* graph,
              document::CollectionWriter* parts, document::SpillFile open,
              GraphLoaderOptions options);

  // `position`: where in the input it is, from 0, below 2^40. Of parallel edges the order
  // in which they are added counts. Labels: ascending, each once. kInvalidArgument: an id
  // of 2^53 or more, a weight that is not finite.
  absl::Status AddVertex(VertexId vertex, absl::Span<const NameId> labels,
                         uint64_t position);
  absl::Status AddEdge(VertexId from, NameId type, VertexId to, double weight,
                       bool has_properties, uint64_t position);

  // `on_edge` hears of each edge that has properties, ascending by (from, type, to) and in
  // the order in which they were added; `on_created` of each vertex that is made for an
  // edge, ascending. They may change other trees.
  // kNotFound, kAlreadyExists: name the position. kCancelled, kDeadlineExceeded. What fails
  // leaves the graph as it was, unless the transaction can only be rolled back.
  using EdgeFn = absl::FunctionRef<absl::Status(const EdgeKey&)>;
  using VertexFn = absl::FunctionRef<absl::Status(VertexId)>;
  absl::Status Finish(EdgeFn on_edge, VertexFn on_created);

  const GraphLoaderCounts& counts() const { return counts_; }

 private:
  struct Listeners {
    EdgeFn on_edge;
    VertexFn on_created;
  };
  using Labels = absl::InlinedVector<NameId, 4>;

  absl::Status TickAdding();
  absl::Status TickWriting();
  absl::Status Load(const Listeners& listeners);
  bool IsBetterAnew() const;
  absl::Status LoadAnew(const Listeners& listeners);
  absl::Status LoadInPlace(const Listeners& listeners);
  absl::Status StoreCounts();

  // The half-edge or vertex that comes next; null behind the last.
  const HalfEdge* Peek() const { return at_ < chunk_.size() ? &chunk_[at_] : nullptr; }
  absl::Status Advance();
  // Of the vertex that comes next, all of it. `old`: its record, if there is one.
  absl::Status MakeRecord(std::optional<std::string_view> old,
                          const Listeners& listeners);
  absl::Status TakeVertex(VertexId vertex, bool exists, VertexRecord* record,
                          VertexFn on_created);
  absl::Status TakeList(VertexId vertex, VertexRecord* record, EdgeFn on_edge);
  absl::Status At(uint64_t position, const absl::Status& status) const;

  catalog::WriteTxn& txn_;
  catalog::OpenTree& graph_;
  document::CollectionWriter& parts_;
  const GraphLoaderOptions options_;
  const catalog::TreeView graph_view_, parts_view_;
  const GraphReader reader_;
  ListMerger merger_;
  HalfEdgeSorter sorter_;

  absl::flat_hash_map<std::string, uint64_t> label_set_numbers_;
  std::vector<Labels> label_sets_;
  std::vector<uint64_t> edges_by_type_;
  uint64_t until_tick_ = 0;
  VertexId vertex_end_ = 0;  // above all that there are

  absl::Span<const HalfEdge> chunk_;
  size_t at_ = 0;
  uint64_t taken_ = 0;  // half-edges and vertices
  std::string record_;
  GraphLoaderCounts counts_;
};

}  // namespace sheaf::graph
#endif  // GRAPH_BULK_LOAD_H_
