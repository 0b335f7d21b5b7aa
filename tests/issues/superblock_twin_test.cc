// A crash while page 1 is written leaves only page 0 good; the next superblock went
// over page 0, so a second crash in that write left none (RELIABILITY B3, B15).
// Found by tests/crash/fail_nth_test.cc. Both crashes are built here.
#include <gtest/gtest.h>

#include <memory>

#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/support/crash_images.h"

namespace sheaf::test {
namespace {

constexpr uint64_t kPage = 4096;

Options On(FaultyFileSystem* fs) {
  Options options;
  options.file_system = fs;
  options.background_checkpoints = false;
  return options;
}

absl::Status Put(Database* db, const char* key) {
  return db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
    return table.Put(key, "v");
  });
}

// The disk after a crash in the last write to this page: torn, nothing else lost.
std::unique_ptr<FaultyFileSystem> TornIn(FaultyFileSystem* fs, uint64_t page) {
  const Recording recording = fs->recording();
  size_t last = 0;
  for (size_t i = 0; i < recording.events.size(); ++i) {
    const Event& event = recording.events[i];
    if (event.kind == Event::Kind::kWrite && event.path == "/t.sheaf" &&
        event.offset == page * kPage)
      last = i;
  }
  CrashImage image = ImageAt(recording, last + 1);
  image.fates.back() = {Fate::Kind::kHead, 512};
  return BuildImage(recording, image);
}

TEST(SuperblockTwin, TornTwinIsRepairedBeforeTheOtherIsOverwritten) {
  FaultyFileSystem fs;
  auto db = Database::Open("/t.sheaf", On(&fs));
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE(Put(db->get(), "a").ok());
  ASSERT_TRUE((*db)->Checkpoint().ok());

  std::unique_ptr<FaultyFileSystem> once = TornIn(&fs, 1);
  auto again = Database::Open("/t.sheaf", On(once.get()));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE((*again)->Check()->ok());
  ASSERT_TRUE(Put(again->get(), "b").ok());
  ASSERT_TRUE((*again)->Checkpoint().ok());

  std::unique_ptr<FaultyFileSystem> twice = TornIn(once.get(), 0);
  auto last = Database::Open("/t.sheaf", On(twice.get()));
  ASSERT_TRUE(last.ok()) << last.status();
  ReadTransaction read = (*last)->BeginRead();
  EXPECT_EQ(*read.table("t")->size(), 2u);
  EXPECT_TRUE((*last)->Check()->ok());
}

// The same with a sync that failed in between and left page 1 in the page cache
// only, marked clean: it looks whole until the power goes (R5).
TEST(SuperblockTwin, TwinThatNeverReachedTheDiskIsWrittenAgain) {
  FaultyFileSystem fs;
  auto db = Database::Open("/t.sheaf", On(&fs));
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE(Put(db->get(), "a").ok());
  ASSERT_TRUE((*db)->Checkpoint().ok());  // page 1 is not synced yet
  ASSERT_TRUE(Put(db->get(), "b").ok());
  Fault fault;
  fault.calls = kSync;
  fault.sync_loss = SyncLoss::kReadsNew;
  fault.path_suffix = ".sheaf";
  fs.Inject(fault);
  ASSERT_FALSE((*db)->Checkpoint().ok());
  db->reset();

  auto again = Database::Open("/t.sheaf", On(&fs));
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(Put(again->get(), "c").ok());
  ASSERT_TRUE((*again)->Checkpoint().ok());
  std::unique_ptr<FaultyFileSystem> cut = TornIn(&fs, 0);
  auto last = Database::Open("/t.sheaf", On(cut.get()));
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(*(*last)->BeginRead().table("t")->size(), 3u);
  EXPECT_TRUE((*last)->Check()->ok());
}

}  // namespace
}  // namespace sheaf::test
