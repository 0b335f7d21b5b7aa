// 10,000 times a vector more, or one replaced or deleted, and a checkpoint, with all that is
// linked meanwhile: the file stays as large as what is in it, the check is clean, and what
// was put is found (RELIABILITY B24).
#include <gtest/gtest.h>

#include <random>

#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

TEST(VectorSoak, TenThousandCommitsAndCheckpoints) {
  constexpr int kRounds = 10'000, kKeys = 1500;
  constexpr uint32_t kDimensions = 32;
  const auto fs = pager::NewMemoryFileSystem();
  Options options;
  options.file_system = fs.get();
  options.cache_bytes_max = 4 << 20;
  options.background_linking = false;
  auto db = *Database::Open("/v.sheaf", options);
  std::mt19937 random(24);
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDimensions);
  const auto size = [&] {
    return *(*fs->Open("/v.sheaf", pager::OpenMode::kReadOnly))->Size();
  };
  uint64_t settled = 0;
  for (int round = 1; round <= kRounds; ++round) {
    for (float& x : vector) x = normal(random);
    const auto key = static_cast<int64_t>(random() % kKeys);
    const bool deletes = random() % 8 == 0;
    const absl::Status written = db->Write([&](WriteTransaction& txn) -> absl::Status {
      VectorOptions wanted;
      wanted.dimensions = kDimensions;
      wanted.ef_construction = 40;
      SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", wanted));
      return deletes ? index.Delete(key).status() : index.Put(key, vector);
    });
    ASSERT_TRUE(written.ok()) << written;
    ASSERT_TRUE(db->Checkpoint().ok());
    if (round % 20 == 0) {
      ASSERT_TRUE(db->OptimizeVectors("v", {.threads = 1}).ok());
    }
    if (round % 100 != 0) continue;
    SCOPED_TRACE(round);
    const absl::StatusOr<CheckReport> report = db->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings) ADD_FAILURE() << f.what;
    ASSERT_TRUE(report->ok());
    if (!deletes) {
      const ReadTransaction read = db->BeginRead();
      const VectorIndexReader index = *read.vectors("v");
      const VectorResult found = *index.Search(vector, {.k = 1, .ef = 100});
      ASSERT_EQ(found.matches.size(), 1u);
      EXPECT_EQ(found.matches[0].key, DocumentKey(key));
    }
    // All keys have come by then, many times.
    if (round == kRounds / 2) settled = size();
  }
  EXPECT_LE(size(), settled + settled / 4);
  ASSERT_TRUE(db->Close().ok());
}

}  // namespace
}  // namespace sheaf
