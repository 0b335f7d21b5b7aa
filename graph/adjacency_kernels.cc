#include "graph/adjacency_kernels.h"

#include <algorithm>
#include <array>

#include "pager/assert.h"
#include "pager/coding.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sheaf::graph {
namespace {

using pager::DecodeFixed32;
using pager::DecodeFixed64;

// Of the four deltas of a control byte.
constexpr std::array<uint8_t, 256> kGroupBytes = [] {
  std::array<uint8_t, 256> bytes{};
  for (uint32_t c = 0; c < 256; ++c)
    bytes[c] = static_cast<uint8_t>(4 + (c & 3) + (c >> 2 & 3) + (c >> 4 & 3) + (c >> 6));
  return bytes;
}();

uint64_t LoadDelta(const char* at, size_t bytes, const char* end) {
  if (end - at >= 4) [[likely]]
    return DecodeFixed32(at) & (~uint32_t{0} >> (32 - 8 * bytes));
  uint64_t delta = 0;
  for (size_t i = 0; i < bytes; ++i) delta |= uint64_t{ByteAt(at + i)} << (8 * i);
  return delta;
}

uint64_t LoadWideDelta(const char* at, size_t bytes, const char* end) {
  if (end - at >= 8) [[likely]]
    return DecodeFixed64(at) & (~uint64_t{0} >> (64 - 8 * bytes));
  uint64_t delta = 0;
  for (size_t i = 0; i < bytes; ++i) delta |= uint64_t{ByteAt(at + i)} << (8 * i);
  return delta;
}

const char* DecodePlain(const DeltaBytes& in, uint32_t count, uint64_t base,
                        uint64_t* out) {
  const char* at = in.deltas;
  for (uint32_t i = 0; i < count; ++i) {
    const size_t bytes = DeltaCode(in.controls, i) + 1;
    base += LoadDelta(at, bytes, in.end);
    out[i] = base;
    at += bytes;
  }
  return at;
}

#if defined(__x86_64__)

// For pshufb: where in 16 bytes each byte of four deltas is; 0x80 makes a zero.
using Shuffles = std::array<std::array<uint8_t, 16>, 256>;
alignas(64) constexpr Shuffles kShuffles = [] {
  Shuffles shuffles{};
  for (uint32_t c = 0; c < 256; ++c) {
    uint32_t at = 0;
    for (uint32_t lane = 0; lane < 4; ++lane) {
      const uint32_t bytes = (c >> (2 * lane) & 3) + 1;
      for (uint32_t i = 0; i < 4; ++i)
        shuffles[c][4 * lane + i] = static_cast<uint8_t>(i < bytes ? at + i : 0x80);
      at += bytes;
    }
  }
  return shuffles;
}();

constexpr uint32_t kVectorBytes = 16;

// Four deltas, of 32 bits each. Requires: 16 bytes may be read from `at` on.
__attribute__((target("ssse3"), always_inline)) inline __m128i LoadGroup(uint8_t control,
                                                                         const char* at) {
  return _mm_shuffle_epi8(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)),
      _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles[control].data())));
}

// The same where they may not: takes the last 16 bytes. Deltas that are not there come
// out as anything.
__attribute__((target("ssse3"), always_inline)) inline __m128i LoadLastGroup(
    uint8_t control, const char* at, const char* end) {
  const auto skipped = static_cast<char>(at - (end - kVectorBytes));
  const __m128i shuffle =
      _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles[control].data()));
  return _mm_shuffle_epi8(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - kVectorBytes)),
      _mm_add_epi8(shuffle, _mm_set1_epi8(skipped)));
}

struct Sums {
  __m128i low, high;  // two sums each
};

// Adds up; `carry` (the last sum, twice) moves on.
__attribute__((target("ssse3"), always_inline)) inline Sums AddUp(__m128i deltas,
                                                                  __m128i* carry) {
  const __m128i zero = _mm_setzero_si128();
  __m128i low = _mm_unpacklo_epi32(deltas, zero);
  __m128i high = _mm_unpackhi_epi32(deltas, zero);
  low = _mm_add_epi64(low, _mm_slli_si128(low, 8));
  high = _mm_add_epi64(high, _mm_slli_si128(high, 8));
  const __m128i middle = _mm_add_epi64(*carry, _mm_shuffle_epi32(low, 0xee));
  const Sums sums{_mm_add_epi64(low, *carry), _mm_add_epi64(high, middle)};
  *carry = _mm_add_epi64(middle, _mm_shuffle_epi32(high, 0xee));
  return sums;
}

__attribute__((target("ssse3"), always_inline)) inline void Store(Sums sums,
                                                                  uint64_t* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sums.low);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2), sums.high);
}

