#include "sheaf/graph_traversal.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/graph_selection.h"
#include "graph/path_search.h"
#include "graph/traversal.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::StepSelection;
using internal::GraphState;
using internal::GraphStateRef;

namespace internal {

struct TraversalState {
  GraphStateRef graph;
  StepSelection selection;
  std::unique_ptr<graph::Traversal> traversal;
  uint64_t generation = 0;
  absl::Status status;
};

}  // namespace internal

using internal::TraversalState;

namespace {

absl::StatusOr<StepSelection> Select(const GraphStateRef& graph,
                                     const EdgeSelection& edges,
                                     const VertexSelection& vertices) {
  SHEAF_ASSIGN_OR_RETURN(StepSelection selected, internal::SelectEdges(graph, edges));
  selected.any_label = vertices.labels.empty();
  SHEAF_ASSIGN_OR_RETURN(selected.labels, internal::NumbersOf(*graph, vertices.labels));
  if (!vertices.filter.empty()) {
    SHEAF_ASSIGN_OR_RETURN(selected.vertex_test,
                           internal::VertexPropertiesTest(graph, vertices.filter));
  }
  return selected;
}

AlgorithmOptions RunOf(uint64_t memory_bytes_max, const Progress& progress) {
  return {.progress = progress, .memory_bytes_max = memory_bytes_max};
}

absl::StatusOr<std::unique_ptr<TraversalState>> Begin(const GraphReader& graph,
                                                      absl::Span<const VertexId> starts,
                                                      const TraversalOptions& options) {
  auto state = std::make_unique<TraversalState>();
  SHEAF_ASSIGN_OR_RETURN(state->graph, GraphState::StateOf(graph));
  SHEAF_ASSIGN_OR_RETURN(state->selection,
                         Select(state->graph, options.edges, options.vertices));
  state->generation = state->graph->Generation();
  const graph::TraversalBounds bounds{
      .depth_min = options.depth_min,
      .depth_max = options.depth_max,
      .vertices_max = options.vertices_max,
      .run = RunOf(options.memory_bytes_max, options.progress),
      .keeps_paths = options.keep_paths};
  const auto traverse = options.order == TraversalOrder::kDepthFirst
                            ? graph::TraverseDepthFirst
                            : graph::TraverseBreadthFirst;
  absl::StatusOr<std::unique_ptr<graph::Traversal>> traversal =
      traverse(state->graph->reader, starts, state->selection, bounds);
  if (!traversal.ok()) return internal::At(graph.name(), traversal.status());
  state->traversal = *std::move(traversal);
  return state;
}

// Calls `fn` with all that is reached, some at a time.
absl::Status ForAllReached(const GraphReader& graph, absl::Span<const VertexId> starts,
                           const TraversalOptions& options,
                           absl::FunctionRef<void(absl::Span<const VertexId>)> fn) {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<TraversalState> state,
                         Begin(graph, starts, options));
  graph::Traversal& traversal = *state->traversal;
  for (absl::Span<const VertexId> some = traversal.NextSome(); !some.empty();
       some = traversal.NextSome())
    fn(some);
  if (!traversal.status().ok()) return internal::At(graph.name(), traversal.status());
  if (traversal.complete()) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(graph.name(), ": more than ", options.vertices_max,
                   " vertices are reached; vertices_max"));
}

}  // namespace

// --- Traversals ---------------------------------------------------------------

TraversalCursor::TraversalCursor(std::unique_ptr<TraversalState> state)
    : state_(std::move(state)) {}
TraversalCursor::TraversalCursor(TraversalCursor&&) noexcept = default;
TraversalCursor& TraversalCursor::operator=(TraversalCursor&&) noexcept = default;
TraversalCursor::~TraversalCursor() = default;

