#include "vector/graph_editor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::vectors {

using catalog::EncodeDenseKey;
using PutMode = btree::BTree::PutMode;

namespace {

// A node with so few links loses none to make room for another.
constexpr size_t kFewLinks = 4;
// Links that a node gets in place of one to a node that went.
constexpr size_t kLinksForOne = 2;

absl::Status Missing(Slot slot) {
  return absl::DataLossError(
      absl::StrCat("vector index: a link leads to slot ", slot, ", which has no node"));
}

}  // namespace

// --- Nodes --------------------------------------------------------------------

absl::Status GraphEditor::Load(absl::Span<const Slot> slots, std::vector<Node*>* nodes) {
  nodes->clear();
  std::vector<Slot> unknown;
  std::vector<Node*> made;
  for (const Slot slot : slots) {
    Node*& node = known_[slot];
    if (node == nullptr) {
      node = new (memory_.allocate(sizeof(Node), alignof(Node)))
          Node{.slot = slot, .links = std::pmr::vector<Links>(&memory_)};
      if (slot < layout_.slot_end) unknown.push_back(slot), made.push_back(node);
    }
    nodes->push_back(node);
  }
  return reader_.ForNodes(unknown, [&](size_t i, NodeView view) {
    Node* const node = made[i];
    node->is_there = true;
    node->stamp = view.stamp();
    node->code = Kept({view.code(layout_), layout_.code_bytes});
    node->stored_levels = std::min(view.level(layout_), layout_.level_max);
  });
}

absl::Status GraphEditor::ReadLinks(absl::Span<Node* const> nodes) {
  std::vector<Node*> unread;
  std::vector<Slot> slots, links;
  for (Node* const node : nodes) {
    if (!node->is_there || !node->links.empty()) continue;
    unread.push_back(node);
    slots.push_back(node->slot);
  }
  SHEAF_RETURN_IF_ERROR(reader_.ForLinks(slots, [&](size_t i, NodeView view) {
    std::pmr::vector<Links>& levels = unread[i]->links;
    if (!levels.empty()) return;  // it was wanted twice
    levels.resize(1 + unread[i]->stored_levels);
    levels[0].reserve(layout_.links_max);
    for (uint32_t k = 0; k < view.link_count(layout_); ++k)
      levels[0].push_back(view.Link(layout_, k));
  }));
  for (Node* const node : unread) {
    if (node->links.empty()) return Missing(node->slot);
    for (size_t level = 1; level < node->links.size(); ++level) {
      SHEAF_RETURN_IF_ERROR(
          reader_.ReadLinks({&node->slot, 1}, static_cast<uint32_t>(level), &links));
      node->links[level].assign(links.begin(), links.end());
    }
  }
  return absl::OkStatus();
}

std::string_view GraphEditor::Kept(std::string_view bytes) {
  char* const at = static_cast<char*>(memory_.allocate(bytes.size(), 1));
  std::copy(bytes.begin(), bytes.end(), at);
  return {at, bytes.size()};
}

absl::StatusOr<GraphEditor::Node*> GraphEditor::Find(Slot slot) {
  SHEAF_RETURN_IF_ERROR(Load({&slot, 1}, &loaded_));
  Node* const node = loaded_.front();
  if (!node->is_there) return nullptr;
  SHEAF_RETURN_IF_ERROR(ReadLinks({&node, 1}));
  return node;
}

absl::StatusOr<GraphEditor::Node*> GraphEditor::Get(Slot slot) {
  SHEAF_ASSIGN_OR_RETURN(Node* const node, Find(slot));
  return node != nullptr ? absl::StatusOr<Node*>(node) : Missing(slot);
}

absl::Status GraphEditor::ReadMutual(Node* node, const Node& other, size_t level) {
  SHEAF_RETURN_IF_ERROR(ReadLinks({&node, 1}));
  if (level < node->links.size() && Has(*node, level, other.slot))
    return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("vector index: the link of slot ", other.slot,
                                          " to slot ", node->slot, " is not mutual"));
}

