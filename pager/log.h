// Log: the write-ahead log. Commits are appended as groups of logical
// operations; the log neither reads nor understands what it carries.
//
// It is a file beside the database, `<path>-log`, there while a writer has the
// database open and removed at a clean close. It is cut into segments of 1 MiB,
// which have their place on the disk before their first use: written full of zeros
// (in 4 KiB pieces) and synced or, when nobody waits for a sync, allocated. They are
// recycled after a checkpoint: overwriting in place costs one device flush, growing a
// file costs a file-system commit too.
//
// File, format version 1. Integers are little-endian.
//
//   offset      size  field
//        0      4096  file header
//     4096     1 MiB  segment 0
//     4096 + i*1 MiB  segment i
//
//   file header :=
//        0         8  magic        "SheafLog"
//        8         4  version      1
//       12         4  segment_size 1048576
//       16        16  database_id  as in the superblock
//       32         8  log_id       as in the superblock; random for each log
//       40        20  reserved     zero
//       60         4  checksum     CRC32C of bytes [0, 60), in every version
//       64      4032  zero
//
//   segment header (64 bytes) :=
//        0         4  checksum     CRC32C of bytes [4, 64)
//        4         4  magic        0x67655353
//        8         8  log_id
//       16         8  sequence     1, 2, 3, …: position in the log's life
//       24         8  start_lsn    LSN of the first frame in this segment
//       32         4  previous     chain value of the frame before start_lsn
//       36         4  salt         random; the chain value the first frame builds on
//                                  is CRC32C(previous, salt)
//       40         8  durable_lsn  all before it was durable when this was made;
//                                  at most start_lsn
//       48        16  key_salt     random; zero in a plain file. The key of the frames
//                                  in this segment is made with it (cipher.h)
//
//   frame (header 32 bytes, padded with zeros to a multiple of 8) :=
//        0         4  chain        CRC32C of the chain value before this frame
//                                  (4 bytes), then bytes [4, 32 + length)
//        4         4  length       bytes of payload, >= 1
//        8         8  lsn          of this frame's first byte
//       16         8  txn          transaction id the group commits
//       24         1  flags       bit 0: first frame of its group
//                                 bit 1: last frame: the group is committed
//       25         7  reserved     zero
//       32    length  payload; the padding is written as zero and not read. In an
//                     encrypted file it is sealed and 16 bytes of tag end it; the
//                     nonce is the lsn (8 bytes) and zeros, bytes [4, 32) are
//                     authenticated beside it, the chain is that of the sealed bytes
//
// An LSN counts bytes of frames since the database was created (headers of
// segments are not counted), so lsn + 32 + length, rounded up to 8, is the LSN
// of the next frame. A frame never crosses the end of its segment; a group may.
// A segment is given up when fewer than 64 bytes are left in it. Its header is
// written together with its first frames; only Create writes one alone.
//
// Always: a frame is part of the log only when its chain value verifies, hence
// only when all frames before it are those it was written after. Behind it comes
// the next frame of its segment or, where none verifies, the first frame of the
// segment that continues it: start_lsn and previous are what was reached, and
// the sequence is greater (the greatest, if several are). Where neither is
// found the log ends, after the last group that is whole.
//
// Always: one segment holds the position that a superblock names. It verifies
// from its first frame to there, because the log was synced to there before the
// superblock was written, and it is not recycled (see Release). Hence
//   - a log in which a segment verifies as far as the start and nothing comes
//     after is empty, and that is no error;
//   - nothing else about the end is an error either: what was not synced reaches
//     the disk in any order, so whole segments may lie behind the end, and a
//     torn segment header ends the log before it;
//   - it is damage, and commits that were acknowledged may be gone, when the
//     file header does not verify, when no segment holds the start, when some
//     segment header of this log has a durable_lsn beyond the end, or when a
//     frame verifies but makes no sense.
//
// Recover writes again what it found and no segment header calls durable (a sync
// that failed may have left it in the page cache for good), cuts off what lies
// behind the end (it zeroes the frame header there and the headers of all segments
// that begin there or later), syncs, and goes on in a fresh segment with a fresh
// salt, so nothing that lay there can ever verify again (RELIABILITY B18, R5).
// Every step may be repeated after a crash.
//
// Thread-safe. Lock order: mu_ is innermost but for the File, and is not held
// while the File works.
#ifndef PAGER_LOG_H_
#define PAGER_LOG_H_
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/file.h"
#include "pager/file_keys.h"
#include "pager/histogram.h"
#include "pager/mutex.h"

