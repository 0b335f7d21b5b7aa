// FaultyFileSystem: files in memory that record, in order, everything that
// happens to them, and fail where a test asks. The recording is what
// tests/support/crash_images.h builds every possible state after a crash from.
//
// It promises no more than pager/file.h: what was not synced may be lost, and a
// new name is durable only after SyncDirectory.
//
// Thread-safe; one mutex, innermost. Files may outlive the file system.
#ifndef TESTS_SUPPORT_FAULTY_FILE_H_
#define TESTS_SUPPORT_FAULTY_FILE_H_
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/file.h"
#include "tests/support/shared_bytes.h"

namespace sheaf::test {

using FileId = uint32_t;  // a file keeps it when it is renamed

// What a disk holds. Cheap to copy.
struct Disk {
  absl::btree_map<std::string, FileId> names;
  absl::flat_hash_map<FileId, SharedBytes> files;
};

// One thing that happened to the disk. Calls that changed nothing leave none.
struct Event {
  enum class Kind : uint8_t {
    kWrite = 1,
    kTruncate,
    kSync,    // what the file had before is durable
    kForget,  // a sync failed: what was not durable is lost
    kCreate,
    kDelete,
    kRename,
    kSyncDirectory,  // what names in `path` led to before is durable
  };
  Kind kind = Kind::kWrite;
  FileId file = 0;                          // none for kSyncDirectory
  uint64_t offset = 0;                      // kWrite; kTruncate: the new size
  std::shared_ptr<const std::string> data;  // kWrite
  std::string path;  // the file's name then; kSyncDirectory: the folder
  std::string to;    // kRename

  bool IsDirectoryChange() const;
  std::string ToString() const;
};

struct Recording {
  Disk start;  // all of it durable
  std::vector<Event> events;
};

// Classes of calls; a Fault names several by `|`.
inline constexpr uint32_t kOpen = 1 << 0, kRead = 1 << 1, kWrite = 1 << 2,
                          kTruncate = 1 << 3, kSync = 1 << 4, kDelete = 1 << 5,
                          kRename = 1 << 6, kSyncDirectory = 1 << 7, kLock = 1 << 8,
                          kQuery = 1 << 9;  // Size, Exists, LinkCount, Canonical
inline constexpr int kCallClassCount = 10;
inline constexpr uint32_t kAnyCall = (1 << kCallClassCount) - 1;

// What a file holds after its sync failed. All three happen on Linux.
enum class SyncLoss {
  kNothing,   // all is as before; a later sync would still work
  kReadsOld,  // unsynced bytes are gone, and reads show it
  kReadsNew,  // unsynced bytes never reach the disk, but reads still see them
};

struct Fault {
  uint32_t calls = kAnyCall;
  uint64_t nth = 1;  // 1: the next such call
  enum class Repeat { kOnce, kForEver } repeat = Repeat::kOnce;
  absl::Status status = absl::InternalError("injected I/O error");
  uint64_t short_bytes = 0;  // of a failing write: so many bytes are written
  SyncLoss sync_loss = SyncLoss::kNothing;
  std::string path_suffix;  // only calls on names that end so
};

class FaultyFileSystem : public pager::FileSystem {
 public:
  static constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

  FaultyFileSystem() : FaultyFileSystem(Disk()) {}
  // A computer that starts on this disk.
  explicit FaultyFileSystem(Disk disk);
  ~FaultyFileSystem() override;

  // Adds a fault; several may be armed. When two fit a call, the older counts.
  void Inject(Fault fault);
  void ClearFaults();
  uint64_t faults_fired() const;

  // Calls of these classes so far, failed ones included.
  uint64_t calls(uint32_t classes) const;

  // Blocks of 4 KiB that named files may fill before a write fails with
  // kResourceExhausted; the part that fits is written.
  void LimitDisk(uint64_t bytes);

  // Events so far. Noted when a commit is acknowledged, it tells which crash
  // images must contain it: those with `point` at or after this count.
  size_t event_count() const;
  Recording recording() const;

  // Forgets the events. What the files hold now counts as durable.
  void RestartRecording();

  // What a new process finds after this one was killed: all that was written.
  Disk Contents() const;

  absl::StatusOr<std::unique_ptr<pager::File>> Open(const std::string& path,
                                                    pager::OpenMode mode) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::Status Delete(const std::string& path) override;
  absl::Status RenameNew(const std::string& from, const std::string& to) override;
  absl::Status RenameOver(const std::string& from, const std::string& to) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::string> Canonical(const std::string& path) override;

 private:
  class Rep;
  class Handle;
  std::shared_ptr<Rep> rep_;
};

// The folder of a canonical path.
std::string FolderOf(const std::string& path);

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_FAULTY_FILE_H_
