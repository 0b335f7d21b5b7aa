// The fixture of the tests of files that contradict themselves although every
// checksum is right.
#ifndef TESTS_API_INCONSISTENT_FILE_UTIL_H_
#define TESTS_API_INCONSISTENT_FILE_UTIL_H_

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "btree/large_value.h"
#include "btree/node.h"
#include "tests/api/damage_util.h"

namespace sheaf::test {

using btree::ChildRef;
using btree::LargeRef;
using btree::Node;
using btree::NodeView;
using pager::PageId;
using pager::PageRef;

// Every kind of change, and what it says. Stops at the first error of each.
inline std::vector<absl::Status> WriteAllOver(Database* db) {
  const auto write = [&](std::function<absl::Status(WriteTransaction&)> fn) {
    return db->Write([&](WriteTransaction& txn) { return fn(txn); });
  };
  std::vector<absl::Status> all;
  all.push_back(AddSomething(db));
  all.push_back(write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("table"));
    for (int i = 0; i < 240; ++i)
      SHEAF_RETURN_IF_ERROR(table.Put(SampleKey(i) + "x", std::string(200, 'x')));
    return absl::OkStatus();
  }));
  all.push_back(write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("table"));
    for (int i = 0; i < 240; i += 2)
      SHEAF_RETURN_IF_ERROR(table.Delete(SampleKey(i)).status());
    SHEAF_RETURN_IF_ERROR(table.Delete("large").status());
    return table.Delete("larger").status();
  }));
  all.push_back(db->Checkpoint());
  all.push_back(DeleteSomething(db));
  all.push_back(write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("table"));
    return table.DeleteRange(KeyRange::All()).status();
  }));
  all.push_back(db->Checkpoint());
  all.push_back(write([](WriteTransaction& txn) { return txn.Drop("table"); }));
  all.push_back(write([](WriteTransaction& txn) { return txn.Rename("empty", "full"); }));
  all.push_back(write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("fresh"));
    for (int i = 0; i < 300; ++i)
      SHEAF_RETURN_IF_ERROR(table.Put(SampleKey(i), std::string(300, 'y')));
    return table.Put("large", std::string(30000, 'y'));
  }));
  all.push_back(db->Close());
  return all;
}

class InconsistentFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { sample_ = new Sample(MakeSample()); }
  static void TearDownTestSuite() { delete sample_; }

  InconsistentFileTest() : editor_(sample_->file) {}

  enum class Reading { kFails, kMayPass };
  // `finding`: part of what Check() or Open must say; may be empty.
  void Expect(std::string_view finding, Reading reading) {
    if (editor_.file() == sample_->file) return;  // it said so already
    const auto begin = std::chrono::steady_clock::now();
    auto fs = pager::NewMemoryFileSystem();
    WriteWholeFile(fs.get(), kPath, editor_.file());
    const Verdict v = Judge(fs.get(), kPath, /*read_only=*/true);
    EXPECT_TRUE(v.open.ok() || IsDamageCode(v.open)) << v.open;
    EXPECT_TRUE(v.noticed()) << "not noticed\n" << v.ToString();
    EXPECT_NE(v.ToString().find(finding), std::string::npos) << v.ToString();
    if (v.open.ok() && reading == Reading::kFails) {
      EXPECT_TRUE(absl::IsDataLoss(v.read)) << v.ToString();
    }
    EXPECT_TRUE(ReadWholeFile(fs.get(), kPath) == editor_.file());
    auto db = OpenSample(fs.get());
    if (db.ok()) {
      for (const absl::Status& status : WriteAllOver(db->get()))
        EXPECT_TRUE(status.ok() || IsDamageCode(status) || absl::IsNotFound(status))
            << status;
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took, std::chrono::seconds(20));
  }

  PageRef root(std::string_view tree) { return editor_.Tree(tree).root.page; }
  NodeView node(PageId id) { return NodeView(editor_.page(id)); }
  ChildRef child(uint32_t slot) { return node(root("table").id).Child(slot); }
  // The slot of a key in the table: its leaf and place.
  struct Place {
    PageId leaf;
    uint32_t slot;
  };
  Place Find(std::string_view key) {
    PageId id = root("table").id;
    while (!node(id).is_leaf()) id = node(id).ChildPage(node(id).ChildIndex(key)).id;
    const NodeView::Position at = node(id).LowerBound(key);
    EXPECT_TRUE(at.exact);
    return {id, at.index};
  }
  LargeRef Large(std::string_view key) {
    const Place p = Find(key);
    return btree::DecodeLargeRef(node(p.leaf).Value(p.slot).bytes);
  }
  void SetLarge(std::string_view key, const LargeRef& large) {
    const Place p = Find(key);
    btree::EncodeLargeRef(editor_.CellBody(p.leaf, p.slot), large);
    editor_.Seal(p.leaf);
  }
  void EditLeaf(const std::function<void(char*)>& edit) {
    editor_.Edit(Find(SampleKey(100)).leaf, edit);
  }
  // An inner page at the end of the file, all of whose slots are `child`.
  PageRef AppendInner(uint32_t level, const ChildRef& child, uint32_t slots) {
    const PageRef ref = editor_.AppendCopy(root("table"));
    Node node(editor_.page(ref.id));
    node.Init(level, btree::Values::kPlain, {});
    for (uint32_t i = 0; i < slots; ++i)
      EXPECT_TRUE(node.InsertChild(i, i == 0 ? "" : absl::StrCat("k", 1000 + i), child));
    editor_.Seal(ref.id);
    return ref;
  }

  PageEditor editor_;
  inline static Sample* sample_ = nullptr;
};

}  // namespace sheaf::test
#endif  // TESTS_API_INCONSISTENT_FILE_UTIL_H_
