#include "catalog/tree_view.h"

#include "btree/large_value.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

absl::Status TreeView::Open(std::string_view stored, std::string* buffer,
                            std::string_view* out) const {
  if (open_ != nullptr) return open_->Open(stored, buffer, out);
  *out = stored;
  if (!record_->compression.encoded) return absl::OkStatus();
  const auto load = [this](uint32_t version) {
    return store_->dictionaries().Get(snapshot_->context(), snapshot_->version().catalog,
                                      record_->id, version);
  };
  return opener_.Open(stored, load, buffer, out);
}

absl::Status TreeView::ValueAt(const btree::TreeCursor& cursor, std::string* buffer,
                               std::string_view* out) const {
  const btree::NodeView::LeafValue value = cursor.value();
  if (!value.is_large) return Open(value.bytes, buffer, out);
  std::string_view stored;
  SHEAF_RETURN_IF_ERROR(btree::WholeValue(context().pager, value, &large_, &stored));
  return Open(stored, buffer, out);
}

absl::Status TreeView::ValueOf(const btree::Found& found, std::string* buffer,
                               std::string_view* out) const {
  if (!found.is_large) return Open(found.bytes, buffer, out);
  std::string_view stored;
  SHEAF_RETURN_IF_ERROR(
      btree::WholeLarge(context().pager, found.large, &large_, &stored));
  return Open(stored, buffer, out);
}

}  // namespace sheaf::catalog
