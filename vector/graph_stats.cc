#include "vector/graph_stats.h"

#include <algorithm>

#include "pager/status_macros.h"

namespace sheaf::vectors {
namespace {

constexpr uint64_t kNodesATick = 4096;

}  // namespace

absl::StatusOr<GraphStats> MeasureGraph(const VectorReader& reader,
                                        absl::FunctionRef<absl::Status(uint64_t)> tick) {
  GraphStats stats;
  SHEAF_ASSIGN_OR_RETURN(const std::vector<Pending> pending, reader.ReadPending());
  for (const Pending& p : pending) stats.pending += p.stamp != 0;
  std::vector<bool> is_there(reader.slot_end()), is_reached(reader.slot_end());
  SHEAF_RETURN_IF_ERROR(reader.ForEachNode([&](Slot slot, NodeView node) -> absl::Status {
    ++stats.nodes;
    stats.links += node.link_count(reader.layout());
    const uint32_t level = node.level(reader.layout());
    if (level >= stats.nodes_by_level.size()) stats.nodes_by_level.resize(level + 1);
    ++stats.nodes_by_level[level];
    if (slot < is_there.size()) is_there[slot] = true;
    return stats.nodes % kNodesATick == 0 ? tick(stats.nodes) : absl::OkStatus();
  }));
  std::vector<Slot> next, links;
  uint64_t reached = 0;
  const auto reach = [&](Slot slot) {
    if (slot >= is_there.size() || !is_there[slot] || is_reached[slot]) return;
    is_reached[slot] = true;
    ++reached;
    next.push_back(slot);
  };
  if (reader.entry().has_value()) reach(reader.entry()->slot);
  while (!next.empty()) {
    const Slot slot = next.back();
    next.pop_back();
    SHEAF_RETURN_IF_ERROR(reader.ReadLinks({&slot, 1}, 0, &links));
    std::for_each(links.begin(), links.end(), reach);
    if (reached % kNodesATick == 0) SHEAF_RETURN_IF_ERROR(tick(reached));
  }
  stats.unreachable = stats.nodes - reached;
  return stats;
}

}  // namespace sheaf::vectors
