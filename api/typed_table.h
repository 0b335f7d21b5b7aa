// TypedTableReader<K, V>, TypedTable<K, V>: a table of C++ keys and values.
//
//   SHEAF_ASSIGN_OR_RETURN(auto scores,
//                          (sheaf::OpenTyped<std::string, int64_t>(txn, "scores")));
//   SHEAF_RETURN_IF_ERROR(scores.Put("ada", 36));
//   SHEAF_ASSIGN_OR_RETURN(int64_t ada, scores.Get("ada"));
//
// Keys are encoded by KeyCodec (<sheaf/key.h>), so the order of the table is that of
// K; values by ValueCodec (<sheaf/value_codec.h>). Both type names are stored with the
// table when it is created; opening it as anything else is kFailedPrecondition and
// names both.
//
// The functions are those of Table and cost the same; errors are theirs, and kDataLoss
// where stored bytes are not a K or a V. Handles belong to their transaction.
// Thread-compatible.
//
// With V = std::string_view, or one inside a tuple, values are read in place: what
// comes back is a Held<V>, which keeps the bytes in memory.
#ifndef SHEAF_TYPED_TABLE_H_
#define SHEAF_TYPED_TABLE_H_
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sheaf/key.h"
#include "sheaf/merge.h"
#include "sheaf/status_macros.h"
#include "sheaf/table.h"
#include "sheaf/transaction.h"
#include "sheaf/value.h"
#include "sheaf/value_codec.h"

namespace sheaf {

// A value that points into stored bytes, and those bytes. Valid as a Value is.
template <class V>
class Held {
 public:
  const V& operator*() const& { return value_; }
  const V* operator->() const& { return &value_; }
  const V& value() const& { return value_; }

  // For the library. False when the bytes are not a V.
  bool Hold(Value bytes) {
    bytes_ = std::move(bytes);
    return ValueCodec<V>::Decode(bytes_.view(), &value_);
  }

