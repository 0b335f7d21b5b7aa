// A file in memory with a buffer manager on it, and pages of a kind that only tests
// know: any bytes are valid, and the last 100 mean nothing.
#ifndef TESTS_PAGER_PAGER_TEST_UTIL_H_
#define TESTS_PAGER_PAGER_TEST_UTIL_H_
#include <cstring>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "pager/buffer_manager.h"
#include "pager/file.h"
#include "pager/page.h"

namespace sheaf::pager {

inline constexpr size_t kTestUnused = 100;

inline const PageOps* TestPageOps() {
  static const PageOps* const kOps = [] {
    auto* ops = new PageOps;
    PageKindOps& leaf = ops->kinds[static_cast<size_t>(PageKind::kLeaf)];
    leaf.name = "test";
    leaf.validate = [](const char*) { return absl::OkStatus(); };
    leaf.clear_unused = [](char* page) {
      std::memset(page + PagesOf(page) * kPageBytes - kTestUnused, 0, kTestUnused);
    };
    return ops;
  }();
  return kOps;
}

struct TestFile {
  explicit TestFile(uint64_t cache_bytes = uint64_t{16} << 20) {
    fs = NewMemoryFileSystem();
    file = *fs->Open("/test", OpenMode::kCreateNew);
    NewBuffer(cache_bytes);
  }
  // As if the process had started again.
  void NewBuffer(uint64_t cache_bytes) {
    const PageId end = buffer == nullptr ? 0 : buffer->page_end();
    buffer = std::make_unique<BufferManager>(file.get(), TestPageOps(), cache_bytes);
    buffer->set_page_end(end);
  }
  // Makes a page whose content follows from its id and birth.
  void Make(const PageRef& ref) {
    ASSERT_TRUE(buffer->Reserve(ref.pages).ok());
    absl::StatusOr<char*> page = buffer->NewPage(PageKind::kLeaf, ref);
    ASSERT_TRUE(page.ok()) << page.status();
    std::memset(*page + PageHeader::kSize, FillOf(ref),
                ref.pages * kPageBytes - PageHeader::kSize);
    if (buffer->page_end() < ref.id + ref.pages) buffer->set_page_end(ref.id + ref.pages);
  }
  static char FillOf(const PageRef& ref) {
    return static_cast<char>(ref.id * 31 + ref.birth * 7 + 1);
  }
  void ExpectReadable(const PageRef& ref) {
    absl::StatusOr<const char*> page = buffer->Pin(ref);
    ASSERT_TRUE(page.ok()) << page.status();
    const PinnedPage pin(buffer.get(), ref.id, *page);
    EXPECT_EQ((*page)[PageHeader::kSize], FillOf(ref)) << ref.id;
    EXPECT_EQ((*page)[ref.pages * kPageBytes - kTestUnused - 1], FillOf(ref)) << ref.id;
  }

  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<File> file;
  std::unique_ptr<BufferManager> buffer;
};

}  // namespace sheaf::pager
#endif  // TESTS_PAGER_PAGER_TEST_UTIL_H_
