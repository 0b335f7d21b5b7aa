// Merges in batches, and what of Database is a batch of one merge.
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "api/internal/batch_merges.h"
#include "api/internal/handles.h"
#include "catalog/expiry.h"
#include "catalog/tree_view.h"
#include "pager/status_macros.h"
#include "sheaf/database.h"

namespace sheaf {

void WriteBatch::Merge(std::string_view table, std::string_view key, MergeOperator op,
                       std::string_view operand) {
  Op& added = ops_.emplace_back(
      Op{std::string(table), std::string(key), std::string(operand), false, 0});
  added.merging = Op::Merging::kByOperator;
  added.merge_operator = op;
  merges_ = true;
}

void WriteBatch::MergeWith(std::string_view table, std::string_view key,
                           std::string_view function, std::string_view operand) {
  Op& added = ops_.emplace_back(
      Op{std::string(table), std::string(key), std::string(operand), false, 0});
  added.merging = Op::Merging::kByFunction;
  added.function = std::string(function);
  merges_ = true;
}

void WriteBatch::Require(std::string_view table, std::string_view key,
                         std::optional<std::string_view> expected) {
  Op& added = ops_.emplace_back(Op{std::string(table), std::string(key),
                                   std::string(expected.value_or("")), false, 0});
  added.merging = Op::Merging::kRequired;
  added.expects_none = !expected.has_value();
  merges_ = true;
}

namespace internal {
namespace {

// A value as it is before a batch. The views are good until the next look-up.
class OldValue {
 public:
  absl::StatusOr<std::optional<std::string_view>> Find(catalog::WriteTxn* txn,
                                                       catalog::OpenTree* tree,
                                                       std::string_view key) {
    if (tree == nullptr) return std::nullopt;
    found_ = btree::Found();
    SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree->expiries());
    if (expiries != nullptr) {
      SHEAF_ASSIGN_OR_RETURN(const bool hidden, expiries->IsHidden(key));
      if (hidden) return std::nullopt;
    }
    view_.emplace(txn, tree);
    SHEAF_RETURN_IF_ERROR(view_->reader().Find(key, &found_));
    if (!found_.found) return std::nullopt;
    std::string_view value;
    SHEAF_RETURN_IF_ERROR(view_->ValueOf(found_, &buffer_, &value));
    return value;
  }

 private:
  std::optional<catalog::TreeView> view_;
  btree::Found found_;
  std::string buffer_;
};

absl::Status CheckResult(const catalog::OpenTree* tree, const Options& options,
                         uint64_t bytes) {
  if (bytes > kValueBytesMax)
    return absl::InvalidArgumentError(
        absl::StrCat("value of ", bytes, " bytes: ", kValueBytesMax, " are allowed"));
  const bool compresses = tree != nullptr
                              ? tree->record().compression.encoded
                              : options.compression.kind != CompressionKind::kNone;
  return compresses ? catalog::CheckEncodable(bytes) : absl::OkStatus();
}

}  // namespace

bool BatchMerges::Changes(const WriteBatch& batch, size_t i) {
  return batch.ops_[i].merging != WriteBatch::Op::Merging::kRequired;
}

std::optional<std::string_view> BatchMerges::ValueOf(const WriteBatch& batch,
                                                     size_t i) const {
  const WriteBatch::Op& op = batch.ops_[i];
  if (op.merging != WriteBatch::Op::Merging::kNone) return results[i];
  if (op.is_delete) return std::nullopt;
  return op.value;
}

absl::StatusOr<std::optional<std::string>> BatchMerges::Merged(
    const MergeFunctions& functions, const WriteBatch& batch, size_t i,
    std::optional<std::string_view> existing) {
  const WriteBatch::Op& op = batch.ops_[i];
  if (op.merging == WriteBatch::Op::Merging::kByFunction)
    return MergeValuesBy(functions, op.function, op.key, existing, op.value);
  if (op.merging == WriteBatch::Op::Merging::kByOperator) {
    SHEAF_ASSIGN_OR_RETURN(std::string merged,
                           MergeValues(op.merge_operator, op.key, existing, op.value));
    return std::optional<std::string>(std::move(merged));
  }
  const bool is_as_required =
      op.expects_none ? !existing.has_value() : existing == std::string_view(op.value);
  if (is_as_required) return std::optional<std::string>();
  return absl::AbortedError(
      !existing.has_value() ? "there is no value, and the batch requires one"
      : op.expects_none     ? "there is a value, and the batch requires none"
                            : "the value is not the one that the batch requires");
}

absl::Status BatchMerges::Compute(catalog::WriteTxn* txn, const Options& options,
                                  const WriteBatch& batch) {
  const size_t size = batch.ops_.size();
  results.assign(size, std::nullopt);
  using Place = std::pair<std::string_view, std::string_view>;  // table, key
  absl::flat_hash_map<Place, size_t> changed_by;                // earlier in the batch
  OldValue old;
  for (size_t i = 0; i < size; ++i) {
    const WriteBatch::Op& op = batch.ops_[i];
    if (op.merging != WriteBatch::Op::Merging::kNone) {
      SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const tree, txn->FindTree(op.table));
      if (op.merging == WriteBatch::Op::Merging::kByOperator && tree != nullptr) {
        const absl::Status fits =
            CheckMergeType(op.merge_operator, tree->record().value_type);
        if (!fits.ok()) return At(op.table, fits);
      }
      std::optional<std::string_view> existing;
      const auto earlier =
          size > 1 ? changed_by.find({op.table, op.key}) : changed_by.end();
      if (earlier != changed_by.end()) {
        existing = ValueOf(batch, earlier->second);
      } else {
        SHEAF_ASSIGN_OR_RETURN(existing, old.Find(txn, tree, op.key));
      }
      absl::StatusOr<std::optional<std::string>> merged =
          Merged(options.merge_functions, batch, i, existing);
      if (!merged.ok()) return At(op.table, merged.status());
      results[i] = *std::move(merged);
      if (results[i].has_value()) {
        const absl::Status fits = CheckResult(tree, options, results[i]->size());
        if (!fits.ok()) return At(op.table, fits);
      }
    }
    if (size > 1 && Changes(batch, i)) changed_by[{op.table, op.key}] = i;
  }
  return absl::OkStatus();
}

}  // namespace internal

absl::StatusOr<int64_t> Database::Increment(std::string_view table, std::string_view key,
                                            int64_t by, const WriteOptions& options) {
  WriteBatch batch;
  batch.Merge(table, key, MergeOperator::kAdd, MergeValue::Int(by));
  internal::BatchMerges merges;
  SHEAF_RETURN_IF_ERROR(Apply(batch, options, &merges));
  return *MergeValue::ReadInt(*merges.results[0]);
}

absl::StatusOr<bool> Database::CompareAndSet(std::string_view table, std::string_view key,
                                             std::optional<std::string_view> expected,
                                             std::optional<std::string_view> desired,
                                             const WriteOptions& options) {
  WriteBatch batch;
  batch.Require(table, key, expected);
  if (desired.has_value())
    batch.Put(table, key, *desired);
  else
    batch.Delete(table, key);
  const absl::Status applied = Apply(batch, options);
  if (absl::IsAborted(applied)) return false;
  SHEAF_RETURN_IF_ERROR(applied);
  return true;
}

}  // namespace sheaf
