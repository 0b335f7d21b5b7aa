#include "bench/vectors/exact.h"

#include <algorithm>
#include <cmath>

#include "bench/vectors/lanes.h"
#include "bench/vectors/parallel.h"

namespace sheaf::bench::vectors {
namespace {

// Queries that share a pass over the vectors, which come from memory.
constexpr size_t kQueriesAtOnce = 16;

float InnerProduct(const float* a, const float* b, size_t dimensions) {
  Lanes first{}, second{};
  size_t i = 0;
  for (; i + kStep <= dimensions; i += kStep) {
    first += Load(a + i) * Load(b + i);
    second += Load(a + i + kLanes) * Load(b + i + kLanes);
  }
  float sum = Sum(first + second);
  for (; i < dimensions; ++i) sum += a[i] * b[i];
  return sum;
}

// The nearest of what it was offered: few, so kept in order.
class Nearest {
 public:
  float farthest() const { return distances_[kNeighbours - 1]; }
  void Offer(float distance, uint32_t id) {
    if (!(distance < farthest())) return;
    size_t at = kNeighbours - 1;
    for (; at > 0 && distances_[at - 1] > distance; --at) {
      distances_[at] = distances_[at - 1];
      ids_[at] = ids_[at - 1];
    }
    distances_[at] = distance, ids_[at] = id;
  }
  const uint32_t* ids() const { return ids_; }

  Nearest() {
    std::fill_n(distances_, kNeighbours, INFINITY);
    std::fill_n(ids_, kNeighbours, kNone);
  }

 private:
  float distances_[kNeighbours];
  uint32_t ids_[kNeighbours];
};

}  // namespace

float SquaredL2(const float* a, const float* b, size_t dimensions) {
  Lanes first{}, second{};
  size_t i = 0;
  for (; i + kStep <= dimensions; i += kStep) {
    const Lanes one = Load(a + i) - Load(b + i);
    const Lanes other = Load(a + i + kLanes) - Load(b + i + kLanes);
    first += one * one, second += other * other;
  }
  float sum = Sum(first + second);
  for (; i < dimensions; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

float DistanceOf(Metric metric, const float* a, const float* b, size_t dimensions) {
  return metric == Metric::kL2 ? SquaredL2(a, b, dimensions)
                               : 1 - InnerProduct(a, b, dimensions);
}

Truth FindTruth(const Dataset& data, uint32_t bound, size_t query_count) {
  Truth truth{.bound = bound, .distances = std::vector<float>(query_count)};
  const size_t blocks = (query_count + kQueriesAtOnce - 1) / kQueriesAtOnce;
  ForEach(ProcessorCount(), blocks, [&](int, size_t block) {
    const size_t begin = block * kQueriesAtOnce;
    const size_t end = std::min(begin + kQueriesAtOnce, query_count);
    std::vector<Nearest> nearest(end - begin);
    for (uint32_t id = 0; id < data.indexed.size(); ++id) {
      if (data.u[id] >= bound) continue;
      const float* const vector = data.indexed[id];
      for (size_t q = begin; q < end; ++q)
        nearest[q - begin].Offer(
            DistanceOf(data.metric, vector, data.queries[q], data.indexed.dimensions),
            id);
    }
    for (size_t q = begin; q < end; ++q)
      truth.distances[q] = nearest[q - begin].farthest();
  });
  return truth;
}

void SearchAmong(const Dataset& data, absl::Span<const uint32_t> ids, const float* query,
                 uint32_t found[kNeighbours]) {
  Nearest nearest;
  for (const uint32_t id : ids)
    nearest.Offer(
        DistanceOf(data.metric, data.indexed[id], query, data.indexed.dimensions), id);
  std::copy_n(nearest.ids(), kNeighbours, found);
}

double RecallOf(const Dataset& data, const Truth& truth,
                absl::Span<const uint32_t> found) {
  const size_t query_count = found.size() / kNeighbours;
  uint64_t right = 0;
  for (size_t q = 0; q < query_count; ++q) {
    std::vector<uint32_t> ids(found.begin() + q * kNeighbours,
                              found.begin() + (q + 1) * kNeighbours);
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (const uint32_t id : ids)
      right += id != kNone && data.u[id] < truth.bound &&
               DistanceOf(data.metric, data.indexed[id], data.queries[q],
                          data.indexed.dimensions) <= truth.distances[q];
  }
  return double(right) / double(found.size());
}

}  // namespace sheaf::bench::vectors
