// Traversal: goes through a graph from some vertices, breadth-first or depth-first, each
// vertex once, reading pages where they lie.
//
// Breadth-first takes the frontier some hundred vertices at a time: their records are
// fetched together, and neighbours are decoded straight out of the pages. Vertices come by
// depth; in which order those of one depth come is not said. Depth-first is a preorder: the
// edges of a vertex in the order of its lists.
//
// Starts are not asked for labels or properties. Of a write transaction the graph may
// change on the way; edges are then seen as they are when their vertex is reached.
//
// Thread-compatible.
#ifndef GRAPH_TRAVERSAL_H_
#define GRAPH_TRAVERSAL_H_
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graph/graph_reader.h"
#include "graph/selection.h"
#include "graph/visited_set.h"
#include "graph/work_meter.h"

namespace sheaf::graph {

struct TraversalBounds {
  uint32_t depth_min = 0;  // what is nearer is passed through, but not returned
  uint32_t depth_max = std::numeric_limits<uint32_t>::max();
  uint64_t vertices_max = std::numeric_limits<uint64_t>::max();  // returned
  AlgorithmOptions run;  // memory: kResourceExhausted beyond it
  bool keeps_paths = false;
  // Breadth-first: starts are found again when an edge leads to them, as any vertex.
  bool finds_starts = false;
};

class Traversal {
 public:
  virtual ~Traversal() = default;

  // False at the end and after an error.
  bool Next() {
    if (returned_ == bounds_.vertices_max) complete_ = false;
    if (!complete_ || !Move()) return false;
    ++returned_;
    return true;
  }
  // The next ones, as many as are at hand; empty at the end and after an error. Goes on
  // behind vertices_max as far as to know whether there is one more.
  virtual absl::Span<const VertexId> NextSome() = 0;

  const absl::Status& status() const { return status_; }
  // False: it ended because of vertices_max, and there may be more.
  bool complete() const { return complete_; }

  // Requires: Next() was true.
  virtual VertexId vertex() const = 0;
  virtual uint32_t depth() const = 0;
  // By which it was reached, and from where; none at a start. Requires: bounds.keeps_paths,
  // or depth-first.
  virtual std::optional<EdgeKey> edge() const = 0;
  virtual std::optional<VertexId> parent() const = 0;
  // From a start to here.
  virtual std::vector<VertexId> Path() const = 0;

 protected:
  // `call`: for messages. All outlive it but the bounds.
  Traversal(const GraphReader& graph, const StepSelection& selection,
            const TraversalBounds& bounds, const char* call)
      : graph_(graph),
        selection_(selection),
        bounds_(bounds),
        meter_(bounds_.run, call),
        visited_(graph.vertex_count()) {}

  // To the next vertex, whatever vertices_max is.
  virtual bool Move() = 0;
  bool Fail(absl::Status status) {
    status_ = std::move(status);
    return false;
  }
  absl::Status Hold(uint64_t bytes);  // of memory, all together

  const GraphReader& graph_;
  const StepSelection& selection_;
  const TraversalBounds bounds_;
  WorkMeter meter_;
  VisitedSet visited_;
  uint64_t returned_ = 0, held_ = 0;
  bool complete_ = true;
  absl::Status status_;
};

// kNotFound: a start is not there. Equal starts count once.
absl::StatusOr<std::unique_ptr<Traversal>> TraverseBreadthFirst(
    const GraphReader& graph, absl::Span<const VertexId> starts,
    const StepSelection& selection, const TraversalBounds& bounds);
// With a depth_max: a vertex that is first met so deep is not gone on from, though there
// may be a shorter way to it.
absl::StatusOr<std::unique_ptr<Traversal>> TraverseDepthFirst(
    const GraphReader& graph, absl::Span<const VertexId> starts,
    const StepSelection& selection, const TraversalBounds& bounds);

}  // namespace sheaf::graph
#endif  // GRAPH_TRAVERSAL_H_
