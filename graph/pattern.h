// GraphPattern: what is looked for in a graph, written as in Cypher:
//
//   (a:Person {"age": {"$gt": 30}})-[k:KNOWS {since: 2010}]->(b)<-[:WROTE|EDITED*1..3]-(c),
//   (a)-->(d)
//
//   (a)           any vertex; the same name again: the same vertex
//   (a:X:Y:U|V)   with the labels X and Y, and U or V; & is another way to write :
//   (a {...})     whose properties match: a filter in MongoDB's language (sheaf/query.h).
//                 Names need no quotes, strings may have single ones. {_id: 5}: vertex 5
//   -[k:T|U]->    an edge of type T or U from left to right; <-…- from right to left,
//                 -…- or <-…-> either way; -->, <--, -- without conditions
//   -[:T*2]->     a path of 2 edges, *1..3 of 1 to 3, *..3 the same; conditions are those of
//                 each edge
//
// Names: letters, digits, _ and all that is not ASCII, no digit first; or anything between
// backquotes. Installed as <sheaf/pattern.h>. Values.
#ifndef SHEAF_PATTERN_H_
#define SHEAF_PATTERN_H_
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sheaf/direction.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

struct PatternVertex {
  std::string name;                              // empty: it has none
  std::vector<std::vector<std::string>> labels;  // of each of these it has one
  std::string filter;                            // of its properties; empty: any
  std::vector<VertexId> ids;                     // it is one of these; empty: any
};

struct PatternEdge {
  size_t from = 0, to = 0;                // of the pattern's vertices
  Direction direction = Direction::kOut;  // kIn: it leads from `to` to `from`
  std::string name;                       // empty: it has none
  std::vector<std::string> types;         // one of them; empty: any
  std::string filter;                     // of its properties; empty: any
  uint32_t hops_min = 1, hops_max = 1;    // of a path of such edges
};

struct GraphPattern {
  static constexpr size_t kPartsMax = 64;  // vertices, edges
  static constexpr uint32_t kHopsMax = 64;
  static constexpr size_t kTextBytesMax = size_t{64} << 10;

  std::vector<PatternVertex> vertices;
  std::vector<PatternEdge> edges;

  // kInvalidArgument: the byte (the first is 0), and what was expected there.
  static absl::StatusOr<GraphPattern> Parse(std::string_view text);
  // Whether one that was made otherwise can be looked for. kInvalidArgument.
  absl::Status Check() const;
};

}  // namespace sheaf
#endif  // SHEAF_PATTERN_H_
