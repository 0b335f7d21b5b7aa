#include "cli/failure.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace sheaf::cli {
namespace {

constexpr char kDetails[] = "sheaf.cli/details";

Json DetailsOf(const absl::Status& status) {
  auto payload = status.GetPayload(kDetails);
  if (!payload.has_value()) return Json::object();
  return Json::parse(std::string(*payload), nullptr, /*allow_exceptions=*/false);
}

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message());
}

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c));
}

// Whether `where` stands in `message`, not as a part of some word.
bool Names(std::string_view message, std::string_view where) {
  size_t at = message.find(where);
  if (at == std::string_view::npos) return false;
  std::string_view after = message.substr(at + where.size());
  return (at == 0 || !IsWordCharacter(message[at - 1])) &&
         (after.empty() || !IsWordCharacter(after[0]));
}

// What helps whichever command it was; a hint of the command's own goes first.
std::string UsualHint(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kDataLoss:
      return "`sheaf check FILE` lists what is damaged, `sheaf dump FILE PAGE` shows a "
             "page";
    case absl::StatusCode::kUnavailable:
      return "one program at a time may write to a file: close the other one, or wait "
             "for it";
    case absl::StatusCode::kUnimplemented:
      return "the file was written by a newer Sheaf: use that version, or a later one";
    case absl::StatusCode::kPermissionDenied:
      return "commands that only read need read access, the others need write access to "
             "the "
             "file and its directory";
    default:
      return "";
  }
}

void PrintIndented(std::string_view text, Output& err) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    err.Write("  ");
    err.WriteLine(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

absl::Status WithDetails(absl::Status status, const Json& details) {
  if (status.ok()) return status;
  Json all = DetailsOf(status);
  for (const auto& [name, value] : details.items()) {
    if (!all.contains(name)) all[name] = value;
  }
  status.SetPayload(kDetails, absl::Cord(Dump(all)));
  return status;
}

absl::Status WithHint(absl::Status status, std::string_view hint) {
  return WithDetails(std::move(status), {{"hint", hint}});
}

absl::Status At(std::string_view where, const absl::Status& status) {
  std::string message = MessageOf(status);
  if (status.ok() || Names(message, where)) return status;
  absl::Status located(status.code(), std::string(where) + ": " + message);
  return WithDetails(std::move(located), DetailsOf(status));
}

absl::Status UsageError(const std::string& message) {
  return WithDetails(absl::InvalidArgumentError(message), {{"exit", kExitUsage}});
}

int ExitCodeOf(const absl::Status& status) {
  Json details = DetailsOf(status);
  if (details.contains("exit")) return details["exit"].get<int>();
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
      return kExitNotFound;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
      return kExitUsage;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
      return kExitBadFile;
    case absl::StatusCode::kUnavailable:
      return kExitLocked;
    default:
      return kExitOther;
  }
}

void PrintFailure(const absl::Status& status, bool is_json, Output& err) {
  Json details = DetailsOf(status);
  if (!details.contains("hint")) {
    std::string hint = UsualHint(status.code());
    if (!hint.empty()) details["hint"] = hint;
  }
  if (is_json) {
    Json error = {{"code", absl::StatusCodeToString(status.code())},
                  {"message", MessageOf(status)}};
    details["exit"] = ExitCodeOf(status);
    error.update(details);
    err.WriteLine(Dump({{"error", error}}));
    return;
  }
  err.WriteLine(err.Paint(Tone::kBad, "sheaf: ") + Printable(MessageOf(status)));
  for (const char* part : {"excerpt", "hint"}) {
    if (details.contains(part)) PrintIndented(details[part].get<std::string>(), err);
  }
}

}  // namespace sheaf::cli