 private:
  Value bytes_;
  V value_{};
};

// What reading a V gives.
template <class V>
using Stored = std::conditional_t<internal::kValueBorrows<V>, Held<V>, V>;

namespace internal {

// What a caller may pass for a T without making one.
template <class T>
struct Argument {
  using type = const T&;
};
template <>
struct Argument<std::string> {
  using type = std::string_view;
};
template <>
struct Argument<std::string_view> {
  using type = std::string_view;
};
template <class T>
using ArgumentOf = typename Argument<T>::type;

template <class T>
inline constexpr bool kIsText =
    std::same_as<T, std::string> || std::same_as<T, std::string_view>;

// The bytes of `value`: itself when it is text, otherwise in `scratch`.
template <class V>
std::string_view EncodeValue(ArgumentOf<V> value, std::string* scratch) {
  if constexpr (kIsText<V>) {
    return value;
  } else {
    scratch->clear();
    ValueCodec<V>::Append(scratch, value);
    return *scratch;
  }
}

template <class K>
std::string EncodeTypedKey(ArgumentOf<K> key) {
  std::string bytes;
  KeyCodec<K>::Append(&bytes, key);
  return bytes;
}

inline absl::Status NotA(std::string_view table, const char* part, size_t size,
                         const std::string& type) {
  return absl::DataLossError(absl::StrCat("table ", std::string(table), ": a ", part,
                                          " of ", size, " bytes is not ", type));
}

template <class K>
absl::Status DecodeTypedKey(std::string_view table, std::string_view bytes, K* key) {
  std::string_view rest = bytes;
  if (KeyCodec<K>::Consume(&rest, key) && rest.empty()) return absl::OkStatus();
  return NotA(table, "key", bytes.size(), KeyCodec<K>::TypeName());
}

// For as long as `bytes` stay.
template <class V>
absl::Status DecodeTypedValue(std::string_view table, std::string_view bytes, V* value) {
  if (ValueCodec<V>::Decode(bytes, value)) return absl::OkStatus();
  return NotA(table, "value", bytes.size(), ValueCodec<V>::TypeName());
}

template <class K, class V>
absl::Status DecodeTypedEntry(std::string_view table, std::string_view key,
                              std::string_view value, std::pair<K, V>* entry) {
  SHEAF_RETURN_IF_ERROR(DecodeTypedKey(table, key, &entry->first));
  return DecodeTypedValue(table, value, &entry->second);
}

template <class V>
absl::StatusOr<Stored<V>> TakeValue(std::string_view table, Value bytes) {
  Stored<V> stored{};
  if constexpr (kValueBorrows<V>) {
    const size_t size = bytes.size();
    if (!stored.Hold(std::move(bytes))) {
      return NotA(table, "value", size, ValueCodec<V>::TypeName());
    }
  } else {
    SHEAF_RETURN_IF_ERROR(DecodeTypedValue<V>(table, bytes.view(), &stored));
  }
  return stored;
}

inline Value CopyOf(std::string_view bytes) {
  auto copy = std::make_unique<char[]>(bytes.size());
  if (!bytes.empty()) memcpy(copy.get(), bytes.data(), bytes.size());
  return Value::Owned(std::move(copy), bytes.size());
}

template <class V>
concept Number = KeyInteger<V> || std::same_as<V, float> || std::same_as<V, double>;

// False: the result does not fit, or is no number.
template <Number V>
bool AddNumbers(V a, V b, V* out) {
  if constexpr (std::integral<V>) return !__builtin_add_overflow(a, b, out);
  *out = a + b;
  return *out == *out;
}
template <Number V>
bool SubtractNumbers(V a, V b, V* out) {
  if constexpr (std::integral<V>) return !__builtin_sub_overflow(a, b, out);
  *out = a - b;
  return *out == *out;
}

// Calls `fn(key, value)`, which returns whether to go on, nothing, or a status.
template <class K, class V, class Fn>
absl::Status CallVisitor(Fn& fn, const K& key, const V& value, bool* go_on) {
  using Result = std::invoke_result_t<Fn&, const K&, const V&>;
  *go_on = true;
  if constexpr (std::is_void_v<Result>) {
    fn(key, value);
  } else if constexpr (std::is_same_v<Result, absl::Status>) {
    absl::Status status = fn(key, value);
    *go_on = status.ok();
    return status;
  } else {
    *go_on = fn(key, value);
  }
  return absl::OkStatus();
}

// The least bytes above every key that begins with `key`, which is itself the only
// such key of its table.
inline std::string JustAbove(std::string key) {
  key.push_back('\0');
  return key;
}

}  // namespace internal

// The entries of a range, one by one. An error ends the loop: look at status().
//
//   auto rows = table.Scan(table.Between("a", "m"));
//   for (const auto& [key, value] : rows) ...
//   SHEAF_RETURN_IF_ERROR(rows.status());
//
// An entry is valid until the next one. Do not write to the table inside the loop.
// One loop a Scan.
template <class K, class V>
class TypedScan {
 public:
  using Entry = std::pair<K, V>;

  class Iterator {
   public:
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    const Entry& operator*() const { return scan_->entry_; }
    const Entry* operator->() const { return &scan_->entry_; }
    Iterator& operator++() {
      scan_->Step();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return scan_->is_done_; }

   private:
    friend class TypedScan;
    explicit Iterator(TypedScan* scan) : scan_(scan) {}
    TypedScan* scan_ = nullptr;
  };

  Iterator begin() {
    is_done_ = false;
    reverse_ ? SeekLast() : SeekFirst();
    Load();
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }
  const absl::Status& status() const { return status_; }

 private:
  template <class, class>
  friend class TypedTableReader;
  TypedScan(const TableReader& table, KeyRange range, bool reverse)
      : name_(table.name()),
        cursor_(table.NewCursor()),
        range_(std::move(range)),
        reverse_(reverse) {}

  void SeekFirst() {
    range_.from.has_value() ? cursor_.Seek(*range_.from) : cursor_.SeekFirst();
  }
  void SeekLast() {
    if (!range_.to.has_value()) {
      cursor_.SeekLast();
    } else if (cursor_.SeekAtOrBefore(*range_.to) && cursor_.key() == *range_.to) {
      cursor_.Prev();
    }
  }
  void Step() {
    reverse_ ? cursor_.Prev() : cursor_.Next();
    Load();
  }
  bool IsInside(std::string_view key) const {
    return reverse_ ? !range_.from.has_value() || key >= *range_.from
                    : !range_.to.has_value() || key < *range_.to;
  }
  void Load() {
    is_done_ = true;
    if (cursor_.Valid() && IsInside(cursor_.key())) status_ = Decode();
    if (!cursor_.Valid() && status_.ok()) status_ = cursor_.status();
  }
  absl::Status Decode() {
    const std::string_view value = cursor_.value();
    SHEAF_RETURN_IF_ERROR(cursor_.status());
    SHEAF_RETURN_IF_ERROR(
        internal::DecodeTypedEntry(name_, cursor_.key(), value, &entry_));
    is_done_ = false;
    return absl::OkStatus();
  }

