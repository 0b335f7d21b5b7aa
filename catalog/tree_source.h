// TreeSource: the entries of a tree in order, as stored, for the bulk load of another.
#ifndef CATALOG_TREE_SOURCE_H_
#define CATALOG_TREE_SOURCE_H_
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "btree/large_value.h"
#include "btree/tree_reader.h"

namespace sheaf::catalog {

class TreeSource {
 public:
  // Both outlive it. The tree must not change meanwhile.
  TreeSource(const btree::ReadContext& context, const btree::TreeRoot* root)
      : pager_(*context.pager), cursor_(context, root, nullptr) {
    cursor_.SeekFirst();
  }
  // False at the end and after an error. The views live until the next call.
  bool Next(std::string_view* key, std::string_view* value) {
    if (!status_.ok()) return false;
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
  pager::Pager& pager_;
  btree::TreeCursor cursor_;
  bool moves_ = false;
  std::string large_;
  absl::Status status_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_TREE_SOURCE_H_
