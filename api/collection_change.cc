// What of Collection changes documents by what they were.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/internal/handles.h"
#include "document/collection_codec.h"
#include "document/patch.h"
#include "document/update.h"
#include "pager/status_macros.h"
#include "sheaf/collection.h"

namespace sheaf {

using document::NameTable;
using document::Schema;

namespace {

using Bytes = absl::StatusOr<std::optional<std::string>>;

Bytes Some(absl::StatusOr<std::string> bytes) {
  if (!bytes.ok()) return bytes.status();
  return std::optional<std::string>(*std::move(bytes));
}

// With the functions that the database was opened with.
absl::StatusOr<document::Update> Parsed(const internal::CollectionState* state,
                                        std::string_view update) {
  if (state == nullptr) return internal::TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state->tree->Live());
  return document::Update::Parse(update,
                                 state->tree->txn->rep->store->options().merge_functions);
}

// To a document that is there.
auto Applied(const document::Update& update) {
  return [&update](const std::optional<DocumentView>& old, NameTable* names) -> Bytes {
    if (!old.has_value()) return std::optional<std::string>();
    return Some(update.Apply(*old, names, absl::ToUnixMicros(absl::Now())));
  };
}

}  // namespace

absl::StatusOr<bool> Collection::Rewrite(const DocumentKey& key, RewriteFn fn) {
  if (state_ == nullptr) return internal::TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Schema> schema, state_->writer->schema());
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> stored, state_->table.Find(encoded));
  std::optional<DocumentView> old;
  NameTable text_names;
  std::string buffer;
  if (stored.has_value()) {
    const absl::Status opened = document::OpenDocument(
        stored->view(), schema->names(), &text_names, &buffer, &old.emplace());
    if (!opened.ok()) return internal::At(name(), opened);
  }
  const Bytes made = fn(old, &schema->names());
  absl::Status status = made.status();
  if (status.ok() && !made->has_value()) {
    schema->ForgetNewNames();
    return old.has_value() ? Delete(key) : absl::StatusOr<bool>(false);
  }
  if (status.ok() && stored.has_value() && **made == stored->view()) {
    schema->ForgetNewNames();
    return false;
  }
  bool existed = false;
  if (status.ok())
    status =
        state_->writer->Put(encoded, **made, btree::BTree::PutMode::kUpsert, &existed,
                            old.has_value() ? catalog::ExpiryChange::Keep()
                                            : catalog::ExpiryChange::Default());
  if (!status.ok()) {
    schema->ForgetNewNames();
    return internal::At(absl::StrCat(name(), ": ", key.ToString()), status);
  }
  SHEAF_RETURN_IF_ERROR(NoteNumber(key));
  return true;
}

absl::StatusOr<bool> Collection::Update(const DocumentKey& key, std::string_view update) {
  SHEAF_ASSIGN_OR_RETURN(const document::Update parsed, Parsed(state_.get(), update));
  return Rewrite(key, Applied(parsed));
}

absl::Status Collection::Upsert(const DocumentKey& key, std::string_view update) {
  SHEAF_ASSIGN_OR_RETURN(const document::Update parsed, Parsed(state_.get(), update));
  const int64_t now = absl::ToUnixMicros(absl::Now());
  return Rewrite(key,
                 [&](const std::optional<DocumentView>& old, NameTable* names) {
                   if (old.has_value()) return Some(parsed.Apply(*old, names, now));
                   document::Writer writer(names);
                   writer.BeginObject();
                   writer.End();
                   const std::string empty = *writer.Finish();
                   return Some(
                       parsed.ApplyToNew(document::RootOf(empty, *names), names, now));
                 })
      .status();
}

absl::Status Collection::Modify(const DocumentKey& key, ModifyFn fn) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Document> old, FindDocument(key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Document> made, fn(old));
  if (made.has_value())
    return old.has_value() ? PutKeepingExpiry(key, *made) : Put(key, *made);
  return old.has_value() ? Delete(key).status() : absl::OkStatus();
}

absl::Status Collection::Patch(const DocumentKey& key, std::string_view json_patch) {
  return Rewrite(key,
                 [&](const std::optional<DocumentView>& old, NameTable* names) -> Bytes {
                   if (!old.has_value()) return absl::NotFoundError("no such document");
                   return Some(document::ApplyJsonPatch(*old, json_patch, names));
                 })
      .status();
}

absl::Status Collection::MergePatch(const DocumentKey& key,
                                    std::string_view merge_patch) {
  return Rewrite(key,
                 [&](const std::optional<DocumentView>& old, NameTable* names) -> Bytes {
                   if (!old.has_value()) return absl::NotFoundError("no such document");
                   return Some(document::ApplyMergePatch(*old, merge_patch, names));
                 })
      .status();
}

// All of them first: what is changed may move before or behind where the query is.
absl::StatusOr<std::vector<DocumentKey>> Collection::KeysWhere(
    std::string_view filter, const QueryOptions& options) {
  QueryOptions keys_only = options;
  keys_only.project.clear();
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, Query(filter, keys_only));
  std::vector<DocumentKey> keys;
  while (cursor.Next()) keys.push_back(cursor.key());
  SHEAF_RETURN_IF_ERROR(cursor.status());
  return keys;
}

absl::StatusOr<Collection::ChangeCounts> Collection::UpdateWhere(
    std::string_view filter, std::string_view update, const QueryOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(const document::Update parsed, Parsed(state_.get(), update));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<DocumentKey> keys, KeysWhere(filter, options));
  ChangeCounts counts;
  counts.matched = keys.size();
  for (const DocumentKey& key : keys) {
    SHEAF_ASSIGN_OR_RETURN(const bool changed, Rewrite(key, Applied(parsed)));
    counts.changed += changed;
  }
  return counts;
}

absl::StatusOr<uint64_t> Collection::DeleteWhere(std::string_view filter,
                                                 const QueryOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<DocumentKey> keys, KeysWhere(filter, options));
  for (const DocumentKey& key : keys) SHEAF_RETURN_IF_ERROR(Delete(key).status());
  return keys.size();
}

}  // namespace sheaf
