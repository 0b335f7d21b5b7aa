#include "pager/file_keys.h"

#include <cstring>

#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

constexpr int kEpochShift = 20;
// A database that lived through more epochs derives keys again.
constexpr size_t kEpochsMax = 1024;

}  // namespace

absl::StatusOr<std::shared_ptr<Cipher>> FileKeys::Make(const SecretKey& file_key,
                                                       std::string_view info) const {
  SHEAF_ASSIGN_OR_RETURN(const SecretKey key, DeriveKey(file_key.bytes(), salt_, info));
  return std::make_shared<Cipher>(key);
}

void FileKeys::AddPrevious(const SecretKey& previous, Stamp since) {
  MutexLock lock(&mu_);
  generations_.back().since = since;
  generations_.insert(generations_.end() - 1, {previous, 0});
  epochs_.clear();
}

void FileKeys::Rotate(const SecretKey& next, Stamp since) {
  MutexLock lock(&mu_);
  generations_.push_back({next, since});
  superblocks_ = nullptr;
}

SecretKey FileKeys::file_key() const {
  MutexLock lock(&mu_);
  return generations_.back().file_key;
}

absl::StatusOr<std::shared_ptr<Cipher>> FileKeys::ForSuperblocks() {
  MutexLock lock(&mu_);
  if (superblocks_ == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(superblocks_,
                           Make(generations_.back().file_key, "superblock"));
  }
  return superblocks_;
}

absl::StatusOr<std::shared_ptr<Cipher>> FileKeys::ForPages(Stamp birth) {
  const uint64_t epoch = birth >> kEpochShift;
  MutexLock lock(&mu_);
  size_t generation = generations_.size() - 1;
  while (birth < generations_[generation].since) --generation;  // the first begins at 0
  const auto slot = std::pair(generation, epoch);
  if (const auto it = epochs_.find(slot); it != epochs_.end()) return it->second;
  std::string info = "pages";
  info.resize(info.size() + 8);
  EncodeFixed64(info.data() + info.size() - 8, epoch);
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<Cipher> cipher,
                         Make(generations_[generation].file_key, info));
  if (epochs_.size() >= kEpochsMax) epochs_.clear();
  epochs_[slot] = cipher;
  return cipher;
}

absl::StatusOr<std::shared_ptr<Cipher>> FileKeys::ForLogSegment(std::string_view salt) {
  MutexLock lock(&mu_);
  return Make(generations_.back().file_key, "log" + std::string(salt));
}

absl::Status FileKeys::NextNonce(char* out) {
  MutexLock lock(&mu_);
  if (nonces_left_ == 0) {
    SHEAF_RETURN_IF_ERROR(FillRandom(absl::MakeSpan(nonces_)));
    nonces_left_ = nonces_.size() / kNonceBytes;
  }
  std::memcpy(out, nonces_.data() + --nonces_left_ * kNonceBytes, kNonceBytes);
  return absl::OkStatus();
}

}  // namespace sheaf::pager
