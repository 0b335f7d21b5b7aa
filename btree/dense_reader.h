// DenseReader: look-ups in one version of a DenseTree. DenseCursor: its records in order.
//
// As with TreeReader, reading takes no lock: the caller's slot keeps pages in memory for the
// length of one operation, and the version the caller holds keeps them from being reused.
//
// Thread-compatible: one slot, one thread.
#ifndef BTREE_DENSE_READER_H_
#define BTREE_DENSE_READER_H_
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/dense_node.h"
#include "btree/tree_reader.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

class DenseReader {
 public:
  DenseReader(const ReadContext& context, const TreeRoot& root)
      : context_(context), root_(root) {}

  absl::Status Find(DenseKey key, Found* out) const;

  // Calls `fn(i, record)` for each of the keys that has one, memory accesses interleaved:
  // while one key's page is on its way from memory the others are followed. The record is
  // good during the call, in which the slot must not be used. Keys come in their order, but
  // those whose pages are not in memory behind the others of their kLanes.
  template <class Fn>
  absl::Status Visit(absl::Span<const DenseKey> keys, Fn&& fn) const;

  static constexpr size_t kLanes = 32;

 private:
  friend class DenseCursor;
  friend class DenseDirectory;
  struct Lane {
    const char* entry = nullptr;  // in the index page of level 1
    std::string_view record;      // empty: there is none, or it must be found singly
    bool singly = false;
  };

  // The entry of the group at level 1. Null: a page is not in memory, or, when `*missing`
  // is none, there is no such entry. Requires: a guard.
  absl::Status FollowTo(uint64_t group, const char** entry, PageRef* missing) const;
  // Requires: a guard.
  void FollowAll(absl::Span<const DenseKey> keys, Lane* lanes) const;
  // Runs `fn(record, leaf)` under a guard if there is a record.
  absl::Status FindOne(
      DenseKey key, absl::FunctionRef<void(std::string_view record,
                                           const DenseLeafView& leaf, const PageRef& ref)>
                        fn) const;

  const ReadContext& context_;
  const TreeRoot& root_;
};

template <class Fn>
absl::Status DenseReader::Visit(absl::Span<const DenseKey> keys, Fn&& fn) const {
  if (!root_.page) return absl::OkStatus();
  for (size_t at = 0; at < keys.size(); at += kLanes) {
    const absl::Span<const DenseKey> batch = keys.subspan(at, kLanes);
    Lane lanes[kLanes];
    {
      pager::EpochGuard guard(context_.pager->buffer(), context_.slot);
      FollowAll(batch, lanes);
      for (size_t k = 0; k < batch.size(); ++k)
        if (!lanes[k].record.empty()) fn(at + k, lanes[k].record);
    }
    for (size_t k = 0; k < batch.size(); ++k)
      if (lanes[k].singly)
        SHEAF_RETURN_IF_ERROR(
            FindOne(batch[k], [&](std::string_view record, const auto&, const auto&) {
              fn(at + k, record);
            }));
  }
  return absl::OkStatus();
}

class DenseCursor {
 public:
  // `root` is looked at again at each Seek. After a change of the tree only Seek may follow.
  DenseCursor(const ReadContext& context, const TreeRoot* root)
      : context_(context), root_(root) {}

  // To the first record at or behind `key`. False: there is none, or status() says why.
  bool Seek(DenseKey key);
  bool Next();
  bool Valid() const { return leaf_.data() != nullptr; }
  const absl::Status& status() const { return status_; }

  DenseKey key() const { return key_; }
  // Good until the cursor moves.
  std::string_view record() const { return record_; }

 private:
  // To the first leaf that has groups at or behind `group`. False: there is none.
  absl::StatusOr<bool> EnterLeaf(uint64_t group);
  // The same in memory: sets `*leaf`, or `*missing` where a page is not there.
  absl::Status FindLeaf(const PageRef& ref, int level, uint64_t group, PageRef* leaf,
                        PageRef* missing) const;
  bool TakeFrom(uint32_t slot);

  const ReadContext& context_;
  const TreeRoot* root_;
  pager::PinnedPage leaf_;
  DenseKey key_ = 0;
  std::string_view record_;
  absl::Status status_;
};

// As CheckTree.
absl::StatusOr<TreeCheck> CheckDenseTree(
    pager::Pager* pager, const TreeRoot& root, DenseRecords records, uint32_t tree,
    absl::FunctionRef<absl::StatusOr<Seen>(const PageRef&)> on_page,
    absl::FunctionRef<void(pager::PageId, const std::string&)> on_problem);

}  // namespace sheaf::btree
#endif  // BTREE_DENSE_READER_H_
