#include "vector/link_planner.h"

#include <algorithm>
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

std::vector<Point> PointsOf(const Layout& layout, absl::Span<const LinkPlan> batch) {
  const CodeSpace space(layout);
  std::vector<Point> points(batch.size());
  for (size_t i = 0; i < batch.size(); ++i)
    if (!batch[i].code.empty()) space.Decode(batch[i].code.data(), &points[i]);
  return points;
}

absl::Status LinkPlanner::Plan(absl::Span<LinkPlan> batch, absl::Span<const Point> points,
                               size_t i) {
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
  std::vector<Near> found;
  for (uint32_t level = top + 1; level-- > 0;) {
    found.clear();
    if (!begin.empty() && level <= graph_top)
      SHEAF_RETURN_IF_ERROR(search_.Run(
          query, level, begin, layout_.options.ef_construction, &findable,
          [] { return absl::OkStatus(); }, &found));
    if (!found.empty()) {
      begin.clear();
      begin.push_back(found.front().slot);
    }
    // Beside those of the graph, by their place in the batch: kSlotEnd and up.
    for (size_t j = 0; j < i; ++j)
      if (!batch[j].code.empty() && LevelOf(layout_, batch[j].stamp) >= level)
        found.push_back(
            {space_.Between(points[i], points[j]), static_cast<Slot>(kSlotEnd + j)});
    SHEAF_RETURN_IF_ERROR(Choose(&found, batch, points, &plan.wanted[level]));
  }
  return absl::OkStatus();
}

absl::Status LinkPlanner::Choose(std::vector<Near>* near,
                                 absl::Span<const LinkPlan> batch,
                                 absl::Span<const Point> points,
                                 std::vector<Near>* chosen) {
  std::sort(near->begin(), near->end());
  if (near->size() > layout_.options.ef_construction)
    near->resize(layout_.options.ef_construction);
  slots_.clear();
  std::vector<size_t> where;
  for (size_t i = 0; i < near->size(); ++i) {
    if ((*near)[i].slot >= kSlotEnd) continue;
    slots_.push_back((*near)[i].slot);
    where.push_back(i);
  }
  near_points_.resize(near->size());
  SHEAF_RETURN_IF_ERROR(reader_.ForNodes(slots_, [&](size_t i, NodeView node) {
    space_.Decode(node.code(), &near_points_[where[i]]);
  }));
  const auto point = [&](size_t i) -> const Point& {
    const Slot slot = (*near)[i].slot;
    return slot >= kSlotEnd ? points[slot - kSlotEnd] : near_points_[i];
  };
  std::vector<size_t> all =
      ChooseLinks(*near, layout_.options.m,
                  [&](size_t a, size_t b) { return space_.Between(point(a), point(b)); });
  // A node of few links is hard to find: the nearest others join them.
  const size_t chosen_apart = all.size();
  for (size_t i = 0; i < near->size() && all.size() < layout_.options.m / 2; ++i)
    if (!std::binary_search(all.begin(), all.begin() + chosen_apart, i)) all.push_back(i);
  for (const size_t i : all) {
    Near choice = (*near)[i];
    if (choice.slot >= kSlotEnd) choice.slot = batch[choice.slot - kSlotEnd].slot;
    chosen->push_back(choice);
  }
  return absl::OkStatus();
}

}  // namespace sheaf::vectors
