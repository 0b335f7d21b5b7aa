// Proves that a database in memory is a database: transactions, savepoints,
// snapshots, large values, a cache smaller than the data, Check and stats. And that
// read-only opens of one file share it and change nothing.
#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

absl::Status Fill(Database& db, int round) {
  return db.Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    for (int i = 0; i < 500; ++i)
      SHEAF_RETURN_IF_ERROR(
          t.Put(absl::StrCat(i), std::string(static_cast<size_t>(i % 20) * 500, 'v')));
    SHEAF_RETURN_IF_ERROR(t.Put("round", absl::StrCat(round)));
    SHEAF_ASSIGN_OR_RETURN(const Savepoint savepoint, txn.SetSavepoint());
    SHEAF_RETURN_IF_ERROR(t.DeleteRange(KeyRange::All()).status());
    SHEAF_RETURN_IF_ERROR(txn.RollbackTo(savepoint));
    return c.Append(absl::StrCat(round)).status();
  });
}

TEST(InMemory, IsADatabase) {
  Options options;
  options.cache_bytes_max = 1 << 20;
  options.transaction_log_bytes_max = 64 << 10;
  auto db = Database::OpenInMemory(options);
  ASSERT_TRUE(db.ok()) << db.status();
  ReadTransaction empty = (*db)->BeginRead();
  std::vector<ReadTransaction> reads;
  for (int round = 0; round < 20; ++round) {
    const absl::Status filled = Fill(**db, round);
    ASSERT_TRUE(filled.ok()) << filled;
    if (round % 5 == 0) reads.push_back((*db)->BeginRead());
    ASSERT_TRUE((*db)->Checkpoint().ok());
    const auto report = (*db)->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings)
      ADD_FAILURE() << f.page << ": " << f.what;
  }
  for (size_t i = 0; i < reads.size(); ++i) {
    EXPECT_EQ(reads[i].table("t")->Get("round")->ToString(), absl::StrCat(i * 5));
    EXPECT_EQ(*reads[i].collection("c")->size(), i * 5 + 1);
  }
  EXPECT_TRUE(empty.List()->empty());
  const DatabaseStats s = (*db)->stats();
  EXPECT_EQ(s.commits, 20u);
  EXPECT_EQ(s.trees, 2u);
  EXPECT_EQ(s.entries, 501u + 20);
  EXPECT_EQ(s.log_file_bytes, 0u);
  EXPECT_EQ(s.readers_open, reads.size() + 1);
  EXPECT_GT(s.cache_evictions, 0u);
  reads.clear();
  empty.End();
  // What was given up is used again: it does not grow with every transaction.
  const uint64_t pages = (*db)->stats().pages_total;
  for (int round = 20; round < 40; ++round) ASSERT_TRUE(Fill(**db, round).ok());
  EXPECT_LE((*db)->stats().pages_total, pages);
  EXPECT_TRUE((*db)->Close().ok());
  EXPECT_TRUE((*db)->Close().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition((*db)->BeginWrite().status()));
}

TEST(InMemory, DatabasesAreNobodyElses) {
  auto one = Database::OpenInMemory(), other = Database::OpenInMemory();
  ASSERT_TRUE(one.ok() && other.ok());
  ASSERT_TRUE(Fill(**one, 1).ok());
  EXPECT_TRUE((*other)->BeginRead().List()->empty());
  Options options;
  options.read_only = true;
  EXPECT_TRUE(absl::IsInvalidArgument(Database::OpenInMemory(options).status()));
  options = {};
  options.cache_bytes_max = 1;
  EXPECT_TRUE(absl::IsInvalidArgument(Database::OpenInMemory(options).status()));
}

class ReadOnlyTest : public ApiTest {};

TEST_F(ReadOnlyTest, TwoHandlesShareAFile) {
  ASSERT_TRUE(Fill(*db_, 1).ok());
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  const size_t events = fs_->event_count();
  options_.read_only = true;
  auto one = Database::Open("/t.sheaf", options_),
       other = Database::Open("/t.sheaf", options_);
  ASSERT_TRUE(one.ok() && other.ok()) << one.status() << other.status();
  for (const auto* db : {&one, &other}) {
    const ReadTransaction read = (**db)->BeginRead();
    EXPECT_EQ(*read.table("t")->size(), 501u);
    EXPECT_TRUE((**db)->Check()->ok());
    EXPECT_TRUE(absl::IsFailedPrecondition((**db)->BeginWrite().status()));
    EXPECT_TRUE(absl::IsFailedPrecondition((**db)->Checkpoint()));
  }
  options_.read_only = false;
  EXPECT_TRUE(absl::IsUnavailable(Database::Open("/t.sheaf", options_).status()));
  EXPECT_TRUE((*one)->Close().ok());
  one->reset();
  EXPECT_EQ(*(*other)->BeginRead().table("t")->size(), 501u);
  other->reset();
  EXPECT_EQ(fs_->event_count(), events);  // not a byte was changed
  Open();
  options_.read_only = true;
  EXPECT_TRUE(absl::IsUnavailable(Database::Open("/t.sheaf", options_).status()));
  options_.read_only = false;
}

// After a crash the log is replayed in memory, by each handle for itself.
TEST_F(ReadOnlyTest, TwoHandlesAfterACrash) {
  Put("a", "in the file");
  ASSERT_TRUE(db_->Checkpoint().ok());
  Put("b", "in the log");
  const Disk disk = fs_->Contents();
  db_.reset();
  FaultyFileSystem fs(disk);
  options_.file_system = &fs;
  options_.read_only = true;
  const size_t events = fs.event_count();
  {
    auto one = Database::Open("/t.sheaf", options_),
         other = Database::Open("/t.sheaf", options_);
    ASSERT_TRUE(one.ok() && other.ok()) << one.status() << other.status();
    for (const auto* db : {&one, &other}) {
      const ReadTransaction read = (**db)->BeginRead();
      EXPECT_EQ(read.table("t")->Get("b")->ToString(), "in the log");
      EXPECT_EQ((**db)->stats().replayed_commits, 1u);
      EXPECT_TRUE((**db)->Check()->ok());
    }
  }
  EXPECT_EQ(fs.event_count(), events);
  options_.read_only = false;
  options_.file_system = fs_.get();
}

}  // namespace
}  // namespace sheaf::test
