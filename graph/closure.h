// What reaches what: the transitive closure, how much each vertex reaches, the transitive
// reduction, and what is reached from a few vertices. Installed as <sheaf/closure.h>.
//
// A vertex reaches itself, by the path of no edges. In an undirected graph a vertex
// reaches what it hangs together with.
//
// All but the last two work on the k strongly connected components and rows of bits of
// them. Source: A. Goralcikova and V. Koubek, A reduct-and-closure algorithm for graphs,
// 1979.
//
// Errors of all: kResourceExhausted (memory), kCancelled, kDeadlineExceeded.
#ifndef SHEAF_CLOSURE_H_
#define SHEAF_CLOSURE_H_
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"
#include "sheaf/vertex_lists.h"

namespace sheaf {

// Answers at once whether one vertex reaches another. Components are numbered in
// topological order, so the row of component c begins at c.
//
// Memory: k * k / 16 bytes and 40 a vertex, asked for before it is built: 100,000
// components take 625 MB. Time O(n + m + r * k / 64), r the edges of the reduction.
//
// Does not need the graph any more. Immutable: any number of threads.
class TransitiveClosure {
 public:
  static absl::StatusOr<TransitiveClosure> Of(const GraphProjection& graph,
                                              const AlgorithmOptions& options = {});

  // O(1). Requires: vertices of the graph.
  bool Reaches(VertexIndex from, VertexIndex to) const {
    const VertexIndex c = component_of_[from], d = component_of_[to];
    return c <= d && ((rows_[Word(c, d)] >> (d % 64)) & 1) != 0;
  }
  // Vertices that v reaches, itself with them. O(1).
  uint64_t ReachableCount(VertexIndex v) const { return counts_[component_of_[v]]; }
  // These vertices, ascending. O(k / 64 + result * log(result)).
  std::vector<VertexIndex> Reachable(VertexIndex v) const;
  // Pairs of which the first reaches the second.
  uint64_t pair_count() const;
  // Of memory.
  uint64_t bytes() const;

 private:
  // Where in rows_ the bit of component d stands in the row of c. Requires: c <= d.
  uint64_t Word(uint64_t c, uint64_t d) const { return RowBegin(c) + d / 64 - c / 64; }
  // 64 rows have the same length, the next 64 are a word shorter.
  uint64_t RowBegin(uint64_t c) const {
    const uint64_t b = c / 64;
    return 64 * (b * row_words_ - b * (b - 1) / 2) + c % 64 * (row_words_ - b);
  }

  uint64_t row_words_ = 0;  // of component 0
  std::vector<VertexIndex> component_of_;
  VertexLists members_;
  std::vector<uint64_t> counts_;  // by component
  std::vector<uint64_t> rows_;
};

// Of each vertex how many it reaches, itself with them: without the closure, in as much
// memory as is allowed, at least 48 bytes a vertex and 8 a component; twice the memory
// takes half the passes over the edges. Time O(n + m + m * k / 64).
absl::StatusOr<std::vector<uint64_t>> ReachableCounts(
    const GraphProjection& graph, const AlgorithmOptions& options = {});

// The fewest edges that reach the same: of a graph without cycles the one subgraph from
// which no edge can be taken. Otherwise each component of more than one vertex becomes a
// cycle through them, ascending, which may be of edges that the graph does not have (A.
// Aho, M. Garey and J. Ullman, The transitive reduction of a directed graph, 1972); from
// one component to another leads the first of the graph's edges there. Loops go; the
// result is not weighted. Time and memory as ReachableCounts, and the result.
// kInvalidArgument: the graph is undirected.
absl::StatusOr<GraphProjection> TransitiveReduction(const GraphProjection& graph,
                                                    const AlgorithmOptions& options = {});

// What the sources, themselves with them, reach over at most depth_max edges, kIn: what
// reaches them; ascending. O(n + m). Memory: 8 bytes a vertex. kInvalidArgument: a source
// that is no vertex.
absl::StatusOr<std::vector<VertexIndex>> ReachableFrom(
    const GraphProjection& graph, absl::Span<const VertexIndex> sources,
    Direction direction = Direction::kOut,
    uint32_t depth_max = std::numeric_limits<uint32_t>::max(),
    const AlgorithmOptions& options = {});
// All others, ascending.
absl::StatusOr<std::vector<VertexIndex>> UnreachableFrom(
    const GraphProjection& graph, absl::Span<const VertexIndex> sources,
    Direction direction = Direction::kOut,
    uint32_t depth_max = std::numeric_limits<uint32_t>::max(),
    const AlgorithmOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_CLOSURE_H_