namespace sheaf::pager {

using Lsn = uint64_t;
using TxnId = uint64_t;
using DatabaseId = std::array<uint8_t, 16>;

inline constexpr uint32_t kLogSegmentBytes = 1 << 20;
inline constexpr uint32_t kLogFormatVersion = 1;

// Where the log begins that a superblock asks for: all before is in the file.
// Always the end of a group, or where the log was created.
struct LogPosition {
  Lsn lsn = 0;
  uint32_t chain = 0;  // chain value of the frame that ends at `lsn`; 0 at first
};

struct LogIdentity {
  DatabaseId database_id{};
  uint64_t log_id = 0;
  FileKeys* keys = nullptr;  // null: a plain file; outlives the log
};

class LogBatch;
class LogReader;

struct LogStats {
  uint64_t file_bytes = 0;      // size of the log file
  uint64_t live_bytes = 0;      // written since the position last released
  uint64_t appended_bytes = 0;  // since open
  uint64_t pending_bytes = 0;   // of them, still in memory
  uint64_t writes = 0, syncs = 0;
};

class Log {
 public:
  // Makes a new log whose first frame will be at `start`. An older file of that
  // name is deleted first. Durable (file, first segment, name) when it returns.
  static absl::StatusOr<std::unique_ptr<Log>> Create(FileSystem* fs,
                                                     const std::string& path,
                                                     const LogIdentity& identity,
                                                     LogPosition start);

  // One committed group: its frames' payloads joined. `end` is where the next
  // group begins. The view is valid during the call.
  using GroupFn = absl::FunctionRef<absl::Status(TxnId txn, std::string_view payload,
                                                 LogPosition end)>;

  enum class Access { kReadOnly, kReadWrite };

  // Opens the log left by a crash and hands over every committed group from
  // `start` on, in order. kFailedPrecondition when the file belongs to another
  // database or log, kNotFound when it is missing, kUnimplemented for a newer
  // version, kDataLoss when commits that were acknowledged may be missing (the
  // rule is above), kResourceExhausted for a group whose payload exceeds
  // `group_bytes_max`, and what `group` returns. A torn end is normal and no
  // error. After an error the file is as it was and what was handed over must be
  // thrown away. kReadWrite then cuts off the tail, syncs and is ready for
  // Append; kReadOnly writes nothing. Holds one segment and one group in memory.
  static absl::StatusOr<std::unique_ptr<Log>> Recover(
      FileSystem* fs, const std::string& path, const LogIdentity& identity,
      LogPosition start, Access access, uint64_t group_bytes_max, GroupFn group);

  // Drops what was appended but not written. Requires: no call is running.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Adds one group to the end, in the order of the calls. The bytes wait in
  // memory until Write or SyncThrough; whoever calls neither for long watches
  // pending_bytes. Returns where the group ends. Cannot fail for want of disk:
  // that is Write's to say; on a poisoned log nothing is added. `payload` is
  // split into frames. Requires: opened for writing; `payload` is not empty and
  // not above the `group_bytes_max` that Recover will be given.
  LogPosition Append(TxnId txn, std::string_view payload) ABSL_LOCKS_EXCLUDED(mu_);

  // Hands everything appended so far to the operating system: it then survives
  // the death of the process, not of the machine.
  absl::Status Write() ABSL_LOCKS_EXCLUDED(mu_);

  // Returns when everything before `lsn` is durable. One caller does the write
  // and the sync for all that wait, while further groups may be appended.
  // The first error poisons the log: every later call returns it.
  // Requires: lsn <= end().lsn.
  absl::Status SyncThrough(Lsn lsn) ABSL_LOCKS_EXCLUDED(mu_);

  // Everything before `position` is in the database file, durably: its segments
  // may be overwritten, except the one with the frame that ends at `position`.
  // Segments beyond `keep_bytes` are cut from the file's end when nothing live
  // is in them. kFailedPrecondition unless the log is durable to `position`: it
  // must have been, by SyncThrough, before a superblock named the position, or a
  // crash in between leaves a log that looks damaged.
  absl::Status Release(LogPosition position, uint64_t keep_bytes)
      ABSL_LOCKS_EXCLUDED(mu_);

