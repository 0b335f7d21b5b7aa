// Proves that the kernels of every processor agree with the definition in double
// precision, within what vector/distance.h promises, at any address and without reading
// past the end; and that what is no vector is refused by its place.
#include "vector/distance.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "pager/coding.h"
#include "tests/vector/guarded_bytes.h"
#include "vector/half.h"

namespace sheaf::vectors {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const Element kNumbers[] = {Element::kFloat32, Element::kFloat16, Element::kInt8};

std::vector<Simd> SupportedSimds() {
  std::vector<Simd> supported;
  for (const Simd simd : kSimds)
    if (IsSupported(simd)) supported.push_back(simd);
  return supported;
}

std::vector<uint32_t> AllDimensions() {
  std::vector<uint32_t> dimensions(70);
  std::iota(dimensions.begin(), dimensions.end(), 1);
  dimensions.insert(dimensions.end(), {127, 128, 129, 768, 1536});
  return dimensions;
}

std::string Encode(Element element, const std::vector<float>& components) {
  std::string bytes(VectorBytes(element, static_cast<uint32_t>(components.size())), '\0');
  for (size_t i = 0; i < components.size(); ++i) {
    const float component = components[i];
    if (element == Element::kFloat32)
      pager::EncodeFixed32(bytes.data() + 4 * i, std::bit_cast<uint32_t>(component));
    else if (element == Element::kFloat16)
      pager::EncodeFixed16(bytes.data() + 2 * i, HalfOf(component));
    else if (element == Element::kInt8)
      bytes[i] = static_cast<char>(static_cast<int>(component));
    else if (component != 0)
      bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << i % 8);
  }
  return bytes;
}

std::string RandomVector(Element element, uint32_t dimensions, std::mt19937& random) {
  std::vector<float> components(dimensions);
  std::normal_distribution<float> normal;
  for (float& component : components) {
    if (element == Element::kInt8)
      component = static_cast<float>(static_cast<int>(random() % 256) - 128);
    else if (element == Element::kBit)
      component = static_cast<float>(random() % 2);
    else
      component = normal(random);
  }
  return Encode(element, components);
}

std::vector<double> Components(Element element, uint32_t dimensions,
                               std::string_view bytes) {
  std::vector<float> floats(dimensions);
  if (element == Element::kBit) {
    for (uint32_t i = 0; i < dimensions; ++i)
      floats[i] = static_cast<float>(bytes[i / 8] >> i % 8 & 1);
  } else {
    DecodeFloats(element, dimensions, bytes.data(), floats.data());
  }
  return {floats.begin(), floats.end()};
}

struct Expected {
  double value = 0;
  double error_max = 0;
};

Expected ByDefinition(Metric metric, Element element, uint32_t dimensions,
                      std::string_view a_bytes, std::string_view b_bytes) {
  const std::vector<double> a = Components(element, dimensions, a_bytes);
  const std::vector<double> b = Components(element, dimensions, b_bytes);
  double sum = 0, absolutes = 0, squares_a = 0, squares_b = 0;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const double difference = std::abs(a[i] - b[i]);
    double term = a[i] * b[i];
    if (metric == Metric::kL2) term = difference * difference;
    if (metric == Metric::kL1 || metric == Metric::kHamming) term = difference;
    sum += term;
    absolutes += std::abs(term);
    squares_a += a[i] * a[i];
    squares_b += b[i] * b[i];
  }
  const bool is_exact = element == Element::kInt8 || element == Element::kBit;
  const double relative = (is_exact ? 1 : dimensions / 16 + 24) * 0x1p-24;
  const Expected of_sum{sum, absolutes * relative + 0x1p-120};
  if (metric == Metric::kInnerProduct)
    return {1 - sum, of_sum.error_max + (1 + std::abs(sum)) * 0x1p-23};
  if (metric != Metric::kCosine) return of_sum;
  const double norms = std::sqrt(squares_a) * std::sqrt(squares_b);
  // The norms err by half of what their squares do, each.
  return {1 - sum / norms, of_sum.error_max / norms + relative + 0x1p-21};
}

