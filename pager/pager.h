// Pager: the database file. It joins superblock, buffer manager and page
// allocator, opens and creates files, and writes checkpoints.
//
// A checkpoint writes the pages of one version that are not in the file yet, to
// places nothing durable refers to; then the page map; syncs; then page 0;
// syncs; then page 1. At every instant one superblock on disk is whole and all
// it reaches is whole. New pages are found by descending only into references
// born after the last checkpoint, so a commit needs no list of dirty pages.
//
// After the first failed write or sync the pager is poisoned: error() is that
// failure until it is opened again.
//
// Thread-safe; checkpoints one at a time (the caller's lock).
#ifndef PAGER_PAGER_H_
#define PAGER_PAGER_H_
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pager/buffer_manager.h"
#include "pager/encryption_key.h"
#include "pager/file.h"
#include "pager/page_allocator.h"
#include "pager/page_codec.h"
#include "pager/superblock.h"

namespace sheaf::pager {

// What a copy of an encrypted database needs to be encrypted as that is.
struct CopiedKeys {
  DatabaseId database_id{};
  std::string key_wrap;  // empty: it is a plain one
  SecretKey file_key;
};

struct PagerOptions {
  bool read_only = false;
  bool create_if_missing = true;
  bool error_if_exists = false;
  uint64_t cache_bytes_max = uint64_t{256} << 20;
  uint32_t verify_one_in = 1;  // BufferManager::set_verify_one_in
  EncryptionKey key;           // none: a plain database
  ScryptCost scrypt_cost;      // of a passphrase, where a database is made
  CopiedKeys keys;             // if there are any: in place of `key`
};

// The version to be written and what the next superblock says of it.
struct CheckpointRequest {
  PageRef catalog_root;
  Stamp version = 0;
  Stamp next_stamp = 0;
  uint64_t next_tree_id = 0;
  LogPosition log;
  uint64_t log_id = 0;
  // Gives free pages at the end back to the file system. Requires: nobody makes pages.
  bool trim_end = false;
  absl::Span<const PageRef> died;  // pages of the last checkpoint this version lacks
};

class Pager {
 public:
  // `path` is made canonical. The errors are those of Database::Open.
  static absl::StatusOr<std::unique_ptr<Pager>> Open(FileSystem* fs,
                                                     const std::string& path,
                                                     const PagerOptions& options,
                                                     const PageOps* ops);
  // A damaged file, to be read as far as it can be: only through buffer(). Its
  // superblock is the newest that can be read, or an empty one; the page map is empty. The errors are those about keys, and of a file that is no database at all.
  static absl::StatusOr<std::unique_ptr<Pager>> OpenDamaged(FileSystem* fs,
                                                            const std::string& path,
                                                            const EncryptionKey& key,
                                                            const PageOps* ops);
  ~Pager();

  // The keys of a file, be it too damaged to open: null when neither superblock can be
  // read without one, and nobody gave it. The errors are those about keys.
  static absl::StatusOr<std::unique_ptr<FileKeys>> FindKeys(const File& file,
                                                            const EncryptionKey& key);

  // Does a superblock that can be read say so?
  static bool IsEncrypted(const File& file);

  absl::Status WriteCheckpoint(const CheckpointRequest& request);
  // Writes both superblocks with another log id (and position), durably, and
  // nothing else.
  absl::Status WriteLogId(uint64_t log_id, LogPosition log);
  // Wraps the file key by another key of the user, durably; no page is touched.
  // kFailedPrecondition: the file is not encrypted.
  absl::Status Rekey(const EncryptionKey& key, const ScryptCost& cost);
  CopiedKeys KeysForCopy() const;
  // The file key, wrapped by a key of the user, for the superblock of a copy.
  absl::StatusOr<std::string> WrapForCopy(const EncryptionKey& key,
                                          const ScryptCost& cost) const;
  // Gives the file a new file key, durably: pages of an earlier birth than `since` are to
  // be moved, all others will be sealed by it. Requires: it is encrypted; there is no log.
  absl::Status BeginKeyRotation(const EncryptionKey& key, const ScryptCost& cost,
                                Stamp since);
  // Forgets the key before. Requires: nothing durable is sealed by it.
  absl::Status EndKeyRotation();
  // Makes it durable that stamps below `next` may have been used.
  absl::Status SkipStamps(Stamp next);
  // Gives the disk space of free pages back; the file keeps its length. When it has taken
  // `time_for_short`, short runs of pages keep theirs. Requires: a durable superblock that
  // reaches none of them; nobody makes pages.
  absl::Status ReleaseFreeSpace(absl::Duration time_for_short);

