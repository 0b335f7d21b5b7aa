// What a vector index promises its users: searches, filters, sets, radius, metadata, kinds
// of vectors, refusals, copies.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "sheaf/backup.h"
#include "tests/api/api_fixture.h"
#include "tests/support/sanitizers.h"

namespace sheaf {
namespace {

using Floats = std::vector<float>;

class VectorIndexTest : public test::ApiTest {
 protected:
  VectorIndexTest() { options_.background_linking = false; }

  void Write(absl::FunctionRef<absl::Status(WriteTransaction&)> fn) {
    const absl::Status status = db_->Write(fn);
    ASSERT_TRUE(status.ok()) << status;
  }
  static Floats Random(std::mt19937* random, uint32_t dimensions) {
    std::normal_distribution<float> normal;
    Floats vector(dimensions);
    for (float& x : vector) x = normal(*random);
    return vector;
  }
  // Vectors 0 to count - 1, "n" in their metadata being their number.
  void Fill(const std::string& name, const VectorOptions& options, int count) {
    std::mt19937 random(1);
    Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors(name, options));
      for (int i = 0; i < count; ++i)
        SHEAF_RETURN_IF_ERROR(index.Put(i, Random(&random, options.dimensions),
                                        absl::StrCat(R"({"n":)", i, "}")));
      return absl::OkStatus();
    });
  }
  void ExpectClean() {
    const absl::StatusOr<CheckReport> report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings) ADD_FAILURE() << f.what;
  }
  static Floats Distances(const VectorResult& result) {
    Floats distances;
    for (const VectorMatch& match : result.matches) distances.push_back(match.distance);
    return distances;
  }
  // The share of the true nearest 10 that a search finds.
  static double Recall(const VectorIndexReader& index, VectorSearchOptions options) {
    std::mt19937 random(99);
    constexpr int kQueries = 50;
    size_t found = 0;
    for (int q = 0; q < kQueries; ++q) {
      const Floats query = Random(&random, index.options().dimensions);
      options.plan = VectorPlan::kExact;
      const VectorResult exact = *index.Search(query, options);
      options.plan = VectorPlan::kGraph;
      const VectorResult near = *index.Search(query, options);
      EXPECT_EQ(near.matches.size(), exact.matches.size());
      for (const VectorMatch& m : near.matches)
        found += m.distance <= exact.matches.back().distance;
    }
    return static_cast<double>(found) / (kQueries * options.k);
  }

  static VectorOptions OfDimensions(uint32_t dimensions) {
    VectorOptions options;
    options.dimensions = dimensions;
    options.metric = Metric::kL2;
    return options;
  }
};

TEST_F(VectorIndexTest, FindsTheNearest) {
  Write([](WriteTransaction& txn) -> absl::Status {
    VectorOptions options;
    options.dimensions = 2;
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", options));
    SHEAF_RETURN_IF_ERROR(index.Put("north", Floats{0, 1}, R"({"axis":"y"})"));
    SHEAF_RETURN_IF_ERROR(index.Put("east", Floats{5, 0}, R"({"axis":"x"})"));
    SHEAF_RETURN_IF_ERROR(index.Put("west", Floats{-1, 0.1f}));
    return index.Insert("south", Floats{0, -3});
  });
  const ReadTransaction read = db_->BeginRead();
  const VectorIndexReader index = *read.vectors("v");
  EXPECT_EQ(*index.size(), 4u);
  const VectorResult result = *index.Search(Floats{1, 0.5f}, {.k = 2});
  ASSERT_EQ(result.matches.size(), 2u);
  EXPECT_EQ(result.matches[0].key, DocumentKey("east"));
  EXPECT_NEAR(result.matches[0].distance, 1 - 1 / std::sqrt(1.25), 1e-6);
  EXPECT_EQ(result.matches[1].key, DocumentKey("north"));
  EXPECT_EQ(*index.Get("east"), (Floats{5, 0}));
  EXPECT_EQ(*index.Metadata("east"), R"({"axis":"x"})");
  EXPECT_EQ(*index.Metadata("west"), std::nullopt);
  EXPECT_TRUE(*index.Contains("south"));
  EXPECT_FALSE(*index.Contains("up"));
  const VectorResult by_key = *index.SearchByKey("east", {.k = 1});
  ASSERT_EQ(by_key.matches.size(), 1u);
  EXPECT_EQ(by_key.matches[0].key, DocumentKey("north"));
  EXPECT_TRUE(absl::IsNotFound(index.SearchByKey("up").status()));
  EXPECT_TRUE(absl::IsNotFound(index.Get("up").status()));
}

