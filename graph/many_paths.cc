// The part of shortest_paths.h that finds several paths between two vertices.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "graph/algorithm_run.h"
#include "graph/hop_search.h"
#include "graph/neighbors.h"
#include "graph/shortest_paths.h"
#include "graph/weight_search.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::AlgorithmRun;
using graph::HopSearch;
using graph::Meter;
using graph::VertexHeap;
using graph::WeightSearch;

namespace {

absl::Status CheckArguments(const char* call, const GraphProjection& graph,
                            VertexIndex from, VertexIndex to,
                            const ManyPathsOptions& many) {
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(call, graph, from));
  SHEAF_RETURN_IF_ERROR(graph::CheckVertex(call, graph, to));
  if (many.weighted) SHEAF_RETURN_IF_ERROR(graph::CheckWeighted(call, graph));
  if (many.paths_max == 0)
    return absl::InvalidArgumentError(absl::StrCat(call, ": paths_max is 0"));
  if (std::isnan(many.weight_max))
    return absl::InvalidArgumentError(absl::StrCat(call, ": weight_max is not a number"));
  return absl::OkStatus();
}

// The shortest paths to one vertex, as the steps that bring each vertex nearer to it.
class Descent {
 public:
  static constexpr uint64_t kBytesPerVertex = WeightSearch::kBytesPerVertex + 4;

  Descent(const GraphProjection* graph, const ManyPathsOptions& many)
      : graph_(*graph), many_(many) {}

  absl::Status Search(VertexIndex from, VertexIndex to, const char* call, Meter& meter) {
    const Direction back = graph::Reverse(many_.direction);
    if (!many_.weighted) {
      hops_.emplace(&graph_, back);
      return hops_->Run(to, HopSearch::kUnreached, meter);
    }
    weights_.emplace(&graph_, back, true, call);
    SHEAF_RETURN_IF_ERROR(weights_->Run(to, from, WeightSearch::Zero::kForbidden, meter));
    ranks_.assign(graph_.vertex_count(), kNoVertex);
    for (VertexIndex rank = 0; rank < weights_->order().size(); ++rank)
      ranks_[weights_->order()[rank]] = rank;
    return absl::OkStatus();
  }

  double Distance(VertexIndex v) const {
    if (many_.weighted) return weights_->distances()[v];
    const uint32_t depth = hops_->depths()[v];
    return depth == HopSearch::kUnreached ? kUnreachable : depth;
  }

  // Where a shortest path goes on from `v`, ascending; never empty before the end. Good
  // until the next call.
  const std::vector<VertexIndex>& Next(VertexIndex v) {
    const auto [found, is_new] = next_.try_emplace(v);
    std::vector<VertexIndex>& next = found->second;
    if (!is_new) return next;
    const double distance = Distance(v);
    graph::ForEachEdge(graph_, v, many_.direction, many_.weighted,
                       [&](VertexIndex u, double weight) {
                         if (Distance(u) + weight == distance && IsNearer(u, v))
                           next.push_back(u);
                       });
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    bytes_ += next.capacity() * sizeof(VertexIndex) + 64;
    return next;
  }

  uint64_t bytes() const { return bytes_; }

 private:
  // A weight may be lost in a long distance; the order of settling is not.
  bool IsNearer(VertexIndex u, VertexIndex v) const {
    return !many_.weighted || ranks_[u] < ranks_[v];
  }

  const GraphProjection& graph_;
  const ManyPathsOptions& many_;
  std::optional<HopSearch> hops_;
  std::optional<WeightSearch> weights_;
  std::vector<VertexIndex> ranks_;  // with weights: place in the order of settling
  // Of the vertices on paths found.
  absl::flat_hash_map<VertexIndex, std::vector<VertexIndex>> next_;
  uint64_t bytes_ = 0;
};

uint64_t BytesOf(const GraphPath& path) {
  return path.vertices.capacity() * sizeof(VertexIndex) + sizeof(GraphPath);
}

}  // namespace

