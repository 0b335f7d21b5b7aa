#include "pager/pager.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "pager/assert.h"
#include "pager/key_wrap.h"
#include "pager/replace_file.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

// Deeper than any tree can be: a catalog, a tree and a large value's index.
constexpr int kWalkDepthMax = 64;
constexpr size_t kWriteBatchMax = 16384;  // pages that a checkpoint writes at a time
// A hole takes from 25 µs to some ms: a few are made whatever they take, and long ones.
constexpr uint64_t kHolesMin = 256, kLongHolePages = 8;

absl::Status WithPath(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

std::string_view Chars(const DatabaseId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

std::string KeySaltOf(const Superblock& s) {
  return std::string(Chars(s.database_id)) +
         std::string(reinterpret_cast<const char*>(s.key_salt.data()), s.key_salt.size());
}

// Both superblocks of a new database, encrypted if there is a key, or copied ones.
absl::Status MakeSuperblocks(const EncryptionKey& key, const ScryptCost& cost,
                             const CopiedKeys& copied, char* pages) {
  Superblock s;
  std::random_device random;
  for (uint8_t& b : s.database_id) b = static_cast<uint8_t>(random());
  s.sequence = 1;
  std::unique_ptr<FileKeys> keys;
  if (!copied.key_wrap.empty() || !key.is_none())
    SHEAF_RETURN_IF_ERROR(FillRandom(
        absl::MakeSpan(reinterpret_cast<char*>(s.key_salt.data()), s.key_salt.size())));
  if (!copied.key_wrap.empty()) {
    s.database_id = copied.database_id;  // the keys are made with it
    s.key_wrap = copied.key_wrap;
    keys = std::make_unique<FileKeys>(copied.file_key, KeySaltOf(s));
  } else if (!key.is_none()) {
    SHEAF_RETURN_IF_ERROR(CheckScryptCost(cost));
    SHEAF_ASSIGN_OR_RETURN(const SecretKey file_key, RandomKey());
    s.key_wrap.resize(kKeyWrapBytes);
    SHEAF_RETURN_IF_ERROR(
        WrapFileKey(file_key, key, cost, Chars(s.database_id), s.key_wrap.data()));
    keys = std::make_unique<FileKeys>(file_key, KeySaltOf(s));
  }
  SHEAF_RETURN_IF_ERROR(EncodeSuperblock(s, 0, pages, keys.get()));
  return EncodeSuperblock(s, 1, pages + kPageBytes, keys.get());
}

// Of the reasons why neither superblock can be read, the one that says more: a wrong key
// than damage, damage than "no magic", which one of the two may have lost.
absl::Status WorseOf(const absl::Status& first, const absl::Status& second) {
  for (const auto code :
       {absl::StatusCode::kPermissionDenied, absl::StatusCode::kFailedPrecondition})
    for (const absl::Status& status : {first, second})
      if (status.code() == code) return status;
  return absl::IsInvalidArgument(first) ? second : first;
}

}  // namespace

Pager::Pager(std::string path, std::unique_ptr<File> file, const PagerOptions& options,
             const PageOps* ops)
    : path_(std::move(path)),
      file_(std::move(file)),
      read_only_(options.read_only),
      ops_(ops),
      buffer_(std::make_unique<BufferManager>(file_.get(), ops, options.cache_bytes_max,
                                              &codec_)),
      allocator_(std::make_unique<PageAllocator>(file_.get(), buffer_.get(), &codec_)) {
  buffer_->set_verify_one_in(options.verify_one_in);
}

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
                                                        const std::string& path,
                                                        const PagerOptions& options,
                                                        EncryptionKey* key) {
  SHEAF_ASSIGN_OR_RETURN(*key, key->Resolved());
  char pages[2 * kPageBytes];
  SHEAF_RETURN_IF_ERROR(MakeSuperblocks(*key, options.scrypt_cost, options.keys, pages));
  SHEAF_ASSIGN_OR_RETURN(FileReplacer fresh,
                         FileReplacer::Begin(fs, path, FileReplacer::Existing::kRefuse));
  SHEAF_RETURN_IF_ERROR(fresh.file().Write(0, {pages, sizeof(pages)}));
  return fresh.Commit();
}

