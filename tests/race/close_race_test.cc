// Proves that Close may be called while other threads do everything else: it
// refuses or closes, each call beside it works or says that the database is closed,
// and what was acknowledged is there afterwards. The log is created by the first
// write, beside a checkpoint and stats(). (RELIABILITY R11, B7, B16)
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr int kRounds = 20;
#else
constexpr int kRounds = 50;
#endif

class CloseRace : public testing::Test {
 protected:
  std::unique_ptr<Database> Open() {
    Options options;
    options.file_system = fs_.get();
    options.cache_bytes_max = 1 << 20;
    auto db = Database::Open("/t.sheaf", options);
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }

  const std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
};

absl::Status Put(Database& db, const std::string& key) {
  return db.Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
    return table.Put(key, key);
  });
}

absl::Status ApplyPut(Database& db, const std::string& key) {
  WriteBatch batch;
  batch.Put("t", key, key);
  return db.Apply(batch);
}

absl::Status LookAround(Database& db) {
  (void)db.stats();
  absl::StatusOr<CheckReport> report = db.Check();
  SHEAF_RETURN_IF_ERROR(report.status());
  EXPECT_TRUE(report->ok()) << report->findings[0].what;
  ReadTransaction read = db.BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const TableReader table, read.table("t"));
  return table.ForEach(KeyRange::All(), [](std::string_view key, std::string_view value) {
    EXPECT_EQ(key, value);
    return true;
  });
}

TEST_F(CloseRace, CloseBesideEverything) {
  std::set<std::string> acknowledged;
  uint64_t refused = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const std::unique_ptr<Database> db = Open();
    ASSERT_NE(db, nullptr);
    std::atomic<bool> closed{false};
    std::vector<std::vector<std::string>> done(3);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0;; ++i) {
          const std::string key = absl::StrCat(round, "-", t, "-", i % 50);
          const absl::Status status = t == 0 ? Put(*db, key) : ApplyPut(*db, key);
          if (status.ok()) {
            done[t].push_back(key);
            continue;
          }
          EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
          if (closed) return;
        }
      });
    }
    threads.emplace_back([&] {
      while (!closed) {
        const absl::Status status = LookAround(*db);
        EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status) ||
                    absl::IsNotFound(status))
            << status;
      }
    });
    threads.emplace_back([&] {
      while (!closed) {
        const absl::Status status = db->Checkpoint();
        EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
      }
    });
    absl::SleepFor(absl::Microseconds(100 * (round % 20)));
    for (;;) {
      const absl::Status status = db->Close();
      if (status.ok()) break;
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      ++refused;
      std::this_thread::yield();
      if (HasFailure()) break;
    }
    closed = true;
    for (std::thread& t : threads) t.join();
    EXPECT_FALSE(*fs_->Exists("/t.sheaf-log"));
    for (const auto& keys : done) acknowledged.insert(keys.begin(), keys.end());
  }
  std::printf("%zu keys, Close refused %llu times\n", acknowledged.size(),
              static_cast<unsigned long long>(refused));
  const std::unique_ptr<Database> db = Open();
  ASSERT_NE(db, nullptr);
  ReadTransaction read = db->BeginRead();
  auto table = read.table("t");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(*table->size(), acknowledged.size());
  for (const std::string& key : acknowledged) EXPECT_TRUE(*table->Contains(key)) << key;
  EXPECT_TRUE((*db->Check()).ok());
}

// Two threads that close at once, and transactions that outlive the database.
TEST_F(CloseRace, SeveralCloseAndTransactionsEndLate) {
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    std::unique_ptr<Database> db = Open();
    ASSERT_NE(db, nullptr);
    ASSERT_TRUE(Put(*db, absl::StrCat(round)).ok());
    if (round % 2 == 0) {
      std::vector<std::thread> closers;
      for (int i = 0; i < 3; ++i)
        closers.emplace_back([&] { EXPECT_TRUE(db->Close().ok()); });
      for (std::thread& t : closers) t.join();
      continue;
    }
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([read = db->BeginRead(), i]() mutable {
        absl::SleepFor(absl::Microseconds(i * 50));
        const auto table = read.table("t");
        EXPECT_TRUE(table.ok() || absl::IsFailedPrecondition(table.status()));
      });
    }
    db.reset();
    for (std::thread& t : readers) t.join();
    readers.clear();
  }
}

}  // namespace
}  // namespace sheaf