  std::string name_;
  Cursor cursor_;
  KeyRange range_;
  bool reverse_;
  bool is_done_ = true;
  Entry entry_{};
  absl::Status status_;
};

template <class K, class V>
class TypedTableReader {
 public:
  using KeyArg = internal::ArgumentOf<K>;    // std::string_view for std::string
  using ValueArg = internal::ArgumentOf<V>;  // likewise
  struct Entry {
    K key{};
    Stored<V> value{};
  };

  TypedTableReader() = default;  // a handle of no transaction: every call fails
  // Trusts that the table was opened with the names of K and V: see OpenTyped.
  explicit TypedTableReader(TableReader table) : reader_(std::move(table)) {}

  absl::StatusOr<Stored<V>> Get(KeyArg key) const {  // kNotFound
    SHEAF_ASSIGN_OR_RETURN(Value value, reader_.Get(internal::EncodeTypedKey<K>(key)));
    return internal::TakeValue<V>(name(), std::move(value));
  }
  absl::StatusOr<std::optional<Stored<V>>> Find(KeyArg key) const {
    SHEAF_ASSIGN_OR_RETURN(std::optional<Value> value,
                           reader_.Find(internal::EncodeTypedKey<K>(key)));
    return TakeOptional(std::move(value));
  }
  absl::StatusOr<bool> Contains(KeyArg key) const {
    return reader_.Contains(internal::EncodeTypedKey<K>(key));
  }
  absl::StatusOr<absl::Time> ExpiresAt(KeyArg key) const {  // kNotFound
    return reader_.ExpiresAt(internal::EncodeTypedKey<K>(key));
  }

  // One result a key, in the order of `keys`.
  absl::StatusOr<std::vector<std::optional<Stored<V>>>> MultiGet(
      absl::Span<const K> keys) const {
    std::vector<std::string> encoded;
    encoded.reserve(keys.size());
    for (const K& key : keys) encoded.push_back(internal::EncodeTypedKey<K>(key));
    const std::vector<std::string_view> views(encoded.begin(), encoded.end());
    std::vector<std::optional<Value>> values(keys.size());
    SHEAF_RETURN_IF_ERROR(reader_.MultiGet(views, absl::MakeSpan(values)));

    std::vector<std::optional<Stored<V>>> result;
    result.reserve(keys.size());
    for (std::optional<Value>& value : values) {
      SHEAF_ASSIGN_OR_RETURN(result.emplace_back(), TakeOptional(std::move(value)));
    }
    return result;
  }

  // Ranges for the functions below; KeyRange::All() is everything.
  static KeyRange Between(KeyArg from, KeyArg to) {  // from <= key < to
    return {internal::EncodeTypedKey<K>(from), internal::EncodeTypedKey<K>(to)};
  }
  static KeyRange AtLeast(KeyArg from) {
    return {internal::EncodeTypedKey<K>(from), std::nullopt};
  }
  static KeyRange MoreThan(KeyArg from) {
    return {internal::JustAbove(internal::EncodeTypedKey<K>(from)), std::nullopt};
  }
  static KeyRange LessThan(KeyArg to) {
    return {std::nullopt, internal::EncodeTypedKey<K>(to)};
  }
  static KeyRange AtMost(KeyArg to) {
    return {std::nullopt, internal::JustAbove(internal::EncodeTypedKey<K>(to))};
  }
  // Tuples that begin with `parts`; the last may be a StringPrefix.
  template <class... Parts>
  static KeyRange Prefix(const Parts&... parts) {
    return KeyRange::Prefix(KeyPrefix<K>(parts...));
  }

  // Calls `fn(const K&, const V&)` for each entry in order. `fn` returns nothing;
  // or whether to go on; or a status, and then the first error ends the loop. Both
  // arguments live during the call.
  template <class Fn>
  absl::Status ForEach(const KeyRange& range, Fn fn) const {
    return Visit(&TableReader::ForEach, range, fn);
  }
  template <class Fn>
  absl::Status ForEachReverse(const KeyRange& range, Fn fn) const {
    return Visit(&TableReader::ForEachReverse, range, fn);
  }

