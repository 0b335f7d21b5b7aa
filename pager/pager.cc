#include "pager/pager.h"

#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

// Deeper than any tree can be: a catalog, a tree and a large value's index.
constexpr int kWalkDepthMax = 64;
// Closing takes about 25 µs for each hole: behind this many only long ones are made.
constexpr uint64_t kHolesMax = 16384, kLongHolePages = 8;

absl::Status WithPath(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

Superblock NewSuperblock() {
  Superblock s;
  std::random_device random;
  for (uint8_t& b : s.database_id) b = static_cast<uint8_t>(random());
  s.sequence = 1;
  return s;
}

}  // namespace

Pager::Pager(std::string path, std::unique_ptr<File> file, const PagerOptions& options,
             const PageOps* ops)
    : path_(std::move(path)),
      file_(std::move(file)),
      read_only_(options.read_only),
      ops_(ops),
      buffer_(std::make_unique<BufferManager>(file_.get(), ops, options.cache_bytes_max)),
      allocator_(std::make_unique<PageAllocator>(file_.get(), buffer_.get())) {}

namespace {

// Values and cursors may outlive their database. Those that do keep its page memory;
// it goes when, at the end of a later one, nothing stands on it any more.
void KeepWhilePinned(std::unique_ptr<BufferManager> buffer) {
  static Mutex* const mu = new Mutex;
  static auto* const kept = new std::vector<std::unique_ptr<BufferManager>>;
  MutexLock lock(mu);
  std::erase_if(*kept, [](const auto& b) { return !b->AnyPinned(); });
  if (buffer->AnyPinned()) kept->push_back(std::move(buffer));
}

}  // namespace

Pager::~Pager() { KeepWhilePinned(std::move(buffer_)); }

// A new database appears under its name whole or not at all: a crash in between
// leaves only the temporary file, which the next creation replaces.
absl::StatusOr<std::unique_ptr<File>> Pager::CreateFile(FileSystem* fs,
                                                        const std::string& path) {
  const std::string fresh = path + "-new";
  absl::StatusOr<std::unique_ptr<File>> file = fs->Open(fresh, OpenMode::kCreateNew);
  if (absl::IsAlreadyExists(file.status())) {
    SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<File> old,
                           fs->Open(fresh, OpenMode::kReadWrite));
    SHEAF_RETURN_IF_ERROR(old->Lock(LockMode::kExclusive));  // somebody creates it now
    SHEAF_RETURN_IF_ERROR(fs->Delete(fresh));
    file = fs->Open(fresh, OpenMode::kCreateNew);
  }
  if (!file.ok()) return file.status();
  SHEAF_RETURN_IF_ERROR((*file)->Lock(LockMode::kExclusive));
  const Superblock superblock = NewSuperblock();
  char pages[2 * kPageBytes];
  EncodeSuperblock(superblock, 0, pages);
  EncodeSuperblock(superblock, 1, pages + kPageBytes);
  absl::Status status = (*file)->Write(0, {pages, sizeof(pages)});
  if (status.ok()) status = (*file)->Sync();
  if (status.ok()) status = fs->RenameNew(fresh, path);
  if (status.ok()) status = fs->SyncDirectory(path);
  if (!status.ok()) {
    (void)fs->Delete(fresh);
    return status;
  }
  return file;
}

// Opens or creates the file and takes its lock.
absl::StatusOr<std::unique_ptr<File>> Pager::OpenFile(FileSystem* fs,
                                                      const std::string& path,
                                                      const PagerOptions& options) {
  const OpenMode mode = options.read_only ? OpenMode::kReadOnly : OpenMode::kReadWrite;
  absl::StatusOr<std::unique_ptr<File>> file = fs->Open(path, mode);
  if (absl::IsNotFound(file.status()) && options.create_if_missing &&
      !options.read_only) {
    absl::StatusOr<std::unique_ptr<File>> created = CreateFile(fs, path);
    // AlreadyExists: another process was faster.
    if (!absl::IsAlreadyExists(created.status())) return created;
    file = fs->Open(path, mode);
  } else if (file.ok() && options.error_if_exists) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": exists already"));
  }
  if (!file.ok()) return file.status();
  SHEAF_RETURN_IF_ERROR(
      (*file)->Lock(options.read_only ? LockMode::kShared : LockMode::kExclusive));
  return file;
}

