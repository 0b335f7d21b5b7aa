// TableReader, Table, Cursor: ordered tables of byte keys and byte values.
//
// Keys are ordered as memcmp orders them, 1 to 1,024 bytes; values are 0 bytes
// to 4 GiB. <sheaf/typed_table.h> puts C++ types on top, order preserved.
//
// A handle belongs to its transaction: after the transaction ended, every call
// returns kFailedPrecondition and says so. Handles are cheap to copy.
//
// Thread-compatible: one transaction and its handles are used by one thread at
// a time. Costs below are in pages touched; n is the number of entries.
#ifndef SHEAF_TABLE_H_
#define SHEAF_TABLE_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/expiry.h"
#include "sheaf/merge.h"
#include "sheaf/options.h"
#include "sheaf/value.h"

namespace sheaf {

namespace internal {
struct TableState;
struct CollectionState;
struct CursorState;
}  // namespace internal

inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr uint64_t kValueBytesMax = (uint64_t{1} << 32) - 1;

// Half-open: from <= key < to. A bound that is not set is open.
struct KeyRange {
  std::optional<std::string> from;
  std::optional<std::string> to;

  static KeyRange All() { return {}; }
  static KeyRange Prefix(std::string_view prefix);
};

// A position in a table that moves both ways. It stays valid while its own
// transaction writes: after a change Next goes to the smallest key above the one
// it stood on, also when that one was deleted.
//
//   for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) Use(cursor.key(), cursor.value());
//   SHEAF_RETURN_IF_ERROR(cursor.status());   // an error ends the loop: look
//
// key() and value() are valid until the cursor moves or the table changes. A
// cursor holds one page in memory.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  // Each returns Valid().
  bool SeekFirst();
  bool SeekLast();
  bool Seek(std::string_view key);            // the first entry >= key
  bool SeekAtOrBefore(std::string_view key);  // the last entry <= key
  bool Next();
  bool Prev();

  bool Valid() const;
  const absl::Status& status() const;

  std::string_view key() const;  // Requires: Valid()
  // Requires: Valid(). An unreadable large value gives an empty view and ends
  // the loop: Valid() becomes false and status() says why.
  std::string_view value();
  uint64_t value_size() const;  // does not read a large value

 private:
  friend class TableReader;
  explicit Cursor(std::unique_ptr<internal::CursorState> state);
  std::unique_ptr<internal::CursorState> state_;
};

class TableReader {
 public:
  TableReader() = default;  // a handle of no transaction: every call fails

  // O(height). kNotFound when the key is absent; Find when that is ordinary.
  absl::StatusOr<Value> Get(std::string_view key) const;
  absl::StatusOr<std::optional<Value>> Find(std::string_view key) const;
  absl::StatusOr<bool> Contains(std::string_view key) const;

  // Looks all keys up at once, their memory accesses interleaved: about twice as
  // fast as one by one. Requires: out.size() == keys.size().
  absl::Status MultiGet(absl::Span<const std::string_view> keys,
                        absl::Span<std::optional<Value>> out) const;

  // Copies bytes [offset, offset + out.size()) of a value; returns how many
  // there were. Reads only the pages of that range. kNotFound.
  absl::StatusOr<uint64_t> ReadRange(std::string_view key, uint64_t offset,
                                     absl::Span<char> out) const;

  // Requires the transaction to be live; otherwise status() of the cursor tells.
  Cursor NewCursor() const;

  // Calls `fn` for each entry of `range` until it returns false; backwards
  // when `reverse`. The only loop in which no error can be overlooked.
  using EntryFn = absl::FunctionRef<bool(std::string_view key, std::string_view value)>;
  absl::Status ForEach(const KeyRange& range, EntryFn fn) const;
  absl::Status ForEachReverse(const KeyRange& range, EntryFn fn) const;

  absl::StatusOr<uint64_t> size() const;                        // O(1)
  absl::StatusOr<uint64_t> Count(const KeyRange& range) const;  // O(height)
  // The entry with `rank` smaller ones before it; O(height). kOutOfRange.
  // (While entries that have expired wait to be removed, the two also look at those.)
  absl::StatusOr<std::string> KeyAt(uint64_t rank) const;

  // When the entry expires; InfiniteFuture: never. kNotFound: also when it has.
  absl::StatusOr<absl::Time> ExpiresAt(std::string_view key) const;
  absl::StatusOr<Expiry> DefaultExpiry() const;  // of puts that say nothing
  // size() and what has expired and is still there.
  absl::StatusOr<uint64_t> size_with_expired() const;

