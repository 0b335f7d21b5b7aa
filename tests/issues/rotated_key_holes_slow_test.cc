// Rotating a file's key left some of what the old key opens in the file: where there were
// more than 16,384 short runs of free pages, the short ones behind them kept their bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

constexpr int kRows = 48'000;

// Of the file; as much as the database says is free must be.
uint64_t EmptyPages(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string page(4096, '\0');
  uint64_t empty = 0;
  while (in.read(page.data(), static_cast<std::streamsize>(page.size())))
    empty += page.find_first_not_of('\0') == page.npos ? 1 : 0;
  return empty;
}

TEST(RotatedKeyHoles, NothingOfTheOldKeyStays) {
  const std::string dir = testing::TempDir() + "/rotated_key_holes";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const std::string path = dir + "/a.sheaf";
  Options options;
  options.key = *EncryptionKey::Raw(std::string(32, 'k'));
  options.background_checkpoints = false;
  auto db = Database::Open(path, options);
  ASSERT_TRUE(db.ok()) << db.status();
  // A page each; then every second one goes.
  for (const int step : {1, 2}) {
    for (int begin = 0; begin < kRows; begin += 4000)
      ASSERT_TRUE((*db)
                      ->Write([&](WriteTransaction& txn) -> absl::Status {
                        SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
                        for (int i = begin; i < begin + 4000; i += step) {
                          const std::string key = std::to_string(100'000 + i);
                          SHEAF_RETURN_IF_ERROR(
                              step == 1 ? table.Put(key, std::string(3900, 'v'))
                                        : table.Delete(key).status());
                        }
                        return absl::OkStatus();
                      })
                      .ok());
    ASSERT_TRUE((*db)->Checkpoint().ok());
  }
  ASSERT_GT((*db)->stats().pages_free, uint64_t{kRows} / 2 - 1000);
  ASSERT_TRUE((*db)->RotateFileKey(*EncryptionKey::Raw(std::string(32, 'n'))).ok());
  const DatabaseStats stats = (*db)->stats();
  if (stats.pages_free < 17'000)
    ADD_FAILURE() << "only " << stats.pages_free << " pages are free: it shows nothing";
  EXPECT_GE(EmptyPages(path), stats.pages_free);
  ASSERT_TRUE((*db)->Close().ok());
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace sheaf