// Opens or creates the file and takes its lock.
absl::StatusOr<std::unique_ptr<File>> Pager::OpenFile(FileSystem* fs,
                                                      const std::string& path,
                                                      const PagerOptions& options,
                                                      EncryptionKey* key) {
  const OpenMode mode = options.read_only ? OpenMode::kReadOnly : OpenMode::kReadWrite;
  absl::StatusOr<std::unique_ptr<File>> file = fs->Open(path, mode);
  if (absl::IsNotFound(file.status()) && options.create_if_missing &&
      !options.read_only) {
    absl::StatusOr<std::unique_ptr<File>> created = CreateFile(fs, path, options, key);
    // AlreadyExists: another process was faster.
    if (!absl::IsAlreadyExists(created.status())) return created;
    file = fs->Open(path, mode);
  } else if (file.ok() && options.error_if_exists) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": exists already"));
  }
  if (!file.ok()) return file.status();
  SHEAF_RETURN_IF_ERROR(
      (*file)->Lock(options.read_only ? LockMode::kShared : LockMode::kExclusive));
  // Somebody may have put another file in its place before the lock was had.
  SHEAF_ASSIGN_OR_RETURN(const uint32_t links, (*file)->LinkCount());
  if (links == 0)
    return absl::UnavailableError(
        absl::StrCat(path, ": was replaced or deleted while it was opened; try again"));
  return file;
}

absl::StatusOr<std::unique_ptr<Pager>> Pager::Open(FileSystem* fs,
                                                   const std::string& name,
                                                   const PagerOptions& options,
                                                   const PageOps* ops) {
  SHEAF_ASSIGN_OR_RETURN(const std::string path, fs->Canonical(name));
  EncryptionKey key = options.key;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<File> file, OpenFile(fs, path, options, &key));
  std::unique_ptr<Pager> pager(new Pager(path, std::move(file), options, ops));
  pager->buffer_->set_on_write_error(
      [p = pager.get()](const absl::Status& status) { (void)p->Poison(status); });
  absl::Status status = pager->ReadSuperblocks(&key, options.keys);
  if (status.ok())
    status = pager->allocator_->Open(pager->superblock_.map, pager->superblock_.page_end);
  if (!status.ok()) return WithPath(path, status);
  if (pager->superblock_.log_id != 0) pager->allocator_->AssumeHeld();
  return pager;
}

// A superblock of the file, and its keys if it is encrypted.
struct Pager::Found {
  Superblock superblock;
  std::unique_ptr<FileKeys> keys;
};

// The key is asked for when it turns out to be needed; the wrap of the other superblock
// is not opened a second time.
absl::StatusOr<Pager::Found> Pager::ReadSuperblock(const File& file, PageId id,
                                                   EncryptionKey* key,
                                                   const Found* other) {
  char page[kPageBytes];
  SHEAF_RETURN_IF_ERROR(file.Read(id * kPageBytes, absl::MakeSpan(page)));
  SHEAF_ASSIGN_OR_RETURN(const Superblock plain, DecodePlainSuperblock(page, id));
  Found found;
  if (!plain.key_wrap.empty()) {
    const std::string_view database_id = Chars(plain.database_id);
    SecretKey file_key;
    if (other != nullptr && other->superblock.key_wrap == plain.key_wrap &&
        other->superblock.database_id == plain.database_id) {
      file_key = other->keys->file_key();
    } else {
      if (key->is_none()) return KeyNeeded();
      SHEAF_ASSIGN_OR_RETURN(*key, key->Resolved());
      SHEAF_ASSIGN_OR_RETURN(file_key,
                             UnwrapFileKey(plain.key_wrap.data(), *key, database_id));
    }
    found.keys = std::make_unique<FileKeys>(file_key, KeySaltOf(plain));
  } else if (!key->is_none()) {
    return absl::FailedPreconditionError(
        "it is not encrypted: open it without a key or passphrase");
  }
  SHEAF_ASSIGN_OR_RETURN(found.superblock, DecodeSuperblock(page, id, found.keys.get()));
  if (found.superblock.key_since != 0)
    found.keys->AddPrevious(found.superblock.previous_key, found.superblock.key_since);
  return found;
}

