// The scrubber: finds every damaged page of a file that is in use, keeps to its rate, can
// be paused, and is no burden to writers.
#include "sheaf/scrubber.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

constexpr char kPath[] = "/t.sheaf";

class ScrubberTest : public ApiTest {
 protected:
  ScrubberTest() {
    for (int i = 0; i < 400; ++i)
      Put(absl::StrCat("key", i), std::string(1000, 'v'), Durability::kProcess);
    Put("large", std::string(500'000, 'l'));
    EXPECT_TRUE(db_->Checkpoint().ok());
  }
  ScrubOptions Fast() {
    ScrubOptions options;
    options.bytes_per_second_max = 0;
    options.pause = absl::ZeroDuration();
    return options;
  }
};

TEST_F(ScrubberTest, AGoodFileHasNoFindings) {
  Scrubber scrubber(db_.get(), Fast());
  ASSERT_TRUE(scrubber.WaitForPasses(3, absl::Seconds(20)));
  const ScrubStatus status = scrubber.status();
  EXPECT_TRUE(status.error.ok()) << status.error;
  EXPECT_EQ(status.pages_damaged, 0u);
  EXPECT_GE(status.pages, 3 * db_->stats().pages_live * 9 / 10);
}

TEST_F(ScrubberTest, DamageIsFoundWhileWritersGoOn) {
  // Pages in use, damaged behind the database's back.
  const absl::StatusOr<CheckReport> before = db_->Check();
  ASSERT_TRUE(before.ok() && before->ok());
  std::string bytes = ReadWholeFile(fs_.get(), kPath);
  auto file = *fs_->Open(kPath, pager::OpenMode::kReadWrite);
  std::set<uint64_t> damaged;
  for (uint64_t page = 10; page < bytes.size() / 4096; page += 40) {
    ASSERT_TRUE(file->Write(page * 4096 + 1000, "rotten").ok());
    damaged.insert(page);
  }
  absl::Mutex mu;
  std::set<uint64_t> found;
  ScrubOptions options = Fast();
  options.on_damage = [&](const CheckFinding& finding) {
    absl::MutexLock lock(&mu);
    EXPECT_NE(finding.what, "");
    found.insert(finding.page);
  };
  Scrubber scrubber(db_.get(), options);
  for (int i = 0; i < 50; ++i) Put("other", absl::StrCat(i), Durability::kProcess);
  ASSERT_TRUE(scrubber.WaitForPasses(2, absl::Seconds(20)));
  EXPECT_TRUE(scrubber.status().error.ok()) << scrubber.status().error;
  absl::MutexLock lock(&mu);
  EXPECT_GE(found.size(), damaged.size() / 2);  // a large value's pages are one node
  EXPECT_LE(found.size(), damaged.size());
}

TEST_F(ScrubberTest, PausesAndKeepsToItsRate) {
  ScrubOptions options = Fast();
  options.bytes_per_second_max = 1 << 20;
  Scrubber scrubber(db_.get(), options);
  EXPECT_FALSE(scrubber.WaitForPasses(1, absl::Milliseconds(100)));  // a megabyte or so
  scrubber.Pause();
  absl::SleepFor(absl::Milliseconds(60));
  const uint64_t pages = scrubber.status().pages;
  absl::SleepFor(absl::Milliseconds(150));
  EXPECT_EQ(scrubber.status().pages, pages);
  scrubber.Resume();
  EXPECT_TRUE(scrubber.WaitForPasses(1, absl::Seconds(20)));
}

TEST_F(ScrubberTest, EndsAtOnce) {
  ScrubOptions options = Fast();
  options.bytes_per_second_max = 1000;
  const absl::Time begin = absl::Now();
  { Scrubber scrubber(db_.get(), options); }
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  EXPECT_TRUE(db_->Close().ok());
}

TEST(ScrubberOfMemory, SaysThatThereIsNoFile) {
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(db.ok());
  Scrubber scrubber(db->get(), {});
  ASSERT_TRUE(scrubber.WaitForPasses(1, absl::Seconds(5)));
  EXPECT_TRUE(absl::IsFailedPrecondition(scrubber.status().error));
}

}  // namespace
}  // namespace sheaf::test
