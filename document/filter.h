// Filter: which documents are meant, in MongoDB's query language.
//
//   {"author": "Rilke", "year": {"$gte": 1902, "$lt": 1910}, "$or": [{…}, {…}]}
//
// A name is a path: "a.b" is field b of the object a, and of each object in the array a;
// "a.0" the first element, too. An operator matches an array when it matches an element or
// the array itself; $ne, $nin and $not match when what they negate does not. A path that
// leads nowhere equals null. What a path may be: path.h.
//
//   $eq $ne $gt $gte $lt $lte    by compare.h; other than $eq and $ne only within a kind
//   $in $nin                     an array of values
//   $and $or $nor                an array of filters, not empty
//   $not                         an object of operators
//   $exists                      true or false
//   $type                        a name, a number of MongoDB's, or an array of these
//   $all                         every one of these is in it; {"$elemMatch": …} among them
//   $elemMatch                   one element matches all of a filter, or of operators
//   $size                        of the array
//   $mod                         [divisor, remainder], of numbers cut to integers
//   $regex, $options             RE2 syntax; options i, m, s; somewhere in the string
//   $comment                     says nothing
//
// Thread-safe once made; copies share what they are made of.
#ifndef DOCUMENT_FILTER_H_
#define DOCUMENT_FILTER_H_
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"

namespace sheaf::document {

// What a document's key is called in filters, sorts and projections.
inline constexpr std::string_view kKeyPath = "_id";

class Filter {
 public:
  // Everything matches it.
  Filter();

  // kInvalidArgument names the operator and what is wrong with its operand, or the
  // operator that was meant, or the byte at which `json` stops being JSON.
  static absl::StatusOr<Filter> Parse(std::string_view json);
  // What is said of an element of an array: operators, as behind a path, or a filter,
  // which only objects match.
  static absl::StatusOr<Filter> ParseElement(std::string_view json);

  // The same, quicker with documents of `names`: see Path::Bind. For one scan.
  Filter BoundTo(const NameTable& names) const;

  // `key`: what kKeyPath leads to; without it that is a path like any.
  bool Matches(const View& document, const View* key = nullptr) const;
  bool UsesKey() const;
  // Every path that it asks, each once.
  std::vector<std::string> Paths() const;
  // Filters of which a document matches one or more if it matches this, and else none: the
  // parts of an $or, each with what else there is. Empty: there is no $or to be parted.
  std::vector<Filter> Branches() const;

  struct Node;
  const Node& root() const { return *root_; }

 private:
  struct Text;
  struct Parsed;
  enum class Of { kDocuments, kElements };
  static absl::StatusOr<Filter> ParseAs(Of of, std::string_view json);
  std::shared_ptr<const Parsed> parsed_;
  const Node* root_ = nullptr;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_FILTER_H_
