#include "document/bounds.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "document/collection_codec.h"
#include "document/compare.h"
#include "document/filter_node.h"
#include "document/index_entry.h"
#include "document/index_key.h"

namespace sheaf::document {
namespace {

using Node = Filter::Node;
using Ranges = std::vector<ByteRange>;

constexpr size_t kRangesMax = 10'000;
// Entries of longer values are cut behind so many bytes.
constexpr size_t kExactBytes = kEntryValuesMax - 16;

bool IsBefore(const ByteRange& a, const ByteRange& b) { return a.from < b.from; }
// As an upper end, where empty is behind everything.
bool EndsBefore(const std::string& a, const std::string& b) {
  return !a.empty() && (b.empty() || a < b);
}
bool IsEmpty(const ByteRange& r) { return !r.to.empty() && r.from >= r.to; }

void Unite(Ranges* ranges) {
  std::erase_if(*ranges, IsEmpty);
  std::sort(ranges->begin(), ranges->end(), IsBefore);
  size_t kept = 0;
  for (size_t i = 1; i < ranges->size(); ++i) {
    ByteRange &last = (*ranges)[kept], &next = (*ranges)[i];
    // Neighbours stay apart: each may be one value.
    if (last.to.empty() || next.from < last.to) {
      if (EndsBefore(last.to, next.to)) last.to = next.to;
    } else if (++kept != i) {
      (*ranges)[kept] = std::move(next);
    }
  }
  if (!ranges->empty()) ranges->resize(kept + 1);
}

Ranges Intersect(const Ranges& a, const Ranges& b) {
  Ranges out;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    ByteRange r = {std::max(x->from, y->from), EndsBefore(x->to, y->to) ? x->to : y->to};
    if (!IsEmpty(r)) out.push_back(std::move(r));
    EndsBefore(x->to, y->to) ? ++x : ++y;
  }
  return out;
}

std::string KeyOf(const View& value) {
  std::string key;
  AppendIndexKey(value, &key);
  return key;
}

ByteRange Point(std::string key) {
  std::string end = PrefixEnd(key);
  return {std::move(key), std::move(end)};
}

std::string Tag(int tag) { return std::string(1, static_cast<char>(tag)); }

// The keys of all values of the kind, without NaN.
ByteRange KindRange(Kind kind) {
  switch (RankOf(kind)) {
    case 2:
      return {Tag(kKeyNumbers), Tag(kKeyNumbersEnd)};
    case 3:
      return {Tag(kKeyString), Tag(kKeyString + 1)};
    case 4:
      return {Tag(kKeyObject), Tag(kKeyObject + 1)};
    case 5:
      return {Tag(kKeyArray), Tag(kKeyArray + 1)};
    case 6:
      return {Tag(kKeyBytes), Tag(kKeyBytes + 1)};
    case 7:
      return {Tag(kKeyVector), Tag(kKeyVector + 1)};
    case 8:
      return {Tag(kKeyFalse), Tag(kKeyTrue + 1)};
    case 9:
      return {Tag(kKeyTimestamp), Tag(kKeyTimestamp + 1)};
    default:
      return Point(Tag(kKeyNull));
  }
}

// What one condition says of the keys of a path's values.
struct Condition {
  Ranges ranges;
  bool points = false;  // each range is one value
  bool exact = true;
};

// Of an array the index has the elements, or, inside another, it itself.
void AddEqual(const View& value, Condition* out) {
  out->ranges.push_back(Point(KeyOf(value)));
  if (value.kind() != Kind::kArray) return;
  out->exact = false;
  const ArrayCursor first = value.elements();
  out->ranges.push_back(
      Point(first.Valid() ? KeyOf(first.value()) : Tag(kKeyEmptyArray)));
}

std::optional<Condition> Comparison(const Node& node) {
  const View& v = node.operand;
  Condition out;
  const bool takes_equal = node.match == Match::kGte || node.match == Match::kLte;
  const bool is_nan = v.kind() == Kind::kDouble && std::isnan(v.double_value());
  if (v.kind() == Kind::kArray) return std::nullopt;
  if (v.kind() == Kind::kNull || is_nan) {
    if (takes_equal) AddEqual(v, &out);
    return out;
  }
  const std::string key = KeyOf(v);
  ByteRange range = KindRange(v.kind());
  if (node.match == Match::kGt) range.from = PrefixEnd(key);
  if (node.match == Match::kGte) range.from = key;
  if (node.match == Match::kLt) range.to = key;
  if (node.match == Match::kLte) range.to = PrefixEnd(key);
  out.ranges.push_back(std::move(range));
  return out;
}

std::optional<Condition> ConditionOf(const Node& node) {
  Condition out;
  std::string prefix;
  switch (node.match) {
    case Match::kEq:
      AddEqual(node.operand, &out);
      out.points = true;
      break;
    case Match::kIn:
      if (node.list.size() > kRangesMax) return std::nullopt;
      for (const View& value : node.list) AddEqual(value, &out);
      out.points = true;
      break;
    case Match::kGt:
    case Match::kGte:
    case Match::kLt:
    case Match::kLte: {
      std::optional<Condition> comparison = Comparison(node);
      if (!comparison.has_value()) return std::nullopt;
      out = *std::move(comparison);
      break;
    }
    case Match::kRegex:
      if (!RegexRange(node, &prefix)) return std::nullopt;
      out.exact = false;
      out.ranges.push_back(Point(KeyOfStringPrefix(prefix)));
      break;
    default:
      return std::nullopt;
  }
  Unite(&out.ranges);
  return out;
}

// What the filter says of one path; none: nothing that bounds it. `uses`: counts the
// conditions that are wholly expressed.
std::optional<Condition> ConditionOn(const std::vector<const Node*>& conditions,
                                     const std::string& path, bool through_arrays,
                                     size_t* uses) {
  std::optional<Condition> all;
  for (const Node* node : conditions) {
    if (node->path.text() != path) continue;
    std::optional<Condition> one = ConditionOf(*node);
    if (!one.has_value()) continue;
    if (!all.has_value()) {
      all = std::move(one);
    } else if (through_arrays) {
      // Another element may be meant: the better of the two.
      all->exact = false;
      if (one->points && (!all->points || one->ranges.size() < all->ranges.size()))
        all = std::move(one);
      all->exact = false;
      continue;
    } else {
      all->ranges = Intersect(all->ranges, one->ranges);
      all->points = all->points || one->points;
      all->exact = all->exact && one->exact;
    }
    ++*uses;
  }
  return all;
}

ByteRange Inverted(const ByteRange& r) {
  const auto end = [](std::string bytes) {
    InvertKey(&bytes, 0);
    return PrefixEnd(std::move(bytes));
  };
  return {r.to.empty() ? std::string() : end(r.to),
          r.from.empty() ? std::string() : end(r.from)};
}

// No longer than entries that are not cut tell.
void Widen(Ranges* ranges, bool* exact) {
  for (ByteRange& r : *ranges) {
    if (r.from.size() > kExactBytes) r.from.resize(kExactBytes), *exact = false;
    if (r.to.size() <= kExactBytes) continue;
    r.to.resize(kExactBytes);
    r.to = PrefixEnd(std::move(r.to));
    *exact = false;
  }
  Unite(ranges);
}

// Is each document that `wanted` matches matched by `given`, too?
bool Implies(const Node& wanted, const Node& given) {
  if (wanted.path.text() != given.path.text()) return false;
  const auto is_same = [&] { return Compare(wanted.operand, given.operand) == 0; };
  switch (given.match) {
    case Match::kEq:
    case Match::kExists:
    case Match::kType:
    case Match::kSize:
    case Match::kGt:
    case Match::kGte:
    case Match::kLt:
    case Match::kLte:
      if (wanted.match == given.match && is_same()) return true;
      break;
    default:
      return false;
  }
  if (given.match == Match::kEq || given.match > Match::kLte) return false;
  const std::optional<Condition> inner = ConditionOf(wanted), outer = ConditionOf(given);
  if (!inner.has_value() || !outer.has_value() || !inner->exact || !outer->exact)
    return false;
  return Intersect(inner->ranges, outer->ranges) == inner->ranges;
}

bool IsIn(const std::vector<const Node*>& conditions, const Filter& partial) {
  std::vector<const Node*> needed;
  Flatten(partial.root(), &needed);
  return std::all_of(needed.begin(), needed.end(), [&](const Node* given) {
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const Node* wanted) { return Implies(*wanted, *given); });
  });
}

