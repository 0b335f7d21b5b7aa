// What is not a database, or not ours to open: each has its own error, which names
// the path, and nothing is written, neither to the file nor beside it (RELIABILITY
// R7, B17, B19, B35). Run as root the tests of permissions become nobody in a child.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "tests/api/damage_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

using pager::kPageBytes;

class BadInputTest : public testing::Test {
 protected:
  BadInputTest() {
    char pattern[] = "/tmp/sheaf_bad_XXXXXX";
    folder_ = mkdtemp(pattern);
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  }
  ~BadInputTest() override {
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
    std::filesystem::remove_all(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
      files[entry.path()] = entry.is_regular_file() ? ReadFile(entry.path()) : "";
    return files;
  }

  static absl::Status Open(const std::string& path, const Options& options = {}) {
    return Database::Open(path, options).status();
  }
  static Options ReadOnly() {
    Options options;
    options.read_only = true;
    return options;
  }

  // Refused in both ways, with a message that names the path.
  void ExpectRefused(const std::string& path, absl::StatusCode code, const char* says) {
    const auto before = Files();
    for (const bool read_only : {false, true}) {
      const absl::Status status = Open(path, read_only ? ReadOnly() : Options{});
      EXPECT_EQ(status.code(), code) << status;
      EXPECT_NE(status.message().find(path), std::string::npos) << status;
      EXPECT_NE(status.message().find(says), std::string::npos) << status;
    }
    EXPECT_TRUE(Files() == before) << "something was written";
  }

  std::string MakeDatabase(const std::string& name) {
    auto db = Database::Open(Path(name));
    EXPECT_TRUE(db.ok()) << db.status();
    EXPECT_TRUE(FillSample(db->get()).ok());
    EXPECT_TRUE((*db)->Close().ok());
    return Path(name);
  }

  // Runs `fn` in a child; its result is the exit code.
  static int InChild(const std::function<int()>& fn) {
    const pid_t pid = fork();
    if (pid == 0) _exit(fn());
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  static int CodeAsNobody(const std::string& path, const Options& options) {
    return InChild([&] {
      if (geteuid() == 0 && setuid(65534) != 0) return 100;
      return static_cast<int>(Open(path, options).code());
    });
  }

  std::string folder_;
};

// --- Not a database ---------------------------------------------------------------

TEST_F(BadInputTest, ForeignFiles) {
  const std::string path = Path("foreign");
  for (const std::string& bytes :
       {std::string("hello"),
        std::string("SQLite format 3\0", 16) + std::string(9000, 'x'),
        std::string(5000, '\0'), std::string(8192, '\0'), std::string(100000, '\xff'),
        std::string("\x89PNG\r\n\x1a\n") + std::string(20000, 'p'), std::string("\n"),
        std::string(64, 'x') + "SheafDB"}) {
    WriteFile(path, bytes);
    ExpectRefused(path, absl::StatusCode::kInvalidArgument, "not a Sheaf database");
  }
}

TEST_F(BadInputTest, EmptyFile) {
  WriteFile(Path("empty"), "");
  ExpectRefused(Path("empty"), absl::StatusCode::kInvalidArgument, "empty");
}

TEST_F(BadInputTest, TruncatedFile) {
  const std::string path = MakeDatabase("db");
  const std::string whole = ReadFile(path);
  for (const size_t size : {size_t{200}, size_t{4096}, size_t{8191}, size_t{8192},
                            whole.size() - 4096, whole.size() - 1}) {
    WriteFile(path, whole.substr(0, size));
    ExpectRefused(path, absl::StatusCode::kDataLoss, "cut off");
  }
}

TEST_F(BadInputTest, AFolder) {
  std::filesystem::create_directory(Path("folder"));
  ExpectRefused(Path("folder"), absl::StatusCode::kFailedPrecondition, "");
}

TEST_F(BadInputTest, APipe) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  const absl::Status status = Open(Path("pipe"));  // and does not wait for a writer
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

TEST_F(BadInputTest, ALinkToItself) {
  std::filesystem::create_symlink(Path("loop"), Path("loop"));
  EXPECT_FALSE(Open(Path("loop")).ok());
}

TEST_F(BadInputTest, MissingFolder) {
  ExpectRefused(Path("no/such/folder.sheaf"), absl::StatusCode::kNotFound, "");
}

TEST_F(BadInputTest, PathsThatAreNone) {
  EXPECT_TRUE(absl::IsInvalidArgument(Open("")));
  EXPECT_TRUE(absl::IsInvalidArgument(Open(std::string("a\0b", 3))));
  EXPECT_FALSE(Open(std::string(5000, 'a')).ok());
}

TEST_F(BadInputTest, MissingFile) {
  Options options;
  options.create_if_missing = false;
  EXPECT_TRUE(absl::IsNotFound(Open(Path("none"), options)));
  EXPECT_TRUE(absl::IsNotFound(Open(Path("none"), ReadOnly())));
  EXPECT_TRUE(Files().empty());
}

TEST_F(BadInputTest, FileThatShouldNotBeThere) {
  const std::string path = MakeDatabase("db");
  Options options;
  options.error_if_exists = true;
  const auto before = Files();
  EXPECT_TRUE(absl::IsAlreadyExists(Open(path, options)));
  EXPECT_TRUE(Files() == before);
  EXPECT_TRUE(Open(Path("new"), options).ok());
}

// --- Superblocks --------------------------------------------------------------------

class BadSuperblockTest : public BadInputTest {
 protected:
  void SetUp() override {
    path_ = MakeDatabase("db");
    file_ = ReadFile(path_);
  }
  void EditBoth(const std::function<void(char*)>& edit) {
    PageEditor editor(file_);
    for (const pager::PageId id : {0, 1}) editor.Edit(id, edit);
    WriteFile(path_, editor.file());
  }

  std::string path_, file_;
};

TEST_F(BadSuperblockTest, NewerFormat) {
  for (const uint32_t version : {2u, 3u, 0xffffffffu}) {
    EditBoth([&](char* page) { pager::EncodeFixed32(page + 72, version); });
    ExpectRefused(path_, absl::StatusCode::kUnimplemented, "format version");
  }
}

// A newer library crashed between the two: its superblock must not be undone.
TEST_F(BadSuperblockTest, NewerFormatInTheFirstOnly) {
  PageEditor editor(file_);
  editor.Edit(0, [&](char* page) { pager::EncodeFixed32(page + 72, 2); });
  WriteFile(path_, editor.file());
  ExpectRefused(path_, absl::StatusCode::kUnimplemented, "format version");
}

TEST_F(BadSuperblockTest, FormatZero) {
  EditBoth([](char* page) { pager::EncodeFixed32(page + 72, 0); });
  ExpectRefused(path_, absl::StatusCode::kDataLoss, "format_version");
}

TEST_F(BadSuperblockTest, UnknownFeatures) {
  for (const uint32_t bits : {2u, 0x80000000u}) {
    EditBoth([&](char* page) { pager::EncodeFixed32(page + 172, bits); });
    ExpectRefused(path_, absl::StatusCode::kUnimplemented, "features");
  }
}

TEST_F(BadSuperblockTest, OtherPageSize) {
  EditBoth([](char* page) { pager::EncodeFixed32(page + 76, 8192); });
  ExpectRefused(path_, absl::StatusCode::kDataLoss, "page_bytes");
}

TEST_F(BadSuperblockTest, BothDamaged) {
  std::string file = file_;
  file[100] = static_cast<char>(file[100] ^ 1);
  file[4096 + 2000] = static_cast<char>(file[4096 + 2000] ^ 1);
  WriteFile(path_, file);
  ExpectRefused(path_, absl::StatusCode::kDataLoss, "page 0: checksum");
}

TEST_F(BadSuperblockTest, FieldsImpossible) {
  struct {
    size_t at;
    uint64_t value;
    const char* says;
  } const cases[] = {
      {120, 1, "page_end"},      {120, (uint64_t{1} << 40) + 1, "page_end"},
      {120, 1 << 20, "cut off"}, {112, uint64_t{1} << 48, "next_stamp"},
      {112, 0, "next_stamp"},    {136, ~uint64_t{0}, "catalog_root"},
      {148, 65, "map_count"},    {192, ~uint64_t{0}, "page map"}};
  for (const auto& c : cases) {
    EditBoth([&](char* page) { pager::EncodeFixed64(page + c.at, c.value); });
    ExpectRefused(path_, absl::StatusCode::kDataLoss, c.says);
  }
}

// --- Whose it is ----------------------------------------------------------------------

TEST_F(BadInputTest, PermissionsMissing) {
  const std::string path = MakeDatabase("db");
  const auto before = Files();
  const int denied = static_cast<int>(absl::StatusCode::kPermissionDenied);
  std::filesystem::permissions(path, std::filesystem::perms(0444));
  EXPECT_EQ(CodeAsNobody(path, {}), denied);
  EXPECT_EQ(CodeAsNobody(path, ReadOnly()), 0);
  std::filesystem::permissions(path, std::filesystem::perms(0));
  EXPECT_EQ(CodeAsNobody(path, ReadOnly()), denied);
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  std::filesystem::permissions(folder_, std::filesystem::perms(0555));
  EXPECT_EQ(CodeAsNobody(Path("new"), {}), denied);
  EXPECT_EQ(CodeAsNobody(Path("new"), ReadOnly()),
            static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_TRUE(Files() == before);
}

TEST_F(BadInputTest, LockedInTheSameProcess) {
  const std::string path = MakeDatabase("db");
  auto db = Database::Open(path);
  ASSERT_TRUE(db.ok());
  const std::string pid = absl::StrCat(getpid());
  for (const bool read_only : {false, true}) {
    const absl::Status status = Open(path, read_only ? ReadOnly() : Options{});
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_NE(status.message().find(path), std::string::npos) << status;
    EXPECT_TRUE(status.message().find(pid) != std::string::npos ||
                status.message().find("this process") != std::string::npos)
        << status;
  }
  // The first is none the worse for it.
  EXPECT_TRUE(AddSomething(db->get()).ok());
  EXPECT_TRUE((*db)->Close().ok());
}

TEST_F(BadInputTest, LockedByAnotherProcess) {
  const std::string path = MakeDatabase("db");
  for (const bool holder_reads : {false, true}) {
    Pipe opened, done;
    const pid_t child = fork();
    if (child == 0) {
      auto db = Database::Open(path, holder_reads ? ReadOnly() : Options{});
      WriteAll(opened.write_end, db.ok() ? "y" : "n");
      char byte;
      done.CloseWrite();
      (void)!read(done.read_end, &byte, 1);
      _exit(0);
    }
    char byte = 0;
    ASSERT_EQ(read(opened.read_end, &byte, 1), 1);
    ASSERT_EQ(byte, 'y');
    const absl::Status write = Open(path), read = Open(path, ReadOnly());
    EXPECT_TRUE(absl::IsUnavailable(write)) << write;
    EXPECT_NE(write.message().find(absl::StrCat(child)), std::string::npos) << write;
    EXPECT_EQ(read.ok(), holder_reads) << read;
    done.CloseWrite();
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(Open(path).ok());
  }
}

TEST_F(BadInputTest, ManyReadersAtOnce) {
  const std::string path = MakeDatabase("db");
  auto one = Database::Open(path, ReadOnly()), two = Database::Open(path, ReadOnly());
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_TRUE(ReadContent(one->get()).ok() && ReadContent(two->get()).ok());
}

// --- The log beside it ------------------------------------------------------------------

class BadLogTest : public BadInputTest {
 protected:
  void SetUp() override {
    sample_ = MakeCrashedSample();
    path_ = Path("db");
    WriteFile(path_, sample_.file);
    WriteFile(path_ + "-log", sample_.log);
  }
  CrashedSample sample_;
  std::string path_;
};

// B19: read-only means that not a byte changes, also after a crash.
TEST_F(BadLogTest, ReadOnlyReplaysInMemory) {
  const auto before = Files();
  for (int i = 0; i < 2; ++i) {
    auto db = Database::Open(path_, ReadOnly());
    ASSERT_TRUE(db.ok()) << db.status();
    EXPECT_EQ(*ReadContent(db->get()), sample_.versions.back());
    EXPECT_TRUE((*db)->Check()->ok());
    EXPECT_TRUE(absl::IsFailedPrecondition((*db)->BeginWrite().status()));
    EXPECT_TRUE(absl::IsFailedPrecondition((*db)->Checkpoint()));
    WriteBatch batch;
    batch.Put("table", "k", "v");
    EXPECT_TRUE(absl::IsFailedPrecondition((*db)->Apply(batch)));
    EXPECT_TRUE((*db)->Close().ok());
    EXPECT_TRUE(Files() == before);
  }
}

TEST_F(BadLogTest, ReadOnlyWithoutWritePermission) {
  std::filesystem::permissions(folder_, std::filesystem::perms(0555));
  for (const std::string& file : {path_, path_ + "-log"})
    std::filesystem::permissions(file, std::filesystem::perms(0444));
  EXPECT_EQ(CodeAsNobody(path_, ReadOnly()), 0);
}

TEST_F(BadLogTest, OfAnotherDatabase) {
  auto fs = pager::NewMemoryFileSystem();
  const CrashedSample other = MakeCrashedSample();
  WriteFile(path_ + "-log", other.log);
  ExpectRefused(path_, absl::StatusCode::kFailedPrecondition, "another database");
}

TEST_F(BadLogTest, OfAnotherTime) {
  std::string log = sample_.log;
  log[32] = static_cast<char>(log[32] ^ 1);  // log_id
  pager::EncodeFixed32(log.data() + 60, 0);
  WriteFile(path_ + "-log", log);
  const absl::Status status = Open(path_);
  EXPECT_TRUE(absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)) << status;
}

TEST_F(BadLogTest, Missing) {
  std::filesystem::remove(path_ + "-log");
  ExpectRefused(path_, absl::StatusCode::kDataLoss, "-log");
}

TEST_F(BadLogTest, EmptyOrForeign) {
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(2000000, 'x')}) {
    WriteFile(path_ + "-log", bytes);
    ExpectRefused(path_, absl::StatusCode::kDataLoss, "");
  }
}