  TypedScan<K, V> Scan(KeyRange range = {}) const {
    return TypedScan<K, V>(reader_, std::move(range), false);
  }
  TypedScan<K, V> ScanReverse(KeyRange range = {}) const {
    return TypedScan<K, V>(reader_, std::move(range), true);
  }

  absl::StatusOr<std::optional<Entry>> First(const KeyRange& range = {}) const {
    return OneOf(&TableReader::ForEach, range);
  }
  absl::StatusOr<std::optional<Entry>> Last(const KeyRange& range = {}) const {
    return OneOf(&TableReader::ForEachReverse, range);
  }

  absl::StatusOr<uint64_t> size() const { return reader_.size(); }
  absl::StatusOr<uint64_t> Count(const KeyRange& range) const {
    return reader_.Count(range);
  }
  absl::StatusOr<K> KeyAt(uint64_t rank) const {  // kOutOfRange
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes, reader_.KeyAt(rank));
    K key{};
    SHEAF_RETURN_IF_ERROR(internal::DecodeTypedKey(name(), bytes, &key));
    return key;
  }

  const std::string& name() const { return reader_.name(); }
  const TableReader& bytes() const { return reader_; }  // the table underneath

 protected:
  static absl::StatusOr<Entry> TakeEntry(std::string_view table, std::string_view key,
                                         Value value) {
    Entry entry;
    SHEAF_RETURN_IF_ERROR(internal::DecodeTypedKey(table, key, &entry.key));
    SHEAF_ASSIGN_OR_RETURN(entry.value, internal::TakeValue<V>(table, std::move(value)));
    return entry;
  }

 private:
  absl::StatusOr<std::optional<Stored<V>>> TakeOptional(
      std::optional<Value> value) const {
    if (!value.has_value()) return std::optional<Stored<V>>();
    SHEAF_ASSIGN_OR_RETURN(Stored<V> stored,
                           internal::TakeValue<V>(name(), *std::move(value)));
    return std::optional<Stored<V>>(std::move(stored));
  }

  using Loop = absl::Status (TableReader::*)(const KeyRange&, TableReader::EntryFn) const;

  template <class Fn>
  absl::Status Visit(Loop loop, const KeyRange& range, Fn& fn) const {
    absl::Status status;
    std::pair<K, V> entry;
    const auto visit = [&](std::string_view key, std::string_view value) {
      bool go_on = false;
      status = internal::DecodeTypedEntry(name(), key, value, &entry);
      if (status.ok())
        status = internal::CallVisitor(fn, entry.first, entry.second, &go_on);
      return go_on;
    };
    SHEAF_RETURN_IF_ERROR((reader_.*loop)(range, visit));
    return status;
  }

  absl::StatusOr<std::optional<Entry>> OneOf(Loop loop, const KeyRange& range) const {
    absl::StatusOr<std::optional<Entry>> result = std::optional<Entry>();
    const auto take = [&](std::string_view key, std::string_view value) {
      result = TakeEntry(name(), key, internal::CopyOf(value));
      return false;
    };
    SHEAF_RETURN_IF_ERROR((reader_.*loop)(range, take));
    return result;
  }

  TableReader reader_;
};

template <class K, class V>
class TypedTable : public TypedTableReader<K, V> {
 public:
  using typename TypedTableReader<K, V>::KeyArg;
  using typename TypedTableReader<K, V>::ValueArg;
  using typename TypedTableReader<K, V>::Entry;

  TypedTable() = default;
  explicit TypedTable(Table table)
      : TypedTableReader<K, V>(table), table_(std::move(table)) {}

