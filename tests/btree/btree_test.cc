// The tree by itself, without catalog and log: against std::map, through commits and
// rollbacks, with the shape it promises: full pages after ascending inserts, none
// nearly empty after deletes, every page given back (RELIABILITY R9, R10).
#include "btree/btree.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "tests/btree/tree_test_util.h"

namespace sheaf::btree {
namespace {

std::string NumberKey(int i) { return absl::StrCat("key", 1000000 + i); }

TEST(BTree, RandomTransactionsMatchAMap) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    TestTree t;
    Model committed;
    for (int round = 0; round < 30; ++round) {
      Model model = committed;
      for (int i = 0; i < 150; ++i) {
        const std::string key =
            absl::StrCat(std::string(seed % 3 * 100, 'p'), random() % 3000);
        const uint32_t what = random() % 10;
        if (what < 6) {
          // Some a little more, or less, than pages hold: those have tails.
          size_t size = random() % 50 == 0 ? random() % 9000 : random() % 200;
          if (random() % 50 == 0) size = (1 + random() % 2) * 4096 - 70 + random() % 340;
          std::string value(size, static_cast<char>('a' + i % 26));
          if (size > 0) value.back() = '.';
          t.Put(key, value);
          model[key] = value;
        } else if (what < 9) {
          absl::StatusOr<bool> existed = t.tree().Delete(key);
          ASSERT_TRUE(existed.ok()) << existed.status();
          ASSERT_EQ(*existed, model.erase(key) == 1);
        } else if (random() % 10 == 0) {
          const std::string to = key + static_cast<char>('0' + random() % 10);
          absl::StatusOr<uint64_t> gone = t.tree().DeleteRange(key, &to);
          ASSERT_TRUE(gone.ok()) << gone.status();
          const auto from = model.lower_bound(key), end = model.lower_bound(to);
          ASSERT_EQ(*gone, static_cast<uint64_t>(std::distance(from, end)));
          model.erase(from, end);
        }
      }
      t.ExpectIs(model);
      if (random() % 4 == 0) {
        t.Rollback();
        t.ExpectIs(committed);
      } else {
        t.Commit();
        committed = model;
      }
      t.ExpectIs(committed);
      EXPECT_EQ(t.PagesInUse(), t.pages());
      ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
    }
  }
}

TEST(BTree, AscendingInsertsLeaveFullPages) {
  TestTree t;
  Model model;
  for (int i = 0; i < 20000; ++i) {
    const std::string value(50, 'v');
    t.Put(NumberKey(i), value);
    model[NumberKey(i)] = value;
  }
  t.Commit();
  t.ExpectIs(model);
  const uint64_t bytes = 20000 * (8 + 1 + 50);  // slot, tag and value; keys are prefix
  EXPECT_LT(t.pages() * pager::kPageBytes, bytes * 12 / 10);
}

TEST(BTree, DescendingAndRandomInsertsLeaveNoWaste) {
  for (const bool descending : {true, false}) {
    std::mt19937 random(3);
    TestTree t;
    Model model;
    for (int i = 0; i < 20000; ++i) {
      const std::string key =
          NumberKey(descending ? 20000 - i : static_cast<int>(random() % 900000));
      t.Put(key, std::string(50, 'v'));
      model[key] = std::string(50, 'v');
    }
    t.Commit();
    t.ExpectIs(model);
    EXPECT_LT(t.pages() * pager::kPageBytes, model.size() * (8 + 1 + 50) * 22 / 10)
        << descending;
  }
}

TEST(BTree, DeletesLeaveNoNearlyEmptyPages) {
  std::mt19937 random(4);
  TestTree t;
  Model model;
  for (int i = 0; i < 20000; ++i) {
    t.Put(NumberKey(i), std::string(50, 'v'));
    model[NumberKey(i)] = std::string(50, 'v');
  }
  t.Commit();
  while (model.size() > 2000) {
    const auto it = model.lower_bound(NumberKey(static_cast<int>(random() % 20000)));
    if (it == model.end()) continue;
    ASSERT_TRUE(*t.tree().Delete(it->first));
    model.erase(it);
  }
  t.Commit();
  t.ExpectIs(model);
  EXPECT_LT(t.pages() * pager::kPageBytes, model.size() * (8 + 1 + 50) * 26 / 10);
  while (!model.empty()) {
    ASSERT_TRUE(*t.tree().Delete(model.begin()->first));
    model.erase(model.begin());
  }
  t.Commit();
  t.ExpectIs(model);
  EXPECT_FALSE(t.tree().root().page) << "an empty tree has no page";
  EXPECT_EQ(t.PagesInUse(), 0u);
}

