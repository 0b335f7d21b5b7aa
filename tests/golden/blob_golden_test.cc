// A file with a blob store, of format version 1, stays readable: contents in leaves, in a
// page and in many, appended to and written over, shared, compressed, with all that may be
// known about them. What this library writes today has the same rows. SHEAF_WRITE_GOLDEN=1
// writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/golden/golden_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

std::string GoldenPath() {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/v1-blobs.sheaf");
}

std::string Text(size_t size, int step) {
  std::string text;
  for (int i = 0; text.size() < size; i += step) absl::StrAppend(&text, i, "\n");
  text.resize(size);
  return text;
}

// Is streamed, and comes to little in an archive.
std::string Repeated() {
  const std::string piece = Text(4032, 1);
  std::string text;
  while (text.size() <= 1 << 20) text += piece;
  return text;
}

std::string LongText() {
  std::string text = Repeated() + "behind it";
  text.replace(5000, 4, "over");
  return text;
}

Uuid SomeUuid() { return *Uuid::Parse("018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f"); }

absl::Status Fill(WriteTransaction& txn) {
  SHEAF_RETURN_IF_ERROR(txn.collection("notes")->Put(SomeUuid(), "{}"));
  SHEAF_RETURN_IF_ERROR(txn.collection("people")->Put(12, "{}"));
  SHEAF_ASSIGN_OR_RETURN(BlobStore files, txn.blobs("files"));
  BlobAttributes all{.content_type = "text/plain",
                     .name = "ein Gruß.txt",
                     .name_space = "n",
                     .tags = {"short", "kept"},
                     .owner = {{"notes", SomeUuid()}},
                     .metadata = R"({"from":"Ann","year":2026})"};
  SHEAF_RETURN_IF_ERROR(files.Put("hello", "hello\n", all));
  SHEAF_RETURN_IF_ERROR(files.Put(7, "", {.owner = {{"people", 12}}}));
  SHEAF_RETURN_IF_ERROR(files.Put(SomeUuid(), Text(3000, 3)));
  SHEAF_RETURN_IF_ERROR(files.Put("long", Repeated()));
  SHEAF_RETURN_IF_ERROR(files.Append("long", "behind it"));
  SHEAF_RETURN_IF_ERROR(files.Overwrite("long", 5000, "over"));
  SHEAF_RETURN_IF_ERROR(files.Put("middle", Text(70'000, 1)));
  SHEAF_RETURN_IF_ERROR(files.SetShared("n", true));
  for (const char* key : {"shared 1", "shared 2"})
    SHEAF_RETURN_IF_ERROR(files.Put(key, Text(5000, 5), {.name_space = "n"}));
  SHEAF_RETURN_IF_ERROR(
      files.Put("packed", Text(300'000, 1), {.tags = {"kept"}, .zstd_level = 9}));
  SHEAF_RETURN_IF_ERROR(files.Put("gone", "gone"));
  SHEAF_RETURN_IF_ERROR(files.Delete("gone").status());
  SHEAF_RETURN_IF_ERROR(files.Link("packed", {BlobRelation::kDerived, "long", "why"}));
  SHEAF_RETURN_IF_ERROR(files.Link("long", {BlobRelation::kDerived, SomeUuid(), ""}));
  return files.Link("long", {BlobRelation::kSupersedes, 7, ""});
}

class BlobGolden : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr)
      WriteFile(GoldenPath(), MakeFile(Fill));
  }
  BlobGolden() {
    WriteWholeFile(fs_.get(), kPath, ReadFile(GoldenPath()));
    Options options;
    options.file_system = fs_.get();
    db_ = *Database::Open(kPath, options);
  }
  void ExpectClean() {
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::unique_ptr<Database> db_;
};

TEST_F(BlobGolden, Version1Opens) {
  ExpectClean();
  const ReadTransaction read = db_->BeginRead();
  const BlobStoreReader files = *read.blobs("files");
  EXPECT_EQ(*files.size(), 8u);
  EXPECT_EQ(*files.Get("hello"), "hello\n");
  EXPECT_EQ(*files.Get(7), "");
  EXPECT_TRUE(*files.Get(SomeUuid()) == Text(3000, 3));
  EXPECT_TRUE(*files.Get("long") == LongText());
  EXPECT_TRUE(*files.Get("middle") == Text(70'000, 1));
  EXPECT_TRUE(*files.Get("shared 2") == Text(5000, 5));
  char part[6];
  EXPECT_EQ(*files.ReadRange("packed", 200'000, absl::MakeSpan(part)), 6u);
  EXPECT_EQ(std::string(part, 6), Text(300'000, 1).substr(200'000, 6));
  const BlobInfo hello = *files.Info("hello");
  EXPECT_EQ(hello.number, 1u);
  EXPECT_EQ(hello.attributes.content_type, "text/plain");
  EXPECT_EQ(hello.attributes.name, "ein Gruß.txt");
  EXPECT_EQ(hello.attributes.name_space, "n");
  EXPECT_EQ(hello.attributes.tags, (std::vector<std::string>{"short", "kept"}));
  EXPECT_EQ(*hello.attributes.owner, (BlobOwner{"notes", SomeUuid()}));
  EXPECT_EQ(hello.attributes.metadata, R"({"from":"Ann","year":2026})");
  EXPECT_EQ(files.Info("long")->links,
            (std::vector<BlobLink>{{BlobRelation::kDerived, SomeUuid(), ""},
                                   {BlobRelation::kSupersedes, 7, ""}}));
  EXPECT_EQ(*files.Chain("packed"),
            (std::vector<DocumentKey>{"packed", "long", SomeUuid()}));
  EXPECT_EQ(files.Info("shared 1")->sha256, files.Info("shared 2")->sha256);
  EXPECT_EQ(files.Stats()->shared_contents, 1u);
  BlobQuery query;
  query.tag = "kept";
  EXPECT_EQ(*files.Count(query), 2u);
  query.owner = {"notes", SomeUuid()};
  EXPECT_EQ(*files.Count(query), 1u);
  EXPECT_TRUE(*files.IsShared("n"));
}

TEST_F(BlobGolden, Version1IsWritten) {
  const absl::Status written = db_->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(BlobStore files, txn.blobs("files"));
    SHEAF_RETURN_IF_ERROR(files.Delete("shared 1").status());
    SHEAF_RETURN_IF_ERROR(files.Append("packed", "the end"));
    SHEAF_RETURN_IF_ERROR(
        files.Overwrite("long", LongText().size() - 1000, Text(5000, 2)));
    return files.Put("new", Text(5000, 5), {.name_space = "n"});
  });
  ASSERT_TRUE(written.ok()) << written;
  ExpectClean();
  const ReadTransaction read = db_->BeginRead();
  const BlobStoreReader files = *read.blobs("files");
  EXPECT_EQ(files.Info("new")->number, 10u);  // "gone" had 9
  EXPECT_EQ(files.Stats()->shared_contents, 1u);
  EXPECT_TRUE(*files.Get("long") ==
              LongText().substr(0, LongText().size() - 1000) + Text(5000, 2));
  EXPECT_TRUE(*files.Get("packed") == Text(300'000, 1) + "the end");
}

// But for times, of which records and one index are made as well, and what zstd makes of a
// text, which may become shorter.
TEST_F(BlobGolden, WhatIsWrittenTodayIsTheSame) {
  const std::string today_file = MakeFile(Fill);
  Content golden = TreesOf(ReadFile(GoldenPath())), today = TreesOf(today_file);
  ASSERT_EQ(golden.size(), today.size());
  auto& golden_rows = golden["files"];
  auto& today_rows = today["files"];
  EXPECT_EQ(golden_rows.size(), 11u);
  ASSERT_EQ(golden_rows.size(), today_rows.size());
  for (const auto& [key, value] : golden_rows) {
    ASSERT_TRUE(today_rows.contains(key)) << key;
    EXPECT_TRUE(key[0] == 'z' || value == today_rows[key]) << key;
  }
  size_t same = 0;
  for (const auto& [name, rows] : golden) {
    ASSERT_EQ(rows.size(), today[name].size()) << name;
    same += name != "files" && rows == today[name];
  }
  // Indexes, but that by time; the owners, and what belongs to them.
  EXPECT_EQ(same, 8u);
}

}  // namespace
}  // namespace sheaf::test
