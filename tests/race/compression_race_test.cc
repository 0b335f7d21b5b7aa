// Readers of every age beside a writer that puts, trains dictionaries, drops them, and
// drops the table: each value is the one of its key, or the whole version lacks it. (R11)
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr int kRounds = 20;
#else
constexpr int kRounds = 150;
#endif
constexpr int kKeys = 120;
constexpr Compression kKinds[] = {{CompressionKind::kZstd, 1, true, 40},
                                  {CompressionKind::kLz4, 3, true, 40},
                                  {CompressionKind::kLz4},
                                  {}};

std::string Key(int i) { return absl::StrCat("key", 1000 + i); }
std::string Text(std::string_view key, int round) {
  return absl::StrCat("{\"key\":\"", std::string(key),
                      "\",\"text\":\"as it was put in round\",", "\"round\":", round,
                      "}");
}

absl::Status Write(Database& db, int round) {
  return db.Write(
      [&](WriteTransaction& txn) -> absl::Status {
        if (round % 10 == 9) return txn.Drop("t");
        const Compression& kind = kKinds[round % 4];
        SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t", {.compression = kind}));
        for (int i = round % 3; i < kKeys; i += 3)
          SHEAF_RETURN_IF_ERROR(table.Put(Key(i), Text(Key(i), round)));
        return round % 5 == 2 ? txn.Recompress("t", kKinds[round / 5 % 4])
                              : absl::OkStatus();
      },
      {.durability = Durability::kNone});
}

absl::Status Read(Database& db) {
  const ReadTransaction read = db.BeginRead();
  const absl::StatusOr<TableReader> table = read.table("t");
  if (absl::IsNotFound(table.status())) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(table.status());
  for (int again = 0; again < 2; ++again) {
    SHEAF_RETURN_IF_ERROR(
        table->ForEach(KeyRange::All(), [](std::string_view key, std::string_view value) {
          EXPECT_TRUE(value.starts_with(Text(key, 0).substr(0, 50))) << value;
          return true;
        }));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> one, table->Find(Key(7)));
    EXPECT_TRUE(!one.has_value() || one->ToString().starts_with("{\"key\":\"key1007\""));
  }
  return read.Measure("t").status();
}

TEST(CompressionRace, ReadersBesideTrainingAndRecompression) {
  const std::unique_ptr<pager::FileSystem> fs = pager::NewMemoryFileSystem();
  Options options;
  options.file_system = fs.get();
  options.cache_bytes_max = 1 << 20;
  auto db = Database::Open("/t.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      while (!done) {
        const absl::Status status = Read(**db);
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  for (int round = 0; round < kRounds; ++round) {
    const absl::Status written = Write(**db, round);
    EXPECT_TRUE(written.ok()) << written;
  }
  done = true;
  for (std::thread& t : readers) t.join();
  const auto report = (*db)->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->ok());
}

}  // namespace
}  // namespace sheaf
