// Updates do what MongoDB's do: a table of cases for each operator, what is refused and
// how. (R10)
#include "document/update.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "document/json_codec.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

constexpr int64_t kNow = 1'800'000'000'123'456;
constexpr const char* kNowText = "2027-01-15T08:00:00.123456Z";

absl::StatusOr<std::string> TryUpdate(const std::string& document,
                                      const std::string& update, bool is_new = false) {
  NameTable names;
  const std::string binary = *JsonToBinary(document, &names);
  SHEAF_ASSIGN_OR_RETURN(const Update parsed, Update::Parse(update));
  const View old = RootOf(binary, names);
  SHEAF_ASSIGN_OR_RETURN(
      const std::string result,
      is_new ? parsed.ApplyToNew(old, &names, kNow) : parsed.Apply(old, &names, kNow));
  const absl::Status valid = Validate(result, names);
  EXPECT_TRUE(valid.ok()) << valid << ": " << update << " of " << document;
  return BinaryToJson(result, names);
}

struct Case {
  const char *update, *before, *after;
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

struct Refusal {
  const char *update, *before, *message;
};

void CheckRefused(absl::StatusCode code, const std::vector<Refusal>& refusals) {
  for (const Refusal& r : refusals) {
    const absl::Status status = TryUpdate(r.before, r.update).status();
    EXPECT_EQ(status.code(), code) << r.update << " of " << r.before << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), r.message))
        << r.update << " of " << r.before << ": " << status;
  }
}

TEST(Update, Set) {
  Check({
      {R"({"$set":{"a":2}})", R"({"a":1,"b":1})", R"({"a":2,"b":1})"},
      {R"({"$set":{"b":2}})", R"({"a":1,"b":1})", R"({"a":1,"b":2})"},
      {R"({"$set":{"c":{"d":[1,null]},"b":2}})", R"({"a":1})",
       R"({"a":1,"c":{"d":[1,null]},"b":2})"},
      {R"({"$set":{"a":{"$date":"2026-01-02T03:04:05Z"}}})", R"({"a":1})",
       R"({"a":{"$date":"2026-01-02T03:04:05Z"}})"},
      // Paths.
      {R"({"$set":{"a.b.c":1}})", "{}", R"({"a":{"b":{"c":1}}})"},
      {R"({"$set":{"a.b":1,"a.c":2,"a.b2.x":3}})", R"({"a":{"c":0,"d":4}})",
       R"({"a":{"c":2,"d":4,"b":1,"b2":{"x":3}}})"},
      {R"({"$set":{"a.0":1}})", "{}", R"({"a":{"0":1}})"},
      {R"({"$set":{"a.1":9}})", R"({"a":[1,2,3]})", R"({"a":[1,9,3]})"},
      {R"({"$set":{"a.1.b":9,"a.0":0}})", R"({"a":[1,{"b":2,"c":3}]})",
       R"({"a":[0,{"b":9,"c":3}]})"},
      {R"({"$set":{"a.3":9}})", R"({"a":[1]})", R"({"a":[1,null,null,9]})"},
      {R"({"$set":{"a.4":4,"a.2.b":2,"a.0":0}})", R"({"a":[1]})",
       R"({"a":[0,null,{"b":2},null,4]})"},
      {R"({"$set":{"a.1.1":9}})", R"({"a":[1,[2,3]]})", R"({"a":[1,[2,9]]})"},
      {R"({"$set":{"a.b":[{}]}})", R"({"a":{"b":{"c":1}}})", R"({"a":{"b":[{}]}})"},
      {R"({"$set":{}})", R"({"a":1})", R"({"a":1})"},
      {R"({"$set":{"ä":"ö"}})", "{}", R"({"ä":"ö"})"},
  });
}

