// What of Table changes a value by what it was. The writer's turn makes each a whole.
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "pager/status_macros.h"
#include "sheaf/table.h"

namespace sheaf {

using internal::TableState;

namespace {

std::optional<std::string_view> ViewOf(const std::optional<Value>& value) {
  if (!value.has_value()) return std::nullopt;
  return value->view();
}

// What is there keeps its time to expire.
absl::Status PutMerged(const TableState& table, std::string_view key,
                       std::string_view value, bool existed) {
  return table.open->PutExpiring(
      key, value,
      existed ? catalog::ExpiryChange::Keep() : catalog::ExpiryChange::Default());
}

const MergeFunctions& FunctionsOf(const TableState& table) {
  return table.txn->rep->store->options().merge_functions;
}

}  // namespace

absl::Status Table::Merge(std::string_view key, MergeOperator op,
                          std::string_view operand) {
  SHEAF_RETURN_IF_ERROR(internal::CheckHandle(state_.get()));
  const absl::Status fits = CheckMergeType(op, state_->open->record().value_type);
  if (!fits.ok()) return internal::At(state_->name, fits);
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> existing, Find(key));
  const absl::StatusOr<std::string> merged =
      MergeValues(op, key, ViewOf(existing), operand);
  if (!merged.ok()) return internal::At(state_->name, merged.status());
  return PutMerged(*state_, key, *merged, existing.has_value());
}

absl::Status Table::MergeWith(std::string_view key, std::string_view function,
                              std::string_view operand) {
  SHEAF_RETURN_IF_ERROR(internal::CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> existing, Find(key));
  const absl::StatusOr<std::optional<std::string>> merged =
      MergeValuesBy(FunctionsOf(*state_), function, key, ViewOf(existing), operand);
  if (!merged.ok()) return internal::At(state_->name, merged.status());
  if (merged->has_value()) return PutMerged(*state_, key, **merged, existing.has_value());
  return existing.has_value() ? Delete(key).status() : absl::OkStatus();
}

absl::StatusOr<int64_t> Table::Increment(std::string_view key, int64_t by) {
  SHEAF_RETURN_IF_ERROR(internal::CheckHandle(state_.get()));
  const absl::Status fits =
      CheckMergeType(MergeOperator::kAdd, state_->open->record().value_type);
  if (!fits.ok()) return internal::At(state_->name, fits);
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> existing, Find(key));
  const absl::StatusOr<std::string> sum =
      MergeValues(MergeOperator::kAdd, key, ViewOf(existing), MergeValue::Int(by));
  if (!sum.ok()) return internal::At(state_->name, sum.status());
  SHEAF_RETURN_IF_ERROR(PutMerged(*state_, key, *sum, existing.has_value()));
  return *MergeValue::ReadInt(*sum);
}

absl::StatusOr<int64_t> Table::Decrement(std::string_view key, int64_t by) {
  // The lowest int64 has no opposite, so it is taken off in two steps; what comes between
  // does not overflow unless the whole does.
  if (by != INT64_MIN) return Increment(key, -by);
  SHEAF_RETURN_IF_ERROR(internal::CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> existing, Find(key));
  const std::optional<int64_t> old =
      existing.has_value() ? MergeValue::ReadInt(existing->view()) : int64_t{0};
  if (old.has_value() && *old >= 0)
    return internal::At(state_->name,
                        absl::OutOfRangeError(absl::StrCat(
                            "merge add: ", *old, " + 2^63 does not fit an int64")));
  SHEAF_RETURN_IF_ERROR(Increment(key, INT64_MAX).status());
  return Increment(key, 1);
}

absl::StatusOr<bool> Table::CompareAndSet(std::string_view key,
                                          std::optional<std::string_view> expected,
                                          std::optional<std::string_view> desired) {
  SHEAF_RETURN_IF_ERROR(internal::CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> existing, Find(key));
  if (ViewOf(existing) != expected) return false;
  if (desired.has_value()) {
    SHEAF_RETURN_IF_ERROR(PutMerged(*state_, key, *desired, existing.has_value()));
  } else if (existing.has_value()) {
    SHEAF_RETURN_IF_ERROR(Delete(key).status());
  }
  return true;
}

}  // namespace sheaf
