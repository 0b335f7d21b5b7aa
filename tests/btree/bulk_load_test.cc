// Bulk loading gives the tree that inserting would have given, only fuller; what it
// refuses leaves the tree empty and no page behind.
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/btree/tree_test_util.h"

namespace sheaf::btree {
namespace {

absl::Status Load(
    TestTree* t, const std::vector<std::pair<std::string, std::string>>& entries,
    absl::FunctionRef<absl::Status(uint64_t)> tick = [](uint64_t) {
      return absl::OkStatus();
    }) {
  size_t i = 0;
  return t->tree().BulkLoad(
      [&](std::string_view* key, std::string_view* value) {
        if (i == entries.size()) return false;
        *key = entries[i].first, *value = entries[i].second;
        return ++i, true;
      },
      tick);
}

TEST(BulkLoad, EveryCountUpToThreeLevels) {
  for (const size_t count : {0u, 1u, 2u, 3u, 50u, 65u, 66u, 67u, 1000u, 8000u, 60000u}) {
    for (const size_t value_size : {0u, 40u, 900u}) {
      if (count * value_size > 8'000'000) continue;
      SCOPED_TRACE(testing::Message() << count << " values of " << value_size);
      TestTree t(uint64_t{4} << 20);
      Model model;
      for (size_t i = 0; i < count; ++i)
        model[absl::StrCat("key", 1000000 + i)] = std::string(value_size, 'v');
      ASSERT_TRUE(Load(&t, {model.begin(), model.end()}).ok());
      t.Commit();
      t.ExpectIs(model);
      EXPECT_EQ(t.PagesInUse(), t.pages());
      EXPECT_LE(t.pages(), count * (value_size + 13) / 3000 + 3);
    }
  }
}

TEST(BulkLoad, ThenChangedLikeAnyTree) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    std::mt19937 random(seed);
    TestTree t;
    Model model;
    for (int i = 0; i < 2000; ++i) {
      std::string key =
          absl::StrCat(std::string(random() % 3 * 20, 'p'), random() % 100000);
      if (random() % 50 == 0) key.append(random() % 900, 'L');
      const size_t size = random() % 100 == 0 ? random() % 100000 : random() % 300;
      model[key] = std::string(size, static_cast<char>('a' + i % 26));
    }
    ASSERT_TRUE(Load(&t, {model.begin(), model.end()}).ok());
    t.ExpectIs(model);
    if (seed % 2 == 0) t.Commit();
    for (int i = 0; i < 3000; ++i) {
      auto it = model.lower_bound(absl::StrCat(random() % 100000));
      if (random() % 2 == 0 && it != model.end()) {
        ASSERT_TRUE(*t.tree().Delete(it->first));
        model.erase(it);
      } else {
        const std::string key = absl::StrCat(random() % 100000);
        model[key] = std::string(random() % 200, 'n');
        t.Put(key, model[key]);
      }
    }
    t.ExpectIs(model);
    t.Commit();
    t.ExpectIs(model);
    EXPECT_EQ(t.PagesInUse(), t.pages());
  }
}

TEST(BulkLoad, WhatIsRefusedLeavesNothing) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 3000; ++i)
    entries.emplace_back(absl::StrCat("key", 10000 + i),
                         std::string(i % 10 == 0 ? 5000 : 50, 'v'));
  const auto refused = [&](size_t at, const std::string& key) {
    TestTree t;
    auto wrong = entries;
    wrong[at].first = key;
    const absl::Status status = Load(&t, wrong);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_FALSE(t.tree().root().page);
    t.Put("k", "v");
    t.Commit();
    t.ExpectIs({{"k", "v"}});
    EXPECT_EQ(t.PagesInUse(), 1u);
  };
  for (const size_t at : {size_t{1}, size_t{70}, size_t{2999}}) {
    refused(at, entries[at - 1].first);  // equal
    refused(at, "a");                    // below
    refused(at, "");
    refused(at, std::string(1025, 'z'));
  }
  refused(0, "");
}

TEST(BulkLoad, CanBeStopped) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 9000; ++i)
    entries.emplace_back(absl::StrCat("key", 10000 + i), "v");
  TestTree t;
  uint64_t ticks = 0;
  const absl::Status status = Load(&t, entries, [&](uint64_t) {
    return ++ticks == 3 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_FALSE(t.tree().root().page);
  t.Commit();
  EXPECT_EQ(t.PagesInUse(), 0u);
}

}  // namespace
}  // namespace sheaf::btree
