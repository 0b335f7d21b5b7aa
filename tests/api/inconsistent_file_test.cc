// Files that contradict themselves although every checksum is right: what a bug of
// ours or somebody hostile would write (RELIABILITY R9, B8, B9). Check() names the
// contradiction, reading gives errors, and neither reading, checking nor writing
// crashes, hangs or takes much memory.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "btree/large_value.h"
#include "pager/coding.h"
#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

using btree::ChildRef;
using btree::LargeRef;
using btree::Node;
using btree::NodeView;
using catalog::TreeRecord;
using pager::EncodeFixed16;
using pager::EncodeFixed32;
using pager::EncodeFixed48;
using pager::EncodeFixed64;
using pager::kPageBytes;
using pager::PageHeader;
using pager::PageId;
using pager::PageKind;
using pager::PageRef;
using pager::Superblock;

// Every kind of change, and what it says. Stops at the first error of each.
std::vector<absl::Status> WriteAllOver(Database* db) {
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
    return btree::DecodeLargeRef(node(p.leaf).Value(p.slot).bytes.data());
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
    node.Init(level, 0, {});
    for (uint32_t i = 0; i < slots; ++i)
      EXPECT_TRUE(node.InsertChild(i, i == 0 ? "" : absl::StrCat("k", 1000 + i), child));
    editor_.Seal(ref.id);
    return ref;
  }

  PageEditor editor_;
  static Sample* sample_;
};
Sample* InconsistentFileTest::sample_ = nullptr;

// --- Counts and births --------------------------------------------------------

