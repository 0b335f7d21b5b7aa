// Match against an enumeration of all that could match: random patterns on small random
// graphs, with lists long enough for blocks, inside a write transaction and beside one;
// where a match begins; every bound, every refusal.
#include "sheaf/graph_match.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "tests/api/api_fixture.h"
#include "tests/api/graph_model.h"

namespace sheaf::test {
namespace {

using Rows = std::vector<std::string>;

std::string RowOf(const std::vector<VertexId>& vertices,
                  const std::vector<std::vector<EdgeId>>& edges) {
  std::string row = absl::StrJoin(vertices, " ");
  for (const std::vector<EdgeId>& path : edges) {
    row += " |";
    for (const EdgeId& id : path)
      absl::StrAppend(&row, " ", id.from, id.type, id.to, ".", id.ordinal);
  }
  return row;
}

// A pattern, and what its filters say.
struct ModelPattern {
  GraphPattern pattern;
  std::vector<std::optional<int>> p_least;
  std::vector<bool> p_missing;
  std::vector<std::optional<int>> q_not;
};

// Goes through all edges for each step.
class Enumeration {
 public:
  Enumeration(const Model& model, const ModelPattern& p)
      : model_(model),
        p_(p),
        bound_(p.pattern.vertices.size()),
        edges_(p.pattern.edges.size()) {}

  Rows All() {
    NextEdge(0);
    std::sort(rows_.begin(), rows_.end());
    return rows_;
  }

 private:
  bool Takes(size_t i, VertexId v) const {
    const ModelVertex& vertex = model_.vertices.at(v);
    const PatternVertex& wanted = p_.pattern.vertices[i];
    for (const auto& any : wanted.labels)
      if (std::none_of(any.begin(), any.end(), [&](const std::string& label) {
            return vertex.labels.contains(label);
          }))
        return false;
    if (!wanted.ids.empty() && std::count(wanted.ids.begin(), wanted.ids.end(), v) == 0)
      return false;
    if (p_.p_missing[i] && vertex.p.has_value()) return false;
    return !p_.p_least[i].has_value() ||
           (vertex.p.has_value() && *vertex.p >= *p_.p_least[i]);
  }
  // Calls `fn` with the vertex bound to each that it may be.
  template <class Fn>
  void Bind(size_t i, Fn fn) {
    for (const auto& [v, vertex] : model_.vertices)
      if (Takes(i, v)) {
        bound_[i] = v;
        fn();
      }
    bound_[i].reset();
  }
  void NextEdge(size_t e) {
    if (e == edges_.size()) return NextVertex(0);
    const PatternEdge& edge = p_.pattern.edges[e];
    if (bound_[edge.from].has_value()) return Walk(e, *bound_[edge.from]);
    Bind(edge.from, [&] { Walk(e, *bound_[edge.from]); });
  }
  void NextVertex(size_t i) {
    if (i < bound_.size() && bound_[i].has_value()) return NextVertex(i + 1);
    if (i < bound_.size()) return Bind(i, [&] { NextVertex(i + 1); });
    std::vector<VertexId> vertices;
    for (const auto& v : bound_) vertices.push_back(*v);
    rows_.push_back(RowOf(vertices, edges_));
  }
  void Walk(size_t e, VertexId at) {
    const PatternEdge& edge = p_.pattern.edges[e];
    if (edges_[e].size() >= edge.hops_min) {
      std::optional<VertexId>& to = bound_[edge.to];
      if (to.has_value()) {
        if (*to == at) NextEdge(e + 1);
      } else if (Takes(edge.to, at)) {
        to = at;
        NextEdge(e + 1);
        to.reset();
      }
    }
    if (edges_[e].size() == edge.hops_max) return;
    for (const ModelEdge& step : model_.edges) {
      const bool out = edge.direction != Direction::kIn && step.id.from == at;
      const bool in = edge.direction != Direction::kOut && step.id.to == at;
      if ((!out && !in) || !TakesEdge(e, step)) continue;
      edges_[e].push_back(step.id);
      Walk(e, out ? step.id.to : step.id.from);
      edges_[e].pop_back();
    }
  }
  bool TakesEdge(size_t e, const ModelEdge& step) const {
    for (const auto& path : edges_)
      if (std::count(path.begin(), path.end(), step.id) > 0) return false;
    const std::vector<std::string>& types = p_.pattern.edges[e].types;
    return (types.empty() || std::count(types.begin(), types.end(), step.id.type) > 0) &&
           (!p_.q_not[e].has_value() || step.q != p_.q_not[e]);
  }

