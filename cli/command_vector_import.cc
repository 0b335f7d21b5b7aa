// vector import: the vectors of a file, in one transaction.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/vector_text.h"

namespace sheaf::cli {
namespace {

// Of an index that is there what was said must agree; one that is not is made with it.
absl::StatusOr<VectorImportOptions> OptionsOf(const Arguments& args, Database& db) {
  VectorImportOptions options;
  options.first_key = args.vector.first_key;
  options.key_field = args.vector.key_field;
  options.vector_field = args.vector.vector_field;
  const ReadTransaction read = db.BeginRead();
  const absl::StatusOr<VectorIndexReader> there = read.vectors(args.collection);
  if (!there.ok() && !absl::IsNotFound(there.status()))
    return NameError(args, there.status());
  if (!there.ok())
    options.index = VectorOptionsOf(args, {});
  else if (const absl::Status same =
               CheckSameOptions(args.collection, there->options(),
                                VectorOptionsOf(args, there->options()));
           !same.ok())
    return At(args.file, same);
  return options;
}

void PrintCounts(Session& session, const VectorImportCounts& counts,
                 const std::optional<VectorOptimizeReport>& optimized, double seconds) {
  const Arguments& args = session.args;
  if (args.is_json) {
    Json json = {{"index", args.collection},
                 {"made", counts.made},
                 {"vectors", counts.vectors},
                 {"replaced", counts.replaced},
                 {"seconds", seconds}};
    if (optimized.has_value()) json["linked"] = optimized->linked;
    return session.out.WriteLine(Dump(json));
  }
  std::string text = Counted(counts.vectors, "vector", "vectors") + " into " +
                     Printable(args.collection) + " of " + Printable(args.file) + " in " +
                     Seconds(seconds);
  if (counts.made) text += ", which was made";
  if (counts.replaced > 0)
    text += "\n" + Thousands(counts.replaced) + " of them replaced others";
  if (optimized.has_value()) text += "\n" + Thousands(optimized->linked) + " linked";
  session.out.WriteLine(text);
}

}  // namespace

CommandResult ImportVectorFile(Session& session) {
  const Arguments& args = session.args;
  const std::string& path = args.vector.source;
  SHEAF_ASSIGN_OR_RETURN(const VectorFormat format,
                         VectorFormatOf(args.vector.format, path));
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  if (path != "-" && !file)
    return absl::NotFoundError(path + ": cannot be opened: " + std::strerror(errno));
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  SHEAF_ASSIGN_OR_RETURN(VectorImportOptions options, OptionsOf(args, *db));
  const Interrupt interrupt;
  ProgressLine line(session.err);
  options.progress = ShownOn(line, &interrupt);
  VectorSource source;
  source.format = format;
  source.in = path == "-" ? &std::cin : &file;
  const int64_t begun = MonotonicMicros();
  VectorImportCounts counts;
  const absl::Status imported =
      ImportVectors(db.get(), args.collection, source, options, &counts);
  std::optional<VectorOptimizeReport> optimized;
  absl::Status done = imported;
  if (imported.ok() && args.vector.optimizes) {
    auto report = db->OptimizeVectors(args.collection, {}, options.progress);
    done = report.status();
    if (report.ok()) optimized = *report;
  }
  line.Clear();
  if (absl::IsCancelled(done))
    return WithDetails(
        At(args.file, done),
        {{"exit", kExitSignal + interrupt.signal_number()},
         {"hint", imported.ok()
                      ? "the vectors are stored; `sheaf vector optimize` links them"
                      : "nothing was stored"}});
  if (absl::IsInvalidArgument(imported))
    return WithDetails(At(path == "-" ? "standard input" : path, imported),
                       {{"hint", "nothing was stored"}});
  if (!done.ok()) return NameError(args, done);
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  const double seconds = static_cast<double>(MonotonicMicros() - begun) / 1e6;
  PrintCounts(session, counts, optimized, seconds);
  return kExitOk;
}

}  // namespace sheaf::cli
