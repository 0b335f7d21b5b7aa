// What a database tells of itself: counters that add up, who holds pages and for how
// long, latencies, and the observer's calls.
#include "sheaf/observer.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

class Recorder : public Observer {
 public:
  void OnCommit(const CommitEvent& event) override {
    absl::MutexLock lock(&mu);
    commits.push_back(event);
  }
  void OnCheckpoint(const CheckpointEvent& event) override {
    absl::MutexLock lock(&mu);
    checkpoints.push_back(event);
  }
  void OnRollback(const RollbackEvent& event) override {
    absl::MutexLock lock(&mu);
    rollbacks.push_back(event);
  }
  void OnTrain(const TrainEvent& event) override {
    absl::MutexLock lock(&mu);
    trained.push_back(absl::StrCat(std::string(event.name), " ", event.version));
  }
  void OnCompact(const CompactEvent& event) override {
    absl::MutexLock lock(&mu);
    compactions.push_back(event);
  }
  void OnSlow(const SlowEvent& event) override {
    absl::MutexLock lock(&mu);
    slow.emplace_back(event.what);
  }
  void OnDamage(const DamageEvent& event) override {
    absl::MutexLock lock(&mu);
    damage.push_back(event);
  }
  absl::Mutex mu;
  std::vector<CommitEvent> commits;
  std::vector<CheckpointEvent> checkpoints;
  std::vector<std::string> slow, trained;
  std::vector<RollbackEvent> rollbacks;
  std::vector<CompactEvent> compactions;
  std::vector<DamageEvent> damage;
};

class ObserverTest : public ApiTest {
 protected:
  ObserverTest() {
    options_.observer = &recorder_;
    options_.slow_operation_min = absl::InfiniteDuration();
    Restart(std::make_unique<FaultyFileSystem>());
  }
  ~ObserverTest() override { db_.reset(); }  // before the recorder goes
  Recorder recorder_;
};

TEST_F(ObserverTest, CommitsAndCheckpointsAreTold) {
  Put("a", "1");
  Put("b", std::string(5000, 'b'), Durability::kNone);
  ASSERT_TRUE(db_->Checkpoint().ok());
  absl::MutexLock lock(&recorder_.mu);
  ASSERT_EQ(recorder_.commits.size(), 2u);
  EXPECT_LT(recorder_.commits[0].version, recorder_.commits[1].version);
  EXPECT_GT(recorder_.commits[1].log_bytes, 5000u);
  EXPECT_GT(recorder_.commits[0].took, absl::ZeroDuration());
  ASSERT_EQ(recorder_.checkpoints.size(), 1u);
  EXPECT_EQ(recorder_.checkpoints[0].version, recorder_.commits[1].version);
  EXPECT_GE(recorder_.checkpoints[0].pages_written, 4u);
  EXPECT_TRUE(recorder_.slow.empty());
}

TEST_F(ObserverTest, RollbacksDictionariesAndCompactionsAreTold) {
  const uint64_t version = db_->stats().version;
  for (const bool commits : {false, true}) {
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table =
        txn.table("t", {.compression = Compression{CompressionKind::kZstd, 3, true, 20}});
    for (int i = 0; i < 2000; ++i)
      ASSERT_TRUE(table
                      ->Put(absl::StrCat("key", i),
                            absl::StrCat("one of many values, number ", i * 77))
                      .ok());
    if (commits) {
      ASSERT_TRUE(txn.Recompress("t", {CompressionKind::kLz4, 3, true, 20}).ok());
      ASSERT_TRUE(txn.Commit().ok());
    }
  }
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) { return txn.Drop("t"); }).ok());
  const absl::StatusOr<CompactReport> compacted = db_->Compact();
  ASSERT_TRUE(compacted.ok());
  absl::MutexLock lock(&recorder_.mu);
  ASSERT_EQ(recorder_.rollbacks.size(), 1u);
  EXPECT_EQ(recorder_.rollbacks[0].base_version, version);
  EXPECT_EQ(recorder_.trained, (std::vector<std::string>{"t 1", "t 1", "t 2"}));
  ASSERT_EQ(recorder_.compactions.size(), 1u);
  EXPECT_EQ(recorder_.compactions[0].bytes_before, compacted->bytes_before);
  EXPECT_EQ(recorder_.compactions[0].bytes_after, compacted->bytes_after);
  EXPECT_GT(recorder_.compactions[0].took, absl::ZeroDuration());
}

TEST_F(ObserverTest, SlowOnesAreTold) {
  options_.slow_operation_min = absl::ZeroDuration();
  Reopen();
  Put("a", "1");
  ASSERT_TRUE(db_->Checkpoint().ok());
  absl::MutexLock lock(&recorder_.mu);
  const std::vector<std::string> expected = {"waiting for the writer's turn", "commit",
                                             "checkpoint"};
  EXPECT_EQ(recorder_.slow, expected);
}

TEST_F(ObserverTest, DamageIsToldWhereverItIsRead) {
  for (int i = 0; i < 500; ++i)
    Put(absl::StrCat("key", i), std::string(500, 'v'), Durability::kNone);
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  std::string bytes = ReadWholeFile(fs_.get(), "/t.sheaf");
  for (size_t page = 2; page < bytes.size() / 4096; ++page)
    if (bytes[page * 4096 + 4] == 2) bytes[page * 4096 + 3000] ^= 1;  // every leaf
  WriteWholeFile(fs_.get(), "/t.sheaf", bytes);
  auto db = Database::Open("/t.sheaf", options_);
  if (db.ok()) {
    const ReadTransaction read = (*db)->BeginRead();
    EXPECT_FALSE(read.List().ok() && read.table("t")->Get("key1").ok());
  }
  absl::MutexLock lock(&recorder_.mu);
  ASSERT_FALSE(recorder_.damage.empty());
  EXPECT_GE(recorder_.damage[0].page, 2u);
  EXPECT_TRUE(absl::IsDataLoss(recorder_.damage[0].error));
}

