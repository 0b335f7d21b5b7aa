// Cipher: the one door to OpenSSL. AES-256-GCM (NIST SP 800-38D), HKDF-SHA256
// (RFC 5869), scrypt (RFC 7914), SHA-256 (FIPS 180-4), random bytes.
//
// A nonce may be used once under one key. Nonces of pages and superblocks are random;
// so that a key sees fewer than 2^32 of them, every 2^20 stamps (transactions) have a key
// of their own: enough unless they write more than 16 MiB each on the average. Frames of
// the log are numbered, under a key of their segment.
//
//   the user's key     32 bytes, or what scrypt makes of a passphrase
//     wraps            the file key (key_wrap.h): random, made with the file
//       HKDF-SHA256, salt: the database id and the superblock's key_salt, info:
//         "superblock"                          the key of superblocks
//         "pages" and birth / 2^20 (8 bytes)    of pages
//         "log" and the segment's salt          of the frames in a log segment
//
// Thread-safe. A cipher keeps a few contexts of the processor's key schedule; sealing or
// opening 4 KiB takes about a microsecond.
#ifndef PAGER_CIPHER_H_
#define PAGER_CIPHER_H_
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pager/mutex.h"

struct evp_cipher_ctx_st;  // OpenSSL's EVP_CIPHER_CTX
struct evp_md_ctx_st;      // OpenSSL's EVP_MD_CTX

namespace sheaf::pager {

inline constexpr size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;

// 32 bytes of key. Wiped when it goes.
class SecretKey {
 public:
  SecretKey() = default;
  // Requires: 32 bytes.
  explicit SecretKey(std::string_view bytes);
  ~SecretKey();
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;

  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }
  absl::Span<char> mutable_bytes() { return absl::MakeSpan(bytes_); }

 private:
  std::array<char, kKeyBytes> bytes_{};
};

// Overwrites a secret that is not needed any more.
void Wipe(absl::Span<char> secret);

std::array<char, 32> Sha256(std::string_view bytes);
// The same of bytes that come in parts. Requires: nothing after Finish.
class Sha256Stream {
 public:
  Sha256Stream();
  void Update(std::string_view bytes);
  std::array<char, 32> Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// kInternal when the system has no randomness to give: then nothing may be sealed.
absl::Status FillRandom(absl::Span<char> out);
absl::StatusOr<SecretKey> RandomKey();

absl::StatusOr<SecretKey> DeriveKey(std::string_view from, std::string_view salt,
                                    std::string_view info);

struct ScryptCost {
  uint32_t log2_n = 15;  // 2^15 * r * 128 bytes of memory: 32 MiB, some 0.1 s
  uint32_t r = 8;
  uint32_t p = 1;
};
// kInvalidArgument names the field: log2_n 1 to 24 and below 16 * r, r 1 to 32, p 1 to
// 16, at most 1 GiB of memory and 2^28 blocks of work. A hostile file may ask for no more.
absl::Status CheckScryptCost(const ScryptCost& cost);
// Requires: the cost was checked.
absl::StatusOr<SecretKey> DeriveFromPassphrase(std::string_view passphrase,
                                               std::string_view salt,
                                               const ScryptCost& cost);

// AES-256-GCM under one key.
class Cipher {
 public:
  explicit Cipher(const SecretKey& key);
  ~Cipher();
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  // Encrypts `data` in place. `nonce`: kNonceBytes, never used before under this key.
  // `tag`: kTagBytes. `authenticated` is not changed, but must be the same to open it.
  absl::Status Seal(const char* nonce, std::string_view authenticated,
                    absl::Span<char> data, char* tag);
  // Decrypts in place. kDataLoss when one bit of anything is another; `data` is then
  // zeros.
  absl::Status Open(const char* nonce, std::string_view authenticated,
                    absl::Span<char> data, const char* tag);

  // For tests: called with each (key, nonce) that is used to seal; `key` stands for the
  // key without telling it. Not thread-safe; null again before anything else goes.
  using Observer = void (*)(std::string_view key, std::string_view nonce);
  static void set_observer(Observer observer);

 private:
  enum class Direction { kSeal, kOpen };
  using Context = evp_cipher_ctx_st;
  absl::StatusOr<Context*> Take(Direction direction) ABSL_LOCKS_EXCLUDED(mu_);
  void GiveBack(Direction direction, Context* context) ABSL_LOCKS_EXCLUDED(mu_);

  const SecretKey key_;
  SpinMutex mu_;
  std::vector<Context*> free_[2] ABSL_GUARDED_BY(mu_);
};

}  // namespace sheaf::pager
#endif  // PAGER_CIPHER_H_
