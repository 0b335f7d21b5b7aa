// Every sequence of up to two operations, crashed at every I/O event: what is
// opened is the state after some commit, none of the acknowledged ones is
// missing, and the database goes on (R1, R2, B2, B5, B13). Sequences of three are
// in enumerate_slow_test.cc.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/crash/enumeration.h"
#include "tests/support/sanitizers.h"

namespace sheaf::test {
namespace {

constexpr size_t kImages = kAddressSanitizer ? 2 : 8;
constexpr size_t kImagesOfOthers = kAddressSanitizer ? 1 : 2;
constexpr int kLengthOfOthers = kAddressSanitizer ? 1 : 2;

TEST(CrashEnumeration, SequencesOfTwoOperations) {
  EnumerationOptions options;
  options.length = 2;
  options.images_per_point_max = kImages;
  options.each = kAddressSanitizer ? 3 : 1;
  Enumeration enumeration(options);
  const absl::Status status = enumeration.Run(2);
  EXPECT_TRUE(status.ok()) << status;
  std::printf("%s\n", enumeration.tally().ToString().c_str());
}

// Encrypted, the same must hold (R13: nonce_watch_test.cc looks on).
TEST(CrashEnumeration, SequencesOfTwoOperationsEncrypted) {
  EnumerationOptions options;
  options.length = kLengthOfOthers;
  options.images_per_point_max = kImagesOfOthers;
  options.database.key = CrashKey('k');
  Enumeration enumeration(options);
  const absl::Status status = enumeration.Run(2);
  EXPECT_TRUE(status.ok()) << status;
  std::printf("%s\n", enumeration.tally().ToString().c_str());
}

// Compressed: dictionaries are trained, replaced and dropped among the rest.
TEST(CrashEnumeration, SequencesOfTwoOperationsCompressed) {
  EnumerationOptions options;
  options.length = kLengthOfOthers;
  options.images_per_point_max = kImagesOfOthers;
  options.database.compression = kCrashCompression;
  Enumeration enumeration(options);
  const absl::Status status = enumeration.Run(2);
  EXPECT_TRUE(status.ok()) << status;
  std::printf("%s\n", enumeration.tally().ToString().c_str());
}

// So that the test above is one of dictionaries, too.
TEST(CrashEnumeration, TheWorkloadTrainsADictionary) {
  FaultyFileSystem fs;
  Options options;
  options.compression = kCrashCompression;
  Workload workload(&fs, options);
  ASSERT_TRUE(workload.Prepare().ok());
  const auto dictionaries = [&] {
    return workload.db()->BeginRead().Measure("a")->dictionaries;
  };
  EXPECT_EQ(dictionaries(), 1u);
  ASSERT_TRUE(workload.Run(Op::kRecompress).ok());
  ASSERT_TRUE(workload.Run(Op::kCommitFull).ok());
  EXPECT_EQ(dictionaries(), 1u);
  EXPECT_GT(workload.db()->BeginRead().Measure("a")->values_with_dictionary, 15u);
}

}  // namespace
}  // namespace sheaf::test
