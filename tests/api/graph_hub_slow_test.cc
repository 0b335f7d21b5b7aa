// A vertex with a million edges: loaded, looked up, thinned out, deleted and made again
// (RELIABILITY R9); the file gets no larger by it.
#include <gtest/gtest.h>

#include "sheaf/graph_loader.h"
#include "sheaf/graph_traversal.h"
#include "tests/api/api_fixture.h"

namespace sheaf {
namespace {

constexpr VertexId kEdges = 1'000'000;

class GraphHubTest : public test::ApiTest {
 protected:
  void Load() {
    WriteTransaction txn = Begin();
    const Graph g = *txn.graph("g");
    GraphLoader loader(g, {.create_vertices = true});
    for (VertexId id = 0; id < kEdges; ++id)
      ASSERT_TRUE(loader.AddEdge(0, "HUB", id * 7 % kEdges + 1).ok());
    ASSERT_TRUE(loader.Finish().ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  void ExpectClean() {
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }
};

TEST_F(GraphHubTest, LoadsThinsOutDeletesAndComesBack) {
  Load();
  uint64_t bytes = 0;
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    {
      const ReadTransaction read = db_->BeginRead();
      const GraphReader g = *read.graph("g");
      EXPECT_EQ(*g.Degree(0), kEdges);
      EXPECT_TRUE(g.FindEdge({0, "HUB", 500'000, 0})->has_value());
      EXPECT_EQ(*CountReached(g, {0}), kEdges + 1);
      EXPECT_EQ(ShortestPath(g, 0, kEdges)->value().edges.size(), 1u);
    }
    ExpectClean();
    WriteTransaction txn = Begin();
    Graph g = *txn.graph("g");
    for (VertexId id = 1; id <= kEdges; id += 1000)
      ASSERT_TRUE(*g.DeleteEdge({0, "HUB", id, 0}));
    EXPECT_EQ(*g.Degree(0), kEdges - 1000);
    ASSERT_TRUE(*g.DeleteVertex(0));
    EXPECT_EQ(*g.edge_count(), 0u);
    EXPECT_EQ(*g.Degree(77, {.direction = Direction::kBoth, .types = {}, .filter = {}}),
              0u);
    ASSERT_TRUE(txn.Commit().ok());
    ASSERT_TRUE(db_->Checkpoint().ok());
    ExpectClean();
    Load();
    ASSERT_TRUE(db_->Checkpoint().ok());
    if (round == 0) bytes = db_->stats().file_bytes;
  }
  EXPECT_LE(db_->stats().file_bytes, bytes * 5 / 4);
}

}  // namespace
}  // namespace sheaf
