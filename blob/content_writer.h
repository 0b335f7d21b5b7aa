// ContentWriter: a content as it comes, its length unknown. Short ones stay in memory until
// Contents puts them; longer ones go to pages of the transaction, and are given up again
// when nobody puts them.
//
// Memory: as much as there is, up to 128 KiB, then 256 KiB; 128 KiB more if compressed.
// Single-writer.
#ifndef BLOB_CONTENT_WRITER_H_
#define BLOB_CONTENT_WRITER_H_
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "blob/frames.h"
#include "blob/layout.h"
#include "btree/large_writer.h"
#include "pager/cipher.h"

namespace sheaf::blobs {

struct ContentOptions {
  bool digest = false;  // is wanted, so that it can be shared
  // Compressed so; such contents are not shared. 0: not.
  int zstd_level = 0;
};

class ContentWriter {
 public:
  ContentWriter(pager::PageWriter* pages, const ContentOptions& options);

  // Goes on behind a content that was streamed, as it is. Requires: first of all.
  absl::Status Continue(const btree::LargeRef& old);
  // kResourceExhausted. After an error nothing else is possible.
  absl::Status Append(std::string_view bytes);
  uint64_t size() const { return size_; }

  // No more comes.
  struct Finished {
    uint64_t size = 0, stored_size = 0;
    bool compressed = false;
    std::optional<std::array<char, kDigestBytes>> digest;
    std::string bytes;                     // of a short one
    std::optional<btree::LargeRef> large;  // of a long one
    // The pages of the content it goes on behind are part of it.
    bool continues = false;
  };
  absl::StatusOr<Finished> Finish();
  void Abort() { large_.reset(); }

 private:
  absl::Status Store(std::string_view bytes);

  pager::PageWriter* const pages_;
  uint64_t size_ = 0, stored_size_ = 0;
  std::string short_;  // until it is long
  std::optional<btree::LargeWriter> large_;
  std::optional<FrameWriter> frames_;
  std::optional<pager::Sha256Stream> digest_;
  bool continues_ = false;
};

}  // namespace sheaf::blobs
#endif  // BLOB_CONTENT_WRITER_H_