bool GraphEditor::Has(const Node& node, size_t level, Slot slot) {
  const Links& links = node.links[level];
  return std::find(links.begin(), links.end(), slot) != links.end();
}

bool GraphEditor::ShareNeighbour(const Node& a, const Node& b, size_t level) {
  return std::any_of(a.links[level].begin(), a.links[level].end(),
                     [&](Slot slot) { return Has(b, level, slot); });
}

// --- Links --------------------------------------------------------------------

void GraphEditor::Link(Node* a, Node* b, size_t level) {
  a->links[level].push_back(b->slot);
  b->links[level].push_back(a->slot);
  a->is_changed = b->is_changed = true;
}

void GraphEditor::Unlink(Node* a, Node* b, size_t level) {
  std::erase(a->links[level], b->slot);
  std::erase(b->links[level], a->slot);
  a->is_changed = b->is_changed = true;
}

absl::StatusOr<GraphEditor::Node*> GraphEditor::ChooseToDrop(Node* a, Node* b,
                                                             size_t level,
                                                             bool at_any_price) {
  SHEAF_RETURN_IF_ERROR(Load(b->links[level], &loaded_));
  std::vector<std::pair<Near, Node*>> near{{{Between(*b, *a), a->slot}, a}};
  for (Node* const node : loaded_) {
    if (!node->is_there) return Missing(node->slot);
    near.push_back({{Between(*b, *node), node->slot}, node});
  }
  std::sort(near.begin(), near.end());
  std::vector<Near> all;
  std::vector<Node*> nodes;
  for (const auto& [place, node] : near) all.push_back(place), nodes.push_back(node);
  const std::vector<size_t> kept =
      ChooseLinks(all, layout_.LinksMax(level),
                  [&](size_t i, size_t j) { return Between(*nodes[i], *nodes[j]); });
  // What the rule drops comes first, each time the farthest.
  std::vector<size_t> order;
  for (size_t i = all.size(); i-- > 0;)
    if (!std::binary_search(kept.begin(), kept.end(), i)) order.push_back(i);
  order.insert(order.end(), kept.rbegin(), kept.rend());
  for (const size_t i : order) {
    if (nodes[i] == a) {
      if (!at_any_price) return nullptr;
      continue;
    }
    SHEAF_RETURN_IF_ERROR(ReadMutual(nodes[i], *b, level));
    const size_t links = nodes[i]->links[level].size();
    if (links > kFewLinks && ShareNeighbour(*nodes[i], *b, level)) return nodes[i];
  }
  if (!at_any_price) return nullptr;
  for (const size_t i : order)
    if (nodes[i] != a && nodes[i]->links[level].size() > 1) return nodes[i];
  return nullptr;
}

absl::StatusOr<bool> GraphEditor::Connect(Node* a, Node* b, size_t level,
                                          bool at_any_price) {
  if (a == b || Has(*a, level, b->slot)) return true;
  for (auto [full, other] : {std::pair(a, b), std::pair(b, a)}) {
    if (full->links[level].size() < layout_.LinksMax(level)) continue;
    SHEAF_ASSIGN_OR_RETURN(Node* const dropped,
                           ChooseToDrop(other, full, level, at_any_price));
    if (dropped == nullptr) return false;
    Unlink(full, dropped, level);
  }
  Link(a, b, level);
  return true;
}

// --- Nodes come and go --------------------------------------------------------

