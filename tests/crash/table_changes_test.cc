// Tables and collections that are created, dropped, renamed, emptied and made again
// within one transaction, with nested savepoints taken back, released and used
// twice, against a model; committed, closed, killed and opened again (B6, B7, B20).
// Seeds are printed.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/crash/workload.h"

namespace sheaf::test {
namespace {

struct Point {
  Savepoint savepoint;
  Contents contents;
};

class Changes {
 public:
  explicit Changes(uint64_t seed) : random_(seed) {
    options_.file_system = &fs_;
    options_.background_checkpoints = false;
    if (seed % 3 == 1) options_.compression = kCrashCompression;
    if (seed % 2 == 0) options_.transaction_log_bytes_max = 64 << 10;
  }

  absl::Status Run(int transactions) {
    SHEAF_RETURN_IF_ERROR(Open());
    for (int i = 0; i < transactions; ++i) {
      SHEAF_RETURN_IF_ERROR(Transaction());
      SHEAF_RETURN_IF_ERROR(Compare(db_.get()));
      if (i % 4 == 0) {  // what a kill would leave
        FaultyFileSystem killed(fs_.Contents());
        Options options = options_;
        options.file_system = &killed;
        SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                               Database::Open(kCrashPath, options));
        SHEAF_RETURN_IF_ERROR(Compare(db.get()));
      }
      if (i % 7 == 6) {
        SHEAF_RETURN_IF_ERROR(db_->Close());
        db_.reset();
        SHEAF_RETURN_IF_ERROR(Open());
      }
    }
    return db_->Close();
  }

 private:
  absl::Status Open() {
    SHEAF_ASSIGN_OR_RETURN(db_, Database::Open(kCrashPath, options_));
    return absl::OkStatus();
  }

  absl::Status Compare(Database* db) {
    SHEAF_ASSIGN_OR_RETURN(const Contents found, ReadContents(db));
    if (found != model_)
      return absl::InternalError(
          absl::StrCat("found ", Brief(found), "\nexpected ", Brief(model_)));
    return CheckClean(db);
  }

  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(5))); }

  absl::Status Transaction() {
    SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_->BeginWrite());
    Contents next = model_;
    std::vector<Point> points;
    for (uint64_t n = 3 + Below(25); n > 0; --n)
      SHEAF_RETURN_IF_ERROR(Step(&txn, &next, &points));
    if (Below(6) == 0) return absl::OkStatus();  // rolled back
    SHEAF_RETURN_IF_ERROR(txn.Commit());
    model_ = std::move(next);
    return absl::OkStatus();
  }

  absl::Status Expect(const absl::Status& got, bool ok, const char* what) {
    if (got.ok() == ok) return absl::OkStatus();
    return absl::InternalError(absl::StrCat(what, ": ", got.ToString()));
  }

  absl::Status Step(WriteTransaction* txn, Contents* next, std::vector<Point>* points) {
    const std::string name = Name(), other = Name();
    switch (Below(10)) {
      case 0:
        SHEAF_RETURN_IF_ERROR(
            Expect(txn->Drop(name), next->erase("t:" + name) == 1, "drop"));
        return absl::OkStatus();
      case 1: {
        const bool allowed = next->contains("t:" + name) &&
                             (name == other || !next->contains("t:" + other));
        SHEAF_RETURN_IF_ERROR(Expect(txn->Rename(name, other), allowed, "rename"));
        if (allowed && name != other) {
          (*next)["t:" + other] = std::move((*next)["t:" + name]);
          next->erase("t:" + name);
        }
        return absl::OkStatus();
      }
      case 2: {
        SHEAF_ASSIGN_OR_RETURN(const Savepoint savepoint, txn->SetSavepoint());
        points->push_back({savepoint, *next});
        return absl::OkStatus();
      }
      case 3: {
        if (points->empty()) return absl::OkStatus();
        const size_t i = Below(points->size());
        if (Below(4) == 0) {
          SHEAF_RETURN_IF_ERROR(txn->Release((*points)[i].savepoint));
          points->resize(i);  // and with it those set after it
          return absl::OkStatus();
        }
        SHEAF_RETURN_IF_ERROR(txn->RollbackTo((*points)[i].savepoint));
        for (size_t later = i + 1; later < points->size(); ++later)
          SHEAF_RETURN_IF_ERROR(
              Expect(txn->RollbackTo((*points)[later].savepoint), false, "rolled over"));
        points->resize(i + 1);
        *next = (*points)[i].contents;
        return absl::OkStatus();
      }
      case 4: {
        SHEAF_ASSIGN_OR_RETURN(Table table, txn->table(name));
        SHEAF_RETURN_IF_ERROR(table.DeleteRange(KeyRange::All()).status());
        (*next)["t:" + name].clear();
        return absl::OkStatus();
      }
      case 5:
        return Fill(txn, name, next);
      case 6:
        if (Below(3) != 0) return absl::OkStatus();
        return Expect(
            txn->Recompress(name, Below(2) == 0 ? kCrashCompression : Compression{}),
            next->contains("t:" + name), "recompress");
      default: {
        SHEAF_ASSIGN_OR_RETURN(Table table, txn->table(name));
        const std::string key = absl::StrCat("k", Below(30));
        const std::string value(Below(20) == 0 ? 20'000 : Below(200), 'v');
        SHEAF_RETURN_IF_ERROR(table.Put(key, value));
        (*next)["t:" + name][key] = Digest(value);
        return absl::OkStatus();
      }
    }
  }

  // Bulk into an empty table, one by one otherwise.
  absl::Status Fill(WriteTransaction* txn, const std::string& name, Contents* next) {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn->table(name));
    auto& entries = (*next)["t:" + name];
    int i = 0;
    std::string key;
    if (entries.empty()) {
      return table.BulkLoad([&](std::string_view* k, std::string_view* v) {
        if (i == 400) return false;
        key = absl::StrCat("bulk", 1000 + i++);
        entries[key] = "b";
        *k = key, *v = "b";
        return true;
      });
    }
    for (; i < 200; ++i) {
      key = absl::StrCat("one", i);
      SHEAF_RETURN_IF_ERROR(table.Put(key, "o"));
      entries[key] = "o";
    }
    return absl::OkStatus();
  }

  std::mt19937_64 random_;
  FaultyFileSystem fs_;
  Options options_;
  std::unique_ptr<Database> db_;
  Contents model_;
};

TEST(TableChanges, MatchAModelThroughSavepointsAndReopening) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Changes changes(seed);
    const absl::Status status = changes.Run(40);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
  }
  std::printf("seeds 1 to 20\n");
}

}  // namespace
}  // namespace sheaf::test
