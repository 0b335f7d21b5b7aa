// Proves that there is no log before there is something to log: transactions that
// change nothing write nothing at all, whatever they look at; the first change of any
// kind brings the log about; and when that fails, the change says so and everything
// else goes on. (RELIABILITY R8, B16)
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

constexpr char kLog[] = "/t.sheaf-log";

class LazyLogTest : public ApiTest {
 protected:
  // A table and a collection, closed cleanly.
  LazyLogTest() {
    Fill();
    Reopen();
    events_ = fs_->event_count();
  }
  void Fill() {
    WriteTransaction txn = Begin();
    Table table = *txn.table("t");
    for (int i = 0; i < 100; ++i)
      EXPECT_TRUE(table.Put(absl::StrCat(i), std::string(100, 'v')).ok());
    EXPECT_TRUE(txn.collection("c")->Append("{}").ok());
    EXPECT_TRUE(txn.Commit().ok());
  }
  bool LogExists() { return *fs_->Exists(kLog); }
  void ExpectNothingWritten() {
    EXPECT_FALSE(LogExists());
    const Recording recording = fs_->recording();
    for (size_t i = events_; i < recording.events.size(); ++i)
      ADD_FAILURE() << recording.events[i].ToString();
  }

  size_t events_ = 0;
};

void LookAround(WriteTransaction& txn) {
  EXPECT_EQ(txn.List()->size(), 2u);
  Table table = *txn.table("t");
  EXPECT_EQ(table.Get("7")->size(), 100u);
  EXPECT_EQ(*table.size(), 100u);
  EXPECT_EQ(*table.Count(KeyRange::Prefix("1")), 11u);
  EXPECT_TRUE(absl::IsAlreadyExists(table.Insert("7", "")));
  EXPECT_FALSE(*table.Delete("absent"));
  EXPECT_EQ(*table.DeleteRange(KeyRange::Prefix("absent")), 0u);
  EXPECT_EQ(*table.ExtractIf(KeyRange::All(), [](auto, auto) { return false; }), 0u);
  const Savepoint savepoint = *txn.SetSavepoint();
  EXPECT_TRUE(txn.Rename("t", "t").ok());
  EXPECT_TRUE(absl::IsNotFound(txn.Drop("absent")));
  EXPECT_TRUE(txn.RollbackTo(savepoint).ok());
  EXPECT_EQ(*txn.collection("c")->size(), 1u);
}

TEST_F(LazyLogTest, NothingChangedNothingWritten) {
  for (const Durability durability :
       {Durability::kFull, Durability::kProcess, Durability::kNone}) {
    WriteTransaction commits = Begin(durability);
    LookAround(commits);
    EXPECT_TRUE(commits.Commit().ok());
    WriteTransaction rolls_back = Begin(durability);
    LookAround(rolls_back);
    rolls_back.Rollback();
    EXPECT_TRUE(Begin(durability).Commit().ok());
  }
  EXPECT_TRUE(db_->Apply(WriteBatch()).ok());
  EXPECT_TRUE(db_->Checkpoint().ok());
  ExpectClean();
  ExpectNothingWritten();
  Reopen();
  ExpectNothingWritten();
  EXPECT_EQ(db_->stats().log_file_bytes, 0u);
  EXPECT_EQ(db_->stats().replayed_commits, 0u);
}

TEST_F(LazyLogTest, AnEmptyDatabaseHasNone) {
  Restart(std::make_unique<FaultyFileSystem>());
  events_ = fs_->event_count();
  EXPECT_TRUE(Begin().Commit().ok());
  WriteTransaction txn = Begin();
  EXPECT_TRUE(txn.List()->empty());
  EXPECT_TRUE(absl::IsInvalidArgument(txn.table("").status()));
  EXPECT_TRUE(txn.Commit().ok());
  Reopen();
  ExpectNothingWritten();
}

