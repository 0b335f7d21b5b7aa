#include "vector/searcher.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "vector/query.h"

namespace sheaf::vectors {
namespace {

// What decides between plans, in nanoseconds: a vector compared one by one, or by its code; a
// node met on the way through the graph, of which there are some for each that is kept, and
// keeping one in order among others, by how many they are.
constexpr double kVectorCost = 80, kCodeCost = 40, kNodeCost = 70, kNodesForOne = 10,
                 kOrderCost = 0.6;
// Slots compared at a time, between ticks; fewer at first, so that soon there is a distance
// beyond which the others need not be looked at.
constexpr size_t kComparedAtOnce = 1024, kComparedFirst = 128;
// Vectors ranked at a time after codes, so that they come from memory together.
constexpr size_t kRankedAtLeast = 8;

// How many of what a search by codes finds are ranked by vectors.
uint32_t RankedFor(uint32_t k) { return k + k / 2 + 5; }

// Is it to be offered, if it passes?
bool IsNear(const Near& near, const SearchRequest& request, const SearchAnswer& answer) {
  return near.distance <= request.radius &&
         (answer.nearest.size() < request.k || near < answer.nearest.front());
}

// Keeps the nearest `k` as a heap, the farthest in front; of few in falling order, which is
// one, too, and quicker to keep.
void Offer(const Near& near, uint32_t k, std::vector<Near>* heap) {
  constexpr uint32_t kInOrderMax = 32;
  const bool is_full = heap->size() == k;
  if (is_full && !(near < heap->front())) return;
  if (k > kInOrderMax) {
    if (is_full) std::pop_heap(heap->begin(), heap->end());
    if (!is_full) heap->emplace_back();
    heap->back() = near;
    std::push_heap(heap->begin(), heap->end());
  } else if (is_full) {
    size_t at = 0;
    for (; at + 1 < k && near < (*heap)[at + 1]; ++at) (*heap)[at] = (*heap)[at + 1];
    (*heap)[at] = near;
  } else {
    size_t at = heap->size();
    heap->push_back(near);
    for (; at > 0 && (*heap)[at - 1] < near; --at) (*heap)[at] = (*heap)[at - 1];
    (*heap)[at] = near;
  }
}

}  // namespace

absl::Status Searcher::ReadPending() {
  if (has_pending_ && is_fixed_) return absl::OkStatus();
  pending_.Reset(reader_.slot_end());
  pending_vectors_.clear();
  SHEAF_ASSIGN_OR_RETURN(const std::vector<Pending> rows, reader_.ReadPending());
  for (const Pending& p : rows) {
    pending_.Insert(p.slot);
    if (p.stamp != 0) pending_vectors_.push_back(p.slot);
  }
  has_pending_ = true;
  return absl::OkStatus();
}

Plan Searcher::Choose(const SearchRequest& request) const {
  const auto count = static_cast<double>(reader_.size());
  if (reader_.node_count() == 0) return Plan::kExact;
  if (request.plan.has_value())
    return *request.plan == Plan::kExact ? Plan::kExact
           : request.filter == nullptr   ? Plan::kGraph
                                         : Plan::kFiltered;
  const SlotFilter* const filter = request.filter;
  const double selectivity = filter == nullptr ? 1 : filter->selectivity;
  const double compared = filter == nullptr || filter->selected == nullptr
                              ? count
                              : static_cast<double>(filter->selected->slots().size());
  const double kept = std::min(request.ef / std::max(selectivity, 1e-9), count);
  const double by_graph =
      std::min(kept * kNodesForOne, count) * kNodeCost + kept * kept * kOrderCost;
  const double compare_cost =
      reader_.layout().code == Code::kByte ? kCodeCost : kVectorCost;
  if (compared * compare_cost < by_graph) return Plan::kExact;
  return request.filter == nullptr ? Plan::kGraph : Plan::kFiltered;
}

absl::StatusOr<SearchAnswer> Searcher::Search(const SearchRequest& request) {
  SearchAnswer answer;
  SHEAF_RETURN_IF_ERROR(request.tick());
  SHEAF_RETURN_IF_ERROR(ReadPending());
  answer.pending = pending_vectors_.size();
  answer.plan = Choose(request);
  const uint64_t before = graph_.estimates();
  std::optional<Query> query;
  if (answer.plan != Plan::kExact) {
    query.emplace(reader_.layout(), request.vector);
    SHEAF_RETURN_IF_ERROR(ByGraph(request, *query, &answer));
    // Fewer than there may be: the graph was left, or did not lead to them.
    if (answer.nearest.size() < request.k && request.filter != nullptr &&
        request.radius == std::numeric_limits<float>::infinity())
      answer.plan = Plan::kExact;
  }
  if (answer.plan == Plan::kExact) {
    answer.nearest.clear();
    const SelectedSlots::Vectors* copied = nullptr;
    if (request.filter != nullptr && request.filter->selected != nullptr && is_fixed_) {
      SHEAF_RETURN_IF_ERROR(request.filter->selected->Copy(reader_, request.tick));
      copied = request.filter->selected->vectors();
    }
    if (copied != nullptr) {
      SHEAF_RETURN_IF_ERROR(AmongCopied(request, *copied, &answer));
    } else {
      if (!query.has_value()) query.emplace(reader_.layout(), request.vector);
      SHEAF_RETURN_IF_ERROR(Exactly(request, *query, &answer));
    }
  }
  answer.estimates += graph_.estimates() - before;
  std::sort(answer.nearest.begin(), answer.nearest.end());
  return answer;
}

absl::Status Searcher::ByGraph(const SearchRequest& request, const Query& query,
                               SearchAnswer* answer) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> begin, graph_.Descend(query, 0));
  if (!begin.has_value()) return absl::OkStatus();
  const SlotFilter* const filter = request.filter;
  const auto may_be_found = [&](Slot slot) {
    return (pending_.empty() || !pending_.Contains(slot)) &&
           (filter == nullptr || filter->passes(slot));
  };
  const GraphSearch::FindableFn findable(may_be_found);
  const bool all = filter == nullptr && pending_.empty();
  const Slot from[] = {*begin};
  SHEAF_RETURN_IF_ERROR(graph_.Run(query, 0, from, request.ef, all ? nullptr : &findable,
                                   request.tick, &found_));
  slots_.clear();
  const size_t ranked =
      reader_.layout().code == Code::kExact ? request.k : RankedFor(request.k);
  for (const Near& near : found_) {
    if (slots_.size() == ranked) break;
    slots_.push_back(near.slot);
  }
  SHEAF_RETURN_IF_ERROR(Rank(request, query, slots_, answer));
  return RankPending(request, query, answer);
}

