#include "graph/community.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "graph/algorithm_run.h"
#include "graph/neighbors.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::AlgorithmRun;
using graph::Meter;

namespace {

// The label that most neighbours of v have, of several the smallest; without any its own.
// `counts`: a zero for each label, and so again afterwards.
VertexIndex FrequentLabel(const GraphProjection& graph, VertexIndex v,
                          const std::vector<VertexIndex>& labels,
                          std::vector<uint32_t>& counts) {
  VertexIndex best = labels[v];
  uint32_t best_count = 0;
  graph::ForEachNeighbor(graph, v, Direction::kBoth, [&](VertexIndex u) {
    const VertexIndex label = labels[u];
    const uint32_t count = ++counts[label];
    if (count > best_count || (count == best_count && label < best)) {
      best = label;
      best_count = count;
    }
  });
  graph::ForEachNeighbor(graph, v, Direction::kBoth,
                         [&](VertexIndex u) { counts[labels[u]] = 0; });
  return best;
}

}  // namespace

absl::StatusOr<std::vector<VertexIndex>> LabelPropagation(
    const GraphProjection& graph, int iterations, const AlgorithmOptions& options) {
  constexpr char kCall[] = "LabelPropagation";
  if (iterations < 0)
    return absl::InvalidArgumentError(absl::StrCat(kCall, ": ", iterations, " rounds"));
  const VertexIndex n = graph.vertex_count();
  AlgorithmRun run(options, kCall, "rounds", static_cast<uint64_t>(iterations));
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * 8, uint64_t{n} * 4));
  std::vector<VertexIndex> labels(n), next(n);
  std::iota(labels.begin(), labels.end(), 0);
  std::vector<std::vector<uint32_t>> counts(run.threads(), std::vector<uint32_t>(n));
  const std::vector<VertexIndex> chunks = graph::ChunksOf(graph, Direction::kBoth);
  for (int round = 0; round < iterations; ++round) {
    SHEAF_RETURN_IF_ERROR(graph::ForEachChunk(
        &run, chunks.size() - 1, [&](size_t chunk, size_t worker, Meter& meter) {
          for (VertexIndex v = chunks[chunk]; v < chunks[chunk + 1]; ++v)
            next[v] = FrequentLabel(graph, v, labels, counts[worker]);
          return meter.Work(graph::kChunkWork);
        }));
    Meter(&run).Done(1);
    labels.swap(next);
    if (labels == next) break;
  }
  return labels;
}

namespace {

absl::Status CheckOptions(const char* call, const GraphProjection& graph,
                          const ModularityOptions& options) {
  if (!(options.resolution >= 0 && std::isfinite(options.resolution)))
    return absl::InvalidArgumentError(
        absl::StrCat(call, ": the resolution is ", options.resolution));
  return options.weighted ? graph::CheckWeighted(call, graph) : absl::OkStatus();
}

// fn(u, v, weight) for each edge, once, and kInvalidArgument for weights below 0. In an
// undirected graph an edge stands at both ends: it is taken where u <= v.
template <typename Fn>
absl::Status ForEachEdgeOnce(const GraphProjection& graph, bool weighted,
                             const char* call, Meter& meter, Fn fn) {
  for (VertexIndex u = 0; u < graph.vertex_count(); ++u) {
    absl::Status status;
    graph::ForEachEdge(graph, u, Direction::kOut, weighted,
                       [&](VertexIndex v, double weight) {
                         if (!graph.is_directed() && v < u) return;
                         if (weight < 0)
                           status = absl::InvalidArgumentError(
                               absl::StrCat(call, ": the edge from ", graph.id(u), " to ",
                                            graph.id(v), " weighs ", weight));
                         fn(u, v, weight);
                       });
    SHEAF_RETURN_IF_ERROR(status);
    SHEAF_RETURN_IF_ERROR(meter.Work(graph.Out(u).size() + 1));
  }
  return absl::OkStatus();
}

// Of communities with these weights inside (a loop once) and degrees.
double ModularityOf(absl::Span<const double> inside, absl::Span<const double> degrees,
                    double resolution) {
  double all = 0, sum = 0;
  for (const double degree : degrees) all += degree;
  if (!(all > 0)) return 0;
  for (size_t c = 0; c < inside.size(); ++c) {
    const double part = degrees[c] / all;
    sum += 2 * inside[c] / all - resolution * part * part;
  }
  return sum;
}

}  // namespace

