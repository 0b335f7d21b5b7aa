// BackgroundReaper: the thread that removes records that have expired. It begins when the
// first is known of, sleeps until the next instant at which one expires, and removes a few
// milliseconds' worth a transaction, so that writers get their turn.
//
// Thread-safe.
#ifndef API_INTERNAL_BACKGROUND_REAPER_H_
#define API_INTERNAL_BACKGROUND_REAPER_H_
#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "sheaf/database.h"

namespace sheaf::internal {

class BackgroundReaper {
 public:
  BackgroundReaper() = default;
  ~BackgroundReaper() { Stop(); }
  BackgroundReaper(const BackgroundReaper&) = delete;
  BackgroundReaper& operator=(const BackgroundReaper&) = delete;

  // Something expires at `at`, in microseconds since 1970. `rep` outlives the thread.
  void Wake(Database::Rep* rep, int64_t at) ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when it works no more. It may be woken again.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run(Database::Rep* rep) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until something has expired. False: it is to stop.
  bool AwaitExpired(Database::Rep* rep) ABSL_LOCKS_EXCLUDED(mu_);
  void Rest(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mu_);
  bool IsStopped() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return stop_;
  }
  bool is_stopped() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return stop_; }
  // All that has expired; returns when the next does.
  int64_t Sweep(Database::Rep* rep) ABSL_LOCKS_EXCLUDED(mu_);

  absl::Mutex joining_mu_;  // outermost: who starts or stops the thread
  mutable absl::Mutex mu_;
  int64_t next_ ABSL_GUARDED_BY(mu_) = INT64_MAX;  // when something expires
  bool earlier_ ABSL_GUARDED_BY(mu_) = false;      // than it was waiting for
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t batch_ = 256;  // of the thread
  std::thread thread_ ABSL_GUARDED_BY(joining_mu_);
  uint64_t forks_ ABSL_GUARDED_BY(joining_mu_) = 0;  // when it began
};

}  // namespace sheaf::internal
#endif  // API_INTERNAL_BACKGROUND_REAPER_H_
