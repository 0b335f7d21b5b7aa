// PrefetchLines: bytes that will be read soon, fetched into the processor's cache.
#ifndef PAGER_PREFETCH_H_
#define PAGER_PREFETCH_H_
#include <cstddef>
#include <cstdint>

namespace sheaf::pager {

inline constexpr size_t kCacheLine = 64;

// Of every line that has some of the bytes, wherever they begin. They need not exist.
inline void PrefetchLines(const char* begin, size_t bytes) {
  const char* const end = begin + bytes;
  for (const char* line = begin - reinterpret_cast<uintptr_t>(begin) % kCacheLine;
       line < end; line += kCacheLine)
    __builtin_prefetch(line);
}

}  // namespace sheaf::pager
#endif  // PAGER_PREFETCH_H_
