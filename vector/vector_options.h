// How a vector index is made. Installed as <sheaf/vector_options.h>.
#ifndef VECTOR_VECTOR_OPTIONS_H_
#define VECTOR_VECTOR_OPTIONS_H_
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "sheaf/metric.h"

namespace sheaf::vectors {

enum class IndexKind : uint8_t {
  kHnsw = 1,  // a graph of near vectors (Malkov and Yashunin, arXiv 1603.09320)
  kFlat = 2,  // none: every search looks at every vector
};
// What stands beside the links of a node, and leads a search.
enum class Code : uint8_t {
  kByte = 1,   // a byte a component; what is found is ranked by the vectors themselves
  kExact = 2,  // the vector: more bytes, better recall at the same breadth of search
};

constexpr std::string_view NameOf(IndexKind kind) {
  return kind == IndexKind::kHnsw ? "hnsw" : "flat";
}
constexpr std::string_view NameOf(Code code) {
  return code == Code::kByte ? "byte" : "exact";
}

inline constexpr uint32_t kMMin = 2, kMMax = 128;
inline constexpr uint32_t kBreadthMax = 32'768;

// Fixed once the index is made; what `ef_search` says each search may say otherwise.
struct Options {
  uint32_t dimensions = 0;  // 1 to kDimensionsMax; there is no default
  Metric metric = Metric::kCosine;
  Element element = Element::kFloat32;
  IndexKind kind = IndexKind::kHnsw;
  // Links that a node gets on each level; on the lowest it may have twice as many. More find
  // more in the same number of steps and take more bytes. 2 to 128.
  uint32_t m = 16;
  uint32_t ef_construction =
      200;                  // breadth of the search for a node's links; to kBreadthMax
  uint32_t ef_search = 64;  // breadth of a search that names none; to kBreadthMax
  // Of kBit always kExact.
  Code code = Code::kByte;
  uint64_t seed = 1;  // of the nodes' levels
  friend bool operator==(const Options&, const Options&) = default;
};

// kInvalidArgument: names the option.
absl::Status CheckOptions(const Options& options);

}  // namespace sheaf::vectors

namespace sheaf {
using vectors::Element;
using vectors::Metric;
using VectorOptions = vectors::Options;
using VectorIndexKind = vectors::IndexKind;
using VectorCode = vectors::Code;
}  // namespace sheaf
#endif  // VECTOR_VECTOR_OPTIONS_H_
