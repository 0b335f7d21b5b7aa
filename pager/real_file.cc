// RealFileSystem: files of the operating system, by POSIX calls; what only
// Linux has (flock holders, renameat2, sync_file_range) has a fallback.
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sys/sysmacros.h>
#endif

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "pager/append_map.h"
#include "pager/file.h"
#include "pager/file_errors.h"
#include "pager/fork_count.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

static_assert(sizeof(off_t) == 8, "files beyond 2 GiB need 64-bit offsets");

constexpr size_t kIovecsMax = 1024;  // IOV_MAX of Linux
constexpr int kSymlinksMax = 40;     // as the kernel's own limit
constexpr int kFirstDescriptor = 3;  // below live stdin, stdout and stderr

using Iovecs = absl::InlinedVector<iovec, 32>;

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EISDIR:
    case ENOTDIR:
    case ENXIO:  // a socket, or a device without a driver
    case ELOOP:
      return absl::StatusCode::kFailedPrecondition;
    case ENAMETOOLONG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status SystemError(int error, const std::string& path,
                         const std::string& operation) {
  return absl::Status(
      CodeOf(error),
      absl::StrCat(path, ": ", operation, ": ", std::generic_category().message(error)));
}

std::string Range(const char* operation, uint64_t offset, uint64_t size) {
  return absl::StrCat(operation, " of ", size, " bytes at offset ", offset);
}

absl::Status CheckRegular(const std::string& path, const struct stat& info) {
  if (S_ISREG(info.st_mode)) return absl::OkStatus();
  if (S_ISDIR(info.st_mode)) return NotARegularFile(path, "a folder");
  if (S_ISFIFO(info.st_mode)) return NotARegularFile(path, "a pipe");
  if (S_ISSOCK(info.st_mode)) return NotARegularFile(path, "a socket");
  return NotARegularFile(path, "a device");
}

// Retries a call that a signal interrupted. Never used for a sync.
template <typename Call>
auto Uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// A descriptor below 3 would sooner or later receive what somebody prints
// (RELIABILITY B38). Returns -1 with errno set when there is no other.
int AboveStandardStreams(int descriptor) {
  if (descriptor < 0 || descriptor >= kFirstDescriptor) return descriptor;
  const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstDescriptor);
  const int error = errno;
  close(descriptor);
  errno = error;
  return moved;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

#ifdef __linux__
std::string ProcessName(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/comm"));
  std::string name;
  std::getline(file, name);
  return name;
}

// The process that holds an flock on this inode, from lines of /proc/locks like
//   1: FLOCK  ADVISORY  WRITE 7180 fe:00:131075 0 EOF
std::optional<pid_t> LockHolder(const struct stat& info) {
  const std::string inode = absl::StrFormat("%02x:%02x:%d", major(info.st_dev),
                                            minor(info.st_dev), info.st_ino);
  std::ifstream locks("/proc/locks");
  std::string line;
  while (std::getline(locks, line)) {
    const std::vector<std::string> field = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (field.size() < 6 || field[1] != "FLOCK" || field[5] != inode) continue;
    int pid = 0;
    if (absl::SimpleAtoi(field[4], &pid) && pid > 0) return pid;
  }
  return std::nullopt;
}
#else
std::string ProcessName(pid_t) { return ""; }
std::optional<pid_t> LockHolder(const struct stat&) { return std::nullopt; }
#endif

std::string DescribeLockHolder(int descriptor) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) return "another process";
  const std::optional<pid_t> pid = LockHolder(info);
  if (!pid.has_value()) return "another process";
  if (*pid == getpid()) return "this process";
  const std::string name = ProcessName(*pid);
  if (name.empty()) return absl::StrCat("process ", *pid);
  return absl::StrCat("process ", *pid, " (", name, ")");
}

int SyncData(int descriptor) {
#ifdef __APPLE__
  // fsync there leaves the bytes in the drive's own cache.
  return fcntl(descriptor, F_FULLFSYNC);
#else
  return fdatasync(descriptor);
#endif
}

class RealFile : public File {
 public:
  RealFile(std::string path, int descriptor, bool writable)
      : path_(std::move(path)),
        descriptor_(descriptor),
        writable_(writable),
        owner_(getpid()),
        forks_(ForkCount()) {}
  ~RealFile() override;

