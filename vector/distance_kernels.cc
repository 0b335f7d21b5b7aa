#include "vector/distance_kernels.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "pager/assert.h"
#include "pager/coding.h"
#include "vector/half.h"
#include "vector/x86.h"

namespace sheaf::vectors {
namespace {

using pager::DecodeFixed16;
using pager::DecodeFixed32;
using pager::DecodeFixed64;

// Elements: how a component is read, in what its sums are kept, and how many bytes of a
// vector register it takes, where int8 are 16-bit integers.
struct Float32 {
  using Value = float;
  static constexpr size_t kBytes = 4, kLaneBytes = 4;
  static float At(const char* at) { return std::bit_cast<float>(DecodeFixed32(at)); }
};
struct Float16 {
  using Value = float;
  static constexpr size_t kBytes = 2, kLaneBytes = 4;
  static float At(const char* at) { return FloatOf(DecodeFixed16(at)); }
};
struct Int8 {
  using Value = int32_t;
  static constexpr size_t kBytes = 1, kLaneBytes = 2;
  static int32_t At(const char* at) { return static_cast<int8_t>(*at); }
};

// Terms: what is summed up. Of zeros all are zero, so ends may be filled with them.
struct Squares {};
struct Products {};
struct Absolutes {};

template <class T>
T Add(Squares, T sum, T a, T b) {
  return sum + (a - b) * (a - b);
}
template <class T>
T Add(Products, T sum, T a, T b) {
  return sum + a * b;
}
template <class T>
T Add(Absolutes, T sum, T a, T b) {
  return sum + std::abs(a - b);
}

// Sixteen sums beside each other: for precision, and for compilers that vectorise.
template <class E, class Term>
float SumPlain(const char* a, const char* b, uint32_t n) {
  constexpr uint32_t kLanes = 16;
  using Value = typename E::Value;
  std::array<Value, kLanes> sums{};
  for (; n >= kLanes; n -= kLanes, a += kLanes * E::kBytes, b += kLanes * E::kBytes)
    for (uint32_t i = 0; i < kLanes; ++i)
      sums[i] = Add(Term{}, sums[i], E::At(a + i * E::kBytes), E::At(b + i * E::kBytes));
  for (uint32_t i = 0; i < n; ++i)
    sums[i] = Add(Term{}, sums[i], E::At(a + i * E::kBytes), E::At(b + i * E::kBytes));
  return static_cast<float>(std::accumulate(sums.begin(), sums.end(), Value{}));
}

// The last bytes of bits, fewer than eight.
uint64_t LastBits(const char* at, size_t bytes) {
  uint64_t bits = 0;
  std::memcpy(&bits, at, bytes);  // in any order: only the ones are counted
  return bits;
}

__attribute__((always_inline)) inline float CountBits(const char* a, const char* b,
                                                      uint32_t dimensions) {
  size_t bytes = (dimensions + 7) / 8;
  int count = 0;
  for (; bytes >= 8; bytes -= 8, a += 8, b += 8)
    count += std::popcount(DecodeFixed64(a) ^ DecodeFixed64(b));
  if (bytes > 0) count += std::popcount(LastBits(a, bytes) ^ LastBits(b, bytes));
  return static_cast<float>(count);
}

float HammingPlain(const char* a, const char* b, uint32_t dimensions) {
  return CountBits(a, b, dimensions);
}

template <class E>
constexpr ElementKernels kPlainKernelsOf = {SumPlain<E, Squares>, SumPlain<E, Products>,
                                            SumPlain<E, Absolutes>};
constexpr Kernels kPlain = {kPlainKernelsOf<Float32>, kPlainKernelsOf<Float16>,
                            kPlainKernelsOf<Int8>, HammingPlain};

#if defined(__x86_64__)

// AVX2: 32 bytes of floats, or of 16-bit integers made of int8.

SHEAF_AVX2_INLINE __m256 Load256(Float32, const char* at) {
  return _mm256_loadu_ps(reinterpret_cast<const float*>(at));
}
SHEAF_AVX2_INLINE __m256 Load256(Float16, const char* at) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}
SHEAF_AVX2_INLINE __m256i Load256(Int8, const char* at) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}

