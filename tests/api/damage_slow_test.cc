// The sweeps of damage_test.cc without gaps (RELIABILITY R7): every bit of both
// superblocks, of the catalog's root, of the page map and of the log.
#include <gtest/gtest.h>

#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

using pager::kPageBytes;
using pager::PageId;

// The file stays in place and one byte of it changes at a time.
class SweepTest : public testing::Test {
 protected:
  void Sweep(const std::string& path, const std::string& bytes, size_t begin, size_t end,
             const std::function<void(const Verdict&)>& expect) {
    auto file = fs_->Open(path, pager::OpenMode::kReadWrite);
    ASSERT_TRUE(file.ok());
    for (size_t bit = begin * 8; bit < end * 8 && !HasFailure(); ++bit) {
      const char flipped = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
      ASSERT_TRUE((*file)->Write(bit / 8, {&flipped, 1}).ok());
      const Verdict v = Judge(fs_.get(), kPath, /*read_only=*/true);
      EXPECT_TRUE(v.open.ok() || IsDamageCode(v.open)) << v.open;
      expect(v);
      if (HasFailure()) ADD_FAILURE() << "bit " << bit << "\n" << v.ToString();
      ASSERT_TRUE((*file)->Write(bit / 8, {&bytes[bit / 8], 1}).ok());
    }
  }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
};

TEST_F(SweepTest, EveryBitOfWhatOpeningReads) {
  const Sample sample = MakeSample();
  WriteWholeFile(fs_.get(), kPath, sample.file);
  const PageEditor editor(sample.file);
  std::vector<PageId> pages = {0, 1, editor.superblock().catalog_root.id,
                               editor.map_page().id, editor.map_index().id};
  for (const PageId id : pages) {
    Sweep(kPath, sample.file, id * kPageBytes, (id + 1) * kPageBytes,
          [&](const Verdict& v) {
            EXPECT_TRUE(v.noticed());
            if (v.open.ok() && v.read.ok()) {
              EXPECT_TRUE(v.content == sample.content);
            }
          });
  }
}

TEST_F(SweepTest, EveryBitOfTheLog) {
  const CrashedSample sample = MakeCrashedSample();
  WriteWholeFile(fs_.get(), kPath, sample.file);
  WriteWholeFile(fs_.get(), kLogPath, sample.log);
  const auto expect = [&](const Verdict& v) {
    if (!v.open.ok()) return;
    EXPECT_TRUE(v.read.ok() && !v.noticed());
    EXPECT_TRUE(std::find(sample.versions.begin(), sample.versions.end(), v.content) !=
                sample.versions.end())
        << "the state after no commit";
  };
  Sweep(kLogPath, sample.log, 0, 64, expect);
  Sweep(kLogPath, sample.log, 4096, sample.log_used, expect);
}

}  // namespace
}  // namespace sheaf::test
