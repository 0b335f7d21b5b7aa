// Proves multimaps: random steps with savepoints, rollbacks and reopening leave what
// std::map<K, std::set<V>> holds, whatever keys look alike; bounds, loops and counts are
// those of the model; wrong types and pairs that are too long are refused; readers keep
// their snapshot.
#include "sheaf/multimap_table.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sheaf/database.h"
#include "sheaf/options.h"
#include "sheaf/typed_table.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

using std::string_literals::operator""s;

template <class K, class V>
using Model = std::map<K, std::set<V>>;

// Keys and values that begin alike, are empty, or have no bytes above them.
template <class T>
T Make(std::mt19937_64& random) {
  if constexpr (std::is_same_v<T, std::string>) {
    static const std::string kParts[] = {"a", "b", "\0"s, "\x01", "\xFF", "long part "};
    std::string text;
    for (size_t n = random() % 4; n > 0; --n) text += kParts[random() % 6];
    return text;
  } else if constexpr (sizeof(T) == 1) {
    return static_cast<T>(random() % 4 == 0 ? 255 : random() % 8 + 246);
  } else {
    if (random() % 20 == 0) return std::numeric_limits<T>::min();
    if (random() % 20 == 0) return std::numeric_limits<T>::max();
    return static_cast<T>(random() % 600) - 300;
  }
}

template <class V>
bool IsIn(const V& value, const ValueRange<V>& range) {
  return !(range.from.has_value() && value < *range.from) &&
         !(range.to.has_value() && !(value < *range.to));
}

template <class V>
ValueRange<V> MakeRange(std::mt19937_64& random) {
  ValueRange<V> range;
  if (random() % 2 == 0) range.from = Make<V>(random);
  if (random() % 2 == 0) range.to = Make<V>(random);
  return range;
}

// What `model` has for `key` inside `range`.
template <class K, class V>
std::vector<V> ValuesIn(const Model<K, V>& model, const K& key,
                        const ValueRange<V>& range = {}) {
  std::vector<V> values;
  const auto at = model.find(key);
  if (at == model.end()) return values;
  for (const V& value : at->second) {
    if (IsIn(value, range)) values.push_back(value);
  }
  return values;
}

template <class K, class V>
Model<K, V> ModelOf(const MultimapReader<K, V>& table,
                    const KeyRange& range = KeyRange::All()) {
  Model<K, V> model;
  std::optional<std::pair<K, V>> last;
  const absl::Status status = table.ForEach(range, [&](const K& key, const V& value) {
    std::pair<K, V> pair(key, value);
    EXPECT_TRUE(!last.has_value() || *last < pair) << "not in order, or twice";
    model[key].insert(value);
    last = std::move(pair);
  });
  EXPECT_TRUE(status.ok()) << status;
  return model;
}

template <class K, class V>
std::vector<K> KeysOf(const MultimapReader<K, V>& table,
                      const KeyRange& range = KeyRange::All()) {
  std::vector<K> keys;
  const absl::Status status =
      table.ForEachKey(range, [&](const K& key) { keys.push_back(key); });
  EXPECT_TRUE(status.ok()) << status;
  return keys;
}

template <class K, class V>
std::vector<V> ValuesOf(const MultimapReader<K, V>& table, const K& key,
                        const ValueRange<V>& range = {}) {
  std::vector<V> values;
  const absl::Status status =
      table.ForEachValue(key, range, [&](const V& value) { values.push_back(value); });
  EXPECT_TRUE(status.ok()) << status;
  return values;
}

template <class K, class V>
void ExpectKeyIs(const MultimapReader<K, V>& table, const K& key,
                 const ValueRange<V>& range, const std::vector<V>& values) {
  EXPECT_EQ(ValuesOf(table, key, range), values);
  EXPECT_EQ(*table.Count(key, range), values.size());
  const std::optional<V> first = *table.First(key, range), last = *table.Last(key, range);
  ASSERT_EQ(first.has_value(), !values.empty());
  ASSERT_EQ(last.has_value(), !values.empty());
  if (values.empty()) return;
  EXPECT_EQ(*first, values.front());
  EXPECT_EQ(*last, values.back());
}

