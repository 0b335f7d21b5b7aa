// The check of blob stores: contents, records and what is attached to owners agree.
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/blob_state.h"
#include "catalog/attachments.h"
#include "pager/status_macros.h"

namespace sheaf::internal {
namespace {

using Problem = absl::FunctionRef<void(const std::string& what)>;
using Tick = absl::FunctionRef<absl::Status(uint64_t)>;

// Null: nothing was ever attached.
absl::StatusOr<std::optional<catalog::TreeView>> AttachmentsOf(
    const TransactionState& txn) {
  SHEAF_ASSIGN_OR_RETURN(std::optional<catalog::TreeRecord> rows,
                         txn.snapshot->FindTree(catalog::kAttachmentsName));
  if (!rows.has_value()) return std::optional<catalog::TreeView>();
  return std::optional<catalog::TreeView>(std::in_place, txn.rep->store.get(),
                                          &*txn.snapshot, *std::move(rows));
}

// Of one store.
class BlobCheck {
 public:
  BlobCheck(const BlobState& state, Problem problem) : state_(state), problem_(problem) {}

  absl::Status Run(Tick tick);
  uint64_t attached() const { return attached_; }

 private:
  void Report(const std::string& what) {
    problem_(absl::StrCat(state_.tree->name, ": ", what));
  }
  absl::Status LookAt(const DocumentKey& key, const DocumentView& record);
  absl::Status LookAtContent(const BlobInfo& info, std::string_view encoded);
  absl::Status LookAtOwner(const BlobInfo& info, std::string_view encoded,
                           const OwnerEntry& owner);

  const BlobState& state_;
  const Problem problem_;
  std::optional<catalog::TreeView> attachments_;
  uint64_t records_ = 0, attached_ = 0;
};

absl::Status BlobCheck::LookAtContent(const BlobInfo& info, std::string_view encoded) {
  const auto content = state_.contents.Open(encoded);
  if (absl::IsDataLoss(content.status())) {
    Report(std::string(content.status().message()));
    return absl::OkStatus();
  }
  SHEAF_RETURN_IF_ERROR(content.status());
  if (*content == nullptr)
    Report(absl::StrCat("blob ", info.key.ToString(), " has no content"));
  else if ((*content)->size() != info.size ||
           (*content)->stored_size() != info.stored_size)
    Report(absl::StrCat("blob ", info.key.ToString(), " has ", (*content)->size(),
                        " bytes, its record says ", info.size));
  return absl::OkStatus();
}

absl::Status BlobCheck::LookAtOwner(const BlobInfo& info, std::string_view encoded,
                                    const OwnerEntry& owner) {
  if (owner.keep) return absl::OkStatus();
  ++attached_;
  std::optional<std::string> item;
  if (attachments_.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(item,
                           catalog::FindAttached(*attachments_, owner.tree, owner.key,
                                                 state_.tree->record.id, info.number));
  }
  if (item != encoded)
    Report(absl::StrCat("blob ", info.key.ToString(), " is not attached to its owner"));
  return absl::OkStatus();
}

absl::Status BlobCheck::LookAt(const DocumentKey& key, const DocumentView& record) {
  ++records_;
  std::optional<OwnerEntry> owner;
  const absl::StatusOr<BlobInfo> info = ParseRecord(key, record, &owner);
  const absl::StatusOr<std::string> encoded = EncodeKey(key);
  if (!info.ok() || !encoded.ok()) {
    Report(std::string((info.ok() ? encoded.status() : info.status()).message()));
    return absl::OkStatus();
  }
  if (info->number > state_.tree->record.counter)
    Report(absl::StrCat("blob ", key.ToString(), " has a number not given yet"));
  SHEAF_RETURN_IF_ERROR(LookAtContent(*info, *encoded));
  return owner.has_value() ? LookAtOwner(*info, *encoded, *owner) : absl::OkStatus();
}

absl::Status BlobCheck::Run(Tick tick) {
  SHEAF_ASSIGN_OR_RETURN(attachments_, AttachmentsOf(*state_.tree->txn));
  SHEAF_RETURN_IF_ERROR(
      state_.contents.Check([this](const std::string& what) { Report(what); }, tick));
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(state_.records.ForEachDocument(
      {}, [&](const DocumentKey& key, const DocumentView& record) {
        status = LookAt(key, record);
        return status.ok();
      }));
  SHEAF_RETURN_IF_ERROR(status);
  uint64_t contents = 0;
  SHEAF_RETURN_IF_ERROR(state_.contents.ForEachKey([&](std::string_view, blobs::Row) {
    ++contents;
    return absl::OkStatus();
  }));
  if (contents != records_)
    Report(absl::StrCat("has ", contents, " contents and ", records_, " records"));
  return absl::OkStatus();
}

}  // namespace

absl::Status BlobState::CheckAll(const ReadTransaction& txn, Problem problem, Tick tick) {
  const absl::StatusOr<std::vector<TreeInfo>> trees = txn.List();
  if (absl::IsDataLoss(trees.status())) return absl::OkStatus();  // found already
  SHEAF_RETURN_IF_ERROR(trees.status());
  uint64_t owned = 0, attached = 0;
  std::shared_ptr<TransactionState> state;
  const auto look = [&](const std::string& name) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const BlobStoreReader store, txn.blobs(name));
    state = store.state_->tree->txn;
    BlobCheck check(*store.state_, problem);
    SHEAF_RETURN_IF_ERROR(check.Run(tick));
    owned += check.attached();
    return absl::OkStatus();
  };
  for (const TreeInfo& tree : *trees) {
    if (tree.kind != TreeKind::kBlobs) continue;
    const absl::Status status = look(tree.name);
    if (!absl::IsDataLoss(status))
      SHEAF_RETURN_IF_ERROR(status);
    else
      problem(std::string(status.message()));
  }
  if (state == nullptr) return absl::OkStatus();  // no stores
  SHEAF_ASSIGN_OR_RETURN(const auto attachments, AttachmentsOf(*state));
  if (!attachments.has_value()) return absl::OkStatus();
  const absl::Status read = catalog::ForEachAttachment(
      *attachments, [&](catalog::TreeId, std::string_view, const catalog::Attachment&) {
        return tick(++attached);
      });
  if (absl::IsDataLoss(read))
    problem(std::string(read.message()));
  else
    SHEAF_RETURN_IF_ERROR(read);
  if (attached != owned)
    problem(absl::StrCat(attached, " blobs are attached to owners, ", owned,
                         " have one to be deleted with"));
  return absl::OkStatus();
}

}  // namespace sheaf::internal