SHEAF_AVX2_INLINE __m256 Add256(Squares, __m256 sum, __m256 a, __m256 b) {
  const __m256 difference = _mm256_sub_ps(a, b);
  return _mm256_fmadd_ps(difference, difference, sum);
}
SHEAF_AVX2_INLINE __m256 Add256(Products, __m256 sum, __m256 a, __m256 b) {
  return _mm256_fmadd_ps(a, b, sum);
}
SHEAF_AVX2_INLINE __m256 Add256(Absolutes, __m256 sum, __m256 a, __m256 b) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return _mm256_add_ps(sum, _mm256_andnot_ps(sign, _mm256_sub_ps(a, b)));
}
SHEAF_AVX2_INLINE __m256i Add256(Products, __m256i sum, __m256i a, __m256i b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
SHEAF_AVX2_INLINE __m256i Add256(Squares, __m256i sum, __m256i a, __m256i b) {
  const __m256i difference = _mm256_sub_epi16(a, b);
  return Add256(Products{}, sum, difference, difference);
}
SHEAF_AVX2_INLINE __m256i Add256(Absolutes, __m256i sum, __m256i a, __m256i b) {
  const __m256i difference = _mm256_abs_epi16(_mm256_sub_epi16(a, b));
  return Add256(Products{}, sum, difference, _mm256_set1_epi16(1));
}

SHEAF_AVX2_INLINE __m256 Plus(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
SHEAF_AVX2_INLINE __m256i Plus(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }

// Four sums, so that an addition need not wait for the one before.
template <class E, class Term>
SHEAF_AVX2 float SumAvx2(const char* a, const char* b, uint32_t n) {
  constexpr uint32_t kLanes = sizeof(__m256i) / E::kLaneBytes;
  constexpr size_t kStep = kLanes * E::kBytes;
  auto sum0 = decltype(Load256(E{}, a)){}, sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (; n >= 4 * kLanes; n -= 4 * kLanes, a += 4 * kStep, b += 4 * kStep) {
    sum0 = Add256(Term{}, sum0, Load256(E{}, a), Load256(E{}, b));
    sum1 = Add256(Term{}, sum1, Load256(E{}, a + kStep), Load256(E{}, b + kStep));
    sum2 = Add256(Term{}, sum2, Load256(E{}, a + 2 * kStep), Load256(E{}, b + 2 * kStep));
    sum3 = Add256(Term{}, sum3, Load256(E{}, a + 3 * kStep), Load256(E{}, b + 3 * kStep));
  }
  for (; n >= kLanes; n -= kLanes, a += kStep, b += kStep)
    sum0 = Add256(Term{}, sum0, Load256(E{}, a), Load256(E{}, b));
  if (n > 0) {
    char last_a[kStep] = {}, last_b[kStep] = {};
    std::memcpy(last_a, a, n * E::kBytes);
    std::memcpy(last_b, b, n * E::kBytes);
    sum1 = Add256(Term{}, sum1, Load256(E{}, last_a), Load256(E{}, last_b));
  }
  return static_cast<float>(Total(Plus(Plus(sum0, sum1), Plus(sum2, sum3))));
}

SHEAF_AVX2 float HammingAvx2(const char* a, const char* b, uint32_t dimensions) {
  return CountBits(a, b, dimensions);  // by the instruction for it
}

template <class E>
constexpr ElementKernels kAvx2KernelsOf = {SumAvx2<E, Squares>, SumAvx2<E, Products>,
                                           SumAvx2<E, Absolutes>};
constexpr Kernels kAvx2 = {kAvx2KernelsOf<Float32>, kAvx2KernelsOf<Float16>,
                           kAvx2KernelsOf<Int8>, HammingAvx2};

// AVX-512: the same at twice the width. Ends are loaded under a mask, which reads nothing
// beyond.

SHEAF_AVX512_INLINE __m512 Load512(Float32, const char* at) {
  return _mm512_loadu_ps(at);
}
SHEAF_AVX512_INLINE __m512 Load512(Float16, const char* at) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}
SHEAF_AVX512_INLINE __m512i Load512(Int8, const char* at) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}
SHEAF_AVX512_INLINE __m512 LoadMasked512(Float32, uint32_t mask, const char* at) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), at);
}
SHEAF_AVX512_INLINE __m512 LoadMasked512(Float16, uint32_t mask, const char* at) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), at));
}
SHEAF_AVX512_INLINE __m512i LoadMasked512(Int8, uint32_t mask, const char* at) {
  return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, at));
}

