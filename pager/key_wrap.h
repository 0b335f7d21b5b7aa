// KeyWrap: the file key, wrapped by the user's key, as the superblock keeps it. In a
// database that is not encrypted all of it is zero.
//
// Key wrap (128 bytes), format version 1. Integers are little-endian.
//
//   offset  size  field
//        0     4  algorithm     1: AES-256-GCM
//        4     4  derivation    how the wrapping key is made of the user's key:
//                               1: HKDF-SHA256 of 32 bytes, info "wrap"; 2: scrypt of a
//                               passphrase
//        8     4  log2_n        of scrypt; zero where it is not used, as the next two
//       12     4  r
//       16     4  p
//       20    12  nonce         random, new with each wrapping
//       32    32  salt          random, new with each wrapping
//       64    32  wrapped_key   the file key, sealed by AES-256-GCM
//       96    16  tag           authenticates it, bytes [0, 64) and the database id
//      112    16  reserved      zero
//
// So whoever changes the algorithm or makes the passphrase cheaper to guess makes the
// wrap one that no key opens.
#ifndef PAGER_KEY_WRAP_H_
#define PAGER_KEY_WRAP_H_
#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/cipher.h"
#include "pager/encryption_key.h"

namespace sheaf::pager {

inline constexpr size_t kKeyWrapBytes = 128;

// Writes kKeyWrapBytes. Requires: `key` is resolved and not none; the cost was checked.
absl::Status WrapFileKey(const SecretKey& file_key, const EncryptionKey& key,
                         const ScryptCost& cost, std::string_view database_id, char* out);

// Requires: kKeyWrapBytes at `in`, which a checksum has verified; `key` is resolved and
// not none. kPermissionDenied: it is another key, or another kind of key. kDataLoss: no
// library would have written this. kUnimplemented: a newer one might have.
absl::StatusOr<SecretKey> UnwrapFileKey(const char* in, const EncryptionKey& key,
                                        std::string_view database_id);

// kPermissionDenied: the database is encrypted and nobody gave a key.
absl::Status KeyNeeded();

}  // namespace sheaf::pager
#endif  // PAGER_KEY_WRAP_H_
