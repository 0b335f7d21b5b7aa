// Expiries: when the entries of a tree expire, and which of them have.
//
// A tree some of whose entries expire has a tree of expiries beside it, made when the first
// one is set and dropped with it; the tree's record says so, so that others cost nothing.
// An entry is seen while now < its instant. What has expired stays in its tree, hidden,
// until it is removed; no transaction sees it, also not its writer.
//
//   name: "\x01" "expires." and the number of the tree it belongs to
//   row                                     value
//   'a', instant (8), key of the entry      none
//   'k', key of the entry                   instant (8), sliding duration (8; 0: none)
//   's'                                     default: duration (8), 1 if it slides (1)
//
// Instants are microseconds since 1970, durations microseconds; all big-endian. There is a
// row of 'a' for each of 'k', and of 'k' only for entries that there are. Rows of 'a' are
// the lowest, so how many entries have expired is the rank of the present: O(height).
//
// Belongs to its transaction and ends with it. Thread-compatible.
#ifndef CATALOG_EXPIRY_H_
#define CATALOG_EXPIRY_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "catalog/tree_view.h"

namespace sheaf::catalog {

// All names of such trees begin so, and are found together.
inline constexpr std::string_view kExpiryNamePrefix =
    "\x01"
    "expires.";
std::string ExpiryName(TreeId owner);
std::optional<TreeId> OwnerOfExpiries(std::string_view name);
absl::Status LostExpiries(const TreeRecord& owner);

// Of longer keys the rows would be too long.
inline constexpr size_t kExpiringKeyMax = btree::kKeyMax - 9;
absl::Status CheckExpiringKey(std::string_view key);  // kInvalidArgument

struct EntryExpiry {
  int64_t at = 0;
  int64_t sliding = 0;  // how long after each change or touch; 0: it does not slide
  friend bool operator==(const EntryExpiry&, const EntryExpiry&) = default;
};
struct DefaultExpiry {
  int64_t after = 0;
  bool slides = false;
  friend bool operator==(const DefaultExpiry&, const DefaultExpiry&) = default;
};

// What a put does to the expiry of its entry.
struct ExpiryChange {
  enum class Kind : uint8_t {
    kDefault = 1,  // what the tree has for new entries: mostly none
    kKeep = 2,     // as it was, and one that slides begins anew
    kNever = 3,
    kSet = 4,
  };
  Kind kind = Kind::kDefault;
  EntryExpiry expiry;  // of kSet

  static ExpiryChange Default() { return {}; }
  static ExpiryChange Keep() { return {Kind::kKeep, {}}; }
};

class Expiries {
 public:
  // `rows`: of the tree of expiries. `now`: of the transaction.
  Expiries(TreeView rows, int64_t now) : rows_(std::move(rows)), now_(now) {}
  Expiries(WriteTxn* txn, OpenTree* open)
      : rows_(txn, open), now_(txn->now()), txn_(txn), open_(open) {}

  int64_t now() const { return now_; }
  // Grows when something here changes.
  uint64_t changes() const { return open_ != nullptr ? *open_->changes() : 0; }
  // Entries that have a time to expire.
  absl::StatusOr<uint64_t> Count() const;
  // Of these: that have expired, and are still there. O(height), and then remembered.
  absl::StatusOr<uint64_t> Hidden();
  // Has the entry of that key expired? False: or there is none. O(1) where nothing has.
  absl::StatusOr<bool> IsHidden(std::string_view key);
  // How many with from <= key < to; null: without end. O(hidden).
  absl::StatusOr<uint64_t> HiddenIn(std::string_view from, const std::string* to);
  // Keys of entries that have expired, those first that did first, until `fn` returns false.
  absl::Status ForEachHidden(absl::FunctionRef<bool(std::string_view key)> fn) const;
  absl::StatusOr<std::optional<int64_t>> NextInstant() const;  // of all that are there
  absl::StatusOr<std::optional<int64_t>> NextInstantToCome() const;

  // Also of what has expired.
  absl::StatusOr<std::optional<EntryExpiry>> Find(std::string_view key) const;
  absl::StatusOr<std::optional<DefaultExpiry>> Default() const;

  // Of a write transaction. Requires, of Set: there is such an entry. kInvalidArgument: the
  // key is too long.
  absl::Status Set(std::string_view key, const EntryExpiry& expiry);
  absl::Status Change(std::string_view key, const ExpiryChange& change);
  absl::Status Clear(std::string_view key);
  absl::Status ClearRange(std::string_view from, const std::string* to);
  // `keys`: all that expired first, as ForEachHidden has them.
  absl::Status ClearFirst(absl::Span<const std::string> keys);
  absl::Status SetDefault(const std::optional<DefaultExpiry>& expiry);
  // Begins an expiry that slides anew. False: there is no such entry, it has expired, or it
  // does not slide.
  absl::StatusOr<bool> Touch(std::string_view key);

 private:
  // Whether `keys_` are those that are hidden, and will do.
  absl::StatusOr<bool> HasKeys();
  absl::StatusOr<std::optional<int64_t>> FirstAtOrAfter(std::string_view row) const;
  absl::Status Put(std::string_view row, std::string_view value);

  TreeView rows_;
  int64_t now_;
  WriteTxn* txn_ = nullptr;   // of a write transaction
  OpenTree* open_ = nullptr;  // the same
  std::optional<uint64_t> hidden_;
  uint64_t counted_at_ = 0;  // changes
  uint64_t asked_ = 0;       // since then, and found nothing in memory
  std::optional<std::vector<std::string>> keys_;  // that are hidden, ascending
};

// Deletes entries, runs of neighbours at once. `keys` are ascending, each once.
absl::Status DeleteKeys(WriteTxn* txn, OpenTree* tree,
                        absl::Span<const std::string> keys);

// Trees of expiries, by the number of the tree that each belongs to. O(their number).
absl::StatusOr<std::vector<TreeId>> ListExpiring(const btree::ReadContext& context,
                                                 const btree::TreeRoot& catalog);

// Of the tree of expiries `record`: are the rows of 'a' and of 'k' the same, and of entries
// that there are? `has_entry` knows.
using HasEntryFn = absl::FunctionRef<absl::StatusOr<bool>(std::string_view key)>;
absl::Status CheckExpiries(const TreeView& rows, HasEntryFn has_entry,
                           absl::FunctionRef<void(const std::string& what)> problem,
                           absl::FunctionRef<absl::Status(uint64_t)> tick);
// Makes them so, by those of 'k' and what is left of 'a'.
absl::Status RepairExpiries(WriteTxn* txn, OpenTree* rows, HasEntryFn has_entry);

}  // namespace sheaf::catalog
#endif  // CATALOG_EXPIRY_H_
