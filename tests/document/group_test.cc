// Groups are what MongoDB's $group makes: a table of cases, then random documents against
// the same done with an ordered map. Sums are exact, bounds are told, what is wrong with a
// group is named.
#include "document/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "document/canonical.h"
#include "document/compare.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr size_t kMemory = size_t{1} << 24;

std::vector<std::string> Rows(GroupBy* group) {
  std::vector<std::string> rows;
  NameTable names;
  Writer w(&names);
  group->Finish();
  while (group->Next(&w)) {
    const auto row = w.Finish();
    EXPECT_TRUE(row.ok()) << row.status();
    rows.push_back(*BinaryToJson(*row, names));
  }
  EXPECT_EQ(rows.size(), group->group_count());
  return rows;
}

std::vector<std::string> Group(std::string_view spec,
                               const std::vector<std::string>& documents) {
  std::vector<std::string> first;
  for (const bool bound : {false, true}) {
    NameTable names;
    std::vector<std::string> stored;
    auto group = GroupBy::Parse(spec, kMemory);
    EXPECT_TRUE(group.ok()) << group.status();
    for (const std::string& json : documents) {
      stored.push_back(*JsonToBinary(json, &names));
      if (bound) group->Bind(names);
      EXPECT_TRUE(group->Add(RootOf(stored.back(), names)).ok());
    }
    const auto rows = Rows(&*group);
    if (bound) {
      EXPECT_EQ(rows, first);
    }
    first = rows;
  }
  return first;
}

TEST(GroupBy, GroupsByAPath) {
  EXPECT_THAT(Group(R"({"_id":"$a.b","n":{"$sum":1}})",
                    {R"({"a":{"b":"x"}})", R"({"a":{"b":"y"}})", R"({"a":{"b":"x"}})",
                     R"({"a":1})", R"({"a":{"b":null}})", R"({"a":{"b":[1]}})",
                     R"({"a":{"b":[1.0]}})", R"({"a":[{"b":"x"}]})"}),
              ElementsAre(R"({"_id":null,"n":3})", R"({"_id":"x","n":2})",
                          R"({"_id":"y","n":1})", R"({"_id":[1],"n":2})"));
  EXPECT_THAT(Group(R"({"_id":"$a.1"})", {R"({"a":[4,5]})"}),
              ElementsAre(R"({"_id":5})"));
}

TEST(GroupBy, NumbersThatAreEqualAreOneGroup) {
  EXPECT_THAT(
      Group(R"({"_id":"$a","n":{"$count":{}}})",
            {R"({"a":1})", R"({"a":1.0})", R"({"a":-0.0})", R"({"a":0})",
             R"({"a":18446744073709551615})", R"({"a":1.5})", R"({"a":-1})",
             R"({"a":9007199254740993})", R"({"a":9007199254740992.0})", R"({"a":"1"})",
             R"({"a":true})", R"({"a":{"$numberDouble":"NaN"}})",
             R"({"a":{"$numberDouble":"NaN"}})"}),
      ElementsAre(R"({"_id":{"$numberDouble":"NaN"},"n":2})", R"({"_id":-1,"n":1})",
                  R"({"_id":-0.0,"n":2})", R"({"_id":1,"n":2})", R"({"_id":1.5,"n":1})",
                  R"({"_id":9007199254740992.0,"n":1})",
                  R"({"_id":9007199254740993,"n":1})",
                  R"({"_id":18446744073709551615,"n":1})", R"({"_id":"1","n":1})",
                  R"({"_id":true,"n":1})"));
}

TEST(GroupBy, GroupsBySeveralPaths) {
  EXPECT_THAT(
      Group(R"({"_id":{"y":"$a","x":"$b"},"n":{"$sum":1}})",
            {R"({"a":1,"b":2})", R"({"a":1})", R"({"a":1,"b":null})", R"({"b":2})", "{}",
             R"({"a":1.0,"b":2})", R"({"a":"1","b":2})"}),
      ElementsAre(R"({"_id":{},"n":1})", R"({"_id":{"x":2},"n":1})",
                  R"({"_id":{"y":1},"n":1})", R"({"_id":{"y":1,"x":null},"n":1})",
                  R"({"_id":{"y":1,"x":2},"n":2})", R"({"_id":{"y":"1","x":2},"n":1})"));
}

TEST(GroupBy, OfEverythingIsOneGroupOrNone) {
  EXPECT_THAT(Group(R"({"_id":null,"n":{"$sum":2},"m":{"$sum":0.5}})", {"{}", "1", "[]"}),
              ElementsAre(R"({"_id":null,"n":6,"m":1.5})"));
  EXPECT_THAT(Group(R"({"_id":null})", {}), IsEmpty());
}

