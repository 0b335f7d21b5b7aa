// Vertex records: what the dense tree of a graph holds under the number of each vertex, its
// labels and its edges. (Properties are a document, in a collection beside it.)
//
//   record    := varint number of labels, their names' numbers (varints), ascending,
//                varint number of lists, of each its key and its size (varints), the lists
//   key       := type * 4 + 2, where the edges come in, + 1, where the list is large. Lists
//                stand in the order of (in, type); type: its name's number
//   list      := adjacency.h; of a large one its number of edges (a varint), which are in
//                blocks in the tree of parts (graph_trees.h)
//
// An edge stands twice, at both its ends, with the same ordinal and weight: a loop once
// among the edges that go out and once among those that come in.
//
// Records are validated when their page is read from the file; views trust them. A view
// points into the record, which stays as it is. Immutable: any number of threads.
#ifndef GRAPH_VERTEX_RECORD_H_
#define GRAPH_VERTEX_RECORD_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "graph/adjacency.h"
#include "graph/direction.h"
#include "pager/coding.h"

namespace sheaf::graph {

// A number of a label's or a type's name.
using NameId = uint32_t;
inline constexpr uint32_t kLabelsMax = 64;
// Types and directions of a vertex's edges.
inline constexpr size_t kListsMax = 380;
// A list of more bytes is large.
inline constexpr size_t kListBytesMax = 700;
// Of a block of a large list: four fit a leaf.
inline constexpr size_t kBlockBytesMax = 900;
// Of a record: above it the largest list goes into blocks.
inline constexpr size_t kRecordBytesMax = 3000;

struct ListKey {
  NameId type = 0;
  bool in = false;
  bool large = false;

  uint32_t Encoded() const { return type * 4 + (in ? 2 : 0) + (large ? 1 : 0); }
  static ListKey Decode(uint64_t key) {
    return {static_cast<NameId>(key >> 2), (key & 2) != 0, (key & 1) != 0};
  }
  bool SameList(const ListKey& o) const { return type == o.type && in == o.in; }
  bool Before(const ListKey& o) const { return in != o.in ? o.in : type < o.type; }
};

inline bool Includes(Direction direction, bool in) {
  return (static_cast<uint8_t>(direction) & (in ? 2 : 1)) != 0;
}

// kDataLoss names what is wrong.
absl::Status ValidateVertexRecord(VertexId vertex, std::string_view record);

class VertexView {
 public:
  struct List {
    ListKey key;
    std::string_view bytes;  // of a large one its number of edges
    uint64_t count() const;  // O(1)
  };

  // Requires: the record is valid.
  VertexView(VertexId id, std::string_view record) : id_(id), record_(record) {}

  VertexId id() const { return id_; }
  absl::InlinedVector<NameId, 4> labels() const;
  bool HasLabel(NameId label) const;
  // Calls `fn(list)` for each list.
  template <class Fn>
  void ForEachList(Fn&& fn) const;
  std::optional<List> FindList(const ListKey& key) const;
  // Of edges of this type, or of all. O(number of lists). A loop counts in both directions.
  uint64_t Degree(Direction direction, std::optional<NameId> type) const;
  std::string_view record() const { return record_; }

 private:
  static uint64_t Take(const char** at) {
    uint64_t value = 0;
    *at = pager::DecodeVarint64(*at, *at + pager::kVarint64BytesMax, &value);
    return value;
  }
  const char* BehindLabels() const {
    const char* at = record_.data();
    for (uint64_t n = Take(&at); n > 0; --n) Take(&at);
    return at;
  }

  VertexId id_;
  std::string_view record_;
};

template <class Fn>
void VertexView::ForEachList(Fn&& fn) const {
  const char* head = BehindLabels();
  const uint64_t n = Take(&head);
  const char* body = head;
  for (uint64_t i = 0; i < 2 * n; ++i) Take(&body);
  for (uint64_t i = 0; i < n; ++i) {
    const ListKey key = ListKey::Decode(Take(&head));
    const uint64_t size = Take(&head);
    fn(List{key, {body, size}});
    body += size;
  }
}

// A record that is being changed.
class VertexRecord {
 public:
  VertexRecord() = default;  // of no labels and no edges
  explicit VertexRecord(const VertexView& view);

  absl::InlinedVector<NameId, 4> labels;  // ascending
  struct List {
    ListKey key;
    std::string bytes;
  };
  std::vector<List> lists;

  // The place of the list, or where it would be.
  std::vector<List>::iterator Find(const ListKey& key, bool* found);
  std::string Encode() const;
  // About what Encode gives, and not less.
  size_t bytes_max() const;
};

std::string EncodeCount(uint64_t count);  // what stands for a large list

}  // namespace sheaf::graph
#endif  // GRAPH_VERTEX_RECORD_H_