TEST_F(VectorIndexTest, WhatIsWrongIsRefusedAndChangesNothing) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  Write([&](WriteTransaction& txn) -> absl::Status {
    VectorOptions options;
    options.dimensions = 2;
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", options));
    const auto refused = [&](const absl::Status& status, const char* why) {
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
      EXPECT_NE(status.message().find(why), std::string::npos) << status;
    };
    refused(index.Put(1, Floats{1}), "has 2");
    refused(index.Put(1, Floats{1, 2, 3}), "3 components");
    refused(index.Put(1, Floats{1, kNan}), "component 1");
    refused(index.Put(1, Floats{kInf, 1}), "component 0");
    refused(index.Put(1, Floats{0, 0}), "zero");
    refused(index.Put(1, VectorView::Bytes("1234567")), "not 7");
    refused(index.Put(1, Floats{1, 1}, "[1]"), "object");
    refused(index.Put(1, Floats{1, 1}, "{"), "");
    refused(index.Put(std::string(600, 'k'), Floats{1, 1}), "512");
    EXPECT_EQ(*index.size(), 0u);
    SHEAF_RETURN_IF_ERROR(index.Put(1, Floats{1, 1}));
    EXPECT_TRUE(absl::IsAlreadyExists(index.Insert(1, Floats{2, 2})));
    EXPECT_EQ(*index.Get(1), (Floats{1, 1}));
    EXPECT_FALSE(*index.Delete(7));
    EXPECT_TRUE(absl::IsNotFound(index.SetMetadata(7, "{}")));
    refused(index.Search(Floats{1}).status(), "has 2");
    refused(index.Search(Floats{1, kNan}).status(), "component 1");
    refused(index.Search(Floats{1, 1}, {.k = 0}).status(), "k: is 0");
    refused(index.Search(Floats{1, 1}, {.k = 10, .ef = 9}).status(), "ef: is 9");
    refused(index.Search(Floats{1, 1}, {.k = 1, .ef = 1 << 20}).status(), "32768");
    refused(index.Search(Floats{1, 1}, {.filter = "{"}).status(), "");
    refused(index.Search(Floats{1, 1}, {.filter = R"({"_id": 1})"}).status(), "_id");
    // More than there are: all of them.
    EXPECT_EQ(index.Search(Floats{1, 1}, {.k = UINT32_MAX})->matches.size(), 1u);
    return absl::OkStatus();
  });
  const auto options_refused = [&](VectorOptions options, const char* option) {
    WriteTransaction txn = Begin();
    const absl::Status status = txn.vectors("w", options).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find(option), std::string::npos) << status;
    EXPECT_TRUE(absl::IsNotFound(txn.vectors("w").status()));
  };
  options_refused({}, "dimensions");
  options_refused({.dimensions = 16385}, "dimensions");
  options_refused({.dimensions = 8, .metric = Metric::kHamming}, "metric");
  options_refused({.dimensions = 8, .element = Element::kBit}, "metric");
  options_refused({.dimensions = 8, .m = 1}, "m:");
  options_refused({.dimensions = 8, .m = 129}, "m:");
  options_refused({.dimensions = 8, .m = UINT32_MAX}, "m:");
  options_refused({.dimensions = 8, .ef_construction = 0}, "ef_construction");
  options_refused({.dimensions = 8, .ef_search = 1u << 31}, "ef_search");
  WriteTransaction txn = Begin();
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.vectors("v", OfDimensions(3)).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.table("v").status()));
  EXPECT_TRUE(txn.table("t").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.vectors("t", OfDimensions(3)).status()));
  EXPECT_TRUE(absl::IsNotFound(db_->OptimizeVectors("none").status()));
}

TEST_F(VectorIndexTest, TheGraphFindsWhatIsNear) {
  Fill("v", OfDimensions(16), 3000);
  for (const bool rebuild : {false, true}) {
    const auto report = db_->OptimizeVectors("v", {.rebuild = rebuild});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->linked, 3000u);
    const ReadTransaction read = db_->BeginRead();
    const VectorIndexReader index = *read.vectors("v");
    EXPECT_GE(Recall(index, {.k = 10, .ef = 80}), 0.95) << rebuild;
    const VectorStats stats = *index.Stats();
    EXPECT_EQ(stats.vectors, 3000u);
    EXPECT_EQ(stats.linked, 3000u);
    EXPECT_EQ(stats.pending + stats.stale + stats.unreachable, 0u);
    EXPECT_GT(stats.nodes_by_level.size(), 1u);
    EXPECT_GT(stats.mean_links, 8);
    ExpectClean();
  }
}

