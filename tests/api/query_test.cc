// Queries: with each index that can be used, and with none, the same documents come, in
// the order that was asked for (RELIABILITY R10, B21); counts, distinct values and groups
// agree with going over everything; the plan is the one that a person would take.
#include "sheaf/query.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "document/compare.h"
#include "document/filter.h"
#include "document/json_codec.h"
#include "document/query.h"
#include "gtest/gtest.h"
#include "pager/file.h"
#include "pager/status_macros.h"
#include "sheaf/database.h"
#include "sheaf/where.h"
#include "tests/support/sanitizers.h"

namespace sheaf {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;  // key, JSON

class QueryTest : public testing::Test {
 protected:
  QueryTest() {
    Options options;
    options.file_system = fs_.get();
    auto db = Database::Open("/a.sheaf", options);
    EXPECT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  absl::Status Write(absl::FunctionRef<absl::Status(Collection&)> fn) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
      return fn(c);
    });
  }
  void CreateIndexes(const std::vector<std::string>& definitions) {
    for (const std::string& json : definitions) {
      const auto definition = IndexDefinition::Parse(json);
      ASSERT_TRUE(definition.ok()) << definition.status();
      const absl::Status made =
          Write([&](Collection& c) { return c.CreateIndex(*definition); });
      ASSERT_TRUE(made.ok()) << made;
      indexes_.push_back(definition->name);
    }
  }
  static absl::StatusOr<Rows> Run(const CollectionReader& c, std::string_view filter,
                                  const QueryOptions& options = {},
                                  std::string* explained = nullptr) {
    Rows rows;
    SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, c.Query(filter, options));
    while (cursor.Next()) {
      SHEAF_ASSIGN_OR_RETURN(std::string json, cursor.Json());
      rows.emplace_back(cursor.key().ToString(), std::move(json));
    }
    if (explained != nullptr) *explained = cursor.ExplainJson();
    SHEAF_RETURN_IF_ERROR(cursor.status());
    return rows;
  }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::unique_ptr<Database> db_;
  std::vector<std::string> indexes_;
};

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {
    printf("seed %llu\n", static_cast<unsigned long long>(seed));
  }
  uint64_t operator()(uint64_t n) { return random_() % n; }

  std::string Scalar() {
    switch ((*this)(9)) {
      case 0:
        return "null";
      case 1:
        return absl::StrCat((*this)(6), ".5");
      case 2:
        return absl::StrCat("\"", Text(), "\"");
      case 3:
        return absl::StrCat((*this)(6), ".0");
      case 4:
        return (*this)(2) == 0 ? "true" : "false";
      case 5:
        return absl::StrCat("-", (*this)(3));
      case 6:
        return absl::StrCat(R"({"$date":"2026-01-0)", 1 + (*this)(4), R"(T00:00:00Z"})");
      default:
        return absl::StrCat((*this)(6));
    }
  }
  std::string Text() {
    const char* const texts[] = {"", "a", "ab", "abc", "b", "ä", "b\\u0000"};
    if ((*this)(20) == 0) return std::string(490 + (*this)(30), 'x') + texts[(*this)(7)];
    return texts[(*this)(7)];
  }
  std::string Value(int depth) {
    switch ((*this)(depth > 0 ? 8 : 5)) {
      case 5:
        return absl::StrCat("{\"x\":", Value(depth - 1),
                            (*this)(2) == 0 ? ",\"y\":1" : "", "}");
      case 6:
      case 7: {
        if (!arrays) return Scalar();
        std::string list = "[";
        for (uint64_t n = (*this)(4); n > 0; --n)
          absl::StrAppend(&list, list.size() > 1 ? "," : "", Value(depth - 1));
        return list + "]";
      }
      default:
        return Scalar();
    }
  }
  std::string Document() {
    std::string json = "{";
    for (const char* name : {"a", "b", "c"})
      if ((*this)(5) != 0)
        absl::StrAppend(&json, json.size() > 1 ? "," : "", "\"", name, "\":", Value(2));
    return json + "}";
  }
  std::string Path() {
    const char* const paths[] = {"a", "b", "c", "a", "b", "a.x", "b.x", "a.0", "b.x.y"};
    return paths[(*this)(9)];
  }
  std::string Leaf() {
    const std::string path = absl::StrCat("\"", Path(), "\":");
    switch ((*this)(12)) {
      case 0:
        return absl::StrCat(path, "{\"$in\":[", Value(1), ",", Scalar(), ",", Scalar(),
                            "]}");
      case 1:
        return absl::StrCat(path, "{\"$gt\":", Scalar(), "}");
      case 2:
        return absl::StrCat(path, "{\"$gte\":", Scalar(), ",\"$lt\":", Scalar(), "}");
      case 3:
        return absl::StrCat(path, "{\"$lte\":", Value(1), "}");
      case 4:
        return absl::StrCat(path, "{\"$ne\":", Scalar(), "}");
      case 5:
        return absl::StrCat(path, "{\"$exists\":", (*this)(2) == 0 ? "true" : "false",
                            "}");
      case 6: {
        const char* const patterns[] = {"^a",   "^ab?", "b",   "^(a|b)",
                                        "^x+a", "^ä",   "^a|b"};
        return absl::StrCat(path, "{\"$regex\":\"", patterns[(*this)(7)], "\"}");
      }
      case 7:
        return absl::StrCat(path, "{\"$not\":{\"$gt\":", Scalar(), "}}");
      case 8:
        return absl::StrCat(path, "{\"$elemMatch\":{\"$gt\":1,\"$lt\":4}}");
      case 9: {
        const char* const keys[] = {"{\"$gt\":10,\"$lte\":30}",
                                    "7",
                                    "\"k7\"",
                                    "{\"$in\":[1,2.0,\"k3\",null]}",
                                    "{\"$gte\":\"k2\"}",
                                    "{\"$ne\":5}",
                                    "{\"$lt\":2.5}"};
        return absl::StrCat("\"_id\":", keys[(*this)(7)]);
      }
      default:
        return absl::StrCat(path, Value(1));
    }
  }
  std::string Filter() {
    if ((*this)(12) == 0) return "{}";
    if ((*this)(6) == 0) return absl::StrCat("{\"$or\":[{", Leaf(), "},{", Leaf(), "}]}");
    if ((*this)(3) == 0)
      return absl::StrCat("{\"$and\":[{", Leaf(), "},{", Leaf(), "},{", Leaf(), "}]}");
    return absl::StrCat("{", Leaf(), "}");
  }
  std::string Sort() {
    std::set<std::string> paths;
    std::string json = "{";
    for (uint64_t n = (*this)(3); n > 0; --n) {
      const std::string path = (*this)(6) == 0 ? "_id" : Path();
      if (paths.insert(path).second)
        absl::StrAppend(&json, json.size() > 1 ? "," : "", "\"", path,
                        "\":", (*this)(2) == 0 ? 1 : -1);
    }
    return json.size() == 1 ? "" : json + "}";
  }

  bool arrays = true;

 private:
  std::mt19937_64 random_;
};

