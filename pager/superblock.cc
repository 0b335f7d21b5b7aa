#include "pager/superblock.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/key_wrap.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

constexpr char kSuperblockMagic[] = "SheafDB\n";
constexpr size_t kMagicAt = 64, kFormat = 72, kPageBytesAt = 76, kDatabaseId = 80,
                 kSequence = 96, kVersion = 104, kNextStamp = 112, kPageEnd = 120,
                 kNextTreeId = 128, kCatalogRoot = 136, kMapCount = 148, kLogId = 152,
                 kLogLsn = 160, kLogChain = 168, kFeatures = 172, kKeySalt = 176,
                 kMapIndexAt = 192, kMapIndexEnd = 960, kKeyWrapAt = 1024,
                 kKeySince = 1152, kPreviousKey = 1160, kPreviousKeyEnd = 1192;
static_assert(kKeyWrapAt + kKeyWrapBytes == kKeySince);
static_assert(kMapIndexAt + kMapRootsMax * PageRef::kEncodedSize == kMapIndexEnd);

constexpr uint32_t kEncrypted = 1;

// What is secret lies in these places.
struct Place {
  size_t begin, end;
};
constexpr Place kSecret[] = {
    {kVersion, kFeatures}, {kMapIndexAt, kMapIndexEnd}, {kKeySince, kPreviousKeyEnd}};
constexpr size_t kSecretBytes =
    kFeatures - kVersion + kMapIndexEnd - kMapIndexAt + kPreviousKeyEnd - kKeySince;

void CopySecret(const char* page, char* out) {
  for (const Place& place : kSecret) {
    std::memcpy(out, page + place.begin, place.end - place.begin);
    out += place.end - place.begin;
  }
}

void SetSecret(const char* in, char* page) {
  for (const Place& place : kSecret) {
    std::memcpy(page + place.begin, in, place.end - place.begin);
    in += place.end - place.begin;
  }
}

std::string SuperblockAuthenticated(const char* page) {
  std::string bytes(page + PageHeader::kKind, PageHeader::kNonce - PageHeader::kKind);
  bytes.append(page + kMagicAt, kVersion - kMagicAt);
  bytes.append(page + kFeatures, kMapIndexAt - kFeatures);
  bytes.append(page + kKeyWrapAt, kKeyWrapBytes);
  return bytes;
}

}  // namespace

absl::Status EncodeSuperblock(const Superblock& s, PageId id, char* page,
                              FileKeys* keys) {
  SHEAF_ASSERT(s.key_wrap.empty() == (keys == nullptr));
  std::memset(page, 0, kPageBytes);
  InitPageHeader(page, PageKind::kSuperblock, 1, id, s.version);
  std::memcpy(page + kMagicAt, kSuperblockMagic, 8);
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
  if (keys != nullptr) {
    EncodeFixed32(page + kFeatures, kEncrypted);
    std::memcpy(page + kKeySalt, s.key_salt.data(), s.key_salt.size());
    s.key_wrap.copy(page + kKeyWrapAt, kKeyWrapBytes);
    EncodeFixed64(page + kKeySince, s.key_since);
    if (s.key_since != 0) s.previous_key.bytes().copy(page + kPreviousKey, kKeyBytes);
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Cipher> cipher, keys->ForSuperblocks());
    char secret[kSecretBytes];
    CopySecret(page, secret);
    SHEAF_RETURN_IF_ERROR(keys->NextNonce(page + PageHeader::kNonce));
    SHEAF_RETURN_IF_ERROR(cipher->Seal(page + PageHeader::kNonce,
                                       SuperblockAuthenticated(page),
                                       absl::MakeSpan(secret), page + PageHeader::kTag));
    SetSecret(secret, page);
  }
  SealPage(page, kPageBytes);
  return absl::OkStatus();
}

