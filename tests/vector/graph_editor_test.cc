// What the editor of a graph does when plans and nodes are not as they should be: what one
// thread planned may be old when it is applied, and files are damaged.
#include "vector/graph_editor.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/store.h"
#include "tests/support/faulty_file.h"
#include "vector/index.h"
#include "vector/linker.h"
#include "vector/query.h"

namespace sheaf::vectors {
namespace {

constexpr int kCount = 40;

class GraphEditorTest : public ::testing::Test {
 protected:
  GraphEditorTest() { Make(kCount, 16); }

  // An index of so many vectors, linked one by one.
  void Make(int count, uint32_t m) {
    index_.reset();
    txn_.reset();
    sheaf::Options options;
    options.background_checkpoints = false;
    store_ =
        *catalog::Store::Open(&fs_, absl::StrCat("/", count, ".sheaf"), options, false);
    vectors::Options of_index;
    of_index.dimensions = 2;
    of_index.metric = Metric::kL2;
    of_index.m = m;
    auto txn = *store_->BeginWrite(absl::InfiniteDuration());
    catalog::OpenTree* const vectors = *CreateIndex(txn.get(), "v", of_index, "");
    id_ = vectors->record().id;
    auto index = *OpenIndex(txn.get(), vectors);
    for (int i = 0; i < count; ++i) {
      const float vector[] = {static_cast<float>(i % 7), static_cast<float>(i)};
      bool existed = false;
      EXPECT_TRUE(index
                      ->Put(absl::StrCat("key", i),
                            {reinterpret_cast<const char*>(vector), sizeof(vector)},
                            &existed)
                      .ok());
    }
    EXPECT_TRUE(txn->Commit(Durability::kFull).ok());
    Linker linker({store_.get(), id_, &directories_});
    const auto done = [](const LinkCounts&) { return absl::OkStatus(); };
    EXPECT_EQ(linker.LinkAll(1, done)->linked, static_cast<uint64_t>(count));
    Begin();
  }

  void Begin() {
    index_.reset();
    txn_.reset();
    txn_ = *store_->BeginWrite(absl::InfiniteDuration());
    index_ = *OpenIndex(txn_.get(), *txn_->FindTree("v"));
  }
  void Commit() {
    ASSERT_TRUE(txn_->Commit(Durability::kFull).ok());
    Begin();
  }
  GraphEditor Editor() {
    return GraphEditor(&index_->reader(), index_->trees().nodes, index_->trees().levels);
  }
  const Layout& layout() const { return index_->reader().layout(); }
  std::string CodeOf(float x, float y) const {
    const float vector[] = {x, y};
    std::string code(layout().code_bytes, '\0');
    EncodeNodeCode(layout(), reinterpret_cast<const char*>(vector), 0, code.data());
    return code;
  }
  std::vector<Slot> LinksOf(Slot slot) const {
    std::vector<Slot> links;
    EXPECT_TRUE(index_->reader().ReadLinks({&slot, 1}, 0, &links).ok());
    return links;
  }
  // A node like any, but with these links.
  void StoreNode(Slot slot, const std::vector<Slot>& links) {
    std::string record;
    EncodeNode({1, CodeOf(1, 1), 0, links}, layout(), &record);
    bool existed = false;
    ASSERT_TRUE(index_->trees()
                    .nodes
                    ->PutStored(catalog::EncodeDenseKey(layout().NodeKey(slot)), record,
                                btree::BTree::PutMode::kUpsert, &existed)
                    .ok());
  }

  test::FaultyFileSystem fs_;
  std::unique_ptr<catalog::Store> store_;
  catalog::TreeId id_ = 0;
  Directories directories_;
  std::unique_ptr<catalog::WriteTxn> txn_;
  std::unique_ptr<VectorWriter> index_;
};

TEST_F(GraphEditorTest, ANodeThatIsWantedTwiceIsLinkedOnce) {
  constexpr Slot kNew = kCount;
  const std::vector<Slot> before = LinksOf(3);
  GraphEditor editor = Editor();
  const std::vector<Near> wanted = {{1, 3}, {1, 3}, {2, 5}, {2, 5}, {3, 3}};
  ASSERT_TRUE(editor.Insert(kNew, 1000, CodeOf(3, 3), {{wanted}}).ok());
  ASSERT_TRUE(editor.Flush().ok());
  Commit();
  EXPECT_EQ(LinksOf(kNew), (std::vector<Slot>{3, 5}));
  std::vector<Slot> after = LinksOf(3);
  ASSERT_FALSE(after.empty());
  EXPECT_EQ(after.back(), kNew);
  after.pop_back();
  EXPECT_EQ(after, before);
}

TEST_F(GraphEditorTest, DoubleLinksOfADamagedNodeHarmNobody) {
  constexpr Slot kBad = kCount;
  const std::vector<Slot> before = LinksOf(3);
  StoreNode(kBad, {3, 3, 5, 3});
  Commit();
  GraphEditor editor = Editor();
  EXPECT_TRUE(*editor.Remove(kBad));
  ASSERT_TRUE(editor.Flush().ok());
  Commit();
  for (const Slot slot : LinksOf(3)) EXPECT_NE(slot, kBad);
  EXPECT_GE(LinksOf(3).size(), before.size());
  EXPECT_LE(LinksOf(3).size(), before.size() + 2);
}

TEST_F(GraphEditorTest, LinksToWhatIsNoSlotAreRefused) {
  constexpr Slot kBad = kCount;
  StoreNode(kBad, {3, kSlotEnd / 8 - 1});
  Commit();
  GraphEditor editor = Editor();
  EXPECT_TRUE(absl::IsDataLoss(editor.Remove(kBad).status()));
  // One that no node may have is wanted: it is left out.
  Begin();
  GraphEditor other = Editor();
  const std::vector<Near> wanted = {{1, 0xffffffff}, {1, kSlotEnd + 1}, {2, 5}};
  ASSERT_TRUE(other.Insert(kCount + 1, 1000, CodeOf(3, 3), {{wanted}}).ok());
  ASSERT_TRUE(other.Flush().ok());
  Commit();
  EXPECT_EQ(LinksOf(kCount + 1), std::vector<Slot>{5});
}

// Above the lowest level M are enough: more are looked at by each descent.
TEST_F(GraphEditorTest, UpperLevelsHaveAtMostMLinks) {
  constexpr uint32_t kM = 4;
  Make(3000, kM);
  size_t nodes = 0, full = 0, more = 0;
  ASSERT_TRUE(
      index_->reader()
          .ForEachNode([&](Slot slot, NodeView node) {
            more += node.link_count(layout()) > kM;
            std::vector<Slot> links;
            for (uint32_t level = 1; level <= node.level(layout()); ++level) {
              EXPECT_TRUE(index_->reader().ReadLinks({&slot, 1}, level, &links).ok());
              EXPECT_LE(links.size(), kM);
              ++nodes;
              full += links.size() == kM;
            }
            return absl::OkStatus();
          })
          .ok());
  EXPECT_GT(nodes, 500u);
  EXPECT_GT(full, 20u);
  EXPECT_GT(more, 100u);
}

}  // namespace
}  // namespace sheaf::vectors
