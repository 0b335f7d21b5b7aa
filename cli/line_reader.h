// LineReader: the lines of a file or pipe, without copying them.
//
// Memory is bounded by the longest line, and that by kLineBytesMax.
// Thread-compatible.
#ifndef CLI_LINE_READER_H_
#define CLI_LINE_READER_H_
#include <sheaf/sheaf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sheaf::cli {

// A document of 64 MiB, and as much white space again.
inline constexpr uint64_t kLineBytesMax = uint64_t{128} << 20;

class LineReader {
 public:
  struct Line {
    std::string_view text;  // without its end; valid until the next call
    uint64_t number = 0;    // from 1
  };

  // "-" is standard input. `wake_fd`, when readable, ends a wait for input.
  static absl::StatusOr<LineReader> Open(const std::string& path, int wake_fd);
  LineReader(LineReader&& other) noexcept;
  ~LineReader();

  // Nothing at the end of the input and when `wake_fd` ended the wait. The last
  // line needs no line end; a byte order mark before the first is skipped.
  absl::StatusOr<std::optional<Line>> Next();

  uint64_t bytes_taken() const { return bytes_taken_; }
  uint64_t bytes_total() const { return bytes_total_; }  // 0 when not known
  const std::string& name() const { return name_; }

 private:
  LineReader(int fd, int wake_fd, std::string name, uint64_t bytes_total);
  // Moves what is left to the front, makes room and reads once.
  absl::Status Fill();
  absl::StatusOr<bool> WaitForInput();
  Line Take(size_t length, size_t end_length);

  int fd_, wake_fd_;
  std::string name_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // of the bytes not taken yet
  size_t searched_ = 0;         // no line end in [begin_, searched_)
  bool is_at_end_ = false;
  uint64_t line_number_ = 0, bytes_taken_ = 0, bytes_total_ = 0;
};

}  // namespace sheaf::cli
#endif  // CLI_LINE_READER_H_
