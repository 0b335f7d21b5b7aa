// What `sheaf` prints and how it exits, run as a user runs it: each command in
// both forms of output, and errors of the command line. RELIABILITY B38.
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

using nlohmann::json;
using test::Launch;
using test::Outcome;
using test::Pipe;
using test::ReadAll;
using test::ReadFile;
using test::ReadLine;

TEST_F(CliTest, HelpNamesEveryCommandAndIsItselfComplete) {
  Outcome help = Run({"help"});
  EXPECT_EQ(help.exit, 0);
  for (const char* name : {"import", "put", "get", "delete", "scan", "list", "stat",
                           "check", "checkpoint", "dump", "version", "help"}) {
    EXPECT_NE(help.out.find("  " + std::string(name) + " "), std::string::npos) << name;
    Outcome one = Run({"help", name});
    EXPECT_EQ(one.exit, 0);
    EXPECT_NE(one.out.find("Usage: sheaf " + std::string(name)), std::string::npos)
        << one.out;
    EXPECT_NE(one.out.find("--json"), std::string::npos) << name;
    EXPECT_EQ(Run({name, "--help"}).out, one.out);
  }
  EXPECT_EQ(Run({"--help"}).out, help.out);
}

TEST_F(CliTest, VersionTellsLibraryAndFormat) {
  EXPECT_TRUE(Run({"version"}).out.starts_with("sheaf "));
  EXPECT_EQ(Run({"--version"}).out, Run({"version"}).out);
  json version = RunJson({"version"});
  EXPECT_TRUE(version["version"].is_string());
  EXPECT_GE(version["format_version"], 1);
}

TEST_F(CliTest, WrongUsageExitsWith2AndSaysWhereHelpIs) {
  EXPECT_NE(ExpectFailure(2, {}).find("sheaf help"), std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"imprt"}).find("did you mean `sheaf import`"),
            std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"get"}).find("FILE"), std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"get", "f", "c"}).find("KEY"), std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"scan", "f", "c", "--limit", "-1"}).find("limit"),
            std::string::npos);
  ExpectFailure(2, {"scan", "f", "c", "--nonsense"});
  ExpectFailure(2, {"list", "f", "extra"});
  ExpectFailure(2, {"dump", "f", "first"});
  ExpectFailure(2, {"dump", "f", "-1"});
  ExpectFailure(2, {"import", "f", "c", "--batch", "0"});
  ExpectFailure(2, {"help", "nonsense"});
  EXPECT_TRUE(FilesInFolder().empty());
}

TEST_F(CliTest, PutThenGetGivesTheDocumentBack) {
  std::string file = Path("a.sheaf");
  std::string odd =
      R"({"big": 18446744073709551615, "e": 1e300, "u": "\u00e9é", "a":[]})";
  EXPECT_EQ(Run({"put", file, "notes", "odd", odd}).out, "notes odd: stored\n");
  EXPECT_EQ(Run({"put", file, "notes", "odd", odd}).out, "notes odd: replaced\n");
  EXPECT_EQ(Run({"get", file, "notes", "odd", "--json"}).out,
            R"({"big":18446744073709551615,"e":1e+300,"u":"éé","a":[]})"
            "\n");
  std::string pretty = Run({"get", file, "notes", "odd"}).out;
  EXPECT_NE(pretty.find("\"big\": 18446744073709551615"), std::string::npos) << pretty;
  EXPECT_EQ(RunJson({"put", file, "notes", "odd", "1"}),
            json({{"collection", "notes"}, {"key", "odd"}, {"replaced", true}}));
  EXPECT_EQ(FilesInFolder(), Words{"a.sheaf"});  // no log is left
}

TEST_F(CliTest, NumbersThatNoDocumentHoldsAreRefused) {
  std::string file = Path("a.sheaf");
  for (const char* number : {"18446744073709551616", "-9223372036854775809", "1e400"}) {
    test::Outcome put = Run({"put", file, "notes", "n", number});
    EXPECT_EQ(put.exit, 2) << put.err;
    EXPECT_NE(put.err.find(number), std::string::npos) << put.err;
  }
}

TEST_F(CliTest, PutReadsStandardInput) {
  std::string file = Path("a.sheaf");
  EXPECT_EQ(Run({"put", file, "notes", "1"}, "[1, 2]\n").exit, 0);
  EXPECT_EQ(Run({"put", file, "notes", "2", "-"}, "{ \"a\" :\n 1 }").exit, 0);
  EXPECT_EQ(Run({"scan", file, "notes", "--json"}).out, "[1,2]\n{\"a\":1}\n");
}

