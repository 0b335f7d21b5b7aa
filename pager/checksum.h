// Checksum: CRC32C (Castagnoli, reflected, as in RFC 3720), the one checksum of
// Sheaf's files. Computed by ISA-L, which picks the processor's instructions at
// run time; this is the only door to it.
//
// Finds every error of up to 32 bits in a row. It is no defence against
// somebody who means it: that is the cipher's work.
//
// Thread-safe: no state.
#ifndef PAGER_CHECKSUM_H_
#define PAGER_CHECKSUM_H_
#include <cstddef>
#include <cstdint>

namespace sheaf::pager {

// The CRC32C of the bytes that `seed_crc` is the CRC32C of, followed by these:
// Crc32c(Crc32c(0, a), b) == Crc32c(0, ab). Zero is the CRC32C of no bytes.
uint32_t Crc32c(uint32_t seed_crc, const void* data, size_t size);

}  // namespace sheaf::pager
#endif  // PAGER_CHECKSUM_H_