absl::StatusOr<std::unique_ptr<FileKeys>> Pager::FindKeys(const File& file,
                                                          const EncryptionKey& key) {
  EncryptionKey resolved = key;
  absl::Status refused;
  for (const PageId id : {0, 1}) {
    absl::StatusOr<Found> found = ReadSuperblock(file, id, &resolved, nullptr);
    if (found.ok()) return std::move(found->keys);
    if (absl::IsPermissionDenied(found.status()) ||
        absl::IsFailedPrecondition(found.status()))
      refused = found.status();
  }
  if (!refused.ok() && !key.is_none()) return refused;
  return std::unique_ptr<FileKeys>();
}

bool Pager::IsEncrypted(const File& file) {
  char page[kPageBytes];
  for (const PageId id : {0, 1}) {
    if (!file.Read(id * kPageBytes, absl::MakeSpan(page)).ok()) continue;
    const absl::StatusOr<Superblock> s = DecodePlainSuperblock(page, id);
    if (s.ok()) return !s->key_wrap.empty();
  }
  return false;
}

absl::StatusOr<std::unique_ptr<Pager>> Pager::OpenDamaged(FileSystem* fs,
                                                          const std::string& name,
                                                          const EncryptionKey& key,
                                                          const PageOps* ops) {
  SHEAF_ASSIGN_OR_RETURN(const std::string path, fs->Canonical(name));
  PagerOptions options;
  options.read_only = true;
  options.create_if_missing = false;
  EncryptionKey resolved = key;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                         OpenFile(fs, path, options, &resolved));
  std::unique_ptr<Pager> pager(new Pager(path, std::move(file), options, ops));
  pager->buffer_->set_never_write();
  if (absl::Status status = pager->ReadWhatIsThere(key); !status.ok())
    return WithPath(path, status);
  return pager;
}

absl::Status Pager::ReadWhatIsThere(const EncryptionKey& key) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  EncryptionKey resolved = key;
  absl::Status refused;
  bool any_magic = false;
  for (const PageId id : {0, 1}) {
    absl::StatusOr<Found> found = ReadSuperblock(*file_, id, &resolved, nullptr);
    any_magic = any_magic || !(absl::IsInvalidArgument(found.status()) ||
                               absl::IsOutOfRange(found.status()));
    if (!found.ok()) {
      if (absl::IsPermissionDenied(found.status()) ||
          absl::IsFailedPrecondition(found.status()))
        refused = found.status();
    } else if (found->superblock.sequence >= superblock_.sequence) {
      superblock_ = std::move(found->superblock);
      codec_.set_keys(std::move(found->keys));
    }
  }
  if (superblock_.sequence == 0 && !refused.ok()) return refused;
  if (!any_magic && size < 3 * kPageBytes)
    return absl::InvalidArgumentError("not a Sheaf database: it has no page of one");
  return allocator_->Open(MapRoots(), std::min<uint64_t>(size / kPageBytes, kPageIdEnd));
}

absl::Status Pager::ReadSuperblocks(EncryptionKey* key, const CopiedKeys& copied) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  if (size == 0)
    return absl::InvalidArgumentError("not a Sheaf database: the file is empty");
  if (size < 2 * kPageBytes) {
    char head[kPageBytes] = {};
    SHEAF_RETURN_IF_ERROR(
        file_->Read(0, absl::MakeSpan(head, std::min<uint64_t>(size, kPageBytes))));
    const absl::Status status = DecodePlainSuperblock(head, 0).status();
    if (absl::IsInvalidArgument(status)) return status;
    return absl::DataLossError(
        absl::StrCat("the file was cut off: it has ", size, " bytes"));
  }
  absl::StatusOr<Found> copies[2];
  Found known;
  known.superblock.database_id = copied.database_id;
  known.superblock.key_wrap = copied.key_wrap;
  known.keys = std::make_unique<FileKeys>(copied.file_key, "");
  const bool is_known = !copied.key_wrap.empty();
  copies[0] = ReadSuperblock(*file_, 0, key, is_known ? &known : nullptr);
  copies[1] = ReadSuperblock(*file_, 1, key, copies[0].ok() ? &*copies[0] : nullptr);
  if (!copies[0].ok() && !copies[1].ok())
    return WorseOf(copies[0].status(), copies[1].status());
  // Written by a newer library: what this one knows is out of date, and no damage.
  for (const absl::StatusOr<Found>& copy : copies)
    if (absl::IsUnimplemented(copy.status())) return copy.status();
  const bool second =
      !copies[0].ok() ||
      (copies[1].ok() && copies[1]->superblock.sequence > copies[0]->superblock.sequence);
  const bool alike = copies[0].ok() && copies[1].ok() &&
                     copies[0]->superblock.sequence == copies[1]->superblock.sequence;
  Found& found = *copies[second ? 1 : 0];
  superblock_ = std::move(found.superblock);
  codec_.set_keys(std::move(found.keys));
  if (size / kPageBytes < superblock_.page_end)
    return absl::DataLossError(absl::StrCat("the file was cut off: it has ", size,
                                            " bytes, its superblock says ",
                                            superblock_.page_end * kPageBytes));
  const bool closed = superblock_.log_id == 0;  // cleanly: the first write will see to it
  return (alike && closed) || read_only_ ? absl::OkStatus() : RepairTwin(second ? 0 : 1);
}

