// A database that was closed is free for others, also while its object lives.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "pager/file.h"
#include "sheaf/sheaf.h"

namespace sheaf::test {
namespace {

TEST(Reopen, AfterCloseWhileTheObjectLives) {
  std::string folder = testing::TempDir() + "/sheaf-reopen-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  for (const bool in_memory : {false, true}) {
    SCOPED_TRACE(in_memory);
    const auto fs = pager::NewMemoryFileSystem();
    Options options;
    if (in_memory) options.file_system = fs.get();
    const std::string path = in_memory ? "/t.sheaf" : folder + "/t.sheaf";
    auto first = Database::Open(path, options);
    ASSERT_TRUE(first.ok()) << first.status();
    ASSERT_TRUE(
        (*first)
            ->Write([](WriteTransaction& txn) { return txn.table("t")->Put("k", "v"); })
            .ok());
    EXPECT_TRUE(absl::IsUnavailable(Database::Open(path, options).status()));
    ASSERT_TRUE((*first)->Close().ok());
    auto second = Database::Open(path, options);
    ASSERT_TRUE(second.ok()) << second.status();
    first->reset();  // must not give the other's lock up
    EXPECT_TRUE(absl::IsUnavailable(Database::Open(path, options).status()));
    EXPECT_EQ((*second)->BeginRead().table("t")->Get("k")->view(), "v");
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sheaf::test