void ExpectAsDefined(Element element, uint32_t dimensions, std::string_view a,
                     std::string_view b) {
  for (const Simd simd : SupportedSimds()) {
    for (const Metric metric : kMetrics) {
      if (!Fits(metric, element)) continue;
      const Distance distance(metric, element, dimensions, KernelsOf(simd));
      float norm_a = 1, norm_b = 1;
      if (metric == Metric::kCosine) {
        norm_a = distance.Norm(a.data());
        norm_b = distance.Norm(b.data());
        if (norm_a == 0 || norm_b == 0) continue;
      }
      const Expected expected = ByDefinition(metric, element, dimensions, a, b);
      EXPECT_NEAR(distance.Between(a.data(), norm_a, b.data(), norm_b), expected.value,
                  expected.error_max)
          << NameOf(metric) << " of " << dimensions << " " << NameOf(element)
          << " by kernels " << static_cast<int>(simd);
    }
  }
}

TEST(Distance, IsAsDefinedAndStaysInside) {
  std::mt19937 random(1);
  for (const Element element : kElements) {
    for (const uint32_t dimensions : AllDimensions()) {
      const GuardedBytes a(RandomVector(element, dimensions, random));
      const GuardedBytes b(RandomVector(element, dimensions, random));
      ExpectAsDefined(element, dimensions, a.view(), b.view());
      ExpectAsDefined(element, dimensions, a.view(), a.view());
    }
  }
}

TEST(Distance, AtAnyAddress) {
  std::mt19937 random(2);
  for (const Element element : kElements) {
    for (size_t offset = 1; offset < 64; offset += 5) {
      constexpr uint32_t kDimensions = 299;
      const std::string gap(offset, '\xff');
      const std::string a = gap + RandomVector(element, kDimensions, random);
      const std::string b = RandomVector(element, kDimensions, random);
      ExpectAsDefined(element, kDimensions, std::string_view(a).substr(offset), b);
    }
  }
}

TEST(Distance, OfExtremes) {
  constexpr uint32_t kDimensions = 77;
  const auto all = [](Element element, float component) {
    return Encode(element, std::vector<float>(kDimensions, component));
  };
  for (const auto& [element, extremes] :
       {std::pair{Element::kFloat32,
                  std::vector<float>{0, -0.0f, 0x1p-149f, -0x1p-126f, 0x1p58f, -0x1p58f}},
        std::pair{Element::kFloat16,
                  std::vector<float>{0, 0x1p-24f, -0x1p-14f, 65504, -65504}},
        std::pair{Element::kInt8, std::vector<float>{0, -128, 127}},
        std::pair{Element::kBit, std::vector<float>{0, 1}}}) {
    for (const float a : extremes)
      for (const float b : extremes)
        ExpectAsDefined(element, kDimensions, all(element, a), all(element, b));
  }
}

TEST(Distance, OfAsManyDimensionsAsThereMayBe) {
  std::mt19937 random(3);
  for (const Element element : kElements) {
    ExpectAsDefined(element, kDimensionsMax,
                    RandomVector(element, kDimensionsMax, random),
                    RandomVector(element, kDimensionsMax, random));
  }
  const std::string least(kDimensionsMax, '\x80'), greatest(kDimensionsMax, '\x7f');
  ExpectAsDefined(Element::kInt8, kDimensionsMax, least, greatest);
  ExpectAsDefined(Element::kInt8, kDimensionsMax, least, least);
}

TEST(Distance, OfTheLargestVectorsIsFinite) {
  for (const uint32_t dimensions : {1u, 100u, kDimensionsMax}) {
    const float component = kNormMax * 0.999f / std::sqrt(static_cast<float>(dimensions));
    const std::string a =
        Encode(Element::kFloat32, std::vector<float>(dimensions, component));
    const std::string b =
        Encode(Element::kFloat32, std::vector<float>(dimensions, -component));
    for (const Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kL1}) {
      EXPECT_TRUE(CheckVector(metric, Element::kFloat32, dimensions, a).ok());
      for (const Simd simd : SupportedSimds()) {
        const Distance distance(metric, Element::kFloat32, dimensions, KernelsOf(simd));
        EXPECT_TRUE(std::isfinite(distance.Between(a.data(), b.data())));
        EXPECT_TRUE(std::isfinite(distance.Between(a.data(), a.data())));
      }
    }
  }
}

