// A child process writes with several threads on the real file system and is killed
// (SIGKILL) at a random instant; the next one goes on with the same file (R6). A
// file beside the database tells what was acknowledged as kFull or kProcess: all of
// it must be there, whole transactions only, and nothing that was never begun.
//
// Thread t of a child writes transactions n = 1, 2, 3, …: three entries each that
// all say n, in two tables and a collection, one of them large at times. Before a
// commit it writes n to begun[t] of the shared oracle page, after it to
// acknowledged[t].
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "absl/strings/numbers.h"
#include "tests/crash/workload.h"

namespace sheaf::test {
namespace {

constexpr int kThreads = 3;
constexpr int kRounds = 30;

struct Oracle {  // in memory shared with the children: it outlives them
  std::atomic<uint64_t> begun[kThreads], acknowledged[kThreads];
  std::atomic<bool> failed;
  char failure[500];
};

Options ChildOptions(uint64_t seed) {
  Options options;
  options.log_bytes_max = 1 << 20;
  if (seed % 2 == 0) options.transaction_log_bytes_max = 64 << 10;
  if (seed % 3 == 0) options.cache_bytes_max = 2 << 20;
  options.background_checkpoints = seed % 4 != 0;
  return options;
}

absl::Status WriteOne(Database* db, int thread, uint64_t n, Durability durability) {
  WriteOptions write;
  write.durability = durability;
  return db->Write(
      [&](WriteTransaction& txn) -> absl::Status {
        const std::string key = absl::StrCat("thread", thread);
        const std::string number = std::to_string(n);
        SHEAF_ASSIGN_OR_RETURN(Table a, txn.table("a"));
        SHEAF_RETURN_IF_ERROR(a.Put(key, number));
        SHEAF_RETURN_IF_ERROR(a.Put(absl::StrCat(key, "-", n % 500), number));
        SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
        SHEAF_RETURN_IF_ERROR(c.Put(key, number));
        SHEAF_ASSIGN_OR_RETURN(Table b, txn.table("b"));
        const size_t size = n % 50 == 0 ? 150'000 : 100 + n % 700;
        return b.Put(key, number + std::string(size, 'b'));
      },
      write);
}

void ChildThread(Database* db, int thread, uint64_t seed, Oracle* oracle) {
  std::mt19937_64 random(seed * 10 + thread);
  for (;;) {
    const uint64_t n = oracle->begun[thread].load() + 1;
    oracle->begun[thread].store(n);
    const auto durability = static_cast<Durability>(1 + random() % 3);
    const absl::Status status = WriteOne(db, thread, n, durability);
    if (!status.ok()) {
      std::snprintf(oracle->failure, sizeof(oracle->failure), "%s",
                    status.ToString().c_str());
      oracle->failed = true;
      return;
    }
    // A kNone commit is acknowledged by the next of its thread that is more.
    if (durability != Durability::kNone) oracle->acknowledged[thread].store(n);
  }
}

[[noreturn]] void Child(const std::string& path, uint64_t seed, Oracle* oracle) {
  absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path, ChildOptions(seed));
  if (!db.ok()) {
    std::snprintf(oracle->failure, sizeof(oracle->failure), "%s",
                  db.status().ToString().c_str());
    oracle->failed = true;
    _exit(1);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] { ChildThread(db->get(), t, seed, oracle); });
  for (std::thread& t : threads) t.join();
  _exit(1);
}

absl::StatusOr<uint64_t> NumberOf(const std::string& text) {
  uint64_t n = 0;
  const size_t end = text.find_first_not_of("0123456789");
  if (!absl::SimpleAtoi(text.substr(0, end), &n))
    return absl::InternalError("not a number: " + text.substr(0, 30));
  return n;
}

