// An encrypted database: it comes back for its key and for no other; nothing of what was
// stored is found in file or log; what was forged, with checksums set right, is an error
// that names the page; no nonce is used twice under one key. (RELIABILITY R13, B36)
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/checksum.h"
#include "pager/cipher.h"
#include "pager/coding.h"
#include "pager/log_format.h"
#include "pager/page.h"
#include "sheaf/collection.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

constexpr char kMarker[] = "ConspicuousMarker";
constexpr char kPath[] = "/t.sheaf";
constexpr char kLogPath[] = "/t.sheaf-log";

EncryptionKey RawKey(char fill) { return *EncryptionKey::Raw(std::string(32, fill)); }
EncryptionKey Passphrase(const char* text) { return *EncryptionKey::Passphrase(text); }

// With a raw key and with a passphrase.
class Encryption : public ApiTest, public testing::WithParamInterface<bool> {
 protected:
  // A file system of its own, since the fixture has made a plain database.
  Encryption() {
    options_.key = GetParam() ? Passphrase("correct horse") : RawKey('k');
    options_.scrypt_log2_n = 6;
    Restart(std::make_unique<FaultyFileSystem>());
  }
  void Fill() {
    for (int i = 0; i < 300; ++i)
      Put(absl::StrCat(kMarker, "key", i),
          absl::StrCat(kMarker, std::string(static_cast<size_t>(i), 'v')),
          Durability::kProcess);
    Put("large", absl::StrCat(kMarker, std::string(300'000, 'l'), kMarker));
    WriteTransaction txn = Begin();
    absl::StatusOr<Collection> notes = txn.collection(absl::StrCat(kMarker, "notes"));
    ASSERT_TRUE(notes.ok());
    ASSERT_TRUE(notes->Put(7, absl::StrCat("{\"", kMarker, "\":1}")).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  void ExpectFilled() {
    const Contents all = All();
    EXPECT_EQ(all.size(), 301u);
    EXPECT_EQ(all.at("large").size(), 300'000 + 2 * (sizeof(kMarker) - 1));
    EXPECT_EQ(all.at(absl::StrCat(kMarker, "key0")), kMarker);
    const ReadTransaction read = db_->BeginRead();
    EXPECT_EQ(*read.collection(absl::StrCat(kMarker, "notes"))->Get(7),
              absl::StrCat("{\"", kMarker, "\":1}"));
    ExpectClean();
  }
  bool MarkerInFiles() {
    for (const char* path : {kPath, kLogPath}) {
      absl::StatusOr<bool> exists = fs_->Exists(path);
      if (exists.ok() && *exists &&
          ReadWholeFile(fs_.get(), path).find(kMarker) != std::string::npos)
        return true;
    }
    return false;
  }
  absl::Status OpenStatus(const EncryptionKey& key, bool read_only = false) {
    Options options = options_;
    options.key = key;
    options.read_only = read_only;
    return Database::Open(kPath, options).status();
  }
};

TEST_P(Encryption, EverythingComesBackAndNothingIsSeen) {
  Fill();
  EXPECT_FALSE(MarkerInFiles());
  ExpectFilled();
  Kill();  // all of it from the log
  EXPECT_GT(db_->stats().replayed_commits, 0u);
  EXPECT_FALSE(MarkerInFiles());
  ExpectFilled();
  ASSERT_TRUE(db_->Checkpoint().ok());
  Put("after", kMarker, Durability::kProcess);
  Kill();
  EXPECT_EQ(All().count("after"), 1u);
  Reopen();
  EXPECT_FALSE(MarkerInFiles());
  EXPECT_EQ(All().size(), 302u);
  ExpectClean();
  // The same in plain: the search finds what is there.
  options_.key = EncryptionKey();
  Restart(std::make_unique<FaultyFileSystem>());
  Fill();
  EXPECT_TRUE(MarkerInFiles());
}

// Early spilled pages are encrypted, too, and what was spilled reads back.
TEST_P(Encryption, LargerThanTheCache) {
  options_.cache_bytes_max = 1 << 20;
  options_.transaction_log_bytes_max = 64 << 10;
  Restart(std::make_unique<FaultyFileSystem>());
  WriteTransaction txn = Begin();
  absl::StatusOr<Table> table = txn.table("t");
  ASSERT_TRUE(table.ok());
  for (int i = 0; i < 20'000; ++i)
    ASSERT_TRUE(
        table->Put(absl::StrCat(i * 7919 % 20'000), absl::StrCat(kMarker, i)).ok());
  EXPECT_FALSE(MarkerInFiles());
  ASSERT_TRUE(txn.Commit().ok());
  Reopen();
  EXPECT_EQ(All().size(), 20'000u);
  EXPECT_FALSE(MarkerInFiles());
  ExpectClean();
}

TEST_P(Encryption, WrongKeysAreToldApartAndWriteNothing) {
  Fill();
  const Disk crashed = fs_->Contents();
  ASSERT_TRUE(db_->Close().ok());
  const Disk closed = fs_->Contents();
  for (const Disk* disk : {&crashed, &closed}) {
    FaultyFileSystem fs(*disk);
    options_.file_system = &fs;
    const std::string file = ReadWholeFile(&fs, kPath);
    for (const bool read_only : {false, true}) {
      const absl::Status missing = OpenStatus(EncryptionKey(), read_only);
      EXPECT_TRUE(absl::IsPermissionDenied(missing)) << missing;
      EXPECT_NE(missing.message().find("is encrypted"), absl::string_view::npos);
      for (const EncryptionKey& wrong :
           {RawKey('w'), Passphrase("wrong horse"), Passphrase("k")}) {
        const absl::Status status = OpenStatus(wrong, read_only);
        EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
        EXPECT_EQ(status.message().find("is encrypted"), absl::string_view::npos);
      }
    }
    EXPECT_TRUE(fs.recording().events.empty()) << "something was written";
    EXPECT_EQ(ReadWholeFile(&fs, kPath), file);
    EXPECT_TRUE(OpenStatus(options_.key).ok());
  }
}

TEST(EncryptionOfPlainFiles, AKeyTooManyIsTold) {
  FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  ASSERT_TRUE((*Database::Open(kPath, options))->Close().ok());
  const std::string file = ReadWholeFile(&fs, kPath);
  options.key = RawKey('k');
  const absl::Status status = Database::Open(kPath, options).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find("is not encrypted"), absl::string_view::npos);
  EXPECT_EQ(ReadWholeFile(&fs, kPath), file);
}

TEST(EncryptionOfNewFiles, AKeyThatCannotBeHadMakesNone) {
  FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.key = EncryptionKey::FromCallback(
      []() -> absl::StatusOr<EncryptionKey> { return absl::CancelledError("not now"); });
  EXPECT_TRUE(absl::IsCancelled(Database::Open(kPath, options).status()));
  options.key = Passphrase("p");
  options.scrypt_log2_n = 40;
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open(kPath, options).status()));
  EXPECT_FALSE(*fs.Exists(kPath));
  EXPECT_FALSE(*fs.Exists(absl::StrCat(kPath, "-new")));
}

TEST(EncryptionOfNewFiles, TheCallbackIsAskedOnce) {
  FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.scrypt_log2_n = 4;
  int asked = 0;
  options.key = EncryptionKey::FromCallback([&] {
    ++asked;
    return EncryptionKey::Passphrase("p");
  });
  ASSERT_TRUE((*Database::Open(kPath, options))->Close().ok());
  EXPECT_EQ(asked, 1);
  ASSERT_TRUE((*Database::Open(kPath, options))->Close().ok());
  EXPECT_EQ(asked, 2);
}

// Somebody who can write to the file, and knows the format, but not the key.
TEST_P(Encryption, ForgeriesAreNoticed) {
  Fill();
  ASSERT_TRUE(db_->Close().ok());
  const std::string good = ReadWholeFile(fs_.get(), kPath);
  int noticed = 0;
  for (uint64_t id = 2; id < good.size() / pager::kPageBytes; ++id) {
    PageEditor editor(good);
    if (pager::PageIdOf(editor.page(id)) != id) continue;
    const size_t size = pager::PagesOf(editor.page(id)) * pager::kPageBytes;
    for (const size_t at :
         {size_t{pager::PageHeader::kNonce}, size_t{pager::PageHeader::kTag},
          size_t{pager::PageHeader::kKindFields}, size - 1}) {
      PageEditor forged(good);
      forged.Edit(id, [&](char* page) { page[at] = static_cast<char>(page[at] ^ 1); });
      WriteWholeFile(fs_.get(), kPath, forged.file());
      Options options = options_;
      options.read_only = true;
      absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(kPath, options);
      absl::StatusOr<CheckReport> report = db.ok() ? (*db)->Check() : db.status();
      // Pages that nothing refers to any more may say what they like.
      if (report.ok() && report->ok()) continue;
      ++noticed;
      std::string what(report.status().message());
      if (report.ok()) what = report->findings[0].what;
      EXPECT_NE(what.find("authentication tag"), std::string::npos) << id << ": " << what;
    }
  }
  EXPECT_GT(noticed, 40);
}

TEST_P(Encryption, ItCannotBePassedOffAsAPlainFile) {
  Fill();
  ASSERT_TRUE(db_->Close().ok());
  PageEditor editor(ReadWholeFile(fs_.get(), kPath));
  constexpr size_t kFeatures = 172;
  for (const pager::PageId id : {0, 1})
    editor.Edit(id, [](char* page) { pager::EncodeFixed32(page + kFeatures, 0); });
  WriteWholeFile(fs_.get(), kPath, editor.file());
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenStatus(options_.key)));
  EXPECT_TRUE(absl::IsDataLoss(OpenStatus(EncryptionKey())));
}

// A frame of the log with one bit changed and its chain value set right.
TEST_P(Encryption, ForgedCommitsAreNoticed) {
  Put("k", "v");
  const auto disk = fs_->Contents();
  FaultyFileSystem fs(disk);
  std::string log = ReadWholeFile(&fs, kLogPath);
  const size_t frame = pager::kLogFileHeaderBytes + pager::kSegmentHeaderBytes;
  const std::optional<pager::LogSegmentHeader> header = pager::DecodeSegmentHeader(
      log.data() + pager::kLogFileHeaderBytes, pager::DecodeFixed64(log.data() + 32),
      /*encrypted=*/true);
  ASSERT_TRUE(header.has_value());
  const uint32_t length = pager::DecodeFixed32(log.data() + frame + 4);
  log[frame + pager::kFrameHeaderBytes] ^= 1;
  char seed[4];
  pager::EncodeFixed32(seed, header->seed());
  pager::EncodeFixed32(
      log.data() + frame,
      pager::Crc32c(pager::Crc32c(0, seed, sizeof(seed)), log.data() + frame + 4,
                    pager::kFrameHeaderBytes - 4 + length));
  WriteWholeFile(&fs, kLogPath, log);
  Options options = options_;
  options.file_system = &fs;
  const absl::Status status = Database::Open(kPath, options).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(status.message().find("authentication tag"), absl::string_view::npos);
}

std::set<std::string>* g_nonces = nullptr;
uint64_t g_repeated = 0;

// Copies of the files go on separately, are killed, lose what was not synced: a nonce
// that was used once under a key is not used again.
TEST_P(Encryption, NoNonceIsUsedTwice) {
  std::set<std::string> nonces;
  g_nonces = &nonces;
  g_repeated = 0;
  pager::Cipher::set_observer([](std::string_view key, std::string_view nonce) {
    if (!g_nonces
             ->insert(absl::StrCat(absl::string_view(key.data(), key.size()),
                                   absl::string_view(nonce.data(), nonce.size())))
             .second)
      ++g_repeated;
  });
  for (int round = 0; round < 6; ++round) {
    Fill();
    const auto disk = fs_->Contents();
    CutPower();
    Put("one", absl::StrCat(round));
    ASSERT_TRUE(db_->Checkpoint().ok());
    Restart(std::make_unique<FaultyFileSystem>(disk));  // the same past, another future
    Put("one", absl::StrCat(round));
    ASSERT_TRUE(db_->Checkpoint().ok());
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.table("t")->Put("never", "committed").ok());
    txn.Rollback();
  }
  pager::Cipher::set_observer(nullptr);
  EXPECT_EQ(g_repeated, 0u);
  EXPECT_GT(nonces.size(), 1000u);
}

INSTANTIATE_TEST_SUITE_P(Keys, Encryption, testing::Bool(), [](const auto& info) {
  return info.param ? "Passphrase" : "Raw";
});

// A page is described to who has the key; who has not learns that it is encrypted.
TEST(EncryptedPages, AreDescribedWithTheKeyOnly) {
  FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.key = RawKey('k');
  {
    auto db = *Database::Open(kPath, options);
    ASSERT_TRUE(db->Write([](WriteTransaction& txn) {
                    return txn.table("t")->Put("k", kMarker);
                  }).ok());
    ASSERT_TRUE(db->Close().ok());
  }
  const absl::StatusOr<PageDescription> root = Database::DescribePage(kPath, 0, options);
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_TRUE(root->intact) << root->problem;
  EXPECT_NE(root->json.find("\"encrypted\":true"), std::string::npos) << root->json;
  EXPECT_NE(root->json.find("catalog_root"), std::string::npos);
  EXPECT_TRUE(Database::DescribePage(kPath, 2, options)->intact);
  options.key = EncryptionKey();
  const absl::StatusOr<PageDescription> closed =
      Database::DescribePage(kPath, 0, options);
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_TRUE(closed->intact);  // its checksum is right; more cannot be said
  EXPECT_NE(closed->problem.find("encrypted"), std::string::npos) << closed->problem;
  options.key = RawKey('w');
  EXPECT_TRUE(
      absl::IsPermissionDenied(Database::DescribePage(kPath, 0, options).status()));
}

}  // namespace
}  // namespace sheaf::test
