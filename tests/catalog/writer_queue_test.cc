// Proves that turns to write come in the order in which they were asked for, that a
// wait is bounded, that who gave up is forgotten, and that a turn handed over is
// never lost between a timeout and the hand-over. (RELIABILITY R11)
#include "catalog/writer_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sheaf::catalog {
namespace {

TEST(WriterQueue, FirstComeFirstServed) {
  WriterQueue queue;
  ASSERT_TRUE(queue.Enter(absl::InfiniteDuration()).ok());
  std::vector<int> order;  // guarded by the turn
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      ASSERT_TRUE(queue.Enter(absl::InfiniteDuration()).ok());
      order.push_back(i);
      queue.Leave();
    });
    absl::SleepFor(absl::Milliseconds(30));  // until it waits
  }
  EXPECT_TRUE(queue.busy());
  queue.Leave();
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_FALSE(queue.busy());
}

TEST(WriterQueue, WaitIsBounded) {
  WriterQueue queue;
  ASSERT_TRUE(queue.Enter(absl::ZeroDuration()).ok());  // free: no wait at all
  EXPECT_TRUE(absl::IsDeadlineExceeded(queue.Enter(absl::ZeroDuration())));
  EXPECT_TRUE(absl::IsDeadlineExceeded(queue.Enter(-absl::Seconds(1))));
  const absl::Time start = absl::Now();
  EXPECT_TRUE(absl::IsDeadlineExceeded(queue.Enter(absl::Milliseconds(30))));
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(29));
  queue.Leave();
  EXPECT_FALSE(queue.busy());
  EXPECT_TRUE(queue.Enter(absl::ZeroDuration()).ok());
  queue.Leave();
}

// Waits that end about when the turn comes, for a while: the turn must be with
// exactly one thread at any time, and free in the end.
TEST(WriterQueue, TimeoutsRaceWithTurns) {
  WriterQueue queue;
  std::atomic<int> inside{0};
  std::atomic<int> late{0}, served{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const auto wait = i % 10 == 0 ? absl::InfiniteDuration()
                                      : absl::Microseconds((t * 37 + i * 13) % 200);
        if (!queue.Enter(wait).ok()) {
          ++late;
          continue;
        }
        EXPECT_EQ(++inside, 1);
        if (i % 3 == 0) absl::SleepFor(absl::Microseconds(50));
        --inside;
        ++served;
        queue.Leave();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_FALSE(queue.busy());
  EXPECT_EQ(late + served, 6 * 300);
  EXPECT_GT(late, 0);
  EXPECT_GT(served, 0);
}

}  // namespace
}  // namespace sheaf::catalog