TEST_F(BadLogTest, AFolder) {
  std::filesystem::remove(path_ + "-log");
  std::filesystem::create_directory(path_ + "-log");
  const auto before = Files();
  EXPECT_FALSE(Open(path_).ok());
  EXPECT_TRUE(Files() == before);
}

// B17: the log of a database that was deleted belongs to nothing.
TEST_F(BadLogTest, StrayOfADeletedDatabase) {
  std::filesystem::remove(path_);
  auto db = Database::Open(path_);
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_TRUE(ReadContent(db->get())->empty());
  EXPECT_TRUE(AddSomething(db->get()).ok());
  EXPECT_TRUE((*db)->Close().ok());
  EXPECT_FALSE(std::filesystem::exists(path_ + "-log"));
}

// --- Options and arguments ------------------------------------------------------------

TEST_F(BadInputTest, OptionsOutOfRange) {
  const auto refused = [&](const char* name, const std::function<void(Options*)>& set) {
    Options options;
    set(&options);
    for (const absl::Status& status :
         {Open(Path("db"), options), Database::OpenInMemory(options).status()}) {
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << name << ": " << status;
      EXPECT_NE(status.message().find(name), std::string::npos) << status;
    }
  };
  const auto allowed = [&](const std::function<void(Options*)>& set) {
    Options options;
    set(&options);
    const absl::Status status = Open(Path("db"), options);
    EXPECT_TRUE(status.ok()) << status;
  };
  constexpr uint64_t kMiB = 1 << 20;
  refused("cache_bytes_max", [](Options* o) { o->cache_bytes_max = kMiB - 1; });
  refused("cache_bytes_max", [](Options* o) { o->cache_bytes_max = 0; });
  refused("cache_bytes_max", [](Options* o) { o->cache_bytes_max = ~uint64_t{0}; });
  refused("log_bytes_max", [](Options* o) { o->log_bytes_max = kMiB - 1; });
  refused("log_bytes_max",
          [](Options* o) { o->log_bytes_max = (uint64_t{64} << 30) + 1; });
  refused("transaction_log_bytes_max",
          [](Options* o) { o->transaction_log_bytes_max = (64 << 10) - 1; });
  refused("transaction_log_bytes_max",
          [](Options* o) { o->transaction_log_bytes_max = ~uint64_t{0}; });
  refused("durability", [](Options* o) { o->durability = Durability{}; });
  refused("durability", [](Options* o) { o->durability = Durability{4}; });
  EXPECT_TRUE(Files().empty());
  allowed([](Options* o) { o->cache_bytes_max = kMiB; });
  allowed([](Options* o) { o->log_bytes_max = kMiB; });
  allowed([](Options* o) { o->log_bytes_max = uint64_t{64} << 30; });
  allowed([](Options* o) { o->transaction_log_bytes_max = 64 << 10; });
  allowed([](Options* o) { o->durability = Durability::kNone; });
}

