#include "catalog/merge.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <exception>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

constexpr size_t kNumberBytes = 8, kAverageBytes = 16;
constexpr size_t kKeyShownMax = 64;

struct Named {
  MergeOperator op;
  const char* name;
};
constexpr Named kNames[] = {
    {MergeOperator::kAdd, "add"},
    {MergeOperator::kAddSaturating, "add_saturating"},
    {MergeOperator::kMin, "min"},
    {MergeOperator::kMax, "max"},
    {MergeOperator::kCount, "count"},
    {MergeOperator::kAddDouble, "add_double"},
    {MergeOperator::kMinDouble, "min_double"},
    {MergeOperator::kMaxDouble, "max_double"},
    {MergeOperator::kMinBytes, "min_bytes"},
    {MergeOperator::kMaxBytes, "max_bytes"},
    {MergeOperator::kBitOr, "bit_or"},
    {MergeOperator::kBitAnd, "bit_and"},
    {MergeOperator::kBitXor, "bit_xor"},
    {MergeOperator::kAppend, "append"},
    {MergeOperator::kUnion, "union"},
    {MergeOperator::kLastWriter, "last_writer"},
    {MergeOperator::kAverage, "average"},
    {MergeOperator::kLast, "last"},
};

std::string Shown(std::string_view key) {
  const std::string text = absl::CHexEscape(std::string(key.substr(0, kKeyShownMax)));
  return absl::StrCat("\"", text, key.size() > kKeyShownMax ? "…" : "", "\"");
}

// What is merged, for the operators and for messages about it.
struct Task {
  MergeOperator op;
  std::string_view key;
  std::optional<std::string_view> existing;
  std::string_view operand;

  std::string Prefix() const {
    return absl::StrCat("merge ", std::string(NameOf(op)), " of ", Shown(key), ": ");
  }
  absl::Status WrongOperand(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(Prefix(), "the operand of ",
                                                   operand.size(), " bytes is not ",
                                                   std::string(what)));
  }
  absl::Status WrongValue(std::string_view what) const {
    return absl::FailedPreconditionError(
        absl::StrCat(Prefix(), "the value that is there, of ", existing->size(),
                     " bytes, is not ", std::string(what)));
  }
  absl::Status TooLarge(std::string_view what) const {
    return absl::OutOfRangeError(absl::StrCat(Prefix(), std::string(what)));
  }
};

using Result = absl::StatusOr<std::string>;

// Both as `read` has them: MergeValue::ReadInt and its like.
template <class T>
struct Operands {
  std::optional<T> existing;
  T operand;
};
template <class T>
absl::StatusOr<Operands<T>> Read(const Task& task,
                                 std::optional<T> (*read)(std::string_view),
                                 std::string_view what) {
  Operands<T> both;
  std::optional<T> operand = read(task.operand);
  if (!operand.has_value()) return task.WrongOperand(what);
  both.operand = *std::move(operand);
  if (!task.existing.has_value()) return both;
  both.existing = read(*task.existing);
  if (!both.existing.has_value()) return task.WrongValue(what);
  return both;
}

// --- Integers -----------------------------------------------------------------

Result Added(const Task& task, int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return MergeValue::Int(sum);
  if (task.op == MergeOperator::kAddSaturating)
    return MergeValue::Int(b < 0 ? INT64_MIN : INT64_MAX);
  return task.TooLarge(absl::StrCat(a, b < 0 ? " - " : " + ",
                                    b < 0 ? 0 - static_cast<uint64_t>(b) : b,
                                    " does not fit an int64; it stays ", a));
}

Result Integers(const Task& task) {
  SHEAF_ASSIGN_OR_RETURN(const Operands<int64_t> v,
                         Read(task, MergeValue::ReadInt, "an int64 of 8"));
  if (task.op == MergeOperator::kMin)
    return MergeValue::Int(std::min(v.existing.value_or(v.operand), v.operand));
  if (task.op == MergeOperator::kMax)
    return MergeValue::Int(std::max(v.existing.value_or(v.operand), v.operand));
  return Added(task, v.existing.value_or(0), v.operand);
}

