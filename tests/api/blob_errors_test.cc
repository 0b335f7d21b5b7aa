// What blobs refuse, and that nothing is lost or left behind by it: ranges behind the end,
// gaps, two writers of one key, a disk that fills up in a stream, wrong attributes, writers
// and readers whose transaction has ended (issue: bad input).
#include <gtest/gtest.h>

#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

const std::string kLong(1300000, 'x');

class BlobErrorsTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.file_system = &fs_;
    options_.cache_bytes_max = 2 << 20;
    db_ = *Database::Open("/b.sheaf", options_);
    ASSERT_TRUE(db_->Write([](WriteTransaction& txn) -> absl::Status {
                     SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("files"));
                     SHEAF_RETURN_IF_ERROR(store.Put("short", "0123456789"));
                     return store.Put("long", kLong);
                   })
                    .ok());
  }
  uint64_t PagesInUse() {
    const DatabaseStats stats = db_->stats();
    return stats.pages_total - stats.pages_free - stats.pages_waiting;
  }
  void ExpectAsBefore() {
    const ReadTransaction read = db_->BeginRead();
    const BlobStoreReader store = *read.blobs("files");
    EXPECT_EQ(*store.size(), 2u);
    EXPECT_EQ(*store.Get("short"), "0123456789");
    EXPECT_TRUE(*store.Get("long") == kLong);
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }

  test::FaultyFileSystem fs_;
  Options options_;
  std::unique_ptr<Database> db_;
};

TEST_F(BlobErrorsTest, Ranges) {
  const ReadTransaction read = db_->BeginRead();
  const BlobStoreReader store = *read.blobs("files");
  char out[20];
  for (const char* key : {"short", "long"}) {
    BlobReader reader = *store.Open(key);
    const uint64_t size = reader.size();
    EXPECT_EQ(*reader.ReadAt(size - 3, absl::MakeSpan(out)), 3u);
    EXPECT_EQ(*reader.ReadAt(size, absl::MakeSpan(out)), 0u);
    EXPECT_TRUE(
        absl::IsOutOfRange(reader.ReadAt(size + 1, absl::MakeSpan(out)).status()));
    EXPECT_TRUE(
        absl::IsOutOfRange(reader.ReadAt(~uint64_t{0}, absl::MakeSpan(out)).status()));
    EXPECT_TRUE(absl::IsOutOfRange(reader.Seek(size + 1)));
    EXPECT_EQ(reader.position(), 0u);
    EXPECT_TRUE(reader.Seek(size - 2).ok());
    EXPECT_EQ(*reader.Read(absl::MakeSpan(out)), 2u);
    EXPECT_EQ(*reader.Read(absl::MakeSpan(out)), 0u);
    EXPECT_TRUE(
        absl::IsOutOfRange(store.ReadRange(key, size + 1, absl::MakeSpan(out)).status()));
  }
  const absl::Status none = store.Get("none").status();
  EXPECT_TRUE(absl::IsNotFound(none));
  EXPECT_EQ(none.message(), "files: no blob with key none");
  EXPECT_TRUE(absl::IsNotFound(store.Info("none").status()));
  EXPECT_TRUE(absl::IsNotFound(store.InfoByNumber(3).status()));
  EXPECT_EQ(store.InfoByNumber(2)->key, DocumentKey("long"));
  EXPECT_TRUE(absl::IsInvalidArgument(store.Get(std::string(2000, 'k')).status()));
  BlobQuery query;
  query.filter = "{\"size\":{\"$bigger\":1}}";
  EXPECT_TRUE(absl::IsInvalidArgument(store.Count(query).status()));
}

