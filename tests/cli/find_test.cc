// find, count, update, remove, export and index: what they print, for people and for
// programs, what they refuse, and that they change all or nothing.
#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

class FindTest : public CliTest {
 protected:
  FindTest() {
    std::string lines;
    for (int i = 1; i <= 200; ++i)
      lines += R"({"id":"k)" + std::to_string(1000 + i) + R"(","n":)" +
               std::to_string(i) + R"(,"city":")" + (i % 3 == 0 ? "Prag" : "Wien") +
               R"(","tags":["t)" + std::to_string(i % 5) + "\"]}\n";
    EXPECT_EQ(Run({"import", file_, "orders", "--key", "id"}, lines).exit, 0);
  }
  std::string Out(const Words& args) {
    const test::Outcome outcome = Run(args);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome.out;
  }

  const std::string file_ = Path("a.sheaf");
};

TEST_F(FindTest, Find) {
  EXPECT_EQ(Out({"find", file_, "orders", R"({"n":{"$lte":3}})", "--keys"}),
            "k1001\nk1002\nk1003\n");
  EXPECT_EQ(Out({"find", file_, "orders", R"({"_id":"k1007"})", "--json", "--project",
                 "n,city"}),
            "{\"n\":7,\"city\":\"Wien\"}\n");
  EXPECT_EQ(
      Out({"find", file_, "orders", R"({"city":"Prag"})", "--sort=-n", "--skip", "1",
           "--limit", "2", "--project=-tags,-id"}),
      "k1195  {\"n\":195,\"city\":\"Prag\"}\nk1192  {\"n\":192,\"city\":\"Prag\"}\n");
  EXPECT_EQ(Out({"find", file_, "orders", "--distinct", "tags"}),
            "\"t0\"\n\"t1\"\n\"t2\"\n\"t3\"\n\"t4\"\n");
  EXPECT_EQ(Out({"find", file_, "orders", "--group",
                 R"({"_id":"$city","n":{"$sum":1},"last":{"$max":"$n"}})", "--json"}),
            "{\"_id\":\"Prag\",\"n\":66,\"last\":198}\n{\"_id\":\"Wien\",\"n\":134,"
            "\"last\":200}\n");
  EXPECT_EQ(Out({"count", file_, "orders"}), "200\n");
  EXPECT_EQ(Out({"count", file_, "orders", R"({"tags":"t3"})", "--json"}),
            "{\"count\":40}\n");
  EXPECT_EQ(Out({"find", file_, "orders", R"({"n":-1})"}), "");
}

TEST_F(FindTest, Expand) {
  EXPECT_EQ(
      Run({"import", file_, "bills", "--key", "id"},
          R"({"id":1,"order":{"$ref":"orders","$id":"k1009"},"to":{"$ref":"x","$id":1}})"
          "\n"
          R"({"id":2,"order":{"$ref":"orders"}})")
          .exit,
      0);
  EXPECT_EQ(Out({"find", file_, "bills", R"({"_id":1})", "--expand", "order,to",
                 "--project=-id", "--json"}),
            R"({"order":{"id":"k1009","n":9,"city":"Prag","tags":["t4"]},)"
            R"("to":{"$ref":"x","$id":1}})"
            "\n");
  const test::Outcome wrong = Run({"find", file_, "bills", "{}", "--expand", "order"});
  EXPECT_NE(wrong.exit, 0);
  EXPECT_NE(wrong.err.find("$id must be text"), std::string::npos) << wrong.err;
}

TEST_F(FindTest, Columns) {
  EXPECT_EQ(Out({"find", file_, "orders", R"({"n":{"$in":[9,10,101]}})", "--columns",
                 "n,city,tags.0,none"}),
            "key      n  city  tags.0  none\n"
            "k1009    9  Prag  t4\n"
            "k1010   10  Wien  t0\n"
            "k1101  101  Wien  t1\n");
  EXPECT_EQ(Out({"find", file_, "orders", R"({"n":9})", "--columns", "n", "--json"}),
            "{\"n\":9}\n");
  EXPECT_EQ(Out({"find", file_, "orders", R"({"n":-9})", "--columns", "n"}), "");
  EXPECT_EQ(Out({"find", file_, "orders", R"({"n":9})", "--columns", "tags.0,tags"}),
            "key    tags.0  tags\nk1009  t4      [\"t4\"]\n");
  EXPECT_NE(Run({"find", file_, "orders", "--columns", "n", "--project", "n"}).exit, 0);
  EXPECT_NE(Run({"find", file_, "orders", "--columns", "n..x"}).exit, 0);
}

