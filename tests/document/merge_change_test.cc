// $bit and $merge in updates: each operator by cases, what is refused and how, and functions
// of the application, which see JSON and may delete the field. (R10)
#include "document/merge_change.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "document/json_codec.h"
#include "document/update.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

using Maybe = std::optional<std::string>;

// What the functions were called with last.
std::string g_seen;

const MergeFunctions& Functions() {
  static const auto* const functions = new MergeFunctions{
      {"note",
       [](std::string_view key, std::optional<std::string_view> existing,
          std::string_view operand) -> absl::StatusOr<Maybe> {
         g_seen =
             absl::StrCat(std::string(key), "|", std::string(existing.value_or("none")),
                          "|", std::string(operand));
         return Maybe(R"({"made":[1,2.5]})");
       }},
      {"delete", [](auto...) -> absl::StatusOr<Maybe> { return Maybe(); }},
      {"no json", [](auto...) -> absl::StatusOr<Maybe> { return Maybe("{"); }},
      {"refuse",
       [](auto...) -> absl::StatusOr<Maybe> { return absl::AbortedError("no"); }},
      {"throw", [](auto...) -> absl::StatusOr<Maybe> { throw std::runtime_error("oh"); }},
  };
  return *functions;
}

absl::StatusOr<std::string> TryUpdate(const std::string& document,
                                      const std::string& update) {
  NameTable names;
  const std::string binary = *JsonToBinary(document, &names);
  SHEAF_ASSIGN_OR_RETURN(const Update parsed, Update::Parse(update, Functions()));
  SHEAF_ASSIGN_OR_RETURN(const std::string result,
                         parsed.Apply(RootOf(binary, names), &names, 0));
  const absl::Status valid = Validate(result, names);
  EXPECT_TRUE(valid.ok()) << valid << ": " << update << " of " << document;
  return BinaryToJson(result, names);
}

std::string Merge(const char* fn, const std::string& value) {
  return absl::StrCat(R"({"$merge":{"a":{"fn":")", fn, R"(","value":)", value, "}}}");
}

struct Case {
  std::string update;
  const char *before, *after;
};
void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto after = TryUpdate(c.before, c.update);
    EXPECT_TRUE(after.ok()) << c.update << " of " << c.before << ": " << after.status();
    if (after.ok()) {
      EXPECT_EQ(*after, c.after) << c.update << " of " << c.before;
    }
  }
}

void CheckRefused(absl::StatusCode code, const std::string& before,
                  const std::string& update, const char* message) {
  const absl::Status status = TryUpdate(before, update).status();
  EXPECT_EQ(status.code(), code) << update << " of " << before << ": " << status;
  EXPECT_TRUE(absl::StrContains(status.message(), message))
      << update << " of " << before << ": " << status;
}

TEST(MergeChange, Bit) {
  Check({
      {R"({"$bit":{"a":{"or":5}}})", R"({"a":2})", R"({"a":7})"},
      {R"({"$bit":{"a":{"and":6}}})", R"({"a":3})", R"({"a":2})"},
      {R"({"$bit":{"a":{"xor":6}}})", R"({"a":3})", R"({"a":5})"},
      {R"({"$bit":{"a":{"or":8,"and":12}}})", R"({"a":7})", R"({"a":12})"},
      {R"({"$bit":{"a":{"or":5}}})", "{}", R"({"a":5})"},
      {R"({"$bit":{"a":{"and":5}}})", "{}", R"({"a":0})"},
      {R"({"$bit":{"a.b":{"or":1}}})", "{}", R"({"a":{"b":1}})"},
      {R"({"$bit":{"a":{"xor":-1}}})", R"({"a":0})", R"({"a":-1})"},
      {R"({"$bit":{"a":{"or":1}}})", R"({"a":9223372036854775808})",
       R"({"a":9223372036854775809})"},
  });
  for (const char* operand :
       {"1", "{}", R"({"nor":1})", R"({"or":1.5})", R"({"or":"1"})"})
    CheckRefused(absl::StatusCode::kInvalidArgument, "{}",
                 absl::StrCat(R"({"$bit":{"a":)", operand, "}}"), "$bit: a: expected");
  for (const char* value : {"1.5", "\"1\"", "null", "[1]"})
    CheckRefused(absl::StatusCode::kFailedPrecondition,
                 absl::StrCat(R"({"a":)", value, "}"), R"({"$bit":{"a":{"or":1}}})",
                 "$bit: a: expected an integer");
}

