// What hangs together in a graph and how densely: weak components, cores, triangles,
// clustering. Results have one entry a vertex, by its number in the projection; an empty
// graph has an empty one.
//
// All of them: kResourceExhausted when AlgorithmOptions::memory_bytes_max does not do,
// kInvalidArgument, kCancelled, kDeadlineExceeded. n vertices, m edges.
//
// Functions: any number of threads.
#ifndef SHEAF_COMPONENTS_H_
#define SHEAF_COMPONENTS_H_
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

// For each vertex the smallest one that it is joined with, whichever way the edges go.
// Ids ascend with numbers, so that id(label) is the label LDBC Graphalytics asks for.
// Afforest (Sutton, Ben-Nun, Barak 2018): nearly O(n + m), and most edges of the greatest
// component are never looked at. 4 bytes a vertex.
absl::StatusOr<std::vector<VertexIndex>> WeakComponents(
    const GraphProjection& graph, const AlgorithmOptions& options = {});

// How many vertices bear each label, of WeakComponents or of <sheaf/community.h>: the
// greatest first, of equal ones the smallest label. kInvalidArgument for a label that is
// no vertex. O(n log n).
struct LabelSize {
  VertexIndex label = 0;
  uint64_t size = 0;
  friend bool operator==(const LabelSize&, const LabelSize&) = default;
};
absl::StatusOr<std::vector<LabelSize>> SizesOf(absl::Span<const VertexIndex> labels);

// The rest reads a graph as simple and undirected: directions and loops are ignored,
// parallel edges are one.

// For each vertex the greatest k such that it is in the k-core, the greatest part of the
// graph in which each vertex has k neighbours (Batagelj, Zaveršnik 2003). O(n + m).
absl::StatusOr<std::vector<uint32_t>> CoreNumbers(const GraphProjection& graph,
                                                  const AlgorithmOptions& options = {});

struct Triangles {
  uint64_t total = 0;                // each once
  std::vector<uint64_t> per_vertex;  // those it is a corner of
};
// Edges are followed from the vertex of smaller degree to that of greater (forward
// algorithm: Schank, Wagner 2005; Latapy 2008). O(m sqrt(m)); 9 bytes an edge, 44 a
// vertex and 9 more for each thread.
absl::StatusOr<Triangles> CountTriangles(const GraphProjection& graph,
                                         const AlgorithmOptions& options = {});

// The local clustering coefficient as LDBC Graphalytics defines it: of the ordered pairs
// of neighbours of v, the part that an edge goes from the first to the second of. A
// neighbour has an edge with v either way. 0 with fewer than two neighbours. Here the
// direction of edges between neighbours does count; in an undirected graph each goes both
// ways. As CountTriangles.
absl::StatusOr<std::vector<double>> LocalClustering(const GraphProjection& graph,
                                                    const AlgorithmOptions& options = {});

// Three times the triangles over the paths of two edges; 0 without any. (The mean of
// LocalClustering is another measure of the whole graph.) As CountTriangles.
absl::StatusOr<double> Transitivity(const GraphProjection& graph,
                                    const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_COMPONENTS_H_
