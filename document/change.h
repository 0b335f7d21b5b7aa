// Change: what one operator of an update does to the value at one path.
//
// Its views point into the update. Immutable once made.
#ifndef DOCUMENT_CHANGE_H_
#define DOCUMENT_CHANGE_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "catalog/merge.h"
#include "document/binary.h"
#include "document/filter.h"

namespace sheaf::document {

enum class Op : uint8_t {
  kSet,
  kSetOnInsert,
  kUnset,
  kInc,
  kMul,
  kMin,
  kMax,
  kCurrentDate,
  kRename,   // at the old path
  kRenamed,  // at the new one
  kPush,
  kAddToSet,
  kPull,
  kPullAll,
  kPop,
  kBit,
  kMerge,     // by an operator that no other does
  kFunction,  // by one of the application's
};

struct SortKey {
  std::vector<std::string> path;  // empty: the value itself
  bool descending = false;
};

struct Change {
  Op op = Op::kSet;
  View operand;
  std::vector<View> values;  // $push, $addToSet, $pullAll
  std::optional<int64_t> position, slice;
  std::vector<SortKey> sort;
  std::optional<Filter> pulled;                      // $pull of what it describes
  uint32_t renamed_from = 0;                         // the step of the old path
  std::vector<std::pair<MergeOperator, View>> bits;  // $bit, in this order
  MergeOperator merge_operator{};
  const MergeFunctions* functions = nullptr;  // that hold `function`
  std::string function;
};

// Of `change->op` and `change->operand` the rest; $merge becomes what it means. The message
// says what is expected. `functions` outlive the change.
absl::Status ParseChange(const MergeFunctions& functions, Change* change);
// Writes what becomes of `old`, where there is one; of $set… to $currentDate, of the
// arrays' operators, $bit and merge operators. The message says what is expected and what was found.
absl::Status WriteChanged(const Change& change, const View* old, int64_t now_micros,
                          Writer* out);

// What operators refuse: an operand (kInvalidArgument), what there is (kFailedPrecondition).
absl::Status ExpectedOperand(const char* what);
absl::Status FoundInstead(const char* expected, const View& found);
double DoubleOf(const View& number);

struct OpName {
  const char* name;
  Op op;
};
absl::Span<const OpName> UpdateOperators();

}  // namespace sheaf::document
#endif  // DOCUMENT_CHANGE_H_
