// Proves typed tables: the bytes and names of value types (golden), that damaged
// values are refused, that every function of Table comes through with types, and
// that a table is never opened as something it is not.
#include "sheaf/typed_table.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "sheaf/database.h"

namespace sheaf {

struct Point {
  int32_t x = 0, y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

template <>
struct ValueCodec<Point> {
  static constexpr size_t kFixedSize = 8;
  static void Append(std::string* out, const Point& p) {
    ValueCodec<int32_t>::Append(out, p.x);
    ValueCodec<int32_t>::Append(out, p.y);
  }
  static bool Decode(std::string_view bytes, Point* p) {
    return bytes.size() == 8 && ValueCodec<int32_t>::Decode(bytes.substr(0, 4), &p->x) &&
           ValueCodec<int32_t>::Decode(bytes.substr(4), &p->y);
  }
  static std::string TypeName() { return "point"; }
};

namespace {

using std::string_literals::operator""s;

enum class Color : uint8_t { kRed = 1, kBlue = 2 };

// ---- values ----

template <class V>
std::string ToBytes(const V& value) {
  std::string bytes;
  ValueCodec<V>::Append(&bytes, value);
  return bytes;
}

template <class V>
void ExpectGolden(const V& value, const std::string& name, const std::string& bytes) {
  EXPECT_EQ(ValueCodec<V>::TypeName(), name);
  EXPECT_EQ(ToBytes(value), bytes) << name;
  V back{};
  ASSERT_TRUE(ValueCodec<V>::Decode(bytes, &back)) << name;
  EXPECT_TRUE(back == value) << name;
  if constexpr (internal::kValueIsFixed<V>) {
    EXPECT_EQ(bytes.size(), ValueCodec<V>::kFixedSize) << name;
  }
}

TEST(ValueCodec, GoldenScalars) {
  ExpectGolden(true, "bool", "\x01");
  ExpectGolden(int8_t{-2}, "i8", "\xFE");
  ExpectGolden(uint16_t{0x0102}, "u16", "\x02\x01");
  ExpectGolden(int32_t{-2}, "i32", "\xFE\xFF\xFF\xFF");
  ExpectGolden(uint64_t{1}, "u64", "\x01\0\0\0\0\0\0\0"s);
  ExpectGolden(std::numeric_limits<int64_t>::min(), "i64", "\0\0\0\0\0\0\0\x80"s);
  ExpectGolden(1.0f, "f32", "\0\0\x80\x3F"s);
  ExpectGolden(-1.0, "f64", "\0\0\0\0\0\0\xF0\xBF"s);
  ExpectGolden(Color::kBlue, "u8", "\x02");
  ExpectGolden(std::monostate(), "unit", "");
  ExpectGolden(absl::FromUnixNanos(258), "time", "\x02\x01\0\0\0\0\0\0"s);
  ExpectGolden(absl::InfiniteFuture(), "time", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F");
  ExpectGolden(Point{1, 2}, "point", "\x01\0\0\0\x02\0\0\0"s);
  EXPECT_EQ(ToBytes(-0.0), "\0\0\0\0\0\0\0\x80"s);  // floats keep every bit
}

TEST(ValueCodec, GoldenCompounds) {
  ExpectGolden("a\0b"s, "string", "a\0b"s);
  ExpectGolden(std::string_view("ab"), "string", "ab");
  ExpectGolden(std::vector<char>{'a', 'b'}, "bytes", "ab");
  ExpectGolden(std::vector<uint8_t>{0, 255}, "bytes", "\0\xFF"s);
  ExpectGolden(std::vector<std::byte>{std::byte{7}}, "bytes", "\x07");
  ExpectGolden(std::vector<uint16_t>{1, 2}, "vector<u16>", "\x01\0\x02\0"s);
  ExpectGolden(std::vector<bool>{true, false}, "vector<bool>", "\x01\0"s);
  ExpectGolden(std::vector<std::string>{"a", "", "bc"}, "vector<string>",
               "\x01"
               "a\0\x02"
               "bc"s);
  ExpectGolden(std::array<uint16_t, 2>{1, 2}, "array<u16,2>", "\x01\0\x02\0"s);
  ExpectGolden(std::array<std::string, 2>{"a", "bc"}, "array<string,2>",
               "\x01"
               "a\x02"
               "bc");
  ExpectGolden(std::optional<int8_t>(), "optional<i8>", "\0"s);
  ExpectGolden(std::optional<int8_t>(5), "optional<i8>", "\x01\x05");
  ExpectGolden(std::optional<std::string>(""), "optional<string>", "\x01");
  ExpectGolden(std::pair<uint8_t, std::string>(7, "ab"), "tuple<u8,string>",
               "\x07\x02"
               "ab");
  ExpectGolden(std::tuple<std::string, std::optional<int8_t>, Point>("x", 1, {2, 3}),
               "tuple<string,optional<i8>,point>",
               "\x01"
               "x\x02\x01\x01\x02\0\0\0\x03\0\0\0"s);
  ExpectGolden(std::tuple<>(), "tuple<>", "");
  const std::string long_text(200, 'x');
  ExpectGolden(std::vector<std::string>{long_text}, "vector<string>",
               "\xC8\x01" + long_text);
}

template <class V>
void ExpectRefused(std::string_view bytes) {
  V value{};
  EXPECT_FALSE(ValueCodec<V>::Decode(bytes, &value)) << ValueCodec<V>::TypeName();
}

TEST(ValueCodec, RefusesWhatAppendNeverWrites) {
  ExpectRefused<bool>("\x02");
  ExpectRefused<bool>("");
  ExpectRefused<int32_t>("abc");
  ExpectRefused<int32_t>("abcde");
  ExpectRefused<std::monostate>("x");
  ExpectRefused<std::optional<int8_t>>("");
  ExpectRefused<std::optional<int8_t>>("\0x"s);
  ExpectRefused<std::optional<int8_t>>("\x02x");
  ExpectRefused<std::vector<uint16_t>>("abc");
  ExpectRefused<std::vector<std::string>>(
      "\x02"
      "a");
  ExpectRefused<std::vector<std::string>>("\x81\0a"s);  // 1, spelled long
  ExpectRefused<std::vector<std::string>>(std::string(9, '\xFF'));
  ExpectRefused<std::vector<std::string>>(std::string(11, '\xFF'));
  ExpectRefused<std::array<uint8_t, 2>>("abc");
  ExpectRefused<std::pair<uint8_t, std::string>>(
      "\x07\x02"
      "abc");
  ExpectRefused<std::tuple<>>("x");
}

TEST(ValueCodec, DamagedBytesAreRefusedOrSpellAValue) {
  using V = std::tuple<std::vector<std::string>, std::optional<std::string>,
                       std::vector<std::pair<bool, std::string>>>;
  constexpr uint64_t kSeed = 11;
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  const std::string whole =
      ToBytes(V({"one", "", "three"}, "text", {{true, "a"}, {false, "bc"}}));
  for (int step = 0; step < 50000; ++step) {
    std::string bytes = whole.substr(0, random() % (whole.size() + 1));
    for (int i = 0; i < 2 && !bytes.empty(); ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 8);
    }
    V value;
    if (ValueCodec<V>::Decode(bytes, &value)) {
      ASSERT_EQ(ToBytes(value), bytes);
    }
  }
}

// ---- tables ----

class TypedTableTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Database>> db = Database::OpenInMemory();
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
    absl::StatusOr<WriteTransaction> txn = db_->BeginWrite();
    ASSERT_TRUE(txn.ok()) << txn.status();
    txn_ = std::make_unique<WriteTransaction>(*std::move(txn));
  }

