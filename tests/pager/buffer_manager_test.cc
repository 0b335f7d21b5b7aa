// The buffer manager by itself: pages come back as they were written, whatever the
// budget; what is pinned stays; what is damaged or contradicts another reference is
// an error; nothing meaningless reaches the file (RELIABILITY R12, B9, I8).
#include "pager/buffer_manager.h"

#include <gtest/gtest.h>

#include <random>

#include "pager/coding.h"
#include "tests/pager/pager_test_util.h"

namespace sheaf::pager {
namespace {

constexpr uint64_t kSmall = BufferManager::kBytesMin;  // 256 pages

TEST(BufferManager, PagesComeBackFromTheFile) {
  TestFile t;
  std::vector<PageRef> refs;
  PageId id = 2;
  for (const uint32_t pages : {1u, 2u, 3u, 4u, 8u, 16u, 1u}) {
    refs.push_back({id, 5, pages, false});
    t.Make(refs.back());
    id += pages;
  }
  for (const PageRef& ref : refs) t.ExpectReadable(ref);
  ASSERT_TRUE(t.buffer->WriteOut(refs).ok());
  EXPECT_EQ(t.buffer->stats().bytes_dirty, 0u);
  EXPECT_TRUE(t.buffer->Check().ok());
  t.NewBuffer(kSmall);
  for (const PageRef& ref : refs) t.ExpectReadable(ref);
  EXPECT_EQ(t.buffer->stats().misses, refs.size());
  EXPECT_TRUE(t.buffer->Check().ok());
}

TEST(BufferManager, TheBudgetIsHard) {
  TestFile t(kSmall);
  std::vector<PageRef> refs;
  for (PageId id = 2; id < 3000; id += refs.back().pages) {
    refs.push_back({id, 5, 1 + static_cast<uint32_t>(id % 16), false});
    t.Make(refs.back());
    ASSERT_LE(t.buffer->stats().bytes_used, kSmall);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    t.ExpectReadable(refs[random() % refs.size()]);
    ASSERT_LE(t.buffer->stats().bytes_used, kSmall);
  }
  EXPECT_GT(t.buffer->stats().evictions, 1000u);
  EXPECT_TRUE(t.buffer->Check().ok());
}

TEST(BufferManager, PinnedPagesStay) {
  TestFile t(kSmall);
  std::vector<PageRef> refs;
  for (PageId id = 2; id < 802; ++id) {
    refs.push_back({id, 5, 1, false});
    t.Make(refs.back());
  }
  std::vector<PinnedPage> pins;
  for (size_t i = 0; i < 200; ++i) {
    const char* page = *t.buffer->Pin(refs[i]);
    pins.emplace_back(t.buffer.get(), refs[i].id, page);
  }
  for (size_t i = 200; i < refs.size(); ++i) t.ExpectReadable(refs[i]);
  for (size_t i = 0; i < pins.size(); ++i)
    ASSERT_EQ(pins[i].data()[PageHeader::kSize], TestFile::FillOf(refs[i]));
  // With every page pinned there is no room, which is an error and no hang.
  absl::Status status;
  for (size_t i = 200; i < refs.size() && status.ok(); ++i) {
    absl::StatusOr<const char*> page = t.buffer->Pin(refs[i]);
    status = page.status();
    if (page.ok()) pins.emplace_back(t.buffer.get(), refs[i].id, *page);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(pins.size(), 256u);
  pins.clear();
  for (const PageRef& ref : refs) t.ExpectReadable(ref);
  EXPECT_TRUE(t.buffer->Check().ok());
}

TEST(BufferManager, ReferencesThatLie) {
  TestFile t;
  const PageRef one{2, 5, 1, false}, four{3, 5, 4, false};
  t.Make(one);
  t.Make(four);
  ASSERT_TRUE(t.buffer->WriteOut(std::vector<PageRef>{one, four}).ok());
  for (const bool resident : {false, true}) {
    for (const PageRef& lie :
         {PageRef{2, 6, 1, false}, PageRef{2, 4, 1, false}, PageRef{2, 5, 2, false},
          PageRef{3, 5, 1, false}, PageRef{3, 5, 3, false}, PageRef{3, 5, 5, false},
          PageRef{4, 5, 1, false}, PageRef{4, 5, 3, false}, PageRef{0, 5, 1, false},
          PageRef{1, 5, 1, false}, PageRef{7, 5, 1, false},
          PageRef{1 << 20, 5, 16, false}, PageRef{(1 << 22) - 1, 5, 2, false}}) {
      t.NewBuffer(kSmall);
      if (resident) {
        t.ExpectReadable(one);
        t.ExpectReadable(four);
      }
      EXPECT_TRUE(absl::IsDataLoss(t.buffer->Pin(lie).status()))
          << lie.id << "+" << lie.pages << " born " << lie.birth << ": "
          << t.buffer->Pin(lie).status();
      // And the truth can be read all the same.
      t.ExpectReadable(one);
      t.ExpectReadable(four);
      EXPECT_TRUE(t.buffer->Check().ok());
    }
  }
  // A file long enough for a node across the border of two segments.
  t.NewBuffer(kSmall);
  t.buffer->set_page_end(PageId{1} << 23);
  const PageRef across{(PageId{1} << 22) - 1, 5, 2, false};
  EXPECT_TRUE(absl::IsDataLoss(t.buffer->Pin(across).status()));
}

TEST(BufferManager, RunsComeWithOneReadWhereThereIsRoom) {
  TestFile t;
  std::vector<PageRef> refs;
  for (PageId id = 2; id < 402; ++id) {
    refs.push_back({id, 5, 1, false});
    t.Make(refs.back());
  }
  ASSERT_TRUE(t.buffer->WriteOut(refs).ok());
  const auto run = [&](size_t first, size_t n) {
    return absl::MakeConstSpan(refs).subspan(first, n);
  };
  t.NewBuffer(kSmall);  // 256 pages
  EXPECT_EQ(*t.buffer->LoadRun(run(0, 64)), 64u);
  EXPECT_EQ(*t.buffer->LoadRun(run(63, 2)), 0u);  // the first is there
  t.ExpectReadable(refs[100]);
  EXPECT_EQ(*t.buffer->LoadRun(run(90, 20)), 10u);  // as far as that
  EXPECT_EQ(t.buffer->stats().bytes_used, (64 + 1 + 10) * kPageBytes);
  EXPECT_EQ(*t.buffer->LoadRun(run(200, 165)), 165u);
  // Full but for a sixteenth: nothing leaves memory for a run.
  EXPECT_EQ(t.buffer->stats().bytes_used, kSmall - kSmall / 16);
  EXPECT_EQ(*t.buffer->LoadRun(run(390, 1)), 0u);
  EXPECT_EQ(t.buffer->stats().evictions, 0u);
  for (const PageRef& ref : refs) t.ExpectReadable(ref);
  EXPECT_TRUE(t.buffer->Check().ok());

  // One that is damaged: nothing of the run is there, and all else can be read.
  for (const size_t bad : {0u, 5u, 9u}) {
    t.NewBuffer(kSmall);
    const uint64_t at = refs[50 + bad].id * kPageBytes + 1000;
    ASSERT_TRUE(t.file->Write(at, "damaged").ok());
    EXPECT_TRUE(absl::IsDataLoss(t.buffer->LoadRun(run(50, 10)).status()));
    EXPECT_EQ(t.buffer->stats().bytes_used, 0u);
    t.ExpectReadable(refs[49]);
    EXPECT_TRUE(absl::IsDataLoss(t.buffer->Load(refs[50 + bad])));
    ASSERT_TRUE(t.file->Write(at, std::string(7, TestFile::FillOf(refs[50 + bad]))).ok());
    EXPECT_EQ(*t.buffer->LoadRun(run(50, 10)), 10u);
    for (size_t i = 50; i < 60; ++i) t.ExpectReadable(refs[i]);
    EXPECT_TRUE(t.buffer->Check().ok());
  }
  // References that lie.
  t.NewBuffer(kSmall);
  const PageRef outside[] = {{401, 5, 1, false}, {402, 5, 1, false}};
  EXPECT_TRUE(absl::IsDataLoss(t.buffer->LoadRun(outside).status()));
  const PageRef older[] = {{300, 5, 1, false}, {301, 4, 1, false}};
  EXPECT_TRUE(absl::IsDataLoss(t.buffer->LoadRun(older).status()));
  EXPECT_EQ(t.buffer->stats().bytes_used, 0u);
  EXPECT_TRUE(t.buffer->Check().ok());
}

TEST(BufferManager, DamagedPages) {
  TestFile t;
  const PageRef ref{2, 5, 2, false};
  t.Make(ref);
  ASSERT_TRUE(t.buffer->WriteOut(std::vector<PageRef>{ref}).ok());
  std::string good(2 * kPageBytes, '\0');
  ASSERT_TRUE(
      t.file->Read(2 * kPageBytes, absl::MakeSpan(good.data(), good.size())).ok());
  for (size_t bit = 0; bit < good.size() * 8; bit += 101) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    ASSERT_TRUE(t.file->Write(2 * kPageBytes, bad).ok());
    t.NewBuffer(kSmall);
    ASSERT_TRUE(absl::IsDataLoss(t.buffer->Load(ref))) << bit;
    EXPECT_EQ(t.buffer->stats().bytes_used, 0u);
  }
  // Sealed, but of a kind that is unknown, or that no tree refers to.
  for (const int kind : {0, 1, 6, 7, 8, 255}) {
    std::string bad = good;
    bad[PageHeader::kKind] = static_cast<char>(kind);
    SealPage(bad.data(), bad.size());
    ASSERT_TRUE(t.file->Write(2 * kPageBytes, bad).ok());
    t.NewBuffer(kSmall);
    EXPECT_TRUE(absl::IsDataLoss(t.buffer->Load(ref))) << kind;
  }
  // The file lost its end.
  ASSERT_TRUE(t.file->Truncate(3 * kPageBytes).ok());
  t.NewBuffer(kSmall);
  EXPECT_TRUE(absl::IsDataLoss(t.buffer->Load(ref)));
  ASSERT_TRUE(t.file->Write(2 * kPageBytes, good).ok());
  t.ExpectReadable(ref);
  EXPECT_TRUE(t.buffer->Check().ok());
}

TEST(BufferManager, FreedPagesGetNewOwners) {
  TestFile t(kSmall);
  const PageRef old{2, 5, 1, false};
  t.Make(old);
  t.ExpectReadable(old);
  const char* page = *t.buffer->Pin(old);
  EXPECT_FALSE(t.buffer->Free(old.id)) << "somebody looks at it";
  EXPECT_EQ(page[PageHeader::kSize], TestFile::FillOf(old));
  t.buffer->Unpin(old.id);
  EXPECT_TRUE(t.buffer->Free(old.id));
  EXPECT_TRUE(absl::IsDataLoss(t.buffer->Load(old))) << "it belongs to nobody";
  const PageRef next{2, 6, 1, false};
  t.Make(next);
  t.ExpectReadable(next);
  EXPECT_TRUE(absl::IsDataLoss(t.buffer->Pin(old).status()));
  // Larger nodes over and beside what was there.
  EXPECT_TRUE(t.buffer->Free(next.id));
  const PageRef wide{2, 7, 8, false};
  t.Make(wide);
  t.ExpectReadable(wide);
  EXPECT_TRUE(t.buffer->Free(wide.id));
  for (PageId id = 2; id < 10; ++id) t.Make({id, 8, 1, false});
  for (PageId id = 2; id < 10; ++id) t.ExpectReadable({id, 8, 1, false});
  EXPECT_TRUE(t.buffer->Check().ok());
}

// B8: a page map that is wrong about a page in use.
TEST(BufferManager, PagesInUseAreNotHandedOut) {
  TestFile t;
  const PageRef wide{4, 5, 4, false};
  t.Make(wide);
  for (const PageRef& ref : {PageRef{4, 6, 1, false}, PageRef{4, 6, 4, false},
                             PageRef{5, 6, 1, false}, PageRef{2, 6, 4, false}}) {
    const absl::Status status = t.buffer->NewPage(PageKind::kLeaf, ref).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    t.ExpectReadable(wide);
    EXPECT_TRUE(t.buffer->Check().ok());
  }
  t.Make({2, 6, 2, false});
}

TEST(BufferManager, UnusedBytesAreCleared) {
  TestFile t;
  const PageRef ref{2, 5, 3, false};
  t.Make(ref);
  ASSERT_TRUE(t.buffer->WriteOut(std::vector<PageRef>{ref}).ok());
  std::string page(3 * kPageBytes, '?');
  ASSERT_TRUE(
      t.file->Read(2 * kPageBytes, absl::MakeSpan(page.data(), page.size())).ok());
  EXPECT_TRUE(VerifyPage(page.data(), page.size(), ref).ok());
  EXPECT_EQ(page.substr(page.size() - kTestUnused), std::string(kTestUnused, '\0'));
  // Not in memory: readers may be looking at it.
  EXPECT_EQ((*t.buffer->Pin(ref))[page.size() - 1], TestFile::FillOf(ref));
  t.buffer->Unpin(ref.id);
}

TEST(BufferManager, ReadOnlyNeverWrites) {
  TestFile t(kSmall);
  t.buffer->set_never_write();
  absl::Status status;
  for (PageId id = 2; id < 1000 && status.ok(); ++id) {
    status = t.buffer->Reserve(1);
    if (status.ok()) t.Make({id, 5, 1, false});
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(*t.file->Size(), 0u);
}

TEST(BufferManager, OnlyOwnUnwrittenPagesAreWritable) {
  TestFile t;
  const PageRef ref{2, 5, 1, false};
  t.Make(ref);
  EXPECT_NE(t.buffer->WritablePage(ref, 5), nullptr);
  EXPECT_EQ(t.buffer->WritablePage(ref, 6), nullptr) << "an earlier stamp";
  ASSERT_TRUE(t.buffer->WriteOut(std::vector<PageRef>{ref}).ok());
  EXPECT_EQ(t.buffer->WritablePage(ref, 5), nullptr) << "it is in the file already";
  EXPECT_EQ(t.buffer->WritablePage({PageId{1} << 39, 9, 1, false}, 5), nullptr);
}

}  // namespace
}  // namespace sheaf::pager
