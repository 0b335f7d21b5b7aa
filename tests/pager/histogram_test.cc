// Histogram: buckets cover all durations without a gap, quantiles are at most a
// quarter too high, many threads lose no count.
#include "pager/histogram.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sheaf::pager {
namespace {

TEST(Histogram, BucketsFollowOneAnother) {
  size_t before = 0;
  for (uint64_t ns = 0; ns < 100'000; ++ns) {
    const size_t bucket = Histogram::BucketOf(ns);
    EXPECT_TRUE(bucket == before || bucket == before + 1) << ns;
    EXPECT_LE(static_cast<int64_t>(ns), Histogram::EndOf(bucket)) << ns;
    if (bucket > 0) {
      EXPECT_GT(static_cast<int64_t>(ns), Histogram::EndOf(bucket - 1)) << ns;
    }
    before = bucket;
  }
  for (uint64_t ns = 100'000; ns < uint64_t{1} << 39; ns = ns * 9 / 8) {
    const int64_t end = Histogram::EndOf(Histogram::BucketOf(ns));
    EXPECT_GE(end, static_cast<int64_t>(ns));
    EXPECT_LE(end, static_cast<int64_t>(ns + ns / 4));
  }
}

TEST(Histogram, QuantilesOfAKnownSet) {
  Histogram h;
  EXPECT_EQ(h.Summarize().count, 0u);
  for (int i = 1; i <= 1000; ++i) h.Record(absl::Microseconds(i));
  const Histogram::Summary s = h.Summarize();
  EXPECT_EQ(s.count, 1000u);
  const auto near = [](absl::Duration got, double wanted_us) {
    EXPECT_GE(absl::ToDoubleMicroseconds(got), wanted_us);
    EXPECT_LE(absl::ToDoubleMicroseconds(got), wanted_us * 1.25);
  };
  near(s.p50, 500), near(s.p90, 900), near(s.p99, 990), near(s.max, 1000);
  EXPECT_NEAR(absl::ToDoubleMicroseconds(s.mean), 500.5, 0.5);
}

TEST(Histogram, ExtremesAreCounted) {
  Histogram h;
  h.Record(-absl::Hours(1));  // a clock that went back
  h.Record(absl::ZeroDuration());
  h.Record(absl::Hours(1000));
  h.Record(absl::InfiniteDuration());
  EXPECT_EQ(h.Summarize().count, 4u);
}

TEST(Histogram, ManyThreads) {
  Histogram h;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&h] {
      for (int i = 0; i < 10'000; ++i) h.Record(absl::Nanoseconds(i));
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(h.Summarize().count, 40'000u);
}

}  // namespace
}  // namespace sheaf::pager
