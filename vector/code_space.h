// CodeSpace: codes of nodes as points, with distances between any two. Links are chosen by
// these distances: whose vector is gone has still a place then, and no vector is read.
#ifndef VECTOR_CODE_SPACE_H_
#define VECTOR_CODE_SPACE_H_
#include <cstring>
#include <string>

#include "vector/code.h"
#include "vector/distance.h"
#include "vector/layout.h"

namespace sheaf::vectors {

struct Point {
  std::string bytes;
  float norm = 0;
};

// Immutable. Thread-safe.
class CodeSpace {
 public:
  explicit CodeSpace(const Layout& layout)
      : dimensions_(layout.options.dimensions),
        is_byte_(layout.code == Code::kByte),
        is_cosine_(layout.options.metric == Metric::kCosine),
        vector_bytes_(layout.vector_bytes),
        distance_(layout.options.metric,
                  is_byte_ ? Element::kFloat32 : layout.options.element, dimensions_) {}

  void Decode(const char* code, Point* out) const {
    if (!is_byte_) {
      out->norm = DecodeFloat(code);
      out->bytes.assign(code + 4, vector_bytes_);
      return;
    }
    out->bytes.resize(size_t{4} * dimensions_);
    DecodeCode(code, dimensions_, reinterpret_cast<float*>(out->bytes.data()));
    out->norm = is_cosine_ ? distance_.Norm(out->bytes.data()) : 0;
  }
  float Between(const Point& a, const Point& b) const {
    return distance_.Between(a.bytes.data(), a.norm, b.bytes.data(), b.norm);
  }

 private:
  const uint32_t dimensions_;
  const bool is_byte_, is_cosine_;
  const size_t vector_bytes_;
  const Distance distance_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_CODE_SPACE_H_