TEST(Update, Unset) {
  Check({
      {R"({"$unset":{"a":""}})", R"({"a":1,"b":2})", R"({"b":2})"},
      {R"({"$unset":{"a.b":1}})", R"({"a":{"b":1,"c":2}})", R"({"a":{"c":2}})"},
      {R"({"$unset":{"a.b":1}})", R"({"a":{"b":1}})", R"({"a":{}})"},
      {R"({"$unset":{"a.1":1}})", R"({"a":[1,2,3]})", R"({"a":[1,null,3]})"},
      {R"({"$unset":{"a.1.b":1}})", R"({"a":[1,{"b":2}]})", R"({"a":[1,{}]})"},
      // Where there is nothing nothing happens.
      {R"({"$unset":{"x":1,"a.b":1,"a.b2.c":1}})", R"({"a":5})", R"({"a":5})"},
      {R"({"$unset":{"a.7":1,"a.b":1}})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"({"$unset":{"a.b":1}})", "{}", "{}"},
  });
}

TEST(Update, Numbers) {
  Check({
      {R"({"$inc":{"a":2}})", R"({"a":1})", R"({"a":3})"},
      {R"({"$inc":{"a":-2.5}})", R"({"a":1})", R"({"a":-1.5})"},
      {R"({"$inc":{"a":1}})", R"({"a":1.0})", R"({"a":2.0})"},
      {R"({"$inc":{"a":7,"b.c":1.5}})", "{}", R"({"a":7,"b":{"c":1.5}})"},
      {R"({"$inc":{"a.1":7}})", R"({"a":[1,2]})", R"({"a":[1,9]})"},
      {R"({"$mul":{"a":3}})", R"({"a":-4})", R"({"a":-12})"},
      {R"({"$mul":{"a":0.5}})", R"({"a":3})", R"({"a":1.5})"},
      {R"({"$mul":{"a":3,"b":3.5}})", "{}", R"({"a":0,"b":0.0})"},
      // At the borders, exactly.
      {R"({"$inc":{"a":1}})", R"({"a":9223372036854775807})",
       R"({"a":9223372036854775808})"},
      {R"({"$inc":{"a":-1}})", R"({"a":9223372036854775808})",
       R"({"a":9223372036854775807})"},
      {R"({"$inc":{"a":18446744073709551615}})", R"({"a":-9223372036854775808})",
       R"({"a":9223372036854775807})"},
      {R"({"$inc":{"a":-9223372036854775808}})", R"({"a":18446744073709551615})",
       R"({"a":9223372036854775807})"},
      {R"({"$mul":{"a":-1}})", R"({"a":9223372036854775808})",
       R"({"a":-9223372036854775808})"},
      {R"({"$mul":{"a":5}})", R"({"a":3689348814741910323})",
       R"({"a":18446744073709551615})"},
      {R"({"$mul":{"a":0}})", R"({"a":18446744073709551615})", R"({"a":0})"},
      {R"({"$inc":{"a":1.0}})", R"({"a":18446744073709551615})",
       R"({"a":18446744073709551616.0})"},
      {R"({"$mul":{"a":1e300}})", R"({"a":1e300})",
       R"({"a":{"$numberDouble":"Infinity"}})"},
      {R"({"$min":{"a":1}})", R"({"a":2})", R"({"a":1})"},
      {R"({"$min":{"a":1.0}})", R"({"a":1})", R"({"a":1})"},
      {R"({"$min":{"a":3,"b":3}})", R"({"a":2})", R"({"a":2,"b":3})"},
      {R"({"$max":{"a":3,"b":"x"}})", R"({"a":2,"b":5})", R"({"a":3,"b":"x"})"},
      {R"({"$max":{"a":1}})", R"({"a":2})", R"({"a":2})"},
      {R"({"$max":{"a":9007199254740993}})", R"({"a":9007199254740992.0})",
       R"({"a":9007199254740993})"},
      {R"({"$min":{"a":null}})", R"({"a":2})", R"({"a":null})"},
  });
  CheckRefused(absl::StatusCode::kFailedPrecondition,
               {{R"({"$inc":{"a.b":1}})", R"({"a":{"b":"1"}})",
                 "update: $inc: a.b: expected a number, found string"},
                {R"({"$mul":{"a":1}})", R"({"a":null})", "$mul: a: expected a number"},
                {R"({"$inc":{"a":1}})", R"({"a":[1]})", "found array"},
                {R"({"$inc":{"a":1}})", R"({"a":18446744073709551615})", "64 bits"},
                {R"({"$inc":{"a":-1}})", R"({"a":-9223372036854775808})", "64 bits"},
                {R"({"$mul":{"a":18446744073709551615}})",
                 R"({"a":18446744073709551615})", "64 bits"},
                {R"({"$mul":{"a":18446744073709551615}})",
                 R"({"a":-9223372036854775808})", "64 bits"},
                {R"({"$mul":{"a":-1}})", R"({"a":9223372036854775809})", "64 bits"}});
}

TEST(Update, ArraysGrow) {
  Check({
      {R"({"$push":{"a":3}})", R"({"a":[1]})", R"({"a":[1,3]})"},
      {R"({"$push":{"a":[3]}})", R"({"a":[1]})", R"({"a":[1,[3]]})"},
      {R"({"$push":{"a":1,"b.c":2}})", "{}", R"({"a":[1],"b":{"c":[2]}})"},
      {R"({"$push":{"a.0":1}})", R"({"a":[[0]]})", R"({"a":[[0,1]]})"},
      {R"({"$push":{"a":{"$each":[2,{"b":3}]}}})", R"({"a":[1]})",
       R"({"a":[1,2,{"b":3}]})"},
      {R"({"$push":{"a":{"$each":[]}}})", "{}", R"({"a":[]})"},
      {R"({"$push":{"a":{"$each":[8,9],"$position":1}}})", R"({"a":[1,2]})",
       R"({"a":[1,8,9,2]})"},
      {R"({"$push":{"a":{"$position":-1,"$each":[9]}}})", R"({"a":[1,2]})",
       R"({"a":[1,9,2]})"},
      {R"({"$push":{"a":{"$each":[9],"$position":-9.0}}})", R"({"a":[1,2]})",
       R"({"a":[9,1,2]})"},
      {R"({"$push":{"a":{"$each":[9],"$position":70}}})", R"({"a":[1,2]})",
       R"({"a":[1,2,9]})"},
      {R"({"$push":{"a":{"$each":[3,4],"$slice":3}}})", R"({"a":[1,2]})",
       R"({"a":[1,2,3]})"},
      {R"({"$push":{"a":{"$each":[3,4],"$slice":-3}}})", R"({"a":[1,2]})",
       R"({"a":[2,3,4]})"},
      {R"({"$push":{"a":{"$each":[3],"$slice":0}}})", R"({"a":[1,2]})", R"({"a":[]})"},
      {R"({"$push":{"a":{"$each":[3],"$slice":-9223372036854775808}}})", R"({"a":[1]})",
       R"({"a":[1,3]})"},
      {R"({"$push":{"a":{"$each":[2,"x"],"$sort":1}}})", R"({"a":[3,null,1]})",
       R"({"a":[null,1,2,3,"x"]})"},
      {R"({"$push":{"a":{"$each":[{"s":2,"t":1}],"$sort":{"s":-1,"t":1},"$slice":3}}})",
       R"({"a":[{"s":1},{"s":2,"t":2},5,{"s":3}]})",
       R"({"a":[{"s":3},{"s":2,"t":1},{"s":2,"t":2}]})"},
      {R"({"$push":{"a":{"$each":[],"$sort":{"p.q":1}}}})",
       R"({"a":[{"p":{"q":2}},{"p":{"q":1}},{"p":0}]})",
       R"({"a":[{"p":0},{"p":{"q":1}},{"p":{"q":2}}]})"},
      {R"({"$addToSet":{"a":2}})", R"({"a":[1,2]})", R"({"a":[1,2]})"},
      {R"({"$addToSet":{"a":3}})", R"({"a":[1,2]})", R"({"a":[1,2,3]})"},
      {R"({"$addToSet":{"a":2.0}})", R"({"a":[1,2]})", R"({"a":[1,2]})"},
      {R"({"$addToSet":{"a":{"b":1,"c":2}}})", R"({"a":[{"b":1,"c":2},{"c":2}]})",
       R"({"a":[{"b":1,"c":2},{"c":2}]})"},
      {R"({"$addToSet":{"a":{"c":2,"b":1}}})", R"({"a":[{"b":1,"c":2}]})",
       R"({"a":[{"b":1,"c":2},{"c":2,"b":1}]})"},
      {R"({"$addToSet":{"a":{"$each":[4,1,3,4,3.0]}}})", R"({"a":[1,1]})",
       R"({"a":[1,1,4,3]})"},
      {R"({"$addToSet":{"a":[1]}})", "{}", R"({"a":[[1]]})"},
  });
}

TEST(Update, ArraysShrink) {
  Check({
      {R"({"$pull":{"a":1}})", R"({"a":[1,2,1.0,[1],"1"]})", R"({"a":[2,[1],"1"]})"},
      {R"({"$pull":{"a":[1]}})", R"({"a":[1,[1],[1,2]]})", R"({"a":[1,[1,2]]})"},
      {R"({"$pull":{"a":{"$gte":3}}})", R"({"a":[1,3,5,"x"]})", R"({"a":[1,"x"]})"},
      {R"({"$pull":{"a":{"$in":[1,"x"]}}})", R"({"a":[1,3,"x"]})", R"({"a":[3]})"},
      {R"({"$pull":{"a":{"b":1}}})", R"({"a":[{"b":1,"c":2},{"b":2},1]})",
       R"({"a":[{"b":2},1]})"},
      {R"({"$pull":{"a":{"b":null}}})", R"({"a":[{"b":1},{},5,[]]})",
       R"({"a":[{"b":1},5,[]]})"},
      {R"({"$pull":{"a":{"b":{"$gt":1},"c":"x"}}})",
       R"({"a":[{"b":2,"c":"x"},{"b":2},{"b":1,"c":"x"}]})",
       R"({"a":[{"b":2},{"b":1,"c":"x"}]})"},
      {R"({"$pull":{"a":{"$or":[{"b":1},{"b":2}]}}})", R"({"a":[{"b":1},{"b":3}]})",
       R"({"a":[{"b":3}]})"},
      {R"({"$pull":{"a.0.b":1}})", R"({"a":[{"b":[1,2]}]})", R"({"a":[{"b":[2]}]})"},
      {R"({"$pull":{"a":1,"b.c":1}})", R"({"b":3})", R"({"b":3})"},
      {R"({"$pullAll":{"a":[1,"x",{"b":1}]}})",
       R"({"a":[1,"x",{"b":1},{"b":1,"c":1},2]})", R"({"a":[{"b":1,"c":1},2]})"},
      {R"({"$pullAll":{"a":[1]}})", "{}", "{}"},
      {R"({"$pop":{"a":1}})", R"({"a":[1,2,3]})", R"({"a":[1,2]})"},
      {R"({"$pop":{"a":-1}})", R"({"a":[1,2,3]})", R"({"a":[2,3]})"},
      {R"({"$pop":{"a":1,"b":-1,"c.d":1}})", R"({"a":[],"b":[1]})", R"({"a":[],"b":[]})"},
  });
  CheckRefused(
      absl::StatusCode::kFailedPrecondition,
      {{R"({"$push":{"a.b":1}})", R"({"a":{"b":5}})",
        "update: $push: a.b: expected an array, found int"},
       {R"({"$push":{"a":1}})", R"({"a":null})", "found null"},
       {R"({"$addToSet":{"a":1}})", R"({"a":{}})", "$addToSet: a: expected an array"},
       {R"({"$pull":{"a":1}})", R"({"a":"x"})", "$pull: a: expected an array"},
       {R"({"$pullAll":{"a":[1]}})", R"({"a":1.5})", "found double"},
       {R"({"$pop":{"a":1}})", R"({"a":true})", "found bool"}});
}

TEST(Update, RenameAndDates) {
  Check({
      {R"({"$rename":{"a":"c"}})", R"({"a":1,"b":2})", R"({"b":2,"c":1})"},
      {R"({"$rename":{"a":"b"}})", R"({"a":1,"b":2,"c":3})", R"({"b":1,"c":3})"},
      {R"({"$rename":{"a.b":"c.d.e"}})", R"({"a":{"b":[{"x":1}]},"c":{}})",
       R"({"a":{},"c":{"d":{"e":[{"x":1}]}}})"},
      {R"({"$rename":{"x":"b","y.z":"q.r"}})", R"({"b":2})", R"({"b":2})"},
      {R"({"$rename":{"a":"c","b":"d"}})", R"({"a":1,"b":2})", R"({"c":1,"d":2})"},
  });
  const std::string date = absl::StrCat(R"({"$date":")", kNowText, R"("})");
  const std::string after = absl::StrCat(R"({"a":)", date, R"(,"b":)", date, "}");
  EXPECT_EQ(
      *TryUpdate(R"({"a":1})", R"({"$currentDate":{"a":true,"b":{"$type":"date"}}})"),
      after);
  CheckRefused(
      absl::StatusCode::kFailedPrecondition,
      {{R"({"$rename":{"a.0":"b"}})", R"({"a":[1]})", "leads through an array"},
       {R"({"$rename":{"b":"a.0"}})", R"({"a":[1],"b":1})", "leads through an array"},
       {R"({"$rename":{"b":"a.x"}})", R"({"a":7,"b":1})",
        "$rename: a.x: leads through"}});
}

TEST(Update, OnInsert) {
  const std::string update = R"({"$setOnInsert":{"a":1,"b.c":2},"$inc":{"n":1}})";
  EXPECT_EQ(*TryUpdate("{}", update), R"({"n":1})");
  EXPECT_EQ(*TryUpdate(R"({"a":0,"b":7})", update), R"({"a":0,"b":7,"n":1})");
  EXPECT_EQ(*TryUpdate(R"({"x":5})", update, true), R"({"x":5,"a":1,"b":{"c":2},"n":1})");
  EXPECT_EQ(*TryUpdate(R"({"a":5})", update, true), R"({"a":1,"b":{"c":2},"n":1})");
}

TEST(Update, WhatIsWrongIsNamed) {
  CheckRefused(
      absl::StatusCode::kInvalidArgument,
      {{R"({"a":1})", "{}", "update: a is no operator: to change fields write {\"$set\""},
       {R"({"$set":{"b":1},"a":1})", "{}", "a is no operator"},
       {"{}", "{}", "no operator"},
       {"[]", "{}", "expected an object of operators"},
       {R"({"$sett":{"a":1}})", "{}", "no operator $sett; did you mean $set"},
       {R"({"$addToset":{"a":1}})", "{}", "did you mean $addToSet"},
       {R"({"$bits":{"a":1}})", "{}", "no operator $bits"},
       {R"({"$set":5})", "{}", "$set: expected an object"},
       {R"({"$set":{"a":1}]})", "{}", "byte 15"},
       {R"({"$inc":{"a":"1"}})", "{}", "update: $inc: a: expected a number"},
       {R"({"$mul":{"a":null}})", "{}", "expected a number"},
       {R"({"$currentDate":{"a":1}})", "{}", "expected true or"},
       {R"({"$currentDate":{"a":{"$type":"timestamp"}}})", "{}", "expected true or"},
       {R"({"$pop":{"a":2}})", "{}", "expected 1 (the last) or -1"},
       {R"({"$pullAll":{"a":1}})", "{}", "expected an array of values"},
       {R"({"$pull":{"a":{"$gtt":1}}})", "{}", "did you mean $gt"},
       {R"({"$push":{"a":{"$each":1}}})", "{}", "behind $each"},
       {R"({"$push":{"a":{"$slice":1}}})", "{}", "$each beside"},
       {R"({"$push":{"a":{"$eahc":[1]}}})", "{}", "did you mean $each"},
       {R"({"$push":{"a":{"$each":[],"$slice":1.5}}})", "{}", "expected integers"},
       {R"({"$push":{"a":{"$each":[],"$sort":2}}})", "{}", "behind $sort"},
       {R"({"$push":{"a":{"$each":[],"$sort":{}}}})", "{}", "behind $sort"},
       {R"({"$addToSet":{"a":{"$each":[],"$slice":1}}})", "{}", "nothing beside $each"},
       {R"({"$rename":{"a":1}})", "{}", "expected the new path"},
       // Paths.
       {R"({"$set":{"":1}})", "{}", "part of the path is empty"},
       {R"({"$set":{"a..b":1}})", "{}", "$set: a..b: a part of the path is empty"},
       {R"({"$set":{"a.$.b":1}})", "{}", "not supported"},
       {R"({"$set":{"a.$[].b":1}})", "{}", "not supported"},
       {R"({"$set":{"a.$[x]":1}})", "{}", "not supported"},
       {R"({"$set":{"a.$x":1}})", "{}", "begins with $"},
       {R"({"$rename":{"a":"b."}})", "{}", "part of the path is empty"},
       // Conflicts.
       {R"({"$set":{"a":1},"$inc":{"a":1}})", "{}", "$inc: a: conflicts with $set of a"},
       {R"({"$set":{"a":1},"$inc":{"a.b":1}})", "{}", "a.b: conflicts with $set of a"},
       {R"({"$set":{"a.b.c":1},"$unset":{"a":1}})", "{}", "conflicts with $set of a.b.c"},
       {R"({"$rename":{"a":"a"}})", "{}", "conflicts"},
       {R"({"$rename":{"a":"a.b"}})", "{}", "conflicts"},
       {R"({"$rename":{"a":"b"},"$set":{"b":1}})", "{}", "conflicts with $rename of b"},
       // Too much.
       {R"({"$set":{"a.1501":1}})", R"({"a":[0]})", "grows by 1500 at most"},
       {R"({"$set":{"a.18446744073709551615":1}})", R"({"a":[]})", "at most"}});
  CheckRefused(
      absl::StatusCode::kFailedPrecondition,
      {{R"({"$set":{"a.b":1}})", R"({"a":5})",
        "update: $set: a.b: leads through a value of type int"},
       {R"({"$set":{"a.b.c":1}})", R"({"a":null})", "of type null"},
       {R"({"$inc":{"a.b":1}})", R"({"a":[1]})", "of type array, and not by an index"},
       {R"({"$inc":{"a.01":1}})", R"({"a":[1,2]})", "not by an index"},
       {R"({"$set":{"a":1}})", "[]", "no object, it is of type array"},
       {R"({"$set":{"a":1}})", "3", "no object"}});
  EXPECT_TRUE(TryUpdate(R"({"a":[0]})", R"({"$set":{"a.1500":1}})").ok());
}

TEST(Update, ChangesNothingButWhatItSays) {
  NameTable names;
  const std::string before = *JsonToBinary(
      R"({"a":[1,{"b":2}],"long name of its own, above sixty-four bytes, so that it is not in the table":3,"c":{"d":"x"}})",
      &names);
  const auto update = Update::Parse(
      R"({"$unset":{"x":1,"a.1.c":1},"$max":{"a.0":0},"$addToSet":{"a":1}})");
  EXPECT_TRUE(absl::IsInvalidArgument(update.status()));  // a.0 is in a
  const auto nothing = Update::Parse(R"({"$unset":{"x":1,"a.1.c":1},"$max":{"a.0":0}})");
  EXPECT_EQ(*nothing->Apply(RootOf(before, names), &names, 0), before);
  // Documents of other collections.
  NameTable others;
  others.Intern("c");
  const std::string elsewhere = *nothing->Apply(RootOf(before, names), &others, 0);
  EXPECT_NE(elsewhere, before);
  EXPECT_EQ(*BinaryToJson(elsewhere, others), *BinaryToJson(before, names));
}

TEST(Update, Depth) {
  const auto nested = [](size_t depth, const std::string& inside) {
    std::string json;
    for (size_t i = 0; i < depth; ++i) json += "{\"a\":";
    return json + inside + std::string(depth, '}');
  };
  const auto path = [](size_t parts) {
    return absl::StrJoin(std::vector<std::string>(parts, "a"), ".");
  };
  const auto set = [&](size_t parts) {
    return absl::StrCat(R"({"$inc":{")", path(parts), R"(":1}})");
  };
  EXPECT_EQ(*TryUpdate(nested(1000, "1"), set(1000)), nested(1000, "2"));
  EXPECT_EQ(*TryUpdate("{}", set(1000)), nested(1000, "1"));
  EXPECT_TRUE(absl::IsInvalidArgument(TryUpdate("{}", set(1001)).status()));
  EXPECT_EQ(*TryUpdate("{}", absl::StrCat(R"({"$set":{"a":)", nested(998, "1"), "}}")),
            nested(999, "1"));
  const std::string deep =
      absl::StrCat(R"({"$set":{")", path(500), R"(":)", nested(501, "1"), "}}");
  EXPECT_TRUE(absl::IsInvalidArgument(TryUpdate("{}", deep).status()));
  // Compared, hashed and matched at that depth.
  const std::string value = nested(990, "1"),
                    array = absl::StrCat("{\"a\":[", value, "]}");
  EXPECT_EQ(*TryUpdate(array, absl::StrCat(R"({"$addToSet":{"a":)", value, "}}")), array);
  EXPECT_EQ(*TryUpdate(array, absl::StrCat(R"({"$pullAll":{"a":[)", value, "]}}")),
            R"({"a":[]})");
  EXPECT_TRUE(absl::IsInvalidArgument(
      TryUpdate("{}", absl::StrCat(R"({"$pull":{"a":)", nested(200, "1"), "}}"))
          .status()));
  for (const char open : {'[', '{'}) {
    const std::string hostile =
        open == '[' ? std::string(100'000, '[') : nested(100'000, "1");
    EXPECT_TRUE(absl::IsInvalidArgument(
        Update::Parse(absl::StrCat(R"({"$set":{"a":)", hostile)).status()));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Update::Parse(set(100'000)).status()));
}

TEST(Update, DamagedDocumentsAreTold) {
  NameTable names;
  const std::string whole =
      *JsonToBinary(R"({"a":[1,{"b":2}],"c":"text","d":{"e":[3,4]}})", &names);
  const auto update =
      Update::Parse(R"({"$push":{"d.e":5},"$unset":{"a.0":1},"$set":{"a.1.b":2,"c":7}})");
  for (size_t at = 1; at < whole.size(); ++at)
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(byte);
      const uint32_t size = names.size();
      const bool is_valid = Validate(bytes, names).ok();
      const auto after = update->Apply(RootOf(bytes, names), &names, 0);
      if (is_valid) {
        EXPECT_TRUE(after.ok() ? Validate(*after, names).ok()
                               : absl::IsFailedPrecondition(after.status()))
            << after.status();
      }
      names.Truncate(size);
    }
}

// No valid document nests so deep, a file may.
TEST(Update, BottomlessDocumentsAreTold) {
  NameTable names;
  const uint32_t a = *names.Intern("a");
  std::string reversed;  // of [[[…]]], from its end
  for (int i = 0; i < 100'000; ++i) {
    char size[pager::kVarint64BytesMax];
    const char* const end = pager::EncodeVarint64(size, reversed.size());
    for (const char* at = end; at != size;) reversed.push_back(*--at);
    reversed.push_back('\x0b');
  }
  const std::string deep(reversed.rbegin(), reversed.rend());
  const auto wrapped = [](char tag, const std::string& body) {
    char size[pager::kVarint64BytesMax];
    const char* const end = pager::EncodeVarint64(size, body.size());
    return absl::StrCat(std::string(1, tag),
                        std::string(size, static_cast<size_t>(end - size)), body);
  };
  const std::string document =
      '\x02' + wrapped('\x0c', static_cast<char>(a * 2) + wrapped('\x0b', deep + deep));
  ASSERT_EQ(RootOf(document, names).Field("a")->kind(), Kind::kArray);
  for (const char* json :
       {R"({"$addToSet":{"a":1}})", R"({"$push":{"a":{"$each":[],"$sort":1}}})",
        R"({"$pull":{"a":{"$gt":1}}})", R"({"$set":{"b":1}})"}) {
    const auto after = Update::Parse(json)->Apply(RootOf(document, names), &names, 0);
    EXPECT_TRUE(absl::IsInvalidArgument(after.status())) << json << after.status();
  }
}

}  // namespace
}  // namespace sheaf::document
