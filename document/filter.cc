#include "document/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "document/compare.h"
#include "document/filter_node.h"
#include "document/json_codec.h"
#include "document/language.h"
#include "document/path.h"
#include "pager/status_macros.h"

namespace sheaf::document {

struct Filter::Text {
  NameTable names;
  std::string document;
};

struct Filter::Parsed {
  std::shared_ptr<const Text> text;  // what operands point into
  Node root;
};

namespace {

using Node = Filter::Node;

constexpr size_t kRegexBytesMax = 32 << 10;
constexpr int64_t kRegexMemoryMax = int64_t{8} << 20;
constexpr const char* kFilterOperators[] = {
    "$and",    "$or",        "$nor",  "$not",   "$eq",  "$ne",      "$gt",
    "$gte",    "$lt",        "$lte",  "$in",    "$nin", "$type",    "$all",
    "$exists", "$elemMatch", "$size", "$regex", "$mod", "$options", "$comment"};

// --- Parsing ----------------------------------------------------------------

absl::Status Wrong(std::string_view name, std::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("filter: ", std::string(name), ": expected ", std::string(expected)));
}

uint32_t BitOf(Kind kind) { return uint32_t{1} << static_cast<int>(kind); }

struct TypeName {
  const char* name;
  int number;  // MongoDB's; 0: ours
  uint32_t kinds;
};
const TypeName kTypes[] = {
    {"double", 1, BitOf(Kind::kDouble)},
    {"string", 2, BitOf(Kind::kString)},
    {"object", 3, BitOf(Kind::kObject)},
    {"array", 4, BitOf(Kind::kArray)},
    {"binData", 5, BitOf(Kind::kBytes)},
    {"bool", 8, BitOf(Kind::kBool)},
    {"date", 9, BitOf(Kind::kTimestamp)},
    {"null", 10, BitOf(Kind::kNull)},
    {"int", 16, BitOf(Kind::kInt) | BitOf(Kind::kUint)},
    {"long", 18, BitOf(Kind::kInt) | BitOf(Kind::kUint)},
    {"number", 0, BitOf(Kind::kInt) | BitOf(Kind::kUint) | BitOf(Kind::kDouble)},
    {"vector", 0, BitOf(Kind::kVector)},
};

class FilterParser {
 public:
  // {path: condition, …, $and: […]}
  absl::Status ParseFilter(const View& filter, Node* out) {
    out->match = Match::kAnd;
    if (filter.kind() != Kind::kObject) return Wrong("a filter", "an object");
    for (ObjectCursor c = filter.fields(); c.Valid(); c.Next()) {
      if (!IsOperator(c.name())) {
        SHEAF_RETURN_IF_ERROR(ParseCondition(c.name(), c.value(), out));
        continue;
      }
      if (c.name() == "$comment") continue;
      Node node;
      SHEAF_RETURN_IF_ERROR(ParseLogic(c.name(), c.value(), &node));
      out->children.push_back(std::move(node));
    }
    return absl::OkStatus();
  }

  // What is said of one value: operators, or a filter.
  absl::Status ParseValue(const View& condition, Node* out) {
    return IsOfValue(condition) ? ParseOperators({}, condition, out)
                                : ParseFilter(condition, out);
  }

  // The same, and of filters that only objects match them.
  absl::Status ParseElement(const View& condition, Node* out) {
    if (!IsOfValue(condition)) out->children.push_back(Leaf(Match::kIsObject, {}, {}));
    return ParseValue(condition, out);
  }

 private:
  // Are they operators other than those that filters begin with?
  static bool IsOfValue(const View& condition) {
    if (!HasOperators(condition)) return false;
    const std::string_view first = condition.fields().name();
    return first != "$and" && first != "$or" && first != "$nor";
  }

  absl::Status ParseLogic(std::string_view name, const View& operand, Node* out) {
    if (name == "$and")
      out->match = Match::kAnd;
    else if (name == "$or")
      out->match = Match::kOr;
    else if (name == "$nor")
      out->match = Match::kNor;
    else if (std::find(std::begin(kFilterOperators), std::end(kFilterOperators), name) !=
             std::end(kFilterOperators))
      return absl::InvalidArgumentError(absl::StrCat(
          "filter: ", std::string(name), " belongs behind a path: {\"path\": {\"",
          std::string(name), "\": …}}"));
    else
      return UnknownOperator("filter", name, kFilterOperators);
    if (operand.kind() != Kind::kArray || !operand.elements().Valid())
      return Wrong(name, "an array of filters, not empty");
    for (ArrayCursor c = operand.elements(); c.Valid(); c.Next()) {
      Node child;
      SHEAF_RETURN_IF_ERROR(ParseFilter(c.value(), &child));
      out->children.push_back(std::move(child));
    }
    return absl::OkStatus();
  }