// The next superblock is written over page 0 first: were page 1 damaged or older
// then, a crash in that write would leave none that is good. It may look whole and
// be in the page cache only, marked clean by a sync that failed.
absl::Status Pager::RepairTwin(PageId id) {
  char page[kPageBytes];
  SHEAF_RETURN_IF_ERROR(EncodeSuperblock(superblock_, id, page, codec_.keys()));
  SHEAF_RETURN_IF_ERROR(file_->Write(id * kPageBytes, {page, kPageBytes}));
  SHEAF_RETURN_IF_ERROR(file_->Sync());
  twin_is_durable_ = twin_is_durable_ || id == 1;
  return absl::OkStatus();
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
    // What lies side by side is one run of the map, so that a stream of any length takes
    // little memory.
    std::vector<PageRef> born, batch;
    SHEAF_RETURN_IF_ERROR(
        WalkNew(request.catalog_root, superblock_.version,
                [&](const PageRef& ref) -> absl::Status {
                  if (!born.empty() && born.back().id + born.back().pages == ref.id &&
                      ref.id % kChunkPages != 0)
                    born.back().pages += ref.pages;
                  else
                    born.push_back(ref);
                  batch.push_back(ref);
                  return batch.size() < kWriteBatchMax
                             ? absl::OkStatus()
                             : buffer_->WriteOut(std::exchange(batch, {}));
                }));
    SHEAF_RETURN_IF_ERROR(buffer_->WriteOut(batch));
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
  // What was read of it may be in the system's cache only, marked clean by a sync that
  // failed: page 0 must not be written before it is safe.
  if (!twin_is_durable_) SHEAF_RETURN_IF_ERROR(Poison(RepairTwin(1)));
  ++next.sequence;
  char page[kPageBytes];
  SHEAF_RETURN_IF_ERROR(Poison(EncodeSuperblock(next, 0, page, codec_.keys())));
  SHEAF_RETURN_IF_ERROR(Poison(file_->Write(0, {page, kPageBytes})));
  SHEAF_RETURN_IF_ERROR(Poison(file_->Sync()));
  SHEAF_RETURN_IF_ERROR(Poison(EncodeSuperblock(next, 1, page, codec_.keys())));
  SHEAF_RETURN_IF_ERROR(Poison(file_->Write(kPageBytes, {page, kPageBytes})));
  superblock_ = next;
  return absl::OkStatus();
}

absl::Status Pager::ReplaceSuperblock(const Superblock& next) {
  SHEAF_RETURN_IF_ERROR(WriteSuperblock(next));
  return Poison(file_->Sync());
}

absl::Status Pager::WriteLogId(uint64_t log_id, LogPosition log) {
  SHEAF_RETURN_IF_ERROR(error());
  // The twin of the superblock before this one must be durable first.
  SHEAF_RETURN_IF_ERROR(Poison(RepairTwin(1)));
  Superblock next = superblock_;
  next.log_id = log_id;
  next.log = log;
  return ReplaceSuperblock(next);
}

// --- Keys -------------------------------------------------------------------

CopiedKeys Pager::KeysForCopy() const {
  if (codec_.keys() == nullptr) return {};
  return {superblock_.database_id, superblock_.key_wrap, codec_.keys()->file_key()};
}

