// Proves what transactions promise: a snapshot sees nothing of what comes later,
// writers go in the order they came and wait no longer than they chose, savepoints
// undo whatever was done after them, tables renamed and dropped included, and each
// durability keeps what it says after a kill and after a power cut.
// (RELIABILITY B4, B5, B6, B20, R2)
#include <atomic>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class TransactionTest : public ApiTest {};

// --- Snapshots ------------------------------------------------------------------

TEST_F(TransactionTest, SnapshotSeesNothingOfLaterCommits) {
  Put("a", "old");
  Put("b", "old");
  ReadTransaction before = db_->BeginRead();
  const uint64_t version = before.version();
  auto table = before.table("t");
  ASSERT_TRUE(table.ok());
  {
    WriteTransaction txn = Begin();
    auto t = txn.table("t");
    ASSERT_TRUE(t->Put("a", "new").ok());
    ASSERT_TRUE(t->Delete("b").ok());
    ASSERT_TRUE(t->Put("c", "new").ok());
    EXPECT_EQ(All(*t), (Contents{{"a", "new"}, {"c", "new"}}));  // its own changes
    EXPECT_EQ(All(*table), (Contents{{"a", "old"}, {"b", "old"}}));
    EXPECT_EQ(All(), (Contents{{"a", "old"}, {"b", "old"}}));  // not committed
    ASSERT_TRUE(txn.Commit().ok());
  }
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.Rename("t", "renamed").ok());
    ASSERT_TRUE(txn.table("other").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.Drop("renamed").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  EXPECT_EQ(before.version(), version);
  EXPECT_EQ(All(*table), (Contents{{"a", "old"}, {"b", "old"}}));
  ASSERT_EQ(before.List()->size(), 1u);
  EXPECT_EQ((*before.List())[0].name, "t");
  EXPECT_TRUE(absl::IsNotFound(before.table("other").status()));
  auto again = before.table("t");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(All(*again).size(), 2u);
  EXPECT_GT(db_->BeginRead().version(), version);
  EXPECT_TRUE(absl::IsNotFound(db_->BeginRead().table("t").status()));
}

// Old snapshots, checkpoints and a cache much smaller than the data: pages are
// written, evicted, given up and used again under the readers.
TEST_F(TransactionTest, SnapshotsStayAcrossCheckpointsAndReuseOfPages) {
  options_.cache_bytes_max = 1 << 20;
  options_.log_bytes_max = 1 << 20;
  Reopen();
  constexpr int kKeys = 300;
  const auto value = [](int round, int key) {
    return absl::StrCat(round, "-", key,
                        std::string(static_cast<size_t>(key % 30) * 100, '.'));
  };
  struct Old {
    int round;
    ReadTransaction read;
  };
  std::vector<Old> olds;
  for (int round = 0; round < 40; ++round) {
    {
      WriteTransaction txn = Begin(static_cast<Durability>(1 + round % 3));
      auto t = txn.table("t");
      for (int k = 0; k < kKeys; ++k)
        ASSERT_TRUE(t->Put(absl::StrCat("key", k), value(round, k)).ok());
      ASSERT_TRUE(txn.Commit().ok());
    }
    if (round % 4 == 0) olds.push_back({round, db_->BeginRead()});
    if (round % 3 == 0) {
      ASSERT_TRUE(db_->Checkpoint().ok());
    }
    if (round == 20) olds.erase(olds.begin() + 1, olds.begin() + 3);
    for (const Old& old : olds) {
      const auto t = old.read.table("t");
      ASSERT_TRUE(t.ok());
      for (int k = round % 7; k < kKeys; k += 7)
        ASSERT_EQ(t->Get(absl::StrCat("key", k))->ToString(), value(old.round, k));
    }
  }
  ExpectClean();
  const DatabaseStats with = db_->stats();
  EXPECT_EQ(with.readers_open, olds.size());
  EXPECT_EQ(with.oldest_reader_version, olds[0].read.version());
  EXPECT_GT(with.cache_evictions, 0u);
  olds.clear();
  ASSERT_TRUE(db_->Checkpoint().ok());
  const DatabaseStats without = db_->stats();
  EXPECT_EQ(without.readers_open, 0u);
  EXPECT_LT(without.pages_waiting, with.pages_waiting / 2);
  EXPECT_GT(without.pages_free, with.pages_free);
}

