// The bytes of a blob store: contents by the key of their blob.
//
// Trees, N being the id of the first:
//   as the user calls it  kBlobs, ordered: contents, the rows below
//   "\1N.records"         kPartCollection: a document about each blob, by the same key
//                         (api/internal/blob_record.h)
//
//   row                   value
//   'c', key              a content that is one blob's own, as it is
//   'z', key              the same, compressed (blob/frames.h)
//   's', key              32 bytes: the SHA-256 of a content that blobs share
//   'd', SHA-256          such a content, as it is
//   'n', SHA-256          how many blobs share it (8 bytes)
//   'o', namespace        1 byte, 1: contents of this namespace are shared
//
// The tree's counter is the number given to a blob last. A content of up to kLoggedMax
// bytes is an ordinary value and goes through the log, so that its commit waits for one
// sync; a longer one was streamed (btree/large_writer.h) and is written once.
//
// Always: a key has one row of 'c', 'z' and 's'. A 'd' row has an 'n' row beside it, whose
// number is that of the 's' rows which name it, and not 0.
#ifndef BLOB_LAYOUT_H_
#define BLOB_LAYOUT_H_
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "catalog/tree_record.h"

namespace sheaf::blobs {

enum class Row : char {
  kOwn = 'c',
  kCompressed = 'z',
  kShared = 's',
  kDigest = 'd',
  kCount = 'n',
  kNamespace = 'o',
};
// What rows of a blob may be, in the order of how often they are.
inline constexpr Row kBlobRows[] = {Row::kOwn, Row::kCompressed, Row::kShared};

inline constexpr size_t kDigestBytes = 32;
inline constexpr uint64_t kLoggedMax = uint64_t{128} << 10;
// Shorter contents are not shared: counting them costs more than they do.
inline constexpr uint64_t kSharedMin = 4096;

inline std::string RowKey(Row row, std::string_view key) {
  std::string bytes(1, static_cast<char>(row));
  bytes.append(key);
  return bytes;
}

inline std::string RecordsName(catalog::TreeId store) {
  return absl::StrCat(std::string(catalog::kPartNamePrefix), store, ".records");
}

}  // namespace sheaf::blobs
#endif  // BLOB_LAYOUT_H_