TEST(GroupBy, AccumulatesWhatItUnderstands) {
  const char* const spec =
      R"({"_id":null,"s":{"$sum":"$a"},"v":{"$avg":"$a"},"l":{"$min":"$a"},"h":{"$max":"$a"}})";
  EXPECT_THAT(Group(spec, {R"({"a":3})", R"({"a":"x"})", "{}", R"({"a":null})",
                           R"({"a":4})", R"({"a":[100]})", R"({"a":true})"}),
              ElementsAre(R"({"_id":null,"s":7,"v":3.5,"l":3,"h":true})"));
  EXPECT_THAT(Group(spec, {"{}", R"({"a":null})"}),
              ElementsAre(R"({"_id":null,"s":0,"v":null,"l":null,"h":null})"));
  EXPECT_THAT(Group(spec, {R"({"a":"long, and then short"})", R"({"a":"m"})",
                           R"({"a":"longer than any of those before it"})"}),
              ElementsAre(R"({"_id":null,"s":0,"v":null,"l":"long, and then short",)"
                          R"("h":"m"})"));
}

TEST(GroupBy, SumsExactly) {
  const auto sum = [](const std::vector<std::string>& numbers) {
    std::vector<std::string> documents;
    for (const std::string& n : numbers)
      documents.push_back(absl::StrCat("{\"a\":", n, "}"));
    return Group(R"({"_id":null,"s":{"$sum":"$a"}})", documents)[0].substr(16);
  };
  EXPECT_EQ(sum({"9223372036854775807", "1"}), "9223372036854775808}");
  EXPECT_EQ(sum({"18446744073709551615", "1"}), "18446744073709551616.0}");
  EXPECT_EQ(sum({"18446744073709551615", "18446744073709551615", "-18", "-1"}),
            "36893488147419103232.0}");
  EXPECT_EQ(sum({"18446744073709551615", "1", "-2"}), "18446744073709551614}");
  EXPECT_EQ(sum({"-9223372036854775808", "-1"}), "-9223372036854775808.0}");
  EXPECT_EQ(sum({"-9223372036854775808", "-1", "1"}), "-9223372036854775808}");
  EXPECT_EQ(sum({"1", "2.0"}), "3.0}");
  EXPECT_EQ(sum({"1e100", "1.0", "-1e100"}), "1.0}");
  EXPECT_EQ(sum({"9007199254740993", "0.0", "-9007199254740992"}), "1.0}");
  EXPECT_EQ(sum(std::vector<std::string>(10, "0.1")), "1.0}");
  EXPECT_EQ(sum({R"({"$numberDouble":"Infinity"})", "1.5"}),
            R"({"$numberDouble":"Infinity"}})");
  EXPECT_EQ(sum({R"({"$numberDouble":"Infinity"})", R"({"$numberDouble":"-Infinity"})"}),
            R"({"$numberDouble":"NaN"}})");
}

TEST(GroupBy, TellsWhichPathsItReads) {
  const auto group = GroupBy::Parse(
      R"({"_id":{"x":"$b.c"},"n":{"$sum":1},"s":{"$sum":"$a"},"m":{"$max":"$b.c"}})",
      kMemory);
  EXPECT_THAT(group->fields(), ElementsAre("a", "b.c"));
}

