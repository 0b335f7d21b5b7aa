#include "bench/vectors/dataset.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include <nlohmann/json.hpp>

#include "bench/engine.h"  // Require
#include "bench/vectors/exact.h"

namespace sheaf::bench::vectors {
namespace {

using Random = std::mt19937_64;

constexpr size_t kQueries = 1000, kLateMax = 10'000, kWideMax = 100'000;

// How many are added later to so many.
size_t LateOf(size_t count) { return std::min(kLateMax, count / 20) / 200 * 200; }

void MakeUnit(absl::Span<float> vector) {
  double square = 0;
  for (const float value : vector) square += double(value) * value;
  const auto factor = float(1 / std::sqrt(std::max(square, 1e-30)));
  for (float& value : vector) value *= factor;
}

Vectors Clustered(size_t count, Random& random) {
  constexpr uint32_t kDimensions = 128, kCentres = 1000;
  std::uniform_real_distribution<float> uniform(0, 1);
  std::normal_distribution<float> normal(0, 0.27f);
  std::vector<float> centres(kCentres * kDimensions);
  for (float& value : centres) value = uniform(random);
  Vectors vectors{.dimensions = kDimensions};
  vectors.values.reserve(count * kDimensions);
  for (size_t i = 0; i < count; ++i) {
    const float* const centre = centres.data() + random() % kCentres * kDimensions;
    for (uint32_t d = 0; d < kDimensions; ++d)
      vectors.values.push_back(centre[d] + normal(random));
  }
  return vectors;
}

// Few dimensions that matter, as embeddings of text have: tanh bends what they span.
Vectors Wide(size_t count, Random& random) {
  constexpr uint32_t kDimensions = 768, kInner = 32, kCentres = 100;
  constexpr float kSpread = 0.5f, kNoise = 0.02f;
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> centres(kCentres * kInner), matrix(kInner * kDimensions);
  for (float& value : centres) value = normal(random);
  for (float& value : matrix) value = normal(random) / std::sqrt(float(kInner));
  Vectors vectors{.dimensions = kDimensions};
  vectors.values.resize(count * kDimensions);
  for (size_t i = 0; i < count; ++i) {
    float* const vector = vectors.values.data() + i * kDimensions;
    const float* const centre = centres.data() + random() % kCentres * kInner;
    for (uint32_t inner = 0; inner < kInner; ++inner) {
      const float value = centre[inner] + kSpread * normal(random);
      const float* const row = matrix.data() + inner * kDimensions;
      for (uint32_t d = 0; d < kDimensions; ++d) vector[d] += value * row[d];
    }
    for (uint32_t d = 0; d < kDimensions; ++d)
      vector[d] = std::tanh(vector[d]) + kNoise * normal(random);
    MakeUnit({vector, kDimensions});
  }
  return vectors;
}

Vectors Words(const std::string& path, Random& random) {
  std::ifstream in(path);
  Require(in.good(), path, "cannot be read");
  std::vector<std::vector<float>> rows;
  for (std::string line; std::getline(in, line);)
    rows.push_back(nlohmann::json::parse(line)["vector"]);
  Require(rows.size() > 12'000, path, "has too few vectors");
  std::shuffle(rows.begin(), rows.end(), random);
  Vectors vectors{.dimensions = uint32_t(rows[0].size())};
  for (std::vector<float>& row : rows) {
    Require(row.size() == vectors.dimensions, path, "vectors of several lengths");
    MakeUnit(absl::MakeSpan(row));
    vectors.values.insert(vectors.values.end(), row.begin(), row.end());
  }
  return vectors;
}

Vectors Part(const Vectors& all, size_t begin, size_t end) {
  return {.dimensions = all.dimensions,
          .values = std::vector<float>(all[begin], all[end])};
}

}  // namespace

Dataset MakeDataset(const std::string& name, const DatasetOptions& options) {
  Random random(options.seed);
  Dataset data{.name = name,
               .metric = name == "clustered" ? Metric::kL2 : Metric::kCosine};
  size_t count = options.count;
  if (name == "wide") count = std::min(count, kWideMax);
  Vectors all;
  if (name == "words") {
    all = Words(options.words, random);
    count = std::min(count, (all.size() - kQueries) * 20 / 21);
  } else {
    const size_t made = count + LateOf(count) + kQueries;
    all = name == "wide" ? Wide(made, random) : Clustered(made, random);
  }
  Require(count >= kBounds, "--count", "less than 10,000");
  const size_t late = count + LateOf(count);
  data.late = Part(all, count, late);
  data.queries = Part(all, late, late + kQueries);
  data.indexed = std::move(all);
  data.indexed.values.resize(count * data.indexed.dimensions);
  data.indexed.values.shrink_to_fit();
  data.u.resize(count);
  for (size_t i = 0; i < count; ++i) data.u[i] = uint32_t(i % kBounds);
  std::shuffle(data.u.begin(), data.u.end(), random);
  data.truth = FindTruth(data, kBounds, kQueries);
  for (const uint32_t bound : kFilterBounds)
    data.filter_truths.push_back(FindTruth(data, bound, kFilterQueries));
  return data;
}

}  // namespace sheaf::bench::vectors