absl::Status GraphEditor::Insert(Slot slot, Stamp stamp, std::string_view code,
                                 absl::Span<const std::vector<Near>> wanted) {
  SHEAF_ASSIGN_OR_RETURN(const Node* const there, Find(slot));
  SHEAF_ASSERT(there == nullptr && !wanted.empty() &&
               wanted.size() <= layout_.level_max + 1);
  Node* const node = known_[slot];
  node->stamp = stamp;
  node->is_there = node->is_changed = true;
  node->code = Kept(code);
  node->links.clear();
  node->links.resize(wanted.size());
  for (size_t level = wanted.size(); level-- > 0;) {
    std::vector<Node*> others;
    std::vector<Slot> slots;
    for (const Near& near : wanted[level]) slots.push_back(near.slot);
    SHEAF_RETURN_IF_ERROR(Load(slots, &others));
    SHEAF_RETURN_IF_ERROR(ReadLinks(others));
    for (Node* const other : others) {
      if (!other->is_there || other == node || level >= other->links.size()) continue;
      SHEAF_RETURN_IF_ERROR(
          Connect(node, other, level, node->links[level].size() < kFewLinks / 2)
              .status());
    }
    if (level > 0 || !node->links[0].empty() || !entry_.has_value()) continue;
    SHEAF_ASSIGN_OR_RETURN(Node* const entry, Get(entry_->slot));
    SHEAF_RETURN_IF_ERROR(Connect(node, entry, 0, true).status());
  }
  const auto level = static_cast<uint32_t>(wanted.size() - 1);
  if (!entry_.has_value() || level > entry_->level) entry_ = EntryPoint{slot, level};
  return absl::OkStatus();
}