absl::StatusOr<ManyPaths> AllShortestPaths(const GraphProjection& graph, VertexIndex from,
                                           VertexIndex to, const ManyPathsOptions& many,
                                           const AlgorithmOptions& options) {
  AlgorithmRun run(options, "AllShortestPaths");
  SHEAF_RETURN_IF_ERROR(CheckArguments(run.call(), graph, from, to, many));
  SHEAF_RETURN_IF_ERROR(run.Begin(graph.vertex_count() * Descent::kBytesPerVertex));
  Descent descent(&graph, many);
  Meter meter(&run);
  SHEAF_RETURN_IF_ERROR(descent.Search(from, to, run.call(), meter));
  ManyPaths result;
  const double weight = descent.Distance(from);
  if (weight == kUnreachable || weight > many.weight_max) return result;
  // Depth first: a vertex of the path, and which of its steps is next.
  std::vector<VertexIndex> path = {from};
  std::vector<size_t> steps = {0};
  uint64_t bytes = 0;
  while (!path.empty()) {
    const bool at_end = path.back() == to;
    if (at_end) {
      if (result.paths.size() == many.paths_max) {
        result.complete = false;
        return result;
      }
      result.paths.push_back({path, weight});
      bytes += BytesOf(result.paths.back());
      SHEAF_RETURN_IF_ERROR(run.CheckGrown(bytes + descent.bytes()));
      SHEAF_RETURN_IF_ERROR(meter.Work(path.size() + 1));
    }
    if (!at_end) {
      const std::vector<VertexIndex>& next = descent.Next(path.back());
      if (steps.back() < next.size()) {
        path.push_back(next[steps.back()++]);
        steps.push_back(0);
        continue;
      }
    }
    path.pop_back();
    steps.pop_back();
  }
  return result;
}

namespace {

// A path from the source; distances[i] is the length as far as vertices[i]. It is the
// shortest of those that share its first `deviation` + 1 vertices with a path found
// before it and then leave all of those.
struct Candidate {
  std::vector<VertexIndex> vertices;
  std::vector<double> distances;
  size_t deviation = 0;

  double weight() const { return distances.back(); }
  uint64_t bytes() const {
    return vertices.size() * (sizeof(VertexIndex) + sizeof(double)) + 128;
  }
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.weight() != b.weight() ? a.weight() < b.weight() : a.vertices < b.vertices;
  }
};

// A* from a vertex to the target that keeps off some vertices and first steps. What is
// left from each vertex without those bans leads it, so that it hardly ever strays.
class DetourSearch {
 public:
  // What is left included.
  static constexpr uint64_t kBytesPerVertex =
      8 + 8 + 4 + 4 + 4 + VertexHeap::kBytesPerVertex;

  DetourSearch(const GraphProjection* graph, const ManyPathsOptions& many, VertexIndex to,
               std::vector<double> left)
      : graph_(*graph),
        many_(many),
        to_(to),
        left_(std::move(left)),
        distances_(left_.size()),
        parents_(left_.size()),
        seen_(left_.size()),
        banned_(left_.size()),
        heap_(static_cast<VertexIndex>(left_.size())) {}

  double left(VertexIndex v) const { return left_[v]; }

  // Bans last until the next Clear.
  void Clear() { ++ban_; }
  void Ban(VertexIndex v) { banned_[v] = ban_; }

  // Appends the shortest way from the last vertex of `path` that is not longer, all in
  // all, than `weight_max`; false: there is none. `not_next`: where it must not go first.
  absl::StatusOr<bool> Extend(Candidate* path, double weight_max,
                              const std::vector<VertexIndex>& not_next, Meter& meter) {
    const VertexIndex start = path->vertices.back();
    ++search_;
    heap_.Clear();
    Reach(start, kNoVertex, path->distances.back());
    while (!heap_.empty()) {
      const VertexHeap::Entry top = heap_.Pop();
      const VertexIndex v = top.vertex;
      if (v == to_) {
        Append(start, path);
        return true;
      }
      const double distance = distances_[v];
      graph::ForEachEdge(
          graph_, v, many_.direction, many_.weighted, [&](VertexIndex u, double weight) {
            const double through = distance + weight;
            if (banned_[u] == ban_ || !(through + left_[u] <= weight_max)) return;
            if (left_[u] == kUnreachable) return;
            if (seen_[u] == search_ && through >= distances_[u]) return;
            if (v == start && std::binary_search(not_next.begin(), not_next.end(), u))
              return;
            Reach(u, v, through);
          });
      SHEAF_RETURN_IF_ERROR(meter.Work(graph::DegreeOf(graph_, v, many_.direction) + 1));
    }
    return false;
  }

 private:
  void Reach(VertexIndex v, VertexIndex parent, double distance) {
    seen_[v] = search_;
    distances_[v] = distance;
    parents_[v] = parent;
    heap_.PushOrLower(v, distance + left_[v]);
  }

  void Append(VertexIndex start, Candidate* path) const {
    const auto old_size = static_cast<ptrdiff_t>(path->vertices.size());
    for (VertexIndex v = to_; v != start; v = parents_[v]) {
      path->vertices.push_back(v);
      path->distances.push_back(distances_[v]);
    }
    std::reverse(path->vertices.begin() + old_size, path->vertices.end());
    std::reverse(path->distances.begin() + old_size, path->distances.end());
  }

  const GraphProjection& graph_;
  const ManyPathsOptions& many_;
  const VertexIndex to_;
  const std::vector<double> left_;
  std::vector<double> distances_;
  std::vector<VertexIndex> parents_;
  std::vector<uint32_t> seen_, banned_;  // number of the search, of the bans
  uint32_t search_ = 0, ban_ = 1;
  VertexHeap heap_;
};

