#include "cli/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/failure.h"

namespace sheaf::cli {
namespace {

constexpr size_t kBufferBytesMin = 1 << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

absl::StatusOr<LineReader> LineReader::Open(const std::string& path, int wake_fd) {
  bool is_standard = path == "-";
  int fd = is_standard ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string name = is_standard ? "standard input" : path;
  if (fd < 0) return UsageError("cannot read " + name + ": " + strerror(errno));
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    if (!is_standard) close(fd);
    return UsageError("cannot read " + name + ": it is a directory");
  }
  uint64_t bytes_total = S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0;
  return LineReader(fd, wake_fd, std::move(name), bytes_total);
}

LineReader::LineReader(int fd, int wake_fd, std::string name, uint64_t bytes_total)
    : fd_(fd), wake_fd_(wake_fd), name_(std::move(name)), bytes_total_(bytes_total) {
  buffer_.resize(kBufferBytesMin);
}

LineReader::LineReader(LineReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      wake_fd_(other.wake_fd_),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      end_(other.end_),
      searched_(other.searched_),
      is_at_end_(other.is_at_end_),
      line_number_(other.line_number_),
      bytes_taken_(other.bytes_taken_),
      bytes_total_(other.bytes_total_) {}

LineReader::~LineReader() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

absl::StatusOr<std::optional<LineReader::Line>> LineReader::Next() {
  while (true) {
    const char* from = buffer_.data() + searched_;
    if (const void* found = memchr(from, '\n', end_ - searched_)) {
      size_t position =
          static_cast<size_t>(static_cast<const char*>(found) - buffer_.data());
      return Take(position - begin_, 1);
    }
    searched_ = end_;
    if (is_at_end_) {
      if (begin_ == end_) return std::nullopt;
      return Take(end_ - begin_, 0);
    }
    SHEAF_ASSIGN_OR_RETURN(bool has_input, WaitForInput());
    if (!has_input) return std::nullopt;
    SHEAF_RETURN_IF_ERROR(Fill());
  }
}

LineReader::Line LineReader::Take(size_t length, size_t end_length) {
  Line line{{buffer_.data() + begin_, length}, ++line_number_};
  begin_ += length + end_length;
  searched_ = begin_;
  bytes_taken_ += length + end_length;
  if (line.number == 1 && line.text.starts_with(kByteOrderMark)) {
    line.text.remove_prefix(kByteOrderMark.size());
  }
  if (line.text.ends_with('\r')) line.text.remove_suffix(1);
  return line;
}

absl::StatusOr<bool> LineReader::WaitForInput() {
  pollfd waits[2] = {{fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  while (poll(waits, 2, -1) < 0) {
    if (errno != EINTR) {
      return absl::UnknownError("cannot wait for " + name_ + ": " + strerror(errno));
    }
  }
  return waits[1].revents == 0;
}

absl::Status LineReader::Fill() {
  if (begin_ > 0) {
    memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_, searched_ -= begin_, begin_ = 0;
  }
  if (end_ >= kLineBytesMax) {
    return UsageError("line " + Thousands(line_number_ + 1) + " of " + name_ +
                      " is longer than " + ByteSize(kLineBytesMax));
  }
  if (end_ > buffer_.size() / 2) buffer_.resize(buffer_.size() * 2);
  ssize_t got = read(fd_, buffer_.data() + end_, buffer_.size() - end_);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return absl::OkStatus();
  if (got < 0) return absl::UnknownError("cannot read " + name_ + ": " + strerror(errno));
  if (got == 0) is_at_end_ = true;
  end_ += static_cast<size_t>(got);
  return absl::OkStatus();
}

}  // namespace sheaf::cli
