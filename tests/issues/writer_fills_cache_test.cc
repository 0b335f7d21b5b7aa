// Pages of a running write transaction can be written out by its own thread only.
// It filled the whole cache with them, and readers beside it got kResourceExhausted
// for as long as it lived. Found by tests/race/database_race_test.cc.
#include <gtest/gtest.h>

#include <string>

#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

absl::Status Fill(WriteTransaction& txn, const char* name, size_t value_bytes) {
  SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(name));
  for (size_t i = 0; i < (3 << 20) / value_bytes; ++i)
    SHEAF_RETURN_IF_ERROR(
        table.Put(std::to_string(100'000 + i), std::string(value_bytes, 'v')));
  return absl::OkStatus();
}

class WriterFillsCache : public testing::TestWithParam<size_t> {};

TEST_P(WriterFillsCache, ReadersGoOn) {
  const std::unique_ptr<pager::FileSystem> fs = pager::NewMemoryFileSystem();
  Options options;
  options.file_system = fs.get();
  options.cache_bytes_max = 1 << 20;
  auto db = Database::Open("/t.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  const absl::Status filled =
      (*db)->Write([](WriteTransaction& txn) { return Fill(txn, "read", 500); });
  ASSERT_TRUE(filled.ok()) << filled;
  auto txn = (*db)->BeginWrite();
  ASSERT_TRUE(txn.ok()) << txn.status();
  const absl::Status written = Fill(*txn, "written", GetParam());
  ASSERT_TRUE(written.ok()) << written;
  ReadTransaction read = (*db)->BeginRead();
  auto table = read.table("read");
  ASSERT_TRUE(table.ok()) << table.status();
  uint64_t seen = 0;
  const absl::Status status =
      table->ForEach(KeyRange::All(), [&](std::string_view, std::string_view) {
        ++seen;
        return true;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen, *table->size());
  EXPECT_TRUE(txn->Commit().ok());
}

INSTANTIATE_TEST_SUITE_P(Sizes, WriterFillsCache, testing::Values(100, 2000, 60'000));

}  // namespace
}  // namespace sheaf
