// SharedBytes: the bytes of one file, copied in O(1). Copies share 4 KiB blocks
// until one of them writes, so a hundred thousand crash images of a database
// cost little more than what differs between them. Sparse: a hole costs nothing.
//
// A radix tree of 16 children a node over block numbers; a node with one owner
// is changed in place, a shared one is copied along the path.
//
// Thread-compatible, and copies may be used by different threads.
#ifndef TESTS_SUPPORT_SHARED_BYTES_H_
#define TESTS_SUPPORT_SHARED_BYTES_H_
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace sheaf::test {

class SharedBytes {
 public:
  static constexpr uint64_t kBlockBytes = 4096;

  uint64_t size() const { return size_; }

  // Requires: the range ends at or before size().
  void Read(uint64_t offset, absl::Span<char> out) const;
  std::string Read(uint64_t offset, uint64_t count) const;

  // Grows the file where needed; a gap reads as zeros.
  void Write(uint64_t offset, std::string_view data);
  void Resize(uint64_t size);

  // Whether a write to this block would need new space.
  bool IsHole(uint64_t block_index) const { return Find(block_index) == nullptr; }
  uint64_t allocated_bytes() const { return block_count_ * kBlockBytes; }

 private:
  struct Node;
  struct Block;
  using NodePtr = std::shared_ptr<Node>;
  using BlockPtr = std::shared_ptr<Block>;

  const Block* Find(uint64_t index) const;
  Block* FindOrAdd(uint64_t index);
  void CoverBlock(uint64_t index);
  void DropBlocksFrom(uint64_t index);
  uint64_t Prune(NodePtr* node, int height, uint64_t first_dropped);

  NodePtr root_;
  int height_ = 0;  // levels; the root covers 16^height_ blocks
  uint64_t block_count_ = 0;
  uint64_t size_ = 0;
};

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_SHARED_BYTES_H_
