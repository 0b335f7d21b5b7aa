// Projections leave what MongoDB's leave: a table of cases, then random documents against
// the same done in the simplest way. What is wrong with a projection is named.
#include "document/projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

using testing::ElementsAre;
using Json = nlohmann::ordered_json;

std::string Apply(const Projection& projection, std::string_view document) {
  NameTable names;
  const std::string binary = *JsonToBinary(document, &names);
  Writer w(&names);
  EXPECT_TRUE(projection.Apply(RootOf(binary, names), &w).ok());
  const auto out = w.Finish();
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ok() ? *BinaryToJson(*out, names) : "";
}

std::string Apply(std::string_view projection, std::string_view document) {
  const auto parsed = Projection::Parse(projection);
  EXPECT_TRUE(parsed.ok()) << projection << ": " << parsed.status();
  return parsed.ok() ? Apply(*parsed, document) : "";
}

struct Case {
  const char *projection, *document, *expected;
};
const Case kCases[] = {
    {"{}", R"({"b":1,"a":[2]})", R"({"b":1,"a":[2]})"},
    {"{}", "[1]", "[1]"},
    {R"({"a":1,"b":true})", R"({"b":1,"c":2,"a":3})", R"({"b":1,"a":3})"},
    {R"({"a":1.5})", R"({"b":1})", "{}"},
    {R"({"a":0,"b":false})", R"({"b":1,"c":2,"a":3})", R"({"c":2})"},
    {R"({"a":0.0})", R"({"b":[1]})", R"({"b":[1]})"},
    // Inside.
    {R"({"a.b":1})", R"({"a":{"c":1,"b":2},"b":3})", R"({"a":{"b":2}})"},
    {R"({"a.b":1})", R"({"a":{"c":1}})", R"({"a":{}})"},
    {R"({"a.b":1})", R"({"a":5})", "{}"},
    {R"({"a.b":1,"a.c.d":1})", R"({"a":{"c":{"d":1,"e":2},"b":3,"x":4}})",
     R"({"a":{"c":{"d":1},"b":3}})"},
    {R"({"a.b":0})", R"({"a":{"c":1,"b":2},"b":3})", R"({"a":{"c":1},"b":3})"},
    {R"({"a.b":0})", R"({"a":5})", R"({"a":5})"},
    // Arrays.
    {R"({"a.b":1})", R"({"a":[1,{"b":2,"c":3},[{"b":4},5],{}]})",
     R"({"a":[{"b":2},[{"b":4}],{}]})"},
    {R"({"a.b":0})", R"({"a":[1,{"b":2,"c":3},[{"b":4},5],{}]})",
     R"({"a":[1,{"c":3},[{},5],{}]})"},
    {R"({"a.0":1})", R"({"a":[1,{"0":2}]})", R"({"a":[{"0":2}]})"},
    // What is no object.
    {R"({"a":1})", "5", "{}"},
    {R"({"a":0})", "5", "5"},
    {R"({"a":1})", R"([{"a":1,"b":2},3])", R"([{"a":1}])"},
    // The key.
    {R"({"a":1})", R"({"_id":1,"a":2,"b":3})", R"({"_id":1,"a":2})"},
    {R"({"a":1,"_id":0})", R"({"_id":1,"a":2,"b":3})", R"({"a":2})"},
    {R"({"_id":0})", R"({"_id":1,"a":2})", R"({"a":2})"},
    {R"({"_id":1})", R"({"_id":1,"a":2})", R"({"_id":1})"},
    {R"({"a":0,"_id":1})", R"({"_id":1,"a":2,"b":3})", R"({"_id":1,"b":3})"},
};

TEST(Projection, LeavesWhatMongoDbsLeave) {
  for (const Case& c : kCases)
    EXPECT_EQ(Apply(c.projection, c.document), c.expected)
        << c.projection << " " << c.document;
}

TEST(Projection, TellsWhatItWants) {
  const Projection all;
  EXPECT_TRUE(all.wants_all() && all.wants_key() && !all.is_inclusion());
  EXPECT_TRUE(Projection::Parse("{}")->wants_all());
  const Projection some = *Projection::Parse(R"({"c":1,"a.b":1,"_id":0})");
  EXPECT_THAT(some.fields(), ElementsAre("c", "a.b"));
  EXPECT_TRUE(some.is_inclusion() && !some.wants_key() && !some.wants_all());
  const Projection rest = *Projection::Parse(R"({"a":0})");
  EXPECT_TRUE(!rest.is_inclusion() && rest.wants_key() && rest.fields().empty());
  const Projection key = *Projection::Parse(R"({"_id":true})");
  EXPECT_TRUE(key.is_inclusion() && key.wants_key() && key.fields().empty());
  const Projection no_key = *Projection::Parse(R"({"_id":false})");
  EXPECT_TRUE(!no_key.is_inclusion() && !no_key.wants_key() && !no_key.wants_all());
}