TEST(Distance, NothingIsNearerThanItself) {
  std::mt19937 random(4);
  for (int i = 0; i < 100; ++i) {
    const std::string a = RandomVector(Element::kFloat32, 33, random);
    const Distance distance(Metric::kCosine, Element::kFloat32, 33);
    const float norm = distance.Norm(a.data());
    EXPECT_GE(distance.Between(a.data(), norm, a.data(), norm), 0);
  }
}

std::string MessageOf(Metric metric, Element element, uint32_t dimensions,
                      std::string_view bytes) {
  const absl::Status status = CheckVector(metric, element, dimensions, bytes);
  EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(CheckVector, LetsRandomOnesPass) {
  std::mt19937 random(5);
  for (const Metric metric : kMetrics) {
    for (const Element element : kElements) {
      if (!Fits(metric, element)) continue;
      for (const uint32_t dimensions : AllDimensions()) {
        const GuardedBytes vector(RandomVector(element, dimensions, random));
        EXPECT_EQ(MessageOf(metric, element, dimensions, vector.view()), "");
      }
    }
  }
}

TEST(CheckVector, WantsTheRightSize) {
  EXPECT_EQ(MessageOf(Metric::kL2, Element::kFloat32, 128, std::string(510, '\0')),
            "a vector of 128 float32 has 512 bytes, not 510");
  EXPECT_EQ(MessageOf(Metric::kHamming, Element::kBit, 9, ""),
            "a vector of 9 bit has 2 bytes, not 0");
}

TEST(CheckVector, NamesTheFirstThatIsNoNumber) {
  for (const Element element : {Element::kFloat32, Element::kFloat16}) {
    std::vector<float> components(20, 1);
    components[9] = kInfinity;
    EXPECT_EQ(MessageOf(Metric::kL1, element, 20, Encode(element, components)),
              "component 9 is infinite");
    components[7] = kNan;
    EXPECT_EQ(MessageOf(Metric::kL2, element, 20, Encode(element, components)),
              "component 7 is NaN");
    components[0] = -kInfinity;
    EXPECT_EQ(MessageOf(Metric::kCosine, element, 20, Encode(element, components)),
              "component 0 is infinite");
  }
}

TEST(CheckVector, WantsNormsThatDoNotOverflow) {
  const std::string large = Encode(Element::kFloat32, {1, 0x1.0001p62f});
  EXPECT_EQ(MessageOf(Metric::kL2, Element::kFloat32, 2, large),
            "the vector's norm is above 4.61169e+18: distances to it overflow");
  EXPECT_EQ(MessageOf(Metric::kL2, Element::kFloat32, 2,
                      Encode(Element::kFloat32, {3e38f, 3e38f})),
            "the vector's norm is above 4.61169e+18: distances to it overflow");
  EXPECT_EQ(MessageOf(Metric::kCosine, Element::kFloat32, 2,
                      Encode(Element::kFloat32, {1, 0x1p62f})),
            "");
}

TEST(CheckVector, WantsADirectionForCosineOnly) {
  for (const Element element : kNumbers) {
    const std::string zero(VectorBytes(element, 5), '\0');
    EXPECT_EQ(MessageOf(Metric::kL2, element, 5, zero), "");
    EXPECT_EQ(MessageOf(Metric::kCosine, element, 5, zero),
              "the vector is zero: it has no direction for cosine");
  }
  EXPECT_EQ(MessageOf(Metric::kCosine, Element::kFloat32, 2,
                      Encode(Element::kFloat32, {0x1p-51f, 0})),
            "the vector's norm is below 8.88178e-16: it has no direction for cosine");
  EXPECT_EQ(MessageOf(Metric::kCosine, Element::kFloat32, 2,
                      Encode(Element::kFloat32, {0x1p-50f, 0})),
            "");
}

TEST(CheckVector, WantsZerosBehindTheLastBit) {
  EXPECT_EQ(MessageOf(Metric::kHamming, Element::kBit, 11, "\xff\x07"), "");
  EXPECT_EQ(MessageOf(Metric::kHamming, Element::kBit, 16, "\xff\xff"), "");
  EXPECT_EQ(MessageOf(Metric::kHamming, Element::kBit, 11, "\xff\x27"),
            "bit 13 is set, behind the vector's last, 10");
}

}  // namespace
}  // namespace sheaf::vectors
