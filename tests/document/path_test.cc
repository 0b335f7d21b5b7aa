// Paths are parsed or refused, lead where MongoDB's lead, and lead to the same place
// whether they were bound to the names or not, whatever the names are by then.
#include "document/path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

std::string JsonOf(const View& value) {
  std::string json;
  EXPECT_TRUE(AppendJson(value, &json).ok());
  return json;
}

std::string FirstOf(const Path& path, const View& root) {
  const std::optional<View> value = path.First(root);
  return value.has_value() ? JsonOf(*value) : "none";
}

std::string AllOf(const Path& path, const View& root, ArrayEnd end) {
  std::vector<std::string> all;
  EXPECT_FALSE(path.ForEach(root, end, [&](const View* value) {
    all.push_back(value == nullptr ? "-" : JsonOf(*value));
    return false;
  }));
  return absl::StrJoin(all, " ");
}

TEST(Path, SaysWhatIsWrongWithIt) {
  const auto why = [](std::string_view text) {
    const auto path = Path::Parse(text);
    EXPECT_TRUE(absl::IsInvalidArgument(path.status())) << text;
    return std::string(path.status().message());
  };
  EXPECT_EQ(why(""), "path \"\": has an empty name");
  EXPECT_EQ(why("a..b"), "path \"a..b\": has an empty name");
  EXPECT_EQ(why("a."), "path \"a.\": has an empty name");
  EXPECT_EQ(why("a.$b"), "path \"a.$b\": has a name that begins with a dollar");
  std::string long_path = "a";
  for (size_t i = 1; i < Path::kPartsMax; ++i) long_path += ".a";
  EXPECT_TRUE(Path::Parse(long_path).ok());
  EXPECT_NE(why(long_path + ".a").find("more than 100 names"), std::string::npos);
  EXPECT_TRUE(Path::Parse(std::string(Path::kBytesMax, 'a')).ok());
  EXPECT_NE(why(std::string(Path::kBytesMax + 1, 'a')).find("longer than 1000 bytes"),
            std::string::npos);
}

struct Case {
  const char *path, *document;
  const char *first, *whole, *elements, *both;  // - is a way that ends early
};
const Case kCases[] = {
    {"a", R"({"a":1})", "1", "1", "1", "1"},
    {"a", R"({"b":1})", "none", "-", "-", "-"},
    {"a", R"({"a":null})", "null", "null", "null", "null"},
    {"a", R"({"a":[1,[2]]})", "[1,[2]]", "[1,[2]]", "1 [2]", "1 [2] [1,[2]]"},
    {"a", R"({"a":[]})", "[]", "[]", "", "[]"},
    {"a", "5", "none", "-", "-", "-"},
    {"a.b", R"({"a":{"b":{"c":1}}})", R"({"c":1})", R"({"c":1})", R"({"c":1})",
     R"({"c":1})"},
    {"a.b", R"({"a":5})", "none", "-", "-", "-"},
    {"a.b", R"({"a":[]})", "none", "", "", ""},
    {"a.b", R"({"a":[1,[{"b":2}],{"b":3},{},{"b":[4,5]}]})", "none", "3 - [4,5]",
     "3 - 4 5", "3 - 4 5 [4,5]"},
    {"a.1", R"({"a":[7,8]})", "8", "8", "8", "8"},
    {"a.1", R"({"a":[7,{"1":8}]})", R"({"1":8})", R"({"1":8} 8)", R"({"1":8} 8)",
     R"({"1":8} 8)"},
    {"a.01", R"({"a":[7,8]})", "none", "", "", ""},
    {"a.9", R"({"a":[7,8]})", "none", "", "", ""},
    {"a.99999999999999999999", R"({"a":[7,8]})", "none", "", "", ""},
    {"a.0.b.1", R"({"a":[{"b":[1,2]}]})", "2", "2 -", "2 -", "2 -"},
    {"0", R"([4,5])", "4", "4", "4", "4"},
};

