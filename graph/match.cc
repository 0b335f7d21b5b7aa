#include "graph/match.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/neighbors.h"

namespace sheaf::graph {
namespace {

EdgeKey KeyOf(VertexId from, NameId type, VertexId to, uint32_t ordinal, bool in) {
  return in ? EdgeKey{to, type, from, ordinal} : EdgeKey{from, type, to, ordinal};
}

bool Same(const EdgeKey& a, const EdgeKey& b) {
  return a.from == b.from && a.to == b.to && a.type == b.type && a.ordinal == b.ordinal;
}

}  // namespace

Matcher::Matcher(const GraphReader& graph, std::vector<MatchVertex> vertices,
                 std::vector<MatchEdge> edges, const MatchBounds& bounds)
    : graph_(graph),
      vertices_(std::move(vertices)),
      edges_(std::move(edges)),
      bounds_(bounds),
      meter_(bounds_.run, "the match"),
      step_of_(edges_.size()),
      bound_(vertices_.size()) {
  Plan();
}

// --- The plan -----------------------------------------------------------------

void Matcher::Plan() {
  std::vector<bool> is_bound(vertices_.size()), is_done(edges_.size());
  while (std::find(is_bound.begin(), is_bound.end(), false) != is_bound.end()) {
    AddStart(&is_bound);
    while (AddEdgeStep(&is_bound, &is_done)) continue;
  }
}

// From the vertex of the fewest candidates; of such the one with the most edges.
void Matcher::AddStart(std::vector<bool>* is_bound) {
  const auto edges_of = [&](size_t v) {
    return std::count_if(edges_.begin(), edges_.end(),
                         [&](const MatchEdge& e) { return e.from == v || e.to == v; });
  };
  std::optional<size_t> best;
  for (size_t v = 0; v < vertices_.size(); ++v) {
    if ((*is_bound)[v]) continue;
    const uint64_t few = vertices_[v].candidates;
    if (!best.has_value() || few < vertices_[*best].candidates ||
        (few == vertices_[*best].candidates && edges_of(v) > edges_of(*best)))
      best = v;
  }
  (*is_bound)[*best] = true;
  Step step;
  step.target = *best;
  steps_.push_back(std::move(step));
}

// About how many ways an edge leads on from one that is bound.
double Matcher::CostOf(const MatchEdge& edge, bool from_bound, bool to_bound) const {
  double ways = 0, of_length = 1;
  for (uint32_t length = 1; length <= std::max(1u, edge.hops_max); ++length)
    ways += of_length *= std::max(edge.edges_a_vertex, 1e-3);
  const double all = std::max<double>(1, static_cast<double>(graph_.vertex_count()));
  if (from_bound && to_bound)  // a look-up; it can only leave out
    return edge.hops_max == 1 ? -1 : ways / all;
  const MatchVertex& target = vertices_[from_bound ? edge.to : edge.from];
  const double share = std::min(1.0, static_cast<double>(target.candidates) / all);
  return ways * share + ways * 1e-3;  // all are looked at
}

bool Matcher::AddEdgeStep(std::vector<bool>* is_bound, std::vector<bool>* is_done) {
  std::optional<size_t> best;
  double best_cost = 0;
  for (size_t e = 0; e < edges_.size(); ++e) {
    const bool from = (*is_bound)[edges_[e].from], to = (*is_bound)[edges_[e].to];
    if ((*is_done)[e] || (!from && !to)) continue;
    const double cost = CostOf(edges_[e], from, to);
    if (best.has_value() && cost >= best_cost) continue;
    best = e;
    best_cost = cost;
  }
  if (!best.has_value()) return false;
  const MatchEdge& edge = edges_[*best];
  Step step;
  step.edge = *best;
  step.backwards = !(*is_bound)[edge.from];
  step.source = step.backwards ? edge.to : edge.from;
  step.target = step.backwards ? edge.from : edge.to;
  step.target_is_bound = (*is_bound)[step.target];
  step.kind = edge.hops_min != 1 || edge.hops_max != 1 ? Kind::kPath
              : step.target_is_bound                   ? Kind::kClose
                                                       : Kind::kExpand;
  step.selection = edge.selection;
  if (step.backwards) step.selection.direction = Reverse(edge.selection.direction);
  step.reversed = step.selection;
  step.reversed.direction = Reverse(step.selection.direction);
  step_of_[*best] = steps_.size();
  steps_.push_back(std::move(step));
  (*is_bound)[edge.from] = (*is_bound)[edge.to] = (*is_done)[*best] = true;
  return true;
}

std::string Matcher::Describe() const {
  std::string out;
  for (const Step& step : steps_) {
    const auto name = [&](size_t v) {
      const std::string& known = vertices_[v].name;
      return absl::StrCat("(", known.empty() ? absl::StrCat("#", v) : known, ")");
    };
    if (step.kind == Kind::kStart) {
      const MatchVertex& vertex = vertices_[step.target];
      absl::StrAppend(&out, name(step.target), " ", vertex.way, ", about ",
                      vertex.candidates, "\n");
      continue;
    }
    const char* const how = step.kind == Kind::kExpand  ? "along "
                            : step.kind == Kind::kClose ? "look up "
                            : step.target_is_bound      ? "paths between, by "
                                                        : "paths along ";
    absl::StrAppend(&out, name(step.source), " to ", name(step.target), " ", how,
                    edges_[step.edge].text, step.backwards ? " backwards\n" : "\n");
  }
  return out;
}

// --- The search ---------------------------------------------------------------

bool Matcher::Next() {
  if (done_ || !status_.ok()) return false;
  size_t at = steps_.size() - 1;
  if (!begun_) {
    begun_ = true;
    at = 0;
    status_ = meter_.Begin("edges followed", 0);
    if (status_.ok()) status_ = Open(&steps_[0]);
  }
  while (status_.ok()) {
    used_.resize(steps_[at].used_begin);
    const absl::StatusOr<bool> advanced = Advance(&steps_[at]);
    status_ = advanced.status();
    if (!status_.ok()) return false;
    if (*advanced) {
      if (++at == steps_.size()) return true;
      steps_[at].used_begin = used_.size();
      status_ = Open(&steps_[at]);
    } else {
      if (at == 0) break;
      --at;
    }
  }
  done_ = true;
  return false;
}

std::vector<EdgeKey> Matcher::edges(size_t i) const {
  const size_t at = step_of_[i];
  const auto begin = used_.begin() + static_cast<int64_t>(steps_[at].used_begin);
  const auto end = at + 1 < steps_.size()
                       ? used_.begin() + static_cast<int64_t>(steps_[at + 1].used_begin)
                       : used_.end();
  std::vector<EdgeKey> edges(begin, end);
  if (steps_[at].backwards) std::reverse(edges.begin(), edges.end());
  return edges;
}

absl::Status Matcher::Open(Step* step) {
  step->depth = 0;
  step->is_fresh = true;
  const VertexId source = bound_[step->source];
  switch (step->kind) {
    case Kind::kStart: {
      SHEAF_ASSIGN_OR_RETURN(step->stream, vertices_[step->target].open());
      return absl::OkStatus();
    }
    case Kind::kExpand:
      return Collect(step, source);
    case Kind::kClose:
      return LookUp(step, source, bound_[step->target]);
    case Kind::kPath:
      if (edges_[step->edge].hops_max == 0) return absl::OkStatus();
      return Collect(step, source);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Matcher::Advance(Step* step) {
  if (step->kind == Kind::kStart) return AdvanceStart(step);
  return step->kind == Kind::kPath ? AdvancePath(step) : AdvanceHop(step);
}

absl::StatusOr<bool> Matcher::AdvanceStart(Step* step) {
  const MatchVertex& vertex = vertices_[step->target];
  for (;;) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexId> id, step->stream());
    if (!id.has_value()) return false;
    SHEAF_RETURN_IF_ERROR(meter_.Add(1));
    if (!vertex.candidates_match) {
      SHEAF_ASSIGN_OR_RETURN(const bool takes, TakesVertex(vertex, *id));
      if (!takes) continue;
    }
    bound_[step->target] = *id;
    return true;
  }
}

absl::StatusOr<bool> Matcher::AdvanceHop(Step* step) {
  Hops& hops = step->levels[0];
  while (hops.next < hops.all.size()) {
    if (hops.next == hops.checked) SHEAF_RETURN_IF_ERROR(CheckLabels(*step, &hops));
    const Hop& hop = hops.all[hops.next++];
    if (!hop.takes) continue;
    SHEAF_ASSIGN_OR_RETURN(bool takes, TakesHop(*step, hops.from, hop));
    if (!takes) continue;
    if (!step->target_is_bound) {
      SHEAF_ASSIGN_OR_RETURN(takes, TakesTarget(*step, hop.to, true));
      if (!takes) continue;
      bound_[step->target] = hop.to;
    }
    used_.push_back(KeyOf(hops.from, hop.type, hop.to, hop.ordinal, hop.in));
    return true;
  }
  return false;
}

// Paths in preorder. A level's hop that is taken stands in used_.
absl::StatusOr<bool> Matcher::AdvancePath(Step* step) {
  const MatchEdge& edge = edges_[step->edge];
  if (std::exchange(step->is_fresh, false) && edge.hops_min == 0) {
    const VertexId here = bound_[step->source];
    SHEAF_ASSIGN_OR_RETURN(const bool takes, TakesTarget(*step, here, false));
    if (takes) {
      bound_[step->target] = here;
      return true;
    }
  }
  // Next() took away all of them: those of the levels above the last stand again.
  for (size_t i = 0; i + 1 < step->depth; ++i) {
    const Hops& level = step->levels[i];
    const Hop& hop = level.all[level.next - 1];
    used_.push_back(KeyOf(level.from, hop.type, hop.to, hop.ordinal, hop.in));
  }
  while (step->depth > 0) {
    used_.resize(step->used_begin + step->depth - 1);
    Hops& hops = step->levels[step->depth - 1];
    if (hops.next == hops.all.size()) {
      --step->depth;
      continue;
    }
    const Hop hop = hops.all[hops.next++];
    SHEAF_ASSIGN_OR_RETURN(bool takes, TakesHop(*step, hops.from, hop));
    if (!takes) continue;
    used_.push_back(KeyOf(hops.from, hop.type, hop.to, hop.ordinal, hop.in));
    const size_t length = step->depth;
    if (length < edge.hops_max) SHEAF_RETURN_IF_ERROR(Collect(step, hop.to));
    if (length < edge.hops_min) continue;
    SHEAF_ASSIGN_OR_RETURN(takes, TakesTarget(*step, hop.to, false));
    if (!takes) continue;
    bound_[step->target] = hop.to;
    return true;
  }
  return false;
}

Matcher::Hops* Matcher::OpenLevel(Step* step, VertexId from) {
  if (step->levels.size() == step->depth) step->levels.emplace_back();
  Hops* const hops = &step->levels[step->depth++];
  hops->from = from;
  hops->all.clear();
  hops->next = hops->checked = 0;
  return hops;
}

// The hops from a vertex.
absl::Status Matcher::Collect(Step* step, VertexId from) {
  Hops* const hops = OpenLevel(step, from);
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view, graph_.Find(from, &found));
  if (!view.has_value()) return absl::OkStatus();
  const bool skip_loops = step->selection.direction == Direction::kBoth;
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(
      graph_.VisitEdges(*view, step->selection.direction, std::nullopt,
                        [&](const ListKey& list, const AdjacencyView& some) {
                          if (step->selection.Takes(list))
                            status = TakePiece(list, some, skip_loops, hops);
                          return status.ok();
                        }));
  return status;
}

