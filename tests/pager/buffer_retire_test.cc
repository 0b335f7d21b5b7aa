// Retired pages leave memory at once, but never while they are pinned, dirty or
// somebody else's; and memory goes from single pages to larger nodes and back without
// ever being more than the budget. (RELIABILITY R12, I8)
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "pager/buffer_manager.h"
#include "tests/pager/pager_test_util.h"
#include "tests/support/sanitizers.h"

namespace sheaf::pager {
namespace {

constexpr uint64_t kSmall = BufferManager::kBytesMin;

class BufferRetire : public testing::Test {
 protected:
  // 1,000 clean pages in the file, none in memory, and a budget of 256.
  BufferRetire() : t_(kSmall) {
    for (PageId id = 2; id < 1002; ++id) {
      refs_.push_back({id, 5, 1, false});
      t_.Make(refs_.back());
    }
    EXPECT_TRUE(t_.buffer->WriteOut(refs_).ok());
    t_.NewBuffer(kSmall);
  }
  void LoadAll(size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) t_.ExpectReadable(refs_[i]);
  }
  std::vector<PageRef> Refs(size_t from, size_t to) const {
    return {refs_.begin() + static_cast<ptrdiff_t>(from),
            refs_.begin() + static_cast<ptrdiff_t>(to)};
  }
  size_t Resident(const std::vector<PageRef>& refs) {
    return static_cast<size_t>(std::count_if(
        refs.begin(), refs.end(),
        [&](const PageRef& ref) { return t_.buffer->Peek(ref.id) != nullptr; }));
  }
  BufferStats stats() const { return t_.buffer->stats(); }
  void ExpectConsistent() {
    const absl::Status check = t_.buffer->Check();
    EXPECT_TRUE(check.ok()) << check;
    EXPECT_LE(stats().bytes_used, kSmall);
  }