const std::vector<std::string> kDefinitions = {
    R"({"name": "a", "fields": {"a": 1}})",
    R"({"name": "b-", "fields": {"b": -1}})",
    R"({"name": "ab", "fields": {"a": 1, "b": -1, "c": 1}})",
    R"({"name": "bx", "fields": {"b.x": 1}, "sparse": true})",
    R"({"name": "cx", "fields": {"c": -1, "a.x": -1}, "sparse": true})",
    R"({"name": "part", "fields": {"b": 1}, "filter": {"a": {"$gte": 2}}})"};

// Each row behind the one before it, by what it is sorted by.
void ExpectSorted(const Rows& rows, const std::string& sort, const std::string& what) {
  const auto fields = document::ParseSort(sort);
  ASSERT_TRUE(fields.ok());
  const auto keys_of = [&](const std::pair<std::string, std::string>& row) {
    document::NameTable names;
    const std::string bytes = *document::JsonToBinary(row.second, &names);
    std::vector<std::string> keys;
    for (const document::SortField& field : *fields) {
      // The smallest of what the path reaches, or the largest: by Compare alone.
      std::vector<std::string> values;
      if (field.path.text() == "_id") return std::vector<std::string>();
      field.path.ForEach(document::RootOf(bytes, names), document::ArrayEnd::kWhole,
                         [&](const document::View* v) {
                           std::string json;
                           if (v == nullptr) {
                             values.push_back("null");
                           } else if (v->kind() == document::Kind::kArray) {
                             if (!v->elements().Valid()) values.push_back("");
                             for (auto c = v->elements(); c.Valid(); c.Next()) {
                               json.clear();
                               EXPECT_TRUE(document::AppendJson(c.value(), &json).ok());
                               values.push_back(json);
                             }
                           } else {
                             EXPECT_TRUE(document::AppendJson(*v, &json).ok());
                             values.push_back(json);
                           }
                           return false;
                         });
      if (values.empty()) values.push_back("null");
      const auto less = [](const std::string& x, const std::string& y) {
        if (x.empty() || y.empty()) return x.empty() && !y.empty();  // an empty array
        const auto a = Document::FromJson(x), b = Document::FromJson(y);
        return document::Compare(a->root(), b->root()) < 0;
      };
      keys.push_back(field.descending
                         ? *std::max_element(values.begin(), values.end(), less)
                         : *std::min_element(values.begin(), values.end(), less));
    }
    return keys;
  };
  std::vector<std::string> last;
  for (const auto& row : rows) {
    const std::vector<std::string> keys = keys_of(row);
    for (size_t i = 0; i < std::min(keys.size(), last.size()); ++i) {
      int order = 0;
      if (last[i].empty() || keys[i].empty()) {
        order = static_cast<int>(keys[i].empty()) - static_cast<int>(last[i].empty());
      } else {
        const auto a = Document::FromJson(last[i]), b = Document::FromJson(keys[i]);
        const auto compared = document::Compare(a->root(), b->root());
        order = compared < 0 ? -1 : compared > 0 ? 1 : 0;
      }
      if ((*fields)[i].descending) order = -order;
      ASSERT_LE(order, 0) << what << ": " << row.second;
      if (order < 0) break;
    }
    last = keys;
  }
}

