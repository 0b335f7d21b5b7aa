#include <cmath>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "api/internal/csv.h"
#include "catalog/tick.h"
#include "document/json_codec.h"
#include "pager/status_macros.h"
#include "sheaf/graph_lines.h"

namespace sheaf {
namespace {

using document::AppendJsonString;

constexpr uint64_t kExportedATick = 1024;

// A text on its way to a stream.
class Out {
 public:
  explicit Out(std::ostream* out) : out_(*out) {}
  std::string& text() { return text_; }
  absl::Status EndLine() {
    text_.push_back('\n');
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
    return out_ ? absl::OkStatus() : absl::UnavailableError("the stream takes no more");
  }

 private:
  std::ostream& out_;
  std::string text_;
};

void AppendNumber(double value, std::string* out) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value == std::trunc(value) && std::fabs(value) < kExact && !std::signbit(value))
    absl::StrAppend(out, static_cast<int64_t>(value));
  else
    document::AppendJsonDouble(value, out);
}

using VertexFn = absl::FunctionRef<absl::Status(const Vertex&)>;
using EdgeFn = absl::FunctionRef<absl::Status(const EdgeView&, const std::string&)>;

absl::Status ForVertices(const GraphReader& graph, const Progress& progress,
                         VertexFn fn) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t total, graph.vertex_count());
  uint64_t done = 0;
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(graph.ForEachVertex(0, [&](VertexId id) {
    if (done++ % kExportedATick == 0)
      status = catalog::Tick(progress, "the export", {done - 1, total, "vertices"});
    if (!status.ok()) return false;
    const absl::StatusOr<Vertex> vertex = graph.Get(id);
    status = vertex.ok() ? fn(*vertex) : vertex.status();
    return status.ok();
  }));
  return status;
}

// Of edges that go out of a vertex; with their properties as JSON.
absl::Status ForEdges(const GraphReader& graph, VertexId id, EdgeFn fn) {
  absl::Status status;
  static const std::string kNone = "{}";
  SHEAF_RETURN_IF_ERROR(graph.ForEachEdge(id, {}, [&](const EdgeView& edge) {
    if (!edge.has_properties) {
      status = fn(edge, kNone);
      return status.ok();
    }
    const absl::StatusOr<Edge> whole = graph.GetEdge(edge.id());
    status = whole.ok() ? fn(edge, whole->properties) : whole.status();
    return status.ok();
  }));
  return status;
}

absl::Status ForAllEdges(const GraphReader& graph, const Progress& progress, EdgeFn fn) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t total, graph.vertex_count());
  uint64_t done = 0;
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(graph.ForEachVertex(0, [&](VertexId id) {
    if (done++ % kExportedATick == 0)
      status = catalog::Tick(progress, "the export",
                             {done - 1, total, "vertices whose edges are written"});
    if (status.ok()) status = ForEdges(graph, id, fn);
    return status.ok();
  }));
  return status;
}

}  // namespace

// --- JSON Lines ---------------------------------------------------------------

absl::Status ExportGraph(const GraphReader& graph, std::ostream& stream,
                         const Progress& progress, GraphExportCounts* counts) {
  *counts = {};
  Out out(&stream);
  SHEAF_RETURN_IF_ERROR(ForVertices(graph, progress, [&](const Vertex& vertex) {
    std::string& text = out.text();
    absl::StrAppend(&text, "{\"id\":", vertex.id);
    for (size_t i = 0; i < vertex.labels.size(); ++i) {
      text.append(i == 0 ? ",\"labels\":[" : ",");
      AppendJsonString(vertex.labels[i], &text);
    }
    if (!vertex.labels.empty()) text.push_back(']');
    if (vertex.properties != "{}")
      absl::StrAppend(&text, ",\"properties\":", vertex.properties);
    text.push_back('}');
    ++counts->vertices;
    return out.EndLine();
  }));
  return ForAllEdges(graph, progress, [&](const EdgeView& edge, const auto& properties) {
    std::string& text = out.text();
    absl::StrAppend(&text, "{\"from\":", edge.vertex, ",\"to\":", edge.neighbour,
                    ",\"type\":");
    AppendJsonString(edge.type, &text);
    if (edge.weight != 1) {
      text.append(",\"weight\":");
      AppendNumber(edge.weight, &text);
    }
    if (edge.ordinal != 0) absl::StrAppend(&text, ",\"ordinal\":", edge.ordinal);
    if (properties != "{}") absl::StrAppend(&text, ",\"properties\":", properties);
    text.push_back('}');
    ++counts->edges;
    return out.EndLine();
  });
}

