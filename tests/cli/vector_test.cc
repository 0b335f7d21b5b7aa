// vector: what its commands print, for people and for programs, what they refuse, and that
// an import that fails leaves nothing behind.
#include <bit>
#include <fstream>
#include <limits>

#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

using nlohmann::json;

std::string Fixed32(uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::string Floats(const std::vector<float>& values) {
  std::string bytes;
  for (const float value : values) bytes += Fixed32(std::bit_cast<uint32_t>(value));
  return bytes;
}

std::string Fvec(const std::vector<float>& values) {
  return Fixed32(static_cast<uint32_t>(values.size())) + Floats(values);
}

std::string Npy(const std::string& shape, const std::string& rows) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\0\x76\0", 10) + header + rows;
}

class VectorCommandTest : public CliTest {
 protected:
  // dog, cat, 7 and "7" of two dimensions.
  void MakeAnimals() {
    Out({"vector", "create", file_, "v", "--dimensions", "2", "--metric", "l2"});
    EXPECT_EQ(Out({"vector", "put", file_, "v", "dog", "[1, 0]", "--metadata",
                   R"({"pos":"noun","legs":4})"}),
              "v dog: stored\n");
    EXPECT_EQ(Out({"vector", "put", file_, "v", "cat", "[1, 0.5]", "--metadata",
                   R"({"pos":"noun"})", "--json"}),
              "{\"index\":\"v\",\"key\":\"cat\",\"replaced\":false}\n");
    EXPECT_EQ(Out({"vector", "put", file_, "v", "7", "[-3, 0.25]"}), "v 7: stored\n");
    EXPECT_EQ(Out({"vector", "put", file_, "v", "\"7\"", "[1e1, -0.125]"}),
              "v \"7\": stored\n");
  }
  std::string Out(const Words& args, std::string_view input = "") {
    const test::Outcome outcome = Run(args, input);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome.out;
  }
  void Refuses(const Words& args, int exit, const std::string& message,
               std::string_view input = "") {
    const std::string said = ExpectFailure(exit, args, input);
    EXPECT_NE(said.find(message), std::string::npos) << said;
  }
  std::string Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }
  json Json(Words args, std::string_view input = "") {
    args.push_back("--json");
    return json::parse(Out(args, input), nullptr, false);
  }
  Words Keys(const json& result) {
    Words keys;
    for (const json& match : result["matches"])
      keys.push_back(match["key"].is_string() ? match["key"].get<std::string>()
                                              : match["key"].dump());
    return keys;
  }
  const std::string file_ = Path("v.sheaf");
};

TEST_F(VectorCommandTest, Create) {
  EXPECT_EQ(
      Out({"vector", "create", file_, "v", "--dimensions", "384"}),
      "v: made, 384 dimensions of float32, cosine, hnsw, m 16, ef_construction 200, "
      "ef_search 64, code byte\n");
  EXPECT_EQ(Json({"vector",
                  "create",
                  file_,
                  "f",
                  "--dimensions",
                  "3",
                  "--metric",
                  "ip",
                  "--element",
                  "float16",
                  "--kind",
                  "flat",
                  "--m",
                  "8",
                  "--ef-construction",
                  "90",
                  "--ef-search",
                  "30",
                  "--code",
                  "exact",
                  "--seed",
                  "5"}),
            json::parse(R"({"index":"f","made":true,"dimensions":3,"metric":"ip",
                            "element":"float16","kind":"flat","m":8,
                            "ef_construction":90,"ef_search":30,"code":"exact",
                            "seed":5})"));
  // Bits and hamming go together.
  const json bits =
      Json({"vector", "create", file_, "b", "--dimensions", "9", "--element", "bit"});
  EXPECT_EQ(bits["metric"], "hamming");
  EXPECT_EQ(Json({"vector", "create", file_, "b", "--dimensions", "9", "--metric",
                  "hamming"})["made"],
            false);
  Refuses({"vector", "create", file_, "v", "--dimensions", "3", "--m", "8"}, 2,
          "v: is there already: dimensions is 384, not 3, m is 16, not 8");
  Refuses({"vector", "create", file_, "x", "--dimensions", "0"}, 2,
          "dimensions: is 0; 1 to 16384 are allowed");
  Refuses({"vector", "create", file_, "x", "--dimensions", "-1"}, 2, "-1 is below 0");
  Refuses({"vector", "create", file_, "x", "--dimensions", "9", "--m", "1"}, 2,
          "m: is 1; 2 to 128 are allowed");
  Refuses({"vector", "create", file_, "x", "--dimensions", "9", "--m", "129"}, 2,
          "2 to 128");
  Refuses({"vector", "create", file_, "x", "--dimensions", "9", "--ef-search", "99999"},
          2, "ef_search: is 99999; 1 to 32768 are allowed");
  Refuses({"vector", "create", file_, "x", "--dimensions", "9", "--element", "bit",
           "--metric", "l2"},
          2, "hamming goes with bit");
  Refuses({"vector", "create", file_, "x", "--dimensions", "9", "--metric", "l3"}, 2,
          "--metric");
  Refuses({"vector", "create", file_, "x"}, 2, "--dimensions is required");
  EXPECT_EQ(Json({"list", file_})["trees"].size(), 3u);
}

