#include "document/index_entry.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "document/index_key.h"
#include "document/json_codec.h"
#include "pager/cipher.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

constexpr size_t kHashBytes = 16;
constexpr size_t kDocumentKeyMax = 480;
// Of one path, some of them twice; and of all combinations, before they are cut.
constexpr size_t kReachedMax = 8 * kEntriesMax;
constexpr uint64_t kCombinedBytesMax = uint64_t{256} << 20;

// What is longer than the bytes that a cut keeps. Were it longer than `max` only, what
// stands behind them in one that is cut could be the end of one that is not.
bool IsTooLong(size_t size, size_t max) { return size > max - kHashBytes; }

// The first bytes, and a hash of all, `max` together.
void Cut(std::string* bytes, size_t begin, size_t max) {
  const std::array<char, 32> hash = pager::Sha256(std::string_view(*bytes).substr(begin));
  bytes->resize(begin + max - kHashBytes);
  bytes->append(hash.data(), kHashBytes);
}

// Ascending, each once.
void SortUnique(std::vector<IndexEntry>* entries) {
  if (entries->size() < 2) return;
  std::sort(entries->begin(), entries->end());
  size_t kept = 0;
  for (size_t i = 1; i < entries->size(); ++i) {
    if ((*entries)[i].values == (*entries)[kept].values)
      (*entries)[kept].flags |= (*entries)[i].flags;
    else if (++kept != i)
      (*entries)[kept] = std::move((*entries)[i]);
  }
  entries->resize(kept + 1);
}

// The keys of the values that one path leads to, by the rules of filters.
struct Reached {
  void Read(const Path& path, const View& document) {
    path.ForEach(
        document, ArrayEnd::kWhole,
        [this](const View* value) {
          value == nullptr ? Missing() : AtEnd(*value);
          return IsFull();
        },
        &through_arrays);
    if (keys.empty()) Missing();
    SortUnique(&keys);
  }
  void AtEnd(const View& value) {
    is_there = true;
    if (value.kind() != Kind::kArray) return Add(value);
    through_arrays = true;
    ArrayCursor c = value.elements();
    if (!c.Valid()) keys.push_back({std::string(1, kKeyEmptyArray), kInexact});
    for (; c.Valid() && !IsFull(); c.Next()) Add(c.value());
  }
  // More than are possible, each counted once.
  bool IsFull() {
    if (keys.size() <= kReachedMax) return false;
    SortUnique(&keys);
    return keys.size() > kEntriesMax;
  }
  void Add(const View& value) {
    IndexEntry& key = keys.emplace_back();
    AppendIndexKey(value, &key.values);
    if (!IsExactAsKey(value)) key.flags = kInexact;
  }
  void Missing() { keys.push_back({std::string(1, kKeyNull), 0}); }

  std::vector<IndexEntry> keys;
  bool through_arrays = false, is_there = false;
};

// Every combination of a key of each path.
void Combine(const Index& index, absl::Span<const Reached> paths, size_t at,
             const IndexEntry& begun, std::vector<IndexEntry>* out) {
  if (at == paths.size()) {
    out->push_back(begun);
    return;
  }
  for (const IndexEntry& key : paths[at].keys) {
    IndexEntry entry = begun;
    entry.values.append(key.values);
    entry.flags |= key.flags;
    if (index.definition.fields[at].descending)
      InvertKey(&entry.values, begun.values.size());
    Combine(index, paths, at + 1, entry, out);
  }
}

// Of an index of one path, which most are: its keys are the entries.
void TakeKeys(const Index& index, Reached* path, std::vector<IndexEntry>* out) {
  out->swap(path->keys);
  if (!index.definition.fields[0].descending) return;
  for (IndexEntry& entry : *out) InvertKey(&entry.values, 0);
}

absl::Status TooMany(const Index& index) {
  return absl::InvalidArgumentError(absl::StrCat("index ", index.definition.name,
                                                 ": a document has over ", kEntriesMax,
                                                 " entries in it"));
}

}  // namespace