  absl::Status Put(KeyArg key, ValueArg value) {
    std::string scratch;
    return table_.Put(internal::EncodeTypedKey<K>(key),
                      internal::EncodeValue<V>(value, &scratch));
  }
  absl::Status Insert(KeyArg key, ValueArg value) {  // kAlreadyExists
    std::string scratch;
    return table_.Insert(internal::EncodeTypedKey<K>(key),
                         internal::EncodeValue<V>(value, &scratch));
  }
  // The same, with the time to expire: see expiry.h.
  absl::Status Put(KeyArg key, ValueArg value, const Expiry& expiry) {
    std::string scratch;
    return table_.Put(internal::EncodeTypedKey<K>(key),
                      internal::EncodeValue<V>(value, &scratch), expiry);
  }
  absl::Status Insert(KeyArg key, ValueArg value, const Expiry& expiry) {
    std::string scratch;
    return table_.Insert(internal::EncodeTypedKey<K>(key),
                         internal::EncodeValue<V>(value, &scratch), expiry);
  }
  absl::Status SetExpiry(KeyArg key, const Expiry& expiry) {
    return table_.SetExpiry(internal::EncodeTypedKey<K>(key), expiry);
  }
  absl::StatusOr<bool> Touch(KeyArg key) {
    return table_.Touch(internal::EncodeTypedKey<K>(key));
  }
  // True when the key was there.
  absl::StatusOr<bool> Delete(KeyArg key) {
    return table_.Delete(internal::EncodeTypedKey<K>(key));
  }
  absl::StatusOr<uint64_t> DeleteRange(const KeyRange& range) {
    return table_.DeleteRange(range);
  }
  absl::StatusOr<uint64_t> DeleteRange(KeyArg from, KeyArg to) {  // from <= key < to
    return table_.DeleteRange(this->Between(from, to));
  }

  // `fn(std::optional<V> old)` returns the new value as std::optional<V>, none to
  // delete. It is not called, and nothing changes, when the old value is not a V.
  template <class Fn>
  absl::Status Update(KeyArg key, Fn fn) {
    absl::Status status;
    const auto update =
        [&](std::optional<std::string_view> bytes) -> std::optional<std::string> {
      std::optional<V> old;
      if (bytes.has_value()) {
        status = internal::DecodeTypedValue(this->name(), *bytes, &old.emplace());
        if (!status.ok()) return std::string(*bytes);
      }
      const std::optional<V> fresh = fn(std::move(old));
      if (!fresh.has_value()) return std::nullopt;
      std::string result;
      ValueCodec<V>::Append(&result, *fresh);
      return result;
    };
    SHEAF_RETURN_IF_ERROR(table_.Update(internal::EncodeTypedKey<K>(key), update));
    return status;
  }

  // <sheaf/merge.h> says which operators go with which V. Operands that are no V, as the
  // single number that kAverage takes, go through bytes().
  absl::Status Merge(KeyArg key, MergeOperator op, ValueArg operand) {
    std::string scratch;
    return table_.Merge(internal::EncodeTypedKey<K>(key), op,
                        internal::EncodeValue<V>(operand, &scratch));
  }
  absl::Status MergeWith(KeyArg key, std::string_view function, ValueArg operand) {
    std::string scratch;
    return table_.MergeWith(internal::EncodeTypedKey<K>(key), function,
                            internal::EncodeValue<V>(operand, &scratch));
  }
  // Of any number; absent counts as 0. The new value. kOutOfRange: it would not fit V, or
  // be none; nothing changed then.
  absl::StatusOr<V> Increment(KeyArg key, V by = V{1}) requires internal::Number<V> {
    return Step(key, by, &internal::AddNumbers<V>);
  }
  absl::StatusOr<V> Decrement(KeyArg key, V by = V{1}) requires internal::Number<V> {
    return Step(key, by, &internal::SubtractNumbers<V>);
  }
  // By their bytes; see Table::CompareAndSet.
  absl::StatusOr<bool> CompareAndSet(KeyArg key, const std::optional<V>& expected,
                                     const std::optional<V>& desired) {
    std::string expected_bytes, desired_bytes;
    return table_.CompareAndSet(internal::EncodeTypedKey<K>(key),
                                EncodeOptional(expected, &expected_bytes),
                                EncodeOptional(desired, &desired_bytes));
  }

  absl::StatusOr<std::optional<Entry>> PopFirst() {
    return TakePopped(table_.PopFirst());
  }
  absl::StatusOr<std::optional<Entry>> PopLast() { return TakePopped(table_.PopLast()); }

  // Deletes the entries for which `fn(const K&, const V&)` is true / false. Returns
  // how many went. After an error some may be gone: roll back.
  template <class Fn>
  absl::StatusOr<uint64_t> ExtractIf(const KeyRange& range, Fn fn) {
    absl::Status status;
    const auto keep = [&](std::string_view key, std::string_view value) {
      return Judge(fn, key, value, false, &status);
    };
    SHEAF_ASSIGN_OR_RETURN(const uint64_t count, table_.ExtractIf(range, keep));
    SHEAF_RETURN_IF_ERROR(status);
    return count;
  }
  template <class Fn>
  absl::StatusOr<uint64_t> Retain(const KeyRange& range, Fn fn) {
    absl::Status status;
    const auto keep = [&](std::string_view key, std::string_view value) {
      return Judge(fn, key, value, true, &status);
    };
    SHEAF_ASSIGN_OR_RETURN(const uint64_t count, table_.Retain(range, keep));
    SHEAF_RETURN_IF_ERROR(status);
    return count;
  }