TEST_F(VectorCommandTest, Entries) {
  MakeAnimals();
  EXPECT_EQ(Out({"vector", "get", file_, "v", "dog"}),
            "[1,0]\n{\"pos\": \"noun\", \"legs\": 4}\n");
  EXPECT_EQ(Out({"vector", "get", file_, "v", "7", "--json"}),
            "{\"key\":7,\"vector\":[-3,0.25]}\n");
  EXPECT_EQ(Out({"vector", "get", file_, "v", "\"7\"", "--json"}),
            "{\"key\":\"7\",\"vector\":[10,-0.125]}\n");
  // What stands in place of another keeps its metadata.
  EXPECT_EQ(Out({"vector", "put", file_, "v", "dog", "[0.1, 3e18]"}),
            "v dog: replaced\n");
  EXPECT_EQ(Out({"vector", "get", file_, "v", "dog", "--json"}),
            "{\"key\":\"dog\",\"vector\":[0.1,3e+18],\"metadata\":{\"pos\":\"noun\","
            "\"legs\":4}}\n");
  EXPECT_EQ(Out({"vector", "delete", file_, "v", "dog"}), "v dog: deleted\n");
  EXPECT_EQ(Out({"vector", "delete", file_, "v", "7", "--json"}),
            "{\"index\":\"v\",\"key\":7,\"deleted\":true}\n");
  Refuses({"vector", "get", file_, "v", "dog"}, 1, "v has no key dog");
  Refuses({"vector", "delete", file_, "v", "dog"}, 1, "v has no key dog");
  Refuses({"vector", "put", file_, "v", "x", "[1]"}, 2,
          "vector of 1 components: v has 2");
  Refuses({"vector", "put", file_, "v", "x", "[1, 2, 3]"}, 2, "v has 2");
  Refuses({"vector", "put", file_, "v", "x", "[]"}, 2, "v has 2");
  Refuses({"vector", "put", file_, "v", "x", "[1, NaN]"}, 2, "not JSON at column 5");
  Refuses({"vector", "put", file_, "v", "x", R"([1, {"$numberDouble":"NaN"}])"}, 2,
          "component 1 is NaN");
  Refuses({"vector", "put", file_, "v", "x", "[1, 1e39]"}, 2,
          "component 1 does not fit a float");
  Refuses({"vector", "put", file_, "v", "x", "[1, \"2\"]"}, 2,
          "component 1 is no number");
  Refuses({"vector", "put", file_, "v", "x", "[1, 3e38]"}, 2, "distances to it overflow");
  Refuses({"vector", "put", file_, "v", "x", "{}"}, 2, "is no array of numbers");
  Refuses({"vector", "put", file_, "v", "x", "[1, 2]", "--metadata", "[1]"}, 2,
          "not a JSON object");
  Refuses({"vector", "put", file_, "v", "x", "[1, 2]", "--metadata", "{"}, 2, "byte 1");
  Refuses({"vector", "put", file_, "none", "x", "[1, 2]"}, 1,
          "none: no such vector index\n  `sheaf vector create` makes one");
  Refuses({"vector", "put", Path("none"), "v", "x", "[1, 2]"}, 1,
          "`sheaf vector create`");
  EXPECT_EQ(Json({"vector", "stats", file_, "v"})["vectors"], 2);
  EXPECT_EQ(Run({"check", file_}).exit, 0);
}