absl::Status EntriesOf(const Index& index, const View& document, IndexEntries* out) {
  out->entries.clear();
  out->through_arrays = false;
  if (!index.definition.filter.empty() && !index.filter.Matches(document))
    return absl::OkStatus();
  absl::InlinedVector<Reached, 1> paths;
  bool is_there = false;
  size_t count = 1, with_many = 0;
  uint64_t bytes = 0;  // of the longest combination
  for (const Path& path : index.paths) {
    Reached& reached = paths.emplace_back();
    if (index.paths.size() == 1) reached.keys.swap(out->entries);  // for its memory
    reached.Read(path, document);
    is_there |= reached.is_there;
    out->through_arrays |= reached.through_arrays;
    with_many += reached.keys.size() > 1;
    if (reached.keys.size() > kEntriesMax) return TooMany(index);
    count *= reached.keys.size();
    uint64_t longest = 0;
    for (const IndexEntry& key : reached.keys)
      longest = std::max<uint64_t>(longest, key.values.size());
    bytes += longest;
    if (count > kEntriesMax || (count > 1 && bytes * count > kCombinedBytesMax))
      return TooMany(index);
  }
  if (index.definition.sparse && !is_there) {
    paths[0].keys.clear();
    out->entries.swap(paths[0].keys);
    return absl::OkStatus();
  }
  if (index.definition.unique && with_many > 1)
    return absl::InvalidArgumentError(
        absl::StrCat("index ", index.definition.name,
                     ": two of its paths have several values in one document"));
  if (paths.size() == 1) {
    TakeKeys(index, &paths[0], &out->entries);
  } else {
    out->entries.reserve(count);
    Combine(index, paths, 0, {}, &out->entries);
  }
  for (IndexEntry& entry : out->entries) {
    if (!IsTooLong(entry.values.size(), kEntryValuesMax)) continue;
    Cut(&entry.values, 0, kEntryValuesMax);
    entry.flags |= kValuesCut;
  }
  SortUnique(&out->entries);
  return absl::OkStatus();
}

std::string ValuesOf(const Index& index, absl::Span<const IndexValue> values) {
  std::string all;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t begin = all.size();
    all.append(values[i].key());
    if (index.definition.fields[i].descending) InvertKey(&all, begin);
  }
  if (IsTooLong(all.size(), kEntryValuesMax)) Cut(&all, 0, kEntryValuesMax);
  return all;
}

StoredEntry EncodeEntry(const Index& index, const IndexEntry& entry,
                        std::string_view document_key) {
  StoredEntry stored;
  stored.key = entry.values;
  if (index.definition.unique) {
    stored.value.push_back(static_cast<char>(entry.flags));
    stored.value.append(document_key);
    return stored;
  }
  const size_t begin = stored.key.size();
  uint8_t flags = entry.flags;
  stored.key.append(document_key);
  if (IsTooLong(document_key.size(), kDocumentKeyMax)) {
    Cut(&stored.key, begin, kDocumentKeyMax);
    flags |= kKeyCut;
  }
  if (flags != 0) stored.value.push_back(static_cast<char>(flags));
  if ((flags & kKeyCut) != 0) stored.value.append(document_key);
  return stored;
}

absl::StatusOr<EntryView> DecodeEntry(const Index& index, std::string_view key,
                                      std::string_view value) {
  EntryView entry;
  entry.flags = value.empty() ? 0 : static_cast<uint8_t>(value[0]);
  if (!value.empty()) value.remove_prefix(1);
  std::string_view rest = key;
  bool ok = true;
  if ((entry.flags & kValuesCut) != 0) {
    ok = key.size() >= kEntryValuesMax;
    rest.remove_prefix(std::min(rest.size(), kEntryValuesMax));
  } else {
    for (const IndexField& field : index.definition.fields)
      ok = ok && SkipIndexKey(field.descending, &rest);
  }
  entry.values = key.substr(0, key.size() - rest.size());
  const bool key_in_value = index.definition.unique || (entry.flags & kKeyCut) != 0;
  entry.document_key = key_in_value ? value : rest;
  if (index.definition.unique) ok = ok && rest.empty();
  if (ok && !entry.document_key.empty()) return entry;
  return absl::DataLossError(
      absl::StrCat("index ", index.definition.name, ": an entry is none"));
}

std::string DescribeValues(const Index& index, std::string_view values) {
  NameTable names;
  Writer writer(&names);
  writer.BeginObject();
  for (const IndexField& field : index.definition.fields) {
    writer.Name(field.path);
    bool exact = false;
    if (!DecodeIndexKey(field.descending, &values, &writer, &exact)) {
      writer.String("…");
      break;
    }
  }
  writer.End();
  const absl::StatusOr<std::string> document = writer.Finish();
  const absl::StatusOr<std::string> json =
      document.ok() ? BinaryToJson(*document, names) : document.status();
  constexpr size_t kShown = 200;
  if (!json.ok()) return "…";
  if (json->size() <= kShown) return *json;
  size_t shown = kShown;
  while (((*json)[shown] & 0xc0) == 0x80) --shown;  // a whole character
  return json->substr(0, shown) + "…";
}

}  // namespace sheaf::document
