// MemoryFileSystem: files as sparse blocks in a hash map, so that a file of
// 16 TiB with three pages written costs three blocks. There are no folders: a
// path is a name with slashes, cleaned of ".", ".." and doubled slashes.
//
// Thread-safe. Lock order: names, then one file. Files that were deleted live
// on for the handles that are open.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "pager/file.h"
#include "pager/file_errors.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

constexpr uint64_t kBlockBytes = 64 * 1024;

struct Block {
  char bytes[kBlockBytes];
};

// What an open file and its name share.
class MemoryInode {
 public:
  absl::Status Read(const std::string& path, uint64_t offset, absl::Span<char> out) const
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Write(const std::string& path, uint64_t offset,
                     absl::Span<const std::string_view> parts) ABSL_LOCKS_EXCLUDED(mu_);
  void Truncate(uint64_t size) ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t Size() const ABSL_LOCKS_EXCLUDED(mu_);

  // False when another handle is in the way. `held` is the caller's lock.
  bool Lock(LockMode mode, std::optional<LockMode>* held) ABSL_LOCKS_EXCLUDED(mu_);
  void Unlock(std::optional<LockMode>* held) ABSL_LOCKS_EXCLUDED(mu_);

  void SetLinkCount(uint32_t count) ABSL_LOCKS_EXCLUDED(mu_);
  uint32_t LinkCount() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool WritePart(uint64_t offset, std::string_view data)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Block* FindOrAdd(uint64_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Release(std::optional<LockMode>* held) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Block>> blocks_ ABSL_GUARDED_BY(mu_);
  uint64_t size_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t link_count_ ABSL_GUARDED_BY(mu_) = 1;
  uint32_t shared_locks_ ABSL_GUARDED_BY(mu_) = 0;
  bool exclusive_lock_ ABSL_GUARDED_BY(mu_) = false;
};

absl::Status MemoryInode::Read(const std::string& path, uint64_t offset,
                               absl::Span<char> out) const {
  absl::ReaderMutexLock lock(&mu_);
  if (out.empty()) return absl::OkStatus();
  if (offset > size_ || out.size() > size_ - offset) {
    return ReadPastEnd(path, offset, out.size(), size_);
  }
  while (!out.empty()) {
    const uint64_t begin = offset % kBlockBytes;
    const size_t count = std::min<uint64_t>(kBlockBytes - begin, out.size());
    const auto found = blocks_.find(offset / kBlockBytes);
    if (found == blocks_.end()) {
      std::memset(out.data(), 0, count);
    } else {
      std::memcpy(out.data(), found->second->bytes + begin, count);
    }
    offset += count;
    out.remove_prefix(count);
  }
  return absl::OkStatus();
}

Block* MemoryInode::FindOrAdd(uint64_t index) {
  std::unique_ptr<Block>& block = blocks_[index];
  if (block == nullptr) block.reset(new (std::nothrow) Block());
  if (block == nullptr) blocks_.erase(index);
  const auto found = blocks_.find(index);
  return found == blocks_.end() ? nullptr : found->second.get();
}

// False when memory is full; what came before is then written.
bool MemoryInode::WritePart(uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    const uint64_t begin = offset % kBlockBytes;
    const size_t count = std::min<uint64_t>(kBlockBytes - begin, data.size());
    Block* const block = FindOrAdd(offset / kBlockBytes);
    if (block == nullptr) return false;
    std::memcpy(block->bytes + begin, data.data(), count);
    offset += count;
    data.remove_prefix(count);
    size_ = std::max(size_, offset);
  }
  return true;
}

absl::Status MemoryInode::Write(const std::string& path, uint64_t offset,
                                absl::Span<const std::string_view> parts) {
  uint64_t total = 0;
  for (const std::string_view part : parts) total += part.size();
  if (PastFileBytesMax(offset, total)) {
    return PastLargestFile(path, "write", offset, total);
  }
  absl::MutexLock lock(&mu_);
  uint64_t at = offset;
  for (const std::string_view part : parts) {
    if (!WritePart(at, part)) {
      return absl::ResourceExhaustedError(absl::StrCat(
          path, ": write of ", total, " bytes at offset ", offset, ": out of memory"));
    }
    at += part.size();
  }
  return absl::OkStatus();
}

