#include "sheaf/collection.h"

#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "api/internal/vector_fields.h"
#include "catalog/tick.h"
#include "document/collection_codec.h"
#include "document/index_entry.h"
#include "document/json_codec.h"
#include "pager/status_macros.h"

namespace sheaf {

using document::NameTable;
using document::Schema;
using internal::CollectionState;
using SchemaRef = std::shared_ptr<const Schema>;

namespace {

// A collection's counter holds its largest integer key plus 2^63; 0: it never had
// one (or only the smallest there is, which says the same).
constexpr uint64_t kSign = uint64_t{1} << 63;

absl::StatusOr<KeyRange> ToKeyRange(const DocumentRange& range) {
  KeyRange keys;
  keys.from = std::string(document::kSchemaKeysEnd);
  if (range.prefix.has_value())
    keys = KeyRange::Prefix(document::EncodeTextKeyPrefix(*range.prefix));
  if (range.from.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(std::string from, internal::EncodeKey(*range.from));
    if (!keys.from.has_value() || from > *keys.from) keys.from = std::move(from);
  }
  if (range.to.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(std::string to, internal::EncodeKey(*range.to));
    if (!keys.to.has_value() || to < *keys.to) keys.to = std::move(to);
  }
  return keys;
}

std::shared_ptr<const NameTable> NamesOf(const SchemaRef& schema) {
  return {schema, &schema->names()};
}

// Of this collection's names.
absl::StatusOr<std::string> ToBytes(std::string_view json, NameTable* names) {
  return document::JsonToBinary(json, names);
}
absl::StatusOr<std::string> ToBytes(const Document& document, NameTable* names) {
  document::Writer writer(names);
  writer.Copy(document.root());
  return writer.Finish();
}
struct Encoded {
  std::string_view bytes;
};
absl::StatusOr<std::string_view> ToBytes(const Encoded& document, NameTable*) {
  return document.bytes;
}

}  // namespace

namespace internal {

std::optional<DocumentKey> KeyOf(const DocumentView& value) {
  switch (value.kind()) {
    case DocumentKind::kString:
      return DocumentKey(value.string_value());
    case DocumentKind::kInt:
      return DocumentKey(value.int_value());
    case DocumentKind::kBytes:
      return DocumentKey::Bytes(value.bytes_value());
    default:
      return std::nullopt;
  }
}

absl::StatusOr<std::string> EncodeKey(const DocumentKey& key) {
  if (key.is_number()) return document::EncodeNumberKey(key.number());
  if (key.is_uuid()) return document::EncodeUuidKey(key.uuid().bytes);
  if (key.is_bytes()) return document::EncodeBytesKey(key.bytes());
  return document::EncodeTextKey(key.text());
}

absl::StatusOr<DocumentKey> DecodeKey(std::string_view bytes) {
  SHEAF_ASSIGN_OR_RETURN(const document::CollectionKey key,
                         document::DecodeCollectionKey(bytes));
  if (const int64_t* number = std::get_if<int64_t>(&key)) return DocumentKey(*number);
  if (const auto* uuid = std::get_if<document::Uuid>(&key))
    return DocumentKey(Uuid{*uuid});
  if (const auto* other = std::get_if<document::BytesKey>(&key))
    return DocumentKey::Bytes(other->bytes);
  return DocumentKey(std::get<std::string_view>(key));
}

absl::StatusOr<SchemaRef> CollectionState::Schema() const {
  if (writer != nullptr) {
    SHEAF_RETURN_IF_ERROR(tree->Live());
    SHEAF_ASSIGN_OR_RETURN(SchemaRef written, writer->schema());
    return written;
  }
  if (schema == nullptr) {
    SHEAF_RETURN_IF_ERROR(tree->Live());
    const catalog::TreeView view(tree->txn->rep->store.get(), &*tree->txn->snapshot,
                                 &tree->record);
    SHEAF_ASSIGN_OR_RETURN(schema, tree->txn->rep->schemas.Get(view));
  }
  return schema;
}

}  // namespace internal

DocumentKey DocumentKey::Bytes(std::string_view bytes) {
  DocumentKey key(0);
  key.key_ = ByteString{std::string(bytes)};
  return key;
}

std::string DocumentKey::ToString() const {
  if (is_number()) return absl::StrCat(number());
  if (is_uuid()) return uuid().ToString();
  return is_bytes() ? absl::BytesToHexString(bytes()) : text();
}

// --- CollectionReader ---------------------------------------------------------

namespace {

absl::Status CheckHandle(const CollectionState* state) {
  return state == nullptr ? internal::TransactionState::Ended() : absl::OkStatus();
}

}  // namespace

CollectionReader::CollectionReader(std::shared_ptr<CollectionState> state)
    : state_(std::move(state)) {}

const std::string& CollectionReader::name() const {
  static const std::string kNone;
  return state_ == nullptr ? kNone : state_->tree->name;
}

absl::StatusOr<std::optional<Document>> CollectionReader::FindDocument(
    const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  SHEAF_ASSIGN_OR_RETURN(std::optional<Value> value, state_->table.Find(encoded));
  if (!value.has_value()) return std::optional<Document>();
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema, state_->Schema());
  // What older files hold as text is read here; documents of now need no table.
  std::shared_ptr<NameTable> text_names;
  if (!document::IsBinary(static_cast<const Value&>(*value).view()))
    text_names = std::make_shared<NameTable>();
  std::string buffer;
  DocumentView root;
  const absl::Status opened =
      document::OpenDocument(static_cast<const Value&>(*value).view(), schema->names(),
                             text_names.get(), &buffer, &root);
  if (!opened.ok()) return internal::At(name(), opened);
  if (text_names != nullptr)
    return std::optional<Document>(Document(std::move(buffer), std::move(text_names)));
  return std::optional<Document>(Document(*std::move(value), NamesOf(schema)));
}

