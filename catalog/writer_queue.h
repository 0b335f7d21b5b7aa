// WriterQueue: whose turn it is to write. First come, first served.
//
// Thread-safe. Outermost lock but for the checkpoint's: it is held for as long as
// a write transaction lives, by whichever thread has the transaction.
#ifndef CATALOG_WRITER_QUEUE_H_
#define CATALOG_WRITER_QUEUE_H_
#include <atomic>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pager/mutex.h"

namespace sheaf::catalog {

class WriterQueue {
 public:
  // kDeadlineExceeded when the turn does not come within `wait_max`.
  absl::Status Enter(absl::Duration wait_max) ABSL_LOCKS_EXCLUDED(mu_) {
    Waiter self;
    {
      pager::MutexLock lock(&mu_);
      if (!busy_ && waiting_.empty()) {
        busy_ = true;
        return absl::OkStatus();
      }
      waiting_.push_back(&self);
    }
    // A small commit ends sooner than a sleeper could be woken.
    for (int i = 0; i < kSpins && !self.turn.load(std::memory_order_relaxed); ++i)
      pager::SpinPause();
    const absl::Time deadline = absl::Now() + wait_max;
    pager::MutexLock lock(&mu_);
    while (!self.turn) {
      const bool late = self.called.WaitUntil(&mu_, deadline);
      if (!late || self.turn) continue;
      std::erase(waiting_, &self);
      return absl::DeadlineExceededError(
          "another write transaction is open and did not end in time");
    }
    return absl::OkStatus();
  }

  void Leave() ABSL_LOCKS_EXCLUDED(mu_) {
    pager::MutexLock lock(&mu_);
    busy_ = !waiting_.empty();
    if (!busy_) return;
    waiting_.front()->turn = true;  // hands the turn over without giving it up
    waiting_.front()->called.Signal();
    waiting_.pop_front();
  }

  bool busy() const ABSL_LOCKS_EXCLUDED(mu_) {
    pager::MutexLock lock(&mu_);
    return busy_;
  }

 private:
  struct Waiter {
    pager::CondVar called;
    std::atomic<bool> turn{false};  // set under mu_
  };
  static constexpr int kSpins = 500;  // some 10 µs
  mutable pager::Mutex mu_;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Waiter*> waiting_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sheaf::catalog
#endif  // CATALOG_WRITER_QUEUE_H_