void Compare(QueryTest*, Random* random, const CollectionReader& c,
             const std::vector<std::string>& indexes, int steps,
             absl::FunctionRef<absl::StatusOr<Rows>(
                 const CollectionReader&, std::string_view, const QueryOptions&)>
                 run) {
  Rows all;
  ASSERT_TRUE(c.ForEach({}, [&](const DocumentKey& key, std::string_view json) {
                 all.emplace_back(key.ToString(), std::string(json));
                 return true;
               }).ok());
  int by_index = 0;
  for (int step = 0; step < steps; ++step) {
    const std::string text = random->Filter();
    const auto filter = document::Filter::Parse(text);
    ASSERT_TRUE(filter.ok()) << text << filter.status();
    Rows wanted;
    std::string buffer;
    document::NameTable names;
    ASSERT_TRUE(c.ForEachDocument({}, [&](const DocumentKey& key, const DocumentView& d) {
                   document::Writer w(&names);
                   key.is_number() ? w.Int(key.number()) : w.String(key.text());
                   buffer = *w.Finish();
                   const DocumentView key_view = document::RootOf(buffer, names);
                   std::string json;
                   EXPECT_TRUE(document::AppendJson(d, &json).ok());
                   if (filter->Matches(d, &key_view))
                     wanted.emplace_back(key.ToString(), json);
                   return true;
                 }).ok());
    std::sort(wanted.begin(), wanted.end());
    const std::string sort = random->Sort();
    std::vector<std::string> hints = indexes;
    hints.push_back("");
    hints.push_back("_id");
    for (const std::string& hint : hints) {
      const std::string what = absl::StrCat(text, " by ", hint, " sorted ", sort);
      QueryOptions options;
      options.index = hint;
      options.sort = sort;
      if ((*random)(4) == 0) options.memory_bytes_max = 4096;
      absl::StatusOr<Rows> rows = run(c, text, options);
      if (absl::IsFailedPrecondition(rows.status())) continue;
      ASSERT_TRUE(rows.ok()) << what << rows.status();
      by_index += hint != "" && hint != "_id";
      if (!sort.empty()) ExpectSorted(*rows, sort, what);
      const Rows in_order = *rows;
      std::sort(rows->begin(), rows->end());
      ASSERT_EQ(*rows, wanted) << what;
      const auto count = c.Count(text, options);
      ASSERT_TRUE(count.ok()) << what << count.status();
      ASSERT_EQ(*count, wanted.size()) << what;
      // A part of the same rows, in the same order.
      options.skip = (*random)(5);
      options.limit = (*random)(7);
      rows = run(c, text, options);
      ASSERT_TRUE(rows.ok()) << what << rows.status();
      const size_t size = std::min<size_t>(
          *options.limit,
          in_order.size() - std::min<size_t>(in_order.size(), options.skip));
      ASSERT_EQ(rows->size(), size) << what;
      ASSERT_EQ(*c.Count(text, options), size) << what;
    }
    // One field of them, which an index may have, and by a scan, which reads documents.
    QueryOptions by_scan, by_plan;
    by_plan.project = absl::StrCat("{\"", random->Path(), "\":1,\"_id\":0}");
    by_scan.project = by_plan.project;
    by_scan.index = "_id";
    Rows projected = *run(c, text, by_scan);
    std::sort(projected.begin(), projected.end());
    for (const std::string& hint : hints) {
      by_plan.index = hint;
      absl::StatusOr<Rows> rows = run(c, text, by_plan);
      if (absl::IsFailedPrecondition(rows.status())) continue;
      ASSERT_TRUE(rows.ok()) << rows.status();
      std::sort(rows->begin(), rows->end());
      ASSERT_EQ(*rows, projected) << text << by_plan.project << " by " << hint;
    }
  }
  EXPECT_GT(by_index, steps / 2);
}

