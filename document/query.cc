#include "document/query.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/expiry.h"
#include "catalog/tick.h"
#include "document/collection_codec.h"
#include "document/index_entry.h"
#include "document/index_key.h"
#include "document/json_codec.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::document {

using catalog::TreeView;

namespace {

constexpr uint64_t kEntriesATick = 256;
constexpr size_t kSortFieldsMax = 32;
constexpr size_t kFetchedMax = 16;
constexpr char kSchemaNames = 0, kTextNames = 1, kCoveredNames = 2;  // of sorted rows

// The key of the smallest of the values that a path leads to, or of the largest.
void AppendSortKey(const SortField& field, const View& document, std::string* out) {
  std::string best, key;
  const auto offer = [&] {
    const bool is_better = best.empty() || (field.descending ? key > best : key < best);
    if (is_better) best = key;
    key.clear();
  };
  field.path.ForEach(document, ArrayEnd::kWhole, [&](const View* value) {
    if (value == nullptr || value->kind() != Kind::kArray) {
      AppendIndexKey(value == nullptr ? View::Null() : *value, &key);
      offer();
      return false;
    }
    ArrayCursor c = value->elements();
    if (!c.Valid()) key.push_back(kKeyEmptyArray), offer();
    for (; c.Valid(); c.Next()) AppendIndexKey(c.value(), &key), offer();
    return false;
  });
  if (best.empty()) best.push_back(kKeyNull);
  const size_t begin = out->size();
  out->append(best);
  if (field.descending) InvertKey(out, begin);
}

absl::Status WrongSort(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("sort: ", std::string(what)));
}

}  // namespace

absl::StatusOr<std::vector<SortField>> ParseSort(std::string_view json) {
  NameTable names;
  JsonLimits limits;
  limits.depth_max = 10;
  limits.bytes_max = 64 << 10;
  const absl::StatusOr<std::string> bytes = JsonToBinary(json, &names, limits);
  if (!bytes.ok()) return WrongSort(std::string(bytes.status().message()));
  const View root = RootOf(*bytes, names);
  if (root.kind() != Kind::kObject)
    return WrongSort("expected an object like {\"year\": -1, \"title\": 1}");
  std::vector<SortField> fields;
  for (ObjectCursor c = root.fields(); c.Valid(); c.Next()) {
    SortField field;
    absl::StatusOr<Path> path = Path::Parse(c.name());
    if (!path.ok()) return WrongSort(std::string(path.status().message()));
    const bool is_direction = c.value().kind() == Kind::kInt &&
                              (c.value().int_value() == 1 || c.value().int_value() == -1);
    if (!is_direction)
      return WrongSort(
          absl::StrCat("the direction of \"", path->text(), "\" is 1 or -1"));
    fields.push_back({*std::move(path), c.value().int_value() < 0});
  }
  if (fields.size() > kSortFieldsMax)
    return WrongSort(absl::StrCat("at most ", kSortFieldsMax, " fields are possible"));
  return fields;
}

View KeyAsValue(std::string_view key, const NameTable& names, std::string* buffer) {
  const absl::StatusOr<CollectionKey> decoded = DecodeCollectionKey(key);
  if (!decoded.ok()) return View::Null();
  NameTable none;
  Writer writer(&none);
  if (const int64_t* number = std::get_if<int64_t>(&*decoded))
    writer.Int(*number);
  else if (const auto* uuid = std::get_if<Uuid>(&*decoded))
    writer.Bytes({reinterpret_cast<const char*>(uuid->data()), uuid->size()});
  else if (const auto* bytes = std::get_if<BytesKey>(&*decoded))
    writer.Bytes(bytes->bytes);
  else
    writer.String(std::get<std::string_view>(*decoded));
  *buffer = *writer.Finish();
  return RootOf(*buffer, names);
}

// --- QueryCursor --------------------------------------------------------------

QueryCursor::QueryCursor(Source source, Query query)
    : source_(std::move(source)),
      indexes_(source_.schema->index_list()),
      query_(std::move(query)),
      filter_(query_.filter),
      begun_(absl::Now()) {}

