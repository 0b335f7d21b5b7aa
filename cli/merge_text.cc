#include "cli/merge_text.h"

#include <charconv>
#include <cmath>
#include <vector>

namespace sheaf::cli {
namespace {

// All of `text`.
template <class T>
std::optional<T> NumberOf(std::string_view text) {
  T number{};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

absl::StatusOr<std::string> ParseSet(std::string_view text) {
  if (!text.starts_with('[')) {
    SHEAF_ASSIGN_OR_RETURN(const std::string member, ParseBytes(text));
    return MergeValue::Set({member});
  }
  const Json array = Json::parse(text, nullptr, false);
  std::vector<std::string> members;
  for (const Json& member : array) {
    if (!member.is_string()) break;
    members.push_back(member.get<std::string>());
  }
  if (!array.is_array() || members.size() != array.size())
    return absl::InvalidArgumentError(
        Printable(text) + " is not a JSON array of texts, as in '[\"a\",\"b\"]'");
  return MergeValue::Set(std::vector<std::string_view>(members.begin(), members.end()));
}

// As JSON writes it: 3.0, 0.1; what it cannot write by its name.
std::string DoubleText(double value) {
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  return Json(value).dump();
}

Json TextOrHex(std::string_view bytes) {
  Json object;
  SetBytes("", bytes, &object);
  return object.contains("") ? object[""] : object;
}

}  // namespace

ValueForm FormOf(std::string_view name) {
  if (name == "int") return ValueForm::kInt;
  if (name == "double") return ValueForm::kDouble;
  if (name == "set") return ValueForm::kSet;
  if (name == "stamped") return ValueForm::kStamped;
  if (name == "average") return ValueForm::kAverage;
  return ValueForm::kBytes;
}

ValueForm FormOf(MergeOperator op) {
  switch (op) {
    case MergeOperator::kAdd:
    case MergeOperator::kAddSaturating:
    case MergeOperator::kMin:
    case MergeOperator::kMax:
    case MergeOperator::kCount:
      return ValueForm::kInt;
    case MergeOperator::kAddDouble:
    case MergeOperator::kMinDouble:
    case MergeOperator::kMaxDouble:
      return ValueForm::kDouble;
    case MergeOperator::kUnion:
      return ValueForm::kSet;
    case MergeOperator::kLastWriter:
      return ValueForm::kStamped;
    case MergeOperator::kAverage:
      return ValueForm::kAverage;
    default:
      return ValueForm::kBytes;
  }
}

absl::StatusOr<std::string> ParseValue(ValueForm form, std::string_view text) {
  switch (form) {
    case ValueForm::kInt: {
      const std::optional<int64_t> number = NumberOf<int64_t>(text);
      if (number.has_value()) return MergeValue::Int(*number);
      return absl::InvalidArgumentError(Printable(text) +
                                        " is not an integer of 64 bits");
    }
    case ValueForm::kDouble:
    case ValueForm::kAverage: {
      const std::optional<double> number = NumberOf<double>(text);
      if (number.has_value()) return MergeValue::Double(*number);
      return absl::InvalidArgumentError(Printable(text) + " is not a number");
    }
    case ValueForm::kSet:
      return ParseSet(text);
    default:
      return ParseBytes(text);
  }
}

std::string ValueText(ValueForm form, std::string_view value) {
  if (form == ValueForm::kInt) {
    if (const auto number = MergeValue::ReadInt(value)) return std::to_string(*number);
  } else if (form == ValueForm::kDouble) {
    if (const auto number = MergeValue::ReadDouble(value)) return DoubleText(*number);
  } else if (form == ValueForm::kSet) {
    if (const auto members = MergeValue::ReadSet(value)) {
      std::string text;
      for (const std::string_view member : *members)
        text += (text.empty() ? "" : "\n") + BytesText(member);
      return text;
    }
  } else if (form == ValueForm::kStamped) {
    if (const auto stamped = MergeValue::ReadStamped(value))
      return stamped->first.ToString() + " " + BytesText(stamped->second);
  } else if (form == ValueForm::kAverage) {
    if (const auto average = MergeValue::ReadAverage(value)) {
      const auto [sum, count] = *average;
      return (count == 0 ? "none" : DoubleText(sum / static_cast<double>(count))) + " (" +
             DoubleText(sum) + " / " + std::to_string(count) + ")";
    }
  }
  return BytesText(value);
}

void SetValue(ValueForm form, std::string_view value, Json* object) {
  Json& shown = (*object)["value"];
  if (form == ValueForm::kInt) {
    if (const auto number = MergeValue::ReadInt(value)) return void(shown = *number);
  } else if (form == ValueForm::kDouble) {
    if (const auto number = MergeValue::ReadDouble(value)) return void(shown = *number);
  } else if (form == ValueForm::kSet) {
    if (const auto members = MergeValue::ReadSet(value)) {
      shown = Json::array();
      for (const std::string_view member : *members) shown.push_back(TextOrHex(member));
      return;
    }
  } else if (form == ValueForm::kStamped) {
    if (const auto stamped = MergeValue::ReadStamped(value)) {
      shown = {{"at", stamped->first.ToString()}};
      return SetBytes("value", stamped->second, &shown);
    }
  } else if (form == ValueForm::kAverage) {
    if (const auto average = MergeValue::ReadAverage(value)) {
      shown = {{"sum", average->first}, {"count", average->second}};
      return;
    }
  }
  object->erase("value");
  SetBytes("value", value, object);
}

}  // namespace sheaf::cli
