// Files that are not, or no longer, what the command expects: each gives its exit
// code and a message that names the file, and nothing is written. RELIABILITY R7.
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "pager/page.h"
#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

using nlohmann::json;
using test::ReadFile;
using test::WriteFile;

class BadFileTest : public CliTest {
 protected:
  // Every command refuses `file` with `exit`, and changes neither it nor the folder.
  void ExpectRefused(int exit, const std::string& file, const std::string& says) {
    Words before = FilesInFolder();
    bool is_file = std::filesystem::is_regular_file(file);
    std::string bytes = is_file ? ReadFile(file) : "";
    for (Words args : {Words{"get", file, "c", "k"},
                       {"put", file, "c", "k", "1"},
                       {"delete", file, "c", "k"},
                       {"scan", file, "c"},
                       {"list", file},
                       {"stat", file},
                       {"check", file},
                       {"checkpoint", file},
                       {"import", file, "c"}}) {
      std::string text = ExpectFailure(exit, args, "1\n");
      EXPECT_NE(text.find(file), std::string::npos) << args[0] << ": " << text;
      EXPECT_NE(text.find(says), std::string::npos) << args[0] << ": " << text;
    }
    EXPECT_EQ(FilesInFolder(), before);
    if (is_file) {
      EXPECT_TRUE(ReadFile(file) == bytes);
    }
  }
};

TEST_F(BadFileTest, MissingFileIsNotCreatedByReading) {
  std::string file = Path("no.sheaf");
  for (Words args : {Words{"get", file, "c", "k"},
                     {"delete", file, "c", "k"},
                     {"scan", file, "c"},
                     {"list", file},
                     {"stat", file},
                     {"check", file},
                     {"checkpoint", file},
                     {"dump", file, "0"}}) {
    EXPECT_NE(ExpectFailure(1, args).find(file), std::string::npos) << args[0];
  }
  EXPECT_TRUE(FilesInFolder().empty());
  EXPECT_NE(ExpectFailure(1, {"put", Path("no/f.sheaf"), "c", "k", "1"}).find("folder"),
            std::string::npos);
}