absl::StatusOr<std::unique_ptr<QueryCursor>> QueryCursor::Open(Source source,
                                                               Query query) {
  std::unique_ptr<QueryCursor> cursor(
      new QueryCursor(std::move(source), std::move(query)));
  SHEAF_RETURN_IF_ERROR(cursor->MakePlan());
  SHEAF_RETURN_IF_ERROR(cursor->Prepare());
  return cursor;
}

// For the plan that was chosen.
absl::Status QueryCursor::Prepare() {
  const NameTable& names = source_.schema->names();
  if (!plan_->bounds.exact) filter_ = filter_.BoundTo(names);
  for (SortField& field : query_.sort) field.path.Bind(names);
  if (plan_->index == nullptr) return absl::OkStatus();
  if (plan_->is_covered) covered_ = CoveredReader::Of(*plan_->index, PathsRead(*plan_));
  SHEAF_ASSIGN_OR_RETURN(index_, source_.open_index(*plan_->index));
  return absl::OkStatus();
}

bool QueryCursor::Fail(absl::Status status) {
  status_ = std::move(status);
  return false;
}

bool QueryCursor::MayGoOn() {
  if (ticks_++ % kEntriesATick != 0) return true;
  absl::Status status =
      catalog::Tick(query_.progress, "the query", {ticks_, 0, "entries looked at"});
  return status.ok() || Fail(std::move(status));
}

bool QueryCursor::Seek(size_t range) {
  const ByteRange& r = plan_->bounds.ranges[range];
  if (!plan_->backwards)
    return r.from.empty() ? cursor_->SeekFirst() : cursor_->Seek(r.from);
  if (r.to.empty()) return cursor_->SeekLast();
  return cursor_->SeekAtOrBefore(r.to) && (cursor_->key() != r.to || cursor_->Prev());
}

bool QueryCursor::NextEntry() {
  const std::vector<ByteRange>& ranges = plan_->bounds.ranges;
  if (index_.has_value())
    if (absl::Status alive = index_->CheckAlive(); !alive.ok())
      return Fail(absl::FailedPreconditionError(
          absl::StrCat("index ", plan_->index->definition.name,
                       ": was dropped while a query went through it")));
  if (!cursor_.has_value())
    cursor_.emplace(index_.has_value() ? index_->NewCursor() : source_.tree.NewCursor());
  for (; range_ < ranges.size(); ++range_, is_positioned_ = false) {
    const size_t at = plan_->backwards ? ranges.size() - 1 - range_ : range_;
    const bool moved = !is_positioned_    ? Seek(at)
                       : plan_->backwards ? cursor_->Prev()
                                          : cursor_->Next();
    is_positioned_ = true;
    if (!moved) {
      if (!cursor_->status().ok()) return Fail(cursor_->status());
      continue;
    }
    const std::string_view key = cursor_->key();
    const ByteRange& r = ranges[at];
    if (plan_->backwards ? key < r.from : !r.to.empty() && key >= r.to) continue;
    ++counts_.entries;
    return MayGoOn();
  }
  return false;
}

absl::Status QueryCursor::Open(std::string_view stored) {
  ++counts_.documents;
  return OpenDocument(stored, source_.schema->names(), text_names_, &text_, &document_);
}

// The key of the document of the entry that the cursor stands on; empty where it was there
// before.
absl::Status QueryCursor::TakeEntry(std::string* key) {
  std::string_view value;
  SHEAF_RETURN_IF_ERROR(index_->ValueAt(*cursor_, &entry_value_, &value));
  SHEAF_ASSIGN_OR_RETURN(const EntryView entry,
                         DecodeEntry(*plan_->index, cursor_->key(), value));
  key->assign(entry.document_key);
  SHEAF_ASSIGN_OR_RETURN(const bool is_new, IsNew(*key));
  const bool is_wanted =
      is_new && (!partner_keys_.has_value() || partner_keys_->contains(*key));
  if (!is_wanted) key->clear();
  return absl::OkStatus();
}

