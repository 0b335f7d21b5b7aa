// What $bit and $merge do to the value at one path of a document.
//
//   {"$bit": {"flags": {"or": 5, "and": 7}}}               one after the other
//   {"$merge": {"hits": {"fn": "add_saturating", "value": 1}}}
//
// Behind "fn" is a merge operator (catalog/merge.h) or a function of the application's. Of
// documents the operators take values as documents have them:
//   add add_double                integers stay integers: as $inc
//   add_saturating                integers, the result stays at the ends of an int64
//   count                         +1; a value is not looked at
//   min max, …_double, …_bytes    any values: as $min, $max
//   bit_or bit_and bit_xor        integers: as $bit
//   append                        text to text, bytes to bytes, an array to an array
//   union                         an array to an array: as $addToSet of each
//   last_writer                   {"at": timestamp, "value": …}, as HybridTime::bits(): the
//                                 later; of equal ones the greater value
//   average                       a number, or {"sum": …, "count": …}, which it becomes
//   last                          any value: as $set
// A function sees and returns JSON; its key is the path.
//
// Immutable once made; any thread.
#ifndef DOCUMENT_MERGE_CHANGE_H_
#define DOCUMENT_MERGE_CHANGE_H_
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/merge.h"
#include "document/binary.h"
#include "document/change.h"

namespace sheaf::document {

absl::Status ParseBit(Change* change);
// What another operator does as well becomes that one. kFailedPrecondition: there is no
// such function.
absl::Status ParseMerge(const MergeFunctions& functions, Change* change);

// Of Op::kBit and Op::kMerge. `old`: null where there is none.
absl::Status WriteBit(const Change& change, const View* old, Writer* out);
absl::Status WriteMerge(const Change& change, const View* old, Writer* out);
// Of Op::kFunction: the JSON that comes there; none: what is there goes.
absl::StatusOr<std::optional<std::string>> RunFunction(const Change& change,
                                                       std::string_view path,
                                                       const std::optional<View>& old);

}  // namespace sheaf::document
#endif  // DOCUMENT_MERGE_CHANGE_H_