TEST_F(VectorIndexTest, TheSameOrderGivesTheSameGraph) {
  const auto results = [&](const char* name, bool rebuild, unsigned threads = 1) {
    Fill(name, OfDimensions(8), 1200);
    EXPECT_TRUE(
        db_->OptimizeVectors(name, {.rebuild = rebuild, .threads = threads}).ok());
    const ReadTransaction read = db_->BeginRead();
    std::vector<uint64_t> looked_at;
    std::mt19937 random(5);
    for (int i = 0; i < 20; ++i)
      looked_at.push_back(
          read.vectors(name)
              ->Search(Random(&random, 8), {.k = 5, .plan = VectorPlan::kGraph})
              ->estimates);
    return looked_at;
  };
  EXPECT_EQ(results("a", false), results("b", false));
  EXPECT_EQ(results("e", false, 3), results("f", false));
  EXPECT_EQ(results("c", true), results("d", true));
}

// What is planned already when it changes is not linked as it was; some change each time.
TEST_F(VectorIndexTest, VectorsMayChangeWhileTheyAreLinked) {
  constexpr int kCount = 4000;
  for (const unsigned threads : {1, 2}) {
    const std::string name = absl::StrCat("v", threads);
    Fill(name, OfDimensions(6), kCount);
    std::mt19937 random(threads);
    const Floats centre = Random(&random, 6);
    int calls = 0;
    Progress change;
    change.report = [&](const Progress::State&) {
      if (++calls > 20) return true;
      Write([&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors(name));
        for (int key = 0; key < 60; ++key) {
          Floats near = centre;
          for (float& x : near) x += 0.01f * static_cast<float>(random() % 8);
          SHEAF_RETURN_IF_ERROR(index.Put(key, near));
        }
        for (int i = 0; i < 60; ++i) {
          const int key = 60 + static_cast<int>(random() % (kCount - 60));
          SHEAF_RETURN_IF_ERROR(index.Delete(key).status());
          if (i % 2 == 0) SHEAF_RETURN_IF_ERROR(index.Put(key, Random(&random, 6)));
        }
        return absl::OkStatus();
      });
      return true;
    };
    ASSERT_TRUE(db_->OptimizeVectors(name, {.threads = threads}, change).ok());
    EXPECT_GT(calls, 20);
    const ReadTransaction read = db_->BeginRead();
    const VectorIndexReader index = *read.vectors(name);
    const auto stats = *index.Stats();
    EXPECT_EQ(stats.linked, *index.size());
    EXPECT_EQ(stats.pending + stats.stale + stats.unreachable, 0u);
    EXPECT_GE(Recall(index, {.k = 10, .ef = 100}), 0.97);
    ExpectClean();
  }
}

// RELIABILITY: delete the entry point, all of it, and put it in again.
TEST_F(VectorIndexTest, DeletingAllAndPuttingAgain) {
  Fill("v", OfDimensions(4), 300);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(db_->OptimizeVectors("v").ok());
    for (int begin = 0; begin < 300; begin += 100) {
      Write([&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v"));
        for (int i = begin; i < begin + 100; ++i)
          SHEAF_RETURN_IF_ERROR(index.Delete(i).status());
        return absl::OkStatus();
      });
      const ReadTransaction read = db_->BeginRead();
      const VectorResult left =
          *read.vectors("v")->Search(Floats{0, 0, 0, 0}, {.k = 500});
      EXPECT_EQ(left.matches.size(), 200u - static_cast<size_t>(begin));
      ASSERT_TRUE(db_->OptimizeVectors("v").ok());
      ExpectClean();
    }
    EXPECT_EQ(db_->BeginRead().vectors("v")->Stats()->nodes_by_level.size(), 0u);
    Fill("v", OfDimensions(4), 300);
    ExpectClean();
  }
}

// RELIABILITY B24 and the issue: recall stays when everything is replaced ten times.
TEST_F(VectorIndexTest, RecallStaysUnderReplacement) {
  constexpr int kCount = test::kAddressSanitizer ? 500 : 2000;
  Fill("v", OfDimensions(16), kCount);
  ASSERT_TRUE(db_->OptimizeVectors("v").ok());
  const double before = Recall(*db_->BeginRead().vectors("v"), {.k = 10, .ef = 64});
  std::mt19937 random(3);
  uint64_t pages = 0;
  for (int round = 0; round < 10; ++round) {
    Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v"));
      for (int i = 0; i < kCount; ++i)
        SHEAF_RETURN_IF_ERROR(index.Put(i, Random(&random, 16)));
      return absl::OkStatus();
    });
    ASSERT_TRUE(db_->OptimizeVectors("v").ok());
    const uint64_t live = db_->stats().pages_live;
    if (round == 0) pages = live;
    EXPECT_LE(live, pages * 11 / 10);
  }
  const double after = Recall(*db_->BeginRead().vectors("v"), {.k = 10, .ef = 64});
  EXPECT_GE(after, before - 0.02);
  ExpectClean();
}

