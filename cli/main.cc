// The `sheaf` command: parse, run one command, print its error, exit.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <exception>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/output.h"

namespace sheaf::cli {
namespace {

// A descriptor below 3 that was closed would be given to the database file, and
// the first message printed would overwrite it.
void OpenStandardDescriptors() {
  for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = dup(fd)) {
    if (fd <= STDERR_FILENO) continue;
    close(fd);
    return;
  }
}

CommandResult ParseAndRun(int argc, char** argv, Output& out, Output& err) {
  try {
    SHEAF_ASSIGN_OR_RETURN(Arguments args, ParseArguments(argc, argv));
    Session session{args, out, err};
    return RunCommand(session);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(std::string("unexpected: ") + error.what());
  }
}

// A reader that went away (`sheaf scan … | head`) has what it wanted.
CommandResult FinishOutput(CommandResult result, Output& out) {
  out.Flush();
  if (out.ok() || out.error() == EPIPE || !result.ok()) return result;
  return absl::ResourceExhaustedError(std::string("cannot write to standard output: ") +
                                      strerror(out.error()));
}

}  // namespace

int Main(int argc, char** argv) {
  OpenStandardDescriptors();
  signal(SIGPIPE, SIG_IGN);
  Output out(STDOUT_FILENO), err(STDERR_FILENO);
  CommandResult result = FinishOutput(ParseAndRun(argc, argv, out, err), out);
  if (result.ok()) return *result;
  PrintFailure(result.status(), AsksForJson(argc, argv), err);
  return ExitCodeOf(result.status());
}

}  // namespace sheaf::cli

int main(int argc, char** argv) { return sheaf::cli::Main(argc, argv); }
