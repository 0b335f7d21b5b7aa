// JSON texts to binary documents and back.
//
// Every integer from -2^63 to 2^64 - 1 comes back as it was; doubles come back as the
// shortest text that means them, always with a point or an exponent, so 1.0 and 1 stay
// apart. Refused beside what json.h refuses: numbers that no document can hold (integers
// beyond 64 bits, doubles that would become infinite, or zero though they are not).
//
// What JSON has no type for is written as MongoDB's extended JSON does, and read so:
//   {"$date": "2026-11-21T19:22:18.123456Z"}       timestamp; read, too: {"$numberLong":
//                                                  "milliseconds"} in place of the text
//   {"$binary": {"base64": "AAE=", "subType": "00"}}   bytes
//   {"$numberDouble": "NaN"}, "Infinity", "-Infinity"
//   {"$vector": [0.5, 1.25]}                       our own: a vector of floats
// {"$numberInt": "1"}, {"$numberLong": "1"} and {"$numberDouble": "1.5"} are read as
// numbers, {"$uuid": "018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f"}, dashes or none, as its 16
// bytes. An object with one such name and a value that does not fit it is refused; other
// names that begin with a dollar are names like any.
//
// Pure functions: any thread.
#ifndef DOCUMENT_JSON_CODEC_H_
#define DOCUMENT_JSON_CODEC_H_
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"
#include "document/json.h"

namespace sheaf::document {

// kInvalidArgument as MinifyJson's, or names the number, or what is wrong with an extended
// value. New names are added to `names`, whatever comes of it.
absl::StatusOr<std::string> JsonToBinary(std::string_view text, NameTable* names,
                                         const JsonLimits& limits = {});

// Appends the value as JSON without white space. kDataLoss: it is damaged.
absl::Status AppendJson(const View& value, std::string* out);
absl::StatusOr<std::string> BinaryToJson(std::string_view document,
                                         const NameTable& names);

// "…" with what JSON escapes, appended.
void AppendJsonString(std::string_view text, std::string* out);
void AppendJsonDouble(double value, std::string* out);  // finite

}  // namespace sheaf::document
#endif  // DOCUMENT_JSON_CODEC_H_