  // What follows a path: operators, or the value that it equals. Adds to `*out`, an $and.
  absl::Status ParseCondition(std::string_view name, const View& condition, Node* out) {
    absl::StatusOr<Path> path = Path::Parse(name);
    if (!path.ok())
      return absl::InvalidArgumentError(
          absl::StrCat("filter: ", std::string(path.status().message())));
    if (HasOperators(condition)) return ParseOperators(*path, condition, out);
    out->children.push_back(Leaf(Match::kEq, *path, condition));
    return absl::OkStatus();
  }

  absl::Status ParseOperators(const Path& path, const View& operators, Node* out) {
    for (ObjectCursor c = operators.fields(); c.Valid(); c.Next()) {
      if (!IsOperator(c.name()))
        return absl::InvalidArgumentError(
            absl::StrCat("filter: ", std::string(c.name().substr(0, 40)),
                         " stands beside operators, and is none"));
      if (c.name() == "$comment") continue;
      if (c.name() == "$options") {
        if (!operators.Field("$regex").has_value())
          return Wrong("$options", "a $regex beside it");
        continue;
      }
      SHEAF_RETURN_IF_ERROR(ParseOperator(path, c.name(), c.value(), operators, out));
    }
    return absl::OkStatus();
  }

  static Node Leaf(Match match, const Path& path, const View& operand) {
    Node node;
    node.match = match;
    node.path = path;
    node.operand = operand;
    return node;
  }

  static Node Not(Node child) {
    Node node;
    node.match = Match::kNot;
    node.children.push_back(std::move(child));
    return node;
  }

  absl::Status ParseOperator(const Path& path, std::string_view name, const View& operand,
                             const View& operators, Node* out) {
    constexpr std::pair<const char*, Match> kComparisons[] = {{"$eq", Match::kEq},
                                                              {"$gt", Match::kGt},
                                                              {"$gte", Match::kGte},
                                                              {"$lt", Match::kLt},
                                                              {"$lte", Match::kLte}};
    for (const auto& [comparison, match] : kComparisons) {
      if (name != comparison) continue;
      out->children.push_back(Leaf(match, path, operand));
      return absl::OkStatus();
    }
    Node node = Leaf(Match::kEq, path, operand);
    bool negated = false;
    if (name == "$ne") {
      negated = true;
    } else if (name == "$in" || name == "$nin") {
      negated = name == "$nin";
      SHEAF_RETURN_IF_ERROR(ParseIn(name, &node));
    } else if (name == "$not") {
      negated = true;
      SHEAF_RETURN_IF_ERROR(ParseNot(path, &node));
    } else if (name == "$exists") {
      node.match = Match::kExists;
      if (operand.kind() != Kind::kBool) return Wrong(name, "true or false");
      negated = !operand.bool_value();
    } else if (name == "$type") {
      SHEAF_RETURN_IF_ERROR(ParseType(&node));
    } else if (name == "$all") {
      SHEAF_RETURN_IF_ERROR(ParseAll(path, &node));
    } else if (name == "$elemMatch") {
      SHEAF_RETURN_IF_ERROR(ParseElemMatch(&node));
    } else if (name == "$size") {
      node.match = Match::kSize;
      const std::optional<int64_t> size = ToInteger(operand);
      if (!size.has_value() || *size < 0) return Wrong(name, "a number from 0 on");
      node.size = static_cast<uint64_t>(*size);
    } else if (name == "$mod") {
      SHEAF_RETURN_IF_ERROR(ParseMod(&node));
    } else if (name == "$regex") {
      SHEAF_RETURN_IF_ERROR(ParseRegex(operators.Field("$options"), &node));
    } else {
      return UnknownOperator("filter", name, kFilterOperators);
    }
    out->children.push_back(negated ? Not(std::move(node)) : std::move(node));
    return absl::OkStatus();
  }

  absl::Status ParseIn(std::string_view name, Node* node) {
    node->match = Match::kIn;
    if (node->operand.kind() != Kind::kArray) return Wrong(name, "an array of values");
    for (ArrayCursor c = node->operand.elements(); c.Valid(); c.Next()) {
      if (HasOperators(c.value())) return Wrong(name, "values, not operators");
      node->list.push_back(c.value());
    }
    std::sort(node->list.begin(), node->list.end(),
              [](const View& a, const View& b) { return Compare(a, b) < 0; });
    return absl::OkStatus();
  }

