// A file with a collection and its indexes, of format version 1, stays readable: keys and
// values of all kinds, an index in two directions that goes through arrays, a unique and
// sparse one, entries that are cut. What this library writes today has the same entries.
// SHEAF_WRITE_GOLDEN=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/golden/golden_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

std::string GoldenPath() {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/v1-indexed.sheaf");
}

constexpr int kBooks = 120;

Uuid FixedUuid() {
  Uuid uuid;
  for (size_t i = 0; i < uuid.bytes.size(); ++i)
    uuid.bytes[i] = static_cast<uint8_t>(0xa0 + i);
  return uuid;
}

std::string Book(int i) {
  return absl::StrCat(R"({"isbn":"978-)", 1000 + i, R"(","authors":["author )", i % 7,
                      R"(","author )", i % 11, R"("],"year":)", 1900 + i % 30,
                      i % 5 == 0 ? ".5" : "", "}");
}

std::map<std::string, std::pair<DocumentKey, std::string>> Others() {
  return {
      {"text", {"text", R"({"authors":[],"year":null,"isbn":1})"}},
      {"uuid", {FixedUuid(), R"({"authors":{"$date":"2026-01-02T03:04:05Z"}})"}},
      {"bytes",
       {DocumentKey::Bytes(std::string("\0\xff", 2)),
        R"({"authors":[[1,{"x":true}],-3],"isbn":{"$binary":{"base64":"AAE=","subType":"00"}}})"}},
      {"long key",
       {std::string(700, 'k'), R"({"authors":18446744073709551615,"year":-0.25})"}},
      {"long text",
       {-1, absl::StrCat(R"({"authors":")", std::string(700, 'a'), R"(","isbn":")",
                         std::string(800, 'i'), "\"}")}},
  };
}

absl::Status Fill(WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(Collection books, txn.collection("books"));
  for (const char* definition :
       {R"({"name":"by_author","fields":{"authors":1,"year":-1}})",
        R"({"name":"isbn","fields":{"isbn":1},"unique":true,"sparse":true})"})
    SHEAF_RETURN_IF_ERROR(books.CreateIndex(*IndexDefinition::Parse(definition)));
  for (int i = 0; i < kBooks; ++i) SHEAF_RETURN_IF_ERROR(books.Put(i, Book(i)));
  for (const auto& [name, other] : Others())
    SHEAF_RETURN_IF_ERROR(books.Put(other.first, other.second));
  return absl::OkStatus();
}

std::vector<std::string> Keys(const CollectionReader& c, const std::string& filter,
                              const char* index) {
  QueryOptions options;
  options.index = index;
  auto cursor = c.Query(filter, options);
  EXPECT_TRUE(cursor.ok()) << cursor.status() << filter;
  std::vector<std::string> keys;
  while (cursor.ok() && cursor->Next()) keys.push_back(cursor->key().ToString());
  EXPECT_TRUE(!cursor.ok() || cursor->status().ok()) << cursor->status();
  std::sort(keys.begin(), keys.end());
  return keys;
}

class IndexedGolden : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr)
      WriteFile(GoldenPath(), MakeFile(Fill));
  }
  IndexedGolden() { WriteWholeFile(fs_.get(), kPath, ReadFile(GoldenPath())); }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
};

TEST_F(IndexedGolden, Version1Opens) {
  const Verdict v = Judge(fs_.get(), kPath, true);
  EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << v.ToString();
  auto db = OpenSample(fs_.get());
  ASSERT_TRUE(db.ok()) << db.status();
  const ReadTransaction read = (*db)->BeginRead();
  const auto books = read.collection("books");
  ASSERT_TRUE(books.ok()) << books.status();
  EXPECT_EQ(*books->size(), kBooks + Others().size());
  for (int i = 0; i < kBooks; ++i) EXPECT_EQ(*books->Get(i), Book(i));
  for (const auto& [name, other] : Others())
    EXPECT_EQ(books->Get(other.first).value_or("none"), other.second) << name;
}