TEST_F(VectorCommandTest, Search) {
  MakeAnimals();
  EXPECT_EQ(Out({"vector", "search", file_, "v", "--vector", "[1, 0]"}),
            "rank  key  distance  metadata\n"
            "   1  dog         0  {\"pos\":\"noun\",\"legs\":4}\n"
            "   2  cat      0.25  {\"pos\":\"noun\"}\n"
            "   3  7     16.0625\n"
            "   4  \"7\"   81.0156\n");
  EXPECT_EQ(Out({"vector", "search", file_, "v", "--vector", "[-3, 0]", "-k", "1"}),
            "rank  key  distance\n   1  7      0.0625\n");
  const json by_key = Json({"vector", "search", file_, "v", "--key", "dog", "-k", "2"});
  EXPECT_EQ(Keys(by_key), (Words{"cat", "7"}));
  EXPECT_EQ(by_key["matches"][0].dump(),
            R"({"distance":0.25,"key":"cat","metadata":{"pos":"noun"}})");
  EXPECT_EQ(by_key["plan"], "exact");
  EXPECT_EQ(by_key["pending"], 4);
  EXPECT_EQ(by_key["selectivity"], 1.0);
  for (const char* name : {"estimates", "exact", "seconds"})
    EXPECT_TRUE(by_key[name].is_number()) << name;
  EXPECT_EQ(Keys(Json({"vector", "search", file_, "v", "--vector", "[-3,0]", "--filter",
                       R"({"legs":{"$gt":3}})"})),
            (Words{"dog"}));
  EXPECT_EQ(Keys(Json({"vector", "search", file_, "v", "--vector", "[1,0]", "--radius",
                       "17", "--exact"})),
            (Words{"dog", "cat", "7"}));
  EXPECT_EQ(
      Keys(Json({"vector", "search", file_, "v", "--key", "dog", "--radius", "17"})),
      (Words{"cat", "7"}));
  EXPECT_EQ(Keys(Json({"vector", "search", file_, "v", "--key", "dog", "--radius", "17",
                       "-k", "1"})),
            (Words{"cat"}));
  Out({"vector", "optimize", file_, "v"});
  const std::string explained = Out({"vector", "search", file_, "v", "--key", "dog",
                                     "--filter", "{\"legs\":4}", "--explain"});
  EXPECT_NE(explained.find("the filter was thought to let"), std::string::npos);
  EXPECT_NE(explained.find(" estimated, "), std::string::npos) << explained;
}

TEST_F(VectorCommandTest, SearchFromAFile) {
  MakeAnimals();
  const std::string queries = Write("q.fvecs", Fvec({1, 0}) + Fvec({-3, 0}));
  EXPECT_EQ(Out({"vector", "search", file_, "v", "--from", queries, "-k", "1"}),
            "vector 0\nrank  key  distance  metadata\n"
            "   1  dog         0  {\"pos\":\"noun\",\"legs\":4}\n"
            "vector 1\nrank  key  distance\n   1  7      0.0625\n");
  const std::string lines =
      Out({"vector", "search", file_, "v", "--from", queries, "-k", "1", "--json"});
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_NE(lines.find("{\"query\":1,\"matches\":[{\"key\":7,"), std::string::npos);
  const std::string npy = Write("q.npy", Npy("(1, 2)", Floats({10, 0})));
  EXPECT_EQ(Keys(Json({"vector", "search", file_, "v", "--from", npy, "-k", "1"})),
            (Words{"7"}));
  const std::string wrong = Write("w.fvecs", Fvec({1, 0, 3}));
  Refuses({"vector", "search", file_, "v", "--from", wrong}, 2,
          "vector 0: vector of 3 components: v has 2");
  const std::string cut = Write("c.fvecs", Fvec({1, 0}) + Fvec({2, 0}).substr(0, 7));
  Refuses({"vector", "search", file_, "v", "--from", cut}, 2, "vector 1 (byte 12)");
  Refuses({"vector", "search", file_, "v", "--from", Path("none.npy")}, 1,
          "cannot be opened");
  Refuses({"vector", "search", file_, "v", "--from", file_}, 2, "which format is it?");
}

