// Proves that metrics and elements keep their names, numbers and sizes, and that halves
// are what IEEE 754 says: every one of them, and every tie between two of them.
#include "vector/metric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "vector/half.h"

namespace sheaf::vectors {
namespace {

TEST(Metric, NamesComeBack) {
  for (const Metric metric : kMetrics) EXPECT_EQ(MetricNamed(NameOf(metric)), metric);
  for (const Element element : kElements)
    EXPECT_EQ(ElementNamed(NameOf(element)), element);
  EXPECT_EQ(MetricNamed("ip"), Metric::kInnerProduct);
  EXPECT_EQ(ElementNamed("float16"), Element::kFloat16);
  EXPECT_EQ(MetricNamed("L2"), std::nullopt);
  EXPECT_EQ(MetricNamed(""), std::nullopt);
  EXPECT_EQ(ElementNamed("float"), std::nullopt);
  EXPECT_EQ(NameOf(static_cast<Metric>(0)), "");
  EXPECT_EQ(NameOf(static_cast<Element>(5)), "");
}

TEST(Metric, NumbersInFilesStay) {
  EXPECT_EQ(static_cast<int>(Metric::kL2), 1);
  EXPECT_EQ(static_cast<int>(Metric::kCosine), 2);
  EXPECT_EQ(static_cast<int>(Metric::kInnerProduct), 3);
  EXPECT_EQ(static_cast<int>(Metric::kL1), 4);
  EXPECT_EQ(static_cast<int>(Metric::kHamming), 5);
  EXPECT_EQ(static_cast<int>(Element::kFloat32), 1);
  EXPECT_EQ(static_cast<int>(Element::kFloat16), 2);
  EXPECT_EQ(static_cast<int>(Element::kInt8), 3);
  EXPECT_EQ(static_cast<int>(Element::kBit), 4);
}

TEST(Metric, HammingAndBitsGoTogether) {
  for (const Metric metric : kMetrics)
    for (const Element element : kElements)
      EXPECT_EQ(Fits(metric, element),
                (metric == Metric::kHamming) == (element == Element::kBit));
}

TEST(Metric, Sizes) {
  EXPECT_EQ(VectorBytes(Element::kFloat32, 3), 12u);
  EXPECT_EQ(VectorBytes(Element::kFloat16, 3), 6u);
  EXPECT_EQ(VectorBytes(Element::kInt8, 3), 3u);
  EXPECT_EQ(VectorBytes(Element::kBit, 8), 1u);
  EXPECT_EQ(VectorBytes(Element::kBit, 9), 2u);
  EXPECT_EQ(VectorBytes(Element::kFloat32, kDimensionsMax), 65536u);
}

TEST(Half, EveryOneComesBack) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = FloatOf(half);
    if (std::isnan(value)) {
      EXPECT_TRUE((half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0);
      EXPECT_TRUE(std::isnan(FloatOf(HalfOf(value))));
    } else {
      ASSERT_EQ(HalfOf(value), half);
    }
  }
}

TEST(Half, ValuesByTheirDefinition) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const int exponent = static_cast<int>(bits >> 10);
    const double fraction = bits & 0x3ff;
    const double value = exponent == 0 ? std::ldexp(fraction, -24)
                                       : std::ldexp(1024 + fraction, exponent - 25);
    ASSERT_EQ(FloatOf(static_cast<uint16_t>(bits)), value);
    ASSERT_EQ(FloatOf(static_cast<uint16_t>(bits | 0x8000)), -value);
  }
  EXPECT_EQ(FloatOf(0x7c00), std::numeric_limits<float>::infinity());
}

TEST(Half, RoundsToNearestAndTiesToEven) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const auto above = static_cast<uint16_t>(bits + 1);
    const float tie = (FloatOf(half) + FloatOf(above)) / 2;  // a float has it exactly
    ASSERT_EQ(HalfOf(tie), bits % 2 == 0 ? half : above);
    ASSERT_EQ(HalfOf(std::nextafter(tie, 0.0f)), half);
    ASSERT_EQ(HalfOf(std::nextafter(tie, 1e9f)), above);
    ASSERT_EQ(HalfOf(-tie), HalfOf(tie) | 0x8000);
  }
}

TEST(Half, OverflowBeginsWhereItSays) {
  EXPECT_EQ(HalfOf(std::nextafter(kHalfOverflow, 0.0f)), 0x7bff);  // 65504
  EXPECT_EQ(HalfOf(kHalfOverflow), 0x7c00);
  EXPECT_EQ(HalfOf(-1e30f), 0xfc00);
  EXPECT_EQ(HalfOf(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(HalfOf(std::numeric_limits<float>::denorm_min()), 0);
}

}  // namespace
}  // namespace sheaf::vectors
