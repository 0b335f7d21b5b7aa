// Files whose catalog contradicts itself although every checksum is right (see
// inconsistent_file_test.cc).
#include <gtest/gtest.h>

#include <cstring>

#include "pager/coding.h"
#include "tests/api/inconsistent_file_util.h"

namespace sheaf::test {
namespace {

using catalog::TreeRecord;
using pager::PageHeader;
using pager::Superblock;

class InconsistentCatalogTest : public InconsistentFileTest {
 protected:
  void EditCatalog(const std::function<void(Node)>& edit) {
    editor_.Edit(editor_.superblock().catalog_root.id,
                 [&](char* page) { edit(Node(page)); });
  }
  static uint32_t Slot(const Node& node, const std::string& key) {
    const NodeView::Position at = node.LowerBound(key);
    EXPECT_TRUE(at.exact) << key;
    return at.index;
  }
};

TEST_F(InconsistentCatalogTest, NameWithoutTree) {
  const auto id = editor_.Tree("empty").id;
  EditCatalog([&](Node node) { node.Remove(Slot(node, catalog::TreeKey(id))); });
  Expect("name", Reading::kMayPass);
}

TEST_F(InconsistentCatalogTest, TreeWithoutName) {
  EditCatalog([&](Node node) { node.Remove(Slot(node, catalog::NameKey("table"))); });
  Expect("does not lead to its tree", Reading::kMayPass);
}

TEST_F(InconsistentCatalogTest, NameOfAnotherTree) {
  const auto id = editor_.Tree("notes").id;
  EditCatalog([&](Node node) {
    const uint32_t slot = Slot(node, catalog::NameKey("table"));
    EXPECT_TRUE(
        node.Replace(slot, {catalog::NameKey("table"), catalog::EncodeNameEntry(id)}));
  });
  Expect("does not lead to its tree", Reading::kMayPass);
}

TEST_F(InconsistentCatalogTest, NameOfANumberNeverGivenOut) {
  EditCatalog([&](Node node) {
    const uint32_t slot = Slot(node, catalog::NameKey("table"));
    EXPECT_TRUE(
        node.Replace(slot, {catalog::NameKey("table"), catalog::EncodeNameEntry(99)}));
  });
  Expect("does not lead to its tree", Reading::kFails);
}

TEST_F(InconsistentCatalogTest, TreeIdNeverGivenOut) {
  editor_.EditSuperblock([](Superblock* s) { s->next_tree_id = 1; });
  Expect("was never given out", Reading::kMayPass);
}

TEST_F(InconsistentCatalogTest, KeysOfNoKind) {
  EditCatalog([&](Node node) {
    EXPECT_TRUE(node.Insert(0, {"a", catalog::EncodeNameEntry(1)}));
  });
  Expect("", Reading::kMayPass);
  editor_ = PageEditor(sample_->file);
  EditCatalog([&](Node node) {
    EXPECT_TRUE(node.Insert(node.count(), {"z", catalog::EncodeNameEntry(1)}));
  });
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentCatalogTest, RecordsMalformed) {
  const TreeRecord record = editor_.Tree("empty");
  const std::string key = catalog::TreeKey(record.id);
  const std::string good = catalog::EncodeTreeRecord(record);
  const auto with = [&](size_t at, char byte) {
    std::string value = good;
    value[at] = byte;
    return value;
  };
  for (const std::string& value :
       {good.substr(0, 12), good.substr(0, 27), good.substr(0, 28), good + "x",
        with(18, 0), with(18, 3), with(18, -1), with(19, 1), with(28, -1),
        with(28, 127)}) {
    editor_ = PageEditor(sample_->file);
    EditCatalog([&](Node node) {
      EXPECT_TRUE(node.Replace(Slot(node, key), {key, value}));
    });
    Expect("", Reading::kMayPass);
  }
}

TEST_F(InconsistentCatalogTest, NamesNobodyCouldHaveGiven) {
  TreeRecord record = editor_.Tree("empty");
  const std::string key = catalog::TreeKey(record.id);
  for (const std::string& name :
       {std::string(), std::string("a\0b", 3), std::string(300, 'n')}) {
    editor_ = PageEditor(sample_->file);
    record.name = name;
    EditCatalog([&](Node node) {
      node.Remove(Slot(node, catalog::NameKey("empty")));
      EXPECT_TRUE(
          node.Replace(Slot(node, key), {key, catalog::EncodeTreeRecord(record)}));
      const std::string name_key = catalog::NameKey(name);
      EXPECT_TRUE(node.Insert(node.LowerBound(name_key).index,
                              {name_key, catalog::EncodeNameEntry(record.id)}));
    });
    Expect("", Reading::kMayPass);
  }
}

TEST_F(InconsistentCatalogTest, LeafWithoutItsFlag) {
  // Without it nothing has looked at the references in the values.
  for (const PageId id : {PageId{99999}, pager::kPageIdEnd - 1, (PageId{1} << 43) - 1}) {
    editor_ = PageEditor(sample_->file);
    editor_.EditTree("table", [&](TreeRecord* r) { r->root.page.id = id; });
    EditCatalog(
        [&](Node node) { const_cast<char*>(node.page())[PageHeader::kFlags] = 0; });
    Expect("", Reading::kFails);
  }
}

TEST_F(InconsistentCatalogTest, RootIsATable) {
  const PageRef table = root("table");
  editor_.EditSuperblock([&](Superblock* s) { s->catalog_root = table; });
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentCatalogTest, RootIsNoTree) {
  const PageRef others[] = {editor_.map_index(),
                            editor_.map_page(),
                            Large("large").page,
                            {editor_.page_count() - 1, 5, 1, false},
                            {editor_.page_count(), 5, 1, false}};
  for (const PageRef& other : others) {
    editor_ = PageEditor(sample_->file);
    editor_.EditSuperblock([&](Superblock* s) { s->catalog_root = other; });
    Expect("", Reading::kMayPass);
  }
}

TEST_F(InconsistentCatalogTest, Forgotten) {
  editor_.EditSuperblock([&](Superblock* s) { s->catalog_root = {}; });
  Expect("leaked", Reading::kMayPass);
}

TEST_F(InconsistentCatalogTest, CounterAtItsEnd) {
  editor_.EditTree("notes", [](TreeRecord* r) { r->counter = ~uint64_t{0}; });
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, editor_.file());
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok());
  const absl::Status status = (*db)->Write([](WriteTransaction& txn) {
    return txn.collection("notes")->Append("1").status();
  });
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

TEST_F(InconsistentCatalogTest, DocumentsThatAreNone) {
  const PageId leaf = root("notes").id;
  ASSERT_TRUE(node(leaf).is_leaf());
  editor_.Edit(leaf, [](char* page) {
    Node node(page);
    const std::string key = node.Key(0);
    EXPECT_TRUE(node.Replace(0, {key, "\xff\xff"}));
  });
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, editor_.file());
  const Verdict v = Judge(fs.get(), kPath, true);
  EXPECT_TRUE(!v.read.ok() && IsDamageCode(v.read)) << v.ToString();
}

}  // namespace
}  // namespace sheaf::test
