#include "vector/distance.h"

#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "vector/half.h"

namespace sheaf::vectors {
namespace {

absl::string_view Text(std::string_view text) { return {text.data(), text.size()}; }

// Requires: not kBit.
const ElementKernels& KernelsFor(Element element, const Kernels& kernels) {
  SHEAF_ASSERT(element != Element::kBit);
  if (element == Element::kFloat32) return kernels.float32;
  return element == Element::kFloat16 ? kernels.float16 : kernels.int8;
}

PairSum SumFor(Metric metric, Element element, const Kernels& kernels) {
  if (metric == Metric::kHamming) return kernels.hamming;
  const ElementKernels& of_element = KernelsFor(element, kernels);
  if (metric == Metric::kL2) return of_element.squares;
  return metric == Metric::kL1 ? of_element.absolutes : of_element.products;
}

float ComponentAt(Element element, const char* vector, uint32_t i) {
  if (element == Element::kFloat32)
    return std::bit_cast<float>(pager::DecodeFixed32(vector + size_t{4} * i));
  if (element == Element::kFloat16)
    return FloatOf(pager::DecodeFixed16(vector + size_t{2} * i));
  return static_cast<int8_t>(vector[i]);
}

absl::Status CheckLastByte(uint32_t dimensions, std::string_view bytes) {
  const uint32_t used = dimensions % 8;
  const auto last = static_cast<uint8_t>(bytes.back());
  if (used == 0 || last >> used == 0) return absl::OkStatus();
  const int bit = static_cast<int>(used) + std::countr_zero(unsigned{last} >> used);
  return absl::InvalidArgumentError(absl::StrCat("bit ", dimensions / 8 * 8 + bit,
                                                 " is set, behind the vector's last, ",
                                                 dimensions - 1));
}

// Of a vector whose norm is not to be had, or too large.
absl::Status WhyTooLarge(Element element, uint32_t dimensions, const char* vector) {
  for (uint32_t i = 0; i < dimensions; ++i) {
    const float component = ComponentAt(element, vector, i);
    if (std::isnan(component))
      return absl::InvalidArgumentError(absl::StrCat("component ", i, " is NaN"));
    if (std::isinf(component))
      return absl::InvalidArgumentError(absl::StrCat("component ", i, " is infinite"));
  }
  return absl::InvalidArgumentError(absl::StrCat("the vector's norm is above ", kNormMax,
                                                 ": distances to it overflow"));
}

}  // namespace

absl::Status CheckVector(Metric metric, Element element, uint32_t dimensions,
                         std::string_view bytes) {
  SHEAF_ASSERT(Fits(metric, element));
  SHEAF_ASSERT(dimensions > 0);
  SHEAF_ASSERT(dimensions <= kDimensionsMax);
  const size_t size = VectorBytes(element, dimensions);
  if (bytes.size() != size) {
    return absl::InvalidArgumentError(absl::StrCat("a vector of ", dimensions, " ",
                                                   Text(NameOf(element)), " has ", size,
                                                   " bytes, not ", bytes.size()));
  }
  if (element == Element::kBit) return CheckLastByte(dimensions, bytes);
  const float norm = Distance(metric, element, dimensions).Norm(bytes.data());
  // What is no number makes the norm none.
  if (!(norm <= kNormMax)) return WhyTooLarge(element, dimensions, bytes.data());
  if (metric == Metric::kCosine && norm < kCosineNormMin) {
    return absl::InvalidArgumentError(
        absl::StrCat(norm == 0 ? "the vector is zero" : "the vector's norm is below ",
                     norm == 0 ? "" : absl::StrCat(kCosineNormMin),
                     ": it has no direction for cosine"));
  }
  return absl::OkStatus();
}

void DecodeFloats(Element element, uint32_t dimensions, const char* vector, float* out) {
  for (uint32_t i = 0; i < dimensions; ++i) out[i] = ComponentAt(element, vector, i);
}

Distance::Distance(Metric metric, Element element, uint32_t dimensions,
                   const Kernels& kernels)
    : metric_(metric),
      dimensions_(dimensions),
      sum_(SumFor(metric, element, kernels)),
      products_(element == Element::kBit ? nullptr
                                         : KernelsFor(element, kernels).products) {
  SHEAF_ASSERT(Fits(metric, element));
  SHEAF_ASSERT(dimensions <= kDimensionsMax);
}

float Distance::Norm(const char* vector) const {
  SHEAF_ASSERT(products_ != nullptr);
  return std::sqrt(products_(vector, vector, dimensions_));
}

}  // namespace sheaf::vectors
