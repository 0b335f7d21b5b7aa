// EncryptionKey: what opens an encrypted database. 32 bytes, or a passphrase that
// scrypt makes them of. Installed as <sheaf/encryption_key.h>.
//
// Copies share the secret; it is wiped when the last one goes. Thread-compatible.
#ifndef SHEAF_ENCRYPTION_KEY_H_
#define SHEAF_ENCRYPTION_KEY_H_
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sheaf {

class EncryptionKey {
 public:
  static constexpr size_t kRawBytes = 32, kPassphraseBytesMax = 1024;

  EncryptionKey() = default;  // none: the database is not encrypted
  // kInvalidArgument unless there are 32 bytes. They should be random.
  static absl::StatusOr<EncryptionKey> Raw(std::string_view bytes);
  // kInvalidArgument unless it has 1 to 1,024 bytes.
  static absl::StatusOr<EncryptionKey> Passphrase(std::string_view text);
  // Of a file with 32 bytes, or 64 hexadecimal digits and perhaps a line break.
  static absl::StatusOr<EncryptionKey> FromFile(const std::string& path);
  // Asked each time the key is needed: once for each opening of a database that is
  // encrypted or about to be made. An error ends the opening.
  using Source = std::function<absl::StatusOr<EncryptionKey>()>;
  static EncryptionKey FromCallback(Source source);

  bool is_none() const { return secret_ == nullptr && source_ == nullptr; }
  bool is_passphrase() const { return secret_ != nullptr && passphrase_; }
  // Asks the callback if it is one. What it returns is not a callback any more.
  absl::StatusOr<EncryptionKey> Resolved() const;
  // The 32 bytes, or the passphrase. Requires: it is not a callback, nor none.
  std::string_view secret() const;

 private:
  struct Secret;  // wiped by its destructor
  static EncryptionKey Of(std::string_view secret, bool passphrase);

  std::shared_ptr<const Secret> secret_;
  bool passphrase_ = false;
  Source source_;
};

}  // namespace sheaf
#endif  // SHEAF_ENCRYPTION_KEY_H_
