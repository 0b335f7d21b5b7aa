// Node: the bytes of a B-tree page, leaf or inner. Slotted, with the prefix that
// all its keys share stored once and the next four bytes of each key beside its
// slot, so that a search stays in one or two cache lines until the last step.
//
// Format version 1. Integers are little-endian. `end` is the size of the node,
// at most 64 KiB. The fields of the kind in the page header:
//
//   offset  size  field
//       52     2  slot_count   n
//       54     2  heap_bytes   bytes of the heap: cells in [end - heap_bytes, end)
//       56     2  dead_bytes   of these, bytes of no cell
//       58     2  prefix_size  p
//       60     4  tree         low half of the tree's id, 0: the catalog. For salvage:
//                              says whose a page is when what refers to it is lost
//       64     p  prefix       every key begins with it, slot 0 of an inner node
//                              excepted
//        .     .  padding      zeros to a multiple of 8
//        .   8*n  slots        in ascending key order
//        .     .  gap          zero in the file
//        .     .  heap
//
//   slot :=
//        0     4  head         the first 4 bytes after the prefix as a big-endian
//                              number, zeros where the key ends before
//        4     2  cell         offset of the cell in the page
//        6     2  suffix_size  bytes of the key after the prefix
//
//   leaf cell  := varint, the suffix from its fifth byte on, then the value; the varint is
//                 its size * 2. Of a large one: the tail's size * 2 + 1, and a LargeRef, the
//                 tail behind it
//   inner cell := the suffix from its fifth byte on, page reference of the child
//                 (12 bytes), number of entries below it (6 bytes)
//
// Page flags, of all nodes of a tree: 0: its values are plain; 1: each begins with a page
// reference, which may be none (the catalog's); 2: they are encoded (pager/compression.h).
//
// Always: slot 0 of an inner node has the empty suffix and stands for everything
// below slot 1; a child at slot i holds keys k with key(i) <= k < key(i + 1).
// The prefix may be shorter than what the keys share. A key that lacks the prefix
// sorts before or behind all of them, by comparison with the prefix.
//
// Not thread-safe; a page that others may see is not changed.
#ifndef BTREE_NODE_H_
#define BTREE_NODE_H_
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "pager/page.h"

namespace sheaf::btree {

using pager::DecodeFixed16;
using pager::DecodeFixed32;
using pager::DecodeFixed48;
using pager::DecodeFixed64;
using pager::EncodeFixed16;
using pager::EncodeFixed48;
using pager::PageHeader;
using pager::PageRef;

// What a tree's values are; each of its nodes says it in the header's flags.
enum class Values : uint8_t {
  kPlain = 0,
  kRefs = 1,     // begin with a page reference
  kEncoded = 2,  // pager/compression.h
};
inline constexpr size_t kKeyMax = 1024;
inline constexpr uint32_t kHeadBytes = 4;

struct ChildRef {
  PageRef page;
  uint64_t entries = 0;

  static constexpr size_t kEncodedSize = PageRef::kEncodedSize + 6;
};

// A chunk of a large value has so many bytes, or less.
inline constexpr uint64_t kChunkBytes =
    pager::kNodePagesMax * pager::kPageBytes - PageHeader::kSize;

// Where a value too large for its leaf lies: one page of kind kValue, or the root of an
// index of them (large_value.h). The last bytes of one that would begin a page for a few are
// in the leaf, behind this reference: 4,096 bytes take one page.
struct LargeRef {
  PageRef page;
  uint64_t in_pages = 0;  // bytes
  std::string_view tail;  // up to kTailMax; of the leaf's page

  uint64_t size() const { return in_pages + tail.size(); }

  static constexpr size_t kEncodedSize = PageRef::kEncodedSize + 6;  // without the tail
  static constexpr size_t kTailMax = 256;
};

// The first four bytes of `key` behind its first `begin`, comparable as a number; zeros
// where there are none. Requires: begin <= key.size().
inline uint32_t HeadOf(std::string_view key, size_t begin) {
  const size_t size = key.size() - begin;
  const char* const at = key.data() + begin;
  if (size >= kHeadBytes) return __builtin_bswap32(DecodeFixed32(at));
  if (key.size() >= kHeadBytes) {  // what lies before them is shifted out
    const uint64_t last = __builtin_bswap32(DecodeFixed32(at + size - kHeadBytes));
    return static_cast<uint32_t>(last << (8 * (kHeadBytes - size)));
  }
  uint32_t head = 0;
  for (size_t i = 0; i < size; ++i)
    head |= uint32_t{static_cast<unsigned char>(at[i])} << (24 - 8 * i);
  return head;
}

// How many bytes both begin with.
size_t CommonPrefix(std::string_view a, std::string_view b);

// Reads a node. A view: costs nothing, owns nothing.
class NodeView {
 public:
  explicit NodeView(const char* page) : page_(page) {}

