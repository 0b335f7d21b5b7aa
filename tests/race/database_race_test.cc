// Proves that everything may run beside everything: readers that add up, look up
// and walk; writers with savepoints, rollbacks and transactions too large for the
// log; batches; checkpoints by call and in the background; stats(), Check(); in a
// cache so small that pages are evicted and spilled all the time. Each transaction
// keeps sums that every snapshot is held against. (RELIABILITY R11, B16)
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr absl::Duration kEach = absl::Seconds(8);
#else
constexpr absl::Duration kEach = absl::Milliseconds(1300);
#endif

constexpr int kAccounts = 400;
constexpr int64_t kTotal = int64_t{2} * kAccounts * 1000;
constexpr int kBallast = 300;
constexpr uint64_t kHistory = 500;

std::string AccountKey(uint64_t i) { return absl::StrCat("account-", i % kAccounts); }
std::string HistoryKey(uint64_t n) { return absl::StrCat(uint64_t{1'000'000'000} + n); }

int64_t ToNumber(std::string_view text) {
  int64_t n = -1;
  EXPECT_TRUE(absl::SimpleAtoi(std::string(text), &n)) << "not a number";
  return n;
}

// A value that tells whether it is whole and whose it is: sizes from a few bytes to
// several chunks of a large value.
std::string BallastValue(const std::string& key, uint64_t n) {
  static constexpr size_t kSizes[] = {20, 700, 3000, 9000, 70'000, 150'000};
  std::string head = absl::StrCat(key, ":", n, ":");
  std::string value = head;
  value.resize(kSizes[n % 6], static_cast<char>('a' + n % 26));
  return value;
}

void ExpectBallast(std::string_view key, std::string_view value) {
  const std::string text(value.substr(0, 40));
  const size_t colon = text.find(':');
  ASSERT_NE(colon, std::string::npos);
  ASSERT_EQ(text.substr(0, colon), key);
  const uint64_t n = static_cast<uint64_t>(
      ToNumber(text.substr(colon + 1, text.find(':', colon + 1) - colon - 1)));
  ASSERT_TRUE(BallastValue(std::string(key), n) == value) << "a torn value";
}

class Bank {
 public:
  Bank(pager::FileSystem* fs, std::string path, uint64_t cache_bytes,
       const EncryptionKey& key)
      : path_(std::move(path)) {
    options_.key = key;
    options_.file_system = fs;
    options_.cache_bytes_max = cache_bytes;
    options_.log_bytes_max = 1 << 20;
    options_.transaction_log_bytes_max = 256 << 10;
    Open();
    if (testing::Test::HasFatalFailure()) return;
    const absl::Status filled = db_->Write([](WriteTransaction& txn) -> absl::Status {
      for (const char* name : {"left", "right"}) {
        SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(name));
        for (int i = 0; i < kAccounts; ++i)
          SHEAF_RETURN_IF_ERROR(table.Put(AccountKey(static_cast<uint64_t>(i)), "1000"));
      }
      SHEAF_ASSIGN_OR_RETURN(Table meta, txn.table("meta"));
      SHEAF_RETURN_IF_ERROR(meta.Put("n", "0"));
      for (const char* name : {"ballast", "history", "batch"})
        SHEAF_RETURN_IF_ERROR(txn.table(name).status());
      return txn.collection("notes").status();
    });
    EXPECT_TRUE(filled.ok()) << filled;
  }

  void Open() {
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path_, options_);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  Database& db() { return *db_; }

  absl::Status NewKeys(std::mt19937_64& random) {
    absl::SleepFor(absl::Milliseconds(random() % 60));
    if (options_.key.is_none()) return absl::OkStatus();
    const EncryptionKey key =
        *EncryptionKey::Raw(std::string(32, static_cast<char>('a' + random() % 26)));
    SHEAF_RETURN_IF_ERROR(random() % 2 == 0 ? db_->Rekey(key) : db_->RotateFileKey(key));
    options_.key = key;
    return absl::OkStatus();
  }

  // One transfer, with everything that hangs on it.
  absl::Status Transfer(std::mt19937_64& random) {
    WriteOptions write;
    write.durability = static_cast<Durability>(1 + random() % 3);
    SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_->BeginWrite(write));
    SHEAF_ASSIGN_OR_RETURN(Table left, txn.table("left"));
    SHEAF_ASSIGN_OR_RETURN(Table right, txn.table("right"));
    for (uint64_t i = 1 + random() % 8; i > 0; --i) {
      const int64_t amount = static_cast<int64_t>(random() % 100);
      SHEAF_RETURN_IF_ERROR(Add(left, AccountKey(random()), -amount));
      SHEAF_RETURN_IF_ERROR(Add(right, AccountKey(random()), amount));
      if (random() % 4 == 0) SHEAF_RETURN_IF_ERROR(Regret(txn, random));
    }
    SHEAF_RETURN_IF_ERROR(Note(txn));
    SHEAF_RETURN_IF_ERROR(ShuffleBallast(txn, random));
    if (random() % 10 == 0) {
      txn.Rollback();
      return absl::OkStatus();
    }
    return txn.Commit();
  }

  // What a snapshot must show, whatever goes on beside it.
  absl::Status Verify(std::mt19937_64& random) {
    ReadTransaction read = db_->BeginRead();
    SHEAF_ASSIGN_OR_RETURN(const int64_t sum, Sum(read));
    EXPECT_EQ(sum, kTotal) << "version " << read.version();
    SHEAF_RETURN_IF_ERROR(VerifyHistory(read));
    SHEAF_RETURN_IF_ERROR(VerifyLookUps(read, random));
    SHEAF_RETURN_IF_ERROR(VerifyBallast(read, random));
    SHEAF_RETURN_IF_ERROR(VerifyBatches(read));
    SHEAF_ASSIGN_OR_RETURN(const int64_t again, Sum(read));
    EXPECT_EQ(again, kTotal) << "version " << read.version() << ", looked at again";
    return absl::OkStatus();
  }

  // Two keys that always hold the same.
  absl::Status ApplyBatch(std::mt19937_64& random) {
    WriteBatch batch;
    const std::string key = absl::StrCat(random() % 50);
    const std::string value = absl::StrCat(random());
    batch.Put("batch", "a" + key, value);
    batch.Put("batch", "b" + key, value);
    WriteOptions write;
    write.durability = static_cast<Durability>(1 + random() % 3);
    return db_->Apply(batch, write);
  }

  void CheckClean() {
    absl::StatusOr<CheckReport> report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings)
      ADD_FAILURE() << "page " << f.page << ": " << f.what;
  }

  void Close() {
    const absl::Status closed = db_->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    db_.reset();
  }

 private:
  static absl::Status Add(Table& table, const std::string& key, int64_t amount) {
    return table.Update(key, [&](std::optional<std::string_view> old) {
      return std::optional(absl::StrCat(ToNumber(old.value_or("?")) + amount));
    });
  }

  // Does wrong and takes it back.
  static absl::Status Regret(WriteTransaction& txn, std::mt19937_64& random) {
    SHEAF_ASSIGN_OR_RETURN(const Savepoint savepoint, txn.SetSavepoint());
    SHEAF_ASSIGN_OR_RETURN(Table left, txn.table("left"));
    SHEAF_RETURN_IF_ERROR(left.Put(AccountKey(random()), "123456789"));
    SHEAF_ASSIGN_OR_RETURN(Table ballast, txn.table("ballast"));
    SHEAF_RETURN_IF_ERROR(ballast.DeleteRange(KeyRange::All()).status());
    SHEAF_RETURN_IF_ERROR(txn.Drop("right"));
    SHEAF_RETURN_IF_ERROR(txn.table("temporary").status());
    SHEAF_RETURN_IF_ERROR(txn.RollbackTo(savepoint));
    return random() % 2 == 0 ? txn.Release(savepoint) : absl::OkStatus();
  }

  static absl::Status Note(WriteTransaction& txn) {
    SHEAF_ASSIGN_OR_RETURN(Table meta, txn.table("meta"));
    SHEAF_ASSIGN_OR_RETURN(const Value before, meta.Get("n"));
    const uint64_t n = static_cast<uint64_t>(ToNumber(before)) + 1;
    SHEAF_RETURN_IF_ERROR(meta.Put("n", absl::StrCat(n)));
    SHEAF_ASSIGN_OR_RETURN(Table history, txn.table("history"));
    SHEAF_RETURN_IF_ERROR(history.Put(HistoryKey(n), absl::StrCat(n)));
    if (n > kHistory && n % 50 == 0) {
      KeyRange old;
      old.to = HistoryKey(n - kHistory);
      SHEAF_RETURN_IF_ERROR(history.DeleteRange(old).status());
    }
    SHEAF_ASSIGN_OR_RETURN(Collection notes, txn.collection("notes"));
    SHEAF_ASSIGN_OR_RETURN(const int64_t key,
                           notes.Append(absl::StrCat("{\"n\":", n, "}")));
    EXPECT_EQ(static_cast<uint64_t>(key), n);
    return absl::OkStatus();
  }

  static absl::Status ShuffleBallast(WriteTransaction& txn, std::mt19937_64& random) {
    SHEAF_ASSIGN_OR_RETURN(Table ballast, txn.table("ballast"));
    // Now and then more than the log takes.
    const uint64_t count = random() % 25 == 0 ? 40 : random() % 4;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string key = absl::StrCat("ballast-", random() % kBallast);
      const uint64_t n = random() % 1000;
      if (n < 300)
        SHEAF_RETURN_IF_ERROR(ballast.Delete(key).status());
      else
        SHEAF_RETURN_IF_ERROR(ballast.Put(key, BallastValue(key, n)));
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<int64_t> Sum(const ReadTransaction& read) {
    SHEAF_ASSIGN_OR_RETURN(const TableReader left, read.table("left"));
    SHEAF_ASSIGN_OR_RETURN(const TableReader right, read.table("right"));
    int64_t sum = 0, entries = 0;
    Cursor cursor = left.NewCursor();
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next(), ++entries)
      sum += ToNumber(cursor.value());
    SHEAF_RETURN_IF_ERROR(cursor.status());
    SHEAF_RETURN_IF_ERROR(right.ForEachReverse(
        KeyRange::All(), [&](std::string_view, std::string_view value) {
          sum += ToNumber(value);
          ++entries;
          return true;
        }));
    EXPECT_EQ(entries, 2 * kAccounts);
    return sum;
  }

  static absl::Status VerifyHistory(const ReadTransaction& read) {
    SHEAF_ASSIGN_OR_RETURN(const TableReader meta, read.table("meta"));
    SHEAF_ASSIGN_OR_RETURN(const TableReader history, read.table("history"));
    SHEAF_ASSIGN_OR_RETURN(const CollectionReader notes, read.collection("notes"));
    SHEAF_ASSIGN_OR_RETURN(const Value value, meta.Get("n"));
    const uint64_t n = static_cast<uint64_t>(ToNumber(value));
    SHEAF_ASSIGN_OR_RETURN(const uint64_t size, history.size());
    SHEAF_ASSIGN_OR_RETURN(const uint64_t documents, notes.size());
    EXPECT_EQ(documents, n);
    if (n == 0) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(const std::string document,
                           notes.Get(static_cast<int64_t>(n)));
    EXPECT_EQ(document, absl::StrCat("{\"n\":", n, "}"));
    uint64_t at = n;
    SHEAF_RETURN_IF_ERROR(history.ForEachReverse(
        KeyRange::All(), [&](std::string_view key, std::string_view text) {
          EXPECT_EQ(key, HistoryKey(at));
          EXPECT_EQ(text, absl::StrCat(at));
          --at;
          return !testing::Test::HasFailure();
        }));
    EXPECT_EQ(n - at, size);
    SHEAF_ASSIGN_OR_RETURN(const std::string first, history.KeyAt(0));
    EXPECT_EQ(first, HistoryKey(at + 1));
    return absl::OkStatus();
  }

  static absl::Status VerifyLookUps(const ReadTransaction& read,
                                    std::mt19937_64& random) {
    SHEAF_ASSIGN_OR_RETURN(const TableReader left, read.table("left"));
    std::vector<std::string> keys;
    for (int i = 0; i < 40; ++i)
      keys.push_back(i % 8 == 7 ? "absent" : AccountKey(random()));
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<std::optional<Value>> found(keys.size());
    SHEAF_RETURN_IF_ERROR(left.MultiGet(views, absl::MakeSpan(found)));
    for (size_t i = 0; i < keys.size(); ++i) {
      SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> single, left.Find(keys[i]));
      EXPECT_EQ(single.has_value(), found[i].has_value());
      EXPECT_EQ(single.has_value(), i % 8 != 7);
      if (!single.has_value() || !found[i].has_value()) continue;
      EXPECT_EQ(single->ToString(), found[i]->ToString());
    }
    return absl::OkStatus();
  }

  static absl::Status VerifyBallast(const ReadTransaction& read,
                                    std::mt19937_64& random) {
    SHEAF_ASSIGN_OR_RETURN(const TableReader ballast, read.table("ballast"));
    KeyRange range;
    range.from = absl::StrCat("ballast-", random() % kBallast);
    uint64_t seen = 0;
    const auto look = [&](std::string_view key, std::string_view value) {
      ExpectBallast(key, value);
      return ++seen < 30 && !testing::Test::HasFailure();
    };
    SHEAF_RETURN_IF_ERROR(random() % 2 == 0 ? ballast.ForEach(range, look)
                                            : ballast.ForEachReverse(range, look));
    for (int i = 0; i < 10; ++i) {
      const std::string key = absl::StrCat("ballast-", random() % kBallast);
      SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> value, ballast.Find(key));
      if (value.has_value()) ExpectBallast(key, *value);
    }
    return absl::OkStatus();
  }

  static absl::Status VerifyBatches(const ReadTransaction& read) {
    SHEAF_ASSIGN_OR_RETURN(const TableReader batch, read.table("batch"));
    Cursor a = batch.NewCursor(), b = batch.NewCursor();
    b.Seek("b");
    for (a.SeekFirst(); a.Valid() && a.key()[0] == 'a'; a.Next(), b.Next()) {
      EXPECT_TRUE(b.Valid());
      if (!b.Valid()) break;
      EXPECT_EQ(a.key().substr(1), b.key().substr(1));
      EXPECT_EQ(a.value(), b.value());
    }
    SHEAF_RETURN_IF_ERROR(a.status());
    return b.status();
  }

  const std::string path_;
  Options options_;
  std::unique_ptr<Database> db_;
};

