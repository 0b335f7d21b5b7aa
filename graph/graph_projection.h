// GraphProjection: vertices and edges of a snapshot, or some of them, in memory for the
// algorithms that look at all of them: compressed sparse rows.
//
// Vertices are numbered 0 to vertex_count() - 1 in the order of their ids. Out(v) are the
// heads of the edges that leave v, In(v) the tails of those that come to it, both
// ascending; parallel edges stand as often as there are, a loop once in each. In an
// undirected projection each edge stands at both its ends, in Out and In alike, a loop
// once.
//
// Memory: 4 bytes an edge and direction (12 with weights), 24 bytes a vertex. An
// undirected projection keeps one direction, of twice as many edges.
//
// Immutable: any number of threads.
#ifndef SHEAF_GRAPH_PROJECTION_H_
#define SHEAF_GRAPH_PROJECTION_H_
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sheaf {

using VertexId = uint64_t;
// The number of a vertex in a projection.
using VertexIndex = uint32_t;
inline constexpr VertexIndex kNoVertex = 0xffffffff;

class GraphProjection {
 public:
  enum class Edges : uint8_t { kDirected = 1, kUndirected = 2 };
  struct Edge {
    VertexIndex from = 0, to = 0;
    double weight = 1;
  };

  // One direction of all edges.
  struct Rows {
    std::vector<uint64_t> offsets;  // one more than vertices
    std::vector<VertexIndex> ends;
    std::vector<double> weights;  // none, or one an edge

    absl::Span<const VertexIndex> Of(VertexIndex v) const {
      return {ends.data() + offsets[v], offsets[v + 1] - offsets[v]};
    }
    absl::Span<const double> WeightsOf(VertexIndex v) const {
      return {weights.data() + offsets[v], offsets[v + 1] - offsets[v]};
    }
    uint64_t bytes() const {
      return offsets.capacity() * sizeof(uint64_t) +
             ends.capacity() * sizeof(VertexIndex) + weights.capacity() * sizeof(double);
    }
  };

  GraphProjection() = default;
  // From edges in any order. `ids`: ascending, one a vertex. kInvalidArgument: ids that do
  // not ascend, an end that is no vertex, a weight that is not finite.
  static absl::StatusOr<GraphProjection> Of(std::vector<VertexId> ids,
                                            absl::Span<const Edge> edges, Edges kind,
                                            bool weighted = false);

  // For the library: of rows that are what the above says, one a vertex. Undirected: `in` is
  // empty.
  static GraphProjection FromRows(std::vector<VertexId> ids, Rows out, Rows in,
                                  uint64_t edge_count, Edges kind, bool weighted);

  VertexIndex vertex_count() const { return static_cast<VertexIndex>(ids_.size()); }
  // Each once, also in an undirected projection.
  uint64_t edge_count() const { return edge_count_; }
  bool is_directed() const { return is_directed_; }
  bool is_weighted() const { return is_weighted_; }

  VertexId id(VertexIndex v) const { return ids_[v]; }
  // O(log n).
  std::optional<VertexIndex> Find(VertexId id) const;

  absl::Span<const VertexIndex> Out(VertexIndex v) const { return out_.Of(v); }
  absl::Span<const VertexIndex> In(VertexIndex v) const { return in().Of(v); }
  // Beside Out and In, an entry an edge. Requires: is_weighted().
  absl::Span<const double> OutWeights(VertexIndex v) const { return out_.WeightsOf(v); }
  absl::Span<const double> InWeights(VertexIndex v) const { return in().WeightsOf(v); }
  // Where in all rows together those of v begin: numbers edges from 0 on.
  uint64_t OutBegin(VertexIndex v) const { return out_.offsets[v]; }
  uint64_t InBegin(VertexIndex v) const { return in().offsets[v]; }

  // Of memory.
  uint64_t bytes() const;

 private:
  enum class End { kFrom, kTo };
  static Rows RowsOf(absl::Span<const Edge> edges, VertexIndex vertices, End row,
                     bool both, bool weighted);
  const Rows& in() const { return is_directed_ ? in_ : out_; }

  std::vector<VertexId> ids_;
  Rows out_, in_;
  uint64_t edge_count_ = 0;
  bool is_directed_ = true, is_weighted_ = false;
};

}  // namespace sheaf
#endif  // SHEAF_GRAPH_PROJECTION_H_
