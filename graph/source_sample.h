// Vertices chosen at random, the same ones for a seed on every machine: <random> leaves
// its distributions to the library.
#ifndef GRAPH_SOURCE_SAMPLE_H_
#define GRAPH_SOURCE_SAMPLE_H_
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/numeric/int128.h"
#include "graph/graph_projection.h"

namespace sheaf::graph {

// SplitMix64 (Steele, Lea, Flood 2014).
class RandomBits {
 public:
  explicit RandomBits(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 to `bound` - 1; uneven by less than bound / 2^64.
  uint64_t Below(uint64_t bound) {
    return absl::Uint128High64(absl::uint128(Next()) * bound);
  }

 private:
  uint64_t state_;
};

// `count` of 0 to `vertices` - 1, ascending; all for 0 and for too many. Floyd's way
// (Bentley, Floyd 1987): O(count log count).
inline std::vector<VertexIndex> SampleOf(VertexIndex vertices, uint32_t count,
                                         uint64_t seed) {
  std::vector<VertexIndex> sample;
  if (count == 0 || count >= vertices) {
    sample.resize(vertices);
    std::iota(sample.begin(), sample.end(), 0);
    return sample;
  }
  RandomBits random(seed);
  absl::flat_hash_set<VertexIndex> chosen;
  for (VertexIndex last = vertices - count; last < vertices; ++last) {
    const auto v = static_cast<VertexIndex>(random.Below(uint64_t{last} + 1));
    sample.push_back(chosen.insert(v).second ? v : last);
    chosen.insert(sample.back());
  }
  std::sort(sample.begin(), sample.end());
  return sample;
}

}  // namespace sheaf::graph
#endif  // GRAPH_SOURCE_SAMPLE_H_
