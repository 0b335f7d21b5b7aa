#include "pager/page_codec.h"

#include <string>
#include <string_view>

#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

// Kind, pages, level, flags, page id and birth.
std::string_view PageAuthenticated(const char* page) {
  return {page + PageHeader::kKind, PageHeader::kNonce - PageHeader::kKind};
}

absl::Span<char> Secret(char* page, size_t bytes) {
  return absl::MakeSpan(page + PageHeader::kKindFields, bytes - PageHeader::kKindFields);
}

}  // namespace

const PageCodec& PlainCodec() {
  static const PageCodec* const codec = new PageCodec;
  return *codec;
}

absl::Status PageCodec::Seal(char* page, size_t bytes) const {
  if (keys_ != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Cipher> cipher,
                           keys_->ForPages(BirthOf(page)));
    SHEAF_RETURN_IF_ERROR(keys_->NextNonce(page + PageHeader::kNonce));
    SHEAF_RETURN_IF_ERROR(cipher->Seal(page + PageHeader::kNonce, PageAuthenticated(page),
                                       Secret(page, bytes), page + PageHeader::kTag));
  }
  SealPage(page, bytes);
  return absl::OkStatus();
}

absl::Status PageCodec::Open(char* page, size_t bytes, const PageRef& ref,
                             Checksum checksum) const {
  SHEAF_RETURN_IF_ERROR(checksum == Checksum::kVerify ? VerifyPage(page, bytes, ref)
                                                      : VerifyHeader(page, ref));
  if (keys_ == nullptr) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Cipher> cipher,
                         keys_->ForPages(BirthOf(page)));
  const absl::Status opened =
      cipher->Open(page + PageHeader::kNonce, PageAuthenticated(page),
                   Secret(page, bytes), page + PageHeader::kTag);
  return absl::IsDataLoss(opened) ? PageDamaged(ref.id, std::string(opened.message()))
                                  : opened;
}

}  // namespace sheaf::pager
