// What of Graph changes the weight of an edge by what it was.
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/graph_state.h"
#include "api/internal/handles.h"
#include "pager/status_macros.h"
#include "sheaf/graph.h"

namespace sheaf {

namespace {

bool IsOfWeights(MergeOperator op) {
  return op == MergeOperator::kAddDouble || op == MergeOperator::kMinDouble ||
         op == MergeOperator::kMaxDouble || op == MergeOperator::kLast;
}

// A weight as merge operators and functions see it.
std::optional<std::string> ToBytes(std::optional<double> weight) {
  if (!weight.has_value()) return std::nullopt;
  return MergeValue::Double(*weight);
}

absl::StatusOr<double> ToWeight(std::string_view bytes) {
  const std::optional<double> weight = MergeValue::ReadDouble(bytes);
  if (weight.has_value()) return *weight;
  return absl::InvalidArgumentError(absl::StrCat(
      "the merge function returned ", bytes.size(),
      " bytes; a weight is a double of 8, and a number: MergeValue::Double"));
}

}  // namespace

absl::StatusOr<std::optional<double>> Graph::ChangeWeight(const EdgeId& edge,
                                                          WeightFn fn) {
  SHEAF_RETURN_IF_ERROR(internal::CheckHandle(state_.get()));
  const absl::StatusOr<StoredEdge> stored = FindStored(edge);
  const bool is_new = absl::IsNotFound(stored.status()) && edge.ordinal == 0;
  if (!stored.ok() && !is_new) return stored.status();
  const absl::StatusOr<std::optional<double>> weight =
      fn(is_new ? std::nullopt : std::optional<double>(stored->weight));
  if (!weight.ok()) return internal::At(name(), weight.status());
  if (weight->has_value() && !std::isfinite(**weight))
    return absl::OutOfRangeError(absl::StrCat(name(), ": the weight would be ", **weight,
                                              ", which is not finite"));
  if (!is_new) {
    SHEAF_RETURN_IF_ERROR(weight->has_value() ? SetWeight(edge, **weight)
                                              : DeleteEdge(edge).status());
    return weight;
  }
  if (!weight->has_value()) return weight;
  SHEAF_ASSIGN_OR_RETURN(const EdgeId added,
                         AddEdge(edge.from, edge.type, edge.to, **weight));
  if (added.ordinal == 0) return weight;
  SHEAF_RETURN_IF_ERROR(DeleteEdge(added).status());
  return absl::NotFoundError(
      absl::StrCat(name(), ": no edge ", edge.from, " -", edge.type, "-> ", edge.to,
                   " (0), though there are others: name one of them by its ordinal"));
}

absl::StatusOr<double> Graph::MergeEdgeWeight(const EdgeId& edge, MergeOperator op,
                                              double operand) {
  const bool counts = op == MergeOperator::kCount;
  if (!counts && !IsOfWeights(op))
    return absl::InvalidArgumentError(absl::StrCat(
        name(),
        ": weights are merged by add_double, min_double, max_double, count or "
        "last, not by ",
        std::string(NameOf(op))));
  const auto merge =
      [&](std::optional<double> weight) -> absl::StatusOr<std::optional<double>> {
    const std::optional<std::string> existing = ToBytes(weight);
    SHEAF_ASSIGN_OR_RETURN(
        const std::string merged,
        MergeValues(counts ? MergeOperator::kAddDouble : op, edge.type, existing,
                    MergeValue::Double(counts ? 1 : operand)));
    SHEAF_ASSIGN_OR_RETURN(const double fresh, ToWeight(merged));
    return std::optional<double>(fresh);
  };
  SHEAF_ASSIGN_OR_RETURN(const std::optional<double> fresh, ChangeWeight(edge, merge));
  return *fresh;
}

absl::StatusOr<std::optional<double>> Graph::MergeEdgeWeightWith(
    const EdgeId& edge, std::string_view function, double operand) {
  SHEAF_RETURN_IF_ERROR(internal::CheckHandle(state_.get()));
  const MergeFunctions& functions =
      state_->tree->txn->rep->store->options().merge_functions;
  const auto merge =
      [&](std::optional<double> weight) -> absl::StatusOr<std::optional<double>> {
    const std::optional<std::string> existing = ToBytes(weight);
    SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string> merged,
                           MergeValuesBy(functions, function, edge.type, existing,
                                         MergeValue::Double(operand)));
    if (!merged.has_value()) return std::optional<double>();
    SHEAF_ASSIGN_OR_RETURN(const double fresh, ToWeight(*merged));
    return std::optional<double>(fresh);
  };
  return ChangeWeight(edge, merge);
}

}  // namespace sheaf