  LogPosition end() const ABSL_LOCKS_EXCLUDED(mu_);
  Lsn durable_lsn() const ABSL_LOCKS_EXCLUDED(mu_);
  // Of the calls that sync the file.
  const Histogram& sync_latency() const { return sync_latency_; }
  LogStats stats() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status error() const ABSL_LOCKS_EXCLUDED(mu_);  // OK until poisoned

  // Closes and deletes the file. Requires: the superblock no longer names it.
  static absl::Status Remove(FileSystem* fs, const std::string& path,
                             std::unique_ptr<Log> log);

 private:
  // A segment of the file with frames that no checkpoint has made superfluous.
  struct LiveSegment {
    Lsn start_lsn;
    uint32_t slot;  // its place in the file
  };

  enum class Then { kNothing, kSync };  // what follows a write

  Log(std::unique_ptr<File> file, const LogIdentity& identity, Access access);
  // What Create does once the file exists, and Recover once it was read.
  absl::Status Format(const LogIdentity& identity, LogPosition start);
  absl::Status RewriteUnsynced(const LogReader& reader);
  absl::Status CutAfter(const LogReader& reader);
  void Adopt(const LogReader& reader, Lsn start) ABSL_LOCKS_EXCLUDED(mu_);

  absl::Status StartSegment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AppendFrame(TxnId txn, uint8_t flags, std::string_view payload)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AppendGroup(TxnId txn, std::string_view payload)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Poison(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Both let go of mu_ while the file works. Require: !writing_ for the first,
  // !syncing_ for the second.
  absl::Status WritePending(Then then) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status WriteAndSync() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Steps of whoever set writing_.
  absl::Status WriteBatch(const LogBatch& batch, Then then) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<uint32_t> TakeSlot(Lsn start_lsn, Then then) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Extend(Then then) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status WriteZeroSegment(uint32_t slot);
  // Returns how many of the segments from `slot` on now have their place on the disk.
  absl::StatusOr<uint32_t> AddSegments(uint32_t slot, uint32_t count, Then then);
  absl::Status CutFile(uint32_t slot_count) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::unique_ptr<File> file_;
  const uint64_t log_id_;
  FileKeys* const keys_;
  const Access access_;
  Histogram sync_latency_;

  mutable Mutex mu_;
  CondVar changed_;  // written_, durable_, writing_, syncing_ or error_

  LogPosition end_ ABSL_GUARDED_BY(mu_);
  uint32_t seed_ ABSL_GUARDED_BY(mu_) = 0;  // chain value the next frame builds on
  uint32_t segment_used_ ABSL_GUARDED_BY(mu_) = kLogSegmentBytes;  // full: take another
  uint64_t next_sequence_ ABSL_GUARDED_BY(mu_) = 1;
  uint64_t salt_state_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<Cipher> cipher_ ABSL_GUARDED_BY(mu_);  // of the segment; null: plain
  std::unique_ptr<LogBatch> pending_ ABSL_GUARDED_BY(mu_);

  Lsn written_ ABSL_GUARDED_BY(mu_) = 0, durable_ ABSL_GUARDED_BY(mu_) = 0,
               released_ ABSL_GUARDED_BY(mu_) = 0;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;  // a thread writes or cuts the file
  bool syncing_ ABSL_GUARDED_BY(mu_) = false;  // a thread writes, then syncs
  absl::Status error_ ABSL_GUARDED_BY(mu_);

  std::vector<LiveSegment> live_ ABSL_GUARDED_BY(mu_);     // oldest first
  std::vector<uint32_t> free_slots_ ABSL_GUARDED_BY(mu_);  // a heap, lowest on top
  uint32_t slot_count_ ABSL_GUARDED_BY(mu_) = 0;
  LogStats stats_ ABSL_GUARDED_BY(mu_);  // the counters among them

  // Owned by whoever set writing_.
  std::unique_ptr<LogBatch> flushing_;
  uint32_t slot_ = 0;       // of the segment written last
  bool may_map_ = false;    // and it was not yet tried whether
  char* mapped_ = nullptr;  // that segment can be written as memory
  uint32_t extend_by_ = 1;  // segments to grow by next time
};

}  // namespace sheaf::pager
#endif  // PAGER_LOG_H_