TEST_F(BlobErrorsTest, GapsAndWhatIsNotThere) {
  WriteTransaction txn = *db_->BeginWrite();
  BlobStore store = *txn.blobs("files");
  for (const char* key : {"short", "long"}) {
    const uint64_t size = store.Info(key)->size;
    const absl::Status gap = store.Overwrite(key, size + 1, "x");
    EXPECT_TRUE(absl::IsOutOfRange(gap)) << gap;
    EXPECT_TRUE(store.Overwrite(key, size, "").ok());
  }
  EXPECT_TRUE(absl::IsNotFound(store.Overwrite("none", 0, "x")));
  EXPECT_TRUE(absl::IsNotFound(store.Append("none", "x")));
  EXPECT_TRUE(absl::IsNotFound(store.Continue("none").status()));
  EXPECT_TRUE(absl::IsNotFound(store.SetAttributes("none", {})));
  EXPECT_TRUE(absl::IsNotFound(store.Link("none", {})));
  EXPECT_FALSE(*store.Delete("none"));
  EXPECT_FALSE(*store.Unlink("long", BlobRelation::kSimilar, "short"));
  ASSERT_TRUE(txn.Commit().ok());
  ExpectAsBefore();
}

TEST_F(BlobErrorsTest, TwoWritersOfOneKey) {
  WriteTransaction txn = *db_->BeginWrite();
  BlobStore store = *txn.blobs("files");
  BlobStore again = *txn.blobs("files");
  {
    BlobWriter first = *store.NewWriter("new");
    ASSERT_TRUE(first.Append(kLong).ok());
    const absl::Status second = again.NewWriter("new").status();
    EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
    EXPECT_TRUE(absl::IsFailedPrecondition(again.Put("new", "x")));
    EXPECT_TRUE(again.NewWriter("other").ok());
    first.Abort();
    EXPECT_TRUE(absl::IsFailedPrecondition(first.Append("x")));
    EXPECT_TRUE(absl::IsFailedPrecondition(first.Finish()));
    EXPECT_TRUE(again.NewWriter("new").ok());
  }
  BlobWriter writer = *store.NewWriter("new");
  ASSERT_TRUE(writer.Append("x").ok());
  ASSERT_TRUE(writer.Finish().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(writer.Finish()));
  ASSERT_TRUE(*store.Delete("new"));
  ASSERT_TRUE(txn.Commit().ok());
  ExpectAsBefore();
}

// A writer that nobody finished leaves nothing, however the transaction goes on.
TEST_F(BlobErrorsTest, UnfinishedWritersLeaveNothing) {
  ASSERT_TRUE(db_->Checkpoint().ok());
  const uint64_t pages = PagesInUse();
  for (const bool commit : {true, false}) {
    WriteTransaction txn = *db_->BeginWrite();
    BlobStore store = *txn.blobs("files");
    BlobWriter open = *store.NewWriter("open");
    ASSERT_TRUE(open.Append(kLong).ok());
    BlobWriter behind = *store.Continue("long");
    ASSERT_TRUE(behind.Append(kLong).ok());
    if (commit) {
      ASSERT_TRUE(txn.Commit().ok());
    } else {
      txn.Rollback();
    }
    EXPECT_TRUE(absl::IsFailedPrecondition(open.Append("x")));
    EXPECT_TRUE(absl::IsFailedPrecondition(behind.Finish()));
    ASSERT_TRUE(db_->Checkpoint().ok());
    EXPECT_EQ(PagesInUse(), pages);
  }
  ExpectAsBefore();
}

TEST_F(BlobErrorsTest, ARollbackToASavepointEndsWriters) {
  WriteTransaction txn = *db_->BeginWrite();
  BlobStore store = *txn.blobs("files");
  BlobWriter writer = *store.NewWriter("long");
  ASSERT_TRUE(writer.Append(kLong).ok());
  const Savepoint savepoint = *txn.SetSavepoint();
  ASSERT_TRUE(writer.Append(kLong).ok());
  ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
  const absl::Status ended = writer.Append("x");
  EXPECT_TRUE(absl::IsFailedPrecondition(ended)) << ended;
  EXPECT_TRUE(absl::IsFailedPrecondition(writer.Finish()));
  EXPECT_TRUE(store.Put("long", kLong).ok());
  ASSERT_TRUE(txn.Commit().ok());
  ExpectAsBefore();
}

