// A vector index under random changes against a naive model: through savepoints, rollbacks
// and linking, beside readers of older snapshots, over reopening, kills and power cuts; what
// is searched by the graph, exactly and under filters is what the model finds.
#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "tests/api/api_fixture.h"
#include "tests/crash/vector_changes.h"

namespace sheaf {
namespace {

using test::VectorContent;
using test::VectorContents;
using Below = absl::FunctionRef<uint64_t(uint64_t)>;

std::vector<float> DistancesOf(const absl::StatusOr<VectorResult>& result) {
  std::vector<float> distances;
  EXPECT_TRUE(result.ok()) << result.status();
  if (result.ok())
    for (const VectorMatch& match : result->matches) distances.push_back(match.distance);
  return distances;
}

void ExpectSearches(const VectorIndexReader& index, const VectorContents& model,
                    Below below) {
  const std::vector<float> query = test::RandomVector(below);
  VectorSearchOptions options;
  options.k = static_cast<uint32_t>(1 + below(12));
  options.plan = below(3) == 0 ? VectorPlan::kExact : VectorPlan::kGraph;
  // As broad as all of it: then the graph has to find every one.
  options.ef = static_cast<uint32_t>(model.size() + options.k);
  const auto all = [](int64_t, const VectorContent&) { return true; };
  EXPECT_EQ(DistancesOf(index.Search(query, options)),
            test::NearestDistances(model, query, options.k, all));

  const int64_t parity = static_cast<int64_t>(below(3));  // 2: none
  options.filter = absl::StrCat(R"({"parity": )", parity, "}");
  const auto matches = [&](int64_t key, const VectorContent& content) {
    return !content.metadata.empty() && key % 2 == parity;
  };
  EXPECT_EQ(DistancesOf(index.Search(query, options)),
            test::NearestDistances(model, query, options.k, matches));

  const int64_t bound = static_cast<int64_t>(below(42));
  std::vector<DocumentKey> keys;
  for (int64_t key = 0; key < bound; ++key) keys.emplace_back(key);
  const VectorSet set = *index.Select(keys);
  options.filter.clear();
  options.among = &set;
  for (int use = 0; use < 3; ++use) {  // from the second on it may have a copy of codes
    const std::vector<float> one = test::RandomVector(below);
    EXPECT_EQ(
        DistancesOf(index.Search(one, options)),
        test::NearestDistances(model, one, options.k,
                               [&](int64_t key, const auto&) { return key < bound; }));
  }
  options.among = nullptr;
  options.except = &set;
  EXPECT_EQ(
      DistancesOf(index.Search(query, options)),
      test::NearestDistances(model, query, options.k,
                             [&](int64_t key, const auto&) { return key >= bound; }));
}

class VectorModelTest : public test::ApiTest, public testing::WithParamInterface<int> {
 protected:
  VectorModelTest() { options_.background_linking = false; }
};

struct OldReader {
  ReadTransaction read;
  VectorContents contents;
};

TEST_P(VectorModelTest, HoldsAndFindsWhatTheModelDoes) {
  std::mt19937_64 random(static_cast<uint64_t>(GetParam()));
  const auto below = [&](uint64_t n) { return random() % n; };
  VectorContents committed;
  std::vector<OldReader> readers;
  uint64_t step = 0;
  const auto change = [&](WriteTransaction& txn, VectorContents* model, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const absl::Status changed =
          test::VectorChanges(*txn.vectors("v", test::SmallVectors()), model, below)
              .Change(++step);
      ASSERT_TRUE(changed.ok()) << changed;
    }
  };
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    VectorContents next = committed;
    WriteTransaction txn = Begin();
    change(txn, &next, 1 + below(20));
    if (below(2) == 0) {
      const Savepoint savepoint = *txn.SetSavepoint();
      VectorContents undone = next;
      change(txn, &undone, 1 + below(20));
      ASSERT_EQ(*test::ReadVectors(*txn.vectors("v")), undone);
      ExpectSearches(*txn.vectors("v"), undone, below);
      ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
      change(txn, &next, below(5));
    }
    ASSERT_EQ(*test::ReadVectors(*txn.vectors("v")), next);
    ExpectSearches(*txn.vectors("v"), next, below);
    if (below(5) == 0) {
      txn.Rollback();
    } else {
      ASSERT_TRUE(txn.Commit().ok());
      committed = next;
    }
    const bool is_there = db_->BeginRead().vectors("v").ok();
    if (is_there && below(3) > 0) {
      VectorOptimizeOptions how;
      how.rebuild = below(4) == 0;
      const auto linked = db_->OptimizeVectors("v", how);
      ASSERT_TRUE(linked.ok()) << linked.status();
    }
    if (below(8) == 0) {
      readers.clear();
      switch (below(3)) {
        case 0:
          Reopen();
          break;
        case 1:
          Kill();
          break;
        default:
          CutPower();
      }
    }
    ReadTransaction read = db_->BeginRead();
    const auto now = read.vectors("v");
    ASSERT_EQ(now.ok() ? *test::ReadVectors(*now) : VectorContents(), committed);
    if (now.ok()) {
      for (int i = 0; i < 4; ++i) ExpectSearches(*now, committed, below);
      readers.push_back({std::move(read), committed});
    }
    for (const OldReader& old : readers) {
      ASSERT_EQ(*test::ReadVectors(*old.read.vectors("v")), old.contents);
      ExpectSearches(*old.read.vectors("v"), old.contents, below);
    }
    if (readers.size() > 4) readers.erase(readers.begin());
    const CheckReport report = *db_->Check();
    ASSERT_TRUE(report.ok()) << report.findings[0].what;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, VectorModelTest, testing::Range(0, 12));

}  // namespace
}  // namespace sheaf
