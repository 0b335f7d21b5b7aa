// Mutex, MutexLock, CondVar: std::mutex with the annotations that clang checks.
// SpinMutex, SpinLock: for a few instructions that never wait for anything.
//
// For the locks on hot paths. Debian's Abseil is built with deadlock detection,
// which makes each absl::Mutex operation several times as dear; switching that
// off is a setting of the whole process and not a library's to change.
#ifndef PAGER_MUTEX_H_
#define PAGER_MUTEX_H_
#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace sheaf::pager {

// Tells the processor that the thread waits for another in a loop.
inline void SpinPause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class ABSL_LOCKABLE Mutex {
 public:
  // What it guards takes less time than a sleeper needs to wake.
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (int i = 0; i < kSpins; ++i) {
      if (mu_.try_lock()) return;
      SpinPause();
    }
    mu_.lock();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  friend class CondVar;
  static constexpr int kSpins = 100;  // some 2 µs
  std::mutex mu_;
};

template <class M>
class ABSL_SCOPED_LOCKABLE ScopedLock {
 public:
  explicit ScopedLock(M* mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(*mu) { mu_.Lock(); }
  ~ScopedLock() ABSL_UNLOCK_FUNCTION() { mu_.Unlock(); }
  ScopedLock(const ScopedLock&) = delete;
  ScopedLock& operator=(const ScopedLock&) = delete;

 private:
  M& mu_;
};
using MutexLock = ScopedLock<Mutex>;

class CondVar {
 public:
  void Wait(Mutex* mu) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    changed_.wait(lock);
    lock.release();
  }
  // True when the deadline passed. May return early for no reason.
  bool WaitUntil(Mutex* mu, absl::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (deadline == absl::InfiniteFuture()) {
      Wait(mu);
      return false;
    }
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    const bool late = changed_.wait_until(lock, absl::ToChronoTime(deadline)) ==
                      std::cv_status::timeout;
    lock.release();
    return late;
  }
  void Signal() { changed_.notify_one(); }
  void SignalAll() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

// Half the price of a Mutex when it is free: giving it up is a plain store.
class ABSL_LOCKABLE SpinMutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    while (locked_.exchange(true, std::memory_order_acquire)) {
      for (int i = 0; locked_.load(std::memory_order_relaxed); ++i)
        i < kSpins ? SpinPause() : static_cast<void>(sched_yield());
    }
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    locked_.store(false, std::memory_order_release);
  }

 private:
  static constexpr int kSpins = 100;  // its holder may not be running
  std::atomic<bool> locked_{false};
};

using SpinLock = ScopedLock<SpinMutex>;

}  // namespace sheaf::pager
#endif  // PAGER_MUTEX_H_
