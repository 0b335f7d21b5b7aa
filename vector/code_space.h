// CodeSpace: distances between any two codes of nodes. Links are chosen by these: whose
// vector is gone has still a place then, and no vector is read.
#ifndef VECTOR_CODE_SPACE_H_
#define VECTOR_CODE_SPACE_H_
#include <optional>

#include "vector/code.h"
#include "vector/distance.h"
#include "vector/layout.h"

namespace sheaf::vectors {

// Immutable. Thread-safe.
class CodeSpace {
 public:
  explicit CodeSpace(const Layout& layout)
      : distance_(layout.options.metric, layout.options.element,
                  layout.options.dimensions) {
    if (layout.code == Code::kByte)
      codes_.emplace(layout.options.metric, layout.options.dimensions);
  }

  float Between(const char* a, const char* b) const {
    if (codes_.has_value()) return codes_->Between(a, b);
    return distance_.Between(a + 4, DecodeFloat(a), b + 4, DecodeFloat(b));
  }

 private:
  const Distance distance_;
  std::optional<CodeDistance> codes_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_CODE_SPACE_H_
