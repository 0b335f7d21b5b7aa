// A graph as lists in memory, the same in a database, and random ones of both.
#ifndef TESTS_API_GRAPH_MODEL_H_
#define TESTS_API_GRAPH_MODEL_H_
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sheaf/graph.h"
#include "sheaf/graph_traversal.h"

namespace sheaf::test {

struct ModelVertex {
  std::set<std::string> labels;
  std::optional<int> p;  // the property
};

struct ModelEdge {
  EdgeId id;
  double weight = 1;
  std::optional<int> q;
};

// Conditions of edges and vertices, for the model and as filters.
struct ModelSelection {
  Direction direction = Direction::kOut;
  std::vector<std::string> types, labels;
  std::optional<int> q_not;    // missing ones match
  std::optional<int> p_least;  // missing ones do not

  EdgeSelection edges() const {
    return {direction, types,
            q_not.has_value() ? absl::StrCat(R"({"q":{"$ne":)", *q_not, "}}") : ""};
  }
  VertexSelection vertices() const {
    return {labels,
            p_least.has_value() ? absl::StrCat(R"({"p":{"$gte":)", *p_least, "}}") : ""};
  }
  bool Takes(const ModelEdge& edge) const {
    return (types.empty() || std::count(types.begin(), types.end(), edge.id.type) > 0) &&
           (!q_not.has_value() || edge.q != q_not);
  }
  bool Takes(const ModelVertex& vertex) const {
    return (labels.empty() || std::any_of(labels.begin(), labels.end(),
                                          [&](const auto& label) {
                                            return vertex.labels.contains(label);
                                          })) &&
           (!p_least.has_value() || (vertex.p.has_value() && *vertex.p >= *p_least));
  }
};

struct Model {
  std::map<VertexId, ModelVertex> vertices;
  std::vector<ModelEdge> edges;

  struct Step {
    VertexId to = 0;
    const ModelEdge* edge = nullptr;
  };
  // What the selection takes; the ends of edges are not asked. A loop counts in both
  // directions.
  std::vector<Step> StepsFrom(VertexId v, const ModelSelection& s) const {
    std::vector<Step> steps;
    for (const ModelEdge& edge : edges) {
      if (!s.Takes(edge)) continue;
      if (s.direction != Direction::kIn && edge.id.from == v)
        steps.push_back({edge.id.to, &edge});
      if (s.direction != Direction::kOut && edge.id.to == v)
        steps.push_back({edge.id.from, &edge});
    }
    return steps;
  }
  const ModelEdge* Find(const EdgeId& id) const {
    for (const ModelEdge& edge : edges)
      if (edge.id == id) return &edge;
    return nullptr;
  }
};

class ModelGraph {
 public:
  ModelGraph(Graph graph, uint32_t seed) : graph_(std::move(graph)), random_(seed) {}

  uint32_t Random(uint32_t below) { return random_() % below; }

  void AddVertex(VertexId id) {
    ModelVertex vertex;
    for (const char* label : {"X", "Y", "Z"})
      if (Random(3) == 0) vertex.labels.insert(label);
    if (Random(4) != 0) vertex.p = static_cast<int>(Random(4));
    const std::vector<std::string_view> labels(vertex.labels.begin(),
                                               vertex.labels.end());
    ASSERT_TRUE(graph_.AddVertexAs(id, labels, Json("p", vertex.p)).ok());
    model_.vertices[id] = vertex;
  }
  void AddEdge(VertexId from, VertexId to) {
    static constexpr const char* kTypes[] = {"A", "B", "C"};
    ModelEdge edge;
    edge.weight = static_cast<double>(Random(8));
    if (Random(3) == 0) edge.q = static_cast<int>(Random(3));
    const absl::StatusOr<EdgeId> id =
        graph_.AddEdge(from, kTypes[Random(3)], to, edge.weight, Json("q", edge.q));
    ASSERT_TRUE(id.ok()) << id.status();
    edge.id = *id;
    model_.edges.push_back(edge);
  }
  // Ids far apart now and then.
  void Fill(uint32_t vertices, uint32_t edges) {
    VertexId id = Random(5);
    for (uint32_t i = 0; i < vertices; ++i) {
      AddVertex(id);
      id += Random(9) == 0 ? Random(1u << 30) * VertexId{1000} + 1 : 1 + Random(3);
    }
    for (uint32_t i = 0; i < edges; ++i) AddEdge(Any(), Any());
  }
  VertexId Any() {
    auto it = model_.vertices.begin();
    std::advance(it, Random(static_cast<uint32_t>(model_.vertices.size())));
    return it->first;
  }
  void DeleteSome() {
    for (int i = 0; i < 3 && model_.vertices.size() > 3; ++i) {
      const VertexId gone = Any();
      ASSERT_TRUE(*graph_.DeleteVertex(gone));
      model_.vertices.erase(gone);
      std::erase_if(model_.edges, [&](const ModelEdge& edge) {
        return edge.id.from == gone || edge.id.to == gone;
      });
    }
    for (int i = 0; i < 3 && !model_.edges.empty(); ++i) {
      const size_t at = Random(static_cast<uint32_t>(model_.edges.size()));
      ASSERT_TRUE(*graph_.DeleteEdge(model_.edges[at].id));
      model_.edges.erase(model_.edges.begin() + static_cast<int64_t>(at));
    }
  }
  ModelSelection AnySelection() {
    ModelSelection s;
    s.direction = static_cast<Direction>(1 + Random(3));
    if (Random(2) == 0) s.types.push_back("A");
    if (Random(3) == 0) s.types.push_back("B");
    if (Random(20) == 0) s.types = {"unheard of"};
    if (Random(3) == 0) s.q_not = static_cast<int>(Random(3));
    if (Random(4) == 0) s.labels = {"X", "Z"};
    if (Random(4) == 0) s.p_least = static_cast<int>(Random(3));
    return s;
  }
  const Model& model() const { return model_; }
  const Graph& graph() const { return graph_; }

 private:
  static std::string Json(const char* name, std::optional<int> value) {
    return value.has_value() ? absl::StrCat("{\"", name, "\":", *value, "}") : "{}";
  }
  Graph graph_;
  std::mt19937 random_;
  Model model_;
};

}  // namespace sheaf::test
#endif  // TESTS_API_GRAPH_MODEL_H_
