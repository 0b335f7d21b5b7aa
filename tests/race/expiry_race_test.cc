// Records that expire while writers put them, readers look and the thread in the background
// removes them, by a clock that runs ahead: no snapshot changes its mind, what a snapshot
// counts is what it walks over, and nothing is left behind (ThreadSanitizer runs it).
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

constexpr int kKeys = 500;

absl::Status Change(WriteTransaction& txn, std::mt19937* random) {
  SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
  SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
  for (int i = 0; i < 20; ++i) {
    const auto key = static_cast<int64_t>((*random)() % kKeys);
    const Expiry expiry = (*random)() % 4 == 0
                              ? Expiry::Never()
                              : Expiry::Sliding(absl::Milliseconds(1 + (*random)() % 50));
    SHEAF_RETURN_IF_ERROR(t.Put(absl::StrCat(key), "v", expiry));
    SHEAF_RETURN_IF_ERROR(
        c.Put(key, absl::StrCat(R"({"n":)", (*random)() % 9, "}"), expiry));
    SHEAF_RETURN_IF_ERROR(t.Touch(absl::StrCat((*random)() % kKeys)).status());
    SHEAF_RETURN_IF_ERROR(c.Delete(static_cast<int64_t>((*random)() % kKeys)).status());
  }
  return absl::OkStatus();
}

absl::Status Look(Database* db) {
  const ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const TableReader t, read.table("t"));
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader c, read.collection("c"));
  std::vector<std::string> keys;
  SHEAF_RETURN_IF_ERROR(t.ForEach({}, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  absl::SleepFor(absl::Milliseconds(1));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, t.size());
  if (size != keys.size()) return absl::InternalError("a snapshot counts otherwise");
  for (const std::string& key : keys) {
    SHEAF_ASSIGN_OR_RETURN(const bool there, t.Contains(key));
    if (!there) return absl::InternalError("an entry vanished from a snapshot");
  }
  SHEAF_ASSIGN_OR_RETURN(const uint64_t all, c.Count("{}"));
  uint64_t sum = 0;
  for (int n = 0; n < 9; ++n) {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t some,
                           c.Count(absl::StrCat(R"({"n":)", n, "}")));
    sum += some;
  }
  return sum == all ? absl::OkStatus() : absl::InternalError("an index counts otherwise");
}

TEST(ExpiryRace, ReadersBesideWritersAndTheReaper) {
  test::FaultyFileSystem fs;
  std::atomic<int64_t> now{1'900'000'000'000'000};
  std::atomic<uint64_t> told{0};
  Options options;
  options.file_system = &fs;
  options.durability = Durability::kNone;
  options.clock = [&] { return absl::FromUnixMicros(now.load()); };
  options.on_expired = [&](const ExpiredRecord&) { ++told; };
  auto db = *Database::Open("/e.sheaf", options);
  std::mt19937 random(1);
  const auto index = IndexDefinition::Parse(R"({"fields": {"n": 1}})");
  ASSERT_TRUE(db->Write([&](WriteTransaction& txn) -> absl::Status {
                  SHEAF_RETURN_IF_ERROR(Change(txn, &random));
                  return txn.collection("c")->CreateIndex(*index);
                }).ok());
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  const auto run = [&](auto work) {
    threads.emplace_back([&stop, work]() mutable {
      while (!stop) {
        const absl::Status status = work();
        ASSERT_TRUE(status.ok()) << status;
      }
    });
  };
  for (int i = 0; i < 2; ++i) run([&] { return Look(db.get()); });
  run([&] {
    now += 2000;
    absl::SleepFor(absl::Milliseconds(1));
    return absl::OkStatus();
  });
  run([&] {
    absl::SleepFor(absl::Milliseconds(3));
    ExpireOptions some;
    some.batch = 50;
    return db->Expire(some).status();
  });
  run([&] {
    absl::SleepFor(absl::Milliseconds(5));
    return db->Checkpoint();
  });
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(
        db->Write([&](WriteTransaction& txn) { return Change(txn, &random); }).ok());
  stop = true;
  for (std::thread& thread : threads) thread.join();
  now += 1'000'000;
  ASSERT_TRUE(db->Expire().ok());
  EXPECT_GT(told.load(), 0u);
  {
    const ReadTransaction read = db->BeginRead();
    for (const ExpiryStats& stats : *read.ListExpiring()) {
      EXPECT_EQ(stats.expired, 0u);
      EXPECT_EQ(stats.expiring, 0u);
    }
  }
  const CheckReport report = *db->Check();
  for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  ASSERT_TRUE(db->Close().ok());
}

}  // namespace
}  // namespace sheaf
