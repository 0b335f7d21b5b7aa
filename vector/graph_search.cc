#include "vector/graph_search.h"

#include <algorithm>

namespace sheaf::vectors {
namespace {

// Nodes that are gone on from at a time: what they need comes from memory together.
constexpr size_t kExpanded = 2;
constexpr uint32_t kStepsATick = 64;

}  // namespace

absl::StatusOr<std::optional<Slot>> GraphSearch::Descend(const Query& query,
                                                         uint32_t level) {
  const std::optional<EntryPoint> entry = reader_.entry();
  if (!entry.has_value()) return std::nullopt;
  Near best{.slot = entry->slot};
  const auto look = [&](size_t, NodeView node) {
    best.distance = query.Estimate(node.code());
  };
  if (entry->level > level)
    SHEAF_RETURN_IF_ERROR(reader_.ForNodes({&best.slot, 1}, look));
  for (uint32_t at = entry->level; at > level; --at) {
    for (Slot from = kSlotEnd; from != best.slot;) {
      from = best.slot;
      SHEAF_RETURN_IF_ERROR(reader_.ReadLinks(from, at, &links_));
      estimates_ += links_.size();
      SHEAF_RETURN_IF_ERROR(reader_.ForNodes(links_, [&](size_t i, NodeView node) {
        const Near near{query.Estimate(node.code()), links_[i]};
        if (near < best) best = near;
      }));
    }
  }
  return best.slot;
}

absl::Status GraphSearch::Estimate(const Query& query, absl::Span<const Slot> slots,
                                   const FindableFn* may_be_found) {
  estimates_ += slots.size();
  estimated_.clear();
  SHEAF_RETURN_IF_ERROR(reader_.ForNodeBatches(
      slots, [&](absl::Span<const size_t> indexes, absl::Span<const char* const> nodes) {
        const char* codes[btree::DenseReader::kLanes];
        float distances[btree::DenseReader::kLanes];
        for (size_t i = 0; i < nodes.size(); ++i) codes[i] = NodeView(nodes[i]).code();
        query.EstimateAll(absl::MakeConstSpan(codes, nodes.size()), distances);
        for (size_t i = 0; i < nodes.size(); ++i)
          estimated_.push_back({{distances[i], slots[indexes[i]]}, nodes[i]});
      }));
  // Nodes may be gone from memory now, which a prefetch does not mind; and what is asked
  // here may read.
  for (const Estimated& e : estimated_) {
    if (!candidates_.IsNear(e.near.distance)) continue;
    candidates_.Add(e.near.distance, e.near.slot,
                    may_be_found == nullptr || (*may_be_found)(e.near.slot));
    reader_.layout().PrefetchLinks(e.node);
  }
  return absl::OkStatus();
}

// Adds to `wanted_` what is new behind `count`, and returns how many there are then.
absl::StatusOr<size_t> GraphSearch::Expand(Slot slot, uint32_t level, size_t count) {
  SHEAF_RETURN_IF_ERROR(reader_.ReadLinks(slot, level, &links_));
  return count + met_.InsertAll(links_, wanted_.data() + count);
}

absl::Status GraphSearch::Run(const Query& query, uint32_t level,
                              absl::Span<const Slot> begin, uint32_t breadth,
                              const FindableFn* may_be_found, TickFn tick,
                              std::vector<Near>* out) {
  met_.Reset(reader_.slot_end());
  candidates_.Reset(breadth);
  wanted_.resize(std::max<size_t>(begin.size(), kExpanded * reader_.layout().links_max));
  size_t count = met_.InsertAll(begin, wanted_.data());
  for (uint32_t step = 1;; ++step) {
    if (step % kStepsATick == 0) SHEAF_RETURN_IF_ERROR(tick());
    SHEAF_RETURN_IF_ERROR(
        Estimate(query, absl::MakeConstSpan(wanted_.data(), count), may_be_found));
    count = 0;
    size_t expanded = 0;
    for (; expanded < kExpanded; ++expanded) {
      const std::optional<Slot> next = candidates_.Take();
      if (!next.has_value()) break;
      SHEAF_ASSIGN_OR_RETURN(count, Expand(*next, level, count));
    }
    if (expanded == 0) break;
  }
  out->clear();
  candidates_.ForEachFound([&](const Near& near) { out->push_back(near); });
  return absl::OkStatus();
}

}  // namespace sheaf::vectors
