// graph: vertices and edges, one command each.
#include <set>

#include "cli/commands.h"
#include "cli/expiry_text.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"
#include "cli/rows.h"

namespace sheaf::cli {
namespace {

std::string PropertiesOf(const Arguments& args) {
  return args.graph.properties.empty() ? "{}" : args.graph.properties;
}

// Runs `change` on the graph in a transaction of its own. With `makes` a graph and a file
// that are not there are made.
CommandResult ChangeGraph(Session& session, bool makes,
                          absl::FunctionRef<absl::Status(Graph&)> change) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(
      auto db, OpenFile(args, makes ? OpenFor::kWritingOrCreating : OpenFor::kWriting));
  if (!makes) {
    const absl::Status there = db->BeginRead().graph(args.collection).status();
    if (!there.ok()) return NameError(args, there);
  }
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db->BeginWrite());
  absl::StatusOr<Graph> graph = txn.graph(args.collection);
  if (!graph.ok()) return NameError(args, graph.status());
  if (absl::Status done = change(*graph); !done.ok()) return At(args.file, done);
  if (absl::Status done = txn.Commit(); !done.ok()) return At(args.file, done);
  return kExitOk;
}

CommandResult AddVertex(Session& session) {
  const GraphArguments& of = session.args.graph;
  VertexId id = 0;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Expiry> expiry, ExpiryOf(session.args));
  SHEAF_ASSIGN_OR_RETURN(
      const int exit, ChangeGraph(session, true, [&](Graph& graph) -> absl::Status {
        const std::vector<std::string_view> labels(of.labels.begin(), of.labels.end());
        if (of.id.has_value()) {
          id = *of.id;
          SHEAF_RETURN_IF_ERROR(
              graph.AddVertexAs(id, labels, PropertiesOf(session.args)));
        } else {
          SHEAF_ASSIGN_OR_RETURN(id, graph.AddVertex(labels, PropertiesOf(session.args)));
        }
        return expiry.has_value() ? graph.SetExpiry(id, *expiry) : absl::OkStatus();
      }));
  session.out.WriteLine(session.args.is_json ? Dump({{"id", id}}) : std::to_string(id));
  return exit;
}

absl::StatusOr<EdgeId> EdgeOf(const GraphReader& graph, const GraphArguments& of) {
  SHEAF_ASSIGN_OR_RETURN(const VertexId from, FindVertex(graph, of.from, of.by));
  SHEAF_ASSIGN_OR_RETURN(const VertexId to, FindVertex(graph, of.to, of.by));
  return EdgeId{from, of.type, to, static_cast<uint32_t>(of.ordinal)};
}

CommandResult AddEdge(Session& session) {
  const GraphArguments& of = session.args.graph;
  EdgeId edge;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Expiry> expiry, ExpiryOf(session.args));
  SHEAF_ASSIGN_OR_RETURN(
      const int exit, ChangeGraph(session, false, [&](Graph& graph) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(edge, EdgeOf(graph, of));
        SHEAF_ASSIGN_OR_RETURN(edge, graph.AddEdge(edge.from, of.type, edge.to, of.weight,
                                                   PropertiesOf(session.args)));
        return expiry.has_value() ? graph.SetEdgeExpiry(edge, *expiry) : absl::OkStatus();
      }));
  session.out.WriteLine(session.args.is_json ? Dump(EdgeJson(edge)) : EdgeText(edge));
  return exit;
}

