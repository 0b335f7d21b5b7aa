#include "vector/code.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "vector/x86.h"

namespace sheaf::vectors {

// What stands before the codes of several vectors, each field apart, and the products of
// their codes with the query's.
struct CodeHeads {
  static constexpr size_t kMax = 32;

  float lo[kMax] = {}, step[kMax] = {};
  int32_t sum[kMax] = {}, squares[kMax] = {}, product[kMax] = {};
};

// Over the codes of a vector and as many components of a query, which has zeros up to a
// whole block.
struct CodeKernels {
  // Of the first `count` heads, under kL2, kCosine or kInnerProduct. Requires: room for
  // CodeHeads::kMax.
  CodeHeadsFn to_distances, to_leasts;
  // Requires: no sum leaves 32 bits.
  int32_t (*products)(const int16_t* query, const char* codes, uint32_t n);
  // The same of several codes, `behind` their beginnings.
  void (*many_products)(const int16_t* query, const char* const* codes, size_t count,
                        size_t behind, uint32_t n, int32_t* out);
  // Of codes with codes.
  int32_t (*pair_products)(const char* a, const char* b, uint32_t n);
  // Of |query - (lo + step * code)|.
  float (*absolutes)(const float* query, const char* codes, uint32_t n, float lo,
                     float step);
};

namespace {

constexpr size_t kLo = 0, kStep = 4, kSum = 8, kSquares = 12, kCodes = 16;
static_assert(EncodedCodeBytes(0) == kCodes);
constexpr uint32_t kCodeMax = 255;
static_assert(uint64_t{kDimensionsMax} * kCodeMax * kCodeMax <=
              std::numeric_limits<uint32_t>::max());

uint8_t ByteAt(const char* at) { return static_cast<uint8_t>(*at); }
// Sums beside each other, for compilers that vectorise.
constexpr uint32_t kPlainLanes = 16;

// `first(i)` with the i-th code.
template <class FirstFn>
int32_t SumOfProducts(FirstFn first, const char* codes, uint32_t n) {
  std::array<int32_t, kPlainLanes> sums{};
  uint32_t at = 0;
  for (; at + kPlainLanes <= n; at += kPlainLanes)
    for (uint32_t i = 0; i < kPlainLanes; ++i)
      sums[i] += first(at + i) * ByteAt(codes + at + i);
  for (; at < n; ++at) sums[0] += first(at) * ByteAt(codes + at);
  return std::accumulate(sums.begin(), sums.end(), 0);
}

int32_t ProductsPlain(const int16_t* query, const char* codes, uint32_t n) {
  return SumOfProducts([&](uint32_t i) { return query[i]; }, codes, n);
}

int32_t PairPlain(const char* a, const char* b, uint32_t n) {
  return SumOfProducts([&](uint32_t i) { return ByteAt(a + i); }, b, n);
}

float AbsoluteAt(const float* query, const char* code, float lo, float step) {
  return std::abs(*query - (lo + step * static_cast<float>(ByteAt(code))));
}

float AbsolutesPlain(const float* query, const char* codes, uint32_t n, float lo,
                     float step) {
  std::array<float, kPlainLanes> sums{};
  for (; n >= kPlainLanes; n -= kPlainLanes, query += kPlainLanes, codes += kPlainLanes)
    for (uint32_t i = 0; i < kPlainLanes; ++i)
      sums[i] += AbsoluteAt(query + i, codes + i, lo, step);
  for (uint32_t i = 0; i < n; ++i) sums[i] += AbsoluteAt(query + i, codes + i, lo, step);
  return std::accumulate(sums.begin(), sums.end(), 0.0f);
}

// Into the loops for each set of instructions.
#define SHEAF_INLINE __attribute__((always_inline)) inline

// How far a component may be from what its code decodes to: half a step, a little more for
// the last, which a rounded step may not reach, and what steps too small to have all their
// digits leave.
SHEAF_INLINE double ComponentError(double step) {
  return step * (0.5 + 0x1p-15) + 0x1p-118;
}
// What the kernels of Distance may round off, twice, as a part of what they add up.
double FloatError(double dimensions) { return (48 + dimensions / 8) * 0x1p-24; }
// The same of Decode, as a part of the squares.
double DoubleError(double dimensions) {
  return dimensions * std::sqrt(dimensions) * 0x1p-51;
}
// Below what all terms may lose that have too few digits left.
SHEAF_INLINE float RoundedDown(double value) {
  return static_cast<float>(value - std::abs(value) * 0x1p-23 - 0x1p-130);
}

// Of the vector that a code decodes to.
struct Decoded {
  double product;  // with the query
  double squares;  // the sum of those of its components
};
SHEAF_INLINE Decoded Decode(const CodeTerms& q, const CodeHeads& heads, size_t i) {
  const double lo = heads.lo[i], step = heads.step[i];
  const double sum = heads.sum[i], squares = heads.squares[i];
  // With x = lo + step * c and q = mean + r, where r sums up to zero, and scale * product
  // is the inner product of r and c:
  const double sum_x = lo * q.dimensions + step * sum;
  return {.product = q.mean * sum_x + step * q.scale * heads.product[i],
          .squares = lo * (sum_x + step * sum) + step * step * squares};
}

template <Metric metric>
SHEAF_INLINE float ToDistance(const CodeTerms& q, const CodeHeads& heads, size_t i) {
  const Decoded x = Decode(q, heads, i);
  if (metric == Metric::kInnerProduct) return static_cast<float>(1 - x.product);
  if (metric == Metric::kL2)
    return static_cast<float>(std::max(0.0, x.squares - 2 * x.product + q.squares));
  // A vector of zeros, which no vector under kCosine is, is at 1 from all.
  const double norms =
      std::max(q.squares * x.squares, std::numeric_limits<double>::min());
  return static_cast<float>(std::max(0.0, 1 - x.product / std::sqrt(norms)));
}

template <Metric metric>
SHEAF_INLINE float ToLeast(const CodeTerms& q, const CodeHeads& heads, size_t i) {
  const Decoded x = Decode(q, heads, i);
  const double step = heads.step[i];
  // Of the product, because components of the query were rounded to half their scale.
  const double rounded =
      step * q.scale / 2 * heads.sum[i] + q.double_error * (q.squares + x.squares);
  // Of the vector, as a whole.
  const double error = ComponentError(step) * q.root_dimensions;
  if (metric == Metric::kL2) {
    const double squares =
        std::max(0.0, x.squares - 2 * (x.product + rounded) + q.squares);
    const double least = std::max(0.0, std::sqrt(squares) - error);
    return RoundedDown(least * least * (1 - q.float_error));
  }
  const double norm_x = std::sqrt(std::max(0.0, x.squares));
  if (metric == Metric::kInnerProduct)
    return RoundedDown(1 - q.float_error - x.product - rounded - q.norm * error -
                       q.float_error * q.norm * (norm_x + error));
  // The vector turns by an angle with this sine, which moves a cosine by no more than the
  // angle.
  const double inverse = 1 / norm_x;
  const double sine = error * inverse;
  constexpr double kAngleToSine = 1.05;  // up to a sine of 0.5
  const double least =
      1 - q.float_error - (x.product + rounded) * inverse / q.norm - kAngleToSine * sine;
  return RoundedDown(sine < 0.5 ? least : -1);  // a cosine is at most 1, rounded
}

// In blocks of a constant length, for compilers that vectorise.
constexpr size_t kHeadsBlock = 16;
template <float (*fn)(const CodeTerms&, const CodeHeads&, size_t)>
SHEAF_INLINE void ForHeads(const CodeTerms& q, const CodeHeads& heads, size_t count,
                           float* __restrict out) {
  for (size_t at = 0; at < count; at += kHeadsBlock)
    for (size_t i = 0; i < kHeadsBlock; ++i) out[at + i] = fn(q, heads, at + i);
}
SHEAF_INLINE void ToDistances(const CodeTerms& q, const CodeHeads& heads, size_t count,
                              float* out) {
  if (q.metric == Metric::kL2)
    return ForHeads<ToDistance<Metric::kL2>>(q, heads, count, out);
  if (q.metric == Metric::kCosine)
    return ForHeads<ToDistance<Metric::kCosine>>(q, heads, count, out);
  ForHeads<ToDistance<Metric::kInnerProduct>>(q, heads, count, out);
}
SHEAF_INLINE void ToLeasts(const CodeTerms& q, const CodeHeads& heads, size_t count,
                           float* out) {
  if (q.metric == Metric::kL2)
    return ForHeads<ToLeast<Metric::kL2>>(q, heads, count, out);
  if (q.metric == Metric::kCosine)
    return ForHeads<ToLeast<Metric::kCosine>>(q, heads, count, out);
  ForHeads<ToLeast<Metric::kInnerProduct>>(q, heads, count, out);
}

void ManyPlain(const int16_t* query, const char* const* codes, size_t count,
               size_t behind, uint32_t n, int32_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = ProductsPlain(query, codes[i] + behind, n);
}

constexpr CodeKernels kPlain = {ToDistances, ToLeasts,  ProductsPlain,
                                ManyPlain,   PairPlain, AbsolutesPlain};

#if defined(__x86_64__)

SHEAF_AVX2_INLINE __m256i Words256(const char* codes) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
}
SHEAF_AVX2_INLINE __m256i Product256(const int16_t* query, const char* codes) {
  return _mm256_madd_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(query)),
                           Words256(codes));
}