TEST_F(TransactionTest, SnapshotTakenBeforeTheFirstCommitStaysEmpty) {
  ReadTransaction empty = db_->BeginRead();
  Put("a", "1");
  EXPECT_TRUE(empty.List()->empty());
  EXPECT_TRUE(absl::IsNotFound(empty.table("t").status()));
}

// --- The writers' queue ---------------------------------------------------------

TEST_F(TransactionTest, WritersGoInTheOrderTheyCame) {
  constexpr int kWriters = 6;
  std::vector<int> order;  // written by whoever has the turn
  std::vector<std::thread> threads;
  {
    const WriteTransaction first = Begin();
    for (int i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        auto txn = db_->BeginWrite();
        ASSERT_TRUE(txn.ok()) << txn.status();
        order.push_back(i);
      });
      absl::SleepFor(absl::Milliseconds(40));  // until it stands in the queue
    }
    EXPECT_TRUE(order.empty());
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(TransactionTest, WaitIsBounded) {
  WriteTransaction holder = Begin();
  WriteOptions write;
  write.wait_max = absl::Milliseconds(50);
  const absl::Time start = absl::Now();
  EXPECT_TRUE(absl::IsDeadlineExceeded(db_->BeginWrite(write).status()));
  const absl::Duration took = absl::Now() - start;
  EXPECT_GE(took, absl::Milliseconds(45));
  EXPECT_LT(took, absl::Seconds(20));
  write.wait_max = absl::ZeroDuration();
  EXPECT_TRUE(absl::IsDeadlineExceeded(db_->BeginWrite(write).status()));
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      db_->Write([](WriteTransaction&) { return absl::OkStatus(); }, write)));
  WriteBatch batch;
  batch.Put("t", "k", "v");
  EXPECT_TRUE(absl::IsDeadlineExceeded(db_->Apply(batch, write)));
  // Who gave up is not in the way of those who wait on.
  std::thread patient([&] { EXPECT_TRUE(db_->BeginWrite().ok()); });
  absl::SleepFor(absl::Milliseconds(20));
  write.wait_max = absl::Milliseconds(10);
  EXPECT_TRUE(absl::IsDeadlineExceeded(db_->BeginWrite(write).status()));
  holder.Rollback();
  patient.join();
  EXPECT_TRUE(db_->BeginWrite(write).ok());
}

TEST_F(TransactionTest, WaitIsBoundedByTheOptionsOfTheDatabase) {
  options_.write_wait_max = absl::Milliseconds(10);
  Reopen();
  const WriteTransaction holder = Begin();
  EXPECT_TRUE(absl::IsDeadlineExceeded(db_->BeginWrite().status()));
}

TEST_F(TransactionTest, MayBeHandedToAnotherThread) {
  WriteTransaction txn = Begin();
  auto table = txn.table("t");
  std::thread([txn = std::move(txn), table = *table]() mutable {
    ASSERT_TRUE(table.Put("k", "v").ok());
    EXPECT_TRUE(txn.Commit().ok());
  }).join();
  EXPECT_EQ(All(), (Contents{{"k", "v"}}));
}

// --- Commit and rollback --------------------------------------------------------

TEST_F(TransactionTest, WriteRollsBackOnAnErrorAndOnAnException) {
  const auto put_and = [&](absl::FunctionRef<absl::Status()> then) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      SHEAF_RETURN_IF_ERROR(table.Put("k", "v"));
      return then();
    });
  };
  EXPECT_EQ(put_and([] { return absl::AbortedError("mine"); }),
            absl::AbortedError("mine"));
  EXPECT_THROW((void)put_and([]() -> absl::Status { throw 7; }), int);
  EXPECT_TRUE(db_->BeginRead().List()->empty());
  EXPECT_EQ(db_->stats().rollbacks, 2u);
  EXPECT_TRUE(put_and([] { return absl::OkStatus(); }).ok());
  EXPECT_EQ(All().size(), 1u);
}

TEST_F(TransactionTest, MovingOverATransactionRollsItBack) {
  WriteTransaction txn = Begin();
  ASSERT_TRUE(txn.table("t")->Put("k", "v").ok());
  WriteTransaction moved = std::move(txn);
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.Commit()));  // NOLINT: moved from
  txn.Rollback();
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.table("t").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.List().status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.SetSavepoint().status()));
  EXPECT_TRUE(moved.Commit().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(moved.Commit()));
  moved = Begin();
  ASSERT_TRUE(moved.table("t")->Put("l", "v").ok());
  moved.Rollback();
  moved.Rollback();
  moved = Begin();
  ReadTransaction read = db_->BeginRead();
  ReadTransaction other = std::move(read);
  EXPECT_TRUE(absl::IsFailedPrecondition(read.table("t").status()));  // NOLINT
  EXPECT_EQ(read.version(), 0u);
  read = std::move(other);
  EXPECT_EQ(All(*read.table("t")), (Contents{{"k", "v"}}));
}

