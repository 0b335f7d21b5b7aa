// Project: a graph in its pages as a GraphProjection.
//
// Two passes over the vertices, by parts of their numbers, by several threads, in a write
// transaction by one: one tells which there are and how many edges they have, one decodes
// these where they are to be. O(vertices + edges); memory as graph_projection.h says, and 4
// bytes for each number up to the highest while it runs.
#ifndef GRAPH_PROJECT_H_
#define GRAPH_PROJECT_H_
#include <vector>

#include "absl/status/statusor.h"
#include "graph/algorithm_options.h"
#include "graph/graph_projection.h"
#include "graph/graph_reader.h"

namespace sheaf::graph {

struct ProjectionOptions {
  std::vector<NameId> labels;  // vertices that have one of them; empty: all
  std::vector<NameId> types;   // edges of one of them; empty: all
  GraphProjection::Edges edges = GraphProjection::Edges::kDirected;
  bool weighted = false;
  AlgorithmOptions run;
};

// Edges are those between vertices that are taken. kResourceExhausted, kCancelled,
// kDeadlineExceeded, kDataLoss.
absl::StatusOr<GraphProjection> Project(const GraphReader& graph,
                                        const ProjectionOptions& options);

}  // namespace sheaf::graph
#endif  // GRAPH_PROJECT_H_
