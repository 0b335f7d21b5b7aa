// JSON Patch and JSON Merge Patch do what RFC 6902 (with RFC 6901) and RFC 7396 say, rule
// by rule; random patches do what another implementation does. (R10)
#include "document/patch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "document/json_codec.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

using Apply = absl::StatusOr<std::string> (*)(const View&, std::string_view, NameTable*);

absl::StatusOr<std::string> Try(Apply apply, const std::string& document,
                                const std::string& patch) {
  NameTable names;
  const std::string binary = *JsonToBinary(document, &names);
  SHEAF_ASSIGN_OR_RETURN(const std::string result,
                         apply(RootOf(binary, names), patch, &names));
  const absl::Status valid = Validate(result, names);
  EXPECT_TRUE(valid.ok()) << valid << ": " << patch << " of " << document;
  return BinaryToJson(result, names);
}

struct Case {
  const char *before, *patch, *after;
};

void Check(Apply apply, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto after = Try(apply, c.before, c.patch);
    EXPECT_TRUE(after.ok()) << c.patch << " of " << c.before << ": " << after.status();
    if (after.ok()) {
      EXPECT_EQ(*after, c.after) << c.patch << " of " << c.before;
    }
  }
}

struct Refusal {
  const char *before, *patch, *message;
};

void CheckRefused(absl::StatusCode code, const std::vector<Refusal>& refusals) {
  for (const Refusal& r : refusals) {
    const absl::Status status = Try(ApplyJsonPatch, r.before, r.patch).status();
    EXPECT_EQ(status.code(), code) << r.patch << " of " << r.before << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), r.message))
        << r.patch << " of " << r.before << ": " << status;
  }
}

TEST(Patch, AddRemoveReplace) {
  Check(
      ApplyJsonPatch,
      {
          {R"({"a":1})", "[]", R"({"a":1})"},
          {R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
          {R"({"a":1,"b":2})", R"([{"op":"add","path":"/a","value":[3]}])",
           R"({"a":[3],"b":2})"},
          {R"({"a":{"b":[]}})", R"([{"op":"add","path":"/a/b/0","value":{"c":null}}])",
           R"({"a":{"b":[{"c":null}]}})"},
          {"[1,2]", R"([{"op":"add","path":"/0","value":0}])", "[0,1,2]"},
          {"[1,2]", R"([{"op":"add","path":"/1","value":0}])", "[1,0,2]"},
          {"[1,2]", R"([{"op":"add","path":"/2","value":0}])", "[1,2,0]"},
          {"[1,2]", R"([{"op":"add","path":"/-","value":[0]}])", "[1,2,[0]]"},
          {R"({"a":1})", R"([{"op":"add","path":"","value":[7]}])", "[7]"},
          {"5", R"([{"op":"replace","path":"","value":"x"}])", R"("x")"},
          {R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
          {"[1,2,3]", R"([{"op":"remove","path":"/1"}])", "[1,3]"},
          {"[[1,2],3]", R"([{"op":"remove","path":"/0/1"}])", "[[1],3]"},
          {R"({"a":{"b":1},"c":2})", R"([{"op":"replace","path":"/a/b","value":{}}])",
           R"({"a":{"b":{}},"c":2})"},
          {"[1,2,3]", R"([{"op":"replace","path":"/2","value":null}])", "[1,2,null]"},
          // One after the other.
          {"[0,1,2,3]",
           R"([{"op":"remove","path":"/0"},{"op":"remove","path":"/0"},
                 {"op":"add","path":"/1","value":"x"},{"op":"replace","path":"/2","value":9}])",
           R"([2,"x",9])"},
          {"{}",
           R"([{"op":"add","path":"/a","value":{}},{"op":"add","path":"/a/b","value":[1]},
                 {"op":"add","path":"/a/b/0","value":0},{"op":"remove","path":"/a/b/1"}])",
           R"({"a":{"b":[0]}})"},
          // Members that no operation has are nobody's business.
          {"{}", R"([{"x":[1],"op":"add","path":"/a","value":1,"from":5}])",
           R"({"a":1})"},
          {"{}", R"([{"op":"add","path":"/a","value":{"$vector":[1,2]}}])",
           R"({"a":{"$vector":[1,2]}})"},
      });
}