__attribute__((target("ssse3"))) const char* DecodeSsse3(const DeltaBytes& in,
                                                         uint32_t count, uint64_t base,
                                                         uint64_t* out) {
  if (in.end - in.begin < kVectorBytes) return DecodePlain(in, count, base, out);
  const char* at = in.deltas;
  const char* control = in.controls;
  const char* const controls_end = control + (count + 3) / 4;
  const char* const last_load = in.end - kVectorBytes;
  __m128i carry = _mm_set1_epi64x(static_cast<int64_t>(base));
  for (; control != controls_end && at <= last_load; ++control, out += 4) {
    Store(AddUp(LoadGroup(ByteAt(control), at), &carry), out);
    at += kGroupBytes[ByteAt(control)];
  }
  for (; control != controls_end; ++control, out += 4) {
    Store(AddUp(LoadLastGroup(ByteAt(control), at, in.end), &carry), out);
    at += kGroupBytes[ByteAt(control)];
  }
  return at;
}

// Adds up without the carry, which is a sum of its own beside the work on the groups.
__attribute__((target("avx2"), always_inline)) inline __m256i AddUp256(__m128i deltas) {
  __m256i sums = _mm256_cvtepu32_epi64(deltas);
  sums = _mm256_add_epi64(sums, _mm256_slli_si256(sums, 8));
  const __m256i lower = _mm256_permute4x64_epi64(sums, 0x55);
  return _mm256_add_epi64(sums, _mm256_blend_epi32(_mm256_setzero_si256(), lower, 0xf0));
}

__attribute__((target("avx2"), always_inline)) inline void Store256(__m128i deltas,
                                                                    __m256i* carry,
                                                                    uint64_t* out) {
  const __m256i sums = AddUp256(deltas);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_add_epi64(sums, *carry));
  *carry = _mm256_add_epi64(*carry, _mm256_permute4x64_epi64(sums, 0xff));
}

__attribute__((target("avx2"))) const char* DecodeAvx2(const DeltaBytes& in,
                                                       uint32_t count, uint64_t base,
                                                       uint64_t* out) {
  if (in.end - in.begin < kVectorBytes) return DecodePlain(in, count, base, out);
  const char* at = in.deltas;
  const char* control = in.controls;
  const char* const controls_end = control + (count + 3) / 4;
  const char* const last_load = in.end - kVectorBytes;
  __m256i carry = _mm256_set1_epi64x(static_cast<int64_t>(base));
  for (; control != controls_end && at <= last_load; ++control, out += 4) {
    Store256(LoadGroup(ByteAt(control), at), &carry, out);
    at += kGroupBytes[ByteAt(control)];
  }
  for (; control != controls_end; ++control, out += 4) {
    Store256(LoadLastGroup(ByteAt(control), at, in.end), &carry, out);
    at += kGroupBytes[ByteAt(control)];
  }
  return at;
}

#endif  // defined(__x86_64__)

}  // namespace

bool IsSupported(DeltaKernel kernel) {
#if defined(__x86_64__)
  if (kernel == DeltaKernel::kSsse3) return __builtin_cpu_supports("ssse3");
  if (kernel == DeltaKernel::kAvx2) return __builtin_cpu_supports("avx2");
#endif
  return kernel == DeltaKernel::kPlain;
}

const char* DecodeDeltas(const DeltaBytes& in, uint32_t count, uint64_t base,
                         uint64_t* out) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return DecodeAvx2(in, count, base, out);
  if (__builtin_cpu_supports("ssse3")) return DecodeSsse3(in, count, base, out);
#endif
  return DecodePlain(in, count, base, out);
}

const char* DecodeDeltasBy(DeltaKernel kernel, const DeltaBytes& in, uint32_t count,
                           uint64_t base, uint64_t* out) {
  SHEAF_ASSERT(IsSupported(kernel));
#if defined(__x86_64__)
  if (kernel == DeltaKernel::kAvx2) return DecodeAvx2(in, count, base, out);
  if (kernel == DeltaKernel::kSsse3) return DecodeSsse3(in, count, base, out);
#endif
  return DecodePlain(in, count, base, out);
}

const char* DecodeWideDeltas(const DeltaBytes& in, uint32_t count, uint64_t base,
                             uint64_t* out) {
  const char* at = in.deltas;
  for (uint32_t i = 0; i < count; ++i) {
    const size_t bytes = size_t{1} << DeltaCode(in.controls, i);
    base += LoadWideDelta(at, bytes, in.end);
    out[i] = base;
    at += bytes;
  }
  return at;
}

size_t DeltasBytes(const char* controls, uint32_t count) {
  size_t bytes = count;  // each has its code and one more
  const char* const groups_end = controls + count / 4;
  for (; groups_end - controls >= 8; controls += 8) {
    uint64_t codes = DecodeFixed64(controls);
    codes = (codes & 0x3333333333333333) + (codes >> 2 & 0x3333333333333333);
    codes = (codes & 0x0f0f0f0f0f0f0f0f) + (codes >> 4 & 0x0f0f0f0f0f0f0f0f);
    bytes += codes * 0x0101010101010101 >> 56;
  }
  for (; controls != groups_end; ++controls) bytes += kGroupBytes[ByteAt(controls)] - 4u;
  for (uint32_t i = 0; i < count % 4; ++i) bytes += DeltaCode(controls, i);
  return bytes;
}

size_t WideDeltasBytes(const char* controls, uint32_t count) {
  size_t bytes = 0;
  for (uint32_t i = 0; i < count; ++i) bytes += size_t{1} << DeltaCode(controls, i);
  return bytes;
}

}  // namespace sheaf::graph