CommandResult UpdateEdge(Session& session) {
  const GraphArguments& of = session.args.graph;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Expiry> expiry, ExpiryOf(session.args));
  if (of.properties.empty() && !of.new_weight.has_value() && !expiry.has_value())
    return UsageError("graph update-edge: which UPDATE, --weight or --ttl?");
  EdgeId edge;
  double weight = 0;
  const auto change = [&](Graph& graph) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(edge, EdgeOf(graph, of));
    if (!of.merge.empty()) {
      SHEAF_ASSIGN_OR_RETURN(const MergeOperator op,
                             MergeOperatorOf(of.merge + "_double"));
      const auto merged = graph.MergeEdgeWeight(edge, op, *of.new_weight);
      if (absl::IsOutOfRange(
              merged.status()))  // the operand is wrong, nothing is missing
        return absl::InvalidArgumentError(merged.status().message());
      SHEAF_RETURN_IF_ERROR(merged.status());
    } else if (of.new_weight.has_value()) {
      SHEAF_RETURN_IF_ERROR(graph.SetWeight(edge, *of.new_weight));
    }
    if (!of.properties.empty())
      SHEAF_RETURN_IF_ERROR(graph.UpdateEdgeProperties(edge, of.properties));
    SHEAF_ASSIGN_OR_RETURN(const Edge changed, graph.GetEdge(edge));
    weight = changed.weight;
    return expiry.has_value() ? graph.SetEdgeExpiry(edge, *expiry) : absl::OkStatus();
  };
  SHEAF_ASSIGN_OR_RETURN(const int exit, ChangeGraph(session, false, change));
  Json json = EdgeJson(edge);
  json["weight"] = weight;
  session.out.WriteLine(session.args.is_json
                            ? Dump(json)
                            : EdgeText(edge) + "  weight " + absl::StrCat(weight));
  return exit;
}

CommandResult DeleteEdge(Session& session) {
  bool there = false;
  EdgeId edge;
  SHEAF_ASSIGN_OR_RETURN(
      const int exit, ChangeGraph(session, false, [&](Graph& graph) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(edge, EdgeOf(graph, session.args.graph));
        SHEAF_ASSIGN_OR_RETURN(there, graph.DeleteEdge(edge));
        return absl::OkStatus();
      }));
  if (!there)
    return At(session.args.file, absl::NotFoundError(session.args.collection +
                                                     ": no edge " + EdgeText(edge)));
  return exit;
}

// `update` and `delete-vertex`: what several vertices may be meant for.
CommandResult ChangeVertices(Session& session, const char* done,
                             absl::FunctionRef<absl::Status(Graph&, VertexId)> change) {
  const GraphArguments& of = session.args.graph;
  uint64_t count = 0;
  SHEAF_ASSIGN_OR_RETURN(const int exit,
                         ChangeGraph(session, false, [&](Graph& graph) -> absl::Status {
                           SHEAF_ASSIGN_OR_RETURN(const std::vector<VertexId> ids,
                                                  FindVertices(graph, of.from, of.by));
                           for (const VertexId id : ids)
                             SHEAF_RETURN_IF_ERROR(change(graph, id));
                           count = ids.size();
                           return absl::OkStatus();
                         }));
  session.out.WriteLine(session.args.is_json
                            ? Dump({{done, count}})
                            : Counted(count, "vertex ", "vertices ") + done);
  return exit;
}

CommandResult UpdateVertices(Session& session) {
  const GraphArguments& of = session.args.graph;
  if (of.properties.empty() && of.labels.empty())
    return UsageError("graph update: which UPDATE, or --label?");
  return ChangeVertices(session, "changed", [&](Graph& graph, VertexId id) {
    for (const std::string& label : of.labels)
      SHEAF_RETURN_IF_ERROR(graph.AddLabel(id, label));
    return of.properties.empty() ? absl::OkStatus()
                                 : graph.UpdateProperties(id, of.properties);
  });
}

CommandResult DeleteVertex(Session& session) {
  return ChangeVertices(session, "deleted", [](Graph& graph, VertexId id) {
    return graph.DeleteVertex(id).status();
  });
}

// --- Looking ------------------------------------------------------------------

void ShowCounts(const char* what, const std::vector<NameCount>& counts, Output& out) {
  if (counts.empty()) return;
  TextTable table({Align::kLeft, Align::kRight});
  for (const NameCount& count : counts)
    table.AddRow({Printable(count.name), Thousands(count.count)});
  out.WriteLine(out.Paint(Tone::kStrong, what));
  table.Print(out, "  ");
}

