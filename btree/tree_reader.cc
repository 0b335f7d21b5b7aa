#include "btree/tree_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pager/page_writer.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using pager::BirthOf;
using pager::BufferManager;
using pager::EpochGuard;
using pager::LevelOf;
using pager::PageDamaged;
using pager::PageId;
using pager::PinnedPage;

namespace {

// Does this page, found in memory, deserve the reference that led to it?
inline bool Matches(const char* page, const PageRef& ref) {
  return BirthOf(page) == ref.birth;
}

absl::Status WrongLevel(const PageRef& ref) {
  return PageDamaged(ref.id, "is not the kind or level of page its parent says");
}

inline bool IsTreePage(const char* page) {
  const pager::PageKind kind = pager::PageKindOf(page);
  return kind == pager::PageKind::kLeaf || kind == pager::PageKind::kInner;
}

}  // namespace

absl::Status ReadContext::Load(const PageRef& ref) const {
  // The writer may have to write out pages of its own to make room.
  if (writer != nullptr) SHEAF_RETURN_IF_ERROR(writer->Reserve(pager::kNodePagesMax));
  return pager->buffer().Load(ref);
}

template <class Step, class AtLeaf>
absl::Status TreeReader::Descend(Step step, AtLeaf at_leaf) const {
  BufferManager& buffer = context_.pager->buffer();
  for (;;) {
    PageRef ref = root_.page;
    uint64_t pages = 0;
    {
      EpochGuard guard(buffer, context_.slot);
      const char* page = buffer.Peek(ref.id);
      int level = -1;
      while (page != nullptr) {
        if (!Matches(page, ref)) [[unlikely]]
          return pager::BirthDiffers(page, ref);
        const NodeView node(page);
        if (level < 0 ? !IsTreePage(page)
                      : static_cast<int>(node.level()) != level - 1 || !IsTreePage(page))
            [[unlikely]]
          return WrongLevel(ref);
        level = static_cast<int>(node.level());
        ++pages;
        if (level == 0) {
          at_leaf(node, ref);
          context_.slot->CountLookups(pages);
          return absl::OkStatus();
        }
        ref = node.ChildPage(step(node));
        buffer.Prefetch(ref.id);
        page = buffer.Peek(ref.id);
      }
    }
    SHEAF_RETURN_IF_ERROR(context_.Load(ref));
  }
}

void TreeReader::Take(const NodeView& leaf, const PageRef& ref, std::string_view key,
                      Found* out) const {
  const NodeView::Position at = leaf.LowerBound(key);
  out->found = at.exact;
  if (!at.exact) return;
  const NodeView::LeafValue value = leaf.Value(at.index);
  out->is_large = value.is_large;
  if (value.is_large)
    out->large = DecodeLargeRef(value.bytes);
  else
    out->bytes = value.bytes;
  // It is resident and, in this epoch, cannot cease to be.
  const bool pinned = context_.pager->buffer().TryPin(ref.id);
  SHEAF_ASSERT(pinned);
  out->pin = PinnedPage(&context_.pager->buffer(), ref.id, leaf.page());
}

absl::Status TreeReader::Find(std::string_view key, Found* out) const {
  out->found = false;
  if (!root_.page) return absl::OkStatus();
  return Descend(
      [&](const NodeView& node) { return node.ChildIndex(key); },
      [&](const NodeView& leaf, const PageRef& ref) { Take(leaf, ref, key, out); });
}

absl::Status TreeReader::FindMany(absl::Span<const std::string_view> keys,
                                  absl::Span<Found> out) const {
  SHEAF_ASSERT(keys.size() == out.size());
  for (Found& f : out) f.found = false;
  if (!root_.page) return absl::OkStatus();
  for (size_t at = 0; at < keys.size(); at += kLanes)
    SHEAF_RETURN_IF_ERROR(FindLanes(keys.subspan(at, kLanes), out.subspan(at, kLanes)));
  return absl::OkStatus();
}