// The bytes behind the end are zeroed, so that growing again shows no old ones.
void MemoryInode::Truncate(uint64_t size) {
  absl::MutexLock lock(&mu_);
  if (size < size_) {
    absl::erase_if(
        blocks_, [size](const auto& block) { return block.first * kBlockBytes >= size; });
    const auto last = blocks_.find(size / kBlockBytes);
    const uint64_t begin = size % kBlockBytes;
    if (last != blocks_.end()) {
      std::memset(last->second->bytes + begin, 0, kBlockBytes - begin);
    }
  }
  size_ = size;
}

uint64_t MemoryInode::Size() const {
  absl::ReaderMutexLock lock(&mu_);
  return size_;
}

void MemoryInode::Release(std::optional<LockMode>* held) {
  if (*held == LockMode::kShared) --shared_locks_;
  if (*held == LockMode::kExclusive) exclusive_lock_ = false;
  held->reset();
}

bool MemoryInode::Lock(LockMode mode, std::optional<LockMode>* held) {
  absl::MutexLock lock(&mu_);
  const uint32_t own_shared = *held == LockMode::kShared ? 1 : 0;
  const bool own_exclusive = *held == LockMode::kExclusive;
  if (exclusive_lock_ && !own_exclusive) return false;
  if (mode == LockMode::kExclusive && shared_locks_ > own_shared) return false;
  Release(held);
  if (mode == LockMode::kShared) ++shared_locks_;
  if (mode == LockMode::kExclusive) exclusive_lock_ = true;
  *held = mode;
  return true;
}

void MemoryInode::Unlock(std::optional<LockMode>* held) {
  absl::MutexLock lock(&mu_);
  Release(held);
}

void MemoryInode::SetLinkCount(uint32_t count) {
  absl::MutexLock lock(&mu_);
  link_count_ = count;
}

uint32_t MemoryInode::LinkCount() const {
  absl::ReaderMutexLock lock(&mu_);
  return link_count_;
}

class MemoryFile : public File {
 public:
  MemoryFile(std::string path, std::shared_ptr<MemoryInode> inode, bool writable)
      : path_(std::move(path)), inode_(std::move(inode)), writable_(writable) {}
  ~MemoryFile() override {
    absl::MutexLock lock(&lock_mu_);
    inode_->Unlock(&lock_held_);
  }

  absl::Status Read(uint64_t offset, absl::Span<char> out) const override {
    return inode_->Read(path_, offset, out);
  }
  absl::Status Write(uint64_t offset, std::string_view data) override {
    return WriteGather(offset, absl::MakeConstSpan(&data, 1));
  }
  absl::Status WriteGather(uint64_t offset,
                           absl::Span<const std::string_view> parts) override {
    if (!writable_) return OpenedReadOnly(path_, "write");
    return inode_->Write(path_, offset, parts);
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::StatusOr<uint64_t> Size() const override { return inode_->Size(); }
  absl::Status Truncate(uint64_t size) override;
  void StartWriteback(uint64_t, uint64_t) override {}
  absl::Status Lock(LockMode mode) override ABSL_LOCKS_EXCLUDED(lock_mu_);
  void Unlock() override ABSL_LOCKS_EXCLUDED(lock_mu_) {
    absl::MutexLock lock(&lock_mu_);
    inode_->Unlock(&lock_held_);
  }
  absl::StatusOr<uint32_t> LinkCount() const override { return inode_->LinkCount(); }

 private:
  const std::string path_;
  const std::shared_ptr<MemoryInode> inode_;
  const bool writable_;
  absl::Mutex lock_mu_;  // acquired before the inode's
  std::optional<LockMode> lock_held_ ABSL_GUARDED_BY(lock_mu_);
};

absl::Status MemoryFile::Truncate(uint64_t size) {
  if (!writable_) return OpenedReadOnly(path_, "truncate");
  if (PastFileBytesMax(0, size)) return PastLargestFile(path_, "truncate", size, 0);
  inode_->Truncate(size);
  return absl::OkStatus();
}

absl::Status MemoryFile::Lock(LockMode mode) {
  absl::MutexLock lock(&lock_mu_);
  if (inode_->Lock(mode, &lock_held_)) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path_, ": locked by this process"));
}