TEST(Path, LeadsWhereMongoDbsLead) {
  for (const Case& c : kCases) {
    NameTable names;
    const std::string binary = *JsonToBinary(c.document, &names);
    const View root = RootOf(binary, names);
    Path path = *Path::Parse(c.path);
    for (int bound = 0; bound < 2; ++bound) {
      const std::string what = absl::StrCat(c.path, " in ", c.document);
      EXPECT_EQ(FirstOf(path, root), c.first) << what;
      EXPECT_EQ(AllOf(path, root, ArrayEnd::kWhole), c.whole) << what;
      EXPECT_EQ(AllOf(path, root, ArrayEnd::kElements), c.elements) << what;
      EXPECT_EQ(AllOf(path, root, ArrayEnd::kElementsAndWhole), c.both) << what;
      path.Bind(names);
    }
  }
}

TEST(Path, StopsWhenItIsTold) {
  NameTable names;
  const std::string binary = *JsonToBinary(R"({"a":[{"b":1},{"b":2},{"b":3}]})", &names);
  int visited = 0;
  EXPECT_TRUE(Path::Parse("a.b")->ForEach(
      RootOf(binary, names), ArrayEnd::kWhole,
      [&](const View* value) { return ++visited, value->int_value() == 2; }));
  EXPECT_EQ(visited, 2);
}

TEST(Path, OfNoNamesLeadsToTheValueItself) {
  NameTable names;
  const std::string binary = *JsonToBinary("[1,2]", &names);
  EXPECT_EQ(FirstOf(Path(), RootOf(binary, names)), "[1,2]");
  EXPECT_EQ(AllOf(Path(), RootOf(binary, names), ArrayEnd::kElements), "1 2");
}

TEST(Path, BoundBeforeItsNamesWereKnownFindsThemAllTheSame) {
  NameTable names, other;
  Path path = *Path::Parse("a.b");
  path.Bind(names);
  const std::string later = *JsonToBinary(R"({"x":0,"a":{"y":1,"b":2}})", &names);
  const std::string foreign = *JsonToBinary(R"({"b":0,"a":{"b":3}})", &other);
  EXPECT_EQ(FirstOf(path, RootOf(later, names)), "2");
  EXPECT_EQ(FirstOf(path, RootOf(foreign, other)), "3");
}

TEST(Path, FindsNamesThatDocumentsCarryThemselves) {
  NameTable names;
  for (uint32_t i = 0; i < NameTable::kNamesMax; ++i) names.Intern(absl::StrCat("n", i));
  const std::string long_name(NameTable::kNameBytesMax + 1, 'l');
  const std::string binary = *JsonToBinary(
      absl::StrCat(R"({"n7":0,"a":{")", long_name, R"(":{"b":1}}})"), &names);
  Path path = *Path::Parse(absl::StrCat("a.", long_name, ".b"));
  path.Bind(names);
  EXPECT_EQ(FirstOf(path, RootOf(binary, names)), "1");
}

// Every cut and every changed byte: bound or not, it says the same, and stays inside.
TEST(Path, DoubtsTheBytes) {
  NameTable names;
  const std::string whole = *JsonToBinary(
      R"({"x":"text","a":{"longer":[1,2.5,"z"],"b":{"c":-7}},"n":1e300})", &names);
  Path path = *Path::Parse("a.b.c"), bound = path;
  bound.Bind(names);
  const auto kind_of = [](const std::optional<View>& value) {
    return value.has_value() ? static_cast<int>(value->kind()) : -1;
  };
  for (size_t i = 1; i < whole.size(); ++i) {
    for (const int change : {-1, 0x01, 0x40, 0x80, 0xff}) {
      std::string bytes = whole;
      if (change < 0)
        bytes.resize(i), bytes.shrink_to_fit();
      else
        bytes[i] = static_cast<char>(bytes[i] ^ change);
      const View root = View::At(bytes.data() + 1, bytes.data() + bytes.size(), &names);
      EXPECT_EQ(kind_of(path.First(root)), kind_of(bound.First(root))) << i;
    }
  }
}

}  // namespace
}  // namespace sheaf::document