absl::StatusOr<Superblock> DecodePlainSuperblock(const char* page, PageId id) {
  if (std::memcmp(page + kMagicAt, kSuperblockMagic, 8) != 0)
    return absl::InvalidArgumentError("not a Sheaf database");
  SHEAF_RETURN_IF_ERROR(
      VerifyPage(page, kPageBytes, PageRef{id, BirthOf(page), 1, false}));
  const uint32_t format = DecodeFixed32(page + kFormat);
  if (format > kFormatVersion)
    return absl::UnimplementedError(absl::StrCat("its format version is ", format,
                                                 ", this library knows ", kFormatVersion,
                                                 ": open it with a newer one"));
  if (format == 0) return PageDamaged(id, "format_version is 0");
  if (const uint32_t features = DecodeFixed32(page + kFeatures); features > kEncrypted)
    return absl::UnimplementedError(absl::StrCat("it uses features ",
                                                 absl::Hex(features & ~kEncrypted),
                                                 " that this library does not know"));
  if (DecodeFixed32(page + kPageBytesAt) != kPageBytes)
    return PageDamaged(id, "page_bytes is not 4096");
  Superblock s;
  std::memcpy(s.database_id.data(), page + kDatabaseId, s.database_id.size());
  s.sequence = DecodeFixed64(page + kSequence);
  if (DecodeFixed32(page + kFeatures) != 0)
    s.key_wrap = std::string(page + kKeyWrapAt, kKeyWrapBytes);
  std::memcpy(s.key_salt.data(), page + kKeySalt, s.key_salt.size());
  return s;
}

absl::StatusOr<Superblock> DecodeSuperblock(const char* in, PageId id, FileKeys* keys) {
  SHEAF_ASSIGN_OR_RETURN(Superblock s, DecodePlainSuperblock(in, id));
  if (!s.key_wrap.empty() && keys == nullptr) return KeyNeeded();
  char page[kPageBytes];
  std::memcpy(page, in, kPageBytes);
  if (!s.key_wrap.empty()) {
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Cipher> cipher, keys->ForSuperblocks());
    char secret[kSecretBytes];
    CopySecret(page, secret);
    const absl::Status opened =
        cipher->Open(page + PageHeader::kNonce, SuperblockAuthenticated(page),
                     absl::MakeSpan(secret), page + PageHeader::kTag);
    if (absl::IsDataLoss(opened)) return PageDamaged(id, std::string(opened.message()));
    SHEAF_RETURN_IF_ERROR(opened);
    SetSecret(secret, page);
    Wipe(absl::MakeSpan(secret));
    s.key_since = DecodeFixed64(page + kKeySince);
    if (s.key_since != 0)
      s.previous_key = SecretKey(std::string_view(page + kPreviousKey, kKeyBytes));
    Wipe(absl::MakeSpan(page + kPreviousKey, kKeyBytes));
  }
  s.version = DecodeFixed64(page + kVersion);
  s.next_stamp = DecodeFixed64(page + kNextStamp);
  s.page_end = DecodeFixed64(page + kPageEnd);
  s.next_tree_id = DecodeFixed64(page + kNextTreeId);
  s.catalog_root = DecodePageRef(page + kCatalogRoot);
  s.map.count = DecodeFixed32(page + kMapCount);
  s.log_id = DecodeFixed64(page + kLogId);
  s.log.lsn = DecodeFixed64(page + kLogLsn);
  s.log.chain = DecodeFixed32(page + kLogChain);
  if (s.page_end < PageAllocator::kFirstPage || s.page_end > kPageIdEnd)
    return PageDamaged(id, absl::StrCat("page_end is ", s.page_end));
  if (s.key_since > s.next_stamp)
    return PageDamaged(id, absl::StrCat("key_since is ", s.key_since));
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

std::string DescribeSuperblock(const char* page, FileKeys* keys) {
  const absl::StatusOr<Superblock> plain = DecodePlainSuperblock(page, PageIdOf(page));
  if (!plain.ok()) return "";
  const std::string head =
      absl::StrCat("\"format_version\":", DecodeFixed32(page + kFormat),
                   ",\"encrypted\":", plain->key_wrap.empty() ? "false" : "true",
                   ",\"sequence\":", plain->sequence);
  const absl::StatusOr<Superblock> s = DecodeSuperblock(page, PageIdOf(page), keys);
  if (!s.ok()) return head;
  return absl::StrCat(
      head, ",\"version\":", s->version, ",\"next_stamp\":", s->next_stamp,
      ",\"page_end\":", s->page_end, ",\"next_tree_id\":", s->next_tree_id,
      ",\"catalog_root\":", s->catalog_root.id, ",\"map_count\":", s->map.count,
      ",\"log_id\":\"", absl::Hex(s->log_id), "\",\"log_lsn\":", s->log.lsn);
}

}  // namespace sheaf::pager
