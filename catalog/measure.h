// What a tree is made of, found by looking at every node.
#ifndef CATALOG_MEASURE_H_
#define CATALOG_MEASURE_H_
#include <cstdint>

#include "absl/status/statusor.h"
#include "catalog/options.h"
#include "catalog/store.h"

namespace sheaf::catalog {

struct TreeMeasure {
  uint32_t height = 0;  // 0: it is empty; 1: one leaf
  // Base pages.
  uint64_t leaf_pages = 0, inner_pages = 0, value_pages = 0;
  uint64_t unused_bytes = 0;  // of leaves and inner pages
  uint64_t entries = 0, large_values = 0;
  uint64_t as_is = 0, with_dictionary = 0;     // values
  uint64_t value_bytes = 0, stored_bytes = 0;  // of all values
  uint64_t dictionaries = 0, dictionary_bytes = 0;
};

// Reads leaves and inner pages, of large values the first bytes.
absl::StatusOr<TreeMeasure> MeasureTree(const Snapshot& snapshot,
                                        const TreeRecord& record,
                                        const Progress& progress);

}  // namespace sheaf::catalog
#endif  // CATALOG_MEASURE_H_
