// import: JSON documents, one a line, in durable transactions of N documents.
#include <simdjson.h>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

static_assert(LineReader::kPadding >= simdjson::SIMDJSON_PADDING);

// Finds the key of a document in one of its own fields.
class KeyFinder {
 public:
  explicit KeyFinder(std::string field) : field_(std::move(field)) {}

  // Requires: kPadding bytes after `json` may be read.
  absl::StatusOr<DocumentKey> Find(std::string_view json) {
    simdjson::padded_string_view padded(json.data(), json.size(),
                                        json.size() + LineReader::kPadding);
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    simdjson::ondemand::value value;
    auto error = parser_.iterate(padded).get(document);
    if (!error) error = document.get_object().get(object);
    if (error == simdjson::INCORRECT_TYPE)
      return Wrong("is not an object, so it has no field ");
    if (!error) error = object.find_field(field_).get(value);
    if (error == simdjson::NO_SUCH_FIELD) return Wrong("has no field ");
    if (error) return absl::InvalidArgumentError(simdjson::error_message(error));
    return KeyOf(value);
  }

 private:
  absl::StatusOr<DocumentKey> KeyOf(simdjson::ondemand::value value) {
    std::string_view text;
    int64_t number = 0;
    if (!value.get_string().get(text)) return DocumentKey(text);
    if (!value.get_int64().get(number)) return DocumentKey(number);
    return Wrong("has neither text nor a 64-bit integer in its key field ");
  }

  absl::Status Wrong(const char* what) const {
    return absl::InvalidArgumentError(std::string("the document ") + what +
                                      Printable(field_));
  }

  std::string field_;
  simdjson::ondemand::parser parser_;
};

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// What an import has done: all of it durable.
struct Totals {
  uint64_t documents = 0, replaced = 0, transactions = 0;
  uint64_t bytes = 0;      // of input, the documents of committed transactions
  uint64_t last_line = 0;  // the last one whose document is stored
};

class Importer {
 public:
  Importer(Session& session, Database& db, LineReader& lines, const Interrupt& interrupt,
           const TreeOptions& options)
      : session_(session),
        args_(session.args),
        db_(db),
        lines_(lines),
        interrupt_(interrupt),
        key_finder_(session.args.key_field),
        progress_(session.err),
        options_(options) {}

  // Ends at the end of the input, at an interrupt, and at the first error.
  absl::Status Run();
  const Totals& totals() const { return totals_; }
  double seconds() const {
    return static_cast<double>(MonotonicMicros() - started_us_) / 1e6;
  }

 private:
  absl::Status NextLine();  // fills line_ with one that is not blank, or with nothing
  absl::Status ImportBatch();
  absl::Status PutLine(Collection& collection);
  absl::Status LineError(const absl::Status& status) const;
  void Acknowledge();
  void ShowProgress(uint64_t documents);

  Session& session_;
  const Arguments& args_;
  Database& db_;
  LineReader& lines_;
  const Interrupt& interrupt_;
  KeyFinder key_finder_;
  ProgressLine progress_;
  std::optional<LineReader::Line> line_;
  Totals totals_;
  const TreeOptions options_;
  int64_t started_us_ = MonotonicMicros();
};

absl::Status Importer::Run() {
  SHEAF_RETURN_IF_ERROR(NextLine());
  while (line_.has_value()) {
    SHEAF_RETURN_IF_ERROR(ImportBatch());
    Acknowledge();
    SHEAF_RETURN_IF_ERROR(NextLine());
  }
  progress_.Clear();
  return absl::OkStatus();
}

absl::Status Importer::NextLine() {
  do {
    line_.reset();
    if (interrupt_.signal_number() != 0) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(line_, lines_.Next());
  } while (line_.has_value() && IsBlank(line_->text));
  return absl::OkStatus();
}

absl::Status Importer::ImportBatch() {
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_.BeginWrite());
  auto collection = txn.collection(args_.collection, options_);
  if (!collection.ok()) return NameError(args_, collection.status());
  SHEAF_ASSIGN_OR_RETURN(uint64_t size_before, collection->size());
  Totals done = totals_;
  for (uint64_t count = 0; line_.has_value();) {
    SHEAF_RETURN_IF_ERROR(PutLine(*collection));
    done.documents += 1;
    done.last_line = line_->number;
    done.bytes = lines_.bytes_taken();
    ShowProgress(done.documents);
    if (++count == args_.batch_documents) break;  // before a wait for more input
    SHEAF_RETURN_IF_ERROR(NextLine());
  }
  SHEAF_ASSIGN_OR_RETURN(uint64_t size_after, collection->size());
  SHEAF_RETURN_IF_ERROR(txn.Commit());
  done.replaced += done.documents - totals_.documents - (size_after - size_before);
  done.transactions += 1;
  totals_ = done;
  return absl::OkStatus();
}