TEST_F(VectorIndexTest, FiltersFindAllOfKWheneverThereAreSoMany) {
  constexpr int kCount = 4000;
  Fill("v", OfDimensions(8), kCount);
  ASSERT_TRUE(db_->OptimizeVectors("v").ok());
  const ReadTransaction read = db_->BeginRead();
  const VectorIndexReader index = *read.vectors("v");
  std::mt19937 random(7);
  std::set<VectorPlan> plans;
  for (const int share : {kCount, kCount / 2, kCount / 10, kCount / 100, 12, 5, 0}) {
    SCOPED_TRACE(share);
    const std::string filter = absl::StrCat(R"({"n": {"$lt": )", share, "}}");
    const VectorSet set = *index.SelectWhere(filter);
    EXPECT_EQ(set.size(), static_cast<uint64_t>(share));
    const auto accept = [&](const DocumentKey& key) { return key.number() < share; };
    for (const VectorSearchOptions& options :
         {VectorSearchOptions{.filter = filter}, VectorSearchOptions{.among = &set},
          VectorSearchOptions{.accept = accept}}) {
      size_t found = 0, wanted = 0;
      for (int q = 0; q < 20; ++q) {
        const Floats query = Random(&random, 8);
        VectorSearchOptions exactly = options;
        exactly.plan = VectorPlan::kExact;
        const VectorResult exact = *index.Search(query, exactly);
        // Which compares with codes in the pages; others may have a copy of them.
        const VectorResult asked =
            *index.Search(query, {.plan = VectorPlan::kExact, .accept = accept});
        EXPECT_EQ(Distances(exact), Distances(asked));
        const VectorResult near = *index.Search(query, options);
        plans.insert(near.plan);
        ASSERT_EQ(exact.matches.size(), static_cast<size_t>(std::min(share, 10)));
        ASSERT_EQ(near.matches.size(), exact.matches.size());
        for (const VectorMatch& m : near.matches) {
          EXPECT_LT(m.key.number(), share);
          found += m.distance <= exact.matches.back().distance;
        }
        wanted += exact.matches.size();
      }
      EXPECT_GE(static_cast<double>(found), 0.95 * static_cast<double>(wanted));
    }
  }
  EXPECT_EQ(plans.size(), 2u);  // by the graph and exactly, as is quicker
}

