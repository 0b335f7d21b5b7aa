// Graphs from and to text: each format, what is wrong with lines and what is skipped, texts
// for ids, an export that gives the same graph when it comes back; imports are whole or not
// there at all, and need no more memory than they say (RELIABILITY R1, R9).
#include "sheaf/graph_lines.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "sheaf/graph_loader.h"
#include "tests/api/api_fixture.h"

namespace sheaf {
namespace {

class GraphLinesTest : public test::ApiTest {
 protected:
  absl::Status Import(GraphFormat format, const std::string& text,
                      const GraphImportOptions& options = {},
                      const std::string& graph = "g") {
    std::istringstream in(text);
    return ImportGraph(db_.get(), graph, {{format, &in}}, options, &counts_);
  }
  std::string Export(const std::string& graph = "g") {
    const ReadTransaction read = db_->BeginRead();
    std::ostringstream out;
    GraphExportCounts counts;
    const absl::Status status = ExportGraph(*read.graph(graph), out, {}, &counts);
    EXPECT_TRUE(status.ok()) << status;
    return out.str();
  }
  void ExpectClean() {
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }
  GraphImportCounts counts_;
};

constexpr char kPeople[] = R"({"from":2,"to":1,"type":"KNOWS","weight":0.5}
{"id":1,"labels":["Person","Admin"],"properties":{"name":"Ann","age":31}}

{"id":2,"labels":["Person"]}
{"from":1,"to":2,"type":"KNOWS","properties":{"since":2010}}
{"from":1,"to":2,"type":"KNOWS","ordinal":7,"properties":{"since":2011,"tags":["a",{}]}}
{"from":1,"to":1}
{"id":3}
)";
constexpr char kPeopleOut[] =
    R"({"id":1,"labels":["Person","Admin"],"properties":{"name":"Ann","age":31}}
{"id":2,"labels":["Person"]}
{"id":3}
{"from":1,"to":2,"type":"KNOWS","properties":{"since":2010}}
{"from":1,"to":2,"type":"KNOWS","ordinal":1,"properties":{"since":2011,"tags":["a",{}]}}
{"from":1,"to":1,"type":"EDGE"}
{"from":2,"to":1,"type":"KNOWS","weight":0.5}
)";

TEST_F(GraphLinesTest, JsonLinesInAnyOrder) {
  ASSERT_TRUE(Import(GraphFormat::kJsonLines, kPeople).ok());
  EXPECT_EQ(counts_.vertices, 3u);
  EXPECT_EQ(counts_.edges, 4u);
  EXPECT_EQ(counts_.created, 0u);
  EXPECT_EQ(counts_.lines, 8u);
  EXPECT_EQ(Export(), kPeopleOut);
  ExpectClean();
  Reopen();
  EXPECT_EQ(Export(), kPeopleOut);
  ASSERT_TRUE(Import(GraphFormat::kJsonLines, Export(), {}, "again").ok());
  EXPECT_EQ(Export("again"), kPeopleOut);
  // More comes to what is there: ordinals go on.
  ASSERT_TRUE(Import(GraphFormat::kJsonLines,
                     R"({"from":1,"to":2,"type":"KNOWS","properties":{"x":1}})")
                  .ok());
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(read.graph("g")->GetEdge({1, "KNOWS", 2, 2})->properties, R"({"x":1})");
  ExpectClean();
}

TEST_F(GraphLinesTest, EdgeLists) {
  ASSERT_TRUE(Import(GraphFormat::kEdgeList,
                     "# a comment\n% another\n1 2\n\n 2\t3  0.25\r\n3 1 -2\n3 1",
                     {.type = "LINK"})
                  .ok());
  EXPECT_EQ(counts_.created, 3u);
  EXPECT_EQ(Export(), R"({"id":1}
{"id":2}
{"id":3}
{"from":1,"to":2,"type":"LINK"}
{"from":2,"to":3,"type":"LINK","weight":0.25}
{"from":3,"to":1,"type":"LINK","weight":-2.0}
{"from":3,"to":1,"type":"LINK","ordinal":1}
)");
  ExpectClean();
}

