// ForEach: a loop by several threads.
#ifndef BENCH_VECTORS_PARALLEL_H_
#define BENCH_VECTORS_PARALLEL_H_
#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace sheaf::bench::vectors {

inline int ProcessorCount() {
  return std::max(1, int(std::thread::hardware_concurrency()));
}

// Calls fn(thread, i) for each i below `count`, one by one from a common counter, so that
// no thread has the slow ones. One thread is the calling one.
inline void ForEach(int threads, size_t count, absl::FunctionRef<void(int, size_t)> fn) {
  std::atomic<size_t> next{0};
  const auto run = [&](int thread) {
    for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;)
      fn(thread, i);
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (std::thread& other : others) other.join();
}

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_PARALLEL_H_
