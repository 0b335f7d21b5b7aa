// How a vector index lies in trees.
//
// Each vector has a slot, a number that is given out again once its vector is gone, and a
// stamp, a number that is not: whoever puts a vector, also in place of another, gets one
// more. An index is these trees, N being the id of the first:
//
//   its name      kVectors: a vector is one record, or several side by side. `value_type`
//                 of the tree record: the options (OptionsText); `key_type`: what it
//                 belongs to (api/internal/vector_fields.h). Counter: slots given out
//   "\1N.keys"    kVectorPart. Counter: the stamp given out last
//                   'a', slot    stamp (8): the vector of that stamp has no node yet; 0:
//                                there is none, and a node that must go
//                   'f', slot    nothing: the slot is free
//                   'k', key     slot (4). Last, so that keys in order fill the leaves
//   "\1N.nodes"   kVectorNodes: a node is one record, or several. Counter: see EntryPoint
//   "\1N.levels"  kVectorNodes, by slot: links of a node above level 0
//   "\1N.metadata"  kPartCollection: documents by slot
//
// Slots in keys are 4 bytes, big-endian; other integers are little-endian. A flat index has
// empty trees of nodes and levels, and no 'a'.
//
//   vector record :=                          node record :=
//      0  8  stamp                               0  6  stamp, of the vector it was made of
//      8  4  norm   float32; 0 where the         6  2  count of links on level 0, and 1024
//                   metric wants none                  times the level
//     12  2  size of the key                     8     code
//     14     key, vector                         .     links: 27 bits each, the first in the
//                                                      lowest; room for 2 * M, to whole
//   level record := of each level from 1 on:           bytes, and a byte of zero
//      0  2  count of links
//      2     links, 4 bytes each,             code kExact := norm (4), vector
//            room for 2 * M
//
// Indexes of format 1, which earlier versions made and this one keeps as they are, differ in
// the node record: level at 6 (1 byte), zero (1), count of links at 8 (2), code at 10, links
// of 4 bytes.
//
// A vector record of more than kRecordMax bytes, be the key as long as can be, is split:
// the first has all but the vector, which follows in pieces of kRecordMax. A node's record
// is cut into such pieces as it is.
//
// Trees of nodes are not logged. After a crash they and the 'a' are what the last checkpoint
// had, and the log added 'a's for all vectors that came later. So always: a vector whose
// stamp is that of its slot's node is found by way of the graph; any other has an 'a' of its
// stamp, and what its slot's node is, if there is one, leads on but is not found. The same
// goes for a node whose slot has no vector.
// Links are mutual, without doubles, and never to the node itself or to none.
#ifndef VECTOR_LAYOUT_H_
#define VECTOR_LAYOUT_H_
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/dense_node.h"
#include "catalog/tree_record.h"
#include "pager/coding.h"
#include "pager/prefetch.h"
#include "vector/code.h"
#include "vector/vector_options.h"

namespace sheaf::vectors {

using Slot = uint32_t;
using Stamp = uint64_t;
inline constexpr Slot kSlotEnd = Slot{1} << 30;  // of format 1; else 2^27
inline constexpr Stamp kStampEnd = Stamp{1} << 48;
inline constexpr size_t kKeyMax = 512;
inline constexpr size_t kRecordMax = btree::kDenseRecordMax;

std::string KeysName(catalog::TreeId index);
std::string NodesName(catalog::TreeId index);
std::string LevelsName(catalog::TreeId index);
std::string MetadataName(catalog::TreeId index);
// Beside a collection: which of its fields have an index (api/internal/vector_fields.h).
std::string FieldsName(catalog::TreeId collection);

std::string KeyRow(std::string_view key);  // 'k'
std::string FreeRow(Slot slot);            // 'f'
std::string PendingRow(Slot slot);         // 'a'
inline constexpr std::string_view kPendingRows = "a", kFreeRows = "f", kKeyRows = "k";
// Of 'a' and 'f'. None: it is no such row.
std::optional<Slot> SlotOfRow(std::string_view row);

// Where in a dense tree records lie that are numbered without gaps: some keys of each group
// are left out, so that groups fill pages.
struct Packing {
  uint32_t in_group = btree::kGroupKeys;

  btree::DenseKey KeyOf(uint64_t n) const {
    return n / in_group * btree::kGroupKeys + n % in_group;
  }
  // Nothing: of a key that is left out.
  std::optional<uint64_t> NumberOf(btree::DenseKey key) const;
  // The best for records of so many bytes.
  static Packing For(size_t record_bytes);
  friend bool operator==(const Packing&, const Packing&) = default;
};

struct Layout;

// The slots that were given out, by the counter of the vectors; where that is damaged, no
// more than there can be: each has a vector or a row.
Slot SlotEnd(const Layout& layout, uint64_t counter, uint64_t vector_entries,
             uint64_t key_rows);

// What follows from the options.
struct Layout {
  static constexpr uint32_t kFormat = 2;
  explicit Layout(const Options& options, uint32_t format = kFormat);