absl::StatusOr<Document> CollectionReader::GetDocument(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<Document> document, FindDocument(key));
  if (document.has_value()) return *std::move(document);
  return absl::NotFoundError(
      absl::StrCat(name(), ": no document with key ", key.ToString()));
}

absl::StatusOr<bool> CollectionReader::Visit(
    const DocumentKey& key, absl::FunctionRef<void(const DocumentView&)> fn) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  return VisitEncoded(encoded, fn);
}

namespace {

// What was found: where it lies, if that is a page that stays, or in `*value`.
absl::StatusOr<std::string_view> ContentsOf(const internal::TableState& table,
                                            btree::Found* found, Value* value) {
  if (!found->is_large && !table.encoded() && table.open == nullptr) return found->bytes;
  SHEAF_ASSIGN_OR_RETURN(*value, table.ToValue(found));
  return static_cast<const Value&>(*value).view();
}

absl::Status ShowStored(std::string_view stored, const Schema& schema,
                        const std::string& name,
                        absl::FunctionRef<void(const DocumentView&)> fn) {
  std::optional<NameTable> text_names;  // as in FindDocument
  if (!document::IsBinary(stored)) text_names.emplace();
  std::string buffer;
  DocumentView root;
  const absl::Status opened = document::OpenDocument(
      stored, schema.names(), text_names ? &*text_names : nullptr, &buffer, &root);
  if (!opened.ok()) return internal::At(name, opened);
  fn(root);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<bool> CollectionReader::VisitEncoded(
    std::string_view key, absl::FunctionRef<void(const DocumentView&)> fn) const {
  btree::Found found;
  SHEAF_ASSIGN_OR_RETURN(const bool there, state_->tree->Find(key, &found));
  if (!there) return false;
  Value value;
  SHEAF_ASSIGN_OR_RETURN(const std::string_view stored,
                         ContentsOf(*state_->tree, &found, &value));
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema, state_->Schema());
  SHEAF_RETURN_IF_ERROR(ShowStored(stored, *schema, name(), fn));
  return true;
}

absl::Status CollectionReader::VisitMany(
    absl::Span<const DocumentKey> keys,
    absl::FunctionRef<void(size_t i, const DocumentView& document)> fn) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const std::shared_ptr<CollectionState> state = state_;  // whatever `fn` does
  const internal::TableState& table = *state->tree;
  constexpr size_t kAtOnce = 16;
  std::string encoded[kAtOnce];
  std::string_view wanted[kAtOnce], stored[kAtOnce];
  for (size_t at = 0; at < keys.size(); at += kAtOnce) {
    const size_t n = std::min(kAtOnce, keys.size() - at);
    for (size_t i = 0; i < n; ++i) {
      SHEAF_ASSIGN_OR_RETURN(encoded[i], internal::EncodeKey(keys[at + i]));
      wanted[i] = encoded[i];
    }
    // All that is read of these is read first: `fn` may change them, or end the transaction.
    btree::Found found[kAtOnce];
    Value values[kAtOnce];
    SHEAF_RETURN_IF_ERROR(table.FindMany({wanted, n}, {found, n}));
    SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema, state->Schema());
    for (size_t i = 0; i < n; ++i) {
      if (!found[i].found) continue;
      SHEAF_ASSIGN_OR_RETURN(stored[i], ContentsOf(table, &found[i], &values[i]));
    }
    for (size_t i = 0; i < n; ++i)
      if (found[i].found)
        SHEAF_RETURN_IF_ERROR(
            ShowStored(stored[i], *schema, table.name,
                       [&](const DocumentView& root) { fn(at + i, root); }));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> CollectionReader::Find(
    const DocumentKey& key) const {
  std::string json;
  absl::Status written;
  SHEAF_ASSIGN_OR_RETURN(const bool there, Visit(key, [&](const DocumentView& root) {
                           written = document::AppendJson(root, &json);
                         }));
  if (!written.ok()) return internal::At(name(), written);
  if (!there) return std::optional<std::string>();
  return std::optional<std::string>(std::move(json));
}

absl::StatusOr<std::string> CollectionReader::Get(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<std::string> json, Find(key));
  if (json.has_value()) return *std::move(json);
  return absl::NotFoundError(
      absl::StrCat(name(), ": no document with key ", key.ToString()));
}

