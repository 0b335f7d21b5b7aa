// TreeView: the entries of one tree as a transaction sees them, values opened: what the
// models above read through.
//
// Belongs to its transaction and ends with it. Thread-compatible.
#ifndef CATALOG_TREE_VIEW_H_
#define CATALOG_TREE_VIEW_H_
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "btree/tree_reader.h"
#include "catalog/compression.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"

namespace sheaf::catalog {

class TreeView {
 public:
  // Of a snapshot, which outlives it, as does a record that is not copied.
  TreeView(Store* store, const Snapshot* snapshot, const TreeRecord* record)
      : store_(store), snapshot_(snapshot), record_(record) {}
  TreeView(Store* store, const Snapshot* snapshot, TreeRecord record)
      : owned_(std::make_shared<const TreeRecord>(std::move(record))),
        store_(store),
        snapshot_(snapshot),
        record_(owned_.get()) {}
  // Of the running write transaction.
  TreeView(const WriteTxn* txn, OpenTree* open) : txn_(txn), open_(open) {}

  const TreeRecord& record() const {
    return open_ != nullptr ? open_->record() : *record_;
  }
  const btree::TreeRoot& root() const {
    return open_ != nullptr ? open_->root() : record_->root;
  }
  const btree::ReadContext& context() const {
    return open_ != nullptr ? txn_->context() : snapshot_->context();
  }
  btree::TreeReader reader() const { return {context(), root()}; }
  btree::TreeCursor NewCursor() const {
    return {context(), &root(), open_ != nullptr ? open_->changes() : nullptr};
  }

  bool is_written() const { return open_ != nullptr; }  // of a write transaction
  // kFailedPrecondition: of a write transaction that has dropped the tree.
  absl::Status CheckAlive() const {
    return open_ != nullptr ? open_->CheckAlive() : absl::OkStatus();
  }

  // When its entries expire; null: none does.
  absl::StatusOr<Expiries*> expiries() const {
    return open_ != nullptr ? open_->expiries() : snapshot_->ExpiriesOf(*record_);
  }

  // What a stored value stands for: where it is, or in `*buffer`.
  absl::Status Open(std::string_view stored, std::string* buffer,
                    std::string_view* out) const;
  // The value that `cursor` stands on. Requires: it is fresh.
  absl::Status ValueAt(const btree::TreeCursor& cursor, std::string* buffer,
                       std::string_view* out) const;
  // The value of what was found, and was: where its page is pinned, or in `*buffer`.
  absl::Status ValueOf(const btree::Found& found, std::string* buffer,
                       std::string_view* out) const;

 private:
  std::shared_ptr<const TreeRecord> owned_;
  Store* store_ = nullptr;
  const Snapshot* snapshot_ = nullptr;
  const TreeRecord* record_ = nullptr;
  const WriteTxn* txn_ = nullptr;
  OpenTree* open_ = nullptr;
  mutable ValueOpener opener_;
  mutable std::string large_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_TREE_VIEW_H_
