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

class HopSearch {
 public:
  HopSearch(const GraphReader& graph, const StepSelection& selection, VertexId from,
            VertexId to, const AlgorithmOptions& options)
      : graph_(graph), from_(from), to_(to), meter_(options, "the shortest path") {
    sides_[0].selection = sides_[1].selection = selection;
    sides_[1].selection.direction = Reverse(selection.direction);
    sides_[0].Begin(from);
    sides_[1].Begin(to);
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
    return std::optional<FoundPath>(PathThrough(*meeting_));
  }

 private:
  struct Reached {
    VertexId parent = 0;
    ListKey list;  // of the parent
    uint32_t ordinal = 0;
  };
  struct Side {
    StepSelection selection;
    absl::flat_hash_map<VertexId, Reached> reached;
    std::vector<VertexId> frontier;
    void Begin(VertexId end) {
      reached.emplace(end, Reached{});
      frontier.push_back(end);
    }
  };
  struct Candidate {
    VertexId parent = 0;
    ListKey list;
    AdjacentEdge edge;
  };

  absl::Status ExpandLevel(Side* side, const Side& other) {
    constexpr size_t kBatch = 256;
    const std::vector<VertexId> level = std::move(side->frontier);
    side->frontier.clear();
    for (size_t at = 0; at < level.size() && !meeting_.has_value(); at += kBatch) {
      const auto batch = absl::MakeConstSpan(level).subspan(at, kBatch);
      SHEAF_RETURN_IF_ERROR(VisitPieces(
          graph_, side->selection, batch, &large_,
          [&](size_t i, const ListKey& list, const AdjacencyView& some) -> absl::Status {
            SHEAF_RETURN_IF_ERROR(Note(batch[i], list, some, *side));
            if (list.large) SHEAF_RETURN_IF_ERROR(Ask(side, other));
            return absl::OkStatus();
          }));
      SHEAF_RETURN_IF_ERROR(Ask(side, other));
      SHEAF_RETURN_IF_ERROR(meter_.Add(std::exchange(edges_, 0) + batch.size()));
    }
    return absl::OkStatus();
  }

  absl::Status Note(VertexId parent, const ListKey& list, const AdjacencyView& some,
                    const Side& side) {
    edges_ += some.count();
    if (meeting_.has_value()) return absl::OkStatus();
    some.DecodeEdges(&decoded_);
    for (const AdjacentEdge& edge : decoded_)
      if (!side.reached.contains(edge.neighbour))
        candidates_.push_back({parent, list, edge});
    return absl::OkStatus();
  }

  // Requires: pages may be read.
  absl::Status Ask(Side* side, const Side& other) {
    for (const Candidate& c : candidates_) {
      const VertexId vertex = c.edge.neighbour;
      if (side->reached.contains(vertex)) continue;
      if (side->selection.edge_test != nullptr) {
        SHEAF_ASSIGN_OR_RETURN(const bool takes,
                               side->selection.edge_test(EdgeOf(c.parent, c.list, c.edge),
                                                         c.edge.has_properties));
        if (!takes) continue;
      }
      side->reached.emplace(vertex, Reached{c.parent, c.list, c.edge.ordinal});
      if (vertex != from_ && vertex != to_ && side->selection.AsksVertices()) {
        SHEAF_ASSIGN_OR_RETURN(const bool takes,
                               TakesVertex(graph_, side->selection, vertex));
        if (!takes) continue;  // nor does the other side take it
      }
      if (other.reached.contains(vertex)) {
        meeting_ = vertex;
        break;
      }
      side->frontier.push_back(vertex);
    }
    candidates_.clear();
    if (edges_ >= WorkMeter::kTickUnits)
      SHEAF_RETURN_IF_ERROR(meter_.Add(std::exchange(edges_, 0)));
    return Hold(&meter_, &held_,
                BytesOf(sides_[0].reached) + BytesOf(sides_[1].reached) +
                    (sides_[0].frontier.capacity() + sides_[1].frontier.capacity() +
                     candidates_.capacity()) *
                        sizeof(VertexId));
  }

  FoundPath PathThrough(VertexId meeting) const {
    FoundPath path{{meeting}, {}, 0};
    const auto step = [&](const Side& side, VertexId vertex) {
      const Reached& reached = side.reached.at(vertex);
      path.edges.push_back(EdgeOf(reached.parent, reached.list,
                                  {.neighbour = vertex, .ordinal = reached.ordinal}));
      path.vertices.push_back(reached.parent);
      return reached.parent;
    };
    for (VertexId at = meeting; at != from_;) at = step(sides_[0], at);
    std::reverse(path.vertices.begin(), path.vertices.end());
    std::reverse(path.edges.begin(), path.edges.end());
    for (VertexId at = meeting; at != to_;) at = step(sides_[1], at);
    return path;
  }

  const GraphReader& graph_;
  const VertexId from_, to_;
  WorkMeter meter_;
  Side sides_[2];
  std::optional<VertexId> meeting_;
  uint64_t edges_ = 0, held_ = 0;
  std::vector<LargeList> large_;
  std::vector<AdjacentEdge> decoded_;
  std::vector<Candidate> candidates_;
};

// The weights of the edges of a path together.
absl::Status Weigh(const GraphReader& graph, FoundPath* path) {
  path->weight = 0;
  for (const EdgeKey& edge : path->edges) {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                           graph.Find(edge.from, &found));
    if (!view.has_value()) return NoVertex(edge.from);
    SHEAF_ASSIGN_OR_RETURN(
        const std::optional<AdjacentEdge> there,
        graph.FindEdge(*view, {edge.type, false}, edge.to, edge.ordinal));
    if (there.has_value()) path->weight += there->weight;
  }
  return absl::OkStatus();
}

// --- By weights ---------------------------------------------------------------

class LightestSearch {
 public:
  LightestSearch(const GraphReader& graph, const StepSelection& selection,
                 const WeightSearch& search, VertexId from, VertexId to,
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
  const WeightSearch& search_;
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
  HopSearch search(graph, selection, from, to, options);
  SHEAF_ASSIGN_OR_RETURN(std::optional<FoundPath> path, search.Run(depth_max));
  if (path.has_value()) SHEAF_RETURN_IF_ERROR(Weigh(graph, &*path));
  return path;
}

absl::StatusOr<std::optional<FoundPath>> LeastWeight(const GraphReader& graph,
                                                     VertexId from, VertexId to,
                                                     const StepSelection& selection,
                                                     const WeightSearch& search,
                                                     const AlgorithmOptions& options) {
  return LightestSearch(graph, selection, search, from, to, options).Run();
}

}  // namespace sheaf::graph