// Those to one other, from the end that has no blocks, if there is such a one.
absl::Status Matcher::LookUp(Step* step, VertexId from, VertexId to) {
  Hops* const hops = OpenLevel(step, from);
  const auto has_blocks = [](const VertexView& view, const StepSelection& selection) {
    bool any = false;
    view.ForEachList([&](const VertexView::List& list) {
      any = any || (list.key.large && selection.Takes(list.key));
    });
    return any;
  };
  btree::Found found, other_found;
  SHEAF_ASSIGN_OR_RETURN(std::optional<VertexView> view, graph_.Find(from, &found));
  if (!view.has_value()) return absl::OkStatus();
  bool from_other = false;
  if (from != to && has_blocks(*view, step->selection)) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> other,
                           graph_.Find(to, &other_found));
    from_other = other.has_value() && !has_blocks(*other, step->reversed);
    if (from_other) view = other;
  }
  const StepSelection& selection = from_other ? step->reversed : step->selection;
  const bool skip_loops = from == to && selection.direction == Direction::kBoth;
  absl::Status status;
  view->ForEachList([&](const VertexView::List& list) {
    if (!status.ok() || !selection.Takes(list.key) || (skip_loops && list.key.in)) return;
    status = graph_.VisitEdgesTo(
        *view, list, from_other ? from : to, [&](const AdjacentEdge& edge) {
          hops->all.push_back({to, list.key.type, edge.ordinal, list.key.in != from_other,
                               edge.has_properties, true});
        });
  });
  SHEAF_RETURN_IF_ERROR(status);
  return CountEdges(1 + hops->all.size());
}

