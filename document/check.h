// CheckCollections: compares documents, schemas and indexes of a snapshot, both ways: each
// document is one and has its entries, each entry has its document, each index its
// collection. What trees are made of was checked before (catalog/store.h).
#ifndef DOCUMENT_CHECK_H_
#define DOCUMENT_CHECK_H_
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "catalog/store.h"

namespace sheaf::document {

// What is wrong with the content is a problem; anything else ends a check.
inline bool IsProblem(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsInvalidArgument(status) ||
         absl::IsUnimplemented(status);
}

// `problem`: hears of each thing that is wrong, with the name of its collection. `tick`:
// of how many documents are done. The errors are those of reading, and of `tick`.
absl::Status CheckCollections(catalog::Store* store, const catalog::Snapshot& snapshot,
                              absl::FunctionRef<void(const std::string& what)> problem,
                              absl::FunctionRef<absl::Status(uint64_t)> tick);

}  // namespace sheaf::document
#endif  // DOCUMENT_CHECK_H_