// --- CSV ----------------------------------------------------------------------

namespace {

// Columns of properties, in the order in which they were met first.
class CsvColumns {
 public:
  explicit CsvColumns(std::vector<std::string> own) : own_(std::move(own)) {}

  // kInvalidArgument: a property is called like a column that is there.
  absl::Status Note(std::string_view properties) {
    if (properties == "{}") return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(const Document document, Document::FromJson(properties));
    for (document::ObjectCursor c = document.root().fields(); c.Valid(); c.Next()) {
      const std::string name(c.name());
      for (const std::string& own : own_)
        if (own == name)
          return absl::InvalidArgumentError(
              absl::StrCat("a property is called ", name, ", as a column is"));
      if (numbers_.emplace(name, names_.size()).second) names_.push_back(name);
    }
    return absl::OkStatus();
  }
  void AppendHeader(std::string* out) const {
    for (size_t i = 0; i < own_.size(); ++i)
      absl::StrAppend(out, i == 0 ? "" : ",", own_[i]);
    for (const std::string& name : names_) {
      out->push_back(',');
      internal::AppendCsvQuoted(name, out);
    }
  }
  absl::Status Append(std::string_view properties, std::string* out) const {
    std::vector<std::string> fields(names_.size());
    if (properties != "{}") {
      SHEAF_ASSIGN_OR_RETURN(const Document document, Document::FromJson(properties));
      for (document::ObjectCursor c = document.root().fields(); c.Valid(); c.Next())
        SHEAF_RETURN_IF_ERROR(
            AppendField(c.value(), &fields[numbers_.at(std::string(c.name()))]));
    }
    for (const std::string& field : fields) absl::StrAppend(out, ",", field);
    return absl::OkStatus();
  }

 private:
  static absl::Status AppendField(const DocumentView& value, std::string* out) {
    if (value.kind() == DocumentKind::kString) {
      internal::AppendCsvQuoted(value.string_value(), out);
      return absl::OkStatus();
    }
    std::string json;
    SHEAF_RETURN_IF_ERROR(document::AppendJson(value, &json));
    const bool is_plain = value.is_number() || json == "true" || json == "false";
    if (is_plain && json[0] != '{')
      out->append(json);
    else
      internal::AppendCsvQuoted(json, out);
    return absl::OkStatus();
  }

  const std::vector<std::string> own_;
  std::map<std::string, size_t> numbers_;
  std::vector<std::string> names_;
};

}  // namespace

absl::Status ExportGraphCsv(const GraphReader& graph, std::ostream& vertices,
                            std::ostream& edges, const Progress& progress,
                            GraphExportCounts* counts) {
  *counts = {};
  CsvColumns of_vertices({"id", "labels"}), of_edges({"from", "to", "type", "weight"});
  SHEAF_RETURN_IF_ERROR(ForVertices(
      graph, progress, [&](const Vertex& v) { return of_vertices.Note(v.properties); }));
  SHEAF_RETURN_IF_ERROR(
      ForAllEdges(graph, progress, [&](const EdgeView&, const auto& properties) {
        return of_edges.Note(properties);
      }));
  Out out(&vertices);
  of_vertices.AppendHeader(&out.text());
  SHEAF_RETURN_IF_ERROR(out.EndLine());
  SHEAF_RETURN_IF_ERROR(
      ForVertices(graph, progress, [&](const Vertex& vertex) -> absl::Status {
        std::string labels;
        for (const std::string& label : vertex.labels) {
          if (label.find(';') != label.npos)
            return absl::InvalidArgumentError(
                absl::StrCat("the label ", label, " has a \";\" in it"));
          absl::StrAppend(&labels, labels.empty() ? "" : ";", label);
        }
        absl::StrAppend(&out.text(), vertex.id, ",");
        if (!labels.empty()) internal::AppendCsvQuoted(labels, &out.text());
        SHEAF_RETURN_IF_ERROR(of_vertices.Append(vertex.properties, &out.text()));
        ++counts->vertices;
        return out.EndLine();
      }));
  Out edges_out(&edges);
  of_edges.AppendHeader(&edges_out.text());
  SHEAF_RETURN_IF_ERROR(edges_out.EndLine());
  return ForAllEdges(graph, progress,
                     [&](const EdgeView& edge, const auto& properties) -> absl::Status {
                       std::string& text = edges_out.text();
                       absl::StrAppend(&text, edge.vertex, ",", edge.neighbour, ",");
                       internal::AppendCsvQuoted(edge.type, &text);
                       text.push_back(',');
                       AppendNumber(edge.weight, &text);
                       SHEAF_RETURN_IF_ERROR(of_edges.Append(properties, &text));
                       ++counts->edges;
                       return edges_out.EndLine();
                     });
}

