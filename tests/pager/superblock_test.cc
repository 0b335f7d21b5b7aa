// The superblock to bytes and back: every field survives, every single flipped bit
// is noticed, and every field is doubted by itself (RELIABILITY R7, B15).
#include "pager/superblock.h"

#include <gtest/gtest.h>

#include <cstring>

#include "pager/coding.h"

namespace sheaf::pager {
namespace {

Superblock Example() {
  Superblock s;
  for (size_t i = 0; i < s.database_id.size(); ++i)
    s.database_id[i] = static_cast<uint8_t>(i * 17);
  s.sequence = 0x1122334455667788;
  s.version = 1000;
  s.next_stamp = 1001;
  s.page_end = (PageId{1} << 33) + 5;
  s.next_tree_id = 77;
  s.catalog_root = {(PageId{1} << 32) + 3, 999, 2, true};
  s.log_id = 0xfedcba9876543210;
  s.log = {0x0102030405060708, 0xdeadbeef};
  s.map.count = kMapRootsMax;
  for (uint32_t i = 0; i < kMapRootsMax; ++i)
    s.map.index[i] = {100 + i * 16, 900 + i, 16, false};
  return s;
}

std::string Encoded(const Superblock& s, PageId id) {
  std::string page(kPageBytes, '\xaa');
  EXPECT_TRUE(EncodeSuperblock(s, id, page.data()).ok());
  return page;
}

TEST(Superblock, EveryFieldSurvives) {
  const Superblock s = Example();
  for (const PageId id : {0, 1}) {
    const std::string page = Encoded(s, id);
    const absl::StatusOr<Superblock> d = DecodeSuperblock(page.data(), id);
    ASSERT_TRUE(d.ok()) << d.status();
    EXPECT_EQ(d->database_id, s.database_id);
    EXPECT_EQ(d->sequence, s.sequence);
    EXPECT_EQ(d->version, s.version);
    EXPECT_EQ(d->next_stamp, s.next_stamp);
    EXPECT_EQ(d->page_end, s.page_end);
    EXPECT_EQ(d->next_tree_id, s.next_tree_id);
    EXPECT_EQ(d->catalog_root, s.catalog_root);
    EXPECT_EQ(d->log_id, s.log_id);
    EXPECT_EQ(d->log.lsn, s.log.lsn);
    EXPECT_EQ(d->log.chain, s.log.chain);
    ASSERT_EQ(d->map.count, s.map.count);
    for (uint32_t i = 0; i < s.map.count; ++i) EXPECT_EQ(d->map.index[i], s.map.index[i]);
    // Whose place it is, it says itself.
    EXPECT_FALSE(DecodeSuperblock(page.data(), 1 - id).ok());
  }
}

TEST(Superblock, NothingUninitialisedReachesTheFile) {
  std::string a(kPageBytes, '\x00'), b(kPageBytes, '\xff');
  EXPECT_TRUE(EncodeSuperblock(Superblock(), 0, a.data()).ok());
  EXPECT_TRUE(EncodeSuperblock(Superblock(), 0, b.data()).ok());
  EXPECT_TRUE(a == b);
}

TEST(Superblock, EveryFlippedBitIsNoticed) {
  std::string page = Encoded(Example(), 1);
  for (size_t bit = 0; bit < kPageBytes * 8; ++bit) {
    page[bit / 8] = static_cast<char>(page[bit / 8] ^ 1 << bit % 8);
    ASSERT_FALSE(DecodeSuperblock(page.data(), 1).ok()) << bit;
    page[bit / 8] = static_cast<char>(page[bit / 8] ^ 1 << bit % 8);
  }
}

TEST(Superblock, EveryFieldIsDoubted) {
  const auto decode = [](const std::function<void(Superblock*)>& edit) {
    Superblock s = Example();
    edit(&s);
    return DecodeSuperblock(Encoded(s, 0).data(), 0).status();
  };
  EXPECT_TRUE(decode([](Superblock*) {}).ok());
  EXPECT_TRUE(decode([](Superblock* s) { s->page_end = kPageIdEnd; }).ok());
  EXPECT_TRUE(decode([](Superblock* s) { s->catalog_root = {}; }).ok());
  EXPECT_TRUE(decode([](Superblock* s) { s->next_stamp = kStampEnd - 1; }).ok());
  for (const absl::Status& status :
       {decode([](Superblock* s) { s->page_end = kPageIdEnd + 1; }),
        decode([](Superblock* s) { s->page_end = 1, s->catalog_root = {}; }),
        decode([](Superblock* s) { s->next_stamp = kStampEnd; }),
        decode([](Superblock* s) { s->next_stamp = s->version; }),
        decode([](Superblock* s) { s->catalog_root.id = s->page_end; }),
        decode([](Superblock* s) { s->catalog_root.id = s->page_end - 1; }),
        decode([](Superblock* s) { s->log.lsn = 4; }),
        decode([](Superblock* s) { s->log.lsn = uint64_t{1} << 62; }),
        decode([](Superblock* s) { s->catalog_root.birth = s->version + 1; })})
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST(Superblock, DescribesItself) {
  const std::string page = Encoded(Example(), 0);
  const std::string text = DescribeSuperblock(page.data());
  EXPECT_NE(text.find("\"next_tree_id\":77"), std::string::npos) << text;
  EXPECT_EQ(DescribeSuperblock(std::string(kPageBytes, 'x').data()), "");
}

}  // namespace
}  // namespace sheaf::pager
