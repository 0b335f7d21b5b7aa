// Vertices and edges that expire: whatever is asked of a graph of which some have, and wait to
// be removed, the answer is that of the same graph without them: look-ups, edges, degrees,
// counts, properties, traversals, paths, patterns, projections and exports. (R10, B37)
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "sheaf/backup.h"
#include "sheaf/graph_lines.h"
#include "sheaf/graph_loader.h"
#include "sheaf/graph_match.h"
#include "sheaf/graph_projection.h"
#include "sheaf/graph_traversal.h"
#include "sheaf/salvage.h"
#include "tests/api/expiry_fixture.h"

namespace sheaf {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);
constexpr VertexId kVertices = 120, kHub = 7;

bool VertexExpires(VertexId v) { return v % 5 == 3; }
bool EdgeExpires(const EdgeId& e) { return (e.from + 3 * e.to + e.ordinal) % 4 == 1; }

class ExpiryGraphTest : public test::ExpiryTest {
 protected:
  // The same in "c", where some expires, and in "r", where that is deleted.
  void Fill() {
    for (const char* name : {"c", "r"}) {
      Write([&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph(name));
        return FillOne(g);
      });
    }
    Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("c"));
      for (VertexId v = 0; v < kVertices; ++v)
        if (VertexExpires(v)) SHEAF_RETURN_IF_ERROR(g.SetExpiry(v, Expiry::After(kHour)));
      for (const EdgeId& edge : edges_)
        if (EdgeExpires(edge))
          SHEAF_RETURN_IF_ERROR(g.SetEdgeExpiry(edge, Expiry::After(kHour)));
      return absl::OkStatus();
    });
    Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("r"));
      for (const EdgeId& edge : edges_)
        if (EdgeExpires(edge)) SHEAF_RETURN_IF_ERROR(g.DeleteEdge(edge).status());
      for (VertexId v = 0; v < kVertices; ++v)
        if (VertexExpires(v)) SHEAF_RETURN_IF_ERROR(g.DeleteVertex(v).status());
      return absl::OkStatus();
    });
  }
  absl::Status FillOne(Graph& g) {
    std::mt19937 random(5);
    edges_.clear();
    for (VertexId v = 0; v < kVertices; ++v) {
      std::vector<std::string_view> labels;
      if (v % 2 == 0) labels.push_back("Even");
      if (v % 3 == 0) labels.push_back("Third");
      SHEAF_RETURN_IF_ERROR(
          g.AddVertexAs(v, labels, v % 4 == 0 ? absl::StrCat(R"({"n":)", v, "}") : "{}"));
    }
    const auto add = [&](VertexId from, const char* type, VertexId to) -> absl::Status {
      const uint64_t n = edges_.size();
      SHEAF_ASSIGN_OR_RETURN(
          const EdgeId edge,
          g.AddEdge(from, type, to, 1.0 + static_cast<double>(n % 9),
                    n % 3 == 0 ? absl::StrCat(R"({"w":)", n % 7, "}") : "{}"));
      edges_.push_back(edge);
      return absl::OkStatus();
    };
    for (int i = 0; i < 500; ++i)
      SHEAF_RETURN_IF_ERROR(
          add(random() % kVertices, i % 3 == 0 ? "A" : "B", random() % kVertices));
    for (int i = 0; i < 3000; ++i)  // lists in blocks
      SHEAF_RETURN_IF_ERROR(add(kHub, "A", random() % kVertices));
    SHEAF_RETURN_IF_ERROR(add(10, "A", 10));
    return add(13, "A", 13);  // a loop of one that expires
  }

  static std::string Text(const EdgeId& e) {
    return absl::StrCat(e.from, "-", e.type, "->", e.to, "#", e.ordinal);
  }
  static std::string Answers(const GraphReader& g) {
    std::string out =
        absl::StrCat("vertices ", *g.vertex_count(), " edges ", *g.edge_count(), "\n");
    const std::vector<NameCount> types = *g.EdgeTypes(), labels = *g.Labels();
    for (const NameCount& type : types)
      absl::StrAppend(&out, type.name, " ", type.count, "\n");
    for (const NameCount& label : labels)
      absl::StrAppend(&out, label.name, " ", label.count, "\n");
    EXPECT_TRUE(g.ForEachVertex(0, [&](VertexId v) {
                   absl::StrAppend(&out, v, " ");
                   return true;
                 }).ok());
    std::vector<VertexId> all;
    for (VertexId v = 0; v < kVertices; ++v) {
      all.push_back(v);
      const auto vertex = g.Find(v);
      absl::StrAppend(&out, "\n", v, *g.Contains(v), vertex->has_value(),
                      g.ExpiresAt(v).ok());
      if (!vertex->has_value()) {
        EXPECT_TRUE(absl::IsNotFound(g.Neighbors(v).status()));
        continue;
      }
      absl::StrAppend(&out, (*vertex)->properties, (*vertex)->labels.size());
      for (const Direction direction :
           {Direction::kOut, Direction::kIn, Direction::kBoth})
        for (const char* type : {"", "A", "B"}) {
          EdgeSelection selection;
          selection.direction = direction;
          if (type[0] != '\0') selection.types = {type};
          absl::StrAppend(&out, " ", *g.Degree(v, selection), ":");
          const std::vector<VertexId> near = *g.Neighbors(v, selection);
          for (const VertexId n : near) absl::StrAppend(&out, n, ",");
          selection.filter = R"({"w": {"$gt": 2}})";
          absl::StrAppend(&out, *g.Degree(v, selection));
        }
      EXPECT_TRUE(g.ForEachEdge(v, {}, [&](const EdgeView& edge) {
                     absl::StrAppend(&out, " ", Text(edge.id()), "=", edge.weight);
                     return true;
                   }).ok());
    }
    std::map<size_t, std::multiset<VertexId>> neighbours;
    EXPECT_TRUE(g.ForEachNeighbors(all, [&](size_t i, absl::Span<const VertexId> some) {
                   neighbours[i].insert(some.begin(), some.end());
                   return true;
                 }).ok());
    for (const auto& [i, some] : neighbours) {
      absl::StrAppend(&out, "\n", i, ": ");
      for (const VertexId v : some) absl::StrAppend(&out, v, " ");
    }
    AddWalks(g, &out);
    return out;
  }
  static void AddWalks(const GraphReader& g, std::string* out) {
    for (const VertexId start : {VertexId{0}, kHub, VertexId{10}, VertexId{13}}) {
      for (const TraversalOrder order :
           {TraversalOrder::kBreadthFirst, TraversalOrder::kDepthFirst}) {
        TraversalOptions options;
        options.order = order;
        options.depth_max = 3;
        options.vertices.labels = {"Even"};
        auto cursor = Traverse(g, start, options);
        if (!cursor.ok()) {
          absl::StrAppend(out, "\nno ", start);
          continue;
        }
        std::set<VertexId> reached;
        while (cursor->Next()) reached.insert(cursor->vertex());
        EXPECT_TRUE(cursor->status().ok());
        absl::StrAppend(out, "\nreach ", start, ":");
        for (const VertexId v : reached) absl::StrAppend(out, " ", v);
      }
      for (const VertexId to : {VertexId{1}, VertexId{3}, VertexId{44}, VertexId{100}}) {
        const auto path = ShortestPath(g, start, to);
        absl::StrAppend(
            out, "\npath ", start, " ", to, " ",
            path.ok() ? path->has_value() ? (*path)->vertices.size() : 0 : 99);
      }
    }
    for (const char* pattern :
         {"(a:Third)-[:A]->(b:Even)-[:B]->(c)", "(a {n: 8})-[e]->(b)",
          "(a)-[e:A {w: 3}]->(b:Third)", "(a:Even {n: 28})<-[:A]-(b)"}) {
      auto match = Match(g, pattern);
      ASSERT_TRUE(match.ok()) << match.status();
      std::multiset<std::string> rows;
      while (match->Next())
        rows.insert(absl::StrCat(match->VertexAt(0), "_", match->VertexAt(1)));
      ASSERT_TRUE(match->status().ok()) << match->status();
      absl::StrAppend(out, "\n", pattern, " ", rows.size());
      for (const std::string& row : rows) absl::StrAppend(out, " ", row);
    }
    for (const auto kind :
         {GraphProjection::Edges::kDirected, GraphProjection::Edges::kUndirected}) {
      ProjectionSelection selection;
      selection.edges = kind;
      const auto projection = g.Project(selection);
      ASSERT_TRUE(projection.ok()) << projection.status();
      absl::StrAppend(out, "\nprojection ", projection->vertex_count(), " ",
                      projection->edge_count());
    }
    for (const char* filter : {"{}", R"({"n": {"$gt": 20}})", R"({"_labels": "Even"})"})
      absl::StrAppend(out, "\n", filter, *g.vertices()->Count(filter));
    for (const char* filter : {R"({"w": 3})", R"({"_type": "A", "w": {"$lt": 3}})"})
      absl::StrAppend(out, "\n", filter, *g.edges()->Count(filter));
    std::ostringstream exported;
    GraphExportCounts counts;
    EXPECT_TRUE(ExportGraph(g, exported, {}, &counts).ok());
    absl::StrAppend(out, "\n", exported.str());
  }
  void ExpectSame() {
    const ReadTransaction read = db_->BeginRead();
    std::string c = Answers(*read.graph("c")), r = Answers(*read.graph("r"));
    // Documents that are empty stand for what expires and has nothing.
    EXPECT_EQ(c, r);
  }
  std::vector<EdgeId> edges_;
};

