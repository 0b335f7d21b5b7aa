#include "graph/cycles.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "graph/depth_first.h"
#include "graph/simple_path_search.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::LowpointSearch;
using graph::Neighbors;
using graph::SimplePathSearch;
using graph::StrongSearch;
using graph::WorkMeter;

// A depth-first search that ends at the first edge to a vertex of the path it is on. Of an
// undirected graph one edge to the parent is the one it came by.
class CycleSearch {
 public:
  static uint64_t BytesOf(const GraphProjection& graph) {
    return graph.vertex_count() * uint64_t{sizeof(Frame) + 1};
  }
  explicit CycleSearch(const GraphProjection& graph)
      : graph_(&graph), marks_(graph.vertex_count(), kNew) {
    frames_.reserve(graph.vertex_count());
  }

  absl::StatusOr<std::vector<VertexIndex>> From(VertexIndex root, WorkMeter* meter) {
    if (marks_[root] != kNew) return std::vector<VertexIndex>();
    Enter(root);
    while (!frames_.empty()) {
      Frame& f = frames_.back();
      const absl::Span<const VertexIndex> heads = graph_->Out(f.vertex);
      const uint64_t begin = f.next;
      VertexIndex child = kNoVertex;
      while (f.next < heads.size() && child == kNoVertex) {
        const VertexIndex w = heads[f.next++];
        if (marks_[w] == kNew) child = w;
        if (marks_[w] != kOnPath) continue;
        if (IsWayBack(w, &f)) continue;
        return PathFrom(w);
      }
      SHEAF_RETURN_IF_ERROR(meter->Add(f.next - begin + 1));
      if (child != kNoVertex) {
        Enter(child);
      } else {
        marks_[f.vertex] = kDone;
        frames_.pop_back();
      }
    }
    return std::vector<VertexIndex>();
  }

 private:
  enum Mark : uint8_t { kNew = 0, kOnPath = 1, kDone = 2 };
  struct Frame {
    uint64_t next;
    VertexIndex vertex;
    bool skipped_parent;
  };

  void Enter(VertexIndex v) {
    marks_[v] = kOnPath;
    frames_.push_back({.next = 0, .vertex = v, .skipped_parent = false});
  }
  bool IsWayBack(VertexIndex w, Frame* f) const {
    if (graph_->is_directed() || f->skipped_parent || frames_.size() < 2) return false;
    f->skipped_parent = frames_[frames_.size() - 2].vertex == w;
    return f->skipped_parent;
  }
  std::vector<VertexIndex> PathFrom(VertexIndex first) const {
    size_t i = frames_.size() - 1;
    while (frames_[i].vertex != first) --i;
    std::vector<VertexIndex> path;
    for (; i < frames_.size(); ++i) path.push_back(frames_[i].vertex);
    return path;
  }

  const GraphProjection* graph_;
  std::vector<Mark> marks_;
  std::vector<Frame> frames_;
};

}  // namespace

absl::StatusOr<std::vector<VertexIndex>> FindCycle(const GraphProjection& graph,
                                                   const AlgorithmOptions& options) {
  WorkMeter meter(options, "the search for a cycle");
  SHEAF_RETURN_IF_ERROR(meter.Take(CycleSearch::BytesOf(graph)));
  SHEAF_RETURN_IF_ERROR(
      meter.Begin("edges and vertices", graph::OutEntries(graph) + graph.vertex_count()));
  CycleSearch search(graph);
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v) {
    SHEAF_ASSIGN_OR_RETURN(std::vector<VertexIndex> cycle, search.From(v, &meter));
    if (!cycle.empty()) return cycle;
  }
  return std::vector<VertexIndex>();
}

absl::StatusOr<bool> HasCycle(const GraphProjection& graph,
                              const AlgorithmOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<VertexIndex> cycle, FindCycle(graph, options));
  return !cycle.empty();
}