TEST_F(GraphLinesTest, CsvOfVerticesAndEdges) {
  std::istringstream vertices(
      "name,id,labels,age,note\r\n"
      "Ann,1,Person;Admin,31,\"says \"\"hi\"\",\nand more\"\r\n"
      "\"007\",2,,007,\r\n"
      "true,3,Cat,1.5,\"\"\n");
  std::istringstream edges(
      "from,to,type,weight,since\n1,2,KNOWS,2.5,2010\n2,1,,,\n1,3,OWNS,,\"2010\"\n");
  ASSERT_TRUE(ImportGraph(db_.get(), "g",
                          {{GraphFormat::kCsv, &vertices}, {GraphFormat::kCsv, &edges}},
                          {}, &counts_)
                  .ok());
  EXPECT_EQ(counts_.vertices, 3u);
  EXPECT_EQ(counts_.lines, 9u);
  const std::string expected =
      R"({"id":1,"labels":["Person","Admin"],"properties":{"name":"Ann","age":31,"note":"says \"hi\",\nand more"}}
{"id":2,"properties":{"name":"007","age":"007"}}
{"id":3,"labels":["Cat"],"properties":{"name":true,"age":1.5,"note":""}}
{"from":1,"to":2,"type":"KNOWS","weight":2.5,"properties":{"since":2010}}
{"from":1,"to":3,"type":"OWNS","properties":{"since":"2010"}}
{"from":2,"to":1,"type":"EDGE"}
)";
  EXPECT_EQ(Export(), expected);
  std::stringstream v, e;
  {
    const ReadTransaction read = db_->BeginRead();
    GraphExportCounts counts;
    ASSERT_TRUE(ExportGraphCsv(*read.graph("g"), v, e, {}, &counts).ok());
    EXPECT_EQ(counts.vertices, 3u);
    EXPECT_EQ(counts.edges, 3u);
  }
  EXPECT_EQ(e.str(),
            "from,to,type,weight,\"since\"\n1,2,\"KNOWS\",2.5,2010\n1,3,\"OWNS\",1,"
            "\"2010\"\n2,1,\"EDGE\",1,\n");
  ASSERT_TRUE(ImportGraph(db_.get(), "again",
                          {{GraphFormat::kCsv, &v}, {GraphFormat::kCsv, &e}}, {},
                          &counts_)
                  .ok());
  EXPECT_EQ(Export("again"), expected);
  ExpectClean();
}