bool HasNull(const Ranges& ranges) {
  const Ranges null = {Point(Tag(kKeyNull))};
  return !Intersect(ranges, null).empty();
}

}  // namespace

std::string PrefixEnd(std::string bytes) {
  while (!bytes.empty() && static_cast<uint8_t>(bytes.back()) == 0xff) bytes.pop_back();
  if (!bytes.empty()) bytes.back() = static_cast<char>(bytes.back() + 1);
  return bytes;
}

std::optional<Bounds> BoundsOf(const Filter& filter, const Index& index) {
  std::vector<const Node*> conditions;
  Flatten(filter.root(), &conditions);
  const bool is_partial = !index.definition.filter.empty();
  if (is_partial && !IsIn(conditions, index.filter)) return std::nullopt;
  Bounds bounds;
  bounds.exact = true;
  Ranges prefixes = {{"", ""}};
  bool excludes_missing = false, more = true;
  size_t uses = 0;
  for (const IndexField& field : index.definition.fields) {
    if (!more) break;
    const std::optional<Condition> condition =
        ConditionOn(conditions, field.path, index.through_arrays, &uses);
    if (!condition.has_value()) break;
    if (prefixes.size() * condition->ranges.size() > kRangesMax) {
      bounds.exact = false;
      break;
    }
    excludes_missing = excludes_missing || !HasNull(condition->ranges);
    bounds.exact = bounds.exact && condition->exact;
    Ranges next;
    for (const ByteRange& prefix : prefixes) {
      for (const ByteRange& range : condition->ranges) {
        ByteRange r = field.descending ? Inverted(range) : range;
        r.from.insert(0, prefix.from);
        r.to = r.to.empty() ? PrefixEnd(prefix.from) : prefix.from + r.to;
        next.push_back(std::move(r));
      }
    }
    ++bounds.fields;
    if (condition->points && condition->ranges.size() == 1 &&
        bounds.points + 1 == bounds.fields)
      ++bounds.points;
    more = condition->points;
    prefixes = std::move(next);
  }
  if (index.definition.sparse && !excludes_missing) return std::nullopt;
  bounds.exact = bounds.exact && uses == conditions.size() && !index.through_arrays;
  bool whole = true;
  Widen(&prefixes, &whole);
  bounds.exact = bounds.exact && whole;
  bounds.one_entry_each =
      !index.through_arrays || (whole && bounds.points == index.definition.fields.size());
  bounds.ranges = std::move(prefixes);
  return bounds;
}