absl::Status Matcher::TakePiece(const ListKey& list, const AdjacencyView& some,
                                bool skip_loops, Hops* hops) {
  SHEAF_RETURN_IF_ERROR(CountEdges(some.count()));
  const size_t before = hops->all.capacity();
  some.DecodeEdges(&decoded_);
  for (const AdjacentEdge& edge : decoded_) {
    if (skip_loops && list.in && edge.neighbour == hops->from) continue;
    hops->all.push_back(
        {edge.neighbour, list.type, edge.ordinal, list.in, edge.has_properties, true});
  }
  return meter_.Take((hops->all.capacity() - before) * sizeof(Hop));
}

// Of the next targets, some hundred at a time.
absl::Status Matcher::CheckLabels(const Step& step, Hops* hops) {
  constexpr size_t kAtOnce = 256;
  const size_t begin = hops->checked;
  hops->checked = std::min(hops->all.size(), begin + kAtOnce);
  const MatchVertex& target = vertices_[step.target];
  if (step.target_is_bound || target.labels.empty()) return absl::OkStatus();
  ids_.clear();
  for (size_t i = begin; i < hops->checked; ++i) {
    hops->all[i].takes = false;
    ids_.push_back(hops->all[i].to);
  }
  return graph_.VisitRecords(ids_, [&](size_t i, std::string_view record) {
    hops->all[begin + i].takes = TakesLabels(target, VertexView(ids_[i], record));
  });
}

