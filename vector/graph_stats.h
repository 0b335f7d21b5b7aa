// What the graph of an index looks like.
#ifndef VECTOR_GRAPH_STATS_H_
#define VECTOR_GRAPH_STATS_H_
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

struct GraphStats {
  uint64_t pending = 0;  // vectors that have no node
  uint64_t nodes = 0, links = 0;
  std::vector<uint64_t> nodes_by_level;  // those whose highest level it is
  uint64_t unreachable = 0;              // on level 0, from the entry point
};
absl::StatusOr<GraphStats> MeasureGraph(const VectorReader& reader,
                                        absl::FunctionRef<absl::Status(uint64_t)> tick);

}  // namespace sheaf::vectors
#endif  // VECTOR_GRAPH_STATS_H_
