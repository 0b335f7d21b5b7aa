// Every sequence of up to three operations, crashed at every I/O event (R1, R2):
// most crash bugs need no more (ACE, OSDI 2018). See enumerate_test.cc.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/crash/enumeration.h"

namespace sheaf::test {
namespace {

TEST(CrashEnumeration, SequencesOfThreeOperations) {
  EnumerationOptions options;
  options.length = 3;
  options.images_per_point_max = 3;
  Enumeration enumeration(options);
  const absl::Status status = enumeration.Run(2);
  EXPECT_TRUE(status.ok()) << status;
  std::printf("%s\n", enumeration.tally().ToString().c_str());
}

// The same with a transaction's share of the log so small that large values are
// committed with a checkpoint (B5, B16).
TEST(CrashEnumeration, SequencesOfTwoOperationsCommittedByCheckpoint) {
  EnumerationOptions options;
  options.length = 2;
  options.images_per_point_max = 20;
  options.database.transaction_log_bytes_max = 64 << 10;
  options.database.log_bytes_max = 1 << 20;
  options.database.cache_bytes_max = 1 << 20;
  Enumeration enumeration(options);
  const absl::Status status = enumeration.Run(2);
  EXPECT_TRUE(status.ok()) << status;
  std::printf("%s\n", enumeration.tally().ToString().c_str());
}

}  // namespace
}  // namespace sheaf::test
