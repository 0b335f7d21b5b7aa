// MultimapReader<K, V>, Multimap<K, V>: a table in which one key has many values.
//
//   SHEAF_ASSIGN_OR_RETURN(auto tags,
//                          (sheaf::OpenMultimap<std::string, int64_t>(txn, "tags")));
//   SHEAF_RETURN_IF_ERROR(tags.Insert("poem", 7).status());
//   SHEAF_RETURN_IF_ERROR(tags.Insert("poem", 3).status());
//   SHEAF_RETURN_IF_ERROR(tags.ForEachValue("poem", [](int64_t note) { ... }));  // 3, 7
//   SHEAF_ASSIGN_OR_RETURN(uint64_t gone, tags.RemoveAll("poem"));               // 2
//
// Keys come in the order of K, the values of a key in the order of V, each value once.
// A key is there as long as it has a value. What is equal is what KeyCodec says: K and V
// are both types of <sheaf/key.h>.
//
// Underneath it is a TypedTable whose keys are the pairs (K, V) and whose values are
// empty; pairs() gives that table, with what is not repeated here: Scan, loops backwards,
// KeyAt, PopFirst, BulkLoad. Its value type is stored as "multimap", so a multimap is not
// opened as another table, nor another table as a multimap: kFailedPrecondition names both.
//
// Limits: key and value together are one key of the table, so their bytes as KeyCodec
// writes them are 1 to kKeyBytesMax (1,024). A string takes two bytes more than it has,
// and one for each zero byte in it.
//
// Errors are those of Table: kInvalidArgument from Insert and Remove when the pair is too
// long, and nothing has changed; kDataLoss where stored bytes are not a pair. What only
// reads does not find a pair that is too long, and says no more.
//
// Costs are in pages touched. Handles are cheap to copy, belong to their transaction and
// fail with kFailedPrecondition after its end. Thread-compatible.
#ifndef SHEAF_MULTIMAP_TABLE_H_
#define SHEAF_MULTIMAP_TABLE_H_
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sheaf/key.h"
#include "sheaf/options.h"
#include "sheaf/status_macros.h"
#include "sheaf/table.h"
#include "sheaf/transaction.h"
#include "sheaf/typed_table.h"
#include "sheaf/value_codec.h"

namespace sheaf {

// Some of the values of a key, half-open: from <= value < to. A bound that is not set is
// open: {.from = 3}, {.to = 9}, {3, 9}.
template <class V>
struct ValueRange {
  std::optional<V> from = {};
  std::optional<V> to = {};
};

// What the table of pairs holds behind each pair: nothing.
struct MultimapMark {
  friend bool operator==(const MultimapMark&, const MultimapMark&) = default;
};
template <>
struct ValueCodec<MultimapMark> {
  static constexpr size_t kFixedSize = 0;
  static void Append(std::string*, const MultimapMark&) {}
  static bool Decode(std::string_view bytes, MultimapMark*) { return bytes.empty(); }
  static std::string TypeName() { return "multimap"; }
};

template <class K, class V>
class MultimapReader {
 public:
  using KeyArg = internal::ArgumentOf<K>;    // std::string_view for std::string
  using ValueArg = internal::ArgumentOf<V>;  // likewise
  using Pair = std::pair<K, V>;
  using Pairs = TypedTableReader<Pair, MultimapMark>;

  MultimapReader() = default;  // a handle of no transaction: every call fails
  explicit MultimapReader(Pairs pairs) : pairs_(std::move(pairs)) {}  // see OpenMultimap

  absl::StatusOr<bool> Contains(KeyArg key, ValueArg value) const {  // O(height)
    return pairs_.bytes().Contains(EncodePair(key, value));
  }

