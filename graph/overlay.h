// Overlay: a graph without some of its vertices and edges, for those who only read it: those
// that have expired and are not removed yet. Vertices that lose edges by it are shown by
// records of its own, in which all lists stand, however long they are; others where they lie.
//
// Costs memory for each vertex that goes, and for the lists of its neighbours. Immutable.
#ifndef GRAPH_OVERLAY_H_
#define GRAPH_OVERLAY_H_
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graph/adjacency.h"
#include "graph/vertex_record.h"

namespace sheaf::graph {

struct EdgeKey;
class GraphReader;

class Overlay {
 public:
  // `reader` has none. What is not there is left out. `*with_them`: edges that go with
  // vertices, and have properties.
  static absl::StatusOr<std::unique_ptr<const Overlay>> Make(
      const GraphReader& reader, absl::Span<const VertexId> vertices,
      absl::Span<const EdgeKey> edges, std::vector<EdgeKey>* with_them);

  // What is to be seen of a record; empty: nothing.
  std::string_view Shown(VertexId vertex, std::string_view record) const {
    const auto it = records_.find(vertex);
    return it == records_.end() ? record : std::string_view(it->second);
  }
  bool IsGone(VertexId vertex) const {
    const auto it = records_.find(vertex);
    return it != records_.end() && it->second.empty();
  }
  uint64_t vertices_gone() const { return vertices_gone_; }
  uint64_t EdgesGone(NameId type) const {
    const auto it = edges_gone_.find(type);
    return it == edges_gone_.end() ? 0 : it->second;
  }

 private:
  class Maker;
  absl::flat_hash_map<VertexId, std::string> records_;  // empty: it is gone
  uint64_t vertices_gone_ = 0;
  std::map<NameId, uint64_t> edges_gone_;
};

}  // namespace sheaf::graph
#endif  // GRAPH_OVERLAY_H_