TEST_F(ExpiryGraphTest, AllAnswersAreThoseWithoutThem) {
  Fill();
  ExpectClean();
  EXPECT_EQ(*db_->BeginRead().graph("c")->vertex_count(), kVertices);
  Advance(kHour - absl::Microseconds(1));
  EXPECT_TRUE(*db_->BeginRead().graph("c")->Contains(13));
  Advance(absl::Microseconds(1));
  ExpectSame();
  EXPECT_EQ(*db_->BeginRead().graph("c")->vertex_count_with_expired(), kVertices);
  EXPECT_EQ(db_->BeginRead().List()->at(0).entry_count, 96u);
  ExpectClean();
  Kill();
  ExpectSame();
  ExpireOptions some;
  some.batch = 50;
  some.records_max = 500;
  EXPECT_EQ(Expire(some).removed[TreeKind::kGraph], 500u);
  ExpectSame();
  ExpectClean();
  EXPECT_GT(Expire().removed_total, 0u);
  ExpectSame();
  EXPECT_EQ(*db_->BeginRead().graph("c")->vertex_count_with_expired(), 96u);
  const std::vector<ExpiryStats> left = *db_->BeginRead().ListExpiring();
  for (const ExpiryStats& stats : left) EXPECT_EQ(stats.expiring, 0u);
  ExpectClean();
}