  absl::Status ParseNot(const Path& path, Node* node) {
    const View operand = node->operand;
    if (!HasOperators(operand)) return Wrong("$not", "an object of operators");
    *node = Node();  // an $and
    return ParseOperators(path, operand, node);
  }

  absl::Status ParseType(Node* node) {
    node->match = Match::kType;
    const auto add = [&](const View& type) {
      const std::optional<int64_t> number = ToInteger(type);
      for (const TypeName& known : kTypes) {
        const bool same =
            type.kind() == Kind::kString
                ? type.string_value() == known.name
                : number.has_value() && known.number != 0 && *number == known.number;
        if (same) node->kinds |= known.kinds;
        if (same) return absl::OkStatus();
      }
      return Wrong("$type",
                   absl::StrCat("one of ",
                                absl::StrJoin(kTypes, ", ",
                                              [](std::string* out, const TypeName& type) {
                                                out->append(type.name);
                                              })));
    };
    if (node->operand.kind() != Kind::kArray) return add(node->operand);
    if (!node->operand.elements().Valid()) return Wrong("$type", "at least one type");
    for (ArrayCursor c = node->operand.elements(); c.Valid(); c.Next())
      SHEAF_RETURN_IF_ERROR(add(c.value()));
    return absl::OkStatus();
  }

  absl::Status ParseAll(const Path& path, Node* node) {
    const View operand = node->operand;
    *node = Node();  // an $and
    if (operand.kind() != Kind::kArray) return Wrong("$all", "an array of values");
    for (ArrayCursor c = operand.elements(); c.Valid(); c.Next()) {
      if (HasOperators(c.value())) {
        if (c.value().fields().name() != "$elemMatch")
          return Wrong("$all", "values, or $elemMatch");
        SHEAF_RETURN_IF_ERROR(ParseOperators(path, c.value(), node));
      } else {
        node->children.push_back(Leaf(Match::kEq, path, c.value()));
      }
    }
    if (node->children.empty()) {  // matches nothing
      node->match = Match::kOr;
    }
    return absl::OkStatus();
  }

  absl::Status ParseElemMatch(Node* node) {
    const View operand = node->operand;
    if (operand.kind() != Kind::kObject)
      return Wrong("$elemMatch", "an object: a filter, or operators");
    node->match =
        IsOfValue(operand) ? Match::kElemMatchOperator : Match::kElemMatchObject;
    Node inner;
    SHEAF_RETURN_IF_ERROR(ParseValue(operand, &inner));
    node->children.push_back(std::move(inner));
    return absl::OkStatus();
  }

  absl::Status ParseMod(Node* node) {
    node->match = Match::kMod;
    const std::optional<View> divisor = node->operand.Element(0);
    const std::optional<View> remainder = node->operand.Element(1);
    if (!divisor.has_value() || !remainder.has_value() ||
        node->operand.Element(2).has_value())
      return Wrong("$mod", "[divisor, remainder]");
    const std::optional<int64_t> d = ToInteger(*divisor), r = ToInteger(*remainder);
    if (!d.has_value() || !r.has_value() || *d == 0)
      return Wrong("$mod", "two integers, the first not 0");
    node->divisor = *d, node->remainder = *r;
    return absl::OkStatus();
  }

