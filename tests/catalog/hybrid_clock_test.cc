// Hybrid clocks: timestamps go up whatever the wall clock does, follow it when it goes on,
// and are above all that led to them, on machines whose clocks differ. One clock is compared
// with the algorithm of Kulkarni et al. as the paper writes it down, at random.
#include "catalog/hybrid_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

namespace sheaf {
namespace {

absl::Time At(int64_t milliseconds) { return absl::FromUnixMillis(milliseconds); }

TEST(HybridTime, IsMillisecondsAndCounter) {
  const HybridTime time(1'763'838'775'123, 5);
  EXPECT_EQ(time.bits(), uint64_t{1'763'838'775'123} << 16 | 5);
  EXPECT_EQ(time.milliseconds(), 1'763'838'775'123u);
  EXPECT_EQ(time.counter(), 5);
  EXPECT_EQ(time.time(), At(1'763'838'775'123));
  EXPECT_EQ(HybridTime::FromBits(time.bits()), time);
  EXPECT_LT(time, HybridTime(1'763'838'775'123, 6));
  EXPECT_LT(HybridTime(1, UINT16_MAX), HybridTime(2, 0));
  EXPECT_EQ(HybridTime().bits(), 0u);
}

TEST(HybridTime, IsWrittenAndRead) {
  for (const HybridTime time :
       {HybridTime(), HybridTime(7, 65535), HybridTime(HybridTime::kMillisecondsMax, 1)})
    EXPECT_EQ(HybridTime::Parse(time.ToString()), time) << time.ToString();
  EXPECT_EQ(HybridTime(1'763'838'775'123, 5).ToString(), "1763838775123.5");
  for (const char* wrong : {"", ".", "1", "1.", ".1", "1.65536", "-1.0", "1.-1", "1.0x",
                            " 1.0", "1.0.0", "281474976710656.0"})
    EXPECT_FALSE(HybridTime::Parse(wrong).has_value()) << wrong;
}

TEST(HybridClock, FollowsTheWallClock) {
  HybridClock clock;
  EXPECT_EQ(clock.Tick(At(1000)), HybridTime(1000, 0));
  EXPECT_EQ(clock.Tick(At(1000)), HybridTime(1000, 1));
  EXPECT_EQ(clock.Tick(At(1000)), HybridTime(1000, 2));
  EXPECT_EQ(clock.Tick(At(1001)), HybridTime(1001, 0));
  EXPECT_EQ(clock.last(), HybridTime(1001, 0));
}

TEST(HybridClock, GoesOnWhenTheWallClockGoesBackOrStands) {
  HybridClock clock;
  EXPECT_EQ(clock.Tick(At(5000)), HybridTime(5000, 0));
  EXPECT_EQ(clock.Tick(At(10)), HybridTime(5000, 1));
  EXPECT_EQ(clock.Tick(At(-10)), HybridTime(5000, 2));
  EXPECT_EQ(clock.Tick(absl::InfinitePast()), HybridTime(5000, 3));
  EXPECT_EQ(clock.Tick(At(4999)), HybridTime(5000, 4));
  EXPECT_EQ(clock.Tick(At(5001)), HybridTime(5001, 0));
}

TEST(HybridClock, FullCounterBeginsTheNextMillisecond) {
  HybridClock clock(absl::Minutes(1), HybridTime(1000, UINT16_MAX - 1));
  EXPECT_EQ(clock.Tick(At(1000)), HybridTime(1000, UINT16_MAX));
  EXPECT_EQ(clock.Tick(At(1000)), HybridTime(1001, 0));
  EXPECT_EQ(clock.Tick(At(1001)), HybridTime(1001, 1));
}

TEST(HybridClock, EndsAtItsLastTimestamp) {
  HybridClock clock(absl::Minutes(1), HybridTime(HybridTime::kMillisecondsMax, 65534));
  const HybridTime last = HybridTime::FromBits(UINT64_MAX);
  EXPECT_EQ(clock.Tick(absl::InfiniteFuture()), last);
  EXPECT_EQ(clock.Tick(At(0)), last);  // does not begin anew
}

TEST(HybridClock, IsAboveWhatItIsShown) {
  HybridClock clock;
  ASSERT_EQ(clock.Tick(At(1000)), HybridTime(1000, 0));
  EXPECT_EQ(*clock.Merge(HybridTime(1000, 7), At(1000)), HybridTime(1000, 8));
  EXPECT_EQ(*clock.Merge(HybridTime(900, 9), At(1000)), HybridTime(1000, 9));
  EXPECT_EQ(*clock.Merge(HybridTime(3000, 4), At(1000)), HybridTime(3000, 5));
  EXPECT_EQ(*clock.Merge(HybridTime(2000, 4), At(4000)), HybridTime(4000, 0));
  EXPECT_EQ(clock.Tick(At(1000)), HybridTime(4000, 1));
}

TEST(HybridClock, RefusesWhatIsTooFarAhead) {
  HybridClock clock(absl::Seconds(1));
  ASSERT_EQ(clock.Tick(At(1000)), HybridTime(1000, 0));
  const auto refused = clock.Merge(HybridTime(2001, 0), At(1000));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kOutOfRange) << refused.status();
  EXPECT_EQ(clock.last(), HybridTime(1000, 0));  // unchanged
  EXPECT_EQ(*clock.Merge(HybridTime(2000, 0), At(1000)), HybridTime(2000, 1));
  // No bound lets the last timestamp in, behind which there is none.
  HybridClock trusting(absl::InfiniteDuration());
  EXPECT_FALSE(trusting.Merge(HybridTime::FromBits(UINT64_MAX), At(1000)).ok());
}

TEST(HybridClock, GoesOnAfterARestart) {
  HybridClock clock(absl::Minutes(1), HybridTime(9000, 3));
  EXPECT_EQ(clock.Tick(At(1000)), HybridTime(9000, 4));
}

// The algorithm of the paper, figure 5: l and c apart.
struct Paper {
  uint64_t l = 0, c = 0;
  HybridTime Local(uint64_t pt) {
    const uint64_t before = l;
    l = std::max(l, pt);
    c = l == before ? c + 1 : 0;
    return HybridTime(l, static_cast<uint16_t>(c));
  }
  HybridTime Receive(HybridTime m, uint64_t pt) {
    const uint64_t before = l;
    l = std::max({before, m.milliseconds(), pt});
    if (l == before && l == m.milliseconds())
      c = std::max<uint64_t>(c, m.counter()) + 1;
    else if (l == before)
      c = c + 1;
    else if (l == m.milliseconds())
      c = m.counter() + 1u;
    else
      c = 0;
    return HybridTime(l, static_cast<uint16_t>(c));
  }
};

TEST(HybridClock, DoesWhatThePaperSays) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  constexpr int kMachines = 4;
  std::vector<std::unique_ptr<HybridClock>> clocks;
  std::vector<Paper> papers(kMachines);
  std::vector<int64_t> skew(kMachines);
  for (int i = 0; i < kMachines; ++i) {
    clocks.push_back(std::make_unique<HybridClock>());
    skew[i] = static_cast<int64_t>(random() % 50);
  }
  int64_t now = 1000;
  std::vector<HybridTime> messages = {HybridTime(1000, 0)};
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 4 == 0) now += static_cast<int64_t>(random() % 3);
    const size_t machine = random() % kMachines;
    // Clocks of machines differ, and jump.
    const int64_t wall = now + skew[machine] - static_cast<int64_t>(random() % 5);
    const HybridTime before = clocks[machine]->last();
    HybridTime given, expected;
    if (random() % 2 == 0) {
      given = clocks[machine]->Tick(At(wall));
      expected = papers[machine].Local(static_cast<uint64_t>(wall));
    } else {
      const HybridTime message = messages[random() % messages.size()];
      given = *clocks[machine]->Merge(message, At(wall));
      expected = papers[machine].Receive(message, static_cast<uint64_t>(wall));
      ASSERT_GT(given, message);
    }
    ASSERT_EQ(given, expected) << "step " << step;
    ASSERT_GT(given, before);
    // Never far from the wall clocks: the greatest difference of two of them.
    ASSERT_LE(given.milliseconds(), static_cast<uint64_t>(now + 50)) << "step " << step;
    messages.push_back(given);
  }
}

TEST(HybridClock, ThreadsGetDifferentTimestamps) {
  HybridClock clock;
  constexpr int kThreads = 4, kEach = 20'000;
  std::vector<std::vector<HybridTime>> given(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) given[t].push_back(clock.Tick(At(1000 + i / 1000)));
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<HybridTime> all;
  for (const auto& one : given) {
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
    all.insert(all.end(), one.begin(), one.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_EQ(all.back(), clock.last());
}

}  // namespace
}  // namespace sheaf
