// Large values at each border of their shape: one page, several, one chunk, an index
// of chunks. Read whole and in ranges, given up again, doubted when they contradict
// themselves (RELIABILITY R9, R14). The border to an index of two levels, at 341
// MiB, is in large_value_slow_test.cc.
#include "btree/large_value.h"

#include <random>

#include "tests/btree/tree_test_util.h"

namespace sheaf::btree {
namespace {

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  uint32_t x = static_cast<uint32_t>(size) * 2654435761u + 1;
  for (char& c : bytes) {
    x = x * 1664525 + 1013904223;
    c = static_cast<char>(x >> 24);
  }
  return bytes;
}

uint64_t PagesInUse(TestTree* t) {
  const pager::PageAllocator::Stats s = *t->pager().allocator().stats();
  return s.page_end - s.free - pager::PageAllocator::kFirstPage;
}

TEST(LargeValue, EverySizeComesBack) {
  for (const uint64_t cache : {pager::BufferManager::kBytesMin, uint64_t{16} << 20}) {
    TestTree t(cache);
    for (const uint64_t size : {uint64_t{0},
                                uint64_t{1},
                                uint64_t{4032},
                                uint64_t{4033},
                                uint64_t{4096},
                                uint64_t{4288},
                                uint64_t{4289},
                                uint64_t{8128},
                                uint64_t{8129},
                                uint64_t{8384},
                                uint64_t{8385},
                                kChunkBytes - 1,
                                kChunkBytes,
                                kChunkBytes + 1,
                                kChunkBytes + LargeRef::kTailMax,
                                kChunkBytes + LargeRef::kTailMax + 1,
                                2 * kChunkBytes,
                                2 * kChunkBytes + 1,
                                21 * kChunkBytes,
                                21 * kChunkBytes + 5,
                                337 * kChunkBytes + 1}) {
      SCOPED_TRACE(size);
      const std::string value = Pattern(size);
      absl::StatusOr<LargeRef> ref = WriteLarge(&t.writer(), value);
      ASSERT_TRUE(ref.ok()) << ref.status();
      EXPECT_EQ(ref->size(), size);
      std::string out(size, '?');
      ASSERT_TRUE(
          ReadLarge(&t.pager(), *ref, 0, absl::MakeSpan(out.data(), out.size())).ok());
      EXPECT_TRUE(out == value);
      std::mt19937_64 random(size);
      for (int i = 0; i < 50 && size > 0; ++i) {
        const uint64_t offset = random() % size;
        const uint64_t n = random() % (std::min<uint64_t>(size - offset, 200000) + 1);
        out.assign(n, '?');
        ASSERT_TRUE(
            ReadLarge(&t.pager(), *ref, offset, absl::MakeSpan(out.data(), n)).ok());
        EXPECT_TRUE(out == value.substr(offset, n)) << offset << "+" << n;
      }
      char byte;
      EXPECT_TRUE(
          absl::IsDataLoss(ReadLarge(&t.pager(), *ref, size, absl::MakeSpan(&byte, 1))));
      // As many pages as it takes, and all of them come back.
      uint64_t pages = 0;
      ASSERT_TRUE(WalkLarge(&t.pager(), *ref, [&](const PageRef& page) {
                    pages += page.pages;
                    return absl::OkStatus();
                  }).ok());
      EXPECT_EQ(PagesInUse(&t), pages);
      EXPECT_LE(pages, size / 4080 + 4);
      ASSERT_TRUE(GiveUpLarge(&t.writer(), *ref).ok());
      t.Commit();
      EXPECT_EQ(PagesInUse(&t), 0u);
    }
  }
}

// A value that fills its pages and a little of another leaves that in the leaf.
TEST(LargeValue, TailsSaveAPage) {
  TestTree t;
  const struct {
    uint64_t size, tail, pages;
  } kCases[] = {{4032, 0, 1},  {4033, 1, 1},   {4096, 64, 1},   {4288, 256, 1},
                {4289, 0, 2},  {8128, 0, 2},   {8192, 64, 2},   {8384, 256, 2},
                {8385, 0, 3},  {65472, 0, 16}, {65536, 64, 16}, {65728, 256, 16},
                {65729, 0, 18}};  // with its index
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.size);
    const std::string value = Pattern(c.size);
    const LargeRef ref = *WriteLarge(&t.writer(), value);
    EXPECT_EQ(ref.tail.size(), c.tail);
    EXPECT_EQ(ref.tail, value.substr(c.size - c.tail));
    uint64_t pages = 0;
    ASSERT_TRUE(WalkLarge(&t.pager(), ref, [&](const PageRef& page) {
                  pages += page.pages;
                  return absl::OkStatus();
                }).ok());
    EXPECT_EQ(pages, c.pages);
    // Pieces on both sides, and across.
    for (uint64_t at = c.size - std::min<uint64_t>(c.size, 300); at < c.size; at += 7) {
      std::string out(std::min<uint64_t>(c.size - at, 100), '?');
      ASSERT_TRUE(
          ReadLarge(&t.pager(), ref, at, absl::MakeSpan(out.data(), out.size())).ok());
      EXPECT_EQ(out, value.substr(at, out.size())) << at;
    }
  }
}