TEST_F(TransactionTest, EmptyTransactions) {
  Put("a", "1");
  const DatabaseStats before = db_->stats();
  for (const Durability d :
       {Durability::kFull, Durability::kProcess, Durability::kNone}) {
    ASSERT_TRUE(Begin(d).Commit().ok());
    // Changes that were all taken back are none.
    WriteTransaction txn = Begin(d);
    const auto savepoint = txn.SetSavepoint();
    ASSERT_TRUE(txn.table("t")->Put("b", "2").ok());
    ASSERT_TRUE(txn.table("u").ok());
    ASSERT_TRUE(txn.RollbackTo(*savepoint).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const DatabaseStats after = db_->stats();
  EXPECT_EQ(after.version, before.version);
  EXPECT_EQ(after.log_live_bytes, before.log_live_bytes);
  EXPECT_EQ(All(), (Contents{{"a", "1"}}));
  ExpectClean();
  Kill();
  EXPECT_EQ(All(), (Contents{{"a", "1"}}));
}

TEST_F(TransactionTest, NamesAndKinds) {
  WriteTransaction txn = Begin();
  for (const std::string& bad :
       {std::string(), std::string(256, 'n'), std::string("a\nb"), std::string("\x7f"),
        std::string("\xff"), std::string("\xc3"), std::string("\xed\xa0\x80"),
        std::string("a\0b", 3)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(txn.table(bad).status())) << bad;
    EXPECT_TRUE(absl::IsInvalidArgument(txn.collection(bad).status())) << bad;
  }
  for (const std::string& good :
       {std::string("x"), std::string(255, 'n'), std::string(" "), std::string("a/b.c-d"),
        std::string("größe 你好 🌾")})
    EXPECT_TRUE(txn.table(good).ok()) << good;
  EXPECT_TRUE(absl::IsInvalidArgument(txn.Rename("x", "")));
  EXPECT_TRUE(absl::IsNotFound(txn.Rename("none", "y")));
  EXPECT_TRUE(absl::IsAlreadyExists(txn.Rename("x", " ")));
  EXPECT_TRUE(txn.Rename("x", "x").ok());
  EXPECT_TRUE(absl::IsNotFound(txn.Drop("none")));
  ASSERT_TRUE(txn.collection("c").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.table("c").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.collection("x").status()));
  ASSERT_TRUE(txn.typed_table("typed", "u64", "string").ok());
  EXPECT_TRUE(
      absl::IsFailedPrecondition(txn.typed_table("typed", "i64", "string").status()));
  ASSERT_TRUE(txn.Commit().ok());
  const ReadTransaction read = db_->BeginRead();
  EXPECT_TRUE(absl::IsNotFound(read.table("none").status()));
  EXPECT_TRUE(absl::IsNotFound(read.table("").status()));
  EXPECT_TRUE(absl::IsNotFound(read.collection("none").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(read.table("c").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(read.collection("x").status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(read.typed_table("typed", "u64", "i64").status()));
  EXPECT_TRUE(read.typed_table("typed", "u64", "string").ok());
  const auto list = read.List();
  ASSERT_EQ(list->size(), 7u);
  for (size_t i = 1; i < list->size(); ++i)
    EXPECT_LT((*list)[i - 1].name, (*list)[i].name);
}

// --- Savepoints -----------------------------------------------------------------

TEST_F(TransactionTest, SavepointsNest) {
  Put("base", "0");
  WriteTransaction txn = Begin();
  auto t = txn.table("t");
  ASSERT_TRUE(t->Put("one", "1").ok());
  const Savepoint first = *txn.SetSavepoint();
  ASSERT_TRUE(t->Put("two", "2").ok());
  const Savepoint second = *txn.SetSavepoint();
  ASSERT_TRUE(t->Put("three", "3").ok());
  ASSERT_TRUE(t->Delete("base").ok());
  const Savepoint third = *txn.SetSavepoint();
  ASSERT_TRUE(t->DeleteRange(KeyRange::All()).ok());
  EXPECT_EQ(*t->size(), 0u);
  ASSERT_TRUE(txn.RollbackTo(third).ok());
  EXPECT_EQ(All(*t), (Contents{{"one", "1"}, {"three", "3"}, {"two", "2"}}));
  ASSERT_TRUE(t->Put("four", "4").ok());
  ASSERT_TRUE(txn.RollbackTo(third).ok());  // it can be used again
  EXPECT_EQ(*t->size(), 3u);
  ASSERT_TRUE(txn.RollbackTo(second).ok());
  EXPECT_EQ(All(*t), (Contents{{"base", "0"}, {"one", "1"}, {"two", "2"}}));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.RollbackTo(third)));  // rolled back over
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.Release(third)));
  ASSERT_TRUE(txn.Release(second).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.RollbackTo(second)));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.Release(second)));
  ASSERT_TRUE(t->Put("five", "5").ok());
  ASSERT_TRUE(txn.RollbackTo(first).ok());  // over what was after the released one
  EXPECT_EQ(All(*t), (Contents{{"base", "0"}, {"one", "1"}}));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.RollbackTo(Savepoint())));
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(All(), (Contents{{"base", "0"}, {"one", "1"}}));
  ExpectClean();
  Kill();
  EXPECT_EQ(All(), (Contents{{"base", "0"}, {"one", "1"}}));
}

