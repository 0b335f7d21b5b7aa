// BTree::BulkLoad: a tree built from its leaves upwards.
//
// One page under construction a level, in memory of its own. A full one is copied
// to a new page, and the level above gets its reference with the shortest key
// that separates it from its left neighbour.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/btree.h"
#include "btree/large_value.h"
#include "btree/separator.h"
#include "pager/status_macros.h"

namespace sheaf::btree {
namespace {

using pager::kPageBytes;
using pager::PageKind;

constexpr uint64_t kEntriesATick = 1024;

class Builder {
 public:
  Builder(pager::PageWriter* writer, Values values, uint32_t tree)
      : writer_(*writer), values_(values), tree_(tree) {}

  absl::Status Add(std::string_view key, std::string_view value) {
    std::optional<EncodedLarge> encoded;
    LeafEntry entry{key, value, false};
    if (value.size() + std::min<size_t>(key.size(), kInlineMax / 2) > kInlineMax) {
      SHEAF_ASSIGN_OR_RETURN(const LargeRef large, WriteLarge(&writer_, value));
      encoded.emplace(large);
      entry.value = encoded->view();
      entry.is_large = true;
    }
    if (levels_.empty()) AddLevel();
    Level& leaf = *levels_[0];
    if (!leaf.node.Insert(leaf.node.count(), entry)) {
      const std::string separator = ShortestSeparator(last_key_, key);
      SHEAF_RETURN_IF_ERROR(Finish(0, separator));
      const bool inserted = levels_[0]->node.Insert(0, entry);
      SHEAF_ASSERT(inserted);
    }
    levels_[0]->leaf_refs |= entry.is_large;
    last_key_ = key;
    ++entries_;
    return absl::OkStatus();
  }

  absl::StatusOr<TreeRoot> Done() {
    if (levels_.empty()) return TreeRoot{};
    for (size_t l = 0;; ++l) {
      SHEAF_ASSIGN_OR_RETURN(const ChildRef top, Emit(l));
      if (l + 1 == levels_.size()) {
        if (l > 0 && levels_[l]->emitted_children == 1) return Collapse(l, top);
        return TreeRoot{top.page, entries_};
      }
      SHEAF_RETURN_IF_ERROR(AddChild(l + 1, top));
    }
  }

  const std::string& last_key() const { return last_key_; }
  uint64_t entries() const { return entries_; }

 private:
  struct Level {
    std::unique_ptr<char[]> page = std::make_unique<char[]>(kPageBytes);
    Node node{page.get()};
    std::string separator;  // below which nothing in this page lies
    bool leaf_refs = false;
    uint64_t emitted_children = 0;  // slots of the page emitted last
  };

  void AddLevel() {
    const auto level = static_cast<uint32_t>(levels_.size());
    levels_.push_back(std::make_unique<Level>());
    Restart(level, {});
  }
  void Restart(uint32_t level, std::string separator) {
    Level& l = *levels_[level];
    pager::InitPageHeader(l.page.get(), level == 0 ? PageKind::kLeaf : PageKind::kInner,
                          1, 0, 0);
    l.node.Init(level, values_, {});
    l.separator = std::move(separator);
    l.leaf_refs = values_ == Values::kRefs;
  }

  // Copies the page of this level to a page of the file.
  absl::StatusOr<ChildRef> Emit(size_t level) {
    Level& l = *levels_[level];
    SHEAF_RETURN_IF_ERROR(writer_.Reserve(1));
    ChildRef child;
    child.entries = l.node.EntriesBelow();
    SHEAF_ASSIGN_OR_RETURN(
        char* page,
        writer_.New(level == 0 ? PageKind::kLeaf : PageKind::kInner, 1, &child.page));
    child.page.leaf_refs = l.leaf_refs;
    Node to(page);
    to.SetTree(tree_);
    to.Init(static_cast<uint32_t>(level), values_, BestPrefix(l.node, 0, l.node.count()));
    to.AppendFrom(l.node, 0, l.node.count(), {});
    l.emitted_children = l.node.count();
    return child;
  }

  // Emits the page of this level; the next one begins at `separator`.
  absl::Status Finish(size_t level, const std::string& separator) {
    SHEAF_ASSIGN_OR_RETURN(const ChildRef child, Emit(level));
    if (level + 1 == levels_.size()) AddLevel();
    SHEAF_RETURN_IF_ERROR(AddChild(level + 1, child));
    Restart(static_cast<uint32_t>(level), separator);
    return absl::OkStatus();
  }

  // `child` begins at its level's separator.
  absl::Status AddChild(size_t level, const ChildRef& child) {
    const std::string separator = levels_[level - 1]->separator;
    Level& l = *levels_[level];
    if (!l.node.InsertChild(l.node.count(), separator, child)) {
      SHEAF_RETURN_IF_ERROR(Finish(level, separator));
      const bool inserted = l.node.InsertChild(0, {}, child);
      SHEAF_ASSERT(inserted);
    }
    l.leaf_refs |= child.page.leaf_refs;
    return absl::OkStatus();
  }

  // A root with one child is no root.
  absl::StatusOr<TreeRoot> Collapse(size_t level, const ChildRef& top) {
    const PageRef only = levels_[level]->node.ChildPage(0);
    writer_.GiveUp(top.page);
    return TreeRoot{only, entries_};
  }

  pager::PageWriter& writer_;
  const Values values_;
  const uint32_t tree_;
  std::vector<std::unique_ptr<Level>> levels_;
  std::string last_key_;
  uint64_t entries_ = 0;
};

}  // namespace

absl::Status BTree::BulkLoad(NextFn next,
                             absl::FunctionRef<absl::Status(uint64_t)> tick) {
  SHEAF_ASSERT(!root_.page);
  Builder builder(&writer_, values_, tree_);
  std::string_view key, value;
  absl::Status status;
  while (status.ok() && next(&key, &value)) {
    if (key.empty() || key.size() > kKeyMax) {
      status = absl::InvalidArgumentError(
          absl::StrCat("entry ", builder.entries(), ": key of ", key.size(),
                       " bytes; 1 to ", kKeyMax, " are allowed"));
    } else if (value.size() > kValueSizeMax) {
      status = absl::InvalidArgumentError(
          absl::StrCat("entry ", builder.entries(), ": value of ", value.size(),
                       " bytes; ", kValueSizeMax, " are allowed"));
    } else if (builder.entries() > 0 && key <= builder.last_key()) {
      status = absl::InvalidArgumentError(absl::StrCat(
          "entry ", builder.entries(), ": key is not above the one before it"));
    } else {
      status = builder.Add(key, value);
    }
    if (status.ok() && builder.entries() % kEntriesATick == 0)
      status = tick(builder.entries());
  }
  absl::StatusOr<TreeRoot> root = builder.Done();
  if (!root.ok()) return root.status();
  root_ = *root;
  ++changes_;
  if (status.ok()) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(Clear());
  return status;
}

}  // namespace sheaf::btree
