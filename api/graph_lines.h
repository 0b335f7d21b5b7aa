// ImportGraph, ExportGraph: graphs from and to text.
//
//   std::ifstream people("people.csv"), knows("knows.csv");
//   sheaf::GraphImportCounts counts;
//   SHEAF_RETURN_IF_ERROR(sheaf::ImportGraph(
//       db.get(), "people", {{sheaf::GraphFormat::kCsv, &people},
//                            {sheaf::GraphFormat::kCsv, &knows}}, {}, &counts));
//
// Formats. Blank lines are passed over.
//
//   kJsonLines  One object a line, vertices and edges in any order:
//                 {"id":1,"labels":["Person"],"properties":{"name":"Ann"}}
//                 {"from":1,"to":2,"type":"KNOWS","weight":0.5,"properties":{"since":2010}}
//               Needed are "id", or "from" and "to". Edges of one type between the same two
//               vertices get ordinals in the order of their lines: an "ordinal" is read
//               over.
//   kCsv        RFC 4180 with a header. With columns "from" and "to" there is an edge a
//               record, and "type" and "weight" are its own; with a column "id" a vertex,
//               and "labels" are its labels, ";" between them. Other columns are
//               properties: what has no quotes and is a number, true or false is taken as
//               such, and an empty field without quotes is none.
//   kEdgeList   "from to" or "from to weight", white space between; a line that begins with
//               # or % is a comment (SNAP).
//
// Imports read on the calling thread and load by GraphLoader: all of it or nothing comes
// into the graph.
#ifndef SHEAF_GRAPH_LINES_H_
#define SHEAF_GRAPH_LINES_H_
#include <cstdint>
#include <initializer_list>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/database.h"
#include "sheaf/graph.h"
#include "sheaf/graph_loader.h"
#include "sheaf/json_lines.h"
#include "sheaf/options.h"

namespace sheaf {

enum class GraphFormat : uint8_t { kJsonLines = 1, kCsv = 2, kEdgeList = 3 };

// One of the two says where the lines come from; it outlives the call.
struct GraphSource {
  GraphFormat format = GraphFormat::kJsonLines;
  std::istream* in = nullptr;
  LineSource* lines = nullptr;
  std::string_view name =
      {};  // for messages, where there are several: "a.csv: line 7: …"
};

struct GraphImportOptions {
  std::string type = "EDGE";  // of edges whose input names none
  // An end of an edge that is no vertex becomes one. Else kNotFound names the line.
  bool create_vertices = true;
  // A property of vertices by whose texts they are called, in place of ids, in "id", "from"
  // and "to": in CSV and edge lists always, in JSON where they stand in quotes. A vertex
  // that is not there is made with the next free id. Of a graph that has vertices already
  // it must have an index. The texts of a load are in memory: kResourceExhausted when they
  // take more than memory_bytes_max. Empty: there are ids only.
  std::string vertex_key;
  bool skip_bad = false;  // lines that are wrong are counted, and left out
  char separator = ',';   // of CSV
  size_t memory_bytes_max = size_t{256} << 20;  // GraphLoaderOptions
  TreeOptions graph;                            // if it is made
  Progress progress;
};

struct GraphImportCounts {
  uint64_t vertices = 0, edges = 0;  // that were added
  uint64_t created = 0;              // of the vertices: only for edges
  uint64_t lines = 0;                // that were read, comments and blank ones among them
  uint64_t bad_lines = 0;
  std::vector<std::string> bad;  // what was wrong with the first 20: "line 7: …"
};

// In a transaction of its own. If a line is at fault, the message begins with it:
// kInvalidArgument: "line 7: …". A vertex that is there already is kAlreadyExists: imports
// add, they do not change; that is found out behind the last line, and not skipped.
absl::Status ImportGraph(Database* db, std::string_view graph,
                         absl::Span<const GraphSource> sources,
                         const GraphImportOptions& options, GraphImportCounts* counts);
absl::Status ImportGraph(Database* db, std::string_view graph,
                         std::initializer_list<GraphSource> sources,
                         const GraphImportOptions& options, GraphImportCounts* counts);
// In the transaction of the graph, which stays as it was if it fails.
absl::Status ImportGraph(const Graph& graph, absl::Span<const GraphSource> sources,
                         const GraphImportOptions& options, GraphImportCounts* counts);

struct GraphExportCounts {
  uint64_t vertices = 0, edges = 0;
};

// As kJsonLines: vertices by id, then edges by (from, type, to, ordinal). Imported into an
// empty graph it gives the same one, but for ordinals: they are counted from 0 again.
// kUnavailable: the stream takes no more.
absl::Status ExportGraph(const GraphReader& graph, std::ostream& out,
                         const Progress& progress, GraphExportCounts* counts);
// As kCsv. Text is in quotes, and what a field cannot hold, such as arrays, is JSON in
// quotes, which comes back as text. Goes through the graph twice.
absl::Status ExportGraphCsv(const GraphReader& graph, std::ostream& vertices,
                            std::ostream& edges, const Progress& progress,
                            GraphExportCounts* counts);

struct GraphDotOptions {
  std::string vertex_label;  // a property; empty, or a vertex that has none: its id
  bool weights = false;      // beside the types of edges
  Progress progress;
};

// These vertices and all edges between them, for GraphViz. kNotFound.
absl::Status ExportGraphDot(const GraphReader& graph, absl::Span<const VertexId> vertices,
                            std::ostream& out, const GraphDotOptions& options,
                            GraphExportCounts* counts);
// Vertices at most `hops` edges from `vertex`, whichever way they lead, nearest first; no
// more than `vertices_max`. kNotFound.
absl::StatusOr<std::vector<VertexId>> Neighborhood(const GraphReader& graph,
                                                   VertexId vertex, uint32_t hops,
                                                   size_t vertices_max = 1000);

}  // namespace sheaf
#endif  // SHEAF_GRAPH_LINES_H_
