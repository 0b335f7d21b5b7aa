#include "cli/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "cli/failure.h"

namespace sheaf::cli {

absl::StatusOr<ByteSource> ByteSource::Open(const std::string& path,
                                            const Interrupt& interrupt) {
  const bool is_standard = path == "-";
  const int fd = is_standard ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string name = is_standard ? "standard input" : path;
  if (fd < 0) return UsageError("cannot read " + name + ": " + strerror(errno));
  struct stat info {};
  const bool is_known = fstat(fd, &info) == 0;
  if (is_known && S_ISDIR(info.st_mode)) {
    if (!is_standard) close(fd);
    return UsageError("cannot read " + name + ": it is a directory");
  }
  const uint64_t bytes_total =
      is_known && S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0;
  return ByteSource(fd, &interrupt, std::move(name), bytes_total);
}

ByteSource::ByteSource(int fd, const Interrupt* interrupt, std::string name,
                       uint64_t bytes_total)
    : fd_(fd), interrupt_(interrupt), name_(std::move(name)), bytes_total_(bytes_total) {}

ByteSource::ByteSource(ByteSource&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      interrupt_(other.interrupt_),
      name_(std::move(other.name_)),
      piece_(std::move(other.piece_)),
      bytes_taken_(other.bytes_taken_),
      bytes_total_(other.bytes_total_) {}

ByteSource::~ByteSource() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

absl::StatusOr<std::string_view> ByteSource::Next(size_t bytes) {
  piece_.resize(bytes);
  size_t size = 0;
  while (size < bytes) {
    SHEAF_RETURN_IF_ERROR(Wait());
    const ssize_t got = read(fd_, piece_.data() + size, bytes - size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0)
      return absl::UnknownError("cannot read " + name_ + ": " + strerror(errno));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  bytes_taken_ += size;
  return std::string_view(piece_.data(), size);
}

absl::Status ByteSource::Wait() const {
  pollfd waits[2] = {{fd_, POLLIN, 0}, {interrupt_->fd(), POLLIN, 0}};
  while (poll(waits, 2, -1) < 0)
    if (errno != EINTR)
      return absl::UnknownError("cannot wait for " + name_ + ": " + strerror(errno));
  if (interrupt_->signal_number() == 0) return absl::OkStatus();
  return WithDetails(absl::CancelledError(name_ + ": interrupted"),
                     {{"exit", kExitSignal + interrupt_->signal_number()}});
}

}  // namespace sheaf::cli
