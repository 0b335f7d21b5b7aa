// backup, restore, verify-backup, salvage.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

double SecondsSince(int64_t started_us) {
  return static_cast<double>(MonotonicMicros() - started_us) / 1e6;
}

// What is in the log can be copied only by who may write.
OpenFor PurposeFor(const Arguments& args) {
  const bool has_log = access((args.file + "-log").c_str(), F_OK) == 0;
  return has_log ? OpenFor::kWriting : OpenFor::kReading;
}

bool AreTheSame(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return std::filesystem::equivalent(a, b, ignored);
}

// An interrupted call has told so; the shell is told which signal it was.
CommandResult Interrupted(const Interrupt& interrupt, const absl::Status& status) {
  if (!absl::IsCancelled(status) || interrupt.signal_number() == 0) return status;
  return WithDetails(status, {{"exit", kExitSignal + interrupt.signal_number()}});
}

absl::StatusOr<BackupReport> CopyTo(const Arguments& args, Database& db,
                                    const BackupOptions& options, Session& session,
                                    const Progress& progress) {
  if (args.other_file != "-") return db.Backup(args.other_file, options, progress);
  if (isatty(STDOUT_FILENO) != 0)
    return UsageError("TO: a backup is nothing for a terminal; write it to a file");
  const auto written = [&]() -> absl::Status {
    if (session.out.ok()) return absl::OkStatus();
    return absl::ResourceExhaustedError(std::string("cannot write to standard output: ") +
                                        strerror(session.out.error()));
  };
  const auto report = db.BackupTo(
      [&](std::string_view bytes) {
        session.out.Write(bytes);
        return written();
      },
      options, progress);
  session.out.Flush();  // here a reader that is gone has not what it wanted
  SHEAF_RETURN_IF_ERROR(written());
  return report;
}

absl::StatusOr<size_t> ReadStandardInput(absl::Span<char> out) {
  for (;;) {
    const ssize_t n = read(STDIN_FILENO, out.data(), out.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR)
      return absl::UnknownError(std::string("cannot read standard input: ") +
                                strerror(errno));
  }
}

}  // namespace

CommandResult Backup(Session& session) {
  const Arguments& args = session.args;
  const int64_t started_us = MonotonicMicros();
  BackupOptions options;
  options.overwrite = args.overwrites;
  options.compact = args.is_compact;
  options.bytes_per_second_max = args.bytes_per_second;
  if (args.is_plain && (args.new_key_file.has_value() || args.asks_new_passphrase))
    return UsageError("--plain and a new key exclude each other");
  if (args.is_plain && !args.is_compact)
    return UsageError("--plain needs --compact: pages are copied as they are encrypted");
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, PurposeFor(args)));
  SHEAF_ASSIGN_OR_RETURN(options.key, NewKeyOf(args));
  if (args.is_plain) options.key = EncryptionKey();
  Interrupt interrupt;
  ProgressLine line(session.err);
  const auto report = CopyTo(args, *db, options, session, ShownOn(line, &interrupt));
  line.Clear();
  if (absl::IsAlreadyExists(report.status()))
    return WithDetails(WithHint(report.status(), "--force replaces it"),
                       {{"exit", kExitOther}});
  if (!report.ok()) return Interrupted(interrupt, At(args.file, report.status()));
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  if (args.other_file == "-") return kExitOk;
  if (args.is_json) {
    session.out.WriteLine(Dump({{"file", args.other_file},
                                {"bytes", report->bytes},
                                {"version", report->version}}));
  } else {
    session.out.WriteLine(Printable(args.other_file) + ": " + ByteSize(report->bytes) +
                          ", version " + Thousands(report->version) + ", in " +
                          Seconds(SecondsSince(started_us)));
  }
  return kExitOk;
}

