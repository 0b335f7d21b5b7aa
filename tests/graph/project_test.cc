// A graph in its pages becomes the projection that its edges make by themselves: directed and
// not, with weights, of some labels and types, with loops, parallel edges and hubs, ids with
// gaps; memory and cancelling are heeded.
#include "graph/project.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/graph/graph_test_util.h"

namespace sheaf::graph {
namespace {

struct Edge {
  VertexId from, to;
  NameId type;
  double weight;
};

// Rows as sets: of equal ends the weights may come in any order.
using Row = std::multiset<std::pair<VertexIndex, double>>;
Row RowOf(absl::Span<const VertexIndex> ends, absl::Span<const double> weights) {
  EXPECT_TRUE(std::is_sorted(ends.begin(), ends.end()));
  Row row;
  for (size_t i = 0; i < ends.size(); ++i)
    row.emplace(ends[i], weights.empty() ? 1.0 : weights[i]);
  return row;
}

void ExpectSame(const GraphProjection& a, const GraphProjection& b) {
  ASSERT_EQ(a.vertex_count(), b.vertex_count());
  EXPECT_EQ(a.edge_count(), b.edge_count());
  EXPECT_EQ(a.is_directed(), b.is_directed());
  const bool weighted = a.is_weighted();
  ASSERT_EQ(weighted, b.is_weighted());
  for (VertexIndex v = 0; v < a.vertex_count(); ++v) {
    ASSERT_EQ(a.id(v), b.id(v));
    const auto out = [&](const GraphProjection& g) {
      return RowOf(g.Out(v), weighted ? g.OutWeights(v) : absl::Span<const double>());
    };
    const auto in = [&](const GraphProjection& g) {
      return RowOf(g.In(v), weighted ? g.InWeights(v) : absl::Span<const double>());
    };
    ASSERT_TRUE(out(a) == out(b)) << v;
    ASSERT_TRUE(in(a) == in(b)) << v;
  }
}

TEST(Project, IsWhatTheEdgesMake) {
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    test::FaultyFileSystem fs;
    auto store = OpenStore(&fs);
    std::map<VertexId, NameId> vertices;
    std::vector<Edge> edges;
    {
      Writing w(store.get());
      const NameId labels[] = {w.Name("a"), w.Name("b"), w.Name("c")};
      const NameId types[] = {w.Name("x"), w.Name("y")};
      // Close together, with gaps too wide for an array, or in several parts.
      const bool is_large = seed % 4 == 0;
      const VertexId ids_end = is_large ? 20'000 : seed % 2 == 0 ? 1000 : 1'000'000;
      for (int i = 0; i < (is_large ? 8000 : 300); ++i) {
        const VertexId id = random() % ids_end;
        const NameId label = labels[random() % 3];
        if (vertices.emplace(id, label).second) {
          ASSERT_TRUE(w.writer->AddVertexAs(id, {label}).ok());
        }
      }
      std::vector<VertexId> ids;
      for (const auto& [id, label] : vertices) ids.push_back(id);
      for (int i = 0; i < 3000; ++i) {
        const Edge e{ids[random() % (i % 2 == 0 ? 3 : ids.size())],
                     ids[random() % ids.size()], types[random() % 2],
                     static_cast<double>(random() % 8)};
        ASSERT_TRUE(w.writer->AddEdge(e.from, e.type, e.to, e.weight, false).ok());
        edges.push_back(e);
      }
      ASSERT_TRUE(w.txn->Commit(Durability::kProcess).ok());
    }
    const Reading reading(store.get());
    const auto name = [&](const char* n) { return *reading.schema->names().Find(n); };
    for (int way = 0; way < 16; ++way) {
      ProjectionOptions options;
      if ((way & 1) != 0) options.labels = {name("a"), name("c")};
      if ((way & 2) != 0) options.types = {name("y")};
      options.weighted = (way & 4) != 0;
      options.edges = (way & 8) != 0 ? GraphProjection::Edges::kUndirected
                                     : GraphProjection::Edges::kDirected;
      std::vector<VertexId> ids;
      for (const auto& [id, label] : vertices)
        if (options.labels.empty() || label != name("b")) ids.push_back(id);
      std::vector<GraphProjection::Edge> expected;
      for (const Edge& e : edges) {
        const auto from = std::lower_bound(ids.begin(), ids.end(), e.from),
                   to = std::lower_bound(ids.begin(), ids.end(), e.to);
        if (from == ids.end() || *from != e.from || to == ids.end() || *to != e.to)
          continue;
        if (!options.types.empty() && e.type != name("y")) continue;
        expected.push_back({static_cast<VertexIndex>(from - ids.begin()),
                            static_cast<VertexIndex>(to - ids.begin()), e.weight});
      }
      const auto projection = Project(*reading.reader, options);
      ASSERT_TRUE(projection.ok()) << projection.status();
      ExpectSame(*projection,
                 *GraphProjection::Of(ids, expected, options.edges, options.weighted));
    }
    ProjectionOptions options;
    options.run.memory_bytes_max = 10'000;
    EXPECT_TRUE(absl::IsResourceExhausted(Project(*reading.reader, options).status()));
    options.run = {};
    options.run.progress.report = [](const Progress::State&) { return false; };
    EXPECT_TRUE(absl::IsCancelled(Project(*reading.reader, options).status()));
  }
}

}  // namespace
}  // namespace sheaf::graph
