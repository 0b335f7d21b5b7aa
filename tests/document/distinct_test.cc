// Distinct values are those that an ordered set has, array elements one by one, within a
// bound of memory.
#include "document/distinct.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> DistinctOf(std::string_view path,
                                    const std::vector<std::string>& documents) {
  NameTable names;
  Distinct distinct(*Path::Parse(path), 1 << 20);
  for (const std::string& json : documents) {
    const std::string binary = *JsonToBinary(json, &names);  // gone before the end
    EXPECT_TRUE(distinct.Add(RootOf(binary, names)).ok());
  }
  std::vector<std::string> values;
  for (const View& value : distinct.Finish()) {
    values.emplace_back();
    EXPECT_TRUE(AppendJson(value, &values.back()).ok());
  }
  return values;
}

TEST(Distinct, HasEachValueOnce) {
  EXPECT_THAT(DistinctOf("a", {R"({"a":"x"})", R"({"a":2})", R"({"a":2.0})", "{}",
                               R"({"a":null})", R"({"a":"x"})", R"({"a":{"b":1}})",
                               R"({"a":{"b":1.0}})", R"({"a":{"b":1,"c":2}})"}),
              ElementsAre("null", "2", "\"x\"", R"({"b":1})", R"({"b":1,"c":2})"));
}

TEST(Distinct, CountsElementsOneByOne) {
  EXPECT_THAT(DistinctOf("a", {R"({"a":[3,1,[1]]})", R"({"a":1})", R"({"a":[]})"}),
              ElementsAre("1", "3", "[1]"));
  EXPECT_THAT(DistinctOf("a.b", {R"({"a":[{"b":1},{"b":[2,3]},{},5]})"}),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(DistinctOf("a.b", {"{}", R"({"a":5})"}), IsEmpty());
}

TEST(Distinct, KeepsToItsMemory) {
  NameTable names;
  Distinct distinct(*Path::Parse("a"), 100000);
  absl::Status status;
  int i = 0;
  for (; status.ok() && i < 100000; ++i) {
    const std::string binary = *JsonToBinary(absl::StrCat("{\"a\":", i, "}"), &names);
    status = distinct.Add(RootOf(binary, names));
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(status.message(), absl::StrCat("distinct: a: ", i,
                                           " values need more than 100000 bytes "
                                           "(memory_bytes_max); name fewer documents"));
  EXPECT_GT(i, 500);
}

TEST(Distinct, TellsOfDamage) {
  NameTable names;
  Distinct distinct(*Path::Parse("a"), 1 << 20);
  EXPECT_TRUE(absl::IsDataLoss(distinct.Add(View())));
  std::string bytes = *JsonToBinary(R"({"a":[1,2,3]})", &names);
  bytes.back() = '\x0f';
  EXPECT_TRUE(absl::IsDataLoss(distinct.Add(RootOf(bytes, names))));
}

}  // namespace
}  // namespace sheaf::document