TEST_F(CliTest, KeysAreNumbersOrTextByTheirForm) {
  std::string file = NotesFile();
  EXPECT_EQ(Run({"get", file, "notes", "42"}).exit, 1);  // there is the text only
  EXPECT_EQ(Run({"get", file, "notes", "\"42\""}).out, "\"text\"\n");
  EXPECT_EQ(Run({"put", file, "notes", "-7", "-5"}).exit, 0);
  EXPECT_EQ(RunJson({"delete", file, "notes", "-7"})["key"], -7);
  EXPECT_EQ(Run({"put", file, "notes", "007", "0"}).out, "notes 007: stored\n");
  EXPECT_EQ(Run({"put", file, "notes", "--", "--dash", "0"}).exit, 0);
  EXPECT_EQ(Run({"put", file, "notes", "[a,b]", "0"}).exit, 0);
  EXPECT_EQ(Run({"scan", file, "notes", "--keys"}).out,
            "1\n2\n3\n--dash\n007\n\"42\"\n[a,b]\ntoday\n");
  EXPECT_EQ(
      Run({"scan", file, "notes", "--keys", "--json", "--from", "3", "--limit", "2"}).out,
      "3\n\"--dash\"\n");
}

TEST_F(CliTest, DeleteTellsWhetherTheKeyWasThere) {
  std::string file = NotesFile();
  EXPECT_EQ(Run({"delete", file, "notes", "2"}).out, "notes 2: deleted\n");
  EXPECT_NE(ExpectFailure(1, {"delete", file, "notes", "2"}).find("no key 2"),
            std::string::npos);
  EXPECT_EQ(Run({"get", file, "notes", "2"}).exit, 1);
  ExpectFailure(1, {"delete", file, "nots", "2"});
  EXPECT_EQ(RunJson({"list", file})["trees"].size(), 1u);  // "nots" was not created
}

TEST_F(CliTest, ScanBoundsOrderAndLimit) {
  std::string file = NotesFile();
  auto keys = [&](Words options) {
    options.insert(options.begin(), {"scan", file, "notes", "--keys"});
    Outcome outcome = Run(options);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome.out;
  };
  EXPECT_EQ(keys({}), "1\n2\n3\n\"42\"\ntoday\n");
  EXPECT_EQ(keys({"--reverse"}), "today\n\"42\"\n3\n2\n1\n");
  EXPECT_EQ(keys({"--from", "2", "--to", "3"}), "2\n");
  EXPECT_EQ(keys({"--reverse", "--from", "2", "--limit", "2"}), "today\n\"42\"\n");
  EXPECT_EQ(keys({"--prefix", "to"}), "today\n");
  EXPECT_EQ(keys({"--prefix", "x"}), "");
  EXPECT_EQ(keys({"--limit", "0"}), "");
  EXPECT_EQ(Run({"scan", file, "notes", "--limit", "1", "--reverse"}).out,
            "today  {\"n\":5}\n");
  EXPECT_EQ(Run({"scan", file, "notes", "--json", "--limit", "2"}).out,
            "{\"n\":1}\n{\"n\":2}\n");
}

TEST_F(CliTest, ScanWithoutJsonEscapesWhatATerminalWouldObey) {
  std::string file = Path("a.sheaf");
  ASSERT_EQ(Run({"put", file, "notes", "k\x1b[2J", "\"\x7f\""}).exit, 0);
  EXPECT_EQ(Run({"scan", file, "notes"}).out, "\"k\\u001b[2J\"  \"\\x7f\"\n");
  EXPECT_EQ(Run({"get", file, "notes", "\"k\\u001b[2J\"", "--json"}).out, "\"\x7f\"\n");
}

TEST_F(CliTest, TablesHoldBytesThatAreEscaped) {
  std::string file = NotesFile();
  EXPECT_EQ(Run({"put", file, "raw", "a\\0\\xff", "v\\\\\\n", "--table"}).out,
            "raw a\\x00\\xff: stored\n");
  EXPECT_EQ(Run({"put", file, "raw", "b", "--table"}, "from\tinput").exit, 0);
  EXPECT_EQ(Run({"get", file, "raw", "b", "--table"}).out, "from\\x09input\n");
  EXPECT_EQ(Run({"scan", file, "raw", "--table"}).out,
            "a\\x00\\xff  v\\\\\\x0a\nb          from\\x09input\n");
  EXPECT_EQ(Run({"scan", file, "raw", "--table", "--json"}).out,
            "{\"key_hex\":\"6100ff\",\"value\":\"v\\\\\\n\"}\n"
            "{\"key\":\"b\",\"value\":\"from\\tinput\"}\n");
  EXPECT_EQ(Run({"scan", file, "raw", "--table", "--keys", "--reverse", "--to", "b"}).out,
            "a\\x00\\xff\n");
  EXPECT_EQ(RunJson({"get", file, "raw", "b", "--table"})["value"], "from\tinput");
  EXPECT_EQ(RunJson({"delete", file, "raw", "b", "--table"})["deleted"], true);
  ExpectFailure(1, {"get", file, "raw", "b", "--table"});
  ExpectFailure(2, {"get", file, "raw", "\\q", "--table"});
  EXPECT_NE(ExpectFailure(2, {"get", file, "raw", "b"}).find("add --table"),
            std::string::npos);
  EXPECT_NE(
      ExpectFailure(2, {"scan", file, "notes", "--table"}).find("leave --table out"),
      std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"put", file, "raw", "b", "1"}).find("add --table"),
            std::string::npos);
}