// What searches among a set of these keys find, time and again, is what one finds that asks
// of each vector in its page.
void ExpectSetsFindWhatPagesHave(const VectorIndexReader& index,
                                 const std::vector<DocumentKey>& keys,
                                 absl::FunctionRef<Floats()> make) {
  const auto search = [&](const Floats& query, VectorSearchOptions options) {
    options.plan = VectorPlan::kExact;
    options.k = std::max<uint32_t>(options.k, 1);
    std::map<int64_t, float> found;
    const VectorResult result = *index.Search(query, options);
    for (const VectorMatch& m : result.matches)
      EXPECT_TRUE(found.emplace(m.key.number(), m.distance).second);
    return found;
  };
  const VectorSet set = *index.Select(keys), odd = *index.Select({331, 333, 5});
  const auto among = [&](const DocumentKey& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  const auto even = [](const DocumentKey& key) { return key.number() % 2 == 0; };
  const auto both = [&](const DocumentKey& key) { return even(key) && among(key); };
  constexpr uint32_t kAll = 1000;
  for (int use = 0; use < 3; ++use) {
    const Floats query = make();
    const auto all = search(query, {.k = kAll, .among = &set});
    EXPECT_EQ(all.size(), keys.size());
    EXPECT_EQ(all, search(query, {.k = kAll, .accept = among}));
    EXPECT_EQ(search(query, {.k = kAll, .among = &set, .except = &odd}),
              search(query, {.k = kAll, .except = &odd, .accept = among}));
    EXPECT_EQ(search(query, {.k = kAll, .among = &set, .accept = even}),
              search(query, {.k = kAll, .accept = both}));
    std::vector<float> distances;
    for (const auto& [key, distance] : all) distances.push_back(distance);
    std::sort(distances.begin(), distances.end());
    const size_t middle = distances.size() / 2;
    EXPECT_EQ(search(query, {.k = kAll, .radius = distances[middle], .among = &set}),
              search(query, {.k = kAll, .radius = distances[middle], .accept = among}));
    // By one that is there: with it, then without.
    const Floats there = *index.Get(keys[middle]);
    const size_t others = search(there, {.k = kAll, .accept = among}).size() - 1;
    EXPECT_EQ(index.SearchByKey(keys[middle], {.k = kAll, .among = &set})->matches.size(),
              others);
    const auto some = search(query, {.k = uint32_t(middle), .among = &set});
    EXPECT_EQ(some.size(), std::max<size_t>(middle, 1));
    for (const auto& [key, distance] : some)
      EXPECT_LE(distance, distances[some.size() - 1]) << key;
  }
}

// From the second search on there are copies: of the vectors, of the codes where vectors take
// too much (340 of 5,000 dimensions).
TEST_F(VectorIndexTest, CopiesOfSetsAreWhatIsInThePages) {
  struct Kind {
    Metric metric;
    Element element;
    uint32_t dimensions;
    VectorIndexKind kind = VectorIndexKind::kHnsw;
  };
  for (const Kind& kind : std::vector<Kind>{
           {Metric::kL2, Element::kFloat32, 7},
           {Metric::kL2, Element::kFloat32, 7, VectorIndexKind::kFlat},
           {Metric::kCosine, Element::kFloat16, 9},
           {Metric::kL1, Element::kInt8, 5},
           {Metric::kHamming, Element::kBit, 70},
           {Metric::kInnerProduct, Element::kFloat32, 5000},
           {Metric::kInnerProduct, Element::kFloat32, 5000, VectorIndexKind::kFlat}}) {
    VectorOptions options = OfDimensions(kind.dimensions);
    options.metric = kind.metric;
    options.element = kind.element;
    options.kind = kind.kind;
    const std::string name = absl::StrCat("v", kind.dimensions, ".", int(kind.kind));
    SCOPED_TRACE(name);
    std::mt19937 random(5);
    const auto make = [&] {
      Floats vector = Random(&random, kind.dimensions);
      for (float& x : vector) {
        if (kind.element == Element::kInt8) x = std::round(40 * std::clamp(x, -3.f, 3.f));
        if (kind.element == Element::kBit) x = x > 0;
      }
      return vector;
    };
    const auto put = [&](int from, int to) {
      Write([&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors(name, options));
        for (int i = from; i < to; ++i) SHEAF_RETURN_IF_ERROR(index.Put(i, make()));
        return absl::OkStatus();
      });
    };
    put(0, 330);
    if (kind.kind == VectorIndexKind::kHnsw) {
      ASSERT_TRUE(db_->OptimizeVectors(name).ok());
    }
    put(310, 340);  // some await linking, again or for the first time
    const ReadTransaction read = db_->BeginRead();
    for (const int share : {1, 9, 100, 340}) {
      SCOPED_TRACE(share);
      std::vector<DocumentKey> keys;
      for (int i = 0; i < share; ++i) keys.emplace_back(339 - i);
      ExpectSetsFindWhatPagesHave(*read.vectors(name), keys, make);
    }
  }
}

// The keys of all take more than a copy may, those of every second one do not.
TEST_F(VectorIndexTest, SetsOfLongKeysAreSearchedAsOthersAre) {
  constexpr int kCount = 6000;
  const auto key_of = [](int i) { return absl::StrCat(std::string(480, 'k'), i); };
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", OfDimensions(2)));
    for (int i = 0; i < kCount; ++i)
      SHEAF_RETURN_IF_ERROR(index.Put(key_of(i), Floats{float(i), 0.5f}));
    return absl::OkStatus();
  });
  for (const bool linked : {false, true}) {
    if (linked) {
      ASSERT_TRUE(db_->OptimizeVectors("v").ok());
    }
    const ReadTransaction read = db_->BeginRead();
    const VectorIndexReader index = *read.vectors("v");
    for (const int step : {1, 2}) {
      std::vector<DocumentKey> keys;
      for (int i = 0; i < kCount; i += step) keys.emplace_back(key_of(i));
      const VectorSet set = *index.Select(keys);
      for (int use = 0; use < 3; ++use) {
        const VectorResult found = *index.Search(
            Floats{1000.1f, 0}, {.k = 2, .plan = VectorPlan::kExact, .among = &set});
        ASSERT_EQ(found.matches.size(), 2u);
        EXPECT_EQ(found.matches[0].key, DocumentKey(key_of(1000)));
        EXPECT_EQ(found.matches[1].key, DocumentKey(key_of(1000 + step)));
      }
    }
  }
}

