#include "tests/support/faulty_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "pager/file_errors.h"
#include "pager/status_macros.h"

namespace sheaf::test {

using pager::LockMode;
using pager::OpenMode;

namespace {

// Guarded by the mutex of the file system it belongs to.
struct Inode {
  FileId id = 0;
  std::string path;  // its name, or the last one it had
  SharedBytes bytes;
  SharedBytes synced;  // as of the last sync that worked
  bool named = true;
  uint32_t shared_locks = 0;
  bool exclusive_lock = false;
};

absl::Status WithPath(const std::string& path, const char* operation,
                      const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", operation, ": ",
                                                  std::string(status.message())));
}

absl::StatusOr<std::string> CleanPath(const std::string& path) {
  static pager::FileSystem* const names = pager::NewMemoryFileSystem().release();
  return names->Canonical(path);
}

const char* NameOf(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::kWrite:
      return "write";
    case Event::Kind::kTruncate:
      return "truncate";
    case Event::Kind::kSync:
      return "sync";
    case Event::Kind::kForget:
      return "failed sync";
    case Event::Kind::kCreate:
      return "create";
    case Event::Kind::kDelete:
      return "delete";
    case Event::Kind::kRename:
      return "rename";
    case Event::Kind::kSyncDirectory:
      return "sync of folder";
  }
  return "?";
}

int IndexOf(uint32_t call_class) { return __builtin_ctz(call_class); }

}  // namespace

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool Event::IsDirectoryChange() const {
  return kind == Kind::kCreate || kind == Kind::kDelete || kind == Kind::kRename;
}

std::string Event::ToString() const {
  std::string text = absl::StrCat(NameOf(kind), " ", path);
  if (kind == Kind::kWrite) absl::StrAppend(&text, " ", offset, "+", data->size());
  if (kind == Kind::kTruncate) absl::StrAppend(&text, " to ", offset);
  if (kind == Kind::kRename) absl::StrAppend(&text, " to ", to);
  return text;
}

// The state, kept alive by open files.
class FaultyFileSystem::Rep {
 public:
  explicit Rep(Disk disk);

