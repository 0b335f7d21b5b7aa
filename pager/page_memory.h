// Physical memory for reserved address space, given and taken in batches.
//
// A fault or a single madvise costs a trap and, when other threads run, an interrupt
// on each of their processors: 5 to 10 µs a page where a batch costs about 1.
#ifndef PAGER_PAGE_MEMORY_H_
#define PAGER_PAGE_MEMORY_H_
#include <sys/uio.h>

#include <cstddef>

#include "absl/types/span.h"

namespace sheaf::pager {

// Address space without memory; null when there is none left.
void* ReserveMemory(size_t bytes);

// Whether the system should use huge pages (2 MiB) there from now on.
void AdviseHugePages(void* begin, size_t bytes, bool huge);

// Gives the memory behind each range back. What was there reads as zeros.
void ReleaseMemory(absl::Span<const iovec> ranges);

}  // namespace sheaf::pager
#endif  // PAGER_PAGE_MEMORY_H_
