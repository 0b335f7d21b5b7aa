// graph path, graph match: ways and places in a graph.
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"
#include "cli/interrupt.h"

namespace sheaf::cli {
namespace {

struct Shown {
  Session& session;
  const GraphReader& graph;

  bool is_json() const { return session.args.is_json; }
  absl::StatusOr<std::string> Text(VertexId id) const {
    SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph.Get(id));
    const std::string caption = Caption(vertex, session.args.graph.by);
    return std::to_string(id) +
           (caption.empty() ? "" : " " + Shortened(Printable(caption), 40));
  }
};

absl::Status ShowRoute(const Shown& shown, const GraphRoute& route) {
  Output& out = shown.session.out;
  if (shown.is_json()) {
    Json edges = Json::array();
    for (const EdgeId& edge : route.edges) edges.push_back(EdgeJson(edge));
    out.WriteLine(
        Dump({{"vertices", route.vertices}, {"edges", edges}, {"weight", route.weight}}));
    return absl::OkStatus();
  }
  for (size_t i = 0; i < route.vertices.size(); ++i) {
    SHEAF_ASSIGN_OR_RETURN(const std::string text, shown.Text(route.vertices[i]));
    if (i == 0) {
      out.WriteLine(text);
      continue;
    }
    const EdgeId& edge = route.edges[i - 1];
    const bool is_out = edge.from == route.vertices[i - 1];
    const std::string arrow = is_out ? "  -" + Printable(edge.type) + "-> "
                                     : "  <-" + Printable(edge.type) + "- ";
    out.WriteLine(out.Paint(Tone::kFaint, arrow) + text);
  }
  return absl::OkStatus();
}

absl::Status NoPath(const Shown& shown, VertexId from, VertexId to) {
  return absl::NotFoundError(shown.graph.name() + ": no path from " +
                             std::to_string(from) + " to " + std::to_string(to));
}

// --shortest: by way of a projection.
absl::Status ShowSeveral(const Shown& shown, VertexId from, VertexId to,
                         const Progress& progress) {
  const Arguments& args = shown.session.args;
  AlgorithmOptions options;
  options.memory_bytes_max = uint64_t{16} << 30;
  options.progress = progress;
  ProjectionSelection selection;
  selection.types = args.graph.types;
  selection.weighted = args.graph.is_weighted;
  SHEAF_ASSIGN_OR_RETURN(const GraphProjection projection,
                         shown.graph.Project(selection, options));
  SHEAF_ASSIGN_OR_RETURN(
      const ManyPaths found,
      ShortestLooplessPaths(projection, *projection.Find(from), *projection.Find(to),
                            {.direction = DirectionOf(args),
                             .weighted = args.graph.is_weighted,
                             .paths_max = *args.graph.shortest},
                            options));
  if (found.paths.empty()) return NoPath(shown, from, to);
  for (const GraphPath& path : found.paths) {
    std::string text;
    Json ids = Json::array();
    for (const VertexIndex v : path.vertices) {
      ids.push_back(projection.id(v));
      if (shown.is_json()) continue;
      SHEAF_ASSIGN_OR_RETURN(const std::string one, shown.Text(projection.id(v)));
      text += (text.empty() ? "" : " – ") + one;
    }
    shown.session.out.WriteLine(
        shown.is_json() ? Dump({{"vertices", ids}, {"weight", path.weight}}) : text);
  }
  return absl::OkStatus();
}

absl::Status ShowPath(Session& session, const GraphReader& graph,
                      const Progress& progress) {
  const GraphArguments& of = session.args.graph;
  const Shown shown{session, graph};
  SHEAF_ASSIGN_OR_RETURN(const VertexId from, FindVertex(graph, of.from, of.by));
  SHEAF_ASSIGN_OR_RETURN(const VertexId to, FindVertex(graph, of.to, of.by));
  if (of.shortest.has_value()) return ShowSeveral(shown, from, to, progress);
  PathOptions options;
  options.edges = EdgesOf(session.args);
  options.progress = progress;
  SHEAF_ASSIGN_OR_RETURN(
      const std::optional<GraphRoute> route,
      of.is_weighted ? LightestPath(graph, from, to, options)
                     : ShortestPath(graph, from, to, options,
                                    of.depth_max == 0 ? kAnyDepth : of.depth_max));
  if (!route.has_value()) return NoPath(shown, from, to);
  if (!of.is_dot) return ShowRoute(shown, *route);
  return PrintDot(session, graph, route->vertices, route->edges);
}

absl::Status ShowMatch(const Shown& shown, const MatchCursor& match) {
  const GraphPattern& pattern = match.pattern();
  Json json = Json::object();
  std::string text;
  for (size_t i = 0; i < pattern.vertices.size(); ++i) {
    const std::string& name = pattern.vertices[i].name;
    if (name.empty()) continue;
    const VertexId id = match.VertexAt(i);
    if (shown.is_json()) {
      json[name] = id;
      continue;
    }
    SHEAF_ASSIGN_OR_RETURN(const std::string one, shown.Text(id));
    text += (text.empty() ? "" : "  ") +
            shown.session.out.Paint(Tone::kKey, Printable(name)) + "=" + one;
  }
  for (size_t i = 0; i < pattern.edges.size(); ++i) {
    const std::string& name = pattern.edges[i].name;
    if (name.empty()) continue;
    SHEAF_ASSIGN_OR_RETURN(const std::vector<EdgeId> edges, match.EdgesAt(i));
    if (shown.is_json()) json[name] = Json::array();
    for (const EdgeId& edge : edges) {
      if (shown.is_json())
        json[name].push_back(EdgeJson(edge));
      else
        text += (text.empty() ? "" : "  ") +
                shown.session.out.Paint(Tone::kKey, Printable(name)) + "=" +
                EdgeText(edge);
    }
  }
  shown.session.out.WriteLine(shown.is_json() ? Dump(json) : text);
  return absl::OkStatus();
}

absl::Status ShowMatches(Session& session, const GraphReader& graph,
                         const Progress& progress) {
  const Shown shown{session, graph};
  MatchOptions options;
  options.limit = session.args.limit;
  options.progress = progress;
  SHEAF_ASSIGN_OR_RETURN(MatchCursor match,
                         Match(graph, session.args.graph.pattern, options));
  std::vector<VertexId> vertices;
  std::vector<EdgeId> edges;
  while (session.out.ok() && match.Next()) {
    if (session.args.explains) continue;
    if (!session.args.graph.is_dot) {
      SHEAF_RETURN_IF_ERROR(ShowMatch(shown, match));
      continue;
    }
    for (size_t i = 0; i < match.pattern().vertices.size(); ++i)
      vertices.push_back(match.VertexAt(i));
    for (size_t i = 0; i < match.pattern().edges.size(); ++i) {
      SHEAF_ASSIGN_OR_RETURN(const std::vector<EdgeId> some, match.EdgesAt(i));
      edges.insert(edges.end(), some.begin(), some.end());
    }
  }
  SHEAF_RETURN_IF_ERROR(match.status());
  if (session.args.explains) session.out.Write(match.Explain());
  return session.args.graph.is_dot ? PrintDot(session, graph, vertices, edges)
                                   : absl::OkStatus();
}

CommandResult Search(Session& session,
                     absl::Status (*search)(Session&, const GraphReader&,
                                            const Progress&)) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<GraphReader> graph = read.graph(args.collection);
  if (!graph.ok()) return NameError(args, graph.status());
  const Interrupt interrupt;
  ProgressLine line(session.err);
  const absl::Status done =
      search(session, *graph, ProgressOf(args, ShownOn(line, &interrupt)));
  line.Clear();
  if (absl::IsCancelled(done)) return kExitSignal + interrupt.signal_number();
  return done.ok() ? CommandResult(kExitOk) : At(args.file, done);
}

}  // namespace

CommandResult FindGraphPath(Session& session) { return Search(session, ShowPath); }
CommandResult FindGraphMatches(Session& session) { return Search(session, ShowMatches); }

}  // namespace sheaf::cli