absl::Status Summarize(Session& session, const GraphReader& graph) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t vertices, graph.vertex_count());
  SHEAF_ASSIGN_OR_RETURN(const uint64_t edges, graph.edge_count());
  SHEAF_ASSIGN_OR_RETURN(const std::vector<NameCount> labels, graph.Labels());
  SHEAF_ASSIGN_OR_RETURN(const std::vector<NameCount> types, graph.EdgeTypes());
  if (!session.args.is_json) {
    session.out.WriteLine(Counted(vertices, "vertex", "vertices") + ", " +
                          Counted(edges, "edge", "edges"));
    ShowCounts("labels", labels, session.out);
    ShowCounts("types of edges", types, session.out);
    return absl::OkStatus();
  }
  Json json = {{"vertices", vertices}, {"edges", edges}};
  json["labels"] = Json::object();
  json["types"] = Json::object();
  for (const NameCount& count : labels) json["labels"][count.name] = count.count;
  for (const NameCount& count : types) json["types"][count.name] = count.count;
  session.out.WriteLine(Dump(json));
  return absl::OkStatus();
}

std::string LabelsText(const Vertex& vertex) {
  std::string text;
  for (const std::string& label : vertex.labels) text += ":" + Printable(label);
  return text;
}

absl::Status ShowVertex(Session& session, const GraphReader& graph, VertexId id) {
  SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph.Get(id));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t out, graph.Degree(id));
  SHEAF_ASSIGN_OR_RETURN(
      const uint64_t in,
      graph.Degree(id, {.direction = Direction::kIn, .types = {}, .filter = {}}));
  if (session.args.is_json) {
    Json json = VertexJson(vertex);
    json["out"] = out;
    json["in"] = in;
    session.out.WriteLine(Dump(json));
    return absl::OkStatus();
  }
  session.out.WriteLine(session.out.Paint(Tone::kKey, std::to_string(id)) + "  " +
                        LabelsText(vertex) + (vertex.labels.empty() ? "" : "  ") +
                        Counted(out, "edge", "edges") + " out, " + Thousands(in) + " in");
  if (vertex.properties != "{}")
    session.out.WriteLine(PrettyJson(vertex.properties, session.out));
  return absl::OkStatus();
}

absl::Status GetVertices(Session& session, const GraphReader& graph) {
  const GraphArguments& of = session.args.graph;
  if (of.from.empty()) return Summarize(session, graph);
  SHEAF_ASSIGN_OR_RETURN(
      const std::vector<VertexId> ids,
      FindVertices(graph, of.from, of.by, session.args.limit.value_or(1000)));
  for (const VertexId id : ids) {
    if (!session.out.ok()) break;
    SHEAF_RETURN_IF_ERROR(ShowVertex(session, graph, id));
  }
  return absl::OkStatus();
}

// Vertices within --depth of some, by breadth.
absl::StatusOr<TraversalCursor> Around(const Arguments& args, const GraphReader& graph) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<VertexId> starts,
                         FindVertices(graph, args.graph.from, args.graph.by));
  TraversalOptions options;
  options.edges = EdgesOf(args);
  options.depth_max = args.graph.depth;
  options.progress = ProgressOf(args, {});
  if (args.limit.has_value()) options.vertices_max = *args.limit + starts.size();
  return Traverse(graph, starts, options);
}

// With all selected edges between them.
absl::Status DrawAround(Session& session, const GraphReader& graph) {
  SHEAF_ASSIGN_OR_RETURN(TraversalCursor cursor, Around(session.args, graph));
  std::vector<VertexId> vertices;
  while (cursor.Next()) vertices.push_back(cursor.vertex());
  SHEAF_RETURN_IF_ERROR(cursor.status());
  const std::set<VertexId> known(vertices.begin(), vertices.end());
  EdgeSelection selection = EdgesOf(session.args);
  selection.direction = Direction::kOut;
  std::vector<EdgeId> edges;
  for (const VertexId id : vertices)
    SHEAF_RETURN_IF_ERROR(graph.ForEachEdge(id, selection, [&](const EdgeView& edge) {
      if (known.contains(edge.neighbour)) edges.push_back(edge.id());
      return true;
    }));
  return PrintDot(session, graph, vertices, edges);
}

