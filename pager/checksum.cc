#include "pager/checksum.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace sheaf::pager {

namespace {
// crc32_iscsi counts in int; a multiple of every vector width keeps it fast.
constexpr size_t kCallBytesMax = size_t{1} << 30;
}  // namespace

uint32_t Crc32c(uint32_t seed_crc, const void* data, size_t size) {
  // ISA-L hands the shift register in and out as it is; the inversion before and
  // after, which makes leading zeros count, is the caller's. It only reads.
  auto* bytes = static_cast<unsigned char*>(const_cast<void*>(data));
  uint32_t state = ~seed_crc;
  while (size > 0) {
    const size_t part = std::min(size, kCallBytesMax);
    state = crc32_iscsi(bytes, static_cast<int>(part), state);
    bytes += part;
    size -= part;
  }
  return ~state;
}

}  // namespace sheaf::pager
