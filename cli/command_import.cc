// import: JSON documents, one a line, in durable transactions of N documents.
#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

// The lines of the input, up to an interrupt. While an import runs only its thread of
// lines calls Next(); afterwards it stands where that left it.
class InputLines : public LineSource {
 public:
  InputLines(LineReader& reader, const Interrupt& interrupt)
      : reader_(reader), interrupt_(interrupt) {}

  absl::StatusOr<std::optional<std::string_view>> Next() override {
    line_.reset();
    if (interrupt_.signal_number() != 0) return std::nullopt;
    absl::StatusOr<std::optional<LineReader::Line>> line = reader_.Next();
    error_ = line.status();
    SHEAF_RETURN_IF_ERROR(error_);
    bytes_ = reader_.bytes_taken();
    if (!line->has_value()) return std::nullopt;
    line_ = **line;
    return line_->text;
  }
  void Stop() override { interrupt_.EndWait(); }

  uint64_t bytes() const { return bytes_; }  // that were taken; on any thread
  const absl::Status& error() const { return error_; }
  // What line `number` holds, if it is where the reader stands.
  std::optional<std::string_view> Text(uint64_t number) const {
    if (!line_.has_value() || line_->number != number) return std::nullopt;
    return line_->text;
  }

 private:
  LineReader& reader_;
  const Interrupt& interrupt_;
  std::optional<LineReader::Line> line_;
  absl::Status error_;
  std::atomic<uint64_t> bytes_ = 0;
};

// What an import has done: all of it durable.
struct Totals : ImportCounts {
  uint64_t bytes = 0;  // of input
};

class Importer {
 public:
  Importer(Session& session, LineReader& reader, const Interrupt& interrupt,
           const TreeOptions& options)
      : session_(session),
        args_(session.args),
        reader_(reader),
        lines_(reader, interrupt),
        progress_(session.err) {
    options_.key_field = args_.key_field;
    options_.documents_a_commit = args_.batch_documents;
    options_.bytes_a_commit = UINT64_MAX;
    options_.collection = options;
    options_.progress.report = [this](const Progress::State& state) {
      Acknowledge();
      ShowProgress(state.done);
      return true;
    };
  }

  // Ends at the end of the input, at an interrupt, and at the first error.
  absl::Status Run(Database* db);
  const Totals& totals() const { return totals_; }
  double seconds() const {
    return static_cast<double>(MonotonicMicros() - started_us_) / 1e6;
  }

 private:
  absl::Status LineError(const absl::Status& status) const;
  void Acknowledge();
  void ShowProgress(uint64_t documents);

  Session& session_;
  const Arguments& args_;
  LineReader& reader_;
  InputLines lines_;
  ProgressLine progress_;
  ImportOptions options_;
  Totals totals_;
  uint64_t commits_acknowledged_ = 0;
  int64_t started_us_ = MonotonicMicros();
};

absl::Status Importer::Run(Database* db) {
  const absl::Status status =
      ImportJsonLines(db, args_.collection, lines_, options_, &totals_);
  progress_.Clear();
  totals_.bytes = lines_.bytes();
  if (status.ok() || status == lines_.error()) return status;
  return totals_.failed_line != 0 ? LineError(status) : NameError(args_, status);
}

// Names the line, and the column when it is not JSON.
absl::Status Importer::LineError(const absl::Status& status) const {
  const uint64_t number = totals_.failed_line;
  std::string where = reader_.name() + ", line " + Thousands(number);
  Json details = {{"input", reader_.name()}, {"line", number}};
  std::optional<JsonError> error;
  if (const auto text = lines_.Text(number); text && absl::IsInvalidArgument(status))
    error = FindJsonError(*text);
  if (!error.has_value()) {
    const absl::string_view what =
        absl::StripPrefix(status.message(), absl::StrCat("line ", number, ": "));
    return WithDetails(absl::Status(status.code(), absl::StrCat(where, ": ", what)),
                       details);
  }
  details["column"] = error->column;
  details["excerpt"] = error->excerpt;
  where += ", column " + Thousands(error->column) + ": ";
  return WithDetails(absl::InvalidArgumentError(where + error->what), details);
}

void Importer::Acknowledge() {
  if (!args_.acknowledges || totals_.commits == commits_acknowledged_) return;
  commits_acknowledged_ = totals_.commits;
  if (args_.is_json) {
    session_.out.WriteLine(Dump({{"committed", totals_.documents}}));
  } else {
    session_.out.WriteLine("committed " + std::to_string(totals_.documents));
  }
  session_.out.Flush();
}

