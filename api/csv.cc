#include "api/internal/csv.h"

#include <charconv>
#include <cmath>

#include "api/internal/stream_lines.h"
#include "pager/status_macros.h"

namespace sheaf::internal {

absl::StatusOr<bool> CsvReader::NextLine(std::string_view* line) {
  ++line_;
  const absl::StatusOr<std::optional<std::string_view>> next = lines_.Next();
  status_ = next.status();
  if (!next.ok() || !next->has_value()) {
    --line_;
    return false;
  }
  *line = **next;
  return true;
}

// Behind the first quote. Goes on in the next lines, if need be.
absl::Status CsvReader::ReadQuoted(std::string_view* rest, std::string* text) {
  while (true) {
    const size_t quote = rest->find('"');
    text->append(rest->substr(0, quote));
    if (quote == rest->npos) {
      SHEAF_ASSIGN_OR_RETURN(const bool more, NextLine(rest));
      if (!more) return absl::InvalidArgumentError("a quote is not closed");
      text->push_back('\n');
      if (text->size() + rest->size() > kLineBytesMax)
        return absl::InvalidArgumentError("a field is longer than 128 MiB");
      continue;
    }
    rest->remove_prefix(quote + 1);
    if (!rest->starts_with('"')) return absl::OkStatus();
    text->push_back('"');
    rest->remove_prefix(1);
  }
}

absl::StatusOr<bool> CsvReader::Next(std::vector<CsvField>* fields) {
  fields->clear();
  std::string_view rest;
  do {
    SHEAF_ASSIGN_OR_RETURN(const bool more, NextLine(&rest));
    if (!more) return false;
  } while (rest.find_first_not_of(" \t\r") == rest.npos);
  first_line_ = line_;
  while (true) {
    CsvField& field = fields->emplace_back();
    if (rest.starts_with('"')) {
      field.quoted = true;
      rest.remove_prefix(1);
      SHEAF_RETURN_IF_ERROR(ReadQuoted(&rest, &field.text));
    } else {
      const size_t end = rest.find(separator_);
      field.text = rest.substr(0, end);
      rest.remove_prefix(field.text.size());
      if (rest.empty() && field.text.ends_with('\r')) field.text.pop_back();
      if (field.text.find('"') != std::string::npos)
        return absl::InvalidArgumentError(
            absl::StrCat("field ", fields->size(), ": a quote inside a field without"));
    }
    if (rest.empty() || rest == "\r") return true;
    if (rest[0] != separator_)
      return absl::InvalidArgumentError(
          absl::StrCat("field ", fields->size(), ": something behind the closing quote"));
    rest.remove_prefix(1);
  }
}

void WriteCsvValue(const CsvField& field, document::Writer* writer) {
  const std::string& text = field.text;
  if (field.quoted) return writer->String(text);
  if (text == "true" || text == "false") return writer->Bool(text == "true");
  const char *const begin = text.data(), *const end = begin + text.size();
  // 007 is no number, nor is what from_chars calls inf.
  const size_t digit = text.starts_with('-') ? 1 : 0;
  const bool has_digit = digit < text.size() && text[digit] >= '0' && text[digit] <= '9';
  const bool has_zeros = text.size() > digit + 1 && text[digit] == '0' &&
                         text[digit + 1] >= '0' && text[digit + 1] <= '9';
  if (!has_digit || has_zeros) return writer->String(text);
  int64_t integer = 0;
  if (const auto [at, error] = std::from_chars(begin, end, integer);
      error == std::errc() && at == end)
    return writer->Int(integer);
  uint64_t natural = 0;
  if (const auto [at, error] = std::from_chars(begin, end, natural);
      error == std::errc() && at == end)
    return writer->Uint(natural);
  double real = 0;
  if (const auto [at, error] = std::from_chars(begin, end, real);
      error == std::errc() && at == end && std::isfinite(real))
    return writer->Double(real);
  writer->String(text);
}

void AppendCsvQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

}  // namespace sheaf::internal
