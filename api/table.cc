#include "sheaf/table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "btree/large_value.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf {

using btree::Found;
using internal::CheckHandle;
using internal::CursorState;
using internal::TableState;

namespace internal {

absl::Status At(const std::string& name, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
}

void UnpinPage(void* pager, uint64_t page) {
  static_cast<pager::BufferManager*>(pager)->Unpin(page);
}

absl::Status TransactionState::Ended() {
  return absl::FailedPreconditionError(
      "the transaction of this handle has ended, or there never was one");
}

absl::Status TransactionState::Orphaned() {
  return absl::FailedPreconditionError("the database of this handle is closed");
}

namespace {

std::unique_ptr<char[]> NewBytes(size_t size) {
  return std::unique_ptr<char[]>(new char[std::max<size_t>(size, 1)]);
}

absl::StatusOr<Value> LoadLarge(pager::Pager* pager, const btree::LargeRef& large,
                                bool copy) {
  if (large.size() <= btree::kChunkBytes && large.tail.empty() && !copy) {
    SHEAF_ASSIGN_OR_RETURN(const char* page, pager->buffer().Pin(large.page));
    pager::PinnedPage pin(&pager->buffer(), large.page.id, page);
    char last = 0;  // verifies the page's kind and size
    if (large.in_pages > 0)
      SHEAF_RETURN_IF_ERROR(
          btree::ReadLarge(pager, large, large.in_pages - 1, absl::MakeSpan(&last, 1)));
    return Value::Pinned({page + pager::PageHeader::kSize, large.in_pages},
                         &pager->buffer(), pin.Release());
  }
  // The last byte first: only a value whose pages are there gets memory.
  char last = 0;
  if (large.in_pages > 0)
    SHEAF_RETURN_IF_ERROR(
        btree::ReadLarge(pager, large, large.in_pages - 1, absl::MakeSpan(&last, 1)));
  std::unique_ptr<char[]> bytes = NewBytes(large.size());
  SHEAF_RETURN_IF_ERROR(
      btree::ReadLarge(pager, large, 0, absl::MakeSpan(bytes.get(), large.size())));
  return Value::Owned(std::move(bytes), large.size());
}

Value CopyOf(std::string_view bytes) {
  std::unique_ptr<char[]> copy = NewBytes(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return Value::Owned(std::move(copy), bytes.size());
}

}  // namespace

absl::Status TableState::OpenStored(std::string_view stored, std::string* buffer,
                                    std::string_view* out) const {
  if (open != nullptr) return open->Open(stored, buffer, out);
  const auto load = [&](uint32_t version) -> absl::StatusOr<catalog::DictionaryRef> {
    SHEAF_RETURN_IF_ERROR(txn->Live());
    return txn->rep->store->dictionaries().Get(
        txn->context(), txn->snapshot->version().catalog, record.id, version);
  };
  absl::Status status = opener.Open(stored, load, buffer, out);
  return status.ok() ? status : At(name, status);
}

absl::StatusOr<bool> TableState::Find(std::string_view key, Found* found) const {
  SHEAF_RETURN_IF_ERROR(Live());
  SHEAF_RETURN_IF_ERROR(reader().Find(key, found));
  if (!found->found) return false;
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, IsHidden(key));
  return !hidden;
}

absl::Status TableState::FindMany(absl::Span<const std::string_view> keys,
                                  absl::Span<Found> found) const {
  SHEAF_RETURN_IF_ERROR(Live());
  SHEAF_RETURN_IF_ERROR(reader().FindMany(keys, found));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!found[i].found) continue;
    SHEAF_ASSIGN_OR_RETURN(const bool hidden, IsHidden(keys[i]));
    found[i].found = !hidden;
  }
  return absl::OkStatus();
}

// In a write transaction the page may change in place, so the bytes are copied.
absl::StatusOr<Value> TableState::ToValue(Found* found) const {
  pager::Pager* const pager = txn->context().pager;
  const bool copies = open != nullptr;
  if (!encoded()) [[likely]] {
    if (found->is_large) return LoadLarge(pager, found->large, copies);
    if (copies) return CopyOf(found->bytes);
    const std::string_view bytes = found->bytes;
    return Value::Pinned(bytes, &pager->buffer(), found->pin.Release());
  }
  std::string buffer;
  std::string_view stored = found->bytes, bytes;
  Value large;
  if (found->is_large) {
    SHEAF_ASSIGN_OR_RETURN(large, LoadLarge(pager, found->large, copies));
    stored = large.view();
  }
  SHEAF_RETURN_IF_ERROR(OpenStored(stored, &buffer, &bytes));
  if (bytes.data() == buffer.data()) return CopyOf(bytes);
  if (found->is_large) {
    large.RemovePrefix(stored.size() - bytes.size());
    return large;
  }
  if (copies) return CopyOf(bytes);
  return Value::Pinned(bytes, &pager->buffer(), found->pin.Release());
}