SHEAF_AVX2_INLINE int32_t InlineAvx2(const int16_t* query, const char* codes,
                                     uint32_t n) {
  constexpr uint32_t kLanes = 16;
  __m256i sum0{}, sum1{};
  for (; n >= 2 * kLanes; n -= 2 * kLanes, query += 2 * kLanes, codes += 2 * kLanes) {
    sum0 = _mm256_add_epi32(sum0, Product256(query, codes));
    sum1 = _mm256_add_epi32(sum1, Product256(query + kLanes, codes + kLanes));
  }
  if (n > 0) {
    char last[2 * kLanes] = {};
    std::memcpy(last, codes, n);
    sum0 = _mm256_add_epi32(sum0, Product256(query, last));
    sum1 = _mm256_add_epi32(sum1, Product256(query + kLanes, last + kLanes));
  }
  return Total(_mm256_add_epi32(sum0, sum1));
}

SHEAF_AVX2 int32_t ProductsAvx2(const int16_t* query, const char* codes, uint32_t n) {
  return InlineAvx2(query, codes, n);
}
SHEAF_AVX2 void ManyAvx2(const int16_t* query, const char* const* codes, size_t count,
                         size_t behind, uint32_t n, int32_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = InlineAvx2(query, codes[i] + behind, n);
}

