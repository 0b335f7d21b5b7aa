#include "document/merge_change.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "document/compare.h"
#include "document/json_codec.h"
#include "document/language.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

bool IsInteger(const View& v) {
  return v.kind() == Kind::kInt || v.kind() == Kind::kUint;
}

// Two's complement of 64 bits.
uint64_t BitsOf(const View& v) {
  return v.kind() == Kind::kUint ? v.uint_value() : static_cast<uint64_t>(v.int_value());
}

// --- Stamped values and averages ------------------------------------------------

// What last_writer compares: {"at": …, "value": …} and nothing else.
struct Stamped {
  uint64_t at = 0;
  View value;
};
std::optional<Stamped> StampedOf(const View& v) {
  if (v.kind() != Kind::kObject) return std::nullopt;
  const std::optional<View> at = v.Field("at"), value = v.Field("value");
  if (!at.has_value() || !value.has_value() || !IsInteger(*at)) return std::nullopt;
  if (at->kind() == Kind::kInt && at->int_value() < 0) return std::nullopt;
  return Stamped{BitsOf(*at), *value};
}

struct Average {
  double sum = 0;
  int64_t count = 0;
};
std::optional<Average> AverageOf(const View& v) {
  if (v.kind() != Kind::kObject) return std::nullopt;
  const std::optional<View> sum = v.Field("sum"), count = v.Field("count");
  if (!sum.has_value() || !count.has_value() || !sum->is_number()) return std::nullopt;
  if (count->kind() != Kind::kInt || count->int_value() < 0) return std::nullopt;
  return Average{DoubleOf(*sum), count->int_value()};
}
// A number is an average of one value.
std::optional<Average> SampleOf(const View& v) {
  return v.is_number() ? Average{DoubleOf(v), 1} : AverageOf(v);
}

absl::Status WriteLastWriter(const View& operand, const View* old, Writer* out) {
  if (old == nullptr) return out->Copy(operand), absl::OkStatus();
  const std::optional<Stamped> was = StampedOf(*old), is = StampedOf(operand);
  if (!was.has_value()) return FoundInstead("{\"at\": timestamp, \"value\": …}", *old);
  const bool is_later =
      is->at != was->at ? is->at > was->at : Compare(is->value, was->value) > 0;
  return out->Copy(is_later ? operand : *old), absl::OkStatus();
}

absl::Status WriteAverage(const View& operand, const View* old, Writer* out) {
  Average all;
  if (old != nullptr) {
    const std::optional<Average> was = AverageOf(*old);
    if (!was.has_value()) return FoundInstead("{\"sum\": …, \"count\": …}", *old);
    all = *was;
  }
  const std::optional<Average> more = SampleOf(operand);
  all.sum += more->sum;
  if (std::isnan(all.sum))
    return absl::OutOfRangeError("infinity less infinity is no number");
  if (__builtin_add_overflow(all.count, more->count, &all.count))
    return absl::OutOfRangeError("the count is no integer of 64 bits");
  out->BeginObject();
  out->Name("sum");
  out->Double(all.sum);
  out->Name("count");
  out->Int(all.count);
  out->End();
  return absl::OkStatus();
}

// --- Numbers and sequences --------------------------------------------------------

absl::Status WriteSaturating(const View& by, const View* old, Writer* out) {
  if (old != nullptr && old->kind() != Kind::kInt) return FoundInstead("an int64", *old);
  const int64_t a = old == nullptr ? 0 : old->int_value(), b = by.int_value();
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) sum = b < 0 ? INT64_MIN : INT64_MAX;
  out->Int(sum);
  return absl::OkStatus();
}

absl::Status WriteCount(const View* old, Writer* out) {
  if (old != nullptr && old->kind() != Kind::kInt) return FoundInstead("an int64", *old);
  const int64_t count = old == nullptr ? 0 : old->int_value();
  if (count == INT64_MAX)
    return absl::OutOfRangeError("the count is no integer of 64 bits");
  out->Int(count + 1);
  return absl::OkStatus();
}