TEST_F(FindTest, Indexes) {
  EXPECT_EQ(Out({"index", "list", file_, "orders"}), "");
  EXPECT_EQ(Out({"index", "create", file_, "orders", "city,-n"}),
            "city_1_n_-1: 200 entries\n");
  EXPECT_EQ(Out({"index", "create", file_, "orders", "tags", "--name", "t", "--sparse"}),
            "t: 200 entries\n");
  EXPECT_EQ(Out({"index", "create", file_, "orders", R"({"n":1})", "--unique", "--filter",
                 R"({"n":{"$gt":100}})", "--json"}),
            "{\"index\":\"n_1\",\"entries\":100}\n");
  const std::string list = Out({"index", "list", file_, "orders"});
  for (const char* part :
       {"city,-n", "200", "sparse, over arrays", "unique, only {\"n\":{\"$gt\":100}}"})
    EXPECT_NE(list.find(part), std::string::npos) << list;
  const std::string plan =
      Out({"find", file_, "orders", R"({"city":"Prag","n":{"$gt":190}})", "--explain"});
  for (const char* part : {"range of index city_1_n_-1", "all of the filter", "3 rows",
                           "scan of the collection"})
    EXPECT_NE(plan.find(part), std::string::npos) << plan;
  const auto explained =
      RunJson({"find", file_, "orders", R"({"n":150})", "--explain", "--use", "n_1"});
  EXPECT_EQ(explained["plan"]["index"], "n_1");
  EXPECT_EQ(explained["actual"]["rows"], 1);
  EXPECT_EQ(Out({"index", "rebuild", file_, "orders", "t"}), "t: rebuilt\n");
  EXPECT_EQ(Out({"index", "disable", file_, "orders", "n_1"}), "n_1: disabled\n");
  EXPECT_NE(Out({"index", "list", file_, "orders"})
                .find("unique, only {\"n\":{\"$gt\":100}}, disabled"),
            std::string::npos);
  EXPECT_NE(Out({"index", "--json", "list", file_, "orders"}).find("\"disabled\":true"),
            std::string::npos);
  const std::string without = Out({"find", file_, "orders", R"({"n":150})", "--explain"});
  EXPECT_NE(without.find("scan of the collection"), std::string::npos) << without;
  EXPECT_NE(without.find("disabled  index n_1"), std::string::npos) << without;
  EXPECT_NE(ExpectFailure(2, {"find", file_, "orders", R"({"n":150})", "--use", "n_1"})
                .find("index n_1 is disabled"),
            std::string::npos);
  EXPECT_EQ(Out({"index", "enable", file_, "orders", "n_1", "--json"}),
            "{\"index\":\"n_1\",\"enable\":true}\n");
  EXPECT_NE(Out({"find", file_, "orders", R"({"n":150})", "--explain"})
                .find("range of index n_1"),
            std::string::npos);
  ExpectFailure(1, {"index", "disable", file_, "orders", "none"});
  EXPECT_EQ(Out({"index", "drop", file_, "orders", "t"}), "t: dropped\n");
  ExpectFailure(1, {"index", "drop", file_, "orders", "t"});
  ExpectFailure(2, {"index", "drop", file_, "orders"});
  ExpectFailure(2, {"index", "create", file_, "orders"});
  ExpectFailure(2, {"index", "make", file_, "orders", "n"});
  ExpectFailure(2, {"index", "create", file_, "orders", "a..b"});
  ExpectFailure(1, {"index", "create", file_, "nothing", "n"});
  EXPECT_NE(ExpectFailure(2, {"index", "create", file_, "orders", "city", "--unique"})
                .find("Prag"),
            std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"find", file_, "orders", "--use", "t"}).find("no index t"),
            std::string::npos);
  EXPECT_EQ(Run({"check", file_}).exit, 0);
  EXPECT_EQ(RunJson({"list", file_})["trees"].size(), 1u);
}

