// JSON texts as documents come in: checked against RFC 8259 to the letter, and
// stripped of the white space between tokens.
//
// Accepted is one value in valid UTF-8, without a byte order mark. Refused on top
// of the grammar, because two programs would read it differently: a key that is
// twice in one object (however it is escaped) and half a surrogate pair. Nothing
// else is changed: numbers keep their digits, strings their escapes.
//
// Memory beside the result: a few bytes per level of nesting and per key of the
// objects that are open. Nothing recurses.
//
// Pure functions: any thread, no state. The only door to simdjson.
#ifndef DOCUMENT_JSON_H_
#define DOCUMENT_JSON_H_
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sheaf::document {

struct JsonLimits {
  size_t depth_max = 1000;         // objects and arrays inside each other
  size_t bytes_max = 64ull << 20;  // of the text as it came; never above 4 GiB
};

// kInvalidArgument names the byte (the first one is 0), line and column (the
// first ones are 1; a column is a character) and what was expected there:
//   byte 9 (line 2, column 3): expected a value, found ']'
absl::StatusOr<std::string> MinifyJson(std::string_view text,
                                       const JsonLimits& limits = {});

// Appends what the string means that `json` begins with, from its quote on, escapes
// resolved; nothing if it has none. False: it is no string.
bool UnescapeJsonString(std::string_view json, std::string* out);

bool IsValidUtf8(std::string_view text);

}  // namespace sheaf::document
#endif  // DOCUMENT_JSON_H_
