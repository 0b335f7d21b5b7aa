// Proves that codes decode to what they promise, that an estimate is the distance to the
// decoded vector, by the kernels of every processor and without reading past the end, and
// that the bytes stay as they are.
#include "vector/code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "tests/vector/guarded_bytes.h"
#include "vector/distance.h"

namespace sheaf::vectors {
namespace {

using std::string_literals::operator""s;
using Floats = std::vector<float>;

const Metric kEstimated[] = {Metric::kL2, Metric::kCosine, Metric::kInnerProduct,
                             Metric::kL1};

uint32_t SizeOf(const Floats& vector) { return static_cast<uint32_t>(vector.size()); }

std::string CodeOf(const Floats& vector) {
  GuardedBytes code(EncodedCodeBytes(SizeOf(vector)));
  EncodeCode(vector.data(), SizeOf(vector), code.data());
  EXPECT_TRUE(CheckCode(code.data(), SizeOf(vector)).ok());
  return std::string(code.view());
}

// As the header says.
Floats Decoded(const std::string& code) {
  const double lo = DecodeFloat(code.data()), step = DecodeFloat(code.data() + 4);
  Floats vector;
  for (const char c : code.substr(EncodedCodeBytes(0)))
    vector.push_back(static_cast<float>(lo + step * static_cast<uint8_t>(c)));
  return vector;
}

float EstimateDistance(const QueryCode& query, const char* code) {
  float distance;
  EstimateDistances(query, {&code, 1}, &distance);
  return distance;
}

Floats RandomVector(uint32_t dimensions, std::mt19937& random, float mean = 0,
                    float deviation = 1) {
  std::normal_distribution<float> normal(mean, deviation);
  Floats vector(dimensions);
  for (float& component : vector) component = normal(random);
  return vector;
}

void ExpectRoundTrip(const Floats& vector) {
  const auto [least, greatest] = std::minmax_element(vector.begin(), vector.end());
  const double step = (double{*greatest} - *least) / 255;
  // Half a step; the step is a float, and so is what is decoded.
  const double largest = std::max(std::abs(*least), std::abs(*greatest));
  const double error_max = step * (0.5 + 0x1p-15) + largest * 0x1p-24 + 256 * 0x1p-150;
  const Floats decoded = Decoded(CodeOf(vector));
  for (size_t i = 0; i < vector.size(); ++i)
    EXPECT_NEAR(decoded[i], vector[i], error_max) << i;
}

TEST(Code, GoldenBytes) {
  // lo -1, step 2/255, codes 0, 127 (the step is rounded up), 255, 64.
  EXPECT_EQ(
      CodeOf({-1, 0, 1, -0.5}),
      "\x00\x00\x80\xbf\x81\x80\x00\x3c\xbe\x01\x00\x00\x02\x4d\x01\x00\x00\x7f\xff\x40"s);
  EXPECT_EQ(
      CodeOf({2.5, 2.5, 2.5}),
      "\x00\x00\x20\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s);
}

TEST(Code, DecodesToWithinHalfAStep) {
  std::mt19937 random(1);
  for (uint32_t dimensions = 1; dimensions <= 70; ++dimensions) {
    ExpectRoundTrip(RandomVector(dimensions, random));
    ExpectRoundTrip(RandomVector(dimensions, random, 1000, 1e-3f));
    ExpectRoundTrip(RandomVector(dimensions, random, -1e-20f, 1e-22f));
    ExpectRoundTrip(RandomVector(dimensions, random, 0, 1e-42f));  // subnormal
    ExpectRoundTrip(RandomVector(dimensions, random, 0, 1e17f));
  }
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  ExpectRoundTrip({0, kLeast, -kLeast, 3 * kLeast});
  ExpectRoundTrip({0, 255 * kLeast, 7 * kLeast, 100 * kLeast});
  ExpectRoundTrip({0, 382 * kLeast});  // whose step is rounded down by a third
  ExpectRoundTrip({-0x1p62f, 0x1p62f, 0, 1});
  ExpectRoundTrip({1, 1 + 0x1p-23f, 1 + 0x1p-22f});
}

TEST(Code, OfWhatIsTheSameEverywhereIsExact) {
  for (const float component : {0.0f, -3.7f, 1e-45f, 0x1p60f}) {
    const Floats vector(37, component);
    EXPECT_EQ(Decoded(CodeOf(vector)), vector);
  }
}

TEST(CheckCode, NamesWhatIsWrong) {
  const std::string good = CodeOf({-1, 0, 1, -0.5});
  const auto message_with = [&](size_t at, const std::string& bytes) {
    std::string bad = good;
    bad.replace(at, bytes.size(), bytes);
    const absl::Status status = CheckCode(bad.data(), 4);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    return std::string(status.message());
  };
  EXPECT_EQ(message_with(0, "\x00\x00\x80\x7f"s),
            "code: from inf on in steps of 0.00784314");
  EXPECT_EQ(message_with(4, "\x00\x00\x80\xbf"s), "code: from -1 on in steps of -1");
  EXPECT_EQ(message_with(8, "\x01"), "code: sum 257 of 446");
  EXPECT_EQ(message_with(12, "\x03"), "code: sum of squares 85251 of 85250");
}

double DistanceTo(Metric metric, const Floats& query, const Floats& vector) {
  double l1 = 0, l2 = 0, products = 0, squares_q = 0, squares_x = 0;
  for (size_t i = 0; i < query.size(); ++i) {
    const double q = query[i], x = vector[i];
    l1 += std::abs(q - x);
    l2 += (q - x) * (q - x);
    products += q * x;
    squares_q += q * q;
    squares_x += x * x;
  }
  if (metric == Metric::kL1) return l1;
  if (metric == Metric::kL2) return l2;
  if (metric == Metric::kInnerProduct) return 1 - products;
  return 1 - products / std::sqrt(squares_q * squares_x);
}

double Norm(const Floats& vector) {
  return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
}

// How far an estimate may be from the distance to the decoded vector: what rounding the
// query adds, far below what the code itself does, and that of the result.
double ErrorMax(Metric metric, const Floats& query, const Floats& decoded) {
  const double n = static_cast<double>(query.size());
  const double norms = Norm(query) * Norm(decoded);
  if (metric == Metric::kL1)
    return (n / 16 + 24) * 0x1p-22 * std::sqrt(n) * (Norm(query) + Norm(decoded));
  const double of_products = norms * 2e-4 + 0x1p-140;
  if (metric == Metric::kCosine) return of_products / norms;
  return 2 * of_products + std::abs(DistanceTo(metric, query, decoded)) * 0x1p-22;
}

void ExpectEstimates(const Floats& query, const Floats& vector) {
  const GuardedBytes code(CodeOf(vector));
  const Floats decoded = Decoded(std::string(code.view()));
  for (const Simd simd : kSimds) {
    if (!IsSupported(simd)) continue;
    for (const Metric metric : kEstimated) {
      if (metric == Metric::kCosine && (Norm(query) == 0 || Norm(vector) == 0)) continue;
      const QueryCode prepared(metric, query.data(), SizeOf(query), simd);
      const float estimate = EstimateDistance(prepared, code.data());
      EXPECT_NEAR(estimate, DistanceTo(metric, query, decoded),
                  ErrorMax(metric, query, decoded))
          << NameOf(metric) << " of " << query.size() << " by kernels "
          << static_cast<int>(simd);
      // To the last bit, or graphs would differ from machine to machine.
      const QueryCode plain(metric, query.data(), SizeOf(query), Simd::kPlain);
      if (metric != Metric::kL1) {
        EXPECT_EQ(estimate, EstimateDistance(plain, code.data()));
      }
    }
  }
}

TEST(Estimate, IsTheDistanceToTheDecoded) {
  std::mt19937 random(2);
  std::vector<uint32_t> all(70);
  std::iota(all.begin(), all.end(), 1);
  all.insert(all.end(), {127, 128, 129, 768, 1536, kDimensionsMax});
  for (const uint32_t dimensions : all) {
    const Floats query = RandomVector(dimensions, random);
    ExpectEstimates(query, RandomVector(dimensions, random));
    ExpectEstimates(query, RandomVector(dimensions, random, 5, 0.1f));
    ExpectEstimates(query, query);
    ExpectEstimates(Floats(dimensions, 0.5f), query);
    ExpectEstimates(query, Floats(dimensions, -0.5f));
  }
}

TEST(Estimate, OfExtremes) {
  // A query all of whose components are the largest code's: the sum of products is as
  // large as 32 bits let it be.
  Floats both(kDimensionsMax, 1);
  std::fill_n(both.begin(), kDimensionsMax / 2, -1.0f);
  ExpectEstimates(both, both);
  Floats one(kDimensionsMax, 0);
  one[77] = 1;
  ExpectEstimates(one, one);
  ExpectEstimates(one, both);
  for (const float scale : {0x1p-48f, 0x1p40f}) {
    ExpectEstimates({scale, -scale, 0, scale}, {scale, scale, scale / 2, 0});
  }
  ExpectEstimates({0, 0, 0}, {1, 2, 3});
  ExpectEstimates({1, 2, 3}, {0, 0, 0});
}

// Far from zero norms are large and differences small.
TEST(Estimate, KeepsWhatCancels) {
  std::mt19937 random(3);
  const Floats query = RandomVector(256, random, 1000, 1);
  for (int i = 0; i < 100; ++i) {
    const Floats vector = RandomVector(256, random, 1000, 1);
    const std::string code = CodeOf(vector);
    const QueryCode prepared(Metric::kL2, query.data(), 256);
    const double exact = DistanceTo(Metric::kL2, query, Decoded(code));
    EXPECT_NEAR(EstimateDistance(prepared, code.data()), exact, exact * 1e-3);
  }
}

TEST(Estimate, IsNeverLessThanZero) {
  std::mt19937 random(4);
  for (int i = 0; i < 1000; ++i) {
    const std::string code = CodeOf(RandomVector(50, random));
    const Floats decoded = Decoded(code);
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kL1}) {
      const QueryCode prepared(metric, decoded.data(), 50);
      EXPECT_GE(EstimateDistance(prepared, code.data()), 0);
    }
  }
}

double RelativeError(const Floats& query, const Floats& vector) {
  const QueryCode prepared(Metric::kL2, query.data(), SizeOf(query));
  return EstimateDistance(prepared, CodeOf(vector).data()) /
             DistanceTo(Metric::kL2, query, vector) -
         1;
}

TEST(Estimate, ErrsByAsMuchAsTheHeaderSays) {
  std::mt19937 random(5);
  for (const auto& [dimensions, far_max, near_max] :
       {std::tuple{128u, 0.0008, 0.0028}, std::tuple{768u, 0.0004, 0.0016}}) {
    const Floats center = RandomVector(dimensions, random);
    const auto near_center = [&, n = dimensions] {
      Floats vector = RandomVector(n, random, 0, 0.3f);
      for (uint32_t k = 0; k < n; ++k) vector[k] += center[k];
      return vector;
    };
    double squares_far = 0, squares_near = 0;
    constexpr int kPairs = 1000;
    for (int i = 0; i < kPairs; ++i) {
      const double far = RelativeError(RandomVector(dimensions, random),
                                       RandomVector(dimensions, random));
      const double near = RelativeError(near_center(), near_center());
      squares_far += far * far;
      squares_near += near * near;
    }
    EXPECT_LT(std::sqrt(squares_far / kPairs), far_max);
    EXPECT_LT(std::sqrt(squares_near / kPairs), near_max);
  }
}

void ExpectBetween(const Floats& x, const Floats& y) {
  const GuardedBytes a(CodeOf(x)), b(CodeOf(y));
  const Floats decoded_a = Decoded(std::string(a.view())),
               decoded_b = Decoded(std::string(b.view()));
  for (const Simd simd : kSimds) {
    if (!IsSupported(simd)) continue;
    for (const Metric metric : kEstimated) {
      if (metric == Metric::kCosine && (Norm(x) == 0 || Norm(y) == 0)) continue;
      const CodeDistance distance(metric, SizeOf(x), simd);
      const double expected = DistanceTo(metric, decoded_a, decoded_b);
      // What is decoded is rounded to floats; sums of L1 are floats, too.
      double error = ErrorMax(Metric::kL1, decoded_a, decoded_b);
      if (metric != Metric::kL1)
        error = 0x1p-21 * Norm(decoded_a) * Norm(decoded_b) +
                0x1p-22 * std::abs(expected) + 0x1p-140;
      if (metric == Metric::kL2)
        error = 0x1p-21 * (std::sqrt(expected) * (Norm(decoded_a) + Norm(decoded_b)) +
                           expected) +
                0x1p-140;
      if (metric == Metric::kCosine) error = 0x1p-20;
      const float between = distance.Between(a.data(), b.data());
      EXPECT_NEAR(between, expected, error) << NameOf(metric) << " of " << x.size()
                                            << " by kernels " << static_cast<int>(simd);
      EXPECT_NEAR(distance.Between(b.data(), a.data()), expected, error);
    }
  }
}

TEST(CodeDistance, IsThatOfTheDecoded) {
  std::mt19937 random(8);
  std::vector<uint32_t> all(130);
  std::iota(all.begin(), all.end(), 1);
  all.insert(all.end(), {768, kDimensionsMax});
  for (const uint32_t dimensions : all) {
    const Floats vector = RandomVector(dimensions, random);
    ExpectBetween(vector, RandomVector(dimensions, random));
    ExpectBetween(vector, RandomVector(dimensions, random, 5, 0.1f));
    ExpectBetween(RandomVector(dimensions, random, 1000, 1),
                  RandomVector(dimensions, random, 1000, 1));
    ExpectBetween(vector, vector);
    ExpectBetween(vector, Floats(dimensions, -0.5f));
    ExpectBetween(Floats(dimensions, 0.5f), Floats(dimensions, 0.25f));
  }
  // As large as a sum of products gets.
  Floats ends(kDimensionsMax, 1);
  ends[0] = -1;
  ExpectBetween(ends, ends);
}

// What Distance computes, by all kernels, against the bound of whichever kernel.
void ExpectNoneNearer(const Floats& query, const Floats& vector) {
  const GuardedBytes code(CodeOf(vector));
  const char* const codes[] = {code.data()};
  const auto* const a = reinterpret_cast<const char*>(query.data());
  const auto* const b = reinterpret_cast<const char*>(vector.data());
  for (const Metric metric : kEstimated) {
    if (metric == Metric::kCosine && (Norm(query) == 0 || Norm(vector) == 0)) continue;
    for (const Simd simd : kSimds) {
      if (!IsSupported(simd)) continue;
      const QueryCode prepared(metric, query.data(), SizeOf(query), simd);
      float least;
      LeastDistances(prepared, codes, &least);
      for (const Simd other : kSimds) {
        if (!IsSupported(other)) continue;
        const Distance distance(metric, Element::kFloat32, SizeOf(query),
                                KernelsOf(other));
        EXPECT_LE(least, distance.Between(a, distance.Norm(a), b, distance.Norm(b)))
            << NameOf(metric) << " of " << query.size();
      }
    }
  }
}

TEST(LeastDistances, NoVectorIsNearer) {
  std::mt19937 random(6);
  std::vector<uint32_t> all(40);
  std::iota(all.begin(), all.end(), 1);
  all.insert(all.end(), {127, 128, 768, kDimensionsMax});
  for (const uint32_t dimensions : all) {
    const int times = dimensions > 1000 ? 2 : 30;
    for (int i = 0; i < times; ++i) {
      const Floats query = RandomVector(dimensions, random);
      ExpectNoneNearer(query, query);
      ExpectNoneNearer(query, RandomVector(dimensions, random));
      ExpectNoneNearer(query, RandomVector(dimensions, random, 5, 0.1f));
      ExpectNoneNearer(query, Floats(dimensions, -0.5f));
      Floats near = query;
      for (float& component : near) component *= 1 + 1e-3f * (random() % 3);
      ExpectNoneNearer(query, near);
      const Floats far = RandomVector(dimensions, random, 1000, 1e-3f);
      ExpectNoneNearer(far, far);
      ExpectNoneNearer(far, RandomVector(dimensions, random, 1000, 1e-3f));
      for (const float size : {1e-42f, 1e-30f, 1e15f}) {
        const Floats other = RandomVector(dimensions, random, 0, size);
        ExpectNoneNearer(other, other);
        ExpectNoneNearer(other, RandomVector(dimensions, random, 0, size));
      }
    }
  }
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  ExpectNoneNearer({0, 382 * kLeast}, {0, 382 * kLeast});
  ExpectNoneNearer({1, 1 + 0x1p-23f, 1 + 0x1p-22f}, {1 + 0x1p-22f, 1, 1});
}

// On the worst vector there is: all of its components half a step off, away from the query.
TEST(LeastDistances, OfTheWorstRounding) {
  Floats vector(128, 0), query(128, 0);
  vector[0] = query[0] = -127.5f;
  vector[1] = query[1] = 127.5f;
  for (size_t i = 2; i < vector.size(); ++i) {
    vector[i] = static_cast<float>(i % 32) + 0.01f;  // which rounds a half away
    query[i] = vector[i] + 0.5f;
  }
  ExpectNoneNearer(query, vector);
  for (float& component : query) component -= 1;
  ExpectNoneNearer(query, vector);
}

TEST(LeastDistances, AreNotFarBelowEstimates) {
  std::mt19937 random(7);
  for (int i = 0; i < 1000; ++i) {
    const Floats query = RandomVector(128, random), vector = RandomVector(128, random);
    const std::string code = CodeOf(vector);
    const char* const codes[] = {code.data()};
    for (const Metric metric : kEstimated) {
      const QueryCode prepared(metric, query.data(), 128);
      float least;
      LeastDistances(prepared, codes, &least);
      // Of products by as much as a vector of that error may add to them.
      const double norms =
          metric == Metric::kInnerProduct ? Norm(query) * Norm(vector) : 1;
      const double usual = metric == Metric::kCosine || metric == Metric::kInnerProduct
                               ? norms
                               : DistanceTo(metric, query, vector);
      EXPECT_NEAR(least, EstimateDistance(prepared, code.data()), 0.03 * usual)
          << NameOf(metric);
    }
  }
}

}  // namespace
}  // namespace sheaf::vectors
