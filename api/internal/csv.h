// CSV after RFC 4180: records of fields, which may hold separators, quotes and line ends if
// they stand in quotes. Not installed for use.
#ifndef API_INTERNAL_CSV_H_
#define API_INTERNAL_CSV_H_
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"
#include "sheaf/json_lines.h"

namespace sheaf::internal {

struct CsvField {
  std::string text;
  bool quoted = false;
};

// Thread-compatible.
class CsvReader {
 public:
  CsvReader(LineSource* lines, char separator) : lines_(*lines), separator_(separator) {}

  // Blank lines are passed over. False: there is none left, and lines() says why not.
  // kInvalidArgument: what is wrong with the record, behind which it can go on.
  absl::StatusOr<bool> Next(std::vector<CsvField>* fields);
  // The status of the lines themselves.
  const absl::Status& status() const { return status_; }
  uint64_t first_line() const { return first_line_; }  // of the record, from 1
  uint64_t line() const { return line_; }              // that were read

 private:
  absl::StatusOr<bool> NextLine(std::string_view* line);
  absl::Status ReadQuoted(std::string_view* rest, std::string* text);

  LineSource& lines_;
  const char separator_;
  absl::Status status_;
  uint64_t line_ = 0, first_line_ = 0;
};

// A number, true, false, or text.
void WriteCsvValue(const CsvField& field, document::Writer* writer);
// A field in quotes, appended.
void AppendCsvQuoted(std::string_view text, std::string* out);

}  // namespace sheaf::internal
#endif  // API_INTERNAL_CSV_H_