absl::StatusOr<bool> QueryCursor::IsNew(const std::string& key) {
  if (plan_->bounds.one_entry_each) return true;
  if (!seen_.insert(key).second) return false;
  seen_bytes_ += key.size() + sizeof key;
  if (seen_bytes_ <= query_.sorter.memory_bytes_max) return true;
  return absl::ResourceExhaustedError(absl::StrCat(
      "query: the keys of documents that were found need more than ",
      query_.sorter.memory_bytes_max, " bytes; narrow the filter, or allow more memory"));
}

// The keys of all documents that the partner has; without them, if they take too much
// memory, more is read than need be.
absl::Status QueryCursor::CollectPartner() {
  is_partner_asked_ = true;
  partner_keys_.emplace();
  SHEAF_ASSIGN_OR_RETURN(const TreeView tree, source_.open_index(*plan_->partner));
  btree::TreeCursor cursor = tree.NewCursor();
  std::string buffer;
  size_t bytes = 0;
  for (const ByteRange& range : plan_->partner_ranges) {
    range.from.empty() ? cursor.SeekFirst() : cursor.Seek(range.from);
    for (; cursor.Valid(); cursor.Next()) {
      const std::string_view key = cursor.key();
      if (!range.to.empty() && key >= range.to) break;
      std::string_view value;
      SHEAF_RETURN_IF_ERROR(tree.ValueAt(cursor, &buffer, &value));
      SHEAF_ASSIGN_OR_RETURN(const EntryView entry,
                             DecodeEntry(*plan_->partner, key, value));
      ++counts_.entries;
      if (!MayGoOn()) return status_;
      if (!partner_keys_->emplace(entry.document_key).second) continue;
      bytes += entry.document_key.size() + sizeof(std::string);
      if (bytes > query_.sorter.memory_bytes_max) {
        partner_keys_.reset();
        return absl::OkStatus();
      }
    }
    SHEAF_RETURN_IF_ERROR(cursor.status());
  }
  return absl::OkStatus();
}

// Documents of the next entries: while one is on its way from memory others are looked up.
// What a transaction has written may change before the next one is asked for: there, one.
bool QueryCursor::FetchSome() {
  fetched_at_ = 0;
  if (plan_->partner != nullptr && !is_partner_asked_)
    if (absl::Status collected = CollectPartner(); !collected.ok())
      return Fail(std::move(collected));
  size_t n = 0, wanted = fetch_;
  // At least so many must be looked at.
  const uint64_t rows = query_.limit.value_or(UINT64_MAX) - counts_.rows;
  const uint64_t skip = query_.skip - std::min(query_.skip, skipped_);
  if (plan_->in_order && rows < wanted && skip < wanted)
    wanted = std::min<uint64_t>(wanted, rows + skip);
  while (n < wanted && NextEntry()) {
    if (fetched_keys_.size() == n) fetched_keys_.emplace_back();
    if (absl::Status taken = TakeEntry(&fetched_keys_[n]); !taken.ok())
      return Fail(std::move(taken));
    n += !fetched_keys_[n].empty();
  }
  if (!status_.ok()) return false;
  fetched_.clear();
  fetched_.resize(n);
  std::string_view keys[kFetchedMax];
  std::copy_n(fetched_keys_.begin(), n, keys);
  if (!source_.tree.is_written()) fetch_ = std::min(fetch_ * 4, kFetchedMax);
  const btree::TreeReader documents = source_.tree.reader();
  absl::Status status = n == 1 ? documents.Find(keys[0], &fetched_[0])
                               : documents.FindMany({keys, n}, absl::MakeSpan(fetched_));
  return status.ok() ? n > 0 : Fail(std::move(status));
}