absl::StatusOr<std::string> CollectionReader::KeyInUnique(
    std::string_view index, std::initializer_list<IndexValue> values) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema, state_->Schema());
  const document::Index* const there = schema->FindIndex(index);
  const auto fail = [&](absl::StatusCode code, std::string_view what) {
    return absl::Status(code, absl::StrCat(name(), ": index ", std::string(index), ": ",
                                           std::string(what)));
  };
  if (there == nullptr) return fail(absl::StatusCode::kInvalidArgument, "there is none");
  if (!there->definition.unique)
    return fail(absl::StatusCode::kInvalidArgument, "it is not unique; use Query");
  if (values.size() != there->paths.size())
    return fail(absl::StatusCode::kInvalidArgument,
                absl::StrCat("it has ", there->paths.size(), " fields, and there are ",
                             values.size(), " values"));
  if (there->state != IndexState::kReady)
    return fail(absl::StatusCode::kFailedPrecondition, "it is not ready");
  if (there->disabled)
    return fail(absl::StatusCode::kFailedPrecondition, "it is disabled");
  SHEAF_ASSIGN_OR_RETURN(const catalog::TreeView* const tree, state_->OpenIndex(*there));
  const std::string wanted = document::ValuesOf(*there, values);
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(tree->reader().Find(wanted, &found));
  if (!found.found) return std::string();
  std::string buffer;
  std::string_view value;
  SHEAF_RETURN_IF_ERROR(tree->ValueOf(found, &buffer, &value));
  SHEAF_ASSIGN_OR_RETURN(const document::EntryView entry,
                         document::DecodeEntry(*there, wanted, value));
  return std::string(entry.document_key);
}

absl::StatusOr<std::optional<DocumentKey>> CollectionReader::FindUnique(
    std::string_view index, std::initializer_list<IndexValue> values) const {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, KeyInUnique(index, values));
  if (encoded.empty()) return std::optional<DocumentKey>();
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, state_->tree->IsHidden(encoded));
  if (hidden) return std::optional<DocumentKey>();
  SHEAF_ASSIGN_OR_RETURN(DocumentKey key, internal::DecodeKey(encoded));
  return std::optional<DocumentKey>(std::move(key));
}

absl::StatusOr<bool> CollectionReader::VisitUnique(
    std::string_view index, std::initializer_list<IndexValue> values,
    absl::FunctionRef<void(const DocumentKey&, const DocumentView&)> fn) const {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, KeyInUnique(index, values));
  if (encoded.empty()) return false;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, internal::DecodeKey(encoded));
  return VisitEncoded(encoded, [&](const DocumentView& root) { fn(key, root); });
}

absl::StatusOr<bool> CollectionReader::Contains(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  return state_->table.Contains(encoded);
}

absl::StatusOr<uint64_t> CollectionReader::size() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t entries, state_->table.size());
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema, state_->Schema());
  return entries - schema->rows();
}

absl::StatusOr<uint64_t> CollectionReader::size_with_expired() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t entries, state_->table.size_with_expired());
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema, state_->Schema());
  return entries - schema->rows();
}

absl::StatusOr<absl::Time> CollectionReader::ExpiresAt(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  return state_->table.ExpiresAt(encoded);
}

absl::StatusOr<Expiry> CollectionReader::DefaultExpiry() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->table.DefaultExpiry();
}

