#include "graph/path_search.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "graph/neighbors.h"

namespace sheaf::graph {
namespace {

// A hash map's: entries, and what is kept free.
template <class Map>
uint64_t BytesOf(const Map& map) {
  return map.capacity() * (sizeof(typename Map::value_type) + 1);
}

absl::Status Hold(WorkMeter* meter, uint64_t* held, uint64_t bytes) {
  if (bytes <= *held) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(meter->Take(bytes - *held));
  *held = bytes;
  return absl::OkStatus();
}

// --- By edges -----------------------------------------------------------------

class FewestEdgesSearch {
 public:
  FewestEdgesSearch(const GraphReader& graph, const StepSelection& selection,
                    VertexId from, VertexId to, const AlgorithmOptions& options)
      : graph_(graph), from_(from), to_(to), meter_(options, "the shortest path") {
    sides_[0].selection = sides_[1].selection = selection;
    sides_[1].selection.direction = Reverse(selection.direction);
    sides_[0].Begin(from);
    sides_[1].Begin(to);
    asks_ = selection.edge_test != nullptr || selection.AsksVertices();
  }

  absl::StatusOr<std::optional<FoundPath>> Run(uint32_t depth_max) {
    SHEAF_RETURN_IF_ERROR(meter_.Begin("edges followed", 0));
    SHEAF_RETURN_IF_ERROR(CheckVertices(graph_, {from_, to_}));
    if (from_ == to_) return std::optional<FoundPath>({{from_}, {}, 0});
    for (uint32_t depth = 0; depth < depth_max && !meeting_.has_value(); ++depth) {
      const bool back = sides_[1].frontier.size() < sides_[0].frontier.size();
      SHEAF_RETURN_IF_ERROR(ExpandLevel(&sides_[back ? 1 : 0], sides_[back ? 0 : 1]));
      if (!meeting_.has_value() && sides_[back ? 1 : 0].frontier.empty()) break;
    }
    if (!meeting_.has_value()) return std::optional<FoundPath>();
    return PathThrough(*meeting_);
  }

 private:
  struct Side {
    StepSelection selection;
    absl::flat_hash_map<VertexId, VertexId>
        parents;  // of those reached, refused ones too
    std::vector<VertexId> frontier;
    void Begin(VertexId end) {
      parents.emplace(end, end);
      frontier.push_back(end);
    }
  };
  struct Candidate {
    VertexId parent = 0;
    ListKey list;
    AdjacentEdge edge;
  };

  // Some first, since where there are hubs the sides meet soon.
  absl::Status ExpandLevel(Side* side, const Side& other) {
    constexpr size_t kFewest = 4, kMost = 256;
    const std::vector<VertexId> level = std::move(side->frontier);
    side->frontier.clear();
    size_t count = kFewest;
    for (size_t at = 0; at < level.size() && !meeting_.has_value(); at += count) {
      count = std::min(at == 0 ? kFewest : 2 * count, kMost);
      const auto batch = absl::MakeConstSpan(level).subspan(at, count);
      SHEAF_RETURN_IF_ERROR(VisitPieces(
          graph_, side->selection, batch, &large_,
          [&](size_t i, const ListKey& list, const AdjacencyView& some) -> absl::Status {
            if (meeting_.has_value()) return absl::OkStatus();
            if (asks_)
              Note(batch[i], list, some, *side);
            else
              ReachAll(batch[i], some, side, other);
            edges_ += some.count();
            if (list.large) SHEAF_RETURN_IF_ERROR(Ask(side, other));
            return edges_ < WorkMeter::kTickUnits ? absl::OkStatus() : Count();
          }));
      SHEAF_RETURN_IF_ERROR(Ask(side, other));
      edges_ += batch.size();
      SHEAF_RETURN_IF_ERROR(Count());
    }
    return absl::OkStatus();
  }

  absl::Status Count() {
    SHEAF_RETURN_IF_ERROR(meter_.Add(std::exchange(edges_, 0)));
    return Hold(&meter_, &held_,
                BytesOf(sides_[0].parents) + BytesOf(sides_[1].parents) +
                    (sides_[0].frontier.capacity() + sides_[1].frontier.capacity()) *
                        sizeof(VertexId) +
                    candidates_.capacity() * sizeof(Candidate));
  }

  void ReachAll(VertexId parent, const AdjacencyView& some, Side* side,
                const Side& other) {
    for (const VertexId neighbour : decoded_.Decode(some)) {
      Reach(parent, neighbour, side, other);
      if (meeting_.has_value()) return;
    }
  }

  void Reach(VertexId parent, VertexId vertex, Side* side, const Side& other) {
    if (!side->parents.emplace(vertex, parent).second) return;
    if (other.parents.contains(vertex))
      meeting_ = vertex;
    else
      side->frontier.push_back(vertex);
  }

  void Note(VertexId parent, const ListKey& list, const AdjacencyView& some,
            const Side& side) {
    some.DecodeEdges(&edges_here_);
    for (const AdjacentEdge& edge : edges_here_)
      if (!side.parents.contains(edge.neighbour))
        candidates_.push_back({parent, list, edge});
  }

