#include "sheaf/collection.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "document/collection_codec.h"
#include "document/json.h"
#include "pager/status_macros.h"

namespace sheaf {

namespace {

// A collection's counter holds its largest integer key plus 2^63; 0: it never had
// one (or only the smallest there is, which says the same).
constexpr uint64_t kSign = uint64_t{1} << 63;

absl::StatusOr<std::string> Encode(const DocumentKey& key) {
  if (key.is_number()) return document::EncodeNumberKey(key.number());
  return document::EncodeTextKey(key.text());
}

absl::StatusOr<DocumentKey> Decode(std::string_view bytes) {
  SHEAF_ASSIGN_OR_RETURN(const document::CollectionKey key,
                         document::DecodeCollectionKey(bytes));
  if (const int64_t* number = std::get_if<int64_t>(&key)) return DocumentKey(*number);
  return DocumentKey(std::get<std::string_view>(key));
}

absl::StatusOr<std::string> Checked(std::string_view json) {
  SHEAF_ASSIGN_OR_RETURN(const std::string minified, document::MinifyJson(json));
  return document::EncodeJsonDocument(minified);
}

absl::StatusOr<KeyRange> ToKeyRange(const DocumentRange& range) {
  KeyRange keys;
  if (range.prefix.has_value())
    keys = KeyRange::Prefix(document::EncodeTextKeyPrefix(*range.prefix));
  if (range.from.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(std::string from, Encode(*range.from));
    if (!keys.from.has_value() || from > *keys.from) keys.from = std::move(from);
  }
  if (range.to.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(std::string to, Encode(*range.to));
    if (!keys.to.has_value() || to < *keys.to) keys.to = std::move(to);
  }
  return keys;
}

}  // namespace

std::string DocumentKey::ToString() const {
  return is_number() ? absl::StrCat(number()) : text();
}

absl::StatusOr<std::optional<std::string>> CollectionReader::Find(
    const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, Encode(key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> value, table_.Find(encoded));
  if (!value.has_value()) return std::optional<std::string>();
  SHEAF_ASSIGN_OR_RETURN(const std::string_view json,
                         document::DecodeJsonDocument(value->view()));
  return std::optional<std::string>(json);
}

absl::StatusOr<std::string> CollectionReader::Get(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<std::string> json, Find(key));
  if (json.has_value()) return *std::move(json);
  return absl::NotFoundError(
      absl::StrCat(name(), ": no document with key ", key.ToString()));
}

absl::StatusOr<bool> CollectionReader::Contains(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, Encode(key));
  return table_.Contains(encoded);
}

absl::StatusOr<uint64_t> CollectionReader::size() const { return table_.size(); }

absl::Status CollectionReader::ForEach(const DocumentRange& range, DocumentFn fn) const {
  SHEAF_ASSIGN_OR_RETURN(const KeyRange keys, ToKeyRange(range));
  absl::Status status;
  const auto visit = [&](std::string_view bytes, std::string_view value) {
    absl::StatusOr<DocumentKey> key = Decode(bytes);
    absl::StatusOr<std::string_view> json = document::DecodeJsonDocument(value);
    status = key.ok() ? json.status() : key.status();
    return status.ok() && fn(*key, *json);
  };
  SHEAF_RETURN_IF_ERROR(range.reverse ? table_.ForEachReverse(keys, visit)
                                      : table_.ForEach(keys, visit));
  return status.ok() ? status : internal::At(name(), status);
}

absl::Status Collection::NoteNumber(const DocumentKey& key) {
  if (!key.is_number()) return absl::OkStatus();
  catalog::OpenTree* const open = table_.state_->open;
  const uint64_t counter = static_cast<uint64_t>(key.number()) + kSign;
  return counter > open->record().counter ? open->SetCounter(counter) : absl::OkStatus();
}

absl::Status Collection::Put(const DocumentKey& key, std::string_view json) {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, Encode(key));
  SHEAF_ASSIGN_OR_RETURN(const std::string value, Checked(json));
  SHEAF_RETURN_IF_ERROR(table_.Put(encoded, value));
  return NoteNumber(key);
}

absl::Status Collection::Insert(const DocumentKey& key, std::string_view json) {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, Encode(key));
  SHEAF_ASSIGN_OR_RETURN(const std::string value, Checked(json));
  SHEAF_RETURN_IF_ERROR(table_.Insert(encoded, value));
  return NoteNumber(key);
}

absl::Status Collection::Replace(const DocumentKey& key, std::string_view json) {
  SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(key));
  if (there) return Put(key, json);
  return absl::NotFoundError(
      absl::StrCat(name(), ": no document with key ", key.ToString()));
}

absl::StatusOr<int64_t> Collection::Append(std::string_view json) {
  if (table_.state_ == nullptr) return internal::TransactionState::Ended();
  SHEAF_RETURN_IF_ERROR(table_.state_->Live());
  const uint64_t counter = table_.state_->open->record().counter;
  if (counter == std::numeric_limits<uint64_t>::max())
    return absl::ResourceExhaustedError(
        absl::StrCat(name(), ": the largest integer key is in use"));
  const int64_t key = counter == 0 ? 1 : static_cast<int64_t>(counter + 1 - kSign);
  SHEAF_RETURN_IF_ERROR(Insert(key, json));
  return key;
}

absl::StatusOr<bool> Collection::Delete(const DocumentKey& key) {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, Encode(key));
  return table_.Delete(encoded);
}

}  // namespace sheaf
