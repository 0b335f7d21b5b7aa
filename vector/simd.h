// Which vector instructions the kernels of this folder are written for. All compute the
// same; the best that the machine has is taken at run time.
#ifndef VECTOR_SIMD_H_
#define VECTOR_SIMD_H_
#include <cstdint>

namespace sheaf::vectors {

enum class Simd : uint8_t {
  kPlain,
  kAvx2,    // with FMA, F16C and POPCNT, which came with it or before it
  kAvx512,  // with BW, DQ, VL, VNNI and VPOPCNTDQ: Ice Lake, Zen 4 and later. Those before
            // slow down under 512 bits, so they take kAvx2
};
inline constexpr Simd kSimds[] = {Simd::kPlain, Simd::kAvx2, Simd::kAvx512};

inline bool IsSupported(Simd simd) {
#if defined(__x86_64__)
  if (simd == Simd::kAvx2)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (simd == Simd::kAvx512)
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
           __builtin_cpu_supports("avx512vpopcntdq") && IsSupported(Simd::kAvx2);
#endif
  return simd == Simd::kPlain;
}

inline Simd BestSimd() {
  static const Simd best = IsSupported(Simd::kAvx512) ? Simd::kAvx512
                           : IsSupported(Simd::kAvx2) ? Simd::kAvx2
                                                      : Simd::kPlain;
  return best;
}

}  // namespace sheaf::vectors
#endif  // VECTOR_SIMD_H_
