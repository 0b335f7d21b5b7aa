// LargeReader: the bytes of one large value, in any order: what streams read through.
//
// Pages that are in memory are copied from there. Of a value with small chunks, long runs
// of those that are not, and runs ahead of who reads one piece behind the other, come with
// one read: into the cache where it has room that nobody uses, past it otherwise, so that a
// stream pushes nothing else out. Every page is verified.
//
// Keeps one page of the value's index pinned, and up to 256 KiB of a stream. Belongs to a
// transaction that reaches the value, and ends with it; what the value's tail lies in must be
// there as long. Thread-compatible.
#ifndef BTREE_LARGE_READER_H_
#define BTREE_LARGE_READER_H_
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "btree/node.h"
#include "pager/pager.h"

namespace sheaf::btree {

class LargeReader {
 public:
  LargeReader(pager::Pager* pager, const LargeRef& ref) : pager_(pager), ref_(ref) {}
  uint64_t size() const { return ref_.size(); }

  // Copies bytes [offset, offset + out.size()). kDataLoss: they are not inside the value.
  absl::Status Read(uint64_t offset, absl::Span<char> out);

 private:
  absl::Status ReadPages(uint64_t offset, absl::Span<char> out);
  absl::Status FindIndex(uint64_t chunk);
  // From byte `within` of the chunk that the page is.
  absl::Status CopyFrom(const PageRef& ref, const char* page, uint64_t within,
                        absl::Span<char> out) const;
  // How many chunks from `chunk` on, up to `end`, lie side by side in the file and not in
  // memory.
  uint64_t MissingRun(uint64_t chunk, uint64_t end) const;
  // Makes `run_` begin with this chunk where that is worth it. `end`: of what is asked for.
  absl::Status ReadAhead(uint64_t chunk, uint64_t end);

  pager::Pager* pager_;
  LargeRef ref_;
  uint64_t chunk_bytes_ = 0;                  // 0: not looked at yet
  pager::PinnedPage index_;                   // of level 1
  uint64_t index_begin_ = 0, index_end_ = 0;  // the chunks it lists
  std::unique_ptr<char[]> run_;               // pages read past the cache
  uint64_t run_begin_ = 0, run_end_ = 0;      // the chunks they are
  uint64_t next_ = 0;                         // byte, of who reads on
};

}  // namespace sheaf::btree
#endif  // BTREE_LARGE_READER_H_
