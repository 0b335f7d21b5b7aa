// Limits, tried on both sides (RELIABILITY R14, B1): sizes of keys, values, names,
// and files past every border at which a number could be too short.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "btree/btree.h"
#include "btree/large_value.h"
#include "pager/coding.h"
#include "pager/page_allocator.h"
#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

using pager::kChunkPages;
using pager::kPageBytes;
using pager::PageHeader;
using pager::PageId;
using pager::PageKind;
using pager::PageRef;

class LimitsTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    if (db_ != nullptr) {
      EXPECT_TRUE(db_->Close().ok());
    }
    db_.reset();
    auto db = OpenSample(fs_.get());
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }
  absl::Status Write(const std::function<absl::Status(Table&)>& fn) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      return fn(table);
    });
  }
  void ExpectClean() {
    auto report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings)
      ADD_FAILURE() << f.page << ": " << f.what;
  }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::unique_ptr<Database> db_;
};

// --- Keys -----------------------------------------------------------------------

TEST_F(LimitsTest, KeySizes) {
  static_assert(kKeyBytesMax == 1024);
  EXPECT_TRUE(
      Write([](Table& t) -> absl::Status {
        for (const size_t size : {0u, 1025u, 5000u, 70000u}) {
          const std::string key(size, 'k');
          EXPECT_TRUE(absl::IsInvalidArgument(t.Put(key, "v"))) << size;
          EXPECT_TRUE(absl::IsInvalidArgument(t.Insert(key, "v")));
          EXPECT_TRUE(absl::IsInvalidArgument(t.Delete(key).status()));
          EXPECT_TRUE(
              absl::IsInvalidArgument(t.PutReserved(key, 1, [](absl::Span<char>) {})));
          EXPECT_TRUE(absl::IsInvalidArgument(
              t.Update(key, [](auto) -> std::optional<std::string> { return "v"; })));
          EXPECT_FALSE(*t.Contains(key));
          EXPECT_FALSE(t.Find(key)->has_value());
        }
        for (const size_t size : {1u, 2u, 3u, 4u, 5u, 1023u, 1024u})
          SHEAF_RETURN_IF_ERROR(t.Put(std::string(size, 'k'), absl::StrCat(size)));
        return absl::OkStatus();
      }).ok());
  Reopen();
  ReadTransaction read = db_->BeginRead();
  TableReader t = *read.table("t");
  EXPECT_EQ(*t.size(), 7u);
  for (const size_t size : {1u, 2u, 3u, 4u, 5u, 1023u, 1024u})
    EXPECT_EQ(t.Get(std::string(size, 'k'))->ToString(), absl::StrCat(size));
  // Ranges may have bounds that no key can be.
  KeyRange range;
  range.from = "";
  range.to = std::string(3000, 'k');
  EXPECT_EQ(*t.Count(range), 7u);
  EXPECT_EQ(*t.Count(KeyRange::Prefix(std::string(1025, 'k'))), 0u);
  Cursor cursor = t.NewCursor();
  EXPECT_TRUE(cursor.SeekAtOrBefore(std::string(2000, 'k')));
  EXPECT_EQ(cursor.key().size(), 1024u);
  EXPECT_TRUE(cursor.Seek(""));
  EXPECT_EQ(cursor.key().size(), 1u);
}

TEST_F(LimitsTest, KeySizesInABatch) {
  for (const size_t size : {0u, 1u, 1024u, 1025u}) {
    WriteBatch batch;
    batch.Put("t", std::string(size, 'k'), "v");
    EXPECT_EQ(db_->Apply(batch).ok(), size == 1 || size == 1024) << size;
    batch.Clear();
    batch.Delete("t", std::string(size, 'k'));
    EXPECT_EQ(db_->Apply(batch).ok(), size == 1 || size == 1024) << size;
  }
}

// Four entries of the longest keys fill a page: split, merge and walk among them.
TEST_F(LimitsTest, LongestKeysEverywhere) {
  const auto key = [](int i) {
    std::string k(1024, static_cast<char>('a' + i % 7));
    k.replace(0, 4, absl::StrCat(1000 + i * 37 % 1000));
    return k;
  };
  for (const size_t value : {0u, 400u, 492u, 493u, 984u, 985u}) {
    EXPECT_TRUE(Write([&](Table& t) -> absl::Status {
                  for (int i = 0; i < 300; ++i)
                    SHEAF_RETURN_IF_ERROR(t.Put(key(i), std::string(value, 'v')));
                  return absl::OkStatus();
                }).ok());
    ExpectClean();
    EXPECT_TRUE(Write([&](Table& t) -> absl::Status {
                  for (int i = 0; i < 300; i += 1 + (value > 400))
                    SHEAF_RETURN_IF_ERROR(t.Delete(key(i)).status());
                  return absl::OkStatus();
                }).ok());
    ExpectClean();
    Reopen();
  }
}