  const char* page() const { return page_; }
  bool is_leaf() const { return pager::LevelOf(page_) == 0; }
  uint32_t level() const { return pager::LevelOf(page_); }
  uint32_t end() const { return pager::PagesOf(page_) * pager::kPageBytes; }
  uint32_t count() const { return DecodeFixed16(page_ + kSlotCount); }
  uint32_t heap_bytes() const { return DecodeFixed16(page_ + kHeapBytes); }
  uint32_t dead_bytes() const { return DecodeFixed16(page_ + kDeadBytes); }
  uint32_t prefix_size() const { return DecodeFixed16(page_ + kPrefixSize); }
  std::string_view prefix() const { return {page_ + kPayload, prefix_size()}; }
  Values values() const {
    return static_cast<Values>(static_cast<uint8_t>(page_[PageHeader::kFlags]));
  }
  bool values_are_refs() const { return values() == Values::kRefs; }

  uint32_t head(uint32_t i) const { return DecodeFixed32(slot(i)); }
  uint32_t suffix_size(uint32_t i) const { return DecodeFixed16(slot(i) + 6); }
  uint32_t cell_offset(uint32_t i) const { return DecodeFixed16(slot(i) + 4); }
  uint32_t tree() const { return DecodeFixed32(page_ + kTree); }
  uint32_t slots_at() const { return kPayload + (prefix_size() + 7) / 8 * 8; }
  const char* slot(uint32_t i) const { return page_ + slots_at() + i * kSlotSize; }

  // The four bytes of the head as they are in the key.
  void HeadTo(uint32_t i, char* out) const {
    const uint32_t h = head(i);
    out[0] = static_cast<char>(h >> 24), out[1] = static_cast<char>(h >> 16);
    out[2] = static_cast<char>(h >> 8), out[3] = static_cast<char>(h);
  }
  // The key of slot i, put together in `out`.
  void KeyTo(uint32_t i, std::string* out) const;
  std::string Key(uint32_t i) const {
    std::string key;
    KeyTo(i, &key);
    return key;
  }
  // The part of the key behind head and prefix.
  std::string_view Rest(uint32_t i) const {
    const uint32_t size = suffix_size(i);
    const char* cell = page_ + cell_offset(i);
    if (is_leaf()) SkipVarint(&cell);
    return {cell, size > kHeadBytes ? size - kHeadBytes : 0};
  }

  struct Position {
    uint32_t index;  // of the first key >= the one looked for; may be count()
    bool exact;
  };
  Position LowerBound(std::string_view key) const;
  // Leaf: hints that the entry of `key` will be read soon.
  void PrefetchCell(std::string_view key) const;

  // Inner: the slot whose child holds `key`.
  uint32_t ChildIndex(std::string_view key) const {
    const Position p = LowerBound(key);
    return p.exact || p.index == 0 ? p.index : p.index - 1;
  }
  ChildRef Child(uint32_t i) const {
    const char* at = ChildAt(i);
    return {pager::DecodePageRef(at), DecodeFixed48(at + PageRef::kEncodedSize)};
  }
  PageRef ChildPage(uint32_t i) const { return pager::DecodePageRef(ChildAt(i)); }
  uint64_t EntriesBelow() const;  // of a leaf: its count

  // Leaf.
  struct LeafValue {
    std::string_view bytes;  // the value, or an encoded LargeRef and its tail
    bool is_large = false;
    uint64_t size = 0;  // of the value itself
  };
  LeafValue Value(uint32_t i) const;

  // Bytes between the slots and the heap, and what compacting would add.
  uint32_t gap() const {
    return end() - heap_bytes() - (slots_at() + count() * kSlotSize);
  }
  uint32_t free_bytes() const { return gap() + dead_bytes(); }
  uint32_t cell_size(uint32_t i) const;
  // Bytes that entries take, as a share of those there are: 0 to 1,000.
  uint32_t FillPermille() const {
    const uint32_t room = end() - PageHeader::kSize;
    return (room - free_bytes()) * 1000 / room;
  }

  static constexpr size_t kSlotCount = 52, kHeapBytes = 54, kDeadBytes = 56,
                          kPrefixSize = 58, kTree = 60, kPayload = 64, kSlotSize = 8;

 protected:
  static void SkipVarint(const char** p) {
    while ((**p & 0x80) != 0) ++*p;
    ++*p;
  }
  const char* ChildAt(uint32_t i) const {
    const uint32_t size = suffix_size(i);
    return page_ + cell_offset(i) + (size > kHeadBytes ? size - kHeadBytes : 0);
  }
  // 0: the key begins with the prefix. Otherwise on which side of all keys it is.
  int ComparePrefix(std::string_view key) const {
    const uint32_t p = prefix_size();
    if (p == 0) return 0;
    const char* const prefix = page_ + kPayload;
    if (p <= 8 && key.size() >= 8 &&
        (DecodeFixed64(key.data()) ^ DecodeFixed64(prefix)) << (64 - 8 * p) == 0)
      return 0;
    const int c = std::memcmp(key.data(), prefix, std::min<size_t>(p, key.size()));
    return c != 0 ? c : key.size() < p ? -1 : 0;
  }
  int CompareSuffix(uint32_t i, std::string_view suffix) const;
  // Where the suffix is among the slots from `base`, the first of those with its head.
  Position LowerInRun(uint32_t base, uint32_t head, std::string_view suffix) const;
  // The first slot whose head is not below `head`.
  uint32_t LowerHead(uint32_t head) const;