void Importer::ShowProgress(uint64_t documents) {
  if (!progress_.IsDue()) return;
  double rate = static_cast<double>(documents) / std::max(seconds(), 1e-6);
  const uint64_t bytes = lines_.bytes();
  std::string text = Thousands(documents) + " documents  " +
                     Thousands(static_cast<uint64_t>(rate)) + "/s  " + ByteSize(bytes);
  if (reader_.bytes_total() > 0)
    text += "  " + std::to_string(bytes * 100 / reader_.bytes_total()) + " %";
  progress_.Show(text);
}

Json TotalsJson(const Arguments& args, const Totals& totals, double seconds) {
  double rate = static_cast<double>(totals.documents) / std::max(seconds, 1e-6);
  return {{"collection", args.collection},
          {"documents", totals.documents},
          {"replaced", totals.replaced},
          {"transactions", totals.commits},
          {"bytes", totals.bytes},
          {"seconds", seconds},
          {"documents_per_second", static_cast<uint64_t>(rate)}};
}

std::string TotalsText(const Arguments& args, const Totals& totals, double seconds) {
  double rate = static_cast<double>(totals.documents) / std::max(seconds, 1e-6);
  std::string text = Counted(totals.documents, "document", "documents") + " into " +
                     Printable(args.collection) + " of " + Printable(args.file) + ": " +
                     Counted(totals.commits, "transaction", "transactions") + ", " +
                     ByteSize(totals.bytes) + " in " + Seconds(seconds) + ", " +
                     Thousands(static_cast<uint64_t>(rate)) + " documents/s";
  if (totals.replaced > 0)
    text +=
        "\n" + Thousands(totals.replaced) + " of them replaced documents that were there";
  return text;
}

// The command that imports what is missing, for a person to paste.
std::string HowToGoOn(const Arguments& args, uint64_t line) {
  std::string command = "tail -n +" + std::to_string(line) + " " +
                        (args.input == "-" ? "INPUT" : Printable(args.input)) +
                        " | sheaf import " + Printable(args.file) + " " +
                        Printable(args.collection);
  if (!args.key_field.empty()) command += " --key " + Printable(args.key_field);
  return command;
}

// An import that failed says what it leaves behind.
absl::Status WithTotals(const absl::Status& status, const Arguments& args,
                        const Totals& totals) {
  uint64_t next_line = totals.last_line + 1;
  // Any other error may have come while a transaction was being committed.
  bool is_input = totals.failed_line != 0 || absl::IsInvalidArgument(status) ||
                  absl::IsFailedPrecondition(status);
  std::string hint =
      is_input ? "nothing was stored" : "at most the first transaction was stored, whole";
  if (totals.documents > 0) {
    hint = Counted(totals.documents, "document is", "documents are") +
           " in the file (up to line " + Thousands(totals.last_line) + "), " +
           (is_input ? "nothing of the lines after it"
                     : "of the next transaction all or nothing");
  }
  bool is_wrong_line = absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status);
  if (totals.documents > 0 && is_wrong_line) {
    hint += "\ncorrect the line, then: " + HowToGoOn(args, next_line);
  }
  return WithDetails(status, {{"hint", hint},
                              {"committed", totals.documents},
                              {"transactions", totals.commits},
                              {"first_line_not_stored", next_line}});
}

void PrintTotals(Session& session, const Importer& importer, double seconds,
                 int signal_number) {
  const Arguments& args = session.args;
  const Totals& totals = importer.totals();
  if (args.is_json) {
    Json json = TotalsJson(args, totals, seconds);
    if (signal_number != 0) json["interrupted"] = true;
    session.out.WriteLine(Dump(json));
    return;
  }
  session.out.WriteLine(TotalsText(args, totals, seconds));
  if (signal_number == 0) return;
  session.err.WriteLine(
      "sheaf: interrupted; all of the above is in the file. To go on:\n  " +
      HowToGoOn(args, totals.last_line + 1));
}

}  // namespace

CommandResult Import(Session& session) {
  const Arguments& args = session.args;
  Interrupt interrupt;
  SHEAF_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(args.input, interrupt.fd()));
  TreeOptions options;
  if (args.compression.has_value() || args.compression_level.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(options.compression, CompressionOf(args));
  }
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  Importer importer(session, reader, interrupt, options);
  absl::Status status = importer.Run(db.get());
  double seconds = importer.seconds();
  if (status.ok()) status = At(args.file, db->Close());
  if (!status.ok()) return WithTotals(status, args, importer.totals());
  int signal_number = interrupt.signal_number();
  PrintTotals(session, importer, seconds, signal_number);
  return signal_number == 0 ? static_cast<int>(kExitOk) : kExitSignal + signal_number;
}

}  // namespace sheaf::cli
