#include "graph/visited_set.h"

#include <bit>
#include <utility>

namespace sheaf::graph {

bool VisitedSet::InsertIntoTable(VertexId id) {
  if (2 * table_count_ >= table_.size()) {
    Grow();
    if (IsInBitmap(id)) return Insert(id);
  }
  for (size_t at = Hash(id);; at = (at + 1) & mask_) {
    if (table_[at] == id + 1) return false;
    if (table_[at] != 0) continue;
    table_[at] = id + 1;
    ++table_count_;
    return true;
  }
}

void VisitedSet::Grow() {
  const std::vector<uint64_t> old = std::move(table_);
  if (bitmap_end_ == 0 && table_count_ >= few_max_) {
    bitmap_end_ = bits_end_;
    chunks_.resize(bits_end_ / kChunkBits);
  }
  uint64_t left = 0;
  for (const uint64_t entry : old) left += entry != 0 && !IsInBitmap(entry - 1) ? 1 : 0;
  const size_t size = std::bit_ceil(std::max<size_t>(64, 4 * left));
  table_.assign(size, 0);
  mask_ = size - 1;
  shift_ = 64 - std::countr_zero(size);
  table_count_ = 0;
  for (const uint64_t entry : old)
    if (entry != 0) Insert(entry - 1);
}

}  // namespace sheaf::graph
