// TreeRecord: what the catalog keeps of one tree, and the operations of the log.
//
// The catalog is itself a B-tree whose values begin with a page reference
// (btree/node.h, page flags 1), so checkpoints and checks follow them unasked.
//
//   key                     value
//   'i', tree id (8, big-   tree record
//   endian)
//   'n', name               no page reference (12 zero bytes), tree id (8)
//   'd', tree id (8),       a piece of a dictionary: see catalog/compression.h
//   version (4), piece (2)
//
//   tree record :=
//        0    12  root        page reference; none: the tree is empty
//       12     6  entries
//       18     1  kind        TreeKind
//       19     1  flags       bit 0: compression follows the strings; bit 1: it has a tree
//                             of expiries (catalog/expiry.h)
//       20     8  counter     a number its owner keeps: the largest integer key
//                             a collection ever had, plus 2^63
//       28        name, key type, value type: varint size, bytes, each
//                 compression, with flag 0: values are encoded (1 byte: 0 or 1; see
//                 pager/compression.h), kind (1), level (1), dictionary wanted (1),
//                 varint version of the dictionary for new values (0: none), varint
//                 version given to a dictionary last, varint dictionary_at
//
// Log group payload: operations one after the other. Strings are varint size,
// bytes; numbers are varints.
//
//   1  put           tree id, key, value
//   2  delete        tree id, key
//   3  delete range  tree id, from, 0: to the end / 1 and to
//   4  create        tree id, kind, name, key type, value type
//   5  rename        tree id, new name
//   6  drop          tree id
//   7  counter       tree id, value (8 bytes)
//   8  compression   tree id, compression as above
//   9  dictionary    tree id, version, bytes
//
// Values of puts are as they are stored: encoded, where the tree's are.
#ifndef CATALOG_TREE_RECORD_H_
#define CATALOG_TREE_RECORD_H_
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "btree/dense_node.h"
#include "btree/tree_reader.h"
#include "catalog/options.h"

namespace sheaf::catalog {

using TreeId = uint64_t;
// An index belongs to a collection, whose schema knows it by name (document/schema.h), a
// graph's parts to a graph (graph/graph_reader.h), a vector index's to that
// (vector/layout.h), the records of blobs to their contents (blob/layout.h).
enum class TreeKind : uint8_t {
  kTable = 1,
  kCollection = 2,
  kIndex = 3,
  kGraph = 4,  // dense: its vertices
  kGraphPart = 5,
  kPartCollection = 6,  // documents of vertices, edges or vectors
  kVectors = 7,         // dense: vectors as they were put
  kVectorPart = 8,
  kVectorNodes = 9,  // dense, and derived from the vectors
  kExpiry = 10,      // when entries of another expire
  kBlobs = 11,       // contents of blobs
};
inline bool IsCollection(TreeKind kind) {
  return kind == TreeKind::kCollection || kind == TreeKind::kPartCollection;
}
// Trees whose keys are numbers (btree/dense_tree.h): in the log 8 bytes, big-endian.
inline bool IsDense(TreeKind kind) {
  return kind == TreeKind::kGraph || kind == TreeKind::kVectors ||
         kind == TreeKind::kVectorNodes;
}
// Requires: IsDense(kind).
inline btree::DenseRecords RecordsOf(TreeKind kind) {
  return kind == TreeKind::kGraph ? btree::DenseRecords::kVertices
                                  : btree::DenseRecords::kBytes;
}
// Whose entries follow from other trees': changes of them are not logged. A crash takes
// back those since the last checkpoint, and whoever reads such a tree must see that.
inline bool IsDerived(TreeKind kind) { return kind == TreeKind::kVectorNodes; }
// Trees that belong to another, which made their names up.
inline bool IsPart(TreeKind kind) {
  return kind == TreeKind::kIndex || kind == TreeKind::kGraphPart ||
         kind == TreeKind::kPartCollection || kind == TreeKind::kVectorPart ||
         kind == TreeKind::kVectorNodes || kind == TreeKind::kExpiry;
}
std::string EncodeDenseKey(uint64_t number);
// None: it is none of a dense tree.
std::optional<uint64_t> DecodeDenseKey(std::string_view key);
// Three of these fit a leaf of the catalog, which keeps its values in the leaf.
inline constexpr size_t kTreeNameMax = 255, kTypeNameMax = 255;

struct TreeCompression {
  bool encoded = false;       // the values are
  Compression wanted;         // of values to come
  uint32_t dictionary = 0;    // version of the one for values to come; 0: none
  uint32_t dictionaries = 0;  // version given out last
  // Of values to come.
  bool UsesDictionary() const { return wanted.dictionary && dictionary != 0; }
  friend bool operator==(const TreeCompression&, const TreeCompression&) = default;
};

struct TreeRecord {
  TreeId id = 0;
  btree::TreeRoot root;
  TreeKind kind = TreeKind::kTable;
  uint64_t counter = 0;
  std::string name, key_type, value_type;
  TreeCompression compression;
  bool expires = false;  // it has a tree of expiries; follows from that one