// --- Values ----------------------------------------------------------------------

TEST_F(LimitsTest, ValueSizes) {
  const uint64_t inline_max = btree::kInlineMax, chunk = btree::kChunkBytes;
  ASSERT_EQ(chunk, 65472u);
  std::map<std::string, std::string> expected;
  char fill = 'a';
  for (const size_t key_size : {1u, 100u, 491u, 492u, 493u, 1024u}) {
    std::vector<uint64_t> sizes = {
        0,         1,     4031,      4032,      4033,          8128,         8129,
        chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1, 3 * chunk - 1};
    const uint64_t border = inline_max - std::min<uint64_t>(key_size, inline_max / 2);
    for (const uint64_t size :
         {border - 1, border, border + 1, inline_max, inline_max + 1})
      sizes.push_back(size);
    for (const uint64_t size : sizes) {
      std::string key = absl::StrCat(size, "/");
      key.resize(key_size, 'k');
      if (key_size == 1) key = std::string(1, static_cast<char>(size % 255 + 1));
      expected[key] =
          std::string(size, fill = static_cast<char>(fill == 'z' ? 'a' : fill + 1));
    }
  }
  EXPECT_TRUE(Write([&](Table& t) -> absl::Status {
                for (const auto& [key, value] : expected)
                  SHEAF_RETURN_IF_ERROR(t.Put(key, value));
                return absl::OkStatus();
              }).ok());
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(*ReadContent(db_.get()) == (Content{{"t", expected}}));
    ExpectClean();
    if (round == 0) Reopen();
    // Each takes the size of the one before it.
    std::string before = "first";
    for (auto& [key, value] : expected) value.swap(before);
    EXPECT_TRUE(Write([&](Table& t) -> absl::Status {
                  for (const auto& [key, value] : expected)
                    SHEAF_RETURN_IF_ERROR(t.Put(key, value));
                  return absl::OkStatus();
                }).ok());
  }
  EXPECT_TRUE(
      Write([](Table& t) { return t.DeleteRange(KeyRange::All()).status(); }).ok());
  ExpectClean();
  Reopen();
  EXPECT_LT(db_->stats().pages_live, 12u);
}

TEST_F(LimitsTest, RangesOfValues) {
  const uint64_t chunk = btree::kChunkBytes;
  std::string value(2 * chunk + 100, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 7 + i / 251);
  EXPECT_TRUE(Write([&](Table& t) { return t.Put("v", value); }).ok());
  ReadTransaction read = db_->BeginRead();
  TableReader t = *read.table("t");
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, chunk - 1, chunk, chunk + 1,
                                2 * chunk - 1, 2 * chunk, value.size() - 1, value.size(),
                                value.size() + 1, uint64_t{1} << 40, ~uint64_t{0}}) {
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{2}, size_t{chunk + 2}, value.size()}) {
      std::string out(size, '?');
      auto n = t.ReadRange("v", offset, absl::MakeSpan(out.data(), out.size()));
      ASSERT_TRUE(n.ok()) << n.status();
      const std::string expected =
          offset >= value.size() ? "" : value.substr(offset, size);
      EXPECT_TRUE(out.substr(0, *n) == expected) << offset << "+" << size;
    }
  }
}

// The bytes of a value that is too large are not even looked at: there are none.
TEST_F(LimitsTest, ValuesOf4GiBAreRefused) {
  const uint64_t size = kValueBytesMax + 2;
  void* const nothing =
      mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(nothing, MAP_FAILED);
  const char* const bytes = static_cast<const char*>(nothing);
  for (const uint64_t too_large : {kValueBytesMax + 1, kValueBytesMax + 2}) {
    const std::string_view value(bytes, too_large);
    EXPECT_TRUE(Write([&](Table& t) -> absl::Status {
                  EXPECT_TRUE(absl::IsInvalidArgument(t.Put("k", value)));
                  EXPECT_TRUE(absl::IsInvalidArgument(t.Insert("k", value)));
                  int left = 1;
                  const absl::Status bulk =
                      t.BulkLoad([&](std::string_view* k, std::string_view* v) {
                        *k = "k", *v = value;
                        return left-- > 0;
                      });
                  EXPECT_TRUE(absl::IsInvalidArgument(bulk)) << bulk;
                  return t.Put("small", "v");
                }).ok());
    WriteBatch batch;
    batch.Put("t", "k", value);
    EXPECT_TRUE(absl::IsInvalidArgument(db_->Apply(batch)));
    batch.Clear();
    batch.Put("t", "small", "v");
    EXPECT_TRUE(db_->Apply(batch).ok());
    EXPECT_TRUE(
        Write([](Table& t) { return t.DeleteRange(KeyRange::All()).status(); }).ok());
  }
  munmap(nothing, size);
}