SHEAF_AVX512_INLINE __m512 Add512(Squares, __m512 sum, __m512 a, __m512 b) {
  const __m512 difference = _mm512_sub_ps(a, b);
  return _mm512_fmadd_ps(difference, difference, sum);
}
SHEAF_AVX512_INLINE __m512 Add512(Products, __m512 sum, __m512 a, __m512 b) {
  return _mm512_fmadd_ps(a, b, sum);
}
SHEAF_AVX512_INLINE __m512 Add512(Absolutes, __m512 sum, __m512 a, __m512 b) {
  return _mm512_add_ps(sum, _mm512_abs_ps(_mm512_sub_ps(a, b)));
}
SHEAF_AVX512_INLINE __m512i Add512(Products, __m512i sum, __m512i a, __m512i b) {
  return _mm512_dpwssd_epi32(sum, a, b);
}
SHEAF_AVX512_INLINE __m512i Add512(Squares, __m512i sum, __m512i a, __m512i b) {
  const __m512i difference = _mm512_sub_epi16(a, b);
  return _mm512_dpwssd_epi32(sum, difference, difference);
}
SHEAF_AVX512_INLINE __m512i Add512(Absolutes, __m512i sum, __m512i a, __m512i b) {
  const __m512i difference = _mm512_abs_epi16(_mm512_sub_epi16(a, b));
  return _mm512_dpwssd_epi32(sum, difference, _mm512_set1_epi16(1));
}

SHEAF_AVX512_INLINE __m512 Plus(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
SHEAF_AVX512_INLINE __m512i Plus(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }

template <class E, class Term>
SHEAF_AVX512 float SumAvx512(const char* a, const char* b, uint32_t n) {
  constexpr uint32_t kLanes = sizeof(__m512i) / E::kLaneBytes;
  constexpr size_t kStep = kLanes * E::kBytes;
  auto sum0 = decltype(Load512(E{}, a)){}, sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (; n >= 4 * kLanes; n -= 4 * kLanes, a += 4 * kStep, b += 4 * kStep) {
    sum0 = Add512(Term{}, sum0, Load512(E{}, a), Load512(E{}, b));
    sum1 = Add512(Term{}, sum1, Load512(E{}, a + kStep), Load512(E{}, b + kStep));
    sum2 = Add512(Term{}, sum2, Load512(E{}, a + 2 * kStep), Load512(E{}, b + 2 * kStep));
    sum3 = Add512(Term{}, sum3, Load512(E{}, a + 3 * kStep), Load512(E{}, b + 3 * kStep));
  }
  for (; n >= kLanes; n -= kLanes, a += kStep, b += kStep)
    sum0 = Add512(Term{}, sum0, Load512(E{}, a), Load512(E{}, b));
  if (n > 0) {
    const uint32_t mask = (uint32_t{1} << n) - 1;
    sum1 = Add512(Term{}, sum1, LoadMasked512(E{}, mask, a), LoadMasked512(E{}, mask, b));
  }
  return static_cast<float>(Total(Plus(Plus(sum0, sum1), Plus(sum2, sum3))));
}

SHEAF_AVX512 float HammingAvx512(const char* a, const char* b, uint32_t dimensions) {
  constexpr size_t kStep = sizeof(__m512i);
  size_t bytes = (dimensions + 7) / 8;
  __m512i counts = _mm512_setzero_si512();
  for (; bytes >= kStep; bytes -= kStep, a += kStep, b += kStep) {
    const __m512i differing =
        _mm512_xor_si512(_mm512_loadu_si512(a), _mm512_loadu_si512(b));
    counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(differing));
  }
  const __mmask64 mask = (uint64_t{1} << bytes) - 1;
  const __m512i differing = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, a),
                                             _mm512_maskz_loadu_epi8(mask, b));
  counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(differing));
  return static_cast<float>(_mm512_reduce_add_epi64(counts));
}

template <class E>
constexpr ElementKernels kAvx512KernelsOf = {
    SumAvx512<E, Squares>, SumAvx512<E, Products>, SumAvx512<E, Absolutes>};
constexpr Kernels kAvx512 = {kAvx512KernelsOf<Float32>, kAvx512KernelsOf<Float16>,
                             kAvx512KernelsOf<Int8>, HammingAvx512};

#endif  // defined(__x86_64__)

}  // namespace

const Kernels& KernelsOf(Simd simd) {
  SHEAF_ASSERT(IsSupported(simd));
#if defined(__x86_64__)
  if (simd == Simd::kAvx512) return kAvx512;
  if (simd == Simd::kAvx2) return kAvx2;
#endif
  return kPlain;
}

const Kernels& Best() { return KernelsOf(BestSimd()); }

}  // namespace sheaf::vectors
