// Tables whose entries expire: an entry is seen until the microsecond of its instant and by
// nothing from then on, swept or not; writers take its place as if it were gone; time does
// not go back; what was removed stays so after a crash. (B33, B37)
#include <gtest/gtest.h>

#include <limits>

#include "absl/time/clock.h"
#include "sheaf/backup.h"
#include "sheaf/salvage.h"
#include "tests/api/expiry_fixture.h"

namespace sheaf {
namespace {

using ExpiryTest = test::ExpiryTest;

constexpr absl::Duration kHour = absl::Hours(1), kTick = absl::Microseconds(1);

// --- Boundary in every access path ----------------------------------------------

class Boundary : public ExpiryTest {
 protected:
  Boundary() {
    for (const char* key : {"a", "c", "e"}) PutExpiring(key, Expiry::Never());
    for (const char* key : {"b", "d", "f"}) PutExpiring(key, Expiry::After(kHour));
  }
};

TEST_F(Boundary, SeenUntilTheMicrosecondBefore) {
  Advance(kHour - kTick);
  EXPECT_EQ(Keys(), "a b c d e f ");
  const ReadTransaction read = db_->BeginRead();
  EXPECT_TRUE(read.table("t")->Get("f").ok());
  EXPECT_EQ(*read.table("t")->size(), 6u);
  EXPECT_EQ(*read.table("t")->ExpiresAt("b"), Now() + kTick);
}

TEST_F(Boundary, NotSeenByAnyReadFromTheInstantOn) {
  Advance(kHour);
  EXPECT_EQ(SizeWithExpired(), 6u);  // all of them are there
  const ReadTransaction read = db_->BeginRead();
  const TableReader t = *read.table("t");
  EXPECT_TRUE(absl::IsNotFound(t.Get("b").status()));
  EXPECT_FALSE(t.Find("d")->has_value());
  EXPECT_FALSE(*t.Contains("f"));
  EXPECT_TRUE(*t.Contains("e"));
  char byte[1];
  EXPECT_TRUE(absl::IsNotFound(t.ReadRange("b", 0, absl::MakeSpan(byte)).status()));
  EXPECT_TRUE(absl::IsNotFound(t.ExpiresAt("b").status()));
  const std::string_view keys[] = {"a", "b", "c", "d"};
  std::optional<Value> values[4];
  ASSERT_TRUE(t.MultiGet(keys, absl::MakeSpan(values)).ok());
  EXPECT_TRUE(values[0].has_value() && values[2].has_value());
  EXPECT_FALSE(values[1].has_value() || values[3].has_value());
  EXPECT_EQ(*t.size(), 3u);
  EXPECT_EQ(*t.Count({"b", "e"}), 1u);
  EXPECT_EQ(*t.Count({"d", {}}), 1u);
  EXPECT_EQ(*t.KeyAt(0), "a");
  EXPECT_EQ(*t.KeyAt(1), "c");
  EXPECT_EQ(*t.KeyAt(2), "e");
  EXPECT_TRUE(absl::IsOutOfRange(t.KeyAt(3).status()));
  EXPECT_EQ(read.List()->at(0).entry_count, 3u);
  EXPECT_EQ(read.List()->at(0).expired_count, 3u);
  EXPECT_EQ(read.Measure("t")->expired, 3u);
}

TEST_F(Boundary, CursorsStepOverItBothWays) {
  Advance(kHour);
  const ReadTransaction read = db_->BeginRead();
  const TableReader t = *read.table("t");
  EXPECT_EQ(Keys(t), "a c e ");
  std::string back;
  ASSERT_TRUE(t.ForEachReverse(KeyRange::All(), [&](std::string_view key, auto) {
                 back += std::string(key);
                 return true;
               }).ok());
  EXPECT_EQ(back, "eca");
  Cursor cursor = t.NewCursor();
  ASSERT_TRUE(cursor.Seek("b"));
  EXPECT_EQ(cursor.key(), "c");
  ASSERT_TRUE(cursor.SeekAtOrBefore("d"));
  EXPECT_EQ(cursor.key(), "c");
  ASSERT_TRUE(cursor.SeekLast());
  EXPECT_EQ(cursor.key(), "e");
  EXPECT_FALSE(cursor.Seek("f"));
  EXPECT_TRUE(cursor.status().ok());
}

TEST_F(Boundary, PopsTakeWhatIsSeen) {
  Advance(kHour);
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    EXPECT_EQ((*t.PopLast())->key, "e");
    EXPECT_EQ((*t.PopFirst())->key, "a");
    EXPECT_EQ((*t.PopFirst())->key, "c");
    EXPECT_FALSE(t.PopFirst()->has_value());
    EXPECT_FALSE(t.PopLast()->has_value());
    return absl::OkStatus();
  });
  ExpectClean();
}

