// All sequences of operations up to a length, each crashed at every I/O event.
//
// Sequences form a tree: what happens in a prefix is the same for all that begin
// with it, so its crash points are tried once, with the first of them. A
// transaction that is open at the end is committed with kFull.
#ifndef TESTS_CRASH_ENUMERATION_H_
#define TESTS_CRASH_ENUMERATION_H_
#include <atomic>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tests/crash/images.h"
#include "tests/crash/workload.h"

namespace sheaf::test {

struct EnumerationOptions {
  int length = 3;
  size_t images_per_point_max = 2;
  size_t each = 1;  // image is tried
  Options database;
};

class Enumeration {
 public:
  explicit Enumeration(EnumerationOptions options) : options_(options) {}

  // Uses `threads` threads. The first failure ends it.
  absl::Status Run(int threads) {
    std::vector<std::thread> pool;
    for (int i = 0; i < threads; ++i) pool.emplace_back([this] { Work(); });
    for (std::thread& t : pool) t.join();
    absl::MutexLock lock(&mu_);
    return status_;
  }

  Tally tally() {
    absl::MutexLock lock(&mu_);
    return tally_;
  }

 private:
  void Work() {
    uint64_t total = 1;
    for (int i = 0; i < options_.length; ++i) total *= kOpCount;
    Tally tally;
    for (;;) {
      const uint64_t index = next_.fetch_add(1);
      if (index >= total) break;
      const absl::Status status = Try(index, &tally);
      if (status.ok()) continue;
      absl::MutexLock lock(&mu_);
      if (status_.ok()) status_ = status;
      next_.store(total);
    }
    absl::MutexLock lock(&mu_);
    tally_.Add(tally);
  }

  absl::Status Try(uint64_t index, Tally* tally) {
    std::vector<Op> ops(options_.length);
    uint64_t rest = index;
    size_t first_new = 0;  // operations before it were tried in an earlier sequence
    for (int i = options_.length - 1; i >= 0; --i) {
      ops[i] = static_cast<Op>(rest % kOpCount);
      rest /= kOpCount;
    }
    // It would do nothing.
    if (options_.database.key.is_none() &&
        std::count(ops.begin(), ops.end(), Op::kRotateKey) > 0)
      return absl::OkStatus();
    for (size_t i = 0; i + 1 < ops.size(); ++i)
      for (size_t j = i + 1; j < ops.size(); ++j)
        if (ops[j] != Op::kPutSmall) first_new = std::max(first_new, i + 1);
    const absl::Status status = TrySequence(ops, first_new, tally);
    if (status.ok()) return status;
    return absl::Status(
        status.code(),
        absl::StrCat("[", ToString(ops), "]: ", std::string(status.message())));
  }

  absl::Status TrySequence(std::vector<Op> ops, size_t first_new, Tally* tally) {
    FaultyFileSystem fs;
    Workload workload(&fs, options_.database);
    SHEAF_RETURN_IF_ERROR(workload.Prepare());
    std::vector<size_t> ends;
    SHEAF_RETURN_IF_ERROR(workload.RunAll(ops, &ends));
    if (workload.in_transaction()) SHEAF_RETURN_IF_ERROR(workload.Run(Op::kCommitFull));
    CrashOptions crash;
    crash.images_per_point_max = options_.images_per_point_max;
    ++tally->sequences;
    const size_t first = first_new == 0 ? 0 : ends[first_new - 1] + 1;
    if (first > fs.event_count()) return absl::OkStatus();  // nothing new happened
    return TryImages(workload, fs.recording(), first, crash, options_.each, tally);
  }

  const EnumerationOptions options_;
  std::atomic<uint64_t> next_{0};
  absl::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  Tally tally_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sheaf::test
#endif  // TESTS_CRASH_ENUMERATION_H_
