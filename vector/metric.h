// What a vector index measures and what its vectors consist of. Installed as
// <sheaf/metric.h>.
//
// A vector is a run of bytes without a header: its components one after the other,
// little-endian, at any address.
//
//   kFloat32   4 bytes each, IEEE binary32
//   kFloat16   2 bytes each, IEEE binary16
//   kInt8      1 byte each, two's complement
//   kBit       8 components a byte, the lowest bit first; what is left of the last byte
//              is zero
//
// All numbers are stored in files.
#ifndef SHEAF_METRIC_H_
#define SHEAF_METRIC_H_
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sheaf::vectors {

inline constexpr uint32_t kDimensionsMax = 16384;

// Of all of them, less is nearer.
enum class Metric : uint8_t {
  kL2 = 1,            // squared: the sum of (a - b)^2
  kCosine = 2,        // 1 - the cosine of the angle between them: 0 to 2
  kInnerProduct = 3,  // 1 - the sum of a * b, which may be any number
  kL1 = 4,            // the sum of |a - b|
  kHamming = 5,       // how many bits differ
};
enum class Element : uint8_t { kFloat32 = 1, kFloat16 = 2, kInt8 = 3, kBit = 4 };

inline constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kInnerProduct,
                                      Metric::kL1, Metric::kHamming};
inline constexpr Element kElements[] = {Element::kFloat32, Element::kFloat16,
                                        Element::kInt8, Element::kBit};

// Empty for a number that is none of them, as it may come from a file.
constexpr std::string_view NameOf(Metric metric) {
  switch (metric) {
    case Metric::kL2:
      return "l2";
    case Metric::kCosine:
      return "cosine";
    case Metric::kInnerProduct:
      return "ip";
    case Metric::kL1:
      return "l1";
    case Metric::kHamming:
      return "hamming";
  }
  return {};
}
constexpr std::string_view NameOf(Element element) {
  switch (element) {
    case Element::kFloat32:
      return "float32";
    case Element::kFloat16:
      return "float16";
    case Element::kInt8:
      return "int8";
    case Element::kBit:
      return "bit";
  }
  return {};
}

constexpr std::optional<Metric> MetricNamed(std::string_view name) {
  for (const Metric metric : kMetrics)
    if (NameOf(metric) == name) return metric;
  return std::nullopt;
}
constexpr std::optional<Element> ElementNamed(std::string_view name) {
  for (const Element element : kElements)
    if (NameOf(element) == name) return element;
  return std::nullopt;
}

// Bits are counted, and nothing else is.
constexpr bool Fits(Metric metric, Element element) {
  return (metric == Metric::kHamming) == (element == Element::kBit);
}

constexpr size_t VectorBytes(Element element, uint32_t dimensions) {
  switch (element) {
    case Element::kFloat32:
      return size_t{4} * dimensions;
    case Element::kFloat16:
      return size_t{2} * dimensions;
    case Element::kInt8:
      return dimensions;
    case Element::kBit:
      return (size_t{dimensions} + 7) / 8;
  }
  return 0;
}

}  // namespace sheaf::vectors
#endif  // SHEAF_METRIC_H_
