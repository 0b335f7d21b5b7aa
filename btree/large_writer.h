// LargeWriter: a large value written as it comes, its length unknown: what blobs are made
// with. Its bytes go to the file once, past cache and log, in chunks of one page (see
// btree/large_value.h); the transaction that makes them commits with a checkpoint, which
// syncs them before anything durable refers to them.
//
// Memory: 256 KiB and 24 bytes for each 20 MiB of the value. The pages are the
// transaction's: a rollback, also to a savepoint, frees what it covers, and ends the writer
// with kFailedPrecondition.
//
// Single-writer.
#ifndef BTREE_LARGE_WRITER_H_
#define BTREE_LARGE_WRITER_H_
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "btree/node.h"
#include "pager/page_writer.h"

namespace sheaf::btree {

// What two levels of index list.
inline constexpr uint64_t kStreamedSizeMax = uint64_t{5456} * 5456 * 4032;
// Shorter values need no index, so a stream must have more.
inline constexpr uint64_t kStreamedSizeMin =
    pager::kNodePagesMax * pager::kPageBytes - PageHeader::kSize + 1;

// Did a LargeWriter make it?
absl::StatusOr<bool> IsStreamed(pager::Pager* pager, const LargeRef& value);

class LargeWriter {
 public:
  explicit LargeWriter(pager::PageWriter* writer);
  // Gives up what it wrote, unless it was finished.
  ~LargeWriter() { Abort(); }
  LargeWriter(const LargeWriter&) = delete;
  LargeWriter& operator=(const LargeWriter&) = delete;

  // Goes on behind the end of a value that a LargeWriter made: a new value, which takes
  // over the pages of `old` when it is finished. Requires: nothing was appended.
  absl::Status Continue(const LargeRef& old);

  // kResourceExhausted: the disk is full, or kStreamedSizeMax would be passed. After an
  // error only Abort is possible.
  absl::Status Append(std::string_view bytes);
  // Requires: size() >= kStreamedSizeMin. Nothing may be appended afterwards.
  absl::StatusOr<LargeRef> Finish();
  void Abort();

  uint64_t size() const { return size_; }

 private:
  absl::Status CheckUsable() const;
  absl::Status Flush();
  absl::Status AddChunk(const PageRef& ref);
  absl::Status EndIndexPage();

  pager::PageWriter& writer_;
  const uint64_t transaction_, epoch_;  // of the transaction's pages when this began
  std::unique_ptr<char[]> images_;      // of pages; the last may be begun
  size_t buffered_ = 0;                 // bytes of the value in them
  uint64_t size_ = 0;
  std::vector<PageRef> chunks_, indexes_;  // of the index page at work; those before it
  struct Run {
    pager::PageId first = 0;
    uint64_t pages = 0;
    pager::Stamp birth = 0;
  };
  std::vector<Run> made_;
  std::vector<PageRef> made_indexes_;
  std::vector<PageRef> replaced_;  // of the value it continues
  bool open_ = true;
  absl::Status error_;
};

// Writes `bytes` over those of a value that a LargeWriter made, from `offset` on; they end
// inside it. Returns the new value, which shares all pages but those touched; the old
// ones are given up. After an error the old value is whole.
absl::StatusOr<LargeRef> OverwriteLarge(pager::PageWriter* writer, const LargeRef& old,
                                        uint64_t offset, std::string_view bytes);

}  // namespace sheaf::btree
#endif  // BTREE_LARGE_WRITER_H_
