// compact, rekey, rotate: what keeps a file short and private.
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

absl::Status NoNewKey() {
  return UsageError("which key? give --new-key-file PATH, or --new-passphrase");
}

CommandResult SayOpensBy(Session& session, const char* what) {
  const Arguments& args = session.args;
  if (args.is_json)
    session.out.WriteLine(Dump({{"file", args.file}, {"done", true}}));
  else
    session.out.WriteLine(Printable(args.file) + ": " + what);
  return kExitOk;
}

}  // namespace

CommandResult Compact(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  Interrupt interrupt;
  ProgressLine line(session.err);
  const auto report = db->Compact(ShownOn(line, &interrupt));
  line.Clear();
  if (!report.ok() && interrupt.signal_number() == 0)
    return At(args.file, report.status());
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  if (!report.ok())
    return WithDetails(WithHint(At(args.file, report.status()),
                                "the file is whole, and as short as it got"),
                       {{"exit", kExitSignal + interrupt.signal_number()}});
  if (args.is_json) {
    session.out.WriteLine(Dump({{"bytes_before", report->bytes_before},
                                {"bytes_after", report->bytes_after},
                                {"pages_moved", report->pages_moved}}));
  } else {
    session.out.WriteLine(Printable(args.file) + ": " + ByteSize(report->bytes_before) +
                          " before, " + ByteSize(report->bytes_after) + " now, " +
                          Counted(report->pages_moved, "page", "pages") + " moved");
  }
  return kExitOk;
}

CommandResult Rekey(Session& session) {
  const Arguments& args = session.args;
  if (!args.new_key_file.has_value() && !args.asks_new_passphrase) return NoNewKey();
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<EncryptionKey> key, NewKeyOf(args));
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Rekey(*key)));
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  return SayOpensBy(session, "opens by the new key");
}

CommandResult Rotate(Session& session) {
  const Arguments& args = session.args;
  // The passphrase is asked once, though it is needed twice.
  SHEAF_ASSIGN_OR_RETURN(const EncryptionKey old, KeyOf(args, OpenFor::kWriting));
  Options options;
  options.key = old;
  options.create_if_missing = false;
  auto db = Database::Open(args.file, options);
  if (!db.ok()) return FileError(args.file, db.status());
  SHEAF_ASSIGN_OR_RETURN(const std::optional<EncryptionKey> key, NewKeyOf(args));
  Interrupt interrupt;
  ProgressLine line(session.err);
  const absl::Status rotated =
      (*db)->RotateFileKey(key.value_or(old), ShownOn(line, &interrupt));
  line.Clear();
  if (absl::IsCancelled(rotated) && interrupt.signal_number() != 0) {
    SHEAF_RETURN_IF_ERROR(At(args.file, (*db)->Close()));
    return WithDetails(
        WithHint(At(args.file, rotated), "the file is whole; `sheaf rotate` goes on"),
        {{"exit", kExitSignal + interrupt.signal_number()}});
  }
  if (absl::IsInvalidArgument(rotated)) return NoNewKey();
  SHEAF_RETURN_IF_ERROR(At(args.file, rotated));
  SHEAF_RETURN_IF_ERROR(At(args.file, (*db)->Close()));
  return SayOpensBy(session, "every page is encrypted by a new key of the file's own");
}

}  // namespace sheaf::cli
