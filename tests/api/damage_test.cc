// Damaged files (RELIABILITY R7): bits flipped, pages zeroed, swapped and put back
// from an older version, files cut off or grown. Whatever is done, a database says
// the right thing or gives a clear error, and Check() finds every change to a page
// in use. The exhaustive sweeps are in damage_slow_test.cc.
#include "tests/api/damage_util.h"

#include <gtest/gtest.h>

#include <random>

namespace sheaf::test {
namespace {

using pager::kPageBytes;
using pager::PageId;

class DamageTest : public testing::Test {
 protected:
  void SetUp() override { sample_ = MakeSample(); }

  // What becomes of the closed file as changed by somebody.
  Verdict Expect(const std::string& damaged, Change change) {
    return ExpectHonest(damaged, "", sample_.content, change);
  }

  Sample sample_;
};

TEST_F(DamageTest, TheSampleItselfIsSound) {
  const Verdict v = Expect(sample_.file, Change::kHarmless);
  EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << v.ToString();
  EXPECT_EQ(v.content, sample_.content);
  PageEditor editor(sample_.file);
  EXPECT_GE(editor.LivePages().size(), 20u);
  EXPECT_GE(btree::NodeView(editor.page(editor.Tree("table").root.page.id)).level(), 1u);
}

TEST_F(DamageTest, FlippedBitsOfSuperblocks) {
  for (size_t bit = 0; bit < 2 * kPageBytes * 8; bit += 193) {
    std::string file = sample_.file;
    Flip(&file, bit);
    const Verdict v = Expect(file, Change::kTouchesUse);
    ASSERT_TRUE(v.open.ok() && v.read.ok())
        << "the other superblock is whole: bit " << bit;
  }
}

TEST_F(DamageTest, BothSuperblocksFlipped) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string file = sample_.file;
    Flip(&file, random() % (kPageBytes * 8));
    Flip(&file, kPageBytes * 8 + random() % (kPageBytes * 8));
    EXPECT_FALSE(Expect(file, Change::kTouchesUse).open.ok());
  }
}

TEST_F(DamageTest, FlippedBitsOfEveryPageInUse) {
  PageEditor editor(sample_.file);
  std::mt19937_64 random(2);
  for (const PageId id : editor.LivePages()) {
    for (int i = 0; i < 25; ++i) {
      std::string file = sample_.file;
      const uint64_t bit = random() % (kPageBytes * 8);
      Flip(&file, id * kPageBytes * 8 + (i == 0 ? random() % 512 : bit));
      Expect(file, Change::kTouchesUse);
    }
  }
}

TEST_F(DamageTest, FlippedBitsOfFreePagesDoNotMatter) {
  PageEditor editor(sample_.file);
  for (PageId id = 2; id < editor.page_count(); ++id) {
    if (editor.IsLive(id)) continue;
    std::string file = sample_.file;
    Flip(&file, id * kPageBytes * 8 + 4000);
    const Verdict v = Expect(file, Change::kHarmless);
    EXPECT_TRUE(v.read.ok() && !v.noticed()) << v.ToString();
  }
}

TEST_F(DamageTest, RandomDamageInManyPlaces) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 400; ++i) {
    std::string file = sample_.file;
    for (uint64_t n = 1 + random() % 40; n > 0; --n)
      file[random() % file.size()] = static_cast<char>(random());
    Expect(file, Change::kUnknown);
  }
}

TEST_F(DamageTest, ZeroedPages) {
  PageEditor editor(sample_.file);
  for (PageId id = 0; id < editor.page_count(); ++id) {
    std::string file = sample_.file;
    file.replace(id * kPageBytes, kPageBytes, kPageBytes, '\0');
    Expect(file, id < 2 || editor.IsLive(id) ? Change::kTouchesUse : Change::kHarmless);
  }
}

TEST_F(DamageTest, SwappedPages) {
  PageEditor editor(sample_.file);
  const std::vector<PageId> live = editor.LivePages();
  for (size_t i = 0; i < live.size(); ++i) {
    for (size_t j = i + 1; j < live.size(); j += 1 + j % 3) {
      std::string file = sample_.file;
      const std::string a = file.substr(live[i] * kPageBytes, kPageBytes);
      const std::string b = file.substr(live[j] * kPageBytes, kPageBytes);
      if (a == b) continue;
      file.replace(live[i] * kPageBytes, kPageBytes, b);
      file.replace(live[j] * kPageBytes, kPageBytes, a);
      Expect(file, Change::kTouchesUse);
    }
  }
  // The superblocks say which of them they are.
  std::string file = sample_.file;
  std::swap_ranges(file.begin(), file.begin() + kPageBytes, file.begin() + kPageBytes);
  EXPECT_FALSE(Expect(file, Change::kTouchesUse).open.ok());
}

