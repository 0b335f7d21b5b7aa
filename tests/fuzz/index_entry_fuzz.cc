// Entries of indexes (RELIABILITY R8). Of arbitrary bytes: reading ends and stays inside
// them, and what is taken for an entry makes up its key. Of documents: entries ascend and
// differ, come back from how they are stored, and their values are those that the paths
// lead to.
//
// The input's first byte chooses: 0 an entry: index (1), size of the key (2, big-endian),
// key, value; 1 a binary document; 2 one as JSON. Documents have a byte before them: a
// fourth of the size of their key.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "document/collection_codec.h"
#include "document/compare.h"
#include "document/index_entry.h"
#include "document/index_key.h"
#include "document/json.h"
#include "document/json_codec.h"
#include "document/schema.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::document {
namespace {

using test::ExactBytes, test::Require;

// Of a collection with names and indexes; what documents bring is forgotten again.
Schema& TheSchema() {
  static Schema* const schema = [] {
    Schema stored;
    for (const char* name : {"a", "b", "c", "words", "deep"})
      Require(stored.TakeRow(EncodeNameRow(name)).ok(), "a name is not taken");
    for (const char* definition :
         {R"({"name":"single","fields":{"a":1}})",
          R"({"name":"compound","fields":{"a":1,"b.c":-1}})",
          R"({"name":"unique","fields":{"words":-1},"unique":true})",
          R"({"name":"sparse","fields":{"deep.a":1,"b":-1},"sparse":true})"}) {
      Index index;
      index.definition = *IndexDefinition::Parse(definition);
      index.tree = "\x01" + index.definition.name;
      Require(stored.TakeRow(EncodeIndexRow(index)).ok(), "an index is not taken");
    }
    return new Schema(stored.Flatten());
  }();
  return *schema;
}

void TryKey(bool descending, std::string_view key) {
  std::string_view skipped = key, decoded = key;
  const bool is_key = SkipIndexKey(descending, &skipped);
  NameTable names;
  Writer writer(&names);
  bool exact = false;
  if (!DecodeIndexKey(descending, &decoded, &writer, &exact)) return;
  (void)writer.Finish();
  Require(is_key, "decoded, and cannot be skipped");
  Require(decoded == skipped, "decoding ends elsewhere than skipping");
}

void TryDescribe(const Index& index, std::string_view values) {
  const std::string text = DescribeValues(index, values);
  Require(IsValidUtf8(text) && text.size() <= 203, "a description is none");
}

void TryEntry(std::string_view bytes) {
  if (bytes.size() < 3) return;
  const std::vector<Index>& indexes = TheSchema().indexes();
  const Index& index = indexes[static_cast<uint8_t>(bytes[0]) % indexes.size()];
  const size_t key_size = static_cast<size_t>(static_cast<uint8_t>(bytes[1])) << 8 |
                          static_cast<uint8_t>(bytes[2]);
  bytes.remove_prefix(3);
  const ExactBytes key(bytes.substr(0, key_size));
  const ExactBytes value(bytes.substr(key.view().size()));
  for (const bool descending : {false, true}) TryKey(descending, key.view());
  TryDescribe(index, key.view());
  const absl::StatusOr<EntryView> entry = DecodeEntry(index, key.view(), value.view());
  Require(entry.ok() || absl::IsDataLoss(entry.status()), "not said to be damaged");
  if (!entry.ok()) return;
  TryDescribe(index, entry->values);
  Require(!entry->document_key.empty(), "an entry of no document");
  Require(key.view().starts_with(entry->values), "values that the key does not hold");
  if (index.definition.unique || (entry->flags & kKeyCut) != 0) {
    Require(value.view().ends_with(entry->document_key), "a key that is not there");
    Require(!index.definition.unique || entry->values == key.view(), "a rest is left");
    return;
  }
  Require(std::string(entry->values).append(entry->document_key) == key.view(),
          "the parts do not make up the key");
  // And it is made so, too, if it is one that is made.
  const StoredEntry again =
      EncodeEntry(index, {std::string(entry->values), entry->flags}, entry->document_key);
  const bool is_cut =
      !again.value.empty() && (static_cast<uint8_t>(again.value[0]) & kKeyCut) != 0;
  Require(is_cut || again.key == key.view(), "another key for the same entry");
}

// What `path` leads to, where that is one value and no array.
std::optional<View> OnlyValue(const Path& path, const View& document) {
  std::optional<View> only;
  path.ForEach(document, ArrayEnd::kWhole, [&](const View* value) {
    only = value == nullptr ? View::Null() : *value;
    return false;
  });
  return only;
}

// The values of an entry, field by field.
void TryValues(const Index& index, const IndexEntries& of, const IndexEntry& entry,
               const View& document) {
  std::string_view rest = entry.values;
  for (size_t i = 0; i < index.paths.size(); ++i) {
    const bool descending = index.definition.fields[i].descending;
    std::string_view behind = rest;
    Require(SkipIndexKey(descending, &behind), "an entry holds what is no key");
    const std::string_view key = rest.substr(0, rest.size() - behind.size());
    NameTable names;
    Writer writer(&names);
    bool exact = false;
    if (DecodeIndexKey(descending, &rest, &writer, &exact)) {
      Require(rest == behind, "decoding ends elsewhere than skipping");
      const absl::StatusOr<std::string> decoded = writer.Finish();
      Require(decoded.ok(), "an entry's value cannot be written");
      const View value = RootOf(*decoded, names);
      std::string again;
      AppendIndexKey(value, &again);
      if (descending) InvertKey(&again, 0);
      Require(again == key, "a value has two keys");
      const std::optional<View> there = OnlyValue(index.paths[i], document);
      if (!of.through_arrays && there.has_value()) {
        Require(Compare(value, *there) == 0, "not the value of the document");
        Require(!exact || (entry.flags & kInexact) != 0 || value.kind() == there->kind(),
                "a value of another kind");
      }
    }
    rest = behind;
  }
  Require(rest.empty(), "an entry has a rest");
}

void TryStored(const Index& index, const IndexEntry& entry, std::string_view key,
               std::set<std::string>* stored_keys) {
  const StoredEntry stored = EncodeEntry(index, entry, key);
  const ExactBytes stored_key(stored.key), stored_value(stored.value);
  const absl::StatusOr<EntryView> back =
      DecodeEntry(index, stored_key.view(), stored_value.view());
  Require(back.ok(), "an entry cannot be read");
  Require(back->values == entry.values, "other values come back");
  Require(back->document_key == key, "another document's key comes back");
  Require((back->flags & ~kKeyCut) == entry.flags, "other flags come back");
  Require(stored_keys->insert(stored.key).second, "two entries lie in one place");
}

void TryDocument(const View& document, std::string_view key) {
  for (const Index& index : TheSchema().indexes()) {
    IndexEntries of;
    const absl::Status status = EntriesOf(index, document, &of);
    Require(status.ok() || absl::IsInvalidArgument(status), "a strange refusal");
    if (!status.ok()) continue;
    Require(!of.entries.empty() || index.definition.sparse, "a document is left out");
    std::set<std::string> stored_keys;
    for (size_t i = 0; i < of.entries.size(); ++i) {
      const IndexEntry& entry = of.entries[i];
      Require(i == 0 || of.entries[i - 1].values < entry.values, "they do not ascend");
      const bool is_cut = (entry.flags & kValuesCut) != 0;
      Require(is_cut ? entry.values.size() == kEntryValuesMax
                     : entry.values.size() <= kEntryValuesMax - 16,
              "a size that tells nothing");
      TryStored(index, entry, key, &stored_keys);
      TryDescribe(index, entry.values);
      if (!is_cut) TryValues(index, of, entry, document);
    }
  }
}

std::string KeyOfSize(uint8_t quarter) {
  const size_t size = std::min<size_t>(1 + 4 * size_t{quarter}, kTextKeyBytesMax);
  return *EncodeBytesKey(std::string(size, static_cast<char>(quarter)));
}

void TryBinary(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string key = KeyOfSize(static_cast<uint8_t>(bytes[0]));
  const ExactBytes document(bytes.substr(1));
  const NameTable& names = TheSchema().names();
  const View root = RootOf(document.view(), names);
  if (Validate(document.view(), names).ok()) return TryDocument(root, key);
  for (const Index& index : TheSchema().indexes()) {
    IndexEntries of;
    (void)EntriesOf(index, root, &of);
  }
}

void TryJson(std::string_view bytes) {
  if (bytes.empty()) return;
  JsonLimits limits;
  limits.depth_max = 100;
  const absl::StatusOr<std::string> document =
      JsonToBinary(bytes.substr(1), &TheSchema().names(), limits);
  if (document.ok())
    TryDocument(RootOf(*document, TheSchema().names()),
                KeyOfSize(static_cast<uint8_t>(bytes[0])));
  TheSchema().ForgetNewNames();
}

}  // namespace
}  // namespace sheaf::document

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr void (*kTry[])(std::string_view) = {
      sheaf::document::TryEntry, sheaf::document::TryBinary, sheaf::document::TryJson};
  kTry[data[0] % std::size(kTry)](rest);
  return 0;
}
