// A checkpoint that could not ask for the file's size had moved its page map on
// already and did not poison the database; the next one stopped at an assertion
// (R4). Found by tests/crash/fail_nth_test.cc.
#include <gtest/gtest.h>

#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {
namespace {

TEST(CheckpointSizeFailure, PoisonsInsteadOfStopping) {
  FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.background_checkpoints = false;
  auto db = Database::Open("/t.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  const auto put = [&](const char* key) {
    return (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      return table.Put(key, "v");
    });
  };
  ASSERT_TRUE(put("a").ok());
  Fault fault;
  fault.calls = kQuery;
  fs.Inject(fault);
  const absl::Status first = (*db)->Checkpoint();
  ASSERT_FALSE(first.ok());
  EXPECT_EQ((*db)->Checkpoint(), first);
  EXPECT_EQ(put("b"), first);
  db->reset();
  db = Database::Open("/t.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ(*(*db)->BeginRead().table("t")->size(), 1u);
}

}  // namespace
}  // namespace sheaf::test
