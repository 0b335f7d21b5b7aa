// Changes of a graph beside a model of it, for the crash workload: vertices with labels and
// properties, edges with weights, a hub whose list goes into blocks and comes back.
#ifndef TESTS_CRASH_GRAPH_CHANGES_H_
#define TESTS_CRASH_GRAPH_CHANGES_H_
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "sheaf/graph.h"
#include "sheaf/status_macros.h"

namespace sheaf::test {

// "v 7" to labels and properties, "e 7 T 8 0" to weight and properties.
using GraphContents = std::map<std::string, std::string>;

inline std::string NameOfVertex(VertexId id) { return absl::StrCat("v ", id); }
inline std::string NameOfEdge(const EdgeId& e) {
  return absl::StrCat("e ", e.from, " ", e.type, " ", e.to, " ", e.ordinal);
}

inline absl::StatusOr<std::string> DescribeVertex(const GraphReader& graph, VertexId id) {
  SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph.Get(id));
  return absl::StrCat(absl::StrJoin(vertex.labels, ","), " ", vertex.properties);
}

inline absl::StatusOr<GraphContents> ReadGraph(const GraphReader& graph) {
  GraphContents contents;
  std::set<std::string> in;  // edges as their heads know them
  size_t out = 0;
  std::vector<VertexId> ids;
  SHEAF_RETURN_IF_ERROR(graph.ForEachVertex(0, [&](VertexId id) {
    ids.push_back(id);
    return true;
  }));
  for (const VertexId id : ids) {
    SHEAF_ASSIGN_OR_RETURN(contents[NameOfVertex(id)], DescribeVertex(graph, id));
    std::vector<EdgeId> edges;
    const EdgeSelection both{.direction = Direction::kBoth, .types = {}, .filter = {}};
    SHEAF_RETURN_IF_ERROR(graph.ForEachEdge(id, both, [&](const EdgeView& edge) {
      if (edge.is_out)
        edges.push_back(edge.id());
      else
        in.insert(NameOfEdge(edge.id()));
      return true;
    }));
    for (const EdgeId& id_of : edges) {
      SHEAF_ASSIGN_OR_RETURN(const Edge edge, graph.GetEdge(id_of));
      contents[NameOfEdge(id_of)] = absl::StrCat(edge.weight, " ", edge.properties);
      ++out;
    }
  }
  for (const std::string& edge : in)
    if (!contents.contains(edge))
      return absl::InternalError(absl::StrCat(edge, ": only its head knows it"));
  if (in.size() == out) return contents;
  return absl::InternalError(absl::StrCat(out, " edges go out, ", in.size(), " come in"));
}

class GraphChanges {
 public:
  // `below(n)`: some number below n.
  GraphChanges(Graph graph, GraphContents* model,
               absl::FunctionRef<uint64_t(uint64_t)> below)
      : graph_(std::move(graph)), model_(*model), below_(below) {
    for (const auto& [name, value] : model_)
      if (name[0] == 'v')
        ids_.push_back(std::stoull(name.substr(2)));
      else
        edges_.push_back(name);
  }

  absl::Status Change(uint64_t step) {
    if (ids_.size() < 4) return AddVertex(step);
    switch (below_(8)) {
      case 0:
        return AddVertex(step);
      case 1:
      case 2:
        return AddEdges(2, step);
      case 3:
        return AddEdges(150, step);  // of one vertex, some into blocks
      case 4:
        return DeleteSome(edges_.size() / 2 + 1);
      case 5:
        return DeleteVertex();
      case 6:
        return ChangeEdge(step);
      default:
        return ChangeVertex(step);
    }
  }

 private:
  VertexId Some() { return ids_[below_(ids_.size())]; }

  absl::Status AddVertex(uint64_t step) {
    const std::string properties =
        step % 3 == 0 ? "{}" : absl::StrCat("{\"n\":", step, "}");
    const std::string label = step % 2 == 0 ? absl::StrCat("L", step % 3) : "";
    std::vector<std::string_view> labels;
    if (!label.empty()) labels.push_back(label);
    SHEAF_ASSIGN_OR_RETURN(const VertexId id, graph_.AddVertex(labels, properties));
    model_[NameOfVertex(id)] = absl::StrCat(label, " ", properties);
    return absl::OkStatus();
  }