TEST(MergeChange, OperatorsThatOthersDoAsWell) {
  Check({
      {Merge("add", "2"), R"({"a":3})", R"({"a":5})"},
      {Merge("add_double", "0.5"), R"({"a":3})", R"({"a":3.5})"},
      {Merge("min", "2"), R"({"a":3})", R"({"a":2})"},
      {Merge("max_bytes", R"("b")"), R"({"a":"a"})", R"({"a":"b"})"},
      {Merge("bit_or", "5"), R"({"a":2})", R"({"a":7})"},
      {Merge("union", R"(["x","y","x"])"), R"({"a":["y"]})", R"({"a":["y","x"]})"},
      {Merge("last", "null"), R"({"a":3})", R"({"a":null})"},
  });
  CheckRefused(absl::StatusCode::kInvalidArgument, "{}", Merge("add", R"("1")"),
               "a number");
  CheckRefused(absl::StatusCode::kInvalidArgument, "{}", Merge("union", "1"), "an array");
  CheckRefused(absl::StatusCode::kInvalidArgument, "{}", Merge("bit_or", "1.5"),
               "integer");
  CheckRefused(absl::StatusCode::kFailedPrecondition, R"({"a":18446744073709551615})",
               Merge("add", "1"), "64 bits");
}

TEST(MergeChange, OperatorsOfTheirOwn) {
  Check({
      {Merge("add_saturating", "2"), R"({"a":3})", R"({"a":5})"},
      {Merge("add_saturating", "2"), "{}", R"({"a":2})"},
      {Merge("add_saturating", "9"), R"({"a":9223372036854775800})",
       R"({"a":9223372036854775807})"},
      {Merge("add_saturating", "-9"), R"({"a":-9223372036854775800})",
       R"({"a":-9223372036854775808})"},
      {R"({"$merge":{"a":{"fn":"count"}}})", "{}", R"({"a":1})"},
      {Merge("count", R"("whatever")"), R"({"a":1})", R"({"a":2})"},
      {Merge("append", R"("cd")"), R"({"a":"ab"})", R"({"a":"abcd"})"},
      {Merge("append", R"("cd")"), "{}", R"({"a":"cd"})"},
      {Merge("append", "[1,2]"), R"({"a":[1]})", R"({"a":[1,1,2]})"},
      {Merge("append", R"({"$binary":{"base64":"AQ==","subType":"00"}})"),
       R"({"a":{"$binary":{"base64":"AA==","subType":"00"}}})",
       R"({"a":{"$binary":{"base64":"AAE=","subType":"00"}}})"},
      {Merge("last_writer", R"({"at":5,"value":"new"})"),
       R"({"a":{"at":4,"value":"old"}})", R"({"a":{"at":5,"value":"new"}})"},
      {Merge("last_writer", R"({"at":4,"value":"old"})"),
       R"({"a":{"at":5,"value":"new"}})", R"({"a":{"at":5,"value":"new"}})"},
      {Merge("last_writer", R"({"at":5,"value":"b"})"), R"({"a":{"at":5,"value":"a"}})",
       R"({"a":{"at":5,"value":"b"}})"},
      {Merge("last_writer", R"({"at":18446744073709551615,"value":1})"),
       R"({"a":{"at":9223372036854775807,"value":2}})",
       R"({"a":{"at":18446744073709551615,"value":1}})"},
      {Merge("average", "3"), "{}", R"({"a":{"sum":3.0,"count":1}})"},
      {Merge("average", "4.5"), R"({"a":{"sum":3.0,"count":1}})",
       R"({"a":{"sum":7.5,"count":2}})"},
      {Merge("average", R"({"sum":1,"count":3})"), R"({"a":{"sum":3,"count":1}})",
       R"({"a":{"sum":4.0,"count":4}})"},
  });
}

