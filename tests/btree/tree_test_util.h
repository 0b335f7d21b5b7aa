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

class TestTree {
 public:
  explicit TestTree(uint64_t cache_bytes = uint64_t{16} << 20) {
    fs_ = pager::NewMemoryFileSystem();
    pager::PagerOptions options;
    options.cache_bytes_max = cache_bytes;
    pager_ = *pager::Pager::Open(fs_.get(), "/tree", options, &TreePageOps());
    writer_ = std::make_unique<pager::PageWriter>(pager_.get());
    slot_ = pager_->buffer().slots().Acquire();
    context_ = {pager_.get(), slot_, nullptr};
    Begin();
  }
  ~TestTree() {
    writer_->Rollback();
    pager_->buffer().slots().Release(slot_);
  }

  BTree& tree() { return *tree_; }
  pager::Pager& pager() { return *pager_; }
  pager::PageWriter& writer() { return *writer_; }
  const ReadContext& context() const { return context_; }
  TreeReader reader() const { return {context_, tree_->root()}; }

  // Ends the transaction; its pages are frozen, those it gave up are free.
  void Commit() {
    root_ = tree_->root();
    const absl::Span<const pager::PageRef> given_up = writer_->Commit();
    pager_->allocator().FreeAll(given_up);
    Begin();
  }
  void Rollback() {
    writer_->Rollback();
    Begin();
  }

  // Everything the tree says of itself and of the model.
  void ExpectIs(const Model& model) {
    std::set<pager::PageId> pages;
    const auto on_page = [&](const PageRef& ref) -> absl::StatusOr<Seen> {
      for (uint32_t i = 0; i < ref.pages; ++i)
        EXPECT_TRUE(pages.insert(ref.id + i).second) << "page " << ref.id + i << " twice";
      return Seen::kFirstTime;
    };
    const auto on_problem = [](pager::PageId page, const std::string& what) {
      ADD_FAILURE() << "page " << page << ": " << what;
    };
    absl::StatusOr<TreeCheck> check =
        CheckTree(pager_.get(), tree_->root(), Values::kPlain, 0, on_page, on_problem);
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
    pages_ = pages.size();
  }
  uint64_t pages() const { return pages_; }  // of the tree, at the last ExpectIs

  std::string ValueOf(const NodeView::LeafValue& value) {
    if (!value.is_large) return std::string(value.bytes);
    const LargeRef large = DecodeLargeRef(value.bytes.data());
    std::string bytes(large.size, '\0');
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

  std::unique_ptr<pager::FileSystem> fs_;
  std::unique_ptr<pager::Pager> pager_;
  std::unique_ptr<pager::PageWriter> writer_;
  pager::ReaderSlot* slot_ = nullptr;
  ReadContext context_;
  TreeRoot root_;
  std::unique_ptr<BTree> tree_;
  pager::Stamp stamp_ = 0;
  uint64_t pages_ = 0;
};

}  // namespace sheaf::btree
#endif  // TESTS_BTREE_TREE_TEST_UTIL_H_