  absl::Status Read(uint64_t offset, absl::Span<char> out) const override;
  absl::Status Write(uint64_t offset, std::string_view data) override;
  absl::Status ReadScatter(uint64_t offset,
                           absl::Span<const absl::Span<char>> parts) const override;
  absl::Status WriteGather(uint64_t offset,
                           absl::Span<const std::string_view> parts) override;
  char* MapForAppend(uint64_t offset, uint64_t size) override;
  absl::Status Allocate(uint64_t offset, uint64_t size) override;
  absl::Status Sync() override;
  absl::StatusOr<uint64_t> Size() const override;
  absl::Status Truncate(uint64_t size) override;
  void StartWriteback(uint64_t offset, uint64_t size) override;
  void PunchHole(uint64_t offset, uint64_t size) override;
  absl::Status Lock(LockMode mode) override ABSL_LOCKS_EXCLUDED(lock_mu_);
  void Unlock() override ABSL_LOCKS_EXCLUDED(lock_mu_);
  absl::StatusOr<uint32_t> LinkCount() const override;

 private:
  absl::Status CheckWrite(uint64_t offset, uint64_t size) const;
  absl::Status EndOfFile(uint64_t offset, uint64_t wanted) const;
  absl::Status LockHeldElsewhere() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lock_mu_);

  const std::string path_;
  const int descriptor_;
  const bool writable_;
  const pid_t owner_;
  const uint64_t forks_;
  AppendMap append_map_;
  absl::Mutex lock_mu_;
  int lock_held_ ABSL_GUARDED_BY(lock_mu_) = 0;  // LOCK_SH, LOCK_EX or 0
};

// A forked child shares the lock with its parent. Where the parent closes, the
// lock must go although the child still has the descriptor; where the child
// closes, the parent's lock must stay.
RealFile::~RealFile() {
  if (owner_ == getpid()) flock(descriptor_, LOCK_UN);
  close(descriptor_);
}

absl::Status RealFile::EndOfFile(uint64_t offset, uint64_t wanted) const {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, Size());
  return ReadPastEnd(path_, offset, wanted, size);
}