// --- Conditions ---------------------------------------------------------------

absl::StatusOr<bool> Matcher::TakesHop(const Step& step, VertexId from, const Hop& hop) {
  const EdgeKey key = KeyOf(from, hop.type, hop.to, hop.ordinal, hop.in);
  if (IsUsed(key)) return false;
  if (step.selection.edge_test == nullptr) return true;
  return step.selection.edge_test(key, hop.has_properties);
}

bool Matcher::IsUsed(const EdgeKey& edge) const {
  return std::any_of(used_.begin(), used_.end(),
                     [&](const EdgeKey& used) { return Same(used, edge); });
}

bool Matcher::TakesLabels(const MatchVertex& vertex, const VertexView& view) const {
  return std::all_of(
      vertex.labels.begin(), vertex.labels.end(), [&](const std::vector<NameId>& any) {
        return std::any_of(any.begin(), any.end(),
                           [&](NameId label) { return view.HasLabel(label); });
      });
}

absl::StatusOr<bool> Matcher::TakesVertex(const MatchVertex& vertex, VertexId id) const {
  {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view, graph_.Find(id, &found));
    if (!view.has_value() || !TakesLabels(vertex, *view)) return false;
  }
  return vertex.test == nullptr ? absl::StatusOr<bool>(true) : vertex.test(id);
}

absl::StatusOr<bool> Matcher::TakesTarget(const Step& step, VertexId id,
                                          bool labels_known) {
  if (step.target_is_bound) return bound_[step.target] == id;
  const MatchVertex& target = vertices_[step.target];
  if (target.is_one_of && !std::binary_search(target.ids.begin(), target.ids.end(), id))
    return false;
  if (!labels_known && !target.labels.empty()) return TakesVertex(target, id);
  return target.test == nullptr ? absl::StatusOr<bool>(true) : target.test(id);
}

absl::Status Matcher::CountEdges(uint64_t edges) {
  edges_seen_ += edges;
  if (edges_seen_ > bounds_.edges_max)
    return absl::ResourceExhaustedError(absl::StrCat(
        "the match looks at more than ", bounds_.edges_max, " edges; work_max"));
  return meter_.Add(edges);
}

}  // namespace sheaf::graph
