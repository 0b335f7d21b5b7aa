// A typed table whose type names had 2,000 bytes made a catalog record too long for
// its leaf. It was stored as a large value, which the catalog cannot have: after the
// next open the whole database was unreadable. Such names are refused now.
#include <gtest/gtest.h>

#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

TEST(Issue, LongTypeNamesMadeTheCatalogUnreadable) {
  auto fs = pager::NewMemoryFileSystem();
  {
    auto db = OpenSample(fs.get());
    ASSERT_TRUE(db.ok());
    EXPECT_TRUE((*db)
                    ->Write([](WriteTransaction& txn) {
                      return txn.table("other")->Put("k", "v");
                    })
                    .ok());
    const absl::Status status = (*db)->Write([](WriteTransaction& txn) {
      return txn.typed_table("typed", std::string(2000, 'k'), "v").status();
    });
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_TRUE((*db)->Close().ok());
  }
  const Verdict v = Judge(fs.get(), kPath, true);
  EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << v.ToString();
}

}  // namespace
}  // namespace sheaf::test