absl::Status RealFile::Read(uint64_t offset, absl::Span<char> out) const {
  if (out.empty()) return absl::OkStatus();
  if (PastFileBytesMax(offset, out.size())) return EndOfFile(offset, out.size());
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = Uninterrupted([&] {
      return pread(descriptor_, out.data() + done, out.size() - done,
                   static_cast<off_t>(offset + done));
    });
    if (count == 0) return EndOfFile(offset, out.size());
    if (count < 0) {
      return SystemError(errno, path_, Range("read", offset + done, out.size() - done));
    }
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status RealFile::CheckWrite(uint64_t offset, uint64_t size) const {
  if (!writable_) return OpenedReadOnly(path_, "write");
  if (ForkCount() != forks_) return OpenedBeforeFork(path_);
  if (PastFileBytesMax(offset, size)) {
    return PastLargestFile(path_, "write", offset, size);
  }
  return absl::OkStatus();
}

absl::Status RealFile::Write(uint64_t offset, std::string_view data) {
  SHEAF_RETURN_IF_ERROR(CheckWrite(offset, data.size()));
  while (!data.empty()) {
    const ssize_t count = Uninterrupted([&] {
      return pwrite(descriptor_, data.data(), data.size(), static_cast<off_t>(offset));
    });
    if (count <= 0) {
      return SystemError(count == 0 ? EIO : errno, path_,
                         Range("write", offset, data.size()));
    }
    offset += static_cast<uint64_t>(count);
    data.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

// Steps over `written` bytes: returns the index of the first part that is not
// whole on disk, shortened by what is.
size_t SkipWritten(Iovecs* parts, size_t first, size_t written) {
  while (first < parts->size() && written >= (*parts)[first].iov_len) {
    written -= (*parts)[first].iov_len;
    ++first;
  }
  if (written == 0) return first;
  iovec& part = (*parts)[first];
  part.iov_base = static_cast<char*>(part.iov_base) + written;
  part.iov_len -= written;
  return first;
}

absl::Status RealFile::ReadScatter(uint64_t offset,
                                   absl::Span<const absl::Span<char>> parts) const {
  Iovecs into;
  uint64_t bytes = 0;
  for (const absl::Span<char> part : parts) {
    into.push_back({part.data(), part.size()});
    bytes += part.size();
  }
  if (into.size() > kIovecsMax || PastFileBytesMax(offset, bytes))
    return File::ReadScatter(offset, parts);
  const ssize_t count = Uninterrupted([&] {
    return preadv(descriptor_, into.data(), static_cast<int>(into.size()),
                  static_cast<off_t>(offset));
  });
  if (count == static_cast<ssize_t>(bytes)) return absl::OkStatus();
  return File::ReadScatter(offset, parts);  // says what is wrong, or reads the rest
}

absl::Status RealFile::WriteGather(uint64_t offset,
                                   absl::Span<const std::string_view> parts) {
  Iovecs left;
  uint64_t left_bytes = 0;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    left.push_back({const_cast<char*>(part.data()), part.size()});
    left_bytes += part.size();
  }
  SHEAF_RETURN_IF_ERROR(CheckWrite(offset, left_bytes));
  size_t first = 0;
  while (first < left.size()) {
    const ssize_t count = Uninterrupted([&] {
      return pwritev(descriptor_, &left[first],
                     static_cast<int>(std::min(left.size() - first, kIovecsMax)),
                     static_cast<off_t>(offset));
    });
    if (count <= 0) {
      return SystemError(count == 0 ? EIO : errno, path_,
                         Range("write", offset, left_bytes));
    }
    offset += static_cast<uint64_t>(count);
    left_bytes -= static_cast<uint64_t>(count);
    first = SkipWritten(&left, first, static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

char* RealFile::MapForAppend(uint64_t offset, uint64_t size) {
  if (!writable_ || size == 0 || PastFileBytesMax(offset, size)) return nullptr;
  return append_map_.Map(descriptor_, offset, size);
}

absl::Status RealFile::Allocate(uint64_t offset, uint64_t size) {
  SHEAF_RETURN_IF_ERROR(CheckWrite(offset, size));
#ifdef __linux__
  // Not posix_fallocate, which would write where the file system cannot.
  const int result = Uninterrupted([&] {
    return fallocate(descriptor_, 0, static_cast<off_t>(offset),
                     static_cast<off_t>(size));
  });
  if (result == 0) return absl::OkStatus();
  if (errno != EOPNOTSUPP && errno != ENOSYS)
    return SystemError(errno, path_, Range("allocate", offset, size));
#endif
  return File::Allocate(offset, size);
}

// Not tried again, not even when interrupted: see the head of pager/file.h.
absl::Status RealFile::Sync() {
  if (SyncData(descriptor_) == 0) return absl::OkStatus();
  return SystemError(errno, path_, "sync");
}

absl::StatusOr<uint64_t> RealFile::Size() const {
  struct stat info;
  if (fstat(descriptor_, &info) != 0) return SystemError(errno, path_, "size");
  return static_cast<uint64_t>(info.st_size);
}

absl::Status RealFile::Truncate(uint64_t size) {
  if (!writable_) return OpenedReadOnly(path_, "truncate");
  if (ForkCount() != forks_) return OpenedBeforeFork(path_);
  if (PastFileBytesMax(0, size)) return PastLargestFile(path_, "truncate", size, 0);
  const int result =
      Uninterrupted([&] { return ftruncate(descriptor_, static_cast<off_t>(size)); });
  if (result == 0) return absl::OkStatus();
  return SystemError(errno, path_, absl::StrCat("truncate to ", size, " bytes"));
}

void RealFile::PunchHole(uint64_t offset, uint64_t size) {
#ifdef FALLOC_FL_PUNCH_HOLE
  if (ForkCount() != forks_) return;
  (void)fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(offset), static_cast<off_t>(size));
#else
  (void)offset;
  (void)size;
#endif
}

void RealFile::StartWriteback(uint64_t offset, uint64_t size) {
#ifdef SYNC_FILE_RANGE_WRITE
  if (PastFileBytesMax(offset, size)) return;
  // A size of 0 would mean the rest of the file.
  if (size == 0) return;
  // Only a hint: an error of the device is told to Sync() as well.
  (void)sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size),
                        SYNC_FILE_RANGE_WRITE);
#else
  (void)offset, (void)size;
#endif
}

// flock gives the old lock up before it asks for the new one, so a change of
// mode that fails has to take the old one again.
absl::Status RealFile::LockHeldElsewhere() {
  const std::string holder = DescribeLockHolder(descriptor_);
  if (lock_held_ != 0 && flock(descriptor_, lock_held_ | LOCK_NB) != 0) {
    lock_held_ = 0;
    return absl::InternalError(absl::StrCat(path_, ": lock: lost to ", holder,
                                            " while changing from one mode to another"));
  }
  return absl::UnavailableError(absl::StrCat(path_, ": locked by ", holder));
}

absl::Status RealFile::Lock(LockMode mode) {
  const int wanted = mode == LockMode::kShared ? LOCK_SH : LOCK_EX;
  absl::MutexLock lock(&lock_mu_);
  const int result = Uninterrupted([&] { return flock(descriptor_, wanted | LOCK_NB); });
  if (result == 0) {
    lock_held_ = wanted;
    return absl::OkStatus();
  }
  if (errno == EWOULDBLOCK) return LockHeldElsewhere();
  return SystemError(errno, path_, "lock");
}

void RealFile::Unlock() {
  absl::MutexLock lock(&lock_mu_);
  if (owner_ == getpid()) flock(descriptor_, LOCK_UN);  // not its parent's
  lock_held_ = 0;
}

absl::StatusOr<uint32_t> RealFile::LinkCount() const {
  struct stat info;
  if (fstat(descriptor_, &info) != 0) return SystemError(errno, path_, "stat");
  return static_cast<uint32_t>(info.st_nlink);
}

class RealFileSystemImpl : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             OpenMode mode) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::Status Delete(const std::string& path) override;
  absl::Status RenameNew(const std::string& from, const std::string& to) override;
  absl::Status RenameOver(const std::string& from, const std::string& to) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::string> Canonical(const std::string& path) override;
};

