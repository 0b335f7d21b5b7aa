// VisitedSet: the vertices that a search has met.
//
// A few are in a hash table; when they are many, those with ids not far above the number of
// vertices are in a bitmap, of which only the chunks that are met are there. At most 32
// bytes a vertex beside the chunks' directory; of a graph with close ids, all met, a bit.
//
// Thread-compatible.
#ifndef GRAPH_VISITED_SET_H_
#define GRAPH_VISITED_SET_H_
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "graph/graph_projection.h"  // VertexId

namespace sheaf::graph {

class VisitedSet {
 public:
  // `vertices`: of the graph, about; a wrong number costs time or memory only.
  explicit VisitedSet(uint64_t vertices)
      : few_max_(std::max<uint64_t>(128, vertices / 4096)),
        bits_end_((vertices / kChunkBits + 1) * kSpread * kChunkBits) {}

  // False: it was there.
  bool Insert(VertexId id) {
    if (IsInBitmap(id)) {
      uint64_t& word = WordOf(id);
      const uint64_t bit = uint64_t{1} << id % 64;
      const bool fresh = (word & bit) == 0;
      word |= bit;
      return fresh;
    }
    return InsertIntoTable(id);
  }

  // Those that were not there, to the front of `ids`; how many they are.
  size_t KeepFresh(VertexId* ids, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      const VertexId id = ids[i];
      ids[kept] = id;
      kept += Insert(id) ? 1 : 0;
    }
    return kept;
  }

  bool Contains(VertexId id) const {
    if (IsInBitmap(id)) {
      const uint64_t* const chunk = chunks_[id / kChunkBits].get();
      return chunk != nullptr &&
             (chunk[id % kChunkBits / 64] >> id % 64 & uint64_t{1}) != 0;
    }
    if (table_.empty()) return false;
    for (size_t at = Hash(id);; at = (at + 1) & mask_) {
      if (table_[at] == 0) return false;
      if (table_[at] == id + 1) return true;
    }
  }

  uint64_t bytes() const {
    return table_.capacity() * sizeof(uint64_t) + chunks_.capacity() * sizeof(Chunk) +
           chunk_count_ * (kChunkBits / 8);
  }

 private:
  static constexpr uint64_t kChunkBits = uint64_t{1} << 15;
  static constexpr uint64_t kSpread = 64;  // a bitmap costs at most so many bits a vertex
  using Chunk = std::unique_ptr<uint64_t[]>;

  bool IsInBitmap(VertexId id) const { return id < bitmap_end_; }
  uint64_t& WordOf(VertexId id) {
    Chunk& chunk = chunks_[id / kChunkBits];
    if (chunk == nullptr) [[unlikely]] {
      chunk = std::make_unique<uint64_t[]>(kChunkBits / 64);
      ++chunk_count_;
    }
    return chunk[id % kChunkBits / 64];
  }
  size_t Hash(VertexId id) const { return id * 0x9e3779b97f4a7c15ull >> shift_; }
  bool InsertIntoTable(VertexId id);
  void Grow();

  uint64_t few_max_, bits_end_;
  uint64_t bitmap_end_ = 0;  // 0: there is none as yet
  std::vector<Chunk> chunks_;
  uint64_t chunk_count_ = 0;
  std::vector<uint64_t> table_;  // id + 1; 0: free. At most half full
  uint64_t table_count_ = 0;
  size_t mask_ = 0;
  int shift_ = 64;
};

}  // namespace sheaf::graph
#endif  // GRAPH_VISITED_SET_H_
