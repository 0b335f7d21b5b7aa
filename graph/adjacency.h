// Adjacency lists: the neighbours of one vertex, in one direction, by one type of edge.
//
//   list       := head, first, controls, deltas, ordinals, weights, properties
//   head       := a byte, and by its value:
//     00-3f       4 edges; it is the control byte too
//     40-4f       3 edges; its low 4 bits are the control byte
//     50-53       2 edges; its low 2 bits are the control byte
//     54          1 edge
//     55          no edges; nothing follows
//     56-7f       5 to 46 edges: head - 51
//     80-ff       its low 7 bits are flags; then the number of edges, a varint
//   flags      := bits 0-1 ordinals, bits 2-4 weights, bit 5 properties, bit 6 wide
//   first      := zigzag varint: the first neighbour less the vertex itself, modulo 2^64
//   controls   := a byte for each four further edges, two bits an edge, lowest first: its
//                 delta has 1, 2, 3, 4 bytes; in a wide list 1, 2, 4, 8. Left over bits
//                 are zero. No such bytes where the head is one.
//   deltas     := for each further edge: its neighbour less the one before
//   ordinals   := by their two bits
//     0           none: all are 0, no neighbour comes twice
//     1           none: the edges to one neighbour count from 0
//     2, 3        1 byte, 4 bytes an edge
//   weights    := by their three bits
//     0           none: all are 1
//     1, 2, 3     for each edge 1 byte, an integer; 4 bytes, a float; 8 bytes, a double
//     5, 6, 7     one for all edges: 1 byte, 4 bytes, 8 bytes
//   properties := a bit an edge, lowest first: it has some. Left over bits are zero.
//
// Fixed numbers are little-endian. Edges ascend by (neighbour, ordinal), none is there
// twice. Encoders take of all forms the first that fits, and a list is wide only where a
// delta has no other place: the same edges have the same bytes, however they came
// together. Readers take any form.
//
// The control bytes stand together: an x86-64 decodes four neighbours a step, and how
// many bytes the list has is known without a walk through the deltas. Two lists, one
// behind the other, need nothing between them.
//
// Views point into the bytes, which stay as they are. Immutable: any number of threads.
#ifndef GRAPH_ADJACENCY_H_
#define GRAPH_ADJACENCY_H_
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graph/adjacency_kernels.h"  // DeltaBytes
#include "graph/graph_projection.h"   // VertexId

namespace sheaf::graph {

struct AdjacentEdge {
  VertexId neighbour = 0;
  double weight = 1;
  uint32_t ordinal = 0;  // tells parallel edges apart
  bool has_properties = false;
};

// Weights bit for bit: 0 is not -0, NaN is itself.
bool SameEdge(const AdjacentEdge& a, const AdjacentEdge& b);

// Whether the bytes are one list of `vertex`. kDataLoss names what is wrong. Weights may
// be any doubles.
absl::Status ValidateAdjacency(std::string_view bytes, VertexId vertex);
// Whether they begin with one; its size.
absl::StatusOr<size_t> ValidateAdjacencyPrefix(std::string_view bytes, VertexId vertex);

// Requires: the edges ascend strictly by (neighbour, ordinal); there are fewer than 2^32.
void EncodeAdjacency(absl::Span<const AdjacentEdge> edges, VertexId vertex,
                     std::string* out);  // appends
size_t EncodedAdjacencyBytes(absl::Span<const AdjacentEdge> edges, VertexId vertex);

class AdjacencyView {
 public:
  // Requires: `bytes` begin with a list of `vertex` that is valid. They may go on behind
  // it, and all of them may be read: a list is decoded faster with 16 bytes behind it.
  AdjacencyView(std::string_view bytes, VertexId vertex);

  uint32_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  VertexId vertex() const { return vertex_; }
  // Requires: !empty().
  VertexId first() const { return first_; }
  // Of the list, without what is behind it. O(count / 32) where there are no columns.
  size_t size_bytes() const;
  std::string_view bytes() const { return {in_.begin, size_bytes()}; }

  bool has_ordinals() const { return (flags_ & 0x03) != 0; }  // other than 0
  bool has_weights() const { return (flags_ & 0x1c) != 0; }   // other than 1
  bool has_properties() const { return (flags_ & 0x20) != 0; }
  bool is_wide() const { return (flags_ & 0x40) != 0; }
  uint8_t flags() const { return flags_; }