Result Counted(const Task& task) {
  if (!task.existing.has_value()) return MergeValue::Int(1);
  const std::optional<int64_t> count = MergeValue::ReadInt(*task.existing);
  if (!count.has_value()) return task.WrongValue("an int64 of 8");
  return Added(task, *count, 1);
}

// --- Doubles ------------------------------------------------------------------

// -0.0 is below 0.0, so that the order of operands does not matter.
bool IsBelow(double a, double b) {
  return a < b || (a == b && std::signbit(a) && !std::signbit(b));
}

Result Doubles(const Task& task) {
  SHEAF_ASSIGN_OR_RETURN(
      const Operands<double> v,
      Read(task, MergeValue::ReadDouble, "a double of 8, or is no number (NaN)"));
  if (task.op == MergeOperator::kAddDouble) {
    const double sum = v.existing.value_or(0) + v.operand;
    if (std::isnan(sum)) return task.TooLarge("infinity less infinity is no number");
    return MergeValue::Double(sum);
  }
  if (!v.existing.has_value()) return std::string(task.operand);
  const bool takes_operand = task.op == MergeOperator::kMinDouble
                                 ? IsBelow(v.operand, *v.existing)
                                 : IsBelow(*v.existing, v.operand);
  return std::string(takes_operand ? task.operand : *task.existing);
}

// An operand may be a single value as well.
std::optional<std::pair<double, int64_t>> ReadSample(std::string_view bytes) {
  if (bytes.size() != kNumberBytes) return MergeValue::ReadAverage(bytes);
  const std::optional<double> value = MergeValue::ReadDouble(bytes);
  if (!value.has_value()) return std::nullopt;
  return std::pair(*value, int64_t{1});
}

Result Averaged(const Task& task) {
  constexpr std::string_view kWhat =
      "a sum and a count of 0 or more, a double and an int64, of 16";
  const auto operand = ReadSample(task.operand);
  if (!operand.has_value())
    return task.WrongOperand(absl::StrCat(std::string(kWhat), ", nor a double of 8"));
  std::pair<double, int64_t> all(0, 0);
  if (task.existing.has_value()) {
    const auto existing = MergeValue::ReadAverage(*task.existing);
    if (!existing.has_value()) return task.WrongValue(kWhat);
    all = *existing;
  }
  all.first += operand->first;
  if (std::isnan(all.first)) return task.TooLarge("infinity less infinity is no number");
  if (__builtin_add_overflow(all.second, operand->second, &all.second))
    return task.TooLarge("the count does not fit an int64");
  return MergeValue::Average(all.first, all.second);
}

// --- Bytes --------------------------------------------------------------------

Result Bytes(const Task& task) {
  if (!task.existing.has_value()) return std::string(task.operand);
  const std::string_view a = *task.existing, b = task.operand;
  switch (task.op) {
    case MergeOperator::kMinBytes:
      return std::string(std::min(a, b));
    case MergeOperator::kMaxBytes:
      return std::string(std::max(a, b));
    case MergeOperator::kAppend:
      return std::string(a).append(b);
    default:
      return std::string(b);
  }
}

Result Bits(const Task& task) {
  if (!task.existing.has_value()) return std::string(task.operand);
  const std::string_view a = *task.existing, b = task.operand;
  std::string result(std::max(a.size(), b.size()), '\0');
  for (size_t i = 0; i < result.size(); ++i) {
    const unsigned x = i < a.size() ? static_cast<uint8_t>(a[i]) : 0;
    const unsigned y = i < b.size() ? static_cast<uint8_t>(b[i]) : 0;
    result[i] = static_cast<char>(task.op == MergeOperator::kBitOr    ? x | y
                                  : task.op == MergeOperator::kBitAnd ? x & y
                                                                      : x ^ y);
  }
  return result;
}

Result United(const Task& task) {
  using Members = std::vector<std::string_view>;
  SHEAF_ASSIGN_OR_RETURN(
      const Operands<Members> v,
      Read(task, MergeValue::ReadSet, "a set: of each member varint size, bytes"));
  Members all = v.operand;
  if (v.existing.has_value())
    all.insert(all.end(), v.existing->begin(), v.existing->end());
  return MergeValue::Set(all);
}

