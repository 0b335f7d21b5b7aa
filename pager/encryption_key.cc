#include "pager/encryption_key.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "pager/assert.h"
#include "pager/cipher.h"
#include "pager/status_macros.h"

namespace sheaf {

struct EncryptionKey::Secret {
  explicit Secret(std::string_view secret) : bytes(secret) {}
  ~Secret() { pager::Wipe(absl::MakeSpan(bytes)); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  std::string bytes;
};

EncryptionKey EncryptionKey::Of(std::string_view secret, bool passphrase) {
  EncryptionKey key;
  key.secret_ = std::make_shared<const Secret>(secret);
  key.passphrase_ = passphrase;
  return key;
}

absl::StatusOr<EncryptionKey> EncryptionKey::Raw(std::string_view bytes) {
  if (bytes.size() == kRawBytes) return Of(bytes, false);
  return absl::InvalidArgumentError(
      absl::StrCat("key: has ", bytes.size(), " bytes; ", kRawBytes, " are needed"));
}

absl::StatusOr<EncryptionKey> EncryptionKey::Passphrase(std::string_view text) {
  if (!text.empty() && text.size() <= kPassphraseBytesMax) return Of(text, true);
  return absl::InvalidArgumentError(absl::StrCat("passphrase: has ", text.size(),
                                                 " bytes; 1 to ", kPassphraseBytesMax,
                                                 " are allowed"));
}

absl::StatusOr<EncryptionKey> EncryptionKey::FromFile(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr)
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": open the key file"));
  absl::Cleanup close = [file] { std::fclose(file); };
  std::setvbuf(file, nullptr, _IONBF, 0);  // no copy of it stays behind
  char bytes[2 * kRawBytes + 3];
  absl::Cleanup wipe = [&] { pager::Wipe(absl::MakeSpan(bytes)); };
  const size_t size = std::fread(bytes, 1, sizeof(bytes), file);
  if (std::ferror(file) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": read the key file"));
  if (size == kRawBytes) return Raw({bytes, size});
  absl::string_view text(bytes, size);
  text = absl::StripTrailingAsciiWhitespace(text);
  bool hex = text.size() == 2 * kRawBytes;
  for (const char c : text) hex = hex && absl::ascii_isxdigit(static_cast<uint8_t>(c));
  if (!hex)
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": is no key file: it must have 32 bytes, or 64 hexadecimal digits"));
  std::string raw = absl::HexStringToBytes(text);
  absl::Cleanup wipe_raw = [&] { pager::Wipe(absl::MakeSpan(raw)); };
  return Raw(raw);
}

EncryptionKey EncryptionKey::FromCallback(Source source) {
  EncryptionKey key;
  key.source_ = std::move(source);
  return key;
}

absl::StatusOr<EncryptionKey> EncryptionKey::Resolved() const {
  if (source_ == nullptr) return *this;
  SHEAF_ASSIGN_OR_RETURN(EncryptionKey key, source_());
  if (key.source_ != nullptr)
    return absl::InvalidArgumentError("key: its callback returned another callback");
  if (key.is_none())  // perhaps a mistake: it shall not make a plain database of a secret
    return absl::InvalidArgumentError("key: its callback returned none");
  return key;
}

std::string_view EncryptionKey::secret() const {
  SHEAF_ASSERT(secret_ != nullptr);
  return secret_->bytes;
}

}  // namespace sheaf
