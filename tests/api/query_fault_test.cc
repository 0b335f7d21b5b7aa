// A read that fails in the middle of a query is told: never fewer rows, a smaller count or
// a wrong group in its place (RELIABILITY B11). The file is larger than the cache, so that
// queries read it.
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pager/status_macros.h"
#include "sheaf/database.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {
namespace {

constexpr int kDocuments = 3000;

struct Way {
  const char* name;
  absl::StatusOr<uint64_t> (*run)(const CollectionReader& c);
  uint64_t wanted;
};

absl::StatusOr<uint64_t> Rows(const CollectionReader& c, const char* filter,
                              const QueryOptions& options = {}) {
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, c.Query(filter, options));
  uint64_t rows = 0;
  while (cursor.Next()) ++rows;
  SHEAF_RETURN_IF_ERROR(cursor.status());
  return rows;
}

const Way kWays[] = {
    {"scan", [](const CollectionReader& c) { return Rows(c, R"({"n": {"$gte": 0}})"); },
     kDocuments},
    {"index",
     [](const CollectionReader& c) {
       QueryOptions options;
       options.index = "m";
       return Rows(c, R"({"m": {"$lt": 50}})", options);
     },
     kDocuments / 2},
    {"sort",
     [](const CollectionReader& c) {
       QueryOptions options;
       options.sort = R"({"n": -1})";
       options.memory_bytes_max = 1 << 20;
       return Rows(c, "{}", options);
     },
     kDocuments},
    {"count", [](const CollectionReader& c) { return c.Count(R"({"m": {"$lt": 50}})"); },
     kDocuments / 2},
    {"count by looking",
     [](const CollectionReader& c) { return c.Count(R"({"n": {"$ne": -1}})"); },
     kDocuments},
    {"group",
     [](const CollectionReader& c) -> absl::StatusOr<uint64_t> {
       uint64_t sum = 0;
       SHEAF_RETURN_IF_ERROR(c.Group(
           R"({"_id": null, "n": {"$sum": 1}})", "{}", [&](const DocumentView& row) {
             sum = static_cast<uint64_t>(row.Field("n")->int_value());
           }));
       return sum;
     },
     kDocuments},
    {"distinct",
     [](const CollectionReader& c) -> absl::StatusOr<uint64_t> {
       uint64_t values = 0;
       SHEAF_RETURN_IF_ERROR(
           c.Distinct("m", "{}", [&](const DocumentView&) { ++values; }));
       return values;
     },
     100},
    {"get",
     [](const CollectionReader& c) -> absl::StatusOr<uint64_t> {
       uint64_t found = 0;
       for (int i = 0; i < kDocuments; i += 10) {
         SHEAF_ASSIGN_OR_RETURN(const std::optional<Document> document,
                                c.FindDocument(i));
         found += document.has_value();
       }
       return found;
     },
     kDocuments / 10}};

TEST(QueryFault, AFailedReadIsToldByEveryWay) {
  FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.cache_bytes_max = 8 << 20;
  auto db = *Database::Open("/a.sheaf", options);
  ASSERT_TRUE(db->Write([](WriteTransaction& txn) -> absl::Status {
                  SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
                  const std::string filler(5000, 'f');
                  for (int i = 0; i < kDocuments; ++i)
                    SHEAF_RETURN_IF_ERROR(
                        c.Put(i, absl::StrCat(R"({"n":)", i, R"(,"m":)", i % 100,
                                              R"(,"filler":")", filler, "\"}")));
                  return c.CreateIndex(
                      *IndexDefinition::Parse(R"({"fields": {"m": 1}, "name": "m"})"));
                }).ok());
  ASSERT_TRUE(db->Close().ok());
  int failed = 0;
  for (const Way& way : kWays) {
    int whole = 0;
    for (uint64_t nth = 1; nth < 20'000 && whole < 2; nth = nth * 3 / 2 + 1) {
      db.reset();
      db = *Database::Open("/a.sheaf", options);
      const ReadTransaction read = db->BeginRead();
      const auto c = read.collection("c");
      ASSERT_TRUE(c.ok()) << c.status();
      Fault fault;
      fault.calls = kRead;
      fault.nth = nth;
      fault.path_suffix = "a.sheaf";
      fs.Inject(fault);
      const uint64_t fired = fs.faults_fired();
      const absl::StatusOr<uint64_t> result = way.run(*c);
      if (fs.faults_fired() == fired) {
        ++whole;
        ASSERT_TRUE(result.ok()) << way.name << result.status();
      } else {
        failed += !result.ok();
      }
      fs.ClearFaults();
      EXPECT_EQ(result.value_or(way.wanted), way.wanted) << way.name << " read " << nth;
    }
  }
  EXPECT_GT(failed, 20);
}

}  // namespace
}  // namespace sheaf::test
