// VectorFileReader: the vectors of a file, one after the other, whose bytes nobody vouches
// for. Formats:
//
//   fvecs, bvecs   of the ANN benchmarks of TEXMEX: per vector its dimension, an int32, and
//                  so many float32 or uint8; all vectors of a file are of one dimension
//   npy            NumPy's: one array of two axes in C order, a vector a row, of <f4, <f2,
//                  <f8, |i1 or |u1
//
// Memory: one vector, and the header. Nothing is taken because a file promises it.
#ifndef VECTOR_VECTOR_FILE_H_
#define VECTOR_VECTOR_FILE_H_
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vector/npy_header.h"  // ComponentType

namespace sheaf::vectors {

enum class VectorFileFormat : uint8_t { kFvecs = 1, kBvecs, kNpy };

// By the extension of a name; nothing when it is none of theirs.
std::optional<VectorFileFormat> FormatOfName(std::string_view path);

// Thread-compatible.
class VectorFileReader {
 public:
  // Reads the header, where there is one. Requires: `in` is binary and outlives this.
  static absl::StatusOr<VectorFileReader> Open(std::istream* in, VectorFileFormat format);

  // 0 before the first vector of fvecs and bvecs, which have no header.
  uint32_t dimensions() const { return dimensions_; }
  // What a header promises: not to be believed before the end.
  std::optional<uint64_t> count() const { return count_; }
  uint64_t byte() const { return byte_; }  // where the next vector begins

  // False: there is none left, and nothing else behind the last. Integers become floats,
  // doubles the nearest; NaN and infinities are passed on. Behind an error: that error.
  // kInvalidArgument: names the vector, from 0, and the byte it begins at.
  // kUnavailable: the stream cannot be read.
  absl::StatusOr<bool> Next(std::vector<float>* out);

 private:
  VectorFileReader(std::istream* in, ComponentType component)
      : in_(in), component_(component) {}

  absl::StatusOr<bool> ReadVector(std::vector<float>* out);
  absl::Status ReadDimension();
  absl::Status ReadBytes(size_t size);
  absl::StatusOr<bool> AtEnd();
  absl::Status Wrong(const std::string& what) const;
  absl::Status Unavailable() const;
  absl::Status Convert(std::vector<float>* out) const;

  std::istream* in_;
  ComponentType component_;
  uint32_t dimensions_ = 0;
  std::optional<uint64_t> count_;
  uint64_t number_ = 0, byte_ = 0;  // of the next vector
  std::string bytes_;               // what was read last
  absl::Status status_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_VECTOR_FILE_H_
