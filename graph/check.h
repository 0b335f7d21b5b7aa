// CheckGraphs: compares the parts of each graph of a snapshot: edges at both their ends,
// lists and their blocks, counts, labels and properties with their documents. What trees
// are made of, and documents with their indexes, was checked before (document/check.h).
#ifndef GRAPH_CHECK_H_
#define GRAPH_CHECK_H_
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "catalog/store.h"

namespace sheaf::graph {

// What documents keep of the graph; who writes them is api/graph_change.cc.
inline constexpr std::string_view kLabelsField = "_labels", kTypeField = "_type";

// As document::CheckCollections; `tick` hears of vertices. Time O(n + m), twice that times
// log(degree) where edges disagree; memory: nothing that grows.
absl::Status CheckGraphs(catalog::Store* store, const catalog::Snapshot& snapshot,
                         absl::FunctionRef<void(const std::string& what)> problem,
                         absl::FunctionRef<absl::Status(uint64_t)> tick);

}  // namespace sheaf::graph
#endif  // GRAPH_CHECK_H_