TEST(Patch, MoveAndCopy) {
  Check(
      ApplyJsonPatch,
      {
          {R"({"a":{"b":1,"c":2},"d":{}})",
           R"([{"op":"move","from":"/a/b","path":"/d/e"}])",
           R"({"a":{"c":2},"d":{"e":1}})"},
          {"[1,2,3,4]", R"([{"op":"move","from":"/1","path":"/3"}])", "[1,3,4,2]"},
          {"[1,2,3,4]", R"([{"op":"move","from":"/3","path":"/0"}])", "[4,1,2,3]"},
          {"[1,2]", R"([{"op":"move","from":"/0","path":"/-"}])", "[2,1]"},
          {R"({"a":1})", R"([{"op":"move","from":"/a","path":"/a"}])", R"({"a":1})"},
          {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a/b","path":"/a"}])",
           R"({"a":1})"},
          {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":""}])", R"({"b":1})"},
          {R"({"a":1,"ab":2})", R"([{"op":"move","from":"/a","path":"/ab"}])",
           R"({"ab":1})"},
          {R"({"a":[1],"b":0})", R"([{"op":"copy","from":"/a","path":"/b"}])",
           R"({"a":[1],"b":[1]})"},
          {R"({"a":1})", R"([{"op":"copy","from":"","path":"/b"}])",
           R"({"a":1,"b":{"a":1}})"},
          // A copy has a life of its own.
          {R"({"a":{"x":[1]}})",
           R"([{"op":"replace","path":"/a/x/0","value":2},
                 {"op":"copy","from":"/a","path":"/b"},{"op":"replace","path":"/a/x/0","value":3},
                 {"op":"add","path":"/b/y","value":4},{"op":"move","from":"/b","path":"/a/z"}])",
           R"({"a":{"x":[3],"z":{"x":[2],"y":4}}})"},
      });
}