TEST(MergeChange, WrongOperandsAndValues) {
  const auto refuse = [](const char* fn, const char* value) {
    CheckRefused(absl::StatusCode::kInvalidArgument, "{}", Merge(fn, value),
                 "$merge: a: expected");
  };
  refuse("add_saturating", "1.5");
  refuse("add_saturating", "9223372036854775808");
  refuse("append", "1");
  refuse("last_writer", "1");
  refuse("last_writer", R"({"at":-1,"value":1})");
  refuse("last_writer", R"({"at":1})");
  refuse("average", R"("1")");
  refuse("average", R"({"sum":1,"count":-1})");
  const auto refuse_old = [](const char* fn, const char* value, const char* old) {
    CheckRefused(absl::StatusCode::kFailedPrecondition,
                 absl::StrCat(R"({"a":)", old, "}"), Merge(fn, value),
                 "$merge: a: expected");
  };
  refuse_old("add_saturating", "1", "1.5");
  refuse_old("count", "1", "\"1\"");
  refuse_old("append", "\"x\"", "[]");
  refuse_old("append", "[]", "\"x\"");
  refuse_old("last_writer", R"({"at":1,"value":1})", "5");
  refuse_old("average", "1", "5");
  CheckRefused(absl::StatusCode::kOutOfRange, R"({"a":9223372036854775807})",
               Merge("count", "1"), "64 bits");
  CheckRefused(absl::StatusCode::kOutOfRange,
               R"({"a":{"sum":1,"count":9223372036854775807}})", Merge("average", "1"),
               "64 bits");
}

TEST(MergeChange, Functions) {
  const std::string call = R"({"$merge":{"a.1.b":{"fn":"note","value":{"x":1}}}})";
  Check({
      {call, R"({"a":[0,{"b":"old"}]})", R"({"a":[0,{"b":{"made":[1,2.5]}}]})"},
  });
  EXPECT_EQ(g_seen, R"(a.1.b|"old"|{"x":1})");
  Check({
      {call, R"({"a":[0]})", R"({"a":[0,{"b":{"made":[1,2.5]}}]})"},
      {call, "{}", R"({"a":{"1":{"b":{"made":[1,2.5]}}}})"},
  });
  EXPECT_EQ(g_seen, R"(a.1.b|none|{"x":1})");
  Check({
      {Merge("delete", "1"), R"({"a":1,"b":2})", R"({"b":2})"},
      {Merge("delete", "1"), R"({"b":2})", R"({"b":2})"},
      {R"({"$merge":{"a.b":{"fn":"delete","value":1}}})", R"({"b":2})", R"({"b":2})"},
      {R"({"$merge":{"a.0":{"fn":"delete","value":1}}})", R"({"a":[1,2]})",
       R"({"a":[null,2]})"},
      // Beside others, each at its path.
      {R"({"$merge":{"a":{"fn":"note","value":1}},"$inc":{"n":1}})", R"({"n":1})",
       R"({"n":2,"a":{"made":[1,2.5]}})"},
  });
}

TEST(MergeChange, FunctionsThatFail) {
  CheckRefused(absl::StatusCode::kFailedPrecondition, "{}", Merge("lost", "1"),
               "$merge: a: there is no merge function \"lost\"");
  CheckRefused(absl::StatusCode::kAborted, "{}", Merge("refuse", "1"), "$merge: a: no");
  CheckRefused(absl::StatusCode::kInternal, "{}", Merge("throw", "1"), "threw: oh");
  CheckRefused(absl::StatusCode::kInvalidArgument, "{}", Merge("no json", "1"),
               "$merge: a:");
  CheckRefused(absl::StatusCode::kFailedPrecondition, R"({"a":5})",
               R"({"$merge":{"a.b":{"fn":"note","value":1}}})", "leads through a value");
  for (const char* operand : {"1", "{}", R"({"fn":1,"value":1})", R"({"fn":"note"})",
                              R"({"value":1})", R"({"fn":"note","value":1,"more":1})"})
    CheckRefused(absl::StatusCode::kInvalidArgument, "{}",
                 absl::StrCat(R"({"$merge":{"a":)", operand, "}}"),
                 "expected {\"fn\": \"name\", \"value\": operand}");
}

}  // namespace
}  // namespace sheaf::document
