// PageRank, eigenvector centrality, HITS: what goes round until it stands still.
#include <cmath>
#include <numeric>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "graph/algorithm_run.h"
#include "graph/centrality.h"
#include "graph/neighbors.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::AlgorithmRun;
using graph::Meter;

// Calls `of` for chunks of vertices, on several threads, and adds what they give in the
// order of the chunks.
absl::StatusOr<double> SumOverChunks(
    AlgorithmRun* run, const std::vector<VertexIndex>& chunks,
    absl::FunctionRef<double(VertexIndex begin, VertexIndex end)> of) {
  std::vector<double> partial(chunks.size() - 1);
  SHEAF_RETURN_IF_ERROR(
      graph::ForEachChunk(run, partial.size(), [&](size_t chunk, size_t, Meter& meter) {
        partial[chunk] = of(chunks[chunk], chunks[chunk + 1]);
        return meter.Work(graph::kChunkWork);
      }));
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

// Sum of values[u] over the row.
double SumOf(absl::Span<const VertexIndex> row, const double* values) {
  double sum = 0;
  for (const VertexIndex u : row) sum += values[u];
  return sum;
}

absl::Status CheckPageRank(const PageRankOptions& options) {
  if (!(options.damping >= 0 && options.damping <= 1))
    return absl::InvalidArgumentError(
        absl::StrCat("PageRank: damping is ", options.damping, ", not in 0 to 1"));
  if (options.iterations < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("PageRank: iterations are ", options.iterations));
  if (std::isnan(options.tolerance))
    return absl::InvalidArgumentError("PageRank: the tolerance is not a number");
  return absl::OkStatus();
}

class PageRanks {
 public:
  static constexpr uint64_t kBytesPerVertex = 2 * sizeof(double);

  // `jumps`: where a jump goes, adding up to 1; empty: anywhere. Outlive it.
  PageRanks(const GraphProjection* graph, absl::Span<const double> jumps, double damping)
      : graph_(*graph),
        jumps_(jumps),
        damping_(damping),
        chunks_(graph::ChunksOf(*graph, Direction::kIn)),
        shares_(graph->vertex_count()) {
    const VertexIndex n = graph_.vertex_count();
    scores_.scores.assign(n, 1.0 / n);
    if (!jumps_.empty()) scores_.scores.assign(jumps_.begin(), jumps_.end());
  }

  absl::Status Round(AlgorithmRun* run) {
    SHEAF_ASSIGN_OR_RETURN(
        const double dangling,
        SumOverChunks(run, chunks_,
                      [&](VertexIndex v, VertexIndex end) { return Share(v, end); }));
    double jump = 1 - damping_ + damping_ * dangling;
    if (jumps_.empty()) jump /= graph_.vertex_count();
    SHEAF_ASSIGN_OR_RETURN(
        const double change,
        SumOverChunks(run, chunks_, [&](VertexIndex v, VertexIndex end) {
          return Pull(v, end, jump);
        }));
    scores_.change = change;
    ++scores_.iterations;
    return absl::OkStatus();
  }

  Scores& scores() { return scores_; }

 private:
  // Of one chunk: what each edge out of a vertex carries; returns what no edge does.
  double Share(VertexIndex v, VertexIndex end) {
    const double* const ranks = scores_.scores.data();
    double dangling = 0;
    for (; v < end; ++v) {
      const size_t degree = graph_.Out(v).size();
      dangling += degree == 0 ? ranks[v] : 0;
      shares_[v] = ranks[v] / static_cast<double>(std::max<size_t>(degree, 1));
    }
    return dangling;
  }

  // Of one chunk: the new ranks; returns how much they change.
  double Pull(VertexIndex v, VertexIndex end, double jump) {
    const double* const shares = shares_.data();
    double* const ranks = scores_.scores.data();
    double change = 0;
    for (; v < end; ++v) {
      const double sum = SumOf(graph_.In(v), shares);
      const double rank = (jumps_.empty() ? jump : jump * jumps_[v]) + damping_ * sum;
      change += std::abs(rank - ranks[v]);
      ranks[v] = rank;
    }
    return change;
  }

  const GraphProjection& graph_;
  const absl::Span<const double> jumps_;
  const double damping_;
  const std::vector<VertexIndex> chunks_;
  Scores scores_;
  std::vector<double> shares_;
};

absl::StatusOr<Scores> RunPageRank(const GraphProjection& graph, AlgorithmRun* run,
                                   absl::Span<const double> jumps,
                                   const PageRankOptions& options) {
  if (graph.vertex_count() == 0) return Scores{.converged = true};
  PageRanks ranks(&graph, jumps, options.damping);
  Scores& scores = ranks.scores();
  for (int i = 0; i < options.iterations && !scores.converged; ++i) {
    SHEAF_RETURN_IF_ERROR(ranks.Round(run));
    Meter(run).Done(1);
    scores.converged = scores.change <= options.tolerance;
  }
  return std::move(scores);
}

uint64_t CountOf(int iterations) {
  return static_cast<uint64_t>(std::max(0, iterations));
}

}  // namespace

