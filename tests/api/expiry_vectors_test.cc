// Vectors that expire: no search, look-up or count finds one from its instant on, a full k
// still comes, and what was removed leaves the graph. (B26, B29, B37)
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/api/expiry_fixture.h"

namespace sheaf {
namespace {

using Floats = std::vector<float>;
constexpr absl::Duration kHour = absl::Hours(1);
constexpr int kVectors = 400;

class ExpiryVectorsTest : public test::ExpiryTest,
                          public testing::WithParamInterface<VectorIndexKind> {
 protected:
  static Floats VectorOf(int i) {
    std::mt19937 random(static_cast<uint32_t>(i));
    Floats out(4);
    for (float& x : out) x = static_cast<float>(random() % 1000);
    return out;
  }
  static VectorOptions Space() {
    VectorOptions options;
    options.dimensions = 4;
    options.metric = Metric::kL2;
    options.kind = GetParam();
    return options;
  }
  // Every third expires.
  void Fill() {
    Write([](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", Space()));
      for (int i = 0; i < kVectors; ++i)
        SHEAF_RETURN_IF_ERROR(
            index.Put(i, VectorOf(i), absl::StrCat(R"({"n":)", i % 4, "}"),
                      i % 3 == 0 ? Expiry::After(kHour) : Expiry::Never()));
      return absl::OkStatus();
    });
    if (GetParam() == VectorIndexKind::kHnsw) EXPECT_TRUE(db_->OptimizeVectors("v").ok());
  }
  static std::set<int64_t> KeysOf(const VectorResult& result) {
    std::set<int64_t> keys;
    for (const VectorMatch& m : result.matches) keys.insert(m.key.number());
    return keys;
  }
  // What is nearest among those that are left.
  static std::set<int64_t> Nearest(const Floats& query, size_t k, bool filtered) {
    std::vector<std::pair<double, int64_t>> all;
    for (int i = 0; i < kVectors; ++i) {
      if (i % 3 == 0 || (filtered && i % 4 != 1)) continue;
      const Floats v = VectorOf(i);
      double distance = 0;
      for (size_t j = 0; j < v.size(); ++j)
        distance += (v[j] - query[j]) * (v[j] - query[j]);
      all.emplace_back(distance, i);
    }
    std::sort(all.begin(), all.end());
    std::set<int64_t> keys;
    for (size_t i = 0; i < k && i < all.size(); ++i) keys.insert(all[i].second);
    return keys;
  }
  static void ExpectHidden(const VectorIndexReader& index) {
    EXPECT_EQ(*index.size(), 266u);
    EXPECT_FALSE(*index.Contains(3));
    EXPECT_TRUE(absl::IsNotFound(index.Get(3).status()));
    EXPECT_TRUE(absl::IsNotFound(index.Metadata(3).status()));
    EXPECT_TRUE(absl::IsNotFound(index.ExpiresAt(3).status()));
    EXPECT_TRUE(absl::IsNotFound(index.SearchByKey(3).status()));
    const DocumentKey keys[] = {1, 2, 3, 6};
    EXPECT_EQ(index.Select(keys)->size(), 2u);
    EXPECT_EQ(index.SelectWhere(R"({"n":0})")->size(), 66u);
    uint64_t count = 0;
    EXPECT_TRUE(index
                    .ForEach([&](const DocumentKey& key, std::string_view) {
                      EXPECT_NE(key.number() % 3, 0);
                      return ++count > 0;
                    })
                    .ok());
    EXPECT_EQ(count, 266u);
    for (int q = 1000; q < 1010; ++q) {
      const Floats query = VectorOf(q);
      for (const bool filtered : {false, true})
        for (const VectorPlan plan : {VectorPlan::kExact, VectorPlan::kGraph}) {
          if (plan == VectorPlan::kGraph && GetParam() == VectorIndexKind::kFlat)
            continue;
          VectorSearchOptions options;
          options.k = 10;
          options.ef = 400;
          options.plan = plan;
          if (filtered) options.filter = R"({"n":1})";
          const auto result = index.Search(query, options);
          ASSERT_TRUE(result.ok()) << result.status();
          EXPECT_EQ(KeysOf(*result), Nearest(query, 10, filtered));
          options.k = 400;
          options.ef = 0;
          EXPECT_EQ(index.Search(query, options)->matches.size(), filtered ? 67u : 266u);
          const VectorSet except = *index.Select(keys);
          options.except = &except;
          options.filter.clear();
          EXPECT_EQ(index.Search(query, options)->matches.size(), 264u);
        }
      EXPECT_EQ(index.SearchRadius(query, 1e9f)->matches.size(), 266u);
    }
  }
};

TEST_P(ExpiryVectorsTest, NotFoundFromTheInstantOn) {
  Fill();
  Advance(kHour - absl::Microseconds(1));
  EXPECT_EQ(*db_->BeginRead().vectors("v")->size(), uint64_t{kVectors});
  EXPECT_TRUE(*db_->BeginRead().vectors("v")->Contains(3));
  Advance(absl::Microseconds(1));
  ExpectHidden(*db_->BeginRead().vectors("v"));
  ExpectHidden(*Begin().vectors("v"));
  EXPECT_EQ(*db_->BeginRead().vectors("v")->size_with_expired(), uint64_t{kVectors});
  EXPECT_EQ(db_->BeginRead().List()->at(0).entry_count, 266u);
  ExpectClean();
  Kill();
  ExpectHidden(*db_->BeginRead().vectors("v"));
  ExpireOptions some;
  some.records_max = 50;
  EXPECT_EQ(Expire(some).removed_total, 50u);
  ExpectHidden(*db_->BeginRead().vectors("v"));
  EXPECT_EQ(Expire().removed[TreeKind::kVectors], 84u);
  ExpectHidden(*db_->BeginRead().vectors("v"));
  EXPECT_EQ(*db_->BeginRead().vectors("v")->size_with_expired(), 266u);
  ExpectClean();
  if (GetParam() == VectorIndexKind::kHnsw) {
    EXPECT_TRUE(db_->OptimizeVectors("v").ok());
  }
  ExpectHidden(*db_->BeginRead().vectors("v"));
  ExpectClean();
}

TEST_P(ExpiryVectorsTest, WritersFindThemGone) {
  Fill();
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v"));
    SHEAF_ASSIGN_OR_RETURN(const auto unique,
                           IndexDefinition::Parse(R"({"fields":{"u":1},"unique":true})"));
    SHEAF_RETURN_IF_ERROR(index.CreateIndex(unique));
    return index.Put("unique", VectorOf(0), R"({"u":1})", Expiry::After(kHour));
  });
  Advance(kHour);
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v"));
    EXPECT_FALSE(*index.Delete(3));
    EXPECT_TRUE(absl::IsNotFound(index.SetMetadata(3, "{}")));
    EXPECT_TRUE(absl::IsNotFound(index.SetExpiry(3, Expiry::Never())));
    SHEAF_RETURN_IF_ERROR(index.Insert(3, VectorOf(3)));
    EXPECT_EQ(*index.Metadata(3), std::nullopt);  // not that of the one before
    SHEAF_RETURN_IF_ERROR(index.Put(6, VectorOf(6)));
    EXPECT_EQ(*index.Metadata(6), std::nullopt);
    SHEAF_RETURN_IF_ERROR(index.Put("new", VectorOf(1), R"({"u":1})"));
    EXPECT_EQ(*index.size(), 269u);
    return absl::OkStatus();
  });
  ExpectClean();
  Expire();
  EXPECT_EQ(*db_->BeginRead().vectors("v")->size_with_expired(), 269u);
  ExpectClean();
}

