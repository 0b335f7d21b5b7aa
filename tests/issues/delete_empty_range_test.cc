// Deleting a range that holds nothing copied the pages on its border all the same,
// said that nothing had changed, and so left the table's record with the old ones,
// which were then given to others: the table was lost with a later commit.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

TEST(Issue, DeletingAnEmptyRangeLostTheTable) {
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok());
  const auto write = [&](auto fn) {  // and something else beside it
    const absl::Status status = (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_RETURN_IF_ERROR(txn.table("other")->Put("k", "v"));
      return fn(*txn.table("t"));
    });
    EXPECT_TRUE(status.ok()) << status;
  };
  for (const int size : {1, 1000}) {
    write([&](Table t) {
      absl::Status status;
      for (int i = 0; i < size; ++i) status.Update(t.Put(absl::StrCat("k", i), "v"));
      return status;
    });
    for (const KeyRange& nothing :
         {KeyRange::Prefix("a"), KeyRange::Prefix("k0x"), KeyRange::Prefix("z")})
      write([&](Table t) { return t.DeleteRange(nothing).status(); });
    for (int i = 0; i < 10; ++i)
      write([&](Table t) {
        EXPECT_EQ(*t.size(), static_cast<uint64_t>(size));
        return t.Put("k0", absl::StrCat(i));
      });
    const auto check = (*db)->Check();
    ASSERT_TRUE(check.ok()) << check.status();
    EXPECT_TRUE(check->ok());
  }
}

}  // namespace
}  // namespace sheaf::test
