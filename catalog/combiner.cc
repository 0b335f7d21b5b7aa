#include "catalog/combiner.h"

#include <memory>
#include <utility>

namespace sheaf::catalog {

absl::Status Combiner::Run(Work work, Durability durability, absl::Duration wait_max) {
  Item self{work, durability, absl::OkStatus(), false};
  absl::MutexLock lock(&mu_);
  pending_.push_back(&self);
  if (!leader_waits_) Lead(wait_max);
  while (!self.done) done_.Wait(&mu_);
  return self.status;
}

void Combiner::Lead(absl::Duration wait_max) {
  leader_waits_ = true;
  mu_.Unlock();
  absl::StatusOr<std::unique_ptr<WriteTxn>> txn = store_.BeginWrite(wait_max);
  mu_.Lock();
  std::vector<Item*> items;
  items.swap(pending_);
  leader_waits_ = false;
  mu_.Unlock();
  absl::Status status = txn.ok() ? RunAll(txn->get(), items) : txn.status();
  mu_.Lock();
  for (Item* item : items) {
    if (item->status.ok()) item->status = status;
    item->done = true;
  }
  done_.SignalAll();
}

absl::Status Combiner::RunAll(WriteTxn* txn, const std::vector<Item*>& items) {
  Durability durability = Durability::kNone;
  for (Item* item : items) {
    item->status = item->work(*txn);
    if (item->status.ok()) durability = std::min(durability, item->durability);
  }
  return txn->Commit(durability);
}

}  // namespace sheaf::catalog
