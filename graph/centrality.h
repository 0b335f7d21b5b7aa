// How central the vertices of a graph are: degree, closeness, betweenness, PageRank,
// eigenvector centrality, HITS. A result has one entry a vertex, by its number in the
// projection; an empty graph has an empty one.
//
// All of them: kInvalidArgument for arguments out of their bounds, kResourceExhausted
// when AlgorithmOptions::memory_bytes_max does not do, kCancelled and kDeadlineExceeded
// as Progress says. Results are the same to the last bit whatever the number of threads.
// n vertices, m edges.
//
// Functions: any number of threads.
#ifndef SHEAF_CENTRALITY_H_
#define SHEAF_CENTRALITY_H_
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

// The edges at each vertex, parallel ones too. A loop counts in each direction in which
// it is read: in a directed graph twice for kBoth, in an undirected one once. O(n).
absl::StatusOr<std::vector<uint64_t>> Degrees(const GraphProjection& graph,
                                              Direction direction,
                                              const AlgorithmOptions& options = {});

// Searches start from all vertices, or from `count` of them, chosen by `seed`; with a
// number of the vertices or more, from all. The choice is the same on every machine.
struct SourceSample {
  uint32_t count = 0;  // 0: all
  uint64_t seed = 0;
};

struct ClosenessOptions {
  Direction direction = Direction::kOut;  // kOut: from the vertex to others
  bool weighted = false;                  // else each edge is 1 long
  SourceSample sample;
};
// The inverse of the mean distance to the r others that can be reached, times the part of
// all others that they are, for graphs that do not hang together (Wasserman, Faust 1994):
// (r / (n - 1)) * (r / sum of distances); 0 where none is reached, and where all that are
// lie 0 away. O(n m); weighted O(n (n + m) log n) and no negative weights.
//
// Of a sample of k: r and the sum are estimated from the distances to the k (Eppstein,
// Wang 2004), in k / n of the time.
absl::StatusOr<std::vector<double>> Closeness(const GraphProjection& graph,
                                              const ClosenessOptions& closeness = {},
                                              const AlgorithmOptions& options = {});

struct BetweennessOptions {
  bool weighted = false;  // else each edge is 1 long
  SourceSample sample;
};
// For each vertex v the sum, over all ordered pairs of others s and t, of the part of the
// shortest paths from s to t that pass v (Brandes 2001). In an undirected graph a pair
// counts once, so the sum is halved. Not normalised: divide by (n - 1)(n - 2), in an
// undirected graph by half of it. Parallel edges are one, the lightest; loops are none.
// Of a sample of k sources: their sums times n / k (Brandes, Pich 2007).
//
// O(n m); weighted O(n (n + m) log n), and weights must be above 0. kOutOfRange when two
// vertices have more than 1e308 shortest paths.
absl::StatusOr<std::vector<double>> Betweenness(
    const GraphProjection& graph, const BetweennessOptions& betweenness = {},
    const AlgorithmOptions& options = {});

// What came out of an iteration.
struct Scores {
  std::vector<double> scores;
  int iterations = 0;      // done
  double change = 0;       // in the last of them: sum over all vertices
  bool converged = false;  // `change` came to the tolerance
};

struct PageRankOptions {
  double damping = 0.85;  // 0 to 1
  int iterations = 20;    // at most
  // Ends when `change` is not above it; 0: only when nothing changes any more. -1: never
  // before `iterations`.
  double tolerance = -1;
};
// PageRank as LDBC Graphalytics defines it: from 1 / n, each round
//   rank(v) = (1 - d) / n + d * (sum of rank(u) / out-degree(u) over the edges u -> v)
//             + d / n * (sum of rank over the vertices without edges out)
// Parallel edges count each. The sum is 1 always. Pulls along In(): O(n + m) a round, 16
// bytes a vertex.
absl::StatusOr<Scores> PageRank(const GraphProjection& graph,
                                const PageRankOptions& page_rank = {},
                                const AlgorithmOptions& options = {});

struct WeightedVertex {
  VertexIndex vertex = 0;
  double weight = 1;
};
// PageRank that starts at the seeds, in the proportions of their weights, and jumps to
// them from everywhere, as also from vertices without edges out (Page et al. 1998,
// section 6). The weights of a seed named twice add up. kInvalidArgument: no seeds,
// weights below 0 or not finite, all 0.
absl::StatusOr<Scores> PersonalizedPageRank(const GraphProjection& graph,
                                            absl::Span<const WeightedVertex> seeds,
                                            const PageRankOptions& page_rank = {},
                                            const AlgorithmOptions& options = {});

struct IterationOptions {
  int iterations_max = 100;
  double tolerance = 1e-9;  // of `change`
  bool weighted = false;    // else each edge counts 1; weights must not be below 0
};
// The eigenvector of the greatest eigenvalue, of length 1: a vertex scores as those whose
// edges come to it do (Bonacich 1972). Power iteration with A + I, which has the same
// eigenvectors and does not swing on two-sided graphs. Look at `converged`: a directed
// graph without circles has no such vector, and with two almost equal eigenvalues the
// iteration takes long. O(n + m) an iteration.
absl::StatusOr<Scores> EigenvectorCentrality(const GraphProjection& graph,
                                             const IterationOptions& iteration = {},
                                             const AlgorithmOptions& options = {});

struct HitsScores {
  std::vector<double> hubs, authorities;  // each of length 1, or all 0 without edges
  int iterations = 0;
  double change = 0;       // of both
  bool converged = false;  // `change` came to the tolerance
};
// Hubs point at good authorities, good hubs point at authorities (Kleinberg 1999).
// O(n + m) an iteration.
absl::StatusOr<HitsScores> Hits(const GraphProjection& graph,
                                const IterationOptions& iteration = {},
                                const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_CENTRALITY_H_