absl::Status Searcher::RankPending(const SearchRequest& request, const Query& query,
                                   SearchAnswer* answer) {
  const SlotFilter* const filter = request.filter;
  slots_.clear();
  for (const Slot slot : pending_vectors_)
    if (filter == nullptr || filter->passes(slot)) slots_.push_back(slot);
  return Rank(request, query, slots_, answer);
}

absl::Status Searcher::Rank(const SearchRequest& request, const Query& query,
                            absl::Span<const Slot> slots, SearchAnswer* answer) {
  for (size_t at = 0; at < slots.size(); at += kComparedAtOnce) {
    const absl::Span<const Slot> some = slots.subspan(at, kComparedAtOnce);
    SHEAF_RETURN_IF_ERROR(
        reader_.ForVectors(some, [&](size_t i, const StoredVector& vector) {
          const float distance = query.To(vector);
          if (distance <= request.radius)
            Offer({distance, some[i]}, request.k, &answer->nearest);
        }));
    answer->exact += some.size();
    if (at + kComparedAtOnce < slots.size()) SHEAF_RETURN_IF_ERROR(request.tick());
  }
  return absl::OkStatus();
}

absl::Status Searcher::AmongCopied(const SearchRequest& request,
                                   const SelectedSlots::Vectors& copied,
                                   SearchAnswer* answer) {
  const Layout& layout = reader_.layout();
  const Options& o = layout.options;
  const Distance distance(o.metric, o.element, o.dimensions);
  const float norm = NormOf(layout, request.vector.data());
  // Slots ascend, so that their indexes stand for them.
  const std::vector<Slot>& slots = request.filter->selected->slots();
  const absl::Span<const uint32_t> all = copied.there;
  float distances[kComparedAtOnce];
  for (size_t at = 0; at < all.size(); at += kComparedAtOnce) {
    const absl::Span<const uint32_t> some = all.subspan(at, kComparedAtOnce);
    for (size_t i = 0; i < some.size(); ++i)
      distances[i] = distance.Between(request.vector.data(), norm, copied.At(some[i]),
                                      copied.norms[some[i]]);
    for (size_t i = 0; i < some.size(); ++i) {
      const Near near{distances[i], some[i]};
      if (IsNear(near, request, *answer) && request.filter->passes(slots[near.slot]))
        Offer(near, request.k, &answer->nearest);
    }
    if (at + kComparedAtOnce < all.size()) SHEAF_RETURN_IF_ERROR(request.tick());
  }
  std::sort(answer->nearest.begin(), answer->nearest.end());
  for (Near& near : answer->nearest) {
    answer->keys.push_back(copied.KeyAt(near.slot));
    near.slot = slots[near.slot];
  }
  answer->exact += all.size();
  return absl::OkStatus();
}

