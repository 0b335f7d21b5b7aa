// What the world around does to a database on the real file system: the log is
// gone (B38), a stray log lies there (B17), the file is renamed while open, has a
// second name or a symbolic link, is opened twice in one process or by two (B35),
// the process forks, or has no standard descriptors (B38). Nothing is lost in
// silence, and a forked child writes nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "tests/crash/workload.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

namespace stdfs = std::filesystem;

class Environment : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = stdfs::temp_directory_path() /
              absl::StrCat("sheaf-environment-", getpid(), "-",
                           testing::UnitTest::GetInstance()->current_test_info()->name());
    stdfs::remove_all(folder_);
    stdfs::create_directories(folder_);
  }
  void TearDown() override { stdfs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  static std::unique_ptr<Database> OpenOrDie(const std::string& path,
                                             Options options = {}) {
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path, options);
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }

  static absl::Status Put(Database* db, const std::string& key) {
    return db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      return table.Put(key, "value of " + key);
    });
  }

  static uint64_t Count(Database* db) {
    ReadTransaction read = db->BeginRead();
    absl::StatusOr<TableReader> table = read.table("t");
    return table.ok() ? *table->size() : 0;
  }

  // Copies what is on disk while the database is open: what a kill would leave.
  void CopyAs(const std::string& from, const std::string& to, bool with_log) {
    stdfs::copy_file(Path(from), Path(to));
    if (with_log) stdfs::copy_file(Path(from + "-log"), Path(to + "-log"));
  }

  static void ExpectClear(const absl::Status& status, absl::StatusCode code,
                          const std::string& says) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_TRUE(absl::StrContains(std::string(status.message()), says)) << status;
  }

  stdfs::path folder_;
};

TEST_F(Environment, CopiedWithoutItsLog) {
  auto db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "1").ok());
  CopyAs("a", "whole", /*with_log=*/true);
  CopyAs("a", "bare", /*with_log=*/false);
  EXPECT_EQ(Count(OpenOrDie(Path("whole")).get()), 1u);
  const std::string before = ReadFile(Path("bare"));
  for (const bool read_only : {false, true}) {
    Options options;
    options.read_only = read_only;
    ExpectClear(Database::Open(Path("bare"), options).status(),
                absl::StatusCode::kDataLoss, "bare-log is missing");
  }
  EXPECT_TRUE(ReadFile(Path("bare")) == before);
  EXPECT_FALSE(stdfs::exists(Path("bare-log")));
  stdfs::copy_file(Path("a-log"), Path("bare-log"));  // put back, all is well
  EXPECT_EQ(Count(OpenOrDie(Path("bare")).get()), 1u);
}

TEST_F(Environment, LogOfAnotherDatabase) {
  auto a = OpenOrDie(Path("a"));
  auto b = OpenOrDie(Path("b"));
  ASSERT_TRUE(Put(a.get(), "1").ok());
  ASSERT_TRUE(Put(b.get(), "2").ok());
  stdfs::copy_file(Path("a"), Path("mixed"));
  stdfs::copy_file(Path("b-log"), Path("mixed-log"));
  const absl::Status status = Database::Open(Path("mixed")).status();
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), "mixed-log")) << status;
  EXPECT_TRUE(ReadFile(Path("mixed-log")) == ReadFile(Path("b-log")));
}

// The log of an earlier life of the same database (an old copy was put back).
TEST_F(Environment, LogOfAnEarlierLife) {
  auto db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "1").ok());
  stdfs::copy_file(Path("a-log"), Path("old-log"));
  ASSERT_TRUE(db->Close().ok());
  db = nullptr;
  db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "2").ok());
  stdfs::copy_file(Path("a"), Path("old"));
  EXPECT_FALSE(Database::Open(Path("old")).ok());
}

// A log whose database was deleted must not become part of a new one, nor one that
// lies beside a database that was closed cleanly.
TEST_F(Environment, StrayLog) {
  auto db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "1").ok());
  stdfs::copy_file(Path("a-log"), Path("new-log"));
  stdfs::copy_file(Path("a-log"), Path("kept"));
  auto fresh = OpenOrDie(Path("new"));
  EXPECT_EQ(Count(fresh.get()), 0u);
  ASSERT_TRUE(Put(fresh.get(), "2").ok());
  ASSERT_TRUE(fresh->Close().ok());
  EXPECT_FALSE(stdfs::exists(Path("new-log")));
  ASSERT_TRUE(db->Close().ok());
  db = nullptr;
  stdfs::copy_file(Path("kept"), Path("a-log"));
  db = OpenOrDie(Path("a"));
  EXPECT_EQ(Count(db.get()), 1u);
  EXPECT_TRUE(CheckClean(db.get()).ok());
}

TEST_F(Environment, RenamedWhileOpen) {
  auto db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "1").ok());
  stdfs::rename(Path("a"), Path("b"));
  ASSERT_TRUE(Put(db.get(), "2").ok());
  // Killed now, the new name lacks its log, and that is said.
  CopyAs("b", "killed", /*with_log=*/false);
  ExpectClear(Database::Open(Path("killed")).status(), absl::StatusCode::kDataLoss,
              "killed-log is missing");
  // Still locked under its new name; whoever creates the old one anew does not
  // disturb it.
  ExpectClear(Database::Open(Path("b")).status(), absl::StatusCode::kUnavailable,
              "locked");
  const absl::Status closed = db->Close();
  EXPECT_TRUE(closed.ok()) << closed;
  db = nullptr;
  db = OpenOrDie(Path("b"));
  EXPECT_EQ(Count(db.get()), 2u);
}

