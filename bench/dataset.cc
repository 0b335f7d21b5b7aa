#include "bench/dataset.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "bench/engine.h"  // Require

namespace sheaf::bench {
namespace {

// Gray et al., "Quickly generating billion-record synthetic databases", as in
// YCSB's ZipfianGenerator. Rank 0 is the most frequent.
class Zipfian {
 public:
  explicit Zipfian(uint64_t entry_count) : n_(double(entry_count)) {
    for (uint64_t i = 1; i <= entry_count; ++i) {
      zeta_n_ += 1 / std::pow(double(i), kTheta);
    }
    const double zeta_2 = 1 + 1 / std::pow(2.0, kTheta);
    eta_ = (1 - std::pow(2 / n_, 1 - kTheta)) / (1 - zeta_2 / zeta_n_);
  }
  uint64_t Rank(double uniform) const {
    const double scaled = uniform * zeta_n_;
    if (scaled < 1) return 0;
    if (scaled < 1 + std::pow(0.5, kTheta)) return 1;
    const double rank = n_ * std::pow(eta_ * uniform - eta_ + 1, kAlpha);
    return std::min(uint64_t(rank), uint64_t(n_) - 1);
  }

 private:
  static constexpr double kTheta = 0.99;
  static constexpr double kAlpha = 1 / (1 - kTheta);
  double n_;
  double zeta_n_ = 0;
  double eta_ = 0;
};

}  // namespace

Dataset::Dataset(uint64_t entry_count, uint64_t seed)
    : entry_count_(entry_count), seed_(Mix(seed)) {
  Require(entry_count >= 1000 && entry_count <= 1'000'000'000, "--n",
          "must be 1,000 to 1,000,000,000");
  Random random(seed_);
  pool_.reserve(kPieces * kValueBytes);
  while (pool_.size() < kPieces * kValueBytes) {
    std::string half(kValueBytes / 2, '\0');
    for (char& c : half) c = char(random.Next());
    pool_ += half + half;
  }
}

std::vector<uint32_t> Dataset::IdsByKey() const {
  std::vector<std::pair<uint64_t, uint32_t>> order(entry_count_);
  for (uint64_t id = 0; id < entry_count_; ++id) {
    order[id] = {Mix(seed_ + id), uint32_t(id)};
  }
  std::sort(order.begin(), order.end());
  std::vector<uint32_t> ids(entry_count_);
  std::transform(order.begin(), order.end(), ids.begin(),
                 [](const auto& entry) { return entry.second; });
  return ids;
}

std::vector<uint32_t> Dataset::ZipfianIds(uint64_t count, uint64_t seed) const {
  const Zipfian zipfian(entry_count_);
  Random random(seed);
  std::vector<uint32_t> ids(count);
  for (uint32_t& id : ids) {
    const double uniform = double(random.Next() >> 11) * 0x1p-53;
    id = uint32_t(Mix(zipfian.Rank(uniform)) % entry_count_);
  }
  return ids;
}

}  // namespace sheaf::bench