class MultimapTest : public ApiTest {
 protected:
  template <class K, class V>
  Multimap<K, V> OpenIn(WriteTransaction& txn, std::string_view name = "m") {
    absl::StatusOr<Multimap<K, V>> table = OpenMultimap<K, V>(txn, name);
    EXPECT_TRUE(table.ok()) << table.status();
    return table.value_or(Multimap<K, V>());
  }
  template <class K, class V>
  MultimapReader<K, V> OpenIn(const ReadTransaction& txn, std::string_view name = "m") {
    absl::StatusOr<MultimapReader<K, V>> table = OpenMultimap<K, V>(txn, name);
    EXPECT_TRUE(table.ok()) << table.status();
    return table.value_or(MultimapReader<K, V>());
  }
  template <class K, class V>
  void Add(const K& key, const V& value) {
    WriteTransaction txn = Begin();
    auto table = OpenIn<K, V>(txn);
    ASSERT_TRUE(*table.Insert(key, value));
    ASSERT_TRUE(txn.Commit().ok());
  }

  // ---- random steps ----

  template <class K, class V>
  void Step(Multimap<K, V>& table, Model<K, V>* model) {
    const K key = Make<K>(random_);
    const V value = Make<V>(random_);
    switch (random_() % 12) {
      case 0: {
        const uint64_t there = ValuesIn(*model, key).size();
        ASSERT_EQ(*table.RemoveAll(key), there);
        model->erase(key);
        break;
      }
      case 1: {
        const ValueRange<V> range = MakeRange<V>(random_);
        const std::vector<V> gone = ValuesIn(*model, key, range);
        ASSERT_EQ(*table.RemoveAll(key, range), gone.size());
        for (const V& v : gone) Erase(model, key, v);
        break;
      }
      case 2:
      case 3:
      case 4:
        ASSERT_EQ(*table.Remove(key, value), Erase(model, key, value));
        break;
      case 5: {
        const auto at = model->find(key);
        ASSERT_EQ(*table.Contains(key, value),
                  at != model->end() && at->second.contains(value));
        break;
      }
      case 6: {
        const ValueRange<V> range = MakeRange<V>(random_);
        ExpectKeyIs(table, key, range, ValuesIn(*model, key, range));
        break;
      }
      default:
        ASSERT_EQ(*table.Insert(key, value), (*model)[key].insert(value).second);
    }
  }
  template <class K, class V>
  static bool Erase(Model<K, V>* model, const K& key, const V& value) {
    const auto at = model->find(key);
    if (at == model->end()) return false;
    const bool gone = at->second.erase(value) == 1;
    if (at->second.empty()) model->erase(at);
    return gone;
  }

  template <class K, class V>
  void Transaction(Model<K, V>* model) {
    WriteTransaction txn = Begin(Durability::kProcess);
    auto table = OpenIn<K, V>(txn);
    Model<K, V> next = *model, at_savepoint;
    std::optional<Savepoint> savepoint;
    for (size_t step = random_() % 100; step > 0; --step) {
      if (random_() % 20 == 0) {
        savepoint = *txn.SetSavepoint();
        at_savepoint = next;
      } else if (savepoint.has_value() && random_() % 15 == 0) {
        ASSERT_TRUE(txn.RollbackTo(*savepoint).ok());
        next = at_savepoint;
      } else {
        ASSERT_NO_FATAL_FAILURE(Step(table, &next));
      }
    }
    if (random_() % 6 == 0) return txn.Rollback();
    ASSERT_TRUE(txn.Commit().ok());
    *model = std::move(next);
  }

