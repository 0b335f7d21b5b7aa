// WordNet as a graph: what its own description (wninput(5)) says of its pointers holds when
// they were loaded, in numbers and edge by edge.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "sheaf/sheaf.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

// A pointer of the first type from a to b is one of the second from b to a, but for so
// many slips of WordNet 3.0. (Derivations are meant to be so, too, and many are not.)
struct Inverse {
  const char *type, *inverse;
  size_t slips = 0;
};
constexpr Inverse kInverses[] = {{"hypernym", "hyponym"},
                                 {"instance hypernym", "instance hyponym"},
                                 {"member holonym", "member meronym"},
                                 {"part holonym", "part meronym"},
                                 {"substance holonym", "substance meronym"},
                                 {"topic", "topic member"},
                                 {"region", "region member"},
                                 {"usage", "usage member"},
                                 {"antonym", "antonym", 1},
                                 {"attribute", "attribute"},
                                 {"similar to", "similar to"},
                                 {"verb group", "verb group"}};

using Pointer = std::pair<VertexId, VertexId>;

std::multiset<Pointer> PointersOf(const GraphReader& graph, const std::string& type) {
  std::multiset<Pointer> pointers;
  const absl::Status status = graph.ForEachVertex(0, [&](VertexId id) {
    const absl::StatusOr<std::vector<VertexId>> ends =
        graph.Neighbors(id, {.types = {type}});
    EXPECT_TRUE(ends.ok()) << ends.status();
    for (const VertexId end : *ends) pointers.emplace(id, end);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  return pointers;
}

TEST(WordnetGraph, ItsInvariantsHold) {
  const std::string dir = testing::TempDir() + "/wordnet_graph", tools = SHEAF_BINARY_DIR;
  const std::string make = "rm -rf '" + dir + "' && mkdir -p '" + dir + "' && '" + tools +
                           "/wordnet_to_jsonl' > '" + dir + "/synsets' && '" + tools +
                           "/wordnet_to_graph' < '" + dir + "/synsets' > '" + dir +
                           "/graph'";
  ASSERT_EQ(std::system(make.c_str()), 0) << "tools/setup.sh installs WordNet";
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(db.ok()) << db.status();
  std::ifstream lines(dir + "/graph");
  GraphImportCounts counts;
  const absl::Status loaded =
      ImportGraph(db->get(), "words", {{GraphFormat::kJsonLines, &lines}}, {}, &counts);
  ASSERT_TRUE(loaded.ok()) << loaded;
  EXPECT_EQ(counts.vertices, 117'659u);
  EXPECT_EQ(counts.edges, 377'592u);
  const ReadTransaction read = (*db)->BeginRead();
  const GraphReader graph = *read.graph("words");
  for (const auto& [type, inverse, slips] : kInverses) {
    const std::multiset<Pointer> there = PointersOf(graph, type);
    EXPECT_FALSE(there.empty()) << type;
    std::multiset<Pointer> turned;
    for (const auto& [from, to] : PointersOf(graph, inverse)) turned.emplace(to, from);
    std::vector<Pointer> alone;
    std::set_difference(there.begin(), there.end(), turned.begin(), turned.end(),
                        std::back_inserter(alone));
    EXPECT_EQ(alone.size(), slips) << type << " and " << inverse;
    EXPECT_EQ(there.size(), turned.size());
  }
  // All nouns are below one, entity.n.1, and nothing is above itself.
  std::vector<VertexId> roots;
  ASSERT_TRUE(
      graph
          .ForEachVertex(
              0,
              [&](VertexId id) {
                const EdgeSelection up{.types = {"hypernym", "instance hypernym"}};
                if (graph.Get(id)->labels == std::vector<std::string>{"Noun"} &&
                    *graph.Degree(id, up) == 0)
                  roots.push_back(id);
                return true;
              })
          .ok());
  ASSERT_EQ(roots.size(), 1u);
  EXPECT_NE(graph.Get(roots[0])->properties.find("\"entity.n.1\""), std::string::npos);
  TraversalOptions down;
  down.edges = {.types = {"hyponym", "instance hyponym"}};
  EXPECT_EQ(*CountReached(graph, roots, down), 82'115u);
  const GraphProjection taxonomy = *graph.Project({.types = {"hypernym"}});
  EXPECT_TRUE(TopologicalSort(taxonomy).ok());
  const CheckReport report = *(*db)->Check();
  for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
}

}  // namespace
}  // namespace sheaf
