#include "pager/key_wrap.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

constexpr size_t kAlgorithm = 0, kDerivation = 4, kLog2N = 8, kR = 12, kP = 16,
                 kNonce = 20, kSalt = 32, kWrappedKey = 64, kTag = 96, kReserved = 112;
constexpr size_t kSaltBytes = kWrappedKey - kSalt;
static_assert(kReserved + 16 == kKeyWrapBytes);

constexpr uint32_t kAes256Gcm = 1, kRaw = 1, kScrypt = 2;

// What the tag covers besides the key.
std::string WrapAuthenticated(const char* wrap, std::string_view database_id) {
  return absl::StrCat(absl::string_view(wrap, kWrappedKey),
                      absl::string_view(database_id.data(), database_id.size()));
}

absl::StatusOr<SecretKey> WrappingKey(const char* wrap, const EncryptionKey& key,
                                      const ScryptCost& cost) {
  const std::string_view salt(wrap + kSalt, kSaltBytes);
  return key.is_passphrase() ? DeriveFromPassphrase(key.secret(), salt, cost)
                             : DeriveKey(key.secret(), salt, "wrap");
}

}  // namespace

absl::Status KeyNeeded() {
  return absl::PermissionDeniedError("it is encrypted: its key or passphrase is needed");
}

absl::Status WrapFileKey(const SecretKey& file_key, const EncryptionKey& key,
                         const ScryptCost& cost, std::string_view database_id,
                         char* out) {
  std::memset(out, 0, kKeyWrapBytes);
  EncodeFixed32(out + kAlgorithm, kAes256Gcm);
  EncodeFixed32(out + kDerivation, key.is_passphrase() ? kScrypt : kRaw);
  if (key.is_passphrase()) {
    SHEAF_ASSERT(CheckScryptCost(cost).ok());
    EncodeFixed32(out + kLog2N, cost.log2_n);
    EncodeFixed32(out + kR, cost.r);
    EncodeFixed32(out + kP, cost.p);
  }
  SHEAF_RETURN_IF_ERROR(FillRandom(absl::MakeSpan(out + kNonce, kNonceBytes)));
  SHEAF_RETURN_IF_ERROR(FillRandom(absl::MakeSpan(out + kSalt, kSaltBytes)));
  SHEAF_ASSIGN_OR_RETURN(const SecretKey wrapping, WrappingKey(out, key, cost));
  std::memcpy(out + kWrappedKey, file_key.bytes().data(), kKeyBytes);
  const absl::Status sealed =
      Cipher(wrapping).Seal(out + kNonce, WrapAuthenticated(out, database_id),
                            absl::MakeSpan(out + kWrappedKey, kKeyBytes), out + kTag);
  if (!sealed.ok()) Wipe(absl::MakeSpan(out, kKeyWrapBytes));
  return sealed;
}

absl::StatusOr<SecretKey> UnwrapFileKey(const char* in, const EncryptionKey& key,
                                        std::string_view database_id) {
  const uint32_t algorithm = DecodeFixed32(in + kAlgorithm);
  if (algorithm != kAes256Gcm)
    return absl::UnimplementedError(absl::StrCat(
        "key wrap: algorithm ", algorithm, " is unknown: written by a newer version?"));
  const uint32_t derivation = DecodeFixed32(in + kDerivation);
  if (derivation != kRaw && derivation != kScrypt)
    return absl::UnimplementedError(absl::StrCat(
        "key wrap: derivation ", derivation, " is unknown: written by a newer version?"));
  const ScryptCost cost{DecodeFixed32(in + kLog2N), DecodeFixed32(in + kR),
                        DecodeFixed32(in + kP)};
  if (derivation == kScrypt) {
    if (const absl::Status status = CheckScryptCost(cost); !status.ok())
      return absl::DataLossError(absl::StrCat("key wrap: ", status.message()));
  } else if (cost.log2_n != 0 || cost.r != 0 || cost.p != 0) {
    return absl::DataLossError("key wrap: has costs of scrypt, which it does not use");
  }
  if (std::any_of(in + kReserved, in + kKeyWrapBytes, [](char c) { return c != 0; }))
    return absl::DataLossError("key wrap: its reserved bytes are not zero");
  if (key.is_passphrase() != (derivation == kScrypt))
    return absl::PermissionDeniedError(
        derivation == kScrypt ? "it is opened by a passphrase, not by a key of 32 bytes"
                              : "it is opened by a key of 32 bytes, not by a passphrase");
  SHEAF_ASSIGN_OR_RETURN(const SecretKey wrapping, WrappingKey(in, key, cost));
  SecretKey file_key(std::string_view(in + kWrappedKey, kKeyBytes));
  const absl::Status opened =
      Cipher(wrapping).Open(in + kNonce, WrapAuthenticated(in, database_id),
                            file_key.mutable_bytes(), in + kTag);
  if (absl::IsDataLoss(opened))
    return absl::PermissionDeniedError(key.is_passphrase() ? "the passphrase is wrong"
                                                           : "the key is wrong");
  SHEAF_RETURN_IF_ERROR(opened);
  return file_key;
}

}  // namespace sheaf::pager
