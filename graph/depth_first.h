// Depth-first searches that several algorithms stand on, without recursion.
//
// StrongSearch finds strongly connected components (Tarjan 1972, with one number a vertex
// as in Pearce 2016). LowpointSearch ignores directions and numbers vertices for bridges,
// articulation points and blocks (Hopcroft and Tarjan 1973).
//
// Both look at some of the vertices only: those that `admit` accepts, which are asked for
// each edge. Both may run many times: Forget makes a vertex unseen again. Time is linear
// in the edges of the vertices seen.
#ifndef GRAPH_DEPTH_FIRST_H_
#define GRAPH_DEPTH_FIRST_H_
#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"

namespace sheaf::graph {

// What one vertex is joined to: Out, In, or both, a loop then once.
class Neighbors {
 public:
  Neighbors(const GraphProjection& graph, VertexIndex v,
            Direction direction = Direction::kBoth) {
    const bool out = direction != Direction::kIn || !graph.is_directed();
    if (out) first_ = graph.Out(v);
    if (direction == Direction::kIn && graph.is_directed()) first_ = graph.In(v);
    if (direction == Direction::kBoth && graph.is_directed()) second_ = graph.In(v);
  }
  uint64_t size() const { return first_.size() + second_.size(); }
  VertexIndex operator[](uint64_t i) const {
    return i < first_.size() ? first_[i] : second_[i - first_.size()];
  }
  // Those of the second part, of directed graphs and kBoth: the tails.
  bool IsSecond(uint64_t i) const { return i >= first_.size(); }
  // Whether the same vertex stands at a smaller place.
  bool IsRepeated(uint64_t i) const {
    if (i < first_.size()) return i > 0 && first_[i] == first_[i - 1];
    const uint64_t j = i - first_.size();
    return (j > 0 && second_[j] == second_[j - 1]) ||
           std::binary_search(first_.begin(), first_.end(), second_[j]);
  }

 private:
  absl::Span<const VertexIndex> first_, second_;
};

class StrongSearch {
 public:
  static uint64_t BytesOf(const GraphProjection& graph) {
    return uint64_t{graph.vertex_count()} * (2 * sizeof(uint32_t) + sizeof(Frame));
  }
  explicit StrongSearch(const GraphProjection& graph)
      : graph_(&graph), low_(graph.vertex_count(), 0) {
    frames_.reserve(graph.vertex_count());
    stack_.reserve(graph.vertex_count());
  }

  // Everything that `root` reaches and that was not seen. done(span) gets each component
  // after those that it reaches.
  template <class Admit, class Done>
  absl::Status From(VertexIndex root, const Admit& admit, const Done& done,
                    WorkMeter* meter) {
    if (low_[root] != 0) return absl::OkStatus();
    Enter(root);
    while (!frames_.empty()) {
      Frame& f = frames_.back();
      const absl::Span<const VertexIndex> heads = graph_->Out(f.vertex);
      uint32_t low = low_[f.vertex];
      uint64_t i = f.next;
      VertexIndex child = kNoVertex;
      while (i < heads.size()) {
        const VertexIndex w = heads[i++];
        if (!admit(w)) continue;
        if (low_[w] == 0) {
          child = w;
          break;
        }
        low = std::min(low, low_[w]);
      }
      SHEAF_RETURN_IF_ERROR(meter->Add(i - f.next + 1));
      f.next = i;
      low_[f.vertex] = low;
      if (child != kNoVertex) {
        Enter(child);
      } else {
        Leave(done);
      }
    }
    return absl::OkStatus();
  }
  void Forget(VertexIndex v) { low_[v] = 0; }

 private:
  struct Frame {
    uint64_t next;  // edge of the vertex
    VertexIndex vertex;
    uint32_t number;
  };
  static constexpr uint32_t kDone = 0xffffffff;  // more than any number