TEST_F(BadInputTest, OptionsThatContradict) {
  Options options = ReadOnly();
  EXPECT_TRUE(absl::IsInvalidArgument(Database::OpenInMemory(options).status()));
  options.error_if_exists = true;
  const absl::Status status = Open(MakeDatabase("db"), options);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(status.message().find("error_if_exists"), std::string::npos) << status;
}

TEST_F(BadInputTest, UnknownDurabilityOfOneWrite) {
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(db.ok());
  WriteOptions options;
  options.durability = Durability{7};
  const absl::Status status = (*db)->BeginWrite(options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_TRUE(absl::IsInvalidArgument((*db)->Apply({}, options)));
}

TEST_F(BadInputTest, DescribingPagesOfAnything) {
  WriteFile(Path("garbage"), std::string(5 * kPageBytes + 17, '\x5a'));
  for (uint64_t page = 0; page < 5; ++page) {
    auto d = Database::DescribePage(Path("garbage"), page);
    ASSERT_TRUE(d.ok()) << d.status();
    EXPECT_FALSE(d->intact);
    EXPECT_FALSE(d->problem.empty());
  }
  EXPECT_TRUE(absl::IsOutOfRange(Database::DescribePage(Path("garbage"), 5).status()));
  EXPECT_TRUE(absl::IsOutOfRange(
      Database::DescribePage(Path("garbage"), ~uint64_t{0} / 4096).status()));
  // A page that says it is larger than what is there, with a right checksum.
  const std::string path = MakeDatabase("db");
  for (const int pages : {0, 2, 16, 17, 200, 255}) {
    PageEditor editor(ReadFile(path));
    const pager::PageId last = editor.page_count() - 1;
    const pager::PageId leaf = editor.Descendant(editor.Tree("table").root.page, 1).id;
    for (const pager::PageId id : {last, leaf}) {
      editor.page(id)[pager::PageHeader::kPages] = static_cast<char>(pages);
      pager::SealPage(editor.page(id), kPageBytes);
    }
    WriteFile(Path("edited"), editor.file());
    for (pager::PageId id = 0; id < editor.page_count(); ++id)
      EXPECT_TRUE(Database::DescribePage(Path("edited"), id).ok());
    EXPECT_FALSE(Database::DescribePage(Path("edited"), leaf)->intact);
  }
}

}  // namespace
}  // namespace sheaf::test