  // All neighbours. Requires: room for kDecodeRoom more than count(); it makes the last
  // step a whole one.
  void Decode(VertexId* out) const;
  void DecodeEdges(std::vector<AdjacentEdge>* out) const;  // replaces what is there

  // Where the first edge is whose neighbour is not less; count() if there is none.
  uint32_t LowerBound(VertexId neighbour) const;
  std::optional<uint32_t> Find(VertexId neighbour, uint32_t ordinal = 0) const;
  bool Contains(VertexId neighbour) const;

  // Of the edge at `index`. Requires: index < count().
  double weight(uint32_t index) const;
  bool has_properties(uint32_t index) const;
  uint32_t ordinal(uint32_t index) const;  // O(index) where they are counted

 private:
  friend class AdjacencyCursor;
  friend class AdjacencySplicer;
  friend absl::StatusOr<size_t> ValidateAdjacencyPrefix(std::string_view, VertexId);

  // Where a neighbour is or would be, and what is about there.
  struct Place {
    uint32_t index = 0;
    VertexId before = 0, at = 0;  // if index > 0; if index < count()
  };

  AdjacencyView() = default;
  // What is wrong; nullptr where nothing is. They come one after the other.
  const char* ReadHead(std::string_view bytes, VertexId vertex);
  const char* CheckSizes();
  const char* CheckOrder() const;
  void FindColumns(const char* deltas_end);
  const char* DeltasEnd() const;
  const char* DecodeSome(const DeltaBytes& in, uint32_t count, VertexId base,
                         VertexId* out) const;
  Place PlaceOf(VertexId neighbour) const;
  uint32_t StoredOrdinal(uint32_t index) const;

  DeltaBytes in_ = {};
  const char *ordinals_ = nullptr, *weights_ = nullptr, *properties_ = nullptr;
  VertexId vertex_ = 0, first_ = 0;
  uint32_t count_ = 0;
  uint8_t flags_ = 0;
};

// Memory for the neighbours of one list after the other. Thread-compatible.
class DecodeBuffer {
 public:
  // All of them, good until the next call.
  absl::Span<VertexId> Decode(const AdjacencyView& some) {
    const size_t needed = some.count() + kDecodeRoom;
    if (ids_.size() < needed) ids_.resize(2 * needed);
    some.Decode(ids_.data());
    return absl::MakeSpan(ids_).first(some.count());
  }

 private:
  std::vector<VertexId> ids_;
};

// Goes through a list a chunk at a time, without memory of its size.
// Thread-compatible.
class AdjacencyCursor {
 public:
  static constexpr uint32_t kChunkMax = 128;
  // Requires: `list` outlives it.
  explicit AdjacencyCursor(const AdjacencyView& list) : list_(list) {}
  explicit AdjacencyCursor(AdjacencyView&&) = delete;
  AdjacencyCursor(const AdjacencyCursor&) = delete;
  AdjacencyCursor& operator=(const AdjacencyCursor&) = delete;

  // The next neighbours, at most kChunkMax; none behind the last. Valid until the next.
  absl::Span<const VertexId> Next();
  // Of the first that Next() gave.
  uint32_t index() const { return index_; }
  // The neighbour before that. Requires: index() > 0.
  VertexId before() const { return before_; }

 private:
  absl::Span<const VertexId> First();

  const AdjacencyView& list_;
  DeltaBytes in_;  // from next_ on, if that is not the first
  VertexId last_ = 0, before_ = 0;
  uint32_t index_ = 0, next_ = 0;
  VertexId chunk_[kChunkMax];  // the first 1 + 124: the room behind is there, too
};

// All append to `out` what EncodeAdjacency makes of the edges then, if `list` is of such
// bytes, too. `out` may not hold the bytes of `list`.
//
// Replaces an edge of the same neighbour and ordinal: false.
bool AdjacencyInsert(const AdjacencyView& list, const AdjacentEdge& edge,
                     std::string* out);
// False, and `out` as it was, where there is no such edge.
bool AdjacencyErase(const AdjacencyView& list, VertexId neighbour, uint32_t ordinal,
                    std::string* out);
// The lower half and the upper half; returns the first edge of the upper.
// Requires: count() >= 2.
AdjacentEdge AdjacencySplit(const AdjacencyView& list, std::string* lower,
                            std::string* upper);

}  // namespace sheaf::graph
#endif  // GRAPH_ADJACENCY_H_
