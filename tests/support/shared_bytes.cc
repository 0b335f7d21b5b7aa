#include "tests/support/shared_bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sheaf::test {
namespace {

constexpr int kFanoutBits = 4;
constexpr uint64_t kFanout = 1 << kFanoutBits;
constexpr int kHeightMax = 13;  // 52 bits of block number
static_assert(kFanoutBits * kHeightMax + 12 >= 64);

// True when blocks below `height` levels reach `index`.
bool Covers(int height, uint64_t index) {
  return height >= kHeightMax || (index >> (kFanoutBits * height)) == 0;
}

uint64_t SlotOf(uint64_t index, int height) {
  return (index >> (kFanoutBits * (height - 1))) % kFanout;
}

// The only owner's own copy of what *pointer leads to, made on demand.
template <typename T>
T* Own(std::shared_ptr<T>* pointer) {
  if (*pointer == nullptr) *pointer = std::make_shared<T>();
  if (pointer->use_count() != 1) *pointer = std::make_shared<T>(**pointer);
  return pointer->get();
}

}  // namespace

struct SharedBytes::Block {
  std::array<char, kBlockBytes> bytes{};
};

// Nodes of the lowest level have blocks, the others have children.
struct SharedBytes::Node {
  std::array<NodePtr, kFanout> children;
  std::array<BlockPtr, kFanout> blocks;
};

const SharedBytes::Block* SharedBytes::Find(uint64_t index) const {
  if (root_ == nullptr || !Covers(height_, index)) return nullptr;
  const Node* node = root_.get();
  for (int height = height_; height > 1; --height) {
    node = node->children[SlotOf(index, height)].get();
    if (node == nullptr) return nullptr;
  }
  return node->blocks[SlotOf(index, 1)].get();
}

void SharedBytes::CoverBlock(uint64_t index) {
  if (root_ == nullptr) {
    root_ = std::make_shared<Node>();
    height_ = 1;
  }
  while (!Covers(height_, index)) {
    auto above = std::make_shared<Node>();
    above->children[0] = std::move(root_);
    root_ = std::move(above);
    ++height_;
  }
}

SharedBytes::Block* SharedBytes::FindOrAdd(uint64_t index) {
  CoverBlock(index);
  Node* node = Own(&root_);
  for (int height = height_; height > 1; --height) {
    node = Own(&node->children[SlotOf(index, height)]);
  }
  BlockPtr* const block = &node->blocks[SlotOf(index, 1)];
  if (*block == nullptr) ++block_count_;
  return Own(block);
}

void SharedBytes::Read(uint64_t offset, absl::Span<char> out) const {
  while (!out.empty()) {
    const uint64_t begin = offset % kBlockBytes;
    const size_t count = std::min<uint64_t>(kBlockBytes - begin, out.size());
    const Block* const block = Find(offset / kBlockBytes);
    if (block == nullptr) {
      std::memset(out.data(), 0, count);
    } else {
      std::memcpy(out.data(), block->bytes.data() + begin, count);
    }
    offset += count;
    out.remove_prefix(count);
  }
}

std::string SharedBytes::Read(uint64_t offset, uint64_t count) const {
  std::string result(count, '\0');
  Read(offset, absl::MakeSpan(result.data(), result.size()));
  return result;
}

void SharedBytes::Write(uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    const uint64_t begin = offset % kBlockBytes;
    const size_t count = std::min<uint64_t>(kBlockBytes - begin, data.size());
    Block* const block = FindOrAdd(offset / kBlockBytes);
    std::memcpy(block->bytes.data() + begin, data.data(), count);
    offset += count;
    data.remove_prefix(count);
    size_ = std::max(size_, offset);
  }
}

// Drops the blocks from `first_dropped` on below *node, which covers the blocks
// [0, 16^height) of its own numbering. Returns how many went.
uint64_t SharedBytes::Prune(NodePtr* node, int height, uint64_t first_dropped) {
  if (*node == nullptr) return 0;
  uint64_t dropped = 0;
  const uint64_t child_blocks = uint64_t{1} << (kFanoutBits * (height - 1));
  Node* const own = Own(node);
  for (uint64_t slot = first_dropped / child_blocks; slot < kFanout; ++slot) {
    const uint64_t begin = slot * child_blocks;
    const uint64_t keep = first_dropped > begin ? first_dropped - begin : 0;
    if (height > 1) {
      dropped += Prune(&own->children[slot], height - 1, keep);
      if (keep == 0) own->children[slot] = nullptr;
    } else if (own->blocks[slot] != nullptr) {
      own->blocks[slot] = nullptr;
      ++dropped;
    }
  }
  return dropped;
}

void SharedBytes::DropBlocksFrom(uint64_t index) {
  if (index == 0) {
    root_ = nullptr;
    block_count_ = 0;
  } else if (Covers(height_, index)) {
    block_count_ -= Prune(&root_, height_, index);
  }
}

// The bytes behind the end are zeroed, so that growing again shows no old ones.
void SharedBytes::Resize(uint64_t size) {
  if (size < size_) {
    const uint64_t begin = size % kBlockBytes;
    DropBlocksFrom(size / kBlockBytes + (begin > 0 ? 1 : 0));
    if (begin > 0 && !IsHole(size / kBlockBytes)) {
      Block* const block = FindOrAdd(size / kBlockBytes);
      std::fill(block->bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                block->bytes.end(), '\0');
    }
  }
  size_ = size;
}

}  // namespace sheaf::test
