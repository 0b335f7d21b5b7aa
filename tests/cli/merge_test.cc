// merge, incr, decr, cas and get --as: values of tables that change by what they were, what
// is refused and how, and that nothing is made by the way.
#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

class MergeCliTest : public CliTest {
 protected:
  std::string file_ = Path("a.sheaf");

  std::string Out(Words args) {
    const test::Outcome outcome = Run(args);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome.out;
  }
  std::string Merge(const std::string& key, const std::string& op,
                    const std::string& operand) {
    return Out({"merge", file_, "t", key, op, operand});
  }
  std::string Get(const std::string& key, const std::string& form) {
    return Out({"get", file_, "t", key, "--table", "--as", form});
  }
};

TEST_F(MergeCliTest, IncrementAndDecrement) {
  EXPECT_EQ(Out({"incr", file_, "t", "n"}), "1\n");
  EXPECT_EQ(Out({"incr", file_, "t", "n", "41"}), "42\n");
  EXPECT_EQ(Out({"decr", file_, "t", "n"}), "41\n");
  EXPECT_EQ(Out({"decr", file_, "t", "n", "50"}), "-9\n");
  EXPECT_EQ(Out({"incr", file_, "t", "n", "--", "-1"}), "-10\n");
  EXPECT_EQ(Get("n", "int"), "-10\n");
  EXPECT_EQ(RunJson({"incr", file_, "t", "n"}),
            nlohmann::json({{"table", "t"}, {"key", "n"}, {"value", -9}}));
  EXPECT_EQ(RunJson({"get", file_, "t", "n", "--table", "--as", "int"}),
            nlohmann::json({{"key", "n"}, {"value", -9}}));
  EXPECT_EQ(Out({"incr", file_, "t", "big", "9223372036854775807"}),
            "9223372036854775807\n");
  EXPECT_NE(ExpectFailure(2, {"incr", file_, "t", "big"}).find("does not fit"),
            std::string::npos);
  EXPECT_EQ(Get("big", "int"), "9223372036854775807\n");
  ExpectFailure(2, {"incr", file_, "t", "n", "x"});
  ExpectFailure(2, {"decr", file_, "t", "n", "--", "-9223372036854775808"});
  EXPECT_EQ(Run({"put", file_, "t", "text", "abc", "--table"}).exit, 0);
  EXPECT_NE(ExpectFailure(2, {"incr", file_, "t", "text"}).find("3 bytes"),
            std::string::npos);
}

TEST_F(MergeCliTest, EachOperator) {
  EXPECT_EQ(Merge("n", "add", "5"), "5\n");
  EXPECT_EQ(Merge("n", "add_saturating", "9223372036854775807"), "9223372036854775807\n");
  EXPECT_EQ(Merge("n", "min", "7"), "7\n");
  EXPECT_EQ(Merge("n", "max", "9"), "9\n");
  EXPECT_EQ(Out({"merge", file_, "t", "n", "count"}), "10\n");
  EXPECT_EQ(Merge("d", "add_double", "0.5"), "0.5\n");
  EXPECT_EQ(Merge("d", "max_double", "3"), "3.0\n");
  EXPECT_EQ(Merge("d", "min_double", "inf"), "3.0\n");
  EXPECT_EQ(Merge("d", "max_double", "inf"), "inf\n");
  EXPECT_EQ(Merge("mean", "average", "3"), "3.0 (3.0 / 1)\n");
  EXPECT_EQ(Merge("mean", "average", "4"), "3.5 (7.0 / 2)\n");
  EXPECT_EQ(Merge("tags", "union", "red"), "red\n");
  EXPECT_EQ(Merge("tags", "union", R"(["new","red"])"), "new\nred\n");
  EXPECT_EQ(Merge("log", "append", "a\\n"), "a\\x0a\n");
  EXPECT_EQ(Merge("log", "append", "b"), "a\\x0ab\n");
  EXPECT_EQ(Merge("bits", "bit_or", "\\x05"), "\\x05\n");
  EXPECT_EQ(Merge("bits", "bit_xor", "\\x01\\x41"), "\\x04A\n");
  EXPECT_EQ(Merge("word", "max_bytes", "b"), "b\n");
  EXPECT_EQ(Merge("word", "last", "a"), "a\n");
  EXPECT_EQ(Get("mean", "average"), "3.5 (7.0 / 2)\n");
  EXPECT_EQ(Get("tags", "set"), "new\nred\n");
  EXPECT_EQ(Get("word", "int"), "a\n");  // what is not of the form is bytes
  EXPECT_EQ(RunJson({"merge", file_, "t", "tags", "union", R"(["\\xff"])"})["value"],
            nlohmann::json({"\\xff", "new", "red"}));
  EXPECT_EQ(RunJson({"merge", file_, "t", "mean", "average", "5"})["value"],
            nlohmann::json({{"sum", 12.0}, {"count", 3}}));
  EXPECT_EQ(RunJson({"merge", file_, "t", "bits", "bit_or", "\\xff"})["value_hex"],
            "ff41");
}