TEST_F(QueryTest, EveryWayGivesTheSameDocuments) {
  constexpr int kRounds = test::kAddressSanitizer ? 2 : 4;
  std::map<std::string, int> ways;  // that were taken
  const auto run = [&](const CollectionReader& reader, std::string_view filter,
                       const QueryOptions& options) {
    std::string explained;
    absl::StatusOr<Rows> rows = Run(reader, filter, options, &explained);
    for (const char* part : {R"("plan":{"way":"or")", R"("plan":{"way":"intersection")",
                             R"("plan":{"way":"index")"})
      ways[part] += explained.find(part) != explained.npos;
    ways["covered"] +=
        explained.substr(0, 200).find(R"("covered":true)") != explained.npos;
    return rows;
  };
  for (const bool arrays : {false, true}) {
    Random random(arrays ? 21 : 22);
    random.arrays = arrays;
    ASSERT_TRUE(db_->Write([](WriteTransaction& txn) {
                     const absl::Status dropped = txn.Drop("c");
                     return absl::IsNotFound(dropped) ? absl::OkStatus() : dropped;
                   })
                    .ok());
    indexes_.clear();
    CreateIndexes(kDefinitions);
    for (int round = 0; round < kRounds; ++round) {
      ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                    for (int i = 0; i < 40; ++i) {
                      const auto n = static_cast<int64_t>(random(60));
                      const DocumentKey key =
                          n < 40 ? DocumentKey(n)
                                 : DocumentKey(absl::StrCat("k", n - 40));
                      if (random(5) == 0)
                        SHEAF_RETURN_IF_ERROR(c.Delete(key).status());
                      else
                        SHEAF_RETURN_IF_ERROR(c.Put(key, random.Document()));
                    }
                    return absl::OkStatus();
                  }).ok());
      const ReadTransaction read = db_->BeginRead();
      const auto c = read.collection("c");
      ASSERT_TRUE(c.ok());
      Compare(this, &random, *c, indexes_, 250, run);
      if (HasFatalFailure()) return;
      // And in a write transaction that has changed something.
      const absl::Status in_write = Write([&](Collection& writer) -> absl::Status {
        for (int i = 0; i < 10; ++i)
          SHEAF_RETURN_IF_ERROR(
              writer.Put(static_cast<int64_t>(random(40)), random.Document()));
        Compare(this, &random, writer, indexes_, 40, run);
        return absl::OkStatus();
      });
      ASSERT_TRUE(in_write.ok()) << in_write;
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_EQ(ways.size(), 4u);
  // Two indexes seldom gain in so few documents: see WhatTwoIndexesHave.
  for (const auto& [way, times] : ways)
    EXPECT_GT(times, way.find("intersection") == way.npos ? 10 : 0) << way;
}