  void Inject(Fault fault) ABSL_LOCKS_EXCLUDED(mu_);
  void ClearFaults() ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t faults_fired() const ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t calls(uint32_t classes) const ABSL_LOCKS_EXCLUDED(mu_);
  void LimitDisk(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  size_t event_count() const ABSL_LOCKS_EXCLUDED(mu_);
  Recording recording() const ABSL_LOCKS_EXCLUDED(mu_);
  void RestartRecording() ABSL_LOCKS_EXCLUDED(mu_);
  Disk Contents() const ABSL_LOCKS_EXCLUDED(mu_);

  absl::StatusOr<std::shared_ptr<Inode>> Open(const std::string& path, OpenMode mode)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<bool> Exists(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Delete(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Rename(const std::string& from, const std::string& to, bool replaces)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status SyncDirectory(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status CheckQuery(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);

  absl::Status Read(const Inode& inode, uint64_t offset, absl::Span<char> out)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Write(Inode* inode, uint64_t offset, std::string data)
      ABSL_LOCKS_EXCLUDED(mu_);
  void PunchHole(Inode* inode, uint64_t offset, uint64_t size) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Truncate(Inode* inode, uint64_t size) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Sync(Inode* inode) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<uint64_t> Size(const Inode& inode) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<uint32_t> LinkCount(const Inode& inode) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Lock(Inode* inode, LockMode mode, std::optional<LockMode>* held)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Unlock(Inode* inode, std::optional<LockMode>* held) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Armed {
    Fault fault;
    uint64_t seen = 0;
  };

  const Fault* CountCall(uint32_t call_class, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Check(uint32_t call_class, const char* operation, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t BytesThatFit(const Inode& inode, uint64_t offset, uint64_t size) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t AllocatedBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Disk ContentsLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Record(Event::Kind kind, const Inode& inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  absl::btree_map<std::string, std::shared_ptr<Inode>> names_ ABSL_GUARDED_BY(mu_);
  FileId next_id_ ABSL_GUARDED_BY(mu_) = 1;
  Recording recording_ ABSL_GUARDED_BY(mu_);
  std::vector<Armed> armed_ ABSL_GUARDED_BY(mu_);
  uint64_t faults_fired_ ABSL_GUARDED_BY(mu_) = 0;
  std::array<uint64_t, kCallClassCount> calls_ ABSL_GUARDED_BY(mu_){};
  uint64_t disk_bytes_max_ ABSL_GUARDED_BY(mu_) = kUnlimited;
};

// Files without a name are left out: their ids will be given again.
FaultyFileSystem::Rep::Rep(Disk disk) {
  for (const auto& [path, id] : disk.names) {
    auto inode = std::make_shared<Inode>();
    inode->id = id;
    inode->path = path;
    inode->bytes = inode->synced = disk.files[id];
    names_[path] = std::move(inode);
    next_id_ = std::max(next_id_, id + 1);
  }
  recording_.start = ContentsLocked();
}

void FaultyFileSystem::Rep::Inject(Fault fault) {
  absl::MutexLock lock(&mu_);
  armed_.push_back(Armed{std::move(fault)});
}

void FaultyFileSystem::Rep::ClearFaults() {
  absl::MutexLock lock(&mu_);
  armed_.clear();
}

uint64_t FaultyFileSystem::Rep::faults_fired() const {
  absl::MutexLock lock(&mu_);
  return faults_fired_;
}

uint64_t FaultyFileSystem::Rep::calls(uint32_t classes) const {
  absl::MutexLock lock(&mu_);
  uint64_t total = 0;
  for (int i = 0; i < kCallClassCount; ++i) {
    if ((classes >> i) & 1) total += calls_[i];
  }
  return total;
}

void FaultyFileSystem::Rep::LimitDisk(uint64_t bytes) {
  absl::MutexLock lock(&mu_);
  disk_bytes_max_ = bytes;
}

size_t FaultyFileSystem::Rep::event_count() const {
  absl::MutexLock lock(&mu_);
  return recording_.events.size();
}

Recording FaultyFileSystem::Rep::recording() const {
  absl::MutexLock lock(&mu_);
  return recording_;
}

Disk FaultyFileSystem::Rep::ContentsLocked() const {
  Disk disk;
  for (const auto& [path, inode] : names_) {
    disk.names[path] = inode->id;
    disk.files[inode->id] = inode->bytes;
  }
  return disk;
}

Disk FaultyFileSystem::Rep::Contents() const {
  absl::MutexLock lock(&mu_);
  return ContentsLocked();
}

void FaultyFileSystem::Rep::RestartRecording() {
  absl::MutexLock lock(&mu_);
  recording_ = Recording{ContentsLocked(), {}};
  for (const auto& [path, inode] : names_) inode->synced = inode->bytes;
}

// Counts the call for every armed fault. Returns the one that strikes, if any;
// valid until the next Inject.
const Fault* FaultyFileSystem::Rep::CountCall(uint32_t call_class,
                                              const std::string& path) {
  ++calls_[IndexOf(call_class)];
  const Fault* striking = nullptr;
  for (Armed& armed : armed_) {
    const Fault& fault = armed.fault;
    if ((fault.calls & call_class) == 0) continue;
    if (!absl::EndsWith(path, fault.path_suffix)) continue;
    ++armed.seen;
    const bool strikes = fault.repeat == Fault::Repeat::kForEver
                             ? armed.seen >= fault.nth
                             : armed.seen == fault.nth;
    if (strikes && striking == nullptr) striking = &fault;
  }
  if (striking != nullptr) ++faults_fired_;
  return striking;
}

absl::Status FaultyFileSystem::Rep::Check(uint32_t call_class, const char* operation,
                                          const std::string& path) {
  const Fault* const fault = CountCall(call_class, path);
  if (fault == nullptr) return absl::OkStatus();
  return WithPath(path, operation, fault->status);
}

absl::Status FaultyFileSystem::Rep::CheckQuery(const std::string& path) {
  absl::MutexLock lock(&mu_);
  return Check(kQuery, "query", path);
}

void FaultyFileSystem::Rep::Record(Event::Kind kind, const Inode& inode) {
  Event event;
  event.kind = kind;
  event.file = inode.id;
  event.path = inode.path;
  recording_.events.push_back(std::move(event));
}

absl::StatusOr<std::shared_ptr<Inode>> FaultyFileSystem::Rep::Open(
    const std::string& path, OpenMode mode) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kOpen, "open", path));
  const auto found = names_.find(path);
  if (mode != OpenMode::kCreateNew) {
    if (found != names_.end()) return found->second;
    return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  }
  if (found != names_.end()) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": the file exists"));
  }
  auto inode = std::make_shared<Inode>();
  inode->id = next_id_++;
  inode->path = path;
  names_[path] = inode;
  Record(Event::Kind::kCreate, *inode);
  return inode;
}

absl::StatusOr<bool> FaultyFileSystem::Rep::Exists(const std::string& path) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kQuery, "stat", path));
  return names_.contains(path);
}