TEST_F(IndexedGolden, Version1IsQueriedByItsIndexes) {
  auto db = OpenSample(fs_.get());
  ASSERT_TRUE(db.ok()) << db.status();
  const ReadTransaction read = (*db)->BeginRead();
  const auto books = read.collection("books");
  ASSERT_TRUE(books.ok()) << books.status();
  const auto indexes = books->Indexes();
  ASSERT_TRUE(indexes.ok() && indexes->size() == 2) << indexes.status();
  for (const IndexInfo& info : *indexes) {
    EXPECT_EQ(info.state, IndexState::kReady);
    EXPECT_EQ(info.through_arrays, info.definition.name == "by_author");
  }
  for (const std::string& filter :
       {std::string(R"({"authors":"author 3"})"),
        std::string(R"({"authors":"author 3","year":{"$gte":1910,"$lt":1920}})"),
        std::string(R"({"authors":{"$gte":"author 5"}})"),
        std::string(R"({"authors":{"$lt":0}})"), std::string(R"({"authors":[]})"),
        std::string(R"({"authors":{"$gt":{"$date":"2000-01-01T00:00:00Z"}}})"),
        absl::StrCat(R"({"authors":")", std::string(700, 'a'), "\"}")}) {
    const std::vector<std::string> wanted = Keys(*books, filter, "_id");
    EXPECT_FALSE(wanted.empty()) << filter;
    EXPECT_EQ(Keys(*books, filter, "by_author"), wanted) << filter;
  }
  EXPECT_EQ(books->FindUnique("isbn", {"978-1017"})->value(), DocumentKey(17));
  EXPECT_EQ(books->FindUnique("isbn", {std::string(800, 'i')})->value(), DocumentKey(-1));
  EXPECT_EQ(books->FindUnique("isbn", {1.0})->value(), DocumentKey("text"));
  EXPECT_FALSE(books->FindUnique("isbn", {"978"})->has_value());
}

// And it can be gone on with.
TEST_F(IndexedGolden, Version1IsWritten) {
  auto db = OpenSample(fs_.get());
  ASSERT_TRUE(db.ok()) << db.status();
  const absl::Status written = (*db)->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection books, txn.collection("books"));
    EXPECT_TRUE(absl::IsAlreadyExists(books.Put("new", Book(5))));
    SHEAF_RETURN_IF_ERROR(books.Delete(5).status());
    SHEAF_RETURN_IF_ERROR(books.Put("new", Book(5)));
    for (const auto& [name, other] : Others())
      EXPECT_TRUE(*books.Delete(other.first)) << name;
    return books.RebuildIndex("isbn");
  });
  ASSERT_TRUE(written.ok()) << written;
  const auto report = (*db)->Check();
  ASSERT_TRUE(report.ok()) << report.status();
  for (const CheckFinding& f : report->findings) ADD_FAILURE() << f.what;
  EXPECT_EQ(
      Keys(*(*db)->BeginRead().collection("books"), R"({"isbn":"978-1005"})", "isbn"),
      std::vector<std::string>{"new"});
}

TEST_F(IndexedGolden, WhatIsWrittenTodayIsTheSame) {
  const Content golden = TreesOf(ReadFile(GoldenPath())), today = TreesOf(MakeFile(Fill));
  ASSERT_EQ(golden.size(), 3u);
  EXPECT_TRUE(golden == today);
  // The rows of the schema, then the first document.
  auto row = golden.at("books").begin();
  EXPECT_EQ(row->first, std::string("\x01\0\0\0\0", 5));
  EXPECT_TRUE(row->second.starts_with("\x02")) << "an index";
  EXPECT_TRUE(golden.at("books").rbegin()->first.starts_with("\x30")) << "a key of bytes";
  EXPECT_TRUE(golden.begin()->first.starts_with("\x01")) << "the tree of an index";
}

}  // namespace
}  // namespace sheaf::test
