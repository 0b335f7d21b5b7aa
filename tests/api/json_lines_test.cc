// JSON Lines in and out: what is stored, what an error leaves behind, and that what went
// out comes in the same.
#include "sheaf/json_lines.h"

#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class JsonLinesTest : public ApiTest {
 protected:
  absl::Status Import(const std::string& text, const ImportOptions& options = {}) {
    std::istringstream in(text);
    return ImportJsonLines(db_.get(), "c", in, options, &counts_);
  }
  std::string Export(const ExportOptions& options = {}) {
    std::ostringstream out;
    const ReadTransaction read = db_->BeginRead();
    const auto c = read.collection("c");
    if (!c.ok()) return c.status().ToString();
    uint64_t documents = 0;
    const absl::Status status = ExportJsonLines(*c, out, options, &documents);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(documents, *c->Count(options.filter));
    return out.str();
  }
  static ImportOptions ByField(const std::string& field) {
    ImportOptions options;
    options.key_field = field;
    return options;
  }

  ImportCounts counts_;
};

TEST_F(JsonLinesTest, LinesBecomeDocuments) {
  ASSERT_TRUE(Import("\xEF\xBB\xBF{\"a\":1}\r\n\n  \t\n[2]\n\"three\"").ok());
  EXPECT_EQ(counts_.documents, 3u);
  EXPECT_EQ(counts_.commits, 1u);
  EXPECT_EQ(counts_.last_line, 5u);
  EXPECT_EQ(Export(), "{\"a\":1}\n[2]\n\"three\"\n");
  ASSERT_TRUE(Import("").ok());
  EXPECT_EQ(counts_.documents, 0u);
  ASSERT_TRUE(Import("4").ok());  // counted on
  EXPECT_EQ(*db_->BeginRead().collection("c")->Get(4), "4");
}

TEST_F(JsonLinesTest, KeysOutOfDocuments) {
  ASSERT_TRUE(Import(R"({"id":{"k":"x"},"n":1}
{"id":{"k":-7},"n":2}
{"id":{"k":{"$binary":{"base64":"AP8=","subType":"00"}}},"n":3}
{"id":{"k":"x"},"n":4})",
                     ByField("id.k"))
                  .ok());
  EXPECT_EQ(counts_.documents, 4u);
  EXPECT_EQ(counts_.replaced, 1u);
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  EXPECT_EQ(c->GetDocument("x")->Find("n")->int_value(), 4);
  EXPECT_EQ(c->GetDocument(-7)->Find("n")->int_value(), 2);
  EXPECT_EQ(c->GetDocument(DocumentKey::Bytes(std::string("\0\xff", 2)))
                ->Find("n")
                ->int_value(),
            3);
}

TEST_F(JsonLinesTest, AnErrorNamesItsLineAndLeavesWholeTransactions) {
  struct Case {
    std::string line, message;
  };
  for (const Case& c : {Case{"{\"id\":1,", "line 8: "},
                        {R"({"n":1})", "line 8: has no field id"},
                        {R"({"id":1.5})", "line 8: field id, its key, is neither"},
                        {R"({"id":""})", "line 8: "},
                        {"{\"id\":\"\xff\"}", "line 8: "},
                        {R"({"id":"a","id":"b"})", "line 8: "}}) {
    Restart(std::make_unique<FaultyFileSystem>());
    std::string text;
    for (int i = 1; i <= 7; ++i) absl::StrAppend(&text, R"({"id":)", i, "}\n");
    ImportOptions options = ByField("id");
    options.documents_a_commit = 3;
    const absl::Status status = Import(text + c.line + "\n{\"id\":9}\n", options);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(status.message().substr(0, c.message.size()), c.message);
    EXPECT_EQ(counts_.documents, 6u);
    EXPECT_EQ(counts_.commits, 2u);
    EXPECT_EQ(counts_.last_line, 6u);
    EXPECT_EQ(counts_.failed_line, 8u);
    EXPECT_EQ(*db_->BeginRead().collection("c")->size(), 6u);
    ASSERT_TRUE(Import(R"({"id":"later"})", options).ok());
  }
}

