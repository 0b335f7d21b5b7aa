// Merges of document fields, vertices and edge weights: on top of the updates that there
// are, with indexes kept up; functions by name; optimistic checks. What is refused changes
// nothing.
#include <limits>

#include "absl/strings/match.h"
#include "sheaf/graph.h"
#include "sheaf/merge.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

using absl::StatusCode;
using Op = MergeOperator;
using Maybe = std::optional<std::string>;

class MergeModelsTest : public ApiTest {
 protected:
  MergeModelsTest() {
    // Of JSON: puts the operand in front, and deletes what would get too long.
    options_.merge_functions["nest"] =
        [](std::string_view key, std::optional<std::string_view> existing,
           std::string_view operand) -> absl::StatusOr<Maybe> {
      if (existing.value_or("").size() > 40) return Maybe();
      return Maybe(absl::StrCat("[\"", std::string(key), "\",", std::string(operand), ",",
                                std::string(existing.value_or("null")), "]"));
    };
    // Of weights: halves what is there, and deletes at 1.
    options_.merge_functions["decay"] =
        [](std::string_view, std::optional<std::string_view> existing,
           std::string_view operand) -> absl::StatusOr<Maybe> {
      const double old = MergeValue::ReadDouble(existing.value_or(operand)).value();
      if (old == 99) return Maybe("short");
      return old <= 1 ? Maybe() : Maybe(MergeValue::Double(old / 2));
    };
    Reopen();
  }
};

TEST_F(MergeModelsTest, DocumentFields) {
  WriteTransaction txn = Begin();
  Collection notes = *txn.collection("notes");
  ASSERT_TRUE(notes.CreateIndex({.name = "by_hits", .fields = {{"hits"}}}).ok());
  ASSERT_TRUE(notes.Put("a", R"({"hits":1,"flags":2})").ok());
  EXPECT_TRUE(*notes.Update("a", R"({"$merge":{"hits":{"fn":"add_saturating","value":4}},
                                     "$bit":{"flags":{"or":1}}})"));
  EXPECT_EQ(*notes.Get("a"), R"({"hits":5,"flags":3})");
  EXPECT_EQ(*notes.Count(R"({"hits":5})", {.index = "by_hits"}), 1u);
  EXPECT_EQ(*notes.Count(R"({"hits":1})", {.index = "by_hits"}), 0u);
  // By a function, which deletes in the end; the index follows.
  const char* nest = R"({"$merge":{"hits":{"fn":"nest","value":7}}})";
  EXPECT_TRUE(*notes.Update("a", nest));
  EXPECT_EQ(*notes.Get("a"), R"({"hits":["hits",7,5],"flags":3})");
  EXPECT_EQ(*notes.Count(R"({"hits":7})", {.index = "by_hits"}), 1u);
  ASSERT_TRUE(*notes.Update("a", nest));
  ASSERT_TRUE(*notes.Update("a", nest));
  ASSERT_TRUE(*notes.Update("a", nest));
  EXPECT_TRUE(*notes.Update("a", nest));
  EXPECT_EQ(*notes.Get("a"), R"({"flags":3})");
  EXPECT_EQ(*notes.Count(R"({"hits":{"$exists":true}})"), 0u);
  ASSERT_TRUE(notes.Upsert("b", R"({"$merge":{"hits":{"fn":"count"}}})").ok());
  const auto counts = notes.UpdateWhere("{}", R"({"$merge":{"hits":{"fn":"count"}}})");
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->changed, 2u);
  EXPECT_EQ(*notes.Get("b"), R"({"hits":2})");
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(MergeModelsTest, MissingFunctionsAreNamed) {
  options_.merge_functions.clear();
  Reopen();
  WriteTransaction txn = Begin();
  Collection notes = *txn.collection("notes");
  Graph people = *txn.graph("people");
  ASSERT_TRUE(notes.Put("a", "{}").ok());
  const VertexId ann = *people.AddVertex({});
  const EdgeId edge = *people.AddEdge(ann, "KNOWS", ann);
  const char* update = R"({"$merge":{"x":{"fn":"nest","value":7}}})";
  for (const absl::Status& status :
       {notes.Update("a", update).status(), notes.Upsert("b", update),
        notes.UpdateWhere("{}", update).status(),
        notes.UpdateIf("a", "{}", update).status(), people.UpdateProperties(ann, update),
        people.MergeVertex(ann, update), people.MergeVertex(77, update),
        people.UpdateEdgeProperties(edge, update),
        people.MergeEdgeWeightWith(edge, "nest", 1).status()}) {
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "\"nest\"")) << status;
  }
  EXPECT_FALSE(*notes.Contains("b"));
  EXPECT_FALSE(*people.Contains(77));
}

