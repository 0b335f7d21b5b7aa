// check and dump: looking for damage, and at it.
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

// A screenful; --json has them all.
constexpr size_t kFindingsPrinted = 50;

Json ReportJson(const CheckReport& report) {
  Json findings = Json::array();
  for (const CheckFinding& finding : report.findings) {
    Json json = {{"page", finding.page}, {"what", finding.what}};
    if (finding.page == 0) json.erase("page");
    findings.push_back(json);
  }
  return {{"ok", report.ok()},
          {"pages", report.pages_checked},
          {"trees", report.trees_checked},
          {"entries", report.entries_checked},
          {"findings", findings}};
}

void PrintFindings(const CheckReport& report, Output& out) {
  TextTable table({Align::kLeft, Align::kLeft});
  size_t shown = std::min(report.findings.size(), kFindingsPrinted);
  for (size_t i = 0; i < shown; ++i) {
    const CheckFinding& finding = report.findings[i];
    std::string where =
        finding.page == 0 ? "file" : "page " + std::to_string(finding.page);
    table.AddRow({where, Printable(finding.what)});
  }
  table.Print(out, "  ");
  if (shown < report.findings.size()) {
    out.WriteLine("  … and " + Thousands(report.findings.size() - shown) +
                  " more; --json shows up to 1,000");
  }
}

void PrintFor(const std::string& path, const CheckReport& report, double seconds,
              Output& out) {
  std::string extent = Counted(report.pages_checked, "page", "pages") + ", " +
                       Counted(report.trees_checked, "tree", "trees") + ", " +
                       Counted(report.entries_checked, "entry", "entries");
  if (report.ok()) {
    out.WriteLine(Printable(path) + ": " + out.Paint(Tone::kGood, "nothing wrong") +
                  "  (" + extent + " in " + Seconds(seconds) + ")");
    return;
  }
  out.WriteLine(Printable(path) + ": " + out.Paint(Tone::kBad, "damaged") + "  (" +
                extent + ")");
  PrintFindings(report, out);
  out.WriteLine(
      "`sheaf dump FILE PAGE` shows a page. What can still be read can be copied with\n"
      "`sheaf salvage FILE TO`; a backup, if there is one, is better.");
}

void PrintFields(const std::string& fields, Output& out) {
  Json json = Json::parse(fields, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return;
  TextTable table({Align::kLeft, Align::kLeft});
  for (const auto& [name, value] : json.items()) {
    if (!value.is_array() || value.empty()) {
      table.AddRow({name, value.is_string() ? Printable(value.get<std::string>())
                                            : Printable(Dump(value))});
      continue;
    }
    std::string label = name;
    for (size_t i = 0; i < value.size(); ++i, label.clear()) {
      table.AddRow({label, "[" + std::to_string(i) + "] " + Printable(Dump(value[i]))});
    }
  }
  table.Print(out, "  ");
}

void PrintPage(const PageDescription& page, Output& out) {
  std::string state = page.intact
                          ? out.Paint(Tone::kGood, "intact")
                          : out.Paint(Tone::kBad, "damaged: " + Printable(page.problem));
  out.WriteLine("page " + Thousands(page.page) + "  " +
                out.Paint(Tone::kStrong, Printable(page.kind)) + "  " + state);
  PrintFields(page.json, out);
}

Json PageJson(const PageDescription& page) {
  Json json = {{"page", page.page}, {"kind", page.kind}, {"intact", page.intact}};
  if (!page.intact) json["problem"] = page.problem;
  json["fields"] = Json::parse(page.json, nullptr, /*allow_exceptions=*/false);
  return json;
}

}  // namespace

int PrintReport(const std::string& path, const CheckReport& report, double seconds,
                Session& session) {
  if (session.args.is_json)
    session.out.WriteLine(Dump(ReportJson(report)));
  else
    PrintFor(path, report, seconds, session.out);
  return report.ok() ? kExitOk : kExitNotFound;
}

CheckLevel LevelOf(const Arguments& args, CheckLevel usual) {
  if (!args.level.has_value()) return usual;
  if (args.level == "quick") return CheckLevel::kQuick;
  return args.level == "pages" ? CheckLevel::kPages : CheckLevel::kFull;
}

CommandResult Check(Session& session) {
  const Arguments& args = session.args;
  int64_t started_us = MonotonicMicros();
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  ProgressLine line(session.err);
  auto report = db->Check(LevelOf(args, CheckLevel::kFull), ShownOn(line));
  line.Clear();
  if (!report.ok()) return At(args.file, report.status());
  return PrintReport(args.file, *report,
                     static_cast<double>(MonotonicMicros() - started_us) / 1e6, session);
}

CommandResult DumpPage(Session& session) {
  const Arguments& args = session.args;
  Options options;
  SHEAF_ASSIGN_OR_RETURN(options.key, KeyOf(args, OpenFor::kReading));
  auto page = Database::DescribePage(args.file, args.page, options);
  if (!page.ok()) return FileError(args.file, page.status());
  if (args.is_json) {
    session.out.WriteLine(Dump(PageJson(*page)));
  } else {
    PrintPage(*page, session.out);
  }
  return page->intact ? kExitOk : kExitNotFound;
}

CommandResult Scrub(Session& session) {
  const Arguments& args = session.args;
  const int64_t started_us = MonotonicMicros();
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  CheckReport report;  // of the scrubber's thread, until that has ended
  ScrubOptions options;
  options.bytes_per_second_max = args.bytes_per_second;
  options.pause = absl::InfiniteDuration();
  options.on_damage = [&report](const CheckFinding& finding) {
    if (report.findings.size() < 1000) report.findings.push_back(finding);
  };
  Interrupt interrupt;
  ScrubStatus status;
  {
    Scrubber scrubber(db.get(), std::move(options));
    ProgressLine line(session.err);
    while (!scrubber.WaitForPasses(1, absl::Milliseconds(100)) &&
           interrupt.signal_number() == 0)
      if (line.IsDue()) line.Show("pages checked " + Thousands(scrubber.status().pages));
    status = scrubber.status();
  }
  SHEAF_RETURN_IF_ERROR(At(args.file, status.error));
  if (status.passes == 0)
    return WithDetails(absl::CancelledError(args.file + ": the scrub was cancelled"),
                       {{"exit", kExitSignal + interrupt.signal_number()}});
  report.pages_checked = status.pages;
  return PrintReport(args.file, report,
                     static_cast<double>(MonotonicMicros() - started_us) / 1e6, session);
}

}  // namespace sheaf::cli
