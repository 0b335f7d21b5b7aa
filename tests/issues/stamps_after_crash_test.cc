// A recovery that crashes must not leave its stamps to the next one: pages it wrote
// early would be written again under the same (id, birth). (I6, R3)
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "sheaf/database.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

constexpr char kPath[] = "/db.sheaf";

uint64_t NextStamp(pager::FileSystem* fs) {
  Options options;
  options.file_system = fs;
  const absl::StatusOr<PageDescription> page = Database::DescribePage(kPath, 0, options);
  EXPECT_TRUE(page.ok()) << page.status();
  const size_t at = page->json.find("\"next_stamp\":");
  EXPECT_NE(at, std::string::npos) << page->json;
  return std::strtoull(page->json.c_str() + at + 13, nullptr, 10);
}

TEST(StampsAfterCrash, EachRecoveryTakesStampsOfItsOwn) {
  auto fs = std::make_unique<test::FaultyFileSystem>();
  uint64_t before = 0;
  for (int crash = 0; crash < 3; ++crash) {
    Options options;
    options.file_system = fs.get();
    options.background_checkpoints = false;
    auto db = Database::Open(kPath, options);
    ASSERT_TRUE(db.ok()) << db.status();
    const uint64_t now = NextStamp(fs.get());
    EXPECT_GT(now, before);
    before = now;
    ASSERT_TRUE((*db)
                    ->Write([](WriteTransaction& txn) -> absl::Status {
                      return txn.table("t")->Put("k", "v");
                    })
                    .ok());
    // What a process finds that comes after this one was killed.
    auto next = std::make_unique<test::FaultyFileSystem>(fs->Contents());
    db->reset();
    fs = std::move(next);
  }
}

}  // namespace
}  // namespace sheaf
