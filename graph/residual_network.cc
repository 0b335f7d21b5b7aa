#include "graph/residual_network.h"

#include <algorithm>
#include <limits>

#include "pager/status_macros.h"

namespace sheaf::graph {

absl::StatusOr<double> ResidualNetwork::Maximize(Node source, Node target) {
  distances_.resize(node_count());
  next_.resize(node_count());
  queue_.reserve(node_count());
  way_.reserve(node_count());
  double flow = 0;
  for (;;) {
    SHEAF_RETURN_IF_ERROR(FindDistances(source, target));
    if (distances_[source] == kFar) return flow;
    SHEAF_ASSIGN_OR_RETURN(const double more, FillWays(source, target));
    flow += more;
  }
}

absl::Status ResidualNetwork::FindDistances(Node source, Node target) {
  std::fill(distances_.begin(), distances_.end(), kFar);
  queue_.assign(1, target);
  distances_[target] = 0;
  for (size_t i = 0; i < queue_.size() && distances_[source] == kFar; ++i) {
    const Node v = queue_[i];
    for (uint64_t a = begins_[v]; a < begins_[v + 1]; ++a) {
      const Node w = heads_[a];
      if (distances_[w] != kFar || !(residuals_[mates_[a]] > 0)) continue;
      distances_[w] = distances_[v] + 1;
      queue_.push_back(w);
    }
    SHEAF_RETURN_IF_ERROR(meter_->Add(begins_[v + 1] - begins_[v] + 1));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> ResidualNetwork::FillWays(Node source, Node target) {
  std::fill(next_.begin(), next_.end(), 0);
  way_.clear();
  double flow = 0;
  Node v = source;
  for (;;) {
    if (v == target) {
      SHEAF_RETURN_IF_ERROR(meter_->Add(way_.size()));
      way_.resize(Push(&flow));
      v = way_.empty() ? source : heads_[way_.back()];
      continue;
    }
    const uint64_t end = begins_[v + 1];
    uint64_t a = begins_[v] + next_[v];
    const uint64_t first = a;
    while (a < end && !(residuals_[a] > 0 && distances_[v] == distances_[heads_[a]] + 1))
      ++a;
    next_[v] = static_cast<uint32_t>(a - begins_[v]);
    SHEAF_RETURN_IF_ERROR(meter_->Add(a - first + 1));
    if (a < end) {
      way_.push_back(static_cast<Arc>(a));
      v = heads_[a];
      continue;
    }
    if (way_.empty()) return flow;
    v = heads_[mates_[way_.back()]];
    ++next_[v];  // leads nowhere
    way_.pop_back();
  }
}

size_t ResidualNetwork::Push(double* flow) {
  double most = std::numeric_limits<double>::infinity();
  for (Arc a : way_) most = std::min(most, residuals_[a]);
  size_t first_full = way_.size();
  for (size_t i = way_.size(); i-- > 0;) {
    const Arc a = way_[i];
    residuals_[a] -= most;
    residuals_[mates_[a]] += most;
    if (!(residuals_[a] > 0)) first_full = i;
  }
  *flow += most;
  return first_full;
}

absl::StatusOr<std::vector<bool>> ResidualNetwork::ReachedFrom(Node source) {
  std::vector<bool> reached(node_count());
  reached[source] = true;
  queue_.assign(1, source);
  for (size_t i = 0; i < queue_.size(); ++i) {
    const Node v = queue_[i];
    for (uint64_t a = begins_[v]; a < begins_[v + 1]; ++a) {
      if (reached[heads_[a]] || !(residuals_[a] > 0)) continue;
      reached[heads_[a]] = true;
      queue_.push_back(heads_[a]);
    }
    SHEAF_RETURN_IF_ERROR(meter_->Add(begins_[v + 1] - begins_[v] + 1));
  }
  return reached;
}

}  // namespace sheaf::graph