absl::Status Searcher::Exactly(const SearchRequest& request, const Query& query,
                               SearchAnswer* answer) {
  if (reader_.node_count() == 0 || reader_.layout().code != Code::kByte)
    return ByVectors(request, query, answer);
  SHEAF_RETURN_IF_ERROR(RankPending(request, query, answer));
  const SelectedSlots* const selected =
      request.filter == nullptr ? nullptr : request.filter->selected;
  const SelectedSlots::Codes* const copied =
      selected == nullptr ? nullptr : selected->codes();
  absl::Span<const Slot> slots;
  if (selected != nullptr) slots = copied != nullptr ? copied->slots : selected->slots();
  const size_t end = selected != nullptr ? slots.size() : reader_.slot_end();
  std::vector<Slot> all;
  for (size_t at = 0; at < end;) {
    const size_t count = std::min(at == 0 ? kComparedFirst : kComparedAtOnce, end - at);
    absl::Span<const Slot> some;
    if (selected != nullptr) {
      some = slots.subspan(at, count);
    } else {
      all.resize(count);
      std::iota(all.begin(), all.end(), static_cast<Slot>(at));
      some = all;
    }
    const char* codes = nullptr;
    if (copied != nullptr) codes = &copied->codes[at * reader_.layout().code_bytes];
    SHEAF_RETURN_IF_ERROR(ByCodes(request, query, some, codes, answer));
    SHEAF_RETURN_IF_ERROR(request.tick());
    at += count;
  }
  return absl::OkStatus();
}

absl::Status Searcher::ByCodes(const SearchRequest& request, const Query& query,
                               absl::Span<const Slot> slots, const char* codes,
                               SearchAnswer* answer) {
  const std::vector<Near>& nearest = answer->nearest;
  const auto may_be_near = [&](float least) {
    return least <= request.radius &&
           (nearest.size() < request.k || least <= nearest.front().distance);
  };
  const auto passes = [&](Slot slot) {
    return !pending_.Contains(slot) &&
           (request.filter == nullptr || request.filter->passes(slot));
  };
  found_.clear();
  float leasts[VectorReader::kLanes];
  if (codes != nullptr) {
    const char* some[VectorReader::kLanes];
    for (size_t at = 0; at < slots.size(); at += VectorReader::kLanes) {
      const size_t count = std::min(VectorReader::kLanes, slots.size() - at);
      for (const char*& code : absl::MakeSpan(some, count))
        code = std::exchange(codes, codes + reader_.layout().code_bytes);
      query.LeastAll(absl::MakeConstSpan(some, count), leasts);
      for (size_t i = 0; i < count; ++i)
        if (may_be_near(leasts[i])) found_.push_back({leasts[i], slots[at + i]});
    }
  } else {
    SHEAF_RETURN_IF_ERROR(reader_.ForCodes(
        slots, [&](absl::Span<const size_t> indexes, absl::Span<const char* const> some) {
          query.LeastAll(some, leasts);
          for (size_t i = 0; i < some.size(); ++i)
            if (may_be_near(leasts[i])) found_.push_back({leasts[i], slots[indexes[i]]});
        }));
  }
  answer->estimates += slots.size();
  // The least first, so that soon the rest cannot be near.
  const auto is_farther = [](const Near& a, const Near& b) { return b < a; };
  std::make_heap(found_.begin(), found_.end(), is_farther);
  while (!found_.empty() && may_be_near(found_.front().distance)) {
    const size_t wanted = std::max<size_t>(request.k - nearest.size(), kRankedAtLeast);
    for (slots_.clear(); slots_.size() < wanted && !found_.empty(); found_.pop_back()) {
      std::pop_heap(found_.begin(), found_.end(), is_farther);
      const Near& near = found_.back();
      if (!may_be_near(near.distance)) break;
      if (passes(near.slot)) slots_.push_back(near.slot);
    }
    SHEAF_RETURN_IF_ERROR(Rank(request, query, slots_, answer));
  }
  return absl::OkStatus();
}

absl::Status Searcher::ByVectors(const SearchRequest& request, const Query& query,
                                 SearchAnswer* answer) {
  const SlotFilter* const filter = request.filter;
  if (filter != nullptr && filter->selected != nullptr) {
    slots_.clear();
    for (const Slot slot : filter->selected->slots())
      if (filter->passes(slot)) slots_.push_back(slot);
    return Rank(request, query, slots_, answer);
  }
  return reader_.ForEachVector([&](Slot slot, const StoredVector& vector) {
    if (++answer->exact % kComparedAtOnce == 0) SHEAF_RETURN_IF_ERROR(request.tick());
    const Near near{query.To(vector), slot};
    if (IsNear(near, request, *answer) && (filter == nullptr || filter->passes(slot)))
      Offer(near, request.k, &answer->nearest);
    return absl::OkStatus();
  });
}

}  // namespace sheaf::vectors
