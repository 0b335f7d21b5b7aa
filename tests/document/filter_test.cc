// Filters mean what MongoDB's mean: a table of cases, then random documents and filters
// against an evaluator that does the same in the simplest way. What is wrong with a filter
// is named. (R10, B34)
#include "document/filter.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

bool Matches(const std::string& filter, const std::string& document) {
  NameTable names;
  const auto parsed = Filter::Parse(filter);
  EXPECT_TRUE(parsed.ok()) << filter << ": " << parsed.status();
  const auto binary = JsonToBinary(document, &names);
  EXPECT_TRUE(binary.ok()) << document;
  return parsed.ok() && binary.ok() && parsed->Matches(RootOf(*binary, names));
}

struct Case {
  const char* filter;
  std::vector<const char*> yes, no;
};

const Case kCases[] = {
    {"{}", {"{}", R"({"a":1})", "[]", "1"}, {}},
    // Equality.
    {R"({"a":1})",
     {R"({"a":1})", R"({"a":1.0})", R"({"a":[3,1]})"},
     {R"({"a":2})", R"({"a":"1"})", R"({})", R"({"a":[[1]]})", R"({"a":{"a":1}})"}},
    {R"({"a":null})",
     {R"({"a":null})", "{}", R"({"b":1})", R"({"a":[1,null]})"},
     {R"({"a":0})", R"({"a":[]})", R"({"a":false})"}},
    {R"({"a":[1,2]})",
     {R"({"a":[1,2]})", R"({"a":[[1,2],3]})"},
     {R"({"a":[2,1]})", R"({"a":[1,2,3]})", R"({"a":1})"}},
    {R"({"a":{"b":1,"c":2}})",
     {R"({"a":{"b":1,"c":2}})", R"({"a":[{"b":1,"c":2}]})"},
     {R"({"a":{"c":2,"b":1}})", R"({"a":{"b":1}})"}},
    {R"({"a":{}})", {R"({"a":{}})"}, {R"({"a":{"b":1}})", "{}"}},
    // Paths.
    {R"({"a.b":1})",
     {R"({"a":{"b":1}})", R"({"a":[{"b":2},{"b":1}]})", R"({"a":[{"b":[1]}]})"},
     {R"({"a":{"b":2}})", R"({"a.b":1})", R"({"a":[[{"b":1}]]})", R"({"a":[]})"}},
    {R"({"a.0":1})",
     {R"({"a":[1,2]})", R"({"a":{"0":1}})", R"({"a":[{"0":1}]})"},
     {R"({"a":[2,1]})", R"({"a":1})"}},
    {R"({"a.1.b":1})", {R"({"a":[0,{"b":1}]})"}, {R"({"a":[{"b":1}]})"}},
    {R"({"a.b":null})",
     {"{}", R"({"a":{}})", R"({"a":5})", R"({"a":[{"b":1},{}]})", R"({"a":{"b":null}})"},
     {R"({"a":{"b":1}})", R"({"a":[]})", R"({"a":[1,2]})", R"({"a":[{"b":1}]})"}},
    // Order, within a kind.
    {R"({"a":{"$gt":1}})",
     {R"({"a":2})", R"({"a":1.5})", R"({"a":[0,2]})"},
     {R"({"a":1})", R"({"a":"2"})", R"({"a":true})", R"({"a":null})", "{}"}},
    {R"({"a":{"$gte":1,"$lt":3}})",
     {R"({"a":1})", R"({"a":2.9})", R"({"a":[5,0]})"},  // one for each bound
     {R"({"a":3})", R"({"a":0})", R"({"a":[5,6]})"}},
    {R"({"a":{"$lte":"b"}})",
     {R"({"a":"a"})", R"({"a":"b"})"},
     {R"({"a":"ba"})", R"({"a":0})", "{}"}},
    {R"({"a":{"$gte":null}})", {"{}", R"({"a":null})"}, {R"({"a":1})"}},
    {R"({"a":{"$gt":null}})", {}, {"{}", R"({"a":null})", R"({"a":1})"}},
    {R"({"a":{"$lt":9007199254740993}})",
     {R"({"a":9007199254740992.0})", R"({"a":9007199254740992})"},
     {R"({"a":9007199254740993})", R"({"a":9007199254740994.0})"}},
    {R"({"a":{"$gt":{"$numberDouble":"NaN"}}})",
     {},
     {R"({"a":1})", R"({"a":{"$numberDouble":"NaN"}})"}},
    {R"({"a":{"$gte":{"$numberDouble":"NaN"}}})",
     {R"({"a":{"$numberDouble":"NaN"}})"},
     {R"({"a":1})"}},
    {R"({"a":{"$lt":1}})", {R"({"a":0})"}, {R"({"a":{"$numberDouble":"NaN"}})"}},
    {R"({"a":{"$gt":{"$date":"2026-01-01T00:00:00Z"}}})",
     {R"({"a":{"$date":"2026-01-01T00:00:00.000001Z"}})"},
     {R"({"a":{"$date":"2026-01-01T00:00:00Z"}})", R"({"a":"2027"})"}},
    // Negation.
    {R"({"a":{"$ne":1}})",
     {R"({"a":2})", "{}", R"({"a":[2,3]})", R"({"a":"1"})"},
     {R"({"a":1})", R"({"a":[2,1]})"}},
    {R"({"a":{"$not":{"$gt":1}}})",
     {R"({"a":1})", "{}", R"({"a":"x"})"},
     {R"({"a":2})", R"({"a":[0,2]})"}},
    {R"({"a":{"$nin":[1,null]}})",
     {R"({"a":2})"},
     {"{}", R"({"a":1})", R"({"a":[3,1]})"}},
    // Lists.
    {R"({"a":{"$in":[1,"x",null,[2]]}})",
     {R"({"a":1})", R"({"a":"x"})", "{}", R"({"a":[7,1]})", R"({"a":[2]})",
      R"({"a":[[2]]})"},
     {R"({"a":2})", R"({"a":[]})"}},
    {R"({"a":{"$in":[]}})", {}, {"{}", R"({"a":1})"}},
    {R"({"a":{"$all":[1,2]}})",
     {R"({"a":[2,1]})", R"({"a":[1,2,3]})"},
     {R"({"a":1})", R"({"a":[1]})", "{}"}},
    {R"({"a":{"$all":[1]}})", {R"({"a":1})", R"({"a":[1]})"}, {R"({"a":[2]})"}},
    {R"({"a":{"$all":[]}})", {}, {"{}", R"({"a":[]})"}},
    {R"({"a":{"$all":[{"$elemMatch":{"b":1}},{"$elemMatch":{"b":2}}]}})",
     {R"({"a":[{"b":2},{"b":1}]})"},
     {R"({"a":[{"b":1}]})"}},
    // Arrays.
    {R"({"a":{"$elemMatch":{"b":1,"c":2}}})",
     {R"({"a":[{"b":1,"c":2}]})"},
     {R"({"a":[{"b":1},{"c":2}]})", R"({"a":{"b":1,"c":2}})", "{}"}},
    {R"({"a":{"$elemMatch":{"$gt":1,"$lt":3}}})",
     {R"({"a":[0,2]})"},
     {R"({"a":[0,5]})", R"({"a":2})"}},
    {R"({"a.b":{"$elemMatch":{"$eq":1}}})",
     {R"({"a":[{"b":[1]}]})"},
     {R"({"a":[{"b":1}]})"}},
    {R"({"a":{"$size":2}})",
     {R"({"a":[1,[]]})"},
     {R"({"a":[1]})", R"({"a":[[1,2]]})", R"({"a":"ab"})", "{}"}},
    {R"({"a":{"$size":0}})", {R"({"a":[]})"}, {R"({"a":[1]})", "{}"}},
    // What is there.
    {R"({"a":{"$exists":true}})", {R"({"a":null})", R"({"a":[]})"}, {"{}"}},
    {R"({"a.b":{"$exists":false}})",
     {"{}", R"({"a":{}})", R"({"a":[{}]})", R"({"a":[]})"},
     {R"({"a":[{},{"b":1}]})", R"({"a":{"b":null}})"}},
    {R"({"a":{"$type":"string"}})",
     {R"({"a":"x"})", R"({"a":[1,"x"]})"},
     {R"({"a":1})", "{}"}},
    {R"({"a":{"$type":["int",4]}})",
     {R"({"a":1})", R"({"a":["x"]})", R"({"a":[]})"},
     {R"({"a":1.5})", R"({"a":"x"})"}},
    {R"({"a":{"$type":"number"}})", {R"({"a":1})", R"({"a":1.5})"}, {R"({"a":"1"})"}},
    {R"({"a":{"$type":"null"}})", {R"({"a":null})"}, {"{}"}},
    {R"({"a":{"$type":"vector"}})", {R"({"a":{"$vector":[1]}})"}, {R"({"a":[1]})"}},
    // Text and numbers.
    {R"({"a":{"$regex":"^b.n"}})",
     {R"({"a":"banana"})", R"({"a":["x","bun"]})"},
     {R"({"a":"a banana"})", R"({"a":1})", "{}"}},
    {R"({"a":{"$regex":"^B$","$options":"im"}})",
     {R"({"a":"a\nb\nc"})"},
     {R"({"a":"ab"})"}},
    {R"({"a":{"$not":{"$regex":"x"}}})",
     {R"({"a":"y"})", "{}", R"({"a":1})"},
     {R"({"a":"axe"})"}},
    {R"({"a":{"$mod":[4,1]}})",
     {R"({"a":5})", R"({"a":5.9})", R"({"a":[2,1]})"},
     {R"({"a":6})", R"({"a":"5"})", R"({"a":-3})"}},
    {R"({"a":{"$mod":[-4,3]}})",
     {R"({"a":18446744073709551615})", R"({"a":7})"},
     {R"({"a":8})"}},
    // Together.
    {R"({"$or":[{"a":1},{"b":2}]})", {R"({"a":1})", R"({"b":2})"}, {R"({"a":2,"b":1})"}},
    {R"({"$and":[{"a":1},{"a":2}]})", {R"({"a":[1,2]})"}, {R"({"a":1})"}},
    {R"({"$nor":[{"a":1},{"b":2}]})", {"{}"}, {R"({"a":1})", R"({"b":2})"}},
    {R"({"a":1,"$comment":"why","b":{"$gt":0,"$comment":1}})",
     {R"({"a":1,"b":1})"},
     {R"({"a":1})"}},
};