SHEAF_AVX2 int32_t PairAvx2(const char* a, const char* b, uint32_t n) {
  constexpr uint32_t kLanes = 16;
  __m256i sum{};
  for (; n >= kLanes; n -= kLanes, a += kLanes, b += kLanes)
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(Words256(a), Words256(b)));
  return Total(sum) + PairPlain(a, b, n);
}

SHEAF_AVX512_INLINE __m512i Add512(__m512i sum, const int16_t* query, __m256i codes) {
  return _mm512_dpwssd_epi32(sum, _mm512_load_si512(query), _mm512_cvtepu8_epi16(codes));
}
SHEAF_AVX512_INLINE __m256i LoadCodes(const char* codes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
}

SHEAF_AVX512_INLINE int32_t InlineAvx512(const int16_t* query, const char* codes,
                                         uint32_t n) {
  constexpr uint32_t kLanes = 32;
  __m512i sum0{}, sum1{}, sum2{}, sum3{};
  for (; n >= 4 * kLanes; n -= 4 * kLanes, query += 4 * kLanes, codes += 4 * kLanes) {
    sum0 = Add512(sum0, query, LoadCodes(codes));
    sum1 = Add512(sum1, query + kLanes, LoadCodes(codes + kLanes));
    sum2 = Add512(sum2, query + 2 * kLanes, LoadCodes(codes + 2 * kLanes));
    sum3 = Add512(sum3, query + 3 * kLanes, LoadCodes(codes + 3 * kLanes));
  }
  for (; n >= kLanes; n -= kLanes, query += kLanes, codes += kLanes)
    sum0 = Add512(sum0, query, LoadCodes(codes));
  if (n > 0) {
    const __mmask32 mask = (uint32_t{1} << n) - 1;
    sum1 = Add512(sum1, query, _mm256_maskz_loadu_epi8(mask, codes));
  }
  return Total(
      _mm512_add_epi32(_mm512_add_epi32(sum0, sum1), _mm512_add_epi32(sum2, sum3)));
}

