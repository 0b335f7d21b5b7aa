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

#define SHEAF_AVX2 __attribute__((target("avx2,fma,f16c,popcnt")))
#define SHEAF_AVX512                                                    \
  __attribute__((                                                       \
      target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl," \
             "avx512vnni,avx512vpopcntdq")))
#define SHEAF_AVX2_INLINE SHEAF_AVX2 __attribute__((always_inline)) inline
#define SHEAF_AVX512_INLINE SHEAF_AVX512 __attribute__((always_inline)) inline

#endif  // defined(__x86_64__)
#endif  // VECTOR_X86_H_
