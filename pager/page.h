// Pages and references to pages: the bytes that every page has in common.
//
// The file is an array of base pages of 4 KiB. A node is a run of 1 to 16 base
// pages that is read, written, cached and checked as one; its id is that of its
// first base page. "Page" means node where it makes no difference.
//
// Page header, format version 1. Integers are little-endian; `end` is the size
// of the node in bytes.
//
//   offset  size  field
//        0     4  checksum  CRC32C of bytes [4, end)
//        4     1  kind      PageKind; 0 is never valid
//        5     1  pages     size of the node in base pages, 1 to 16
//        6     1  level     0: leaf; the children of level n have level n - 1
//        7     1  flags     see the kind
//        8     8  page_id   this page's own id: exposes a misdirected read
//       16     8  birth     Stamp of the writer that made it: exposes a stale page
//       24    12  nonce     of the cipher; zero in a plain file
//       36    16  tag       of the cipher; zero in a plain file
//       52    12            fields of the kind
//       64                  payload
//
//   page reference (12 bytes) :=
//        0     6  bit 0: the page holds references, or leaves below it do
//                 bits 1-4: pages - 1; bits 5-47: page id. 0: no page
//        6     6  birth     as in the page referred to
//
// Always: a page is written once under one (id, birth). A reference to a page
// and the page agree on id, pages and birth, or the page is damaged.
#ifndef PAGER_PAGE_H_
#define PAGER_PAGE_H_
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "pager/coding.h"

namespace sheaf::pager {

using PageId = uint64_t;

// Counts write transactions and savepoints since the database was created. A
// version is named by the last stamp its transaction used, so a page of birth b
// that was given up by version d is part of version v exactly when b <= v < d.
using Stamp = uint64_t;

inline constexpr size_t kPageBytes = 4096;
inline constexpr uint32_t kNodePagesMax = 16;
inline constexpr PageId kPageIdEnd = PageId{1} << 40;  // 4 PiB
inline constexpr Stamp kStampEnd = Stamp{1} << 48;

enum class PageKind : uint8_t {
  kSuperblock = 1,
  kLeaf = 2,        // btree/node.h
  kInner = 3,       // btree/node.h
  kValue = 4,       // btree/large_value.h
  kValueIndex = 5,  // btree/large_value.h
  kMap = 6,         // pager/page_allocator.h
  kMapIndex = 7,    // pager/page_allocator.h
  kDenseIndex = 8,  // btree/dense_node.h
  kDenseLeaf = 9,   // btree/dense_node.h
};
inline constexpr size_t kPageKindCount = 10;

struct PageHeader {
  static constexpr size_t kChecksum = 0, kKind = 4, kPages = 5, kLevel = 6, kFlags = 7,
                          kPageId = 8, kBirth = 16, kNonce = 24, kTag = 36,
                          kKindFields = 52, kSize = 64;
};
static_assert(PageHeader::kKindFields + 12 == PageHeader::kSize);

struct PageRef {
  PageId id = 0;  // 0 (a superblock) means no page
  Stamp birth = 0;
  uint32_t pages = 1;
  bool leaf_refs = false;  // values in the leaves refer to pages of their own

  static constexpr size_t kEncodedSize = 12;
  explicit operator bool() const { return id != 0; }
  friend bool operator==(const PageRef&, const PageRef&) = default;
};

inline void EncodePageRef(char* out, const PageRef& ref) {
  const uint64_t word =
      ref.id == 0 ? 0 : ref.id << 5 | (ref.pages - 1) << 1 | uint64_t{ref.leaf_refs};
  EncodeFixed48(out, word);
  EncodeFixed48(out + 6, ref.birth);
}

inline PageRef DecodePageRef(const char* in) {
  const uint64_t word = DecodeFixed48(in);
  return {word >> 5, DecodeFixed48(in + 6), static_cast<uint32_t>(word >> 1 & 15) + 1,
          (word & 1) != 0};
}

inline PageKind PageKindOf(const char* page) {
  return static_cast<PageKind>(static_cast<uint8_t>(page[PageHeader::kKind]));
}
inline uint32_t PagesOf(const char* page) {
  return static_cast<uint8_t>(page[PageHeader::kPages]);
}
inline uint32_t LevelOf(const char* page) {
  return static_cast<uint8_t>(page[PageHeader::kLevel]);
}
inline Stamp BirthOf(const char* page) {
  return DecodeFixed64(page + PageHeader::kBirth);
}
inline PageId PageIdOf(const char* page) {
  return DecodeFixed64(page + PageHeader::kPageId);
}

// Writes all of the header but the checksum, and zeros into the rest of it.
void InitPageHeader(char* page, PageKind kind, uint32_t pages, PageId id, Stamp birth);

// Computes and stores the checksum of a finished page image.
void SealPage(char* page, size_t bytes);

// kDataLoss, naming page and field, unless the bytes are the page that `ref`
// means: checksum, id, birth, size, a known kind.
absl::Status VerifyPage(const char* page, size_t bytes, const PageRef& ref);
absl::Status VerifyHeader(const char* page, const PageRef& ref);  // without checksum

// What the pager must know about a kind of page. The folders above supply it.
struct PageKindOps {
  const char* name = nullptr;  // null: not a kind that trees refer to
  // Bounds everything inside a page that was just read, so that no later
  // reader needs to. kDataLoss names the field.
  absl::Status (*validate)(const char* page) = nullptr;
  // Calls `fn` for each reference in the page.
  void (*for_each_ref)(const char* page,
                       absl::FunctionRef<void(const PageRef&)> fn) = nullptr;
  // Zeros the bytes of an image about to be written that mean nothing, so that
  // no stale memory reaches the file.
  void (*clear_unused)(char* page) = nullptr;
  // All fields as a JSON object's members, for people.
  std::string (*describe)(const char* page) = nullptr;
};
struct PageOps {
  PageKindOps kinds[kPageKindCount];
};

absl::Status PageDamaged(PageId id, const std::string& what);
// The page in memory is not of the birth that this reference to it gives.
absl::Status BirthDiffers(const char* page, const PageRef& ref);

}  // namespace sheaf::pager
#endif  // PAGER_PAGE_H_
