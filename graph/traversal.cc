#include "graph/traversal.h"

#include <algorithm>
#include <utility>

namespace sheaf::graph {

absl::Status Traversal::Hold(uint64_t bytes) {
  if (bytes <= held_) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(meter_.Take(bytes - held_));
  held_ = bytes;
  return absl::OkStatus();
}

namespace {

// The edge that leads from `vertex` to `neighbour`, looked at from there.
EdgeKey KeyOf(VertexId vertex, const ListKey& list, VertexId neighbour,
              uint32_t ordinal) {
  return EdgeOf(vertex, list, {.neighbour = neighbour, .ordinal = ordinal});
}

// --- Breadth-first ------------------------------------------------------------

class BreadthFirst : public Traversal {
 public:
  BreadthFirst(const GraphReader& graph, const StepSelection& selection,
               const TraversalBounds& bounds)
      : Traversal(graph, selection, bounds, "the breadth-first traversal"),
        counts_paths_(bounds.keeps_paths) {}

  absl::Status Begin(absl::Span<const VertexId> starts) {
    SHEAF_RETURN_IF_ERROR(meter_.Begin("edges followed", 0));
    SHEAF_RETURN_IF_ERROR(CheckVertices(graph_, starts));
    for (const VertexId start : starts)
      if (visited_.Insert(start)) found_.push_back(start);
    if (bounds_.finds_starts) visited_ = VisitedSet(graph_.vertex_count());
    if (counts_paths_) taken_.resize(found_.size());
    checked_ = level_end_ = found_.size();
    return absl::OkStatus();
  }

  absl::Span<const VertexId> NextSome() override {
    for (;;) {
      if (returned_to_ < checked_) {
        const size_t begin = returned_to_;
        // Of one depth.
        returned_to_ = begin < level_end_ ? std::min(level_end_, checked_) : checked_;
        if (DepthOf(begin) < bounds_.depth_min) continue;
        size_t count = returned_to_ - begin;
        if (count > bounds_.vertices_max - returned_) {
          count = bounds_.vertices_max - returned_;
          complete_ = false;
        }
        returned_ += count;
        return absl::MakeConstSpan(found_).subspan(begin, count);
      }
      if (!complete_ || !Advance()) return {};
    }
  }

  VertexId vertex() const override { return found_[at_]; }
  uint32_t depth() const override { return DepthOf(at_); }
  std::optional<EdgeKey> edge() const override {
    const Taken& taken = taken_[at_];
    if (taken.parent == kStart) return std::nullopt;
    return KeyOf(found_[taken.parent], taken.list, found_[at_], taken.ordinal);
  }
  std::optional<VertexId> parent() const override {
    const Taken& taken = taken_[at_];
    if (taken.parent == kStart) return std::nullopt;
    return found_[taken.parent];
  }
  std::vector<VertexId> Path() const override {
    std::vector<VertexId> path;
    for (uint64_t at = at_; at != kStart; at = taken_[at].parent)
      path.push_back(found_[at]);
    std::reverse(path.begin(), path.end());
    return path;
  }

 protected:
  bool Move() override {
    for (;;) {
      if (returned_to_ == checked_ && !Advance()) return false;
      if (returned_to_ == checked_) continue;
      at_ = returned_to_++;
      if (DepthOf(at_) >= bounds_.depth_min) return true;
    }
  }

 private:
  // Vertices that are expanded together: more than are fetched at once, so that lists
  // which need another tree do not break that off too often.
  static constexpr size_t kBatch = 256;
  static constexpr uint64_t kStart = ~uint64_t{0};

  // How a vertex was reached.
  struct Taken {
    uint64_t parent = kStart;  // where it is in found_
    ListKey list;
    uint32_t ordinal = 0;
  };
  // An edge that is still to be asked.
  struct Candidate {
    uint64_t parent = 0;
    ListKey list;
    AdjacentEdge edge;
  };

  uint32_t DepthOf(uint64_t at) const { return at < level_end_ ? depth_ : depth_ + 1; }

