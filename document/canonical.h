// Canonical bytes of values: the same for two values exactly where Compare says that they
// are equal, whatever names their documents have. In memory only.
//
//   canonical := stored bytes of a null, boolean, timestamp, string or bytes
//                20  whole number: 1 where it is negative, magnitude (8 bytes)
//                21  other number: double (8 bytes); one pattern for what is not a number
//                22  vector: number of floats (4 bytes), floats; no -0
//                23  array: elements, 2f
//                24  object: of each field 25, size (4 bytes) and text of its name, value;
//                    2f
//                2e  no value
//
// Tags are none of a stored value's, so canonical values may follow each other.
#ifndef DOCUMENT_CANONICAL_H_
#define DOCUMENT_CANONICAL_H_
#include <string>
#include <string_view>

#include "document/binary.h"

namespace sheaf::document {

// Damaged: no value.
void AppendCanonical(const View& value, std::string* out);
// The same, without a copy where the value has the form already.
std::string_view Canonical(const View& value, std::string* scratch);

}  // namespace sheaf::document
#endif  // DOCUMENT_CANONICAL_H_
