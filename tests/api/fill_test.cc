// The same operations in two processes, one of which gets its memory full of 0x00 and
// the other full of 0xff, write the same bytes: nothing uninitialised reaches the
// disk (RELIABILITY R12). What is random on purpose (the ids of the database and its
// log, the salts of the log's segments and what is chained to them) is taken out.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/log_format.h"
#include "tests/api/damage_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

using pager::kPageBytes;

enum class End { kClose, kCrash };

__attribute__((noinline)) void FillStack(int fill) {
  char room[512 << 10];
  std::memset(room, fill, sizeof(room));
  asm volatile("" : : "r"(room) : "memory");
}

absl::Status Operate(Database* db, uint32_t round) {
  std::mt19937 random(round);
  WriteOptions options;
  options.durability = static_cast<Durability>(1 + round % 3);
  return db->Write(
      [&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
        for (int i = 0; i < 120; ++i) {
          const std::string key = absl::StrCat("key", random() % 900);
          const size_t sizes[] = {0, 7, 100, 300, 979, 985, 5000, 70000};
          const size_t size = sizes[random() % (i % 10 == 0 ? 8 : 5)];
          if (random() % 3 == 0)
            SHEAF_RETURN_IF_ERROR(table.Delete(key).status());
          else
            SHEAF_RETURN_IF_ERROR(table.Put(key, std::string(size, 'v')));
        }
        if (round % 5 == 4) {
          KeyRange range;
          range.from = "key3";
          range.to = "key5";
          SHEAF_RETURN_IF_ERROR(table.DeleteRange(range).status());
        }
        SHEAF_ASSIGN_OR_RETURN(Collection notes, txn.collection("notes"));
        SHEAF_RETURN_IF_ERROR(notes.Append("{\"a\":[1,2,3]}").status());
        if (round % 7 == 6) SHEAF_RETURN_IF_ERROR(txn.Drop("t"));
        SHEAF_ASSIGN_OR_RETURN(const Savepoint savepoint, txn.SetSavepoint());
        SHEAF_RETURN_IF_ERROR(notes.Append("2").status());
        return round % 2 == 0 ? txn.RollbackTo(savepoint) : absl::OkStatus();
      },
      options);
}

int RunAll(const std::string& path, int fill, End end) {
  // glibc fills what it hands out with the complement of the low byte.
  mallopt(M_PERTURB, fill == 0 ? 0xff : 0x100);
  FillStack(fill);
  Options options;
  options.background_checkpoints = false;
  options.cache_bytes_max = 1 << 20;
  options.transaction_log_bytes_max = 128 << 10;
  auto db = Database::Open(path, options);
  for (uint32_t round = 0; round < 60; ++round) {
    FillStack(fill);
    if (!db.ok() || !Operate(db->get(), round).ok()) return 1;
    if (round % 16 == 15 && !(*db)->Checkpoint().ok()) return 2;
    if (round % 20 != 19) continue;
    if (!(*db)->Close().ok()) return 3;
    db->reset();
    db = Database::Open(path, options);
  }
  if (!db.ok() || !Operate(db->get(), 60).ok()) return 4;
  if (end == End::kCrash) _exit(0);
  return (*db)->Close().ok() ? 0 : 5;
}

void Blank(std::string* bytes, size_t at, size_t size) {
  if (at + size <= bytes->size()) bytes->replace(at, size, size, '\0');
}

std::string WithoutIds(std::string file) {
  for (const size_t page : {size_t{0}, kPageBytes}) {
    Blank(&file, page, 4);        // checksum
    Blank(&file, page + 80, 16);  // database_id
    Blank(&file, page + 152, 8);  // log_id
    Blank(&file, page + 168, 4);  // log_chain
  }
  return file;
}

std::string LogWithoutIds(std::string log) {
  Blank(&log, 16, 24);
  Blank(&log, 60, 4);
  for (size_t at = pager::kLogFileHeaderBytes; at < log.size();
       at += pager::kLogSegmentBytes) {
    for (const auto& [offset, size] : {std::pair<size_t, size_t>{0, 4}, {8, 8}, {32, 8}})
      Blank(&log, at + offset, size);
    const size_t end = std::min(log.size(), at + pager::kLogSegmentBytes);
    for (size_t frame = at + pager::kSegmentHeaderBytes; frame + 32 <= end;) {
      const uint32_t length = pager::DecodeFixed32(log.data() + frame + 4);
      Blank(&log, frame, 4);
      if (length == 0) break;
      frame += (32 + length + 7) / 8 * 8;
    }
  }
  return log;
}

size_t FirstDifference(const std::string& a, const std::string& b) {
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  return at == a.size() && at == b.size() ? std::string::npos : at;
}

void ExpectSame(End end) {
  char pattern[] = "/tmp/sheaf_fill_XXXXXX";
  const std::string folder = mkdtemp(pattern);
  std::string files[2], logs[2];
  for (const int i : {0, 1}) {
    const std::string path = absl::StrCat(folder, "/", i, ".sheaf");
    const pid_t child = fork();
    if (child == 0) _exit(RunAll(path, i == 0 ? 0x00 : 0xff, end));
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    files[i] = WithoutIds(ReadFile(path));
    ASSERT_EQ(std::filesystem::exists(path + "-log"), end == End::kCrash);
    if (end == End::kCrash) logs[i] = LogWithoutIds(ReadFile(path + "-log"));
  }
  const size_t file = FirstDifference(files[0], files[1]);
  EXPECT_EQ(file, std::string::npos)
      << "page " << file / kPageBytes << ", byte " << file % kPageBytes;
  const size_t log = FirstDifference(logs[0], logs[1]);
  EXPECT_EQ(log, std::string::npos) << "byte " << log << " of the log";
  EXPECT_GT(files[0].size(), 100000u);
  std::filesystem::remove_all(folder);
}

TEST(Fill, ClosedFilesAreEqual) { ExpectSame(End::kClose); }
TEST(Fill, FilesAndLogsAfterACrashAreEqual) { ExpectSame(End::kCrash); }

}  // namespace
}  // namespace sheaf::test