  // Finds more. False: there are none, or an error.
  bool Advance() {
    if (!status_.ok()) return false;
    if (expanded_ == level_end_) {
      if (level_end_ == found_.size()) return false;
      ++depth_;
      if (!counts_paths_) Forget();
      level_end_ = found_.size();
    }
    if (depth_ >= bounds_.depth_max) return false;
    absl::Status status = ExpandSome();
    if (status.ok()) status = CheckFound();
    if (status.ok()) status = meter_.Add(std::exchange(edges_, 0));
    if (status.ok()) status = Hold(Bytes());
    return status.ok() || Fail(std::move(status));
  }

  uint64_t Bytes() const {
    return visited_.bytes() + found_.capacity() * sizeof(VertexId) +
           taken_.capacity() * sizeof(Taken);
  }

  // The level that is expanded; all of the next has been returned or is about to be.
  void Forget() {
    found_.erase(found_.begin(), found_.begin() + static_cast<int64_t>(level_end_));
    returned_to_ -= level_end_;
    checked_ -= level_end_;
    expanded_ = 0;
  }

  absl::Status ExpandSome() {
    const size_t begin = expanded_;
    const size_t count = std::min(kBatch, level_end_ - begin);
    std::copy_n(found_.begin() + static_cast<int64_t>(begin), count, batch_);
    expanded_ += count;
    const absl::Span<const VertexId> batch(batch_, count);
    const auto visit = [&](auto&& fn) {
      return VisitPieces(graph_, selection_, batch, &large_, fn);
    };
    if (selection_.edge_test != nullptr) {
      candidates_.clear();
      SHEAF_RETURN_IF_ERROR(
          visit([&](size_t i, const ListKey& list, const AdjacencyView& some) {
            return NoteCandidates(begin + i, list, some);
          }));
      return AskCandidates();
    }
    if (counts_paths_)
      return visit([&](size_t i, const ListKey& list, const AdjacencyView& some) {
        return TakeWithPaths(begin + i, list, some);
      });
    return visit(
        [&](size_t, const ListKey&, const AdjacencyView& some) { return TakeAll(some); });
  }

  // Large lists are heard of a piece at a time: no piece is long.
  absl::Status CountEdges(uint64_t edges) {
    edges_ += edges;
    if (edges_ < WorkMeter::kTickUnits) [[likely]]
      return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(Hold(Bytes()));
    return meter_.Add(std::exchange(edges_, 0));
  }

  absl::Status TakeAll(const AdjacencyView& some) {
    VertexId* const ids = decoded_.Decode(some).data();
    found_.insert(found_.end(), ids, ids + visited_.KeepFresh(ids, some.count()));
    return CountEdges(some.count());
  }

  absl::Status TakeWithPaths(uint64_t parent, const ListKey& list,
                             const AdjacencyView& some) {
    const absl::Span<const VertexId> ids = decoded_.Decode(some);
    for (uint32_t i = 0; i < some.count(); ++i) {
      if (!visited_.Insert(ids[i])) continue;
      found_.push_back(ids[i]);
      taken_.push_back({parent, list, some.has_ordinals() ? some.ordinal(i) : 0});
    }
    return CountEdges(some.count());
  }

  absl::Status NoteCandidates(uint64_t parent, const ListKey& list,
                              const AdjacencyView& some) {
    some.DecodeEdges(&edges_here_);
    for (const AdjacentEdge& edge : edges_here_)
      if (!visited_.Contains(edge.neighbour)) candidates_.push_back({parent, list, edge});
    // A hub's are asked a block at a time, which reads pages between its blocks.
    if (list.large) SHEAF_RETURN_IF_ERROR(AskCandidates());
    return CountEdges(some.count());
  }

  absl::Status AskCandidates() {
    for (const Candidate& c : candidates_) {
      if (visited_.Contains(c.edge.neighbour)) continue;
      SHEAF_ASSIGN_OR_RETURN(
          const bool takes,
          selection_.edge_test(EdgeOf(VertexAt(c.parent), c.list, c.edge),
                               c.edge.has_properties));
      if (!takes || !visited_.Insert(c.edge.neighbour)) continue;
      found_.push_back(c.edge.neighbour);
      if (counts_paths_) taken_.push_back({c.parent, c.list, c.edge.ordinal});
    }
    candidates_.clear();
    return absl::OkStatus();
  }
  VertexId VertexAt(uint64_t at) const { return found_[at]; }

