// Removing what has expired, and looking whether all that expires is as it should be.
#ifndef API_INTERNAL_EXPIRED_H_
#define API_INTERNAL_EXPIRED_H_
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/store.h"
#include "sheaf/database.h"

namespace sheaf::internal {

// Wakes the thread that removes what has expired, if the database has anything that does.
void NoteExpiring(Database::Rep* rep);

struct Removed {
  uint64_t records = 0;
  catalog::TreeKind kind{};
};
// Of one tree, up to `max` records in a transaction of its own; none: nothing has expired,
// or there is no such tree.
absl::StatusOr<Removed> RemoveExpired(Database::Rep* rep, catalog::TreeId owner,
                                      uint64_t max, Durability durability,
                                      absl::Duration wait_max);

// How much of everything has expired, and when the next does: microseconds since 1970.
struct Remaining {
  uint64_t expired = 0;
  int64_t next = INT64_MAX;
};
absl::StatusOr<Remaining> LookForExpired(catalog::Store* store);

// Part of Database::Check. `snapshot` shows what has expired.
absl::Status CheckExpired(const catalog::Snapshot& snapshot, catalog::Store* store,
                          const Progress& progress,
                          absl::FunctionRef<void(const std::string& what)> problem);

}  // namespace sheaf::internal
#endif  // API_INTERNAL_EXPIRED_H_
