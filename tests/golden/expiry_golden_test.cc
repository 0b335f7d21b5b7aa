// A file in which entries of a table, documents and vectors expire, of format version 1,
// stays readable, and what is written today has the same records. SHEAF_WRITE_GOLDEN=1 writes
// it anew.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/golden/golden_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);
const absl::Time kWritten = absl::FromUnixSeconds(1'893'456'000);

std::string GoldenPath() {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/v1-expiry.sheaf");
}

absl::Status Fill(WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
  SHEAF_RETURN_IF_ERROR(t.Put("ever", "1"));
  SHEAF_RETURN_IF_ERROR(t.Put("hour", "2", Expiry::After(kHour)));
  SHEAF_RETURN_IF_ERROR(t.Put("slides", "3", Expiry::Sliding(2 * kHour)));
  SHEAF_RETURN_IF_ERROR(t.Put("at", "4", Expiry::At(kWritten + absl::Microseconds(7))));
  SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
  SHEAF_RETURN_IF_ERROR(c.SetDefaultExpiry(Expiry::Sliding(3 * kHour)));
  SHEAF_RETURN_IF_ERROR(c.Put("usual", R"({"n":1})"));
  SHEAF_RETURN_IF_ERROR(c.Put(7, R"({"n":2})", Expiry::After(kHour)));
  SHEAF_ASSIGN_OR_RETURN(VectorIndex v, txn.vectors("v", {.dimensions = 2}));
  const std::vector<float> vector = {1, 2};
  SHEAF_RETURN_IF_ERROR(v.Put("a", vector));
  return v.Put("b", vector, "{}", Expiry::After(kHour));
}

class ExpiryGolden : public testing::Test {
 protected:
  static std::string MakeExpiring() {
    auto fs = pager::NewMemoryFileSystem();
    Options options;
    options.file_system = fs.get();
    options.clock = [] { return kWritten; };
    options.background_linking = options.background_expiry = false;
    auto db = *Database::Open(kPath, options);
    const absl::Status filled = db->Write(Fill);
    EXPECT_TRUE(filled.ok()) << filled;
    EXPECT_TRUE(db->Close().ok());
    db.reset();
    return ReadWholeFile(fs.get(), kPath);
  }
  static void SetUpTestSuite() {
    if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr)
      WriteFile(GoldenPath(), MakeExpiring());
  }
  ExpiryGolden() {
    WriteWholeFile(fs_.get(), kPath, ReadFile(GoldenPath()));
    Options options;
    options.file_system = fs_.get();
    options.clock = [this] { return now_; };
    options.background_linking = options.background_expiry = false;
    db_ = *Database::Open(kPath, options);
  }
  void ExpectClean() {
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }

  absl::Time now_ = kWritten;
  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::unique_ptr<Database> db_;
};

TEST_F(ExpiryGolden, Version1Opens) {
  ExpectClean();
  const ReadTransaction read = db_->BeginRead();
  const TableReader t = *read.table("t");
  EXPECT_EQ(*t.size(), 4u);
  EXPECT_EQ(*t.ExpiresAt("ever"), absl::InfiniteFuture());
  EXPECT_EQ(*t.ExpiresAt("hour"), kWritten + kHour);
  EXPECT_EQ(*t.ExpiresAt("at"), kWritten + absl::Microseconds(7));
  EXPECT_EQ(*read.collection("c")->DefaultExpiry(), Expiry::Sliding(3 * kHour));
  EXPECT_EQ(*read.collection("c")->ExpiresAt("usual"), kWritten + 3 * kHour);
  EXPECT_EQ(*read.vectors("v")->ExpiresAt("b"), kWritten + kHour);
}

TEST_F(ExpiryGolden, Version1Expires) {
  now_ += kHour;
  EXPECT_EQ(*db_->BeginRead().table("t")->size(), 2u);
  EXPECT_FALSE(*db_->BeginRead().collection("c")->Contains(7));
  EXPECT_FALSE(*db_->BeginRead().vectors("v")->Contains("b"));
  const absl::Status touched = db_->Write([](WriteTransaction& txn) -> absl::Status {
    EXPECT_TRUE(*txn.table("t")->Touch("slides"));
    EXPECT_TRUE(*txn.collection("c")->Touch("usual"));
    return absl::OkStatus();
  });
  EXPECT_TRUE(touched.ok()) << touched;
  EXPECT_EQ(db_->Expire()->removed_total, 4u);
  EXPECT_EQ(db_->Expire()->next, kWritten + 3 * kHour);
  ExpectClean();
}

TEST_F(ExpiryGolden, WhatIsWrittenTodayIsTheSame) {
  const Content golden = TreesOf(ReadFile(GoldenPath())), today = TreesOf(MakeExpiring());
  EXPECT_EQ(golden.size(), 8u);  // that are not empty
  EXPECT_TRUE(golden == today);
}

}  // namespace
}  // namespace sheaf::test