SHEAF_AVX512 int32_t ProductsAvx512(const int16_t* query, const char* codes, uint32_t n) {
  return InlineAvx512(query, codes, n);
}
SHEAF_AVX512 void ManyAvx512(const int16_t* query, const char* const* codes, size_t count,
                             size_t behind, uint32_t n, int32_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = InlineAvx512(query, codes[i] + behind, n);
}

SHEAF_AVX512_INLINE __m512i LoadWords(const char* codes, __mmask32 mask) {
  return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, codes));
}
SHEAF_AVX512 int32_t PairAvx512(const char* a, const char* b, uint32_t n) {
  constexpr uint32_t kLanes = 32;
  __m512i sum0{}, sum1{};
  for (; n >= 2 * kLanes; n -= 2 * kLanes, a += 2 * kLanes, b += 2 * kLanes) {
    sum0 = _mm512_dpwssd_epi32(sum0, _mm512_cvtepu8_epi16(LoadCodes(a)),
                               _mm512_cvtepu8_epi16(LoadCodes(b)));
    sum1 = _mm512_dpwssd_epi32(sum1, _mm512_cvtepu8_epi16(LoadCodes(a + kLanes)),
                               _mm512_cvtepu8_epi16(LoadCodes(b + kLanes)));
  }
  for (; n > 0; n -= std::min(n, kLanes), a += kLanes, b += kLanes) {
    const __mmask32 mask = n < kLanes ? (uint32_t{1} << n) - 1 : ~uint32_t{0};
    sum0 = _mm512_dpwssd_epi32(sum0, LoadWords(a, mask), LoadWords(b, mask));
  }
  return Total(_mm512_add_epi32(sum0, sum1));
}

SHEAF_AVX2_INLINE __m256 AddAbsolute(__m256 sum, const float* query, const char* codes,
                                     __m256 lo, __m256 step) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes));
  const __m256 decoded =
      _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)), step, lo);
  const __m256 difference = _mm256_sub_ps(_mm256_loadu_ps(query), decoded);
  return _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), difference));
}

// For AVX-512, too: of all metrics it is asked for least.
SHEAF_AVX2 float AbsolutesAvx2(const float* query, const char* codes, uint32_t n,
                               float lo, float step) {
  constexpr uint32_t kLanes = 8;
  const __m256 los = _mm256_set1_ps(lo), steps = _mm256_set1_ps(step);
  __m256 sum0{}, sum1{};
  for (; n >= 2 * kLanes; n -= 2 * kLanes, query += 2 * kLanes, codes += 2 * kLanes) {
    sum0 = AddAbsolute(sum0, query, codes, los, steps);
    sum1 = AddAbsolute(sum1, query + kLanes, codes + kLanes, los, steps);
  }
  float sum = Total(_mm256_add_ps(sum0, sum1));
  for (uint32_t i = 0; i < n; ++i) sum += AbsoluteAt(query + i, codes + i, lo, step);
  return sum;
}