namespace {

// A spanning tree, breadth first. When a vertex is looked at, each of its neighbours that
// is in the tree already and was not looked at yet closes a cycle: up to where the ways to
// the root meet.
class BasisSearch {
 public:
  static uint64_t BytesOf(const GraphProjection& graph) {
    return graph.vertex_count() * uint64_t{13};
  }
  BasisSearch(const GraphProjection& graph, WorkMeter* meter)
      : graph_(&graph),
        meter_(meter),
        parents_(graph.vertex_count(), kNoVertex),
        depths_(graph.vertex_count(), 0),
        marks_(graph.vertex_count(), kNew) {
    queue_.reserve(graph.vertex_count());
  }

  absl::Status From(VertexIndex root) {
    if (marks_[root] != kNew) return absl::OkStatus();
    marks_[root] = kInTree;
    queue_.assign(1, root);
    for (size_t i = 0; i < queue_.size(); ++i) {
      SHEAF_RETURN_IF_ERROR(LookAt(queue_[i]));
      marks_[queue_[i]] = kLookedAt;
    }
    return absl::OkStatus();
  }
  VertexLists TakeCycles() { return std::move(cycles_); }

 private:
  enum Mark : uint8_t { kNew = 0, kInTree = 1, kLookedAt = 2 };

  absl::Status LookAt(VertexIndex v) {
    const Neighbors neighbors(*graph_, v);
    for (uint64_t i = 0; i < neighbors.size(); ++i) {
      const VertexIndex w = neighbors[i];
      if (w == v && neighbors.IsSecond(i)) continue;  // a loop is in both rows
      if (marks_[w] == kInTree) {
        SHEAF_RETURN_IF_ERROR(AddCycle(v, w));
      } else if (marks_[w] == kNew) {
        marks_[w] = kInTree;
        parents_[w] = v;
        depths_[w] = depths_[v] + 1;
        queue_.push_back(w);
      }
    }
    return meter_->Add(neighbors.size() + 1);
  }
  absl::Status AddCycle(VertexIndex v, VertexIndex w) {
    const size_t begin = cycles_.items.size();
    other_side_.clear();
    while (v != w) {
      const bool of_w = depths_[w] >= depths_[v];
      VertexIndex& lower = of_w ? w : v;
      (of_w ? cycles_.items : other_side_).push_back(lower);
      lower = parents_[lower];
    }
    cycles_.items.push_back(v);
    cycles_.items.insert(cycles_.items.end(), other_side_.rbegin(), other_side_.rend());
    cycles_.EndList();
    const uint64_t length = cycles_.items.size() - begin;
    SHEAF_RETURN_IF_ERROR(meter_->Take(12 * length + 24));
    return meter_->Add(length);
  }

  const GraphProjection* graph_;
  WorkMeter* meter_;
  std::vector<VertexIndex> parents_, queue_, other_side_;
  std::vector<uint32_t> depths_;
  std::vector<Mark> marks_;
  VertexLists cycles_;
};

}  // namespace

absl::StatusOr<VertexLists> CycleBasis(const GraphProjection& graph,
                                       const AlgorithmOptions& options) {
  WorkMeter meter(options, "the cycle basis");
  SHEAF_RETURN_IF_ERROR(meter.Take(BasisSearch::BytesOf(graph)));
  SHEAF_RETURN_IF_ERROR(meter.Begin("edges", 0));
  BasisSearch search(graph, &meter);
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v)
    SHEAF_RETURN_IF_ERROR(search.From(v));
  return search.TakeCycles();
}

// Components in which every vertex lies on a cycle wait in a list: strong ones, of an
// undirected graph those without bridges. The cycles through the smallest vertex of one,
// its root, are searched in it; what is left of it without that vertex falls into new
// components. A component is called by its first root, in the groups of the search.
//
// With a bound on the length only what is near the root is looked at, which may be far
// less than the component: it is split when as much work was done as that takes.
struct CycleCursor::State {
  State(const GraphProjection& g, const CycleBounds& b, const AlgorithmOptions& o)
      : graph(&g),
        bounds(b),
        options(o),
        search(g, Direction::kOut, b.length_max, b.work_max, &meter) {
    if (g.is_directed()) {
      strong.emplace(g);
    } else {
      lowpoint.emplace(g);
    }
  }
  static uint64_t BytesOf(const GraphProjection& graph) {
    return SimplePathSearch::BytesOf(graph) +
           std::max(StrongSearch::BytesOf(graph), LowpointSearch::BytesOf(graph)) +
           graph.vertex_count() * uint64_t{32};  // near, lists: of two at the worst
  }

