// Compressed contents from arbitrary bytes: whatever they are, the table of their frames is
// refused or adds up, no more memory is taken than it promises, and each frame is its size
// or damaged. What FrameWriter makes of the bytes is those bytes again.
//
// The first byte says where writing is cut into pieces; the rest is the stream, and the
// content.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "blob/frames.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::blobs {
namespace {

using test::Require;

class Source {
 public:
  explicit Source(std::string_view bytes) : bytes_(bytes) {}
  absl::Status operator()(uint64_t offset, absl::Span<char> out) const {
    Require(offset <= bytes_.size() && out.size() <= bytes_.size() - offset,
            "reads behind the end", absl::OkStatus());
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }

 private:
  const std::string_view bytes_;
};

void ReadAll(std::string_view stream) {
  const Source source(stream);
  const absl::StatusOr<FrameTable> table = FrameTable::Load(stream.size(), source);
  if (!table.ok()) {
    Require(absl::IsDataLoss(table.status()), "another error", table.status());
    return;
  }
  Require(table->content_size() <= table->frames() * kFrameBytes, "too much content",
          absl::OkStatus());
  std::string buffer, content;
  for (uint64_t i = 0; i < std::min<uint64_t>(table->frames(), 8); ++i) {
    const absl::Status read = table->ReadFrame(i, source, &buffer, &content);
    Require(read.ok() || absl::IsDataLoss(read), "another error", read);
  }
}

void WriteAndRead(std::string_view content, size_t piece) {
  std::string stream;
  const auto sink = [&](std::string_view bytes) {
    stream.append(bytes);
    return absl::OkStatus();
  };
  FrameWriter writer(1);
  for (size_t at = 0; at < content.size(); at += piece)
    Require(writer.Append(content.substr(at, piece), sink).ok(), "append",
            absl::OkStatus());
  Require(writer.Finish(sink).ok(), "finish", absl::OkStatus());
  const Source source(stream);
  const absl::StatusOr<FrameTable> table = FrameTable::Load(stream.size(), source);
  Require(table.ok() && table->content_size() == content.size(), "its own table",
          table.status());
  std::string buffer, frame, all;
  for (uint64_t i = 0; i < table->frames(); ++i) {
    const absl::Status read = table->ReadFrame(i, source, &buffer, &frame);
    Require(read.ok(), "its own frame", read);
    all += frame;
  }
  Require(all == content, "other bytes", absl::OkStatus());
}

}  // namespace
}  // namespace sheaf::blobs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  sheaf::blobs::ReadAll(rest);
  sheaf::blobs::WriteAndRead(rest, size_t{data[0]} * 997 + 1);
  return 0;
}
