// How many forks lie between this process and the one that loaded the library.
//
// What has a file open for writing remembers the count: a forked child has the
// descriptors and the memory of its parent, shares its locks, and must not write.
//
// Thread-safe. Costs a load; children made without fork() are not noticed.
#ifndef PAGER_FORK_COUNT_H_
#define PAGER_FORK_COUNT_H_
#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace sheaf::pager {

inline uint64_t ForkCount() {
  static std::atomic<uint64_t> count{0};
  static const int registered = pthread_atfork(
      nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
  return count.load(std::memory_order_relaxed);
}

}  // namespace sheaf::pager
#endif  // PAGER_FORK_COUNT_H_