TEST(Patch, PointersAndTests) {
  Check(
      ApplyJsonPatch,
      {
          {R"({"a/b":1,"m~n":2,"":3,"~1":4,"0":5,"-":6})",
           R"([{"op":"test","path":"/a~1b","value":1},{"op":"test","path":"/m~0n","value":2},
                 {"op":"test","path":"/","value":3},{"op":"test","path":"/~01","value":4},
                 {"op":"test","path":"/0","value":5},{"op":"remove","path":"/-"}])",
           R"({"a/b":1,"m~n":2,"":3,"~1":4,"0":5})"},
          {R"({"ä":{"":{"":1}}})", R"([{"op":"replace","path":"/ä//","value":2}])",
           R"({"ä":{"":{"":2}}})"},
          {R"({"a":[1,{"b":2,"c":[3]}],"d":9007199254740993})",
           R"([{"op":"test","path":"/a","value":[1.0,{"c":[3],"b":2e0}]},
                 {"op":"test","path":"","value":{"d":9007199254740993,"a":[1,{"b":2,"c":[3]}]}},
                 {"op":"remove","path":"/a/0"},{"op":"add","path":"/a/0/e","value":null},
                 {"op":"test","path":"","value":{"d":9007199254740993,"a":[{"e":null,"c":[3],"b":2}]}}])",
           R"({"a":[{"b":2,"c":[3],"e":null}],"d":9007199254740993})"},
      });
  CheckRefused(
      absl::StatusCode::kFailedPrecondition,
      {{R"({"a":1})", R"([{"op":"test","path":"/a","value":"1"}])",
        "patch: operation 0 (test /a): the test fails"},
       {R"({"a":1})", R"([{"op":"test","path":"","value":{"a":1,"b":1}}])", "test fails"},
       {R"({"a":1,"b":1})", R"([{"op":"test","path":"","value":{"a":1}}])", "test fails"},
       {"[1,2]", R"([{"op":"test","path":"","value":[1]}])", "test fails"},
       {"[1,2]", R"([{"op":"test","path":"","value":[2,1]}])", "test fails"},
       {"[1]", R"([{"op":"test","path":"","value":[1,2]}])", "test fails"},
       {"[1]", R"([{"op":"test","path":"/0","value":9007199254740993.0}])", "test fails"},
       {R"({"a":9007199254740993})",
        R"([{"op":"test","path":"/a","value":9007199254740992.0}])", "test fails"},
       {"{}", R"([{"op":"test","path":"/a","value":null}])", "leads nowhere"},
       {"[1,2]", R"([{"op":"add","path":"/-","value":3},{"op":"remove","path":"/7"}])",
        "patch: operation 1 (remove /7): the path leads nowhere"},
       {"[1]", R"([{"op":"add","path":"/2","value":3}])", "leads nowhere"},
       {"[1]", R"([{"op":"add","path":"/01","value":3}])", "leads nowhere"},
       {"[1,2]", R"([{"op":"remove","path":"/01"}])", "leads nowhere"},
       {"[1]", R"([{"op":"remove","path":"/-"}])", "leads nowhere"},
       {"[1]", R"([{"op":"replace","path":"/1","value":1}])", "leads nowhere"},
       {"[1]", R"([{"op":"add","path":"/x","value":1}])", "leads nowhere"},
       {"[1]", R"([{"op":"add","path":"/-1","value":1}])", "leads nowhere"},
       {"[1]", R"([{"op":"add","path":"/18446744073709551616","value":1}])", "nowhere"},
       {"[1]", R"([{"op":"add","path":"/18446744073709551615","value":1}])", "nowhere"},
       {R"({"a":1})", R"([{"op":"add","path":"/b/c","value":1}])", "leads nowhere"},
       {R"({"a":1})", R"([{"op":"add","path":"/a/c","value":1}])", "leads nowhere"},
       {R"({"a":1})", R"([{"op":"replace","path":"/b","value":1}])", "leads nowhere"},
       {R"({"a":1})", R"([{"op":"move","from":"/b","path":"/c"}])",
        "(move /b /c): \"from\" leads nowhere"},
       {R"({"a":1})", R"([{"op":"copy","from":"/b","path":"/b"}])", "\"from\" leads"},
       {R"({"a":1})", R"([{"op":"move","from":"/b","path":"/b"}])", "\"from\" leads"},
       {"1", R"([{"op":"add","path":"/a","value":1}])", "leads nowhere"}});
}