TEST(Filter, Cases) {
  for (const Case& c : kCases) {
    for (const char* document : c.yes)
      EXPECT_TRUE(Matches(c.filter, document)) << c.filter << " " << document;
    for (const char* document : c.no)
      EXPECT_FALSE(Matches(c.filter, document)) << c.filter << " " << document;
  }
  NameTable names;
  EXPECT_TRUE(Filter().Matches(RootOf(*JsonToBinary("{}", &names), names)));
}

TEST(Filter, WhatIsWrongIsNamed) {
  const struct {
    const char* filter;
    std::vector<const char*> parts;
  } kBad[] = {
      {"{", {"byte 1"}},
      {"[]", {"an object"}},
      {R"({"a":{"$gth":1}})", {"$gth", "did you mean $gt"}},
      {R"({"a":{"$zzzzzz":1}})", {"there is no operator $zzzzzz"}},
      {R"({"$gt":1})", {"$gt belongs behind a path"}},
      {R"({"$xor":[]})", {"$xor", "$or"}},
      {R"({"$or":[]})", {"$or", "not empty"}},
      {R"({"$or":{"a":1}})", {"$or", "an array"}},
      {R"({"$and":[1]})", {"an object"}},
      {R"({"a":{"$gt":1,"b":2}})", {"b stands beside operators"}},
      {R"({"a":{"$in":1}})", {"$in", "an array"}},
      {R"({"a":{"$in":[{"$gt":1}]}})", {"$in"}},
      {R"({"a":{"$not":1}})", {"$not"}},
      {R"({"a":{"$exists":1}})", {"$exists", "true or false"}},
      {R"({"a":{"$type":"strnig"}})", {"$type", "string, object"}},
      {R"({"a":{"$type":[]}})", {"$type"}},
      {R"({"a":{"$all":1}})", {"$all"}},
      {R"({"a":{"$all":[{"$gt":1}]}})", {"$all"}},
      {R"({"a":{"$elemMatch":1}})", {"$elemMatch"}},
      {R"({"a":{"$size":-1}})", {"$size"}},
      {R"({"a":{"$size":"2"}})", {"$size"}},
      {R"({"a":{"$mod":[0,1]}})", {"$mod", "not 0"}},
      {R"({"a":{"$mod":[2]}})", {"$mod"}},
      {R"({"a":{"$mod":[2,1,0]}})", {"$mod"}},
      {R"({"a":{"$regex":"("}})", {"$regex", "missing"}},
      {R"({"a":{"$regex":"((a{100}){100}){100}"}})", {"$regex"}},
      {R"({"a":{"$regex":1}})", {"$regex"}},
      {R"({"a":{"$regex":"a","$options":"q"}})", {"$options"}},
      {R"({"a":{"$options":"i"}})", {"$options"}},
  };
  for (const auto& [filter, parts] : kBad) {
    const absl::Status status = Filter::Parse(filter).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << filter << ": " << status;
    for (const char* part : parts)
      EXPECT_NE(status.message().find(part), std::string::npos) << filter << status;
  }
  std::string deep = R"({"a":1})";
  for (int i = 0; i < 200; ++i) deep = "{\"$and\":[" + deep + "]}";
  EXPECT_TRUE(absl::IsInvalidArgument(Filter::Parse(deep).status()));
}

// --- The simplest way -------------------------------------------------------

using Json = nlohmann::ordered_json;

int Rank(const Json& j) {
  return j.is_null()     ? 1
         : j.is_number() ? 2
         : j.is_string() ? 3
         : j.is_object() ? 4
         : j.is_array()  ? 5
                         : 8;
}

int CompareNaive(const Json& a, const Json& b) {
  if (Rank(a) != Rank(b)) return Rank(a) < Rank(b) ? -1 : 1;
  if (a.is_number()) {
    const double x = a, y = b;
    return x < y ? -1 : x > y;
  }
  if (a.is_string()) return a.get<std::string>().compare(b.get<std::string>());
  if (a.is_boolean()) return int{a.get<bool>()} - int{b.get<bool>()};
  if (a.is_null()) return 0;
  auto x = a.items().begin(), y = b.items().begin();
  for (; x != a.items().end() && y != b.items().end(); ++x, ++y) {
    if (a.is_object() && Rank(x.value()) != Rank(y.value()))
      return Rank(x.value()) < Rank(y.value()) ? -1 : 1;
    if (a.is_object() && x.key() != y.key()) return x.key() < y.key() ? -1 : 1;
    if (const int c = CompareNaive(x.value(), y.value()); c != 0) return c;
  }
  return int{x != a.items().end()} - int{y != b.items().end()};
}

// All that a path leads to; `*missing`: a way ended early.
void Lead(const Json& value, const std::vector<std::string>& path, size_t step,
          std::vector<Json>* found, bool* missing) {
  if (step == path.size()) return found->push_back(value);
  if (value.is_object()) {
    if (!value.contains(path[step])) {
      *missing = true;
      return;
    }
    return Lead(value[path[step]], path, step + 1, found, missing);
  }
  if (!value.is_array()) {
    *missing = true;
    return;
  }
  if (path[step].find_first_not_of("0123456789") == std::string::npos &&
      std::stoul(path[step]) < value.size())
    Lead(value[std::stoul(path[step])], path, step + 1, found, missing);
  for (const Json& element : value)
    if (element.is_object()) Lead(element, path, step, found, missing);
}

bool EvaluateNaive(const Json& filter, const Json& document);

bool TestNaive(const std::string& op, const Json& operand, const Json& v) {
  const bool same = Rank(v) == Rank(operand);
  const int c = CompareNaive(v, operand);
  if (op == "$eq") return c == 0;
  if (op == "$gt") return same && c > 0;
  if (op == "$gte") return same && c >= 0;
  if (op == "$lt") return same && c < 0;
  if (op == "$lte") return same && c <= 0;
  for (const Json& one : operand)
    if (CompareNaive(v, one) == 0) return true;  // $in
  return false;
}

bool OperatorNaive(const std::string& path, const std::string& op, const Json& operand,
                   const Json& document) {
  if (op == "$ne") return !OperatorNaive(path, "$eq", operand, document);
  if (op == "$nin") return !OperatorNaive(path, "$in", operand, document);
  if (op == "$not") {
    for (const auto& [inner, value] : operand.items())
      if (!OperatorNaive(path, inner, value, document)) return true;
    return false;
  }
  std::vector<Json> found;
  bool missing = false;
  const std::vector<std::string> steps =
      path.empty() ? std::vector<std::string>()
                   : std::vector<std::string>(absl::StrSplit(path, '.'));
  Lead(document, steps, 0, &found, &missing);
  if (op == "$exists") return found.empty() != operand.get<bool>();
  for (const Json& v : found) {
    if (op == "$size") {
      if (v.is_array() && v.size() == operand.get<size_t>()) return true;
      continue;
    }
    if (op == "$elemMatch") {
      const bool is_filter = operand.empty() || operand.begin().key()[0] != '$';
      if (!v.is_array()) continue;
      for (const Json& element : v) {
        bool all = !is_filter || element.is_object() || element.is_array();
        if (is_filter) {
          all = all && EvaluateNaive(operand, element);
        } else {
          for (const auto& [inner, value] : operand.items())
            all = all && OperatorNaive("", inner, value, element);
        }
        if (all) return true;
      }
      continue;
    }
    if (v.is_array())
      for (const Json& element : v)
        if (TestNaive(op, operand, element)) return true;
    if (TestNaive(op, operand, v)) return true;
  }
  return missing && (op == "$eq" || op == "$gte" || op == "$lte" || op == "$in") &&
         TestNaive(op, operand, nullptr);
}

bool EvaluateNaive(const Json& filter, const Json& document) {
  for (const auto& [name, value] : filter.items()) {
    if (name[0] == '$') {
      int matching = 0;
      for (const Json& inner : value) matching += EvaluateNaive(inner, document);
      const bool ok = name == "$and"  ? matching == static_cast<int>(value.size())
                      : name == "$or" ? matching > 0
                                      : matching == 0;
      if (!ok) return false;
      continue;
    }
    const bool operators =
        value.is_object() && !value.empty() && value.begin().key()[0] == '$';
    if (!operators && !OperatorNaive(name, "$eq", value, document)) return false;
    if (!operators) continue;
    for (const auto& [op, operand] : value.items())
      if (!OperatorNaive(name, op, operand, document)) return false;
  }
  return true;
}

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(3))); }
  Json Value(int depth) {
    switch (Below(depth > 0 ? 9 : 5)) {
      case 0:
        return nullptr;
      case 1:
        return Below(2) == 0;
      case 2:
        return static_cast<int>(Below(4));
      case 3:
        return static_cast<double>(Below(6)) / 2;
      case 4:
        return std::string(1, static_cast<char>('x' + Below(2)));
      case 5:
      case 6: {
        Json array = Json::array();
        for (uint64_t n = Below(4); n > 0; --n) array.push_back(Value(depth - 1));
        return array;
      }
      default: {
        Json object = Json::object();
        for (uint64_t n = Below(4); n > 0; --n) object[Name()] = Value(depth - 1);
        return object;
      }
    }
  }
  std::string Path() {
    std::string path = Name();
    while (Below(3) == 0) absl::StrAppend(&path, ".", Below(4) == 0 ? "1" : Name());
    return path;
  }
  Json Operators(int depth) {
    static constexpr const char* kPlain[] = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"};
    Json out = Json::object();
    for (uint64_t n = 1 + Below(2); n > 0; --n) {
      switch (Below(depth > 0 ? 11 : 9)) {
        default:
          out[kPlain[Below(6)]] = Value(1);
          break;
        case 6: {
          Json list = Json::array();
          for (uint64_t k = Below(4); k > 0; --k) list.push_back(Value(1));
          out[Below(2) == 0 ? "$in" : "$nin"] = list;
          break;
        }
        case 7:
          out["$exists"] = Below(2) == 0;
          break;
        case 8:
          out["$size"] = Below(4);
          break;
        case 9:
          out["$not"] = Operators(depth - 1);
          break;
        case 10:
          out["$elemMatch"] = Below(2) == 0 ? Operators(depth - 1) : Filter(depth - 1);
      }
    }
    return out;
  }
  Json Filter(int depth) {
    Json filter = Json::object();
    for (uint64_t n = 1 + Below(2); n > 0; --n) {
      if (depth > 0 && Below(4) == 0) {
        Json list = Json::array();
        for (uint64_t k = 1 + Below(3); k > 0; --k) list.push_back(Filter(depth - 1));
        filter[Below(3) == 0 ? "$and" : Below(2) == 0 ? "$or" : "$nor"] = list;
      } else {
        filter[Path()] = Below(3) == 0 ? Value(1) : Operators(depth);
      }
    }
    return filter;
  }

 private:
  std::mt19937_64 random_;
};

TEST(Filter, MatchesWhatTheSimplestWayMatches) {
  Random random(1);
  NameTable names;
  uint64_t yes = 0, no = 0;
  for (int i = 0; i < 3000; ++i) {
    const Json filter = random.Filter(2);
    const auto parsed = Filter::Parse(filter.dump());
    ASSERT_TRUE(parsed.ok()) << filter << parsed.status();
    const Filter bound = parsed->BoundTo(names);
    for (int k = 0; k < 20; ++k) {
      Json document = random.Value(3);
      while (!document.is_object()) document = random.Value(3);
      const std::string binary = *JsonToBinary(document.dump(), &names);
      const bool expected = EvaluateNaive(filter, document);
      ASSERT_EQ(parsed->Matches(RootOf(binary, names)), expected) << filter << "\n"
                                                                  << document;
      ASSERT_EQ(bound.Matches(RootOf(binary, names)), expected) << filter << "\n"
                                                                << document;
      ++(expected ? yes : no);
    }
  }
  EXPECT_GT(yes, 5000u);
  EXPECT_GT(no, 5000u);
}

}  // namespace
}  // namespace sheaf::document
