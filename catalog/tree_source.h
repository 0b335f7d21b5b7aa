// TreeSource: the entries of a tree in order, as stored, for the bulk load of another.
#ifndef CATALOG_TREE_SOURCE_H_
#define CATALOG_TREE_SOURCE_H_
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "btree/dense_reader.h"
#include "btree/large_value.h"
#include "btree/tree_reader.h"
#include "catalog/tree_record.h"

namespace sheaf::catalog {

class TreeSource {
 public:
  // All outlive it. The tree must not change meanwhile.
  TreeSource(const btree::ReadContext& context, TreeKind kind,
             const btree::TreeRoot* root)
      : pager_(*context.pager),
        is_dense_(IsDense(kind)),
        dense_(context, root),
        cursor_(context, root, nullptr) {
    is_dense_ ? dense_.Seek(0) : cursor_.SeekFirst();
  }
  // False at the end and after an error. The views live until the next call.
  bool Next(std::string_view* key, std::string_view* value) {
    if (!status_.ok()) return false;
    if (is_dense_) return NextDense(key, value);
    if (moves_) cursor_.Next();
    moves_ = true;
    if (!cursor_.Valid()) {
      status_ = cursor_.status();
      return false;
    }
    *key = cursor_.key();
    status_ = btree::WholeValue(&pager_, cursor_.value(), &large_, value);
    return status_.ok();
  }
  const absl::Status& status() const { return status_; }

 private:
  bool NextDense(std::string_view* key, std::string_view* value) {
    if (moves_) dense_.Next();
    moves_ = true;
    status_ = dense_.status();
    if (!dense_.Valid()) return false;
    key_ = EncodeDenseKey(dense_.key());
    *key = key_;
    *value = dense_.record();
    return true;
  }

  pager::Pager& pager_;
  const bool is_dense_;
  btree::DenseCursor dense_;
  btree::TreeCursor cursor_;
  bool moves_ = false;
  std::string large_, key_;
  absl::Status status_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_TREE_SOURCE_H_
