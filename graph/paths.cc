#include "graph/paths.h"

#include <utility>
#include <vector>

#include "graph/depth_first.h"
#include "graph/simple_path_search.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::Neighbors;
using graph::SimplePathSearch;
using graph::WorkMeter;

struct SimplePathCursor::State {
  State(const GraphProjection& graph, const SimplePathBounds& b,
        const AlgorithmOptions& o)
      : bounds(b),
        options(o),
        search(graph, b.direction, b.edges_max, b.work_max, &meter) {}

  // Breadth first from the end: what reaches it within edges_max, and how far it is.
  absl::Status LookBack(const GraphProjection& graph, VertexIndex from, VertexIndex to);

  SimplePathBounds bounds;
  AlgorithmOptions options;
  WorkMeter meter{options, "the simple paths"};
  SimplePathSearch search;
  uint64_t count = 0;
  absl::Status status;
};

absl::Status SimplePathCursor::State::LookBack(const GraphProjection& graph,
                                               VertexIndex from, VertexIndex to) {
  Direction back = bounds.direction;
  if (back != Direction::kBoth)
    back = back == Direction::kOut ? Direction::kIn : Direction::kOut;
  std::vector<bool> seen(graph.vertex_count());
  std::vector<VertexIndex> reached = {to};
  seen[to] = true;
  uint32_t distance = 0;
  for (size_t begin = 0; begin < reached.size() && distance < bounds.edges_max;) {
    ++distance;
    for (const size_t end = reached.size(); begin < end; ++begin) {
      const Neighbors neighbors(graph, reached[begin], back);
      for (uint64_t i = 0; i < neighbors.size(); ++i) {
        const VertexIndex v = neighbors[i];
        if (seen[v]) continue;
        seen[v] = true;
        if (v != from && bounds.admits != nullptr && !bounds.admits(v)) continue;
        search.SetGroup(v, 0);
        search.Reset(v, distance);
        // A path that comes to `from` again is none.
        if (v != from) reached.push_back(v);
      }
      SHEAF_RETURN_IF_ERROR(meter.Add(neighbors.size() + 1));
    }
  }
  return absl::OkStatus();
}

SimplePathCursor::SimplePathCursor(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
SimplePathCursor::SimplePathCursor(SimplePathCursor&&) noexcept = default;
SimplePathCursor& SimplePathCursor::operator=(SimplePathCursor&&) noexcept = default;
SimplePathCursor::~SimplePathCursor() = default;

absl::StatusOr<SimplePathCursor> SimplePathCursor::Of(const GraphProjection& graph,
                                                      VertexIndex from, VertexIndex to,
                                                      const SimplePathBounds& bounds,
                                                      const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(graph, from, "the beginning of the paths"));
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(graph, to, "the end of the paths"));
  if (from == to)
    return absl::InvalidArgumentError("paths from a vertex to itself are cycles");
  {
    WorkMeter memory(options, "the simple paths");
    SHEAF_RETURN_IF_ERROR(memory.Take(SimplePathSearch::BytesOf(graph)));
  }
  auto state = std::make_unique<State>(graph, bounds, options);
  SHEAF_RETURN_IF_ERROR(state->meter.Begin("edges", 0));
  SHEAF_RETURN_IF_ERROR(state->LookBack(graph, from, to));
  if (state->search.group(from) == 0) state->search.Start(from, to, 0);
  return SimplePathCursor(std::move(state));
}

bool SimplePathCursor::Next() {
  State& s = *state_;
  if (!s.status.ok() || s.count == s.bounds.count_max) return false;
  const absl::StatusOr<bool> more = s.search.Next();
  s.status = more.status();
  if (!more.ok() || !*more) return false;
  ++s.count;
  return true;
}

absl::Status SimplePathCursor::status() const { return state_->status; }
absl::Span<const VertexIndex> SimplePathCursor::path() const {
  return state_->search.path();
}

}  // namespace sheaf
