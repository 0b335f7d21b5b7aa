// The page allocator by itself, against a set of pages in use: nobody gets a page
// twice, runs stay inside their chunk, and the map in the file says exactly what is
// live, also while it grows by the very pages it is written to (RELIABILITY R9,
// B8, B13).
#include "pager/page_allocator.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <random>
#include <set>

#include "pager/coding.h"
#include "tests/pager/pager_test_util.h"

namespace sheaf::pager {
namespace {

class PageAllocatorTest : public testing::Test {
 protected:
  void SetUp() override { Open({}, PageAllocator::kFirstPage); }

  void Open(const MapRoots& roots, PageId page_end) {
    t_.NewBuffer(uint64_t{16} << 20);
    allocator_ = std::make_unique<PageAllocator>(t_.file.get(), t_.buffer.get());
    ASSERT_TRUE(allocator_->Open(roots, page_end).ok());
  }
  PageRef Take(uint32_t pages) {
    absl::StatusOr<PageId> id = allocator_->Allocate(pages);
    EXPECT_TRUE(id.ok()) << id.status();
    return {*id, 1, pages, false};
  }
  std::set<PageId> Live() {
    std::set<PageId> live;
    EXPECT_TRUE(allocator_
                    ->ForEachLive([&](PageId first, uint64_t count) {
                      for (PageId p = first; p < first + count; ++p) live.insert(p);
                    })
                    .ok());
    return live;
  }
  std::set<PageId> Free() {
    std::set<PageId> free;
    EXPECT_TRUE(allocator_
                    ->ForEachFree([&](PageId first, uint64_t count) {
                      for (PageId p = first; p < first + count; ++p) free.insert(p);
                    })
                    .ok());
    return free;
  }
  std::set<PageId> MapIds() {
    std::set<PageId> ids;
    for (const PageRef& ref : allocator_->MapPages()) Add(&ids, ref);
    return ids;
  }
  static void Add(std::set<PageId>* set, const PageRef& ref) {
    for (PageId p = ref.id; p < ref.id + ref.pages; ++p)
      EXPECT_TRUE(set->insert(p).second) << "page " << p << " was handed out twice";
  }
  static void Remove(std::set<PageId>* set, const PageRef& ref) {
    for (PageId p = ref.id; p < ref.id + ref.pages; ++p) EXPECT_EQ(set->erase(p), 1u);
  }
  // Live must be `pages` and the map's own.
  void ExpectLive(std::set<PageId> pages) {
    for (const PageRef& ref : allocator_->MapPages()) Add(&pages, ref);
    EXPECT_TRUE(Live() == pages) << Live().size() << " live, expected " << pages.size();
    const absl::Status check = allocator_->Check();
    EXPECT_TRUE(check.ok()) << check;
  }