int OpenFlags(OpenMode mode) {
  // O_NONBLOCK: a pipe that took the name after it was looked at cannot hang us.
  constexpr int kAlways = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  switch (mode) {
    case OpenMode::kReadOnly:
      return kAlways | O_RDONLY;
    case OpenMode::kReadWrite:
      return kAlways | O_RDWR;
    case OpenMode::kCreateNew:
      return kAlways | O_RDWR | O_CREAT | O_EXCL;
  }
  std::abort();
}

// Looked at by name first, because opening a device can already do something,
// and by descriptor again, because the name may have changed hands in between.
absl::StatusOr<std::unique_ptr<File>> RealFileSystemImpl::Open(const std::string& path,
                                                               OpenMode mode) {
  const char* const operation = mode == OpenMode::kCreateNew ? "create" : "open";
  SHEAF_RETURN_IF_ERROR(CheckPath(path));
  struct stat info;
  if (mode != OpenMode::kCreateNew && stat(path.c_str(), &info) == 0) {
    SHEAF_RETURN_IF_ERROR(CheckRegular(path, info));
  }
  const int descriptor = AboveStandardStreams(
      Uninterrupted([&] { return open(path.c_str(), OpenFlags(mode), 0666); }));
  if (descriptor < 0) return SystemError(errno, path, operation);
  auto file = std::make_unique<RealFile>(path, descriptor, mode != OpenMode::kReadOnly);
  if (fstat(descriptor, &info) != 0) return SystemError(errno, path, operation);
  SHEAF_RETURN_IF_ERROR(CheckRegular(path, info));
  return file;
}

absl::StatusOr<bool> RealFileSystemImpl::Exists(const std::string& path) {
  SHEAF_RETURN_IF_ERROR(CheckPath(path));
  struct stat info;
  if (stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return SystemError(errno, path, "stat");
}

absl::Status RealFileSystemImpl::Delete(const std::string& path) {
  SHEAF_RETURN_IF_ERROR(CheckPath(path));
  if (unlink(path.c_str()) == 0) return absl::OkStatus();
  return SystemError(errno, path, "delete");
}

// For kernels and file systems without RENAME_NOREPLACE. A crash in between
// leaves both names, which lead to the same file.
absl::Status LinkThenUnlink(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) != 0) {
    const int error = errno;
    const std::string& about = error == EEXIST ? to : from;
    return SystemError(error, about, absl::StrCat("rename of ", from, " to ", to));
  }
  if (unlink(from.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  unlink(to.c_str());
  return SystemError(error, from, absl::StrCat("rename to ", to));
}

absl::Status RealFileSystemImpl::RenameNew(const std::string& from,
                                           const std::string& to) {
  SHEAF_RETURN_IF_ERROR(CheckPath(from));
  SHEAF_RETURN_IF_ERROR(CheckPath(to));
#ifdef RENAME_NOREPLACE
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return absl::OkStatus();
  }
  if (errno == EEXIST) {
    return SystemError(EEXIST, to, absl::StrCat("rename of ", from));
  }
  if (errno != ENOSYS && errno != EINVAL) {
    return SystemError(errno, from, absl::StrCat("rename to ", to));
  }
#endif
  return LinkThenUnlink(from, to);
}

