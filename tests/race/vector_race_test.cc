// A vector index searched beside its writer, both ways of linking and checkpoints: each
// snapshot finds what it holds (ThreadSanitizer runs it).
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

constexpr int kKeys = 600;
constexpr uint32_t kDimensions = 8;

std::vector<float> RandomVector(std::mt19937* random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDimensions);
  for (float& x : vector) x = normal(*random);
  return vector;
}

absl::Status Change(WriteTransaction& txn, std::mt19937* random) {
  VectorOptions options;
  options.dimensions = kDimensions;
  options.metric = Metric::kL2;
  options.ef_construction = 30;
  SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", options));
  for (int i = 0; i < 30; ++i) {
    const auto key = static_cast<int64_t>((*random)() % kKeys);
    if ((*random)() % 4 == 0)
      SHEAF_RETURN_IF_ERROR(index.Delete(key).status());
    else
      SHEAF_RETURN_IF_ERROR(index.Put(key, RandomVector(random), R"({"a":1})"));
  }
  return absl::OkStatus();
}

// A vector of the snapshot is found from itself, by the graph and under a filter.
absl::Status Search(Database* db, std::mt19937* random) {
  const ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const VectorIndexReader index, read.vectors("v"));
  for (int i = 0; i < 20; ++i) {
    const auto key = static_cast<int64_t>((*random)() % kKeys);
    const absl::StatusOr<std::vector<float>> vector = index.Get(key);
    if (absl::IsNotFound(vector.status())) continue;
    SHEAF_RETURN_IF_ERROR(vector.status());
    VectorSearchOptions options{.k = 1, .ef = kKeys, .plan = VectorPlan::kGraph};
    if (i % 4 == 0) options.filter = R"({"a":1})";
    SHEAF_ASSIGN_OR_RETURN(const VectorResult result, index.Search(*vector, options));
    if (result.matches.size() != 1 || result.matches[0].distance > 1e-6f)
      return absl::InternalError("a snapshot does not find its own vector");
  }
  return absl::OkStatus();
}

TEST(VectorRace, SearchesBesideWritersAndLinkers) {
  test::FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.durability = Durability::kNone;
  options.cache_bytes_max = 1 << 20;  // pages come and go
  auto db = *Database::Open("/v.sheaf", options);
  std::mt19937 random(1);
  ASSERT_TRUE(
      db->Write([&](WriteTransaction& txn) { return Change(txn, &random); }).ok());
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  const auto run = [&](auto work) {
    threads.emplace_back([&stop, work, seed = threads.size()]() mutable {
      std::mt19937 own(static_cast<uint32_t>(seed + 7));
      while (!stop) {
        const absl::Status status = work(&own);
        ASSERT_TRUE(status.ok()) << status;
      }
    });
  };
  for (int i = 0; i < 2; ++i)
    run([&](std::mt19937* own) { return Search(db.get(), own); });
  run([&](std::mt19937*) { return db->OptimizeVectors("v", {.threads = 2}).status(); });
  run([&, round = 0](std::mt19937*) mutable {
    return ++round % 8 == 0 ? db->OptimizeVectors("v", {.rebuild = true}).status()
                            : db->Checkpoint();
  });
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(
        db->Write([&](WriteTransaction& txn) { return Change(txn, &random); }).ok());
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const CheckReport report = *db->Check();
  for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  ASSERT_TRUE(db->Close().ok());
}

}  // namespace
}  // namespace sheaf
