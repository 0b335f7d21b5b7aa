// RunChild: one measurement in a process of its own, so that no engine inherits
// another's threads, caches and heap, and one that dies takes only its own
// figure along.
//
// Call from one thread only, and from a process that never opened an engine.
#ifndef BENCH_CHILD_H_
#define BENCH_CHILD_H_
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace sheaf::bench {

// Workload name to figure.
using Figures = std::map<std::string, double>;

// Forks, runs `body` in the child and returns what it filled in. Empty when the
// child died; it has said why on stderr. A child that takes longer than
// `seconds_max` is ended.
Figures RunChild(unsigned seconds_max, const std::function<void(Figures&)>& body);

// Memory that a child and its parent both see.
class SharedCounter {
 public:
  SharedCounter();
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  ~SharedCounter();
  std::atomic<uint64_t>& operator*() { return *value_; }

 private:
  std::atomic<uint64_t>* value_;
};

// Forks, runs `body(acknowledged)` in the child, and sends it SIGKILL as soon
// as *acknowledged is `enough`. Returns the last value; 0 when the child ended
// by itself.
uint64_t KillChild(unsigned seconds_max, uint64_t enough,
                   const std::function<void(std::atomic<uint64_t>& acknowledged)>& body);

// This process now, and the highest since ResetPeakMemory().
uint64_t ResidentBytes();
uint64_t PeakResidentBytes();
void ResetPeakMemory();

}  // namespace sheaf::bench
#endif  // BENCH_CHILD_H_