TEST_F(Boundary, AnOldSnapshotKeepsItsTime) {
  const ReadTransaction before = db_->BeginRead();
  EXPECT_EQ(*before.table("t")->size(), 6u);
  Advance(2 * kHour);
  EXPECT_EQ(Keys(), "a c e ");
  EXPECT_EQ(Expire().removed_total, 3u);
  // Also a handle that it opens only now, of what was swept meanwhile.
  EXPECT_EQ(Keys(*before.table("t")), "a b c d e f ");
}

// --- Writers ----------------------------------------------------------------------

TEST_F(Boundary, WritersFindItGone) {
  Advance(kHour);
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    EXPECT_FALSE(*t.Delete("b"));
    SHEAF_RETURN_IF_ERROR(t.Insert("b", "new"));
    EXPECT_TRUE(absl::IsAlreadyExists(t.Insert("b", "newer")));
    EXPECT_EQ(*t.ExpiresAt("b"), absl::InfiniteFuture());
    SHEAF_RETURN_IF_ERROR(t.Update("d", [](std::optional<std::string_view> old) {
      EXPECT_FALSE(old.has_value());
      return std::optional<std::string>("made");
    }));
    EXPECT_EQ(*t.ExpiresAt("d"), absl::InfiniteFuture());
    EXPECT_TRUE(absl::IsNotFound(t.SetExpiry("f", Expiry::Never())));
    EXPECT_FALSE(*t.Touch("f"));
    EXPECT_EQ(*t.DeleteRange({"e", {}}), 1u);  // "f" goes uncounted
    return absl::OkStatus();
  });
  EXPECT_EQ(Keys(), "a b c d ");
  EXPECT_EQ(SizeWithExpired(), 4u);
  EXPECT_EQ(Expire().removed_total, 0u);
  ExpectClean();
}

TEST_F(Boundary, BulkLoadFillsWhatOnlyExpiredEntriesAreIn) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    for (const char* key : {"a", "c", "e"}) SHEAF_RETURN_IF_ERROR(t.Delete(key).status());
    return t.SetDefaultExpiry(Expiry::After(kHour));
  });
  Advance(kHour);
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    int n = 0;
    std::string key;
    return t.BulkLoad([&](std::string_view* k, std::string_view* v) {
      key = std::to_string(n++);
      *k = key, *v = "loaded";
      return n <= 5;
    });
  });
  EXPECT_EQ(Keys(), "0 1 2 3 4 ");
  ExpectClean();
  Advance(kHour);
  EXPECT_EQ(Keys(), "");
}

