#include "graph/dominators.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "graph/depth_first.h"
#include "graph/neighbors.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::Neighbors;
using graph::WorkMeter;

constexpr uint32_t kNone = 0xffffffff;

// Everything but numbers_ goes by the number of a vertex in depth-first order; the root
// has 0.
class LengauerTarjan {
 public:
  static uint64_t BytesOf(const GraphProjection& graph) {
    return graph.vertex_count() * uint64_t{10 * sizeof(uint32_t) + sizeof(Frame)};
  }
  LengauerTarjan(const GraphProjection& graph, Direction direction, WorkMeter* meter)
      : graph_(&graph),
        direction_(direction),
        meter_(meter),
        numbers_(graph.vertex_count(), kNone) {}

  absl::Status Run(VertexIndex root) {
    SHEAF_RETURN_IF_ERROR(Number(root));
    const size_t count = vertices_.size();
    semi_.resize(count);
    std::iota(semi_.begin(), semi_.end(), 0u);
    labels_ = semi_;
    ancestors_.assign(count, kNone);
    immediate_.assign(count, 0);
    buckets_.assign(count, kNone);
    bucket_next_.assign(count, kNone);
    for (uint32_t i = static_cast<uint32_t>(count); i-- > 1;)
      SHEAF_RETURN_IF_ERROR(Step(i));
    for (uint32_t i = 1; i < count; ++i)
      if (immediate_[i] != semi_[i]) immediate_[i] = immediate_[immediate_[i]];
    return absl::OkStatus();
  }
  void Fill(DominatorTree* tree) const;

 private:
  struct Frame {
    uint64_t next;
    uint32_t number;
  };

  absl::Status Number(VertexIndex root) {
    std::vector<Frame> frames;
    frames.reserve(graph_->vertex_count());
    vertices_.reserve(graph_->vertex_count());
    parents_.reserve(graph_->vertex_count());
    const auto enter = [&](VertexIndex v, uint32_t parent) {
      numbers_[v] = static_cast<uint32_t>(vertices_.size());
      vertices_.push_back(v);
      parents_.push_back(parent);
      frames.push_back({.next = 0, .number = numbers_[v]});
    };
    enter(root, kNone);
    while (!frames.empty()) {
      Frame& f = frames.back();
      const Neighbors heads(*graph_, vertices_[f.number], direction_);
      const uint64_t begin = f.next;
      while (f.next < heads.size() && numbers_[heads[f.next]] != kNone) ++f.next;
      SHEAF_RETURN_IF_ERROR(meter_->Add(f.next - begin + 1));
      if (f.next < heads.size()) {
        enter(heads[f.next], f.number);
      } else {
        frames.pop_back();
      }
    }
    return absl::OkStatus();
  }
  absl::Status Step(uint32_t i) {
    const Neighbors tails(*graph_, vertices_[i], graph::Reverse(direction_));
    for (uint64_t j = 0; j < tails.size(); ++j) {
      const uint32_t tail = numbers_[tails[j]];
      if (tail != kNone) semi_[i] = std::min(semi_[i], semi_[Evaluate(tail)]);
    }
    bucket_next_[i] = std::exchange(buckets_[semi_[i]], i);
    const uint32_t parent = parents_[i];
    ancestors_[i] = parent;
    for (uint32_t v = std::exchange(buckets_[parent], kNone); v != kNone;
         v = bucket_next_[v]) {
      const uint32_t u = Evaluate(v);
      immediate_[v] = semi_[u] < semi_[v] ? u : parent;
    }
    return meter_->Add(tails.size() + 1);
  }
  // Of v and what is above it in the forest, without its root, that of the smallest semi.
  uint32_t Evaluate(uint32_t v) {
    if (ancestors_[v] == kNone) return labels_[v];
    for (uint32_t u = v; ancestors_[ancestors_[u]] != kNone; u = ancestors_[u])
      way_.push_back(u);
    for (; !way_.empty(); way_.pop_back()) {
      const uint32_t u = way_.back(), above = ancestors_[u];
      if (semi_[labels_[above]] < semi_[labels_[u]]) labels_[u] = labels_[above];
      ancestors_[u] = ancestors_[above];
    }
    return labels_[v];
  }

  const GraphProjection* graph_;
  Direction direction_;
  WorkMeter* meter_;
  std::vector<uint32_t> numbers_;  // by vertex
  std::vector<VertexIndex> vertices_;
  std::vector<uint32_t> parents_, semi_, labels_, ancestors_, immediate_;
  std::vector<uint32_t> buckets_, bucket_next_;  // lists
  std::vector<uint32_t> way_;
};