  // The number of values of a key; 0 when it is not there. O(height): nothing is walked.
  absl::StatusOr<uint64_t> Count(KeyArg key, const ValueRange<V>& values = {}) const {
    return pairs_.Count(RangeOf(key, values));
  }
  // The least and the greatest value of a key. O(height).
  absl::StatusOr<std::optional<V>> First(KeyArg key,
                                         const ValueRange<V>& values = {}) const {
    return ValueOf(pairs_.First(RangeOf(key, values)));
  }
  absl::StatusOr<std::optional<V>> Last(KeyArg key,
                                        const ValueRange<V>& values = {}) const {
    return ValueOf(pairs_.Last(RangeOf(key, values)));
  }
  absl::StatusOr<uint64_t> size() const { return pairs_.size(); }  // of pairs; O(1)

  // Ranges of keys, with all their values, for the functions below and those of pairs();
  // KeyRange::All() is everything.
  static KeyRange Between(KeyArg from, KeyArg to) {  // from <= key < to
    return {internal::EncodeTypedKey<K>(from), internal::EncodeTypedKey<K>(to)};
  }
  static KeyRange AtLeast(KeyArg from) {
    return {internal::EncodeTypedKey<K>(from), std::nullopt};
  }
  static KeyRange MoreThan(KeyArg from) {
    const std::optional<std::string> above = RangeOf(from, {}).to;
    if (above.has_value()) return {above, std::nullopt};
    return {"", ""};  // there are no bytes above its pairs, so nothing is
  }
  static KeyRange LessThan(KeyArg to) {
    return {std::nullopt, internal::EncodeTypedKey<K>(to)};
  }
  static KeyRange AtMost(KeyArg to) { return {std::nullopt, RangeOf(to, {}).to}; }
  // Tuples that begin with `parts`; the last may be a StringPrefix.
  template <class... Parts>
  static KeyRange Prefix(const Parts&... parts) {
    return KeyRange::Prefix(KeyPrefix<K>(parts...));
  }

  // Loops in order. `fn` returns nothing; or whether to go on; or a status, and then the
  // first error ends the loop. Its arguments live during the call. It may change the
  // table: the loop goes on with what comes next then.
  //
  // `fn(const V&)` for each value of a key.
  template <class Fn>
  absl::Status ForEachValue(KeyArg key, Fn fn) const {
    return ForEachValue(key, {}, std::move(fn));
  }
  template <class Fn>
  absl::Status ForEachValue(KeyArg key, const ValueRange<V>& values, Fn fn) const {
    return pairs_.ForEach(
        RangeOf(key, values),
        [&fn](const Pair& pair, const MultimapMark&) { return fn(pair.second); });
  }
  // `fn(const K&, const V&)` for each pair.
  template <class Fn>
  absl::Status ForEach(const KeyRange& keys, Fn fn) const {
    return pairs_.ForEach(keys, [&fn](const Pair& pair, const MultimapMark&) {
      return fn(pair.first, pair.second);
    });
  }
  // `fn(const K&)` for each key, once. O(height) a key, however many values it has.
  template <class Fn>
  absl::Status ForEachKey(const KeyRange& keys, Fn fn) const {
    const auto visit = [&fn](const K& key, const MultimapMark&) { return fn(key); };
    Cursor cursor = pairs_.bytes().NewCursor();
    SHEAF_RETURN_IF_ERROR(cursor.status());
    K key{};
    bool go_on = true;
    std::optional<std::string> next = keys.from.value_or(std::string());
    while (go_on && next.has_value() && cursor.Seek(*next)) {
      if (keys.to.has_value() && cursor.key() >= *keys.to) break;
      SHEAF_RETURN_IF_ERROR(TakeKey(cursor.key(), &key, &next));
      SHEAF_RETURN_IF_ERROR(internal::CallVisitor(visit, key, MultimapMark(), &go_on));
    }
    return cursor.status();
  }

  const std::string& name() const { return pairs_.name(); }
  const Pairs& pairs() const { return pairs_; }  // the table underneath