class PlanTest : public QueryTest {
 protected:
  PlanTest() {
    CreateIndexes({R"({"name": "year", "fields": {"year": 1}})",
                   R"({"name": "isbn", "fields": {"isbn": 1}, "unique": true})",
                   R"({"name": "author_year", "fields": {"author": 1, "year": -1}})",
                   R"({"name": "tags", "fields": {"tags": 1}})"});
    const absl::Status status = Write([&](Collection& c) -> absl::Status {
      for (int i = 0; i < 5000; ++i)
        SHEAF_RETURN_IF_ERROR(
            c.Append(absl::StrCat(R"({"isbn":)", i, R"(,"author":"a)", i % 50,
                                  R"(","year":)", 1900 + i % 100, R"(,"tags":["t)", i % 7,
                                  R"(","t)", i % 11, R"("],"n":)", i, "}"))
                .status());
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
  }
  // "index year entries 50 documents 50 rows 50"
  std::string PlanOf(std::string_view filter, const QueryOptions& options = {}) {
    const ReadTransaction read = db_->BeginRead();
    const auto c = read.collection("c");
    std::string json;
    const auto rows = Run(*c, filter, options, &json);
    if (!rows.ok()) return rows.status().ToString();
    const auto explained = Document::FromJson(json);
    const auto text = [&](const char* path) {
      const auto value = explained->Find(path);
      std::string out;
      EXPECT_TRUE(!value.has_value() || document::AppendJson(*value, &out).ok());
      return out;
    };
    return absl::StrCat(text("plan.way"), text("plan.index"), " ", text("actual.entries"),
                        " ", text("actual.rows"),
                        text("plan.in_order") == "true" ? "" : " sorted",
                        text("plan.backwards") == "true" ? " backwards" : "");
  }
};

TEST_F(PlanTest, TheBestWayIsTaken) {
  QueryOptions by_year, newest;
  by_year.sort = R"({"year": 1})";
  newest.sort = R"({"year": -1})";
  newest.limit = 10;
  EXPECT_EQ(PlanOf(R"({"isbn": 17})"), R"("index""isbn" 1 1)");
  EXPECT_EQ(PlanOf(R"({"isbn": 17.0, "year": 1917})"), R"("index""isbn" 1 1)");
  EXPECT_EQ(PlanOf(R"({"year": 1950})"), R"("index""year" 50 50)");
  EXPECT_EQ(PlanOf(R"({"author": "a7", "year": {"$gte": 1950}})"),
            R"("index""author_year" 50 50)");
  EXPECT_EQ(PlanOf(R"({"author": "a7"})", newest), R"("index""author_year" 10 10)");
  EXPECT_EQ(PlanOf(R"({"author": "a7"})", by_year),
            R"("index""author_year" 100 100 backwards)");
  EXPECT_EQ(PlanOf("{}", newest), R"("index""year" 10 10 backwards)");
  EXPECT_EQ(PlanOf(R"({"n": {"$gt": 4990}})"), R"("scan" 5000 9)");
  EXPECT_EQ(PlanOf(R"({"n": 17})", by_year), R"("scan" 5000 1 sorted)");
  EXPECT_EQ(PlanOf(R"({"_id": 17})"), R"("keys" 1 1)");
  EXPECT_EQ(PlanOf(R"({"_id": {"$gt": 10, "$lte": 20}, "year": {"$gt": 0}})"),
            R"("keys" 10 10)");
  EXPECT_EQ(PlanOf(R"({"tags": {"$in": ["t9", "t10"]}})"), R"("index""tags" 908 908)");
  EXPECT_EQ(PlanOf(R"({"author": {"$regex": "^a4[89]$"}})"),
            R"("index""author_year" 1100 200)");
  // Nearly all of it: going over everything is quicker.
  EXPECT_EQ(PlanOf(R"({"year": {"$gte": 1901}})"), R"("scan" 5000 4950)");
  EXPECT_EQ(PlanOf(R"({"$or": [{"isbn": 1}, {"isbn": 2}]})"), R"("or" 2 2)");
  EXPECT_EQ(PlanOf(R"({"$or": [{"isbn": 1}, {"n": 2}]})"), R"("scan" 5000 2)");
  EXPECT_EQ(PlanOf(R"({"$or": [{"isbn": 1}, {"author": "a1", "year": 1901}]})"),
            R"("or" 51 50)");
  EXPECT_EQ(
      PlanOf(R"({"author": "a1", "$or": [{"isbn": 1}, {"_id": {"$lte": 2}}]})", by_year),
      R"("or" 3 1 sorted)");
}

TEST_F(PlanTest, PartsOfOr) {
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  QueryOptions options;
  options.sort = R"({"n": -1})";
  options.skip = 1;
  std::string explained;
  const auto rows = Run(*c,
                        R"({"n": {"$gte": 3}, "$or": [{"isbn": {"$lt": 5}},
                            {"year": 1904, "n": {"$lt": 105}}, {"_id": 8}]})",
                        options, &explained);
  ASSERT_TRUE(rows.ok()) << rows.status();
  std::vector<std::string> keys;
  for (const auto& row : *rows) keys.push_back(row.first);
  EXPECT_EQ(keys, (std::vector<std::string>{"8", "5", "4"}));  // 105 is passed over
  const auto plan = Document::FromJson(explained);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->Find("parts.1.index")->string_value(), "year");
  EXPECT_EQ(plan->Find("parts.2.way")->string_value(), "keys");
  EXPECT_EQ(*c->Count(R"({"$or": [{"isbn": {"$lt": 5}}, {"isbn": {"$lt": 7}}]})"), 7u);
  // What was found is remembered; where there is no memory for it, all is gone through.
  options.memory_bytes_max = 4000;
  const auto scanned =
      Run(*c, R"({"$or": [{"isbn": {"$lt": 50}}, {"year": 1904}]})", options, &explained);
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  EXPECT_EQ(scanned->size(), 98u);
  EXPECT_EQ(explained.find(R"("plan":{"way":"scan")"), 1u) << explained;
}