TEST_F(VectorCommandTest, SearchRefuses) {
  MakeAnimals();
  const Words search = {"vector", "search", file_, "v", "--key", "dog"};
  const auto refuses = [&](const Words& more, int exit, const std::string& message) {
    Words words = search;
    words.insert(words.end(), more.begin(), more.end());
    Refuses(words, exit, message);
  };
  refuses({"-k", "0"}, 2, "k: is 0; 1 or more are allowed");
  refuses({"-k", "-1"}, 2, "-1 is below 0");
  refuses({"-k", "9", "--ef", "8"}, 2, "ef: is 8, less than k, which is 9");
  refuses({"--ef", "40000"}, 2, "up to 32768");
  refuses({"--radius", "nan"}, 2, "radius: is no number");
  refuses({"--filter", "{"}, 2, "byte 1");
  refuses({"--filter", "{\"_id\":1}"}, 2, "_id");
  refuses({"--vector", "[1, 0]"}, 2, "One of --vector, --key and --from");
  Refuses({"vector", "search", file_, "v"}, 2, "One of --vector, --key and --from");
  Refuses({"vector", "search", file_, "v", "--key", "wolf"}, 1,
          "no vector with key wolf");
  Refuses({"vector", "search", file_, "v", "--vector", "[1"}, 2, "not JSON at column 3");
  Refuses({"vector", "search", file_, "v", "--vector", "[1]"}, 2, "v has 2");
  Refuses({"vector", "search", file_, "none", "--vector", "[1]"}, 1,
          "none: no such vector index");
}

TEST_F(VectorCommandTest, ImportsFiles) {
  const std::string fvecs = Write("a.fvecs", Fvec({1, 0}) + Fvec({0, 2}));
  const std::string said =
      Out({"vector", "import", file_, "f", fvecs, "--metric", "l2", "--optimize"});
  EXPECT_TRUE(said.starts_with("2 vectors into f of ")) << said;
  EXPECT_TRUE(said.ends_with(", which was made\n2 linked\n")) << said;
  EXPECT_EQ(Json({"vector", "stats", file_, "f"})["linked"], 2);
  EXPECT_EQ(Json({"vector", "stats", file_, "f"})["metric"], "l2");
  const json again = Json({"vector", "import", file_, "f", fvecs, "--first-key", "1"});
  EXPECT_EQ(again["made"], false);
  EXPECT_EQ(again["vectors"], 2);
  EXPECT_EQ(again["replaced"], 1);
  EXPECT_EQ(Out({"vector", "get", file_, "f", "2"}), "[0,2]\n");

  const std::string npy = Write("a.npy", Npy("(3, 1)", Floats({1, 2, 3})));
  EXPECT_EQ(Json({"vector", "import", file_, "n", npy, "--kind", "flat"})["vectors"], 3);
  EXPECT_EQ(Out({"vector", "get", file_, "n", "2"}), "[3]\n");

  const std::string bvecs = Fixed32(3) + "\x01\x02\xff" + Fixed32(3) + "abc";
  EXPECT_EQ(
      Json({"vector", "import", file_, "b", "-", "--format", "bvecs"}, bvecs)["vectors"],
      2);
  EXPECT_EQ(Out({"vector", "get", file_, "b", "0"}), "[1,2,255]\n");
  Refuses({"vector", "import", file_, "b", Write("b.bvecs", bvecs), "--m", "4"}, 2,
          "b: is there already: m is 16, not 4");
  EXPECT_EQ(Run({"check", file_}).exit, 0);
}

