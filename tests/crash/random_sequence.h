// Long random sequences of operations under options that make the rare things
// happen: logs that are recycled, commits by checkpoint, pages spilled early.
#ifndef TESTS_CRASH_RANDOM_SEQUENCE_H_
#define TESTS_CRASH_RANDOM_SEQUENCE_H_
#include <cstdio>
#include <string>
#include <vector>

#include "tests/crash/images.h"
#include "tests/crash/workload.h"

namespace sheaf::test {

inline Op RandomOp(std::mt19937_64* random) {
  constexpr Op kOften[] = {Op::kPutSmall,   Op::kPutLarge,      Op::kInsertDocument,
                           Op::kCommitFull, Op::kCommitProcess, Op::kCommitNone};
  if ((*random)() % 2 == 0) return kOften[(*random)() % 6];
  return static_cast<Op>((*random)() % kOpCount);
}

inline Options RandomDatabaseOptions(std::mt19937_64* random) {
  Options options;
  options.log_bytes_max = 1 << 20;
  if ((*random)() % 2 == 0) options.transaction_log_bytes_max = 64 << 10;
  if ((*random)() % 2 == 0) options.cache_bytes_max = 1 << 20;
  if ((*random)() % 2 == 0) options.key = CrashKey('k');
  if ((*random)() % 2 == 0) options.compression = kCrashCompression;
  return options;
}

// Runs `length` operations of this seed on a database that was prepared.
inline absl::Status RunRandom(Workload* workload, std::mt19937_64* random, int length) {
  workload->random = random;
  workload->large_bytes = 3000 + (*random)() % 250'000;
  workload->bulk_entries = static_cast<int>((*random)() % 3000);
  std::vector<Op> ops;
  for (int i = 0; i < length; ++i) ops.push_back(RandomOp(random));
  ops.push_back(Op::kCommitFull);
  const absl::Status status = workload->RunAll(ops);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(std::string(status.message()), "\nin [",
                                                  ToString(ops), "]"));
}

// One sequence and every `each`-th of its crash images.
inline absl::Status CrashRandom(uint64_t seed, int length, size_t each, Tally* tally) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  FaultyFileSystem fs;
  Workload workload(&fs, RandomDatabaseOptions(&random));
  SHEAF_RETURN_IF_ERROR(workload.Prepare());
  SHEAF_RETURN_IF_ERROR(RunRandom(&workload, &random, length));
  CrashOptions crash;
  crash.seed = seed;
  crash.images_per_point_max = 1;
  ++tally->sequences;
  return TryImages(workload, fs.recording(), 0, crash, each, tally);
}

}  // namespace sheaf::test
#endif  // TESTS_CRASH_RANDOM_SEQUENCE_H_
