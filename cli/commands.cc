// Which function is which command.
#include "cli/commands.h"

#include "cli/failure.h"

namespace sheaf::cli {
namespace {

struct Command {
  const char* name;
  CommandResult (*run)(Session&);
};

CommandResult Help(Session& session) {
  session.out.Write(session.args.help);
  return kExitOk;
}

constexpr Command kCommands[] = {
    {"import", Import},
    {"put", Put},
    {"get", Get},
    {"delete", Delete},
    {"merge", Merge},
    {"incr", Increment},
    {"decr", Decrement},
    {"cas", CompareAndSet},
    {"scan", Scan},
    {"find", Find},
    {"count", Count},
    {"update", Update},
    {"remove", Remove},
    {"index", Index},
    {"export", Export},
    {"graph", GraphCommand},
    {"vector", VectorCommand},
    {"blob", BlobCommand},
    {"shell", Shell},
    {"list", List},
    {"stat", Stat},
    {"check", Check},
    {"checkpoint", Checkpoint},
    {"dump", DumpPage},
    {"backup", Backup},
    {"restore", RestoreBackup},
    {"verify-backup", VerifyBackup},
    {"scrub", Scrub},
    {"salvage", SalvageFile},
    {"compact", Compact},
    {"compress", Compress},
    {"expire", Expire},
    {"expiry", ShowOrSetExpiry},
    {"rekey", Rekey},
    {"rotate", Rotate},
    {"version", Version},
    {"help", Help},
};

}  // namespace

CommandResult RunCommand(Session& session) {
  for (const Command& command : kCommands) {
    if (session.args.command == command.name) return command.run(session);
  }
  return absl::InternalError("command " + session.args.command + " is not wired up");
}

}  // namespace sheaf::cli
