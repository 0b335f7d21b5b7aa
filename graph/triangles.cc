// Triangles of a projection, and the clustering coefficients made of them.
#include <algorithm>
#include <numeric>

#include "graph/algorithm_run.h"
#include "graph/components.h"
#include "graph/neighbors.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::AlgorithmRun;
using graph::Meter;

// The simple undirected reading of a graph. Vertices are ranked by degree, and each edge
// stands in the row of its lower end: no row is longer than sqrt(2 m). Everything here is
// by rank, so that the ends most rows share lie together.
class ForwardGraph {
 public:
  static uint64_t BytesMax(const GraphProjection& graph) {
    return graph.vertex_count() * (2 * sizeof(uint64_t) + 3 * sizeof(uint32_t)) +
           graph.edge_count() * (2 * sizeof(VertexIndex) + 1);
  }

  absl::Status Build(const GraphProjection& graph, Meter& meter) {
    SHEAF_RETURN_IF_ERROR(Rank(graph, meter));
    const VertexIndex n = vertex_count();
    std::vector<std::pair<VertexIndex, uint8_t>> row;
    std::vector<uint64_t> backward(size_t{n} + 1);
    begins_.assign(1, 0);
    for (VertexIndex rank = 0; rank < n; ++rank) {
      row.clear();
      graph::ForEachDistinctNeighbor(graph, vertices_[rank],
                                     [&](VertexIndex u, int edges) {
                                       if (ranks_[u] > rank)
                                         row.emplace_back(ranks_[u], edges);
                                     });
      std::sort(row.begin(), row.end());
      for (const auto& [end, edges] : row) {
        ends_.push_back(end);
        edges_.push_back(edges);
        ++backward[end + 1];
      }
      begins_.push_back(ends_.size());
      SHEAF_RETURN_IF_ERROR(meter.Work(degrees_[vertices_[rank]] + 1));
    }
    std::partial_sum(backward.begin(), backward.end(), backward.begin());
    tails_.resize(ends_.size());
    for (VertexIndex rank = 0; rank < n; ++rank)
      for (uint64_t i = begins_[rank]; i < begins_[rank + 1]; ++i)
        tails_[backward[ends_[i]]++] = rank;
    backward_ = std::move(backward);
    return absl::OkStatus();
  }

  VertexIndex vertex_count() const { return static_cast<VertexIndex>(vertices_.size()); }
  // By vertex; the vertex of a rank.
  uint32_t degree(VertexIndex v) const { return degrees_[v]; }
  VertexIndex vertex(VertexIndex rank) const { return vertices_[rank]; }

  // Adds, for the triangles of which `v` is the middle corner by rank, to each corner 1,
  // or the edges between the other two. `marks`: a zero for each vertex, and so again
  // afterwards.
  template <bool kOppositeEdges>
  absl::Status Count(VertexIndex v, std::vector<uint8_t>& marks, uint64_t* sums,
                     Meter& meter) const {
    const uint64_t begin = begins_[v], end = begins_[v + 1];
    if (begin == end) return absl::OkStatus();
    absl::Status status;
    for (uint64_t i = begin; i < end; ++i) marks[ends_[i]] = edges_[i];
    // The rows that have v: behind it stand those that make a triangle if v has them.
    for (uint64_t i = v == 0 ? 0 : backward_[v - 1]; i < backward_[v] && status.ok();
         ++i) {
      const VertexIndex u = tails_[i];
      const uint64_t row_end = begins_[u + 1];
      const auto row = ends_.begin();
      const auto at =
          static_cast<uint64_t>(std::lower_bound(row + static_cast<int64_t>(begins_[u]),
                                                 row + static_cast<int64_t>(row_end), v) -
                                row);
      // Without branches, which nobody could foretell; and the sums of u and v, which all
      // steps have in common, apart.
      uint64_t sum_u = 0, sum_v = 0;
      const uint64_t edges_uv = edges_[at];
      for (uint64_t k = at + 1; k < row_end; ++k) {
        const VertexIndex w = ends_[k];
        const uint64_t edges_vw = marks[w];
        const uint64_t is_one = edges_vw != 0;
        sums[w] += kOppositeEdges ? is_one * edges_uv : is_one;
        sum_u += kOppositeEdges ? edges_vw : is_one;
        sum_v += kOppositeEdges ? is_one * edges_[k] : is_one;
      }
      sums[u] += sum_u;
      sums[v] += sum_v;
      status = meter.Work(row_end - at);
    }
    for (uint64_t i = begin; i < end; ++i) marks[ends_[i]] = 0;
    return status;
  }

 private:
  // Ascending degree, then number.
  absl::Status Rank(const GraphProjection& graph, Meter& meter) {
    const VertexIndex n = graph.vertex_count();
    degrees_.assign(n, 0);
    for (VertexIndex v = 0; v < n; ++v) {
      graph::ForEachDistinctNeighbor(graph, v, [&](VertexIndex, int) { ++degrees_[v]; });
      SHEAF_RETURN_IF_ERROR(meter.Work(degrees_[v] + 1));
    }
    vertices_.resize(n);
    std::iota(vertices_.begin(), vertices_.end(), 0);
    std::sort(vertices_.begin(), vertices_.end(), [&](VertexIndex a, VertexIndex b) {
      return degrees_[a] != degrees_[b] ? degrees_[a] < degrees_[b] : a < b;
    });
    ranks_.resize(n);
    for (VertexIndex rank = 0; rank < n; ++rank) ranks_[vertices_[rank]] = rank;
    // Counted exactly, so that the rows need no more memory than they fill.
    uint64_t ends = 0;
    for (const uint32_t degree : degrees_) ends += degree;
    ends_.reserve(ends / 2);
    edges_.reserve(ends / 2);
    return absl::OkStatus();
  }

