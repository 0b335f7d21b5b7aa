// --ttl and --expires-at; `expire`: what it shows and what it removes; `expiry`.
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

TEST_F(ExpireTest, GraphsAndVectors) {
  ASSERT_EQ(Run({"graph", "add-vertex", db_, "g", R"({"name":"Ann"})"}).exit, 0);
  ASSERT_EQ(
      Run({"graph", "add-vertex", db_, "g", R"({"name":"Bob"})", "--ttl", "1h"}).exit, 0);
  ASSERT_EQ(Run({"graph", "add-edge", db_, "g", "Ann", "KNOWS", "Bob", "--expires-at",
                 "2001-01-01T00:00:00Z"})
                .exit,
            0);
  ASSERT_EQ(
      Run({"graph", "add-edge", db_, "g", "Bob", "KNOWS", "Ann", "--ttl", "1d"}).exit, 0);
  EXPECT_EQ(Run({"graph", "neighbors", db_, "g", "Ann"}).out, "");
  ASSERT_EQ(Run({"vector", "create", db_, "v", "--dimensions", "2"}).exit, 0);
  ASSERT_EQ(Run({"vector", "put", db_, "v", "a", "[1,2]"}).exit, 0);
  ASSERT_EQ(Run({"vector", "put", db_, "v", "b", "[1,2]", "--expires-at",
                 "2001-01-01T00:00:00Z"})
                .exit,
            0);
  EXPECT_EQ(Run({"vector", "get", db_, "v", "b"}).exit, 1);
  const nlohmann::json report = RunJson({"expire", db_, "--report"})["expiring"];
  ASSERT_EQ(report.size(), 2u);
  EXPECT_EQ(report[0]["kind"], "graph");
  EXPECT_EQ(report[0]["expiring"], 2);
  EXPECT_EQ(report[1]["expired"], 1);
  EXPECT_EQ(RunJson({"expire", db_})["removed"], 1);
  EXPECT_EQ(Run({"check", db_}).exit, 0);
}

// What a command says the expiry of something is.
class ExpiryCommandTest : public ExpireTest {
 protected:
  std::string Default(const std::string& name, const char* edges = nullptr) {
    Words args = {"expiry", db_, name};
    if (edges != nullptr) args.push_back(edges);
    return RunJson(args).value("default", "?");
  }
  std::string At(const std::string& name, const std::string& key) {
    return RunJson({"expiry", db_, name, key}).value("expires_at", "?");
  }
};

TEST_F(ExpiryCommandTest, DefaultsOfEveryKind) {
  ASSERT_EQ(Run({"put", db_, "notes", "1", "{}"}).exit, 0);
  ASSERT_EQ(Run({"put", db_, "bytes", "k", "v", "--table"}).exit, 0);
  ASSERT_EQ(Run({"graph", "add-vertex", db_, "g", R"({"name":"Ann"})"}).exit, 0);
  ASSERT_EQ(Run({"vector", "create", db_, "v", "--dimensions", "2"}).exit, 0);
  ASSERT_EQ(Run({"blob", "put", db_, "b", "one", "-"}, "x").exit, 0);
  for (const char* name : {"notes", "bytes", "g", "v", "b"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(Default(name), "never");
    EXPECT_EQ(RunJson({"expiry", db_, name, "--ttl", "1h", "--sliding"})["default"],
              "sliding 1h");
    EXPECT_EQ(Default(name), "sliding 1h");
    ExpectFailure(2, {"expiry", db_, name, "--expires-at", "2030-01-01T00:00:00Z"});
    EXPECT_EQ(Default(name), "sliding 1h");
  }
  // What was there keeps what it had; what comes has the default, unless it says never.
  EXPECT_EQ(At("notes", "1"), "never");
  ASSERT_EQ(Run({"put", db_, "notes", "2", "{}"}).exit, 0);
  ASSERT_EQ(Run({"put", db_, "notes", "3", "{}", "--never"}).exit, 0);
  EXPECT_NE(At("notes", "2"), "never");
  EXPECT_EQ(At("notes", "3"), "never");
  EXPECT_EQ(Run({"expiry", db_, "notes"}).out,
            "notes  what is put expires: sliding 1h\n");
  EXPECT_EQ(RunJson({"expiry", db_, "notes", "--never"})["default"], "never");

  EXPECT_EQ(Run({"expiry", db_, "g", "--edges", "--ttl", "7d"}).out,
            "g  new edges expires: after 168h\n");
  EXPECT_EQ(Default("g", "--edges"), "after 168h");
  EXPECT_EQ(Default("g"), "sliding 1h");
  ExpectFailure(2, {"expiry", db_, "notes", "--edges"});
  ExpectFailure(2, {"expiry", db_, "g", "Ann", "--edges"});
  EXPECT_NE(ExpectFailure(1, {"expiry", db_, "absent"}).find("absent"),
            std::string::npos);
  EXPECT_EQ(Run({"check", db_}).exit, 0);
}

TEST_F(ExpiryCommandTest, OfOneRecord) {
  const std::string then = "2100-01-31T12:00:00Z";
  ASSERT_EQ(Run({"put", db_, "notes", "1", "{}"}).exit, 0);
  ASSERT_EQ(Run({"put", db_, "bytes", "k", "v", "--table"}).exit, 0);
  ASSERT_EQ(Run({"graph", "add-vertex", db_, "g", R"({"name":"Ann"})"}).exit, 0);
  ASSERT_EQ(Run({"vector", "create", db_, "v", "--dimensions", "2"}).exit, 0);
  ASSERT_EQ(Run({"vector", "put", db_, "v", "a", "[1,2]"}).exit, 0);
  ASSERT_EQ(Run({"blob", "put", db_, "b", "one", "-"}, "x").exit, 0);
  const std::vector<Words> records = {
      {"notes", "1"}, {"bytes", "k"}, {"g", "Ann"}, {"v", "a"}, {"b", "one"}};
  for (const Words& record : records) {
    SCOPED_TRACE(record[0]);
    EXPECT_EQ(At(record[0], record[1]), "never");
    EXPECT_EQ(RunJson({"expiry", db_, record[0], record[1], "--expires-at",
                       then})["expires_at"],
              then);
    EXPECT_EQ(At(record[0], record[1]), then);
    EXPECT_EQ(Run({"expiry", db_, record[0], record[1], "--never"}).out,
              record[0] + " " + record[1] + "  expires: never\n");
    ExpectFailure(1, {"expiry", db_, record[0], "absent", "--never"});
    const std::string kept = "2100-01-01T00:00:00.123457Z";
    EXPECT_EQ(RunJson({"expiry", db_, record[0], record[1], "--expires-at",
                       "2100-01-01T00:00:00.1234561Z"})["expires_at"],
              kept);
    EXPECT_EQ(At(record[0], record[1]), kept);
    EXPECT_EQ(RunJson({"expiry", db_, record[0], record[1], "--expires-at",
                       "2001-01-01T00:00:00Z"})["expires_at"],
              "2001-01-01T00:00:00Z");
    ExpectFailure(1, {"expiry", db_, record[0], record[1]});  // it is gone
  }
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
  ExpectFailure(2, {"put", db_, "c", "k", "{}", "--ttl", "1h", "--never"});
  EXPECT_TRUE(FilesInFolder().empty());
}

}  // namespace
}  // namespace sheaf::cli