absl::Status WriteAppended(const View& operand, const View* old, Writer* out) {
  if (old == nullptr) return out->Copy(operand), absl::OkStatus();
  if (old->kind() != operand.kind()) return FoundInstead(NameOf(operand.kind()), *old);
  if (operand.kind() == Kind::kArray) {
    out->BeginArray();
    for (const View* part : {old, &operand})
      for (ArrayCursor c = part->elements(); c.Valid(); c.Next()) out->Copy(c.value());
    out->End();
    return absl::OkStatus();
  }
  std::string both(old->string_value());
  both.append(operand.string_value());
  operand.kind() == Kind::kString ? out->String(both) : out->Bytes(both);
  return absl::OkStatus();
}

// --- Parsing ----------------------------------------------------------------------

// Of the operators that no other does: is `value` what it takes?
absl::Status CheckOperand(MergeOperator op, const View& value) {
  switch (op) {
    case MergeOperator::kAddSaturating:
      return value.kind() == Kind::kInt ? absl::OkStatus() : ExpectedOperand("an int64");
    case MergeOperator::kAppend:
      return value.kind() == Kind::kString || value.kind() == Kind::kBytes ||
                     value.kind() == Kind::kArray
                 ? absl::OkStatus()
                 : ExpectedOperand("text, bytes or an array to append");
    case MergeOperator::kLastWriter:
      return StampedOf(value).has_value()
                 ? absl::OkStatus()
                 : ExpectedOperand(
                       "{\"at\": timestamp, \"value\": …}, the timestamp an integer "
                       "of 0 or more");
    case MergeOperator::kAverage:
      return SampleOf(value).has_value() ? absl::OkStatus()
                                         : ExpectedOperand(
                                               "a number or {\"sum\": …, \"count\": "
                                               "…}");
    default:
      return absl::OkStatus();
  }
}

absl::Status ParseUnion(const View& value, Change* change) {
  if (value.kind() != Kind::kArray)
    return ExpectedOperand("an array of what is to be in it");
  change->op = Op::kAddToSet;
  for (ArrayCursor c = value.elements(); c.Valid(); c.Next())
    change->values.push_back(c.value());
  return absl::OkStatus();
}

// `change` as that of an operator that updates have anyway, if one does the same.
absl::Status ParseOperator(MergeOperator op, const View& value, Change* change) {
  change->operand = value;
  switch (op) {
    case MergeOperator::kAdd:
    case MergeOperator::kAddDouble:
      change->op = Op::kInc;
      return value.is_number() ? absl::OkStatus() : ExpectedOperand("a number");
    case MergeOperator::kMin:
    case MergeOperator::kMinDouble:
    case MergeOperator::kMinBytes:
      change->op = Op::kMin;
      return absl::OkStatus();
    case MergeOperator::kMax:
    case MergeOperator::kMaxDouble:
    case MergeOperator::kMaxBytes:
      change->op = Op::kMax;
      return absl::OkStatus();
    case MergeOperator::kBitOr:
    case MergeOperator::kBitAnd:
    case MergeOperator::kBitXor:
      change->op = Op::kBit;
      change->bits = {{op, value}};
      return IsInteger(value) ? absl::OkStatus() : ExpectedOperand("an integer");
    case MergeOperator::kUnion:
      return ParseUnion(value, change);
    case MergeOperator::kLast:
      change->op = Op::kSet;
      return absl::OkStatus();
    default:
      change->op = Op::kMerge;
      change->merge_operator = op;
      return CheckOperand(op, value);
  }
}

}  // namespace

