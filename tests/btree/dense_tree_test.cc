// The dense tree by itself: against std::map, through commits and rollbacks, with keys that
// lie close together, far apart and anywhere; the shape it promises; every page given back;
// damage of any byte of its pages found before it is believed (RELIABILITY R7, R9, R10).
#include "btree/dense_tree.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "btree/dense_directory.h"
#include "btree/dense_reader.h"
#include "tests/btree/tree_test_util.h"

namespace sheaf::btree {
namespace {

using DenseModel = std::map<DenseKey, std::string>;

class TestDenseTree : public TestPages {
 public:
  explicit TestDenseTree(uint64_t cache_bytes = uint64_t{16} << 20)
      : TestPages(cache_bytes) {
    Begin();
  }
  DenseTree& tree() { return *tree_; }

  void Commit() {
    root_ = tree_->root();
    CommitPages();
    Begin();
  }
  // The version before stays readable until FreeHeld.
  void CommitAndHold() {
    root_ = tree_->root();
    const absl::Span<const pager::PageRef> given_up = writer_->Commit();
    held_.assign(given_up.begin(), given_up.end());
    Begin();
  }
  void FreeHeld() { pager_->allocator().FreeAll(held_); }
  void Rollback() {
    writer_->Rollback();
    Begin();
  }
  void Put(DenseKey key, const std::string& record, bool expect_existed) {
    bool existed = false;
    const absl::Status status = tree_->Put(key, record, &existed);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(existed, expect_existed) << key;
  }

  void ExpectIs(const DenseModel& model) {
    const auto check = CheckPages([&](auto on_page, auto on_problem) {
      return CheckDenseTree(pager_.get(), tree_->root(), DenseRecords::kBytes, kTreeMark,
                            on_page, on_problem);
    });
    ASSERT_TRUE(check.ok()) << check.status();
    ASSERT_EQ(check->entries, model.size());
    ExpectReads(model);
    ASSERT_TRUE(pager_->allocator().Check().ok());
  }

  // Cursor, single and interleaved look-ups; of keys beside those that are there, too.
  // By a directory, of records 0 to `count`, of which `in_group` are in a group.
  void ExpectDirectory(const DenseModel& model, uint32_t count, uint32_t in_group,
                       uint32_t record_bytes) {
    ExpectDirectory(DenseDirectory(tree_->root(), count, in_group, record_bytes), model,
                    count, in_group, record_bytes);
  }
  void ExpectDirectory(const DenseDirectory& directory, const DenseModel& model,
                       uint32_t count, uint32_t in_group, uint32_t record_bytes) {
    std::mt19937 random(2);
    for (int round = 0; round < 30; ++round) {
      std::vector<uint32_t> numbers;
      for (int i = 0; i < 100; ++i) numbers.push_back(random() % (count + 20));
      std::map<uint32_t, std::string> found;
      const absl::Status status = directory.Visit(
          context_, numbers, {0, 64},
          [&](size_t first, absl::Span<const char* const> records) {
            for (size_t i = 0; i < records.size(); ++i)
              if (records[i] != nullptr)
                found[numbers[first + i]] = std::string(records[i], record_bytes);
          });
      ASSERT_TRUE(status.ok()) << status;
      for (const uint32_t n : numbers) {
        const auto wanted =
            model.find(DenseKey{n / in_group} * kGroupKeys + n % in_group);
        ASSERT_EQ(found.contains(n), wanted != model.end()) << n;
        if (wanted == model.end()) continue;
        ASSERT_TRUE(found[n] == wanted->second) << n;
      }
    }
  }

  void ExpectReads(const DenseModel& model) {
    DenseCursor cursor(context_, &tree_->root());
    auto it = model.begin();
    std::vector<DenseKey> keys;
    for (bool valid = cursor.Seek(0); valid; valid = cursor.Next(), ++it) {
      ASSERT_TRUE(it != model.end());
      ASSERT_EQ(cursor.key(), it->first);
      ASSERT_TRUE(cursor.record() == it->second) << it->first;
      keys.insert(keys.end(), {it->first, it->first + 1, it->first + 1000});
    }
    ASSERT_TRUE(cursor.status().ok()) << cursor.status();
    ASSERT_TRUE(it == model.end());
    const DenseReader reader(context_, tree_->root());
    std::mt19937 random(1);
    std::shuffle(keys.begin(), keys.end(), random);
    size_t hits = 0, there = 0;
    const absl::Status status =
        reader.Visit(keys, [&](size_t i, std::string_view record) {
          const auto found = model.find(keys[i]);
          ASSERT_TRUE(found != model.end() && found->second == record) << keys[i];
          ++hits;
        });
    ASSERT_TRUE(status.ok()) << status;
    for (const DenseKey key : keys) {
      there += model.contains(key);
      if (random() % 8 != 0) continue;
      Found found;
      ASSERT_TRUE(reader.Find(key, &found).ok());
      ASSERT_EQ(found.found, model.contains(key));
      if (found.found) {
        ASSERT_TRUE(found.bytes == model.at(key));
      }
      const auto next = model.lower_bound(key);
      ASSERT_EQ(cursor.Seek(key), next != model.end());
      if (next != model.end()) {
        ASSERT_EQ(cursor.key(), next->first);
      }
    }
    ASSERT_EQ(hits, there);
  }

