// Query: a vector that others are compared with, prepared once.
#ifndef VECTOR_QUERY_H_
#define VECTOR_QUERY_H_
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "vector/code.h"
#include "vector/distance.h"
#include "vector/layout.h"

namespace sheaf::vectors {

// Immutable; has its own memory.
class Query {
 public:
  // Requires: `vector` passes CheckVector; `layout` outlives this.
  Query(const Layout& layout, std::string_view vector);

  // Of codes of nodes; exact where these are. Requires: room for as many floats.
  void EstimateAll(absl::Span<const char* const> codes, float* out) const {
    if (code_.has_value()) return EstimateDistances(*code_, codes, out);
    for (const char* const code : codes)
      *out++ = distance_.Between(vector_.data(), norm_, code + 4, DecodeFloat(code));
  }
  // None that has such a code is nearer; with LeastDistances. Requires: code kByte.
  void LeastAll(absl::Span<const char* const> codes, float* out) const {
    LeastDistances(*code_, codes, out);
  }
  float To(const char* vector, float norm) const {
    return distance_.Between(vector_.data(), norm_, vector, norm);
  }
  float To(const StoredVector& v) const { return To(v.vector, v.norm); }

 private:
  const std::string vector_;
  const Distance distance_;
  const float norm_;
  std::optional<QueryCode> code_;
};

// What stands for a vector in its node. Requires: it passes CheckVector; room for
// layout.code_bytes.
void EncodeNodeCode(const Layout& layout, const char* vector, float norm, char* out);
// As vector records keep it: 0 where the metric wants none.
float NormOf(const Layout& layout, const char* vector);

}  // namespace sheaf::vectors
#endif  // VECTOR_QUERY_H_
