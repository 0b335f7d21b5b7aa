// Intrinsics, and the targets of the functions that use them. Nothing on other machines.
//
// Helpers are inlined whatever the compiler thinks, so that no vector is handed over in
// memory.
#ifndef VECTOR_X86_H_
#define VECTOR_X86_H_
#if defined(__x86_64__)

// Registers left undefined on purpose look uninitialised to GCC 12 (bug 105593), wherever
// they are inlined: until the end of the file that includes this.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstdint>

#define SHEAF_AVX2 __attribute__((target("avx2,fma,f16c,popcnt")))
#define SHEAF_AVX512                                                    \
  __attribute__((                                                       \
      target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl," \
             "avx512vnni,avx512vpopcntdq")))
#define SHEAF_AVX2_INLINE SHEAF_AVX2 __attribute__((always_inline)) inline
#define SHEAF_AVX512_INLINE SHEAF_AVX512 __attribute__((always_inline)) inline

namespace sheaf::vectors {

// The sum of the lanes.
SHEAF_AVX2_INLINE float Total(__m256 sums) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
SHEAF_AVX2_INLINE int32_t Total(__m256i sums) {
  __m128i s =
      _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}
SHEAF_AVX512_INLINE float Total(__m512 sums) { return _mm512_reduce_add_ps(sums); }
SHEAF_AVX512_INLINE int32_t Total(__m512i sums) { return _mm512_reduce_add_epi32(sums); }

}  // namespace sheaf::vectors

#endif  // defined(__x86_64__)
#endif  // VECTOR_X86_H_
