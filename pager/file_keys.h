// FileKeys: the keys of one encrypted database, all made of its file key (cipher.h).
//
// Thread-safe.
#ifndef PAGER_FILE_KEYS_H_
#define PAGER_FILE_KEYS_H_
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/cipher.h"
#include "pager/mutex.h"
#include "pager/page.h"

namespace sheaf::pager {

class FileKeys {
 public:
  FileKeys(const SecretKey& file_key, std::string_view database_id)
      : file_key_(file_key), database_id_(database_id) {}

  absl::StatusOr<std::shared_ptr<Cipher>> ForSuperblocks();
  absl::StatusOr<std::shared_ptr<Cipher>> ForPages(Stamp birth);
  absl::StatusOr<std::shared_ptr<Cipher>> ForLogSegment(std::string_view salt);

  // Random; writes kNonceBytes.
  absl::Status NextNonce(char* out) ABSL_LOCKS_EXCLUDED(mu_);

  const SecretKey& file_key() const { return file_key_; }

 private:
  absl::StatusOr<std::shared_ptr<Cipher>> Make(std::string_view info) const;

  const SecretKey file_key_;
  const std::string database_id_;
  Mutex mu_;
  std::shared_ptr<Cipher> superblocks_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint64_t, std::shared_ptr<Cipher>> epochs_ ABSL_GUARDED_BY(mu_);
  // Random bytes fetched together: asking for a few costs as much as for many.
  std::array<char, 1020> nonces_ ABSL_GUARDED_BY(mu_);
  size_t nonces_left_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sheaf::pager
#endif  // PAGER_FILE_KEYS_H_