absl::StatusOr<std::string> Pager::WrapForCopy(const EncryptionKey& key,
                                               const ScryptCost& cost) const {
  const FileKeys* const keys = codec_.keys();
  return Wrap(keys != nullptr ? keys->file_key() : SecretKey(), key, cost);
}

absl::StatusOr<std::string> Pager::Wrap(const SecretKey& file_key,
                                        const EncryptionKey& user_key,
                                        const ScryptCost& cost) const {
  if (superblock_.key_wrap.empty())
    return absl::FailedPreconditionError(
        "it is not encrypted: a copy of it can be, by a backup under a key");
  SHEAF_ASSIGN_OR_RETURN(const EncryptionKey key, user_key.Resolved());
  if (key.is_none())
    return absl::InvalidArgumentError(
        "key: is none; a copy without encryption can be had by a compact backup");
  SHEAF_RETURN_IF_ERROR(CheckScryptCost(cost));
  std::string wrap(kKeyWrapBytes, 0);
  SHEAF_RETURN_IF_ERROR(
      WrapFileKey(file_key, key, cost, Chars(superblock_.database_id), wrap.data()));
  return wrap;
}

absl::Status Pager::Rekey(const EncryptionKey& key, const ScryptCost& cost) {
  SHEAF_RETURN_IF_ERROR(error());
  Superblock next = superblock_;
  SHEAF_ASSIGN_OR_RETURN(next.key_wrap, WrapForCopy(key, cost));
  SHEAF_RETURN_IF_ERROR(Poison(RepairTwin(1)));
  return ReplaceSuperblock(next);
}

absl::Status Pager::BeginKeyRotation(const EncryptionKey& key, const ScryptCost& cost,
                                     Stamp since) {
  SHEAF_RETURN_IF_ERROR(error());
  SHEAF_ASSERT(superblock_.log_id == 0 && superblock_.key_since == 0);
  SHEAF_ASSIGN_OR_RETURN(const SecretKey file_key, RandomKey());
  Superblock next = superblock_;
  SHEAF_ASSIGN_OR_RETURN(next.key_wrap, Wrap(file_key, key, cost));
  SHEAF_RETURN_IF_ERROR(Poison(RepairTwin(1)));
  next.previous_key = codec_.keys()->file_key();
  next.key_since = since;
  next.next_stamp = std::max(next.next_stamp, since);
  codec_.keys()->Rotate(file_key, since);
  return ReplaceSuperblock(next);
}

absl::Status Pager::EndKeyRotation() {
  SHEAF_RETURN_IF_ERROR(error());
  SHEAF_RETURN_IF_ERROR(Poison(RepairTwin(1)));
  Superblock next = superblock_;
  next.key_since = 0;
  next.previous_key = SecretKey();
  return ReplaceSuperblock(next);
}

absl::Status Pager::SkipStamps(Stamp next_stamp) {
  Superblock next = superblock_;
  next.next_stamp = next_stamp;
  return ReplaceSuperblock(next);
}

absl::Status Pager::ReleaseFreeSpace(absl::Duration time_for_short) {
  uint64_t holes = 0;
  const absl::Time end = absl::Now() + time_for_short;
  return allocator_->ForEachFree([&](PageId first, uint64_t count) {
    if (holes++ < kHolesMin || count >= kLongHolePages || absl::Now() < end)
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

std::string Pager::DescribePage(const char* page, const PageOps& ops, FileKeys* keys) {
  const auto kind = static_cast<uint8_t>(page[PageHeader::kKind]);
  std::string out = absl::StrCat(
      "{\"page\":", PageIdOf(page), ",\"kind\":", kind, ",\"pages\":", PagesOf(page),
      ",\"level\":", LevelOf(page), ",\"birth\":", BirthOf(page), ",\"checksum\":\"",
      absl::Hex(DecodeFixed32(page), absl::kZeroPad8), "\"");
  std::string members;
  if (PageKindOf(page) == PageKind::kSuperblock)
    members = DescribeSuperblock(page, keys);
  else if (kind < kPageKindCount && ops.kinds[kind].describe != nullptr)
    members = ops.kinds[kind].describe(page);
  if (!members.empty()) absl::StrAppend(&out, ",", members);
  return out + "}";
}

}  // namespace sheaf::pager
