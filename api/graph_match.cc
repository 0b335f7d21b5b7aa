#include "sheaf/graph_match.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/internal/graph_selection.h"
#include "document/filter.h"
#include "document/query.h"
#include "graph/match.h"
#include "pager/status_macros.h"
#include "sheaf/where.h"

namespace sheaf {

using graph::MatchEdge;
using graph::MatchVertex;
using graph::VertexStream;
using internal::GraphState;
using internal::GraphStateRef;
using internal::MatchState;

namespace internal {

struct MatchState {
  GraphStateRef graph;
  GraphPattern pattern;
  MatchOptions options;
  std::unique_ptr<graph::Matcher> matcher;
  uint64_t generation = 0, rows = 0;
  bool complete = true;
  absl::Status status;
};

}  // namespace internal

namespace {

// --- Where matches begin ------------------------------------------------------

VertexStream StreamOf(std::vector<VertexId> ids) {
  return [ids = std::move(ids), at = size_t{0}]() mutable {
    return absl::StatusOr<std::optional<VertexId>>(
        at < ids.size() ? std::optional<VertexId>(ids[at++]) : std::nullopt);
  };
}

// All vertices, some at a time: the graph may change meanwhile.
VertexStream StreamOfAll(const GraphStateRef& graph) {
  return [graph, ids = std::vector<VertexId>(), at = size_t{0},
          from = VertexId{0}]() mutable -> absl::StatusOr<std::optional<VertexId>> {
    constexpr size_t kIdsAtOnce = 256;
    if (at == ids.size()) {
      ids.clear();
      at = 0;
      btree::DenseCursor cursor(graph->reader.graph().context(),
                                &graph->reader.graph().root());
      for (bool valid = cursor.Seek(from); valid && ids.size() < kIdsAtOnce;
           valid = cursor.Next())
        if (!graph->reader.IsGone(cursor.key())) ids.push_back(cursor.key());
      SHEAF_RETURN_IF_ERROR(cursor.status());
      if (ids.empty()) return std::optional<VertexId>();
      from = ids.back() + 1;
    }
    return std::optional<VertexId>(ids[at++]);
  };
}

// A query over the documents of vertices.
struct CandidateQuery {
  std::shared_ptr<internal::CollectionState> documents;  // outlives the cursor
  std::unique_ptr<document::QueryCursor> cursor;
};

absl::StatusOr<std::shared_ptr<CandidateQuery>> OpenQuery(const GraphState& graph,
                                                          const std::string& filter) {
  auto made = std::make_shared<CandidateQuery>();
  SHEAF_ASSIGN_OR_RETURN(made->documents, graph.DocumentsState(GraphState::kVertices));
  SHEAF_ASSIGN_OR_RETURN(document::Source source, made->documents->Source());
  document::Query query;
  SHEAF_ASSIGN_OR_RETURN(query.filter, document::Filter::Parse(filter));
  // Keys are enough. (A writer may give a document more entries while the cursor stands.)
  if (graph.names_writer == nullptr) query.reads.emplace();
  SHEAF_ASSIGN_OR_RETURN(
      made->cursor, document::QueryCursor::Open(std::move(source), std::move(query)));
  return made;
}

absl::StatusOr<VertexStream> StreamOfQuery(const GraphState& graph,
                                           const std::string& filter) {
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<CandidateQuery> query,
                         OpenQuery(graph, filter));
  return VertexStream([query]() -> absl::StatusOr<std::optional<VertexId>> {
    if (!query->cursor->Next()) {
      SHEAF_RETURN_IF_ERROR(query->cursor->status());
      return std::optional<VertexId>();
    }
    SHEAF_ASSIGN_OR_RETURN(const DocumentKey key,
                           internal::DecodeKey(query->cursor->key()));
    if (!key.is_number()) return absl::DataLossError("a vertex has no number");
    return std::optional<VertexId>(static_cast<VertexId>(key.number()));
  });
}

// Labels and properties, as a filter of documents.
std::string FilterOf(const PatternVertex& vertex) {
  std::vector<std::string> all;
  for (const std::vector<std::string>& any : vertex.labels) {
    std::vector<std::string> names;
    for (const std::string& label : any) names.push_back(FilterValue(label).json());
    all.push_back(absl::StrCat(
        "{\"_labels\":",
        names.size() == 1 ? names[0] : "{\"$in\":[" + absl::StrJoin(names, ",") + "]}",
        "}"));
  }
  if (!vertex.filter.empty()) all.push_back(vertex.filter);
  return all.size() == 1 ? all[0] : "{\"$and\":[" + absl::StrJoin(all, ",") + "]}";
}

// Whether vertices can match that have no document.
absl::StatusOr<bool> TakesBare(const PatternVertex& vertex) {
  if (!vertex.labels.empty()) return false;
  if (vertex.filter.empty()) return true;
  SHEAF_ASSIGN_OR_RETURN(const document::Filter filter,
                         document::Filter::Parse(vertex.filter));
  if (filter.UsesKey()) return true;
  document::NameTable names;
  document::Writer writer(&names);
  writer.BeginObject();
  writer.End();
  SHEAF_ASSIGN_OR_RETURN(const std::string empty, writer.Finish());
  return filter.Matches(document::RootOf(empty, names));
}

absl::Status SetCandidates(const GraphStateRef& graph, const PatternVertex& vertex,
                           MatchVertex* out) {
  if (!vertex.ids.empty()) {
    out->is_one_of = true;
    out->ids = vertex.ids;
    std::sort(out->ids.begin(), out->ids.end());
    out->ids.erase(std::unique(out->ids.begin(), out->ids.end()), out->ids.end());
    out->candidates = out->ids.size();
    out->way = "by _id";
    out->open = [ids = out->ids] { return StreamOf(ids); };
    return absl::OkStatus();
  }
  SHEAF_ASSIGN_OR_RETURN(const bool takes_bare, TakesBare(vertex));
  if (takes_bare) {
    out->candidates = graph->reader.vertex_count();
    out->way = "of all vertices";
    out->open = [graph] { return StreamOfAll(graph); };
    out->candidates_match = out->test == nullptr;
    return absl::OkStatus();
  }
  const std::string filter = FilterOf(vertex);
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<CandidateQuery> query,
                         OpenQuery(*graph, filter));
  const document::Plan& plan = query->cursor->plan();
  out->candidates = plan.entries;
  out->way = plan.index == nullptr
                 ? "by their properties"
                 : absl::StrCat("by the index ", plan.index->definition.name);
  out->open = [graph, filter] { return StreamOfQuery(*graph, filter); };
  out->candidates_match = true;
  return absl::OkStatus();
}

