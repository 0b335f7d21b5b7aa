// What the merges of a batch come to. Not installed for use.
#ifndef API_INTERNAL_BATCH_MERGES_H_
#define API_INTERNAL_BATCH_MERGES_H_
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/write_txn.h"
#include "sheaf/merge.h"
#include "sheaf/transaction.h"

namespace sheaf::internal {

// A batch shares its transaction with others, so what can be refused of it is found out
// before it changes anything: merges see what those before them in the batch will have
// done. Once computed nothing may change the trees before it is written.
struct BatchMerges {
  // Of each operation: what a merge comes to; none: the key is deleted. Empty where the
  // batch has no merges.
  std::vector<std::optional<std::string>> results;

  absl::Status Compute(catalog::WriteTxn* txn, const Options& options,
                       const WriteBatch& batch);
  // What is put by operation `i`; none: it deletes.
  std::optional<std::string_view> ValueOf(const WriteBatch& batch, size_t i) const;
  // Those that only look change nothing.
  static bool Changes(const WriteBatch& batch, size_t i);

 private:
  absl::StatusOr<std::optional<std::string>> Merged(
      const MergeFunctions& functions, const WriteBatch& batch, size_t i,
      std::optional<std::string_view> existing);
};

}  // namespace sheaf::internal
#endif  // API_INTERNAL_BATCH_MERGES_H_
