// Proves what a WriteBatch promises: all or nothing, a wrong one fails alone, and
// batches that many threads apply at once share commits and syncs. Each waits as
// long as it chose to, whoever leads.
#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class WriteBatchTest : public ApiTest {};

TEST_F(WriteBatchTest, AppliesInOrder) {
  WriteBatch batch;
  EXPECT_TRUE(batch.empty());
  batch.Put("t", "a", "1");
  batch.Put("t", "b", "1");
  batch.Put("t", "a", "2");
  batch.Delete("t", "b");
  batch.Put("u", "a", "3");
  batch.Delete("u", "none");
  EXPECT_FALSE(batch.empty());
  ASSERT_TRUE(db_->Apply(batch).ok());
  EXPECT_EQ(All("t"), (Contents{{"a", "2"}}));
  EXPECT_EQ(All("u"), (Contents{{"a", "3"}}));
  ASSERT_TRUE(db_->Apply(batch).ok());  // and again
  batch.Clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(db_->Apply(batch).ok());
  Kill();
  EXPECT_EQ(All("t"), (Contents{{"a", "2"}}));
  ExpectClean();
}

TEST_F(WriteBatchTest, WrongOperationsAreRefusedWhole) {
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.collection("c").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const auto apply = [&](const char* table, const std::string& key) {
    WriteBatch batch;
    batch.Put("t", "before", "1");
    batch.Put(table, key, "v");
    batch.Put("t", "behind", "1");
    return db_->Apply(batch);
  };
  EXPECT_TRUE(absl::IsInvalidArgument(apply("", "k")));
  EXPECT_TRUE(absl::IsInvalidArgument(apply("\xff", "k")));
  EXPECT_TRUE(absl::IsInvalidArgument(apply("t", "")));
  EXPECT_TRUE(absl::IsInvalidArgument(apply("t", std::string(kKeyBytesMax + 1, 'k'))));
  EXPECT_TRUE(absl::IsFailedPrecondition(apply("c", "k")));
  WriteBatch batch;
  batch.Put("t", "k", "v");
  WriteOptions write;
  write.durability = static_cast<Durability>(9);
  EXPECT_TRUE(absl::IsInvalidArgument(db_->Apply(batch, write)));
  EXPECT_TRUE(All("t").empty());
  EXPECT_TRUE(absl::IsNotFound(db_->BeginRead().table("t").status()));
}

TEST_F(WriteBatchTest, ReadOnlyRefuses) {
  Put("k", "v");
  db_.reset();
  options_.read_only = true;
  Open();
  WriteBatch batch;
  batch.Put("t", "k", "w");
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Apply(batch)));
}

TEST_F(WriteBatchTest, ManyThreadsShareCommits) {
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.collection("c").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  constexpr int kThreads = 8, kBatches = 100;
  const DatabaseStats before = db_->stats();
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const Contents all = All();
      for (const auto& [key, value] : all) {
        if (key[0] != 'a') continue;
        const auto twin = all.find("b" + key.substr(1));
        ASSERT_TRUE(twin != all.end() && twin->second == value) << key;
      }
      ASSERT_FALSE(all.contains("wrong"));
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kBatches; ++i) {
        WriteBatch batch;
        const std::string key = absl::StrCat(t, "-", i);
        batch.Put("t", "a" + key, absl::StrCat(i));
        if (i % 10 == 3) {  // refused where it runs, beside others that are right
          batch.Put("t", "wrong", "v");
          batch.Put("c", "k", "v");
          EXPECT_TRUE(absl::IsFailedPrecondition(db_->Apply(batch)));
          continue;
        }
        batch.Put("t", "b" + key, absl::StrCat(i));
        WriteOptions write;
        write.durability = static_cast<Durability>(1 + i % 3);
        const absl::Status applied = db_->Apply(batch, write);
        EXPECT_TRUE(applied.ok()) << applied;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  stop = true;
  reader.join();
  const DatabaseStats after = db_->stats();
  EXPECT_LE(after.commits - before.commits, static_cast<uint64_t>(kThreads * kBatches));
  EXPECT_EQ(All().size(), static_cast<size_t>(kThreads * kBatches * 9 / 10 * 2));
  ExpectClean();
  WriteBatch last;
  last.Put("t", "last", "v");
  ASSERT_TRUE(db_->Apply(last).ok());
  Kill();
  EXPECT_EQ(All().size(), static_cast<size_t>(kThreads * kBatches * 9 / 10 * 2 + 1));
}

// While one transaction is open many batches come together; they go as one. On a busy
// machine a thread may come too late for that: the next round waits for it longer.
TEST_F(WriteBatchTest, BatchesThatWaitTogetherGoTogether) {
  Put("k", "v");
  uint64_t commits = 8;
  for (int wait_ms = 50; wait_ms <= 6400 && commits > 1; wait_ms *= 2) {
    std::vector<std::thread> threads;
    const uint64_t before = db_->stats().commits;
    {
      const WriteTransaction holder = Begin();
      for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
          WriteBatch batch;
          batch.Put("t", absl::StrCat(i), "v");
          EXPECT_TRUE(db_->Apply(batch).ok());
        });
      }
      absl::SleepFor(absl::Milliseconds(wait_ms));
    }
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(All().size(), 9u);
    commits = db_->stats().commits - before;
    EXPECT_GE(commits, 1u);
    EXPECT_LE(commits, 8u);
  }
  EXPECT_EQ(commits, 1u);
}

TEST_F(WriteBatchTest, EachWaitsAsLongAsItChose) {
  std::optional<WriteTransaction> holder(Begin());
  const auto apply = [&](const char* key, absl::Duration wait_max) {
    WriteBatch batch;
    batch.Put("t", key, "v");
    WriteOptions write;
    write.wait_max = wait_max;
    return db_->Apply(batch, write);
  };
  std::atomic<int> late{0};
  // The first leads and gives up; the second follows it and waits for ever.
  std::thread first([&] {
    if (absl::IsDeadlineExceeded(apply("first", absl::Milliseconds(100)))) ++late;
  });
  absl::SleepFor(absl::Milliseconds(30));
  std::thread second(
      [&] { EXPECT_TRUE(apply("second", absl::InfiniteDuration()).ok()); });
  absl::SleepFor(absl::Milliseconds(30));
  std::thread third([&] {
    if (absl::IsDeadlineExceeded(apply("third", absl::Milliseconds(20)))) ++late;
  });
  first.join();
  third.join();
  EXPECT_EQ(late, 2);
  holder->Rollback();
  second.join();
  EXPECT_EQ(All(), (Contents{{"second", "v"}}));
}

}  // namespace
}  // namespace sheaf::test