Result LastWritten(const Task& task) {
  constexpr std::string_view kWhat = "a timestamp of 8 and a value";
  const auto operand = MergeValue::ReadStamped(task.operand);
  if (!operand.has_value()) return task.WrongOperand(kWhat);
  if (!task.existing.has_value()) return std::string(task.operand);
  const auto existing = MergeValue::ReadStamped(*task.existing);
  if (!existing.has_value()) return task.WrongValue(kWhat);
  // Of equal timestamps the bytes decide, so that all replicas agree.
  return std::string(*operand > *existing ? task.operand : *task.existing);
}

}  // namespace

std::string_view NameOf(MergeOperator op) {
  for (const Named& named : kNames)
    if (named.op == op) return named.name;
  return "unknown";
}

absl::StatusOr<MergeOperator> MergeOperatorOf(std::string_view name) {
  for (const Named& named : kNames)
    if (named.name == name) return named.op;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(name), "\" is no merge operator; there are ",
                   absl::StrJoin(kNames, ", ", [](std::string* out, const Named& named) {
                     out->append(named.name);
                   })));
}

absl::Span<const MergeOperator> AllMergeOperators() {
  static constexpr auto kAll = [] {
    std::array<MergeOperator, std::size(kNames)> all{};
    for (size_t i = 0; i < all.size(); ++i) all[i] = kNames[i].op;
    return all;
  }();
  return kAll;
}

absl::StatusOr<std::string> MergeValues(MergeOperator op, std::string_view key,
                                        std::optional<std::string_view> existing,
                                        std::string_view operand) {
  const Task task{op, key, existing, operand};
  switch (op) {
    case MergeOperator::kAdd:
    case MergeOperator::kAddSaturating:
    case MergeOperator::kMin:
    case MergeOperator::kMax:
      return Integers(task);
    case MergeOperator::kCount:
      return Counted(task);
    case MergeOperator::kAddDouble:
    case MergeOperator::kMinDouble:
    case MergeOperator::kMaxDouble:
      return Doubles(task);
    case MergeOperator::kMinBytes:
    case MergeOperator::kMaxBytes:
    case MergeOperator::kAppend:
    case MergeOperator::kLast:
      return Bytes(task);
    case MergeOperator::kBitOr:
    case MergeOperator::kBitAnd:
    case MergeOperator::kBitXor:
      return Bits(task);
    case MergeOperator::kUnion:
      return United(task);
    case MergeOperator::kLastWriter:
      return LastWritten(task);
    case MergeOperator::kAverage:
      return Averaged(task);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("merge operator ", static_cast<int>(op), " is unknown"));
}

absl::Status CheckMergeFunctions(const MergeFunctions& functions) {
  for (const auto& [name, function] : functions) {
    const char* const wrong = name.empty()                 ? "its name is empty"
                              : MergeOperatorOf(name).ok() ? "an operator has its name"
                              : function == nullptr        ? "it is empty"
                                                           : nullptr;
    if (wrong != nullptr)
      return absl::InvalidArgumentError(
          absl::StrCat("Options::merge_functions: \"", name, "\": ", wrong));
  }
  return absl::OkStatus();
}

absl::StatusOr<const MergeFunction*> FindMergeFunction(const MergeFunctions& functions,
                                                       std::string_view function) {
  const auto it = functions.find(function);
  if (it != functions.end() && it->second != nullptr) return &it->second;
  return absl::FailedPreconditionError(absl::StrCat(
      "there is no merge function \"", std::string(function),
      "\": give it in Options::merge_functions when the database is opened"));
}

absl::StatusOr<std::optional<std::string>> MergeValuesBy(
    const MergeFunctions& functions, std::string_view function, std::string_view key,
    std::optional<std::string_view> existing, std::string_view operand) {
  SHEAF_ASSIGN_OR_RETURN(const MergeFunction* const run,
                         FindMergeFunction(functions, function));
  // An exception would pass through the transactions of other threads.
  std::string thrown;
  try {
    return (*run)(key, existing, operand);
  } catch (const std::exception& e) {
    thrown = e.what();
  } catch (...) {
    thrown = "something that is no std::exception";
  }
  return absl::InternalError(absl::StrCat("merge function \"", std::string(function),
                                          "\" of ", Shown(key), " threw: ", thrown));
}

