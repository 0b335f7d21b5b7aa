// Matcher: finds a pattern in a graph, one match after the other, reading pages where they
// lie.
//
// A pattern's vertices are bound one at a time: a first one from its candidates, then
// along the pattern's edges from what is bound, always the step that is expected to lead
// to the fewest; an edge between two bound vertices is looked up. As in Cypher two vertices
// of a match may be the same, but no edge stands in it twice; an edge that may go either
// way matches a loop once.
//
// Thread-compatible.
#ifndef GRAPH_MATCH_H_
#define GRAPH_MATCH_H_
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graph/graph_reader.h"
#include "graph/selection.h"
#include "graph/work_meter.h"

namespace sheaf::graph {

// Vertices, one a call; none: there are no more.
using VertexStream = std::function<absl::StatusOr<std::optional<VertexId>>()>;

struct MatchVertex {
  std::string name;                         // for Describe
  std::vector<std::vector<NameId>> labels;  // of each of these it has one
  VertexTest test;                          // of properties; null: all
  // Those that may match.
  uint64_t candidates = 0;  // about how many
  std::string way;          // how they are found, for Describe
  std::function<absl::StatusOr<VertexStream>()> open;
  bool candidates_match = false;  // they need not be asked again

  bool is_one_of = false;     // of `ids`
  std::vector<VertexId> ids;  // ascending
};

struct MatchEdge {
  size_t from = 0, to = 0;
  StepSelection selection;  // seen from `from`; asks no vertices
  uint32_t hops_min = 1, hops_max = 1;
  double edges_a_vertex = 0;  // about
  std::string text;           // for Describe
};

struct MatchBounds {
  uint64_t edges_max = std::numeric_limits<uint64_t>::max();  // looked at
  AlgorithmOptions run;
};

class Matcher {
 public:
  Matcher(const GraphReader& graph, std::vector<MatchVertex> vertices,
          std::vector<MatchEdge> edges, const MatchBounds& bounds);

  // False at the end and after an error: kResourceExhausted beyond a bound.
  bool Next();
  const absl::Status& status() const { return status_; }
  VertexId vertex(size_t i) const { return bound_[i]; }
  // In the order from `from` to `to`; of one hop one.
  std::vector<EdgeKey> edges(size_t i) const;
  // The steps, a line each.
  std::string Describe() const;

 private:
  enum class Kind : uint8_t { kStart, kExpand, kClose, kPath };
  struct Hop {
    VertexId to = 0;
    NameId type = 0;
    uint32_t ordinal = 0;
    bool in = false, has_properties = false, takes = true;
  };
  // The hops from one vertex.
  struct Hops {
    VertexId from = 0;
    std::vector<Hop> all;
    size_t next = 0, checked = 0;
  };
  struct Step {
    Kind kind = Kind::kStart;
    size_t edge = 0;
    size_t source = 0, target = 0;  // vertices
    bool backwards = false;         // from the edge's `to` to its `from`
    bool target_is_bound = false;
    StepSelection selection;  // seen from the source
    StepSelection reversed;   // seen from the target, to look up
    // Where it stands:
    VertexStream stream;
    std::vector<Hops> levels;  // of a path one an edge, else one
    size_t depth = 0;          // levels that are open
    size_t used_begin = 0;     // its edges in used_
    bool is_fresh = true;
  };

  void Plan();
  void AddStart(std::vector<bool>* is_bound);
  bool AddEdgeStep(std::vector<bool>* is_bound, std::vector<bool>* is_done);
  double CostOf(const MatchEdge& edge, bool from_bound, bool to_bound) const;

  absl::Status Open(Step* step);
  absl::StatusOr<bool> Advance(Step* step);
  absl::StatusOr<bool> AdvanceStart(Step* step);
  absl::StatusOr<bool> AdvanceHop(Step* step);
  absl::StatusOr<bool> AdvancePath(Step* step);
  Hops* OpenLevel(Step* step, VertexId from);
  absl::Status Collect(Step* step, VertexId from);
  absl::Status LookUp(Step* step, VertexId from, VertexId to);
  absl::Status TakePiece(const ListKey& list, const AdjacencyView& some, bool skip_loops,
                         Hops* hops);
  absl::Status CheckLabels(const Step& step, Hops* hops);
  absl::StatusOr<bool> TakesHop(const Step& step, VertexId from, const Hop& hop);
  bool TakesLabels(const MatchVertex& vertex, const VertexView& view) const;
  absl::StatusOr<bool> TakesVertex(const MatchVertex& vertex, VertexId id) const;
  absl::StatusOr<bool> TakesTarget(const Step& step, VertexId id, bool labels_known);
  absl::Status CountEdges(uint64_t edges);
  bool IsUsed(const EdgeKey& edge) const;

  const GraphReader& graph_;
  const std::vector<MatchVertex> vertices_;
  const std::vector<MatchEdge> edges_;
  const MatchBounds bounds_;
  WorkMeter meter_;
  std::vector<Step> steps_;
  std::vector<size_t> step_of_;  // an edge
  std::vector<VertexId> bound_;
  std::vector<EdgeKey> used_;  // of the steps, one behind the other
  std::vector<AdjacentEdge> decoded_;
  std::vector<VertexId> ids_;
  uint64_t edges_seen_ = 0;
  bool begun_ = false, done_ = false;
  absl::Status status_;
};

}  // namespace sheaf::graph
#endif  // GRAPH_MATCH_H_
