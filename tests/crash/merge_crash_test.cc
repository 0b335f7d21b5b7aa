// Counters that are incremented, and sets and texts that grow by merges, one commit each,
// while every write and sync is a crash point: what is recovered is a prefix of the merges
// that has every acknowledged one, each applied once. (R1, R2)
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sheaf/merge.h"
#include "tests/crash/workload.h"
#include "tests/support/crash_images.h"

namespace sheaf::test {
namespace {

using Entries = std::map<std::string, std::string>;
constexpr int kMerges = 40;

WriteBatch Merge(int i) {
  WriteBatch batch;
  batch.Merge("t", "count", MergeOperator::kAdd, MergeValue::Int(i));
  batch.Merge("t", "text", MergeOperator::kAppend, absl::StrCat(i, ","));
  batch.MergeWith("t", "even", "toggle", "");
  return batch;
}

// What the first `n` come to.
Entries Expected(int n) {
  Entries all;
  int64_t sum = 0;
  std::string text;
  for (int i = 1; i <= n; ++i) {
    sum += i;
    absl::StrAppend(&text, i, ",");
  }
  if (n > 0) all = {{"count", MergeValue::Int(sum)}, {"text", text}};
  if (n % 2 == 1) all["even"] = "";
  return all;
}

Options OptionsOf(FaultyFileSystem* fs) {
  Options options;
  options.file_system = fs;
  options.background_checkpoints = false;
  options.merge_functions["toggle"] =
      [](std::string_view, std::optional<std::string_view> existing,
         std::string_view operand) -> absl::StatusOr<std::optional<std::string>> {
    if (existing.has_value()) return std::optional<std::string>();
    return std::optional<std::string>(operand);
  };
  return options;
}

absl::StatusOr<Entries> Read(Database* db) {
  Entries all;
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<TableReader> table = read.table("t");
  if (absl::IsNotFound(table.status())) return all;
  SHEAF_RETURN_IF_ERROR(table.status());
  SHEAF_RETURN_IF_ERROR(
      table->ForEach(KeyRange::All(), [&](std::string_view key, std::string_view value) {
        all.emplace(key, value);
        return true;
      }));
  return all;
}

TEST(MergeCrash, KeepsAPrefixOfTheMerges) {
  FaultyFileSystem fs;
  std::vector<size_t> acknowledged;  // events at the return of the nth
  {
    auto db = *Database::Open(kCrashPath, OptionsOf(&fs));
    for (int i = 1; i <= kMerges; ++i) {
      ASSERT_TRUE(db->Apply(Merge(i)).ok());
      acknowledged.push_back(fs.recording().events.size());
      if (i % 15 == 0) {
        ASSERT_TRUE(db->Checkpoint().ok());
      }
    }
  }
  const Recording recording = fs.recording();
  int fewest = kMerges, most = 0;
  const auto counts = ForEachCrashImage(
      recording, {.seed = 7, .images_per_point_max = 6},
      [&](const CrashImage& image, FaultyFileSystem* crashed) -> absl::Status {
        absl::StatusOr<std::unique_ptr<Database>> db =
            Database::Open(kCrashPath, OptionsOf(crashed));
        SHEAF_RETURN_IF_ERROR(db.status());
        SHEAF_ASSIGN_OR_RETURN(const Entries found, Read(db->get()));
        int least = 0;
        while (least < kMerges && acknowledged[static_cast<size_t>(least)] <= image.point)
          ++least;
        int n = least;
        while (n <= kMerges && Expected(n) != found) ++n;
        if (n > kMerges)
          return absl::InternalError(absl::StrCat("no prefix from ", least, " on"));
        fewest = std::min(fewest, n), most = std::max(most, n);
        // The next merge goes on from there.
        SHEAF_RETURN_IF_ERROR((*db)->Apply(Merge(n + 1)));
        SHEAF_ASSIGN_OR_RETURN(const Entries after, Read(db->get()));
        if (after != Expected(n + 1))
          return absl::InternalError("the next merge is wrong");
        return absl::OkStatus();
      });
  ASSERT_TRUE(counts.ok()) << counts.status();
  std::printf("%zu crash points, %zu images\n", counts->points, counts->images);
  EXPECT_EQ(fewest, 0);
  EXPECT_EQ(most, kMerges);
  EXPECT_GT(counts->images, 100u);
}

}  // namespace
}  // namespace sheaf::test
