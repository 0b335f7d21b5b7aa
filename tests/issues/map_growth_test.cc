// While the page map was written, placing one of its pages could add a chunk and move
// the others in memory; the place of the page just written went where the chunk had
// been. The next superblock then led to the old map page, whose place was free. It
// took a checkpoint that found all but a few pages of the file's chunks in use.
#include <gtest/gtest.h>

#include "pager/page_allocator.h"
#include "tests/pager/pager_test_util.h"

namespace sheaf::pager {
namespace {

TEST(Issue, AMapThatGrewWhileItWasWrittenWasLost) {
  TestFile t;
  PageAllocator allocator(t.file.get(), t.buffer.get());
  ASSERT_TRUE(allocator.Open({}, PageAllocator::kFirstPage).ok());
  std::vector<PageRef> born;
  while (allocator.page_end() + 1 < kChunkPages)  // one page is left, the map needs two
    born.push_back({*allocator.Allocate(1), 1, 1, false});
  const absl::StatusOr<MapRoots> roots = allocator.WriteMap(born, {}, 1);
  ASSERT_TRUE(roots.ok()) << roots.status();
  allocator.FinishMap();

  PageAllocator reopened(t.file.get(), t.buffer.get());
  ASSERT_TRUE(reopened.Open(*roots, allocator.page_end()).ok());
  uint64_t live = 0;
  const absl::Status status =
      reopened.ForEachLive([&](PageId, uint64_t count) { live += count; });
  EXPECT_TRUE(status.ok()) << status;
  uint64_t map = 0;
  for (const PageRef& ref : reopened.MapPages()) map += ref.pages;
  EXPECT_EQ(live, born.size() + map);
}

}  // namespace
}  // namespace sheaf::pager