class YenSearch {
 public:
  YenSearch(DetourSearch* detours, const ManyPathsOptions& many, AlgorithmRun* run)
      : detours_(*detours), many_(many), run_(*run) {}

  absl::Status Run(VertexIndex from, Meter& meter) {
    Candidate first{.vertices = {from}, .distances = {0}};
    SHEAF_RETURN_IF_ERROR(Propose(std::move(first), {}, meter));
    while (!candidates_.empty() && found_.size() < many_.paths_max) {
      found_.push_back(std::move(candidates_.extract(candidates_.begin()).value()));
      SHEAF_RETURN_IF_ERROR(ProposeDetours(meter));
    }
    return absl::OkStatus();
  }

  ManyPaths Take() {
    ManyPaths result{.complete = candidates_.empty()};
    for (Candidate& path : found_) {
      const double weight = path.weight();
      result.paths.push_back({std::move(path.vertices), weight});
    }
    return result;
  }

 private:
  // Of the path found last, from each of its vertices behind where it deviated.
  absl::Status ProposeDetours(Meter& meter) {
    const Candidate& path = found_.back();
    std::vector<size_t> sharing(found_.size());  // paths with the same vertices so far
    for (size_t i = 0; i < sharing.size(); ++i) sharing[i] = i;
    detours_.Clear();
    for (size_t i = 0; i + 1 < path.vertices.size(); ++i) {
      const VertexIndex v = path.vertices[i];
      detours_.Ban(v);
      std::erase_if(sharing, [&](size_t other) {
        const std::vector<VertexIndex>& vertices = found_[other].vertices;
        return i >= vertices.size() || vertices[i] != v;
      });
      if (i < path.deviation) continue;
      std::vector<VertexIndex> not_next;
      for (const size_t other : sharing) {
        const std::vector<VertexIndex>& vertices = found_[other].vertices;
        if (i + 1 < vertices.size()) not_next.push_back(vertices[i + 1]);
      }
      std::sort(not_next.begin(), not_next.end());
      const auto end = static_cast<ptrdiff_t>(i + 1);
      Candidate detour{
          .vertices = {path.vertices.begin(), path.vertices.begin() + end},
          .distances = {path.distances.begin(), path.distances.begin() + end},
          .deviation = i};
      SHEAF_RETURN_IF_ERROR(Propose(std::move(detour), not_next, meter));
    }
    return absl::OkStatus();
  }

  // Keeps one more than can still be found, to know whether there are more.
  absl::Status Propose(Candidate start, const std::vector<VertexIndex>& not_next,
                       Meter& meter) {
    const size_t wanted = many_.paths_max - found_.size() + 1;
    const double weight_max = candidates_.size() < wanted
                                  ? many_.weight_max
                                  : std::prev(candidates_.end())->weight();
    SHEAF_ASSIGN_OR_RETURN(const bool is_found,
                           detours_.Extend(&start, weight_max, not_next, meter));
    if (!is_found) return absl::OkStatus();
    bytes_ += start.bytes();
    candidates_.insert(std::move(start));
    if (candidates_.size() > wanted) {
      bytes_ -= std::prev(candidates_.end())->bytes();
      candidates_.erase(std::prev(candidates_.end()));
    }
    return run_.CheckGrown(bytes_);
  }

  DetourSearch& detours_;
  const ManyPathsOptions& many_;
  AlgorithmRun& run_;
  std::vector<Candidate> found_;
  std::set<Candidate> candidates_;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<ManyPaths> ShortestLooplessPaths(const GraphProjection& graph,
                                                VertexIndex from, VertexIndex to,
                                                const ManyPathsOptions& many,
                                                const AlgorithmOptions& options) {
  AlgorithmRun run(options, "ShortestLooplessPaths");
  SHEAF_RETURN_IF_ERROR(CheckArguments(run.call(), graph, from, to, many));
  const VertexIndex n = graph.vertex_count();
  SHEAF_RETURN_IF_ERROR(run.Begin(n * DetourSearch::kBytesPerVertex));
  Meter meter(&run);
  std::vector<double> left;
  {
    WeightSearch search(&graph, graph::Reverse(many.direction), many.weighted,
                        run.call());
    SHEAF_RETURN_IF_ERROR(search.Run(to, kNoVertex, WeightSearch::Zero::kAllowed, meter));
    left = search.TakeDistances();
  }
  if (left[from] == kUnreachable || left[from] > many.weight_max) return ManyPaths();
  DetourSearch detours(&graph, many, to, std::move(left));
  YenSearch yen(&detours, many, &run);
  SHEAF_RETURN_IF_ERROR(yen.Run(from, meter));
  return yen.Take();
}

}  // namespace sheaf