// Also while a copy is made, which the next search makes then, or is compared with.
TEST_F(VectorIndexTest, SearchesAmongSetsCanBeCancelled) {
  constexpr int kCount = 3000;
  Fill("v", OfDimensions(2), kCount);
  const ReadTransaction read = db_->BeginRead();
  const VectorIndexReader index = *read.vectors("v");
  std::vector<DocumentKey> keys;
  for (int i = 0; i < kCount; ++i) keys.emplace_back(i);
  int cancelled = 0;
  for (int last = 1; last <= 12; ++last) {
    const VectorSet set = *index.Select(keys);
    VectorSearchOptions options{.k = kCount, .plan = VectorPlan::kExact, .among = &set};
    EXPECT_EQ(index.Search(Floats{0, 0}, options)->matches.size(), size_t{kCount});
    int reports = 0;
    options.progress.report = [&](const Progress::State&) { return ++reports != last; };
    const absl::StatusOr<VectorResult> found = index.Search(Floats{0, 0}, options);
    EXPECT_EQ(absl::IsCancelled(found.status()), reports >= last) << found.status();
    cancelled += absl::IsCancelled(found.status());
    options.progress = {};
    EXPECT_EQ(index.Search(Floats{0, 0}, options)->matches.size(), size_t{kCount});
  }
  EXPECT_GE(cancelled, 6);  // one at the beginning, three of the copy, two between pieces
  EXPECT_LT(cancelled, 12);
}

TEST_F(VectorIndexTest, SetsBelongToTheirHandle) {
  Fill("v", OfDimensions(2), 10);
  const ReadTransaction read = db_->BeginRead();
  const VectorIndexReader one = *read.vectors("v"), other = *read.vectors("v");
  const VectorSet set = *one.Select({1, 2, 99});
  EXPECT_EQ(set.size(), 2u);
  EXPECT_TRUE(
      absl::IsInvalidArgument(other.Search(Floats{0, 0}, {.among = &set}).status()));
  const VectorSet none;
  EXPECT_EQ(one.Search(Floats{0, 0}, {.among = &none})->matches.size(), 0u);
  EXPECT_EQ(one.Search(Floats{0, 0}, {.k = 20, .except = &set})->matches.size(), 8u);
}

TEST_F(VectorIndexTest, RadiusFindsAllThatAreInside) {
  Fill("v", OfDimensions(3), 2000);
  ASSERT_TRUE(db_->OptimizeVectors("v").ok());
  const ReadTransaction read = db_->BeginRead();
  const VectorIndexReader index = *read.vectors("v");
  for (const float radius : {0.0f, 0.01f, 0.5f, 3.0f, 1000.0f}) {
    size_t inside = 0;
    const Floats centre{0.1f, 0.2f, 0.3f};
    ASSERT_TRUE(index
                    .ForEach([&](const DocumentKey& key, std::string_view) {
                      const Floats v = *index.Get(key);
                      float sum = 0;
                      for (int i = 0; i < 3; ++i)
                        sum += (v[i] - centre[i]) * (v[i] - centre[i]);
                      inside += sum <= radius;
                      return true;
                    })
                    .ok());
    const auto found = index.SearchRadius(centre, radius);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->matches.size(), inside) << radius;
  }
}

struct Kind {
  Metric metric;
  Element element;
  uint32_t dimensions;
  VectorCode code;
};

class VectorKindsTest : public VectorIndexTest,
                        public testing::WithParamInterface<Kind> {};

