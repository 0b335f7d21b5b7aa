// For algorithms over whole graphs. Installed as <sheaf/algorithm_options.h>.
#ifndef SHEAF_ALGORITHM_OPTIONS_H_
#define SHEAF_ALGORITHM_OPTIONS_H_
#include <cstdint>

#include "sheaf/options.h"

namespace sheaf {

// AlgorithmOptions: what every algorithm over a whole graph takes besides the graph.
struct AlgorithmOptions {
  Progress progress;  // report, cancel, deadline
  // Bytes of working memory, results included; kResourceExhausted when they do not do.
  uint64_t memory_bytes_max = uint64_t{1} << 30;
  int threads = 2;  // at most; results do not depend on it
};

}  // namespace sheaf
#endif  // SHEAF_ALGORITHM_OPTIONS_H_
