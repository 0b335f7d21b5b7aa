// Codes: a vector in a quarter of its bytes, one byte a component, from which distances to
// a query are estimated. They stand beside the links of a node, so that a search reads
// whole vectors only to rank what it found.
//
//   offset  size  field
//        0     4  lo         float32: the least component
//        4     4  step       float32, not negative; 0 when all components are the same
//        8     4  sum        of the codes
//       12     4  squares    the sum of their squares, which 16384 components keep below
//                            2^32
//       16     d  codes      component i is about lo + step * codes[i]; the greatest has
//                            255, unless step is 0: then all are 0
//
//   Integers and floats are little-endian.
//
// The two sums are exact, so norms and differences from a query, or from another code, cost
// one inner product, of integers, and cancel nothing away: the rest is done in double
// precision.
//
// Precision: a component decodes to within half a step, so that the square root of an
// estimated kL2 errs by at most half a step times that of the dimensions. As measured, root
// mean square of the relative error of kL2: 0.07 % of 128 random components and 0.04 % of
// 768; inside clusters, where distances are a third, 0.26 % and 0.14 %. Rounding the query
// adds a hundredth of that.
#ifndef VECTOR_CODE_H_
#define VECTOR_CODE_H_
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "pager/coding.h"
#include "vector/metric.h"
#include "vector/simd.h"

namespace sheaf::vectors {

inline void EncodeFloat(char* out, float value) {
  pager::EncodeFixed32(out, std::bit_cast<uint32_t>(value));
}
inline float DecodeFloat(const char* in) {
  return std::bit_cast<float>(pager::DecodeFixed32(in));
}

constexpr size_t EncodedCodeBytes(uint32_t dimensions) { return size_t{16} + dimensions; }

// Requires: a vector that CheckVector let pass; room for EncodedCodeBytes.
void EncodeCode(const float* vector, uint32_t dimensions, char* out);
// kDataLoss unless it is what EncodeCode may have written. Requires: EncodedCodeBytes.
absl::Status CheckCode(const char* code, uint32_t dimensions);

struct CodeKernels;
struct CodeHeads;

// What distances need of a query beside its components.
struct CodeTerms {
  Metric metric;
  uint32_t dimensions;
  double mean = 0, scale = 0;
  double squares = 0;  // the sum of those of the components
  double norm = 0;
  // What bounds allow for, by the dimensions (code.cc).
  double root_dimensions, float_error, double_error;
};
using CodeHeadsFn = void (*)(const CodeTerms& query, const CodeHeads& heads, size_t count,
                             float* out);

// A query, prepared once for a search. Immutable; has its own memory.
//
// Components less their mean become 16-bit integers, as fine as a sum of products in 32
// bits lets them be.
class QueryCode {
 public:
  // Requires: kL2, kCosine, kInnerProduct or kL1; a vector that CheckVector let pass under
  // it; IsSupported(simd).
  QueryCode(Metric metric, const float* query, uint32_t dimensions,
            Simd simd = BestSimd());

 private:
  friend void EstimateDistances(const QueryCode& query,
                                absl::Span<const char* const> codes, float* out);
  friend void LeastDistances(const QueryCode& query, absl::Span<const char* const> codes,
                             float* out);

  struct alignas(64) Block {  // what one load takes
    std::array<int16_t, 32> components;
  };
  void Round(const float* query);
  float ToLeastAbsolutes(const char* code, float absolutes) const;
  void Compare(CodeHeadsFn heads_fn, absl::Span<const char* const> codes,
               float* out) const;
  float AbsolutesOf(const char* code) const;

  CodeTerms terms_;
  const CodeKernels* kernels_;
  std::vector<Block> blocks_;     // (query - mean) / scale, rounded; zeros to the end
  std::vector<float> unrounded_;  // under kL1 only, which no product gives
};

// The distances of the query to what codes decode to. Requires: codes of as many dimensions,
// room for as many floats.
void EstimateDistances(const QueryCode& query, absl::Span<const char* const> codes,
                       float* out);
// A bound: no vector of such a code is nearer, as Distance computes it, rounding and all. So
// what is farther than enough others need not be looked at (the VA-file of Weber, Schek and
// Blott, VLDB 1998). About twice the usual error of an estimate below it.
void LeastDistances(const QueryCode& query, absl::Span<const char* const> codes,
                    float* out);

// Distances between what two codes decode to. Immutable.
class CodeDistance {
 public:
  // Requires: as QueryCode.
  CodeDistance(Metric metric, uint32_t dimensions, Simd simd = BestSimd());

  float Between(const char* a, const char* b) const;

 private:
  Metric metric_;
  uint32_t dimensions_;
  const CodeKernels* kernels_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_CODE_H_
