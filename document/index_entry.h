// The entries of an index: which a document has, and how they lie in the index's tree.
//
//   of an index that is not unique   key: values, document key; value: flags, and the
//                                    document key where the key holds it cut; empty
//                                    where that would be one zero byte
//   of a unique one                  key: values; value: flags, document key
//
// The values are index keys (document/index_key.h), one of each field. Where they have
// more than 496 bytes together, they are cut: the first 496 and 16 of the SHA-256 of all;
// such entries still tell equal from unequal, but not their order beyond that. A document
// key of more than 464 bytes is cut so behind 464.
//
// Pure functions.
#ifndef DOCUMENT_INDEX_ENTRY_H_
#define DOCUMENT_INDEX_ENTRY_H_
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "document/binary.h"
#include "document/schema.h"

namespace sheaf::document {

inline constexpr size_t kEntryValuesMax = 512;  // bytes; of those that are cut
inline constexpr size_t kEntriesMax = 10'000;   // of one document in one index

enum EntryFlag : uint8_t {
  kValuesCut = 1,
  kKeyCut = 2,
  kInexact = 4,  // the values compare equal to those of the document, but are not they
};

struct IndexEntry {
  std::string values;
  uint8_t flags = 0;
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
  friend auto operator<=>(const IndexEntry&, const IndexEntry&) = default;
};

struct IndexEntries {
  std::vector<IndexEntry> entries;  // ascending, each once
  bool through_arrays = false;      // a path led through an array
};

// kInvalidArgument: more than kEntriesMax, or two paths of a unique index through arrays.
absl::Status EntriesOf(const Index& index, const View& document, IndexEntries* out);

// Of `values`, one for each field: as entries have them.
std::string ValuesOf(const Index& index, absl::Span<const IndexValue> values);

// How an entry lies in the tree.
struct StoredEntry {
  std::string key, value;
};
StoredEntry EncodeEntry(const Index& index, const IndexEntry& entry,
                        std::string_view document_key);
struct EntryView {
  std::string_view values;
  uint8_t flags = 0;
  std::string_view document_key;
};
absl::StatusOr<EntryView> DecodeEntry(const Index& index, std::string_view key,
                                      std::string_view value);  // kDataLoss

// {"author":"Rilke","year":1902}, for messages.
std::string DescribeValues(const Index& index, std::string_view values);

}  // namespace sheaf::document
#endif  // DOCUMENT_INDEX_ENTRY_H_