TEST(LargeValue, ChunkSizesAreChecked) {
  TestTree t;
  const uint64_t size = 2 * kChunkBytes + 10;
  const LargeRef ref = *WriteLarge(&t.writer(), Pattern(size));
  EXPECT_TRUE(CheckChunks(&t.pager(), ref).ok());
  for (const uint64_t lie : {size - 1, size + 1, 2 * kChunkBytes, 3 * kChunkBytes + 1})
    EXPECT_TRUE(absl::IsDataLoss(CheckChunks(&t.pager(), {ref.page, lie}))) << lie;
  const LargeRef small = *WriteLarge(&t.writer(), Pattern(10));
  EXPECT_TRUE(CheckChunks(&t.pager(), small).ok());
  EXPECT_TRUE(absl::IsDataLoss(CheckChunks(&t.pager(), {small.page, 11})));
}

TEST(LargeValue, SizesThatLie) {
  TestTree t;
  const LargeRef small = *WriteLarge(&t.writer(), Pattern(5000));
  const LargeRef large = *WriteLarge(&t.writer(), Pattern(3 * kChunkBytes));
  std::string out(70000, '?');
  const auto read = [&](const LargeRef& ref, uint64_t size, uint64_t offset, uint64_t n) {
    return ReadLarge(&t.pager(), {ref.page, size}, offset, absl::MakeSpan(out.data(), n));
  };
  EXPECT_TRUE(absl::IsDataLoss(read(small, 5001, 5000, 1)));
  EXPECT_TRUE(absl::IsDataLoss(read(small, 70000, 0, 1)));
  EXPECT_TRUE(absl::IsDataLoss(read(small, uint64_t{1} << 40, 0, 1)));
  EXPECT_TRUE(absl::IsDataLoss(read(large, 5000, 0, 1)));
  EXPECT_TRUE(absl::IsDataLoss(read(large, 3 * kChunkBytes + 1, 3 * kChunkBytes, 1)));
  EXPECT_TRUE(absl::IsDataLoss(read(large, uint64_t{1} << 47, uint64_t{1} << 46, 1)));
  const auto walk = [&](const LargeRef& ref, uint64_t size) {
    return WalkLarge(&t.pager(), {ref.page, size},
                     [](const PageRef&) { return absl::OkStatus(); });
  };
  EXPECT_TRUE(walk(large, 3 * kChunkBytes).ok());
  EXPECT_TRUE(absl::IsDataLoss(walk(large, 3 * kChunkBytes + 1)));
  EXPECT_TRUE(absl::IsDataLoss(walk(large, 2 * kChunkBytes)));
  EXPECT_TRUE(absl::IsDataLoss(walk(large, uint64_t{1} << 47)));
  EXPECT_TRUE(absl::IsDataLoss(walk(small, 3 * kChunkBytes)));
}

}  // namespace
}  // namespace sheaf::btree
