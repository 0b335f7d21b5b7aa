// GraphReader, Graph: a property graph. Vertices have labels and properties; edges lead
// from one vertex to another, have a type, a weight and properties of their own.
//
//   SHEAF_ASSIGN_OR_RETURN(sheaf::Graph words, txn.graph("words"));
//   SHEAF_ASSIGN_OR_RETURN(sheaf::VertexId dog,
//                          words.AddVertex({"Noun"}, R"({"lemma": "dog"})"));
//   SHEAF_RETURN_IF_ERROR(words.AddEdge(dog, "hypernym", canine).status());
//
// Vertex ids are numbers below 2^53, chosen by the graph or by the caller, and stay what
// they are; close ones lie in the same pages. Edges are kept at both their ends, so both
// directions cost the same; several of one type may lead from one vertex to another, and
// an edge may lead back to its own vertex. Names of labels, types: 1 to 64 bytes of UTF-8,
// at most 4,096 of them in a graph.
//
// Properties are a JSON object (document.h). Those of vertices are one collection, keyed by
// id, those of edges another, keyed by EdgeKey: all that collections can do is there for
// them, by vertices() and edges(): queries, groups, indexes. Two of their fields are the
// graph's: "_labels" of a vertex, an array, and "_type" of an edge. A vertex that has
// neither labels nor properties has no document, nor has an edge without properties.
//
// Everything is in the transaction of the handle. Handles belong to it, as for tables.
// Thread-compatible.
#ifndef SHEAF_GRAPH_H_
#define SHEAF_GRAPH_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/collection.h"
#include "sheaf/direction.h"
#include "sheaf/document.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

namespace internal {
struct GraphState;
}

inline constexpr VertexId kVertexIdEnd = VertexId{1} << 53;

// What an edge is called by. `ordinal` tells edges of one type between the same two
// vertices apart: 0 is the first, and what is deleted is not given out again as long as a
// later one is there.
struct EdgeId {
  VertexId from = 0;
  std::string type;
  VertexId to = 0;
  uint32_t ordinal = 0;
  friend bool operator==(const EdgeId&, const EdgeId&) = default;
};

struct Vertex {
  VertexId id = 0;
  std::vector<std::string> labels;  // sorted as the graph came to know them
  std::string properties;           // JSON, "{}" if there are none
};

struct Edge {
  EdgeId id;
  double weight = 1;
  std::string properties;  // JSON, "{}" if there are none
};

// An edge as it is seen from one of its ends. Good during the call it is handed to.
struct EdgeView {
  VertexId vertex = 0;     // from where
  VertexId neighbour = 0;  // the other end
  bool is_out = true;      // it leads from `vertex` to `neighbour`
  std::string_view type;
  double weight = 1;
  uint32_t ordinal = 0;
  bool has_properties = false;

  EdgeId id() const {
    return is_out ? EdgeId{vertex, std::string(type), neighbour, ordinal}
                  : EdgeId{neighbour, std::string(type), vertex, ordinal};
  }
};

// Which edges of a vertex are meant.
struct EdgeSelection {
  Direction direction = Direction::kOut;
  std::vector<std::string> types;  // one of them; empty: of any type
  std::string filter;              // of their properties, see <sheaf/query.h>; empty: all
};

struct ProjectionSelection {
  std::vector<std::string> labels;  // vertices that have one of them; empty: all
  std::vector<std::string> types;   // edges of one of them; empty: all
  GraphProjection::Edges edges = GraphProjection::Edges::kDirected;
  bool weighted = false;
};

struct NameCount {
  std::string name;
  uint64_t count = 0;
};

class GraphLoader;

class GraphReader {
 public:
  GraphReader() = default;

  absl::StatusOr<uint64_t> vertex_count() const;               // O(1)
  absl::StatusOr<uint64_t> edge_count() const;                 // O(types)
  absl::StatusOr<uint64_t> vertex_count_with_expired() const;  // and what is still there
  // That there are edges of, by name.
  absl::StatusOr<std::vector<NameCount>> EdgeTypes() const;
  // That there are vertices of, by name. Looks at their index: O(labelled vertices).
  absl::StatusOr<std::vector<NameCount>> Labels() const;

  absl::StatusOr<bool> Contains(VertexId vertex) const;
  absl::StatusOr<Vertex> Get(VertexId vertex) const;  // kNotFound
  absl::StatusOr<std::optional<Vertex>> Find(VertexId vertex) const;
  absl::StatusOr<Edge> GetEdge(const EdgeId& edge) const;  // kNotFound
  absl::StatusOr<std::optional<Edge>> FindEdge(const EdgeId& edge) const;
  // When it expires; InfiniteFuture: never. kNotFound: also when it, or an end of the edge,
  // has.
  absl::StatusOr<absl::Time> ExpiresAt(VertexId vertex) const;
  absl::StatusOr<absl::Time> EdgeExpiresAt(const EdgeId& edge) const;
  absl::StatusOr<Expiry> DefaultExpiry() const;  // of vertices to come
  absl::StatusOr<Expiry> DefaultEdgeExpiry() const;