  const std::string& name() const;

 protected:
  friend class ReadTransaction;
  friend class WriteTransaction;
  friend struct internal::CollectionState;
  friend class CollectionReader;
  explicit TableReader(std::shared_ptr<internal::TableState> state);
  std::shared_ptr<internal::TableState> state_;
};

class Table : public TableReader {
 public:
  Table() = default;

  // Inserts or replaces.
  absl::Status Put(std::string_view key, std::string_view value);
  // kAlreadyExists when the key is there.
  absl::Status Insert(std::string_view key, std::string_view value);
  // True when the key was there.
  absl::StatusOr<bool> Delete(std::string_view key);

  // The same, with the time to expire: see expiry.h. kInvalidArgument: a wrong time, or a
  // key of more than 1,015 bytes.
  absl::Status Put(std::string_view key, std::string_view value, const Expiry& expiry);
  absl::Status Insert(std::string_view key, std::string_view value, const Expiry& expiry);
  absl::Status SetExpiry(std::string_view key, const Expiry& expiry);  // kNotFound
  // Begins a sliding expiry anew. False: there is no such entry, or its does not slide.
  absl::StatusOr<bool> Touch(std::string_view key);
  // Of puts to come: After, Sliding or Never.
  absl::Status SetDefaultExpiry(const Expiry& expiry);

  // Puts `size` bytes and lets `fill` write them in place.
  absl::Status PutReserved(std::string_view key, uint32_t size,
                           absl::FunctionRef<void(absl::Span<char>)> fill);

  // Read-modify-write. `fn` sees the old value (none when absent) and returns the
  // new one, or none to delete.
  using UpdateFn =
      absl::FunctionRef<std::optional<std::string>(std::optional<std::string_view>)>;
  absl::Status Update(std::string_view key, UpdateFn fn);

  // Merges `operand` into the value by an operator, or by the function of that name in
  // Options::merge_functions, which may also delete the entry: <sheaf/merge.h> has what they
  // do and their errors. kFailedPrecondition besides: the table holds values of another
  // type. An error changes nothing. A look-up and a put.
  absl::Status Merge(std::string_view key, MergeOperator op, std::string_view operand);
  absl::Status MergeWith(std::string_view key, std::string_view function,
                         std::string_view operand);
  // kAdd of `by`, and of the opposite; the new value. Read it by MergeValue::ReadInt, or in
  // a TypedTable of int64_t.
  absl::StatusOr<int64_t> Increment(std::string_view key, int64_t by = 1);
  absl::StatusOr<int64_t> Decrement(std::string_view key, int64_t by = 1);
  // Puts `desired`, or deletes where that is none, if the value is `expected`, or if there
  // is none where that is none. False: it is not, and nothing changed.
  absl::StatusOr<bool> CompareAndSet(std::string_view key,
                                     std::optional<std::string_view> expected,
                                     std::optional<std::string_view> desired);

  // How many entries went. Whole subtrees are dropped: O(pages of the range / 100).
  absl::StatusOr<uint64_t> DeleteRange(const KeyRange& range);

  struct Entry {
    std::string key, value;
  };
  absl::StatusOr<std::optional<Entry>> PopFirst();
  absl::StatusOr<std::optional<Entry>> PopLast();

  // Deletes the entries of `range` for which `fn` returns true / false. Returns
  // how many went.
  absl::StatusOr<uint64_t> ExtractIf(const KeyRange& range, EntryFn fn);
  absl::StatusOr<uint64_t> Retain(const KeyRange& range, EntryFn fn);

  // Fills an empty table from entries in strictly ascending order, bottom-up:
  // full pages, written once. `next` returns false at the end. kInvalidArgument
  // when the order is wrong, kFailedPrecondition when the table is not empty;
  // the table is then empty again. The transaction commits with a checkpoint.
  using NextFn = absl::FunctionRef<bool(std::string_view* key, std::string_view* value)>;
  absl::Status BulkLoad(NextFn next, const Progress& progress = {});

 private:
  friend class WriteTransaction;
  friend struct internal::CollectionState;
  friend class Collection;
  using TableReader::TableReader;
};

}  // namespace sheaf
#endif  // SHEAF_TABLE_H_