TEST_P(VectorKindsTest, ComesBackAndIsFound) {
  VectorOptions options;
  options.metric = GetParam().metric;
  options.element = GetParam().element;
  options.dimensions = GetParam().dimensions;
  options.code = GetParam().code;
  const int count = options.dimensions > 2000 ? 60 : 400;
  std::mt19937 random(2);
  std::vector<Floats> vectors;
  for (int i = 0; i < count; ++i) {
    Floats v = Random(&random, options.dimensions);
    for (float& x : v) {
      if (options.element == Element::kInt8)
        x = std::round(std::clamp(x * 40, -128.0f, 127.0f));
      if (options.element == Element::kBit) x = x > 0 ? 1 : 0;
      if (options.element == Element::kFloat16) x = std::round(x * 64) / 64;
    }
    vectors.push_back(std::move(v));
  }
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", options));
    for (int i = 0; i < count; ++i)
      SHEAF_RETURN_IF_ERROR(index.Put(absl::StrCat("key", i), vectors[i]));
    return absl::OkStatus();
  });
  for (const int linking : {0, 1, 2}) {
    if (linking > 0) {
      ASSERT_TRUE(db_->OptimizeVectors("v", {.rebuild = linking == 2}).ok());
    }
    Reopen();
    const ReadTransaction read = db_->BeginRead();
    const VectorIndexReader index = *read.vectors("v");
    size_t found = 0;
    for (int i = 0; i < count; ++i) {
      const DocumentKey key = absl::StrCat("key", i);
      ASSERT_EQ(*index.Get(key), vectors[i]);
      VectorSearchOptions search{.k = 1, .ef = 40};
      if (linking > 0) search.plan = VectorPlan::kGraph;
      const VectorResult result = *index.Search(vectors[i], search);
      ASSERT_EQ(result.matches.size(), 1u);
      found += result.matches[0].key == key;
    }
    if (options.metric == Metric::kInnerProduct) continue;  // longer ones are nearer
    EXPECT_GE(static_cast<double>(found), 0.97 * count) << linking;
    ExpectClean();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, VectorKindsTest,
    testing::Values(Kind{Metric::kL2, Element::kFloat32, 24, VectorCode::kByte},
                    Kind{Metric::kL2, Element::kFloat32, 24, VectorCode::kExact},
                    Kind{Metric::kCosine, Element::kFloat32, 100, VectorCode::kByte},
                    Kind{Metric::kCosine, Element::kFloat32, 100, VectorCode::kExact},
                    Kind{Metric::kInnerProduct, Element::kFloat32, 30, VectorCode::kByte},
                    Kind{Metric::kL1, Element::kFloat16, 50, VectorCode::kByte},
                    Kind{Metric::kL1, Element::kFloat32, 50, VectorCode::kExact},
                    Kind{Metric::kCosine, Element::kInt8, 64, VectorCode::kByte},
                    Kind{Metric::kL2, Element::kInt8, 64, VectorCode::kExact},
                    Kind{Metric::kHamming, Element::kBit, 70, VectorCode::kByte},
                    Kind{Metric::kHamming, Element::kBit, 16384, VectorCode::kExact},
                    Kind{Metric::kL2, Element::kFloat32, 1, VectorCode::kByte},
                    Kind{Metric::kCosine, Element::kFloat32, 768, VectorCode::kByte},
                    Kind{Metric::kCosine, Element::kFloat32, 1536, VectorCode::kByte},
                    Kind{Metric::kL2, Element::kFloat32, 1536, VectorCode::kExact},
                    Kind{Metric::kCosine, Element::kFloat16, 5000, VectorCode::kByte},
                    Kind{Metric::kL2, Element::kFloat32, 16384, VectorCode::kByte}));

TEST_F(VectorIndexTest, FlatIndexesFindExactly) {
  VectorOptions options = OfDimensions(5);
  options.kind = VectorIndexKind::kFlat;
  Fill("v", options, 500);
  EXPECT_EQ(db_->OptimizeVectors("v")->linked, 0u);
  const ReadTransaction read = db_->BeginRead();
  const VectorResult result = *read.vectors("v")->Search(Floats(5, 0.5f));
  EXPECT_EQ(result.matches.size(), 10u);
  EXPECT_EQ(result.plan, VectorPlan::kExact);
  ExpectClean();
}

TEST_F(VectorIndexTest, UniqueMetadataRefuseAVectorWhole) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", OfDimensions(2)));
    IndexDefinition unique;
    unique.name = "u";
    unique.fields = {{"u"}};
    unique.unique = true;
    SHEAF_RETURN_IF_ERROR(index.CreateIndex(unique));
    SHEAF_RETURN_IF_ERROR(index.Put(1, Floats{1, 1}, R"({"u":1})"));
    EXPECT_TRUE(absl::IsAlreadyExists(index.Put(2, Floats{2, 2}, R"({"u":1})")));
    EXPECT_EQ(*index.size(), 1u);
    EXPECT_FALSE(*index.Contains(2));
    SHEAF_RETURN_IF_ERROR(index.Put(2, Floats{2, 2}, R"({"u":2})"));
    EXPECT_EQ(index.Indexes()->size(), 1u);
    return index.DropIndex("u");
  });
  ExpectClean();
}

