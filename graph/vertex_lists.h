// VertexLists: many lists of vertices, one behind the other. Installed as
// <sheaf/vertex_lists.h>.
//
//   for (uint64_t i = 0; i < lists.size(); ++i)
//     for (VertexIndex v : lists[i]) ...
//
// Memory: 8 bytes a list, 4 a vertex in it.
#ifndef SHEAF_VERTEX_LISTS_H_
#define SHEAF_VERTEX_LISTS_H_
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "sheaf/graph_projection.h"

namespace sheaf {

struct VertexLists {
  std::vector<uint64_t> offsets = {0};  // list i: [offsets[i], offsets[i + 1]) of items
  std::vector<VertexIndex> items;

  uint64_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  absl::Span<const VertexIndex> operator[](uint64_t i) const {
    return {items.data() + offsets[i], offsets[i + 1] - offsets[i]};
  }
  // Ends the list that items were appended to.
  void EndList() { offsets.push_back(items.size()); }
};

}  // namespace sheaf
#endif  // SHEAF_VERTEX_LISTS_H_