// Neither index alone has few.
TEST_F(PlanTest, WhatTwoIndexesHave) {
  const std::string filter = R"({"tags": "t3", "year": {"$gte": 1950, "$lt": 1960}})";
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  QueryOptions by_scan, by_plan;
  by_scan.index = "_id";
  std::string explained;
  auto scanned = Run(*c, filter, by_scan), planned = Run(*c, filter, {}, &explained);
  ASSERT_TRUE(scanned.ok() && planned.ok()) << planned.status();
  EXPECT_NE(explained.find(R"("way":"intersection","index":"tags","with":"year")"),
            explained.npos)
      << explained;
  EXPECT_GT(planned->size(), 50u);
  const auto plan = Document::FromJson(explained);
  EXPECT_EQ(plan->Find("actual.entries")->int_value(), 1104 + 500);
  EXPECT_EQ(plan->Find("actual.documents")->int_value(),
            static_cast<int64_t>(planned->size()));
  std::sort(scanned->begin(), scanned->end());
  std::sort(planned->begin(), planned->end());
  EXPECT_EQ(*planned, *scanned);
  EXPECT_EQ(*c->Count(filter), planned->size());
  std::mt19937 random(7);
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    const unsigned from = random() % 90;
    const std::string any =
        absl::StrCat(R"({"tags": {"$in": ["t)", random() % 11, R"(", "t)", random() % 11,
                     R"("]}, "year": {"$gte": )", 1900 + from, R"(, "$lt": )",
                     1910 + from + random() % 25, "}}");
    by_plan.sort = by_scan.sort = i % 2 == 0 ? R"({"n": -1})" : R"({"year": 1, "n": 1})";
    scanned = Run(*c, any, by_scan), planned = Run(*c, any, by_plan, &explained);
    ASSERT_TRUE(scanned.ok() && planned.ok()) << planned.status();
    ASSERT_EQ(*planned, *scanned) << any;
    taken += explained.find(R"("plan":{"way":"intersection")") != explained.npos;
  }
  EXPECT_GT(taken, 8);
}

TEST_F(PlanTest, WhatAnIndexHasIsNotReadFromDocuments) {
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  QueryOptions options;
  options.project = R"({"year": 1, "_id": 0})";
  options.sort = R"({"year": 1})";
  std::string explained;
  const auto rows =
      Run(*c, R"({"author": "a7", "year": {"$ne": 1907}})", options, &explained);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 50u);
  EXPECT_EQ(rows->at(0).second, R"({"year":1957})");
  EXPECT_NE(explained.find(R"("covered":true)"), explained.npos) << explained;
  EXPECT_NE(explained.find(R"("documents":0)"), explained.npos) << explained;
  EXPECT_EQ(*c->Count(R"({"author": "a7", "year": {"$ne": 1907}})"), 50u);
  std::string all;
  ASSERT_TRUE(c->Distinct("year", R"({"author": "a7"})", [&](const DocumentView& value) {
                 absl::StrAppend(&all, value.int_value(), " ");
               }).ok());
  EXPECT_EQ(all, "1907 1957 ");
}

TEST_F(PlanTest, CountsReadNothingWhereTheIndexSaysItAll) {
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  for (const auto& [filter, wanted] :
       std::map<std::string, uint64_t>{{"{}", 5000},
                                       {R"({"year": {"$gte": 1950, "$lt": 1960}})", 500},
                                       {R"({"author": "a7", "year": {"$gt": 1907}})", 50},
                                       {R"({"tags": "t3"})", 1104},
                                       {R"({"year": {"$in": [1900, 1901, 1]}})", 100}})
    EXPECT_EQ(*c->Count(filter), wanted) << filter;
}

TEST_F(PlanTest, ProjectionsDistinctAndGroups) {
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  QueryOptions options;
  options.project = R"({"author": 1, "isbn": 1})";
  options.sort = R"({"isbn": -1})";
  options.limit = 1;
  const auto rows = Run(*c, R"({"year": 1950})", options);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, (Rows{{"4951", R"({"isbn":4950,"author":"a0"})"}}));
  std::string all;
  const auto append = [&](const DocumentView& value) {
    EXPECT_TRUE(document::AppendJson(value, &all).ok());
  };
  ASSERT_TRUE(c->Distinct("tags", R"({"n": {"$lt": 9}})", append).ok());
  EXPECT_EQ(all, R"("t0""t1""t2""t3""t4""t5""t6""t7""t8")");
  all.clear();
  ASSERT_TRUE(
      c->Group(R"({"_id": "$author", "n": {"$sum": 1}, "last": {"$max": "$year"}})",
               R"({"author": {"$in": ["a1", "a2"]}})", append)
          .ok());
  EXPECT_EQ(all, R"({"_id":"a1","n":100,"last":1951}{"_id":"a2","n":100,"last":1952})");
}