  // Requires: pages may be read.
  absl::Status Ask(Side* side, const Side& other) {
    for (const Candidate& c : candidates_) {
      const VertexId vertex = c.edge.neighbour;
      if (meeting_.has_value()) break;
      if (side->parents.contains(vertex)) continue;
      SHEAF_ASSIGN_OR_RETURN(const bool edge_takes,
                             TakesEdge(side->selection, c.parent, c.list, c.edge));
      if (!edge_takes) continue;
      if (vertex != from_ && vertex != to_ && side->selection.AsksVertices()) {
        SHEAF_ASSIGN_OR_RETURN(const bool takes,
                               TakesVertex(graph_, side->selection, vertex));
        if (!takes) {
          side->parents.emplace(vertex, c.parent);  // nor does the other side take it
          continue;
        }
      }
      Reach(c.parent, vertex, side, other);
    }
    candidates_.clear();
    return absl::OkStatus();
  }

  static absl::StatusOr<bool> TakesEdge(const StepSelection& selection, VertexId vertex,
                                        const ListKey& list, const AdjacentEdge& edge) {
    if (selection.edge_test == nullptr) return true;
    return selection.edge_test(EdgeOf(vertex, list, edge), edge.has_properties);
  }

  // The first edge that is selected from a vertex that was reached before `to`.
  absl::Status AddStep(const Side& side, VertexId vertex, VertexId to, FoundPath* path) {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           graph_.Find(vertex, &found));
    if (!view.has_value()) return NoVertex(vertex);
    std::vector<std::pair<ListKey, AdjacentEdge>> edges;
    absl::Status status;
    view->ForEachList([&](const VertexView::List& list) {
      if (status.ok() && side.selection.Takes(list.key))
        status = graph_.VisitEdgesTo(*view, list, to, [&](const AdjacentEdge& edge) {
          edges.emplace_back(list.key, edge);
        });
    });
    SHEAF_RETURN_IF_ERROR(status);
    for (const auto& [list, edge] : edges) {
      SHEAF_ASSIGN_OR_RETURN(const bool takes,
                             TakesEdge(side.selection, vertex, list, edge));
      if (!takes) continue;
      path->edges.push_back(EdgeOf(vertex, list, edge));
      path->weight += edge.weight;
      return absl::OkStatus();
    }
    return absl::DataLossError(
        absl::StrCat("vertex ", vertex, ": an edge to ", to, " was there and is not"));
  }

  absl::StatusOr<std::optional<FoundPath>> PathThrough(VertexId meeting) {
    FoundPath path{{meeting}, {}, 0};
    const auto follow = [&](const Side& side, VertexId end) -> absl::Status {
      for (VertexId at = meeting; at != end;) {
        const VertexId parent = side.parents.at(at);
        SHEAF_RETURN_IF_ERROR(AddStep(side, parent, at, &path));
        path.vertices.push_back(at = parent);
      }
      return absl::OkStatus();
    };
    SHEAF_RETURN_IF_ERROR(follow(sides_[0], from_));
    std::reverse(path.vertices.begin(), path.vertices.end());
    std::reverse(path.edges.begin(), path.edges.end());
    SHEAF_RETURN_IF_ERROR(follow(sides_[1], to_));
    return std::optional<FoundPath>(std::move(path));
  }

  const GraphReader& graph_;
  const VertexId from_, to_;
  WorkMeter meter_;
  Side sides_[2];
  bool asks_ = false;
  std::optional<VertexId> meeting_;
  uint64_t edges_ = 0, held_ = 0;
  std::vector<LargeList> large_;
  DecodeBuffer decoded_;
  std::vector<AdjacentEdge> edges_here_;
  std::vector<Candidate> candidates_;
};

// --- By weights ---------------------------------------------------------------

class LightestSearch {
 public:
  LightestSearch(const GraphReader& graph, const StepSelection& selection,
                 const LeastWeightSearch& search, VertexId from, VertexId to,
                 const AlgorithmOptions& options)
      : graph_(graph),
        selection_(selection),
        search_(search),
        from_(from),
        to_(to),
        meter_(options, "the lightest path") {}

  absl::StatusOr<std::optional<FoundPath>> Run() {
    SHEAF_RETURN_IF_ERROR(meter_.Begin("edges followed", 0));
    SHEAF_RETURN_IF_ERROR(CheckVertices(graph_, {from_, to_}));
    SHEAF_RETURN_IF_ERROR(Relax(from_, 0, {}));
    while (!queue_.empty()) {
      const Entry entry = queue_.top();
      queue_.pop();
      if (entry.vertex == to_) return std::optional<FoundPath>(PathToEnd());
      if (entry.distance > reached_.at(entry.vertex).distance) continue;
      SHEAF_RETURN_IF_ERROR(Expand(entry.vertex, entry.distance));
      SHEAF_RETURN_IF_ERROR(Hold(&meter_, &held_, BytesOf(reached_) + queue_bytes()));
    }
    return std::optional<FoundPath>();
  }

