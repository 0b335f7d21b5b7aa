// CellBytes: which bytes of a page the cells seen so far take, for validating it.
#ifndef BTREE_CELL_BYTES_H_
#define BTREE_CELL_BYTES_H_
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "pager/page.h"

namespace sheaf::btree {

class CellBytes {
 public:
  explicit CellBytes(uint32_t page_bytes) {
    std::memset(words_, 0, page_bytes / 64 * sizeof(words_[0]));
  }
  // False when one of the bytes was there already.
  bool Add(uint32_t begin, uint32_t end) {
    bool fresh = true;
    while (begin < end) {
      const uint32_t bit = begin % 64, n = std::min(64 - bit, end - begin);
      const uint64_t mask = (n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1) << bit;
      fresh = fresh && (words_[begin / 64] & mask) == 0;
      words_[begin / 64] |= mask;
      begin += n;
    }
    return fresh;
  }

 private:
  uint64_t words_[pager::kNodePagesMax * pager::kPageBytes / 64];
};

}  // namespace sheaf::btree
#endif  // BTREE_CELL_BYTES_H_