TEST(GroupBy, SaysWhatIsWrongWithIt) {
  const auto why = [](std::string_view spec) {
    const auto group = GroupBy::Parse(spec, kMemory);
    EXPECT_TRUE(absl::IsInvalidArgument(group.status())) << spec;
    return std::string(group.status().message());
  };
  EXPECT_EQ(why("[]"), "group: a group: expected an object");
  EXPECT_THAT(why(R"({"n":{"$sum":1}})"), HasSubstr("_id: is missing"));
  const std::string id =
      "group: _id: expected null, a path as \"$path\", or an object of paths";
  EXPECT_EQ(why(R"({"_id":"a"})"), id);
  EXPECT_EQ(why(R"({"_id":1})"), id);
  EXPECT_EQ(why(R"({"_id":{}})"), id);
  EXPECT_EQ(why(R"({"_id":{"x":1}})"), "group: _id.x: expected a path, as \"$path\"");
  EXPECT_EQ(why(R"({"_id":"$$ROOT"})"),
            "group: _id: path \"$ROOT\": has a name that begins with a dollar");
  EXPECT_EQ(why(R"({"_id":"$"})"), "group: _id: path \"\": has an empty name");
  EXPECT_THAT(why(R"({"_id":null,"a.b":{"$sum":1}})"), HasSubstr("a result's name"));
  EXPECT_THAT(why(R"({"_id":null,"$a":{"$sum":1}})"), HasSubstr("a result's name"));
  EXPECT_THAT(why(R"({"_id":{"$add":["$a","$b"]}})"), HasSubstr("a result's name"));
  EXPECT_THAT(why(R"({"_id":null,"n":1})"), HasSubstr("n: expected an accumulator"));
  EXPECT_THAT(why(R"({"_id":null,"n":{}})"), HasSubstr("n: expected an accumulator"));
  EXPECT_EQ(why(R"({"_id":null,"n":{"$sum":1,"$avg":"$a"}})"),
            "group: n: has more than one accumulator");
  EXPECT_EQ(why(R"({"_id":null,"n":{"$summ":1}})"),
            "group: n: there is no accumulator $summ; did you mean $sum");
  EXPECT_EQ(why(R"({"_id":null,"n":{"$first":"$a"}})"),
            "group: n: there is no accumulator $first; there are $sum, $avg, $min, $max "
            "and $count");
  EXPECT_EQ(why(R"({"_id":null,"n":{"$sum":"a"}})"),
            "group: n: $sum: expected a path, as \"$path\", or a number");
  EXPECT_EQ(why(R"({"_id":null,"n":{"$avg":1}})"),
            "group: n: expected a path, as \"$path\"");
  EXPECT_EQ(why(R"({"_id":null,"n":{"$count":1}})"), "group: n: $count: expected {}");
}

TEST(GroupBy, KeepsToItsMemory) {
  NameTable names;
  auto group = GroupBy::Parse(R"({"_id":"$a","n":{"$sum":1}})", 100000);
  absl::Status status;
  int i = 0;
  for (; status.ok() && i < 100000; ++i) {
    const std::string binary =
        *JsonToBinary(absl::StrCat(R"({"a":"key )", i, "\"}"), &names);
    status = group->Add(RootOf(binary, names));
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(status.message(),
            absl::StrCat("group: ", i,
                         " groups need more than 100000 bytes "
                         "(memory_bytes_max); name fewer documents, or group by what has "
                         "fewer values"));
  EXPECT_GT(i, 200);
  // What is kept counts, too.
  auto longest = GroupBy::Parse(R"({"_id":null,"m":{"$max":"$a"}})", 100000);
  const std::string binary =
      *JsonToBinary(absl::StrCat(R"({"a":")", std::string(200000, 'a'), "\"}"), &names);
  EXPECT_TRUE(absl::IsResourceExhausted(longest->Add(RootOf(binary, names))));
}

TEST(GroupBy, TellsOfDamage) {
  NameTable names;
  auto group = GroupBy::Parse(R"({"_id":"$a","m":{"$max":"$b"}})", kMemory);
  EXPECT_TRUE(absl::IsDataLoss(group->Add(View())));
  const std::string whole = *JsonToBinary(R"({"a":"text","b":[1,2,3]})", &names);
  for (size_t i = 1; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = '\x0f';
    const absl::Status status = group->Add(RootOf(bytes, names));
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
  }
  group->Finish();
}

// --- At random --------------------------------------------------------------

void RandomValue(std::mt19937_64* random, int depth, Writer* w) {
  const uint64_t r = (*random)();
  switch (r % (depth > 0 ? 9 : 7)) {
    case 0:
      return w->Null();
    case 1:
      return w->Bool(r / 16 % 2 == 0);
    case 2:
      return w->Int(static_cast<int64_t>(r / 16 % 3) - 1 +
                    (r / 256 % 2 == 0 ? int64_t{1} << 53 : 0));
    case 3:
      return w->Double((static_cast<double>(r / 16 % 5) - 2) / 2 +
                       (r / 256 % 2 == 0 ? 9007199254740992.0 : 0));
    case 4:
      return w->String(std::string(r / 16 % 2, 'a'));
    case 5:
      return r / 16 % 2 == 0 ? w->Bytes("a")
                             : w->Timestamp(static_cast<int64_t>(r / 32 % 2));
    case 6:
      return w->Vector(
          std::vector<float>(1 + r / 16 % 2, r / 32 % 2 == 0 ? -0.0f : 0.0f));
    case 7:
      w->BeginArray();
      for (uint64_t n = r / 16 % 3; n > 0; --n) RandomValue(random, depth - 1, w);
      return w->End();
    default:
      w->BeginObject();
      for (uint64_t n = 0; n < r / 16 % 3; ++n) {
        w->Name(std::string(1, static_cast<char>('a' + (r / 64 + n) % 3)));
        RandomValue(random, depth - 1, w);
      }
      return w->End();
  }
}