  std::vector<uint32_t> degrees_;              // by vertex
  std::vector<VertexIndex> ranks_, vertices_;  // of a vertex, of a rank
  std::vector<uint64_t> begins_;    // of rows of ends_; one more than there are
  std::vector<VertexIndex> ends_;   // ascending in each row
  std::vector<uint8_t> edges_;      // as ForEachDistinctNeighbor counts them
  std::vector<uint64_t> backward_;  // where rows of tails_ end
  std::vector<VertexIndex> tails_;  // the rows in which a rank stands
};

enum class Counted { kTriangles, kOppositeEdges };

// Per vertex the triangles it is a corner of, or the edges between the other two corners.
// Threads add up for themselves: whole numbers, so their order does not matter.
absl::StatusOr<std::vector<uint64_t>> CountPerVertex(AlgorithmRun* run,
                                                     const ForwardGraph& forward,
                                                     Counted count) {
  const size_t n = forward.vertex_count();
  constexpr size_t kChunk = 64;
  const size_t chunks = (n + kChunk - 1) / kChunk;
  struct Part {
    std::vector<uint64_t> sums;
    std::vector<uint8_t> marks;
  };
  std::vector<Part> parts(run->threads(),
                          {std::vector<uint64_t>(n), std::vector<uint8_t>(n)});
  SHEAF_RETURN_IF_ERROR(
      graph::ForEachChunk(run, chunks, [&](size_t chunk, size_t worker, Meter& meter) {
        auto& [sums, marks] = parts[worker];
        // The greatest ranks, which take longest, first.
        const size_t begin = (chunks - 1 - chunk) * kChunk;
        for (size_t v = begin; v < std::min(n, begin + kChunk); ++v) {
          const auto rank = static_cast<VertexIndex>(v);
          SHEAF_RETURN_IF_ERROR(
              count == Counted::kTriangles
                  ? forward.Count<false>(rank, marks, sums.data(), meter)
                  : forward.Count<true>(rank, marks, sums.data(), meter));
          SHEAF_RETURN_IF_ERROR(meter.Work(1));
          meter.Done(1);
        }
        return absl::OkStatus();
      }));
  std::vector<uint64_t> per_vertex(n);
  for (const Part& part : parts)
    for (VertexIndex rank = 0; rank < n; ++rank)
      per_vertex[forward.vertex(rank)] += part.sums[rank];
  return per_vertex;
}

absl::StatusOr<std::vector<uint64_t>> CountIn(const GraphProjection& graph,
                                              const AlgorithmOptions& options,
                                              const char* call, Counted count,
                                              ForwardGraph* forward) {
  AlgorithmRun run(options, call, "vertices", graph.vertex_count());
  SHEAF_RETURN_IF_ERROR(
      run.Begin(ForwardGraph::BytesMax(graph) + uint64_t{graph.vertex_count()} * 16,
                uint64_t{graph.vertex_count()} * 9));
  {
    Meter meter(&run);
    SHEAF_RETURN_IF_ERROR(forward->Build(graph, meter));
  }
  return CountPerVertex(&run, *forward, count);
}

}  // namespace

absl::StatusOr<Triangles> CountTriangles(const GraphProjection& graph,
                                         const AlgorithmOptions& options) {
  ForwardGraph forward;
  Triangles triangles;
  SHEAF_ASSIGN_OR_RETURN(triangles.per_vertex, CountIn(graph, options, "CountTriangles",
                                                       Counted::kTriangles, &forward));
  for (const uint64_t count : triangles.per_vertex) triangles.total += count;
  triangles.total /= 3;
  return triangles;
}

absl::StatusOr<std::vector<double>> LocalClustering(const GraphProjection& graph,
                                                    const AlgorithmOptions& options) {
  ForwardGraph forward;
  SHEAF_ASSIGN_OR_RETURN(
      const std::vector<uint64_t> edges,
      CountIn(graph, options, "LocalClustering", Counted::kOppositeEdges, &forward));
  std::vector<double> coefficients(edges.size());
  for (VertexIndex v = 0; v < edges.size(); ++v) {
    const double degree = forward.degree(v);
    if (degree > 1)
      coefficients[v] = static_cast<double>(edges[v]) / (degree * (degree - 1));
  }
  return coefficients;
}

absl::StatusOr<double> Transitivity(const GraphProjection& graph,
                                    const AlgorithmOptions& options) {
  ForwardGraph forward;
  SHEAF_ASSIGN_OR_RETURN(
      const std::vector<uint64_t> corners,
      CountIn(graph, options, "Transitivity", Counted::kTriangles, &forward));
  double closed = 0, paths = 0;
  for (VertexIndex v = 0; v < corners.size(); ++v) {
    const double degree = forward.degree(v);
    closed += static_cast<double>(corners[v]);
    paths += degree * (degree - 1) / 2;
  }
  return paths > 0 ? closed / paths : 0.0;
}

}  // namespace sheaf