TEST_F(TransactionTest, SavepointOfAnotherTransactionIsRefused) {
  Savepoint old;
  {
    WriteTransaction txn = Begin();
    old = *txn.SetSavepoint();
    ASSERT_TRUE(txn.Commit().ok());
  }
  WriteTransaction txn = Begin();
  ASSERT_TRUE(txn.table("t")->Put("k", "v").ok());
  const Savepoint own = *txn.SetSavepoint();
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.RollbackTo(old)));
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.Release(old)));
  EXPECT_TRUE(txn.RollbackTo(own).ok());
}

// Each thing that can be done to a table that was already changed.
TEST_F(TransactionTest, SavepointsUndoWhatWasDoneToTables) {
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.table("a")->Put("k", "committed").ok());
    ASSERT_TRUE(txn.table("b")->Put("k", "b").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  WriteTransaction txn = Begin();
  auto a = txn.table("a");
  ASSERT_TRUE(a->Put("k", "changed").ok());
  const Savepoint savepoint = *txn.SetSavepoint();

  ASSERT_TRUE(txn.Rename("a", "c").ok());
  ASSERT_TRUE(a->Put("k", "in c").ok());
  ASSERT_TRUE(txn.table("a")->Put("k", "another a").ok());
  ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
  EXPECT_EQ(a->Get("k")->ToString(), "changed");
  EXPECT_EQ(All(*txn.table("a")), (Contents{{"k", "changed"}}));
  EXPECT_TRUE(absl::IsNotFound(txn.Drop("c")));

  ASSERT_TRUE(txn.Drop("a").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(a->Get("k").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(a->Put("k", "v")));
  auto fresh = txn.collection("a");  // the name is free, for another kind as well
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  ASSERT_TRUE(fresh->Put(1, "{}").ok());
  ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(fresh->Get(1).status()));
  EXPECT_EQ(a->Get("k")->ToString(), "changed");  // alive again

  ASSERT_TRUE(txn.Drop("a").ok());
  ASSERT_TRUE(txn.Rename("b", "a").ok());
  EXPECT_EQ(txn.table("a")->Get("k")->ToString(), "b");
  ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
  EXPECT_EQ(txn.table("a")->Get("k")->ToString(), "changed");
  EXPECT_EQ(txn.table("b")->Get("k")->ToString(), "b");

  ASSERT_TRUE(a->DeleteRange(KeyRange::All()).ok());
  ASSERT_TRUE(txn.Drop("a").ok());
  ASSERT_TRUE(txn.table("a")->Put("k", "committed at last").ok());
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(All("a"), (Contents{{"k", "committed at last"}}));
  EXPECT_EQ(All("b"), (Contents{{"k", "b"}}));
  ExpectClean();
  Kill();
  EXPECT_EQ(All("a"), (Contents{{"k", "committed at last"}}));
  ExpectClean();
}

// Random: everything that can be done to tables, with savepoints, against maps.
class TablesModel {
 public:
  using Tables = std::map<std::string, Contents>;
  TablesModel(uint64_t seed, WriteTransaction* txn, Tables tables)
      : random_(seed), txn_(*txn), tables_(std::move(tables)) {}

