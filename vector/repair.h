// Repair: makes a vector index whole of what is left of its vectors, for salvage.
#ifndef VECTOR_REPAIR_H_
#define VECTOR_REPAIR_H_
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "catalog/write_txn.h"
#include "vector/layout.h"

namespace sheaf::vectors {

struct RepairCounts {
  uint64_t kept = 0,
           dropped = 0;  // vectors; those that are not whole, or have an older key
};
// Every vector that is whole and valid is kept, with its key, the newest of a key; all await
// linking. Parts that are missing are made. kDataLoss: the options are lost.
absl::StatusOr<RepairCounts> RepairIndex(catalog::WriteTxn* txn,
                                         catalog::OpenTree* vectors);

}  // namespace sheaf::vectors
#endif  // VECTOR_REPAIR_H_
