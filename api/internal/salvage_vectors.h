// RepairVectors: makes what was salvaged of vector indexes whole again. Not installed for
// use.
#ifndef API_INTERNAL_SALVAGE_VECTORS_H_
#define API_INTERNAL_SALVAGE_VECTORS_H_
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/store.h"

namespace sheaf::internal {

// Vectors that are whole stay, with their keys and metadata, and await linking. An index
// whose options are lost is left out, as are those on fields of documents, which have the
// vectors. Parts that belong to nothing go.
absl::Status RepairVectors(catalog::Store* store, std::vector<std::string>* notes);

}  // namespace sheaf::internal
#endif  // API_INTERNAL_SALVAGE_VECTORS_H_
