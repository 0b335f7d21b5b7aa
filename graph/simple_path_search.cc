#include "graph/simple_path_search.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "graph/neighbors.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

constexpr uint32_t kNone = 0xffffffff;  // no path to the end was found

}  // namespace

SimplePathSearch::SimplePathSearch(const GraphProjection& graph, Direction direction,
                                   uint32_t edges_max, uint64_t work_max,
                                   WorkMeter* meter)
    : graph_(&graph),
      direction_(direction),
      backward_(graph::Reverse(direction)),
      edges_max_(edges_max),
      work_left_(work_max),
      work_max_(work_max),
      meter_(meter),
      group_(graph.vertex_count(), kNoVertex),
      locks_(graph.vertex_count(), kAnywhere) {
  path_.reserve(graph.vertex_count());
  frames_.reserve(graph.vertex_count());
}

void SimplePathSearch::Reset(VertexIndex v, uint32_t distance) {
  locks_[v] = kAnywhere;
  if (is_bounded())
    locks_[v] = distance > edges_max_ ? kNowhere : edges_max_ - distance + 1;
}

void SimplePathSearch::Start(VertexIndex from, VertexIndex to, VertexIndex group) {
  path_.clear();
  frames_.clear();
  to_ = to;
  group_now_ = group;
  if (edges_max_ > 0) Enter(from);
}

void SimplePathSearch::Enter(VertexIndex v) {
  locks_[v] = kOnPath;
  path_.push_back(v);
  frames_.push_back({.next = 0, .edges_to_end = kNone});
}

absl::StatusOr<bool> SimplePathSearch::Next() {
  if (path_.size() > frames_.size()) path_.pop_back();  // the end of the last path
  while (!frames_.empty()) {
    Frame& f = frames_.back();
    const Neighbors neighbors(*graph_, path_.back(), direction_);
    const uint64_t begin = f.next, size = neighbors.size();
    const auto place = static_cast<uint32_t>(path_.size()) + 1;  // of what is entered
    VertexIndex entered = kNoVertex;
    bool found = false;
    while (f.next < size && !found) {
      const uint64_t i = f.next++;
      const VertexIndex w = neighbors[i];
      if (w == to_ && !neighbors.IsRepeated(i)) {
        f.edges_to_end = 1;
        found = IsShown(neighbors, i);
      } else if (group_[w] == group_now_ && place <= locks_[w] &&
                 !neighbors.IsRepeated(i)) {
        entered = w;
        break;
      }
    }
    SHEAF_RETURN_IF_ERROR(Work(f.next - begin + 1));
    if (found) {
      if (to_ != path_[0]) path_.push_back(to_);
      return true;
    }
    if (entered != kNoVertex) {
      Enter(entered);
    } else {
      SHEAF_RETURN_IF_ERROR(Leave());
    }
  }
  return false;
}

bool SimplePathSearch::IsShown(const Neighbors& neighbors, uint64_t i) const {
  if (to_ != path_[0] || graph_->is_directed() || path_.size() == 1) return true;
  if (path_.size() == 2) return i + 1 < neighbors.size() && neighbors[i + 1] == to_;
  return path_[1] < path_.back();
}

absl::Status SimplePathSearch::Leave() {
  const VertexIndex v = path_.back();
  const uint32_t edges_to_end = frames_.back().edges_to_end;
  const auto place = static_cast<uint32_t>(path_.size());
  path_.pop_back();
  frames_.pop_back();
  if (frames_.empty()) return absl::OkStatus();
  if (edges_to_end == kNone) {
    locks_[v] = is_bounded() ? place - 1 : kNowhere;
    return absl::OkStatus();
  }
  Frame& parent = frames_.back();
  parent.edges_to_end = std::min(parent.edges_to_end, edges_to_end + 1);
  return Free(v, edges_to_end);
}

// Breadth first, so that each is freed once, by the shortest way.
absl::Status SimplePathSearch::Free(VertexIndex v, uint32_t edges_to_end) {
  const auto lock_of = [&](uint32_t edges) {
    return is_bounded() ? edges_max_ - edges + 1 : kAnywhere;
  };
  locks_[v] = lock_of(edges_to_end);
  freed_.assign(1, {.vertex = v, .edges_to_end = edges_to_end});
  for (size_t done = 0; done < freed_.size(); ++done) {
    const Freed f = freed_[done];
    if (is_bounded() && f.edges_to_end >= edges_max_) break;
    const Neighbors neighbors(*graph_, f.vertex, backward_);
    const uint32_t lock = lock_of(f.edges_to_end + 1);
    for (uint64_t i = 0; i < neighbors.size(); ++i) {
      const VertexIndex u = neighbors[i];
      if (group_[u] != group_now_ || locks_[u] == kOnPath || locks_[u] >= lock) continue;
      locks_[u] = lock;
      freed_.push_back({.vertex = u, .edges_to_end = f.edges_to_end + 1});
    }
    SHEAF_RETURN_IF_ERROR(Work(neighbors.size() + 1));
  }
  return absl::OkStatus();
}

absl::Status SimplePathSearch::Work(uint64_t edges) {
  if (edges > work_left_)
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", work_max_, " edges were looked at"));
  work_left_ -= edges;
  return meter_->Add(edges);
}

}  // namespace sheaf::graph