// Either side of what a transaction may put into the log.
TEST_F(LimitsTest, TransactionsThatOutgrowTheLog) {
  db_.reset();
  Options options;
  options.file_system = fs_.get();
  options.background_checkpoints = false;
  options.transaction_log_bytes_max = 64 << 10;
  std::map<std::string, std::string> expected;
  for (int delta = -40; delta <= 40; delta += 4) {
    auto db = Database::Open(kPath, options);
    ASSERT_TRUE(db.ok());
    const std::string value(static_cast<size_t>((64 << 10) + delta), 'v');
    expected[absl::StrCat("k", delta)] = value;
    EXPECT_TRUE((*db)
                    ->Write([&](WriteTransaction& txn) {
                      return txn.table("t")->Put(absl::StrCat("k", delta), value);
                    })
                    .ok());
    EXPECT_TRUE(*ReadContent(db->get()) == (Content{{"t", expected}}));
    // What a crash would leave.
    auto crashed = pager::NewMemoryFileSystem();
    WriteWholeFile(crashed.get(), kPath, ReadWholeFile(fs_.get(), kPath));
    WriteWholeFile(crashed.get(), kLogPath, ReadWholeFile(fs_.get(), kLogPath));
    EXPECT_TRUE(Judge(crashed.get(), kPath, false).content == (Content{{"t", expected}}));
  }
}

// --- Names -----------------------------------------------------------------------

TEST_F(LimitsTest, Names) {
  const std::string longest(255, 'n'), umlauts = absl::StrCat(std::string(253, 'n'), "ü");
  const std::string bad[] = {"",
                             std::string(256, 'n'),
                             "a\nb",
                             "\x7f",
                             std::string("a\0b", 3),
                             "\x80",
                             "\xc0\x80",
                             "\xed\xa0\x80",
                             "\xf5\x80\x80\x80",
                             "abc\xc3",
                             std::string(254, 'n') + "ü"};
  EXPECT_TRUE(
      db_->Write([&](WriteTransaction& txn) -> absl::Status {
           for (const std::string& name : bad) {
             EXPECT_TRUE(absl::IsInvalidArgument(txn.table(name).status())) << name;
             EXPECT_TRUE(absl::IsInvalidArgument(txn.collection(name).status()));
             EXPECT_TRUE(
                 absl::IsInvalidArgument(txn.typed_table(name, "i", "i").status()));
           }
           for (const std::string& name : {std::string("n"), longest, umlauts,
                                           std::string("a b/c.d"), std::string("名前")})
             SHEAF_RETURN_IF_ERROR(txn.table(name)->Put("k", name));
           for (const std::string& name : bad)
             EXPECT_TRUE(absl::IsInvalidArgument(txn.Rename("n", name)));
           EXPECT_TRUE(absl::IsAlreadyExists(txn.Rename("n", longest)));
           EXPECT_TRUE(absl::IsNotFound(txn.Rename("none", "other")));
           return txn.Rename("n", "m");
         })
          .ok());
  for (const std::string& name : bad) {
    WriteBatch batch;
    batch.Put(name, "k", "v");
    EXPECT_TRUE(absl::IsInvalidArgument(db_->Apply(batch)));
    ReadTransaction read = db_->BeginRead();
    EXPECT_FALSE(read.table(name).ok());
  }
  Reopen();
  ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(read.List()->size(), 5u);
  EXPECT_EQ(read.table(longest)->Get("k")->ToString(), longest);
  ExpectClean();
}

TEST_F(LimitsTest, TypeNames) {
  const std::string longest(255, 't'), name(255, 'n');
  EXPECT_TRUE(db_->Write([&](WriteTransaction& txn) -> absl::Status {
                   for (const size_t size : {256u, 1000u, 5000u, 100000u}) {
                     const std::string type(size, 't');
                     absl::Status status = txn.typed_table("x", type, "v").status();
                     EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
                     status = txn.typed_table("x", "k", type).status();
                     EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
                   }
                   return txn.typed_table(name, longest, longest)->Put("k", "v");
                 })
                  .ok());
  Reopen();
  ReadTransaction read = db_->BeginRead();
  EXPECT_TRUE(read.typed_table(name, longest, longest).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(read.typed_table(name, longest, "v").status()));
  EXPECT_EQ(read.List()->size(), 1u);
  ExpectClean();
}