TEST_F(JsonLinesTest, AUniqueIndexIsKept) {
  IndexDefinition unique;
  unique.fields = {{"u", false}};
  unique.unique = true;
  ASSERT_TRUE(db_->CreateIndex("c", unique).ok());
  const absl::Status status = Import("{\"u\":1}\n{\"u\":2}\n{\"u\":1}\n");
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_EQ(status.message().substr(0, 8), "line 3: ");
  EXPECT_EQ(counts_.documents, 0u);
  EXPECT_EQ(*db_->BeginRead().collection("c")->size(), 0u);
  ExpectClean();
}

TEST_F(JsonLinesTest, CanBeCancelled) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) absl::StrAppend(&text, "{\"n\":", i, "}\n");
  ImportOptions options;
  options.documents_a_commit = 100;
  uint64_t lines = 0;
  options.progress.report = [&](const Progress::State& state) {
    lines = state.done;
    return state.done < 1000;
  };
  EXPECT_TRUE(absl::IsCancelled(Import(text, options)));
  EXPECT_EQ(counts_.documents, lines);
  EXPECT_EQ(*db_->BeginRead().collection("c")->size(), lines);
}

// Its lines, then one that waits until nobody wants it any more.
class WaitingLines : public LineSource {
 public:
  explicit WaitingLines(std::vector<std::string> lines) : lines_(std::move(lines)) {}
  absl::StatusOr<std::optional<std::string_view>> Next() override {
    if (next_ < lines_.size()) return lines_[next_++];
    stopped_.WaitForNotification();
    return absl::UnavailableError("stopped");
  }
  void Stop() override { stopped_.Notify(); }

 private:
  const std::vector<std::string> lines_;
  size_t next_ = 0;
  absl::Notification stopped_;
};

TEST_F(JsonLinesTest, ASourceThatWaitsIsStopped) {
  ImportOptions options = ByField("id");
  options.documents_a_commit = 2;
  WaitingLines wrong_key({R"({"id":1})", R"({"id":2})", R"({"id":3})", R"({"id":""})"});
  const absl::Status status =
      ImportJsonLines(db_.get(), "c", wrong_key, options, &counts_);
  EXPECT_EQ(status.message().substr(0, 8), "line 4: ");
  EXPECT_EQ(counts_.last_line, 2u);
  EXPECT_EQ(counts_.failed_line, 4u);
  // What it commits, it commits before it waits; then it is told to end.
  WaitingLines cancelled({R"({"id":3})", R"({"id":4})"});
  options.progress.report = [&](const Progress::State& state) {
    EXPECT_EQ(state.done, 2u);
    EXPECT_EQ(counts_.documents, 2u);
    return false;
  };
  EXPECT_TRUE(
      absl::IsCancelled(ImportJsonLines(db_.get(), "c", cancelled, options, &counts_)));
  EXPECT_EQ(counts_.failed_line, 0u);
  EXPECT_EQ(*db_->BeginRead().collection("c")->size(), 4u);
}

// Ends with an error behind its only line.
class BrokenLines : public LineSource {
 public:
  absl::StatusOr<std::optional<std::string_view>> Next() override {
    if (is_read_) return absl::DataLossError("the tape is torn");
    is_read_ = true;
    return "{}";
  }

 private:
  bool is_read_ = false;
};

TEST_F(JsonLinesTest, AnErrorOfTheSourceIsPassedOn) {
  BrokenLines lines;
  ImportOptions options;
  EXPECT_EQ(ImportJsonLines(db_.get(), "c", lines, options, &counts_),
            absl::DataLossError("the tape is torn"));
  EXPECT_EQ(counts_.failed_line, 2u);
  EXPECT_EQ(counts_.documents, 0u);
}

