// Proves that the three file systems keep the same promises (pager/file.h), by
// running one suite on each; then what only the operating system's can show:
// links, devices, other processes, limits, low descriptors (RELIABILITY B35, B38).
#include "pager/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/faulty_file.h"

namespace sheaf::pager {
namespace {

using absl::StatusCode;

std::string NewFolder() {
  std::string name = ::testing::TempDir() + "sheaf_file_XXXXXX";
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  return std::filesystem::canonical(name).string();
}

std::string ReadText(const File& file, uint64_t offset, uint64_t size) {
  std::string text(size, '?');
  const absl::Status status = file.Read(offset, absl::MakeSpan(text.data(), size));
  return status.ok() ? text : status.ToString();
}

bool Mentions(const absl::Status& status, const std::string& text) {
  return std::string(status.message()).find(text) != std::string::npos;
}

enum class Kind { kReal, kMemory, kFaulty };

class FileSystemTest : public ::testing::TestWithParam<Kind> {
 protected:
  FileSystemTest() : folder_(GetParam() == Kind::kReal ? NewFolder() : "/folder") {
    if (GetParam() == Kind::kMemory) owned_ = NewMemoryFileSystem();
    if (GetParam() == Kind::kFaulty) owned_ = std::make_unique<test::FaultyFileSystem>();
    fs_ = owned_ != nullptr ? owned_.get() : RealFileSystem();
  }
  ~FileSystemTest() override {
    if (GetParam() == Kind::kReal) std::filesystem::remove_all(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::unique_ptr<File> Open(const std::string& name, OpenMode mode) {
    absl::StatusOr<std::unique_ptr<File>> file = fs_->Open(Path(name), mode);
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *std::move(file) : nullptr;
  }

  bool Exists(const std::string& name) {
    const absl::StatusOr<bool> exists = fs_->Exists(Path(name));
    EXPECT_TRUE(exists.ok()) << exists.status();
    return exists.value_or(false);
  }

  const std::string folder_;
  std::unique_ptr<FileSystem> owned_;
  FileSystem* fs_ = nullptr;
};

TEST_P(FileSystemTest, ReadsWhatWasWritten) {
  const auto file = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->Write(0, "hello").ok());
  ASSERT_TRUE(file->Write(5, " world").ok());
  ASSERT_TRUE(file->Write(0, "J").ok());
  ASSERT_TRUE(file->Sync().ok());
  file->StartWriteback(0, 11);
  EXPECT_EQ(ReadText(*file, 0, 11), "Jello world");
  EXPECT_EQ(*file->Size(), 11u);
  const auto again = Open("a", OpenMode::kReadOnly);
  EXPECT_EQ(ReadText(*again, 6, 5), "world");
}

TEST_P(FileSystemTest, ReadsIntoManyPlaces) {
  const auto file = Open("a", OpenMode::kCreateNew);
  std::string all;
  for (int i = 0; i < 5000; ++i) all.push_back(static_cast<char>(i * 7));
  ASSERT_TRUE(file->Write(0, all).ok());
  std::string read(3000, '\0');
  std::vector<absl::Span<char>> parts;
  for (size_t at = 0; at < read.size(); at += 2)
    parts.push_back(absl::MakeSpan(&read[at], 2));
  EXPECT_TRUE(file->ReadScatter(1000, parts).ok());  // more than one call can take
  EXPECT_EQ(read, all.substr(1000, 3000));
  std::string front(100, '\0'), back(50, '\0');
  const absl::Span<char> two[] = {absl::MakeSpan(back.data(), 50),
                                  absl::MakeSpan(front.data(), 100)};
  EXPECT_TRUE(file->ReadScatter(4850, two).ok());
  EXPECT_EQ(back + front, all.substr(4850));
  EXPECT_EQ(file->ReadScatter(4851, two).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(file->ReadScatter(9000, two).code(), StatusCode::kOutOfRange);
  EXPECT_TRUE(file->ReadScatter(0, {}).ok());
}

TEST_P(FileSystemTest, ReadPastTheEndNamesOffsetAndSizes) {
  const auto file = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->Write(0, std::string(100, 'x')).ok());
  std::string buffer(30, '\0');
  const absl::Status status = file->Read(80, absl::MakeSpan(buffer.data(), 30));
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_TRUE(Mentions(
      status, Path("a") + ": read of 30 bytes at offset 80: the file has 100 bytes"))
      << status;
  for (const uint64_t offset : {uint64_t{101}, uint64_t{1} << 62, ~uint64_t{0} - 3}) {
    EXPECT_EQ(file->Read(offset, absl::MakeSpan(buffer.data(), 30)).code(),
              StatusCode::kOutOfRange);
  }
  EXPECT_TRUE(file->Read(200, absl::Span<char>()).ok());
}

TEST_P(FileSystemTest, GapReadsAsZeros) {
  const auto file = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->Write(200'000, "end").ok());
  EXPECT_EQ(*file->Size(), 200'003u);
  EXPECT_EQ(ReadText(*file, 0, 200'000), std::string(200'000, '\0'));
  EXPECT_EQ(ReadText(*file, 199'999, 4), std::string("\0end", 4));
}

// R14: past 2, 4 and 8 GiB and 2^32 pages; memory must stay at a few blocks.
TEST_P(FileSystemTest, OffsetsBeyond32Bits) {
  const auto file = Open("a", OpenMode::kCreateNew);
  std::vector<uint64_t> offsets = {(uint64_t{1} << 31) - 2, (uint64_t{1} << 32) - 2,
                                   (uint64_t{1} << 33) - 2};
  if (GetParam() != Kind::kReal) offsets.push_back((uint64_t{1} << 44) - 2);
  if (GetParam() != Kind::kReal) offsets.push_back((uint64_t{1} << 62) - 2);
  for (const uint64_t offset : offsets) {
    ASSERT_TRUE(file->Write(offset, absl::StrCat("at ", offset)).ok());
  }
  for (const uint64_t offset : offsets) {
    const std::string text = absl::StrCat("at ", offset);
    EXPECT_EQ(ReadText(*file, offset, text.size()), text);
  }
  EXPECT_EQ(ReadText(*file, 2, 4), std::string(4, '\0'));
  ASSERT_TRUE(file->Truncate(offsets[0] + 2).ok());
  ASSERT_TRUE(file->Truncate(offsets.back()).ok());
  EXPECT_EQ(ReadText(*file, offsets[0], 4), std::string("at\0\0", 4));
  EXPECT_EQ(ReadText(*file, offsets[1], 4), std::string(4, '\0'));
}

TEST_P(FileSystemTest, TruncateForgetsTheTail) {
  const auto file = Open("a", OpenMode::kCreateNew);
  for (const uint64_t size : {1, 4095, 4096, 4097, 65535, 65536, 65537, 150'000}) {
    ASSERT_TRUE(file->Write(0, std::string(200'000, 'x')).ok());
    ASSERT_TRUE(file->Truncate(size).ok());
    EXPECT_EQ(*file->Size(), size);
    ASSERT_TRUE(file->Truncate(200'000).ok());
    EXPECT_EQ(ReadText(*file, 0, size), std::string(size, 'x'));
    EXPECT_EQ(ReadText(*file, size, 200'000 - size), std::string(200'000 - size, '\0'));
  }
  ASSERT_TRUE(file->Truncate(0).ok());
  EXPECT_EQ(*file->Size(), 0u);
}

// More parts than one system call takes (IOV_MAX is 1024), some of them empty.
TEST_P(FileSystemTest, AllocatedSpaceReadsAsZeros) {
  const std::unique_ptr<File> file = Open("f", OpenMode::kCreateNew);
  ASSERT_NE(file, nullptr);
  ASSERT_TRUE(file->Write(0, "front").ok());
  const absl::Status allocated = file->Allocate(5, 10000);
  if (absl::IsUnimplemented(allocated)) GTEST_SKIP() << allocated;
  ASSERT_TRUE(allocated.ok()) << allocated;
  EXPECT_EQ(*file->Size(), 10005u);
  std::string bytes(10005, '?');
  ASSERT_TRUE(file->Read(0, absl::MakeSpan(bytes)).ok());
  EXPECT_EQ(bytes, "front" + std::string(10000, '\0'));
  const std::unique_ptr<File> reader = Open("f", OpenMode::kReadOnly);
  EXPECT_FALSE(reader->Allocate(10005, 1).ok());
  EXPECT_EQ(*file->Size(), 10005u);
}

TEST_P(FileSystemTest, WriteGatherJoinsItsParts) {
  const auto file = Open("a", OpenMode::kCreateNew);
  std::vector<std::string> texts;
  std::string joined;
  for (int i = 0; i < 3000; ++i) {
    texts.push_back(i % 7 == 0 ? "" : absl::StrCat(i, ","));
    joined += texts.back();
  }
  const std::vector<std::string_view> parts(texts.begin(), texts.end());
  ASSERT_TRUE(file->WriteGather(10, parts).ok());
  EXPECT_EQ(*file->Size(), 10 + joined.size());
  EXPECT_EQ(ReadText(*file, 10, joined.size()), joined);
  ASSERT_TRUE(file->WriteGather(1'000'000, {}).ok());
  ASSERT_TRUE(file->Write(1'000'000, "").ok());
  EXPECT_EQ(*file->Size(), 10 + joined.size());
}

TEST_P(FileSystemTest, RefusesImpossibleSizes) {
  const auto file = Open("a", OpenMode::kCreateNew);
  const uint64_t last = (uint64_t{1} << 63) - 1;
  for (const uint64_t offset : {last, last + 1, ~uint64_t{0}}) {
    EXPECT_EQ(file->Write(offset, "xy").code(), StatusCode::kResourceExhausted);
    const std::vector<std::string_view> parts = {"x", "y"};
    EXPECT_EQ(file->WriteGather(offset, parts).code(), StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(file->Truncate(last + 1).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(*file->Size(), 0u);
}

TEST_P(FileSystemTest, OpenModes) {
  EXPECT_EQ(fs_->Open(Path("a"), OpenMode::kReadOnly).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(fs_->Open(Path("a"), OpenMode::kReadWrite).status().code(),
            StatusCode::kNotFound);
  EXPECT_FALSE(Exists("a"));
  ASSERT_TRUE(Open("a", OpenMode::kCreateNew)->Write(0, "x").ok());
  EXPECT_TRUE(Exists("a"));
  const absl::Status again = fs_->Open(Path("a"), OpenMode::kCreateNew).status();
  EXPECT_EQ(again.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(std::string(again.message()).rfind(Path("a") + ":", 0), 0u) << again;
  const auto reader = Open("a", OpenMode::kReadOnly);
  EXPECT_EQ(reader->Write(0, "y").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(reader->Truncate(0).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadText(*reader, 0, 1), "x");
  ASSERT_TRUE(Open("a", OpenMode::kReadWrite)->Write(0, "z").ok());
  EXPECT_EQ(ReadText(*reader, 0, 1), "z");
}

TEST_P(FileSystemTest, RefusesBadPaths) {
  const std::string with_zero("/tmp/a\0b", 8);
  for (const std::string& path : {std::string(), with_zero}) {
    EXPECT_EQ(fs_->Open(path, OpenMode::kCreateNew).status().code(),
              StatusCode::kInvalidArgument);
    EXPECT_EQ(fs_->Exists(path).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(fs_->Delete(path).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(fs_->RenameNew(path, Path("a")).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(fs_->SyncDirectory(path).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(fs_->Canonical(path).status().code(), StatusCode::kInvalidArgument);
  }
}

TEST_P(FileSystemTest, DeletedFileLivesForItsHandles) {
  const auto file = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->Write(0, "old").ok());
  EXPECT_EQ(*file->LinkCount(), 1u);
  ASSERT_TRUE(fs_->Delete(Path("a")).ok());
  EXPECT_EQ(*file->LinkCount(), 0u);
  EXPECT_FALSE(Exists("a"));
  EXPECT_EQ(fs_->Delete(Path("a")).code(), StatusCode::kNotFound);
  const auto next = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(next->Write(0, "new").ok());
  ASSERT_TRUE(file->Write(3, "er").ok());
  EXPECT_EQ(ReadText(*file, 0, 5), "older");
  EXPECT_EQ(ReadText(*next, 0, 3), "new");
}

TEST_P(FileSystemTest, RenameNeverReplaces) {
  const auto a = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(a->Write(0, "a").ok());
  ASSERT_TRUE(Open("b", OpenMode::kCreateNew)->Write(0, "b").ok());
  const absl::Status taken = fs_->RenameNew(Path("a"), Path("b"));
  EXPECT_EQ(taken.code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(Mentions(taken, Path("b") + ":")) << taken;
  EXPECT_EQ(fs_->RenameNew(Path("none"), Path("c")).code(), StatusCode::kNotFound);
  ASSERT_TRUE(fs_->RenameNew(Path("a"), Path("c")).ok());
  ASSERT_TRUE(fs_->SyncDirectory(Path("c")).ok());
  EXPECT_FALSE(Exists("a"));
  EXPECT_EQ(ReadText(*Open("c", OpenMode::kReadOnly), 0, 1), "a");
  EXPECT_EQ(ReadText(*Open("b", OpenMode::kReadOnly), 0, 1), "b");
  EXPECT_EQ(*a->LinkCount(), 1u);
}

// B35: two opens conflict, also inside one process.
TEST_P(FileSystemTest, LocksBetweenOpens) {
  auto first = Open("a", OpenMode::kCreateNew);
  auto second = Open("a", OpenMode::kReadWrite);
  ASSERT_TRUE(first->Lock(LockMode::kShared).ok());
  ASSERT_TRUE(second->Lock(LockMode::kShared).ok());
  const absl::Status refused = first->Lock(LockMode::kExclusive);
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_EQ(std::string(refused.message()), Path("a") + ": locked by this process");
  second.reset();
  ASSERT_TRUE(first->Lock(LockMode::kExclusive).ok());
  ASSERT_TRUE(first->Lock(LockMode::kExclusive).ok());
  second = Open("a", OpenMode::kReadOnly);
  EXPECT_EQ(second->Lock(LockMode::kShared).code(), StatusCode::kUnavailable);
  ASSERT_TRUE(first->Lock(LockMode::kShared).ok());
  ASSERT_TRUE(second->Lock(LockMode::kShared).ok());
  first.reset();
  ASSERT_TRUE(second->Lock(LockMode::kExclusive).ok());
}

// A change of mode that fails must not lose the lock that was held.
TEST_P(FileSystemTest, FailedUpgradeKeepsTheLock) {
  const auto first = Open("a", OpenMode::kCreateNew);
  auto second = Open("a", OpenMode::kReadWrite);
  ASSERT_TRUE(first->Lock(LockMode::kShared).ok());
  ASSERT_TRUE(second->Lock(LockMode::kShared).ok());
  EXPECT_EQ(first->Lock(LockMode::kExclusive).code(), StatusCode::kUnavailable);
  EXPECT_EQ(second->Lock(LockMode::kExclusive).code(), StatusCode::kUnavailable);
}

TEST_P(FileSystemTest, CanonicalCleansThePath) {
  ASSERT_NE(Open("a", OpenMode::kCreateNew), nullptr);
  EXPECT_EQ(*fs_->Canonical(folder_ + "/./a"), Path("a"));
  EXPECT_EQ(*fs_->Canonical(folder_ + "//missing"), Path("missing"));
  const std::string leaf = std::filesystem::path(folder_).filename().string();
  EXPECT_EQ(*fs_->Canonical(folder_ + "/../" + leaf + "/a"), Path("a"));
}

TEST_P(FileSystemTest, ReadsAndWritesRunAtTheSameTime) {
  const auto file = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->Truncate(400'000).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&file, t] {
      const std::string text(1000, static_cast<char>('a' + t));
      for (uint64_t i = 0; i < 100; ++i) {
        const uint64_t offset = (i * 4 + t) * 1000;
        EXPECT_TRUE(file->Write(offset, text).ok());
        EXPECT_EQ(ReadText(*file, offset, 1000), text);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*file->Size(), 400'000u);
}

// Where no mapping is offered the caller writes, and nothing else changes.
TEST_P(FileSystemTest, StoresToTheMappingAreInTheFile) {
  const auto file = Open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->Write(0, std::string(100'000, 'x')).ok());
  ASSERT_TRUE(file->Sync().ok());
  char* const memory = file->MapForAppend(5'000, 50'000);
  if (memory == nullptr) GTEST_SKIP() << "no mapping here";
  EXPECT_EQ(memory[0], 'x');
  memory[0] = 'y';
  EXPECT_EQ(ReadText(*file, 4'999, 3), "xyx");
  ASSERT_TRUE(file->Write(5'001, "z").ok());
  EXPECT_EQ(memory[1], 'z');
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(ReadText(*Open("a", OpenMode::kReadOnly), 4'999, 4), "xyzx");
}

INSTANTIATE_TEST_SUITE_P(All, FileSystemTest,
                         ::testing::Values(Kind::kReal, Kind::kMemory, Kind::kFaulty),
                         [](const ::testing::TestParamInfo<Kind>& kind) {
                           if (kind.param == Kind::kReal) return "Real";
                           return kind.param == Kind::kMemory ? "Memory" : "Faulty";
                         });

class RealFileTest : public ::testing::Test {
 protected:
  RealFileTest() : folder_(NewFolder()) {}
  ~RealFileTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::unique_ptr<File> Create(const std::string& name) {
    return *RealFileSystem()->Open(Path(name), OpenMode::kCreateNew);
  }
  absl::Status OpenStatus(const std::string& path) {
    return RealFileSystem()->Open(path, OpenMode::kReadWrite).status();
  }

  const std::string folder_;
};

// Runs `body` in a child and returns its exit code; 0 means all was as expected.
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(RealFileTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  const std::pair<std::string, std::string> cases[] = {{folder_, "is a folder"},
                                                       {Path("pipe"), "is a pipe"},
                                                       {"/dev/null", "is a device"}};
  for (const auto& [path, text] : cases) {
    const absl::Status status = OpenStatus(path);
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status;
    EXPECT_TRUE(Mentions(status, path + ": " + text)) << status;
  }
  EXPECT_EQ(OpenStatus(Path("missing/a")).code(), StatusCode::kNotFound);
  EXPECT_EQ(OpenStatus(Path(std::string(300, 'n'))).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(RealFileSystem()->Canonical(Path("missing/a")).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(RealFileSystem()->Delete(folder_).code(), StatusCode::kFailedPrecondition);
}

// The folder is open to its owner alone, so a child that gave up root cannot
// enter; without root the file itself is made read-only.
TEST_F(RealFileTest, PermissionDenied) {
  Create("a");
  ASSERT_EQ(chmod(Path("a").c_str(), 0400), 0);
  const int code = InChild([&] {
    if (geteuid() == 0 && setuid(65534) != 0) return 1;
    const absl::Status status = OpenStatus(Path("a"));
    if (status.code() != StatusCode::kPermissionDenied) return 2;
    return Mentions(status, Path("a") + ": open: Permission denied") ? 0 : 3;
  });
  EXPECT_EQ(code, 0);
}

// B38: with 0, 1 and 2 closed a plain open() would return 0.
TEST_F(RealFileTest, NeverUsesALowDescriptor) {
  const int code = InChild([&] {
    close(0), close(1), close(2);
    const auto file = RealFileSystem()->Open(Path("a"), OpenMode::kCreateNew);
    if (!file.ok() || !(*file)->Write(0, "x").ok()) return 1;
    for (int low = 0; low < 3; ++low) {
      if (fcntl(low, F_GETFD) != -1) return 2;
    }
    return fcntl(3, F_GETFD) == FD_CLOEXEC ? 0 : 3;
  });
  // Descriptor 3 may have been taken before: then only its flag is unknown.
  EXPECT_TRUE(code == 0 || code == 3) << code;
}

TEST_F(RealFileTest, DescriptorsAreClosedOnExec) {
  const auto file = Create("a");
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry.path(), error) != Path("a")) continue;
    const int descriptor = std::stoi(entry.path().filename().string());
    EXPECT_EQ(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
    ++found;
  }
  EXPECT_EQ(found, 1);
}

// EFBIG here, by the same road as ENOSPC: the part that fits is written.
TEST_F(RealFileTest, FullDiskIsResourceExhausted) {
  const int code = InChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const auto file = Create("a");
    const std::string data(8'000, 'x');
    if (!file->Write(0, data).ok()) return 2;
    const absl::Status status = file->Write(8'000, data);
    if (status.code() != StatusCode::kResourceExhausted) return 3;
    if (!Mentions(status, Path("a") + ": write of 6000 bytes at offset 10000: "))
      return 4;
    const std::vector<std::string_view> parts = {data, data};
    if (file->WriteGather(4'000, parts).code() != StatusCode::kResourceExhausted)
      return 5;
    return *file->Size() == 10'000 ? 0 : 6;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(RealFileTest, NamesTheProcessThatHoldsTheLock) {
  const auto file = Create("a");
  int ready[2], finish[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(finish), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto mine = *RealFileSystem()->Open(Path("a"), OpenMode::kReadWrite);
    const char ok = mine->Lock(LockMode::kExclusive).ok() ? 'y' : 'n';
    close(finish[1]);
    char byte;
    if (write(ready[1], &ok, 1) != 1 || read(finish[0], &byte, 1) != 0) _exit(1);
    _exit(0);
  }
  char ok = '?';
  ASSERT_EQ(read(ready[0], &ok, 1), 1);
  EXPECT_EQ(ok, 'y');
  const absl::Status status = file->Lock(LockMode::kShared);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  std::ifstream comm("/proc/self/comm");
  std::string name;
  std::getline(comm, name);
  const std::string text =
      absl::StrCat(Path("a"), ": locked by process ", child, " (", name, ")");
  EXPECT_EQ(std::string(status.message()), text);
  for (const int end : {ready[0], ready[1], finish[0], finish[1]}) close(end);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(file->Lock(LockMode::kExclusive).ok());
}

// B38, fork: the child's copy of the File neither keeps the lock beyond the
// parent's nor takes it away when the child destroys it.
TEST_F(RealFileTest, LockBelongsToTheProcessThatOpened) {
  std::unique_ptr<File> file = Create("a");
  ASSERT_TRUE(file->Lock(LockMode::kExclusive).ok());
  EXPECT_EQ(InChild([&] {
              file.reset();
              return 0;
            }),
            0);
  const auto other = *RealFileSystem()->Open(Path("a"), OpenMode::kReadWrite);
  EXPECT_EQ(other->Lock(LockMode::kShared).code(), StatusCode::kUnavailable);
  int hold[2];
  ASSERT_EQ(pipe(hold), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(hold[1]);
    char byte;
    _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
  }
  file.reset();
  EXPECT_TRUE(other->Lock(LockMode::kExclusive).ok());
  close(hold[0]), close(hold[1]);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(RealFileTest, CountsHardLinks) {
  const auto file = Create("a");
  ASSERT_EQ(link(Path("a").c_str(), Path("b").c_str()), 0);
  EXPECT_EQ(*file->LinkCount(), 2u);
  ASSERT_TRUE(RealFileSystem()->Delete(Path("a")).ok());
  ASSERT_TRUE(RealFileSystem()->Delete(Path("b")).ok());
  EXPECT_EQ(*file->LinkCount(), 0u);
}

TEST_F(RealFileTest, CanonicalFollowsLinks) {
  FileSystem* const fs = RealFileSystem();
  std::filesystem::create_directory(Path("real"));
  std::filesystem::create_directory_symlink("real", Path("alias"));
  std::filesystem::create_symlink("real/target", Path("relative"));
  std::filesystem::create_symlink(Path("alias/target"), Path("absolute"));
  std::filesystem::create_symlink("relative", Path("chain"));
  for (const char* const name : {"alias/target", "relative", "absolute", "chain"}) {
    EXPECT_EQ(*fs->Canonical(Path(name)), Path("real/target")) << name;  // dangling
  }
  Create("real/target");
  for (const char* const name : {"alias/target", "relative", "absolute", "chain"}) {
    EXPECT_EQ(*fs->Canonical(Path(name)), Path("real/target")) << name;
  }
  EXPECT_EQ(*fs->Canonical(Path("alias/..")), folder_);
  EXPECT_EQ(*fs->Canonical("/"), "/");
  EXPECT_EQ(*fs->Canonical("/missing_sheaf"), "/missing_sheaf");
  std::filesystem::create_symlink("loop", Path("loop"));
  EXPECT_EQ(fs->Canonical(Path("loop")).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(RealFileTest, SyncDirectoryOfAMissingFolder) {
  EXPECT_TRUE(RealFileSystem()->SyncDirectory(Path("any")).ok());
  EXPECT_EQ(RealFileSystem()->SyncDirectory(Path("missing/a")).code(),
            StatusCode::kNotFound);
}

}  // namespace
}  // namespace sheaf::pager