  void Step() {
    const std::string name(1, static_cast<char>('a' + Below(5)));
    const std::string other(1, static_cast<char>('a' + Below(5)));
    switch (Below(10)) {
      case 0: {
        const absl::Status dropped = txn_.Drop(name);
        ASSERT_EQ(dropped.ok(), tables_.erase(name) == 1) << dropped;
        break;
      }
      case 1: {
        const bool may =
            tables_.contains(name) && (name == other || !tables_.contains(other));
        const absl::Status renamed = txn_.Rename(name, other);
        ASSERT_EQ(renamed.ok(), may) << renamed;
        if (!may || name == other) break;
        tables_[other] = std::move(tables_[name]);
        tables_.erase(name);
        break;
      }
      case 2:
        savepoints_.push_back({*txn_.SetSavepoint(), tables_});
        break;
      case 3: {
        if (savepoints_.empty()) break;
        const size_t i = Below(savepoints_.size());
        const absl::Status back = txn_.RollbackTo(savepoints_[i].first);
        ASSERT_TRUE(back.ok()) << back;
        tables_ = savepoints_[i].second;
        savepoints_.resize(i + 1);
        break;
      }
      case 4: {
        if (savepoints_.empty()) break;
        const size_t i = Below(savepoints_.size());
        ASSERT_TRUE(txn_.Release(savepoints_[i].first).ok());
        savepoints_.resize(i);  // with those set after it
        break;
      }
      default:
        Change(name);
    }
  }

  void Change(const std::string& name) {
    auto table = txn_.table(name);
    ASSERT_TRUE(table.ok()) << table.status();
    Contents& model = tables_[name];
    for (uint64_t i = Below(30); i > 0; --i) {
      const std::string key = absl::StrCat(Below(200));
      if (Below(3) == 0) {
        ASSERT_EQ(*table->Delete(key), model.erase(key) == 1);
      } else {
        const std::string value(Below(20) == 0 ? 5000 : Below(200), 'v');
        ASSERT_TRUE(table->Put(key, value).ok());
        model[key] = value;
      }
    }
    ASSERT_EQ(*table->size(), model.size());
  }

  const Tables& tables() const { return tables_; }
  uint64_t Below(uint64_t n) { return random_() % n; }

 private:
  std::mt19937_64 random_;
  WriteTransaction& txn_;
  Tables tables_;
  std::vector<std::pair<Savepoint, Tables>> savepoints_;
};

TEST_F(TransactionTest, RandomChangesOfTablesMatchMaps) {
  options_.cache_bytes_max = 1 << 20;
  options_.transaction_log_bytes_max = 64 << 10;
  for (uint64_t seed = 1; seed <= 20 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Restart(std::make_unique<FaultyFileSystem>());
    TablesModel::Tables tables;
    for (int round = 0; round < 12 && !HasFailure(); ++round) {
      WriteTransaction txn = Begin();
      TablesModel model(seed * 100 + static_cast<uint64_t>(round), &txn, tables);
      for (uint64_t i = 5 + model.Below(40); i > 0 && !HasFailure(); --i) model.Step();
      if (model.Below(5) == 0) {
        txn.Rollback();
      } else {
        const absl::Status committed = txn.Commit();
        ASSERT_TRUE(committed.ok()) << committed;
        tables = model.tables();
      }
      if (round % 4 == 1) Kill();
      if (round % 4 == 2) Reopen();
      const ReadTransaction read = db_->BeginRead();
      std::set<std::string> names;
      const auto list = read.List();
      for (const TreeInfo& info : *list) {
        names.insert(info.name);
        EXPECT_EQ(info.entry_count, tables[info.name].size());
      }
      ASSERT_EQ(names.size(), tables.size());
      for (const auto& [name, contents] : tables)
        ASSERT_TRUE(All(*read.table(name)) == contents) << name;
      ExpectClean();
    }
  }
}

// --- Durability -----------------------------------------------------------------

TEST_F(TransactionTest, EachDurabilityKeepsWhatItSays) {
  Put("full", "1", Durability::kFull);
  Put("process", "1", Durability::kProcess);
  Put("none", "1", Durability::kNone);
  EXPECT_EQ(All().size(), 3u);  // visible at once
  CutPower();
  EXPECT_TRUE(All().contains("full"));
  EXPECT_FALSE(All().contains("none"));
}

TEST_F(TransactionTest, ProcessSurvivesKill) {
  Put("process", "1", Durability::kProcess);
  Put("none", "1", Durability::kNone);
  Kill();
  EXPECT_TRUE(All().contains("process"));
}