TEST_F(ExpiryGraphTest, AnOldSnapshotKeepsThem) {
  Fill();
  const ReadTransaction before = db_->BeginRead();
  const std::string answers = Answers(*before.graph("c"));
  Advance(kHour);
  Expire();
  EXPECT_EQ(Answers(*before.graph("c")), answers);
}

TEST_F(ExpiryGraphTest, WritersFindThemGone) {
  Fill();
  Advance(kHour);
  for (const char* name : {"c", "r"}) {
    WriteTransaction txn = Begin();
    const Savepoint savepoint = *txn.SetSavepoint();
    for (int round = 0; round < 2; ++round) {
      Graph g = *txn.graph(name);
      EXPECT_FALSE(*g.Contains(13));
      EXPECT_FALSE(*g.DeleteVertex(13));
      EXPECT_TRUE(absl::IsNotFound(g.AddEdge(0, "A", 13).status()));
      EXPECT_TRUE(absl::IsNotFound(g.SetExpiry(13, Expiry::Never())));
      // A handle of the time before a rollback, too.
      if (round == 0) {
        ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
        EXPECT_FALSE(*g.Contains(13));
      }
      ASSERT_TRUE(g.AddVertexAs(13, {"Even"}, R"({"n":500})").ok());
      ASSERT_TRUE(g.AddEdge(13, "A", 10, 2).ok());
      EXPECT_EQ(*g.ExpiresAt(13), absl::InfiniteFuture());
      if (round == 0) {
        ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
      }
    }
    ASSERT_TRUE(txn.Commit().ok());
  }
  ExpectSame();
  ExpectClean();
}

