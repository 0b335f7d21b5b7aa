// Lanes: loops over components for the compiler of this machine. Two sums at once, as one
// alone waits for itself. For files that are compiled for this machine only.
#ifndef BENCH_VECTORS_LANES_H_
#define BENCH_VECTORS_LANES_H_
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace sheaf::bench::vectors {

typedef float Lanes __attribute__((vector_size(64)));
inline constexpr size_t kLanes = sizeof(Lanes) / sizeof(float), kStep = 2 * kLanes;

inline Lanes Load(const float* at) {
  Lanes lanes;
  std::memcpy(&lanes, at, sizeof(lanes));
  return lanes;
}
// In intrinsics where there are any: GCC 12 makes 50 instructions of a loop.
inline Lanes Load(const uint8_t* at) {
#if defined(__AVX512F__)
  constexpr __mmask16 kAll = 0xffff;  // of the forms without GCC 12 warns
  return _mm512_maskz_cvtepi32_ps(
      kAll, _mm512_maskz_cvtepu8_epi32(
                kAll, _mm_loadu_si128(reinterpret_cast<const __m128i*>(at))));
#elif defined(__AVX2__)
  const auto half = [](const uint8_t* eight) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(eight))));
  };
  const __m256 halves[] = {half(at), half(at + kLanes / 2)};
  Lanes lanes;
  std::memcpy(&lanes, halves, sizeof(lanes));
  return lanes;
#else
  Lanes lanes;
  for (size_t i = 0; i < kLanes; ++i) lanes[i] = at[i];
  return lanes;
#endif
}

inline float Sum(const Lanes& lanes) {
  float sum = 0;
  for (size_t i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

}  // namespace sheaf::bench::vectors
#endif  // BENCH_VECTORS_LANES_H_
