#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "cli/commands.h"
#include "cli/failure.h"

namespace sheaf::cli {
namespace {

// From the terminal, not standard input, which may carry documents.
absl::StatusOr<std::string> AskSecret(const char* prompt) {
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0)
    return UsageError("--passphrase: there is no terminal to ask for it: use --key-file");
  absl::Cleanup close_terminal = [terminal] { close(terminal); };
  termios before{};
  if (tcgetattr(terminal, &before) != 0)
    return UsageError("--passphrase: the terminal does not let its echo be turned off");
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(terminal, TCSAFLUSH, &silent);
  absl::Cleanup restore = [&] { tcsetattr(terminal, TCSAFLUSH, &before); };
  (void)!write(terminal, prompt, strlen(prompt));
  std::string secret;
  const Interrupt interrupt;  // so that the terminal is as it was afterwards
  for (char c = 0; c != '\n';) {
    pollfd ready[] = {{terminal, POLLIN, 0}, {interrupt.fd(), POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) break;
    if (interrupt.signal_number() != 0)
      return WithDetails(absl::CancelledError("no passphrase was given"),
                         {{"exit", kExitSignal + interrupt.signal_number()}});
    if (ready[0].revents == 0) continue;
    if (read(terminal, &c, 1) != 1) break;
    if (c != '\n') secret.push_back(c);
  }
  (void)!write(terminal, "\n", 1);
  return secret;
}

}  // namespace

absl::Status FileError(const std::string& path, const absl::Status& status) {
  if (absl::IsPermissionDenied(status) &&
      status.message().find("encrypted") != absl::string_view::npos)
    return WithHint(At(path, status),
                    "give --key-file PATH, or --passphrase to be asked");
  if (absl::IsPermissionDenied(status) &&
      (status.message().find("wrong") != absl::string_view::npos ||
       status.message().find("opened by") != absl::string_view::npos))
    return WithHint(At(path, status), "nothing was changed");
  if (absl::IsFailedPrecondition(status) &&
      status.message().find("not encrypted") != absl::string_view::npos)
    return At(path, status);
  // Not a Sheaf file; a folder or a device.
  bool is_foreign = absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status);
  if (!is_foreign) return At(path, status);
  return WithDetails(At(path, status), {{"exit", kExitBadFile}});
}

namespace {

absl::StatusOr<EncryptionKey> KeyFromFile(const std::string& path) {
  absl::StatusOr<EncryptionKey> key = EncryptionKey::FromFile(path);
  if (key.ok() || !absl::IsNotFound(key.status())) return key;
  return UsageError(std::string(key.status().message()));
}

// Twice: whoever mistypes it never opens the file again.
absl::StatusOr<EncryptionKey> AskNewPassphrase(const char* prompt) {
  SHEAF_ASSIGN_OR_RETURN(const std::string passphrase, AskSecret(prompt));
  SHEAF_ASSIGN_OR_RETURN(const std::string again, AskSecret("Again, to be sure: "));
  if (again != passphrase) return UsageError("the two passphrases differ");
  return EncryptionKey::Passphrase(passphrase);
}

}  // namespace

absl::StatusOr<EncryptionKey> KeyOf(const Arguments& args, OpenFor purpose) {
  if (args.opened_by.has_value()) return *args.opened_by;
  if (args.key_file.has_value()) return KeyFromFile(*args.key_file);
  if (!args.asks_passphrase) return EncryptionKey();
  if (access(args.file.c_str(), F_OK) != 0 && args.file != "-")
    return purpose == OpenFor::kWritingOrCreating ? AskNewPassphrase("Passphrase: ")
                                                  : EncryptionKey();
  SHEAF_ASSIGN_OR_RETURN(const std::string passphrase, AskSecret("Passphrase: "));
  return EncryptionKey::Passphrase(passphrase);
}

absl::StatusOr<std::optional<EncryptionKey>> NewKeyOf(const Arguments& args) {
  std::optional<EncryptionKey> key;
  if (args.new_key_file.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(key, KeyFromFile(*args.new_key_file));
  } else if (args.asks_new_passphrase) {
    SHEAF_ASSIGN_OR_RETURN(key, AskNewPassphrase("New passphrase: "));
  }
  return key;
}

Progress ShownOn(ProgressLine& line, const Interrupt* interrupt) {
  Progress progress;
  progress.report = [&line, interrupt](const Progress::State& state) {
    if (interrupt != nullptr && interrupt->signal_number() != 0) return false;
    if (!line.IsDue()) return true;
    std::string text = std::string(state.what) + " " + Thousands(state.done);
    if (state.total > 0) text += " of " + Thousands(state.total);
    line.Show(text);
    return true;
  };
  return progress;
}

absl::StatusOr<std::unique_ptr<Database>> OpenFile(const Arguments& args,
                                                   OpenFor purpose) {
  const std::string& path = args.file;
  Options options;
  SHEAF_ASSIGN_OR_RETURN(options.key, KeyOf(args, purpose));
  options.read_only = purpose == OpenFor::kReading;
  options.create_if_missing = purpose == OpenFor::kWritingOrCreating;
  options.background_expiry = false;  // a command does what it is asked for
  auto db = Database::Open(path, options);
  if (db.ok()) return db;
  absl::Status error = FileError(path, db.status());
  if (!absl::IsNotFound(error)) return error;
  if (options.create_if_missing) return WithHint(error, "create the folder first");
  if (args.command == "blob") return WithHint(error, "`sheaf blob put` creates it");
  return WithHint(error, args.command == "vector"
                             ? "`sheaf vector create` and `sheaf vector import` create it"
                             : "`sheaf import` and `sheaf put` create a file");
}

absl::Status NameError(const Arguments& args, const absl::Status& status) {
  if (status.code() == absl::StatusCode::kNotFound) {
    return WithHint(At(args.file, status), "`sheaf list FILE` shows what it holds");
  }
  if (status.code() == absl::StatusCode::kFailedPrecondition) {
    const bool is_of_kind = args.of_vertices || args.of_edges || args.of_vectors;
    if (args.command == "graph" || args.command == "vector" || args.command == "blob" ||
        is_of_kind)
      return WithHint(At(args.file, status), "`sheaf list FILE` shows what is what");
    const absl::string_view what = status.message();
    if (what.find("is a graph") != what.npos)
      return WithHint(At(args.file, status), "`sheaf help graph` shows what reaches it");
    if (what.find("is a vector index") != what.npos)
      return WithHint(At(args.file, status), "`sheaf help vector` shows what reaches it");
    if (what.find("is a blob store") != what.npos)
      return WithHint(At(args.file, status), "`sheaf help blob` shows what reaches it");
    return WithHint(At(args.file, status), args.is_table
                                               ? "leave --table out for a collection"
                                               : "add --table to reach a table");
  }
  return At(args.file, status);
}

}  // namespace sheaf::cli