std::string_view CursorState::OpenHere(std::string_view stored) {
  std::string_view value;
  absl::Status opened = table->OpenStored(stored, &value_copy, &value);
  if (opened.ok()) {
    if (value.data() == value_copy.data()) NoteCopy();
    return value;
  }
  cursor->Fail(std::move(opened));
  return {};
}

bool CursorState::Live() {
  if (!cursor.has_value()) return false;
  copied_at.reset();
  if (table->open == nullptr && table->txn->IsLive()) [[likely]]
    return true;
  if (absl::Status live = table->Live(); !live.ok()) {
    cursor->Fail(std::move(live));
    return false;
  }
  return true;
}

}  // namespace internal

KeyRange KeyRange::Prefix(std::string_view prefix) {
  KeyRange range;
  if (prefix.empty()) return range;
  range.from = std::string(prefix);
  std::string to(prefix);
  while (!to.empty() && static_cast<unsigned char>(to.back()) == 0xff) to.pop_back();
  if (!to.empty()) {
    to.back() = static_cast<char>(static_cast<unsigned char>(to.back()) + 1);
    range.to = std::move(to);
  }
  return range;
}

// --- Cursor -----------------------------------------------------------------

namespace {

constexpr auto kUp = CursorState::Direction::kUp;
constexpr auto kDown = CursorState::Direction::kDown;

}  // namespace

Cursor::Cursor(std::unique_ptr<CursorState> state) : state_(std::move(state)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

bool Cursor::SeekFirst() {
  return state_->Live() && state_->Skip(state_->cursor->SeekFirst(), kUp);
}
bool Cursor::SeekLast() {
  return state_->Live() && state_->Skip(state_->cursor->SeekLast(), kDown);
}
bool Cursor::Seek(std::string_view key) {
  return state_->Live() && state_->Skip(state_->cursor->Seek(key), kUp);
}
bool Cursor::SeekAtOrBefore(std::string_view key) {
  return state_->Live() && state_->Skip(state_->cursor->SeekAtOrBefore(key), kDown);
}
bool Cursor::Next() {
  return state_->Live() && Valid() && state_->Skip(state_->cursor->Next(), kUp);
}
bool Cursor::Prev() {
  return state_->Live() && Valid() && state_->Skip(state_->cursor->Prev(), kDown);
}
bool Cursor::Valid() const {
  return state_->cursor.has_value() && state_->cursor->Valid();
}

const absl::Status& Cursor::status() const {
  return state_->cursor.has_value() ? state_->cursor->status() : state_->status;
}

std::string_view Cursor::key() const { return state_->cursor->key(); }

uint64_t Cursor::value_size() const {
  const CursorState& s = *state_;
  if (!Valid() || !s.cursor->Fresh()) return 0;
  const btree::NodeView::LeafValue v = s.cursor->value();
  if (!s.table->encoded()) return v.size;
  if (!s.table->Live().ok()) return 0;
  const auto head = catalog::ReadHead(s.table->txn->context().pager, v);
  return head.ok() ? head->size : 0;
}

std::string_view Cursor::value() {
  CursorState& s = *state_;
  if (s.HasCopy()) return s.value_copy;
  if (s.cursor->Fresh()) {
    const btree::NodeView::LeafValue v = s.cursor->value();
    if (!v.is_large && !s.table->encoded()) return v.bytes;
    if (!v.is_large) return s.OpenHere(v.bytes);
  }
  // A large value, or one whose table changed since the cursor came here.
  if (!s.Live()) return {};
  Found found;
  absl::Status status = s.table->reader().Find(s.cursor->key(), &found);
  if (status.ok() && found.found) {
    absl::StatusOr<Value> value = s.table->ToValue(&found);
    status = value.status();
    if (status.ok()) s.value_copy.assign(value->data(), value->size());
  } else {
    s.value_copy.clear();
  }
  if (!status.ok()) {
    s.cursor->Fail(std::move(status));
    return {};
  }
  s.NoteCopy();
  return s.value_copy;
}

// --- TableReader ------------------------------------------------------------

TableReader::TableReader(std::shared_ptr<TableState> state) : state_(std::move(state)) {}

absl::StatusOr<std::optional<Value>> TableReader::Find(std::string_view key) const {
  if (state_ == nullptr) return internal::TransactionState::Ended();
  Found found;
  SHEAF_ASSIGN_OR_RETURN(const bool there, state_->Find(key, &found));
  if (!there) return std::optional<Value>();
  SHEAF_ASSIGN_OR_RETURN(Value value, state_->ToValue(&found));
  return std::optional<Value>(std::move(value));
}

absl::StatusOr<Value> TableReader::Get(std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<Value> value, Find(key));
  if (value.has_value()) return *std::move(value);
  return absl::NotFoundError(absl::StrCat(state_->name, ": no such key"));
}

