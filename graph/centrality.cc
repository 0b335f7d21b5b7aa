// Degree, closeness, betweenness; what iterates is in centrality_iterated.cc.
#include "graph/centrality.h"

#include <cmath>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "graph/algorithm_run.h"
#include "graph/hop_search.h"
#include "graph/neighbors.h"
#include "graph/source_sample.h"
#include "graph/weight_search.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::AlgorithmRun;
using graph::HopSearch;
using graph::Meter;
using graph::WeightSearch;

absl::StatusOr<std::vector<uint64_t>> Degrees(const GraphProjection& graph,
                                              Direction direction,
                                              const AlgorithmOptions& options) {
  const VertexIndex n = graph.vertex_count();
  AlgorithmRun run(options, "Degrees", "vertices", n);
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * sizeof(uint64_t)));
  std::vector<uint64_t> degrees(n);
  for (VertexIndex v = 0; v < n; ++v) degrees[v] = graph::DegreeOf(graph, v, direction);
  return degrees;
}

namespace {

// Sources that a thread searches from before its sums are added to those of all.
constexpr size_t kSourcesPerChunk = 4;

// Adds up what each source gives to each vertex. The sums of a few sources are made by
// each thread and added in the order of the sources, so threads do not change them.
// fn(source, worker, sums, meter).
absl::Status SumOverSources(
    AlgorithmRun* run, const std::vector<VertexIndex>& sources,
    absl::FunctionRef<absl::Status(VertexIndex, size_t, std::vector<double>&, Meter&)> fn,
    std::vector<double>* total) {
  const size_t workers = run->threads();
  std::vector<std::vector<double>> partial(workers, std::vector<double>(total->size()));
  for (size_t begin = 0; begin < sources.size(); begin += workers * kSourcesPerChunk) {
    SHEAF_RETURN_IF_ERROR(
        graph::ForEachChunk(run, workers, [&](size_t chunk, size_t worker, Meter& meter) {
          std::fill(partial[chunk].begin(), partial[chunk].end(), 0);
          const size_t first = begin + chunk * kSourcesPerChunk;
          const size_t end = std::min(first + kSourcesPerChunk, sources.size());
          for (size_t i = first; i < end; ++i) {
            SHEAF_RETURN_IF_ERROR(fn(sources[i], worker, partial[chunk], meter));
            meter.Done(1);
          }
          return absl::OkStatus();
        }));
    for (const std::vector<double>& sums : partial)
      for (size_t v = 0; v < sums.size(); ++v) (*total)[v] += sums[v];
  }
  return absl::OkStatus();
}

// One search of either kind, with its memory.
class DistanceSearch {
 public:
  DistanceSearch(const GraphProjection* graph, Direction direction, bool weighted) {
    if (weighted)
      weights_.emplace(graph, direction, true, "Closeness");
    else
      hops_.emplace(graph, direction);
  }
  static uint64_t Bytes(VertexIndex n, bool weighted) {
    return n * (weighted ? WeightSearch::kBytesPerVertex : HopSearch::kBytesPerVertex);
  }

  absl::Status Run(VertexIndex source, Meter& meter) {
    if (hops_.has_value()) return hops_->Run(source, HopSearch::kUnreached, meter);
    return weights_->Run(source, kNoVertex, WeightSearch::Zero::kAllowed, meter);
  }
  // Of the last Run: how many others, and how far they are together.
  uint64_t Others() const {
    return hops_.has_value() ? hops_->reached() - 1 : weights_->order().size() - 1;
  }
  double Sum() const {
    if (hops_.has_value()) return static_cast<double>(hops_->depth_sum());
    double sum = 0;
    for (const VertexIndex v : weights_->order()) sum += weights_->distances()[v];
    return sum;
  }
  // Negative: not reached.
  double Distance(VertexIndex v) const {
    if (hops_.has_value()) {
      const uint32_t depth = hops_->depths()[v];
      return depth == HopSearch::kUnreached ? -1.0 : static_cast<double>(depth);
    }
    const double distance = weights_->distances()[v];
    return distance == WeightSearch::kUnreachable ? -1 : distance;
  }