// A dominator has a smaller number than what it dominates.
void LengauerTarjan::Fill(DominatorTree* tree) const {
  const size_t count = vertices_.size();
  std::vector<uint32_t> sizes(count, 1);
  for (size_t i = count; i-- > 1;) sizes[immediate_[i]] += sizes[i];
  tree->immediate.assign(numbers_.size(), kNoVertex);
  tree->begin.assign(numbers_.size(), kNoVertex);
  tree->end.assign(numbers_.size(), 0);
  std::vector<uint32_t> next(count, 0);  // where what is below it begins
  for (size_t i = 0; i < count; ++i) {
    const VertexIndex v = vertices_[i];
    uint32_t begin = 0;
    if (i > 0) {
      tree->immediate[v] = vertices_[immediate_[i]];
      begin = next[immediate_[i]];
      next[immediate_[i]] += sizes[i];
    }
    tree->begin[v] = begin;
    tree->end[v] = begin + sizes[i];
    next[i] = begin + 1;
  }
}

absl::StatusOr<DominatorTree> TreeOf(const GraphProjection& graph, VertexIndex root,
                                     Direction direction,
                                     const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(graph, root, "the root"));
  WorkMeter meter(options, "the dominators");
  SHEAF_RETURN_IF_ERROR(meter.Take(LengauerTarjan::BytesOf(graph) +
                                   graph.vertex_count() * uint64_t{5 * 4}));
  SHEAF_RETURN_IF_ERROR(meter.Begin(
      "edges and vertices", 2 * (graph::OutEntries(graph) + graph.vertex_count())));
  LengauerTarjan search(graph, direction, &meter);
  SHEAF_RETURN_IF_ERROR(search.Run(root));
  DominatorTree tree;
  tree.root = root;
  tree.direction = direction;
  search.Fill(&tree);
  return tree;
}

// For each vertex b that is reached, from each tail of it up to its immediate dominator,
// fn(v, b) once.
template <class Fn>
absl::Status ForEachFrontier(const GraphProjection& graph, const DominatorTree& tree,
                             WorkMeter* meter, const Fn& fn) {
  std::vector<VertexIndex> last(graph.vertex_count(), kNoVertex);
  for (VertexIndex b = 0; b < graph.vertex_count(); ++b) {
    if (!tree.IsReached(b)) continue;
    const Neighbors tails(graph, b, graph::Reverse(tree.direction));
    SHEAF_RETURN_IF_ERROR(meter->Add(tails.size() + 1));
    for (uint64_t i = 0; i < tails.size(); ++i) {
      VertexIndex v = tails[i];
      if (!tree.IsReached(v)) continue;
      for (; v != tree.immediate[b] && last[v] != b; v = tree.immediate[v]) {
        last[v] = b;
        SHEAF_RETURN_IF_ERROR(fn(v, b));
        if (v == tree.root) break;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DominatorTree> Dominators(const GraphProjection& graph, VertexIndex root,
                                         const AlgorithmOptions& options) {
  return TreeOf(graph, root, Direction::kOut, options);
}

absl::StatusOr<DominatorTree> PostDominators(const GraphProjection& graph,
                                             VertexIndex exit,
                                             const AlgorithmOptions& options) {
  return TreeOf(graph, exit, Direction::kIn, options);
}

absl::StatusOr<VertexLists> DominanceFrontiers(const GraphProjection& graph,
                                               const DominatorTree& tree,
                                               const AlgorithmOptions& options) {
  const uint64_t n = graph.vertex_count();
  if (tree.immediate.size() != n || tree.begin.size() != n || tree.end.size() != n)
    return absl::InvalidArgumentError("the dominator tree of another graph");
  WorkMeter meter(options, "the dominance frontiers");
  SHEAF_RETURN_IF_ERROR(meter.Take(n * (8 + 8 + 4)));
  SHEAF_RETURN_IF_ERROR(meter.Begin("edges and vertices", 0));
  VertexLists result;
  result.offsets.assign(n + 1, 0);
  SHEAF_RETURN_IF_ERROR(
      ForEachFrontier(graph, tree, &meter, [&](VertexIndex v, VertexIndex) {
        ++result.offsets[size_t{v} + 1];
        return meter.Add(1);
      }));
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  SHEAF_RETURN_IF_ERROR(meter.Take(result.offsets.back() * sizeof(VertexIndex)));
  result.items.resize(result.offsets.back());
  std::vector<uint64_t> next(result.offsets.begin(), result.offsets.end() - 1);
  SHEAF_RETURN_IF_ERROR(
      ForEachFrontier(graph, tree, &meter, [&](VertexIndex v, VertexIndex b) {
        result.items[next[v]++] = b;
        return meter.Add(1);
      }));
  return result;
}

}  // namespace sheaf