// --- The pattern with numbers for names ---------------------------------------

absl::StatusOr<MatchVertex> ToMatchVertex(const GraphStateRef& graph,
                                          const PatternVertex& vertex) {
  MatchVertex made;
  made.name = vertex.name;
  for (const std::vector<std::string>& any : vertex.labels) {
    SHEAF_ASSIGN_OR_RETURN(made.labels.emplace_back(), internal::NumbersOf(*graph, any));
  }
  if (!vertex.filter.empty()) {
    SHEAF_ASSIGN_OR_RETURN(made.test,
                           internal::VertexPropertiesTest(graph, vertex.filter));
  }
  SHEAF_RETURN_IF_ERROR(SetCandidates(graph, vertex, &made));
  return made;
}

absl::StatusOr<MatchEdge> ToMatchEdge(const GraphStateRef& graph,
                                      const PatternEdge& edge) {
  MatchEdge made{.from = edge.from,
                 .to = edge.to,
                 .selection = {},
                 .hops_min = edge.hops_min,
                 .hops_max = edge.hops_max,
                 .edges_a_vertex = 0,
                 .text = {}};
  SHEAF_ASSIGN_OR_RETURN(
      made.selection,
      internal::SelectEdges(graph, {edge.direction, edge.types, edge.filter}));
  uint64_t count = 0;
  const auto add = [&](graph::NameId type) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t edges, graph->reader.EdgeCount(type));
    count += edges;
    return absl::OkStatus();
  };
  if (made.selection.any_type) {
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<const document::Schema> names,
                           graph->Names());
    for (uint32_t id = 0; id < names->names().size(); ++id)
      SHEAF_RETURN_IF_ERROR(add(id));
  }
  for (const graph::NameId type : made.selection.types) SHEAF_RETURN_IF_ERROR(add(type));
  made.edges_a_vertex =
      static_cast<double>(count) * (edge.direction == Direction::kBoth ? 2 : 1) /
      static_cast<double>(std::max<uint64_t>(1, graph->reader.vertex_count()));
  made.text = absl::StrCat("[", edge.name, edge.types.empty() ? "" : ":",
                           absl::StrJoin(edge.types, "|"),
                           edge.hops_min != 1 || edge.hops_max != 1
                               ? absl::StrCat("*", edge.hops_min, "..", edge.hops_max)
                               : "",
                           "]");
  return made;
}

}  // namespace