TEST(Projection, SaysWhatIsWrongWithIt) {
  const auto why = [](std::string_view text) {
    const auto projection = Projection::Parse(text);
    EXPECT_TRUE(absl::IsInvalidArgument(projection.status())) << text;
    return std::string(projection.status().message());
  };
  EXPECT_EQ(why("[]"), "projection: expected an object");
  EXPECT_EQ(why(R"({"a":"1"})"), "projection: a: expected 1 or 0, true or false");
  EXPECT_EQ(why(R"({"a":{"$slice":1}})"),
            "projection: a: expected 1 or 0, true or false");
  EXPECT_EQ(why(R"({"a":1,"b":0})"),
            "projection: a and b: fields are wanted, or not wanted; not both in one");
  EXPECT_EQ(why(R"({"a":1,"a.b":1})"),
            "projection: a.b is a part of a: name one of them");
  EXPECT_EQ(why(R"({"a.b.c":1,"a":1})"),
            "projection: a.b is a part of a: name one of them");
  EXPECT_EQ(why(R"({"a.b.c":0,"a.b.d":0,"a.b":0})"),
            "projection: a.b.c is a part of a.b: name one of them");
  EXPECT_EQ(why(R"({"a..b":1})"), "projection: path \"a..b\": has an empty name");
  EXPECT_EQ(why(R"({"a.$":1})"),
            "projection: path \"a.$\": has a name that begins with a dollar");
  EXPECT_EQ(why(R"({"_id.a":1})"), "projection: _id.a: the key is wanted whole, or not");
  why("{");
  Json many = Json::object();
  for (int i = 0; i < 1001; ++i) many[absl::StrCat("f", i)] = 1;
  EXPECT_EQ(why(many.dump()), "projection: names more than 1000 paths");
}

TEST(Projection, WritesFieldsBehindAKey) {
  NameTable names;
  const std::string binary = *JsonToBinary(R"({"a":1,"b":2})", &names);
  Writer w(&names);
  w.BeginObject();
  w.Name("_id");
  w.Int(7);
  ASSERT_TRUE(
      Projection::Parse(R"({"b":1})")->ApplyFields(RootOf(binary, names), &w).ok());
  w.End();
  EXPECT_EQ(*BinaryToJson(*w.Finish(), names), R"({"_id":7,"b":2})");
}

TEST(Projection, TellsOfDamage) {
  NameTable names;
  const std::string whole =
      *JsonToBinary(R"({"a":{"b":[1,{"c":2}],"d":"text"},"e":3})", &names);
  for (const char* text : {"{}", R"({"a.b.c":1,"e":1})", R"({"a.b.c":0})"}) {
    const Projection projection = *Projection::Parse(text);
    Writer w(&names);
    EXPECT_TRUE(absl::IsDataLoss(projection.Apply(View(), &w)));
    (void)w.Finish();
    EXPECT_TRUE(absl::IsDataLoss(projection.ApplyFields(View(), &w)));
    (void)w.Finish();
    for (size_t i = 1; i < whole.size(); ++i) {
      std::string bytes = whole;
      bytes[i] = '\x0f';
      const absl::Status status = projection.Apply(RootOf(bytes, names), &w);
      EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
      (void)w.Finish();
    }
  }
}

TEST(Projection, OfDeepDocumentsEnds) {
  NameTable names;
  JsonLimits limits;
  limits.depth_max = kDepthMax;
  const size_t depth = kDepthMax - 1;
  const std::string json =
      absl::StrCat(R"({"a":)", std::string(depth, '['), std::string(depth, ']'), "}");
  const std::string binary = *JsonToBinary(json, &names, limits);
  Writer w(&names);
  ASSERT_TRUE(Projection::Parse(R"({"a.b":1})")->Apply(RootOf(binary, names), &w).ok());
  EXPECT_EQ(w.Finish()->size(), binary.size());
}

// --- At random --------------------------------------------------------------

Json Naive(const Json& value, const Json& tree, bool include, bool is_root) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& element : value)
      if (!include || element.is_structured())
        out.push_back(Naive(element, tree, include, false));
    return out;
  }
  if (!value.is_object()) return include && is_root ? Json::object() : value;
  Json out = Json::object();
  for (const auto& [name, field] : value.items()) {
    if (!tree.contains(name)) {
      if (!include) out[name] = field;
    } else if (tree[name].is_null()) {
      if (include) out[name] = field;
    } else if (!include || field.is_structured()) {
      out[name] = Naive(field, tree[name], include, false);
    }
  }
  return out;
}

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(3))); }
  Json Value(int depth) {
    const uint64_t kind = depth > 0 ? Below(4) : 0;
    if (kind == 0) return Below(10);
    Json out = kind == 1 ? Json::array() : Json::object();
    for (uint64_t n = Below(4); n > 0; --n) {
      if (kind == 1)
        out.push_back(Value(depth - 1));
      else
        out[Name()] = Value(depth - 1);
    }
    return out;
  }
  // A path to null, in objects.
  Json Tree(int depth) {
    Json tree = Json::object();
    for (uint64_t n = 1 + Below(2); n > 0; --n)
      tree[Name()] = depth > 0 && Below(2) == 0 ? Tree(depth - 1) : Json(nullptr);
    return tree;
  }

 private:
  std::mt19937_64 random_;
};

void Flatten(const Json& tree, const std::string& before, bool include, Json* out) {
  for (const auto& [name, inner] : tree.items()) {
    if (inner.is_null())
      (*out)[before + name] = include ? 1 : 0;
    else
      Flatten(inner, before + name + ".", include, out);
  }
}

TEST(Projection, LeavesWhatTheSimplestWayLeaves) {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const Json tree = random.Tree(3);
    const bool include = random.Below(2) == 0;
    Json text = Json::object();
    Flatten(tree, "", include, &text);
    const auto projection = Projection::Parse(text.dump());
    ASSERT_TRUE(projection.ok()) << text << projection.status();
    for (int k = 0; k < 5; ++k) {
      const Json document = random.Value(4);
      ASSERT_EQ(Apply(*projection, document.dump()),
                Naive(document, tree, include, true).dump())
          << text << "\n"
          << document;
    }
  }
}

}  // namespace
}  // namespace sheaf::document
