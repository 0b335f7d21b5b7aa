// A file that shrank by more than one chunk of its page map (126 MiB) was refused
// by the next open: the map still described chunks behind the end of the file.
#include <gtest/gtest.h>

#include <string>

#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

TEST(ShrunkenFile, OpensAgain) {
  const std::unique_ptr<pager::FileSystem> fs = pager::NewMemoryFileSystem();
  Options options;
  options.file_system = fs.get();
  options.background_checkpoints = false;
  auto db = Database::Open("/t.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  // Holes of less than a large node at the file's beginning: the map's own pages
  // and those of the last commits find room there.
  for (int part = 0; part < 40; ++part) {
    ASSERT_TRUE((*db)
                    ->Write([&](WriteTransaction& txn) -> absl::Status {
                      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("holes"));
                      for (int i = part; i < 2000; i += 40)
                        SHEAF_RETURN_IF_ERROR(
                            table.Put(std::to_string(10'000 + i), std::string(900, 'h')));
                      return absl::OkStatus();
                    })
                    .ok());
    ASSERT_TRUE((*db)->Checkpoint().ok());
  }
  const std::string value(50 << 20, 'x');
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) {
    const absl::Status put = (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      return table.Put(key, value);
    });
    ASSERT_TRUE(put.ok()) << put;
  }
  ASSERT_TRUE((*db)->Checkpoint().ok());
  const uint64_t large = (*db)->stats().file_bytes;
  ASSERT_GT(large, uint64_t{300} << 20);
  const auto write = [&](bool clear) {
    return (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      if (clear) SHEAF_RETURN_IF_ERROR(table.DeleteRange(KeyRange::All()).status());
      return table.Put("small", "v");
    });
  };
  ASSERT_TRUE((*db)->Close().ok());  // opened anew, it takes the lowest pages first
  db->reset();
  db = Database::Open("/t.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE(write(/*clear=*/true).ok());
  for (int i = 0; i < 5; ++i) {  // each moves what lies at the end
    const absl::Status closed = (*db)->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    db->reset();
    db = Database::Open("/t.sheaf", options);
    ASSERT_TRUE(db.ok()) << db.status();
    EXPECT_EQ(*(*db)->BeginRead().table("t")->size(), 1u);
    EXPECT_TRUE((*db)->Check()->ok());
    ASSERT_TRUE(write(/*clear=*/false).ok());
  }
  EXPECT_LT((*db)->stats().file_bytes, large / 10);
}

}  // namespace
}  // namespace sheaf