TEST_F(FindTest, Changes) {
  EXPECT_EQ(Out({"update", file_, "orders", R"({"city":"Prag"})",
                 R"({"$set":{"land":"CZ"},"$inc":{"n":1000}})"}),
            "66 documents changed of 66 found\n");
  EXPECT_EQ(Out({"count", file_, "orders", R"({"land":"CZ","n":{"$gt":1000}})"}), "66\n");
  // One of them cannot be changed so: none is.
  EXPECT_EQ(Out({"update", file_, "orders", R"({"n":1})", R"({"$set":{"n":"text"}})"}),
            "1 document changed of 1 found\n");
  ExpectFailure(2, {"update", file_, "orders", "{}", R"({"$inc":{"n":1}})"});
  EXPECT_EQ(Out({"count", file_, "orders", R"({"n":{"$in":[2,3]}})"}), "1\n");
  EXPECT_EQ(Out({"remove", file_, "orders", R"({"land":"CZ"})"}),
            "66 documents removed\n");
  EXPECT_EQ(Out({"remove", file_, "orders", "{}", "--limit", "4", "--json"}),
            "{\"removed\":4}\n");
  EXPECT_EQ(Out({"count", file_, "orders"}), "130\n");
  EXPECT_NE(ExpectFailure(2, {"update", file_, "orders", "{}", R"({"$sett":{"a":1}})"})
                .find("$set"),
            std::string::npos);
  ExpectFailure(2, {"update", file_, "orders", "{}"});
  ExpectFailure(1, {"update", file_, "nothing", "{}", R"({"$set":{"a":1}})"});
  ExpectFailure(1, {"remove", file_, "nothing", "{}"});
}

TEST_F(FindTest, ExportIsImported) {
  const std::string all = Out({"export", file_, "orders"});
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 200);
  const std::string copy = Path("b.sheaf");
  EXPECT_EQ(Run({"import", copy, "orders", "--key", "id"}, all).exit, 0);
  EXPECT_EQ(Out({"export", copy, "orders"}), all);
  EXPECT_EQ(Out({"export", file_, "orders", R"({"n":5})", "--key", "key"}),
            R"({"key":"k1005","id":"k1005","n":5,"city":"Wien","tags":["t0"]})"
            "\n");
  ExpectFailure(2, {"export", file_, "orders", R"({"n":{"$no":1}})"});
  ExpectFailure(1, {"export", file_, "nothing"});
  EXPECT_EQ(Run({"import", file_, "lists"}, "[1]\n").exit, 0);
  EXPECT_EQ(Out({"export", file_, "lists"}), "[1]\n");
  EXPECT_NE(ExpectFailure(2, {"export", file_, "lists", "--key", "key"}).find("object"),
            std::string::npos);
}

TEST_F(FindTest, ExportEndsWithItsReader) {
  std::string lines;
  for (int i = 0; i < 50'000; ++i) lines += "{\"some\":\"text\"}\n";
  EXPECT_EQ(Run({"import", file_, "many"}, lines).exit, 0);
  test::Pipe out, err;
  const pid_t pid = test::StartCommand(
      {.args = {"export", file_, "many"}, .out = out.write_end, .err = err.write_end});
  out.CloseWrite(), err.CloseWrite();
  EXPECT_EQ(test::ReadLine(out.read_end), "{\"some\":\"text\"}");
  out.CloseRead();
  EXPECT_EQ(test::WaitForCommand(pid), 0);
  EXPECT_EQ(test::ReadAll(err.read_end), "");
}

TEST_F(FindTest, Shell) {
  const test::Outcome done = Run({"shell", file_},
                                 "count orders {\"n\":{\"$lt\":\n10}}\n\n"
                                 "index create orders city,-n\n"
                                 "find orders {\"n\": 7} --project={\"n\": 1}\n"
                                 "find orders '{\"n\":8}' --keys\nquit\ncount nothing\n");
  EXPECT_EQ(done.exit, 0) << done.err;
  EXPECT_EQ(done.out, "9\ncity_1_n_-1: 200 entries\nk1007  {\"n\":7}\nk1008\n");
  const test::Outcome failed =
      Run({"shell", file_}, "count orders\nfnd orders\ncount orders\n");
  EXPECT_EQ(failed.exit, 2);
  EXPECT_EQ(failed.out, "200\n");
  EXPECT_NE(failed.err.find("find"), std::string::npos) << failed.err;
  EXPECT_EQ(Run({"shell", file_}, "count orders {\"n\":").exit, 2);
  EXPECT_EQ(Run({"shell", Path("no.sheaf")}, "").exit, 1);
}

TEST_F(FindTest, WrongFilters) {
  for (const char* filter : {"", "{", "[]", "5", R"({"a":{"$gtt":1}})", R"({"$or":[]})",
                             R"({"a":{"$regex":"("}})", "{\"a\":\"\xff\"}"})
    ExpectFailure(2, {"find", file_, "orders", filter});
  ExpectFailure(2, {"find", file_, "orders", "--sort", R"({"a":2})"});
  ExpectFailure(2, {"find", file_, "orders", "--project", "a,-b"});
  ExpectFailure(2, {"find", file_, "orders", "--limit", "-1"});
  ExpectFailure(1, {"find", file_, "nothing"});
  ExpectFailure(5, {"find", file_, "orders", R"({"x":1})", "--timeout", "0.000000001"});
}

}  // namespace
}  // namespace sheaf::cli
