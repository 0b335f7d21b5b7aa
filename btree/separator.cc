#include "btree/separator.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pager/assert.h"

namespace sheaf::btree {
namespace {

constexpr size_t kNodeBytesMax = pager::kNodePagesMax * pager::kPageBytes;

size_t CommonBytes(std::string_view a, std::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < n && a[i] == b[i]) ++i;
  return i;
}

}  // namespace

std::string ShortestSeparator(std::string_view left, std::string_view right) {
  SHEAF_ASSERT(left < right);
  return std::string(right.substr(0, CommonBytes(left, right) + 1));
}

std::string CommonPrefixOf(const NodeView& node, uint32_t begin, uint32_t end) {
  const uint32_t first = node.is_leaf() ? begin : begin + 1;
  if (first >= end) return {};
  std::string low = node.Key(first);
  low.resize(CommonBytes(low, node.Key(end - 1)));
  return low;
}

std::string BestPrefix(const NodeView& node, uint32_t begin, uint32_t end) {
  const auto size_under = [&](size_t prefix) {
    const auto p = static_cast<uint32_t>(prefix);
    return (p + 7) / 8 * 8 + Node::SizeUnder(node, begin, end, p);
  };
  std::string best = CommonPrefixOf(node, begin, end);
  return size_under(best.size()) <= size_under(node.prefix_size())
             ? best
             : std::string(node.prefix());
}

uint32_t MiddleSlot(const NodeView& node) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < node.count(); ++i) total += node.cell_size(i);
  uint32_t bytes = 0, i = 0;
  while (i + 1 < node.count() && bytes < total / 2) bytes += node.cell_size(i++);
  return std::max<uint32_t>(i, 1);
}

NodePair::NodePair(Node left, Node right, std::string separator)
    : left_(left), right_(right), separator_(std::move(separator)) {}

std::string NodePair::KeyAt(uint32_t i) const {
  if (i < left_.count()) return left_.Key(i);
  i -= left_.count();
  return i == 0 && !right_.is_leaf() ? separator_ : right_.Key(i);
}

std::string NodePair::SeparatorAt(uint32_t p) const {
  if (!left_.is_leaf()) return KeyAt(p);
  return ShortestSeparator(KeyAt(p - 1), KeyAt(p));
}

std::string NodePair::Prefix(uint32_t begin, uint32_t end) const {
  const uint32_t first = left_.is_leaf() ? begin : begin + 1;
  if (first >= end) return {};
  std::string low = KeyAt(first);
  low.resize(CommonBytes(low, KeyAt(end - 1)));
  return low;
}

// What slots [begin, end) take in a node of this prefix. In an inner node the
// first of them loses its key; not to count that errs on the safe side.
uint32_t NodePair::Bytes(uint32_t begin, uint32_t end, uint32_t prefix) const {
  const uint32_t nl = left_.count();
  uint32_t bytes = 0;
  const uint32_t skip = !left_.is_leaf() && begin < end ? 1 : 0;
  if (skip != 0) bytes += NodeView::kSlotSize + ChildRef::kEncodedSize;
  begin += skip;
  if (begin < nl) bytes += Node::SizeUnder(left_, begin, std::min(end, nl), prefix);
  if (end > nl) {
    uint32_t from = begin > nl ? begin - nl : 0;
    if (from == 0 && !right_.is_leaf() && begin <= nl) {
      const auto rest = static_cast<uint32_t>(separator_.size()) - prefix;
      bytes += NodeView::kSlotSize + ChildRef::kEncodedSize +
               (rest > kHeadBytes ? rest - kHeadBytes : 0);
      from = 1;
    }
    bytes += Node::SizeUnder(right_, from, end - nl, prefix);
  }
  return bytes;
}

bool NodePair::FitsRange(uint32_t begin, uint32_t end) const {
  const auto prefix = static_cast<uint32_t>(Prefix(begin, end).size());
  return NodeView::kPayload + (prefix + 7) / 8 * 8 + Bytes(begin, end, prefix) <=
         left_.end();
}

bool NodePair::FitsInOne() const { return FitsRange(0, count()); }

bool NodePair::Fits(uint32_t p) const { return FitsRange(0, p) && FitsRange(p, count()); }

uint32_t NodePair::MiddleSlot() const {
  const auto size_at = [this](uint32_t i) {
    return i < left_.count() ? left_.cell_size(i) : right_.cell_size(i - left_.count());
  };
  uint32_t total = 0;
  for (uint32_t i = 0; i < count(); ++i) total += size_at(i);
  uint32_t bytes = 0, i = 0;
  while (i < count() && bytes < total / 2) bytes += size_at(i++);
  return i;
}

void NodePair::Fill(Node* to, uint32_t begin, uint32_t end, const NodeView& left,
                    const NodeView& right, const std::string& prefix) const {
  const uint32_t nl = left.count();
  to->Init(left.level(), left.values(), prefix);
  if (begin < nl) to->AppendFrom(left, begin, std::min(end, nl), {});
  if (end > nl) to->AppendFrom(right, begin > nl ? begin - nl : 0, end - nl, separator_);
}

void NodePair::MoveTo(uint32_t p) {
  char left_copy[kNodeBytesMax], right_copy[kNodeBytesMax];
  const uint32_t n = count();
  const std::string low = Prefix(0, p), high = Prefix(p, n);
  std::memcpy(left_copy, left_.page(), left_.end());
  std::memcpy(right_copy, right_.page(), right_.end());
  const NodeView left(left_copy), right(right_copy);
  Fill(&left_, 0, p, left, right, low);
  Fill(&right_, p, n, left, right, high);
}

void NodePair::MoveAllLeft() {
  char left_copy[kNodeBytesMax];
  const uint32_t n = count();
  const std::string prefix = Prefix(0, n);
  std::memcpy(left_copy, left_.page(), left_.end());
  Fill(&left_, 0, n, NodeView(left_copy), right_, prefix);
}

}  // namespace sheaf::btree