  // Fills an empty table: `next(K*, V*)` gives the entries in strictly ascending
  // order and returns false at the end. See Table::BulkLoad.
  template <class Next>
  absl::Status BulkLoad(Next next, const Progress& progress = {}) {
    K key{};
    V value{};
    std::string key_bytes, scratch;
    const auto next_bytes = [&](std::string_view* key_out, std::string_view* value_out) {
      if (!next(&key, &value)) return false;
      key_bytes = internal::EncodeTypedKey<K>(key);
      *key_out = key_bytes;
      *value_out = internal::EncodeValue<V>(value, &scratch);
      return true;
    };
    return table_.BulkLoad(next_bytes, progress);
  }

  Table& bytes() { return table_; }
  using TypedTableReader<K, V>::bytes;

 private:
  absl::StatusOr<V> Step(KeyArg key, V by,
                         bool (*step)(V, V, V*)) requires internal::Number<V> {
    const std::string key_bytes = internal::EncodeTypedKey<K>(key);
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> stored, table_.Find(key_bytes));
    V old{0}, fresh{0};
    if (stored.has_value())
      SHEAF_RETURN_IF_ERROR(
          internal::DecodeTypedValue<V>(this->name(), stored->view(), &old));
    if (!step(old, by, &fresh))
      return absl::OutOfRangeError(absl::StrCat(
          "table ", this->name(), ": ", old, " changed by ", by, " does not fit ",
          ValueCodec<V>::TypeName(), "; it stays as it was"));
    SHEAF_RETURN_IF_ERROR(Put(key, fresh));
    return fresh;
  }
  static std::optional<std::string_view> EncodeOptional(const std::optional<V>& value,
                                                        std::string* scratch) {
    if (!value.has_value()) return std::nullopt;
    return internal::EncodeValue<V>(*value, scratch);
  }

  absl::StatusOr<std::optional<Entry>> TakePopped(
      absl::StatusOr<std::optional<Table::Entry>> popped) const {
    SHEAF_RETURN_IF_ERROR(popped.status());
    if (!popped->has_value()) return std::optional<Entry>();
    SHEAF_ASSIGN_OR_RETURN(Entry entry,
                           this->TakeEntry(this->name(), (*popped)->key,
                                           internal::CopyOf((*popped)->value)));
    return std::optional<Entry>(std::move(entry));
  }

  // What `fn` says of an entry; `otherwise`, which leaves it alone, after an error.
  template <class Fn>
  bool Judge(Fn& fn, std::string_view key, std::string_view value, bool otherwise,
             absl::Status* status) const {
    if (!status->ok()) return otherwise;
    std::pair<K, V> entry;
    *status = internal::DecodeTypedEntry(this->name(), key, value, &entry);
    if (!status->ok()) return otherwise;
    return fn(std::as_const(entry.first), std::as_const(entry.second));
  }

  Table table_;
};

// Created on first use. kFailedPrecondition when the table holds other types, or
// bytes without types: it names both.
template <class K, class V>
absl::StatusOr<TypedTable<K, V>> OpenTyped(WriteTransaction& txn, std::string_view name,
                                           const TreeOptions& options = {}) {
  SHEAF_ASSIGN_OR_RETURN(
      Table table,
      txn.typed_table(name, KeyCodec<K>::TypeName(), ValueCodec<V>::TypeName(), options));
  return TypedTable<K, V>(std::move(table));
}

// kNotFound when there is none of that name.
template <class K, class V>
absl::StatusOr<TypedTableReader<K, V>> OpenTyped(const ReadTransaction& txn,
                                                 std::string_view name) {
  SHEAF_ASSIGN_OR_RETURN(TableReader table, txn.typed_table(name, KeyCodec<K>::TypeName(),
                                                            ValueCodec<V>::TypeName()));
  return TypedTableReader<K, V>(std::move(table));
}

}  // namespace sheaf
#endif  // SHEAF_TYPED_TABLE_H_
