#include "catalog/version_set.h"

#include <algorithm>
#include <utility>

#include "pager/assert.h"

namespace sheaf::catalog {

using pager::PageRef;

namespace {

// A list of pages up to this size is kept for the next version.
constexpr size_t kWaitingKeep = 4096;

}  // namespace

void VersionSet::Start(const Version& first) {
  pager::MutexLock lock(&mu_);
  SHEAF_ASSERT(entries_.empty());
  entries_.push_back(std::make_unique<Entry>());
  static_cast<Version&>(*entries_[0]) = first;
  entries_[0]->holds = 1;
  durable_ = entries_[0].get();
  shown_.store(durable_, std::memory_order_seq_cst);
}

const Version* VersionSet::Acquire(pager::ReaderSlot* slot) const {
  for (;;) {
    const Entry* v = shown_.load(std::memory_order_acquire);
    slot->version.exchange(v, std::memory_order_seq_cst);
    if (shown_.load(std::memory_order_seq_cst) == v) return v;
  }
}

Version VersionSet::newest() const {
  pager::MutexLock lock(&mu_);
  return *entries_.back();
}

Version VersionSet::shown() const {
  pager::MutexLock lock(&mu_);
  return *shown_.load(std::memory_order_relaxed);
}

void VersionSet::Append(const Version& next, absl::Span<const PageRef> given_up) {
  pager::MutexLock lock(&mu_);
  Entry* before = entries_.back().get();
  SHEAF_ASSERT(next.number > before->number);
  const pager::Stamp in_file = writing_ != nullptr ? writing_->number : durable_->number;
  for (const PageRef& page : given_up)
    if (page.birth <= in_file) deaths_.push_back(page);
  before->waiting.insert(before->waiting.end(), given_up.begin(), given_up.end());
  std::unique_ptr<Entry> entry;
  if (spare_.empty()) {
    entry = std::make_unique<Entry>();
  } else {
    entry = std::move(spare_.back());
    spare_.pop_back();
  }
  static_cast<Version&>(*entry) = next;
  entry->holds = 1;  // until shown
  entries_.push_back(std::move(entry));
}

void VersionSet::ShowThrough(pager::Lsn lsn, pager::Stamp number) {
  pager::MutexLock lock(&mu_);
  const Entry* shown = shown_.load(std::memory_order_relaxed);
  size_t i = entries_.size();
  while (i > 0 && entries_[i - 1]->number > shown->number) --i;
  for (; i < entries_.size(); ++i) {
    const Entry& e = *entries_[i];
    if (e.log.lsn >= lsn && e.number > number) break;
    shown = &e;
    --entries_[i]->holds;
  }
  shown_.store(shown, std::memory_order_seq_cst);
  ReapLocked();
}

Version VersionSet::BeginCheckpoint(absl::Span<const PageRef>* died) {
  pager::MutexLock lock(&mu_);
  SHEAF_ASSERT(writing_ == nullptr);
  writing_ = entries_.back().get();
  ++writing_->holds;
  SHEAF_ASSERT(deaths_before_.empty());
  deaths_before_.swap(deaths_);
  *died = deaths_before_;
  return *writing_;
}

void VersionSet::EndCheckpoint(Outcome outcome) {
  pager::MutexLock lock(&mu_);
  SHEAF_ASSERT(writing_ != nullptr);
  Entry* const released = outcome == Outcome::kDurable ? durable_ : writing_;
  if (outcome == Outcome::kDurable) {
    durable_ = writing_;
  } else {
    // Pages given up meanwhile that only the checkpoint would have put in the file.
    const pager::Stamp in_file = durable_->number;
    std::erase_if(deaths_, [in_file](const PageRef& d) { return d.birth > in_file; });
    deaths_.insert(deaths_.end(), deaths_before_.begin(), deaths_before_.end());
  }
  deaths_before_ = {};
  writing_ = nullptr;
  --released->holds;
  ReapLocked();
  // What was given up while it was being written is in the file by now.
  if (outcome == Outcome::kDurable &&
      durable_ != shown_.load(std::memory_order_relaxed) && !IsRead(durable_))
    pager_.buffer().Retire(durable_->waiting);
}

void VersionSet::Reap() {
  pager::MutexLock lock(&mu_);
  ReapLocked();
}

// Did a reader hold it when ReapLocked looked?
bool VersionSet::IsHazard(const Entry* entry) const {
  return std::find(hazards_.begin(), hazards_.end(), entry) != hazards_.end();
}

// Did a reader hold it or one before it? Pages that wait for it may be of those, too.
bool VersionSet::IsRead(const Entry* entry) const {
  for (const auto& e : entries_) {
    if (IsHazard(e.get())) return true;
    if (e.get() == entry) break;
  }
  return false;
}

// The pages that waited for this version wait for the one before it, or for none.
void VersionSet::RemoveAt(size_t index, std::vector<PageRef>* free) {
  Entry& gone = *entries_[index];
  Entry* const before = index > 0 ? entries_[index - 1].get() : nullptr;
  // Kept for the checkpoint alone: no reader can come to it any more.
  const bool unread =
      before != nullptr && (before == durable_ || before == writing_) && !IsRead(before);
  for (const PageRef& page : gone.waiting) {
    if (before == nullptr || before->number < page.birth) {
      free->push_back(page);
      continue;
    }
    before->waiting.push_back(page);
    if (unread) retired_now_.push_back(page);
  }
  gone.waiting.clear();
  if (gone.waiting.capacity() > kWaitingKeep) gone.waiting.shrink_to_fit();
  spare_.push_back(std::move(entries_[index]));
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(index));
}