absl::Status ParseBit(Change* change) {
  constexpr const char* kExpected =
      "{\"or\": integer}, {\"and\": integer} or {\"xor\": integer}";
  const View& operand = change->operand;
  if (operand.kind() != Kind::kObject || !operand.fields().Valid())
    return ExpectedOperand(kExpected);
  for (ObjectCursor c = operand.fields(); c.Valid(); c.Next()) {
    MergeOperator op{};
    if (c.name() == "or")
      op = MergeOperator::kBitOr;
    else if (c.name() == "and")
      op = MergeOperator::kBitAnd;
    else if (c.name() == "xor")
      op = MergeOperator::kBitXor;
    else
      return ExpectedOperand(kExpected);
    if (!IsInteger(c.value())) return ExpectedOperand(kExpected);
    change->bits.emplace_back(op, c.value());
  }
  return absl::OkStatus();
}

absl::Status ParseMerge(const MergeFunctions& functions, Change* change) {
  constexpr const char* kExpected = "{\"fn\": \"name\", \"value\": operand}";
  const View operand = change->operand;
  if (operand.kind() != Kind::kObject) return ExpectedOperand(kExpected);
  for (ObjectCursor c = operand.fields(); c.Valid(); c.Next())
    if (c.name() != "fn" && c.name() != "value") return ExpectedOperand(kExpected);
  const std::optional<View> fn = operand.Field("fn"), value = operand.Field("value");
  if (!fn.has_value() || fn->kind() != Kind::kString) return ExpectedOperand(kExpected);
  const std::string_view name = fn->string_value();
  const absl::StatusOr<MergeOperator> op = MergeOperatorOf(name);
  if (!value.has_value() && !(op.ok() && *op == MergeOperator::kCount))
    return ExpectedOperand(kExpected);
  if (op.ok()) return ParseOperator(*op, value.value_or(View::Null()), change);
  SHEAF_RETURN_IF_ERROR(FindMergeFunction(functions, name).status());
  change->op = Op::kFunction;
  change->operand = *value;
  change->functions = &functions;
  change->function = std::string(name);
  return absl::OkStatus();
}

absl::Status WriteBit(const Change& change, const View* old, Writer* out) {
  if (old != nullptr && !IsInteger(*old)) return FoundInstead("an integer", *old);
  uint64_t bits = old == nullptr ? 0 : BitsOf(*old);
  bool is_unsigned = old != nullptr && old->kind() == Kind::kUint;
  for (const auto& [op, by] : change.bits) {
    const uint64_t more = BitsOf(by);
    is_unsigned = is_unsigned || by.kind() == Kind::kUint;
    bits = op == MergeOperator::kBitOr    ? bits | more
           : op == MergeOperator::kBitAnd ? bits & more
                                          : bits ^ more;
  }
  is_unsigned ? out->Uint(bits) : out->Int(static_cast<int64_t>(bits));
  return absl::OkStatus();
}

absl::Status WriteMerge(const Change& change, const View* old, Writer* out) {
  switch (change.merge_operator) {
    case MergeOperator::kAddSaturating:
      return WriteSaturating(change.operand, old, out);
    case MergeOperator::kCount:
      return WriteCount(old, out);
    case MergeOperator::kAppend:
      return WriteAppended(change.operand, old, out);
    case MergeOperator::kLastWriter:
      return WriteLastWriter(change.operand, old, out);
    case MergeOperator::kAverage:
      return WriteAverage(change.operand, old, out);
    default:
      return absl::InternalError("this merge operator is another operator of updates");
  }
}

absl::StatusOr<std::optional<std::string>> RunFunction(const Change& change,
                                                       std::string_view path,
                                                       const std::optional<View>& old) {
  std::string existing, operand;
  if (old.has_value()) SHEAF_RETURN_IF_ERROR(AppendJson(*old, &existing));
  SHEAF_RETURN_IF_ERROR(AppendJson(change.operand, &operand));
  return MergeValuesBy(
      *change.functions, change.function, path,
      old.has_value() ? std::optional<std::string_view>(existing) : std::nullopt,
      operand);
}

}  // namespace sheaf::document