  absl::Status ParseRegex(const std::optional<View>& options, Node* node) {
    node->match = Match::kRegex;
    if (node->operand.kind() != Kind::kString) return Wrong("$regex", "a string");
    std::string flags;
    if (options.has_value()) {
      if (options->kind() != Kind::kString) return Wrong("$options", "a string");
      for (const char c : options->string_value()) {
        if (std::string_view("ims").find(c) == std::string_view::npos)
          return Wrong("$options", "letters of i, m, s");
        flags.push_back(c);
      }
    }
    const std::string_view pattern = node->operand.string_value();
    if (pattern.size() > kRegexBytesMax)
      return Wrong("$regex", absl::StrCat("at most ", kRegexBytesMax, " bytes"));
    RE2::Options re2;
    re2.set_log_errors(false);
    re2.set_max_mem(kRegexMemoryMax);
    node->regex = std::make_shared<const RE2>(
        absl::StrCat(flags.empty() ? "" : absl::StrCat("(?", flags, ")"),
                     std::string(pattern)),
        re2);
    if (node->regex->ok()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("filter: $regex: ", node->regex->error()));
  }
};

// --- Matching ---------------------------------------------------------------

bool IsNaN(const View& v) {
  return v.kind() == Kind::kDouble && std::isnan(v.double_value());
}

bool Test(const Node& node, const View& v);
bool Evaluate(const Node& node, const View& value, const View* key);

bool TestComparison(const Node& node, const View& v) {
  if (RankOf(v.kind()) != RankOf(node.operand.kind())) return false;
  const std::weak_ordering order = Compare(v, node.operand);
  if (order == 0) return node.match != Match::kGt && node.match != Match::kLt;
  if (IsNaN(v) || IsNaN(node.operand)) return false;
  return order < 0 ? node.match == Match::kLt || node.match == Match::kLte
                   : node.match == Match::kGt || node.match == Match::kGte;
}

bool TestMod(const Node& node, const View& v) {
  if (v.kind() == Kind::kUint) {
    // Above every int64: by magnitudes.
    const uint64_t divisor = node.divisor < 0 ? 0 - static_cast<uint64_t>(node.divisor)
                                              : static_cast<uint64_t>(node.divisor);
    return node.remainder >= 0 &&
           v.uint_value() % divisor == static_cast<uint64_t>(node.remainder);
  }
  const std::optional<int64_t> value = ToInteger(v);
  if (!value.has_value()) return false;
  if (node.divisor == -1) return node.remainder == 0;  // INT64_MIN % -1
  return *value % node.divisor == node.remainder;
}

bool TestSize(const Node& node, const View& v) {
  if (v.kind() != Kind::kArray) return false;
  uint64_t n = 0;
  for (ArrayCursor c = v.elements(); c.Valid() && n <= node.size; c.Next()) ++n;
  return n == node.size;
}

bool TestElements(const Node& node, const View& v) {
  if (v.kind() != Kind::kArray) return false;
  for (ArrayCursor c = v.elements(); c.Valid(); c.Next()) {
    const bool fits = node.match == Match::kElemMatchOperator ||
                      c.value().kind() == Kind::kObject ||
                      c.value().kind() == Kind::kArray;
    if (fits && Evaluate(node.children[0], c.value(), nullptr)) return true;
  }
  return false;
}

// One value, by itself.
bool Test(const Node& node, const View& v) {
  switch (node.match) {
    case Match::kIn: {
      const auto it = std::lower_bound(
          node.list.begin(), node.list.end(), v,
          [](const View& a, const View& b) { return Compare(a, b) < 0; });
      return it != node.list.end() && Compare(*it, v) == 0;
    }
    case Match::kExists:
      return true;
    case Match::kType:
      return (node.kinds & BitOf(v.kind())) != 0;
    case Match::kSize:
      return TestSize(node, v);
    case Match::kMod:
      return TestMod(node, v);
    case Match::kRegex: {
      if (v.kind() != Kind::kString) return false;
      const std::string_view text = v.string_value();
      return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *node.regex);
    }
    case Match::kElemMatchObject:
    case Match::kElemMatchOperator:
      return TestElements(node, v);
    default:
      return TestComparison(node, v);
  }
}

// Of a leaf, once its operand is known.
bool MatchesMissing(const Node& node) {
  return (node.match == Match::kIn || node.match == Match::kEq ||
          node.match == Match::kGte || node.match == Match::kLte) &&
         Test(node, View::Null());
}

bool EvaluateLeaf(const Node& node, const View& value) {
  const bool whole = node.match == Match::kSize || node.match == Match::kExists ||
                     node.match == Match::kElemMatchObject ||
                     node.match == Match::kElemMatchOperator;
  return node.path.ForEach(value, whole ? ArrayEnd::kWhole : ArrayEnd::kElementsAndWhole,
                           [&](const View* v) {
                             return v == nullptr ? node.matches_missing : Test(node, *v);
                           });
}

// Once it is parsed: what is the same for all documents.
void Prepare(Node* node) {
  node->matches_missing = MatchesMissing(*node);
  node->is_of_key = node->path.text() == kKeyPath;
  for (Node& child : node->children) Prepare(&child);
}

void BindPaths(const NameTable& names, Node* node) {
  node->path.Bind(names);
  for (Node& child : node->children) BindPaths(names, &child);
}

bool Evaluate(const Node& node, const View& value, const View* key) {
  const auto matches = [&](const Node& child) { return Evaluate(child, value, key); };
  switch (node.match) {
    case Match::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), matches);
    case Match::kOr:
      return std::any_of(node.children.begin(), node.children.end(), matches);
    case Match::kNor:
      return std::none_of(node.children.begin(), node.children.end(), matches);
    case Match::kIsObject:
      return value.kind() == Kind::kObject;
    case Match::kNot:
      return !Evaluate(node.children[0], value, key);
    default:
      if (node.is_of_key && key != nullptr) return Test(node, *key);
      return EvaluateLeaf(node, value);
  }
}

