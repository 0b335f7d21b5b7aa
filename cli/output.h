// Output: what the command prints, and how it looks.
//
// Everything for standard output or standard error passes through an Output, so
// that one place knows whether a person is looking (colours, widths, progress)
// and whether the reader is still there. After a failed write the rest is
// dropped and ok() is false: loops that print look at it and stop.
//
// Below it the helpers that make figures readable: aligned tables, thousands
// separators, byte sizes. Thread-compatible.
#ifndef CLI_OUTPUT_H_
#define CLI_OUTPUT_H_
#include <cstdint>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

namespace sheaf::cli {

enum class Tone { kPlain, kStrong, kFaint, kKey, kText, kNumber, kGood, kBad };

class Output {
 public:
  explicit Output(int fd);
  ~Output() { Flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void Write(std::string_view text);
  void WriteLine(std::string_view text);
  void Flush();

  bool ok() const { return error_ == 0; }
  int error() const { return error_; }  // errno of the first failed write
  bool is_terminal() const { return is_terminal_; }
  uint64_t columns() const { return columns_; }  // 0 unless a terminal
  // `text` in colour when a person is looking and has nothing against it.
  std::string Paint(Tone tone, std::string_view text) const;

 private:
  int fd_;
  bool is_terminal_ = false, has_colour_ = false;
  uint64_t columns_ = 0;
  int error_ = 0;
  std::string buffer_;
};

// What a stream writes goes to an Output.
class OutputBuffer : public std::streambuf {
 public:
  explicit OutputBuffer(Output* out) : out_(*out) {}

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize size) override {
    out_.Write({bytes, static_cast<size_t>(size)});
    return out_.ok() ? size : 0;
  }
  int_type overflow(int_type c) override {
    const char byte = traits_type::to_char_type(c);
    return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
  }

 private:
  Output& out_;
};

std::string Thousands(uint64_t number);  // 117,659
std::string ByteSize(uint64_t bytes);    // 12.3 MiB
std::string Seconds(double seconds);     // 1.23 s
std::string Counted(uint64_t count, std::string_view one, std::string_view many);

// Columns it takes on a terminal; wide characters count as one.
uint64_t DisplayWidth(std::string_view text);
// Cut to `columns`, the last of them an ellipsis.
std::string Shortened(std::string text, uint64_t columns);

enum class Align { kLeft, kRight };

// Rows of cells in aligned columns, two spaces apart.
class TextTable {
 public:
  explicit TextTable(std::vector<Align> alignment) : alignment_(std::move(alignment)) {}
  void SetHeader(std::vector<std::string> titles) { header_ = std::move(titles); }
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void Print(Output& out, std::string_view indent = "") const;

 private:
  std::vector<uint64_t> Widths() const;
  std::string Line(const std::vector<std::string>& cells,
                   const std::vector<uint64_t>& widths) const;
  std::vector<Align> alignment_;
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// One line that is written over itself; silent unless `out` is a terminal.
class ProgressLine {
 public:
  explicit ProgressLine(Output& out) : out_(out) {}
  ~ProgressLine() { Clear(); }
  bool IsDue();  // ten times a second
  void Show(const std::string& text);
  void Clear();

 private:
  Output& out_;
  int64_t next_us_ = 0;
  bool is_shown_ = false;
};

int64_t MonotonicMicros();

}  // namespace sheaf::cli
#endif  // CLI_OUTPUT_H_
