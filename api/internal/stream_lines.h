// Lines of a stream, for imports. Not installed for use.
#ifndef API_INTERNAL_STREAM_LINES_H_
#define API_INTERNAL_STREAM_LINES_H_
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "sheaf/json_lines.h"

namespace sheaf::internal {

inline constexpr size_t kLineBytesMax = size_t{128} << 20;

inline absl::Status AtLine(uint64_t line, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("line ", line, ": ", status.message()));
}

// Lines of a stream, in a buffer no longer than the longest of them and one read.
class StreamLines : public LineSource {
 public:
  explicit StreamLines(std::istream* in) : in_(*in) {}

  absl::StatusOr<std::optional<std::string_view>> Next() override {
    ++number_;
    while (true) {
      const size_t end = buffer_.find('\n', searched_);
      if (end != buffer_.npos) return Take(end, 1);
      searched_ = buffer_.size();
      if (buffer_.size() - begin_ > kLineBytesMax)
        return AtLine(number_, absl::InvalidArgumentError("longer than 128 MiB"));
      if (!Read()) break;
    }
    if (in_.bad())
      return AtLine(number_, absl::UnavailableError("the stream cannot be read"));
    if (begin_ == buffer_.size()) return std::optional<std::string_view>();
    return Take(buffer_.size(), 0);
  }

 private:
  static constexpr size_t kReadBytes = 1 << 20;

  std::optional<std::string_view> Take(size_t end, size_t behind) {
    std::string_view line(buffer_.data() + begin_, end - begin_);
    if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    begin_ = searched_ = end + behind;
    return line;
  }
  bool Read() {
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
    const size_t size = buffer_.size();
    buffer_.resize(size + kReadBytes);
    in_.read(buffer_.data() + size, kReadBytes);
    buffer_.resize(size + static_cast<size_t>(in_.gcount()));
    return buffer_.size() > size;
  }

  std::istream& in_;
  std::string buffer_;
  size_t begin_ = 0, searched_ = 0;  // no line end between them
  uint64_t number_ = 0;
};

}  // namespace sheaf::internal
#endif  // API_INTERNAL_STREAM_LINES_H_