bool AnyOfKey(const Node& node) {
  return node.is_of_key ||
         std::any_of(node.children.begin(), node.children.end(), AnyOfKey);
}

}  // namespace

Filter::Filter() {
  static const Node* const everything = new Node;
  root_ = everything;
}

absl::StatusOr<Filter> Filter::ParseAs(Of of, std::string_view json) {
  auto text = std::make_shared<Text>();
  JsonLimits limits;
  limits.depth_max = 100;
  limits.bytes_max = size_t{16} << 20;
  SHEAF_ASSIGN_OR_RETURN(text->document, JsonToBinary(json, &text->names, limits));
  auto parsed = std::make_shared<Parsed>();
  FilterParser parser;
  const View root = RootOf(text->document, text->names);
  SHEAF_RETURN_IF_ERROR(of == Of::kDocuments ? parser.ParseFilter(root, &parsed->root)
                                             : parser.ParseElement(root, &parsed->root));
  Prepare(&parsed->root);
  parsed->text = std::move(text);
  Filter filter;
  filter.root_ = &parsed->root;
  filter.parsed_ = std::move(parsed);
  return filter;
}

absl::StatusOr<Filter> Filter::Parse(std::string_view json) {
  return ParseAs(Of::kDocuments, json);
}

absl::StatusOr<Filter> Filter::ParseElement(std::string_view json) {
  return ParseAs(Of::kElements, json);
}

Filter Filter::BoundTo(const NameTable& names) const {
  if (parsed_ == nullptr) return *this;
  auto bound = std::make_shared<Parsed>(*parsed_);
  BindPaths(names, &bound->root);
  Filter filter;
  filter.root_ = &bound->root;
  filter.parsed_ = std::move(bound);
  return filter;
}

bool Filter::Matches(const View& document, const View* key) const {
  return Evaluate(*root_, document, key);
}

bool Filter::UsesKey() const { return AnyOfKey(*root_); }

namespace {

void AddPaths(const Node& node, std::vector<std::string>* paths) {
  if (!node.path.text().empty()) return paths->push_back(node.path.text());
  for (const Node& child : node.children) AddPaths(child, paths);
}

}  // namespace

std::vector<std::string> Filter::Paths() const {
  std::vector<std::string> paths;
  AddPaths(*root_, &paths);
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

std::vector<Filter> Filter::Branches() const {
  constexpr size_t kBranchesMax = 32;
  std::vector<const Node*> all;
  Flatten(*root_, &all);
  const auto parted = std::find_if(all.begin(), all.end(), [](const Node* node) {
    return node->match == Match::kOr && node->children.size() <= kBranchesMax;
  });
  std::vector<Filter> branches;
  if (parted == all.end()) return branches;
  for (const Node& part : (*parted)->children) {
    auto parsed = std::make_shared<Parsed>();
    parsed->text = parsed_->text;
    parsed->root.children.push_back(part);
    for (const Node* other : all)
      if (other != *parted) parsed->root.children.push_back(*other);
    Filter& branch = branches.emplace_back();
    branch.root_ = &parsed->root;
    branch.parsed_ = std::move(parsed);
  }
  return branches;
}

void Flatten(const Node& node, std::vector<const Node*>* out) {
  if (node.match != Match::kAnd) return out->push_back(&node);
  for (const Node& child : node.children) Flatten(child, out);
}

bool RegexRange(const Node& node, std::string* prefix) {
  prefix->clear();
  if (node.regex == nullptr) return false;
  std::string_view pattern(node.regex->pattern().data(), node.regex->pattern().size());
  if (!pattern.starts_with('^') || pattern.find('|') != pattern.npos) return false;
  pattern.remove_prefix(1);
  const size_t end = std::min(pattern.find_first_of("\\^$.[]()?*+{}"), pattern.size());
  prefix->assign(pattern.substr(0, end));
  // What may come zero times is not certain: a whole character.
  if (end < pattern.size() &&
      (pattern[end] == '?' || pattern[end] == '*' || pattern[end] == '{')) {
    while (!prefix->empty() && (prefix->back() & 0xc0) == 0x80) prefix->pop_back();
    if (!prefix->empty()) prefix->pop_back();
  }
  return !prefix->empty();
}

}  // namespace sheaf::document