class MemoryFileSystemImpl : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             OpenMode mode) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<bool> Exists(const std::string& path) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Delete(const std::string& path) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status RenameNew(const std::string& from, const std::string& to) override
      ABSL_LOCKS_EXCLUDED(mu_) {
    return Rename(from, to, /*replaces=*/false);
  }
  absl::Status RenameOver(const std::string& from, const std::string& to) override
      ABSL_LOCKS_EXCLUDED(mu_) {
    return Rename(from, to, /*replaces=*/true);
  }
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::string> Canonical(const std::string& path) override;

 private:
  absl::Status Rename(const std::string& from, const std::string& to, bool replaces)
      ABSL_LOCKS_EXCLUDED(mu_);

  absl::Mutex mu_;
  absl::flat_hash_map<std::string, std::shared_ptr<MemoryInode>> names_
      ABSL_GUARDED_BY(mu_);
};

absl::Status NoSuchFile(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such file"));
}

absl::Status NameTaken(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat(path, ": the file exists"));
}

absl::StatusOr<std::string> MemoryFileSystemImpl::Canonical(const std::string& path) {
  SHEAF_RETURN_IF_ERROR(CheckPath(path));
  if (path.back() == '/') return NotARegularFile(path, "a folder");
  return (std::filesystem::path("/") / path).lexically_normal().string();
}

absl::StatusOr<std::unique_ptr<File>> MemoryFileSystemImpl::Open(const std::string& path,
                                                                 OpenMode mode) {
  SHEAF_ASSIGN_OR_RETURN(const std::string name, Canonical(path));
  absl::MutexLock lock(&mu_);
  const auto found = names_.find(name);
  const bool create = mode == OpenMode::kCreateNew;
  if (create && found != names_.end()) return NameTaken(path);
  if (!create && found == names_.end()) return NoSuchFile(path);
  std::shared_ptr<MemoryInode> inode =
      create ? names_[name] = std::make_shared<MemoryInode>() : found->second;
  return std::make_unique<MemoryFile>(path, std::move(inode),
                                      mode != OpenMode::kReadOnly);
}

absl::StatusOr<bool> MemoryFileSystemImpl::Exists(const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(const std::string name, Canonical(path));
  absl::MutexLock lock(&mu_);
  return names_.contains(name);
}

absl::Status MemoryFileSystemImpl::Delete(const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(const std::string name, Canonical(path));
  absl::MutexLock lock(&mu_);
  const auto found = names_.find(name);
  if (found == names_.end()) return NoSuchFile(path);
  found->second->SetLinkCount(0);
  names_.erase(found);
  return absl::OkStatus();
}

absl::Status MemoryFileSystemImpl::Rename(const std::string& from, const std::string& to,
                                          bool replaces) {
  SHEAF_ASSIGN_OR_RETURN(const std::string old_name, Canonical(from));
  SHEAF_ASSIGN_OR_RETURN(const std::string new_name, Canonical(to));
  absl::MutexLock lock(&mu_);
  const auto found = names_.find(old_name);
  if (found == names_.end()) return NoSuchFile(from);
  if (!replaces && names_.contains(new_name)) return NameTaken(to);
  std::shared_ptr<MemoryInode> inode = std::move(found->second);
  names_.erase(found);
  names_[new_name] = std::move(inode);
  return absl::OkStatus();
}

absl::Status MemoryFileSystemImpl::SyncDirectory(const std::string& path) {
  return CheckPath(path);
}

}  // namespace

std::unique_ptr<FileSystem> NewMemoryFileSystem() {
  return std::make_unique<MemoryFileSystemImpl>();
}

}  // namespace sheaf::pager