  // By id, from `from` on, until `fn` returns false. It may change the graph.
  absl::Status ForEachVertex(VertexId from, absl::FunctionRef<bool(VertexId)> fn) const;

  // In the order of direction (out first), type and neighbour, until `fn` returns false,
  // which must not change the graph.
  // kNotFound: there is no such vertex. kInvalidArgument: the filter. A type that the graph
  // does not know has no edges.
  absl::Status ForEachEdge(VertexId vertex, const EdgeSelection& selection,
                           absl::FunctionRef<bool(const EdgeView&)> fn) const;
  // Their other ends, as often as there are edges.
  absl::StatusOr<std::vector<VertexId>> Neighbors(
      VertexId vertex, const EdgeSelection& selection = {}) const;
  // Those of many vertices at once, which is quicker than one after the other: what they
  // need comes from memory together. Calls `fn(i, some)` for pieces of the neighbours of
  // vertices[i], in no given order; a vertex that is not there has none. `some` is good in
  // the call; `fn` must not use the transaction, and ends it by false.
  using NeighborsFn = absl::FunctionRef<bool(size_t i, absl::Span<const VertexId> some)>;
  absl::Status ForEachNeighbors(absl::Span<const VertexId> vertices, NeighborsFn fn,
                                const EdgeSelection& selection = {}) const;
  // How many there are; without a filter O(types of the vertex). A loop counts in both
  // directions.
  absl::StatusOr<uint64_t> Degree(VertexId vertex,
                                  const EdgeSelection& selection = {}) const;

  // The properties as collections; of a graph that never had any they are empty. Keys of
  // vertices() are ids.
  absl::StatusOr<CollectionReader> vertices() const;
  absl::StatusOr<CollectionReader> edges() const;
  // The key of an edge in edges(). kInvalidArgument: a type that the graph does not know.
  absl::StatusOr<DocumentKey> EdgeKey(const EdgeId& edge) const;
  absl::StatusOr<EdgeId> EdgeOf(const DocumentKey& key) const;

  // Vertices and edges, or some, in memory for algorithms: <sheaf/graph_projection.h>.
  // O(vertices + edges). kResourceExhausted, kCancelled, kDeadlineExceeded. A label or type
  // that the graph does not know has none.
  absl::StatusOr<GraphProjection> Project(const ProjectionSelection& selection = {},
                                          const AlgorithmOptions& options = {}) const;

  const std::string& name() const;

 protected:
  friend class GraphLoader;
  friend class ReadTransaction;
  friend class WriteTransaction;
  friend struct internal::GraphState;
  explicit GraphReader(std::shared_ptr<internal::GraphState> state);
  std::shared_ptr<internal::GraphState> state_;
};

class Graph : public GraphReader {
 public:
  Graph() = default;

  // `properties`: a JSON object. kInvalidArgument: it is none, or has a field "_labels"; a
  // name that cannot be one; over 64 labels. kAlreadyExists: the id, or what a unique
  // index has. What is refused changes nothing.
  absl::StatusOr<VertexId> AddVertex(absl::Span<const std::string_view> labels,
                                     std::string_view properties = "{}");
  absl::StatusOr<VertexId> AddVertex(std::initializer_list<std::string_view> labels,
                                     std::string_view properties = "{}") {
    return AddVertex(absl::MakeConstSpan(labels.begin(), labels.size()), properties);
  }
  // Under an id of the caller's, below 2^53.
  absl::Status AddVertexAs(VertexId id, absl::Span<const std::string_view> labels,
                           std::string_view properties = "{}");
  // All of them; kNotFound.
  absl::Status SetLabels(VertexId vertex, absl::Span<const std::string_view> labels);
  absl::Status AddLabel(VertexId vertex, std::string_view label);
  absl::StatusOr<bool> RemoveLabel(VertexId vertex, std::string_view label);
  absl::Status SetProperties(VertexId vertex, std::string_view properties);
  // By update operators: Collection::Update.
  absl::Status UpdateProperties(VertexId vertex, std::string_view update);
  // The same; a vertex that is not there is added first, without labels. What is refused
  // changes nothing.
  absl::Status MergeVertex(VertexId vertex, std::string_view update);
  // With its edges. False: there is none.
  absl::StatusOr<bool> DeleteVertex(VertexId vertex);