SHEAF_AVX2 void ToDistancesAvx2(const CodeTerms& q, const CodeHeads& heads, size_t count,
                                float* out) {
  ToDistances(q, heads, count, out);
}
SHEAF_AVX2 void ToLeastsAvx2(const CodeTerms& q, const CodeHeads& heads, size_t count,
                             float* out) {
  ToLeasts(q, heads, count, out);
}
SHEAF_AVX512 void ToDistancesAvx512(const CodeTerms& q, const CodeHeads& heads,
                                    size_t count, float* out) {
  ToDistances(q, heads, count, out);
}
SHEAF_AVX512 void ToLeastsAvx512(const CodeTerms& q, const CodeHeads& heads, size_t count,
                                 float* out) {
  ToLeasts(q, heads, count, out);
}

constexpr CodeKernels kAvx2 = {ToDistancesAvx2, ToLeastsAvx2, ProductsAvx2,
                               ManyAvx2,        PairAvx2,     AbsolutesAvx2};
constexpr CodeKernels kAvx512 = {ToDistancesAvx512, ToLeastsAvx512, ProductsAvx512,
                                 ManyAvx512,        PairAvx512,     AbsolutesAvx2};

#endif  // defined(__x86_64__)

const CodeKernels& CodeKernelsOf(Simd simd) {
  SHEAF_ASSERT(IsSupported(simd));
#if defined(__x86_64__)
  if (simd == Simd::kAvx512) return kAvx512;
  if (simd == Simd::kAvx2) return kAvx2;
#endif
  return kPlain;
}

struct Sums {
  uint32_t sum = 0, squares = 0;
};
Sums SumsOf(const char* codes, uint32_t dimensions) {
  Sums sums;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const uint32_t code = ByteAt(codes + i);
    sums.sum += code;
    sums.squares += code * code;
  }
  return sums;
}

}  // namespace

void EncodeCode(const float* vector, uint32_t dimensions, char* out) {
  SHEAF_ASSERT(dimensions > 0);
  SHEAF_ASSERT(dimensions <= kDimensionsMax);
  const auto [least, greatest] = std::minmax_element(vector, vector + dimensions);
  const double lo = *least;
  const auto step = static_cast<float>((*greatest - lo) / kCodeMax);
  const double inverse = step == 0 ? 0 : 1 / static_cast<double>(step);
  char* const codes = out + kCodes;
  for (uint32_t i = 0; i < dimensions; ++i) {
    // The step is rounded, to very little among subnormal ones, so 255 may not reach.
    const double code = std::min((vector[i] - lo) * inverse + 0.5, double{kCodeMax});
    codes[i] = static_cast<char>(static_cast<uint8_t>(static_cast<int>(code)));
  }
  const Sums sums = SumsOf(codes, dimensions);
  EncodeFloat(out + kLo, *least);
  EncodeFloat(out + kStep, step);
  pager::EncodeFixed32(out + kSum, sums.sum);
  pager::EncodeFixed32(out + kSquares, sums.squares);
}

absl::Status CheckCode(const char* code, uint32_t dimensions) {
  const float lo = DecodeFloat(code + kLo), step = DecodeFloat(code + kStep);
  if (!std::isfinite(lo) || !std::isfinite(step) || std::signbit(step)) {
    return absl::DataLossError(absl::StrCat("code: from ", lo, " on in steps of ", step));
  }
  const Sums counted = SumsOf(code + kCodes, dimensions);
  const uint32_t sum = pager::DecodeFixed32(code + kSum);
  if (sum != counted.sum)
    return absl::DataLossError(absl::StrCat("code: sum ", sum, " of ", counted.sum));
  const uint32_t squares = pager::DecodeFixed32(code + kSquares);
  if (squares != counted.squares) {
    return absl::DataLossError(
        absl::StrCat("code: sum of squares ", squares, " of ", counted.squares));
  }
  return absl::OkStatus();
}

