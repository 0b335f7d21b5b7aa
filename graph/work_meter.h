// WorkMeter: the progress and the memory of one run of an algorithm.
//
// Work is counted in edges and vertices looked at; every kTickUnits of them the caller's
// report is called and the deadline looked at. Memory is what the algorithm says that it
// takes, before it takes it.
//
// Thread-compatible.
#ifndef GRAPH_WORK_METER_H_
#define GRAPH_WORK_METER_H_
#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "catalog/tick.h"
#include "sheaf/algorithm_options.h"
#include "sheaf/graph_projection.h"

namespace sheaf::graph {

class WorkMeter {
 public:
  static constexpr uint64_t kTickUnits = 8192;

  // `call`: "the dominators", for messages. `options` outlives this.
  WorkMeter(const AlgorithmOptions& options, const char* call)
      : options_(&options), call_(call) {}

  // A part of the work begins, of `total` units (0: not known). Ticks at once, so that a
  // deadline in the past is noticed whatever the size of the graph.
  absl::Status Begin(const char* what, uint64_t total) {
    state_ = {.done = 0, .total = total, .what = what};
    pending_ = 0;
    return catalog::Tick(options_->progress, call_, state_);
  }
  absl::Status Add(uint64_t units) {
    pending_ += units;
    if (pending_ < kTickUnits) [[likely]]
      return absl::OkStatus();
    state_.done += pending_;
    pending_ = 0;
    if (state_.total != 0) state_.done = std::min(state_.done, state_.total);
    return catalog::Tick(options_->progress, call_, state_);
  }

  // kResourceExhausted: more than memory_bytes_max with what was taken before.
  absl::Status Take(uint64_t bytes) {
    if (bytes > bytes_left())
      return absl::ResourceExhaustedError(
          absl::StrCat(call_, ": ", taken_ + bytes, " bytes of memory are needed, ",
                       options_->memory_bytes_max, " are allowed"));
    taken_ += bytes;
    return absl::OkStatus();
  }
  void Give(uint64_t bytes) { taken_ -= bytes; }
  uint64_t bytes_left() const {
    return options_->memory_bytes_max - std::min(options_->memory_bytes_max, taken_);
  }
  // For an algorithm that this one calls: the same, with the memory that is left.
  AlgorithmOptions OptionsLeft() const {
    AlgorithmOptions left = *options_;
    left.memory_bytes_max = bytes_left();
    return left;
  }

 private:
  const AlgorithmOptions* options_;
  const char* call_;
  Progress::State state_;
  uint64_t pending_ = 0, taken_ = 0;
};

// `name`: "the root", for the message.
inline absl::Status CheckVertex(const GraphProjection& graph, VertexIndex v,
                                const char* name) {
  if (v < graph.vertex_count()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      name, " is vertex ", v, ", but there are ", graph.vertex_count(), " vertices"));
}

// Entries of all Out rows together: the edges, those of an undirected graph twice.
inline uint64_t OutEntries(const GraphProjection& graph) {
  return graph.vertex_count() == 0 ? 0 : graph.OutBegin(graph.vertex_count());
}

// Edges looked at when Out, and for a directed graph In, of each vertex is.
inline uint64_t AllEntries(const GraphProjection& graph) {
  return OutEntries(graph) * (graph.is_directed() ? 2 : 1);
}

}  // namespace sheaf::graph
#endif  // GRAPH_WORK_METER_H_