bool TraversalCursor::Next() {
  TraversalState& s = *state_;
  if (!s.status.ok()) return false;
  s.status = internal::CheckGoesOn(*s.graph, s.generation);
  if (!s.status.ok()) return false;
  if (s.traversal->Next()) return true;
  if (!s.traversal->status().ok())
    s.status = internal::At(s.graph->tree->name, s.traversal->status());
  return false;
}

absl::Status TraversalCursor::status() const { return state_->status; }
bool TraversalCursor::complete() const { return state_->traversal->complete(); }
VertexId TraversalCursor::vertex() const { return state_->traversal->vertex(); }
uint32_t TraversalCursor::depth() const { return state_->traversal->depth(); }
std::optional<VertexId> TraversalCursor::parent() const {
  return state_->traversal->parent();
}
std::vector<VertexId> TraversalCursor::PathHere() const {
  return state_->traversal->Path();
}

absl::StatusOr<std::optional<EdgeId>> TraversalCursor::edge() const {
  const std::optional<graph::EdgeKey> key = state_->traversal->edge();
  if (!key.has_value()) return std::optional<EdgeId>();
  SHEAF_RETURN_IF_ERROR(state_->graph->Live());
  SHEAF_ASSIGN_OR_RETURN(EdgeId edge, internal::EdgeIdOf(*state_->graph, *key));
  return std::optional<EdgeId>(std::move(edge));
}

absl::StatusOr<TraversalCursor> Traverse(const GraphReader& graph,
                                         absl::Span<const VertexId> starts,
                                         const TraversalOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<TraversalState> state,
                         Begin(graph, starts, options));
  return TraversalCursor(std::move(state));
}

absl::StatusOr<TraversalCursor> Traverse(const GraphReader& graph, VertexId start,
                                         const TraversalOptions& options) {
  return Traverse(graph, absl::MakeConstSpan(&start, 1), options);
}

absl::StatusOr<std::vector<VertexId>> Reach(const GraphReader& graph,
                                            absl::Span<const VertexId> starts,
                                            const TraversalOptions& options) {
  std::vector<VertexId> reached;
  SHEAF_RETURN_IF_ERROR(
      ForAllReached(graph, starts, options, [&](absl::Span<const VertexId> some) {
        reached.insert(reached.end(), some.begin(), some.end());
      }));
  return reached;
}

absl::StatusOr<uint64_t> CountReached(const GraphReader& graph,
                                      absl::Span<const VertexId> starts,
                                      const TraversalOptions& options) {
  uint64_t count = 0;
  SHEAF_RETURN_IF_ERROR(
      ForAllReached(graph, starts, options,
                    [&](absl::Span<const VertexId> some) { count += some.size(); }));
  return count;
}

absl::StatusOr<std::vector<VertexId>> KHop(const GraphReader& graph, VertexId start,
                                           uint32_t hops, const EdgeSelection& edges) {
  return Reach(graph, absl::MakeConstSpan(&start, 1),
               {.edges = edges, .depth_min = hops, .depth_max = hops});
}

absl::StatusOr<std::vector<VertexId>> Chain(const GraphReader& graph,
                                            absl::Span<const VertexId> starts,
                                            absl::Span<const ChainStep> steps,
                                            const TraversalLimits& limits) {
  SHEAF_ASSIGN_OR_RETURN(const GraphStateRef state, GraphState::StateOf(graph));
  TraversalOptions no_step{.depth_max = 0,
                           .memory_bytes_max = limits.memory_bytes_max,
                           .progress = limits.progress};
  SHEAF_ASSIGN_OR_RETURN(std::vector<VertexId> at, Reach(graph, starts, no_step));
  const graph::TraversalBounds bounds{
      .depth_min = 1,
      .depth_max = 1,
      .run = RunOf(limits.memory_bytes_max, limits.progress),
      .finds_starts = true};
  for (const ChainStep& step : steps) {
    SHEAF_ASSIGN_OR_RETURN(const StepSelection selection,
                           Select(state, step.edges, step.vertices));
    absl::StatusOr<std::unique_ptr<graph::Traversal>> traversal =
        graph::TraverseBreadthFirst(state->reader, at, selection, bounds);
    if (!traversal.ok()) return internal::At(graph.name(), traversal.status());
    at.clear();
    for (absl::Span<const VertexId> some = (*traversal)->NextSome(); !some.empty();
         some = (*traversal)->NextSome())
      at.insert(at.end(), some.begin(), some.end());
    const absl::Status& status = (*traversal)->status();
    if (!status.ok()) return internal::At(graph.name(), status);
  }
  return at;
}