TEST_F(VectorCommandTest, ImportsJsonLines) {
  const std::string lines = Write("w.jsonl",
                                  R"({"_id":"dog","vector":[1,0],"pos":"noun"}
{"_id":7,"vector":{"$vector":[0,1]}}

{"pos":"verb","vector":[0.5,0.5],"_id":"run"})");
  EXPECT_EQ(Json({"vector", "import", file_, "w", lines})["vectors"], 3);
  EXPECT_EQ(Out({"vector", "get", file_, "w", "run", "--json"}),
            "{\"key\":\"run\",\"vector\":[0.5,0.5],\"metadata\":{\"pos\":\"verb\"}}\n");
  EXPECT_EQ(Out({"vector", "get", file_, "w", "7"}), "[0,1]\n");
  EXPECT_EQ(Keys(Json({"vector", "search", file_, "w", "--vector", "[0,1]", "--filter",
                       R"({"pos":"noun"})"})),
            (Words{"dog"}));
  // Other fields; a key that is not called _id stays in the metadata.
  EXPECT_EQ(Json({"vector", "import", file_, "o", "-", "--format", "jsonl", "--key",
                  "word", "--vector-field", "v"},
                 R"({"word":"cat","v":[1]})")["vectors"],
            1);
  EXPECT_EQ(Out({"vector", "get", file_, "o", "cat", "--json"}),
            "{\"key\":\"cat\",\"vector\":[1],\"metadata\":{\"word\":\"cat\"}}\n");
  const auto refuses = [&](const std::string& line, const std::string& message) {
    Refuses({"vector", "import", file_, "w", "-", "--format", "jsonl"}, 2,
            "standard input: line 2: " + message,
            "{\"_id\":\"new\",\"vector\":[1,1]}\n" + line);
  };
  refuses("{\"_id\":", "byte 7");
  refuses("[1]", "is no JSON object");
  refuses("{\"vector\":[1,2]}", "has no field _id, its key");
  refuses("{\"_id\":1.5,\"vector\":[1,2]}", "field _id, its key, is neither");
  refuses("{\"_id\":1}", "has no field vector, its vector");
  refuses("{\"_id\":1,\"vector\":\"x\"}", "field vector: is no array of numbers");
  refuses("{\"_id\":1,\"vector\":[1,true]}", "field vector: component 1 is no number");
  refuses("{\"_id\":1,\"vector\":[1,1e39]}", "field vector: component 1 does not fit");
  refuses("{\"_id\":1,\"vector\":[1]}", "vector of 1 components: w has 2");
  // Nothing of what came before the wrong line is there.
  Refuses({"vector", "get", file_, "w", "new"}, 1, "w has no key new");
  EXPECT_EQ(Json({"vector", "stats", file_, "w"})["vectors"], 3);
  EXPECT_EQ(Run({"check", file_}).exit, 0);
}

TEST_F(VectorCommandTest, ImportRefuses) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto refuses = [&](const std::string& name, const std::string& bytes,
                           const std::string& message) {
    Refuses({"vector", "import", file_, "x", Write(name, bytes)}, 2,
            Path(name) + ": " + message);
  };
  const std::string two = Fvec({1, 0}) + Fvec({0, 2});
  refuses("cut.fvecs", two.substr(0, 20), "vector 1 (byte 12): cut short: 4 of 8 bytes");
  refuses("head.fvecs", two + "\1", "vector 2 (byte 24): cut short: 1 of 4 bytes");
  refuses("wide.fvecs", two + Fvec({1, 2, 3}),
          "vector 2 (byte 24): has 3 components, those before have 2");
  refuses("nan.fvecs", two + Fvec({1, nan}), "vector 2 (byte 24): component 1 is NaN");
  refuses("text.fvecs", "no vectors at all", "vector 0 (byte 0): dimension ");
  refuses("empty.fvecs", "", "there are no vectors");
  refuses("short.npy", "\x93NUM", "npy: the magic is cut short: 4 of 8 bytes");
  refuses("text.npy", "no array at all",
          "npy: the file does not begin as one of NumPy's");
  refuses("axes.npy", Npy("(4,)", Floats({1, 2, 3, 4})), "npy: an array of 1 axes");
  refuses("cut.npy", Npy("(2, 2)", Floats({1, 2, 3})),
          "vector 1 (byte 136): cut short: 4 of 8 bytes");
  refuses("more.npy", Npy("(1, 2)", Floats({1, 2, 3})),
          "vector 1 (byte 136): bytes behind the last of 1 rows");
  // Not even the index is there.
  Refuses({"vector", "stats", file_, "x"}, 1, "x: no such vector index");
  EXPECT_TRUE(Json({"list", file_})["trees"].empty());
  const std::string good = Write("good.fvecs", two);
  Refuses({"vector", "import", file_, "x", good, "--dimensions", "3"}, 2,
          "vector 0 (byte 0): vector of 2 components: x has 3");
  Refuses({"vector", "import", file_, "x", good, "--element", "int8", "--m", "1"}, 2,
          "m: is 1; 2 to 128 are allowed");
  Refuses({"vector", "import", file_, "x", Write("half.fvecs", Fvec({0.5})), "--element",
           "int8"},
          2, "of int8 it must be a whole number");
  Refuses({"vector", "import", file_, "x", good, "--first-key", "9223372036854775807"}, 2,
          "vector 1 (byte 12): its key is beyond 64 bits");
  Refuses({"vector", "import", file_, "x", Path("none.npy")}, 1, "cannot be opened");
  Refuses({"vector", "import", file_, "x", Write("a.txt", two)}, 2,
          "a.txt: which format is it?");
  EXPECT_TRUE(Json({"list", file_})["trees"].empty());
}