  static constexpr uint32_t kTreeMark = 7;

 private:
  void Begin() {
    writer_->Begin(++stamp_);
    tree_ = std::make_unique<DenseTree>(writer_.get(), root_, DenseRecords::kBytes,
                                        kTreeMark);
  }
  std::unique_ptr<DenseTree> tree_;
  std::vector<pager::PageRef> held_;
};

// Close together, some apart, or anywhere below 2^53.
DenseKey RandomKey(std::mt19937_64* random, uint32_t spread) {
  switch (spread % 3) {
    case 0:
      return (*random)() % 1000;
    case 1:
      return (*random)() % 300 * ((*random)() % 50);
    default:
      return (*random)() % kDenseKeyEnd >> (*random)() % 53;
  }
}

std::string RandomRecord(std::mt19937_64* random) {
  const size_t size = (*random)() % 40 == 0   ? 1 + (*random)() % kDenseRecordMax
                      : (*random)() % 10 == 0 ? 1 + (*random)() % 400
                                              : 1 + (*random)() % 60;
  return std::string(size, static_cast<char>('a' + (*random)() % 26));
}

TEST(DenseTree, RandomTransactionsMatchAMap) {
  for (uint32_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    TestDenseTree t;
    DenseModel committed;
    for (int round = 0; round < 20; ++round) {
      DenseModel model = committed;
      const bool shrinks = round % 5 == 4;
      for (int i = 0; i < 200; ++i) {
        const DenseKey key = RandomKey(&random, seed);
        if (random() % 10 < (shrinks ? 1 : 7)) {
          const std::string record = RandomRecord(&random);
          t.Put(key, record, model.contains(key));
          model[key] = record;
        } else {
          const auto near = model.lower_bound(key);
          const DenseKey gone = near == model.end() ? key : near->first;
          const absl::StatusOr<bool> existed = t.tree().Delete(gone);
          ASSERT_TRUE(existed.ok()) << existed.status();
          ASSERT_EQ(*existed, model.erase(gone) == 1);
        }
      }
      t.ExpectIs(model);
      if (random() % 4 == 0) {
        t.Rollback();
      } else {
        t.Commit();
        committed = model;
      }
      t.ExpectIs(committed);
      EXPECT_EQ(t.PagesInUse(), t.pages());
      ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
    }
    while (!committed.empty()) {
      ASSERT_TRUE(*t.tree().Delete(committed.begin()->first));
      committed.erase(committed.begin());
    }
    t.Commit();
    t.ExpectIs({});
    EXPECT_EQ(t.PagesInUse(), 0u);
  }
}

TEST(DenseTree, AppendedRecordsFillTheirPages) {
  TestDenseTree t(uint64_t{64} << 20);
  DenseModel model;
  for (DenseKey key = 0; key < 20000; ++key) {
    model[key] = std::string(80 + key % 17, 'v');
    t.Put(key, model[key], false);
  }
  t.Commit();
  t.ExpectIs(model);
  EXPECT_LT(t.pages() * pager::kPageBytes, 20000 * (88 + 4) * 12 / 10);
}

TEST(DenseTree, AnyOrderLeavesFewPages) {
  for (const bool descending : {true, false}) {
    std::mt19937 random(5);
    std::vector<DenseKey> keys;
    for (DenseKey key = 0; key < 20000; ++key) keys.push_back(19999 - key);
    if (!descending) std::shuffle(keys.begin(), keys.end(), random);
    TestDenseTree t(uint64_t{64} << 20);
    DenseModel model;
    for (const DenseKey key : keys) {
      model[key] = std::string(80, 'v');
      t.Put(key, model[key], false);
    }
    t.Commit();
    t.ExpectIs(model);
    EXPECT_LT(t.pages() * pager::kPageBytes, 20000 * 84 * 18 / 10) << descending;
  }
}

TEST(DenseTree, RecordsGrowAndShrink) {
  TestDenseTree t(uint64_t{64} << 20);
  DenseModel model;
  for (DenseKey key = 0; key < 400; ++key) {
    model[key] = "x";
    t.Put(key, "x", false);
  }
  for (const size_t size : {20u, 300u, 1000u, 4000u, 700u, 50u, 1u}) {
    for (auto& [key, record] : model) {
      record.assign(size, static_cast<char>('a' + key % 26));
      t.Put(key, record, true);
    }
    t.Commit();
    t.ExpectIs(model);
    EXPECT_LE(t.pages(), 400 * (size + 4) * 25 / 10 / pager::kPageBytes + 4) << size;
    EXPECT_EQ(t.PagesInUse(), t.pages());
  }
}

TEST(DenseTree, RefusesWhatItCannotHold) {
  TestDenseTree t;
  bool existed;
  for (const auto& [key, size] : {std::pair<DenseKey, size_t>(kDenseKeyEnd, 1),
                                  {~DenseKey{0}, 1},
                                  {0, 0},
                                  {0, kDenseRecordMax + 1}}) {
    const absl::Status status = t.tree().Put(key, std::string(size, 'x'), &existed);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
  t.ExpectIs({});
  EXPECT_FALSE(*t.tree().Delete(kDenseKeyEnd));
  t.Put(kDenseKeyEnd - 1, std::string(kDenseRecordMax, 'x'), false);
  t.ExpectIs({{kDenseKeyEnd - 1, std::string(kDenseRecordMax, 'x')}});
}

absl::Status Load(TestDenseTree* t,
                  const std::vector<std::pair<DenseKey, std::string>>& in,
                  absl::FunctionRef<absl::Status(uint64_t)> tick) {
  size_t i = 0;
  return t->tree().BulkLoad(
      [&](DenseKey* key, std::string_view* record) {
        if (i == in.size()) return false;
        *key = in[i].first, *record = in[i].second;
        return ++i, true;
      },
      tick);
}

TEST(DenseTree, BulkLoadIsWhatPutsWouldHaveMade) {
  const auto go_on = [](uint64_t) { return absl::OkStatus(); };
  for (uint32_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    DenseModel model;
    for (uint64_t i = random() % 4000; i > 0; --i)
      model[RandomKey(&random, seed)] = RandomRecord(&random);
    TestDenseTree t(uint64_t{64} << 20);
    ASSERT_TRUE(Load(&t, {model.begin(), model.end()}, go_on).ok());
    t.Commit();
    t.ExpectIs(model);
    EXPECT_EQ(t.PagesInUse(), t.pages());
    for (int i = 0; i < 500; ++i) {  // and then changed like any other
      const DenseKey key = RandomKey(&random, seed);
      const std::string record = RandomRecord(&random);
      t.Put(key, record, model.contains(key));
      model[key] = record;
    }
    t.ExpectIs(model);
  }
  TestDenseTree t;
  EXPECT_TRUE(absl::IsInvalidArgument(Load(&t, {{5, "a"}, {5, "b"}}, go_on)));
  EXPECT_TRUE(absl::IsInvalidArgument(Load(&t, {{5, "a"}, {6, ""}}, go_on)));
  std::vector<std::pair<DenseKey, std::string>> many;
  for (DenseKey key = 0; key < 5000; ++key) many.emplace_back(key, std::string(50, 'm'));
  EXPECT_TRUE(absl::IsCancelled(
      Load(&t, many, [](uint64_t) { return absl::CancelledError("enough"); })));
  t.ExpectIs({});
  t.Commit();
  EXPECT_EQ(t.PagesInUse(), 0u);
}

template <class Fn>
void ForEachPage(TestDenseTree* t, Fn fn) {
  ASSERT_TRUE(CheckDenseTree(
                  &t->pager(), t->tree().root(), DenseRecords::kBytes,
                  TestDenseTree::kTreeMark,
                  [&](const PageRef& ref) -> absl::StatusOr<Seen> {
                    fn(ref);
                    return Seen::kFirstTime;
                  },
                  [](pager::PageId, const std::string&) {})
                  .ok());
}

TEST(DenseTree, RelocateMovesEveryPageOnceAndChangesNothing) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    std::mt19937_64 random(seed);
    TestDenseTree t(uint64_t{64} << 20);
    DenseModel model;
    for (int i = 0; i < 1500; ++i) {
      const DenseKey key = RandomKey(&random, seed);
      const std::string record = RandomRecord(&random);
      t.Put(key, record, model.contains(key));
      model[key] = record;
    }
    t.Commit();
    t.ExpectIs(model);
    const pager::Stamp newest = t.writer().stamp();
    DenseKey from = 0;
    int pauses = 0;
    for (;; ++pauses) {
      const auto fate = [&](const PageRef& ref) {
        return ref.birth < newest ? Relocation::Fate::kMoves : Relocation::Fate::kStays;
      };
      Relocation relocation{fate, /*pages_max=*/15};
      const absl::StatusOr<bool> done = t.tree().Relocate(&from, &relocation);
      ASSERT_TRUE(done.ok()) << done.status();
      t.Commit();
      if (*done || pauses % 32 == 0) t.ExpectIs(model);
      if (*done) break;
    }
    EXPECT_GT(pauses, 0);
    ForEachPage(&t, [&](const PageRef& ref) { EXPECT_GE(ref.birth, newest); });
    EXPECT_EQ(t.PagesInUse(), t.pages());
  }
}

TEST(DenseTree, ADirectoryFindsWhatTheTreeHas) {
  constexpr uint32_t kCount = 4000, kInGroup = 7, kBytes = 282;
  TestDenseTree t(uint64_t{512} << 10);  // most of it is not in memory
  DenseModel model;
  std::mt19937 random(3);
  const auto key_of = [](uint32_t n) {
    return DenseKey{n / kInGroup} * kGroupKeys + n % kInGroup;
  };
  for (uint32_t n = 0; n < kCount; ++n) {
    std::string record = absl::StrCat(n, " ");
    record.resize(kBytes, static_cast<char>(n));
    t.Put(key_of(n), record, false);
    model[key_of(n)] = record;
  }
  t.Commit();
  t.ExpectDirectory(model, kCount, kInGroup, kBytes);
  // Holes, and records that are put back in another order.
  for (int i = 0; i < 1500; ++i) {
    const DenseKey key = key_of(random() % kCount);
    const bool is_there = model.contains(key);
    if (is_there && random() % 2 == 0) {
      ASSERT_TRUE(*t.tree().Delete(key));
      model.erase(key);
    } else {
      std::string record(kBytes, static_cast<char>(i));
      t.Put(key, record, is_there);
      model[key] = record;
    }
  }
  t.Commit();
  t.ExpectDirectory(model, kCount, kInGroup, kBytes);
}

// Pages are used again at once, so an entry that was taken over wrongly leads to other records.
TEST(DenseTree, ADirectoryTakesOverWhatAnotherVersionLearned) {
  constexpr uint32_t kCount = 4000, kInGroup = 7, kBytes = 282;
  for (const uint64_t cache_bytes : {uint64_t{512} << 10, uint64_t{16} << 20}) {
    TestDenseTree t(cache_bytes);
    DenseModel model;
    std::mt19937 random(5);
    // Of the version before, or of one before that, whose pages others have taken since.
    std::unique_ptr<DenseDirectory> before;
    for (int round = 0; round < 60; ++round) {
      SCOPED_TRACE(round);
      const DenseModel model_before = model;
      const TreeRoot root_before = t.tree().root();
      // Mostly in one place, so that most leaves stay what they are.
      const uint32_t first = random() % kCount, some = round == 0 ? kCount : 200;
      for (uint32_t i = 0; i < some; ++i) {
        const uint32_t n = (first + i) % kCount;
        const DenseKey key = DenseKey{n / kInGroup} * kGroupKeys + n % kInGroup;
        const bool is_there = model.contains(key);
        if (is_there && random() % 8 == 0) {
          ASSERT_TRUE(*t.tree().Delete(key));
          model.erase(key);
          continue;
        }
        std::string record = absl::StrCat(round, " ", n, " ");
        record.resize(kBytes, static_cast<char>(n));
        t.Put(key, record, is_there);
        model[key] = record;
      }
      t.CommitAndHold();
      auto now = std::make_unique<DenseDirectory>(t.tree().root(), kCount, kInGroup,
                                                  kBytes, before.get());
      t.ExpectDirectory(*now, model, kCount, kInGroup, kBytes);
      if (round > 0)
        t.ExpectDirectory(
            DenseDirectory(root_before, kCount, kInGroup, kBytes, now.get()),
            model_before, kCount, kInGroup, kBytes);
      t.FreeHeld();
      if (round % 4 == 0) before = std::move(now);
    }
  }
}

}  // namespace
}  // namespace sheaf::btree
