// The order of values, and hashes that go with it.
//
// Kinds come in this order, as MongoDB has it (BSON comparison order), with vectors behind
// bytes: null, numbers, strings, objects, arrays, bytes, vectors, booleans, timestamps.
// Numbers compare by value, whatever their kind, exactly: 2^53 + 1 is above 2.0^53. NaN
// is below all numbers and equals itself; -0.0 equals 0. Strings and bytes compare by
// their bytes; arrays element by element; objects field by field in the order they have,
// by the kind of the value, then the name, then the value. Of two of which one is the
// beginning of the other the longer is above.
//
// Damaged values are below all and equal each other; what is nested deeper than
// kDepthMax, as in no valid document, is not looked at. Pure functions.
#ifndef DOCUMENT_COMPARE_H_
#define DOCUMENT_COMPARE_H_
#include <compare>
#include <cstdint>

#include "document/binary.h"

namespace sheaf::document {

inline constexpr double kTwoTo64 = 0x1p64;  // behind the integers

std::weak_ordering Compare(const View& a, const View& b);
// Of values that compare equal it is the same.
uint64_t Hash(const View& value);

// Where its kind is in the order; all numbers are at one place.
int RankOf(Kind kind);

}  // namespace sheaf::document
#endif  // DOCUMENT_COMPARE_H_
