#include "blob/content_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::blobs {

ContentReader::ContentReader(pager::Pager* pager, btree::Found found)
    : found_(std::move(found)) {
  if (found_.is_large) large_.emplace(pager, found_.large);
}

absl::StatusOr<std::unique_ptr<ContentReader>> ContentReader::Open(pager::Pager* pager,
                                                                   btree::Found found,
                                                                   Form form) {
  std::unique_ptr<ContentReader> reader(new ContentReader(pager, std::move(found)));
  if (form == Form::kPlain) return reader;
  SHEAF_ASSIGN_OR_RETURN(
      FrameTable frames,
      FrameTable::Load(reader->stored_size(), [&](uint64_t offset, absl::Span<char> out) {
        return reader->ReadStored(offset, out);
      }));
  reader->frames_ = std::move(frames);
  return reader;
}

absl::Status ContentReader::ReadStored(uint64_t offset, absl::Span<char> out) {
  if (large_.has_value()) return large_->Read(offset, out);
  std::memcpy(out.data(), found_.bytes.data() + offset, out.size());
  return absl::OkStatus();
}

absl::Status ContentReader::Read(uint64_t offset, absl::Span<char> out) {
  SHEAF_ASSERT(offset <= size() && out.size() <= size() - offset);
  if (!frames_.has_value()) return ReadStored(offset, out);
  while (!out.empty()) {
    const uint64_t frame = offset / kFrameBytes, within = offset % kFrameBytes;
    if (std::exchange(frame_, frame) != frame) {
      const absl::Status status = frames_->ReadFrame(
          frame,
          [&](uint64_t at, absl::Span<char> bytes) { return ReadStored(at, bytes); },
          &buffer_, &content_);
      if (!status.ok()) frame_ = ~uint64_t{0};
      SHEAF_RETURN_IF_ERROR(status);
    }
    const uint64_t n = std::min<uint64_t>(out.size(), content_.size() - within);
    std::memcpy(out.data(), content_.data() + within, n);
    out.remove_prefix(n);
    offset += n;
  }
  return absl::OkStatus();
}

}  // namespace sheaf::blobs