  TestFile t_;
  std::unique_ptr<PageAllocator> allocator_;
};

TEST_F(PageAllocatorTest, LowestFirst) {
  for (PageId id = 2; id < 50; ++id) EXPECT_EQ(Take(1).id, id);
  EXPECT_EQ(Take(16).id, 50u);
  allocator_->Free({10, 1, 1, false});
  EXPECT_EQ(Take(16).id, 66u);
  EXPECT_EQ(Take(1).id, 10u);
  EXPECT_EQ(Take(1).id, 82u);
  EXPECT_EQ(allocator_->page_end(), 83u);
}

TEST_F(PageAllocatorTest, RunsStayInTheirChunk) {
  for (PageId id = 2; id < kChunkPages - 6; id += 2) ASSERT_EQ(Take(2).id, id);
  EXPECT_EQ(Take(16).id, kChunkPages);
  EXPECT_EQ(Take(6).id, kChunkPages - 6);
  EXPECT_EQ(Take(1).id, kChunkPages + 16);
}

TEST_F(PageAllocatorTest, TheMapSurvives) {
  std::set<PageId> pages;
  std::vector<PageRef> born;
  for (int i = 0; i < 200; ++i) {
    born.push_back(Take(1 + static_cast<uint32_t>(i % 16)));
    Add(&pages, born.back());
  }
  absl::StatusOr<MapRoots> roots = allocator_->WriteMap(born, {}, 1);
  ASSERT_TRUE(roots.ok()) << roots.status();
  allocator_->FinishMap();
  ExpectLive(pages);
  const PageRef in_flight = Take(3);  // of no checkpoint: free after a crash
  Open(*roots, allocator_->page_end());
  ExpectLive(pages);
  std::set<PageId> taken;
  for (PageId end = allocator_->page_end(); allocator_->page_end() == end;)
    taken.insert(Take(3).id);
  EXPECT_TRUE(taken.contains(in_flight.id)) << "what nobody reaches is free again";
}

TEST_F(PageAllocatorTest, ThousandsOfCheckpoints) {
  std::mt19937 random(1);
  std::set<PageId> used;
  std::vector<PageRef> live, born, died;
  MapRoots roots;
  for (int round = 0; round < 600; ++round) {
    for (uint32_t n = random() % 20; n > 0; --n) {
      born.push_back(Take(random() % 3 == 0 ? 1 + random() % 16 : 1));
      Add(&used, born.back());
    }
    for (uint32_t n = random() % 20; n > 0 && !live.empty(); --n) {
      const size_t i = random() % live.size();
      died.push_back(live[i]);
      live.erase(live.begin() + static_cast<ptrdiff_t>(i));
    }
    if (random() % 4 != 0) continue;
    // Died and born are known to the map only once it is written.
    for (const PageRef& map : allocator_->MapPages()) EXPECT_FALSE(used.contains(map.id));
    absl::StatusOr<MapRoots> next = allocator_->WriteMap(born, died, 2 + round);
    ASSERT_TRUE(next.ok()) << next.status();
    roots = *next;
    live.insert(live.end(), born.begin(), born.end());
    allocator_->FinishMap();
    for (const PageRef& ref : died) {
      allocator_->Free(ref);
      Remove(&used, ref);
    }
    born.clear();
    died.clear();
    ExpectLive(used);
    if (random() % 8 == 0) Open(roots, allocator_->TrimEnd());
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
  EXPECT_LT(allocator_->page_end(), 20000u) << "free pages are not used again";
}

// The map's own pages need a chunk that is not there yet.
TEST_F(PageAllocatorTest, TheMapGrowsWhileItIsWritten) {
  for (PageId left = 0; left < 24; ++left) {
    SCOPED_TRACE(left);
    TestFile fresh;
    std::swap(t_.fs, fresh.fs);
    std::swap(t_.file, fresh.file);
    Open({}, PageAllocator::kFirstPage);
    std::set<PageId> pages;
    std::vector<PageRef> born;
    while (allocator_->page_end() + 16 + left <= kChunkPages) {
      born.push_back(Take(16));
      Add(&pages, born.back());
    }
    while (allocator_->page_end() + left < kChunkPages) {
      born.push_back(Take(1));
      Add(&pages, born.back());
    }
    MapRoots roots;
    for (Stamp stamp = 1; stamp < 4; ++stamp) {
      absl::StatusOr<MapRoots> next = allocator_->WriteMap(born, {}, stamp);
      ASSERT_TRUE(next.ok()) << next.status();
      roots = *next;
      allocator_->FinishMap();
      ExpectLive(pages);
      born = {Take(1)};
      Add(&pages, born[0]);
    }
    Remove(&pages, born[0]);
    Open(roots, allocator_->page_end());
    ExpectLive(pages);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(PageAllocatorTest, PinnedPagesWait) {
  const PageRef ref = Take(1);
  t_.Make(ref);
  ASSERT_TRUE(t_.buffer->Pin(ref).ok());
  allocator_->Free(ref);
  for (int i = 0; i < 20; ++i) EXPECT_NE(Take(1).id, ref.id);
  t_.buffer->Unpin(ref.id);
  std::set<PageId> taken;
  for (int i = 0; i < 3; ++i) taken.insert(Take(1).id);
  EXPECT_TRUE(taken.contains(ref.id));
}

TEST_F(PageAllocatorTest, TheEndIsGivenBack) {
  std::vector<PageRef> refs;
  for (int i = 0; i < 100; ++i) refs.push_back(Take(1));
  for (size_t i = 50; i < refs.size(); ++i) allocator_->Free(refs[i]);
  EXPECT_EQ(allocator_->TrimEnd(), refs[50].id);
  for (size_t i = 0; i < 50; ++i) allocator_->Free(refs[i]);
  EXPECT_EQ(allocator_->TrimEnd(), PageAllocator::kFirstPage);
  EXPECT_EQ(Take(1).id, 2u);
}

TEST_F(PageAllocatorTest, StatsAddUp) {
  std::vector<PageRef> born;
  for (int i = 0; i < 10; ++i) born.push_back(Take(16));
  allocator_->Free(born.back());
  born.pop_back();
  const absl::StatusOr<MapRoots> roots = allocator_->WriteMap(born, {}, 1);
  ASSERT_TRUE(roots.ok());
  allocator_->FinishMap();
  for (const bool again : {false, true}) {
    if (again) Open(*roots, allocator_->page_end());  // and nothing loaded yet
    const PageAllocator::Stats s = *allocator_->stats();
    EXPECT_EQ(s.page_end, allocator_->page_end());
    EXPECT_EQ(s.live, 9 * 16 + s.map);
    EXPECT_EQ(s.free, s.page_end - s.live - 2);
  }
}

// B8: what the trees say died, and what the map says is live.
TEST_F(PageAllocatorTest, ContradictionsAreErrors) {
  const PageRef one = Take(1), two = Take(1), wide = Take(4);
  const std::vector<PageRef> born = {one, two};
  ASSERT_TRUE(allocator_->WriteMap(born, {}, 1).ok());
  allocator_->FinishMap();
  const auto write = [&](const std::vector<PageRef>& b, const std::vector<PageRef>& d) {
    return allocator_->WriteMap(b, d, 2).status();
  };
  EXPECT_TRUE(absl::IsDataLoss(write({}, {wide}))) << "was never live";
  EXPECT_TRUE(absl::IsDataLoss(write({two}, {}))) << "is live";
  EXPECT_TRUE(absl::IsDataLoss(write({}, {one, one}))) << "dies twice";
  EXPECT_TRUE(absl::IsDataLoss(write({}, {{PageId{1} << 39, 1, 1, false}})));
  EXPECT_TRUE(absl::IsDataLoss(write({}, {{kChunkPages - 1, 1, 2, false}})));
}

TEST_F(PageAllocatorTest, OpeningAHugeFileTakesLittleMemory) {
  Open({}, PageId{1} << 32);  // nothing is live in it
  EXPECT_EQ(Take(16).id, 2u);
  EXPECT_EQ(Take(1).id, 18u);
  EXPECT_EQ(allocator_->TrimEnd(), 19u);
}

// Below 128 pages no more than one is taken at a time to be handed out next, so it is
// exact: what was free when it was opened is a hole, and stays one.
TEST_F(PageAllocatorTest, FreePagesAreThoseUsedSinceOpen) {
  std::vector<PageRef> born;
  for (int i = 0; i < 60; ++i) born.push_back(Take(1));
  std::set<PageId> free;
  EXPECT_EQ(Free(), free);
  for (size_t i = 0; i < 20; ++i) {
    allocator_->Free(born[i]);
    Add(&free, born[i]);
    EXPECT_EQ(Free(), free);
  }
  born.erase(born.begin(), born.begin() + 20);
  const absl::StatusOr<MapRoots> roots = allocator_->WriteMap(born, {}, 1);
  ASSERT_TRUE(roots.ok()) << roots.status();
  allocator_->FinishMap();

  Open(*roots, 100);
  EXPECT_EQ(Free(), std::set<PageId>()) << "were free when it was opened";
  const PageRef single = Take(1), wide = Take(4), kept = Take(1);
  EXPECT_EQ(Free(), std::set<PageId>());
  allocator_->Free(wide);
  free.clear();
  Add(&free, wide);
  EXPECT_EQ(Free(), free);
  allocator_->Free(single);
  Add(&free, single);
  EXPECT_EQ(Free(), free);
  Remove(&free, Take(1));
  EXPECT_EQ(Free(), free);
  EXPECT_FALSE(free.contains(kept.id));
}

TEST_F(PageAllocatorTest, FreePagesOfTheLastCheckpoint) {
  std::vector<PageRef> born;
  for (int i = 0; i < 60; ++i) born.push_back(Take(1));
  const absl::StatusOr<MapRoots> roots = allocator_->WriteMap(born, {}, 1);
  ASSERT_TRUE(roots.ok()) << roots.status();
  allocator_->FinishMap();
  Open(*roots, 100);
  const std::set<PageId> old_map = MapIds();
  const std::vector<PageRef> died = {born[3], born[4], born[50]};
  ASSERT_TRUE(allocator_->WriteMap({}, died, 2).ok());
  EXPECT_EQ(Free(), std::set<PageId>()) << "the file needs them until FinishMap";
  allocator_->FinishMap();
  std::set<PageId> free = old_map;
  EXPECT_EQ(Free(), free);
  allocator_->FreeAll(died);
  for (const PageRef& ref : died) Add(&free, ref);
  EXPECT_EQ(Free(), free);
  for (const PageId id : MapIds()) EXPECT_FALSE(free.contains(id));
}

TEST_F(PageAllocatorTest, AfterACrashAllFreePagesAreHeld) {
  for (const bool first_used : {false, true}) {
    constexpr PageId kEnd = 3 * kChunkPages + 50;  // the last three chunks not loaded
    Open({}, kEnd);
    std::set<PageId> free;
    for (PageId id = PageAllocator::kFirstPage; id < kEnd; ++id) free.insert(id);
    if (first_used) Remove(&free, Take(16));
    allocator_->AssumeHeld();
    if (!first_used) Remove(&free, Take(16));
    EXPECT_TRUE(Free() == free) << Free().size() << ", expected " << free.size();
    ASSERT_TRUE(allocator_->Check().ok());  // loads the others
    EXPECT_TRUE(Free() == free) << Free().size() << ", expected " << free.size();
  }
}

TEST_F(PageAllocatorTest, FreePagesOfARandomLife) {
  std::mt19937 random(7);
  std::vector<PageRef> live;
  std::set<PageId> used, touched;
  for (int round = 0; round < 300; ++round) {
    for (uint32_t n = random() % 40; n > 0; --n) {
      live.push_back(Take(random() % 3 == 0 ? 1 + random() % 16 : 1));
      Add(&used, live.back());
      for (uint32_t i = 0; i < live.back().pages; ++i) touched.insert(live.back().id + i);
    }
    for (uint32_t n = random() % 40; n > 0 && !live.empty(); --n) {
      std::swap(live[random() % live.size()], live.back());
      allocator_->Free(live.back());
      Remove(&used, live.back());
      live.pop_back();
    }
    if (random() % 8 != 0) continue;
    const std::set<PageId> free = Free();
    for (const PageId id : free) ASSERT_FALSE(used.contains(id)) << id;
    for (const PageId id : touched)
      ASSERT_TRUE(used.contains(id) || free.contains(id)) << id;
    ASSERT_TRUE(allocator_->Check().ok());
  }
}

TEST_F(PageAllocatorTest, FreePagesOfAHugeFileTakeLittleMemory) {
  constexpr PageId kEnd = PageId{1} << 32;
  Open({}, kEnd);
  const size_t before = mallinfo2().uordblks;
  EXPECT_EQ(Take(1).id, 2u);
  allocator_->Free({2, 1, 1, false});
  EXPECT_LE(Free().size(), 64u);
  allocator_->AssumeHeld();
  uint64_t pages = 0, runs = 0;
  PageId end = PageAllocator::kFirstPage;
  const absl::Status status = allocator_->ForEachFree([&](PageId first, uint64_t count) {
    EXPECT_EQ(first, end);
    end = first + count;
    pages += count;
    ++runs;
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(pages, kEnd - PageAllocator::kFirstPage);
  EXPECT_LE(runs, kEnd / kChunkPages + 1);
  EXPECT_LE(mallinfo2().uordblks, before + (size_t{1} << 20));
}

}  // namespace
}  // namespace sheaf::pager