TEST_F(VectorIndexTest, RenamedDroppedListedAndCopied) {
  Fill("v", OfDimensions(6), 300);
  Fill("w", OfDimensions(6), 30);
  ASSERT_TRUE(db_->OptimizeVectors("v").ok());
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.Drop("w"));
    return txn.Rename("v", "renamed");
  });
  const ReadTransaction read = db_->BeginRead();
  const std::vector<TreeInfo> trees = *read.List();
  ASSERT_EQ(trees.size(), 1u);
  EXPECT_EQ(trees[0].name, "renamed");
  EXPECT_EQ(trees[0].kind, TreeKind::kVectors);
  EXPECT_EQ(trees[0].entry_count, 300u);
  EXPECT_EQ(read.Measure("renamed")->entries, 300u);
  for (const bool compact : {false, true}) {
    const std::string path = compact ? "/compact.sheaf" : "/copy.sheaf";
    BackupOptions options;
    options.compact = compact;
    ASSERT_TRUE(db_->Backup(path, options).ok());
    const auto copy = *Database::Open(path, options_);
    const CheckReport report = *copy->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
    const ReadTransaction copied = copy->BeginRead();
    const Floats query(6, 0.1f);
    const VectorSearchOptions graph{.plan = VectorPlan::kGraph};
    const VectorResult a = *read.vectors("renamed")->Search(query, graph),
                       b = *copied.vectors("renamed")->Search(query, graph);
    ASSERT_EQ(a.matches.size(), b.matches.size());
    for (size_t i = 0; i < a.matches.size(); ++i)
      EXPECT_EQ(a.matches[i].key, b.matches[i].key);
    EXPECT_EQ(a.estimates, b.estimates);  // the graph came along
  }
}

TEST_F(VectorIndexTest, LinksInTheBackground) {
  db_.reset();
  options_.background_linking = true;
  Open();
  Fill("v", OfDimensions(4), 500);
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (db_->BeginRead().vectors("v")->Stats()->pending >= 64 && absl::Now() < deadline)
    absl::SleepFor(absl::Milliseconds(20));
  EXPECT_LT(db_->BeginRead().vectors("v")->Stats()->pending, 64u);
  Fill("v", OfDimensions(4), 500);
  Reopen();  // while it works
  EXPECT_EQ(*db_->BeginRead().vectors("v")->size(), 500u);
  ExpectClean();
}

// A transaction may outlive its database, which must not wait for it.
TEST_F(VectorIndexTest, TheBackgroundLinkerWaitsForNobodyAtTheEnd) {
  db_.reset();
  options_.background_linking = true;
  Open();
  Fill("v", OfDimensions(4), 500);
  WriteTransaction open = Begin();  // keeps the writer's turn
  absl::SleepFor(absl::Milliseconds(250));
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Close()));
  db_.reset();
  EXPECT_FALSE(open.Commit().ok());
}

TEST_F(VectorIndexTest, SearchesAndBuildsCanBeCancelled) {
  VectorOptions options = OfDimensions(8);
  Fill("v", options, 6000);
  Progress cancel;
  cancel.report = [](const Progress::State&) { return false; };
  EXPECT_TRUE(absl::IsCancelled(db_->OptimizeVectors("v", {}, cancel).status()));
  EXPECT_TRUE(
      absl::IsCancelled(db_->OptimizeVectors("v", {.rebuild = true}, cancel).status()));
  const ReadTransaction read = db_->BeginRead();
  EXPECT_TRUE(absl::IsCancelled(
      read.vectors("v")->Search(Floats(8, 1), {.progress = cancel}).status()));
  Progress late;
  late.deadline = absl::Now() - absl::Seconds(1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      read.vectors("v")->Search(Floats(8, 1), {.progress = late}).status()));
  ExpectClean();
}

TEST_F(VectorIndexTest, HandlesEndWithTheirTransaction) {
  Fill("v", OfDimensions(2), 3);
  VectorIndexReader index;
  EXPECT_TRUE(absl::IsFailedPrecondition(index.size().status()));
  {
    const ReadTransaction read = db_->BeginRead();
    index = *read.vectors("v");
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(index.Search(Floats{1, 1}).status()));
  WriteTransaction txn = Begin();
  const VectorIndex written = *txn.vectors("v");
  ASSERT_TRUE(txn.Drop("v").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(written.size().status()));
  EXPECT_TRUE(absl::IsNotFound(txn.vectors("v").status()));
  EXPECT_TRUE(txn.vectors("v", OfDimensions(9)).ok());  // another of that name
}

}  // namespace
}  // namespace sheaf
