// Eight threads count by merges, by increments that read what came of them and in
// transactions of their own, while a reader looks on and checkpoints run: no count is lost,
// none is given twice, and no snapshot goes back. (R11; ThreadSanitizer runs it)
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sheaf/database.h"
#include "sheaf/hybrid_clock.h"
#include "sheaf/merge.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

constexpr int kEach = 1500;  // a multiple of 3
constexpr int kThreads = 8;

int64_t Counter(Database* db, const char* key) {
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<TableReader> table = read.table("t");
  if (!table.ok()) return 0;
  const auto value = table->Find(key);
  EXPECT_TRUE(value.ok()) << value.status();
  return value->has_value() ? MergeValue::ReadInt((*value)->view()).value_or(-1) : 0;
}

class Counters {
 public:
  Counters() {
    Options options;
    options.log_bytes_max = 1 << 20;
    options.cache_bytes_max = 4 << 20;
    options.merge_functions["twice"] =
        [this](std::string_view, std::optional<std::string_view> existing,
               std::string_view) -> absl::StatusOr<std::optional<std::string>> {
      ++calls_;  // not atomic: functions run one at a time
      return std::optional<std::string>(MergeValue::Int(
          MergeValue::ReadInt(existing.value_or(MergeValue::Int(0))).value() + 2));
    };
    db_ = *Database::OpenInMemory(options);
  }

  void Run() {
    std::thread reader([this] { Look(); });
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back([this, t] { Count(t); });
    for (std::thread& thread : threads) thread.join();
    stop_ = true;
    reader.join();
    EXPECT_EQ(Counter(db_.get(), "all"), kThreads * kEach);
    EXPECT_EQ(Counter(db_.get(), "twice"), 2 * calls_);
    EXPECT_EQ(calls_, kThreads * kEach / 3);
    const auto report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(report->ok());
  }

 private:
  void Count(int t) {
    WriteOptions write;
    write.durability = static_cast<Durability>(1 + t % 3);
    HybridTime before;
    for (int i = 0; i < kEach; ++i) {
      const HybridTime now = clock_.Tick();
      ASSERT_GT(now, before);
      before = now;
      WriteBatch batch;
      batch.Merge("t", "last", MergeOperator::kLastWriter,
                  MergeValue::Stamped(now, absl::StrCat("thread ", t)));
      if (i % 3 == 0) batch.MergeWith("t", "twice", "twice", "");
      if (i % 3 == 0) {
        batch.Merge("t", "all", MergeOperator::kAdd, MergeValue::Int(1));
        ASSERT_TRUE(db_->Apply(batch, write).ok());
      } else if (i % 3 == 1) {
        ASSERT_TRUE(db_->Increment("t", "all", 1, write).ok());
      } else {
        const absl::Status written = db_->Write(
            [](WriteTransaction& txn) -> absl::Status {
              SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
              return table.Increment("all").status();
            },
            write);
        ASSERT_TRUE(written.ok()) << written;
      }
      if (i % 200 == 100 && t == 0) {
        ASSERT_TRUE(db_->Checkpoint().ok());
      }
    }
  }

  void Look() {
    int64_t seen = 0;
    while (!stop_) {
      const int64_t now = Counter(db_.get(), "all");
      ASSERT_GE(now, seen);
      seen = now;
    }
  }

  std::unique_ptr<Database> db_;
  HybridClock clock_;
  std::atomic<bool> stop_{false};
  int64_t calls_ = 0;
};

TEST(MergeRace, EveryCountIsKept) { Counters().Run(); }

}  // namespace
}  // namespace sheaf
