#include "bench/vectors/sweep.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/engine.h"  // Require
#include "bench/vectors/exact.h"

namespace sheaf::bench::vectors {
namespace {

constexpr uint32_t kBreadthMax = 4096;
// So many steps, which are 2.5 times the breadth, that find no more than this in addition
// are the last: what codes cannot tell apart no breadth will.
constexpr size_t kPlateauSteps = 6;
constexpr double kPlateau = 0.002;

// Steps of about a sixth: small enough for straight lines between them.
uint32_t Next(uint32_t breadth) { return breadth + std::max(breadth / 6, 2u); }

}  // namespace

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double CallsPerSecond(double seconds, absl::FunctionRef<void()> fn) {
  double begin = Now();
  fn();
  const double first = Now() - begin;
  if (first > 2 * seconds) return 1 / first;
  int calls = 0;
  begin = Now();
  do {
    fn(), ++calls;
  } while (Now() - begin < seconds);
  return calls / (Now() - begin);
}

std::string FilterName(const Truth& truth) {
  return absl::StrCat(double(truth.bound) * 100 / kBounds);
}

Sweep::Sweep(const IndexOptions& options, const Truth& truth, double recall_max,
             Full full, SearchFn search)
    : seconds_(options.seconds),
      query_count_(truth.distances.size()),
      search_(std::move(search)) {
  const Dataset& data = *options.data;
  for (uint32_t breadth = kNeighbours; breadth <= kBreadthMax; breadth = Next(breadth)) {
    Found found(query_count_ * kNeighbours, kNone);
    search_(breadth, 1, &found);
    if (full == Full::kRequired)
      Require(std::find(found.begin(), found.end(), kNone) == found.end(),
              absl::StrCat("filter of ", FilterName(truth), " %"), "finds too few");
    const double recall = RecallOf(data, truth, found);
    points_.push_back({breadth, recall});
    if (recall >= recall_max) break;
    if (points_.size() > kPlateauSteps &&
        recall - points_[points_.size() - 1 - kPlateauSteps].recall < kPlateau)
      break;
  }
}

std::optional<size_t> Sweep::PointAt(double recall) const {
  for (size_t i = 0; i < points_.size(); ++i)
    if (points_[i].recall >= recall) return i;
  return std::nullopt;
}

double Sweep::SecondsOf(size_t point, int threads) {
  const auto [at, is_new] = seconds_of_.try_emplace({point, threads}, 0);
  if (!is_new) return at->second;
  Found found(query_count_ * kNeighbours, kNone);
  const double passes =
      CallsPerSecond(seconds_, [&] { search_(points_[point].breadth, threads, &found); });
  return at->second = 1 / (passes * double(query_count_));
}

std::optional<double> Sweep::RateAt(double recall, int threads) {
  const std::optional<size_t> above = PointAt(recall);
  if (!above.has_value()) return std::nullopt;
  const double seconds = SecondsOf(*above, threads);
  if (*above == 0) return 1 / seconds;
  const double seconds_below = SecondsOf(*above - 1, threads);
  const double recall_below = points_[*above - 1].recall;
  const double share = (recall - recall_below) / (points_[*above].recall - recall_below);
  return 1 / (seconds_below + share * (seconds - seconds_below));
}

std::optional<uint32_t> Sweep::BreadthAt(double recall) const {
  const std::optional<size_t> point = PointAt(recall);
  if (!point.has_value()) return std::nullopt;
  return points_[*point].breadth;
}

}  // namespace sheaf::bench::vectors
