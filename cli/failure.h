// Failures: what went wrong, where, what to do about it, and the exit code.
//
// A command returns an absl::Status; what only the command line knows (a line of
// the input, a hint) travels in the status as details and is printed by
// PrintFailure, for a person or as JSON, in one place.
#ifndef CLI_FAILURE_H_
#define CLI_FAILURE_H_
#include <sheaf/sheaf.h>

#include <string>
#include <string_view>

#include "cli/output.h"
#include "cli/text.h"

namespace sheaf::cli {

// Scripts rely on these: a number is never given another meaning.
enum ExitCode : int {
  kExitOk = 0,
  kExitNotFound = 1,  // also: `check` or `dump` found damage
  kExitUsage = 2,     // the command line, a key or a document is wrong
  kExitBadFile = 3,   // damaged, foreign, or of a newer format
  kExitLocked = 4,    // another process has the file
  kExitOther = 5,
  kExitSignal = 128,  // plus the signal's number
};

// Adds the members of `details` to what PrintFailure shows. Known to it: "hint"
// and "excerpt" (lines), "exit" (an ExitCode other than the usual one).
absl::Status WithDetails(absl::Status status, const Json& details);
absl::Status WithHint(absl::Status status, std::string_view hint);
// Puts "<where>: " before the message unless it is named there already.
absl::Status At(std::string_view where, const absl::Status& status);
// The command line is wrong.
absl::Status UsageError(const std::string& message);

int ExitCodeOf(const absl::Status& status);
void PrintFailure(const absl::Status& status, bool is_json, Output& err);

}  // namespace sheaf::cli
#endif  // CLI_FAILURE_H_