// --- GraphViz -----------------------------------------------------------------

namespace {

void AppendDotString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    if (c == '\n')
      out->append("\\n");
    else if (c != '\r')
      out->push_back(c);
  }
  out->push_back('"');
}

absl::StatusOr<std::string> DotLabel(const Vertex& vertex, const std::string& property) {
  const std::string id = absl::StrCat(vertex.id);
  if (property.empty()) return id;
  SHEAF_ASSIGN_OR_RETURN(const Document document, Document::FromJson(vertex.properties));
  const std::optional<DocumentView> value = document.Find(property);
  if (!value.has_value()) return id;
  if (value->kind() == DocumentKind::kString) return std::string(value->string_value());
  return ToJson(*value);
}

}  // namespace

absl::Status ExportGraphDot(const GraphReader& graph, absl::Span<const VertexId> vertices,
                            std::ostream& stream, const GraphDotOptions& options,
                            GraphExportCounts* counts) {
  *counts = {};
  const absl::flat_hash_set<VertexId> wanted(vertices.begin(), vertices.end());
  absl::flat_hash_set<VertexId> written;
  Out out(&stream);
  out.text() = "digraph ";
  AppendDotString(graph.name(), &out.text());
  out.text().append(" {");
  SHEAF_RETURN_IF_ERROR(out.EndLine());
  for (const VertexId id : vertices) {
    if (!written.insert(id).second) continue;
    SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph.Get(id));
    SHEAF_ASSIGN_OR_RETURN(const std::string label,
                           DotLabel(vertex, options.vertex_label));
    absl::StrAppend(&out.text(), "  ", id, " [label=");
    AppendDotString(label, &out.text());
    out.text().append("];");
    SHEAF_RETURN_IF_ERROR(out.EndLine());
    ++counts->vertices;
  }
  written.clear();
  for (const VertexId id : vertices) {
    if (!written.insert(id).second) continue;
    SHEAF_RETURN_IF_ERROR(catalog::Tick(options.progress, "the export",
                                        {written.size(), wanted.size(), "vertices"}));
    absl::Status status;
    SHEAF_RETURN_IF_ERROR(graph.ForEachEdge(id, {}, [&](const EdgeView& edge) {
      if (!wanted.contains(edge.neighbour)) return true;
      std::string label(edge.type);
      if (options.weights) {
        label.push_back(' ');
        AppendNumber(edge.weight, &label);
      }
      absl::StrAppend(&out.text(), "  ", id, " -> ", edge.neighbour, " [label=");
      AppendDotString(label, &out.text());
      out.text().append("];");
      ++counts->edges;
      status = out.EndLine();
      return status.ok();
    }));
    SHEAF_RETURN_IF_ERROR(status);
  }
  out.text() = "}";
  return out.EndLine();
}

absl::StatusOr<std::vector<VertexId>> Neighborhood(const GraphReader& graph,
                                                   VertexId vertex, uint32_t hops,
                                                   size_t vertices_max) {
  SHEAF_RETURN_IF_ERROR(graph.Get(vertex).status());
  std::vector<VertexId> found = {vertex};
  absl::flat_hash_set<VertexId> seen = {vertex};
  size_t begin = 0;
  for (uint32_t hop = 0; hop < hops && found.size() < vertices_max; ++hop) {
    const size_t end = found.size();
    for (; begin < end && found.size() < vertices_max; ++begin)
      SHEAF_RETURN_IF_ERROR(graph.ForEachEdge(
          found[begin], {.direction = Direction::kBoth}, [&](const EdgeView& edge) {
            if (seen.insert(edge.neighbour).second) found.push_back(edge.neighbour);
            return found.size() < vertices_max;
          }));
  }
  return found;
}

}  // namespace sheaf
