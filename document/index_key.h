// Index keys: values as bytes whose memcmp order is that of document/compare.h, exactly,
// and values that compare equal have equal bytes.
//
//   08 an array without elements   10 null, and what is missing
//   20 not a number                40 string   bytes, each 00 as 00 FF; 00 00
//   26-39 number                   48 object   of each field the rank of its kind (1), its
//   68 false  69 true                          name as a string, its value; 00
//   70 timestamp  8 bytes, big-    50 array    its elements; 00
//      endian, top bit inverted    58 bytes    as a string
//                                  60 vector   01 and 4 bytes for each float, as in
//                                              btree/key.h; 00
//   number := tag 30 + n, magnitude of the whole part (n bytes, big-endian, n the fewest),
//             then 00 for nothing behind the point, or 01 and what is there: in 2^-56 (7
//             bytes), where n is 0 as a double's bits (8 bytes); n = 9 is 2^64 and more: a
//             double's bits (8 bytes). Negative: tag 2F - n, and all else inverted
//
// No key is the beginning of another, so keys can follow each other. In descending order
// all bytes are inverted.
//
// Pure functions.
#ifndef DOCUMENT_INDEX_KEY_H_
#define DOCUMENT_INDEX_KEY_H_
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "document/binary.h"

namespace sheaf::document {

enum IndexKeyTag : uint8_t {
  kKeyEmptyArray = 0x08,
  kKeyNull = 0x10,
  kKeyNaN = 0x20,
  kKeyNumbers = 0x26,     // the first
  kKeyNumbersEnd = 0x3a,  // behind the last
  kKeyZero = 0x30,
  kKeyString = 0x40,
  kKeyObject = 0x48,
  kKeyArray = 0x50,
  kKeyBytes = 0x58,
  kKeyVector = 0x60,
  kKeyFalse = 0x68,
  kKeyTrue = 0x69,
  kKeyTimestamp = 0x70,
};

void AppendIndexKey(const View& value, std::string* out);
std::string KeyOfString(std::string_view text);
// With what the keys of all strings begin that begin with `text`.
std::string KeyOfStringPrefix(std::string_view text);
// Inverts the bytes from `begin` on.
void InvertKey(std::string* key, size_t begin);

// Takes a key off `*in`. False: it is none.
bool SkipIndexKey(bool descending, std::string_view* in);
// The same, and writes the value that it stands for. `*exact`: it is the value itself, not
// only one that compares equal; null never is. Not for objects, arrays, vectors: false.
bool DecodeIndexKey(bool descending, std::string_view* in, Writer* out, bool* exact);
// Does DecodeIndexKey give back the very value, null apart?
bool IsExactAsKey(const View& value);

}  // namespace sheaf::document
#endif  // DOCUMENT_INDEX_KEY_H_