QueryCode::QueryCode(Metric metric, const float* query, uint32_t dimensions, Simd simd)
    : terms_{.metric = metric,
             .dimensions = dimensions,
             .root_dimensions = std::sqrt(dimensions),
             .float_error = FloatError(dimensions),
             .double_error = DoubleError(dimensions)},
      kernels_(&CodeKernelsOf(simd)) {
  SHEAF_ASSERT(metric != Metric::kHamming);
  SHEAF_ASSERT(dimensions > 0);
  SHEAF_ASSERT(dimensions <= kDimensionsMax);
  if (metric == Metric::kL1) {
    unrounded_.assign(query, query + dimensions);
  } else {
    Round(query);
  }
}

namespace {

// The sum of term(i) of all i below n, or the greatest where none is negative: in lanes,
// which do not wait for each other.
template <class Term, class Fold>
double FoldAll(uint32_t n, Term term, Fold fold) {
  constexpr uint32_t kLanes = 8;
  double lanes[kLanes] = {};
  uint32_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (uint32_t l = 0; l < kLanes; ++l) lanes[l] = fold(lanes[l], term(i + l));
  for (; i < n; ++i) lanes[0] = fold(lanes[0], term(i));
  for (uint32_t l = 1; l < kLanes; ++l) lanes[0] = fold(lanes[0], lanes[l]);
  return lanes[0];
}

}  // namespace

void QueryCode::Round(const float* query) {
  const uint32_t n = terms_.dimensions;
  const auto add = [](double a, double b) { return a + b; };
  const auto greater = [](double a, double b) { return a > b ? a : b; };
  const double mean = FoldAll(
                          n, [=](uint32_t i) { return double{query[i]}; }, add) /
                      n;
  const auto left = [=](uint32_t i) { return std::abs(query[i] - mean); };
  const double greatest = FoldAll(n, left, greater), absolutes = FoldAll(n, left, add);
  terms_.mean = mean;
  terms_.squares = FoldAll(
      n, [=](uint32_t i) { return double{query[i]} * query[i]; }, add);
  terms_.norm = std::sqrt(terms_.squares);
  constexpr uint32_t kBlock = sizeof(Block) / sizeof(int16_t);
  blocks_.resize((terms_.dimensions + kBlock - 1) / kBlock);
  if (greatest == 0) return;
  // The greatest fits 16 bits, and a sum of all products with 255 fits 32, though each may
  // be rounded up by a half.
  constexpr double kSumMax =
      std::numeric_limits<int32_t>::max() / double{kCodeMax} - 0.5 * kDimensionsMax;
  const double rounded_max = std::floor(std::min<double>(
      std::numeric_limits<int16_t>::max(), kSumMax * (greatest / absolutes)));
  terms_.scale = greatest / rounded_max;
  const double inverse = 1 / terms_.scale;
  auto* const components = reinterpret_cast<int16_t*>(blocks_.data());
  for (uint32_t i = 0; i < n; ++i) {
    constexpr int kAbove = 1 << 16;  // a cast rounds down only above zero
    const auto rounded = static_cast<int>((query[i] - mean) * inverse + (kAbove + 0.5));
    components[i] = static_cast<int16_t>(rounded - kAbove);
  }
}

float QueryCode::ToLeastAbsolutes(const char* code, float absolutes) const {
  const double lo = DecodeFloat(code + kLo), step = DecodeFloat(code + kStep);
  const double decoded =
      (std::abs(lo) + step * kCodeMax) * 0x1p-22;  // rounded so, or less
  const double error = (ComponentError(step) + decoded) * terms_.dimensions;
  const double rounding = terms_.float_error * absolutes;
  return RoundedDown(std::max(0.0, absolutes - error - 2 * rounding));
}

float QueryCode::AbsolutesOf(const char* code) const {
  return kernels_->absolutes(unrounded_.data(), code + kCodes, terms_.dimensions,
                             DecodeFloat(code + kLo), DecodeFloat(code + kStep));
}