absl::StatusOr<double> Modularity(const GraphProjection& graph,
                                  absl::Span<const VertexIndex> labels,
                                  const ModularityOptions& modularity,
                                  const AlgorithmOptions& options) {
  constexpr char kCall[] = "Modularity";
  const VertexIndex n = graph.vertex_count();
  SHEAF_RETURN_IF_ERROR(CheckOptions(kCall, graph, modularity));
  if (labels.size() != n)
    return absl::InvalidArgumentError(
        absl::StrCat(kCall, ": ", labels.size(), " labels for ", n, " vertices"));
  for (const VertexIndex label : labels)
    SHEAF_RETURN_IF_ERROR(graph::CheckVertex(kCall, graph, label));
  AlgorithmRun run(options, kCall);
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * 2 * sizeof(double)));
  Meter meter(&run);
  std::vector<double> inside(n), degrees(n);
  SHEAF_RETURN_IF_ERROR(ForEachEdgeOnce(graph, modularity.weighted, kCall, meter,
                                        [&](VertexIndex u, VertexIndex v, double weight) {
                                          degrees[labels[u]] += weight;
                                          degrees[labels[v]] += weight;
                                          if (labels[u] == labels[v])
                                            inside[labels[u]] += weight;
                                        }));
  return ModularityOf(inside, degrees, modularity.resolution);
}

namespace {

// The graph of one level of Louvain: its vertices are the communities of the level
// before.
struct LevelGraph {
  static constexpr uint64_t kBytesPerVertex = 3 * 8, kBytesPerEnd = 12;

  std::vector<uint64_t> begins;
  std::vector<VertexIndex> ends;  // an edge stands at both; loops do not
  std::vector<double> weights;
  std::vector<double> loops;    // the weight inside
  std::vector<double> degrees;  // loops twice
  double all = 0;               // degrees together

  VertexIndex vertex_count() const { return static_cast<VertexIndex>(loops.size()); }
};

absl::Status Convert(const GraphProjection& graph, bool weighted, const char* call,
                     Meter& meter, LevelGraph* level) {
  const VertexIndex n = graph.vertex_count();
  level->begins.assign(size_t{n} + 1, 0);
  level->loops.assign(n, 0);
  level->degrees.assign(n, 0);
  const auto count = [&](VertexIndex u, VertexIndex v, double weight) {
    level->degrees[u] += weight;
    level->degrees[v] += weight;
    if (u == v) {
      level->loops[u] += weight;
      return;
    }
    ++level->begins[u + 1];
    ++level->begins[v + 1];
  };
  SHEAF_RETURN_IF_ERROR(ForEachEdgeOnce(graph, weighted, call, meter, count));
  std::partial_sum(level->begins.begin(), level->begins.end(), level->begins.begin());
  level->ends.resize(level->begins.back());
  level->weights.resize(level->begins.back());
  std::vector<uint64_t> next(level->begins.begin(), level->begins.end() - 1);
  const auto put = [&](VertexIndex u, VertexIndex v, double weight) {
    level->ends[next[u]] = v;
    level->weights[next[u]++] = weight;
  };
  SHEAF_RETURN_IF_ERROR(ForEachEdgeOnce(graph, weighted, call, meter,
                                        [&](VertexIndex u, VertexIndex v, double weight) {
                                          if (u == v) return;
                                          put(u, v, weight);
                                          put(v, u, weight);
                                        }));
  level->all = std::accumulate(level->degrees.begin(), level->degrees.end(), 0.0);
  return absl::OkStatus();
}

// Sums of weights by community, cleared at the cost of those that there are.
class WeightsByCommunity {
 public:
  explicit WeightsByCommunity(VertexIndex n) : sums_(n), is_there_(n) {}
  void Add(VertexIndex community, double weight) {
    if (!is_there_[community]) {
      is_there_[community] = 1;
      there_.push_back(community);
    }
    sums_[community] += weight;
  }
  const std::vector<VertexIndex>& there() const { return there_; }
  double operator[](VertexIndex community) const { return sums_[community]; }
  void Clear() {
    for (const VertexIndex community : there_) {
      sums_[community] = 0;
      is_there_[community] = 0;
    }
    there_.clear();
  }

