// Proves that threads may append, write, sync and release side by side: nothing is
// lost or reordered, committers share syncs, and neither an append nor a write waits
// for a sync that is running (RELIABILITY R11).
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "pager/log.h"
#include "tests/pager/log_test_util.h"

namespace sheaf::pager {
namespace {

// Wraps a file whose sync tells that it began and waits.
class SlowSyncFileSystem : public FileSystem {
 public:
  std::function<void()> on_sync = [] {};

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             OpenMode mode) override;
  absl::StatusOr<bool> Exists(const std::string& path) override {
    return base_->Exists(path);
  }
  absl::Status Delete(const std::string& path) override { return base_->Delete(path); }
  absl::Status RenameNew(const std::string& from, const std::string& to) override {
    return base_->RenameNew(from, to);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return base_->SyncDirectory(path);
  }
  absl::StatusOr<std::string> Canonical(const std::string& path) override {
    return base_->Canonical(path);
  }

 private:
  std::unique_ptr<FileSystem> base_ = NewMemoryFileSystem();
};

class SlowSyncFile : public File {
 public:
  SlowSyncFile(SlowSyncFileSystem* fs, std::unique_ptr<File> base)
      : fs_(fs), base_(std::move(base)) {}
  absl::Status Read(uint64_t offset, absl::Span<char> out) const override {
    return base_->Read(offset, out);
  }
  absl::Status Write(uint64_t offset, std::string_view data) override {
    return base_->Write(offset, data);
  }
  absl::Status WriteGather(uint64_t offset,
                           absl::Span<const std::string_view> parts) override {
    return base_->WriteGather(offset, parts);
  }
  absl::Status Sync() override {
    fs_->on_sync();
    return base_->Sync();
  }
  absl::StatusOr<uint64_t> Size() const override { return base_->Size(); }
  absl::Status Truncate(uint64_t size) override { return base_->Truncate(size); }
  void StartWriteback(uint64_t, uint64_t) override {}
  absl::Status Lock(LockMode mode) override { return base_->Lock(mode); }
  absl::StatusOr<uint32_t> LinkCount() const override { return base_->LinkCount(); }

 private:
  SlowSyncFileSystem* const fs_;
  const std::unique_ptr<File> base_;
};

absl::StatusOr<std::unique_ptr<File>> SlowSyncFileSystem::Open(const std::string& path,
                                                               OpenMode mode) {
  auto file = base_->Open(path, mode);
  if (!file.ok()) return file;
  return std::make_unique<SlowSyncFile>(this, *std::move(file));
}

TEST(LogRace, AppendsAndWritesGoOnDuringASync) {
  SlowSyncFileSystem fs;
  auto log = *Log::Create(&fs, kLogPath, kTestIdentity, {});
  const LogGroup first = AppendGroup(log.get(), 1, 100);
  absl::Notification began, finish;
  fs.on_sync = [&] {
    began.Notify();
    finish.WaitForNotification();
  };
  std::thread syncer([&] { EXPECT_TRUE(log->SyncThrough(first.end.lsn).ok()); });
  began.WaitForNotification();
  const LogGroup second = AppendGroup(log.get(), 2, 100);
  EXPECT_TRUE(log->Write().ok());
  EXPECT_EQ(log->durable_lsn(), 0u);
  finish.Notify();
  syncer.join();
  // The write came after the sync began, so it does not count as durable.
  EXPECT_EQ(log->durable_lsn(), first.end.lsn);
  fs.on_sync = [] {};
  EXPECT_TRUE(log->SyncThrough(second.end.lsn).ok());
}

// Eight committers with checkpoints beside them; every group must be there, in the
// order of its LSN, and a sync must serve several.
TEST(LogRace, CommittersShareSyncs) {
  constexpr int kThreads = 8, kCommits = 150;
  SlowSyncFileSystem fs;
  auto log = *Log::Create(&fs, kLogPath, kTestIdentity, {});
  fs.on_sync = [] { absl::SleepFor(absl::Microseconds(300)); };
  std::vector<std::vector<LogGroup>> groups(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) {
        const TxnId txn = static_cast<TxnId>(t) * kCommits + static_cast<TxnId>(i) + 1;
        groups[t].push_back(AppendGroup(log.get(), txn, 1 + txn * 7919 % 9000));
        if (i % 3 == 0) {
          EXPECT_TRUE(log->Write().ok());
        }
        const Lsn end = groups[t].back().end.lsn;
        EXPECT_TRUE(log->SyncThrough(end).ok());
        EXPECT_GE(log->durable_lsn(), end);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const LogStats stats = log->stats();
  std::printf("%d commits, %llu syncs\n", kThreads * kCommits,
              static_cast<unsigned long long>(stats.syncs));
  EXPECT_LT(stats.syncs, kThreads * kCommits / 2u);
  std::vector<LogGroup> all;
  for (const auto& of_thread : groups) {
    all.insert(all.end(), of_thread.begin(), of_thread.end());
  }
  std::sort(all.begin(), all.end(),
            [](const LogGroup& a, const LogGroup& b) { return a.end.lsn < b.end.lsn; });
  const auto recovered = RecoverLog(&fs, {});
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_TRUE(recovered->groups == all);
}

TEST(LogRace, ReleaseBesideCommitters) {
  SlowSyncFileSystem fs;
  auto log = *Log::Create(&fs, kLogPath, kTestIdentity, {});
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (TxnId txn = 1; txn <= 200; ++txn) {
        const LogPosition end = log->Append(txn, PayloadOf(txn, 50000));
        EXPECT_TRUE(txn % 2 == 0 ? log->SyncThrough(end.lsn).ok() : log->Write().ok());
      }
    });
  }
  std::thread checkpointer([&] {
    while (!done) {
      const LogPosition position = log->end();
      EXPECT_TRUE(log->SyncThrough(position.lsn).ok());
      EXPECT_TRUE(log->Release(position, 2 << 20).ok());
    }
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  checkpointer.join();
  const LogPosition end = log->end();
  ASSERT_TRUE(log->SyncThrough(end.lsn).ok());
  ASSERT_TRUE(log->Release(end, 0).ok());
  const auto recovered = RecoverLog(&fs, end);
  EXPECT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(log->stats().appended_bytes, end.lsn);
}

}  // namespace
}  // namespace sheaf::pager
