// Vector indexes on fields of documents and vertices: in step with them whatever happens,
// searched by their filters, refused what is no vector.
#include <gtest/gtest.h>

#include <random>

#include "tests/api/api_fixture.h"

namespace sheaf {
namespace {

class VectorFieldTest : public test::ApiTest {
 protected:
  VectorFieldTest() { options_.background_linking = false; }

  void Write(absl::FunctionRef<absl::Status(WriteTransaction&)> fn) {
    const absl::Status status = db_->Write(fn);
    ASSERT_TRUE(status.ok()) << status;
  }
  void ExpectClean() {
    const absl::StatusOr<CheckReport> report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings) ADD_FAILURE() << f.what;
  }
  static VectorOptions Plane() {
    VectorOptions options;
    options.dimensions = 2;
    options.metric = Metric::kL2;
    return options;
  }
};

TEST_F(VectorFieldTest, FollowsTheDocuments) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    SHEAF_RETURN_IF_ERROR(c.Put("a", R"({"at":{"v":[0,0]},"n":1})"));
    SHEAF_RETURN_IF_ERROR(c.Put("b", R"({"at":{"v":{"$vector":[1,0.5]}},"n":2})"));
    SHEAF_RETURN_IF_ERROR(c.Put("none", R"({"n":3})"));
    SHEAF_RETURN_IF_ERROR(c.Put("null", R"({"at":{"v":null}})"));
    SHEAF_RETURN_IF_ERROR(c.CreateVectorIndex("places", "at.v", Plane()));
    EXPECT_EQ(*txn.vectors("places")->size(), 2u);
    SHEAF_RETURN_IF_ERROR(c.Put("c", R"({"at":{"v":[3,3]},"n":4})"));
    SHEAF_RETURN_IF_ERROR(c.Update("a", R"({"$set":{"at.v":[5,5]}})").status());
    SHEAF_RETURN_IF_ERROR(c.Update("none", R"({"$set":{"at":{"v":[7,7]}}})").status());
    SHEAF_RETURN_IF_ERROR(c.Update("b", R"({"$unset":{"at":""}})").status());
    SHEAF_RETURN_IF_ERROR(c.Delete("null").status());
    return absl::OkStatus();
  });
  ExpectClean();
  {
    const ReadTransaction read = db_->BeginRead();
    const VectorIndexReader places = *read.vectors("places");
    EXPECT_EQ(*places.size(), 3u);
    const VectorResult result = *places.Search(std::vector<float>{4, 4}, {.k = 5});
    ASSERT_EQ(result.matches.size(), 3u);
    EXPECT_EQ(result.matches[2].key, DocumentKey("none"));
    EXPECT_EQ(*places.Metadata("c"), R"({"at":{"v":[3,3]},"n":4})");
    for (const char* filter : {R"({"n": 4})", R"({"_id": "c"})",
                               R"({"n": {"$gt": 3}, "_id": {"$in": ["c", "a"]}})"}) {
      const VectorResult one =
          *places.Search(std::vector<float>{0, 0}, {.filter = filter});
      ASSERT_EQ(one.matches.size(), 1u) << filter;
      EXPECT_EQ(one.matches[0].key, DocumentKey("c"));
    }
  }
  // The vectors are the documents' alone.
  WriteTransaction txn = Begin();
  VectorIndex places = *txn.vectors("places");
  EXPECT_TRUE(absl::IsFailedPrecondition(places.Put("x", std::vector<float>{1, 1})));
  EXPECT_TRUE(absl::IsFailedPrecondition(places.Delete("c").status()));
}

TEST_F(VectorFieldTest, RefusesWhatIsNoVectorAndChangesNothing) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    SHEAF_RETURN_IF_ERROR(c.CreateVectorIndex("v", "v", Plane()));
    SHEAF_RETURN_IF_ERROR(c.CreateVectorIndex("w", "w", Plane()));
    SHEAF_RETURN_IF_ERROR(c.Put(1, R"({"v":[1,2],"w":[1,2]})"));
    for (const char* document : {R"({"v":[1]})", R"({"v":"x"})", R"({"v":[1,"x"]})",
                                 R"({"v":{}})", R"({"v":[9,9],"w":[1,2,3]})"}) {
      const absl::Status refused = c.Put(1, document);
      EXPECT_TRUE(absl::IsInvalidArgument(refused)) << document << refused;
      EXPECT_TRUE(absl::IsInvalidArgument(c.Put(2, document))) << document;
    }
    EXPECT_TRUE(absl::IsInvalidArgument(c.Put(std::string(900, 'k'), R"({"v":[1,2]})")));
    SHEAF_RETURN_IF_ERROR(c.Put(std::string(900, 'k'), R"({"none":1})"));
    EXPECT_EQ(*c.Get(1), R"({"v":[1,2],"w":[1,2]})");
    EXPECT_EQ(*txn.vectors("v")->Get(1), (std::vector<float>{1, 2}));
    EXPECT_EQ(*txn.vectors("v")->size(), 1u);
    return absl::OkStatus();
  });
  ExpectClean();
  WriteTransaction txn = Begin();
  Collection c = *txn.collection("c");
  ASSERT_TRUE(c.Put("odd", R"({"x":[1,2,3]})").ok());
  const absl::Status refused = c.CreateVectorIndex("x", "x", Plane());
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_NE(refused.message().find("odd"), std::string::npos) << refused;
  EXPECT_TRUE(absl::IsAlreadyExists(c.CreateVectorIndex("v", "z", Plane())));
}

