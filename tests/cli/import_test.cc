// `sheaf import`: every form of input, exactly what is stored when it ends well,
// badly, by Ctrl-C or by kill -9, and what it says about it. RELIABILITY R6.
#include <signal.h>
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
using test::ReadLine;
using test::WriteAll;

class ImportTest : public CliTest {
 protected:
  std::string file_ = Path("a.sheaf");

  std::string Keys() const { return Run({"scan", file_, "c", "--keys"}).out; }

  static std::string NumberedLines(int from, int to) {
    std::string lines;
    for (int i = from; i < to; ++i) lines += "{\"id\":" + std::to_string(i) + "}\n";
    return lines;
  }
};

// An import that is fed line by line.
struct RunningImport {
  explicit RunningImport(test::Launch launch) {
    launch.in = in.read_end, launch.out = out.write_end, launch.err = err.write_end;
    pid = test::StartCommand(launch);
    in.CloseRead(), out.CloseWrite(), err.CloseWrite();
  }
  Pipe in, out, err;
  pid_t pid;
};

TEST_F(ImportTest, TakesKeysFromAFieldAndCountsWhatItReplaced) {
  test::WriteFile(
      Path("in.jsonl"),
      "{\"id\":\"b\"}\n{\"x\":{\"id\":9},\"id\":-3}\n{\"id\":\"b\",\"n\":2}\n");
  Words args = {"import",         file_,     "c", "--key", "id", "--in",
                Path("in.jsonl"), "--batch", "2"};
  json result = RunJson(args);
  EXPECT_EQ(result["documents"], 3);
  EXPECT_EQ(result["replaced"], 1);
  EXPECT_EQ(result["transactions"], 2);
  EXPECT_EQ(result["bytes"], std::filesystem::file_size(Path("in.jsonl")));
  EXPECT_EQ(Keys(), "-3\nb\n");
  std::string text = Run(args).out;
  EXPECT_NE(text.find("3 documents into c of " + file_), std::string::npos) << text;
  EXPECT_NE(text.find("3 of them replaced"), std::string::npos) << text;
}

TEST_F(ImportTest, KeysOutOfPathsAndOfBytes) {
  EXPECT_EQ(
      Run({"import", file_, "c", "--key", "id.k"},
          "{\"id\":{\"k\":\"x\"}}\n{\"id\":{\"k\":{\"$binary\":{\"base64\":\"Yg==\","
          "\"subType\":\"00\"}}}}\n{\"id\":{\"k\":-7}}\n")
          .exit,
      0);
  EXPECT_EQ(Run({"export", file_, "c", "--key", "key"}).out,
            "{\"key\":-7,\"id\":{\"k\":-7}}\n{\"key\":\"x\",\"id\":{\"k\":\"x\"}}\n"
            "{\"key\":\"62\",\"id\":{\"k\":{\"$binary\":{\"base64\":\"Yg==\","
            "\"subType\":\"00\"}}}}\n");
  EXPECT_EQ(Run({"import", file_, "c", "--key", "id.k"}, "{\"id.k\":1}").exit, 2);
  const std::string bytes = R"({"$binary":{"base64":"Yg==","subType":"00"}})";
  EXPECT_EQ(Keys(), "-7\nx\n" + bytes + "\n");
  EXPECT_EQ(Run({"find", file_, "c", "--keys", "--json"}).out,
            "-7\n\"x\"\n" + bytes + "\n");
  EXPECT_EQ(Run({"count", file_, "c", "{\"_id\":" + bytes + "}"}).out, "1\n");
  EXPECT_EQ(Run({"delete", file_, "c", bytes}).exit, 0);
  const std::string uuid = R"({"$uuid":"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f"})";
  EXPECT_EQ(Run({"put", file_, "c", uuid, "5"}).exit, 0);
  EXPECT_EQ(Run({"get", file_, "c", uuid}).out, "5\n");
  EXPECT_EQ(Run({"find", file_, "c", "{\"_id\":" + uuid + "}"}).out, uuid + "  5\n");
  EXPECT_EQ(Keys(), "-7\nx\n" + uuid + "\n");
}

