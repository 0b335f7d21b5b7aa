// What filters and updates have in common: operators by their names, parts of paths,
// numbers as operands.
//
// Pure functions: any thread.
#ifndef DOCUMENT_LANGUAGE_H_
#define DOCUMENT_LANGUAGE_H_
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "document/binary.h"

namespace sheaf::document {

inline bool IsOperator(std::string_view name) { return name.starts_with('$'); }
// Is it an object whose first field is an operator?
bool HasOperators(const View& value);
// kInvalidArgument: "filter: there is no operator $gtt; did you mean $gt".
absl::Status UnknownOperator(std::string_view language, std::string_view name,
                             absl::Span<const char* const> known);

// The part of a path as the index of an array: digits, no zero in front of others.
std::optional<uint64_t> IndexOf(std::string_view part);
// Numbers of whatever kind, cut to an integer; none where it does not fit.
std::optional<int64_t> ToInteger(const View& value);
// As $type has it: "string", "int", …
const char* NameOf(Kind kind);

}  // namespace sheaf::document
#endif  // DOCUMENT_LANGUAGE_H_
