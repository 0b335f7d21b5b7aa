// R13 over the whole crash suite: whatever is crashed, copied, rolled back and recovered,
// no nonce is used twice under one key. Counted over all tests of the program.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/synchronization/mutex.h"
#include "pager/cipher.h"

namespace sheaf::test {
namespace {

absl::Mutex g_mu(absl::kConstInit);
uint64_t g_repeated ABSL_GUARDED_BY(g_mu) = 0;

// 64 bits stand for the pair: ten million of them collide once in 300,000 runs.
absl::flat_hash_set<uint64_t>& Seen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(g_mu) {
  static auto* const seen = new absl::flat_hash_set<uint64_t>;
  return *seen;
}

class NonceWatch : public testing::Environment {
 public:
  void SetUp() override {
    pager::Cipher::set_observer([](std::string_view key, std::string_view nonce) {
      const uint64_t pair = absl::HashOf(key, nonce);
      absl::MutexLock lock(&g_mu);
      if (!Seen().insert(pair).second) ++g_repeated;
    });
  }
  void TearDown() override {
    pager::Cipher::set_observer(nullptr);
    absl::MutexLock lock(&g_mu);
    EXPECT_EQ(g_repeated, 0u);
    std::printf("%llu nonces used, none twice\n",
                static_cast<unsigned long long>(Seen().size()));
  }
};

const testing::Environment* const kWatch =
    testing::AddGlobalTestEnvironment(new NonceWatch);

TEST(NonceWatch, Watches) { EXPECT_NE(kWatch, nullptr); }

}  // namespace
}  // namespace sheaf::test
