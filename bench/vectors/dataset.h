// Dataset: vectors to index, vectors to add to them later, queries, and how far the
// nearest are from these. The same of the same options.
//
//   clustered  128 components, squared L2: 1,000 centres uniform in the unit cube, sigma
//              0.27
//   words      128 components, cosine: what wordnet_to_vectors prints, in random order
//   wide       768 components, cosine: a mixture of Gaussians in 32 dimensions, through a
//              random matrix and tanh, and a little noise; up to 100,000
//
// Where the metric is cosine all are of unit length. Each indexed vector has a number u
// below 10,000, each number as many vectors, for searches that filter.
#ifndef BENCH_VECTORS_DATASET_H_
#define BENCH_VECTORS_DATASET_H_
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace sheaf::bench::vectors {

inline constexpr uint32_t kNeighbours = 10;  // that every search is for
inline constexpr uint32_t kNone = 0xffffffff;

enum class Metric { kL2 = 1, kCosine = 2 };

// One behind the other.
struct Vectors {
  uint32_t dimensions = 0;
  std::vector<float> values;

  size_t size() const { return dimensions == 0 ? 0 : values.size() / dimensions; }
  const float* operator[](size_t i) const { return values.data() + i * dimensions; }
  absl::Span<const float> Of(size_t i) const { return {(*this)[i], dimensions}; }
};

// Of vectors with u below `bound`: of each query the distance of its farthest neighbour.
// What is not farther is a neighbour, whichever of identical vectors it is.
struct Truth {
  uint32_t bound = 0;
  std::vector<float> distances;
};

inline constexpr uint32_t kBounds = 10'000;
inline constexpr uint32_t kFilterBounds[] = {5000, 1000, 100, 10};  // 50 % to 0.1 %
inline constexpr size_t kFilterQueries = 100;                       // the first ones

struct DatasetOptions {
  uint64_t count = 1'000'000;  // vectors to index, at most; 10,000 or more
  uint64_t seed = 1;
  std::string words;  // the file of "words"
};

struct Dataset {
  std::string name;
  Metric metric = Metric::kL2;
  Vectors indexed, late, queries;
  std::vector<uint32_t> u;  // of the indexed
  Truth truth;
  std::vector<Truth> filter_truths;  // by kFilterBounds
};

inline constexpr const char* kDatasets[] = {"clustered", "words", "wide"};

// Requires: `name` is one of kDatasets.
Dataset MakeDataset(const std::string& name, const DatasetOptions& options);

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_DATASET_H_