TEST_F(VectorCommandTest, StatsOptimizeAndRecall) {
  std::string bytes;
  for (int i = 0; i < 400; ++i)
    bytes += Fvec({static_cast<float>(i % 20), static_cast<float>(i / 20), 0.5f});
  const std::string source = Write("grid.fvecs", bytes);
  Out({"vector", "import", file_, "v", source, "--metric", "l2", "--m", "8"});
  json stats = Json({"vector", "stats", file_, "v"});
  EXPECT_EQ(stats["vectors"], 400);
  EXPECT_EQ(stats["m"], 8);
  EXPECT_EQ(stats["linked"].get<int>() + stats["pending"].get<int>(), 400);
  Out({"vector", "optimize", file_, "v"});
  stats = Json({"vector", "stats", file_, "v"});
  EXPECT_EQ(stats["linked"], 400);
  EXPECT_EQ(stats["unreachable"], 0);
  const std::string text = Out({"vector", "stats", file_, "v"});
  EXPECT_TRUE(text.starts_with("3 dimensions of float32, l2, hnsw, m 8,")) << text;
  EXPECT_NE(text.find("    linked     400  that the graph has"), text.npos) << text;
  const json rebuilt =
      Json({"vector", "optimize", file_, "v", "--rebuild", "--threads", "1"});
  EXPECT_EQ(rebuilt["rebuilt"], true);
  EXPECT_EQ(rebuilt["linked"], 400);
  EXPECT_NE(Out({"vector", "optimize", file_, "v"}).find("0 vectors linked"), text.npos);

  // Of equal distances any are right: of a grid there are many.
  const json recall = Json(
      {"vector", "recall", file_, "v", "--sample", "50", "--ef", "10,64", "-k", "5"});
  EXPECT_EQ(recall["sample"], 50);
  EXPECT_EQ(recall["k"], 5);
  ASSERT_EQ(recall["searches"].size(), 2u);
  EXPECT_EQ(recall["searches"][1]["ef"], 64);
  EXPECT_GE(recall["searches"][1]["recall"], 0.98);
  EXPECT_LE(recall["searches"][1]["recall"], 1.0);
  for (const char* name : {"seconds", "estimates", "exact"})
    EXPECT_TRUE(recall["searches"][0][name].is_number()) << name;
  const std::string table = Out({"vector", "recall", file_, "v", "--sample", "999"});
  EXPECT_TRUE(table.starts_with("the nearest 10 to 400 vectors\n")) << table;
  EXPECT_NE(table.find("exact  1.0000"), table.npos) << table;

  Refuses({"vector", "recall", file_, "v", "-k", "0"}, 2, "k: is 0");
  Refuses({"vector", "recall", file_, "v", "--ef", "4"}, 2, "ef: is 4, less than k");
  Refuses({"vector", "recall", file_, "v", "--sample", "0"}, 2, "nothing to sample");
  Refuses({"vector", "recall", file_, "none"}, 1, "no such vector index");
  Refuses({"vector", "optimize", file_, "none"}, 1, "no such vector index");
}

