#include "pager/page_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace sheaf::pager {
namespace {

// process_madvise takes at most this many ranges (UIO_MAXIOV).
constexpr size_t kRangesMax = 1024;

// One call for all ranges. False where the system cannot: a process may give advice
// like this to itself since Linux 6.13, and name itself by a constant since 6.14.
bool AdviseTogether(absl::Span<const iovec> ranges, int advice) {
#ifdef SYS_process_madvise
  constexpr int kOwnProcess = -10001;  // PIDFD_SELF_THREAD_GROUP
  static std::atomic<bool> can{true};
  if (ranges.size() < 2 || !can.load(std::memory_order_relaxed)) return false;
  for (size_t at = 0; at < ranges.size(); at += kRangesMax) {
    const auto some = ranges.subspan(at, kRangesMax);
    size_t bytes = 0;
    for (const iovec& range : some) bytes += range.iov_len;
    const long done =
        syscall(SYS_process_madvise, kOwnProcess, some.data(), some.size(), advice, 0U);
    if (done == static_cast<long>(bytes)) continue;
    if (done < 0) can.store(false, std::memory_order_relaxed);
    return false;
  }
  return true;
#else
  (void)ranges, (void)advice;
  return false;
#endif
}

}  // namespace

void* ReserveMemory(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

void AdviseHugePages(void* begin, size_t bytes, bool huge) {
  madvise(begin, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

void ReleaseMemory(absl::Span<const iovec> ranges) {
  if (AdviseTogether(ranges, MADV_DONTNEED)) return;
  for (const iovec& range : ranges) madvise(range.iov_base, range.iov_len, MADV_DONTNEED);
}

}  // namespace sheaf::pager
