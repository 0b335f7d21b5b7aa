// RepairGraphs: makes what was salvaged of graphs one again. Not installed for use.
#ifndef API_INTERNAL_SALVAGE_GRAPH_H_
#define API_INTERNAL_SALVAGE_GRAPH_H_
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/store.h"

namespace sheaf::internal {

// Each graph of which parts are lost or disagree is written anew, from what any of them
// tells: an edge that one of its ends knows, or its properties, is kept if both vertices
// are; a vertex whose record is lost comes back by its properties. Requires: collections
// are repaired. `notes` get what could not be kept. Memory: 40 bytes an edge of a graph.
absl::Status RepairGraphs(catalog::Store* store, std::vector<std::string>* notes);

}  // namespace sheaf::internal
#endif  // API_INTERNAL_SALVAGE_GRAPH_H_