TEST_F(LazyLogTest, TheFirstChangeOfAnyKind) {
  using Change = std::function<absl::Status(WriteTransaction&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"put", [](auto& txn) { return txn.table("t")->Put("k", "v"); }},
      {"large",
       [](auto& txn) { return txn.table("t")->Put("k", std::string(99999, 'v')); }},
      {"insert", [](auto& txn) { return txn.table("t")->Insert("k", "v"); }},
      {"delete", [](auto& txn) { return txn.table("t")->Delete("7").status(); }},
      {"delete range",
       [](auto& txn) { return txn.table("t")->DeleteRange(KeyRange::All()).status(); }},
      {"create", [](auto& txn) { return txn.table("u").status(); }},
      {"drop", [](auto& txn) { return txn.Drop("t"); }},
      {"rename", [](auto& txn) { return txn.Rename("t", "u"); }},
      {"append", [](auto& txn) { return txn.collection("c")->Append("{}").status(); }},
  };
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    ASSERT_FALSE(LogExists());
    {
      WriteTransaction txn = Begin();
      LookAround(txn);
      ExpectNothingWritten();
      const absl::Status changed = change(txn);
      ASSERT_TRUE(changed.ok()) << changed;
      EXPECT_TRUE(LogExists());
    }
    // Rolled back, but the log is there for the next one.
    const size_t events = fs_->event_count();
    WriteTransaction txn = Begin();
    LookAround(txn);
    EXPECT_TRUE(txn.Commit().ok());
    EXPECT_EQ(fs_->event_count(), events);
    Reopen();
    EXPECT_FALSE(LogExists());
    ExpectClean();
    events_ = fs_->event_count();
  }
}

TEST_F(LazyLogTest, KilledAfterTheFirstChange) {
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.table("t")->Put("k", "v").ok());
    const Disk disk = fs_->Contents();
    txn.Rollback();
    Restart(std::make_unique<FaultyFileSystem>(disk));
  }
  EXPECT_EQ(All().size(), 100u);
  Put("k", "v", Durability::kProcess);
  Kill();
  EXPECT_EQ(All().size(), 101u);
  EXPECT_EQ(db_->stats().replayed_commits, 1u);
  ExpectClean();
}

// Whatever step of it fails: the change returns that error, readers notice nothing,
// and the next change tries again.
TEST_F(LazyLogTest, NoLogNoChange) {
  for (const uint32_t call : {kOpen, kWrite, kSync, kQuery, kSyncDirectory}) {
    SCOPED_TRACE(call);
    Fault fault;
    fault.calls = call;
    fault.repeat = Fault::Repeat::kForEver;
    fault.status = absl::ResourceExhaustedError("no log today");
    if (call != kSyncDirectory) fault.path_suffix = "-log";
    fs_->Inject(fault);
    for (int i = 0; i < 2; ++i) {
      WriteTransaction txn = Begin();
      Table table = *txn.table("t");
      const absl::Status put = table.Put("k", "v");
      EXPECT_EQ(put.code(), absl::StatusCode::kResourceExhausted) << put;
      EXPECT_NE(put.message().find("no log today"), std::string_view::npos) << put;
      EXPECT_EQ(txn.Commit().code(), absl::StatusCode::kResourceExhausted);
      EXPECT_EQ(All().size(), 100u);
    }
    WriteBatch batch;
    batch.Put("t", "k", "v");
    EXPECT_EQ(db_->Apply(batch).code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(All().size(), 100u);
    EXPECT_TRUE(db_->Checkpoint().ok());
    ExpectClean();
    EXPECT_GE(fs_->faults_fired(), 3u);
    fs_->ClearFaults();
    Put("k", absl::StrCat(call), Durability::kProcess);
    Kill();
    EXPECT_EQ(All()["k"], absl::StrCat(call));
    WriteTransaction txn = Begin();
    ASSERT_TRUE(*txn.table("t")->Delete("k"));
    ASSERT_TRUE(txn.Commit().ok());
    Reopen();
  }
}

// The log is there, but the superblock cannot name it: a failed write like any other.
TEST_F(LazyLogTest, TheSuperblockCannotNameIt) {
  for (const uint32_t call : {kWrite, kSync}) {
    SCOPED_TRACE(call);
    Fault fault;
    fault.calls = call;
    fault.path_suffix = ".sheaf";
    fs_->Inject(fault);
    {
      WriteTransaction txn = Begin();
      const absl::Status put = txn.table("t")->Put("k", "v");
      EXPECT_TRUE(absl::IsInternal(put)) << put;
      EXPECT_FALSE(txn.Commit().ok());
    }
    ASSERT_EQ(fs_->faults_fired(), 1u);
    fs_->ClearFaults();
    EXPECT_TRUE(absl::IsInternal(db_->BeginWrite().status())) << "poisoned";
    EXPECT_EQ(All().size(), 100u);
    Kill();
    EXPECT_EQ(All().size(), 100u);
    Put("k", "v");
    ExpectClean();
    WriteTransaction txn = Begin();
    ASSERT_TRUE(*txn.table("t")->Delete("k"));
    ASSERT_TRUE(txn.Commit().ok());
    Reopen();
  }
}

}  // namespace
}  // namespace sheaf::test
