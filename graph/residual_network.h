// ResidualNetwork: what may still flow, and Dinic's algorithm on it.
//
// Each edge is two arcs, mates, one in the row of either end: what flows through one is
// taken from what it may still carry (its residual) and added to its mate's. An arc whose
// residual comes to 0 is full: it does so exactly, since what is taken is the residual of
// some arc, so each step fills one also when doubles round.
//
// Thread-compatible.
#ifndef GRAPH_RESIDUAL_NETWORK_H_
#define GRAPH_RESIDUAL_NETWORK_H_
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/work_meter.h"

namespace sheaf::graph {

class ResidualNetwork {
 public:
  using Node = uint32_t;
  using Arc = uint32_t;
  static constexpr uint64_t kArcsMax = 0xfffffffe;

  static uint64_t BytesOf(uint64_t nodes, uint64_t arcs) {
    return arcs * (2 * sizeof(uint32_t) + sizeof(double)) +
           nodes * (sizeof(uint64_t) + 4 * sizeof(uint32_t));
  }
  // Row of node v: arcs row_begins[v] to row_begins[v + 1], kArcsMax at most in all. The
  // caller sets them. `meter` outlives it.
  ResidualNetwork(std::vector<uint64_t> row_begins, WorkMeter* meter)
      : begins_(std::move(row_begins)),
        meter_(meter),
        heads_(begins_.back()),
        mates_(begins_.back()),
        residuals_(begins_.back(), 0) {}

  Node node_count() const { return static_cast<Node>(begins_.size() - 1); }
  uint64_t RowBegin(Node v) const { return begins_[v]; }
  Node head(Arc a) const { return heads_[a]; }
  double residual(Arc a) const { return residuals_[a]; }
  double mate_residual(Arc a) const { return residuals_[mates_[a]]; }
  void SetHead(uint64_t a, Node head) { heads_[a] = head; }
  void SetResidual(uint64_t a, double residual) { residuals_[a] = residual; }
  void SetMates(uint64_t a, uint64_t b) {
    mates_[a] = static_cast<Arc>(b);
    mates_[b] = static_cast<Arc>(a);
  }

  // Until nothing more flows; returns how much did.
  absl::StatusOr<double> Maximize(Node source, Node target);
  // By node: whether more could flow there from `source`.
  absl::StatusOr<std::vector<bool>> ReachedFrom(Node source);

 private:
  static constexpr uint32_t kFar = 0xffffffff;

  // The number of arcs to the target that are not full, by node, as far as the source.
  absl::Status FindDistances(Node source, Node target);
  // Along arcs that lead nearer, until each such way has a full one.
  absl::StatusOr<double> FillWays(Node source, Node target);
  // Through way_; returns the number of its arcs before the first that is full then.
  size_t Push(double* flow);

  std::vector<uint64_t> begins_;
  WorkMeter* meter_;
  std::vector<Node> heads_;
  std::vector<Arc> mates_;
  std::vector<double> residuals_;
  std::vector<uint32_t> distances_;
  std::vector<uint32_t> next_;  // by node: arcs of its row that were looked at
  std::vector<Node> queue_;
  std::vector<Arc> way_;
};

}  // namespace sheaf::graph
#endif  // GRAPH_RESIDUAL_NETWORK_H_
