#include "blob/content_writer.h"

#include <utility>

#include "pager/status_macros.h"

namespace sheaf::blobs {

static_assert(kLoggedMax + 1 >= btree::kStreamedSizeMin);

ContentWriter::ContentWriter(pager::PageWriter* pages, const ContentOptions& options)
    : pages_(pages) {
  if (options.zstd_level != 0)
    frames_.emplace(options.zstd_level);
  else if (options.digest)
    digest_.emplace();
}

absl::Status ContentWriter::Continue(const btree::LargeRef& old) {
  continues_ = true;
  large_.emplace(pages_);
  SHEAF_RETURN_IF_ERROR(large_->Continue(old));
  size_ = stored_size_ = old.size();
  return absl::OkStatus();
}

absl::Status ContentWriter::Append(std::string_view bytes) {
  size_ += bytes.size();
  if (digest_.has_value()) digest_->Update(bytes);
  if (!frames_.has_value()) return Store(bytes);
  return frames_->Append(bytes, [this](std::string_view b) { return Store(b); });
}

absl::Status ContentWriter::Store(std::string_view bytes) {
  stored_size_ += bytes.size();
  if (large_.has_value()) return large_->Append(bytes);
  if (stored_size_ <= kLoggedMax) {
    short_.append(bytes);
    return absl::OkStatus();
  }
  large_.emplace(pages_);
  SHEAF_RETURN_IF_ERROR(large_->Append(std::exchange(short_, {})));
  return large_->Append(bytes);
}

absl::StatusOr<ContentWriter::Finished> ContentWriter::Finish() {
  if (frames_.has_value())
    SHEAF_RETURN_IF_ERROR(
        frames_->Finish([this](std::string_view b) { return Store(b); }));
  Finished done;
  done.size = size_;
  done.stored_size = stored_size_;
  done.compressed = frames_.has_value();
  done.continues = continues_;
  if (digest_.has_value() && size_ >= kSharedMin) done.digest = digest_->Finish();
  done.bytes = std::move(short_);
  if (large_.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(done.large, large_->Finish());
  }
  return done;
}

}  // namespace sheaf::blobs
