// As random_test.cc, longer and with more seeds (R1, R2). SHEAF_CRASH_SEEDS=n for
// a long run.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/crash/random_sequence.h"

namespace sheaf::test {
namespace {

TEST(CrashRandomSlow, LongerSequences) {
  const char* const wanted = std::getenv("SHEAF_CRASH_SEEDS");
  const uint64_t seeds = wanted == nullptr ? 12 : std::strtoull(wanted, nullptr, 10);
  Tally tally;
  for (uint64_t seed = 1001; seed <= 1000 + seeds; ++seed) {
    const absl::Status status = CrashRandom(seed, 150, 2, &tally);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
  }
  std::printf("%s\n", tally.ToString().c_str());
}

}  // namespace
}  // namespace sheaf::test
