#include "blob/frames.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/compression.h"
#include "pager/status_macros.h"

namespace sheaf::blobs {

using pager::DecodeFixed32;

namespace {

constexpr uint32_t kSkippable = 0x184D2A5E, kSeekable = 0x8F92EAB1;
constexpr uint64_t kHeadBytes = 8, kEntryBytes = 8, kFootBytes = 9;
constexpr uint64_t kEntriesAtOnce = 4096;  // read of the table

void AppendFixed32(std::string* out, uint32_t value) {
  char bytes[4];
  pager::EncodeFixed32(bytes, value);
  out->append(bytes, sizeof bytes);
}

absl::Status NoTable(const std::string& why) {
  return absl::DataLossError(
      absl::StrCat("a compressed content ends in no table of its frames: ", why));
}

}  // namespace

absl::Status FrameWriter::Append(std::string_view bytes, Sink sink) {
  while (!bytes.empty()) {
    const size_t n = std::min<size_t>(bytes.size(), kFrameBytes - plain_.size());
    plain_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (plain_.size() == kFrameBytes) SHEAF_RETURN_IF_ERROR(EndFrame(sink));
  }
  return absl::OkStatus();
}

absl::Status FrameWriter::EndFrame(Sink sink) {
  compressed_.clear();
  SHEAF_RETURN_IF_ERROR(pager::CompressFrame(plain_, level_, &compressed_));
  AppendFixed32(&table_, static_cast<uint32_t>(compressed_.size()));
  AppendFixed32(&table_, static_cast<uint32_t>(plain_.size()));
  ++frames_;
  plain_.clear();
  return sink(compressed_);
}

absl::Status FrameWriter::Finish(Sink sink) {
  if (!plain_.empty()) SHEAF_RETURN_IF_ERROR(EndFrame(sink));
  std::string head;
  AppendFixed32(&head, kSkippable);
  AppendFixed32(&head, static_cast<uint32_t>(table_.size() + kFootBytes));
  AppendFixed32(&table_, frames_);
  table_.push_back(0);
  AppendFixed32(&table_, kSeekable);
  SHEAF_RETURN_IF_ERROR(sink(head));
  return sink(table_);
}

absl::StatusOr<FrameTable> FrameTable::Load(uint64_t stored, Read read) {
  if (stored < kHeadBytes + kFootBytes) return NoTable("it is too short");
  char foot[kFootBytes], head[kHeadBytes];
  SHEAF_RETURN_IF_ERROR(read(stored - kFootBytes, absl::MakeSpan(foot)));
  const uint64_t frames = DecodeFixed32(foot);
  const uint64_t bytes = frames * kEntryBytes + kFootBytes;
  if (DecodeFixed32(foot + 5) != kSeekable || foot[4] != 0) return NoTable("no mark");
  if (bytes + kHeadBytes > stored) return NoTable("it would be longer than all");
  const uint64_t begin = stored - bytes - kHeadBytes;
  SHEAF_RETURN_IF_ERROR(read(begin, absl::MakeSpan(head)));
  if (DecodeFixed32(head) != kSkippable || DecodeFixed32(head + 4) != bytes)
    return NoTable("another head");
  FrameTable table;
  std::string entries;
  for (uint64_t at = 0; at < frames; at += kEntriesAtOnce) {
    const uint64_t n = std::min(kEntriesAtOnce, frames - at);
    entries.resize(n * kEntryBytes);
    SHEAF_RETURN_IF_ERROR(read(begin + kHeadBytes + at * kEntryBytes,
                               absl::MakeSpan(entries.data(), entries.size())));
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t size = DecodeFixed32(entries.data() + i * kEntryBytes);
      const uint64_t content = DecodeFixed32(entries.data() + i * kEntryBytes + 4);
      const bool last = at + i + 1 == frames;
      if (size > begin - table.begins_.back() || content == 0 || content > kFrameBytes ||
          (!last && content != kFrameBytes))
        return NoTable(absl::StrCat("frame ", at + i, " cannot be"));
      table.begins_.push_back(table.begins_.back() + size);
      table.content_size_ += content;
    }
  }
  if (table.begins_.back() != begin) return NoTable("its frames end elsewhere");
  return table;
}

absl::Status FrameTable::ReadFrame(uint64_t frame, Read read, std::string* buffer,
                                   std::string* content) const {
  buffer->resize(begins_[frame + 1] - begins_[frame]);
  SHEAF_RETURN_IF_ERROR(
      read(begins_[frame], absl::MakeSpan(buffer->data(), buffer->size())));
  content->resize(std::min(kFrameBytes, content_size_ - frame * kFrameBytes));
  return pager::DecompressFrame(*buffer,
                                absl::MakeSpan(content->data(), content->size()));
}

}  // namespace sheaf::blobs