  template <class K, class V>
  TypedTable<K, V> Open(std::string_view name = "t") {
    absl::StatusOr<TypedTable<K, V>> table = OpenTyped<K, V>(*txn_, name);
    EXPECT_TRUE(table.ok()) << table.status();
    return table.value_or(TypedTable<K, V>());
  }

  std::unique_ptr<Database> db_;
  std::unique_ptr<WriteTransaction> txn_;
};

template <class Table>
auto Dump(const Table& table, const KeyRange& range = {}) {
  std::vector<std::pair<int32_t, std::string>> rows;
  EXPECT_TRUE(table
                  .ForEach(range,
                           [&](int32_t key, const std::string& value) {
                             rows.emplace_back(key, value);
                           })
                  .ok());
  return rows;
}
using Rows = std::vector<std::pair<int32_t, std::string>>;

TEST_F(TypedTableTest, PutGetFindDelete) {
  auto table = Open<std::string, int64_t>();
  EXPECT_EQ(table.name(), "t");
  EXPECT_TRUE(table.Put("ada", 36).ok());
  EXPECT_TRUE(table.Put(std::string("bob"), -1).ok());
  EXPECT_TRUE(table.Put("ada", 37).ok());
  EXPECT_EQ(table.Insert("ada", 1).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(table.Insert("", 0).ok());  // an empty string still has key bytes
  EXPECT_EQ(*table.Get("ada"), 37);
  EXPECT_EQ(table.Get("eve").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(**table.Find("bob"), -1);
  EXPECT_FALSE(table.Find("eve")->has_value());
  EXPECT_TRUE(*table.Contains("bob"));
  EXPECT_EQ(*table.size(), 3u);
  EXPECT_EQ(*table.KeyAt(1), "ada");
  EXPECT_EQ(table.KeyAt(3).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(*table.Delete("bob"));
  EXPECT_FALSE(*table.Delete("bob"));
}

TEST_F(TypedTableTest, StoredBytesAreThoseOfTheCodecs) {
  auto table = Open<int32_t, std::pair<uint8_t, std::string>>();
  ASSERT_TRUE(table.Put(-1, {7, "ab"}).ok());
  const absl::StatusOr<Value> bytes = table.bytes().Get("\x7F\xFF\xFF\xFF");
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->view(),
            "\x07\x02"
            "ab");
}

TEST_F(TypedTableTest, LoopsInOrderOfTheKeys) {
  auto table = Open<int32_t, std::string>();
  for (const int32_t key : {5, -3, 0, 100000, -100000}) {
    ASSERT_TRUE(table.Put(key, std::to_string(key)).ok());
  }
  const Rows all = {
      {-100000, "-100000"}, {-3, "-3"}, {0, "0"}, {5, "5"}, {100000, "100000"}};
  EXPECT_EQ(Dump(table), all);
  EXPECT_EQ(Dump(table, table.Between(-3, 5)), (Rows{{-3, "-3"}, {0, "0"}}));
  EXPECT_EQ(Dump(table, table.AtLeast(5)), (Rows{{5, "5"}, {100000, "100000"}}));
  EXPECT_EQ(Dump(table, table.MoreThan(5)), (Rows{{100000, "100000"}}));
  EXPECT_EQ(Dump(table, table.LessThan(-3)), (Rows{{-100000, "-100000"}}));
  EXPECT_EQ(Dump(table, table.AtMost(-3)), (Rows{{-100000, "-100000"}, {-3, "-3"}}));
  EXPECT_EQ(Dump(table, table.Between(5, -3)), Rows());
  EXPECT_EQ(*table.Count(table.Between(-3, 6)), 3u);
}

TEST_F(TypedTableTest, VisitorsStopByBoolOrStatus) {
  auto table = Open<int32_t, std::string>();
  for (int32_t key = 0; key < 5; ++key) ASSERT_TRUE(table.Put(key, "x").ok());
  std::vector<int32_t> seen;
  EXPECT_TRUE(table
                  .ForEachReverse({},
                                  [&](const int32_t& key, const std::string&) {
                                    seen.push_back(key);
                                    return key > 2;
                                  })
                  .ok());
  EXPECT_EQ(seen, (std::vector<int32_t>{4, 3, 2}));
  int calls = 0;
  const absl::Status status = table.ForEach({}, [&](int32_t, const std::string&) {
    return ++calls == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(status, absl::CancelledError("enough"));
  EXPECT_EQ(calls, 2);
}

TEST_F(TypedTableTest, ScansAreRangeForLoops) {
  auto table = Open<int32_t, std::string>();
  for (int32_t key = 0; key < 5; ++key) {
    ASSERT_TRUE(table.Put(key, std::to_string(key)).ok());
  }
  std::string text;
  auto rows = table.Scan(table.Between(1, 4));
  for (const auto& [key, value] : rows) text += std::to_string(key) + value + " ";
  EXPECT_TRUE(rows.status().ok()) << rows.status();
  EXPECT_EQ(text, "11 22 33 ");

  text.clear();
  for (const auto& [key, value] : table.ScanReverse(table.Between(1, 4))) text += value;
  EXPECT_EQ(text, "321");
  text.clear();
  for (const auto& [key, value] : table.ScanReverse(table.AtMost(100))) text += value;
  EXPECT_EQ(text, "43210");
  text.clear();
  for (const auto& [key, value] : table.ScanReverse()) text += value;
  EXPECT_EQ(text, "43210");
  for (const auto& [key, value] : table.Scan(table.AtLeast(5))) ADD_FAILURE() << value;
  for (const auto& [key, value] : table.ScanReverse(table.LessThan(0)))
    ADD_FAILURE() << value;
}

TEST_F(TypedTableTest, PrefixesOfTuples) {
  using Key = std::tuple<int64_t, std::string, int32_t>;
  auto table = Open<Key, std::monostate>();
  for (const Key& key : {Key(1, "ab", 1), Key(1, "ab", 2), Key(1, "abc", 0),
                         Key(1, "b", 0), Key(2, "ab", 0), Key(-1, "ab", 0)}) {
    ASSERT_TRUE(table.Put(key, {}).ok());
  }
  EXPECT_EQ(*table.Count(table.Prefix(1)), 4u);
  EXPECT_EQ(*table.Count(table.Prefix(1, "ab")), 2u);
  EXPECT_EQ(*table.Count(table.Prefix(1, StringPrefix{"ab"})), 3u);
  EXPECT_EQ(*table.Count(table.Prefix(1, "ab", 2)), 1u);
  EXPECT_EQ(*table.Count(table.Prefix()), 6u);
  EXPECT_EQ(*table.DeleteRange(table.Prefix(1)), 4u);
  EXPECT_EQ(*table.size(), 2u);
}

TEST_F(TypedTableTest, FirstLastAndPop) {
  auto table = Open<int32_t, std::string>();
  EXPECT_FALSE(table.First()->has_value());
  EXPECT_FALSE(table.PopLast()->has_value());
  for (int32_t key = 0; key < 5; ++key) {
    ASSERT_TRUE(table.Put(key, std::to_string(key)).ok());
  }
  EXPECT_EQ((*table.First())->key, 0);
  EXPECT_EQ((*table.Last())->value, "4");
  EXPECT_EQ((*table.First(table.MoreThan(2)))->key, 3);
  EXPECT_EQ((*table.Last(table.LessThan(2)))->key, 1);
  EXPECT_EQ((*table.PopFirst())->value, "0");
  EXPECT_EQ((*table.PopLast())->key, 4);
  EXPECT_EQ(*table.size(), 3u);
}

TEST_F(TypedTableTest, UpdateSeesTheOldValue) {
  auto table = Open<std::string, int64_t>();
  const auto increment = [](std::optional<int64_t> old) -> std::optional<int64_t> {
    return old.value_or(0) + 1;
  };
  EXPECT_TRUE(table.Update("n", increment).ok());
  EXPECT_TRUE(table.Update("n", increment).ok());
  EXPECT_EQ(*table.Get("n"), 2);
  EXPECT_TRUE(
      table.Update("n", [](std::optional<int64_t>) { return std::optional<int64_t>(); })
          .ok());
  EXPECT_FALSE(*table.Contains("n"));
}

TEST_F(TypedTableTest, ExtractRetainAndDeleteRange) {
  auto table = Open<int32_t, std::string>();
  for (int32_t key = 0; key < 100; ++key) ASSERT_TRUE(table.Put(key, "x").ok());
  EXPECT_EQ(
      *table.ExtractIf({}, [](int32_t key, const std::string&) { return key % 2 == 0; }),
      50u);
  EXPECT_EQ(*table.Retain(table.LessThan(50),
                          [](int32_t key, const std::string&) { return key % 5 == 0; }),
            20u);
  EXPECT_EQ(*table.DeleteRange(60, 1000), 20u);
  EXPECT_EQ(*table.size(), 10u);
}

TEST_F(TypedTableTest, MultiGetKeepsTheOrder) {
  auto table = Open<std::string, int64_t>();
  ASSERT_TRUE(table.Put("a", 1).ok() && table.Put("b", 2).ok());
  const auto values = table.MultiGet({"b", "x", "a", "b"});
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ(*values, (std::vector<std::optional<int64_t>>{2, std::nullopt, 1, 2}));
}

TEST_F(TypedTableTest, ViewsAreHeld) {
  auto table = Open<int32_t, std::string_view>();
  const std::string large(200000, 'x');
  ASSERT_TRUE(table.Put(1, "one").ok() && table.Put(2, large).ok());
  absl::StatusOr<Held<std::string_view>> one = table.Get(1);
  ASSERT_TRUE(one.ok()) << one.status();
  Held<std::string_view> moved = *std::move(one);
  EXPECT_EQ(*moved, "one");
  EXPECT_EQ(moved->size(), 3u);
  EXPECT_EQ(table.Get(2)->value().size(), large.size());
  EXPECT_EQ((*table.Last())->value.value(), large);
  EXPECT_EQ((*table.PopLast())->value.value(), large);
  const auto values = table.MultiGet({1, 3});
  ASSERT_TRUE(values.ok());
  EXPECT_EQ((*values)[0]->value(), "one");
  EXPECT_FALSE((*values)[1].has_value());
}

TEST_F(TypedTableTest, ViewsInsideTuplesAreHeldToo) {
  using Row = std::tuple<int32_t, std::string_view>;
  auto table = Open<int32_t, Row>();
  ASSERT_TRUE(table.Put(1, Row(7, "seven")).ok());
  const absl::StatusOr<Held<Row>> row = table.Get(1);
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(**row, Row(7, "seven"));
}

TEST_F(TypedTableTest, BulkLoad) {
  auto table = Open<int32_t, std::string>();
  int32_t next = 0;
  ASSERT_TRUE(table
                  .BulkLoad([&](int32_t* key, std::string* value) {
                    *key = next++;
                    *value = std::to_string(*key);
                    return next <= 10000;
                  })
                  .ok());
  EXPECT_EQ(*table.size(), 10000u);
  EXPECT_EQ(*table.Get(4321), "4321");
}

TEST_F(TypedTableTest, ReadersOpenByTypeToo) {
  {
    auto table = Open<std::string, Point>();
    ASSERT_TRUE(table.Put("p", {1, -2}).ok());
    ASSERT_TRUE(txn_->Commit().ok());
  }
  ReadTransaction read = db_->BeginRead();
  absl::StatusOr<TypedTableReader<std::string, Point>> table =
      OpenTyped<std::string, Point>(read, "t");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(*table->Get("p"), (Point{1, -2}));
  EXPECT_EQ((OpenTyped<std::string, Point>(read, "other").status().code()),
            absl::StatusCode::kNotFound);
  EXPECT_EQ((OpenTyped<std::string, int64_t>(read, "t").status().code()),
            absl::StatusCode::kFailedPrecondition);
  const absl::StatusOr<std::vector<TreeInfo>> trees = read.List();
  ASSERT_TRUE(trees.ok());
  EXPECT_EQ((*trees)[0].key_type, "string");
  EXPECT_EQ((*trees)[0].value_type, "point");
}

TEST_F(TypedTableTest, OtherTypesAreRefusedByName) {
  Open<std::pair<int32_t, std::string>, Point>();
  EXPECT_TRUE((OpenTyped<std::tuple<int32_t, std::string>, Point>(*txn_, "t").ok()));
  const absl::Status key = OpenTyped<int64_t, Point>(*txn_, "t").status();
  EXPECT_EQ(key.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(key.message().find("tuple<i32,string>"), absl::string_view::npos) << key;
  EXPECT_NE(key.message().find("i64"), absl::string_view::npos) << key;
  const absl::Status value =
      OpenTyped<std::pair<int32_t, std::string>, double>(*txn_, "t").status();
  EXPECT_EQ(value.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(value.message().find("point"), absl::string_view::npos) << value;
  EXPECT_NE(value.message().find("f64"), absl::string_view::npos) << value;
}

// Someone wrote through bytes() or another codec of the same name.
TEST_F(TypedTableTest, ForeignBytesAreDataLossWhereverTheyAreMet) {
  auto table = Open<int32_t, int32_t>();
  ASSERT_TRUE(table.Put(1, 1).ok());
  ASSERT_TRUE(table.bytes().Put(EncodeKey(int32_t{2}), "abc").ok());
  const absl::Status expected =
      absl::DataLossError("table t: a value of 3 bytes is not i32");
  EXPECT_EQ(table.Get(2).status(), expected);
  EXPECT_EQ(table.Find(2).status(), expected);
  EXPECT_EQ(table.MultiGet({1, 2}).status(), expected);
  EXPECT_EQ(table.Last().status(), expected);
  int calls = 0;
  EXPECT_EQ(table.ForEach({}, [&](int32_t, int32_t) { ++calls; }), expected);
  EXPECT_EQ(calls, 1);
  auto rows = table.Scan();
  for ([[maybe_unused]] const auto& row : rows) ++calls;
  EXPECT_EQ(rows.status(), expected);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(table.ExtractIf({}, [](int32_t, int32_t) { return false; }).status(),
            expected);
  EXPECT_EQ(table.Retain({}, [](int32_t, int32_t) { return true; }).status(), expected);
  EXPECT_EQ(
      table.Update(2, [](std::optional<int32_t>) { return std::optional<int32_t>(); }),
      expected);
  EXPECT_TRUE(*table.Contains(2));

  ASSERT_TRUE(table.bytes().Put("xyz", "abcd").ok());
  EXPECT_EQ(table.First().status(),
            absl::DataLossError("table t: a key of 3 bytes is not i32"));
}

TEST_F(TypedTableTest, HandlesEndWithTheirTransaction) {
  auto table = Open<int32_t, int32_t>();
  ASSERT_TRUE(table.Put(1, 1).ok());
  auto rows = table.Scan();
  txn_->Rollback();
  EXPECT_EQ(table.Get(1).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(table.Put(1, 2).code(), absl::StatusCode::kFailedPrecondition);
  for ([[maybe_unused]] const auto& row : rows) ADD_FAILURE();
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kFailedPrecondition);
  const TypedTable<int32_t, int32_t> none;
  EXPECT_EQ(none.Get(1).status().code(), absl::StatusCode::kFailedPrecondition);
}

// Random steps against std::map, keys of two parts.
TEST_F(TypedTableTest, BehavesAsAMap) {
  using Key = std::pair<Descending<int16_t>, std::string>;
  constexpr uint64_t kSeed = 99;
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  std::map<Key, std::vector<float>> model;
  auto table = Open<Key, std::vector<float>>();
  for (int step = 0; step < 5000; ++step) {
    const Key key({static_cast<int16_t>(random() % 40 - 20)},
                  std::string(random() % 3, static_cast<char>(random() % 2)));
    if (random() % 3 != 0) {
      const std::vector<float> value(random() % 4, static_cast<float>(step));
      model[key] = value;
      ASSERT_TRUE(table.Put(key, value).ok());
    } else {
      ASSERT_EQ(*table.Delete(key), model.erase(key) == 1);
    }
  }
  auto expected = model.begin();
  auto rows = table.Scan();
  for (const auto& [key, value] : rows) {
    ASSERT_TRUE(expected != model.end() && expected->first == key);
    ASSERT_EQ((expected++)->second, value);
  }
  ASSERT_TRUE(rows.status().ok()) << rows.status();
  EXPECT_TRUE(expected == model.end());
}

}  // namespace
}  // namespace sheaf
