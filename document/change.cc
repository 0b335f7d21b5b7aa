#include "document/change.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "document/compare.h"
#include "document/json_codec.h"
#include "document/language.h"
#include "document/merge_change.h"
#include "pager/status_macros.h"

namespace sheaf::document {

absl::Status ExpectedOperand(const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", what));
}

absl::Status FoundInstead(const char* expected, const View& found) {
  return absl::FailedPreconditionError(
      absl::StrCat("expected ", expected, ", found ", NameOf(found.kind())));
}

double DoubleOf(const View& v) {
  if (v.kind() == Kind::kDouble) return v.double_value();
  return v.kind() == Kind::kUint ? static_cast<double>(v.uint_value())
                                 : static_cast<double>(v.int_value());
}

namespace {

constexpr OpName kOperators[] = {
    {"$set", Op::kSet},         {"$setOnInsert", Op::kSetOnInsert},
    {"$unset", Op::kUnset},     {"$inc", Op::kInc},
    {"$mul", Op::kMul},         {"$min", Op::kMin},
    {"$max", Op::kMax},         {"$currentDate", Op::kCurrentDate},
    {"$rename", Op::kRename},   {"$push", Op::kPush},
    {"$pull", Op::kPull},       {"$addToSet", Op::kAddToSet},
    {"$pullAll", Op::kPullAll}, {"$pop", Op::kPop},
    {"$bit", Op::kBit},         {"$merge", Op::kMerge},
};

// --- Parsing ----------------------------------------------------------------

// An integer, also one that is written as a double.
std::optional<int64_t> Integer(const View& v) {
  const std::optional<int64_t> integer = ToInteger(v);
  if (v.kind() != Kind::kDouble || !integer.has_value()) return integer;
  return static_cast<double>(*integer) == v.double_value() ? integer : std::nullopt;
}

bool IsSign(const View& v) {
  const std::optional<int64_t> sign = Integer(v);
  return sign == 1 || sign == -1;
}

absl::Status ParseValues(const View& array, const char* expected, Change* change) {
  if (array.kind() != Kind::kArray) return ExpectedOperand(expected);
  for (ArrayCursor c = array.elements(); c.Valid(); c.Next())
    change->values.push_back(c.value());
  return absl::OkStatus();
}

absl::Status ParseSort(const View& sort, Change* change) {
  constexpr const char* kExpected = "1, -1 or {\"path\": 1} behind $sort";
  if (IsSign(sort)) {
    change->sort.push_back({{}, *Integer(sort) < 0});
    return absl::OkStatus();
  }
  if (sort.kind() != Kind::kObject || !sort.fields().Valid())
    return ExpectedOperand(kExpected);
  for (ObjectCursor c = sort.fields(); c.Valid(); c.Next()) {
    if (!IsSign(c.value())) return ExpectedOperand(kExpected);
    change->sort.push_back(
        {absl::StrSplit(std::string(c.name()), '.'), *Integer(c.value()) < 0});
  }
  return absl::OkStatus();
}

// $push and $addToSet: a value, or $each with what else $push knows.
absl::Status ParseAdded(Change* change) {
  const View operand = change->operand;
  if (!HasOperators(operand)) {
    change->values.push_back(operand);
    return absl::OkStatus();
  }
  for (ObjectCursor c = operand.fields(); c.Valid(); c.Next()) {
    if (c.name() == "$each") {
      SHEAF_RETURN_IF_ERROR(
          ParseValues(c.value(), "an array of values behind $each", change));
    } else if (change->op == Op::kAddToSet) {
      return ExpectedOperand("nothing beside $each");
    } else if (c.name() == "$sort") {
      SHEAF_RETURN_IF_ERROR(ParseSort(c.value(), change));
    } else if (c.name() == "$position" || c.name() == "$slice") {
      const std::optional<int64_t> number = Integer(c.value());
      if (!number.has_value())
        return ExpectedOperand("integers behind $position and $slice");
      (c.name() == "$slice" ? change->slice : change->position) = number;
    } else {
      return UnknownOperator("$push", c.name(),
                             {"$each", "$position", "$sort", "$slice"});
    }
  }
  return operand.Field("$each").has_value() ? absl::OkStatus()
                                            : ExpectedOperand("$each beside the others");
}

absl::Status ParsePull(Change* change) {
  if (change->operand.kind() != Kind::kObject) return absl::OkStatus();
  std::string json;
  SHEAF_RETURN_IF_ERROR(AppendJson(change->operand, &json));
  SHEAF_ASSIGN_OR_RETURN(change->pulled, Filter::ParseElement(json));
  return absl::OkStatus();
}

absl::Status ParseCurrentDate(const View& operand) {
  if (operand.kind() == Kind::kBool && operand.bool_value()) return absl::OkStatus();
  const std::optional<View> type = operand.Field("$type");
  const bool is_date =
      type.has_value() && type->kind() == Kind::kString && type->string_value() == "date";
  return is_date ? absl::OkStatus() : ExpectedOperand("true or {\"$type\": \"date\"}");
}

// --- Numbers ----------------------------------------------------------------

using Wide = __int128;

Wide WideOf(const View& v) {
  return v.kind() == Kind::kUint ? Wide{v.uint_value()} : Wide{v.int_value()};
}

absl::Status WriteNumber(const Change& change, const View* old, Writer* out) {
  const bool adds = change.op == Op::kInc;
  const View& by = change.operand;
  if (old == nullptr) {
    if (adds)
      out->Copy(by);
    else if (by.kind() == Kind::kDouble)
      out->Double(0);
    else
      out->Int(0);
    return absl::OkStatus();
  }
  if (!old->is_number()) return FoundInstead("a number", *old);
  if (old->kind() == Kind::kDouble || by.kind() == Kind::kDouble) {
    const double a = DoubleOf(*old), b = DoubleOf(by);
    out->Double(adds ? a + b : a * b);
    return absl::OkStatus();
  }
  Wide result = 0;
  const bool overflows = adds ? __builtin_add_overflow(WideOf(*old), WideOf(by), &result)
                              : __builtin_mul_overflow(WideOf(*old), WideOf(by), &result);
  if (overflows || result < INT64_MIN || result > UINT64_MAX)
    return absl::FailedPreconditionError(
        "the result is no integer of 64 bits; a double as operand makes it a double");
  if (result < 0)
    out->Int(static_cast<int64_t>(result));
  else
    out->Uint(static_cast<uint64_t>(result));
  return absl::OkStatus();
}

// --- Arrays -----------------------------------------------------------------

struct HashOf {
  size_t operator()(const View& v) const { return Hash(v); }
};
struct Equal {
  bool operator()(const View& a, const View& b) const { return Compare(a, b) == 0; }
};
using Values = absl::flat_hash_set<View, HashOf, Equal>;

absl::StatusOr<std::vector<View>> ElementsOf(const View* array) {
  std::vector<View> elements;
  if (array == nullptr) return elements;
  if (array->kind() != Kind::kArray) return FoundInstead("an array", *array);
  for (ArrayCursor c = array->elements(); c.Valid(); c.Next()) {
    if (c.value().is_damaged())
      return absl::DataLossError("stored document: an element is damaged");
    elements.push_back(c.value());
  }
  return elements;
}

View KeyOf(const View& value, const SortKey& key) {
  View at = value;
  for (const std::string& name : key.path) at = at.Field(name).value_or(View::Null());
  return at;
}

void Sort(const std::vector<SortKey>& keys, std::vector<View>* elements) {
  const auto is_before = [&](const View& a, const View& b) {
    for (const SortKey& key : keys) {
      const std::weak_ordering order = Compare(KeyOf(a, key), KeyOf(b, key));
      if (order != 0) return key.descending ? order > 0 : order < 0;
    }
    return false;
  };
  std::stable_sort(elements->begin(), elements->end(), is_before);
}

void Push(const Change& change, std::vector<View>* elements) {
  auto size = static_cast<int64_t>(elements->size());
  int64_t position = change.position.value_or(size);
  if (position < 0) position = std::max<int64_t>(position, -size) + size;
  elements->insert(elements->begin() + std::min(position, size), change.values.begin(),
                   change.values.end());
  if (!change.sort.empty()) Sort(change.sort, elements);
  if (!change.slice.has_value()) return;
  size = static_cast<int64_t>(elements->size());
  const int64_t slice = std::clamp(*change.slice, -size, size);
  if (slice < 0)
    elements->erase(elements->begin(), elements->end() + slice);
  else
    elements->resize(static_cast<size_t>(slice));
}

void AddToSet(const Change& change, std::vector<View>* elements) {
  Values missing(change.values.begin(), change.values.end());
  for (const View& element : *elements) missing.erase(element);
  for (const View& value : change.values)
    if (missing.erase(value) > 0) elements->push_back(value);
}

void Pull(const Change& change, std::vector<View>* elements) {
  if (change.op == Op::kPullAll) {
    const Values values(change.values.begin(), change.values.end());
    std::erase_if(*elements, [&](const View& v) { return values.contains(v); });
    return;
  }
  std::erase_if(*elements, [&](const View& v) {
    return change.pulled.has_value() ? change.pulled->Matches(v)
                                     : Compare(v, change.operand) == 0;
  });
}

absl::Status WriteArray(const Change& change, const View* old, Writer* out) {
  SHEAF_ASSIGN_OR_RETURN(std::vector<View> elements, ElementsOf(old));
  if (change.op == Op::kPush)
    Push(change, &elements);
  else if (change.op == Op::kAddToSet)
    AddToSet(change, &elements);
  else if (change.op != Op::kPop)
    Pull(change, &elements);
  else if (!elements.empty())
    elements.erase(*Integer(change.operand) < 0 ? elements.begin() : elements.end() - 1);
  out->BeginArray();
  for (const View& element : elements) out->Copy(element);
  out->End();
  return absl::OkStatus();
}

}  // namespace

absl::Span<const OpName> UpdateOperators() { return kOperators; }

absl::Status ParseChange(const MergeFunctions& functions, Change* change) {
  switch (change->op) {
    case Op::kInc:
    case Op::kMul:
      return change->operand.is_number() ? absl::OkStatus() : ExpectedOperand("a number");
    case Op::kCurrentDate:
      return ParseCurrentDate(change->operand);
    case Op::kRename:
      return change->operand.kind() == Kind::kString ? absl::OkStatus()
                                                     : ExpectedOperand("the new path");
    case Op::kPush:
    case Op::kAddToSet:
      return ParseAdded(change);
    case Op::kPull:
      return ParsePull(change);
    case Op::kPullAll:
      return ParseValues(change->operand, "an array of values", change);
    case Op::kBit:
      return ParseBit(change);
    case Op::kMerge:
      return ParseMerge(functions, change);
    case Op::kPop:
      return IsSign(change->operand) ? absl::OkStatus()
                                     : ExpectedOperand("1 (the last) or -1 (the first)");
    default:
      return absl::OkStatus();
  }
}

absl::Status WriteChanged(const Change& change, const View* old, int64_t now_micros,
                          Writer* out) {
  const View& operand = change.operand;
  switch (change.op) {
    case Op::kInc:
    case Op::kMul:
      return WriteNumber(change, old, out);
    case Op::kMin:
      out->Copy(old == nullptr || Compare(operand, *old) < 0 ? operand : *old);
      return absl::OkStatus();
    case Op::kMax:
      out->Copy(old == nullptr || Compare(operand, *old) > 0 ? operand : *old);
      return absl::OkStatus();
    case Op::kCurrentDate:
      out->Timestamp(now_micros);
      return absl::OkStatus();
    case Op::kPush:
    case Op::kAddToSet:
    case Op::kPull:
    case Op::kPullAll:
    case Op::kPop:
      return WriteArray(change, old, out);
    case Op::kBit:
      return WriteBit(change, old, out);
    case Op::kMerge:
      return WriteMerge(change, old, out);
    default:
      out->Copy(operand);
      return absl::OkStatus();
  }
}

}  // namespace sheaf::document
