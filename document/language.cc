#include "document/language.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "document/nearest.h"

namespace sheaf::document {

bool HasOperators(const View& value) {
  if (value.kind() != Kind::kObject) return false;
  const ObjectCursor first = value.fields();
  return first.Valid() && IsOperator(first.name());
}

absl::Status UnknownOperator(std::string_view language, std::string_view name,
                             absl::Span<const char* const> known) {
  const std::string nearest(Nearest(name, known));
  return absl::InvalidArgumentError(absl::StrCat(
      std::string(language), ": there is no operator ", std::string(name.substr(0, 40)),
      nearest.empty() ? "" : "; did you mean ", nearest));
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
