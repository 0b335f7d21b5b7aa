// Proves that index keys order as values do, are read back, end where they end, and that
// what is no key is refused: golden bytes first, then random values against Compare.
#include "document/index_key.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "document/compare.h"
#include "document/json_codec.h"
#include "gtest/gtest.h"

namespace sheaf::document {
namespace {

using std::string_literals::operator""s;

struct Value {
  explicit Value(const std::string& json) {
    const absl::StatusOr<std::string> made = JsonToBinary(json, &names);
    EXPECT_TRUE(made.ok()) << json << ": " << made.status();
    if (made.ok()) bytes = *made;
  }
  View view() const { return RootOf(bytes, names); }
  NameTable names;
  std::string bytes;
};

std::string KeyOf(const std::string& json, bool descending = false) {
  const Value value(json);
  std::string key;
  AppendIndexKey(value.view(), &key);
  if (descending) InvertKey(&key, 0);
  return key;
}

TEST(IndexKey, GoldenBytes) {
  EXPECT_EQ(KeyOf("null"), "\x10");
  EXPECT_EQ(KeyOf("0"), "\x30\0"s);
  EXPECT_EQ(KeyOf("-0.0"), "\x30\0"s);
  EXPECT_EQ(KeyOf("1"), "\x31\x01\0"s);
  EXPECT_EQ(KeyOf("1.0"), "\x31\x01\0"s);
  EXPECT_EQ(KeyOf("-1"), "\x2e\xfe\xff");
  EXPECT_EQ(KeyOf("256.5"), "\x32\x01\0\x01\x80\0\0\0\0\0\0"s);
  EXPECT_EQ(KeyOf("0.5"), "\x30\x01\x3f\xe0\0\0\0\0\0\0"s);
  EXPECT_EQ(KeyOf("18446744073709551615"), "\x38\xff\xff\xff\xff\xff\xff\xff\xff\0"s);
  EXPECT_EQ(KeyOf("1e20"), "\x39\x44\x15\xaf\x1d\x78\xb5\x8c\x40");
  EXPECT_EQ(KeyOf(R"("a\u0000b")"), "\x40"s + "a\0\xff"s + "b\0\0"s);
  EXPECT_EQ(KeyOf("true"), "\x69");
  EXPECT_EQ(KeyOf(R"([1,"a"])"), "\x50\x31\x01\0\x40"s + "a\0\0\0"s);
  EXPECT_EQ(KeyOf(R"({"b":null})"), "\x48\x01"s + "b\0\0\x10\0"s);
  EXPECT_EQ(KeyOf("1", true), "\xce\xfe\xff");
}

std::string RandomNumber(std::mt19937_64* random) {
  switch ((*random)() % 6) {
    case 0:
      return std::to_string(static_cast<int64_t>((*random)()) >> (*random)() % 64);
    case 1:
      return std::to_string((*random)() >> (*random)() % 64);
    case 2: {  // doubles next to integers
      const double d = std::ldexp(1.0, static_cast<int>((*random)() % 70)) +
                       static_cast<double>((*random)() % 5) - 2;
      std::string text;
      AppendJsonDouble((*random)() % 2 == 0 ? d : -d, &text);
      return text;
    }
    case 3: {
      std::string text;
      const double d = std::ldexp(static_cast<double>((*random)() >> 11),
                                  static_cast<int>((*random)() % 300) - 150);
      AppendJsonDouble((*random)() % 2 == 0 ? d : -d, &text);
      return text;
    }
    case 4:
      return R"({"$numberDouble":")"s +
             (const char*[]){"NaN", "Infinity", "-Infinity"}[(*random)() % 3] + "\"}";
    default:
      return std::to_string(static_cast<int64_t>((*random)() % 7) - 3) +
             (const char*[]){"", ".0", ".5", ".25"}[(*random)() % 4];
  }
}

std::string RandomJson(std::mt19937_64* random, int depth) {
  std::string out;
  switch ((*random)() % (depth > 0 ? 10 : 7)) {
    case 0:
      return (const char*[]){"null", "true", "false"}[(*random)() % 3];
    case 1:
    case 2:
      return RandomNumber(random);
    case 3: {
      const size_t n = (*random)() % 4;
      for (size_t i = 0; i < n; ++i)
        out += (const char*[]){"a", "b", "\\u0000", "ÿ"}[(*random)() % 4];
      return "\"" + out + "\"";
    }
    case 4:
      return R"({"$date":"19)" + std::to_string(10 + (*random)() % 90) +
             R"(-01-01T00:00:00Z"})";
    case 5:
      return (const char*[]){
          R"({"$binary":{"base64":"","subType":"00"}})",
          R"({"$binary":{"base64":"AAE=","subType":"00"}})",
          R"({"$binary":{"base64":"AA==","subType":"00"}})"}[(*random)() % 3];
    case 6:
      return (const char*[]){R"({"$vector":[1]})", R"({"$vector":[1,-2.5]})",
                             R"({"$vector":[-1,3]})"}[(*random)() % 3];
    default: {
      const bool is_object = (*random)() % 2 == 0;
      const size_t n = (*random)() % 4;
      for (size_t i = 0; i < n; ++i) {
        if (i > 0) out += ",";
        if (is_object)
          out += "\"" + std::string(1, static_cast<char>('a' + i + (*random)() % 2 * 4)) +
                 "\":";
        out += RandomJson(random, depth - 1);
      }
      return is_object ? "{" + out + "}" : "[" + out + "]";
    }
  }
}

