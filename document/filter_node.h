// What a filter is made of, for who plans by it.
#ifndef DOCUMENT_FILTER_NODE_H_
#define DOCUMENT_FILTER_NODE_H_
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "document/binary.h"
#include "document/filter.h"
#include "document/path.h"

namespace re2 {
class RE2;
}

namespace sheaf::document {

enum class Match : uint8_t {
  kAnd,
  kOr,
  kNor,
  kNot,
  // Of what a path leads to:
  kEq,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,
  kExists,
  kType,
  kSize,
  kMod,
  kRegex,
  kElemMatchObject,    // an element that matches a filter
  kElemMatchOperator,  // … operators
  kIsObject,           // by itself
};

struct Filter::Node {
  Match match = Match::kAnd;
  Path path;  // empty inside $elemMatch with operators
  std::vector<Node> children;
  View operand;
  std::vector<View> list;  // $in, sorted
  uint32_t kinds = 0;      // $type: a bit each
  int64_t divisor = 0, remainder = 0;
  uint64_t size = 0;
  std::shared_ptr<const re2::RE2> regex;
  bool matches_missing = false;
  bool is_of_key = false;  // the path is kKeyPath
};

// Conditions that all must hold.
void Flatten(const Filter::Node& node, std::vector<const Filter::Node*>* out);

// Of a $regex that only strings match that begin with it; false: nothing is known.
bool RegexRange(const Filter::Node& node, std::string* prefix);

}  // namespace sheaf::document
#endif  // DOCUMENT_FILTER_NODE_H_