TEST_P(ExpiryVectorsTest, DefaultAndTouch) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", Space()));
    SHEAF_RETURN_IF_ERROR(index.SetDefaultExpiry(Expiry::Sliding(kHour)));
    SHEAF_RETURN_IF_ERROR(index.Put("a", VectorOf(1)));
    SHEAF_RETURN_IF_ERROR(index.Put("b", VectorOf(2)));
    return index.Put("c", VectorOf(3), "{}", Expiry::Never());
  });
  Advance(kHour / 2);
  Write([](WriteTransaction& txn) -> absl::Status {
    EXPECT_TRUE(*txn.vectors("v")->Touch("a"));
    EXPECT_FALSE(*txn.vectors("v")->Touch("c"));
    return absl::OkStatus();
  });
  Advance(kHour / 2);
  const ReadTransaction read = db_->BeginRead();
  EXPECT_TRUE(*read.vectors("v")->Contains("a"));
  EXPECT_FALSE(*read.vectors("v")->Contains("b"));
  EXPECT_TRUE(*read.vectors("v")->Contains("c"));
  EXPECT_EQ(*read.vectors("v")->DefaultExpiry(), Expiry::Sliding(kHour));
}

// Of documents: with the document.
TEST_P(ExpiryVectorsTest, VectorsOfDocumentsGoWithThem) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    SHEAF_RETURN_IF_ERROR(c.CreateVectorIndex("v", "v", Space()));
    for (int i = 0; i < kVectors; ++i) {
      const Floats v = VectorOf(i);
      SHEAF_RETURN_IF_ERROR(c.Put(i,
                                  absl::StrCat(R"({"n":)", i % 4, R"(,"v":[)", v[0], ",",
                                               v[1], ",", v[2], ",", v[3], "]}"),
                                  i % 3 == 0 ? Expiry::After(kHour) : Expiry::Never()));
    }
    EXPECT_TRUE(
        absl::IsFailedPrecondition(txn.vectors("v")->SetExpiry(1, Expiry::After(kHour))));
    return absl::OkStatus();
  });
  if (GetParam() == VectorIndexKind::kHnsw) EXPECT_TRUE(db_->OptimizeVectors("v").ok());
  Advance(kHour);
  ExpectHidden(*db_->BeginRead().vectors("v"));
  ExpectClean();
  EXPECT_EQ(Expire().removed[TreeKind::kCollection], 134u);
  ExpectHidden(*db_->BeginRead().vectors("v"));
  EXPECT_EQ(*db_->BeginRead().vectors("v")->size_with_expired(), 266u);
  ExpectClean();
}

INSTANTIATE_TEST_SUITE_P(Kinds, ExpiryVectorsTest,
                         testing::Values(VectorIndexKind::kFlat, VectorIndexKind::kHnsw));

}  // namespace
}  // namespace sheaf