  bool HasLoop(VertexIndex v) const {
    const absl::Span<const VertexIndex> heads = graph->Out(v);
    return std::binary_search(heads.begin(), heads.end(), v);
  }
  // The components of those vertices, which are of one group.
  absl::Status Split(absl::Span<const VertexIndex> vertices);
  absl::Status SplitStrong(absl::Span<const VertexIndex> vertices);
  absl::Status SplitUndirected(absl::Span<const VertexIndex> vertices);
  void AddComponent(absl::Span<const VertexIndex> component);
  // What was searched from the root of the component is done.
  absl::Status LeaveRoot();
  // False when no component is left.
  absl::StatusOr<bool> NextRoot();
  // Breadth first backwards from the root: what reaches it, and how far it is.
  absl::Status LookBack(VertexIndex root);
  absl::StatusOr<bool> Next();

  const GraphProjection* graph;
  CycleBounds bounds;
  AlgorithmOptions options;
  WorkMeter meter{options, "the cycles"};
  std::optional<StrongSearch> strong;      // of directed graphs
  std::optional<LowpointSearch> lowpoint;  // of undirected ones
  SimplePathSearch search;
  std::vector<std::vector<VertexIndex>> waiting;
  std::vector<VertexIndex> component;  // that is searched, ascending
  size_t root_at = 0;                  // in component
  uint64_t split_work = 0;             // that splitting it would be
  uint64_t work = 0;                   // looking back, since it was split
  uint64_t work_before = 0;            // of the search
  std::vector<VertexIndex> near;       // the root, with a bound
  uint64_t count = 0;
  absl::Status status;
};

void CycleCursor::State::AddComponent(absl::Span<const VertexIndex> vertices) {
  if (vertices.size() == 1 && !HasLoop(vertices[0])) {
    search.SetGroup(vertices[0], kNoVertex);
    return;
  }
  std::vector<VertexIndex> members(vertices.begin(), vertices.end());
  std::sort(members.begin(), members.end());
  for (VertexIndex v : members) search.SetGroup(v, members[0]);
  waiting.push_back(std::move(members));
}

absl::Status CycleCursor::State::SplitStrong(absl::Span<const VertexIndex> vertices) {
  const VertexIndex group = search.group(vertices[0]);
  for (VertexIndex v : vertices) strong->Forget(v);
  for (VertexIndex v : vertices) {
    SHEAF_RETURN_IF_ERROR(strong->From(
        v, [&](VertexIndex w) { return search.group(w) == group; },
        [&](absl::Span<const VertexIndex> found) { AddComponent(found); }, &meter));
  }
  return absl::OkStatus();
}

absl::Status CycleCursor::State::SplitUndirected(absl::Span<const VertexIndex> vertices) {
  const VertexIndex group = search.group(vertices[0]);
  for (VertexIndex v : vertices) lowpoint->Forget(v);
  lowpoint->Restart();
  std::vector<VertexIndex> stack;
  for (VertexIndex root : vertices) {
    SHEAF_RETURN_IF_ERROR(lowpoint->From(
        root, [&](VertexIndex w) { return search.group(w) == group; },
        [&](VertexIndex v) { stack.push_back(v); },
        [&](VertexIndex v, VertexIndex) {
          if (lowpoint->low(v) != lowpoint->number(v)) return;
          size_t begin = stack.size() - 1;
          while (stack[begin] != v) --begin;
          AddComponent(absl::MakeConstSpan(stack).subspan(begin));
          stack.resize(begin);
        },
        &meter));
  }
  return absl::OkStatus();
}