  btree::Values values() const {
    return compression.encoded ? btree::Values::kEncoded : btree::Values::kPlain;
  }
};

std::string TreeKey(TreeId id);
std::string NameKey(std::string_view name);
inline constexpr std::string_view kFirstTreeKey = "i";

std::string EncodeTreeRecord(const TreeRecord& record);
absl::StatusOr<TreeRecord> DecodeTreeRecord(std::string_view key, std::string_view value);
std::string EncodeNameEntry(TreeId id);
absl::StatusOr<TreeId> DecodeNameEntry(std::string_view value);

// The record of a tree, from the catalog at `root`. kDataLoss when a name leads nowhere.
absl::StatusOr<std::optional<TreeRecord>> FindInCatalog(const btree::ReadContext& context,
                                                        const btree::TreeRoot& root,
                                                        TreeId id);
absl::StatusOr<std::optional<TreeRecord>> FindInCatalog(const btree::ReadContext& context,
                                                        const btree::TreeRoot& root,
                                                        std::string_view name);

// kInvalidArgument: 1 to 255 bytes of UTF-8 without control characters. Those of parts
// begin with one, so that nobody else can choose them.
inline constexpr std::string_view kPartNamePrefix = "\x01";
absl::Status CheckTreeName(std::string_view name, TreeKind kind = TreeKind::kTable);

enum class OpCode : uint8_t {
  kPut = 1,
  kDelete = 2,
  kDeleteRange = 3,
  kCreate = 4,
  kRename = 5,
  kDrop = 6,
  kCounter = 7,
  kCompression = 8,
  kDictionary = 9,
};

void AppendPut(std::string* log, TreeId tree, std::string_view key,
               std::string_view value);
void AppendDelete(std::string* log, TreeId tree, std::string_view key);
void AppendDeleteRange(std::string* log, TreeId tree, std::string_view from,
                       const std::string* to);
void AppendCreate(std::string* log, const TreeRecord& record);
void AppendRename(std::string* log, TreeId tree, std::string_view name);
void AppendDrop(std::string* log, TreeId tree);
void AppendCounter(std::string* log, TreeId tree, uint64_t counter);
void AppendCompression(std::string* log, TreeId tree, const TreeCompression& compression);
void AppendDictionary(std::string* log, TreeId tree, uint32_t version,
                      std::string_view bytes);

// One operation taken from a log group. Views into the group.
struct Op {
  OpCode code{};
  TreeId tree = 0;
  // Delete range: from and to; create, rename: name; dictionary: its bytes as the value.
  std::string_view key, value;
  bool has_to = false;
  TreeKind kind{};
  std::string_view key_type, value_type;
  uint64_t counter = 0;
  uint32_t dictionary = 0;
  TreeCompression compression;

  btree::Values values() const {
    return compression.encoded ? btree::Values::kEncoded : btree::Values::kPlain;
  }
};
// Takes the next operation off `*in`. kDataLoss when it is not one.
absl::Status TakeOp(std::string_view* in, Op* op);

}  // namespace sheaf::catalog
#endif  // CATALOG_TREE_RECORD_H_
