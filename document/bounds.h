// Bounds: which entries of an index, or keys of a collection, a filter can want, as ranges
// of their bytes. All that matches lies inside; what lies inside is still asked.
//
// Conditions that the filter joins by $and give bounds: $eq, $in, $gt, $gte, $lt, $lte, and
// $regex that begins with ^. An index is bounded by its first fields, up to and with the
// first that is not bounded to single values.
#ifndef DOCUMENT_BOUNDS_H_
#define DOCUMENT_BOUNDS_H_
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "document/filter.h"
#include "document/schema.h"

namespace sheaf::document {

// [from, to); an empty `to` is the end.
struct ByteRange {
  std::string from, to;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct Bounds {
  std::vector<ByteRange> ranges;  // ascending, apart; none: nothing can match
  size_t fields = 0;              // of the index, that are bounded
  size_t points = 0;              // of these, the first that have one value
  bool exact = false;             // all inside matches the filter
  bool one_entry_each = true;     // no document has two entries inside
};

// None: the index has not all documents that the filter can match.
std::optional<Bounds> BoundsOf(const Filter& filter, const Index& index);
// Of keys of the collection itself.
Bounds KeyBoundsOf(const Filter& filter);

// The first bytes behind all that begin with `bytes`; empty: there are none.
std::string PrefixEnd(std::string bytes);

}  // namespace sheaf::document
#endif  // DOCUMENT_BOUNDS_H_