// Overwritten with a shorter, a longer and no expiry.
TEST_F(ExpiryTest, APutDecidesAnew) {
  for (const char* key : {"shorter", "longer", "none", "kept"})
    PutExpiring(key, Expiry::After(2 * kHour));
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    SHEAF_RETURN_IF_ERROR(t.Put("shorter", "2", Expiry::After(kHour)));
    SHEAF_RETURN_IF_ERROR(t.Put("longer", "2", Expiry::After(3 * kHour)));
    SHEAF_RETURN_IF_ERROR(t.Put("none", "2"));
    return t.Update("kept", [](auto) { return std::optional<std::string>("2"); });
  });
  ExpectClean();
  Advance(kHour);
  EXPECT_EQ(Keys(), "kept longer none ");
  Advance(kHour);
  EXPECT_EQ(Keys(), "longer none ");
  Advance(kHour);
  EXPECT_EQ(Keys(), "none ");
  EXPECT_EQ(Expire().removed_total, 3u);
  EXPECT_EQ(Keys(), "none ");
  ExpectClean();
}

TEST_F(ExpiryTest, SlidesWhenTouchedOrChanged) {
  for (const char* key : {"touched", "changed", "left"})
    PutExpiring(key, Expiry::Sliding(kHour));
  PutExpiring("fixed", Expiry::After(kHour));
  Advance(kHour / 2);
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    EXPECT_TRUE(*t.Touch("touched"));
    EXPECT_FALSE(*t.Touch("fixed"));
    EXPECT_FALSE(*t.Touch("nobody"));
    return t.Update("changed", [](auto) { return std::optional<std::string>("2"); });
  });
  Advance(kHour - kTick);
  EXPECT_EQ(Keys(), "changed touched ");
  Advance(kTick);
  EXPECT_EQ(Keys(), "");
  ExpectClean();
}

TEST_F(ExpiryTest, DefaultOfATable) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    SHEAF_RETURN_IF_ERROR(t.Put("before", "1"));
    SHEAF_RETURN_IF_ERROR(t.SetDefaultExpiry(Expiry::Sliding(kHour)));
    SHEAF_RETURN_IF_ERROR(t.Put("usual", "1"));
    SHEAF_RETURN_IF_ERROR(t.Put("never", "1", Expiry::Never()));
    EXPECT_TRUE(absl::IsInvalidArgument(
        t.SetDefaultExpiry(Expiry::At(absl::UnixEpoch() + kHour))));
    return absl::OkStatus();
  });
  Reopen();
  EXPECT_EQ(*db_->BeginRead().table("t")->DefaultExpiry(), Expiry::Sliding(kHour));
  Advance(kHour);
  EXPECT_EQ(Keys(), "before never ");
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    SHEAF_RETURN_IF_ERROR(t.SetDefaultExpiry(Expiry::Never()));
    return t.Put("usual", "again");
  });
  Advance(100 * kHour);
  EXPECT_EQ(Keys(), "before never usual ");
  EXPECT_EQ(*db_->BeginRead().table("t")->DefaultExpiry(), Expiry::Never());
  ExpectClean();
}

