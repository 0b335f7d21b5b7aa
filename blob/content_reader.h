// ContentReader: the bytes of one content, from anywhere in it.
//
// Belongs to its transaction; keeps a page or two pinned. Thread-compatible.
#ifndef BLOB_CONTENT_READER_H_
#define BLOB_CONTENT_READER_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "blob/frames.h"
#include "btree/large_reader.h"
#include "btree/tree_reader.h"

namespace sheaf::blobs {

class ContentReader {
 public:
  enum class Form { kPlain, kFrames };
  // Of what a look-up found. kDataLoss: it is no such content.
  static absl::StatusOr<std::unique_ptr<ContentReader>> Open(pager::Pager* pager,
                                                             btree::Found found,
                                                             Form form);
  ContentReader(const ContentReader&) = delete;
  ContentReader& operator=(const ContentReader&) = delete;

  uint64_t size() const { return frames_ ? frames_->content_size() : stored_size(); }
  uint64_t stored_size() const { return found_.size(); }
  // Copies bytes [offset, offset + out.size()). Requires: they are inside it.
  absl::Status Read(uint64_t offset, absl::Span<char> out);

 private:
  ContentReader(pager::Pager* pager, btree::Found found);
  absl::Status ReadStored(uint64_t offset, absl::Span<char> out);

  btree::Found found_;
  std::optional<btree::LargeReader> large_;
  std::optional<FrameTable> frames_;
  uint64_t frame_ = ~uint64_t{0};  // that `content_` is of
  std::string buffer_, content_;
};

}  // namespace sheaf::blobs
#endif  // BLOB_CONTENT_READER_H_