TEST_F(VectorFieldTest, GoesWithItsCollectionAndByItself) {
  const auto make = [](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    SHEAF_RETURN_IF_ERROR(c.CreateVectorIndex("v", "v", Plane()));
    return c.Put(1, R"({"v":[1,2]})");
  };
  Write(make);
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.Drop("v"));
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    return c.Put(1, R"({"v":"anything"})");
  });
  ExpectClean();
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.Drop("c"));
    SHEAF_RETURN_IF_ERROR(make(txn));
    SHEAF_RETURN_IF_ERROR(txn.Rename("c", "d"));
    SHEAF_ASSIGN_OR_RETURN(Collection d, txn.collection("d"));
    return d.Put(2, R"({"v":[3,4]})");
  });
  EXPECT_EQ(*db_->BeginRead().vectors("v")->size(), 2u);
  ExpectClean();
  Write([](WriteTransaction& txn) { return txn.Drop("d"); });
  EXPECT_TRUE(db_->BeginRead().List()->empty());
  ExpectClean();
}

TEST_F(VectorFieldTest, VerticesHaveThemToo) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
    SHEAF_RETURN_IF_ERROR(g.AddVertex({"A"}, R"({"v":[0,1]})").status());
    SHEAF_RETURN_IF_ERROR(g.CreateVectorIndex("near", "v", Plane()));
    SHEAF_RETURN_IF_ERROR(g.AddVertex({"B"}, R"({"v":[0,2]})").status());
    SHEAF_RETURN_IF_ERROR(g.AddVertex({"B"}, R"({"v":[0,3]})").status());
    SHEAF_RETURN_IF_ERROR(g.DeleteVertex(1).status());
    const VectorResult result = *txn.vectors("near")->Search(
        std::vector<float>{0, 0}, {.filter = R"({"_labels": "B"})"});
    EXPECT_EQ(result.matches.size(), 1u);
    EXPECT_EQ(result.matches.at(0).key, DocumentKey(2));
    return absl::OkStatus();
  });
  ExpectClean();
  Write([](WriteTransaction& txn) { return txn.Drop("g"); });
  EXPECT_TRUE(db_->BeginRead().List()->empty());
  ExpectClean();
}

TEST_F(VectorFieldTest, RandomChangesSavepointsAndCrashes) {
  std::mt19937_64 random(4);
  const auto below = [&](uint64_t n) { return random() % n; };
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    return c.CreateVectorIndex("v", "v", Plane());
  });
  const auto change = [&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    const auto key = static_cast<int64_t>(below(30));
    switch (below(4)) {
      case 0:
        return c.Delete(key).status();
      case 1:
        return c.Put(key, R"({"none":1})");
      default:
        return c.Put(key, absl::StrCat(R"({"v":[)", below(9), ",", below(9), "]}"));
    }
  };
  for (int round = 0; round < 60; ++round) {
    WriteTransaction txn = Begin();
    for (uint64_t i = below(8); i > 0; --i) ASSERT_TRUE(change(txn).ok());
    const Savepoint savepoint = *txn.SetSavepoint();
    if (below(4) == 0) {
      ASSERT_TRUE(txn.Drop("v").ok());
    }
    for (uint64_t i = below(8); i > 0; --i) ASSERT_TRUE(change(txn).ok());
    ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
    for (uint64_t i = below(8); i > 0; --i) ASSERT_TRUE(change(txn).ok());
    if (below(5) > 0) {
      ASSERT_TRUE(txn.Commit().ok());
    }
    txn.Rollback();
    if (below(3) == 0) {
      ASSERT_TRUE(db_->OptimizeVectors("v").ok());
    }
    if (below(6) == 0) CutPower();
    ExpectClean();
  }
}

}  // namespace
}  // namespace sheaf