TEST(Canonical, IsTheSameWhereValuesAreEqual) {
  std::mt19937_64 random(1);
  NameTable names[2];
  names[1].Intern("another name in front");
  std::vector<std::pair<std::string, int>> documents;
  for (int i = 0; i < 400; ++i) {
    Writer w(&names[i % 2]);
    RandomValue(&random, 2, &w);
    documents.emplace_back(*w.Finish(), i % 2);
  }
  uint64_t equal = 0;
  for (const auto& [x, x_names] : documents) {
    const View a = RootOf(x, names[x_names]);
    std::string canonical, scratch;
    AppendCanonical(a, &canonical);
    ASSERT_EQ(Canonical(a, &scratch), canonical);
    for (const auto& [y, y_names] : documents) {
      const View b = RootOf(y, names[y_names]);
      ASSERT_EQ(Canonical(b, &scratch) == canonical, Compare(a, b) == 0);
      equal += Compare(a, b) == 0;
    }
  }
  EXPECT_GT(equal, 2000u);
}

TEST(GroupBy, GroupsAsAnOrderedMapDoes) {
  struct Less {
    bool operator()(const View& a, const View& b) const { return Compare(a, b) < 0; }
  };
  std::mt19937_64 random(2);
  for (int round = 0; round < 30; ++round) {
    NameTable names;
    std::vector<std::string> documents;
    for (int i = 0; i < 300; ++i) {
      Writer w(&names);
      w.BeginObject();
      w.Name("k"), RandomValue(&random, 2, &w);
      w.Name("v"), RandomValue(&random, 1, &w);
      w.End();
      documents.push_back(*w.Finish());
    }
    auto group = GroupBy::Parse(
        R"({"_id":"$k","n":{"$sum":1},"l":{"$min":"$v"},"h":{"$max":"$v"}})", kMemory);
    group->Bind(names);
    struct Expected {
      int64_t count = 0;
      std::optional<View> low, high;
    };
    std::map<View, Expected, Less> expected;
    for (const std::string& document : documents) {
      const View root = RootOf(document, names);
      ASSERT_TRUE(group->Add(root).ok());
      Expected& e = expected[*root.Field("k")];
      const View v = *root.Field("v");
      ++e.count;
      if (v.kind() == Kind::kNull) continue;
      if (!e.low.has_value() || Compare(v, *e.low) < 0) e.low = v;
      if (!e.high.has_value() || Compare(v, *e.high) > 0) e.high = v;
    }
    group->Finish();
    ASSERT_EQ(group->group_count(), expected.size());
    Writer w(&names);
    for (const auto& [key, e] : expected) {
      ASSERT_TRUE(group->Next(&w));
      const std::string row = *w.Finish();
      const View root = RootOf(row, names);
      EXPECT_EQ(root.Field("_id")->bytes(), key.bytes());
      EXPECT_EQ(root.Field("n")->int_value(), e.count);
      EXPECT_EQ(root.Field("l")->bytes(), e.low.value_or(View::Null()).bytes());
      EXPECT_EQ(root.Field("h")->bytes(), e.high.value_or(View::Null()).bytes());
    }
    EXPECT_FALSE(group->Next(&w));
  }
}

// The order of keys of several paths is that of the objects they become.
TEST(GroupBy, OrdersKeysAsObjects) {
  std::mt19937_64 random(3);
  NameTable names;
  auto group = GroupBy::Parse(R"({"_id":{"y":"$a","x":"$b","z":"$c"}})", kMemory);
  for (int i = 0; i < 3000; ++i) {
    Writer w(&names);
    w.BeginObject();
    for (const char* name : {"a", "b", "c"})
      if (random() % 2 == 0) w.Name(name), RandomValue(&random, 1, &w);
    w.End();
    const std::string document = *w.Finish();
    ASSERT_TRUE(group->Add(RootOf(document, names)).ok());
  }
  group->Finish();
  std::string before, row;
  for (Writer w(&names); group->Next(&w); before = row) {
    row = *w.Finish();
    if (before.empty()) continue;
    ASSERT_TRUE(Compare(*RootOf(before, names).Field("_id"),
                        *RootOf(row, names).Field("_id")) < 0);
  }
  EXPECT_GT(group->group_count(), 100u);
}

}  // namespace
}  // namespace sheaf::document