absl::Status ShowEdges(Session& session, const GraphReader& graph, VertexId id) {
  const GraphArguments& of = session.args.graph;
  TextTable table({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  std::vector<EdgeId> edges;
  std::vector<std::pair<bool, VertexId>> ends;
  SHEAF_RETURN_IF_ERROR(
      graph.ForEachEdge(id, EdgesOf(session.args), [&](const EdgeView& edge) {
        edges.push_back(edge.id());
        ends.emplace_back(edge.is_out, edge.neighbour);
        return edges.size() < session.args.limit.value_or(UINT64_MAX);
      }));
  for (size_t i = 0; i < edges.size(); ++i) {
    const auto [is_out, neighbour] = ends[i];
    SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph.Get(neighbour));
    SHEAF_ASSIGN_OR_RETURN(const Edge edge, graph.GetEdge(edges[i]));
    if (session.args.is_json) {
      Json json = EdgeJson(edge.id);
      json["weight"] = edge.weight;
      json["properties"] = Json::parse(edge.properties);
      json["neighbor"] = VertexJson(vertex);
      session.out.WriteLine(Dump(json));
      continue;
    }
    const std::string caption = Caption(vertex, of.by);
    table.AddRow({is_out ? "->" : "<-", Printable(edge.id.type),
                  std::to_string(neighbour),
                  Shortened(Beginning(caption, session.out), 60)});
  }
  if (!session.args.is_json && !edges.empty()) table.Print(session.out);
  return absl::OkStatus();
}

absl::Status Neighbors(Session& session, const GraphReader& graph) {
  const GraphArguments& of = session.args.graph;
  if (of.depth == 1 && !of.is_dot) {
    SHEAF_ASSIGN_OR_RETURN(const std::vector<VertexId> starts,
                           FindVertices(graph, of.from, of.by));
    for (const VertexId id : starts) SHEAF_RETURN_IF_ERROR(ShowEdges(session, graph, id));
    return absl::OkStatus();
  }
  if (of.is_dot) return DrawAround(session, graph);
  SHEAF_ASSIGN_OR_RETURN(TraversalCursor cursor, Around(session.args, graph));
  RowPrinter rows(session.out);
  while (session.out.ok() && cursor.Next()) {
    if (cursor.depth() == 0) continue;
    SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph.Get(cursor.vertex()));
    if (session.args.is_json) {
      Json json = VertexJson(vertex);
      json["depth"] = cursor.depth();
      session.out.WriteLine(Dump(json));
    } else {
      rows.Add(std::to_string(cursor.depth()) + "  " + std::to_string(vertex.id),
               Beginning(Caption(vertex, of.by), session.out));
    }
  }
  return cursor.status();
}

CommandResult Look(Session& session, absl::Status (*look)(Session&, const GraphReader&)) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<GraphReader> graph = read.graph(args.collection);
  if (!graph.ok()) return NameError(args, graph.status());
  const absl::Status done = look(session, *graph);
  return done.ok() ? CommandResult(kExitOk) : At(args.file, done);
}

}  // namespace

CommandResult GraphCommand(Session& session) {
  static constexpr struct {
    const char* name;
    CommandResult (*run)(Session&);
  } kActions[] = {
      {"add-vertex", AddVertex},
      {"add-edge", AddEdge},
      {"update", UpdateVertices},
      {"update-edge", UpdateEdge},
      {"delete-vertex", DeleteVertex},
      {"delete-edge", DeleteEdge},
      {"get", [](Session& s) { return Look(s, GetVertices); }},
      {"neighbors", [](Session& s) { return Look(s, Neighbors); }},
      {"path", FindGraphPath},
      {"match", FindGraphMatches},
      {"algo", RunAlgorithm},
      {"load", LoadGraph},
      {"export", ExportGraphCommand},
  };
  for (const auto& action : kActions)
    if (session.args.action == action.name) return action.run(session);
  return absl::InternalError("graph " + session.args.action + " is not wired up");
}

}  // namespace sheaf::cli