  // Drops those found last that have not the labels or the properties.
  absl::Status CheckFound() {
    if (!selection_.AsksVertices()) {
      checked_ = found_.size();
      return absl::OkStatus();
    }
    const absl::Span<const VertexId> fresh =
        absl::MakeConstSpan(found_).subspan(checked_);
    takes_.assign(fresh.size(), 0);
    SHEAF_RETURN_IF_ERROR(
        graph_.VisitRecords(fresh, [&](size_t i, std::string_view record) {
          takes_[i] = selection_.TakesLabelsOf(VertexView(fresh[i], record)) ? 1 : 0;
        }));
    const size_t begin = checked_;
    for (size_t i = 0; i < takes_.size(); ++i) {
      if (takes_[i] == 0) continue;
      const VertexId vertex = found_[begin + i];
      bool takes = true;
      if (selection_.vertex_test != nullptr) {
        SHEAF_ASSIGN_OR_RETURN(takes, selection_.vertex_test(vertex));
      }
      if (!takes) continue;
      found_[checked_] = vertex;
      if (counts_paths_) taken_[checked_] = taken_[begin + i];
      ++checked_;
    }
    found_.resize(checked_);
    if (counts_paths_) taken_.resize(checked_);
    return absl::OkStatus();
  }

  const bool counts_paths_;
  // The level that is expanded, up to level_end_, and what was found of the next; with
  // paths behind all levels before.
  std::vector<VertexId> found_;
  std::vector<Taken> taken_;  // beside found_, if paths are kept
  size_t level_end_ = 0, expanded_ = 0, checked_ = 0, returned_to_ = 0, at_ = 0;
  uint32_t depth_ = 0;  // of the level
  uint64_t edges_ = 0;  // not told as yet
  VertexId batch_[kBatch];
  std::vector<LargeList> large_;
  DecodeBuffer decoded_;
  std::vector<AdjacentEdge> edges_here_;
  std::vector<Candidate> candidates_;
  std::vector<uint8_t> takes_;
};

// --- Depth-first --------------------------------------------------------------

class DepthFirst : public Traversal {
 public:
  DepthFirst(const GraphReader& graph, const StepSelection& selection,
             const TraversalBounds& bounds)
      : Traversal(graph, selection, bounds, "the depth-first traversal") {}

  absl::Status Begin(absl::Span<const VertexId> starts) {
    SHEAF_RETURN_IF_ERROR(meter_.Begin("edges followed", 0));
    SHEAF_RETURN_IF_ERROR(CheckVertices(graph_, starts));
    starts_.assign(starts.begin(), starts.end());
    return absl::OkStatus();
  }

  absl::Span<const VertexId> NextSome() override {
    constexpr size_t kSome = 256;
    some_.clear();
    while (complete_ && some_.size() < kSome && Move()) {
      complete_ = returned_ < bounds_.vertices_max;
      if (!complete_) break;
      some_.push_back(vertex());
      ++returned_;
    }
    return status_.ok() ? absl::MakeConstSpan(some_) : absl::Span<const VertexId>();
  }

  VertexId vertex() const override { return path_.back().vertex; }
  uint32_t depth() const override { return static_cast<uint32_t>(path_.size() - 1); }
  std::optional<EdgeKey> edge() const override { return path_.back().edge; }
  std::optional<VertexId> parent() const override {
    if (path_.size() < 2) return std::nullopt;
    return path_[path_.size() - 2].vertex;
  }
  std::vector<VertexId> Path() const override {
    std::vector<VertexId> path;
    for (const Step& step : path_) path.push_back(step.vertex);
    return path;
  }

 protected:
  bool Move() override {
    while (status_.ok()) {
      if (path_.empty()) {
        if (next_start_ == starts_.size()) return false;
        const VertexId start = starts_[next_start_++];
        if (!visited_.Insert(start)) continue;
        path_.push_back({.vertex = start});
      } else if (!Descend()) {
        continue;
      }
      if (depth() >= bounds_.depth_min) return true;
    }
    return false;
  }