TEST_F(PlanTest, ErrorsSayWhatIsWrong) {
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  const auto error = [&](std::string_view filter, const QueryOptions& options = {}) {
    const auto rows = Run(*c, filter, options);
    return rows.ok() ? "OK" : rows.status().ToString();
  };
  EXPECT_EQ(error(R"({"a": {"$gtt": 1}})"),
            "INVALID_ARGUMENT: c: filter: there is no operator $gtt; did you mean $gt");
  QueryOptions options;
  options.index = "nosuch";
  EXPECT_EQ(error("{}", options),
            "INVALID_ARGUMENT: c: query: there is no index nosuch that is ready");
  options = {};
  options.sort = R"({"a": 2})";
  EXPECT_EQ(error("{}", options),
            "INVALID_ARGUMENT: c: sort: the direction of \"a\" is 1 or -1");
  options = {};
  options.sort = R"({"n": -1})";
  options.memory_bytes_max = 10000;
  options.spill_bytes_max = 0;
  EXPECT_NE(error("{}", options).find("RESOURCE_EXHAUSTED"), std::string::npos)
      << error("{}", options);
  options = {};
  options.progress.report = [](const Progress::State&) { return false; };
  EXPECT_NE(error(R"({"n": -1})", options).find("CANCELLED"), std::string::npos);
  options = {};
  options.progress.deadline = absl::InfinitePast();
  EXPECT_NE(error(R"({"n": -1})", options).find("DEADLINE_EXCEEDED"), std::string::npos);
}

TEST_F(QueryTest, NeighboursInAnIndexAreTwoValues) {
  CreateIndexes({R"({"name": "ab", "fields": {"a": 1, "b": 1}})"});
  const absl::Status status = Write([](Collection& c) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(c.Put(1, R"({"a": false, "b": 5})"));
    SHEAF_RETURN_IF_ERROR(c.Put(2, R"({"a": true, "b": 5})"));
    return c.Put(3, R"({"a": true, "b": 6})");
  });
  ASSERT_TRUE(status.ok()) << status;
  QueryOptions by_index;
  by_index.index = "ab";
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(
      *read.collection("c")->Count(R"({"a": {"$in": [true, false]}, "b": 5})", by_index),
      2u);
}

// Long values that begin alike are one place of the index, and one document each.
TEST_F(QueryTest, LongValuesThatBeginAlike) {
  CreateIndexes({R"({"name": "a", "fields": {"a": 1}})"});
  const std::string same(600, 's');
  ASSERT_TRUE(Write([&](Collection& c) {
                return c.Put(1, absl::StrCat(R"({"a":[")", same, "1\",\"", same, "2\",\"",
                                             same, "\"]}"));
              }).ok());
  QueryOptions by_index;
  by_index.index = "a";
  const ReadTransaction read = db_->BeginRead();
  for (const char* end : {"1", "2", ""})
    EXPECT_EQ(*read.collection("c")->Count(absl::StrCat(R"({"a":")", same, end, "\"}"),
                                           by_index),
              1u);
  EXPECT_EQ(*read.collection("c")->Count(absl::StrCat(R"({"a":{"$gte":")", same, "\"}}"),
                                         by_index),
            1u);
  EXPECT_EQ(
      *read.collection("c")->Count(absl::StrCat(R"({"a":")", same, "3\"}"), by_index),
      0u);
}

