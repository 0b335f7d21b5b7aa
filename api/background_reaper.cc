#include "api/internal/background_reaper.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "api/internal/expired.h"
#include "api/internal/handles.h"

namespace sheaf::internal {
namespace {

// Somebody may keep the writer's turn until this thread has stopped.
constexpr absl::Duration kReapingWaitMax = absl::Milliseconds(100);
// One transaction is to take about so long, and then leave as long to others.
constexpr absl::Duration kTurn = absl::Milliseconds(5);
constexpr uint64_t kBatchMin = 16, kBatchMax = 4000;
// A clock may be set while nobody is told; one that is injected, at any time.
constexpr absl::Duration kSleepMax = absl::Seconds(10), kPoll = absl::Seconds(1);
constexpr absl::Duration kRetry = absl::Seconds(1);

}  // namespace

void BackgroundReaper::Wake(Database::Rep* rep, int64_t at) {
  if (made_ != pager::ForkCount()) return;  // a forked child must not write
  {
    absl::MutexLock lock(&mu_);
    if (stop_) return;  // somebody closes
    if (at < next_) {
      next_ = at;
      earlier_ = true;
    }
  }
  if (!joining_mu_.TryLock()) return;  // somebody starts it
  if (!thread_.joinable()) {
    forks_ = pager::ForkCount();
    thread_ = std::thread([=, this] { Run(rep); });
  }
  joining_mu_.Unlock();
}

void BackgroundReaper::Stop() {
  absl::MutexLock joining(&joining_mu_);
  if (!thread_.joinable()) return;
  if (forks_ != pager::ForkCount()) {  // it runs in the other process
    thread_.detach();
    return;
  }
  {
    absl::MutexLock lock(&mu_);
    stop_ = true;
  }
  thread_.join();
  absl::MutexLock lock(&mu_);
  stop_ = false;
  next_ = INT64_MAX;
}

void BackgroundReaper::Rest(absl::Duration duration) {
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(this, &BackgroundReaper::is_stopped), duration);
}

bool BackgroundReaper::AwaitExpired(Database::Rep* rep) {
  const bool polls = static_cast<bool>(rep->store->options().clock);
  for (;;) {
    const int64_t now = rep->store->Now();
    absl::MutexLock lock(&mu_);
    if (stop_) return false;
    if (next_ <= now) return true;
    earlier_ = false;
    const auto woken = [this]()
                           ABSL_SHARED_LOCKS_REQUIRED(mu_) { return stop_ || earlier_; };
    if (next_ == INT64_MAX) {
      mu_.Await(absl::Condition(&woken));
      continue;
    }
    const absl::Duration sleep =
        std::min(absl::Microseconds(next_ - now), polls ? kPoll : kSleepMax);
    mu_.AwaitWithTimeout(absl::Condition(&woken), sleep);
  }
}

int64_t BackgroundReaper::Sweep(Database::Rep* rep) {
  catalog::Store* const store = rep->store.get();
  // A sweep that a power cut takes back is done again.
  const Durability durability =
      std::max(store->options().durability, Durability::kProcess);
  const int64_t retry = store->Now() + absl::ToInt64Microseconds(kRetry);
  absl::StatusOr<std::vector<catalog::TreeId>> owners = [&] {
    const catalog::Snapshot snapshot(store);
    return catalog::ListExpiring(snapshot.context(), snapshot.version().catalog);
  }();
  if (!owners.ok()) return retry;
  for (const catalog::TreeId owner : *owners) {
    for (;;) {
      if (IsStopped()) return 0;
      const absl::Time begin = absl::Now();
      const auto removed = RemoveExpired(rep, owner, batch_, durability, kReapingWaitMax);
      // Somebody else has the turn; or the database takes no more writes, which those who
      // write are told.
      if (!removed.ok()) return retry;
      if (removed->records == 0) break;
      const absl::Duration took = absl::Now() - begin;
      if (took > kTurn)
        batch_ = std::max(batch_ / 2, kBatchMin);
      else if (took < kTurn / 2 && removed->records == batch_)
        batch_ = std::min(batch_ * 2, kBatchMax);
      Rest(std::min(took, 4 * kTurn));
    }
  }
  const absl::StatusOr<Remaining> remaining = LookForExpired(store);
  return remaining.ok() ? remaining->next : retry;
}

void BackgroundReaper::Run(Database::Rep* rep) {
  while (AwaitExpired(rep)) {
    {
      absl::MutexLock lock(&mu_);
      next_ = INT64_MAX;
    }
    const int64_t next = Sweep(rep);
    absl::MutexLock lock(&mu_);
    next_ = std::min(next_, next);
  }
}

}  // namespace sheaf::internal
