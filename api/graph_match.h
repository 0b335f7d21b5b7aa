// MatchCursor: the places where a pattern is found in a graph.
//
//   SHEAF_ASSIGN_OR_RETURN(
//       sheaf::MatchCursor c,
//       sheaf::Match(people, "(a:Person {name: 'Ann'})-[k:KNOWS]->(b)-[:OWNS]->(:Cat)"));
//   while (c.Next()) Use(*c.vertex("b"), *c.edges("k"));
//   SHEAF_RETURN_IF_ERROR(c.status());   // an error ends the loop: look
//
// What patterns are: <sheaf/pattern.h>. As in Cypher two vertices of a match may be the
// same, but no edge stands in it twice, and a path of several edges is another match for
// each way it can go. Matches come in no order that is promised.
//
// It begins at the vertices that an index finds fewest of and goes on along edges; Explain
// says how. A cursor belongs to its transaction, and reads as it goes; in a write
// transaction matches may be missed or come twice when the graph is changed meanwhile.
// Thread-compatible.
#ifndef SHEAF_GRAPH_MATCH_H_
#define SHEAF_GRAPH_MATCH_H_
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/graph.h"
#include "sheaf/options.h"
#include "sheaf/pattern.h"

namespace sheaf {

namespace internal {
struct MatchState;
}

struct MatchOptions {
  std::optional<uint64_t> limit;  // ends after so many; see complete()
  // More matches, more edges looked at: kResourceExhausted.
  uint64_t rows_max = std::numeric_limits<uint64_t>::max();
  uint64_t work_max = std::numeric_limits<uint64_t>::max();
  uint64_t memory_bytes_max = uint64_t{1} << 30;
  Progress progress;
};

class MatchCursor {
 public:
  MatchCursor(MatchCursor&&) noexcept;
  MatchCursor& operator=(MatchCursor&&) noexcept;
  ~MatchCursor();

  // False at the end and after an error.
  bool Next();
  absl::Status status() const;
  // False: the limit ended it, and there may be more.
  bool complete() const;

  // Of the match. kInvalidArgument: the pattern has nothing of that name. Of an edge that
  // is a path its edges, in the order of the pattern; else one.
  absl::StatusOr<VertexId> vertex(std::string_view name) const;
  absl::StatusOr<std::vector<EdgeId>> edges(std::string_view name) const;
  // By their numbers in pattern(). Requires: there is such a one.
  VertexId VertexAt(size_t vertex) const;
  absl::StatusOr<std::vector<EdgeId>> EdgesAt(size_t edge) const;

  const GraphPattern& pattern() const;
  // The steps in their order, a line each, and about how many vertices the first finds.
  std::string Explain() const;

 private:
  friend absl::StatusOr<MatchCursor> Match(const GraphReader& graph, GraphPattern pattern,
                                           const MatchOptions& options);
  explicit MatchCursor(std::unique_ptr<internal::MatchState> state);
  std::unique_ptr<internal::MatchState> state_;
};

// kInvalidArgument: the pattern. Labels and types that the graph does not know match
// nothing.
absl::StatusOr<MatchCursor> Match(const GraphReader& graph, GraphPattern pattern,
                                  const MatchOptions& options = {});
absl::StatusOr<MatchCursor> Match(const GraphReader& graph, std::string_view pattern,
                                  const MatchOptions& options = {});

}  // namespace sheaf
#endif  // SHEAF_GRAPH_MATCH_H_
