// ReaderSlots: who is reading now, and what.
//
// Every transaction owns one slot, a cache line of its own, with two words:
//
//   epoch    not 0 while an operation holds pointers into pages it has not
//            pinned. The buffer manager frees the memory of a page only when
//            every operation that might have seen it resident has ended.
//   version  the version the transaction reads, as a hazard pointer (Michael,
//            IEEE TPDS 2004). Its pages are not reused while it is there.
//
// So a reader writes only to its own line: no lock, and no line that two
// readers share, is written on the way to a value.
//
// Thread-safe. A slot is used by one thread at a time.
#ifndef PAGER_READER_SLOTS_H_
#define PAGER_READER_SLOTS_H_
#include <atomic>
#include <cstdint>
#include <memory>

#include "pager/assert.h"

namespace sheaf::pager {

struct alignas(64) ReaderSlot {
  std::atomic<uint64_t> epoch{0};
  std::atomic<const void*> version{nullptr};
  std::atomic<int64_t> since_ns{0};  // when the version was taken; CLOCK_MONOTONIC
  std::atomic<uint64_t> lookups{0};  // of pages, by all its owners so far
  // kOutlives: its owner may outlive whoever owns the slots. kOrphaned: it has.
  enum State : uint8_t { kFree, kOwned, kOutlives, kOrphaned };
  std::atomic<State> state{kFree};

  // Requires: the caller owns it.
  void CountLookups(uint64_t pages) {
    lookups.store(lookups.load(std::memory_order_relaxed) + pages,
                  std::memory_order_relaxed);
  }
};

class ReaderSlots {
 public:
  ReaderSlots() = default;
  ~ReaderSlots() {
    for (Block* b = first_.next.load(); b != nullptr;) {
      Block* next = b->next.load();
      delete b;
      b = next;
    }
  }
  ReaderSlots(const ReaderSlots&) = delete;
  ReaderSlots& operator=(const ReaderSlots&) = delete;

  // Never fails: more slots are made when all are owned.
  ReaderSlot* Acquire() {
    // Each thread begins its search elsewhere, so that threads share no cache line.
    static std::atomic<size_t> threads{0};
    thread_local const size_t first = threads.fetch_add(1, std::memory_order_relaxed);
    for (Block* b = &first_;;) {
      for (size_t i = 0; i < kSlotsABlock; ++i) {
        ReaderSlot& slot = b->slots[(first + i) % kSlotsABlock];
        ReaderSlot::State free = ReaderSlot::kFree;
        if (slot.state.load(std::memory_order_relaxed) == free &&
            slot.state.compare_exchange_strong(free, ReaderSlot::kOwned,
                                               std::memory_order_acquire))
          return &slot;
      }
      Block* next = b->next.load(std::memory_order_acquire);
      if (next == nullptr) {
        auto made = std::make_unique<Block>();
        if (b->next.compare_exchange_strong(next, made.get())) next = made.release();
      }
      b = next;
    }
  }
  // True when the slot was orphaned: see Orphan. Otherwise the slots may be gone by
  // the time it returns.
  bool Release(ReaderSlot* slot) {
    SHEAF_ASSERT(slot->epoch.load(std::memory_order_relaxed) == 0);
    slot->version.store(nullptr, std::memory_order_release);
    return slot->state.exchange(ReaderSlot::kFree, std::memory_order_acq_rel) ==
           ReaderSlot::kOrphaned;
  }

  // The slots' owner goes. Each slot whose own owner outlives it is orphaned, and its
  // Release says so; `before` is called before that can happen, `undo` if it cannot.
  template <class Before, class Undo>
  void Orphan(Before before, Undo undo) {
    for (Block* b = &first_; b != nullptr; b = b->next.load(std::memory_order_acquire)) {
      for (ReaderSlot& slot : b->slots) {
        ReaderSlot::State outlives = ReaderSlot::kOutlives;
        before();
        if (!slot.state.compare_exchange_strong(outlives, ReaderSlot::kOrphaned,
                                                std::memory_order_acq_rel))
          undo();
      }
    }
  }

  template <class Fn>
  void ForEach(Fn fn) const {
    for (const Block* b = &first_; b != nullptr;
         b = b->next.load(std::memory_order_acquire))
      for (const ReaderSlot& slot : b->slots) fn(slot);
  }

 private:
  static constexpr size_t kSlotsABlock = 32;
  struct Block {
    ReaderSlot slots[kSlotsABlock];
    std::atomic<Block*> next{nullptr};
  };
  Block first_;
};

}  // namespace sheaf::pager
#endif  // PAGER_READER_SLOTS_H_
