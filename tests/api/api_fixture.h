// What tests of the API's behaviour begin with: a database on a file system in
// memory that can fail and be crashed, and short words for frequent steps.
#ifndef TESTS_API_API_FIXTURE_H_
#define TESTS_API_API_FIXTURE_H_
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/support/crash_images.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {

using Contents = std::map<std::string, std::string>;

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    options_.background_checkpoints = false;
    Restart(std::make_unique<FaultyFileSystem>());
  }

  // Opens what is on `fs`, as another computer would that got this disk.
  void Restart(std::unique_ptr<FaultyFileSystem> fs) {
    db_.reset();
    fs_ = std::move(fs);
    options_.file_system = fs_.get();
    Open();
  }
  // kill -9: all that was written is there.
  void Kill() { Restart(std::make_unique<FaultyFileSystem>(fs_->Contents())); }
  // Power loss: what was not synced is gone.
  void CutPower() {
    const Recording recording = fs_->recording();
    CrashImage image = ImageAt(recording, recording.events.size());
    for (Fate& fate : image.fates) fate.kind = Fate::Kind::kLost;
    Restart(BuildImage(recording, image));
  }
  void Open() {
    auto db = Database::Open("/t.sheaf", options_);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }
  void Reopen() {
    const absl::Status closed = db_->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    db_.reset();
    Open();
  }

  WriteTransaction Begin(Durability durability = Durability::kFull) {
    WriteOptions write;
    write.durability = durability;
    absl::StatusOr<WriteTransaction> txn = db_->BeginWrite(write);
    EXPECT_TRUE(txn.ok()) << txn.status();
    return *std::move(txn);
  }
  void Put(const std::string& key, const std::string& value,
           Durability durability = Durability::kFull) {
    WriteTransaction txn = Begin(durability);
    absl::StatusOr<Table> table = txn.table("t");
    ASSERT_TRUE(table.ok()) << table.status();
    const absl::Status put = table->Put(key, value);
    ASSERT_TRUE(put.ok()) << put;
    const absl::Status committed = txn.Commit();
    ASSERT_TRUE(committed.ok()) << committed;
  }

  static Contents All(const TableReader& table) {
    Contents all;
    const absl::Status status =
        table.ForEach(KeyRange::All(), [&](std::string_view key, std::string_view value) {
          all.emplace(key, value);
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return all;
  }
  Contents All(const char* name = "t") {
    const ReadTransaction read = db_->BeginRead();
    absl::StatusOr<TableReader> table = read.table(name);
    return table.ok() ? All(*table) : Contents();
  }
  void ExpectClean() {
    absl::StatusOr<CheckReport> report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings)
      ADD_FAILURE() << f.page << ": " << f.what;
  }

  Options options_;
  std::unique_ptr<FaultyFileSystem> fs_;
  std::unique_ptr<Database> db_;
};

}  // namespace sheaf::test
#endif  // TESTS_API_API_FIXTURE_H_