TEST_F(Environment, SecondName) {
  auto db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "1").ok());
  stdfs::create_hard_link(Path("a"), Path("hard"));
  stdfs::create_symlink(Path("a"), Path("soft"));
  for (const char* name : {"hard", "soft"})
    ExpectClear(Database::Open(Path(name)).status(), absl::StatusCode::kUnavailable,
                "locked");
  ASSERT_TRUE(db->Close().ok());
  db = nullptr;
  // Through a symbolic link it is the same database, log and all.
  db = OpenOrDie(Path("soft"));
  ASSERT_TRUE(Put(db.get(), "2").ok());
  EXPECT_TRUE(stdfs::exists(Path("a-log")));
  EXPECT_FALSE(stdfs::exists(Path("soft-log")));
  CopyAs("a", "killed", /*with_log=*/true);
  stdfs::create_hard_link(Path("killed"), Path("other-name"));
  ExpectClear(Database::Open(Path("other-name")).status(), absl::StatusCode::kDataLoss,
              "other-name-log is missing");
  EXPECT_EQ(Count(OpenOrDie(Path("killed")).get()), 2u);
}

TEST_F(Environment, OpenedTwice) {
  auto db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "1").ok());
  ExpectClear(Database::Open(Path("a")).status(), absl::StatusCode::kUnavailable,
              "this process");
  Options read_only;
  read_only.read_only = true;
  ExpectClear(Database::Open(Path("a"), read_only).status(),
              absl::StatusCode::kUnavailable, "locked");
  const pid_t child = fork();
  if (child == 0) {  // another process: its own open
    const absl::Status status = Database::Open(Path("a")).status();
    _exit(absl::IsUnavailable(status) ? 0 : 1);
  }
  int result = -1;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(result, 0);
  ASSERT_TRUE(Put(db.get(), "2").ok());
  ASSERT_TRUE(db->Close().ok());
  db = nullptr;
  auto first = OpenOrDie(Path("a"), read_only);
  auto second = OpenOrDie(Path("a"), read_only);  // any number of readers
  EXPECT_EQ(Count(second.get()), 2u);
  ExpectClear(Database::Open(Path("a")).status(), absl::StatusCode::kUnavailable,
              "locked");
}

// A child that was forked with a database open. Whatever it tries is refused, its
// end neither writes a byte nor frees the lock, and the parent goes on.
TEST_F(Environment, ForkedChildWritesNothing) {
  Options options;
  options.durability = Durability::kProcess;  // may write through mapped memory
  auto db = OpenOrDie(Path("a"), options);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Put(db.get(), std::to_string(i)).ok());
  absl::StatusOr<WriteTransaction> open = db->BeginWrite();
  ASSERT_TRUE(open.ok());
  ASSERT_TRUE(open->table("t")->Put("parent", "v").ok());
  const std::string before = ReadFile(Path("a")), log_before = ReadFile(Path("a-log"));
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a hang is a failure
    int wrong = 0;
    wrong |= open->Commit().ok() ? 1 : 0;
    wrong |= Put(db.get(), "child").ok() ? 2 : 0;
    wrong |= db->Checkpoint().ok() ? 4 : 0;
    wrong |= Count(db.get()) != 100 ? 8 : 0;  // reading is allowed
    wrong |= db->Close().ok() ? 16 : 0;
    db.reset();
    _exit(wrong);
  }
  int result = -1;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_TRUE(WIFEXITED(result)) << "signal " << WTERMSIG(result);
  EXPECT_EQ(WEXITSTATUS(result), 0);
  EXPECT_TRUE(ReadFile(Path("a")) == before);
  EXPECT_TRUE(ReadFile(Path("a-log")) == log_before);
  EXPECT_TRUE(absl::IsUnavailable(Database::Open(Path("a")).status()));
  ASSERT_TRUE(open->Commit().ok());
  EXPECT_EQ(Count(db.get()), 101u);
  const absl::Status closed = db->Close();
  EXPECT_TRUE(closed.ok()) << closed;
  db = nullptr;
  db = OpenOrDie(Path("a"));
  EXPECT_EQ(Count(db.get()), 101u);
  EXPECT_TRUE(CheckClean(db.get()).ok());
}

// With 0, 1 and 2 closed the database must not get a descriptor that somebody will
// print to.
TEST_F(Environment, NoStandardDescriptors) {
  const std::string path = Path("a");
  const pid_t child = fork();
  if (child == 0) {
    close(0), close(1), close(2);
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path);
    if (!db.ok() || !Put(db->get(), "1").ok()) _exit(1);
    for (int fd = 0; fd < 3; ++fd)
      if (fcntl(fd, F_GETFD) != -1 && write(fd, "noise", 5) == 5) {
        char target[4096] = {};
        const ssize_t n = readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), target,
                                   sizeof(target) - 1);
        if (n > 0 && absl::StrContains(std::string(target), path)) _exit(2);
      }
    _exit((*db)->Close().ok() ? 0 : 3);
  }
  int result = -1;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Count(OpenOrDie(path).get()), 1u);
}

TEST_F(Environment, DeletedWhileOpen) {
  auto db = OpenOrDie(Path("a"));
  ASSERT_TRUE(Put(db.get(), "1").ok());
  stdfs::remove(Path("a"));
  (void)Put(db.get(), "2");
  (void)db->Close();
  db = nullptr;
  db = OpenOrDie(Path("a"));  // a new one
  EXPECT_EQ(Count(db.get()), 0u);
  EXPECT_TRUE(CheckClean(db.get()).ok());
}

}  // namespace
}  // namespace sheaf::test