absl::Status CollectionReader::ForEachDocument(const DocumentRange& range,
                                               DocumentFn fn) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const KeyRange keys, ToKeyRange(range));
  NameTable text_names;
  std::string buffer;
  absl::Status status;
  const auto visit = [&](std::string_view bytes, std::string_view value) {
    // A writer's may grow from one document to the next.
    const absl::StatusOr<SchemaRef> schema = state_->Schema();
    const absl::StatusOr<DocumentKey> key = internal::DecodeKey(bytes);
    DocumentView root;
    status = schema.ok() ? key.status() : schema.status();
    if (status.ok())
      status =
          document::OpenDocument(value, (*schema)->names(), &text_names, &buffer, &root);
    return status.ok() && fn(*key, root);
  };
  SHEAF_RETURN_IF_ERROR(range.reverse ? state_->table.ForEachReverse(keys, visit)
                                      : state_->table.ForEach(keys, visit));
  return status.ok() ? status : internal::At(name(), status);
}

absl::Status CollectionReader::ForEach(const DocumentRange& range, JsonFn fn) const {
  std::string json;
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(
      ForEachDocument(range, [&](const DocumentKey& key, const DocumentView& document) {
        json.clear();
        status = document::AppendJson(document, &json);
        return status.ok() && fn(key, json);
      }));
  return status.ok() ? status : internal::At(name(), status);
}

absl::StatusOr<std::vector<IndexInfo>> CollectionReader::Indexes() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  if (state_->writer != nullptr) return state_->writer->ListIndexes();
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema, state_->Schema());
  std::vector<IndexInfo> infos;
  for (const document::Index& index : schema->indexes()) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<catalog::TreeRecord> record,
                           state_->tree->txn->snapshot->FindTree(index.tree));
    infos.push_back({index.definition, index.state,
                     record.has_value() ? record->root.entries : 0, index.through_arrays,
                     index.disabled});
  }
  return infos;
}

// --- Collection ---------------------------------------------------------------

absl::Status Collection::NoteNumber(const DocumentKey& key) {
  if (!key.is_number()) return absl::OkStatus();
  catalog::OpenTree* const open = state_->tree->open;
  const uint64_t counter = static_cast<uint64_t>(key.number()) + kSign;
  return counter > open->record().counter ? open->SetCounter(counter) : absl::OkStatus();
}

template <class Source>
absl::Status Collection::Write(const DocumentKey& key, const Source& source, Mode mode,
                               const catalog::ExpiryChange& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  if (mode == Mode::kReplace) {
    SHEAF_ASSIGN_OR_RETURN(const bool there, state_->table.Contains(encoded));
    if (!there)
      return absl::NotFoundError(
          absl::StrCat(name(), ": no document with key ", key.ToString()));
  }
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Schema> schema, state_->writer->schema());
  const auto bytes = ToBytes(source, &schema->names());
  bool existed = false;
  absl::Status put = bytes.status();
  if (put.ok())
    put = state_->writer->Put(encoded, *bytes,
                              mode == Mode::kInsert ? btree::BTree::PutMode::kInsertOnly
                                                    : btree::BTree::PutMode::kUpsert,
                              &existed, expiry);
  if (put.ok() && existed && mode == Mode::kInsert)
    put = absl::AlreadyExistsError(
        absl::StrCat("the key ", key.ToString(), " exists already"));
  if (put.ok()) return NoteNumber(key);
  schema->ForgetNewNames();
  return bytes.ok() ? internal::At(name(), put) : put;
}

template <class Source>
absl::Status Collection::WriteExpiring(const DocumentKey& key, const Source& source,
                                       Mode mode, const std::optional<Expiry>& expiry) {
  catalog::ExpiryChange change;
  if (expiry.has_value()) {
    SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
    SHEAF_ASSIGN_OR_RETURN(change, state_->tree->ToChange(*expiry));
  }
  return Write(key, source, mode, change);
}

absl::Status Collection::Put(const DocumentKey& key, std::string_view json,
                             const std::optional<Expiry>& expiry) {
  return WriteExpiring(key, json, Mode::kUpsert, expiry);
}
absl::Status Collection::Put(const DocumentKey& key, const Document& document,
                             const std::optional<Expiry>& expiry) {
  return WriteExpiring(key, document, Mode::kUpsert, expiry);
}
absl::Status Collection::Insert(const DocumentKey& key, std::string_view json,
                                const std::optional<Expiry>& expiry) {
  return WriteExpiring(key, json, Mode::kInsert, expiry);
}
absl::Status Collection::Insert(const DocumentKey& key, const Document& document,
                                const std::optional<Expiry>& expiry) {
  return WriteExpiring(key, document, Mode::kInsert, expiry);
}
absl::Status Collection::Replace(const DocumentKey& key, std::string_view json,
                                 const std::optional<Expiry>& expiry) {
  return WriteExpiring(key, json, Mode::kReplace, expiry);
}
absl::Status Collection::Replace(const DocumentKey& key, const Document& document,
                                 const std::optional<Expiry>& expiry) {
  return WriteExpiring(key, document, Mode::kReplace, expiry);
}