absl::StatusOr<Scores> PageRank(const GraphProjection& graph,
                                const PageRankOptions& page_rank,
                                const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(CheckPageRank(page_rank));
  AlgorithmRun run(options, "PageRank", "rounds", CountOf(page_rank.iterations));
  SHEAF_RETURN_IF_ERROR(run.Begin(graph.vertex_count() * PageRanks::kBytesPerVertex));
  return RunPageRank(graph, &run, {}, page_rank);
}

absl::StatusOr<Scores> PersonalizedPageRank(const GraphProjection& graph,
                                            absl::Span<const WeightedVertex> seeds,
                                            const PageRankOptions& page_rank,
                                            const AlgorithmOptions& options) {
  constexpr char kCall[] = "PersonalizedPageRank";
  SHEAF_RETURN_IF_ERROR(CheckPageRank(page_rank));
  AlgorithmRun run(options, kCall, "rounds", CountOf(page_rank.iterations));
  double total = 0;
  for (const WeightedVertex& seed : seeds) {
    SHEAF_RETURN_IF_ERROR(graph::CheckVertex(kCall, graph, seed.vertex));
    if (!(seed.weight >= 0))
      return absl::InvalidArgumentError(absl::StrCat(
          kCall, ": the seed ", graph.id(seed.vertex), " weighs ", seed.weight));
    total += seed.weight;
  }
  if (!(total > 0 && std::isfinite(total)))
    return absl::InvalidArgumentError(
        absl::StrCat(kCall, ": the seeds weigh ", total, " together"));
  SHEAF_RETURN_IF_ERROR(
      run.Begin(graph.vertex_count() * (PageRanks::kBytesPerVertex + sizeof(double))));
  std::vector<double> jumps(graph.vertex_count());
  for (const WeightedVertex& seed : seeds) jumps[seed.vertex] += seed.weight / total;
  return RunPageRank(graph, &run, jumps, page_rank);
}

namespace {

absl::Status CheckIteration(const char* call, const GraphProjection& graph,
                            const IterationOptions& options) {
  if (options.iterations_max < 0)
    return absl::InvalidArgumentError(
        absl::StrCat(call, ": iterations_max is ", options.iterations_max));
  if (!(options.tolerance >= 0))
    return absl::InvalidArgumentError(
        absl::StrCat(call, ": the tolerance is ", options.tolerance));
  if (!options.weighted) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(graph::CheckWeighted(call, graph));
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v)
    for (size_t i = 0; i < graph.Out(v).size(); ++i)
      if (graph.OutWeights(v)[i] < 0)
        return absl::InvalidArgumentError(
            absl::StrCat(call, ": the edge from ", graph.id(v), " to ",
                         graph.id(graph.Out(v)[i]), " weighs ", graph.OutWeights(v)[i]));
  return absl::OkStatus();
}

// Products of the adjacency matrix with vectors, in chunks.
class Matrix {
 public:
  Matrix(const GraphProjection* graph, bool weighted, AlgorithmRun* run)
      : graph_(*graph),
        weighted_(weighted),
        run_(run),
        chunks_(graph::ChunksOf(*graph, Direction::kBoth)) {}

  // to[v] = `own` * from[v] + the sum of from[u] over the neighbours u of v in
  // `direction`, kIn or kOut. Returns the length of `to`.
  absl::StatusOr<double> Multiply(Direction direction, double own,
                                  const std::vector<double>& from,
                                  std::vector<double>* to) {
    SHEAF_ASSIGN_OR_RETURN(
        const double squares,
        SumOverChunks(run_, chunks_, [&](VertexIndex v, VertexIndex end) {
          double of_chunk = 0;
          for (; v < end; ++v) {
            const double sum = own * from[v] + RowSum(direction, v, from.data());
            (*to)[v] = sum;
            of_chunk += sum * sum;
          }
          return of_chunk;
        }));
    return std::sqrt(squares);
  }

