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
  std::atomic<bool> owned{false};
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
    for (Block* b = &first_;;) {
      for (ReaderSlot& slot : b->slots) {
        if (!slot.owned.load(std::memory_order_relaxed) &&
            !slot.owned.exchange(true, std::memory_order_acquire))
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
  void Release(ReaderSlot* slot) {
    SHEAF_ASSERT(slot->epoch.load(std::memory_order_relaxed) == 0);
    slot->version.store(nullptr, std::memory_order_release);
    slot->owned.store(false, std::memory_order_release);
  }

  template <class Fn>
  void ForEach(Fn fn) const {
    for (const Block* b = &first_; b != nullptr;
         b = b->next.load(std::memory_order_acquire))
      for (const ReaderSlot& slot : b->slots) fn(slot);
  }

 private:
  struct Block {
    ReaderSlot slots[32];
    std::atomic<Block*> next{nullptr};
  };
  Block first_;
};

}  // namespace sheaf::pager
#endif  // PAGER_READER_SLOTS_H_