TEST_F(MergeModelsTest, CompareAndSetOfDocuments) {
  WriteTransaction txn = Begin();
  Collection notes = *txn.collection("notes");
  EXPECT_FALSE(*notes.CompareAndSet("a", "{}", R"({"v":1})"));
  EXPECT_TRUE(*notes.CompareAndSet("a", std::nullopt, R"({"v":1,"w":[1]})"));
  EXPECT_FALSE(*notes.CompareAndSet("a", std::nullopt, R"({"v":2})"));
  EXPECT_FALSE(*notes.CompareAndSet("a", R"({"v":1})", R"({"v":2})"));
  EXPECT_FALSE(*notes.CompareAndSet("a", R"({"w":[1],"v":1})", R"({"v":2})"));
  EXPECT_EQ(notes.CompareAndSet("a", "{", "{}").status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(notes.CompareAndSet("a", R"({"v":1,"w":[1]})", "{").status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(*notes.Get("a"), R"({"v":1,"w":[1]})");
  EXPECT_TRUE(*notes.CompareAndSet("a", R"({"v": 1.0, "w": [1]})", R"({"v":2})"));
  EXPECT_EQ(*notes.Get("a"), R"({"v":2})");
  EXPECT_TRUE(*notes.CompareAndSet("a", R"({"v":2})", std::nullopt));
  EXPECT_FALSE(*notes.Contains("a"));
  EXPECT_TRUE(*notes.CompareAndSet("a", std::nullopt, std::nullopt));
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(notes.CompareAndSet("a", std::nullopt, "{}").status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(Collection().CompareAndSet("a", std::nullopt, "{}").status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(Collection().Update("a", "{}").status().code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(MergeModelsTest, UpdateIf) {
  WriteTransaction txn = Begin();
  Collection notes = *txn.collection("notes");
  const char* next = R"({"$inc":{"version":1},"$set":{"text":"new"}})";
  EXPECT_FALSE(*notes.UpdateIf("a", "{}", next));
  ASSERT_TRUE(notes.Put("a", R"({"version":3,"text":"old"})").ok());
  EXPECT_FALSE(*notes.UpdateIf("a", R"({"version":2})", next));
  EXPECT_EQ(*notes.Get("a"), R"({"version":3,"text":"old"})");
  EXPECT_TRUE(*notes.UpdateIf("a", R"({"version":3})", next));
  EXPECT_EQ(*notes.Get("a"), R"({"version":4,"text":"new"})");
  EXPECT_TRUE(*notes.UpdateIf("a", R"({"version":4})", R"({"$set":{"version":4}})"));
  EXPECT_EQ(notes.UpdateIf("a", R"({"_id":"a"})", next).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(notes.UpdateIf("a", R"({"version":{"$gtt":1}})", next).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(MergeModelsTest, Vertices) {
  WriteTransaction txn = Begin();
  Graph people = *txn.graph("people");
  const VertexId ann = *people.AddVertex({"Person"}, R"({"name":"Ann","visits":1})");
  ASSERT_TRUE(people.MergeVertex(ann, R"({"$inc":{"visits":2}})").ok());
  EXPECT_EQ(people.Get(ann)->properties, R"({"name":"Ann","visits":3})");
  EXPECT_EQ(people.Get(ann)->labels, std::vector<std::string>{"Person"});
  // One that is not there is added.
  ASSERT_TRUE(people
                  .MergeVertex(40, R"({"$inc":{"visits":2},
                                       "$setOnInsert":{"name":"Bob"}})")
                  .ok());
  EXPECT_EQ(people.Get(40)->properties, R"({"visits":2,"name":"Bob"})");
  ASSERT_TRUE(people.MergeVertex(40, R"({"$setOnInsert":{"name":"Eve"}})").ok());
  EXPECT_EQ(people.Get(40)->properties, R"({"visits":2,"name":"Bob"})");
  ASSERT_TRUE(people.MergeVertex(41, "{\"$unset\":{\"x\":1}}").ok());
  EXPECT_EQ(people.Get(41)->properties, "{}");
  // What is refused adds none.
  EXPECT_EQ(people.MergeVertex(42, R"({"$inc":{"visits":"x"}})").code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(people.MergeVertex(42, R"({"$set":{"_labels":["A"]}})").code(),
            StatusCode::kInvalidArgument);
  EXPECT_FALSE(*people.Contains(42));
  EXPECT_EQ(people.MergeVertex(kVertexIdEnd, R"({"$inc":{"visits":1}})").code(),
            StatusCode::kInvalidArgument);
  ASSERT_TRUE(
      people.MergeVertex(ann, R"({"$merge":{"name":{"fn":"nest","value":1}}})").ok());
  EXPECT_EQ(people.Get(ann)->properties, R"({"name":["name",1,"Ann"],"visits":3})");
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(MergeModelsTest, EdgeWeights) {
  WriteTransaction txn = Begin();
  Graph words = *txn.graph("words");
  const VertexId a = *words.AddVertex({}), b = *words.AddVertex({});
  const EdgeId edge{a, "NEAR", b, 0};
  EXPECT_EQ(*words.MergeEdgeWeight(edge, Op::kAddDouble, 2.5), 2.5);  // is added
  EXPECT_EQ(*words.MergeEdgeWeight(edge, Op::kAddDouble, 1), 3.5);
  EXPECT_EQ(*words.MergeEdgeWeight(edge, Op::kCount, 100), 4.5);
  EXPECT_EQ(*words.MergeEdgeWeight(edge, Op::kMinDouble, 9), 4.5);
  EXPECT_EQ(*words.MergeEdgeWeight(edge, Op::kMaxDouble, 9), 9);
  EXPECT_EQ(*words.MergeEdgeWeight(edge, Op::kLast, -1), -1);
  EXPECT_EQ(words.GetEdge(edge)->weight, -1);
  EXPECT_EQ(*words.edge_count(), 1u);
  // Seen from the other end as well.
  double seen = 0;
  ASSERT_TRUE(words
                  .ForEachEdge(b, {.direction = Direction::kIn},
                               [&](const EdgeView& e) {
                                 seen = e.weight;
                                 return true;
                               })
                  .ok());
  EXPECT_EQ(seen, -1);
  // Properties stay.
  ASSERT_TRUE(words.SetEdgeProperties(edge, R"({"source":"book"})").ok());
  EXPECT_EQ(*words.MergeEdgeWeight(edge, Op::kAddDouble, 5), 4);
  EXPECT_EQ(words.GetEdge(edge)->properties, R"({"source":"book"})");
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(MergeModelsTest, EdgeWeightsThatAreRefused) {
  WriteTransaction txn = Begin();
  Graph words = *txn.graph("words");
  const VertexId a = *words.AddVertex({}), b = *words.AddVertex({});
  const EdgeId edge = *words.AddEdge(a, "NEAR", b, 2);
  for (const Op op : {Op::kAdd, Op::kAppend, Op::kUnion, Op::kAverage})
    EXPECT_EQ(words.MergeEdgeWeight(edge, op, 1).status().code(),
              StatusCode::kInvalidArgument);
  EXPECT_EQ(words.MergeEdgeWeight(edge, Op::kAddDouble, NAN).status().code(),
            StatusCode::kInvalidArgument);
  const double most = std::numeric_limits<double>::max();
  ASSERT_EQ(*words.MergeEdgeWeight(edge, Op::kLast, most), most);
  EXPECT_EQ(words.MergeEdgeWeight(edge, Op::kAddDouble, most).status().code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(words.GetEdge(edge)->weight, most);
  // Only the first of its type is added, and only where there are both ends.
  EXPECT_TRUE(
      absl::IsNotFound(words.MergeEdgeWeight({a, "NEAR", b, 1}, Op::kCount, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(
      words.MergeEdgeWeight({a, "NEAR", 99, 0}, Op::kCount, 1).status()));
  ASSERT_EQ(words.AddEdge(a, "NEAR", b)->ordinal, 1u);
  ASSERT_TRUE(*words.DeleteEdge(edge));
  const absl::Status gone = words.MergeEdgeWeight(edge, Op::kCount, 1).status();
  EXPECT_TRUE(absl::IsNotFound(gone)) << gone;
  EXPECT_EQ(*words.edge_count(), 1u);
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(MergeModelsTest, EdgeWeightsByFunctions) {
  WriteTransaction txn = Begin();
  Graph words = *txn.graph("words");
  const VertexId a = *words.AddVertex({}), b = *words.AddVertex({});
  const EdgeId edge{a, "NEAR", b, 0};
  EXPECT_EQ(*words.MergeEdgeWeightWith(edge, "decay", 8), 4);  // of the operand
  EXPECT_EQ(*words.MergeEdgeWeightWith(edge, "decay", 8), 2);
  EXPECT_EQ(*words.MergeEdgeWeightWith(edge, "decay", 8), 1);
  EXPECT_EQ(*words.MergeEdgeWeightWith(edge, "decay", 8),
            std::nullopt);  // and is deleted
  EXPECT_EQ(*words.edge_count(), 0u);
  EXPECT_EQ(*words.MergeEdgeWeightWith(edge, "decay", 1), std::nullopt);  // not added
  EXPECT_EQ(*words.edge_count(), 0u);
  ASSERT_TRUE(words.AddEdge(a, "NEAR", b, 99).ok());
  EXPECT_EQ(words.MergeEdgeWeightWith(edge, "decay", 1).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(words.GetEdge(edge)->weight, 99);
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();
}

}  // namespace
}  // namespace sheaf::test