  // kNotFound names the end that is missing. kInvalidArgument: the weight is not finite,
  // the properties, the type.
  absl::StatusOr<EdgeId> AddEdge(VertexId from, std::string_view type, VertexId to,
                                 double weight = 1, std::string_view properties = "{}");
  absl::Status SetWeight(const EdgeId& edge, double weight);  // kNotFound
  // The weight by a merge operator: kAddDouble, kMinDouble, kMaxDouble, kCount or kLast. An
  // edge of ordinal 0 is added when there is none of its type between the two, and its
  // weight is what the operator makes of `operand` alone. Returns the new weight.
  // kInvalidArgument: another operator; kOutOfRange: the weight would not be finite.
  absl::StatusOr<double> MergeEdgeWeight(const EdgeId& edge, MergeOperator op,
                                         double operand);
  // By the function of that name in Options::merge_functions: it sees the weight as 8 bytes
  // (MergeValue::ReadDouble), the type as its key, and returns 8 bytes, or none: the edge
  // is deleted. Returns the new weight.
  absl::StatusOr<std::optional<double>> MergeEdgeWeightWith(const EdgeId& edge,
                                                            std::string_view function,
                                                            double operand);
  absl::Status SetEdgeProperties(const EdgeId& edge, std::string_view properties);
  absl::Status UpdateEdgeProperties(const EdgeId& edge, std::string_view update);
  absl::StatusOr<bool> DeleteEdge(const EdgeId& edge);

  // Expiry (expiry.h). A vertex takes its edges with it. What changes labels, properties or
  // a weight keeps it. What has expired is removed when the graph is opened for writing, and
  // what is told to expire at once goes at once. kNotFound.
  absl::Status SetExpiry(VertexId vertex, const Expiry& expiry);
  absl::Status SetEdgeExpiry(const EdgeId& edge, const Expiry& expiry);
  // Begins a sliding expiry anew. False: there is no such vertex or edge, or its does not
  // slide.
  absl::StatusOr<bool> Touch(VertexId vertex);
  absl::StatusOr<bool> TouchEdge(const EdgeId& edge);
  // Of vertices, or edges, that are added from now on, by a GraphLoader, too: After, Sliding
  // or Never. Each then has a row among properties, if an empty one.
  absl::Status SetDefaultExpiry(const Expiry& expiry);
  absl::Status SetDefaultEdgeExpiry(const Expiry& expiry);

  // On properties, and on "_labels" or "_type": an index on the "name" of vertices labelled
  // Person has the filter {"_labels": "Person"}. As Collection::CreateIndex; there are
  // Database::CreateVertexIndex and CreateEdgeIndex that build it beside other writers.
  absl::Status CreateVertexIndex(const IndexDefinition& definition,
                                 const Progress& progress = {});
  absl::Status CreateEdgeIndex(const IndexDefinition& definition,
                               const Progress& progress = {});
  // A vector index of what vertices have at `path`, as Collection::CreateVectorIndex; its
  // matches have the numbers of vertices as keys.
  absl::Status CreateVectorIndex(std::string_view name, std::string_view path,
                                 const VectorOptions& options,
                                 const Progress& progress = {});
  absl::Status DropVertexIndex(std::string_view name);  // kNotFound
  absl::Status DropEdgeIndex(std::string_view name);    // kNotFound

  // Writes a value for each vertex of a projection of this graph as a property, all in this
  // transaction. kNotFound: a vertex is not there any more.
  absl::Status WriteBack(const GraphProjection& projection, std::string_view property,
                         absl::Span<const double> values, const Progress& progress = {});
  absl::Status WriteBack(const GraphProjection& projection, std::string_view property,
                         absl::Span<const uint64_t> values,
                         const Progress& progress = {});
  absl::Status WriteBack(const GraphProjection& projection, std::string_view property,
                         absl::Span<const uint32_t> values,
                         const Progress& progress = {});

 private:
  using GraphReader::GraphReader;
  friend class WriteTransaction;
  friend struct internal::GraphState;
  struct StoredEdge {
    uint32_t type = 0;
    double weight = 1;
    bool has_properties = false;
  };
  absl::StatusOr<StoredEdge> FindStored(const EdgeId& edge) const;  // kNotFound
  absl::Status StoreEdgeProperties(const EdgeId& edge, const StoredEdge& stored,
                                   const Document& properties);
  using WeightFn = absl::FunctionRef<absl::StatusOr<std::optional<double>>(
      std::optional<double> weight)>;
  absl::StatusOr<std::optional<double>> ChangeWeight(const EdgeId& edge, WeightFn fn);
  // `change`: of the numbers of their names.
  absl::Status ChangeLabels(VertexId vertex,
                            absl::FunctionRef<void(std::vector<uint32_t>*)> change);
  template <class T>
  absl::Status WriteValues(const GraphProjection& projection, std::string_view property,
                           absl::Span<const T> values, const Progress& progress);
};

}  // namespace sheaf
#endif  // SHEAF_GRAPH_H_
