// Backups: what was committed is in them and nothing else, whatever goes on beside them;
// they open like any database, under the same or another key; they are verified, and
// restored whole or not at all. (Bad input: a file that is there, the database itself, a
// full disk, a destination in use, damage, truncation.)
#include "sheaf/backup.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

constexpr char kPath[] = "/t.sheaf", kCopy[] = "/copy.sheaf";

EncryptionKey RawKey(char fill) { return *EncryptionKey::Raw(std::string(32, fill)); }

class Backup : public ApiTest {
 protected:
  void Fill(int entries = 300) {
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table = txn.table("t");
    ASSERT_TRUE(table.ok());
    for (int i = 0; i < entries; ++i)
      ASSERT_TRUE(table
                      ->Put(absl::StrCat("key", i),
                            std::string(static_cast<size_t>(i * 13 % 5000), 'v'))
                      .ok());
    ASSERT_TRUE(table->Put("large", std::string(300'000, 'l')).ok());
    absl::StatusOr<Collection> notes = txn.collection("notes");
    ASSERT_TRUE(notes.ok());
    ASSERT_TRUE(notes->Append("{\"n\":1}").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  // The first half goes: there are holes in the file.
  void DeleteHalf() {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.table("t")->DeleteRange(KeyRange::Prefix("key1")).ok());
    ASSERT_TRUE(txn.Commit().ok());
    ASSERT_TRUE(db_->Checkpoint().ok());
  }
  BackupReport MustBackup(const BackupOptions& options = {}) {
    absl::StatusOr<BackupReport> report = db_->Backup(kCopy, options);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : BackupReport();
  }
  std::unique_ptr<Database> OpenCopy(const EncryptionKey& key, bool read_only = false,
                                     const char* path = kCopy) {
    Options options = options_;
    options.key = key;
    options.read_only = read_only;
    options.create_if_missing = false;
    auto db = Database::Open(path, options);
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }
  void ExpectHolds(Database* db, const Contents& all) {
    ASSERT_NE(db, nullptr);
    {
      const ReadTransaction read = db->BeginRead();
      EXPECT_TRUE(All(*read.table("t")) == all);
      EXPECT_EQ(*read.collection("notes")->Get(1), "{\"n\":1}");
    }
    for (const CheckLevel level :
         {CheckLevel::kQuick, CheckLevel::kPages, CheckLevel::kFull}) {
      const absl::StatusOr<CheckReport> report = db->Check(level);
      ASSERT_TRUE(report.ok()) << report.status();
      for (const CheckFinding& f : report->findings) ADD_FAILURE() << f.page << f.what;
      EXPECT_GT(report->pages_checked, 0u);
    }
  }
  std::string Bytes(const char* path) { return ReadWholeFile(fs_.get(), path); }
  bool Exists(const std::string& path) { return *fs_->Exists(path); }
  VerifyOptions Verify(CheckLevel level = CheckLevel::kPages) {
    VerifyOptions verify;
    verify.level = level;
    verify.key = options_.key;
    verify.file_system = fs_.get();
    return verify;
  }
  RestoreOptions ToRestore(bool overwrite = false) {
    RestoreOptions restore;
    restore.overwrite = overwrite;
    restore.key = options_.key;
    restore.file_system = fs_.get();
    return restore;
  }
};

TEST_F(Backup, IsTheDatabaseAtThatMoment) {
  Fill();
  DeleteHalf();
  Put("last", "in the log only", Durability::kProcess);
  const Contents then = All();
  const BackupReport report = MustBackup();
  EXPECT_EQ(report.bytes, Bytes(kCopy).size());
  EXPECT_GT(report.pages, 50u);
  EXPECT_EQ(report.version, db_->stats().version);
  Put("later", "is not in it");
  EXPECT_FALSE(Exists("/copy.sheaf-new"));
  EXPECT_FALSE(Exists("/copy.sheaf-log"));
  ExpectHolds(OpenCopy({}, /*read_only=*/true).get(), then);
  const absl::StatusOr<CheckReport> verified =
      VerifyBackup(kCopy, Verify(CheckLevel::kFull));
  ASSERT_TRUE(verified.ok() && verified->ok()) << verified.status();
  // It is a database of its own: both go on.
  const auto copy = OpenCopy({});
  ASSERT_TRUE(
      copy->Write([](WriteTransaction& txn) { return txn.table("t")->Put("own", "way"); })
          .ok());
  ASSERT_TRUE(copy->Close().ok());
  EXPECT_EQ(All().count("own"), 0u);
  ExpectClean();
}

TEST_F(Backup, AStreamHasTheSameBytes) {
  Fill();
  DeleteHalf();
  MustBackup();
  std::string stream;
  ASSERT_TRUE(db_->BackupTo([&](std::string_view bytes) {
                   stream.append(bytes);
                   return absl::OkStatus();
                 })
                  .ok());
  EXPECT_TRUE(stream == Bytes(kCopy));
  const auto full = absl::ResourceExhaustedError("no more");
  EXPECT_EQ(db_->BackupTo([&](std::string_view) { return full; }).status(), full);
  size_t at = 0;
  const auto next = [&](absl::Span<char> out) -> absl::StatusOr<size_t> {
    const size_t n = std::min<size_t>({out.size(), stream.size() - at, 10'000});
    stream.copy(out.data(), n, at);
    at += n;
    return n;
  };
  const auto restored = RestoreFrom(next, "/from_stream.sheaf", ToRestore());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(*restored, stream.size());
  ExpectHolds(OpenCopy({}, false, "/from_stream.sheaf").get(), All());
}

TEST_F(Backup, CompactItIsSmallerAndTheSame) {
  Fill(2000);
  DeleteHalf();
  const Contents then = All();
  BackupOptions options;
  options.compact = true;
  const BackupReport report = MustBackup(options);
  EXPECT_EQ(report.bytes, Bytes(kCopy).size());
  EXPECT_LT(report.bytes, Bytes(kPath).size() * 3 / 4);
  ExpectHolds(OpenCopy({}).get(), then);
  EXPECT_TRUE(absl::IsInvalidArgument(
      db_->BackupTo([](std::string_view) { return absl::OkStatus(); }, options)
          .status()));
}

TEST_F(Backup, UnderTheSameKeyAnotherOrNone) {
  options_.key = RawKey('k');
  options_.scrypt_log2_n = 6;
  Restart(std::make_unique<FaultyFileSystem>());
  Fill();
  Put("marker", "ConspicuousMarker");
  const Contents then = All();
  for (const bool compact : {false, true}) {
    BackupOptions options;
    options.compact = compact;
    options.overwrite = true;
    MustBackup(options);
    EXPECT_EQ(Bytes(kCopy).find("ConspicuousMarker"), std::string::npos);
    ExpectHolds(OpenCopy(RawKey('k')).get(), then);
    options.key = RawKey('n');
    MustBackup(options);
    EXPECT_EQ(Bytes(kCopy).find("ConspicuousMarker"), std::string::npos);
    ExpectHolds(OpenCopy(RawKey('n')).get(), then);
    Options wrong = options_;
    EXPECT_TRUE(absl::IsPermissionDenied(Database::Open(kCopy, wrong).status()));
    EXPECT_TRUE(absl::IsPermissionDenied(VerifyBackup(kCopy, Verify()).status()));
  }
  BackupOptions plain;
  plain.overwrite = true;
  plain.key = EncryptionKey();
  EXPECT_TRUE(absl::IsInvalidArgument(db_->Backup(kCopy, plain).status()));
  plain.compact = true;
  MustBackup(plain);
  EXPECT_NE(Bytes(kCopy).find("ConspicuousMarker"), std::string::npos);
  ExpectHolds(OpenCopy({}).get(), then);
}

TEST_F(Backup, APlainDatabaseIsEncryptedByACompactCopyOnly) {
  Fill();
  BackupOptions options;
  options.key = RawKey('k');
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Backup(kCopy, options).status()));
  EXPECT_FALSE(Exists(kCopy));
  options.compact = true;
  MustBackup(options);
  ExpectHolds(OpenCopy(RawKey('k')).get(), All());
}

TEST_F(Backup, WritersGoOnMeanwhile) {
  Fill();
  std::atomic<bool> stop{false};
  std::atomic<int> committed{0};
  std::thread writer([&] {
    while (!stop.load()) {
      const int n = committed.load() + 1;
      const absl::Status status = db_->Write(
          [&](WriteTransaction& txn) -> absl::Status {
            SHEAF_ASSIGN_OR_RETURN(Table a, txn.table("a"));
            SHEAF_ASSIGN_OR_RETURN(Table b, txn.table("b"));
            SHEAF_RETURN_IF_ERROR(a.Put("n", absl::StrCat(n)));
            SHEAF_RETURN_IF_ERROR(b.Put(absl::StrCat(n), std::string(3000, 'b')));
            if (n > 20) SHEAF_RETURN_IF_ERROR(b.Delete(absl::StrCat(n - 20)).status());
            return absl::OkStatus();
          },
          {.durability = Durability::kProcess});
      ASSERT_TRUE(status.ok()) << status;
      committed = n;
      if (n % 7 == 0) {
        ASSERT_TRUE(db_->Checkpoint().ok());
      }
    }
  });
  while (committed.load() < 50) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    BackupOptions options;
    options.overwrite = true;
    options.compact = i % 4 == 3;
    Progress slow;
    slow.report = [](const Progress::State&) {
      std::this_thread::yield();
      return true;
    };
    const int before = committed.load();
    ASSERT_TRUE(db_->Backup(kCopy, options, slow).ok());
    const auto copy = OpenCopy({}, /*read_only=*/true);
    ASSERT_NE(copy, nullptr);
    const ReadTransaction read = copy->BeginRead();
    const Contents a = All(*read.table("a")), b = All(*read.table("b"));
    const int n = std::stoi(a.at("n"));
    EXPECT_GE(n, before);
    EXPECT_EQ(b.size(), 20u);
    EXPECT_EQ(b.count(absl::StrCat(n)), 1u);
    const absl::StatusOr<CheckReport> check = copy->Check();
    ASSERT_TRUE(check.ok() && check->ok());
  }
  stop = true;
  writer.join();
}

TEST_F(Backup, IsRefusedWhereItWouldDestroySomething) {
  Fill();
  WriteWholeFile(fs_.get(), kCopy, "precious");
  EXPECT_TRUE(absl::IsAlreadyExists(db_->Backup(kCopy).status()));
  EXPECT_EQ(Bytes(kCopy), "precious");
  BackupOptions over;
  over.overwrite = true;
  EXPECT_TRUE(absl::IsInvalidArgument(db_->Backup(kPath, over).status()));
  MustBackup(over);
  const auto other = OpenCopy({});  // in use now
  EXPECT_TRUE(absl::IsUnavailable(db_->Backup(kCopy, over).status()));
  ExpectHolds(db_.get(), All());
}

TEST_F(Backup, AFullDiskLeavesNothingBehind) {
  Fill();
  ASSERT_TRUE(db_->Checkpoint().ok());
  uint64_t used = 0;
  for (const char* path : {kPath, "/t.sheaf-log"}) used += Bytes(path).size();
  for (const bool compact : {false, true}) {
    fs_->LimitDisk(used + 200'000);
    BackupOptions options;
    options.compact = compact;
    const absl::Status status = db_->Backup(kCopy, options).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    fs_->LimitDisk(UINT64_MAX);
    EXPECT_FALSE(Exists(kCopy));
    EXPECT_FALSE(Exists("/copy.sheaf-new"));
    EXPECT_FALSE(Exists("/copy.sheaf-new-log"));
    Put("still", "works");
  }
  MustBackup();
}

TEST_F(Backup, CancelledItLeavesNothingBehind) {
  Fill(3000);
  for (const bool compact : {false, true}) {
    BackupOptions options;
    options.compact = compact;
    Progress progress;
    progress.report = [](const Progress::State& state) { return state.done == 0; };
    EXPECT_TRUE(absl::IsCancelled(db_->Backup(kCopy, options, progress).status()));
    EXPECT_FALSE(Exists(kCopy));
    EXPECT_FALSE(Exists("/copy.sheaf-new"));
  }
}

TEST_F(Backup, ARateIsKept) {
  Fill();
  BackupOptions options;
  options.bytes_per_second_max = 4 << 20;
  const absl::Time begin = absl::Now();
  const BackupReport report = MustBackup(options);
  const double least = static_cast<double>(report.pages * 4096) / (4 << 20);
  EXPECT_GT(absl::ToDoubleSeconds(absl::Now() - begin), least * 0.7);
}

TEST_F(Backup, DamageIsFoundOnTheWayAndAfterwards) {
  Fill();
  MustBackup();
  std::string good = Bytes(kCopy);
  // In the copy: at every place of every page that is in use.
  uint64_t noticed = 0, tried = 0;
  for (size_t at = 100; at < good.size(); at += 9973, ++tried) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    WriteWholeFile(fs_.get(), kCopy, bad);
    const absl::StatusOr<CheckReport> report = VerifyBackup(kCopy, Verify());
    const bool found = !report.ok() || !report->ok();
    noticed += found ? 1 : 0;
    const auto restored = Restore(kCopy, "/restored.sheaf", ToRestore(true));
    EXPECT_EQ(restored.ok(), !found) << at << restored.status();
    EXPECT_EQ(Exists("/restored.sheaf"), restored.ok());
    (void)fs_->Delete("/restored.sheaf");
  }
  EXPECT_GT(noticed, tried * 3 / 4) << tried;  // the others are in free pages
  for (size_t size = 0; size < good.size(); size += 4096 * 7) {
    WriteWholeFile(fs_.get(), kCopy, good.substr(0, size));
    EXPECT_FALSE(VerifyBackup(kCopy, Verify(CheckLevel::kQuick)).ok()) << size;
    EXPECT_FALSE(Restore(kCopy, "/restored.sheaf", ToRestore()).ok());
  }
  // In the database: copying says so.
  const std::string original = Bytes(kPath);
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  std::string bad = Bytes(kPath);
  bad[bad.size() / 2] ^= 1;
  WriteWholeFile(fs_.get(), kPath, bad);
  Open();
  ASSERT_TRUE(fs_->Delete(kCopy).ok());
  const absl::Status status = db_->Backup(kCopy).status();
  if (!status.ok()) {
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_NE(status.message().find("page "), std::string::npos);
    EXPECT_FALSE(Exists(kCopy));
  }
}

TEST_F(Backup, RestoringIsRefusedWhereItMustNotBe) {
  Fill();
  MustBackup();
  const Contents then = All();
  Put("newer", "than the backup");
  // The database is open.
  EXPECT_TRUE(absl::IsAlreadyExists(Restore(kCopy, kPath, ToRestore()).status()));
  EXPECT_TRUE(absl::IsUnavailable(Restore(kCopy, kPath, ToRestore(true)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Restore(kCopy, kCopy, ToRestore(true)).status()));
  EXPECT_TRUE(absl::IsNotFound(Restore("/none", "/x", ToRestore()).status()));
  WriteWholeFile(fs_.get(), "/foreign", std::string(20'000, 'f'));
  EXPECT_TRUE(absl::IsInvalidArgument(Restore("/foreign", "/x", ToRestore()).status()));
  EXPECT_FALSE(Exists("/x"));
  EXPECT_EQ(All().count("newer"), 1u);
  // A log that belongs to what was there does not come into what is there now.
  Kill();
  Put("in the log", "of the old one", Durability::kProcess);
  const std::string log = Bytes("/t.sheaf-log");
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  WriteWholeFile(fs_.get(), "/t.sheaf-log", log);
  ASSERT_TRUE(Restore(kCopy, kPath, ToRestore(true)).ok());
  Open();
  ExpectHolds(db_.get(), then);
  // A source with a log is not a backup.
  Put("more", "of it", Durability::kProcess);
  WriteWholeFile(fs_.get(), "/half.sheaf", Bytes(kPath));
  WriteWholeFile(fs_.get(), "/half.sheaf-log", Bytes("/t.sheaf-log"));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(Restore("/half.sheaf", "/x", ToRestore()).status()));
}

// Whatever instant the power goes at, the copy is whole or not there, and the database
// is not touched.
TEST_F(Backup, ACrashLeavesAWholeCopyOrNone) {
  Fill(60);
  const Contents then = All();
  fs_->RestartRecording();
  MustBackup();
  CrashOptions crash;
  crash.images_per_point_max = 4;
  uint64_t copies = 0, images = 0;
  const auto counts = ForEachCrashImage(
      fs_->recording(), crash,
      [&](const CrashImage&, FaultyFileSystem* crashed) -> absl::Status {
        Options options = options_;
        options.file_system = crashed;
        ++images;
        options.create_if_missing = false;
        for (const char* path : {kPath, kCopy}) {
          auto db = Database::Open(path, options);
          if (path == kCopy && absl::IsNotFound(db.status())) continue;
          if (!db.ok()) return db.status();
          if (path == kCopy) ++copies;
          const ReadTransaction read = (*db)->BeginRead();
          EXPECT_TRUE(All(*read.table("t")) == then);
        }
        return absl::OkStatus();
      });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_GT(copies, 0u);
  EXPECT_LT(copies, images);
}

}  // namespace
}  // namespace sheaf::test