// --- MatchCursor --------------------------------------------------------------

MatchCursor::MatchCursor(std::unique_ptr<MatchState> state) : state_(std::move(state)) {}
MatchCursor::MatchCursor(MatchCursor&&) noexcept = default;
MatchCursor& MatchCursor::operator=(MatchCursor&&) noexcept = default;
MatchCursor::~MatchCursor() = default;

bool MatchCursor::Next() {
  MatchState& s = *state_;
  if (s.rows == s.options.limit) s.complete = false;
  if (!s.status.ok() || !s.complete) return false;
  s.status = internal::CheckGoesOn(*s.graph, s.generation);
  if (!s.status.ok()) return false;
  if (!s.matcher->Next()) {
    if (!s.matcher->status().ok())
      s.status = internal::At(s.graph->tree->name, s.matcher->status());
    return false;
  }
  if (s.rows == s.options.rows_max) {
    s.status = absl::ResourceExhaustedError(
        absl::StrCat(s.graph->tree->name, ": more than ", s.rows, " matches; rows_max"));
    return false;
  }
  ++s.rows;
  return true;
}

absl::Status MatchCursor::status() const { return state_->status; }
bool MatchCursor::complete() const { return state_->complete; }
const GraphPattern& MatchCursor::pattern() const { return state_->pattern; }
std::string MatchCursor::Explain() const { return state_->matcher->Describe(); }

VertexId MatchCursor::VertexAt(size_t vertex) const {
  return state_->matcher->vertex(vertex);
}

absl::StatusOr<std::vector<EdgeId>> MatchCursor::EdgesAt(size_t edge) const {
  SHEAF_RETURN_IF_ERROR(state_->graph->Live());
  std::vector<EdgeId> edges;
  for (const graph::EdgeKey& key : state_->matcher->edges(edge)) {
    SHEAF_ASSIGN_OR_RETURN(edges.emplace_back(), internal::EdgeIdOf(*state_->graph, key));
  }
  return edges;
}

absl::StatusOr<VertexId> MatchCursor::vertex(std::string_view name) const {
  const std::vector<PatternVertex>& all = pattern().vertices;
  for (size_t i = 0; i < all.size(); ++i)
    if (!name.empty() && all[i].name == name) return VertexAt(i);
  return absl::InvalidArgumentError(
      absl::StrCat("the pattern has no vertex ", std::string(name)));
}

absl::StatusOr<std::vector<EdgeId>> MatchCursor::edges(std::string_view name) const {
  const std::vector<PatternEdge>& all = pattern().edges;
  for (size_t i = 0; i < all.size(); ++i)
    if (!name.empty() && all[i].name == name) return EdgesAt(i);
  return absl::InvalidArgumentError(
      absl::StrCat("the pattern has no edge ", std::string(name)));
}

absl::StatusOr<MatchCursor> Match(const GraphReader& graph, GraphPattern pattern,
                                  const MatchOptions& options) {
  auto state = std::make_unique<MatchState>();
  SHEAF_ASSIGN_OR_RETURN(state->graph, GraphState::StateOf(graph));
  SHEAF_RETURN_IF_ERROR(pattern.Check());
  std::vector<MatchVertex> vertices;
  std::vector<MatchEdge> edges;
  for (const PatternVertex& vertex : pattern.vertices) {
    SHEAF_ASSIGN_OR_RETURN(vertices.emplace_back(), ToMatchVertex(state->graph, vertex));
  }
  for (const PatternEdge& edge : pattern.edges) {
    SHEAF_ASSIGN_OR_RETURN(edges.emplace_back(), ToMatchEdge(state->graph, edge));
  }
  state->generation = state->graph->Generation();
  state->pattern = std::move(pattern);
  state->options = options;
  state->matcher = std::make_unique<graph::Matcher>(
      state->graph->reader, std::move(vertices), std::move(edges),
      graph::MatchBounds{.edges_max = options.work_max,
                         .run = {.progress = options.progress,
                                 .memory_bytes_max = options.memory_bytes_max}});
  return MatchCursor(std::move(state));
}

absl::StatusOr<MatchCursor> Match(const GraphReader& graph, std::string_view pattern,
                                  const MatchOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(GraphPattern parsed, GraphPattern::Parse(pattern));
  return Match(graph, std::move(parsed), options);
}

}  // namespace sheaf
