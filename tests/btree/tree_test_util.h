// A pager on a file in memory, and a tree in it that a test changes transaction by
// transaction.
#ifndef TESTS_BTREE_TREE_TEST_UTIL_H_
#define TESTS_BTREE_TREE_TEST_UTIL_H_
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "btree/btree.h"
#include "btree/tree_reader.h"
#include "pager/file.h"
#include "pager/page_writer.h"
#include "pager/pager.h"

namespace sheaf::btree {

using Model = std::map<std::string, std::string>;

// The pager, a writer and a reader; the pages of a tree, counted while it is checked.
class TestPages {
 public:
  explicit TestPages(uint64_t cache_bytes) {
    fs_ = pager::NewMemoryFileSystem();
    pager::PagerOptions options;
    options.cache_bytes_max = cache_bytes;
    pager_ = *pager::Pager::Open(fs_.get(), "/tree", options, &TreePageOps());
    writer_ = std::make_unique<pager::PageWriter>(pager_.get());
    slot_ = pager_->buffer().slots().Acquire();
    context_ = {pager_.get(), slot_, nullptr};
  }
  ~TestPages() {
    writer_->Rollback();
    pager_->buffer().slots().Release(slot_);
  }

  pager::Pager& pager() { return *pager_; }
  pager::PageWriter& writer() { return *writer_; }
  const ReadContext& context() const { return context_; }
  uint64_t pages() const { return pages_.size(); }  // of the tree, at the last check
  uint64_t PagesInUse() {
    const pager::PageAllocator::Stats s = *pager_->allocator().stats();
    return s.page_end - s.free - pager::PageAllocator::kFirstPage;
  }

 protected:
  // Ends the transaction; its pages are frozen, those it gave up are free.
  void CommitPages() {
    const absl::Span<const pager::PageRef> given_up = writer_->Commit();
    pager_->allocator().FreeAll(given_up);
  }
  // `check(on_page, on_problem)` checks the tree.
  template <class Check>
  absl::StatusOr<TreeCheck> CheckPages(Check check) {
    pages_.clear();
    return check(
        [&](const PageRef& ref) -> absl::StatusOr<Seen> {
          for (uint32_t i = 0; i < ref.pages; ++i)
            EXPECT_TRUE(pages_.insert(ref.id + i).second)
                << "page " << ref.id + i << " twice";
          return Seen::kFirstTime;
        },
        [](pager::PageId page, const std::string& what) {
          ADD_FAILURE() << "page " << page << ": " << what;
        });
  }

  std::unique_ptr<pager::FileSystem> fs_;
  std::unique_ptr<pager::Pager> pager_;
  std::unique_ptr<pager::PageWriter> writer_;
  pager::ReaderSlot* slot_ = nullptr;
  ReadContext context_;
  TreeRoot root_;
  pager::Stamp stamp_ = 0;

 private:
  std::set<pager::PageId> pages_;
};

class TestTree : public TestPages {
 public:
  explicit TestTree(uint64_t cache_bytes = uint64_t{16} << 20) : TestPages(cache_bytes) {
    Begin();
  }

  BTree& tree() { return *tree_; }
  TreeReader reader() const { return {context_, tree_->root()}; }

  void Commit() {
    root_ = tree_->root();
    CommitPages();
    Begin();
  }
  void Rollback() {
    writer_->Rollback();
    Begin();
  }

  // Everything the tree says of itself and of the model.
  void ExpectIs(const Model& model) {
    const auto check = CheckPages([&](auto on_page, auto on_problem) {
      return CheckTree(pager_.get(), tree_->root(), Values::kPlain, 0, on_page,
                       on_problem);
    });
    ASSERT_TRUE(check.ok()) << check.status();
    ASSERT_EQ(check->entries, model.size());
    TreeCursor cursor(context_, &tree_->root(), nullptr);
    auto it = model.begin();
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next(), ++it) {
      ASSERT_TRUE(it != model.end());
      ASSERT_TRUE(cursor.key() == it->first);
      ASSERT_EQ(cursor.value().size, it->second.size());
      ASSERT_TRUE(ValueOf(cursor.value()) == it->second) << it->first;
    }
    ASSERT_TRUE(cursor.status().ok()) << cursor.status();
    ASSERT_TRUE(it == model.end());
    ASSERT_TRUE(pager_->allocator().Check().ok());
  }

  std::string ValueOf(const NodeView::LeafValue& value) {
    if (!value.is_large) return std::string(value.bytes);
    const LargeRef large = DecodeLargeRef(value.bytes);
    std::string bytes(large.size(), '\0');
    const absl::Status status =
        ReadLarge(pager_.get(), large, 0, absl::MakeSpan(bytes.data(), bytes.size()));
    EXPECT_TRUE(status.ok()) << status;
    return bytes;
  }

  void Put(const std::string& key, const std::string& value) {
    bool existed = false;
    const absl::Status status = tree_->Put(key, value, BTree::PutMode::kUpsert, &existed);
    ASSERT_TRUE(status.ok()) << status;
  }

 private:
  void Begin() {
    writer_->Begin(++stamp_);
    tree_ = std::make_unique<BTree>(writer_.get(), root_, Values::kPlain);
  }

  std::unique_ptr<BTree> tree_;
};

}  // namespace sheaf::btree
#endif  // TESTS_BTREE_TREE_TEST_UTIL_H_