TEST_F(ExpiryTest, RefusesAbsurdTimes) {
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    for (const Expiry& wrong :
         {Expiry::After(absl::ZeroDuration()), Expiry::After(-kHour),
          Expiry::After(Expiry::DurationMax() + kTick),
          Expiry::After(absl::InfiniteDuration()), Expiry::Sliding(-kTick),
          Expiry::At(absl::UnixEpoch() - kTick), Expiry::At(absl::InfiniteFuture()),
          Expiry::At(absl::InfinitePast()),
          Expiry::At(absl::FromUnixSeconds(253'402'300'800))}) {
      EXPECT_TRUE(absl::IsInvalidArgument(t.Put("k", "v", wrong)));
      EXPECT_TRUE(absl::IsInvalidArgument(t.SetExpiry("k", wrong)));
    }
    EXPECT_EQ(*t.size(), 0u);
    SHEAF_RETURN_IF_ERROR(t.Put("far", "v", Expiry::After(Expiry::DurationMax())));
    SHEAF_RETURN_IF_ERROR(
        t.Put("last", "v", Expiry::At(absl::FromUnixSeconds(253'402'300'800) - kTick)));
    SHEAF_RETURN_IF_ERROR(t.Put("short", "v", Expiry::After(absl::Nanoseconds(1))));
    EXPECT_TRUE(*t.Contains("short"));
    SHEAF_RETURN_IF_ERROR(t.Put("past", "v", Expiry::At(absl::UnixEpoch())));
    EXPECT_FALSE(*t.Contains("past"));
    // The row of an instant must have room for the key.
    SHEAF_RETURN_IF_ERROR(t.Put(std::string(1015, 'k'), "v", Expiry::After(kHour)));
    EXPECT_TRUE(absl::IsInvalidArgument(
        t.Put(std::string(1016, 'k'), "v", Expiry::After(kHour))));
    SHEAF_RETURN_IF_ERROR(t.Put(std::string(1024, 'k'), "v"));
    EXPECT_TRUE(absl::IsInvalidArgument(
        t.SetExpiry(std::string(1024, 'k'), Expiry::After(kHour))));
    SHEAF_RETURN_IF_ERROR(t.SetDefaultExpiry(Expiry::After(kHour)));
    EXPECT_TRUE(absl::IsInvalidArgument(t.Put(std::string(1020, 'k'), "v")));
    EXPECT_FALSE(*t.Contains(std::string(1020, 'k')));
    return absl::OkStatus();
  });
  ExpectClean();
}

TEST_F(ExpiryTest, BatchesHaveExpiries) {
  WriteBatch batch;
  batch.Put("t", "hour", "v", Expiry::After(kHour));
  batch.Put("t", "ever", "v");
  ASSERT_TRUE(db_->Apply(batch).ok());
  batch.Clear();
  batch.Put("t", "wrong", "v", Expiry::After(-kHour));
  EXPECT_TRUE(absl::IsInvalidArgument(db_->Apply(batch)));
  batch.Clear();
  batch.Put("t", "overwritten", "v", Expiry::After(kHour));
  batch.Put("t", "deleted", "v", Expiry::After(kHour));
  batch.Put("t", "overwritten", "v");
  batch.Delete("t", "deleted");
  ASSERT_TRUE(db_->Apply(batch).ok());
  ExpectClean();
  Advance(kHour);
  EXPECT_EQ(Keys(), "ever overwritten ");
  EXPECT_EQ(SizeWithExpired(), 3u);
}

// --- The clock --------------------------------------------------------------------

TEST_F(Boundary, TimeDoesNotGoBack) {
  Advance(kHour);
  EXPECT_EQ(Keys(), "a c e ");
  Advance(-2 * kHour);
  EXPECT_EQ(Keys(), "a c e ");
  PutExpiring("g", Expiry::After(kHour));  // an hour after the latest that was read
  Advance(2 * kHour);
  EXPECT_EQ(Keys(), "a c e g ");
  Advance(kHour);
  EXPECT_EQ(Keys(), "a c e ");
  ExpectClean();
}

TEST_F(Boundary, AfterReopeningOnlyWhatWasRemovedStaysAway) {
  Advance(kHour);
  ExpireOptions one;
  one.batch = 2;
  one.records_max = 2;
  EXPECT_EQ(Expire(one).removed_total, 2u);
  Advance(-kHour);  // the clock was wrong
  Reopen();
  EXPECT_EQ(Keys(), "a c e f ");
  ExpectClean();
  Advance(100 * kHour);  // and jumps ahead
  EXPECT_EQ(Keys(), "a c e ");
}

TEST_F(Boundary, AFrozenClockExpiresNothing) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Expire().removed_total, 0u);
  EXPECT_EQ(Keys(), "a b c d e f ");
  EXPECT_EQ(Expire().next, Now() + kHour);
}

TEST_F(ExpiryTest, OneReadingATransaction) {
  PutExpiring("a", Expiry::After(kHour));
  int readings = 0;
  now_ = now_.load();
  options_.clock = [&] {
    ++readings;
    return Now();
  };
  Reopen();
  readings = 0;
  {
    const ReadTransaction read = db_->BeginRead();
    const TableReader t = *read.table("t");
    EXPECT_TRUE(*t.Contains("a"));
    Advance(kHour);
    EXPECT_TRUE(*t.Contains("a"));
    EXPECT_EQ(*read.table("t")->size(), 1u);
    EXPECT_EQ(readings, 1);
  }
  {
    WriteTransaction txn = Begin();
    Table t = *txn.table("t");
    EXPECT_FALSE(*t.Contains("a"));
    ASSERT_TRUE(t.Put("b", "v", Expiry::After(kHour)).ok());
    Advance(2 * kHour);
    EXPECT_TRUE(*t.Contains("b"));
    EXPECT_EQ(readings, 2);
  }
  // Where nothing expires nobody asks.
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("other"));
    return t.Put("a", "1");
  });
  EXPECT_TRUE(*db_->BeginRead().table("other")->Contains("a"));
  EXPECT_EQ(readings, 2);
}

