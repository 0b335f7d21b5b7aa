// Kernels of adjacency lists: deltas become neighbours. The same in all, at different
// speeds; the fastest that the machine has is taken at run time.
//
// The bytes have been validated (graph/adjacency.h): nothing is checked here, and nothing
// is read outside [begin, end).
#ifndef GRAPH_ADJACENCY_KERNELS_H_
#define GRAPH_ADJACENCY_KERNELS_H_
#include <cstddef>
#include <cstdint>

namespace sheaf::graph {

inline uint8_t ByteAt(const char* at) { return static_cast<uint8_t>(*at); }

struct DeltaBytes {
  const char* controls;  // of the group to begin with
  const char* deltas;
  const char *begin, *end;  // may be read
};

enum class DeltaKernel : uint8_t { kPlain, kSsse3, kAvx2 };
bool IsSupported(DeltaKernel kernel);

// Kernels store whole groups: up to so many sums behind those asked for hold anything.
inline constexpr uint32_t kDecodeRoom = 3;

// Adds `count` deltas to `base`, one after the other; each sum goes to `out`. Returns
// where the deltas of the next group begin, if `count` is one of whole groups.
// Requires: room for kDecodeRoom more.
const char* DecodeDeltas(const DeltaBytes& in, uint32_t count, uint64_t base,
                         uint64_t* out);
// Requires: IsSupported(kernel).
const char* DecodeDeltasBy(DeltaKernel kernel, const DeltaBytes& in, uint32_t count,
                           uint64_t base, uint64_t* out);
// Of wide lists.
const char* DecodeWideDeltas(const DeltaBytes& in, uint32_t count, uint64_t base,
                             uint64_t* out);

// How many bytes the first `count` deltas have.
size_t DeltasBytes(const char* controls, uint32_t count);
size_t WideDeltasBytes(const char* controls, uint32_t count);

// The two bits of the delta at `index`.
inline uint32_t DeltaCode(const char* controls, uint32_t index) {
  return static_cast<uint32_t>(static_cast<uint8_t>(controls[index / 4])) >>
             (2 * (index % 4)) &
         3;
}
inline size_t DeltaBytesOf(uint32_t code, bool is_wide) {
  return is_wide ? size_t{1} << code : size_t{code} + 1;
}

}  // namespace sheaf::graph
#endif  // GRAPH_ADJACENCY_KERNELS_H_