TEST_F(ExpiryGraphTest, ChangesKeepItAndTouchesRenewIt) {
  std::vector<std::string> told;
  options_.on_expired = [&](const ExpiredRecord& record) {
    EXPECT_EQ(record.name, "g");
    EXPECT_EQ(record.kind, TreeKind::kGraph);
    told.push_back(std::string(record.key));
  };
  Reopen();
  EdgeId edge, sliding;
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
    for (VertexId v = 0; v < 5; ++v) SHEAF_RETURN_IF_ERROR(g.AddVertexAs(v, {}));
    SHEAF_ASSIGN_OR_RETURN(edge, g.AddEdge(0, "T", 1));
    SHEAF_ASSIGN_OR_RETURN(sliding, g.AddEdge(0, "T", 2));
    SHEAF_RETURN_IF_ERROR(g.SetExpiry(3, Expiry::After(kHour)));
    SHEAF_RETURN_IF_ERROR(g.SetExpiry(4, Expiry::Sliding(kHour)));
    SHEAF_RETURN_IF_ERROR(g.SetEdgeExpiry(edge, Expiry::After(kHour)));
    SHEAF_RETURN_IF_ERROR(g.SetEdgeExpiry(sliding, Expiry::Sliding(kHour)));
    EXPECT_TRUE(absl::IsInvalidArgument(g.SetExpiry(3, Expiry::After(-kHour))));
    return absl::OkStatus();
  });
  ExpectClean();
  Advance(kHour / 2);
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
    SHEAF_RETURN_IF_ERROR(g.SetProperties(3, R"({"a":1})"));
    SHEAF_RETURN_IF_ERROR(g.SetProperties(3, "{}"));
    SHEAF_RETURN_IF_ERROR(g.AddLabel(3, "L"));
    SHEAF_RETURN_IF_ERROR(g.RemoveLabel(3, "L").status());
    SHEAF_RETURN_IF_ERROR(g.SetEdgeProperties(edge, R"({"a":1})"));
    SHEAF_RETURN_IF_ERROR(g.SetEdgeProperties(edge, "{}"));
    SHEAF_RETURN_IF_ERROR(g.SetWeight(edge, 3));
    EXPECT_EQ(*g.ExpiresAt(3), Now() + kHour / 2);
    EXPECT_EQ(*g.EdgeExpiresAt(edge), Now() + kHour / 2);
    EXPECT_TRUE(*g.Touch(4));
    EXPECT_FALSE(*g.Touch(3));
    EXPECT_TRUE(*g.TouchEdge(sliding));
    EXPECT_FALSE(*g.TouchEdge(edge));
    SHEAF_RETURN_IF_ERROR(g.SetExpiry(2, Expiry::At(Now())));  // at once
    EXPECT_FALSE(*g.Contains(2));
    return absl::OkStatus();
  });
  ExpectClean();
  Advance(kHour / 2);
  {
    const ReadTransaction read = db_->BeginRead();
    const GraphReader g = *read.graph("g");
    EXPECT_FALSE(*g.Contains(3));
    EXPECT_TRUE(*g.Contains(4));
    EXPECT_EQ(*g.edge_count(), 0u);  // the sliding one went with vertex 2
    EXPECT_TRUE(absl::IsNotFound(g.EdgeExpiresAt(edge).status()));
  }
  Expire();
  EXPECT_EQ(told, (std::vector<std::string>{"0 T 1 0", "3"}));
  ExpectClean();
  Write([](WriteTransaction& txn) { return txn.Drop("g"); });
  EXPECT_EQ(db_->stats().trees, 0u);
  ExpectClean();
}