absl::StatusOr<bool> TableReader::Contains(std::string_view key) const {
  if (state_ == nullptr) return internal::TransactionState::Ended();
  Found found;
  return state_->Find(key, &found);
}

absl::Status TableReader::MultiGet(absl::Span<const std::string_view> keys,
                                   absl::Span<std::optional<Value>> out) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  if (keys.size() != out.size())
    return absl::InvalidArgumentError(
        absl::StrCat("out: has ", out.size(), " places for ", keys.size(), " keys"));
  constexpr size_t kAtOnce = 16;
  Found found[kAtOnce];
  for (size_t at = 0; at < keys.size(); at += kAtOnce) {
    const size_t n = std::min(kAtOnce, keys.size() - at);
    SHEAF_RETURN_IF_ERROR(state_->FindMany(keys.subspan(at, n), {found, n}));
    for (size_t i = 0; i < n; ++i) {
      out[at + i].reset();
      if (!found[i].found) continue;
      SHEAF_ASSIGN_OR_RETURN(out[at + i], state_->ToValue(&found[i]));
      found[i].pin.Reset();
    }
  }
  return absl::OkStatus();
}

namespace {

// Of an encoded value: is it there as it is, behind its tag?
absl::StatusOr<bool> IsAsIs(const TableState& table, const Found& found) {
  char tag[1] = {};
  std::string_view head = found.bytes;
  if (found.is_large) {
    SHEAF_RETURN_IF_ERROR(btree::ReadLarge(table.txn->context().pager, found.large, 0,
                                           absl::MakeSpan(tag)));
    head = {tag, 1};
  }
  return pager::ValueCodec::IsAsIs(head);
}

}  // namespace

absl::StatusOr<uint64_t> TableReader::ReadRange(std::string_view key, uint64_t offset,
                                                absl::Span<char> out) const {
  if (state_ == nullptr) return internal::TransactionState::Ended();
  Found found;
  SHEAF_ASSIGN_OR_RETURN(const bool there, state_->Find(key, &found));
  if (!there) return absl::NotFoundError(absl::StrCat(state_->name, ": no such key"));
  if (state_->encoded()) {
    SHEAF_ASSIGN_OR_RETURN(const bool as_is, IsAsIs(*state_, found));
    if (!as_is) {
      SHEAF_ASSIGN_OR_RETURN(const Value value, state_->ToValue(&found));
      if (offset >= value.size()) return 0;
      const uint64_t n = std::min<uint64_t>(out.size(), value.size() - offset);
      std::memcpy(out.data(), value.data() + offset, n);
      return n;
    }
    offset = offset < found.size() ? offset + 1 : offset;
  }
  if (offset >= found.size()) return 0;
  const uint64_t n = std::min<uint64_t>(out.size(), found.size() - offset);
  if (found.is_large) {
    SHEAF_RETURN_IF_ERROR(btree::ReadLarge(state_->txn->context().pager, found.large,
                                           offset, out.subspan(0, n)));
  } else {
    std::memcpy(out.data(), found.bytes.data() + offset, n);
  }
  return n;
}

Cursor TableReader::NewCursor() const {
  auto cursor = std::make_unique<CursorState>();
  cursor->status = CheckHandle(state_.get());
  if (cursor->status.ok()) {
    cursor->table = state_;
    cursor->cursor.emplace(state_->txn->context(), &state_->root(),
                           state_->open != nullptr ? state_->open->changes() : nullptr);
  }
  return Cursor(std::move(cursor));
}