bool QueryCursor::NextOfBranches() {
  for (; branch_ < branches_.size(); ++branch_) {
    QueryCursor& branch = *branches_[branch_];
    while (branch.Next()) {
      key_.assign(branch.key());
      const absl::StatusOr<bool> is_new = IsNew(key_);
      if (!is_new.ok()) return Fail(is_new.status());
      document_ = branch.document();
      if (*is_new) return true;
    }
    if (!branch.status().ok()) return Fail(branch.status());
  }
  return false;
}

// Out of an entry, if it tells all.
bool QueryCursor::NextCovered() {
  if (!NextEntry()) return false;
  std::string_view value;
  absl::Status status = index_->ValueAt(*cursor_, &entry_value_, &value);
  if (!status.ok()) return Fail(std::move(status));
  const absl::StatusOr<EntryView> entry =
      DecodeEntry(*plan_->index, cursor_->key(), value);
  if (!entry.ok()) return Fail(entry.status());
  key_.assign(entry->document_key);
  if (!covered_->Read(*entry, &covered_document_)) return Find(key_);
  document_ = RootOf(covered_document_, covered_->names());
  return true;
}

bool QueryCursor::Find(const std::string& key) {
  fetched_.resize(1);
  fetched_[0] = {};
  absl::Status status = source_.tree.reader().Find(key, &fetched_[0]);
  if (!status.ok()) return Fail(std::move(status));
  return OpenFound(fetched_[0]);
}

bool QueryCursor::OpenFound(const btree::Found& found) {
  std::string_view stored;
  absl::Status status =
      found.found
          ? source_.tree.ValueOf(found, &value_, &stored)
          : absl::DataLossError(absl::StrCat("index ", plan_->index->definition.name,
                                             ": an entry of no document"));
  if (status.ok()) status = Open(stored);
  return status.ok() || Fail(std::move(status));
}

// Sets key_ and document_.
bool QueryCursor::NextDocument() {
  if (plan_->is_union) return NextOfBranches();
  if (plan_->is_covered) return NextCovered();
  if (index_.has_value()) {
    if (fetched_at_ > 0) fetched_[fetched_at_ - 1].pin.Reset();
    if (fetched_at_ == fetched_.size() && !FetchSome()) return false;
    key_.assign(fetched_keys_[fetched_at_]);
    return OpenFound(fetched_[fetched_at_++]);
  }
  if (!NextEntry()) return false;
  key_.assign(cursor_->key());
  std::string_view stored;
  absl::Status status = source_.tree.ValueAt(*cursor_, &value_, &stored);
  if (status.ok()) status = Open(stored);
  return status.ok() || Fail(std::move(status));
}

absl::StatusOr<bool> QueryCursor::IsHidden(std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, source_.tree.expiries());
  return expiries == nullptr ? false : expiries->IsHidden(key);
}

bool QueryCursor::Match() {
  while (NextDocument()) {
    if (uses_key_) key_view_ = KeyAsValue(key_, source_.schema->names(), &key_document_);
    if (!plan_->bounds.exact &&
        !filter_.Matches(document_, uses_key_ ? &key_view_ : nullptr))
      continue;
    if (!source_.tree.record().expires) [[likely]]
      return true;
    const absl::StatusOr<bool> hidden = IsHidden(key_);
    if (!hidden.ok()) return Fail(hidden.status());
    if (!*hidden) return true;
  }
  return false;
}

std::string QueryCursor::SortKeyOf(const View& key) const {
  std::string sort_key;
  for (const SortField& field : query_.sort) {
    if (field.path.text() != kKeyPath) {
      AppendSortKey(field, document_, &sort_key);
      continue;
    }
    const size_t begin = sort_key.size();
    AppendIndexKey(key, &sort_key);
    if (field.descending) InvertKey(&sort_key, begin);
  }
  return sort_key;
}

