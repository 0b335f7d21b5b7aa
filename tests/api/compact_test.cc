// Compaction: what was deleted leaves the file, nothing else changes; beside readers,
// whose pages stay; cancelled, repeated, with large values, over a crash. (B12)
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

std::string Bytes(size_t n, int seed) {
  return std::string(n, static_cast<char>('a' + seed % 26));
}

class Compaction : public ApiTest {
 protected:
  // Values of every size, some of them in extents of one page, of 16 and of several.
  void Fill(int entries, uint32_t seed) {
    static constexpr size_t kSizes[] = {10, 100, 900, 3000, 20'000, 70'000, 200'000};
    std::mt19937 random(seed);
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table = txn.table("t");
    ASSERT_TRUE(table.ok());
    for (int i = 0; i < entries; ++i) {
      const std::string key = absl::StrCat("key", random() % 100'000);
      const std::string value = Bytes(kSizes[random() % 7], i);
      ASSERT_TRUE(table->Put(key, value).ok());
      model_[key] = value;
    }
    ASSERT_TRUE(txn.Commit().ok());
  }
  void DeleteSome(uint32_t seed, uint32_t of_hundred) {
    std::mt19937 random(seed);
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table = txn.table("t");
    ASSERT_TRUE(table.ok());
    for (auto it = model_.begin(); it != model_.end();) {
      const bool goes = random() % 100 < of_hundred;
      if (goes) {
        ASSERT_TRUE(table->Delete(it->first).ok());
      }
      it = goes ? model_.erase(it) : std::next(it);
    }
    ASSERT_TRUE(txn.Commit().ok());
  }
  CompactReport Compact() {
    absl::StatusOr<CompactReport> report = db_->Compact();
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : CompactReport();
  }
  uint64_t FileBytes() { return ReadWholeFile(fs_.get(), "/t.sheaf").size(); }
  void ExpectModel() {
    EXPECT_TRUE(All() == model_);
    ExpectClean();
  }
  std::map<std::string, std::string> model_;
};

TEST_F(Compaction, TheFileShrinksToWhatItHolds) {
  Fill(400, 1);
  ASSERT_TRUE(db_->Checkpoint().ok());
  const uint64_t full = FileBytes();
  DeleteSome(2, 90);
  const CompactReport report = Compact();
  EXPECT_GE(report.bytes_before, full);
  EXPECT_EQ(report.bytes_after, FileBytes());
  EXPECT_GT(report.pages_moved, 0u);
  EXPECT_EQ(report.readers_open, 0u);
  const DatabaseStats stats = db_->stats();
  EXPECT_LT(stats.pages_free, stats.pages_total / 20 + 8) << stats.pages_total;
  EXPECT_LT(report.bytes_after, full / 4);
  ExpectModel();
  Reopen();
  EXPECT_LE(FileBytes(), report.bytes_after);
  ExpectModel();
}

TEST_F(Compaction, RandomRoundsAgainstAModel) {
  for (uint32_t round = 0; round < 12; ++round) {
    Fill(80, round + 100);
    DeleteSome(round, 20 + round * 6 % 60);
    Compact();
    ExpectModel();
    if (round % 4 == 1) Reopen();
    if (round % 4 == 3) Kill();
    ExpectModel();
  }
}

TEST_F(Compaction, NothingToDoIsDoneAtOnce) {
  Fill(50, 3);
  Compact();
  const uint64_t bytes = FileBytes();
  const CompactReport again = Compact();
  EXPECT_EQ(again.pages_moved, 0u);
  EXPECT_EQ(FileBytes(), bytes);
  db_.reset();
  Restart(std::make_unique<FaultyFileSystem>());  // an empty database
  EXPECT_EQ(Compact().pages_moved, 0u);
}

TEST_F(Compaction, OpenReadersKeepTheirPagesAndItSaysSo) {
  Fill(300, 4);
  const Contents before = model_;
  std::optional<ReadTransaction> read = db_->BeginRead();
  DeleteSome(5, 95);
  const CompactReport held = Compact();
  EXPECT_EQ(held.readers_open, 1u);
  EXPECT_GT(held.pages_held, 100u);
  EXPECT_TRUE(All(*read->table("t")) == before);
  read.reset();
  const CompactReport after = Compact();
  EXPECT_LT(after.bytes_after, held.bytes_after / 2);
  ExpectModel();
}

TEST_F(Compaction, CancelledItKeepsWhatItReached) {
  Fill(600, 6);
  DeleteSome(7, 50);
  uint64_t calls = 0;
  Progress progress;
  progress.report = [&](const Progress::State& state) {
    EXPECT_LE(state.done, state.total + 2000);
    return ++calls < 2;
  };
  EXPECT_TRUE(absl::IsCancelled(db_->Compact(progress).status()));
  ExpectModel();
  progress.report = nullptr;
  progress.deadline = absl::Now() - absl::Seconds(1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(db_->Compact(progress).status()));
  Kill();
  ExpectModel();
  Compact();
  ExpectModel();
}

// No more than the file had, and what a checkpoint needs: the map.
TEST_F(Compaction, TakesNoMoreSpaceMeanwhile) {
  Fill(600, 8);
  DeleteSome(9, 60);
  ASSERT_TRUE(db_->Checkpoint().ok());
  const uint64_t before = FileBytes();
  uint64_t most = 0;
  Progress progress;
  progress.report = [&](const Progress::State&) {
    most = std::max(most, FileBytes());
    return true;
  };
  ASSERT_TRUE(db_->Compact(progress).ok());
  EXPECT_GT(most, 0u);
  EXPECT_LE(most, before + 64 * 4096);
}

TEST_F(Compaction, ASmallCacheIsEnough) {
  options_.cache_bytes_max = 1 << 20;
  Reopen();
  for (uint32_t seed = 20; seed < 26; ++seed) Fill(200, seed);
  DeleteSome(27, 85);
  const CompactReport report = Compact();
  EXPECT_LT(report.bytes_after, report.bytes_before / 3);
  ExpectModel();
}

TEST_F(Compaction, IsRefusedWhereItCannotBe) {
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Compact().status()));
  options_.read_only = true;
  Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Compact().status()));
  auto memory = Database::OpenInMemory();
  ASSERT_TRUE(memory.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition((*memory)->Compact().status()));
}

}  // namespace
}  // namespace sheaf::test
