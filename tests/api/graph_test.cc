// Graph and GraphReader: what each call does, refuses and leaves alone.
#include "sheaf/graph.h"

#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "sheaf/centrality.h"
#include "sheaf/graph_loader.h"
#include "sheaf/where.h"
#include "tests/api/api_fixture.h"

namespace sheaf {
namespace {

using Labels = std::vector<std::string>;
using Ids = std::vector<VertexId>;

class GraphTest : public test::ApiTest {
 protected:
  // People and who knows whom, committed.
  void Fill() {
    WriteTransaction txn = Begin();
    Graph g = *txn.graph("people");
    ann_ = *g.AddVertex({"Person"}, R"({"name":"Ann","age":31})");
    bob_ = *g.AddVertex({"Person", "Admin"}, R"({"name":"Bob","age":25})");
    cat_ = *g.AddVertex({"Cat"}, R"({"name":"Tom"})");
    bare_ = *g.AddVertex({});
    knows_ = *g.AddEdge(ann_, "KNOWS", bob_, 0.5, R"({"since":2010})");
    ASSERT_TRUE(g.AddEdge(bob_, "KNOWS", ann_).ok());
    ASSERT_TRUE(g.AddEdge(ann_, "OWNS", cat_).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  void ExpectClean() {
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }
  VertexId ann_ = 0, bob_ = 0, cat_ = 0, bare_ = 0;
  EdgeId knows_;
};

TEST_F(GraphTest, ReadsWhatWasWritten) {
  Fill();
  Reopen();
  const ReadTransaction read = db_->BeginRead();
  const GraphReader g = *read.graph("people");
  EXPECT_EQ(g.name(), "people");
  EXPECT_EQ(*g.vertex_count(), 4u);
  EXPECT_EQ(*g.edge_count(), 3u);
  const Vertex bob = *g.Get(bob_);
  EXPECT_EQ(bob.labels, (Labels{"Person", "Admin"}));
  EXPECT_EQ(bob.properties, R"({"name":"Bob","age":25})");
  EXPECT_EQ(g.Get(bare_)->properties, "{}");
  EXPECT_EQ(g.Get(bare_)->labels, Labels());
  EXPECT_FALSE(g.Find(99)->has_value());
  EXPECT_EQ(g.Get(99).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(g.Get(99).status().message(), "people: no vertex 99");
  EXPECT_TRUE(*g.Contains(cat_));
  const Edge edge = *g.GetEdge(knows_);
  EXPECT_EQ(edge.id, knows_);
  EXPECT_EQ(edge.weight, 0.5);
  EXPECT_EQ(edge.properties, R"({"since":2010})");
  EXPECT_EQ(g.GetEdge({bob_, "KNOWS", ann_, 0})->properties, "{}");
  EXPECT_FALSE(g.FindEdge({bob_, "LIKES", ann_, 0})->has_value());
  EXPECT_FALSE(g.FindEdge({bob_, "KNOWS", ann_, 1})->has_value());
  EXPECT_FALSE(g.FindEdge({77, "KNOWS", ann_, 1})->has_value());
  const std::vector<NameCount> types = *g.EdgeTypes();
  ASSERT_EQ(types.size(), 2u);
  EXPECT_EQ(types[0].name, "KNOWS");
  EXPECT_EQ(types[0].count, 2u);
  const std::vector<NameCount> labels = *g.Labels();
  ASSERT_EQ(labels.size(), 3u);
  EXPECT_EQ(labels[2].name, "Person");
  EXPECT_EQ(labels[2].count, 2u);
  const std::vector<TreeInfo> trees = *read.List();
  ASSERT_EQ(trees.size(), 1u);
  EXPECT_EQ(trees[0].kind, TreeKind::kGraph);
  EXPECT_EQ(trees[0].entry_count, 4u);
  EXPECT_EQ(read.Measure("people")->entries, 4u);
  EXPECT_EQ(read.table("people").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(read.graph("none").status().code(), absl::StatusCode::kNotFound);
  ExpectClean();
}

TEST_F(GraphTest, NeighborsByDirectionTypeAndFilter) {
  Fill();
  const ReadTransaction read = db_->BeginRead();
  const GraphReader g = *read.graph("people");
  EXPECT_EQ(*g.Neighbors(ann_), (Ids{bob_, cat_}));
  EXPECT_EQ(*g.Neighbors(ann_, {.types = {"OWNS"}}), (Ids{cat_}));
  EXPECT_EQ(*g.Neighbors(ann_, {.types = {"OWNS", "KNOWS"}}), (Ids{bob_, cat_}));
  EXPECT_EQ(*g.Neighbors(ann_, {.types = {"EATS"}}), Ids());
  EXPECT_EQ(*g.Neighbors(ann_, {.direction = Direction::kIn}), (Ids{bob_}));
  EXPECT_EQ(*g.Neighbors(ann_, {.direction = Direction::kBoth}), (Ids{bob_, cat_, bob_}));
  EXPECT_EQ(*g.Neighbors(ann_, {.filter = R"({"since":{"$gt":2000}})"}), (Ids{bob_}));
  EXPECT_EQ(*g.Neighbors(ann_, {.filter = R"({"since":{"$exists":false}})"}),
            (Ids{cat_}));
  EXPECT_EQ(*g.Degree(ann_), 2u);
  EXPECT_EQ(*g.Degree(ann_, {.direction = Direction::kBoth, .types = {"KNOWS"}}), 2u);
  EXPECT_EQ(*g.Degree(ann_, {.filter = R"({"since":2010})"}), 1u);
  std::vector<EdgeId> seen;
  ASSERT_TRUE(
      g.ForEachEdge(bob_, {.direction = Direction::kBoth}, [&](const EdgeView& edge) {
         EXPECT_EQ(edge.vertex, bob_);
         EXPECT_EQ(edge.neighbour, ann_);
         seen.push_back(edge.id());
         return true;
       }).ok());
  EXPECT_EQ(seen, (std::vector<EdgeId>{{bob_, "KNOWS", ann_, 0}, knows_}));
  seen.clear();
  EXPECT_TRUE(g.ForEachEdge(ann_, {}, [&](const EdgeView& edge) {
                 seen.push_back(edge.id());
                 return false;
               }).ok());
  EXPECT_EQ(seen.size(), 1u);
  EXPECT_EQ(g.Neighbors(99).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(g.Degree(99).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(g.Neighbors(ann_, {.filter = R"({"a":{"$gtx":1}})"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(GraphTest, NeighborsOfManyAreThoseOfEach) {
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("g");
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(g.AddVertex({}).ok());
  for (VertexId from = 0; from < 200; from += 3)
    for (VertexId k = 1; k <= from % 11; ++k)
      ASSERT_TRUE(g.AddEdge(from, k % 2 == 0 ? "A" : "B", from * k % 200, 1,
                            k % 5 == 0 ? R"({"p":1})" : "{}")
                      .ok());
  for (VertexId to = 0; to < 200; ++to)
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(g.AddEdge(5, "HUB", to).ok());
  Ids vertices = {5, 5, 1000, 7};
  for (VertexId id = 200; id-- > 0;) vertices.push_back(id);
  const auto expect_same = [&](const GraphReader& graph) {
    for (const EdgeSelection& selection :
         {EdgeSelection{}, EdgeSelection{.direction = Direction::kBoth, .types = {"A"}},
          EdgeSelection{.direction = Direction::kIn, .filter = R"({"p":1})"}}) {
      std::vector<Ids> all(vertices.size());
      ASSERT_TRUE(graph
                      .ForEachNeighbors(
                          vertices,
                          [&](size_t i, absl::Span<const VertexId> some) {
                            all[i].insert(all[i].end(), some.begin(), some.end());
                            return true;
                          },
                          selection)
                      .ok());
      for (size_t i = 0; i < vertices.size(); ++i)
        EXPECT_EQ(all[i],
                  vertices[i] == 1000 ? Ids() : *graph.Neighbors(vertices[i], selection))
            << vertices[i];
    }
  };
  expect_same(g);
  ASSERT_TRUE(txn.Commit().ok());
  Reopen();
  const ReadTransaction read = db_->BeginRead();
  const GraphReader graph = *read.graph("g");
  expect_same(graph);
  int calls = 0;
  const auto once = [&](size_t, absl::Span<const VertexId>) { return ++calls > 3; };
  EXPECT_TRUE(graph.ForEachNeighbors(vertices, once).ok());
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(graph.ForEachNeighbors(vertices, once, {.filter = "{}"}).ok());
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(absl::IsInvalidArgument(
      graph.ForEachNeighbors(vertices, once, {.filter = R"({"a":{"$gtx":1}})"})));
}

TEST_F(GraphTest, IndexesAreBuiltBesideWriters) {
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) -> absl::Status {
                   SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
                   GraphLoader loader(g);
                   for (VertexId id = 0; id < 40'000; ++id)
                     SHEAF_RETURN_IF_ERROR(loader.AddVertex(
                         id, {"N"}, absl::StrCat("{\"n\":", id, ",\"m\":", id % 7, "}")));
                   for (VertexId id = 0; id < 20'000; ++id)
                     SHEAF_RETURN_IF_ERROR(loader.AddEdge(
                         id, "E", id + 1, 1, absl::StrCat("{\"w\":", id % 9, "}")));
                   return loader.Finish();
                 })
                  .ok());
  const IndexDefinition n = *IndexDefinition::Parse(
      R"({"fields":{"n":1},"unique":true,"filter":{"_labels":"N"}})");
  const IndexDefinition w = *IndexDefinition::Parse(R"({"name":"w","fields":{"w":1}})");
  VertexId round = 0;
  const auto change = [&](const Progress::State&) {
    ++round;
    const absl::Status written = db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
      const VertexId last = 40'000 - round;
      SHEAF_RETURN_IF_ERROR(g.DeleteVertex(last).status());
      SHEAF_RETURN_IF_ERROR(g.UpdateProperties(round, R"({"$inc":{"n":100000}})"));
      SHEAF_RETURN_IF_ERROR(
          g.UpdateEdgeProperties({round, "E", round + 1, 0}, R"({"$set":{"w":99}})"));
      return g.AddVertex({"N"}, absl::StrCat("{\"n\":", 200'000 + round, "}")).status();
    });
    EXPECT_TRUE(written.ok()) << written;
    return true;
  };
  ASSERT_TRUE(db_->CreateVertexIndex("g", n, {.report = change}).ok());
  const VertexId of_vertices = round;
  EXPECT_GT(of_vertices, 3u);
  ASSERT_TRUE(db_->CreateEdgeIndex("g", w, {.report = change}).ok());
  EXPECT_GT(round, of_vertices);
  {
    const ReadTransaction read = db_->BeginRead();
    const CollectionReader vertices = *read.graph("g")->vertices();
    EXPECT_EQ(vertices.Indexes()->back().state, IndexState::kReady);
    EXPECT_EQ(*vertices.Count(R"({"n":{"$gte":100000},"_labels":"N"})"), 2 * round);
    EXPECT_EQ(vertices.FindUnique(n.name.empty() ? "n" : n.name, {int64_t{200'001}})
                  ->has_value(),
              true);
    EXPECT_EQ(*read.graph("g")->edges()->Count(R"({"w":99})", {.index = "w"}), round);
  }
  ExpectClean();
  // Refused, cancelled, or gone: nothing stays.
  IndexDefinition m = *IndexDefinition::Parse(R"({"name":"m","fields":{"m":1}})");
  m.unique = true;
  EXPECT_TRUE(absl::IsAlreadyExists(db_->CreateVertexIndex("g", m)));
  m.unique = false;
  const auto cancel = [](const Progress::State&) { return false; };
  EXPECT_TRUE(absl::IsCancelled(db_->CreateVertexIndex("g", m, {.report = cancel})));
  EXPECT_TRUE(absl::IsAlreadyExists(db_->CreateVertexIndex(
      "g", *IndexDefinition::Parse(R"({"name":"_labels","fields":{"m":1}})"))));
  EXPECT_EQ(db_->BeginRead().graph("g")->vertices()->Indexes()->size(), 2u);
  const auto drop = [&](const Progress::State&) {
    EXPECT_TRUE(db_->Write([](WriteTransaction& txn) { return txn.Drop("g"); }).ok());
    return true;
  };
  const absl::Status gone = db_->CreateVertexIndex("g", m, {.report = drop});
  EXPECT_EQ(gone.message(), "g: the graph was dropped while the index was built");
  ASSERT_TRUE(db_->CreateEdgeIndex("new", w).ok());  // makes it
  EXPECT_EQ(*db_->BeginRead().graph("new")->vertex_count(), 0u);
  EXPECT_TRUE(
      db_->Write([](WriteTransaction& txn) { return txn.table("t").status(); }).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->CreateVertexIndex("t", m)));
  ExpectClean();
}

TEST_F(GraphTest, ChangesLabelsAndProperties) {
  Fill();
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("people");
  EXPECT_TRUE(g.AddLabel(ann_, "Admin").ok());
  EXPECT_TRUE(g.AddLabel(ann_, "Admin").ok());
  EXPECT_EQ(g.Get(ann_)->labels, (Labels{"Person", "Admin"}));
  EXPECT_TRUE(*g.RemoveLabel(ann_, "Person"));
  EXPECT_FALSE(*g.RemoveLabel(ann_, "Person"));
  EXPECT_FALSE(*g.RemoveLabel(ann_, "Unheard"));
  EXPECT_EQ(g.Get(ann_)->labels, (Labels{"Admin"}));
  EXPECT_EQ(g.Get(ann_)->properties, R"({"name":"Ann","age":31})");
  EXPECT_TRUE(g.UpdateProperties(ann_, R"({"$inc":{"age":1},"$set":{"x.y":2}})").ok());
  EXPECT_EQ(g.Get(ann_)->properties, R"({"name":"Ann","age":32,"x":{"y":2}})");
  EXPECT_TRUE(g.SetProperties(ann_, R"({"nick":"A"})").ok());
  EXPECT_EQ(g.Get(ann_)->properties, R"({"nick":"A"})");
  EXPECT_EQ(g.Get(ann_)->labels, (Labels{"Admin"}));
  EXPECT_TRUE(g.SetLabels(ann_, {}).ok());
  EXPECT_EQ(g.Get(ann_)->labels, Labels());
  EXPECT_TRUE(g.SetProperties(ann_, "{}").ok());
  EXPECT_EQ(*g.vertices()->Count("{}"), 2u);  // of no labels and no properties: none
  EXPECT_TRUE(g.UpdateProperties(bare_, R"({"$set":{"a":1}})").ok());
  EXPECT_EQ(g.Get(bare_)->properties, R"({"a":1})");
  EXPECT_TRUE(g.UpdateProperties(bare_, R"({"$unset":{"a":1}})").ok());
  EXPECT_EQ(*g.vertices()->Count("{}"), 2u);

  EXPECT_TRUE(g.SetWeight(knows_, 3).ok());
  EXPECT_TRUE(g.UpdateEdgeProperties(knows_, R"({"$set":{"how":"work"}})").ok());
  EXPECT_EQ(g.GetEdge(knows_)->weight, 3);
  EXPECT_EQ(g.GetEdge(knows_)->properties, R"({"since":2010,"how":"work"})");
  EXPECT_TRUE(g.SetEdgeProperties(knows_, "{}").ok());
  EXPECT_EQ(g.GetEdge(knows_)->properties, "{}");
  EXPECT_EQ(*g.edges()->Count("{}"), 0u);
  EXPECT_TRUE(g.UpdateEdgeProperties(knows_, R"({"$set":{"how":"old"}})").ok());
  EXPECT_EQ(g.GetEdge(knows_)->properties, R"({"how":"old"})");
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(GraphTest, DeletesEdgesWithTheirVertex) {
  Fill();
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("people");
  EXPECT_TRUE(*g.DeleteVertex(bob_));
  EXPECT_FALSE(*g.DeleteVertex(bob_));
  EXPECT_EQ(*g.edge_count(), 1u);
  EXPECT_EQ(*g.Neighbors(ann_), (Ids{cat_}));
  EXPECT_EQ(*g.edges()->Count("{}"), 0u);
  EXPECT_EQ(*g.vertices()->Count("{}"), 2u);
  // To a vertex that this transaction has deleted.
  const absl::Status gone = g.AddEdge(ann_, "KNOWS", bob_).status();
  EXPECT_EQ(gone.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(gone.message(), absl::StrCat("people: no vertex ", bob_));
  EXPECT_TRUE(*g.DeleteEdge({ann_, "OWNS", cat_, 0}));
  EXPECT_FALSE(*g.DeleteEdge({ann_, "OWNS", cat_, 0}));
  // Ids are not given out again.
  EXPECT_GT(*g.AddVertex({}), bare_);
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(GraphTest, ParallelEdgesAndLoops) {
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("g");
  const VertexId a = *g.AddVertex({}), b = *g.AddVertex({});
  EXPECT_EQ(g.AddEdge(a, "T", b)->ordinal, 0u);
  EXPECT_EQ(g.AddEdge(a, "T", b, 2, R"({"n":1})")->ordinal, 1u);
  EXPECT_EQ(g.AddEdge(a, "U", b)->ordinal, 0u);
  EXPECT_EQ(g.AddEdge(a, "T", a)->ordinal, 0u);
  EXPECT_EQ(*g.Neighbors(a, {.types = {"T"}}), (Ids{a, b, b}));
  EXPECT_EQ(*g.Degree(a, {.direction = Direction::kBoth}), 5u);
  EXPECT_TRUE(*g.DeleteEdge({a, "T", b, 0}));
  EXPECT_EQ(g.GetEdge({a, "T", b, 1})->properties, R"({"n":1})");
  EXPECT_EQ(g.AddEdge(a, "T", b)->ordinal, 2u);
  EXPECT_TRUE(*g.DeleteVertex(a));
  EXPECT_EQ(*g.edge_count(), 0u);
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(GraphTest, RefusesAndChangesNothing) {
  Fill();
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("people");
  IndexDefinition unique;
  unique.name = "name";
  unique.fields = {{"name"}};
  unique.unique = true;
  unique.filter = R"({"_labels":"Person"})";
  ASSERT_TRUE(g.CreateVertexIndex(unique).ok());
  unique.name = "since";
  unique.fields = {{"since"}};
  unique.filter = "{}";
  ASSERT_TRUE(g.CreateEdgeIndex(unique).ok());
  const auto code = [](const absl::Status& status) { return status.code(); };
  const auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto kExists = absl::StatusCode::kAlreadyExists;
  const auto kMissing = absl::StatusCode::kNotFound;
  EXPECT_EQ(code(g.AddVertex({"Person"}, R"({"name":"Ann"})").status()), kExists);
  EXPECT_TRUE(g.AddVertex({"Cat"}, R"({"name":"Ann"})").ok());  // not the filter's
  EXPECT_EQ(code(g.AddVertex({"New"}, "[1]").status()), kInvalid);
  EXPECT_EQ(code(g.AddVertex({"New"}, "{").status()), kInvalid);
  EXPECT_EQ(code(g.AddVertex({"New"}, R"({"_labels":["a"]})").status()), kInvalid);
  EXPECT_EQ(code(g.AddVertex({""}).status()), kInvalid);
  EXPECT_EQ(code(g.AddVertex({std::string(65, 'x')}).status()), kInvalid);
  EXPECT_EQ(code(g.AddVertexAs(ann_, {})), kExists);
  EXPECT_EQ(code(g.AddVertexAs(kVertexIdEnd, {})), kInvalid);
  EXPECT_EQ(code(g.SetProperties(bob_, R"({"name":"Ann"})")), kExists);
  EXPECT_EQ(code(g.AddLabel(99, "A")), kMissing);
  EXPECT_EQ(code(g.SetLabels(99, {})), kMissing);
  EXPECT_EQ(code(g.SetProperties(99, "{}")), kMissing);
  EXPECT_EQ(code(g.UpdateProperties(99, R"({"$set":{"a":1}})")), kMissing);
  EXPECT_EQ(code(g.UpdateProperties(ann_, R"({"$set":{"_labels":["X"]}})")), kInvalid);
  EXPECT_EQ(code(g.UpdateProperties(ann_, R"({"$push":{"_labels":"X"}})")), kInvalid);
  EXPECT_EQ(code(g.UpdateProperties(ann_, R"({"$rename":{"_labels":"x"}})")), kInvalid);
  EXPECT_EQ(code(g.AddEdge(ann_, "T", 99).status()), kMissing);
  EXPECT_EQ(code(g.AddEdge(99, "T", ann_).status()), kMissing);
  EXPECT_EQ(code(g.AddEdge(ann_, "", bob_).status()), kInvalid);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(code(g.AddEdge(ann_, "T", bob_, infinity).status()), kInvalid);
  EXPECT_EQ(code(g.AddEdge(ann_, "T", bob_, 1, "7").status()), kInvalid);
  EXPECT_EQ(code(g.AddEdge(ann_, "T", bob_, 1, R"({"_type":"x"})").status()), kInvalid);
  EXPECT_EQ(code(g.AddEdge(ann_, "T", bob_, 1, R"({"since":2010})").status()), kExists);
  EXPECT_EQ(code(g.SetWeight({ann_, "T", bob_, 0}, 2)), kMissing);
  EXPECT_EQ(code(g.SetWeight(knows_, infinity)), kInvalid);
  EXPECT_EQ(code(g.SetEdgeProperties({ann_, "T", bob_, 0}, "{}")), kMissing);
  EXPECT_EQ(code(g.UpdateEdgeProperties(knows_, R"({"$set":{"_type":"x"}})")), kInvalid);
  EXPECT_EQ(code(g.DropVertexIndex("_labels")), kInvalid);
  EXPECT_EQ(code(g.DropVertexIndex("none")), kMissing);
  EXPECT_EQ(*g.vertex_count(), 5u);
  EXPECT_EQ(*g.edge_count(), 3u);
  EXPECT_EQ(g.Labels()->size(), 3u);
  EXPECT_EQ(g.EdgeTypes()->size(), 2u);
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(GraphTest, PropertiesAreCollections) {
  Fill();
  {
    WriteTransaction txn = Begin();
    Graph g = *txn.graph("people");
    IndexDefinition by_age;
    by_age.name = "age";
    by_age.fields = {{"age"}};
    by_age.filter = R"({"_labels":"Person"})";
    ASSERT_TRUE(g.CreateVertexIndex(by_age).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const ReadTransaction read = db_->BeginRead();
  const GraphReader g = *read.graph("people");
  const CollectionReader vertices = *g.vertices();
  DocumentCursor cursor =
      *vertices.Query(Where("_labels") == "Person" && Where("age") < 30);
  ASSERT_TRUE(cursor.Next());
  EXPECT_EQ(cursor.key().number(), static_cast<int64_t>(bob_));
  EXPECT_FALSE(cursor.Next());
  EXPECT_NE(cursor.ExplainJson().find("\"age\""), std::string::npos)
      << cursor.ExplainJson();
  const CollectionReader edges = *g.edges();
  DocumentCursor by_type = *edges.Query(Where("_type") == "KNOWS");
  ASSERT_TRUE(by_type.Next());
  EXPECT_EQ(*g.EdgeOf(by_type.key()), knows_);
  EXPECT_EQ(g.EdgeKey(knows_)->bytes(), by_type.key().bytes());
  EXPECT_FALSE(g.EdgeOf(DocumentKey(7)).ok());
  EXPECT_FALSE(g.EdgeKey({1, "none", 2, 0}).ok());
}

TEST_F(GraphTest, ForEachVertexMayChangeTheGraph) {
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("g");
  for (VertexId id = 0; id < 1000; ++id) ASSERT_TRUE(g.AddVertexAs(id * 3, {}).ok());
  size_t seen = 0;
  ASSERT_TRUE(g.ForEachVertex(300, [&](VertexId id) {
                 EXPECT_TRUE(*g.DeleteVertex(id));
                 ++seen;
                 return true;
               }).ok());
  EXPECT_EQ(seen, 900u);
  EXPECT_EQ(*g.vertex_count(), 100u);
}

TEST_F(GraphTest, ProjectsAndWritesBack) {
  Fill();
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("people");
  const GraphProjection all = *g.Project();
  EXPECT_EQ(all.vertex_count(), 4u);
  EXPECT_EQ(all.edge_count(), 3u);
  EXPECT_EQ(g.Project({.labels = {"Person"}})->edge_count(), 2u);
  EXPECT_EQ(g.Project({.types = {"OWNS"}})->edge_count(), 1u);
  EXPECT_EQ(g.Project({.types = {"NONE"}})->edge_count(), 0u);
  EXPECT_EQ(g.Project({.labels = {"NONE"}})->vertex_count(), 0u);
  const Scores rank = *PageRank(all);
  ASSERT_TRUE(g.WriteBack(all, "rank", absl::MakeConstSpan(rank.scores)).ok());
  DocumentCursor top = *g.vertices()->Query("{}", {.sort = R"({"rank":-1})", .limit = 1});
  ASSERT_TRUE(top.Next());
  EXPECT_EQ(g.WriteBack(all, "_labels", absl::MakeConstSpan(rank.scores)).code(),
            absl::StatusCode::kInvalidArgument);
  const std::vector<uint32_t> few(2);
  EXPECT_EQ(g.WriteBack(all, "x", absl::MakeConstSpan(few)).code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(GraphTest, HandlesEndWithTheirTransactionAndGraph) {
  Fill();
  WriteTransaction txn = Begin();
  Graph g = *txn.graph("people");
  const Savepoint before = *txn.SetSavepoint();
  Graph made = *txn.graph("other");
  EXPECT_TRUE(made.AddVertex({"A"}, R"({"b":1})").ok());
  ASSERT_TRUE(txn.RollbackTo(before).ok());
  EXPECT_EQ(made.AddVertex({}).status().code(), absl::StatusCode::kFailedPrecondition);
  Graph again = *txn.graph("other");
  EXPECT_EQ(*again.AddVertex({"B"}, R"({"c":1})"), 0u);
  EXPECT_EQ(again.Get(0)->properties, R"({"c":1})");
  EXPECT_EQ(again.Labels()->size(), 1u);
  ASSERT_TRUE(txn.Drop("other").ok());
  ASSERT_TRUE(txn.Rename("people", "folk").ok());
  EXPECT_EQ(*txn.graph("folk")->vertex_count(), 4u);
  ASSERT_TRUE(txn.Drop("folk").ok());
  EXPECT_FALSE(g.vertex_count().ok());
  EXPECT_FALSE(g.AddVertex({}).ok());
  EXPECT_EQ(txn.List()->size(), 0u);
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_FALSE(g.Contains(0).ok());
  ExpectClean();
  EXPECT_FALSE(Graph().AddVertex({}).ok());
  EXPECT_FALSE(GraphReader().vertex_count().ok());
}

TEST_F(GraphTest, CompressesProperties) {
  WriteTransaction txn = Begin();
  Compression zstd;
  zstd.kind = CompressionKind::kZstd;
  Graph g = *txn.graph("g", {.compression = zstd});
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(
        g.AddVertex({"A"}, absl::StrCat(R"({"text":")", std::string(300, 'a'), "\"}"))
            .ok());
  ASSERT_TRUE(txn.Commit().ok());
  ReadTransaction read = db_->BeginRead();
  const TreeStats stats = *read.Measure("g");
  EXPECT_LT(stats.stored_bytes, stats.value_bytes / 4);
  EXPECT_EQ(stats.compression.kind, CompressionKind::kZstd);
  EXPECT_EQ(read.List()->at(0).compression.kind, CompressionKind::kZstd);
  read.End();
  WriteTransaction again = Begin();
  ASSERT_TRUE(again.Recompress("g", {}).ok());
  EXPECT_EQ(again.graph("g")->Get(5)->properties.size(), 300u + 11);
  ASSERT_TRUE(again.Commit().ok());
  ExpectClean();
}

}  // namespace
}  // namespace sheaf
