#include "pager/cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

std::atomic<Cipher::Observer> g_observer{nullptr};

absl::Status CryptoFailed(const char* what) {
  return absl::InternalError(absl::StrCat("cryptography: ", what, " failed"));
}

const EVP_CIPHER* Aes256Gcm() {
  static const EVP_CIPHER* const cipher =
      EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

const unsigned char* Bytes(const char* p) {
  return reinterpret_cast<const unsigned char*>(p);
}
unsigned char* Bytes(char* p) { return reinterpret_cast<unsigned char*>(p); }

OSSL_PARAM OctetParam(const char* name, std::string_view bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()),
                                           bytes.size());
}

// Runs one of OpenSSL's key derivation functions.
absl::StatusOr<SecretKey> RunKdf(const char* name, const OSSL_PARAM* params) {
  EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, name, nullptr);
  if (kdf == nullptr) return CryptoFailed(name);
  EVP_KDF_CTX* const context = EVP_KDF_CTX_new(kdf);
  EVP_KDF_free(kdf);
  if (context == nullptr) return CryptoFailed(name);
  SecretKey key;
  const int derived =
      EVP_KDF_derive(context, Bytes(key.mutable_bytes().data()), kKeyBytes, params);
  EVP_KDF_CTX_free(context);
  if (derived <= 0) return CryptoFailed(name);
  return key;
}

}  // namespace

