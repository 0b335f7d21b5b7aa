// graph: what its commands print, for people and for programs, and what they refuse.
#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

class GraphCommandTest : public CliTest {
 protected:
  GraphCommandTest() {
    EXPECT_EQ(Out({"graph", "add-vertex", file_, "g", R"({"name":"Ann","age":31})",
                   "--label", "Person"}),
              "0\n");
    EXPECT_EQ(Out({"graph", "add-vertex", file_, "g", R"({"name":"Bob"})", "--label",
                   "Person", "--label", "Admin", "--json"}),
              "{\"id\":1}\n");
    EXPECT_EQ(
        Out({"graph", "add-vertex", file_, "g", R"({"name":"Anton"})", "--id", "40"}),
        "40\n");
    EXPECT_EQ(Out({"graph", "add-edge", file_, "g", "Ann", "KNOWS", "Bob",
                   R"({"since":2010})", "--weight", "0.5"}),
              "0 -KNOWS-> 1\n");
    EXPECT_EQ(Out({"graph", "add-edge", file_, "g", "1", "KNOWS", R"({"name":"Anton"})",
                   "--json"}),
              "{\"from\":1,\"type\":\"KNOWS\",\"to\":40,\"ordinal\":0}\n");
  }
  std::string Out(const Words& args) {
    const test::Outcome outcome = Run(args);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome.out;
  }
  void Refuses(const Words& args, int exit, const std::string& message) {
    const test::Outcome outcome = Run(args);
    EXPECT_EQ(outcome.exit, exit) << outcome.out;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err;
  }
  const std::string file_ = Path("g.sheaf");
};

TEST_F(GraphCommandTest, Get) {
  EXPECT_EQ(Out({"graph", "get", file_, "g"}),
            "3 vertices, 2 edges\nlabels\n  Admin   1\n  Person  2\n"
            "types of edges\n  KNOWS  2\n");
  EXPECT_EQ(Out({"graph", "get", file_, "g", "--json"}),
            "{\"vertices\":3,\"edges\":2,\"labels\":{\"Admin\":1,\"Person\":2},"
            "\"types\":{\"KNOWS\":2}}\n");
  EXPECT_EQ(Out({"graph", "get", file_, "g", "Bob", "--json"}),
            "{\"id\":1,\"labels\":[\"Person\",\"Admin\"],\"properties\":{\"name\":"
            "\"Bob\"},\"out\":1,\"in\":1}\n");
  EXPECT_EQ(Out({"graph", "get", file_, "g", "40"}),
            "40  0 edges out, 1 in\n{\"name\": \"Anton\"}\n");
  // A pattern of names means several.
  const std::string both = Out({"graph", "get", file_, "g", "An*", "--json"});
  EXPECT_EQ(std::count(both.begin(), both.end(), '\n'), 2);
  EXPECT_EQ(Out({"graph", "get", file_, "g", "?ob", "--json"}).substr(0, 8),
            "{\"id\":1,");
  EXPECT_EQ(
      Out({"graph", "get", file_, "g", R"({"age":{"$gt":30}})", "--json"}).substr(0, 8),
      "{\"id\":0,");
}

TEST_F(GraphCommandTest, Neighbors) {
  EXPECT_EQ(Out({"graph", "neighbors", file_, "g", "Bob", "--direction", "both"}),
            "->  KNOWS  40  Anton\n<-  KNOWS   0  Ann\n");
  EXPECT_EQ(Out({"graph", "neighbors", file_, "g", "Ann", "--depth", "2"}),
            "1  1   Bob\n2  40  Anton\n");
  EXPECT_EQ(Out({"graph", "neighbors", file_, "g", "Ann", "--type", "NONE"}), "");
  EXPECT_EQ(Out({"graph", "neighbors", file_, "g", "Ann", "--filter",
                 R"({"since":{"$gt":2011}})"}),
            "");
  const std::string dot =
      Out({"graph", "neighbors", file_, "g", "Ann", "--depth", "2", "--dot"});
  EXPECT_TRUE(dot.starts_with("digraph \"g\" {\n")) << dot;
  EXPECT_NE(dot.find("  1 -> 40 [label=\"KNOWS\"];\n"), std::string::npos) << dot;
  EXPECT_NE(dot.find("  0 [label=\"Ann\", penwidth=2];\n"), std::string::npos) << dot;
}