absl::StatusOr<std::unique_ptr<Pager>> Pager::Open(FileSystem* fs,
                                                   const std::string& name,
                                                   const PagerOptions& options,
                                                   const PageOps* ops) {
  SHEAF_ASSIGN_OR_RETURN(const std::string path, fs->Canonical(name));
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<File> file, OpenFile(fs, path, options));
  std::unique_ptr<Pager> pager(new Pager(path, std::move(file), options, ops));
  pager->buffer_->set_on_write_error(
      [p = pager.get()](const absl::Status& status) { (void)p->Poison(status); });
  absl::Status status = pager->ReadSuperblocks();
  if (status.ok())
    status = pager->allocator_->Open(pager->superblock_.map, pager->superblock_.page_end);
  if (!status.ok()) return WithPath(path, status);
  if (pager->superblock_.log_id != 0) pager->allocator_->AssumeHeld();
  return pager;
}

absl::Status Pager::ReadSuperblocks() {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  if (size == 0)
    return absl::InvalidArgumentError("not a Sheaf database: the file is empty");
  if (size < 2 * kPageBytes) {
    char head[kPageBytes] = {};
    SHEAF_RETURN_IF_ERROR(
        file_->Read(0, absl::MakeSpan(head, std::min<uint64_t>(size, kPageBytes))));
    const absl::Status status = DecodeSuperblock(head, 0).status();
    if (absl::IsInvalidArgument(status)) return status;
    return absl::DataLossError(
        absl::StrCat("the file was cut off: it has ", size, " bytes"));
  }
  char page[kPageBytes];
  absl::StatusOr<Superblock> copies[2];
  for (PageId id : {0, 1}) {
    absl::Status status = file_->Read(id * kPageBytes, absl::MakeSpan(page));
    copies[id] = status.ok() ? DecodeSuperblock(page, id) : status;
  }
  if (!copies[0].ok() && !copies[1].ok()) {
    // Damage says more than "no magic", which one of the two may have lost.
    const bool first = !absl::IsInvalidArgument(copies[0].status());
    return copies[first ? 0 : 1].status();
  }
  // Written by a newer library: what this one knows is out of date, and no damage.
  for (const absl::StatusOr<Superblock>& copy : copies)
    if (absl::IsUnimplemented(copy.status())) return copy.status();
  const bool second =
      !copies[0].ok() || (copies[1].ok() && copies[1]->sequence > copies[0]->sequence);
  superblock_ = *copies[second ? 1 : 0];
  if (size / kPageBytes < superblock_.page_end)
    return absl::DataLossError(absl::StrCat("the file was cut off: it has ", size,
                                            " bytes, its superblock says ",
                                            superblock_.page_end * kPageBytes));
  const bool alike =
      copies[0].ok() && copies[1].ok() && copies[0]->sequence == copies[1]->sequence;
  const bool closed = superblock_.log_id == 0;  // cleanly: WriteLogId will see to it
  return (alike && closed) || read_only_ ? absl::OkStatus() : RepairTwin(second ? 0 : 1);
}

// The next superblock is written over page 0 first: were page 1 damaged or older
// then, a crash in that write would leave none that is good. It may look whole and
// be in the page cache only, marked clean by a sync that failed.
absl::Status Pager::RepairTwin(PageId id) {
  char page[kPageBytes];
  EncodeSuperblock(superblock_, id, page);
  SHEAF_RETURN_IF_ERROR(file_->Write(id * kPageBytes, {page, kPageBytes}));
  return file_->Sync();
}

// --- Checkpoint -------------------------------------------------------------

absl::Status Pager::WalkNew(const PageRef& root, Stamp since,
                            absl::FunctionRef<absl::Status(const PageRef&)> fn) {
  if (!root || root.birth <= since) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(fn(root));
  return WalkPage(root, since, 0, fn);
}

absl::Status Pager::WalkPage(const PageRef& ref, Stamp since, int depth,
                             absl::FunctionRef<absl::Status(const PageRef&)> fn) {
  if (depth == kWalkDepthMax) return PageDamaged(ref.id, "pages are nested too deep");
  std::vector<PageRef> children;
  uint32_t level = 0;
  {
    SHEAF_ASSIGN_OR_RETURN(const char* page, buffer_->Pin(ref));
    PinnedPage pinned(buffer_.get(), ref.id, page);
    level = LevelOf(page);
    const PageKindOps& ops = ops_->kinds[static_cast<size_t>(PageKindOf(page))];
    if (ops.for_each_ref != nullptr)
      ops.for_each_ref(page, [&](const PageRef& child) {
        if (child.birth > since) children.push_back(child);
      });
  }
  for (const PageRef& child : children) {
    SHEAF_RETURN_IF_ERROR(fn(child));
    // Leaves and values are read only when they hold references themselves.
    if (level > 1 || child.leaf_refs)
      SHEAF_RETURN_IF_ERROR(WalkPage(child, since, depth + 1, fn));
  }
  return absl::OkStatus();
}

