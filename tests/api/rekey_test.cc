// Another key for the same file: at once (Rekey), and with every page sealed anew
// (RotateFileKey), which may be interrupted and goes on. (RELIABILITY R13, B36)
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

constexpr char kPath[] = "/t.sheaf";

EncryptionKey RawKey(char fill) { return *EncryptionKey::Raw(std::string(32, fill)); }

class Rekey : public ApiTest {
 protected:
  Rekey() {
    options_.key = RawKey('k');
    options_.scrypt_log2_n = 6;
    Restart(std::make_unique<FaultyFileSystem>());
    for (int i = 0; i < 200; ++i)
      Put(absl::StrCat("key", i), std::string(static_cast<size_t>(i * 37), 'v'),
          Durability::kProcess);
    Put("large", std::string(300'000, 'l'));
    filled_ = All();
  }
  absl::Status OpenStatus(const EncryptionKey& key) {
    Options options = options_;
    options.key = key;
    return Database::Open(kPath, options).status();
  }
  void ReopenWith(const EncryptionKey& key) {
    ASSERT_TRUE(db_->Close().ok());
    db_.reset();
    options_.key = key;
    Open();
  }
  void ExpectFilled() {
    EXPECT_TRUE(All() == filled_);
    ExpectClean();
  }
  std::string Pages() { return ReadWholeFile(fs_.get(), kPath); }

  Contents filled_;
};

TEST_F(Rekey, TheNewKeyOpensAndTheOldOneDoesNot) {
  const std::string before = Pages();
  ASSERT_TRUE(db_->Rekey(RawKey('n')).ok());
  const std::string after = Pages();
  ASSERT_EQ(before.size(), after.size());
  EXPECT_NE(before.substr(0, 8192), after.substr(0, 8192));
  EXPECT_EQ(before.substr(8192), after.substr(8192)) << "pages were touched";
  ExpectFilled();
  Put("more", "after", Durability::kProcess);
  filled_["more"] = "after";
  options_.key = RawKey('n');
  Kill();
  ExpectFilled();
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_TRUE(absl::IsPermissionDenied(OpenStatus(RawKey('k'))));
  EXPECT_TRUE(absl::IsPermissionDenied(OpenStatus(EncryptionKey())));
  db_.reset();
  Open();
  ExpectFilled();
  // To a passphrase, by a callback.
  ASSERT_TRUE(db_->Rekey(EncryptionKey::FromCallback(
                             [] { return EncryptionKey::Passphrase("sesame"); }))
                  .ok());
  ReopenWith(*EncryptionKey::Passphrase("sesame"));
  ExpectFilled();
}

TEST_F(Rekey, RotationSealsEveryPageAnew) {
  const std::string before = Pages();
  uint64_t reported = 0;
  Progress progress;
  progress.report = [&](const Progress::State& state) {
    reported = std::max(reported, state.done);
    return true;
  };
  ASSERT_TRUE(db_->RotateFileKey(RawKey('n'), progress).ok());
  EXPECT_GT(reported, 50u);
  ExpectFilled();
  Put("more", "after");
  filled_["more"] = "after";
  ReopenWith(RawKey('n'));
  ExpectFilled();
  // No live page has the bytes that it had, wherever that was.
  const std::string after = Pages();
  std::map<std::string, size_t> old_pages;
  for (size_t at = 8192; at + 4096 <= before.size(); at += 4096)
    old_pages[before.substr(at, 4096)] = at / 4096;
  Options options = options_;
  size_t live = 0;
  for (size_t at = 8192; at + 4096 <= after.size(); at += 4096) {
    auto page = Database::DescribePage(kPath, at / 4096, options);
    if (!page.ok() || !page->intact) continue;  // sealed by the key that was forgotten
    ++live;
    EXPECT_EQ(old_pages.count(after.substr(at, 4096)), 0u) << at / 4096;
  }
  EXPECT_GT(live, 50u);
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_TRUE(absl::IsPermissionDenied(OpenStatus(RawKey('k'))));
  Open();
  // And again, under the same key.
  ASSERT_TRUE(db_->RotateFileKey(RawKey('n')).ok());
  ReopenWith(RawKey('n'));
  ExpectFilled();
}

TEST_F(Rekey, AnInterruptedRotationGoesOn) {
  options_.key = RawKey('n');
  Progress progress;
  progress.report = [](const Progress::State& state) { return state.done == 0; };
  EXPECT_TRUE(absl::IsCancelled(db_->RotateFileKey(RawKey('n'), progress)));
  ExpectFilled();
  Put("between", "keys");
  filled_["between"] = "keys";
  Kill();  // both file keys are in the superblock
  ExpectFilled();
  Reopen();
  ExpectFilled();
  ASSERT_TRUE(db_->RotateFileKey(RawKey('n')).ok());
  ExpectFilled();
  CutPower();
  ExpectFilled();
  Reopen();
  ExpectFilled();
}

TEST_F(Rekey, ReadersKeepWhatTheySeeDuringARotation) {
  options_.cache_bytes_max = 1 << 20;  // so that they read from the file
  Reopen();
  Put("filler", std::string(3'000'000, 'f'));
  const ReadTransaction read = db_->BeginRead();
  const Contents before = All(*read.table("t"));
  ASSERT_TRUE(db_->RotateFileKey(RawKey('k')).ok());
  Put("key1", "changed");
  ASSERT_TRUE(db_->RotateFileKey(RawKey('k')).ok());
  EXPECT_TRUE(All(*read.table("t")) == before);
  ExpectClean();
}

TEST_F(Rekey, WrongCallsAreToldAndChangeNothing) {
  const std::string before = Pages();
  EXPECT_TRUE(absl::IsInvalidArgument(db_->Rekey(EncryptionKey())));
  EXPECT_TRUE(absl::IsInvalidArgument(db_->RotateFileKey(EncryptionKey())));
  const auto failing = EncryptionKey::FromCallback(
      []() -> absl::StatusOr<EncryptionKey> { return absl::AbortedError("no key"); });
  EXPECT_TRUE(absl::IsAborted(db_->Rekey(failing)));
  EXPECT_TRUE(absl::IsAborted(db_->RotateFileKey(failing)));
  EXPECT_TRUE(Pages() == before);
  ExpectFilled();
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Rekey(RawKey('n'))));
  db_.reset();
  options_.key = EncryptionKey();
  Restart(std::make_unique<FaultyFileSystem>());
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Rekey(RawKey('n'))));
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->RotateFileKey(RawKey('n'))));
}

}  // namespace
}  // namespace sheaf::test
