// Update: how a document is to change, in MongoDB's update language.
//
//   {"$set": {"title": "Malte", "author.name": "Rilke"}, "$inc": {"prints": 1}}
//
// Behind each operator stands an object of paths: "a.b" is field b of the object a, "a.0"
// the first element of the array a. What is missing on the way becomes an object; an
// array grows, nulls in between, to kBeyondMax elements beyond its end. No two operators
// meet at one path, nor at one that begins with the other.
//
//   $set $setOnInsert            the value; $setOnInsert only of a document that is new
//   $unset                       away; of an array's element: null
//   $inc $mul                    integers stay integers, beside a double they become one;
//                                what is missing counts as 0
//   $min $max                    the value if it is below or above, by compare.h
//   $currentDate                 true, or {"$type": "date"}
//   $rename                      the new path; neither leads through an array
//   $push                        a value, or {"$each": […]} and beside it $position,
//                                $sort (1, -1 or {"path": 1}) and $slice, in this order
//   $addToSet                    a value, or {"$each": […]}; those that are not in it yet
//   $pull                        a value, or what filter.h says of an element
//   $pullAll                     an array of values
//   $pop                         1 the last, -1 the first
//   $bit                         {"or": integer}, {"and": …}, {"xor": …}; what is missing is 0
//   $merge                       {"fn": "name", "value": operand}: a merge operator or a
//                                function of the application's, see merge_change.h
//
// Fields keep their order; new ones come behind them, in the order of the update. What no
// path leads to is copied as it is.
//
// Thread-safe once made; copies share what they are made of.
#ifndef DOCUMENT_UPDATE_H_
#define DOCUMENT_UPDATE_H_
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "catalog/merge.h"
#include "document/binary.h"

namespace sheaf::document {

class Update {
 public:
  static constexpr uint64_t kBeyondMax = 1500;

  // kInvalidArgument names the operator, the path and what is wrong, or the operator that
  // was meant, or the byte at which `json` stops being JSON.
  // kFailedPrecondition names a function of $merge that is not among `functions`, which
  // outlive the update.
  static absl::StatusOr<Update> Parse(std::string_view json,
                                      const MergeFunctions& functions = NoFunctions());

  // The bytes of the new document; those of `old` where nothing changes and its names are
  // `names`. New names are added to `names`, whatever comes of it.
  // kFailedPrecondition: `old` is no object, or what is at a path is not of the kind that
  // the operator needs, or an integer would not fit 64 bits; says which and where.
  // kInvalidArgument: the new document would be too deep, too large, an array too long.
  // kOutOfRange: what $merge makes would not fit. kDataLoss: `old` is damaged. What a
  // function returns is JSON, or kInvalidArgument; its errors are handed on.
  absl::StatusOr<std::string> Apply(const View& old, NameTable* names,
                                    int64_t now_micros) const;
  // The same of a document that is new, made from what `base` has.
  absl::StatusOr<std::string> ApplyToNew(const View& base, NameTable* names,
                                         int64_t now_micros) const;

  struct Plan;

 private:
  Update() = default;
  static const MergeFunctions& NoFunctions();
  std::shared_ptr<const Plan> plan_;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_UPDATE_H_
