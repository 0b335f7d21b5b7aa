// Exact distances between stored vectors, as vector/metric.h names and lays them out, and
// what makes bytes a vector.
//
// Precision: of int8 and bits the sums are exact and rounded to float once. Of floats a
// sum errs by at most (dimensions / 16 + 24) * 2^-24 of the sum of its terms' absolute
// values, and as a rule by some 2^-23. Processors of another kind add up in another order:
// last bits differ between machines, never between calls on one.
//
// Vectors that CheckVector let pass have no distance that is infinite or NaN.
#ifndef VECTOR_DISTANCE_H_
#define VECTOR_DISTANCE_H_
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "vector/distance_kernels.h"
#include "vector/metric.h"

namespace sheaf::vectors {

// Squares of norms up to the first, of differences and of products too, stay in float's
// range. From the second on they keep their precision.
inline constexpr float kNormMax = 0x1p62f, kCosineNormMin = 0x1p-50f;

// kInvalidArgument naming the first wrong component: another size; NaN or an infinity; a
// norm above kNormMax, or under kCosine zero or below kCosineNormMin; ones behind the last
// bit. Requires: Fits(metric, element), 1 <= dimensions <= kDimensionsMax.
absl::Status CheckVector(Metric metric, Element element, uint32_t dimensions,
                         std::string_view bytes);

// The components as floats, exactly. Requires: room for `dimensions`; not kBit.
void DecodeFloats(Element element, uint32_t dimensions, const char* vector, float* out);

// One way of measuring vectors of one kind. Immutable.
class Distance {
 public:
  // Requires: as CheckVector.
  Distance(Metric metric, Element element, uint32_t dimensions,
           const Kernels& kernels = Best());

  // What the distance under kCosine wants of each vector; nothing else does. Requires: not
  // of kBit.
  float Norm(const char* vector) const;

  float Between(const char* a, float norm_a, const char* b, float norm_b) const {
    const float sum = sum_(a, b, dimensions_);
    // Rounding must not put a vector nearer than itself.
    if (metric_ == Metric::kCosine) return std::max(0.0f, 1 - sum / (norm_a * norm_b));
    return metric_ == Metric::kInnerProduct ? 1 - sum : sum;
  }
  // Under other metrics than kCosine.
  float Between(const char* a, const char* b) const { return Between(a, 1, b, 1); }

 private:
  Metric metric_;
  uint32_t dimensions_;
  PairSum sum_;
  PairSum products_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_DISTANCE_H_