// Those of `left`, which a node that went had linked, hang together again.
absl::Status GraphEditor::Bridge(absl::Span<Node* const> left, size_t level) {
  std::vector<size_t> part(left.size());
  for (size_t i = 0; i < part.size(); ++i) part[i] = i;
  const auto join = [&](size_t from, size_t to) {
    std::replace(part.begin(), part.end(), from, to);
  };
  for (size_t i = 0; i < left.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (part[i] != part[j] && Has(*left[i], level, left[j]->slot))
        join(part[i], part[j]);
  struct Gap {
    float distance;
    size_t i, j;
  };
  std::vector<Gap> gaps;
  for (size_t i = 0; i < left.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (part[i] == part[j]) continue;
      if (ShareNeighbour(*left[i], *left[j], level))
        join(part[i], part[j]);
      else
        gaps.push_back({Between(*left[i], *left[j]), i, j});
    }
  }
  std::sort(gaps.begin(), gaps.end(),
            [](const Gap& a, const Gap& b) { return a.distance < b.distance; });
  for (const Gap& gap : gaps) {
    if (part[gap.i] == part[gap.j]) continue;
    SHEAF_ASSIGN_OR_RETURN(const bool connected,
                           Connect(left[gap.i], left[gap.j], level, true));
    if (connected) join(part[gap.i], part[gap.j]);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> GraphEditor::Remove(Slot slot) {
  SHEAF_ASSIGN_OR_RETURN(Node* const node, Find(slot));
  if (node == nullptr) return false;
  for (size_t level = node->links.size(); level-- > 0;) {
    const size_t room = layout_.LinksMax(level);
    std::vector<Node*> left;
    SHEAF_RETURN_IF_ERROR(Load(node->links[level], &left));
    for (const Node* const neighbour : left)
      if (!neighbour->is_there) return Missing(neighbour->slot);
    SHEAF_RETURN_IF_ERROR(ReadLinks(left));
    std::erase_if(left, [&](const Node* n) { return level >= n->links.size(); });
    for (Node* const neighbour : left) Unlink(node, neighbour, level);
    std::vector<Near> near;
    std::vector<Node*> linked;  // as the links of one of them
    for (Node* const a : left) {
      near.clear();
      for (size_t i = 0; i < left.size(); ++i)
        if (left[i] != a) near.push_back({Between(*a, *left[i]), static_cast<Slot>(i)});
      std::sort(near.begin(), near.end());
      SHEAF_RETURN_IF_ERROR(Load(a->links[level], &linked));
      for (const Node* const other : linked)
        if (!other->is_there) return Missing(other->slot);
      size_t added = 0;
      for (const Near& n : near) {
        Node* const b = left[n.slot];
        const Links& links = a->links[level];
        if (added == kLinksForOne || links.size() >= room) break;
        if (b->links[level].size() >= room || Has(*a, level, b->slot)) continue;
        bool is_apart = true;
        for (size_t k = 0; k < links.size() && is_apart; ++k)
          is_apart = Between(*linked[k], *b) >= n.distance;
        if (!is_apart) continue;
        Link(a, b, level);
        linked.push_back(b);
        ++added;
      }
    }
    SHEAF_RETURN_IF_ERROR(Bridge(left, level));
    if (level == 0 && entry_.has_value() && entry_->slot == slot)
      SHEAF_RETURN_IF_ERROR(MoveEntry(*node));
  }
  node->is_there = false;
  node->is_changed = true;
  node->links.clear();
  return true;
}

// To a node of the highest level that is left.
absl::Status GraphEditor::MoveEntry(const Node& gone) {
  std::optional<EntryPoint> best;
  const auto offer = [&](Slot slot, size_t level) {
    if (slot == gone.slot) return;
    if (!best.has_value() || level > best->level ||
        (level == best->level && slot < best->slot))
      best = EntryPoint{slot, static_cast<uint32_t>(level)};
  };
  for (const auto& [slot, node] : known_)
    if (node->is_there)
      offer(slot, node->links.empty() ? node->stored_levels : node->links.size() - 1);
  btree::DenseCursor levels(reader_.levels().context(), &reader_.levels().root());
  for (levels.Seek(0); levels.Valid(); levels.Next()) {
    const auto slot = static_cast<Slot>(levels.key());
    if (!known_.contains(slot)) offer(slot, levels.record().size() / layout_.level_bytes);
    if (best.has_value() && best->level >= entry_->level) break;
  }
  SHEAF_RETURN_IF_ERROR(levels.status());
  if (!best.has_value()) {
    const auto any = reader_.ForEachNode([&](Slot slot, NodeView) {
      if (!known_.contains(slot)) offer(slot, 0);
      return best.has_value() ? absl::CancelledError() : absl::OkStatus();
    });
    if (!any.ok() && !best.has_value()) return any;
  }
  entry_ = best;
  return absl::OkStatus();
}

// --- To the trees ---------------------------------------------------------------

absl::Status GraphEditor::Store(Node* node) {
  bool existed = false;
  if (!node->is_there) {
    for (uint32_t i = 0; i < layout_.node_records; ++i)
      SHEAF_RETURN_IF_ERROR(
          nodes_.Delete(EncodeDenseKey(layout_.NodeKey(node->slot, i))).status());
    return levels_.Delete(EncodeDenseKey(node->slot)).status();
  }
  EncodeNode({node->stamp, node->code, node->links.size() - 1, node->links[0]}, layout_,
             &record_);
  for (uint32_t i = 0; i < layout_.node_records; ++i)
    SHEAF_RETURN_IF_ERROR(
        nodes_.PutStored(EncodeDenseKey(layout_.NodeKey(node->slot, i)),
                         std::string_view(record_).substr(i * kRecordMax, kRecordMax),
                         PutMode::kUpsert, &existed));
  if (node->links.size() > 1) {
    const std::vector<absl::Span<const Slot>> above(node->links.begin() + 1,
                                                    node->links.end());
    EncodeLevels(above, layout_, &record_);
    SHEAF_RETURN_IF_ERROR(levels_.PutStored(EncodeDenseKey(node->slot), record_,
                                            PutMode::kUpsert, &existed));
  } else if (node->stored_levels > 0) {
    SHEAF_RETURN_IF_ERROR(levels_.Delete(EncodeDenseKey(node->slot)).status());
  }
  return absl::OkStatus();
}

absl::Status GraphEditor::Flush() {
  std::vector<Node*> changed;
  for (const auto& [slot, node] : known_)
    if (node->is_changed) changed.push_back(node);
  std::sort(changed.begin(), changed.end(),
            [](const Node* a, const Node* b) { return a->slot < b->slot; });
  for (Node* const node : changed) SHEAF_RETURN_IF_ERROR(Store(node));
  known_.clear();
  memory_.release();
  const uint64_t entry = EncodeEntryPoint(entry_);
  return entry == nodes_.record().counter ? absl::OkStatus() : nodes_.SetCounter(entry);
}

}  // namespace sheaf::vectors
