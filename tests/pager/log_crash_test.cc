// Proves by crash images (RELIABILITY R1-R3, B18) that whatever a power cut leaves
// of the log, recovery gives a prefix of what was appended that holds everything
// that was synced; that a crash during recovery and a second crash after new
// commits change nothing about that; and that start positions, recycling and
// cutting the file are safe at every step.
//
// Random operations with printed seeds run on a recording file system. A model
// keeps the groups in order and when each was acknowledged.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pager/status_macros.h"
#include "tests/pager/log_test_util.h"
#include "tests/support/crash_images.h"

namespace sheaf::pager {
namespace {

using test::CrashImage;
using test::CrashOptions;
using test::FaultyFileSystem;
using test::ForEachCrashImage;

// At event `event`, `lsn` was acknowledged as durable or named by a superblock.
struct Mark {
  size_t event;
  LogPosition position;
};

struct Model {
  std::vector<LogGroup> groups;  // since the log was created
  std::vector<Mark> synced, superblocks;

  static LogPosition At(const std::vector<Mark>& marks, size_t point) {
    LogPosition position;
    for (const Mark& mark : marks) {
      if (mark.event <= point) position = mark.position;
    }
    return position;
  }

  std::vector<LogGroup> Behind(LogPosition start) const {
    std::vector<LogGroup> rest;
    for (const LogGroup& group : groups) {
      if (group.end.lsn > start.lsn) rest.push_back(group);
    }
    return rest;
  }
};

absl::Status Check(bool fact, const std::string& what) {
  return fact ? absl::OkStatus() : absl::InternalError(what);
}

absl::Status CheckRecovered(const std::vector<LogGroup>& got,
                            const std::vector<LogGroup>& expected, Lsn durable) {
  SHEAF_RETURN_IF_ERROR(
      Check(IsPrefix(got, expected),
            absl::StrCat("not a prefix: ", got.size(), " groups of ", expected.size())));
  if (got.size() == expected.size()) return absl::OkStatus();
  return Check(expected[got.size()].end.lsn > durable,
               absl::StrCat("group of txn ", expected[got.size()].txn,
                            " was acknowledged and is gone"));
}

size_t RandomSize(std::mt19937_64* random) {
  switch ((*random)() % 8) {
    case 0:
      return 1 + (*random)() % 700'000;
    case 1:
      return 1'048'400 + (*random)() % 100;  // about a segment
    default:
      return 1 + (*random)() % 3000;
  }
}

// One random step of a writer with checkpoints.
absl::Status Step(Log* log, FaultyFileSystem* fs, TxnId* txn, std::mt19937_64* random,
                  Model* model) {
  switch ((*random)() % 6) {
    case 0:
    case 1:
    case 2:
      model->groups.push_back(AppendGroup(log, ++*txn, RandomSize(random)));
      return absl::OkStatus();
    case 3:
      return log->Write();
    case 4: {
      const LogPosition end = log->end();
      SHEAF_RETURN_IF_ERROR(log->SyncThrough(end.lsn));
      model->synced.push_back({fs->event_count(), end});
      return absl::OkStatus();
    }
    default: {
      const LogPosition named =
          model->superblocks.empty() ? LogPosition() : model->superblocks.back().position;
      const std::vector<LogGroup> open = model->Behind(named);
      if (open.empty() || (*random)() % 3 != 0) return absl::OkStatus();
      const LogPosition position = open[(*random)() % open.size()].end;
      SHEAF_RETURN_IF_ERROR(log->SyncThrough(position.lsn));
      model->superblocks.push_back({fs->event_count(), position});
      return log->Release(position, (*random)() % 3 << 20);
    }
  }
}

// What happens after the crash: recover, commit twice, crash in the middle of that
// again, recover again.
absl::Status RecoverAndCrashAgain(FaultyFileSystem* fs, LogPosition start,
                                  const std::vector<LogGroup>& expected, Lsn durable,
                                  uint64_t seed) {
  auto first = RecoverLog(fs, start, Log::Access::kReadWrite);
  SHEAF_RETURN_IF_ERROR(first.status());
  SHEAF_RETURN_IF_ERROR(CheckRecovered(first->groups, expected, durable));
  Model model;
  model.groups = first->groups;
  for (TxnId txn = 1001; txn <= 1002; ++txn) {
    model.groups.push_back(AppendGroup(first->log.get(), txn, 500 + 2000 * (seed % 2)));
    SHEAF_RETURN_IF_ERROR(first->log->Write());
    if (txn == 1001) {
      const LogPosition end = first->log->end();
      SHEAF_RETURN_IF_ERROR(first->log->SyncThrough(end.lsn));
      model.synced.push_back({fs->event_count(), end});
    }
  }
  const Lsn recovered = first->groups.empty() ? start.lsn : first->groups.back().end.lsn;
  CrashOptions options;
  options.seed = seed;
  options.images_per_point_max = 1;
  return ForEachCrashImage(
             fs->recording(), options,
             [&](const CrashImage& image, FaultyFileSystem* again) -> absl::Status {
               auto second = RecoverLog(again, start, Log::Access::kReadWrite);
               SHEAF_RETURN_IF_ERROR(second.status());
               const Lsn acknowledged = Model::At(model.synced, image.point).lsn;
               return CheckRecovered(second->groups, model.groups,
                                     std::max(recovered, acknowledged));
             })
      .status();
}

void RunCrashes(uint64_t seed, int steps, size_t images_per_point, uint64_t nested_each) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  FaultyFileSystem fs;
  auto log = Log::Create(&fs, kLogPath, kTestIdentity, {});
  ASSERT_TRUE(log.ok()) << log.status();
  Model model;
  TxnId txn = 0;
  CrashOptions options;
  options.first_point = fs.event_count();
  for (int i = 0; i < steps; ++i) {
    const absl::Status status = Step(log->get(), &fs, &txn, &random, &model);
    ASSERT_TRUE(status.ok()) << status;
  }
  options.seed = seed;
  options.images_per_point_max = images_per_point;
  uint64_t count = 0;
  const auto counts = ForEachCrashImage(
      fs.recording(), options,
      [&](const CrashImage& image, FaultyFileSystem* crashed) -> absl::Status {
        const LogPosition start = Model::At(model.superblocks, image.point);
        const Lsn durable = Model::At(model.synced, image.point).lsn;
        const std::vector<LogGroup> expected = model.Behind(start);
        auto seen = RecoverLog(crashed, start);
        SHEAF_RETURN_IF_ERROR(seen.status());
        SHEAF_RETURN_IF_ERROR(CheckRecovered(seen->groups, expected, durable));
        if (++count % nested_each != 0) return absl::OkStatus();
        return RecoverAndCrashAgain(crashed, start, expected, durable, count);
      });
  ASSERT_TRUE(counts.ok()) << counts.status();
  std::printf("%zu crash points, %zu images\n", counts->points, counts->images);
}

// SHEAF_LOG_CRASH_SEEDS=100 for a long run.
TEST(LogCrash, EveryImageIsAPrefixWithAllThatWasSynced) {
  const char* const wanted = std::getenv("SHEAF_LOG_CRASH_SEEDS");
  const uint64_t seeds = wanted == nullptr ? 3 : std::strtoull(wanted, nullptr, 10);
  for (uint64_t seed = 1; seed <= seeds; ++seed) RunCrashes(seed, 60, 2, 200);
}

TEST(LogCrash, CreateIsAllOrNothing) {
  FaultyFileSystem fs;
  ASSERT_TRUE(Log::Create(&fs, kLogPath, kTestIdentity, {}).ok());
  const size_t created = fs.event_count();
  CrashOptions options;
  options.first_point = created;
  const auto counts = ForEachCrashImage(
      fs.recording(), options, [&](const CrashImage&, FaultyFileSystem* crashed) {
        return RecoverLog(crashed, {}).status();
      });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_GT(counts->images, 0u);
}

}  // namespace
}  // namespace sheaf::pager