// --- Removal ----------------------------------------------------------------------

TEST_F(ExpiryTest, RemovesInBatchesAndTells) {
  std::vector<std::string> told;
  options_.on_expired = [&](const ExpiredRecord& record) {
    EXPECT_EQ(record.name, "t");
    EXPECT_EQ(record.kind, TreeKind::kTable);
    told.push_back(std::string(record.key));
  };
  Reopen();
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    for (int i = 0; i < 1000; ++i)
      SHEAF_RETURN_IF_ERROR(
          t.Put(std::to_string(1000 + i), "v",
                i % 10 == 0 ? Expiry::After(kHour * (1 + i % 3)) : Expiry::Never()));
    for (int i = 0; i < 300; ++i)  // a run
      SHEAF_RETURN_IF_ERROR(
          t.Put("run" + std::to_string(1000 + i), "v", Expiry::After(kHour)));
    return absl::OkStatus();
  });
  EXPECT_EQ(Expire().removed_total, 0u);
  Advance(kHour);
  ExpireOptions some;
  some.batch = 30;
  some.records_max = 100;
  ExpireResult result = Expire(some);
  EXPECT_EQ(result.removed_total, 100u);
  EXPECT_EQ(result.remaining, 234u);
  EXPECT_EQ(told.size(), 100u);
  result = Expire();
  EXPECT_EQ(result.removed[TreeKind::kTable], 234u);
  EXPECT_EQ(result.remaining, 0u);
  EXPECT_EQ(result.next, Now() + kHour);
  EXPECT_EQ(told.size(), 334u);
  EXPECT_EQ(SizeWithExpired(), 966u);
  ExpectClean();
  Advance(2 * kHour);
  EXPECT_EQ(Expire().removed_total, 66u);
  EXPECT_EQ(Expire().next, absl::InfiniteFuture());
  EXPECT_EQ(SizeWithExpired(), 900u);
  ExpectClean();
  some.batch = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(db_->Expire(some).status()));
}

