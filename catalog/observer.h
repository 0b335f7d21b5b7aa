// Observer: what an application can be told about while it happens. Installed as
// <sheaf/observer.h>; given in Options::observer.
//
// Calls come from whatever thread did the work, several at a time, and hold it up, some
// with locks held: be brief, and do not call the database. A call ends before the call of
// the database returns that it belongs to.
#ifndef SHEAF_OBSERVER_H_
#define SHEAF_OBSERVER_H_
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sheaf {

struct CommitEvent {
  uint64_t version = 0;
  uint64_t log_bytes = 0;  // 0: it was written with a checkpoint, or changed nothing
  absl::Duration took;     // from the call to its return
};

struct CheckpointEvent {
  uint64_t version = 0;
  uint64_t pages_written = 0;  // base pages, by whomever, since the one before
  absl::Duration took;
};

struct RollbackEvent {
  uint64_t base_version = 0;  // that it stood on
};

struct CompactEvent {
  uint64_t bytes_before = 0, bytes_after = 0;  // of the file
  uint64_t pages_moved = 0;
  absl::Duration took;
};

struct TrainEvent {
  std::string_view name;  // of the table or collection
  uint32_t version = 0;   // of the dictionary; the transaction may yet be rolled back
  uint64_t bytes = 0;
  absl::Duration took;
};

struct SlowEvent {
  // "commit", "checkpoint" or "waiting for the writer's turn"
  std::string_view what;
  absl::Duration took;
};

struct DamageEvent {
  uint64_t page = 0;
  absl::Status error;  // what the reader is told, too
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnCommit(const CommitEvent&) {}
  virtual void OnCheckpoint(const CheckpointEvent&) {}
  virtual void OnRollback(const RollbackEvent&) {}
  virtual void OnCompact(const CompactEvent&) {}  // that went to its end
  virtual void OnTrain(const TrainEvent&) {}      // a dictionary was made
  // What took longer than Options::slow_operation_min.
  virtual void OnSlow(const SlowEvent&) {}
  // A page was read from the file for a reader or writer and was not intact. (Each is
  // verified when it is read. What scrubs and checks find is in their reports.)
  virtual void OnDamage(const DamageEvent&) {}
};

}  // namespace sheaf
#endif  // SHEAF_OBSERVER_H_