absl::Status TableReader::ForEach(const KeyRange& range, EntryFn fn) const {
  Cursor cursor = NewCursor();
  SHEAF_RETURN_IF_ERROR(cursor.status());
  range.from.has_value() ? cursor.Seek(*range.from) : cursor.SeekFirst();
  for (; cursor.Valid(); cursor.Next()) {
    if (range.to.has_value() && cursor.key() >= *range.to) break;
    const std::string_view value = cursor.value();
    if (!cursor.Valid() || !fn(cursor.key(), value)) break;
  }
  return cursor.status();
}

absl::Status TableReader::ForEachReverse(const KeyRange& range, EntryFn fn) const {
  Cursor cursor = NewCursor();
  SHEAF_RETURN_IF_ERROR(cursor.status());
  if (range.to.has_value()) {
    if (cursor.SeekAtOrBefore(*range.to) && cursor.key() == *range.to) cursor.Prev();
  } else {
    cursor.SeekLast();
  }
  for (; cursor.Valid(); cursor.Prev()) {
    if (range.from.has_value() && cursor.key() < *range.from) break;
    const std::string_view value = cursor.value();
    if (!cursor.Valid() || !fn(cursor.key(), value)) break;
  }
  return cursor.status();
}

absl::StatusOr<uint64_t> TableReader::size() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, state_->HiddenIn({}, nullptr));
  return state_->root().entries - hidden;
}

absl::StatusOr<uint64_t> TableReader::size_with_expired() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->root().entries;
}

absl::StatusOr<uint64_t> TableReader::Count(const KeyRange& range) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  uint64_t below = 0, end = state_->root().entries;
  if (range.from.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(below, state_->reader().Rank(*range.from));
  }
  if (range.to.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(end, state_->reader().Rank(*range.to));
  }
  if (end <= below) return 0;
  SHEAF_ASSIGN_OR_RETURN(
      const uint64_t hidden,
      state_->HiddenIn(range.from.has_value() ? *range.from : std::string_view(),
                       range.to.has_value() ? &*range.to : nullptr));
  return end - below - hidden;
}

absl::StatusOr<std::string> TableReader::KeyAt(uint64_t rank) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, state_->HiddenIn({}, nullptr));
  if (hidden == 0) return state_->reader().KeyAt(rank);
  // The first place with `rank` visible entries before it and one in it.
  uint64_t low = rank, high = rank + hidden;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    absl::StatusOr<std::string> key = state_->reader().KeyAt(middle);
    if (absl::IsOutOfRange(key.status())) {
      high = middle;
      continue;
    }
    SHEAF_RETURN_IF_ERROR(key.status());
    key->push_back('\0');
    SHEAF_ASSIGN_OR_RETURN(const uint64_t before, state_->HiddenIn({}, &*key));
    if (middle + 1 - before > rank)
      high = middle;
    else
      low = middle + 1;
  }
  return state_->reader().KeyAt(low);
}

const std::string& TableReader::name() const {
  static const std::string kNone;
  return state_ == nullptr ? kNone : state_->name;
}

// --- Table ------------------------------------------------------------------

absl::Status Table::Put(std::string_view key, std::string_view value) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  bool existed = false;
  if (!state_->tree().expires) [[likely]]
    return state_->open->Put(key, value, btree::BTree::PutMode::kUpsert, &existed);
  return state_->open->PutExpiring(key, value, catalog::ExpiryChange::Default());
}

absl::Status Table::Insert(std::string_view key, std::string_view value) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  if (state_->tree().expires) {
    SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(key));
    if (!there) return Put(key, value);
  }
  bool existed = false;
  SHEAF_RETURN_IF_ERROR(
      state_->open->Put(key, value, btree::BTree::PutMode::kInsertOnly, &existed));
  if (!existed) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(state_->name, ": the key exists already"));
}

absl::StatusOr<bool> Table::Delete(std::string_view key) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, state_->IsHidden(key));
  if (hidden) return false;  // whoever removes what has expired is told of it
  SHEAF_ASSIGN_OR_RETURN(const bool existed, state_->open->Delete(key));
  if (existed) SHEAF_RETURN_IF_ERROR(state_->open->ClearExpiry(key));
  return existed;
}

absl::Status Table::PutReserved(std::string_view key, uint32_t size,
                                absl::FunctionRef<void(absl::Span<char>)> fill) {
  std::string value(size, '\0');
  fill(absl::MakeSpan(value.data(), size));
  return Put(key, value);
}

