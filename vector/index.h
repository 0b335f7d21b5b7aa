// The trees of a vector index: made, opened and dropped together.
#ifndef VECTOR_INDEX_H_
#define VECTOR_INDEX_H_
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "btree/dense_directory.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"
#include "vector/vector_reader.h"
#include "vector/vector_writer.h"

namespace sheaf::vectors {

// All but the metadata. Requires: CheckOptions lets them pass. `owner`: what the tree record
// has as its key_type. kAlreadyExists.
absl::StatusOr<catalog::OpenTree*> CreateIndex(catalog::WriteTxn* txn,
                                               std::string_view name,
                                               const Options& options,
                                               std::string_view owner);
// Where nodes lie, for all that read the same state of an index. Thread-safe.
class Directories {
 public:
  // Null: there is no memory for it, and it is not needed.
  std::shared_ptr<const btree::DenseDirectory> Get(const Layout& layout, Slot slot_end,
                                                   const catalog::TreeRecord& nodes)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Kept {
    catalog::TreeId nodes;
    std::shared_ptr<const btree::DenseDirectory> directory;
  };

  absl::Mutex mu_;
  // Of the states asked for last, few of each index.
  std::vector<Kept> kept_ ABSL_GUARDED_BY(mu_);
};

// `record`: of the vectors. kDataLoss: not all of its trees are there.
absl::StatusOr<std::unique_ptr<VectorReader>> OpenIndex(catalog::Store* store,
                                                        const catalog::Snapshot* snapshot,
                                                        const catalog::TreeRecord& record,
                                                        Directories* directories);
absl::StatusOr<std::unique_ptr<VectorWriter>> OpenIndex(catalog::WriteTxn* txn,
                                                        catalog::OpenTree* vectors);
// All but the vectors and the metadata, as far as they are not there.
absl::Status MakeParts(catalog::WriteTxn* txn, catalog::TreeId index);
// All but the vectors and the metadata.
absl::Status DropParts(catalog::WriteTxn* txn, catalog::TreeId index);

}  // namespace sheaf::vectors
#endif  // VECTOR_INDEX_H_