 protected:
  static std::string EncodePair(KeyArg key, ValueArg value) {
    std::string bytes = internal::EncodeTypedKey<K>(key);
    KeyCodec<V>::Append(&bytes, value);
    return bytes;
  }
  // No encoded key is the beginning of another, so these are the pairs of `key` alone.
  static KeyRange RangeOf(KeyArg key, const ValueRange<V>& values) {
    const std::string prefix = internal::EncodeTypedKey<K>(key);
    KeyRange range = KeyRange::Prefix(prefix);
    if (values.from.has_value()) {
      KeyCodec<V>::Append(&range.from.emplace(prefix), *values.from);
    }
    if (values.to.has_value()) {
      KeyCodec<V>::Append(&range.to.emplace(prefix), *values.to);
    }
    return range;
  }

 private:
  // The key of a pair, and the least bytes above all its pairs; none when there are none.
  absl::Status TakeKey(std::string_view pair, K* key,
                       std::optional<std::string>* next) const {
    std::string_view rest = pair;
    if (!KeyCodec<K>::Consume(&rest, key)) {
      return internal::NotA(name(), "key", pair.size(), KeyCodec<Pair>::TypeName());
    }
    *next = KeyRange::Prefix(pair.substr(0, pair.size() - rest.size())).to;
    return absl::OkStatus();
  }
  static absl::StatusOr<std::optional<V>> ValueOf(
      absl::StatusOr<std::optional<typename Pairs::Entry>> entry) {
    SHEAF_RETURN_IF_ERROR(entry.status());
    if (!entry->has_value()) return std::optional<V>();
    return std::optional<V>(std::move((*entry)->key.second));
  }

  Pairs pairs_;
};

template <class K, class V>
class Multimap : public MultimapReader<K, V> {
 public:
  using typename MultimapReader<K, V>::KeyArg;
  using typename MultimapReader<K, V>::ValueArg;
  using Pairs = TypedTable<std::pair<K, V>, MultimapMark>;

  Multimap() = default;
  explicit Multimap(Pairs pairs)
      : MultimapReader<K, V>(pairs), pairs_(std::move(pairs)) {}

  // True when it was not there. O(height).
  absl::StatusOr<bool> Insert(KeyArg key, ValueArg value) {
    const absl::Status status = pairs_.bytes().Insert(this->EncodePair(key, value), {});
    if (absl::IsAlreadyExists(status)) return false;
    SHEAF_RETURN_IF_ERROR(status);
    return true;
  }
  // True when it was there. O(height).
  absl::StatusOr<bool> Remove(KeyArg key, ValueArg value) {
    return pairs_.bytes().Delete(this->EncodePair(key, value));
  }
  // Removes the values of a key; returns how many. Whole subtrees are dropped:
  // O(pages of the values / 100). For a range of keys: pairs().DeleteRange.
  absl::StatusOr<uint64_t> RemoveAll(KeyArg key, const ValueRange<V>& values = {}) {
    return pairs_.DeleteRange(this->RangeOf(key, values));
  }

  Pairs& pairs() { return pairs_; }
  using MultimapReader<K, V>::pairs;

 private:
  Pairs pairs_;
};

// Created on first use, without compression: there is nothing to compress.
// kFailedPrecondition when the name belongs to anything but a multimap of K and V.
template <class K, class V>
absl::StatusOr<Multimap<K, V>> OpenMultimap(WriteTransaction& txn,
                                            std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(auto pairs, (OpenTyped<std::pair<K, V>, MultimapMark>(
                                         txn, name, {.compression = Compression()})));
  return Multimap<K, V>(std::move(pairs));
}

// kNotFound when there is none of that name.
template <class K, class V>
absl::StatusOr<MultimapReader<K, V>> OpenMultimap(const ReadTransaction& txn,
                                                  std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(auto pairs,
                         (OpenTyped<std::pair<K, V>, MultimapMark>(txn, name)));
  return MultimapReader<K, V>(std::move(pairs));
}

}  // namespace sheaf
#endif  // SHEAF_MULTIMAP_TABLE_H_