TEST_F(ExpiryGraphTest, DefaultsAreOfWhatIsAdded) {
  constexpr VertexId kCreated = 30'000;  // so many that a load writes the graph anew
  std::vector<EdgeId> edges;
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
    SHEAF_RETURN_IF_ERROR(g.AddVertexAs(0, {}));
    SHEAF_RETURN_IF_ERROR(g.AddVertexAs(1, {}));
    SHEAF_ASSIGN_OR_RETURN(const EdgeId old, g.AddEdge(0, "T", 1));
    EXPECT_TRUE(absl::IsInvalidArgument(g.SetDefaultExpiry(Expiry::At(Now()))));
    EXPECT_TRUE(absl::IsInvalidArgument(g.SetDefaultEdgeExpiry(Expiry::After(-kHour))));
    SHEAF_RETURN_IF_ERROR(g.SetDefaultExpiry(Expiry::Never()));
    SHEAF_RETURN_IF_ERROR(g.SetDefaultExpiry(Expiry::After(kHour)));
    SHEAF_RETURN_IF_ERROR(g.SetDefaultEdgeExpiry(Expiry::Sliding(kHour / 2)));
    SHEAF_RETURN_IF_ERROR(g.AddVertexAs(2, {}));
    SHEAF_RETURN_IF_ERROR(g.AddVertexAs(3, {"L"}, R"({"a":1})"));
    SHEAF_RETURN_IF_ERROR(g.MergeVertex(4, R"({"$set":{"b":1}})"));
    for (const char* properties : {"{}", R"({"w":1})"}) {
      SHEAF_ASSIGN_OR_RETURN(edges.emplace_back(), g.AddEdge(0, "T", 1, 1, properties));
    }
    edges.push_back({1, "M", 0, 0});
    SHEAF_RETURN_IF_ERROR(
        g.MergeEdgeWeight(edges.back(), MergeOperator::kAddDouble, 2).status());
    // What was there before has none, also once it has properties.
    SHEAF_RETURN_IF_ERROR(g.SetProperties(0, R"({"a":1})"));
    SHEAF_RETURN_IF_ERROR(g.SetEdgeProperties(old, R"({"a":1})"));
    EXPECT_EQ(*g.ExpiresAt(0), absl::InfiniteFuture());
    EXPECT_EQ(*g.EdgeExpiresAt(old), absl::InfiniteFuture());
    return absl::OkStatus();
  });
  Kill();
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
    EXPECT_EQ(*g.DefaultExpiry(), Expiry::After(kHour));
    EXPECT_EQ(*g.DefaultEdgeExpiry(), Expiry::Sliding(kHour / 2));
    for (const VertexId count : {VertexId{5}, kCreated}) {
      GraphLoader loader(g, {.create_vertices = true});
      const VertexId first = 10 * count;
      SHEAF_RETURN_IF_ERROR(loader.AddVertex(first, {}));
      SHEAF_RETURN_IF_ERROR(loader.AddVertex(first + 1, {"L"}));
      for (VertexId v = first + 2; v < first + count; ++v)
        SHEAF_RETURN_IF_ERROR(loader.AddEdge(v, "T", 0));
      SHEAF_RETURN_IF_ERROR(loader.Finish());
      for (const VertexId v : {first, first + 1, first + 2, first + count - 1})
        EXPECT_EQ(*g.ExpiresAt(v), Now() + kHour) << v;
      edges.push_back({first + 2, "T", 0, 0});
    }
    for (const VertexId v : {2, 3, 4}) EXPECT_EQ(*g.ExpiresAt(v), Now() + kHour) << v;
    for (const EdgeId& edge : edges)
      EXPECT_EQ(*g.EdgeExpiresAt(edge), Now() + kHour / 2) << Text(edge);
    SHEAF_RETURN_IF_ERROR(g.SetDefaultExpiry(Expiry::Never()));
    SHEAF_RETURN_IF_ERROR(g.AddVertexAs(5, {}));
    EXPECT_EQ(*g.ExpiresAt(5), absl::InfiniteFuture());
    return absl::OkStatus();
  });
  ExpectClean();
  Advance(kHour / 2);
  EXPECT_EQ(*db_->BeginRead().graph("g")->edge_count(), 1u);
  Advance(kHour / 2);
  EXPECT_EQ(*db_->BeginRead().graph("g")->vertex_count(), 3u);
  Expire();
  EXPECT_EQ(*db_->BeginRead().graph("g")->vertex_count_with_expired(), 3u);
  EXPECT_EQ(*db_->BeginRead().graph("g")->edge_count(), 1u);
  ExpectClean();
}

TEST_F(ExpiryGraphTest, CopiesExpireAlike) {
  Fill();
  BackupOptions compact;
  compact.compact = true;
  ASSERT_TRUE(db_->Backup("/compact.sheaf", compact).ok());
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  SalvageOptions salvage;
  salvage.file_system = fs_.get();
  const auto salvaged = Salvage("/t.sheaf", "/salvaged.sheaf", salvage);
  ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  Advance(kHour);
  for (const char* path : {"/compact.sheaf", "/salvaged.sheaf"}) {
    db_ = *Database::Open(path, options_);
    ExpectSame();
    ExpectClean();
    Expire();
    ExpectSame();
    ExpectClean();
  }
}

}  // namespace
}  // namespace sheaf