SecretKey::SecretKey(std::string_view bytes) {
  SHEAF_ASSERT(bytes.size() == kKeyBytes);
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

SecretKey::~SecretKey() { Wipe(mutable_bytes()); }

void Wipe(absl::Span<char> secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

std::array<char, 32> Sha256(std::string_view bytes) {
  std::array<char, 32> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

// OpenSSL fails in these only where memory does.
Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  SHEAF_ASSERT(context_ != nullptr &&
               EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256Stream::Update(std::string_view bytes) {
  SHEAF_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::array<char, 32> Sha256Stream::Finish() {
  std::array<char, 32> digest;
  SHEAF_ASSERT(EVP_DigestFinal_ex(context_.get(),
                                  reinterpret_cast<unsigned char*>(digest.data()),
                                  nullptr) == 1);
  return digest;
}

void Sha256Stream::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

absl::Status FillRandom(absl::Span<char> out) {
  SHEAF_ASSERT(out.size() <= std::numeric_limits<int>::max());
  if (RAND_bytes(Bytes(out.data()), static_cast<int>(out.size())) == 1)
    return absl::OkStatus();
  return absl::InternalError(
      "the system gives no random bytes: nothing can be encrypted");
}

absl::StatusOr<SecretKey> RandomKey() {
  SecretKey key;
  SHEAF_RETURN_IF_ERROR(FillRandom(key.mutable_bytes()));
  return key;
}

absl::StatusOr<SecretKey> DeriveKey(std::string_view from, std::string_view salt,
                                    std::string_view info) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OctetParam(OSSL_KDF_PARAM_KEY, from), OctetParam(OSSL_KDF_PARAM_SALT, salt),
      OctetParam(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  return RunKdf("HKDF", params);
}

absl::Status CheckScryptCost(const ScryptCost& cost) {
  constexpr uint64_t kMemoryMax = uint64_t{1} << 30;
  constexpr uint64_t kWorkMax = uint64_t{1} << 28;
  const auto wrong = [](const char* field, uint64_t value, const char* allowed) {
    return absl::InvalidArgumentError(
        absl::StrCat("scrypt: ", field, " is ", value, "; ", allowed, " is allowed"));
  };
  if (cost.log2_n < 1 || cost.log2_n > 24) return wrong("log2_n", cost.log2_n, "1 to 24");
  if (cost.r < 1 || cost.r > 32) return wrong("r", cost.r, "1 to 32");
  if (cost.p < 1 || cost.p > 16) return wrong("p", cost.p, "1 to 16");
  if (cost.log2_n >= 16 * cost.r) return wrong("log2_n", cost.log2_n, "less than 16 * r");
  const uint64_t blocks = (uint64_t{1} << cost.log2_n) * cost.r;
  if (blocks * 128 > kMemoryMax)
    return wrong("memory", blocks * 128, "up to 1 GiB (2^log2_n * r * 128)");
  if (blocks * cost.p > kWorkMax)
    return wrong("work", blocks * cost.p, "up to 2^28 (2^log2_n * r * p)");
  return absl::OkStatus();
}

absl::StatusOr<SecretKey> DeriveFromPassphrase(std::string_view passphrase,
                                               std::string_view salt,
                                               const ScryptCost& cost) {
  uint64_t n = uint64_t{1} << cost.log2_n;
  uint32_t r = cost.r, p = cost.p;
  uint64_t memory = (n * r + uint64_t{r} * p) * 128 + (uint64_t{1} << 20);
  const OSSL_PARAM params[] = {
      OctetParam(OSSL_KDF_PARAM_PASSWORD, passphrase),
      OctetParam(OSSL_KDF_PARAM_SALT, salt),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
      OSSL_PARAM_construct_end()};
  return RunKdf("SCRYPT", params);
}

namespace {

// Takes everything in, in the direction that the context has; the tag remains.
bool Run(EVP_CIPHER_CTX* context, const char* nonce, const OSSL_PARAM* params,
         std::string_view authenticated, absl::Span<char> data) {
  constexpr int kAsItIs = -1;
  int size = 0;
  return EVP_CipherInit_ex2(context, nullptr, nullptr, Bytes(nonce), kAsItIs, params) ==
             1 &&
         EVP_CipherUpdate(context, nullptr, &size, Bytes(authenticated.data()),
                          static_cast<int>(authenticated.size())) == 1 &&
         EVP_CipherUpdate(context, Bytes(data.data()), &size, Bytes(data.data()),
                          static_cast<int>(data.size())) == 1;
}

bool Finish(EVP_CIPHER_CTX* context) {
  unsigned char nothing[kTagBytes];  // of a stream cipher no bytes are left
  int size = 0;
  return EVP_CipherFinal_ex(context, nothing, &size) == 1;
}

}  // namespace

// --- Cipher -----------------------------------------------------------------

Cipher::Cipher(const SecretKey& key) : key_(key) {}

Cipher::~Cipher() {
  SpinLock lock(&mu_);
  for (const auto& contexts : free_)
    for (Context* context : contexts) EVP_CIPHER_CTX_free(context);
}

absl::StatusOr<Cipher::Context*> Cipher::Take(Direction direction) {
  {
    SpinLock lock(&mu_);
    std::vector<Context*>& free = free_[static_cast<size_t>(direction)];
    if (!free.empty()) {
      Context* const context = free.back();
      free.pop_back();
      return context;
    }
  }
  Context* const context = EVP_CIPHER_CTX_new();
  const bool made =
      context != nullptr && Aes256Gcm() != nullptr &&
      EVP_CipherInit_ex2(context, Aes256Gcm(), Bytes(key_.bytes().data()), nullptr,
                         direction == Direction::kSeal ? 1 : 0, nullptr) == 1;
  if (made) return context;
  EVP_CIPHER_CTX_free(context);
  return CryptoFailed("AES-256-GCM");
}

void Cipher::GiveBack(Direction direction, Context* context) {
  SpinLock lock(&mu_);
  free_[static_cast<size_t>(direction)].push_back(context);
}

absl::Status Cipher::Seal(const char* nonce, std::string_view authenticated,
                          absl::Span<char> data, char* tag) {
  SHEAF_ASSERT(data.size() <= std::numeric_limits<int>::max());
  if (const Observer observer = g_observer.load(std::memory_order_acquire)) {
    SHEAF_ASSIGN_OR_RETURN(const SecretKey name, DeriveKey(key_.bytes(), "", "name"));
    observer(name.bytes(), {nonce, kNonceBytes});
  }
  SHEAF_ASSIGN_OR_RETURN(Context* const context, Take(Direction::kSeal));
  absl::Cleanup give_back = [&] { GiveBack(Direction::kSeal, context); };
  const bool sealed =
      Run(context, nonce, nullptr, authenticated, data) && Finish(context) &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1;
  return sealed ? absl::OkStatus() : CryptoFailed("encryption");
}

absl::Status Cipher::Open(const char* nonce, std::string_view authenticated,
                          absl::Span<char> data, const char* tag) {
  SHEAF_ASSERT(data.size() <= std::numeric_limits<int>::max());
  SHEAF_ASSIGN_OR_RETURN(Context* const context, Take(Direction::kOpen));
  absl::Cleanup give_back = [&] { GiveBack(Direction::kOpen, context); };
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                        const_cast<char*>(tag), kTagBytes),
      OSSL_PARAM_construct_end()};
  const bool run = Run(context, nonce, params, authenticated, data);
  if (run && Finish(context)) return absl::OkStatus();
  // Nobody may act on bytes that were not authentic.
  if (!data.empty()) std::memset(data.data(), 0, data.size());
  return run ? absl::DataLossError("its authentication tag does not fit its bytes")
             : CryptoFailed("decryption");
}

void Cipher::set_observer(Observer observer) { g_observer = observer; }

}  // namespace sheaf::pager
