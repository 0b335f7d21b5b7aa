// ByteSource: the bytes of a file or of standard input, in pieces.
//
// Memory: one piece. Thread-compatible.
#ifndef CLI_BYTE_SOURCE_H_
#define CLI_BYTE_SOURCE_H_
#include <sheaf/sheaf.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/interrupt.h"

namespace sheaf::cli {

class ByteSource {
 public:
  // "-" is standard input. A usage error when it cannot be read. `interrupt` ends a wait.
  static absl::StatusOr<ByteSource> Open(const std::string& path,
                                         const Interrupt& interrupt);
  ByteSource(ByteSource&& other) noexcept;
  ~ByteSource();

  // So many bytes, or fewer at the end, where there are none; good until the next call.
  // kCancelled: the interrupt came, of which the status has the exit code.
  absl::StatusOr<std::string_view> Next(size_t bytes);

  uint64_t bytes_taken() const { return bytes_taken_; }
  uint64_t bytes_total() const { return bytes_total_; }  // 0 when not known
  const std::string& name() const { return name_; }

 private:
  ByteSource(int fd, const Interrupt* interrupt, std::string name, uint64_t bytes_total);
  absl::Status Wait() const;

  int fd_;
  const Interrupt* interrupt_;
  std::string name_;
  std::string piece_;
  uint64_t bytes_taken_ = 0, bytes_total_ = 0;
};

}  // namespace sheaf::cli
#endif  // CLI_BYTE_SOURCE_H_