TEST_F(JsonLinesTest, TransactionsEndByBytesOrNot) {
  std::string text;
  for (int i = 0; i < 40; ++i)
    absl::StrAppend(&text, R"({"id":)", i, R"(,"x":")", std::string(1 << 20, 'x'),
                    "\"}\n");
  ImportOptions options = ByField("id");
  ASSERT_TRUE(Import(text, options).ok());
  EXPECT_EQ(counts_.documents, 40u);
  EXPECT_EQ(counts_.commits, 5u);
  options.bytes_a_commit = UINT64_MAX;
  std::vector<uint64_t> done;
  options.progress.report = [&](const Progress::State& state) {
    done.push_back(state.done);
    return true;
  };
  ASSERT_TRUE(Import(text, options).ok());
  EXPECT_EQ(counts_.documents, 40u);
  EXPECT_EQ(counts_.replaced, 40u);
  EXPECT_EQ(counts_.commits, 1u);
  EXPECT_GE(done.size(), 5u);
  EXPECT_EQ(done.back(), 40u);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  // An error behind some 40 MiB undoes them.
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) { return txn.Drop("c"); }).ok());
  EXPECT_FALSE(Import(text + "]", options).ok());
  EXPECT_EQ(counts_.documents, 0u);
  EXPECT_TRUE(absl::IsNotFound(db_->BeginRead().collection("c").status()));
  ExpectClean();
}

TEST_F(JsonLinesTest, WhatGoesOutComesIn) {
  std::mt19937 random(11);
  const auto value = [&]() -> std::string {
    switch (random() % 6) {
      case 0:
        return absl::StrCat(static_cast<int64_t>(random()) - 2'000'000'000);
      case 1:
        return absl::StrCat("\"t", random() % 1000, "\\n\\\"ä\"");
      case 2:
        return absl::StrCat(random() % 100, ".", random() % 100 + 1);
      case 3:
        return R"({"$date":"2026-11-22T00:44:26.5Z"})";
      case 4:
        return absl::StrCat("[", random() % 9, ",null,{\"x\":true}]");
      default:
        return absl::StrCat("{\"in", random() % 50, "\":", random() % 200, "}");
    }
  };
  std::string text;
  for (int i = 0; i < 5000; ++i)
    absl::StrAppend(&text, R"({"id":"k)", 10'000 + i, R"(","a)", random() % 6000,
                    "\":", value(), ",\"b\":", value(), "}\n");
  ImportOptions options = ByField("id");
  options.documents_a_commit = 700;
  ASSERT_TRUE(Import(text, options).ok());
  const std::string out = Export();
  ExportOptions with_key;
  with_key.key_field = "id";
  EXPECT_EQ(Export(with_key), out);  // it was there, and first
  // One by one, as Put stores them.
  std::istringstream in(text);
  ASSERT_TRUE(db_->Write([&](WriteTransaction& txn) -> absl::Status {
                   SHEAF_ASSIGN_OR_RETURN(Collection d, txn.collection("d"));
                   int i = 0;
                   for (std::string line; std::getline(in, line);)
                     SHEAF_RETURN_IF_ERROR(d.Put(absl::StrCat("k", 10'000 + i++), line));
                   return absl::OkStatus();
                 })
                  .ok());
  const ReadTransaction read = db_->BeginRead();
  std::string by_put;
  ASSERT_TRUE(read.collection("d")
                  ->ForEach({},
                            [&](const DocumentKey&, std::string_view json) {
                              absl::StrAppend(&by_put, std::string(json), "\n");
                              return true;
                            })
                  .ok());
  EXPECT_EQ(out, by_put);
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) { return txn.Drop("c"); }).ok());
  ASSERT_TRUE(Import(out, options).ok());
  EXPECT_EQ(Export(), out);
  ExpectClean();
}