TEST(Patch, WhatIsNoneIsRefused) {
  CheckRefused(
      absl::StatusCode::kInvalidArgument,
      {{"{}", "{}", "patch: expected an array of operations"},
       {"{}", "[1]", "patch: operation 0 (): a member \"op\" with text is missing"},
       {"{}", R"([{"op":"ad","path":"","value":1}])", "expected \"op\" to be add"},
       {"{}", R"([{"op":"add","value":1}])", "\"path\" with text is missing"},
       {"{}", R"([{"op":"add","path":5,"value":1}])", "\"path\" with text is missing"},
       {"{}", R"([{"op":"add","path":"/a"}])", "\"value\" is missing"},
       {"{}", R"([{"op":"test","path":""}])", "\"value\" is missing"},
       {"{}", R"([{"op":"move","path":"/a"}])", "\"from\" with text is missing"},
       {"{}", R"([{"op":"add","path":"a","value":1}])", "begins with /"},
       {"{}", R"([{"op":"add","path":"/~","value":1}])", "~ without 0 or 1"},
       {"{}", R"([{"op":"add","path":"/~2","value":1}])", "~ without 0 or 1"},
       {"{}", R"([{"op":"remove","path":""}])", "root cannot be removed"},
       {R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", "into itself"},
       {"{}", R"([{"op":"move","from":"","path":"/b"}])", "into itself"},
       {"{}", R"([{"op":"add","path":"/a","path":"/b","value":1}])", "byte"},
       {"{}", "[", "byte 1"}});
}

std::string Nested(size_t depth, const std::string& inside) {
  std::string json;
  for (size_t i = 0; i < depth; ++i) json += "{\"a\":";
  return json + inside + std::string(depth, '}');
}

std::string Pointer(size_t parts) {
  std::string path;
  for (size_t i = 0; i < parts; ++i) path += "/a";
  return path;
}

std::string Op(const char* op, const std::string& path, const std::string& value) {
  return absl::StrCat(R"({"op":")", op, R"(","path":")", path, R"(",)", value, "}");
}

TEST(Patch, Depth) {
  const std::string whole = Nested(998, R"({"a":{}})");  // 1,000 objects
  const auto patch = [&](const std::string& document, const std::string& operation) {
    return Try(ApplyJsonPatch, document, "[" + operation + "]");
  };
  EXPECT_EQ(*patch(whole, Op("add", Pointer(1000), "\"value\":1")), Nested(1000, "1"));
  EXPECT_EQ(*patch(whole, Op("replace", Pointer(999), "\"value\":1")), Nested(999, "1"));
  EXPECT_TRUE(
      patch(Nested(997, "1"), Op("test", "", "\"value\":" + Nested(997, "1.0"))).ok());
  const auto deeper = [&](const std::string& operation) {
    const absl::Status status = patch(whole, operation).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "1000")) << status;
  };
  deeper(Op("add", Pointer(1000), "\"value\":{}"));
  deeper(Op("add", Pointer(1001), "\"value\":1"));
  deeper(Op("copy", Pointer(600), R"("from":"")"));
  // Compared while it is open to the bottom, moved and copied so.
  std::string open = "[" + Op("replace", Pointer(990), "\"value\":1");
  EXPECT_EQ(*Try(ApplyJsonPatch, whole,
                 absl::StrCat(open, ",", Op("test", "", "\"value\":" + Nested(990, "1")),
                              ",", Op("copy", "/b", "\"from\":\"/a\""), ",",
                              Op("move", "", "\"from\":\"/b\""), "]")),
            Nested(989, "1"));
  deeper(Op("replace", Pointer(990), "\"value\":1") + "," +
         Op("copy", "/a/b", "\"from\":\"\"") + "," +
         Op("move", "/a/a/a/a/b", "\"from\":\"/a/b\"") + "," +
         Op("copy", Pointer(20) + "/b", "\"from\":\"\""));
  for (const std::string& hostile :
       {std::string(100'000, '['), "[" + Nested(100'000, "1")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Try(ApplyJsonPatch, "{}", hostile).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(Try(ApplyMergePatch, "{}", hostile).status()));
  }
  // Merging.
  EXPECT_EQ(*Try(ApplyMergePatch, "{}", Nested(1000, "1")), Nested(1000, "1"));
  EXPECT_EQ(*Try(ApplyMergePatch, Nested(1000, "1"), Nested(1000, "2")),
            Nested(1000, "2"));
  EXPECT_EQ(*Try(ApplyMergePatch, Nested(1000, "1"), Nested(1000, "null")),
            Nested(999, "{}"));
}