// A row: size of the key (varint), key, whose names (1), the document.
absl::Status QueryCursor::SortAll() {
  SorterOptions options = query_.sorter;
  if (query_.limit.has_value() && *query_.limit <= UINT64_MAX - query_.skip)
    options.limit = query_.skip + *query_.limit;
  sorter_ = std::make_unique<Sorter>(options, source_.spill);
  std::string row;
  while (Match()) {
    char size[pager::kVarint64BytesMax];
    row.assign(size,
               static_cast<size_t>(pager::EncodeVarint64(size, key_.size()) - size));
    row.append(key_);
    row.push_back(document_.names() == text_names_                ? kTextNames
                  : document_.names() == &source_.schema->names() ? kSchemaNames
                                                                  : kCoveredNames);
    row.append(document_.bytes());
    const View key = uses_key_ ? key_view_ : View::Null();
    SHEAF_RETURN_IF_ERROR(sorter_->Add(SortKeyOf(key), row));
  }
  SHEAF_RETURN_IF_ERROR(status_);
  SHEAF_RETURN_IF_ERROR(sorter_->Finish());
  counts_.spilled_bytes = sorter_->spilled_bytes();
  return absl::OkStatus();
}

bool QueryCursor::NextSorted() {
  if (sorter_ == nullptr)
    if (absl::Status sorted = SortAll(); !sorted.ok()) return Fail(std::move(sorted));
  absl::StatusOr<std::optional<Sorter::Row>> row = sorter_->Next();
  if (!row.ok()) return Fail(row.status());
  if (!row->has_value()) return false;
  const std::string_view payload = (*row)->payload;
  const char* const end = payload.data() + payload.size();
  uint64_t key_size = 0;
  const char* at = pager::DecodeVarint64(payload.data(), end, &key_size);
  key_.assign(at, key_size);
  at += key_size;
  const char whose = *at++;
  document_ = View::At(at, end,
                       whose == kTextNames      ? text_names_
                       : whose == kCoveredNames ? &covered_->names()
                                                : &source_.schema->names());
  return MayGoOn();
}

QueryCounts QueryCursor::counts() const {
  QueryCounts counts = counts_;
  if (counts.time == absl::ZeroDuration()) counts.time = absl::Now() - begun_;
  for (const std::unique_ptr<QueryCursor>& branch : branches_) {
    counts.entries += branch->counts_.entries;
    counts.documents += branch->counts_.documents;
  }
  return counts;
}

bool QueryCursor::Next() {
  if (!status_.ok() || (query_.limit.has_value() && counts_.rows >= *query_.limit))
    return false;
  bool found = false;
  do {
    found = plan_->in_order ? Match() : NextSorted();
  } while (found && skipped_++ < query_.skip);
  counts_.rows += found;
  if (!found) counts_.time = absl::Now() - begun_;
  return found;
}

absl::StatusOr<std::optional<uint64_t>> QueryCursor::CountByBounds() const {
  const bool is_known =
      plan_->bounds.exact && plan_->bounds.one_entry_each && plan_->is_counted;
  if (!is_known) return std::optional<uint64_t>();
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, source_.tree.expiries());
  if (expiries == nullptr) return std::optional<uint64_t>(plan_->entries);
  SHEAF_ASSIGN_OR_RETURN(const uint64_t all_hidden, expiries->Hidden());
  // Entries of an index do not tell which of them are hidden.
  if (all_hidden > 0 && plan_->index != nullptr) return std::optional<uint64_t>();
  uint64_t hidden = 0;
  if (all_hidden > 0) {
    for (const ByteRange& range : plan_->bounds.ranges) {
      SHEAF_ASSIGN_OR_RETURN(
          const uint64_t here,
          expiries->HiddenIn(range.from, range.to.empty() ? nullptr : &range.to));
      hidden += here;
    }
  }
  return std::optional<uint64_t>(plan_->entries - hidden);
}

absl::StatusOr<uint64_t> QueryCursor::Count() {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<uint64_t> counted, CountByBounds());
  uint64_t count = 0;
  if (counted.has_value()) {
    count = *counted - std::min(*counted, query_.skip);
    return std::min(count, query_.limit.value_or(count));
  }
  while (Next()) ++count;
  SHEAF_RETURN_IF_ERROR(status_);
  return count;
}

}  // namespace sheaf::document