  void Enter(VertexIndex v) {
    low_[v] = static_cast<uint32_t>(stack_.size()) + 1;
    stack_.push_back(v);
    frames_.push_back({.next = 0, .vertex = v, .number = low_[v]});
  }
  template <class Done>
  void Leave(const Done& done) {
    const Frame f = frames_.back();
    frames_.pop_back();
    if (low_[f.vertex] != f.number) {  // not the root of a component, so it has a parent
      uint32_t& low = low_[frames_.back().vertex];
      low = std::min(low, low_[f.vertex]);
      return;
    }
    const auto component = absl::MakeConstSpan(stack_).subspan(f.number - 1);
    for (VertexIndex v : component) low_[v] = kDone;
    done(component);
    stack_.resize(f.number - 1);
  }

  const GraphProjection* graph_;
  std::vector<uint32_t> low_;  // 0: not seen
  std::vector<VertexIndex> stack_;
  std::vector<Frame> frames_;
};

class LowpointSearch {
 public:
  static uint64_t BytesOf(const GraphProjection& graph) {
    return uint64_t{graph.vertex_count()} * (2 * sizeof(uint32_t) + sizeof(Frame));
  }
  explicit LowpointSearch(const GraphProjection& graph)
      : graph_(&graph), number_(graph.vertex_count(), 0), low_(graph.vertex_count(), 0) {
    frames_.reserve(graph.vertex_count());
  }

  // Everything joined to `root` that was not seen. enter(v) in preorder; leave(v, parent)
  // in postorder, kNoVertex for the root's parent: low(v) is final then. The edge to the
  // parent does not count for low; one that is parallel to it does.
  template <class Admit, class Enter, class Leave>
  absl::Status From(VertexIndex root, const Admit& admit, const Enter& enter,
                    const Leave& leave, WorkMeter* meter) {
    if (number_[root] != 0) return absl::OkStatus();
    VertexIndex parent = kNoVertex;
    Push(root);
    enter(root);
    while (!frames_.empty()) {
      Frame& f = frames_.back();
      parent = frames_.size() > 1 ? frames_[frames_.size() - 2].vertex : kNoVertex;
      const Neighbors neighbors(*graph_, f.vertex);
      const uint64_t size = neighbors.size();
      uint32_t low = low_[f.vertex];
      uint64_t i = f.next;
      VertexIndex child = kNoVertex;
      while (i < size) {
        const VertexIndex w = neighbors[i++];
        if (!admit(w)) continue;
        if (number_[w] == 0) {
          child = w;
          break;
        }
        if (w == parent && !f.skipped_parent) {
          f.skipped_parent = true;
          continue;
        }
        low = std::min(low, number_[w]);
      }
      SHEAF_RETURN_IF_ERROR(meter->Add(i - f.next + 1));
      f.next = i;
      low_[f.vertex] = low;
      if (child != kNoVertex) {
        Push(child);
        enter(child);
        continue;
      }
      const VertexIndex v = f.vertex;
      frames_.pop_back();
      if (parent != kNoVertex) low_[parent] = std::min(low_[parent], low_[v]);
      leave(v, parent);
    }
    return absl::OkStatus();
  }
  void Forget(VertexIndex v) { number_[v] = 0; }
  // In preorder, from 1 on.
  uint32_t number(VertexIndex v) const { return number_[v]; }
  // The smallest number that v or what is below it in the tree has an edge to.
  uint32_t low(VertexIndex v) const { return low_[v]; }
  void Restart() { last_ = 0; }  // Requires: everything is forgotten

 private:
  struct Frame {
    uint64_t next;
    VertexIndex vertex;
    bool skipped_parent;
  };
  void Push(VertexIndex v) {
    number_[v] = low_[v] = ++last_;
    frames_.push_back({.next = 0, .vertex = v, .skipped_parent = false});
  }

  const GraphProjection* graph_;
  std::vector<uint32_t> number_, low_;  // number 0: not seen
  std::vector<Frame> frames_;
  uint32_t last_ = 0;
};

}  // namespace sheaf::graph
#endif  // GRAPH_DEPTH_FIRST_H_
