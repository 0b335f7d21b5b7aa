// The report of what expires left blob stores out: `sheaf expire --report` said "nothing
// expires" of a file of which `sheaf expire` then removed blobs. Found by the demo.
#include <gtest/gtest.h>

#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

TEST(ExpireReportOfBlobs, NamesThem) {
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto fs = pager::NewMemoryFileSystem();
  Options options;
  options.file_system = fs.get();
  options.background_expiry = false;
  options.clock = [&now] { return now; };
  const auto db = *Database::Open("/b.sheaf", options);
  const absl::Status filled = db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(BlobStore plain, txn.blobs("lasting"));
    SHEAF_RETURN_IF_ERROR(plain.Put(1, "stays"));
    SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("passing"));
    SHEAF_RETURN_IF_ERROR(store.SetDefaultExpiry(Expiry::After(absl::Hours(9))));
    SHEAF_RETURN_IF_ERROR(store.Put("a", "x", {.expiry = Expiry::After(absl::Hours(1))}));
    SHEAF_RETURN_IF_ERROR(store.Put("b", "x", {.expiry = Expiry::After(absl::Hours(2))}));
    return store.Put("c", "x", {.expiry = Expiry::Never()});
  });
  ASSERT_TRUE(filled.ok()) << filled;
  now += absl::Minutes(90);
  const auto report = db->BeginRead().ListExpiring();
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->size(), 1u);
  const ExpiryStats& stats = report->front();
  EXPECT_EQ(stats.name, "passing");
  EXPECT_EQ(stats.kind, TreeKind::kBlobs);
  EXPECT_EQ(stats.visible, 2u);
  EXPECT_EQ(stats.expiring, 2u);
  EXPECT_EQ(stats.expired, 1u);
  EXPECT_EQ(stats.next, now + absl::Minutes(30));
  EXPECT_EQ(stats.usual, Expiry::After(absl::Hours(9)));
  EXPECT_EQ(db->Expire()->removed_total, 1u);
  EXPECT_EQ(db->BeginRead().ListExpiring()->front().expired, 0u);
}

}  // namespace
}  // namespace sheaf
