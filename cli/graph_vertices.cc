#include "cli/graph_vertices.h"

#include <algorithm>
#include <set>

#include "cli/failure.h"

namespace sheaf::cli {
namespace {

// A regular expression of the texts that the pattern means: * any, ? one character.
std::string RegexOf(const std::string& glob) {
  std::string regex = "^";
  for (const char c : glob) {
    if (c == '*')
      regex += ".*";
    else if (c == '?')
      regex += ".";
    else if (std::string_view("\\.+^$()[]{}|").find(c) != std::string_view::npos)
      regex += std::string("\\") + c;
    else
      regex += c;
  }
  return regex + "$";
}

std::string FilterOf(const std::string& text, const std::string& by) {
  if (text.starts_with('{')) return text;
  if (text.find_first_of("*?") == text.npos) return Dump({{by, text}});
  return Dump({{by, {{"$regex", RegexOf(text)}, {"$options", "s"}}}});
}

bool IsId(const std::string& text) {
  return !text.empty() && text.size() <= 16 &&
         text.find_first_not_of("0123456789") == text.npos;
}

}  // namespace

absl::StatusOr<std::vector<VertexId>> FindVertices(const GraphReader& graph,
                                                   const std::string& text,
                                                   const std::string& by, uint64_t max) {
  if (IsId(text)) {
    const VertexId id = std::stoull(text);
    SHEAF_ASSIGN_OR_RETURN(const bool there, graph.Contains(id));
    if (there) return std::vector<VertexId>{id};
    return absl::NotFoundError(graph.name() + ": no vertex " + text);
  }
  QueryOptions options;
  options.limit = max;
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader vertices, graph.vertices());
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor,
                         vertices.Query(FilterOf(text, by), options));
  std::vector<VertexId> found;
  while (cursor.Next()) found.push_back(static_cast<VertexId>(cursor.key().number()));
  SHEAF_RETURN_IF_ERROR(cursor.status());
  std::sort(found.begin(), found.end());
  if (!found.empty()) return found;
  return absl::NotFoundError(graph.name() + ": no vertex is meant by " + Printable(text));
}

absl::StatusOr<VertexId> FindVertex(const GraphReader& graph, const std::string& text,
                                    const std::string& by) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<VertexId> found,
                         FindVertices(graph, text, by, 6));
  if (found.size() == 1) return found[0];
  std::string ids;
  for (size_t i = 0; i < found.size() && i < 5; ++i)
    ids += (i == 0 ? "" : ", ") + std::to_string(found[i]);
  if (found.size() > 5) ids += ", …";
  return WithHint(absl::InvalidArgumentError(Printable(text) + " means several vertices"),
                  "their ids are " + ids);
}

Json VertexJson(const Vertex& vertex) {
  return {{"id", vertex.id},
          {"labels", vertex.labels},
          {"properties", Json::parse(vertex.properties)}};
}

std::string Caption(const Vertex& vertex, const std::string& by) {
  const Json properties = Json::parse(vertex.properties);
  const auto it = properties.find(by);
  if (it == properties.end()) return properties.empty() ? "" : vertex.properties;
  return it->is_string() ? it->get<std::string>() : Dump(*it);
}

Json EdgeJson(const EdgeId& id) {
  return {{"from", id.from}, {"type", id.type}, {"to", id.to}, {"ordinal", id.ordinal}};
}
std::string EdgeText(const EdgeId& id) {
  return std::to_string(id.from) + " -" + Printable(id.type) + "-> " +
         std::to_string(id.to) +
         (id.ordinal == 0 ? "" : " (" + std::to_string(id.ordinal) + ")");
}

namespace {

std::string DotQuoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : Printable(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

absl::Status PrintDot(Session& session, const GraphReader& graph,
                      const std::vector<VertexId>& vertices,
                      const std::vector<EdgeId>& edges) {
  Output& out = session.out;
  out.WriteLine("digraph " + DotQuoted(session.args.collection) + " {");
  out.WriteLine("  node [shape=box, style=rounded, fontname=sans];");
  out.WriteLine("  edge [fontname=sans, fontsize=10];");
  for (const VertexId id : std::set<VertexId>(vertices.begin(), vertices.end())) {
    SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph.Get(id));
    const std::string caption = Caption(vertex, session.args.graph.by);
    out.WriteLine(
        "  " + std::to_string(id) + " [label=" +
        DotQuoted(caption.empty() ? std::to_string(id) : Shortened(caption, 40)) +
        (id == vertices[0] ? ", penwidth=2" : "") + "];");
  }
  std::set<std::string> drawn;
  for (const EdgeId& edge : edges)
    if (drawn.insert(EdgeText(edge)).second)
      out.WriteLine("  " + std::to_string(edge.from) + " -> " + std::to_string(edge.to) +
                    " [label=" + DotQuoted(edge.type) + "];");
  out.WriteLine("}");
  return absl::OkStatus();
}

Direction DirectionOf(const Arguments& args) {
  if (args.graph.direction == "in") return Direction::kIn;
  return args.graph.direction == "both" ? Direction::kBoth : Direction::kOut;
}

EdgeSelection EdgesOf(const Arguments& args) {
  EdgeSelection selection;
  selection.direction = DirectionOf(args);
  selection.types = args.graph.types;
  selection.filter = args.graph.edge_filter;
  return selection;
}

Progress ProgressOf(const Arguments& args, Progress shown) {
  if (args.timeout_seconds > 0)
    shown.deadline = absl::Now() + absl::Seconds(args.timeout_seconds);
  return shown;
}

}  // namespace sheaf::cli