TEST(IndexKey, OrdersAsValuesDo) {
  constexpr uint64_t kSeed = 11;
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  for (int step = 0; step < 40000; ++step) {
    const bool numbers = step % 2 == 0;
    const std::string x = numbers ? RandomNumber(&random) : RandomJson(&random, 3);
    const std::string y = numbers ? RandomNumber(&random) : RandomJson(&random, 3);
    const Value a(x), b(y);
    const std::string key_a = KeyOf(x), key_b = KeyOf(y);
    const std::weak_ordering order = Compare(a.view(), b.view());
    ASSERT_TRUE((key_a <=> key_b) == order) << x << " and " << y;
    ASSERT_TRUE((KeyOf(x, true) <=> KeyOf(y, true)) == (0 <=> order))
        << x << " and " << y;
    // Neither is the beginning of the other.
    ASSERT_TRUE(order == 0 || !(key_a.starts_with(key_b) || key_b.starts_with(key_a)));
  }
}

TEST(IndexKey, AreReadBack) {
  constexpr uint64_t kSeed = 12;
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  int decoded = 0;
  for (int step = 0; step < 20000; ++step) {
    const std::string json = RandomJson(&random, step % 4);
    const Value value(json);
    const bool descending = step % 2 == 1;
    const std::string key = KeyOf(json, descending) + "rest";
    std::string_view in = key;
    ASSERT_TRUE(SkipIndexKey(descending, &in)) << json;
    ASSERT_EQ(in, "rest") << json;
    in = key;
    NameTable names;
    Writer writer(&names);
    bool exact = false;
    if (!DecodeIndexKey(descending, &in, &writer, &exact)) continue;
    ++decoded;
    ASSERT_EQ(in, "rest") << json;
    const std::string back = *writer.Finish();
    ASSERT_TRUE(Compare(RootOf(back, names), value.view()) == 0) << json;
    ASSERT_TRUE(!exact || !IsExactAsKey(value.view()) || back == value.bytes) << json;
  }
  EXPECT_GT(decoded, 8000);
}

TEST(IndexKey, WhatIsNoneIsRefused) {
  for (const std::string& bad :
       {""s, "\0"s, "\x07"s, "\x31"s, "\x31\x01"s, "\x31\x01\x02"s, "\x31\x01\x01\x01"s,
        "\x40"s, "\x40"s + "a\0"s, "\x40"s + "a\0\x01"s, "\x48\x01"s + "a", "\x50\x10"s,
        "\x60\x01"s, "\x70\x01"s, "\x3a"s, "\xff"s}) {
    std::string_view in = bad;
    EXPECT_FALSE(SkipIndexKey(false, &in)) << testing::PrintToString(bad);
  }
}

TEST(IndexKey, DeepNesting) {
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  const std::string key = KeyOf(deep);
  std::string_view in = key;
  EXPECT_TRUE(SkipIndexKey(false, &in));
  EXPECT_TRUE(in.empty());
  const std::string hostile(1'000'000, '\x50');
  in = hostile;
  EXPECT_FALSE(SkipIndexKey(false, &in));
}

}  // namespace
}  // namespace sheaf::document
