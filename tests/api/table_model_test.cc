// Random operations on a table, against std::map: what is read, counted, walked
// over in both directions and found after reopening must be the same; Check() is
// clean throughout. Keys share prefixes, differ in length and come in runs, so
// that splits, merges, shifts and prefix changes all happen. (R9, R10, B6, B14)
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>

#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/support/sanitizers.h"

namespace sheaf {
namespace {

using Model = std::map<std::string, std::string>;

class Driver {
 public:
  Driver(uint64_t seed, uint64_t cache_bytes) : random_(seed) {
    options_.cache_bytes_max = cache_bytes;
    options_.log_bytes_max = 1 << 20;
    options_.transaction_log_bytes_max = 64 << 10;
    options_.background_checkpoints = false;
    if (seed % 3 == 1) options_.compression = {CompressionKind::kLz4};
    if (seed % 3 == 2) options_.compression = {CompressionKind::kZstd, 1, true, 30};
    fs_ = pager::NewMemoryFileSystem();
    options_.file_system = fs_.get();
    Reopen();
  }

  void Reopen() {
    if (db_ != nullptr) {
      const absl::Status closed = db_->Close();
      ASSERT_TRUE(closed.ok()) << closed;
    }
    db_.reset();
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open("/t.sheaf", options_);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  void Check() {
    absl::StatusOr<CheckReport> report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings)
      ADD_FAILURE() << "page " << f.page << ": " << f.what;
    ASSERT_EQ(report->entries_checked, model_.size());
  }

  void Transaction() {
    WriteOptions write;
    write.durability = static_cast<Durability>(1 + Below(3));
    absl::StatusOr<WriteTransaction> txn = db_->BeginWrite(write);
    ASSERT_TRUE(txn.ok()) << txn.status();
    absl::StatusOr<Table> table = txn->table("t");
    ASSERT_TRUE(table.ok()) << table.status();
    Model next = model_;
    std::optional<Savepoint> savepoint;
    Model at_savepoint;
    const int operations = 1 + static_cast<int>(Below(60));
    for (int i = 0; i < operations; ++i) {
      if (Below(20) == 0) {
        savepoint = *txn->SetSavepoint();
        at_savepoint = next;
      } else if (savepoint.has_value() && Below(10) == 0) {
        const absl::Status back = txn->RollbackTo(*savepoint);
        ASSERT_TRUE(back.ok()) << back;
        next = at_savepoint;
      } else if (Below(300) == 0) {
        static constexpr Compression kDictionary{CompressionKind::kLz4, 3, true, 10};
        const absl::Status done =
            txn->Recompress("t", Below(2) == 0 ? kDictionary : Compression{});
        ASSERT_TRUE(done.ok()) << done;
      } else {
        Operation(*table, &next);
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    if (Below(8) == 0) {
      txn->Rollback();
      return;
    }
    const absl::Status committed = txn->Commit();
    ASSERT_TRUE(committed.ok()) << committed;
    model_ = std::move(next);
  }

  void Operation(Table& table, Model* model) {
    const std::string key = Key();
    switch (Below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const std::string value = Value();
        const absl::Status put = table.Put(key, value);
        ASSERT_TRUE(put.ok()) << put;
        (*model)[key] = value;
        break;
      }
      case 4: {  // an ascending run
        std::string base = key.substr(0, 900);
        for (int i = 0; i < 30; ++i) {
          const std::string k =
              base + static_cast<char>('a' + i / 10) + static_cast<char>('0' + i % 10);
          ASSERT_TRUE(table.Put(k, "run").ok());
          (*model)[k] = "run";
        }
        break;
      }
      case 5:
      case 6: {
        absl::StatusOr<bool> existed = table.Delete(key);
        ASSERT_TRUE(existed.ok()) << existed.status();
        ASSERT_EQ(*existed, model->erase(key) == 1);
        break;
      }
      case 7: {
        auto it = model->lower_bound(key);
        if (it == model->end()) break;
        const std::string there = it->first;
        ASSERT_TRUE(*table.Delete(there));
        model->erase(there);
        break;
      }
      case 8: {
        const absl::Status inserted = table.Insert(key, "inserted");
        ASSERT_EQ(inserted.ok(), model->emplace(key, "inserted").second) << inserted;
        break;
      }
      case 9: {
        if (Below(4) != 0) break;
        KeyRange range;
        range.from = key;
        auto from = model->lower_bound(key);
        auto to = from;
        for (uint64_t n = Below(200); n > 0 && to != model->end(); --n) ++to;
        if (to != model->end()) range.to = to->first;
        absl::StatusOr<uint64_t> gone = table.DeleteRange(range);
        ASSERT_TRUE(gone.ok()) << gone.status();
        ASSERT_EQ(*gone, static_cast<uint64_t>(std::distance(from, to)));
        model->erase(from, to);
        break;
      }
      case 10: {
        absl::StatusOr<std::optional<sheaf::Value>> found = table.Find(key);
        ASSERT_TRUE(found.ok()) << found.status();
        const auto it = model->find(key);
        ASSERT_EQ(found->has_value(), it != model->end());
        if (found->has_value()) {
          const sheaf::Value& v = **found;
          ASSERT_TRUE(v.view() == it->second);
        }
        break;
      }
      case 11: {
        absl::StatusOr<uint64_t> count = table.Count(KeyRange::Prefix(key.substr(0, 2)));
        ASSERT_TRUE(count.ok());
        uint64_t expected = 0;
        for (auto it = model->lower_bound(key.substr(0, 2));
             it != model->end() && it->first.starts_with(key.substr(0, 2)); ++it)
          ++expected;
        ASSERT_EQ(*count, expected);
        break;
      }
    }
  }

  void CompareAll() {
    ReadTransaction read = db_->BeginRead();
    absl::StatusOr<TableReader> table = read.table("t");
    if (absl::IsNotFound(table.status())) {
      ASSERT_TRUE(model_.empty());
      return;
    }
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_EQ(*table->size(), model_.size());
    auto it = model_.begin();
    Cursor cursor = table->NewCursor();
    uint64_t rank = 0;
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next(), ++it, ++rank) {
      ASSERT_TRUE(it != model_.end());
      ASSERT_TRUE(cursor.key() == it->first);
      ASSERT_TRUE(cursor.value() == it->second);
      if (rank % 50 == 0) {
        ASSERT_EQ(*table->KeyAt(rank), it->first);
      }
    }
    ASSERT_TRUE(cursor.status().ok()) << cursor.status();
    ASSERT_TRUE(it == model_.end());
    auto back = model_.rbegin();
    for (cursor.SeekLast(); cursor.Valid(); cursor.Prev(), ++back)
      ASSERT_TRUE(cursor.key() == back->first);
    ASSERT_TRUE(back == model_.rend());
  }