// I6: a page that is whole, in its place, and out of date.
TEST_F(DamageTest, OlderVersionsOfPages) {
  PageEditor editor(sample_.file);
  ASSERT_FALSE(sample_.older.empty());
  int differing = 0;
  for (const std::string& older : sample_.older) {
    for (PageId id = 2; id < std::min(older.size(), sample_.file.size()) / kPageBytes;
         ++id) {
      const std::string page = older.substr(id * kPageBytes, kPageBytes);
      std::string file = sample_.file;
      if (file.compare(id * kPageBytes, kPageBytes, page) == 0) continue;
      file.replace(id * kPageBytes, kPageBytes, page);
      Expect(file, editor.IsLive(id) ? Change::kTouchesUse : Change::kHarmless);
      ++differing;
    }
  }
  EXPECT_GT(differing, 10);
}

// One superblock out of date: that is what a crash leaves, and the newer one wins.
TEST_F(DamageTest, OneOlderSuperblock) {
  for (const std::string& older : sample_.older) {
    for (const size_t id : {0, 1}) {
      std::string file = sample_.file;
      file.replace(id * kPageBytes, kPageBytes, older, id * kPageBytes, kPageBytes);
      const Verdict v = Expect(file, Change::kUnknown);
      EXPECT_TRUE(v.read.ok() && !v.noticed()) << v.ToString();
      EXPECT_EQ(v.content, sample_.content);
    }
  }
}

TEST_F(DamageTest, CutOffAtEvery512Bytes) {
  for (size_t size = 0; size < sample_.file.size(); size += 512) {
    const Verdict v = Expect(sample_.file.substr(0, size), Change::kTouchesUse);
    EXPECT_FALSE(v.open.ok()) << size;
  }
}

TEST_F(DamageTest, GarbageAppended) {
  std::mt19937_64 random(4);
  for (const size_t size : {1u, 511u, 512u, 4095u, 4096u, 4097u, 70000u}) {
    std::string file = sample_.file;
    while (file.size() < sample_.file.size() + size)
      file.push_back(static_cast<char>(random()));
    const Verdict v = Expect(file, Change::kHarmless);
    EXPECT_TRUE(v.read.ok() && !v.noticed()) << v.ToString();
    EXPECT_EQ(v.content, sample_.content);
    // And it can be written to.
    auto fs = pager::NewMemoryFileSystem();
    WriteWholeFile(fs.get(), kPath, file);
    auto db = OpenSample(fs.get());
    ASSERT_TRUE(db.ok()) << db.status();
    EXPECT_TRUE(AddSomething(db->get()).ok());
    EXPECT_TRUE((*db)->Check()->ok());
    EXPECT_TRUE((*db)->Close().ok());
    db->reset();
    EXPECT_FALSE(Judge(fs.get(), kPath, true).noticed());
  }
}

TEST_F(DamageTest, ReadingADamagedFileDoesNotChangeIt) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 50; ++i) {
    std::string file = sample_.file;
    for (int n = 0; n < 20; ++n)
      file[random() % file.size()] = static_cast<char>(random());
    auto fs = pager::NewMemoryFileSystem();
    WriteWholeFile(fs.get(), kPath, file);
    for (const bool read_only : {true, false}) {
      (void)Judge(fs.get(), kPath, read_only);
      // One superblock may be mended from the other.
      const size_t from = read_only ? 0 : 2 * kPageBytes;
      const std::string now = ReadWholeFile(fs.get(), kPath);
      size_t at = from;
      while (at < file.size() && at < now.size() && now[at] == file[at]) ++at;
      EXPECT_TRUE(at == file.size() && at == now.size())
          << "byte " << at << " of " << file.size() << ", now " << now.size();
      EXPECT_FALSE(*fs->Exists(std::string(kPath) + "-log"));
    }
  }
}

// Writing to a file with a damaged page: an error or a success, and what was there
// is there still or cannot be read.
TEST_F(DamageTest, WritingToADamagedFile) {
  PageEditor editor(sample_.file);
  for (const PageId id : editor.LivePages()) {
    std::string file = sample_.file;
    Flip(&file, (id * kPageBytes + 70) * 8);
    auto fs = pager::NewMemoryFileSystem();
    WriteWholeFile(fs.get(), kPath, file);
    auto db = OpenSample(fs.get());
    if (!db.ok()) continue;
    absl::Status status = AddSomething(db->get());
    if (status.ok()) status = DeleteSomething(db->get());
    if (status.ok()) status = (*db)->Checkpoint();
    EXPECT_TRUE(status.ok() || IsDamageCode(status)) << status;
    (void)(*db)->Close();
    db->reset();
    const Verdict v = Judge(fs.get(), kPath, true);
    EXPECT_TRUE(v.open.ok() || IsDamageCode(v.open)) << v.open;
  }
}

// --- With the log that a crash left -------------------------------------------

class CrashedDamageTest : public testing::Test {
 protected:
  void SetUp() override { sample_ = MakeCrashedSample(); }