  const char* page_;
};

static_assert(NodeView::kPayload == PageHeader::kSize);

// A leaf entry as it is put in: the value's bytes, or an encoded LargeRef and its tail.
struct LeafEntry {
  std::string_view key;
  std::string_view value;
  bool is_large = false;

  uint64_t tag() const {
    return is_large ? (value.size() - LargeRef::kEncodedSize) * 2 + 1 : value.size() * 2;
  }
};

// Changes a node in place.
class Node : public NodeView {
 public:
  explicit Node(char* page) : NodeView(page) {}

  // An empty node; `tree` stays as it is. Requires: the page header is set.
  void Init(uint32_t level, Values values, std::string_view prefix);

  void SetTree(uint32_t tree) { pager::EncodeFixed32(data() + kTree, tree); }

  // Each returns false, and changes nothing, when the node lacks the room; the
  // node is compacted, or its prefix shortened, when that is enough.
  bool Insert(uint32_t i, const LeafEntry& entry);
  bool Replace(uint32_t i, const LeafEntry& entry);
  bool InsertChild(uint32_t i, std::string_view key, const ChildRef& child);

  // True when InsertChild would succeed; makes the room.
  bool PrepareChild(std::string_view key) {
    return MakeRoom(key, ChildRef::kEncodedSize);
  }
  void SetChildPage(uint32_t i, const PageRef& page) {
    pager::EncodePageRef(const_cast<char*>(ChildAt(i)), page);
  }

  // Makes the prefix all that the keys share, if there is room, so that heads tell more of
  // them apart. What shortens it comes by itself: a key that lacks it.
  void LengthenPrefix();

  void Remove(uint32_t i) { RemoveRange(i, i + 1); }
  void RemoveRange(uint32_t begin, uint32_t end);  // [begin, end)
  void SetChild(uint32_t i, const ChildRef& child);
  void AddEntries(uint32_t i, int64_t delta);

  // Appends slots [begin, end) of `from`, whose keys are above all of this one's
  // and begin with its prefix. `first_key`: the key that slot `begin` gets when
  // both are inner and it is slot 0 of `from`. Requires: room.
  void AppendFrom(const NodeView& from, uint32_t begin, uint32_t end,
                  std::string_view first_key);
  // Bytes that slots [begin, end) of `from` would take under a prefix of this size.
  static uint32_t SizeUnder(const NodeView& from, uint32_t begin, uint32_t end,
                            uint32_t prefix_size);

 private:
  char* data() { return const_cast<char*>(page_); }
  char* MakeCell(uint32_t i, std::string_view key, uint32_t tag_size, uint32_t body_size);
  bool MakeRoom(std::string_view key, uint32_t bytes);
  void Rebuild(uint32_t prefix_size);
  void Set16(size_t at, uint32_t value) {
    EncodeFixed16(data() + at, static_cast<uint16_t>(value));
  }
};

// Of a reference in a page. A page is copied whenever one below it is, so none is older than
// its children.
absl::Status ValidateRef(const char* page, uint32_t slot, const PageRef& ref);
// For PageKindOps. Everything in the page is bounded afterwards.
absl::Status ValidateNode(const char* page);
void ForEachNodeRef(const char* page, absl::FunctionRef<void(const PageRef&)> fn);
void ClearUnusedInNode(char* page);
std::string DescribeNode(const char* page);

// Of a leaf's large value, whose tail it shows.
inline LargeRef DecodeLargeRef(std::string_view in) {
  return {pager::DecodePageRef(in.data()),
          DecodeFixed48(in.data() + PageRef::kEncodedSize),
          in.substr(LargeRef::kEncodedSize)};
}
// All but the tail.
inline void EncodeLargeRef(char* out, const LargeRef& ref) {
  pager::EncodePageRef(out, ref.page);
  EncodeFixed48(out + PageRef::kEncodedSize, ref.in_pages);
}
// As a leaf holds it.
struct EncodedLarge {
  explicit EncodedLarge(const LargeRef& ref)
      : size(LargeRef::kEncodedSize + ref.tail.size()) {
    SHEAF_ASSERT(ref.tail.size() <= LargeRef::kTailMax);
    EncodeLargeRef(bytes, ref);
    if (!ref.tail.empty())
      std::memcpy(bytes + LargeRef::kEncodedSize, ref.tail.data(), ref.tail.size());
  }
  std::string_view view() const { return {bytes, size}; }

  size_t size;
  char bytes[LargeRef::kEncodedSize + LargeRef::kTailMax];
};

}  // namespace sheaf::btree
#endif  // BTREE_NODE_H_
