// What a review of encryption, backup and compaction found before any of it was released.
#include <memory>
#include <string>

#include "pager/replace_file.h"
#include "sheaf/backup.h"
#include "sheaf/salvage.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

EncryptionKey RawKey(char fill) { return *EncryptionKey::Raw(std::string(32, fill)); }

class KeepingReview : public ApiTest {};

// The log could not be deleted: the commits after that were acknowledged and logged
// nowhere.
TEST_F(KeepingReview, CommitsAfterARotationThatCouldNotDeleteTheLog) {
  options_.key = RawKey('k');
  for (const uint32_t call : {kDelete, kSyncDirectory}) {
    Restart(std::make_unique<FaultyFileSystem>());
    Put("before", "1");
    Fault fault;
    fault.calls = call;
    fs_->Inject(fault);
    EXPECT_FALSE(db_->RotateFileKey(RawKey('k')).ok());
    fs_->ClearFaults();
    Put("after", "2");
    CutPower();
    EXPECT_EQ(All().count("after"), 1u);
    Put("and again", "3");
    Reopen();
    EXPECT_EQ(All().size(), 3u);
    ExpectClean();
  }
}

// --force replaced a database that was not there when the copying began.
TEST_F(KeepingReview, WhatAppearsMeanwhileIsNotReplaced) {
  auto replacer = pager::FileReplacer::Begin(fs_.get(), "/new.sheaf",
                                             pager::FileReplacer::Existing::kReplace);
  ASSERT_TRUE(replacer.ok());
  WriteWholeFile(fs_.get(), "/new.sheaf", "somebody's");
  EXPECT_TRUE(absl::IsAlreadyExists(replacer->Commit().status()));
  EXPECT_EQ(ReadWholeFile(fs_.get(), "/new.sheaf"), "somebody's");
}

TEST_F(KeepingReview, FilesOfOthersAreNotInTheWay) {
  WriteWholeFile(fs_.get(), "/copy.sheaf-new", "a letter");
  EXPECT_TRUE(absl::IsAlreadyExists(db_->Backup("/copy.sheaf").status()));
  EXPECT_EQ(ReadWholeFile(fs_.get(), "/copy.sheaf-new"), "a letter");
  WriteWholeFile(fs_.get(), "/copy.sheaf-new", std::string(9000, '\0'));  // half a copy
  EXPECT_TRUE(db_->Backup("/copy.sheaf").ok());
}

// A backup named like the log of a database took the log's place.
TEST_F(KeepingReview, LogsAreNoDestinations) {
  Put("a", "1", Durability::kProcess);
  BackupOptions over;
  over.overwrite = true;
  EXPECT_TRUE(absl::IsInvalidArgument(db_->Backup("/t.sheaf-log", over).status()));
  ASSERT_TRUE(db_->Backup("/copy.sheaf").ok());
  // The log of a database that was moved away holds its newest commits.
  WriteWholeFile(fs_.get(), "/moved.sheaf-log", "commits");
  RestoreOptions restore;
  restore.file_system = fs_.get();
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Restore("/copy.sheaf", "/moved.sheaf", restore).status()));
  EXPECT_EQ(ReadWholeFile(fs_.get(), "/moved.sheaf-log"), "commits");
}

// A callback without a key made a plain database, or ended the process.
TEST_F(KeepingReview, ACallbackMustReturnAKey) {
  const auto none = EncryptionKey::FromCallback([] { return EncryptionKey(); });
  options_.key = none;
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open("/n.sheaf", options_).status()));
  EXPECT_FALSE(*fs_->Exists("/n.sheaf"));
  options_.key = RawKey('k');
  ASSERT_TRUE(Database::Open("/n.sheaf", options_).ok());
  options_.key = none;
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open("/n.sheaf", options_).status()));
}

// A backup beside a compaction met the new end of the file and called it damage.
TEST_F(KeepingReview, ABackupBesideACompaction) {
  for (int i = 0; i < 3000; ++i)
    Put("key" + std::to_string(10'000 + i), std::string(1000, 'v'), Durability::kNone);
  ASSERT_TRUE(db_->Checkpoint().ok());
  bool compacted = false;
  Progress progress;
  progress.report = [&](const Progress::State&) {
    if (compacted) return true;
    compacted = true;
    EXPECT_TRUE(
        db_->Write([](WriteTransaction& txn) {
             return txn.table("t")->DeleteRange(KeyRange::Prefix("key11")).status();
           })
            .ok());
    EXPECT_TRUE(db_->Compact().ok());
    return true;
  };
  const absl::StatusOr<BackupReport> report = db_->Backup("/copy.sheaf", {}, progress);
  ASSERT_TRUE(report.ok()) << report.status();
  VerifyOptions verify;
  verify.level = CheckLevel::kFull;
  verify.file_system = fs_.get();
  const absl::StatusOr<CheckReport> check = VerifyBackup("/copy.sheaf", verify);
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_TRUE(check->ok());
  EXPECT_EQ(check->entries_checked, 3000u);
}

}  // namespace
}  // namespace sheaf::test