  template <class K, class V>
  void ExpectIs(const Model<K, V>& model) {
    const ReadTransaction read = db_->BeginRead();
    const auto table = OpenIn<K, V>(read);
    EXPECT_EQ(ModelOf(table), model);
    std::vector<K> keys;
    uint64_t pairs = 0;
    for (const auto& [key, values] : model) {
      keys.push_back(key);
      pairs += values.size();
      ExpectKeyIs(table, key, {}, {values.begin(), values.end()});
    }
    EXPECT_EQ(KeysOf(table), keys);
    EXPECT_EQ(*table.size(), pairs);
    ExpectRanges(table, keys, Make<K>(random_), Make<K>(random_));
  }
  template <class K, class V>
  void ExpectRanges(const MultimapReader<K, V>& table, const std::vector<K>& all,
                    const K& from, const K& to) {
    const auto keys_where = [&](const auto& is_in) {
      std::vector<K> keys;
      for (const K& key : all) {
        if (is_in(key)) keys.push_back(key);
      }
      return keys;
    };
    const auto expect = [&](const KeyRange& range, const auto& is_in) {
      const std::vector<K> keys = keys_where(is_in);
      EXPECT_EQ(KeysOf(table, range), keys);
      std::vector<K> walked;
      for (const auto& [key, values] : ModelOf(table, range)) walked.push_back(key);
      EXPECT_EQ(walked, keys);
    };
    expect(table.Between(from, to), [&](const K& k) { return from <= k && k < to; });
    expect(table.AtLeast(from), [&](const K& k) { return from <= k; });
    expect(table.MoreThan(from), [&](const K& k) { return from < k; });
    expect(table.LessThan(to), [&](const K& k) { return k < to; });
    expect(table.AtMost(to), [&](const K& k) { return k <= to; });
  }

  template <class K, class V>
  void BehavesAsAMapOfSets(uint64_t seed) {
    printf("seed %llu\n", static_cast<unsigned long long>(seed));
    random_.seed(seed);
    {  // so that it is there, whatever is rolled back
      WriteTransaction txn = Begin();
      OpenIn<K, V>(txn);
      ASSERT_TRUE(txn.Commit().ok());
    }
    Model<K, V> model;
    for (int round = 0; round < 150; ++round) {
      ASSERT_NO_FATAL_FAILURE(Transaction(&model));
      if (round % 10 == 0) {
        random_() % 2 == 0 ? Reopen() : Kill();
        ASSERT_NO_FATAL_FAILURE((ExpectIs<K, V>(model)));
      }
    }
    ExpectClean();
  }

  std::mt19937_64 random_;
};

TEST_F(MultimapTest, BehavesAsAMapOfSetsTextToNumbers) {
  BehavesAsAMapOfSets<std::string, int64_t>(41);
}
TEST_F(MultimapTest, BehavesAsAMapOfSetsNumbersToText) {
  BehavesAsAMapOfSets<int32_t, std::string>(42);
}
TEST_F(MultimapTest, BehavesAsAMapOfSetsTextToText) {
  BehavesAsAMapOfSets<std::string, std::string>(43);
}
TEST_F(MultimapTest, BehavesAsAMapOfSetsBytesToBytes) {
  BehavesAsAMapOfSets<uint8_t, uint8_t>(44);
}
TEST_F(MultimapTest, BehavesAsAMapOfSetsWhenTablesAreCompressed) {
  options_.compression = {CompressionKind::kLz4};
  Reopen();
  BehavesAsAMapOfSets<int32_t, int32_t>(45);
  EXPECT_EQ(db_->BeginRead().List()->at(0).compression.kind, CompressionKind::kNone);
}

// ---- one by one ----

TEST_F(MultimapTest, KeysThatBeginAlikeKeepTheirValues) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<std::string, std::string>(txn);
  const std::vector<std::string> keys = {"", "\0"s, "a", "a\0"s, "a\0\xFF"s, "ab"};
  for (const std::string& key : keys) {
    for (const std::string& value : {""s, "b"s, "\0"s}) {
      EXPECT_TRUE(*table.Insert(key, value));
      EXPECT_FALSE(*table.Insert(key, value));
    }
  }
  EXPECT_EQ(KeysOf(table), keys);
  EXPECT_EQ(*table.size(), 18u);
  EXPECT_EQ(*table.RemoveAll("a"), 3u);
  EXPECT_EQ(*table.RemoveAll("a"), 0u);
  EXPECT_EQ(*table.RemoveAll(""), 3u);
  EXPECT_EQ(KeysOf(table), (std::vector<std::string>{"\0"s, "a\0"s, "a\0\xFF"s, "ab"}));
  EXPECT_EQ(ValuesOf(table, "a\0"s), (std::vector<std::string>{"", "\0"s, "b"}));
  EXPECT_EQ(*table.Count("a"), 0u);
  EXPECT_FALSE(table.First("a")->has_value());
}