void QueryCode::Compare(CodeHeadsFn heads_fn, absl::Span<const char* const> codes,
                        float* out) const {
  constexpr size_t kAtOnce = CodeHeads::kMax;
  float compared[kAtOnce];
  for (size_t at = 0; at < codes.size(); at += kAtOnce) {
    const absl::Span<const char* const> some = codes.subspan(at, kAtOnce);
    CodeHeads heads;
    kernels_->many_products(reinterpret_cast<const int16_t*>(blocks_.data()), some.data(),
                            some.size(), kCodes, terms_.dimensions, heads.product);
    for (size_t i = 0; i < some.size(); ++i) {
      heads.lo[i] = DecodeFloat(some[i] + kLo);
      heads.step[i] = DecodeFloat(some[i] + kStep);
      heads.sum[i] = static_cast<int32_t>(pager::DecodeFixed32(some[i] + kSum));
      heads.squares[i] = static_cast<int32_t>(pager::DecodeFixed32(some[i] + kSquares));
    }
    heads_fn(terms_, heads, some.size(), compared);
    out = std::copy_n(compared, some.size(), out);
  }
}

void EstimateDistances(const QueryCode& query, absl::Span<const char* const> codes,
                       float* out) {
  if (query.terms_.metric != Metric::kL1)
    return query.Compare(query.kernels_->to_distances, codes, out);
  for (const char* const code : codes) *out++ = query.AbsolutesOf(code);
}

void LeastDistances(const QueryCode& query, absl::Span<const char* const> codes,
                    float* out) {
  if (query.terms_.metric != Metric::kL1)
    return query.Compare(query.kernels_->to_leasts, codes, out);
  for (const char* const code : codes)
    *out++ = query.ToLeastAbsolutes(code, query.AbsolutesOf(code));
}

CodeDistance::CodeDistance(Metric metric, uint32_t dimensions, Simd simd)
    : metric_(metric), dimensions_(dimensions), kernels_(&CodeKernelsOf(simd)) {
  SHEAF_ASSERT(metric != Metric::kHamming);
}

namespace {

// What stands before the codes, for sums of lo + step * code.
struct Head {
  explicit Head(const char* code)
      : lo(DecodeFloat(code + kLo)),
        step(DecodeFloat(code + kStep)),
        sum(step * pager::DecodeFixed32(code + kSum)),
        squares(step * step * pager::DecodeFixed32(code + kSquares)) {}
  double Squares(double n) const { return lo * (lo * n + 2 * sum) + squares; }

  double lo, step;
  double sum, squares;  // of step * code
};

float AbsolutesBetween(const char* a, const char* b, uint32_t n) {
  const float lo = DecodeFloat(a + kLo) - DecodeFloat(b + kLo);
  const float step_a = DecodeFloat(a + kStep), step_b = DecodeFloat(b + kStep);
  std::array<float, kPlainLanes> sums{};
  for (uint32_t i = 0; i < n; ++i)
    sums[i % kPlainLanes] +=
        std::abs(lo + step_a * static_cast<float>(ByteAt(a + kCodes + i)) -
                 step_b * static_cast<float>(ByteAt(b + kCodes + i)));
  return std::accumulate(sums.begin(), sums.end(), 0.0f);
}

}  // namespace

float CodeDistance::Between(const char* a, const char* b) const {
  if (metric_ == Metric::kL1) return AbsolutesBetween(a, b, dimensions_);
  const Head x(a), y(b);
  const double n = dimensions_;
  const double products =
      x.step * y.step * kernels_->pair_products(a + kCodes, b + kCodes, dimensions_);
  if (metric_ == Metric::kL2) {
    // Of differences of the codes and of what they begin at, so that nothing large cancels.
    const double lo = x.lo - y.lo;
    const double squares =
        lo * (lo * n + 2 * (x.sum - y.sum)) + x.squares + y.squares - 2 * products;
    return static_cast<float>(std::max(0.0, squares));
  }
  const double product = x.lo * (y.lo * n + y.sum) + y.lo * x.sum + products;
  if (metric_ == Metric::kInnerProduct) return static_cast<float>(1 - product);
  const double norms = x.Squares(n) * y.Squares(n);
  if (!(norms > 0)) return 1;  // not of vectors under kCosine
  return static_cast<float>(std::max(0.0, 1 - product / std::sqrt(norms)));
}

}  // namespace sheaf::vectors
