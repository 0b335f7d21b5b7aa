// Commits of several threads, explicit and background checkpoints and readers at
// the same time, crashed afterwards at I/O events throughout (B16, B13, B5, R11). Each
// thread counts upwards in a key of its own, so what a crash may leave is known
// without an order between threads: of each thread at least what it was told is
// durable, at most what it began, and of a commit all or nothing.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <thread>

#include "tests/crash/images.h"
#include "tests/crash/workload.h"

namespace sheaf::test {
namespace {

constexpr int kThreads = 3;

struct Mark {
  size_t event;
  uint64_t n;
};
struct ThreadHistory {
  std::vector<Mark> begun, durable;
  uint64_t BegunBy(size_t point) const { return At(begun, point); }
  uint64_t DurableBy(size_t point) const { return At(durable, point); }
  static uint64_t At(const std::vector<Mark>& marks, size_t point) {
    uint64_t n = 0;
    for (const Mark& mark : marks)
      if (mark.event <= point) n = mark.n;
    return n;
  }
};

std::string Text(uint64_t n) {
  return std::to_string(n) + std::string(n % 9 == 0 ? 60'000 : n % 300, '.');
}

absl::Status Put(Database* db, const std::string& key, uint64_t n,
                 Durability durability) {
  WriteOptions write;
  write.durability = durability;
  return db->Write(
      [&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(Table a, txn.table("a"));
        SHEAF_RETURN_IF_ERROR(a.Put(key, Text(n)));
        SHEAF_ASSIGN_OR_RETURN(Table b, txn.table("b"));
        SHEAF_RETURN_IF_ERROR(b.Put(absl::StrCat(key, "-", n % 40), Text(n)));
        return b.Put(key, Text(n));
      },
      write);
}

void Run(Database* db, FaultyFileSystem* fs, int thread, int count,
         ThreadHistory* history) {
  const std::string key = absl::StrCat("thread", thread);
  for (int i = 1; i <= count; ++i) {
    const auto n = static_cast<uint64_t>(i);
    const auto durability = static_cast<Durability>(1 + (n + thread) % 3);
    history->begun.push_back({fs->event_count(), n});
    const absl::Status status = Put(db, key, n, durability);
    ASSERT_TRUE(status.ok()) << status;
    if (durability == Durability::kFull)
      history->durable.push_back({fs->event_count(), n});
  }
}

absl::Status Verify(FaultyFileSystem* crashed, Options options, size_t point,
                    const std::array<ThreadHistory, kThreads>& histories) {
  options.file_system = crashed;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                         Database::Open(kCrashPath, options));
  SHEAF_ASSIGN_OR_RETURN(const Contents found, ReadContents(db.get()));
  for (int t = 0; t < kThreads; ++t) {
    const std::string key = absl::StrCat("thread", t);
    uint64_t n = 0;
    const auto a = found.find("t:a");
    if (a != found.end() && a->second.contains(key)) {
      const uint64_t high = histories[t].BegunBy(point);
      while (n <= high && a->second.at(key) != Digest(Text(n))) ++n;
      const auto& b = found.at("t:b");
      if (b.at(key) != Digest(Text(n)) ||
          b.at(absl::StrCat(key, "-", n % 40)) != Digest(Text(n)))
        return absl::InternalError(absl::StrCat(key, ": half of transaction ", n));
    }
    if (n < histories[t].DurableBy(point) || n > histories[t].BegunBy(point))
      return absl::InternalError(absl::StrCat(key, ": found ", n, ", durable ",
                                              histories[t].DurableBy(point), ", begun ",
                                              histories[t].BegunBy(point)));
  }
  SHEAF_RETURN_IF_ERROR(CheckClean(db.get()));
  SHEAF_RETURN_IF_ERROR(Put(db.get(), "after", 1, Durability::kFull));
  SHEAF_RETURN_IF_ERROR(CheckClean(db.get()));
  return db->Close();
}

void CrashConcurrent(const Options& given) {
  FaultyFileSystem fs;
  Options options = given;
  options.file_system = &fs;
  absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(kCrashPath, options);
  ASSERT_TRUE(db.ok()) << db.status();
  const size_t created = fs.event_count();
  std::array<ThreadHistory, kThreads> histories;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] { Run(db->get(), &fs, t, 60, &histories[t]); });
  std::thread checkpoints([&] {
    while (!stop) {
      const absl::Status status = (*db)->Checkpoint();
      EXPECT_TRUE(status.ok()) << status;
      std::this_thread::yield();
    }
  });
  std::thread reader([&] {  // holds versions back, so that pages wait
    while (!stop) {
      ReadTransaction read = (*db)->BeginRead();
      absl::StatusOr<TableReader> a = read.table("a");
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      if (!a.ok()) continue;
      const absl::Status status = a->ForEach(
          KeyRange::All(), [](std::string_view, std::string_view) { return true; });
      EXPECT_TRUE(status.ok()) << status;
    }
  });
  for (std::thread& t : threads) t.join();
  stop = true;
  checkpoints.join();
  reader.join();
  EXPECT_TRUE(CheckClean(db->get()).ok());
  const Recording recording = fs.recording();
  db->reset();
  CrashOptions crash;
  crash.images_per_point_max = 1;
  uint64_t tried = 0;
  const auto counts =
      ForEachImage(recording, created, crash, 4,
                   [&](const CrashImage&, size_t point, FaultyFileSystem* crashed) {
                     ++tried;
                     return Verify(crashed, options, point, histories);
                   });
  EXPECT_TRUE(counts.ok()) << counts.status();
  std::printf("%zu events, %llu images tried\n", recording.events.size(),
              static_cast<unsigned long long>(tried));
}

TEST(CrashConcurrent, CheckpointsBesideCommitsAndReaders) {
  Options options;
  options.log_bytes_max = 1 << 20;
  CrashConcurrent(options);
}

TEST(CrashConcurrent, WithATinyCacheAndCommitsByCheckpoint) {
  Options options;
  options.log_bytes_max = 1 << 20;
  options.transaction_log_bytes_max = 64 << 10;
  options.cache_bytes_max = 1 << 20;
  options.background_checkpoints = false;
  CrashConcurrent(options);
}

}  // namespace
}  // namespace sheaf::test
