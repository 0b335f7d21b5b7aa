// What splits and merges share: choosing separators, dividing the slots of one or
// two nodes.
#ifndef BTREE_SEPARATOR_H_
#define BTREE_SEPARATOR_H_
#include <cstdint>
#include <string>
#include <string_view>

#include "btree/node.h"

namespace sheaf::btree {

// The shortest key s with left < s <= right. Requires: left < right.
std::string ShortestSeparator(std::string_view left, std::string_view right);

// What the keys of slots [begin, end) share; of an inner node, slot `begin` is
// left out, since it becomes slot 0.
std::string CommonPrefixOf(const NodeView& node, uint32_t begin, uint32_t end);

// That prefix where slots [begin, end) take less under it than under the node's
// own. Short suffixes lie in the slots' heads, where a longer prefix saves nothing.
std::string BestPrefix(const NodeView& node, uint32_t begin, uint32_t end);

// The slot at which the node's bytes are halved: 1 to count - 1.
uint32_t MiddleSlot(const NodeView& node);

// Two neighbours seen as one run of slots, numbered through. For inner nodes
// `separator` is the key of the right one's slot 0.
class NodePair {
 public:
  NodePair(Node left, Node right, std::string separator);

  uint32_t count() const { return left_.count() + right_.count(); }
  bool FitsInOne() const;
  // Where to cut so that both halves have about the same bytes.
  uint32_t MiddleSlot() const;
  // Do [0, p) and [p, count) fit in a node each?
  bool Fits(uint32_t p) const;
  std::string SeparatorAt(uint32_t p) const;
  void MoveTo(uint32_t p);  // left gets [0, p), right the others
  void MoveAllLeft();

 private:
  std::string KeyAt(uint32_t i) const;
  uint32_t Bytes(uint32_t begin, uint32_t end, uint32_t prefix) const;
  std::string Prefix(uint32_t begin, uint32_t end) const;
  bool FitsRange(uint32_t begin, uint32_t end) const;
  void Fill(Node* to, uint32_t begin, uint32_t end, const NodeView& left,
            const NodeView& right, const std::string& prefix) const;

  Node left_, right_;
  const std::string separator_;
};

}  // namespace sheaf::btree
#endif  // BTREE_SEPARATOR_H_