 private:
  struct Entry {
    ListKey list;
    AdjacentEdge edge;
  };
  struct Step {
    VertexId vertex = 0;
    std::optional<EdgeKey> edge;
    bool is_expanded = false;
    size_t begin = 0, next = 0;  // its edges in edges_; those of the last reach its end
  };

  // To the next vertex below the last, or one step back. False: back, or an error.
  bool Descend() {
    if (!path_.back().is_expanded) {
      if (absl::Status status = Expand(&path_.back()); !status.ok())
        return Fail(std::move(status));
    }
    for (Step& step = path_.back(); step.next < edges_.size();) {
      const Entry entry = edges_[step.next++];
      if (visited_.Contains(entry.edge.neighbour)) continue;
      const EdgeKey key = EdgeOf(step.vertex, entry.list, entry.edge);
      const absl::StatusOr<bool> takes = Takes(key, entry.edge);
      if (!takes.ok()) return Fail(takes.status());
      if (!*takes) continue;
      path_.push_back({.vertex = entry.edge.neighbour, .edge = key});
      return true;
    }
    edges_.resize(path_.back().begin);
    path_.pop_back();
    return false;
  }

  absl::StatusOr<bool> Takes(const EdgeKey& key, const AdjacentEdge& edge) {
    if (selection_.edge_test != nullptr) {
      SHEAF_ASSIGN_OR_RETURN(const bool takes,
                             selection_.edge_test(key, edge.has_properties));
      if (!takes) return false;
    }
    visited_.Insert(edge.neighbour);  // refused once, refused always
    return !selection_.AsksVertices() ? absl::StatusOr<bool>(true)
                                      : TakesVertex(graph_, selection_, edge.neighbour);
  }

  absl::Status Expand(Step* step) {
    step->is_expanded = true;
    step->begin = step->next = edges_.size();
    if (path_.size() - 1 >= bounds_.depth_max) return absl::OkStatus();
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           graph_.Find(step->vertex, &found));
    if (!view.has_value()) return absl::OkStatus();
    absl::Status status;
    SHEAF_RETURN_IF_ERROR(
        graph_.VisitEdges(*view, selection_.direction, std::nullopt,
                          [&](const ListKey& list, const AdjacencyView& some) {
                            if (selection_.Takes(list)) status = TakeAll(list, some);
                            return status.ok();
                          }));
    SHEAF_RETURN_IF_ERROR(status);
    return meter_.Add(1);
  }

  absl::Status TakeAll(const ListKey& list, const AdjacencyView& some) {
    some.DecodeEdges(&decoded_);
    for (const AdjacentEdge& edge : decoded_)
      if (!visited_.Contains(edge.neighbour)) edges_.push_back({list, edge});
    SHEAF_RETURN_IF_ERROR(Hold(visited_.bytes() + edges_.capacity() * sizeof(Entry) +
                               path_.capacity() * sizeof(Step)));
    return meter_.Add(some.count());
  }

  std::vector<VertexId> starts_;
  size_t next_start_ = 0;
  std::vector<Step> path_;    // to where it stands
  std::vector<Entry> edges_;  // of the steps, one behind the other
  std::vector<AdjacentEdge> decoded_;
  std::vector<VertexId> some_;
};

template <class T>
absl::StatusOr<std::unique_ptr<Traversal>> Begin(const GraphReader& graph,
                                                 absl::Span<const VertexId> starts,
                                                 const StepSelection& selection,
                                                 const TraversalBounds& bounds) {
  auto made = std::make_unique<T>(graph, selection, bounds);
  SHEAF_RETURN_IF_ERROR(made->Begin(starts));
  return std::unique_ptr<Traversal>(std::move(made));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Traversal>> TraverseBreadthFirst(
    const GraphReader& graph, absl::Span<const VertexId> starts,
    const StepSelection& selection, const TraversalBounds& bounds) {
  return Begin<BreadthFirst>(graph, starts, selection, bounds);
}

absl::StatusOr<std::unique_ptr<Traversal>> TraverseDepthFirst(
    const GraphReader& graph, absl::Span<const VertexId> starts,
    const StepSelection& selection, const TraversalBounds& bounds) {
  return Begin<DepthFirst>(graph, starts, selection, bounds);
}

}  // namespace sheaf::graph
