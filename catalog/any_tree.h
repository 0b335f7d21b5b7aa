// AnyTree: the ordered or the dense tree of a record, changed through keys of bytes. A dense
// tree's are its numbers, 8 bytes big-endian, in the log and in copies of a database alike.
//
// Single-writer.
#ifndef CATALOG_ANY_TREE_H_
#define CATALOG_ANY_TREE_H_
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "btree/btree.h"
#include "btree/dense_tree.h"
#include "catalog/tree_record.h"

namespace sheaf::catalog {

class AnyTree {
 public:
  AnyTree(pager::PageWriter* writer, const TreeRecord& record)
      : ordered_(writer, IsDense(record.kind) ? btree::TreeRoot{} : record.root,
                 record.values(), static_cast<uint32_t>(record.id)) {
    if (IsDense(record.kind))
      dense_.emplace(writer, record.root, RecordsOf(record.kind),
                     static_cast<uint32_t>(record.id));
  }

  // What a dense tree refuses; kInvalidArgument.
  static absl::Status CheckDenseKey(std::string_view key);
  static absl::Status CheckRecord(std::string_view record);

  // As those of the trees themselves. Requires, of a dense tree: its keys and records pass
  // the above.
  absl::Status Put(std::string_view key, std::string_view value,
                   btree::BTree::PutMode mode, bool* existed) {
    return dense_.has_value() ? PutDense(key, value, mode, existed)
                              : ordered_.Put(key, value, mode, existed);
  }
  // Requires: it is ordered.
  absl::Status PutLarge(std::string_view key, const btree::LargeRef& value,
                        btree::BTree::OldValue old) {
    return ordered_.PutLarge(key, value, old);
  }
  absl::StatusOr<bool> Delete(std::string_view key);
  // Requires: it is ordered.
  absl::StatusOr<uint64_t> DeleteRange(std::string_view from, const std::string* to) {
    return ordered_.DeleteRange(from, to);
  }
  absl::Status Clear() { return dense_.has_value() ? dense_->Clear() : ordered_.Clear(); }
  absl::Status BulkLoad(btree::BTree::NextFn next,
                        absl::FunctionRef<absl::Status(uint64_t)> tick);
  absl::StatusOr<bool> Relocate(std::string* from, btree::Relocation* relocation);

  const btree::TreeRoot& root() const {
    return dense_.has_value() ? dense_->root() : ordered_.root();
  }
  const uint64_t* changes() const {
    return dense_.has_value() ? dense_->changes() : ordered_.changes();
  }
  void Reset(const btree::TreeRoot& root, btree::Values values) {
    if (dense_.has_value())
      dense_->Reset(root);
    else
      ordered_.Reset(root, values);
  }

 private:
  absl::Status PutDense(std::string_view key, std::string_view value,
                        btree::BTree::PutMode mode, bool* existed);

  btree::BTree ordered_;
  std::optional<btree::DenseTree> dense_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_ANY_TREE_H_
