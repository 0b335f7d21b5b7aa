// Large values: bytes that do not fit in a leaf, in pages of their own.
//
// A value of up to 65,472 bytes is one page of kind kValue, as many base pages
// long as it needs; it is cached and read in place like any page. Where its last 256 bytes or
// less would begin another base page they stay in the leaf instead, its tail. A longer one is
// cut into chunks of 16 base pages or, when it came as a stream (large_writer.h), of
// one; pages of kind kValueIndex list them: level 1 lists chunks, level 2 lists pages
// of level 1, each full but the last. Every chunk carries its own checksum and can be
// read alone.
//
// kValue, after the page header's common fields:
//       52     4  size      bytes of payload
//       56     8  reserved  zero
//       64        payload
// kValueIndex:
//       52     4  count     n
//       56     1  chunk     base pages of the value's chunks; 0: 16
//       57     7  reserved  zero
//       64  12*n  page references; level 1: to kValue, each full but the last
#ifndef BTREE_LARGE_VALUE_H_
#define BTREE_LARGE_VALUE_H_
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/node.h"
#include "pager/page_writer.h"
#include "pager/pager.h"

namespace sheaf::btree {

inline constexpr uint64_t kValueSizeMax = (uint64_t{1} << 32) - 1;

// Writes the value, but its tail, which is that of `value`. Ends what the writer's earlier
// pointers were good for.
absl::StatusOr<LargeRef> WriteLarge(pager::PageWriter* writer, std::string_view value);

// Copies bytes [offset, offset + out.size()). Requires: they are inside the value, and what
// its tail lies in is still there.
absl::Status ReadLarge(pager::Pager* pager, const LargeRef& ref, uint64_t offset,
                       absl::Span<char> out);

// All of it, read into `*buffer`, which takes memory for a value whose last byte is there.
absl::Status WholeLarge(pager::Pager* pager, const LargeRef& ref, std::string* buffer,
                        std::string_view* out);
// The value itself: where it is, when it is small, otherwise read so.
absl::Status WholeValue(pager::Pager* pager, const NodeView::LeafValue& value,
                        std::string* buffer, std::string_view* out);

// Has each chunk as many bytes as it should?
absl::Status CheckChunks(pager::Pager* pager, const LargeRef& ref);

// Copies those of its pages that `moves` says, and whatever refers to them. Returns what
// `ref` has become.
absl::StatusOr<LargeRef> MoveLarge(pager::PageWriter* writer, const LargeRef& ref,
                                   absl::FunctionRef<bool(const PageRef&)> moves);

// Gives up all its pages.
absl::Status GiveUpLarge(pager::PageWriter* writer, const LargeRef& ref);

// Visits every page of the value, checking that they fit together.
absl::Status WalkLarge(pager::Pager* pager, const LargeRef& ref,
                       absl::FunctionRef<absl::Status(const PageRef&)> fn);

absl::Status ValidateValuePage(const char* page);
absl::Status ValidateValueIndex(const char* page);
void ForEachValueIndexRef(const char* page, absl::FunctionRef<void(const PageRef&)> fn);
std::string DescribeValuePage(const char* page);

}  // namespace sheaf::btree
#endif  // BTREE_LARGE_VALUE_H_
