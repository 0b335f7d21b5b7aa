// Tells ThreadSanitizer about Abseil's locks. Debian's Abseil is compiled without it, so
// what its Mutex orders would be reported as races. In the tsan build the linker sends
// our calls of each function named below here (--wrap: CMake takes the names from the
// SHEAF_WRAP lines of this file); each tells the sanitizer and goes on to the real one.
// Conditional waits are polled: Abseil would evaluate our condition on whichever thread
// unlocks, where the sanitizer does not know that the lock is held.
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#define SHEAF_WRAP(result, name, parameters, symbol)             \
  extern "C" result Real##name parameters asm("__real_" symbol); \
  extern "C" result Wrap##name parameters asm("__wrap_" symbol); \
  extern "C" result Wrap##name parameters

namespace {

using absl::Condition;
using absl::CondVar;
using absl::Duration;
using absl::Mutex;
using absl::Notification;
using absl::Time;

constexpr unsigned kWrite = 0;
constexpr unsigned kRead = __tsan_mutex_read_lock;
constexpr unsigned kFound = __tsan_mutex_not_static;  // no constructor was seen

// Runs `real`, which acquires `mu`, as a step the sanitizer knows.
template <typename Real>
void Acquire(Mutex* mu, unsigned flags, Real real) {
  __tsan_mutex_pre_lock(mu, flags | kFound);
  real(mu);
  __tsan_mutex_post_lock(mu, flags | kFound, 0);
}

template <typename Real>
bool TryAcquire(Mutex* mu, unsigned flags, Real real) {
  flags |= kFound | __tsan_mutex_try_lock;
  __tsan_mutex_pre_lock(mu, flags);
  const bool locked = real(mu);
  __tsan_mutex_post_lock(mu, flags | (locked ? 0 : __tsan_mutex_try_lock_failed), 0);
  return locked;
}

template <typename Real>
void Release(Mutex* mu, unsigned flags, Real real) {
  __tsan_mutex_pre_unlock(mu, flags | kFound);
  real(mu);
  __tsan_mutex_post_unlock(mu, flags | kFound);
}

// Waits with `mu` held for writing, as CondVar and Await do.
template <typename Real>
auto WaitReleased(Mutex* mu, Real real) {
  __tsan_mutex_pre_unlock(mu, kFound);
  __tsan_mutex_post_unlock(mu, kFound);
  auto result = real();
  __tsan_mutex_pre_lock(mu, kFound);
  __tsan_mutex_post_lock(mu, kFound, 0);
  return result;
}

constexpr Duration kPoll = absl::Microseconds(50);

bool PollWrite(Mutex* mu, const Condition& condition, Time deadline) {
  while (!condition.Eval()) {
    if (absl::Now() >= deadline) return false;
    mu->Unlock();
    absl::SleepFor(kPoll);
    mu->Lock();
  }
  return true;
}

bool PollRead(Mutex* mu, const Condition& condition, Time deadline) {
  while (!condition.Eval()) {
    if (absl::Now() >= deadline) return false;
    mu->ReaderUnlock();
    absl::SleepFor(kPoll);
    mu->ReaderLock();
  }
  return true;
}

// Notification's flag lies behind its mutex and is read inline.
void* FlagOf(const Notification* notification) {
  return reinterpret_cast<char*>(const_cast<Notification*>(notification)) + sizeof(Mutex);
}

}  // namespace

SHEAF_WRAP(void, Lock, (Mutex * mu), "_ZN4absl7debian35Mutex4LockEv") {
  Acquire(mu, kWrite, RealLock);
}
SHEAF_WRAP(void, ReaderLock, (Mutex * mu), "_ZN4absl7debian35Mutex10ReaderLockEv") {
  Acquire(mu, kRead, RealReaderLock);
}
SHEAF_WRAP(bool, TryLock, (Mutex * mu), "_ZN4absl7debian35Mutex7TryLockEv") {
  return TryAcquire(mu, kWrite, RealTryLock);
}
SHEAF_WRAP(bool, ReaderTryLock, (Mutex * mu), "_ZN4absl7debian35Mutex13ReaderTryLockEv") {
  return TryAcquire(mu, kRead, RealReaderTryLock);
}
SHEAF_WRAP(void, Unlock, (Mutex * mu), "_ZN4absl7debian35Mutex6UnlockEv") {
  Release(mu, kWrite, RealUnlock);
}
SHEAF_WRAP(void, ReaderUnlock, (Mutex * mu), "_ZN4absl7debian35Mutex12ReaderUnlockEv") {
  Release(mu, kRead, RealReaderUnlock);
}
SHEAF_WRAP(void, Destroy, (Mutex * mu), "_ZN4absl7debian35MutexD1Ev") {
  __tsan_mutex_destroy(mu, kFound);
  RealDestroy(mu);
}

SHEAF_WRAP(void, LockWhen, (Mutex * mu, const Condition& condition),
           "_ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE") {
  mu->Lock();
  PollWrite(mu, condition, absl::InfiniteFuture());
}
SHEAF_WRAP(
    bool, LockWhenTimeout, (Mutex * mu, const Condition& condition, Duration wait),
    "_ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE") {
  mu->Lock();
  return PollWrite(mu, condition, absl::Now() + wait);
}
SHEAF_WRAP(bool, LockWhenDeadline,
           (Mutex * mu, const Condition& condition, Time deadline),
           "_ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE") {
  mu->Lock();
  return PollWrite(mu, condition, deadline);
}
SHEAF_WRAP(void, ReaderLockWhen, (Mutex * mu, const Condition& condition),
           "_ZN4absl7debian35Mutex14ReaderLockWhenERKNS0_9ConditionE") {
  mu->ReaderLock();
  PollRead(mu, condition, absl::InfiniteFuture());
}

// Await is taken to be called with the lock held for writing.
SHEAF_WRAP(void, Await, (Mutex * mu, const Condition& condition),
           "_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE") {
  PollWrite(mu, condition, absl::InfiniteFuture());
}
SHEAF_WRAP(bool, AwaitTimeout, (Mutex * mu, const Condition& condition, Duration wait),
           "_ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE") {
  return PollWrite(mu, condition, absl::Now() + wait);
}
SHEAF_WRAP(bool, AwaitDeadline, (Mutex * mu, const Condition& condition, Time deadline),
           "_ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE") {
  return PollWrite(mu, condition, deadline);
}

SHEAF_WRAP(void, Wait, (CondVar * condvar, Mutex* mu),
           "_ZN4absl7debian37CondVar4WaitEPNS0_5MutexE") {
  WaitReleased(mu, [&] {
    RealWait(condvar, mu);
    return true;
  });
}
SHEAF_WRAP(bool, WaitTimeout, (CondVar * condvar, Mutex* mu, Duration wait),
           "_ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE") {
  return WaitReleased(mu, [&] { return RealWaitTimeout(condvar, mu, wait); });
}
SHEAF_WRAP(bool, WaitDeadline, (CondVar * condvar, Mutex* mu, Time deadline),
           "_ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE") {
  return WaitReleased(mu, [&] { return RealWaitDeadline(condvar, mu, deadline); });
}

SHEAF_WRAP(void, Notify, (Notification * done),
           "_ZN4absl7debian312Notification6NotifyEv") {
  __tsan_release(FlagOf(done));
  RealNotify(done);
}
SHEAF_WRAP(void, WaitForNotification, (const Notification* done),
           "_ZNK4absl7debian312Notification19WaitForNotificationEv") {
  RealWaitForNotification(done);
  __tsan_acquire(FlagOf(done));
}
