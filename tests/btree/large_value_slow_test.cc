// A large value on both sides of the border at which its index gets a second level:
// 5,456 chunks, 341 MiB (RELIABILITY R14).
#include <sys/mman.h>

#include "btree/large_value.h"
#include "tests/btree/tree_test_util.h"

namespace sheaf::btree {
namespace {

TEST(LargeValueSlow, TwoLevelsOfIndex) {
  constexpr uint64_t kBorder = kChunkBytes / PageRef::kEncodedSize * kChunkBytes;
  constexpr uint64_t kSize = kBorder + 2 * kChunkBytes;
  // Zeros that take no memory, but for a few words.
  void* const memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  char* const bytes = static_cast<char*>(memory);
  for (uint64_t at = 0; at < kSize; at += 1000003)
    bytes[at] = static_cast<char>(at % 251 + 1);
  for (const uint64_t size : {kBorder - 1, kBorder, kBorder + 1, kSize}) {
    TestTree t;
    absl::StatusOr<LargeRef> ref = WriteLarge(&t.writer(), {bytes, size});
    ASSERT_TRUE(ref.ok()) << ref.status();
    char out[300];
    for (uint64_t at = 0; at + 300 < size; at += 1000003) {
      ASSERT_TRUE(ReadLarge(&t.pager(), *ref, at, absl::MakeSpan(out)).ok());
      ASSERT_EQ(std::string_view(out, 300), std::string_view(bytes + at, 300)) << at;
    }
    ASSERT_TRUE(ReadLarge(&t.pager(), *ref, size - 300, absl::MakeSpan(out)).ok());
    EXPECT_EQ(std::string_view(out, 300), std::string_view(bytes + size - 300, 300));
    ASSERT_TRUE(GiveUpLarge(&t.writer(), *ref).ok());
    t.Commit();
    const pager::PageAllocator::Stats s = *t.pager().allocator().stats();
    EXPECT_EQ(s.free, s.page_end - pager::PageAllocator::kFirstPage);
  }
  munmap(memory, kSize);
}

}  // namespace
}  // namespace sheaf::btree