absl::Status Table::Update(std::string_view key, UpdateFn fn) {
  SHEAF_ASSIGN_OR_RETURN(std::optional<Value> old, Find(key));
  std::optional<std::string> renewed =
      old.has_value() ? fn(static_cast<const Value&>(*old).view()) : fn(std::nullopt);
  if (renewed.has_value())
    return state_->open->PutExpiring(key, *renewed,
                                     old.has_value() ? catalog::ExpiryChange::Keep()
                                                     : catalog::ExpiryChange::Default());
  return old.has_value() ? Delete(key).status() : absl::OkStatus();
}

absl::StatusOr<uint64_t> Table::DeleteRange(const KeyRange& range) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const std::string from = range.from.value_or(std::string());
  const std::string* const to = range.to.has_value() ? &*range.to : nullptr;
  if (!state_->tree().expires) return state_->open->DeleteRange(from, to);
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, state_->HiddenIn(from, to));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t gone, state_->open->DeleteRange(from, to));
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, state_->Expiries());
  SHEAF_RETURN_IF_ERROR(expiries->ClearRange(from, to));
  return gone - hidden;
}

absl::StatusOr<std::optional<Table::Entry>> Table::PopFirst() {
  Cursor cursor = NewCursor();
  if (!cursor.SeekFirst()) {
    SHEAF_RETURN_IF_ERROR(cursor.status());
    return std::optional<Entry>();
  }
  Entry entry{std::string(cursor.key()), std::string(cursor.value())};
  SHEAF_RETURN_IF_ERROR(cursor.status());
  SHEAF_RETURN_IF_ERROR(Delete(entry.key).status());
  return std::optional<Entry>(std::move(entry));
}

absl::StatusOr<std::optional<Table::Entry>> Table::PopLast() {
  Cursor cursor = NewCursor();
  if (!cursor.SeekLast()) {
    SHEAF_RETURN_IF_ERROR(cursor.status());
    return std::optional<Entry>();
  }
  Entry entry{std::string(cursor.key()), std::string(cursor.value())};
  SHEAF_RETURN_IF_ERROR(cursor.status());
  SHEAF_RETURN_IF_ERROR(Delete(entry.key).status());
  return std::optional<Entry>(std::move(entry));
}

absl::StatusOr<uint64_t> Table::ExtractIf(const KeyRange& range, EntryFn fn) {
  Cursor cursor = NewCursor();
  SHEAF_RETURN_IF_ERROR(cursor.status());
  uint64_t gone = 0;
  range.from.has_value() ? cursor.Seek(*range.from) : cursor.SeekFirst();
  for (; cursor.Valid(); cursor.Next()) {
    if (range.to.has_value() && cursor.key() >= *range.to) break;
    const std::string_view value = cursor.value();
    if (!cursor.Valid()) break;
    if (!fn(cursor.key(), value)) continue;
    SHEAF_RETURN_IF_ERROR(Delete(std::string(cursor.key())).status());
    ++gone;
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  return gone;
}

absl::StatusOr<uint64_t> Table::Retain(const KeyRange& range, EntryFn fn) {
  return ExtractIf(range, [&](std::string_view key, std::string_view value) {
    return !fn(key, value);
  });
}

absl::Status Table::BulkLoad(NextFn next, const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const auto tick = [&](uint64_t done) {
    return catalog::Tick(progress, "the bulk load", {done, 0, "entries loaded"});
  };
  if (!state_->tree().expires) return state_->open->BulkLoad(next, tick);
  SHEAF_ASSIGN_OR_RETURN(const uint64_t visible, size());
  // What is left of what has expired is in nobody's way.
  if (visible == 0) SHEAF_RETURN_IF_ERROR(DeleteRange(KeyRange::All()).status());
  SHEAF_RETURN_IF_ERROR(state_->open->BulkLoad(next, tick));
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, state_->Expiries());
  SHEAF_ASSIGN_OR_RETURN(const auto usual, expiries->Default());
  if (!usual.has_value()) return absl::OkStatus();
  Cursor cursor = NewCursor();
  for (cursor.SeekFirst(); cursor.Valid(); cursor.Next())
    SHEAF_RETURN_IF_ERROR(
        state_->open->ChangeExpiry(cursor.key(), catalog::ExpiryChange::Default()));
  return cursor.status();
}

}  // namespace sheaf