  // Makes `to` of length 1, or leaves all 0; returns how far it is from `from`.
  absl::StatusOr<double> Normalize(double length, const std::vector<double>& from,
                                   std::vector<double>* to) {
    return SumOverChunks(run_, chunks_, [&](VertexIndex v, VertexIndex end) {
      double change = 0;
      for (; v < end; ++v) {
        if (length > 0) (*to)[v] /= length;
        change += std::abs((*to)[v] - from[v]);
      }
      return change;
    });
  }

 private:
  double RowSum(Direction direction, VertexIndex v, const double* from) const {
    const bool out = direction == Direction::kOut;
    const absl::Span<const VertexIndex> row = out ? graph_.Out(v) : graph_.In(v);
    if (!weighted_) return SumOf(row, from);
    const absl::Span<const double> weights =
        out ? graph_.OutWeights(v) : graph_.InWeights(v);
    double sum = 0;
    for (size_t i = 0; i < row.size(); ++i) sum += weights[i] * from[row[i]];
    return sum;
  }

  const GraphProjection& graph_;
  const bool weighted_;
  AlgorithmRun* const run_;
  const std::vector<VertexIndex> chunks_;
};

}  // namespace

absl::StatusOr<Scores> EigenvectorCentrality(const GraphProjection& graph,
                                             const IterationOptions& iteration,
                                             const AlgorithmOptions& options) {
  constexpr char kCall[] = "EigenvectorCentrality";
  SHEAF_RETURN_IF_ERROR(CheckIteration(kCall, graph, iteration));
  const VertexIndex n = graph.vertex_count();
  AlgorithmRun run(options, kCall, "iterations", CountOf(iteration.iterations_max));
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * 2 * sizeof(double)));
  if (n == 0) return Scores{.converged = true};
  Matrix matrix(&graph, iteration.weighted, &run);
  Scores result{.scores = std::vector<double>(n, 1 / std::sqrt(n))};
  std::vector<double> next(n);
  while (result.iterations < iteration.iterations_max && !result.converged) {
    SHEAF_ASSIGN_OR_RETURN(const double length,
                           matrix.Multiply(Direction::kIn, 1, result.scores, &next));
    if (!std::isfinite(length))
      return absl::OutOfRangeError(absl::StrCat(kCall, ": the weights are too great"));
    SHEAF_ASSIGN_OR_RETURN(result.change, matrix.Normalize(length, result.scores, &next));
    result.scores.swap(next);
    ++result.iterations;
    Meter(&run).Done(1);
    result.converged = result.change <= iteration.tolerance;
  }
  return result;
}

absl::StatusOr<HitsScores> Hits(const GraphProjection& graph,
                                const IterationOptions& iteration,
                                const AlgorithmOptions& options) {
  SHEAF_RETURN_IF_ERROR(CheckIteration("Hits", graph, iteration));
  const VertexIndex n = graph.vertex_count();
  AlgorithmRun run(options, "Hits", "iterations", CountOf(iteration.iterations_max));
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * 3 * sizeof(double)));
  if (n == 0) return HitsScores{.converged = true};
  Matrix matrix(&graph, iteration.weighted, &run);
  HitsScores result{.hubs = std::vector<double>(n, 1 / std::sqrt(n)),
                    .authorities = std::vector<double>(n)};
  std::vector<double> next(n);
  // Replaces one by the other times the matrix; adds what that changes.
  const auto step = [&](Direction direction, const std::vector<double>& from,
                        std::vector<double>* to) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const double length,
                           matrix.Multiply(direction, 0, from, &next));
    if (!std::isfinite(length))
      return absl::OutOfRangeError("Hits: the weights are too great");
    SHEAF_ASSIGN_OR_RETURN(const double change, matrix.Normalize(length, *to, &next));
    result.change += change;
    to->swap(next);
    return absl::OkStatus();
  };
  while (result.iterations < iteration.iterations_max && !result.converged) {
    result.change = 0;
    SHEAF_RETURN_IF_ERROR(step(Direction::kIn, result.hubs, &result.authorities));
    SHEAF_RETURN_IF_ERROR(step(Direction::kOut, result.authorities, &result.hubs));
    ++result.iterations;
    Meter(&run).Done(1);
    result.converged = result.change <= iteration.tolerance;
  }
  return result;
}

}  // namespace sheaf