// The disk fills up in the middle: the stream fails and says why, the transaction may go on
// or be given up, and later there is room again.
TEST_F(BlobErrorsTest, AFullDisk) {
  ASSERT_TRUE(db_->Checkpoint().ok());
  uint64_t used = 0;
  for (const char* name : {"/b.sheaf", "/b.sheaf-log"})
    if (auto file = fs_.Open(name, pager::OpenMode::kReadOnly); file.ok())
      used += (*(*file)->Size() + 4095) / 4096 * 4096;
  fs_.LimitDisk(used + (4 << 20));
  {
    WriteTransaction txn = *db_->BeginWrite();
    BlobStore store = *txn.blobs("files");
    absl::Status status;
    BlobWriter writer = *store.NewWriter("huge");
    for (int i = 0; i < 100 && status.ok(); ++i) status = writer.Append(kLong);
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_EQ(writer.Append("x"), status);
    EXPECT_FALSE(writer.Finish().ok());
  }
  ExpectAsBefore();
  fs_.LimitDisk(test::FaultyFileSystem::kUnlimited);
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) -> absl::Status {
                   SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("files"));
                   SHEAF_RETURN_IF_ERROR(store.Put("more", kLong));
                   return store.Delete("more").status();
                 })
                  .ok());
  ExpectAsBefore();
}

TEST_F(BlobErrorsTest, Attributes) {
  WriteTransaction txn = *db_->BeginWrite();
  BlobStore store = *txn.blobs("files");
  const std::string text(256, 't');
  std::vector<BlobAttributes> wrong(9);
  wrong[0].content_type = text;
  wrong[1].name = "\xff";
  wrong[2].name_space = text;
  wrong[3].tags = {""};
  wrong[4].tags = std::vector<std::string>(101, "t");
  wrong[5].metadata = "[1]";
  wrong[6].metadata = "{\"a\":";
  wrong[7].zstd_level = 20;
  wrong[8].owner = BlobOwner{"", 1};
  for (const BlobAttributes& a : wrong) {
    const absl::Status put = store.Put("new", "x", a);
    EXPECT_TRUE(absl::IsInvalidArgument(put)) << put;
    EXPECT_TRUE(put.message().find("files: ") == 0) << put;
    EXPECT_TRUE(absl::IsInvalidArgument(store.SetAttributes("short", a)));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(store.SetShared(text, true)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      store.Link("short", {BlobRelation::kDerived, "long", text})));
  EXPECT_TRUE(absl::IsInvalidArgument(
      store.Link("short", {static_cast<BlobRelation>(9), "long", ""})));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseBlobRelation("Derived").status()));
  ASSERT_TRUE(txn.Commit().ok());
  ExpectAsBefore();
}

TEST_F(BlobErrorsTest, OtherKinds) {
  WriteTransaction txn = *db_->BeginWrite();
  ASSERT_TRUE(txn.table("t").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.blobs("t").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.collection("files").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.table("files").status()));
  ASSERT_TRUE(txn.Commit().ok());
  const ReadTransaction read = db_->BeginRead();
  EXPECT_TRUE(absl::IsNotFound(read.blobs("none").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(read.blobs("t").status()));
  const std::vector<TreeInfo> trees = *read.List();
  ASSERT_EQ(trees.size(), 2u);
  EXPECT_EQ(trees[0].kind, TreeKind::kBlobs);
  EXPECT_EQ(trees[0].entry_count, 2u);
  EXPECT_TRUE(read.Measure("files").ok());
}

