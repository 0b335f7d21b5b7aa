// RepairBlobs: makes what was salvaged of blob stores whole again. Not installed for use.
#ifndef API_INTERNAL_SALVAGE_BLOBS_H_
#define API_INTERNAL_SALVAGE_BLOBS_H_
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/store.h"

namespace sheaf::internal {

// A content stays, whatever is lost about it: without a record it gets a new one, with a new
// number and no attributes. A record whose content is lost goes. What belongs to an owner is
// attached to it anew. Requires: collections are repaired.
absl::Status RepairBlobs(catalog::Store* store, std::vector<std::string>* notes);

}  // namespace sheaf::internal
#endif  // API_INTERNAL_SALVAGE_BLOBS_H_