absl::Status Importer::PutLine(Collection& collection) {
  std::string_view json = line_->text;
  if (args_.key_field.empty()) return LineError(collection.Append(json).status());
  auto key = key_finder_.Find(json);
  if (!key.ok()) return LineError(key.status());
  return LineError(collection.Put(*key, json));
}

// Names the line, and the column when it is not JSON.
absl::Status Importer::LineError(const absl::Status& status) const {
  if (status.ok()) return status;
  std::string where = lines_.name() + ", line " + Thousands(line_->number);
  Json details = {{"input", lines_.name()}, {"line", line_->number}};
  std::optional<JsonError> error;
  if (absl::IsInvalidArgument(status)) error = FindJsonError(line_->text);
  if (!error.has_value()) {
    absl::Status located(status.code(), where + ": " + std::string(status.message()));
    return WithDetails(located, details);
  }
  details["column"] = error->column;
  details["excerpt"] = error->excerpt;
  where += ", column " + Thousands(error->column) + ": ";
  return WithDetails(absl::InvalidArgumentError(where + error->what), details);
}

void Importer::Acknowledge() {
  if (!args_.acknowledges) return;
  if (args_.is_json) {
    session_.out.WriteLine(Dump({{"committed", totals_.documents}}));
  } else {
    session_.out.WriteLine("committed " + std::to_string(totals_.documents));
  }
  session_.out.Flush();
}

void Importer::ShowProgress(uint64_t documents) {
  if (documents % 64 != 0 || !progress_.IsDue()) return;
  double rate = static_cast<double>(documents) / std::max(seconds(), 1e-6);
  std::string text = Thousands(documents) + " documents  " +
                     Thousands(static_cast<uint64_t>(rate)) + "/s  " +
                     ByteSize(lines_.bytes_taken());
  if (lines_.bytes_total() > 0) {
    text +=
        "  " + std::to_string(lines_.bytes_taken() * 100 / lines_.bytes_total()) + " %";
  }
  progress_.Show(text);
}

Json TotalsJson(const Arguments& args, const Totals& totals, double seconds) {
  double rate = static_cast<double>(totals.documents) / std::max(seconds, 1e-6);
  return {{"collection", args.collection},
          {"documents", totals.documents},
          {"replaced", totals.replaced},
          {"transactions", totals.transactions},
          {"bytes", totals.bytes},
          {"seconds", seconds},
          {"documents_per_second", static_cast<uint64_t>(rate)}};
}

std::string TotalsText(const Arguments& args, const Totals& totals, double seconds) {
  double rate = static_cast<double>(totals.documents) / std::max(seconds, 1e-6);
  std::string text = Counted(totals.documents, "document", "documents") + " into " +
                     Printable(args.collection) + " of " + Printable(args.file) + ": " +
                     Counted(totals.transactions, "transaction", "transactions") + ", " +
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
  bool is_input = absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status);
  std::string hint =
      is_input ? "nothing was stored" : "at most the first transaction was stored, whole";
  if (totals.documents > 0) {
    hint = Counted(totals.documents, "document is", "documents are") +
           " in the file (up to line " + Thousands(totals.last_line) + "), " +
           (is_input ? "nothing of the lines after it"
                     : "of the next transaction all or nothing");
  }
  if (totals.documents > 0 && absl::IsInvalidArgument(status)) {
    hint += "\ncorrect the line, then: " + HowToGoOn(args, next_line);
  }
  return WithDetails(status, {{"hint", hint},
                              {"committed", totals.documents},
                              {"transactions", totals.transactions},
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
  SHEAF_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(args.input, interrupt.fd()));
  TreeOptions options;
  if (args.compression.has_value() || args.compression_level.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(options.compression, CompressionOf(args));
  }
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  Importer importer(session, *db, lines, interrupt, options);
  absl::Status status = importer.Run();
  double seconds = importer.seconds();
  if (status.ok()) status = At(args.file, db->Close());
  if (!status.ok()) return WithTotals(status, args, importer.totals());
  int signal_number = interrupt.signal_number();
  PrintTotals(session, importer, seconds, signal_number);
  return signal_number == 0 ? static_cast<int>(kExitOk) : kExitSignal + signal_number;
}

}  // namespace sheaf::cli