  TestFile t_;
  std::vector<PageRef> refs_;
};

TEST_F(BufferRetire, MakesRoomAtOnce) {
  LoadAll(0, 250);
  t_.buffer->Retire(Refs(100, 150));
  EXPECT_EQ(Resident(Refs(0, 250)), 200u);
  EXPECT_EQ(Resident(Refs(100, 150)), 0u);
  EXPECT_EQ(stats().bytes_used, 200 * kPageBytes);
  ExpectConsistent();
  const uint64_t evictions = stats().evictions;
  LoadAll(300, 350);
  EXPECT_EQ(stats().evictions, evictions) << "there was room";
  LoadAll(100, 150);  // whoever asks gets them all the same
  ExpectConsistent();
}

TEST_F(BufferRetire, NotWhilePinned) {
  const std::vector<PageRef> pinned = Refs(0, 20);
  std::vector<PinnedPage> pins;
  for (const PageRef& ref : pinned)
    pins.emplace_back(t_.buffer.get(), ref.id, *t_.buffer->Pin(ref));
  t_.buffer->Retire(pinned);
  LoadAll(20, 1000);
  for (size_t i = 0; i < pinned.size(); ++i) {
    ASSERT_EQ(t_.buffer->Peek(pinned[i].id), pins[i].data());
    EXPECT_EQ(pins[i].data()[PageHeader::kSize], TestFile::FillOf(pinned[i]));
  }
  pins.clear();
  t_.buffer->Retire(pinned);
  EXPECT_EQ(Resident(pinned), 0u);
  LoadAll(0, 20);
  ExpectConsistent();
}

// Its last change is in memory only: it must reach the file first.
TEST_F(BufferRetire, NotBeforeTheyAreWritten) {
  std::vector<PageRef> dirty;
  for (PageId id = 1002; id < 1052; ++id) {
    dirty.push_back({id, 6, 1, false});
    t_.Make(dirty.back());
  }
  t_.buffer->set_private_floor(6);  // of the running transaction
  t_.buffer->Retire(dirty);
  LoadAll(0, 900);
  EXPECT_EQ(Resident(dirty), dirty.size());
  EXPECT_EQ(stats().bytes_dirty, dirty.size() * kPageBytes);
  t_.buffer->set_private_floor(kStampEnd);
  LoadAll(0, 900);
  EXPECT_EQ(Resident(dirty), 0u);
  for (const PageRef& ref : dirty) t_.ExpectReadable(ref);
  ExpectConsistent();
}

TEST_F(BufferRetire, LeavesMemoryWithItsWrite) {
  std::vector<PageRef> dirty;
  for (PageId id = 1002; id < 1052; ++id) {
    dirty.push_back({id, 6, 1, false});
    t_.Make(dirty.back());
  }
  const std::vector<PageRef> retired(dirty.begin(), dirty.begin() + 30);
  t_.buffer->Retire(retired);
  EXPECT_EQ(Resident(dirty), dirty.size());
  const PageRef pinned = retired[7];
  const char* page = *t_.buffer->Pin(pinned);
  ASSERT_TRUE(t_.buffer->WriteOut(dirty).ok());
  EXPECT_EQ(Resident(retired), 1u) << "the one that is pinned";
  EXPECT_EQ(page[PageHeader::kSize], TestFile::FillOf(pinned));
  t_.buffer->Unpin(pinned.id);
  EXPECT_EQ(Resident(dirty), dirty.size() - 29);
  EXPECT_EQ(stats().bytes_dirty, 0u);
  ExpectConsistent();
  for (const PageRef& ref : dirty) t_.ExpectReadable(ref);
}

// The page that lies there now has nothing to do with the one that was retired.
TEST_F(BufferRetire, NotTheNextOwner) {
  LoadAll(0, 250);
  std::vector<PageRef> older, next;
  for (const PageRef& ref : Refs(200, 250)) {
    older.push_back(ref);
    ASSERT_TRUE(t_.buffer->Free(ref.id));
    next.push_back({ref.id, 6, 1, false});
    t_.Make(next.back());
  }
  ASSERT_TRUE(t_.buffer->WriteOut(next).ok());
  t_.buffer->Retire(older);
  EXPECT_EQ(Resident(next), next.size());
  for (const PageRef& ref : next) t_.ExpectReadable(ref);
  t_.buffer->Retire(next);
  EXPECT_EQ(Resident(next), 0u);
  ExpectConsistent();
}

TEST_F(BufferRetire, WhatIsNotInMemoryDoesNoHarm) {
  LoadAll(0, 1);
  for (int i = 0; i < 50; ++i) t_.buffer->Retire(refs_);
  LoadAll(0, 1000);
  LoadAll(0, 1000);
  ExpectConsistent();
}

uint64_t MemoryOfProcess() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  unsigned long long all = 0, resident = 0;
  EXPECT_EQ(std::fscanf(file, "%llu %llu", &all, &resident), 2);
  std::fclose(file);
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Sanitizers keep memory of their own.
constexpr bool kMemoryIsOurs = !test::kAddressSanitizer && !test::kThreadSanitizer;

TEST(BufferMemory, GoesFromSinglePagesToLargeNodesAndBack) {
  constexpr uint64_t kBudget = uint64_t{32} << 20;
  constexpr uint64_t kAround = uint64_t{6} << 20;  // lists, states, one huge page
  TestFile t(kBudget);
  std::vector<PageRef> singles, larges;
  PageId id = 2;
  for (uint64_t pages = 0; pages < kBudget / kPageBytes; ++pages, ++id)
    singles.push_back({id, 5, 1, false});
  for (uint64_t pages = 0; pages < kBudget / kPageBytes; pages += larges.back().pages) {
    larges.push_back({id, 5, 2 + static_cast<uint32_t>(id % 15), false});
    id += larges.back().pages;
  }
  for (const auto* refs : {&singles, &larges}) {
    for (const PageRef& ref : *refs) t.Make(ref);
    ASSERT_TRUE(t.buffer->WriteOut(*refs).ok());
  }
  t.NewBuffer(kBudget);
  const uint64_t before = MemoryOfProcess();
  for (int round = 0; round < 3; ++round) {
    for (const auto* refs : {&singles, &larges, &larges, &singles}) {
      for (const PageRef& ref : *refs) t.ExpectReadable(ref);
      const absl::Status check = t.buffer->Check();
      ASSERT_TRUE(check.ok()) << check;
      ASSERT_LE(t.buffer->stats().bytes_used, kBudget);
      if (kMemoryIsOurs) {
        ASSERT_LE(MemoryOfProcess(), before + kBudget + kAround);
      }
    }
  }
  EXPECT_GT(t.buffer->stats().evictions, singles.size());
}

}  // namespace
}  // namespace sheaf::pager
