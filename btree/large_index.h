// The bytes of a large value's index pages: see btree/large_value.h. For the files that
// read and write large values only.
#ifndef BTREE_LARGE_INDEX_H_
#define BTREE_LARGE_INDEX_H_
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/large_value.h"
#include "pager/coding.h"
#include "pager/page.h"
#include "pager/page_writer.h"

namespace sheaf::btree {

inline constexpr size_t kLargeSizeAt = PageHeader::kKindFields;
inline constexpr size_t kLargeChunkPagesAt = PageHeader::kKindFields + 4;
inline constexpr uint64_t kRefsPerIndex = kChunkBytes / PageRef::kEncodedSize;

// Bytes of a value page, or entries of an index page.
inline uint32_t LargeCount(const char* page) {
  return pager::DecodeFixed32(page + kLargeSizeAt);
}
inline PageRef IndexRef(const char* page, uint64_t i) {
  return pager::DecodePageRef(page + PageHeader::kSize + i * PageRef::kEncodedSize);
}
inline uint64_t ChunkBytesOf(uint32_t chunk_pages) {
  return chunk_pages * pager::kPageBytes - PageHeader::kSize;
}
// Of the value that an index page belongs to.
inline uint32_t ChunkPagesOf(const char* index) {
  const auto pages = static_cast<uint8_t>(index[kLargeChunkPagesAt]);
  return pages == 0 ? pager::kNodePagesMax : pages;
}

// Of each chunk but the last.
absl::StatusOr<uint64_t> ChunkBytesOf(pager::Pager* pager, const LargeRef& ref);
// Each byte of a value is in the file once, so no value is larger than the file.
absl::Status CheckLargeSize(pager::Pager* pager, const LargeRef& ref);

// Pins the index page. kDataLoss: it is none, or not of a level below `above`.
absl::StatusOr<pager::PinnedPage> PinIndex(pager::Pager* pager, const PageRef& ref,
                                           uint32_t above);

// Requires: 1 <= refs.size() <= kRefsPerIndex.
absl::StatusOr<PageRef> WriteIndex(pager::PageWriter* writer, uint32_t level,
                                   uint32_t chunk_pages, absl::Span<const PageRef> refs);

}  // namespace sheaf::btree
#endif  // BTREE_LARGE_INDEX_H_
