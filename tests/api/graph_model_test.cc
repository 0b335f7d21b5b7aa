// A graph under random changes against a naive model: through savepoints and rollbacks,
// beside readers of older snapshots, over reopening and power cuts (RELIABILITY R9, R10).
#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "tests/api/api_fixture.h"
#include "tests/crash/graph_changes.h"

namespace sheaf {
namespace {

class GraphModelTest : public test::ApiTest, public testing::WithParamInterface<int> {};

struct OldReader {
  ReadTransaction read;
  test::GraphContents contents;
};

TEST_P(GraphModelTest, HoldsWhatTheModelHolds) {
  std::mt19937_64 random(static_cast<uint64_t>(GetParam()));
  const auto below = [&](uint64_t n) { return random() % n; };
  test::GraphContents committed;
  std::vector<OldReader> readers;
  uint64_t step = 0;
  const auto change = [&](WriteTransaction& txn, test::GraphContents* model, int count) {
    for (int i = 0; i < count; ++i) {
      const absl::Status changed =
          test::GraphChanges(*txn.graph("g"), model, below).Change(++step);
      ASSERT_TRUE(changed.ok()) << changed;
    }
  };
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    test::GraphContents next = committed;
    WriteTransaction txn = Begin();
    change(txn, &next, static_cast<int>(below(12)));
    if (below(2) == 0) {
      const Savepoint savepoint = *txn.SetSavepoint();
      test::GraphContents undone = next;
      change(txn, &undone, static_cast<int>(below(12)) + 1);
      ASSERT_EQ(*test::ReadGraph(*txn.graph("g")), undone);
      ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
      change(txn, &next, static_cast<int>(below(5)));
    }
    ASSERT_EQ(*test::ReadGraph(*txn.graph("g")), next);
    if (below(5) == 0) {
      txn.Rollback();
    } else {
      ASSERT_TRUE(txn.Commit().ok());
      committed = next;
    }
    if (below(8) == 0) {
      readers.clear();
      if (below(2) == 0)
        Reopen();
      else
        CutPower();
    }
    ReadTransaction read = db_->BeginRead();
    const auto now = read.graph("g");
    ASSERT_EQ(now.ok() ? *test::ReadGraph(*now) : test::GraphContents(), committed);
    if (now.ok()) readers.push_back({std::move(read), committed});
    for (const OldReader& old : readers)
      ASSERT_EQ(*test::ReadGraph(*old.read.graph("g")), old.contents);
    if (readers.size() > 4) readers.erase(readers.begin());
    const CheckReport report = *db_->Check();
    ASSERT_TRUE(report.ok()) << report.findings[0].what;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, GraphModelTest, testing::Range(0, 12));

}  // namespace
}  // namespace sheaf
