// Expiry: records that are there for a time and then no more.
//
// A record that expires at an instant is seen while the time is before it: from then on no
// read, count, query or traversal finds it, and a writer may put another in its place as if
// it were gone. A transaction reads the clock once, when it first needs it, so nothing
// vanishes between two reads of one snapshot. What has expired is removed afterwards, in
// small transactions, by a thread in the background (Options::background_expiry) or by
// Database::Expire; until then it takes space, and counting has to leave it out.
//
//   table.Put("session", bytes, Expiry::After(absl::Hours(24)));
//   table.Put("cart", bytes, Expiry::Sliding(absl::Minutes(30)));   // table.Touch("cart") renews it
//   table.SetDefaultExpiry(Expiry::After(absl::Hours(1)));          // of puts that say nothing
//
// A put that says nothing takes an expiry away, unless the table or collection has a default
// one; what changes a part of a record (Update, Patch, Modify) keeps it. Instants are kept
// to the microsecond, rounded up.
#ifndef SHEAF_EXPIRY_H_
#define SHEAF_EXPIRY_H_
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sheaf {

enum class TreeKind : uint8_t;

namespace catalog {
struct ExpiryChange;
}

class Expiry {
 public:
  // Durations are more than zero and at most this.
  static constexpr absl::Duration DurationMax() { return absl::Hours(24 * 365250); }

  static Expiry Never() { return {Kind::kNever, absl::InfiniteFuture(), {}}; }
  // 1970 to 9999. One that is past: the record is not seen at all.
  static Expiry At(absl::Time instant) { return {Kind::kAt, instant, {}}; }
  // Counted from the time of the transaction.
  static Expiry After(absl::Duration duration) { return {Kind::kAfter, {}, duration}; }
  // The same, and each change of the record, and each Touch, begins it anew.
  static Expiry Sliding(absl::Duration duration) {
    return {Kind::kSliding, {}, duration};
  }

  enum class Kind : uint8_t { kNever = 1, kAt = 2, kAfter = 3, kSliding = 4 };
  Kind kind() const { return kind_; }
  absl::Time instant() const { return instant_; }        // of At
  absl::Duration duration() const { return duration_; }  // of After and Sliding
  friend bool operator==(const Expiry&, const Expiry&) = default;

 private:
  Expiry(Kind kind, absl::Time instant, absl::Duration duration)
      : kind_(kind), instant_(instant), duration_(duration) {}
  Kind kind_;
  absl::Time instant_;
  absl::Duration duration_;
};

// What Options::on_expired is told of, in the transaction that removes it: on the thread
// that does so, before it commits. Told again if that commit fails or a crash takes it back;
// not told of what was overwritten, or made room for another in a unique index, or was
// deleted with its table, after it had expired. The hook must neither throw nor write to the
// database (it would wait for itself for ever); it may read, and finds nothing of the record.
struct ExpiredRecord {
  std::string_view name;  // of the table, collection, graph or vector index
  TreeKind kind;
  // Of a table its bytes; of a vertex its number; of an edge "1 KNOWS 2 0": from, type, to,
  // ordinal; otherwise as DocumentKey::ToString.
  std::string_view key;
};

struct ExpireOptions {
  uint64_t batch = 1000;              // records a transaction removes; 1 to 1,000,000
  uint64_t records_max = UINT64_MAX;  // then it ends
  absl::Duration wait_max = absl::InfiniteDuration();  // for other writers, each time
};

struct ExpireResult {
  std::map<TreeKind, uint64_t> removed;  // by kind of what they were of
  uint64_t removed_total = 0;
  uint64_t remaining = 0;                    // that have expired and are still there
  absl::Time next = absl::InfiniteFuture();  // when the next record expires
};

// What of one table, collection, graph, vector index or blob store expires. Of a graph `visible` are its
// vertices, and the other numbers are of vertices and edges.
struct ExpiryStats {
  std::string name;
  TreeKind kind;
  uint64_t visible = 0;   // records that are seen
  uint64_t expiring = 0;  // that have an instant, those that have expired included
  uint64_t expired = 0;   // that are not seen any more, and still there
  absl::Time next = absl::InfiniteFuture();  // the first instant that is still to come
  Expiry usual = Expiry::Never();            // the default of new records
};

namespace internal {

// kInvalidArgument says what is wrong with it. `now`: microseconds since 1970.
absl::Status ToExpiryChange(const Expiry& expiry, int64_t now,
                            catalog::ExpiryChange* change);

}  // namespace internal
}  // namespace sheaf
#endif  // SHEAF_EXPIRY_H_
