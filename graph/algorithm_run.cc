#include "graph/algorithm_run.h"

#include <algorithm>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "catalog/tick.h"
#include "graph/neighbors.h"
#include "pager/status_macros.h"

namespace sheaf::graph {

absl::Status AlgorithmRun::Begin(uint64_t bytes, uint64_t bytes_a_thread) {
  if (options_.threads < 1)
    return absl::InvalidArgumentError(
        absl::StrCat(call_, ": threads is ", options_.threads, "; 1 or more do it"));
  bytes_ = bytes + bytes_a_thread;
  SHEAF_RETURN_IF_ERROR(CheckGrown(0));
  threads_ = static_cast<size_t>(options_.threads);
  if (bytes_a_thread > 0)
    threads_ =
        std::min<size_t>(threads_, (options_.memory_bytes_max - bytes) / bytes_a_thread);
  return Hear(0);
}

absl::Status AlgorithmRun::CheckGrown(uint64_t bytes) const {
  if (bytes_ + bytes <= options_.memory_bytes_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(call_, " takes ", bytes_ + bytes,
                                                   " bytes here; memory_bytes_max is ",
                                                   options_.memory_bytes_max));
}

absl::Status AlgorithmRun::Hear(uint64_t done) {
  done += done_.fetch_add(done, std::memory_order_relaxed);
  if (std::this_thread::get_id() == owner_)
    SHEAF_RETURN_IF_ERROR(catalog::Tick(options_.progress, call_, {done, total_, what_}));
  if (stop_.load(std::memory_order_relaxed))  // another thread knows why
    return absl::CancelledError(absl::StrCat(call_, " was stopped"));
  return absl::OkStatus();
}

absl::Status ForEachChunk(
    AlgorithmRun* run, size_t chunks,
    absl::FunctionRef<absl::Status(size_t chunk, size_t worker, Meter& meter)> fn) {
  std::atomic<size_t> next{0};
  const size_t workers = std::max<size_t>(1, std::min(run->threads(), chunks));
  std::vector<absl::Status> results(workers);
  std::atomic<size_t> first_bad{0};  // the others may have been stopped because of it
  const auto work = [&](size_t worker) {
    Meter meter(run);
    absl::Status& result = results[worker];
    for (size_t chunk; result.ok() && !run->stop_.load(std::memory_order_relaxed) &&
                       (chunk = next.fetch_add(1)) < chunks;)
      result = fn(chunk, worker, meter);
    if (!result.ok() && !run->stop_.exchange(true)) first_bad = worker;
  };
  std::vector<std::thread> others;
  others.reserve(workers - 1);
  try {
    for (size_t worker = 1; worker < workers; ++worker) others.emplace_back(work, worker);
  } catch (const std::system_error&) {
    // No more threads to be had: those there are do the work.
  }
  work(0);
  for (std::thread& other : others) other.join();
  return results[first_bad];
}

std::vector<VertexIndex> ChunksOf(const GraphProjection& graph, Direction direction) {
  const VertexIndex n = graph.vertex_count();
  std::vector<VertexIndex> begins = {0};
  uint64_t work = 0;
  for (VertexIndex v = 0; v < n; ++v) {
    work += DegreeOf(graph, v, direction) + 1;
    if (work < kChunkWork && v + 1 < n) continue;
    begins.push_back(v + 1);
    work = 0;
  }
  return begins;
}

absl::Status CheckVertex(const char* call, const GraphProjection& graph, VertexIndex v) {
  if (v < graph.vertex_count()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(call, ": there is no vertex ", v, " of ", graph.vertex_count()));
}

absl::Status CheckWeighted(const char* call, const GraphProjection& graph) {
  if (graph.is_weighted()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(call, ": the edges of the projection have no weights"));
}

}  // namespace sheaf::graph