// The names that the reading thread numbers may not be those of the collection: it had
// some, its indexes' rows take numbers, others write in between, or it is another one.
TEST_F(JsonLinesTest, NamesAreTheCollectionsWhoeverElseGivesThem) {
  std::string text;
  for (int i = 0; i < 600; ++i)
    absl::StrAppend(&text, R"({"id":)", i, R"(,"n)", i / 20, R"(":)", i, R"(,"tags":["a)",
                    i % 7, R"("],"in":{"m)", i / 50, "\":true}}\n");
  enum class Other { kNobody, kWrites, kMakesAnIndex, kDropsIt };
  for (const Other other :
       {Other::kNobody, Other::kWrites, Other::kMakesAnIndex, Other::kDropsIt}) {
    Restart(std::make_unique<FaultyFileSystem>());
    IndexDefinition tags;
    tags.fields = {{"tags", false}};
    ASSERT_TRUE(db_->Write([](WriteTransaction& txn) {
                     return txn.collection("c")->Put("x", R"({"in":0,"other":1})");
                   })
                    .ok());
    ASSERT_TRUE(db_->CreateIndex("c", tags).ok());
    ImportOptions options = ByField("id");
    options.documents_a_commit = 10;
    int commits = 0;
    options.progress.report = [&](const Progress::State&) {
      ++commits;
      IndexDefinition more;
      more.fields = {{absl::StrCat("n", commits), false}};
      const auto other_name = [&](WriteTransaction& txn) {
        return txn.collection("c")->Put("x", absl::StrCat("{\"o", commits, "\":1}"));
      };
      const auto drop = [](WriteTransaction& txn) { return txn.Drop("c"); };
      absl::Status done;
      if (other == Other::kWrites && commits % 3 == 0) done = db_->Write(other_name);
      if (other == Other::kMakesAnIndex && commits % 10 == 0)
        done = db_->CreateIndex("c", more);
      if (other == Other::kDropsIt && commits == 30) done = db_->Write(drop);
      EXPECT_TRUE(done.ok()) << done;
      return true;
    };
    ASSERT_TRUE(Import(text, options).ok());
    EXPECT_EQ(counts_.commits, 60u);
    ExportOptions numbers;
    numbers.filter = R"({"id":{"$exists":true}})";
    std::string lines;
    std::istringstream in(text);
    int line_number = 0;
    for (std::string line; std::getline(in, line); ++line_number)
      if (other != Other::kDropsIt || line_number >= 300) lines += line + "\n";
    EXPECT_EQ(Export(numbers), lines);
    EXPECT_EQ(*db_->BeginRead().collection("c")->Count(R"({"tags":"a3"})"),
              other == Other::kDropsIt ? 43u : 86u);
    ExpectClean();
  }
}

TEST_F(JsonLinesTest, KeysGoOutInFront) {
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) -> absl::Status {
                   SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
                   SHEAF_RETURN_IF_ERROR(c.Put(7, "{}"));
                   SHEAF_RETURN_IF_ERROR(c.Put("a\"b", R"({"key":1,"n":2})"));
                   return c.Put(DocumentKey::Bytes("\x01"), R"({"n":3})");
                 })
                  .ok());
  ExportOptions options;
  options.key_field = "key";
  EXPECT_EQ(Export(options),
            "{\"key\":7}\n{\"key\":\"a\\\"b\",\"n\":2}\n{\"key\":\"01\",\"n\":3}\n");
  options.filter = R"({"n":{"$gt":2}})";
  EXPECT_EQ(Export(options), "{\"key\":\"01\",\"n\":3}\n");
  ASSERT_TRUE(Import("[1]").ok());
  std::ostringstream out;
  uint64_t documents = 0;
  const ReadTransaction read = db_->BeginRead();
  options.filter = "{}";
  EXPECT_TRUE(absl::IsFailedPrecondition(
      ExportJsonLines(*read.collection("c"), out, options, &documents)));
}

}  // namespace
}  // namespace sheaf::test