absl::Status FaultyFileSystem::Rep::Delete(const std::string& path) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kDelete, "delete", path));
  const auto found = names_.find(path);
  if (found == names_.end()) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  }
  Record(Event::Kind::kDelete, *found->second);
  found->second->named = false;
  names_.erase(found);
  return absl::OkStatus();
}

absl::Status FaultyFileSystem::Rep::Rename(const std::string& from, const std::string& to,
                                           bool replaces) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kRename, "rename", from));
  const auto found = names_.find(from);
  if (found == names_.end()) {
    return absl::NotFoundError(absl::StrCat(from, ": no such file"));
  }
  if (!replaces && names_.contains(to)) {
    return absl::AlreadyExistsError(absl::StrCat(to, ": the file exists"));
  }
  std::shared_ptr<Inode> inode = std::move(found->second);
  names_.erase(found);
  Record(Event::Kind::kRename, *inode);
  recording_.events.back().to = to;
  inode->path = to;
  names_[to] = std::move(inode);
  return absl::OkStatus();
}

absl::Status FaultyFileSystem::Rep::SyncDirectory(const std::string& path) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kSyncDirectory, "sync of the folder", path));
  Event event;
  event.kind = Event::Kind::kSyncDirectory;
  event.path = FolderOf(path);
  recording_.events.push_back(std::move(event));
  return absl::OkStatus();
}

absl::Status FaultyFileSystem::Rep::Read(const Inode& inode, uint64_t offset,
                                         absl::Span<char> out) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kRead, "read", inode.path));
  const uint64_t size = inode.bytes.size();
  if (out.empty()) return absl::OkStatus();
  if (offset > size || out.size() > size - offset) {
    return pager::ReadPastEnd(inode.path, offset, out.size(), size);
  }
  inode.bytes.Read(offset, out);
  return absl::OkStatus();
}

uint64_t FaultyFileSystem::Rep::AllocatedBytes() const {
  uint64_t total = 0;
  for (const auto& [path, inode] : names_) total += inode->bytes.allocated_bytes();
  return total;
}

// How much of a write goes before the disk is full. Overwriting needs no space.
uint64_t FaultyFileSystem::Rep::BytesThatFit(const Inode& inode, uint64_t offset,
                                             uint64_t size) const {
  if (disk_bytes_max_ == kUnlimited) return size;
  uint64_t used = AllocatedBytes();
  uint64_t at = offset;
  while (at < offset + size) {
    const uint64_t index = at / SharedBytes::kBlockBytes;
    if (inode.bytes.IsHole(index)) used += SharedBytes::kBlockBytes;
    if (used > disk_bytes_max_ && inode.bytes.IsHole(index)) return at - offset;
    at = (index + 1) * SharedBytes::kBlockBytes;
  }
  return size;
}

absl::Status FaultyFileSystem::Rep::Write(Inode* inode, uint64_t offset,
                                          std::string data) {
  absl::MutexLock lock(&mu_);
  const Fault* const fault = CountCall(kWrite, inode->path);
  if (pager::PastFileBytesMax(offset, data.size())) {
    return pager::PastLargestFile(inode->path, "write", offset, data.size());
  }
  absl::Status status;
  const uint64_t wanted = data.size();
  uint64_t written = BytesThatFit(*inode, offset, wanted);
  if (fault != nullptr) {
    status = WithPath(inode->path, "write", fault->status);
    written = std::min(written, fault->short_bytes);
  } else if (written < wanted) {
    status = absl::ResourceExhaustedError(absl::StrCat(inode->path, ": write of ", wanted,
                                                       " bytes at offset ", offset,
                                                       ": the disk is full"));
  }
  if (written == 0) return status;
  data.resize(written);
  inode->bytes.Write(offset, data);
  Record(Event::Kind::kWrite, *inode);
  recording_.events.back().offset = offset;
  recording_.events.back().data = std::make_shared<const std::string>(std::move(data));
  return status;
}