// --- Paths --------------------------------------------------------------------

namespace {

using FoundPath = graph::FoundPath;

// Calls `search(graph, selection, run)`, and gives what it found with names.
template <class Search>
absl::StatusOr<std::optional<GraphRoute>> FindRoute(const GraphReader& graph,
                                                    const PathOptions& options,
                                                    Search search) {
  SHEAF_ASSIGN_OR_RETURN(const GraphStateRef state, GraphState::StateOf(graph));
  SHEAF_ASSIGN_OR_RETURN(const StepSelection selection,
                         Select(state, options.edges, options.vertices));
  const AlgorithmOptions run = RunOf(options.memory_bytes_max, options.progress);
  absl::StatusOr<std::optional<FoundPath>> path = search(*state, selection, run);
  if (!path.ok()) return internal::At(graph.name(), path.status());
  if (!path->has_value()) return std::optional<GraphRoute>();
  GraphRoute route{std::move((*path)->vertices), {}, (*path)->weight};
  for (const graph::EdgeKey& key : (*path)->edges) {
    SHEAF_ASSIGN_OR_RETURN(EdgeId edge, internal::EdgeIdOf(*state, key));
    route.edges.push_back(std::move(edge));
  }
  return std::optional<GraphRoute>(std::move(route));
}

absl::StatusOr<std::optional<GraphRoute>> FindLightest(
    const GraphReader& graph, VertexId from, VertexId to, const PathOptions& options,
    std::function<double(VertexId)> lower_bound) {
  return FindRoute(
      graph, options,
      [&](const GraphState& state, const StepSelection& selection,
          const AlgorithmOptions& run) {
        const graph::LeastWeightSearch search{
            std::move(lower_bound), [&](const graph::EdgeKey& key) {
              const absl::StatusOr<EdgeId> edge = internal::EdgeIdOf(state, key);
              return absl::StrCat("edge ", key.from, " -", edge.ok() ? edge->type : "?",
                                  "-> ", key.to, " (", key.ordinal, ")");
            }};
        return graph::LeastWeight(state.reader, from, to, selection, search, run);
      });
}

}  // namespace

absl::StatusOr<std::optional<GraphRoute>> ShortestPath(const GraphReader& graph,
                                                       VertexId from, VertexId to,
                                                       const PathOptions& options,
                                                       uint32_t depth_max) {
  return FindRoute(graph, options,
                   [&](const GraphState& state, const StepSelection& selection,
                       const AlgorithmOptions& run) {
                     return graph::FewestEdges(state.reader, from, to, selection,
                                               depth_max, run);
                   });
}

absl::StatusOr<bool> HasPath(const GraphReader& graph, VertexId from, VertexId to,
                             const PathOptions& options, uint32_t depth_max) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<GraphRoute> path,
                         ShortestPath(graph, from, to, options, depth_max));
  return path.has_value();
}

absl::StatusOr<std::optional<GraphRoute>> LightestPath(const GraphReader& graph,
                                                       VertexId from, VertexId to,
                                                       const PathOptions& options) {
  return FindLightest(graph, from, to, options, nullptr);
}

absl::StatusOr<std::optional<GraphRoute>> AStar(
    const GraphReader& graph, VertexId from, VertexId to,
    absl::FunctionRef<double(VertexId)> lower_bound, const PathOptions& options) {
  return FindLightest(graph, from, to, options, lower_bound);
}

}  // namespace sheaf