TEST_F(CliTest, ListShowsWhatTheFileHolds) {
  std::string file = NotesFile();
  ASSERT_EQ(Run({"put", file, "raw", "a", "v", "--table"}).exit, 0);
  EXPECT_EQ(Run({"list", file}).out,
            "NAME   KIND        ENTRIES\n"
            "notes  collection        5\n"
            "raw    table             1\n");
  json trees = RunJson({"list", file})["trees"];
  EXPECT_EQ(trees[0], json({{"name", "notes"}, {"kind", "collection"}, {"entries", 5}}));
  EXPECT_EQ(trees[1], json({{"name", "raw"}, {"kind", "table"}, {"entries", 1}}));
}

TEST_F(CliTest, StatCheckCheckpointAndDumpOfAGoodFile) {
  std::string file = NotesFile();
  json stat = RunJson({"stat", file});
  EXPECT_EQ(stat["file_bytes"], ReadFile(file).size());
  EXPECT_GE(stat["entries"], 5);
  EXPECT_GE(stat["pages_live"], 1);
  EXPECT_NE(Run({"stat", file}).out.find("KiB"), std::string::npos);

  json check = RunJson({"check", file});
  EXPECT_EQ(check["ok"], true);
  EXPECT_TRUE(check["findings"].empty());
  EXPECT_NE(Run({"check", file}).out.find("nothing wrong"), std::string::npos);

  EXPECT_GE(RunJson({"checkpoint", file})["version"], 1);
  EXPECT_EQ(Run({"checkpoint", file}).exit, 0);

  json page = RunJson({"dump", file, "0"});
  EXPECT_EQ(page["kind"], "superblock");
  EXPECT_EQ(page["intact"], true);
  EXPECT_TRUE(page["fields"].is_object());
  EXPECT_TRUE(Run({"dump", file, "0"}).out.starts_with("page 0  superblock  intact\n"));
  ExpectFailure(1, {"dump", file, "99999999"});
}

TEST_F(CliTest, ReadingChangesNoByteAndLeavesNoFile) {
  std::string file = NotesFile();
  std::string before = ReadFile(file);
  for (Words args : {Words{"get", file, "notes", "1"},
                     {"scan", file, "notes"},
                     {"list", file},
                     {"stat", file},
                     {"check", file},
                     {"dump", file, "0"}}) {
    EXPECT_EQ(Run(args).exit, 0) << args[0];
    EXPECT_TRUE(ReadFile(file) == before) << args[0];
    EXPECT_EQ(FilesInFolder(), Words{"a.sheaf"}) << args[0];
  }
}

TEST_F(CliTest, AReaderThatGoesEndsTheScanQuietly) {
  std::string file = Path("a.sheaf");
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "{\"number\":" + std::to_string(i) + "}\n";
  ASSERT_EQ(Run({"import", file, "c"}, lines).exit, 0);
  for (bool is_json : {false, true}) {
    Pipe out, err;
    Launch launch{{"scan", file, "c"}, -1, out.write_end, err.write_end};
    if (is_json) launch.args.push_back("--json");
    pid_t pid = test::StartCommand(launch);
    out.CloseWrite(), err.CloseWrite();
    EXPECT_NE(ReadLine(out.read_end), "");
    out.CloseRead();
    EXPECT_EQ(test::WaitForCommand(pid), 0);
    EXPECT_EQ(ReadAll(err.read_end), "");
  }
}

TEST_F(CliTest, OutputThatCannotBeWrittenIsAnError) {
  std::string file = NotesFile();
  Pipe err;
  int full = open("/dev/full", O_WRONLY);
  pid_t pid = test::StartCommand({{"scan", file, "notes"}, -1, full, err.write_end});
  close(full);
  err.CloseWrite();
  EXPECT_EQ(test::WaitForCommand(pid), 5);
  EXPECT_NE(ReadAll(err.read_end).find("No space left"), std::string::npos);
}

TEST_F(CliTest, ClosedStandardDescriptorsDoNotHitTheDatabase) {
  std::string file = NotesFile();
  EXPECT_EQ(
      test::WaitForCommand(test::StartCommand({{"put", file, "notes", "9", "[9]"}})), 0);
  EXPECT_EQ(test::WaitForCommand(test::StartCommand({{"get", file, "notes", "nothing"}})),
            1);
  EXPECT_EQ(RunJson({"check", file})["ok"], true);
  EXPECT_EQ(Run({"get", file, "notes", "9"}).out, "[9]\n");
}

}  // namespace
}  // namespace sheaf::cli