TEST_F(GraphCommandTest, Changes) {
  EXPECT_EQ(Out({"graph", "update", file_, "g", "An*", R"({"$set":{"x":1}})"}),
            "2 vertices changed\n");
  EXPECT_EQ(Out({"graph", "update", file_, "g", "Bob", "--label", "Boss"}),
            "1 vertex changed\n");
  const Words edge = {"graph", "update-edge", file_, "g", "Ann", "KNOWS", "Bob"};
  const auto change = [&](const Words& words) {
    Words all = edge;
    all.insert(all.end(), words.begin(), words.end());
    return all;
  };
  EXPECT_EQ(Out(change({"--weight", "2.5"})), "0 -KNOWS-> 1  weight 2.5\n");
  EXPECT_EQ(Out(change({"--weight", "2", "--merge", "add"})),
            "0 -KNOWS-> 1  weight 4.5\n");
  EXPECT_EQ(Out(change({"--weight", "2", "--merge", "min"})), "0 -KNOWS-> 1  weight 2\n");
  EXPECT_EQ(Out(change({R"({"$set":{"since":2012}})", "--ttl", "1h", "--json"})),
            R"({"from":0,"type":"KNOWS","to":1,"ordinal":0,"weight":2.0})"
            "\n");
  EXPECT_EQ(Out({"graph", "neighbors", file_, "g", "Ann", "--filter",
                 R"({"since":{"$gt":2011}})"}),
            "->  KNOWS  1  Bob\n");
  EXPECT_EQ(Out({"graph", "update-edge", file_, "g", "Bob", "CALLED", "Ann", "--weight",
                 "1", "--merge", "add"}),  // is made
            "1 -CALLED-> 0  weight 1\n");
  Refuses(edge, 2, "which UPDATE");
  Refuses(change({"--merge", "add"}), 2, "--merge requires --weight");
  Refuses(change({"--weight", "inf"}), 2, "weight");
  Refuses(change({"--weight", "inf", "--merge", "add"}), 2, "");
  Refuses(change({"--weight", "1", "--ordinal", "4294967296"}), 2, "ordinal");
  Refuses(change({"--ordinal", "7", "--weight", "1"}), 1, "KNOWS");
  EXPECT_EQ(Out({"graph", "delete-edge", file_, "g", "Bob", "CALLED", "Ann"}), "");
  EXPECT_EQ(Out({"graph", "delete-edge", file_, "g", "Ann", "KNOWS", "Bob"}), "");
  Refuses({"graph", "delete-edge", file_, "g", "Ann", "KNOWS", "Bob"}, 1,
          "no edge 0 -KNOWS-> 1");
  EXPECT_EQ(Out({"graph", "delete-vertex", file_, "g", "Anton", "--json"}),
            "{\"deleted\":1}\n");
  EXPECT_EQ(Out({"graph", "get", file_, "g", "--json"}).substr(0, 25),
            "{\"vertices\":2,\"edges\":0,\"");
  EXPECT_EQ(Out({"list", file_}).find("graph") != std::string::npos, true);
  Run({"check", file_});
}

TEST_F(GraphCommandTest, Algorithms) {
  EXPECT_EQ(Out({"graph", "algo", file_, "g", "degree", "--limit", "2"}),
            "1  0  Ann\n1  1  Bob\n");
  EXPECT_EQ(Out({"graph", "algo", file_, "g", "wcc"}), "1 set\n3  0  Ann\n");
  EXPECT_EQ(Out({"graph", "algo", file_, "g", "bfs", "--source", "Ann", "--json"}),
            "{\"id\":40,\"value\":2}\n{\"id\":1,\"value\":1}\n{\"id\":0,\"value\":0}\n");
  EXPECT_EQ(Out({"graph", "algo", file_, "g", "topological-sort"}),
            "3 vertices\n0  Ann\n1  Bob\n40  Anton\n");
  EXPECT_EQ(Out({"graph", "algo", file_, "g", "bridges", "--undirected"}),
            "2 edges\n0 -> 1\n1 -> 40\n");
  EXPECT_EQ(Out({"graph", "algo", file_, "g", "sssp", "--source", "Bob", "--weighted",
                 "--write", "far", "--limit", "0"}),
            "");
  EXPECT_NE(Out({"graph", "get", file_, "g", "40", "--json"}).find("\"far\":1"),
            std::string::npos);
  for (const char* name :
       {"closeness", "betweenness", "pagerank", "eigenvector", "hubs", "authorities",
        "label-propagation", "louvain", "triangles", "clustering", "scc", "levels",
        "reachable-count", "transitive-reduction", "cycle"})
    EXPECT_EQ(Run({"graph", "algo", file_, "g", name}).exit, 0) << name;
  for (const char* name : {"core", "spanning-tree", "articulation-points"})
    EXPECT_EQ(Run({"graph", "algo", file_, "g", name, "--undirected"}).exit, 0) << name;
  for (const char* name : {"personalized-pagerank", "dominators", "reachable"})
    EXPECT_EQ(Run({"graph", "algo", file_, "g", name, "--source", "0"}).exit, 0) << name;
  EXPECT_EQ(Out({"graph", "algo", file_, "g", "min-cut", "--source", "0", "--target",
                 "40", "--weighted", "--json"}),
            "{\"capacity\":0.5}\n{\"from\":0,\"to\":1,\"weight\":0.5}\n");
}

