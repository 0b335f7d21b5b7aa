#include "catalog/attachments.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/tree_view.h"
#include "catalog/write_txn.h"
#include "pager/cipher.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {
namespace {

constexpr size_t kDigestBytes = 16, kRowBytes = 8 + kDigestBytes + 16;

std::string RowsOf(TreeId tree, std::string_view key) {
  const std::array<char, 32> digest = pager::Sha256(key);
  return EncodeDenseKey(tree).append(digest.data(), kDigestBytes);
}

std::string RowOf(TreeId tree, std::string_view key, TreeId holder, uint64_t number) {
  return RowsOf(tree, key).append(EncodeDenseKey(holder)).append(EncodeDenseKey(number));
}

struct Row {
  TreeId tree = 0;
  std::string_view key;
  Attachment attachment;
};

// Views into the value.
absl::StatusOr<Row> ParseRow(std::string_view row, std::string_view value) {
  const size_t size = value.size() < 2 ? 0 : pager::DecodeFixed16(value.data());
  if (row.size() != kRowBytes || value.size() < 2 + size)
    return absl::DataLossError("a row of attachments is damaged");
  value.remove_prefix(2);
  Row parsed;
  parsed.tree = *DecodeDenseKey(row.substr(0, 8));
  parsed.key = value.substr(0, size);
  parsed.attachment = {*DecodeDenseKey(row.substr(8 + kDigestBytes, 8)),
                       *DecodeDenseKey(row.substr(16 + kDigestBytes)),
                       std::string(value.substr(size))};
  return parsed;
}

}  // namespace

absl::Status Attach(WriteTxn* txn, TreeId tree, std::string_view key,
                    const Attachment& attachment) {
  SHEAF_ASSIGN_OR_RETURN(OpenTree * rows, txn->FindTree(kAttachmentsName));
  if (rows == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(
        rows, txn->CreateTree(kAttachmentsName, TreeKind::kAttachments, {}, {}));
  }
  txn->ForgetAttached();
  std::string value(2, '\0');
  pager::EncodeFixed16(value.data(), static_cast<uint16_t>(key.size()));
  value.append(key).append(attachment.item);
  bool existed = false;
  return rows->PutStored(RowOf(tree, key, attachment.holder, attachment.number), value,
                         btree::BTree::PutMode::kUpsert, &existed);
}

absl::Status Detach(WriteTxn* txn, TreeId tree, std::string_view key, TreeId holder,
                    uint64_t number) {
  SHEAF_ASSIGN_OR_RETURN(OpenTree * rows, txn->FindTree(kAttachmentsName));
  if (rows == nullptr) return absl::OkStatus();
  return rows->Delete(RowOf(tree, key, holder, number)).status();
}

absl::StatusOr<std::optional<std::string>> FindAttached(const TreeView& rows, TreeId tree,
                                                        std::string_view key,
                                                        TreeId holder, uint64_t number) {
  const std::string row = RowOf(tree, key, holder, number);
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(rows.reader().Find(row, &found));
  if (!found.found) return std::optional<std::string>();
  std::string buffer;
  std::string_view value;
  SHEAF_RETURN_IF_ERROR(rows.ValueOf(found, &buffer, &value));
  SHEAF_ASSIGN_OR_RETURN(Row parsed, ParseRow(row, value));
  if (parsed.key != key) return std::optional<std::string>();
  return std::optional(std::move(parsed.attachment.item));
}

absl::Status ForEachAttachment(
    const TreeView& rows,
    absl::FunctionRef<absl::Status(TreeId tree, std::string_view key,
                                   const Attachment& attachment)>
        fn) {
  std::string buffer;
  std::string_view value;
  btree::TreeCursor cursor = rows.NewCursor();
  for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
    SHEAF_RETURN_IF_ERROR(rows.ValueAt(cursor, &buffer, &value));
    SHEAF_ASSIGN_OR_RETURN(const Row row, ParseRow(cursor.key(), value));
    SHEAF_RETURN_IF_ERROR(fn(row.tree, row.key, row.attachment));
  }
  return cursor.status();
}

// --- Of deletes -----------------------------------------------------------------

absl::StatusOr<bool> WriteTxn::HasAttached(TreeId tree) {
  if (const auto it = attached_.find(tree); it != attached_.end()) return it->second;
  SHEAF_ASSIGN_OR_RETURN(OpenTree * rows, FindTree(kAttachmentsName));
  bool& has = attached_[tree];
  if (rows == nullptr) return has = false;
  const std::string first = EncodeDenseKey(tree);
  btree::TreeCursor cursor = TreeView(this, rows).NewCursor();
  has = cursor.Seek(first) && cursor.key().starts_with(first);
  SHEAF_RETURN_IF_ERROR(cursor.status());
  return has;
}

absl::Status WriteTxn::DetachEntries(TreeId tree, const std::string* key,
                                     std::string_view from, const std::string* to) {
  SHEAF_ASSIGN_OR_RETURN(const bool has, HasAttached(tree));
  if (!has) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(OpenTree * rows, FindTree(kAttachmentsName));
  const std::string first = key != nullptr ? RowsOf(tree, *key) : EncodeDenseKey(tree);
  struct Found {
    std::string row;
    Attachment attachment;
  };
  std::vector<Found> found;
  {
    const TreeView view(this, rows);
    std::string buffer;
    std::string_view value;
    btree::TreeCursor cursor = view.NewCursor();
    for (cursor.Seek(first); cursor.Valid() && cursor.key().starts_with(first);
         cursor.Next()) {
      SHEAF_RETURN_IF_ERROR(view.ValueAt(cursor, &buffer, &value));
      SHEAF_ASSIGN_OR_RETURN(Row row, ParseRow(cursor.key(), value));
      const bool is_meant = key != nullptr
                                ? row.key == *key
                                : row.key >= from && (to == nullptr || row.key < *to);
      if (is_meant)
        found.push_back({std::string(cursor.key()), std::move(row.attachment)});
    }
    SHEAF_RETURN_IF_ERROR(cursor.status());
  }
  for (const Found& f : found) {
    SHEAF_RETURN_IF_ERROR(rows->Delete(f.row).status());
    SHEAF_RETURN_IF_ERROR(Broken(on_detached_(f.attachment)));
  }
  return absl::OkStatus();
}

}  // namespace sheaf::catalog
