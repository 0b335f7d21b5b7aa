#include "catalog/any_tree.h"

#include "absl/strings/str_cat.h"
#include "btree/dense_reader.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {
namespace {

using btree::DenseKey;

absl::StatusOr<DenseKey> NumberOf(std::string_view key) {
  const std::optional<DenseKey> number = DecodeDenseKey(key);
  if (number.has_value()) return *number;
  return absl::InvalidArgumentError(absl::StrCat(
      "key of ", key.size(), " bytes: those of this tree are numbers below 2^53"));
}

}  // namespace

absl::Status AnyTree::CheckDenseKey(std::string_view key) {
  return NumberOf(key).status();
}

absl::Status AnyTree::CheckRecord(std::string_view record) {
  if (!record.empty() && record.size() <= btree::kDenseRecordMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("record of ", record.size(),
                                                 " bytes: 1 to ", btree::kDenseRecordMax,
                                                 " are allowed"));
}

absl::Status AnyTree::PutDense(std::string_view key, std::string_view value,
                               btree::BTree::PutMode mode, bool* existed) {
  SHEAF_ASSIGN_OR_RETURN(const DenseKey number, NumberOf(key));
  if (mode == btree::BTree::PutMode::kInsertOnly) {
    SHEAF_ASSIGN_OR_RETURN(*existed, dense_->Contains(number));
    if (*existed) return absl::OkStatus();
  }
  return dense_->Put(number, value, existed);
}

absl::StatusOr<bool> AnyTree::Delete(std::string_view key) {
  if (!dense_.has_value()) return ordered_.Delete(key);
  SHEAF_ASSIGN_OR_RETURN(const DenseKey number, NumberOf(key));
  return dense_->Delete(number);
}

absl::Status AnyTree::BulkLoad(btree::BTree::NextFn next,
                               absl::FunctionRef<absl::Status(uint64_t)> tick) {
  if (!dense_.has_value()) return ordered_.BulkLoad(next, tick);
  absl::Status wrong;
  const auto next_record = [&](DenseKey* number, std::string_view* record) {
    std::string_view key;
    if (!next(&key, record)) return false;
    const absl::StatusOr<DenseKey> decoded = NumberOf(key);
    wrong = decoded.status();
    if (wrong.ok()) *number = *decoded;
    return wrong.ok();
  };
  SHEAF_RETURN_IF_ERROR(dense_->BulkLoad(next_record, tick));
  if (!wrong.ok()) SHEAF_RETURN_IF_ERROR(dense_->Clear());
  return wrong;
}

absl::StatusOr<bool> AnyTree::Relocate(std::string* from, btree::Relocation* relocation) {
  if (!dense_.has_value()) return ordered_.Relocate(from, relocation);
  DenseKey number = 0;
  if (!from->empty()) {
    SHEAF_ASSIGN_OR_RETURN(number, NumberOf(*from));
  }
  absl::StatusOr<bool> all = dense_->Relocate(&number, relocation);
  if (all.ok() && !*all) *from = EncodeDenseKey(number);
  return all;
}

}  // namespace sheaf::catalog