TEST_F(MultimapTest, ValuesComeInTheirOwnOrder) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<int32_t, int64_t>(txn);
  for (const int64_t value : {5, -7, 0, 300, -300}) {
    ASSERT_TRUE(*table.Insert(-1, value));
    ASSERT_FALSE(*table.Insert(-1, value));
    ASSERT_TRUE(*table.Insert(1, value));
  }
  EXPECT_EQ(ValuesOf(table, -1), (std::vector<int64_t>{-300, -7, 0, 5, 300}));
  EXPECT_EQ(ValuesOf(table, -1, {-7, 5}), (std::vector<int64_t>{-7, 0}));
  EXPECT_EQ(ValuesOf(table, -1, {.from = 1}), (std::vector<int64_t>{5, 300}));
  EXPECT_EQ(ValuesOf(table, -1, {.to = 0}), (std::vector<int64_t>{-300, -7}));
  EXPECT_EQ(*table.Count(-1, {.from = -7}), 4u);
  EXPECT_EQ(*table.Count(-1, {5, -7}), 0u);
  EXPECT_EQ(**table.First(-1, {.from = 1}), 5);
  EXPECT_EQ(**table.Last(-1, {.to = 0}), -7);
  EXPECT_EQ(*table.RemoveAll(-1, {5, -7}), 0u);
  EXPECT_EQ(*table.RemoveAll(-1, {.to = 5}), 3u);
  EXPECT_EQ(ValuesOf(table, -1), (std::vector<int64_t>{5, 300}));
  EXPECT_EQ(*table.Count(1), 5u);

  auto falling = OpenIn<std::string, Descending<int32_t>>(txn, "falling");
  for (const int32_t value : {1, 3, 2}) ASSERT_TRUE(*falling.Insert("k", {value}));
  EXPECT_EQ((*falling.First("k"))->value, 3);
  EXPECT_EQ((*falling.Last("k"))->value, 1);
}

TEST_F(MultimapTest, KeysAndValuesMayBeTuples) {
  using Key = std::pair<std::string, int32_t>;
  using Row = std::tuple<bool, std::string>;
  WriteTransaction txn = Begin();
  auto table = OpenIn<Key, Row>(txn);
  for (const Key& key : {Key("a", -1), Key("a", 2), Key("ab", 0), Key("b", 0)}) {
    ASSERT_TRUE(*table.Insert(key, {true, ""}));
    ASSERT_TRUE(*table.Insert(key, {false, "x"}));
  }
  EXPECT_EQ(KeysOf(table, table.Prefix("a")), (std::vector<Key>{{"a", -1}, {"a", 2}}));
  EXPECT_EQ(KeysOf(table, table.Prefix(StringPrefix{"a"})).size(), 3u);
  EXPECT_EQ(**table.First({"ab", 0}), Row(false, "x"));
  EXPECT_EQ(*table.pairs().Count(table.Prefix("a")), 4u);
  EXPECT_EQ(*table.pairs().DeleteRange(table.Prefix("a")), 4u);
  EXPECT_EQ(*table.size(), 4u);
}

TEST_F(MultimapTest, VisitorsStopByBoolOrStatus) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<int32_t, int32_t>(txn);
  for (int32_t i = 0; i < 100; ++i) ASSERT_TRUE(*table.Insert(i / 10, i));
  std::vector<int32_t> seen;
  EXPECT_TRUE(table
                  .ForEachValue(3,
                                [&](int32_t value) {
                                  seen.push_back(value);
                                  return value < 32;
                                })
                  .ok());
  EXPECT_EQ(seen, (std::vector<int32_t>{30, 31, 32}));
  seen.clear();
  const absl::Status stopped = table.ForEachKey({}, [&](int32_t key) {
    seen.push_back(key);
    return key == 1 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(stopped, absl::CancelledError("enough"));
  EXPECT_EQ(seen, (std::vector<int32_t>{0, 1}));
  int calls = 0;
  EXPECT_TRUE(
      table.ForEach(table.AtLeast(5), [&](int32_t, int32_t) { return ++calls < 15; })
          .ok());
  EXPECT_EQ(calls, 15);
}

TEST_F(MultimapTest, LoopsMayChangeTheTable) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<int32_t, int32_t>(txn);
  for (int32_t i = 0; i < 5000; ++i) ASSERT_TRUE(*table.Insert(i / 100, i));
  int keys = 0;
  EXPECT_TRUE(table
                  .ForEachKey({},
                              [&](int32_t key) {
                                ++keys;
                                return key % 2 == 0 ? table.RemoveAll(key).status()
                                                    : table.Insert(key, -1).status();
                              })
                  .ok());
  EXPECT_EQ(keys, 50);
  EXPECT_EQ(*table.size(), 25u * 101);
  EXPECT_TRUE(
      table
          .ForEach({}, [&](int32_t key,
                           int32_t value) { return table.Remove(key, value).status(); })
          .ok());
  EXPECT_EQ(*table.size(), 0u);
  EXPECT_TRUE(KeysOf(table).empty());
}

