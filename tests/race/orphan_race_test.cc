// Proves that the last of several that go at the same moment takes the database down,
// once: read transactions end on their threads while the Database is destroyed on
// another, in the middle of a read, or after it. (RELIABILITY R10, R11, B16)
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

constexpr int kRounds = 300;
constexpr int kThreads = 4;

class OrphanRace : public testing::Test {
 protected:
  // Opening fails while anybody still has the one before.
  std::unique_ptr<Database> Open() {
    Options options;
    options.file_system = fs_.get();
    options.cache_bytes_max = 1 << 20;
    options.background_checkpoints = false;
    auto db = Database::Open("/t.sheaf", options);
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }
  static absl::Status Put(Database& db, const std::string& value) {
    return db.Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      return table.Put("k", value);
    });
  }

  const std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
};

// So that all of them begin at the same moment.
class StartLine {
 public:
  explicit StartLine(int count) : missing_(count) {}
  void Wait() {
    missing_.fetch_sub(1);
    while (missing_.load() > 0) std::this_thread::yield();
  }

 private:
  std::atomic<int> missing_;
};

void Spin(int steps) {
  for (std::atomic<int> left{steps}; left > 0; --left) continue;
}

// Two transactions a thread, so that slots are released while others are looked at.
TEST_F(OrphanRace, TransactionsEndAsTheDatabaseGoes) {
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    std::unique_ptr<Database> db = Open();
    ASSERT_NE(db, nullptr);
    EXPECT_EQ(db->stats().replayed_commits, 0u) << "was not closed";
    ASSERT_TRUE(Put(*db, absl::StrCat(round)).ok());
    StartLine start(kThreads + 1);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back(
          [&start, t, one = db->BeginRead(), other = db->BeginRead()]() mutable {
            start.Wait();
            Spin(100 * t);
            other.End();
            one.End();
          });
    start.Wait();
    Spin(round % 40 * 20);
    db.reset();
    for (std::thread& t : threads) t.join();
  }
}

// They look at what they see until they are told that it is gone. Some begin and end
// on the way, in slots that others had.
TEST_F(OrphanRace, TransactionsReadAsTheDatabaseGoes) {
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    std::unique_ptr<Database> db = Open();
    ASSERT_NE(db, nullptr);
    const std::string value = absl::StrCat(round);
    ASSERT_TRUE(Put(*db, value).ok());
    StartLine start(kThreads + 1);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&start, &value, t, read = db->BeginRead()]() mutable {
        start.Wait();
        for (int i = 0; i < 5 * t; ++i) {
          const absl::StatusOr<TableReader> table = read.table("t");
          if (!table.ok()) {
            EXPECT_TRUE(absl::IsFailedPrecondition(table.status())) << table.status();
            break;
          }
          const absl::StatusOr<Value> found = table->Get("k");
          EXPECT_TRUE(found.ok() ? found->view() == value
                                 : absl::IsFailedPrecondition(found.status()))
              << found.status();
        }
      });
    start.Wait();
    Spin(round % 40 * 20);
    db.reset();
    for (std::thread& t : threads) t.join();
  }
  const std::unique_ptr<Database> db = Open();
  ASSERT_NE(db, nullptr);
  EXPECT_EQ(db->BeginRead().table("t")->Get("k")->ToString(), absl::StrCat(kRounds - 1));
  EXPECT_TRUE((*db->Check()).ok());
}

// The last to go takes the database down, wherever it is; a write transaction may be it.
TEST_F(OrphanRace, AWriteTransactionGoesWithThem) {
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    std::unique_ptr<Database> db = Open();
    ASSERT_NE(db, nullptr);
    absl::StatusOr<WriteTransaction> write = db->BeginWrite();
    ASSERT_TRUE(write.ok()) << write.status();
    ASSERT_TRUE(write->table("t")->Put("k", "never").ok());
    StartLine start(3);
    std::thread writer([&start, txn = *std::move(write)]() mutable {
      start.Wait();
      txn.Rollback();
    });
    std::thread reader([&start, txn = db->BeginRead()]() mutable {
      start.Wait();
      txn.End();
    });
    start.Wait();
    Spin(round % 40 * 20);
    db.reset();
    writer.join();
    reader.join();
  }
  const std::unique_ptr<Database> db = Open();
  ASSERT_NE(db, nullptr);
  EXPECT_TRUE(db->BeginRead().List()->empty());
}

}  // namespace
}  // namespace sheaf
