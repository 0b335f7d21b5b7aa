// Values written as streams, against the same bytes in memory: pieces of any size, at each
// border of their shape; gone on with, overwritten, given up, rolled back; read through
// memory and past it (RELIABILITY R9, R14).
#include "btree/large_writer.h"

#include <random>
#include <utility>

#include "btree/large_reader.h"
#include "btree/large_value.h"
#include "pager/status_macros.h"
#include "tests/btree/tree_test_util.h"

namespace sheaf::btree {
namespace {

constexpr uint64_t kPayload = 4032;                // of a chunk
constexpr uint64_t kIndexBytes = 5456 * kPayload;  // that one page of the index lists

std::string RandomBytes(size_t size, std::mt19937_64* random) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>((*random)() >> 11);
  return bytes;
}

// In pieces of up to `piece_max`.
absl::Status AppendAll(LargeWriter* writer, std::string_view bytes, size_t piece_max,
                       std::mt19937_64* random) {
  while (!bytes.empty()) {
    const size_t n = std::min<size_t>(bytes.size(), (*random)() % piece_max + 1);
    SHEAF_RETURN_IF_ERROR(writer->Append(bytes.substr(0, n)));
    bytes.remove_prefix(n);
  }
  return absl::OkStatus();
}

LargeRef Write(TestTree* t, std::string_view bytes, size_t piece_max,
               std::mt19937_64* random) {
  LargeWriter writer(&t->writer());
  const absl::Status status = AppendAll(&writer, bytes, piece_max, random);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(writer.size(), bytes.size());
  absl::StatusOr<LargeRef> ref = writer.Finish();
  EXPECT_TRUE(ref.ok()) << ref.status();
  return ref.value_or(LargeRef{});
}

// The value, whole and in ranges; and its pages are all that are in use.
void ExpectIs(TestTree* t, const LargeRef& ref, const std::string& bytes,
              std::mt19937_64* random) {
  ASSERT_EQ(ref.size(), bytes.size());
  std::string out(bytes.size(), '?');
  LargeReader reader(&t->pager(), ref);
  const auto read = [&](uint64_t offset, uint64_t n) {
    out.assign(n, '?');
    const absl::Status status = reader.Read(offset, absl::MakeSpan(out.data(), n));
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(out == bytes.substr(offset, n)) << offset << "+" << n;
  };
  read(0, bytes.size());
  for (int i = 0; i < 40; ++i) {
    const uint64_t offset = (*random)() % bytes.size();
    read(offset,
         (*random)() %
             (std::min<uint64_t>(bytes.size() - offset, i % 4 == 0 ? 900000 : 9000) + 1));
  }
  read(bytes.size() - 1, 1);
  char byte;
  EXPECT_TRUE(absl::IsDataLoss(reader.Read(bytes.size(), absl::MakeSpan(&byte, 1))));
  EXPECT_TRUE(CheckChunks(&t->pager(), ref).ok());
  uint64_t pages = 0;
  ASSERT_TRUE(WalkLarge(&t->pager(), ref, [&](const PageRef& page) {
                pages += page.pages;
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(t->PagesInUse(), pages);
}

TEST(LargeWriter, EverySizeComesBack) {
  std::mt19937_64 random(1);
  for (const uint64_t size :
       {kStreamedSizeMin, 17 * kPayload, 17 * kPayload + 1, 64 * kPayload - 1,
        64 * kPayload, 64 * kPayload + 1, uint64_t{1} << 20, kIndexBytes - 1, kIndexBytes,
        kIndexBytes + 1, kIndexBytes + 100 * kPayload + 7}) {
    SCOPED_TRACE(size);
    TestTree t(pager::BufferManager::kBytesMin);
    const std::string bytes = RandomBytes(size, &random);
    const LargeRef ref = Write(&t, bytes, size > 5000000 ? 1000000 : 70000, &random);
    t.Commit();
    ExpectIs(&t, ref, bytes, &random);
    ASSERT_TRUE(GiveUpLarge(&t.writer(), ref).ok());
    t.Commit();
    EXPECT_EQ(t.PagesInUse(), 0u);
  }
}

// A value that is changed in all ways, transaction after transaction: each leaves exactly
// its own pages, and the one before is whole until the commit.
TEST(LargeWriter, GoesOnAndIsOverwritten) {
  std::mt19937_64 random(2);
  for (const uint64_t cache : {pager::BufferManager::kBytesMin, uint64_t{16} << 20}) {
    TestTree t(cache);
    std::string bytes = RandomBytes(100000, &random);
    LargeRef ref = Write(&t, bytes, 5000, &random);
    t.Commit();
    for (int round = 0; round < 60; ++round) {
      SCOPED_TRACE(round);
      std::string next = bytes;
      LargeRef changed;
      if (random() % 2 == 0) {
        const std::string more =
            RandomBytes(random() % (round % 20 == 7 ? 9000000 : 50000), &random);
        LargeWriter writer(&t.writer());
        ASSERT_TRUE(writer.Continue(ref).ok());
        ASSERT_TRUE(AppendAll(&writer, more, 30000, &random).ok());
        changed = *writer.Finish();
        next += more;
      } else {
        const uint64_t offset = random() % bytes.size();
        const uint64_t n =
            random() % (std::min<uint64_t>(bytes.size() - offset,
                                           round % 20 == 8 ? 2000000 : 20000) +
                        1);
        const std::string over = RandomBytes(n, &random);
        absl::StatusOr<LargeRef> made = OverwriteLarge(&t.writer(), ref, offset, over);
        ASSERT_TRUE(made.ok()) << made.status();
        changed = *made;
        next.replace(offset, n, over);
      }
      std::string before(bytes.size(), '?');
      ASSERT_TRUE(
          ReadLarge(&t.pager(), ref, 0, absl::MakeSpan(before.data(), before.size()))
              .ok());
      EXPECT_TRUE(before == bytes);
      if (random() % 4 == 0) {
        t.Rollback();
      } else {
        t.Commit();
        ref = changed;
        bytes.swap(next);
      }
      ExpectIs(&t, ref, bytes, &random);
    }
  }
}

TEST(LargeWriter, AbortAndRollbackLeaveNothing) {
  std::mt19937_64 random(3);
  TestTree t(pager::BufferManager::kBytesMin);
  const std::string bytes = RandomBytes(kIndexBytes + 300000, &random);
  {
    LargeWriter writer(&t.writer());
    ASSERT_TRUE(writer.Append(bytes).ok());
    EXPECT_GT(t.PagesInUse(), 5000u);
  }
  t.Commit();
  EXPECT_EQ(t.PagesInUse(), 0u);
  {
    LargeWriter writer(&t.writer());
    ASSERT_TRUE(writer.Append(bytes).ok());
    t.Rollback();
    EXPECT_EQ(t.PagesInUse(), 0u);
    EXPECT_TRUE(absl::IsFailedPrecondition(writer.Append("x")));
    EXPECT_TRUE(absl::IsFailedPrecondition(writer.Finish().status()));
  }
  t.Commit();
  EXPECT_EQ(t.PagesInUse(), 0u);
  // An abandoned continuation leaves the value as it was.
  const std::string old = RandomBytes(400001, &random);
  const LargeRef ref = Write(&t, old, 100000, &random);
  t.Commit();
  {
    LargeWriter writer(&t.writer());
    ASSERT_TRUE(writer.Continue(ref).ok());
    ASSERT_TRUE(writer.Append(bytes).ok());
  }
  t.Commit();
  ExpectIs(&t, ref, old, &random);
}

// A savepoint between two parts of a stream: what came after it goes at the rollback, the
// rest when the writer does.
TEST(LargeWriter, ARollbackToASavepointEndsIt) {
  std::mt19937_64 random(4);
  TestTree t(pager::BufferManager::kBytesMin);
  const std::string bytes = RandomBytes(1000000, &random);
  const pager::PageWriter::Mark begin = t.writer().SetMark();
  {
    LargeWriter writer(&t.writer());
    ASSERT_TRUE(writer.Append(bytes).ok());
    const uint64_t pages = t.PagesInUse();
    const pager::PageWriter::Mark mark = t.writer().SetMark();
    t.writer().NewStamp(t.writer().stamp() + 1);
    ASSERT_TRUE(writer.Append(bytes).ok());
    EXPECT_GT(t.PagesInUse(), pages);
    t.writer().RollbackTo(mark);
    t.writer().NewStamp(t.writer().stamp() + 1);
    EXPECT_EQ(t.PagesInUse(), pages);
    EXPECT_TRUE(absl::IsFailedPrecondition(writer.Append(bytes)));
  }
  EXPECT_GT(t.PagesInUse(), 0u);  // given up, but the transaction may roll back yet
  t.writer().RollbackTo(begin);
  EXPECT_GT(t.PagesInUse(), 0u);
  t.Rollback();
  EXPECT_EQ(t.PagesInUse(), 0u);
}

TEST(LargeWriter, OnlyStreamsGoOn) {
  std::mt19937_64 random(5);
  TestTree t;
  const std::string bytes = RandomBytes(3 * kChunkBytes, &random);
  const LargeRef cached = *WriteLarge(&t.writer(), bytes);
  const LargeRef streamed = Write(&t, bytes, 100000, &random);
  for (const LargeRef& ref :
       {cached, LargeRef{cached.page, 5000}, LargeRef{streamed.page, bytes.size() + 4032},
        LargeRef{streamed.page, uint64_t{1} << 47}}) {
    LargeWriter writer(&t.writer());
    EXPECT_TRUE(absl::IsDataLoss(writer.Continue(ref))) << ref.in_pages;
  }
  EXPECT_TRUE(absl::IsDataLoss(OverwriteLarge(&t.writer(), cached, 0, "x").status()));
  EXPECT_TRUE(
      absl::IsDataLoss(OverwriteLarge(&t.writer(), {streamed.page, bytes.size() + 90000},
                                      bytes.size() + 50000, "x")
                           .status()));
}

}  // namespace
}  // namespace sheaf::btree
