// Scrubber: looks at a database's file in the background, again and again, so that rot is
// found while there is a backup to restore. What is in memory is not looked at: it was
// verified when it was read.
//
// Reads at a rate of its own; keeps no page from being reused for longer than a slice of
// 126 MiB takes; writes nothing. A page may be reported again in each pass.
#ifndef SHEAF_SCRUBBER_H_
#define SHEAF_SCRUBBER_H_
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "sheaf/database.h"

namespace sheaf {

struct ScrubOptions {
  uint64_t bytes_per_second_max = uint64_t{8} << 20;  // 0: as fast as it goes
  absl::Duration pause = absl::Hours(24);             // between two passes
  // Called on the scrubber's thread for each damaged page. May be empty.
  std::function<void(const CheckFinding&)> on_damage;
};

struct ScrubStatus {
  uint64_t passes = 0;         // completed
  uint64_t pages = 0;          // looked at, in all passes
  uint64_t pages_damaged = 0;  // findings, in all passes
  absl::Status error;          // what ended it: a file that cannot be read at all
};

// Thread-safe. Ends by destruction, which waits for the page it is at, and must come
// before the database is closed or goes.
class Scrubber {
 public:
  Scrubber(Database* db, ScrubOptions options);
  ~Scrubber();
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  void Pause();  // at the next page; the slice then begins anew
  void Resume();
  ScrubStatus status() const;
  // Waits until so many passes are complete, or it ended. False after `wait_max`.
  bool WaitForPasses(uint64_t passes, absl::Duration wait_max) const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace sheaf
#endif  // SHEAF_SCRUBBER_H_
