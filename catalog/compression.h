// Compression of a tree's values: what may be asked for, and the dictionaries.
//
// A tree that is to be compressed has encoded values (pager/compression.h), each with a
// tag that says how; so kind, level and dictionary can change from one value to the next,
// and old values stay readable. A dictionary is never changed: another one has the next
// version, and a version is not given out again.
//
// A dictionary lies in the catalog, in pieces:
//
//   key     'd', tree id (8, big-endian), version (4, big-endian), piece (2, big-endian)
//   value   no page reference (12 zero bytes), size of the whole dictionary (4), the bytes
//           of the piece: 900, the last one fewer
#ifndef CATALOG_COMPRESSION_H_
#define CATALOG_COMPRESSION_H_
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "btree/btree.h"
#include "catalog/options.h"
#include "catalog/tree_record.h"
#include "pager/compression.h"

namespace sheaf::catalog {

// kInvalidArgument names the field.
absl::Status CheckCompression(const Compression& compression);

// One byte may come before an encoded value: kInvalidArgument when that is one too many.
absl::Status CheckEncodable(uint64_t value_bytes);

// Of a tree without values.
TreeCompression BeginCompression(const Compression& wanted);

using DictionaryRef = std::shared_ptr<const pager::Dictionary>;

std::string DictionaryPrefix(TreeId tree);  // of its keys
inline constexpr std::string_view kFirstDictionaryKey = "d";
std::string DictionaryKey(TreeId tree, uint32_t version, uint16_t piece);
struct DictionaryPiece {
  TreeId tree = 0;
  uint32_t version = 0;
  uint16_t piece = 0;
  uint32_t size = 0;  // of the whole
  std::string_view bytes;
};
// kDataLoss.
absl::StatusOr<DictionaryPiece> DecodeDictionaryPiece(std::string_view key,
                                                      std::string_view value);
absl::Status StoreDictionary(btree::BTree* catalog, TreeId tree, uint32_t version,
                             std::string_view bytes);
// The dictionaries of a tree by version, of those from `first` to `last`. kDataLoss when
// one is not whole.
using DictionaryFn =
    absl::FunctionRef<absl::Status(uint32_t version, const std::string& bytes)>;
absl::Status ForEachDictionary(const btree::ReadContext& context,
                               const btree::TreeRoot& catalog, TreeId tree,
                               DictionaryFn fn, uint32_t first = 0,
                               uint32_t last = UINT32_MAX);
// kDataLoss when it is not there.
absl::StatusOr<DictionaryRef> LoadDictionary(const btree::ReadContext& context,
                                             const btree::TreeRoot& catalog, TreeId tree,
                                             uint32_t version);

// Dictionaries of committed versions, ready for use: the 64 used last. Thread-safe.
class DictionaryCache {
 public:
  // `catalog`: of a committed version that has it.
  absl::StatusOr<DictionaryRef> Get(const btree::ReadContext& context,
                                    const btree::TreeRoot& catalog, TreeId tree,
                                    uint32_t version) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    TreeId tree = 0;
    DictionaryRef dictionary;
    uint64_t used = 0;
  };
  absl::Mutex mu_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mu_);
  uint64_t clock_ ABSL_GUARDED_BY(mu_) = 0;
};

// What an encoded value says of itself; reads no more of it.
absl::StatusOr<pager::ValueCodec::Head> ReadHead(
    pager::Pager* pager, const btree::NodeView::LeafValue& stored);

// Opens values of one tree, and keeps the dictionary used last. One thread at a time.
class ValueOpener {
 public:
  using LoadFn = absl::FunctionRef<absl::StatusOr<DictionaryRef>(uint32_t version)>;
  // As pager::ValueCodec::Decode.
  absl::Status Open(std::string_view encoded, LoadFn load, std::string* buffer,
                    std::string_view* out);
  void Reset() { dictionary_.reset(); }

 private:
  DictionaryRef dictionary_;
};

// What a dictionary is trained from.
class Samples {
 public:
  // Longer values are left out: a dictionary hardly helps them.
  static constexpr size_t kValueBytesMax = 16 << 10;
  void Add(std::string_view value);
  bool full() const;
  // kFailedPrecondition when no dictionary can be made of them, or hardly helps.
  absl::StatusOr<std::string> Train(const Compression& compression) const;

 private:
  std::string bytes_;
  std::vector<size_t> sizes_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_COMPRESSION_H_