TEST_F(ImportTest, ATransactionHasAsManyDocumentsAsItIsToldHoweverLargeTheyAre) {
  std::string lines;
  for (int i = 1; i <= 50; ++i)
    lines += "{\"id\":" + std::to_string(i) + ",\"x\":\"" + std::string(500'000, 'x') +
             "\"}\n";
  test::WriteFile(Path("in.jsonl"), lines);
  Words args = {"import", file_, "c", "--key", "id", "--in", Path("in.jsonl")};
  EXPECT_EQ(RunJson(args)["transactions"], 1);
  test::WriteFile(Path("in.jsonl"), lines + "{\"id\":}\n");
  args[2] = "d";
  const json error = ErrorOf(args);
  EXPECT_EQ(error["line"], 51);
  EXPECT_EQ(error["committed"], 0);
  EXPECT_EQ(RunJson({"list", file_})["trees"].size(), 1u);
}

TEST_F(ImportTest, ADocumentThatCannotBeStoredIsNamedAtOnce) {
  EXPECT_EQ(Run({"import", file_, "c"}, "{\"u\":1000}\n").exit, 0);
  EXPECT_EQ(Run({"index", "create", file_, "c", "u", "--unique"}).exit, 0);
  RunningImport import({{"import", file_, "c", "--batch", "2"}});
  WriteAll(import.in.write_end, "{\"u\":1}\n\n{\"u\":2}\n{\"u\":3}\n{\"u\":1}\n");
  // Though more lines may come.
  EXPECT_EQ(test::WaitForCommand(import.pid), 2);
  const std::string err = ReadAll(import.err.read_end);
  for (const char* part :
       {"standard input, line 5: ", "2 documents are in the file (up to line 3)",
        "nothing of the lines after it", "correct the line, then: tail -n +4 INPUT"})
    EXPECT_NE(err.find(part), std::string::npos) << err;
  EXPECT_EQ(Run({"count", file_, "c"}).out, "3\n");
  const json error = ErrorOf({"import", file_, "c"}, "{\"u\":7}\n{\"u\":7}\n");
  EXPECT_EQ(error["line"], 2);
  EXPECT_EQ(error["code"], "ALREADY_EXISTS");
  EXPECT_NE(error["hint"].dump().find("nothing was stored"), std::string::npos);
}

TEST_F(ImportTest, ATableIsNoCollection) {
  EXPECT_EQ(Run({"put", file_, "t", "k", "v", "--table"}).exit, 0);
  const std::string text = ExpectFailure(2, {"import", file_, "t"}, "1\n");
  EXPECT_NE(text.find(file_ + ": "), std::string::npos) << text;
  EXPECT_NE(ExpectFailure(2, {"import", file_, ""}, "1\n").find("name"),
            std::string::npos);
}

TEST_F(ImportTest, AppendsWithoutAKeyField) {
  EXPECT_EQ(Run({"import", file_, "c"}, "[1]\n\"two\"\n").exit, 0);
  EXPECT_EQ(Run({"import", file_, "c"}, "null").exit, 0);
  EXPECT_EQ(Run({"scan", file_, "c"}).out, "1  [1]\n2  \"two\"\n3  null\n");
}

TEST_F(ImportTest, AcceptsByteOrderMarkBlankLinesCarriageReturnsAndNoLastLineEnd) {
  EXPECT_EQ(Run({"import", file_, "c"}, "\xef\xbb\xbf{\"a\": 1}\r\n\r\n  \n\n[ 2 ]").exit,
            0);
  EXPECT_EQ(Run({"scan", file_, "c", "--json"}).out, "{\"a\":1}\n[2]\n");
  EXPECT_EQ(RunJson({"import", file_, "d"})["documents"], 0);
}

TEST_F(ImportTest, TakesLinesLongerThanItsBuffer) {
  std::string big = "\"" + std::string(5 << 20, 'x') + "\"";
  EXPECT_EQ(Run({"import", file_, "c"}, "1\n" + big + "\n2\n" + big).exit, 0);
  EXPECT_EQ(Run({"get", file_, "c", "4", "--json"}).out, big + "\n");
  EXPECT_EQ(Run({"get", file_, "c", "3"}).out, "2\n");
}

TEST_F(ImportTest, AcknowledgesEachTransaction) {
  Words args = {"import", file_, "c", "--batch", "2", "--acknowledge"};
  std::string out = Run(args, "1\n2\n3\n4\n5\n").out;
  EXPECT_TRUE(out.starts_with("committed 2\ncommitted 4\ncommitted 5\n5 documents"))
      << out;
  args.push_back("--json");
  EXPECT_TRUE(
      Run(args, "1\n2\n3\n").out.starts_with("{\"committed\":2}\n{\"committed\":3}\n"));
}

TEST_F(ImportTest, AWrongLineIsNamedAndWhatWasCommittedStays) {
  Words args = {"import", file_, "c", "--key", "id", "--batch", "2"};
  std::string input = NumberedLines(1, 6) + "{\"id\":6,\"x\":}\n" + NumberedLines(7, 9);
  json error = ErrorOf(args, input);
  EXPECT_EQ(error["exit"], 2);
  EXPECT_EQ(error["line"], 6);
  EXPECT_EQ(error["column"], 13);
  EXPECT_EQ(error["committed"], 4);
  EXPECT_EQ(error["first_line_not_stored"], 5);
  EXPECT_EQ(Keys(), "1\n2\n3\n4\n");

  std::string text = ExpectFailure(2, args, input);
  EXPECT_NE(text.find("standard input, line 6, column 13"), std::string::npos) << text;
  EXPECT_NE(text.find("  {\"id\":6,\"x\":}\n              ^\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("4 documents are in the file (up to line 4)"), std::string::npos)
      << text;
  EXPECT_NE(text.find("tail -n +5 INPUT | sheaf import"), std::string::npos) << text;
}

TEST_F(ImportTest, EachKindOfWrongLine) {
  struct Case {
    std::string line, says;
  };
  const Case cases[] = {
      {"{\"id\":1", "unexpected end of input"},
      {"{\"id\":1}{\"id\":2}", "column 9"},
      {"{\"id\":tru}", "invalid literal"},
      {"{\"id\":\"\xff\"}", "UTF-8"},
      {"{\"other\":{\"id\":1}}", "has no field id"},
      {"[1]", "has no field id"},
      {"7", "has no field id"},
      {"{\"id\":1.5}", "64-bit integer"},
      {"{\"id\":9999999999999999999}", "64-bit integer"},
      {"{\"id\":99999999999999999999}", "integers have 64 bits"},
      {"{\"id\":null}", "64-bit integer"},
      {"{\"id\":\"\"}", "key"},
      {"{\"id\":\"" + std::string(1001, 'k') + "\"}", "1000"},
      {"{\"id\":1,\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}",
       "1000"},
  };
  for (const Case& c : cases) {
    std::string text =
        ExpectFailure(2, {"import", file_, "c", "--key", "id"}, c.line + "\n");
    EXPECT_NE(text.find("line 1"), std::string::npos) << text;
    EXPECT_NE(text.find(c.says), std::string::npos) << c.line << "\n" << text;
    EXPECT_NE(text.find("nothing was stored"), std::string::npos) << text;
  }
  EXPECT_EQ(RunJson({"list", file_})["trees"].size(), 0u);
}

TEST_F(ImportTest, InputThatCannotBeReadTouchesNoFile) {
  EXPECT_NE(
      ExpectFailure(2, {"import", file_, "c", "--in", Path("no")}).find("No such file"),
      std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"import", file_, "c", "--in", folder_}).find("directory"),
            std::string::npos);
  EXPECT_TRUE(FilesInFolder().empty());
}

TEST_F(ImportTest, InterruptCommitsWhatWasRead) {
  RunningImport import(
      {{"import", file_, "c", "--key", "id", "--batch", "2", "--acknowledge"}});
  WriteAll(import.in.write_end, NumberedLines(1, 4));
  EXPECT_EQ(ReadLine(import.out.read_end), "committed 2");
  usleep(50'000);  // the third line is most likely waiting for the fourth now
  kill(import.pid, SIGINT);
  EXPECT_EQ(test::WaitForCommand(import.pid), 128 + SIGINT);
  std::string err = ReadAll(import.err.read_end);
  EXPECT_NE(err.find("interrupted"), std::string::npos) << err;
  EXPECT_NE(err.find("tail -n +4"), std::string::npos) << err;
  EXPECT_EQ(ReadLine(import.out.read_end), "committed 3");
  EXPECT_EQ(Keys(), "1\n2\n3\n");
}

TEST_F(ImportTest, InterruptInMidStreamKeepsAllThatWasTold) {
  constexpr int kLines = 1'000'000;
  test::WriteFile(Path("in.jsonl"), NumberedLines(1, kLines + 1));
  RunningImport import({{"import", file_, "c", "--key", "id", "--batch", "500", "--json",
                         "--acknowledge", "--in", Path("in.jsonl")}});
  ASSERT_EQ(ReadLine(import.out.read_end), "{\"committed\":500}");
  kill(import.pid, SIGINT);
  EXPECT_EQ(test::WaitForCommand(import.pid), 128 + SIGINT);
  int committed = 500;
  for (json line; !line.contains("interrupted");) {
    line = json::parse(ReadLine(import.out.read_end));
    if (line.contains("documents")) {
      EXPECT_EQ(line["documents"], committed);
      EXPECT_LT(line["bytes"], std::filesystem::file_size(Path("in.jsonl")));
    } else {
      EXPECT_LE(line["committed"], committed + 500);
      committed = line["committed"];
    }
  }
  EXPECT_LT(committed, kLines);
  EXPECT_EQ(Run({"count", file_, "c"}).out, std::to_string(committed) + "\n");
  EXPECT_EQ(Run({"scan", file_, "c", "--reverse", "--keys", "--limit", "1"}).out,
            std::to_string(committed) + "\n");
  EXPECT_EQ(Run({"check", file_}).exit, 0);
}

TEST_F(ImportTest, InterruptBeforeAnyInputEndsAtOnce) {
  RunningImport import({{"import", file_, "c", "--json"}});
  // It listens to signals before it opens the file.
  while (access(file_.c_str(), F_OK) != 0) usleep(1000);
  kill(import.pid, SIGTERM);
  EXPECT_EQ(test::WaitForCommand(import.pid), 128 + SIGTERM);
  EXPECT_EQ(json::parse(ReadAll(import.out.read_end))["interrupted"], true);
}

TEST_F(ImportTest, OthersAreLockedOutWhileItRuns) {
  RunningImport import({{"import", file_, "c", "--batch", "1", "--acknowledge"}});
  WriteAll(import.in.write_end, "1\n");
  ASSERT_EQ(ReadLine(import.out.read_end), "committed 1");
  std::string text = ExpectFailure(4, {"put", file_, "c", "9", "9"});
  EXPECT_NE(text.find(file_), std::string::npos) << text;
  ExpectFailure(4, {"import", file_, "c"}, "9\n");
  ExpectFailure(4, {"checkpoint", file_});
  ExpectFailure(4, {"get", file_, "c", "1"});
  EXPECT_EQ(ErrorOf({"list", file_})["code"], "UNAVAILABLE");
  import.in.CloseWrite();
  EXPECT_EQ(test::WaitForCommand(import.pid), 0);
  EXPECT_EQ(Run({"get", file_, "c", "1"}).exit, 0);
}

TEST_F(ImportTest, KillLosesNothingThatWasAcknowledged) {
  RunningImport import(
      {{"import", file_, "c", "--key", "id", "--batch", "2", "--acknowledge"}});
  WriteAll(import.in.write_end, NumberedLines(1, 6));
  ASSERT_EQ(ReadLine(import.out.read_end), "committed 2");
  ASSERT_EQ(ReadLine(import.out.read_end), "committed 4");
  kill(import.pid, SIGKILL);
  EXPECT_EQ(test::WaitForCommand(import.pid), 128 + SIGKILL);
  // First by readers, which replay the log and leave it alone.
  EXPECT_EQ(Keys(), "1\n2\n3\n4\n");
  EXPECT_EQ(Run({"check", file_}).exit, 0);
  EXPECT_EQ(Keys(), "1\n2\n3\n4\n");
  EXPECT_EQ(Run({"import", file_, "c", "--key", "id"}, NumberedLines(5, 7)).exit, 0);
  EXPECT_EQ(Keys(), "1\n2\n3\n4\n5\n6\n");
  EXPECT_EQ(Run({"check", file_}).exit, 0);
  EXPECT_EQ(FilesInFolder(), Words{"a.sheaf"});
}

}  // namespace
}  // namespace sheaf::cli