// Threads that do one thing each until the time is over or something failed.
class Crew {
 public:
  explicit Crew(uint64_t seed) : seed_(seed) {}
  template <class Fn>
  void Add(const char* what, Fn fn) {
    threads_.emplace_back([this, what, fn, id = threads_.size()] {
      std::mt19937_64 random(seed_ * 1000 + id);
      uint64_t rounds = 0;
      for (; !stop_.load(); ++rounds) {
        const absl::Status status = fn(random);
        EXPECT_TRUE(status.ok()) << what << ": " << status;
        if (!status.ok() || testing::Test::HasFailure()) stop_ = true;
      }
      std::printf("  %-12s %llu rounds\n", what, static_cast<unsigned long long>(rounds));
    });
  }
  void RunFor(absl::Duration time) {
    const absl::Time end = absl::Now() + time;
    while (absl::Now() < end && !stop_.load()) absl::SleepFor(absl::Milliseconds(10));
    stop_ = true;
    for (std::thread& t : threads_) t.join();
  }

 private:
  const uint64_t seed_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// A checker reads every page; in a small cache one at a time is enough.
void RunAll(pager::FileSystem* fs, const std::string& path, uint64_t cache_bytes,
            uint64_t seed, const EncryptionKey& key = {}) {
  std::printf("seed %llu, cache %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(cache_bytes));
  Bank bank(fs, path, cache_bytes, key);
  ASSERT_FALSE(testing::Test::HasFailure());
  {
    Crew crew(seed);
    for (int i = 0; i < 2; ++i)
      crew.Add("reader", [&](std::mt19937_64& random) { return bank.Verify(random); });
    for (int i = 0; i < 2; ++i)
      crew.Add("writer", [&](std::mt19937_64& random) { return bank.Transfer(random); });
    crew.Add("batches", [&](std::mt19937_64& random) { return bank.ApplyBatch(random); });
    crew.Add("checkpoints", [&](std::mt19937_64& random) {
      absl::SleepFor(absl::Milliseconds(random() % 40));
      return bank.db().Checkpoint();
    });
    crew.Add("stats", [&](std::mt19937_64& random) {
      absl::SleepFor(absl::Milliseconds(random() % 5));
      const DatabaseStats stats = bank.db().stats();
      EXPECT_LE(stats.checkpoint_version, stats.version + (uint64_t{1} << 20));
      EXPECT_LE(stats.cache_bytes_used, stats.cache_bytes_max + (uint64_t{32} << 20));
      return absl::OkStatus();
    });
    crew.Add("check", [&](std::mt19937_64& random) {
      absl::SleepFor(absl::Milliseconds(random() % 100));
      bank.CheckClean();
      return absl::OkStatus();
    });
    crew.Add("compact", [&](std::mt19937_64& random) {
      absl::SleepFor(absl::Milliseconds(random() % 60));
      return bank.db().Compact().status();
    });
    crew.Add("new keys", [&](std::mt19937_64& random) { return bank.NewKeys(random); });
    crew.RunFor(kEach);
  }
  std::mt19937_64 random(seed);
  const absl::Status verified = bank.Verify(random);
  EXPECT_TRUE(verified.ok()) << verified;
  bank.CheckClean();
  const DatabaseStats stats = bank.db().stats();
  EXPECT_GT(stats.checkpoints, 0u);
  EXPECT_GT(stats.cache_evictions, 0u);
  EXPECT_EQ(stats.readers_open, 0u);
  bank.Close();
  if (testing::Test::HasFailure()) return;
  bank.Open();
  ASSERT_FALSE(testing::Test::HasFailure());
  const absl::Status reopened = bank.Verify(random);
  EXPECT_TRUE(reopened.ok()) << reopened;
  bank.CheckClean();
}

// A folder of its own, removed again.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "/sheaf-race-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string Of(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST(DatabaseRace, EverythingInMemoryFilesOneMegabyte) {
  const auto fs = pager::NewMemoryFileSystem();
  RunAll(fs.get(), "/race.sheaf", 1 << 20, 1);
}

TEST(DatabaseRace, EverythingInMemoryFilesTwoMegabytes) {
  const auto fs = pager::NewMemoryFileSystem();
  RunAll(fs.get(), "/race.sheaf", 2 << 20, 2);
}

TEST(DatabaseRace, EverythingEncrypted) {
  const auto fs = pager::NewMemoryFileSystem();
  RunAll(fs.get(), "/race.sheaf", 1 << 20, 4, *EncryptionKey::Raw(std::string(32, 'k')));
}

TEST(DatabaseRace, EverythingOnARealFile) {
  const TemporaryFolder folder;
  RunAll(nullptr, folder.Of("race.sheaf"), 1 << 20, 3);
}

}  // namespace
}  // namespace sheaf
