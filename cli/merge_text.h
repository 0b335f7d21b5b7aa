// How operands of merge operators are written on the command line, and what they make in
// print.
//
// A form says what the bytes of a value are: "bytes", "int", "double", "set", "stamped"
// (a timestamp and bytes) and "average".
#ifndef CLI_MERGE_TEXT_H_
#define CLI_MERGE_TEXT_H_
#include <sheaf/sheaf.h>

#include <string>
#include <string_view>

#include "cli/text.h"

namespace sheaf::cli {

enum class ValueForm { kBytes = 1, kInt, kDouble, kSet, kStamped, kAverage };

// Requires: it is one of the names above; empty: bytes.
ValueForm FormOf(std::string_view name);
// Of what the operator makes.
ValueForm FormOf(MergeOperator op);

// The operand, or a value to compare with. A set is a JSON array of texts, or one member;
// an average a number. Not of stamped values, which take a timestamp besides.
absl::StatusOr<std::string> ParseValue(ValueForm form, std::string_view text);

// For a person. What is not of the form is shown as bytes.
std::string ValueText(ValueForm form, std::string_view value);
// {"value": …}, or "value_hex" where bytes are no text.
void SetValue(ValueForm form, std::string_view value, Json* object);

}  // namespace sheaf::cli
#endif  // CLI_MERGE_TEXT_H_