  // The commits come back in order: some first part of them, with damage to the
  // log; all of them or an error, with damage to the file.
  void ExpectPrefix(const std::string& log, bool read_only) {
    auto fs = pager::NewMemoryFileSystem();
    WriteWholeFile(fs.get(), kPath, sample_.file);
    WriteWholeFile(fs.get(), kLogPath, log);
    ExpectPrefixIn(fs.get(), read_only);
    if (read_only) {
      EXPECT_TRUE(ReadWholeFile(fs.get(), kLogPath) == log) << "read-only wrote";
    }
  }
  void ExpectPrefixIn(pager::FileSystem* fs, bool read_only) {
    const Verdict v = Judge(fs, kPath, read_only);
    if (!v.open.ok()) {
      EXPECT_TRUE(IsDamageCode(v.open)) << v.open;
      return;
    }
    EXPECT_TRUE(v.read.ok()) << v.ToString();
    EXPECT_FALSE(v.noticed()) << v.ToString();
    const bool known = std::find(sample_.versions.begin(), sample_.versions.end(),
                                 v.content) != sample_.versions.end();
    EXPECT_TRUE(known) << "the state after no commit";
  }

  CrashedSample sample_;
};

TEST_F(CrashedDamageTest, TheSampleItselfIsSound) {
  for (const bool read_only : {true, false}) {
    const Verdict v = ExpectHonest(sample_.file, sample_.log, sample_.versions.back(),
                                   Change::kHarmless);
    EXPECT_TRUE(v.read.ok() && !v.noticed()) << v.ToString();
    EXPECT_EQ(v.content, sample_.versions.back()) << read_only;
  }
  EXPECT_GE(sample_.log_used, 1000u);
}

TEST_F(CrashedDamageTest, FlippedBitsOfTheLog) {
  constexpr size_t kBitStep = kAddressSanitizer ? 307 : 61;
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, sample_.file);
  WriteWholeFile(fs.get(), kLogPath, sample_.log);
  auto log = fs->Open(kLogPath, pager::OpenMode::kReadWrite);
  ASSERT_TRUE(log.ok());
  for (size_t bit = 0; bit < sample_.log_used * 8; ++bit) {
    const size_t byte = bit / 8;
    if (byte >= 64 && byte < 4096) continue;  // zeros behind the file header
    if (bit % kBitStep != 0) continue;        // the slow test takes them all
    const char there = sample_.log[byte];
    const char flipped = static_cast<char>(there ^ 1 << bit % 8);
    ASSERT_TRUE((*log)->Write(byte, {&flipped, 1}).ok());
    ExpectPrefixIn(fs.get(), /*read_only=*/true);
    ASSERT_TRUE((*log)->Write(byte, {&there, 1}).ok());
    if (HasFailure()) FAIL() << "bit " << bit;
  }
}

TEST_F(CrashedDamageTest, FlippedBitsOfTheLogOpenedForWriting) {
  for (size_t bit = 3; bit < sample_.log_used * 8; bit += 2003) {
    std::string log = sample_.log;
    Flip(&log, bit);
    ExpectPrefix(log, /*read_only=*/false);
    if (HasFailure()) FAIL() << "bit " << bit;
  }
}

TEST_F(CrashedDamageTest, LogCutOff) {
  for (size_t size = 0; size < sample_.log_used + 1024; size += 512) {
    ExpectPrefix(sample_.log.substr(0, size), size % 1024 != 0);
    if (HasFailure()) FAIL() << "size " << size;
  }
}

TEST_F(CrashedDamageTest, RandomDamageInTheLog) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 300; ++i) {
    std::string log = sample_.log;
    for (uint64_t n = 1 + random() % 4; n > 0; --n)
      log[random() % sample_.log_used] = static_cast<char>(random());
    ExpectPrefix(log, i % 4 != 0);
  }
}

TEST_F(CrashedDamageTest, GarbageAppendedToTheLog) {
  std::string log = sample_.log;
  log.append(70000, 'x');
  ExpectPrefix(log, true);
  ExpectPrefix(log, false);
}

TEST_F(CrashedDamageTest, FlippedBitsOfTheFile) {
  std::mt19937_64 random(7);
  PageEditor editor(sample_.file);
  for (int i = 0; i < 400; ++i) {
    std::string file = sample_.file;
    const std::vector<PageId> live = editor.LivePages();
    const PageId id = live[random() % live.size()];
    Flip(&file, id * kPageBytes * 8 + random() % (kPageBytes * 8));
    ExpectHonest(file, sample_.log, sample_.versions.back(), Change::kTouchesUse);
  }
}

TEST_F(CrashedDamageTest, LogMissing) {
  const Verdict v =
      ExpectHonest(sample_.file, "", sample_.versions.back(), Change::kTouchesUse);
  EXPECT_TRUE(absl::IsDataLoss(v.open)) << v.open;
  EXPECT_NE(v.open.message().find(kLogPath), std::string::npos) << v.open;
}

}  // namespace
}  // namespace sheaf::test