TEST_F(LimitsTest, ManyTables) {
  EXPECT_TRUE(
      db_->Write([&](WriteTransaction& txn) -> absl::Status {
           for (int i = 0; i < 500; ++i)
             SHEAF_RETURN_IF_ERROR(
                 txn.table(absl::StrCat(i, std::string(250, 'n')))->Put("k", "v"));
           return absl::OkStatus();
         })
          .ok());
  ExpectClean();
  Reopen();
  EXPECT_EQ(db_->BeginRead().List()->size(), 500u);
  EXPECT_TRUE(db_->Write([&](WriteTransaction& txn) -> absl::Status {
                   for (int i = 0; i < 500; ++i)
                     SHEAF_RETURN_IF_ERROR(
                         txn.Drop(absl::StrCat(i, std::string(250, 'n'))));
                   return absl::OkStatus();
                 })
                  .ok());
  ExpectClean();
  EXPECT_TRUE(db_->BeginRead().List()->empty());
}

TEST_F(LimitsTest, Ranks) {
  EXPECT_TRUE(Write([](Table& t) -> absl::Status {
                EXPECT_TRUE(absl::IsOutOfRange(t.KeyAt(0).status()));
                SHEAF_RETURN_IF_ERROR(t.Put("k", "v"));
                EXPECT_EQ(*t.KeyAt(0), "k");
                EXPECT_TRUE(absl::IsOutOfRange(t.KeyAt(1).status()));
                EXPECT_TRUE(absl::IsOutOfRange(t.KeyAt(~uint64_t{0}).status()));
                return absl::OkStatus();
              }).ok());
}

// --- Huge files --------------------------------------------------------------------

// A file all of whose pages before `first_free` are in use, by nobody. Two map pages
// say so of any number of chunks.
std::string HugeHead(PageId first_free, uint64_t* pages) {
  const uint64_t chunks = first_free / kChunkPages + 1;
  const uint64_t nodes = (chunks + pager::kIndexEntriesMax - 1) / pager::kIndexEntriesMax;
  constexpr PageId kFull = 2, kPartial = 3, kFirst = 4, kIndex = 16;
  *pages = kIndex + 16 * nodes;
  std::string head(*pages * kPageBytes, '\0');
  const auto map = [&](PageId id, uint64_t begin, uint64_t end) {
    char* const page = head.data() + id * kPageBytes;
    pager::InitPageHeader(page, PageKind::kMap, 1, id, 1);
    for (uint64_t bit = begin; bit < end; ++bit)
      page[PageHeader::kSize + bit / 8] |= static_cast<char>(1 << bit % 8);
    pager::SealPage(page, kPageBytes);
    return PageRef{id, 1, 1, false};
  };
  const PageRef full = map(kFull, 0, kChunkPages);
  const uint64_t rest = first_free % kChunkPages;
  const uint64_t reserved = chunks == 1 ? 2 : 0;  // the superblocks are not in the map
  const PageRef partial = map(kPartial, reserved, rest);
  const PageRef first = map(kFirst, 2, kChunkPages);
  pager::Superblock superblock;
  superblock.sequence = 1;
  superblock.version = 1;
  superblock.next_stamp = 2;
  superblock.page_end = first_free;
  for (uint64_t n = 0; n < nodes; ++n) {
    const PageId id = kIndex + 16 * n;
    char* const page = head.data() + id * kPageBytes;
    pager::InitPageHeader(page, PageKind::kMapIndex, 16, id, 1);
    uint32_t count = 0;
    for (uint64_t c = n * pager::kIndexEntriesMax;
         c < chunks && count < pager::kIndexEntriesMax; ++c, ++count) {
      const bool last = c + 1 == chunks;
      char* const entry = page + PageHeader::kSize + count * 16;
      pager::EncodePageRef(entry, last ? partial : c == 0 ? first : full);
      pager::EncodeFixed32(entry + 12, static_cast<uint32_t>(last     ? rest - reserved
                                                             : c == 0 ? kChunkPages - 2
                                                                      : kChunkPages));
    }
    pager::EncodeFixed32(page + 52, count);
    pager::SealPage(page, 16 * kPageBytes);
    superblock.map.index[n] = PageRef{id, 1, 16, false};
  }
  superblock.map.count = static_cast<uint32_t>(nodes);
  EXPECT_TRUE(pager::EncodeSuperblock(superblock, 0, head.data()).ok());
  EXPECT_TRUE(pager::EncodeSuperblock(superblock, 1, head.data() + kPageBytes).ok());
  return head;
}

