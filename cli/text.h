// How keys, bytes and documents are written on the command line and in print.
//
// A document key that looks as JSON writes an integer (0, 42, -7; not 007, not
// +1) is a number; one in JSON quotes ("42") is the text between them;
// {"$uuid": "…"} and {"$binary": {"base64": "…", "subType": "00"}} are a UUID and
// bytes, as in a filter; anything else is text as it stands. KeyText() is the inverse: what it prints can be
// pasted back. Raw bytes use \xNN, \n, \r, \t, \0 and \\.
#ifndef CLI_TEXT_H_
#define CLI_TEXT_H_
#include <sheaf/sheaf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace sheaf::cli {

using Json = nlohmann::ordered_json;

// As JSON has it.
inline bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

absl::StatusOr<DocumentKey> ParseKey(std::string_view argument);
std::string KeyText(const DocumentKey& key);
Json KeyJson(const DocumentKey& key);

const char* KindName(TreeKind kind);  // "table", "collection", "graph", "vectors"

absl::StatusOr<std::string> ParseBytes(std::string_view argument);
std::string BytesText(std::string_view bytes);
// {"<name>": text} when the bytes are UTF-8, {"<name>_hex": …} otherwise.
void SetBytes(std::string_view name, std::string_view bytes, Json* object);

// Valid UTF-8 without control characters: what is not so appears as \xNN. Text
// from a file or a user passes through here on its way to a person.
std::string Printable(std::string_view bytes);
// Bytes of the UTF-8 character that `text` begins with; 0 when it is none.
size_t Utf8Length(std::string_view text);
bool IsUtf8(std::string_view text);

// One line, whatever the strings hold.
std::string Dump(const Json& value);

// Indented and coloured for `out`. Token by token: no number is rewritten.
// Requires: `json` is valid.
std::string PrettyJson(std::string_view json, const Output& out);

// Where a text stops being JSON.
struct JsonError {
  uint64_t byte = 0;              // offset, from 0
  uint64_t line = 0, column = 0;  // from 1; columns are bytes, as in the library
  std::string what;
  std::string excerpt;  // two lines: the surroundings and a caret below them
};
std::optional<JsonError> FindJsonError(std::string_view json);

}  // namespace sheaf::cli
#endif  // CLI_TEXT_H_
