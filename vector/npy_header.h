// The header of NumPy's .npy files: which numbers follow it, and how many. Bytes from
// strangers: never more than 64 KiB of them are held, whatever they promise.
#ifndef VECTOR_NPY_HEADER_H_
#define VECTOR_NPY_HEADER_H_
#include <cstdint>
#include <istream>

#include "absl/status/statusor.h"

namespace sheaf::vectors {

// How a component stands in a file; all little-endian.
enum class ComponentType : uint8_t {
  kFloat = 1,  // IEEE 754, 32 bits
  kHalf,       // IEEE 754, 16 bits
  kDouble,     // IEEE 754, 64 bits
  kInt8,
  kUint8,
};

struct NpyHeader {
  ComponentType component = ComponentType::kFloat;
  uint64_t rows = 0, columns = 0;  // as promised: anything
  uint64_t bytes = 0;              // of the header itself
};

// Leaves the stream at the first row. kInvalidArgument: it is no such header, or its array
// is none that is read here: versions 1.0 to 3.0 with two axes in C order are.
absl::StatusOr<NpyHeader> ReadNpyHeader(std::istream* in);

}  // namespace sheaf::vectors
#endif  // VECTOR_NPY_HEADER_H_