// A reader of a write transaction, while the store changes under it.
TEST_F(BlobErrorsTest, ReadersOfAWriteTransaction) {
  WriteTransaction txn = *db_->BeginWrite();
  BlobStore store = *txn.blobs("files");
  BlobReader reader = *store.Open("long");
  char out[10];
  EXPECT_EQ(*reader.ReadAt(5, absl::MakeSpan(out)), 10u);
  ASSERT_TRUE(store.Put("other", kLong).ok());
  EXPECT_EQ(*reader.ReadAt(1250000, absl::MakeSpan(out)), 10u);
  ASSERT_TRUE(store.Overwrite("long", 1250000, "0123456789").ok());
  EXPECT_EQ(*reader.ReadAt(1250000, absl::MakeSpan(out)), 10u);
  EXPECT_EQ(std::string(out, 10), "0123456789");
  ASSERT_TRUE(store.Append("long", "more").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(reader.ReadAt(0, absl::MakeSpan(out)).status()));
  ASSERT_TRUE(*store.Delete("long"));
  EXPECT_TRUE(absl::IsNotFound(reader.ReadAt(0, absl::MakeSpan(out)).status()));
  txn.Rollback();
  EXPECT_TRUE(absl::IsFailedPrecondition(reader.ReadAt(0, absl::MakeSpan(out)).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store.Get("long").status()));
  ExpectAsBefore();
}

TEST_F(BlobErrorsTest, LinksChainsAndPaths) {
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) -> absl::Status {
                   SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("v"));
                   for (int i = 0; i < 6; ++i)
                     SHEAF_RETURN_IF_ERROR(store.Put(i, std::to_string(i)));
                   using enum BlobRelation;
                   SHEAF_RETURN_IF_ERROR(store.Link(3, {kDerived, 2, "cropped"}));
                   SHEAF_RETURN_IF_ERROR(store.Link(2, {kDerived, 1, ""}));
                   SHEAF_RETURN_IF_ERROR(store.Link(1, {kDerived, 77, "lost"}));
                   SHEAF_RETURN_IF_ERROR(store.Link(3, {kSupports, 4, ""}));
                   SHEAF_RETURN_IF_ERROR(store.Link(4, {kSimilar, 5, ""}));
                   SHEAF_RETURN_IF_ERROR(store.Link(5, {kSimilar, 4, ""}));
                   return store.Link(5, {kSupersedes, 1, ""});
                 })
                  .ok());
  const ReadTransaction read = db_->BeginRead();
  const BlobStoreReader store = *read.blobs("v");
  using Keys = std::vector<DocumentKey>;
  EXPECT_EQ(*store.Chain(3), (Keys{3, 2, 1}));
  EXPECT_EQ(*store.Chain(0), (Keys{0}));
  EXPECT_EQ(*store.Chain(4, BlobRelation::kSimilar), (Keys{4, 5}));
  EXPECT_EQ(*store.Path(3, 1), (Keys{3, 2, 1}));
  EXPECT_EQ(*store.Path(3, 5), (Keys{3, 4, 5}));
  EXPECT_EQ(*store.Path(3, 3), (Keys{3}));
  EXPECT_EQ(*store.Path(1, 3), Keys{});
  EXPECT_TRUE(absl::IsResourceExhausted(store.Path(3, 0, 2).status()));
  const auto keys = [](const std::vector<BlobInfo>& infos) {
    Keys keys;
    for (const BlobInfo& info : infos) keys.push_back(info.key);
    return keys;
  };
  EXPECT_EQ(keys(*store.PointingTo(1)), (Keys{2, 5}));
  EXPECT_EQ(keys(*store.PointingTo(1, BlobRelation::kSupersedes)), (Keys{5}));
  EXPECT_EQ(keys(*store.PointingTo(4, BlobRelation::kDerived)), Keys{});
  EXPECT_EQ(store.Info(3)->links[0].context, "cropped");
}

TEST_F(BlobErrorsTest, Times) {
  const absl::Time now = absl::Now();
  const ReadTransaction read = db_->BeginRead();
  const BlobStoreReader store = *read.blobs("files");
  BlobQuery query;
  query.created_from = now - absl::Minutes(1);
  query.created_to = now + absl::Minutes(1);
  EXPECT_EQ(*store.Count(query), 2u);
  query.created_to = now - absl::Minutes(1);
  EXPECT_EQ(*store.Count(query), 0u);
}

}  // namespace
}  // namespace sheaf
