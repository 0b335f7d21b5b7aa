// Proves that every figure of stats() means what database.h says and moves when it
// should, and that what is not used any more is given back.
#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class StatsTest : public ApiTest {
 protected:
  void PutMany(int count, size_t bytes, Durability durability = Durability::kFull) {
    WriteTransaction txn = Begin(durability);
    auto t = txn.table("t");
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(t->Put(absl::StrCat("key", i), std::string(bytes, 'v')).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
};

TEST_F(StatsTest, OfANewDatabase) {
  const DatabaseStats s = db_->stats();
  EXPECT_EQ(s.format_version, 1u);
  EXPECT_EQ(s.page_bytes, 4096u);
  EXPECT_EQ(s.file_bytes, 2 * 4096u);
  EXPECT_EQ(s.pages_total, 2u);
  EXPECT_EQ(s.pages_live, 2u);
  EXPECT_EQ(s.pages_free + s.pages_waiting, 0u);
  EXPECT_EQ(s.version, 0u);
  EXPECT_EQ(s.checkpoint_version, 0u);
  EXPECT_EQ(s.commits + s.rollbacks + s.checkpoints + s.replayed_commits, 0u);
  EXPECT_EQ(s.log_file_bytes + s.log_live_bytes + s.log_syncs, 0u);
  EXPECT_EQ(s.trees + s.entries, 0u);
  EXPECT_EQ(s.readers_open, 0u);
  EXPECT_EQ(s.oldest_reader_version, 0u);
  EXPECT_EQ(s.cache_bytes_max, options_.cache_bytes_max);
}

// What Check() counts on its own way must come out.
TEST_F(StatsTest, OfOneTree) {
  const auto measure = [&] { return *db_->BeginRead().Measure("t"); };
  PutMany(0, 0);
  EXPECT_EQ(measure().height, 0u);
  EXPECT_EQ(measure().entries + measure().leaf_pages + measure().value_bytes, 0u);
  PutMany(1, 100);
  EXPECT_EQ(measure().height, 1u);
  EXPECT_EQ(measure().leaf_pages, 1u);
  EXPECT_EQ(measure().inner_pages, 0u);
  PutMany(5000, 100);
  Put("long", std::string(5000, 'l'));
  Put("longer", std::string(200'000, 'l'));
  const TreeStats t = measure();
  EXPECT_EQ(t.entries, 5002u);
  EXPECT_EQ(t.values_as_is, 5002u);
  EXPECT_EQ(t.value_bytes, 5000 * 100 + 205'000u);
  EXPECT_EQ(t.stored_bytes, t.value_bytes);
  EXPECT_EQ(t.large_values, 2u);
  EXPECT_GE(t.height, 2u);
  EXPECT_GT(t.leaf_pages, 5000u * 100 / 4096);
  EXPECT_GE(t.value_pages, 2u + 49);
  EXPECT_LT(t.unused_bytes, (t.leaf_pages + t.inner_pages) * 2048);
  // All there is beside it: the catalog's leaf.
  const DatabaseStats all = db_->stats();
  ASSERT_TRUE(db_->Checkpoint().ok());
  EXPECT_EQ(t.leaf_pages + t.inner_pages + t.value_pages + 1,
            db_->stats().pages_live - db_->stats().pages_map)
      << all.pages_live;
  EXPECT_TRUE(absl::IsNotFound(db_->BeginRead().Measure("u").status()));
  Progress never;
  never.report = [](const Progress::State&) { return false; };
  EXPECT_TRUE(absl::IsCancelled(db_->BeginRead().Measure("t", never).status()));
}

TEST_F(StatsTest, CommitsVersionsAndTheLog) {
  PutMany(100, 50);
  const DatabaseStats a = db_->stats();
  EXPECT_EQ(a.commits, 1u);
  EXPECT_GT(a.version, 0u);
  EXPECT_EQ(a.checkpoint_version, 0u);
  EXPECT_GT(a.log_live_bytes, 100u * 50);
  EXPECT_GE(a.log_file_bytes, a.log_live_bytes);
  EXPECT_GT(a.log_syncs, 0u);
  EXPECT_EQ(a.trees, 1u);
  EXPECT_EQ(a.entries, 100u);
  EXPECT_GT(a.cache_bytes_dirty, 0u);
  EXPECT_GE(a.cache_bytes_used, a.cache_bytes_dirty);
  Begin().Rollback();
  Put("more", "v");
  ASSERT_TRUE(db_->Checkpoint().ok());
  const DatabaseStats b = db_->stats();
  EXPECT_EQ(b.commits, 2u);
  EXPECT_EQ(b.rollbacks, 1u);
  EXPECT_EQ(b.checkpoints, 1u);
  EXPECT_GT(b.version, a.version);
  EXPECT_EQ(b.checkpoint_version, b.version);
  EXPECT_LT(b.log_live_bytes, a.log_live_bytes);
  EXPECT_GT(b.log_syncs, a.log_syncs);
  EXPECT_GT(b.pages_written, a.pages_written);
  EXPECT_EQ(b.cache_bytes_dirty, 0u);
  EXPECT_GT(b.file_bytes, a.file_bytes);
  EXPECT_EQ(b.entries, 101u);
  ASSERT_TRUE(db_->Checkpoint().ok());  // nothing new: none is written
  EXPECT_EQ(db_->stats().checkpoints, 1u);
  Put("again", "v");
  Kill();
  const DatabaseStats c = db_->stats();
  EXPECT_EQ(c.replayed_commits, 1u);
  EXPECT_EQ(c.commits, 0u);
  EXPECT_EQ(c.entries, 102u);
  EXPECT_EQ(c.checkpoint_version, b.version);
  EXPECT_GT(c.version, c.checkpoint_version);
}

TEST_F(StatsTest, ReadersAndPagesThatWaitForThem) {
  PutMany(2000, 100);
  ASSERT_TRUE(db_->Checkpoint().ok());
  ReadTransaction old = db_->BeginRead();
  const uint64_t waiting = db_->stats().pages_waiting;
  PutMany(2000, 101);
  ReadTransaction young = db_->BeginRead();
  const DatabaseStats s = db_->stats();
  EXPECT_EQ(s.readers_open, 2u);
  EXPECT_EQ(s.oldest_reader_version, old.version());
  EXPECT_GT(s.pages_waiting, waiting + 40);
  EXPECT_EQ(s.pages_total, s.pages_live + s.pages_free + s.pages_waiting);
  old.End();
  EXPECT_EQ(db_->stats().oldest_reader_version, young.version());
  young.End();
  ASSERT_TRUE(db_->Checkpoint().ok());
  EXPECT_EQ(db_->stats().pages_waiting, 0u);
  EXPECT_GT(db_->stats().pages_free, 40u);
}

TEST_F(StatsTest, CacheMissesAndEvictions) {
  options_.cache_bytes_max = 1 << 20;
  Reopen();
  PutMany(5000, 900);
  Reopen();
  const DatabaseStats a = db_->stats();
  EXPECT_EQ(a.cache_bytes_max, 1u << 20);
  EXPECT_EQ(All().size(), 5000u);
  const DatabaseStats b = db_->stats();
  EXPECT_GT(b.cache_misses, a.cache_misses + 1000);
  EXPECT_GT(b.cache_evictions, a.cache_evictions + 700);
  EXPECT_LE(b.cache_bytes_used, b.cache_bytes_max);
  EXPECT_GT(b.cache_bytes_used, b.cache_bytes_max / 2);
  EXPECT_EQ(b.cache_bytes_dirty, 0u);
}

// Deleting gives the space to later writes, and closing gives it to the system.
TEST_F(StatsTest, SpaceComesBack) {
  PutMany(5000, 900);
  ASSERT_TRUE(db_->Checkpoint().ok());
  const DatabaseStats full = db_->stats();
  for (int round = 0; round < 3; ++round) {
    WriteTransaction txn = Begin();
    ASSERT_EQ(*txn.table("t")->DeleteRange(KeyRange::All()), 5000u);
    ASSERT_TRUE(txn.Commit().ok());
    ASSERT_TRUE(db_->Checkpoint().ok());
    EXPECT_GT(db_->stats().pages_free, full.pages_live * 9 / 10);
    EXPECT_LT(db_->stats().pages_live, 20u);
    PutMany(5000, 900);
    ASSERT_TRUE(db_->Checkpoint().ok());
    EXPECT_LT(db_->stats().pages_total, full.pages_total * 5 / 4);
  }
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.Drop("t").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  Reopen();
  const DatabaseStats empty = db_->stats();
  EXPECT_EQ(empty.trees, 0u);
  EXPECT_LT(empty.pages_live, 10u);
  ExpectClean();
}

TEST_F(StatsTest, CheckReports) {
  PutMany(3000, 100);
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.collection("c")->Append("1").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const auto report = db_->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->trees_checked, 2u);
  EXPECT_EQ(report->entries_checked, 3001u);
  EXPECT_GT(report->pages_checked, 70u);
  Progress progress;
  progress.report = [](const Progress::State&) { return false; };
  EXPECT_TRUE(absl::IsCancelled(db_->Check(progress).status()) ||
              report->pages_checked < 256);
  PutMany(30'000, 100);
  EXPECT_TRUE(absl::IsCancelled(db_->Check(progress).status()));
  uint64_t calls = 0;
  progress.report = [&](const Progress::State& state) {
    EXPECT_LE(state.done, state.total);
    ++calls;
    return true;
  };
  EXPECT_TRUE(db_->Check(progress)->ok());
  EXPECT_GT(calls, 1u);
  progress.deadline = absl::InfinitePast();
  EXPECT_TRUE(absl::IsDeadlineExceeded(db_->Check(progress).status()));
  Put("k", "v");  // all went on as before
}

TEST_F(StatsTest, PagesDescribeThemselves) {
  PutMany(1000, 100);
  ASSERT_TRUE(db_->Close().ok());
  const uint64_t pages =
      (*fs_->Open("/t.sheaf", pager::OpenMode::kReadOnly))->Size().value() / 4096;
  std::map<std::string, int> kinds;
  for (uint64_t page = 0; page < pages; ++page) {
    const auto d = Database::DescribePage("/t.sheaf", page, options_);
    ASSERT_TRUE(d.ok()) << d.status();
    EXPECT_EQ(d->page, page);
    EXPECT_TRUE(d->intact || d->kind == "blank") << page << ": " << d->problem;
    EXPECT_TRUE(d->json.starts_with("{") && d->json.ends_with("}"));
    ++kinds[d->kind];
  }
  EXPECT_EQ(kinds["superblock"], 2);
  EXPECT_GT(kinds["leaf"], 10);
  EXPECT_GE(kinds["inner"], 1);
  EXPECT_GE(kinds["map"], 1);
  EXPECT_GE(kinds["map index"], 1);
  EXPECT_TRUE(
      absl::IsOutOfRange(Database::DescribePage("/t.sheaf", pages, options_).status()));
  EXPECT_TRUE(absl::IsNotFound(Database::DescribePage("/none", 0, options_).status()));
}

}  // namespace
}  // namespace sheaf::test