absl::Status CheckMergeType(MergeOperator op, std::string_view value_type) {
  if (value_type.empty() || value_type == "bytes" || value_type == "string")
    return absl::OkStatus();
  const auto is = [&](std::initializer_list<std::string_view> types) {
    return std::find(types.begin(), types.end(), value_type) != types.end();
  };
  bool fits = true;
  switch (op) {
    case MergeOperator::kAdd:
    case MergeOperator::kAddSaturating:
    case MergeOperator::kCount:
      fits = is({"i64"});
      break;
    case MergeOperator::kMin:
    case MergeOperator::kMax:
      fits = is({"i64", "time"});
      break;
    case MergeOperator::kAddDouble:
    case MergeOperator::kMinDouble:
    case MergeOperator::kMaxDouble:
      fits = is({"f64"});
      break;
    case MergeOperator::kUnion:
      fits = is({"vector<string>"});
      break;
    case MergeOperator::kAverage:
      fits = is({"tuple<f64,i64>"});
      break;
    case MergeOperator::kLastWriter:
      fits = value_type.starts_with("tuple<hybrid_time,");
      break;
    default:
      break;
  }
  if (fits) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the table holds values of type ", std::string(value_type),
      ", which the merge operator ", std::string(NameOf(op)), " does not merge"));
}

// --- MergeValue ---------------------------------------------------------------

std::string MergeValue::Int(int64_t value) {
  char bytes[kNumberBytes];
  pager::EncodeFixed64(bytes, static_cast<uint64_t>(value));
  return std::string(bytes, sizeof(bytes));
}

std::string MergeValue::Double(double value) {
  return Int(static_cast<int64_t>(std::bit_cast<uint64_t>(value)));
}

std::string MergeValue::Set(absl::Span<const std::string_view> members) {
  std::vector<std::string_view> sorted(members.begin(), members.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::string bytes;
  for (const std::string_view member : sorted) {
    char size[pager::kVarint64BytesMax];
    bytes.append(size, pager::EncodeVarint64(size, member.size()) - size);
    bytes.append(member);
  }
  return bytes;
}

std::string MergeValue::Stamped(HybridTime time, std::string_view value) {
  std::string bytes = Int(static_cast<int64_t>(time.bits()));
  bytes.append(value);
  return bytes;
}

std::string MergeValue::Average(double sum, int64_t count) {
  return Double(sum) + Int(count);
}

std::optional<int64_t> MergeValue::ReadInt(std::string_view bytes) {
  if (bytes.size() != kNumberBytes) return std::nullopt;
  return static_cast<int64_t>(pager::DecodeFixed64(bytes.data()));
}

std::optional<double> MergeValue::ReadDouble(std::string_view bytes) {
  if (bytes.size() != kNumberBytes) return std::nullopt;
  const double value = std::bit_cast<double>(pager::DecodeFixed64(bytes.data()));
  if (std::isnan(value)) return std::nullopt;
  return value;
}

std::optional<std::vector<std::string_view>> MergeValue::ReadSet(std::string_view bytes) {
  std::vector<std::string_view> members;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    uint64_t size = 0;
    const char* const member = pager::DecodeVarint64(at, end, &size);
    // Only the shortest spelling of a size is one, as ValueCodec has it.
    if (member == nullptr ||
        static_cast<size_t>(member - at) != pager::VarintBytes(size) ||
        size > static_cast<uint64_t>(end - member))
      return std::nullopt;
    members.emplace_back(member, size);
    at = member + size;
  }
  return members;
}

std::optional<std::pair<HybridTime, std::string_view>> MergeValue::ReadStamped(
    std::string_view bytes) {
  if (bytes.size() < kNumberBytes) return std::nullopt;
  return std::pair(HybridTime::FromBits(pager::DecodeFixed64(bytes.data())),
                   bytes.substr(kNumberBytes));
}

std::optional<std::pair<double, int64_t>> MergeValue::ReadAverage(
    std::string_view bytes) {
  if (bytes.size() != kAverageBytes) return std::nullopt;
  const std::optional<double> sum = ReadDouble(bytes.substr(0, kNumberBytes));
  const std::optional<int64_t> count = ReadInt(bytes.substr(kNumberBytes));
  if (!sum.has_value() || *count < 0) return std::nullopt;
  return std::pair(*sum, *count);
}

}  // namespace sheaf