TEST_F(ObserverTest, VerificationOnReadCanBeSampled) {
  for (int i = 0; i < 3000; ++i)
    Put(absl::StrCat("key", i), std::string(500, 'v'), Durability::kNone);
  ASSERT_TRUE(db_->Close().ok());
  std::string bytes = ReadWholeFile(fs_.get(), "/t.sheaf");
  uint64_t leaves = 0;
  for (size_t page = 2; page < bytes.size() / 4096; ++page) {
    if (bytes[page * 4096 + 4] != 2) continue;
    const size_t at = bytes.find("vvvvvvvv", page * 4096 + 2000);  // inside a value
    if (at == std::string::npos || at >= (page + 1) * 4096) continue;
    bytes[at] = 'w';
    ++leaves;
  }
  ASSERT_GT(leaves, 300u);
  WriteWholeFile(fs_.get(), "/t.sheaf", bytes);
  for (const uint32_t one_in : {1u, 4u, 1'000'000u}) {
    options_.verify_one_in = one_in;
    db_.reset();
    Open();
    recorder_.damage.clear();
    uint64_t noticed = 0;
    const ReadTransaction read = db_->BeginRead();
    const absl::StatusOr<TableReader> table = read.table("t");
    ASSERT_TRUE(table.ok());
    for (int i = 0; i < 3000; i += 5) {
      const auto value = table->Get(absl::StrCat("key", i));
      EXPECT_TRUE(value.ok() || absl::IsDataLoss(value.status()));
      noticed += !value.ok();
    }
    EXPECT_EQ(noticed, recorder_.damage.size()) << "each time";
    const auto [low, high] = one_in == 1   ? std::pair(600u, 600u)
                             : one_in == 4 ? std::pair(30u, 300u)
                                           : std::pair(0u, 1u);
    EXPECT_TRUE(low <= noticed && noticed <= high) << one_in << ": " << noticed;
    const auto report = db_->Check();
    ASSERT_TRUE(report.ok());
    EXPECT_GE(report->findings.size(), leaves) << "a check verifies each";
  }
}

TEST_F(ObserverTest, LatenciesAreCounted) {
  for (int i = 0; i < 20; ++i) Put("a", absl::StrCat(i));
  ASSERT_TRUE(db_->Checkpoint().ok());
  const DatabaseStats stats = db_->stats();
  EXPECT_EQ(stats.commit.count, 20u);
  EXPECT_EQ(stats.write_wait.count, 20u);
  EXPECT_EQ(stats.checkpoint.count, 1u);
  EXPECT_GE(stats.log_sync.count, 20u);
  EXPECT_LE(stats.commit.p50, stats.commit.p99);
  EXPECT_LE(stats.commit.p99, stats.commit.max);
}

TEST_F(ObserverTest, HitsAndMissesAddUp) {
  for (int i = 0; i < 2000; ++i)
    Put(absl::StrCat("key", i), std::string(100, 'v'), Durability::kNone);
  Reopen();
  const auto read_all = [&] {
    const DatabaseStats before = db_->stats();
    const ReadTransaction read = db_->BeginRead();
    const absl::StatusOr<TableReader> table = read.table("t");
    for (int i = 0; i < 2000; ++i) EXPECT_TRUE(table->Get(absl::StrCat("key", i)).ok());
    const DatabaseStats after = db_->stats();
    return std::pair(after.cache_hits - before.cache_hits,
                     after.cache_misses - before.cache_misses);
  };
  const auto [cold_hits, cold_misses] = read_all();
  EXPECT_GT(cold_misses, 50u);
  const auto [warm_hits, warm_misses] = read_all();
  EXPECT_EQ(warm_misses, 0u);
  EXPECT_GE(warm_hits, 2u * 2000);  // root and leaf
  EXPECT_GT(cold_hits + cold_misses, 3000u);
}

TEST_F(ObserverTest, TheSpaceIsExplained) {
  for (int i = 0; i < 300; ++i) Put(absl::StrCat("key", i), std::string(900, 'v'));
  ASSERT_TRUE(db_->Checkpoint().ok());
  EXPECT_TRUE(db_->stats().readers.empty());
  const ReadTransaction old = db_->BeginRead();
  absl::SleepFor(absl::Milliseconds(30));
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.table("t")->DeleteRange(KeyRange::All()).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const ReadTransaction young = db_->BeginRead();
  ASSERT_TRUE(db_->Checkpoint().ok());
  const DatabaseStats stats = db_->stats();
  ASSERT_EQ(stats.readers.size(), 2u);
  EXPECT_LT(stats.readers[0].version, stats.readers[1].version);
  EXPECT_GE(stats.readers[0].age, absl::Milliseconds(20));
  EXPECT_LT(stats.readers[1].age, stats.readers[0].age);
  EXPECT_GT(stats.readers[0].pages_held, 60u);
  EXPECT_GE(stats.pages_held, stats.readers[0].pages_held);
  EXPECT_LE(stats.pages_held, stats.pages_waiting);
  EXPECT_GE(stats.pages_map, 4u);
  EXPECT_EQ(stats.pages_live + stats.pages_free + stats.pages_waiting, stats.pages_total);
}

}  // namespace
}  // namespace sheaf::test
