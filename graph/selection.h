// StepSelection: which edges a search follows, and which vertices it enters.
//
// Immutable while a search uses it; its tests are called in the thread of the search.
#ifndef GRAPH_SELECTION_H_
#define GRAPH_SELECTION_H_
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/dense_reader.h"
#include "graph/direction.h"
#include "graph/graph_reader.h"
#include "pager/status_macros.h"

namespace sheaf::graph {

// Of properties, which lie in documents. They may read pages.
using EdgeTest = std::function<absl::StatusOr<bool>(const EdgeKey&, bool has_properties)>;
using VertexTest = std::function<absl::StatusOr<bool>(VertexId)>;

struct StepSelection {
  Direction direction = Direction::kOut;
  bool any_type = true;
  std::vector<NameId> types;  // unless any_type
  EdgeTest edge_test;         // null: all
  // Of the vertices that edges lead to; where a search begins and ends is not asked.
  bool any_label = true;
  std::vector<NameId> labels;  // unless any_label: the vertex has one of them
  VertexTest vertex_test;      // null: all

  bool Takes(const ListKey& list) const {
    return Includes(direction, list.in) &&
           (any_type || std::find(types.begin(), types.end(), list.type) != types.end());
  }
  bool TakesLabelsOf(const VertexView& vertex) const {
    return any_label || std::any_of(labels.begin(), labels.end(),
                                    [&](NameId label) { return vertex.HasLabel(label); });
  }
  bool AsksVertices() const { return !any_label || vertex_test != nullptr; }
};

// One vertex, by its labels and its test. False, too, if it is not there.
absl::StatusOr<bool> TakesVertex(const GraphReader& graph, const StepSelection& selection,
                                 VertexId vertex);

absl::Status NoVertex(VertexId vertex);  // kNotFound
absl::Status CheckVertices(const GraphReader& graph, absl::Span<const VertexId> vertices);

// Calls `fn(i, list, some)` for each piece of the lists of vertices[i] that are selected,
// i ascending but for large lists, which come last. `fn` must not read pages. It returns
// a status; an error ends it. `*large` is memory to be used again.
struct LargeList {
  size_t vertex = 0;  // its number
  ListKey key;
};
template <class Fn>
absl::Status VisitPieces(const GraphReader& graph, const StepSelection& selection,
                         absl::Span<const VertexId> vertices,
                         std::vector<LargeList>* large, Fn&& fn) {
  large->clear();
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(
      graph.VisitRecords(vertices, [&](size_t i, std::string_view record) {
        VertexView(vertices[i], record).ForEachList([&](const VertexView::List& list) {
          if (!selection.Takes(list.key)) return;
          if (list.key.large)
            large->push_back({i, list.key});
          else if (status.ok())
            status = fn(i, list.key, AdjacencyView(list.bytes, vertices[i]));
        });
      }));
  for (const LargeList& list : *large) {
    if (!status.ok()) return status;
    SHEAF_RETURN_IF_ERROR(
        graph
            .VisitList(vertices[list.vertex], {list.key, {}},
                       [&](const ListKey& key, const AdjacencyView& some) {
                         status = fn(list.vertex, key, some);
                         return status.ok();
                       })
            .status());
  }
  return status;
}

}  // namespace sheaf::graph
#endif  // GRAPH_SELECTION_H_
