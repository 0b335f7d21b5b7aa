#include "catalog/combiner.h"

#include <memory>
#include <utility>

#include "absl/time/clock.h"

namespace sheaf::catalog {

absl::Status Combiner::Run(Work work, Durability durability, absl::Duration wait_max) {
  Item self{work, durability, absl::OkStatus()};
  absl::Time deadline = absl::InfinitePast();  // known once it has to wait
  pager::MutexLock lock(&mu_);
  pending_.push_back(&self);
  while (!self.done) {
    if (self.taken) {
      done_.Wait(&mu_);
      continue;
    }
    const bool waited = deadline != absl::InfinitePast();
    if (!leader_waits_) {
      Lead(&self, waited ? deadline - absl::Now() : wait_max);
      continue;
    }
    if (!waited) deadline = absl::Now() + wait_max;
    if (done_.WaitUntil(&mu_, deadline) && !self.taken) GiveUp(&self);
  }
  return self.status;
}

void Combiner::GiveUp(Item* self) {
  std::erase(pending_, self);
  self->status = absl::DeadlineExceededError(
      "another write transaction is open and did not end in time");
  self->done = true;
}

void Combiner::Lead(Item* self, absl::Duration wait_max) {
  leader_waits_ = true;
  mu_.Unlock();
  absl::StatusOr<std::unique_ptr<WriteTxn>> txn =
      store_.BeginWrite(std::max(wait_max, absl::ZeroDuration()));
  mu_.Lock();
  leader_waits_ = false;
  if (absl::IsDeadlineExceeded(txn.status())) {
    GiveUp(self);
    done_.SignalAll();  // one of the others leads
    return;
  }
  std::vector<Item*> items;
  items.swap(pending_);
  for (Item* item : items) item->taken = true;
  mu_.Unlock();
  absl::Status status = txn.ok() ? RunAll(txn->get(), items) : txn.status();
  mu_.Lock();
  for (Item* item : items) {
    // Each thread gets an error of its own.
    if (item->status.ok() && !status.ok())
      item->status = absl::Status(status.code(), status.message());
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
