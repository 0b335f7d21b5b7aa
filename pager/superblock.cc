#include "pager/superblock.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

constexpr char kMagic[] = "SheafDB\n";
constexpr size_t kMagicAt = 64, kFormat = 72, kPageBytesAt = 76, kDatabaseId = 80,
                 kSequence = 96, kVersion = 104, kNextStamp = 112, kPageEnd = 120,
                 kNextTreeId = 128, kCatalogRoot = 136, kMapCount = 148, kLogId = 152,
                 kLogLsn = 160, kLogChain = 168, kFeatures = 172, kMapIndexAt = 192;
static_assert(kMapIndexAt + kMapRootsMax * PageRef::kEncodedSize == 960);

}  // namespace

void EncodeSuperblock(const Superblock& s, PageId id, char* page) {
  std::memset(page, 0, kPageBytes);
  InitPageHeader(page, PageKind::kSuperblock, 1, id, s.version);
  std::memcpy(page + kMagicAt, kMagic, 8);
  EncodeFixed32(page + kFormat, kFormatVersion);
  EncodeFixed32(page + kPageBytesAt, kPageBytes);
  std::memcpy(page + kDatabaseId, s.database_id.data(), s.database_id.size());
  EncodeFixed64(page + kSequence, s.sequence);
  EncodeFixed64(page + kVersion, s.version);
  EncodeFixed64(page + kNextStamp, s.next_stamp);
  EncodeFixed64(page + kPageEnd, s.page_end);
  EncodeFixed64(page + kNextTreeId, s.next_tree_id);
  EncodePageRef(page + kCatalogRoot, s.catalog_root);
  EncodeFixed32(page + kMapCount, s.map.count);
  EncodeFixed64(page + kLogId, s.log_id);
  EncodeFixed64(page + kLogLsn, s.log.lsn);
  EncodeFixed32(page + kLogChain, s.log.chain);
  for (uint32_t i = 0; i < s.map.count; ++i)
    EncodePageRef(page + kMapIndexAt + i * PageRef::kEncodedSize, s.map.index[i]);
  SealPage(page, kPageBytes);
}

absl::StatusOr<Superblock> DecodeSuperblock(const char* page, PageId id) {
  if (std::memcmp(page + kMagicAt, kMagic, 8) != 0)
    return absl::InvalidArgumentError("not a Sheaf database");
  SHEAF_RETURN_IF_ERROR(
      VerifyPage(page, kPageBytes, PageRef{id, BirthOf(page), 1, false}));
  const uint32_t format = DecodeFixed32(page + kFormat);
  if (format > kFormatVersion)
    return absl::UnimplementedError(absl::StrCat("its format version is ", format,
                                                 ", this library knows ", kFormatVersion,
                                                 ": open it with a newer one"));
  Superblock s;
  std::memcpy(s.database_id.data(), page + kDatabaseId, s.database_id.size());
  s.sequence = DecodeFixed64(page + kSequence);
  s.version = DecodeFixed64(page + kVersion);
  s.next_stamp = DecodeFixed64(page + kNextStamp);
  s.page_end = DecodeFixed64(page + kPageEnd);
  s.next_tree_id = DecodeFixed64(page + kNextTreeId);
  s.catalog_root = DecodePageRef(page + kCatalogRoot);
  s.map.count = DecodeFixed32(page + kMapCount);
  s.log_id = DecodeFixed64(page + kLogId);
  s.log.lsn = DecodeFixed64(page + kLogLsn);
  s.log.chain = DecodeFixed32(page + kLogChain);
  if (format == 0) return PageDamaged(id, "format_version is 0");
  if (DecodeFixed32(page + kFeatures) != 0)
    return absl::UnimplementedError(
        absl::StrCat("it uses features ", absl::Hex(DecodeFixed32(page + kFeatures)),
                     " that this library does not know"));
  if (DecodeFixed32(page + kPageBytesAt) != kPageBytes)
    return PageDamaged(id, "page_bytes is not 4096");
  if (s.page_end < PageAllocator::kFirstPage || s.page_end > kPageIdEnd)
    return PageDamaged(id, absl::StrCat("page_end is ", s.page_end));
  if (s.next_stamp >= kStampEnd || s.version >= s.next_stamp)
    return PageDamaged(id, absl::StrCat("next_stamp is ", s.next_stamp));
  if (s.catalog_root.id + s.catalog_root.pages > s.page_end)
    return PageDamaged(id, "catalog_root leads outside the file");
  if (s.catalog_root.birth > s.version)
    return PageDamaged(id, absl::StrCat("catalog_root has birth ", s.catalog_root.birth,
                                        ", version is ", s.version));
  if (s.log.lsn % 8 != 0 || s.log.lsn >> 62 != 0)
    return PageDamaged(id, absl::StrCat("log_lsn is ", s.log.lsn));
  if (s.map.count > kMapRootsMax)
    return PageDamaged(id, absl::StrCat("map_count is ", s.map.count));
  for (uint32_t i = 0; i < s.map.count; ++i)
    s.map.index[i] = DecodePageRef(page + kMapIndexAt + i * PageRef::kEncodedSize);
  return s;
}

std::string DescribeSuperblock(const char* page) {
  absl::StatusOr<Superblock> s = DecodeSuperblock(page, PageIdOf(page));
  if (!s.ok()) return "";
  return absl::StrCat(
      "\"format_version\":", DecodeFixed32(page + kFormat), ",\"sequence\":", s->sequence,
      ",\"version\":", s->version, ",\"next_stamp\":", s->next_stamp,
      ",\"page_end\":", s->page_end, ",\"next_tree_id\":", s->next_tree_id,
      ",\"catalog_root\":", s->catalog_root.id, ",\"map_count\":", s->map.count,
      ",\"log_id\":\"", absl::Hex(s->log_id), "\",\"log_lsn\":", s->log.lsn);
}

}  // namespace sheaf::pager