 private:
  std::vector<double> sums_;
  std::vector<uint8_t> is_there_;
  std::vector<VertexIndex> there_;
};

// One level: moves vertices between communities, each at first its own.
class LocalMoves {
 public:
  LocalMoves(const LevelGraph* level, double resolution)
      : level_(*level),
        resolution_(resolution),
        communities_(level->vertex_count()),
        degrees_(level->degrees),
        sums_(level->vertex_count()) {
    std::iota(communities_.begin(), communities_.end(), 0);
  }

  absl::Status Run(const LouvainOptions& options, Meter& meter) {
    if (!(level_.all > 0)) return absl::OkStatus();
    for (int pass = 0; pass < options.passes_max; ++pass) {
      double gain = 0;
      for (VertexIndex v = 0; v < level_.vertex_count(); ++v) {
        gain += Move(v);
        SHEAF_RETURN_IF_ERROR(meter.Work(level_.begins[v + 1] - level_.begins[v] + 1));
      }
      if (gain < options.gain_min) break;
    }
    return absl::OkStatus();
  }

  // The communities renumbered from 0 in the order of their first vertices, for each
  // vertex, and how many there are.
  std::pair<std::vector<VertexIndex>, VertexIndex> Numbered() const {
    std::vector<VertexIndex> numbers(communities_.size(), kNoVertex), result;
    VertexIndex count = 0;
    for (const VertexIndex community : communities_) {
      if (numbers[community] == kNoVertex) numbers[community] = count++;
      result.push_back(numbers[community]);
    }
    return {std::move(result), count};
  }

 private:
  // Returns how much modularity rises.
  double Move(VertexIndex v) {
    const VertexIndex own = communities_[v];
    sums_.Clear();
    sums_.Add(own, 0);
    for (uint64_t i = level_.begins[v]; i < level_.begins[v + 1]; ++i)
      sums_.Add(communities_[level_.ends[i]], level_.weights[i]);
    const double degree = level_.degrees[v];
    degrees_[own] -= degree;
    const auto value = [&](VertexIndex c) {
      return sums_[c] - resolution_ * degrees_[c] * degree / level_.all;
    };
    const double stay = value(own);
    VertexIndex best = own;
    double best_value = stay;
    for (const VertexIndex c : sums_.there()) {
      const double at = value(c);
      if (at > best_value || (at == best_value && best != own && c < best)) {
        best = c;
        best_value = at;
      }
    }
    degrees_[best] += degree;
    communities_[v] = best;
    return 2 * (best_value - stay) / level_.all;
  }