  Options options;
  uint32_t format;
  Slot slot_end;  // that links have bits for
  size_t vector_bytes;
  bool is_split;            // vectors have records of their own
  uint32_t vector_records;  // a vector
  Packing vector_packing;

  Code code;
  size_t code_bytes;
  uint32_t links_max;  // of a node on a level
  size_t code_at, links_at, node_bytes;
  uint32_t node_records;  // a node
  Packing node_packing;
  size_t level_bytes;  // a level
  uint32_t level_max;

  btree::DenseKey VectorKey(Slot slot, uint32_t record = 0) const {
    return vector_packing.KeyOf(uint64_t{slot} * vector_records + record);
  }
  // Above level 0 half as many are made as there is room for.
  uint32_t LinksMax(size_t level) const { return level == 0 ? links_max : options.m; }
  // Most nodes have half of the links that there is room for.
  uint32_t usual_links_bytes() const {
    return static_cast<uint32_t>((node_bytes - links_at) / 2);
  }
  btree::DenseKey NodeKey(Slot slot, uint32_t record = 0) const {
    return node_packing.KeyOf(uint64_t{slot} * node_records + record);
  }
};

// As a tree record keeps them: "2 hnsw cosine float32 128 16 200 64 byte 1 7 5", the
// format, then the options in order, then the two packings.
std::string OptionsText(const Layout& layout);
// kDataLoss: it is none, or of options that are none. kUnimplemented: a later version.
absl::StatusOr<Layout> ParseOptionsText(std::string_view text);

// A vector as it is stored. Views into what it was read from.
struct StoredVector {
  Stamp stamp = 0;
  float norm = 0;
  std::string_view key;
  const char* vector = nullptr;  // layout.vector_bytes
};
// With the vector behind it, unless that is split off.
void AppendVectorRecord(const StoredVector& vector, const Layout& layout,
                        std::string* out);
// Leaves `vector` null where it is split off. False: it is none.
bool TakeVectorRecord(std::string_view record, const Layout& layout, StoredVector* out);

// A node, all of its bytes. A view.
class NodeView {
 public:
  explicit NodeView(const char* node) : node_(node) {}

  const char* data() const { return node_; }
  Stamp stamp() const { return pager::DecodeFixed48(node_); }
  uint32_t level(const Layout& layout) const {
    return layout.format == 1 ? static_cast<uint8_t>(node_[kCounts])
                              : pager::DecodeFixed16(node_ + kCounts) >> kCountBits;
  }
  const char* code(const Layout& layout) const { return node_ + layout.code_at; }
  // Bounded by the room there is, whatever the bytes say.
  uint32_t link_count(const Layout& layout) const {
    const uint32_t count =
        layout.format == 1
            ? pager::DecodeFixed16(node_ + kCountOfFormat1)
            : pager::DecodeFixed16(node_ + kCounts) & ((1u << kCountBits) - 1);
    return count < layout.links_max ? count : layout.links_max;
  }
  Slot Link(const Layout& layout, uint32_t i) const {
    if (layout.format != 1) return PackedLink(layout, i);
    return pager::DecodeFixed32(node_ + layout.links_at + size_t{4} * i);
  }
  // Not of format 1.
  Slot PackedLink(const Layout& layout, uint32_t i) const {
    const uint32_t bit = kLinkBits * i;
    const uint64_t word =
        pager::DecodeFixed64(node_ + layout.links_at + bit / 8 - kBefore);
    return static_cast<Slot>(word >> (bit % 8 + 8 * kBefore)) & kLinkMask;
  }

  static constexpr size_t kCounts = 6, kCountOfFormat1 = 8;
  static constexpr uint32_t kCountBits = 10, kLinkBits = 27;
  static constexpr Slot kLinkMask = (Slot{1} << kLinkBits) - 1;
  // A link is read with so many bytes before it, so that few behind the last are.
  static constexpr size_t kBefore = 3;

 private:
  const char* node_;
};

// Makes `*out` the bytes of a node, or of its levels above 0, of which it has some: `links` by
// level from 1 on. Requires: no more links than there is room for.
struct NodeParts {
  Stamp stamp;
  std::string_view code;
  size_t level;
  absl::Span<const Slot> links;  // on level 0
};
void EncodeNode(const NodeParts& node, const Layout& layout, std::string* out);
void EncodeLevels(absl::Span<const absl::Span<const Slot>> links, const Layout& layout,
                  std::string* out);

// The node that a search begins at, and its level, as a counter keeps them: 0 when there
// are no nodes, else 1 + slot + level * 2^32.
struct EntryPoint {
  Slot slot = 0;
  uint32_t level = 0;
};
uint64_t EncodeEntryPoint(const std::optional<EntryPoint>& entry);
std::optional<EntryPoint> DecodeEntryPoint(uint64_t counter);

// The level of the node of a vector: 0 mostly, each further one M times rarer.
uint32_t LevelOf(const Layout& layout, Stamp stamp);

}  // namespace sheaf::vectors
#endif  // VECTOR_LAYOUT_H_
