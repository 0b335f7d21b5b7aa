// CheckVectors: compares the parts of each vector index of a snapshot: vectors with keys and
// slots, nodes with vectors, links at both their ends, what awaits linking, and whether
// every node can be reached. What trees are made of was checked before.
#ifndef VECTOR_CHECK_H_
#define VECTOR_CHECK_H_
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "catalog/store.h"

namespace sheaf::vectors {

// Problems begin with the name of the index. `tick` hears of vectors and nodes. Time
// O(n * M); memory: 14 bytes a slot.
absl::Status CheckVectors(catalog::Store* store, const catalog::Snapshot& snapshot,
                          absl::FunctionRef<void(const std::string& what)> problem,
                          absl::FunctionRef<absl::Status(uint64_t)> tick);

}  // namespace sheaf::vectors
#endif  // VECTOR_CHECK_H_
