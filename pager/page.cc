#include "pager/page.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "pager/checksum.h"

namespace sheaf::pager {

absl::Status PageDamaged(PageId id, const std::string& what) {
  return absl::DataLossError(absl::StrCat("page ", id, ": ", what));
}

absl::Status BirthDiffers(const char* page, const PageRef& ref) {
  return PageDamaged(ref.id, absl::StrCat("birth is ", BirthOf(page), ", expected ",
                                          ref.birth, ": two references disagree"));
}

void InitPageHeader(char* page, PageKind kind, uint32_t pages, PageId id, Stamp birth) {
  std::memset(page, 0, PageHeader::kSize);
  page[PageHeader::kKind] = static_cast<char>(kind);
  page[PageHeader::kPages] = static_cast<char>(pages);
  EncodeFixed64(page + PageHeader::kPageId, id);
  EncodeFixed64(page + PageHeader::kBirth, birth);
}

void SealPage(char* page, size_t bytes) {
  EncodeFixed32(page, Crc32c(0, page + 4, bytes - 4));
}

absl::Status VerifyPage(const char* page, size_t bytes, const PageRef& ref) {
  const uint32_t stored = DecodeFixed32(page);
  const uint32_t computed = Crc32c(0, page + 4, bytes - 4);
  if (stored != computed)
    return PageDamaged(ref.id, absl::StrCat("checksum is ", absl::Hex(stored),
                                            ", its bytes give ", absl::Hex(computed)));
  return VerifyHeader(page, ref);
}

absl::Status VerifyHeader(const char* page, const PageRef& ref) {
  if (PageIdOf(page) != ref.id)
    return PageDamaged(ref.id, absl::StrCat("page_id is ", PageIdOf(page),
                                            ": the bytes of another page"));
  if (BirthOf(page) != ref.birth)
    return PageDamaged(ref.id, absl::StrCat("birth is ", BirthOf(page), ", expected ",
                                            ref.birth, ": another version of the page"));
  if (PagesOf(page) != ref.pages)
    return PageDamaged(
        ref.id, absl::StrCat("pages is ", PagesOf(page), ", expected ", ref.pages));
  const auto kind = static_cast<uint8_t>(page[PageHeader::kKind]);
  if (kind == 0 || kind >= kPageKindCount)
    return PageDamaged(ref.id, absl::StrCat("kind is ", kind, ", which is unknown"));
  return absl::OkStatus();
}

}  // namespace sheaf::pager