template <class Source>
absl::StatusOr<int64_t> Collection::AppendFrom(const Source& source) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  const uint64_t counter = state_->tree->open->record().counter;
  if (counter == std::numeric_limits<uint64_t>::max())
    return absl::ResourceExhaustedError(
        absl::StrCat(name(), ": the largest integer key is in use"));
  const int64_t key = counter == 0 ? 1 : static_cast<int64_t>(counter + 1 - kSign);
  SHEAF_RETURN_IF_ERROR(Write(key, source, Mode::kInsert, {}));
  return key;
}

absl::StatusOr<int64_t> Collection::Append(std::string_view json) {
  return AppendFrom(json);
}
absl::StatusOr<int64_t> Collection::Append(const Document& document) {
  return AppendFrom(document);
}

absl::Status Collection::PutEncoded(const std::optional<DocumentKey>& key,
                                    std::string_view bytes) {
  if (key.has_value()) return Write(*key, Encoded{bytes}, Mode::kUpsert, {});
  return AppendFrom(Encoded{bytes}).status();
}

absl::StatusOr<Uuid> Collection::Add(std::string_view json) {
  const Uuid key = Uuid::Next();
  SHEAF_RETURN_IF_ERROR(Insert(key, json));
  return key;
}
absl::StatusOr<Uuid> Collection::Add(const Document& document) {
  const Uuid key = Uuid::Next();
  SHEAF_RETURN_IF_ERROR(Insert(key, document));
  return key;
}

absl::StatusOr<bool> Collection::Delete(const DocumentKey& key) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  return state_->writer->Delete(encoded);
}

absl::Status Collection::PutKeepingExpiry(const DocumentKey& key,
                                          const Document& document) {
  return Write(key, document, Mode::kUpsert, catalog::ExpiryChange::Keep());
}

absl::Status Collection::SetExpiry(const DocumentKey& key, const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  return state_->table.SetExpiry(encoded, expiry);
}

absl::StatusOr<bool> Collection::Touch(const DocumentKey& key) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, internal::EncodeKey(key));
  return state_->table.Touch(encoded);
}

absl::Status Collection::SetDefaultExpiry(const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->table.SetDefaultExpiry(expiry);
}

absl::Status Collection::CreateIndex(const IndexDefinition& definition,
                                     const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  IndexDefinition complete = definition;
  SHEAF_RETURN_IF_ERROR(complete.Complete());
  document::CollectionWriter& writer = *state_->writer;
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Schema> schema, writer.schema());
  const bool is_new = schema->FindIndex(complete.name) == nullptr;
  absl::Status built = writer.BeginIndex(complete);
  if (!built.ok()) return internal::At(name(), built);
  constexpr uint64_t kBytesAtOnce = 128 << 20;
  SHEAF_ASSIGN_OR_RETURN(const uint64_t total, writer.size());
  std::string after;
  uint64_t done = 0;
  for (bool ready = false; built.ok() && !ready;) {
    const absl::StatusOr<bool> some =
        writer.ContinueIndex(complete.name, kBytesAtOnce, &after, &done);
    built = some.status();
    ready = some.ok() && *some;
    if (built.ok() && !ready)
      built = catalog::Tick(progress, "the index", {done, total, "documents indexed"});
  }
  if (built.ok()) return built;
  if (is_new) SHEAF_RETURN_IF_ERROR(writer.DropIndex(complete.name));
  return internal::At(name(), built);
}

absl::Status Collection::CreateVectorIndex(std::string_view name, std::string_view path,
                                           const VectorOptions& options,
                                           const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  return internal::VectorFields::Create(*this, name, path, options, progress);
}

absl::Status Collection::DropIndex(std::string_view name) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  const absl::Status dropped = state_->writer->DropIndex(name);
  return dropped.ok() ? dropped : internal::At(this->name(), dropped);
}

absl::Status Collection::RebuildIndex(std::string_view name) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  const absl::Status rebuilt = state_->writer->RebuildIndex(name);
  return rebuilt.ok() ? rebuilt : internal::At(this->name(), rebuilt);
}

absl::Status Collection::DisableIndex(std::string_view name) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  const absl::Status disabled = state_->writer->DisableIndex(name);
  return disabled.ok() ? disabled : internal::At(this->name(), disabled);
}

absl::Status Collection::EnableIndex(std::string_view name) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->tree->Live());
  const absl::Status enabled = state_->writer->EnableIndex(name);
  return enabled.ok() ? enabled : internal::At(this->name(), enabled);
}

}  // namespace sheaf