TEST_F(GraphLinesTest, BadLinesAreNamedOrSkipped) {
  constexpr GraphFormat kJson = GraphFormat::kJsonLines, kCsv = GraphFormat::kCsv,
                        kList = GraphFormat::kEdgeList;
  const std::tuple<GraphFormat, std::string, std::string> cases[] = {
      {kJson, "{\"id\":1", "line 2: byte 7"},
      {kJson, "[1]", "line 2: is no object"},
      {kJson, "{}", "line 2: needs either id or from and to"},
      {kJson, R"({"id":1,"to":2})", "line 2: needs either id or from and to"},
      {kJson, R"({"from":1})", "line 2: needs either id or from and to"},
      {kJson, R"({"id":1,"weight":2})", "line 2: has fields of a vertex and of an edge"},
      {kJson, R"({"id":-1})", "line 2: the field id is not a vertex id"},
      {kJson, R"({"id":"a"})", "line 2: the field id is not a vertex id"},
      {kJson, R"({"id":9007199254740992})", "line 2: g: the vertex id 9007199254740992"},
      {kJson, R"({"id":1,"label":"x"})", "line 2: the field label has no meaning"},
      {kJson, R"({"id":1,"labels":"x"})", "line 2: the field labels is not an array"},
      {kJson, R"({"id":1,"labels":[1]})", "line 2: the field labels is not an array of"},
      {kJson, R"({"id":1,"labels":[""]})", "line 2: g: the label or type : is empty"},
      {kJson, R"({"id":1,"properties":1})", "line 2: the field properties is not an obj"},
      {kJson, R"({"id":1,"properties":{"_labels":1}})",
       "line 2: g: the field _labels is"},
      {kJson, R"({"from":1,"to":2,"weight":"x"})",
       "line 2: the field weight is not a num"},
      {kJson, R"({"from":1,"to":2,"type":7})", "line 2: the field type is not a text"},
      {kJson, R"({"from":1,"to":2,"properties":{"_type":1}})",
       "line 2: g: the field _type"},
      {kList, "1", "line 2: has no \"from to\""},
      {kList, "1 2 3 4", "line 2: has more than \"from to weight\""},
      {kList, "1 x", "line 2: \"x\" is no vertex id"},
      {kList, "1 -2", "line 2: \"-2\" is no vertex id"},
      {kList, "1 2 x", "line 2: \"x\" is no weight"},
      {kList, "1 2 inf", "line 2: g: the weight inf is not a finite number"},
      {kList, "1 9007199254740992", "line 2: g: the vertex id 9007199254740992 is not"},
      {kCsv, "1,2,3", "line 2: has 3 fields; the header has 2"},
      {kCsv, "1,\"2\"x", "line 2: field 2: something behind the closing quote"},
      {kCsv, "1,2\"", "line 2: field 2: a quote inside a field without"},
      {kCsv, "1,", "line 2: a vertex id is missing"},
      {kCsv, "1,x", "line 2: \"x\" is no vertex id"},
  };
  for (const auto& [format, line, message] : cases) {
    SCOPED_TRACE(line);
    const std::string first = format == kJson   ? R"({"from":8,"to":9})"
                              : format == kList ? "8 9"
                                                : "from,to";
    const std::string last = format == kJson
                                 ? R"({"from":9,"to":8})"
                                 : absl::StrCat("9", format == kCsv ? "," : " ", "8");
    const std::string text = absl::StrCat(first, "\n", line, "\n", last, "\n");
    const absl::Status status = Import(format, text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(status.message().substr(0, message.size()) == message) << status;
    EXPECT_TRUE(db_->BeginRead().graph("g").status().code() ==
                absl::StatusCode::kNotFound);
    ASSERT_TRUE(Import(format, text, {.skip_bad = true}, "skipped").ok());
    EXPECT_EQ(counts_.bad_lines, 1u);
    ASSERT_EQ(counts_.bad.size(), 1u);
    EXPECT_EQ(counts_.edges, format == kCsv ? 1u : 2u);
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.Drop("skipped").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  EXPECT_EQ(Import(kCsv, "from,too\n1,2\n").message(),
            "line 1: the header has neither id nor from and to");
  EXPECT_EQ(Import(kCsv, "id,a,a\n").message(), "line 1: two columns are called a");
  EXPECT_EQ(Import(kCsv, "id,\n").message(), "line 1: column 2 has no name");
  EXPECT_EQ(Import(kCsv, "id,a\n1,\"x\n\n").message(), "line 2: a quote is not closed");
  ExpectClean();
}

TEST_F(GraphLinesTest, OfSeveralSourcesTheMessageSaysWhich) {
  constexpr GraphFormat kJson = GraphFormat::kJsonLines, kCsv = GraphFormat::kCsv;
  const auto import = [&](const std::string& people, const std::string& knows,
                          const GraphImportOptions& options) {
    std::istringstream a(people), b(knows);
    return std::string(ImportGraph(db_.get(), "g",
                                   {{.format = kJson, .in = &a, .name = "people.jsonl"},
                                    {.format = kCsv, .in = &b, .name = "knows.csv"}},
                                   options, &counts_)
                           .message());
  };
  const std::string people = "{\"id\":1}\n\n{\"id\":2}\n", header = "from,to\n";
  EXPECT_EQ(import(people + "[]", header, {}), "people.jsonl: line 4: is no object");
  EXPECT_EQ(import(people, "from\n", {}),
            "knows.csv: line 1: the header has neither id nor from and to");
  EXPECT_EQ(import(people, header + "1,2\n1,\n", {}),
            "knows.csv: line 3: a vertex id is missing");
  // Found out behind the last line.
  const GraphImportOptions refuse{.create_vertices = false};
  EXPECT_EQ(import(people, header + "1,2\n2,5\n", refuse),
            "knows.csv: line 3: no vertex 5");
  EXPECT_EQ(import(people + "{\"id\":1}", header, {}),
            "people.jsonl: line 4: vertex 1 exists already");
  const GraphImportOptions by_name{.create_vertices = false, .vertex_key = "name"};
  EXPECT_EQ(import(R"({"id":"a"})", header + "a,a\na,b\n", by_name),
            "knows.csv: line 3: no vertex \"b\"");
  EXPECT_EQ(import(people + "[]\n", header + "x,1\n1,2", {.skip_bad = true}), "");
  EXPECT_EQ(counts_.bad,
            (std::vector<std::string>{"people.jsonl: line 4: is no object",
                                      "knows.csv: line 2: \"x\" is no vertex id"}));
  EXPECT_EQ(counts_.lines, 7u);
}

TEST_F(GraphLinesTest, EndsThatAreNoVertices) {
  const GraphImportOptions refuse{.create_vertices = false};
  absl::Status status = Import(GraphFormat::kJsonLines,
                               "{\"id\":1}\n{\"id\":2}\n{\"from\":1,\"to\":2}\n\n"
                               "{\"from\":2,\"to\":5}\n",
                               refuse);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "line 5: no vertex 5");
  EXPECT_FALSE(db_->BeginRead().graph("g").ok());
  status = Import(GraphFormat::kJsonLines, "{\"id\":1}\n{\"id\":1}\n");
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(status.message(), "line 2: vertex 1 exists already");
}

TEST_F(GraphLinesTest, TextsForIds) {
  const GraphImportOptions by_name{.vertex_key = "name"};
  ASSERT_TRUE(
      Import(GraphFormat::kEdgeList, "ann bob\nbob tom\nann tom 2\n", by_name).ok());
  EXPECT_EQ(counts_.created, 3u);
  EXPECT_EQ(Export(), R"({"id":0,"properties":{"name":"ann"}}
{"id":1,"properties":{"name":"bob"}}
{"id":2,"properties":{"name":"tom"}}
{"from":0,"to":1,"type":"EDGE"}
{"from":0,"to":2,"type":"EDGE","weight":2}
{"from":1,"to":2,"type":"EDGE"}
)");
  EXPECT_EQ(Import(GraphFormat::kEdgeList, "ann eve\n", by_name).code(),
            absl::StatusCode::kFailedPrecondition);
  {
    WriteTransaction txn = Begin();
    IndexDefinition index;
    index.name = "by_name";
    index.fields = {{"name"}};
    ASSERT_TRUE(txn.graph("g")->CreateVertexIndex(index).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const absl::Status status = Import(GraphFormat::kJsonLines,
                                     R"({"from":"ann","to":"eve","type":"LIKES"}
{"id":"eve","labels":["Person"],"properties":{"age":3}}
{"from":2,"to":"new"})",
                                     by_name);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(counts_.created, 1u);
  const ReadTransaction read = db_->BeginRead();
  const GraphReader g = *read.graph("g");
  EXPECT_EQ(g.Get(3)->properties, R"({"name":"eve","age":3})");
  EXPECT_EQ(g.Get(3)->labels, std::vector<std::string>{"Person"});
  EXPECT_EQ(g.Get(4)->properties, R"({"name":"new"})");
  EXPECT_TRUE(g.FindEdge({0, "LIKES", 3, 0})->has_value());
  EXPECT_EQ(Import(GraphFormat::kJsonLines, R"({"id":"ann"})", by_name).message(),
            "line 1: vertex \"ann\" exists already");
  GraphImportOptions refuse = by_name;
  refuse.create_vertices = false;
  EXPECT_EQ(Import(GraphFormat::kEdgeList, "ann bob\nann zoe\n", refuse).message(),
            "line 2: no vertex \"zoe\"");
  GraphImportOptions small = by_name;
  small.memory_bytes_max = 1000;
  EXPECT_EQ(Import(GraphFormat::kEdgeList,
                   "a b\nc d\ne f\ng h\ni j\nk l\nm n\no p\nq r\ns t\n", small)
                .code(),
            absl::StatusCode::kResourceExhausted);
  ExpectClean();
}

std::string RandomGraph(uint32_t seed, int vertices, int edges) {
  std::mt19937 random(seed);
  std::string text;
  std::vector<std::string> lines;
  for (int v = 0; v < vertices; ++v) {
    lines.push_back(absl::StrCat("{\"id\":", v * 3));
    if (random() % 2 == 0)
      absl::StrAppend(&lines.back(), ",\"labels\":[\"L", random() % 4, "\"]");
    if (random() % 2 == 0)
      absl::StrAppend(&lines.back(), ",\"properties\":{\"p", random() % 9,
                      "\":", random(), ",\"s\":\"x\\u00e9\"}");
    lines.back().append("}");
  }
  for (int e = 0; e < edges; ++e) {
    lines.push_back(absl::StrCat("{\"from\":", random() % vertices * 3,
                                 ",\"to\":", random() % (vertices / 8) * 3,
                                 ",\"type\":\"T", random() % 3, "\""));
    if (random() % 4 == 0) absl::StrAppend(&lines.back(), ",\"weight\":", random() % 7);
    if (random() % 3 == 0)
      absl::StrAppend(&lines.back(), ",\"properties\":{\"n\":", e, "}");
    lines.back().append("}");
  }
  std::shuffle(lines.begin(), lines.end(), random);
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  return text;
}

TEST_F(GraphLinesTest, WhatWasExportedComesBackTheSame) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    const std::string a = absl::StrCat("a", seed), b = absl::StrCat("b", seed);
    GraphImportOptions options;
    if (seed % 2 == 0) options.memory_bytes_max = 64 << 10;  // in runs
    ASSERT_TRUE(
        Import(GraphFormat::kJsonLines, RandomGraph(seed, 400, 9000), options, a).ok());
    const std::string text = Export(a);
    ASSERT_TRUE(Import(GraphFormat::kJsonLines, text, options, b).ok());
    EXPECT_TRUE(Export(b) == text) << seed;
  }
  ExpectClean();
}

