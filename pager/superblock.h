// Superblock: the root of everything, in page 0 and its twin, page 1.
//
// A checkpoint syncs its pages, writes page 0, syncs, then writes page 1. While
// page 0 is being written page 1 is durable and complete; afterwards both say
// the same, so that one of them may rot. The newest that verifies is opened.
//
// Superblock, format version 1, after the common page header (birth: version):
//
//   offset  size  field
//       64     8  magic           "SheafDB\n"
//       72     4  format_version  1; here, and under the same checksum, in every
//                                 version to come
//       76     4  page_bytes      4096
//       80    16  database_id     random
//       96     8  sequence        superblocks written so far; the newer has more
//      104     8  version         Stamp of the newest commit in the file
//      112     8  next_stamp      no page has this birth or a later one, but for
//                                 pages of commits that are in the log only
//      120     8  page_end        pages in the file; it is at least that long
//      128     8  next_tree_id
//      136    12  catalog_root    page reference; none in an empty database
//      148     4  map_count       n, at most 64
//      152     8  log_id          names the log that goes on from here; 0: closed
//                                 cleanly, there is none
//      160     8  log_lsn         where to begin in it
//      168     4  log_chain
//      172     4  features        bits a reader must know; bit 0: encrypted
//      176    16  key_salt        random in an encrypted file, made with it (a compact copy
//                                 has its own): with the id, what keys are made with
//      192  12*n  map_index       page references
//      960    64  reserved        zero
//     1024   128  key_wrap        key_wrap.h; zero in a plain file
//     1152     8  key_since       0, or, while the file moves to a new file key: pages of
//                                 a birth below this are sealed by the one before
//     1160    32  previous_key    that one
//     1192  2904  reserved        zero
//
// In an encrypted file the bytes [104, 172), [192, 960) and [1152, 1192) are sealed
// together, by the key of superblocks; the header from kind to birth, [64, 104),
// [172, 192) and the key wrap are authenticated beside them. The checksum is that of the
// bytes in the file.
#ifndef PAGER_SUPERBLOCK_H_
#define PAGER_SUPERBLOCK_H_
#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/file_keys.h"
#include "pager/log.h"
#include "pager/page.h"
#include "pager/page_allocator.h"

namespace sheaf::pager {

inline constexpr uint32_t kFormatVersion = 1;

struct Superblock {
  DatabaseId database_id{};
  uint64_t sequence = 0;
  Stamp version = 0;
  Stamp next_stamp = 1;
  PageId page_end = PageAllocator::kFirstPage;
  uint64_t next_tree_id = 1;
  PageRef catalog_root;
  uint64_t log_id = 0;
  LogPosition log;
  MapRoots map;
  // Empty in a plain file, otherwise kKeyWrapBytes.
  std::string key_wrap;
  std::array<uint8_t, 16> key_salt{};
  Stamp key_since = 0;
  SecretKey previous_key;
};

// Fills one page for place `id` (0 or 1), checksum included. `keys`: null unless the
// superblock has a key wrap. Fails only where encryption does.
absl::Status EncodeSuperblock(const Superblock& superblock, PageId id, char* page,
                              FileKeys* keys = nullptr);

// What can be read without a key: database_id, sequence and key_wrap. kInvalidArgument:
// not a Sheaf file. kUnimplemented: a newer format. kDataLoss: damaged, naming the field.
absl::StatusOr<Superblock> DecodePlainSuperblock(const char* page, PageId id);
// All of it. `keys`: of the key wrap that DecodePlainSuperblock found, or null.
// kPermissionDenied when it is encrypted and there are none.
absl::StatusOr<Superblock> DecodeSuperblock(const char* page, PageId id,
                                            FileKeys* keys = nullptr);

// The members of a JSON object; fewer when it is encrypted and there are no keys.
std::string DescribeSuperblock(const char* page, FileKeys* keys = nullptr);

}  // namespace sheaf::pager
#endif  // PAGER_SUPERBLOCK_H_
