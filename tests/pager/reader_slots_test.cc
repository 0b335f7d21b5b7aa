// The slots by themselves: nobody shares one, however many are owned; those whose
// owners outlive the slots are orphaned, each is told so by its Release, and the
// count kept by Orphan's callbacks is that of the orphans. (RELIABILITY R10, B16)
#include "pager/reader_slots.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace sheaf::pager {
namespace {

void Outlive(ReaderSlot* slot) {
  slot->state.store(ReaderSlot::kOutlives, std::memory_order_release);
}

size_t CountOf(const ReaderSlots& slots, ReaderSlot::State state) {
  size_t count = 0;
  slots.ForEach([&](const ReaderSlot& slot) { count += slot.state.load() == state; });
  return count;
}

// Orphans, and returns how many there are.
int Orphan(ReaderSlots* slots) {
  int owners = 0;
  slots->Orphan([&] { ++owners; }, [&] { --owners; });
  return owners;
}

TEST(ReaderSlots, NobodySharesOne) {
  ReaderSlots slots;
  std::vector<ReaderSlot*> owned;
  std::set<ReaderSlot*> distinct;
  for (int i = 0; i < 100; ++i) {
    owned.push_back(slots.Acquire());
    distinct.insert(owned.back());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(owned.back()) % 64, 0u);
  }
  EXPECT_EQ(distinct.size(), owned.size());
  EXPECT_EQ(CountOf(slots, ReaderSlot::kOwned), owned.size());
  for (ReaderSlot* slot : owned) EXPECT_FALSE(slots.Release(slot));
  EXPECT_EQ(CountOf(slots, ReaderSlot::kOwned), 0u);
  for (int i = 0; i < 100; ++i) distinct.insert(slots.Acquire());
  size_t all = 0;
  slots.ForEach([&](const ReaderSlot&) { ++all; });
  EXPECT_LE(distinct.size(), all) << "slots are used again before more are made";
  EXPECT_LE(all, 128u);
}

TEST(ReaderSlots, ReleaseForgetsTheVersion) {
  ReaderSlots slots;
  ReaderSlot* const slot = slots.Acquire();
  slot->version.store(&slots);
  EXPECT_FALSE(slots.Release(slot));
  slots.ForEach([](const ReaderSlot& s) { EXPECT_EQ(s.version.load(), nullptr); });
}

TEST(ReaderSlots, ReleaseTellsExactlyTheOrphaned) {
  ReaderSlots slots;
  std::vector<ReaderSlot*> owned, outliving, ended;
  for (int i = 0; i < 90; ++i) {
    ReaderSlot* const slot = slots.Acquire();
    (i % 3 == 0 ? owned : i % 3 == 1 ? outliving : ended).push_back(slot);
    if (i % 3 != 0) Outlive(slot);
  }
  for (ReaderSlot* slot : ended) EXPECT_FALSE(slots.Release(slot));
  EXPECT_EQ(Orphan(&slots), 30);
  EXPECT_EQ(CountOf(slots, ReaderSlot::kOrphaned), 30u);
  EXPECT_EQ(CountOf(slots, ReaderSlot::kOwned), 30u);
  for (ReaderSlot* slot : outliving) EXPECT_TRUE(slots.Release(slot));
  for (ReaderSlot* slot : owned) EXPECT_FALSE(slots.Release(slot));
  // The next owner of a slot that was orphaned is not.
  for (int i = 0; i < 90; ++i) EXPECT_FALSE(slots.Release(slots.Acquire()));
  EXPECT_EQ(Orphan(&slots), 0);
}

// `before` must come before the slot can be seen as orphaned: who releases it then
// counts on having been counted.
TEST(ReaderSlots, TheCountNeverFallsShort) {
  for (int round = 0; round < 300; ++round) {
    ReaderSlots slots;
    constexpr int kThreads = 4;
    std::atomic<int> owners{1}, last{0}, ready{0};
    const auto drop = [&] { last += owners.fetch_sub(1) == 1; };
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        ReaderSlot* const slot = slots.Acquire();
        Outlive(slot);
        for (++ready; ready <= kThreads;) std::this_thread::yield();
        if (slots.Release(slot)) drop();
      });
    while (ready < kThreads) std::this_thread::yield();
    ++ready;
    slots.Orphan([&] { ++owners; }, drop);
    drop();
    for (std::thread& t : threads) t.join();
    ASSERT_EQ(owners, 0) << "round " << round;
    ASSERT_EQ(last, 1) << "round " << round;
  }
}

}  // namespace
}  // namespace sheaf::pager
