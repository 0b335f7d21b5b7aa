// A database whose clock the test sets.
#ifndef TESTS_API_EXPIRY_FIXTURE_H_
#define TESTS_API_EXPIRY_FIXTURE_H_
#include <atomic>
#include <string>
#include <vector>

#include "tests/api/api_fixture.h"

namespace sheaf::test {

class ExpiryTest : public ApiTest {
 protected:
  ExpiryTest() {
    options_.background_expiry = false;
    options_.background_linking = false;
    options_.clock = [this] { return absl::FromUnixMicros(now_.load()); };
    Restart(std::make_unique<FaultyFileSystem>());
  }

  absl::Time Now() const { return absl::FromUnixMicros(now_.load()); }
  void SetNow(absl::Time now) { now_ = absl::ToUnixMicros(now); }
  void Advance(absl::Duration by) { SetNow(Now() + by); }

  void Write(absl::FunctionRef<absl::Status(WriteTransaction&)> fn) {
    const absl::Status status = db_->Write(fn);
    ASSERT_TRUE(status.ok()) << status;
  }
  // In table "t".
  void PutExpiring(const std::string& key, const Expiry& expiry) {
    Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
      return t.Put(key, "value of " + key, expiry);
    });
  }
  static std::string Keys(const TableReader& table) {
    std::string keys;
    for (const auto& [key, value] : All(table)) keys += key + " ";
    return keys;
  }
  std::string Keys() {
    const ReadTransaction read = db_->BeginRead();
    absl::StatusOr<TableReader> table = read.table("t");
    return table.ok() ? Keys(*table) : table.status().ToString();
  }
  uint64_t SizeWithExpired() { return *db_->BeginRead().table("t")->size_with_expired(); }
  ExpireResult Expire(const ExpireOptions& options = {}) {
    absl::StatusOr<ExpireResult> result = db_->Expire(options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : ExpireResult();
  }

  // The first of January 2030.
  std::atomic<int64_t> now_{1'893'456'000'000'000};
};

}  // namespace sheaf::test
#endif  // TESTS_API_EXPIRY_FIXTURE_H_