TEST_F(MergeCliTest, TheLastWriterWins) {
  const auto write = [&](const std::string& value, const std::string& at) {
    return Out({"merge", file_, "t", "k", "last_writer", value, "--at", at});
  };
  EXPECT_EQ(write("b", "1000.2"), "1000.2 b\n");
  EXPECT_EQ(write("a", "1000.1"), "1000.2 b\n");
  EXPECT_EQ(write("c", "1000.3"), "1000.3 c\n");
  // Without --at it is later than what is there, also when that is of the future.
  EXPECT_TRUE(Merge("k", "last_writer", "d").ends_with(" d\n"));
  EXPECT_EQ(write("e", "200000000000000.7"), "200000000000000.7 e\n");
  EXPECT_EQ(Merge("k", "last_writer", "f"), "200000000000000.8 f\n");
  const nlohmann::json value =
      RunJson({"get", file_, "t", "k", "--table", "--as", "stamped"})["value"];
  EXPECT_EQ(value, nlohmann::json({{"at", "200000000000000.8"}, {"value", "f"}}));
  ExpectFailure(2, {"merge", file_, "t", "k", "last_writer", "x", "--at", "soon"});
  ExpectFailure(2, {"merge", file_, "t", "k", "add", "1", "--at", "1.0"});
}

TEST_F(MergeCliTest, WrongMergesAreRefused) {
  EXPECT_NE(ExpectFailure(2, {"merge", file_, "t", "k", "plus", "1"}).find("add_double"),
            std::string::npos);
  ExpectFailure(2, {"merge", file_, "t", "k", "add"});
  ExpectFailure(2, {"merge", file_, "t", "k", "add", "1.5"});
  ExpectFailure(2, {"merge", file_, "t", "k", "add_double", "x"});
  ExpectFailure(2, {"merge", file_, "t", "k", "union", "[1]"});
  ExpectFailure(2, {"merge", file_, "t", "k", "union", "[\"a\""});
  ExpectFailure(2, {"merge", file_, "t", "k", "append", "\\q"});
  EXPECT_EQ(FilesInFolder(), Words{});  // what is refused makes no file
  NotesFile();
  ExpectFailure(2, {"incr", file_, "notes", "n"});  // a collection
  ExpectFailure(2, {"get", file_, "notes", "1", "--as", "int"});
  ExpectFailure(2, {"get", file_, "t", "1", "--table", "--as", "text"});
}

TEST_F(MergeCliTest, CompareAndSet) {
  ExpectFailure(1, {"cas", Path("none.sheaf"), "t", "k", "a", "b"});
  EXPECT_EQ(FilesInFolder(), Words{});
  EXPECT_EQ(Out({"cas", file_, "t", "k", "--absent", "a"}), "t k: set\n");
  const std::string there = ExpectFailure(1, {"cas", file_, "t", "k", "--absent", "b"});
  EXPECT_NE(there.find("the value is a"), std::string::npos) << there;
  EXPECT_EQ(ErrorOf({"cas", file_, "t", "k", "x", "b"}).value("value", ""), "a");
  EXPECT_EQ(Out({"cas", file_, "t", "k", "a", "b"}), "t k: set\n");
  EXPECT_EQ(RunJson({"cas", file_, "t", "k", "b", "--delete"}),
            nlohmann::json({{"table", "t"}, {"key", "k"}, {"set", true}}));
  const std::string gone = ExpectFailure(1, {"cas", file_, "t", "k", "b", "c"});
  EXPECT_NE(gone.find("there is no value"), std::string::npos) << gone;
  EXPECT_EQ(Out({"incr", file_, "t", "n", "3"}), "3\n");
  EXPECT_EQ(Out({"cas", file_, "t", "n", "3", "4", "--as", "int"}), "t n: set\n");
  EXPECT_EQ(Get("n", "int"), "4\n");
  const std::string four =
      ExpectFailure(1, {"cas", file_, "t", "n", "3", "5", "--as", "int"});
  EXPECT_NE(four.find("the value is 4"), std::string::npos) << four;
  // It makes no table by the way.
  ExpectFailure(1, {"cas", file_, "other", "k", "a", "b"});
  EXPECT_EQ(Run({"list", file_}).out.find("other"), std::string::npos);
  for (const Words& wrong : {Words{"k"},
                             {"k", "a"},
                             {"k", "a", "b", "--absent"},
                             {"k", "a", "b", "--delete"},
                             {"k", "a", "--absent", "--delete"}}) {
    Words args = {"cas", file_, "t"};
    args.insert(args.end(), wrong.begin(), wrong.end());
    ExpectFailure(2, args);
  }
}

TEST_F(MergeCliTest, UpdatesOfDocumentsMerge) {
  NotesFile();
  EXPECT_EQ(
      Run({"update", file_, "notes", R"({"n":5})",
           R"({"$merge":{"n":{"fn":"add_saturating","value":2}},"$bit":{"f":{"or":3}}})"})
          .exit,
      0);
  EXPECT_EQ(RunJson({"get", file_, "notes", "today"}),
            nlohmann::json({{"n", 7}, {"f", 3}}));
  const std::string missing = ExpectFailure(
      2, {"update", file_, "notes", "{}", R"({"$merge":{"n":{"fn":"mine","value":2}}})"});
  EXPECT_NE(missing.find("\"mine\""), std::string::npos) << missing;
}

}  // namespace
}  // namespace sheaf::cli