  const Model& model_;
  const ModelPattern& p_;
  std::vector<std::optional<VertexId>> bound_;
  std::vector<std::vector<EdgeId>> edges_;
  Rows rows_;
};

Rows RowsOf(MatchCursor cursor) {
  Rows rows;
  const GraphPattern& pattern = cursor.pattern();
  while (cursor.Next()) {
    std::vector<VertexId> vertices;
    std::vector<std::vector<EdgeId>> edges;
    for (size_t i = 0; i < pattern.vertices.size(); ++i)
      vertices.push_back(cursor.VertexAt(i));
    for (size_t i = 0; i < pattern.edges.size(); ++i) edges.push_back(*cursor.EdgesAt(i));
    rows.push_back(RowOf(vertices, edges));
  }
  EXPECT_TRUE(cursor.status().ok()) << cursor.status();
  EXPECT_TRUE(cursor.complete());
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Written out; `seen`: vertices that were written with their conditions.
std::string TextOf(const PatternVertex& vertex, size_t i, std::set<size_t>* seen) {
  std::string text = absl::StrCat("(v", i);
  if (seen->insert(i).second) {
    for (const auto& any : vertex.labels) text += ":" + absl::StrJoin(any, "|");
    if (!vertex.ids.empty())
      absl::StrAppend(&text, " {_id: ", vertex.ids[0], "}");
    else if (!vertex.filter.empty())
      text += " " + vertex.filter;
  }
  return text + ")";
}

std::string TextOf(const GraphPattern& pattern) {
  std::vector<std::string> parts;
  std::set<size_t> seen;
  for (size_t i = 0; i < pattern.vertices.size(); ++i)
    parts.push_back(TextOf(pattern.vertices[i], i, &seen));
  for (const PatternEdge& edge : pattern.edges) {
    std::string text = TextOf(pattern.vertices[edge.from], edge.from, &seen);
    text += edge.direction == Direction::kIn ? "<-[" : "-[";
    if (!edge.types.empty()) text += ":" + absl::StrJoin(edge.types, "|");
    if (edge.hops_min != 1 || edge.hops_max != 1)
      absl::StrAppend(&text, "*", edge.hops_min, "..", edge.hops_max);
    text += edge.filter + "]" + (edge.direction == Direction::kOut ? "->" : "-");
    parts.push_back(text + TextOf(pattern.vertices[edge.to], edge.to, &seen));
  }
  return absl::StrJoin(parts, ", ");
}

class GraphMatchTest : public ApiTest {
 protected:
  static ModelPattern AnyPattern(ModelGraph* random, uint32_t vertices, uint32_t edges) {
    ModelPattern made;
    for (uint32_t i = 0; i < vertices; ++i) {
      PatternVertex& vertex = made.pattern.vertices.emplace_back();
      vertex.name = absl::StrCat("v", i);
      const bool is_known = random->Random(9) == 0;
      if (is_known) vertex.ids.push_back(random->Any());
      if (random->Random(5) == 0) vertex.labels.push_back({"X"});
      if (random->Random(6) == 0) vertex.labels.push_back({"Y", "Z"});
      made.p_least.emplace_back();
      made.p_missing.push_back(!is_known && random->Random(12) == 0);
      if (made.p_missing[i]) vertex.filter = R"({"p":null})";
      if (is_known || made.p_missing[i] || random->Random(5) != 0) continue;
      made.p_least[i] = static_cast<int>(random->Random(3));
      vertex.filter = absl::StrCat(R"({"p":{"$gte":)", *made.p_least[i], "}}");
    }
    for (uint32_t i = 0; i < edges; ++i) {
      PatternEdge& edge = made.pattern.edges.emplace_back();
      edge.from = random->Random(vertices);
      edge.to = random->Random(vertices);
      edge.direction = static_cast<Direction>(1 + random->Random(3));
      if (random->Random(3) == 0) edge.types.push_back("A");
      if (random->Random(3) == 0) edge.types.push_back("B");
      if (random->Random(4) == 0) {
        edge.hops_min = random->Random(3);
        edge.hops_max = std::max(1u, edge.hops_min + random->Random(2));
      }
      made.q_not.emplace_back();
      if (random->Random(3) != 0) continue;
      made.q_not[i] = static_cast<int>(random->Random(3));
      edge.filter = absl::StrCat(R"({"q":{"$ne":)", *made.q_not[i], "}}");
    }
    return made;
  }

  void Check(const GraphReader& g, const Model& model, const ModelPattern& p) {
    const std::string text = TextOf(p.pattern);
    SCOPED_TRACE(text);
    const Rows expected = Enumeration(model, p).All();
    rows_seen_ += expected.size();
    absl::StatusOr<MatchCursor> by_struct = Match(g, p.pattern);
    ASSERT_TRUE(by_struct.ok()) << by_struct.status();
    SCOPED_TRACE(by_struct->Explain());
    EXPECT_EQ(RowsOf(*std::move(by_struct)), expected);
    absl::StatusOr<MatchCursor> by_text = Match(g, text);
    ASSERT_TRUE(by_text.ok()) << by_text.status();
    EXPECT_EQ(RowsOf(*std::move(by_text)), expected);
  }
  uint64_t rows_seen_ = 0;
};

TEST_F(GraphMatchTest, AgreesWithEnumeration) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    const std::string name = absl::StrCat("g", seed);
    WriteTransaction txn = Begin(Durability::kNone);
    ModelGraph graph(*txn.graph(name), seed);
    graph.Fill(2 + graph.Random(5), 3 + graph.Random(9));
    for (int i = 0; i < 5; ++i) {
      const uint32_t vertices = 1 + graph.Random(4);
      Check(graph.graph(), graph.model(), AnyPattern(&graph, vertices, graph.Random(4)));
    }
    ASSERT_TRUE(txn.Commit().ok());
    const Model before = graph.model();
    const ReadTransaction read = db_->BeginRead();
    WriteTransaction beside = Begin(Durability::kNone);
    Graph changed = *beside.graph(name);
    for (const auto& [v, vertex] : before.vertices)
      EXPECT_TRUE(v % 2 != 0 || *changed.DeleteVertex(v));
    for (int i = 0; i < 5; ++i)
      Check(*read.graph(name), before,
            AnyPattern(&graph, 1 + graph.Random(4), graph.Random(4)));
    if (HasFailure()) return;
  }
  EXPECT_GT(rows_seen_, 20000u);
}

TEST_F(GraphMatchTest, AgreesWhereListsAreInBlocks) {
  WriteTransaction txn = Begin(Durability::kNone);
  ModelGraph graph(*txn.graph("g"), 7);
  graph.Fill(30, 20);
  constexpr VertexId kHub = VertexId{1} << 50;
  graph.AddVertex(kHub);
  graph.AddVertex(kHub + 1);
  for (int i = 0; i < 1200; ++i) graph.AddEdge(kHub, i % 9 == 0 ? graph.Any() : kHub + 1);
  for (int i = 0; i < 600; ++i) graph.AddEdge(i % 2 == 0 ? graph.Any() : kHub, kHub);
  ModelPattern p;
  p.pattern.vertices = {{.name = "v0", .ids = {kHub}}, {.name = "v1", .labels = {{"X"}}}};
  p.p_least.resize(2);
  p.p_missing.resize(2);
  p.pattern.edges = {{.from = 0, .to = 1, .types = {"A"}}};
  p.q_not.resize(1);
  Check(graph.graph(), graph.model(), p);  // along
  p.pattern.edges.push_back({.from = 1, .to = 0, .filter = R"({"q":{"$ne":1}})"});
  p.q_not = {std::nullopt, 1};
  Check(graph.graph(), graph.model(), p);  // and back
  for (const Direction direction : {Direction::kOut, Direction::kIn, Direction::kBoth}) {
    p.pattern.edges[1] = {.from = 0, .to = 1, .direction = direction};
    p.q_not[1].reset();
    Check(graph.graph(), graph.model(), p);  // looked up from the other end
    p.pattern.vertices[1] = {.name = "v1"};  // the hub's own loops, too
    if (direction == Direction::kIn) Check(graph.graph(), graph.model(), p);
    p.pattern.vertices[1] = {.name = "v1", .labels = {{"X"}}};
  }
  p.pattern.vertices[1] = {.name = "v1", .ids = {kHub + 1, kHub + 2}};
  p.pattern.edges = {{.from = 1, .to = 0, .direction = Direction::kIn, .types = {"B"}}};
  p.q_not.resize(1);
  Check(graph.graph(), graph.model(), p);
  p.pattern.vertices = {{.name = "v0", .ids = {kHub}}};
  p.p_least.resize(1);
  p.p_missing.resize(1);
  p.pattern.edges = {{.from = 0, .to = 0, .direction = Direction::kBoth}};
  Check(graph.graph(), graph.model(), p);  // loops
}

// Edges between the same two vertices in more than one block, looked up.
TEST_F(GraphMatchTest, LooksUpInSeveralBlocks) {
  constexpr VertexId kEdges = 5000;
  WriteTransaction txn = Begin(Durability::kNone);
  Graph g = *txn.graph("g");
  for (VertexId v = 0; v < 10; ++v) ASSERT_TRUE(g.AddVertexAs(v, {}).ok());
  for (VertexId i = 0; i < kEdges; ++i) ASSERT_TRUE(g.AddEdge(4, "B", 5).ok());
  for (VertexId v = 0; v < 10; ++v) ASSERT_TRUE(g.AddEdge(4, "B", v).ok());
  ASSERT_TRUE(g.AddEdge(4, "A", 5).ok());
  for (const char* pattern :
       {"({_id:4})-[:A]->(b), ({_id:4})-[:B]->(b)", "(a {_id:4})-[:A]->(b)<-[:B]-(a)",
        "(a)-[:A]->(b {_id:5})-[:B]-(a)"}) {
    MatchCursor c = *Match(g, pattern);
    VertexId rows = 0;
    std::set<uint32_t> ordinals;
    while (c.Next()) {
      ++rows;
      ordinals.insert((*c.EdgesAt(1))[0].ordinal);
    }
    EXPECT_TRUE(c.status().ok()) << c.status();
    EXPECT_EQ(rows, kEdges + 1) << pattern << "\n" << c.Explain();
    EXPECT_EQ(ordinals.size(), kEdges + 1);
  }
}

// --- People

class GraphMatchPeopleTest : public ApiTest {
 protected:
  void SetUp() override {
    WriteTransaction txn = Begin();
    Graph g = *txn.graph("people");
    ann_ = *g.AddVertex({"Person"}, R"({"name":"Ann","age":31})");
    bob_ = *g.AddVertex({"Person", "Admin"}, R"({"name":"Bob","age":25})");
    tom_ = *g.AddVertex({"Cat"}, R"({"name":"Tom"})");
    for (int i = 0; i < 50; ++i) others_.push_back(*g.AddVertex({"Person"}));
    for (const VertexId other : others_)
      ASSERT_TRUE(g.AddEdge(other, "KNOWS", bob_).ok());
    ASSERT_TRUE(g.AddEdge(ann_, "KNOWS", bob_, 1, R"({"since":2010})").ok());
    ASSERT_TRUE(g.AddEdge(bob_, "OWNS", tom_).ok());
    ASSERT_TRUE(txn.Commit().ok());
    read_.emplace(db_->BeginRead());
    graph_ = *read_->graph("people");
  }
  void TearDown() override { read_.reset(); }