CommandResult RestoreBackup(Session& session) {
  const Arguments& args = session.args;
  const int64_t started_us = MonotonicMicros();
  if (AreTheSame(args.file, args.other_file))
    return UsageError(args.other_file + ": is the backup itself");
  RestoreOptions options;
  options.overwrite = args.overwrites;
  SHEAF_ASSIGN_OR_RETURN(options.key, KeyOf(args, OpenFor::kReading));
  Interrupt interrupt;
  ProgressLine line(session.err);
  const Progress progress = ShownOn(line, &interrupt);
  const auto bytes =
      args.file == "-"
          ? RestoreFrom(ReadStandardInput, args.other_file, options, progress)
          : Restore(args.file, args.other_file, options, progress);
  line.Clear();
  if (absl::IsAlreadyExists(bytes.status()))
    return WithDetails(WithHint(bytes.status(), "--force replaces it"),
                       {{"exit", kExitOther}});
  if (!bytes.ok()) return Interrupted(interrupt, FileError(args.file, bytes.status()));
  if (args.is_json) {
    session.out.WriteLine(Dump({{"file", args.other_file}, {"bytes", *bytes}}));
  } else {
    session.out.WriteLine(Printable(args.other_file) + ": " + ByteSize(*bytes) +
                          " restored and verified in " +
                          Seconds(SecondsSince(started_us)));
  }
  return kExitOk;
}

CommandResult VerifyBackup(Session& session) {
  const Arguments& args = session.args;
  const int64_t started_us = MonotonicMicros();
  VerifyOptions options;
  options.level = LevelOf(args, CheckLevel::kPages);
  SHEAF_ASSIGN_OR_RETURN(options.key, KeyOf(args, OpenFor::kReading));
  ProgressLine line(session.err);
  const auto report = sheaf::VerifyBackup(args.file, options, ShownOn(line));
  line.Clear();
  if (!report.ok()) return FileError(args.file, report.status());
  return PrintReport(args.file, *report, SecondsSince(started_us), session);
}

namespace {

Json TreeJson(const SalvageReport::Tree& tree) {
  Json gaps = Json::array();
  for (const SalvageReport::Range& range : tree.gaps) {
    Json gap = Json::object();
    SetBytes("from", range.from, &gap);
    if (range.to.has_value()) SetBytes("to", *range.to, &gap);
    gaps.push_back(gap);
  }
  return {{"name", tree.name}, {"kind", KindName(tree.kind)}, {"entries", tree.entries},
          {"lost", tree.lost}, {"adopted", tree.adopted},     {"gaps", gaps}};
}

void PrintSalvage(const SalvageReport& report, const std::string& to, double seconds,
                  Output& out) {
  out.WriteLine(Printable(to) + ": " +
                (report.is_complete() ? out.Paint(Tone::kGood, "everything was read")
                                      : out.Paint(Tone::kBad, "what could be read")) +
                "  (" + Counted(report.pages_damaged, "damaged page", "damaged pages") +
                ", " + Counted(report.commits_replayed, "commit", "commits") +
                " from the log, in " + Seconds(seconds) + ")");
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  table.SetHeader({"NAME", "ENTRIES", "LOST", "RANGES WITH LOSSES"});
  for (const SalvageReport::Tree& tree : report.trees)
    table.AddRow({Printable(tree.name), Thousands(tree.entries), Thousands(tree.lost),
                  Thousands(tree.gaps.size())});
  table.Print(out, "  ");
  for (const std::string& note : report.notes) out.WriteLine("  " + Printable(note));
}

}  // namespace

CommandResult SalvageFile(Session& session) {
  const Arguments& args = session.args;
  const int64_t started_us = MonotonicMicros();
  if (AreTheSame(args.file, args.other_file))
    return UsageError(args.other_file + ": is the damaged file itself");
  SalvageOptions options;
  options.overwrite = args.overwrites;
  SHEAF_ASSIGN_OR_RETURN(options.key, KeyOf(args, OpenFor::kReading));
  Interrupt interrupt;
  ProgressLine line(session.err);
  const auto report =
      Salvage(args.file, args.other_file, options, ShownOn(line, &interrupt));
  line.Clear();
  if (absl::IsAlreadyExists(report.status()))
    return WithDetails(WithHint(report.status(), "--force replaces it"),
                       {{"exit", kExitOther}});
  if (!report.ok()) return Interrupted(interrupt, FileError(args.file, report.status()));
  if (args.is_json) {
    Json trees = Json::array();
    for (const SalvageReport::Tree& tree : report->trees) trees.push_back(TreeJson(tree));
    session.out.WriteLine(Dump({{"file", args.other_file},
                                {"complete", report->is_complete()},
                                {"pages_damaged", report->pages_damaged},
                                {"commits_replayed", report->commits_replayed},
                                {"trees", trees},
                                {"notes", report->notes}}));
  } else {
    PrintSalvage(*report, args.other_file, SecondsSince(started_us), session.out);
  }
  return report->is_complete() ? kExitOk : kExitNotFound;
}

}  // namespace sheaf::cli
