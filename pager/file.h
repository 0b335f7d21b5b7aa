// File and FileSystem: the only way Sheaf reaches storage.
//
// Three kinds exist: the operating system's (RealFileSystem), one held in
// memory (MemoryFileSystem), and, for tests, one that records every write and
// sync and injects faults (tests/support/faulty_file.h). Everything above sees
// only this header, so whatever is proved on the faulty one holds for the rest.
//
// What callers may assume (and nothing more):
//   - after Sync() returned OK the bytes written and the size are durable;
//   - a write changes no byte outside its range; it is not atomic;
//   - a new name is durable after SyncDirectory() of its folder returned OK.
// A failed Sync() is never retried by anyone (the kernel may have dropped the
// dirty pages: Rebello et al., USENIX ATC 2020).
//
// Thread-safe: reads and writes of one File may run at the same time; ranges
// that overlap are the caller's to order.
#ifndef PAGER_FILE_H_
#define PAGER_FILE_H_
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sheaf::pager {

enum class LockMode {
  kShared,     // any number of readers
  kExclusive,  // one writer, no readers
};

class File {
 public:
  virtual ~File() = default;

  // Fills `out` whole. kOutOfRange when the file ends before that (the message
  // says offset, size wanted and size of the file); kUnavailable never.
  virtual absl::Status Read(uint64_t offset, absl::Span<char> out) const = 0;

  // Fills `parts` one after the other from one range beginning at `offset`; as Read.
  virtual absl::Status ReadScatter(uint64_t offset,
                                   absl::Span<const absl::Span<char>> parts) const {
    absl::Status status;
    for (const absl::Span<char> part : parts) {
      if (status.ok()) status = Read(offset, part);
      offset += part.size();
    }
    return status;
  }

  // Writes all of `data`, growing the file when it ends earlier; a gap reads as
  // zeros. kResourceExhausted when the disk is full.
  virtual absl::Status Write(uint64_t offset, std::string_view data) = 0;

  // Writes `parts` one after the other as one range beginning at `offset`.
  virtual absl::Status WriteGather(uint64_t offset,
                                   absl::Span<const std::string_view> parts) = 0;

  // The range as memory that may be stored to instead of calling Write, for many
  // small writes; nullptr where that is not offered or not safe. What is stored
  // is in the file at once, for Read and for Sync as well. Valid until the next
  // call or the end of the File. Requires: the range was written or allocated and
  // stays in the file; one thread at a time.
  virtual char* MapForAppend(uint64_t offset, uint64_t size) {
    (void)offset, (void)size;
    return nullptr;
  }

  // Grows the file to the end of the range, which reads as zeros and has its place on
  // the disk: writing there does not fill it. Requires: the range lies behind the end.
  // kResourceExhausted; kUnimplemented where only Write does it.
  virtual absl::Status Allocate(uint64_t offset, uint64_t size) {
    (void)offset, (void)size;
    return absl::UnimplementedError("this file cannot allocate");
  }

  // Makes contents and size durable (fdatasync).
  virtual absl::Status Sync() = 0;

  virtual absl::StatusOr<uint64_t> Size() const = 0;
  virtual absl::Status Truncate(uint64_t size) = 0;

  // A hint: start writing the range to the device, do not wait.
  virtual void StartWriteback(uint64_t offset, uint64_t size) = 0;

  // A hint: nobody needs the bytes of the range any more; they may read as zeros
  // afterwards and take no space on the disk.
  virtual void PunchHole(uint64_t /*offset*/, uint64_t /*size*/) {}

  // Takes the advisory lock of this file without waiting. Two opens conflict
  // also inside one process. kUnavailable names the process that holds it where
  // the system tells. Released by Unlock and when the File is destroyed.
  virtual absl::Status Lock(LockMode mode) = 0;
  virtual void Unlock() {}

  // Names (hard links) that lead to this file; 0 when it was deleted while open.
  virtual absl::StatusOr<uint32_t> LinkCount() const = 0;
};

enum class OpenMode {
  kReadOnly,   // must exist
  kReadWrite,  // must exist
  kCreateNew,  // must not exist: kAlreadyExists
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // kNotFound, kAlreadyExists, kPermissionDenied, kFailedPrecondition (a folder
  // or device, not a regular file). Every message begins with the path.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                                     OpenMode mode) = 0;
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
  virtual absl::Status Delete(const std::string& path) = 0;  // kNotFound

  // Gives `from` the name `to`. Never replaces: kAlreadyExists.
  virtual absl::Status RenameNew(const std::string& from, const std::string& to) = 0;

  // The same; a file that has the name already loses it at that instant.
  virtual absl::Status RenameOver(const std::string& from, const std::string& /*to*/) {
    return absl::UnimplementedError(from + ": files cannot be replaced here");
  }

  // Makes creations, renames and deletions in the folder of `path` durable.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;

  // The absolute path with symbolic links resolved; a last component that does
  // not exist yet is allowed, a missing folder is kNotFound.
  virtual absl::StatusOr<std::string> Canonical(const std::string& path) = 0;
};

// The operating system's files. One object serves the process; never deleted.
FileSystem* RealFileSystem();

// Files in memory, gone with the object. Locks work as on disk.
std::unique_ptr<FileSystem> NewMemoryFileSystem();

}  // namespace sheaf::pager
#endif  // PAGER_FILE_H_
