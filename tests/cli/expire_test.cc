// --ttl and --expires-at, and `expire`: what it shows and what it removes.
#include <unistd.h>

#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

class ExpireTest : public CliTest {
 protected:
  const std::string db_ = Path("a.sheaf");
};

TEST_F(ExpireTest, PutsWhatExpires) {
  EXPECT_EQ(Run({"expire", db_}).exit, 3 - 2);  // there is no file
  ASSERT_EQ(Run({"put", db_, "notes", "ever", "{}"}).exit, 0);
  EXPECT_EQ(Run({"expire", db_, "--report"}).out, "nothing expires\n");
  ASSERT_EQ(Run({"put", db_, "notes", "day", "{}", "--ttl", "1d"}).exit, 0);
  ASSERT_EQ(
      Run({"put", db_, "notes", "past", "{}", "--expires-at", "2001-01-01T00:00:00Z"})
          .exit,
      0);
  ASSERT_EQ(
      Run({"put", db_, "bytes", "k", "v", "--table", "--ttl", "1h30m", "--sliding"}).exit,
      0);
  ASSERT_EQ(Run({"put", db_, "bytes", "p", "v", "--table", "--expires-at",
                 "2001-01-01T01:00:00+01:00"})
                .exit,
            0);
  EXPECT_EQ(Run({"get", db_, "notes", "past"}).exit, 1);
  EXPECT_EQ(Run({"get", db_, "bytes", "p", "--table"}).exit, 1);
  EXPECT_EQ(Run({"get", db_, "notes", "day"}).exit, 0);
  EXPECT_EQ(Run({"count", db_, "notes"}).out, "2\n");

  const nlohmann::json report = RunJson({"expire", db_, "--report"})["expiring"];
  ASSERT_EQ(report.size(), 2u);
  EXPECT_EQ(report[1]["name"], "notes");
  EXPECT_EQ(report[1]["kind"], "collection");
  EXPECT_EQ(report[1]["visible"], 2);
  EXPECT_EQ(report[1]["expired"], 1);
  EXPECT_EQ(report[1]["expiring"], 2);
  EXPECT_EQ(report[0]["kind"], "table");
  const std::string shown = Run({"expire", db_, "--dry-run"}).out;
  EXPECT_NE(shown.find("NAME   KIND        VISIBLE  EXPIRED  EXPIRING  NEXT"),
            std::string::npos)
      << shown;
  EXPECT_NE(Run({"list", db_}).out.find("1 expired"), std::string::npos);
  EXPECT_EQ(RunJson({"list", db_})["trees"][1]["entries"], 2);
  EXPECT_EQ(RunJson({"stat", db_, "notes"})["expired"], 1);

  const nlohmann::json done = RunJson({"expire", db_});
  EXPECT_EQ(done["removed"], 2);
  EXPECT_EQ(done["removed_by_kind"]["table"], 1);
  EXPECT_EQ(done["remaining"], 0);
  EXPECT_TRUE(done.contains("next"));
  EXPECT_NE(Run({"expire", db_}).out.find("0 records removed, 0 expired and still there"),
            std::string::npos);
  EXPECT_EQ(RunJson({"list", db_})["trees"][1].contains("expired"), false);
  EXPECT_EQ(Run({"check", db_}).exit, 0);
}

TEST_F(ExpireTest, RefusesWhatIsNoTime) {
  for (const char* wrong : {"0s", "-1h", "soon", "d", "1x", "1e9w", ""})
    EXPECT_NE(
        ExpectFailure(2, {"put", db_, "c", "k", "{}", std::string("--ttl=") + wrong})
            .find("--ttl"),
        std::string::npos)
        << wrong;
  for (const char* wrong : {"tomorrow", "2030-01-31", "1960-01-01T00:00:00Z", ""})
    EXPECT_NE(ExpectFailure(
                  2, {"put", db_, "c", "k", "{}", std::string("--expires-at=") + wrong})
                  .find("--expires-at"),
              std::string::npos)
        << wrong;
  ExpectFailure(2, {"put", db_, "c", "k", "{}", "--sliding"});
  ExpectFailure(2, {"put", db_, "c", "k", "{}", "--ttl", "1h", "--expires-at",
                    "2030-01-01T00:00:00Z"});
  EXPECT_TRUE(FilesInFolder().empty());
}

}  // namespace
}  // namespace sheaf::cli