 private:
  std::optional<HopSearch> hops_;
  std::optional<WeightSearch> weights_;
};

// `reached` of `asked` were found, `sum` away together.
double ClosenessOf(double reached, double sum, double asked) {
  return sum > 0 ? reached * reached / (asked * sum) : 0;
}

absl::Status ExactCloseness(AlgorithmRun* run, std::vector<DistanceSearch>& searches,
                            std::vector<double>* closeness) {
  const size_t n = closeness->size();
  const size_t chunks = (n + kSourcesPerChunk - 1) / kSourcesPerChunk;
  return graph::ForEachChunk(run, chunks, [&](size_t chunk, size_t worker, Meter& meter) {
    DistanceSearch& search = searches[worker];
    const size_t begin = chunk * kSourcesPerChunk;
    for (size_t v = begin; v < std::min(begin + kSourcesPerChunk, n); ++v) {
      SHEAF_RETURN_IF_ERROR(search.Run(static_cast<VertexIndex>(v), meter));
      (*closeness)[v] = ClosenessOf(static_cast<double>(search.Others()), search.Sum(),
                                    static_cast<double>(n - 1));
      meter.Done(1);
    }
    return absl::OkStatus();
  });
}

// From the sources backwards: a search tells each vertex how far the source is.
absl::Status SampledCloseness(AlgorithmRun* run, const std::vector<VertexIndex>& sources,
                              std::vector<DistanceSearch>& searches,
                              std::vector<double>* closeness) {
  const size_t n = closeness->size();
  // Distances, then how many: one vector, so that both are added alike.
  std::vector<double> sums(2 * n);
  SHEAF_RETURN_IF_ERROR(SumOverSources(
      run, sources,
      [&](VertexIndex source, size_t worker, std::vector<double>& partial, Meter& meter) {
        SHEAF_RETURN_IF_ERROR(searches[worker].Run(source, meter));
        for (VertexIndex v = 0; v < n; ++v) {
          const double distance = searches[worker].Distance(v);
          if (distance < 0 || v == source) continue;
          partial[v] += distance;
          ++partial[n + v];
        }
        return absl::OkStatus();
      },
      &sums));
  for (size_t v = 0; v < n; ++v)
    (*closeness)[v] =
        ClosenessOf(sums[n + v], sums[v], static_cast<double>(sources.size()));
  // A source asks one fewer: not itself.
  for (const VertexIndex v : sources)
    (*closeness)[v] =
        ClosenessOf(sums[n + v], sums[v], static_cast<double>(sources.size() - 1));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<double>> Closeness(const GraphProjection& graph,
                                              const ClosenessOptions& closeness,
                                              const AlgorithmOptions& options) {
  const VertexIndex n = graph.vertex_count();
  const bool weighted = closeness.weighted;
  if (weighted) SHEAF_RETURN_IF_ERROR(graph::CheckWeighted("Closeness", graph));
  const bool exact = closeness.sample.count == 0 || closeness.sample.count >= n;
  const uint32_t sources = exact ? n : closeness.sample.count;
  AlgorithmRun run(options, "Closeness", "sources", sources);
  const uint64_t bytes_of_search = DistanceSearch::Bytes(n, weighted);
  SHEAF_RETURN_IF_ERROR(exact ? run.Begin(uint64_t{n} * 8, bytes_of_search)
                              : run.Begin(uint64_t{n} * 24 + uint64_t{sources} * 24,
                                          bytes_of_search + uint64_t{n} * 16));
  std::vector<DistanceSearch> searches;
  const Direction direction =
      exact ? closeness.direction : graph::Reverse(closeness.direction);
  for (size_t i = 0; i < run.threads(); ++i)
    searches.emplace_back(&graph, direction, weighted);
  std::vector<double> result(n);
  SHEAF_RETURN_IF_ERROR(
      exact ? ExactCloseness(&run, searches, &result)
            : SampledCloseness(&run, graph::SampleOf(n, sources, closeness.sample.seed),
                               searches, &result));
  return result;
}

namespace {

// What Brandes' algorithm keeps of one search.
class PathCounts {
 public:
  static constexpr uint64_t kBytesPerVertex = 4 + 4 + 8 + 8;

  PathCounts(const GraphProjection* graph, bool weighted)
      : graph_(graph),
        ranks_(graph->vertex_count()),
        paths_(graph->vertex_count()),
        dependencies_(graph->vertex_count()) {
    if (weighted)
      search_.emplace(graph, Direction::kOut, true, "Betweenness");
    else
      order_.reserve(graph->vertex_count());
  }

  // Adds the dependencies of `source` on each vertex.
  absl::Status Add(VertexIndex source, std::vector<double>& sums, Meter& meter) {
    std::fill(paths_.begin(), paths_.end(), 0);
    std::fill(ranks_.begin(), ranks_.end(), kNoVertex);
    paths_[source] = 1;
    if (search_.has_value()) {
      SHEAF_RETURN_IF_ERROR(
          search_->Run(source, kNoVertex, WeightSearch::Zero::kForbidden, meter));
      for (VertexIndex rank = 0; rank < search_->order().size(); ++rank)
        ranks_[search_->order()[rank]] = rank;
      SHEAF_RETURN_IF_ERROR(CountPaths(meter));
    } else {
      SHEAF_RETURN_IF_ERROR(CountHopPaths(source, meter));
    }
    return AddDependencies(source, sums, meter);
  }

 private:
  const std::vector<VertexIndex>& order() const {
    return search_.has_value() ? search_->order() : order_;
  }

  // fn(u) for the vertices to which a shortest path from the source goes on from v. The
  // first of parallel edges is the lightest.
  template <typename Fn>
  void ForEachNext(VertexIndex v, Fn fn) const {
    const absl::Span<const VertexIndex> row = graph_->Out(v);
    if (!search_.has_value()) {
      const VertexIndex depth = ranks_[v] + 1;
      for (size_t i = 0; i < row.size(); ++i)
        if (ranks_[row[i]] == depth && (i == 0 || row[i] != row[i - 1])) fn(row[i]);
      return;
    }
    const std::vector<double>& distances = search_->distances();
    const absl::Span<const double> weights = graph_->OutWeights(v);
    const double base = distances[v];
    for (size_t i = 0; i < row.size(); ++i) {
      const VertexIndex u = row[i];
      if (i > 0 && u == row[i - 1]) continue;
      // The rank: a weight may be lost in a long distance.
      if (base + weights[i] == distances[u] && ranks_[u] > ranks_[v]) fn(u);
    }
  }

  // Ranks are the depths.
  absl::Status CountHopPaths(VertexIndex source, Meter& meter) {
    order_.assign(1, source);
    ranks_[source] = 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      const VertexIndex v = order_[i], depth = ranks_[v] + 1;
      for (const VertexIndex u : graph_->Out(v))
        if (ranks_[u] == kNoVertex) {
          ranks_[u] = depth;
          order_.push_back(u);
        }
      ForEachNext(v, [&](VertexIndex u) { paths_[u] += paths_[v]; });
      SHEAF_RETURN_IF_ERROR(meter.Work(graph_->Out(v).size() + 1));
    }
    return absl::OkStatus();
  }

  absl::Status CountPaths(Meter& meter) {
    for (const VertexIndex v : order()) {
      ForEachNext(v, [&](VertexIndex u) { paths_[u] += paths_[v]; });
      SHEAF_RETURN_IF_ERROR(meter.Work(graph_->Out(v).size() + 1));
    }
    return absl::OkStatus();
  }

  // Backwards: those further away have got theirs.
  absl::Status AddDependencies(VertexIndex source, std::vector<double>& sums,
                               Meter& meter) {
    for (size_t i = order().size(); i-- > 0;) {
      const VertexIndex v = order()[i];
      if (!std::isfinite(paths_[v]))
        return absl::OutOfRangeError(
            absl::StrCat("Betweenness: too many shortest paths from ", graph_->id(source),
                         " to ", graph_->id(v), " to count them"));
      double dependency = 0;
      ForEachNext(v, [&](VertexIndex u) {
        dependency += paths_[v] / paths_[u] * (1 + dependencies_[u]);
      });
      dependencies_[v] = dependency;
      if (v != source) sums[v] += dependency;
      SHEAF_RETURN_IF_ERROR(meter.Work(graph_->Out(v).size() + 1));
    }
    return absl::OkStatus();
  }

  const GraphProjection* graph_;
  std::optional<WeightSearch> search_;
  std::vector<VertexIndex> order_;  // of hops
  std::vector<VertexIndex> ranks_;  // place in order(), or depth; kNoVertex: not reached
  std::vector<double> paths_, dependencies_;
};

}  // namespace

absl::StatusOr<std::vector<double>> Betweenness(const GraphProjection& graph,
                                                const BetweennessOptions& betweenness,
                                                const AlgorithmOptions& options) {
  const VertexIndex n = graph.vertex_count();
  const bool weighted = betweenness.weighted;
  if (weighted) SHEAF_RETURN_IF_ERROR(graph::CheckWeighted("Betweenness", graph));
  const bool exact = betweenness.sample.count == 0 || betweenness.sample.count >= n;
  const uint32_t count = exact ? n : betweenness.sample.count;
  AlgorithmRun run(options, "Betweenness", "sources", count);
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * 8 + uint64_t{count} * (exact ? 4 : 24),
                                  n * (PathCounts::kBytesPerVertex + sizeof(double) +
                                       (weighted ? WeightSearch::kBytesPerVertex : 0))));
  std::vector<PathCounts> counts;
  for (size_t i = 0; i < run.threads(); ++i) counts.emplace_back(&graph, weighted);
  std::vector<double> result(n);
  SHEAF_RETURN_IF_ERROR(SumOverSources(
      &run, graph::SampleOf(n, count, betweenness.sample.seed),
      [&](VertexIndex source, size_t worker, std::vector<double>& sums, Meter& meter) {
        return counts[worker].Add(source, sums, meter);
      },
      &result));
  double factor = graph.is_directed() ? 1 : 0.5;
  if (!exact) factor *= static_cast<double>(n) / count;
  for (double& value : result) value *= factor;
  return result;
}

}  // namespace sheaf