// Whatever is durable, all before it is: never a hole.
TEST_F(TransactionTest, FullMakesWhatCameBeforeDurable) {
  Put("a", "none", Durability::kNone);
  Put("b", "process", Durability::kProcess);
  Put("c", "none", Durability::kNone);
  Put("d", "full", Durability::kFull);
  Put("e", "none", Durability::kNone);
  CutPower();
  EXPECT_EQ(All(),
            (Contents{{"a", "none"}, {"b", "process"}, {"c", "none"}, {"d", "full"}}));
  Put("a", "again", Durability::kNone);
  ASSERT_TRUE(Begin(Durability::kFull).Commit().ok());  // empty, and yet
  CutPower();
  EXPECT_EQ(All()["a"], "again");
  Put("a", "checkpoint", Durability::kNone);
  ASSERT_TRUE(db_->Checkpoint().ok());
  CutPower();
  EXPECT_EQ(All()["a"], "checkpoint");
  ExpectClean();
}

TEST_F(TransactionTest, DurabilityOfTheDatabaseCounts) {
  options_.durability = Durability::kNone;
  Reopen();
  const auto put = [&](const char* key) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      return table.Put(key, "v");
    });
  };
  ASSERT_TRUE(put("a").ok());  // makes the log
  const uint64_t syncs = db_->stats().log_syncs;
  ASSERT_TRUE(put("b").ok());
  EXPECT_EQ(db_->stats().log_syncs, syncs);
  Put("c", "v", Durability::kFull);
  EXPECT_GT(db_->stats().log_syncs, syncs);
  Reopen();
  EXPECT_EQ(All().size(), 3u);
}

// --- Errors ---------------------------------------------------------------------

TEST_F(TransactionTest, FailedSyncShowsNothingAndPoisons) {
  Put("a", "1");
  Fault fault;
  fault.calls = kSync;
  fs_->Inject(fault);
  WriteTransaction txn = Begin();
  ASSERT_TRUE(txn.table("t")->Put("b", "2").ok());
  const absl::Status failed = txn.Commit();
  EXPECT_FALSE(failed.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(txn.Commit()));  // it has ended
  EXPECT_EQ(All(), (Contents{{"a", "1"}}));
  EXPECT_EQ(db_->BeginWrite().status(), failed);
  EXPECT_EQ(db_->Checkpoint(), failed);
  WriteBatch batch;
  batch.Put("t", "c", "3");
  EXPECT_EQ(db_->Apply(batch), failed);
  EXPECT_EQ(All(), (Contents{{"a", "1"}}));  // reading goes on
  Restart(std::make_unique<FaultyFileSystem>(fs_->Contents()));
  EXPECT_TRUE(All().contains("a"));
  Put("c", "3");
}

TEST_F(TransactionTest, RefusedArgumentsLeaveTheTransactionWhole) {
  WriteTransaction txn = Begin();
  auto t = txn.table("t");
  ASSERT_TRUE(t->Put("a", "1").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(t->Put("", "v")));
  EXPECT_TRUE(absl::IsInvalidArgument(t->Put(std::string(kKeyBytesMax + 1, 'k'), "v")));
  EXPECT_TRUE(absl::IsInvalidArgument(t->Delete("").status()));
  EXPECT_TRUE(absl::IsAlreadyExists(t->Insert("a", "2")));
  EXPECT_TRUE(absl::IsNotFound(t->Get("b").status()));
  char out[4];
  EXPECT_TRUE(absl::IsNotFound(t->ReadRange("b", 0, absl::MakeSpan(out)).status()));
  EXPECT_TRUE(absl::IsOutOfRange(t->KeyAt(1).status()));
  std::optional<Value> none[2];
  const std::string_view keys[] = {"a"};
  EXPECT_TRUE(absl::IsInvalidArgument(t->MultiGet(keys, absl::MakeSpan(none))));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      t->BulkLoad([](std::string_view*, std::string_view*) { return false; })));
  auto empty = txn.table("empty");
  int n = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(
      empty->BulkLoad([&](std::string_view* key, std::string_view* value) {
        *key = n == 0 ? "b" : "a";
        *value = "v";
        return n++ < 2;
      })));
  EXPECT_EQ(*empty->size(), 0u);
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(All(), (Contents{{"a", "1"}}));
  ExpectClean();
}

}  // namespace
}  // namespace sheaf::test