TEST_F(BadFileTest, ForeignFile) {
  WriteFile(Path("f"), std::string(10'000, 'x'));
  ExpectRefused(3, Path("f"), "not a Sheaf");
  WriteFile(Path("short"), "x");
  ExpectRefused(3, Path("short"), "");
}

TEST_F(BadFileTest, EmptyFile) {
  WriteFile(Path("f"), "");
  ExpectRefused(3, Path("f"), "");
}

TEST_F(BadFileTest, Directory) { ExpectRefused(3, folder_.string(), "folder"); }

TEST_F(BadFileTest, TruncatedFile) {
  std::string bytes = ReadFile(NotesFile());
  std::filesystem::remove(Path("a.sheaf"));
  WriteFile(Path("cut"), bytes.substr(0, bytes.size() / 2));
  ExpectRefused(3, Path("cut"), "");
}

TEST_F(BadFileTest, NewerFormat) {
  constexpr size_t kFormatVersion = 72;  // as written down in pager/superblock.h
  std::string file = NotesFile();
  std::string bytes = ReadFile(file);
  for (size_t page : {0, 1}) {
    char* superblock = bytes.data() + page * pager::kPageBytes;
    superblock[kFormatVersion] += 1;
    pager::SealPage(superblock, pager::kPageBytes);
  }
  WriteFile(file, bytes);
  ExpectRefused(3, file, "newer");
}

TEST_F(BadFileTest, DamageIsFoundAndPlacedByCheckAndDump) {
  std::string file = NotesFile();
  std::string bytes = ReadFile(file);
  size_t at = bytes.find("Dtext");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 1] ^= 1;
  WriteFile(file, bytes);
  std::string page = std::to_string(at / 4096);

  test::Outcome check = Run({"check", file, "--json"});
  EXPECT_TRUE(check.exit == 1 || check.exit == 3) << check.err;
  if (check.exit == 1) {
    json report = json::parse(check.out);
    EXPECT_EQ(report["ok"], false);
    EXPECT_EQ(report["findings"][0]["page"], at / 4096) << report;
    EXPECT_NE(Run({"check", file}).out.find("page " + page), std::string::npos);
  }
  ExpectFailure(3, {"get", file, "notes", "\"42\""});
  test::Outcome dump = Run({"dump", file, page, "--json"});
  EXPECT_EQ(dump.exit, 1);
  EXPECT_EQ(json::parse(dump.out)["intact"], false);
  EXPECT_NE(Run({"dump", file, page}).out.find("damaged"), std::string::npos);
}

TEST_F(BadFileTest, UserWithoutWriteAccessCanReadButNotWrite) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  constexpr uid_t kNobody = 65534;
  std::string file = NotesFile();
  ASSERT_EQ(chmod(file.c_str(), 0444), 0);
  for (Words args : {Words{"get", file, "notes", "1"},
                     {"scan", file, "notes"},
                     {"list", file},
                     {"stat", file},
                     {"check", file},
                     {"dump", file, "0"}}) {
    test::Launch launch{args};
    launch.user = kNobody;
    test::Outcome outcome = test::RunCommand(launch);
    EXPECT_EQ(outcome.exit, 0) << args[0] << ": " << outcome.err;
  }
  for (const std::string& path : {file, Path("new.sheaf")}) {
    test::Launch launch{{"put", path, "notes", "1", "1"}};
    launch.user = kNobody;
    test::Outcome outcome = test::RunCommand(launch);
    EXPECT_EQ(outcome.exit, 5) << outcome.err;
    EXPECT_NE(outcome.err.find(path), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(FilesInFolder(), Words{"a.sheaf"});
}

TEST_F(BadFileTest, KeysNamesAndDocumentsOverTheirLimits) {
  std::string file = NotesFile();
  std::string longest(1000, 'k');
  EXPECT_EQ(Run({"put", file, "notes", longest, "1"}).exit, 0);
  EXPECT_NE(ExpectFailure(2, {"put", file, "notes", longest + "k", "1"}).find("1000"),
            std::string::npos);
  ExpectFailure(2, {"put", file, "notes", "", "1"});
  ExpectFailure(2, {"get", file, "notes", ""});
  ExpectFailure(2, {"get", file, "notes", "99999999999999999999"});
  ExpectFailure(2, {"get", file, "notes", "\"open"});
  ExpectFailure(2, {"put", file, "", "k", "1"});
  ExpectFailure(2, {"put", file, std::string(256, 'n'), "k", "1"});
  EXPECT_EQ(Run({"put", file, "raw", std::string(1024, 'k'), "", "--table"}).exit, 0);
  EXPECT_NE(ExpectFailure(2, {"put", file, "raw", std::string(1025, 'k'), "", "--table"})
                .find("1024"),
            std::string::npos);
}

TEST_F(BadFileTest, WrongJsonIsPlaced) {
  std::string file = NotesFile();
  json error = ErrorOf({"put", file, "notes", "9"}, "{\"a\": 1,\n \"b\": nil}");
  EXPECT_EQ(error["line"], 2);
  EXPECT_EQ(error["column"], 8);
  EXPECT_EQ(error["exit"], 2);
  std::string text = ExpectFailure(2, {"put", file, "notes", "9", "[1,2"});
  EXPECT_NE(text.find("not JSON at line 1, column 5"), std::string::npos) << text;
  EXPECT_NE(text.find("[1,2\n      ^"), std::string::npos) << text;
  std::string deep = std::string(1001, '[') + std::string(1001, ']');
  EXPECT_NE(ExpectFailure(2, {"put", file, "notes", "9", deep}).find("1000"),
            std::string::npos);
  ExpectFailure(2, {"put", file, "notes", "9", ""});
  EXPECT_EQ(Run({"get", file, "notes", "9"}).exit, 1);
}

}  // namespace
}  // namespace sheaf::cli
