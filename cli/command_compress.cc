// compress: how the values of a collection or table are compressed, and how from now on.
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

const char* CompressionName(const Compression& compression) {
  switch (compression.kind) {
    case CompressionKind::kLz4:
      return compression.dictionary ? "lz4-dict" : "lz4";
    case CompressionKind::kZstd:
      return compression.dictionary ? "zstd-dict" : "zstd";
    default:
      return "none";
  }
}

std::string Percent(uint64_t part, uint64_t whole) {
  if (whole == 0) return "";
  return std::to_string((part * 200 + whole) / (whole * 2)) + " %";
}

void PrintUse(Session& session, const TreeStats& use) {
  const Arguments& args = session.args;
  Output& out = session.out;
  if (args.is_json) {
    out.WriteLine(Dump({{"name", args.collection},
                        {"compression", CompressionText(use.compression)},
                        {"values", use.entries},
                        {"values_as_is", use.values_as_is},
                        {"values_with_dictionary", use.values_with_dictionary},
                        {"value_bytes", use.value_bytes},
                        {"stored_bytes", use.stored_bytes},
                        {"dictionaries", use.dictionaries},
                        {"dictionary_bytes", use.dictionary_bytes}}));
    return;
  }
  out.WriteLine(out.Paint(Tone::kStrong, Printable(args.collection)) +
                "  new values: " + CompressionText(use.compression));
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  table.AddRow({"values", ByteSize(use.value_bytes), Thousands(use.entries), ""});
  table.AddRow({"  stored", ByteSize(use.stored_bytes), "",
                Percent(use.stored_bytes, use.value_bytes)});
  table.AddRow({"  as they are", "", Thousands(use.values_as_is),
                "did not shrink, or were put without compression"});
  table.AddRow({"  with dictionary", "", Thousands(use.values_with_dictionary), ""});
  table.AddRow(
      {"dictionaries", ByteSize(use.dictionary_bytes), Thousands(use.dictionaries), ""});
  table.Print(out, "  ");
}

absl::StatusOr<TreeStats> Measure(Session& session, Database& db,
                                  const Progress& progress) {
  const ReadTransaction read = db.BeginRead();
  auto use = read.Measure(session.args.collection, progress);
  if (!use.ok()) return NameError(session.args, use.status());
  return use;
}

absl::Status Change(Session& session, Database& db, const Compression& wanted,
                    const Progress& progress) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db.BeginWrite());
  const absl::Status changed = args.new_values_only
                                   ? txn.SetCompression(args.collection, wanted)
                                   : txn.Recompress(args.collection, wanted, progress);
  if (absl::IsFailedPrecondition(changed))
    return WithHint(At(args.file, changed), "without --new-only it is recompressed");
  if (!changed.ok()) return NameError(args, changed);
  return At(args.file, txn.Commit());
}

}  // namespace

std::string CompressionText(const Compression& compression) {
  const bool has_level = compression.kind == CompressionKind::kZstd &&
                         compression.level != Compression{}.level;
  return CompressionName(compression) +
         (has_level ? " level " + std::to_string(compression.level) : "");
}

absl::StatusOr<Compression> CompressionOf(const Arguments& args) {
  constexpr Compression kKinds[] = {{},
                                    {CompressionKind::kLz4},
                                    {CompressionKind::kLz4, 3, true},
                                    {CompressionKind::kZstd},
                                    {CompressionKind::kZstd, 3, true}};
  for (Compression kind : kKinds) {
    if (args.compression != CompressionName(kind)) continue;
    if (!args.compression_level.has_value()) return kind;
    if (kind.kind != CompressionKind::kZstd)
      return UsageError("--level belongs to zstd and zstd-dict");
    kind.level = *args.compression_level;
    return kind;
  }
  return UsageError("which compression? none, lz4, lz4-dict, zstd or zstd-dict");
}

CommandResult Compress(Session& session) {
  const Arguments& args = session.args;
  const bool changes = args.compression.has_value() || args.new_values_only ||
                       args.compression_level.has_value();
  Compression wanted;
  if (changes) {
    SHEAF_ASSIGN_OR_RETURN(wanted, CompressionOf(args));
  }
  SHEAF_ASSIGN_OR_RETURN(auto db,
                         OpenFile(args, changes ? OpenFor::kWriting : OpenFor::kReading));
  Interrupt interrupt;
  ProgressLine line(session.err);
  const auto ended = [&](const absl::Status& status, const char* hint) {
    line.Clear();
    if (!absl::IsCancelled(status) || interrupt.signal_number() == 0) return status;
    return WithDetails(WithHint(status, hint),
                       {{"exit", kExitSignal + interrupt.signal_number()}});
  };
  const Progress progress = ShownOn(line, &interrupt);
  if (changes)
    SHEAF_RETURN_IF_ERROR(
        ended(Change(session, *db, wanted, progress), "nothing has changed"));
  const absl::StatusOr<TreeStats> use = Measure(session, *db, progress);
  SHEAF_RETURN_IF_ERROR(ended(use.status(), changes ? "it was changed, and not measured"
                                                    : "it was not measured"));
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  PrintUse(session, *use);
  return kExitOk;
}

}  // namespace sheaf::cli