TEST_F(GraphCommandTest, Paths) {
  EXPECT_EQ(Out({"graph", "path", file_, "g", "Ann", "Anton"}),
            "0 Ann\n  -KNOWS-> 1 Bob\n  -KNOWS-> 40 Anton\n");
  EXPECT_EQ(Out({"graph", "path", file_, "g", "Anton", "Bob", "--direction", "both",
                 "--weighted", "--json"}),
            "{\"vertices\":[40,1],\"edges\":[{\"from\":1,\"type\":\"KNOWS\",\"to\":40,"
            "\"ordinal\":0}],\"weight\":1.0}\n");
  EXPECT_EQ(Out({"graph", "path", file_, "g", "0", "40", "--shortest", "3"}),
            "0 Ann – 1 Bob – 40 Anton\n");
  EXPECT_NE(Out({"graph", "path", file_, "g", "0", "40", "--dot"}).find("0 -> 1 ["),
            std::string::npos);
  Refuses({"graph", "path", file_, "g", "Anton", "Ann"}, 1, "no path from 40 to 0");
  Refuses({"graph", "path", file_, "g", "0", "40", "--depth", "1"}, 1, "no path");
}

TEST_F(GraphCommandTest, Match) {
  EXPECT_EQ(Out({"graph", "match", file_, "g",
                 "(a:Person {name: 'Ann'})-[k:KNOWS]->(b)-->(c)"}),
            "a=0 Ann  b=1 Bob  c=40 Anton  k=0 -KNOWS-> 1\n");
  EXPECT_EQ(Out({"graph", "match", file_, "g", "(a)-[:KNOWS*2]->(c)", "--json"}),
            "{\"a\":0,\"c\":40}\n");
  EXPECT_EQ(Out({"graph", "match", file_, "g", "(a)-->(b)", "--limit", "1", "--json"}),
            "{\"a\":0,\"b\":1}\n");
  EXPECT_FALSE(Out({"graph", "match", file_, "g", "(a)-->(b)", "--explain"}).empty());
  EXPECT_NE(Out({"graph", "match", file_, "g", "(a)-->(b)", "--dot"}).find("1 -> 40"),
            std::string::npos);
  Refuses({"graph", "match", file_, "g", "(a)-[:T*]->(b)"}, 2, "*1..");
  Refuses({"graph", "match", file_, "g", "(a"}, 2, "byte 2");
}

TEST_F(GraphCommandTest, Indexes) {
  EXPECT_EQ(Out({"index", "create", file_, "g", "name", "--vertices", "--unique",
                 "--filter", R"({"_labels":"Person"})"}),
            "name_1: 2 entries\n");
  EXPECT_EQ(Out({"index", "create", file_, "g", "since", "--edges"}),
            "since_1: 1 entry\n");
  EXPECT_NE(Out({"index", "list", file_, "g", "--vertices"}).find("_labels"),
            std::string::npos);
  Refuses({"graph", "add-vertex", file_, "g", R"({"name":"Ann"})", "--label", "Person"},
          2, "unique index name_1");
  EXPECT_EQ(Out({"index", "drop", file_, "g", "name_1", "--vertices"}),
            "name_1: dropped\n");
  Refuses({"index", "drop", file_, "g", "_labels", "--vertices"}, 2, "the graph's own");
  Refuses({"index", "rebuild", file_, "g", "since_1", "--edges"}, 2, "drop and create");
  Refuses({"index", "list", file_, "g"}, 2, "is a graph");
}