// Of texts with bytes changed at random what is taken is whole.
TEST_F(GraphLinesTest, ChangedTextsAreTakenOrRefused) {
  const std::string csv =
      "id,labels,name,\"n\"\n1,A;B,\"x\"\"y\",1.5\n2,,z,-7\n3,,\"a\nb\",\n";
  const std::string list = "# c\n1 2\n2 3 0.5\n3 1\n7 7\n";
  std::mt19937 random(5);
  int taken = 0;
  for (int i = 0; i < 600; ++i) {
    const GraphFormat format = i % 3 == 0   ? GraphFormat::kCsv
                               : i % 3 == 1 ? GraphFormat::kEdgeList
                                            : GraphFormat::kJsonLines;
    std::string text = i % 3 == 0 ? csv : i % 3 == 1 ? list : std::string(kPeople);
    for (int n = random() % 4; n >= 0; --n) {
      const size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, random() % 5);
      else
        text[at] = random() % 2 == 0 ? static_cast<char>(random())
                                     : ",\"{}[]:;\n 0129-.eE\\"[random() % 20];
      if (text.empty()) break;
    }
    GraphImportOptions options;
    options.skip_bad = i % 2 == 0;
    if (i % 5 == 0) options.vertex_key = "name";
    const std::string graph = absl::StrCat("g", i);
    const absl::Status status = Import(format, text, options, graph);
    ASSERT_EQ(status.ok(), db_->BeginRead().graph(graph).ok()) << text;
    if (!status.ok()) continue;
    ++taken;
    const ReadTransaction read = db_->BeginRead();
    ASSERT_EQ(*read.graph(graph)->vertex_count(), counts_.vertices) << text;
    ASSERT_EQ(*read.graph(graph)->edge_count(), counts_.edges) << text;
  }
  EXPECT_GT(taken, 200);
  ExpectClean();
}

