// The commands. Each takes the parsed arguments, prints its result to `out` and
// returns the exit code, or the error that main.cc prints.
//
// Commands that only read open the file read-only: they work without write
// access, beside each other, and never create a file.
#ifndef CLI_COMMANDS_H_
#define CLI_COMMANDS_H_
#include <sheaf/sheaf.h>

#include <memory>

#include "cli/arguments.h"
#include "cli/output.h"

namespace sheaf::cli {

struct Session {
  const Arguments& args;
  Output& out;
  Output& err;  // progress; errors are returned
};

using CommandResult = absl::StatusOr<int>;

CommandResult Import(Session& session);  // command_import.cc
CommandResult Put(Session& session);     // command_entry.cc
CommandResult Get(Session& session);
CommandResult Delete(Session& session);
CommandResult Scan(Session& session);  // command_scan.cc
CommandResult List(Session& session);  // command_file.cc
CommandResult Stat(Session& session);
CommandResult Checkpoint(Session& session);
CommandResult Version(Session& session);
CommandResult Check(Session& session);  // command_check.cc
CommandResult DumpPage(Session& session);

enum class OpenFor { kReading, kWriting, kWritingOrCreating };

// Errors name the file and carry the exit code of an open that failed.
absl::StatusOr<std::unique_ptr<Database>> OpenFile(const Arguments& args,
                                                   OpenFor purpose);
// What --key-file or --passphrase say; none without them.
absl::StatusOr<EncryptionKey> KeyOf(const Arguments& args, OpenFor purpose);
// What OpenFile does to an error of the library about the file itself.
absl::Status FileError(const std::string& path, const absl::Status& status);
// Adds what helps when a collection or table is absent or of the other kind.
absl::Status NameError(const Arguments& args, const absl::Status& status);

}  // namespace sheaf::cli
#endif  // CLI_COMMANDS_H_