// --- Keys of the collection -----------------------------------------------------

namespace {

// The bytes of keys that stand for a value: of bytes, UUIDs, too.
std::vector<std::string> KeysOf(const View& value) {
  std::vector<std::string> keys;
  if (value.kind() == Kind::kInt) keys.push_back(EncodeNumberKey(value.int_value()));
  if (value.kind() == Kind::kDouble) {
    const double d = value.double_value();
    if (std::trunc(d) == d && d >= -0x1p63 && d < 0x1p63)
      keys.push_back(EncodeNumberKey(static_cast<int64_t>(d)));
  }
  if (value.kind() == Kind::kString)
    if (absl::StatusOr<std::string> key = EncodeTextKey(value.string_value()); key.ok())
      keys.push_back(*std::move(key));
  if (value.kind() == Kind::kBytes) {
    Uuid uuid;
    if (value.bytes_value().size() == uuid.size()) {
      std::copy(value.bytes_value().begin(), value.bytes_value().end(), uuid.begin());
      keys.push_back(EncodeUuidKey(uuid));
    }
    if (absl::StatusOr<std::string> key = EncodeBytesKey(value.bytes_value()); key.ok())
      keys.push_back(*std::move(key));
  }
  return keys;
}

std::optional<Ranges> KeyRangesOf(const Node& node) {
  Ranges ranges;
  if (node.match == Match::kEq || node.match == Match::kIn) {
    const auto add = [&](const View& value) {
      for (std::string& key : KeysOf(value)) {
        std::string end = key + '\0';
        ranges.push_back({std::move(key), std::move(end)});
      }
    };
    if (node.match == Match::kEq)
      add(node.operand);
    else
      for (const View& value : node.list) add(value);
    Unite(&ranges);
    return ranges;
  }
  const bool is_comparison = node.match >= Match::kGt && node.match <= Match::kLte;
  const Kind kind = node.operand.kind();
  if (!is_comparison || (kind != Kind::kInt && kind != Kind::kString))
    return std::nullopt;
  const bool is_number = kind == Kind::kInt;
  ByteRange range = {Tag(static_cast<int>(is_number ? KeyTag::kNumber : KeyTag::kText)),
                     Tag(static_cast<int>(is_number ? KeyTag::kText : KeyTag::kUuid))};
  const std::string key = is_number ? EncodeNumberKey(node.operand.int_value())
                                    : EncodeTextKeyPrefix(node.operand.string_value());
  if (node.match == Match::kGt) range.from = key + '\0';
  if (node.match == Match::kGte) range.from = key;
  if (node.match == Match::kLt) range.to = key;
  if (node.match == Match::kLte) range.to = key + '\0';
  ranges.push_back(std::move(range));
  Unite(&ranges);
  return ranges;
}

}  // namespace

Bounds KeyBoundsOf(const Filter& filter) {
  std::vector<const Node*> conditions;
  Flatten(filter.root(), &conditions);
  Bounds bounds;
  size_t uses = 0;
  bounds.ranges = {{std::string(kSchemaKeysEnd), ""}};
  for (const Node* node : conditions) {
    if (node->path.text() != kKeyPath) continue;
    const std::optional<Ranges> ranges = KeyRangesOf(*node);
    if (!ranges.has_value()) continue;
    bounds.ranges = Intersect(bounds.ranges, *ranges);
    bounds.fields = 1;
    ++uses;
  }
  bounds.exact = uses == conditions.size();
  return bounds;
}

}  // namespace sheaf::document