  const LevelGraph& level_;
  const double resolution_;
  std::vector<VertexIndex> communities_;
  std::vector<double> degrees_;  // of communities
  WeightsByCommunity sums_;
};

// Each community a vertex; edges between two of them together one.
absl::StatusOr<LevelGraph> Joined(const LevelGraph& level,
                                  const std::vector<VertexIndex>& communities,
                                  VertexIndex count, Meter& meter) {
  std::vector<VertexIndex> begins(size_t{count} + 1), members(communities.size());
  for (const VertexIndex community : communities) ++begins[community + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<VertexIndex> next(begins.begin(), begins.end() - 1);
  for (VertexIndex v = 0; v < communities.size(); ++v)
    members[next[communities[v]]++] = v;
  LevelGraph joined{.begins = {0},
                    .loops = std::vector<double>(count),
                    .degrees = std::vector<double>(count),
                    .all = level.all};
  WeightsByCommunity sums(count);
  for (VertexIndex community = 0; community < count; ++community) {
    sums.Clear();
    for (VertexIndex m = begins[community]; m < begins[community + 1]; ++m) {
      const VertexIndex v = members[m];
      joined.loops[community] += level.loops[v];
      joined.degrees[community] += level.degrees[v];
      for (uint64_t i = level.begins[v]; i < level.begins[v + 1]; ++i) {
        const VertexIndex other = communities[level.ends[i]];
        if (other == community)
          joined.loops[community] += level.weights[i] / 2;  // it stands at both ends
        else
          sums.Add(other, level.weights[i]);
      }
      SHEAF_RETURN_IF_ERROR(meter.Work(level.begins[v + 1] - level.begins[v] + 1));
    }
    for (const VertexIndex other : sums.there()) {
      joined.ends.push_back(other);
      joined.weights.push_back(sums[other]);
    }
    joined.begins.push_back(joined.ends.size());
  }
  return joined;
}

// The smallest vertex of each community, for each vertex.
std::vector<VertexIndex> Labels(const std::vector<VertexIndex>& communities) {
  std::vector<VertexIndex> first(communities.size(), kNoVertex), labels;
  for (VertexIndex v = 0; v < communities.size(); ++v) {
    VertexIndex& label = first[communities[v]];
    if (label == kNoVertex) label = v;
    labels.push_back(label);
  }
  return labels;
}

}  // namespace

absl::StatusOr<Communities> Louvain(const GraphProjection& graph,
                                    const LouvainOptions& louvain,
                                    const AlgorithmOptions& options) {
  constexpr char kCall[] = "Louvain";
  SHEAF_RETURN_IF_ERROR(CheckOptions(kCall, graph, louvain.modularity));
  if (louvain.levels_max < 1 || louvain.passes_max < 1 || !(louvain.gain_min >= 0))
    return absl::InvalidArgumentError(
        absl::StrCat(kCall, ": levels_max is ", louvain.levels_max, ", passes_max ",
                     louvain.passes_max, ", gain_min ", louvain.gain_min));
  const VertexIndex n = graph.vertex_count();
  AlgorithmRun run(options, kCall);
  // Two level graphs at a time, the second mostly far smaller.
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * (LevelGraph::kBytesPerVertex + 56) +
                                  graph.edge_count() * 2 * LevelGraph::kBytesPerEnd));
  Meter meter(&run);
  LevelGraph level;
  SHEAF_RETURN_IF_ERROR(
      Convert(graph, louvain.modularity.weighted, kCall, meter, &level));
  const double resolution = louvain.modularity.resolution;
  Communities result;
  std::vector<VertexIndex> communities(n);  // of the vertices of `graph`
  std::iota(communities.begin(), communities.end(), 0);
  double before = ModularityOf(level.loops, level.degrees, resolution);
  for (int i = 0; i < louvain.levels_max; ++i) {
    LocalMoves moves(&level, resolution);
    SHEAF_RETURN_IF_ERROR(moves.Run(louvain, meter));
    const auto [numbers, count] = moves.Numbered();
    const bool is_same = count == level.vertex_count();
    if (is_same && !result.levels.empty()) break;
    SHEAF_ASSIGN_OR_RETURN(level, Joined(level, numbers, count, meter));
    for (VertexIndex& community : communities) community = numbers[community];
    const double after = ModularityOf(level.loops, level.degrees, resolution);
    SHEAF_RETURN_IF_ERROR(
        run.CheckGrown((result.levels.size() + 1) * n * sizeof(VertexIndex) +
                       level.ends.size() * LevelGraph::kBytesPerEnd));
    result.levels.push_back({Labels(communities), after});
    if (is_same || after - before < louvain.gain_min) break;
    before = after;
  }
  return result;
}

}  // namespace sheaf
