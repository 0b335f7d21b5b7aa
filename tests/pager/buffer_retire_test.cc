// Which pages go first, and which are there before they are asked for: retired pages
// are evicted before others that nobody touched for longer, but never while they are
// pinned, dirty or somebody else's; prefaulted pages are counted, usable, and given
// back when the budget wants them. (RELIABILITY R12, I8)
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "pager/buffer_manager.h"
#include "tests/pager/pager_test_util.h"

namespace sheaf::pager {
namespace {

constexpr uint64_t kSmall = BufferManager::kBytesMin;
constexpr size_t kPagesMax = kSmall / kPageBytes;

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
  // Makes the clock see every page that is in memory, and mark it.
  void Sweep() {
    const BufferStats before = stats();
    for (size_t i = refs_.size() - 1; stats().evictions == before.evictions; --i)
      t_.ExpectReadable(refs_[i]);
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

TEST_F(BufferRetire, BeforeOthersThatAreColder) {
  LoadAll(0, 250);
  Sweep();
  const uint64_t misses = stats().misses;
  LoadAll(150, 250);  // by the clock they would go last
  ASSERT_EQ(stats().misses, misses);
  const std::vector<PageRef> retired = Refs(150, 250);
  t_.buffer->Retire(retired);
  Sweep();  // when first seen they are only marked
  const uint64_t evictions = stats().evictions;
  LoadAll(300, 350);
  const uint64_t gone = stats().evictions - evictions;
  ASSERT_GE(gone, 30u);
  EXPECT_EQ(Resident(retired), retired.size() - gone);
  ExpectConsistent();
}

TEST_F(BufferRetire, AreReadAgain) {
  LoadAll(0, 200);
  t_.buffer->Retire(Refs(0, 200));
  Sweep();
  LoadAll(300, 450);
  ASSERT_LT(Resident(Refs(0, 200)), 200u);
  const uint64_t misses = stats().misses;
  LoadAll(0, 200);
  EXPECT_GT(stats().misses, misses);
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
  Sweep();
  LoadAll(300, 600);
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

// The page that lies there now has nothing to do with the one that was retired.
TEST_F(BufferRetire, NotTheNextOwner) {
  LoadAll(0, 250);
  Sweep();
  std::vector<PageRef> older, next;
  for (const PageRef& ref : Refs(200, 250)) {
    older.push_back(ref);
    ASSERT_TRUE(t_.buffer->Free(ref.id, 1));
    next.push_back({ref.id, 6, 1, false});
    t_.Make(next.back());
  }
  t_.buffer->Retire(older);
  ASSERT_TRUE(t_.buffer->WriteOut(next).ok());
  Sweep();
  const uint64_t evictions = stats().evictions;
  LoadAll(300, 350);
  ASSERT_GE(stats().evictions - evictions, 30u);
  EXPECT_EQ(Resident(next), next.size());
  for (const PageRef& ref : next) t_.ExpectReadable(ref);
  ExpectConsistent();
}

TEST_F(BufferRetire, WhatIsNotInMemoryDoesNoHarm) {
  LoadAll(0, 1);
  for (int i = 0; i < 50; ++i) t_.buffer->Retire(refs_);
  LoadAll(0, 1000);
  LoadAll(0, 1000);
  ExpectConsistent();
}

class BufferPrefault : public BufferRetire {
 protected:
  static std::vector<PageId> Ids(PageId first, size_t count) {
    std::vector<PageId> ids;
    for (PageId id = first; id < first + count; ++id) ids.push_back(id);
    return ids;
  }
};

TEST_F(BufferPrefault, PagesAreCountedAndUsable) {
  LoadAll(0, 10);
  t_.buffer->Prefault(Ids(1100, 64));
  EXPECT_EQ(stats().bytes_used, 74 * kPageBytes);
  EXPECT_EQ(stats().bytes_dirty, 0u);
  EXPECT_TRUE(t_.buffer->Check().ok());
  t_.buffer->set_page_end(1200);
  EXPECT_TRUE(absl::IsDataLoss(t_.buffer->Load({1100, 5, 1, false})))
      << "it belongs to nobody";
  for (PageId id = 1100; id < 1164; ++id) t_.Make({id, 7, 1, false});
  EXPECT_EQ(stats().bytes_used, 74 * kPageBytes) << "its memory was there";
  EXPECT_EQ(stats().bytes_dirty, 64 * kPageBytes);
  for (PageId id = 1100; id < 1164; ++id) t_.ExpectReadable({id, 7, 1, false});
  LoadAll(0, 10);
  ExpectConsistent();
}

TEST_F(BufferPrefault, SparesPagesInUse) {
  LoadAll(0, 10);
  const char* page = *t_.buffer->Pin(refs_[5]);
  t_.Make({1100, 6, 4, false});
  const uint64_t used = stats().bytes_used;
  t_.buffer->Prefault(Ids(2, 10));
  t_.buffer->Prefault(Ids(1100, 4));
  EXPECT_EQ(stats().bytes_used, used);
  EXPECT_EQ(page[PageHeader::kSize], TestFile::FillOf(refs_[5]));
  t_.buffer->Unpin(refs_[5].id);
  LoadAll(0, 10);
  t_.ExpectReadable({1100, 6, 4, false});
  t_.buffer->Prefault(Ids(1104, 2));
  t_.buffer->Prefault(Ids(1104, 2));  // they are there already
  EXPECT_EQ(stats().bytes_used, used + 2 * kPageBytes);
  ExpectConsistent();
}

TEST_F(BufferPrefault, TheNextReserveBringsTheBudgetBack) {
  LoadAll(0, kPagesMax);
  ASSERT_EQ(stats().bytes_used, kSmall);
  t_.buffer->Prefault(Ids(1100, 64));
  EXPECT_EQ(stats().bytes_used, kSmall + 64 * kPageBytes);
  EXPECT_TRUE(t_.buffer->Check().ok());
  ASSERT_TRUE(t_.buffer->Reserve(3).ok());
  EXPECT_LE(stats().bytes_used, kSmall - 3 * kPageBytes);
  ExpectConsistent();
  // Some of them, or none, may have been taken away again.
  for (PageId id = 1100; id < 1164; ++id) t_.Make({id, 7, 1, false});
  for (PageId id = 1100; id < 1164; ++id) t_.ExpectReadable({id, 7, 1, false});
  LoadAll(0, kPagesMax);
  ExpectConsistent();
}

TEST_F(BufferPrefault, WhatNobodyAskedForIsGivenBack) {
  LoadAll(0, 1);
  t_.buffer->Prefault(Ids(1100, 128));
  LoadAll(0, 1000);
  LoadAll(0, 1000);
  ExpectConsistent();
  t_.buffer->set_page_end(1300);
  // Without memory they are not free, but unknown: the file is asked.
  size_t taken = 0;
  for (PageId id = 1100; id < 1228; ++id) {
    const absl::Status status = t_.buffer->Load({id, 7, 1, false});
    taken += status.message().find("end of the file") != std::string_view::npos;
  }
  EXPECT_EQ(taken, 128u);
  for (PageId id = 1100; id < 1228; ++id) t_.Make({id, 7, 1, false});
  for (PageId id = 1100; id < 1228; ++id) t_.ExpectReadable({id, 7, 1, false});
  ExpectConsistent();
}

}  // namespace
}  // namespace sheaf::pager
