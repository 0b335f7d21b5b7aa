// A file with a graph, of format version 1, stays readable: vertices near and far, labels,
// properties, lists in records and in blocks, weights, parallel edges, loops. What this
// library writes today has the same records. SHEAF_WRITE_GOLDEN=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/crash/graph_changes.h"
#include "tests/golden/golden_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

std::string GoldenPath() {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/v1-graph.sheaf");
}

constexpr VertexId kFar = (VertexId{1} << 53) - 1;

absl::Status Fill(WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
  for (VertexId id = 0; id < 40; ++id)
    SHEAF_RETURN_IF_ERROR(g.AddVertex({"Node", id % 2 == 0 ? "Even" : "Odd"},
                                      absl::StrCat("{\"n\":", id, "}"))
                              .status());
  for (const VertexId id : {VertexId{100'000}, VertexId{1} << 40, kFar})
    SHEAF_RETURN_IF_ERROR(g.AddVertexAs(id, {}));
  // The list of vertex 0 goes into blocks; parallel edges, some with weights.
  for (int i = 0; i < 1200; ++i)
    SHEAF_RETURN_IF_ERROR(g.AddEdge(0, "HUB", static_cast<VertexId>(i * 7 % 40),
                                    i % 10 == 0 ? 0.25 * i : 1,
                                    i % 100 == 0 ? absl::StrCat("{\"i\":", i, "}") : "{}")
                              .status());
  for (VertexId id = 1; id < 40; ++id)
    SHEAF_RETURN_IF_ERROR(g.AddEdge(id, "NEXT", id + 1 < 40 ? id + 1 : kFar).status());
  SHEAF_RETURN_IF_ERROR(g.AddEdge(kFar, "LOOP", kFar, -1e300).status());
  SHEAF_RETURN_IF_ERROR(g.AddEdge(kFar, "LOOP", 100'000, 3).status());
  SHEAF_RETURN_IF_ERROR(g.DeleteEdge({0, "HUB", 7, 3}).status());
  SHEAF_RETURN_IF_ERROR(g.DeleteVertex(39).status());
  IndexDefinition by_n;
  by_n.name = "n";
  by_n.fields = {{"n"}};
  by_n.filter = R"({"_labels":"Even"})";
  return g.CreateVertexIndex(by_n);
}

class GraphGolden : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr)
      WriteFile(GoldenPath(), MakeFile(Fill));
  }
  GraphGolden() { WriteWholeFile(fs_.get(), kPath, ReadFile(GoldenPath())); }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
};

TEST_F(GraphGolden, Version1Opens) {
  auto db = *OpenSample(fs_.get());
  const CheckReport report = *db->Check();
  for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  const ReadTransaction read = db->BeginRead();
  const GraphReader g = *read.graph("g");
  EXPECT_EQ(*g.vertex_count(), 42u);
  EXPECT_EQ(g.Get(12)->properties, R"({"n":12})");
  EXPECT_EQ(g.Get(12)->labels, (std::vector<std::string>{"Node", "Even"}));
  EXPECT_EQ(g.GetEdge({kFar, "LOOP", kFar, 0})->weight, -1e300);
  EXPECT_FALSE(g.FindEdge({0, "HUB", 7, 3})->has_value());
  EXPECT_EQ(g.GetEdge({0, "HUB", 0, 0})->properties, R"({"i":0})");
  EXPECT_EQ(*g.Degree(0), 1200u - 1 - 30);
  // The same as a graph that is made today.
  auto made_in = pager::NewMemoryFileSystem();
  WriteWholeFile(made_in.get(), kPath, MakeFile(Fill));
  auto made = *OpenSample(made_in.get());
  EXPECT_TRUE(*ReadGraph(g) == *ReadGraph(*made->BeginRead().graph("g")));
}

TEST_F(GraphGolden, Version1IsWritten) {
  auto db = *OpenSample(fs_.get());
  const absl::Status written = db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
    EXPECT_TRUE(*g.DeleteVertex(0));
    SHEAF_ASSIGN_OR_RETURN(const EdgeId edge, g.AddEdge(1, "NEW", kFar));
    EXPECT_EQ(edge.ordinal, 0u);
    return g.AddLabel(kFar, "Node");
  });
  ASSERT_TRUE(written.ok()) << written;
  const CheckReport report = *db->Check();
  for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
}

TEST_F(GraphGolden, WhatIsWrittenTodayIsTheSame) {
  const Content golden = TreesOf(ReadFile(GoldenPath())), today = TreesOf(MakeFile(Fill));
  ASSERT_EQ(golden.size(), 6u);  // with the indexes of labels and of n
  EXPECT_TRUE(golden == today);
}

}  // namespace
}  // namespace sheaf::test
