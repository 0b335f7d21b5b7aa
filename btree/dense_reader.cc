#include "btree/dense_reader.h"

#include <algorithm>
#include <utility>

#include "pager/assert.h"

namespace sheaf::btree {

using pager::BirthOf;
using pager::BufferManager;
using pager::EpochGuard;
using pager::PageKind;
using pager::PageKindOf;

namespace {

absl::Status NotOfDenseTree(const PageRef& ref) {
  return pager::PageDamaged(ref.id,
                            "is not the page of a dense tree that its parent says");
}

// Is the page in memory the one that `ref` means, an index page of this level (a negative
// one: of any)?
absl::Status CheckIndex(const char* page, const PageRef& ref, int level) {
  if (BirthOf(page) != ref.birth) return pager::BirthDiffers(page, ref);
  if (PageKindOf(page) != PageKind::kDenseIndex ||
      (level >= 0 && static_cast<int>(pager::LevelOf(page)) != level))
    return NotOfDenseTree(ref);
  return absl::OkStatus();
}

bool IsLeafOf(const char* page, const PageRef& ref, uint64_t group) {
  return BirthOf(page) == ref.birth && PageKindOf(page) == PageKind::kDenseLeaf &&
         DenseLeafView(page).Covers(group);
}

// Of the page's header and its first slots, and of most others.
void PrefetchLeaf(const char* page) {
  for (size_t at = 0; at < 320; at += 64) __builtin_prefetch(page + at);
}

}  // namespace

absl::Status DenseReader::FollowTo(uint64_t group, const char** entry,
                                   PageRef* missing) const {
  BufferManager& buffer = context_.pager->buffer();
  *entry = nullptr;
  *missing = {};
  PageRef ref = root_.page;
  for (int level = -1; ref;) {
    const char* page = buffer.Peek(ref.id);
    if (page == nullptr) {
      *missing = ref;
      return absl::OkStatus();
    }
    SHEAF_RETURN_IF_ERROR(CheckIndex(page, ref, level));
    const DenseIndexView index(page);
    if (!index.Covers(group)) return level < 0 ? absl::OkStatus() : NotOfDenseTree(ref);
    const char* at = index.EntryAt(index.IndexOf(group));
    level = static_cast<int>(index.level()) - 1;
    if (level == 0) {
      *entry = at;
      return absl::OkStatus();
    }
    ref = pager::DecodePageRef(at);
  }
  return absl::OkStatus();
}

absl::Status DenseReader::FindOne(
    DenseKey key, absl::FunctionRef<void(std::string_view record,
                                         const DenseLeafView& leaf, const PageRef& ref)>
                      fn) const {
  BufferManager& buffer = context_.pager->buffer();
  const uint64_t group = key >> kGroupBits;
  while (root_.page) {
    PageRef missing;
    {
      EpochGuard guard(buffer, context_.slot);
      const char* entry;
      SHEAF_RETURN_IF_ERROR(FollowTo(group, &entry, &missing));
      if (entry == nullptr && !missing) return absl::OkStatus();
      if (entry != nullptr) {
        const PageRef ref = pager::DecodePageRef(entry);
        if (!ref) return absl::OkStatus();
        PrefetchLeaf(buffer.AddressHint(ref.id));
        const char* page = buffer.Peek(ref.id);
        if (page != nullptr) {
          context_.slot->CountLookups(1);
          if (BirthOf(page) != ref.birth) return pager::BirthDiffers(page, ref);
          if (!IsLeafOf(page, ref, group)) return NotOfDenseTree(ref);
          const DenseLeafView leaf(page);
          const std::string_view record = leaf.Record(leaf.SlotOf(key));
          if (!record.empty()) fn(record, leaf, ref);
          return absl::OkStatus();
        }
        missing = ref;
      }
    }
    SHEAF_RETURN_IF_ERROR(context_.Load(missing));
  }
  return absl::OkStatus();
}

absl::Status DenseReader::Find(DenseKey key, Found* out) const {
  out->found = out->is_large = false;
  BufferManager& buffer = context_.pager->buffer();
  return FindOne(
      key, [&](std::string_view record, const DenseLeafView& leaf, const PageRef& ref) {
        // It is resident and, in this epoch, cannot cease to be.
        const bool pinned = buffer.TryPin(ref.id);
        SHEAF_ASSERT(pinned);
        out->found = true;
        out->bytes = record;
        out->pin = pager::PinnedPage(&buffer, ref.id, leaf.page());
      });
}

void DenseReader::FollowAll(absl::Span<const DenseKey> keys, Lane* lanes) const {
  BufferManager& buffer = context_.pager->buffer();
  PageRef refs[kLanes];
  context_.slot->CountLookups(keys.size());
  for (size_t k = 0; k < keys.size(); ++k) {
    PageRef missing;
    const absl::Status status =
        FollowTo(keys[k] >> kGroupBits, &lanes[k].entry, &missing);
    lanes[k].singly = !status.ok() || missing;
    __builtin_prefetch(lanes[k].entry);
  }
  for (size_t k = 0; k < keys.size(); ++k) {
    if (lanes[k].entry != nullptr) refs[k] = pager::DecodePageRef(lanes[k].entry);
    if (refs[k]) buffer.PrefetchState(refs[k].id);
  }
  for (size_t k = 0; k < keys.size(); ++k)
    if (refs[k]) PrefetchLeaf(buffer.AddressHint(refs[k].id));
  for (size_t k = 0; k < keys.size(); ++k) {
    if (!refs[k]) continue;
    const char* page = buffer.Peek(refs[k].id);
    if (page == nullptr || !IsLeafOf(page, refs[k], keys[k] >> kGroupBits)) {
      lanes[k].singly = true;  // which tells what is wrong
      continue;
    }
    const DenseLeafView leaf(page);
    lanes[k].record = leaf.Record(leaf.SlotOf(keys[k]));
    __builtin_prefetch(lanes[k].record.data());
    __builtin_prefetch(lanes[k].record.data() + 64);
  }
}

// --- Cursor -----------------------------------------------------------------

absl::Status DenseCursor::FindLeaf(const PageRef& ref, int level, uint64_t group,
                                   PageRef* leaf, PageRef* missing) const {
  const char* page = context_.pager->buffer().Peek(ref.id);
  if (page == nullptr) {
    *missing = ref;
    return absl::OkStatus();
  }
  SHEAF_RETURN_IF_ERROR(CheckIndex(page, ref, level));
  const DenseIndexView index(page);
  if (group >= index.first_group() && !index.Covers(group)) return absl::OkStatus();
  const uint32_t begin = group < index.first_group() ? 0 : index.IndexOf(group);
  for (uint32_t i = index.NextChild(begin); i < kDenseFanout;
       i = index.NextChild(i + 1)) {
    if (index.level() == 1) {
      *leaf = index.Child(i);
      return absl::OkStatus();
    }
    SHEAF_RETURN_IF_ERROR(FindLeaf(index.Child(i), static_cast<int>(index.level()) - 1,
                                   group, leaf, missing));
    if (*leaf || *missing) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> DenseCursor::EnterLeaf(uint64_t group) {
  BufferManager& buffer = context_.pager->buffer();
  leaf_.Reset();
  while (root_->page) {
    PageRef leaf, missing;
    {
      EpochGuard guard(buffer, context_.slot);
      SHEAF_RETURN_IF_ERROR(FindLeaf(root_->page, -1, group, &leaf, &missing));
      if (!leaf && !missing) return false;
      if (leaf && buffer.TryPin(leaf.id)) {
        context_.slot->CountLookups(1);
        leaf_ = pager::PinnedPage(&buffer, leaf.id, buffer.Peek(leaf.id));
        const DenseLeafView view(leaf_.data());
        if (BirthOf(leaf_.data()) != leaf.birth)
          return pager::BirthDiffers(leaf_.data(), leaf);
        if (PageKindOf(leaf_.data()) != PageKind::kDenseLeaf ||
            view.first_group() + view.groups() <= group)
          return NotOfDenseTree(leaf);
        return true;
      }
    }
    SHEAF_RETURN_IF_ERROR(context_.Load(missing ? missing : leaf));
  }
  return false;
}

// The first record from `slot` on, of this leaf or of those behind it.
bool DenseCursor::TakeFrom(uint32_t slot) {
  for (;;) {
    const DenseLeafView leaf(leaf_.data());
    slot = leaf.NextRecord(slot);
    if (slot < leaf.slot_count()) {
      key_ = leaf.first_key() + slot;
      record_ = leaf.Record(slot);
      return true;
    }
    const absl::StatusOr<bool> entered = EnterLeaf(leaf.first_group() + leaf.groups());
    if (!entered.ok()) status_ = entered.status();
    if (!entered.ok() || !*entered) {
      leaf_.Reset();
      return false;
    }
    slot = 0;
  }
}

bool DenseCursor::Seek(DenseKey key) {
  status_ = absl::OkStatus();
  const absl::StatusOr<bool> entered = EnterLeaf(key >> kGroupBits);
  if (!entered.ok()) status_ = entered.status();
  if (!entered.ok() || !*entered) {
    leaf_.Reset();
    return false;
  }
  const DenseLeafView leaf(leaf_.data());
  return TakeFrom(key <= leaf.first_key() ? 0 : leaf.SlotOf(key));
}

bool DenseCursor::Next() {
  SHEAF_ASSERT(Valid());
  const DenseLeafView leaf(leaf_.data());
  return TakeFrom(leaf.SlotOf(key_) + 1);
}

}  // namespace sheaf::btree