absl::Status CycleCursor::State::Split(absl::Span<const VertexIndex> vertices) {
  if (vertices.empty()) return absl::OkStatus();
  return graph->is_directed() ? SplitStrong(vertices) : SplitUndirected(vertices);
}

absl::Status CycleCursor::State::LeaveRoot() {
  if (component.empty()) return absl::OkStatus();
  for (VertexIndex v : near) search.Bar(v);
  near.clear();
  search.SetGroup(component[root_at], kNoVertex);
  ++root_at;
  if (search.is_bounded() && root_at < component.size() &&
      work + search.work() - work_before < split_work)
    return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(Split(absl::MakeConstSpan(component).subspan(root_at)));
  component.clear();
  return absl::OkStatus();
}

absl::StatusOr<bool> CycleCursor::State::NextRoot() {
  SHEAF_RETURN_IF_ERROR(LeaveRoot());
  if (component.empty()) {
    if (waiting.empty()) return false;
    component = std::move(waiting.back());
    waiting.pop_back();
    root_at = 0;
    split_work = component.size();
    for (VertexIndex v : component) {
      split_work += graph->Out(v).size();
      search.is_bounded() ? search.Bar(v) : search.Reset(v);
    }
    work = 0;
    work_before = search.work();
  }
  const VertexIndex root = component[root_at];
  if (search.is_bounded()) SHEAF_RETURN_IF_ERROR(LookBack(root));
  search.Start(root, root, component[0]);
  return true;
}

absl::Status CycleCursor::State::LookBack(VertexIndex root) {
  near.assign(1, root);
  search.Reset(root);
  size_t begin = 0;
  for (uint32_t distance = 1; distance < bounds.length_max && begin < near.size();
       ++distance) {
    for (const size_t end = near.size(); begin < end; ++begin) {
      const absl::Span<const VertexIndex> tails = graph->In(near[begin]);
      for (VertexIndex v : tails) {
        if (search.group(v) != component[0] || v == root || !search.IsBarred(v)) continue;
        search.Reset(v, distance);
        near.push_back(v);
      }
      work += tails.size() + 1;
      SHEAF_RETURN_IF_ERROR(meter.Add(tails.size() + 1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CycleCursor::State::Next() {
  if (count == bounds.count_max) return false;
  for (;;) {
    SHEAF_ASSIGN_OR_RETURN(const bool found, search.Next());
    count += found;
    if (found) return true;
    SHEAF_ASSIGN_OR_RETURN(const bool more, NextRoot());
    if (!more) return false;
  }
}

CycleCursor::CycleCursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
CycleCursor::CycleCursor(CycleCursor&&) noexcept = default;
CycleCursor& CycleCursor::operator=(CycleCursor&&) noexcept = default;
CycleCursor::~CycleCursor() = default;

absl::StatusOr<CycleCursor> CycleCursor::Of(const GraphProjection& graph,
                                            const CycleBounds& bounds,
                                            const AlgorithmOptions& options) {
  {
    WorkMeter memory(options, "the cycles");
    SHEAF_RETURN_IF_ERROR(memory.Take(State::BytesOf(graph)));
  }
  auto state = std::make_unique<State>(graph, bounds, options);
  SHEAF_RETURN_IF_ERROR(state->meter.Begin("edges", 0));
  std::vector<VertexIndex> all(graph.vertex_count());
  for (VertexIndex v = 0; v < all.size(); ++v) {
    all[v] = v;
    state->search.SetGroup(v, graph.vertex_count());  // what no component is called
  }
  SHEAF_RETURN_IF_ERROR(state->Split(all));
  return CycleCursor(std::move(state));
}

bool CycleCursor::Next() {
  if (!state_->status.ok()) return false;
  const absl::StatusOr<bool> more = state_->Next();
  state_->status = more.status();
  return more.ok() && *more;
}

absl::Status CycleCursor::status() const { return state_->status; }
absl::Span<const VertexIndex> CycleCursor::cycle() const { return state_->search.path(); }

}  // namespace sheaf
