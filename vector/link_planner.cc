#include "vector/link_planner.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "pager/status_macros.h"
#include "vector/graph_editor.h"
#include "vector/query.h"

namespace sheaf::vectors {

absl::Status ReadVectors(const VectorReader& reader, absl::Span<LinkPlan> batch) {
  const Layout& layout = reader.layout();
  std::vector<Slot> slots;
  for (const LinkPlan& plan : batch) slots.push_back(plan.slot);
  return reader.ForVectors(slots, [&](size_t i, const StoredVector& vector) {
    if (vector.stamp != batch[i].stamp) return;
    batch[i].vector.assign(vector.vector, layout.vector_bytes);
    batch[i].code.resize(layout.code_bytes);
    EncodeNodeCode(layout, vector.vector, vector.norm, batch[i].code.data());
  });
}

void OrderByNearness(const Layout& layout, absl::Span<LinkPlan> batch) {
  const CodeSpace space(layout);
  const auto end = std::partition(batch.begin(), batch.end(), [](const LinkPlan& plan) {
    return !plan.code.empty();
  });
  for (auto last = batch.begin(); end - last > 1; ++last) {
    auto nearest = last + 1;
    float least = std::numeric_limits<float>::infinity();
    for (auto other = nearest; other < end; ++other) {
      const float distance = space.Between(last->code.data(), other->code.data());
      if (distance < least) least = distance, nearest = other;
    }
    std::swap(last[1], *nearest);
  }
}

absl::Status LinkPlanner::Plan(absl::Span<LinkPlan> batch, size_t i) {
  LinkPlan& plan = batch[i];
  if (plan.code.empty()) return absl::OkStatus();
  std::vector<Slot> begin;
  const Query query(layout_, plan.vector);
  const uint32_t top = LevelOf(layout_, plan.stamp);
  plan.wanted.assign(top + 1, {});
  const uint32_t graph_top = reader_.entry().has_value() ? reader_.entry()->level : 0;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> nearest,
                         search_.Descend(query, std::min(top, graph_top)));
  if (nearest.has_value()) begin.push_back(*nearest);
  const auto may_be_linked = [&](Slot slot) { return !leaving_.Contains(slot); };
  const GraphSearch::FindableFn findable(may_be_linked);
  const size_t near_max = layout_.options.ef_construction;
  for (uint32_t level = top + 1; level-- > 0;) {
    near_.clear();
    if (!begin.empty() && level <= graph_top)
      SHEAF_RETURN_IF_ERROR(search_.Run(
          query, level, begin, static_cast<uint32_t>(near_max), &findable,
          [] { return absl::OkStatus(); }, &near_));
    if (!near_.empty()) {
      begin.clear();
      begin.push_back(near_.front().slot);
    }
    // Beside those of the graph, the batch.
    const auto of_graph = static_cast<ptrdiff_t>(near_.size());
    const float farthest = near_.size() < near_max
                               ? std::numeric_limits<float>::infinity()
                               : near_.back().distance;
    for (size_t j = 0; j < i; ++j) {
      if (batch[j].code.empty() || LevelOf(layout_, batch[j].stamp) < level) continue;
      const float distance = space_.Between(plan.code.data(), batch[j].code.data());
      if (distance <= farthest)
        near_.push_back({distance, static_cast<Slot>(kSlotEnd + j)});
    }
    std::sort(near_.begin() + of_graph, near_.end());
    std::inplace_merge(near_.begin(), near_.begin() + of_graph, near_.end());
    if (near_.size() > near_max) near_.resize(near_max);
    SHEAF_RETURN_IF_ERROR(Choose(near_, batch, &plan.wanted[level]));
  }
  return absl::OkStatus();
}

absl::Status LinkPlanner::Choose(absl::Span<const Near> near,
                                 absl::Span<const LinkPlan> batch,
                                 std::vector<Near>* chosen) {
  slots_.clear();
  places_.clear();
  for (size_t i = 0; i < near.size(); ++i) {
    if (near[i].slot >= kSlotEnd) continue;
    slots_.push_back(near[i].slot);
    places_.push_back(i);
  }
  codes_.resize(near.size() * layout_.code_bytes);
  SHEAF_RETURN_IF_ERROR(reader_.ForNodes(slots_, [&](size_t i, NodeView node) {
    std::memcpy(codes_.data() + places_[i] * layout_.code_bytes, node.code(layout_),
                layout_.code_bytes);
  }));
  const auto code = [&](size_t i) {
    return near[i].slot >= kSlotEnd ? batch[near[i].slot - kSlotEnd].code.data()
                                    : codes_.data() + i * layout_.code_bytes;
  };
  std::vector<size_t> all = ChooseLinks(near, layout_.options.m, [&](size_t a, size_t b) {
    return space_.Between(code(a), code(b));
  });
  // A node of few links is hard to find: the nearest others join them.
  const size_t chosen_apart = all.size();
  for (size_t i = 0; i < near.size() && all.size() < layout_.options.m / 2; ++i)
    if (!std::binary_search(all.begin(), all.begin() + chosen_apart, i)) all.push_back(i);
  for (const size_t i : all) {
    Near choice = near[i];
    if (choice.slot >= kSlotEnd) choice.slot = batch[choice.slot - kSlotEnd].slot;
    chosen->push_back(choice);
  }
  return absl::OkStatus();
}

}  // namespace sheaf::vectors
