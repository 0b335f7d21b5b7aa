// Combiner: small writes of many threads as one transaction. Whoever finds nobody
// waiting for the writer's turn becomes the leader; those who come while it waits
// leave their work with it. Each waits as long as it chose to: where the leader
// gives up, another takes its place.
//
// Thread-safe. Lock order: before the writer queue; not held while it is waited for.
#ifndef CATALOG_COMBINER_H_
#define CATALOG_COMBINER_H_
#include <algorithm>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"
#include "pager/mutex.h"

namespace sheaf::catalog {

class Combiner {
 public:
  explicit Combiner(Store* store) : store_(*store) {}

  // Runs `work` in a transaction, its own or a shared one, and returns when that
  // is committed with `durability` or better. `work` must find everything wrong
  // with itself before it changes anything: then it fails alone.
  using Work = absl::FunctionRef<absl::Status(WriteTxn&)>;
  absl::Status Run(Work work, Durability durability, absl::Duration wait_max)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Item {
    Work work;
    Durability durability;
    absl::Status status;
    bool taken = false;  // by a leader that has the turn
    bool done = false;
  };
  void Lead(Item* self, absl::Duration wait_max) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void GiveUp(Item* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RunAll(WriteTxn* txn, const std::vector<Item*>& items);

  Store& store_;
  pager::Mutex mu_;
  pager::CondVar done_;
  bool leader_waits_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Item*> pending_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sheaf::catalog
#endif  // CATALOG_COMBINER_H_