// Level by level for all keys: while one key's page is on its way from memory the
// others are searched. What is not in the cache is looked up singly afterwards.
absl::Status TreeReader::FindLanes(absl::Span<const std::string_view> keys,
                                   absl::Span<Found> out) const {
  BufferManager& buffer = context_.pager->buffer();
  PageRef refs[kLanes];
  const char* pages[kLanes];  // the leaves
  bool slow[kLanes] = {};
  const size_t n = keys.size();
  {
    EpochGuard guard(buffer, context_.slot);
    for (size_t k = 0; k < n; ++k) refs[k] = root_.page;
    const char* top = buffer.Peek(root_.page.id);
    const int height = top == nullptr ? -1 : static_cast<int>(LevelOf(top));
    context_.slot->CountLookups(n * static_cast<uint64_t>(height + 1));
    if (height < 0)
      for (size_t k = 0; k < n; ++k) slow[k] = true;
    for (int level = height; level >= 0; --level) {
      for (size_t k = 0; k < n; ++k) {
        if (slow[k]) continue;
        const char* page = buffer.Peek(refs[k].id);
        if (page == nullptr || !Matches(page, refs[k]) || !IsTreePage(page) ||
            static_cast<int>(LevelOf(page)) != level) {
          slow[k] = true;
          continue;
        }
        const NodeView node(page);
        if (level == 0) {
          node.PrefetchCell(keys[k]);
          pages[k] = page;
          continue;
        }
        refs[k] = node.ChildPage(node.ChildIndex(keys[k]));
        buffer.PrefetchState(refs[k].id);
      }
      for (size_t k = 0; level > 0 && k < n; ++k) buffer.Prefetch(refs[k].id);
    }
    for (size_t k = 0; k < n; ++k)
      if (!slow[k]) Take(NodeView(pages[k]), refs[k], keys[k], &out[k]);
  }
  for (size_t k = 0; k < n; ++k)
    if (slow[k]) SHEAF_RETURN_IF_ERROR(Find(keys[k], &out[k]));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> TreeReader::Rank(std::string_view key) const {
  if (!root_.page) return 0;
  uint64_t rank = 0;
  // A descent may start again when a page must be loaded: then so does the sum.
  SHEAF_RETURN_IF_ERROR(Descend(
      [&](const NodeView& node) {
        if (root_.page.id == pager::PageIdOf(node.page())) rank = 0;
        const uint32_t index = node.ChildIndex(key);
        for (uint32_t i = 0; i < index; ++i) rank += node.Child(i).entries;
        return index;
      },
      [&](const NodeView& leaf, const PageRef& ref) {
        if (ref.id == root_.page.id) rank = 0;
        rank += leaf.LowerBound(key).index;
      }));
  return rank;
}

absl::StatusOr<std::string> TreeReader::KeyAt(uint64_t rank) const {
  if (rank >= root_.entries)
    return absl::OutOfRangeError(
        absl::StrCat("rank ", rank, " of ", root_.entries, " entries"));
  uint64_t left = rank;
  std::string key;
  bool found = false;
  SHEAF_RETURN_IF_ERROR(Descend(
      [&](const NodeView& node) {
        if (root_.page.id == pager::PageIdOf(node.page())) left = rank;
        uint32_t i = 0;
        for (; i + 1 < node.count() && left >= node.Child(i).entries; ++i)
          left -= node.Child(i).entries;
        return i;
      },
      [&](const NodeView& leaf, const PageRef&) {
        found = left < leaf.count();
        if (found) leaf.KeyTo(static_cast<uint32_t>(left), &key);
      }));
  if (!found) return PageDamaged(root_.page.id, "entry counts below it are wrong");
  return key;
}

// --- Cursor -----------------------------------------------------------------

TreeCursor::TreeCursor(const ReadContext& context, const TreeRoot* root,
                       const uint64_t* changes)
    : context_(context), root_(root), changes_(changes) {}

void TreeCursor::Fail(absl::Status status) {
  status_ = std::move(status);
  valid_ = false;
  leaf_.Reset();
}

template <class Fn>
bool TreeCursor::WithPage(const PageRef& ref, Fn fn) {
  BufferManager& buffer = context_.pager->buffer();
  for (;;) {
    {
      EpochGuard guard(buffer, context_.slot);
      if (const char* page = buffer.Peek(ref.id)) {
        context_.slot->CountLookups(1);
        if (!Matches(page, ref) || !IsTreePage(page)) {
          Fail(pager::BirthDiffers(page, ref));
          return false;
        }
        return fn(NodeView(page));
      }
    }
    if (absl::Status status = context_.Load(ref); !status.ok()) {
      Fail(std::move(status));
      return false;
    }
  }
}

// Pins the leaf. Requires: inside WithPage's guard.
bool TreeCursor::TakeLeaf(const PageRef& ref) {
  leaf_.Reset();
  BufferManager& buffer = context_.pager->buffer();
  const bool pinned = buffer.TryPin(ref.id);
  SHEAF_ASSERT(pinned);
  leaf_ = PinnedPage(&buffer, ref.id, buffer.Peek(ref.id));
  count_ = NodeView(leaf_.data()).count();
  have_prefix_ = false;
  return true;
}

// Goes down from path_[depth] along one edge of the subtree to a leaf.
bool TreeCursor::Enter(uint32_t depth, Edge edge) {
  for (;;) {
    if (depth >= kHeightMax - 1) {
      Fail(WrongLevel(path_[depth].ref));
      return false;
    }
    bool at_leaf = false;
    const PageRef ref = path_[depth].ref;
    if (!WithPage(ref, [&](const NodeView& node) {
          if (depth > 0 && node.level() + 1 != level_of_parent_) {
            Fail(WrongLevel(ref));
            return false;
          }
          level_of_parent_ = node.level();
          at_leaf = node.is_leaf();
          path_[depth].index =
              edge == Edge::kLow || node.count() == 0 ? 0 : node.count() - 1;
          if (at_leaf) return TakeLeaf(ref);
          path_[depth + 1].ref = node.ChildPage(path_[depth].index);
          context_.pager->buffer().Prefetch(path_[depth + 1].ref.id);
          return true;
        }))
      return false;
    if (at_leaf) {
      depth_ = depth;
      index_ = path_[depth].index;
      return true;
    }
    ++depth;
  }
}

// A page that two others refer to would be met again and again: a walk sees no
// more leaves than the file has pages.
bool TreeCursor::NoteLeaf(int direction) {
  if (direction != direction_) leaves_ = 0;
  direction_ = direction;
  if (++leaves_ <= context_.pager->buffer().page_end()) return true;
  Fail(PageDamaged(root_->page.id,
                   "the tree below it has more leaves than the file pages"));
  return false;
}

// The leaf beside this one is wanted next: its header and slots now, the rest a few
// lines with each step. All at once is slower than nothing at all.
void TreeCursor::BeginPrefetch(const NodeView& parent, uint32_t index, int direction) {
  ahead_ = nullptr;
  const uint32_t beside = index + static_cast<uint32_t>(direction);
  if (parent.level() != 1 || beside >= parent.count()) return;
  const BufferManager& buffer = context_.pager->buffer();
  const PageId id = parent.ChildPage(beside).id;
  buffer.Prefetch(id);
  ahead_ = buffer.AddressHint(id);
  ahead_at_ = BufferManager::kPrefetchBytes;
}

inline void TreeCursor::PrefetchSome() {
  constexpr size_t kLine = 64, kLinesAStep = 3;
  if (ahead_ == nullptr || ahead_at_ + kLinesAStep * kLine > pager::kPageBytes) return;
  for (size_t i = 0; i < kLinesAStep; ++i)
    __builtin_prefetch(ahead_ + ahead_at_ + i * kLine);
  ahead_at_ += kLinesAStep * kLine;
}

// The first step after a seek.
bool TreeCursor::BeginScan(int direction) {
  scanning_ = true;
  if (depth_ == 0) return true;
  const Step& parent = path_[depth_ - 1];
  return WithPage(parent.ref, [&](const NodeView& node) {
    BeginPrefetch(node, parent.index, direction);
    return true;
  });
}

// Moves to the next leaf that has entries, in one direction.
bool TreeCursor::MoveLeaf(int direction) {
  for (;;) {
    uint32_t depth = depth_;
    bool moved = false;
    while (depth > 0 && !moved) {
      --depth;
      Step& step = path_[depth];
      if (!WithPage(step.ref, [&](const NodeView& node) {
            if (direction > 0 ? step.index + 1 >= node.count() : step.index == 0)
              return true;
            step.index += static_cast<uint32_t>(direction);
            path_[depth + 1].ref = node.ChildPage(step.index);
            level_of_parent_ = node.level();
            moved = true;
            BeginPrefetch(node, step.index, direction);
            return true;
          }))
        return false;
    }
    if (!moved) {
      valid_ = false;
      leaf_.Reset();
      return false;
    }
    if (!Enter(depth + 1, direction > 0 ? Edge::kLow : Edge::kHigh)) return false;
    if (!NoteLeaf(direction)) return false;
    if (count_ > 0) {
      index_ = direction > 0 ? 0 : count_ - 1;
      return Settle();
    }
  }
}

bool TreeCursor::Settle() {
  valid_ = true;
  have_key_ = false;
  if (changes_ != nullptr) {
    seen_ = *changes_;
    key();  // the page may be changed in place under us
  }
  return true;
}

// Within a leaf the prefix stays as it is in key_.
std::string_view TreeCursor::key() {
  SHEAF_ASSERT(valid_);
  if (have_key_) return key_;
  const NodeView leaf(leaf_.data());
  const uint32_t p = leaf.prefix_size();
  const uint32_t size = leaf.suffix_size(index_);
  key_.resize(p + size);
  if (!have_prefix_ && p > 0) std::memcpy(key_.data(), leaf.prefix().data(), p);
  char head[kHeadBytes];
  leaf.HeadTo(index_, head);
  std::memcpy(key_.data() + p, head, std::min(size, kHeadBytes));
  const std::string_view rest = leaf.Rest(index_);
  if (!rest.empty()) std::memcpy(key_.data() + p + kHeadBytes, rest.data(), rest.size());
  have_prefix_ = have_key_ = true;
  return key_;
}

bool TreeCursor::SeekFirst() {
  leaves_ = 0;
  scanning_ = false;
  ahead_ = nullptr;
  status_ = absl::OkStatus();
  valid_ = false;
  if (!root_->page) return false;
  path_[0].ref = root_->page;
  if (!Enter(0, Edge::kLow)) return false;
  return count_ > 0 ? Settle() : MoveLeaf(1);
}

bool TreeCursor::SeekLast() {
  leaves_ = 0;
  scanning_ = false;
  ahead_ = nullptr;
  status_ = absl::OkStatus();
  valid_ = false;
  if (!root_->page) return false;
  path_[0].ref = root_->page;
  if (!Enter(0, Edge::kHigh)) return false;
  return count_ > 0 ? Settle() : MoveLeaf(-1);
}

// Stands on the leaf where `key` belongs, index_ at the first entry >= key.
bool TreeCursor::Position(std::string_view key, bool* exact) {
  leaves_ = 0;
  scanning_ = false;
  ahead_ = nullptr;
  status_ = absl::OkStatus();
  valid_ = false;
  if (!root_->page) return false;
  path_[0].ref = root_->page;
  for (uint32_t depth = 0;; ++depth) {
    if (depth >= kHeightMax - 1) {
      Fail(WrongLevel(path_[depth].ref));
      return false;
    }
    bool at_leaf = false;
    const PageRef ref = path_[depth].ref;
    if (!WithPage(ref, [&](const NodeView& node) {
          if (depth > 0 && node.level() + 1 != level_of_parent_) {
            Fail(WrongLevel(ref));
            return false;
          }
          level_of_parent_ = node.level();
          at_leaf = node.is_leaf();
          if (at_leaf) {
            const NodeView::Position at = node.LowerBound(key);
            path_[depth].index = index_ = at.index;
            *exact = at.exact;
            return TakeLeaf(ref);
          }
          path_[depth].index = node.ChildIndex(key);
          path_[depth + 1].ref = node.ChildPage(path_[depth].index);
          context_.pager->buffer().Prefetch(path_[depth + 1].ref.id);
          return true;
        }))
      return false;
    if (at_leaf) {
      depth_ = depth;
      return true;
    }
  }
}

bool TreeCursor::Seek(std::string_view key) {
  bool exact = false;
  if (!Position(key, &exact)) return false;
  return index_ < count_ ? Settle() : MoveLeaf(1);
}

bool TreeCursor::SeekAtOrBefore(std::string_view key) {
  bool exact = false;
  if (!Position(key, &exact)) return false;
  if (exact) return Settle();
  if (index_ == 0) return MoveLeaf(-1);
  --index_;
  return Settle();
}

bool TreeCursor::Next() {
  SHEAF_ASSERT(valid_);
  if (!Fresh()) [[unlikely]] {
    const std::string here = key_;
    if (!Seek(here)) return false;
    if (key() != here) return true;  // it was deleted: this is the next one
  }
  if (!scanning_ && !BeginScan(1)) return false;
  PrefetchSome();
  if (++index_ < count_) {
    return Settle();
  }
  return MoveLeaf(1);
}

bool TreeCursor::Prev() {
  SHEAF_ASSERT(valid_);
  if (!Fresh()) [[unlikely]] {
    const std::string here = key_;
    if (!SeekAtOrBefore(here)) return false;
    if (key() != here) return true;
  }
  if (!scanning_ && !BeginScan(-1)) return false;
  PrefetchSome();
  if (index_ > 0) {
    --index_;
    return Settle();
  }
  return MoveLeaf(-1);
}

}  // namespace sheaf::btree