// What is there of each thread; all its entries must agree.
absl::Status CheckFound(Database* db, Oracle* oracle, bool read_only) {
  ReadTransaction read = db->BeginRead();
  for (int t = 0; t < kThreads; ++t) {
    const std::string key = absl::StrCat("thread", t);
    uint64_t n = 0;
    absl::StatusOr<TableReader> a = read.table("a");
    if (a.ok()) {
      SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> value, a->Find(key));
      if (value.has_value()) {
        SHEAF_ASSIGN_OR_RETURN(n, NumberOf(std::string(value->view())));
        SHEAF_ASSIGN_OR_RETURN(const TableReader b, read.table("b"));
        SHEAF_ASSIGN_OR_RETURN(const CollectionReader c, read.collection("c"));
        SHEAF_ASSIGN_OR_RETURN(const std::string json, c.Get(key));
        if (json != std::to_string(n)) return absl::InternalError("c says " + json);
        SHEAF_ASSIGN_OR_RETURN(const Value large, b.Get(key));
        const std::string text(large.view());
        if (text.substr(0, text.find('b')) != std::to_string(n))
          return absl::InternalError("b says " + text.substr(0, 20));
        const size_t size = n % 50 == 0 ? 150'000 : 100 + n % 700;
        if (text.size() != std::to_string(n).size() + size)
          return absl::InternalError("b has another length");
        SHEAF_ASSIGN_OR_RETURN(const Value last, a->Get(absl::StrCat(key, "-", n % 500)));
        if (last.view() != value->view())
          return absl::InternalError("half a transaction");
      }
    }
    const uint64_t low = oracle->acknowledged[t].load(), high = oracle->begun[t].load();
    if (n < low || n > high)
      return absl::InternalError(absl::StrCat("thread ", t, ": found ", n,
                                              ", acknowledged ", low, ", begun ", high));
    // The next child goes on from what is there.
    if (!read_only) oracle->begun[t] = oracle->acknowledged[t] = n;
  }
  return absl::OkStatus();
}

TEST(Kill, WhatWasAcknowledgedIsThere) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / absl::StrCat("sheaf-kill-", getpid());
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "db.sheaf").string();
  void* const shared = mmap(nullptr, sizeof(Oracle), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Oracle* const oracle = new (shared) Oracle{};
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  uint64_t commits = 0, replayed = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << ", files in " << folder);
    std::fflush(stdout);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) Child(path, round, oracle);
    usleep(static_cast<useconds_t>(5'000 + random() % 250'000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_FALSE(oracle->failed) << oracle->failure;
    if (!std::filesystem::exists(path)) continue;  // killed before it was made
    Options options = ChildOptions(round + 1);
    if (round % 3 == 0) {  // whoever only reads sees the same and changes nothing
      options.cache_bytes_max = 64 << 20;
      options.read_only = true;
      absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path, options);
      ASSERT_TRUE(db.ok()) << db.status();
      const absl::Status found = CheckFound(db->get(), oracle, /*read_only=*/true);
      ASSERT_TRUE(found.ok()) << found;
      options = ChildOptions(round + 1);
    }
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path, options);
    ASSERT_TRUE(db.ok()) << db.status();
    replayed += (*db)->stats().replayed_commits;
    absl::Status found = CheckFound(db->get(), oracle, /*read_only=*/false);
    commits = 0;
    for (int t = 0; t < kThreads; ++t) commits += oracle->begun[t];
    if (found.ok()) found = CheckClean(db->get());
    ASSERT_TRUE(found.ok()) << found;
    if (round % 2 == 1) {
      const absl::Status closed = (*db)->Close();
      ASSERT_TRUE(closed.ok()) << closed;
      ASSERT_FALSE(std::filesystem::exists(path + "-log"));
    }
  }
  std::printf("%d rounds, %llu commits, %llu of them replayed\n", kRounds,
              static_cast<unsigned long long>(commits),
              static_cast<unsigned long long>(replayed));
  std::filesystem::remove_all(folder);
  munmap(shared, sizeof(Oracle));
}

}  // namespace
}  // namespace sheaf::test