TEST_F(MultimapTest, ManyValuesOfOneKeyGoAtOnce) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<std::string, uint64_t>(txn);
  for (const char* key : {"a", "b", "c"}) {
    for (uint64_t i = 0; i < 30000; ++i)
      ASSERT_TRUE(*table.Insert(key, i * 7919 % 30000));
  }
  EXPECT_EQ(*table.Count("b"), 30000u);
  EXPECT_EQ(*table.Count("b", {100, 20000}), 19900u);
  EXPECT_EQ(*table.RemoveAll("b"), 30000u);
  EXPECT_EQ(*table.Count("b"), 0u);
  EXPECT_EQ(**table.Last("a"), 29999u);
  EXPECT_EQ(**table.First("c"), 0u);
  EXPECT_EQ(*table.size(), 60000u);
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

// The format: a key of the table is the key and the value one after another.
TEST_F(MultimapTest, StoredBytesAreThoseOfThePair) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<std::string, int16_t>(txn);
  ASSERT_TRUE(*table.Insert("a\0"s, -2));
  EXPECT_EQ(All(table.pairs().bytes()), (Contents{{"a\0\xFF\0\0\x7F\xFE"s, ""}}));
  const TreeInfo info = txn.List()->at(0);
  EXPECT_EQ(info.key_type, "tuple<string,i16>");
  EXPECT_EQ(info.value_type, "multimap");
}

TEST_F(MultimapTest, ForeignBytesAreDataLoss) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<int32_t, int32_t>(txn);
  ASSERT_TRUE(*table.Insert(1, 1));
  ASSERT_TRUE(table.pairs().bytes().Put(EncodeKey(int32_t{2}), "").ok());
  const absl::Status key =
      absl::DataLossError("table m: a key of 4 bytes is not tuple<i32,i32>");
  EXPECT_EQ(table.First(2).status(), key);
  EXPECT_EQ(table.ForEachValue(2, [](int32_t) {}), key);
  EXPECT_EQ(table.ForEach({}, [](int32_t, int32_t) {}), key);
  ASSERT_TRUE(table.pairs().bytes().Put("abc", "").ok());
  EXPECT_EQ(table.ForEachKey({}, [](int32_t) {}),
            absl::DataLossError("table m: a key of 3 bytes is not tuple<i32,i32>"));
  ASSERT_TRUE(table.pairs().bytes().Put(EncodeKey(int32_t{1}, int32_t{1}), "x").ok());
  EXPECT_EQ(table.First(1).status(),
            absl::DataLossError("table m: a value of 1 bytes is not multimap"));
}

TEST_F(MultimapTest, OtherTypesAreRefusedByName) {
  WriteTransaction txn = Begin();
  OpenIn<std::string, int64_t>(txn);
  const auto expect_refused = [](const absl::Status& status, const char* named) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_NE(std::string(status.message()).find("(tuple<string,i64>, multimap)"),
              std::string::npos)
        << status;
    EXPECT_NE(std::string(status.message()).find(named), std::string::npos) << status;
  };
  using Pair = std::pair<std::string, int64_t>;
  expect_refused(OpenMultimap<std::string, int32_t>(txn, "m").status(), "i32");
  expect_refused(OpenMultimap<int64_t, std::string>(txn, "m").status(), "<i64,string>");
  expect_refused(OpenTyped<Pair, std::monostate>(txn, "m").status(), "unit");
  expect_refused(OpenTyped<std::string, int64_t>(txn, "m").status(), "(string, i64)");
  EXPECT_FALSE(txn.collection("m").ok());

  ASSERT_TRUE((OpenTyped<Pair, std::monostate>(txn, "pairs").ok()));
  ASSERT_TRUE(txn.table("bytes").ok());
  ASSERT_TRUE(txn.collection("notes").ok());
  for (const char* name : {"pairs", "bytes", "notes"}) {
    const absl::Status status = OpenMultimap<std::string, int64_t>(txn, name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  }
  ASSERT_TRUE(txn.Commit().ok());

  const ReadTransaction read = db_->BeginRead();
  expect_refused(OpenMultimap<std::string, int32_t>(read, "m").status(), "i32");
  expect_refused(OpenTyped<Pair, std::monostate>(read, "m").status(), "unit");
  EXPECT_EQ((OpenMultimap<std::string, int64_t>(read, "other").status().code()),
            absl::StatusCode::kNotFound);
}

