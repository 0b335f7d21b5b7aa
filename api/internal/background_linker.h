// BackgroundLinker: the thread that links vectors into the graphs of their indexes. It
// begins when first woken, and sleeps a little before it works, so that what many small
// commits put is linked together.
//
// Thread-safe.
#ifndef API_INTERNAL_BACKGROUND_LINKER_H_
#define API_INTERNAL_BACKGROUND_LINKER_H_
#include <cstdint>
#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "catalog/store.h"
#include "vector/index.h"

namespace sheaf::internal {

class BackgroundLinker {
 public:
  // Fewer than these stay unlinked: comparing them costs a search next to nothing.
  static constexpr uint64_t kPendingMin = 64;

  BackgroundLinker() = default;
  ~BackgroundLinker() { Stop(); }
  BackgroundLinker(const BackgroundLinker&) = delete;
  BackgroundLinker& operator=(const BackgroundLinker&) = delete;

  // `store` and what else is passed outlive the thread. `linking_mu`: held while it works.
  void Wake(catalog::Store* store, vectors::Directories* directories,
            absl::Mutex* linking_mu, catalog::TreeId index) ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when it works no more. It may be woken again.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run(catalog::Store* store, vectors::Directories* directories,
           absl::Mutex* linking_mu) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits so long. False: it is to stop.
  bool Rest() ABSL_LOCKS_EXCLUDED(mu_);
  bool is_stopped() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return stop_; }
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stop_ || !waiting_.empty();
  }

  absl::Mutex joining_mu_;  // outermost: who starts or stops the thread
  absl::Mutex mu_;
  std::set<catalog::TreeId> waiting_ ABSL_GUARDED_BY(mu_);
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_ ABSL_GUARDED_BY(joining_mu_);
  uint64_t forks_ ABSL_GUARDED_BY(joining_mu_) = 0;  // when it began
};

}  // namespace sheaf::internal
#endif  // API_INTERNAL_BACKGROUND_LINKER_H_
