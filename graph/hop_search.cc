#include "graph/hop_search.h"

#include <algorithm>

#include "graph/neighbors.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

// As Beamer found them, for any graph: up from one edge in 15 of those left, down again
// below one vertex in 18.
constexpr uint64_t kUpFactor = 15, kDownFactor = 18;

bool Has(const std::vector<uint64_t>& bits, VertexIndex v) {
  return (bits[v / 64] >> (v % 64) & 1) != 0;
}
void Add(std::vector<uint64_t>& bits, VertexIndex v) {
  bits[v / 64] |= uint64_t{1} << (v % 64);
}

}  // namespace

HopSearch::HopSearch(const GraphProjection* graph, Direction direction)
    : graph_(graph),
      direction_(direction),
      entries_(EntriesOf(*graph, direction)),
      depths_(graph->vertex_count()),
      queue_(graph->vertex_count()) {}

absl::Status HopSearch::Run(VertexIndex source, uint32_t depth_max, Meter& meter) {
  std::fill(depths_.begin(), depths_.end(), kUnreached);
  depths_[source] = 0;
  queue_[0] = source;
  begin_ = 0;
  end_ = 1;
  reached_ = found_ = 1;
  depth_sum_ = 0;
  found_entries_ = DegreeOf(*graph_, source, direction_);
  uint64_t entries_left = entries_;
  bool up = false;
  for (uint32_t depth = 0; found_ > 0 && depth < depth_max; ++depth) {
    const uint64_t before = found_;
    if (!up && found_entries_ > entries_left / kUpFactor &&
        found_ > graph_->vertex_count() / kDownFactor / kDownFactor) {
      FrontierToBits();
      up = true;
    }
    entries_left -= std::min(entries_left, found_entries_);
    SHEAF_RETURN_IF_ERROR(up ? BottomUp(depth, meter) : TopDown(depth, meter));
    reached_ += found_;
    depth_sum_ += found_ * (depth + 1);
    if (up && found_ < before && found_ < graph_->vertex_count() / kDownFactor) {
      FrontierToQueue(depth + 1);
      up = false;
      found_entries_ = 0;  // what is left is little: stay down
    }
  }
  return absl::OkStatus();
}

absl::Status HopSearch::TopDown(uint32_t depth, Meter& meter) {
  const GraphProjection& graph = *graph_;
  uint32_t* const depths = depths_.data();
  VertexIndex* const queue = queue_.data();
  size_t tail = end_;
  uint64_t entries = 0;
  for (size_t i = begin_; i < end_; ++i) {
    const VertexIndex v = queue[i];
    ForEachNeighbor(graph, v, direction_, [&](VertexIndex u) {
      if (depths[u] != kUnreached) return;
      depths[u] = depth + 1;
      entries += DegreeOf(graph, u, direction_);
      queue[tail++] = u;
    });
    SHEAF_RETURN_IF_ERROR(meter.Work(DegreeOf(graph, v, direction_) + 1));
  }
  begin_ = end_;
  end_ = tail;
  found_ = end_ - begin_;
  found_entries_ = entries;
  return absl::OkStatus();
}

absl::Status HopSearch::BottomUp(uint32_t depth, Meter& meter) {
  const GraphProjection& graph = *graph_;
  const Direction back = Reverse(direction_);
  next_bits_.assign(bits_.size(), 0);
  found_ = found_entries_ = 0;
  const VertexIndex n = graph.vertex_count();
  for (VertexIndex v = 0; v < n; ++v) {
    if (v % 4096 == 0) SHEAF_RETURN_IF_ERROR(meter.Work(4096));
    if (depths_[v] != kUnreached) continue;
    if (!AnyNeighbor(graph, v, back, [&](VertexIndex u) { return Has(bits_, u); }))
      continue;
    depths_[v] = depth + 1;
    Add(next_bits_, v);
    ++found_;
  }
  bits_.swap(next_bits_);
  return absl::OkStatus();
}

void HopSearch::FrontierToBits() {
  bits_.assign(graph_->vertex_count() / 64 + 1, 0);
  for (size_t i = begin_; i < end_; ++i) Add(bits_, queue_[i]);
}

void HopSearch::FrontierToQueue(uint32_t depth) {
  begin_ = end_;
  for (VertexIndex v = 0; v < graph_->vertex_count(); ++v)
    if (depths_[v] == depth) queue_[end_++] = v;
}

}  // namespace sheaf::graph
