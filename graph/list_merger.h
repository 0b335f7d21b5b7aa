// ListMerger: adds edges, in ascending order, to one list of a vertex: the list is read
// and written once, and of a large one only the blocks into which edges come.
//
// Belongs to its write transaction. Thread-compatible.
#ifndef GRAPH_LIST_MERGER_H_
#define GRAPH_LIST_MERGER_H_
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/collection_writer.h"
#include "graph/graph_reader.h"
#include "graph/vertex_record.h"

namespace sheaf::graph {

class ListMerger {
 public:
  // Both outlive it. `parts`: of the tree of parts that the reader reads.
  ListMerger(const GraphReader* reader, document::CollectionWriter* parts)
      : reader_(*reader), parts_(*parts) {}

  // The list in `record` to which the edges come, or a new one.
  absl::Status Begin(VertexId vertex, VertexRecord* record, const ListKey& key);
  // Returns the edge's ordinal: one more than the highest of those to this neighbour.
  // Requires: no neighbour is below the one before it.
  absl::StatusOr<uint32_t> Add(VertexId neighbour, double weight, bool has_properties);
  absl::Status End();

  // Cuts the largest list of the record that is not large into blocks, until the record is
  // as small as it has to be.
  absl::Status Shrink(VertexId vertex, VertexRecord* record);

 private:
  using Place = std::pair<VertexId, uint32_t>;  // neighbour, ordinal

  absl::Status BeginNeighbour(VertexId neighbour);
  absl::Status LoadBlock(const Place& place);
  void TakeOldBelow(const Place& place);
  absl::Status WriteBlocks(bool to_end);
  absl::Status WriteBlock(size_t begin, size_t count);
  size_t CountThatFits(size_t begin, size_t count);

  const GraphReader& reader_;
  document::CollectionWriter& parts_;

  VertexId vertex_ = 0;
  VertexRecord::List* list_ = nullptr;
  uint64_t count_ = 0;
  std::optional<VertexId> neighbour_;  // of the edges that are being added
  uint64_t ordinal_ = 0;               // of the next one to it

  bool loaded_ = false;       // of a large list: a block
  Place begin_;               // by its key
  std::optional<Place> end_;  // of the next block; none: there is none
  std::vector<AdjacentEdge> old_, merged_;
  size_t old_at_ = 0;          // those before it are merged
  double edges_a_byte_ = 0.5;  // of the block written last
  std::string block_;
};

}  // namespace sheaf::graph
#endif  // GRAPH_LIST_MERGER_H_
