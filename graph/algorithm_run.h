// AlgorithmRun: one call of a whole-graph algorithm, with its progress, its bounds of
// time and memory, and its threads. Meter: what one of the threads has done of it.
//
// Progress is reported, and the clock read, on the thread that made the run, every
// kWorkPerTick units of its work; a unit is an edge or a vertex looked at, a few
// nanoseconds. What it hears, the other threads hear after as much of theirs.
//
// AlgorithmRun is thread-safe; each thread has a Meter of its own.
#ifndef GRAPH_ALGORITHM_RUN_H_
#define GRAPH_ALGORITHM_RUN_H_
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "graph/algorithm_options.h"
#include "graph/direction.h"
#include "graph/graph_projection.h"

namespace sheaf::graph {

class AlgorithmRun {
 public:
  static constexpr uint64_t kWorkPerTick = uint64_t{1} << 15;

  // `call`: "PageRank", for messages; `what`: what is counted up to `total`, "rounds".
  // Both, and `options`, outlive the run.
  AlgorithmRun(const AlgorithmOptions& options, const char* call, const char* what,
               uint64_t total)
      : options_(options), call_(call), what_(what), total_(total) {}
  // Nobody knows how much there is to do: what is counted is the work.
  AlgorithmRun(const AlgorithmOptions& options, const char* call)
      : AlgorithmRun(options, call, "edges and vertices looked at", 0) {
    counts_work_ = true;
  }
  AlgorithmRun(const AlgorithmRun&) = delete;
  AlgorithmRun& operator=(const AlgorithmRun&) = delete;

  // To be called once, before memory is taken: that of all threads is `bytes`, and
  // `bytes_a_thread` for each of them. Uses fewer threads where that does not do.
  // kResourceExhausted when one is too many; kInvalidArgument for no threads; and what
  // progress says of a call that has not begun.
  absl::Status Begin(uint64_t bytes, uint64_t bytes_a_thread = 0);

  const char* call() const { return call_; }
  // After Begin: how many may work, 1 or more.
  size_t threads() const { return threads_; }
  // The bytes left by Begin for what grows with the answer; kResourceExhausted.
  absl::Status CheckGrown(uint64_t bytes) const;

 private:
  friend class Meter;
  friend absl::Status ForEachChunk(
      AlgorithmRun*, size_t,
      absl::FunctionRef<absl::Status(size_t, size_t, class Meter&)>);
  absl::Status Hear(uint64_t done);

  const AlgorithmOptions& options_;
  const char* const call_;
  const char* const what_;
  const uint64_t total_;
  bool counts_work_ = false;
  const std::thread::id owner_ = std::this_thread::get_id();
  uint64_t bytes_ = 0;
  size_t threads_ = 1;
  std::atomic<uint64_t> done_{0};
  std::atomic<bool> stop_{false};
};

class Meter {
 public:
  explicit Meter(AlgorithmRun* run) : run_(run) {}
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;
  ~Meter() { run_->done_.fetch_add(done_, std::memory_order_relaxed); }

  // An error ends the call: cancelled, too late.
  absl::Status Work(uint64_t units) {
    work_ += units;
    if (work_ < AlgorithmRun::kWorkPerTick) [[likely]]
      return absl::OkStatus();
    if (run_->counts_work_) done_ += work_;
    work_ = 0;
    return run_->Hear(std::exchange(done_, 0));
  }
  // Of what the run counts, if that is not work.
  void Done(uint64_t count) { done_ += count; }

 private:
  AlgorithmRun* const run_;
  uint64_t work_ = 0, done_ = 0;
};

// Calls `fn` for 0 to `chunks` - 1, on this thread and up to threads() - 1 others, each
// chunk once, in no order that can be relied on. `worker` is below threads(): no two
// calls with one worker run at a time. Ends early with the first error.
absl::Status ForEachChunk(
    AlgorithmRun* run, size_t chunks,
    absl::FunctionRef<absl::Status(size_t chunk, size_t worker, Meter& meter)> fn);

// Cuts the vertices into runs with about `kChunkWork` edges and vertices each: chunk i is
// from [i] up to [i + 1]. Depends on nothing but the graph, so that sums of chunks, added
// in order, do not depend on the threads. O(n).
inline constexpr uint64_t kChunkWork = uint64_t{1} << 16;
std::vector<VertexIndex> ChunksOf(const GraphProjection& graph, Direction direction);

// kInvalidArgument: "PageRank: there is no vertex 7 of 5".
absl::Status CheckVertex(const char* call, const GraphProjection& graph, VertexIndex v);
// kInvalidArgument when there are no weights.
absl::Status CheckWeighted(const char* call, const GraphProjection& graph);

}  // namespace sheaf::graph
#endif  // GRAPH_ALGORITHM_RUN_H_