TEST_F(VectorCommandTest, AmongOtherThings) {
  MakeAnimals();
  EXPECT_EQ(Out({"list", file_}),
            "NAME  KIND     ENTRIES\n"
            "v     vectors        4  2 dimensions of float32, l2, hnsw, m 16, "
            "ef_construction 200, ef_search 64, code byte\n");
  const json tree = Json({"list", file_})["trees"][0];
  EXPECT_EQ(tree["kind"], "vectors");
  EXPECT_EQ(tree["options"]["dimensions"], 2);
  EXPECT_FALSE(tree.contains("key_type"));
  EXPECT_EQ(Json({"stat", file_, "v"})["name"], "v");
  EXPECT_EQ(Out({"index", "create", file_, "v", "pos", "--vectors"}),
            "pos_1: 2 entries\n");
  EXPECT_NE(Out({"index", "list", file_, "v", "--vectors"}).find("pos_1"),
            std::string::npos);
  EXPECT_EQ(Keys(Json({"vector", "search", file_, "v", "--vector", "[1,0]", "--filter",
                       R"({"pos":"noun"})"})),
            (Words{"dog", "cat"}));
  Refuses({"index", "rebuild", file_, "v", "pos_1", "--vectors"}, 2, "drop and create");
  EXPECT_EQ(Out({"index", "drop", file_, "v", "pos_1", "--vectors"}), "pos_1: dropped\n");
  Refuses({"index", "list", file_, "none", "--vectors"}, 1, "no such vector index");
  Refuses({"index", "list", file_, "v"}, 2,
          "v: is a vector index, not a collection\n  `sheaf help vector`");
  Refuses({"get", file_, "v", "dog"}, 2, "`sheaf help vector`");
  Out({"compress", file_, "v", "--with", "zstd"});
  EXPECT_EQ(Json({"list", file_})["trees"][0]["compression"], "zstd");
  Out({"graph", "add-vertex", file_, "g"});
  Refuses({"vector", "search", file_, "g", "--key", "1"}, 2,
          "g: is a graph, not a vector index");
  Refuses({"vector", "create", file_, "g", "--dimensions", "2"}, 2, "g: is a graph");
  Refuses({"vector", "import", file_, "g", Write("a.fvecs", Fvec({1}))}, 2, "is a graph");
  EXPECT_NE(Out({"shell", file_}, "vector search v --key dog -k 1\n").find("cat"),
            std::string::npos);
  const std::string copy = Path("copy.sheaf");
  Out({"backup", file_, copy, "--compact"});
  EXPECT_EQ(Keys(Json({"vector", "search", copy, "v", "--key", "dog", "-k", "1"})),
            (Words{"cat"}));
  Out({"salvage", file_, Path("saved.sheaf")});
  EXPECT_EQ(Out({"vector", "get", Path("saved.sheaf"), "v", "dog"}),
            Out({"vector", "get", file_, "v", "dog"}));
}

TEST_F(VectorCommandTest, Help) {
  Refuses({"vector"}, 2, "`sheaf help vector`");
  Refuses({"vector", "serch", file_, "v"}, 2, "`sheaf vector search`");
  Refuses({"vector", "draw", file_, "v"}, 2, "there is no command vector draw");
  EXPECT_NE(Out({"help", "vector"}).find("recall"), std::string::npos);
  for (const char* command : {"create", "import", "put", "get", "delete", "search",
                              "stats", "optimize", "recall"}) {
    const std::string help = Out({"vector", command, "--help"});
    EXPECT_NE(help.find("INDEX"), std::string::npos) << help;
    for (size_t at = 0; at < help.size();) {
      const size_t end = std::min(help.find('\n', at), help.size());
      EXPECT_LE(end - at, 100u) << help.substr(at, end - at);
      at = end + 1;
    }
  }
}

}  // namespace
}  // namespace sheaf::cli
