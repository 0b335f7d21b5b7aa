#include "sheaf/scrubber.h"

#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "api/internal/handles.h"
#include "catalog/page_scan.h"

namespace sheaf {

struct Scrubber::Rep {
  Rep(Database* database, ScrubOptions o) : db(*database), options(std::move(o)) {}

  // Waits while it is paused, and for `time`. False: it is to end.
  bool Wait(absl::Duration time) ABSL_LOCKS_EXCLUDED(mu) {
    const absl::Time until = absl::Now() + time;
    absl::MutexLock lock(&mu);
    const auto ends = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) { return stop; };
    if (mu.AwaitWithDeadline(absl::Condition(&ends), until)) return false;
    const auto goes_on = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
      return stop || !paused;
    };
    mu.Await(absl::Condition(&goes_on));
    return !stop;
  }

  // A pause ends the slice, so that no page is kept for its time; it begins anew.
  absl::Status Slice(uint64_t slice) ABSL_LOCKS_EXCLUDED(mu) {
    uint64_t before = 0;
    return db.rep().store->ScrubSlice(
        slice, options.bytes_per_second_max,
        [&](pager::PageId page, const absl::Status& damage) {
          if (options.on_damage) options.on_damage({page, std::string(damage.message())});
          absl::MutexLock lock(&mu);
          ++status.pages_damaged;
          return absl::OkStatus();
        },
        [&](uint64_t pages) {
          absl::MutexLock lock(&mu);
          status.pages += pages - before;
          before = pages;
          return stop || paused ? absl::CancelledError("") : absl::OkStatus();
        });
  }

  absl::Status Pass() ABSL_LOCKS_EXCLUDED(mu) {
    for (uint64_t slice = 0; slice < db.rep().store->ScrubSlices();) {
      const absl::Status done = Slice(slice);
      if (done.ok())
        ++slice;
      else if (!absl::IsCancelled(done) || !Wait(absl::ZeroDuration()))
        return done;
    }
    return absl::OkStatus();
  }

  void Run() ABSL_LOCKS_EXCLUDED(mu) {
    do {
      const absl::Status done = Pass();
      absl::MutexLock lock(&mu);
      if (done.ok()) {
        ++status.passes;
      } else {
        if (!absl::IsCancelled(done)) status.error = done;
        ended = true;
        return;
      }
    } while (Wait(options.pause));
    absl::MutexLock lock(&mu);
    ended = true;
  }

  Database& db;
  const ScrubOptions options;
  mutable absl::Mutex mu;
  ScrubStatus status ABSL_GUARDED_BY(mu);
  bool paused ABSL_GUARDED_BY(mu) = false;
  bool stop ABSL_GUARDED_BY(mu) = false;
  bool ended ABSL_GUARDED_BY(mu) = false;
  std::thread thread;
};

Scrubber::Scrubber(Database* db, ScrubOptions options)
    : rep_(std::make_unique<Rep>(db, std::move(options))) {
  rep_->thread = std::thread([rep = rep_.get()] { rep->Run(); });
}

Scrubber::~Scrubber() {
  {
    absl::MutexLock lock(&rep_->mu);
    rep_->stop = true;
  }
  rep_->thread.join();
}

void Scrubber::Pause() {
  absl::MutexLock lock(&rep_->mu);
  rep_->paused = true;
}

void Scrubber::Resume() {
  absl::MutexLock lock(&rep_->mu);
  rep_->paused = false;
}

ScrubStatus Scrubber::status() const {
  absl::MutexLock lock(&rep_->mu);
  return rep_->status;
}

bool Scrubber::WaitForPasses(uint64_t passes, absl::Duration wait_max) const {
  absl::MutexLock lock(&rep_->mu);
  const auto enough = [this, passes]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(rep_->mu) {
    return rep_->ended || rep_->status.passes >= passes;
  };
  return rep_->mu.AwaitWithTimeout(absl::Condition(&enough), wait_max);
}

}  // namespace sheaf
