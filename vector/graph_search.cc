#include "vector/graph_search.h"

#include <algorithm>
#include <limits>

namespace sheaf::vectors {
namespace {

// Nodes that are gone on from at a time, and how many new ones they should lead to: what
// these need comes from memory together.
constexpr size_t kExpandedMin = 2, kExpandedMax = 16, kWanted = 24;
constexpr uint32_t kStepsATick = 64;

}  // namespace

absl::StatusOr<std::optional<Slot>> GraphSearch::Descend(const Query& query,
                                                         uint32_t level) {
  const std::optional<EntryPoint> entry = reader_.entry();
  if (!entry.has_value()) return std::nullopt;
  Near best{.distance = std::numeric_limits<float>::infinity(), .slot = entry->slot};
  met_.Reset(reader_.slot_end());
  // What was met before is farther than the best, on whichever level.
  const auto look = [&](absl::Span<const Slot> slots) {
    return Estimate(query, slots, [&](const Near& near, const char*) {
      if (near < best) best = near;
    });
  };
  if (entry->level > level) {
    met_.Insert(entry->slot);
    SHEAF_RETURN_IF_ERROR(look({&entry->slot, 1}));
  }
  // A step looks at neighbours on two levels: steps wait for each other, neighbours do not.
  for (uint32_t at = entry->level; at > level;) {
    const Slot from = best.slot;
    const uint32_t low = std::max(at - 1, level + 1);
    size_t on_high = 0;
    SHEAF_RETURN_IF_ERROR(reader_.ReadLinks(from, at, low, &links_, &on_high));
    wanted_.resize(links_.size());
    const size_t on_this =
        met_.InsertAll(absl::MakeConstSpan(links_).first(on_high), wanted_.data());
    wanted_.resize(on_this + met_.InsertAll(absl::MakeConstSpan(links_).subspan(on_high),
                                            wanted_.data() + on_this));
    SHEAF_RETURN_IF_ERROR(look(wanted_));
    const auto here = wanted_.begin() + static_cast<ptrdiff_t>(on_this);
    if (best.slot == from)
      at = low - 1;
    else if (std::find(wanted_.begin(), here, best.slot) == here)
      at = low;
  }
  return best.slot;
}

// Calls `fn(near, code)` for each slot that has a node, which may be gone from memory then.
template <class Fn>
absl::Status GraphSearch::Estimate(const Query& query, absl::Span<const Slot> slots,
                                   Fn&& fn) {
  estimates_ += slots.size();
  estimated_.clear();
  SHEAF_RETURN_IF_ERROR(reader_.ForCodes(
      slots, [&](absl::Span<const size_t> indexes, absl::Span<const char* const> codes) {
        float distances[VectorReader::kLanes];
        query.EstimateAll(codes, distances);
        for (size_t i = 0; i < codes.size(); ++i)
          estimated_.push_back({{distances[i], slots[indexes[i]]}, codes[i]});
      }));
  for (const Estimated& e : estimated_) fn(e.near, e.code);
  return absl::OkStatus();
}

absl::Status GraphSearch::Meet(const Query& query, const FindableFn* may_be_found) {
  const Layout& layout = reader_.layout();
  SHEAF_RETURN_IF_ERROR(Estimate(query, wanted_, [&](const Near& near, const char* code) {
    if (!candidates_.IsNear(near.distance)) return;
    candidates_.Offer(near.distance, near.slot,
                      may_be_found == nullptr || (*may_be_found)(near.slot));
    pager::PrefetchLines(code + layout.code_bytes, layout.usual_links_bytes());
  }));
  candidates_.Settle();
  return absl::OkStatus();
}

// Takes the nearest candidates, as many as will probably lead to enough, and makes `wanted_`
// of what is new among their neighbours. False: there are no more.
absl::StatusOr<bool> GraphSearch::Expand(uint32_t level) {
  Slot taken[kExpandedMax];
  size_t count = 0;
  for (; count < expanded_; ++count) {
    const std::optional<Slot> next = candidates_.Take();
    if (!next.has_value()) break;
    taken[count] = *next;
  }
  if (count == 0) return false;
  SHEAF_RETURN_IF_ERROR(
      reader_.ReadLinks(absl::MakeConstSpan(taken, count), level, &links_));
  wanted_.resize(links_.size());
  wanted_.resize(met_.InsertAll(links_, wanted_.data()));
  expanded_ =
      std::clamp(count * kWanted / (wanted_.size() + 1), kExpandedMin, kExpandedMax);
  return true;
}

absl::Status GraphSearch::Run(const Query& query, uint32_t level,
                              absl::Span<const Slot> begin, uint32_t breadth,
                              const FindableFn* may_be_found, TickFn tick,
                              std::vector<Near>* out) {
  met_.Reset(reader_.slot_end());
  candidates_.Reset(breadth);
  wanted_.resize(begin.size());
  wanted_.resize(met_.InsertAll(begin, wanted_.data()));
  expanded_ = kExpandedMin;
  bool is_more = true;
  for (uint32_t step = 1; is_more; ++step) {
    if (step % kStepsATick == 0) SHEAF_RETURN_IF_ERROR(tick());
    SHEAF_RETURN_IF_ERROR(Meet(query, may_be_found));
    SHEAF_ASSIGN_OR_RETURN(is_more, Expand(level));
  }
  out->clear();
  candidates_.ForEachFound([&](const Near& near) { out->push_back(near); });
  return absl::OkStatus();
}

}  // namespace sheaf::vectors