TEST_F(MultimapTest, PairsThatAreTooLongAreRefused) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<std::string, std::string>(txn);
  const std::string half(510, 'x');  // 512 bytes as a key
  ASSERT_TRUE(*table.Insert(half, half));
  const Contents before = All(table.pairs().bytes());
  const std::string more = half + 'x', escaped = half.substr(1) + '\0';
  const auto expect_refused = [&](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(All(table.pairs().bytes()), before);
  };
  expect_refused(table.Insert(half, more).status());
  expect_refused(table.Insert(more, half).status());
  expect_refused(table.Insert(half, escaped).status());
  expect_refused(table.Remove(half, more).status());
  EXPECT_FALSE(*table.Contains(half, more));
  EXPECT_EQ(*table.Count(std::string(5000, 'x')), 0u);
  EXPECT_EQ(*table.RemoveAll(std::string(5000, 'x')), 0u);
  EXPECT_EQ(ValuesOf(table, half, {std::string(5000, 'x'), {}}),
            std::vector<std::string>());
  EXPECT_EQ(*table.RemoveAll(half, {"", std::string(5000, 'x')}), 1u);
  ASSERT_TRUE(*table.Insert(half, half));
  ASSERT_TRUE(txn.Commit().ok());
  Kill();  // what was refused is not in the log either
  EXPECT_EQ(All(OpenIn<std::string, std::string>(db_->BeginRead()).pairs().bytes()),
            before);
}

TEST_F(MultimapTest, ReadersKeepTheirSnapshot) {
  Add<std::string, int64_t>("a", 1);
  const ReadTransaction before = db_->BeginRead();
  const auto old = OpenIn<std::string, int64_t>(before);
  WriteTransaction txn = Begin();
  auto table = OpenIn<std::string, int64_t>(txn);
  ASSERT_TRUE(*table.Insert("a", 2));
  ASSERT_TRUE(*table.Insert("b", 1));
  ASSERT_TRUE(*table.Remove("a", 1));
  EXPECT_EQ(ModelOf(table), (Model<std::string, int64_t>{{"a", {2}}, {"b", {1}}}));
  EXPECT_EQ(ModelOf(old), (Model<std::string, int64_t>{{"a", {1}}}));
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(ModelOf(old), (Model<std::string, int64_t>{{"a", {1}}}));
  EXPECT_EQ(*old.Count("b"), 0u);
  EXPECT_TRUE(*old.Contains("a", 1));
  const ReadTransaction after = db_->BeginRead();
  EXPECT_EQ(KeysOf(OpenIn<std::string, int64_t>(after)),
            (std::vector<std::string>{"a", "b"}));
}

TEST_F(MultimapTest, HandlesEndWithTheirTransaction) {
  WriteTransaction txn = Begin();
  auto table = OpenIn<int32_t, int32_t>(txn);
  ASSERT_TRUE(*table.Insert(1, 1));
  txn.Rollback();
  const auto expect_ended = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  };
  Multimap<int32_t, int32_t> none;
  for (Multimap<int32_t, int32_t>* t : {&table, &none}) {
    expect_ended(t->Insert(1, 1).status());
    expect_ended(t->Remove(1, 1).status());
    expect_ended(t->RemoveAll(1).status());
    expect_ended(t->Contains(1, 1).status());
    expect_ended(t->Count(1).status());
    expect_ended(t->First(1).status());
    expect_ended(t->size().status());
    expect_ended(t->ForEachValue(1, [](int32_t) {}));
    expect_ended(t->ForEachKey({}, [](int32_t) {}));
  }
}

}  // namespace
}  // namespace sheaf::test