TEST(BTree, RangesOfEverySize) {
  TestTree t;
  Model full;
  for (int i = 0; i < 3000; ++i) {
    const std::string value =
        i % 100 == 0 ? std::string(5000, 'L') : std::string(30, 'v');
    t.Put(NumberKey(i), value);
    full[NumberKey(i)] = value;
  }
  t.Commit();
  for (const auto& [from, to] : {std::pair{0, 3000},
                                 {0, 1},
                                 {2999, 3000},
                                 {1, 2999},
                                 {500, 501},
                                 {500, 540},
                                 {10, 2500},
                                 {1500, 3000},
                                 {0, 1500},
                                 {700, 700},
                                 {800, 700}}) {
    Model model = full;
    const std::string low = NumberKey(from), high = NumberKey(to);
    absl::StatusOr<uint64_t> gone = t.tree().DeleteRange(low, &high);
    ASSERT_TRUE(gone.ok()) << gone.status();
    EXPECT_EQ(*gone, static_cast<uint64_t>(std::max(0, to - from)));
    if (from < to) model.erase(model.lower_bound(low), model.lower_bound(high));
    t.ExpectIs(model);
    t.Rollback();
    t.ExpectIs(full);
  }
  absl::StatusOr<uint64_t> gone = t.tree().DeleteRange("", nullptr);
  EXPECT_EQ(*gone, 3000u);
  t.Commit();
  EXPECT_EQ(t.PagesInUse(), 0u);
}

TEST(BTree, ClearGivesEverythingBack) {
  TestTree t;
  for (int i = 0; i < 2000; ++i)
    t.Put(NumberKey(i), std::string(i % 50 == 0 ? 80000 : 100, 'v'));
  t.Commit();
  EXPECT_GT(t.PagesInUse(), 800u);
  ASSERT_TRUE(t.tree().Clear().ok());
  t.Commit();
  t.ExpectIs({});
  EXPECT_EQ(t.PagesInUse(), 0u);
}

TEST(BTree, InsertOnlyLeavesWhatIsThere) {
  TestTree t;
  t.Put("k", "old");
  for (const size_t size : {3u, 100000u}) {
    bool existed = false;
    ASSERT_TRUE(
        t.tree()
            .Put("k", std::string(size, 'n'), BTree::PutMode::kInsertOnly, &existed)
            .ok());
    EXPECT_TRUE(existed);
  }
  t.Commit();
  t.ExpectIs({{"k", "old"}});
  EXPECT_EQ(t.PagesInUse(), 1u) << "the large value that was refused was given back";
}

TEST(BTree, RanksAndKeysAt) {
  std::mt19937 random(6);
  TestTree t(pager::BufferManager::kBytesMin);
  Model model;
  for (int i = 0; i < 30000; ++i) {
    const std::string key = NumberKey(static_cast<int>(random() % 1000000));
    t.Put(key, "v");
    model[key] = "v";
  }
  t.Commit();
  uint64_t rank = 0;
  for (auto it = model.begin(); it != model.end(); ++it, ++rank) {
    if (rank % 97 != 0) continue;
    ASSERT_EQ(*t.reader().KeyAt(rank), it->first);
    ASSERT_EQ(*t.reader().Rank(it->first), rank);
    ASSERT_EQ(*t.reader().Rank(it->first + "x"), rank + 1);
  }
  EXPECT_EQ(*t.reader().Rank(""), 0u);
  EXPECT_EQ(*t.reader().Rank("z"), model.size());
  EXPECT_TRUE(absl::IsOutOfRange(t.reader().KeyAt(model.size()).status()));
}

TEST(BTree, CursorsWalkBothWaysAndTurn) {
  TestTree t;
  Model model;
  for (int i = 0; i < 2000; i += 2) {
    t.Put(NumberKey(i), absl::StrCat(i));
    model[NumberKey(i)] = absl::StrCat(i);
  }
  t.Commit();
  TreeCursor cursor(t.context(), &t.tree().root(), nullptr);
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    auto it = model.lower_bound(NumberKey(static_cast<int>(random() % 2000)));
    ASSERT_EQ(cursor.Seek(it == model.end() ? "z" : it->first), it != model.end());
    // To and fro across the borders of leaves, longer than there are leaves.
    for (int step = 0; step < 400 && cursor.Valid(); ++step) {
      ASSERT_TRUE(cursor.key() == it->first);
      if (random() % 2 == 0) {
        cursor.Next();
        ++it;
        if (it == model.end()) {
          ASSERT_FALSE(cursor.Valid());
          break;
        }
      } else {
        if (it == model.begin()) break;
        --it;
        cursor.Prev();
      }
    }
    ASSERT_TRUE(cursor.status().ok()) << cursor.status();
  }
}

}  // namespace
}  // namespace sheaf::btree
