// What of vector indexes has to do with expiry. Vectors of an index of its own expire by
// their keys; those of documents with the documents.
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/vector_state.h"
#include "catalog/expiry.h"
#include "pager/status_macros.h"
#include "sheaf/vector_index.h"

namespace sheaf {

using internal::CheckHandle, internal::VectorState;
using vectors::Slot;

namespace internal {

absl::StatusOr<catalog::Expiries*> VectorState::Expiries() const {
  if (!owner.has_value()) return tree->Expiries();
  SHEAF_ASSIGN_OR_RETURN(const Collection documents, Metadata());
  return documents.state_->tree->Expiries();
}

absl::StatusOr<bool> VectorState::IsHidden(std::string_view encoded_key) const {
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, Expiries());
  return expiries == nullptr ? false : expiries->IsHidden(encoded_key);
}

absl::StatusOr<const Roaring*> VectorState::HiddenSlots() const {
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, Expiries());
  if (expiries == nullptr) return nullptr;
  SHEAF_ASSIGN_OR_RETURN(const uint64_t count, expiries->Hidden());
  if (count == 0) return nullptr;
  if (hidden_at_ == expiries->changes()) return &hidden_;
  hidden_ = Roaring();
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(expiries->ForEachHidden([&](std::string_view key) {
    const absl::StatusOr<std::optional<Slot>> slot = reader.FindSlot(key);
    status = slot.status();
    if (slot.ok() && slot->has_value()) hidden_.add(**slot);
    return status.ok();
  }));
  SHEAF_RETURN_IF_ERROR(status);
  hidden_at_ = expiries->changes();
  return &hidden_;
}

absl::StatusOr<uint64_t> VectorState::Size() const {
  SHEAF_ASSIGN_OR_RETURN(const Roaring* const hidden, HiddenSlots());
  return reader.size() - (hidden == nullptr ? 0 : hidden->cardinality());
}

absl::StatusOr<bool> VectorState::Remove(std::string_view encoded_key) const {
  SHEAF_ASSIGN_OR_RETURN(Collection documents, Metadata());
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> slot, writer->Delete(encoded_key));
  if (!slot.has_value()) return false;
  NoteChange();
  SHEAF_RETURN_IF_ERROR(documents.Delete(int64_t{*slot}).status());
  return true;
}

}  // namespace internal

absl::StatusOr<absl::Time> VectorIndexReader::ExpiresAt(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->SlotOf(key).status());
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, state_->Expiries());
  if (expiries == nullptr) return absl::InfiniteFuture();
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  SHEAF_ASSIGN_OR_RETURN(const auto expiry, expiries->Find(encoded));
  return expiry.has_value() ? absl::FromUnixMicros(expiry->at) : absl::InfiniteFuture();
}

absl::StatusOr<Expiry> VectorIndexReader::DefaultExpiry() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return internal::DefaultExpiryOf(*state_->tree);
}

absl::StatusOr<catalog::ExpiryChange> VectorIndex::PrepareToExpire(
    const std::string& key, const std::optional<Expiry>& expiry) {
  catalog::ExpiryChange change;
  if (expiry.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(change, state_->tree->ToChange(*expiry));
  }
  catalog::OpenTree* const tree = state_->tree->open;
  SHEAF_RETURN_IF_ERROR(tree->CheckExpiry(key, change));
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree->expiries());
  if (expiries == nullptr) return change;
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, expiries->Hidden());
  if (hidden == 0) return change;
  // The metadata of others that have expired must not be in the way of a unique index.
  bool is_unique = false;
  SHEAF_ASSIGN_OR_RETURN(const std::vector<IndexInfo> indexes, Indexes());
  for (const IndexInfo& index : indexes) is_unique |= index.definition.unique;
  std::vector<std::string> gone;
  if (is_unique) {
    SHEAF_RETURN_IF_ERROR(expiries->ForEachHidden([&](std::string_view other) {
      gone.emplace_back(other);
      return true;
    }));
  } else {
    SHEAF_ASSIGN_OR_RETURN(const bool is_hidden, expiries->IsHidden(key));
    if (is_hidden) gone.push_back(key);
  }
  for (const std::string& other : gone) {
    SHEAF_RETURN_IF_ERROR(state_->Remove(other).status());
    SHEAF_RETURN_IF_ERROR(tree->ClearExpiry(other));
  }
  return change;
}

absl::Status VectorIndex::SetExpiry(const DocumentKey& key, const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  SHEAF_ASSIGN_OR_RETURN(const catalog::ExpiryChange change,
                         state_->tree->ToChange(expiry));
  SHEAF_RETURN_IF_ERROR(state_->SlotOf(key).status());
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  SHEAF_RETURN_IF_ERROR(state_->tree->open->CheckExpiry(encoded, change));
  return state_->tree->open->ChangeExpiry(encoded, change);
}

absl::StatusOr<bool> VectorIndex::Touch(const DocumentKey& key) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, state_->Expiries());
  return expiries == nullptr ? false : expiries->Touch(encoded);
}

absl::Status VectorIndex::SetDefaultExpiry(const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  return internal::SetDefaultExpiryOf(*state_->tree, expiry);
}

}  // namespace sheaf
