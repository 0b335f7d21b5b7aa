// GraphLoader: adds many vertices and edges to a graph, in any order, all in the running
// write transaction and within a bound of memory.
//
//   SHEAF_ASSIGN_OR_RETURN(sheaf::Graph roads, txn.graph("roads"));
//   sheaf::GraphLoader loader(roads, {.create_vertices = true});
//   for (const Road& road : all)
//     SHEAF_RETURN_IF_ERROR(loader.AddEdge(road.from, "ROAD", road.to, road.km));
//   SHEAF_RETURN_IF_ERROR(loader.Finish());
//   SHEAF_RETURN_IF_ERROR(txn.Commit());
//
// Nothing changes until Finish, which sorts all of it (with a temporary file and a second
// thread where it is much) and goes through the graph once: some million edges a second,
// a hundred times as many as by Graph::AddEdge. Large loads commit by a checkpoint.
// Between the first call and Finish the transaction must change nothing else of the graph.
//
// Belongs to its transaction, as the handle does that it is made from. Thread-compatible.
#ifndef SHEAF_GRAPH_LOADER_H_
#define SHEAF_GRAPH_LOADER_H_
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/document.h"
#include "sheaf/graph.h"
#include "sheaf/options.h"

namespace sheaf {

struct GraphLoaderOptions {
  // Of what waits for Finish. More goes to a temporary file beside the database: 24 bytes
  // for each end of an edge (32 if there are weights), and the properties.
  size_t memory_bytes_max = size_t{256} << 20;
  // An end of an edge that is no vertex becomes one, without labels. Else: kNotFound.
  bool create_vertices = false;
  // What positions are called in messages: "edge 7: no vertex 12".
  std::string position_name = "edge";
  // Calls that add are heard of now and then, too; one that is cancelled ends the load.
  Progress progress;
};

struct GraphLoaderCounts {
  uint64_t vertices = 0, edges = 0;  // that were added
  uint64_t created = 0;              // of the vertices: only for edges
};

class GraphLoader {
 public:
  explicit GraphLoader(const Graph& graph, const GraphLoaderOptions& options = {});
  ~GraphLoader();
  GraphLoader(const GraphLoader&) = delete;
  GraphLoader& operator=(const GraphLoader&) = delete;

  // As Graph's. What is refused (kInvalidArgument) is as if it had not been called; after
  // another error the load has failed.
  absl::Status AddVertex(VertexId id, absl::Span<const std::string_view> labels,
                         std::string_view properties = "{}");
  absl::Status AddVertex(VertexId id, std::initializer_list<std::string_view> labels,
                         std::string_view properties = "{}") {
    return AddVertex(id, absl::MakeConstSpan(labels.begin(), labels.size()), properties);
  }
  absl::Status AddVertex(VertexId id, absl::Span<const std::string_view> labels,
                         const DocumentView& properties);
  absl::Status AddEdge(VertexId from, std::string_view type, VertexId to,
                       double weight = 1, std::string_view properties = "{}");
  absl::Status AddEdge(VertexId from, std::string_view type, VertexId to, double weight,
                       const DocumentView& properties);
  // Above all ids of the graph and of what was added.
  VertexId next_id() const;
  // Of what is added next, for messages; else they are counted from 0. Below 2^40.
  void set_position(uint64_t position);

  // Edges of one type between the same two vertices get their ordinals in the order in
  // which they were added, behind those that are there. kNotFound: an end of an edge.
  // kAlreadyExists: a vertex, or what a unique index has. Whatever fails leaves the graph
  // as it was before the loader.
  absl::Status Finish();

  const GraphLoaderCounts& counts() const;  // right after Finish

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace sheaf
#endif  // SHEAF_GRAPH_LOADER_H_