class HugeFileTest : public testing::TestWithParam<PageId> {};

TEST_P(HugeFileTest, WritesAndReadsBehindTheBorder) {
  const PageId border = GetParam(), first_free = border - 21;
  auto fs = pager::NewMemoryFileSystem();
  uint64_t head_pages = 0;
  WriteWholeFile(fs.get(), kPath, HugeHead(first_free, &head_pages));
  {
    auto file = fs->Open(kPath, pager::OpenMode::kReadWrite);
    ASSERT_TRUE((*file)->Truncate(first_free * kPageBytes).ok());
  }
  Content expected;
  for (int round = 0; round < 3; ++round) {
    Options options;
    options.file_system = fs.get();
    options.background_checkpoints = false;
    options.cache_bytes_max = 1 << 20;
    auto db = Database::Open(kPath, options);
    ASSERT_TRUE(db.ok()) << db.status();
    if (round > 0) {
      absl::StatusOr<Content> content = ReadContent(db->get());
      ASSERT_TRUE(content.ok()) << content.status();
      EXPECT_TRUE(*content == expected);
      EXPECT_GT((*db)->stats().pages_total, border + 100);
    }
    std::map<std::string, std::string>& model = expected["t"];
    const absl::Status written = (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      for (int i = 0; i < 120; ++i) {
        const std::string key = absl::StrCat("key", i * 7 % 120);
        const size_t sizes[] = {10, 700, 3000, 9000, 30000, 65472, 70000, 150000};
        const std::string value(sizes[static_cast<size_t>(i + round) % 8],
                                static_cast<char>('a' + (i + round) % 26));
        SHEAF_RETURN_IF_ERROR(table.Put(key, value));
        model[key] = value;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(written.ok()) << written;
    absl::StatusOr<Content> content = ReadContent(db->get());
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_TRUE(*content == expected);
    if (round == 1) {
      EXPECT_TRUE((*db)->Checkpoint().ok());
      continue;  // leaves it to the destructor
    }
    const absl::Status closed = (*db)->Close();
    ASSERT_TRUE(closed.ok()) << closed;
  }
  // What was in use before has not been touched.
  uint64_t pages = 0;
  const std::string head = HugeHead(first_free, &pages);
  auto file = fs->Open(kPath, pager::OpenMode::kReadOnly);
  std::string page(3 * kPageBytes, '\0');
  ASSERT_TRUE(
      (*file)->Read(2 * kPageBytes, absl::MakeSpan(page.data(), page.size())).ok());
  EXPECT_TRUE(page.substr(0, kPageBytes) == head.substr(2 * kPageBytes, kPageBytes));
}

INSTANTIATE_TEST_SUITE_P(
    Borders, HugeFileTest,
    testing::Values(kChunkPages, 2 * kChunkPages, PageId{1} << 19, PageId{1} << 20,
                    PageId{1} << 21, PageId{1} << 22,
                    pager::kIndexEntriesMax* kChunkPages, PageId{1} << 31,
                    PageId{1} << 32, (PageId{1} << 32) + (PageId{1} << 22)),
    [](const auto& info) { return absl::StrCat("Page", info.param); });

// The last page there can be, and one more.
TEST(HugeFile, TheLargestThereIs) {
  const PageId end = pager::kMapRootsMax * pager::kIndexEntriesMax * kChunkPages;
  auto fs = pager::NewMemoryFileSystem();
  uint64_t head_pages = 0;
  WriteWholeFile(fs.get(), kPath, HugeHead(end - 60, &head_pages));
  {
    auto file = fs->Open(kPath, pager::OpenMode::kReadWrite);
    ASSERT_TRUE((*file)->Truncate((end - 60) * kPageBytes).ok());
  }
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok()) << db.status();
  absl::Status status;
  for (int i = 0; i < 100 && status.ok(); ++i)
    status = (*db)->Write([&](WriteTransaction& txn) {
      return txn.table("t")->Put(absl::StrCat(i), std::string(3000, 'v'));
    });
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_NE(status.message().find("largest"), std::string::npos) << status;
}

}  // namespace
}  // namespace sheaf::test