  // Visits `root` and every page below it whose birth is after `since`, parents
  // first. The pages are loaded as needed.
  absl::Status WalkNew(const PageRef& root, Stamp since,
                       absl::FunctionRef<absl::Status(const PageRef&)> fn);

  BufferManager& buffer() { return *buffer_; }
  PageAllocator& allocator() { return *allocator_; }
  const PageOps& ops() const { return *ops_; }
  const Superblock& superblock() const { return superblock_; }
  File& file() { return *file_; }
  const PageCodec& codec() const { return codec_; }
  const std::string& path() const { return path_; }
  bool read_only() const { return read_only_; }

  absl::Status error() const ABSL_LOCKS_EXCLUDED(error_mu_);
  // Remembers the first error; returns `status`. Errors of the caller's own
  // making (kResourceExhausted of the cache, damage found while reading) do not
  // poison; failed writes and syncs do.
  absl::Status Poison(absl::Status status) ABSL_LOCKS_EXCLUDED(error_mu_);

  // What a page says about itself, once the codec has opened it. `keys`: for
  // superblocks, which it does not open.
  static std::string DescribePage(const char* page, const PageOps& ops, FileKeys* keys);

 private:
  Pager(std::string path, std::unique_ptr<File> file, const PagerOptions& options,
        const PageOps* ops);
  static absl::StatusOr<std::unique_ptr<File>> OpenFile(FileSystem* fs,
                                                        const std::string& path,
                                                        const PagerOptions& options,
                                                        EncryptionKey* key);
  static absl::StatusOr<std::unique_ptr<File>> CreateFile(FileSystem* fs,
                                                          const std::string& path,
                                                          const PagerOptions& options,
                                                          EncryptionKey* key);
  struct Found;
  absl::Status ReadWhatIsThere(const EncryptionKey& key);
  static absl::StatusOr<Found> ReadSuperblock(const File& file, PageId id,
                                              EncryptionKey* key, const Found* other);
  // `*key` may be a callback; it is asked at most once.
  absl::Status ReadSuperblocks(EncryptionKey* key, const CopiedKeys& keys);
  absl::Status RepairTwin(PageId id);
  absl::Status WriteSuperblock(Superblock next);
  // Writes both copies, durably, and nothing else.
  absl::Status ReplaceSuperblock(const Superblock& next);
  absl::StatusOr<std::string> Wrap(const SecretKey& file_key, const EncryptionKey& key,
                                   const ScryptCost& cost) const;
  absl::Status WalkPage(const PageRef& ref, Stamp since, int depth,
                        absl::FunctionRef<absl::Status(const PageRef&)> fn);

  const std::string path_;
  std::unique_ptr<File> file_;
  const bool read_only_;
  const PageOps* const ops_;
  PageCodec codec_;
  std::unique_ptr<BufferManager> buffer_;
  std::unique_ptr<PageAllocator> allocator_;
  Superblock superblock_;
  bool twin_is_durable_ = false;  // page 1, of the superblock that was opened

  mutable absl::Mutex error_mu_;
  absl::Status error_ ABSL_GUARDED_BY(error_mu_);
  std::atomic<bool> poisoned_{false};
};

}  // namespace sheaf::pager
#endif  // PAGER_PAGER_H_
