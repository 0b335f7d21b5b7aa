// Exact distances and searches by comparing with everything: what recall is measured
// against, and what a filtered search must not be slower than. Compiled for this machine,
// as are the peers.
#ifndef BENCH_VECTORS_EXACT_H_
#define BENCH_VECTORS_EXACT_H_
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "bench/vectors/dataset.h"

namespace sheaf::bench::vectors {

float SquaredL2(const float* a, const float* b, size_t dimensions);
// Cosine: 1 - the inner product, as all are of unit length.
float DistanceOf(Metric metric, const float* a, const float* b, size_t dimensions);

// For the first `query_count` queries, by all processors.
Truth FindTruth(const Dataset& data, uint32_t bound, size_t query_count);

// The ids of the nearest among `ids`, in any order.
void SearchAmong(const Dataset& data, absl::Span<const uint32_t> ids, const float* query,
                 uint32_t found[kNeighbours]);

// `found` has kNeighbours ids a query, kNone where there is none. Share of the true
// neighbours that are among them; one found twice counts once.
double RecallOf(const Dataset& data, const Truth& truth,
                absl::Span<const uint32_t> found);

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_EXACT_H_
