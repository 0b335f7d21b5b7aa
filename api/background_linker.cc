#include "api/internal/background_linker.h"

#include "absl/time/time.h"
#include "pager/fork_count.h"
#include "vector/linker.h"

namespace sheaf::internal {
namespace {

constexpr absl::Duration kRest = absl::Milliseconds(100);
// Somebody may keep the writer's turn until this thread has stopped.
constexpr absl::Duration kLinkingWaitMax = absl::Milliseconds(100);

}  // namespace

void BackgroundLinker::Wake(catalog::Store* store, vectors::Directories* directories,
                            absl::Mutex* linking_mu, catalog::TreeId index) {
  {
    absl::MutexLock lock(&mu_);
    if (stop_) return;  // somebody closes
    waiting_.insert(index);
  }
  if (!joining_mu_.TryLock()) return;  // somebody starts it
  if (!thread_.joinable()) {
    forks_ = pager::ForkCount();
    thread_ = std::thread([=, this] { Run(store, directories, linking_mu); });
  }
  joining_mu_.Unlock();
}

void BackgroundLinker::Stop() {
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
}

bool BackgroundLinker::Rest() {
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(this, &BackgroundLinker::is_stopped), kRest);
  return !stop_;
}

void BackgroundLinker::Run(catalog::Store* store, vectors::Directories* directories,
                           absl::Mutex* linking_mu) {
  for (;;) {
    {
      absl::MutexLock lock(&mu_, absl::Condition(this, &BackgroundLinker::HasWork));
      if (stop_) return;
    }
    if (!Rest()) return;
    std::set<catalog::TreeId> indexes;
    {
      absl::MutexLock lock(&mu_);
      indexes.swap(waiting_);
    }
    for (const catalog::TreeId index : indexes) {
      vectors::Linker linker({store, index, directories, kLinkingWaitMax});
      for (bool is_done = false; !is_done;) {
        absl::MutexLock linking(linking_mu);
        // An index that was dropped, or a database that takes no more writes: its writers
        // are told.
        const auto counts = linker.LinkSome(kPendingMin);
        is_done = counts.ok() ? counts->looked_at == 0
                              : !absl::IsDeadlineExceeded(counts.status());
        absl::MutexLock lock(&mu_);
        if (stop_) return;
      }
    }
  }
}

}  // namespace sheaf::internal