// To a crash it is a write of zeros.
void FaultyFileSystem::Rep::PunchHole(Inode* inode, uint64_t offset, uint64_t size) {
  absl::MutexLock lock(&mu_);
  if (offset >= inode->bytes.size()) return;
  std::string zeros(std::min(size, inode->bytes.size() - offset), '\0');
  inode->bytes.Write(offset, zeros);
  Record(Event::Kind::kWrite, *inode);
  recording_.events.back().offset = offset;
  recording_.events.back().data = std::make_shared<const std::string>(std::move(zeros));
}

absl::Status FaultyFileSystem::Rep::Truncate(Inode* inode, uint64_t size) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kTruncate, "truncate", inode->path));
  if (pager::PastFileBytesMax(0, size)) {
    return pager::PastLargestFile(inode->path, "truncate", size, 0);
  }
  inode->bytes.Resize(size);
  Record(Event::Kind::kTruncate, *inode);
  recording_.events.back().offset = size;
  return absl::OkStatus();
}

absl::Status FaultyFileSystem::Rep::Sync(Inode* inode) {
  absl::MutexLock lock(&mu_);
  const Fault* const fault = CountCall(kSync, inode->path);
  if (fault == nullptr) {
    inode->synced = inode->bytes;
    Record(Event::Kind::kSync, *inode);
    return absl::OkStatus();
  }
  if (fault->sync_loss != SyncLoss::kNothing) Record(Event::Kind::kForget, *inode);
  if (fault->sync_loss == SyncLoss::kReadsOld) inode->bytes = inode->synced;
  return WithPath(inode->path, "sync", fault->status);
}

absl::StatusOr<uint64_t> FaultyFileSystem::Rep::Size(const Inode& inode) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kQuery, "size", inode.path));
  return inode.bytes.size();
}

absl::StatusOr<uint32_t> FaultyFileSystem::Rep::LinkCount(const Inode& inode) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kQuery, "stat", inode.path));
  return inode.named ? 1 : 0;
}

absl::Status FaultyFileSystem::Rep::Lock(Inode* inode, LockMode mode,
                                         std::optional<LockMode>* held) {
  absl::MutexLock lock(&mu_);
  SHEAF_RETURN_IF_ERROR(Check(kLock, "lock", inode->path));
  const uint32_t own_shared = *held == LockMode::kShared ? 1 : 0;
  const bool exclusive_elsewhere = inode->exclusive_lock && *held != LockMode::kExclusive;
  const bool shared_elsewhere = inode->shared_locks > own_shared;
  if (exclusive_elsewhere || (mode == LockMode::kExclusive && shared_elsewhere)) {
    return absl::UnavailableError(absl::StrCat(inode->path, ": locked by this process"));
  }
  inode->shared_locks -= own_shared;
  inode->exclusive_lock = mode == LockMode::kExclusive;
  if (mode == LockMode::kShared) ++inode->shared_locks;
  *held = mode;
  return absl::OkStatus();
}

void FaultyFileSystem::Rep::Unlock(Inode* inode, std::optional<LockMode>* held) {
  absl::MutexLock lock(&mu_);
  if (*held == LockMode::kShared) --inode->shared_locks;
  if (*held == LockMode::kExclusive) inode->exclusive_lock = false;
  held->reset();
}

