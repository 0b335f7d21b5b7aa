// A graph read by projections, traversals and look-ups beside its writer, checkpoints
// included: each snapshot agrees with itself (ThreadSanitizer runs it).
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

constexpr VertexId kVertices = 12'000;  // parts of several threads

absl::Status Change(WriteTransaction& txn, std::mt19937* random) {
  SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
  for (int i = 0; i < 40; ++i) {
    const VertexId from = (*random)() % kVertices, to = (*random)() % 50;
    SHEAF_RETURN_IF_ERROR(g.AddEdge(from, "T", to).status());
  }
  const VertexId gone = 50 + (*random)() % (kVertices - 50);
  SHEAF_RETURN_IF_ERROR(g.DeleteVertex(gone).status());
  return g.AddVertexAs(gone, {});
}

// Edges of a snapshot, counted in every way.
absl::Status Compare(Database* db) {
  const ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const GraphReader g, read.graph("g"));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t edges, g.edge_count());
  SHEAF_ASSIGN_OR_RETURN(const GraphProjection p, g.Project());
  uint64_t in = 0;
  for (VertexId hub = 0; hub < 50; ++hub) {
    SHEAF_ASSIGN_OR_RETURN(
        const std::vector<VertexId> tails,
        g.Neighbors(hub, {.direction = Direction::kIn, .types = {}, .filter = {}}));
    in += tails.size();
    for (const VertexId tail : tails)
      if (!p.Find(tail).has_value()) return absl::InternalError("an edge of no vertex");
  }
  SHEAF_ASSIGN_OR_RETURN(const uint64_t reached, CountReached(g, {7}));
  if (p.edge_count() == edges && in == edges && reached >= 1) return absl::OkStatus();
  return absl::InternalError("a snapshot does not agree with itself");
}

TEST(GraphRace, ReadersBesideAWriter) {
  test::FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.durability = Durability::kNone;
  options.cache_bytes_max = 2 << 20;
  auto db = *Database::Open("/g.sheaf", options);
  ASSERT_TRUE(db->Write([](WriteTransaction& txn) -> absl::Status {
                  SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
                  for (VertexId id = 0; id < kVertices; ++id)
                    SHEAF_RETURN_IF_ERROR(g.AddVertexAs(id, {}));
                  return absl::OkStatus();
                }).ok());
  std::atomic<bool> ends{false};
  std::vector<absl::Status> results(2);
  std::vector<std::thread> readers;
  for (absl::Status& result : results)
    readers.emplace_back([&] {
      while (result.ok() && !ends.load()) result = Compare(db.get());
    });
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const absl::Status changed =
        db->Write([&](WriteTransaction& txn) { return Change(txn, &random); });
    EXPECT_TRUE(changed.ok()) << changed;
    if (i % 15 == 14) {
      EXPECT_TRUE(db->Checkpoint().ok());
    }
  }
  ends = true;
  for (std::thread& reader : readers) reader.join();
  for (const absl::Status& result : results) EXPECT_TRUE(result.ok()) << result;
  const CheckReport report = *db->Check();
  EXPECT_TRUE(report.ok()) << report.findings[0].what;
}

// Its threads sort, spill and merge while a reader goes through an older snapshot.
TEST(GraphRace, ALoadBesideAReader) {
  test::FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  auto db = *Database::Open("/g.sheaf", options);
  const auto load = [&](uint64_t seed) {
    return db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(const Graph g, txn.graph("g"));
      GraphLoaderOptions small;
      small.create_vertices = true;
      small.memory_bytes_max = 1 << 20;
      GraphLoader loader(g, small);
      std::mt19937_64 random(seed);
      for (int i = 0; i < 80'000; ++i)
        SHEAF_RETURN_IF_ERROR(loader.AddEdge(random() % 3000, "T", random() % 3000));
      return loader.Finish();
    });
  };
  ASSERT_TRUE(load(1).ok());
  const ReadTransaction read = db->BeginRead();
  const GraphReader g = *read.graph("g");
  std::atomic<bool> ends{false};
  absl::Status result;
  std::thread reader([&] {
    while (result.ok() && !ends.load()) {
      const auto p = g.Project();
      result = p.status();
      if (p.ok() && p->edge_count() != 80'000) result = absl::InternalError("edges");
    }
  });
  for (uint64_t seed = 2; seed < 5; ++seed) EXPECT_TRUE(load(seed).ok());
  ends = true;
  reader.join();
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(*db->BeginRead().graph("g")->edge_count(), 4u * 80'000);
  EXPECT_TRUE(db->Check()->ok());
}

}  // namespace
}  // namespace sheaf