TEST_F(QueryTest, IndexesMayChangeUnderACursor) {
  CreateIndexes({R"({"name": "a", "fields": {"a": 1}})"});
  const absl::Status status = Write([](Collection& c) -> absl::Status {
    for (int i = 0; i < 100; ++i) SHEAF_RETURN_IF_ERROR(c.Put(i, R"({"a": 1})"));
    SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, c.Query(R"({"a": {"$lt": 2}})"));
    EXPECT_TRUE(cursor.Next());
    for (const char* json : {R"({"fields": {"b": 1}})", R"({"fields": {"c": 1}})"})
      SHEAF_RETURN_IF_ERROR(c.CreateIndex(*IndexDefinition::Parse(json)));
    EXPECT_TRUE(cursor.Next());
    EXPECT_NE(cursor.Explain().find("index a"), std::string::npos);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(QueryTest, ChangesByFilter) {
  const absl::Status status = Write([&](Collection& c) -> absl::Status {
    for (int i = 0; i < 20; ++i)
      SHEAF_RETURN_IF_ERROR(c.Put(i, absl::StrCat(R"({"n":)", i, R"(,"even":)",
                                                  i % 2 == 0 ? "true" : "false", "}")));
    SHEAF_RETURN_IF_ERROR(
        c.CreateIndex(*IndexDefinition::Parse(R"({"fields": {"n": 1}})")));
    // Moves forward in the index that finds them.
    const auto moved = c.UpdateWhere(R"({"n": {"$gte": 10}})", R"({"$inc": {"n": 5}})");
    EXPECT_EQ(moved->matched, 10u);
    EXPECT_EQ(moved->changed, 10u);
    EXPECT_EQ(*c.Get(19), R"({"n":24,"even":false})");
    EXPECT_EQ(c.UpdateWhere("{}", R"({"$set": {"even": true}})")->changed, 10u);
    EXPECT_EQ(*c.DeleteWhere(R"({"n": {"$gt": 20}})"), 4u);
    EXPECT_EQ(*c.size(), 16u);
    EXPECT_TRUE(*c.Update(0, R"({"$push": {"list": {"$each": [1, 2]}}})"));
    EXPECT_FALSE(*c.Update(99, R"({"$set": {"a": 1}})"));
    EXPECT_TRUE(c.Upsert(99, R"({"$inc": {"a": 1}, "$setOnInsert": {"b": 2}})").ok());
    EXPECT_TRUE(c.Upsert(99, R"({"$inc": {"a": 1}, "$setOnInsert": {"b": 3}})").ok());
    EXPECT_EQ(*c.Get(99), R"({"a":2,"b":2})");
    EXPECT_TRUE(c.Patch(99, R"([{"op": "replace", "path": "/a", "value": [1]}])").ok());
    EXPECT_TRUE(c.MergePatch(99, R"({"b": null, "c": {"d": 1}})").ok());
    EXPECT_EQ(*c.Get(99), R"({"a":[1],"c":{"d":1}})");
    const absl::Status wrong = c.Update(99, R"({"$inc": {"a": 1}})").status();
    EXPECT_TRUE(absl::IsFailedPrecondition(wrong)) << wrong;
    EXPECT_TRUE(absl::IsNotFound(c.Patch(98, "[]")));
    EXPECT_TRUE(c.Modify(99,
                         [](const std::optional<Document>& old)
                             -> absl::StatusOr<std::optional<Document>> {
                           EXPECT_TRUE(old.has_value());
                           DocumentBuilder b;
                           b->BeginObject(), b->Name("n"),
                               b->Int(old->Find("c.d")->int_value() + 1), b->End();
                           SHEAF_ASSIGN_OR_RETURN(Document made, b.Build());
                           return std::optional<Document>(made);
                         })
                    .ok());
    EXPECT_EQ(*c.Get(99), R"({"n":2})");
    EXPECT_EQ(*c.Count(R"({"n": 2})"), 2u);
    return absl::OkStatus();
  });
  ASSERT_TRUE(status.ok()) << status;
  const auto report = db_->Check();
  ASSERT_TRUE(report.ok() && report->ok());
}

TEST_F(QueryTest, FiltersWrittenInCpp) {
  EXPECT_EQ((Where("a.b") == 5).json(), R"({"a.b":{"$eq":5}})");
  EXPECT_EQ(
      (Where("a") >= 1.5 && !(Where("b") == nullptr || Where("c") != "x\"y")).json(),
      R"({"$and":[{"a":{"$gte":1.5}},{"$nor":[{"$or":[{"b":{"$eq":null}},{"c":{"$ne":"x\"y"}}]}]}]})");
  const Condition all =
      Where("a").In({1, "x", true}) && Where("b").NotIn({2u}) && Where("c").All({"t"}) &&
      Where("d").Exists() && Where("e").Type("string") && Where("f").Size(2) &&
      Where("g").Matches("^a", "i") && Where("h").Mod(3, 1) &&
      Where("i").ElemMatch(Where("j") < absl::FromUnixSeconds(5)) &&
      Where("k") == FilterValue::Json("[1,2]") && Where("l") > std::nan("");
  EXPECT_TRUE(document::Filter::Parse(all).ok()) << document::Filter::Parse(all).status();
  ASSERT_TRUE(Write([](Collection& c) { return c.Put(1, R"({"a": 5})"); }).ok());
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(*read.collection("c")->Count(Where("a") == 5), 1u);
}

}  // namespace
}  // namespace sheaf
