#include "vector/query.h"

#include <cstring>

namespace sheaf::vectors {
namespace {

std::vector<float> Floats(const Options& options, const char* vector) {
  std::vector<float> floats(options.dimensions);
  DecodeFloats(options.element, options.dimensions, vector, floats.data());
  return floats;
}

Distance DistanceOf(const Options& o) { return {o.metric, o.element, o.dimensions}; }

}  // namespace

float NormOf(const Layout& layout, const char* vector) {
  if (layout.options.metric != Metric::kCosine) return 0;
  return DistanceOf(layout.options).Norm(vector);
}

void EncodeNodeCode(const Layout& layout, const char* vector, float norm, char* out) {
  if (layout.code == Code::kByte) {
    EncodeCode(Floats(layout.options, vector).data(), layout.options.dimensions, out);
    return;
  }
  EncodeFloat(out, norm);
  std::memcpy(out + 4, vector, layout.vector_bytes);
}

Query::Query(const Layout& layout, std::string_view vector)
    : vector_(vector),
      distance_(DistanceOf(layout.options)),
      norm_(NormOf(layout, vector_.data())) {
  if (layout.code != Code::kByte) return;
  code_.emplace(layout.options.metric, Floats(layout.options, vector_.data()).data(),
                layout.options.dimensions);
}

}  // namespace sheaf::vectors