TEST_F(ExpiryTest, MoreThanFitInMemory) {
  // More hidden ones than are kept in memory: counts and ranks walk.
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
    for (int i = 0; i < 100'000; ++i)
      SHEAF_RETURN_IF_ERROR(t.Put(std::to_string(1'000'000 + i), "v",
                                  i % 10 == 0 ? Expiry::Never() : Expiry::After(kHour)));
    return absl::OkStatus();
  });
  Advance(kHour);
  const ReadTransaction read = db_->BeginRead();
  const TableReader t = *read.table("t");
  EXPECT_EQ(*t.size(), 10'000u);
  EXPECT_EQ(*t.Count({"1010000", "1020000"}), 1000u);
  EXPECT_EQ(*t.KeyAt(0), "1000000");
  EXPECT_EQ(*t.KeyAt(9'999), "1099990");
  EXPECT_EQ(*t.KeyAt(5'000), "1050000");
  EXPECT_FALSE(*t.Contains("1000001"));
}

TEST_F(ExpiryTest, SweptStaysSweptAfterACrash) {
  for (const char* key : {"a", "b", "c"}) PutExpiring(key, Expiry::After(kHour));
  PutExpiring("d", Expiry::After(3 * kHour));
  Kill();
  EXPECT_EQ(Keys(), "a b c d ");
  Advance(kHour);
  EXPECT_EQ(Keys(), "d ");
  Kill();
  EXPECT_EQ(Keys(), "d ");
  EXPECT_EQ(SizeWithExpired(), 4u);
  EXPECT_EQ(Expire().removed_total, 3u);
  Advance(-kHour);
  CutPower();
  EXPECT_EQ(Keys(), "d ");
  EXPECT_EQ(SizeWithExpired(), 1u);
  ExpectClean();
  ASSERT_TRUE(db_->Checkpoint().ok());
  CutPower();
  EXPECT_EQ(Keys(), "d ");
  ExpectClean();
}

TEST_F(ExpiryTest, RolledBackWithWhatItIsOf) {
  WriteTransaction txn = Begin();
  Table t = *txn.table("t");
  ASSERT_TRUE(t.Put("a", "1").ok());
  const Savepoint first = *txn.SetSavepoint();
  ASSERT_TRUE(t.Put("b", "1", Expiry::After(kHour)).ok());
  const Savepoint second = *txn.SetSavepoint();
  ASSERT_TRUE(t.SetExpiry("a", Expiry::At(Now())).ok());
  EXPECT_EQ(Keys(t), "b ");
  ASSERT_TRUE(txn.RollbackTo(second).ok());
  EXPECT_EQ(Keys(t), "a b ");
  ASSERT_TRUE(txn.RollbackTo(first).ok());  // before there were any
  EXPECT_EQ(*t.ExpiresAt("a"), absl::InfiniteFuture());
  ASSERT_TRUE(t.Put("c", "1", Expiry::After(kHour)).ok());
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(Keys(), "a c ");
  ExpectClean();
  Advance(kHour);
  EXPECT_EQ(Keys(), "a ");
  EXPECT_EQ(Expire().removed_total, 1u);
}

TEST_F(ExpiryTest, GoesWithItsTable) {
  PutExpiring("a", Expiry::After(kHour));
  Write([](WriteTransaction& txn) { return txn.Rename("t", "u"); });
  Reopen();
  EXPECT_EQ(db_->BeginRead().ListExpiring()->at(0).name, "u");
  ExpectClean();
  Write([](WriteTransaction& txn) { return txn.Drop("u"); });
  EXPECT_TRUE(db_->BeginRead().ListExpiring()->empty());
  EXPECT_EQ(db_->stats().trees, 0u);
  Kill();
  EXPECT_EQ(db_->stats().trees, 0u);
  ExpectClean();
  PutExpiring("b", Expiry::After(kHour));
  EXPECT_EQ(Keys(), "b ");
}

TEST_F(ExpiryTest, Reports) {
  for (const char* key : {"a", "b"}) PutExpiring(key, Expiry::After(kHour));
  PutExpiring("c", Expiry::After(2 * kHour));
  PutExpiring("d", Expiry::Never());
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.table("plain")->Put("a", "1"));
    return txn.table("t")->SetDefaultExpiry(Expiry::After(kHour));
  });
  Advance(kHour);
  const auto report = db_->BeginRead().ListExpiring();
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->size(), 1u);
  const ExpiryStats& t = report->at(0);
  EXPECT_EQ(t.visible, 2u);
  EXPECT_EQ(t.expired, 2u);
  EXPECT_EQ(t.expiring, 3u);
  EXPECT_EQ(t.next, Now() + kHour);
  EXPECT_EQ(t.usual, Expiry::After(kHour));
}

// --- Copies -----------------------------------------------------------------------