TEST_F(GraphLinesTest, CancelledAtAnyTickNothingIsThere) {
  const std::string text = RandomGraph(9, 3000, 3000);
  GraphImportOptions options;
  int ticks = 0, stop = 0;
  options.progress.report = [&](const Progress::State&) { return ticks++ != stop; };
  for (;; ++stop) {
    ticks = 0;
    const absl::Status status = Import(GraphFormat::kJsonLines, text, options);
    if (status.ok()) break;
    ASSERT_EQ(status.code(), absl::StatusCode::kCancelled);
    ASSERT_FALSE(db_->BeginRead().graph("g").ok());
  }
  EXPECT_GT(stop, 3);
  ExpectClean();
}

TEST_F(GraphLinesTest, LoadersLeaveTheTransactionAsItWas) {
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("g");
  ASSERT_TRUE(g.AddVertexAs(1, {}, R"({"name":"Ann"})").ok());
  IndexDefinition index;
  index.name = "by_name";
  index.fields = {{"name"}};
  index.unique = true;
  ASSERT_TRUE(g.CreateVertexIndex(index).ok());
  {
    GraphLoader loader(g);
    EXPECT_EQ(loader.next_id(), 2u);
    ASSERT_TRUE(loader.AddVertex(7, {"New"}, R"({"name":"Bob"})").ok());
    ASSERT_TRUE(loader.AddVertex(8, {"New"}, R"({"name":"Ann"})").ok());
    EXPECT_FALSE(loader.AddVertex(9, {}, "[]").ok());
    ASSERT_TRUE(loader.AddEdge(7, "KNOWS", 8, 1, R"({"x":1})").ok());
    EXPECT_EQ(loader.next_id(), 9u);
    EXPECT_EQ(loader.Finish().code(), absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(loader.Finish().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(*g.vertex_count(), 1u);
  EXPECT_EQ(g.Get(1)->properties, R"({"name":"Ann"})");
  EXPECT_EQ(*g.vertices()->size(), 1u);
  GraphLoader loader(g);
  ASSERT_TRUE(loader.AddEdge(7, "KNOWS", 1, 1, R"({"x":1})").ok());
  ASSERT_TRUE(loader.AddVertex(7, {"New"}, R"({"name":"Bob"})").ok());
  ASSERT_TRUE(loader.Finish().ok());
  EXPECT_EQ(loader.counts().vertices, 1u);
  EXPECT_EQ(loader.counts().edges, 1u);
  EXPECT_EQ(g.GetEdge({7, "KNOWS", 1, 0})->properties, R"({"x":1})");
  ASSERT_TRUE(g.AddVertex({}).ok());
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(loader.AddVertex(77, {}).code(), absl::StatusCode::kFailedPrecondition);
  ExpectClean();
  Reopen();
  EXPECT_EQ(*db_->BeginRead().graph("g")->vertex_count(), 3u);
}

TEST_F(GraphLinesTest, GraphViz) {
  ASSERT_TRUE(Import(GraphFormat::kJsonLines, kPeople).ok());
  const ReadTransaction read = db_->BeginRead();
  const GraphReader g = *read.graph("g");
  EXPECT_EQ(*Neighborhood(g, 2, 1), (std::vector<VertexId>{2, 1}));
  EXPECT_EQ(*Neighborhood(g, 3, 5), (std::vector<VertexId>{3}));
  EXPECT_EQ(Neighborhood(g, 1, 5, 1)->size(), 1u);
  EXPECT_FALSE(Neighborhood(g, 99, 1).ok());
  std::ostringstream out;
  GraphExportCounts counts;
  ASSERT_TRUE(ExportGraphDot(g, *Neighborhood(g, 2, 1), out,
                             {.vertex_label = "name", .weights = true}, &counts)
                  .ok());
  EXPECT_EQ(counts.edges, 4u);
  EXPECT_EQ(out.str(), R"(digraph "g" {
  2 [label="2"];
  1 [label="Ann"];
  2 -> 1 [label="KNOWS 0.5"];
  1 -> 2 [label="KNOWS 1"];
  1 -> 2 [label="KNOWS 1"];
  1 -> 1 [label="EDGE 1"];
}
)");
}

TEST_F(GraphLinesTest, AnEncryptedDatabaseSealsWhatIsSpilled) {
  options_.key = *EncryptionKey::Passphrase("secret");
  options_.scrypt_log2_n = 10;
  Restart(std::make_unique<test::FaultyFileSystem>());
  GraphImportOptions options;
  options.memory_bytes_max = 100 << 10;
  const std::string text = RandomGraph(3, 300, 5000);
  ASSERT_TRUE(Import(GraphFormat::kJsonLines, text, options, "a").ok());
  ASSERT_TRUE(Import(GraphFormat::kJsonLines, text, {}, "b").ok());
  EXPECT_TRUE(Export("a") == Export("b"));
  ExpectClean();
}

}  // namespace
}  // namespace sheaf