TEST(Patch, CopiesDoNotGrowWithoutEnd) {
  const std::string text(1000, 't');
  std::string doubling = "[";
  for (int i = 0; i < 60; ++i)
    absl::StrAppend(&doubling, i > 0 ? "," : "",
                    Op("copy", absl::StrCat("/x", i), R"("from":"")"));
  const absl::Status pieces = Try(ApplyJsonPatch, R"({"a":1})", doubling + "]").status();
  EXPECT_TRUE(absl::IsInvalidArgument(pieces)) << pieces;
  // Of what no path leads into the bytes are shared until the end.
  std::string many = "[" + Op("add", "/-", absl::StrCat("\"value\":\"", text, "\""));
  for (int i = 0; i < 70'000; ++i)
    absl::StrAppend(&many, ",", Op("copy", "/-", R"("from":"/0")"));
  const absl::Status large = Try(ApplyJsonPatch, "[]", many + "]").status();
  EXPECT_TRUE(absl::IsInvalidArgument(large)) << large;
  EXPECT_TRUE(absl::StrContains(large.message(), "64 MiB")) << large;
}

TEST(Patch, Merge) {
  Check(ApplyMergePatch,
        {
            {R"({"a":1})", R"({"a":2})", R"({"a":2})"},
            {R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
            {R"({"a":1})", R"({"a":null})", "{}"},
            {R"({"a":1,"b":2,"c":3})", R"({"c":4,"a":null,"d":5})",
             R"({"b":2,"c":4,"d":5})"},
            {R"({"a":[1,2]})", R"({"a":3})", R"({"a":3})"},
            {R"({"a":3})", R"({"a":[1,null]})", R"({"a":[1,null]})"},
            {R"({"a":{"b":1,"c":2}})", R"({"a":{"b":null,"d":{"e":null,"f":1}}})",
             R"({"a":{"c":2,"d":{"f":1}}})"},
            {R"({"a":[{"b":1}]})", R"({"a":[{"c":null}]})", R"({"a":[{"c":null}]})"},
            {R"({"a":5})", R"({"a":{"b":1,"c":null}})", R"({"a":{"b":1}})"},
            {"[1,2]", R"({"a":1,"b":null})", R"({"a":1})"},
            {R"({"a":1})", "[null]", "[null]"},
            {R"({"a":1})", "null", "null"},
            {R"({"a":1})", R"("x")", R"("x")"},
            {R"({"a":null})", R"({"b":1})", R"({"a":null,"b":1})"},
            {R"({"a":1})", "{}", R"({"a":1})"},
            {"3", "{}", "{}"},
            {"{}", R"({"a":{"b":{"c":null}}})", R"({"a":{"b":{}}})"},
            {R"({"a":{"b":1}})", R"({"a":{"$date":"2026-01-02T03:04:05Z"}})",
             R"({"a":{"$date":"2026-01-02T03:04:05Z"}})"},
        });
  EXPECT_TRUE(absl::IsInvalidArgument(Try(ApplyMergePatch, "{}", "{\"a\"").status()));
}

// --- Random patches ---------------------------------------------------------

using Json = nlohmann::json;

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(3))); }
  Json Value(int depth, bool nulls = false) {
    switch (Below(depth > 0 ? 7 : 3)) {
      case 0:
        return nulls ? Json() : Json("text");
      case 1:
        return Below(3);
      case 2:
        return static_cast<double>(Below(3)) + 0.5;
      case 3:
      case 4: {
        Json array = Json::array();
        for (uint64_t n = Below(4); n > 0; --n) array.push_back(Value(depth - 1, nulls));
        return array;
      }
      default: {
        Json object = Json::object();
        for (uint64_t n = Below(4); n > 0; --n) object[Name()] = Value(depth - 1, nulls);
        return object;
      }
    }
  }
  // Mostly one that leads somewhere.
  std::string Path(const Json& document) {
    std::string path;
    const Json* at = &document;
    while (at->is_structured() && Below(4) > 0) {
      std::string part = at->is_object() ? Name() : absl::StrCat(Below(at->size() + 1));
      absl::StrAppend(&path, "/", part);
      if (at->is_object() ? !at->contains(part) : std::stoul(part) >= at->size()) break;
      at = at->is_object() ? &(*at)[part] : &(*at)[std::stoul(part)];
    }
    if (Below(15) == 0) path += Below(2) == 0 ? "/-" : "/" + Name();
    return path;
  }
  Json Operation(const Json& document) {
    static constexpr const char* kOps[] = {"add",  "remove", "replace",
                                           "move", "copy",   "test"};
    const std::string op = kOps[Below(6)], path = Path(document);
    Json made = {
        {"op", op}, {"path", path}, {"from", Path(document)}, {"value", Value(2)}};
    const Json::json_pointer pointer(path);
    if (op == "test" && Below(4) > 0 && document.contains(pointer))
      made["value"] = document[pointer];
    return made;
  }

 private:
  std::mt19937_64 random_;
};