absl::Status RealFileSystemImpl::RenameOver(const std::string& from,
                                            const std::string& to) {
  SHEAF_RETURN_IF_ERROR(CheckPath(from));
  SHEAF_RETURN_IF_ERROR(CheckPath(to));
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return SystemError(errno, from, absl::StrCat("rename to ", to));
}

absl::Status RealFileSystemImpl::SyncDirectory(const std::string& path) {
  SHEAF_RETURN_IF_ERROR(CheckPath(path));
  const std::string folder = FolderOf(path);
  const int descriptor = AboveStandardStreams(Uninterrupted(
      [&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (descriptor < 0) return SystemError(errno, path, "sync of the folder");
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  // EINVAL: a file system that keeps no order of names, and cannot be asked to.
  if (result == 0 || error == EINVAL) return absl::OkStatus();
  return SystemError(error, path, "sync of the folder");
}

absl::StatusOr<std::string> ResolveExisting(const std::string& path,
                                            const std::string& asked) {
  char* const resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr) {
    return SystemError(errno, asked, absl::StrCat("resolving ", path));
  }
  std::string result = resolved;
  free(resolved);
  return result;
}

absl::StatusOr<std::string> LinkTarget(const std::string& path,
                                       const std::string& asked) {
  char target[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), target, sizeof(target));
  if (size < 0) return SystemError(errno, asked, absl::StrCat("resolving ", path));
  return std::string(target, static_cast<size_t>(size));
}

std::string Join(const std::string& folder, const std::string& name) {
  return folder == "/" ? absl::StrCat("/", name) : absl::StrCat(folder, "/", name);
}

struct Step {
  std::string path;
  bool is_last = true;  // otherwise a link led here: go on
};

// The folder must exist and is left to realpath; the last component need not,
// so its links are followed here, one at a time.
absl::StatusOr<Step> ResolveStep(const std::string& at, const std::string& asked) {
  const size_t slash = at.find_last_of('/');
  const std::string last = slash == std::string::npos ? at : at.substr(slash + 1);
  const bool is_folder = last.empty() || last == "." || last == "..";
  absl::StatusOr<std::string> folder =
      ResolveExisting(is_folder ? at : FolderOf(at), asked);
  if (!folder.ok()) return std::move(folder).status();
  if (is_folder) return Step{*std::move(folder)};
  Step whole{Join(*folder, last)};
  struct stat info;
  if (lstat(whole.path.c_str(), &info) != 0) {
    if (errno == ENOENT) return whole;
    return SystemError(errno, asked, absl::StrCat("resolving ", whole.path));
  }
  if (!S_ISLNK(info.st_mode)) return whole;
  absl::StatusOr<std::string> target = LinkTarget(whole.path, asked);
  if (!target.ok()) return std::move(target).status();
  const bool absolute = target->starts_with('/');
  return Step{absolute ? *std::move(target) : Join(*folder, *target), false};
}

absl::StatusOr<std::string> RealFileSystemImpl::Canonical(const std::string& path) {
  SHEAF_RETURN_IF_ERROR(CheckPath(path));
  Step step{path, false};
  for (int links = 0; links <= kSymlinksMax; ++links) {
    SHEAF_ASSIGN_OR_RETURN(step, ResolveStep(step.path, path));
    if (step.is_last) return step.path;
  }
  return SystemError(ELOOP, path, "resolving");
}

}  // namespace

FileSystem* RealFileSystem() {
  static FileSystem* const system = new RealFileSystemImpl;
  return system;
}

}  // namespace sheaf::pager
