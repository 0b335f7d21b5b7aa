// Random sequences of operations with a log of 1 MiB, transactions that outgrow
// their share of it and a cache of 1 MiB, crashed at I/O events throughout (R1, R2,
// B5, B13, B18): what is found is the state after a commit, none of those
// acknowledged is missing, no page is used twice. More seeds are in
// random_slow_test.cc. SHEAF_CRASH_SEED=n runs that one alone.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/crash/random_sequence.h"
#include "tests/support/sanitizers.h"

namespace sheaf::test {
namespace {

TEST(CrashRandom, LongSequences) {
  const char* const wanted = std::getenv("SHEAF_CRASH_SEED");
  uint64_t first = 1, last = kAddressSanitizer ? 3 : 8;
  if (wanted != nullptr) first = last = std::strtoull(wanted, nullptr, 10);
  Tally tally;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const absl::Status status = CrashRandom(seed, 60, 3, &tally);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
  }
  std::printf("%s\n", tally.ToString().c_str());
}

}  // namespace
}  // namespace sheaf::test
