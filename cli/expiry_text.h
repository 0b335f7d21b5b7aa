// How times to expire are written on the command line and in print.
#ifndef CLI_EXPIRY_TEXT_H_
#define CLI_EXPIRY_TEXT_H_
#include <sheaf/sheaf.h>

#include <optional>
#include <string>

#include "cli/arguments.h"

namespace sheaf::cli {

// "90s", "24h", "1h30m", "7d", "2w": more than nothing. A usage error says what is allowed.
absl::StatusOr<absl::Duration> ParseTtl(const std::string& text);
// What --ttl, --sliding, --expires-at and --never say; none without them.
absl::StatusOr<std::optional<Expiry>> ExpiryOf(const Arguments& args);
// RFC 3339, in UTC; "never".
std::string InstantText(absl::Time instant);
std::string ExpiryText(const Expiry& expiry);

}  // namespace sheaf::cli
#endif  // CLI_EXPIRY_TEXT_H_
