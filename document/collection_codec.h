// The bytes of a collection: its tree holds one entry a document, key and value
// as drawn here.
//
//   key of a number   10, then 8 bytes: big-endian, top bit inverted
//   key of a text     20, then 1 to 1,000 bytes of UTF-8, as they are
//
// The order of these bytes is: numbers by value, then texts by their bytes,
// which is by code point. A text needs no end, since it is the last component.
//
//   value   offset  size  field
//                0     1  encoding  1: JSON text. Others belong to encodings to
//                                   come; 0 never is one
//                1     .  the document; of encoding 1: what MinifyJson returned
//
// Pure functions: any thread, no state.
#ifndef DOCUMENT_COLLECTION_CODEC_H_
#define DOCUMENT_COLLECTION_CODEC_H_
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"

namespace sheaf::document {

enum class KeyTag : uint8_t { kNumber = 0x10, kText = 0x20 };
enum class DocumentEncoding : uint8_t { kJsonText = 1 };

inline constexpr size_t kTextKeyBytesMax = 1000;

std::string EncodeNumberKey(int64_t number);
// kInvalidArgument: empty, too long, or not UTF-8.
absl::StatusOr<std::string> EncodeTextKey(std::string_view text);
// With what the keys of all texts begin that begin with `text`, which may be
// empty and may end inside a character.
std::string EncodeTextKeyPrefix(std::string_view text);

// A text points into the bytes that were decoded.
using CollectionKey = std::variant<int64_t, std::string_view>;
absl::StatusOr<CollectionKey> DecodeCollectionKey(std::string_view bytes);  // kDataLoss

// Requires: `json` came from MinifyJson.
std::string EncodeJsonDocument(std::string_view json);
// The JSON text inside `bytes`, not parsed again. kDataLoss; kUnimplemented for
// an encoding that a newer library wrote.
absl::StatusOr<std::string_view> DecodeJsonDocument(std::string_view bytes);

}  // namespace sheaf::document
#endif  // DOCUMENT_COLLECTION_CODEC_H_
