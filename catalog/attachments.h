// Attachments: what belongs to an entry of a tree, and goes with it when that is deleted.
//
// One tree for the whole database, made when the first is attached:
//
//   name: "\x01" "attachments", of kind kAttachments
//   row   := tree (8), first 16 bytes of the SHA-256 of the entry's key, holder (8), number
//            (8); all big-endian
//   value := size of the key (2, little-endian), the key, then what the holder finds the
//            item by
//
// The holder is the tree whose item it is; the number tells its items apart. Deletes of
// entries look here (OpenTree::Delete and DeleteRange, WriteTxn::DropTree), and first have
// WriteTxn's on_detached delete each item; where nobody was set to do it the rows stay.
//
// Single-writer.
#ifndef CATALOG_ATTACHMENTS_H_
#define CATALOG_ATTACHMENTS_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/tree_record.h"

namespace sheaf::catalog {

class TreeView;
class WriteTxn;

inline constexpr std::string_view kAttachmentsName =
    "\x01"
    "attachments";

struct Attachment {
  TreeId holder = 0;
  uint64_t number = 0;
  std::string item;
};

// To the entry `key` of `tree`. In the place of one that was there.
absl::Status Attach(WriteTxn* txn, TreeId tree, std::string_view key,
                    const Attachment& attachment);
absl::Status Detach(WriteTxn* txn, TreeId tree, std::string_view key, TreeId holder,
                    uint64_t number);

// What the holder finds the item by; null: it is not attached. kDataLoss.
absl::StatusOr<std::optional<std::string>> FindAttached(const TreeView& rows, TreeId tree,
                                                        std::string_view key,
                                                        TreeId holder, uint64_t number);
// Every one there is, until an error: for checks. kDataLoss: a row is damaged.
absl::Status ForEachAttachment(
    const TreeView& rows,
    absl::FunctionRef<absl::Status(TreeId tree, std::string_view key,
                                   const Attachment& attachment)>
        fn);

}  // namespace sheaf::catalog
#endif  // CATALOG_ATTACHMENTS_H_