void VersionSet::ReapLocked() {
  hazards_.clear();
  if (entries_.size() < 2) return;
  pager_.buffer().slots().ForEach([hazards = &hazards_](const pager::ReaderSlot& slot) {
    const void* v = slot.version.load(std::memory_order_seq_cst);
    if (v != nullptr) hazards->push_back(v);
  });
  const Entry* shown = shown_.load(std::memory_order_relaxed);
  free_now_.clear();
  retired_now_.clear();
  // Newest first, so that a page may pass several versions at once.
  for (size_t i = entries_.size() - 1; i-- > 0;) {
    const Entry* e = entries_[i].get();
    if (e->holds > 0 || e == shown) continue;
    if (!IsHazard(e)) RemoveAt(i, &free_now_);
  }
  if (!free_now_.empty()) pager_.allocator().FreeAll(free_now_);
  if (!retired_now_.empty()) pager_.buffer().Retire(retired_now_);
}

uint64_t VersionSet::pages_waiting() const {
  pager::MutexLock lock(&mu_);
  uint64_t pages = 0;
  for (const auto& e : entries_)
    for (const PageRef& page : e->waiting) pages += page.pages;
  return pages;
}

VersionSet::Readers VersionSet::readers() const {
  pager::MutexLock lock(&mu_);
  Readers readers;
  const auto* const entries = &entries_;  // the lock is held for the lambda, too
  pager_.buffer().slots().ForEach([&](const pager::ReaderSlot& slot) {
    const void* v = slot.version.load(std::memory_order_seq_cst);
    for (const auto& e : *entries) {
      if (v == nullptr || static_cast<const void*>(e.get()) != v) continue;
      ++readers.open;
      if (readers.oldest == 0 || e->number < readers.oldest) readers.oldest = e->number;
      Reader reader{e->number, slot.since_ns.load(std::memory_order_relaxed), 0};
      for (const PageRef& page : e->waiting) reader.pages_held += page.pages;
      readers.each.push_back(reader);
    }
  });
  std::sort(readers.each.begin(), readers.each.end(),
            [](const Reader& a, const Reader& b) { return a.version < b.version; });
  return readers;
}

std::vector<PageRef> VersionSet::Waiting() const {
  pager::MutexLock lock(&mu_);
  std::vector<PageRef> pages;
  for (const auto& e : entries_)
    pages.insert(pages.end(), e->waiting.begin(), e->waiting.end());
  return pages;
}

}  // namespace sheaf::catalog