TEST_F(InconsistentFileTest, ChildCountWrong) {
  ChildRef c = child(1);
  ++c.entries;
  editor_.SetChild(root("table").id, 1, c);
  Expect("says", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, ChildCountHuge) {
  ChildRef c = child(1);
  c.entries = (uint64_t{1} << 48) - 1;
  editor_.SetChild(root("table").id, 1, c);
  Expect("says", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, TreeCountWrong) {
  editor_.EditTree("table", [](TreeRecord* r) { r->root.entries += 7; });
  Expect("its record says", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, TreeCountZero) {
  editor_.EditTree("table", [](TreeRecord* r) { r->root.entries = 0; });
  Expect("its record says", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, EmptyTreeWithEntries) {
  editor_.EditTree("empty", [](TreeRecord* r) { r->root.entries = 5; });
  Expect("an empty tree says it has entries", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, TreeForgotten) {
  editor_.EditTree("table", [](TreeRecord* r) { r->root = {}; });
  Expect("leaked", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, BirthWrong) {
  ChildRef c = child(1);
  --c.page.birth;
  editor_.SetChild(root("table").id, 1, c);
  Expect("birth is", Reading::kFails);
  c.page.birth += 2;
  editor_.SetChild(root("table").id, 1, c);
  Expect("younger", Reading::kFails);
}

TEST_F(InconsistentFileTest, BirthInTheFuture) {
  const PageId leaf = child(1).page.id;
  editor_.Edit(leaf, [](char* page) {
    EncodeFixed64(page + PageHeader::kBirth, pager::kStampEnd - 1);
  });
  ChildRef c = child(1);
  c.page.birth = pager::kStampEnd - 1;
  editor_.SetChild(root("table").id, 1, c);
  Expect("", Reading::kMayPass);
}

// --- Shape ----------------------------------------------------------------------

TEST_F(InconsistentFileTest, ChildIsItsOwnAncestor) {
  editor_.SetChild(root("table").id, 1, {root("table"), 1});
  Expect("level", Reading::kFails);
}

TEST_F(InconsistentFileTest, OnlyChildIsItself) {
  const PageRef self = root("table");
  Node node(editor_.page(self.id));
  node.RemoveRange(1, node.count());
  editor_.SetChild(self.id, 0, {self, 1});
  Expect("level", Reading::kFails);
}

TEST_F(InconsistentFileTest, LevelJumps) {
  for (const char level : {2, 15, 16}) {
    editor_ = PageEditor(sample_->file);
    editor_.Edit(root("table").id, [&](char* page) { page[PageHeader::kLevel] = level; });
    Expect("", Reading::kFails);
  }
}

TEST_F(InconsistentFileTest, LevelImpossible) {
  editor_.Edit(root("table").id, [&](char* page) { page[PageHeader::kLevel] = 17; });
  Expect("level is 17", Reading::kFails);
}

TEST_F(InconsistentFileTest, LeafKindOfInnerLevel) {
  EditLeaf([](char* page) { page[PageHeader::kLevel] = 1; });
  Expect("level is 1", Reading::kFails);
}

TEST_F(InconsistentFileTest, TwoParentsOneChild) {
  editor_.SetChild(root("table").id, 2, child(1));
  Expect("belongs to two owners", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, TwoTreesOneRoot) {
  const TreeRecord table = editor_.Tree("table");
  editor_.EditTree("empty", [&](TreeRecord* r) { r->root = table.root; });
  Expect("belongs to two owners", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, TreeInsideTheCatalog) {
  const PageRef catalog = editor_.superblock().catalog_root;
  editor_.EditTree("empty", [&](TreeRecord* r) { r->root = {catalog, 1}; });
  Expect("belongs to two owners", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, ChildrenSwapped) {
  const ChildRef one = child(1), two = child(2);
  editor_.SetChild(root("table").id, 1, two);
  editor_.SetChild(root("table").id, 2, one);
  Expect("outside its parent's bounds", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, LastChildFirst) {
  const uint32_t last = node(root("table").id).count() - 1;
  const ChildRef a = child(0), b = child(last);
  editor_.SetChild(root("table").id, 0, b);
  editor_.SetChild(root("table").id, last, a);
  Expect("outside its parent's bounds", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, ReferencesOutsideTheFile) {
  for (const PageId id :
       {editor_.page_count(), editor_.page_count() + 1000, (PageId{1} << 32) + 3,
        pager::kPageIdEnd - 17, pager::kPageIdEnd - 1, (PageId{1} << 43) - 1}) {
    editor_ = PageEditor(sample_->file);
    ChildRef c = child(1);
    c.page.id = id;
    editor_.SetChild(root("table").id, 1, c);
    Expect("", Reading::kFails);
  }
}

TEST_F(InconsistentFileTest, ReferencesToSuperblocks) {
  for (const PageId id : {0, 1}) {
    editor_ = PageEditor(sample_->file);
    ChildRef c = child(1);
    c.page.id = id;
    editor_.SetChild(root("table").id, 1, c);
    Expect("", Reading::kFails);
  }
}

TEST_F(InconsistentFileTest, RootsOutsideTheFile) {
  for (const PageId id : {editor_.page_count(), (PageId{1} << 32) + 3,
                          pager::kPageIdEnd - 1, (PageId{1} << 43) - 1}) {
    editor_ = PageEditor(sample_->file);
    editor_.EditTree("table", [&](TreeRecord* r) { r->root.page.id = id; });
    Expect("", Reading::kFails);
  }
}

TEST_F(InconsistentFileTest, ChildrenOfEveryWrongKind) {
  const PageRef others[] = {editor_.map_index(), editor_.map_page(), Large("large").page,
                            Large("larger").page, editor_.superblock().catalog_root};
  for (const PageRef& other : others) {
    for (const uint32_t slot : {0, 1, 2}) {
      editor_ = PageEditor(sample_->file);
      editor_.SetChild(root("table").id, slot, {other, 3});
      Expect("", Reading::kMayPass);
    }
    editor_ = PageEditor(sample_->file);
    editor_.EditTree("table", [&](TreeRecord* r) { r->root.page = other; });
    Expect("", Reading::kMayPass);
  }
}

// Sixteen levels, in each a hundred references to the one page below: a walk that
// visits a page each time it is referred to never ends.
TEST_F(InconsistentFileTest, TreeOfOnePathManyTimes) {
  ChildRef below = child(1);
  for (uint32_t level = 1; level <= 15; ++level)
    below = {AppendInner(level, below, 60), below.entries * 60 % 1000000};
  editor_.EditTree("table", [&](TreeRecord* r) { r->root.page = below.page; });
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, editor_.file());
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok()) << db.status();
  absl::StatusOr<CheckReport> report = (*db)->Check();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->ok());
  {
    ReadTransaction read = (*db)->BeginRead();
    TableReader table = *read.table("table");
    EXPECT_TRUE(table.Find(SampleKey(100)).ok());
    uint64_t entries = 0;
    const absl::Status status =
        table.ForEach(KeyRange::All(), [&](auto, auto) { return ++entries < 100000; });
    EXPECT_TRUE(absl::IsDataLoss(status)) << status << " after " << entries;
  }
  for (const absl::Status& status : WriteAllOver(db->get()))
    EXPECT_TRUE(status.ok() || IsDamageCode(status) || absl::IsNotFound(status))
        << status;
}

TEST_F(InconsistentFileTest, EmptyLeafInTheMiddle) {
  const PageId leaf = child(1).page.id;
  editor_.Edit(leaf, [](char* page) {
    Node node(page);
    node.RemoveRange(0, node.count());
  });
  Expect("says", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, LeafOfTwoPages) {
  // It swallows its neighbour in the file.
  const PageRef copy = editor_.AppendCopy(child(1).page);
  (void)editor_.AppendCopy(child(2).page);
  char* const page = editor_.page(copy.id);
  page[PageHeader::kPages] = 2;
  const NodeView node(page);
  const uint32_t heap = node.heap_bytes();
  std::memmove(page + 2 * kPageBytes - heap, page + kPageBytes - heap, heap);
  for (uint32_t i = 0; i < node.count(); ++i)
    EncodeFixed16(const_cast<char*>(node.slot(i)) + 4,
                  static_cast<uint16_t>(node.cell_offset(i) + kPageBytes));
  editor_.Seal(copy.id);
  ChildRef c = child(1);
  const PageRef old = c.page;
  c.page = copy;
  c.page.pages = 2;
  editor_.SetChild(root("table").id, 1, c);
  editor_.SetLive(old.id, false);
  // Whether that is an error or not, nothing may be overrun.
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, editor_.file());
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok()) << db.status();
  for (const absl::Status& status : WriteAllOver(db->get()))
    EXPECT_TRUE(status.ok() || IsDamageCode(status) || absl::IsNotFound(status))
        << status;
}

TEST_F(InconsistentFileTest, OverlappingNodes) {
  ChildRef c = child(1);
  c.page.pages = 2;
  editor_.SetChild(root("table").id, 1, c);
  editor_.Edit(c.page.id, [](char* page) { page[PageHeader::kPages] = 2; });
  Expect("", Reading::kFails);
}

TEST_F(InconsistentFileTest, LeafRefsDenied) {
  const Place p = Find("large");
  const NodeView top = node(root("table").id);
  for (uint32_t i = 0; i < top.count(); ++i) {
    ChildRef c = top.Child(i);
    if (c.page.id != p.leaf) continue;
    EXPECT_TRUE(c.page.leaf_refs);
    c.page.leaf_refs = false;
    editor_.SetChild(root("table").id, i, c);
  }
  Expect("denies", Reading::kMayPass);
}

// --- Inside a node --------------------------------------------------------------

TEST_F(InconsistentFileTest, TwoSlotsOneCell) {
  EditLeaf([](char* page) {
    const NodeView node(page);
    // The bytes add up: what slot 2 no longer uses counts as dead.
    const uint32_t lost = node.cell_size(2), taken = node.cell_size(1);
    EncodeFixed16(const_cast<char*>(node.slot(2)) + 4,
                  static_cast<uint16_t>(node.cell_offset(1)));
    EncodeFixed16(page + NodeView::kDeadBytes,
                  static_cast<uint16_t>(node.dead_bytes() + lost - taken));
  });
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, CellsOverlapByAByte) {
  EditLeaf([](char* page) {
    const NodeView node(page);
    // Slot 3's cell begins inside the value of slot 2's, which is all 'v': a tag
    // of one byte and a value of 59.
    const uint32_t before = node.cell_size(3);
    EncodeFixed16(const_cast<char*>(node.slot(3)) + 4,
                  static_cast<uint16_t>(node.cell_offset(2) + 12));
    const uint32_t after = node.cell_size(3);
    EncodeFixed16(page + NodeView::kDeadBytes,
                  static_cast<uint16_t>(node.dead_bytes() + before - after));
  });
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, SlotsOutOfOrder) {
  for (const auto& [a, b] : {std::pair{1, 2}, {0, 5}, {3, 1}}) {
    editor_ = PageEditor(sample_->file);
    EditLeaf([a = a, b = b](char* page) {
      char* const slots = page + NodeView(page).slots_at();
      std::swap_ranges(slots + a * 8, slots + a * 8 + 8, slots + b * 8);
    });
    Expect("slot", Reading::kMayPass);
  }
}

TEST_F(InconsistentFileTest, TwoEqualKeys) {
  EditLeaf([](char* page) {
    const NodeView node(page);
    char* const slot = const_cast<char*>(node.slot(2));
    std::memcpy(slot, node.slot(1), 4);
    EncodeFixed16(slot + 6, static_cast<uint16_t>(node.suffix_size(1)));
  });
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, NumbersOfANodeImpossible) {
  const std::pair<size_t, uint16_t> edits[] = {
      {NodeView::kSlotCount, 0},       {NodeView::kSlotCount, 1},
      {NodeView::kSlotCount, 0xffff},  {NodeView::kHeapBytes, 0},
      {NodeView::kHeapBytes, 4033},    {NodeView::kHeapBytes, 0xffff},
      {NodeView::kDeadBytes, 1},       {NodeView::kDeadBytes, 0xffff},
      {NodeView::kPrefixSize, 0},      {NodeView::kPrefixSize, 1025},
      {NodeView::kPrefixSize, 0xffff}, {60, 1}};
  for (const auto& [at, value] : edits) {
    editor_ = PageEditor(sample_->file);
    const auto edit = [at = at, value = value](char* page) {
      EncodeFixed16(page + at, value);
    };
    EditLeaf(edit);
    Expect("", Reading::kMayPass);
    editor_ = PageEditor(sample_->file);
    editor_.Edit(root("table").id, edit);
    Expect("", Reading::kMayPass);
  }
}

TEST_F(InconsistentFileTest, SlotFieldsImpossible) {
  for (const uint16_t value : {0, 63, 64, 4095, 0xffff, 1025, 2000}) {
    for (const size_t field : {4u, 6u}) {
      editor_ = PageEditor(sample_->file);
      EditLeaf([&](char* page) {
        EncodeFixed16(const_cast<char*>(NodeView(page).slot(3)) + field, value);
      });
      Expect("", Reading::kMayPass);
    }
  }
}

TEST_F(InconsistentFileTest, FlagsOfATableLeaf) {
  for (const char flags : {1, 2, -1}) {
    editor_ = PageEditor(sample_->file);
    EditLeaf([&](char* page) { page[PageHeader::kFlags] = flags; });
    Expect("", Reading::kMayPass);
  }
}

// --- Large values ---------------------------------------------------------------

TEST_F(InconsistentFileTest, LargeSizesWrong) {
  for (const uint64_t size :
       {uint64_t{0}, uint64_t{1}, uint64_t{65472}, uint64_t{65473}, uint64_t{80001},
        uint64_t{1} << 31, (uint64_t{1} << 32) - 1, uint64_t{1} << 32, uint64_t{1} << 40,
        (uint64_t{1} << 48) - 1}) {
    for (const char* key : {"large", "larger"}) {
      editor_ = PageEditor(sample_->file);
      LargeRef large = Large(key);
      large.size = size;
      SetLarge(key, large);
      Expect("", Reading::kMayPass);
    }
  }
}

// Three pages that claim to be terabytes.
TEST_F(InconsistentFileTest, LargeValueOfOneChunkManyTimes) {
  constexpr uint64_t kRefs = btree::kChunkBytes / PageRef::kEncodedSize;
  const LargeRef larger = Large("larger");
  const PageRef chunk = pager::DecodePageRef(editor_.page(larger.page.id) + 64);
  PageRef below = chunk;
  for (const char level : {1, 2}) {
    PageRef index = editor_.AppendCopy(larger.page);
    for (int i = 1; i < 16; ++i) (void)editor_.AppendCopy(larger.page);
    index.pages = 16;
    index.leaf_refs = true;
    char* const page = editor_.page(index.id);
    page[PageHeader::kPages] = 16;
    page[PageHeader::kLevel] = level;
    EncodeFixed32(page + 52, static_cast<uint32_t>(kRefs));
    for (uint64_t i = 0; i < kRefs; ++i) pager::EncodePageRef(page + 64 + i * 12, below);
    editor_.Seal(index.id);
    below = index;
    editor_.EditSuperblock([&](Superblock* s) { s->page_end = editor_.page_count(); });
    for (const uint64_t size :
         {(uint64_t{1} << 32) - 1, kRefs * btree::kChunkBytes,
          std::min(kRefs * kRefs * btree::kChunkBytes, (uint64_t{1} << 48) - 1)}) {
      const PageEditor before = editor_;
      SetLarge("larger", {index, size});
      Expect("", Reading::kMayPass);
      editor_ = before;
    }
  }
}

TEST_F(InconsistentFileTest, ChunksOfALargeValue) {
  const LargeRef larger = Large("larger");
  char* const index = editor_.page(larger.page.id);
  const PageRef first = pager::DecodePageRef(index + 64);
  const PageRef second = pager::DecodePageRef(index + 64 + 12);
  const PageEditor before = editor_;
  const auto put = [&](size_t slot, const PageRef& ref) {
    editor_ = before;
    editor_.Edit(larger.page.id,
                 [&](char* page) { pager::EncodePageRef(page + 64 + slot * 12, ref); });
  };
  put(1, first);
  Expect("", Reading::kMayPass);
  put(0, second);
  Expect("", Reading::kFails);
  put(0, child(1).page);
  Expect("", Reading::kFails);
  put(0, larger.page);
  Expect("", Reading::kFails);
  PageRef outside = first;
  outside.id = editor_.page_count() + 1;
  put(1, outside);
  Expect("", Reading::kFails);
  // A chunk in the middle that is not full.
  editor_ = before;
  editor_.Edit(first.id, [](char* page) { EncodeFixed32(page + 52, 65000); });
  Expect("", Reading::kFails);
  for (const uint32_t count : {0u, 1u, 3u, 0xffffffffu}) {
    editor_ = before;
    editor_.Edit(larger.page.id, [&](char* page) { EncodeFixed32(page + 52, count); });
    Expect("", Reading::kMayPass);
  }
  for (const char level : {0, 2, 3}) {
    editor_ = before;
    editor_.Edit(larger.page.id, [&](char* page) { page[PageHeader::kLevel] = level; });
    Expect("", Reading::kFails);
  }
}

TEST_F(InconsistentFileTest, TwoKeysOneLargeValue) {
  SetLarge("larger", Large("large"));
  Expect("belongs to two owners", Reading::kMayPass);
}

// --- The catalog ----------------------------------------------------------------

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

// --- The page map ---------------------------------------------------------------

TEST_F(InconsistentFileTest, MapLeaks) {
  PageId free = 2;
  while (editor_.IsLive(free)) ++free;
  editor_.SetLive(free, true);
  Expect("leaked", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, MapCallsUsedPagesFree) {
  for (const PageId id : editor_.LivePages()) {
    editor_ = PageEditor(sample_->file);
    editor_.SetLive(id, false);
    Expect("free by the page map", Reading::kMayPass);
  }
}

TEST_F(InconsistentFileTest, MapCallsEverythingFree) {
  for (const PageId id : editor_.LivePages()) editor_.SetLive(id, false);
  Expect("free by the page map", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, MapMarksPagesBehindTheEnd) {
  editor_.SetLive(editor_.page_count(), true);
  editor_.SetLive(pager::kChunkPages - 1, true);
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, MapMarksSuperblocks) {
  for (const PageId id : {0, 1}) {
    editor_ = PageEditor(sample_->file);
    editor_.SetLive(id, true);
    Expect("", Reading::kMayPass);
  }
}

TEST_F(InconsistentFileTest, MapCountsWrong) {
  for (const uint32_t count : {0u, 1u, 31u, 40000u, 0xffffffffu}) {
    SCOPED_TRACE(count);
    editor_ = PageEditor(sample_->file);
    editor_.Edit(editor_.map_index().id,
                 [&](char* page) { EncodeFixed32(page + 64 + 12, count); });
    Expect("", Reading::kMayPass);
  }
  for (const uint32_t count : {0u, 253u, 0xffffffffu}) {  // 252 fit
    SCOPED_TRACE(count);
    editor_ = PageEditor(sample_->file);
    editor_.Edit(editor_.map_index().id,
                 [&](char* page) { EncodeFixed32(page + 52, count); });
    Expect("", Reading::kMayPass);
  }
}

TEST_F(InconsistentFileTest, MapReferencesWrong) {
  const PageRef others[] = {{},
                            root("table"),
                            editor_.map_index(),
                            {editor_.page_count(), 5, 1, false},
                            {(PageId{1} << 43) - 1, 5, 16, false}};
  for (const PageRef& other : others) {
    editor_ = PageEditor(sample_->file);
    editor_.Edit(editor_.map_index().id,
                 [&](char* page) { pager::EncodePageRef(page + 64, other); });
    Expect("", Reading::kMayPass);
    editor_ = PageEditor(sample_->file);
    editor_.EditSuperblock([&](Superblock* s) { s->map.index[0] = other; });
    Expect("", Reading::kMayPass);
  }
}

TEST_F(InconsistentFileTest, MapMissing) {
  editor_.EditSuperblock([&](Superblock* s) { s->map.count = 0; });
  Expect("free by the page map", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, MapTwice) {
  editor_.EditSuperblock([&](Superblock* s) {
    s->map.count = 2;
    s->map.index[1] = s->map.index[0];
  });
  Expect("", Reading::kMayPass);
}

// --- The superblock -------------------------------------------------------------

TEST_F(InconsistentFileTest, StampsTooSmall) {
  // Later commits would reuse stamps that pages have.
  editor_.EditSuperblock([&](Superblock* s) { s->version = 1, s->next_stamp = 2; });
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, EndTooSmall) {
  editor_.EditSuperblock([&](Superblock* s) { s->page_end = 5; });
  Expect("", Reading::kMayPass);
}

TEST_F(InconsistentFileTest, LogNamedButThereIsNone) {
  editor_.EditSuperblock([&](Superblock* s) { s->log_id = 7; });
  Expect("is missing", Reading::kMayPass);
}

}  // namespace
}  // namespace sheaf::test
