// Kernels of distances: sums over the components of two stored vectors. What they promise
// of precision stands in vector/distance.h.
//
// The bytes have been validated (CheckVector): nothing is checked here, and nothing is
// read outside them.
#ifndef VECTOR_DISTANCE_KERNELS_H_
#define VECTOR_DISTANCE_KERNELS_H_
#include <cstdint>

#include "vector/simd.h"

namespace sheaf::vectors {

// Over the components of `a` and `b`. Requires: dimensions <= kDimensionsMax, with which
// no sum over int8 leaves 32 bits.
using PairSum = float (*)(const char* a, const char* b, uint32_t dimensions);

struct ElementKernels {
  PairSum squares;    // of (a - b)^2
  PairSum products;   // of a * b
  PairSum absolutes;  // of |a - b|
};

struct Kernels {
  ElementKernels float32, float16, int8;
  PairSum hamming;
};

// Requires: IsSupported(simd).
const Kernels& KernelsOf(Simd simd);
const Kernels& Best();

}  // namespace sheaf::vectors
#endif  // VECTOR_DISTANCE_KERNELS_H_
