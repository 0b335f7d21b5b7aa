// expire: what has expired goes, or is told of.
#include <cstdlib>

#include "cli/commands.h"
#include "cli/expiry_text.h"
#include "cli/failure.h"
#include "cli/text.h"

namespace sheaf::cli {

absl::StatusOr<absl::Duration> ParseTtl(const std::string& text) {
  absl::Duration ttl;
  const char unit = text.empty() ? '\0' : text.back();
  if (unit == 'd' || unit == 'w') {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const bool is_number = end == text.c_str() + text.size() - 1;
    ttl = is_number ? absl::Hours(unit == 'd' ? 24 : 7 * 24) * number
                    : absl::ZeroDuration();
  } else if (!absl::ParseDuration(text, &ttl)) {
    ttl = absl::ZeroDuration();
  }
  if (ttl > absl::ZeroDuration() && ttl <= Expiry::DurationMax()) return ttl;
  return WithHint(UsageError("--ttl " + Printable(text) + ": is no duration from now on"),
                  "write 90s, 15m, 24h, 1h30m, 7d or 2w; up to 1,000 years");
}

absl::StatusOr<std::optional<Expiry>> ExpiryOf(const Arguments& args) {
  if (args.ttl.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(const absl::Duration ttl, ParseTtl(*args.ttl));
    return std::optional<Expiry>(args.slides ? Expiry::Sliding(ttl) : Expiry::After(ttl));
  }
  if (args.is_forever) return std::optional<Expiry>(Expiry::Never());
  if (!args.expires_at.has_value()) return std::optional<Expiry>();
  absl::Time instant;
  std::string why;
  const bool is_time =
      absl::ParseTime(absl::RFC3339_full, *args.expires_at, &instant, &why);
  if (is_time && instant >= absl::UnixEpoch() && instant < absl::InfiniteFuture())
    return std::optional<Expiry>(Expiry::At(instant));
  return WithHint(
      UsageError("--expires-at " + Printable(*args.expires_at) + ": is no instant"),
      "write it as RFC 3339 has it: 2030-01-31T12:00:00Z or 2030-01-31T12:00:00+01:00");
}

std::string InstantText(absl::Time instant) {
  if (instant == absl::InfiniteFuture()) return "never";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", instant, absl::UTCTimeZone());
}

std::string ExpiryText(const Expiry& expiry) {
  switch (expiry.kind()) {
    case Expiry::Kind::kNever:
      return "never";
    case Expiry::Kind::kAt:
      return InstantText(expiry.instant());
    case Expiry::Kind::kAfter:
      return "after " + absl::FormatDuration(expiry.duration());
    case Expiry::Kind::kSliding:
      return "sliding " + absl::FormatDuration(expiry.duration());
  }
  return "";
}

namespace {

Json ReportJson(const std::vector<ExpiryStats>& all) {
  Json list = Json::array();
  for (const ExpiryStats& one : all) {
    Json json = {{"name", one.name},
                 {"kind", KindName(one.kind)},
                 {"visible", one.visible},
                 {"expired", one.expired},
                 {"expiring", one.expiring}};
    if (one.next != absl::InfiniteFuture()) json["next"] = InstantText(one.next);
    if (one.usual != Expiry::Never()) json["default"] = ExpiryText(one.usual);
    list.push_back(std::move(json));
  }
  return list;
}

CommandResult Report(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  const auto all = db->BeginRead().ListExpiring();
  if (!all.ok()) return At(args.file, all.status());
  if (args.is_json) {
    session.out.WriteLine(Dump({{"expiring", ReportJson(*all)}}));
    return kExitOk;
  }
  if (all->empty()) {
    session.out.WriteLine("nothing expires");
    return kExitOk;
  }
  TextTable table({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight,
                   Align::kRight, Align::kLeft, Align::kLeft});
  table.SetHeader({"NAME", "KIND", "VISIBLE", "EXPIRED", "EXPIRING", "NEXT", "DEFAULT"});
  for (const ExpiryStats& one : *all)
    table.AddRow({Printable(one.name), KindName(one.kind), Thousands(one.visible),
                  Thousands(one.expired), Thousands(one.expiring - one.expired),
                  InstantText(one.next), ExpiryText(one.usual)});
  table.Print(session.out);
  return kExitOk;
}

}  // namespace

CommandResult Expire(Session& session) {
  const Arguments& args = session.args;
  if (args.reports) return Report(session);
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  Interrupt interrupt;
  ProgressLine line(session.err);
  ExpireOptions options;
  options.batch = args.batch_documents;
  options.records_max = args.limit.value_or(UINT64_MAX);
  const auto result = db->Expire(options, ShownOn(line, &interrupt));
  line.Clear();
  if (!result.ok() && interrupt.signal_number() == 0)
    return At(args.file, result.status());
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  if (!result.ok())
    return WithDetails(WithHint(At(args.file, result.status()),
                                "what was removed is gone; call it again for the rest"),
                       {{"exit", kExitSignal + interrupt.signal_number()}});
  if (args.is_json) {
    Json kinds = Json::object();
    for (const auto& [kind, count] : result->removed) kinds[KindName(kind)] = count;
    Json json = {{"removed", result->removed_total},
                 {"removed_by_kind", kinds},
                 {"remaining", result->remaining}};
    if (result->next != absl::InfiniteFuture()) json["next"] = InstantText(result->next);
    session.out.WriteLine(Dump(json));
    return kExitOk;
  }
  session.out.WriteLine(Printable(args.file) + ": " +
                        Counted(result->removed_total, "record", "records") +
                        " removed, " + Thousands(result->remaining) +
                        " expired and still there; next: " + InstantText(result->next));
  return kExitOk;
}

}  // namespace sheaf::cli
