// Communities: groups of vertices with many edges inside and few between them. A result
// has for each vertex the label of its community, by its number in the projection;
// SizesOf (<sheaf/components.h>) counts them.
//
// All of them: kInvalidArgument for arguments out of their bounds, kResourceExhausted
// when AlgorithmOptions::memory_bytes_max does not do, kCancelled, kDeadlineExceeded.
// Results do not depend on the number of threads. n vertices, m edges.
//
// Functions: any number of threads.
#ifndef SHEAF_COMMUNITY_H_
#define SHEAF_COMMUNITY_H_
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

// Community detection by label propagation (CDLP) as LDBC Graphalytics defines it, after
// Raghavan, Albert, Kumara 2007: each vertex begins with itself as its label; each round
// all at once take the label that most of their neighbours had, of several the smallest.
// In a directed graph a neighbour counts for the edge in and again for the edge out, and
// parallel edges count each. A vertex without edges keeps its label. Ids ascend with
// numbers, so id(label) is the label that LDBC asks for. Ends early when a round changes
// nothing: none after it would.
//
// O(n + m) a round, 8 bytes a vertex and 4 for each thread. kInvalidArgument:
// iterations below 0.
absl::StatusOr<std::vector<VertexIndex>> LabelPropagation(
    const GraphProjection& graph, int iterations = 10,
    const AlgorithmOptions& options = {});

// What modularity measures, and what is sought after.
struct ModularityOptions {
  bool weighted = false;  // else each edge counts 1; weights must not be below 0
  // Above 1 favours small communities, below 1 great ones (Reichardt, Bornholdt 2006).
  double resolution = 1;
};
// How much more of the edges lie inside communities than would if they were drawn at
// random with the same degrees (Newman, Girvan 2004):
//   the sum over communities of inside / m - resolution * (degrees / (2 m))^2
// with m the weight of all edges, `inside` that of those inside the community, a loop
// counted once, and `degrees` the sum at its vertices, a loop counted twice. Edges are
// read as undirected: in a directed graph u -> v and v -> u are two parallel edges. 0
// without edges. kInvalidArgument: not one label for each vertex, a label that is no
// vertex. O(n + m), 16 bytes a vertex.
absl::StatusOr<double> Modularity(const GraphProjection& graph,
                                  absl::Span<const VertexIndex> labels,
                                  const ModularityOptions& modularity = {},
                                  const AlgorithmOptions& options = {});

struct LouvainOptions {
  ModularityOptions modularity;
  int levels_max = 32;
  int passes_max = 100;  // over all vertices, in one level
  double gain_min =
      1e-7;  // of modularity: a pass or a level that brings less is the last
};
struct Communities {
  struct Level {
    std::vector<VertexIndex> labels;  // the smallest vertex of the community
    double modularity = 0;
  };
  // From small communities to great ones: each level joins some of the one before. Always
  // one or more; the last is the answer.
  std::vector<Level> levels;
};
// Communities of high modularity (Blondel, Guillaume, Lambiotte, Lefebvre 2008): each
// vertex moves to the community of a neighbour while that raises modularity, then each
// community becomes a vertex, and so on. Vertices come in their order; a vertex stays
// unless another community is better, and of equally good ones takes that which was there
// first. One thread. Mostly O(n + m) a pass; 24 bytes an edge, 80 a vertex, 4 a
// vertex for each level, and what the graph of communities takes.
absl::StatusOr<Communities> Louvain(const GraphProjection& graph,
                                    const LouvainOptions& louvain = {},
                                    const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_COMMUNITY_H_