TEST_F(ExpiryTest, CopiesExpireAlike) {
  PutExpiring("a", Expiry::After(kHour));
  PutExpiring("b", Expiry::Sliding(3 * kHour));
  PutExpiring("c", Expiry::Never());
  BackupOptions compact;
  compact.compact = true;
  ASSERT_TRUE(db_->Backup("/plain.sheaf").ok());
  ASSERT_TRUE(db_->Backup("/compact.sheaf", compact).ok());
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  SalvageOptions salvage;
  salvage.file_system = fs_.get();
  const auto salvaged = Salvage("/t.sheaf", "/salvaged.sheaf", salvage);
  ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  Advance(kHour);
  for (const char* path : {"/plain.sheaf", "/compact.sheaf", "/salvaged.sheaf"}) {
    auto db = Database::Open(path, options_);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
    EXPECT_EQ(Keys(), "b c ") << path;
    ExpectClean();
    Write([](WriteTransaction& txn) -> absl::Status {
      EXPECT_TRUE(*txn.table("t")->Touch("b"));
      return absl::OkStatus();
    });
    EXPECT_EQ(*db_->BeginRead().table("t")->ExpiresAt("b"), Now() + 3 * kHour);
    EXPECT_EQ(Expire().removed_total, 1u);
    ExpectClean();
    ASSERT_TRUE(db_->Close().ok());
    db_.reset();
  }
}

// --- In the background ------------------------------------------------------------

// By the system's clock.
TEST(BackgroundExpiry, RemovesByItself) {
  auto fs = pager::NewMemoryFileSystem();
  Options options;
  options.file_system = fs.get();
  const auto open = [&] { return *Database::Open("/t.sheaf", options); };
  auto db = open();
  const auto size = [&] { return *db->BeginRead().table("t")->size_with_expired(); };
  const auto put = [&](const char* key, absl::Duration after) {
    const absl::Status status = db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
      return t.Put(key, "v", Expiry::After(after));
    });
    ASSERT_TRUE(status.ok()) << status;
  };
  const auto await_size = [&](uint64_t wanted) {
    for (int i = 0; i < 2000 && size() != wanted; ++i)
      absl::SleepFor(absl::Milliseconds(5));
    EXPECT_EQ(size(), wanted);
  };
  put("long", absl::Hours(1));
  put("short", absl::Milliseconds(30));
  await_size(1);
  put("shorter", absl::Milliseconds(1));
  await_size(1);
  put("over a restart", absl::Milliseconds(100));
  const absl::Time before = absl::Now();
  ASSERT_TRUE(db->Close().ok());
  db.reset();
  EXPECT_LT(absl::Now() - before, absl::Seconds(5));
  db = open();
  await_size(1);
  // A refused close lets it go on.
  put("open", absl::Milliseconds(200));
  {
    const ReadTransaction read = db->BeginRead();
    EXPECT_TRUE(absl::IsFailedPrecondition(db->Close()));
  }
  await_size(1);
  ASSERT_TRUE(db->Close().ok());
}

TEST(BackgroundExpiry, ReadOnlyRemovesNothing) {
  auto fs = pager::NewMemoryFileSystem();
  Options options;
  options.file_system = fs.get();
  options.background_expiry = false;
  {
    auto db = *Database::Open("/t.sheaf", options);
    ASSERT_TRUE(db->Write([](WriteTransaction& txn) {
                    return txn.table("t")->Put("a", "v", Expiry::At(absl::UnixEpoch()));
                  }).ok());
    ASSERT_TRUE(db->Close().ok());
  }
  options.background_expiry = true;
  options.read_only = true;
  auto db = *Database::Open("/t.sheaf", options);
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(*db->BeginRead().table("t")->size(), 0u);
  EXPECT_EQ(*db->BeginRead().table("t")->size_with_expired(), 1u);
  EXPECT_TRUE(absl::IsFailedPrecondition(db->Expire().status()));
}

}  // namespace
}  // namespace sheaf
