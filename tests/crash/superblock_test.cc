// Each superblock of a database that was at rest is damaged in turn, one bit at a
// time and as a whole: it opens with the other, and heals; both damaged is a clear
// error (B15). The page map is damaged with a checksum that is right again: what
// it says is doubted, the error names the page, and nothing is ever handed out
// twice (B8, B9).
#include <gtest/gtest.h>

#include <cstring>

#include "absl/strings/match.h"
#include "pager/page.h"
#include "tests/crash/workload.h"

namespace sheaf::test {
namespace {

constexpr uint64_t kPage = pager::kPageBytes;

struct Rest {
  Disk disk;
  Contents contents;
  FileId file = 0;
};

Rest AtRest(bool closed) {
  FaultyFileSystem fs;
  Workload workload(&fs, {});
  EXPECT_TRUE(workload.Prepare().ok());
  EXPECT_TRUE(workload.Run(Op::kPutLarge).ok());
  EXPECT_TRUE(workload.Run(Op::kCommitFull).ok());
  // Twice: the second begins by making the twin of the first durable.
  EXPECT_TRUE(workload.Run(Op::kCheckpoint).ok());
  EXPECT_TRUE(workload.Run(Op::kPutSmall).ok());
  EXPECT_TRUE(workload.Run(Op::kCommitFull).ok());
  EXPECT_TRUE(workload.Run(Op::kCheckpoint).ok());
  Rest rest{{}, workload.states().back().contents};
  if (closed) {
    EXPECT_TRUE(workload.Close().ok());
  }
  rest.disk = fs.Contents();
  if (!closed) workload.Abandon();
  rest.file = rest.disk.names.at(kCrashPath);
  return rest;
}

absl::Status OpensWhole(const Rest& rest, const Disk& disk) {
  FaultyFileSystem fs(disk);
  Options options;
  options.file_system = &fs;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                         Database::Open(kCrashPath, options));
  SHEAF_ASSIGN_OR_RETURN(const Contents found, ReadContents(db.get()));
  if (found != rest.contents)
    return absl::InternalError("other contents: " + Brief(found));
  SHEAF_RETURN_IF_ERROR(CheckClean(db.get()));
  SHEAF_RETURN_IF_ERROR(db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("a"));
    return table.Put("more", "v");
  }));
  return db->Close();
}

TEST(Superblock, EachAloneIsEnough) {
  for (const bool closed : {true, false}) {
    const Rest rest = AtRest(closed);
    for (const uint64_t page : {0, 1}) {
      for (uint64_t at = 0; at < kPage; at += at < 250 ? 2 : 197) {
        Disk disk = rest.disk;
        SharedBytes& bytes = disk.files[rest.file];
        std::string byte = bytes.Read(page * kPage + at, 1);
        byte[0] = static_cast<char>(byte[0] ^ 1 << at % 8);
        bytes.Write(page * kPage + at, byte);
        const absl::Status status = OpensWhole(rest, disk);
        // A newer format is not damage: it is believed and said.
        if (absl::IsUnimplemented(status)) continue;
        ASSERT_TRUE(status.ok()) << "page " << page << " byte " << at << ": " << status;
      }
      for (const char fill : {'\0', '\xff', 'x'}) {
        Disk disk = rest.disk;
        disk.files[rest.file].Write(page * kPage, std::string(kPage, fill));
        const absl::Status status = OpensWhole(rest, disk);
        ASSERT_TRUE(status.ok()) << "page " << page << ": " << status;
      }
    }
  }
}

TEST(Superblock, BothDamagedIsAClearError) {
  const Rest rest = AtRest(true);
  Disk disk = rest.disk;
  for (const uint64_t page : {0, 1})
    disk.files[rest.file].Write(page * kPage + 200, "DAMAGE");
  const absl::Status status = OpensWhole(rest, disk);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), "page 0")) << status;
  for (const uint64_t page : {0, 1})
    disk.files[rest.file].Write(page * kPage, std::string(kPage, '\0'));
  EXPECT_TRUE(absl::IsInvalidArgument(OpensWhole(rest, disk)));
}

// Every bit of the map's fields, sealed again.
TEST(PageMap, IsDoubtedThoughItsChecksumIsRight) {
  const Rest rest = AtRest(true);
  const uint64_t pages = rest.disk.files.at(rest.file).size() / kPage;
  int tried = 0, noticed = 0;
  for (uint64_t id = 2; id < pages; ++id) {
    std::string page = rest.disk.files.at(rest.file).Read(id * kPage, kPage);
    const pager::PageKind kind = pager::PageKindOf(page.data());
    if (kind != pager::PageKind::kMap && kind != pager::PageKind::kMapIndex) continue;
    if (!pager::VerifyPage(page.data(), kPage,
                           {id, pager::BirthOf(page.data()), pager::PagesOf(page.data())})
             .ok())
      continue;
    for (uint64_t bit = 52 * 8; bit < 110 * 8; bit += bit < 80 * 8 ? 1 : 5) {
      std::string changed = page;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
      pager::SealPage(changed.data(), kPage);
      Disk disk = rest.disk;
      disk.files[rest.file].Write(id * kPage, changed);
      ++tried;
      FaultyFileSystem fs(disk);
      Options options;
      options.file_system = &fs;
      absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(kCrashPath, options);
      if (!db.ok()) {
        ++noticed;
        EXPECT_TRUE(absl::IsDataLoss(db.status())) << "bit " << bit << db.status();
        continue;
      }
      absl::StatusOr<CheckReport> report = (*db)->Check();
      if (!report.ok() || !report->ok()) {
        ++noticed;
        continue;
      }
      // Not noticed: then it must not matter.
      absl::StatusOr<Contents> found = ReadContents(db->get());
      ASSERT_TRUE(found.ok()) << found.status();
      ASSERT_TRUE(*found == rest.contents) << "page " << id << " bit " << bit;
      const absl::Status written =
          (*db)->Write([](WriteTransaction& txn) -> absl::Status {
            SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("a"));
            return table.Put("more", BigValue(3, 100'000));
          });
      if (!written.ok()) continue;
      db->reset();
      db = Database::Open(kCrashPath, options);
      ASSERT_TRUE(db.ok()) << "page " << id << " bit " << bit << ": " << db.status();
      ASSERT_TRUE(CheckClean(db->get()).ok()) << "page " << id << " bit " << bit;
    }
  }
  EXPECT_GT(noticed, 100);
  std::printf("%d changes, %d noticed at once\n", tried, noticed);
}

}  // namespace
}  // namespace sheaf::test
