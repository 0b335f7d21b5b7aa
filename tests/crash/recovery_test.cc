// A crash in the middle of recovery, and another one in the recovery after that,
// with commits in between (R3, B3, B18), also where recovery has a cache of 1 MiB
// and must write pages early (B22). Each recording of a recovery is crashed in
// turn; what is found must be allowed by the crash before it, and nothing that a
// recovered database acknowledged, or showed once it was open, may be missing.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>

#include "tests/crash/random_sequence.h"
#include "tests/support/sanitizers.h"

namespace sheaf::test {
namespace {

// Whether a database that holds this may be found after a crash at this point.
using Judge = std::function<absl::Status(const Contents&, size_t point)>;

struct CrashAgain {
  Options options;
  uint64_t seed = 1;
  uint64_t images_by_depth[4] = {};

  // What a database does between two crashes: it is opened, commits twice.
  absl::StatusOr<Judge> Continue(FaultyFileSystem* fs, const Judge& allowed, size_t point,
                                 int depth) {
    options.file_system = fs;
    SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, OpenByEitherKey(&options));
    SHEAF_ASSIGN_OR_RETURN(const Contents found, ReadContents(db.get()));
    SHEAF_RETURN_IF_ERROR(allowed(found, point));
    SHEAF_RETURN_IF_ERROR(CheckClean(db.get()));
    const size_t opened = fs->event_count();
    std::vector<Contents> states = {found};
    std::vector<size_t> durable = {opened};
    for (int i = 0; i < 2; ++i) {
      WriteOptions write;
      write.durability = i == 0 ? Durability::kFull : Durability::kProcess;
      const std::string key = absl::StrCat("depth", depth, "-", i);
      const std::string value(seed % 2 == 0 ? 10 : 70'000, 'v');
      SHEAF_RETURN_IF_ERROR(db->Write(
          [&](WriteTransaction& txn) -> absl::Status {
            SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("a"));
            return table.Put(key, value);
          },
          write));
      states.push_back(states.back());
      states.back()["t:a"][key] = Digest(value);
      durable.push_back(i == 0 ? fs->event_count() : SIZE_MAX);
    }
    if (seed % 3 == 0) {
      SHEAF_RETURN_IF_ERROR(db->Checkpoint());
      durable.back() = fs->event_count();
    }
    Fault dead;  // whatever the handle does when it goes is not part of this
    dead.repeat = Fault::Repeat::kForEver;
    fs->Inject(dead);
    db.reset();
    return [=](const Contents& contents, size_t at) -> absl::Status {
      size_t floor = 0;
      for (size_t i = 0; i < states.size(); ++i)
        if (durable[i] <= at) floor = i;
      for (size_t i = floor; i < states.size(); ++i)
        if (states[i] == contents) return absl::OkStatus();
      if (at < opened) return allowed(contents, point);
      return absl::InternalError(absl::StrCat("found ", Brief(contents),
                                              "\nwhich is none of the states from ",
                                              floor, " on: ", Brief(states[floor])));
    };
  }

  absl::Status Run(FaultyFileSystem* fs, const Judge& allowed, size_t point, int depth) {
    ++images_by_depth[depth];
    SHEAF_ASSIGN_OR_RETURN(const Judge judge, Continue(fs, allowed, point, depth));
    if (depth == 3) return absl::OkStatus();
    const Recording recording = fs->recording();
    CrashOptions crash;
    crash.seed = ++seed;
    crash.images_per_point_max = 1;
    return ForEachImage(recording, 0, crash, depth == 1 ? 5 : 7,
                        [&](const CrashImage&, size_t at, FaultyFileSystem* crashed) {
                          return Run(crashed, judge, at, depth + 1);
                        })
        .status();
  }
};

absl::Status RunSeed(uint64_t seed, uint64_t cache_bytes, uint64_t* images) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  FaultyFileSystem fs;
  Options options = RandomDatabaseOptions(&random);
  options.cache_bytes_max = 64 << 20;
  options.log_bytes_max = 8 << 20;  // so that recovery has something to do
  options.transaction_log_bytes_max = 32 << 20;
  Workload workload(&fs, options);
  SHEAF_RETURN_IF_ERROR(workload.Prepare());
  SHEAF_RETURN_IF_ERROR(RunRandom(&workload, &random, 25));
  CrashAgain again;
  again.options = workload.options();
  again.options.cache_bytes_max = cache_bytes;
  again.seed = seed;
  const Judge judge = [&](const Contents& contents, size_t point) {
    return workload.Judge(contents, point, /*process_only=*/false);
  };
  const Recording recording = fs.recording();
  CrashOptions crash;
  crash.seed = seed;
  crash.images_per_point_max = 1;
  SHEAF_RETURN_IF_ERROR(
      ForEachImage(recording, 0, crash, 7,
                   [&](const CrashImage&, size_t point, FaultyFileSystem* crashed) {
                     return again.Run(crashed, judge, point, 1);
                   })
          .status());
  std::printf("%llu images, %llu of their recoveries, %llu of theirs\n",
              static_cast<unsigned long long>(again.images_by_depth[1]),
              static_cast<unsigned long long>(again.images_by_depth[2]),
              static_cast<unsigned long long>(again.images_by_depth[3]));
  for (const uint64_t n : again.images_by_depth) *images += n;
  return absl::OkStatus();
}

constexpr uint64_t kSeeds = kAddressSanitizer ? 1 : 4;

TEST(CrashInRecovery, AndAgainInTheNextOne) {
  uint64_t images = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const absl::Status status = RunSeed(seed, 64 << 20, &images);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
  }
  std::printf("%llu images in all\n", static_cast<unsigned long long>(images));
}

TEST(CrashInRecovery, WithACacheOfOneMegabyte) {
  uint64_t images = 0;
  for (uint64_t seed = 11; seed < 11 + kSeeds; ++seed) {
    const absl::Status status = RunSeed(seed, 1 << 20, &images);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
  }
  std::printf("%llu images in all\n", static_cast<unsigned long long>(images));
}

}  // namespace
}  // namespace sheaf::test