// None where it is refused. What the library leaves open is refused as we do.
std::optional<Json> ApplyOther(const Json& document, const Json& operation) {
  const std::string op = operation["op"], path = operation["path"],
                    from = operation["from"];
  if (op == "remove" && (path.empty() || !document.contains(Json::json_pointer(path))))
    return std::nullopt;
  if (op == "move") {
    const Json::json_pointer source(from);
    if (!document.contains(source)) return std::nullopt;
    if (path == from) return document;
    if ((path + "/").starts_with(from + "/")) return std::nullopt;
    const auto removed =
        ApplyOther(document, {{"op", "remove"}, {"path", from}, {"from", ""}});
    const Json added = {
        {"op", "add"}, {"path", path}, {"from", ""}, {"value", document[source]}};
    return removed.has_value() ? ApplyOther(*removed, added) : std::nullopt;
  }
  const Json::json_pointer parent(path.substr(0, path.find_last_of('/')));
  if (!path.empty() && document.contains(parent) && !document[parent].is_structured())
    return std::nullopt;
  try {
    return document.patch(Json::array({operation}));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

TEST(Patch, DoesWhatAnotherImplementationDoes) {
  Random random(1);
  int refused = 0, done = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Json document = random.Value(3);
    Json patch = Json::array();
    std::optional<Json> expected = document;
    for (uint64_t n = 1 + random.Below(8); n > 0 && expected.has_value(); --n) {
      patch.push_back(random.Operation(*expected));
      std::optional<Json> next = ApplyOther(*expected, patch.back());
      if (!next.has_value() && random.Below(8) > 0)
        patch.erase(patch.size() - 1);
      else
        expected = next;
    }
    const auto after = Try(ApplyJsonPatch, document.dump(), patch.dump());
    ASSERT_EQ(after.ok(), expected.has_value())
        << patch << " of " << document << ": " << after.status();
    ++(after.ok() ? done : refused);
    if (!after.ok()) continue;
    ASSERT_EQ(Json::parse(*after).dump(), expected->dump())
        << patch << " of " << document;
  }
  EXPECT_GT(refused, 3'000);
  EXPECT_GT(done, 10'000);
}

TEST(Patch, MergesAsAnotherImplementationDoes) {
  Random random(2);
  for (int i = 0; i < 20'000; ++i) {
    const Json document = random.Value(4), patch = random.Value(4, true);
    Json expected = document;
    expected.merge_patch(patch);
    const auto after = Try(ApplyMergePatch, document.dump(), patch.dump());
    ASSERT_TRUE(after.ok()) << after.status();
    ASSERT_EQ(Json::parse(*after).dump(), expected.dump()) << patch << " of " << document;
  }
}

TEST(Patch, DamagedDocumentsAreTold) {
  NameTable names;
  const std::string whole =
      *JsonToBinary(R"({"a":[1,{"b":2}],"c":"text","d":{"e":[3,4]}})", &names);
  const std::string patch =
      R"([{"op":"add","path":"/d/e/-","value":5},{"op":"copy","from":"/a/1","path":"/a/0"},
          {"op":"test","path":"/d","value":{"e":[3,4,5]}},{"op":"remove","path":"/c"}])";
  for (size_t at = 0; at < whole.size(); ++at)
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(byte);
      const bool is_valid = Validate(bytes, names).ok();
      const uint32_t size = names.size();
      for (const auto& after :
           {ApplyJsonPatch(RootOf(bytes, names), patch, &names),
            ApplyMergePatch(RootOf(bytes, names), R"({"d":{"e":1},"a":null})", &names)}) {
        if (is_valid && after.ok()) {
          EXPECT_TRUE(Validate(*after, names).ok());
        }
        EXPECT_TRUE(!is_valid || after.ok() || absl::IsFailedPrecondition(after.status()))
            << after.status();
      }
      names.Truncate(size);
    }
}

}  // namespace
}  // namespace sheaf::document