absl::Status Pager::WriteCheckpoint(const CheckpointRequest& request) {
  SHEAF_RETURN_IF_ERROR(error());
  Superblock next = superblock_;
  next.next_stamp = request.next_stamp;
  next.next_tree_id = request.next_tree_id;
  next.log = request.log;
  next.log_id = request.log_id;
  if (request.version != superblock_.version) {
    std::vector<PageRef> born;
    SHEAF_RETURN_IF_ERROR(
        WalkNew(request.catalog_root, superblock_.version, [&](const PageRef& ref) {
          born.push_back(ref);
          return absl::OkStatus();
        }));
    SHEAF_RETURN_IF_ERROR(buffer_->WriteOut(born));
    absl::StatusOr<MapRoots> map =
        allocator_->WriteMap(born, request.died, request.version);
    if (!map.ok()) return Poison(map.status());
    next.version = request.version;
    next.catalog_root = request.catalog_root;
    next.map = *map;
  }
  next.page_end = request.trim_end ? allocator_->TrimEnd() : allocator_->page_end();
  const absl::StatusOr<uint64_t> file_size = file_->Size();
  if (!file_size.ok()) return Poison(file_size.status());  // the map has moved on
  const uint64_t size = *file_size;
  if (size < next.page_end * kPageBytes)
    SHEAF_RETURN_IF_ERROR(Poison(file_->Truncate(next.page_end * kPageBytes)));
  SHEAF_RETURN_IF_ERROR(Poison(file_->Sync()));
  SHEAF_RETURN_IF_ERROR(WriteSuperblock(next));
  allocator_->FinishMap();
  if (request.trim_end && size > next.page_end * kPageBytes)
    SHEAF_RETURN_IF_ERROR(Poison(file_->Truncate(next.page_end * kPageBytes)));
  return absl::OkStatus();
}

absl::Status Pager::WriteSuperblock(Superblock next) {
  ++next.sequence;
  char page[kPageBytes];
  EncodeSuperblock(next, 0, page);
  SHEAF_RETURN_IF_ERROR(Poison(file_->Write(0, {page, kPageBytes})));
  SHEAF_RETURN_IF_ERROR(Poison(file_->Sync()));
  EncodeSuperblock(next, 1, page);
  SHEAF_RETURN_IF_ERROR(Poison(file_->Write(kPageBytes, {page, kPageBytes})));
  superblock_ = next;
  return absl::OkStatus();
}

absl::Status Pager::WriteLogId(uint64_t log_id, LogPosition log) {
  SHEAF_RETURN_IF_ERROR(error());
  // The twin of the superblock before this one must be durable first.
  SHEAF_RETURN_IF_ERROR(Poison(RepairTwin(1)));
  Superblock next = superblock_;
  next.log_id = log_id;
  next.log = log;
  SHEAF_RETURN_IF_ERROR(WriteSuperblock(next));
  return Poison(file_->Sync());
}

absl::Status Pager::SkipStamps(Stamp next_stamp) {
  Superblock next = superblock_;
  next.next_stamp = next_stamp;
  SHEAF_RETURN_IF_ERROR(WriteSuperblock(next));
  return Poison(file_->Sync());
}

absl::Status Pager::ReleaseFreeSpace() {
  uint64_t holes = 0;
  return allocator_->ForEachFree([this, &holes](PageId first, uint64_t count) {
    if (holes++ < kHolesMax || count >= kLongHolePages)
      file_->PunchHole(first * kPageBytes, count * kPageBytes);
  });
}

absl::Status Pager::error() const {
  if (!poisoned_.load(std::memory_order_acquire)) return absl::OkStatus();
  absl::MutexLock lock(&error_mu_);
  return error_;
}

absl::Status Pager::Poison(absl::Status status) {
  if (status.ok()) return status;
  absl::MutexLock lock(&error_mu_);
  if (error_.ok()) error_ = status;
  poisoned_.store(true, std::memory_order_release);
  return status;
}

std::string Pager::DescribePage(const char* page, const PageOps& ops) {
  const auto kind = static_cast<uint8_t>(page[PageHeader::kKind]);
  std::string out = absl::StrCat(
      "{\"page\":", PageIdOf(page), ",\"kind\":", kind, ",\"pages\":", PagesOf(page),
      ",\"level\":", LevelOf(page), ",\"birth\":", BirthOf(page), ",\"checksum\":\"",
      absl::Hex(DecodeFixed32(page), absl::kZeroPad8), "\"");
  std::string members;
  if (PageKindOf(page) == PageKind::kSuperblock)
    members = DescribeSuperblock(page);
  else if (kind < kPageKindCount && ops.kinds[kind].describe != nullptr)
    members = ops.kinds[kind].describe(page);
  if (!members.empty()) absl::StrAppend(&out, ",", members);
  return out + "}";
}

}  // namespace sheaf::pager
