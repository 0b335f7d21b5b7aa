// The errors that every kind of File gives in the same words. Only for the
// implementations of pager/file.h; callers look at the status code.
#ifndef PAGER_FILE_ERRORS_H_
#define PAGER_FILE_ERRORS_H_
#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sheaf::pager {

// Offsets are signed in POSIX; the other kinds keep the same limit so that a
// test on them says something about disks.
inline constexpr uint64_t kFileBytesMax = std::numeric_limits<int64_t>::max();

inline bool PastFileBytesMax(uint64_t offset, uint64_t size) {
  return offset > kFileBytesMax || size > kFileBytesMax - offset;
}

inline absl::Status ReadPastEnd(const std::string& path, uint64_t offset, uint64_t wanted,
                                uint64_t file_size) {
  return absl::OutOfRangeError(absl::StrCat(path, ": read of ", wanted,
                                            " bytes at offset ", offset,
                                            ": the file has ", file_size, " bytes"));
}

inline absl::Status PastLargestFile(const std::string& path, const char* operation,
                                    uint64_t offset, uint64_t size) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": ", operation, " of ", size,
                                                   " bytes at offset ", offset,
                                                   ": past the largest file size"));
}

inline absl::Status OpenedReadOnly(const std::string& path, const char* operation) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": ", operation, ": the file was opened read-only"));
}

inline absl::Status NotARegularFile(const std::string& path, const char* kind) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": is ", kind, ", not a regular file"));
}

inline absl::Status OpenedBeforeFork(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": was opened before this process was forked off: open it here to write"));
}

// A zero byte would end the path early and silently name another file.
inline absl::Status CheckPath(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("path is empty");
  const size_t zero = path.find('\0');
  if (zero == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path.substr(0, zero), ": the path contains a zero byte"));
}

}  // namespace sheaf::pager
#endif  // PAGER_FILE_ERRORS_H_
