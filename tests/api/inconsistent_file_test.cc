// Files that contradict themselves although every checksum is right: what a bug of
// ours or somebody hostile would write (RELIABILITY R9, B8, B9). Check() names the
// contradiction, reading gives errors, and neither reading, checking nor writing
// crashes, hangs or takes much memory.
#include <gtest/gtest.h>

#include <cstring>

#include "pager/coding.h"
#include "tests/api/inconsistent_file_util.h"

namespace sheaf::test {
namespace {

using catalog::TreeRecord;
using pager::EncodeFixed16;
using pager::EncodeFixed32;
using pager::EncodeFixed64;
using pager::kPageBytes;
using pager::PageHeader;
using pager::Superblock;

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
      large.in_pages = size;
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
