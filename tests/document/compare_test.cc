// The order of values: a total one, with numbers by their exact values whatever their
// kind, and hashes that agree with it.
#include "document/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "document/json_codec.h"

namespace sheaf::document {
namespace {

class Values {
 public:
  View Add(std::string_view json) {
    documents_.push_back(*JsonToBinary(json, &names_));
    return RootOf(documents_.back(), names_);
  }
  View Number(double value) {
    Writer w(&names_);
    w.Double(value);
    documents_.push_back(*w.Finish());
    return RootOf(documents_.back(), names_);
  }
  View Random(std::mt19937_64* random, int depth) {
    Writer w(&names_);
    Fill(&w, random, depth);
    documents_.push_back(*w.Finish());
    return RootOf(documents_.back(), names_);
  }

 private:
  void Fill(Writer* w, std::mt19937_64* random, int depth) {
    static constexpr int64_t kEdges[] = {0,         1,         -1,
                                         INT64_MAX, INT64_MIN, int64_t{1} << 53};
    const uint64_t r = (*random)();
    switch (r % (depth > 0 ? 12 : 9)) {
      case 0:
        return w->Null();
      case 1:
        return w->Bool(r / 16 % 2 == 0);
      case 2:
        return w->Int(kEdges[r / 16 % 6] +
                      static_cast<int64_t>(r / 256 % 3) * (r / 16 % 6 == 3 ? -1 : 1));
      case 3:
        return w->Uint((uint64_t{1} << 63) + r / 16 % 3 +
                       (r % 5 == 0 ? UINT64_MAX / 2 - 3 : 0));
      case 4:
        return w->Double(static_cast<double>(kEdges[r / 16 % 6]) +
                         (r % 3 == 0 ? 0.5 : 0));
      case 5:
        return w->Double(r % 7 == 0   ? std::nan("")
                         : r % 7 == 1 ? -std::numeric_limits<double>::infinity()
                         : r % 7 == 2
                             ? 18446744073709551616.0
                             : std::ldexp(1.0 + r % 3, static_cast<int>(r / 64 % 130)));
      case 6:
        return w->String(std::string(r / 16 % 3, static_cast<char>('a' + r % 2)));
      case 7:
        return r % 2 == 0 ? w->Bytes(std::string(r / 16 % 3, 'b'))
                          : w->Timestamp(static_cast<int64_t>(r / 16 % 5) - 2);
      case 8:
        return w->Vector(std::vector<float>(1 + r / 16 % 2, r % 3 == 0 ? -0.0f : 1.5f));
      case 9:
      case 10:
        w->BeginArray();
        for (uint64_t n = r / 16 % 3; n > 0; --n) Fill(w, random, depth - 1);
        return w->End();
      default:
        w->BeginObject();
        for (uint64_t n = 0; n < r / 16 % 3; ++n) {
          w->Name(std::string(1, static_cast<char>('a' + (r / 64 + n) % 3)));
          Fill(w, random, depth - 1);
        }
        return w->End();
    }
  }

  NameTable names_;
  std::deque<std::string> documents_;
};

TEST(CompareDocuments, KindsInTheirOrder) {
  Values values;
  const std::vector<View> ascending = {
      View(),
      values.Add("null"),
      values.Number(std::nan("")),
      values.Number(-std::numeric_limits<double>::infinity()),
      values.Add("-9223372036854775808"),
      values.Add("-1"),
      values.Add("-0.5"),
      values.Add("0"),
      values.Add("1e-300"),
      values.Add("1"),
      values.Add("9007199254740992.0"),
      values.Add("9007199254740993"),
      values.Add("9223372036854775807"),
      values.Add("9223372036854775808.0"),
      values.Add("9223372036854775809"),
      values.Add("18446744073709551615"),
      values.Add("18446744073709551616.0"),
      values.Number(std::numeric_limits<double>::infinity()),
      values.Add("\"\""),
      values.Add("\"a\""),
      values.Add("\"aa\""),
      values.Add("\"\xc3\xa4\""),
      values.Add("{}"),
      values.Add(R"({"a":1})"),
      values.Add(R"({"a":1,"b":1})"),
      values.Add(R"({"b":0})"),
      values.Add(R"({"a":"a number comes first"})"),
      values.Add("[]"),
      values.Add("[1]"),
      values.Add("[1,1]"),
      values.Add("[2]"),
      values.Add(R"({"$binary":{"base64":"AA==","subType":"00"}})"),
      values.Add(R"({"$vector":[1]})"),
      values.Add("false"),
      values.Add("true"),
      values.Add(R"({"$date":"1969-01-01T00:00:00Z"})"),
      values.Add(R"({"$date":"2026-01-01T00:00:00Z"})"),
  };
  for (size_t i = 0; i < ascending.size(); ++i)
    for (size_t j = 0; j < ascending.size(); ++j)
      EXPECT_TRUE((Compare(ascending[i], ascending[j]) <=> 0) == (i <=> j))
          << i << " " << j;
}

TEST(CompareDocuments, NumbersByTheirExactValues) {
  Values values;
  std::mt19937_64 random(1);
  const auto exact = [](const View& v) -> long double {  // 64 bits of mantissa
    return v.kind() == Kind::kInt    ? static_cast<long double>(v.int_value())
           : v.kind() == Kind::kUint ? static_cast<long double>(v.uint_value())
                                     : static_cast<long double>(v.double_value());
  };
  std::vector<View> numbers;
  while (numbers.size() < 400) {
    const View v = values.Random(&random, 0);
    if (v.is_number() && !std::isnan(exact(v))) numbers.push_back(v);
  }
  for (const View& a : numbers)
    for (const View& b : numbers) {
      const long double x = exact(a), y = exact(b);
      ASSERT_TRUE(Compare(a, b) == (x < y   ? std::weak_ordering::less
                                    : y < x ? std::weak_ordering::greater
                                            : std::weak_ordering::equivalent));
      ASSERT_TRUE(x != y || Hash(a) == Hash(b));
    }
}

TEST(CompareDocuments, IsAnOrder) {
  Values values;
  std::mt19937_64 random(2);
  std::vector<View> all;
  for (int i = 0; i < 300; ++i) all.push_back(values.Random(&random, 3));
  const auto less = [](const View& a, const View& b) { return Compare(a, b) < 0; };
  std::sort(all.begin(), all.end(), less);
  uint64_t equal = 0;
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = i; j < all.size(); ++j) {
      ASSERT_FALSE(less(all[j], all[i])) << i << " " << j;
      ASSERT_TRUE(Compare(all[i], all[j]) == (0 <=> Compare(all[j], all[i])));
      if (Compare(all[i], all[j]) != 0) continue;
      ASSERT_EQ(Hash(all[i]), Hash(all[j])) << i << " " << j;
      equal += i != j;
    }
  EXPECT_GT(equal, 100u);
}

}  // namespace
}  // namespace sheaf::document