TEST_F(GraphCommandTest, LoadAndExport) {
  const std::string lines = Out({"graph", "export", file_, "g"});
  EXPECT_EQ(
      lines,
      "{\"id\":0,\"labels\":[\"Person\"],\"properties\":{\"name\":\"Ann\",\"age\":31}}\n"
      "{\"id\":1,\"labels\":[\"Person\",\"Admin\"],\"properties\":{\"name\":\"Bob\"}}\n"
      "{\"id\":40,\"properties\":{\"name\":\"Anton\"}}\n"
      "{\"from\":0,\"to\":1,\"type\":\"KNOWS\",\"weight\":0.5,"
      "\"properties\":{\"since\":2010}}\n"
      "{\"from\":1,\"to\":40,\"type\":\"KNOWS\"}\n");
  const test::Outcome loaded = Run({"graph", "load", file_, "copy"}, lines);
  EXPECT_EQ(loaded.out, "3 vertices, 2 edges added\n") << loaded.err;
  EXPECT_EQ(Out({"graph", "export", file_, "copy"}), lines);
  const test::Outcome edges =
      Run({"graph", "load", file_, "e", "--format", "edges", "--skip-bad", "--json"},
          "# a comment\n1 2\n2 x\n2 3 0.5\n");
  EXPECT_EQ(edges.exit, 0) << edges.err;
  const nlohmann::json counts = nlohmann::json::parse(edges.out);
  EXPECT_EQ(counts["edges"], 2);
  EXPECT_EQ(counts["created"], 3);
  EXPECT_EQ(counts["bad_lines"], 1);
  const test::Outcome bad =
      Run({"graph", "load", file_, "e", "--format", "edges"}, "1\n");
  EXPECT_EQ(bad.exit, 2);
  EXPECT_NE(bad.err.find("line 1"), std::string::npos) << bad.err;
  const std::string vertices = Path("v.csv"), csv_edges = Path("e.csv");
  EXPECT_EQ(Out({"graph", "export", file_, "g", "--out", vertices, "--edges", csv_edges}),
            "3 vertices, 2 edges\n");
  EXPECT_EQ(Out({"graph", "load", file_, "csv", vertices, csv_edges, "--format", "csv"}),
            "3 vertices, 2 edges added\n");
  EXPECT_EQ(Out({"graph", "get", file_, "csv", "Bob", "--json"}),
            Out({"graph", "get", file_, "g", "Bob", "--json"}));
  Refuses({"graph", "load", file_, "x", Path("none")}, 1, "cannot be opened");
  EXPECT_EQ(Run({"check", file_}).exit, 0);
}

TEST_F(GraphCommandTest, Refuses) {
  Refuses({"graph"}, 2, "`sheaf help graph`");
  Refuses({"graph", "neighbours", file_, "g", "0"}, 2, "`sheaf graph neighbors`");
  Refuses({"graph", "draw", file_, "g"}, 2, "there is no command graph draw");
  Refuses({"graph", "get", file_, "none"}, 1, "none: no such graph");
  Refuses({"graph", "get", file_, "g", "77"}, 1, "g: no vertex 77");
  Refuses({"graph", "get", file_, "g", "Nobody"}, 1, "no vertex is meant by Nobody");
  Refuses({"graph", "add-edge", file_, "g", "An*", "T", "Bob"}, 2, "means several");
  Refuses({"graph", "add-edge", file_, "g", "Ann", "T", "99"}, 1, "no vertex 99");
  Refuses({"graph", "add-vertex", file_, "g", "[1]"}, 2, "not a JSON object");
  Refuses({"graph", "add-vertex", file_, "g", "--id", "40"}, 2, "exists already");
  Refuses({"graph", "algo", file_, "g", "sort"}, 2, "there is no algorithm sort");
  Refuses({"graph", "algo", file_, "g", "bfs"}, 2, "which --source?");
  Refuses({"graph", "algo", file_, "g", "min-cut", "--source", "0"}, 2,
          "which --target?");
  Refuses({"graph", "algo", file_, "g", "bridges", "--write", "x"}, 2, "--write");
  Refuses({"graph", "neighbors", file_, "g", "Ann", "--direction", "up"}, 2,
          "--direction");
  Refuses({"get", file_, "g", "1"}, 2, "is a graph, not a collection");
  EXPECT_NE(Out({"help", "graph"}).find("neighbors"), std::string::npos);
  EXPECT_NE(Out({"graph", "algo", "--help"}).find("pagerank"), std::string::npos);
}

}  // namespace
}  // namespace sheaf::cli