  absl::Status AddEdges(uint64_t count, uint64_t step) {
    const VertexId from = Some();
    for (uint64_t i = 0; i < count; ++i) {
      const VertexId to = Some();
      const double weight = i % 5 == 0 ? 1.5 : 1;
      const std::string properties =
          i % 50 == 0 ? absl::StrCat("{\"s\":", step, "}") : "{}";
      const EdgeId asked{from, step % 4 == 0 ? "U" : "T", to, 0};
      SHEAF_ASSIGN_OR_RETURN(const EdgeId edge,
                             graph_.AddEdge(from, asked.type, to, weight, properties));
      if (!model_.emplace(NameOfEdge(edge), absl::StrCat(weight, " ", properties)).second)
        return absl::InternalError(
            absl::StrCat("an ordinal was given twice: ", NameOfEdge(edge)));
    }
    return absl::OkStatus();
  }

  static EdgeId Parse(const std::string& name) {
    const std::vector<std::string> parts = absl::StrSplit(name, ' ');
    return {std::stoull(parts[1]), parts[2], std::stoull(parts[3]),
            static_cast<uint32_t>(std::stoul(parts[4]))};
  }

  absl::Status DeleteSome(size_t count) {
    const size_t first = below_(edges_.size() + 1);
    for (size_t i = first; i < edges_.size() && i < first + count; ++i) {
      SHEAF_ASSIGN_OR_RETURN(const bool there, graph_.DeleteEdge(Parse(edges_[i])));
      if (!there) return absl::InternalError(absl::StrCat(edges_[i], " was not there"));
      model_.erase(edges_[i]);
    }
    return absl::OkStatus();
  }

  absl::Status DeleteVertex() {
    const VertexId id = Some();
    SHEAF_ASSIGN_OR_RETURN(const bool there, graph_.DeleteVertex(id));
    if (!there) return absl::InternalError(absl::StrCat("vertex ", id, " was not there"));
    model_.erase(NameOfVertex(id));
    for (const std::string& name : edges_) {
      const EdgeId edge = Parse(name);
      if (edge.from == id || edge.to == id) model_.erase(name);
    }
    return absl::OkStatus();
  }

  absl::Status ChangeEdge(uint64_t step) {
    if (edges_.empty()) return absl::OkStatus();
    const std::string& name = edges_[below_(edges_.size())];
    const EdgeId edge = Parse(name);
    const std::string properties =
        step % 2 == 0 ? "{}" : absl::StrCat("{\"c\":", step, "}");
    SHEAF_RETURN_IF_ERROR(graph_.SetWeight(edge, static_cast<double>(step)));
    SHEAF_RETURN_IF_ERROR(graph_.SetEdgeProperties(edge, properties));
    model_[name] = absl::StrCat(static_cast<double>(step), " ", properties);
    return absl::OkStatus();
  }

  absl::Status ChangeVertex(uint64_t step) {
    const VertexId id = Some();
    const std::string label = absl::StrCat("M", step % 5);
    if (step % 2 == 0)
      SHEAF_RETURN_IF_ERROR(graph_.AddLabel(id, label));
    else
      SHEAF_RETURN_IF_ERROR(graph_.SetLabels(id, {}));
    SHEAF_RETURN_IF_ERROR(
        graph_.SetProperties(id, absl::StrCat("{\"changed\":", step, "}")));
    SHEAF_ASSIGN_OR_RETURN(model_[NameOfVertex(id)], DescribeVertex(graph_, id));
    return absl::OkStatus();
  }

  Graph graph_;
  GraphContents& model_;
  absl::FunctionRef<uint64_t(uint64_t)> below_;
  std::vector<VertexId> ids_;       // before the change
  std::vector<std::string> edges_;  // names
};

}  // namespace sheaf::test
#endif  // TESTS_CRASH_GRAPH_CHANGES_H_
