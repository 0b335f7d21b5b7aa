// The bytes of a collection: its tree holds one entry a document, key and value
// as drawn here.
//
//   key of the schema  01, number: see document/schema.h
//   key of a number    10, then 8 bytes: big-endian, top bit inverted
//   key of a text      20, then 1 to 1,000 bytes of UTF-8, as they are
//   key of a UUID      28, then its 16 bytes
//   key of bytes       30, then 1 to 1,000 bytes
//
// The order of these bytes is: numbers by value, then texts by their bytes,
// which is by code point, then UUIDs, which is by time where they are generated, then
// bytes. A text needs no end, since it is the last component.
//
//   value   offset  size  field
//                0     1  encoding  1: JSON text. 2: binary. Others belong to encodings to
//                                   come; 0 never is one
//                1     .  the document; of encoding 1: JSON without white space; of 2:
//                         see document/binary.h
//
// Pure functions: any thread, no state.
#ifndef DOCUMENT_COLLECTION_CODEC_H_
#define DOCUMENT_COLLECTION_CODEC_H_
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"

namespace sheaf::document {

enum class KeyTag : uint8_t { kNumber = 0x10, kText = 0x20, kUuid = 0x28, kBytes = 0x30 };
enum class DocumentEncoding : uint8_t { kJsonText = 1, kBinary = 2 };

inline constexpr size_t kTextKeyBytesMax = 1000;  // of bytes, too

using Uuid = std::array<uint8_t, 16>;

// 32 hexadecimal digits, dashes where they belong or none. None: it is no UUID.
std::optional<Uuid> ParseUuid(std::string_view text);

std::string EncodeNumberKey(int64_t number);
std::string EncodeUuidKey(const Uuid& uuid);
// kInvalidArgument: empty, too long, or not UTF-8.
absl::StatusOr<std::string> EncodeTextKey(std::string_view text);
// kInvalidArgument: empty or too long.
absl::StatusOr<std::string> EncodeBytesKey(std::string_view bytes);
// With what the keys of all texts begin that begin with `text`, which may be
// empty and may end inside a character.
std::string EncodeTextKeyPrefix(std::string_view text);

// A text, or bytes, point into the bytes that were decoded.
struct BytesKey {
  std::string_view bytes;
};
using CollectionKey = std::variant<int64_t, std::string_view, Uuid, BytesKey>;
absl::StatusOr<CollectionKey> DecodeCollectionKey(std::string_view bytes);  // kDataLoss

inline bool IsBinary(std::string_view stored) {
  return !stored.empty() && stored[0] == kBinaryEncoding;
}
// What a stored document is: where it is, or, of JSON text, made binary in `*buffer` with
// `*text_names`. kDataLoss; kUnimplemented for an encoding that a newer library wrote.
absl::Status OpenDocument(std::string_view stored, const NameTable& names,
                          NameTable* text_names, std::string* buffer, View* out);

}  // namespace sheaf::document
#endif  // DOCUMENT_COLLECTION_CODEC_H_