 private:
  struct Reached {
    double distance = std::numeric_limits<double>::infinity();
    double bound = 0;  // of what is left
    EdgeKey edge;      // by which; of the start none
    bool refused = false;
  };
  struct Entry {
    double estimate = 0, distance = 0;
    VertexId vertex = 0;
    bool operator<(const Entry& other) const {  // the least is on top
      return estimate != other.estimate ? estimate > other.estimate
                                        : vertex > other.vertex;
    }
  };
  uint64_t queue_bytes() const { return 2 * queue_.size() * sizeof(Entry); }

  absl::Status Expand(VertexId vertex, double distance) {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           graph_.Find(vertex, &found));
    if (!view.has_value()) return absl::OkStatus();
    absl::Status status;
    SHEAF_RETURN_IF_ERROR(
        graph_.VisitEdges(*view, selection_.direction, std::nullopt,
                          [&](const ListKey& list, const AdjacencyView& some) {
                            if (selection_.Takes(list))
                              status = Follow(vertex, distance, list, some);
                            return status.ok();
                          }));
    SHEAF_RETURN_IF_ERROR(status);
    return meter_.Add(1);
  }

  absl::Status Follow(VertexId vertex, double distance, const ListKey& list,
                      const AdjacencyView& some) {
    some.DecodeEdges(&decoded_);
    for (const AdjacentEdge& edge : decoded_) {
      const EdgeKey key = EdgeOf(vertex, list, edge);
      const auto there = reached_.find(edge.neighbour);
      if (edge.weight >= 0 && there != reached_.end() &&
          (there->second.refused || distance + edge.weight >= there->second.distance))
        continue;
      if (selection_.edge_test != nullptr) {
        SHEAF_ASSIGN_OR_RETURN(const bool takes,
                               selection_.edge_test(key, edge.has_properties));
        if (!takes) continue;
      }
      if (edge.weight < 0)
        return absl::InvalidArgumentError(absl::StrCat(
            search_.describe(key), " weighs ", edge.weight, ", which is less than 0"));
      SHEAF_RETURN_IF_ERROR(Relax(edge.neighbour, distance + edge.weight, key));
    }
    return meter_.Add(some.count());
  }

  absl::Status Relax(VertexId vertex, double distance, const EdgeKey& edge) {
    const auto [there, is_new] = reached_.try_emplace(vertex);
    Reached& reached = there->second;
    if (is_new) {
      if (vertex != from_ && vertex != to_ && selection_.AsksVertices()) {
        SHEAF_ASSIGN_OR_RETURN(const bool takes, TakesVertex(graph_, selection_, vertex));
        reached.refused = !takes;
      }
      if (!reached.refused && search_.lower_bound != nullptr) {
        reached.bound = search_.lower_bound(vertex);
        if (!(reached.bound >= 0))
          return absl::InvalidArgumentError(
              absl::StrCat("the lower bound of vertex ", vertex, " is ", reached.bound));
        reached.refused = reached.bound == std::numeric_limits<double>::infinity();
      }
    }
    if (reached.refused || distance >= reached.distance) return absl::OkStatus();
    reached.distance = distance;
    reached.edge = edge;
    queue_.push({distance + reached.bound, distance, vertex});
    return absl::OkStatus();
  }

  FoundPath PathToEnd() const {
    FoundPath path{{to_}, {}, reached_.at(to_).distance};
    for (VertexId at = to_; at != from_;) {
      const EdgeKey& edge = reached_.at(at).edge;
      at = edge.to == at ? edge.from : edge.to;
      path.edges.push_back(edge);
      path.vertices.push_back(at);
    }
    std::reverse(path.vertices.begin(), path.vertices.end());
    std::reverse(path.edges.begin(), path.edges.end());
    return path;
  }

  const GraphReader& graph_;
  const StepSelection& selection_;
  const LeastWeightSearch& search_;
  const VertexId from_, to_;
  WorkMeter meter_;
  absl::flat_hash_map<VertexId, Reached> reached_;
  std::priority_queue<Entry> queue_;
  uint64_t held_ = 0;
  std::vector<AdjacentEdge> decoded_;
};

}  // namespace

absl::StatusOr<std::optional<FoundPath>> FewestEdges(const GraphReader& graph,
                                                     VertexId from, VertexId to,
                                                     const StepSelection& selection,
                                                     uint32_t depth_max,
                                                     const AlgorithmOptions& options) {
  return FewestEdgesSearch(graph, selection, from, to, options).Run(depth_max);
}

absl::StatusOr<std::optional<FoundPath>> LeastWeight(const GraphReader& graph,
                                                     VertexId from, VertexId to,
                                                     const StepSelection& selection,
                                                     const LeastWeightSearch& search,
                                                     const AlgorithmOptions& options) {
  return LightestSearch(graph, selection, search, from, to, options).Run();
}

}  // namespace sheaf::graph
