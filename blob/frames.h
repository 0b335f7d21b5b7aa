// Compressed contents: zstd frames that can be read from the middle.
//
// The bytes are those of the Zstandard seekable format, version 0.1.0 (in zstd's sources,
// contrib/seekable_format), without checksums, which the pages have: frames of 64 KiB of
// content each, but the last; then a skippable frame:
//
//        0     4  0x184D2A5E
//        4     4  bytes of what follows
//        .   8*n  of each frame: bytes in the stream (4), bytes of content (4)
//        .     4  n
//        .     1  descriptor, 0
//        .     4  0x8F92EAB1
//
// So whatever reads zstd reads them, and skips the table.
#ifndef BLOB_FRAMES_H_
#define BLOB_FRAMES_H_
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sheaf::blobs {

inline constexpr uint64_t kFrameBytes = uint64_t{64} << 10;  // of content

class FrameWriter {
 public:
  using Sink = absl::FunctionRef<absl::Status(std::string_view)>;
  explicit FrameWriter(int level) : level_(level) {}

  absl::Status Append(std::string_view bytes, Sink sink);
  // The last frame and the table.
  absl::Status Finish(Sink sink);

 private:
  absl::Status EndFrame(Sink sink);

  const int level_;
  std::string plain_, compressed_;
  std::string table_;  // its entries
  uint32_t frames_ = 0;
};

// Where the frames of a stream lie. Memory: 8 bytes for each 64 KiB of content.
class FrameTable {
 public:
  using Read = absl::FunctionRef<absl::Status(uint64_t offset, absl::Span<char> out)>;
  // Of a stream of `stored` bytes that `read` reads. kDataLoss: it is none.
  static absl::StatusOr<FrameTable> Load(uint64_t stored, Read read);

  uint64_t content_size() const { return content_size_; }
  uint64_t frames() const { return begins_.size() - 1; }
  // Makes `*content` that of a frame. kDataLoss.
  absl::Status ReadFrame(uint64_t frame, Read read, std::string* buffer,
                         std::string* content) const;

 private:
  std::vector<uint64_t> begins_ = {0};  // in the stream, and the end of the last
  uint64_t content_size_ = 0;
};

}  // namespace sheaf::blobs
#endif  // BLOB_FRAMES_H_