  uint64_t Below(uint64_t n) { return random_() % n; }

 private:
  std::string Key() {
    std::string key;
    if (Below(3) == 0) key.assign(Below(40), 'p');
    if (Below(40) == 0) key.assign(500 + Below(500), 'L');
    for (uint64_t n = 1 + Below(6); n > 0; --n)
      key.push_back(static_cast<char>("abcdefgh\0\xff"[Below(10)]));
    return key;
  }
  std::string Value() {
    const uint64_t kind = Below(100);
    const uint64_t size = kind < 80   ? Below(150)
                          : kind < 97 ? Below(5000)
                                      : Below(200000);
    return std::string(size, static_cast<char>('A' + Below(26)));
  }

  std::mt19937_64 random_;
  Options options_;
  std::unique_ptr<pager::FileSystem> fs_;
  std::unique_ptr<Database> db_;
  Model model_;
};

void RunSeed(uint64_t seed, uint64_t cache_bytes, int rounds) {
  SCOPED_TRACE(testing::Message() << "seed " << seed << " cache " << cache_bytes);
  Driver driver(seed, cache_bytes);
  for (int i = 0; i < rounds; ++i) {
    driver.Transaction();
    if (testing::Test::HasFatalFailure()) return;
    if (i % 20 == 0) driver.CompareAll();
    if (i % 50 == 0) driver.Check();
    if (i % 70 == 69) driver.Reopen();
    if (testing::Test::HasFailure()) return;
  }
  driver.Reopen();
  driver.CompareAll();
  driver.Check();
}

TEST(TableModel, RandomOperationsMatchAMap) {
  constexpr uint64_t kSeeds = test::kAddressSanitizer ? 3 : 12;
  for (uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed)
    RunSeed(seed, 64 << 20, 150);
}

TEST(TableModel, RandomOperationsMatchAMapInATinyCache) {
  for (uint64_t seed = 101; seed <= 106 && !testing::Test::HasFailure(); ++seed)
    RunSeed(seed, 1 << 20, 150);
}

}  // namespace
}  // namespace sheaf
