#include "document/language.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sheaf::document {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

bool HasOperators(const View& value) {
  if (value.kind() != Kind::kObject) return false;
  const ObjectCursor first = value.fields();
  return first.Valid() && IsOperator(first.name());
}

absl::Status UnknownOperator(std::string_view language, std::string_view name,
                             absl::Span<const char* const> known) {
  const char* nearest = nullptr;
  size_t distance_min = 3;
  for (const char* one : known) {
    const size_t distance = EditDistance(name.substr(0, 20), one);
    if (distance < distance_min) distance_min = distance, nearest = one;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      std::string(language), ": there is no operator ", std::string(name.substr(0, 40)),
      nearest == nullptr ? "" : absl::StrCat("; did you mean ", nearest)));
}

std::optional<uint64_t> IndexOf(std::string_view part) {
  uint64_t index = 0;
  if (part.empty() || (part[0] == '0' && part.size() > 1)) return std::nullopt;
  const char* const end = part.data() + part.size();
  const auto [behind, error] = std::from_chars(part.data(), end, index);
  if (error != std::errc() || behind != end) return std::nullopt;
  return index;
}

std::optional<int64_t> ToInteger(const View& v) {
  if (v.kind() == Kind::kInt) return v.int_value();
  if (v.kind() != Kind::kDouble) return std::nullopt;
  const double whole = std::trunc(v.double_value());
  if (!(std::abs(whole) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(whole);
}

const View& NullView() {
  static constexpr char kNull[] = {0};
  static const View view = View::At(kNull, kNull + 1, nullptr);
  return view;
}

const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kDamaged:
      return "damaged";
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
    case Kind::kUint:
      return "int";
    case Kind::kDouble:
      return "double";
    case Kind::kTimestamp:
      return "date";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "binData";
    case Kind::kVector:
      return "vector";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
  }
  return "damaged";
}

}  // namespace sheaf::document
