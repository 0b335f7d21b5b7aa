// MinifyJson against nlohmann::json: both accept or both refuse; what is accepted
// means the same after it, has nothing left to strip, and every error names a byte
// of the text. What JsonToBinary takes is such a text, and comes back as the same document.
//
//   clang++ -fsanitize=fuzzer,address,undefined …; json_fuzz tests/fuzz/corpus/json_fuzz
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "document/json.h"
#include "document/json_codec.h"
#include "tests/support/exact_bytes.h"
#include "tests/support/json_oracle.h"

namespace sheaf::document {
namespace {

using test::Require;

constexpr JsonLimits kLimits = {.depth_max = 100, .bytes_max = 1 << 16};

void CheckError(std::string_view text, const absl::Status& status) {
  const std::string message(status.message());
  Require(absl::IsInvalidArgument(status), "the wrong code", status);
  unsigned long position = 0;
  Require(sscanf(message.c_str(), "byte %lu (line ", &position) == 1 &&
              position <= text.size(),
          "no position", status);
}

void CheckBinary(std::string_view text, bool is_json) {
  NameTable names;
  const absl::StatusOr<std::string> document = JsonToBinary(text, &names, kLimits);
  if (!document
           .ok()) {  // a number out of range, or {"$date": 1}, may be all that is wrong
    const bool is_ours = !absl::StartsWith(document.status().message(), "byte ");
    return Require(is_json == is_ours, "not of the same opinion", document.status());
  }
  Require(is_json, "taken, though it is no JSON", document.status());
  Require(Validate(*document, names).ok(), "not valid", Validate(*document, names));
  const absl::StatusOr<std::string> json = BinaryToJson(*document, names);
  Require(json.ok(), "cannot be written", json.status());
  const absl::StatusOr<std::string> again = JsonToBinary(*json, &names);
  Require(again.ok() && *again == *document, "comes back changed", again.status());
}

void CheckText(std::string_view text) {
  const absl::StatusOr<std::string> minified = MinifyJson(text, kLimits);
  CheckBinary(text, minified.ok());
  const std::optional<bool> accept = test::ShouldAcceptJson(text, kLimits.depth_max);
  if (accept.has_value()) {
    Require(minified.ok() == *accept, "not of the same opinion", minified.status());
  }
  if (!minified.ok()) return CheckError(text, minified.status());

  const absl::StatusOr<std::string> again = MinifyJson(*minified, kLimits);
  Require(again.ok() && *again == *minified, "a second pass differs", again.status());
  if (accept.has_value()) {
    Require(nlohmann::json::parse(text) == nlohmann::json::parse(*minified),
            "the meaning changed", again.status());
  }
}

}  // namespace
}  // namespace sheaf::document

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > sheaf::document::kLimits.bytes_max) return 0;
  sheaf::document::CheckText({reinterpret_cast<const char*>(data), size});
  return 0;
}