class FaultyFileSystem::Handle : public pager::File {
 public:
  Handle(std::shared_ptr<Rep> rep, std::shared_ptr<Inode> inode, std::string path,
         bool writable)
      : rep_(std::move(rep)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        writable_(writable) {}
  ~Handle() override {
    absl::MutexLock lock(&lock_mu_);
    rep_->Unlock(inode_.get(), &lock_held_);
  }

  absl::Status Read(uint64_t offset, absl::Span<char> out) const override {
    return rep_->Read(*inode_, offset, out);
  }
  absl::Status Write(uint64_t offset, std::string_view data) override {
    if (!writable_) return pager::OpenedReadOnly(path_, "write");
    return rep_->Write(inode_.get(), offset, std::string(data));
  }
  absl::Status WriteGather(uint64_t offset,
                           absl::Span<const std::string_view> parts) override {
    std::string joined;
    for (const std::string_view part : parts) joined += part;
    return Write(offset, joined);
  }
  absl::Status Sync() override { return rep_->Sync(inode_.get()); }
  absl::StatusOr<uint64_t> Size() const override { return rep_->Size(*inode_); }
  absl::Status Truncate(uint64_t size) override {
    if (!writable_) return pager::OpenedReadOnly(path_, "truncate");
    return rep_->Truncate(inode_.get(), size);
  }
  // A write of zeros that no sync follows: a crash may take it back.
  absl::Status Allocate(uint64_t offset, uint64_t size) override {
    return Write(offset, std::string(size, '\0'));
  }
  void StartWriteback(uint64_t, uint64_t) override {}
  void PunchHole(uint64_t offset, uint64_t size) override {
    if (writable_) rep_->PunchHole(inode_.get(), offset, size);
  }
  absl::Status Lock(LockMode mode) override ABSL_LOCKS_EXCLUDED(lock_mu_) {
    absl::MutexLock lock(&lock_mu_);
    return rep_->Lock(inode_.get(), mode, &lock_held_);
  }
  void Unlock() override ABSL_LOCKS_EXCLUDED(lock_mu_) {
    absl::MutexLock lock(&lock_mu_);
    rep_->Unlock(inode_.get(), &lock_held_);
  }
  absl::StatusOr<uint32_t> LinkCount() const override { return rep_->LinkCount(*inode_); }

 private:
  const std::shared_ptr<Rep> rep_;
  const std::shared_ptr<Inode> inode_;
  const std::string path_;
  const bool writable_;
  absl::Mutex lock_mu_;  // acquired before the file system's
  std::optional<LockMode> lock_held_ ABSL_GUARDED_BY(lock_mu_);
};

FaultyFileSystem::FaultyFileSystem(Disk disk)
    : rep_(std::make_shared<Rep>(std::move(disk))) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::Inject(Fault fault) { rep_->Inject(std::move(fault)); }
void FaultyFileSystem::ClearFaults() { rep_->ClearFaults(); }
uint64_t FaultyFileSystem::faults_fired() const { return rep_->faults_fired(); }
uint64_t FaultyFileSystem::calls(uint32_t classes) const { return rep_->calls(classes); }
void FaultyFileSystem::LimitDisk(uint64_t bytes) { rep_->LimitDisk(bytes); }
size_t FaultyFileSystem::event_count() const { return rep_->event_count(); }
Recording FaultyFileSystem::recording() const { return rep_->recording(); }
void FaultyFileSystem::RestartRecording() { rep_->RestartRecording(); }
Disk FaultyFileSystem::Contents() const { return rep_->Contents(); }

absl::StatusOr<std::unique_ptr<pager::File>> FaultyFileSystem::Open(
    const std::string& path, OpenMode mode) {
  SHEAF_ASSIGN_OR_RETURN(const std::string name, CleanPath(path));
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<Inode> inode, rep_->Open(name, mode));
  return std::make_unique<Handle>(rep_, std::move(inode), name,
                                  mode != OpenMode::kReadOnly);
}

absl::StatusOr<bool> FaultyFileSystem::Exists(const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(const std::string name, CleanPath(path));
  return rep_->Exists(name);
}

absl::Status FaultyFileSystem::Delete(const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(const std::string name, CleanPath(path));
  return rep_->Delete(name);
}

absl::Status FaultyFileSystem::RenameNew(const std::string& from, const std::string& to) {
  SHEAF_ASSIGN_OR_RETURN(const std::string old_name, CleanPath(from));
  SHEAF_ASSIGN_OR_RETURN(const std::string new_name, CleanPath(to));
  return rep_->Rename(old_name, new_name, /*replaces=*/false);
}

absl::Status FaultyFileSystem::RenameOver(const std::string& from,
                                          const std::string& to) {
  SHEAF_ASSIGN_OR_RETURN(const std::string old_name, CleanPath(from));
  SHEAF_ASSIGN_OR_RETURN(const std::string new_name, CleanPath(to));
  return rep_->Rename(old_name, new_name, /*replaces=*/true);
}

absl::Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(const std::string name, CleanPath(path));
  return rep_->SyncDirectory(name);
}

absl::StatusOr<std::string> FaultyFileSystem::Canonical(const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(std::string name, CleanPath(path));
  SHEAF_RETURN_IF_ERROR(rep_->CheckQuery(name));
  return name;
}

}  // namespace sheaf::test