  size_t Count(std::string_view pattern) {
    absl::StatusOr<MatchCursor> cursor = Match(graph_, pattern);
    EXPECT_TRUE(cursor.ok()) << cursor.status();
    return cursor.ok() ? RowsOf(*std::move(cursor)).size() : 0;
  }
  std::string Error(std::string_view pattern, const MatchOptions& options = {}) {
    absl::StatusOr<MatchCursor> cursor = Match(graph_, pattern, options);
    if (!cursor.ok()) return std::string(cursor.status().message());
    while (cursor->Next()) continue;
    return std::string(cursor->status().message());
  }
  VertexId ann_ = 0, bob_ = 0, tom_ = 0;
  std::vector<VertexId> others_;
  std::optional<ReadTransaction> read_;
  GraphReader graph_;
};

TEST_F(GraphMatchPeopleTest, FindsByName) {
  MatchCursor c = *Match(
      graph_, "(a:Person {name: 'Ann'})-[k:KNOWS {since: 2010}]->(b)-[o:OWNS]->(c:Cat)");
  ASSERT_TRUE(c.Next()) << c.status();
  EXPECT_EQ(*c.vertex("a"), ann_);
  EXPECT_EQ(*c.vertex("b"), bob_);
  EXPECT_EQ(*c.vertex("c"), tom_);
  EXPECT_EQ(*c.edges("k"), (std::vector<EdgeId>{{ann_, "KNOWS", bob_, 0}}));
  EXPECT_EQ(*c.edges("o"), (std::vector<EdgeId>{{bob_, "OWNS", tom_, 0}}));
  EXPECT_EQ(c.vertex("k").status().message(), "the pattern has no vertex k");
  EXPECT_EQ(c.edges("a").status().message(), "the pattern has no edge a");
  EXPECT_FALSE(c.vertex("").ok());
  EXPECT_FALSE(c.Next());
  EXPECT_TRUE(c.status().ok() && c.complete());
  EXPECT_FALSE(c.Next());
}

TEST_F(GraphMatchPeopleTest, Conditions) {
  EXPECT_EQ(Count("(a)"), 53u);
  EXPECT_EQ(Count("(:Person)"), 52u);
  EXPECT_EQ(Count("(:Person:Admin)"), 1u);
  EXPECT_EQ(Count("(:Person&Admin)"), 1u);
  EXPECT_EQ(Count("(:Admin|Cat)"), 2u);
  EXPECT_EQ(Count("(:Unheard)"), 0u);
  EXPECT_EQ(Count("(a)-[:UNHEARD]->(b)"), 0u);
  EXPECT_EQ(Count(R"((a {"age": {"$gt": 30}}))"), 1u);
  EXPECT_EQ(Count("(a {age: {$exists: false}})"), 51u);
  EXPECT_EQ(Count(absl::StrCat("(a {_id: ", bob_, "})<-[]-(b)")), 51u);
  EXPECT_EQ(Count(absl::StrCat("({_id: ", bob_, ", age: 26})")), 0u);
  EXPECT_EQ(Count(absl::StrCat("({_id: {$in: [", bob_, ",", tom_, "]}})")), 2u);
  EXPECT_EQ(Count("({_id: 99999})"), 0u);
  EXPECT_EQ(Count("(a)-->(b)-->(c)"), 51u);
  EXPECT_EQ(Count("(a)-[*2]->(c)"), 51u);
  EXPECT_EQ(Count("(a)-[p*1..2]->(:Cat)"), 52u);
  EXPECT_EQ(Count("(a)-[*0..1]->(:Cat)"), 2u);
  EXPECT_EQ(Count("(a:Cat)--(b), (c:Admin)"), 1u);
  EXPECT_EQ(Count("(a:Cat), (b:Cat), (c:Admin|Cat)"), 2u);
}

TEST_F(GraphMatchPeopleTest, BeginsWhereThereAreFewest) {
  EXPECT_EQ(Match(graph_, "(a:Person)-[:OWNS]->(c:Cat)")->Explain(),
            "(c) by the index _labels, about 1\n(c) to (a) along [:OWNS] backwards\n");
  const std::string by_id =
      Match(graph_, absl::StrCat("(a)-[k]->(b:Cat)<--({_id:", bob_, "}), (a)--(b)"))
          ->Explain();
  EXPECT_EQ(by_id.substr(0, 8), "(b) by t") << by_id;
  EXPECT_NE(by_id.find("look up []"), std::string::npos) << by_id;
  EXPECT_EQ(Match(graph_, "(a)-[*1..2]->(b), (a)-->(b)")->Explain(),
            "(a) of all vertices, about 53\n(a) to (b) along []\n"
            "(a) to (b) paths between, by [*1..2]\n");
  read_.reset();
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("people");
  IndexDefinition by_name;
  by_name.name = "by_name";
  by_name.fields = {{"name"}};
  ASSERT_TRUE(g.CreateVertexIndex(by_name).ok());
  EXPECT_EQ(Match(g, "(a:Person {name: 'Ann'})-->(b)")->Explain(),
            "(a) by the index by_name, about 1\n(a) to (b) along []\n");
}

TEST_F(GraphMatchPeopleTest, Bounds) {
  for (const uint64_t limit : {uint64_t{0}, uint64_t{5}, uint64_t{52}, uint64_t{53}}) {
    MatchCursor c = *Match(graph_, "(a)-->(b)", {.limit = limit});
    uint64_t rows = 0;
    while (c.Next()) ++rows;
    EXPECT_TRUE(c.status().ok());
    EXPECT_EQ(rows, std::min<uint64_t>(limit, 52));
    EXPECT_EQ(c.complete(), limit > 52);
    EXPECT_FALSE(c.Next());
  }
  EXPECT_EQ(Error("(a)-->(b)", {.rows_max = 52}), "");
  EXPECT_EQ(Error("(a)-->(b)", {.rows_max = 51}),
            "people: more than 51 matches; rows_max");
  EXPECT_EQ(Error("(a)-->(b)", {.work_max = 52}), "");
  EXPECT_EQ(Error("(a)-->(b)", {.work_max = 51}),
            "people: the match looks at more than 51 edges; work_max");
  EXPECT_NE(Error("(b:Admin)<--(a)", {.memory_bytes_max = 100}).find("memory"),
            std::string::npos);
  Progress late;
  late.deadline = absl::InfinitePast();
  EXPECT_EQ(Error("(a)-->(b)", {.progress = late}),
            "people: the match was not done in time");
  Progress cancelled;
  cancelled.report = [](const Progress::State&) { return false; };
  EXPECT_EQ(Error("(a)-->(b)", {.progress = cancelled}),
            "people: the match was cancelled");
  int heard = 0;
  Progress second;
  second.report = [&](const Progress::State&) { return ++heard < 3; };
  EXPECT_EQ(Error("(a)-->(b)<--(c), (d), (e), (f)", {.progress = second}),
            "people: the match was cancelled");
}

TEST_F(GraphMatchPeopleTest, Refusals) {
  EXPECT_EQ(Error("(a)-[*]->(b)"),
            "pattern, byte 5: a path needs a greatest length: write *1..N");
  const auto check = [&](const GraphPattern& pattern) {
    return std::string(Match(graph_, pattern).status().message());
  };
  EXPECT_EQ(check({}), "pattern: it has no vertices");
  EXPECT_EQ(check({.vertices = {{.name = "a"}, {.name = "a"}}, .edges = {}}),
            "pattern: two parts are called a");
  EXPECT_EQ(check({.vertices = {{}}, .edges = {{.from = 0, .to = 1}}}),
            "pattern: an edge from vertex 0 to 1 of 1");
  EXPECT_EQ(check({.vertices = {{}}, .edges = {{.hops_min = 2, .hops_max = 1}}}),
            "pattern: a path of 2 to 1 edges; at most 64");
  EXPECT_EQ(check({.vertices = {{.labels = {{}}}}, .edges = {}}),
            "pattern: one of no labels");
  EXPECT_NE(check({.vertices = {{.filter = R"({"a":{"$x":1}})"}}, .edges = {}}), "");
  EXPECT_EQ(Match(GraphReader(), "(a)").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(GraphMatchPeopleTest, CursorsEndWithTheirTransaction) {
  MatchCursor c = *Match(graph_, "(a)-->(b)");
  EXPECT_TRUE(c.Next());
  read_->End();
  EXPECT_FALSE(c.Next());
  EXPECT_EQ(c.status().code(), absl::StatusCode::kFailedPrecondition);
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("people");
  const Savepoint before = *txn.SetSavepoint();
  MatchCursor changing = *Match(g, "(a:Person)-[k:KNOWS]->(b)");
  while (changing.Next()) EXPECT_TRUE(*g.DeleteEdge((*changing.edges("k"))[0]));
  EXPECT_TRUE(changing.status().ok()) << changing.status();
  MatchCursor gone = *Match(g, "(a)");
  EXPECT_TRUE(gone.Next());
  ASSERT_TRUE(txn.RollbackTo(before).ok());
  EXPECT_FALSE(gone.Next());
  EXPECT_EQ(gone.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace sheaf::test
