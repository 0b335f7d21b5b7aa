#include "graph/weight_search.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/neighbors.h"
#include "pager/status_macros.h"

namespace sheaf::graph {

void VertexHeap::PushOrLower(VertexIndex v, double key) {
  size_t place = places_[v];
  if (place == kNoVertex) {
    place = entries_.size();
    entries_.push_back({key, v});
  } else if (entries_[place].key <= key) {
    return;
  }
  const Entry entry{key, v};
  while (place > 0) {
    const size_t above = (place - 1) / 4;
    if (!Before(entry, entries_[above])) break;
    Put(place, entries_[above]);
    place = above;
  }
  Put(place, entry);
}

VertexHeap::Entry VertexHeap::Pop() {
  const Entry top = entries_.front(), last = entries_.back();
  places_[top.vertex] = kNoVertex;
  entries_.pop_back();
  if (entries_.empty()) return top;
  size_t place = 0;
  for (;;) {
    const size_t first = 4 * place + 1;
    if (first >= entries_.size()) break;
    size_t least = first;
    for (size_t i = first + 1; i < std::min(first + 4, entries_.size()); ++i)
      if (Before(entries_[i], entries_[least])) least = i;
    if (!Before(entries_[least], last)) break;
    Put(place, entries_[least]);
    place = least;
  }
  Put(place, last);
  return top;
}

void VertexHeap::Clear() {
  for (const Entry& entry : entries_) places_[entry.vertex] = kNoVertex;
  entries_.clear();
}

WeightSearch::WeightSearch(const GraphProjection* graph, Direction direction,
                           bool weighted, const char* call)
    : graph_(graph),
      direction_(direction),
      weighted_(weighted),
      call_(call),
      distances_(graph->vertex_count()),
      parents_(graph->vertex_count()),
      heap_(graph->vertex_count()) {
  order_.reserve(graph->vertex_count());
}

absl::Status WeightSearch::Run(VertexIndex source, VertexIndex target, Zero zero,
                               Meter& meter) {
  std::fill(distances_.begin(), distances_.end(), kUnreachable);
  std::fill(parents_.begin(), parents_.end(), kNoVertex);
  order_.clear();
  heap_.Clear();
  distances_[source] = 0;
  heap_.PushOrLower(source, 0);
  double nearest = kUnreachable;  // the distance of the target, once settled
  while (!heap_.empty()) {
    const VertexHeap::Entry top = heap_.Pop();
    const VertexIndex v = top.vertex;
    if (top.key > nearest) break;
    if (v == target) nearest = top.key;
    order_.push_back(v);
    VertexIndex bad = kNoVertex;
    double bad_weight = 0;
    ForEachEdge(*graph_, v, direction_, weighted_, [&](VertexIndex u, double weight) {
      if (weight <= 0 && (weight < 0 || zero == Zero::kForbidden)) {
        bad = u;
        bad_weight = weight;
        return;
      }
      const double through = top.key + weight;
      if (through >= distances_[u]) return;
      distances_[u] = through;
      parents_[u] = v;
      heap_.PushOrLower(u, through);
    });
    if (bad != kNoVertex)
      return BadWeight(call_, *graph_, direction_, v, bad, bad_weight);
    SHEAF_RETURN_IF_ERROR(meter.Work(DegreeOf(*graph_, v, direction_) + 1));
  }
  return absl::OkStatus();
}

absl::Status BadWeight(const char* call, const GraphProjection& graph,
                       Direction direction, VertexIndex v, VertexIndex u, double weight) {
  const bool swapped = direction == Direction::kIn && graph.is_directed();
  const auto [from, to] = swapped ? std::pair(u, v) : std::pair(v, u);
  return absl::InvalidArgumentError(absl::StrCat(
      call, ": the edge ", direction == Direction::kBoth ? "between " : "from ",
      graph.id(from), direction == Direction::kBoth ? " and " : " to ", graph.id(to),
      " weighs ", weight));
}

}  // namespace sheaf::graph
