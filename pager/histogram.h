// Histogram: how long something took, over and over. Four buckets to each power of two of
// nanoseconds, so a quantile is at most a quarter too high.
//
// Thread-safe; recording is two relaxed additions.
#ifndef PAGER_HISTOGRAM_H_
#define PAGER_HISTOGRAM_H_
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "absl/time/time.h"

namespace sheaf::pager {

class Histogram {
 public:
  void Record(absl::Duration took) {
    const auto ns =
        static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Nanoseconds(took), 0));
    counts_[BucketOf(ns)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(ns, std::memory_order_relaxed);
  }

  struct Summary {
    uint64_t count = 0;
    absl::Duration mean, p50, p90, p99, max;  // upper ends of their buckets, but the mean
  };
  Summary Summarize() const {
    std::array<uint64_t, kBuckets> counts;
    Summary s;
    for (size_t b = 0; b < kBuckets; ++b)
      s.count += counts[b] = counts_[b].load(std::memory_order_relaxed);
    if (s.count == 0) return s;
    s.mean = absl::Nanoseconds(sum_.load(std::memory_order_relaxed) / s.count);
    uint64_t seen = 0;
    for (size_t b = 0; b < kBuckets; ++b) {
      const uint64_t before = seen;
      seen += counts[b];
      const auto reach = [&](uint64_t permille, absl::Duration* out) {
        const uint64_t rank = (s.count * permille + 999) / 1000;
        if (before < rank && rank <= seen) *out = absl::Nanoseconds(EndOf(b));
      };
      reach(500, &s.p50), reach(900, &s.p90), reach(990, &s.p99), reach(1000, &s.max);
    }
    return s;
  }

  // The bucket of a number of nanoseconds, and the largest that is in it.
  static size_t BucketOf(uint64_t ns) {
    if (ns < 4) return ns;
    const auto power = static_cast<size_t>(std::bit_width(ns)) - 1;
    return std::min(power * 4 - 4 + (ns >> (power - 2) & 3), kBuckets - 1);
  }
  static int64_t EndOf(size_t bucket) {
    if (bucket < 4) return static_cast<int64_t>(bucket);
    const size_t power = bucket / 4 + 1;
    return (static_cast<int64_t>(4 + bucket % 4 + 1) << (power - 2)) - 1;
  }

 private:
  static constexpr size_t kBuckets = 160;  // up to half an hour; what is longer, too
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> sum_{0};
};

}  // namespace sheaf::pager
#endif  // PAGER_HISTOGRAM_H_
